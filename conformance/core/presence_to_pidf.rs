//! Juliet's stanzas become romeo's documents (RFC 8048 §6.2): what stands in them.
//!
//! What one field becomes is in the table `conformance/vectors/presence.txt`.

use stox::codec::sip::HeaderName;

use crate::presence_fixture::{SipWatcher, brief, header, outline, text, tuples};
use crate::world::World;

#[test]
fn pres_001_only_state_becomes_notify() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("balcony", "");
    world.document();
    world.xmpp("<presence from='juliet@example.com' to='romeo@example.net' type='subscribe'/>");
    let (responses, requests) = world.sip_sent();
    assert_eq!(responses, []);
    assert!(requests.iter().all(|request| request.method.as_str() != "NOTIFY"), "{requests:?}");
    world.xmpp("<presence from='juliet@example.com' to='romeo@example.net' type='unsubscribe'/>");
    world.pass_ms(40_000);
    let (_, requests) = world.sip_sent();
    assert!(requests.iter().all(|request| request.method.as_str() != "NOTIFY"), "{requests:?}");
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("balcony", "");
    world.document();
    for kind in ["probe", "error", "subscribed"] {
        world.juliet_sends("balcony", &format!("type='{kind}'"), "");
        world.pass_ms(10_000);
        let (_, requests) = world.sip_sent();
        assert!(
            requests.iter().all(|request| request.method.as_str() != "NOTIFY"),
            "{kind}: {requests:?}"
        );
    }
}

#[test]
fn pres_002_resource_becomes_tuple_id() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("yn0cl4bnw0yr3vym", "");
    let document = world.document();
    assert!(text(&document).contains("<tuple id='ID-yn0cl4bnw0yr3vym'>"), "{}", text(&document));
}

#[test]
fn pres_003_any_resource_has_an_id_of_its_own() {
    let (mut world, _) = SipWatcher::granted();
    let resources = ["Foo bar/1", "Foo_x0020_bar/1", "Foo:bar@1", "\u{263A}", "1", "ID-1", "foo"];
    for resource in resources {
        world.juliet_is(resource, "");
    }
    let first = world.document();
    world.juliet_is("foo", "<show>away</show>");
    let second = world.document();
    let ids = |document| outline(document).into_iter().map(|(id, ..)| id).collect::<Vec<_>>();
    let all = ids(&second);
    assert_eq!(all.len(), resources.len());
    // An NCName (XML Namespaces 1.0 §4).
    let legal = |id: &String| {
        id.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && id.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
    };
    assert!(all.iter().all(legal), "{all:?}");
    let distinct: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len(), "{all:?}");
    // Stable: what the first document had the second has too.
    assert!(ids(&first).iter().all(|id| all.contains(id)), "{all:?}");
    assert_eq!(ids(&first)[0], all[0]);
}

#[test]
fn pres_007_type_becomes_basic() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("balcony", "");
    assert_eq!(brief(&world.document()), "ID-balcony open");
    world.juliet_leaves("balcony");
    assert_eq!(brief(&world.document()), "ID-balcony closed");
}

#[test]
fn pres_008_who_leaves_is_shown_closed_once() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("a", "");
    world.document();
    world.juliet_is("b", "");
    world.document();
    world.juliet_leaves("b");
    let left = world.document();
    assert_eq!(brief(&left), "ID-a open, ID-b closed");
    assert!(header(&left, &HeaderName::SubscriptionState).starts_with("active;"));
    world.juliet_is("a", "<show>away</show>");
    assert_eq!(brief(&world.document()), "ID-a open");
}

#[test]
fn pres_008_the_last_one_stays_as_a_closed_tuple() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("yn0cl4bnw0yr3vym", "");
    let open = world.document();
    world.juliet_leaves("yn0cl4bnw0yr3vym");
    let closed = world.document();
    assert_eq!(brief(&closed), "ID-yn0cl4bnw0yr3vym closed");
    assert!(header(&closed, &HeaderName::SubscriptionState).starts_with("active;"));
    world.juliet_is("yn0cl4bnw0yr3vym", "");
    let again = world.document();
    assert_eq!((&again.call_id, again.to.tag()), (&open.call_id, open.to.tag()));
    assert_eq!(brief(&again), "ID-yn0cl4bnw0yr3vym open");
}

