//! An XMPP user polls a SIP user's presence, without a subscription (RFC 8048 §7.1).

use super::State;
use super::pair::{PairState, Poll, Probe};
use super::shares::Maker;
use crate::flow::{Followup, Now, PairId, UserPair};

impl State {
    /// Begins a poll, unless one is under way.
    pub(super) fn poll(&mut self, now: Now, pair: &UserPair, probe: Probe) {
        let id = pair.id;
        let polling = |known: &PairState| known.poll.is_some();
        if self.presence.pair(id).is_some_and(polling) {
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

    /// Sends a poll that the rate limit delayed and that is due.
    pub(super) fn poll_due(&mut self, now: Now, id: PairId) {
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        let Some(poll) = known.poll.as_deref_mut() else { return };
        if poll.due.take_if(|at| *at <= now.instant).is_some() {
            let name = poll.dialog.0;
            self.again(Followup::Subscribe(id, name, 0));
        }
    }

    pub(super) fn end_poll(&mut self, id: PairId) -> Option<Box<Poll>> {
        let poll = self.presence.pairs.get_mut(&id)?.poll.take()?;
        self.presence.dialogs.remove(poll.dialog.0);
        Some(poll)
    }
}
