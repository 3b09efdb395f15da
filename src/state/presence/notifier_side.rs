//! The gateway as notifier: SIP users watch XMPP users (RFC 8048 §5.3, §6.2, §7.2).

use std::time::Duration;

use super::State;
use super::authorization::Stanza as Kind;
use super::dialog::{Dialog, Order};
use super::notifier::{self, Action, Notifier, Reason};
use super::pair::{Dirty, NotifierSide, Subscription};
use super::request;
use crate::codec::sip::{HeaderName, Headers, Request, Status};
use crate::flow::{
    AcceptedTypes, Cause, Counter, DialogId, Effect, Followup, ListenerId, LocalResponse, Now,
    PairId, PresenceBody, SubscribeRequest, UserPair,
};
use crate::state::link::Link;

/// An XMPP user is not asked again sooner than this by one SIP user who goes on asking.
const ASKED_ANEW: Duration = Duration::from_secs(3_600);
/// A refresh probes the XMPP user when nothing was heard for as long (SUB-116).
const STALE: Duration = Duration::from_secs(3_600);

impl State {
    pub(super) fn notifier_side_mut(&mut self, id: PairId) -> Option<&mut NotifierSide> {
        self.presence.pairs.get_mut(&id)?.notifier_side.as_deref_mut()
    }

    /// SUBSCRIBE (RFC 6665 §4.2.1).
    pub(in crate::state) fn subscribing(
        &mut self,
        now: Now,
        asked: SubscribeRequest,
        effects: &mut Vec<Effect>,
    ) {
        let id = asked.pair.id;
        self.with_pair(now, id, effects, |state, effects| match asked.dialog {
            Some(dialog) => state.subscribed_again(now, id, dialog, &asked, effects),
            None => state.subscribed_first(now, &asked, effects),
        });
    }

    /// The first SUBSCRIBE of a dialog, or a fetch (RFC 8048 §5.3.1, §7.2).
    fn subscribed_first(&mut self, now: Now, asked: &SubscribeRequest, effects: &mut Vec<Effect>) {
        let (pair, id) = (&asked.pair, asked.pair.id);
        if let Some(refusal) = self.reject_reason(now, pair, asked.expires > 0) {
            let (flow, key) = (&asked.flow, asked.key);
            return self.respond_and_remember(flow, key, &asked.request, refusal, effects);
        }
        let seconds = self.granted_seconds(asked);
        let blocked = self.is_refused(now, id);
        let Some((name, granted)) = self.add_subscription(now, asked, seconds, blocked) else {
            return;
        };
        self.counters.count(Counter::SubscribeTaken);
        self.note_sip_user(asked.request.from.uri(), &pair.sip_user);
        self.accept(asked, seconds, effects);
        self.again(Followup::Notify(id, vec![name]));
        match (granted, seconds == 0) {
            // A fetch is answered from what is known (SUB-116).
            (true, true) if self.knows_presentity(id) => {}
            (true, _) => self.probe_presentity(now, id, effects),
            (false, true) => {}
            (false, false) if blocked => {}
            (false, false) => self.request_authorization(now, id, asked.nick.as_ref(), effects),
        }
    }

    fn knows_presentity(&self, id: PairId) -> bool {
        let side = self.presence.pair(id).and_then(|known| known.notifier_side.as_ref());
        side.is_some_and(|side| side.known)
    }

    /// Why a new subscription is rejected.
    fn reject_reason(&mut self, now: Now, pair: &UserPair, asks: bool) -> Option<LocalResponse> {
        if let Some(refusal) = self.unavailable_reason(now, pair.link) {
            return Some(refusal);
        }
        if self.is_refused(now, pair.id) && !self.config.presence.polite_blocking {
            return Some(LocalResponse::new(Cause::NotShown));
        }
        let refusal = self.over_share(now, pair, asks)?;
        self.counters.count(Counter::SubscribeOverShare);
        Some(refusal)
    }

