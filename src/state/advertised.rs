//! Which domains have im: and pres: addresses: those with SRV records for them (RFC 3861 §4).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::State;
use super::timer::Timer;
use crate::config::Service;
use crate::flow::{Effect, Instant, Now};

/// What is known of the domains that are asked for.
#[derive(Debug, Default)]
pub(super) struct Advertised {
    /// The SRV names that there are.
    names: BTreeSet<String>,
    /// When the first answer is too old.
    due: Option<Instant>,
}

impl State {
    /// Asks ahead for the domains of which that is to be known, so that no message waits for it.
    /// What was known stays until there is another answer.
    pub(super) fn ask_domains(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let config = Arc::clone(&self.config);
        let domains = config.domains.pairs().iter().filter(|pair| pair.advertised);
        let (mut next, mut missing) = (None, Vec::new());
        for name in domains.flat_map(|pair| names(&pair.sip)) {
            match self.locator.advertises(name.clone(), now.instant) {
                Ok((there, until)) => {
                    next = Some(next.map_or(until, |next: Instant| next.min(until)));
                    match there {
                        Some(true) => _ = self.advertised.names.insert(name),
                        Some(false) => _ = self.advertised.names.remove(&name),
                        None => {}
                    }
                }
                Err(query) => missing.push(query),
            }
        }
        if let Some(next) = next.filter(|next| self.advertised.due != Some(*next)) {
            self.advertised.due = Some(next);
            self.timers.set(next, Timer::Advertised);
        }
        if !missing.is_empty() {
            self.ask_dns(now, missing, effects);
        }
    }

    /// An answer is too old.
    pub(super) fn fire_advertised(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.advertised.due.take_if(|due| *due <= now.instant).is_some() {
            self.ask_domains(now, effects);
        }
    }

    /// Whether the users of a SIP domain have addresses of a service.
    #[must_use]
    pub fn advertises(&self, service: Service, domain: &str) -> bool {
        service.srv(domain).is_some_and(|name| self.advertised.names.contains(&name))
    }
}

fn names(domain: &str) -> impl Iterator<Item = String> {
    [Service::Im, Service::Pres].into_iter().filter_map(|service| service.srv(domain))
}
