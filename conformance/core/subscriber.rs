//! Juliet asks to see romeo (RFC 8048 §5.2.1, RFC 6665 §4.1): from the first SUBSCRIBE to the
//! first document.

use stox::codec::sip::{HeaderName, Method};
use stox::codec::xmpp::Show;

use crate::scene::{expires, header, notify, open, pidf, seconds, tuple};
use crate::world::World;

const NOTHING: [String; 0] = [];

#[test]
fn sub_001_subscribe_becomes_an_initial_subscribe() {
    let mut world = World::new();
    world.xmpp(
        "<presence from='juliet@xmpp.test/balcony' to='romeo@sip.xmpp.test' id='s1' \
         type='subscribe'/>",
    );
    let request = world.request();
    assert_eq!(request.method, Method::Subscribe);
    assert_eq!(request.uri.as_str(), "sip:romeo@sip.test");
    assert_eq!(request.from.uri().as_str(), "sip:juliet@xmpp.test");
    assert!(request.from.tag().is_some());
    assert_eq!(request.to.uri().as_str(), "sip:romeo@sip.test");
    assert_eq!(request.to.tag(), None);
    assert_eq!(header(&request, &HeaderName::Event), "presence");
    assert_eq!(header(&request, &HeaderName::Accept), "application/pidf+xml");
    assert_eq!(expires(&request), 3_600);
    let contacts: Vec<_> = request.headers.all(&HeaderName::Contact).collect();
    assert_eq!(contacts.len(), 1);
    let contact = contacts[0].to_text();
    let inside = contact.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).expect("in <>");
    assert!(inside.contains(";gr="), "{inside}");
    assert!(!inside.contains("balcony"), "{inside}");
}

#[test]
fn sub_002_full_jids_stand_for_bare_ones() {
    let mut world = World::new();
    world.xmpp("<presence from='juliet@xmpp.test' to='romeo@sip.xmpp.test/x' type='subscribe'/>");
    let subscribe = world.request();
    assert_eq!(subscribe.uri.as_str(), "sip:romeo@sip.test");
    world.answer(&subscribe, 200);
    assert_eq!(world.notified(&subscribe, 1, "active;expires=3600", ""), 200);
    assert_eq!(world.told(), ["subscribed"]);
    world.xmpp(
        "<presence from='juliet@xmpp.test/yn0' to='romeo@sip.xmpp.test' type='unsubscribe'/>",
    );
    let end = world.request();
    assert_eq!((&end.call_id, expires(&end)), (&subscribe.call_id, 0));
}

#[test]
fn sub_003_a_2xx_alone_tells_the_xmpp_user_nothing() {
    for code in [200, 202] {
        let mut world = World::new();
        let subscribe = world.juliet_subscribes();
        world.answer(&subscribe, code);
        assert_eq!(world.told(), NOTHING);
    }
}

#[test]
fn sub_004_a_pending_notify_is_answered_and_shows_nothing() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 200);
    assert_eq!(world.notified(&subscribe, 1, "pending;expires=3600", ""), 200);
    assert_eq!(world.notified(&subscribe, 2, "pending;expires=3600", &open(&["a"])), 200);
    assert_eq!(world.told(), NOTHING);
}

#[test]
fn sub_005_the_first_active_notify_tells_subscribed_and_then_the_presence() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 200);
    let away = tuple("ID-dr4hcr0st3lup4c", "open", "<show xmlns='jabber:client'>away</show>");
    assert_eq!(world.notified(&subscribe, 1, "active;expires=3600", &pidf(&away)), 200);
    let told = world.presences();
    assert_eq!(told.len(), 2);
    assert_eq!(told[0].from.as_ref().expect("from").as_str(), "romeo@sip.xmpp.test");
    assert_eq!(format!("{:?}", told[0].kind), "Subscribed");
    let from = told[1].from.as_ref().expect("from").as_str();
    assert_eq!(from, "romeo@sip.xmpp.test/dr4hcr0st3lup4c");
    assert_eq!(told[1].show, Some(Show::Away));
}

#[test]
fn sub_006_subscribed_is_told_once() {
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a"]);
    let refresh = world.awaited(seconds(3_240));
    world.answer(&refresh, 200);
    assert_eq!(world.notified(&subscribe, 2, "active;expires=3600", &open(&["a"])), 200);
    assert_eq!(world.told(), NOTHING);
}

#[test]
fn sub_007_a_notify_may_come_before_the_response() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    assert_eq!(world.notified(&subscribe, 1, "active;expires=3600", &open(&["a"])), 200);
    world.answer(&subscribe, 200);
    assert_eq!(world.told(), ["subscribed", "available /a"]);
    assert_eq!(world.subscriptions(), (1, 0));
    world.pass_ms(60_000);
    assert_eq!(world.requests(), []);
}

/// RFC 6665 §4.1.2.2: a refresh without a NOTIFY ends the subscription too.
#[test]
fn a_refresh_without_a_notify_ends_the_subscription() {
    let mut world = World::new();
    world.juliet_sees(&["a"]);
    let refresh = world.awaited(seconds(3_240));
    world.answer(&refresh, 200);
    assert_eq!(world.told(), NOTHING);
    world.pass_ms(32_000);
    assert_eq!(world.told(), ["unavailable /a"]);
}

