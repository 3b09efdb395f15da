//! Romeo's documents become juliet's stanzas (RFC 8048 §6.3): headers, order, what changes.
//!
//! What one field becomes is in the table `conformance/vectors/presence.txt`.

use stox::codec::sip::HeaderName;

use crate::presence_fixture::{
    ACTIVE, PIDF, SipPresentity, document, filled, stanza, tuple, tuple_at,
};

const NOTHING: [String; 0] = [];
const GONE: &str = " type='unavailable'";

#[test]
fn pres_005_id_does_not_cross() {
    let (mut world, _) = crate::presence_fixture::SipWatcher::granted();
    world.juliet_sends("balcony", "id='x-17'", "");
    let request = world.document();
    let octets = request.to_bytes();
    assert!(!String::from_utf8_lossy(&octets).contains("x-17"), "{octets:?}");
}

#[test]
fn pres_017_example_20_of_rfc_8048() {
    let mut romeo = SipPresentity::watched();
    romeo.shows(&tuple("ID-dr4hcr0st3lup4c", "open", ""));
    let told = romeo.shows(&tuple("ID-dr4hcr0st3lup4c", "closed", ""));
    assert_eq!(told, [stanza("dr4hcr0st3lup4c", GONE)]);
}

#[test]
fn pres_018_content_language_is_the_language_of_the_stanza() {
    let mut romeo = SipPresentity::watched();
    let told = romeo.shows_as(
        &format!("{PIDF}Content-Language: fr\n"),
        &document(&tuple("a", "open", "<note>bientôt</note>")),
    );
    assert_eq!(told, [filled("a", " xml:lang='fr'", "<status>bientôt</status>")]);
    let told = romeo.shows_as(
        &format!("{PIDF}Content-Language: fr, en\n"),
        &document(&tuple("a", "open", "<note xml:lang='en'>soon</note>")),
    );
    assert_eq!(told, [filled("a", " xml:lang='fr'", "<status xml:lang='en'>soon</status>")]);
}

#[test]
fn pres_019_the_dialog_says_who_the_presentity_is() {
    let mut romeo = SipPresentity::watched();
    assert_eq!(romeo.shows(&tuple_at("a", "open", "a")), [stanza("a", "")]);
    romeo.from = "sip:admin@example.net";
    let told = romeo.shows(&tuple_at("b", "open", "b"));
    assert_eq!(told, [stanza("b", ""), stanza("a", GONE)]);
}

#[test]
fn pres_022_to_is_the_bare_jid() {
    let mut romeo = SipPresentity::watched();
    let told = romeo.shows(&tuple("a", "open", ""));
    assert!(told[0].contains(" to='juliet@example.com'"), "{told:?}");
    // Juliet asks from one device, and all of them are told.
    romeo.world.juliet_sends("balcony", "type='probe'", "");
    let told = romeo.world.stanzas_sent();
    assert_eq!(told, [stanza("a", "")]);
}

#[test]
fn pres_026_an_id_that_can_be_no_resource_has_a_hash() {
    let mut romeo = SipPresentity::watched();
    // RFC 3454 §C.3: private use.
    let odd = tuple("ID-\u{E000}", "open", "");
    let told = romeo.shows(&odd);
    let (_, rest) = told[0].split_once("romeo@example.net/").expect("a device");
    let (device, _) = rest.split_once('\'').expect("an end");
    assert!(!device.is_empty() && device.is_ascii(), "{told:?}");
    assert_eq!(told, [stanza(device, "")]);
    assert_eq!(romeo.shows(&odd), [""; 0]);
    let other = tuple("ID-\u{E001}", "open", "");
    let told = romeo.shows(&[odd, other].concat());
    assert!(told.len() == 1 && told != [stanza(device, "")], "{told:?}");
}

