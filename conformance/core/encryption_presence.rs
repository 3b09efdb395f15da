//! Secured presence (RFC 3923 §4, §8): what a SIP user shows an XMPP user in an object.

use stox::codec::mime::SmimeObject;
use stox::codec::sip::{HeaderName, Request, Response};
use stox::codec::xmpp::{Presence, PresenceKind, ns};
use stox::flow::Decision;

use crate::encryption::{NATIVE, native, ruled, sightings};
use crate::scene::{header, notify, open};
use crate::world::{SETTINGS, World};

const MARKED: &str = "the-marked-clear-text";
const ACTIVE: &str = "active;expires=3600";
const RELAYED: &str = "application/pidf+xml, multipart/signed, application/pkcs7-mime";
const ENVELOPED: &str = "application/pkcs7-mime;smime-type=enveloped-data";
const SIGNED: &str =
    "multipart/signed;protocol=\"application/pkcs7-signature\";micalg=sha-256;boundary=b";

/// A body of [`SIGNED`] around these octets, which are of this type.
fn signed(kind: &str, content: &str) -> Vec<u8> {
    format!(
        "--b\r\nContent-Type: {kind}\r\n\r\n{content}\r\n--b\r\n\
         Content-Type: application/pkcs7-signature\r\n\r\nMIAA\r\n--b--"
    )
    .into_bytes()
}

/// Juliet's request to see romeo goes out, and he lets her.
fn she_watches(world: &mut World) -> Request {
    let domain = if world.gateway_is_native() { "sip.test" } else { "sip.xmpp.test" };
    world.xmpp(&format!(
        "<presence from='juliet@xmpp.test' to='romeo@{domain}' id='s1' type='subscribe'/>"
    ));
    let subscribe = world.request();
    world.answer_with(&subscribe, 200, &["Expires: 3600"]);
    world.sip(&notify(&subscribe, 1, ACTIVE, ""));
    assert_eq!(world.codes(), [200]);
    assert_eq!(world.presences().len(), 1);
    subscribe
}

/// A NOTIFY of romeo's with a body of this type.
fn shows(
    world: &mut World,
    subscribe: &Request,
    (cseq, state): (u32, &str),
    kind: &str,
    body: &[u8],
) -> Response {
    let head = notify(subscribe, cseq, state, "");
    world.sip_octets(&format!("{}\nContent-Type: {kind}", head.trim_end()), body);
    world.response()
}

/// The one stanza that she was told, and the object in it.
#[track_caller]
fn object(world: &mut World) -> (Presence, SmimeObject) {
    let mut told = world.presences();
    assert_eq!(told.len(), 1, "{told:?}");
    let stanza = told.remove(0);
    let [element] = &stanza.extensions[..] else { panic!("{stanza:?}") };
    assert!(element.is("e2e", ns::E2E) && element.attrs.is_empty());
    let object = SmimeObject::from_xml(&element.text(), true).expect("an object");
    (stanza, object)
}

/// What she was told, in short.
fn told(world: &mut World) -> Vec<String> {
    let short = |presence: Presence| {
        let from = presence.from.expect("a sender");
        format!("{:?} {}", presence.kind, from.as_str()).to_lowercase()
    };
    world.presences().into_iter().map(short).collect()
}

#[track_caller]
fn met(world: &mut World) -> Vec<(String, Decision)> {
    sightings(world).into_iter().map(|met| (met.place, met.decision)).collect()
}

#[test]
fn e2e_021_subscribe_names_the_types_where_they_cross() {
    let mut world = native();
    let subscribe = she_watches(&mut world);
    assert_eq!(header(&subscribe, &HeaderName::Accept), RELAYED);
    // A refresh, and a question without a subscription, too.
    let refresh = world.awaited(crate::scene::seconds(3_600));
    assert_eq!(header(&refresh, &HeaderName::Accept), RELAYED);
    world.xmpp("<presence from='nurse@xmpp.test/a' to='romeo@sip.test' type='probe'/>");
    assert_eq!(header(&world.request(), &HeaderName::Accept), RELAYED);
    // Where addresses change a certificate does not hold (E2E-025), unless a rule says so.
    for (settings, rules, expected) in [
        (SETTINGS, "{}", "application/pidf+xml"),
        (SETTINGS, "schemes: { smime: { to_xmpp: relay } }", RELAYED),
        (NATIVE, "schemes: { smime: { to_xmpp: refuse } }", "application/pidf+xml"),
        (NATIVE, "schemes: { smime: { to_sip: refuse } }", RELAYED),
        (NATIVE, "domains: { sip.test: { smime: { to_xmpp: notify } } }", "application/pidf+xml"),
    ] {
        let subscribe = she_watches(&mut ruled(settings, rules));
        assert_eq!(header(&subscribe, &HeaderName::Accept), expected, "{rules}");
    }
}

