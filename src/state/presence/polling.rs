//! An XMPP user asks once how a SIP user is, without a subscription (RFC 8048 §7.1).

use super::State;
use super::pair::{PairState, Poll, Probe};
use super::shares::Maker;
use crate::flow::{Followup, Now, PairId, UserPair};

impl State {
    /// A question without a subscription (RFC 8048 §7.1).
    pub(super) fn poll(&mut self, now: Now, pair: &UserPair, probe: Probe) {
        let id = pair.id;
        let refused = |known: &PairState| known.poll.is_some();
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
        known.poll = Some(Box::new(Poll { dialog: (name, dialog), probe, due: Some(at), timer_n }));
        self.presence.dialogs.add_subscriber(name, id);
        self.poll_due(now, id);
    }

    /// A question whose place has come.
    pub(super) fn poll_due(&mut self, now: Now, id: PairId) {
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        let Some(fetch) = known.poll.as_deref_mut() else { return };
        if fetch.due.take_if(|at| *at <= now.instant).is_some() {
            let name = fetch.dialog.0;
            self.again(Followup::Subscribe(id, name, 0));
        }
    }

    pub(super) fn end_poll(&mut self, id: PairId) -> Option<Box<Poll>> {
        let fetch = self.presence.pairs.get_mut(&id)?.poll.take()?;
        self.presence.dialogs.remove(fetch.dialog.0);
        Some(fetch)
    }
}
