//! How a subscription of juliet's ends: by romeo's side (RFC 6665 §4.1.3), or by juliet
//! (RFC 8048 §5.2.3).

use stox::codec::sip::Request;

use crate::scene::{expires, open, pidf, seconds, tuple};
use crate::world::World;

const NOTHING: [String; 0] = [];

/// Juliet sees romeo for a while; then romeo's side ends it.
fn ended(world: &mut World, state: &str) -> (Request, Vec<Request>) {
    let subscribe = world.juliet_sees(&["a"]);
    world.pass_ms(10_000);
    let (code, requests) = world.told_by_romeo(&subscribe, 2, state, "");
    assert_eq!(code, 200);
    (subscribe, requests)
}

#[test]
fn sub_023_deactivated_begins_anew_at_once() {
    let mut world = World::new();
    let (subscribe, anew) = ended(&mut world, "terminated;reason=deactivated;retry-after=99");
    assert_eq!((anew.len(), anew[0].to.tag()), (1, None));
    assert_ne!(anew[0].call_id, subscribe.call_id);
    assert_eq!(anew[0].uri.as_str(), "sip:romeo@sip.test");
    assert_eq!(world.told(), NOTHING);
}

#[test]
fn sub_024_probation_is_waited_out() {
    let mut world = World::new();
    let (_, anew) = ended(&mut world, "terminated;reason=probation;retry-after=60");
    assert_eq!(anew, []);
    world.juliet_probes();
    world.pass_ms(59_999);
    assert_eq!(world.requests(), []);
    world.pass_ms(7_000);
    assert_eq!(expires(&world.requests()[0]), 3_600);
}

#[test]
fn sub_025_rejected_ends_the_authorization() {
    let mut world = World::new();
    ended(&mut world, "terminated;reason=rejected");
    assert_eq!(world.told(), ["unavailable /a", "unsubscribed"]);
    world.pass_ms(24 * 3_600_000);
    assert_eq!(world.requests(), []);
}

#[test]
fn sub_026_a_timeout_begins_anew() {
    let mut world = World::new();
    let (_, anew) = ended(&mut world, "terminated;reason=timeout");
    assert_eq!((anew.len(), expires(&anew[0])), (1, 3_600));
}

#[test]
fn sub_027_a_request_that_was_given_up_is_repeated() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 200);
    world.notified(&subscribe, 1, "pending;expires=3600", "");
    world.notified(&subscribe, 2, "terminated;reason=giveup;retry-after=30", "");
    assert_eq!(world.told(), NOTHING);
    world.pass_ms(29_999);
    assert_eq!(world.requests(), []);
    world.pass_ms(4_000);
    let anew = world.requests().remove(0);
    world.answer(&anew, 200);
    world.notified(&anew, 1, "active;expires=3600", &open(&["a"]));
    assert_eq!(world.told(), ["subscribed", "available /a"]);
}

#[test]
fn sub_028_noresource_ends_the_authorization() {
    let mut world = World::new();
    ended(&mut world, "terminated;reason=noresource;retry-after=5");
    assert_eq!(world.told(), ["unavailable /a", "unsubscribed"]);
    world.pass_ms(24 * 3_600_000);
    assert_eq!(world.requests(), []);
}

#[test]
fn sub_029_what_never_changes_is_asked_for_no_more() {
    let mut world = World::new();
    ended(&mut world, "terminated;reason=invariant;retry-after=5");
    world.pass_ms(24 * 3_600_000);
    assert_eq!((world.told(), world.requests()), (vec![], vec![]));
    world.juliet_probes();
    assert_eq!((world.told(), world.requests()), (vec!["available /a".to_owned()], vec![]));
    let mut world = world.killed(1_000);
    world.up();
    world.pass_ms(24 * 3_600_000);
    world.told();
    world.juliet_probes();
    assert_eq!((world.told(), world.requests()), (vec!["available /a".to_owned()], vec![]));
}

