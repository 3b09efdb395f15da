//! The only thing that changes: transactions, links, queues, peers. It knows nothing of
//! translation: what must be said in words of the other side goes round again as an input.

mod address_memory;
mod advertised;
mod attempt;
pub mod client;
pub mod conversation;
pub mod counters;
pub mod delivery;
mod digest;
mod encryption;
pub mod ids;
mod large;
pub mod link;
pub mod locator;
pub mod loop_guard;
pub mod outgoing;
pub mod peer;
pub mod presence;
mod queries;
mod rate_limit;
pub mod recent;
mod request;
pub mod spelling;
mod status;
pub mod strangers;
pub mod targets;
pub mod timer;
pub mod transaction;
pub mod unacked;

mod inbound;
mod outbound;
mod part;
mod passing;
mod peer_health;
mod recovery;
pub mod suspects;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::codec::xmpp::Jid;
use crate::config::Config;
use crate::flow::{
    Counter, DeliveryId, Effect, Event, Failure, Followup, Hop, IdSource, Input, Instant, Intent,
    LinkChange, LinkId, Map, Now, Phrasebook, Record, Stored,
};
use advertised::Advertised;
use client::Client;
use conversation::Conversations;
use counters::Counters;
use delivery::{Bounds, Deliveries};
use digest::Sessions;
use encryption::Sightings;
use ids::Ids;
use link::Link;
use locator::Locator;
use loop_guard::Echoes;
use peer::PeerState;
use presence::Presence;
use rate_limit::Pace;
use recent::Recent;
pub(crate) use request::{branch_of, single_options};
use spelling::Spellings;
use targets::Targets;
use timer::{Timer, Timers};
use transaction::Timing;
use transaction::server::Servers;

/// How many devices are remembered.
const DEVICES: usize = 100_000;
/// How many deadlines are served in one pass.
const DUE: usize = 256;

/// Everything that the gateway remembers.
#[derive(Debug)]
pub struct State {
    config: Arc<Config>,
    /// What is said of what is refused here.
    phrases: Phrasebook,
    timing: Timing,
    ids: Ids,
    timers: Timers,
    counters: Counters,
    servers: Servers,
    clients: Map<u64, Client>,
    /// How many client transactions began.
    begun: u64,
    deliveries: Deliveries,
    presence: Presence,
    conversations: Conversations,
    links: Vec<Link>,
    peers: Vec<PeerState>,
    locator: Locator,
    advertised: Advertised,
    /// Messages whose turn came before any peer was found.
    unrouted: Vec<DeliveryId>,
    /// What each peer asked for.
    digests: Vec<Sessions>,
    /// What addresses of SIP users can.
    targets: Targets,
    /// Devices of both sides that were seen lately, as [`State::knows_device`] asks for them.
    devices: Recent,
    /// SIP users who were there, as [`State::has_been_seen`] asks for them.
    seen: Recent,
    /// How users of both sides write themselves.
    spellings: Spellings,
    /// Stanzas that were written lately.
    echoes: Echoes,
    /// End-to-end encryption that was met.
    sightings: Sightings,
    /// How fast strangers are answered.
    strangers: Pace,
    commits: u64,
    again: VecDeque<Followup>,
    draining: bool,
    /// Whether a line for each message carried is wanted.
    verbose: bool,
}

