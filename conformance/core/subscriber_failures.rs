//! What romeo's side answers to SUBSCRIBE (RFC 8048 §5.2.2, RFC 6665 §4.1.2).

use stox::codec::sip::Request;

use crate::scene::{expires, open, seconds};
use crate::world::World;

const NOTHING: [String; 0] = [];

/// A refresh of juliet's: the time of it has come.
fn refresh(world: &mut World) -> Request {
    let refresh = world.awaited(seconds(3_240));
    assert_eq!(refresh.to.tag(), Some("ffd2"));
    refresh
}

#[test]
fn sub_013_a_202_counts_as_200() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 202);
    world.notified(&subscribe, 1, "active;expires=3600", &open(&["a"]));
    assert_eq!(world.told(), ["subscribed", "available /a"]);
    let (response, notifies) = world.romeo_subscribes("w1", "");
    assert_eq!(response.status.code(), 200);
    assert!(crate::scene::substate(&notifies[0]).starts_with("pending"));
}

#[test]
fn sub_018_what_is_refused_for_good_is_cancelled() {
    for code in [403, 489, 603] {
        let mut world = World::new();
        let subscribe = world.juliet_subscribes();
        world.answer(&subscribe, code);
        assert_eq!(world.told(), ["unsubscribed"], "{code}");
        world.pass_ms(24 * 3_600_000);
        assert_eq!(world.requests(), [], "{code}");
    }
}

#[test]
fn sub_018_a_refused_refresh_shows_nothing_any_more() {
    for code in [403, 603] {
        let mut world = World::new();
        let subscribe = world.juliet_sees(&["a"]);
        let refresh = refresh(&mut world);
        world.answer(&refresh, code);
        assert_eq!(world.told(), ["unavailable /a", "unsubscribed"]);
        assert_eq!(world.notified(&subscribe, 2, "active;expires=300", &open(&["a"])), 200);
        world.pass_ms(3_600_000);
        assert_eq!((world.told(), world.requests()), (vec![], vec![]), "{code}");
    }
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a"]);
    let refresh = refresh(&mut world);
    world.answer(&refresh, 489);
    assert_eq!(world.told(), ["unavailable /a", "unsubscribed"]);
    assert_eq!(world.notified(&subscribe, 2, "active;expires=300", &open(&["a"])), 481);
    world.pass_ms(3_600_000);
    assert_eq!((world.told(), world.requests()), (vec![], vec![]));
}

#[test]
fn sub_019_a_423_is_followed_and_a_481_begins_anew() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer_with(&subscribe, 423, &["Min-Expires: 7200"]);
    let longer = world.request();
    assert_eq!(expires(&longer), 7_200);
    world.answer_with(&longer, 423, &["Min-Expires: 9000"]);
    assert_eq!(world.requests(), [], "no loop");
    assert_eq!(world.told().len(), 1);
    for header in [&["Min-Expires: 3600"][..], &[]] {
        let mut world = World::new();
        let subscribe = world.juliet_subscribes();
        world.answer_with(&subscribe, 423, header);
        assert_eq!(world.requests(), []);
        assert!(world.told()[0].starts_with("error "));
    }

    let mut world = World::new();
    world.juliet_sees(&["a"]);
    let refresh = refresh(&mut world);
    world.answer(&refresh, 481);
    let anew = world.request();
    assert_ne!(anew.call_id, refresh.call_id);
    assert_ne!(anew.from.tag(), refresh.from.tag());
    assert_eq!((anew.to.tag(), world.told()), (None, vec![]));
}

#[test]
fn sub_020_a_refresh_that_ends_the_dialog_is_followed_by_another_one_later() {
    for code in [404, 405, 410, 416, 480, 482, 483, 484, 485, 501, 604] {
        let mut world = World::new();
        world.juliet_sees(&["a"]);
        let refresh = refresh(&mut world);
        world.answer(&refresh, code);
        assert_eq!(world.told(), ["unavailable /a"], "{code}");
        world.pass_ms(59_000);
        assert_eq!(world.requests(), [], "{code}");
        world.pass_ms(8_000);
        let anew = world.requests().remove(0);
        assert_ne!(anew.call_id, refresh.call_id);
        assert_ne!(anew.from.tag(), refresh.from.tag());
    }
}

#[test]
fn sub_021_a_refresh_that_fails_otherwise_leaves_the_subscription() {
    for code in [500, 503, 408, 400] {
        let mut world = World::new();
        let subscribe = world.juliet_sees(&["a"]);
        let refresh = refresh(&mut world);
        world.answer(&refresh, code);
        assert_eq!(world.told(), NOTHING, "{code}");
        world.notified(&subscribe, 2, "active", &open(&["a", "b"]));
        assert_eq!(world.told(), ["available /b"], "{code}");
        world.pass_ms(60_000);
        let again = world.requests().remove(0);
        assert_eq!(again.call_id, subscribe.call_id, "{code}");
    }
}

#[test]
fn sub_021_a_refresh_without_an_answer_leaves_the_subscription() {
    let mut world = World::new();
    world.juliet_sees(&["a"]);
    refresh(&mut world);
    world.pass_ms(33_000);
    assert_eq!(world.told(), NOTHING);
}

