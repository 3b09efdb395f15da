//! Presence over the death of the process and the loss of the link.

use stox::codec::sip::Method;
use stox::flow::Input;

use crate::scene::{Watcher, basic, expires, open, pidf, seconds, subscribe, substate, tuple};
use crate::world::World;

const NOTHING: [String; 0] = [];

/// The highest CSeq of a NOTIFY, and romeo's watch.
fn watched(world: &mut World) -> (Watcher, u32) {
    let mut watcher = world.romeo_sees("w1");
    let (_, notifies) = watcher.again(world, "");
    world.answer(&notifies[0], 200);
    world.told();
    (watcher, notifies[0].cseq.number)
}

#[test]
fn sub_092_a_notifier_dialog_goes_on_after_a_death() {
    let mut world = World::new();
    let (mut watcher, last) = watched(&mut world);
    let mut world = world.killed(1_000);
    world.up();
    assert_eq!(world.told(), ["probe"]);
    let (ok, notifies) = watcher.again(&mut world, "Expires: 600\n");
    assert_eq!((ok.status.code(), notifies.len()), (200, 1));
    let notify = &notifies[0];
    assert_eq!(notify.call_id.as_str(), "w1");
    assert_eq!(notify.from.tag(), Some(watcher.tag.as_str()));
    assert_eq!(notify.to.tag(), Some("ww1"));
    assert!(notify.cseq.number > last);
    assert_eq!(substate(notify), "active;expires=600");
    assert_eq!(basic(notify, "balcony"), "open");
    world.answer(notify, 200);
    assert_eq!(world.told(), NOTHING);
}

/// What follows from juliet's answer in a pass of its own waits for the disk, too.
#[test]
fn sub_092_nobody_sees_an_authorization_before_it_is_on_disk() {
    let mut world = World::new();
    let mut watcher = world.romeo_watches("w1");
    world.told();
    world.slow_disk();
    world.juliet("subscribed");
    world.juliet_shows("balcony", "");
    world.pass_ms(1_500);
    assert_eq!(world.requests(), []);
    world.written();
    let told = world.settle(200);
    assert!(told.iter().all(|it| substate(it).starts_with("active;")), "{told:?}");
    assert!(!told.is_empty());
    // Juliet's refusal, and how long romeo is taken on.
    world.run_quietly(seconds(10));
    world.slow_disk();
    let (responses, requests) = {
        watcher.cseq += 1;
        world.sip(&subscribe(&watcher.call, &watcher.tag, watcher.cseq, "Expires: 600\n"));
        world.sent()
    };
    assert_eq!((responses, requests), (vec![], vec![]));
    // Nor by a retransmission.
    world.pass_ms(500);
    world.sip(&subscribe(&watcher.call, &watcher.tag, watcher.cseq, "Expires: 600\n"));
    assert_eq!(world.sent(), (vec![], vec![]));
    world.juliet("unsubscribed");
    assert_eq!(world.requests(), []);
    world.written();
    let (responses, requests) = world.sent();
    assert_eq!((responses.len(), responses[0].status.code()), (1, 200));
    requests.iter().for_each(|request| world.answer(request, 200));
    let last = requests.iter().chain(&world.settle(200)).map(substate).last();
    assert_eq!(last.as_deref(), Some("terminated;reason=rejected"));
}

#[test]
fn sub_092_a_subscriber_dialog_goes_on_after_a_death() {
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a"]);
    let mut world = world.killed(1_000);
    world.up();
    world.told();
    world.pass_ms(2_000);
    let refresh = world.requests().remove(0);
    assert_eq!(refresh.method, Method::Subscribe);
    assert_eq!((&refresh.call_id, refresh.from.tag()), (&subscribe.call_id, subscribe.from.tag()));
    assert_eq!(refresh.to.tag(), Some("ffd2"));
    assert_eq!(refresh.uri.as_str(), "sip:romeo@127.0.0.30:5070");
    assert!(refresh.cseq.number > subscribe.cseq.number);
    world.answer(&refresh, 200);
    assert_eq!(world.notified(&subscribe, 2, "active;expires=3600", &open(&["a"])), 200);
    assert_eq!(world.told(), NOTHING);
}

#[test]
fn sub_092_a_dialog_that_romeo_lost_meanwhile_is_made_anew_in_silence() {
    let mut world = World::new();
    world.juliet_sees(&["a"]);
    let mut world = world.killed(1_000);
    world.up();
    world.told();
    world.pass_ms(2_000);
    let refresh = world.requests().remove(0);
    world.answer(&refresh, 481);
    let anew = world.request();
    assert_ne!(anew.call_id, refresh.call_id);
    world.answer(&anew, 200);
    world.notified(&anew, 1, "active;expires=3600", &open(&["a"]));
    assert_eq!(world.told(), NOTHING);
}

