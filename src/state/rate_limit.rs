//! Rates: an even flow, after a burst that may go at once.
//!
//! Nothing is queued. Whoever has to wait is told until when, and has a deadline of its own; or
//! takes no place at all.

use std::time::Duration;

use crate::flow::{Instant, Map, Seed};

/// One flow. It remembers one time: when its last place would be due without any burst.
#[derive(Debug, Clone, Copy)]
pub(super) struct TokenBucket(Instant);

impl Default for TokenBucket {
    fn default() -> Self {
        TokenBucket(Instant(0))
    }
}

/// What a flow may do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    /// One in this time.
    interval: Duration,
    /// So many at once.
    burst: u32,
}

impl Rate {
    /// So many in a second; what a second holds may go at once.
    #[must_use]
    pub(super) fn new(per_second: u32) -> Self {
        Rate { interval: Duration::from_secs(1) / per_second.max(1), burst: per_second }
    }

    /// One in an interval; so many may go at once.
    #[must_use]
    pub(super) const fn every(interval: Duration, burst: u32) -> Self {
        Rate { interval, burst }
    }

    /// What is ahead of now by less than this goes at once.
    fn early(self) -> Duration {
        self.interval.saturating_mul(self.burst.saturating_sub(1))
    }
}

impl TokenBucket {
    /// Takes the next place: when it is due, now or later.
    pub(super) fn place(&mut self, now: Instant, rate: Rate) -> Instant {
        let next = self.0.max(now);
        self.0 = next + rate.interval;
        now + (next - now).saturating_sub(rate.early())
    }

    /// Takes a place if there is one now: what is over the rate takes none.
    pub(super) fn take(&mut self, now: Instant, rate: Rate) -> bool {
        let free = self.is_free(now, rate);
        if free {
            self.place(now, rate);
        }
        free
    }

    fn is_free(self, now: Instant, rate: Rate) -> bool {
        self.0.max(now) - now <= rate.early()
    }

    fn is_idle(self, now: Instant) -> bool {
        self.0 <= now
    }
}

/// A flow of all together, and one of each key.
#[derive(Debug)]
pub(super) struct Pace {
    all: TokenBucket,
    each: Map<u64, TokenBucket>,
    /// At so many keys those that are idle are forgotten.
    tidy_at: usize,
}

/// Fewer keys than this are not worth tidying.
const FEW: usize = 1_024;

impl Pace {
    /// Nothing went yet.
    #[must_use]
    pub(super) fn new(seed: Seed) -> Self {
        Pace { all: TokenBucket::default(), each: Map::with_hasher(seed), tidy_at: FEW }
    }

    /// The place of one more of a key: when it is due.
    pub(super) fn place(&mut self, now: Instant, key: u64, all: Rate, each: Rate) -> Instant {
        let place = self.flow(now, key).place(now, each);
        self.all.place(now, all).max(place)
    }

    /// Takes a place if there is one now, of all and of the key. Who is over the own rate takes
    /// nothing of what is common; while that is used up nothing new is remembered.
    pub(super) fn take(&mut self, now: Instant, key: u64, all: Rate, each: Rate) -> bool {
        self.all.is_free(now, all) && self.flow(now, key).take(now, each) && self.all.take(now, all)
    }

    fn flow(&mut self, now: Instant, key: u64) -> &mut TokenBucket {
        if self.each.len() >= self.tidy_at {
            self.each.retain(|_, flow| !flow.is_idle(now));
            self.tidy_at = (self.each.len() * 2).max(FEW);
        }
        self.each.entry(key).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_evenly() {
        let mut flow = TokenBucket::default();
        let rate = Rate::every(Duration::from_millis(100), 3);
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
        assert!(pace.each.len() <= FEW);
    }

    #[test]
    fn who_is_over_the_rate_takes_nothing_from_the_others() {
        let mut pace = Pace::new(Seed(1, 2));
        let (all, each) = (Rate::new(100), Rate::new(10));
        let now = Instant::default() + Duration::from_secs(5);
        let taken = |pace: &mut Pace, key: u64, times: u32, now: Instant| {
            (0..times).filter(|_| pace.take(now, key, all, each)).count()
        };
        assert_eq!(taken(&mut pace, 7, 1_000, now), 10);
        assert_eq!(taken(&mut pace, 8, 5, now), 5);
        // One more is due after a tenth of a second.
        assert_eq!(taken(&mut pace, 7, 1_000, now + Duration::from_millis(100)), 1);
        // All together: 1,000 addresses get no more than one rate, and are not remembered beyond it.
        let mut pace = Pace::new(Seed(1, 2));
        let many = (0..10_000).filter(|key| pace.take(now, *key, all, each)).count();
        assert_eq!((many, pace.each.len()), (100, 100));
    }
}
