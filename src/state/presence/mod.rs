//! Presence: who may see whom, the subscriptions of both directions, what each was shown.
//!
//! Everything is kept for each pair of a SIP user and an XMPP user by itself: what a presentity
//! shows to one watcher is never shown to another one (RFC 8048 §8.2).

mod administration;
pub mod authorization;
mod client;
pub mod dialog;
mod dialogs;
mod heard;
mod link_up;
mod notified;
pub mod notifier;
mod notifier_side;
mod notify_window;
pub mod pair;
mod polling;
mod presentity;
mod record;
pub(crate) mod request;
mod secured_objects;
pub mod shares;
mod stanza;
mod store;
mod subscribe_rate;
pub mod subscriber;
mod subscriber_side;
pub mod user_pair;
mod xmpp_user;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::State;
use super::ids::Purpose;
use super::rate_limit::Pace;
use super::timer::Timer;
use crate::codec::sip::SubscriptionState;
use crate::codec::xmpp::Jid;
use crate::flow::{
    CommitId, Counter, DialogId, Effect, Instant, Map, Now, PairId, PresenceIntent, PresenceStanza,
    Seed, StanzaContent,
};
use authorization::Authorization;
use dialog::Dialog;
use dialogs::Dialogs;
use heard::Retrying;
use notify_window::NotifyWindow;
use pair::{Dirty, PairState};
use secured_objects::Objects;
use shares::Shares;
use store::Unsent;
use subscriber::{Context, Online};
use xmpp_user::{DEVICES, XmppUser};

/// All pairs.
#[derive(Debug)]
pub struct Presence {
    pairs: Map<PairId, Box<PairState>>,
    dialogs: Dialogs,
    users: Map<u64, XmppUser>,
    /// Records up to this group are on disk.
    committed: CommitId,
    /// The transactions that were begun in the pass that is under way.
    launched: Vec<u64>,
    /// The requests that wait for the disk, in the order of their groups.
    unsent: VecDeque<Unsent>,
    /// Pairs whose records are a little behind.
    deferred: Vec<PairId>,
    /// The rate limit of SUBSCRIBE.
    pace: Pace,
    /// The NOTIFYs under way, by peer.
    windows: Vec<NotifyWindow>,
    /// The store was lost not long ago: who watches whom is learnt again.
    lost: bool,
    objects: Objects,
    shares: Shares,
    retrying: Retrying,
}

/// How much there is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Pairs of whom one watches the other.
    pub pairs: usize,
    /// Dialogs in which XMPP users watch.
    pub subscriber_dialogs: usize,
    /// Dialogs in which SIP users watch.
    pub notifier_dialogs: usize,
}

impl Presence {
    /// Nobody watches anybody, or that is not known any more; there are so many peers.
    #[must_use]
    pub fn new(seed: Seed, peers: usize, lost: bool) -> Self {
        Presence {
            pairs: Map::with_hasher(seed),
            dialogs: Dialogs::new(seed),
            users: Map::with_hasher(seed),
            committed: CommitId(0),
            launched: Vec::new(),
            unsent: VecDeque::new(),
            deferred: Vec::new(),
            pace: Pace::new(seed),
            windows: (0..peers).map(|_| NotifyWindow::default()).collect(),
            lost,
            objects: Objects::new(seed),
            shares: Shares::new(seed),
            retrying: Retrying::new(seed),
        }
    }

    /// A pair.
    #[must_use]
    pub fn pair(&self, id: PairId) -> Option<&PairState> {
        self.pairs.get(&id).map(|pair| &**pair)
    }

    /// The name of the pair of a dialog.
    #[must_use]
    pub fn named(&self, id: DialogId) -> Option<PairId> {
        self.dialogs.pair(id)
    }

    /// The pair of a dialog.
    #[must_use]
    pub fn of_dialog(&self, id: DialogId) -> Option<&PairState> {
        self.pair(self.dialogs.pair(id)?)
    }

    /// How much there is.
    #[must_use]
    pub fn count(&self) -> Count {
        let (subscriber_dialogs, notifier_dialogs) = self.dialogs.count();
        Count { pairs: self.pairs.len(), subscriber_dialogs, notifier_dialogs }
    }

    /// How many XMPP users watch a SIP user, or are watched, or asked to.
    #[must_use]
    pub fn users_of(&self, contact: &Jid) -> usize {
        let contact = contact.bare();
        self.pairs.values().filter(|pair| pair.names.contact == contact).count()
    }

