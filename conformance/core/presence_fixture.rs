//! Juliet of example.com and romeo of example.net, as the RFCs have them; each can watch the other.

use bytes::Bytes;
use stox::codec::sip::{self, HeaderName, Request, Response};

use crate::world::World;

pub(crate) const SETTINGS: &str = r#"
xmpp: { component: example.net, server: "127.0.0.11:5347", secret: s3cret }
sip:
  listen: [ "udp:127.0.0.20:5060", "tcp:127.0.0.20:5060" ]
  peers: [ { name: core, uri: "sip:127.0.0.13:5060;transport=udp" } ]
  options_interval: 0s
domains:
  - { xmpp: example.net, sip: example.net }
  - { xmpp: example.com, sip: example.com }
store: { path: store }
"#;

/// The headers of a NOTIFY that says nothing special.
pub(crate) const ACTIVE: &str = "Event: presence\nSubscription-State: active;expires=3600\n";
/// The same, of a NOTIFY with a document.
pub(crate) const PIDF: &str = "Event: presence\nSubscription-State: active;expires=3600\n\
                               Content-Type: application/pidf+xml\n";

impl World {
    pub(crate) fn verona() -> Self {
        let mut world = World::with(SETTINGS);
        world.up();
        world
    }

    /// The same with rules of presence of its own.
    pub(crate) fn verona_with(rules: &str) -> Self {
        World::with_rules_and(SETTINGS, "presence.yaml", rules)
    }

    /// The stanzas written since the last look, as text.
    pub(crate) fn stanzas_sent(&mut self) -> Vec<String> {
        self.confirm_all();
        let text = |(_, octets): (_, Bytes)| String::from_utf8(octets.to_vec());
        std::mem::take(&mut self.xmpp).into_iter().map(|it| text(it).expect("UTF-8")).collect()
    }

    /// The responses and the requests sent since the last look.
    pub(crate) fn sip_sent(&mut self) -> (Vec<Response>, Vec<Request>) {
        let (mut responses, mut requests) = (Vec::new(), Vec::new());
        for (_, octets) in std::mem::take(&mut self.sip) {
            match sip::parse(octets) {
                Ok(sip::Message::Response(response)) => responses.push(response),
                Ok(sip::Message::Request(request)) => requests.push(request),
                other => panic!("neither request nor response: {other:?}"),
            }
        }
        (responses, requests)
    }

    /// A stanza of juliet's for romeo: of one device, or of none (`""`).
    pub(crate) fn juliet_sends(&mut self, device: &str, attributes: &str, inner: &str) {
        let slash = if device.is_empty() { "" } else { "/" };
        self.xmpp(&format!(
            "<presence from='juliet@example.com{slash}{device}' to='romeo@example.net' \
             {attributes}>{inner}</presence>"
        ));
    }

    /// A device of juliet's is there.
    pub(crate) fn juliet_is(&mut self, device: &str, inner: &str) {
        self.juliet_sends(device, "", inner);
    }

    /// A device of juliet's goes.
    pub(crate) fn juliet_leaves(&mut self, device: &str) {
        self.juliet_sends(device, "type='unavailable'", "");
    }

    /// The next NOTIFY to romeo, which comes within the time that RFC 3856 §6.10 recommends; it is
    /// answered 200.
    pub(crate) fn document(&mut self) -> Request {
        if self.sip.is_empty() {
            self.pass_ms(5_000);
        }
        let request = self.request();
        self.answer(&request, 200);
        request
    }

    /// No NOTIFY goes to romeo, however long the wait.
    pub(crate) fn no_document(&mut self) {
        self.pass_ms(10_000);
        assert_eq!(self.sip_sent(), (Vec::new(), Vec::new()));
    }
}

/// A subscription of a SIP user to juliet's presence, seen from the user agent.
pub(crate) struct SipWatcher {
    pub(crate) user: &'static str,
    pub(crate) call: &'static str,
    pub(crate) cseq: u32,
    /// The tag of the gateway.
    pub(crate) tag: String,
}

impl SipWatcher {
    /// A subscription that is not made yet.
    pub(crate) fn of(user: &'static str, call: &'static str) -> Self {
        SipWatcher { user, call, cseq: 0, tag: String::new() }
    }

    /// Romeo has asked, juliet has granted it, and nothing of juliet is known.
    pub(crate) fn granted() -> (World, SipWatcher) {
        SipWatcher::granted_in(World::verona())
    }

