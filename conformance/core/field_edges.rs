//! Cases from the field at the edges: inputs derived from public reports, which the README of
//! `conformance/vectors/field` names.

use std::time::Duration;

use stox::codec::sip::{HeaderName, Method, Request};
use stox::config::Transport;
use stox::flow::{Event, Input};

use crate::presence_fixture::{SipWatcher, brief, text};
use crate::world::World;

const SETTINGS: &str = r#"
xmpp: { component: sip.example.com, server: "127.0.0.11:5347", secret: s3cret }
sip:
  listen: [ "udp:127.0.0.20:5060", "tcp:127.0.0.20:5060" ]
  peers: [ { name: core, uri: "sip:127.0.0.13:5060;transport=udp" } ]
  options_interval: 0s
domains:
  - { xmpp: sip.example.com, sip: example.net }
  - { xmpp: example.com, sip: example.com }
store: { path: store }
"#;

/// The device part crosses, whatever the built-in rules say.
const GR: &str = "to_sip: { resource: gr }\nto_xmpp: { resource: gr }\n";

const EMOJI: &str = include_str!("../vectors/field/22-emoji-resource.xml");
const TEL: &str = include_str!("../vectors/field/23-tel-from-0039.sip");
const PARAMETERS: &str = include_str!("../vectors/field/25a-user-params.sip");
const SEPARATORS: &str = include_str!("../vectors/field/25b-user-separators.sip");
const MARK: &str = include_str!("../vectors/field/01-byte-order-mark.sip");
const LOWER_VIA: &str = include_str!("../vectors/field/57b-broken-lower-via.sip");

fn with_rules(rules: &str) -> World {
    World::with_rules_and(SETTINGS, "addresses.yaml", rules)
}

fn world() -> World {
    with_rules(GR)
}

/// A request of a case with what each request has.
fn whole(case: &str, branch: &str) -> String {
    let (start, rest) = case.split_once('\n').expect("a start line");
    let via = match rest.contains("Via:") {
        true => String::new(),
        false => format!("Via: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bK{branch}\n"),
    };
    let mut rest = rest.to_owned();
    let from = rest.find("From:").expect("a From");
    let end = from + rest[from..].find('\n').expect("an end of the line");
    rest.insert_str(end, &format!(";tag={branch}"));
    format!("{start}\n{via}Max-Forwards: 70\nCall-ID: c{branch}\nCSeq: 1 MESSAGE\n{rest}")
}

/// The one stanza written since the last look, with the resources of addresses in it as they are.
fn written(world: &mut World) -> String {
    let octets = world.octets();
    world.confirm_all();
    octets
}

#[test]
fn field_22_a_message_from_a_resource_with_an_emoji_crosses_and_so_does_its_answer() {
    let mut world = world();
    world.xmpp(EMOJI.trim());
    let request = world.request();
    let from = request.from.uri().as_str();
    assert_eq!(from, "sip:juliet@example.com;gr=%F0%9F%93%B1");
    world.answer(&request, 200);
    assert_eq!(world.stanzas(), []);

    let reply = "MESSAGE sip:juliet@example.com;gr=%F0%9F%93%B1 SIP/2.0\n\
                 From: <sip:romeo@example.net;gr=%F0%9F%A4%96>\nTo: <sip:juliet@example.com>\n\
                 Content-Type: text/plain\n\nhi";
    world.sip(&whole(reply, "1"));
    let message = world.message();
    assert_eq!(message.to.expect("to").as_str(), "juliet@example.com/\u{1F4F1}");
    assert_eq!(message.from.expect("from").as_str(), "romeo@sip.example.com/\u{1F916}");
    world.confirm_all();
    assert_eq!(world.codes(), [200]);
}

#[test]
fn field_22_presence_and_requests_of_such_a_resource_are_answered() {
    let mut world = world();
    world.xmpp(
        "<iq type='get' id='d1' from='juliet@example.com/\u{1F4F1}' to='sip.example.com'>\
         <query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
    );
    let told = written(&mut world);
    assert!(told.contains("type='result'") && told.contains("to='juliet@example.com/\u{1F4F1}'"));
    assert_eq!(world.counter("xmpp_malformed"), 0);

    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("\u{1F4F1}", "<show>away</show>");
    let document = world.document();
    assert!(text(&document).contains("<basic>open</basic>"), "{}", text(&document));
    world.juliet_leaves("\u{1F4F1}");
    assert!(text(&world.document()).contains("<basic>closed</basic>"));
}

