//! What the state tells of itself.

use std::collections::BTreeMap;

use super::State;
use super::peer::Health;
use crate::flow::{Counter, LinkStatus, Now, PeerStatus, RulesStatus, Status};

impl State {
    /// The state as an operator sees it.
    #[must_use]
    pub fn status(&self, now: Now) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: now.instant.0 / 1_000_000,
            in_service: self.in_service(now.instant),
            alarms: Vec::new(),
            rules: RulesStatus::default(),
            links: self.link_statuses(),
            peers: self.peer_statuses(),
            gauges: self.gauges(),
            counters: Counter::ALL
                .iter()
                .map(|counter| (counter.name().to_owned(), self.counters.get(*counter)))
                .collect(),
            encryption: self.sightings.counts(),
            encryption_refused: self.sightings.last(),
        }
    }

    fn link_statuses(&self) -> Vec<LinkStatus> {
        let links = self.config.components.iter().zip(&self.links);
        links
            .map(|(component, link)| LinkStatus {
                component: component.name.clone(),
                server: component.server.to_string(),
                state: match (link.is_up(), link.reason()) {
                    (true, _) => "up",
                    (false, None) => "connecting",
                    (false, Some(_)) => "down",
                }
                .to_owned(),
                error: link.reason().map(str::to_owned),
                unconfirmed: link.held(),
            })
            .collect()
    }

    fn peer_statuses(&self) -> Vec<PeerStatus> {
        let peers = self.config.sip.peers.iter().zip(&self.peers);
        peers
            .map(|(peer, known)| PeerStatus {
                name: peer.name.clone(),
                uri: peer.uri.as_str().to_owned(),
                state: match known.health() {
                    Health::Up => "up",
                    Health::Down => "down",
                    Health::Unknown => "unknown",
                }
                .to_owned(),
            })
            .collect()
    }

    fn gauges(&self) -> BTreeMap<String, u64> {
        let gauge = |name: &str, value: usize| (name.to_owned(), value as u64);
        let presence = self.presence.count();
        BTreeMap::from([
            gauge("deadlines", self.timers.count()),
            gauge("messages_to_sip_in_flight", self.deliveries.len()),
            gauge("presence_pairs", presence.pairs),
            gauge("subscriptions_of_sip_users", presence.notifier_dialogs),
            gauge("subscriptions_of_xmpp_users", presence.subscriber_dialogs),
            gauge("sip_client_transactions", self.clients.len()),
            gauge("requests_waiting_for_xmpp", self.servers.waiting()),
            gauge("targets_known", self.targets.len()),
        ])
    }
}