#[test]
fn sub_030_an_unknown_reason_is_waited_out() {
    for state in ["terminated;reason=foo;retry-after=5", "terminated;retry-after=5;expires=1"] {
        let mut world = World::new();
        ended(&mut world, state);
        world.pass_ms(4_999);
        assert_eq!(world.requests(), []);
        assert_eq!(expires(&world.awaited(seconds(1))), 3_600);
    }
}

/// Juliet sees romeo and wants it no more; the answer is what is sent.
fn leaves(world: &mut World) -> (Request, Request) {
    let subscribe = world.juliet_sees(&["dr4hcr0st3lup4c"]);
    world.juliet("unsubscribe");
    (subscribe, world.request())
}

#[test]
fn sub_033_unsubscribe_ends_the_dialog_in_it() {
    let mut world = World::new();
    let (subscribe, end) = leaves(&mut world);
    assert_eq!(end.uri.as_str(), "sip:romeo@127.0.0.30:5070");
    assert_eq!((end.to.uri().as_str(), end.to.tag()), ("sip:romeo@sip.test", Some("ffd2")));
    assert_eq!((&end.call_id, end.from.tag()), (&subscribe.call_id, subscribe.from.tag()));
    assert_eq!(end.cseq.number, subscribe.cseq.number + 1);
    assert_eq!(expires(&end), 0);
}

#[test]
fn sub_034_without_a_dialog_the_xmpp_user_is_answered_at_once() {
    let mut world = World::new();
    ended(&mut world, "terminated;reason=probation;retry-after=3000");
    world.told();
    world.juliet("unsubscribe");
    assert_eq!((world.told(), world.requests()), (vec!["unsubscribed".to_owned()], vec![]));
    world.pass_ms(24 * 3_600_000);
    assert_eq!(world.requests(), []);
}

#[test]
fn sub_035_whatever_ends_it_the_xmpp_user_is_told() {
    for code in [200, 408, 481, 500] {
        let mut world = World::new();
        let (_, end) = leaves(&mut world);
        assert_eq!(world.told(), NOTHING);
        world.answer(&end, code);
        assert_eq!(world.told(), ["unavailable /dr4hcr0st3lup4c", "unsubscribed"], "{code}");
    }
    let mut world = World::new();
    leaves(&mut world);
    world.pass_ms(33_000);
    assert_eq!(world.told(), ["unavailable /dr4hcr0st3lup4c", "unsubscribed"]);
}

#[test]
fn sub_035_a_newer_request_is_not_cancelled_by_it() {
    let mut world = World::new();
    let (_, end) = leaves(&mut world);
    world.juliet("subscribe");
    world.answer(&end, 200);
    assert_eq!(world.told(), NOTHING);
    let anew = world.request();
    world.answer(&anew, 200);
    world.notified(&anew, 1, "active;expires=3600", &open(&["dr4hcr0st3lup4c"]));
    assert_eq!(world.told(), ["subscribed"]);
}

#[test]
fn sub_036_the_last_notify_is_romeos() {
    let mut world = World::new();
    let (subscribe, end) = leaves(&mut world);
    world.answer(&end, 200);
    world.pass_ms(1_000);
    assert_eq!(world.requests(), []);
    assert_eq!(world.notified(&subscribe, 2, "terminated;reason=timeout", ""), 200);
}

#[test]
fn sub_037_it_is_over_when_the_last_notify_came() {
    let mut world = World::new();
    let (subscribe, end) = leaves(&mut world);
    world.answer(&end, 200);
    world.told();
    let (code, sent) = world.told_by_romeo(&subscribe, 2, "active;expires=3000", &open(&["b"]));
    assert_eq!((code, sent, world.told()), (200, vec![], vec![]));
    assert_eq!(world.notified(&subscribe, 3, "terminated;reason=timeout", ""), 200);
    assert_eq!(world.notified(&subscribe, 4, "active;expires=3000", &open(&["b"])), 481);
    assert_eq!(world.told(), NOTHING);
}

