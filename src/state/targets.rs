//! What the user agents behind a SIP user's address can read: learnt from their traffic, kept over
//! restarts, bounded.
//!
//! A request to an address of record may be forked to all its agents, and one agent's 200 hides
//! another one's refusal. So agents are kept apart by the names that they give themselves, and an
//! address can what every agent seen there lately can. Only facts are kept; what a name means is
//! for the rules to say, which may change meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::codec::sip::Text;
use crate::flow::{Evidence, Map, Now, Record, Seed};

/// Addresses that are kept; of more, the one that was heard of longest ago goes.
pub const ADDRESSES: usize = 100_000;
/// Agents of one address that are kept; of more, the one that was heard of longest ago goes.
pub const AGENTS: usize = 8;
/// Nothing older is taken up from the store: rules cannot ask for more.
pub const OLDEST: Duration = Duration::from_secs(90 * 24 * 3_600);
/// How often it is noted that an agent, of which nothing new is learnt, is still there.
const REFRESH_HOURS: u32 = 24;

/// A user agent that was seen behind an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// As it names itself; empty where it does not.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub name: Box<str>,
    /// Whether it reads `message/cpim`; `None` while nothing shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpim: Option<bool>,
    /// When it was heard of last: hours since 1970.
    pub hour: u32,
}

impl Agent {
    /// Whether it was heard of within a time.
    #[must_use]
    pub fn is_within(&self, now: Now, time: Duration) -> bool {
        u64::from(self.hours_ago(now)) <= time.as_secs() / 3_600
    }

    /// Hours since it was heard of.
    #[must_use]
    pub fn hours_ago(&self, now: Now) -> u32 {
        hour(now).saturating_sub(self.hour)
    }
}

/// An address and who was seen behind it.
#[derive(Debug)]
struct Target {
    address: Text,
    agents: Vec<Agent>,
    /// Its place among all by age.
    age: u64,
}

/// The one memory of what addresses can.
#[derive(Debug)]
pub struct Targets {
    known: Map<u64, Target>,
    /// All addresses by the order in which they were heard of last.
    by_age: BTreeMap<u64, u64>,
    last_age: u64,
    most: usize,
}

impl Targets {
    /// Nothing is known of anybody; at most `most` addresses will be.
    #[must_use]
    pub fn new(seed: Seed, most: usize) -> Self {
        Targets { known: Map::with_hasher(seed), by_age: BTreeMap::new(), last_age: 0, most }
    }

    /// How many addresses something is known of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether nothing is known of anybody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The agents seen behind an address.
    #[must_use]
    pub fn agents(&self, key: u64) -> &[Agent] {
        self.known.get(&key).map_or(&[], |target| &target.agents)
    }

    /// Whether evidence says more than is known.
    #[must_use]
    pub fn is_news(&self, key: u64, agent: &str, cpim: Option<bool>, now: Now) -> bool {
        let known = self.agents(key).iter().find(|known| &*known.name == agent);
        known.is_none_or(|known| {
            (cpim.is_some() && cpim != known.cpim)
                || hour(now).saturating_sub(known.hour) >= REFRESH_HOURS
        })
    }

    /// Takes evidence in. What is to be stored: the address, and one that was forgotten for it.
    pub(super) fn learn(&mut self, key: u64, evidence: Evidence, now: Now) -> Vec<Record> {
        let mut records = Vec::new();
        if !self.known.contains_key(&key) && self.known.len() >= self.most {
            records.extend(self.forget_oldest());
        }
        self.last_age += 1;
        let age = self.last_age;
        let target = self.known.entry(key).or_insert_with(|| Target {
            address: evidence.address,
            agents: Vec::with_capacity(1),
            age,
        });
        self.by_age.remove(&std::mem::replace(&mut target.age, age));
        self.by_age.insert(age, key);
        let agents = &mut target.agents;
        let known = agents.iter().position(|known| *known.name == *evidence.agent);
        let before = known.map(|at| agents.remove(at));
        if agents.len() >= AGENTS {
            agents.remove(0);
        }
        let cpim = evidence.cpim.or(before.and_then(|before| before.cpim));
        // The agent heard of last stands last.
        agents.push(Agent { name: (*evidence.agent).into(), cpim, hour: hour(now) });
        records.push(target.record());
        records
    }

    /// An object was refused there: no agent is known to read one any more. What is to be stored.
    pub(super) fn refused_cpim(&mut self, key: u64) -> Option<Record> {
        let target = self.known.get_mut(&key)?;
        target.agents.iter_mut().for_each(|agent| agent.cpim = Some(false));
        Some(target.record())
    }

    /// Takes up what an earlier process stored; true if it is too old, or cannot be read.
    pub(super) fn restore(&mut self, key: u64, address: &str, value: &str, now: Now) -> bool {
        let Ok(mut agents) = serde_json::from_str::<Vec<Agent>>(value) else { return true };
        agents.retain(|agent| agent.is_within(now, OLDEST));
        agents.truncate(AGENTS);
        if agents.is_empty() || self.known.len() >= self.most {
            return true;
        }
        self.last_age += 1;
        let age = self.last_age;
        self.by_age.insert(age, key);
        self.known.insert(key, Target { address: address.into(), agents, age });
        false
    }

