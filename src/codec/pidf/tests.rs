//! The documents of RFC 3863, RFC 4480 and RFC 8048, and what peers send beside.

use time::OffsetDateTime;

use super::*;
use crate::codec::xml::XmlFault;
use crate::codec::xmpp::Show;

fn read(text: &str) -> Result<Document, Malformed> {
    Document::parse(&text.into(), Limits::DEFAULT)
}

/// A document of one tuple with this in it.
fn tuple(inner: &str) -> Tuple {
    let text = format!("<presence xmlns='{PIDF}'><tuple id='a'>{inner}</tuple></presence>");
    let mut document = read(&text).unwrap();
    assert_eq!((document.tuples.len(), document.left_out), (1, 0), "{inner}");
    document.tuples.remove(0)
}

fn status(inner: &str) -> Status {
    tuple(&format!("<status>{inner}</status>")).status
}

fn written(document: &Document) -> String {
    let mut out = Vec::new();
    document.write(&mut out);
    let text = String::from_utf8(out).unwrap();
    let again = read(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
    assert_eq!(again, *document, "{text}");
    text
}

fn at(text: &str) -> Option<OffsetDateTime> {
    Some(timestamp::parse(text).unwrap())
}

fn note(lang: Option<&str>, text: &str) -> Note {
    Note { lang: lang.map(Text::from), text: text.into() }
}

fn contact(uri: &str, thousandths: Option<u16>) -> Option<Contact> {
    Some(Contact { uri: uri.into(), priority: thousandths.and_then(Priority::new) })
}

/// RFC 3863 §4.2.2: with a prefix and with a default namespace.
#[test]
fn v_17_prefix_and_default_namespace_are_one_document() {
    let prefixed = r#"<?xml version="1.0" encoding="UTF-8"?>
        <impp:presence xmlns:impp="urn:ietf:params:xml:ns:pidf" entity="pres:someone@example.com">
          <impp:tuple id="sg89ae">
            <impp:status><impp:basic>open</impp:basic></impp:status>
            <impp:contact priority="0.8">tel:+09012345678</impp:contact>
          </impp:tuple>
        </impp:presence>"#;
    let default = r#"<?xml version="1.0" encoding="UTF-8"?>
        <presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:someone@example.com">
          <tuple id="sg89ae">
            <status><basic>open</basic></status>
            <contact priority="0.8">tel:+09012345678</contact>
          </tuple>
        </presence>"#;
    let document = read(prefixed).unwrap();
    assert_eq!(document.entity, "pres:someone@example.com");
    let [tuple] = &document.tuples[..] else { panic!("{document:?}") };
    assert_eq!((&*tuple.id, tuple.status.basic), ("sg89ae", Some(Basic::Open)));
    assert_eq!(tuple.contact, contact("tel:+09012345678", Some(800)));
    assert_eq!(read(default), Ok(document.clone()));
    assert_eq!(
        written(&document),
        "<?xml version='1.0' encoding='UTF-8'?><presence xmlns='urn:ietf:params:xml:ns:pidf' \
         entity='pres:someone@example.com'><tuple id='sg89ae'><status><basic>open</basic></status>\
         <contact priority='0.8'>tel:+09012345678</contact></tuple></presence>"
    );
}

/// RFC 3863 §4.3.1 (and §4.2.4, which has the same kind of extension).
#[test]
fn v_17_status_extensions_are_skipped_but_for_those_known() {
    let document = read(
        r#"<?xml version="1.0" encoding="UTF-8"?>
        <presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:im="urn:ietf:params:xml:ns:pidf:im"
             xmlns:myex="http://id.example.com/presence/" entity="pres:someone@example.com">
          <tuple id="bs35r9">
            <status>
              <basic>open</basic>
              <im:im>busy</im:im>
              <myex:location>home</myex:location>
            </status>
            <contact priority="0.8">im:someone@mobilecarrier.net</contact>
            <note xml:lang="en">Don't Disturb Please!</note>
            <note xml:lang="fr">Ne derangez pas, s'il vous plait</note>
            <timestamp>2001-10-27T16:49:29Z</timestamp>
          </tuple>
          <tuple id="eg92n8">
            <status><basic>open</basic></status>
            <contact priority="1.0">mailto:someone@example.com</contact>
          </tuple>
          <note>I'll be in Tokyo next week</note>
        </presence>"#,
    )
    .unwrap();
    let [first, second] = &document.tuples[..] else { panic!("{document:?}") };
    assert_eq!((first.status.basic, first.status.im.as_deref()), (Some(Basic::Open), Some("busy")));
    assert_eq!(
        first.notes,
        [
            note(Some("en"), "Don't Disturb Please!"),
            note(Some("fr"), "Ne derangez pas, s'il vous plait")
        ]
    );
    assert_eq!(first.timestamp, at("2001-10-27T16:49:29Z"));
    assert_eq!(second.contact, contact("mailto:someone@example.com", Some(1000)));
    assert_eq!(document.notes, [note(None, "I'll be in Tokyo next week")]);
    written(&document);
}

/// RFC 3863 §4.3.2 and §4.3.3: extensions of tuple and document, one with a mandatory part.
#[test]
fn v_17_other_extensions_are_skipped_whole() {
    let document = read(
        r#"<impp:presence xmlns:impp="urn:ietf:params:xml:ns:pidf"
             xmlns:myex="http://id.example.com/presence/" entity="pres:someone@example.com">
          <impp:tuple id="ck38g9">
            <impp:status><impp:basic>open</impp:basic></impp:status>
            <myex:mytupletag>Extended value in tuple</myex:mytupletag>
            <impp:contact priority="0.65">tel:+09012345678</impp:contact>
          </impp:tuple>
          <impp:tuple id="md66je">
            <impp:status><impp:basic>open</impp:basic></impp:status>
            <impp:contact priority="1.0">
               im:someone@mobilecarrier.net</impp:contact>
          </impp:tuple>
          <impp:tuple id="tj25ds">
            <impp:status><impp:basic>open</impp:basic></impp:status>
            <myex:complexExtension>
              <myex:ex1 impp:mustUnderstand="1">val1</myex:ex1>
              <impp:contact>sip:hidden@example.com</impp:contact>
            </myex:complexExtension>
            <impp:contact priority="0.725">tel:+09012345678</impp:contact>
          </impp:tuple>
          <myex:mytag>My extended presentity information</myex:mytag>
        </impp:presence>"#,
    )
    .unwrap();
    let contacts: Vec<_> = document.tuples.iter().map(|tuple| tuple.contact.clone()).collect();
    assert_eq!(
        contacts,
        [
            contact("tel:+09012345678", Some(650)),
            contact("im:someone@mobilecarrier.net", Some(1000)),
            contact("tel:+09012345678", Some(725))
        ]
    );
    assert!(document.tuples.iter().all(|tuple| tuple.status.not_understood.is_empty()));
}

#[test]
fn what_must_be_understood_in_a_status_is_refused_by_name() {
    let found = status(
        "<x:a xmlns:x='urn:x' xmlns:p='urn:ietf:params:xml:ns:pidf' p:mustUnderstand=' true '>\
         <p:basic>closed</p:basic></x:a><x:b xmlns:x='urn:x' mustUnderstand='1'/>\
         <c xmlns='urn:x' xmlns:p='urn:ietf:params:xml:ns:pidf' p:mustUnderstand='0'/>\
         <basic xmlns:p='urn:ietf:params:xml:ns:pidf' p:mustUnderstand='1'>open</basic>\
         <show xmlns='jabber:client' xmlns:p='urn:ietf:params:xml:ns:pidf' p:mustUnderstand='1'>dnd</show>",
    );
    assert_eq!((found.basic, found.show), (Some(Basic::Open), Some(Show::Dnd)));
    assert_eq!(found.not_understood, [ExpandedName { ns: "urn:x".into(), name: "a".into() }]);
    let many = "<a xmlns='urn:x' xmlns:p='urn:ietf:params:xml:ns:pidf' p:mustUnderstand='1'/>";
    assert_eq!(status(&many.repeat(20)).not_understood.len(), 8);
}

/// RFC 4480 §4.
#[test]
fn the_document_of_rfc_4480() {
    let document = read(
        r#"<?xml version="1.0" encoding="UTF-8"?>
        <presence xmlns="urn:ietf:params:xml:ns:pidf"
           xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
           xmlns:lt="urn:ietf:params:xml:ns:location-type"
           xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="pres:someone@example.com">
        <tuple id="bs35r9">
          <status><basic>open</basic></status>
          <dm:deviceID>urn:device:0003ba4811e3</dm:deviceID>
          <rpid:relationship><rpid:self/></rpid:relationship>
          <rpid:service-class><rpid:electronic/></rpid:service-class>
          <contact priority="0.8">im:someone@mobile.example.net</contact>
          <note xml:lang="en">Don't Disturb Please!</note>
          <note xml:lang="fr">Ne derangez pas, s'il vous plait</note>
          <timestamp>2005-10-27T16:49:29Z</timestamp>
        </tuple>
        <tuple id="ty4658">
          <status><basic>open</basic></status>
          <rpid:relationship><rpid:assistant/></rpid:relationship>
          <contact priority="1.0">mailto:secretary@example.com</contact>
        </tuple>
        <tuple id="eg92n8">
          <status><basic>open</basic></status>
          <dm:deviceID>urn:x-mac:0003ba4811e3</dm:deviceID>
          <rpid:class>email</rpid:class>
          <rpid:service-class><rpid:electronic/></rpid:service-class>
          <rpid:status-icon>http://example.com/mail.png</rpid:status-icon>
          <contact priority="1.0">mailto:someone@example.com</contact>
        </tuple>
        <note>I'll be in Tokyo next week</note>
        <dm:device id="pc147">
          <rpid:user-input idle-threshold="600"
            last-input="2004-10-21T13:20:00-05:00">idle</rpid:user-input>
          <dm:deviceID>urn:device:0003ba4811e3</dm:deviceID>
          <dm:note>PC</dm:note>
        </dm:device>
        <dm:person id="p1">
          <rpid:activities from="2005-05-30T12:00:00+05:00" until="2005-05-30T17:00:00+05:00">
             <rpid:note>Far away</rpid:note>
             <rpid:away/>
          </rpid:activities>
          <rpid:class>calendar</rpid:class>
          <rpid:mood><rpid:angry/><rpid:other>brooding</rpid:other></rpid:mood>
          <rpid:place-is><rpid:audio><rpid:noisy/></rpid:audio></rpid:place-is>
          <rpid:place-type><lt:residence/></rpid:place-type>
          <rpid:privacy><rpid:unknown/></rpid:privacy>
          <rpid:sphere>bowling league</rpid:sphere>
          <rpid:status-icon>http://example.com/play.gif</rpid:status-icon>
          <rpid:time-offset>-240</rpid:time-offset>
          <dm:note>Scoring 120</dm:note>
          <dm:timestamp>2005-05-30T16:09:44+05:00</dm:timestamp>
        </dm:person>
        </presence>"#,
    )
    .unwrap();
    assert_eq!(document.tuples[0].device_ids, ["urn:device:0003ba4811e3"]);
    assert_eq!(document.tuples[2].device_ids, ["urn:x-mac:0003ba4811e3"]);
    let idle = UserInput {
        is_idle: true,
        last_input: at("2004-10-21T18:20:00Z"),
        idle_threshold: std::num::NonZeroU32::new(600),
    };
    let device = Device {
        id: "pc147".into(),
        user_input: Some(idle),
        device_id: "urn:device:0003ba4811e3".into(),
        notes: vec![note(None, "PC")],
        timestamp: None,
    };
    assert_eq!(document.devices, [device]);
    let activities = Activities {
        from: at("2005-05-30T07:00:00Z"),
        until: at("2005-05-30T12:00:00Z"),
        notes: vec![note(None, "Far away")],
        list: vec![Activity::Away],
    };
    let person = Person {
        id: "p1".into(),
        activities: vec![activities],
        user_input: None,
        notes: vec![note(None, "Scoring 120")],
        timestamp: at("2005-05-30T11:09:44Z"),
    };
    assert_eq!(document.persons, [person]);
    let text = written(&document);
    let tail = &text[text.find("<dm:person").unwrap()..];
    assert_eq!(
        tail,
        "<dm:person id='p1'><rpid:activities from='2005-05-30T07:00:00Z' \
         until='2005-05-30T12:00:00Z'><rpid:note>Far away</rpid:note><rpid:away/></rpid:activities>\
         <dm:note>Scoring 120</dm:note><dm:timestamp>2005-05-30T11:09:44Z</dm:timestamp></dm:person>\
         <dm:device id='pc147'><rpid:user-input idle-threshold='600' \
         last-input='2004-10-21T18:20:00Z'>idle</rpid:user-input>\
         <dm:deviceID>urn:device:0003ba4811e3</dm:deviceID><dm:note>PC</dm:note></dm:device></presence>"
    );
}

/// RFC 8048 example 4 (example 19 is the same for juliet, normalised: a show is not told there).
#[test]
fn the_documents_of_rfc_8048() {
    let away = read(
        "<?xml version='1.0' encoding='UTF-8'?>\n\
         <presence xmlns='urn:ietf:params:xml:ns:pidf'\n          entity='pres:romeo@example.net'>\n  \
         <tuple id='ID-dr4hcr0st3lup4c'>\n    <status>\n      <basic>open</basic>\n      \
         <show xmlns='jabber:client'>away</show>\n    </status>\n  </tuple>\n</presence>",
    )
    .unwrap();
    let [tuple] = &away.tuples[..] else { panic!("{away:?}") };
    assert_eq!((tuple.status.basic, tuple.status.show), (Some(Basic::Open), Some(Show::Away)));
    assert_eq!(xml_id::unescape("ID-", &tuple.id).as_deref(), Some("dr4hcr0st3lup4c"));
    assert_eq!(
        written(&away),
        "<?xml version='1.0' encoding='UTF-8'?><presence xmlns='urn:ietf:params:xml:ns:pidf' \
         entity='pres:romeo@example.net'><tuple id='ID-dr4hcr0st3lup4c'><status><basic>open</basic>\
         <show xmlns='jabber:client'>away</show></status></tuple></presence>"
    );
    // Example 20.
    let closed = read(
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:romeo@example.net'>\
         <tuple id='ID-dr4hcr0st3lup4c'><status><basic>closed</basic></status></tuple></presence>",
    )
    .unwrap();
    assert_eq!(closed.tuples[0].status.basic, Some(Basic::Closed));
    written(&closed);
}

#[test]
fn documents_without_tuples() {
    let empty = format!("<presence xmlns='{PIDF}' entity='pres:romeo@example.net'/>");
    let document = read(&empty).unwrap();
    assert!(document.tuples.is_empty() && document.notes.is_empty());
    written(&document);
    let noted = read(&format!("<presence xmlns='{PIDF}'><note>gone</note></presence>")).unwrap();
    assert_eq!((&*noted.entity, &*noted.notes[0].text), ("", "gone"));
}

#[test]
fn what_is_odd_in_a_status_counts_as_absent() {
    for (inner, basic, show) in [
        ("<basic> open\n</basic>", Some(Basic::Open), None),
        ("<basic>ajar</basic><show xmlns='jabber:client'> xa </show>", None, Some(Show::Xa)),
        ("<basic>Open</basic>", Some(Basic::Open), None),
        ("<basic>CLOSED</basic>", Some(Basic::Closed), None),
        ("<basic>inuse</basic>", None, None),
        ("<basic/>", None, None),
        ("", None, None),
        ("<basic>open</basic><basic>closed</basic>", Some(Basic::Open), None),
        ("<basic>open</basic><show xmlns='jabber:client'>foo</show>", Some(Basic::Open), None),
        ("<basic>open</basic><show>away</show>", Some(Basic::Open), None),
        ("<basic xmlns='urn:x'>open</basic>", None, None),
        (
            "<x xmlns='urn:x'><basic xmlns='urn:ietf:params:xml:ns:pidf'>open</basic></x>",
            None,
            None,
        ),
        ("<basic>o<!-- x -->pe<![CDATA[n]]></basic>", Some(Basic::Open), None),
    ] {
        let found = status(inner);
        assert_eq!((found.basic, found.show), (basic, show), "{inner}");
    }
}

#[test]
fn what_is_odd_in_a_tuple_counts_as_absent() {
    let found = tuple(
        "<timestamp>yesterday</timestamp><contact priority='1.5'/><note> </note>\
         <contact priority='.5'> sip:a@b </contact><contact>sip:second@b</contact>\
         <note xml:lang='en US'>one</note><timestamp>2004-10-21t13:20:00.5-05:00</timestamp>\
         <status/><status><basic>open</basic></status><t:user-input \
         xmlns:t='urn:ietf:params:xml:ns:pidf:rpid' idle-threshold='0' last-input='x'>active</t:user-input>",
    );
    assert_eq!(found.status, Status::default());
    assert_eq!(found.contact, contact("sip:a@b", None));
    assert_eq!(found.notes, [note(None, "one")]);
    assert_eq!(found.timestamp, at("2004-10-21T18:20:00.5Z"));
    let active = UserInput { is_idle: false, last_input: None, idle_threshold: None };
    assert_eq!(found.user_input, Some(active));
}

#[test]
fn tuples_without_id_or_status_are_left_out_and_the_last_of_one_id_counts() {
    let open = "<status><basic>open</basic></status>";
    let closed = "<status><basic>closed</basic></status>";
    let text = format!(
        "<presence xmlns='{PIDF}'><tuple>{open}</tuple><tuple id=' '>{open}</tuple>\
         <tuple id='a'>{open}</tuple><tuple id='b'/><tuple id='c'>{open}</tuple>\
         <tuple id=' a '>{closed}</tuple></presence>"
    );
    let document = read(&text).unwrap();
    let found: Vec<_> =
        document.tuples.iter().map(|tuple| (&*tuple.id, tuple.status.basic)).collect();
    assert_eq!(found, [("c", Some(Basic::Open)), ("a", Some(Basic::Closed))]);
    assert_eq!(document.left_out, 4);
}

#[test]
fn languages_are_inherited() {
    let document = read(&format!(
        "<presence xmlns='{PIDF}' xmlns:d='{DATA_MODEL}' xmlns:r='{RPID}' xml:lang='en'>\
         <tuple id='a' xml:lang='cs'><status/><note>1</note><note xml:lang='de-CH'>2</note></tuple>\
         <note>3</note><note xml:lang=''>4</note><d:person id='p' xml:lang='fr'>\
         <r:activities><r:note>5</r:note></r:activities><d:note>6</d:note></d:person></presence>"
    ))
    .unwrap();
    let person = &document.persons[0];
    let all =
        [&document.tuples[0].notes, &document.notes, &person.activities[0].notes, &person.notes];
    let all: Vec<_> =
        all.into_iter().flatten().map(|n| (&*n.text, n.lang.as_deref().unwrap())).collect();
    assert_eq!(
        all,
        [("1", "cs"), ("2", "de-CH"), ("3", "en"), ("4", "en"), ("5", "fr"), ("6", "fr")]
    );
}

#[test]
fn every_activity_is_read_and_written() {
    let names: String =
        Activity::NAMED.iter().map(|activity| format!("<r:{}/>", activity.name())).collect();
    let person = |inner: &str| {
        let text = format!(
            "<presence xmlns='{PIDF}' xmlns:d='{DATA_MODEL}' xmlns:r='{RPID}'><d:person id='p'>\
             <r:activities>{inner}</r:activities></d:person></presence>"
        );
        read(&text).map(|mut document| document.persons.remove(0).activities.remove(0).list)
    };
    assert_eq!(Activity::NAMED.len(), 26);
    assert_eq!(person(&names).unwrap(), Activity::NAMED);
    let others = "<r:other> reading </r:other><r:other/><x xmlns='urn:x'/><r:juggling/><away/>";
    assert_eq!(person(others).unwrap(), [Activity::Other("reading".into())]);
    assert_eq!(person(&"<r:away/>".repeat(33)), Err(Malformed::TooManyActivities));
    let written = |list: &[Activity]| {
        let mut out = Vec::new();
        Activities { list: list.to_vec(), ..Activities::default() }.write(&mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(
        written(&[Activity::Unknown, Activity::Tv, Activity::Other("<&>".into())]),
        "<rpid:activities><rpid:tv/><rpid:other>&lt;&amp;&gt;</rpid:other></rpid:activities>"
    );
    assert_eq!(
        written(&[Activity::Unknown, Activity::Unknown]),
        "<rpid:activities><rpid:unknown/></rpid:activities>"
    );
    assert_eq!(written(&[]), "<rpid:activities></rpid:activities>");
}

#[test]
fn nothing_written_breaks_out() {
    let evil: Text = "'><evil/>&\u{0}\"\u{FFFF}".into();
    let notes = vec![Note { lang: Some(evil.clone()), text: evil.clone() }];
    let document = Document {
        entity: evil.clone(),
        tuples: vec![Tuple {
            id: evil.clone(),
            status: Status { im: Some(evil.clone()), ..Status::default() },
            device_ids: vec![evil.clone()],
            contact: Some(Contact { uri: evil.clone(), priority: None }),
            notes: notes.clone(),
            ..Tuple::default()
        }],
        notes: notes.clone(),
        persons: vec![Person { id: evil.clone(), notes: notes.clone(), ..Person::default() }],
        devices: vec![Device { id: evil.clone(), device_id: evil, notes, ..Device::default() }],
        left_out: 0,
    };
    let mut out = Vec::new();
    document.write(&mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(!text.contains("<evil") && !text.contains("xml:lang"), "{text}");
    let again = read(&text).unwrap();
    assert_eq!(again.entity, "'><evil/>&\u{FFFD}\"\u{FFFD}");
    assert!(again.tuples.iter().all(|tuple| xml_id::is_legal(&tuple.id)));
    assert_eq!((again.tuples.len(), again.persons.len(), again.devices.len()), (1, 1, 1));
}

#[test]
fn what_is_refused() {
    let bomb = "<!DOCTYPE p [<!ENTITY a 'b'><!ENTITY c '&a;&a;'>]>";
    let xml = Malformed::Xml;
    for (text, fault) in [
        ("", xml(XmlFault::NotWellFormed)),
        ("<presence", xml(XmlFault::NotWellFormed)),
        ("<presence xmlns='urn:ietf:params:xml:ns:pidf'>", xml(XmlFault::NotWellFormed)),
        ("<presence/>", Malformed::Root),
        ("<presence xmlns='jabber:client'/>", Malformed::Root),
        ("<tuple xmlns='urn:ietf:params:xml:ns:pidf'/>", Malformed::Root),
        ("<html><body></html>", xml(XmlFault::NotWellFormed)),
        ("<presence xmlns='urn:ietf:params:xml:ns:pidf'/><x/>", xml(XmlFault::TwoRoots)),
        (
            "<presence xmlns='urn:ietf:params:xml:ns:pidf'><note>&c;</note></presence>",
            xml(XmlFault::BadReference),
        ),
        (&format!("{bomb}<presence xmlns='{PIDF}'/>"), xml(XmlFault::Dtd)),
        (&"<a>".repeat(40), xml(XmlFault::TooDeep)),
        (
            &format!("<presence xmlns='{PIDF}'>{}</presence>", "<a>".repeat(16)),
            xml(XmlFault::TooDeep),
        ),
        (&" ".repeat(65_537), xml(XmlFault::TooLarge)),
    ] {
        assert_eq!(read(text), Err(fault), "{text:.80}");
        assert_eq!(
            fault.is_limit(),
            matches!(fault, Malformed::Xml(XmlFault::TooDeep | XmlFault::TooLarge)),
            "{fault}"
        );
    }
    let marked = format!("\u{FEFF}<?xml version='1.0'?><!-- a --><presence xmlns='{PIDF}:'/>");
    assert!(read(&marked).is_ok(), "a byte order mark, a comment, the misprinted namespace");
}

#[test]
fn what_is_too_many() {
    let tuples = |n: usize| (0..n).map(|n| format!("<tuple id='t{n}'><status/></tuple>")).collect();
    let person = "<person xmlns='urn:ietf:params:xml:ns:pidf:data-model'/>";
    let device =
        "<device xmlns='urn:ietf:params:xml:ns:pidf:data-model'><deviceID>x</deviceID></device>";
    let within = |inner: String| read(&format!("<presence xmlns='{PIDF}'>{inner}</presence>"));
    for (inner, most, fault) in [
        (tuples as fn(usize) -> String, 64, Malformed::TooManyTuples),
        (|n| "<note>x</note>".repeat(n), 16, Malformed::TooManyNotes),
        (|n| person_or_device(true).repeat(n), 64, Malformed::TooManyComponents),
        (|n| person_or_device(false).repeat(n), 64, Malformed::TooManyComponents),
    ] {
        assert!(within(inner(most)).is_ok(), "{fault}");
        assert_eq!(within(inner(most + 1)), Err(fault));
        assert!(fault.is_limit());
    }
    assert_eq!((person_or_device(true), person_or_device(false)), (person, device));
}

fn person_or_device(person: bool) -> &'static str {
    if person {
        "<person xmlns='urn:ietf:params:xml:ns:pidf:data-model'/>"
    } else {
        "<device xmlns='urn:ietf:params:xml:ns:pidf:data-model'><deviceID>x</deviceID></device>"
    }
}
