//! Whether a request from SIP may pass: the checks of RFC 3261 §8.2 in their order, and who may use
//! the gateway.

use super::View;
use super::address::{Device, domain, paired_jid, to_jid};
use super::sip::ALLOW;
use crate::codec::mime::MediaType;
use crate::codec::sip::{HeaderName, Method, NameAddr, Request, Scheme, Uri, Via};
use crate::codec::xmpp::Jid;
use crate::config::{DomainPair, Side};
use crate::flow::{Cause, Counter, Fault, Flow, LinkId, LocalResponse, Routed};
use crate::rules::Direction;
use crate::state::ids::Purpose;

/// Whether the domains that a request names are served, and by which link.
pub(super) struct Parties<'a> {
    pub(super) link: LinkId,
    pub(super) from: &'a DomainPair,
    pub(super) to: &'a DomainPair,
    to_address: NameAddr,
}

/// A request that may pass.
pub(super) struct Accepted<'a> {
    pub(super) parties: Parties<'a>,
    pub(super) from: Jid,
    pub(super) to: Jid,
    pub(super) merge_key: u64,
}

/// The checks of RFC 3261 §8.2 in their order, and who may use the gateway.
pub(super) fn accept<'a>(
    view: View<'a>,
    flow: &Flow,
    request: &Request,
    key: u64,
) -> Result<Accepted<'a>, LocalResponse> {
    trusted(view, flow)?;
    secured(view, request)?;
    method(&request.method)?;
    outside_dialog(request)?;
    schemes(view, request)?;
    loops(view, request)?;
    let parties = parties(view, request)?;
    extensions(request)?;
    let merge_key = merge(view, request, key)?;
    let from = to_jid(&view.rules.addresses, parties.from, &request.from, Device::ByRule, None);
    let from = from.map_err(|error| {
        let why = format!("From has no XMPP address: {error}");
        LocalResponse::new(Cause::SenderAddress).warning(&why)
    })?;
    let to = addressee(view, &parties)?;
    Ok(Accepted { parties, from, to, merge_key })
}

/// The addressee: with the device only if it was seen lately, since a server may silently drop
/// what goes to a full JID that does not match (RFC 6121 §8.5.3.2.1).
fn addressee(view: View<'_>, parties: &Parties<'_>) -> Result<Jid, LocalResponse> {
    let rules = &view.rules.addresses;
    let spelling = view.state.xmpp_spelling(parties.to_address.uri());
    let full = to_jid(rules, parties.to, &parties.to_address, Device::ByRule, spelling);
    let full = full.map_err(|error| {
        LocalResponse::new(Cause::NoXmppForm).warning(&format!("no XMPP address: {error}"))
    })?;
    Ok(if view.state.knows_device(&full) { full } else { full.bare() })
}

/// Whether nobody can say yet if an address is a peer's, since a peer's name is being looked up for
/// the first time. A datagram comes again; a stream does not, and gets an answer: the inner `None`.
pub(super) fn unknown_yet(view: View<'_>, flow: &Flow) -> Option<Option<Routed>> {
    let searching = view.state.peers().iter().any(|peer| !peer.located);
    if !searching || trusted(view, flow).is_ok() {
        return None;
    }
    let datagram = !flow.transport.reliable();
    Some(datagram.then_some(Routed::Drop(Counter::SipUntrusted)))
}

/// SIP is served to configured peers alone.
pub(super) fn trusted(view: View<'_>, flow: &Flow) -> Result<(), LocalResponse> {
    match view.state.is_peer(flow.remote.ip()) {
        true => Ok(()),
        false => Err(LocalResponse::new(Cause::Stranger).warning("this address is no peer's")),
    }
}

/// A session, a subscription or a publication whose body is secured end to end: nothing is guessed
/// from it (RFC 3261 §23.3). MESSAGE and NOTIFY may carry such bodies.
fn secured(view: View<'_>, request: &Request) -> Result<(), LocalResponse> {
    let accept = match request.method {
        Method::Invite => "application/sdp",
        Method::Publish => "application/pidf+xml",
        Method::Subscribe => "",
        _ => return Ok(()),
    };
    let media_type = request.headers.content_type().and_then(|it| MediaType::parse(it).ok());
    match media_type.and_then(|media_type| view.rules.encryption.secures(&media_type)) {
        Some(named) => {
            let why = format!("{} is not supported here", named.title);
            let refusal = LocalResponse::new(Cause::Secured).warning(&why);
            Err(refusal.with(HeaderName::Accept, accept))
        }
        None => Ok(()),
    }
}

