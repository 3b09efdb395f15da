//! Loops, privacy, what is written to the log, and bounds.

use stox::codec::sip::HeaderName;
use stox::flow::Event;

use crate::world::{SETTINGS, World, message};

#[test]
fn sec_004_no_header_that_the_gateway_writes_asks_for_tls() {
    let mut world = World::new();
    let mut requests = Vec::new();
    for n in 0..3 {
        world.juliet_says(&n.to_string(), "sips:x@y");
        let request = world.request();
        world.answer(&request, if n == 0 { 488 } else { 200 });
        requests.push(request);
    }
    requests.extend(world.requests());
    for request in requests {
        let uris = [&request.uri, request.from.uri(), request.to.uri()];
        assert!(uris.iter().all(|uri| uri.scheme_str() == "sip"), "{request:?}");
        for name in [HeaderName::Contact, HeaderName::RecordRoute, HeaderName::Route] {
            assert!(!request.headers.contains(&name));
        }
    }
}

/// A message from romeo that the server sends back as it is, or as one of its own users.
fn sent_back(from: &str) -> World {
    let mut world = World::new();
    world.romeo_says("a", "round and round");
    let id = world.message().id.expect("an id");
    world.confirm();
    world.sip.clear();
    world.events.clear();
    world.xmpp(&format!(
        "<message from='{from}' to='nurse@sip.xmpp.test' id='{id}'><body>round and round</body></message>"
    ));
    world
}

#[test]
fn sec_005_a_loop_through_both_sides_ends_and_is_told_once() {
    // By XMPP: what the gateway wrote comes back.
    let world = sent_back("juliet@xmpp.test/forwarder");
    assert_eq!((world.sip.len(), world.xmpp.len()), (0, 0));
    assert!(matches!(world.events[..], [Event::CameBack(_)]), "{:?}", world.events);
    // By SIP: a request of the gateway's own comes back with its Via.
    let mut world = World::new();
    world.juliet_says("1", "x");
    let sent = world.request();
    let via = sent.via[0].as_str().to_owned();
    world.sip(
        &message("a", "", "x")
            .replace("Max-Forwards: 70", &format!("Via: {via}\nMax-Forwards: 69")),
    );
    assert_eq!(world.codes(), [482]);
    assert_eq!(world.stanzas(), []);
    // And hops that are counted run out.
    let mut world = World::new();
    world.sip(&message("a", "", "x").replace("Max-Forwards: 70", "Max-Forwards: 0"));
    assert_eq!(world.codes(), [483]);
}

#[test]
fn sec_007_max_breadth_is_no_matter_here() {
    let mut world = World::new();
    world.sip(&message("a", "Max-Breadth: 1\n", "x"));
    assert_eq!(world.stanzas().len(), 1);
    world.confirm();
    assert_eq!(world.codes(), [200]);
}

#[test]
fn sec_008_what_the_gateway_wrote_is_known_again_for_a_minute() {
    let mut world = sent_back("juliet@xmpp.test/forwarder");
    assert_eq!((world.sip.len(), world.xmpp.len()), (0, 0));
    assert_eq!(world.events.len(), 1, "one log line");
    assert_eq!(world.counter("xmpp_came_back"), 1);
    // An answer that takes over the id says something else.
    let mut world_2 = World::new();
    world_2.romeo_says("a", "round and round");
    let id = world_2.message().id.expect("an id");
    world_2.juliet_says(&id, "an answer");
    assert_eq!(world_2.requests().len(), 1);
    // After a minute nothing is remembered.
    world.romeo_says("b", "later");
    let id = world.message().id.expect("an id");
    world.confirm();
    world.sip.clear();
    world.pass_ms(60_001);
    world.juliet_says(&id, "later");
    assert!(!world.requests().is_empty());
}

#[test]
fn sec_021_a_sender_that_the_server_cannot_have_stamped_is_dropped() {
    let world = sent_back("romeo@sip.xmpp.test");
    assert_eq!(
        (world.sip.len(), world.xmpp.len()),
        (0, 0),
        "no user of the gateway's own writes to it"
    );
    let mut world = World::new();
    world.xmpp_as_it_is("<message to='romeo@sip.xmpp.test'><body>x</body></message>");
    world.xmpp("<presence type='subscribe' from='romeo@sip.xmpp.test' to='nurse@sip.xmpp.test'/>");
    assert_eq!((world.sip.len(), world.xmpp.len()), (0, 0));
}