    pub(crate) fn granted_in(mut world: World) -> (World, SipWatcher) {
        let mut watch = SipWatcher::of("romeo", "w1");
        watch.subscribes(&mut world, "Event: presence\nExpires: 3600\n");
        world
            .xmpp("<presence from='juliet@example.com' to='romeo@example.net' type='subscribed'/>");
        let active = world.request();
        world.answer(&active, 200);
        world.stanzas_sent();
        (world, watch)
    }

    /// Sends SUBSCRIBE, in the dialog if there is one. What the gateway sends is its response and
    /// the requests that follow, which are answered 200.
    pub(crate) fn subscribes(
        &mut self,
        world: &mut World,
        headers: &str,
    ) -> (Response, Vec<Request>) {
        let request = self.subscribe(headers);
        world.sip(&request);
        let (mut responses, requests) = world.sip_sent();
        assert_eq!(responses.len(), 1, "{responses:#?}");
        let response = responses.remove(0);
        if response.status.code() < 300 {
            self.tag = response.to.tag().expect("a tag").to_owned();
        }
        requests.iter().for_each(|request| world.answer(request, 200));
        (response, requests)
    }

    /// The next SUBSCRIBE, unsent.
    pub(crate) fn subscribe(&mut self, headers: &str) -> String {
        self.cseq += 1;
        let tag = if self.tag.is_empty() { String::new() } else { format!(";tag={}", self.tag) };
        let SipWatcher { user, call, cseq, .. } = self;
        format!(
            "SUBSCRIBE sip:juliet@example.com SIP/2.0\n\
             Via: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bK{call}-{cseq}\n\
             Max-Forwards: 70\n\
             From: <sip:{user}@example.net>;tag=w\n\
             To: <sip:juliet@example.com>{tag}\n\
             Call-ID: {call}\n\
             CSeq: {cseq} SUBSCRIBE\n\
             Contact: <sip:{user}@127.0.0.30:5070>\n\
             {headers}\n"
        )
    }
}

/// The text of a body.
pub(crate) fn text(request: &Request) -> String {
    String::from_utf8(request.body.to_vec()).expect("a document is UTF-8")
}

/// The tuples of a document, each without its timestamp.
pub(crate) fn tuples(request: &Request) -> Vec<String> {
    let text = text(request);
    let each = text.split("<tuple ").skip(1).map(|rest| {
        let (tuple, _) = rest.split_once("</tuple>").expect("an end");
        let (before, stamp) = tuple.split_once("<timestamp>").expect("a timestamp");
        assert!(stamp.ends_with("Z</timestamp>"), "{stamp}");
        format!("<tuple {before}</tuple>")
    });
    each.collect()
}

/// The id, `open` or `closed`, and the timestamp of each tuple.
pub(crate) fn outline(request: &Request) -> Vec<(String, String, String)> {
    let between = |text: &str, before: &str, after: &str| -> String {
        let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before}: {text}"));
        rest.split(after).next().unwrap_or_default().to_owned()
    };
    let text = text(request);
    let each = text.split("<tuple ").skip(1).map(|tuple| {
        let id = between(tuple, "id='", "'");
        (id, between(tuple, "<basic>", "<"), between(tuple, "<timestamp>", "<"))
    });
    each.collect()
}

/// Ids and `open` or `closed`: `ID-a open, ID-b closed`.
pub(crate) fn brief(request: &Request) -> String {
    let each = outline(request).into_iter().map(|(id, basic, _)| format!("{id} {basic}"));
    each.collect::<Vec<_>>().join(", ")
}

/// The value of a header as text; empty if there is none.
pub(crate) fn header(request: &Request, name: &HeaderName) -> String {
    request.headers.get_text(name).unwrap_or_default().to_owned()
}

/// Romeo's user agent, which juliet watches.
pub(crate) struct SipPresentity {
    pub(crate) world: World,
    /// The SUBSCRIBE that made the dialog.
    pub(crate) subscribe: Request,
    /// The CSeq of the presentity's last NOTIFY.
    pub(crate) cseq: u32,
    /// What its From says.
    pub(crate) from: &'static str,
    /// The tag of that From.
    pub(crate) tag: &'static str,
}

impl SipPresentity {
    /// Juliet has asked, and has no answer.
    pub(crate) fn asked() -> SipPresentity {
        SipPresentity::asked_in(World::verona())
    }

