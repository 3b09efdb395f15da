//! A peer that asks for credentials (RFC 3261 §22).

use stox::codec::sip::{Credentials, HeaderName, Request};
use stox::flow::Input;

use crate::recovery::unfinished;
use crate::world::World;

const SETTINGS: &str = r#"
xmpp: { component: sip.xmpp.test, server: "127.0.0.11:5347", secret: s3cret }
sip:
  listen: [ "udp:127.0.0.20:5060" ]
  peers:
    - name: core
      uri: "sip:127.0.0.13:5060"
      auth: { realm: sip.test, username: gateway, password: trunkpw }
  options_interval: 0s
domains:
  - { xmpp: sip.xmpp.test, sip: sip.test }
  - { xmpp: xmpp.test, sip: xmpp.test }
store: { path: store }
"#;

fn world() -> World {
    let mut world = World::with(SETTINGS);
    world.up();
    world
}

/// A world in which romeo reads objects, and a text that is too long is refused.
fn unsplit() -> World {
    let mut rules = crate::world::built_in();
    rules.messages.split = false;
    World::with_reader_and(SETTINGS, rules)
}

fn challenge(nonce: &str, more: &str) -> String {
    format!("Proxy-Authenticate: Digest realm=\"sip.test\", nonce=\"{nonce}\", qop=\"auth\"{more}")
}

fn credentials(request: &Request) -> Option<Credentials> {
    let value = request.headers.get(&HeaderName::ProxyAuthorization)?;
    Some(Credentials::parse(&value.to_text()).expect("legal credentials"))
}

fn nonce_and_count(request: &Request) -> Option<(String, u32)> {
    let credentials = credentials(request)?;
    let nonce = credentials.param("nonce").expect("a nonce").into_owned();
    Some((nonce, credentials.nonce_count().expect("a count")))
}

#[test]
fn a_challenge_is_answered_with_the_next_cseq() {
    let mut world = world();
    world.juliet_says("m1", "hello");
    let first = world.request();
    assert_eq!(credentials(&first), None);
    world.answer_with(&first, 407, &[&challenge("one", "")]);

    let second = world.request();
    assert_eq!(second.cseq.number, first.cseq.number + 1);
    assert_eq!((&second.call_id, second.from.tag()), (&first.call_id, first.from.tag()));
    assert_ne!(second.via[0].branch(), first.via[0].branch());
    assert_eq!(second.body, first.body);
    let made = credentials(&second).expect("credentials");
    assert_eq!(made.param("username").as_deref(), Some("gateway"));
    assert_eq!(made.param("uri").as_deref(), Some(second.uri.as_str()));
    assert_eq!(nonce_and_count(&second), Some(("one".to_owned(), 1)));

    world.answer(&second, 200);
    assert_eq!(world.stanzas(), []);
    assert!(world.gateway.idle());
}

#[test]
fn the_next_message_carries_credentials_at_once() {
    let mut world = world();
    world.juliet_says("m1", "hello");
    let request = world.request();
    world.answer_with(&request, 407, &[&challenge("one", "")]);
    let request = world.request();
    world.answer(&request, 200);

    world.juliet_says("m2", "hello");
    let request = world.request();
    assert_eq!(nonce_and_count(&request), Some(("one".to_owned(), 2)));
    // The nonce was good for one request only: another one is taken.
    world.answer_with(&request, 407, &[&challenge("two", "")]);
    let request = world.request();
    assert_eq!(nonce_and_count(&request), Some(("two".to_owned(), 1)));
    world.answer(&request, 200);
    assert_eq!(world.stanzas(), []);
}

#[test]
fn a_wrong_password_is_told_and_not_tried_for_ever() {
    let mut world = world();
    world.juliet_says("m1", "hello");
    let request = world.request();
    world.answer_with(&request, 407, &[&challenge("one", "")]);
    let request = world.request();
    world.answer_with(&request, 407, &[&challenge("two", "")]);
    let (id, error) = world.error();
    assert_eq!((id.as_str(), error.condition.name()), ("m1", "registration-required"));
    assert!(world.requests().is_empty());
}

#[test]
fn a_nonce_that_is_only_too_old_is_replaced_a_few_times() {
    let mut world = world();
    world.juliet_says("m1", "hello");
    for round in 0..4 {
        let request = world.request();
        let nonce = format!("n{round}");
        world.answer_with(&request, 407, &[&challenge(&nonce, ", stale=true")]);
    }
    let request = world.request();
    assert_eq!(nonce_and_count(&request), Some(("n3".to_owned(), 1)));
    world.answer_with(&request, 407, &[&challenge("n4", ", stale=true")]);
    assert_eq!(world.error().0, "m1");
}

#[test]
fn the_topmost_algorithm_that_is_known_is_used() {
    let mut world = world();
    world.juliet_says("m1", "hello");
    let request = world.request();
    let of = |algorithm: &str| challenge(algorithm, &format!(", algorithm={algorithm}"));
    let lines = [of("SHA-1024"), of("SHA-256"), of("MD5")];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    world.answer_with(&request, 407, &lines);
    let request = world.request();
    let made = credentials(&request).expect("credentials");
    assert_eq!(made.param("algorithm").as_deref(), Some("SHA-256"));
    assert_eq!(made.param("response").expect("a response").len(), 64);
}

