//! Content beside and without a body, as public reports describe it: the files of
//! `conformance/vectors/field`, each with its right value.

use stox::codec::sip::HeaderName;
use stox::codec::xmpp::{Message, Stanza};
use stox::rules::BodyProfile;

use crate::world::{SETTINGS, World};

/// A world of the names in the files, whose texts go bare.
fn world() -> World {
    let settings = SETTINGS
        .replace("sip.xmpp.test", "sip.example.com")
        .replace("sip: sip.test", "sip: example.net")
        .replace("xmpp.test", "example.com");
    let mut rules = crate::world::built_in();
    rules.messages.profile = BodyProfile::Text;
    let mut world = World::ruled(&settings, rules, 7);
    world.up();
    world
}

macro_rules! file {
    ($name:literal) => {
        include_str!(concat!("../vectors/field/", $name))
    };
}

/// The text that a stanza becomes, with its Subject.
#[track_caller]
fn text(stanza: &str) -> (String, Option<String>) {
    let mut world = world();
    world.xmpp(stanza.trim());
    let request = world.request();
    assert_eq!(world.stanzas(), []);
    let subject = request.headers.get_text(&HeaderName::Subject).map(str::to_owned);
    (String::from_utf8(request.body.to_vec()).expect("UTF-8"), subject)
}

/// The condition and the words that a stanza is answered with.
#[track_caller]
fn refused(stanza: &str) -> (String, String) {
    let mut world = world();
    world.xmpp(stanza.trim());
    let (_, error) = world.error();
    assert_eq!(world.requests(), []);
    let words = error.texts.first().map(|text| text.text.to_string()).unwrap_or_default();
    (error.condition.name().to_owned(), words)
}

/// The stanza that a request becomes.
#[track_caller]
fn shown(file: &str) -> Message {
    let (head, body) = file.trim_end().split_once("\n\n").expect("a blank line");
    let own: String = head.lines().skip(3).map(|line| format!("{line}\n")).collect();
    let head = format!(
        "MESSAGE sip:juliet@example.com SIP/2.0\n\
         Via: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bKfield\n\
         Max-Forwards: 70\n\
         From: <sip:romeo@example.net>;tag=field\n\
         To: <sip:juliet@example.com>\n\
         Call-ID: field\n\
         CSeq: 1 MESSAGE\n\
         {own}"
    );
    let mut world = world();
    world.sip_octets(&head, body.replace('\n', "\r\n").as_bytes());
    world.confirm_all();
    let stanza = world.stanzas().pop();
    let code = world.response().status.code();
    match stanza {
        Some(Stanza::Message(message)) if code == 200 => *message,
        other => panic!("{code} {other:?}"),
    }
}

const PICTURE: &str = "https://upload.example.com/balcony.jpg";

#[test]
fn a_link_alone_is_its_address() {
    assert_eq!(text(file!("link-alone.xml")), (PICTURE.to_owned(), None));
}

#[test]
fn a_link_that_is_the_body_is_there_once() {
    assert_eq!(text(file!("link-as-body.xml")).0, PICTURE);
}

#[test]
fn a_link_beside_a_text_stands_under_it() {
    let under = format!("look at this\nthe balcony\n{PICTURE}");
    assert_eq!(text(file!("link-beside-body.xml")).0, under);
}

#[test]
fn a_location_alone_is_a_geo_uri() {
    assert_eq!(text(file!("location-alone.xml")).0, "geo:48.2,16.3");
}

#[test]
fn a_subject_alone_is_the_subject_and_the_text() {
    let dinner = "Dinner at eight?".to_owned();
    assert_eq!(text(file!("subject-alone.xml")), (dinner.clone(), Some(dinner)));
}

#[test]
fn xhtml_alone_is_its_text() {
    assert_eq!(text(file!("xhtml-alone.xml")).0, "do you see this?");
}

#[test]
fn a_marker_with_an_empty_body_is_silent() {
    let mut world = world();
    world.xmpp(file!("marker-with-empty-body.xml").trim());
    assert_eq!((world.requests(), world.stanzas()), (vec![], vec![]));
    assert_eq!(world.counter("xmpp_without_body"), 1);
}

#[test]
fn a_correction_says_that_it_is_one() {
    assert_eq!(text(file!("correction.xml")).0, "* test 2");
}

#[test]
fn a_retraction_is_its_fallback_or_refused() {
    let fallback = "/me retracted a previous message, but it's unsupported by your client.";
    assert_eq!(text(file!("retraction-with-fallback.xml")).0, fallback);
    let (condition, words) = refused(file!("retraction-alone.xml"));
    assert_eq!(condition, "feature-not-implemented");
    assert!(words.starts_with("The message was not taken back"), "{words}");
}

#[test]
fn a_reaction_is_told() {
    assert_eq!(text(file!("reaction-alone.xml")).0, "Reacted with \u{1f44d}");
}

#[test]
fn a_call_is_refused_in_words() {
    let (condition, words) = refused(file!("call-proposal.xml"));
    assert_eq!(condition, "feature-not-implemented");
    assert_eq!(words, "Calls cannot cross the SIP gateway. Write a message instead.");
}

#[test]
fn what_is_encrypted_is_refused_as_such() {
    let (condition, words) = refused(file!("omemo-alone.xml"));
    assert_eq!(condition, "not-acceptable");
    assert!(words.contains("OMEMO"), "{words}");
}

#[test]
fn who_joins_what_is_no_room_is_told() {
    assert_eq!(
        refused(file!("groupchat-message.xml")),
        (
            "service-unavailable".to_owned(),
            "There are no chat rooms behind this gateway.".to_owned()
        )
    );
    let mut world = world();
    world.xmpp(file!("room-join.xml").trim());
    let Some(Stanza::Presence(answer)) = world.stanzas().pop() else { panic!("no answer") };
    let error = answer.error.expect("an error");
    assert_eq!(answer.to.as_ref().map(|to| to.as_str()), Some("juliet@example.com/phone"));
    assert_eq!(
        answer.from.as_ref().map(|from| from.as_str()),
        Some("verona@sip.example.com/Juliet")
    );
    assert_eq!(
        (answer.id.as_deref(), error.condition.name()),
        (Some("join1"), "service-unavailable")
    );
    assert_eq!(error.texts[0].text, "There are no chat rooms behind this gateway.");
    assert_eq!(world.requests(), []);
}

#[test]
fn a_text_beside_a_location_arrives_with_it() {
    for file in [file!("text-and-optional-location.sip"), file!("text-and-location-by-cid.sip")] {
        assert_eq!(shown(file).bodies[0].text, "I am here\ngeo:32.86,-97.16");
        // One that has no point says something about the message, and does not refuse it.
        let civic = file.replace("gml:pos", "gml:posList");
        assert_eq!(shown(&civic).bodies[0].text, "I am here");
    }
}

#[test]
fn a_file_is_its_link() {
    let message = shown(file!("file-in-cpim.sip"));
    let url = "https://files.example.net/a.jpg";
    assert_eq!(message.bodies[0].text, url);
    let link = message.extension("x", "jabber:x:oob").expect("a link");
    assert_eq!(link.child("url", "jabber:x:oob").expect("a URL").text(), url);
}