    /// Whether the XMPP user refused the SIP user lately.
    fn is_refused(&self, now: Now, id: PairId) -> bool {
        let until = self.presence.pair(id).and_then(|known| known.pauses().refused);
        until.is_some_and(|until| until > now.instant)
    }

    /// The Expires that is granted: as asked for, or less.
    fn granted_seconds(&self, asked: &SubscribeRequest) -> u32 {
        let most = self.config.presence.max_expires.as_secs();
        asked.expires.min(u32::try_from(most).unwrap_or(u32::MAX))
    }

    /// Adds a subscription, and returns its name and whether the SIP user is authorized already. A
    /// SIP user who is `blocked` is not told so.
    fn add_subscription(
        &mut self,
        now: Now,
        asked: &SubscribeRequest,
        seconds: u32,
        blocked: bool,
    ) -> Option<(DialogId, bool)> {
        let tag = self.tag(&asked.request);
        let name = self.dialog_id(&asked.request.call_id, &tag);
        let id = asked.pair.id;
        let known = self.presence.pairs.get_mut(&id)?;
        if !blocked {
            known.pause(|pauses| pauses.refused = None);
        }
        let granted = known.authorization.to;
        let fetch = seconds == 0;
        let mut dialog = Dialog::new(asked.request.call_id.as_str(), &tag);
        dialog.take(&asked.request, Some(&asked.contact));
        let from = asked.request.from.uri();
        // A password is not kept (RFC 3261 §19.1.1 discourages it).
        let kept = from.password().is_none() && *from != asked.pair.sip_user_uri;
        if kept {
            dialog.set_remote_uri(from);
        }
        let shown = granted || blocked;
        let state = if shown { notifier::State::Active } else { notifier::State::Pending };
        let life = Duration::from_secs(seconds.into());
        let mut machine = Notifier::new(state, now.instant + life);
        if fetch {
            machine.end(Reason::Timeout);
        }
        let subscription = Subscription {
            id: name,
            dialog,
            machine,
            event_id: asked.event.id().map(Into::into),
            fetch,
            takes: AcceptedTypes::of(&asked.request),
            waits: false,
            closed: false,
        };
        let dialogs = &mut known.notifier_side.get_or_insert_default().dialogs;
        dialogs.reserve_exact(1);
        dialogs.push(subscription);
        known.mark_dirty(Dirty::BeforeSend);
        self.presence.dialogs.add_notifier(name, id);
        Some((name, granted))
    }

    /// A refresh, or the end (RFC 8048 §5.3.3).
    pub(super) fn subscribed_again(
        &mut self,
        now: Now,
        id: PairId,
        name: DialogId,
        asked: &SubscribeRequest,
        effects: &mut Vec<Effect>,
    ) {
        let seconds = self.granted_seconds(asked);
        let found = self
            .notifier_side_mut(id)
            .and_then(|side| side.dialogs.iter_mut().find(|one| one.id == name));
        let unknown = LocalResponse::unknown_subscription();
        let refusal = match found {
            None => Some(unknown),
            Some(one) if one.machine.state() == notifier::State::Terminated => Some(unknown),
            Some(one) => match one.dialog.order(&asked.request) {
                Order::Foreign => Some(unknown),
                Order::Old => Some(LocalResponse::out_of_order()),
                Order::Again => None,
                Order::Next => {
                    one.dialog.take(&asked.request, Some(&asked.contact));
                    one.takes = AcceptedTypes::of(&asked.request);
                    let life = Duration::from_secs(seconds.into());
                    if seconds == 0 {
                        one.closed = true;
                        one.machine.end(Reason::Timeout);
                    } else {
                        one.machine.refreshed(now.instant + life);
                    }
                    None
                }
            },
        };
        if let Some(refusal) = refusal {
            let (flow, key) = (&asked.flow, asked.key);
            return self.respond_and_remember(flow, key, &asked.request, refusal, effects);
        }
        // The new expiry is on disk before the SIP user is told.
        self.mark_dirty(id, Dirty::BeforeSend);
        self.accept(asked, seconds, effects);
        self.again(Followup::Notify(id, vec![name]));
        if seconds == 0 {
            return self.on_last_dialog_ended(id, effects);
        }
        self.ask_anew(now, id, effects);
    }

