//! One seed from its start to its end.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use stox::codec::sip::{Frame, Framer};
use stox::config::Transport;
use stox::flow::{Effect, Event, Input, PairId, Record};
use stox::rules::Rules;

use super::Happens;
use super::books::{Books, To};
use super::bounds;
use super::gate::{self, Gate};
use super::peer::Peer;
use super::plan::{ATTACK, COMPONENT, Plan, Side, XMPP_DOMAIN};
use super::sabotage::{Kind, bend};
use super::server::Server;
use super::wires::{Way, Wires};
use super::{sip_attacks, xmpp_attacks};
use crate::agenda::{Agenda, MS, Micros, S};
use crate::coverage::Coverage;
use crate::dice::{Dice, Throws};
use crate::simulation::Outcome;
use crate::trace::Trace;

/// How long records take to the disk.
const DISK: Micros = 5 * MS;
/// How often bystanders write, and show something new.
const WRITES: Micros = 2 * S;
const SHOWS: Micros = 9 * S;
/// How long the world is watched after the last attack.
const QUIET: Micros = 60 * S;
/// Deadlines of the core at one instant: more is one that never rests.
const AT_ONCE: u32 = 2_000;

pub(super) struct World {
    plan: Plan,
    now: Micros,
    agenda: Agenda<Happens>,
    gate: Gate,
    server: Server,
    /// When the server has worked what came.
    server_free: Micros,
    peer: Peer,
    wires: Wires,
    books: Books,
    dice: Dice,
    fault: Option<Kind>,
    coverage: Coverage,
    trace: Trace,
    violation: Option<String>,
    records: BTreeMap<PairId, usize>,
    heaviest: usize,
}

impl World {
    pub(super) fn new(
        seed: u64,
        lines: usize,
        fault: Option<Kind>,
        rules: &Arc<Rules>,
    ) -> Result<Self, String> {
        let plan = Plan::new(seed);
        let now = S;
        let settings = plan.settings(fault != Some(Kind::Unbounded));
        let (gate, effects) = Gate::new(seed, &settings, rules, now)?;
        let mut dice = Dice::new(seed, Throws::Hostile);
        let mut of = |throws| Dice::new(dice.number(), throws);
        let (of_server, of_peer) = (of(Throws::Xmpp), of(Throws::Sip));
        let mut world = World {
            now,
            agenda: Agenda::default(),
            gate,
            server: Server::new(&plan, of_server),
            server_free: now,
            peer: Peer::new(&plan, of_peer),
            wires: Wires::new(),
            books: Books::new(plan.bystanders),
            dice,
            fault,
            coverage: Coverage::default(),
            trace: Trace::new(lines),
            violation: None,
            records: BTreeMap::new(),
            heaviest: 0,
            plan,
        };
        world.carry(effects);
        Ok(world)
    }

    pub(super) fn run(mut self, seed: u64) -> Outcome {
        self.prepare();
        let end = self.plan.end + QUIET;
        self.until(end);
        if self.violation.is_none() {
            self.at_rest();
        }
        let status = self.gate.status(self.now);
        for (name, count) in status.counters {
            self.coverage.add(&format!("gateway.{name}"), count);
        }
        let World { now, trace, coverage, violation, .. } = self;
        let (digest, lines) = (trace.digest(), trace.into_lines());
        Outcome { seed, digest, coverage, time: now, violation, about: Vec::new(), lines }
    }

    /// The bystanders come to know each other, and the attackers make themselves known to them.
    fn prepare(&mut self) {
        for pair in 0..self.plan.bystanders {
            let (her, own) = (format!("jb{pair}@{XMPP_DOMAIN}"), format!("rb{pair}@{COMPONENT}"));
            self.server.write(format!("<presence type='subscribe' from='{her}' to='{own}'/>"));
            self.peer.watches(pair);
            let offset = pair as u64 * 300 * MS;
            self.agenda.set(5 * S + offset, Happens::Writes(pair));
            self.agenda.set(7 * S + offset, Happens::Shows(pair));
        }
        for who in 0..self.plan.attackers {
            let her = format!("jb0@{XMPP_DOMAIN}");
            self.server.write(format!(
                "<presence type='subscribe' from='{her}' to='sh{who}@{COMPONENT}'/>"
            ));
        }
        for (at, side) in std::mem::take(&mut self.plan.attacks) {
            self.agenda.set(at, Happens::Attack(side));
        }
        self.agenda.set(2 * S, Happens::Inspect);
        self.flush(None);
    }

