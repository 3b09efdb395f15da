//! Tests of the framer: whole, octet by octet, in random cuts.

use proptest::prelude::*;

use super::StreamCondition;
use super::framer::{Frame, Framer};
use super::stream::StreamFault;
use crate::codec::xml::{Limits, XmlFault};

const HEADER: &str = "<?xml version='1.0'?>\n<stream:stream xmlns:stream='http://etherx.jabber.org/streams' \
    xmlns='jabber:component:accept' xmlns:x='urn:x' id='3BF96D32' from='plays.shakespeare.lit' xml:lang='en'>";

fn limits() -> Limits {
    Limits { max_stanza_octets: 300, max_header_octets: 400, ..Limits::default() }
}

/// All frames of the pieces, and the fault that ended them.
fn frames<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Frame>, Option<StreamFault>) {
    let mut framer = Framer::new(limits());
    let mut frames = Vec::new();
    for piece in pieces {
        framer.push(piece);
        loop {
            match framer.next() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(fault) => {
                    assert_eq!(framer.next(), Err(fault), "a fault is final");
                    return (frames, Some(fault));
                }
            }
        }
    }
    (frames, None)
}

/// Frames behind the header, the same whether the octets come at once or one by one.
fn after_header(text: &str) -> (Vec<Frame>, Option<StreamFault>) {
    let stream = format!("{HEADER}{text}");
    let whole = frames([stream.as_bytes()]);
    assert_eq!(frames(stream.as_bytes().chunks(1)), whole);
    let (mut frames, fault) = whole;
    assert!(matches!(frames.remove(0), Frame::Open(_)));
    (frames, fault)
}

fn stanza(text: &str) -> Frame {
    Frame::Stanza(text.to_owned().into())
}

#[test]
fn header_gives_id_from_lang_and_namespaces() {
    let (frames, fault) = frames([HEADER.as_bytes()]);
    let [Frame::Open(header)] = &frames[..] else { panic!("{frames:?} {fault:?}") };
    assert_eq!(header.id, "3BF96D32");
    assert_eq!(header.from.as_deref(), Some("plays.shakespeare.lit"));
    assert_eq!(header.context.lang.as_deref(), Some("en"));
    assert_eq!(header.context.namespaces.default, "jabber:component:accept");
    assert_eq!(header.context.namespaces.get("x"), Some(&"urn:x".into()));
    assert_eq!(header.context.limits, limits());
}

#[test]
fn stanzas_are_cut_and_white_space_between_them_skipped() {
    let (frames, fault) = after_header(
        " \n<handshake/>\t<message><body>a&lt;b</body></message  >\r\n <iq id='>'><q a=\"'/>\"/></iq></stream:stream >x",
    );
    let expected = [
        stanza("<handshake/>"),
        stanza("<message><body>a&lt;b</body></message  >"),
        stanza("<iq id='>'><q a=\"'/>\"/></iq>"),
        Frame::Close,
    ];
    assert_eq!((frames, fault), (expected.into(), None));
}

#[test]
fn cdata_hides_markup() {
    let text = "<m><![CDATA[</m><m>]] >]><!--]]></m>";
    assert_eq!(after_header(text), (vec![stanza(text)], None));
    let nested = "<m><![CDATA[a]]><![CDATA[]]></m>";
    assert_eq!(after_header(nested), (vec![stanza(nested)], None));
}

#[test]
fn restricted_xml_ends_the_stream() {
    let cases = [
        ("<!-- x -->", XmlFault::Comment),
        ("<m><!-- x --></m>", XmlFault::Comment),
        ("<?php ?>", XmlFault::ProcessingInstruction),
        ("<m><?xml version='1.0'?></m>", XmlFault::ProcessingInstruction),
        ("<!DOCTYPE m [<!ENTITY a 'b'>]>", XmlFault::Dtd),
        ("<m><!DOCTYPE m></m>", XmlFault::Dtd),
        ("<![CDATA[x]]>", XmlFault::Dtd),
    ];
    for (text, fault) in cases {
        let (frames, found) = after_header(text);
        assert_eq!((frames, found), (vec![], Some(StreamFault::Xml(fault))), "{text}");
        assert_eq!(found.map(StreamFault::condition), Some(StreamCondition::RestrictedXml));
    }
}