#[test]
fn an_unknown_realm_or_scheme_is_told_to_the_sender() {
    for line in [
        "Proxy-Authenticate: Digest realm=\"elsewhere\", nonce=\"n\"",
        "Proxy-Authenticate: Basic realm=\"sip.test\"",
    ] {
        let mut world = world();
        world.juliet_says("m1", "hello");
        let request = world.request();
        world.answer_with(&request, 407, &[line]);
        assert_eq!(world.error().0, "m1", "{line}");
        assert!(world.requests().is_empty());
    }
}

#[test]
fn arch_020_a_401_is_answered_in_authorization_with_the_next_cseq() {
    let mut world = world();
    world.juliet_says("m1", "hello");
    let request = world.request();
    world.answer_with(&request, 401, &["WWW-Authenticate: Digest realm=\"sip.test\", nonce=\"n\""]);
    let again = world.request();
    assert!(again.headers.contains(&HeaderName::Authorization));
    assert_eq!(credentials(&again), None);
    assert_eq!(again.cseq.number, request.cseq.number + 1);
}

#[test]
fn what_waits_behind_a_challenged_message_keeps_its_place() {
    let mut world = world();
    world.juliet_says("m1", "first");
    world.juliet_says("m2", "second");
    let request = world.request();
    world.answer_with(&request, 407, &[&challenge("one", "")]);
    let request = world.request();
    assert!(String::from_utf8_lossy(&request.body).contains("first"));
    world.answer(&request, 200);
    let request = world.request();
    assert!(String::from_utf8_lossy(&request.body).contains("second"));
    assert_eq!(nonce_and_count(&request), Some(("one".to_owned(), 2)));
}

#[test]
fn a_challenge_after_a_restart_is_answered_with_a_higher_cseq() {
    let mut before = world();
    before.juliet_says("m1", "hello");
    let first = before.request();
    let left = unfinished(&before.journal).pop();

    let mut world = World::with(SETTINGS);
    world.now = before.now;
    world.feed(Input::Recovered(Box::new(left.expect("it is unfinished"))));
    assert_eq!(world.request(), first);
    world.answer_with(&first, 407, &[&challenge("one", "")]);
    let second = world.request();
    assert_eq!((&second.call_id, second.from.tag()), (&first.call_id, first.from.tag()));
    assert!(second.cseq.number > first.cseq.number);
    assert_eq!(nonce_and_count(&second), Some(("one".to_owned(), 1)));
}

/// RFC 3428 §8 bounds the whole request: what fits without credentials may not fit with them.
#[test]
fn credentials_do_not_make_a_request_too_large() {
    let mut world = unsplit();
    world.juliet_says("m1", &"x".repeat(470));
    let request = world.request();
    assert_eq!(request.headers.content_type(), Some("message/cpim"));
    world.answer_with(&request, 407, &[&challenge(&"n".repeat(300), "")]);
    let text = world.request();
    assert_eq!(text.headers.content_type(), Some("text/plain"));
    assert!(text.to_bytes().len() <= 1_300 && text.cseq.number > request.cseq.number);
    assert_eq!(nonce_and_count(&text).map(|(_, count)| count), Some(2));
    world.answer(&text, 200);

    world.juliet_says("m2", &"x".repeat(850));
    let (id, error) = world.error();
    assert_eq!((id.as_str(), error.condition.name()), ("m2", "policy-violation"));
    assert!(world.requests().is_empty());
    world.confirm_all();
    assert!(world.gateway.idle());
}

#[test]
fn credentials_may_make_a_request_too_large_for_udp() {
    let settings = SETTINGS
        .replace("\"udp:127.0.0.20:5060\"", "\"udp:127.0.0.20:5060\", \"tcp:127.0.0.20:5060\"");
    let mut rules = crate::world::built_in();
    rules.messages.max_request_octets = 4_000;
    let mut world = World::ruled(&settings, rules, 7);
    world.up();
    world.juliet_says("m1", &"x".repeat(620));
    let request = world.request();
    world.answer_with(&request, 407, &[&challenge(&"n".repeat(300), "")]);
    let [(place, again)] = &world.routed()[..] else { panic!("one request") };
    assert_eq!(place, "tcp 127.0.0.13:5060");
    assert_eq!(again.via[0].transport_str(), "TCP");
    assert_eq!((&again.body, again.cseq.number), (&request.body, 2));
    assert!(again.to_bytes().len() > 1_300);
}

#[test]
fn credentials_for_the_next_server_do_not_make_a_request_fail() {
    let settings = SETTINGS.replace(
        "  options_interval",
        "    - { name: other, uri: \"sip:127.0.0.14:5060\", auth: { username: gateway, password: p } }\n  options_interval",
    );
    let mut world = World::with(&settings);
    world.up();
    world.juliet_says("m1", "hello");
    let request = world.request();
    world.answer(&request, 503);
    let request = world.request();
    world.answer_with(&request, 407, &[&challenge(&"n".repeat(300), "")]);
    let request = world.request();
    world.answer(&request, 200);

    world.juliet_says("m2", &"x".repeat(450));
    let request = world.request();
    assert_eq!(credentials(&request), None);
    world.answer(&request, 503);
    let [(place, text)] = &world.routed()[..] else { panic!("one request") };
    assert_eq!(place, "udp 127.0.0.14:5060");
    assert_eq!(text.headers.content_type(), Some("text/plain"));
    assert!(text.to_bytes().len() <= 1_300 && credentials(text).is_some());
}
