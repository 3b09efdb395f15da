//! RFC 3923 objects across the gateway: octet for octet, and the errors that come back.

use std::time::Duration;

use stox::codec::mime::SmimeObject;
use stox::codec::sip::{HeaderName, Request};
use stox::codec::xmpp::{Condition, ErrorKind, Message, Stanza, ns};
use stox::flow::{Decision, Entry, Input, Origin, Taken, Unfinished};
use stox::rules::ThreadForm;

use crate::encryption::{
    NATIVE, Outcome, from_sip, native, refused, ruled, said, says, sends, shown, sightings,
};
use crate::world::{World, message};

/// RFC 3923 Ex 3, as it stands but for the margin; the object at column 0.
const EX3: &str = "Content-Type: multipart/signed; boundary=next;\n              micalg=sha1;\n              \
    protocol=application/pkcs7-signature\n\n--next\nContent-type: Message/CPIM\n\n\
    From: Juliet Capulet <im:juliet@example.com>\nTo: Romeo Montague <im:romeo@example.net>\n\
    DateTime: 2003-12-09T23:45:36.66Z\nSubject: Imploring\n\nContent-type: text/plain; charset=utf-8\n\
    Content-ID: <1234567890@example.com>\n\nWherefore art thou, Romeo?\n--next\n\
    Content-Type: application/pkcs7-signature\nContent-Disposition: attachment;handling=required;\\\n\
    \x20                               filename=smime.p7s\n\n[signed body part]\n\n--next--";
/// RFC 3923 Ex 6: it decodes to "Salted__", which is no CMS.
const EX6: &str = "U2FsdGVkX19okeKTlLxa/1n1FE/upwn1D20GhPWqhDWlexKMUKYJInTWzERP+vcQ\n\
    /OxFs40uc9Fx81a5/62p/yPb/UWnuG6SR6o3Ed2zwcusDImyyz125HFERdDUMBC9\ni08lEHzyll6htuEr59ZDAw==";
const CPIM_IN: &str = "Content-Type: message/cpim\r\n\r\nFrom: <sip:romeo@sip.test>\r\n\r\nContent-Type: text/plain\r\n\r\n";

fn e2e(object: &str) -> String {
    let object = object.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<e2e xmlns='{}'>{object}</e2e>", ns::E2E)
}

/// What becomes of the text of an `<e2e/>` element where S/MIME crosses.
fn relayed(object: &str) -> Outcome {
    says(&mut native(), &e2e(object))
}

fn header<'a>(request: &'a Request, name: &HeaderName) -> Option<&'a str> {
    request.headers.get_text(name)
}

/// A signed object around these octets.
fn signed(content: &[u8]) -> (String, Vec<u8>) {
    let kind =
        "multipart/signed;protocol=\"application/pkcs7-signature\";micalg=sha-256;boundary=b";
    let mut body = b"--b\r\n".to_vec();
    body.extend_from_slice(CPIM_IN.as_bytes());
    body.extend_from_slice(content);
    body.extend_from_slice(
        b"\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nMIAA\r\n--b--\r\n",
    );
    (kind.to_owned(), body)
}

/// The object of a stanza, as its recipient reads it.
#[track_caller]
fn object(message: &Message) -> SmimeObject {
    let [element] = &message.extensions[..] else { panic!("{message:?}") };
    assert!(element.is("e2e", ns::E2E) && element.attrs.is_empty());
    SmimeObject::from_xml(&element.text(), true).expect("an object")
}

/// The bodies of RFC 8591 §10 (V-43).
fn rfc8591(section: &str) -> Vec<u8> {
    let lines = include_str!("../vectors/rfc8591.txt").lines();
    let hex = lines.filter_map(|line| line.strip_prefix(section)).next().expect("a section").trim();
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"))
        .collect()
}

fn base64(octets: &[u8]) -> String {
    data_encoding::BASE64.encode(octets)
}

#[test]
fn e2e_009_the_wrapper_goes_and_the_object_stays() {
    let request = relayed(EX3).sent();
    let expected =
        "multipart/signed;boundary=next;micalg=sha1;protocol=\"application/pkcs7-signature\"";
    assert_eq!(header(&request, &HeaderName::ContentType), Some(expected));
    let (_, body) = EX3.split_once("\n\n").expect("a header");
    assert_eq!(String::from_utf8_lossy(&request.body), body.replace('\n', "\r\n"));
    assert!(request.body.starts_with(b"--next\r\n") && request.body.ends_with(b"--next--"));
}