#[test]
fn sub_092_after_a_clean_stop_cseq_goes_on_by_one() {
    let mut world = World::new();
    let (mut watcher, last) = watched(&mut world);
    world.feed(Input::Drain);
    let mut world = world.killed(1_000);
    world.up();
    let (_, notifies) = watcher.again(&mut world, "");
    assert_eq!(notifies[0].cseq.number, last + 1);
}

/// What is seen is on disk before: a death right after each step loses none of it.
#[test]
fn sub_092_an_authorization_is_kept_from_the_moment_it_is_seen() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 200);
    world.notified(&subscribe, 1, "active;expires=3600", &open(&["a"]));
    assert_eq!(world.told()[0], "subscribed");
    let mut world = world.killed(0);
    world.up();
    world.pass_ms(2_000);
    assert_eq!(world.requests().remove(0).call_id, subscribe.call_id);

    let mut world = World::new();
    let mut watcher = world.romeo_watches("w1");
    world.juliet("subscribed");
    world.settle(200);
    let mut world = world.killed(0);
    world.up();
    let (_, notifies) = watcher.again(&mut world, "");
    assert!(substate(&notifies[0]).starts_with("active"));
}

#[test]
fn sub_092_a_refresh_and_an_end_are_kept_from_the_moment_they_are_answered() {
    let mut world = World::new();
    let mut watcher = world.romeo_sees("w1");
    watcher.again(&mut world, "Expires: 600\n");
    let mut world = world.killed(0);
    world.up();
    world.juliet_shows("balcony", "<show>dnd</show>");
    assert_eq!(substate(&world.request()), "active;expires=600");

    let mut world = World::new();
    let mut watcher = world.romeo_sees("w1");
    watcher.again(&mut world, "Expires: 0\n");
    let mut world = world.killed(0);
    world.up();
    assert_eq!(world.subscriptions(), (0, 0));
    assert_eq!(watcher.again(&mut world, "").0.status.code(), 481);
}

#[test]
fn sub_114_what_expired_meanwhile_ends_at_the_start() {
    let mut world = World::new();
    world.romeo_sees("w1");
    let mut world = world.killed(3_700_000);
    world.pass_ms(0);
    let last = world.request();
    assert_eq!(substate(&last), "terminated;reason=timeout");
    world.answer(&last, 200);
    world.up();
    assert_eq!(world.told(), ["unavailable"]);

    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a"]);
    let mut world = world.killed(3_700_000);
    world.up();
    world.pass_ms(2_000);
    let anew = world.requests().remove(0);
    assert_eq!((anew.to.tag(), expires(&anew)), (None, 3_600));
    assert_ne!(anew.call_id, subscribe.call_id);
}

#[test]
fn sub_114_the_time_that_is_left_shrinks_by_the_time_that_passed() {
    let mut world = World::new();
    world.romeo_sees("w1");
    let mut world = world.killed(100_000);
    world.up();
    world.juliet_shows("balcony", "<show>dnd</show>");
    let state = substate(&world.request());
    let left: u32 = state.strip_prefix("active;expires=").expect("active").parse().expect("left");
    assert!((3_400..=3_500).contains(&left), "{left}");
}

#[test]
fn sub_113_what_romeo_shows_meanwhile_arrives_when_the_link_is_back() {
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a", "b"]);
    world.down(false);
    assert_eq!(world.notified(&subscribe, 2, "active;expires=3600", &open(&["b", "c"])), 200);
    world.pass_ms(10_000);
    assert_eq!(world.told(), NOTHING);
    world.up();
    let mut told = world.told();
    told.sort();
    assert_eq!(told, ["available /b", "available /c", "unavailable /a"]);
    assert_eq!(world.requests(), []);
}

#[test]
fn sub_113_all_devices_of_a_sip_user_may_go_meanwhile() {
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a"]);
    world.down(false);
    let closed = pidf(&tuple("ID-a", "closed", ""));
    world.notified(&subscribe, 2, "active;expires=3600", &closed);
    world.up();
    assert_eq!(world.told(), ["unavailable /a"]);
}

