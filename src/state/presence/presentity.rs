//! What an XMPP user shows to one SIP user: what she grants, what her server says of her.

use std::sync::Arc;
use std::time::Duration;

use super::State;
use super::authorization::Stanza as Kind;
use super::notifier::{self, Action, Notifier, Reason};
use super::pair::{Asked, Dirty, Far, NotifierSide, Subscription};
use crate::codec::xml::Text;
use crate::flow::{
    Device, Effect, Facts, Now, PairId, PresenceStanza, StanzaContent, StanzaErrorMeaning, UserPair,
};
use crate::state::link::Link;

/// The first pause before a domain that is out of reach is asked again; it doubles up to [`MOST`].
const FIRST: Duration = Duration::from_secs(60);
/// The longest pause.
const MOST: Duration = Duration::from_secs(3_600);

impl State {
    /// A probe from him, who may see her (RFC 6121 §4.3).
    pub(super) fn probe_presentity(&mut self, now: Now, id: PairId, effects: &mut Vec<Effect>) {
        let token: Text = self.ids.token().into();
        let deadline = now.instant + self.config.presence.probe_timeout;
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        let pair = known.pair();
        let up = self.links.get(pair.link.0).is_some_and(Link::is_up);
        let Some(watched) = known.notifier_side.as_deref_mut() else { return };
        if !known.authorization.to || watched.probe.is_some() || !up {
            return;
        }
        let there = watched.devices.iter().filter(|device| device.available);
        let unconfirmed = there.map(|device| device.resource.clone()).collect();
        watched.probe =
            Some(Box::new(Asked { id: token.clone(), deadline, unconfirmed, failed: 0 }));
        let user = self.user_id(&pair.xmpp_user);
        if let Some(user) = self.presence.users.get_mut(&user) {
            user.unasked = false;
        }
        self.probe(&pair, &token, effects);
    }

    /// `subscribed` (RFC 8048 §5.3.1).
    pub(super) fn on_subscribed(&mut self, now: Now, pair: &UserPair, effects: &mut Vec<Effect>) {
        let id = pair.id;
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        // Nobody asked (SUB-090).
        if !known.authorization.inbound(Kind::Subscribed).deliver {
            return;
        }
        known.mark_dirty(Dirty::BeforeSend);
        if let Some(watched) = self.watched_mut(id) {
            watched.give_up = None;
        }
        self.decided(now, id, true);
        self.probe_presentity(now, id, effects);
    }

    /// `unsubscribed` (RFC 8048 §5.3.1; RFC 6121 §3.2).
    pub(super) fn on_unsubscribed(
        &mut self,
        now: Now,
        said: &PresenceStanza,
        effects: &mut Vec<Effect>,
    ) {
        let id = said.pair.id;
        let re_ask = self.config.presence.re_ask;
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        if !known.authorization.inbound(Kind::Unsubscribed).deliver {
            return;
        }
        known.pause(|it| it.refused = (!re_ask.is_zero()).then(|| now.instant + re_ask));
        known.mark_dirty(Dirty::BeforeSend);
        let _ = effects;
        self.forget_presentity(id);
        match self.config.presence.polite_blocking {
            // He sees her as gone (RFC 3856 §6.6.2).
            true => self.decided_as(id, |machine| match machine.decided(now.instant, true) {
                Action::Nothing => machine.changed(now.instant),
                action => action,
            }),
            false => self.decided(now, id, false),
        }
    }

    /// Nothing of her is known to him any more.
    pub(super) fn forget_presentity(&mut self, id: PairId) {
        if let Some(watched) = self.watched_mut(id) {
            watched.devices.clear();
            (watched.probe, watched.known, watched.out_of_reach) = (None, false, None);
            (watched.asked_at, watched.asked_id, watched.give_up) = (None, None, None);
        }
    }

    /// She did not decide for too long (RFC 6665 §4.1.3, giveup).
    pub(super) fn give_up_request(&mut self, id: PairId) {
        if let Some(authorization) = self.authorization(id) {
            authorization.pending_out = false;
        }
        self.forget_presentity(id);
        self.mark_dirty(id, Dirty::BeforeSend);
        self.end_pending(id, Reason::GiveUp);
    }

    /// She decided: each of his subscriptions hears of it at once.
    pub(super) fn decided(&mut self, now: Now, id: PairId, granted: bool) {
        self.decided_as(id, |machine| machine.decided(now.instant, granted));
    }

    fn decided_as(&mut self, id: PairId, event: impl Fn(&mut Notifier) -> Action) {
        let Some(watched) = self.watched_mut(id) else { return };
        let each = watched.dialogs.iter_mut().filter(|one| !one.fetch);
        let actions = each.map(|one| (one.id, event(&mut one.machine))).collect();
        self.carry_out(id, actions);
    }

