//! A component link's unconfirmed stanzas and the acknowledgement barrier.
//!
//! XEP-0114 has no acknowledgements, but a server works through a stream in order: when an `iq`
//! that was written after some stanzas is answered, with a result or an error, those stanzas have
//! arrived. One such barrier is outstanding at a time; the next leaves on its reply, so that it
//! covers the more the busier the link is.
//!
//! This machine owns the order and the deadlines. It says what to write; who owns it writes.

use std::collections::VecDeque;
use std::time::Duration;

use super::outgoing::Measured;
use super::suspects::{Suspects, Verdict};
pub use super::unacked::{Action, Ended, UnackedStanza, Waiter};
use crate::config::Component;
use crate::flow::{Correlation, Instant};

/// How long a link may be silent before a barrier checks that it still stands.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// The times that a deployment may set.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How long a written stanza may stay unconfirmed.
    pub confirm: Duration,
    /// How long a barrier may stay unanswered.
    pub barrier: Duration,
    /// How long a stanza waits for a link that is down.
    pub grace: Duration,
}

impl From<&Component> for Timing {
    fn from(component: &Component) -> Timing {
        Timing {
            confirm: component.confirm_timeout,
            barrier: component.barrier_timeout,
            grace: component.grace,
        }
    }
}

#[derive(Debug)]
struct Barrier {
    id: String,
    covers: u64,
    /// How many of the stanzas that nobody waits for it covers.
    covers_passing: u64,
    sent: Instant,
}

/// One component link.
#[derive(Debug)]
pub struct Link {
    timing: Timing,
    up: bool,
    /// Since when it is up or down.
    since: Instant,
    reason: Option<String>,
    queue: VecDeque<UnackedStanza>,
    last_sequence: u64,
    /// What was written in this stream has a sequence up to here.
    written_through: u64,
    barrier: Option<Barrier>,
    /// After a stream error: one stanza for each barrier until what was then held is through.
    careful_through: Option<u64>,
    /// What was written last is alone in flight: nothing follows before its barrier's reply.
    alone: bool,
    /// The stanzas that nobody waits for.
    suspects: Suspects,
    /// Something waits to be pumped.
    restless: bool,
    last_reply: Instant,
    timer: Option<Instant>,
}

impl Link {
    /// A link that is not yet up.
    #[must_use]
    pub fn new(timing: Timing, now: Instant) -> Self {
        Link {
            timing,
            up: false,
            since: now,
            reason: None,
            queue: VecDeque::new(),
            last_sequence: 0,
            written_through: 0,
            barrier: None,
            careful_through: None,
            alone: false,
            suspects: Suspects::default(),
            restless: false,
            last_reply: now,
            timer: None,
        }
    }

