//! Encryption in bodies from SIP: what is recognised, at any depth, and what its sender is told.

use stox::codec::mime::{Entity, MediaType};
use stox::codec::sip::{HeaderName, Response};
use stox::codec::xmpp::ns;
use stox::flow::{Decision, Towards};
use stox::translate::encryption::body::{Kind, parts};

use crate::encryption::{from_sip, native, refused, shipped, shown, sightings, with};
use crate::world::{World, message};

fn warning(response: &Response) -> &str {
    response.headers.get_text(&HeaderName::Warning).unwrap_or_default()
}

fn accepts(response: &Response, media_type: &str) -> bool {
    response.headers.accept().expect("an Accept").expect("a legal one").accepts(media_type)
}

/// A multipart of these parts.
fn multipart(kind: &str, parts: &[&str]) -> (String, Vec<u8>) {
    let body: String = parts.iter().map(|part| format!("--b\r\n{part}\r\n")).collect();
    (format!("multipart/{kind};boundary=b"), format!("{body}--b--\r\n").into_bytes())
}

const CLEAR: &str = "Content-Type: text/plain\r\n\r\nencrypted, please upgrade";
const ENVELOPED: &str =
    "Content-Type: application/pkcs7-mime;smime-type=enveloped-data\r\n\r\n0\x05";
const SIGNATURE: &str = "Content-Type: application/pkcs7-signature\r\n\r\n0\x05";
const PKCS7_SIGNED: &str = "signed;protocol=\"application/pkcs7-signature\"";

fn signed(inner: &str) -> (String, Vec<u8>) {
    multipart(PKCS7_SIGNED, &[&format!("Content-Type: {inner}\r\n\r\nread me"), SIGNATURE])
}

#[test]
fn e2e_037_each_type_is_encryption_and_never_text() {
    let mut world = World::new();
    for (content_type, word) in [
        ("multipart/signed;protocol=\"application/pkcs7-signature\";boundary=b", "S/MIME"),
        ("multipart/signed;protocol=\"application/x-pkcs7-signature\";boundary=b", "S/MIME"),
        ("Multipart/Signed;protocol=\"application/pgp-signature\";boundary=b", "OpenPGP"),
        ("multipart/encrypted;protocol=\"application/pgp-encrypted\";boundary=b", "OpenPGP"),
        ("multipart/encrypted;protocol=\"application/lime\";boundary=b", "LIME"),
        ("multipart/encrypted;protocol=\"application/x-new\";boundary=b", "application/x-new"),
        ("multipart/encrypted;boundary=b", "end-to-end encryption"),
        ("application/pkcs7-mime", "S/MIME"),
        ("application/x-pkcs7-mime;smime-type=signed-data", "S/MIME"),
        ("APPLICATION/PKCS7-MIME;smime-type=enveloped-data", "S/MIME"),
        ("application/pkcs7-mime;smime-type=authEnveloped-data", "S/MIME"),
        ("application/pkcs7-mime;smime-type=auth-enveloped-data", "S/MIME"),
        ("application/pkcs7-mime;smime-type=compressed-data", "S/MIME"),
        ("application/pkcs7-mime;smime-type=certs-only", "S/MIME"),
        ("application/pkcs7-signature", "S/MIME"),
        ("application/x-pkcs7-signature", "S/MIME"),
        ("application/cms", "S/MIME"),
        ("application/pgp", "OpenPGP"),
        ("application/pgp-encrypted", "OpenPGP"),
        ("application/pgp-keys", "OpenPGP"),
        ("application/lime", "LIME"),
        ("xml/cipher", "LIME"),
        ("application/cipher.text", "LIME"),
        ("application/vnd.google.rcs.encrypted", "RCS"),
        ("message/mls", "MLS"),
        ("message/mls-gov", "MLS"),
    ] {
        let (kind, body) = multipart("x", &["Content-Type: text/plain\r\n\r\nclear", CLEAR]);
        let _ = kind;
        let response = refused(&mut world, content_type, &body, 415);
        assert!(warning(&response).contains(word), "{content_type}: {}", warning(&response));
        assert!(accepts(&response, "text/plain") && accepts(&response, "message/cpim"));
        if !content_type.to_lowercase().starts_with("multipart") {
            let object = format!(
                "From: <sip:romeo@sip.test>\r\nTo: <sip:juliet@xmpp.test>\r\n\r\nContent-Type: {content_type}\r\n\r\nx"
            );
            refused(&mut world, "message/cpim", object.as_bytes(), 415);
            let (mixed, body) =
                multipart("mixed", &[CLEAR, &format!("Content-Type: {content_type}\r\n\r\nx")]);
            refused(&mut world, &mixed, &body, 415);
        }
    }
}