#[test]
fn pres_008_two_who_leave_within_one_interval_are_both_shown_closed() {
    let (mut world, _) = SipWatcher::granted();
    for device in ["a", "b", "c"] {
        world.juliet_is(device, "");
    }
    world.document();
    world.document();
    world.juliet_is("a", "<show>xa</show>");
    world.document();
    world.juliet_leaves("b");
    world.juliet_leaves("c");
    world.juliet_is("a", "");
    assert_eq!(brief(&world.document()), "ID-a open, ID-b closed, ID-c closed");
    world.juliet_is("a", "<show>xa</show>");
    assert_eq!(brief(&world.document()), "ID-a open");
}

#[test]
fn pres_009_language_of_one_stanza() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_sends("balcony", "xml:lang='cs'", "<status>hned</status>");
    let document = world.document();
    assert_eq!(header(&document, &HeaderName::ContentLanguage), "cs");
    assert!(text(&document).contains("<note xml:lang='cs'>hned</note>"), "{}", text(&document));
}

#[test]
fn pres_009_languages_of_several_stanzas() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_sends("a", "xml:lang='cs'", "<status>hned</status>");
    world.juliet_sends("b", "xml:lang='en'", "<status>soon</status>");
    world.juliet_sends("c", "xml:lang='cs'", "");
    world.document();
    let document = world.document();
    assert_eq!(header(&document, &HeaderName::ContentLanguage), "cs, en");
    let tuples = tuples(&document);
    assert!(tuples[0].contains("<note xml:lang='cs'>hned</note>"), "{tuples:?}");
    assert!(tuples[1].contains("<note xml:lang='en'>soon</note>"), "{tuples:?}");
}

#[test]
fn pres_009_no_language_and_what_is_none() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("balcony", "<status>soon</status>");
    let document = world.document();
    assert!(!document.headers.contains(&HeaderName::ContentLanguage));
    world.juliet_sends("balcony", "xml:lang='c s, x'", "<status>soon</status>");
    world.juliet_sends("orchard", "", "");
    let document = world.document();
    assert!(!document.headers.contains(&HeaderName::ContentLanguage), "{document:?}");
}

#[test]
fn pres_012_a_negative_priority_is_open() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("balcony", "<priority>-1</priority>");
    let document = world.document();
    assert_eq!(brief(&document), "ID-balcony open");
    assert!(!text(&document).contains("priority"), "{}", text(&document));
}

#[test]
fn pres_028_one_document_has_all_devices() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("a", "<show>dnd</show>");
    world.document();
    world.juliet_is("b", "");
    world.document();
    world.juliet_is("b", "<show>xa</show>");
    let tuples = tuples(&world.document());
    assert_eq!(tuples.len(), 2);
    assert!(tuples[0].contains("id='ID-a'") && tuples[0].contains(">dnd<"), "{tuples:?}");
    assert!(tuples[1].contains("id='ID-b'") && tuples[1].contains(">xa<"), "{tuples:?}");
}

#[test]
fn pres_033_the_last_one_is_never_left_out() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("a", "");
    world.document();
    world.juliet_is("b", "");
    world.document();
    world.juliet_leaves("a");
    world.juliet_leaves("b");
    let document = world.document();
    assert_eq!(brief(&document), "ID-a closed, ID-b closed");
    world.juliet_is("c", "");
    world.document();
    world.juliet_leaves("c");
    assert_eq!(brief(&world.document()), "ID-c closed");
}