#[test]
fn e2e_021_rules_that_change_count_from_the_next_subscribe_on() {
    let mut world = native();
    she_watches(&mut world);
    let rules = crate::encryption::rules("schemes: { smime: { to_xmpp: refuse } }");
    world.feed(stox::flow::Input::Rules(std::sync::Arc::new(rules)));
    let refresh = world.awaited(crate::scene::seconds(3_600));
    assert_eq!(header(&refresh, &HeaderName::Accept), "application/pidf+xml");
}

#[test]
fn e2e_021_an_object_is_shown_as_it_is() {
    let mut world = native();
    let subscribe = she_watches(&mut world);
    let der: Vec<u8> = (0..=255).collect();
    assert_eq!(shows(&mut world, &subscribe, (2, ACTIVE), ENVELOPED, &der).status.code(), 200);
    let (stanza, came) = object(&mut world);
    assert_eq!((stanza.kind, stanza.kind.name()), (PresenceKind::Available, None));
    assert_eq!(stanza.from.as_ref().expect("from").as_str(), "romeo@sip.test");
    assert_eq!(stanza.to.as_ref().expect("to").as_str(), "juliet@xmpp.test");
    assert!(stanza.statuses.is_empty() && stanza.show.is_none() && stanza.id.is_some());
    assert_eq!(&came.body[..], der);
    let body = signed("application/pidf+xml", "<presence/>  \r\n]]> é");
    shows(&mut world, &subscribe, (3, ACTIVE), SIGNED, &body);
    assert_eq!(&object(&mut world).1.body[..], body);
    let relayed = [
        ("application/pkcs7-mime".to_owned(), Decision::Relayed),
        ("multipart/signed".to_owned(), Decision::Relayed),
    ];
    assert_eq!(met(&mut world), relayed);
    assert_eq!(world.counter("encrypted_messages"), 2);
}

#[test]
fn e2e_021_a_copy_is_answered_and_shown_once() {
    let mut world = native();
    let subscribe = she_watches(&mut world);
    shows(&mut world, &subscribe, (2, ACTIVE), ENVELOPED, b"0\x05");
    object(&mut world);
    let copy = notify(&subscribe, 2, ACTIVE, "").replacen("z9hG4bK", "z9hG4bKcopy", 1);
    world.sip_octets(&format!("{}\nContent-Type: {ENVELOPED}", copy.trim_end()), b"0\x05");
    assert_eq!((world.response().status.code(), told(&mut world)), (200, vec![]));
    assert_eq!(met(&mut world).len(), 1);
}

#[test]
fn e2e_021_what_is_known_stays_and_what_he_is_by_it_ends() {
    let mut world = native();
    let subscribe = she_watches(&mut world);
    world.sip(&notify(&subscribe, 2, ACTIVE, &open(&["orchard"])));
    assert_eq!(world.codes(), [200]);
    assert_eq!(told(&mut world), ["available romeo@sip.test/orchard"]);
    shows(&mut world, &subscribe, (3, ACTIVE), ENVELOPED, b"0\x05");
    assert_eq!(told(&mut world), ["available romeo@sip.test"]);
    // A document that shows a device takes nothing back; one that shows none does.
    world.sip(&notify(&subscribe, 4, ACTIVE, &open(&["orchard", "street"])));
    world.responses();
    assert_eq!(told(&mut world), ["available romeo@sip.test/street"]);
    let closed = crate::scene::pidf(&crate::scene::tuple("ID-orchard", "closed", ""));
    world.sip(&notify(&subscribe, 5, ACTIVE, &closed));
    world.responses();
    let gone = ["street", "orchard"].map(|it| format!("unavailable romeo@sip.test/{it}"));
    let mut expected = gone.to_vec();
    expected.push("unavailable romeo@sip.test".to_owned());
    assert_eq!(told(&mut world), expected);
    world.sip(&notify(&subscribe, 6, ACTIVE, &closed));
    world.responses();
    assert_eq!(told(&mut world), Vec::<String>::new());
}

