//! Peers: where their servers are (RFC 3263), and whether these serve (OPTIONS, RFC 3261 §11).

use std::time::Duration;

use super::State;
use super::attempt::NextHop;
use super::client::Owner;
use super::locator::{Located, Target};
use super::peer::{self, Health};
use super::timer::Timer;
use crate::flow::{Answer, Counter, Effect, Event, Followup, Hop, Instant, Now, PeerId, Query};

/// After so many times T1 without an answer to OPTIONS a server counts as down, though the
/// transaction goes on: 8 s with the default.
const SILENCE: u32 = 16;

impl State {
    /// Finds and asks all peers.
    pub(super) fn begin_watching(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for peer in (0..self.peers.len()).map(PeerId) {
            self.locate(now, peer, effects);
            self.ask_later(now, peer);
        }
        self.ask_domains(now, effects);
    }

    /// Finds a peer's servers: from its URI, or by asking the DNS. While that is unanswered, or
    /// when it fails, the servers known before stay in use.
    pub(super) fn locate(&mut self, now: Now, peer: PeerId, effects: &mut Vec<Effect>) {
        let Some(settings) = self.config.sip.peers.get(peer.0) else { return };
        let supported = peer::transports(&self.config.sip);
        let until = match self.locator.locate(&settings.place, &supported, now.instant) {
            Located::Ask(queries) => return self.ask_dns(now, queries, effects),
            Located::Found(candidates, until) => {
                if let Some(state) = self.peers.get_mut(peer.0) {
                    state.relocate(candidates);
                }
                self.ask_peer(now, peer, effects);
                until
            }
            Located::Partly(candidates, until) => {
                if let Some(state) = self.peers.get_mut(peer.0) {
                    state.add(candidates);
                }
                self.ask_peer(now, peer, effects);
                until
            }
            Located::Nowhere(until) => {
                self.tell_peer(peer, "its name leads to no address", effects);
                until
            }
        };
        if settings_need_dns(self, peer) {
            self.timers.set(until, Timer::Locate(peer));
        }
        if let Some(state) = self.peers.get_mut(peer.0) {
            state.located = true;
        }
        for waiting in std::mem::take(&mut self.unrouted) {
            self.again(Followup::Send(waiting));
        }
    }

    /// Asks the DNS what is not asked for already.
    pub(super) fn ask_dns(&mut self, now: Now, queries: Vec<Query>, effects: &mut Vec<Effect>) {
        for query in queries {
            if self.locator.ask(query.clone(), now.instant) {
                effects.push(Effect::Resolve { query });
            }
        }
        if let Some(deadline) = self.locator.deadline() {
            self.timers.set(deadline, Timer::Dns);
        }
    }

    /// The DNS answered.
    pub(super) fn resolved(
        &mut self,
        now: Now,
        query: Query,
        answer: Answer,
        effects: &mut Vec<Effect>,
    ) {
        self.locator.answered(query, answer, now.instant);
        for peer in (0..self.peers.len()).map(PeerId) {
            if settings_need_dns(self, peer) {
                self.locate(now, peer, effects);
            }
        }
        self.ask_domains(now, effects);
    }

    /// Questions that nobody answered in time count as failed.
    pub(super) fn fire_dns(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for query in self.locator.overdue(now.instant) {
            self.resolved(now, query, Answer::Failed, effects);
        }
        if let Some(deadline) = self.locator.deadline() {
            self.timers.set(deadline, Timer::Dns);
        }
    }

    /// The next round of OPTIONS to a peer.
    pub(super) fn fire_peer(&mut self, now: Now, peer: PeerId, effects: &mut Vec<Effect>) {
        self.ask_peer(now, peer, effects);
        self.ask_later(now, peer);
    }

    /// Sends OPTIONS to each server of a peer that has none to answer.
    fn ask_peer(&mut self, now: Now, peer: PeerId, effects: &mut Vec<Effect>) {
        if self.config.sip.options_interval.is_zero() {
            return;
        }
        let Some(state) = self.peers.get(peer.0) else { return };
        let targets: Vec<Target> = state
            .servers
            .iter()
            .filter(|server| server.asked.is_none())
            .map(|server| server.candidate.target)
            .collect();
        for target in targets {
            self.ask_server(now, peer, target, effects);
        }
    }

