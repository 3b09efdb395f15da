//! Tests of `message/cpim` objects, one per requirement row.

use bytes::Bytes;
use proptest::prelude::*;
use time::OffsetDateTime;

use super::cpim::{CORE_NAMESPACE, Cpim, CpimError, IMDN_NAMESPACE, Strictness};
use super::cpim_writer::{CpimObject, ExtensionHeader, Party};
use super::entity::Entity;
use super::media_type::MediaType;

const CONTENT: &str = "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello";

/// RFC 3862 §5.1.
const EXAMPLE: &str = "From: MR SANDERS <im:piglet@100akerwood.com>\r\n\
To: Depressed Donkey <im:eeyore@100akerwood.com>\r\n\
DateTime: 2000-12-13T13:40:00-08:00\r\n\
Subject: the weather will be fine today\r\n\
Subject:;lang=fr beau temps prevu pour aujourd'hui\r\n\
NS: MyFeatures <mid:MessageFeatures@id.foo.com>\r\n\
Require: MyFeatures.VitalMessageOption\r\n\
MyFeatures.VitalMessageOption: Confirmation-requested\r\n\
MyFeatures.WackyMessageOption: Use-silly-font\r\n\
\r\n\
Content-type: text/xml; charset=utf-8\r\n\
Content-ID: <1234567890@foo.com>\r\n\
\r\n\
<body>\r\nHere is the text of my message.\r\n</body>\r\n";

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn lenient(headers: &str) -> Result<Cpim, CpimError> {
    Cpim::parse(bytes(&format!("{headers}{CONTENT}")), Strictness::Lenient)
}

fn strict(headers: &str) -> Result<Cpim, CpimError> {
    Cpim::parse(bytes(&format!("{headers}{CONTENT}")), Strictness::Strict)
}

fn subjects(object: &Cpim) -> Vec<(Option<String>, String)> {
    let string = |text: super::Text| text.to_string();
    object.subjects().map(|s| (s.lang.map(string), s.text.to_string())).collect()
}

fn required(object: &Cpim) -> Vec<(&str, &str)> {
    object.all_required().map(|r| (&*r.ns, &*r.name)).collect()
}

fn write(object: &CpimObject<'_>) -> String {
    let mut out = Vec::new();
    object.write(&mut out, b"Hello");
    String::from_utf8(out).unwrap()
}

fn default_object() -> CpimObject<'static> {
    const TO: [Party<'static>; 1] = [Party { formal_name: None, uri: "sip:romeo@example.net" }];
    CpimObject {
        from: Party { formal_name: None, uri: "sip:juliet@example.com;gr=yn0cl4bnw0yr3vym" },
        to: &TO,
        ..CpimObject::default()
    }
}

#[test]
fn cpim_001_v_16_the_example_of_rfc_3862() {
    for strictness in [Strictness::Lenient, Strictness::Strict] {
        let object = Cpim::parse(bytes(EXAMPLE), strictness).unwrap();
        assert_eq!(object.headers.len(), 9);
        assert_eq!(object.from().unwrap().uri, "im:piglet@100akerwood.com");
        assert_eq!(object.from().unwrap().formal_name.as_deref(), Some("MR SANDERS"));
        assert_eq!(object.to().next().unwrap().uri, "im:eeyore@100akerwood.com");
        assert_eq!(object.date_time().unwrap().unix_timestamp(), 976_743_600);
        assert_eq!(
            subjects(&object),
            [
                (None, "the weather will be fine today".to_owned()),
                (Some("fr".to_owned()), "beau temps prevu pour aujourd'hui".to_owned())
            ]
        );
        let features = "mid:MessageFeatures@id.foo.com";
        assert_eq!(required(&object), [(features, "VitalMessageOption")]);
        assert_eq!(object.header(features, "WackyMessageOption").unwrap().value, "Use-silly-font");
        assert!(object.entity.is("text/xml"));
        assert_eq!(object.entity.content_id.as_deref(), Some("1234567890@foo.com"));
        assert_eq!(
            &*object.entity.body,
            b"<body>\r\nHere is the text of my message.\r\n</body>\r\n"
        );
    }
}

