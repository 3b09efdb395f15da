//! Presence when very much of it comes at once: what is sent stays bounded, and nobody is
//! forgotten.

use stox::codec::sip::{Method, Request};
use stox::codec::xmpp::{PresenceKind, Stanza};
use stox::flow::Input;

use crate::scene::{body, seconds, substate};
use crate::world::{SETTINGS, World};

/// An XMPP user asks to watch a SIP user.
fn asks_to_watch(world: &mut World, xmpp_user: &str, sip_user: &str) {
    world.xmpp(&format!(
        "<presence from='{xmpp_user}@xmpp.test' to='{sip_user}@sip.xmpp.test' type='subscribe'/>"
    ));
}

fn subscribes(sent: &[(u128, Request)]) -> Vec<u128> {
    let each = sent.iter().filter(|(_, request)| request.method == Method::Subscribe);
    each.map(|(at, _)| *at).collect()
}

/// How many of these times are in each whole second.
fn by_second(times: &[u128], seconds: u128) -> Vec<usize> {
    (0..seconds).map(|at| times.iter().filter(|time| **time / 1_000 == at).count()).collect()
}

#[test]
fn sec_013_ten_thousand_contacts_at_once_are_paced() {
    let mut world = World::new();
    for number in 0..10_000 {
        asks_to_watch(&mut world, &format!("u{number}"), &format!("r{number}"));
    }
    let at_once = world.settle(200).len();
    let sent = subscribes(&world.run_quietly(seconds(12)));
    assert_eq!(at_once, 1_000);
    assert_eq!(sent.len(), 9_000);
    for (second, count) in by_second(&sent, 9).into_iter().enumerate() {
        assert!((990..=1_010).contains(&count), "{count} in second {second}");
    }
    assert_eq!(world.counter("sip_subscribes_paced"), 9_000);
}

#[test]
fn sec_013_one_user_and_one_target_have_a_rate_of_their_own() {
    for one_user in [true, false] {
        let mut world = World::new();
        for number in 0..150 {
            let (xmpp_user, sip_user) = match one_user {
                true => ("juliet".to_owned(), format!("r{number}")),
                false => (format!("u{number}"), "romeo".to_owned()),
            };
            asks_to_watch(&mut world, &xmpp_user, &sip_user);
        }
        assert_eq!(world.settle(200).len(), 50);
        // Nobody else waits for them.
        asks_to_watch(&mut world, "nurse", "peter");
        assert_eq!(world.settle(200).len(), 1);
        let sent = subscribes(&world.run_quietly(seconds(3)));
        assert_eq!(by_second(&sent, 3)[..2], [49, 50], "{sent:?}");
        assert_eq!(sent.len(), 100);
    }
}

#[test]
fn sec_013_what_waits_for_its_place_may_be_taken_back() {
    let mut world = World::new();
    for number in 0..60 {
        asks_to_watch(&mut world, "juliet", &format!("r{number}"));
    }
    assert_eq!(world.settle(200).len(), 50);
    let gone = "<presence from='juliet@xmpp.test' to='r59@sip.xmpp.test' type='unsubscribe'/>";
    world.xmpp(gone);
    let sent = world.run_quietly(seconds(2));
    assert_eq!(sent.len(), 9);
    assert!(sent.iter().all(|(_, request)| !request.uri.as_str().contains("r59")));
}

#[test]
fn sec_013_timer_n_counts_from_the_sending() {
    let settings = format!("{SETTINGS}presence: {{ subscribe_rate_per_user: 1 }}\n");
    let mut world = World::with(&settings);
    world.up();
    for number in 0..50 {
        asks_to_watch(&mut world, "juliet", &format!("r{number}"));
    }
    world.settle(200);
    let sent = subscribes(&world.run_quietly(seconds(50)));
    // Each goes in its second, none twice: those of the first are not tried again before a minute.
    assert_eq!(sent.len(), 49);
    assert_eq!(world.counter("sip_subscribes_sent"), 50);
}