    fn ask_server(&mut self, now: Now, peer: PeerId, target: Target, effects: &mut Vec<Effect>) {
        let Some(hop) = peer::hop(&self.config.sip, target) else { return };
        let branch = self.ids.random();
        let (call_id, tag) = (self.ids.call_id(), self.ids.token());
        let listener = self.config.sip.listen.get(hop.listener.0);
        let peer_settings = self.config.sip.peers.get(peer.0);
        let (Some(listener), Some(settings)) = (listener, peer_settings) else { return };
        let octets = super::request::options(settings, listener, call_id, &tag, branch);
        let Some(octets) = octets else { return };
        if let Some(server) = self.peers.get_mut(peer.0).and_then(|p| p.server_mut(target)) {
            server.asked = Some(branch);
        }
        self.timers.set(now.instant + self.timing.t1 * SILENCE, Timer::OptionsTimeout(branch));
        let way = NextHop { peer, hop };
        self.begin_client(now, Owner::Options(peer, target), branch, way, octets, effects);
    }

    /// A message went wrong on the way to a server: is it still there?
    pub(super) fn probe_server(&mut self, now: Now, hop: Hop, effects: &mut Vec<Effect>) {
        if self.config.sip.options_interval.is_zero() {
            return;
        }
        let doubted = Target { transport: hop.transport, remote: hop.remote };
        let peers = self.peers.iter().enumerate();
        let known = peers.filter(|(_, peer)| {
            peer.servers
                .iter()
                .any(|server| server.candidate.target == doubted && server.asked.is_none())
        });
        for peer in known.map(|(peer, _)| PeerId(peer)).collect::<Vec<_>>() {
            self.ask_server(now, peer, doubted, effects);
        }
    }

    /// OPTIONS is without an answer for a while.
    pub(super) fn fire_options_timeout(&mut self, branch: u64, effects: &mut Vec<Effect>) {
        if let Some(Owner::Options(peer, target)) = self.clients.get(&branch).map(|c| c.owner) {
            self.server_is(peer, target, Health::Down, "it does not answer OPTIONS", effects);
        }
    }

    /// A server answered OPTIONS. Any answer but 503 shows that it serves.
    pub(super) fn server_answered(
        &mut self,
        peer: PeerId,
        target: Target,
        status: u16,
        effects: &mut Vec<Effect>,
    ) {
        self.server_asked(peer, target);
        match status {
            503 => self.server_is(peer, target, Health::Down, "it answers 503", effects),
            _ => self.server_is(peer, target, Health::Up, "", effects),
        }
    }

    /// OPTIONS to a server had no answer.
    pub(super) fn server_failed(
        &mut self,
        peer: PeerId,
        target: Target,
        why: &'static str,
        effects: &mut Vec<Effect>,
    ) {
        self.server_asked(peer, target);
        self.server_is(peer, target, Health::Down, why, effects);
    }

    fn server_asked(&mut self, peer: PeerId, target: Target) {
        if let Some(server) = self.peers.get_mut(peer.0).and_then(|p| p.server_mut(target)) {
            server.asked = None;
        }
    }

    fn server_is(
        &mut self,
        peer: PeerId,
        target: Target,
        health: Health,
        why: &'static str,
        effects: &mut Vec<Effect>,
    ) {
        let Some(state) = self.peers.get_mut(peer.0) else { return };
        let Some(server) = state.server_mut(target) else { return };
        let before = std::mem::replace(&mut server.health, health);
        if before == Health::Up && health == Health::Down {
            self.counters.count(Counter::SipServerLost);
        }
        self.tell_peer(peer, why, effects);
    }

    /// Tells when a peer as a whole came or went.
    fn tell_peer(&mut self, peer: PeerId, why: &'static str, effects: &mut Vec<Effect>) {
        let Some(state) = self.peers.get_mut(peer.0) else { return };
        let up = match state.health() {
            Health::Up => true,
            Health::Down => false,
            Health::Unknown if state.servers.is_empty() => false,
            Health::Unknown => return,
        };
        if state.told.replace(up) != Some(up) {
            effects.push(Effect::Event(match up {
                true => Event::PeerUp(peer),
                false => Event::PeerDown(peer, why),
            }));
        }
    }

    fn ask_later(&mut self, now: Now, peer: PeerId) {
        let interval = self.config.sip.options_interval;
        if !interval.is_zero() {
            let next = self.jittered(now.instant, interval);
            self.timers.set(next, Timer::Peer(peer));
        }
    }

    /// A moment up to a tenth earlier than asked for: many gateways do not ask at once.
    fn jittered(&mut self, now: Instant, interval: Duration) -> Instant {
        let tenth = u64::try_from(interval.as_micros() / 10).unwrap_or(1).max(1);
        now + (interval - Duration::from_micros(self.ids.random() % tenth))
    }
}

fn settings_need_dns(state: &State, peer: PeerId) -> bool {
    state.config.sip.peers.get(peer.0).is_some_and(|settings| settings.place.ip.is_none())
}
