//! What is refused, with what, and that it harms nothing else.

use stox::codec::sip::HeaderName;

use crate::world::{World, message};

/// The codes that answer a request, and whether a stanza was made.
fn answer(text: &str) -> (Vec<u16>, usize) {
    let mut world = World::new();
    world.sip(text);
    world.confirm_all();
    (world.codes(), world.stanzas().len())
}

#[test]
fn sec_018_a_sender_of_another_domain_is_forbidden() {
    let text = message("a", "", "x").replace("romeo@sip.test", "romeo@evil.example");
    assert_eq!(answer(&text), (vec![403], 0));
}

#[test]
fn sec_020_nobody_from_outside_is_a_user_of_the_xmpp_domain() {
    let text = message("a", "", "x").replace("sip:romeo@sip.test", "sip:admin@xmpp.test");
    assert_eq!(answer(&text), (vec![403], 0));
}

#[test]
fn a_stranger_gets_403_for_a_message_and_200_for_options() {
    let mut world = World::new();
    world.sip_from("127.0.0.66:5060", &message("a", "", "x"));
    assert_eq!(world.codes(), [403]);
    assert_eq!(world.stanzas(), []);
    world.sip_from("127.0.0.66:5060", &message("b", "", "").replace("MESSAGE", "OPTIONS"));
    let response = world.response();
    assert_eq!(response.status.code(), 200);
    // What is served is told to peers alone: see `arch_012`.
    assert!(!response.headers.contains(&HeaderName::Allow));
}

#[test]
fn arch_004_a_domain_that_is_not_configured_is_404() {
    let text = message("a", "", "x").replacen("juliet@xmpp.test", "juliet@other.example", 1);
    assert_eq!(answer(&text), (vec![404], 0));
}

#[test]
fn sec_003_sips_is_480_with_warning_380() {
    let base = message("a", "", "x");
    for text in [
        base.replacen("MESSAGE sip:", "MESSAGE sips:", 1),
        base.replacen("To: <sip:", "To: <sips:", 1),
    ] {
        let mut world = World::new();
        world.sip(&text);
        let response = world.response();
        assert_eq!(response.status.code(), 480);
        let warning = response.headers.get_text(&HeaderName::Warning);
        assert!(warning.is_some_and(|warning| warning.starts_with("380 ")), "{warning:?}");
        assert_eq!(world.stanzas(), []);
    }
}

#[test]
fn addr_029_a_scheme_without_a_rule_is_416() {
    let text =
        message("a", "", "x").replacen("MESSAGE sip:juliet@xmpp.test", "MESSAGE tel:+1555", 1);
    assert_eq!(answer(&text), (vec![416], 0));
}

#[test]
fn arch_013_unknown_methods_are_501_and_unserved_ones_405_with_allow() {
    let base = message("a", "", "x");
    assert_eq!(answer(&base.replace("MESSAGE", "FOO")), (vec![501], 0));
    let mut world = World::new();
    world.sip(&base.replace("MESSAGE", "REGISTER"));
    let response = world.response();
    assert_eq!(response.status.code(), 405);
    assert!(response.headers.contains(&HeaderName::Allow));
}

#[test]
fn arch_014_an_unknown_extension_is_420_and_named() {
    let mut world = World::new();
    world.sip(&message("a", "Require: foo\n", "x"));
    let response = world.response();
    assert_eq!(response.status.code(), 420);
    assert_eq!(response.headers.get_text(&HeaderName::Unsupported), Some("foo"));
}

#[test]
fn sec_006_no_hop_left_is_483() {
    let text = message("a", "", "x").replace("Max-Forwards: 70", "Max-Forwards: 0");
    assert_eq!(answer(&text), (vec![483], 0));
}

#[test]
fn a_request_that_passed_here_before_is_482() {
    let text = message("a", "", "x").replace(
        "Max-Forwards",
        "Via: SIP/2.0/UDP 127.0.0.20:5060;branch=z9hG4bKours\nMax-Forwards",
    );
    assert_eq!(answer(&text), (vec![482], 0));
}

#[test]
fn addr_073_a_sender_without_a_jid_is_403_and_a_recipient_without_one_404() {
    let base = message("a", "", "x");
    assert_eq!(answer(&base.replace("From: <sip:romeo@", "From: <sip:%FF@")), (vec![403], 0));
    assert_eq!(answer(&base.replacen("sip:juliet@", "sip:%FF@", 1)), (vec![404], 0));
}

#[test]
fn addr_037_an_anonymous_sender_is_433() {
    let text = message("a", "", "x").replace("romeo@sip.test", "anonymous@anonymous.invalid");
    assert_eq!(answer(&text), (vec![433], 0));
}

#[test]
fn sec_031_a_thousand_bad_inputs_make_at_most_a_thousand_answers() {
    let mut world = World::new();
    for n in 0..1_000 {
        match n % 4 {
            0 => world.sip("garbage"),
            1 => world.sip(&message(&n.to_string(), "", "x").replace("CSeq: 1", "CSeq: x")),
            2 => world.sip(&message(&n.to_string(), "", "x").replace("sip.test", "evil.example")),
            _ => world.xmpp("<message type='error' id='none'><error/></message>"),
        }
    }
    assert!(world.sip.len() + world.xmpp.len() <= 1_000);
    assert_eq!(world.xmpp.len(), 0, "no error answers an error");
    world.romeo_says("good", "still here");
    assert_eq!(world.stanzas().len(), 1);
}

#[test]
fn a_bad_stanza_is_answered_and_the_next_one_delivered() {
    let mut world = World::new();
    world.xmpp(
        "<message from='juliet@xmpp.test/b' to='@sip.xmpp.test' id='m'><body>x</body></message>",
    );
    let (id, error) = world.error();
    assert_eq!((id.as_str(), error.condition.name()), ("m", "jid-malformed"));
    world.juliet_says("n", "y");
    assert_eq!(world.requests().len(), 1);
}

#[test]
fn addr_055_the_error_to_a_malformed_address_comes_from_the_component() {
    let mut world = World::new();
    world.xmpp(
        "<message from='juliet@xmpp.test/b' to='@sip.xmpp.test' id='m'><body>x</body></message>",
    );
    let message = world.message();
    assert_eq!(message.from.map(|from| from.to_string()).as_deref(), Some("sip.xmpp.test"));
    assert_eq!(message.to.map(|to| to.to_string()).as_deref(), Some("juliet@xmpp.test/b"));
}

#[test]
fn sec_010_a_user_of_a_foreign_domain_is_refused() {
    let mut world = World::new();
    world.xmpp("<message from='mallory@evil.example/x' to='romeo@sip.xmpp.test' id='1'><body>x</body></message>");
    assert_eq!(world.error().1.condition.name(), "forbidden");
    world.xmpp("<presence type='subscribe' from='mallory@evil.example' to='romeo@sip.xmpp.test'/>");
    match world.stanzas().pop() {
        Some(stox::codec::xmpp::Stanza::Presence(answer)) => {
            assert_eq!(answer.error.expect("an error").condition.name(), "forbidden");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(world.requests(), []);
}

#[test]
fn err_086_an_error_is_never_answered() {
    let mut world = World::new();
    world.xmpp("<message type='error' id='1'><error/></message>");
    world.xmpp("<iq type='error' id='2'/>");
    world.xmpp("<presence type='error'/>");
    assert_eq!((world.stanzas(), world.requests()), (vec![], vec![]));
}
