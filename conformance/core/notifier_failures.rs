//! What ends a subscription of romeo's beside romeo: NOTIFYs that fail, requests that bounce.

use crate::scene::{seconds, substate};
use crate::world::World;

const NOTHING: [String; 0] = [];

#[test]
fn sub_070_a_notify_that_finds_no_dialog_removes_it() {
    for code in [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604] {
        let mut world = World::new();
        world.romeo_sees("w1");
        world.juliet_shows("balcony", "<show>dnd</show>");
        let notify = world.request();
        world.answer(&notify, code);
        assert_eq!(world.subscriptions(), (0, 0), "{code}");
    }
    for code in [500, 503, 400, 408] {
        let mut world = World::new();
        world.romeo_sees("w1");
        world.juliet_shows("balcony", "<show>dnd</show>");
        let notify = world.request();
        world.answer(&notify, code);
        let kept = u64::from(code != 408);
        assert_eq!(world.subscriptions(), (0, kept), "{code}");
    }
}

#[test]
fn sub_070_a_notify_without_an_answer_removes_it() {
    let mut world = World::new();
    world.romeo_sees("w1");
    world.juliet_shows("balcony", "<show>dnd</show>");
    world.pass_ms(33_000);
    assert_eq!(world.subscriptions(), (0, 0));
}

#[test]
fn sub_071_then_the_watcher_is_gone_and_may_come_back() {
    let mut world = World::new();
    world.romeo_sees("w1");
    world.juliet_shows("balcony", "<show>dnd</show>");
    let notify = world.request();
    world.answer(&notify, 481);
    assert_eq!(world.told(), ["unavailable"]);
    let (_, notifies) = world.romeo_subscribes("w2", "");
    assert!(substate(&notifies[0]).starts_with("active"));
}

#[test]
fn sub_074_silence_is_not_told_from_an_unknown_user() {
    let mut world = World::new();
    world.romeo_watches("w1");
    let sent = world.run_quietly(seconds(3_599));
    assert_eq!(sent, []);
    let sent = world.run_quietly(seconds(2));
    assert_eq!(substate(&sent[0].1), "terminated;reason=timeout");
    assert_eq!(world.told(), ["subscribe"]);
}

#[test]
fn sub_075_a_request_that_is_pending_for_long_is_given_up() {
    let mut world = World::patient("pending_limit: 30m");
    world.romeo_watches("w1");
    let sent = world.run_quietly(seconds(1_799));
    assert_eq!(sent, []);
    let sent = world.run_quietly(seconds(2));
    assert_eq!(sent.len(), 1);
    assert_eq!(substate(&sent[0].1), "terminated;reason=giveup;retry-after=300");
    assert_eq!(world.subscriptions(), (0, 0));
}

#[test]
fn sub_076_a_pending_watcher_asks_the_presentity_once() {
    let mut world = World::new();
    for call in ["w1", "w2", "w3"] {
        world.romeo_watches(call);
    }
    assert_eq!(world.told(), ["subscribe"]);
}

/// Juliet's server bounces the request of romeo.
fn bounced(world: &mut World, condition: &str) {
    let id = world.presences()[0].id.clone().expect("an id");
    world.xmpp(&format!(
        "<presence from='juliet@xmpp.test' to='romeo@sip.xmpp.test' id='{id}' type='error'>\
         <error type='cancel'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>\
         </presence>"
    ));
}

const OUTCOMES: [(&str, &str); 9] = [
    ("remote-server-timeout", "terminated;reason=probation;retry-after=300"),
    ("resource-constraint", "terminated;reason=probation;retry-after=300"),
    ("internal-server-error", "terminated;reason=probation;retry-after=300"),
    ("remote-server-not-found", "terminated;reason=noresource"),
    ("gone", "terminated;reason=noresource"),
    ("item-not-found", "terminated;reason=noresource"),
    ("forbidden", "terminated;reason=rejected"),
    ("not-allowed", "terminated;reason=rejected"),
    ("not-authorized", "terminated;reason=rejected"),
];

#[test]
fn sub_078_an_error_ends_the_request_as_its_kind_demands() {
    for (condition, state) in OUTCOMES {
        let mut world = World::new();
        world.romeo_watches("w1");
        bounced(&mut world, condition);
        assert_eq!(substate(&world.request()), state, "{condition}");
    }
    for condition in ["service-unavailable", "bad-request", "undefined-condition"] {
        let mut world = World::new();
        world.romeo_watches("w1");
        bounced(&mut world, condition);
        assert_eq!(world.requests(), [], "{condition}");
        assert_eq!(world.subscriptions(), (0, 1));
    }
}

#[test]
fn sub_061_exceptions_are_reported_to_the_watcher() {
    let outcomes = [
        ("item-not-found", Some("terminated;reason=noresource")),
        ("forbidden", Some("terminated;reason=rejected")),
        ("conflict", None),
    ];
    for (condition, state) in outcomes {
        let mut world = World::new();
        world.romeo_watches("w1");
        bounced(&mut world, condition);
        let told: Vec<_> = world.requests().iter().map(substate).collect();
        assert_eq!(told, state.into_iter().collect::<Vec<_>>(), "{condition}");
    }
}

#[test]
fn a_bounced_request_may_be_made_again() {
    let mut world = World::new();
    world.romeo_watches("w1");
    bounced(&mut world, "remote-server-timeout");
    world.settle(200);
    assert_eq!(world.told(), NOTHING);
    world.romeo_watches("w2");
    assert_eq!(world.told(), ["subscribe"]);
}

#[test]
fn at_the_bounds_a_subscription_is_refused() {
    let limits = "limits: { pairs: 2, pairs_per_user: 2, dialogs_per_pair: 2 }";
    let mut world = World::with(&format!("{}{limits}\n", crate::world::SETTINGS));
    world.up();
    world.romeo_watches("w1");
    world.romeo_watches("w2");
    let (full, sent) = world.romeo_subscribes("w3", "");
    assert_eq!((full.status.code(), sent.len()), (480, 0));
    assert!(full.headers.contains(&stox::codec::sip::HeaderName::RetryAfter));
    let other = |name: &str| {
        let text = crate::scene::subscribe(name, "", 1, "");
        text.replace("romeo@sip.test", &format!("{name}@sip.test"))
    };
    world.sip(&other("paris"));
    assert_eq!(world.answered().0.status.code(), 200);
    world.sip(&other("tybalt"));
    assert_eq!(world.answered().0.status.code(), 480);
    world.presences();
    let to = "mercutio@sip.xmpp.test";
    world.xmpp(&format!("<presence from='juliet@xmpp.test' to='{to}' id='s1' type='subscribe'/>"));
    let error = world.presences().remove(0).error.expect("an error");
    assert_eq!(error.condition.name(), "resource-constraint");
    assert_eq!(world.requests(), []);
}
