//! `errors.txt`: what a stanza error is as a status, and a status as a stanza error.

use crate::Vector;
use crate::world::{World, message};

pub(crate) fn check(vector: Vector) {
    match vector.direction {
        "x2s" => {
            let (bare, full) = vector.expected.split_once(' ').expect("two codes");
            refused_by_xmpp(vector.given, false, bare.parse().expect("a code"));
            refused_by_xmpp(vector.given, true, full.parse().expect("a code"));
        }
        "s2x" => refused_by_sip(vector.given.parse().expect("a code"), vector.expected),
        other => panic!("no direction: {other}"),
    }
}

/// Juliet's server bounces a message from romeo.
fn refused_by_xmpp(condition: &str, to_full: bool, expected: u16) {
    let mut world = World::new();
    let mut text = message("a", "", "hello");
    if to_full {
        world.juliet_says("seen", "here I am");
        world.sip.clear();
        text = text.replacen("sip:juliet@xmpp.test", "sip:juliet@xmpp.test;gr=balcony", 1);
    }
    world.sip(&text);
    let stanza = world.message();
    assert_eq!(stanza.to.expect("a recipient").is_bare(), !to_full);
    let id = stanza.id.expect("an id");
    // The 'from' of an error is the server's to choose: it decides nothing (ERR-100).
    world.xmpp(&format!(
        "<message type='error' id='{id}' from='xmpp.test' to='romeo@sip.xmpp.test'>\
         <error type='cancel'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    ));
    assert_eq!(world.codes(), [expected]);
}

/// The peer refuses a message from juliet, in its last form.
fn refused_by_sip(code: u16, expected: &str) {
    let mut world = World::with_reader();
    world.juliet_says("m1", "hello");
    let mut request = world.request();
    if [406, 415, 488].contains(&code) {
        world.answer(&request, code);
        request = world.request();
    }
    world.answer(&request, code);
    let (id, error) = world.error();
    let told = format!("{} {}", error.condition.name(), error.kind.name());
    assert_eq!((id.as_str(), told.as_str()), ("m1", expected));
    assert_eq!(world.requests(), []);
}
