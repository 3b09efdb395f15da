//! `presence.txt`: what one field of a stanza is in a document, and the other way round.

use crate::Vector;
use crate::presence_fixture::{SipPresentity, SipWatcher, document, text, tuples};

pub(crate) fn check(vector: Vector) {
    match vector.direction {
        "x2s" => to_document(vector.given, vector.expected),
        "person" => to_person(vector.given, vector.expected),
        "s2x" => to_stanzas(vector.given, vector.expected),
        other => panic!("no direction: {other}"),
    }
}

/// The document of juliet when the one device of juliet shows this.
fn shown(content: &str) -> stox::codec::sip::Request {
    let (mut world, _) = SipWatcher::granted();
    if content.starts_with("<presence") {
        world.xmpp(content);
    } else {
        world.juliet_is("balcony", content);
    }
    world.document()
}

/// The content of that device's tuple.
fn to_document(given: &str, expected: &str) {
    let tuples = tuples(&shown(given));
    assert_eq!(tuples.len(), 1, "{tuples:?}");
    let inner = tuples[0].strip_prefix("<tuple id='ID-balcony'>").expect("juliet's device");
    assert_eq!(inner.strip_suffix("</tuple>").expect("an end"), expected);
}

/// What stands beside the tuple.
fn to_person(given: &str, expected: &str) {
    let document = text(&shown(given));
    let (_, rest) = document.split_once("</tuple>").expect("a tuple");
    let rest = rest.strip_suffix("</presence>").expect("an end");
    assert_eq!(if rest.is_empty() { "none" } else { rest }, expected);
}

/// What juliet is told of romeo, of whom juliet was told nothing before.
fn to_stanzas(given: &str, expected: &str) {
    let mut romeo = SipPresentity::watched();
    let whole = given.starts_with("<?xml")
        || given.starts_with("<presence ")
        || given.starts_with("<impp:presence ");
    let given = if whole { given.to_owned() } else { document(given) };
    let told = romeo.shows_as(crate::presence_fixture::PIDF, &given).concat();
    let expected = if expected == "none" { "" } else { expected };
    assert_eq!(told.replace(" to='juliet@example.com'", ""), expected);
}