#[test]
fn e2e_010_no_octet_of_the_object_changes() {
    let body: Vec<u8> = (0..=255).collect();
    let mut der = rfc8591("10.2");
    der.extend_from_slice(&body);
    let text = format!(
        "Content-Type: application/pkcs7-mime;smime-type=signed-data\nContent-Transfer-Encoding: base64\n\n{}",
        base64(&der)
    );
    let request = relayed(&text).sent();
    assert_eq!(&request.body[..], der);
    assert_eq!(header(&request, &HeaderName::ContentTransferEncoding), None);
    let stanza = shown(&mut native(), "application/pkcs7-mime;smime-type=signed-data", &der);
    assert_eq!(&object(&stanza).body[..], der);
    let (kind, body) = signed("trailing  \r\n\t\r\n]]> <![CDATA[ &amp; \u{e9}\r\n".as_bytes());
    let stanza = shown(&mut native(), &kind, &body);
    let object = object(&stanza);
    // The line end behind the close-delimiter is no part of it (RFC 2046 §5.1.1).
    assert_eq!(&object.body[..], body.trim_ascii_end());
    let back = relayed(&stanza.extensions[0].text()).sent();
    assert_eq!(&back.body[..], body.trim_ascii_end());
}

#[test]
fn e2e_011_white_space_of_xml_is_no_part_of_the_object() {
    let plain = relayed(EX3).sent();
    let cdata = |before: &str, after: &str| {
        let element = format!("<e2e xmlns='{}'>{before}<![CDATA[{EX3}]]>{after}</e2e>", ns::E2E);
        says(&mut native(), &element).sent()
    };
    for other in [
        cdata("", ""),
        cdata("\n    ", "\n  "),
        says(&mut native(), &e2e(&format!("\n{EX3}\n  "))).sent(),
        says(&mut native(), &e2e(&EX3.replace('\n', "&#13;\n")).replace("&amp;#13;", "&#13;"))
            .sent(),
    ] {
        assert_eq!(other.body, plain.body);
        assert_eq!(
            header(&other, &HeaderName::ContentType),
            header(&plain, &HeaderName::ContentType)
        );
    }
}

#[test]
fn e2e_012_what_is_no_object_is_the_senders_mistake() {
    for text in ["hello world", "--next\nContent-Type: text/plain\n\nx", ": x\n\ny"] {
        relayed(text).refused(&Condition::BadRequest);
        said(&e2e(text)).refused(&Condition::BadRequest);
    }
}

#[test]
fn e2e_013_binary_from_sip() {
    let der: Vec<u8> = rfc8591("10.1");
    let stanza = shown(&mut native(), "application/pkcs7-mime;smime-type=signed-data", &der);
    let text = stanza.extensions[0].text();
    assert!(text.contains("Content-Transfer-Encoding: base64\n\n"), "{text}");
    assert_eq!(&object(&stanza).body[..], der);
    for bad in
        [&b"a\x00b"[..], b"a\x07b", b"a\xE9b", "a\u{FFFF}b".as_bytes(), "a\u{FFFE}b".as_bytes()]
    {
        let (kind, body) = signed(bad);
        let mut world = native();
        let response = refused(&mut world, &kind, &body, 488);
        assert!(
            response
                .headers
                .get_text(&HeaderName::Warning)
                .is_some_and(|it| it.contains("cannot be carried"))
        );
        assert_eq!(world.reopened, []);
    }
}