    pub(crate) fn asked_in(mut world: World) -> SipPresentity {
        world.xmpp(
            "<presence from='juliet@example.com' to='romeo@example.net' id='s1' \
             type='subscribe'/>",
        );
        let subscribe = world.request();
        world.answer(&subscribe, 200);
        SipPresentity { world, subscribe, cseq: 0, from: "sip:romeo@example.net", tag: "ffd2" }
    }

    /// Romeo has granted it, and shows nothing yet.
    pub(crate) fn watched() -> SipPresentity {
        SipPresentity::watched_in(World::verona())
    }

    pub(crate) fn watched_in(world: World) -> SipPresentity {
        let mut romeo = SipPresentity::asked_in(world);
        assert_eq!(romeo.notifies(ACTIVE, "").status.code(), 200);
        let told = romeo.world.stanzas_sent();
        assert!(told.len() == 1 && told[0].contains("type='subscribed'"), "{told:?}");
        romeo
    }

    /// Romeo's server goes out of service, and the gateway begins anew (RFC 6665 §4.1.3).
    pub(crate) fn begin_anew(&mut self) {
        self.world.pass_ms(10_000);
        let ended = "Event: presence\nSubscription-State: terminated;reason=deactivated\n";
        self.cseq += 1;
        let text = self.notify(ended, "");
        self.world.sip(&text);
        let (responses, mut requests) = self.world.sip_sent();
        assert_eq!(responses.len(), 1);
        assert_eq!(requests.len(), 1);
        self.subscribe = requests.remove(0);
        self.world.answer(&self.subscribe, 200);
        assert_eq!(self.world.stanzas_sent(), [""; 0]);
    }

    /// The next NOTIFY; the answer is the gateway's.
    pub(crate) fn notifies(&mut self, headers: &str, body: &str) -> Response {
        self.cseq += 1;
        let text = self.notify(headers, body);
        self.world.sip(&text);
        self.world.response()
    }

    /// A NOTIFY, unsent.
    pub(crate) fn notify(&self, headers: &str, body: &str) -> String {
        let call = self.subscribe.call_id.as_str();
        let ours = self.subscribe.from.tag().expect("a tag");
        let SipPresentity { cseq, from, tag, .. } = self;
        format!(
            "NOTIFY sip:juliet@127.0.0.20:5060 SIP/2.0\n\
             Via: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bK{ours}{tag}-{cseq}\n\
             Max-Forwards: 70\n\
             From: <{from}>;tag={tag}\n\
             To: <sip:juliet@example.com>;tag={ours}\n\
             Call-ID: {call}\n\
             CSeq: {cseq} NOTIFY\n\
             Contact: <sip:romeo@127.0.0.30:5070>\n\
             {headers}\n{body}"
        )
    }

    /// Romeo shows these tuples and notes; the answer is what juliet is told of it.
    pub(crate) fn shows(&mut self, tuples: &str) -> Vec<String> {
        self.shows_as(PIDF, &document(tuples))
    }

    /// Romeo shows a document under these headers; the answer is what juliet is told of it.
    pub(crate) fn shows_as(&mut self, headers: &str, document: &str) -> Vec<String> {
        assert_eq!(self.notifies(headers, document).status.code(), 200);
        self.world.stanzas_sent()
    }
}

/// A document of romeo's with these tuples and notes.
pub(crate) fn document(tuples: &str) -> String {
    format!(
        "<?xml version='1.0' encoding='UTF-8'?>\
         <presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:romeo@example.net'>\
         {tuples}</presence>"
    )
}

/// A tuple that is open or closed, with more after its status.
pub(crate) fn tuple(id: &str, basic: &str, more: &str) -> String {
    format!("<tuple id='{id}'><status><basic>{basic}</basic></status>{more}</tuple>")
}

/// A tuple that can be reached there.
pub(crate) fn tuple_at(id: &str, basic: &str, place: &str) -> String {
    tuple(id, basic, &format!("<contact>sip:romeo@{place}</contact>"))
}

/// A stanza of romeo's device (`""` for none) to juliet, without content.
pub(crate) fn stanza(device: &str, attributes: &str) -> String {
    let slash = if device.is_empty() { "" } else { "/" };
    format!(
        "<presence from='romeo@example.net{slash}{device}' to='juliet@example.com'{attributes}/>"
    )
}

/// The same with content.
pub(crate) fn filled(device: &str, attributes: &str, content: &str) -> String {
    stanza(device, attributes).replace("/>", &format!(">{content}</presence>"))
}
