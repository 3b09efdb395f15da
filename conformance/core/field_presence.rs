//! Presence documents as they were reported from the field; the README of `conformance/vectors/field`
//! names the reports.

use crate::presence_fixture::{ACTIVE, PIDF, SipPresentity, filled, stanza, tuple};
use crate::scene::seconds;
use crate::world::World;

macro_rules! field {
    ($name:literal) => {
        include_str!(concat!("../vectors/field/", $name))
    };
}

const NOTHING: [String; 0] = [];
const GONE: &str = " type='unavailable'";

/// What juliet is told when romeo sends a document of the field.
fn told(romeo: &mut SipPresentity, vector: &str) -> Vec<String> {
    let (head, body) = vector.split_once("\n\n").expect("a head and a body");
    let kind = head.lines().find(|line| line.starts_with("Content-Type:")).expect("a type");
    romeo.shows_as(&format!("{ACTIVE}{kind}\n"), body)
}

/// A document of romeo in octets: the status of the answer.
fn octets(romeo: &mut SipPresentity, document: &[u8]) -> u16 {
    romeo.cseq += 1;
    let head = romeo.notify(PIDF, "");
    romeo.world.sip_octets(&head, document);
    romeo.world.response().status.code()
}

const ON_THE_PHONE: &str = "<show>dnd</show><status>On the phone</status>";

/// Case 36: of a device that is known as there both note and activity are shown, and it stays there.
#[test]
fn pres_053_a_tuple_without_basic_shows_note_and_activity_of_a_device_that_is_there() {
    let document = field!("36-tuple-without-basic.sip");
    let mut romeo = SipPresentity::watched();
    romeo.shows(&tuple("t1", "open", ""));
    assert_eq!(told(&mut romeo, document), [filled("t1", "", ON_THE_PHONE)]);
    assert_eq!(romeo.shows(&tuple("t1", "closed", "")), [stanza("t1", GONE)]);
    // One that is gone stays so.
    assert_eq!(told(&mut romeo, document), NOTHING);
}

/// Case 36: a show needs somebody who is there; a note alone does not say so.
#[test]
fn pres_053_an_activity_alone_shows_a_device_that_is_new_and_a_note_alone_does_not() {
    let document = field!("36-tuple-without-basic.sip");
    let mut romeo = SipPresentity::watched();
    assert_eq!(told(&mut romeo, document), [filled("t1", "", ON_THE_PHONE)]);
    let mut romeo = SipPresentity::watched();
    let words = "<tuple id='t1'><status/><note>On the phone</note></tuple>";
    assert_eq!(romeo.shows(words), NOTHING);
    // Where another tuple decides, one without basic is no device: Asterisk 12 writes such beside.
    let mut romeo = SipPresentity::watched();
    let person = "<pp:person xmlns:pp='urn:ietf:params:xml:ns:pidf:person'><status>\
                  <ep:activities xmlns:ep='urn:ietf:params:xml:ns:pidf:rpid:rpid-person'><ep:busy/>\
                  </ep:activities></status></pp:person>";
    let beside =
        "<tuple id='digium-presence'><status><x:digium_presence xmlns:x='urn:x'/></status></tuple>";
    let shown = romeo.shows(&[person, &tuple("700", "open", ""), beside].concat());
    assert_eq!(shown, [filled("700", "", "<show>dnd</show>")]);
}

/// Cases 38 and 38c: Asterisk chan_sip and FreeSWITCH.
#[test]
fn pres_060_activities_in_the_namespaces_of_the_drafts_are_seen() {
    let content = [ON_THE_PHONE, "<priority>127</priority>"].concat();
    let mut romeo = SipPresentity::watched();
    let shown = told(&mut romeo, field!("38a-freeswitch-pp-person.sip"));
    assert_eq!(shown, [filled("romeo", "", &content)]);
    let mut romeo = SipPresentity::watched();
    let shown = told(&mut romeo, field!("38c-chan-sip-busy.sip"));
    assert_eq!(shown, [filled("700", "", &content)]);
}

