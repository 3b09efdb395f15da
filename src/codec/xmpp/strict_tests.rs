//! Tests of the strict filter, with `quick-xml`'s leniencies one by one.

use super::stanza::{Fault, Stanza, StanzaKind, parse};
use super::{Malformed, StreamContext, ns};
use crate::codec::xml::{Element, Limits, Text, XmlFault};

fn context() -> StreamContext {
    let mut context =
        StreamContext::component(Limits { max_depth: 5, max_attributes: 4, ..Limits::default() });
    context.namespaces.prefixes.push(("x".into(), "urn:x".into()));
    context
}

fn fault(text: impl Into<Vec<u8>>) -> Option<Fault> {
    parse(&context(), text.into().into()).err().map(|malformed| malformed.fault)
}

fn check(cases: &[(&str, XmlFault)]) {
    for &(text, expected) in cases {
        assert_eq!(fault(text), Some(Fault::Xml(expected)), "{text}");
        // As a document a body may hold, too.
        let as_document = Element::parse_document(&text.into(), context().limits);
        assert!(
            as_document.is_err()
                || expected == XmlFault::Comment
                || expected == XmlFault::ProcessingInstruction,
            "{text}"
        );
    }
}

fn element(text: &str) -> Element {
    match parse(&context(), text.to_owned().into()) {
        Ok(Stanza::Other(element)) => element,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn dtd_pi_comment() {
    check(&[
        ("<!DOCTYPE m><m xmlns='u'/>", XmlFault::Dtd),
        ("<m xmlns='u'><!DOCTYPE a [<!ENTITY b 'c'>]></m>", XmlFault::Dtd),
        ("<m xmlns='u'><!-- --></m>", XmlFault::Comment),
        ("<m xmlns='u'><?a b?></m>", XmlFault::ProcessingInstruction),
        ("<?xml version='1.0'?><m xmlns='u'/>", XmlFault::ProcessingInstruction),
    ]);
}

#[test]
fn entities() {
    check(&[
        ("<m>&lol;</m>", XmlFault::BadReference),
        ("<m a='&lol;'/>", XmlFault::BadReference),
        ("<m>&;</m>", XmlFault::BadReference),
        ("<m>&#;</m>", XmlFault::BadReference),
        ("<m>&#x;</m>", XmlFault::BadReference),
        ("<m>&#X41;</m>", XmlFault::BadReference),
        ("<m>&#+65;</m>", XmlFault::BadReference),
        ("<m a='&'/>", XmlFault::BadReference),
        ("<m a='&amp'/>", XmlFault::BadReference),
    ]);
    for text in ["<m>& </m>", "<m>&amp</m>", "<m>a&</m>"] {
        assert!(fault(text).is_some(), "{text}");
    }
    let fine = element("<m xmlns='u' a='&#65;&#x1F600;&quot;&apos;'>&lt;&gt;&amp;&#10;</m>");
    assert_eq!(fine.attr("a").unwrap(), "A\u{1F600}\"'");
    assert_eq!(fine.text(), "<>&\n");
}

#[test]
fn sec_047_characters() {
    check(&[
        ("<m>\u{1}</m>", XmlFault::IllegalCharacter),
        ("<m a='\u{0}'/>", XmlFault::IllegalCharacter),
        ("<m>\u{FFFE}</m>", XmlFault::IllegalCharacter),
        ("<m>\u{FFFF}</m>", XmlFault::IllegalCharacter),
        ("<m>&#1;</m>", XmlFault::IllegalCharacter),
        ("<m>&#xFFFF;</m>", XmlFault::IllegalCharacter),
        ("<m>&#xD800;</m>", XmlFault::IllegalCharacter),
        ("<m>&#x110000;</m>", XmlFault::IllegalCharacter),
        ("<m>&#99999999999;</m>", XmlFault::IllegalCharacter),
        ("<m a='&#0;'/>", XmlFault::IllegalCharacter),
    ]);
    for octets in
        [&b"<m>\xFF</m>"[..], b"<m>\xC0\xAF</m>", b"<m>\xED\xA0\x80</m>", b"<m>\xE2\x82</m>"]
    {
        assert_eq!(fault(octets), Some(Fault::Xml(XmlFault::NotUtf8)));
    }
}

#[test]
fn sec_023_text_and_attributes() {
    check(&[
        ("<m>a]]>b</m>", XmlFault::CdataEnd),
        ("<m>a]]]>b</m>", XmlFault::CdataEnd),
        ("<m a='<'/>", XmlFault::LessThanInAttribute),
        ("<m a='1' a='2'/>", XmlFault::DuplicateAttribute),
        ("<m xmlns:y='urn:x' x:a='1' y:a='2'/>", XmlFault::DuplicateAttribute),
        ("<m xmlns='u' xmlns='v'/>", XmlFault::DuplicateAttribute),
        ("<m xmlns:a='u' xmlns:a='v'/>", XmlFault::DuplicateAttribute),
        ("<m a/>", XmlFault::NotWellFormed),
        ("<m a=1/>", XmlFault::NotWellFormed),
        ("<m a='1'b='2'/>", XmlFault::NotWellFormed),
        ("<m a='1'/ >", XmlFault::NotWellFormed),
        ("<m 'a'='1'/>", XmlFault::BadName),
    ]);
    assert_eq!(element("<m xmlns='u'>]] ]&gt; ></m>").text(), "]] ]> >");
    assert_eq!(element("<m xmlns='u' a = '1'\n/>").attr("a").unwrap(), "1");
    assert_eq!(element("<m xmlns='u' a='1' x:a='2'/>").attrs.len(), 2);
}

#[test]
fn names_and_namespaces() {
    check(&[
        ("<y:m/>", XmlFault::UndeclaredPrefix),
        ("<m y:a='1'/>", XmlFault::UndeclaredPrefix),
        ("<m><n xmlns:y='u'/><y:o/></m>", XmlFault::UndeclaredPrefix),
        ("<m xmlns:xml='u'/>", XmlFault::BadNamespace),
        ("<m xmlns:xmlns='u'/>", XmlFault::BadNamespace),
        ("<m xmlns:y=''/>", XmlFault::BadNamespace),
        ("<m xmlns='http://www.w3.org/2000/xmlns/'/>", XmlFault::BadNamespace),
        ("<m xmlns:y='http://www.w3.org/XML/1998/namespace'/>", XmlFault::BadNamespace),
        ("<xmlns:m/>", XmlFault::BadNamespace),
        ("<1m/>", XmlFault::BadName),
        ("<m><-/></m>", XmlFault::BadName),
        ("<a:b:c/>", XmlFault::BadName),
        ("<:a/>", XmlFault::BadName),
        ("<a:/>", XmlFault::BadName),
        ("<m a\u{D7}='1'/>", XmlFault::BadName),
        ("<m/a/>", XmlFault::NotWellFormed),
        ("<m \u{D7}='1'/>", XmlFault::BadName),
        ("<m :\u{E9}='1'/>", XmlFault::BadName),
        ("<m x:\u{E9}:a='1'/>", XmlFault::BadName),
    ]);
    let fine = element("<x:m xmlns:y='urn:y' y:a='1' xml:lang='de'><n xmlns=''/><y:o/></x:m>");
    assert!(fine.is("m", "urn:x"));
    assert_eq!(fine.attrs[0].ns.as_deref(), Some("urn:y"));
    assert_eq!(fine.lang().unwrap(), "de");
    let names: Vec<_> = fine.elements().map(|e| (&*e.name, &*e.ns)).collect();
    assert_eq!(names, [("n", ""), ("o", "urn:y")]);
    assert_eq!(element("<x:m x:\u{E9}='1'/>").attrs[0].name, "\u{E9}");
    assert!(element("<\u{E9}t\u{E9} xmlns='u'/>").is("\u{E9}t\u{E9}", "u"));
    // Inner declarations hide outer ones and end with their element.
    let scoped = element("<x:m><x:m xmlns:x='urn:z'/><x:m/></x:m>");
    assert_eq!(scoped.elements().map(|e| &*e.ns).collect::<Vec<_>>(), ["urn:z", "urn:x"]);
}

#[test]
fn one_root_and_nothing_around_it() {
    check(&[
        ("<m/><m/>", XmlFault::TwoRoots),
        ("<m/>x", XmlFault::TwoRoots),
        ("x<m/>", XmlFault::TwoRoots),
        ("<m/>&lt;", XmlFault::TwoRoots),
        ("<m/><![CDATA[]]>", XmlFault::TwoRoots),
        ("<m></n>", XmlFault::NotWellFormed),
        ("<m>", XmlFault::NotWellFormed),
        ("<m><n></m>", XmlFault::NotWellFormed),
        ("</m>", XmlFault::NotWellFormed),
        ("", XmlFault::NotWellFormed),
        ("<m", XmlFault::NotWellFormed),
        ("<m a='", XmlFault::NotWellFormed),
        ("<![CDATA[x]]>", XmlFault::TwoRoots),
        ("<m><![cdata[x]]></m>", XmlFault::NotWellFormed),
        ("< m/>", XmlFault::BadName),
    ]);
    assert_eq!(fault("\u{FEFF}<m xmlns='u'/>"), Some(Fault::Xml(XmlFault::TwoRoots)));
    assert_eq!(fault(" <m xmlns='u'/>\n"), None);
}

#[test]
fn depth_and_attributes_are_bounded() {
    check(&[
        ("<a><a><a><a><a><a/></a></a></a></a></a>", XmlFault::TooDeep),
        ("<a b='' c='' d='' e='' f=''/>", XmlFault::TooManyAttributes),
        (
            "<a xmlns:b='u' xmlns:c='u' xmlns:d='u' xmlns:e='u' xmlns:f='u'/>",
            XmlFault::TooManyAttributes,
        ),
    ]);
    assert_eq!(fault("<a><a><a><a><a/></a></a></a></a>"), None);
    let mut small = context();
    small.limits.max_stanza_octets = 10;
    let malformed = parse(&small, "<message id='7'/>".into()).unwrap_err();
    assert_eq!(malformed.fault, Fault::Xml(XmlFault::TooLarge));
    assert_eq!(malformed.id.as_deref(), Some("7"));
}

#[test]
fn line_ends_and_white_space_are_normalised() {
    let parsed =
        element("<m xmlns='u' a='1\r\n2\t3\n4&#10;&#9;'>1\r\n2\r3\n4&#13;<![CDATA[\r\n]]></m>");
    assert_eq!(parsed.attr("a").unwrap(), "1 2 3 4\n\t");
    assert_eq!(parsed.text(), "1\n2\n3\n4\r\n");
}

#[test]
fn cdata_is_text() {
    let parsed = element("<m xmlns='u'>a<![CDATA[<b>&amp;]]]]><![CDATA[>]]>c</m>");
    assert_eq!(parsed.text(), "a<b>&amp;]]>c");
    assert_eq!(parsed.children.len(), 1);
}

#[test]
fn documents_may_have_a_prolog_and_comments() {
    let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- a --><?b c?>\n<m xmlns='u'>x<!-- d -->y</m>\n<!-- e -->";
    let parsed = Element::parse_document(&text.into(), Limits::default()).unwrap();
    assert_eq!(parsed.text(), "xy");
    for bad in [
        "<!DOCTYPE m><m/>",
        "<m/><?xml version='1.0'?>",
        " <?xml version='1.0'?><m/>",
        "<m>&a;</m>",
    ] {
        assert!(Element::parse_document(&bad.into(), Limits::default()).is_err(), "{bad}");
    }
    let limits = Limits { max_stanza_octets: 3, ..Limits::default() };
    assert_eq!(Element::parse_document(&"<m/>".into(), limits), Err(XmlFault::TooLarge));
}

#[test]
fn what_can_be_salvaged_of_a_broken_stanza() {
    let broken =
        "<message from='a@b/c' to=\"d&amp;e\" id='1' type='chat'><body>&lol;</body></message>";
    let malformed = parse(&context(), broken.into()).unwrap_err();
    let expected = Malformed {
        fault: Fault::Xml(XmlFault::BadReference),
        kind: Some(StanzaKind::Message),
        id: Some("1".into()),
        from: Some("a@b/c".into()),
        to: Some("d&e".into()),
        type_: Some("chat".into()),
    };
    assert_eq!(malformed, expected);
    assert!(malformed.may_be_answered());
}

#[test]
fn err_086_errors_and_results_are_not_answered() {
    for (text, answered) in [
        ("<message from='a@b' type='error'>\u{1}</message>", false),
        ("<iq from='a@b' id='1' type='result'>\u{1}</iq>", false),
        ("<iq from='a@b' id='1' type='get'>\u{1}</iq>", true),
        ("<presence>\u{1}</presence>", false),
        ("<other from='a@b'>\u{1}</other>", false),
    ] {
        assert_eq!(
            parse(&context(), text.into()).unwrap_err().may_be_answered(),
            answered,
            "{text}"
        );
    }
}

#[test]
fn salvage_survives_anything() {
    for octets in [
        &b""[..],
        b"<",
        b"<message",
        b"<message from='a",
        b"<message from=a to='b'>",
        b"<message from='\xFF' to='b' id='c>",
        b"<message from='&#0;' id='1'/>",
        b"x<iq id='2'>",
    ] {
        let found = Malformed::salvage(Fault::UnknownType, octets);
        assert!(found.from.is_none(), "{octets:?}");
    }
    let found = Malformed::salvage(Fault::UnknownType, b"<iq id='2' to = \"b\"");
    assert_eq!((found.id.as_deref(), found.to.as_deref()), (Some("2"), Some("b")));
}

#[test]
fn text_of_a_stanza_shares_its_memory() {
    let octets = bytes::Bytes::from_static(b"<m xmlns='u'>hello</m>");
    let Ok(Stanza::Other(parsed)) = parse(&context(), octets.clone()) else { panic!() };
    let text: Text = parsed.text();
    assert_eq!(text.as_ptr(), octets[13..].as_ptr());
    assert_ne!(crate::codec::xml::detach(&text).as_ptr(), text.as_ptr());
    assert!(ns::is_stanza(ns::CLIENT) && !ns::is_stanza("u"));
}
