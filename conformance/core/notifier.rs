//! Romeo watches juliet (RFC 8048 §5.3, RFC 6665 §4.2): SUBSCRIBE comes in, NOTIFY goes out.

use stox::codec::sip::{HeaderName, Method};

use crate::scene::{basic, body, seconds, subscribe, substate};
use crate::world::World;

const NOTHING: [String; 0] = [];

#[test]
fn sub_046_a_subscribe_is_taken_and_juliet_is_asked() {
    let mut world = World::new();
    let (ok, notifies) = world.romeo_subscribes("w1", "Expires: 3600\n");
    assert_eq!(ok.status.code(), 200);
    assert_eq!(notifies.len(), 1);
    assert_eq!(
        (&notifies[0].method, substate(&notifies[0]).as_str()),
        (&Method::Notify, "pending;expires=3600")
    );
    let told = world.presences();
    assert_eq!(told.len(), 1);
    assert_eq!(format!("{:?}", told[0].kind), "Subscribe");
    assert_eq!(told[0].from.as_ref().expect("from").as_str(), "romeo@sip.xmpp.test");
    assert_eq!(told[0].to.as_ref().expect("to").as_str(), "juliet@xmpp.test");
}

#[test]
fn sub_047_the_response_does_not_wait_for_the_presentity() {
    let mut world = World::new();
    let before = world.now.instant;
    let (ok, _) = world.romeo_subscribes("w1", "");
    assert_eq!((ok.status.code(), world.now.instant), (200, before));
}

#[test]
fn sub_048_a_pending_notify_follows_at_once() {
    let mut world = World::new();
    world.sip(&subscribe("w1", "", 1, ""));
    let (responses, notifies) = world.sent();
    assert_eq!((responses.len(), notifies.len()), (1, 1));
    assert!(substate(&notifies[0]).starts_with("pending"));
    assert!(notifies[0].body.is_empty());
}

#[test]
fn sub_049_a_subscription_lasts_as_long_as_asked_or_less() {
    let mut world = World::patient("max_expires: 2h");
    let asked = [("", "3600"), ("Expires: 600\n", "600"), ("Expires: 9999999\n", "7200")];
    for (index, (headers, granted)) in asked.into_iter().enumerate() {
        let (ok, notifies) = world.romeo_subscribes(&format!("w{index}"), headers);
        assert_eq!(ok.headers.get_text(&HeaderName::Expires), Some(granted));
        assert_eq!(substate(&notifies[0]), format!("pending;expires={granted}"));
    }
}

#[test]
fn sub_050_what_is_too_brief_is_refused_unless_it_is_zero() {
    let mut world = World::new();
    let (brief, sent) = world.romeo_subscribes("w1", "Expires: 5\n");
    assert_eq!((brief.status.code(), sent), (423, vec![]));
    assert_eq!(brief.headers.get_text(&HeaderName::MinExpires), Some("60"));
    assert_eq!(world.romeo_subscribes("w2", "Expires: 0\n").0.status.code(), 200);
    assert_eq!(world.romeo_subscribes("w3", "Expires: 60\n").0.status.code(), 200);
}

#[test]
fn sub_051_other_events_are_refused() {
    let mut world = World::new();
    let without = subscribe("w1", "", 1, "").replace("Event: presence\n", "");
    for text in [subscribe("w2", "", 1, "Event: dialog\n"), without] {
        world.sip(&text);
        let response = world.response();
        assert_eq!(response.status.code(), 489);
        assert_eq!(response.headers.get_text(&HeaderName::AllowEvents), Some("presence"));
    }
}

#[test]
fn sub_059_the_request_has_an_id() {
    let mut world = World::new();
    world.romeo_subscribes("w1", "");
    let id = world.presences()[0].id.clone().expect("an id");
    assert!(!id.is_empty());
}

#[test]
fn sub_062_a_subscription_that_is_not_refreshed_is_removed() {
    let mut world = World::new();
    world.romeo_sees("w1");
    assert_eq!(world.subscriptions(), (0, 1));
    world.run_quietly(seconds(3_600));
    assert_eq!(world.subscriptions(), (0, 0));
}

