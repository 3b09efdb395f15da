//! The deadline table: every timer of the core in one place.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::flow::{Instant, LinkId, PairId, PeerId};

/// What a deadline is for. A timer whose owner is gone, or has a later deadline by now, is
/// dropped when it fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Timer E or F of a client transaction, by its branch.
    Client(u64),
    /// The 100 of a server transaction (RFC 4320 §4.1), by its key.
    Trying(u64),
    /// A component link: a stanza's deadline, an unanswered barrier, or a keep-alive.
    Link(LinkId),
    /// The next OPTIONS to the servers of a peer.
    Peer(PeerId),
    /// OPTIONS has no answer for a while, by its branch.
    OptionsTimeout(u64),
    /// What the DNS said of a peer is too old.
    Locate(PeerId),
    /// What the DNS said of the im: and pres: addresses of a domain is too old.
    Advertised,
    /// A question to the DNS has no answer for too long.
    Dns,
    /// A pair of users.
    Pair(PairId),
    /// Records that are a little behind are written.
    Soiled,
    /// The oldest generation of finished transactions has outlived Timer J.
    Generation,
}

/// Deadlines that all lie as far ahead as each other when they are set, so that they come in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// T1: the first Timer E of a client transaction.
    First,
    /// The earliest moment for a 100.
    Trying,
}

type Deadline = (Instant, u64, Timer);

/// Deadlines in the order of time, then of their setting.
///
/// Most of them mean nothing any more when their time has come: the transaction has long ended.
/// Those that are set for each message are in lanes, where it costs nothing to put one in and
/// nothing to drop it.
#[derive(Debug, Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<Deadline>>,
    lanes: [VecDeque<Deadline>; 2],
    set: u64,
}

impl Timers {
    /// Sets a deadline.
    pub fn set(&mut self, at: Instant, timer: Timer) {
        self.set += 1;
        self.heap.push(Reverse((at, self.set, timer)));
    }

    /// Sets a deadline that is not earlier than the last one of its lane.
    pub fn set_in(&mut self, lane: Lane, at: Instant, timer: Timer) {
        let lane = &mut self.lanes[lane as usize];
        if lane.back().is_some_and(|(last, _, _)| *last > at) {
            return self.set(at, timer);
        }
        self.set += 1;
        lane.push_back((at, self.set, timer));
    }

    /// Drops deadlines at the head of their lanes that mean nothing any more.
    pub fn drop_dead(&mut self, lives: impl Fn(Timer) -> bool) {
        for lane in &mut self.lanes {
            while lane.front().is_some_and(|(_, _, timer)| !lives(*timer)) {
                lane.pop_front();
            }
        }
    }

    fn heads(&self) -> [Option<&Deadline>; 3] {
        let [first, trying] = &self.lanes;
        [self.heap.peek().map(|Reverse(head)| head), first.front(), trying.front()]
    }

    /// The earliest deadline.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.heads().into_iter().flatten().min().map(|(at, _, _)| *at)
    }

    /// How many are set, those included that will mean nothing when they fire.
    #[must_use]
    pub fn count(&self) -> usize {
        self.heap.len() + self.lanes.iter().map(VecDeque::len).sum::<usize>()
    }

    /// Takes out a timer that is due.
    pub fn due(&mut self, now: Instant) -> Option<Timer> {
        let heads = self.heads();
        let earliest = heads.into_iter().flatten().min().copied()?;
        if earliest.0 > now {
            return None;
        }
        let [_, first, trying] = heads.map(|head| head == Some(&earliest));
        let [lane_first, lane_trying] = &mut self.lanes;
        match (first, trying) {
            (true, _) => lane_first.pop_front(),
            (_, true) => lane_trying.pop_front(),
            _ => self.heap.pop().map(|Reverse(head)| head),
        };
        Some(earliest.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_in_the_order_of_time_then_of_setting() {
        let mut timers = Timers::default();
        timers.set(Instant(20), Timer::Client(1));
        timers.set(Instant(10), Timer::Client(2));
        timers.set(Instant(10), Timer::Client(0));
        assert_eq!(timers.next(), Some(Instant(10)));
        assert_eq!(timers.due(Instant(9)), None);
        let fired: Vec<_> = std::iter::from_fn(|| timers.due(Instant(20))).collect();
        assert_eq!(fired, [Timer::Client(2), Timer::Client(0), Timer::Client(1)]);
    }

    #[test]
    fn lanes_keep_the_one_order_of_all() {
        let mut timers = Timers::default();
        timers.set_in(Lane::First, Instant(10), Timer::Client(1));
        timers.set(Instant(10), Timer::Client(2));
        timers.set_in(Lane::Trying, Instant(5), Timer::Trying(3));
        timers.set_in(Lane::First, Instant(20), Timer::Client(4));
        // Not in the order of its lane: it is kept all the same.
        timers.set_in(Lane::First, Instant(15), Timer::Client(5));
        assert_eq!((timers.next(), timers.count()), (Some(Instant(5)), 5));
        let fired: Vec<_> = std::iter::from_fn(|| timers.due(Instant(20))).collect();
        let client = Timer::Client;
        assert_eq!(fired, [Timer::Trying(3), client(1), client(2), client(5), client(4)]);
    }

    #[test]
    fn what_means_nothing_any_more_wakes_nobody() {
        let mut timers = Timers::default();
        for number in 0..10 {
            timers.set_in(Lane::First, Instant(number), Timer::Client(number));
        }
        timers.drop_dead(|timer| timer == Timer::Client(7));
        assert_eq!((timers.next(), timers.count()), (Some(Instant(7)), 3));
        timers.drop_dead(|_| false);
        assert_eq!(timers.next(), None);
    }
}