    /// Puts what was restored into the order of its age: the store has an order of its own.
    pub(super) fn order_restored(&mut self) {
        let last = |target: &Target| target.agents.iter().map(|agent| agent.hour).max();
        let mut all: Vec<(Option<u32>, u64, u64)> =
            self.known.iter().map(|(key, target)| (last(target), target.age, *key)).collect();
        all.sort_unstable();
        self.by_age.clear();
        for (age, (_, _, key)) in (1u64..).zip(all) {
            self.by_age.insert(age, key);
            if let Some(target) = self.known.get_mut(&key) {
                target.age = age;
            }
        }
    }

    /// All that is known.
    pub(super) fn records(&self) -> Vec<Record> {
        let known = self.by_age.values().filter_map(|key| self.known.get(key));
        known.map(Target::record).collect()
    }

    fn forget_oldest(&mut self) -> Option<Record> {
        let (_, key) = self.by_age.pop_first()?;
        let target = self.known.remove(&key)?;
        Some(Record::Target { address: target.address.to_string(), value: None })
    }
}

impl Target {
    fn record(&self) -> Record {
        let value = serde_json::to_string(&self.agents).ok();
        Record::Target { address: self.address.to_string(), value }
    }
}

fn hour(now: Now) -> u32 {
    u32::try_from(now.unix_ms / 3_600_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Instant;

    const HOUR: u64 = 3_600_000;

    fn at(hours: u64) -> Now {
        Now { instant: Instant(0), unix_ms: hours * HOUR }
    }

    fn evidence(address: &str, agent: &str, cpim: Option<bool>) -> Evidence {
        Evidence { address: address.into(), agent: agent.into(), cpim }
    }

    fn names(targets: &Targets, key: u64) -> Vec<&str> {
        targets.agents(key).iter().map(|agent| &*agent.name).collect()
    }

    #[test]
    fn what_is_known_is_no_news_until_a_day_is_over() {
        let mut targets = Targets::new(Seed(1, 2), 10);
        assert!(targets.is_news(1, "A", None, at(0)));
        targets.learn(1, evidence("r@h", "A", Some(true)), at(0));
        assert!(!targets.is_news(1, "A", None, at(23)));
        assert!(!targets.is_news(1, "A", Some(true), at(23)));
        assert!(targets.is_news(1, "A", Some(false), at(0)));
        assert!(targets.is_news(1, "A", None, at(24)));
        assert!(targets.is_news(1, "B", None, at(0)));
        targets.learn(1, evidence("r@h", "A", None), at(24));
        assert_eq!(targets.agents(1), [Agent { name: "A".into(), cpim: Some(true), hour: 24 }]);
    }

    #[test]
    fn bounded_by_address_and_by_agent_and_the_oldest_goes() {
        let mut targets = Targets::new(Seed(1, 2), 2);
        targets.learn(1, evidence("one@h", "A", None), at(0));
        targets.learn(2, evidence("two@h", "A", None), at(0));
        targets.learn(1, evidence("one@h", "B", None), at(0));
        let records = targets.learn(3, evidence("three@h", "A", None), at(0));
        let gone = Record::Target { address: "two@h".into(), value: None };
        assert_eq!((records.first(), targets.len()), (Some(&gone), 2));
        assert_eq!(names(&targets, 1), ["A", "B"]);
        for agent in ["C", "D", "E", "F", "A", "G", "H", "I"] {
            targets.learn(1, evidence("one@h", agent, None), at(1));
        }
        assert_eq!(names(&targets, 1), ["C", "D", "E", "F", "A", "G", "H", "I"]);
        assert_eq!(targets.by_age.len(), 2);
    }

    #[test]
    fn a_refused_object_ends_the_knowledge_until_an_object_comes() {
        let mut targets = Targets::new(Seed(1, 2), 2);
        assert_eq!(targets.refused_cpim(1), None);
        targets.learn(1, evidence("one@h", "A", Some(true)), at(0));
        targets.learn(1, evidence("one@h", "B", None), at(0));
        assert!(targets.refused_cpim(1).is_some());
        assert!(targets.agents(1).iter().all(|agent| agent.cpim == Some(false)));
        targets.learn(1, evidence("one@h", "A", Some(true)), at(0));
        assert_eq!(targets.agents(1)[1].cpim, Some(true));
    }

    #[test]
    fn a_restart_keeps_facts_and_their_order() {
        let mut before = Targets::new(Seed(1, 2), 9);
        let mut stored = Vec::new();
        for (key, hours) in [(3, 7), (1, 5), (2, 6)] {
            let learnt = evidence(&format!("{key}@h"), "A \"x\"", Some(true));
            let records = before.learn(key, learnt, at(hours));
            let [Record::Target { address, value: Some(value) }] = &records[..] else { panic!() };
            stored.push((key, address.clone(), value.clone()));
        }
        stored.sort();
        let mut after = Targets::new(Seed(3, 4), 3);
        for (key, address, value) in &stored {
            assert!(!after.restore(*key, address, value, at(8)));
        }
        assert!(after.restore(9, "x@h", "[{\"hour\":0}]", at(90 * 24 + 1)), "too old");
        assert!(after.restore(9, "x@h", "no JSON", at(8)));
        after.order_restored();
        assert_eq!(after.agents(3), before.agents(3));
        let records = after.learn(4, evidence("4@h", "", None), at(8));
        assert_eq!(records[0], Record::Target { address: "1@h".into(), value: None });
    }
}
