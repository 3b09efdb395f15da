//! Secured presence (RFC 3923 §4, §8): what one shows the other in an object, both ways.

use stox::codec::mime::SmimeObject;
use stox::codec::sip::{HeaderName, Request, Response};
use stox::codec::xmpp::{Condition, ErrorKind, Presence, PresenceKind, StanzaError, ns};
use stox::flow::Decision;

use crate::encryption::{NATIVE, native, ruled, scheme_of, sightings};
use crate::scene::{Watcher, header, notify, open, seconds, substate};
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

/// Juliet's request to see romeo goes out, and romeo grants it.
fn juliet_watches(world: &mut World) -> Request {
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

/// The one stanza that juliet was told, and the object in it.
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

/// What juliet was told, in short.
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
    let subscribe = juliet_watches(&mut world);
    assert_eq!(header(&subscribe, &HeaderName::Accept), RELAYED);
    // A refresh, and a question without a subscription, too.
    let refresh = world.awaited(seconds(3_600));
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
        let subscribe = juliet_watches(&mut ruled(settings, rules));
        assert_eq!(header(&subscribe, &HeaderName::Accept), expected, "{rules}");
    }
}

#[test]
fn e2e_021_rules_that_change_count_from_the_next_subscribe_on() {
    let mut world = native();
    juliet_watches(&mut world);
    let rules = crate::encryption::rules("schemes: { smime: { to_xmpp: refuse } }");
    world.feed(stox::flow::Input::Rules(std::sync::Arc::new(rules)));
    let refresh = world.awaited(seconds(3_600));
    assert_eq!(header(&refresh, &HeaderName::Accept), "application/pidf+xml");
}

#[test]
fn e2e_021_an_object_is_shown_as_it_is() {
    let mut world = native();
    let subscribe = juliet_watches(&mut world);
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
    let subscribe = juliet_watches(&mut world);
    shows(&mut world, &subscribe, (2, ACTIVE), ENVELOPED, b"0\x05");
    object(&mut world);
    let copy = notify(&subscribe, 2, ACTIVE, "").replacen("z9hG4bK", "z9hG4bKcopy", 1);
    world.sip_octets(&format!("{}\nContent-Type: {ENVELOPED}", copy.trim_end()), b"0\x05");
    assert_eq!((world.response().status.code(), told(&mut world)), (200, vec![]));
    assert_eq!(met(&mut world).len(), 1);
}

