//! What the gateway is to both sides: a user agent of its own to SIP, a component to XMPP.

use std::time::Duration;

use stox::codec::sip::{HeaderName, Method};
use stox::codec::xmpp::{Stanza, ns};
use stox::config::Transport;
use stox::flow::{Answer, Input, Query, QueryKind, Records, Srv};

use crate::world::{PEER, SETTINGS, World, message};

/// Settings with a peer that the DNS must find.
fn by_name() -> String {
    SETTINGS.replace("sip:127.0.0.13:5060;transport=udp", "sip:sip.test")
}

/// A world whose peer was found at 127.0.0.13 by UDP and, if wanted, by TCP too.
fn found(tcp: bool) -> World {
    let mut world = World::with(&by_name());
    world.up();
    let srv = |target: &str| {
        Records::Srv(vec![Srv { priority: 1, weight: 1, port: 5_060, target: target.to_owned() }])
    };
    let mut answered = 0;
    while answered < world.queries.len() {
        let query = world.queries[answered].clone();
        answered += 1;
        let ttl = Duration::from_secs(300);
        let records = match (query.kind, query.name.starts_with("_sip._tcp")) {
            (QueryKind::Srv, true) if tcp => Some(srv("proxy.sip.test")),
            (QueryKind::Srv, false) if query.name.starts_with("_sip._udp") => {
                Some(srv("proxy.sip.test"))
            }
            (QueryKind::Addresses, _) if query.name.starts_with("proxy.") => {
                Some(Records::Addresses(vec!["127.0.0.13".parse().expect("an address")]))
            }
            _ => None,
        };
        let answer = match records {
            Some(records) => Answer::Found { records, ttl },
            None => Answer::Nothing { ttl: Some(ttl) },
        };
        world.feed(Input::Resolved { query, answer });
    }
    world
}

#[test]
fn arch_001_a_message_is_translated_once() {
    let mut world = World::new();
    world.juliet_says("1", "x");
    assert_eq!((world.sip.len(), world.xmpp.len()), (1, 0), "no stanza comes of it");
    assert_eq!(world.sip[0].0.remote, PEER.parse().expect("an address"));
    let request = world.request();
    world.answer(&request, 200);
    assert_eq!((world.sip.len(), world.xmpp.len()), (0, 0));
}

#[test]
fn arch_002_each_direction_ends_on_the_other_side() {
    let mut world = World::new();
    world.romeo_says("a", "x");
    assert_eq!(
        (world.sip.len(), world.xmpp.len()),
        (0, 1),
        "a stanza, and no request to the XMPP domain"
    );
    world.confirm();
    assert_eq!(world.codes(), [200]);
    world.pass_ms(60_000);
    assert_eq!(world.sip.len(), 0);
}

#[test]
fn arch_003_the_next_hop_is_found_by_rfc_3263_and_nobody_asks_for_an_xmpp_server() {
    let mut world = found(false);
    world.juliet_says("1", "x");
    assert_eq!(world.sip[0].0.remote, PEER.parse().expect("an address"));
    assert_eq!(world.sip[0].0.transport, Transport::Udp);
    let kinds: Vec<QueryKind> = world.queries.iter().map(|query| query.kind).collect();
    for kind in [QueryKind::Naptr, QueryKind::Srv, QueryKind::Addresses] {
        assert!(kinds.contains(&kind), "{:?}", world.queries);
    }
    assert!(
        world.queries.iter().all(|Query { name, .. }| !name.contains("xmpp")),
        "{:?}",
        world.queries
    );
    let mut world = World::new();
    world.juliet_says("1", "x");
    assert_eq!(
        (world.sip.len(), world.queries.len()),
        (1, 0),
        "a peer with an address needs no DNS"
    );
}

#[test]
fn arch_005_what_the_dns_said_is_used_as_long_as_it_holds() {
    let mut world = found(false);
    world.queries.clear();
    world.juliet_says("1", "x");
    let request = world.request();
    world.answer(&request, 200);
    world.pass_ms(200_000);
    world.juliet_says("2", "x");
    assert_eq!((world.sip.len(), world.queries.len()), (1, 0), "no question within the TTL");
    let request = world.request();
    world.answer(&request, 200);
    world.pass_ms(101_000);
    assert!(!world.queries.is_empty(), "asked again when it no longer holds");
}

#[test]
fn a_peer_that_has_udp_alone_is_reached_by_udp() {
    let mut world = found(false);
    world.juliet_says("1", "x");
    assert_eq!(world.sip[0].0.transport, Transport::Udp);
}