/// RFC 3261 §8.2.1: 405 for what is known and not served, 501 for what is unknown.
pub(super) fn method(method: &Method) -> Result<(), LocalResponse> {
    match method {
        Method::Message | Method::Subscribe | Method::Notify => Ok(()),
        Method::Other(_) => {
            let words = "The gateway does not know this kind of request";
            Err(LocalResponse::fault(Fault::Method, words).with(HeaderName::Allow, ALLOW))
        }
        Method::Invite => Err(LocalResponse::new(Cause::NoCalls).with(HeaderName::Allow, ALLOW)),
        _ => {
            let words = "Only messages and presence are carried";
            Err(LocalResponse::fault(Fault::NotServed, words).with(HeaderName::Allow, ALLOW))
        }
    }
}

/// A To tag names a dialog (RFC 3261 §12.2.2), and only subscriptions have one here. Proxies let
/// pass what is in a dialog without asking who sends it: it must find one.
fn outside_dialog(request: &Request) -> Result<(), LocalResponse> {
    match request.to.tag() {
        None => Ok(()),
        Some(_) => {
            let words = "This belongs to no conversation that is known here";
            Err(LocalResponse::fault(Fault::Unknown, words))
        }
    }
}

/// RFC 3261 §8.2.2.1, and RFC 7247 §8: what demands TLS on every hop must not be translated.
fn schemes(view: View<'_>, request: &Request) -> Result<(), LocalResponse> {
    if [request.uri.scheme(), request.to.uri().scheme()].contains(&Scheme::Sips) {
        let warning = "380 stox \"SIPS Not Allowed\"";
        return Err(LocalResponse::new(Cause::NoSips).with(HeaderName::Warning, warning));
    }
    match request.uri.scheme() {
        Scheme::Sip | Scheme::Im | Scheme::Pres => Ok(()),
        _ if paired(view, &request.uri).is_some() => Ok(()),
        _ => {
            let words = "This kind of address has no meaning here, use a SIP address";
            Err(LocalResponse::fault(Fault::Scheme, words))
        }
    }
}

/// Both domains must be configured, each on its own side: never an open relay.
fn parties<'a>(view: View<'a>, request: &Request) -> Result<Parties<'a>, LocalResponse> {
    let not_here =
        || LocalResponse::new(Cause::UnservedDomain).warning("this domain is not served here");
    let to_uri = recipient(view, request);
    let to = paired(view, to_uri)
        .filter(|pair| pair.side == Side::Xmpp)
        .or_else(|| view.config.domains.xmpp_users(&domain(to_uri)?));
    let to = to.ok_or_else(not_here)?;
    let from = sender(view, request, to)?;
    let Side::Sip { component } = from.side else { return Err(not_here()) };
    let to_address = NameAddr::new(to_uri.clone());
    Ok(Parties { link: LinkId(component), from, to, to_address })
}

/// The pair of domains of the sender. A proxy that authenticates its users compares From as they
/// write it: what it may not have looked at, as it names no SIP user, is refused.
fn sender<'a>(
    view: View<'a>,
    request: &Request,
    to: &DomainPair,
) -> Result<&'a DomainPair, LocalResponse> {
    let from = request.from.uri();
    let forbidden = |cause, why: &str| Err(LocalResponse::new(cause).warning(why));
    if from.host_str().eq_ignore_ascii_case("anonymous.invalid") || hides_user(request) {
        let why = "XMPP users are told who writes: no anonymous message crosses";
        return forbidden(Cause::Anonymous, why);
    }
    if let Some(pair) = paired(view, from).filter(|pair| matches!(pair.side, Side::Sip { .. })) {
        return Ok(pair);
    }
    let domain = match from.scheme() {
        Scheme::Sip | Scheme::Sips | Scheme::Im | Scheme::Pres => domain(from),
        Scheme::Tel => {
            let why = "the sender has no domain: a tel: address needs a pair in the rules";
            return forbidden(Cause::SenderForm, why);
        }
        _ => None,
    };
    let pair = domain.and_then(|domain| view.config.domains.sip_users(&domain, &to.xmpp));
    let Some(pair) = pair else {
        return forbidden(Cause::SenderDomain, "this sender's domain is not served here");
    };
    let rules = view.rules.addresses.of(Direction::ToXmpp, &pair.xmpp);
    if matches!(from.scheme(), Scheme::Im | Scheme::Pres) && !rules.im_senders {
        return forbidden(Cause::SenderForm, "From must be a sip: address");
    }
    if from.user().is_none_or(str::is_empty) {
        return forbidden(Cause::SenderForm, "From names no user");
    }
    Ok(pair)
}