#[test]
fn pres_026_a_tuple_in_the_place_of_one_with_the_same_contact_keeps_its_resource() {
    let mut romeo = SipPresentity::watched();
    assert_eq!(romeo.shows(&tuple_at("x", "open", "here")), [stanza("x", "")]);
    let busy = tuple("y", "open", "<contact>sip:romeo@here</contact><note>busy</note>");
    assert_eq!(romeo.shows(&busy), [filled("x", "", "<status>busy</status>")]);
    // Over the time that it is closed, too.
    assert_eq!(romeo.shows(&tuple_at("z", "closed", "here")), [stanza("x", GONE)]);
    assert_eq!(romeo.shows(&tuple_at("v", "open", "here")), [stanza("x", "")]);
    // An id that stays counts more than a contact that does not.
    assert_eq!(romeo.shows(&tuple_at("x", "open", "there")), NOTHING);
    assert_eq!(romeo.shows(&tuple_at("w", "open", "there")), NOTHING);
    let two = [tuple_at("w", "open", "there"), tuple_at("u", "open", "there")].concat();
    assert_eq!(romeo.shows(&two), [stanza("u", "")]);
}

/// Devices behind one address of record have one contact.
#[test]
fn pres_026_of_several_tuples_with_one_contact_each_takes_one_place() {
    let aor = |id: &str| tuple_at(id, "open", "example.net");
    let mut romeo = SipPresentity::watched();
    romeo.shows(&[aor("a"), aor("b")].concat());
    assert_eq!(romeo.shows(&[aor("c"), aor("b")].concat()), NOTHING);
    assert_eq!(romeo.shows(&[aor("d"), aor("e")].concat()), NOTHING);
    assert_eq!(romeo.shows(&aor("e")), [stanza("b", GONE)]);
    assert_eq!(romeo.shows(&[aor("f"), aor("g")].concat()), [stanza("g", "")]);
}

/// Without contacts a device is the same only where there is no other that it could be.
#[test]
fn pres_026_one_tuple_without_a_contact_keeps_the_resource_of_the_one_before() {
    let mut romeo = SipPresentity::watched();
    assert_eq!(romeo.shows(&tuple("x", "open", "")), [stanza("x", "")]);
    assert_eq!(romeo.shows(&tuple("y", "open", "")), NOTHING);
    let two = [tuple("v", "open", ""), tuple("w", "open", "")].concat();
    assert_eq!(romeo.shows(&two), [stanza("v", ""), stanza("w", ""), stanza("x", GONE)]);
    assert_eq!(romeo.shows(&tuple("u", "open", "")).len(), 3);
    let told = romeo.shows(&tuple_at("t", "open", "here"));
    assert_eq!(told, [stanza("t", ""), stanza("u", GONE)]);
}

/// Another gateway of RFC 8048: an id is the name of a device, and all have one contact.
#[test]
fn pres_026_an_id_that_names_a_device_counts_alone() {
    let im = |id: &str| tuple(id, "open", "<contact>im:romeo@example.net</contact>");
    let mut romeo = SipPresentity::watched();
    romeo.shows(&im("ID-orchard"));
    let told = romeo.shows(&im("ID-chamber"));
    assert_eq!(told, [stanza("chamber", ""), stanza("orchard", GONE)]);
}

#[test]
fn pres_026_by_rule_the_id_alone_counts() {
    let rules = "to_xmpp: { device: tuple }\n";
    let mut romeo = SipPresentity::watched_in(crate::world::World::verona_with(rules));
    romeo.shows(&tuple_at("x", "open", "here"));
    let told = romeo.shows(&tuple_at("y", "open", "here"));
    assert_eq!(told, [stanza("y", ""), stanza("x", GONE)]);
}

#[test]
fn pres_027_one_of_two_goes() {
    let mut romeo = SipPresentity::watched();
    romeo.shows(&[tuple("a", "open", ""), tuple("b", "open", "")].concat());
    let told = romeo.shows(&[tuple("a", "open", ""), tuple("b", "closed", "")].concat());
    assert_eq!(told, [stanza("b", GONE)]);
}

#[test]
fn pres_029_only_what_changed_is_told() {
    let mut romeo = SipPresentity::watched();
    let three = |of_b: &str| {
        [tuple("a", "open", ""), tuple("b", "open", of_b), tuple("c", "closed", "")].concat()
    };
    let told = romeo.shows(&three(""));
    assert_eq!(told, [stanza("a", ""), stanza("b", ""), stanza("c", GONE)]);
    let told = romeo.shows(&three("<note>back</note>"));
    assert_eq!(told, [filled("b", "", "<status>back</status>")]);
    assert_eq!(romeo.shows(&three("<note>back</note>")), [""; 0]);
}

