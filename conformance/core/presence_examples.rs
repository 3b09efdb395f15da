//! The presence documents of the RFCs through the gateway, and the form of its own ones.

use std::fmt::Write as _;

use rxml::Parse as _;

use crate::presence_fixture::{
    PIDF, SipPresentity, SipWatcher, brief, filled, header, stanza, text, tuples,
};

/// RFC 8048 Example 4.
const EXAMPLE_4: &str = "\
<?xml version='1.0' encoding='UTF-8'?>
<presence xmlns='urn:ietf:params:xml:ns:pidf'
          entity='pres:romeo@example.net'>
  <tuple id='ID-dr4hcr0st3lup4c'>
    <status>
      <basic>open</basic>
      <show xmlns='jabber:client'>away</show>
    </status>
  </tuple>
</presence>";
/// RFC 8048 Example 19.
const EXAMPLE_19: &str = "\
<?xml version='1.0' encoding='UTF-8'?>
<presence xmlns='urn:ietf:params:xml:ns:pidf'
          entity='pres:juliet@example.com'>
  <tuple id='ID-yn0cl4bnw0yr3vym'>
    <status>
      <basic>open</basic>
      <show xmlns='jabber:client'>away</show>
    </status>
  </tuple>
</presence>";
/// RFC 8048 Example 20.
const EXAMPLE_20: &str = "\
<?xml version='1.0' encoding='UTF-8'?>
<presence xmlns='urn:ietf:params:xml:ns:pidf'
          entity='pres:romeo@example.net'>
  <tuple id='ID-dr4hcr0st3lup4c'>
    <status>
      <basic>closed</basic>
    </status>
  </tuple>
</presence>";

const GONE: &str = " type='unavailable'";

#[test]
fn pres_085_the_lengths_of_the_examples_of_rfc_8048() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("balcony", "");
    let mut notify = world.document();
    for (body, length) in [(EXAMPLE_4, 283), (EXAMPLE_19, 285), (EXAMPLE_20, 239)] {
        notify.body = body.into();
        let octets = notify.to_bytes();
        let line = format!("\r\nContent-Length: {length}\r\n");
        assert!(String::from_utf8_lossy(&octets).contains(&line), "{octets:?}");
    }
}

/// RFC 8048 Example 18, and 19 with the show that 18 lacks (Contact and To in the form of RFC 5627
/// and RFC 3261).
#[test]
fn v_25_rfc_8048_examples_18_and_19() {
    let (mut world, watch) = SipWatcher::granted();
    world.juliet_is("yn0cl4bnw0yr3vym", "<show>away</show>");
    let notify = world.document();
    use stox::codec::sip::HeaderName::{ContentType, Event, SubscriptionState};
    assert_eq!(header(&notify, &Event), "presence");
    assert_eq!(header(&notify, &SubscriptionState), "active;expires=3600");
    assert_eq!(header(&notify, &ContentType), "application/pidf+xml");
    assert_eq!(notify.from.uri().as_str(), "sip:juliet@example.com");
    assert_eq!(notify.from.tag(), Some(&*watch.tag));
    assert_eq!(notify.to.uri().as_str(), "sip:romeo@example.net");
    let body = text(&notify);
    let begin =
        "<?xml version='1.0' encoding='UTF-8'?><presence xmlns='urn:ietf:params:xml:ns:pidf'";
    assert!(body.starts_with(begin), "{body}");
    assert!(body.contains(" entity='pres:juliet@example.com'>"), "{body}");
    assert_eq!(
        tuples(&notify),
        ["<tuple id='ID-yn0cl4bnw0yr3vym'><status><basic>open</basic>\
          <show xmlns='jabber:client'>away</show></status>\
          <contact>im:juliet@example.com</contact></tuple>"]
    );
}

/// RFC 8048 Examples 4 and 6, then 20 and 21: the device is named in 21 as it is in 6 (D-17).
#[test]
fn v_25_rfc_8048_examples_20_and_21() {
    let mut romeo = SipPresentity::watched();
    let told = romeo.shows_as(PIDF, EXAMPLE_4);
    assert_eq!(told, [filled("dr4hcr0st3lup4c", "", "<show>away</show>")]);
    assert_eq!(romeo.shows_as(PIDF, EXAMPLE_20), [stanza("dr4hcr0st3lup4c", GONE)]);
}

/// RFC 3922 §5.1.4, closed.
#[test]
fn v_10_rfc_3922_closed() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("balcony", "");
    world.document();
    world.juliet_leaves("balcony");
    assert_eq!(brief(&world.document()), "ID-balcony closed");
}

/// RFC 3863 §4.2.2: with a prefix and with a default namespace.
#[test]
fn v_17_prefix_and_default_namespace_are_one_stanza() {
    let prefixed = r#"<?xml version="1.0" encoding="UTF-8"?>
        <impp:presence xmlns:impp="urn:ietf:params:xml:ns:pidf" entity="pres:someone@example.com">
          <impp:tuple id="sg89ae">
            <impp:status><impp:basic>open</impp:basic></impp:status>
            <impp:contact priority="0.8">tel:+09012345678</impp:contact>
          </impp:tuple>
        </impp:presence>"#;
    let default = prefixed.replace("xmlns:impp", "xmlns").replace("impp:", "");
    for body in [prefixed, &default] {
        let mut romeo = SipPresentity::watched();
        let told = romeo.shows_as(PIDF, body);
        assert_eq!(told, [filled("sg89ae", "", "<priority>102</priority>")]);
    }
}