#[test]
fn sub_113_sip_dialogs_live_on_and_the_xmpp_user_is_probed_when_the_link_is_back() {
    let mut world = World::new();
    let mut watcher = world.romeo_sees("w1");
    world.down(false);
    world.run_quietly(seconds(60));
    let (ok, notifies) = watcher.again(&mut world, "");
    assert_eq!((ok.status.code(), basic(&notifies[0], "balcony")), (200, "open".into()));
    world.answer(&notifies[0], 200);
    let (first, _) = world.romeo_subscribes("w2", "");
    assert_eq!(first.status.code(), 503);
    world.up();
    assert_eq!(world.told(), ["probe"]);
    assert_eq!(world.requests(), [], "documents stay until juliet is heard of");
    world.juliet("unavailable");
    assert_eq!(basic(&world.awaited(seconds(5)), "balcony"), "closed");
    assert_eq!(world.told(), NOTHING);
}

#[test]
fn sub_113_who_has_no_dialog_gets_one_when_the_link_is_back() {
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a"]);
    world.told_by_romeo(&subscribe, 2, "terminated;reason=timeout", "");
    world.told();
    world.settle(500);
    world.down(false);
    world.pass_ms(1_000);
    world.up();
    world.told();
    let sent = world.run_quietly(seconds(10));
    assert_eq!((sent.len(), expires(&sent[0].1)), (1, 3_600));
    assert_eq!(world.told(), NOTHING);
}

/// 100 subscriptions of an earlier process are not refreshed all at once.
#[test]
fn refreshes_after_a_start_are_spread() {
    let mut world = World::new();
    for number in 0..100 {
        world.xmpp(&format!(
            "<presence from='u{number}@xmpp.test' to='romeo@sip.xmpp.test' type='subscribe'/>"
        ));
        let subscribe = world.request();
        world.answer(&subscribe, 200);
        world.notified(&subscribe, 1, "active;expires=3600", "");
        // One SIP user is asked at a bounded rate.
        world.pass_ms(20);
    }
    let mut world = world.killed(0);
    world.up();
    world.stanzas();
    let sent = world.run_quietly(seconds(2));
    assert_eq!(sent.len(), 100);
    for tenth in 0..10 {
        let then = sent.iter().filter(|(at, _)| at / 100 == tenth).count();
        assert!((1..=25).contains(&then), "{then} in tenth {tenth} of the second");
    }
}

#[test]
fn sub_115_who_retires_the_gateway_has_all_told() {
    let mut world = World::new();
    world.juliet_sees(&["a"]);
    watched(&mut world);
    world.feed(Input::Retire);
    assert_eq!(world.told(), ["unavailable /a"]);
    let last = world.settle(200);
    assert_eq!(last.iter().map(substate).collect::<Vec<_>>(), ["terminated;reason=deactivated"]);
    assert_eq!(world.romeo_subscribes("w2", "").0.status.code(), 503);
    let mut world = world.killed(1_000);
    world.up();
    assert_eq!(world.told(), ["probe"]);
    let refresh = world.awaited(seconds(2));
    world.answer(&refresh, 200);
    world.notified(&refresh, 2, "active;expires=3600", &open(&["a"]));
    assert_eq!(world.told(), ["available /a"]);
    let (_, notifies) = world.romeo_subscribes("w3", "");
    assert!(substate(&notifies[0]).starts_with("active"));
}

/// A stop says nothing; the start goes on as after a death.
#[test]
fn sub_115_stopping_tells_nobody_anything() {
    let mut world = World::new();
    world.juliet_sees(&["a"]);
    watched(&mut world);
    world.feed(Input::Drain);
    assert_eq!((world.told(), world.requests()), (vec![], vec![]));
    let mut world = world.killed(20_000);
    world.up();
    let told = world.told();
    assert_eq!(told, ["available /a", "probe"]);
}

/// PRES-083 has a question where nothing is stored; where the store is known to be lost, the probe
/// of juliet's server is word that juliet may see romeo (RFC 6121 §4.3.1).
#[test]
fn after_the_loss_of_the_store_the_xmpp_user_sees_again_from_the_next_login() {
    let mut world = World::new();
    world.juliet_sees(&["a"]);
    let mut world = world.bereft();
    world.up();
    assert_eq!((world.told(), world.requests()), (vec![], vec![]), "nobody is told anything");
    world.juliet_probes();
    let subscribe = world.request();
    assert_eq!(expires(&subscribe), 3_600);
    world.answer_with(&subscribe, 200, &["Expires: 3600"]);
    world.notified(&subscribe, 1, "active;expires=3600", &open(&["a"]));
    let told = world.told();
    assert!(told.contains(&"available /a".to_owned()), "{told:?}");
    world.notified(&subscribe, 2, "active;expires=3600", &open(&["b"]));
    assert_eq!(world.told(), ["available /b", "unavailable /a"]);
    // Who logs in once more asks nobody anew.
    world.juliet_probes();
    assert!(world.requests().iter().all(|it| it.call_id == subscribe.call_id));
}