    /// A subscription was refreshed: it may be long since the XMPP user was heard of.
    fn ask_anew(&mut self, now: Now, id: PairId, effects: &mut Vec<Effect>) {
        let Some(known) = self.presence.pair(id) else { return };
        let pending = known.authorization.pending_out;
        if self.is_stale(now, id) {
            self.probe_presentity(now, id, effects);
        }
        if pending {
            self.request_authorization(now, id, None, effects);
        }
    }

    /// Whether nothing was heard of the XMPP user for long.
    fn is_stale(&self, now: Now, id: PairId) -> bool {
        let side = self.presence.pair(id).and_then(|known| known.notifier_side.as_ref());
        let long_ago = |heard| now.instant - heard > STALE;
        side.is_some_and(|side| side.heard_at.is_none_or(long_ago))
    }

    /// 200 to SUBSCRIBE (RFC 6665 §4.2.1.1, RFC 3261 §12.1.1).
    pub(super) fn accept(
        &mut self,
        asked: &SubscribeRequest,
        seconds: u32,
        effects: &mut Vec<Effect>,
    ) {
        let mut response =
            LocalResponse::success(Status::OK).with(HeaderName::Expires, &seconds.to_string());
        response.headers = with_dialog(response.headers, &asked.request);
        let ListenerId(listener) = asked.flow.listener;
        if let Some(listener) = self.config.sip.listen.get(listener)
            && let Some(contact) =
                request::contact(asked.pair.id, &asked.pair.xmpp_user_uri, listener)
        {
            response.headers.push(HeaderName::Contact, contact.to_value());
        }
        self.respond_and_remember(&asked.flow, asked.key, &asked.request, response, effects);
    }

    /// Sends `subscribe` to the XMPP user: once, however often the SIP user asks.
    pub(super) fn request_authorization(
        &mut self,
        now: Now,
        id: PairId,
        nick: Option<&crate::codec::xml::Text>,
        effects: &mut Vec<Effect>,
    ) {
        let token: crate::codec::xml::Text = self.ids.token().into();
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        let pair = known.pair();
        let was = known.authorization.pending_out;
        let give_up = now.instant + self.config.presence.pending_limit;
        known.authorization.outbound(Kind::Subscribe);
        let Some(side) = known.notifier_side.as_deref_mut() else { return };
        side.give_up.get_or_insert(give_up);
        let lately = side.asked_at.is_some_and(|at| now.instant - at < ASKED_ANEW);
        if was && (lately || !self.may_remind(now, id)) {
            return;
        }
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        let Some(side) = known.notifier_side.as_deref_mut() else { return };
        (side.asked_at, side.asked_id) = (Some(now.instant), Some((&*token).into()));
        known.mark_dirty(Dirty::BeforeSend);
        self.ask(now, &pair, token, nick, effects);
    }

    /// Sends NOTIFY, now that its document is written.
    pub(in crate::state) fn notify(
        &mut self,
        now: Now,
        id: PairId,
        dialogs: &[DialogId],
        written: Option<&PresenceBody>,
        effects: &mut Vec<Effect>,
    ) {
        let cut = written.filter(|written| written.cut);
        cut.into_iter().for_each(|_| self.counters.count(Counter::SipCut));
        self.with_pair(now, id, effects, |state, effects| {
            for name in dialogs {
                state.send_notify(now, id, *name, written, effects);
                let interval = state.config.presence.notify_interval;
                let Some(side) = state.notifier_side_mut(id) else { return };
                if let Some(one) = side.dialogs.iter_mut().find(|one| one.id == *name) {
                    one.machine.sent(now.instant, written.is_some(), interval);
                }
            }
            if let Some(side) = state.notifier_side_mut(id).filter(|_| written.is_some()) {
                side.note_seen();
            }
        });
    }