#[test]
fn sub_022_who_is_not_there_is_reported() {
    let words =
        [(604, "item-not-found"), (484, "item-not-found"), (485, "item-not-found"), (410, "gone")];
    for (code, condition) in words {
        let mut world = World::new();
        let subscribe = world.juliet_subscribes();
        world.answer(&subscribe, code);
        let told = world.presences();
        assert_eq!((told.len(), told[0].id.as_deref()), (1, Some("s1")), "{code}");
        assert_eq!(told[0].error.as_ref().expect("an error").condition.name(), condition);
        world.pass_ms(24 * 3_600_000);
        assert_eq!(world.requests(), []);
    }
}

#[test]
fn sub_022_who_is_not_registered_is_asked_again() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 404);
    world.pass_ms(59_999);
    assert_eq!((world.told(), world.requests()), (vec![], vec![]));
    let again = world.awaited(seconds(7));
    assert_ne!(again.call_id, subscribe.call_id);
    assert_eq!(world.told(), NOTHING);
}

#[test]
fn sub_041_who_is_denied_is_told_unsubscribed_alone() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 603);
    assert_eq!(world.told(), ["unsubscribed"]);
}

#[test]
fn sub_042_an_invalid_target_is_item_not_found() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 604);
    assert_eq!(world.told(), ["error item-not-found"]);
}

#[test]
fn sub_098_required_extensions_are_refused_on_either_side() {
    let mut world = World::new();
    let (response, _) = world.romeo_subscribes("w1", "Require: eventlist\n");
    assert_eq!(response.status.code(), 420);
    let unsupported = response.headers.get_text(&stox::codec::sip::HeaderName::Unsupported);
    assert_eq!(unsupported.expect("a header"), "eventlist");
    let (response, _) = world.romeo_subscribes("w2", "Supported: eventlist\n");
    assert_eq!(response.status.code(), 200);
    world.told();
    world.settle(200);
    let subscribe = world.juliet_subscribes();
    world.answer_with(&subscribe, 421, &["Require: eventlist"]);
    assert_eq!(world.told(), ["error not-acceptable"]);
}

#[test]
fn sub_111_what_passes_is_tried_again_in_silence() {
    let passing = [404, 408, 430, 480, 481, 486, 487, 491, 500, 502, 503, 504, 600];
    for code in passing {
        let mut world = World::new();
        let subscribe = world.juliet_subscribes();
        world.answer_with(&subscribe, code, &["Retry-After: 120"]);
        world.pass_ms(119_999);
        assert_eq!((world.told(), world.requests()), (vec![], vec![]), "{code}");
        world.pass_ms(13_000);
        assert_ne!(world.requests().remove(0).call_id, subscribe.call_id, "{code}");
    }
}

#[test]
fn sub_111_the_pause_doubles_up_to_an_hour() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 500);
    let mut times = Vec::new();
    let begin = world.now.instant;
    world.run(seconds(6 * 3_600), |world, request| {
        times.push((world.now.instant - begin).as_secs());
        world.answer(request, 500);
    });
    let pauses: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((60..=66).contains(&times[0]), "{times:?}");
    assert!((120..=132).contains(&pauses[0]), "{pauses:?}");
    assert!(pauses.iter().skip(6).all(|pause| (3_600..=3_960).contains(pause)), "{pauses:?}");
}

#[test]
fn sub_111_what_does_not_pass_is_an_error() {
    let failing = [
        400, 401, 402, 405, 406, 407, 413, 414, 415, 416, 420, 421, 482, 483, 488, 493, 501, 505,
        513, 606,
    ];
    for code in failing {
        let mut world = World::new();
        let subscribe = world.juliet_subscribes();
        world.answer(&subscribe, code);
        let told = world.presences();
        assert_eq!((told.len(), told[0].id.as_deref()), (1, Some("s1")), "{code}");
        let error = told[0].error.as_ref().expect("an error");
        if code == 406 {
            assert_eq!((error.condition.name(), error.kind.name()), ("not-acceptable", "modify"));
        }
        world.pass_ms(24 * 3_600_000);
        assert_eq!(world.requests(), [], "{code}");
    }
}

/// Romeo granted it; the dialog is over, and juliet logs in.
fn lapsed(world: &mut World) -> Request {
    let subscribe = world.juliet_sees(&["a"]);
    world.told_by_romeo(&subscribe, 2, "terminated;reason=probation;retry-after=1", "");
    world.told();
    world.pass_ms(1_500);
    let anew = world.requests().remove(0);
    world.answer(&anew, 604);
    assert_eq!(world.told(), ["unavailable"]);
    world.pass_ms(24 * 3_600_000);
    assert_eq!(world.requests(), []);
    world.juliet_probes();
    world.request()
}

#[test]
fn sub_112_what_a_probe_caused_is_never_an_error() {
    let mut world = World::new();
    let asked = lapsed(&mut world);
    world.answer(&asked, 604);
    assert_eq!(world.told(), ["unavailable"]);
    world.pass_ms(3_600_000);
    assert_eq!(world.requests(), []);
    world.juliet_probes();
    let next = world.request();
    world.answer(&next, 500);
    assert_eq!(world.told(), ["unavailable"]);
    let retried = world.awaited(seconds(140));
    world.answer(&retried, 404);
    assert_eq!(world.told(), ["unavailable"]);
    let retried = world.awaited(seconds(280));
    world.answer(&retried, 603);
    assert_eq!(world.told(), ["unsubscribed"]);
}