#[test]
fn pres_033_presence_without_a_resource_has_one_constant_id() {
    let id_of = |attributes: &str| {
        let (mut world, _) = SipWatcher::granted();
        world.juliet_sends("", attributes, "");
        let outline = outline(&world.document());
        assert_eq!(outline.len(), 1);
        outline[0].clone()
    };
    let (closed, open) = (id_of("type='unavailable'"), id_of(""));
    assert_eq!((&*closed.1, &*open.1), ("closed", "open"));
    assert_eq!(closed.0, open.0);
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("balcony", "");
    assert_ne!(outline(&world.document())[0].0, closed.0);
}

#[test]
fn pres_033_silence_to_a_probe_is_one_closed_tuple() {
    let (mut world, _) = SipWatcher::granted();
    world.pass_ms(10_000);
    let silent = outline(&world.document());
    let (mut world, _) = SipWatcher::granted();
    world.juliet_sends("", "type='unavailable'", "");
    let answered = outline(&world.document());
    assert_eq!((silent.len(), &silent[0].0, &*silent[0].1), (1, &answered[0].0, "closed"));
}

#[test]
fn pres_035_entity_is_a_pres_uri() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("balcony", "");
    let document = world.document();
    assert_eq!(document.from.uri().as_str(), "sip:juliet@example.com");
    assert!(text(&document).contains(" entity='pres:juliet@example.com'"), "{}", text(&document));
}

#[test]
fn pres_035_entity_and_contact_are_mailboxes() {
    let mut world = World::verona();
    let mut watch = SipWatcher::of("romeo", "w1");
    let uri = |text: String| text.replace("sip:juliet@", "sip:ju(li)%C3%A9t@");
    let subscribe = watch.subscribe("Event: presence\nExpires: 3600\n");
    world.sip(&uri(subscribe));
    let (_, requests) = world.sip_sent();
    world.answer(&requests[0], 200);
    let from = "from='ju(li)ét@example.com";
    world.xmpp(&format!("<presence {from}' to='romeo@example.net' type='subscribed'/>"));
    world.document();
    world.xmpp(&format!("<presence {from}/balcony' to='romeo@example.net'/>"));
    let document = world.document();
    assert_eq!(document.from.uri().as_str(), "sip:ju(li)%C3%A9t@example.com");
    let text = text(&document);
    assert!(text.contains(" entity='pres:ju%28li%29%C3%A9t@example.com'"), "{text}");
    assert!(text.contains("<contact>im:ju%28li%29%C3%A9t@example.com</contact>"), "{text}");
}

#[test]
fn pres_036_a_rule_says_the_charset() {
    let world = World::verona_with("to_sip: { charset: true }\n");
    let (mut world, _) = SipWatcher::granted_in(world);
    world.juliet_is("balcony", "");
    let document = world.document();
    let media_type = header(&document, &HeaderName::ContentType);
    assert_eq!(media_type, "application/pidf+xml;charset=utf-8");
}

#[test]
fn pres_013_a_rule_leaves_show_out() {
    let rules = "to_sip: { show: false, activities: { xa: vacation, dnd: none } }\n";
    let (mut world, _) = SipWatcher::granted_in(World::verona_with(rules));
    world.juliet_is("balcony", "<show>xa</show>");
    let document = text(&world.document());
    assert!(!document.contains("show"), "{document}");
    assert!(document.contains("<rpid:vacation/>"), "{document}");
    world.juliet_is("balcony", "<show>dnd</show>");
    let document = text(&world.document());
    assert!(!document.contains("rpid") && !document.contains("show"), "{document}");
}

#[test]
fn pres_036_media_type_without_charset() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("balcony", "<status>věž</status>");
    let document = world.document();
    assert_eq!(header(&document, &HeaderName::ContentType), "application/pidf+xml");
}

#[test]
fn pres_084_avatar_and_capabilities_stay_behind() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is(
        "balcony",
        "<x xmlns='vcard-temp:x:update'><photo>sha1-of-avatar</photo></x>\
         <c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='http://client' ver='qq'/>",
    );
    let document = text(&world.document());
    for trace in ["vcard", "photo", "caps", "client'", "qq"] {
        assert!(!document.contains(trace), "{document}");
    }
}
