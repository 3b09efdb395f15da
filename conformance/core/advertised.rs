//! What a domain advertises in the DNS (RFC 3861): `im:` and `pres:` addresses, and servers for
//! messages and for presence.

use std::time::Duration;

use stox::codec::sip::Method;
use stox::config::Transport;
use stox::flow::{Answer, Input, Query, QueryKind, Records, Srv};

use crate::world::World;

fn settings(peers: &str, advertised: &str) -> String {
    format!(
        r#"
xmpp: {{ component: sip.xmpp.test, server: "127.0.0.11:5347", secret: s3cret }}
sip:
  listen: [ "udp:127.0.0.20:5060", "tcp:127.0.0.20:5060" ]
  peers: [ {peers} ]
  options_interval: 0s
domains:
  - {{ xmpp: sip.xmpp.test, sip: sip.test{advertised} }}
  - {{ xmpp: xmpp.test, sip: xmpp.test }}
store: {{ path: store }}
"#
    )
}

const STATIC: &str = r#"{ name: core, uri: "sip:127.0.0.13:5060;transport=udp" }"#;
const ADVERTISED: &str = ", advertised: true";

/// What a zone says: names of SRV records with their hosts, and hosts with their addresses.
type Zone<'a> = &'a [(&'a str, &'a [&'a str])];

const BOTH: Zone<'_> = &[("_im._sip.sip.test", &["a.test"]), ("_pres._sip.sip.test", &["a.test"])];

/// Answers what the DNS is asked, until nothing more is: the questions.
fn resolve(world: &mut World, zone: Zone<'_>) -> Vec<String> {
    let mut asked = Vec::new();
    while let Some(query) = world.queries.pop() {
        asked.push(query.name.clone());
        let answer = answer(&query, zone);
        world.feed(Input::Resolved { query, answer });
    }
    asked.sort();
    asked
}

fn answer(query: &Query, zone: Zone<'_>) -> Answer {
    let ttl = Duration::from_secs(300);
    let Some((_, values)) = zone.iter().find(|(name, _)| *name == query.name) else {
        return Answer::Nothing { ttl: Some(ttl) };
    };
    let records = match query.kind {
        QueryKind::Srv => Records::Srv(
            (1..)
                .zip(*values)
                .map(|(priority, target)| Srv {
                    priority,
                    weight: 0,
                    port: 5_070,
                    target: (*target).to_owned(),
                })
                .collect(),
        ),
        QueryKind::Addresses => {
            Records::Addresses(values.iter().map(|it| it.parse().expect("one")).collect())
        }
        QueryKind::Naptr => return Answer::Nothing { ttl: Some(ttl) },
    };
    Answer::Found { records, ttl }
}

fn world(advertised: &str, zone: Zone<'_>) -> (World, Vec<String>) {
    let mut world = World::with(&settings(STATIC, advertised));
    world.up();
    let asked = resolve(&mut world, zone);
    (world, asked)
}

/// Request-URI and To of a MESSAGE, then Request-URI, From and To of a SUBSCRIBE.
fn addresses(world: &mut World) -> [String; 5] {
    world.juliet_says("1", "hello");
    let message = world.request();
    assert_eq!(message.method, Method::Message);
    world.answer(&message, 200);
    world.stanzas();
    let subscribe = world.juliet_subscribes();
    let uri = |uri: &stox::codec::sip::Uri| uri.as_str().to_owned();
    [
        uri(&message.uri),
        uri(message.to.uri()),
        uri(&subscribe.uri),
        uri(subscribe.from.uri()),
        uri(subscribe.to.uri()),
    ]
}

const SIP: [&str; 5] = [
    "sip:romeo@sip.test",
    "sip:romeo@sip.test",
    "sip:romeo@sip.test",
    "sip:juliet@xmpp.test",
    "sip:romeo@sip.test",
];
const IM: [&str; 5] = [
    "sip:romeo@sip.test",
    "im:romeo@sip.test",
    "pres:romeo@sip.test",
    "sip:juliet@xmpp.test",
    "pres:romeo@sip.test",
];

#[test]
fn addr_046_addresses_as_the_domain_advertises_them() {
    // Off: nobody is asked.
    let (mut world, asked) = world("", BOTH);
    assert_eq!((asked, addresses(&mut world)), (vec![], SIP.map(str::to_owned)));
    // On, and there.
    let (mut world, asked) = self::world(ADVERTISED, BOTH);
    assert_eq!(asked, ["_im._sip.sip.test", "_pres._sip.sip.test"]);
    assert_eq!(addresses(&mut world), IM);
    // On, and not there; or decidedly not there.
    for zone in [&[] as Zone<'_>, &[("_im._sip.sip.test", &[""]), ("_pres._sip.sip.test", &[])]] {
        let (mut world, _) = self::world(ADVERTISED, zone);
        assert_eq!(addresses(&mut world), SIP);
    }
}

#[test]
fn addr_046_what_is_advertised_is_asked_for_again_in_time() {
    let (mut world, _) = world(ADVERTISED, BOTH);
    assert_eq!(addresses(&mut world), IM);
    world.pass_ms(299_000);
    assert_eq!(world.queries, []);
    world.pass_ms(2_000);
    assert_eq!(world.queries.len(), 2);
    // While no name server answers, what was known stays.
    world.queries.clear();
    world.pass_ms(10_000);
    let told = |world: &mut World| {
        world.juliet_says("2", "hello");
        let message = world.requests().pop().expect("a MESSAGE");
        world.answer(&message, 200);
        message.to.uri().as_str().to_owned()
    };
    assert_eq!(told(&mut world), "im:romeo@sip.test");
    // It is gone.
    world.pass_ms(60_000);
    resolve(&mut world, &[]);
    assert_eq!(told(&mut world), "sip:romeo@sip.test");
}

const IM_PEER: &str = r#"{ name: im, uri: "sip:sip.test", service: im }"#;
const PRES_PEER: &str = r#"{ name: pres, uri: "sip:sip.test", service: pres }"#;
const ZONE: Zone<'_> = &[
    ("_im._sip.sip.test", &["one.test", "two.test"]),
    ("_pres._sip.sip.test", &["three.test"]),
    ("_im._xmpp.sip.test", &["xmpp.test"]),
    ("one.test", &["127.0.0.41"]),
    ("two.test", &["127.0.0.42"]),
    ("three.test", &["127.0.0.43"]),
    // Where there is SRV this address is not a server.
    ("sip.test", &["127.0.0.99"]),
];

#[test]
fn addr_064_messages_and_presence_go_where_their_own_records_say() {
    let mut world = World::with(&settings(&format!("{IM_PEER}, {PRES_PEER}"), ""));
    world.up();
    let asked = resolve(&mut world, ZONE);
    assert!(!asked.contains(&"sip.test".to_owned()), "{asked:?}");
    world.juliet_says("1", "hello");
    let (way, message) = world.routed().remove(0);
    assert_eq!((way.as_str(), &message.method), ("udp 127.0.0.41:5070", &Method::Message));
    world.answer(&message, 200);
    world.stanzas();
    world.xmpp("<presence from='juliet@xmpp.test' to='romeo@sip.xmpp.test' type='subscribe'/>");
    let (way, subscribe) = world.routed().remove(0);
    assert_eq!((way.as_str(), &subscribe.method), ("udp 127.0.0.43:5070", &Method::Subscribe));
    // A peer with an address: the DNS is not asked at all.
    let (_, asked) = self::world("", ZONE);
    assert_eq!(asked, [""; 0]);
}

#[test]
fn addr_064_an_address_without_srv_is_a_server() {
    let mut world = World::with(&settings(IM_PEER, ""));
    world.up();
    let asked = resolve(&mut world, &[("sip.test", &["127.0.0.99"])]);
    assert_eq!(asked, ["_im._sip.sip.test", "sip.test"]);
    world.juliet_says("1", "hello");
    assert_eq!(world.routed()[0].0, "udp 127.0.0.99:5060");
}

#[test]
fn addr_065_the_second_server_is_tried() {
    let mut world = World::with(&settings(
        r#"{ name: im, uri: "sip:sip.test;transport=tcp", service: im }"#,
        "",
    ));
    world.up();
    resolve(&mut world, ZONE);
    world.juliet_says("1", "hello");
    let (way, _) = world.routed().remove(0);
    assert_eq!(way, "tcp 127.0.0.41:5070");
    let remote = "127.0.0.41:5070".parse().expect("an address");
    world.feed(Input::Unreachable { remote, transport: Transport::Tcp });
    assert_eq!(world.routed()[0].0, "tcp 127.0.0.42:5070");
    // By UDP a server that is silent makes way, too.
    let mut world = World::with(&settings(IM_PEER, ""));
    world.up();
    resolve(&mut world, ZONE);
    world.juliet_says("1", "hello");
    assert_eq!(world.routed()[0].0, "udp 127.0.0.41:5070");
    world.pass_ms(33_000);
    let last = world.routed().pop().expect("another attempt");
    assert_eq!(last.0, "udp 127.0.0.42:5070");
}

#[test]
fn addr_066_the_protocols_are_those_of_the_configuration() {
    let mut world = World::with(&settings(&format!("{STATIC}, {IM_PEER}"), ""));
    world.up();
    let asked = resolve(&mut world, ZONE);
    assert!(asked.iter().all(|name| !name.contains("_xmpp")), "{asked:?}");
    // The order of the peers is the order of choice.
    world.juliet_says("1", "hello");
    assert_eq!(world.routed()[0].0, "udp 127.0.0.13:5060");
    let mut world = World::with(&settings(&format!("{IM_PEER}, {STATIC}"), ""));
    world.up();
    resolve(&mut world, ZONE);
    world.juliet_says("1", "hello");
    assert_eq!(world.routed()[0].0, "udp 127.0.0.41:5070");
}