/// Romeos who watch juliet, each with one dialog; all have seen juliet.
fn watched_by(world: &mut World, count: usize) {
    for number in 0..count {
        watches(world, number);
        let jid = format!("r{number}@sip.xmpp.test");
        world.xmpp(&format!("<presence from='juliet@xmpp.test' to='{jid}' type='subscribed'/>"));
        shows(world, number, "");
        settle(world);
    }
    world.stanzas();
}

fn watches(world: &mut World, number: usize) {
    world.sip(&format!(
        "SUBSCRIBE sip:juliet@xmpp.test SIP/2.0\n\
         Via: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bKstorm{number}\n\
         Max-Forwards: 70\n\
         From: <sip:r{number}@sip.test>;tag=w{number}\n\
         To: <sip:juliet@xmpp.test>\n\
         Call-ID: storm-{number}\n\
         CSeq: 1 SUBSCRIBE\n\
         Event: presence\n\
         Contact: <sip:r{number}@127.0.0.30:5070>\n\n"
    ));
}

fn shows(world: &mut World, number: usize, inner: &str) {
    world.xmpp(&format!(
        "<presence from='juliet@xmpp.test/balcony' to='r{number}@sip.xmpp.test'>{inner}</presence>"
    ));
}

/// Answers all requests until none is left; responses are not looked at.
fn settle(world: &mut World) -> Vec<Request> {
    let mut seen = Vec::new();
    loop {
        world.sip.retain(|(_, octets)| !octets.starts_with(b"SIP/2.0"));
        let requests = world.requests();
        if requests.is_empty() {
            return seen;
        }
        for request in requests {
            world.answer(&request, 200);
            seen.push(request);
        }
    }
}

fn quick(more: &str) -> World {
    let mut world = World::with(&format!("{SETTINGS}presence: {{ notify_interval: 0s{more} }}\n"));
    world.up();
    world
}

#[test]
fn a_peer_gets_no_more_notifies_at_once_than_its_window_has() {
    let mut world = quick(", notify_window: 10");
    watched_by(&mut world, 35);
    for number in 0..35 {
        shows(&mut world, number, "<show>away</show>");
    }
    let first = world.requests();
    assert_eq!(first.len(), 10);
    // Those who wait are told what holds when their turn comes, and once.
    for number in 0..35 {
        shows(&mut world, number, "<show>dnd</show>");
    }
    assert_eq!(world.requests().len(), 0);
    let mut told = 0;
    for request in &first {
        world.answer(request, 200);
        let next = world.requests();
        assert_eq!(next.len(), 1);
        told += next.len();
        assert!(next.iter().all(|one| body(one).contains("dnd")), "{next:?}");
        next.iter().for_each(|one| world.answer(one, 200));
        told += settle(&mut world).len();
    }
    // The ten who had seen "away", and the 25 others.
    assert_eq!(told, 35);
    assert_eq!(world.requests().len(), 0);
}

#[test]
fn phones_that_do_not_answer_hold_up_the_others_for_no_longer_than_t1() {
    let mut world = quick(", notify_window: 10");
    watched_by(&mut world, 30);
    for number in 0..30 {
        shows(&mut world, number, "<show>away</show>");
    }
    assert_eq!(world.requests().len(), 10);
    world.pass_ms(499);
    assert_eq!(world.requests().len(), 0);
    // Timer E sends ten once more, and ten others have their turn.
    world.pass_ms(1);
    assert_eq!(world.requests().len(), 20);
    world.pass_ms(500);
    let mut sent = world.requests();
    sent.sort_by_key(|request| request.call_id.as_str().to_owned());
    sent.dedup_by_key(|request| request.call_id.as_str().to_owned());
    assert!(sent.len() >= 20, "{}", sent.len());
    assert_eq!(world.counter("sip_notifies_waited"), 20);
}

#[test]
fn a_subscription_that_ends_while_it_waits_is_told_so_in_its_turn() {
    let mut world = quick(", notify_window: 1");
    watched_by(&mut world, 2);
    shows(&mut world, 0, "<show>away</show>");
    shows(&mut world, 1, "<show>away</show>");
    let first = world.request();
    world.xmpp("<presence from='juliet@xmpp.test' to='r1@sip.xmpp.test' type='unsubscribed'/>");
    assert_eq!(world.requests().len(), 0);
    world.answer(&first, 200);
    assert_eq!(substate(&world.request()), "terminated;reason=rejected");
}