/// The pair of domains whose JID a pair of the rules makes of an address.
fn paired<'a>(view: View<'a>, uri: &Uri) -> Option<&'a DomainPair> {
    let (_, domain, ..) = paired_jid(&view.rules.addresses, uri)?;
    view.config.domains.of_jid(&domain)
}

/// Whether the sender asks that From is not shown (RFC 3323 §4.2, `user`). Asserted identities and
/// what the other kinds of privacy hide never cross.
fn hides_user(request: &Request) -> bool {
    let mut wanted = request.headers.items(&HeaderName::Privacy).flat_map(|item| item.split(';'));
    wanted.any(|kind| kind.trim().eq_ignore_ascii_case("user"))
}

/// The Request-URI says who is meant; To only when the Request-URI is the gateway itself.
fn recipient<'a>(view: View<'_>, request: &'a Request) -> &'a Uri {
    let own = |host: &str| {
        view.config.sip.listen.iter().any(|listener| {
            listener.advertise.host.trim_matches(['[', ']']) == host.trim_matches(['[', ']'])
        })
    };
    match request.uri.user().is_none() && own(request.uri.host_str()) {
        true => request.to.uri(),
        false => &request.uri,
    }
}

/// Max-Forwards as a proxy checks it (RFC 7332 §5), and our own hop in the Via list.
pub(super) fn loops(view: View<'_>, request: &Request) -> Result<(), LocalResponse> {
    if request.max_forwards == Some(0) {
        let words = "This has passed too many servers to go on";
        return Err(LocalResponse::fault(Fault::Hops, words));
    }
    match request.via.iter().any(|via| sent_by_us(view, via)) {
        true => {
            let words = "This passed the gateway before, it goes round in circles";
            Err(LocalResponse::fault(Fault::Loop, words))
        }
        false => Ok(()),
    }
}

/// Whether the sent-by of a Via is one of the gateway's own (RFC 3261 §18.1.1).
pub(super) fn sent_by_us(view: View<'_>, via: &Via) -> bool {
    let (host, port) = (via.host_str(), via.port().unwrap_or(5_060));
    view.config.sip.listen.iter().any(|listener| {
        listener.advertise.port == port && listener.advertise.host.eq_ignore_ascii_case(host)
    })
}

/// RFC 3261 §8.2.2.3: no extension is required that is not served, and none is.
pub(super) fn extensions(request: &Request) -> Result<(), LocalResponse> {
    let mut demanded = request.headers.items(&HeaderName::Require).peekable();
    if demanded.peek().is_none() {
        return Ok(());
    }
    let words = "The gateway does not have the extension that this demands";
    let refusal = LocalResponse::fault(Fault::Extension, words);
    Err(demanded.fold(refusal, |refusal, tag| refusal.with(HeaderName::Unsupported, tag)))
}

/// RFC 3261 §8.2.2.2: the same request by another path.
fn merge(view: View<'_>, request: &Request, key: u64) -> Result<u64, LocalResponse> {
    let from_tag = request.from.tag().unwrap_or_default();
    let cseq = request.cseq.number.to_be_bytes();
    let parts = [
        from_tag.as_bytes(),
        request.call_id.as_bytes(),
        &cseq,
        request.method.as_str().as_bytes(),
    ];
    if request.to.tag().is_some() || from_tag.is_empty() {
        return Ok(key);
    }
    let merge_key = view.state.hash(Purpose::Merge, &parts);
    match view.state.servers().merged(merge_key) {
        true => {
            let words = "The same request came by another way already";
            Err(LocalResponse::fault(Fault::Loop, words))
        }
        false => Ok(merge_key),
    }
}
