//! Presence in the mode of RFC 3922: `pres:` addresses, documents in CPIM objects, refusals as
//! errors.

use stox::codec::sip::{HeaderName, Request};

use crate::presence_fixture::{
    ACTIVE, SipPresentity, SipWatcher, document, filled, header, stanza, text, tuple,
};
use crate::scene::seconds;
use crate::world::World;

/// What the profile `rfc3922` sets.
const MODE: &str = "to_sip: { scheme: pres, form: cpim, escaping: rfc3922, show: false, im: true }\n\
                    to_xmpp: { id: content-id, refused: error }\n";
const BOTH: &str = "Event: presence\nAccept: application/pidf+xml, message/cpim\nExpires: 3600\n";
const OBJECT: &str = "Event: presence\nSubscription-State: active;expires=3600\n\
                      Content-Type: message/cpim\n";

fn world() -> World {
    World::verona_with(MODE)
}

/// Romeo, who takes objects, watches juliet.
fn watch(rules: &str, headers: &str) -> (World, SipWatcher) {
    let mut world = World::verona_with(rules);
    let mut watch = SipWatcher::of("romeo", "w1");
    let (ok, _) = watch.subscribes(&mut world, headers);
    assert_eq!(ok.status.code(), 200);
    world.xmpp("<presence from='juliet@example.com' to='romeo@example.net' type='subscribed'/>");
    let active = world.request();
    world.answer(&active, 200);
    world.stanzas_sent();
    (world, watch)
}

/// The head of the object, its content's head, and the document.
fn opened(request: &Request) -> (String, String, String) {
    assert_eq!(header(request, &HeaderName::ContentType), "message/cpim");
    let text = text(request);
    let mut parts = text.splitn(3, "\r\n\r\n").map(str::to_owned);
    let mut part = || parts.next().expect("a part");
    (part(), part(), part())
}

/// An object of romeo's around a document.
fn object(headers: &str, content: &str, document: &str) -> String {
    format!(
        "From: Romeo Montague <im:romeo@example.net>\n\
         To: Juliet Capulet <im:juliet@example.com>\n\
         {headers}\nContent-Type: application/pidf+xml; charset=utf-8\n{content}\n{document}"
    )
}

#[test]
fn pres_034_a_document_goes_in_an_object_between_im_addresses() {
    let (mut world, _) = watch(MODE, BOTH);
    world.juliet_is("balcony", "<show>away</show><status xml:lang='en'>retired</status>");
    let (head, content, document) = opened(&world.document());
    assert_eq!(head, "From: <im:juliet@example.com>\r\nTo: <im:romeo@example.net>");
    assert_eq!(content, "Content-Type: application/pidf+xml; charset=utf-8");
    assert!(document.contains(" entity='pres:juliet@example.com'"), "{document}");
    assert!(document.contains("<tuple id='balcony'>"), "{document}");
    assert!(document.contains("<contact>im:juliet@example.com</contact>"), "{document}");
    // A resource that is no xs:ID is written as one.
    world.juliet_is("on the balcony", "");
    let (_, _, document) = opened(&world.document());
    assert!(document.contains("<tuple id='on_x0020_the_x0020_balcony'>"), "{document}");
}

#[test]
fn pres_034_who_takes_no_objects_gets_the_document() {
    for accept in ["", "Accept: application/pidf+xml\n"] {
        let (mut world, _) = watch(MODE, &format!("Event: presence\n{accept}Expires: 3600\n"));
        world.juliet_is("balcony", "");
        let request = world.document();
        assert_eq!(header(&request, &HeaderName::ContentType), "application/pidf+xml");
        assert!(text(&request).contains("<tuple id='ID-balcony'>"), "{}", text(&request));
    }
    // Without the rule nobody gets an object.
    let (mut world, _) = watch("to_sip: { form: pidf }\n", BOTH);
    world.juliet_is("balcony", "");
    assert_eq!(header(&world.document(), &HeaderName::ContentType), "application/pidf+xml");
    let mut watch = SipWatcher::of("romeo", "w2");
    let headers = "Event: presence\nAccept: message/cpim\nExpires: 3600\n";
    let (refused, _) = watch.subscribes(&mut world, headers);
    assert_eq!(refused.status.code(), 406);
}

