//! How fast SIP is asked: an even flow, after a burst that may go at once (RFC 8048 §8.1).
//!
//! Nothing is queued. Whoever has to wait is told until when, and has a deadline of its own.

use std::time::Duration;

use super::State;
use super::pair::Due;
use crate::flow::{Counter, Instant, Map, Now, PairId, Seed};
use crate::state::ids::Purpose;

/// One flow. It remembers one time: when its last place would be due without any burst.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flow(Instant);

impl Default for Flow {
    fn default() -> Self {
        Flow(Instant(0))
    }
}

/// What a flow may do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    /// So many in a second.
    per_second: u32,
    /// So many at once.
    burst: u32,
}

impl Rate {
    /// A rate; what a second holds may go at once.
    #[must_use]
    pub(super) fn new(per_second: u32) -> Self {
        Rate { per_second, burst: per_second }
    }

    fn interval(self) -> Duration {
        Duration::from_secs(1) / self.per_second.max(1)
    }
}

impl Flow {
    /// Takes the next place: when it is due, now or later.
    pub(super) fn place(&mut self, now: Instant, rate: Rate) -> Instant {
        let interval = rate.interval();
        let next = self.0.max(now);
        self.0 = next + interval;
        let early = interval.saturating_mul(rate.burst.saturating_sub(1));
        // What is ahead of now by less than a burst goes at once.
        now + (next - now).saturating_sub(early)
    }

    fn is_idle(self, now: Instant) -> bool {
        self.0 <= now
    }
}

/// The flows of SUBSCRIBE: of all users together, and towards each SIP user.
#[derive(Debug)]
pub(super) struct Pace {
    all: Flow,
    targets: Map<u64, Flow>,
    /// At so many targets those that are idle are forgotten.
    tidy_at: usize,
}

/// Fewer targets than this are not worth tidying.
const FEW: usize = 1_024;

impl Pace {
    /// Nothing was asked yet.
    #[must_use]
    pub(super) fn new(seed: Seed) -> Self {
        Pace { all: Flow::default(), targets: Map::with_hasher(seed), tidy_at: FEW }
    }

    /// The place of a SUBSCRIBE for a target: when it is due.
    pub(super) fn place(&mut self, now: Instant, target: u64, all: Rate, each: Rate) -> Instant {
        if self.targets.len() >= self.tidy_at {
            self.targets.retain(|_, flow| !flow.is_idle(now));
            self.tidy_at = (self.targets.len() * 2).max(FEW);
        }
        let target = self.targets.entry(target).or_default().place(now, each);
        self.all.place(now, all).max(target)
    }
}

impl State {
    /// When a SUBSCRIBE of a pair is due (SEC-013).
    pub(super) fn place(&mut self, now: Now, id: PairId) -> Instant {
        let Some(pair) = self.presence.pair(id) else { return now.instant };
        let target = self.hash(Purpose::Target, &[pair.names.contact.bare_str().as_bytes()]);
        let user = self.user_id(pair.names.user());
        let settings = &self.config.presence;
        let (all, each) = (settings.subscribe_rate, settings.subscribe_rate_per_user);
        let (all, each) = (Rate::new(all), Rate::new(each));
        let user = self.presence.users.get_mut(&user);
        let hers = user.map_or(now.instant, |user| user.flow.place(now.instant, each));
        self.presence.pace.place(now.instant, target, all, each).max(hers)
    }

    /// A SUBSCRIBE has its place in the flow of all; one that ends a subscription needs none.
    pub(super) fn subscribe(&mut self, now: Now, id: PairId, seconds: u32, fresh: bool) {
        let before = self.watching_mut(id).and_then(|watching| watching.due.take());
        let at = match before {
            _ if seconds == 0 => now.instant,
            Some(due) => due.at,
            None => self.place(now, id),
        };
        if at <= now.instant {
            return self.subscribe_now(id, seconds, fresh);
        }
        self.counters.count(Counter::SubscribePaced);
        if let Some(watching) = self.watching_mut(id) {
            watching.due = Some(Box::new(Due { at, seconds, fresh }));
            watching.machine.postpone(at - now.instant);
        }
    }

    /// A SUBSCRIBE whose place has come.
    pub(super) fn subscribe_due(&mut self, now: Now, id: PairId) {
        let Some(watching) = self.watching_mut(id) else { return };
        let Some(due) = watching.due.take_if(|due| due.at <= now.instant) else { return };
        // She may have changed her mind.
        if watching.machine.is_wanted() {
            self.subscribe_now(id, due.seconds, due.fresh);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_evenly() {
        let mut flow = Flow::default();
        let rate = Rate { per_second: 10, burst: 3 };
        let now = Instant::default() + Duration::from_secs(5);
        let places: Vec<Duration> = (0..6).map(|_| flow.place(now, rate) - now).collect();
        let millis = |millis| Duration::from_millis(millis);
        let [at_once, first, second, third] = [0, 100, 200, 300].map(millis);
        assert_eq!(places, [at_once, at_once, at_once, first, second, third]);
        // After a pause there is a burst again.
        let later = now + Duration::from_secs(5);
        assert_eq!(flow.place(later, rate), later);
    }

    #[test]
    fn one_target_that_everybody_asks_for_holds_up_nobody_else() {
        let mut pace = Pace::new(Seed(1, 2));
        let (all, each) = (Rate::new(1_000), Rate::new(10));
        let now = Instant::default();
        let last = (0..500).map(|_| pace.place(now, 7, all, each)).last();
        assert_eq!(last, Some(now + Duration::from_millis(49_000)));
        assert_eq!(pace.place(now, 8, all, each), now);
    }

    #[test]
    fn targets_that_are_idle_are_forgotten() {
        let mut pace = Pace::new(Seed(1, 2));
        let (all, each) = (Rate::new(1_000_000), Rate::new(10));
        for second in 0..100 {
            let now = Instant::default() + Duration::from_secs(second);
            for target in 0..100 {
                pace.place(now, second * 100 + target, all, each);
            }
        }
        assert!(pace.targets.len() <= FEW);
    }
}
