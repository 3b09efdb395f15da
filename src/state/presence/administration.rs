//! What an operator decides: to take the gateway out of service, to remove a SIP user.

use super::State;
use super::authorization::Stanza as Kind;
use super::notifier::Reason;
use super::pair::Dirty;
use crate::codec::xmpp::Jid;
use crate::flow::{Effect, Now, PairId};

impl State {
    /// Takes the gateway out of service: all that it showed is withdrawn, and watchers may go
    /// elsewhere (RFC 6665 §4.1.3, deactivated). The authorizations are kept.
    pub(in crate::state) fn retire(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for id in self.presence.all() {
            self.with_pair(now, id, effects, |state, effects| {
                state.withdraw(now, id, effects);
                state.end_all(id, Reason::Deactivated);
                state.mark_dirty(id, Dirty::BeforeSend);
            });
        }
    }

    /// Removes a SIP user: sends `unsubscribe` to every XMPP user who authorized the SIP user, or
    /// was asked to (RFC 6121 §3.3).
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

    /// Ends all subscriptions of the SIP user of a pair.
    fn end_all(&mut self, id: PairId, reason: Reason) {
        let Some(side) = self.notifier_side_mut(id) else { return };
        let each = side.dialogs.iter_mut().filter(|one| !one.fetch);
        let actions = each.map(|one| (one.id, one.machine.end(reason))).collect();
        self.carry_out(id, actions);
    }
}