    fn until(&mut self, end: Micros) {
        let mut at_once = 0;
        while self.violation.is_none() {
            let next = self.agenda.next().unwrap_or(Micros::MAX);
            let due = self.gate.deadline().unwrap_or(Micros::MAX).max(self.now);
            if due.min(next) > end {
                self.now = end;
                return;
            }
            if due <= next {
                at_once = if due == self.now { at_once + 1 } else { 0 };
                self.demand(if at_once > AT_ONCE {
                    Err("deadlines without an end".to_owned())
                } else {
                    Ok(())
                });
                self.now = due;
                self.feed(Input::Timer);
                continue;
            }
            at_once = 0;
            self.now = next;
            let Some(what) = self.agenda.take() else { return };
            self.happens(what);
        }
    }

    fn happens(&mut self, what: Happens) {
        match what {
            Happens::ToServer(octets) => {
                let judged =
                    self.server.read(&octets, self.now, &mut self.books, &mut self.coverage);
                self.demand(judged);
            }
            Happens::ToGateway(octets) => self.stream(&octets),
            Happens::ToPeer(way, octets) => return self.to_peer(way, &octets),
            Happens::PeerSends(back, octets) => {
                let way = self.wires.of_peer(back, self.plan.transport == Transport::Tcp);
                self.agenda.set(self.now + self.plan.sip_latency, Happens::FromPeer(way, octets));
            }
            Happens::FromPeer(way, octets) => self.from_peer(way, octets),
            Happens::Stranger(remote, transport, octets) => {
                let connection = transport.reliable().then_some(1_000_000);
                self.feed(gate::sip(transport, remote, connection, octets));
            }
            Happens::Closed(id) => {
                if let Some(remote) = self.wires.gateway_notices(id) {
                    self.feed(Input::Closed { remote, transport: Transport::Tcp });
                }
            }
            Happens::Refused(remote) => {
                self.feed(Input::Unreachable { remote, transport: Transport::Tcp })
            }
            Happens::Committed(id) => {
                let effects = self.gate.committed(self.now, id);
                self.carry(effects);
            }
            Happens::Writes(pair) => self.writes(pair),
            Happens::Shows(pair) => self.shows(pair),
            Happens::Attack(side) => self.attack(side),
            Happens::Late(effect) => self.effect(effect),
            Happens::Inspect => self.inspect(),
        }
        self.flush(None);
    }

    fn demand(&mut self, holds: Result<(), String>) {
        if let Err(what) = holds {
            self.trace.note(self.now, what.as_bytes(), || format!("VIOLATED: {what}"));
            self.violation.get_or_insert(what);
        }
    }

    // The gateway.

    fn feed(&mut self, input: Input) {
        let effects = self.gate.feed(self.now, input);
        self.demand(bounds::effects(effects.len(), &self.plan.bounds));
        self.carry(effects);
    }