#[test]
fn cpim_002_one_header_per_line_without_white_space_around() {
    let object = CpimObject { subjects: &[(None, "x\r\nTo: <im:evil@h>  ")], ..default_object() };
    assert!(write(&object).contains("\r\nSubject: x\\r\\nTo: <im:evil@h>\r\n"));
    assert_eq!(lenient("Subject: a\r\n b\r\n").unwrap_err(), CpimError::WhiteSpace);
    assert_eq!(lenient(" Subject: a\r\n").unwrap_err(), CpimError::WhiteSpace);
    assert_eq!(strict("Subject: a \r\n").unwrap_err(), CpimError::WhiteSpace);
    assert!(lenient("Subject: a \r\n").is_ok());
    assert_eq!(strict("Subject: a\tb\r\n").unwrap_err(), CpimError::ControlCharacter);
    assert!(lenient("Subject: a\tb\r\n").is_ok());
}

#[test]
fn cpim_003_exactly_one_space_behind_the_colon() {
    assert_eq!(lenient("From:<im:a@b>\r\n").unwrap().from().unwrap().uri, "im:a@b");
    assert_eq!(strict("From:<im:a@b>\r\n").unwrap_err(), CpimError::MissingSpace);
    assert_eq!(subjects(&lenient("Subject:  x\r\n").unwrap())[0].1, " x");
    assert_eq!(subjects(&strict("Subject:  x\r\n").unwrap())[0].1, " x");
    assert!(write(&default_object()).starts_with("From: <sip:"));
}

#[test]
fn cpim_004_names_match_by_case() {
    let object = lenient("from: <im:x@y>\r\nSUBJECT: a\r\n").unwrap();
    assert!(object.from().is_none() && object.subjects().next().is_none());
}

#[test]
fn cpim_005_utf_8_and_no_limit_of_line_length() {
    let long = "\u{e9}".repeat(5_000);
    assert_eq!(subjects(&strict(&format!("Subject: {long}\r\n")).unwrap())[0].1, long);
    let octets = [b"Subject: \xE9\r\n".as_slice(), CONTENT.as_bytes()].concat();
    assert_eq!(Cpim::parse(octets.into(), Strictness::Lenient), Err(CpimError::NotUtf8));
}

#[test]
fn cpim_006_unknown_headers_are_ignored() {
    let object = strict("X-Foo: 1\r\nFrom: <im:a@b>\r\n").unwrap();
    assert!(object.from().is_some() && object.required.is_empty());
}

#[test]
fn the_object_is_kept_octet_for_octet() {
    let odd = format!("To:   <im:b@c>\r\nFrom:;x=1 <im:a@b>\nX.y: z \r\n{CONTENT}");
    let object = Cpim::parse(bytes(&odd), Strictness::Lenient).unwrap();
    assert_eq!(&*object.octets, odd.as_bytes());
}

#[test]
fn cpim_008_headers_may_repeat() {
    let object =
        strict("To: <im:a@b>\r\nTo: <im:c@d>\r\nSubject: x\r\nSubject:;lang=de y\r\n").unwrap();
    assert_eq!((object.to().count(), object.subjects().count()), (2, 2));
}

#[test]
fn cpim_009_controls_are_escaped_on_output() {
    let object = CpimObject { subjects: &[(None, "a\tb\\c\u{1}")], ..default_object() };
    assert!(write(&object).contains("Subject: a\\tb\\\\c\\u0001\r\n"));
}

#[test]
fn sec_024_names_and_subjects_stay_in_their_line() {
    let hostile = "x\r\nTo: <im:evil@example.com>";
    let from = Party { formal_name: Some(hostile), uri: "im:a@b" };
    let object = CpimObject { from, subjects: &[(None, hostile)], ..default_object() };
    let written = write(&object);
    let head = written.split("\r\n\r\n").next().unwrap();
    let evil = head.split("\r\n").filter(|line| line.starts_with("To: <im:evil"));
    assert_eq!(evil.count(), 0, "{written}");
    assert!(!head.replace("\r\n", "").contains(['\r', '\n']), "{written}");
}

#[test]
fn cpim_013_content_needs_a_content_type() {
    for text in
        ["From: <im:a@b>\r\n\r\nHello", "From: <im:a@b>\r\n\r\n\r\nHello", "From: <im:a@b>\r\n", ""]
    {
        let error = Cpim::parse(bytes(text), Strictness::Lenient).unwrap_err();
        assert!(
            matches!(error, CpimError::NoContentType | CpimError::Entity(_)),
            "{text}: {error}"
        );
    }
    let fine = "From: <im:a@b>\r\n\r\ncontent-type:text/plain\r\n";
    assert!(Cpim::parse(bytes(fine), Strictness::Lenient).is_ok());
    assert!(write(&default_object()).contains("\r\n\r\nContent-Type: "));
}

