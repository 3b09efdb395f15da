//! What routing may look at.

use super::State;
use super::client::Client;
use super::counters::Counters;
use super::delivery::Deliveries;
use super::ids::Purpose;
use super::link::{Link, UnackedStanza, Waiter};
use super::peer::PeerState;
use super::transaction::server::{Known, Servers};
use crate::flow::{Challenge, Flow, Instant, LinkId, LocalResponse};

impl State {
    /// A component link.
    #[must_use]
    pub fn link(&self, link: LinkId) -> Option<&Link> {
        self.links.get(link.0)
    }

    /// The links.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// The peers.
    #[must_use]
    pub fn peers(&self) -> &[PeerState] {
        &self.peers
    }

    /// The server transactions.
    #[must_use]
    pub fn servers(&self) -> &Servers {
        &self.servers
    }

    /// The messages on their way to SIP.
    #[must_use]
    pub fn deliveries(&self) -> &Deliveries {
        &self.deliveries
    }

    /// The delivery that a client transaction belongs to; `Some(None)` for the gateway's own.
    #[must_use]
    pub fn client(&self, branch: u64) -> Option<&Client> {
        self.clients.get(&branch)
    }

    /// Where the request that a stanza was made of came from.
    #[must_use]
    pub fn sender_flow(&self, held: &UnackedStanza) -> Option<Flow> {
        let Waiter::Request(key) = held.waiter else { return None };
        match self.servers.known(key) {
            Some(Known::Live(live)) => Some(live.flow),
            _ => None,
        }
    }

    /// The languages that the sender of the request of a stanza reads.
    #[must_use]
    pub fn sender_languages(&self, held: &UnackedStanza) -> Option<&str> {
        let Waiter::Request(key) = held.waiter else { return None };
        match self.servers.known(key) {
            Some(Known::Live(live)) => live.languages.as_deref(),
            _ => None,
        }
    }

    /// What a 401 or 407 to the request of a stanza would ask its sender for.
    #[must_use]
    pub fn challenge(&self, held: &UnackedStanza) -> Challenge {
        let request = match held.waiter {
            Waiter::Request(key) => self.servers.known(key),
            Waiter::Answer(_) | Waiter::Nobody | Waiter::Passing(_) => None,
        };
        let realm = match request {
            Some(Known::Live(live)) => live.request.uri.host_str().to_owned(),
            _ => String::new(),
        };
        let nonce = self.hash(Purpose::Nonce, &[held.id.as_bytes()]);
        Challenge { realm, nonce: format!("{nonce:016x}") }
    }

    /// Whether the gateway takes on new work: it is not about to end, and a link serves.
    #[must_use]
    pub fn in_service(&self, now: Instant) -> bool {
        !self.draining && self.links.iter().any(|link| link.serves(now))
    }

    /// What a request for a link that is down is answered: 503 when the whole gateway is out of
    /// service, so that a proxy fails over; 480 when one domain of several is.
    #[must_use]
    pub fn link_refusal(&self, now: Instant) -> LocalResponse {
        if self.in_service(now) {
            LocalResponse::unavailable()
        } else {
            LocalResponse::out_of_service()
        }
    }

    /// Whether the gateway is about to end.
    #[must_use]
    pub fn draining(&self) -> bool {
        self.draining
    }

    /// Whether nothing waits for an outcome, and every sender was told the outcome.
    #[must_use]
    pub fn idle(&self) -> bool {
        let told = self.links.iter().all(|link| !link.is_up() || link.held() == 0);
        self.deliveries.is_empty() && self.servers.waiting() == 0 && told
    }

    /// A keyed hash.
    #[must_use]
    pub fn hash(&self, purpose: Purpose, parts: &[&[u8]]) -> u64 {
        self.ids.hash(purpose, parts)
    }

    /// The counters.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}
