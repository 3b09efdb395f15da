//! Requests longer than 1300 octets change to TCP (RFC 3261 §18.1.1). A server that takes no
//! connection gets them by UDP after all, as the section asks.

use std::net::SocketAddr;
use std::time::Duration;

use super::State;
use super::attempt::{NextHop, UDP_MOST};
use super::client::Owner;
use super::locator::Target;
use super::peer;
use crate::config::Transport;
use crate::flow::{Counter, Effect, Event, Failure, Now, PeerId};

/// How long a server that takes no TCP is not tried by it again: a connection that is refused
/// costs a round trip, one that nobody answers five seconds.
const WITHOUT_TCP: Duration = Duration::from_secs(300);

impl State {
    /// Where a large request to a server goes: by TCP, unless the server took none lately.
    pub(super) fn for_large(&self, now: Now, target: Target) -> Target {
        if target.transport.reliable() || self.is_without_tcp(now, target.remote) {
            return target;
        }
        Target { transport: Transport::Tcp, ..target }
    }

    fn is_without_tcp(&self, now: Now, remote: SocketAddr) -> bool {
        let there = Target { transport: Transport::Udp, remote };
        let without = |server: &peer::Server| {
            server.candidate.target == there
                && server.without_tcp.is_some_and(|until| now.instant < until)
        };
        self.peers.iter().any(|peer| peer.servers.iter().any(without))
    }

    /// Octets could not be sent to an address: every transaction that goes there fails, but for
    /// those that were changed to TCP and can still go by UDP.
    pub(super) fn unreachable(
        &mut self,
        now: Now,
        remote: SocketAddr,
        transport: Transport,
        effects: &mut Vec<Effect>,
    ) {
        let branches = self.clients_at(remote, transport);
        if transport == Transport::Tcp && branches.iter().any(|branch| self.is_large(*branch)) {
            self.note_without_tcp(now, remote, effects);
        }
        for branch in branches {
            if !self.by_udp(now, branch, effects) {
                self.client_lost(now, branch, effects);
            }
        }
    }

    fn is_large(&self, branch: u64) -> bool {
        self.clients.get(&branch).is_some_and(|client| client.octets.len() > UDP_MOST)
    }

    /// Remembers a server for UDP that takes no TCP; one that is named for TCP, too, is down.
    fn note_without_tcp(&mut self, now: Now, remote: SocketAddr, effects: &mut Vec<Effect>) {
        let until = now.instant + WITHOUT_TCP;
        for (index, peer) in self.peers.iter_mut().enumerate() {
            if peer.server_mut(Target { transport: Transport::Tcp, remote }).is_some() {
                continue;
            }
            let Some(server) = peer.server_mut(Target { transport: Transport::Udp, remote }) else {
                continue;
            };
            let before = server.without_tcp.replace(until);
            if before.is_none_or(|before| before <= now.instant) {
                effects.push(Effect::Event(Event::WithoutTcp(PeerId(index), remote)));
            }
        }
    }

    /// Sends a request by UDP that was changed to TCP for its length alone; false where that is
    /// not so, or where it cannot go by UDP.
    fn by_udp(&mut self, now: Now, branch: u64, effects: &mut Vec<Effect>) -> bool {
        let Some(hop) = self.clients.get(&branch).map(|client| client.hop) else { return false };
        let changed = hop.transport == Transport::Tcp && self.is_large(branch);
        if !changed || !self.is_without_tcp(now, hop.remote) {
            return false;
        }
        let target = Target { transport: Transport::Udp, remote: hop.remote };
        let Some(hop) = peer::hop(&self.config.sip, target) else { return false };
        let Some(client) = self.clients.remove(&branch) else { return false };
        let way = NextHop { peer: client.peer, hop };
        let sent = match client.owner {
            Owner::Delivery(id) => self.once_more(now, id, &client, way, None, effects),
            Owner::Subscribe(..) | Owner::Notify(..) | Owner::Object(..) => {
                self.repeat(now, &client, way, None, client.attempt.clone(), effects).is_some()
            }
            Owner::Options(..) => false,
        };
        match sent {
            true => self.counters.count(Counter::LargeByUdp),
            false => self.client_failed(now, client, Failure::Unreachable, effects),
        }
        true
    }
}