#[test]
fn cpim_014_a_line_that_is_no_header_refuses_the_object() {
    for line in ["a/b: x", "no colon here", ": x", "a b: x", "a(b): x", "\u{e9}: x"] {
        let headers = format!("From: <im:a@b>\r\n{line}\r\n");
        assert_eq!(lenient(&headers).unwrap_err(), CpimError::HeaderLine, "{line}");
    }
    assert!(strict("!#$%&'*+-^_`|~aZ09: x\r\n").is_ok());
}

#[test]
fn cpim_015_lang_directly_behind_the_colon() {
    let object = strict("Subject:;lang=fr Objet de message\r\nSubject: x\r\n").unwrap();
    assert_eq!(
        subjects(&object),
        [(Some("fr".to_owned()), "Objet de message".to_owned()), (None, "x".to_owned())]
    );
}

#[test]
fn cpim_016_other_parameters_are_tolerated() {
    for headers in [
        "Subject:;lang=en;x=1 Hi\r\n",
        "Subject:;x=\"a; \\\" b\";lang=en Hi\r\n",
        "Subject:;y;lang=en Hi\r\n",
    ] {
        assert_eq!(subjects(&strict(headers).unwrap()), [(Some("en".to_owned()), "Hi".to_owned())]);
    }
    assert_eq!(strict("Subject:;x=\"a Hi\r\n").unwrap_err(), CpimError::HeaderLine);
}

#[test]
fn cpim_017_ns_binds_a_prefix_for_what_follows() {
    let object = strict("NS: foo <urn:ietf:params:imdn>\r\nfoo.Message-ID: x\r\n").unwrap();
    assert_eq!(object.header(IMDN_NAMESPACE, "Message-ID").unwrap().value, "x");
    // Declared too late.
    let late = "foo.Message-ID: x\r\nNS: foo <urn:ietf:params:imdn>\r\n";
    assert!(lenient(late).unwrap().header(IMDN_NAMESPACE, "Message-ID").is_none());
    assert_eq!(strict(late).unwrap_err(), CpimError::Namespace);
    // The last declaration in front of a header counts.
    let twice = strict("NS: f <urn:a>\r\nf.A: 1\r\nNS: f <urn:b>\r\nf.A: 2\r\n").unwrap();
    assert_eq!((&*twice.headers[1].ns, &*twice.headers[3].ns), ("urn:a", "urn:b"));
    for bad in ["NS: foo\r\n", "NS: foo <>\r\n", "NS: a b <urn:x>\r\n", "NS: a.b <urn:x>\r\n"] {
        assert_eq!(lenient(bad).unwrap_err(), CpimError::Namespace, "{bad}");
    }
}

#[test]
fn cpim_018_the_uri_decides_not_the_spelling() {
    let changed = strict("NS: <http://x/>\r\nSubject: a\r\nFrom: <im:a@b>\r\n").unwrap();
    assert!(changed.subjects().next().is_none() && changed.from().is_none());
    assert!(changed.header("http://x/", "Subject").is_some());
    let prefixed = strict("NS: c <urn:ietf:params:cpim-headers:>\r\nc.Subject: Hi\r\n").unwrap();
    assert_eq!(subjects(&prefixed), [(None, "Hi".to_owned())]);
    // The default can be changed back through a prefix for the core.
    let back = "NS: c <urn:ietf:params:cpim-headers:>\r\nNS: <http://x/>\r\nc.Require: Subject,c.To\r\n\
                c.NS: <urn:ietf:params:cpim-headers:>\r\nSubject: Hi\r\n";
    let back = strict(back).unwrap();
    assert_eq!(subjects(&back), [(None, "Hi".to_owned())]);
    assert_eq!(required(&back), [("http://x/", "Subject"), (CORE_NAMESPACE, "To")]);
}

