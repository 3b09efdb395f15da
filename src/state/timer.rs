//! The deadline table: every timer of the core in one place.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::flow::{Instant, LinkId, PeerId};

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
    Silence(u64),
    /// What the DNS said of a peer is too old.
    Locate(PeerId),
    /// A question to the DNS has no answer for too long.
    Dns,
    /// The oldest generation of finished transactions has outlived Timer J.
    Generation,
}

/// Deadlines in the order of time, then of their setting.
#[derive(Debug, Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<(Instant, u64, Timer)>>,
    set: u64,
}

impl Timers {
    /// Sets a deadline.
    pub fn set(&mut self, at: Instant, timer: Timer) {
        self.set += 1;
        self.heap.push(Reverse((at, self.set, timer)));
    }

    /// The earliest deadline.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _, _))| *at)
    }

    /// How many are set, those included that will mean nothing when they fire.
    #[must_use]
    pub fn count(&self) -> usize {
        self.heap.len()
    }

    /// Takes out a timer that is due.
    pub fn due(&mut self, now: Instant) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, _, timer))| timer)
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
}
