//! XMPP users watch SIP users (RFC 8048 §5.2, §6.3, §7.1).

use super::State;
use super::authorization::Stanza as Kind;
use super::pair::{Dirty, PairState, Probe, SubscriberSide};
use super::shares::Maker;
use super::subscriber::{self, Action, Answer, Subscriber};
use crate::codec::xml::Text;
use crate::codec::xmpp::{Condition, StanzaError};
use crate::flow::{
    DialogId, Effect, Facts, Followup, Now, PairId, Phrasebook, PresenceStanza,
    SubscriptionResponse, UserPair,
};

impl State {
    pub(super) fn watching_mut(&mut self, id: PairId) -> Option<&mut SubscriberSide> {
        self.presence.pairs.get_mut(&id)?.subscriber_side.as_deref_mut()
    }

    /// Runs the machine of a pair and does what it says.
    pub(super) fn run_watching(
        &mut self,
        now: Now,
        id: PairId,
        answered: Option<&SubscriptionResponse>,
        effects: &mut Vec<Effect>,
        event: impl FnOnce(&mut Subscriber, &subscriber::Context) -> Vec<Action>,
    ) {
        let context = self.context(now, id);
        let Some(watching) = self.watching_mut(id) else { return };
        for action in event(&mut watching.machine, &context) {
            self.do_watching(now, id, action, answered, effects);
        }
        self.note_retrying(id);
    }

    pub(super) fn do_watching(
        &mut self,
        now: Now,
        id: PairId,
        action: Action,
        answered: Option<&SubscriptionResponse>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(known) = self.presence.pairs.get(&id) else { return };
        let pair = known.pair();
        match action {
            Action::Subscribe { seconds, fresh } => {
                self.subscribe(now, id, seconds, fresh);
            }
            Action::Ended => self.forget_dialog(id),
            Action::Granted => {
                self.mark_dirty(id, Dirty::BeforeSend);
                if self.authorization(id).is_some_and(|it| it.outbound(Kind::Subscribed)) {
                    self.send_subscription(now, &pair, Kind::Subscribed, None, effects);
                }
            }
            Action::Cancelled => self.cancelled(now, id, &pair, answered, effects),
            Action::Unsubscribed => self.unsubscribed(now, id, &pair, answered, effects),
            Action::Withdraw => self.withdraw(now, id, effects),
            Action::Unknown => {
                let Some(watching) = self.watching_mut(id) else { return };
                let (probe, gone) = (watching.probe.take(), watching.gone_us);
                match (probe, answered.and_then(moved)) {
                    (Some(probe), Some(error)) => {
                        self.send_subscription_error(now, &pair, probe.id, error, effects);
                    }
                    (probe, _) => {
                        let id = probe.and_then(|probe| probe.id);
                        self.show_gone(&pair, id, gone, effects);
                    }
                }
            }
            Action::Failed => self.failed(now, id, &pair, answered, effects),
        }
    }

    /// What she asked to be ended has ended. Of one who is not there the mode of RFC 3922 §6.4
    /// says so.
    fn unsubscribed(
        &mut self,
        now: Now,
        id: PairId,
        pair: &UserPair,
        answered: Option<&SubscriptionResponse>,
        effects: &mut Vec<Effect>,
    ) {
        self.withdraw(now, id, effects);
        let unknown = answered.filter(|it| matches!(it.status, 404 | 410 | 604));
        match unknown.and_then(as_error) {
            Some(error) => {
                let request = self.take_request_id(id);
                self.send_subscription_error(now, pair, request, error, effects);
            }
            None => self.send_subscription(now, pair, Kind::Unsubscribed, None, effects),
        }
    }

