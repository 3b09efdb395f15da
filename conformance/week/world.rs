//! The world: its clock, its network, what happens when.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use bytes::Bytes;

use crate::dice::Dice;
use crate::gateway::Process;
use crate::phone::Phone;
use crate::server::Server;
use crate::wire::{MS, S};

pub(crate) const HOUR: u64 = 3_600 * S;
/// How long the world is left alone before it is looked at: longer than every back-off.
const QUIET: u64 = 3 * HOUR;

/// What a week is made of.
pub(crate) struct Plan {
    pub(crate) pairs: usize,
    pub(crate) hours: u64,
    pub(crate) seed: u64,
}

/// Something that happens.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A datagram reaches the gateway.
    SipIn(Bytes),
    /// A datagram reaches a SIP user.
    SipOut(usize, Bytes),
    /// A stanza reaches the gateway over the stream of this number.
    XmppIn(u64, Bytes),
    /// A stanza reaches the server over the stream of this number.
    XmppOut(u64, Bytes),
    /// Records are on disk, in the process of this number.
    Disk(u64, u64),
    /// The gateway's deadline.
    GatewayTimer(u64),
    /// A deadline of a SIP user.
    PhoneTimer(usize),
    /// A user of either side does something.
    Act(usize),
    /// Something fails.
    Fault,
    /// The gateway starts.
    Start,
    /// The stream to the server is opened.
    Connect,
    /// The XMPP server is back.
    ServerBack,
}

/// What happened how often.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    pub(crate) fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all: Vec<String> = self.0.iter().map(|(what, n)| format!("{what} {n}")).collect();
        write!(f, "{}", all.join(", "))
    }
}

/// What everything that happens may use.
pub(crate) struct Stage {
    pub(crate) now: u64,
    pub(crate) dice: Dice,
    pub(crate) tally: Tally,
    pub(crate) lossy: bool,
    agenda: BinaryHeap<Reverse<(u64, u64)>>,
    what: BTreeMap<u64, Happening>,
    number: u64,
    /// What all that is printed must hold: `STOX_WEEK_TRACE=juliet12@,romeo13@`.
    trace: Vec<String>,
}

impl Stage {
    /// Prints what happens, if that is asked for.
    pub(crate) fn told(&self, where_to: &str, octets: &[u8]) {
        let text = String::from_utf8_lossy(octets);
        if !self.trace.is_empty() && self.trace.iter().all(|part| text.contains(part)) {
            let at = self.now / MS;
            println!(
                "{}.{:03} {where_to}: {}",
                at / 1_000,
                at % 1_000,
                text.replace("\r\n", " | ")
            );
        }
    }

    /// Something fails.
    fn told_fault(&mut self, what: &'static str) {
        self.tally.count(what);
        if !self.trace.is_empty() {
            println!("{} {what}", self.now / S);
        }
    }

    /// Something happens later.
    pub(crate) fn later(&mut self, after: u64, what: Happening) {
        self.number += 1;
        self.agenda.push(Reverse((self.now + after, self.number)));
        self.what.insert(self.number, what);
    }

    /// A datagram on its way: lost, doubled, late.
    pub(crate) fn datagram(&mut self, make: impl Fn() -> Happening) {
        self.tally.count("datagrams");
        if self.lossy && self.dice.per_mille(50) {
            return self.tally.count("lost");
        }
        let copies = if self.lossy && self.dice.per_mille(10) { 2 } else { 1 };
        for _ in 0..copies {
            let delay = MS + self.dice.below(20 * MS);
            self.later(delay, make());
        }
    }
}

/// All of it.
pub(crate) struct World {
    pub(crate) stage: Stage,
    pub(crate) gateway: Process,
    pub(crate) server: Server,
    pub(crate) phones: Vec<Phone>,
    hours: u64,
}

