//! Messages, in one direction or both at once, closed loop or at a rate.
//!
//! User `xN` of the XMPP side talks with user `sN` of the SIP side: a target has one sender, and a
//! sender has as many messages in flight as he may ([`Settings::each`]).

use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::flow::{Direction, Flow, Pacing};
use super::{IDLE, Names, Scenario, Worlds};
use crate::measure::process::{Cpu, Memory, Tree, machine, own_cpu};
use crate::measure::tally::Place;
use crate::sip::message::Message;
use crate::token;
use crate::xmpp::stanza::Stanza;

/// What is played.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which ways.
    pub directions: Vec<Direction>,
    /// When the next one is sent, in each direction.
    pub pacing: Pacing,
    /// Users on each side.
    pub users: usize,
    /// Messages of one sender in flight.
    pub each: usize,
    /// Octets of a body.
    pub body: usize,
    /// Messages of each direction before the measuring begins.
    pub warm_up: u64,
    /// Messages of each direction that are measured. The one that is first to have sent them ends
    /// the run for both.
    pub count: u64,
    /// How long the measuring may take.
    pub time: Duration,
    /// How long a message keeps its place in flight.
    pub patience: Duration,
    /// The resource of XMPP senders.
    pub resource: String,
    /// Whether a line is written each second.
    pub progress: bool,
}

/// A look at the whole, once a second.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Sample {
    /// Seconds since the measuring began.
    pub seconds: f64,
    /// Messages that arrived since then, both directions.
    pub arrived: u64,
    /// The gateway's resident memory, KiB.
    pub rss: u64,
}

/// A moment of the run.
#[derive(Debug, Clone, Default)]
pub struct Mark {
    /// When.
    pub at: Option<Instant>,
    /// What had arrived, by direction.
    pub arrived: Vec<u64>,
    /// What the gateway had spent.
    pub gateway: Cpu,
    /// What this process had spent.
    pub own: Cpu,
    /// What all processes of the machine had spent.
    pub machine: Duration,
    /// The gateway's memory.
    pub memory: Memory,
}

/// The scenario.
pub struct Messages {
    /// What is played.
    pub settings: Settings,
    /// The directions.
    pub flows: Vec<Flow>,
    /// Before the first message.
    pub start: Mark,
    /// When measuring began.
    pub warm: Mark,
    /// When all was done.
    pub end: Mark,
    /// One a second.
    pub samples: Vec<Sample>,
    gateway: Option<Tree>,
    sending: bool,
    next_look: Instant,
    next_line: Instant,
    padding: Vec<u8>,
}

impl Messages {
    /// Nothing sent yet.
    pub fn new(settings: Settings, gateway: Option<Tree>) -> Self {
        let flow = |direction: &Direction| {
            // RFC 3428 §8: a sender has one MESSAGE in flight for a target. Towards SIP that is
            // for the gateway to see to.
            let each = if *direction == Direction::SipToXmpp { 1 } else { settings.each };
            Flow::new(*direction, settings.pacing, settings.users, each, settings.patience)
        };
        let now = Instant::now();
        let mut messages = Messages {
            flows: settings.directions.iter().map(flow).collect(),
            padding: b" lorem ipsum dolor sit amet"
                .iter()
                .cycle()
                .take(settings.body)
                .copied()
                .collect(),
            start: Mark::default(),
            warm: Mark::default(),
            end: Mark::default(),
            samples: Vec::new(),
            gateway,
            sending: true,
            next_look: now,
            next_line: now + Duration::from_secs(1),
            settings,
        };
        messages.start = messages.mark(now);
        messages
    }

    fn mark(&self, now: Instant) -> Mark {
        Mark {
            at: Some(now),
            arrived: self.flows.iter().map(|flow| flow.tally.arrived).collect(),
            gateway: self.gateway.map(Tree::cpu).unwrap_or_default(),
            own: own_cpu(),
            machine: machine().0,
            memory: self.gateway.map(|gateway| gateway.memory(true)).unwrap_or_default(),
        }
    }

    fn flow(&mut self, key: u64) -> Option<(&mut Flow, Place)> {
        let (direction, place) = Place::of(key)?;
        let flow = self.flows.iter_mut().find(|flow| flow.direction == direction)?;
        Some((flow, place))
    }

    /// Begins to measure once every direction is warm, and ends the sending.
    fn look(&mut self, now: Instant) {
        self.next_look = now + IDLE;
        if self.warm.at.is_none() && self.is_warm() {
            self.flows.iter_mut().for_each(|flow| {
                flow.latency.clear();
                flow.answers.clear();
            });
            self.warm = self.mark(now);
        }
        if self.sending && self.must_end(now) {
            self.sending = false;
        }
        self.flows.iter_mut().for_each(|flow| flow.give_up(now));
        if now >= self.next_line {
            self.next_line += Duration::from_secs(1);
            self.sample(now);
        }
        if self.has_landed() && self.end.at.is_none() {
            self.end = self.mark(now);
            if self.warm.at.is_none() {
                // It never got warm: then all of it was measured.
                self.warm = self.start.clone();
            }
        }
    }

    fn is_warm(&self) -> bool {
        self.flows.iter().all(|flow| flow.tally.arrived >= self.settings.warm_up)
    }

    /// Nothing is sent any more, and all that was sent has its outcome.
    fn has_landed(&self) -> bool {
        !self.sending && self.flows.iter().all(|flow| flow.in_flight() == 0)
    }

    /// One direction has sent all, the time is over, or nothing arrives any more.
    fn must_end(&self, now: Instant) -> bool {
        let Settings { warm_up, count, time, patience, .. } = self.settings;
        let since = |mark: &Mark| mark.at.map_or(Duration::ZERO, |at| now - at);
        let mut arrivals = self.flows.iter().filter_map(Flow::last_arrival);
        let silent = arrivals.all(|last| now - last > patience) && since(&self.start) > patience;
        self.flows.iter().any(|flow| flow.sent() >= warm_up + count)
            || since(&self.warm) >= time
            || silent
    }

