//! The dialogs of all pairs, by name: counting them costs nothing, however many there are.

use crate::flow::{DialogId, Map, PairId, Seed};

/// Dialogs in which XMPP users watch, and those in which SIP users do.
#[derive(Debug)]
pub(super) struct Dialogs {
    subscriber: Map<DialogId, PairId>,
    notifier: Map<DialogId, PairId>,
}

impl Dialogs {
    pub(super) fn new(seed: Seed) -> Self {
        Dialogs { subscriber: Map::with_hasher(seed), notifier: Map::with_hasher(seed) }
    }

    /// The pair of a dialog.
    pub(super) fn pair(&self, id: DialogId) -> Option<PairId> {
        self.subscriber.get(&id).or_else(|| self.notifier.get(&id)).copied()
    }

    /// Adds one in which stox is the subscriber.
    pub(super) fn add_subscriber(&mut self, id: DialogId, pair: PairId) {
        self.subscriber.insert(id, pair);
    }

    /// Adds one in which stox is the notifier.
    pub(super) fn add_notifier(&mut self, id: DialogId, pair: PairId) {
        self.notifier.insert(id, pair);
    }

    pub(super) fn remove(&mut self, id: DialogId) {
        if self.subscriber.remove(&id).is_none() {
            self.notifier.remove(&id);
        }
    }

    /// How many there are with stox as the subscriber, and as the notifier.
    pub(super) fn count(&self) -> (usize, usize) {
        (self.subscriber.len(), self.notifier.len())
    }
}