#[test]
fn e2e_021_what_is_known_stays_and_the_presence_that_an_object_made_ends() {
    let mut world = native();
    let subscribe = juliet_watches(&mut world);
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
fn e2e_021_the_end_of_the_subscription_ends_the_presence_that_an_object_made() {
    let mut world = native();
    let subscribe = juliet_watches(&mut world);
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
fn e2e_021_an_object_outside_an_active_subscription_is_not_shown() {
    let mut world = native();
    let subscribe = juliet_watches(&mut world);
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

/// A NOTIFY whose body does not cross: nothing is shown, and romeo's side is told why.
#[track_caller]
fn unshown(settings: &str, rules: &str, kind: &str, body: &[u8], code: u16) -> Response {
    let mut world = ruled(settings, rules);
    let subscribe = juliet_watches(&mut world);
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
    let subscribe = juliet_watches(&mut world);
    assert_eq!(header(&subscribe, &HeaderName::Accept), "application/pidf+xml");
    let body = signed("application/pidf+xml", &open(&["orchard"]));
    assert_eq!(shows(&mut world, &subscribe, (2, ACTIVE), SIGNED, &body).status.code(), 200);
    assert_eq!(told(&mut world), ["available romeo@sip.test/orchard"]);
    assert_eq!(met(&mut world)[0].1, Decision::SignatureLeftOut);
    let body = signed("text/plain", "x");
    assert_eq!(shows(&mut world, &subscribe, (3, ACTIVE), SIGNED, &body).status.code(), 415);
    assert_eq!(met(&mut world)[0].1, Decision::Refused);
    shows(&mut world, &subscribe, (4, ACTIVE), ENVELOPED, b"0\x05");
    assert_eq!(told(&mut world), Vec::<String>::new());
}

#[test]
fn e2e_024_an_object_that_nobody_can_be_shown_is_not_taken() {
    let mut world = native();
    let subscribe = juliet_watches(&mut world);
    world.down(false);
    let response = shows(&mut world, &subscribe, (2, ACTIVE), ENVELOPED, b"0\x05");
    assert_eq!(response.status.code(), 500);
    assert_eq!(response.headers.get_text(&HeaderName::RetryAfter), Some("10"));
    assert_eq!(met(&mut world)[0].1, Decision::Refused);
    assert_eq!(world.counter("sip_notifies_refused"), 1);
}

#[test]
fn an_error_for_it_comes_too_late_for_an_answer() {
    let mut world = native();
    let subscribe = juliet_watches(&mut world);
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
    let subscribe = juliet_watches(&mut world);
    let body =
        signed("application/pidf+xml", &format!("<presence><note>{MARKED}</note></presence>"));
    shows(&mut world, &subscribe, (2, ACTIVE), SIGNED, &body);
    let status = format!("{:?}", world.gateway.status(world.now));
    let events = format!("{:?}", world.events);
    assert!(!status.contains(MARKED) && !events.contains(MARKED));
}

// What juliet shows romeo.

const EX9: &str = "Content-Type: multipart/signed; boundary=next;\n              micalg=sha1;\n              \
    protocol=application/pkcs7-signature\n\n--next\nContent-type: application/pidf+xml\n\
    Content-ID: <2345678901@example.com>\n\n<xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"pres:juliet@example.com\"/>\n--next\n\
    Content-Type: application/pkcs7-signature\n\n[signed body part]\n\n--next--";
const SEALED: &str = "Content-Type: application/pkcs7-mime;smime-type=enveloped-data\n\
    Content-Transfer-Encoding: base64\n\nMAUA";
const BOTH: &str =
    "Expires: 3600\nAccept: application/pidf+xml, multipart/signed, application/pkcs7-mime\n";

/// Romeo watches juliet, who grants it, and takes what these header lines say.
fn romeo_watches(world: &mut World, call: &str, headers: &str) -> Watcher {
    let (ok, notifies) = world.romeo_subscribes(call, headers);
    notifies.iter().for_each(|notify| world.answer(notify, 200));
    world.xmpp("<presence from='juliet@xmpp.test' to='romeo@sip.test' type='subscribed'/>");
    world.settle(200);
    world.stanzas();
    world.run(seconds(20), |world, request| world.answer(request, 200));
    world.confirm_all();
    world.stanzas();
    let tag = ok.to.tag().expect("a tag").to_owned();
    Watcher { call: call.to_owned(), tag, cseq: 1 }
}

/// A stanza of juliet's balcony with an object in it, and with clear words beside it.
fn sends(world: &mut World, object: &str) {
    sends_as(world, "balcony", "", object);
}

fn sends_as(world: &mut World, device: &str, attributes: &str, object: &str) {
    let object = object.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    world.xmpp(&format!(
        "<presence from='juliet@xmpp.test/{device}' to='romeo@sip.test' id='o1' {attributes}>\
         <show>dnd</show><status>{MARKED}</status><e2e xmlns='{}'>{object}</e2e></presence>",
        ns::E2E
    ));
}

/// The one error that juliet got for an object.
#[track_caller]
fn refused(world: &mut World, condition: &Condition) -> StanzaError {
    let mut told = world.presences();
    assert_eq!(told.len(), 1, "{told:?}");
    let answer = told.remove(0);
    assert_eq!((answer.kind, answer.id.as_deref()), (PresenceKind::Error, Some("o1")));
    assert_eq!(answer.from.expect("from").as_str(), "romeo@sip.test");
    assert!(answer.to.expect("to").as_str().starts_with("juliet@xmpp.test/"));
    assert!(answer.extensions.is_empty() && answer.statuses.is_empty());
    let error = answer.error.expect("an error");
    assert_eq!(&error.condition, condition, "{error:?}");
    assert_eq!(world.requests(), [], "nothing crosses");
    error
}

/// The same, which says that S/MIME does not cross, in these words.
#[track_caller]
fn untranslatable(world: &mut World, words: &str) {
    let error = refused(world, &Condition::NotAcceptable);
    assert_eq!((scheme_of(&error).as_str(), error.kind), ("smime", ErrorKind::Modify));
    assert!(error.texts[0].text.contains(words), "{error:?}");
}

#[test]
fn e2e_009_an_object_goes_to_who_watches_as_it_is() {
    let mut world = native();
    romeo_watches(&mut world, "w1", BOTH);
    sends(&mut world, EX9);
    let request = world.request();
    assert_eq!(request.method.as_str(), "NOTIFY");
    let kind =
        "multipart/signed;boundary=next;micalg=sha1;protocol=\"application/pkcs7-signature\"";
    assert_eq!(header(&request, &HeaderName::ContentType), kind);
    assert!(substate(&request).starts_with("active;expires="));
    assert_eq!(header(&request, &HeaderName::Event), "presence");
    let (_, body) = EX9.split_once("\n\n").expect("a header");
    assert_eq!(String::from_utf8_lossy(&request.body), body.replace('\n', "\r\n"));
    world.answer(&request, 200);
    assert_eq!(told(&mut world), Vec::<String>::new());
    assert_eq!(met(&mut world)[0].1, Decision::Relayed);
    world.pass_ms(10_000);
    sends(&mut world, SEALED);
    let request = world.request();
    assert_eq!(header(&request, &HeaderName::ContentType), ENVELOPED);
    assert_eq!(&request.body[..], b"0\x05\0");
    assert_eq!(header(&request, &HeaderName::ContentTransferEncoding), "");
}

#[test]
fn e2e_020_each_subscription_that_takes_the_type_has_it_once() {
    let mut world = native();
    let sealed = "Expires: 3600\nAccept: application/pidf+xml\nAccept: Application/PKCS7-mime\n";
    for (call, headers) in [("w1", BOTH), ("w2", "Expires: 3600\n"), ("w3", sealed)] {
        romeo_watches(&mut world, call, headers);
    }
    let calls = |requests: Vec<Request>| {
        let mut calls: Vec<_> = requests.iter().map(|it| it.call_id.as_str().to_owned()).collect();
        calls.sort();
        calls
    };
    sends(&mut world, SEALED);
    assert_eq!(calls(world.settle(200)), ["w1", "w3"]);
    world.pass_ms(10_000);
    sends(&mut world, EX9);
    assert_eq!(calls(world.settle(200)), ["w1"]);
    world.run(seconds(60), |_, request| panic!("{request:?}"));
    assert_eq!(told(&mut world), Vec::<String>::new());
}

#[test]
fn e2e_020_without_a_subscription_that_takes_it_the_sender_is_told() {
    let words = "recipient does not support S/MIME";
    let mut world = native();
    sends(&mut world, EX9);
    untranslatable(&mut world, words);
    // A fetch is none, nor a subscription that juliet has not decided.
    let (_, notifies) = world.romeo_subscribes("q", &BOTH.replace("3600", "0"));
    world.answer(&notifies[0], 200);
    let (_, notifies) = world.romeo_subscribes("w0", BOTH);
    world.answer(&notifies[0], 200);
    world.presences();
    sends(&mut world, EX9);
    untranslatable(&mut world, words);
    for (number, accept) in [
        "",
        "application/pidf+xml",
        "*/*",
        "application/*, multipart/*",
        "application/pidf+xml, multipart/signed;q=0, application/pkcs7-mime",
    ]
    .into_iter()
    .enumerate()
    {
        let mut world = native();
        let line = if accept.is_empty() { String::new() } else { format!("Accept: {accept}\n") };
        romeo_watches(&mut world, &format!("w{number}"), &format!("Expires: 3600\n{line}"));
        sends(&mut world, EX9);
        untranslatable(&mut world, words);
        assert_eq!(world.gateway.status(world.now).encryption_refused[0].direction, "xmpp_to_sip");
    }
}

#[test]
fn e2e_020_what_a_subscription_takes_its_last_subscribe_says() {
    let mut world = native();
    let mut watcher = romeo_watches(&mut world, "w1", "Expires: 3600\n");
    let (_, notifies) = watcher.again(&mut world, BOTH);
    world.answer(&notifies[0], 200);
    world.pass_ms(10_000);
    sends(&mut world, EX9);
    world.settle(200);
    world.pass_ms(10_000);
    let (_, notifies) = watcher.again(&mut world, "Expires: 3600\n");
    world.answer(&notifies[0], 200);
    sends(&mut world, EX9);
    untranslatable(&mut world, "recipient does not support S/MIME");
    // One that has ended takes nothing.
    watcher.again(&mut world, BOTH);
    watcher.again(&mut world, &BOTH.replace("3600", "0"));
    world.settle(200);
    world.presences();
    sends(&mut world, EX9);
    untranslatable(&mut world, "recipient does not support S/MIME");
}

#[test]
fn e2e_020_what_a_subscription_takes_survives_a_restart() {
    let mut world = native();
    romeo_watches(&mut world, "w1", BOTH);
    let mut world = world.killed_under(NATIVE, 1_000);
    world.up();
    world.settle(200);
    world.stanzas();
    world.pass_ms(10_000);
    world.settle(200);
    world.stanzas();
    sends(&mut world, EX9);
    let object = world.awaited(seconds(10));
    assert_eq!((object.call_id.as_str(), told(&mut world)), ("w1", vec![]));
    assert!(header(&object, &HeaderName::ContentType).starts_with("multipart/signed"));
}

#[test]
fn e2e_081_where_the_policy_is_another_the_sender_is_told() {
    let words = "not supported";
    let refuse = "schemes: { smime: { to_sip: refuse } }";
    let domain = "domains: { sip.test: { smime: { to_sip: notify } } }";
    for rules in [refuse, domain] {
        let mut world = ruled(NATIVE, rules);
        romeo_watches(&mut world, "w1", BOTH);
        sends(&mut world, EX9);
        untranslatable(&mut world, words);
        assert_eq!(met(&mut world)[0].1, Decision::Refused);
        world.run(seconds(30), |_, request| panic!("{request:?}"));
        assert_eq!(told(&mut world), Vec::<String>::new());
    }
    let mut world = ruled(NATIVE, refuse);
    sends_as(&mut world, "balcony", "xml:lang='de'", EX9);
    let error = refused(&mut world, &Condition::NotAcceptable);
    assert_eq!(error.texts[0].lang.as_deref(), Some("de"));
}

#[test]
fn e2e_019_nothing_is_made_of_what_stands_beside_the_object() {
    let mut world = native();
    let mut watcher = romeo_watches(&mut world, "w1", BOTH);
    world.xmpp("<presence from='juliet@xmpp.test/balcony' to='romeo@sip.test'/>");
    assert!(crate::scene::body(&world.settle(200)[0]).contains("ID-balcony"));
    world.pass_ms(10_000);
    sends(&mut world, EX9);
    world.settle(200);
    let (_, notifies) = watcher.again(&mut world, BOTH);
    let shown = crate::scene::body(&notifies[0]);
    assert!(shown.contains("ID-balcony") && !shown.contains("dnd") && !shown.contains(MARKED));
    let sent = String::from_utf8_lossy(&notifies[0].to_bytes()).into_owned();
    assert!(!sent.contains("next"), "an object is not repeated: {sent}");
    let records = format!("{:?}", world.records);
    assert!(!records.contains(MARKED) && !records.contains("signed body part"));
}

#[test]
fn e2e_024_what_is_unavailable_and_secured_is_both() {
    let mut world = native();
    romeo_watches(&mut world, "w1", BOTH);
    world.xmpp("<presence from='juliet@xmpp.test/balcony' to='romeo@sip.test'/>");
    world.settle(200);
    world.pass_ms(10_000);
    sends_as(&mut world, "balcony", "type='unavailable'", SEALED);
    assert_eq!(&world.settle(200)[0].body[..], b"0\x05\0");
    world.pass_ms(5_000);
    let last = world.settle(200);
    assert_eq!(crate::scene::basic(&last[0], "balcony"), "closed");
    assert!(!crate::scene::body(&last[0]).contains(MARKED));
}

#[test]
fn e2e_012_what_is_no_object_is_its_senders_mistake_in_presence() {
    let hostile = [
        "",
        "  \n ",
        "hello world",
        ": x\n\ny",
        "--next\n\nx",
        "U2FsdGVkX18VJPbx5GMdFPTPZrHLC9QG",
        "Content-Type: a/b\nContent-Type: c/d\n\nx",
        "Content-Transfer-Encoding: base64\n\nMAUA",
        "Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\n!!",
        "Content-Type: multipart/signed;protocol=\"application/pkcs7-signature\"\n\
         Content-Transfer-Encoding: base64\n\nMAUA",
    ];
    let mut world = native();
    romeo_watches(&mut world, "w1", BOTH);
    for text in hostile {
        sends(&mut world, text);
        refused(&mut world, &Condition::BadRequest);
    }
    let xmpp = EX9.replace("application/pidf+xml", "application/xmpp+xml");
    for text in [xmpp.as_str(), "Content-Type: text/plain\n\nx"] {
        sends(&mut world, text);
        refused(&mut world, &Condition::NotAcceptable);
    }
    let two = format!("<e2e xmlns='{0}'>x</e2e><e2e xmlns='{0}'>y</e2e>", ns::E2E);
    world.xmpp(&format!(
        "<presence id='o1' from='juliet@xmpp.test/a' to='romeo@sip.test'>{two}</presence>"
    ));
    refused(&mut world, &Condition::BadRequest);
}

#[test]
fn e2e_082_of_the_outer_header_of_secured_presence_only_what_describes_it() {
    let mut world = native();
    romeo_watches(&mut world, "w1", BOTH);
    let hostile = SEALED.replace(
        "Content-Transfer-Encoding",
        "Route: <sip:evil>\nVia: x\nSubscription-State: terminated\nEvent: x\nContent-Length: 0\n\
         Content-ID: <1@x>\nContent-Transfer-Encoding",
    );
    sends(&mut world, &hostile);
    let request = world.request();
    assert!(substate(&request).starts_with("active"));
    assert!(!request.headers.contains(&HeaderName::Route));
    assert_eq!((request.via.len(), request.headers.all(&HeaderName::Event).count()), (1, 1));
    let text = String::from_utf8_lossy(&request.to_bytes()).into_owned();
    assert!(text.contains("Content-ID: <1@x>") && !text.contains("evil"), "{text}");
}

#[test]
fn e2e_025_a_stanza_of_the_gateways_own_is_not_answered() {
    let mut world = native();
    world.xmpp(&format!(
        "<presence from='romeo@sip.test' to='tybalt@sip.test'>{}</presence>",
        format_args!("<e2e xmlns='{}'>x</e2e>", ns::E2E)
    ));
    assert_eq!((world.requests(), told(&mut world)), (vec![], vec![]));
}

#[test]
fn e2e_020_an_object_waits_for_its_turn() {
    let mut world = native();
    romeo_watches(&mut world, "w1", BOTH);
    world.xmpp("<presence from='juliet@xmpp.test/balcony' to='romeo@sip.test'/>");
    let document = world.request();
    sends(&mut world, SEALED);
    world.pass_ms(400);
    world.xmpp("<presence from='juliet@xmpp.test/garden' to='romeo@sip.test'/>");
    assert_eq!(world.requests(), [], "the document before it is not answered");
    world.answer(&document, 200);
    assert_eq!(world.requests(), [], "RFC 3856 §6.10");
    world.pass_ms(4_600);
    let object = world.request();
    assert_eq!(&object.body[..], b"0\x05\0");
    world.pass_ms(400);
    assert_eq!(world.requests(), []);
    world.answer(&object, 200);
    world.pass_ms(5_000);
    let last = world.request();
    assert_eq!(crate::scene::basic(&last, "garden"), "open");
    let order = [&document, &object, &last].map(|request| request.cseq.number);
    assert!(order[0] < order[1] && order[1] < order[2]);
}

#[test]
fn e2e_020_what_came_first_goes_first_and_neither_starves() {
    let mut world = native();
    romeo_watches(&mut world, "w1", BOTH);
    let mut kinds = Vec::new();
    for number in 0..40 {
        let shows = format!("<status>{number}</status>");
        world.xmpp(&format!(
            "<presence from='juliet@xmpp.test/balcony' to='romeo@sip.test'>{shows}</presence>"
        ));
        sends(&mut world, SEALED);
        world.run(seconds(1), |world, request| {
            kinds.push(header(request, &HeaderName::ContentType).starts_with("application/pkcs7"));
            world.answer(request, 200);
        });
    }
    assert_eq!(kinds.len(), 9);
    assert!(kinds.windows(2).all(|two| two[0] != two[1]), "{kinds:?}");
    assert_eq!(told(&mut world), Vec::<String>::new());
}

#[test]
fn e2e_020_a_refresh_is_answered_at_once_and_does_not_repeat_an_object() {
    let mut world = native();
    let mut watcher = romeo_watches(&mut world, "w1", BOTH);
    sends(&mut world, SEALED);
    let object = world.request();
    let (_, notifies) = watcher.again(&mut world, BOTH);
    assert_eq!(notifies.len(), 1);
    assert_ne!(header(&notifies[0], &HeaderName::ContentType), ENVELOPED);
    world.answer(&notifies[0], 200);
    world.answer(&object, 200);
    world.run(seconds(60), |_, request| panic!("{request:?}"));
    let mut world = world.killed_under(NATIVE, 1_000);
    world.up();
    let sent = world.run_quietly(seconds(60));
    assert!(sent.iter().all(|(_, it)| header(it, &HeaderName::ContentType) != ENVELOPED));
}

#[test]
fn e2e_020_a_later_object_takes_the_place_of_an_earlier_one() {
    let mut world = native();
    romeo_watches(&mut world, "w1", BOTH);
    sends(&mut world, EX9);
    world.settle(200);
    sends(&mut world, EX9);
    sends(&mut world, SEALED);
    assert_eq!((world.requests(), told(&mut world)), (vec![], vec![]));
    // Another device of juliet's has its place taken, and is told so.
    sends_as(&mut world, "garden", "", &SEALED.replace("MAUA", "MAUB"));
    assert_eq!(refused(&mut world, &Condition::ResourceConstraint).kind, ErrorKind::Wait);
    world.pass_ms(5_000);
    assert_eq!(&world.settle(200)[0].body[..], b"0\x05\x01");
    world.run(seconds(60), |_, request| panic!("{request:?}"));
    assert_eq!(told(&mut world), Vec::<String>::new());
}

/// SIP answers an object: the error that juliet gets.
#[track_caller]
fn answered(code: u16) -> StanzaError {
    let mut world = native();
    romeo_watches(&mut world, "w1", BOTH);
    sends(&mut world, SEALED);
    let request = world.request();
    world.answer(&request, code);
    let told = world.presences().into_iter();
    let mut errors: Vec<_> = told.filter_map(|told| told.error).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let error = errors.remove(0);
    world.run(seconds(30), |_, request| panic!("not once more: {request:?}"));
    error
}

#[test]
fn e2e_034_what_sip_says_of_an_object_in_presence_comes_back() {
    let error = answered(493);
    assert_eq!(error.condition, Condition::BadRequest);
    assert!(error.application[0].is("decryption-failed", ns::E2E));
    let error = answered(415);
    assert_eq!(error.condition, Condition::NotAcceptable);
    assert_eq!(&*error.texts[0].text, "recipient does not support S/MIME");
    for code in [488, 606] {
        assert_eq!(answered(code).condition, Condition::NotAcceptable);
    }
    assert_eq!(answered(500).condition, Condition::InternalServerError);
    answered(481);
}

#[test]
fn e2e_028_one_subscription_that_has_it_is_success() {
    for codes in [[200, 493], [493, 200], [493, 415]] {
        let mut world = native();
        romeo_watches(&mut world, "w1", BOTH);
        romeo_watches(&mut world, "w2", BOTH);
        sends(&mut world, SEALED);
        for (request, code) in world.requests().iter().zip(codes) {
            world.answer(request, code);
        }
        match codes.contains(&200) {
            true => assert_eq!(told(&mut world), Vec::<String>::new()),
            false => drop(refused(&mut world, &Condition::NotAcceptable)),
        }
    }
}

#[test]
fn e2e_020_silence_is_told_and_ends_the_subscription() {
    let mut world = native();
    romeo_watches(&mut world, "w1", BOTH);
    sends(&mut world, SEALED);
    world.pass_ms(40_000);
    world.sip.clear();
    let error = world.presences().into_iter().find_map(|told| told.error).expect("an error");
    assert_eq!(error.condition, Condition::RemoteServerTimeout);
    assert_eq!(world.subscriptions(), (0, 0));
}

#[test]
fn e2e_026_an_object_in_presence_does_not_wait_for_longer_than_five_minutes() {
    let mut world = native();
    romeo_watches(&mut world, "w1", BOTH);
    world.xmpp("<presence from='juliet@xmpp.test/balcony' to='romeo@sip.test'/>");
    // No server carries romeo's documents, and the pauses grow.
    world.run(seconds(505), |world, request| world.answer(request, 503));
    sends(&mut world, SEALED);
    world.run(seconds(400), |world, request| {
        assert_ne!(header(request, &HeaderName::ContentType), ENVELOPED);
        world.answer(request, 503);
    });
    assert_eq!(
        world.presences()[0].error.as_ref().expect("an error").condition,
        Condition::RecipientUnavailable
    );
    // Nor does one that juliet's server repeats.
    let stamp = stox::flow::stamp((world.now.unix_ms - 301_000) * 1_000).expect("a stamp");
    world.xmpp(&format!(
        "<presence id='o1' from='juliet@xmpp.test/a' to='romeo@sip.test'><e2e xmlns='{}'>{SEALED}</e2e>\
         <delay xmlns='urn:xmpp:delay' stamp='{stamp}'/></presence>",
        ns::E2E
    ));
    refused(&mut world, &Condition::RecipientUnavailable);
}

#[test]
fn e2e_020_a_watch_that_ends_before_the_turn_of_an_object() {
    let mut world = native();
    romeo_watches(&mut world, "w1", BOTH);
    sends(&mut world, SEALED);
    world.settle(200);
    sends(&mut world, SEALED);
    world.xmpp("<presence from='juliet@xmpp.test' to='romeo@sip.test' type='unsubscribed'/>");
    let end = world.request();
    assert_eq!(substate(&end), "terminated;reason=rejected");
    refused(&mut world, &Condition::NotAcceptable);
    world.answer(&end, 200);
    assert_eq!(world.subscriptions(), (0, 0));
}

#[test]
fn e2e_054_an_object_that_no_request_holds_is_refused() {
    let mut world = native();
    romeo_watches(&mut world, "w1", BOTH);
    let long = data_encoding::BASE64.encode(&[0x30; 61_000]);
    sends(&mut world, &SEALED.replace("MAUA", &long));
    refused(&mut world, &Condition::PolicyViolation);
    assert_eq!(met(&mut world)[0].1, Decision::Refused);
    // One that is too long for a datagram goes by TCP.
    let long = data_encoding::BASE64.encode(&[0x30; 3_000]);
    sends(&mut world, &SEALED.replace("MAUA", &long));
    let sent = world.routed();
    assert_eq!((sent.len(), sent[0].1.body.len()), (1, 3_000));
    assert!(sent[0].1.via[0].as_str().contains("TCP"), "{sent:?}");
}

#[test]
fn e2e_020_an_object_has_its_place_among_what_is_under_way_to_a_peer() {
    let mut world = ruled(&format!("{NATIVE}presence: {{ notify_window: 1 }}\n"), "{}");
    romeo_watches(&mut world, "w1", BOTH);
    romeo_watches(&mut world, "w2", BOTH);
    sends(&mut world, SEALED);
    let first = world.request();
    // What changes meanwhile does not overtake it.
    world.xmpp("<presence from='juliet@xmpp.test/balcony' to='romeo@sip.test'/>");
    assert_eq!(world.requests(), []);
    world.answer(&first, 200);
    let second = world.request();
    assert_eq!(&second.body[..], b"0\x05\0");
    assert_ne!(first.call_id, second.call_id);
    world.answer(&second, 200);
    world.pass_ms(5_000);
    assert_eq!(world.settle(200).len(), 2);
}

#[test]
fn e2e_078_nothing_of_what_an_object_shows_is_told() {
    let mut world = native();
    romeo_watches(&mut world, "w1", BOTH);
    sends(&mut world, &EX9.replace("[signed body part]", MARKED));
    world.requests();
    let status = format!("{:?}", world.gateway.status(world.now));
    assert!(!status.contains(MARKED) && !format!("{:?}", world.events).contains(MARKED));
}
