//! The journal's file as `src/wire/journal.rs` keeps it: steps of a few milliseconds are written in
//! one piece, and what ended within them is not written at all. The file outlives the process.

use std::collections::{BTreeMap, VecDeque};

use stox::flow::{DeliveryId, Entry, Part, Sent, Taken, Unfinished};

use crate::agenda::{MS, Micros};

/// How long steps are gathered.
pub(crate) const GROUP: Micros = 5 * MS;

#[derive(Debug)]
struct Live {
    taken: Taken,
    part: Option<Part>,
    sent: Option<Sent>,
    written: bool,
    part_is_new: bool,
    sent_is_new: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// What the file says.
    file: BTreeMap<DeliveryId, Unfinished>,
    /// Groups on their way into the file.
    groups: VecDeque<Vec<Entry>>,
    live: BTreeMap<DeliveryId, Live>,
    dirty: Vec<DeliveryId>,
    ended: Vec<DeliveryId>,
    /// Steps are being gathered; there are more to gather after that.
    gathers: bool,
    more: bool,
}

impl Journal {
    /// A process begins: what the file holds, in the order of ids.
    pub(crate) fn open(&mut self) -> Vec<Unfinished> {
        let left: Vec<Unfinished> = self.file.values().cloned().collect();
        let live = |left: &Unfinished| Live {
            taken: left.taken.clone(),
            part: left.part.clone(),
            sent: left.sent.clone(),
            written: true,
            part_is_new: false,
            sent_is_new: false,
        };
        self.live = left.iter().map(|left| (left.delivery, live(left))).collect();
        left
    }

    /// Notes a step; true when that begins a group.
    pub(crate) fn note(&mut self, entry: Entry) -> bool {
        match entry {
            Entry::Taken(id, taken) => {
                let live = Live {
                    taken,
                    part: None,
                    sent: None,
                    written: false,
                    part_is_new: false,
                    sent_is_new: false,
                };
                self.live.insert(id, live);
                self.dirty.push(id);
            }
            Entry::Part(id, part) => {
                let Some(live) = self.live.get_mut(&id) else { return false };
                (live.part, live.part_is_new) = (Some(part), true);
                (live.sent, live.sent_is_new) = (None, false);
                self.dirty.push(id);
            }
            Entry::Sent(id, sent) => {
                let Some(live) = self.live.get_mut(&id) else { return false };
                (live.sent, live.sent_is_new) = (Some(sent), true);
                self.dirty.push(id);
            }
            Entry::Ended(id) => {
                if !self.live.remove(&id).is_some_and(|live| live.written) {
                    return false;
                }
                self.ended.push(id);
            }
        }
        let begins = !std::mem::replace(&mut self.gathers, true);
        self.more |= !begins;
        begins
    }

    /// A group is complete: whether there is something to write, and whether the next one begins.
    pub(crate) fn gather(&mut self) -> (bool, bool) {
        let mut group = Vec::new();
        for id in self.dirty.drain(..) {
            let Some(live) = self.live.get_mut(&id) else { continue };
            if !std::mem::replace(&mut live.written, true) {
                group.push(Entry::Taken(id, live.taken.clone()));
            }
            if std::mem::replace(&mut live.part_is_new, false) {
                group.extend(live.part.clone().map(|part| Entry::Part(id, part)));
            }
            if std::mem::replace(&mut live.sent_is_new, false) {
                group.extend(live.sent.clone().map(|sent| Entry::Sent(id, sent)));
            }
        }
        group.extend(self.ended.drain(..).map(Entry::Ended));
        self.gathers = std::mem::take(&mut self.more);
        let writes = !group.is_empty();
        if writes {
            self.groups.push_back(group);
        }
        (writes, self.gathers)
    }

    /// The oldest group is in the file.
    pub(crate) fn written(&mut self) {
        for entry in self.groups.pop_front().into_iter().flatten() {
            self.apply(entry);
        }
    }

    fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Taken(delivery, taken) => {
                self.file.insert(delivery, Unfinished { delivery, taken, part: None, sent: None });
            }
            Entry::Part(delivery, part) => {
                if let Some(left) = self.file.get_mut(&delivery) {
                    (left.part, left.sent) = (Some(part), None);
                }
            }
            Entry::Sent(delivery, sent) => {
                if let Some(left) = self.file.get_mut(&delivery) {
                    left.sent = Some(sent);
                }
            }
            Entry::Ended(delivery) => drop(self.file.remove(&delivery)),
        }
    }

    /// The process stops in peace: everything is written.
    pub(crate) fn close(&mut self) {
        self.gather();
        while !self.groups.is_empty() {
            self.written();
        }
        self.forget();
    }

    /// The process is killed. Of what was being written the first records may have arrived: how
    /// many, `kept` says when it is told how many there are. How many steps are lost.
    pub(crate) fn kill(&mut self, kept: impl FnOnce(u64) -> u64) -> u64 {
        let gathered = self.dirty.len() + self.ended.len();
        let groups: Vec<Entry> = self.groups.drain(..).flatten().collect();
        let written = groups.len() as u64;
        let kept = kept(written);
        for entry in groups.into_iter().take(kept as usize) {
            self.apply(entry);
        }
        self.forget();
        written - kept + gathered as u64
    }

    fn forget(&mut self) {
        self.groups.clear();
        self.live.clear();
        self.dirty.clear();
        self.ended.clear();
        (self.gathers, self.more) = (false, false);
    }

    /// Messages without an outcome, as the process and as the file has them.
    pub(crate) fn unfinished(&self) -> (usize, usize) {
        (self.live.len(), self.file.len())
    }
}