    /// Ends all of his subscriptions that wait for her word.
    pub(super) fn end_pending(&mut self, id: PairId, reason: Reason) {
        let Some(watched) = self.watched_mut(id) else { return };
        let pending = watched
            .dialogs
            .iter_mut()
            .filter(|one| !one.fetch && one.machine.state() == notifier::State::Pending);
        let actions = pending.map(|one| (one.id, one.machine.end(reason))).collect();
        self.carry_out(id, actions);
    }

    /// Her presence, as she shows it to him.
    pub(super) fn on_presence(
        &mut self,
        now: Now,
        said: PresenceStanza,
        effects: &mut Vec<Effect>,
    ) {
        let id = said.pair.id;
        let (device, there) = match said.content {
            StanzaContent::Available(device) => (device, true),
            StanzaContent::Unavailable(device) => (device, false),
            _ => return,
        };
        let authorization =
            self.presence.pair(id).map(|known| known.authorization).unwrap_or_default();
        let whole = said.resource.is_none();
        // While she has not decided it is but a word that the request came (RFC 6121 §3.1.3).
        if whole && !there && !authorization.to {
            return;
        }
        let appeared = self.note_online(&said.pair.xmpp_user, said.resource.as_ref(), there);
        if authorization.to || authorization.pending_out {
            self.take_device(now, id, device, whole, authorization.to);
        }
        if there && appeared && authorization.from {
            self.on_xmpp_user_available(now, id, effects);
        }
    }

    /// A device of hers, in one piece with what she shows to others.
    fn shared(&mut self, id: PairId, device: Device) -> Arc<Device> {
        let user = self.presence.pair(id).map(|pair| self.user_id(pair.names.xmpp_user()));
        match user.and_then(|user| self.presence.users.get_mut(&user)) {
            Some(user) => user.share(device),
            None => Arc::new(device.kept()),
        }
    }

    pub(super) fn take_device(
        &mut self,
        now: Now,
        id: PairId,
        device: Device,
        whole: bool,
        granted: bool,
    ) {
        let device = self.shared(id, device);
        let Some(watched) = self.watched_mut(id) else { return };
        // After a start: what he was shown last may be newer than the record of it.
        let unsure = watched.heard_at.is_none();
        watched.known = true;
        (watched.heard_at, watched.out_of_reach) = (Some(now.instant), None);
        if let Some(probe) = &mut watched.probe {
            probe.unconfirmed.retain(|resource| *resource != device.resource);
            if whole && !device.available {
                watched.probe = None;
            }
        }
        let changed = match whole && !device.available {
            true => close_all(&mut watched.devices, &device),
            false => watched.take(device),
        };
        if changed {
            self.mark_dirty(id, Dirty::Deferred);
        }
        if granted && (changed || unsure) {
            self.changed(now, id);
        }
    }

    /// Her presence changed: each of his subscriptions hears of it in its turn.
    pub(super) fn changed(&mut self, now: Now, id: PairId) {
        let Some(watched) = self.watched_mut(id) else { return };
        let changed = |one: &mut Subscription| (one.id, one.machine.changed(now.instant));
        let actions = watched.dialogs.iter_mut().map(changed).collect();
        self.carry_out(id, actions);
    }

    /// Who does not answer a probe is not there (RFC 6121 §4.3.2 makes the answer but a SHOULD). It
    /// is no proof that she is offline: she may have taken back her grant while nobody heard it.
    pub(super) fn probe_unanswered(&mut self, now: Now, id: PairId) {
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        let up = self.links.get(known.names.link.0).is_some_and(Link::is_up);
        let Some(watched) = known.notifier_side.as_deref_mut() else { return };
        let Some(probe) = watched.probe.take().filter(|_| up) else { return };
        let mut changed = watched.heard_at.replace(now.instant).is_none();
        for resource in &probe.unconfirmed {
            let device = Device {
                resource: resource.clone(),
                available: false,
                facts: Facts::default(),
                changed_us: now.unix_ms * 1_000,
                contact: 0,
            };
            changed |= watched.take(Arc::new(device));
        }
        if watched.devices.is_empty() {
            changed |= close_all(&mut watched.devices, &nobody(now));
        }
        watched.known = true;
        if changed {
            self.mark_dirty(id, Dirty::Deferred);
            self.changed(now, id);
        }
    }

    /// A domain that was out of reach is asked again, as long as somebody wants to know.
    pub(super) fn ask_again(&mut self, now: Now, id: PairId, effects: &mut Vec<Effect>) {
        let Some(watched) = self.watched_mut(id) else { return };
        let waits = watched.probe.is_some();
        let Some(far) = &mut watched.out_of_reach else { return };
        if waits || far.again_at > now.instant {
            return;
        }
        far.again_at = now.instant + far.pause;
        if watched.dialogs.is_empty() {
            watched.out_of_reach = None;
        }
        self.probe_presentity(now, id, effects);
    }