#[test]
fn e2e_038_without_relay_smime_is_an_unsupported_type() {
    let mut world = World::new();
    let response =
        refused(&mut world, "application/pkcs7-mime;smime-type=enveloped-data", b"0\x05", 415);
    assert!(accepts(&response, "text/plain") && !accepts(&response, "application/pkcs7-mime"));
    let mut rule = with("to_xmpp: { smime_status: 493 }");
    let response = refused(&mut rule, "application/pkcs7-mime", b"0\x05", 493);
    assert!(response.body.is_empty() && warning(&response).contains("S/MIME"));
    refused(&mut rule, "application/lime", b"x", 415);
}

#[test]
fn e2e_039_what_is_relayed_is_answered_with_success() {
    let mut world = native();
    shown(&mut world, "application/pkcs7-mime;smime-type=enveloped-data", b"0\x05");
}

#[test]
fn e2e_040_an_encrypted_multipart_of_openpgp() {
    let (kind, body) = multipart(
        "encrypted;protocol=\"application/pgp-encrypted\"",
        &[
            "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1",
            "Content-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----",
        ],
    );
    for mut world in [World::new(), native()] {
        let response = refused(&mut world, &kind, &body, 415);
        assert!(accepts(&response, "text/plain") && accepts(&response, "message/cpim"));
    }
}

#[test]
fn e2e_041_an_encrypted_part_that_may_be_missing() {
    let optional = ENVELOPED
        .replace("\r\n\r\n", "\r\nContent-Disposition: attachment;handling=optional\r\n\r\n");
    let (kind, body) = multipart("mixed", &["Content-Type: text/plain\r\n\r\nread me", &optional]);
    refused(&mut World::new(), &kind, &body, 415);
    let mut world = with("to_xmpp: { optional_part: notice }");
    let text = shown(&mut world, &kind, &body).bodies[0].text.to_string();
    assert!(
        text.starts_with("read me\n") && text.contains("S/MIME") && text.contains("missing"),
        "{text}"
    );
    assert_eq!(sightings(&mut world)[0].decision, Decision::PartLeftOut);
    let (kind, body) = multipart("mixed", &["Content-Type: text/plain\r\n\r\nread me", ENVELOPED]);
    refused(&mut world, &kind, &body, 415);
}

#[test]
fn e2e_042_what_is_only_signed() {
    let (kind, body) = signed("text/plain");
    refused(&mut World::new(), &kind, &body, 415);
    let mut strips = with("schemes: { smime: { to_xmpp: strip-signature } }");
    let stanza = shown(&mut strips, &kind, &body);
    assert_eq!(&*stanza.bodies[0].text, "read me");
    assert_eq!(stanza.extensions, []);
    assert_eq!(sightings(&mut strips)[0].decision, Decision::SignatureLeftOut);
    refused(&mut strips, "application/pkcs7-mime", b"0\x05", 415);
    let (kind, body) = signed("application/pkcs7-mime");
    refused(&mut strips, &kind, &body, 415);
}