#[test]
fn pres_030_a_tuple_that_vanished_is_gone() {
    let mut romeo = SipPresentity::watched();
    romeo.shows(&[tuple("a", "open", ""), tuple("b", "open", "<note>x</note>")].concat());
    assert_eq!(romeo.shows(&tuple("a", "open", "")), [stanza("b", GONE)]);
}

#[test]
fn pres_031_no_tuple_is_gone_altogether() {
    let mut romeo = SipPresentity::watched();
    assert_eq!(romeo.shows(""), [stanza("", GONE)]);
    assert_eq!(romeo.shows(""), [""; 0]);
    romeo.shows(&[tuple("a", "open", ""), tuple("b", "open", "")].concat());
    assert_eq!(romeo.shows(""), [stanza("a", GONE), stanza("b", GONE), stanza("", GONE)]);
}

#[test]
fn pres_032_no_tuple_but_a_note_is_not_told() {
    let mut romeo = SipPresentity::watched();
    assert_eq!(romeo.shows("<note>Wooing Juliet</note>"), [""; 0]);
    romeo.shows(&tuple("a", "open", ""));
    assert_eq!(romeo.shows("<note>Wooing Juliet</note>"), [stanza("a", GONE)]);
}

#[test]
fn pres_042_another_type_is_refused() {
    let mut romeo = SipPresentity::watched();
    let refused = romeo.notifies(&format!("{ACTIVE}Content-Type: text/plain\n"), "I am here");
    assert_eq!(refused.status.code(), 415);
    assert_eq!(refused.headers.get_text(&HeaderName::Accept), Some("application/pidf+xml"));
    assert_eq!(romeo.world.stanzas_sent(), [""; 0]);
    assert_eq!(romeo.shows(&tuple("a", "open", "")), [stanza("a", "")]);
}

#[test]
fn pres_054_an_unknown_basic_says_nothing() {
    let mut romeo = SipPresentity::watched();
    romeo.shows(&tuple("a", "open", "<note>x</note>"));
    let told = romeo.shows(&[tuple("a", "ajar", ""), tuple("b", "open", "")].concat());
    assert_eq!(told, [stanza("b", "")]);
    // The earlier state is kept: it is still there to be taken back.
    assert_eq!(romeo.shows(&tuple("b", "open", "")), [stanza("a", GONE)]);
}

#[test]
fn pres_053_no_basic_changes_no_availability() {
    let mut romeo = SipPresentity::watched();
    romeo.shows(&tuple("a", "open", ""));
    let located = "<tuple id='a'><status><x:loc xmlns:x='urn:example:x'/></status></tuple>";
    assert_eq!(romeo.shows(located), [""; 0]);
    assert_eq!(romeo.shows(&tuple("a", "closed", "")), [stanza("a", GONE)]);
}

/// A document in which each entity is ten of the one before.
fn billion_laughs() -> String {
    let entities: String = (1..10)
        .map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10)))
        .collect();
    document(&tuple("b", "open", "<note>&l9;</note>"))
        .replace("?>", &format!("?><!DOCTYPE presence [<!ENTITY l0 \"lol\">{entities}]>"))
}

#[test]
fn pres_057_no_document_type() {
    let mut romeo = SipPresentity::watched();
    romeo.shows(&tuple_at("a", "open", "a"));
    assert_eq!(romeo.notifies(PIDF, &billion_laughs()).status.code(), 400);
    let external = document(&tuple("b", "open", "<note>&e;</note>"))
        .replace("?>", "?><!DOCTYPE presence [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>");
    assert_eq!(romeo.notifies(PIDF, &external).status.code(), 400);
    assert_eq!(romeo.world.stanzas_sent(), [""; 0]);
    let told = romeo.shows(&tuple_at("b", "open", "b"));
    assert_eq!(told, [stanza("b", ""), stanza("a", GONE)]);
}

#[test]
fn pres_057_xinclude_is_an_unknown_element() {
    let mut romeo = SipPresentity::watched();
    let include =
        "<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='file:///etc/hosts'/>";
    assert_eq!(romeo.shows(&tuple("a", "open", include)), [stanza("a", "")]);
}

