//! A NOTIFY that comes late (SUB-008), and who is not registered at the moment (SUB-111).

use stox::codec::sip::Request;

use crate::scene::{expires, notify, open, seconds, subscribe as of_romeo};
use crate::world::World;

const NOTHING: [String; 0] = [];
const HOUR: [&str; 1] = ["Expires: 3600"];

#[test]
fn sub_008_a_late_notify_is_taken_for_as_long_as_the_2xx_granted() {
    for late in [40_000, 1_700_000, 3_500_000] {
        let mut world = World::new();
        let subscribe = world.juliet_subscribes();
        world.answer_with(&subscribe, 200, &HOUR);
        // What is asked meanwhile is not answered before that.
        world.run(std::time::Duration::from_millis(late), |world, request| {
            world.answer_with(request, 200, &HOUR);
        });
        assert_eq!(world.told(), NOTHING);
        let (code, sent) = world.told_by_romeo(&subscribe, 1, "active;expires=600", &open(&["a"]));
        assert_eq!((code, sent), (200, vec![]), "{late}");
        assert_eq!(world.told(), ["subscribed", "available /a"]);
    }
}

#[test]
fn sub_008_who_has_not_decided_is_asked_again_at_half_of_the_granted_time() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    let granted =
        ["Expires: 3600", "Contact: <sip:192.0.2.4>", "Record-Route: <sip:127.0.0.13;lr>"];
    world.answer_with(&subscribe, 200, &granted);
    world.pass_ms(1_799_000);
    assert_eq!((world.requests(), world.told()), (vec![], vec![]));
    world.pass_ms(1_000);
    // Within what the 2xx would have made a dialog of: it is no new question on a screen.
    let again = world.request();
    assert_eq!((&again.call_id, again.from.tag()), (&subscribe.call_id, subscribe.from.tag()));
    assert_eq!((again.uri.as_str(), again.to.tag()), ("sip:192.0.2.4", Some("answering")));
    assert_eq!((expires(&again), again.cseq.number), (3_600, subscribe.cseq.number + 1));
    world.answer_with(&again, 200, &HOUR);
    world.pass_ms(1_799_000);
    assert_eq!((world.requests(), world.told()), (vec![], vec![]));
    world.pass_ms(1_000);
    let third = world.request();
    // Nothing is known there any more.
    world.answer(&third, 481);
    let anew = world.request();
    assert_ne!(anew.call_id, subscribe.call_id);
    assert_eq!((anew.to.tag(), world.told()), (None, vec![]));
}

/// A short time is no reason to ask more than once in a minute.
#[test]
fn sub_008_a_short_time_asks_no_more_often() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    let mut asked = 0;
    world.answer_with(&subscribe, 200, &["Expires: 12"]);
    world.run(seconds(600), |world, request| {
        asked += 1;
        world.answer_with(request, 200, &["Expires: 12"]);
    });
    assert_eq!((asked, world.told()), (10, vec![]));
}

#[test]
fn sub_008_without_a_2xx_timer_n_ends_the_attempt() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    let begin = world.now.instant;
    let mut again = None;
    world.run(seconds(100), |world, request| {
        if request.call_id != subscribe.call_id {
            again.get_or_insert((world.now.instant - begin).as_secs());
        }
    });
    assert!(again.is_some_and(|again| (92..=98).contains(&again)), "{again:?}");
    let (code, _) = world.told_by_romeo(&subscribe, 1, "active;expires=3600", &open(&["a"]));
    assert_eq!((code, world.told()), (481, vec![]));
}

/// A presentity that has granted it, and whose NOTIFY is lost, is asked again after the usual pause.
#[test]
fn sub_008_a_lost_notify_of_who_has_decided_is_asked_for_soon() {
    let mut world = World::new();
    let first = world.juliet_sees(&["a"]);
    world.told_by_romeo(&first, 2, "terminated;reason=giveup", "");
    assert_eq!(world.told(), ["unavailable /a"]);
    world.juliet_probes();
    let anew = world.request();
    world.answer_with(&anew, 200, &HOUR);
    world.pass_ms(32_000);
    assert_eq!(world.told(), ["unavailable"]);
    let again = world.awaited(seconds(140));
    assert_eq!(again.call_id, anew.call_id);
    world.answer_with(&again, 200, &HOUR);
    assert_eq!(world.notified(&anew, 1, "active;expires=3600", &open(&["a"])), 200);
    assert_eq!(world.told(), ["available /a"]);
}

#[test]
fn sub_008_who_is_not_waited_for_any_more_is_not_taken() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer_with(&subscribe, 200, &HOUR);
    world.pass_ms(60_000);
    world.juliet("unsubscribe");
    assert_eq!(world.told(), ["unsubscribed"]);
    let (code, _) = world.told_by_romeo(&subscribe, 1, "active;expires=600", &open(&["a"]));
    assert_eq!((code, world.told()), (481, vec![]));
    assert_eq!(world.run_quietly(seconds(7_200)), []);
}

