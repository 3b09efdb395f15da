//! The non-INVITE client transaction (RFC 3261 §17.1.2).
//!
//! A transaction that has its final response is gone at once. What Timer K is there for, the
//! absorption of further copies of that response, needs no state here: a response that matches
//! nothing is counted and dropped, and a branch is never used twice.

use std::time::Duration;

use super::Timing;
use crate::flow::Instant;

/// RFC 3261 §17.1.2.2, Figure 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No response yet.
    Trying,
    /// A provisional response came.
    Proceeding,
}

/// What a deadline asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Timer E: send the request once more.
    Retransmit,
    /// Timer F: give up; it counts as a 408.
    Timeout,
    /// The deadline was for an earlier state.
    Nothing,
}

/// The machine: states and deadlines only; who owns it keeps the octets.
#[derive(Debug, Clone)]
pub struct NonInviteClient {
    state: State,
    timing: Timing,
    /// The pause behind the running Timer E; `None` on a reliable transport.
    interval: Option<Duration>,
    timer_e: Instant,
    timer_f: Instant,
}

impl NonInviteClient {
    /// The request was sent at `now` (§17.1.2.2: Timer F is set; Timer E too, unless the transport
    /// is reliable).
    #[must_use]
    pub fn new(now: Instant, timing: Timing, reliable: bool) -> Self {
        NonInviteClient {
            state: State::Trying,
            timing,
            interval: (!reliable).then_some(timing.t1),
            timer_e: now + timing.t1,
            timer_f: now + timing.lifetime(),
        }
    }

    /// The request was sent first by an earlier process: Timer F goes on from there.
    pub fn end_by(&mut self, timer_f: Instant) {
        self.timer_f = self.timer_f.min(timer_f);
    }

    /// The earliest of the running timers.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        match self.interval {
            Some(_) => self.timer_e.min(self.timer_f),
            None => self.timer_f,
        }
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// A provisional response came (§17.1.2.2: "Proceeding"; the running Timer E is left alone
    /// and takes T2 when it fires).
    pub fn provisional(&mut self) {
        self.state = State::Proceeding;
    }

    /// A deadline has passed.
    pub fn fire(&mut self, now: Instant) -> Due {
        if now >= self.timer_f {
            return Due::Timeout;
        }
        let Some(interval) = self.interval else { return Due::Nothing };
        if now < self.timer_e {
            return Due::Nothing;
        }
        // §17.1.2.2: in Trying MIN(2*T1 …, T2); in Proceeding T2.
        let next = match self.state {
            State::Trying => (interval * 2).min(self.timing.t2),
            State::Proceeding => self.timing.t2,
        };
        self.interval = Some(next);
        self.timer_e = now + next;
        Due::Retransmit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing { t1: Duration::from_millis(500), t2: Duration::from_secs(4) };

    /// The milliseconds of all retransmissions and of the time-out, with a provisional response
    /// at a given time.
    fn life(reliable: bool, provisional_at: Option<u64>) -> (Vec<u64>, u64) {
        let mut machine = NonInviteClient::new(Instant(0), TIMING, reliable);
        let mut sent = Vec::new();
        loop {
            let at = machine.deadline();
            if provisional_at.is_some_and(|ms| ms * 1_000 < at.0) {
                machine.provisional();
            }
            match machine.fire(at) {
                Due::Retransmit => sent.push(at.0 / 1_000),
                Due::Timeout => return (sent, at.0 / 1_000),
                Due::Nothing => panic!("a deadline for nothing"),
            }
        }
    }

    #[test]
    fn arch_017_timer_e_doubles_to_t2_and_timer_f_ends_after_64_t1() {
        let (sent, end) = life(false, None);
        assert_eq!(
            sent,
            [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]
        );
        assert_eq!(end, 32_000);
    }

    #[test]
    fn in_proceeding_timer_e_takes_t2_when_it_fires() {
        let (sent, end) = life(false, Some(600));
        assert_eq!(sent, [500, 1_500, 5_500, 9_500, 13_500, 17_500, 21_500, 25_500, 29_500]);
        assert_eq!(end, 32_000);
    }

    #[test]
    fn on_a_reliable_transport_nothing_is_sent_again() {
        assert_eq!(life(true, None), (vec![], 32_000));
    }

    #[test]
    fn an_early_deadline_asks_for_nothing() {
        let mut machine = NonInviteClient::new(Instant(0), TIMING, false);
        assert_eq!(machine.fire(Instant(499_999)), Due::Nothing);
        assert_eq!(machine.state(), State::Trying);
    }
}