#[test]
fn e2e_021_the_end_of_the_subscription_ends_what_he_is_by_an_object() {
    let mut world = native();
    let subscribe = she_watches(&mut world);
    shows(&mut world, &subscribe, (2, ACTIVE), ENVELOPED, b"0\x05");
    told(&mut world);
    // The next process knows it, too.
    let mut world = world.killed_under(NATIVE, 1_000);
    world.up();
    world.sent();
    world.sip(&notify(&subscribe, 3, "terminated;reason=rejected", ""));
    assert_eq!(told(&mut world), ["unavailable romeo@sip.test", "unsubscribed romeo@sip.test"]);
}

#[test]
fn e2e_021_an_object_in_what_is_no_watch_of_hers_is_not_shown() {
    let mut world = native();
    let subscribe = she_watches(&mut world);
    for (cseq, state) in [(2, "pending"), (3, "terminated;reason=timeout")] {
        shows(&mut world, &subscribe, (cseq, state), ENVELOPED, b"0\x05");
    }
    assert_eq!(told(&mut world), Vec::<String>::new());
    assert!(met(&mut world).iter().all(|(_, decision)| *decision == Decision::Refused));
}

#[test]
fn e2e_021_the_answer_to_a_question_may_be_an_object() {
    let mut world = native();
    world.xmpp("<presence from='juliet@xmpp.test/a' to='romeo@sip.test' type='probe'/>");
    let question = world.request();
    world.answer_with(&question, 200, &["Expires: 0"]);
    let state = "terminated;reason=timeout";
    let response = shows(&mut world, &question, (1, state), ENVELOPED, b"0\x05");
    assert_eq!(response.status.code(), 200);
    assert_eq!(&object(&mut world).1.body[..], b"0\x05");
    assert_eq!(met(&mut world)[0].1, Decision::Relayed);
}

/// A NOTIFY whose body does not cross: nothing is shown, and his side is told why.
#[track_caller]
fn unshown(settings: &str, rules: &str, kind: &str, body: &[u8], code: u16) -> Response {
    let mut world = ruled(settings, rules);
    let subscribe = she_watches(&mut world);
    let response = shows(&mut world, &subscribe, (2, ACTIVE), kind, body);
    assert_eq!((response.status.code(), told(&mut world)), (code, vec![]), "{kind}");
    let met = sightings(&mut world);
    assert_eq!(met.len(), 1, "{kind}");
    assert_eq!(met[0].decision, Decision::Refused);
    assert_eq!(met[0].to, "juliet@xmpp.test");
    assert_eq!(world.gateway.status(world.now).encryption_refused.len(), 1);
    // The subscription goes on.
    world.sip(&notify(&subscribe, 3, ACTIVE, &open(&["orchard"])));
    world.responses();
    assert_eq!(world.presences().len(), 1);
    response
}

#[test]
fn e2e_090_what_does_not_cross_is_refused_in_notify() {
    let body = signed("application/pidf+xml", "<presence/>");
    let refuse = "schemes: { smime: { to_xmpp: refuse } }";
    let notify = "schemes: { smime: { to_xmpp: notify } }";
    for (settings, rules) in [(SETTINGS, "{}"), (NATIVE, refuse), (NATIVE, notify)] {
        for (kind, body) in [(SIGNED, &body[..]), (ENVELOPED, b"0\x05")] {
            let response = unshown(settings, rules, kind, body, 415);
            let text = |name| response.headers.get_text(name).unwrap_or_default().to_owned();
            assert_eq!(text(&HeaderName::Accept), "application/pidf+xml");
            assert!(text(&HeaderName::Warning).contains("S/MIME"));
        }
    }
    unshown(SETTINGS, "to_xmpp: { smime_status: 493 }", ENVELOPED, b"0\x05", 493);
    let pgp = "multipart/encrypted;protocol=\"application/pgp-encrypted\";boundary=b";
    let response = unshown(NATIVE, "{}", pgp, b"--b\r\n\r\nx\r\n--b--", 415);
    assert_eq!(response.headers.get_text(&HeaderName::Accept), Some(RELAYED));
}

#[test]
fn e2e_037_a_secured_part_of_a_notify_does_not_cross() {
    let mixed = format!(
        "--m\r\nContent-Type: application/pidf+xml\r\n\r\n{}\r\n--m\r\n\
         Content-Type: application/pkcs7-mime\r\n\r\nMIAA\r\n--m--",
        open(&["orchard"])
    );
    unshown(NATIVE, "{}", "multipart/mixed;boundary=m", mixed.as_bytes(), 415);
}