#[test]
fn sub_113_all_pairs_are_taken_up_one_after_the_other() {
    let mut world = quick(", resume_rate: 100");
    watched_by(&mut world, 250);
    world.down(false);
    world.pass_ms(1_000);
    world.up();
    let probes = |world: &mut World| {
        let stanzas = world.stanzas();
        let probe = |stanza: &&Stanza| matches!(stanza, Stanza::Presence(it) if it.kind == PresenceKind::Probe);
        stanzas.iter().filter(probe).count()
    };
    assert_eq!(probes(&mut world), 100);
    world.pass_ms(1_000);
    assert_eq!(probes(&mut world), 100);
    world.pass_ms(1_000);
    assert_eq!(probes(&mut world), 50);
    world.pass_ms(5_000);
    assert_eq!(probes(&mut world), 0);

    // A link that goes again leaves nothing behind.
    world.down(false);
    world.up();
    assert_eq!(probes(&mut world), 100);
    world.down(false);
    world.pass_ms(2_000);
    assert_eq!(probes(&mut world), 0);
    world.up();
    world.pass_ms(2_000);
    assert_eq!(probes(&mut world), 250);
}

#[test]
fn a_thousand_ends_in_one_instant_leave_room_for_a_message() {
    let mut world = quick(", notify_window: 100000");
    watched_by(&mut world, 1_000);
    world.pass(seconds(3_599));
    world.stanzas();
    settle(&mut world);
    world.now.instant = world.now.instant + seconds(2);
    world.feed(Input::Timer);
    let ended = world.requests().len();
    assert!((1..=256).contains(&ended), "{ended} in one pass");
    assert!(world.gateway.deadline().is_some_and(|due| due <= world.now.instant));
    world.juliet_says("m1", "hello");
    assert_eq!(world.request().method, Method::Message);
    let mut told = ended;
    while world.gateway.deadline().is_some_and(|due| due <= world.now.instant) {
        world.feed(Input::Timer);
        let ends = world.requests();
        assert!(ends.iter().all(|one| substate(one) == "terminated;reason=timeout"));
        told += ends.len();
    }
    assert_eq!(told, 1_000);
}

/// Two NOTIFYs that are on their way together may change places: the watcher would be left with the
/// last document after the end.
#[test]
fn an_end_waits_for_the_answer_to_the_document_before_it() {
    for (code, then) in [(200, true), (500, true), (481, false)] {
        let mut world = quick("");
        watched_by(&mut world, 1);
        shows(&mut world, 0, "<show>away</show>");
        let document = world.request();
        world.xmpp("<presence from='juliet@xmpp.test' to='r0@sip.xmpp.test' type='unsubscribed'/>");
        assert_eq!(world.requests().len(), 0);
        world.answer(&document, code);
        let ends = world.requests();
        let states: Vec<String> = ends.iter().map(substate).collect();
        assert_eq!(states, if then { vec!["terminated;reason=rejected"] } else { vec![] });
        ends.iter().for_each(|end| world.answer(end, 200));
        world.pass(seconds(60));
        assert_eq!((world.requests().len(), world.subscriptions()), (0, (0, 0)));
    }
}

/// What a SUBSCRIBE asks for does not wait (RFC 6665 §4.2.1.2): a further change waits for both.
#[test]
fn an_answer_to_a_refresh_does_not_wait_and_the_next_change_waits_for_all() {
    let mut world = quick("");
    let mut watcher = world.romeo_sees("w1");
    world.juliet_shows("balcony", "<show>away</show>");
    let document = world.request();
    let (_, notifies) = watcher.again(&mut world, "Expires: 600\n");
    assert_eq!(notifies.len(), 1);
    world.juliet_shows("balcony", "<show>dnd</show>");
    world.answer(&notifies[0], 200);
    assert_eq!(world.requests().len(), 0);
    world.answer(&document, 200);
    assert!(body(&world.request()).contains("dnd"));
}