/// RFC 6120 §8.3.3.8: silence is for what nobody can be told.
#[test]
fn field_22_a_sender_whose_address_cannot_be_read_is_told_so() {
    for (name, more, inner) in [
        ("message", "type='chat' ", "<body>x</body>"),
        ("presence", "", ""),
        ("iq", "type='get' ", "<query xmlns='jabber:iq:version'/>"),
    ] {
        // U+0378 is no character of any Unicode so far.
        for from in [
            "juliet@example.com/\u{378}",
            "juliet@example.com/\u{E0101}&amp;",
            "\u{1F4F1}@example.com/x",
        ] {
            let mut world = world();
            world.xmpp(&format!(
                "<{name} from='{from}' to='romeo@sip.example.com' id='e1' {more}>{inner}</{name}>"
            ));
            let told = written(&mut world);
            assert!(told.starts_with(&format!("<{name} ")), "{told}");
            for part in ["type='error'", "id='e1'", "<jid-malformed", "from='sip.example.com'"] {
                assert!(told.contains(part), "{part}: {told}");
            }
            assert!(told.contains(&format!("to='{from}'")), "{told}");
            assert_eq!(world.counter("xmpp_malformed"), 1);
            assert!(world.sip.is_empty());
        }
        // What is an answer itself, and whom no server can find, is counted and no more.
        let error = "type='error' ";
        for (from, more) in [("juliet@example.com/\u{378}", error), ("juliet@ex ample/x", more)] {
            let mut world = world();
            world.xmpp(&format!(
                "<{name} from='{from}' to='romeo@sip.example.com' id='e1' {more}>{inner}</{name}>"
            ));
            assert_eq!((world.stanzas(), world.counter("xmpp_malformed")), (vec![], 1));
        }
    }
}

#[test]
fn field_23_a_tel_sender_is_told_what_it_lacks() {
    let mut world = world();
    world.sip(&whole(TEL, "1"));
    let response = world.response();
    assert_eq!(response.status.code(), 403);
    let warning = response.headers.get_text(&HeaderName::Warning).unwrap_or_default().to_owned();
    assert!(warning.contains("a tel: address needs a pair in the rules"), "{warning}");
    let stranger = TEL.replace("tel:00390612345678", "sip:romeo@elsewhere.example");
    world.sip(&whole(&stranger, "2"));
    let response = world.response();
    let warning = response.headers.get_text(&HeaderName::Warning).unwrap_or_default();
    assert!(warning.contains("this sender's domain is not served here"), "{warning}");
}

#[test]
fn field_25_one_number_is_one_contact_however_it_is_written() {
    let pair = "pairs:\n  - name: numbers\n    jid: \"${number|digits}@sip.example.com\"\n    \
                uri: \"sip:+${number|digits}@example.net\"\n";
    let plain = PARAMETERS.replace(";npdi=yes;rn=+12015550100", "");
    let sender = |case: &str| {
        let mut world = with_rules(pair);
        world.sip(&whole(case, "1"));
        world.message().from.expect("from").as_str().to_owned()
    };
    for case in [&plain, PARAMETERS, SEPARATORS] {
        assert_eq!(sender(case), "12015550123@sip.example.com", "{case}");
    }
    // Whose number it is counts; and without user=phone a user part is no number (RFC 3261 §19.1.6).
    let extension = PARAMETERS.replace("npdi=yes", "ext=17");
    assert_ne!(sender(&extension), "12015550123@sip.example.com");
    let word = SEPARATORS.replace(";user=phone", "");
    assert_eq!(sender(&word), "+1-201-555-0123@sip.example.com");
}

#[test]
fn field_01_a_byte_order_mark_is_no_part_of_a_text() {
    let mut world = world();
    world.sip(&whole(MARK, "1"));
    let body = world.message().bodies[0].text.to_string();
    assert_eq!(body.trim_end(), "ciao");
}

/// The hop behind it could not get the answer back, and a loop by ourselves could not be seen.
#[test]
fn field_57b_a_via_that_cannot_be_read_is_refused_whichever_it_is() {
    let mut world = world();
    world.sip(&whole(LOWER_VIA, "1"));
    let (_, octets) = world.sip.remove(0);
    let answer = String::from_utf8_lossy(&octets).into_owned();
    assert!(answer.starts_with("SIP/2.0 400 ") && answer.contains("Via"), "{answer}");
    assert!(world.stanzas().is_empty());
}

// Case 58: a peer by UDP alone.

const PEER: &str = "127.0.0.13:5060";

fn tcp_is_refused(world: &mut World) {
    let remote = PEER.parse().expect("an address");
    world.feed(Input::Unreachable { remote, transport: Transport::Tcp });
}

fn one(world: &mut World) -> (String, Request) {
    let mut routed = world.routed();
    assert_eq!(routed.len(), 1, "{routed:#?}");
    routed.remove(0)
}

/// Juliet's phone shows something, and the NOTIFY that tells romeo so.
fn shown(world: &mut World, what: &str) -> (String, Request) {
    world.juliet_is("phone", what);
    if world.sip.is_empty() {
        world.pass_ms(5_000);
    }
    one(world)
}

