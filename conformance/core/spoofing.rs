//! Whose word counts: spellings of a sender, what claims to be in a dialog, responses from elsewhere.

use crate::scene::subscribe;
use crate::world::{PEER, World, message};

fn from(uri: &str) -> String {
    message("a", "", "x").replace("<sip:romeo@sip.test>", &format!("<{uri}>"))
}

#[test]
fn addr_018_any_spelling_of_the_host_is_the_same_sender() {
    for uri in ["sip:romeo@SIP.Test", "sip:romeo@sip.test.", "sip:romeo@sip.test:5060"] {
        let mut world = World::new();
        world.sip(&from(uri));
        let sender = world.message().from.expect("a sender");
        assert_eq!(sender.as_str(), "romeo@sip.xmpp.test", "{uri}");
    }
}

#[test]
fn addr_022_a_domain_is_no_sender() {
    let mut world = World::new();
    for uri in ["sip:sip.test", "sip:SIP.test.", "im:sip.test"] {
        world.sip(&from(uri).replace("z9hG4bKa", &format!("z9hG4bK{}", uri.len())));
        assert_eq!(world.codes(), [403], "{uri}");
    }
    let watch = subscribe("w", "", 1, "").replace("From: <sip:romeo@", "From: <sip:");
    world.sip(&watch);
    assert_eq!(world.codes(), [403]);
    assert_eq!(world.stanzas(), []);
    // As Request-URI it is the domain.
    let mut world = World::new();
    world.sip(&message("b", "", "x").replacen("sip:juliet@xmpp.test", "sip:xmpp.test", 1));
    assert_eq!(world.message().to.expect("an addressee").as_str(), "xmpp.test");
}

#[test]
fn a_sender_of_another_scheme_needs_a_rule() {
    for uri in ["im:romeo@sip.test", "pres:romeo@sip.test"] {
        let mut world = World::new();
        world.sip(&from(uri));
        assert_eq!(world.codes(), [403], "{uri}");
        assert_eq!(world.stanzas(), []);
        let mut world = World::with_rules("addresses.yaml", "to_xmpp: { senders: im }\n");
        world.sip(&from(uri));
        assert_eq!(world.message().from.expect("a sender").as_str(), "romeo@sip.xmpp.test");
    }
}

#[test]
fn a_message_with_a_to_tag_is_in_no_dialog() {
    let mut world = World::new();
    world.sip(
        &message("a", "", "x")
            .replace("To: <sip:juliet@xmpp.test>", "To: <sip:juliet@xmpp.test>;tag=x"),
    );
    assert_eq!(world.codes(), [481]);
    assert_eq!(world.stanzas(), []);
    world.romeo_says("b", "x");
    world.confirm();
    assert_eq!(world.codes(), [200]);
}

#[test]
fn the_contact_of_a_subscription_has_no_headers() {
    let mut world = World::new();
    let contact = "Contact: <sip:romeo@127.0.0.30:5070?Subject=x>\n";
    world.sip(&subscribe("w", "", 1, contact));
    assert_eq!(world.codes(), [400]);
    assert_eq!(world.requests(), []);
}

#[test]
fn a_response_from_elsewhere_or_of_another_request_is_dropped() {
    let mut world = World::new();
    world.juliet_says("1", "x");
    let request = world.request();
    // From an address of no peer.
    world.answer_from("127.0.0.66:5060", &request, 200, &[]);
    assert_eq!(world.counter("sip_foreign_responses"), 1);
    let mut other = request.clone();
    other.cseq.method = stox::codec::sip::Method::Subscribe;
    world.answer(&other, 404);
    let mut other = request.clone();
    other.cseq.number += 1;
    world.answer(&other, 404);
    let mut other = request.clone();
    other.call_id = stox::codec::sip::CallId::new("another".into()).expect("a Call-ID");
    world.answer(&other, 404);
    let mut other = request.clone();
    let via = request.via[0].as_str().replace("127.0.0.20", "127.0.0.99");
    other.via[0] = stox::codec::sip::Via::parse(via.into()).expect("a Via");
    world.answer(&other, 404);
    assert_eq!(world.counter("sip_foreign_responses"), 5);
    assert_eq!((world.stanzas(), world.counter("xmpp_to_sip_taken")), (Vec::new(), 0));
    // The right one counts, from another port of the peer too.
    world.answer_from(&PEER.replace("5060", "5070"), &request, 200, &[]);
    assert_eq!(world.counter("xmpp_to_sip_taken"), 1);
}

#[test]
fn an_error_of_somebody_else_fails_no_message() {
    let error = |from: &str, id: &str| {
        format!(
            "<message type='error' id='{id}' from='{from}' to='romeo@sip.xmpp.test'>\
             <error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        )
    };
    let mut world = World::new();
    world.sip(&message("a", "", "hello"));
    let id = world.message().id.expect("an id");
    for other in ["nurse@xmpp.test/x", "elsewhere.test", "sip.xmpp.test"] {
        world.xmpp(&error(other, &id));
        assert_eq!(world.codes(), [0; 0], "{other}");
    }
    assert_eq!(world.counter("xmpp_stray_errors"), 3);
    world.confirm_all();
    assert_eq!(world.codes(), [200]);
    // The addressee, a device of it, and its server.
    for (branch, own) in
        [("b", "juliet@xmpp.test"), ("c", "juliet@xmpp.test/x"), ("d", "xmpp.test")]
    {
        world.stanzas();
        world.sip(&message(branch, "", "hello again"));
        let id = world.message().id.expect("an id");
        world.xmpp(&error(own, &id));
        assert_eq!(world.codes(), [604], "{own}");
    }
}