#[test]
fn what_cannot_be_framed_ends_the_stream() {
    let cases = [
        ("hello", StreamFault::TextBetweenStanzas),
        ("<m></n>", StreamFault::StrayEndTag),
        ("<m><n></m></n>", StreamFault::StrayEndTag),
        ("</stream>", StreamFault::StrayEndTag),
        ("<>", StreamFault::Xml(XmlFault::NotWellFormed)),
        ("< m>", StreamFault::Xml(XmlFault::NotWellFormed)),
    ];
    for (text, fault) in cases {
        assert_eq!(after_header(text), (vec![], Some(fault)), "{text}");
    }
    let late = format!("</stream:stream{}>", " ".repeat(300));
    assert_eq!(after_header(&late), (vec![], Some(StreamFault::TagTooLarge)));
    assert_eq!(after_header(&late[..310]), (vec![], Some(StreamFault::TagTooLarge)));
}

#[test]
fn headers_that_open_no_stream_are_refused() {
    let stream = "xmlns:stream='http://etherx.jabber.org/streams'";
    let cases = [
        ("<stream:stream xmlns:stream='urn:x'>".to_owned(), StreamFault::NotAStream),
        (format!("<stream:streams {stream}>"), StreamFault::NotAStream),
        (format!("<stream:stream {stream}/>"), StreamFault::NotAStream),
        (format!("<stream:stream {stream} xmlns='urn:x'>"), StreamFault::WrongNamespace),
        ("HTTP/1.1 400 Bad Request".to_owned(), StreamFault::TextBetweenStanzas),
        (" <?xml version='1.0'?>".to_owned(), StreamFault::Xml(XmlFault::ProcessingInstruction)),
        (
            "<?xml version='1.0'?><?xml version='1.0'?>".to_owned(),
            StreamFault::Xml(XmlFault::ProcessingInstruction),
        ),
        ("<?xml-stylesheet?>".to_owned(), StreamFault::Xml(XmlFault::ProcessingInstruction)),
        ("<!DOCTYPE a>".to_owned(), StreamFault::Xml(XmlFault::Dtd)),
        (format!("<stream:stream {stream} a='&bad;'>"), StreamFault::Xml(XmlFault::BadReference)),
        (format!("<stream:stream {stream} a='{}", "x".repeat(400)), StreamFault::HeaderTooLarge),
        (format!("<stream:stream {stream} a='{}'>", "x".repeat(400)), StreamFault::HeaderTooLarge),
        (format!("<?xml {}?>", "x".repeat(400)), StreamFault::HeaderTooLarge),
        ("</stream:stream>".to_owned(), StreamFault::StrayEndTag),
    ];
    for (text, fault) in cases {
        assert_eq!(frames([text.as_bytes()]), (vec![], Some(fault)), "{text}");
        assert_eq!(frames(text.as_bytes().chunks(1)).1, Some(fault), "{text}");
    }
}

#[test]
fn sec_026_an_oversized_stanza_is_dropped_and_the_stream_goes_on() {
    for filler in ["x".repeat(5_000), "<y z='1'></y>".repeat(300), "<![CDATA[]]]]>".repeat(300)] {
        let large = format!("<message from='a@b' id='1'><body>{filler}</body></message>");
        let stream = format!("{HEADER}{large}<iq/>");
        for cut in [1, 7, 64, 300, 10_000] {
            let (frames, fault) = frames(stream.as_bytes().chunks(cut));
            let [_, Frame::Oversized { head, octets }, last] = &frames[..] else {
                panic!("{frames:?} {fault:?}")
            };
            assert_eq!(*octets, large.len() as u64);
            assert_eq!(head, &b"<message from='a@b' id='1'"[..]);
            assert_eq!(last, &stanza("<iq/>"));
        }
    }
}

