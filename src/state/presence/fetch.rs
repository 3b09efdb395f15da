//! An XMPP user asks once how a SIP user is, without a subscription (RFC 8048 §7.1).

use super::State;
use super::pair::{Fetch, PairState, Probe};
use super::shares::Maker;
use crate::flow::{Again, Now, Pair, PairId};

impl State {
    /// A question without a subscription (RFC 8048 §7.1).
    pub(super) fn fetch(&mut self, now: Now, pair: &Pair, probe: Probe) {
        let id = pair.id;
        let refused = |known: &PairState| known.fetch.is_some();
        if self.presence.pair(id).is_some_and(refused) {
            return;
        }
        let (name, dialog) = self.fresh_dialog();
        if self.pair_made(now, pair, Maker::Xmpp).is_none() {
            return;
        }
        let at = self.place(now, id);
        let timer_n = at + self.timing.lifetime();
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        known.fetch =
            Some(Box::new(Fetch { dialog: (name, dialog), probe, due: Some(at), timer_n }));
        self.presence.dialogs.add_hers(name, id);
        self.fetch_due(now, id);
    }

    /// A question whose place has come.
    pub(super) fn fetch_due(&mut self, now: Now, id: PairId) {
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        let Some(fetch) = known.fetch.as_deref_mut() else { return };
        if fetch.due.take_if(|at| *at <= now.instant).is_some() {
            let name = fetch.dialog.0;
            self.again(Again::Subscribe(id, name, 0));
        }
    }

    pub(super) fn end_fetch(&mut self, id: PairId) -> Option<Box<Fetch>> {
        let fetch = self.presence.pairs.get_mut(&id)?.fetch.take()?;
        self.presence.dialogs.remove(fetch.dialog.0);
        Some(fetch)
    }
}