#[test]
fn msg_015_of_two_transports_the_one_that_controls_congestion() {
    let mut world = found(true);
    world.juliet_says("1", "x");
    assert_eq!(world.sip[0].0.transport, Transport::Tcp);
    assert!(world.request().via[0].as_str().starts_with("SIP/2.0/TCP 127.0.0.20:5060"));
}

#[test]
fn arch_007_the_gateway_is_a_user_agent_of_its_own() {
    let mut rules = crate::world::built_in();
    rules.messages.thread_to_xmpp = stox::rules::ThreadForm::CallId;
    rules.messages.thread_to_sip = stox::rules::ThreadForm::CallId;
    let mut world = World::ruled(SETTINGS, rules, 7);
    world.up();
    let text = message("peerbranch", "", "x").replace(
        "Max-Forwards",
        "Via: SIP/2.0/UDP inner.example:5062;branch=z9hG4bKinner\nMax-Forwards",
    );
    world.sip(&text);
    let (_, octets) = world.xmpp.first().expect("a stanza").clone();
    let stanza = String::from_utf8(octets.to_vec()).expect("UTF-8");
    for leak in ["z9hG4bK", "inner.example", "127.0.0.13"] {
        assert!(!stanza.contains(leak), "{leak} in {stanza}");
    }
    // An answer in the same thread is a request of the gateway's own.
    let thread = world.message().thread.expect("a thread");
    world.xmpp(&format!("<message id='1'><body>y</body><thread>{thread}</thread></message>"));
    let request = world.request();
    assert_eq!(request.via.len(), 1);
    assert!(request.via[0].as_str().contains("127.0.0.20:5060"));
    assert_ne!(request.from.tag(), Some("tpeerbranch"));
    assert_eq!(request.to.tag(), None);
}

#[test]
fn arch_012_options_says_what_is_really_served() {
    let mut world = World::new();
    let options = message("o", "", "").replace("MESSAGE", "OPTIONS");
    world.sip(&options);
    let response = world.response();
    assert_eq!(response.status.code(), 200);
    let allow: Vec<&str> = response.headers.items(&HeaderName::Allow).collect();
    let accept: Vec<&str> = response.headers.items(&HeaderName::Accept).collect();
    assert!(allow.contains(&"MESSAGE") && allow.contains(&"OPTIONS"), "{allow:?}");
    assert!(accept.contains(&"text/plain") && accept.contains(&"message/cpim"), "{accept:?}");
    assert!(!accept.iter().any(|kind| kind.starts_with("image/")), "{accept:?}");
    assert!(response.headers.contains(&HeaderName::Supported));
    // Each method that RFCs of this gateway know is served exactly if it is in Allow.
    for (n, method) in [
        "MESSAGE",
        "OPTIONS",
        "SUBSCRIBE",
        "NOTIFY",
        "PUBLISH",
        "INVITE",
        "BYE",
        "REFER",
        "INFO",
        "UPDATE",
        "REGISTER",
    ]
    .into_iter()
    .enumerate()
    {
        let mut world = World::new();
        world.sip(&message(&format!("m{n}"), "", "x").replace("MESSAGE", method));
        world.confirm_all();
        let refused = world.codes().contains(&405);
        assert_eq!(refused, !allow.contains(&method), "{method}");
    }
    assert_eq!(Method::Message.as_str(), "MESSAGE");
}

#[test]
fn arch_019_a_redirection_is_told_and_not_followed() {
    let mut world = World::new();
    world.juliet_says("m1", "x");
    let request = world.request();
    world.answer_with(&request, 302, &["Contact: <sip:b@sip.test>"]);
    let (id, error) = world.error();
    assert_eq!((id.as_str(), error.condition.name()), ("m1", "redirect"));
    assert_eq!(world.requests(), [], "no request to the contact");
}

