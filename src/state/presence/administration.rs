//! What an operator decides: the gateway is taken out of service, a SIP user is no more.

use super::State;
use super::authorization::Stanza as Kind;
use super::notifier::Reason;
use super::pair::Dirty;
use crate::codec::xmpp::Jid;
use crate::flow::{Effect, Now, PairId};

impl State {
    /// The gateway is taken out of service: all that it showed goes, and who watches may go
    /// elsewhere (RFC 6665 §4.1.3, deactivated). Who may see whom is kept.
    pub(in crate::state) fn retire(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for id in self.presence.all() {
            self.with_pair(now, id, effects, |state, effects| {
                state.withdraw(now, id, effects);
                state.end_all(id, Reason::Deactivated);
                state.mark_dirty(id, Dirty::BeforeSend);
            });
        }
    }

    /// A SIP user is no more: he sees nobody, and gives up to (RFC 6121 §3.3).
    pub(in crate::state) fn remove(&mut self, now: Now, contact: &Jid, effects: &mut Vec<Effect>) {
        let contact = contact.bare();
        for id in self.presence.all() {
            let Some(known) = self.presence.pair(id) else { continue };
            if known.names.contact != contact {
                continue;
            }
            let pair = known.pair();
            self.with_pair(now, id, effects, |state, effects| {
                let Some(authorization) = state.authorization(id) else { return };
                let known = authorization.to || authorization.pending_out;
                authorization.outbound(Kind::Unsubscribe);
                state.end_all(id, Reason::NoResource);
                state.forget_presentity(id);
                state.mark_dirty(id, Dirty::BeforeSend);
                if known {
                    state.send_subscription(now, &pair, Kind::Unsubscribe, None, effects);
                }
            });
        }
    }

    /// Ends all of his subscriptions.
    fn end_all(&mut self, id: PairId, reason: Reason) {
        let Some(watched) = self.watched_mut(id) else { return };
        let each = watched.dialogs.iter_mut().filter(|one| !one.fetch);
        let actions = each.map(|one| (one.id, one.machine.end(reason))).collect();
        self.carry_out(id, actions);
    }
}