#[test]
fn sub_010_the_route_set_comes_from_the_notify() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer_with(&subscribe, 200, &["Record-Route: <sip:127.0.0.99;lr>"]);
    let text = notify(&subscribe, 1, "active;expires=100", &open(&["a"])).replace(
        "Event:",
        "Record-Route: <sip:127.0.0.13;lr>\nRecord-Route: <sip:127.0.0.14;lr>\nEvent:",
    );
    world.sip(&text);
    world.responses();
    world.pass_ms(90_000);
    let refresh = world.requests().remove(0);
    let routes: Vec<_> = refresh.headers.all(&HeaderName::Route).map(|it| it.to_text()).collect();
    assert_eq!(routes, ["<sip:127.0.0.13;lr>", "<sip:127.0.0.14;lr>"]);
    assert_eq!(refresh.uri.as_str(), "sip:romeo@127.0.0.30:5070");
    assert_eq!(refresh.to.tag(), Some("ffd2"));
}

#[test]
fn sub_011_one_subscribe_makes_one_dialog() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 200);
    assert_eq!(world.notified(&subscribe, 1, "active;expires=3600", &open(&["a"])), 200);
    let fork = notify(&subscribe, 2, "active;expires=3600", &open(&["b"])).replace("ffd2", "f0rk");
    world.sip(&fork);
    assert_eq!(world.codes(), [481]);
    assert_eq!(world.told(), ["subscribed", "available /a"]);
}

#[test]
fn sub_012_the_event_is_compared_octet_by_octet() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 200);
    for (event, code) in [("presence;id=1", 481), ("presence;x=y", 200), ("Presence", 489)] {
        let text = notify(&subscribe, u32::from(code), "pending;expires=3600", "");
        world.sip(&text.replace("Event: presence", &format!("Event: {event}")));
        assert_eq!(world.codes(), [code], "{event}");
    }
    let (response, _) = world.romeo_subscribes("w1", "Event: Presence\n");
    assert_eq!(response.status.code(), 489);
}

#[test]
fn sub_014_the_subscription_state_says_how_long_it_lasts() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer_with(&subscribe, 200, &["Expires: 3600"]);
    assert_eq!(world.notified(&subscribe, 1, "active;expires=499", ""), 200);
    world.pass_ms(399_000);
    assert_eq!(world.requests(), []);
    world.pass_ms(99_000);
    let refresh = world.requests().remove(0);
    assert_eq!(refresh.call_id, subscribe.call_id);
    assert_eq!(refresh.to.tag(), Some("ffd2"));
}

#[test]
fn sub_031_a_notify_is_answered_at_once() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    let before = world.now.instant;
    assert_eq!(world.notified(&subscribe, 1, "pending;expires=3600", ""), 200);
    assert_eq!(world.now.instant, before);
}

#[test]
fn sub_032_cancel_changes_nothing() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 200);
    let text = notify(&subscribe, 1, "active;expires=3600", &open(&["a"]));
    world.sip(&text);
    assert_eq!(world.codes(), [200]);
    world.sip(
        &text
            .split_once("\n\n")
            .expect("a head")
            .0
            .replace(" NOTIFY", " CANCEL")
            .replace("NOTIFY sip:", "CANCEL sip:")
            .replace("Content-Type: application/pidf+xml\n", ""),
    );
    assert_eq!(world.codes(), [200]);
    let watcher = world.romeo_watches("w1");
    let cancel = crate::scene::subscribe("w1", "", 1, "").replace("SUBSCRIBE", "CANCEL");
    world.sip(&cancel);
    assert_eq!(world.codes(), [200]);
    assert_eq!(world.subscriptions(), (1, 1));
    let mut watcher = watcher;
    assert_eq!(watcher.again(&mut world, "Expires: 600\n").0.status.code(), 200);
}

#[test]
fn sub_077_subscription_stanzas_are_between_bare_jids() {
    let mut world = World::new();
    world.juliet_sees(&["a"]);
    world.romeo_watches("w1");
    world.juliet("unsubscribe");
    let end = world.request();
    world.answer(&end, 200);
    let told = world.presences();
    let kinds: Vec<_> = told.iter().map(|it| format!("{:?}", it.kind)).collect();
    assert_eq!(kinds, ["Subscribe", "Unavailable", "Unsubscribed"]);
    for stanza in told.iter().filter(|it| format!("{:?}", it.kind).contains("ubscribe")) {
        assert_eq!(stanza.from.as_ref().expect("from").as_str(), "romeo@sip.xmpp.test");
        assert_eq!(stanza.to.as_ref().expect("to").as_str(), "juliet@xmpp.test");
    }
}

#[test]
fn sub_124_an_unknown_state_counts_as_pending() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 200);
    assert_eq!(world.notified(&subscribe, 1, "foo;expires=60", &open(&["a"])), 200);
    assert_eq!(world.told(), NOTHING);
    world.pass_ms(47_000);
    assert_eq!(world.requests(), []);
    world.pass_ms(8_000);
    assert_eq!(world.requests().remove(0).call_id, subscribe.call_id);
}