#[test]
fn pres_034_two_phones_of_one_user_each_get_what_they_take() {
    let (mut world, _) = watch(MODE, BOTH);
    let mut other = SipWatcher::of("romeo", "w2");
    other.subscribes(&mut world, "Event: presence\nExpires: 3600\n");
    world.juliet_is("balcony", "");
    let (_, requests) = world.sip_sent();
    let mut kinds: Vec<_> =
        requests.iter().map(|it| header(it, &HeaderName::ContentType)).collect();
    kinds.sort();
    assert_eq!(kinds, ["application/pidf+xml", "message/cpim"]);
}

#[test]
fn pres_036_the_enclosed_document_says_its_charset() {
    let (mut world, _) = watch(MODE, BOTH);
    world.juliet_sends("balcony", "xml:lang='cs'", "<status>u telefonu</status>");
    let (_, content, _) = opened(&world.document());
    assert_eq!(
        content,
        "Content-Type: application/pidf+xml; charset=utf-8\r\nContent-Language: cs"
    );
}

#[test]
fn pres_037_the_show_is_an_instant_messaging_status() {
    let (mut world, _) = watch(MODE, BOTH);
    for show in ["away", "chat", "dnd", "xa"] {
        world.juliet_is("balcony", &format!("<show>{show}</show>"));
        let (_, _, document) = opened(&world.document());
        let im = format!("<im xmlns='urn:ietf:params:xml:ns:pidf:im'>{show}</im></status>");
        assert!(document.contains(&im), "{document}");
        assert!(!document.contains("jabber:client"), "{document}");
    }
    world.juliet_is("balcony", "");
    let (_, _, document) = opened(&world.document());
    assert!(!document.contains("pidf:im"), "{document}");
}

#[test]
fn sub_039_subscriptions_are_between_pres_addresses() {
    let romeo = SipPresentity::asked_in(world());
    let subscribe = &romeo.subscribe;
    assert_eq!(subscribe.uri.as_str(), "pres:romeo@example.net");
    assert_eq!(subscribe.from.uri().as_str(), "pres:juliet@example.com");
    assert_eq!(subscribe.to.uri().as_str(), "pres:romeo@example.net");
    let contact = subscribe.headers.contacts().next().expect("one").expect("legal");
    assert!(contact.uri().as_str().starts_with("sip:juliet@127.0.0.20:5060;"), "{contact:?}");
    let accept = "application/pidf+xml, multipart/signed, application/pkcs7-mime, message/cpim";
    assert_eq!(header(subscribe, &HeaderName::Accept), accept);
}

#[test]
fn addr_060_no_device_and_the_escaping_of_rfc_3922() {
    let mut world = world();
    world.xmpp(
        "<presence from='jean-luc@example.com/x' to='o\\27malley@example.net' type='subscribe'/>",
    );
    let request = world.request();
    assert_eq!(request.from.uri().as_str(), "pres:jean%2Dluc@example.com");
    assert_eq!(request.uri.as_str(), "pres:o%27malley@example.net");
}

#[test]
fn addr_048_pres_is_for_who_asks_for_it() {
    let romeo = SipPresentity::asked_in(World::verona_with("to_sip: { scheme: pres }\n"));
    assert_eq!(romeo.subscribe.uri.as_str(), "pres:romeo@example.net");
    let romeo = SipPresentity::asked_in(World::verona());
    assert_eq!(romeo.subscribe.uri.as_str(), "sip:romeo@example.net");
    let accept = "application/pidf+xml, multipart/signed, application/pkcs7-mime";
    assert_eq!(header(&romeo.subscribe, &HeaderName::Accept), accept);
}

#[test]
fn sub_039_an_error_has_the_id_of_the_request() {
    let mut world = world();
    world.xmpp(
        "<presence from='juliet@example.com' to='romeo@example.net' id='s1' type='subscribe'/>",
    );
    let subscribe = world.request();
    world.answer(&subscribe, 404);
    let told = world.stanzas_sent();
    assert_eq!(told.len(), 1);
    assert!(told[0].contains(" id='s1'") && told[0].contains("<item-not-found"), "{told:?}");
}

