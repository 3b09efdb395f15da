//! A failed SUBSCRIBE is tried again as soon as anything is heard of the SIP user (SUB-111): a
//! phone that was off is on again.

use std::collections::BTreeSet;

use super::State;
use super::subscriber::Subscriber;
use crate::codec::xmpp::Jid;
use crate::flow::{Effect, Map, Now, PairId, Seed};
use crate::state::ids::Purpose;

/// Pairs that are taken up when a SIP user is heard of once; the others have their own time, or the
/// next one.
const MOST: usize = 1_000;

/// The pairs that wait for another attempt, by the hash of the SIP user.
#[derive(Debug)]
pub(super) struct Retrying(Map<u64, BTreeSet<PairId>>);

impl Retrying {
    pub(super) fn new(seed: Seed) -> Self {
        Retrying(Map::with_hasher(seed))
    }
}

impl State {
    /// Notes whether a pair waits for another attempt.
    pub(super) fn note_retrying(&mut self, id: PairId) {
        let Some(side) = self.subscriber_side_mut(id) else { return };
        let retrying = side.machine.is_retrying();
        if retrying != std::mem::replace(&mut side.retrying, retrying) {
            self.set_retrying(id, retrying);
        }
    }

    /// A pair is no more.
    pub(super) fn forget_retrying(&mut self, id: PairId) {
        if self.subscriber_side_mut(id).is_some_and(|side| side.retrying) {
            self.set_retrying(id, false);
        }
    }

    fn set_retrying(&mut self, id: PairId, retrying: bool) {
        let Some(known) = self.presence.pairs.get(&id) else { return };
        let contact = self.retrying_key(&known.names.contact);
        let all = &mut self.presence.retrying.0;
        if retrying {
            all.entry(contact).or_default().insert(id);
        } else if let Some(pairs) = all.get_mut(&contact) {
            pairs.remove(&id);
            if pairs.is_empty() {
                all.remove(&contact);
            }
        }
    }

    fn retrying_key(&self, contact: &Jid) -> u64 {
        self.hash(Purpose::Target, &[contact.bare_str().as_bytes()])
    }

    /// A SIP user was heard of: a request of the user was taken.
    pub(in crate::state) fn contact_heard(
        &mut self,
        now: Now,
        contact: &Jid,
        effects: &mut Vec<Effect>,
    ) {
        if self.presence.retrying.0.is_empty() {
            return;
        }
        let contact = self.retrying_key(contact);
        let Some(pairs) = self.presence.retrying.0.get(&contact) else { return };
        let pairs: Vec<PairId> = pairs.iter().copied().take(MOST).collect();
        for id in pairs {
            self.with_pair(now, id, effects, |state, effects| {
                state.run_subscriber(now, id, None, effects, Subscriber::heard);
            });
        }
    }
}