    /// He does not let her see him, or not any more (RFC 6121 §3.2.2).
    fn cancelled(
        &mut self,
        now: Now,
        id: PairId,
        pair: &UserPair,
        answered: Option<&SubscriptionResponse>,
        effects: &mut Vec<Effect>,
    ) {
        self.mark_dirty(id, Dirty::BeforeSend);
        self.withdraw(now, id, effects);
        let request = self.take_request_id(id);
        let until = now.instant + self.config.presence.pending_limit;
        if let Some(known) = self.presence.pairs.get_mut(&id) {
            known.pause(|pauses| pauses.refuses = Some(until));
        }
        let Some(authorization) = self.authorization(id) else { return };
        let granted = authorization.from;
        if !authorization.outbound(Kind::Unsubscribed) {
            return;
        }
        match answered.filter(|_| !granted).and_then(as_error) {
            Some(error) => self.send_subscription_error(now, pair, request, error, effects),
            None => self.send_subscription(now, pair, Kind::Unsubscribed, None, effects),
        }
    }

    /// What she asked for failed for good: she may ask again, and nothing is kept of it.
    fn failed(
        &mut self,
        now: Now,
        id: PairId,
        pair: &UserPair,
        answered: Option<&SubscriptionResponse>,
        effects: &mut Vec<Effect>,
    ) {
        self.mark_dirty(id, Dirty::BeforeSend);
        let request = self.take_request_id(id);
        if let Some(authorization) = self.authorization(id) {
            authorization.outbound(Kind::Unsubscribed);
        }
        if let Some(error) = answered.and_then(|answered| answered.error.as_deref()) {
            self.send_subscription_error(now, pair, request, error.clone(), effects);
        }
    }

    pub(super) fn take_request_id(&mut self, id: PairId) -> Option<Text> {
        self.watching_mut(id)?.request_id.take().map(|id| (&*id).into())
    }

    /// The dialog of a subscription of hers is over.
    pub(super) fn forget_dialog(&mut self, id: PairId) {
        let Some(watching) = self.watching_mut(id) else { return };
        watching.due = None;
        if let Some((dialog, _)) = watching.dialog.take() {
            self.presence.dialogs.remove(dialog);
        }
        self.mark_dirty(id, Dirty::Deferred);
    }

    pub(super) fn subscribe_now(&mut self, id: PairId, seconds: u32, fresh: bool) {
        let made = fresh.then(|| self.fresh_dialog());
        if fresh {
            self.forget_dialog(id);
        }
        let Some(watching) = self.watching_mut(id) else { return };
        if let Some(made) = made {
            watching.dialog = Some(made);
            watching.first = true;
        }
        let Some(dialog) = watching.dialog.as_ref().map(|(name, _)| *name) else { return };
        self.presence.dialogs.add_subscriber(dialog, id);
        self.again(Followup::Subscribe(id, dialog, seconds));
    }

    /// What she was shown holds no longer (RFC 6121 §3.2.2): each device is gone.
    pub(super) fn withdraw(&mut self, now: Now, id: PairId, effects: &mut Vec<Effect>) {
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        let pair = known.pair();
        let Some(watching) = known.subscriber_side.as_deref_mut() else { return };
        let devices = std::mem::take(&mut watching.devices);
        if devices.iter().any(|device| device.available) {
            watching.gone_us = Some(now.unix_ms * 1_000);
        }
        let bare = devices.iter().any(|device| device.available && device.resource.is_empty());
        for mut device in devices {
            if std::mem::replace(&mut device.available, false) {
                device.facts = Facts::default();
                self.show_device(&pair, &device, effects);
            }
        }
        self.withdraw_object(id, bare, effects);
        self.mark_dirty(id, Dirty::Deferred);
    }

    /// `subscribe` (RFC 8048 §5.2.1).
    pub(super) fn on_subscribe(
        &mut self,
        now: Now,
        said: &PresenceStanza,
        effects: &mut Vec<Effect>,
    ) {
        let (pair, id) = (&said.pair, said.pair.id);
        let Some(known) = self.pair_made(now, pair, Maker::Xmpp) else {
            let error = full(&self.phrases, said.lang.as_deref());
            return self.send_subscription_error(now, pair, said.id.clone(), error, effects);
        };
        let before = known.authorization;
        let told = known.authorization.inbound(Kind::Subscribe);
        known.pause(|pauses| pauses.refuses = None);
        let watching = known.subscriber_side.get_or_insert_default();
        if told.deliver {
            watching.since = now.unix_ms;
        }
        watching.lang = language(said);
        if said.id.is_some() {
            watching.request_id = said.id.as_deref().map(Into::into);
        }
        if before != known.authorization {
            known.mark_dirty(Dirty::BeforeSend);
        }
        if let Some(reply) = told.reply {
            self.send_subscription(now, pair, reply, said.id.clone(), effects);
            self.show_all(id, effects);
        }
        self.run_watching(now, id, None, effects, Subscriber::subscribe);
    }