#[test]
fn sub_042_404_says_that_there_is_no_such_user() {
    let mut world = world();
    world.xmpp(
        "<presence from='juliet@example.com' to='romeo@example.net' id='s1' type='subscribe'/>",
    );
    let subscribe = world.request();
    world.answer(&subscribe, 404);
    let told = world.stanzas_sent();
    assert!(told.len() == 1 && told[0].contains("<item-not-found"), "{told:?}");
    world.pass_ms(24 * 3_600_000);
    assert_eq!(world.requests(), []);
}

#[test]
fn sub_043_a_refused_request_is_an_error() {
    for (rules, status, expected) in [
        (MODE, 403, "<forbidden"),
        (MODE, 603, "<"),
        ("to_xmpp: { refused: unsubscribed }\n", 403, "type='unsubscribed'"),
    ] {
        let mut world = World::verona_with(rules);
        world.xmpp(
            "<presence from='juliet@example.com' to='romeo@example.net' id='s1' type='subscribe'/>",
        );
        let subscribe = world.request();
        world.answer(&subscribe, status);
        let told = world.stanzas_sent();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(expected), "{told:?}");
        let error = told[0].contains("type='error'") && told[0].contains(" id='s1'");
        assert_eq!(error, rules == MODE, "{told:?}");
    }
    // What was granted and is taken back is no error of a request.
    let mut romeo = SipPresentity::watched_in(world());
    romeo
        .world
        .xmpp("<presence from='juliet@example.com/x' to='romeo@example.net' type='probe' id='p'/>");
    let refresh = romeo.world.awaited(seconds(3_600));
    romeo.world.stanzas_sent();
    romeo.world.answer(&refresh, 403);
    let told = romeo.world.stanzas_sent();
    assert!(told.len() == 1 && told[0].contains("type='unsubscribed'"), "{told:?}");
}

#[test]
fn sub_122_the_end_of_a_subscription_to_nobody() {
    for (rules, expected) in [(MODE, "<item-not-found"), ("rules: []\n", "type='unsubscribed'")] {
        let mut romeo = SipPresentity::watched_in(World::verona_with(rules));
        romeo.world.xmpp(
            "<presence from='juliet@example.com' to='romeo@example.net' id='u1' type='unsubscribe'/>",
        );
        let end = romeo.world.request();
        assert_eq!(end.headers.expires().and_then(Result::ok), Some(0));
        romeo.world.answer(&end, 404);
        let told = romeo.world.stanzas_sent();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(expected), "{told:?}");
        assert_eq!(told[0].contains(" id='u1'"), rules == MODE, "{told:?}");
    }
}

#[test]
fn sub_122_what_comes_after_the_end_is_not_shown() {
    let mut romeo = SipPresentity::watched_in(world());
    romeo.world.xmpp(
        "<presence from='juliet@example.com' to='romeo@example.net' id='u1' type='unsubscribe'/>",
    );
    romeo.world.request();
    let open = object("", "", &document(&tuple("orchard", "open", "")));
    assert_eq!(romeo.notifies(OBJECT, &open).status.code(), 200);
    assert_eq!(romeo.world.stanzas_sent(), [""; 0]);
}

#[test]
fn pres_043_from_is_the_address_and_the_id_of_the_tuple() {
    let mut romeo = SipPresentity::watched_in(world());
    let orchard = object("", "", &document(&tuple("orchard", "open", "")));
    assert_eq!(romeo.shows_as(OBJECT, &orchard), [stanza("orchard", "")]);
    let closed = object("", "", &document(&tuple("orchard", "closed", "")));
    assert_eq!(romeo.shows_as(OBJECT, &closed), [stanza("orchard", " type='unavailable'")]);
}

#[test]
fn pres_044_to_is_the_bare_address() {
    let mut romeo = SipPresentity::watched_in(world());
    let told = romeo.shows_as(OBJECT, &object("", "", &document(&tuple("orchard", "open", ""))));
    assert!(told[0].contains(" to='juliet@example.com'"), "{told:?}");
}

