//! What is remembered of end-to-end encryption: counts, the last refusals, and whom was written
//! about whom.

use std::collections::{BTreeMap, VecDeque};

use super::ids::Purpose;
use super::recent::Recent;
use super::{Link, State};
use crate::flow::{
    Counter, Decision, DeliveryId, Effect, EncryptionCount, EncryptionFound, EncryptionRefusal,
    EncryptionReport, Event, Notice, Now, Outbound, Rendered, Seed, Towards, direction,
};

/// Refusals that `stox status` shows.
const LAST: usize = 20;
/// Pairs of people who are remembered to have been told.
const TOLD: usize = 10_000;
/// Schemes that are counted by name: a peer can make names up.
const NAMES: usize = 256;
/// Where the others are counted.
const OTHER: &str = "other";

/// Counts and last refusals.
#[derive(Debug)]
pub(super) struct Sightings {
    counts: BTreeMap<(String, Towards, Decision), u64>,
    last: VecDeque<EncryptionRefusal>,
    told: Recent,
}

impl Sightings {
    /// Nothing was met yet.
    #[must_use]
    pub(super) fn new(seed: Seed) -> Self {
        let (counts, last) = (BTreeMap::new(), VecDeque::new());
        Sightings { counts, last, told: Recent::new(seed, TOLD) }
    }

    fn note(&mut self, sighting: &EncryptionFound, now: Now) {
        let EncryptionFound { towards, decision, .. } = *sighting;
        let mut key = (sighting.scheme.clone(), towards, decision);
        if self.counts.len() >= NAMES && !self.counts.contains_key(&key) {
            key.0 = OTHER.to_owned();
        }
        *self.counts.entry(key).or_default() += 1;
        if decision == Decision::Refused {
            self.last.push_back(EncryptionRefusal {
                unix: now.unix_ms / 1_000,
                scheme: sighting.scheme.clone(),
                direction: direction(towards).to_owned(),
                from: sighting.from.clone(),
                to: sighting.to.clone(),
                id: sighting.id.clone(),
                place: sighting.place.clone(),
            });
            if self.last.len() > LAST {
                self.last.pop_front();
            }
        }
    }

    pub(super) fn counts(&self) -> Vec<EncryptionCount> {
        let count = |((scheme, towards, decision), count): (&(String, Towards, Decision), &u64)| {
            EncryptionCount {
                scheme: scheme.clone(),
                direction: direction(*towards).to_owned(),
                decision: decision.name().to_owned(),
                count: *count,
            }
        };
        self.counts.iter().map(count).collect()
    }

    pub(super) fn last(&self) -> Vec<EncryptionRefusal> {
        self.last.iter().cloned().collect()
    }
}

impl State {
    /// Counts and tells what was met; the recipient is told once for each sender.
    pub(super) fn flag(&mut self, now: Now, flag: EncryptionReport, effects: &mut Vec<Effect>) {
        let EncryptionReport { sighting, notice } = flag;
        self.counters.count(Counter::Encrypted);
        self.sightings.note(&sighting, now);
        let parts = [sighting.from.as_bytes(), sighting.to.as_bytes()];
        let key = self.hash(Purpose::Notice, &parts);
        effects.push(Effect::Event(Event::Encrypted(Box::new(sighting))));
        let Some(notice) = notice.filter(|_| !self.sightings.told.knows(key)) else { return };
        match notice {
            Notice::ToXmpp { link, stanza } => {
                if self.link(link).is_some_and(Link::is_up) {
                    self.sightings.told.note(key);
                    self.write(link, &stanza, effects);
                }
            }
            Notice::ToSip { outbound, rendered } => {
                self.sightings.told.note(key);
                self.send_notice(now, outbound, &rendered, effects);
            }
        }
    }

    /// Sends a word of the gateway's own. It is not journalled: a restart may lose it.
    fn send_notice(
        &mut self,
        now: Now,
        outbound: Box<Outbound>,
        rendered: &Rendered,
        effects: &mut Vec<Effect>,
    ) {
        let id = DeliveryId(self.deliveries.last() + 1);
        if !self.enqueue(id, outbound, effects) {
            return;
        }
        if let Some(delivery) = self.deliveries.get_mut(id) {
            delivery.max_request_octets = rendered.max_request_octets;
        }
        self.send_first(now, id, rendered, effects);
    }
}