    /// The names of all pairs, in an order that is the same everywhere.
    fn all(&self) -> Vec<PairId> {
        let mut all: Vec<PairId> = self.pairs.keys().copied().collect();
        all.sort_unstable();
        all
    }
}

impl State {
    /// Presence, for routing to read.
    #[must_use]
    pub fn presence(&self) -> &Presence {
        &self.presence
    }

    /// The name of a pair, by its bare JIDs.
    #[must_use]
    pub fn pair_id(&self, contact: &Jid, user: &Jid) -> PairId {
        let parts = [contact.bare_str().as_bytes(), user.bare_str().as_bytes()];
        PairId(self.hash(Purpose::Pair, &parts))
    }

    /// The name of a dialog.
    #[must_use]
    pub fn dialog_id(&self, call_id: &str, tag: &str) -> DialogId {
        DialogId(self.hash(Purpose::Dialog, &[call_id.as_bytes(), tag.as_bytes()]))
    }

    fn user_id(&self, user: &Jid) -> u64 {
        self.hash(Purpose::User, &[user.bare_str().as_bytes()])
    }

    /// A dialog that is to be: its Call-ID and tag are fresh.
    fn fresh_dialog(&mut self) -> (DialogId, Dialog) {
        let dialog = Dialog::new(self.ids.call_id().as_str(), &self.ids.token());
        (self.dialog_id(dialog.call_id(), dialog.local_tag()), dialog)
    }

    /// Does something for a pair: what that changes is stored, the deadline is set, and what nobody
    /// may see before the record is on disk waits.
    pub(super) fn with_pair(
        &mut self,
        now: Now,
        id: PairId,
        effects: &mut Vec<Effect>,
        work: impl FnOnce(&mut Self, &mut Vec<Effect>),
    ) {
        let mark = effects.len();
        work(self, effects);
        self.settle_object(id, effects);
        self.commit(now, id, mark, effects);
        self.presence.launched.clear();
        self.schedule(now, id);
    }

    fn add_pair(&mut self, mut pair: PairState) {
        let user = self.presence.users.entry(self.user_id(pair.names.xmpp_user())).or_default();
        user.pairs += 1;
        user.heard = user.heard.max(pair.heard);
        pair.names.share(&mut user.names);
        for device in pair.notifier_side.iter_mut().flat_map(|side| &mut side.devices) {
            *device = user.share_kept(Arc::clone(device));
        }
        self.presence.pairs.insert(pair.names.id, Box::new(pair));
    }

    fn remove_pair(&mut self, id: PairId) {
        self.uncount(id);
        self.forget_retrying(id);
        let Some(pair) = self.presence.pairs.remove(&id) else { return };
        let key = self.user_id(pair.names.xmpp_user());
        let Some(user) = self.presence.users.get_mut(&key) else { return };
        user.pairs = user.pairs.saturating_sub(1);
        if user.pairs == 0 {
            self.presence.users.remove(&key);
        }
    }

    /// Sets the deadline of a pair, if it is earlier than the one that is set.
    fn schedule(&mut self, now: Now, id: PairId) {
        self.recount(now, id);
        let Some(pair) = self.presence.pairs.get_mut(&id) else { return };
        if pair.is_empty() {
            if pair.stored {
                self.commit_later(now, id);
            }
            return self.remove_pair(id);
        }
        let Some(at) = pair.deadline() else { return };
        if pair.armed.is_none_or(|armed| at < armed) {
            pair.armed = Some(at);
            self.timers.set(at, Timer::Pair(id));
        }
    }

    /// What is due for a pair whose record is not on disk is tried again in a second.
    fn fire_later(&mut self, now: Now, id: PairId) {
        let at = now.instant + Duration::from_secs(1);
        if let Some(pair) = self.presence.pairs.get_mut(&id) {
            pair.armed = Some(at);
            self.timers.set(at, Timer::Pair(id));
        }
    }