#[test]
fn pres_058_the_timestamp_blocks_no_document() {
    let at = |id: &str, time: &str, note: &str| {
        tuple(id, "open", &format!("{note}<timestamp>2026-11-22T{time}:00Z</timestamp>"))
    };
    let mut romeo = SipPresentity::watched();
    romeo.shows(&[at("a", "10:00", ""), at("b", "10:05", "")].concat());
    assert_eq!(romeo.shows(&at("a", "10:00", "")), [stanza("b", GONE)]);
    let told = romeo.shows(&at("a", "09:00", "<note>x</note>"));
    assert_eq!(told, [filled("a", "", "<status>x</status>")]);
}

#[test]
fn pres_060_rules_say_what_an_activity_is() {
    let rules = "to_xmpp:\n  activities: { on-the-phone: away, tv: chat, busy: none }\n  \
                 notes: { on-the-phone: { en: on the phone, cs: telefonuje } }\n";
    let mut romeo = SipPresentity::watched_in(crate::world::World::verona_with(rules));
    let person = |activity: &str| {
        let person = format!(
            "<dm:person xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' id='p'><r:activities \
             xmlns:r='urn:ietf:params:xml:ns:pidf:rpid'><r:{activity}/></r:activities></dm:person>"
        );
        [tuple("a", "open", ""), person].concat()
    };
    let told = romeo.shows(&person("on-the-phone"));
    let words = "<show>away</show><status xml:lang='en'>on the phone</status>\
                 <status xml:lang='cs'>telefonuje</status>";
    assert_eq!(told, [filled("a", "", words)]);
    assert_eq!(romeo.shows(&person("tv")), [filled("a", "", "<show>chat</show>")]);
    assert_eq!(romeo.shows(&person("busy")), [stanza("a", "")]);
}

#[test]
fn pres_062_the_mood_of_an_xmpp_user_stays_here() {
    let (mut world, _) = crate::presence_fixture::SipWatcher::granted();
    world.juliet_is("balcony", "<mood xmlns='http://jabber.org/protocol/mood'><happy/></mood>");
    let document = crate::presence_fixture::text(&world.document());
    assert!(!document.contains("mood") && !document.contains("happy"), "{document}");
    world.xmpp(
        "<message from='juliet@example.com' to='romeo@example.net' type='headline'>\
         <event xmlns='http://jabber.org/protocol/pubsub#event'>\
         <items node='http://jabber.org/protocol/mood'><item id='1'>\
         <mood xmlns='http://jabber.org/protocol/mood'><happy/></mood>\
         </item></items></event></message>",
    );
    world.no_document();
    assert_eq!(world.stanzas_sent(), [""; 0]);
}

#[test]
fn pres_066_a_timed_status_changes_nothing_when_its_time_comes() {
    let mut romeo = SipPresentity::watched();
    let timed = "<ts:timed-status xmlns:ts='urn:ietf:params:xml:ns:pidf:timed-status' \
                 from='2023-11-14T22:14:00Z'><ts:basic>closed</ts:basic></ts:timed-status>";
    assert_eq!(romeo.shows(&tuple("a", "open", timed)), [stanza("a", "")]);
    romeo.world.pass_ms(600_000);
    assert_eq!(romeo.world.stanzas_sent(), [""; 0]);
}

#[test]
fn pres_071_a_lower_cseq_is_refused() {
    let mut romeo = SipPresentity::watched();
    romeo.cseq = 4;
    romeo.shows(&tuple("a", "open", ""));
    romeo.cseq = 3;
    let late = romeo.notifies(PIDF, &document(&tuple("a", "closed", "")));
    assert_eq!(late.status.code(), 500);
    assert_eq!(romeo.world.stanzas_sent(), [""; 0]);
    romeo.cseq = 8;
    let told = romeo.shows(&tuple("a", "open", "<note>x</note>"));
    assert_eq!(told, [filled("a", "", "<status>x</status>")]);
}

#[test]
fn pres_071_no_document_keeps_the_previous_one() {
    let mut romeo = SipPresentity::watched();
    romeo.shows(&tuple("a", "open", ""));
    assert_eq!(romeo.shows_as(ACTIVE, ""), [""; 0]);
    assert_eq!(romeo.shows(&tuple("a", "open", "")), [""; 0]);
}

