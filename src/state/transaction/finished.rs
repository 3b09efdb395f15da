//! Finished server transactions until Timer J (RFC 3261 §17.2.2), a million in 20 MB.
//!
//! Each is a keyed hash in nine octets: the hash gives its lowest bits away to the status. With ten
//! million of them, one request in two thousand million is taken for a copy of another one.

use hashbrown::HashTable;

use super::server::{Detail, Finished};
use crate::flow::{Map, Seed};

/// The bits of the status.
const STATUS: u64 = 0x3ff;
/// The status of what is known by its merge key alone.
const MERGED: u16 = 0;

/// What finished in one stretch of time.
#[derive(Debug)]
pub(super) struct Generation {
    known: HashTable<u64>,
    /// What a plain answer would not have.
    details: Map<u64, Box<Detail>>,
}

/// The hash of an entry for its table, which looks at the highest and at the lowest bits.
fn spread(entry: u64) -> u64 {
    let mixed = (entry >> 10).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 32)
}

impl Generation {
    pub(super) fn new(seed: Seed) -> Self {
        Generation { known: HashTable::new(), details: Map::with_hasher(seed) }
    }

    fn find(&self, key: u64) -> Option<u16> {
        let same = |entry: &u64| entry & !STATUS == key & !STATUS;
        let entry = self.known.find(spread(key), same)?;
        u16::try_from(entry & STATUS).ok()
    }

    /// The response under a key.
    pub(super) fn get(&self, key: u64) -> Option<Finished> {
        let status = self.find(key).filter(|status| *status != MERGED)?;
        Some(Finished { status, detail: self.details.get(&key).cloned() })
    }

    /// Whether anything is known under a key.
    pub(super) fn knows(&self, key: u64) -> bool {
        self.find(key).is_some()
    }

    /// Remembers a response.
    pub(super) fn insert(&mut self, key: u64, finished: Finished) {
        let entry = (key & !STATUS) | (u64::from(finished.status) & STATUS);
        let same = |known: &u64| known & !STATUS == key & !STATUS;
        match self.known.find_mut(spread(key), same) {
            Some(known) => *known = entry,
            None => {
                self.known.insert_unique(spread(key), entry, |entry| spread(*entry));
            }
        }
        if let Some(detail) = finished.detail {
            self.details.insert(key, detail);
        }
    }

    /// Remembers a merge key, unless something is known under it.
    pub(super) fn mark(&mut self, key: u64) {
        if !self.knows(key) {
            self.known.insert_unique(spread(key), key & !STATUS, |entry| spread(*entry));
        }
    }

    /// Forgets all. A burst must not keep its memory for ever.
    pub(super) fn clear(&mut self) {
        let kept = self.known.len() / 2;
        self.known.clear();
        self.known.shrink_to(kept, |entry| spread(*entry));
        self.details.clear();
        self.details.shrink_to(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(status: u16) -> Finished {
        Finished { status, detail: None }
    }

    #[test]
    fn every_status_comes_back_as_it_was_kept() {
        let mut generation = Generation::new(Seed(1, 2));
        let key = |status: u16| u64::from(status).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for status in 200..=699 {
            generation.insert(key(status), plain(status));
        }
        for status in 200..=699 {
            assert_eq!(generation.get(key(status)), Some(plain(status)));
        }
        assert_eq!(generation.get(key(700)), None);
        generation.clear();
        assert_eq!(generation.get(key(200)), None);
    }

    #[test]
    fn a_merge_key_is_known_and_is_no_response() {
        let mut generation = Generation::new(Seed(1, 2));
        generation.mark(5 << 10);
        assert!(generation.knows(5 << 10) && generation.get(5 << 10).is_none());
        // A request without a From tag has one key for both.
        generation.insert(7 << 10, plain(404));
        generation.mark(7 << 10);
        assert_eq!(generation.get(7 << 10), Some(plain(404)));
    }

    #[test]
    fn many_share_no_slot_by_their_making() {
        let mut generation = Generation::new(Seed(1, 2));
        for number in 0..100_000_u64 {
            generation.insert(number << 10, plain(200));
        }
        assert_eq!(generation.known.len(), 100_000);
        assert!((0..100_000_u64).all(|number| generation.get(number << 10) == Some(plain(200))));
        let octets = generation.known.allocation_size();
        assert!(octets <= 100_000 * 24, "{octets}");
    }
}
