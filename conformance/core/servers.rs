//! Peers that are names: the DNS, servers that fail, other transports (RFC 3263, RFC 3261 §18.1.1).

use std::net::SocketAddr;
use std::time::Duration;

use stox::codec::sip::{Method, Request};
use stox::config::Transport;
use stox::flow::{Answer, Input, Query, QueryKind, Records, Srv};

use crate::world::World;

fn settings(peers: &str, more: &str) -> String {
    format!(
        r#"
xmpp: {{ component: sip.xmpp.test, server: "127.0.0.11:5347", secret: s3cret }}
sip:
  listen: [ "udp:127.0.0.20:5060", "tcp:127.0.0.20:5060" ]
  peers: [ {peers} ]
  {more}
domains:
  - {{ xmpp: sip.xmpp.test, sip: sip.test }}
  - {{ xmpp: xmpp.test, sip: xmpp.test }}
store: {{ path: store }}
"#
    )
}

const NAMED: &str = r#"{ name: core, uri: "sip:core.test;transport=udp" }"#;
const ONE: &str = "127.0.0.41:5070";
const TWO: &str = "127.0.0.42:5070";

/// A world whose peer has two servers, the first before the second.
fn world(more: &str) -> World {
    let mut world = World::with(&settings(NAMED, more));
    world.up();
    resolve(&mut world, 300);
    world
}

/// Answers what the DNS is asked, until nothing more is.
fn resolve(world: &mut World, ttl: u64) {
    while let Some(query) = world.queries.pop() {
        answer(world, query, ttl);
    }
}

/// The zone of core.test.
fn answer(world: &mut World, query: Query, ttl: u64) {
    let ttl = Duration::from_secs(ttl);
    let srv = |priority, target: &str| Srv {
        priority,
        weight: 0,
        port: 5_070,
        target: target.to_owned(),
    };
    let records = match (query.kind, query.name.as_str()) {
        (QueryKind::Srv, "_sip._udp.core.test") => {
            Records::Srv(vec![srv(1, "one.test"), srv(2, "two.test")])
        }
        (QueryKind::Addresses, "one.test") => {
            Records::Addresses(vec!["127.0.0.41".parse().expect("an address")])
        }
        (QueryKind::Addresses, "two.test") => {
            Records::Addresses(vec!["127.0.0.42".parse().expect("an address")])
        }
        other => panic!("an unexpected question: {other:?}"),
    };
    world.feed(Input::Resolved { query, answer: Answer::Found { records, ttl } });
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// The one request sent since the last look, and where it went.
fn routed(world: &mut World) -> (String, Request) {
    let mut routed = world.routed();
    assert_eq!(routed.len(), 1, "{routed:#?}");
    routed.remove(0)
}

fn branch(request: &Request) -> String {
    request.via[0].branch().expect("a branch").to_owned()
}

const NO_OPTIONS: &str = "options_interval: 0s";

#[test]
fn a_message_waits_until_the_peer_is_found() {
    let mut world = World::with(&settings(NAMED, NO_OPTIONS));
    world.up();
    world.juliet_says("early", "hello");
    assert!(world.routed().is_empty() && world.stanzas().is_empty());
    resolve(&mut world, 300);
    assert_eq!(routed(&mut world).0, format!("udp {ONE}"));
}

#[test]
fn nobody_is_called_a_stranger_before_the_peers_are_found() {
    let mut world = World::with(&settings(NAMED, NO_OPTIONS));
    world.up();
    world.sip_from(ONE, &crate::world::message("a", "", "hello"));
    assert!(world.sip.is_empty() && world.stanzas().is_empty());
    resolve(&mut world, 300);
    world.sip_from(ONE, &crate::world::message("a", "", "hello"));
    assert_eq!(world.stanzas().len(), 1);
    world.sip_from("127.0.0.99:5060", &crate::world::message("b", "", "hello"));
    assert_eq!(world.codes(), [403]);
}

#[test]
fn a_message_does_not_wait_for_ever_for_a_silent_name_server() {
    let mut world = World::with(&settings(NAMED, NO_OPTIONS));
    world.up();
    world.juliet_says("early", "hello");
    world.pass(Duration::from_secs(5));
    assert!(world.stanzas().is_empty(), "the name itself is asked for still");
    world.pass(Duration::from_secs(5));
    let (id, error) = world.error();
    assert_eq!((id.as_str(), error.condition.name()), ("early", "internal-server-error"));
    world.confirm_all();
    assert!(world.gateway.idle());
}

#[test]
fn the_dns_is_asked_again_when_its_answer_is_too_old_and_not_before() {
    let mut world = world(NO_OPTIONS);
    world.pass(Duration::from_secs(299));
    assert_eq!(world.queries, []);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.queries.len(), 1, "{:?}", world.queries);
    // While nothing is answered, what was known before is used.
    world.juliet_says("meanwhile", "hello");
    assert_eq!(routed(&mut world).0, format!("udp {ONE}"));
    resolve(&mut world, 300);
}