#[test]
fn pres_072_active_without_a_document_is_subscribed_alone() {
    let mut romeo = SipPresentity::asked();
    assert_eq!(romeo.notifies(ACTIVE, "").status.code(), 200);
    let told = romeo.world.stanzas_sent();
    assert_eq!(told.len(), 1);
    assert!(told[0].contains(" type='subscribed'"), "{told:?}");
}

#[test]
fn pres_072_a_new_dialog_without_a_document_withdraws_what_the_old_one_showed() {
    let mut romeo = SipPresentity::watched();
    romeo.shows(&tuple("a", "open", ""));
    romeo.begin_anew();
    assert_eq!(romeo.shows_as(ACTIVE, ""), [stanza("a", GONE)]);
}

#[test]
fn pres_057_a_refused_document_of_a_new_dialog_withdraws_nothing() {
    let mut romeo = SipPresentity::watched();
    romeo.shows(&tuple("a", "open", ""));
    romeo.begin_anew();
    assert_eq!(romeo.notifies(PIDF, &billion_laughs()).status.code(), 400);
    assert_eq!(romeo.world.stanzas_sent(), [""; 0]);
    assert_eq!(romeo.shows(&tuple("a", "open", "")), [""; 0]);
}

#[test]
fn pres_088_entity_is_not_used() {
    for entity in ["entity='sip:romeo@192.0.2.1'", "entity='pres:admin@example.net'", ""] {
        let mut romeo = SipPresentity::watched();
        let body =
            document(&tuple("a", "open", "")).replace("entity='pres:romeo@example.net'", entity);
        assert_eq!(romeo.world.counter("sip_notifies_foreign_entity"), 0);
        assert_eq!(romeo.shows_as(PIDF, &body), [stanza("a", "")], "{entity}");
        assert_eq!(romeo.world.counter("sip_notifies_foreign_entity"), 1, "{entity}");
    }
    let mut romeo = SipPresentity::watched();
    romeo.shows(&tuple("a", "open", ""));
    assert_eq!(romeo.world.counter("sip_notifies_foreign_entity"), 0);
}

#[test]
fn pres_092_who_comes_is_told_before_who_goes() {
    let mut romeo = SipPresentity::watched();
    romeo.shows(&tuple_at("x", "open", "a"));
    let told = romeo.shows(&tuple_at("y", "open", "b"));
    assert_eq!(told, [stanza("y", ""), stanza("x", GONE)]);
    let told = romeo.shows(&[tuple_at("y", "closed", "b"), tuple("z", "open", "")].concat());
    assert_eq!(told, [stanza("z", ""), stanza("y", GONE)]);
}

#[test]
fn pres_093_the_charset_parameter_goes_first() {
    let mut romeo = SipPresentity::watched();
    let latin = document(&tuple("a", "open", "<note>věž</note>")).replace("UTF-8", "ISO-8859-1");
    let utf_8 = PIDF.replace("pidf+xml", "pidf+xml;charset=utf-8");
    let told = romeo.shows_as(&utf_8, &latin);
    assert_eq!(told, [filled("a", "", "<status>věž</status>")]);
    let unknown = PIDF.replace("pidf+xml", "pidf+xml;charset=x-foo");
    assert_eq!(romeo.notifies(&unknown, &latin).status.code(), 415);
    assert_eq!(romeo.world.stanzas_sent(), [""; 0]);
}

#[test]
fn pres_094_what_is_no_document_is_refused() {
    let mut romeo = SipPresentity::watched();
    romeo.shows(&tuple_at("a", "open", "a"));
    let whole = document(&tuple("b", "open", ""));
    let foreign = whole.replace("urn:ietf:params:xml:ns:pidf", "urn:example:pidf");
    for bad in [&whole[..whole.len() - 12], &foreign, "<presence/>", "I am here"] {
        let refused = romeo.notifies(PIDF, bad);
        assert_eq!(refused.status.code(), 400, "{bad}");
        assert!(refused.headers.contains(&HeaderName::Warning), "{bad}");
        assert_eq!(romeo.world.stanzas_sent(), [""; 0], "{bad}");
    }
    let told = romeo.shows(&tuple_at("b", "open", "b"));
    assert_eq!(told, [stanza("b", ""), stanza("a", GONE)]);
}