    /// Shows her all of his devices that are there.
    pub(super) fn show_all(&mut self, id: PairId, effects: &mut Vec<Effect>) {
        let Some(known) = self.presence.pairs.get(&id) else { return };
        let Some(watching) = &known.subscriber_side else { return };
        let (pair, devices) = (known.pair(), watching.devices.clone());
        for device in devices.iter().filter(|device| device.available) {
            self.show_device(&pair, device, effects);
        }
    }

    /// `unsubscribe` (RFC 8048 §5.2.3).
    pub(super) fn on_unsubscribe(
        &mut self,
        now: Now,
        said: &PresenceStanza,
        effects: &mut Vec<Effect>,
    ) {
        let (pair, id) = (&said.pair, said.pair.id);
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        known.pause(|pauses| pauses.refuses = None);
        // Nothing is stored: a stray one (RFC 6121 §A.3.2).
        if !known.authorization.inbound(Kind::Unsubscribe).deliver {
            return;
        }
        known.mark_dirty(Dirty::BeforeSend);
        let Some(watching) = &mut known.subscriber_side else {
            return self.send_subscription(now, pair, Kind::Unsubscribed, None, effects);
        };
        watching.request_id = said.id.as_deref().map(Into::into);
        watching.lang = language(said);
        self.run_watching(now, id, None, effects, Subscriber::unsubscribe);
    }

    /// `probe` (RFC 8048 §7.1): she is there, and asks how he is.
    pub(super) fn on_probe(&mut self, now: Now, said: &PresenceStanza, effects: &mut Vec<Effect>) {
        let (pair, id) = (&said.pair, said.pair.id);
        let probe = Probe { id: said.id.clone(), resource: said.to_resource.clone() };
        self.note_online(&pair.xmpp_user, said.resource.as_ref(), true);
        let authorization =
            self.presence.pair(id).map(|known| known.authorization).unwrap_or_default();
        if authorization.pending_in {
            return;
        }
        let refuses = |known: &PairState| known.pauses().refuses.is_some();
        if !authorization.from && self.presence.pair(id).is_some_and(refuses) {
            return self.send_subscription(now, pair, Kind::Unsubscribed, probe.id, effects);
        }
        let unknown = self.presence.pair(id).is_none_or(|known| known.subscriber_side.is_none());
        if !authorization.from && self.presence.lost && unknown {
            return self.resubscribe_after_loss(now, pair, probe, effects);
        }
        if !authorization.from {
            return self.poll(now, pair, probe);
        }
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        let watching = known.subscriber_side.get_or_insert_default();
        if watching.machine.is_live() {
            let (devices, gone) = (watching.devices.clone(), watching.gone_us);
            self.answer_probe(pair, &probe, &devices, gone, effects);
        } else {
            watching.probe = Some(Box::new(probe));
        }
        self.run_watching(now, id, None, effects, |machine, context| match machine.is_wanted() {
            true => machine.login(context),
            // It was granted, and the store has lost the rest.
            false => machine.subscribe(context),
        });
    }

    /// A probe after the store was lost: her server asks for those alone whom she may see
    /// (RFC 6121 §4.3.1), so she watched him. He says whether that still holds.
    fn resubscribe_after_loss(
        &mut self,
        now: Now,
        pair: &UserPair,
        probe: Probe,
        effects: &mut Vec<Effect>,
    ) {
        let Some(known) = self.pair_made(now, pair, Maker::Xmpp) else { return };
        known.authorization.inbound(Kind::Subscribe);
        let watching = known.subscriber_side.get_or_insert_default();
        (watching.since, watching.probe) = (now.unix_ms, Some(Box::new(probe)));
        known.mark_dirty(Dirty::BeforeSend);
        self.run_watching(now, pair.id, None, effects, Subscriber::subscribe);
    }