#[test]
fn e2e_043_certificates_are_nobodys_trust() {
    let mut world = native();
    shown(&mut world, "application/pkcs7-mime;smime-type=certs-only", b"0\x05");
    let learnt = format!("{:?}", world.records);
    assert!(!learnt.contains("cpim") && !learnt.contains("pkcs7"), "{learnt}");
}

#[test]
fn e2e_044_tunnelled_requests_are_no_content() {
    for tunnel in ["message/sip", "message/sipfrag"] {
        let (kind, body) = signed(tunnel);
        refused(&mut World::new(), &kind, &body, 415);
        refused(&mut native(), &kind, &body, 488);
        refused(&mut World::new(), tunnel, b"MESSAGE sip:a@b SIP/2.0\r\n\r\n", 415);
    }
    // Linphone's LIME puts one first.
    let (kind, body) = multipart(
        "encrypted;protocol=\"application/lime\"",
        &[
            "Content-Type: message/sipfrag\r\n\r\nFrom: <sip:a@b>",
            "Content-Type: application/lime\r\n\r\nx",
        ],
    );
    refused(&mut native(), &kind, &body, 415);
}

#[test]
fn e2e_053_no_notification_is_made_for_what_is_secured() {
    let cpim = |disposition: &str| {
        format!(
            "From: <sip:romeo@sip.test>\r\nTo: <sip:juliet@xmpp.test>\r\nNS: imdn <urn:ietf:params:imdn>\r\n\
             imdn.Message-ID: 1\r\nimdn.Disposition-Notification: {disposition}\r\n\r\n\
             Content-Type: application/pkcs7-mime\r\n\r\n0\x05"
        )
    };
    for disposition in
        ["positive-delivery", "negative-delivery", "positive-delivery, negative-delivery, display"]
    {
        for (mut world, code) in [(World::new(), 415), (native(), 200)] {
            let (got, _, stanzas) =
                from_sip(&mut world, "Content-Type: message/cpim\n", cpim(disposition).as_bytes());
            assert_eq!((got, stanzas.len()), (code, usize::from(code == 200)));
            if let Some(stox::codec::xmpp::Stanza::Message(message)) = stanzas.first() {
                let id = message.id.as_deref().expect("an id");
                world.xmpp(&format!(
                    "<message type='error' id='{id}' from='juliet@xmpp.test' to='romeo@sip.test'><error type='cancel'>\
                     <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
                ));
            }
            world.pass_ms(60_000);
            assert_eq!(world.requests(), []);
        }
    }
}

#[test]
fn e2e_063_an_offer_from_sip_is_taken_out() {
    let body = b"Hi \x09  \x09\x09\x09\x09 \x09 \x09 \x09    \x09\x09  \x09 !";
    let mut world = World::new();
    assert_eq!(&*shown(&mut world, "text/plain", body).bodies[0].text, "Hi!");
    assert_eq!(sightings(&mut world)[0].decision, Decision::OfferLeftOut);
    let mut relay = with("schemes: { otr: { to_xmpp: relay } }");
    assert_eq!(shown(&mut relay, "text/plain", body).bodies[0].text.len(), body.len());
}

#[test]
fn e2e_064_otr_that_crosses_stays_with_one_device() {
    let mut world = with("schemes: { otr: { to_xmpp: relay } }");
    world.xmpp("<message id='m'><body>here I am</body></message>");
    world.requests();
    let head = message("o1", "Content-Type: text/plain\n", "").replacen(
        "sip:juliet@xmpp.test",
        "sip:juliet@xmpp.test;gr=balcony",
        1,
    );
    world.sip_octets(&head, b"?OTR:AAMCAbcdefghijkl0123.");
    let stanza = world.message();
    assert_eq!(stanza.to.as_ref().expect("to").as_str(), "juliet@xmpp.test/balcony");
    assert_eq!(&*stanza.bodies[0].text, "?OTR:AAMCAbcdefghijkl0123.");
    for (name, ns) in
        [("no-copy", ns::HINTS), ("no-permanent-store", ns::HINTS), ("private", ns::CARBONS)]
    {
        assert!(stanza.extension(name, ns).is_some(), "{name}");
    }
    let mark = stanza.extension("encryption", ns::EME).expect("a mark");
    assert_eq!(mark.attr("namespace").map(|it| &**it), Some("urn:xmpp:otr:0"));
    // And back to the device that wrote.
    world.confirm_all();
    world.sip.clear();
    let mut back = with("schemes: { otr: { to_sip: relay } }");
    back.sip(&message("g", "", "x").replacen(
        "<sip:romeo@sip.test>",
        "<sip:romeo@sip.test;gr=phone>",
        1,
    ));
    back.confirm_all();
    back.sip.clear();
    back.xmpp("<message id='e' from='juliet@xmpp.test/balcony' to='romeo@sip.xmpp.test/phone'><body>?OTRv3?</body></message>");
    assert_eq!(back.request().uri.as_str(), "sip:romeo@sip.test;gr=phone");
}