#[test]
fn sec_026_memory_stays_bounded_whatever_comes() {
    let mut framer = Framer::new(limits());
    framer.push(HEADER.as_bytes());
    framer.push(b"<message><body>");
    for _ in 0..10_000 {
        framer.push(&[b'x'; 100]);
        while framer.next().unwrap().is_some() {}
        assert!(framer.buffered() < 500);
    }
    for tag in ["<a b='", "</a", "<![CDATA[", "]]>", "<", "a", " b", "='1'", ">"] {
        framer.push(tag.as_bytes());
        for _ in 0..1_000 {
            framer.push(&[b' '; 100]);
            if tag == "<" || tag == "]]>" {
                break;
            }
            while framer.next().unwrap().is_some() {}
            assert!(framer.buffered() < 500, "{tag}");
        }
    }
}

#[test]
fn sec_026_memory_stays_bounded_however_deep_it_goes() {
    let mut framer = Framer::new(limits());
    framer.push(HEADER.as_bytes());
    for _ in 0..10_000 {
        framer.push(&b"<an-element>".repeat(100));
        while framer.next().unwrap().is_some() {}
        assert!(framer.buffered() < 1_500);
    }
    framer.push(&b"</an-element>".repeat(1_000_000));
    assert!(matches!(framer.next(), Ok(Some(Frame::Oversized { octets: 25_000_000, .. }))));
    framer.push(b"<iq/>");
    assert_eq!(framer.next(), Ok(Some(stanza("<iq/>"))));
}

#[test]
fn sec_026_a_stanza_is_too_large_by_its_tags_however_they_come() {
    let large = "x".repeat(300);
    for text in [
        format!("<m a='{large}'/>"),
        format!("<m a='{large}>'></m>"),
        format!("<m><n a='{large}/></m>'></n></m>"),
        format!("<m><{large}/></m>"),
        format!("<m><{large}></{large}></m>"),
        format!("<m></m{}>", " ".repeat(300)),
        format!("<m>{large}<![CDATA[</m>]]><a b='</m>' c=\"/>'\"><m/></a></m>"),
        ["<m><n>".repeat(60), "</n></m>".repeat(60)].concat(),
    ] {
        let (mut frames, fault) = after_header(&format!("{text}<iq/>"));
        assert_eq!((frames.pop(), fault), (Some(stanza("<iq/>")), None), "{text}");
        let Some(Frame::Oversized { octets, head }) = frames.pop() else { panic!("{text}") };
        assert_eq!((octets, &*head, frames.len()), (text.len() as u64, &b"<m"[..], 0), "{text}");
    }
}

#[test]
fn a_stanza_as_deep_as_its_octets_allow_is_one_stanza() {
    let deep = ["<a>".repeat(40), "</a>".repeat(40)].concat();
    assert_eq!(after_header(&format!("{deep}<iq/>")), (vec![stanza(&deep), stanza("<iq/>")], None));
}

#[test]
fn sec_026_white_space_between_stanzas_is_not_kept() {
    let spaces = " ".repeat(2_000);
    let (frames, fault) = frames([spaces.as_bytes(), &HEADER.as_bytes()[22..], spaces.as_bytes()]);
    assert_eq!((frames.len(), fault), (1, None), "white space is not kept");
}

#[test]
fn mid_element_is_known() {
    let mut framer = Framer::new(limits());
    assert!(!framer.is_mid_element());
    framer.push(HEADER.as_bytes());
    assert!(framer.next().unwrap().is_some());
    framer.push(b" <mess");
    assert_eq!(framer.next(), Ok(None));
    assert!(framer.is_mid_element());
    framer.push(b"age/> ");
    assert!(framer.next().unwrap().is_some() && framer.next() == Ok(None));
    assert!(!framer.is_mid_element());
}