impl World {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut stage = Stage {
            now: S,
            dice: Dice::new(plan.seed),
            tally: Tally::default(),
            lossy: true,
            agenda: BinaryHeap::new(),
            what: BTreeMap::new(),
            number: 0,
            trace: std::env::var("STOX_WEEK_TRACE")
                .map(|text| text.split(',').map(str::to_owned).collect())
                .unwrap_or_default(),
        };
        let phones = (0..plan.pairs).map(|number| Phone::new(number, &mut stage.dice)).collect();
        let server = Server::new(plan.pairs);
        let gateway = Process::new();
        stage.later(0, Happening::Start);
        World { stage, gateway, server, phones, hours: plan.hours }
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.stage.tally
    }

    /// The whole week; the answer is every difference that was found.
    pub(crate) fn run(&mut self) -> Vec<String> {
        let mut differences = Vec::new();
        let end = self.stage.now + self.hours * HOUR;
        let busy = (self.hours / 3).clamp(1, 9) * HOUR;
        while self.stage.now < end && differences.is_empty() {
            let until = (self.stage.now + busy).min(end);
            self.stage.lossy = true;
            for user in 0..self.phones.len() {
                let after = self.stage.dice.below(HOUR);
                self.stage.later(after, Happening::Act(user));
            }
            self.stage.later(HOUR / 2, Happening::Fault);
            self.go_on(until, true);
            self.stage.lossy = false;
            let quiet = self.stage.now + QUIET;
            self.go_on(quiet, false);
            self.stage.tally.count("looked");
            differences = self.differences();
        }
        differences
    }

    fn go_on(&mut self, until: u64, busy: bool) {
        while let Some(Reverse((at, number))) = self.stage.agenda.peek().copied() {
            if at > until {
                break;
            }
            self.stage.agenda.pop();
            self.stage.now = at;
            let Some(what) = self.stage.what.remove(&number) else { continue };
            self.happens(what, busy);
        }
        self.stage.now = until;
    }

    fn happens(&mut self, what: Happening, busy: bool) {
        let World { stage, gateway, server, phones, .. } = self;
        match &what {
            Happening::SipIn(octets) => stage.told("SIP to the gateway", octets),
            Happening::SipOut(_, octets) => stage.told("SIP from the gateway", octets),
            Happening::XmppIn(_, octets) => stage.told("XMPP to the gateway", octets),
            Happening::XmppOut(_, octets) => stage.told("XMPP from the gateway", octets),
            _ => {}
        }
        match what {
            Happening::SipIn(octets) => gateway.sip(stage, octets),
            Happening::SipOut(number, octets) => phones[number].receive(stage, &octets),
            Happening::XmppIn(stream, octets) => gateway.xmpp(stage, stream, octets),
            Happening::XmppOut(stream, octets) => {
                if stream == gateway.stream && gateway.connected {
                    server.stanza(stage, stream, &octets);
                }
            }
            Happening::Disk(process, commit) => gateway.committed(stage, process, commit),
            Happening::GatewayTimer(process) => gateway.timer(stage, process),
            Happening::PhoneTimer(number) => phones[number].timer(stage),
            Happening::Start => gateway.start(stage),
            Happening::Connect => gateway.connect(stage, server),
            Happening::ServerBack => server.back(stage),
            Happening::Act(user) if busy => {
                self.act(user);
                let after = HOUR / 4 + self.stage.dice.below(HOUR);
                self.stage.later(after, Happening::Act(user));
            }
            Happening::Fault if busy => {
                self.fault();
                let after = HOUR / 4 + self.stage.dice.below(2 * HOUR);
                self.stage.later(after, Happening::Fault);
            }
            Happening::Act(_) | Happening::Fault => {}
        }
    }

    /// A pair does something, on one side or the other.
    fn act(&mut self, user: usize) {
        let World { stage, gateway, server, phones, .. } = self;
        let up = gateway.connected.then_some(gateway.stream);
        match stage.dice.below(10) {
            0..5 => server.act(stage, up, user),
            _ => phones[user].act(stage),
        }
    }

    fn fault(&mut self) {
        let World { stage, gateway, server, phones, .. } = self;
        match stage.dice.below(4) {
            0 => {
                stage.told_fault("gateway killed");
                gateway.kill(stage);
                server.link_lost();
                let down = S + stage.dice.below(60 * S);
                stage.later(down, Happening::Start);
            }
            1 => {
                stage.told_fault("server restarted");
                gateway.disconnect(stage);
                server.restart(stage);
            }
            2 => {
                stage.told_fault("SIP restarted");
                phones.iter_mut().for_each(|phone| phone.restart(stage));
            }
            _ => {
                stage.told_fault("link cut");
                gateway.disconnect(stage);
                server.link_lost();
                let down = S + stage.dice.below(120 * S);
                stage.later(down, Happening::Connect);
            }
        }
    }
}
