//! Peers: their names are looked up and their health is asked for.

use std::net::{IpAddr, SocketAddr};

use super::State;
use super::outbound::Owner;
use super::peer::Health;
use super::timer::Timer;
use crate::config::Listener;
use crate::flow::{Effect, Event, Hop, ListenerId, Now, PeerId};

impl State {
    /// Looks up what has a name, and asks the rest.
    pub(super) fn begin_watching(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for peer in (0..self.peers.len()).map(PeerId) {
            if self.peer(peer).is_some_and(|state| state.target().is_some()) {
                self.ask_peer(now, peer, effects);
            } else {
                effects.push(Effect::Resolve { peer });
            }
        }
    }

    /// A peer's name was looked up.
    pub(super) fn resolved(
        &mut self,
        now: Now,
        peer: PeerId,
        addresses: Vec<IpAddr>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(state) = self.peers.get_mut(peer.0) else { return };
        if addresses.is_empty() {
            self.turn(peer, Health::Down, "its name cannot be resolved", effects);
            return self.ask_later(now, peer);
        }
        state.addresses = addresses;
        self.ask_peer(now, peer, effects);
    }

    /// Sends OPTIONS to a peer.
    pub(super) fn ask_peer(&mut self, now: Now, peer: PeerId, effects: &mut Vec<Effect>) {
        let Some(hop) = self.hop(peer) else {
            effects.push(Effect::Resolve { peer });
            return;
        };
        if self.config.sip.options_interval.is_zero() {
            return;
        }
        let branch = self.ids.random();
        let (call_id, tag) = (self.ids.call_id(), self.ids.token());
        let listener = self.config.sip.listen.get(hop.listener.0);
        let peer_settings = self.config.sip.peers.get(peer.0);
        let (Some(listener), Some(settings)) = (listener, peer_settings) else { return };
        let octets = super::request::options(settings, listener, call_id, &tag, branch);
        let Some(octets) = octets else { return };
        self.begin_client(now, Owner::Peer(peer), branch, hop, octets, effects);
    }

    /// A peer answered OPTIONS. Any answer but 503 shows that it serves.
    pub(super) fn peer_answered(
        &mut self,
        now: Now,
        peer: PeerId,
        status: u16,
        effects: &mut Vec<Effect>,
    ) {
        match status {
            503 => self.turn(peer, Health::Down, "it answers 503", effects),
            _ => self.turn(peer, Health::Up, "", effects),
        }
        self.ask_later(now, peer);
    }

    /// A peer did not answer OPTIONS.
    pub(super) fn peer_failed(&mut self, now: Now, peer: PeerId, effects: &mut Vec<Effect>) {
        self.turn(peer, Health::Down, "it does not answer OPTIONS", effects);
        self.ask_later(now, peer);
    }

    fn ask_later(&mut self, now: Now, peer: PeerId) {
        let interval = self.config.sip.options_interval;
        if !interval.is_zero() {
            // Jitter of a tenth keeps many gateways from asking at once.
            let tenth = u64::try_from(interval.as_micros() / 10).unwrap_or(1).max(1);
            let jitter = std::time::Duration::from_micros(self.ids.random() % tenth);
            self.timers.set(now.instant + (interval - jitter), Timer::Peer(peer));
        }
    }

    fn turn(&mut self, peer: PeerId, health: Health, why: &'static str, effects: &mut Vec<Effect>) {
        let Some(state) = self.peers.get_mut(peer.0) else { return };
        if std::mem::replace(&mut state.health, health) != health {
            effects.push(Effect::Event(match health {
                Health::Up => Event::PeerUp(peer),
                Health::Down | Health::Unknown => Event::PeerDown(peer, why),
            }));
        }
    }

    /// The way to a peer: its first address, from the first listener that can reach it.
    pub(super) fn hop(&self, peer: PeerId) -> Option<Hop> {
        let remote = self.peer(peer)?.target()?;
        let transport = self.config.sip.peers.get(peer.0)?.transport;
        let fits =
            |listener: &Listener| listener.transport == transport && reaches(listener, remote);
        let listener = self.config.sip.listen.iter().position(fits)?;
        Some(Hop { transport, listener: ListenerId(listener), remote, connection: None })
    }
}

fn reaches(listener: &Listener, remote: SocketAddr) -> bool {
    let bound = listener.bind.ip();
    match (bound.is_ipv4(), remote.is_ipv4()) {
        (true, ipv4) => ipv4,
        (false, false) => true,
        // A socket bound to [::] serves both families.
        (false, true) => bound.is_unspecified(),
    }
}
