//! What was seen lately, in bounded memory: the oldest is forgotten first.

use std::collections::VecDeque;

use crate::flow::{Map, Seed};

/// A bounded set of keyed hashes.
#[derive(Debug)]
pub struct Recent {
    known: Map<u64, u64>,
    order: VecDeque<(u64, u64)>,
    noted: u64,
    most: usize,
}

impl Recent {
    /// An empty set of at most `most` members.
    #[must_use]
    pub fn new(seed: Seed, most: usize) -> Self {
        Recent { known: Map::with_hasher(seed), order: VecDeque::new(), noted: 0, most }
    }

    /// Notes a member as seen now.
    pub fn note(&mut self, key: u64) {
        self.noted += 1;
        self.known.insert(key, self.noted);
        self.order.push_back((key, self.noted));
        // An entry that was noted again since, or forgotten, is no longer in force.
        while self.order.len() > 2 * self.most || self.known.len() > self.most {
            let Some((key, at)) = self.order.pop_front() else { return };
            if self.known.get(&key) == Some(&at) {
                self.known.remove(&key);
            }
        }
    }

    /// Forgets a member.
    pub fn forget(&mut self, key: u64) {
        self.known.remove(&key);
    }

    /// Whether a member is known.
    #[must_use]
    pub fn knows(&self, key: u64) -> bool {
        self.known.contains_key(&key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first_and_what_is_noted_again_stays() {
        let mut recent = Recent::new(Seed(1, 2), 2);
        recent.note(1);
        recent.note(2);
        recent.note(1);
        recent.note(3);
        assert!(recent.knows(1) && !recent.knows(2) && recent.knows(3));
        recent.forget(3);
        assert!(!recent.knows(3));
        (0..1_000).for_each(|_| recent.note(1));
        assert!(recent.order.len() <= 4);
    }
}
