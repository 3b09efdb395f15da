//! NOTIFY of a SIP user's presence (RFC 6665 §4.1.3), and what it shows an XMPP user.

use super::State;
use super::authorization::Stanza as Kind;
use super::dialog::{Dialog, Order};
use super::pair::{Dirty, Probe};
use crate::codec::sip::{Status, SubscriptionState};
use crate::codec::xmpp::{Presence, PresenceKind};
use crate::flow::{Counter, Device, DialogId, Document, Effect, Notified, Now, PairId, Refusal};

impl State {
    /// NOTIFY (RFC 6665 §4.1.3).
    pub(in crate::state) fn notified(
        &mut self,
        now: Now,
        notified: Notified,
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
        notified: Notified,
        effects: &mut Vec<Effect>,
    ) {
        let Notified { flow, key, request, dialog: name, state, contact, document, .. } = notified;
        let order = self.dialog_of(id, name).map(|dialog| dialog.order(&request));
        let refusal = match order {
            None | Some(Order::Foreign) => {
                Some(Refusal::new(Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST))
            }
            Some(Order::Old) => Some(Refusal::new(Status::SERVER_INTERNAL_ERROR)),
            Some(Order::Again) => Some(Refusal::new(Status::OK)),
            Some(Order::Next) => None,
        };
        if let Some(refusal) = refusal {
            return self.conclude(&flow, key, &request, refusal, effects);
        }
        let terminated = *state.state() == SubscriptionState::Terminated;
        if let Some(dialog) = self.dialog_of(id, name) {
            let made = !dialog.is_established();
            dialog.take(&request, contact.as_ref());
            self.soil(id, if made && !terminated { Dirty::Gravely } else { Dirty::Lightly });
        }
        let refused = matches!(document, Document::Refused(_));
        let (answer, seen) = match document {
            Document::Refused(refusal) => {
                self.counters.count(Counter::NotifyRefused);
                (refusal, None)
            }
            Document::None => (Refusal::new(Status::OK), None),
            Document::Full { devices, stanzas, .. } => {
                (Refusal::new(Status::OK), Some((devices, stanzas)))
            }
        };
        self.counters.count(Counter::NotifyTaken);
        self.conclude(&flow, key, &request, answer, effects);
        if self.is_fetch(id, name) {
            let Some(fetch) = self.end_fetch(id) else { return };
            let denied = matches!(state.reason(), Some("rejected" | "noresource"));
            return self.fetched(now, id, fetch.probe, denied && terminated, seen, effects);
        }
        self.run_watching(now, id, None, effects, |machine, context| {
            machine.notified(context, &state)
        });
        // What is known holds until there is a document that can be read (PRES-094).
        self.show_document(now, id, terminated || refused, seen, effects);
    }

    /// What the document of a NOTIFY changes for her.
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
        let Some(watching) = known.watching.as_deref_mut() else { return };
        if means_nothing || !watching.machine.is_live() {
            return;
        }
        let first = std::mem::take(&mut watching.first);
        let probe = watching.probe.take();
        let Some((devices, stanzas)) = seen else {
            // D-24: nothing is known of him; what an earlier dialog had shown is over.
            if first {
                self.withdraw(now, id, effects);
            }
            if let Some(probe) = probe {
                self.answer_known(id, &probe, effects);
            }
            return;
        };
        if watching.shows_any() && !devices.iter().any(|device| device.available) {
            watching.gone_us = Some(now.unix_ms * 1_000);
        }
        // A device that is shown for the first time must be known after a crash, to be withdrawn.
        let new = |device: &Device| {
            device.available && watching.devices.iter().all(|it| it.resource != device.resource)
        };
        let dirty = if devices.iter().any(new) { Dirty::Gravely } else { Dirty::Lightly };
        watching.devices = devices.into_iter().map(Device::kept).collect();
        known.soil(dirty);
        match probe {
            Some(probe) => {
                for stanza in stanzas.into_iter().filter(gone) {
                    self.show(&pair, stanza, effects);
                }
                self.answer_known(id, &probe, effects);
            }
            None => {
                for stanza in stanzas {
                    self.show(&pair, stanza, effects);
                }
            }
        }
    }

    /// Answers a probe with what is known of him.
    pub(super) fn answer_known(&mut self, id: PairId, probe: &Probe, effects: &mut Vec<Effect>) {
        let Some(known) = self.presence.pairs.get(&id) else { return };
        let Some(watching) = &known.watching else { return };
        let (pair, devices, gone) = (known.pair(), watching.devices.clone(), watching.gone_us);
        self.answer_probe(&pair, probe, &devices, gone, effects);
    }

    /// The answer to a question without a subscription.
    pub(super) fn fetched(
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
            return self.say(now, &pair, Kind::Unsubscribed, probe.id, effects);
        }
        if let Some((devices, _)) = seen {
            self.answer_probe(&pair, &probe, &devices, None, effects);
        }
    }

    pub(super) fn is_fetch(&self, id: PairId, name: DialogId) -> bool {
        let fetch = self.presence.pair(id).and_then(|known| known.fetch.as_ref());
        fetch.is_some_and(|fetch| fetch.dialog.0 == name)
    }

    /// The dialog of a subscription or a question of hers.
    pub(super) fn dialog_of(&mut self, id: PairId, name: DialogId) -> Option<&mut Dialog> {
        let known = self.presence.pairs.get_mut(&id)?;
        let watching = known.watching.iter_mut().filter_map(|watching| watching.dialog.as_mut());
        let fetch = known.fetch.iter_mut().map(|fetch| &mut fetch.dialog);
        watching.chain(fetch).find(|(known, _)| *known == name).map(|(_, dialog)| dialog)
    }
}

fn gone(stanza: &Presence) -> bool {
    stanza.kind == PresenceKind::Unavailable
}
