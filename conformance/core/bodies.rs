//! Bodies of messages from SIP: media types, parts, codings, character sets.

use std::cell::RefCell;
use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;
use stox::codec::sip::{HeaderName, Response};
use stox::codec::xmpp::{Message, ns};
use stox::rules::Messages;

use crate::world::{SETTINGS, World, message};

/// A world whose rules for messages differ.
pub(crate) fn ruled(change: impl FnOnce(&mut Messages)) -> World {
    let mut rules = crate::world::built_in();
    change(&mut rules.messages);
    World::with_reader_and(SETTINGS, rules)
}

/// What became of a body.
#[derive(Debug)]
pub(crate) enum Fate {
    /// Its stanza; the SIP sender got 200.
    Shown(Box<Message>),
    /// The SIP sender got 200, and nothing was shown.
    Silent,
    /// The SIP sender got this, and nothing was shown.
    Refused(Box<Response>),
}

/// Sends a body with these header lines, each ended by LF.
pub(crate) fn send(world: &mut World, headers: &str, body: &[u8]) -> Fate {
    world.sip_octets(&message("a", headers, ""), body);
    world.confirm_all();
    let stanzas = world.stanzas();
    let response = world.response();
    assert!(stanzas.len() < 2, "{stanzas:?}");
    match (stanzas.into_iter().next(), response.status.code()) {
        (Some(stox::codec::xmpp::Stanza::Message(message)), 200) => Fate::Shown(message),
        (None, 200) => Fate::Silent,
        (None, _) => Fate::Refused(Box::new(response)),
        (stanza, code) => panic!("{code} and {stanza:?}"),
    }
}

fn fate(content_type: &str, body: &[u8]) -> Fate {
    send(&mut World::new(), &format!("Content-Type: {content_type}\n"), body)
}

impl Fate {
    /// The stanza.
    #[track_caller]
    pub(crate) fn shown(self) -> Message {
        match self {
            Fate::Shown(message) => *message,
            other => panic!("{other:?}"),
        }
    }

    /// The text of the stanza.
    #[track_caller]
    pub(crate) fn text(self) -> String {
        self.shown().bodies.first().map(|body| body.text.to_string()).expect("a body")
    }

    /// The refusal, which has this code.
    #[track_caller]
    pub(crate) fn refused(self, code: u16) -> Response {
        match self {
            Fate::Refused(response) if response.status.code() == code => *response,
            other => panic!("{other:?}"),
        }
    }
}

/// The media types of an Accept.
pub(crate) fn accept(response: &Response) -> Vec<&str> {
    response.headers.items(&HeaderName::Accept).collect()
}

pub(crate) fn warning(response: &Response) -> &str {
    response.headers.get_text(&HeaderName::Warning).unwrap_or_default()
}

/// A multipart of parts that are written out, header and all.
fn parts(subtype: &str, parts: &[&str]) -> Fate {
    let (content_type, body) = multipart(subtype, parts);
    fate(&content_type, body.as_bytes())
}

fn multipart(subtype: &str, parts: &[&str]) -> (String, String) {
    let boundary = format!("b{}", parts.len() + parts.iter().map(|part| part.len()).sum::<usize>());
    let mut body = String::new();
    for part in parts {
        body += &format!("--{boundary}\r\n{part}\r\n");
    }
    body += &format!("--{boundary}--\r\n");
    (format!("multipart/{subtype};boundary={boundary}"), body)
}

const PLAIN: &str = "Content-Type: text/plain\r\n\r\nplain";
const HTML: &str = "Content-Type: text/html\r\n\r\n<b>html</b>";
const UNKNOWN: &str = "Content-Type: x/y\r\n\r\n?";
const UNKNOWN_OPTIONAL: &str =
    "Content-Type: x/y\r\nContent-Disposition: render;handling=optional\r\n\r\n?";

#[test]
fn msg_032_plain_text_is_the_body_and_is_escaped() {
    let mut world = World::new();
    world.romeo_says("a", "<&>");
    assert!(world.octets().contains("<body>&lt;&amp;&gt;</body>"));
    let romeo = "Neither, fair saint, if either thee dislike.";
    let shown = fate("text/plain", romeo.as_bytes()).shown();
    assert_eq!(romeo.len(), 44, "the Content-Length of RFC 7572 Ex 4");
    assert_eq!(shown.bodies[0].text, romeo);
    assert_eq!(shown.kind.name(), Some("chat"));
}