#[test]
fn a_question_without_an_answer_loses_no_server_that_is_known() {
    let mut world = world(NO_OPTIONS);
    world.pass(Duration::from_secs(300));
    while let Some(query) = world.queries.pop() {
        match query.name.as_str() {
            "one.test" => world.feed(Input::Resolved { query, answer: Answer::Failed }),
            _ => answer(&mut world, query, 300),
        }
    }
    world.juliet_says("m1", "hello");
    assert_eq!(routed(&mut world).0, format!("udp {ONE}"));
    world.sip_from(ONE, &crate::world::message("a", "", "hello"));
    assert_eq!(world.stanzas().len(), 1, "it is no stranger");
}

#[test]
fn arch_005_a_second_message_asks_the_dns_nothing() {
    let mut world = world(NO_OPTIONS);
    world.juliet_says("one", "hello");
    let (_, request) = routed(&mut world);
    world.answer_from(ONE, &request, 200, &[]);
    world.juliet_says("two", "hello");
    routed(&mut world);
    assert_eq!(world.queries, []);
}

#[test]
fn a_name_server_that_is_silent_counts_as_failed_and_is_asked_again() {
    let mut world = World::with(&settings(NAMED, NO_OPTIONS));
    world.up();
    assert_eq!(world.queries.len(), 1);
    world.pass(Duration::from_secs(40));
    assert!(world.queries.len() > 1, "{:?}", world.queries);
}

#[test]
fn a_server_that_does_not_answer_is_followed_by_the_next_under_a_new_branch() {
    let mut world = world(NO_OPTIONS);
    world.juliet_says("m1", "hello");
    let (way, first) = routed(&mut world);
    assert_eq!(way, format!("udp {ONE}"));

    world.pass(Duration::from_secs(32));
    let (way, second) = world.routed().pop().expect("another request");
    assert_eq!(way, format!("udp {TWO}"));
    assert_ne!(branch(&first), branch(&second));
    assert_eq!(first.call_id, second.call_id);
    assert_eq!((first.cseq.number, first.from.tag()), (second.cseq.number, second.from.tag()));
    assert_eq!(first.body, second.body);

    world.answer_from(TWO, &second, 200, &[]);
    assert_eq!(world.stanzas(), []);
    assert!(world.gateway.idle());
    assert_eq!(world.counter("xmpp_to_sip_rerouted"), 1);
}

#[test]
fn a_503_is_followed_by_the_next_server_and_the_last_one_is_told() {
    let mut world = world(NO_OPTIONS);
    world.juliet_says("m1", "hello");
    let (_, request) = routed(&mut world);
    world.answer_from(ONE, &request, 503, &[]);
    let (way, request) = routed(&mut world);
    assert_eq!(way, format!("udp {TWO}"));
    world.answer_from(TWO, &request, 503, &[]);
    let (id, error) = world.error();
    assert_eq!((id.as_str(), error.condition.name()), ("m1", "internal-server-error"));
}

#[test]
fn an_answer_about_the_user_is_not_asked_for_twice() {
    let mut world = world(NO_OPTIONS);
    world.juliet_says("m1", "hello");
    let (_, request) = routed(&mut world);
    world.answer_from(ONE, &request, 404, &[]);
    assert_eq!(world.error().1.condition.name(), "item-not-found");
    assert!(world.routed().is_empty());
}

