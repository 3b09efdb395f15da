//! The gateway as subscriber: XMPP users watch SIP users (RFC 8048 §5.2, §6.3, §7.1).

use super::State;
use super::authorization::Stanza as Kind;
use super::pair::{Dirty, PairState, Probe, SubscriberSide};
use super::shares::Maker;
use super::stanza::pairs_full;
use super::subscriber::{self, Action, Answer, Subscriber};
use crate::codec::xml::Text;
use crate::codec::xmpp::StanzaError;
use crate::flow::{
    DialogId, Effect, Facts, Followup, Now, PairId, PresenceStanza, SubscriptionResponse, UserPair,
};

impl State {
    pub(super) fn subscriber_side_mut(&mut self, id: PairId) -> Option<&mut SubscriberSide> {
        self.presence.pairs.get_mut(&id)?.subscriber_side.as_deref_mut()
    }

    /// Runs the subscriber of a pair and carries out its actions.
    pub(super) fn run_subscriber(
        &mut self,
        now: Now,
        id: PairId,
        answered: Option<&SubscriptionResponse>,
        effects: &mut Vec<Effect>,
        event: impl FnOnce(&mut Subscriber, &subscriber::Context) -> Vec<Action>,
    ) {
        let context = self.context(now, id);
        let Some(side) = self.subscriber_side_mut(id) else { return };
        for action in event(&mut side.machine, &context) {
            self.carry_out_subscriber(now, id, action, answered, effects);
        }
        self.note_retrying(id);
    }

    pub(super) fn carry_out_subscriber(
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
                let Some(side) = self.subscriber_side_mut(id) else { return };
                let (probe, gone) = (side.probe.take(), side.gone_us);
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

    /// The XMPP user's `unsubscribe` is done; in the mode of RFC 3922 §6.4 an error may say so.
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

    /// The SIP user refuses the XMPP user, or takes the grant back (RFC 6121 §3.2.2).
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

    /// The request failed for good: nothing is kept of it, and the XMPP user may ask again.
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
        self.subscriber_side_mut(id)?.request_id.take().map(|id| (&*id).into())
    }

    /// The dialog of the subscription is over.
    pub(super) fn forget_dialog(&mut self, id: PairId) {
        let Some(side) = self.subscriber_side_mut(id) else { return };
        side.due = None;
        if let Some((dialog, _)) = side.dialog.take() {
            self.presence.dialogs.remove(dialog);
        }
        self.mark_dirty(id, Dirty::Deferred);
    }

    pub(super) fn subscribe_now(&mut self, id: PairId, seconds: u32, fresh: bool) {
        let made = fresh.then(|| self.fresh_dialog());
        if fresh {
            self.forget_dialog(id);
        }
        let Some(side) = self.subscriber_side_mut(id) else { return };
        if let Some(made) = made {
            side.dialog = Some(made);
            side.first = true;
        }
        let Some(dialog) = side.dialog.as_ref().map(|(name, _)| *name) else { return };
        self.presence.dialogs.add_subscriber(dialog, id);
        self.again(Followup::Subscribe(id, dialog, seconds));
    }

    /// What the XMPP user was shown holds no longer (RFC 6121 §3.2.2): each device is gone.
    pub(super) fn withdraw(&mut self, now: Now, id: PairId, effects: &mut Vec<Effect>) {
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        let pair = known.pair();
        let Some(side) = known.subscriber_side.as_deref_mut() else { return };
        let devices = std::mem::take(&mut side.devices);
        if devices.iter().any(|device| device.available) {
            side.gone_us = Some(now.unix_ms * 1_000);
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
            let error = pairs_full(&self.phrases, said.lang.as_deref());
            return self.send_subscription_error(now, pair, said.id.clone(), error, effects);
        };
        let before = known.authorization;
        let told = known.authorization.inbound(Kind::Subscribe);
        known.pause(|pauses| pauses.refuses = None);
        let side = known.subscriber_side.get_or_insert_default();
        if told.deliver {
            side.since = now.unix_ms;
        }
        side.lang = language(said);
        if said.id.is_some() {
            side.request_id = said.id.as_deref().map(Into::into);
        }
        if before != known.authorization {
            known.mark_dirty(Dirty::BeforeSend);
        }
        if let Some(reply) = told.reply {
            self.send_subscription(now, pair, reply, said.id.clone(), effects);
            self.show_all(id, effects);
        }
        self.run_subscriber(now, id, None, effects, Subscriber::subscribe);
    }

    /// Shows the XMPP user all devices of the SIP user that are available.
    pub(super) fn show_all(&mut self, id: PairId, effects: &mut Vec<Effect>) {
        let Some(known) = self.presence.pairs.get(&id) else { return };
        let Some(side) = &known.subscriber_side else { return };
        let (pair, devices) = (known.pair(), side.devices.clone());
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
        let Some(side) = &mut known.subscriber_side else {
            return self.send_subscription(now, pair, Kind::Unsubscribed, None, effects);
        };
        side.request_id = said.id.as_deref().map(Into::into);
        side.lang = language(said);
        self.run_subscriber(now, id, None, effects, Subscriber::unsubscribe);
    }

