//! Targets that refused a CPIM object get bare text until they send one: in this process at once,
//! in the next one if the record was safe.

use std::collections::{BTreeSet, VecDeque};

#[derive(Debug, Default)]
pub(crate) struct TextMemory {
    known: BTreeSet<&'static str>,
    /// Groups of records that are on their way to disk; with the target, if it is of one.
    unsafe_yet: VecDeque<(u64, Option<&'static str>)>,
    safe: BTreeSet<&'static str>,
    last: Option<&'static str>,
}

impl TextMemory {
    pub(crate) fn refused(&mut self, target: &'static str) {
        self.known.insert(target);
        self.last = Some(target);
    }

    /// The user sent an object: the agent reads them after all, and nothing is demanded any more.
    pub(crate) fn taught(&mut self, user: &str) {
        self.known.remove(user);
        self.safe.remove(user);
        let of_user = self.unsafe_yet.iter_mut().filter(|(_, known)| *known == Some(user));
        of_user.for_each(|(_, known)| *known = None);
    }

    pub(crate) fn knows(&self, target: &str) -> bool {
        self.known.contains(target)
    }

    /// The gateway writes records: of the last refusal, or of something else.
    pub(crate) fn record(&mut self, group: u64, of_text: bool) {
        self.unsafe_yet.push_back((group, self.last.filter(|_| of_text)));
    }

    pub(crate) fn committed(&mut self, group: u64) {
        while self.unsafe_yet.front().is_some_and(|(first, _)| *first <= group) {
            self.safe.extend(self.unsafe_yet.pop_front().and_then(|(_, target)| target));
        }
    }

    /// The process ended; so many groups had still come to the disk. How many targets the next
    /// process must know.
    pub(crate) fn died(&mut self, kept: usize) -> usize {
        let arrived = self.unsafe_yet.drain(..).take(kept).filter_map(|(_, target)| target);
        self.safe.extend(arrived);
        self.known.clone_from(&self.safe);
        self.known.len()
    }
}
