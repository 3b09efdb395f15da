//! One seed from its start to its end: events in the order of time, each carried to whom it
//! concerns.

use std::net::SocketAddr;
use std::sync::Arc;

use stox::codec::xml::Limits;
use stox::codec::xmpp::StreamContext;
use stox::config::Transport;
use stox::rules::Rules;

use crate::agenda::{End, Event, FromServer, Micros, S, SipTimer};
use crate::connections::Connections;
use crate::coverage::Coverage;
use crate::dice::{Dice, Throws};
use crate::link::Link;
use crate::monitor::Monitor;
use crate::names;
use crate::network::Network;
use crate::plan::{PROXIES, Plan};
use crate::process::{In, Process};
use crate::sabotage::Sabotage;
use crate::sip_client::Clients;
use crate::sip_server::Devices;
use crate::stage::Stage;
use crate::words::{branch, number};
use crate::xmpp_world::Server;

/// What a seed showed.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) seed: u64,
    pub(crate) digest: u64,
    pub(crate) coverage: Coverage,
    /// Virtual time that passed.
    pub(crate) time: Micros,
    pub(crate) violation: Option<String>,
    /// Words by which the lines of the messages that the violation names are known.
    pub(crate) about: Vec<String>,
    pub(crate) lines: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Simulation {
    pub(crate) stage: Stage,
    pub(crate) plan: Plan,
    pub(crate) process: Process,
    pub(crate) network: Network,
    pub(crate) connections: Connections,
    pub(crate) links: Vec<Link>,
    pub(crate) servers: Vec<Server>,
    pub(crate) clients: Clients,
    pub(crate) devices: Devices,
    pub(crate) down: [bool; 2],
    pub(crate) monitor: Monitor,
    pub(crate) sabotage: Option<Sabotage>,
    pub(crate) context: StreamContext,
    pub(crate) addresses: [SocketAddr; 2],
    /// Inputs that were deadlines.
    pub(crate) wakes: u64,
    /// When the last records that are on their way reach the disk.
    pub(crate) last_commit: Micros,
    /// When the last steps that are on their way reach the journal's file.
    pub(crate) last_journalled: Micros,
    /// The process is killed so long after it read the next message, and stays away so long.
    pub(crate) deadly: Option<(Micros, Micros)>,
}

impl Simulation {
    /// The world of a seed; the last `lines` lines of its trace are kept.
    pub(crate) fn new(
        seed: u64,
        lines: usize,
        sabotage: Option<Sabotage>,
        rules: Arc<Rules>,
    ) -> Result<Self, String> {
        let plan = Plan::new(seed);
        let process = Process::new(seed, &plan.settings(), rules)?;
        let mut dice = Dice::new(seed, Throws::Links);
        let links = (0..plan.links).map(|link| {
            Link::new(link, plan.link_latency, Dice::new(dice.number(), Throws::Links))
        });
        let links = links.collect();
        let mut dice = Dice::new(seed, Throws::Xmpp);
        let servers = (0..plan.links)
            .map(|server| Server::new(server, Dice::new(dice.number(), Throws::Xmpp)));
        let addresses = PROXIES.map(|address| address.parse().expect("an address"));
        Ok(Simulation {
            stage: Stage::new(lines),
            process,
            network: Network::new(seed, plan.weather),
            connections: Connections::new(seed),
            links,
            servers: servers.collect(),
            clients: Clients::new(seed, &plan),
            devices: Devices::new(plan.asking, Dice::new(dice.number(), Throws::Sip)),
            down: [false; 2],
            monitor: Monitor::new(&plan),
            sabotage,
            context: StreamContext::component(Limits::default()),
            addresses,
            wakes: 0,
            last_commit: 0,
            last_journalled: 0,
            deadly: None,
            plan,
        })
    }

    /// Runs the seed to its end.
    pub(crate) fn run(mut self, seed: u64) -> Outcome {
        self.prepare();
        self.until(self.plan.end, |_| false);
        self.come_to_rest();
        if self.stage.violation.is_none() {
            self.probe();
            self.watch();
        }
        if self.stage.violation.is_none() {
            self.settle();
        }
        let about = self.about();
        let Stage { now, trace, coverage, violation, .. } = self.stage;
        let digest = trace.digest();
        Outcome { seed, digest, coverage, time: now, violation, about, lines: trace.into_lines() }
    }

