//! Presence while the disk stands still, or refuses, for a minute: no subscription ends, nobody is
//! told anything, and each request is sent once, when its record is safe or known not to be.

use std::time::Duration;

use stox::codec::sip::{HeaderName, Method, Request};
use stox::config::Transport;
use stox::flow::Input;

use crate::scene::{Watcher, expires, header, open, seconds, subscribe, substate};
use crate::world::{PEER, SETTINGS, World};

const NOTHING: [String; 0] = [];
const MINUTE: Duration = Duration::from_secs(60);

/// What becomes of the records that waited.
#[derive(Clone, Copy)]
enum Disk {
    /// They are on disk at last.
    Writes,
    /// The disk refuses, and the gateway goes on without it.
    Refuses,
}

const BOTH: [Disk; 2] = [Disk::Writes, Disk::Refuses];

impl World {
    fn comes_back(&mut self, disk: Disk) {
        match disk {
            Disk::Writes => self.written(),
            Disk::Refuses => self.refused(),
        }
    }
}

fn by_tcp() -> World {
    let settings = SETTINGS.replace("5060;transport=udp", "5060;transport=tcp");
    let mut world = World::with(&settings);
    world.up();
    world
}

fn two_servers() -> World {
    let one = "{ name: core, uri: \"sip:127.0.0.13:5060;transport=udp\" }";
    let two = format!("{one}, {{ name: edge, uri: \"sip:127.0.0.14:5060;transport=udp\" }}");
    let mut world = World::with(&SETTINGS.replace(one, &two));
    world.up();
    world
}

/// Nothing goes out and nobody is told anything for a minute.
fn a_still_minute(world: &mut World) {
    world.pass(MINUTE);
    assert_eq!(world.requests(), []);
    assert_eq!(world.told(), NOTHING);
}

/// The dialog of a SUBSCRIBE that left late lives.
fn lives(world: &mut World, request: &Request) {
    world.answer(request, 200);
    assert_eq!(world.notified(request, 1, "active;expires=3600", &open(&["a"])), 200);
    assert_eq!(world.told(), ["subscribed", "available /a"]);
    world.pass(MINUTE);
    assert_eq!((world.requests(), world.told()), (vec![], vec![]));
    assert_eq!(world.subscriptions().0, 1);
}

#[test]
fn sub_092_a_subscribe_that_waits_for_a_minute_leaves_once() {
    for disk in BOTH {
        for mut world in [World::new(), by_tcp(), two_servers()] {
            world.slow_disk();
            world.juliet("subscribe");
            a_still_minute(&mut world);
            world.comes_back(disk);
            let request = world.request();
            assert_eq!((&request.method, expires(&request)), (&Method::Subscribe, 3_600));
            lives(&mut world, &request);
        }
    }
}

/// RFC 6665 §4.1.2.4: Timer N begins with the request.
#[test]
fn sub_092_timer_n_begins_when_the_subscribe_leaves() {
    let mut world = World::new();
    world.slow_disk();
    world.juliet("subscribe");
    a_still_minute(&mut world);
    world.written();
    let request = world.request();
    world.answer(&request, 200);
    world.pass(seconds(31));
    assert_eq!((world.requests(), world.subscriptions().0), (vec![], 1));
    assert_eq!(world.notified(&request, 1, "active;expires=3600", &open(&["a"])), 200);
    assert_eq!(world.told(), ["subscribed", "available /a"]);
}

/// Timers E and F begin when it leaves: a lost datagram is sent again, 32 s without an answer are
/// needed to give up.
#[test]
fn sub_092_a_datagram_that_left_late_and_was_lost_is_sent_again() {
    for disk in BOTH {
        let mut world = World::new();
        world.slow_disk();
        world.juliet("subscribe");
        a_still_minute(&mut world);
        world.comes_back(disk);
        let request = world.request();
        world.pass_ms(490);
        assert_eq!(world.requests(), []);
        world.pass_ms(20);
        let again = world.request();
        assert_eq!((&again.via, &again.cseq), (&request.via, &request.cseq));
        world.pass(seconds(30));
        assert!(world.requests().iter().all(|copy| copy.via == request.via));
        lives(&mut world, &request);
    }
}