/// RFC 3863 §4.3.1 (and §4.2.4, which has the same kind of extension).
#[test]
fn v_17_status_extensions_are_ignored_but_for_those_known() {
    let body = r#"<?xml version="1.0" encoding="UTF-8"?>
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
        </presence>"#;
    let first = "<show>dnd</show><status xml:lang='en'>Don't Disturb Please!</status>\
                 <status xml:lang='fr'>Ne derangez pas, s'il vous plait</status>\
                 <priority>102</priority>";
    let second = "<status>I'll be in Tokyo next week</status><priority>127</priority>";
    let told = SipPresentity::watched().shows_as(PIDF, body);
    assert_eq!(told, [filled("bs35r9", "", first), filled("eg92n8", "", second)]);
}

/// RFC 3863 §4.3.2 and §4.3.3: extensions of tuple and document, one with a mandatory part.
#[test]
fn v_17_other_extensions_are_ignored_whole() {
    let body = r#"<impp:presence xmlns:impp="urn:ietf:params:xml:ns:pidf"
             xmlns:myex="http://id.example.com/presence/" entity="pres:someone@example.com">
          <impp:tuple id="ck38g9">
            <impp:status><impp:basic>open</impp:basic></impp:status>
            <myex:mytupletag>Extended value in tuple</myex:mytupletag>
            <impp:contact priority="0.65">tel:+09012345678</impp:contact>
          </impp:tuple>
          <impp:tuple id="tj25ds">
            <impp:status><impp:basic>open</impp:basic></impp:status>
            <myex:complexExtension>
              <myex:ex1 impp:mustUnderstand="1">val1</myex:ex1>
              <impp:note>hidden</impp:note>
            </myex:complexExtension>
            <impp:contact priority="0.725">tel:+09012345678</impp:contact>
          </impp:tuple>
          <myex:mytag>My extended presentity information</myex:mytag>
        </impp:presence>"#;
    let told = SipPresentity::watched().shows_as(PIDF, body);
    assert_eq!(
        told,
        [
            filled("ck38g9", "", "<priority>83</priority>"),
            filled("tj25ds", "", "<priority>93</priority>")
        ]
    );
}

/// A document as its elements, each with its attributes, read by a parser that is not ours: each
/// element of PIDF by its name alone, one of another namespace as `{namespace}name`.
fn elements(document: &str) -> String {
    let (mut parser, mut rest) = (rxml::Parser::new(), document.as_bytes());
    let mut told = String::new();
    while let Some(event) = parser.parse(&mut rest, true).expect("well-formed") {
        match event {
            rxml::Event::XmlDeclaration(..) => told.push_str("xml "),
            rxml::Event::StartElement(_, (namespace, name), attributes) => {
                match namespace.as_str() {
                    "urn:ietf:params:xml:ns:pidf" => told.push_str(name.as_str()),
                    other => write!(told, "{{{other}}}{}", name.as_str()).expect("memory"),
                }
                let mut names: Vec<_> =
                    attributes.into_iter().map(|((_, name), _)| name.as_str().to_owned()).collect();
                names.sort();
                names.iter().for_each(|name| write!(told, "@{name}").expect("memory"));
                told.push('(');
            }
            rxml::Event::EndElement(_) => told.push(')'),
            rxml::Event::Text(..) => {}
        }
    }
    told
}

/// The order and the attributes that the schema of RFC 3863 §4.4 demands.
#[test]
fn pres_050_documents_are_as_the_schema_has_them() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_sends(
        "balcony",
        "xml:lang='en'",
        "<priority>13</priority><status>x &lt;&amp;&gt; ]]&gt; \u{1F98A}</status>\
         <status xml:lang='cs'>y</status><show>dnd</show>",
    );
    world.juliet_is("orchard", "");
    world.document();
    let document = text(&world.document());
    assert!(document.starts_with("<?xml version='1.0' encoding='UTF-8'?>"), "{document}");
    let show = "{jabber:client}show()";
    let person = "{urn:ietf:params:xml:ns:pidf:data-model}person@id(\
                  {urn:ietf:params:xml:ns:pidf:rpid}activities(\
                  {urn:ietf:params:xml:ns:pidf:rpid}busy()))";
    assert_eq!(
        elements(&document),
        format!(
            "xml presence@entity(\
             tuple@id(status(basic(){show})contact@priority()note@lang()note@lang()timestamp())\
             tuple@id(status(basic())contact()timestamp())\
             {person})"
        )
    );
}

#[test]
fn pres_052_the_namespace_has_no_colon_at_its_end() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("balcony", "");
    let document = text(&world.document());
    assert!(document.contains(" xmlns='urn:ietf:params:xml:ns:pidf' "), "{document}");
}
