//! A component link is back (SUB-113): what was missed meanwhile is asked for and shown, one pair
//! after the other.

use std::time::Duration;

use super::State;
use super::pair::PairState;
use crate::flow::{Effect, LinkId, Now, PairId};
use crate::state::link::Link;
use crate::state::rate_limit::{Rate, TokenBucket};

/// When the link is back, subscriptions are made anew within this time.
const SPREAD: Duration = Duration::from_secs(10);
/// After an outage `subscribe` goes to the XMPP user again, so long after the last one.
const ASKED_APART: Duration = Duration::from_secs(600);

impl State {
    /// The link is back: its server has missed what was said meanwhile, and so has the gateway. All
    /// pairs are taken up one after the other.
    pub(in crate::state) fn link_up(&mut self, now: Now, link: LinkId, effects: &mut Vec<Effect>) {
        // Who came and went meanwhile was not told.
        for user in self.presence.users.values_mut() {
            (user.said, user.unasked, user.devices) = (false, false, Vec::new());
        }
        for id in self.presence.all() {
            let Some(pair) = self.presence.pairs.get(&id) else { continue };
            if pair.subscriber_side.as_ref().is_some_and(|side| side.machine.is_wanted()) {
                let key = self.user_id(pair.names.xmpp_user());
                if let Some(user) = self.presence.users.get_mut(&key) {
                    user.unasked = true;
                }
            }
        }
        let (mut flow, rate) =
            (TokenBucket::default(), Rate::new(self.config.presence.resume_rate));
        for id in self.presence.all() {
            let Some(pair) = self.presence.pairs.get_mut(&id) else { continue };
            if pair.names.link != link {
                continue;
            }
            let at = flow.place(now.instant, rate);
            let waits = at > now.instant;
            pair.pause(|pauses| pauses.back = waits.then_some(at));
            match waits {
                true => self.schedule(now, id),
                false => self.pair_link_up(now, id, effects),
            }
        }
    }

    pub(super) fn pair_link_up(&mut self, now: Now, id: PairId, effects: &mut Vec<Effect>) {
        let link = self.presence.pair(id).and_then(|pair| self.links.get(pair.names.link.0));
        // It may have gone again.
        if !link.is_some_and(Link::is_up) {
            return;
        }
        self.with_pair(now, id, effects, |state, effects| {
            state.subscriber_link_up(now, id, effects);
            state.notifier_link_up(now, id, effects);
        });
    }

    /// The link is back (SUB-113): the XMPP user is shown the SIP user's presence again, since the
    /// server repeats no probe.
    fn subscriber_link_up(&mut self, now: Now, id: PairId, effects: &mut Vec<Effect>) {
        self.catch_up(id, effects);
        // What was shown holds while a subscription is made anew, too: its first document may say
        // nothing new.
        self.show_all(id, effects);
        let live = |known: &PairState| {
            known.subscriber_side.as_ref().is_some_and(|side| side.machine.is_live())
        };
        if self.presence.pair(id).is_some_and(live) {
            return;
        }
        let context = self.context(now, id);
        if let Some(side) = self.subscriber_side_mut(id) {
            side.machine.resume(&context, SPREAD);
        }
    }

    /// The link is back (SUB-113): an XMPP user who is watched is probed.
    fn notifier_link_up(&mut self, now: Now, id: PairId, effects: &mut Vec<Effect>) {
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        // Whether the XMPP user is there decides whether the gateway subscribes, too.
        let wanted = known.subscriber_side.as_ref().is_some_and(|it| it.machine.is_wanted());
        if known.authorization.to {
            known.notifier_side.get_or_insert_default();
        }
        let Some(side) = known.notifier_side.as_deref_mut() else { return };
        side.probe = None;
        let alive = !side.dialogs.is_empty();
        if std::mem::take(&mut side.untold) {
            self.on_last_dialog_ended(id, effects);
        }
        // An XMPP user who watches is probed, too, for a SIP user who is authorized, watching or
        // not: else one of several devices would count as all.
        let user = self.presence.pair(id).map(|known| self.user_id(known.names.xmpp_user()));
        let user = user.and_then(|user| self.presence.users.get(&user));
        if !alive && !wanted && user.is_none_or(|user| !user.unasked) {
            return;
        }
        self.probe_presentity(now, id, effects);
        self.ask_after_outage(now, id, effects);
    }

    /// The outage may have lost the XMPP user's decision: `subscribe` is sent again, but not each
    /// time a link flaps.
    pub(super) fn ask_after_outage(&mut self, now: Now, id: PairId, effects: &mut Vec<Effect>) {
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        let up = self.links.get(known.names.link.0).is_some_and(Link::is_up);
        if !up || !known.authorization.pending_out {
            return;
        }
        let asked_at = known.notifier_side.as_ref().and_then(|side| side.asked_at);
        let due = asked_at.map(|at| at + ASKED_APART).filter(|due| *due > now.instant);
        known.pause(|pauses| pauses.ask = due);
        if due.is_some() {
            return;
        }
        if let Some(side) = known.notifier_side.as_deref_mut() {
            side.asked_at = None;
        }
        self.request_authorization(now, id, None, effects);
    }
}
