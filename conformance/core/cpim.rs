//! CPIM objects from SIP, and those that go there.

use stox::codec::mime::Strictness;
use stox::codec::xmpp::ns;

use crate::bodies::{Fate, accept, ruled, send, warning};
use crate::world::World;

const OBJECT: &str = "Content-Type: message/cpim\n";

/// An object with these header lines around a text, from romeo.
fn object(headers: &str, text: &str) -> Fate {
    whole(&format!("{headers}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}"))
}

fn whole(octets: &str) -> Fate {
    send(&mut World::new(), OBJECT, octets.as_bytes())
}

/// Subjects with their languages.
fn subjects(fate: Fate) -> Vec<(Option<String>, String)> {
    let shown = fate.shown();
    shown
        .subjects
        .iter()
        .map(|s| (s.lang.as_deref().map(str::to_owned), s.text.to_string()))
        .collect()
}

#[test]
fn cpim_001_the_example_of_rfc_3862_is_refused_for_its_require() {
    let example = "From: MR SANDERS <im:piglet@100akerwood.com>\r\n\
        To: Depressed Donkey <im:eeyore@100akerwood.com>\r\n\
        DateTime: 2000-12-13T13:40:00-08:00\r\n\
        Subject: the weather will be fine today\r\n\
        Subject:;lang=fr beau temps prevu pour aujourd'hui\r\n\
        NS: MyFeatures <mid:MessageFeatures@id.foo.com>\r\n\
        Require: MyFeatures.VitalMessageOption\r\n\
        MyFeatures.VitalMessageOption: Confirmation-requested\r\n\
        MyFeatures.WackyMessageOption: Use-silly-font\r\n\r\n\
        Content-type: text/xml; charset=utf-8\r\nContent-ID: <1234567890@foo.com>\r\n\r\n\
        <body>\r\nHere is the text of my message.\r\n</body>\r\n";
    assert!(warning(&whole(example).refused(488)).contains("VitalMessageOption"));
}

#[test]
fn cpim_003_strict_syntax_is_a_rule() {
    let octets = "From:<sip:romeo@sip.test>\r\n\r\nContent-Type: text/plain\r\n\r\nx";
    assert_eq!(whole(octets).text(), "x");
    let mut world = ruled(|messages| messages.cpim_syntax = Strictness::Strict);
    send(&mut world, OBJECT, octets.as_bytes()).refused(400);
}

#[test]
fn cpim_008_two_subjects_of_one_object() {
    let two = subjects(object("Subject: a\r\nSubject:;lang=de b\r\nSubject:;lang=de c\r\n", "x"));
    assert_eq!(two, [(None, "a".into()), (Some("de".into()), "b".into())]);
}

#[test]
fn cpim_012_what_xml_cannot_carry_is_replaced_and_the_stream_stays_up() {
    let mut world = World::new();
    let octets =
        "Subject: \\ud83d\\ude00\\ud83d\\u0000\\b\\u12\r\n\r\nContent-Type: text/plain\r\n\r\nx";
    let shown = send(&mut world, OBJECT, octets.as_bytes()).shown();
    assert_eq!(shown.subjects[0].text, "\u{1F600}\u{fffd}\u{fffd}\u{fffd}u12");
    world.romeo_says("b", "the stream is up");
    assert_eq!(world.message().bodies[0].text, "the stream is up");
}

#[test]
fn cpim_013_content_without_a_type_is_400() {
    whole("From: <im:a@b>\r\n\r\n\r\nHello").refused(400);
    whole("").refused_or_silent();
}

impl Fate {
    /// An empty body has nothing that could be broken.
    #[track_caller]
    fn refused_or_silent(self) {
        assert!(matches!(self, Fate::Silent), "{self:?}");
    }
}

#[test]
fn cpim_014_a_line_that_is_no_header_is_400() {
    for line in ["a/b: x", "no colon here", " From: <im:a@b>"] {
        object(&format!("{line}\r\n"), "x").refused(400);
    }
}

#[test]
fn cpim_018_the_namespace_decides_what_a_subject_is() {
    assert_eq!(subjects(object("NS: <http://x/>\r\nSubject: a\r\n", "x")), []);
    let bound = "NS: c <urn:ietf:params:cpim-headers:>\r\nc.Subject: Hi\r\n";
    assert_eq!(subjects(object(bound, "x")), [(None, "Hi".into())]);
}

#[test]
fn cpim_021_the_envelope_decides_among_several_recipients() {
    let mut world = World::new();
    let octets = "To: <sip:nurse@xmpp.test>\r\nTo: <sip:juliet@xmpp.test>\r\n\r\n\
                  Content-Type: text/plain\r\n\r\nx";
    let shown = send(&mut world, OBJECT, octets.as_bytes()).shown();
    assert_eq!(shown.to.expect("to").as_str(), "juliet@xmpp.test");
}