#[test]
fn cpim_019_require_is_told_with_its_namespaces() {
    let object =
        strict("NS: Locale <urn:l>\r\nRequire: Locale.MustRenderKanji, Subject\r\nRequire: To\r\n")
            .unwrap();
    assert_eq!(
        required(&object),
        [("urn:l", "MustRenderKanji"), (CORE_NAMESPACE, "Subject"), (CORE_NAMESPACE, "To")]
    );
    let undeclared = lenient("Require: Locale.MustRenderKanji\r\n").unwrap();
    assert_eq!(required(&undeclared), [("", "Locale.MustRenderKanji")]);
}

#[test]
fn cpim_020_formal_names_are_written_by_the_grammar() {
    let from = |formal_name| {
        let from = Party { formal_name: Some(formal_name), uri: "sip:a@b" };
        let text = write(&CpimObject { from, with_formal_names: true, ..default_object() });
        text.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(from("Ann B"), "From: Ann B <sip:a@b>");
    assert_eq!(from("Ann, B"), "From: \"Ann, B\"<sip:a@b>");
    assert_eq!(from("O\"B"), "From: \"O\\\"B\"<sip:a@b>");
    assert_eq!(from("Ann\r\nTo: x"), "From: \"Ann\\r\\nTo: x\"<sip:a@b>");
    assert_eq!(from("J\u{FC}rgen O'B"), "From: J\u{FC}rgen O'B <sip:a@b>");
    assert_eq!(from("a  b"), "From: \"a  b\"<sip:a@b>");
    assert_eq!(from(" "), "From: <sip:a@b>");
    let off = Party { formal_name: Some("Ann"), uri: "sip:a@b" };
    assert!(
        write(&CpimObject { from: off, ..default_object() }).starts_with("From: <sip:a@b>\r\n")
    );
}

#[test]
fn cpim_021_several_recipients() {
    let object =
        strict("To: <im:a@b>\r\nTo: <im:c@d>\r\ncc: <im:e@f>\r\ncc: <im:g@h>\r\n").unwrap();
    let uris: Vec<_> = object.to().chain(object.cc()).map(|a| a.uri.to_string()).collect();
    assert_eq!(uris, ["im:a@b", "im:c@d", "im:e@f", "im:g@h"]);
}

#[test]
fn cpim_022_date_time_is_read_with_offset_and_written_in_utc() {
    let object = strict("DateTime: 2001-02-01T12:16:49-05:00\r\n").unwrap();
    let written = write(&CpimObject { date_time: object.date_time(), ..default_object() });
    assert!(written.contains("\r\nDateTime: 2001-02-01T17:16:49Z\r\n"));
    assert_eq!(lenient("DateTime: yesterday\r\n").unwrap().date_time(), None);
    assert_eq!(strict("DateTime: yesterday\r\n").unwrap_err(), CpimError::DateTime);
}

#[test]
fn cpim_023_transfer_encoding_of_the_content_is_removed() {
    let text = "From: <im:a@b>\r\n\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVsbG8=";
    let object = Cpim::parse(bytes(text), Strictness::Strict).unwrap();
    assert_eq!(object.content().text().unwrap(), "Hello");
}

#[test]
fn cpim_024_content_type_is_spelled_for_the_strictest_reader() {
    assert!(
        write(&default_object())
            .contains("\r\n\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello")
    );
}

#[test]
fn generated_objects_have_from_and_to() {
    let object = Cpim::parse(write(&default_object()).into(), Strictness::Strict).unwrap();
    assert_eq!(object.from().unwrap().uri, "sip:juliet@example.com;gr=yn0cl4bnw0yr3vym");
    assert_eq!(object.to().next().unwrap().uri, "sip:romeo@example.net");
}

#[test]
fn cc_in_both_spellings() {
    let object = strict("CC: <im:x@y>\r\n").unwrap();
    assert_eq!(object.cc().next().unwrap().uri, "im:x@y");
    let cc = [Party { formal_name: None, uri: "im:x@y" }];
    assert!(write(&CpimObject { cc: &cc, ..default_object() }).contains("\r\ncc: <im:x@y>\r\n"));
}

#[test]
fn gr_outside_the_brackets_is_read_never_written() {
    let object = lenient("To: <sip:room@h>;gr=Romeo\r\n").unwrap();
    assert_eq!(object.to().next().unwrap().gr_outside.as_deref(), Some("Romeo"));
    let to = [Party { formal_name: None, uri: "sip:room@h;gr=Romeo" }];
    assert!(
        write(&CpimObject { to: &to, ..default_object() })
            .contains("\r\nTo: <sip:room@h;gr=Romeo>\r\n")
    );
}

#[test]
fn cpim_057_from_and_to_may_be_missing() {
    let object = lenient("DateTime: 2001-02-01T12:16:49Z\r\n").unwrap();
    assert!(object.from().is_none() && object.to().next().is_none());
    assert_eq!(lenient("").unwrap().headers, []);
    assert_eq!(lenient("").unwrap().content().text().unwrap(), "Hello");
    assert!(lenient("From: nonsense\r\n").unwrap().from().is_none());
    assert_eq!(strict("From: nonsense\r\n").unwrap_err(), CpimError::Address);
}

#[test]
fn cpim_058_an_encoding_around_the_object_is_reversed_first() {
    let part = "--b\r\nContent-Type: message/cpim\r\nContent-Transfer-Encoding: base64\r\n\r\n\
        RnJvbTogPGltOmFAYj4NCg0KQ29udGVudC1UeXBlOiB0ZXh0L3BsYWluDQoNCkhl\r\nbGxv\r\n--b--";
    let multipart =
        Entity::new(MediaType::parse("multipart/mixed;boundary=b").unwrap(), bytes(part));
    let part = &multipart.parts().unwrap()[0];
    let object = Cpim::parse(part.decoded().unwrap(), Strictness::Strict).unwrap();
    assert_eq!(object.from().unwrap().uri, "im:a@b");
    assert_eq!(object.content().text().unwrap(), "Hello");
}

fn nested(levels: usize) -> Result<Cpim, CpimError> {
    let mut object = format!("Subject: 1\r\n{CONTENT}");
    for level in 2..=levels {
        let feature = format!("NS: f <urn:f>\r\nRequire: f.L{level}\r\n");
        object = format!("{feature}\r\nContent-Type: Message/CPIM\r\n\r\n{object}");
    }
    Cpim::parse(bytes(&object), Strictness::Strict)
}

#[test]
fn cpim_059_objects_within_objects() {
    assert_eq!(nested(2).unwrap().content().text().unwrap(), "Hello");
    let four = nested(4).unwrap();
    assert_eq!(four.content().text().unwrap(), "Hello");
    assert_eq!(required(&four), [("urn:f", "L4"), ("urn:f", "L3"), ("urn:f", "L2")]);
    assert_eq!(nested(5).unwrap_err(), CpimError::TooDeep);
}

#[test]
fn cpim_060_octets_of_a_generated_object() {
    let imdn = |name, value| ExtensionHeader { ns: IMDN_NAMESPACE, prefix: "imdn", name, value };
    let object = CpimObject {
        date_time: OffsetDateTime::from_unix_timestamp(976_743_600).ok(),
        subjects: &[
            (None, "Hi!"),
            (Some("cz"), "Ahoj!"),
            (Some("de"), ""),
            (None, " \t"),
            (Some("x y"), "z"),
        ],
        extensions: &[
            imdn("Message-ID", "34jk324j"),
            imdn("Empty", " "),
            imdn("Disposition-Notification", "positive-delivery, negative-delivery"),
        ],
        content_headers: &[("Content-Language", "en\r\nX: y")],
        ..default_object()
    };
    let expected = "From: <sip:juliet@example.com;gr=yn0cl4bnw0yr3vym>\r\n\
        To: <sip:romeo@example.net>\r\n\
        DateTime: 2000-12-13T21:40:00Z\r\n\
        Subject: Hi!\r\n\
        Subject:;lang=cz Ahoj!\r\n\
        Subject: z\r\n\
        NS: imdn <urn:ietf:params:imdn>\r\n\
        imdn.Message-ID: 34jk324j\r\n\
        imdn.Disposition-Notification: positive-delivery, negative-delivery\r\n\
        \r\n\
        Content-Type: text/plain; charset=utf-8\r\n\
        Content-Language: enX: y\r\n\
        \r\n\
        Hello";
    assert_eq!(write(&object), expected);
}

#[test]
fn cpim_061_bare_line_feeds_and_mixed_ends() {
    let lf = EXAMPLE.replace("\r\n", "\n");
    let object = Cpim::parse(bytes(&lf), Strictness::Lenient).unwrap();
    assert_eq!((object.headers.len(), object.subjects().count()), (9, 2));
    assert_eq!(&*object.entity.body, b"<body>\nHere is the text of my message.\n</body>\n");
    let mixed = "From: <im:a@b>\nTo: <im:c@d>\r\n\nContent-Type: text/plain\r\n\na\r\nb\n";
    let object = Cpim::parse(bytes(mixed), Strictness::Lenient).unwrap();
    assert_eq!(object.from().unwrap().uri, "im:a@b");
    assert_eq!(&*object.entity.body, b"a\r\nb\n");
    assert_eq!(Cpim::parse(bytes(&lf), Strictness::Strict).unwrap_err(), CpimError::LineEnd);
}

#[test]
fn headers_are_bounded() {
    assert_eq!(lenient(&"X: y\r\n".repeat(65)).unwrap_err(), CpimError::TooManyHeaders);
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        subject in "\\PC{0,20}|[\\x00-\\x7f]{0,20}",
        name in "\\PC{0,12}|[ -~\\t\\r\\n]{0,12}",
        content in prop::collection::vec(any::<u8>(), 0..40),
        seconds in 0_i64..4_000_000_000,
    ) {
        let from = Party { formal_name: Some(&name), uri: "sip:a@b;gr=x" };
        let subjects = [(Some("en"), subject.as_str())];
        let date_time = OffsetDateTime::from_unix_timestamp(seconds).ok();
        let object = CpimObject { from, date_time, subjects: &subjects, with_formal_names: true, ..default_object() };
        let mut out = Vec::new();
        object.write(&mut out, &content);
        let read = Cpim::parse(out.into(), Strictness::Strict).unwrap();
        prop_assert_eq!(read.date_time(), date_time);
        prop_assert_eq!(&*read.entity.body, &content[..]);
        let from = read.from().unwrap();
        prop_assert_eq!(&*from.uri, "sip:a@b;gr=x");
        prop_assert_eq!(from.formal_name.as_deref().unwrap_or(""), name.trim());
        let kept = subject.trim_end_matches([' ', '\t']);
        let read_subject = read.subjects().next().map(|s| s.text.to_string());
        prop_assert_eq!(read_subject.unwrap_or_default(), kept);
    }

    #[test]
    fn what_is_read_is_written_the_same(
        subjects in prop::collection::vec((prop::option::of("[a-z]{2}"), "\\PC{1,8}|[\\x00-\\x7f]{1,8}"), 0..3),
        name in prop::option::of("[a-zA-Z.]{1,4}( [a-z]{1,4})?|[!-~]{1,8}"),
        seconds in prop::option::of(0_i64..4_000_000_000),
        content in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let written = {
            let subjects: Vec<_> = subjects.iter().map(|(lang, text)| (lang.as_deref(), text.as_str())).collect();
            let object = CpimObject {
                from: Party { formal_name: name.as_deref(), uri: "sip:a@b" },
                to: &[Party { formal_name: None, uri: "im:c@d" }],
                date_time: seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok()),
                subjects: &subjects,
                with_formal_names: true,
                ..CpimObject::default()
            };
            let mut out = Vec::new();
            object.write(&mut out, &content);
            out
        };
        let read = Cpim::parse(written.clone().into(), Strictness::Strict).unwrap();
        let (from, to) = (read.from().unwrap(), read.to().next().unwrap());
        let subjects: Vec<_> = read.subjects().collect();
        let subjects: Vec<_> = subjects.iter().map(|s| (s.lang.as_deref(), &*s.text)).collect();
        let object = CpimObject {
            from: Party { formal_name: from.formal_name.as_deref(), uri: &from.uri },
            to: &[Party { formal_name: to.formal_name.as_deref(), uri: &to.uri }],
            date_time: read.date_time(),
            subjects: &subjects,
            with_formal_names: true,
            ..CpimObject::default()
        };
        let mut again = Vec::new();
        object.write(&mut again, &read.entity.body);
        prop_assert_eq!(again, written);
    }

    #[test]
    fn anything_parses_or_fails_without_panic(text in "([A-Z]{0,2}[:;.=\"\\\\<> \r\n-]{1,3}){0,20}", strict in any::<bool>()) {
        let strictness = if strict { Strictness::Strict } else { Strictness::Lenient };
        let _ = Cpim::parse(bytes(&text), strictness).map(|object| {
            (object.from(), object.to().count(), object.subjects().count(), object.date_time())
        });
    }
}
