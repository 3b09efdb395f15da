//! Stanzas that may have closed a stream, and those that did.
//!
//! A stanza that somebody waits for is held until a barrier confirms it, and is written again
//! when its link was lost. One that nobody waits for is written and forgotten, but the gateway
//! may make the same octets again: a presence is shown at each link-up, a refusal is repeated. So
//! a fingerprint of each is kept until a barrier covers it. After a stream error all that were in
//! flight are suspects: when one of them is to be written again it goes alone to a barrier, and
//! the one that closes the stream again is put aside.

use std::collections::VecDeque;
use std::time::Duration;

use crate::flow::Instant;

/// Fingerprints of each kind that are kept; the oldest is forgotten first.
const MOST: usize = 1_024;
/// How long a suspect is remembered. One that was put aside is a suspect again after this time.
const REMEMBERED: Duration = Duration::from_secs(3_600);
/// From so many stanzas in flight on a barrier is written for them alone: few are suspects then.
const MANY: usize = 64;

/// What becomes of a stanza that nobody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is written at once.
    Write,
    /// It is written behind what is tried alone.
    Wait,
    /// It is tried alone.
    Alone,
    /// It is not written: its octets closed a stream twice.
    Aside,
}

/// What is known of the stanzas of one link that nobody waits for, by their fingerprints.
#[derive(Debug, Default)]
pub struct Suspects {
    /// Written and not confirmed, each with its number.
    in_flight: VecDeque<(u64, u64)>,
    /// How many were written.
    written: u64,
    /// In flight when a stream error came, since when.
    suspected: VecDeque<(u64, Instant)>,
    /// Put aside, since when.
    aside: VecDeque<(u64, Instant)>,
}

impl Suspects {
    /// What becomes of a stanza; `careful` when others are tried alone.
    #[must_use]
    pub fn judge(&self, print: u64, careful: bool) -> Verdict {
        let known = |list: &VecDeque<(u64, Instant)>| list.iter().any(|(known, _)| *known == print);
        if known(&self.aside) {
            Verdict::Aside
        } else if known(&self.suspected) {
            Verdict::Alone
        } else if careful {
            Verdict::Wait
        } else {
            Verdict::Write
        }
    }

    /// A stanza was written at once.
    pub fn wrote(&mut self, print: u64) {
        self.written += 1;
        if self.in_flight.len() == MOST {
            self.in_flight.pop_front();
        }
        self.in_flight.push_back((self.written, print));
    }

    /// How many were written: a barrier that is written now covers them.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Whether any is in flight.
    #[must_use]
    pub fn any_in_flight(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// Whether so many are in flight that they are worth a barrier.
    #[must_use]
    pub fn many_in_flight(&self) -> bool {
        self.in_flight.len() >= MANY
    }

    /// A barrier that covers so many was answered.
    pub fn arrived(&mut self, through: u64) {
        let covered = self.in_flight.partition_point(|(number, _)| *number <= through);
        self.in_flight.drain(..covered);
    }

    /// The stream is gone: nothing is in flight.
    pub fn gone(&mut self) {
        self.in_flight.clear();
    }

    /// The stream was closed for a stanza: all that were in flight are suspects.
    pub fn accuse(&mut self, now: Instant) {
        for (_, print) in std::mem::take(&mut self.in_flight) {
            remember(&mut self.suspected, print, now);
        }
    }

    /// A suspect arrived alone.
    pub fn cleared(&mut self, print: u64) {
        self.suspected.retain(|(known, _)| *known != print);
    }

    /// A stanza closed the stream alone.
    pub fn put_aside(&mut self, print: u64, now: Instant) {
        self.cleared(print);
        remember(&mut self.aside, print, now);
    }

    /// Time has passed.
    pub fn expire(&mut self, now: Instant) {
        let old = |list: &VecDeque<(u64, Instant)>| {
            list.partition_point(|(_, since)| now - *since >= REMEMBERED)
        };
        let (suspected, aside) = (old(&self.suspected), old(&self.aside));
        self.suspected.drain(..suspected);
        for (print, _) in self.aside.drain(..aside) {
            remember(&mut self.suspected, print, now);
        }
    }
}

/// Notes a fingerprint as the youngest of its list.
fn remember(list: &mut VecDeque<(u64, Instant)>, print: u64, now: Instant) {
    list.retain(|(known, _)| *known != print);
    if list.len() == MOST {
        list.pop_front();
    }
    list.push_back((print, now));
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Instant = Instant(3_600_000_000);

    #[test]
    fn what_was_in_flight_is_suspected_and_what_was_confirmed_is_not() {
        let mut suspects = Suspects::default();
        suspects.wrote(1);
        let barrier = suspects.written();
        suspects.wrote(2);
        suspects.arrived(barrier);
        suspects.accuse(Instant(0));
        assert!(!suspects.any_in_flight());
        assert_eq!(
            [1, 2].map(|print| suspects.judge(print, false)),
            [Verdict::Write, Verdict::Alone]
        );
        assert_eq!(suspects.judge(1, true), Verdict::Wait);
        suspects.cleared(2);
        assert_eq!(suspects.judge(2, false), Verdict::Write);
    }

    #[test]
    fn what_was_put_aside_is_tried_again_after_an_hour_and_a_suspect_forgotten() {
        let mut suspects = Suspects::default();
        suspects.wrote(1);
        suspects.wrote(2);
        suspects.accuse(Instant(0));
        suspects.put_aside(1, Instant(0));
        suspects.expire(Instant(HOUR.0 - 1));
        assert_eq!(
            [1, 2].map(|print| suspects.judge(print, false)),
            [Verdict::Aside, Verdict::Alone]
        );
        suspects.expire(HOUR);
        assert_eq!(
            [1, 2].map(|print| suspects.judge(print, false)),
            [Verdict::Alone, Verdict::Write]
        );
    }

    #[test]
    fn memory_is_bounded() {
        let mut suspects = Suspects::default();
        for print in 0..10_000 {
            suspects.wrote(print);
        }
        assert!(suspects.many_in_flight());
        suspects.accuse(Instant(0));
        (0..10_000).for_each(|print| suspects.put_aside(print, Instant(0)));
        assert_eq!((suspects.suspected.len(), suspects.aside.len()), (0, MOST));
        assert_eq!(suspects.judge(9_999, false), Verdict::Aside);
    }
}