    /// `probe` (RFC 8048 §7.1): the XMPP user is available, and asks for the SIP user's presence.
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
        let side = known.subscriber_side.get_or_insert_default();
        if side.machine.is_live() {
            let (devices, gone) = (side.devices.clone(), side.gone_us);
            self.answer_probe(pair, &probe, &devices, gone, effects);
        } else {
            side.probe = Some(Box::new(probe));
        }
        self.run_subscriber(now, id, None, effects, |machine, context| match machine.is_wanted() {
            true => machine.login(context),
            // It was granted, and the store has lost the rest.
            false => machine.subscribe(context),
        });
    }

    /// A probe after the store was lost: a server probes only whom its user may see (RFC 6121
    /// §4.3.1), so there was a subscription. A SUBSCRIBE asks whether the grant still holds.
    fn resubscribe_after_loss(
        &mut self,
        now: Now,
        pair: &UserPair,
        probe: Probe,
        effects: &mut Vec<Effect>,
    ) {
        let Some(known) = self.pair_made(now, pair, Maker::Xmpp) else { return };
        known.authorization.inbound(Kind::Subscribe);
        let side = known.subscriber_side.get_or_insert_default();
        (side.since, side.probe) = (now.unix_ms, Some(Box::new(probe)));
        known.mark_dirty(Dirty::BeforeSend);
        self.run_subscriber(now, pair.id, None, effects, Subscriber::subscribe);
    }

    /// A first device of the XMPP user has appeared: before, nobody was there to be shown anything.
    pub(super) fn on_xmpp_user_available(
        &mut self,
        now: Now,
        id: PairId,
        effects: &mut Vec<Effect>,
    ) {
        self.run_subscriber(now, id, None, effects, Subscriber::login);
    }

    /// A SUBSCRIBE has its final response.
    pub(super) fn subscribe_answered(
        &mut self,
        now: Now,
        id: PairId,
        dialog: DialogId,
        answered: &SubscriptionResponse,
        effects: &mut Vec<Effect>,
    ) {
        let Some(known) = self.presence.pairs.get(&id) else { return };
        let is_poll = known.poll.as_ref().is_some_and(|poll| poll.dialog.0 == dialog);
        if is_poll {
            if answered.status >= 300 {
                let pair = known.pair();
                let Some(poll) = self.end_poll(id) else { return };
                // These prove that the SIP user may not be seen (SUB-082).
                if matches!(answered.status, 403 | 489 | 603 | 604) {
                    self.send_subscription(now, &pair, Kind::Unsubscribed, poll.probe.id, effects);
                } else if let Some(error) = moved(answered) {
                    self.send_subscription_error(now, &pair, poll.probe.id, error, effects);
                }
            }
            return;
        }
        let current = known.subscriber_side.as_ref().and_then(|side| side.dialog.as_ref());
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
        let side = self.subscriber_side_mut(id);
        if let (Some(side), Some(remote)) = (side, &answered.remote)
            && let Some((_, dialog)) = &mut side.dialog
        {
            dialog.answered(remote, !side.machine.is_notified());
        }
        self.run_subscriber(now, id, Some(answered), effects, |machine, context| {
            machine.answered(context, answer)
        });
        self.mark_dirty(id, Dirty::Deferred);
    }

    /// The deadlines of the subscription and of the poll.
    pub(super) fn fire_subscriber_side(&mut self, now: Now, id: PairId, effects: &mut Vec<Effect>) {
        self.poll_due(now, id);
        self.subscribe_due(now, id);
        let silent =
            |known: &PairState| known.poll.as_ref().is_some_and(|poll| poll.timer_n <= now.instant);
        if self.presence.pair(id).is_some_and(silent) {
            self.end_poll(id);
        }
        self.run_subscriber(now, id, None, effects, Subscriber::fire);
    }
}

/// The language of an XMPP user's stanza, if it is one (RFC 5646 §4.4.1).
fn language(said: &PresenceStanza) -> Option<Box<str>> {
    said.lang.as_deref().filter(|lang| lang.len() <= 35).map(Into::into)
}

/// The SIP user's new address (RFC 3261 §21.3), if the response gives one.
fn moved(answered: &SubscriptionResponse) -> Option<StanzaError> {
    let error = answered.error.as_deref();
    error.filter(|_| matches!(answered.status, 301 | 302)).cloned()
}

/// The error that stands for a refusal, where it is told as one (RFC 3922 §6.1).
fn as_error(answered: &SubscriptionResponse) -> Option<StanzaError> {
    answered.error.as_deref().filter(|_| answered.refused_is_error).cloned()
}