/// What a stanza is filled with, over and over: what opens, and what closes it again.
const HOSTILE: [(&str, &str); 8] = [
    ("<a>", "</a>"),
    ("<a b='&apos;&apos;&apos;>' c=\"/>\">", "</a\t>"),
    ("<![CDATA[</message>]]]]>", ""),
    ("<a/>]]&gt;", ""),
    (" z='>/&lt;\"'", ""),
    (" from-=\"from='x'/>\"", ""),
    (" ", ""),
    ("y", ""),
];
const PLAIN: [&str; 3] =
    ["<message to='a&amp;b'><body>x</body></message>", "<iq a='>'/>", "<p><![CDATA[<]]></p>"];

/// A stanza with `times` of a filler: between its tags, or in its start tag.
fn hostile((open, close): (&str, &str), times: usize) -> String {
    let filler = [open.repeat(times), close.repeat(times)].concat();
    match open.starts_with(' ') {
        true => format!("<message{filler} from='a@b/c' id='7'>x</message>"),
        false => format!("<message from='a@b/c' id='7'>{filler}</message>"),
    }
}

proptest! {
    #[test]
    fn cuts_do_not_matter(cuts in prop::collection::vec(1_usize..40, 1..60), pick in prop::collection::vec(0_usize..6, 0..12)) {
        let parts = ["<message to='a&amp;b'><body>x</body></message>", " \n", "<iq a='>'/>",
            "<p><![CDATA[<]]></p>", "<e2e xmlns='u'>&#x1F600;\u{1F600}</e2e>", "<m><m><m/></m></m>"];
        let mut stream = HEADER.to_owned();
        pick.iter().for_each(|&i| stream.push_str(parts[i]));
        stream.push_str("</stream:stream>");
        let whole = frames([stream.as_bytes()]);
        let mut rest = stream.as_bytes();
        let mut pieces = Vec::new();
        for cut in cuts {
            let (piece, tail) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = tail;
        }
        pieces.push(rest);
        prop_assert_eq!(frames(pieces), whole.clone());
        prop_assert_eq!(whole.0.len(), 2 + pick.iter().filter(|&&i| i != 1).count());
    }

    /// What one hostile user sends harms no other: its stanzas are reported once, in their place.
    #[test]
    fn sec_026_hostile_stanzas_among_others_are_reported_once(
        pick in prop::collection::vec((0_usize..HOSTILE.len() + PLAIN.len(), 1_usize..200), 0..10),
        cuts in prop::collection::vec(1_usize..700, 1..40),
    ) {
        let mut stream = HEADER.to_owned();
        let mut expected = Vec::new();
        for (which, times) in pick {
            match PLAIN.get(which) {
                Some(plain) => {
                    stream.push_str(plain);
                    expected.push(stanza(plain));
                }
                None => {
                    let text = hostile(HOSTILE[which - PLAIN.len()], times);
                    stream.push_str(&text);
                    expected.push(match text.len() > limits().max_stanza_octets {
                        true => Frame::Oversized {
                            head: "<message from='a@b/c' id='7'".into(),
                            octets: text.len() as u64,
                        },
                        false => stanza(&text),
                    });
                }
            }
        }
        let mut rest = stream.as_bytes();
        let mut pieces = Vec::new();
        for cut in cuts.iter().cycle().take(20_000) {
            let (piece, tail) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = tail;
        }
        pieces.push(rest);
        let (mut found, fault) = frames(pieces);
        prop_assert_eq!(fault, None);
        prop_assert!(matches!(found.remove(0), Frame::Open(_)));
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn garbage_gives_the_same_in_any_cut_and_never_panics(garbage in "[<>/!\\[\\]CDATA?'\"= a-]{0,60}", cut in 1_usize..5) {
        let stream = format!("{HEADER}{garbage}");
        prop_assert_eq!(frames(stream.as_bytes().chunks(cut)), frames([stream.as_bytes()]));
        let _ = frames(garbage.as_bytes().chunks(cut));
    }
}