#[test]
fn e2e_014_the_end_of_a_section_within_the_object() {
    let (kind, body) = signed(b"a]]>b]]]]>c");
    let mut world = native();
    world.sip_octets(&message("c", &format!("Content-Type: {kind}\n"), ""), &body);
    let octets = world.octets();
    assert!(octets.contains("]]]]><![CDATA[>"), "{octets}");
    let context = stox::codec::xmpp::StreamContext::component(stox::codec::xml::Limits::default());
    match stox::codec::xmpp::parse(&context, octets.into()) {
        Ok(Stanza::Message(message)) => {
            assert_eq!(&object(&message).body[..], body.trim_ascii_end());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn e2e_015_a_block_without_a_header() {
    for (section, kind) in [("10.1", "signed-data"), ("10.2", "signed-data")] {
        let der = rfc8591(section);
        let request = relayed(&base64(&der)).sent();
        let expected = format!("application/pkcs7-mime;smime-type={kind}");
        assert_eq!(header(&request, &HeaderName::ContentType), Some(expected.as_str()));
        assert_eq!(&request.body[..], der);
        let mut strict = ruled(NATIVE, "to_sip: { headerless: refuse }");
        says(&mut strict, &e2e(&base64(&der))).refused(&Condition::BadRequest);
    }
    relayed(EX6).refused(&Condition::BadRequest);
    relayed(&base64(b"\x85\x01\x0C OpenPGP")).refused(&Condition::BadRequest);
}

#[test]
fn e2e_016_the_wrapper_of_sip_goes() {
    let (kind, body) = signed(b"hello");
    let mut world = native();
    let head = message(
        "w",
        &format!(
            "Content-Type: {kind}\nContent-Disposition: render\nContent-ID: <1@x>\nSubject: in clear\n"
        ),
        "",
    );
    world.sip_octets(&head, &body);
    let octets = world.octets();
    let expected = format!(
        "<e2e xmlns='urn:ietf:params:xml:ns:xmpp-e2e'><![CDATA[Content-Type: {kind}\nContent-Disposition: render\n\
         Content-ID: &lt;1@x>\n\n--b\n"
    );
    assert!(octets.contains(&expected.replace("&lt;", "<")), "{octets}");
    assert!(!octets.contains("Subject"), "what is in clear beside it does not cross: {octets}");
}

#[test]
fn e2e_017_what_an_object_may_hold() {
    let around = |inner: &str| {
        let body = format!(
            "--b\r\nContent-Type: {inner}\r\n\r\nx\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nMIAA\r\n--b--"
        );
        ("multipart/signed;protocol=\"application/pkcs7-signature\";boundary=b", body.into_bytes())
    };
    for inner in ["message/cpim", "application/pidf+xml", "application/xmpp+xml"] {
        let (kind, body) = around(inner);
        shown(&mut native(), kind, &body);
    }
    let (kind, body) = around("text/plain");
    refused(&mut native(), kind, &body, 488);
    let mut foreign = ruled(NATIVE, "to_xmpp: { foreign_payload: relay }");
    shown(&mut foreign, kind, &body);
    let (kind, body) = around("message/sip");
    refused(&mut foreign, kind, &body, 488);
}

#[test]
fn e2e_018_no_body_is_added() {
    let (kind, body) = signed(b"hello");
    let stanza = shown(&mut native(), &kind, &body);
    assert!(stanza.bodies.is_empty() && stanza.subjects.is_empty());
}

#[test]
fn e2e_023_a_stanza_within_an_object_means_nothing_in_sip() {
    let object = "Content-Type: multipart/signed;protocol=\"application/pkcs7-signature\";boundary=b\n\n--b\n\
        Content-Type: application/xmpp+xml\n\n<xmpp/>\n--b\nContent-Type: application/pkcs7-signature\n\nMIAA\n--b--";
    relayed(object).refused(&Condition::NotAcceptable);
    relayed("Content-Type: text/plain\n\nhello").refused(&Condition::NotAcceptable);
}

#[test]
fn e2e_025_an_address_that_changes_does_not_carry_a_certificate() {
    said(&e2e(EX3)).not_acceptable("smime");
    let mut world = crate::encryption::with("schemes: { smime: { to_sip: relay } }");
    says(&mut world, &e2e(EX3)).sent();
}

#[test]
fn e2e_026_an_object_does_not_wait_for_longer_than_five_minutes() {
    let mut world = native();
    let stanza = format!(
        "<message id='q' from='juliet@xmpp.test/balcony' to='romeo@sip.test'>{}</message>",
        e2e(EX3)
    );
    world.xmpp(&stanza);
    let mut first = world.request();
    for number in 0..12 {
        let id = format!("<message id='q{number}'");
        world.xmpp(&stanza.replacen("<message id='q'", &id, 1));
    }
    let mut sent = 0;
    loop {
        world.pass(Duration::from_secs(31));
        world.sip.clear();
        world.answer(&first, 200);
        let mut next = world.requests();
        let Some(request) = next.pop() else { break };
        first = request;
        sent += 1;
    }
    world.confirm_all();
    let errors: Vec<_> = world.stanzas();
    assert!(sent == 9 && errors.len() == 3, "{sent} {}", errors.len());
    for error in errors {
        let Stanza::Message(message) = error else { panic!("{error:?}") };
        let error = message.error.expect("an error");
        assert_eq!(
            (error.condition, error.kind),
            (Condition::RecipientUnavailable, ErrorKind::Wait)
        );
    }
    assert!(world.gateway.idle());
    // Nor does one that an earlier process left.
    let taken = Taken {
        stanza: stanza.into(),
        lang: Vec::new().into(),
        unix_ms: world.now.unix_ms - 300_001,
    };
    let delivery = stox::flow::DeliveryId(99);
    world.journal.clear();
    world.feed(Input::Recovered(Box::new(Unfinished { delivery, taken, part: None, sent: None })));
    assert_eq!(world.error().1.condition, Condition::RecipientUnavailable);
    assert!(world.requests().is_empty() && world.journal.contains(&Entry::Ended(delivery)));
    let _ = Origin::Again(delivery);
}

/// The answer to the error of an object's recipient, who is reached under a bare or a full JID.
fn bounced(
    world: &mut World,
    condition: &str,
    application: &str,
    to_full: bool,
) -> (u16, String, String) {
    let mut head = message("b", "Content-Type: application/pkcs7-mime\n", "");
    if to_full {
        world.xmpp("<message id='seen' from='juliet@xmpp.test/balcony' to='romeo@sip.test'><body>x</body></message>");
        world.sip.clear();
        head = head.replacen("sip:juliet@xmpp.test", "sip:juliet@xmpp.test;gr=balcony", 1);
    }
    world.sip_octets(&head, b"0\x05");
    let id = world.message().id.expect("an id");
    world.xmpp(&format!(
        "<message type='error' id='{id}' from='juliet@xmpp.test' to='romeo@sip.test'><error type='modify'>\
         <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>{application}</error></message>"
    ));
    let response = world.response();
    let accept = response.headers.get_text(&HeaderName::Accept).unwrap_or_default().to_owned();
    (response.status.code(), response.reason.to_text().into_owned(), accept)
}

fn condition(name: &str) -> String {
    format!("<{name} xmlns='urn:ietf:params:xml:ns:xmpp-e2e'/>")
}

#[test]
fn e2e_027_a_recipient_that_does_not_understand() {
    let (code, _, _) = bounced(&mut native(), "service-unavailable", "", false);
    assert_eq!(code, 403);
    let mut rule = ruled(NATIVE, "to_xmpp: { not_understood: 415 }");
    let (code, _, accept) = bounced(&mut rule, "service-unavailable", "", false);
    assert_eq!(code, 415);
    assert!(accept.contains("text/plain") && !accept.contains("pkcs7"), "{accept}");
    // Of a plain message the rule says nothing.
    rule.sip(&message("p", "", "plain"));
    let id = rule.message().id.expect("an id");
    rule.xmpp(&format!(
        "<message type='error' id='{id}' from='juliet@xmpp.test' to='romeo@sip.test'><error type='cancel'>\
         <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    ));
    assert_eq!(rule.codes(), [403]);
}

#[test]
fn e2e_028_success_is_no_error() {
    let mut world = native();
    let request = says(&mut world, &e2e(EX3)).sent();
    world.answer(&request, 200);
    world.confirm_all();
    assert!(world.stanzas().is_empty() && world.gateway.idle());
}

#[test]
fn e2e_029_a_bad_timestamp() {
    let (code, reason, _) =
        bounced(&mut native(), "not-acceptable", &condition("bad-timestamp"), true);
    assert_eq!((code, reason.as_str()), (406, "bad timestamp"));
    assert_eq!(bounced(&mut native(), "not-acceptable", &condition("bad-timestamp"), false).0, 606);
}

#[test]
fn e2e_030_an_unverified_signature_in_both_spellings() {
    for name in ["unverified-signature", "signature-unverified"] {
        let (code, reason, _) = bounced(&mut native(), "not-acceptable", &condition(name), true);
        assert_eq!((code, reason.as_str()), (406, "signature not accepted"));
        assert_eq!(bounced(&mut native(), "not-acceptable", &condition(name), false).0, 606);
    }
}

#[test]
fn e2e_031_a_failed_decryption() {
    assert_eq!(
        bounced(&mut native(), "bad-request", &condition("decryption-failed"), false).0,
        493
    );
    assert_eq!(bounced(&mut native(), "bad-request", "", false).0, 400);
}

#[test]
fn e2e_032_conditions_in_both_namespaces() {
    for ns in [ns::E2E, "urn:ietf:params:xml:xmpp-e2e"] {
        for (beside, name, code) in [
            ("not-acceptable", "bad-timestamp", 606),
            ("not-acceptable", "unverified-signature", 606),
            ("not-acceptable", "signature-unverified", 606),
            ("bad-request", "decryption-failed", 493),
        ] {
            let condition = format!("<{name} xmlns='{ns}'/>");
            assert_eq!(bounced(&mut native(), beside, &condition, false).0, code, "{condition}");
        }
    }
    for (rule, expected) in [("registered", ns::E2E), ("example", "urn:ietf:params:xml:xmpp-e2e")] {
        let mut world = ruled(NATIVE, &format!("to_xmpp: {{ conditions: {rule} }}"));
        let error = answered(&mut world, 493);
        assert!(error.application[0].is("decryption-failed", expected), "{error:?}");
    }
}

/// V-15: the examples lack `type` and `to`, which whoever sends them adds.
#[test]
fn rfc_3923_examples_16_to_18() {
    for (beside, name, full, bare) in [
        ("not-acceptable", "bad-timestamp", 406, 606),
        ("not-acceptable", "unverified-signature", 406, 606),
        ("bad-request", "decryption-failed", 493, 493),
    ] {
        let condition = format!("<{name} xmlns='urn:ietf:params:xml:xmpp-e2e'/>");
        assert_eq!(bounced(&mut native(), beside, &condition, true).0, full);
        assert_eq!(bounced(&mut native(), beside, &condition, false).0, bare);
    }
}

/// SIP answers an object with this code: the error that its sender gets, once.
fn answered(world: &mut World, code: u16) -> stox::codec::xmpp::StanzaError {
    let request = says(world, &e2e(EX3)).sent();
    world.answer(&request, code);
    let (id, error) = world.error();
    assert_eq!(id, "e1");
    assert_eq!(world.requests(), [], "never once more, never in clear");
    error
}

#[test]
fn e2e_033_an_error_is_one_and_addressed() {
    let mut world = native();
    let request = says(&mut world, &e2e(EX3)).sent();
    world.answer(&request, 493);
    let octets = world.octets();
    for part in
        ["type='error'", "from='romeo@sip.test'", "to='juliet@xmpp.test/balcony'", "id='e1'"]
    {
        assert!(octets.contains(part), "{octets}");
    }
}

#[test]
fn e2e_034_undecipherable_is_a_failed_decryption() {
    let error = answered(&mut native(), 493);
    assert_eq!(error.condition, Condition::BadRequest);
    assert!(error.application[0].is("decryption-failed", ns::E2E));
}

#[test]
fn e2e_035_a_refused_type_is_never_sent_again_in_clear() {
    let mut world = native();
    let error = answered(&mut world, 415);
    assert_eq!(error.condition, Condition::NotAcceptable);
    assert_eq!(&*error.texts[0].text, "recipient does not support S/MIME");
    world.pass_ms(120_000);
    assert_eq!(world.requests(), []);
}

#[test]
fn e2e_036_not_acceptable_in_sip() {
    for code in [488, 606, 406] {
        assert_eq!(answered(&mut native(), code).condition, Condition::NotAcceptable);
    }
}

#[test]
fn e2e_049_a_date_is_neither_made_nor_demanded() {
    let request = relayed(EX3).sent();
    assert_eq!(header(&request, &HeaderName::Date), None);
    let without = EX3.replace("DateTime: 2003-12-09T23:45:36.66Z\n", "");
    let request = relayed(&without).sent();
    assert!(!String::from_utf8_lossy(&request.body).contains("DateTime"));
    let (kind, body) = signed(b"no date");
    assert_eq!(&object(&shown(&mut native(), &kind, &body)).body[..], body.trim_ascii_end());
}

#[test]
fn e2e_050_nothing_is_put_into_a_signed_object() {
    let mut world = native();
    let asks = format!("{}<request xmlns='urn:xmpp:receipts'/>", e2e(EX3));
    let request = says(&mut world, &asks).sent();
    assert!(!String::from_utf8_lossy(&request.to_bytes()).to_lowercase().contains("imdn"));
}

#[test]
fn e2e_051_either_order_of_signing_and_encrypting() {
    let (kind, _) = signed(b"");
    let body = b"--b\r\nContent-Type: application/pkcs7-mime;smime-type=enveloped-data\r\n\r\nMIAA\r\n--b\r\n\
        Content-Type: application/pkcs7-signature\r\n\r\nMIAA\r\n--b--";
    shown(&mut native(), &kind, body);
    shown(&mut native(), "application/pkcs7-mime;smime-type=enveloped-data", b"0\x05");
    relayed("Content-Type: application/pkcs7-mime;smime-type=enveloped-data\n\nMIAA").sent();
}

#[test]
fn e2e_052_what_one_device_accepts_switches_nothing_on() {
    let mut world = World::new();
    let accepts = "Accept: application/pkcs7-mime, multipart/signed\n";
    world.sip(&message("a", accepts, "hello"));
    world.confirm_all();
    world.stanzas();
    world.sip.clear();
    says(&mut world, &e2e(EX3)).not_acceptable("smime");
    let learnt = format!("{:?}", world.records);
    assert!(!learnt.contains("cpim") && !learnt.contains("pkcs7"), "{learnt}");
}

#[test]
fn e2e_054_a_long_object_is_refused_and_never_cut() {
    let der = rfc8591("10.3");
    let mut world = native();
    let error = says(&mut world, &e2e(&base64(&der))).refused(&Condition::PolicyViolation);
    assert_eq!(error.kind, ErrorKind::Modify);
    let kind = "application/pkcs7-mime; smime-type=auth-enveloped-data; name=\"smime.p7m\"";
    let stanza = shown(&mut world, kind, &der);
    assert_eq!(&object(&stanza).body[..], der);
}

/// V-43: as RFC 8591 §10 has them on the wire, and back.
#[test]
fn rfc_8591_objects_cross_both_ways() {
    for section in ["10.1", "10.2"] {
        let der = rfc8591(section);
        let headers = "Content-Transfer-Encoding: binary\n\
            Content-Type: application/pkcs7-mime; smime-type=signed-data; name=\"smime.p7m\"\n\
            Content-Disposition: attachment; filename=\"smime.p7m\"\n";
        let mut world = native();
        let (code, _, mut stanzas) = from_sip(&mut world, headers, &der);
        let Some(Stanza::Message(stanza)) = stanzas.pop() else { panic!("{code} {stanzas:?}") };
        let object = object(&stanza);
        assert_eq!(&object.body[..], der);
        assert_eq!(
            object.headers[1],
            ("Content-Disposition", "attachment; filename=\"smime.p7m\"".to_owned())
        );
        let request = says(&mut world, &e2e(&stanza.extensions[0].text())).sent();
        assert_eq!(&request.body[..], der);
        assert_eq!(
            header(&request, &HeaderName::ContentType),
            Some("application/pkcs7-mime;smime-type=signed-data;name=smime.p7m")
        );
    }
}

#[test]
fn e2e_078_nothing_of_an_object_is_told() {
    let marker = "the-marked-clear-text";
    let mut world = native();
    says(&mut world, &e2e(&EX3.replace("Wherefore art thou, Romeo?", marker))).sent();
    says(&mut world, &e2e(&format!("{marker} is no object"))).refused(&Condition::BadRequest);
    let element = format!(
        "<encrypted xmlns='urn:xmpp:omemo:2'><payload>{marker}</payload></encrypted><body>{marker}</body>"
    );
    says(&mut world, &element).not_acceptable("omemo:2");
    says(&mut world, &format!("<body>?OTR:AAMCAbcdefghijkl0123{marker}.</body>"))
        .not_acceptable("otr");
    let (kind, body) = signed(marker.as_bytes());
    shown(&mut world, &kind, &body);
    let (code, _, _) = from_sip(&mut world, "Content-Type: application/lime\n", marker.as_bytes());
    assert_eq!(code, 415);
    let told = format!("{:?} {:?}", world.events, world.gateway.status(world.now));
    assert!(!told.contains(marker), "{told}");
    let decisions: Vec<_> = sightings(&mut world).iter().map(|it| it.decision).collect();
    assert_eq!(decisions.iter().filter(|it| **it == Decision::Relayed).count(), 2);
    assert_eq!(decisions.iter().filter(|it| **it == Decision::Refused).count(), 4);
}

#[test]
fn e2e_081_the_switch_by_default() {
    relayed(EX3).sent();
    said(&e2e(EX3)).not_acceptable("smime");
    let (kind, body) = signed(b"hello");
    refused(&mut World::new(), &kind, &body, 415);
    shown(&mut native(), &kind, &body);
    refused(&mut native(), "application/lime", b"x", 415);
}

#[test]
fn e2e_082_of_the_outer_header_only_what_describes_the_object() {
    let fields = "Route: <sip:evil.test;lr>\nVia: SIP/2.0/UDP evil.test\nContent-Length: 5\nFrom: <sip:mallory@evil.test>\n\
        Subject: x\nContent-Language: en\nMIME-Version: 1.0\nContent-Description: an object\n";
    let request = relayed(&format!("{fields}{EX3}")).sent();
    let text = String::from_utf8_lossy(&request.to_bytes()).into_owned();
    let head = text.split("\r\n\r\n").next().expect("a head");
    assert!(
        !head.contains("evil") && !head.contains("Subject") && !head.contains("Route"),
        "{head}"
    );
    assert!(head.contains(&format!("Content-Length: {}", request.body.len())), "{head}");
    assert!(
        head.contains("Content-Language: en") && head.contains("Content-Description: an object")
    );
    for broken in [
        format!("Content-Type: application/pkcs7-mime\n{EX3}"),
        "Content-Language: en\n\nx".to_owned(),
        format!("Content-Transfer-Encoding: base64\n{EX3}"),
        format!("Content-Transfer-Encoding: quoted-printable\n{EX3}"),
        "Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\n*".to_owned(),
    ] {
        relayed(&broken).refused(&Condition::BadRequest);
    }
}

#[test]
fn e2e_083_the_content_type_is_written_anew() {
    let request = relayed(EX3).sent();
    let text = String::from_utf8_lossy(&request.to_bytes()).into_owned();
    let line = text.lines().find(|line| line.starts_with("Content-Type:")).expect("a line");
    assert_eq!(
        line,
        "Content-Type: multipart/signed;boundary=next;micalg=sha1;protocol=\"application/pkcs7-signature\""
    );
}

#[test]
fn e2e_084_line_ends_that_xml_does_not_keep() {
    for bad in [&b"a\nb"[..], b"a\rb", b"a\r\r\nb"] {
        let (kind, body) = signed(bad);
        refused(&mut native(), &kind, &body, 488);
    }
    let (kind, body) = signed(b"a\r\nb\r\n\r\nc");
    assert_eq!(&object(&shown(&mut native(), &kind, &body)).body[..], body.trim_ascii_end());
}

#[test]
fn e2e_086_an_unprotected_envelope_goes() {
    let wrapped = |from: &str| {
        format!(
            "From: <{from}>\r\nTo: <sip:juliet@xmpp.test>\r\nDateTime: 2026-01-01T00:00:00Z\r\n\r\n\
             Content-Type: application/pkcs7-mime;smime-type=enveloped-data\r\nContent-ID: <in@x>\r\n\r\n0\x05"
        )
    };
    let stanza = shown(&mut native(), "message/cpim", wrapped("sip:romeo@sip.test").as_bytes());
    let object = object(&stanza);
    assert_eq!(&object.body[..], b"0\x05");
    assert_eq!(object.headers[1], ("Content-ID", "<in@x>".to_owned()));
    let mut rules = crate::encryption::rules("{}");
    rules.messages.refuse_foreign_from = true;
    let mut strict = World::ruled(NATIVE, rules, 7);
    strict.up();
    refused(&mut strict, "message/cpim", wrapped("sip:mallory@evil.test").as_bytes(), 403);
}

#[test]
fn e2e_089_one_object_and_nothing_beside_it() {
    for children in [e2e(""), e2e(" \n\t "), format!("{}{}", e2e(EX3), e2e(EX3))] {
        says(&mut native(), &children).refused(&Condition::BadRequest);
        said(&children).refused(&Condition::BadRequest);
    }
    let beside = "<body>clear</body><subject>clear</subject><active xmlns='http://jabber.org/protocol/chatstates'/>";
    let request = says(&mut native(), &format!("{}{beside}", e2e(EX3))).sent();
    assert!(!String::from_utf8_lossy(&request.to_bytes()).contains("clear"));
    let mut world = native();
    world.xmpp(&format!(
        "<iq type='set' id='i' from='juliet@xmpp.test/balcony' to='romeo@sip.test'>{}</iq>",
        e2e(EX3)
    ));
    assert!(world.octets().contains("service-unavailable"));
    let thread = format!("<message id='e1'>{}<thread>t1</thread></message>", e2e(EX3));
    let mut rules = crate::world::built_in();
    assert_ne!(sends(&mut native(), &thread).sent().call_id.as_str(), "t1");
    rules.messages.thread_to_sip = ThreadForm::CallId;
    let mut by_rule = World::ruled(NATIVE, rules, 7);
    by_rule.up();
    assert_eq!(sends(&mut by_rule, &thread).sent().call_id.as_str(), "t1");
}

#[test]
fn cpim_007_a_signed_object_keeps_octets_and_order_of_its_headers() {
    let odd = b"X-b:  two\r\nFrom:<sip:romeo@sip.test>\r\nx-A: 1\r\nTo: <sip:juliet@xmpp.test>\r\n\r\nContent-type:text/plain\r\n\r\nhi ";
    let (kind, _) = signed(b"");
    let mut body = b"--b\r\nContent-Type: message/cpim\r\n\r\n".to_vec();
    body.extend_from_slice(odd);
    body.extend_from_slice(
        b"\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nMIAA\r\n--b--",
    );
    assert_eq!(&object(&shown(&mut native(), &kind, &body)).body[..], body);
}

#[test]
fn cpim_045_a_signed_object_crosses_and_comes_back() {
    let (kind, body) = signed("]]> \u{e9}  \r\n.\r\n".as_bytes());
    let stanza = shown(&mut native(), &kind, &body);
    let back = relayed(&stanza.extensions[0].text()).sent();
    assert_eq!(&back.body[..], body.trim_ascii_end());
    assert_eq!(
        header(&back, &HeaderName::ContentType),
        Some("multipart/signed;protocol=\"application/pkcs7-signature\";micalg=sha-256;boundary=b")
    );
}

#[test]
fn cpim_054_both_nestings_are_recognised() {
    let inside = b"From: <sip:romeo@sip.test>\r\nTo: <sip:juliet@xmpp.test>\r\n\r\nContent-Type: application/pkcs7-mime\r\n\r\n0\x05";
    let (kind, outside) = signed(b"hello");
    refused(&mut World::new(), "message/cpim", inside, 415);
    refused(&mut World::new(), &kind, &outside, 415);
    for (kind, body) in [("message/cpim", &inside[..]), (kind.as_str(), &outside)] {
        let stanza = shown(&mut native(), kind, body);
        assert!(stanza.bodies.is_empty());
        object(&stanza);
    }
}

#[test]
fn err_047_a_refused_object_is_not_tried_in_another_protection() {
    let error = answered(&mut native(), 415);
    assert_eq!(error.condition, Condition::NotAcceptable);
    let mut world = World::with_reader();
    world.juliet_says("p", "plain");
    let request = world.request();
    world.answer(&request, 415);
    let again = world.request();
    assert_eq!(header(&again, &HeaderName::ContentType), Some("text/plain"));
    world.answer(&again, 415);
    assert_eq!(world.error().1.condition, Condition::NotAcceptable);
}

#[test]
fn rcpt_035_no_notification_for_an_encrypted_message() {
    let asks = "From: <sip:romeo@sip.test>\r\nTo: <sip:juliet@xmpp.test>\r\nNS: imdn <urn:ietf:params:imdn>\r\n\
        imdn.Message-ID: 1\r\nimdn.Disposition-Notification: positive-delivery\r\n\r\n\
        Content-Type: application/pkcs7-mime\r\n\r\n0\x05";
    let mut world = native();
    shown(&mut world, "message/cpim", asks.as_bytes());
    world.pass_ms(120_000);
    assert_eq!(world.requests(), []);
}

/// V-14: Ex 9 and 12 are for presence; the objects of both are read by the same function.
#[test]
fn rfc_3923_examples_of_presence() {
    let ex9 = EX3.replace("Message/CPIM", "application/pidf+xml");
    for (text, is_object) in [(ex9.as_str(), true), (EX6, false)] {
        assert_eq!(SmimeObject::from_xml(text, false).is_ok(), is_object);
    }
    // As a NOTIFY would bring it back.
    let parsed = SmimeObject::from_xml(&ex9, false).expect("an object");
    let entity = stox::codec::mime::Entity::new(parsed.media_type.clone(), parsed.body.clone());
    let outer = stox::codec::sip::Headers::new()
        .with(HeaderName::ContentType, parsed.headers[0].1.as_str());
    let rules = crate::encryption::shipped();
    let element =
        stox::translate::encryption::object::element(&rules, &entity, &outer).expect("an element");
    assert_eq!(SmimeObject::from_xml(&element.text(), true), Ok(parsed));
}