#[test]
fn after_the_loss_of_the_store_a_refresh_begins_anew_and_the_xmpp_user_is_not_bothered() {
    let mut world = World::new();
    let mut watcher = world.romeo_sees("w1");
    let mut world = world.bereft();
    world.up();
    let (gone, _) = watcher.again(&mut world, "Expires: 3600\n");
    assert_eq!(gone.status.code(), 481);
    world.romeo_watches("w2");
    assert_eq!(world.told(), ["subscribe"]);
    // Juliet's server answers for juliet (RFC 6121 §3.1.3).
    world.juliet("subscribed");
    let active = world.request();
    assert!(substate(&active).starts_with("active;"));
    world.answer(&active, 200);
    assert_eq!(world.told(), ["probe"]);
}

#[test]
fn after_the_loss_of_the_store_a_refusal_of_the_sip_user_is_told() {
    let mut world = World::new();
    world.juliet_sees(&["a"]);
    let mut world = world.bereft();
    world.up();
    world.juliet_probes();
    let subscribe = world.request();
    world.answer(&subscribe, 403);
    assert_eq!(world.told(), ["unsubscribed"]);
    // A store that was merely never there is no loss: it stays a question.
    let mut world = World::new();
    world.juliet_probes();
    assert_eq!(expires(&world.request()), 0);
}

/// One of several devices that goes is not all of them: after the link was away juliet is probed on
/// behalf of one who may see juliet, watching or not.
#[test]
fn sub_016_a_device_of_which_nobody_was_told_again_counts() {
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a"]);
    // Mercutio may see juliet, and does not watch any more.
    let mercutio = |text: String| text.replace("romeo@", "mercutio@");
    world.sip(&mercutio(crate::scene::subscribe("m1", "", 1, "Expires: 3600\n")));
    let (ok, notifies) = world.answered();
    notifies.iter().for_each(|notify| world.answer(notify, 200));
    world.xmpp("<presence from='juliet@xmpp.test' to='mercutio@sip.xmpp.test' type='subscribed'/>");
    world.settle(200);
    let tag = ok.to.tag().expect("a tag").to_owned();
    world.sip(&mercutio(crate::scene::subscribe("m1", &tag, 2, "Expires: 0\n")));
    let (_, notifies) = world.answered();
    notifies.iter().for_each(|notify| world.answer(notify, 200));
    world.run_quietly(seconds(20));
    world.down(false);
    world.up();
    world.run_quietly(seconds(1));
    let shows = |device: &str, kind: &str| {
        format!("<presence from='juliet@xmpp.test/{device}' to='mercutio@sip.xmpp.test'{kind}/>")
    };
    // Juliet's server answers for both devices; then one of them goes.
    world.stanzas();
    world.xmpp(&shows("balcony", ""));
    world.xmpp(&shows("garden", ""));
    world.xmpp(&shows("balcony", " type='unavailable'"));
    let sent = world.run_quietly(seconds(3_600));
    let refreshed = sent.iter().any(|(_, it)| it.call_id == subscribe.call_id);
    assert!(refreshed, "{sent:?}");
}

#[test]
fn sub_016_who_watches_nobody_is_not_asked_for_where_nobody_watches() {
    let mut world = World::new();
    let mut watcher = world.romeo_sees("w1");
    let (_, notifies) = watcher.again(&mut world, "Expires: 0\n");
    notifies.iter().for_each(|notify| world.answer(notify, 200));
    world.told();
    world.down(false);
    world.up();
    assert_eq!(world.told(), NOTHING);
}

/// A subscription that is made anew when the link is back: its first document says nothing new.
#[test]
fn sub_113_what_holds_while_a_dialog_is_made_anew_is_shown_again() {
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a"]);
    world.pass_ms(10_000);
    let (_, anew) = world.told_by_romeo(&subscribe, 2, "terminated;reason=deactivated", "");
    world.answer(&anew[0], 200);
    assert_eq!(world.told(), NOTHING);
    world.down(true);
    world.up();
    assert_eq!(world.told(), ["available /a"]);
    world.notified(&anew[0], 1, "active;expires=3600", &open(&["a"]));
    assert_eq!(world.told(), NOTHING);
}