#[test]
fn sub_008_the_granted_time_outlives_the_process() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer_with(&subscribe, 200, &HOUR);
    world.pass_ms(40_000);
    let mut world = world.killed(1_000);
    world.up();
    assert_eq!(world.run_quietly(seconds(1_000)), []);
    assert_eq!(world.told(), NOTHING);
    let (code, _) = world.told_by_romeo(&subscribe, 1, "active;expires=600", &open(&["a"]));
    assert_eq!(
        (code, world.told()),
        (200, vec!["subscribed".to_owned(), "available /a".to_owned()])
    );
    let refresh = world.awaited(seconds(600));
    assert_eq!(
        (refresh.to.tag(), refresh.uri.as_str()),
        (Some("ffd2"), "sip:romeo@127.0.0.30:5070")
    );
}

/// Juliet's request is answered so, and nothing else is sent.
fn unanswered(world: &mut World, code: u16, headers: &[&str]) -> Request {
    let subscribe = world.juliet_subscribes();
    world.answer_with(&subscribe, code, headers);
    assert_eq!((world.requests(), world.told()), (vec![], vec![]), "{code}");
    subscribe
}

/// The SUBSCRIBEs that were sent since the last look; what else was goes its way.
fn asked(world: &mut World) -> Vec<Request> {
    world.confirm_all();
    world.xmpp.clear();
    let (_, requests) = world.sent();
    let (subscribes, others): (Vec<Request>, Vec<Request>) =
        requests.into_iter().partition(|request| request.method.as_str() == "SUBSCRIBE");
    others.iter().for_each(|request| world.answer(request, 200));
    world.sip.clear();
    subscribes
}

#[test]
fn sub_111_who_is_heard_of_is_asked_at_once_and_once_in_a_minute() {
    for code in [404, 408, 480] {
        let mut world = World::new();
        unanswered(&mut world, code, &[]);
        world.pass_ms(5_000);
        world.romeo_says("m1", "here I am");
        let again = asked(&mut world);
        assert_eq!(again.len(), 1, "{code}");
        world.answer(&again[0], code);
        world.pass_ms(10_000);
        world.romeo_says("m2", "again");
        assert_eq!(asked(&mut world), [], "{code}");
        world.pass_ms(49_000);
        asked(&mut world);
        world.pass_ms(1_500);
        world.romeo_says("m3", "and again");
        let again = asked(&mut world);
        assert_eq!(again.len(), 1, "{code}");
        world.answer(&again[0], 200);
        assert_eq!(world.notified(&again[0], 1, "active;expires=600", &open(&["a"])), 200);
        assert_eq!(world.told(), ["subscribed", "available /a"]);
    }
}

#[test]
fn sub_111_subscribe_and_notify_are_signs_too_and_others_are_not() {
    let mut world = World::new();
    unanswered(&mut world, 404, &[]);
    world.sip(&of_romeo("w1", "", 1, "Expires: 600\n"));
    assert_eq!(asked(&mut world).len(), 1);

    // The nurse watches romeo, too, and is told something.
    let mut world = World::new();
    world.xmpp("<presence from='nurse@xmpp.test' to='romeo@sip.xmpp.test' type='subscribe'/>");
    let nurse = world.request();
    world.answer(&nurse, 200);
    unanswered(&mut world, 404, &[]);
    let text = notify(&nurse, 1, "active;expires=3600", &open(&["a"]));
    world.sip(&text.replace("juliet@xmpp.test", "nurse@xmpp.test"));
    assert_eq!(asked(&mut world).len(), 1);

    let mut world = World::new();
    unanswered(&mut world, 404, &[]);
    world.sip(&of_romeo("w1", "", 1, "Expires: 600\n").replace("romeo", "paris"));
    assert_eq!(asked(&mut world), []);
    // A Retry-After says when.
    let mut world = World::new();
    let first = unanswered(&mut world, 480, &["Retry-After: 120"]);
    world.romeo_says("m1", "here I am");
    assert_eq!(asked(&mut world), []);
    world.pass_ms(119_000);
    assert_eq!(asked(&mut world), []);
    assert_ne!(world.awaited(seconds(13)).call_id, first.call_id);
}

#[test]
fn sub_111_who_waits_is_known_after_a_restart() {
    let mut world = World::new();
    unanswered(&mut world, 404, &[]);
    world.pass_ms(5_000);
    let mut world = world.killed(1_000);
    world.up();
    world.romeo_says("m1", "here I am");
    assert_eq!(asked(&mut world).len(), 1);
}

#[test]
fn sub_111_nobody_is_asked_for_who_gave_it_up() {
    let mut world = World::new();
    unanswered(&mut world, 404, &[]);
    world.juliet("unsubscribe");
    assert_eq!(world.told(), ["unsubscribed"]);
    world.romeo_says("m1", "here I am");
    assert_eq!(asked(&mut world), []);
}
