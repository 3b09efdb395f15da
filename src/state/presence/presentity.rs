//! The XMPP user as presentity: whether one SIP user is authorized, and what the XMPP server says.

use std::sync::Arc;
use std::time::Duration;

use super::State;
use super::authorization::Stanza as Kind;
use super::notifier::{self, Action, Notifier, Reason};
use super::pair::{Dirty, NotifierSide, OutOfReach, SentProbe, Subscription};
use crate::codec::xml::Text;
use crate::flow::{
    Device, Effect, Facts, Now, PairId, PresenceStanza, StanzaContent, StanzaErrorMeaning, UserPair,
};
use crate::state::link::Link;

/// The first pause before a domain out of reach is probed again; it doubles up to [`MOST`].
const FIRST: Duration = Duration::from_secs(60);
/// The longest pause.
const MOST: Duration = Duration::from_secs(3_600);

impl State {
    /// Probes the XMPP user for a SIP user who is authorized (RFC 6121 §4.3).
    pub(super) fn probe_presentity(&mut self, now: Now, id: PairId, effects: &mut Vec<Effect>) {
        let token: Text = self.ids.token().into();
        let deadline = now.instant + self.config.presence.probe_timeout;
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        let pair = known.pair();
        let up = self.links.get(pair.link.0).is_some_and(Link::is_up);
        let Some(side) = known.notifier_side.as_deref_mut() else { return };
        if !known.authorization.to || side.probe.is_some() || !up {
            return;
        }
        let there = side.devices.iter().filter(|device| device.available);
        let unconfirmed = there.map(|device| device.resource.clone()).collect();
        side.probe =
            Some(Box::new(SentProbe { id: token.clone(), deadline, unconfirmed, failed: 0 }));
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
        if let Some(side) = self.notifier_side_mut(id) {
            side.give_up = None;
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
            // The SIP user sees the XMPP user as gone (RFC 3856 §6.6.2).
            true => self.decided_as(id, |machine| match machine.decided(now.instant, true) {
                Action::Nothing => machine.changed(now.instant),
                action => action,
            }),
            false => self.decided(now, id, false),
        }
    }

    /// Forgets what the SIP user may see of the XMPP user, and the request to see it.
    pub(super) fn forget_presentity(&mut self, id: PairId) {
        if let Some(side) = self.notifier_side_mut(id) {
            side.devices.clear();
            (side.probe, side.known, side.out_of_reach) = (None, false, None);
            (side.asked_at, side.asked_id, side.give_up) = (None, None, None);
        }
    }

    /// The XMPP user did not decide for too long (RFC 6665 §4.1.3, giveup).
    pub(super) fn give_up_request(&mut self, id: PairId) {
        if let Some(authorization) = self.authorization(id) {
            authorization.pending_out = false;
        }
        self.forget_presentity(id);
        self.mark_dirty(id, Dirty::BeforeSend);
        self.end_pending(id, Reason::GiveUp);
    }

    /// The XMPP user decided: each subscription of the SIP user is told at once.
    pub(super) fn decided(&mut self, now: Now, id: PairId, granted: bool) {
        self.decided_as(id, |machine| machine.decided(now.instant, granted));
    }

    fn decided_as(&mut self, id: PairId, event: impl Fn(&mut Notifier) -> Action) {
        let Some(side) = self.notifier_side_mut(id) else { return };
        let each = side.dialogs.iter_mut().filter(|one| !one.fetch);
        let actions = each.map(|one| (one.id, event(&mut one.machine))).collect();
        self.carry_out(id, actions);
    }

    /// Ends all subscriptions that wait for the XMPP user's decision.
    pub(super) fn end_pending(&mut self, id: PairId, reason: Reason) {
        let Some(side) = self.notifier_side_mut(id) else { return };
        let pending = side
            .dialogs
            .iter_mut()
            .filter(|one| !one.fetch && one.machine.state() == notifier::State::Pending);
        let actions = pending.map(|one| (one.id, one.machine.end(reason))).collect();
        self.carry_out(id, actions);
    }

    /// Presence of the XMPP user for the SIP user.
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
        // Before a decision it only says that the request came (RFC 6121 §3.1.3).
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