#[test]
fn cpim_023_transfer_encodings_are_undone() {
    let encoded = |encoding: &str, text: &str| {
        whole(&format!(
            "\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{text}"
        ))
    };
    assert_eq!(encoded("base64", "SGVs\r\nbG8=").text(), "Hello");
    assert_eq!(encoded("quoted-printable", "caf=C3=A9=\r\n!").text(), "caf\u{e9}!");
    encoded("base64", "S").refused(400);
    encoded("x-rot13", "S").refused(400);
}

#[test]
fn cpim_034_sender_is_who_sip_says_without_scheme_and_name() {
    let fate = object("From: Romeo Montague <im:romeo@sip.test>\r\n", "x");
    assert_eq!(fate.shown().from.expect("from").as_str(), "romeo@sip.xmpp.test");
}

#[test]
fn cpim_035_recipient_is_without_scheme_and_name() {
    let fate = object("To: Juliet Capulet <im:juliet@xmpp.test>\r\n", "x");
    assert_eq!(fate.shown().to.expect("to").as_str(), "juliet@xmpp.test");
}

/// The stanza of an object whose headers mean nothing to XMPP.
#[track_caller]
fn bare(headers: &str) -> String {
    let mut world = World::new();
    let octets = format!("{headers}\r\nContent-Type: text/plain\r\n\r\nsaid");
    world.sip_octets(&crate::world::message("a", OBJECT, ""), octets.as_bytes());
    world.octets()
}

#[test]
fn cpim_036_cc_is_not_passed() {
    assert_eq!(bare("cc: <im:x@y>\r\n"), bare(""));
}

#[test]
fn cpim_039_ns_is_not_passed() {
    assert_eq!(bare("NS: x <urn:x>\r\n"), bare(""));
}

#[test]
fn cpim_040_require_is_consumed_or_refused_and_never_passed() {
    assert_eq!(bare("Require: DateTime\r\n"), bare(""));
    let refusal =
        object("NS: MyFeatures <urn:f>\r\nRequire: MyFeatures.Vital\r\n", "x").refused(488);
    assert!(warning(&refusal).starts_with("399 ") && warning(&refusal).contains("Vital"));
    let imdn = "NS: imdn <urn:ietf:params:imdn>\r\nRequire: imdn.Message-ID\r\n";
    assert_eq!(bare(imdn), bare(""));
}

#[test]
fn cpim_044_the_type_is_that_of_any_text_and_by_rule_none_is_written() {
    let kind = |mut world: World| {
        let object = "From: <im:romeo@sip.test>\r\n\r\nContent-Type: text/plain\r\n\r\nx";
        send(&mut world, OBJECT, object.as_bytes()).shown().kind.name()
    };
    assert_eq!(kind(World::new()), Some("chat"));
    assert_eq!(kind(ruled(|messages| messages.chat = false)), None);
}

#[test]
fn cpim_037_date_time_is_dropped_or_by_rule_a_delay() {
    // The world's clock stands at 2023-11-14T22:13:20Z.
    let at = |time: &str| format!("DateTime: {time}\r\n\r\nContent-Type: text/plain\r\n\r\nx");
    let old = at("2023-11-14T22:13:20+01:00");
    assert_eq!(whole(&old).shown().extensions, []);
    let delay = |octets: &str| {
        let mut world = ruled(|messages| messages.cpim_date_time = true);
        let shown = send(&mut world, OBJECT, octets.as_bytes()).shown();
        shown.extension("delay", ns::DELAY).and_then(|delay| delay.attr("stamp")).cloned()
    };
    assert_eq!(delay(&old).as_deref(), Some("2023-11-14T21:13:20Z"));
    assert_eq!(delay(&at("2023-11-14T22:09:20Z")), None, "nearer than 5 minutes");
    assert_eq!(delay(&at("yesterday")), None);
}

#[test]
fn cpim_042_only_plain_text_is_a_body() {
    let typed = |kind: &str, text: &str| whole(&format!("\r\nContent-Type: {kind}\r\n\r\n{text}"));
    let shown = typed("text/html", "<b>x</b>").shown();
    assert_eq!(shown.bodies[0].text, "x");
    assert!(shown.extension("html", ns::XHTML_IM).is_some());
    typed("text/xml", "<x/>").refused(415);
    typed("image/png", "x").refused(415);
}

#[test]
fn cpim_043_character_sets_within_an_object() {
    let typed = |charset: &str| {
        let mut octets =
            format!("\r\nContent-Type: text/plain;charset={charset}\r\n\r\n").into_bytes();
        octets.extend_from_slice(b"e");
        send(&mut World::new(), OBJECT, &octets)
    };
    assert_eq!(typed("us-ascii").text(), "e");
    assert_eq!(typed("UTF-8").text(), "e");
    for charset in ["koi8-r", "iso-8859-1", "windows-1252"] {
        let refusal = typed(charset).refused(415);
        assert_eq!(accept(&refusal), ["text/plain;charset=utf-8"], "{charset}");
        assert!(warning(&refusal).contains(charset));
    }
}

