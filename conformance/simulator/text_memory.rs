//! Targets that refused a CPIM object want bare text from then on: in this process at once, in
//! the next one if the record was safe.

use std::collections::{BTreeSet, VecDeque};

#[derive(Debug, Default)]
pub(crate) struct TextMemory {
    known: BTreeSet<&'static str>,
    /// Groups of records that are on their way to disk, with the target of each.
    unsafe_yet: VecDeque<(u64, &'static str)>,
    safe: BTreeSet<&'static str>,
    last: Option<&'static str>,
}

impl TextMemory {
    pub(crate) fn refused(&mut self, target: &'static str) {
        self.known.insert(target);
        self.last = Some(target);
    }

    pub(crate) fn knows(&self, target: &str) -> bool {
        self.known.contains(target)
    }

    /// The gateway writes a record: it is of the last refusal.
    pub(crate) fn record(&mut self, group: u64) {
        self.unsafe_yet.extend(self.last.map(|target| (group, target)));
    }

    pub(crate) fn committed(&mut self, group: u64) {
        while self.unsafe_yet.front().is_some_and(|(first, _)| *first <= group) {
            self.safe.extend(self.unsafe_yet.pop_front().map(|(_, target)| target));
        }
    }

    /// The process ended; so many groups had still come to the disk. How many targets the next
    /// process must know.
    pub(crate) fn died(&mut self, kept: usize) -> usize {
        let arrived = self.unsafe_yet.drain(..).take(kept).map(|(_, target)| target);
        self.safe.extend(arrived);
        self.known.clone_from(&self.safe);
        self.known.len()
    }
}