impl State {
    /// The state of a process that begins now. Effects: the peers' names are looked up and the
    /// peers asked for their health.
    #[must_use]
    pub fn new(
        config: Arc<Config>,
        phrases: Phrasebook,
        source: &IdSource,
        stored: &Stored,
        verbose: bool,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> Self {
        let mut ids = Ids::new(source);
        let seed = ids.map_seed();
        let timing = Timing { t1: config.sip.t1, t2: config.sip.t2 };
        let mut state = State {
            timing,
            timers: Timers::default(),
            counters: Counters::default(),
            servers: Servers::new(seed, timing.lifetime()),
            clients: Map::with_hasher(seed),
            begun: 0,
            deliveries: Deliveries::new(seed, Bounds::of(&config.limits)),
            presence: Presence::new(seed, config.sip.peers.len(), stored.lost),
            conversations: Conversations::new(seed),
            links: config.components.iter().map(|it| Link::new(it.into(), now.instant)).collect(),
            peers: config.sip.peers.iter().map(|_| PeerState::default()).collect(),
            locator: Locator::default(),
            advertised: Advertised::default(),
            unrouted: Vec::new(),
            digests: config.sip.peers.iter().map(|_| Sessions::default()).collect(),
            targets: Targets::new(seed, targets::ADDRESSES),
            devices: Recent::new(seed, DEVICES),
            seen: Recent::new(seed, DEVICES),
            spellings: Spellings::new(seed, DEVICES),
            echoes: Echoes::new(seed),
            sightings: Sightings::new(seed),
            strangers: Pace::new(seed),
            commits: 0,
            again: VecDeque::new(),
            draining: false,
            verbose,
            ids,
            phrases,
            config,
        };
        state.restore(now, &stored.records, effects);
        state.timers.set(state.servers.turn_generation(now.instant), Timer::Generation);
        state.begin_watching(now, effects);
        state
    }

    /// Speaks in other words from now on.
    pub fn speak(&mut self, phrases: Phrasebook) {
        self.phrases = phrases;
    }

    /// Takes up what an earlier process left.
    fn restore(&mut self, now: Now, records: &[Record], effects: &mut Vec<Effect>) {
        let mut stale = Vec::new();
        for record in records {
            match record {
                Record::Target { address, value: Some(value) } => {
                    let key = self.address_key(address);
                    if self.targets.restore(key, address, value, now) {
                        stale.push(Record::Target { address: address.clone(), value: None });
                    }
                }
                Record::Target { value: None, .. } => {}
                Record::Pair { value: Some(value), .. } => {
                    self.restore_pair(now, value, records.len());
                }
                Record::Pair { value: None, .. } => {}
            }
        }
        self.targets.order_restored();
        self.commit_targets(stale, effects);
    }

    /// Carries out what was decided.
    pub fn apply(&mut self, now: Now, intent: Intent, effects: &mut Vec<Effect>) {
        self.carry_out_intent(now, intent, effects);
        self.pump_restless(now, effects);
    }

    fn carry_out_intent(&mut self, now: Now, intent: Intent, effects: &mut Vec<Effect>) {
        match intent {
            Intent::Answer { .. } | Intent::Octets { .. } => self.at_rate(now, intent, effects),
            Intent::Retransmission { flow, key, request } => {
                self.retransmission(flow, key, &request, effects);
            }
            Intent::Deliver { inbound, stanza } => self.deliver(now, *inbound, stanza, effects),
            Intent::Bounced { link, sequence, refusal } => {
                self.bounced(link, sequence, refusal, effects);
            }
            Intent::Confirmed { link, success } => self.confirmed(now, link, success, effects),
            Intent::Send { outbound, rendered, origin } => {
                self.heard_of(now, &outbound.sender);
                self.send(now, outbound, rendered, origin, effects);
            }
            Intent::Abandon(delivery) => self.abandon(delivery, effects),
            Intent::Proceeding { branch } => self.proceeding(branch),
            Intent::Authorize { branch, asked } => self.authorized(now, branch, asked, effects),
            Intent::Settle { branch, outcome, status, refuses_object } => {
                self.object_refused(branch, refuses_object, effects);
                self.settle(now, branch, outcome, status, effects);
            }
            Intent::Fail { delivery, answer, failure } => {
                self.fail(now, delivery, &answer, failure.words(), effects);
            }
            Intent::Reply { link, stanza, counter } => {
                self.counters.count(counter);
                self.write(link, &stanza, effects);
            }
            Intent::CameBack(correlation) => {
                self.counters.count(Counter::XmppCameBack);
                effects.push(Effect::Event(Event::CameBack(correlation)));
            }
            Intent::Departed(jid) => self.departed(&jid),
            Intent::Presence(done) => self.do_presence(now, done, effects),
            Intent::Drop(counter) => self.counters.count(counter),
            Intent::Both(both) => {
                both.into_iter().for_each(|one| self.carry_out_intent(now, one, effects))
            }
            Intent::State(input) => self.input(now, input, effects),
            Intent::Flag(flag) => self.flag(now, *flag, effects),
            Intent::Learn(evidence) => self.learn_target(now, *evidence, effects),
        }
    }

    /// A device that this user wrote from is gone.
    fn departed(&mut self, jid: &Jid) {
        self.counters.count(Counter::XmppPresence);
        let key = self.device_key(jid);
        self.devices.forget(key);
    }

    /// Drops deadlines of what has ended: they would wake the process for nothing.
    pub fn tidy(&mut self) {
        let (clients, servers) = (&self.clients, &self.servers);
        self.timers.drop_dead(|timer| match timer {
            Timer::Client(branch) => clients.contains_key(&branch),
            Timer::Trying(key) => servers.waits(key),
            _ => true,
        });
    }

    /// When [`Input::Timer`] is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    fn input(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Timer => self.fire(now, effects),
            Input::Link { link, change } => self.link_changed(now, link, change, effects),
            Input::Resolved { query, answer } => self.resolved(now, query, answer, effects),
            Input::Closed { remote, transport } => self.closed(now, remote, transport, effects),
            Input::Unreachable { remote, transport } => {
                self.unreachable(now, remote, transport, effects);
            }
            Input::Unsent { octets } => self.unsent_alone(now, &octets, effects),
            Input::Committed(id) => self.committed(now, id),
            Input::StoreLost => self.store_anew(now, effects),
            Input::Followup(Followup::Unsent(Some((pair, dialog)), failure)) => {
                self.unsent(now, (pair, dialog), failure, effects);
            }
            Input::Followup(Followup::Object(pair, dialog)) => {
                self.send_object(now, pair, dialog, effects);
            }
            Input::Drain => {
                self.draining = true;
                self.store_all(now, effects);
            }
            Input::Retire => {
                self.draining = true;
                self.retire(now, effects);
            }
            Input::Remove(contact) => self.remove(now, &contact, effects),
            // The others never come here: they are routed.
            Input::Sip { .. }
            | Input::Unreadable { .. }
            | Input::Xmpp { .. }
            | Input::Oversized { .. }
            | Input::Recovered(_)
            | Input::Rules(_)
            | Input::Followup(_) => {}
        }
    }

    /// What is due. Of very many the rest is still due afterwards: others have their turn between.
    fn fire(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for _ in 0..DUE {
            let Some(timer) = self.timers.due(now.instant) else { return };
            match timer {
                Timer::Client(branch) => self.fire_client(now, branch, effects),
                Timer::Trying(key) => self.fire_trying(key, effects),
                Timer::Link(link) => self.fire_link(now, link, effects),
                Timer::Peer(peer) => self.fire_peer(now, peer, effects),
                Timer::OptionsTimeout(branch) => self.fire_options_timeout(branch, effects),
                Timer::Locate(peer) => self.locate(now, peer, effects),
                Timer::Advertised => self.fire_advertised(now, effects),
                Timer::Pair(pair) => self.fire_pair(now, pair, effects),
                Timer::Soiled => self.fire_soiled(now, effects),
                Timer::Dns => self.fire_dns(now, effects),
                Timer::Generation => {
                    let next = self.servers.turn_generation(now.instant);
                    self.timers.set(next, Timer::Generation);
                }
            }
        }
    }

    /// A request is answered without state.
    fn note_answered(&mut self, hop: Hop, status: u16, effects: &mut Vec<Effect>) {
        self.counters.count(Counter::SipAnswered);
        if status >= 300 {
            let outcome = format!("answered {status}");
            effects.push(Effect::Event(Event::Refused { remote: hop.remote, outcome }));
        }
    }

    fn octets(&mut self, hop: Hop, octets: Bytes, status: u16, effects: &mut Vec<Effect>) {
        self.note_answered(hop, status, effects);
        self.send_octets(hop, octets, "SIP response", effects);
    }

    fn set_timer(&mut self, link: LinkId) {
        if let Some(at) = self.links.get_mut(link.0).and_then(Link::next_timer) {
            self.timers.set(at, Timer::Link(link));
        }
    }

    fn link_changed(
        &mut self,
        now: Now,
        id: LinkId,
        change: LinkChange,
        effects: &mut Vec<Effect>,
    ) {
        let Some(link) = self.links.get_mut(id.0) else { return };
        match change {
            LinkChange::Up => {
                link.opened(now.instant);
                effects.push(Effect::Event(Event::LinkUp(id)));
                self.pump(now, id, effects);
                self.link_up(now, id, effects);
            }
            LinkChange::Down { reason, stream_error } => {
                let quarantined = link.closed(now.instant, reason.clone(), stream_error);
                effects.push(Effect::Event(Event::LinkDown(id, reason)));
                if let Some(ended) = quarantined {
                    self.ended(now, id, ended, effects);
                }
            }
        }
        self.set_timer(id);
    }

    fn again(&mut self, again: Followup) {
        self.again.push_back(again);
    }

    fn again_fail(&mut self, delivery: DeliveryId, failure: Failure) {
        self.again(Followup::Fail(delivery, failure));
    }
}