    /// Whether the stream is open and authenticated.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.up
    }

    /// Why it is down, once it was up or refused.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Whether messages can be taken on: it is up, or was not down for longer than the grace.
    #[must_use]
    pub fn serves(&self, now: Instant) -> bool {
        self.up || now - self.since < self.timing.grace
    }

    /// How many stanzas are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.queue.len()
    }

    /// The held stanza of an id, other than answers, whose ids were chosen by others.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&UnackedStanza> {
        let ours =
            |held: &&UnackedStanza| matches!(held.waiter, Waiter::Request(_)) && held.id == id;
        self.queue.iter().find(ours)
    }

    /// Whether an id is that of the outstanding barrier.
    #[must_use]
    pub fn is_barrier(&self, id: &str) -> bool {
        self.barrier.as_ref().is_some_and(|barrier| barrier.id == id)
    }

    /// Takes on a stanza. It is written by the next [`Link::pump`].
    pub fn hold(
        &mut self,
        now: Instant,
        id: String,
        octets: Measured,
        waits: Waiter,
        to_full: bool,
        correlation: Correlation,
    ) {
        self.last_sequence += 1;
        let grace_begins = if self.up { now } else { self.since };
        let is_request = matches!(waits, Waiter::Request(_));
        self.queue.push_back(UnackedStanza {
            sequence: self.last_sequence,
            id,
            octets,
            waiter: waits,
            to_full,
            correlation,
            written: false,
            deadline: is_request.then(|| grace_begins + self.timing.grace),
        });
    }

    /// What becomes of a stanza that nobody waits for.
    #[must_use]
    pub fn judge(&self, print: u64) -> Verdict {
        self.suspects.judge(print, self.careful_through.is_some())
    }

    /// Whether a stanza of these octets closed the stream twice.
    #[must_use]
    pub fn is_aside(&self, print: u64) -> bool {
        self.judge(print) == Verdict::Aside
    }

    /// A stanza that nobody waits for was written at once.
    pub fn wrote(&mut self, print: u64) {
        self.suspects.wrote(print);
        self.restless |= self.barrier.is_none() && self.suspects.many_in_flight();
    }

    /// A stanza that nobody waits for has to wait, until others were tried alone or, if it is
    /// `suspected`, to be tried so itself. It is written by a later [`Link::pump`].
    pub fn hold_passing(&mut self, octets: Measured, print: u64, suspected: bool) {
        self.last_sequence += 1;
        self.restless = true;
        if suspected {
            self.careful_through = Some(self.last_sequence);
        }
        self.queue.push_back(UnackedStanza {
            sequence: self.last_sequence,
            id: String::new(),
            octets,
            waiter: Waiter::Passing(print),
            to_full: false,
            correlation: Correlation(print),
            written: false,
            deadline: None,
        });
    }

    /// A stanza of these octets closed the stream alone.
    pub fn put_aside(&mut self, print: u64, now: Instant) {
        self.suspects.put_aside(print, now);
    }

    /// Whether [`Link::pump`] has something to do that came since.
    #[must_use]
    pub fn is_restless(&self) -> bool {
        self.restless
    }

    /// Takes out a stanza whose fate is decided otherwise.
    pub fn take(&mut self, sequence: u64) -> Option<UnackedStanza> {
        let at = self.queue.binary_search_by_key(&sequence, |held| held.sequence).ok()?;
        self.queue.remove(at)
    }

    /// What can be written now, in order.
    pub fn pump(&mut self, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        self.restless = false;
        if !self.up || self.alone {
            return actions;
        }
        let first = self.queue.partition_point(|held| held.sequence <= self.written_through);
        let passing = self.suspects.any_in_flight();
        let busy = first > 0 || passing || self.barrier.is_some();
        let mut waits = false;
        for held in self.queue.range_mut(first..) {
            let careful = self.careful_through.is_some_and(|through| held.sequence <= through);
            waits = careful && (busy || !actions.is_empty());
            if waits {
                break;
            }
            actions.push(Action::Write { octets: held.octets.clone(), replay: held.written });
            if !held.written {
                held.written = true;
                held.deadline = held.deadline.map(|_| now + self.timing.confirm);
            }
            self.written_through = held.sequence;
            self.alone = careful;
            if careful {
                break;
            }
        }
        let held = self.queue.front().is_some_and(|held| held.sequence <= self.written_through);
        let passing = passing && (waits || self.suspects.many_in_flight());
        if self.barrier.is_none() && (held || passing) {
            actions.push(Action::Barrier);
        }
        actions
    }

    /// A barrier was written under this id.
    pub fn barrier_sent(&mut self, now: Instant, id: String) {
        let (covers, covers_passing) = (self.written_through, self.suspects.written());
        self.barrier = Some(Barrier { id, covers, covers_passing, sent: now });
    }

    /// The barrier was answered: all that it covers has arrived.
    pub fn barrier_answered(&mut self, now: Instant) -> Vec<UnackedStanza> {
        self.last_reply = now;
        let Some(barrier) = self.barrier.take() else { return Vec::new() };
        self.alone = false;
        self.suspects.arrived(barrier.covers_passing);
        let covered = self.queue.partition_point(|held| held.sequence <= barrier.covers);
        let confirmed: Vec<UnackedStanza> = self.queue.drain(..covered).collect();
        for held in &confirmed {
            if let Waiter::Passing(print) = held.waiter {
                self.suspects.cleared(print);
            }
        }
        if self.careful_through.is_some_and(|through| barrier.covers >= through) {
            self.careful_through = None;
        }
        confirmed
    }

    /// The stream is authenticated.
    pub fn opened(&mut self, now: Instant) {
        self.up = true;
        self.since = now;
        self.last_reply = now;
        self.reason = None;
        self.barrier = None;
        self.suspects.expire(now);
        // Nothing was written in this stream: what is held is written again, in order.
        self.written_through =
            self.queue.front().map_or(self.last_sequence, |held| held.sequence - 1);
    }

    /// The stream is gone, and with it what nobody waits for. After a stream error the stanza that
    /// was alone in flight is put aside; if several were, each will be tried alone.
    pub fn closed(&mut self, now: Instant, reason: String, stream_error: bool) -> Option<Ended> {
        let was_up = std::mem::replace(&mut self.up, false);
        self.reason = Some(reason);
        self.barrier = None;
        if !was_up {
            return None;
        }
        self.since = now;
        let alone = std::mem::take(&mut self.alone);
        let ended = if stream_error { self.accuse(now, alone) } else { None };
        self.suspects.gone();
        self.queue.retain(|held| !matches!(held.waiter, Waiter::Passing(_)));
        ended
    }

    /// The server closed the stream for a stanza.
    fn accuse(&mut self, now: Instant, alone: bool) -> Option<Ended> {
        let in_flight = |held: &UnackedStanza| held.sequence <= self.written_through;
        if alone && self.queue.front().is_some_and(in_flight) {
            return self.queue.pop_front().map(Ended::Quarantined);
        }
        self.suspects.accuse(now);
        self.careful_through =
            self.queue.iter().filter(|held| held.written).map(|held| held.sequence).last();
        None
    }

    /// Whether the deadline that was asked for last has passed. One that was asked for before and
    /// overtaken since means nothing: acted upon, each would set a further one, for ever.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        self.timer.is_some_and(|timer| timer <= now)
    }

    /// The stanzas whose deadline has passed, in order, and whether the link itself is dead.
    pub fn fire(&mut self, now: Instant) -> (Vec<Ended>, Option<Action>) {
        self.timer = None;
        self.suspects.expire(now);
        let mut ended = Vec::new();
        let late = |held: &UnackedStanza| held.deadline.is_some_and(|deadline| deadline <= now);
        if self.queue.iter().any(late) {
            for held in std::mem::take(&mut self.queue) {
                match late(&held) {
                    false => self.queue.push_back(held),
                    true if held.written => ended.push(Ended::Unconfirmed(held)),
                    true => ended.push(Ended::Unwritten(held)),
                }
            }
        }
        let late = |barrier: &&mut Barrier| now - barrier.sent >= self.timing.barrier;
        let dead = self.barrier.as_mut().filter(late).map(|barrier| barrier.sent = now).is_some();
        let silent = now - self.last_reply >= KEEP_ALIVE && self.barrier.is_none();
        let action = match (self.up, dead, silent) {
            (true, true, _) => Some(Action::Dead),
            (true, false, true) => Some(Action::Barrier),
            _ => None,
        };
        (ended, action)
    }

    /// When [`Link::fire`] is due, if that is earlier than what was asked for before.
    pub fn next_timer(&mut self) -> Option<Instant> {
        // What was written stands before what was not, each in the order of its deadlines.
        let unwritten = self.queue.partition_point(|held| held.written);
        let written = self.queue.range(..unwritten).find_map(|held| held.deadline);
        let stanza = self.queue.range(unwritten..).find_map(|held| held.deadline);
        let barrier = self.barrier.as_ref().map(|barrier| barrier.sent + self.timing.barrier);
        let alive = (self.up && self.barrier.is_none()).then(|| self.last_reply + KEEP_ALIVE);
        let next = [written, stanza, barrier, alive].into_iter().flatten().min()?;
        if self.timer.is_some_and(|timer| timer <= next) {
            return None;
        }
        self.timer = Some(next);
        Some(next)
    }
}