#[test]
fn e2e_084_an_object_that_xml_cannot_hold_is_refused_in_notify() {
    for content in ["a\nb", "a\rb", "\u{0}", "\u{7}", "\u{FFFF}"] {
        let body = signed("application/pidf+xml", content);
        let response = unshown(NATIVE, "{}", SIGNED, &body, 488);
        let warning = response.headers.get_text(&HeaderName::Warning).unwrap_or_default();
        assert!(warning.contains("cannot be carried"), "{warning}");
    }
    let mut body = signed("application/pidf+xml", "x");
    body.insert(60, 0xE9);
    unshown(NATIVE, "{}", SIGNED, &body, 488);
    // What is signed is none of what RFC 3923 §9 names.
    unshown(NATIVE, "{}", SIGNED, &signed("text/plain", "x"), 488);
    unshown(NATIVE, "{}", SIGNED, b"no multipart at all", 488);
    let narrow = format!("{NATIVE}limits: {{ stanza_octets: 10000 }}\n");
    unshown(&narrow, "{}", ENVELOPED, &[0x30; 9_000], 413);
}

#[test]
fn e2e_042_by_rule_the_signed_document_is_read_without_its_signature() {
    let mut world = ruled(NATIVE, "schemes: { smime: { to_xmpp: strip-signature } }");
    let subscribe = she_watches(&mut world);
    assert_eq!(header(&subscribe, &HeaderName::Accept), "application/pidf+xml");
    let body = signed("application/pidf+xml", &open(&["orchard"]));
    assert_eq!(shows(&mut world, &subscribe, (2, ACTIVE), SIGNED, &body).status.code(), 200);
    assert_eq!(told(&mut world), ["available romeo@sip.test/orchard"]);
    assert_eq!(met(&mut world)[0].1, Decision::SignatureLeftOut);
    let body = signed("text/plain", "x");
    assert_eq!(shows(&mut world, &subscribe, (3, ACTIVE), SIGNED, &body).status.code(), 415);
    shows(&mut world, &subscribe, (4, ACTIVE), ENVELOPED, b"0\x05");
    assert_eq!(told(&mut world), Vec::<String>::new());
}

#[test]
fn e2e_024_an_object_that_nobody_can_be_shown_is_not_taken() {
    let mut world = native();
    let subscribe = she_watches(&mut world);
    world.down(false);
    let response = shows(&mut world, &subscribe, (2, ACTIVE), ENVELOPED, b"0\x05");
    assert_eq!(response.status.code(), 500);
    assert_eq!(response.headers.get_text(&HeaderName::RetryAfter), Some("10"));
    assert_eq!(met(&mut world)[0].1, Decision::Refused);
    assert_eq!(world.counter("sip_notifies_refused"), 1);
}

#[test]
fn e2e_091_what_she_says_of_it_comes_too_late_for_an_answer() {
    let mut world = native();
    let subscribe = she_watches(&mut world);
    shows(&mut world, &subscribe, (2, ACTIVE), ENVELOPED, b"0\x05");
    let id = object(&mut world).0.id.expect("an id");
    for id in [format!("id='{id}'"), String::new()] {
        world.xmpp(&format!(
            "<presence type='error' {id} from='juliet@xmpp.test/balcony' to='romeo@sip.test'>\
             <e2e xmlns='{e2e}'>x</e2e><error type='modify'>\
             <bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
             <decryption-failed xmlns='{e2e}'/></error></presence>",
            e2e = ns::E2E
        ));
    }
    assert_eq!((world.requests(), told(&mut world)), (vec![], vec![]));
    assert_eq!(world.counter("xmpp_stray_errors"), 2);
}

#[test]
fn e2e_078_nothing_of_secured_presence_is_told() {
    let mut world = ruled(SETTINGS, "{}");
    let subscribe = she_watches(&mut world);
    let body =
        signed("application/pidf+xml", &format!("<presence><note>{MARKED}</note></presence>"));
    shows(&mut world, &subscribe, (2, ACTIVE), SIGNED, &body);
    let status = format!("{:?}", world.gateway.status(world.now));
    let events = format!("{:?}", world.events);
    assert!(!status.contains(MARKED) && !events.contains(MARKED));
}