#[test]
fn all_servers_are_watched_and_the_first_that_serves_is_used() {
    let mut world = world("options_interval: 30s");
    let asked = world.routed();
    let ways: Vec<&str> = asked.iter().map(|(way, _)| way.as_str()).collect();
    assert_eq!(ways, [format!("udp {ONE}"), format!("udp {TWO}")]);
    assert!(asked.iter().all(|(_, request)| request.method == Method::Options));
    world.answer_from(TWO, &asked[1].1, 200, &[]);
    // The first is silent; the second is known to serve.
    world.juliet_says("m1", "hello");
    assert_eq!(routed(&mut world).0, format!("udp {TWO}"));
}

#[test]
fn a_server_that_comes_back_is_used_again() {
    let mut world = world("options_interval: 30s");
    let asked = world.routed();
    world.answer_from(ONE, &asked[0].1, 503, &[]);
    world.answer_from(TWO, &asked[1].1, 200, &[]);
    world.juliet_says("m1", "hello");
    let (way, request) = routed(&mut world);
    assert_eq!(way, format!("udp {TWO}"));
    world.answer_from(TWO, &request, 200, &[]);

    world.pass(Duration::from_secs(30));
    for (way, request) in world.routed() {
        world.answer_from(way.strip_prefix("udp ").expect("by UDP"), &request, 200, &[]);
    }
    world.juliet_says("m2", "hello");
    assert_eq!(routed(&mut world).0, format!("udp {ONE}"));
}

#[test]
fn a_second_peer_takes_over_from_the_first() {
    let peers =
        r#"{ name: one, uri: "sip:127.0.0.41:5070" }, { name: two, uri: "sip:127.0.0.42:5070" }"#;
    let mut world = World::with(&settings(peers, NO_OPTIONS));
    world.up();
    world.juliet_says("m1", "hello");
    assert_eq!(routed(&mut world).0, format!("udp {ONE}"));
    let (remote, transport) = (address(ONE), Transport::Udp);
    world.feed(Input::Unreachable { remote, transport });
    assert_eq!(routed(&mut world).0, format!("udp {TWO}"));
}

mod tcp {
    use super::*;

    const PEER: &str = r#"{ name: one, uri: "sip:127.0.0.41:5070;transport=tcp" }"#;

    #[test]
    fn what_a_lost_connection_carried_goes_once_more_under_the_same_branch() {
        let mut world = World::with(&settings(PEER, NO_OPTIONS));
        world.up();
        world.juliet_says("m1", "hello");
        let (way, first) = routed(&mut world);
        assert_eq!(way, format!("tcp {ONE}"));
        let (remote, transport) = (address(ONE), Transport::Tcp);
        world.feed(Input::Closed { remote, transport });
        assert_eq!(routed(&mut world).1, first);

        world.feed(Input::Closed { remote, transport });
        assert_eq!(world.error().0, "m1");
        world.confirm_all();
        assert!(world.gateway.idle());
    }

    #[test]
    fn a_connection_that_carries_nothing_may_close() {
        let mut world = World::with(&settings(PEER, NO_OPTIONS));
        world.up();
        world.feed(Input::Closed { remote: address(ONE), transport: Transport::Tcp });
        assert!(world.routed().is_empty());
    }
}

mod large {
    use super::*;