    /// A device of hers has appeared: it may be that nobody was there to be told of him.
    pub(super) fn on_xmpp_user_available(
        &mut self,
        now: Now,
        id: PairId,
        effects: &mut Vec<Effect>,
    ) {
        self.run_watching(now, id, None, effects, Subscriber::login);
    }

    /// A SUBSCRIBE of hers has its final response.
    pub(super) fn subscribe_answered(
        &mut self,
        now: Now,
        id: PairId,
        dialog: DialogId,
        answered: &SubscriptionResponse,
        effects: &mut Vec<Effect>,
    ) {
        let Some(known) = self.presence.pairs.get(&id) else { return };
        let is_fetch = known.poll.as_ref().is_some_and(|fetch| fetch.dialog.0 == dialog);
        if is_fetch {
            if answered.status >= 300 {
                let pair = known.pair();
                let Some(fetch) = self.end_poll(id) else { return };
                // What proves that he is not to be seen (SUB-082).
                if matches!(answered.status, 403 | 489 | 603 | 604) {
                    self.send_subscription(now, &pair, Kind::Unsubscribed, fetch.probe.id, effects);
                } else if let Some(error) = moved(answered) {
                    self.send_subscription_error(now, &pair, fetch.probe.id, error, effects);
                }
            }
            return;
        }
        let current = known.subscriber_side.as_ref().and_then(|watching| watching.dialog.as_ref());
        if current.is_none_or(|(name, _)| *name != dialog) {
            return;
        }
        let answer = Answer {
            status: answered.status,
            expires: answered.expires,
            min_expires: answered.min_expires,
            retry_after: answered.retry_after,
            unknown_is_final: answered.refused_is_error,
        };
        let watching = self.watching_mut(id);
        if let (Some(watching), Some(remote)) = (watching, &answered.remote)
            && let Some((_, dialog)) = &mut watching.dialog
        {
            dialog.answered(remote, !watching.machine.is_notified());
        }
        self.run_watching(now, id, Some(answered), effects, |machine, context| {
            machine.answered(context, answer)
        });
        self.mark_dirty(id, Dirty::Deferred);
    }

    /// Deadlines of the subscription and of the question.
    pub(super) fn fire_watching(&mut self, now: Now, id: PairId, effects: &mut Vec<Effect>) {
        self.poll_due(now, id);
        self.subscribe_due(now, id);
        let silent = |known: &PairState| {
            known.poll.as_ref().is_some_and(|fetch| fetch.timer_n <= now.instant)
        };
        if self.presence.pair(id).is_some_and(silent) {
            self.end_poll(id);
        }
        self.run_watching(now, id, None, effects, Subscriber::fire);
    }
}

/// The language of a stanza of hers, if it is one (RFC 5646 §4.4.1).
fn language(said: &PresenceStanza) -> Option<Box<str>> {
    said.lang.as_deref().filter(|lang| lang.len() <= 35).map(Into::into)
}

/// Where he is now (RFC 3261 §21.3), if that is what a response says.
fn moved(answered: &SubscriptionResponse) -> Option<StanzaError> {
    let error = answered.error.as_deref();
    error.filter(|_| matches!(answered.status, 301 | 302)).cloned()
}

/// The error that stands for a refusal, where it is told as one (RFC 3922 §6.1).
fn as_error(answered: &SubscriptionResponse) -> Option<StanzaError> {
    answered.error.as_deref().filter(|_| answered.refused_is_error).cloned()
}

/// What she is told when the table of pairs is full.
fn full(phrases: &Phrasebook, lang: Option<&str>) -> StanzaError {
    let mut error = StanzaError::new(Condition::ResourceConstraint);
    error.texts.push(phrases.watches_too_many(lang));
    error
}