    /// The messages that a violation names, as they stand in the lines of a trace.
    fn about(&self) -> Vec<String> {
        let mut about = Vec::new();
        let violation = self.stage.violation.as_deref().unwrap_or_default();
        for word in violation.split(|c: char| !c.is_ascii_alphanumeric()) {
            if let Some(number) = number(word, 's') {
                let message = self.stage.ledger.to_xmpp.get(number as usize);
                about.push(format!("{word}."));
                about.extend(message.and_then(|message| message.stanza_id.clone()));
                let branches = message.map(|message| &message.branches[..]).unwrap_or_default();
                about.extend(branches.iter().map(|id| format!("[{}]", branch(*id))));
            } else if let Some(number) = number(word, 'x') {
                about.extend([format!("{word}."), format!("id='{word}'")]);
                about.extend(self.monitor.requests.branches_of(number).map(str::to_owned));
            }
        }
        about
    }

    fn prepare(&mut self) {
        self.stage.coverage.hit(self.plan.naming.name());
        if self.plan.naming.dead() {
            self.stage.coverage.hit("names.dead_server");
        }
        let Stage { agenda, ledger, .. } = &mut self.stage;
        agenda.set(S, Event::Start);
        for said in std::mem::take(&mut self.plan.to_xmpp) {
            let at = said.at;
            agenda.set(at, Event::Sip(SipTimer::Say(ledger.say_by_sip(said))));
        }
        for said in std::mem::take(&mut self.plan.to_sip) {
            let (at, server) = (said.at, said.server);
            agenda.set(at, Event::XmppSays(server, ledger.say_by_xmpp(said)));
        }
        for (at, fault) in std::mem::take(&mut self.plan.faults) {
            agenda.set(at, Event::Fault(fault));
        }
        for proxy in 0..self.plan.proxies {
            agenda.set(2 * S, Event::Sip(SipTimer::Options { proxy }));
        }
        agenda.set(2 * S, Event::Inspect);
    }

    /// Lets time pass until a moment, or until the world is as wanted.
    pub(crate) fn until(&mut self, end: Micros, enough: impl Fn(&Self) -> bool) {
        while self.stage.violation.is_none() {
            let next = self.stage.agenda.next().unwrap_or(Micros::MAX);
            let due = self.process.deadline().unwrap_or(Micros::MAX).max(self.stage.now);
            if due.min(next) > end {
                self.stage.now = self.stage.now.max(end);
                return;
            }
            if due <= next {
                self.stage.now = due;
                self.wakes += 1;
                self.feed(In::Timer);
                continue;
            }
            self.stage.now = next;
            let Some(event) = self.stage.agenda.take() else { return };
            let inspected = matches!(event, Event::Inspect);
            self.happen(event);
            if inspected && enough(self) {
                return;
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::DatagramToGateway { from, packet } => {
                self.sip_in(Transport::Udp, from, None, &packet);
            }
            Event::DatagramToSip { to, packet } => {
                if let Some(proxy) = self.proxy_at(to) {
                    self.at_proxy(proxy, &packet, None);
                }
            }
            Event::ByConnection { id, to, packet } => self.by_connection(id, to, &packet),
            Event::ConnectionGone { id, end } => self.connection_gone(id, end),
            Event::Refused { id, remote } => {
                self.stage.coverage.hit("tcp.refused");
                self.connections.closed(id, End::Gateway);
                self.unreachable(Transport::Tcp, remote);
            }
            Event::NoRoute { incarnation, remote } => {
                if incarnation == self.process.incarnation {
                    self.unreachable(Transport::Udp, remote);
                }
            }
            Event::Link(link, event) => self.link_event(link, event),
            Event::ServerWorks(server) => {
                self.servers[server].work(&mut self.stage, &mut self.links[server]);
            }
            Event::XmppSays(server, number) => {
                self.servers[server].says(&mut self.stage, &mut self.links[server], number);
            }
            Event::LateBounce(server, octets) => {
                if let Some(session) = self.servers[server].session {
                    self.stage.coverage.hit("server.bounced_late");
                    let what = FromServer::Other(octets);
                    self.links[server].server_writes(&mut self.stage, session, what);
                }
            }
            Event::Sip(timer) => self.sip_timer(timer),
            Event::Disk { incarnation, disk } => {
                if incarnation == self.process.incarnation && self.process.runs() {
                    self.disk(disk);
                }
            }
            Event::Resolved { incarnation, question } => {
                if incarnation == self.process.incarnation {
                    self.monitor.found(&question);
                    let answer = names::answer(&self.plan, &question);
                    self.feed(In::Found { question, answer });
                }
            }
            Event::Fault(fault) => self.fault(fault),
            Event::Mended(fault) => self.mended(fault),
            Event::Start => self.start(),
            Event::Stopping { incarnation, until } => self.stopping(incarnation, until),
            Event::Inspect => self.inspect(),
        }
    }
}