    /// An error answers a request or a probe of his (SUB-078, PRES-081).
    pub(super) fn on_error_stanza(
        &mut self,
        now: Now,
        said: &PresenceStanza,
        bounced: StanzaErrorMeaning,
        out_of_reach: bool,
        effects: &mut Vec<Effect>,
    ) {
        let id = said.pair.id;
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        let Some(watched) = known.notifier_side.as_deref_mut() else { return };
        let answers = |asked: Option<&str>| {
            asked.is_some() && (said.id.is_none() || said.id.as_deref() == asked)
        };
        if answers(watched.probe.as_ref().map(|probe| &*probe.id)) {
            return self.probe_failed(now, id, out_of_reach, effects);
        }
        if !known.authorization.pending_out || !answers(watched.asked_id.as_deref()) {
            return;
        }
        let reason = match bounced {
            StanzaErrorMeaning::Nothing => return,
            StanzaErrorMeaning::Probation => Reason::Probation,
            StanzaErrorMeaning::NoResource => Reason::NoResource,
            StanzaErrorMeaning::Rejected => Reason::Rejected,
        };
        known.authorization.pending_out = false;
        (watched.asked_at, watched.asked_id, watched.give_up) = (None, None, None);
        known.mark_dirty(Dirty::BeforeSend);
        self.end_pending(id, reason);
    }

    /// Her domain is out of reach: the second time in a row her devices count as gone.
    pub(super) fn probe_failed(
        &mut self,
        now: Now,
        id: PairId,
        out_of_reach: bool,
        effects: &mut Vec<Effect>,
    ) {
        let token: Text = self.ids.token().into();
        let timeout = self.config.presence.probe_timeout;
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        let pair = known.pair();
        let Some(watched) = known.notifier_side.as_deref_mut() else { return };
        let Some(probe) = &mut watched.probe else { return };
        if !out_of_reach {
            watched.probe = None;
            return;
        }
        probe.failed += 1;
        if probe.failed == 1 {
            probe.id = token.clone();
            probe.deadline = now.instant + timeout;
            return self.probe(&pair, &token, effects);
        }
        watched.probe = None;
        let before = watched.out_of_reach.as_ref();
        let pause = before.map_or(FIRST, |far| (far.pause * 2).min(MOST));
        watched.out_of_reach = Some(Box::new(Far { again_at: now.instant + pause, pause }));
        if close_all(&mut watched.devices, &nobody(now)) {
            self.mark_dirty(id, Dirty::Deferred);
            self.changed(now, id);
        }
    }
}

impl NotifierSide {
    /// A device changes; the answer is whether it does. One that went is shown as gone until all
    /// have seen it, and longer if nothing else is left (PRES-008).
    fn take(&mut self, mut device: Arc<Device>) -> bool {
        let (resource, devices) = (device.resource.clone(), &mut self.devices);
        match devices.iter_mut().find(|known| known.resource == resource) {
            Some(known) => {
                let same = known.available == device.available;
                if same && (!device.available || known.facts == device.facts) {
                    return false;
                }
                // Two changes never have one time (RFC 3863 §4.1.7).
                if device.changed_us < known.changed_us + 1_000 {
                    Arc::make_mut(&mut device).changed_us = known.changed_us + 1_000;
                }
                *known = device;
            }
            None if !device.available => return false,
            None => {
                if devices.len() >= super::DEVICES {
                    devices.retain(|known| known.available);
                }
                if devices.len() >= super::DEVICES {
                    return false;
                }
                devices.reserve_exact(1);
                devices.push(device);
            }
        }
        self.seen_gone.retain(|seen| *seen != resource);
        let (seen_gone, watched) = (&self.seen_gone, !self.dialogs.is_empty());
        self.devices.retain(|known| {
            let news = watched && !seen_gone.contains(&known.resource);
            known.available || known.resource == resource || news
        });
        true
    }

    /// A document went out. Once nobody waits for one, all have seen who is gone.
    pub(super) fn note_seen(&mut self) {
        if self.dialogs.iter().all(|one| !one.machine.waits()) {
            let gone = self.devices.iter().filter(|device| !device.available);
            self.seen_gone = gone.map(|device| device.resource.clone()).collect();
        }
    }
}

/// All devices go. Of one of whom nothing was known there is one without a name that is gone.
fn close_all(devices: &mut Vec<Arc<Device>>, said: &Device) -> bool {
    if devices.is_empty() {
        let device = Device { resource: "".into(), available: false, ..said.clone() };
        devices.push(Arc::new(device));
        return true;
    }
    if devices.iter().all(|device| !device.available) {
        return false;
    }
    devices.retain(|device| device.available);
    for device in devices.iter_mut() {
        let device = Arc::make_mut(device);
        device.available = false;
        device.facts = said.facts.clone();
        device.changed_us = said.changed_us.max(device.changed_us + 1_000);
    }
    true
}

/// Presence of nobody, now.
fn nobody(now: Now) -> Device {
    Device {
        resource: "".into(),
        available: false,
        facts: Facts::default(),
        changed_us: now.unix_ms * 1_000,
        contact: 0,
    }
}