#[test]
fn msg_041_html_becomes_xhtml_im_and_plain_text() {
    let mut world = World::new();
    let html =
        "<b>x</b><script>alert('</b>')</script><a href='javascript:y' onclick=z style='q'>w</a>";
    world.sip(&message("a", "Content-Type: text/html\n", html));
    let octets = world.octets();
    assert!(octets.contains("<body>xw</body>"), "{octets}");
    assert!(
        octets.contains(
            "<html xmlns='http://jabber.org/protocol/xhtml-im'>\
             <body xmlns='http://www.w3.org/1999/xhtml'><strong>x</strong>w</body></html>"
        ),
        "{octets}"
    );
    let mut world = ruled(|messages| messages.xhtml_im = false);
    let shown = send(&mut world, "Content-Type: text/html\n", b"<b>x</b>").shown();
    assert_eq!((&*shown.bodies[0].text, shown.extensions.len()), ("x", 0));
    assert!(matches!(fate("text/html", b"<script>x</script>"), Fate::Silent));
    fate("text/html", b"<b>\xE9</b>").refused(400);
    assert_eq!(fate("text/html;charset=iso-8859-1", b"<b>\xE9</b>").text(), "\u{e9}");
}

#[test]
fn msg_042_what_is_not_read_is_415_with_accept() {
    let refusal = fate("image/png", b"x").refused(415);
    let accept = accept(&refusal);
    assert!(accept.contains(&"text/plain") && accept.contains(&"message/cpim"), "{accept:?}");
    // Nothing is promised that is not read.
    for range in accept {
        let body: Vec<u8> = match range.split(';').next().expect("a type") {
            "message/cpim" => b"\r\nContent-Type: text/plain\r\n\r\nx".to_vec(),
            "multipart/mixed" | "multipart/alternative" | "multipart/related" => {
                multipart("x", &[PLAIN]).1.into_bytes()
            }
            "application/vnd.gsma.rcs-ft-http+xml" => {
                b"<file><file-info><data url='https://h/x'/></file-info></file>".to_vec()
            }
            _ => b"x".to_vec(),
        };
        let range = match range {
            "message/external-body;access-type=url" => format!("{range};url=\"http://h/\""),
            range if range.starts_with("multipart/") => {
                let (kind, _) = multipart("x", &[PLAIN]);
                kind.replace("multipart/x", range)
            }
            range => range.to_owned(),
        };
        assert!(!matches!(fate(&range, &body), Fate::Refused(_)), "{range}");
    }
}

#[test]
fn msg_043_the_top_level_type_is_never_optional() {
    let headers = "Content-Type: x/y\nContent-Disposition: render;handling=optional\n";
    let refusal = send(&mut World::new(), headers, b"x").refused(415);
    assert!(!accept(&refusal).is_empty());
    let headers = "Content-Type: text/plain\nContent-Encoding: br\n";
    let refusal = send(&mut World::new(), headers, b"x").refused(415);
    let accepted: Vec<&str> = refusal.headers.items(&HeaderName::AcceptEncoding).collect();
    assert_eq!(accepted, ["gzip", "deflate", "identity"]);
    assert!(accept(&refusal).contains(&"text/plain"));
}