    /// NOTIFY has its final response (RFC 6665 §4.2.2).
    pub(super) fn notify_answered(
        &mut self,
        now: Now,
        id: PairId,
        name: DialogId,
        (status, object): (u16, bool),
        effects: &mut Vec<Effect>,
    ) {
        let Some(side) = self.notifier_side_mut(id) else { return };
        let Some(one) = side.dialogs.iter_mut().find(|one| one.id == name) else { return };
        let lived = one.machine.state() != notifier::State::Terminated;
        let action = one.machine.answered(now.instant, status, object);
        match action {
            Action::Nothing | Action::Notify | Action::Object => {
                self.carry_out(id, vec![(name, action)]);
            }
            Action::Removed => {
                side.dialogs.retain(|one| one.id != name);
                self.presence.dialogs.remove(name);
                self.mark_dirty(id, Dirty::Deferred);
                if lived {
                    self.on_last_dialog_ended(id, effects);
                }
            }
        }
    }

    /// A subscription ended. After the last one the XMPP user is shown the SIP user as gone (RFC
    /// 8048 §5.3.3), unless a subscription of the XMPP user shows a device (D-62).
    pub(super) fn on_last_dialog_ended(&mut self, id: PairId, effects: &mut Vec<Effect>) {
        let Some(known) = self.presence.pairs.get(&id) else { return };
        let Some(side) = &known.notifier_side else { return };
        let alive = side
            .dialogs
            .iter()
            .any(|one| !one.fetch && one.machine.state() != notifier::State::Terminated);
        let seen = known
            .subscriber_side
            .as_ref()
            .is_some_and(|other| other.machine.shows() && other.shows_any());
        if alive || seen || !known.authorization.to {
            return;
        }
        let pair = known.pair();
        let up = self.links.get(pair.link.0).is_some_and(Link::is_up);
        if let Some(side) = self.notifier_side_mut(id) {
            side.untold = !up;
        }
        if up {
            self.show_gone(&pair, None, None, effects);
        }
    }

    /// Schedules what the subscriptions are sent: those notified together share a document.
    pub(super) fn carry_out(&mut self, id: PairId, actions: Vec<(DialogId, Action)>) {
        let wanted = |wanted| {
            let each = actions.iter().filter(move |(_, action)| *action == wanted);
            each.map(|(name, _)| *name).collect::<Vec<_>>()
        };
        let (notified, objects) = (wanted(Action::Notify), wanted(Action::Object));
        if !notified.is_empty() {
            self.again(Followup::Notify(id, notified));
        }
        for name in objects {
            self.again(Followup::Object(id, name));
        }
    }

    /// The deadlines of the subscriptions and of the probe.
    pub(super) fn fire_notifier_side(&mut self, now: Now, id: PairId, effects: &mut Vec<Effect>) {
        let Some(side) = self.notifier_side_mut(id) else { return };
        let (mut actions, mut ended) = (Vec::new(), false);
        for one in &mut side.dialogs {
            let lived = one.machine.state() != notifier::State::Terminated;
            actions.push((one.id, one.machine.fire(now.instant)));
            ended |= lived && one.machine.state() == notifier::State::Terminated;
        }
        let gives_up = side.give_up.is_some_and(|at| at <= now.instant);
        let silent = side.probe.as_ref().is_some_and(|probe| probe.deadline <= now.instant);
        self.carry_out(id, actions);
        if ended {
            self.mark_dirty(id, Dirty::Deferred);
            self.on_last_dialog_ended(id, effects);
        }
        if gives_up {
            self.give_up_request(id);
        }
        if silent {
            self.probe_unanswered(now, id);
        }
        self.ask_again(now, id, effects);
    }
}

/// The headers of a 2xx that makes or keeps a dialog (RFC 3261 §12.1.1).
fn with_dialog(mut headers: Headers, request: &Request) -> Headers {
    for route in request.headers.all(&HeaderName::RecordRoute) {
        headers.push(HeaderName::RecordRoute, route.clone());
    }
    headers
}
