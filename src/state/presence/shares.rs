//! What one user may hold of what is common to all. A pair counts against who made it by asking;
//! what others asked of a user counts against them. A refusal frees the place: what is left of the
//! pair only keeps the request from being repeated, and the oldest of these goes for a new one.

use std::time::Duration;

use super::State;
use super::pair::PairState;
use crate::codec::xmpp::Jid;
use crate::flow::{Cause, LocalResponse, Map, Now, PairId, Seed, UserPair};
use crate::state::ids::Purpose;
use crate::state::rate_limit::Rate;

/// An XMPP user is reminded of so many requests at once, and of one more in a minute: a link that
/// comes and goes, or a restart, asks nobody a thousand times.
const REMINDERS: Rate = Rate::every(Duration::from_secs(60), 10);

/// Who made a pair by asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// The SIP user, by SUBSCRIBE.
    Sip,
    /// The XMPP user, by `subscribe` or a probe.
    Xmpp,
}

/// What of a pair is counted at present.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// It has a place of its maker's.
    place: bool,
    /// Its XMPP user has not decided.
    pending: bool,
    /// It is but the memory of a refusal.
    refused: bool,
    /// Subscriptions of its SIP user.
    dialogs: u32,
}

/// What one user holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Holding {
    pairs: usize,
    dialogs: usize,
}

/// What each user holds, of both sides.
#[derive(Debug)]
pub(super) struct Shares(Map<u64, Holding>);

impl Shares {
    /// Nobody holds anything.
    pub(super) fn new(seed: Seed) -> Self {
        Shares(Map::with_hasher(seed))
    }

    fn of(&self, user: u64) -> Holding {
        self.0.get(&user).copied().unwrap_or_default()
    }

    fn change(&mut self, user: u64, change: impl FnOnce(&mut Holding)) {
        let holding = self.0.entry(user).or_default();
        change(holding);
        if *holding == Holding::default() {
            self.0.remove(&user);
        }
    }
}

impl PairState {
    fn counts(&self) -> Counted {
        let dialogs = self.notifier_side.as_ref().map_or(0, |side| side.dialogs.len());
        let place = self.holds_place();
        Counted {
            place,
            pending: self.authorization.pending_out,
            refused: !place && !self.is_empty(),
            dialogs: u32::try_from(dialogs).unwrap_or(u32::MAX),
        }
    }
}

impl State {
    fn holder(&self, user: &Jid) -> u64 {
        self.hash(Purpose::Holder, &[user.bare_str().as_bytes()])
    }

    fn maker(&self, pair: &PairState) -> u64 {
        match pair.maker {
            Maker::Sip => self.holder(&pair.names.contact),
            Maker::Xmpp => self.holder(pair.names.xmpp_user()),
        }
    }

    /// The pair of two users, made if there is none. `None` when the table is full, or who asks
    /// has made as many as one user may.
    pub(super) fn pair_made(
        &mut self,
        now: Now,
        pair: &UserPair,
        maker: Maker,
    ) -> Option<&mut PairState> {
        let limits = &self.config.limits;
        let who = match maker {
            Maker::Sip => &pair.sip_user,
            Maker::Xmpp => &pair.xmpp_user,
        };
        let over = self.presence.shares.of(self.holder(who)).pairs >= limits.pairs_per_user;
        let full = self.presence.pairs.len() >= limits.pairs;
        match self.presence.pairs.get_mut(&pair.id) {
            Some(known) if known.holds_place() => {}
            Some(_) | None if over => return None,
            // It was but the memory of a refusal: the place is that of who asks now.
            Some(known) => known.maker = maker,
            None if full => return None,
            None => self.add_pair(PairState::new(pair, maker, now)),
        }
        self.presence.pairs.get_mut(&pair.id).map(|pair| &mut **pair)
    }

