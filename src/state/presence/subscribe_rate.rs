//! The rate limit of SUBSCRIBE: an even flow, after a burst that may go at once (RFC 8048 §8.1).

use super::State;
use super::pair::Due;
use crate::flow::{Counter, Instant, Now, PairId};
use crate::state::ids::Purpose;
use crate::state::rate_limit::Rate;

impl State {
    /// When a SUBSCRIBE of a pair is due (SEC-013).
    pub(super) fn place(&mut self, now: Now, id: PairId) -> Instant {
        let Some(pair) = self.presence.pair(id) else { return now.instant };
        let target = self.hash(Purpose::Target, &[pair.names.contact.bare_str().as_bytes()]);
        let user = self.user_id(pair.names.xmpp_user());
        let settings = &self.config.presence;
        let (all, each) = (settings.subscribe_rate, settings.subscribe_rate_per_user);
        let (all, each) = (Rate::new(all), Rate::new(each));
        let user = self.presence.users.get_mut(&user);
        let of_user = user.map_or(now.instant, |user| user.flow.place(now.instant, each));
        self.presence.pace.place(now.instant, target, all, each).max(of_user)
    }

    /// A SUBSCRIBE has its place in the flow of all; one that ends a subscription needs none.
    pub(super) fn subscribe(&mut self, now: Now, id: PairId, seconds: u32, fresh: bool) {
        let before = self.subscriber_side_mut(id).and_then(|side| side.due.take());
        let at = match before {
            _ if seconds == 0 => now.instant,
            Some(due) => due.at,
            None => self.place(now, id),
        };
        if at <= now.instant {
            return self.subscribe_now(id, seconds, fresh);
        }
        self.counters.count(Counter::SubscribePaced);
        if let Some(side) = self.subscriber_side_mut(id) {
            side.due = Some(Box::new(Due { at, seconds, fresh }));
            side.machine.postpone(at - now.instant);
        }
    }

    /// A SUBSCRIBE whose place has come.
    pub(super) fn subscribe_due(&mut self, now: Now, id: PairId) {
        let Some(side) = self.subscriber_side_mut(id) else { return };
        let Some(due) = side.due.take_if(|due| due.at <= now.instant) else { return };
        // The XMPP user may have unsubscribed meanwhile.
        if side.machine.is_wanted() {
            self.subscribe_now(id, due.seconds, due.fresh);
        }
    }
}
