//! Encryption in bodies that are hard to look into: whatever is in the way, the readable text beside
//! it is never delivered as the message.

use std::cell::RefCell;
use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use proptest::prelude::*;
use stox::codec::sip::{HeaderName, Response};

use crate::encryption::{Outcome, from_sip, said, says, shown, text_of, with};
use crate::world::World;

const TEXT: &str = "Content-Type: text/plain\r\n\r\nencrypted, please upgrade";
const ENVELOPED: &str =
    "Content-Type: application/pkcs7-mime;smime-type=enveloped-data\r\n\r\n0\x05";
const OPTIONAL: &str = "Content-Disposition: attachment;handling=optional";

fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut coder = GzEncoder::new(Vec::new(), Compression::default());
    coder.write_all(octets).expect("to memory");
    coder.finish().expect("to memory")
}

fn deflate(octets: &[u8]) -> Vec<u8> {
    let mut coder = DeflateEncoder::new(Vec::new(), Compression::default());
    coder.write_all(octets).expect("to memory");
    coder.finish().expect("to memory")
}

/// A multipart of these parts: its Content-Type, and its body.
fn multipart(subtype: &str, boundary: &str, parts: &[&[u8]]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for part in parts {
        body.extend(format!("--{boundary}\r\n").bytes());
        body.extend(*part);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{boundary}--\r\n").bytes());
    (format!("multipart/{subtype};boundary={boundary}"), body)
}

fn part(headers: &[&str], body: &[u8]) -> Vec<u8> {
    let head: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    [head.as_bytes(), b"\r\n", body].concat()
}

/// What stands beside a readable text, as the last alternative, the first, in a related that begins
/// with the text, as a part that may be left out: refused each time with this code.
#[track_caller]
fn never_beside_text(world: &mut World, hidden: &[u8], code: u16) -> Response {
    let optional = [OPTIONAL.as_bytes(), b"\r\n", hidden].concat();
    let mut last = None;
    for (subtype, parts) in [
        ("alternative", [TEXT.as_bytes(), hidden]),
        ("alternative", [hidden, TEXT.as_bytes()]),
        ("related", [TEXT.as_bytes(), hidden]),
        ("mixed", [TEXT.as_bytes(), &optional]),
        ("mixed", [&optional, TEXT.as_bytes()]),
        ("new", [TEXT.as_bytes(), &optional]),
    ] {
        let (kind, body) = multipart(subtype, "outer", &parts);
        let (got, response, stanzas) = from_sip(world, &format!("Content-Type: {kind}\n"), &body);
        let shown = String::from_utf8_lossy(hidden);
        assert_eq!((got, stanzas.len()), (code, 0), "{subtype}: {shown} {stanzas:?}");
        last = Some(response);
    }
    last.expect("one at least")
}

fn warning(response: &Response) -> &str {
    response.headers.get_text(&HeaderName::Warning).unwrap_or_default()
}

#[test]
fn e2e_085_within_a_content_coding() {
    let mut world = World::new();
    let (kind, body) = multipart("mixed", "inner", &[ENVELOPED.as_bytes()]);
    let kind = format!("Content-Type: {kind}");
    for (coding, octets) in [
        ("gzip", gzip(&body)),
        ("deflate", deflate(&body)),
        ("deflate, gzip", gzip(&deflate(&body))),
    ] {
        let hidden = part(&[&kind, &format!("Content-Encoding: {coding}")], &octets);
        let response = never_beside_text(&mut world, &hidden, 415);
        assert!(warning(&response).contains("S/MIME"), "{response:?}");
    }
    let twice = [kind.as_str(), "Content-Encoding: deflate", "Content-Encoding: gzip"];
    let response = never_beside_text(&mut world, &part(&twice, &gzip(&deflate(&body))), 415);
    assert!(warning(&response).contains("S/MIME"), "{response:?}");
    // What is coded so that nobody here reads it, or not at all so.
    for coding in ["br", "aes128gcm", "gzip, gzip, gzip"] {
        let hidden = part(&[&kind, &format!("Content-Encoding: {coding}")], &body);
        never_beside_text(&mut world, &hidden, 415);
        let hidden =
            part(&["Content-Type: image/png", &format!("Content-Encoding: {coding}")], b"x");
        match coding {
            "br" | "aes128gcm" => never_beside_text(&mut world, &hidden, 415),
            _ => continue,
        };
    }
    never_beside_text(&mut world, &part(&[&kind, "Content-Encoding: gzip"], &body), 415);
    let large = gzip(&[b'a'; 70_000]);
    let hidden = part(&["Content-Type: text/plain", "Content-Encoding: gzip"], &large);
    never_beside_text(&mut world, &hidden, 413);
}

#[test]
fn e2e_085_at_any_depth() {
    let mut world = World::new();
    let mut hidden = ENVELOPED.as_bytes().to_vec();
    for level in 0..12 {
        let response = never_beside_text(&mut world, &hidden, 415);
        assert!(level > 2 || warning(&response).contains("S/MIME"), "{level}: {response:?}");
        hidden = match level % 2 {
            0 => {
                let object = [
                    &b"From: <sip:romeo@sip.test>\r\nTo: <sip:juliet@xmpp.test>\r\n\r\n"[..],
                    &hidden,
                ];
                part(&["Content-Type: message/cpim"], &object.concat())
            }
            _ => {
                let (kind, body) = multipart("mixed", &format!("b{level}"), &[&hidden]);
                part(&[&format!("Content-Type: {kind}")], &body)
            }
        };
    }
}

#[test]
fn e2e_085_within_what_cannot_be_looked_into() {
    let mut world = World::new();
    let (kind, body) = multipart("mixed", "inner", &[ENVELOPED.as_bytes()]);
    let kind = format!("Content-Type: {kind}");
    let many: Vec<&[u8]> =
        std::iter::repeat_n(&b"\r\nx"[..], 64).chain([ENVELOPED.as_bytes()]).collect();
    let (_, many) = multipart("mixed", "inner", &many);
    let (_, broken) = multipart("mixed", "inner", &[b"no header\r\n\r\nx", ENVELOPED.as_bytes()]);
    for (hidden, why) in [
        (part(&[&kind], &many), "too many parts"),
        (part(&[&kind], &broken), "no header field"),
        (part(&["Content-Type: multipart/mixed"], &body), "boundary"),
        (part(&[&kind], b"no parts"), "without parts"),
        (part(&[&kind, "Content-Transfer-Encoding: base64"], &body), "transfer encoding"),
        (part(&["Content-Type: message/cpim"], b"no object"), "message/cpim"),
        (part(&["Content-Type: message/rfc822"], b"no header\r\n\r\nx"), "message/rfc822"),
        (part(&["Content-Type: message/sip"], b"MESSAGE sip:a@b SIP/2.0\r\n\r\n"), "message/sip"),
        (part(&["Content-Type: message/sipfrag"], b"From: <sip:a@b>\r\n"), "message/sipfrag"),
        (part(&["Content-Type: message/partial;id=1;number=1"], b"x"), "message/partial"),
        (part(&["Content-Type: text/plain", &kind], &body), "more than one Content-Type"),
        (part(&["Content-Type: text/plain", "Content-Transfer-Encoding: base64"], b"?"), "base64"),
    ] {
        let response = never_beside_text(&mut world, &hidden, 415);
        assert!(warning(&response).contains(why), "{why}: {response:?}");
        assert!(response.headers.contains(&HeaderName::Accept));
    }
    // A message of mail is looked into, in a digest too, where it is what needs no name.
    let mail = [b"Subject: x\r\n", ENVELOPED.as_bytes()].concat();
    let named = part(&["Content-Type: message/rfc822"], &mail);
    let (digest, unnamed) = multipart("digest", "inner", &[&part(&[], &mail)]);
    let digest = part(&[&format!("Content-Type: {digest}")], &unnamed);
    for hidden in [named, digest] {
        let response = never_beside_text(&mut world, &hidden, 415);
        assert!(warning(&response).contains("S/MIME"), "{response:?}");
    }
    // One that hides nothing is like any type that is not read.
    let mail = part(&["Content-Type: message/rfc822", OPTIONAL], b"Subject: x\r\n\r\nhello");
    let (kind, body) = multipart("mixed", "b", &[b"\r\nread me", &mail]);
    assert_eq!(&*shown(&mut world, &kind, &body).bodies[0].text, "read me");
}

#[test]
fn msg_044_an_unknown_leaf_is_no_wrapper() {
    let mut world = World::new();
    for (kind, content) in [
        ("Content-Type: x/y", &b"?"[..]),
        ("Content-Type: application/octet-stream; name=photo.jpg", b"?"),
        ("Content-Type: application/octet-stream; name=smime.p7c", b"?"),
        ("Content-Type: application/gzip; name=\"a.p7m.gz\"", b"?"),
        ("Content-Type: image/png\r\nContent-Encoding: gzip", b"not gzip"),
    ] {
        let optional = part(&[kind, OPTIONAL], content);
        let (mixed, body) = multipart("mixed", "b", &[b"\r\nread me", &optional]);
        assert_eq!(&*shown(&mut world, &mixed, &body).bodies[0].text, "read me", "{kind}");
        let (alternative, body) =
            multipart("alternative", "b", &[b"\r\nread me", &part(&[kind], content)]);
        assert_eq!(&*shown(&mut world, &alternative, &body).bodies[0].text, "read me");
    }
}

#[test]
fn msg_044_a_quoted_parameter_says_nothing() {
    let mut world = World::new();
    let quoted = "Content-Disposition: render;filename=\"a;handling=optional;b\"";
    let (kind, body) =
        multipart("mixed", "b", &[b"\r\nread me", &part(&["Content-Type: x/y", quoted], b"?")]);
    let (code, _, stanzas) = from_sip(&mut world, &format!("Content-Type: {kind}\n"), &body);
    assert_eq!((code, stanzas.len()), (415, 0));
}

#[test]
fn msg_045_an_unknown_subtype_is_looked_into_as_mixed() {
    let mut world = World::new();
    for subtype in ["vnd.example.new", "form-data", "parallel", "report"] {
        let (kind, body) = multipart(subtype, "inner", &[TEXT.as_bytes(), ENVELOPED.as_bytes()]);
        let hidden = part(&[&format!("Content-Type: {kind}")], &body);
        let response = never_beside_text(&mut world, &hidden, 415);
        assert!(warning(&response).contains("S/MIME"), "{response:?}");
    }
}

#[test]
fn e2e_041_an_encrypted_part_by_its_name() {
    let mut world = World::new();
    let octets = "Content-Type: application/octet-stream";
    for (headers, scheme) in [
        (vec!["Content-Type: application/octet-stream; name=smime.p7m"], "S/MIME"),
        (vec!["Content-Type: application/octet-stream; name=\"a;b.P7M\""], "S/MIME"),
        (vec!["Content-Type: application/octet-stream; name*=utf-8''smime%2Ep7m"], "S/MIME"),
        (vec!["Content-Type: application/x-any; name=smime.p7z"], "S/MIME"),
        (vec![octets, "Content-Disposition: attachment; filename=\"smime.p7s\""], "S/MIME"),
        (vec![octets, "Content-Disposition: inline; filename*0=smi; filename*1=me.p7m"], "S/MIME"),
        (vec!["Content-Type: application/octet-stream; name=encrypted.asc"], "OpenPGP"),
    ] {
        let named = part(&headers, b"0\x05");
        let response = never_beside_text(&mut world, &named, 415);
        assert!(warning(&response).contains(scheme), "{headers:?}: {response:?}");
    }
    let (_, response, _) = from_sip(
        &mut world,
        "Content-Type: application/octet-stream;name=\"smime.p7m\"\n",
        b"0\x05",
    );
    assert!(warning(&response).contains("S/MIME"), "{response:?}");
    // A line about it stands where it is left out by rule, and where no line can stand it stays.
    let mut notice = with("to_xmpp: { optional_part: notice }");
    let optional = part(&["Content-Type: application/pkcs7-mime", OPTIONAL], b"0\x05");
    let (kind, body) = multipart("mixed", "b", &[b"\r\nread me", &optional]);
    let text = shown(&mut notice, &kind, &body).bodies[0].text.to_string();
    assert!(text.starts_with("read me\n") && text.contains("S/MIME"), "{text}");
    for subtype in ["related", "alternative"] {
        let (kind, body) = multipart(subtype, "b", &[b"\r\nread me", &optional]);
        let (code, _, stanzas) = from_sip(&mut notice, &format!("Content-Type: {kind}\n"), &body);
        assert_eq!((code, stanzas.len()), (415, 0), "{subtype}");
    }
}

#[test]
fn e2e_085_types_of_jose_cose_and_xml() {
    let mut world = World::new();
    for (essence, title) in [
        ("application/jose", "JOSE"),
        ("application/jose+json", "JOSE"),
        ("application/cose", "COSE"),
        ("application/xenc+xml", "XML Encryption"),
        ("application/pkcs7-new", "S/MIME"),
        ("multipart/encrypted;protocol=\"application/new\"", "application/new"),
    ] {
        let hidden = part(&[&format!("Content-Type: {essence}")], b"x");
        let response = never_beside_text(&mut world, &hidden, 415);
        assert!(warning(&response).contains(title), "{essence}: {response:?}");
    }
    // A file that lies elsewhere, with the key beside its link.
    let file = "<file xmlns='urn:gsma:params:xml:ns:rcs:rcs:fthttp'><file-info type='file'>\
        <file-key>aGVsbG8=</file-key><data url='https://h/a'/></file-info></file>";
    let kind = "Content-Type: application/vnd.gsma.rcs-ft-http+xml";
    never_beside_text(&mut world, &part(&[kind], file.as_bytes()), 415);
}

#[test]
fn e2e_042_a_signature_that_is_given_up_hides_nothing() {
    let mut strips = with("schemes: { smime: { to_xmpp: strip-signature } }");
    let signature = b"Content-Type: application/pkcs7-signature\r\n\r\n0\x05";
    let signed = |inner: &[u8]| {
        let kind = "signed;protocol=\"application/pkcs7-signature\"";
        multipart(kind, "signed", &[inner, signature])
    };
    let (alternative, body) =
        multipart("alternative", "inner", &[ENVELOPED.as_bytes(), TEXT.as_bytes()]);
    let (kind, body) = signed(&part(&[&format!("Content-Type: {alternative}")], &body));
    let (code, _, stanzas) = from_sip(&mut strips, &format!("Content-Type: {kind}\n"), &body);
    assert_eq!((code, stanzas.len()), (415, 0));
    let hidden = part(&[&format!("Content-Type: {kind}")], &body);
    never_beside_text(&mut strips, &hidden, 415);
    let (kind, body) = signed(b"\r\nread me");
    assert_eq!(&*shown(&mut strips, &kind, &body).bodies[0].text, "read me");
}

const OTR: &str = "?OTR:AAMCAbcdefghijkl0123.";

#[test]
fn e2e_065_otr_beside_the_text_and_across_parts() {
    let mut world = World::new();
    let mut stopped = |headers: &str, body: &[u8]| {
        let (code, response, stanzas) = from_sip(&mut world, headers, body);
        assert_eq!((code, stanzas.len()), (488, 0), "{headers} {stanzas:?}");
        assert!(warning(&response).contains("OTR"), "{response:?}");
    };
    stopped(&format!("Content-Type: text/plain\nSubject: {OTR}\n"), b"hello");
    let object = |header: &str| {
        format!(
            "From: <sip:romeo@sip.test>\r\nTo: <sip:juliet@xmpp.test>\r\n\
             NS: stox <urn:stox:cpim:0>\r\n{header}: {OTR}\r\n\r\n\
             Content-Type: text/plain\r\n\r\nhello"
        )
    };
    stopped("Content-Type: message/cpim\n", object("Subject").as_bytes());
    stopped("Content-Type: message/cpim\n", object("stox.Thread").as_bytes());
    let (kind, body) = multipart("mixed", "b", &[b"\r\n?OTR:AAMCAbcd", b"\r\nefghijkl0123."]);
    stopped(&format!("Content-Type: {kind}\n"), &body);
    let (kind, body) = multipart("mixed", "b", &[b"\r\n?OT", b"\r\nR:AAMCAbcdefghijkl0123."]);
    stopped(&format!("Content-Type: {kind}\n"), &body);
    for html in [
        "?OTR:AAMC<wbr>Abcdefghijkl0123.",
        "?OTR:AAMC<br>Abcdefghijkl0123.",
        "?O<b>TR</b>:AAMCAbcdefghijkl0123.",
        "&#63;OTR:AAMC<!-- x -->Abcdefghijkl0123.",
        "?OTR:AAMC&shy;Abcdefghijkl0123.",
    ] {
        stopped("Content-Type: text/html\n", html.as_bytes());
        let hidden = part(&["Content-Type: text/html"], html.as_bytes());
        let (kind, body) = multipart("alternative", "b", &[&hidden, TEXT.as_bytes()]);
        stopped(&format!("Content-Type: {kind}\n"), &body);
    }
    let wide: Vec<u8> = OTR.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let hidden = part(&["Content-Type: text/plain;charset=utf-16le"], &wide);
    let (kind, body) = multipart("alternative", "b", &[&hidden, TEXT.as_bytes()]);
    stopped(&format!("Content-Type: {kind}\n"), &body);
}

#[test]
fn e2e_065_otr_in_a_display_name() {
    let mut world = World::new();
    let request = crate::world::message("n", "", "hello").replacen(
        "From: <sip:romeo@sip.test>",
        &format!("From: \"{OTR}\" <sip:romeo@sip.test>"),
        1,
    );
    assert!(request.contains(OTR), "{request}");
    world.sip(&request);
    world.confirm_all();
    assert_eq!((world.stanzas().len(), world.codes()), (0, vec![488]));
}

#[test]
fn e2e_062_otr_outside_the_body() {
    for children in [
        format!("<subject>{OTR}</subject><body>x</body>"),
        format!("<thread>{OTR}</thread><body>x</body>"),
        format!("<nick xmlns='http://jabber.org/protocol/nick'>{OTR}</nick><body>x</body>"),
        format!("<x xmlns='jabber:x:oob'><url>https://h/a</url><desc>{OTR}</desc></x>"),
        "<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>\
         ?OTR:AAMC<br/>Abcdefghijkl0123.</body></html>".to_owned(),
        "<body>?OTR:AAMCAbcd\nefghijkl0123.</body>".to_owned(),
        format!("<a xmlns='urn:example:a' b='{OTR}'/><body>x</body>"),
    ] {
        said(&children).not_acceptable("otr");
    }
}

const OMEMO: &str = "<encrypted xmlns='urn:xmpp:omemo:2'><payload>cA==</payload></encrypted>";

#[test]
fn e2e_002_marks_and_wrappers_that_nobody_knows() {
    for (children, scheme) in [
        ("<encryption xmlns='urn:xmpp:eme:1' namespace='urn:example:new'/>".to_owned(), "other"),
        ("<fallback xmlns='urn:xmpp:fallback:1' for='urn:xmpp:omemo:2'/>".to_owned(), "omemo:2"),
        (format!("<wrap xmlns='urn:example:new'>{OMEMO}</wrap>"), "omemo:2"),
        (
            format!(
                "<result xmlns='urn:xmpp:mam:2' id='1'><forwarded xmlns='urn:xmpp:forward:0'>\
                 <message xmlns='jabber:client'>{OMEMO}</message></forwarded></result>"
            ),
            "omemo:2",
        ),
        ("<mls xmlns='urn:xmpp:mls:0'>x</mls>".to_owned(), "mls"),
        ("<EncryptedData xmlns='http://www.w3.org/2001/04/xmlenc#'/>".to_owned(), "xml-encryption"),
        ("<encrypted xmlns='urn:xmpp:esfs:0'/>".to_owned(), "encrypted-file"),
    ] {
        said(&format!("{children}<body>the fallback</body>")).not_acceptable(scheme);
    }
    // What a server tells of keys, and keys in a wrapper, are nothing to tell.
    for clear in [
        "<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='n'><item>\
         <list xmlns='eu.siacs.conversations.axolotl'/></item></items></event>",
        "<wrap xmlns='urn:example:new'><encrypted xmlns='urn:xmpp:omemo:2'><header/></encrypted></wrap>",
        "<wrap xmlns='urn:example:new'><x xmlns='jabber:x:signed'>aGVsbG8=</x></wrap>",
        "<unknown xmlns='urn:example:encrypted'/>",
    ] {
        assert_eq!(text_of(&said(&format!("{clear}<body>clear</body>")).sent()), "clear");
    }
}

#[test]
fn e2e_002_a_file_whose_sources_are_all_encrypted() {
    let encrypted = "<encrypted xmlns='urn:xmpp:esfs:0'><sources xmlns='urn:xmpp:sfs:0'>\
        <url-data xmlns='http://jabber.org/protocol/url-data' target='https://h/e'/></sources></encrypted>";
    let clear = "<url-data xmlns='http://jabber.org/protocol/url-data' target='https://h/c'/>";
    let file = |sources: &str| {
        format!(
            "<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'>\
             <name>a</name></file><sources>{sources}</sources></file-sharing>"
        )
    };
    said(&file(encrypted)).not_acceptable("encrypted-file");
    said(&format!("{}<body>x</body>", file(encrypted))).not_acceptable("encrypted-file");
    let sent = text_of(&said(&file(&format!("{encrypted}{clear}"))).sent());
    assert!(sent.contains("https://h/c") && !sent.contains("https://h/e"), "{sent}");
}

/// One thing that hides an encrypted part.
#[derive(Debug, Clone)]
enum Wrap {
    Multipart(&'static str, bool),
    Object,
    Mail,
    Many,
    Unbounded,
}

fn wraps() -> impl Strategy<Value = (Wrap, &'static str, &'static str)> {
    let subtypes = prop::sample::select(vec![
        "mixed",
        "alternative",
        "related",
        "digest",
        "form-data",
        "parallel",
        "x-new",
    ]);
    let wrap = prop_oneof![
        8 => (subtypes, any::<bool>()).prop_map(|(subtype, first)| Wrap::Multipart(subtype, first)),
        3 => Just(Wrap::Object),
        1 => Just(Wrap::Mail),
        1 => Just(Wrap::Many),
        1 => Just(Wrap::Unbounded),
    ];
    let disposition = prop::sample::select(vec![
        "",
        "Content-Disposition: render",
        "Content-Disposition: attachment",
        "Content-Disposition: inline;handling=optional",
        "Content-Disposition: attachment;filename=\"a;b\";handling=optional",
        "Content-Disposition: session;handling=\"optional\"",
    ]);
    let coding = prop::sample::select(vec!["", "", "", "gzip", "deflate", "deflate, gzip", "br"]);
    (wrap, disposition, coding)
}

/// Headers, beside the Content-Type, and a body in a coding.
fn coded(kind: &str, disposition: &str, coding: &str, body: &[u8]) -> Vec<u8> {
    let coding_line = format!("Content-Encoding: {coding}");
    let mut headers = vec![kind];
    if !disposition.is_empty() {
        headers.push(disposition);
    }
    if !coding.is_empty() {
        headers.push(&coding_line);
    }
    let body = match coding {
        "gzip" => gzip(body),
        "deflate" => deflate(body),
        "deflate, gzip" => gzip(&deflate(body)),
        _ => body.to_vec(),
    };
    part(&headers, &body)
}

fn wrapped(level: usize, inner: &[u8], wrap: &Wrap) -> (String, Vec<u8>) {
    let boundary = format!("b{level}");
    match wrap {
        Wrap::Multipart(subtype, true) => multipart(subtype, &boundary, &[inner, TEXT.as_bytes()]),
        Wrap::Multipart(subtype, false) => multipart(subtype, &boundary, &[TEXT.as_bytes(), inner]),
        Wrap::Object => {
            let header = b"From: <sip:romeo@sip.test>\r\nTo: <sip:juliet@xmpp.test>\r\n\r\n";
            ("message/cpim".to_owned(), [&header[..], inner].concat())
        }
        Wrap::Mail => ("message/rfc822".to_owned(), [&b"Subject: x\r\n"[..], inner].concat()),
        Wrap::Many => {
            let mut parts = vec![TEXT.as_bytes(); 64];
            parts.push(inner);
            multipart("mixed", &boundary, &parts)
        }
        Wrap::Unbounded => {
            let (_, body) = multipart("mixed", &boundary, &[TEXT.as_bytes(), inner]);
            ("multipart/mixed".to_owned(), body)
        }
    }
}

const LEAVES: [&[&str]; 9] = [
    &["Content-Type: application/pkcs7-mime;smime-type=enveloped-data"],
    &["Content-Type: application/octet-stream;name=\"smime.p7m\""],
    &["Content-Type: application/octet-stream", "Content-Disposition: x;filename=smime.p7m"],
    &["Content-Type: application/pgp-encrypted"],
    &["Content-Type: application/jose"],
    &["Content-Type: message/mls"],
    &["Content-Type: multipart/encrypted;protocol=\"application/pgp-encrypted\";boundary=z"],
    &["Content-Type: message/sip"],
    &["Content-Type: text/plain"],
];

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn e2e_085_wherever_it_is_the_text_beside_it_is_not_delivered(
        leaf in prop::sample::select(LEAVES.to_vec()),
        levels in prop::collection::vec(wraps(), 0..9),
        outer in prop::sample::select(vec!["mixed", "alternative", "related", "x-new"]),
        first in any::<bool>(),
    ) {
        let mut inner = part(leaf, OTR.as_bytes());
        for (level, (wrap, disposition, coding)) in levels.iter().enumerate() {
            let (kind, body) = wrapped(level, &inner, wrap);
            inner = coded(&format!("Content-Type: {kind}"), disposition, coding, &body);
        }
        let (kind, body) = wrapped(99, &inner, &Wrap::Multipart(outer, first));
        WORLD.with_borrow_mut(|world| {
            let (code, _, stanzas) = from_sip(world, &format!("Content-Type: {kind}\n"), &body);
            prop_assert!(stanzas.is_empty() && code >= 400, "{} {:?}", code, stanzas);
            Ok(())
        })?;
    }

    #[test]
    fn e2e_002_whatever_wraps_it_the_body_beside_it_is_not_sent(
        wraps in prop::collection::vec(prop::sample::select(vec![
            "a xmlns='urn:example:a'",
            "forwarded xmlns='urn:xmpp:forward:0'",
            "message xmlns='jabber:client'",
            "result xmlns='urn:xmpp:mam:2'",
            "apply-to xmlns='urn:xmpp:fasten:0'",
            "sources xmlns='urn:xmpp:sfs:0'",
        ]), 0..12),
        secret in prop::sample::select(vec![
            OMEMO,
            "<openpgp xmlns='urn:xmpp:openpgp:0'>cA==</openpgp>",
            "<x xmlns='jabber:x:encrypted'>cA==</x>",
            "<encryption xmlns='urn:xmpp:eme:0' namespace='urn:example:new'/>",
        ]),
    ) {
        let mut inner = secret.to_owned();
        for open in wraps {
            let name = open.split(' ').next().expect("a name");
            inner = format!("<{open}>{inner}</{name}>");
        }
        // A message is no child of a message.
        let inner = format!("<w xmlns='urn:example:w'>{inner}</w>");
        let outcome = WORLD.with_borrow_mut(|world| {
            says(world, &format!("{inner}<body>the fallback</body>"))
        });
        prop_assert!(matches!(outcome, Outcome::Refused(_)), "{inner} {outcome:?}");
    }
}
