//! Presence goes between users of whom one watches the other: before a presence stanza or a NOTIFY
//! is played, that is brought about.

use bytes::Bytes;

use super::input::Whole;
use super::outcome::Side;
use super::stage::Harness;
use crate::codec::sip::{self, HeaderName, HeaderValue, Method, NameAddr, Request, Uri};
use crate::codec::xml::Limits;
use crate::codec::xmpp::jid::domain_to_ascii;
use crate::codec::xmpp::{self, Jid, Presence, PresenceKind, Stanza, StreamContext};
use crate::flow::LinkId;
use crate::route;

/// Makes the pair that the input needs: whether there is one.
pub(super) fn begin(stage: &mut Harness) -> bool {
    let made = match stage.whole.clone() {
        Whole::Stanza { octets, .. } => {
            let context = StreamContext::component(Limits::default());
            match xmpp::parse(&context, octets) {
                Ok(Stanza::Presence(presence)) => sip_user_watches(stage, &presence),
                _ => None,
            }
        }
        Whole::Sip { octets, from, to } => match sip::parse(octets) {
            Ok(sip::Message::Request(request)) if request.method == Method::Notify => {
                let octets = xmpp_user_watches(stage, request);
                octets.map(|octets| stage.whole = Whole::Sip { octets, from, to })
            }
            _ => None,
        },
    };
    made.is_some()
}

fn quoted(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('\'', "&apos;")
}

fn said(stage: &mut Harness, from: &str, to: &Jid, attributes: &str) {
    let named = |component: &crate::config::Component| component.name == to.domain();
    let link = stage.config.components.iter().position(named).unwrap_or(0);
    let (from, to) = (quoted(from), quoted(to.as_str()));
    let text = format!("<presence from='{from}' to='{to}' {attributes}/>");
    stage.feed(stage.stanza(LinkId(link), text.into()));
}

/// The SIP user asks to see the XMPP user, and is let.
fn sip_user_watches(stage: &mut Harness, presence: &Presence) -> Option<()> {
    let leaves = match presence.kind {
        PresenceKind::Available => false,
        PresenceKind::Unavailable => true,
        _ => return None,
    };
    let (user, contact) = (presence.from.as_ref()?, presence.to.as_ref()?.bare());
    let uri = |jid: &Jid| {
        let pair = stage.config.domains.of_jid(jid.domain())?;
        route::uri_of(&stage.rules.addresses, pair, &jid.bare())
    };
    let (from, to) = (uri(&contact)?, uri(user)?);
    let subscribe = format!(
        "SUBSCRIBE {to} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bKwatch\r\n\
         Max-Forwards: 70\r\nFrom: <{from}>;tag=watch\r\nTo: <{to}>\r\nCall-ID: watch\r\n\
         CSeq: 1 SUBSCRIBE\r\nContact: <sip:watcher@127.0.0.13:5060>\r\nEvent: presence\r\n\
         Accept: application/pidf+xml, message/cpim, multipart/signed, application/pkcs7-mime\r\n\
         Expires: 3600\r\nContent-Length: 0\r\n\r\n",
        from = from.as_str(),
        to = to.as_str(),
    );
    stage.feed(stage.datagram(subscribe.into()));
    stage.settle();
    said(stage, user.bare().as_str(), &contact, "type='subscribed'");
    stage.settle();
    if leaves {
        said(stage, user.as_str(), &contact, "");
        stage.settle();
    }
    stage.wait();
    Some(())
}

/// The XMPP user asks to see the SIP user, whose user agent grants it: the NOTIFY as it is in that
/// dialog.
fn xmpp_user_watches(stage: &mut Harness, mut request: Request) -> Option<Bytes> {
    let (contact, user) = (jid(stage, request.from.uri())?, jid(stage, request.to.uri())?);
    said(stage, user.as_str(), &contact, "type='subscribe' id='watch'");
    let of_sip = |(side, octets): &(Side, Bytes)| match (side, sip::parse(octets.clone())) {
        (Side::Sip, Ok(sip::Message::Request(request))) => Some(request),
        _ => None,
    };
    let mut requests = stage.sent.iter().filter_map(of_sip);
    let subscribe = requests.find(|request| request.method == Method::Subscribe)?;
    stage.settle();
    request.to = subscribe.from.clone();
    request.call_id = subscribe.call_id.clone();
    let usual = [
        (HeaderName::Event, "presence"),
        (HeaderName::SubscriptionState, "active;expires=3600"),
        (HeaderName::Contact, "<sip:watched@127.0.0.13:5060>"),
    ];
    for (name, value) in usual {
        if !request.headers.contains(&name) {
            request.headers.push(name, HeaderValue::text(value));
        }
    }
    let granted = format!(
        "NOTIFY {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bKgranted\r\n\
         Max-Forwards: 70\r\nFrom: <{from}>;tag={tag}\r\nTo: <{to}>;tag={ours}\r\n\
         Call-ID: {call}\r\nCSeq: 1 NOTIFY\r\nContact: <sip:watched@127.0.0.13:5060>\r\n\
         Event: presence\r\nSubscription-State: active;expires=3600\r\nContent-Length: 0\r\n\r\n",
        uri = request.uri.as_str(),
        from = request.from.uri().as_str(),
        tag = request.from.tag()?,
        to = request.to.uri().as_str(),
        ours = subscribe.from.tag()?,
        call = subscribe.call_id.as_str(),
    );
    stage.feed(stage.datagram(granted.into()));
    stage.settle();
    request.cseq.number = request.cseq.number.max(1) + 1;
    Some(request.to_bytes())
}

/// The bare JID of a SIP address, by the settings of the harness.
fn jid(stage: &Harness, uri: &Uri) -> Option<Jid> {
    let (domains, rules) = (&stage.config.domains, &stage.rules.addresses);
    let pair = match route::paired_domain(rules, uri) {
        Some(domain) => domains.of_jid(&domain),
        None => {
            let host = domain_to_ascii(uri.host_str()).ok()?;
            domains.pairs().iter().find(|pair| pair.sip == *host)
        }
    };
    route::jid_of(rules, pair?, &NameAddr::new(uri.clone())).ok().map(|jid| jid.bare())
}