#[test]
fn e2e_065_otr_texts_are_refused_by_what_they_are() {
    let mut world = World::new();
    for (content_type, body) in [
        ("text/plain", "?OTR:AAMCAbcdefghijkl0123."),
        ("text/html", "<html><body>?OTR:AAMCAbcdefghijkl0123.</body></html>"),
        ("text/plain", "?OTRv23? let us talk"),
    ] {
        let response = refused(&mut world, content_type, body.as_bytes(), 488);
        assert!(warning(&response).contains("OTR"), "{response:?}");
        assert!(!response.headers.contains(&HeaderName::Accept));
    }
    let object = "From: <sip:romeo@sip.test>\r\nTo: <sip:juliet@xmpp.test>\r\n\r\nContent-Type: text/plain\r\n\r\n?OTRv23?";
    refused(&mut world, "message/cpim", object.as_bytes(), 488);
    let (kind, body) = multipart(
        "alternative",
        &["Content-Type: text/plain\r\n\r\n?OTRv23?", "Content-Type: text/html\r\n\r\nhello"],
    );
    refused(&mut world, &kind, &body, 488);
    let mut relay = with("schemes: { otr: { to_xmpp: relay } }");
    assert_eq!(&*shown(&mut relay, "text/plain", b" ?OTRv23? ").bodies[0].text, " ?OTRv23? ");
}

#[test]
fn e2e_085_an_encrypted_part_decides_for_the_whole() {
    for mut world in [World::new(), native()] {
        for kind in ["mixed", "alternative", "related", "unknown"] {
            for order in [[CLEAR, ENVELOPED], [ENVELOPED, CLEAR]] {
                let (kind, body) = multipart(kind, &order);
                let response = refused(&mut world, &kind, &body, 415);
                assert!(warning(&response).contains("S/MIME"));
            }
        }
        let (inner, body) = multipart("mixed", &[ENVELOPED]);
        let inner = format!("Content-Type: {inner}\r\n\r\n{}", String::from_utf8_lossy(&body));
        let deep = inner.replace("--b", "--c").replace("boundary=b", "boundary=c");
        let (kind, body) =
            multipart("alternative", &[CLEAR, &deep, "Content-Type: text/plain\r\n\r\nlast"]);
        refused(&mut world, &kind, &body, 415);
    }
}

#[test]
fn e2e_090_secured_bodies_of_other_requests() {
    let mut world = World::new();
    let (kind, _) = signed("application/sdp");
    for (method, content_type, accept) in [
        ("INVITE", "application/pkcs7-mime", "application/sdp"),
        ("INVITE", kind.as_str(), "application/sdp"),
        ("PUBLISH", "application/pkcs7-mime", "application/pidf+xml"),
        ("SUBSCRIBE", "multipart/signed;boundary=b", ""),
    ] {
        let request = message("i", &format!("Content-Type: {content_type}\n"), "x");
        let branch = format!("z9hG4bK{method}{}", content_type.len());
        world.sip(&request.replace("MESSAGE", method).replace("z9hG4bKi", &branch));
        let response = world.response();
        assert_eq!(response.status.code(), 415, "{method} {content_type}");
        assert_eq!(response.headers.get_text(&HeaderName::Accept), Some(accept));
        assert!(world.stanzas().is_empty());
    }
}