fn coded(text: &[u8]) -> [(&'static str, Vec<u8>); 3] {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
    for part in [&mut gzip as &mut dyn Write, &mut zlib, &mut raw] {
        part.write_all(text).expect("to memory");
    }
    [
        ("gzip", gzip.finish().expect("to memory")),
        ("deflate", zlib.finish().expect("to memory")),
        ("Deflate", raw.finish().expect("to memory")),
    ]
}

#[test]
fn codings_are_undone_within_a_bound() {
    let headers = |coding: &str| format!("Content-Type: text/plain\nContent-Encoding: {coding}\n");
    for (coding, octets) in coded("hell\u{f6}".as_bytes()) {
        let said = send(&mut World::new(), &headers(coding), &octets).text();
        assert_eq!(said, "hell\u{f6}", "{coding}");
        let twice = coded(&octets).into_iter().next().expect("gzip").1;
        let said = send(&mut World::new(), &headers(&format!("{coding}, gzip")), &twice).text();
        assert_eq!(said, "hell\u{f6}", "{coding} in gzip");
        send(&mut World::new(), &headers(coding), &octets[..octets.len() / 2]).refused(400);
        send(&mut World::new(), &headers(&format!("{coding}, gzip, gzip")), &octets).refused(400);
    }
    for (coding, octets) in coded(&[b'a'; 65_537]) {
        send(&mut World::new(), &headers(coding), &octets).refused(413);
    }
    for (coding, octets) in coded(&[b'a'; 2_000]) {
        let mut world = ruled(|messages| messages.max_inflated_octets = 2_000);
        assert_eq!(send(&mut world, &headers(coding), &octets).text().len(), 2_000);
        let mut world = ruled(|messages| messages.max_inflated_octets = 1_999);
        send(&mut world, &headers(coding), &octets).refused(413);
    }
}

#[test]
fn the_parts_of_one_message_share_the_bound() {
    let part = |text: &[u8]| {
        let [(_, gzip), ..] = coded(text);
        let head = b"--b\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n\r\n";
        [&head[..], &gzip, b"\r\n"].concat()
    };
    let two = [part(&[b'a'; 600]), part(&[b'b'; 600]), b"--b--".to_vec()].concat();
    let headers = "Content-Type: multipart/mixed;boundary=b\n";
    let mut world = ruled(|messages| messages.max_inflated_octets = 1_200);
    assert_eq!(send(&mut world, headers, &two).text().len(), 1_201);
    let mut world = ruled(|messages| messages.max_inflated_octets = 1_199);
    send(&mut world, headers, &two).refused(413);
}

#[test]
fn msg_044_an_optional_part_may_be_missing_and_another_may_not() {
    assert_eq!(parts("mixed", &[PLAIN, UNKNOWN_OPTIONAL]).text(), "plain");
    assert_eq!(parts("mixed", &[UNKNOWN_OPTIONAL, PLAIN]).text(), "plain");
    assert!(matches!(parts("mixed", &[UNKNOWN_OPTIONAL]), Fate::Silent));
    parts("mixed", &[PLAIN, UNKNOWN]).refused(415);
    let required = UNKNOWN_OPTIONAL.replace("optional", "required");
    assert!(!accept(&parts("mixed", &[PLAIN, &required]).refused(415)).is_empty());
    let attached =
        "Content-Type: text/plain\r\nContent-Disposition: attachment;handling=optional\r\n\r\nfile";
    assert_eq!(parts("mixed", &[PLAIN, attached]).text(), "plain");
    parts("mixed", &[PLAIN, &attached.replace("optional", "required")]).refused(415);
}

#[test]
fn msg_045_of_alternatives_the_last_that_is_understood() {
    let shown = parts("alternative", &[PLAIN, HTML]).shown();
    assert_eq!(shown.bodies[0].text, "html");
    assert!(shown.extension("html", ns::XHTML_IM).is_some());
    let shown = parts("alternative", &[HTML, PLAIN]).shown();
    assert_eq!((&*shown.bodies[0].text, shown.extensions.len()), ("plain", 0));
    assert_eq!(parts("alternative", &[PLAIN, UNKNOWN]).text(), "plain");
    let required = UNKNOWN_OPTIONAL.replace("optional", "required");
    assert_eq!(parts("alternative", &[PLAIN, &required]).text(), "plain");
    parts("alternative", &[UNKNOWN, UNKNOWN_OPTIONAL]).refused(415);
    assert_eq!(parts("foo", &[PLAIN]).text(), "plain");
    assert_eq!(parts("foo", &[PLAIN, HTML]).text(), "plain\nhtml");
    let root = HTML.replacen("text/html", "text/html\r\nContent-ID: <r@h>", 1);
    assert_eq!(parts("related;start=\"<r@h>\"", &[UNKNOWN, &root]).text(), "html");
    assert_eq!(parts("related", &[PLAIN, UNKNOWN]).text(), "plain");
}

#[test]
fn msg_045_multiparts_within_each_other_have_a_depth() {
    let nested = |levels: usize| {
        let mut inner = PLAIN.to_owned();
        let mut outer = (String::new(), String::new());
        for _ in 0..levels {
            outer = multipart("mixed", &[&inner]);
            inner = format!("Content-Type: {}\r\n\r\n{}", outer.0, outer.1);
        }
        fate(&outer.0, outer.1.as_bytes())
    };
    assert_eq!(nested(4).text(), "plain");
    // What is too deep to be looked into may be encrypted (E2E-085).
    assert!(!accept(&nested(5).refused(415)).is_empty());
    let (inner, body) = multipart("alternative", &[PLAIN, HTML]);
    let inner = format!("Content-Type: {inner}\r\n\r\n{body}");
    assert_eq!(parts("mixed", &[PLAIN, &inner]).text(), "plain\nhtml");
    fate("multipart/mixed", b"--b\r\n\r\nx\r\n--b--").refused(400);
    fate("multipart/mixed;boundary=b", b"no parts").refused(400);
}

#[test]
fn msg_052_character_sets_by_name() {
    let said = |charset: &str, body: &[u8]| fate(&format!("text/plain;charset={charset}"), body);
    assert_eq!(said("ISO-8859-1", b"\xE9").text(), "\u{e9}");
    assert_eq!(said("windows-1252", b"\x80\xE9").text(), "\u{20AC}\u{e9}");
    assert_eq!(said("us-ascii", b"e").text(), "e");
    assert_eq!(said("\"UTF-8\"", "\u{e9}".as_bytes()).text(), "\u{e9}");
    let refusal = said("koi8-r", b"x").refused(415);
    assert!(accept(&refusal).contains(&"text/plain;charset=utf-8"));
    assert!(warning(&refusal).contains("koi8-r"), "{refusal:?}");
    fate("text/plain", b"\xE9").refused(400);
    said("us-ascii", b"\xE9").refused(400);
}

#[test]
fn msg_058_recipient_lists_are_no_service_of_a_gateway() {
    let mut world = World::new();
    world.sip(&message("a", "Require: recipient-list-message\n", "x"));
    assert_eq!(world.codes(), [420]);
    let list = "Content-Type: application/resource-lists+xml\r\n\
                Content-Disposition: recipient-list\r\n\r\n<x/>";
    parts("mixed", &[PLAIN, list]).refused(415);
}

#[test]
fn msg_061_content_that_lies_elsewhere_is_its_url() {
    let kind = "message/external-body; access-type=URL; URL=\"http://h/a?b=1&c\"";
    let mut world = World::new();
    world.sip_octets(&message("a", &format!("Content-Type: {kind}\n"), ""), b"\r\nx");
    let octets = world.octets();
    assert!(octets.contains("<body>http://h/a?b=1&amp;c</body>"), "{octets}");
    assert!(
        octets.contains("<x xmlns='jabber:x:oob'><url>http://h/a?b=1&amp;c</url></x>"),
        "{octets}"
    );
    for other in ["access-type=anon-ftp; site=h; name=x", "access-type=URL; URL=\"javascript:x\""] {
        fate(&format!("message/external-body; {other}"), b"x").refused(415);
    }
}

#[test]
fn msg_062_every_script_survives_both_ways() {
    let text = "\u{1F469}\u{200D}\u{1F469}\u{200D}\u{1F467} \u{5e9}\u{5dc}\u{5d5}\u{5dd}\n\te\u{301} \u{202e}x";
    assert_eq!(fate("text/plain;charset=utf-8", text.as_bytes()).text(), text);
    let mut world = World::new();
    world.juliet_says("1", text);
    assert!(world.request().body.ends_with(text.as_bytes()));
}

#[test]
fn msg_063_line_ends_become_line_feeds() {
    let mut world = World::new();
    world.sip(&message("a", "", "a\r\nb\rc\nd"));
    assert!(world.octets().contains("<body>a\nb\nc\nd</body>"));
}

#[test]
fn msg_067_texts_of_a_mixed_body_stand_under_each_other() {
    let text = |text: &str| format!("Content-Type: text/plain\r\n\r\n{text}");
    assert_eq!(parts("mixed", &[&text("a"), &text("b")]).text(), "a\nb");
    parts("mixed", &[&text("a"), "Content-Type: image/png\r\n\r\nx"]).refused(415);
    let shown = parts("mixed", &[&text("a\r\nb"), HTML]).shown();
    assert_eq!(shown.bodies[0].text, "a\r\nb\nhtml".replace('\r', ""));
    let mut world = World::new();
    let (kind, body) = multipart("mixed", &[&text("a\r\nb"), HTML]);
    world.sip_octets(&message("a", &format!("Content-Type: {kind}\n"), ""), body.as_bytes());
    assert!(world.octets().contains("<p>a<br/>b</p><strong>html</strong></body></html>"));
}

#[test]
fn flowed_text_is_unfolded() {
    let kind = "text/plain; charset=utf-8; format=flowed";
    assert_eq!(fate(kind, b"soft \r\nwrap\r\n\r\nhard").text(), "soft wrap\n\nhard");
    let text = fate(&format!("{kind}; delsp=yes"), "\u{6f22} \r\n\u{5b57}".as_bytes()).text();
    assert_eq!(text, "\u{6f22}\u{5b57}");
    assert_eq!(fate("text/plain", b"soft \r\nwrap").text(), "soft \nwrap");
}

#[test]
fn msg_068_broken_utf_8_is_refused_and_not_altered() {
    for octets in [&b"\xE9"[..], b"a\xC3", b"\xED\xA0\x80", b"\xC0\x80"] {
        fate("text/plain", octets).refused(400);
        fate("text/plain;charset=utf-8", octets).refused(400);
    }
}

const COMPOSING: &str = "<isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'>\
    <state>active</state></isComposing>";
const DISPOSITION: &str =
    "<imdn xmlns='urn:ietf:params:xml:ns:imdn'><message-id>1</message-id></imdn>";

#[test]
fn notifications_are_taken_and_counted_and_never_text() {
    for (kind, body, counter) in [
        ("application/im-iscomposing+xml", COMPOSING, "sip_to_xmpp_composing"),
        ("message/imdn+xml", DISPOSITION, "sip_to_xmpp_dispositions"),
    ] {
        let bare = format!("Content-Type: {kind}\nSubject: s\n");
        let object = format!(
            "From: <sip:romeo@sip.test>\r\nTo: <sip:juliet@xmpp.test>\r\nSubject: s\r\n\r\n\
             Content-Type: {kind}\r\nContent-Disposition: notification\r\n\r\n{body}"
        );
        let mut forms = vec![(bare.clone(), body.as_bytes().to_vec())];
        forms.push(("Content-Type: message/cpim\n".to_owned(), object.clone().into_bytes()));
        for (coding, octets) in coded(body.as_bytes()) {
            forms.push((format!("{bare}Content-Encoding: {coding}\n"), octets));
        }
        for (coding, octets) in coded(object.as_bytes()) {
            let headers = format!("Content-Type: message/cpim\nContent-Encoding: {coding}\n");
            forms.push((headers, octets));
        }
        for (headers, octets) in forms {
            let mut world = World::new();
            let fate = send(&mut world, &headers, &octets);
            assert!(matches!(fate, Fate::Silent), "{headers}: {fate:?}");
            assert_eq!(world.counter(counter), 1, "{headers}");
        }
    }
}

#[test]
fn signed_and_encrypted_parts_are_refused() {
    for subtype in ["signed", "encrypted"] {
        parts(subtype, &[PLAIN, UNKNOWN]).refused(415);
        let (kind, body) = multipart(subtype, &[PLAIN, UNKNOWN]);
        parts("mixed", &[PLAIN, &format!("Content-Type: {kind}\r\n\r\n{body}")]).refused(415);
    }
}

#[test]
fn html_that_grows_too_large_is_413() {
    let wide = format!("<a href='http://h/{}'>{}", "y".repeat(2_000), "<p>x".repeat(500));
    fate("text/html", wide.as_bytes()).refused(413);
}

/// Pieces of which bodies are made that may mean something.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let texts = "--b\r\n|--b--\r\n|--c\r\n|\r\n|\n|Content-Type: |text/plain|text/html|message/cpim|\
        multipart/mixed;boundary=c|multipart/alternative;boundary=b|;charset=|utf-8|;format=flowed|\
        Content-Encoding: gzip|Content-Transfer-Encoding: base64|Content-Disposition: x;handling=optional|\
        From: <sip:a@b>|Subject: s|NS: x <y>|Require: z|<b>|</b>|<a href=x:y>|<script>|SGVsbG8=|> | |\\\\u0000";
    let piece = prop_oneof![
        8 => texts.prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

thread_local! {
    static WORLD: RefCell<(World, u32)> = RefCell::new((World::new(), 0));
}

proptest! {
    #[test]
    fn whatever_the_body_there_is_one_final_answer(
        kind in "text/plain|text/html|message/cpim|multipart/(mixed|alternative|related|x);boundary=b",
        coding in "(Content-Encoding: (gzip|deflate)\n)?",
        body in pieces(),
    ) {
        WORLD.with_borrow_mut(|(world, number)| {
            *number += 1;
            let head = message(&format!("p{number}"), &format!("Content-Type: {kind}\n{coding}"), "");
            world.sip_octets(&head, &body);
            world.confirm_all();
            let shown = world.stanzas().len();
            let codes = world.codes();
            prop_assert_eq!(codes.len(), 1);
            prop_assert!(shown == 0 || (shown == 1 && codes[0] == 200), "{} {:?}", shown, codes);
            prop_assert!([200, 400, 403, 413, 415, 488].contains(&codes[0]), "{:?}", codes);
            Ok(())
        })?;
    }
}
