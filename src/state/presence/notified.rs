//! NOTIFY of a SIP user's presence (RFC 6665 §4.1.3), and what it shows an XMPP user.

use super::State;
use super::authorization::Stanza as Kind;
use super::dialog::{Dialog, Order};
use super::pair::{Dirty, Probe, SubscriberSide};
use crate::codec::sip::{Status, SubscriptionState};
use crate::codec::xmpp::{Presence, PresenceKind};
use crate::flow::{
    Counter, Decision, Device, DialogId, Document, Effect, EncryptionReport, LocalResponse,
    NotifyRequest, Now, PairId, UserPair,
};
use crate::state::link::Link;

impl State {
    /// NOTIFY (RFC 6665 §4.1.3).
    pub(in crate::state) fn notified(
        &mut self,
        now: Now,
        notified: NotifyRequest,
        effects: &mut Vec<Effect>,
    ) {
        let id = notified.pair.id;
        if let Document::Full { foreign: true, .. } = notified.document {
            self.counters.count(Counter::NotifyForeign);
        }
        self.with_pair(now, id, effects, |state, effects| {
            state.notified_in(now, id, notified, effects);
        });
    }

    pub(super) fn notified_in(
        &mut self,
        now: Now,
        id: PairId,
        notified: NotifyRequest,
        effects: &mut Vec<Effect>,
    ) {
        let NotifyRequest { flow, key, request, dialog: name, state, contact, .. } = notified;
        let NotifyRequest { document, pair, flag: report, .. } = notified;
        let order = self.dialog_of(id, name).map(|dialog| dialog.order(&request));
        let response = match order {
            None | Some(Order::Foreign) => Some(LocalResponse::unknown_subscription()),
            Some(Order::Old) => Some(LocalResponse::out_of_order()),
            Some(Order::Again) => Some(LocalResponse::success(Status::OK)),
            Some(Order::Next) => None,
        };
        if let Some(response) = response {
            return self.respond_and_remember(&flow, key, &request, response, effects);
        }
        let terminated = *state.state() == SubscriptionState::Terminated;
        if let Some(dialog) = self.dialog_of(id, name) {
            let made = !dialog.is_established();
            dialog.take(&request, contact.as_ref());
            let dirty = if made && !terminated { Dirty::BeforeSend } else { Dirty::Deferred };
            self.mark_dirty(id, dirty);
        }
        let Taken { answer, seen, object, unread } = self.take_document(&pair, document);
        self.counters.count(Counter::NotifyTaken);
        self.respond_and_remember(&flow, key, &request, answer, effects);
        if self.is_poll(id, name) {
            let Some(poll) = self.end_poll(id) else { return };
            let denied = terminated && matches!(state.reason(), Some("rejected" | "noresource"));
            let shown = self.show_object(&pair, object.filter(|_| !denied), effects);
            self.report_encryption(now, report, shown, effects);
            return self.polled(now, id, poll.probe, denied, seen, effects);
        }
        self.run_subscriber(now, id, None, effects, |machine, context| {
            machine.notified(context, &state)
        });
        let live = |known: &SubscriberSide| known.machine.is_live() && !terminated;
        let live = self.subscriber_side_mut(id).is_some_and(|known| live(known));
        let shown = self.show_object(&pair, object.filter(|_| live), effects);
        self.report_encryption(now, report, shown, effects);
        // What is known holds until there is a document that can be read (PRES-094).
        self.show_document(now, id, terminated || unread, seen, effects);
    }

    /// What the body of a NOTIFY comes to. An object is of no use later: while nobody can be shown
    /// it, its sender is told so.
    fn take_document(&mut self, pair: &UserPair, document: Document) -> Taken {
        let up = self.links.get(pair.link.0).is_some_and(Link::is_up);
        let mut taken = Taken {
            answer: LocalResponse::success(Status::OK),
            seen: None,
            object: None,
            unread: false,
        };
        match document {
            Document::None => {}
            Document::Full { devices, stanzas, .. } => {
                // A presence server answers for any name: who is shown as there is one.
                if devices.iter().any(|device| device.available) {
                    self.note_seen(&pair.sip_user);
                }
                taken.seen = Some((devices, stanzas));
            }
            Document::Object(object) if up => taken.object = Some(object),
            Document::Object(_) => taken.answer = LocalResponse::try_again(),
            Document::Refused(refusal) => taken.answer = refusal,
            Document::Invalid => taken.unread = true,
        }
        taken.unread |= taken.object.is_some() || taken.answer.status != Status::OK;
        if taken.answer.status != Status::OK {
            self.counters.count(Counter::NotifyRefused);
        }
        taken
    }

    /// Shows the XMPP user an object; from then on the SIP user's bare JID counts as available.
    fn show_object(
        &mut self,
        pair: &UserPair,
        object: Option<Box<Presence>>,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let Some(object) = object else { return false };
        self.send_presence(pair, *object, effects);
        let side = self.subscriber_side_mut(pair.id);
        if side.is_some_and(|side| !std::mem::replace(&mut side.object, true)) {
            self.mark_dirty(pair.id, Dirty::BeforeSend);
        }
        true
    }

