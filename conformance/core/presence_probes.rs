//! Probes of both sides (RFC 6121 §4.3, RFC 8048 §7), directed presence, and what has no dialog.

use stox::codec::sip::HeaderName;

use crate::presence_fixture::{
    ACTIVE, SipPresentity, SipWatcher, brief, document, header, stanza, tuple,
};
use crate::world::World;

const REMOTE_TIMEOUT: &str = "<error type='wait'><remote-server-timeout \
                              xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
const FORBIDDEN: &str = "<error type='auth'><forbidden \
                         xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";

#[test]
fn pres_077_a_stray_notify_is_refused() {
    let mut romeo = SipPresentity::watched();
    romeo.shows(&tuple("a", "open", ""));
    let other = "Event: dialog\nSubscription-State: active;expires=3600\n";
    assert_eq!(romeo.notifies(other, "").status.code(), 489);
    assert_eq!(romeo.notifies("Event: presence\n", "").status.code(), 400);
    let stray = romeo.notify(ACTIVE, "").replace("Call-ID: ", "Call-ID: x").replace("4bK", "4bKx");
    romeo.world.sip(&stray);
    assert_eq!(romeo.world.codes(), [481]);
    romeo.tag = "another";
    assert_eq!(romeo.notifies(ACTIVE, "").status.code(), 481);
    assert_eq!(romeo.world.stanzas_sent(), [""; 0]);
}

#[test]
fn pres_079_directed_presence_without_a_dialog_stays_here() {
    let mut world = World::verona();
    world.juliet_is("balcony", "<show>chat</show>");
    world.no_document();
    assert_eq!(world.stanzas_sent(), [""; 0]);
}

#[test]
fn pres_080_the_end_of_directed_presence_stays_here() {
    let mut world = World::verona();
    world.juliet_is("balcony", "");
    world.juliet_leaves("balcony");
    world.no_document();
    assert_eq!(world.stanzas_sent(), [""; 0]);
}

/// Juliet's devices a and b are there; romeo has renewed the subscription after a long silence, so
/// that juliet's server is probed.
fn probed() -> World {
    let (mut world, mut watch) = SipWatcher::granted();
    world.juliet_is("a", "");
    world.juliet_is("b", "");
    world.document();
    world.document();
    world.pass_ms(3_400_000);
    watch.subscribes(&mut world, "Event: presence\nExpires: 3600\n");
    world.pass_ms(3_400_000);
    watch.subscribes(&mut world, "Event: presence\nExpires: 3600\n");
    probe(&mut world);
    world
}

/// Juliet's server is probed, and nothing else is said.
fn probe(world: &mut World) {
    let told = world.stanzas_sent();
    assert!(told.len() == 1 && told[0].contains(" type='probe'"), "{told:?}");
}

fn out_of_reach(world: &mut World) {
    world.juliet_sends("", "type='error'", REMOTE_TIMEOUT);
}

#[test]
fn pres_081_a_domain_out_of_reach_is_closed() {
    let mut world = probed();
    out_of_reach(&mut world);
    assert_eq!(world.requests(), []);
    probe(&mut world);
    out_of_reach(&mut world);
    let document = world.document();
    assert!(header(&document, &HeaderName::SubscriptionState).starts_with("active;"));
    assert_eq!(brief(&document), "ID-a closed, ID-b closed");
    assert_eq!(world.stanzas_sent(), [""; 0]);
}

#[test]
fn pres_081_a_domain_out_of_reach_is_asked_again_with_growing_pauses() {
    let mut world = probed();
    out_of_reach(&mut world);
    probe(&mut world);
    out_of_reach(&mut world);
    world.document();
    for seconds in [60, 120, 240] {
        world.stanzas_sent();
        world.pass_ms(seconds * 1_000 - 5_001);
        assert_eq!(world.stanzas_sent(), [""; 0], "{seconds}");
        world.pass_ms(5_001);
        probe(&mut world);
        out_of_reach(&mut world);
        probe(&mut world);
        out_of_reach(&mut world);
        assert_eq!(world.requests(), []);
    }
    world.juliet_is("a", "");
    assert_eq!(brief(&world.document()), "ID-a open");
    world.pass_ms(2_000_000);
    assert_eq!(world.stanzas_sent(), [""; 0]);
}