/// A lost connection has not carried what did not leave.
#[test]
fn sub_092_a_lost_connection_sends_nothing_that_is_not_safe() {
    let mut world = by_tcp();
    world.slow_disk();
    world.juliet("subscribe");
    let remote = PEER.parse().expect("an address");
    for _ in 0..3 {
        world.feed(Input::Closed { remote, transport: Transport::Tcp });
        world.feed(Input::Unreachable { remote, transport: Transport::Tcp });
        world.pass(seconds(10));
    }
    assert_eq!((world.requests(), world.told()), (vec![], vec![]));
    world.written();
    let request = world.request();
    lives(&mut world, &request);
}

fn watches(world: &mut World) -> Watcher {
    let watcher = world.romeo_sees("w1");
    world.told();
    watcher
}

#[test]
fn sub_092_a_subscribe_in_the_dialog_is_answered_once_the_disk_is_back() {
    for disk in BOTH {
        let mut world = World::new();
        let mut watcher = watches(&mut world);
        world.slow_disk();
        watcher.cseq += 1;
        let again = subscribe(&watcher.call, &watcher.tag, watcher.cseq, "Expires: 600\n");
        for _ in 0..8 {
            world.sip(&again);
            world.pass(seconds(4));
            assert_eq!(world.sent(), (vec![], vec![]));
        }
        a_still_minute(&mut world);
        world.comes_back(disk);
        let (responses, notifies) = world.sent();
        let codes: Vec<u16> = responses.iter().map(|response| response.status.code()).collect();
        assert_eq!((codes, notifies.len()), (vec![200], 1));
        assert_eq!(notifies[0].method, Method::Notify);
        // It was lost, and comes again as itself.
        world.pass_ms(510);
        assert_eq!(world.request().via, notifies[0].via);
        world.answer(&notifies[0], 200);
        // The next refresh is answered at once, and a copy of it as well.
        let (ok, notifies) = watcher.again(&mut world, "Expires: 600\n");
        assert_eq!((ok.status.code(), notifies.len()), (200, 1));
        world.answer(&notifies[0], 200);
        world.sip(&subscribe(&watcher.call, &watcher.tag, watcher.cseq, "Expires: 600\n"));
        assert_eq!(world.codes(), [200]);
        assert_eq!((world.told(), world.subscriptions().1), (NOTHING.to_vec(), 1));
    }
}

/// What is shown meanwhile is told in one NOTIFY with the newest state; nothing is lost.
#[test]
fn sub_092_a_notify_that_waits_ends_no_subscription() {
    for disk in BOTH {
        for mut world in [World::new(), by_tcp()] {
            let watcher = world.romeo_watches("w1");
            world.told();
            world.slow_disk();
            world.juliet("subscribed");
            world.juliet_shows("balcony", "");
            world.pass(MINUTE);
            assert_eq!(world.requests(), []);
            assert!(world.told().iter().all(|told| told == "probe"));
            world.comes_back(disk);
            let notifies = world.settle(200);
            assert!(!notifies.is_empty());
            let states = notifies.iter().map(substate);
            assert!(states.into_iter().all(|state| state.starts_with("active;")));
            let calls = notifies.iter().map(|notify| notify.call_id.as_str());
            assert!(calls.into_iter().all(|call| call == watcher.call));
            world.pass(MINUTE);
            assert_eq!((world.told(), world.subscriptions().1), (NOTHING.to_vec(), 1));
        }
    }
}

/// When the store is a new one everything that is known is written, so that the next process has
/// it.
#[test]
fn sub_092_a_lost_store_gets_all_that_is_known() {
    let mut world = World::new();
    world.juliet_sees(&["a"]);
    let before = world.left();
    (world.known, world.records) = (Vec::new(), Vec::new());
    world.feed(Input::StoreLost);
    assert_eq!(world.left(), before);
    let mut world = world.killed(1_000);
    world.up();
    world.pass_ms(2_000);
    let refresh = world.requests().remove(0);
    assert_eq!(header(&refresh, &HeaderName::Event), "presence");
    assert_eq!(refresh.to.tag(), Some("ffd2"));
}