    /// An object no longer makes the SIP user count as available; `told` says whether the XMPP user
    /// knows.
    pub(super) fn withdraw_object(&mut self, id: PairId, told: bool, effects: &mut Vec<Effect>) {
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        let pair = known.pair();
        let Some(side) = known.subscriber_side.as_deref_mut() else { return };
        if std::mem::take(&mut side.object) && !told {
            self.show_gone(&pair, None, None, effects);
        }
    }

    /// Reports what was found of encryption; an object that could not be shown did not cross.
    fn report_encryption(
        &mut self,
        now: Now,
        report: Option<Box<EncryptionReport>>,
        shown: bool,
        effects: &mut Vec<Effect>,
    ) {
        let Some(mut report) = report else { return };
        if report.sighting.decision == Decision::Relayed && !shown {
            report.sighting.decision = Decision::Refused;
        }
        self.flag(now, *report, effects);
    }

    /// Shows the XMPP user what the document of a NOTIFY changes.
    pub(super) fn show_document(
        &mut self,
        now: Now,
        id: PairId,
        means_nothing: bool,
        seen: Option<(Vec<Device>, Vec<Presence>)>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        let pair = known.pair();
        let Some(side) = known.subscriber_side.as_deref_mut() else { return };
        if means_nothing || !side.machine.is_live() {
            return;
        }
        let first = std::mem::take(&mut side.first);
        let probe = side.probe.take();
        let Some((devices, stanzas)) = seen else {
            // D-24: nothing is known of the SIP user; what an earlier dialog had shown is over.
            if first {
                self.withdraw(now, id, effects);
            }
            if let Some(probe) = probe {
                self.answer_known(id, &probe, effects);
            }
            return;
        };
        if side.shows_any() && !devices.iter().any(|device| device.available) {
            side.gone_us = Some(now.unix_ms * 1_000);
        }
        // A device that is shown for the first time must be known after a crash, to be withdrawn.
        let new = |device: &Device| {
            device.available && side.devices.iter().all(|it| it.resource != device.resource)
        };
        let dirty = if devices.iter().any(new) { Dirty::BeforeSend } else { Dirty::Deferred };
        let over = devices.iter().all(|device| !device.available);
        side.devices = devices.into_iter().map(Device::kept).collect();
        known.mark_dirty(dirty);
        let bare = stanzas.iter().any(|stanza| gone(stanza) && is_bare(stanza));
        for stanza in stanzas.into_iter().filter(|stanza| probe.is_none() || gone(stanza)) {
            self.send_presence(&pair, stanza, effects);
        }
        if let Some(probe) = probe {
            self.answer_known(id, &probe, effects);
        }
        if over {
            self.withdraw_object(id, bare, effects);
        }
    }

    /// Answers a probe with what is known of the SIP user.
    pub(super) fn answer_known(&mut self, id: PairId, probe: &Probe, effects: &mut Vec<Effect>) {
        let Some(known) = self.presence.pairs.get(&id) else { return };
        let Some(side) = &known.subscriber_side else { return };
        let (pair, devices, gone) = (known.pair(), side.devices.clone(), side.gone_us);
        self.answer_probe(&pair, probe, &devices, gone, effects);
    }

    /// The answer to a poll.
    pub(super) fn polled(
        &mut self,
        now: Now,
        id: PairId,
        probe: Probe,
        refused: bool,
        seen: Option<(Vec<Device>, Vec<Presence>)>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(pair) = self.presence.pairs.get(&id).map(|known| known.pair()) else {
            return;
        };
        if refused {
            return self.send_subscription(now, &pair, Kind::Unsubscribed, probe.id, effects);
        }
        if let Some((devices, _)) = seen {
            self.answer_probe(&pair, &probe, &devices, None, effects);
        }
    }

    pub(super) fn is_poll(&self, id: PairId, name: DialogId) -> bool {
        let poll = self.presence.pair(id).and_then(|known| known.poll.as_ref());
        poll.is_some_and(|poll| poll.dialog.0 == name)
    }

    /// The dialog of the XMPP user's subscription or poll.
    pub(super) fn dialog_of(&mut self, id: PairId, name: DialogId) -> Option<&mut Dialog> {
        let known = self.presence.pairs.get_mut(&id)?;
        let subscriber = known.subscriber_side.iter_mut().filter_map(|side| side.dialog.as_mut());
        let poll = known.poll.iter_mut().map(|poll| &mut poll.dialog);
        subscriber.chain(poll).find(|(known, _)| *known == name).map(|(_, dialog)| dialog)
    }
}

fn gone(stanza: &Presence) -> bool {
    stanza.kind == PresenceKind::Unavailable
}

fn is_bare(stanza: &Presence) -> bool {
    stanza.from.as_ref().is_some_and(|from| from.resource().is_none())
}

/// What the body of a NOTIFY comes to.
struct Taken {
    answer: LocalResponse,
    /// All devices, with the stanzas that show the XMPP user what is new in them.
    seen: Option<(Vec<Device>, Vec<Presence>)>,
    object: Option<Box<Presence>>,
    /// Whether nothing is known of what it says.
    unread: bool,
}