#[test]
fn sub_038_the_end_of_one_direction_leaves_the_other() {
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a"]);
    let mut watcher = world.romeo_sees("w1");
    world.juliet("unsubscribe");
    let end = world.request();
    assert_eq!(end.call_id, subscribe.call_id);
    world.answer(&end, 200);
    world.told();
    let (ok, notifies) = watcher.again(&mut world, "Expires: 600\n");
    assert_eq!(ok.status.code(), 200);
    assert_eq!(crate::scene::basic(&notifies[0], "balcony"), "open");
}

#[test]
fn sub_108_who_leaves_before_the_answer_is_never_subscribed() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.juliet("unsubscribe");
    assert_eq!((world.told(), world.requests()), (vec!["unsubscribed".to_owned()], vec![]));
    let (code, sent) = world.told_by_romeo(&subscribe, 1, "active;expires=3600", &open(&["a"]));
    assert_eq!((code, sent.len(), expires(&sent[0])), (200, 1, 0));
    assert_eq!(sent[0].to.tag(), Some("ffd2"));
    world.answer(&subscribe, 200);
    world.answer(&sent[0], 200);
    assert_eq!(world.notified(&subscribe, 2, "terminated;reason=timeout", ""), 200);
    assert_eq!(world.told(), NOTHING);

    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.juliet("unsubscribe");
    world.told();
    let (code, sent) = world.told_by_romeo(&subscribe, 1, "terminated;reason=rejected", "");
    assert_eq!((code, sent, world.told()), (200, vec![], vec![]));
}

#[test]
fn sub_109_before_unsubscribed_each_device_goes() {
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a", "b"]);
    world.notified(&subscribe, 2, "terminated;reason=rejected", "");
    assert_eq!(world.told(), ["unavailable /a", "unavailable /b", "unsubscribed"]);
}

#[test]
fn sub_110_what_was_shown_stays_while_another_dialog_is_tried() {
    let mut world = World::new();
    world.juliet_sees(&["a"]);
    let refresh = world.awaited(seconds(3_240));
    world.answer(&refresh, 481);
    let anew = world.request();
    world.answer(&anew, 200);
    world.notified(&anew, 1, "active;expires=3600", &open(&["a"]));
    assert_eq!(world.told(), NOTHING);
    let refresh = world.awaited(seconds(3_240));
    world.answer(&refresh, 480);
    assert_eq!(world.told(), ["unavailable /a"]);
}

#[test]
fn sub_110_it_goes_when_the_other_dialog_fails() {
    for code in [0, 500] {
        let mut world = World::new();
        let (_, anew) = ended(&mut world, "terminated;reason=deactivated");
        assert_eq!(world.told(), NOTHING);
        match code {
            0 => world.pass_ms(32_000),
            code => world.answer(&anew[0], code),
        }
        assert_eq!(world.told()[0], "unavailable /a");
    }
}

#[test]
fn sub_119_what_was_never_asked_is_ignored() {
    for kind in ["unsubscribed", "unsubscribe"] {
        let mut world = World::new();
        world.juliet(kind);
        assert_eq!((world.told(), world.sent()), (vec![], (vec![], vec![])), "{kind}");
    }
}

/// D-24: an empty NOTIFY keeps what the dialog showed; the first one of a dialog withdraws what an
/// earlier dialog had shown.
#[test]
fn an_empty_notify_keeps_what_its_dialog_showed() {
    let mut world = World::new();
    let (_, anew) = ended(&mut world, "terminated;reason=deactivated");
    world.answer(&anew[0], 200);
    world.notified(&anew[0], 1, "active;expires=3600", "");
    assert_eq!(world.told(), ["unavailable /a"]);
    world.notified(&anew[0], 2, "active;expires=3600", &pidf(&tuple("ID-a", "open", "")));
    assert_eq!(world.told(), ["available /a"]);
    world.notified(&anew[0], 3, "active;expires=3600", "");
    assert_eq!(world.told(), NOTHING);
}