#[test]
fn pres_045_no_header_of_the_object_crosses() {
    let mut romeo = SipPresentity::watched_in(world());
    let headers = "cc: <im:nurse@example.com>\nDateTime: 2026-11-30T12:00:00Z\n\
                   Subject: a secret subject\nNS: Mine <urn:example:mine>\nMine.Word: hidden\n";
    let note = tuple("orchard", "open", "<note>Wooing Juliet</note>");
    let told = romeo.shows_as(OBJECT, &object(headers, "", &document(&note)));
    assert_eq!(told, [filled("orchard", "", "<status>Wooing Juliet</status>")]);
    // What an object requires and is not known here is refused; what juliet was shown holds.
    let headers = "NS: Mine <urn:example:mine>\nRequire: Mine.Word\nMine.Word: hidden\n";
    let refused = romeo.notifies(OBJECT, &object(headers, "", &document(&note)));
    assert_eq!((refused.status.code(), romeo.world.stanzas_sent()), (400, vec![]));
}

#[test]
fn pres_046_the_content_id_is_the_id() {
    let id = "Content-ID: <123456789@example.net>\n";
    let mut romeo = SipPresentity::watched_in(world());
    let two = document(&[tuple("orchard", "open", ""), tuple("garden", "open", "")].concat());
    let told = romeo.shows_as(OBJECT, &object("", id, &two));
    assert_eq!(told.len(), 2);
    assert!(told[0].contains(" id='123456789@example.net'"), "{told:?}");
    assert!(!told[1].contains("123456789"), "an id is used once: {told:?}");
    let mut romeo = SipPresentity::watched();
    let told = romeo.shows_as(OBJECT, &object("", id, &document(&tuple("a", "open", ""))));
    assert_eq!(told, [stanza("a", "")]);
}

#[test]
fn pres_049_the_whole_document_goes_along_if_that_is_wanted() {
    let mut romeo = SipPresentity::watched_in(World::verona_with("to_xmpp: { embed: true }\n"));
    let inner = "<!-- a comment --><tuple id='a'><status><basic>open</basic></status>\
                 <contact>tel:+420123</contact></tuple><?instruction x?>";
    let told = romeo.shows(inner);
    assert_eq!(told.len(), 1);
    let pidf = "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:romeo@example.net'>";
    assert!(told[0].contains(pidf), "{told:?}");
    assert!(told[0].contains("<contact>tel:+420123</contact>"), "{told:?}");
    for forbidden in ["<?", "<!--", "comment", "instruction"] {
        assert!(!told[0].contains(forbidden), "{told:?}");
    }
    // One that is gone shows no more than that; one that is too long goes without.
    let told = romeo.shows(&tuple("a", "closed", ""));
    assert_eq!(told, [stanza("a", " type='unavailable'")]);
    let long = tuple("a", "open", &format!("<note>{}</note>", "x".repeat(17_000)));
    let told = romeo.shows(&long);
    assert!(told.len() == 1 && !told[0].contains("urn:ietf:params:xml:ns:pidf'"), "{told:?}");
    // Off unless it is asked for.
    assert_eq!(SipPresentity::watched().shows(&tuple("a", "open", "")), [stanza("a", "")]);
}

#[test]
fn an_object_of_something_else_is_refused() {
    let mut romeo = SipPresentity::watched_in(world());
    let text = "From: <im:romeo@example.net>\nTo: <im:juliet@example.com>\n\n\
                Content-Type: text/plain\n\nhello";
    let refused = romeo.notifies(OBJECT, text);
    assert_eq!(refused.status.code(), 415);
    let broken = romeo.notifies(OBJECT, "no object at all");
    assert_eq!(broken.status.code(), 400);
    assert_eq!(romeo.world.stanzas_sent(), [""; 0]);
    // The dialog lives on.
    let orchard = object("", "", &document(&tuple("orchard", "open", "")));
    assert_eq!(romeo.shows_as(OBJECT, &orchard), [stanza("orchard", "")]);
    assert_eq!(romeo.notifies(ACTIVE, "").status.code(), 200);
}