/// Every stanza that the gateway writes, of whatever kind, has both addresses, its own in `from`.
#[test]
fn arch_022_every_stanza_has_from_and_to() {
    let mut world = World::new();
    let users = "from='juliet@xmpp.test/b' to='romeo@sip.xmpp.test'";
    let own = "from='juliet@xmpp.test/b' to='sip.xmpp.test'";
    let query =
        |ends: &str, ns: &str| format!("<iq type='get' id='1' {ends}><query xmlns='{ns}'/></iq>");
    for stanza in [
        "<message from='juliet@xmpp.test/b' id='1'><body>to nobody</body></message>".to_owned(),
        "<iq type='get' id='1' from='juliet@xmpp.test/b'><query xmlns='urn:x'/></iq>".to_owned(),
        "<presence type='subscribe' from='juliet@xmpp.test/b'/>".to_owned(),
        "<message from='juliet@xmpp.test/b' to='@sip.xmpp.test' id='1'><body>x</body></message>"
            .to_owned(),
        format!("<message {own} id='1'><body>x</body></message>"),
        format!("<message {users} type='groupchat' id='1'><body>x</body></message>"),
        query(own, ns::DISCO_INFO),
        query(own, ns::DISCO_ITEMS),
        query(own, ns::VERSION),
        query(own, ns::GATEWAY),
        query(users, ns::DISCO_INFO),
        query(users, "urn:unknown"),
        format!("<iq type='get' id='1' {own}><ping xmlns='{}'/></iq>", ns::PING),
    ] {
        let before = world.xmpp.len();
        world.xmpp_as_it_is(&stanza);
        assert_eq!(world.xmpp.len(), before + 1, "{stanza}");
    }
    world.romeo_says("a", "x");
    world.juliet_says("m", "x");
    let request = world.request();
    world.answer(&request, 404);
    let stanzas = world.stanzas();
    assert_eq!(stanzas.len(), 15);
    for stanza in stanzas {
        let (from, to) = match &stanza {
            Stanza::Message(message) => (&message.from, &message.to),
            Stanza::Iq(iq) => (&iq.from, &iq.to),
            Stanza::Presence(presence) => (&presence.from, &presence.to),
            other => panic!("{other:?}"),
        };
        let from = from.as_ref().unwrap_or_else(|| panic!("no from: {stanza:?}"));
        assert_eq!(from.domain(), "sip.xmpp.test");
        assert!(to.is_some(), "no to: {stanza:?}");
    }
    // And a stanza that no server stamped is not answered.
    world.xmpp_as_it_is("<message to='romeo@sip.xmpp.test'><body>x</body></message>");
    assert_eq!((world.sip.len(), world.xmpp.len()), (0, 0));
}

#[test]
fn arch_030_without_gr_a_sip_user_has_no_resource() {
    let mut world = World::new();
    world.romeo_says("a", "x");
    assert_eq!(world.message().from.expect("a sender").as_str(), "romeo@sip.xmpp.test");
}

#[test]
fn arch_042_what_is_out_of_scope_is_left_out_and_the_rest_delivered() {
    let mut world = World::with_reader();
    world.xmpp(
        "<message id='1'><body>x</body><tune xmlns='http://jabber.org/protocol/tune'><title>y</title></tune>\
         <a xmlns='urn:never:heard:of'><b>z</b></a></message>",
    );
    let request = world.request();
    assert!(request.body.ends_with(b"\r\n\r\nx"));
    world.sip(&message(
        "a",
        "X-Mood: merry\nGeolocation: <cid:x>\nAlert-Info: <http://x.example>\n",
        "hello",
    ));
    let stanza = world.message();
    assert_eq!(&*stanza.bodies[0].text, "hello");
    assert_eq!(stanza.extensions, []);
}

#[test]
fn arch_044_what_no_server_would_take_is_refused_before_it_is_sent() {
    let large = format!("{SETTINGS}limits: {{ sip_message_octets: 1048576 }}\n");
    let mut world = World::with(&large);
    world.up();
    world.sip_by_tcp(&message("a", "", &"x".repeat(300_000)));
    assert_eq!(world.codes(), [413]);
    assert_eq!((world.stanzas().len(), world.reopened.len()), (0, 0));
    world.romeo_says("b", "still here");
    assert_eq!(&*world.message().bodies[0].text, "still here");
}

#[test]
fn new_rules_count_from_the_next_message_on_and_those_under_way_keep_their_addresses() {
    let load = |text: &str| {
        let directory = std::env::temp_dir().join(format!("stox-new-rules-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        std::fs::write(directory.join("addresses.yaml"), text).expect("a file");
        let loaded = stox::rules::Rules::load(Some(&directory));
        std::fs::remove_dir_all(&directory).expect("the directory can go");
        std::sync::Arc::new(loaded.expect("the rules are right").0)
    };
    let mut world = World::with_reader();
    world.juliet_says("m1", "one");
    world.juliet_says("m2", "two");
    let first = world.request();
    let pair = "{ name: a, jid: \"romeo@sip.xmpp.test\", uri: \"sip:montague@sip.test\" }";
    world.feed(Input::Rules(load(&format!("pairs: [ {pair} ]\n"))));
    world.juliet_says("m3", "three");
    assert_eq!(world.request().uri.as_str(), "sip:montague@sip.test");
    world.answer(&first, 415);
    let again = world.request();
    world.answer(&again, 200);
    let second = world.request();
    for under_way in [first, again, second] {
        assert_eq!(under_way.uri.as_str(), "sip:romeo@sip.test");
    }
}