    /// A device of the XMPP user: one copy for all watchers who are shown the same.
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
        let Some(side) = self.notifier_side_mut(id) else { return };
        // After a start: what the SIP user was shown last may be newer than the record of it.
        let unsure = side.heard_at.is_none();
        side.known = true;
        (side.heard_at, side.out_of_reach) = (Some(now.instant), None);
        if let Some(probe) = &mut side.probe {
            probe.unconfirmed.retain(|resource| *resource != device.resource);
            if whole && !device.available {
                side.probe = None;
            }
        }
        let changed = match whole && !device.available {
            true => close_all(&mut side.devices, &device),
            false => side.take(device),
        };
        if changed {
            self.mark_dirty(id, Dirty::Deferred);
        }
        if granted && (changed || unsure) {
            self.changed(now, id);
        }
    }

    /// The XMPP user's presence changed: each subscription is notified when its interval allows.
    pub(super) fn changed(&mut self, now: Now, id: PairId) {
        let Some(side) = self.notifier_side_mut(id) else { return };
        let changed = |one: &mut Subscription| (one.id, one.machine.changed(now.instant));
        let actions = side.dialogs.iter_mut().map(changed).collect();
        self.carry_out(id, actions);
    }

    /// An XMPP user whose server does not answer a probe counts as gone (RFC 6121 §4.3.2 makes the
    /// answer but a SHOULD). It is no proof: an outage may have hidden an `unsubscribed`.
    pub(super) fn probe_unanswered(&mut self, now: Now, id: PairId) {
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        let up = self.links.get(known.names.link.0).is_some_and(Link::is_up);
        let Some(side) = known.notifier_side.as_deref_mut() else { return };
        let Some(probe) = side.probe.take().filter(|_| up) else { return };
        let mut changed = side.heard_at.replace(now.instant).is_none();
        for resource in &probe.unconfirmed {
            let device = Device {
                resource: resource.clone(),
                available: false,
                facts: Facts::default(),
                changed_us: now.unix_ms * 1_000,
                contact: 0,
            };
            changed |= side.take(Arc::new(device));
        }
        if side.devices.is_empty() {
            changed |= close_all(&mut side.devices, &nobody(now));
        }
        side.known = true;
        if changed {
            self.mark_dirty(id, Dirty::Deferred);
            self.changed(now, id);
        }
    }

    /// A domain that was out of reach is probed again, as long as somebody watches.
    pub(super) fn ask_again(&mut self, now: Now, id: PairId, effects: &mut Vec<Effect>) {
        let Some(side) = self.notifier_side_mut(id) else { return };
        let waits = side.probe.is_some();
        let Some(outage) = &mut side.out_of_reach else { return };
        if waits || outage.again_at > now.instant {
            return;
        }
        outage.again_at = now.instant + outage.pause;
        if side.dialogs.is_empty() {
            side.out_of_reach = None;
        }
        self.probe_presentity(now, id, effects);
    }

    /// An error answers a request or a probe for the SIP user (SUB-078, PRES-081).
    pub(super) fn on_error_stanza(
        &mut self,
        now: Now,
        said: &PresenceStanza,
        meaning: StanzaErrorMeaning,
        out_of_reach: bool,
        effects: &mut Vec<Effect>,
    ) {
        let id = said.pair.id;
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        let Some(side) = known.notifier_side.as_deref_mut() else { return };
        let answers = |asked: Option<&str>| {
            asked.is_some() && (said.id.is_none() || said.id.as_deref() == asked)
        };
        if answers(side.probe.as_ref().map(|probe| &*probe.id)) {
            return self.probe_failed(now, id, out_of_reach, effects);
        }
        if !known.authorization.pending_out || !answers(side.asked_id.as_deref()) {
            return;
        }
        let reason = match meaning {
            StanzaErrorMeaning::Nothing => return,
            StanzaErrorMeaning::Probation => Reason::Probation,
            StanzaErrorMeaning::NoResource => Reason::NoResource,
            StanzaErrorMeaning::Rejected => Reason::Rejected,
        };
        known.authorization.pending_out = false;
        (side.asked_at, side.asked_id, side.give_up) = (None, None, None);
        known.mark_dirty(Dirty::BeforeSend);
        self.end_pending(id, reason);
    }

    /// The XMPP user's domain is out of reach: the second time in a row all devices count as gone.
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
        let Some(side) = known.notifier_side.as_deref_mut() else { return };
        let Some(probe) = &mut side.probe else { return };
        if !out_of_reach {
            side.probe = None;
            return;
        }
        probe.failed += 1;
        if probe.failed == 1 {
            probe.id = token.clone();
            probe.deadline = now.instant + timeout;
            return self.probe(&pair, &token, effects);
        }
        side.probe = None;
        let before = side.out_of_reach.as_ref();
        let pause = before.map_or(FIRST, |outage| (outage.pause * 2).min(MOST));
        side.out_of_reach = Some(Box::new(OutOfReach { again_at: now.instant + pause, pause }));
        if close_all(&mut side.devices, &nobody(now)) {
            self.mark_dirty(id, Dirty::Deferred);
            self.changed(now, id);
        }
    }
}

impl NotifierSide {
    /// Takes in a device, and returns whether that changes anything. One that went is shown as
    /// gone until all subscriptions have seen it, and longer if nothing else is left (PRES-008).
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

    /// A document was sent. Once no subscription waits for one, all have seen who is gone.
    pub(super) fn note_seen(&mut self) {
        if self.dialogs.iter().all(|one| !one.machine.waits()) {
            let gone = self.devices.iter().filter(|device| !device.available);
            self.seen_gone = gone.map(|device| device.resource.clone()).collect();
        }
    }
}

/// Marks all devices as gone. Where none was known, adds a nameless one that is gone.
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

/// A nameless device that is gone, as of now.
fn nobody(now: Now) -> Device {
    Device {
        resource: "".into(),
        available: false,
        facts: Facts::default(),
        changed_us: now.unix_ms * 1_000,
        contact: 0,
    }
}
