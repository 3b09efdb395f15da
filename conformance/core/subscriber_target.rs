//! Where the requests of a subscription go (RFC 3261 §12.1.2, RFC 6665 §4.4.1), with the octets of
//! liblinphone 5.1.65 behind Kamailio 5.6.3.

use stox::codec::sip::{HeaderName, Request};

use crate::scene::{expires, notify, open, seconds};
use crate::world::World;

const SETTINGS: &str = r#"
xmpp: { component: sip.x7.test, server: "127.0.0.11:5347", secret: s3cret }
sip:
  listen: [ "udp:127.0.7.20:5060" ]
  peers: [ { name: kamailio, uri: "sip:127.0.7.13:5060;transport=udp" } ]
  options_interval: 0s
domains:
  - { xmpp: sip.x7.test, sip: s7.test }
  - { xmpp: x7.test, sip: x7.test }
store: { path: store }
"#;
const KAMAILIO: &str = "127.0.7.13:5060";
/// liblinphone's Contact in the 200.
const CONTACT: &str = "Contact: <sip:127.0.7.36;transport=udp>";

/// The first NOTIFY of liblinphone, which has no Contact.
fn of_linphone(subscribe: &Request) -> String {
    let tag = subscribe.from.tag().expect("a tag");
    let call = subscribe.call_id.as_str();
    format!(
        "NOTIFY sip:slix@127.0.7.20:5060;gr=7d20de65abff531f SIP/2.0\n\
         Record-Route: <sip:127.0.7.13;lr;ftag={tag}>\n\
         Via: SIP/2.0/UDP 127.0.7.13;branch=z9hG4bKd84e.25736d76c7b306481ea551036ddb0d81.0\n\
         Via: SIP/2.0/UDP 127.0.7.36:5060;branch=z9hG4bK.7OHSMGTpN;rport=5060\n\
         From: <sip:d-lin@s7.test>;tag=EYlQMpB\n\
         To: <sip:slix@x7.test>;tag={tag}\n\
         CSeq: 111 NOTIFY\n\
         Call-ID: {call}\n\
         Max-Forwards: 69\n\
         Event: presence\n\
         User-Agent: Unknown\n\
         Content-Type: application/pidf+xml\n\
         Subscription-State: active;expires=600\n\n\
         <?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <presence xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" \
         xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" \
         xmlns:pidfonline=\"http://www.linphone.org/xsds/pidfonline.xsd\" \
         entity=\"sip:d-lin@s7.test\" xmlns=\"urn:ietf:params:xml:ns:pidf\">\n \
         <tuple id=\"ms114u\">\n  <status>\n   <basic>open</basic>\n   <pidfonline:online/>\n  \
         </status>\n  <contact priority=\"0.8\">sip:d-lin@s7.test</contact>\n  \
         <timestamp>2026-11-30T16:25:04Z</timestamp>\n </tuple>\n</presence>\n"
    )
}

/// Where a request goes: its URI, its Routes and its To tag.
fn way(request: &Request) -> (String, Vec<String>, Option<String>) {
    let routes = request.headers.all(&HeaderName::Route).map(|route| route.to_text().to_string());
    (request.uri.to_string(), routes.collect(), request.to.tag().map(str::to_owned))
}

#[test]
fn sub_010_the_remote_target_is_the_contact_of_the_2xx_where_notify_has_none() {
    for notify_first in [false, true] {
        let mut world = World::with(SETTINGS);
        world.up();
        world.xmpp("<presence from='slix@x7.test' to='d-lin@sip.x7.test' type='subscribe'/>");
        let subscribe = world.request();
        let granted = [CONTACT, "Expires: 3600"];
        if !notify_first {
            world.answer_as("EYlQMpB", KAMAILIO, &subscribe, 200, &granted);
        }
        world.sip_from(KAMAILIO, &of_linphone(&subscribe));
        assert_eq!(world.codes(), [200]);
        if notify_first {
            world.answer_as("EYlQMpB", KAMAILIO, &subscribe, 200, &granted);
        }
        let tag = subscribe.from.tag().expect("a tag");
        let route = format!("<sip:127.0.7.13;lr;ftag={tag}>");
        let expected =
            ("sip:127.0.7.36;transport=udp".to_owned(), vec![route], Some("EYlQMpB".to_owned()));
        let refresh = world.awaited(seconds(540));
        assert_eq!((way(&refresh), expires(&refresh)), (expected.clone(), 3_600), "{notify_first}");
        world.answer_as("EYlQMpB", KAMAILIO, &refresh, 200, &granted);
        world.xmpp("<presence from='slix@x7.test' to='d-lin@sip.x7.test' type='unsubscribe'/>");
        let end = world.request();
        assert_eq!((way(&end), expires(&end)), (expected, 0), "{notify_first}");
    }
}

/// A NOTIFY of romeo's without Contact.
fn silent(subscribe: &Request, cseq: u32) -> String {
    let text = notify(subscribe, cseq, "active;expires=100", &open(&["a"]));
    text.replace("Contact: <sip:romeo@127.0.0.30:5070>\n", "")
}

#[test]
fn sub_010_the_contact_of_the_notify_goes_before_that_of_the_2xx() {
    for notify_first in [false, true] {
        let mut world = World::new();
        let subscribe = world.juliet_subscribes();
        let (contact, peer) = (["Contact: <sip:192.0.2.4>"], crate::world::PEER);
        if !notify_first {
            world.answer_as("ffd2", peer, &subscribe, 200, &contact);
        }
        world.notified(&subscribe, 1, "active;expires=100", &open(&["a"]));
        if notify_first {
            world.answer_as("ffd2", peer, &subscribe, 200, &contact);
        }
        let refresh = world.awaited(seconds(100));
        assert_eq!(refresh.uri.as_str(), "sip:romeo@127.0.0.30:5070", "{notify_first}");
    }
}

/// RFC 3261 §12.2.1.2.
#[test]
fn sub_010_the_2xx_to_a_refresh_moves_the_remote_target() {
    let (mut world, peer) = (World::new(), crate::world::PEER);
    let subscribe = world.juliet_subscribes();
    world.answer_as("ffd2", peer, &subscribe, 200, &["Contact: <sip:192.0.2.4>"]);
    world.sip(&silent(&subscribe, 1));
    assert_eq!(world.codes(), [200]);
    let refresh = world.awaited(seconds(100));
    assert_eq!(refresh.uri.as_str(), "sip:192.0.2.4");
    world.answer_as("ffd2", peer, &refresh, 200, &["Contact: <sip:192.0.2.5>", "Expires: 100"]);
    world.sip(&silent(&subscribe, 2));
    assert_eq!(world.codes(), [200]);
    let refresh = world.awaited(seconds(100));
    assert_eq!(refresh.uri.as_str(), "sip:192.0.2.5");
}

/// Another user agent than the one of the NOTIFY answered: a fork.
#[test]
fn sub_010_the_2xx_of_a_fork_moves_nothing() {
    let (mut world, peer) = (World::new(), crate::world::PEER);
    let subscribe = world.juliet_subscribes();
    world.answer_as("f0rk", peer, &subscribe, 200, &["Contact: <sip:192.0.2.4>"]);
    world.sip(&silent(&subscribe, 1));
    assert_eq!(world.codes(), [200]);
    let refresh = world.awaited(seconds(100));
    assert_eq!((refresh.uri.as_str(), refresh.to.tag()), ("sip:romeo@sip.test", Some("ffd2")));
}