#[test]
fn sub_063_a_refresh_tells_what_is_known() {
    let mut world = World::new();
    let mut watcher = world.romeo_watches("w1");
    world.juliet("subscribed");
    world.settle(200);
    world.told();
    let (ok, notifies) = watcher.again(&mut world, "Expires: 600\n");
    assert_eq!(ok.status.code(), 200);
    assert_eq!(substate(&notifies[0]), "active;expires=600");
    assert!(notifies[0].body.is_empty());
    world.answer(&notifies[0], 200);
    world.juliet_shows("balcony", "<show>dnd</show>");
    world.settle(200);
    let (ok, notifies) = watcher.again(&mut world, "Expires: 600\n");
    assert_eq!(ok.status.code(), 200);
    assert_eq!(basic(&notifies[0], "balcony"), "open");
    assert_eq!(world.told(), NOTHING);
}

#[test]
fn sub_064_without_a_refresh_it_ends_and_the_authorization_stays() {
    let mut world = World::new();
    world.romeo_sees("w1");
    let sent = world.run_quietly(seconds(3_600));
    assert_eq!(sent.len(), 1);
    assert_eq!(substate(&sent[0].1), "terminated;reason=timeout");
    assert_eq!(world.told(), ["unavailable"]);
    let (_, notifies) = world.romeo_subscribes("w2", "");
    assert!(substate(&notifies[0]).starts_with("active"));
}

#[test]
fn sub_065_expires_zero_ends_it_and_the_xmpp_user_sees_the_watcher_go() {
    let mut world = World::new();
    let mut watcher = world.romeo_sees("w1");
    let (ok, notifies) = watcher.again(&mut world, "Expires: 0\n");
    assert_eq!((ok.status.code(), notifies.len()), (200, 1));
    assert_eq!(ok.headers.get_text(&HeaderName::Expires), Some("0"));
    assert_eq!(substate(&notifies[0]), "terminated;reason=timeout");
    assert_eq!(basic(&notifies[0], "balcony"), "closed");
    assert_eq!(world.told(), ["unavailable"]);
}

#[test]
fn sub_065_a_watcher_whom_the_xmpp_user_sees_does_not_vanish() {
    let mut world = World::new();
    world.juliet_sees(&["dr4"]);
    let mut watcher = world.romeo_sees("w1");
    let (_, notifies) = watcher.again(&mut world, "Expires: 0\n");
    assert_eq!(basic(&notifies[0], "balcony"), "closed");
    assert_eq!(world.told(), NOTHING);
}

#[test]
fn sub_066_the_last_document_is_closed_though_the_presentity_is_there() {
    let mut world = World::new();
    let mut watcher = world.romeo_sees("w1");
    let mut other = world.romeo_subscribes("w2", "").1.remove(0);
    assert_eq!(basic(&other, "balcony"), "open");
    world.answer(&other, 200);
    other = watcher.again(&mut world, "Expires: 0\n").1.remove(0);
    assert_eq!(basic(&other, "balcony"), "closed");
}

#[test]
fn sub_066_of_whom_nothing_was_heard_it_is_closed_too() {
    let mut world = World::new();
    let mut watcher = world.romeo_watches("w1");
    world.juliet("subscribed");
    world.settle(200);
    let (_, notifies) = watcher.again(&mut world, "Expires: 0\n");
    assert!(body(&notifies[0]).contains("<basic>closed</basic>"));
}

#[test]
fn sub_067_the_end_of_one_direction_leaves_the_other() {
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a"]);
    let mut watcher = world.romeo_sees("w1");
    watcher.again(&mut world, "Expires: 0\n");
    world.settle(200);
    assert_eq!(
        world.notified(&subscribe, 2, "active;expires=3000", &crate::scene::open(&["b"])),
        200
    );
    assert_eq!(world.told(), ["available /b", "unavailable /a"]);
}

