//! The dialogs of all pairs, by name: counting them costs nothing, however many there are.

use crate::flow::{DialogId, Map, PairId, Seed};

/// Dialogs in which XMPP users watch, and those in which SIP users do.
#[derive(Debug)]
pub(super) struct Dialogs {
    hers: Map<DialogId, PairId>,
    his: Map<DialogId, PairId>,
}

impl Dialogs {
    pub(super) fn new(seed: Seed) -> Self {
        Dialogs { hers: Map::with_hasher(seed), his: Map::with_hasher(seed) }
    }

    /// The pair of a dialog.
    pub(super) fn pair(&self, id: DialogId) -> Option<PairId> {
        self.hers.get(&id).or_else(|| self.his.get(&id)).copied()
    }

    /// One of hers: stox is the subscriber.
    pub(super) fn add_subscriber(&mut self, id: DialogId, pair: PairId) {
        self.hers.insert(id, pair);
    }

    /// One of his: stox is the notifier.
    pub(super) fn add_notifier(&mut self, id: DialogId, pair: PairId) {
        self.his.insert(id, pair);
    }

    pub(super) fn remove(&mut self, id: DialogId) {
        if self.hers.remove(&id).is_none() {
            self.his.remove(&id);
        }
    }

    /// How many there are: hers, and his.
    pub(super) fn count(&self) -> (usize, usize) {
        (self.hers.len(), self.his.len())
    }
}