    /// The deadline of a pair has passed.
    pub(super) fn fire_pair(&mut self, now: Now, id: PairId, effects: &mut Vec<Effect>) {
        let Some(pair) = self.presence.pairs.get_mut(&id) else { return };
        // One that was overtaken by an earlier one means nothing.
        if pair.armed.is_none_or(|armed| armed > now.instant) {
            return;
        }
        if self.is_unwritten(Some(id)) {
            return self.fire_later(now, id);
        }
        let Some(pair) = self.presence.pairs.get_mut(&id) else { return };
        pair.armed = None;
        let (mut back, mut ask) = (false, false);
        let over = pair.pause(|pauses| {
            let over = |until: &mut Option<Instant>| {
                until.take_if(|until| *until <= now.instant).is_some()
            };
            (back, ask) = (over(&mut pauses.back), over(&mut pauses.ask));
            over(&mut pauses.refused) | over(&mut pauses.refuses)
        });
        if over {
            pair.mark_dirty(Dirty::Deferred);
        }
        if back {
            self.pair_link_up(now, id, effects);
        }
        self.with_pair(now, id, effects, |state, effects| {
            if ask {
                state.ask_after_outage(now, id, effects);
            }
            state.fire_subscriber_side(now, id, effects);
            state.fire_notifier_side(now, id, effects);
        });
    }

    /// What a subscriber is told beside an event.
    fn context(&mut self, now: Now, id: PairId) -> Context {
        let random = self.ids.random();
        let pair = self.presence.pairs.get(&id);
        let side = pair.and_then(|pair| pair.subscriber_side.as_ref());
        let waited = now.unix_ms.saturating_sub(side.map_or(now.unix_ms, |it| it.since));
        let patient = Duration::from_millis(waited) < self.config.presence.pending_limit;
        Context {
            now: now.instant,
            timer_n: self.timing.lifetime(),
            random,
            granted: pair.is_some_and(|pair| pair.authorization.from),
            online: pair.map_or(Online::Perhaps, |pair| self.online(now, pair)),
            patient,
        }
    }

    /// Carries out what was decided about presence.
    pub(super) fn do_presence(
        &mut self,
        now: Now,
        intent: PresenceIntent,
        effects: &mut Vec<Effect>,
    ) {
        match intent {
            PresenceIntent::Presented(said) => self.presented(now, *said, effects),
            PresenceIntent::Notified(notified) => {
                let over = *notified.state.state() == SubscriptionState::Terminated;
                let contact = (!over).then(|| notified.pair.sip_user.clone());
                self.notified(now, *notified, effects);
                if let Some(contact) = contact {
                    self.contact_heard(now, &contact, effects);
                }
            }
            PresenceIntent::Subscribing(asked) => {
                let contact = asked.pair.sip_user.clone();
                self.subscribing(now, *asked, effects);
                self.contact_heard(now, &contact, effects);
            }
            PresenceIntent::Answered(answered) => self.answered(now, &answered, effects),
            PresenceIntent::Subscribe { pair, dialog, seconds, accept } => {
                self.with_pair(now, pair, effects, |state, effects| {
                    state.send_subscribe(now, pair, dialog, (seconds, &accept), effects);
                });
            }
            PresenceIntent::Object(directed) => self.send_secured(now, *directed, effects),
            PresenceIntent::Notify(pair, each) => {
                for (dialogs, written) in each {
                    self.notify(now, pair, &dialogs, written.as_ref(), effects);
                }
            }
        }
    }

    /// A presence stanza of an XMPP user for a SIP user.
    pub(super) fn presented(&mut self, now: Now, said: PresenceStanza, effects: &mut Vec<Effect>) {
        self.counters.count(Counter::XmppPresence);
        self.heard_of(now, &said.pair.xmpp_user);
        if let Some(pair) = self.presence.pairs.get_mut(&said.pair.id) {
            pair.heard = now.unix_ms;
        }
        let id = said.pair.id;
        self.with_pair(now, id, effects, |state, effects| match said.content {
            StanzaContent::Subscribe => state.on_subscribe(now, &said, effects),
            StanzaContent::Unsubscribe => state.on_unsubscribe(now, &said, effects),
            StanzaContent::Probe => state.on_probe(now, &said, effects),
            StanzaContent::Subscribed => state.on_subscribed(now, &said.pair, effects),
            StanzaContent::Unsubscribed => state.on_unsubscribed(now, &said, effects),
            StanzaContent::Available(_) | StanzaContent::Unavailable(_) => {
                state.on_presence(now, said, effects)
            }
            StanzaContent::Failed { meaning, out_of_reach } => {
                state.on_error_stanza(now, &said, meaning, out_of_reach, effects);
            }
        });
    }

    /// Who may see whom, of a pair.
    fn authorization(&mut self, id: PairId) -> Option<&mut Authorization> {
        self.presence.pairs.get_mut(&id).map(|pair| &mut pair.authorization)
    }

    fn mark_dirty(&mut self, id: PairId, dirty: Dirty) {
        if let Some(pair) = self.presence.pairs.get_mut(&id) {
            pair.mark_dirty(dirty);
        }
    }
}