    /// Why a further subscription of a SIP user is rejected, for what the two hold already.
    pub(super) fn over_share(
        &mut self,
        now: Now,
        pair: &UserPair,
        asks: bool,
    ) -> Option<LocalResponse> {
        let limits = &self.config.limits;
        let (per_pair, per_user) = (limits.dialogs_per_pair, limits.dialogs_per_user);
        let most_pending = limits.pending_per_user;
        let full = |cause| Some(LocalResponse::full(cause));
        let dialogs = self.presence.shares.of(self.holder(&pair.sip_user)).dialogs;
        let user = self.presence.users.get(&self.user_id(&pair.xmpp_user));
        let pending = user.map_or(0, |user| user.pending);
        let Some(known) = self.pair_made(now, pair, Maker::Sip) else {
            return full(Cause::WatchesTooMany);
        };
        if known.notifier_side.as_ref().is_some_and(|side| side.dialogs.len() >= per_pair)
            || dialogs >= per_user
        {
            return full(Cause::TooManySubscriptions);
        }
        // A SIP user who has asked before, or whom the XMPP user knows, adds no request.
        let it = known.authorization;
        let new = asks && !it.to && !it.pending_out && !it.from && !it.pending_in;
        if new && pending >= most_pending {
            return full(Cause::TooManyRequests);
        }
        None
    }

    /// Whether an XMPP user may be reminded of a request now; it is counted as done.
    pub(super) fn may_remind(&mut self, now: Now, id: PairId) -> bool {
        let user = self.presence.pair(id).map(|pair| self.user_id(pair.names.xmpp_user()));
        let user = user.and_then(|user| self.presence.users.get_mut(&user));
        user.is_some_and(|user| user.reminders.take(now.instant, REMINDERS))
    }

    /// Something of a pair has changed: what it holds is counted anew.
    pub(super) fn recount(&mut self, now: Now, id: PairId) {
        let Some(pair) = self.presence.pairs.get(&id) else { return };
        let (before, after) = (pair.counted, pair.counts());
        if before == after {
            return;
        }
        self.count_as(id, before, after);
        if after.refused && !before.refused {
            self.bound_refused(now, id);
        }
    }

    /// A pair goes: it holds nothing any more.
    pub(super) fn uncount(&mut self, id: PairId) {
        let Some(pair) = self.presence.pairs.get(&id) else { return };
        self.count_as(id, pair.counted, Counted::default());
    }

    fn count_as(&mut self, id: PairId, before: Counted, after: Counted) {
        let Some(pair) = self.presence.pairs.get(&id) else { return };
        let (maker, contact) = (self.maker(pair), self.holder(&pair.names.contact));
        let user = self.user_id(pair.names.xmpp_user());
        let shares = &mut self.presence.shares;
        if before.place != after.place {
            shares.change(maker, |it| it.pairs = step(it.pairs, before.place, after.place));
        }
        if before.dialogs != after.dialogs {
            let gone = before.dialogs as usize;
            let there = after.dialogs as usize;
            shares.change(contact, |it| it.dialogs = (it.dialogs + there).saturating_sub(gone));
        }
        if let Some(user) = self.presence.users.get_mut(&user) {
            user.pending = step(user.pending, before.pending, after.pending);
            match (before.refused, after.refused) {
                (false, true) => user.refused.push_back(id),
                (true, false) => user.refused.retain(|refused| *refused != id),
                _ => {}
            }
        }
        if let Some(pair) = self.presence.pairs.get_mut(&id) {
            pair.counted = after;
        }
    }

    /// Of the pairs that hold but a refusal the oldest goes.
    fn bound_refused(&mut self, now: Now, id: PairId) {
        let most = self.config.limits.pending_per_user;
        let Some(pair) = self.presence.pairs.get(&id) else { return };
        let user = self.user_id(pair.names.xmpp_user());
        let Some(user) = self.presence.users.get_mut(&user) else { return };
        let oldest = user.refused.front().copied().filter(|_| user.refused.len() > most);
        let Some(oldest) = oldest else { return };
        if let Some(pair) = self.presence.pairs.get_mut(&oldest) {
            pair.set_pauses(super::pair::Pauses::default());
        }
        self.schedule(now, oldest);
    }
}

/// A count of which one more or one less is there now.
fn step(count: usize, before: bool, after: bool) -> usize {
    (count + usize::from(after)).saturating_sub(usize::from(before))
}