#[test]
fn nothing_is_answered_to_an_ack() {
    let mut world = World::new();
    let request =
        message("i", "Content-Type: application/pkcs7-mime\n", "x").replace("MESSAGE", "ACK");
    world.sip(&request);
    assert!(world.responses().is_empty() && world.stanzas().is_empty());
}

#[test]
fn a_warning_is_in_the_senders_language() {
    let mut world = World::new();
    let (_, response, _) = from_sip(
        &mut world,
        "Content-Type: application/lime\nAccept-Language: de-AT, en;q=0.3\n",
        b"x",
    );
    assert!(warning(&response).contains("Gateway nicht unterstützt"), "{}", warning(&response));
}

#[test]
fn notify_tells_the_xmpp_user_once() {
    let mut world = with("schemes: { lime: { to_xmpp: notify } }");
    for turn in 0..2 {
        let (code, _, stanzas) =
            from_sip(&mut world, "Content-Type: application/lime\n", b"secret");
        assert_eq!((code, stanzas.len()), (415, 1 - turn));
        let Some(stox::codec::xmpp::Stanza::Message(notice)) = stanzas.into_iter().next() else {
            continue;
        };
        assert_eq!(notice.from.as_ref().expect("from").as_str(), "romeo@sip.xmpp.test");
        let text = &notice.bodies[0].text;
        assert!(
            text.contains("LIME")
                && text.contains("romeo@sip.xmpp.test")
                && !text.contains("secret")
        );
    }
    let met = sightings(&mut world);
    assert!(met.iter().all(|it| it.towards == Towards::Xmpp && it.decision == Decision::Refused));
}

#[test]
fn a_body_tells_where_its_secured_parts_are() {
    let (kind, body) =
        multipart("alternative", &[CLEAR, ENVELOPED, "Content-Type: text/plain\r\n\r\n?OTRv2?"]);
    let entity = Entity::new(MediaType::parse(&kind).expect("a type"), body.into());
    let found: Vec<_> =
        parts(&shipped(), &entity).into_iter().map(|it| (it.name, it.kind, it.place)).collect();
    assert_eq!(
        found,
        [
            (
                "smime".to_owned(),
                Kind::Encrypted,
                "multipart/alternative, application/pkcs7-mime".to_owned()
            ),
            (
                "otr".to_owned(),
                Kind::Otr,
                "multipart/alternative, text/plain: an OTR query in the text".to_owned()
            ),
        ]
    );
}

#[test]
fn rules_that_cannot_be_are_told() {
    let findings = |text: &str| {
        let directory =
            std::env::temp_dir().join(format!("stox-bad-{}-{}", std::process::id(), text.len()));
        std::fs::create_dir_all(&directory).expect("a directory");
        std::fs::write(directory.join("encryption.yaml"), text).expect("a file");
        let loaded = stox::rules::Rules::load(Some(&directory));
        std::fs::remove_dir_all(&directory).expect("the directory can go");
        let all = loaded.expect_err("a mistake");
        all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    for (text, told) in [
        ("schemes: { \"omemo:N\": { to_sip: relay } }", "no form on the other side"),
        ("schemes: { mls: { to_xmpp: strip-signature } }", "does not sign"),
        ("schemes: { new: { namespaces: [ urn:x ] } }", "needs a title"),
        ("domains: { a.test: { enigma: { to_sip: refuse } } }", "no scheme is called `enigma`"),
        ("schemes: { otr: { to_spi: refuse } }", "did you mean `to_sip`?"),
        ("to_xmpp: { smime_status: 416 }", "not one of 415, 493"),
    ] {
        let shown = findings(text);
        assert!(shown.contains(told), "{text}: {shown}");
    }
}