fn warnings(world: &World) -> usize {
    world.events.iter().filter(|event| matches!(event, Event::WithoutTcp(..))).count()
}

fn long_status() -> String {
    format!("<show>dnd</show><status>{}</status>", "busy ".repeat(432))
}

#[test]
fn field_58_arch_006_a_large_notify_goes_by_udp_where_tcp_is_refused() {
    let (mut world, _) = SipWatcher::granted();
    let sent = world.counter("sip_notifies_sent");
    let (way, by_tcp) = shown(&mut world, &long_status());
    assert_eq!(way, format!("tcp {PEER}"));
    assert_eq!(world.counter("sip_notifies_sent"), sent, "it has not left yet");

    tcp_is_refused(&mut world);
    let (way, by_udp) = one(&mut world);
    assert_eq!((way, &by_udp.method), (format!("udp {PEER}"), &Method::Notify));
    assert_eq!(by_udp.via[0].transport_str(), "UDP");
    assert_ne!(by_udp.via[0].branch(), by_tcp.via[0].branch());
    assert_eq!((by_udp.cseq.number, &by_udp.body), (by_tcp.cseq.number, &by_tcp.body));
    assert_eq!((world.counter("sip_notifies_sent"), warnings(&world)), (sent + 1, 1));
    assert_eq!(world.counter("sip_large_by_udp"), 1);
    world.answer(&by_udp, 200);

    // For five minutes TCP is not tried again.
    let (way, again) = shown(&mut world, &long_status().replace("dnd", "away"));
    assert_eq!(way, format!("udp {PEER}"));
    world.answer(&again, 200);
    assert_eq!((world.counter("sip_large_by_udp"), warnings(&world)), (1, 1));
    world.pass(Duration::from_secs(300));
    let (way, _) = shown(&mut world, &long_status().replace("dnd", "xa"));
    assert_eq!(way, format!("tcp {PEER}"));
}

#[test]
fn field_58_eight_devices_are_shown_to_a_watcher_by_udp_alone() {
    let (mut world, _) = SipWatcher::granted();
    let name = |number: u32| format!("phone-{number}-with-a-name-that-is-long-enough");
    for number in 1..=8 {
        world.juliet_is(&name(number), "<status>at the desk</status>");
    }
    let mut shown = String::new();
    for _ in 0..4 {
        world.pass_ms(5_000);
        if world.sip.iter().any(|(hop, _)| hop.transport == Transport::Tcp) {
            world.sip.clear();
            tcp_is_refused(&mut world);
        }
        for (way, request) in world.routed() {
            assert_eq!(way, format!("udp {PEER}"));
            shown = brief(&request);
            world.answer(&request, 200);
        }
    }
    assert_eq!(shown.matches("open").count(), 8, "{shown}");
    assert_eq!(warnings(&world), 1);
}

#[test]
fn field_58_a_long_status_is_cut_and_goes_by_udp_where_tcp_is_refused() {
    let (mut world, _) = SipWatcher::granted();
    let sent = world.counter("sip_notifies_sent");
    let (way, _) = shown(&mut world, &format!("<status>{}</status>", "x".repeat(66_000)));
    assert_eq!(way, format!("tcp {PEER}"));
    tcp_is_refused(&mut world);
    let (way, by_udp) = one(&mut world);
    assert_eq!(way, format!("udp {PEER}"));
    assert!(by_udp.to_bytes().len() < 3_000);
    assert_eq!(world.counter("sip_notifies_sent"), sent + 1);
    world.answer(&by_udp, 200);
    // The next state that is short goes as ever.
    world.juliet_is("phone", "<status>short</status>");
    world.pass(Duration::from_secs(300));
    let requests = world.routed();
    assert!(requests.iter().any(|(way, it)| way.starts_with("udp") && text(it).contains("short")));
}

#[test]
fn field_58_a_large_subscribe_goes_by_udp_where_tcp_is_refused() {
    let mut world = World::verona();
    let long = "j".repeat(1_000);
    world.xmpp(&format!(
        "<presence from='{long}@example.com' to='romeo@example.net' type='subscribe'/>"
    ));
    let (way, by_tcp) = one(&mut world);
    assert_eq!((way, &by_tcp.method), (format!("tcp {PEER}"), &Method::Subscribe));
    assert_eq!(world.counter("sip_subscribes_sent"), 0);
    tcp_is_refused(&mut world);
    let (way, by_udp) = one(&mut world);
    assert_eq!((way, &by_udp.method), (format!("udp {PEER}"), &Method::Subscribe));
    assert_eq!(world.counter("sip_subscribes_sent"), 1);
}