#[test]
fn sub_069_two_devices_are_one_watcher() {
    let mut world = World::new();
    let mut first = world.romeo_watches("w1");
    let mut second = world.romeo_watches("w2");
    assert_eq!(world.told(), ["subscribe"]);
    world.juliet("subscribed");
    assert_eq!(world.settle(200).len(), 2);
    world.told();
    first.again(&mut world, "Expires: 0\n");
    world.settle(200);
    assert_eq!(world.told(), NOTHING);
    second.again(&mut world, "Expires: 0\n");
    assert_eq!(world.told(), ["unavailable"]);
}

#[test]
fn sub_085_a_question_is_answered_from_what_is_known() {
    let mut world = World::new();
    let (ok, notifies) = world.romeo_subscribes("q1", "Expires: 0\n");
    assert_eq!(ok.status.code(), 200);
    assert!(notifies[0].body.is_empty());
    world.settle(200);
    world.romeo_sees("w1");
    world.juliet_shows("balcony", "<show>dnd</show>");
    world.settle(200);
    let (_, notifies) = world.romeo_subscribes("q2", "Expires: 0\n");
    assert_eq!(substate(&notifies[0]), "terminated;reason=timeout");
    assert_eq!(basic(&notifies[0], "balcony"), "open");
    assert!(body(&notifies[0]).contains("dnd"));
}

#[test]
fn sub_086_a_fetch_asks_the_presentity_for_nothing() {
    let mut world = World::new();
    let (_, notifies) = world.romeo_subscribes("q1", "Expires: 0\n");
    world.answer(&notifies[0], 200);
    assert_eq!(world.told(), NOTHING);
    world.pass_ms(24 * 3_600_000);
    assert_eq!((world.told(), world.requests()), (vec![], vec![]));
}

#[test]
fn sub_087_the_answer_to_a_question_ends_it() {
    let mut world = World::new();
    let (ok, notifies) = world.romeo_subscribes("q1", "Expires: 0\n");
    assert_eq!((ok.status.code(), notifies.len()), (200, 1));
    assert_eq!(substate(&notifies[0]), "terminated;reason=timeout");
}

#[test]
fn sub_093_both_may_ask_at_once() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.romeo_watches("w1");
    assert_eq!(world.told(), ["subscribe"]);
    world.answer(&subscribe, 200);
    world.notified(&subscribe, 1, "active;expires=3600", &crate::scene::open(&["a"]));
    assert_eq!(world.told(), ["subscribed", "available /a"]);
    world.juliet("subscribed");
    assert_eq!(substate(&world.requests()[0]), "active;expires=3600");
    assert_eq!(world.subscriptions(), (1, 1));
}

#[test]
fn sub_120_the_2xx_makes_a_dialog() {
    let mut world = World::new();
    let routes = "Record-Route: <sip:127.0.0.13;lr>\nRecord-Route: <sip:127.0.0.14;lr>\n";
    let (ok, notifies) = world.romeo_subscribes("w1", routes);
    assert!(ok.to.tag().is_some());
    let contact = ok.headers.get_text(&HeaderName::Contact).expect("a Contact").to_owned();
    assert!(contact.starts_with('<') && contact.contains(";gr=") && contact.ends_with('>'));
    let recorded: Vec<_> =
        ok.headers.all(&HeaderName::RecordRoute).map(|route| route.to_text()).collect();
    assert_eq!(recorded, ["<sip:127.0.0.13;lr>", "<sip:127.0.0.14;lr>"]);
    assert_eq!(ok.headers.get_text(&HeaderName::Expires), Some("3600"));
    assert!(!ok.headers.contains(&HeaderName::Event));
    let way: Vec<_> = notifies[0].headers.all(&HeaderName::Route).map(|it| it.to_text()).collect();
    assert_eq!(way, recorded);
    world.settle(200);
    let none = subscribe("w2", "", 1, "").replace("Contact: <sip:romeo@127.0.0.30:5070>\n", "");
    let two = subscribe("w3", "", 1, "Contact: <sip:a@127.0.0.30>, <sip:b@127.0.0.30>\n");
    let mail = subscribe("w4", "", 1, "Contact: <mailto:romeo@sip.test>\n");
    for text in [none, two, mail] {
        world.sip(&text);
        assert_eq!(world.codes(), [400]);
    }
}