#[test]
fn pres_082_an_error_that_answers_nothing_changes_nothing() {
    let mut romeo = SipPresentity::watched();
    romeo.shows(&tuple("a", "open", ""));
    romeo.world.juliet_sends("", "type='error'", REMOTE_TIMEOUT);
    romeo.world.juliet_sends("balcony", "type='error' id='s1'", FORBIDDEN);
    romeo.world.no_document();
    assert_eq!(romeo.shows(&tuple("a", "open", "")), [""; 0]);
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("a", "");
    world.document();
    for error in [REMOTE_TIMEOUT, FORBIDDEN] {
        world.juliet_sends("", "type='error'", error);
        world.no_document();
    }
    world.juliet_is("a", "<show>away</show>");
    assert_eq!(brief(&world.document()), "ID-a open");
}

#[test]
fn pres_083_a_living_dialog_answers_from_its_document() {
    let mut romeo = SipPresentity::watched();
    romeo.shows(&[tuple("a", "open", ""), tuple("b", "closed", "")].concat());
    romeo.world.pass_ms(61_000);
    romeo.world.juliet_sends("balcony", "type='probe'", "");
    assert_eq!(romeo.world.stanzas_sent(), [stanza("a", "")]);
    let refresh = romeo.world.request();
    assert_eq!(refresh.call_id, romeo.subscribe.call_id);
    assert_eq!((refresh.to.tag(), refresh.cseq.number), (Some("ffd2"), 2));
    romeo.world.answer(&refresh, 200);
    romeo.world.pass_ms(1_000);
    romeo.world.juliet_sends("chamber", "type='probe'", "");
    assert_eq!(romeo.world.stanzas_sent(), [stanza("a", "")]);
    assert_eq!(romeo.world.requests(), []);
}

#[test]
fn pres_083_without_a_dialog_the_subscription_begins_anew() {
    let mut romeo = SipPresentity::watched();
    romeo.world.juliet_is("balcony", "");
    romeo.world.juliet_leaves("balcony");
    // Juliet is not there: the server said so, and the subscription is not kept up.
    romeo.world.pass_ms(3_700_000);
    assert_eq!(romeo.world.requests(), []);
    assert_eq!(romeo.world.stanzas_sent(), [""; 0]);
    romeo.world.juliet_sends("balcony", "type='probe'", "");
    assert_eq!(romeo.world.stanzas_sent(), [""; 0]);
    let anew = romeo.world.request();
    assert_ne!(anew.call_id, romeo.subscribe.call_id);
    assert_eq!(header(&anew, &HeaderName::Expires), "3600");
    romeo.world.pass_ms(100);
    romeo.world.juliet_sends("chamber", "type='probe'", "");
    assert_eq!(romeo.world.requests(), []);
    romeo.world.answer(&anew, 200);
    romeo.subscribe = anew;
    assert_eq!(romeo.shows(&tuple("a", "open", "")), [stanza("a", "")]);
}

#[test]
fn pres_083_a_pending_request_answers_nothing() {
    let mut romeo = SipPresentity::asked();
    let pending = "Event: presence\nSubscription-State: pending;expires=3600\n";
    assert_eq!(romeo.notifies(pending, "").status.code(), 200);
    romeo.world.pass_ms(120_000);
    romeo.world.juliet_sends("balcony", "type='probe'", "");
    assert_eq!(romeo.world.requests(), []);
    assert_eq!(romeo.world.stanzas_sent(), [""; 0]);
}

#[test]
fn pres_083_nothing_stored_is_a_fetch() {
    let mut world = World::verona();
    world.juliet_sends("balcony", "type='probe' id='p1'", "");
    let fetch = world.request();
    assert_eq!(header(&fetch, &HeaderName::Expires), "0");
    assert_eq!(header(&fetch, &HeaderName::Event), "presence");
    assert_eq!(fetch.uri.as_str(), "sip:romeo@example.net");
    world.answer(&fetch, 200);
    world.pass_ms(1_000);
    world.juliet_sends("chamber", "type='probe' id='p2'", "");
    assert_eq!(world.requests(), []);
    let from = "sip:romeo@example.net";
    let mut romeo = SipPresentity { world, subscribe: fetch, cseq: 0, from, tag: "ffd2" };
    let over = "Event: presence\nSubscription-State: terminated;reason=timeout\n\
                Content-Type: application/pidf+xml\n";
    let told = romeo.shows_as(over, &document(&tuple("a", "open", "")));
    assert_eq!(told, [stanza("a", "")]);
}
