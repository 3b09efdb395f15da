//! Secured objects (RFC 3923) that XMPP users send to their watchers: each is sent once, and kept
//! until every subscription has had it, never longer.
//!
//! There is one for a pair: a later one of the same device takes the place of an earlier one, as a
//! later presence does.

use std::time::Duration;

use super::State;
use crate::codec::xmpp::{Presence, PresenceKind, Stanza, StanzaError};
use crate::flow::{
    Counter, DialogId, Effect, Failure, Followup, Instant, LinkId, Map, Now, PairId, PresenceBody,
    SecuredNotify, Seed, SubscriptionResponse,
};
use crate::state::client::Owner;

/// Objects that are kept at once.
const MOST: usize = 1_000;
/// Octets that they may have together.
const MOST_OCTETS: usize = 16 * 1_024 * 1_024;
/// RFC 3923 §6.9: what is older is not sent.
const MAX_AGE: Duration = Duration::from_secs(300);

/// The objects, by pair.
#[derive(Debug)]
pub(super) struct Objects {
    held: Map<PairId, Box<SecuredObject>>,
    octets: usize,
}

#[derive(Debug)]
struct SecuredObject {
    link: LinkId,
    stanza: Box<Presence>,
    written: PresenceBody,
    received: Instant,
    dialogs: Vec<(DialogId, Step)>,
    /// Whether one of them has it.
    arrived: bool,
    /// Why the last of those that have it not has it not.
    lost: Lost,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Waits,
    Sent,
}

/// Why it did not arrive.
#[derive(Debug)]
enum Lost {
    /// In the words of a response.
    Refused(Box<StanzaError>),
    Failed(Failure),
}

impl Objects {
    /// There are none.
    #[must_use]
    pub(super) fn new(seed: Seed) -> Self {
        Objects { held: Map::with_hasher(seed), octets: 0 }
    }

    fn put(&mut self, id: PairId, object: Box<SecuredObject>) -> Option<Box<SecuredObject>> {
        self.octets += object.written.body.len();
        let before = self.held.insert(id, object);
        self.octets -= before.as_ref().map_or(0, |before| before.written.body.len());
        before
    }

    fn take(&mut self, id: PairId) -> Option<Box<SecuredObject>> {
        let object = self.held.remove(&id)?;
        self.octets -= object.written.body.len();
        Some(object)
    }

    fn is_full(&self, octets: usize) -> bool {
        self.held.len() >= MOST || self.octets + octets > MOST_OCTETS
    }
}

impl SecuredObject {
    /// A subscription is done with it.
    fn done(&mut self, name: DialogId, lost: Option<Lost>) {
        self.dialogs.retain(|(dialog, _)| *dialog != name);
        self.arrived |= lost.is_none();
        if let Some(lost) = lost {
            self.lost = lost;
        }
    }
}

impl super::Presence {
    /// The stanza with whose object a NOTIFY was sent.
    #[must_use]
    pub fn secured(&self, owner: Owner) -> Option<&Presence> {
        let Owner::Object(pair, dialog) = owner else { return None };
        let object = self.objects.held.get(&pair)?;
        object.dialogs.contains(&(dialog, Step::Sent)).then_some(&*object.stanza)
    }
}

impl State {
    /// A secured object of the XMPP user for the SIP user (RFC 3923 §8).
    pub(super) fn send_secured(
        &mut self,
        now: Now,
        directed: SecuredNotify,
        effects: &mut Vec<Effect>,
    ) {
        let SecuredNotify { pair, stanza, dialogs, written } = directed;
        let (id, link) = (pair.id, pair.link);
        self.counters.count(Counter::XmppPresence);
        self.heard_of(now, &pair.xmpp_user);
        self.note_secured_presence(now, id, &stanza, effects);
        if self.presence.objects.is_full(written.body.len()) {
            return self.again(Followup::Lost(link, stanza, Failure::QueueFull));
        }
        let steps = dialogs.iter().map(|name| (*name, Step::Waits)).collect();
        let object = SecuredObject {
            link,
            stanza,
            written,
            received: now.instant,
            dialogs: steps,
            arrived: false,
            lost: Lost::Failed(Failure::NoWatcher),
        };
        let before = self.presence.objects.put(id, Box::new(object));
        self.displaced(id, before);
        self.with_pair(now, id, effects, |state, _| {
            let Some(side) = state.notifier_side_mut(id) else { return };
            let each = side.dialogs.iter_mut().filter(|one| dialogs.contains(&one.id));
            let actions = each.map(|one| (one.id, one.machine.object(now.instant))).collect();
            state.carry_out(id, actions);
        });
    }

    /// Notes that the XMPP user is available: that shows without reading the object.
    fn note_secured_presence(
        &mut self,
        now: Now,
        id: PairId,
        stanza: &Presence,
        effects: &mut Vec<Effect>,
    ) {
        let Some(from) = stanza.from.as_ref().filter(|_| stanza.kind == PresenceKind::Available)
        else {
            return;
        };
        let resource = from.resource().map(Into::into);
        let appeared = self.note_online(&from.bare(), resource.as_ref(), true);
        let Some(known) = self.presence.pairs.get_mut(&id) else { return };
        known.heard = now.unix_ms;
        let watches = known.authorization.from;
        let probe = known.notifier_side.as_deref_mut().and_then(|side| side.probe.as_deref_mut());
        if let Some(probe) = probe {
            probe.unconfirmed.retain(|device| Some(device) != resource.as_ref());
        }
        if appeared && watches {
            self.with_pair(now, id, effects, |state, effects| {
                state.on_xmpp_user_available(now, id, effects)
            });
        }
    }