#[test]
fn sec_034_an_escaped_at_moves_nobody_to_another_domain() {
    let mut world = World::new();
    let trick = "\\40trusted.example@xmpp.test";
    world.xmpp(&format!(
        "<message from='a{trick}/x' to='romeo@sip.xmpp.test'><body>x</body></message>"
    ));
    let request = world.request();
    let from = request.from.uri();
    assert_eq!((from.user(), from.host_str()), (Some("a%40trusted.example"), "xmpp.test"));
    world.sip(&message("a", "", "x").replace("sip:romeo@", "sip:a%40trusted.example@"));
    let from = world.message().from.expect("a sender");
    assert_eq!((from.node(), from.domain()), (Some("a\\40trusted.example"), "sip.xmpp.test"));
}

#[test]
fn sec_038_what_a_sender_wants_hidden_is_not_shown() {
    let asserted = "P-Asserted-Identity: \"Real Name\" <sip:real@sip.test>\n";
    let mut world = World::new();
    world.sip(&message("a", &format!("Privacy: id\n{asserted}"), "x"));
    let (_, octets) = world.xmpp.first().expect("a stanza").clone();
    assert!(!String::from_utf8_lossy(&octets).to_lowercase().contains("real"));
    for hidden in ["Privacy: user\n", "Privacy: id;user;critical\n"] {
        let mut world = World::new();
        world.sip(&message("a", &format!("{hidden}{asserted}"), "x"));
        assert_eq!(world.codes(), [433], "{hidden}");
        assert_eq!(world.stanzas(), []);
    }
    let mut world = World::new();
    let anonymous = message("a", &format!("Privacy: id\n{asserted}"), "x");
    world.sip(&anonymous.replace("romeo@sip.test", "anonymous@anonymous.invalid"));
    assert_eq!(world.codes(), [433]);
    assert_eq!(world.stanzas(), []);
}

#[test]
fn sec_039_the_log_has_neither_bodies_nor_secrets() {
    let with_account = SETTINGS.replace(
        "transport=udp\" }",
        "transport=udp\", auth: [ { username: gw, password: m4rkedsecret } ] }",
    );
    assert_ne!(with_account, SETTINGS);
    let mut world = World::with(&with_account);
    world.up();
    world.juliet_says("1", "m4rkedbody");
    let request = world.request();
    world.answer_with(
        &request,
        401,
        &["WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\""],
    );
    let request = world.request();
    assert!(request.headers.contains(&HeaderName::Authorization));
    world.answer(&request, 404);
    world.xmpp.clear();
    world.romeo_says("a", "m4rkedbody");
    let id = world.message();
    world.xmpp(&format!(
        "<message type='error' id='{}' from='juliet@xmpp.test' to='romeo@sip.xmpp.test'><error type='cancel'>\
         <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error><body>m4rkedbody</body></message>",
        id.id.expect("an id")
    ));
    world.sip(
        &message("b", "Authorization: Digest username=\"m4rked\"\n", "m4rkedbody")
            .replace("sip.test", "evil.example"),
    );
    assert!(world.events.len() >= 3, "{:?}", world.events);
    let told = format!("{:?}", world.events);
    assert!(!told.contains("m4rked"), "{told}");
}

#[test]
fn sec_044_at_each_bound_there_is_an_answer() {
    let limited = |limits: &str| {
        let mut world = World::with(&format!("{SETTINGS}limits: {{ {limits} }}\n"));
        world.up();
        world
    };
    // One target's queue, and all queues together.
    for limits in ["queue_per_target: 1", "queue: 2, queue_per_sender: 2"] {
        let mut world = limited(limits);
        for id in ["1", "2", "3"] {
            world.juliet_says(id, "x");
        }
        let (id, error) = world.error();
        assert_eq!((id.as_str(), error.condition.name()), ("3", "resource-constraint"), "{limits}");
    }
    // Requests that wait for the XMPP server.
    let mut world = limited("unconfirmed: 1");
    world.romeo_says("a", "x");
    world.romeo_says("b", "x");
    let response = world.response();
    assert_eq!(response.status.code(), 503);
    assert!(response.headers.contains(&HeaderName::RetryAfter));
    // One stanza, one request.
    let mut world = limited("sip_message_octets: 1300");
    world.sip(&message("a", "", &"x".repeat(1_301)));
    let told = world.codes();
    assert!(told == [413] || told == [513], "{told:?}");
}
