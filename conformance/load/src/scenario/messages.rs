//! Messages, in one direction or both at once, closed loop or at a rate.

use std::io;
use std::time::{Duration, Instant};

use super::flow::Flow;
use super::talk::{Manner, Talk};
use super::{IDLE, Scenario, Worlds};
use crate::measure::mark::Mark;
use crate::measure::process::Tree;
use crate::sip::message::Message;
use crate::xmpp::stanza::Stanza;

/// What is played.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How people talk.
    pub manner: Manner,
    /// Messages of each direction before the measuring begins.
    pub warm_up: u64,
    /// Messages of each direction that are measured. The one that is first to have sent them ends
    /// the run for both.
    pub count: u64,
    /// How long the measuring may take.
    pub time: Duration,
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

/// The scenario.
pub struct Messages {
    /// What is played.
    pub settings: Settings,
    /// Who talks.
    pub talk: Talk,
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
}

impl Messages {
    /// Nothing sent yet.
    pub fn new(settings: Settings, gateway: Option<Tree>) -> Self {
        let now = Instant::now();
        let mut messages = Messages {
            talk: Talk::new(&settings.manner),
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
        let arrived = self.talk.flows.iter().map(|flow| flow.tally.arrived).collect();
        Mark { arrived, ..Mark::at(now, self.gateway) }
    }

    /// Begins to measure once every direction is warm, and ends the sending.
    fn look(&mut self, now: Instant) {
        self.next_look = now + IDLE;
        if self.warm.at.is_none() && self.is_warm() {
            self.talk.flows.iter_mut().for_each(|flow| {
                flow.latency.clear();
                flow.answers.clear();
            });
            self.warm = self.mark(now);
        }
        if self.sending && self.must_end(now) {
            self.sending = false;
        }
        self.talk.flows.iter_mut().for_each(|flow| flow.give_up(now));
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
        self.talk.flows.iter().all(|flow| flow.tally.arrived >= self.settings.warm_up)
    }

    /// Nothing is sent any more, and all that was sent has its outcome.
    fn has_landed(&self) -> bool {
        !self.sending && self.talk.in_flight() == 0
    }

    /// One direction has sent all, the time is over, or nothing arrives any more.
    fn must_end(&self, now: Instant) -> bool {
        let Settings { warm_up, count, time, .. } = self.settings;
        let patience = self.settings.manner.patience;
        let since = |mark: &Mark| mark.at.map_or(Duration::ZERO, |at| now - at);
        let mut arrivals = self.talk.flows.iter().filter_map(Flow::last_arrival);
        let silent = arrivals.all(|last| now - last > patience) && since(&self.start) > patience;
        self.talk.flows.iter().any(|flow| flow.sent() >= warm_up + count)
            || since(&self.warm) >= time
            || silent
    }

    fn sample(&mut self, now: Instant) {
        let arrived: u64 = self.talk.flows.iter().map(|flow| flow.tally.arrived).sum();
        let before: u64 = self.warm.arrived.iter().sum();
        let rss = self.gateway.map_or(0, |gateway| gateway.memory(false).rss);
        let seconds = self.warm.at.map_or(0.0, |warm| (now - warm).as_secs_f64());
        if self.warm.at.is_some() {
            self.samples.push(Sample { seconds, arrived: arrived.saturating_sub(before), rss });
        }
        if self.settings.progress {
            let mut line = format!("{seconds:6.1} s");
            for flow in &self.talk.flows {
                let (arrived, sent) = (flow.tally.arrived, flow.sent());
                line += &format!("   {:?} {arrived} of {sent}", flow.direction);
            }
            eprintln!("{line}   gateway {:.1} MB", rss as f64 / 1_024.0);
        }
    }
}

impl Scenario for Messages {
    fn stanza(&mut self, now: Instant, stanza: &Stanza<'_>) {
        self.talk.stanza(now, stanza);
    }

    fn request(&mut self, now: Instant, request: &Message<'_>) -> u16 {
        self.talk.request(now, request)
    }

    fn response(&mut self, now: Instant, key: u64, response: &Message<'_>) {
        self.talk.response(now, key, response);
    }

    fn expired(&mut self, _now: Instant, key: u64) {
        self.talk.expired(key);
    }

    fn turn(&mut self, now: Instant, worlds: &mut Worlds) -> io::Result<Instant> {
        let begins = self.warm.at.is_none() && self.is_warm();
        if now >= self.next_look || begins || self.has_landed() {
            self.look(now);
        }
        if self.sending {
            let total = self.settings.warm_up + self.settings.count;
            self.talk.send(now, worlds, total)?;
        }
        let due = self.talk.due().filter(|_| self.sending);
        Ok(due.map_or(self.next_look, |due| due.min(self.next_look)))
    }

    fn finished(&self, _now: Instant) -> bool {
        self.end.at.is_some()
    }
}
