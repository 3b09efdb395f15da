//! The stanzas that the gateway wrote lately. One that comes back to it is a loop: XMPP counts no
//! hops (RFC 7247 §8).

use std::collections::VecDeque;
use std::time::Duration;

use crate::flow::{Instant, Map, Seed};

/// How long a stanza is known again.
const KNOWN: Duration = Duration::from_secs(60);
/// How many are known at once; the oldest is forgotten first.
const MOST: usize = 50_000;

/// Keyed hashes of what was written.
#[derive(Debug)]
pub struct Echoes {
    known: Map<u64, Instant>,
    order: VecDeque<(u64, Instant)>,
}

impl Echoes {
    /// Nothing was written yet.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Echoes { known: Map::with_hasher(seed), order: VecDeque::new() }
    }

    /// Notes a stanza as written now.
    pub fn note(&mut self, key: u64, now: Instant) {
        self.known.insert(key, now);
        self.order.push_back((key, now));
        while let Some((key, at)) = self.order.front().copied()
            && (self.order.len() > MOST || now - at > KNOWN)
        {
            self.order.pop_front();
            if self.known.get(&key) == Some(&at) {
                self.known.remove(&key);
            }
        }
    }

    /// Whether a stanza was written lately.
    #[must_use]
    pub fn knows(&self, key: u64, now: Instant) -> bool {
        self.known.get(&key).is_some_and(|at| now - *at <= KNOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_known_for_a_minute_and_in_bounded_memory() {
        let mut echoes = Echoes::new(Seed(1, 2));
        echoes.note(1, Instant(0));
        assert!(echoes.knows(1, Instant(60_000_000)) && !echoes.knows(1, Instant(60_000_001)));
        (0..200_000).for_each(|key| echoes.note(key, Instant(1)));
        assert!(echoes.order.len() <= MOST && !echoes.knows(2, Instant(1)));
        echoes.note(1, Instant(100_000_000));
        assert_eq!(echoes.order.len(), 1);
    }
}