    /// Rules under which a MESSAGE may be long: the operator vouches for the path.
    fn world(listen_tcp: bool) -> World {
        let mut rules = crate::world::built_in();
        rules.messages.max_request_octets = 65_535;
        rules.messages.split = false;
        let peer = r#"{ name: one, uri: "sip:127.0.0.41:5070;transport=udp" }"#;
        let mut text = settings(peer, NO_OPTIONS);
        if !listen_tcp {
            text = text.replace(r#", "tcp:127.0.0.20:5060""#, "");
        }
        let mut world = World::ruled(&text, rules, 7);
        world.up();
        world
    }

    #[test]
    fn arch_006_a_long_request_goes_by_tcp() {
        let mut world = world(true);
        world.juliet_says("short", "hello");
        assert_eq!(routed(&mut world).0, format!("udp {ONE}"));
        let mut world = self::world(true);
        world.juliet_says("long", &"x".repeat(2_000));
        let (way, request) = routed(&mut world);
        assert_eq!(way, format!("tcp {ONE}"));
        assert_eq!(request.via[0].transport_str(), "TCP");
        assert_eq!(request.body.len(), 2_000);
    }

    /// RFC 3261 §18.1.1: what was changed to TCP for its length goes by UDP after a reset.
    #[test]
    fn arch_006_a_long_request_goes_by_udp_where_tcp_is_refused() {
        let mut world = world(true);
        let refuse = |world: &mut World| {
            let (remote, transport) = (address(ONE), Transport::Tcp);
            world.feed(Input::Unreachable { remote, transport });
        };
        world.juliet_says("long", &"x".repeat(2_000));
        let (_, by_tcp) = routed(&mut world);
        refuse(&mut world);
        let (way, by_udp) = routed(&mut world);
        assert_eq!((way, by_udp.via[0].transport_str()), (format!("udp {ONE}"), "UDP"));
        assert_ne!(branch(&by_tcp), branch(&by_udp));
        assert_eq!((&by_tcp.call_id, by_tcp.cseq.number), (&by_udp.call_id, by_udp.cseq.number));
        assert_eq!(by_tcp.body, by_udp.body);
        world.answer_from(ONE, &by_udp, 200, &[]);
        assert_eq!(world.stanzas(), []);
        assert!(world.gateway.idle());

        // The next one goes by UDP at once, and after five minutes TCP has another chance.
        world.juliet_says("again", &"x".repeat(2_000));
        let (way, request) = routed(&mut world);
        assert_eq!(way, format!("udp {ONE}"));
        world.answer_from(ONE, &request, 200, &[]);
        assert_eq!(world.counter("sip_large_by_udp"), 1);
        world.pass(Duration::from_secs(300));
        world.juliet_says("later", &"x".repeat(2_000));
        assert_eq!(routed(&mut world).0, format!("tcp {ONE}"));
        refuse(&mut world);
        assert_eq!(routed(&mut world).0, format!("udp {ONE}"));

        // Where UDP fails as well there is nothing left to try.
        world.feed(Input::Unreachable { remote: address(ONE), transport: Transport::Udp });
        assert_eq!(world.error().0, "later");
        assert!(world.routed().is_empty());
    }

    /// A server that the peer names for TCP is not asked by UDP: nothing was changed there.
    #[test]
    fn a_peer_by_tcp_is_not_tried_by_udp() {
        let mut rules = crate::world::built_in();
        rules.messages.max_request_octets = 65_535;
        let peer = r#"{ name: one, uri: "sip:127.0.0.41:5070;transport=tcp" }"#;
        let mut world = World::ruled(&settings(peer, NO_OPTIONS), rules, 7);
        world.up();
        world.juliet_says("long", &"x".repeat(2_000));
        assert_eq!(routed(&mut world).0, format!("tcp {ONE}"));
        let (remote, transport) = (address(ONE), Transport::Tcp);
        world.feed(Input::Unreachable { remote, transport });
        assert_eq!(world.error().0, "long");
        assert!(world.routed().is_empty());
    }

    /// 65,535 octets less the heads of IP and UDP.
    #[test]
    fn no_datagram_is_longer_than_a_datagram_can_be() {
        let mut world = world(true);
        world.juliet_says("long", &"x".repeat(65_225));
        let (way, request) = routed(&mut world);
        let octets = request.to_bytes().len();
        assert!(way.starts_with("tcp") && (65_508..=65_535).contains(&octets), "{octets}");
        let (remote, transport) = (address(ONE), Transport::Tcp);
        world.feed(Input::Unreachable { remote, transport });
        assert!(world.routed().iter().all(|(_, it)| it.to_bytes().len() <= 65_507));
    }

    #[test]
    fn without_a_tcp_listener_it_is_refused() {
        let mut world = world(false);
        world.juliet_says("long", &"x".repeat(2_000));
        let (id, error) = world.error();
        assert_eq!((id.as_str(), error.condition.name()), ("long", "policy-violation"));
        assert!(world.routed().is_empty());
    }
}