#[test]
fn cpim_046_failures_of_the_abstract_service() {
    let request = |change: fn(String) -> String| {
        let mut world = World::new();
        world.sip(&change(crate::world::message("a", "", "x")));
        assert_eq!(world.stanzas(), []);
        world.codes()
    };
    assert_eq!(request(|text| text.replace("romeo@sip.test", "a%00b@sip.test")), [403]);
    assert_eq!(request(|text| text.replacen("xmpp.test", "unknown.test", 1)), [404]);
    assert_eq!(request(|text| text.replace("Max-Forwards: 70", "Max-Forwards: 0")), [483]);
}

#[test]
fn cpim_048_another_sender_in_the_object_is_counted_or_refused() {
    let foreign = "From: <im:mallory@evil.example>\r\n\r\nContent-Type: text/plain\r\n\r\nx";
    let mut world = World::new();
    let shown = send(&mut world, OBJECT, foreign.as_bytes()).shown();
    assert_eq!(shown.from.expect("from").as_str(), "romeo@sip.xmpp.test");
    assert_eq!(world.counter("sip_to_xmpp_foreign_cpim_from"), 1);
    let mut strict = ruled(|messages| messages.refuse_foreign_from = true);
    send(&mut strict, OBJECT, foreign.as_bytes()).refused(403);
    for own in ["sip:romeo@sip.test", "im:romeo@SIP.test", "sip:%72omeo@sip.test;gr=x"] {
        let mut strict = ruled(|messages| messages.refuse_foreign_from = true);
        let octets = foreign.replace("im:mallory@evil.example", own);
        assert_eq!(send(&mut strict, OBJECT, octets.as_bytes()).text(), "x", "{own}");
        assert_eq!(strict.counter("sip_to_xmpp_foreign_cpim_from"), 0, "{own}");
    }
    let nested =
        format!("From: <im:romeo@sip.test>\r\n\r\nContent-Type: message/cpim\r\n\r\n{foreign}");
    let mut strict = ruled(|messages| messages.refuse_foreign_from = true);
    send(&mut strict, OBJECT, nested.as_bytes()).refused(403);
}

#[test]
fn cpim_056_the_object_wins_over_the_envelope() {
    let headers = "Content-Type: message/cpim\nSubject: A\nContent-Language: en\n";
    let octets = "Subject: B\r\n\r\nContent-Type: text/plain\r\nContent-Language: cs\r\n\r\nx";
    let shown = send(&mut World::new(), headers, octets.as_bytes()).shown();
    let subjects: Vec<&str> = shown.subjects.iter().map(|subject| &*subject.text).collect();
    assert_eq!((subjects, shown.lang.as_deref()), (vec!["B"], Some("cs")));
    let octets = "\r\nContent-Type: text/plain\r\n\r\nx";
    let shown = send(&mut World::new(), headers, octets.as_bytes()).shown();
    assert_eq!((&*shown.subjects[0].text, shown.lang.as_deref()), ("A", Some("en")));
}

#[test]
fn cpim_058_an_encoded_object_is_the_same_as_a_plain_one() {
    let plain = "--b\r\nContent-Type: message/cpim\r\n\r\nFrom: <im:a@b>\r\n\r\n\
        Content-Type: text/plain\r\n\r\nHello\r\n--b--";
    let encoded = "--b\r\nContent-Type: message/cpim\r\nContent-Transfer-Encoding: base64\r\n\r\n\
        RnJvbTogPGltOmFAYj4NCg0KQ29udGVudC1UeXBlOiB0ZXh0L3BsYWluDQoNCkhl\r\nbGxv\r\n--b--";
    for body in [plain, encoded] {
        let headers = "Content-Type: multipart/mixed;boundary=b\n";
        assert_eq!(send(&mut World::new(), headers, body.as_bytes()).text(), "Hello");
    }
}

#[test]
fn cpim_059_objects_within_objects_have_a_depth() {
    let nested = |levels: usize| {
        let mut octets = "\r\nContent-Type: text/plain\r\n\r\ninnermost".to_owned();
        for _ in 1..levels {
            octets = format!(
                "From: <sip:romeo@sip.test>\r\n\r\nContent-Type: message/cpim\r\n\r\n{octets}"
            );
        }
        octets
    };
    assert_eq!(whole(&nested(2)).text(), "innermost");
    assert_eq!(whole(&nested(4)).text(), "innermost");
    whole(&nested(5)).refused(400);
    // A multipart between them does not start the count anew.
    let with_multipart = |inner: usize| {
        let inner = nested(inner);
        whole(&format!(
            "\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n\
             --b\r\nContent-Type: message/cpim\r\n\r\n{inner}\r\n--b--"
        ))
    };
    assert_eq!(with_multipart(3).text(), "innermost");
    // A part that is too deep to be looked into may be encrypted (E2E-085).
    with_multipart(4).refused(415);
}

#[test]
fn cpim_061_bare_line_feeds_are_accepted() {
    let octets = "From: <im:romeo@sip.test>\nSubject: s\n\nContent-Type: text/plain\n\na\nb";
    let shown = whole(octets).shown();
    assert_eq!((&*shown.subjects[0].text, &*shown.bodies[0].text), ("s", "a\nb"));
}
