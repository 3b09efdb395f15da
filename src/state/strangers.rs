//! Who is no peer: answered OPTIONS and refusals, at a rate that nobody can use against others.

use std::net::IpAddr;

use super::State;
use super::rate_limit::Rate;
use crate::flow::{Counter, Effect, Intent, Now};

impl State {
    /// Whether an address is one of a peer: one that the configuration lists, or where the DNS says
    /// that a server of a peer is.
    #[must_use]
    pub fn is_peer(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        let mut peers = self.config.sip.peers.iter().zip(&self.peers);
        peers.any(|(peer, known)| known.is_at(ip) || peer.addresses.contains(&ip))
    }

    /// An answer that nothing is kept of: to a stranger it goes if there is a place for it.
    pub(super) fn at_rate(&mut self, now: Now, intent: Intent, effects: &mut Vec<Effect>) {
        let (remote, transport) = match &intent {
            Intent::Answer { flow, .. } => (flow.remote, flow.transport),
            Intent::Octets { hop, .. } => (hop.remote, hop.transport),
            _ => return,
        };
        // A connection proves its source, and has bounds of its own; over it nobody asks again.
        if !transport.reliable() && self.is_over_rate(now, remote.ip()) {
            return self.counters.count(Counter::StrangerDropped);
        }
        match intent {
            Intent::Answer { flow, request, refusal } => {
                self.answer(&flow, &request, refusal, effects);
            }
            Intent::Octets { hop, octets, status } => self.octets(hop, octets, status, effects),
            _ => {}
        }
    }

    /// Whether one more answer to an address would be over the rate of strangers; if it is not, it
    /// takes its place. A datagram costs its sender nothing and its source may be made up, so that
    /// without a rate the answers would be sent wherever somebody wants them.
    fn is_over_rate(&mut self, now: Now, ip: IpAddr) -> bool {
        let bounds = self.config.limits.strangers;
        let (all, each) = (Rate::new(bounds.answers), Rate::new(bounds.answers_per_address));
        !self.is_peer(ip) && !self.strangers.take(now.instant, network(ip), all, each)
    }
}

/// What counts as one address: of IPv6 the network of a site, a /64 (RFC 4291 §2.5.4), since one
/// machine has as many addresses in it as it wants.
#[must_use]
pub fn network(ip: IpAddr) -> u64 {
    match ip.to_canonical() {
        IpAddr::V4(ip) => u32::from(ip).into(),
        IpAddr::V6(ip) => {
            u64::from_be_bytes(ip.octets().first_chunk().copied().unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let of = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