    /// A later object has taken the place of one: the sender is told, if it is another device.
    fn displaced(&mut self, id: PairId, before: Option<Box<SecuredObject>>) {
        let Some(before) = before else { return };
        let held = self.presence.objects.held.get(&id);
        let same = held.is_some_and(|after| after.stanza.from == before.stanza.from);
        if !same && !before.arrived {
            self.again(Followup::Lost(before.link, before.stanza, Failure::Replaced));
        }
    }

    /// Sends an object in a dialog, now that it is due.
    pub(in crate::state) fn send_object(
        &mut self,
        now: Now,
        id: PairId,
        name: DialogId,
        effects: &mut Vec<Effect>,
    ) {
        self.with_pair(now, id, effects, |state, effects| {
            let Some(side) = state.notifier_side_mut(id) else { return };
            let Some(one) = side.dialogs.iter_mut().find(|one| one.id == name) else { return };
            if !one.machine.takes_object() {
                return;
            }
            let written = state.object_for(now, id, name);
            let interval = state.config.presence.notify_interval;
            let Some(side) = state.notifier_side_mut(id) else { return };
            let Some(one) = side.dialogs.iter_mut().find(|one| one.id == name) else { return };
            let Some(written) = written else {
                let action = one.machine.no_object(now.instant);
                return state.carry_out(id, vec![(name, action)]);
            };
            one.machine.object_sent(now.instant, interval);
            state.launch_notify(now, Owner::Object(id, name), Some(&written), effects);
        });
    }

    /// The object that a dialog is to be sent now.
    fn object_for(&mut self, now: Now, id: PairId, name: DialogId) -> Option<PresenceBody> {
        let object = self.presence.objects.held.get_mut(&id)?;
        if now.instant - object.received > MAX_AGE {
            object.done(name, Some(Lost::Failed(Failure::Stale)));
            return None;
        }
        let step = object.dialogs.iter_mut().find(|(dialog, _)| *dialog == name)?;
        (step.1 == Step::Waits).then(|| {
            step.1 = Step::Sent;
            object.written.clone()
        })
    }

    /// A NOTIFY with an object has its final response.
    pub(super) fn object_answered(
        &mut self,
        now: Now,
        id: PairId,
        name: DialogId,
        answered: &SubscriptionResponse,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(object) = self.presence.objects.held.get_mut(&id)
            && object.dialogs.contains(&(name, Step::Sent))
        {
            let lost = match (answered.status, &answered.error) {
                (200..=299, _) => None,
                (_, Some(error)) => Some(Lost::Refused(error.clone())),
                (408, None) => Some(Lost::Failed(Failure::Timeout)),
                (413, None) => Some(Lost::Failed(Failure::TooLarge)),
                (_, None) => Some(Lost::Failed(Failure::Unreachable)),
            };
            object.done(name, lost);
        }
        self.notify_answered(now, id, name, (answered.status, true), effects);
    }

    /// Ends an object of a pair once no subscription is left for it: if it reached none, its sender
    /// is told.
    pub(super) fn settle_object(&mut self, id: PairId, effects: &mut Vec<Effect>) {
        if self.presence.objects.held.is_empty() {
            return;
        }
        let known = self.presence.pairs.get(&id);
        let Some(object) = self.presence.objects.held.get_mut(&id) else { return };
        let takers: Vec<DialogId> =
            known.iter().flat_map(|known| known.object_takers()).map(|(name, _)| name).collect();
        object.dialogs.retain(|(name, step)| *step == Step::Sent || takers.contains(name));
        if !object.dialogs.is_empty() {
            return;
        }
        let Some(object) = self.presence.objects.take(id).filter(|object| !object.arrived) else {
            return;
        };
        match object.lost {
            Lost::Failed(failure) => {
                self.again(Followup::Lost(object.link, object.stanza, failure))
            }
            Lost::Refused(error) => {
                let Presence { from, to, id, .. } = *object.stanza;
                let kind = PresenceKind::Error;
                let (from, to, error) = (to, from, Some(*error));
                let answer = Presence { from, to, id, kind, error, ..Presence::default() };
                self.write(object.link, &Stanza::Presence(Box::new(answer)), effects);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::sip::Headers;

    fn object(octets: usize) -> Box<SecuredObject> {
        Box::new(SecuredObject {
            link: LinkId(0),
            stanza: Box::default(),
            written: PresenceBody {
                headers: Headers::new(),
                body: vec![0; octets].into(),
                cut: false,
            },
            received: Instant::default(),
            dialogs: Vec::new(),
            arrived: false,
            lost: Lost::Failed(Failure::NoWatcher),
        })
    }

    #[test]
    fn neither_their_number_nor_their_octets_grow_without_a_bound() {
        let mut objects = Objects::new(Seed(1, 2));
        let mut taken = 0;
        while !objects.is_full(SecuredNotify::MOST) {
            objects.put(PairId(taken), object(SecuredNotify::MOST));
            taken += 1;
        }
        assert_eq!(taken, 279);
        objects.put(PairId(0), object(1));
        assert!(!objects.is_full(SecuredNotify::MOST) && objects.take(PairId(0)).is_some());
        let mut objects = Objects::new(Seed(1, 2));
        for id in 0..1_000 {
            assert!(!objects.is_full(1));
            objects.put(PairId(id), object(1));
        }
        assert!(objects.is_full(1));
        (0..1_000).for_each(|id| drop(objects.take(PairId(id))));
        assert_eq!((objects.octets, objects.held.len()), (0, 0));
    }
}