    fn carry(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let Some(fault) = self.fault else {
                self.effect(effect);
                continue;
            };
            let (now, late) = bend(fault, effect);
            now.into_iter().for_each(|effect| self.effect(effect));
            if let Some(effect) = late {
                self.agenda.set(self.now + 10 * S, Happens::Late(effect));
            }
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Sip { hop, octets } => {
                self.sip_out(hop.transport, hop.remote, hop.connection.map(|id| id.0), octets)
            }
            Effect::Xmpp { octets, .. } => {
                self.note(&octets, "  gateway -> server");
                let arrives = self.now + self.plan.xmpp_latency;
                self.server_free = self.server_free.max(arrives) + 10 + octets.len() as u64 / 100;
                self.agenda.set(self.server_free, Happens::ToServer(octets));
            }
            Effect::Reopen { reason, .. } => {
                self.demand(Err(format!("the gateway closes the stream: {reason}")))
            }
            Effect::Commit { id, records, then } => {
                records.iter().for_each(|record| self.record(record));
                self.gate.hold(id, then);
                self.agenda.set(self.now + DISK, Happens::Committed(id));
            }
            Effect::Event(Event::PeerDown(_, why)) => {
                self.demand(Err(format!("the peer counts as down: {why}")))
            }
            Effect::Journal(_) | Effect::Resolve { .. } | Effect::Event(_) => {}
        }
    }

    fn record(&mut self, record: &Record) {
        let octets = gate::octets(record);
        self.demand(bounds::record(octets));
        match record {
            Record::Pair { id, value: Some(_) } => drop(self.records.insert(*id, octets)),
            Record::Pair { id, value: None } => drop(self.records.remove(id)),
            Record::Target { .. } => {}
        }
    }

    fn sip_out(
        &mut self,
        transport: Transport,
        remote: std::net::SocketAddr,
        meant: Option<u64>,
        octets: Bytes,
    ) {
        self.note(&octets, "  gateway -> peer");
        let peer = self.wires.peer.ip();
        self.demand(bounds::sip_out(&octets, transport, remote, peer));
        if remote.ip() != peer {
            return self.coverage.hit("hostile.stranger_answered");
        }
        let at = self.now + self.plan.sip_latency;
        if transport == Transport::Udp {
            return self.agenda.set(at, Happens::ToPeer(Way::Udp, octets));
        }
        let takes = self.plan.transport == Transport::Tcp || self.plan.takes_tcp;
        match self.wires.of_gateway(meant, remote).filter(|_| takes) {
            Some(id) => self.agenda.set(at, Happens::ToPeer(Way::Tcp(id), octets)),
            None => self.agenda.set(at, Happens::Refused(remote)),
        }
    }

    fn note(&mut self, octets: &[u8], who: &str) {
        self.trace.note(self.now, octets, || {
            let text =
                String::from_utf8_lossy(&octets[..octets.len().min(400)]).replace("\r\n", " | ");
            format!("{who} ({}): {}", octets.len(), text.chars().take(300).collect::<String>())
        });
    }

    // XMPP.

    fn stream(&mut self, octets: &[u8]) {
        self.note(octets, "server -> gateway");
        match self.gate.read(octets) {
            Ok(inputs) => {
                for input in inputs {
                    if matches!(input, Input::Oversized { .. }) {
                        self.coverage.hit("hostile.stanza_over_the_bound");
                    }
                    self.feed(input);
                }
            }
            Err(fault) => self.demand(Err(format!("the gateway closes the stream: {fault}"))),
        }
    }

    // SIP.

    fn to_peer(&mut self, way: Way, octets: &Bytes) {
        if let Way::Tcp(id) = way {
            if !self.wires.carries_to_peer(id) {
                return self.coverage.hit("hostile.lost_with_a_connection");
            }
            if octets.len() > self.plan.peer {
                self.coverage.hit("hostile.peer_closed_a_connection");
                self.wires.peer_closes(id);
                return self.agenda.set(self.now + self.plan.sip_latency, Happens::Closed(id));
            }
        }
        let read = self.peer.read(octets, self.now, &mut self.books, &mut self.coverage);
        self.demand(read);
        self.flush(Some(way));
    }

    fn from_peer(&mut self, way: Way, octets: Bytes) {
        self.note(&octets, "peer -> gateway");
        let Some((remote, connection)) = self.wires.remote(way) else { return };
        if way == Way::Udp {
            return self.feed(gate::sip(Transport::Udp, remote, None, octets));
        }
        let mut framer = Framer::new(self.gate.config.limits.sip());
        framer.push(&octets);
        loop {
            match framer.next() {
                Ok(None) => return,
                Ok(Some(Frame::Message(octets))) => {
                    self.feed(gate::sip(Transport::Tcp, remote, connection, octets));
                }
                Ok(Some(Frame::TooLarge(malformed))) => {
                    self.coverage.hit("hostile.sip_over_the_bound");
                    let Input::Sip { flow, .. } =
                        gate::sip(Transport::Tcp, remote, connection, Bytes::new())
                    else {
                        return;
                    };
                    self.feed(Input::Unreadable { flow, malformed: Box::new(malformed) });
                }
                Ok(Some(_)) => {}
                Err(error) => {
                    return self.demand(Err(format!(
                        "the gateway closes the peer's connection: {:?}",
                        error.0
                    )));
                }
            }
        }
    }

    /// What the server and the peer wrote goes on its way.
    fn flush(&mut self, back: Option<Way>) {
        let at = self.now + self.plan.xmpp_latency;
        for octets in self.server.written() {
            self.agenda.set(at, Happens::ToGateway(octets));
        }
        for sends in self.peer.sent() {
            let back = back.filter(|_| sends.back);
            self.agenda.set(self.now + sends.after, Happens::PeerSends(back, sends.octets));
        }
    }

    // Who acts.

    fn goes_on(&self) -> bool {
        self.now < self.plan.end + QUIET - 15 * S
    }

    fn writes(&mut self, pair: usize) {
        let to_sip = self.books.says(To::Sip, self.now);
        self.server.write(format!(
            "<message from='jb{pair}@{XMPP_DOMAIN}/balcony' to='rb{pair}@{COMPONENT}' id='b{to_sip}' type='chat'>\
             <body>b{to_sip}.</body></message>"
        ));
        let to_xmpp = self.books.says(To::Xmpp, self.now);
        self.peer.says(pair, to_xmpp);
        if self.goes_on() {
            self.agenda.set(self.now + WRITES, Happens::Writes(pair));
        }
    }

    fn shows(&mut self, pair: usize) {
        self.server.states[pair] = self.books.shows(To::Sip, pair, self.now);
        self.server.show(pair, &format!("rb{pair}@{COMPONENT}"));
        self.peer.states[pair] = self.books.shows(To::Xmpp, pair, self.now);
        self.peer.shows(pair);
        if self.goes_on() {
            self.agenda.set(self.now + SHOWS, Happens::Shows(pair));
        }
    }

    fn attack(&mut self, side: Side) {
        let bounds = self.plan.bounds;
        match side {
            Side::Xmpp(who) => {
                let name = xmpp_attacks::attack(&mut self.server, &mut self.dice, who, &bounds);
                self.coverage.hit(name);
            }
            Side::Sip(who) => {
                let name = sip_attacks::attack(&mut self.peer, who, &bounds);
                self.coverage.hit(name);
            }
            Side::Stranger => {
                let token = self.peer.token();
                let (host, all) = sip_attacks::stranger(&mut self.dice, &bounds, token);
                let remote = ([192, 0, 2, host], 5060).into();
                let transport = if self.dice.chance(300) { Transport::Tcp } else { Transport::Udp };
                self.coverage.hit("hostile.stranger");
                for octets in all {
                    self.agenda.set(self.now, Happens::Stranger(remote, transport, octets));
                }
            }
        }
    }

    // What is looked at.

    fn inspect(&mut self) {
        let books = self.books.inspect(self.now);
        self.demand(books);
        let status = self.gate.status(self.now);
        self.demand(bounds::gauges(&status, &self.plan));
        let kept = self.records.len();
        if kept > self.plan.bounds.pairs {
            self.demand(Err(format!("the core holds too much: {kept} records of pairs")));
        }
        if self.now >= ATTACK && self.now.is_multiple_of(10 * S) {
            let weight = self.gate.weight();
            self.heaviest = self.heaviest.max(weight);
            self.demand(bounds::weight(weight));
        }
        self.agenda.set(self.now + S, Happens::Inspect);
    }

    fn at_rest(&mut self) {
        let books = self.books.inspect(self.now);
        self.demand(books);
        let idle = self.gate.idle();
        self.demand(if idle {
            Ok(())
        } else {
            Err("the gateway does not come to rest".to_owned())
        });
        let weight = self.gate.weight();
        self.demand(bounds::weight(weight));
        let messages = self.books.said(To::Sip) + self.books.said(To::Xmpp);
        self.coverage.add("bystanders.messages", messages);
        self.coverage.most("bystanders.slowest_message_ms", self.books.slowest[0] / MS);
        self.coverage.most("bystanders.slowest_presence_ms", self.books.slowest[1] / MS);
        self.coverage.most("held.heaviest_kb", self.heaviest as u64 / 1_000);
        self.coverage.most("held.at_rest_kb", weight as u64 / 1_000);
    }
}
