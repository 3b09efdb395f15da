//! A SIP peer: the servers that it has, each watched by OPTIONS (RFC 3261 §11).

use std::net::IpAddr;

use super::locator::{Candidate, Target};
use crate::config::{Listener, Sip, Transport};
use crate::flow::{Hop, Instant, ListenerId};

/// Whether a server serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// It answered the last OPTIONS.
    Up,
    /// Nothing is known yet.
    Unknown,
    /// It did not answer, or answered 503.
    Down,
}

/// One server of a peer.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its place among the others.
    pub candidate: Candidate,
    /// Whether it serves.
    pub health: Health,
    /// The branch of the OPTIONS that has no answer yet.
    pub asked: Option<u64>,
    /// Until when large requests go to it by UDP, as it takes no TCP.
    pub without_tcp: Option<Instant>,
}

/// What is known of a peer.
#[derive(Debug, Default)]
pub struct PeerState {
    /// Its servers; empty until its name is resolved.
    pub servers: Vec<Server>,
    /// Whether it is known where its servers are, or that there are none.
    pub located: bool,
    /// Whether the peer counted as up or down when that was last told.
    pub told: Option<bool>,
}

impl PeerState {
    /// Whether any of its servers serves.
    #[must_use]
    pub fn health(&self) -> Health {
        let best = self.servers.iter().map(|server| server.health).min();
        best.unwrap_or(Health::Unknown)
    }

    /// Whether one of its servers has this address.
    #[must_use]
    pub fn is_at(&self, ip: IpAddr) -> bool {
        self.servers.iter().any(|server| server.candidate.target.remote.ip().to_canonical() == ip)
    }

    /// The server of a target.
    pub fn server_mut(&mut self, target: Target) -> Option<&mut Server> {
        self.servers.iter_mut().find(|server| server.candidate.target == target)
    }

    /// Takes in where some of its servers are; of the others nothing new is known.
    pub fn add(&mut self, candidates: Vec<Candidate>) {
        let mut all = candidates;
        for server in &self.servers {
            if all.iter().all(|candidate| candidate.target != server.candidate.target) {
                all.push(server.candidate);
            }
        }
        self.relocate(all);
    }

    /// Takes in where its servers are now; what was known of one that stays is kept.
    pub fn relocate(&mut self, candidates: Vec<Candidate>) {
        let before = std::mem::take(&mut self.servers);
        let server = |candidate: Candidate| {
            let known = before.iter().find(|server| server.candidate.target == candidate.target);
            let new = Server { candidate, health: Health::Unknown, asked: None, without_tcp: None };
            known.map_or(new, |known| Server { candidate, ..known.clone() })
        };
        self.servers = candidates.into_iter().map(server).collect();
    }
}

/// Picks a server for a request: of those that serve, the first rank; among one rank by weight
/// (RFC 2782). Those that are not known to serve come after all that are, those that are known
/// not to serve last. `dice` is a random number; the answer is the peer's index and the server.
#[must_use]
pub fn pick<'a>(
    peers: impl Iterator<Item = &'a PeerState>,
    fits: impl Fn(usize, Target) -> Option<Target>,
    dice: u64,
) -> Option<(usize, Target)> {
    let mut best: Option<(Health, usize, u32)> = None;
    let mut tied: Vec<(Target, u64)> = Vec::new();
    for (index, peer) in peers.enumerate() {
        for server in &peer.servers {
            let Some(target) = fits(index, server.candidate.target) else { continue };
            let place = (server.health, index, server.candidate.rank);
            if best.is_none_or(|best| place < best) {
                best = Some(place);
                tied.clear();
            }
            if best == Some(place) {
                tied.push((target, u64::from(server.candidate.weight)));
            }
        }
    }
    Some((best?.1, weighted(&tied, dice)?))
}

/// RFC 2782: each with a chance in proportion to its weight; without weights all alike.
fn weighted(tied: &[(Target, u64)], dice: u64) -> Option<Target> {
    let total: u64 = tied.iter().map(|(_, weight)| weight).sum();
    if total == 0 {
        let at = dice.checked_rem(tied.len() as u64)?;
        return tied.get(usize::try_from(at).ok()?).map(|(target, _)| *target);
    }
    let mut mark = dice % total;
    for (target, weight) in tied {
        if mark < *weight {
            return Some(*target);
        }
        mark -= weight;
    }
    None
}

/// The listener that sends to a target: of its transport and able to reach it.
#[must_use]
pub fn hop(sip: &Sip, target: Target) -> Option<Hop> {
    let Target { transport, remote } = target;
    let fits =
        |listener: &Listener| listener.transport == transport && listener.reaches(remote.ip());
    let listener = sip.listen.iter().position(fits)?;
    Some(Hop { transport, listener: ListenerId(listener), remote, connection: None })
}

/// The transports that the gateway listens on, TCP first: where the DNS leaves it open, messages
/// go by the transport that controls congestion (RFC 3428 §8).
#[must_use]
pub fn transports(sip: &Sip) -> Vec<Transport> {
    let listens = |transport: &Transport| sip.listen.iter().any(|l| l.transport == *transport);
    [Transport::Tcp, Transport::Udp].into_iter().filter(listens).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(servers: &[(u8, u32, u16, Health)]) -> PeerState {
        let server = |&(octet, rank, weight, health): &(u8, u32, u16, Health)| Server {
            candidate: Candidate { target: target(octet), rank, weight },
            health,
            asked: None,
            without_tcp: None,
        };
        PeerState { servers: servers.iter().map(server).collect(), ..PeerState::default() }
    }

    fn target(octet: u8) -> Target {
        Target { transport: Transport::Udp, remote: ([127, 0, 0, octet], 5_060).into() }
    }

    fn picks(peers: &[PeerState], tried: &[u8]) -> Vec<u8> {
        let fits = |_, t: Target| tried.iter().all(|octet| target(*octet) != t).then_some(t);
        let mut octets: Vec<u8> = (0..1_000)
            .filter_map(|dice| pick(peers.iter(), fits, dice))
            .map(
                |(_, target)| {
                    if let IpAddr::V4(ip) = target.remote.ip() { ip.octets()[3] } else { 0 }
                },
            )
            .collect();
        octets.sort_unstable();
        octets
    }

    #[test]
    fn the_lowest_rank_that_serves_by_weight() {
        use Health::{Down, Unknown, Up};
        let one = [peer(&[(1, 10, 75, Up), (2, 10, 25, Up), (3, 20, 100, Up)])];
        let octets = picks(&one, &[]);
        assert_eq!(octets.iter().filter(|octet| **octet == 1).count(), 750);
        assert_eq!(octets.iter().filter(|octet| **octet == 2).count(), 250);
        assert!(picks(&one, &[1, 2]).iter().all(|octet| *octet == 3));
        assert!(picks(&one, &[1, 2, 3]).is_empty());

        let two = [peer(&[(1, 0, 0, Down), (2, 5, 0, Unknown)]), peer(&[(3, 9, 0, Up)])];
        assert!(picks(&two, &[]).iter().all(|octet| *octet == 3));
        assert!(picks(&two, &[3]).iter().all(|octet| *octet == 2));
        assert!(picks(&two, &[3, 2]).iter().all(|octet| *octet == 1));
    }

    #[test]
    fn without_weights_all_of_a_rank_share() {
        use Health::Up;
        let octets = picks(&[peer(&[(1, 0, 0, Up), (2, 0, 0, Up)])], &[]);
        assert_eq!(octets.iter().filter(|octet| **octet == 1).count(), 500);
    }
}