    fn sample(&mut self, now: Instant) {
        let arrived: u64 = self.flows.iter().map(|flow| flow.tally.arrived).sum();
        let before: u64 = self.warm.arrived.iter().sum();
        let rss = self.gateway.map_or(0, |gateway| gateway.memory(false).rss);
        let seconds = self.warm.at.map_or(0.0, |warm| (now - warm).as_secs_f64());
        if self.warm.at.is_some() {
            self.samples.push(Sample { seconds, arrived: arrived.saturating_sub(before), rss });
        }
        if self.settings.progress {
            let mut line = format!("{seconds:6.1} s");
            for flow in &self.flows {
                let (arrived, sent) = (flow.tally.arrived, flow.sent());
                line += &format!("   {:?} {arrived} of {sent}", flow.direction);
            }
            eprintln!("{line}   gateway {:.1} MB", rss as f64 / 1_024.0);
        }
    }

    fn send(&mut self, now: Instant, worlds: &mut Worlds) -> io::Result<()> {
        let (total, Messages { flows, settings, padding, .. }) =
            (self.settings.warm_up + self.settings.count, self);
        for flow in flows {
            while flow.sent() < total
                && let Some(next) = flow.next(now)
            {
                let user = next.conversation;
                match flow.direction {
                    Direction::XmppToSip => {
                        let Worlds { xmpp, names, .. } = worlds;
                        xmpp.send(user, |out| {
                            stanza(next.key, user, names, settings, padding, out)
                        });
                    }
                    Direction::SipToXmpp => request(now, next.key, user, worlds, padding)?,
                }
            }
        }
        Ok(())
    }
}

impl Scenario for Messages {
    fn stanza(&mut self, now: Instant, stanza: &Stanza<'_>) {
        if stanza.name != "message" {
            return;
        }
        if stanza.kind == "error" {
            let key = token::find(stanza.id.as_bytes());
            if let Some((flow, place)) = key.and_then(|key| self.flow(key)) {
                flow.refused(place, &stanza.condition);
            }
            return;
        }
        if let Some((flow, place)) = token::find(stanza.octets).and_then(|key| self.flow(key)) {
            flow.arrived(now, place);
        }
    }

    fn request(&mut self, now: Instant, request: &Message<'_>) -> u16 {
        if request.method() != b"MESSAGE" {
            return 405;
        }
        if let Some((flow, place)) = token::find(request.body).and_then(|key| self.flow(key)) {
            flow.arrived(now, place);
        }
        200
    }

    fn response(&mut self, now: Instant, key: u64, status: u16) {
        if let Some((flow, place)) = self.flow(key) {
            match status {
                ..300 => flow.answered(now, place),
                _ => flow.refused(place, &status.to_string()),
            }
        }
    }

    fn expired(&mut self, _now: Instant, key: u64) {
        if let Some((flow, place)) = self.flow(key) {
            flow.expired(place);
        }
    }

    fn turn(&mut self, now: Instant, worlds: &mut Worlds) -> io::Result<Instant> {
        let begins = self.warm.at.is_none() && self.is_warm();
        if now >= self.next_look || begins || self.has_landed() {
            self.look(now);
        }
        if self.sending {
            self.send(now, worlds)?;
        }
        let due = self.flows.iter().filter(|_| self.sending).filter_map(Flow::due).min();
        Ok(due.map_or(self.next_look, |due| due.min(self.next_look)))
    }

    fn finished(&self, _now: Instant) -> bool {
        self.end.at.is_some()
    }
}

/// A message of an XMPP user.
fn stanza(
    key: u64,
    user: usize,
    names: &Names,
    settings: &Settings,
    padding: &[u8],
    out: &mut Vec<u8>,
) {
    let Names { component, xmpp, .. } = names;
    let resource = &settings.resource;
    // Writing to memory does not fail.
    let _ = write!(
        out,
        "<message type='chat' from='x{user}@{xmpp}/{resource}' to='s{user}@{component}' id='"
    );
    token::write(key, out);
    out.extend_from_slice(b"'><body>");
    body(key, padding, out);
    out.extend_from_slice(b"</body></message>");
}

/// A MESSAGE of a SIP user (RFC 3428 §4).
fn request(
    now: Instant,
    key: u64,
    user: usize,
    worlds: &mut Worlds,
    padding: &[u8],
) -> io::Result<()> {
    let Worlds { sip, names: Names { sip: domain, xmpp_in_sip, .. }, .. } = worlds;
    let cseq = key as u32 + 1;
    let mut text = Vec::with_capacity(padding.len() + 32);
    body(key, padding, &mut text);
    sip.request(
        now,
        key,
        |out| {
            let _ = write!(out, "MESSAGE sip:x{user}@{xmpp_in_sip} SIP/2.0\r\n");
        },
        |out| {
            let _ = write!(
                out,
                "From: <sip:s{user}@{domain}>;tag={user}\r\nTo: <sip:x{user}@{xmpp_in_sip}>\r\n\
                 Call-ID: {run}-{user}\r\nCSeq: {cseq} MESSAGE\r\nContent-Type: text/plain\r\n\
                 Content-Length: {length}\r\n\r\n",
                run = token::run(),
                length = text.len(),
            );
            out.extend_from_slice(&text);
        },
    )
}

/// A mark and as much other text as makes the length.
fn body(key: u64, padding: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    token::write(key, out);
    let length = out.len() - start;
    out.extend_from_slice(padding.get(length..).unwrap_or_default());
}