/// Case 38b: the type names no charset.
#[test]
fn pres_093_a_document_that_is_not_utf_8_is_read_as_it_declares() {
    let document = include_bytes!("../vectors/field/38b-declared-latin-1.xml");
    let mut romeo = SipPresentity::watched();
    assert_eq!(octets(&mut romeo, document), 200);
    assert_eq!(romeo.world.stanzas_sent(), [filled("t1", "", "<status>déjeuner</status>")]);
    // What is UTF-8 is read as that (RFC 3863 §3.1), whatever it declares.
    let text = String::from_utf8_lossy(document).replace('\u{FFFD}', "ê");
    assert_eq!(octets(&mut romeo, text.as_bytes()), 200);
    assert_eq!(romeo.world.stanzas_sent(), [filled("t1", "", "<status>dêjeuner</status>")]);
    for (declared, instead) in [("ISO-8859-1", "UTF-8"), ("ISO-8859-1", "x-foo"), ("encoding", "x")]
    {
        let at = document.windows(declared.len()).position(|it| it == declared.as_bytes());
        let mut other = document.to_vec();
        let at = at.expect("a declaration");
        other.splice(at..at + declared.len(), instead.bytes());
        assert_eq!(octets(&mut romeo, &other), 400, "{declared} {instead}");
    }
    assert_eq!(romeo.world.stanzas_sent(), NOTHING);
}

/// Case 42b: a document of which nothing is left is none without tuples.
#[test]
fn pres_094_a_document_whose_only_tuple_is_invalid_changes_nothing() {
    let document = field!("42b-no-entity.sip");
    let mut romeo = SipPresentity::watched();
    assert_eq!(told(&mut romeo, document), NOTHING);
    romeo.shows(&tuple("a", "open", ""));
    assert_eq!(told(&mut romeo, document), NOTHING);
    // Over a new dialog, too.
    romeo.begin_anew();
    assert_eq!(told(&mut romeo, document), NOTHING);
    assert_eq!(romeo.shows(&tuple("a", "open", "")), NOTHING);
    assert_eq!(romeo.shows(&tuple("a", "closed", "")), [stanza("a", GONE)]);
}

/// Case 44.
#[test]
fn pres_056_of_equal_ids_the_newest_timestamp_counts() {
    let document = field!("44a-same-ids-open-then-closed.sip");
    let open = filled("phone", "", "<priority>102</priority>");
    let mut romeo = SipPresentity::watched();
    assert_eq!(told(&mut romeo, document), std::slice::from_ref(&open));
    let (before, rest) = document.split_once("<tuple").expect("a tuple");
    let (first, second) = rest.split_once("<tuple").expect("another one");
    let (second, end) = second.split_once("</presence>").expect("an end");
    let swapped = format!("{before}<tuple{second}<tuple{first}</presence>{end}");
    let mut romeo = SipPresentity::watched();
    assert_eq!(told(&mut romeo, &swapped), [open]);
    // The last where one of them has none.
    let mut romeo = SipPresentity::watched();
    let without = document.replace("<timestamp>2024-05-01T10:05:00Z</timestamp>", "");
    assert_eq!(told(&mut romeo, &without), [stanza("phone", GONE)]);
}

/// Case 45b.
#[test]
fn pres_054_basic_is_read_whatever_its_case() {
    let mut romeo = SipPresentity::watched();
    let words = "<status xml:lang='en'>Out</status><status xml:lang='de'>Weg</status><status>plain</status>";
    assert_eq!(told(&mut romeo, field!("45b-upper-basic-two-notes.sip")), [filled("x", "", words)]);
    assert_eq!(romeo.shows(&tuple("x", "CLOSED", "")), [stanza("x", GONE)]);
}

/// Case 52: the time that the 2xx grants counts where Subscription-State says nothing, whichever of
/// both comes first.
#[test]
fn sub_014_without_expires_in_notify_the_2xx_says_how_long_it_lasts() {
    for notify_first in [false, true] {
        let mut world = World::new();
        let subscribe = world.juliet_subscribes();
        let open = crate::scene::open(&["a"]);
        if !notify_first {
            world.answer_with(&subscribe, 200, &["Expires: 12"]);
        }
        assert_eq!(world.notified(&subscribe, 1, "active", &open), 200);
        if notify_first {
            world.answer_with(&subscribe, 200, &["Expires: 12"]);
        }
        assert_eq!(world.told(), ["subscribed", "available /a"]);
        world.pass_ms(5_900);
        assert_eq!(world.requests(), []);
        // 5 s before the end at the latest.
        let refresh = world.awaited(seconds(2));
        assert_eq!((&refresh.call_id, refresh.to.tag()), (&subscribe.call_id, Some("ffd2")));
        // The same holds for a refresh.
        assert_eq!(world.notified(&subscribe, 2, "active", &open), 200);
        world.answer_with(&refresh, 200, &["Expires: 60"]);
        world.pass_ms(47_000);
        assert_eq!(world.requests(), []);
        assert_eq!(world.awaited(seconds(8)).to.tag(), Some("ffd2"));
        assert_eq!(world.told(), NOTHING);
    }
}
