//! What a run showed: for people, and as JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::latency::Summary;
use super::process::{Cpu, Memory};
use crate::scenario::flow::{Direction, Flow};
use crate::scenario::messages::{Messages, Sample};
use crate::sip::Transport;

/// One direction.
#[derive(Debug, Serialize)]
pub struct OneWay {
    /// Which.
    pub direction: Direction,
    /// Messages sent, with those before the measuring.
    pub sent: u64,
    /// Messages that arrived, each counted once.
    pub arrived: u64,
    /// Arrived in a second, while it was measured.
    pub rate: f64,
    /// From the intended sending to the arrival, milliseconds.
    pub latency_ms: Summary,
    /// From the intended sending to the final response, milliseconds; messages from SIP alone.
    pub answer_ms: Option<Summary>,
    /// Neither arrived nor refused.
    pub lost: u64,
    /// Arrived more than once.
    pub duplicated: u64,
    /// Arrived behind a later one of its conversation.
    pub reordered: u64,
    /// Refused, by status or condition.
    pub refused: BTreeMap<String, u64>,
    /// Refused and arrived.
    pub contradicted: u64,
    /// Took longer than the patience of the run.
    pub overdue: u64,
    /// Got no final response.
    pub unanswered: u64,
}

/// Time on the processor for 1000 messages, seconds.
#[derive(Debug, Serialize)]
pub struct PerThousand {
    /// In the program.
    pub user: f64,
    /// In the kernel.
    pub kernel: f64,
    /// Both.
    pub total: f64,
}

/// What the gateway's processes took.
#[derive(Debug, Serialize)]
pub struct Gateway {
    /// Time on the processor.
    pub cpu_s_per_1000: PerThousand,
    /// Memory before the first message.
    pub before: Memory,
    /// When the measuring began.
    pub warm: Memory,
    /// At the end.
    pub end: Memory,
    /// The most that a sample saw, KiB.
    pub peak_rss: u64,
}

/// A whole run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// How SIP requests travelled.
    pub transport: Transport,
    /// Messages in flight at most, of a closed loop.
    pub window: Option<usize>,
    /// Messages in a second, of an open loop.
    pub intended_rate: Option<f64>,
    /// How long it was measured, seconds.
    pub seconds: f64,
    /// The directions.
    pub directions: Vec<OneWay>,
    /// The gateway, if its process is known.
    pub gateway: Option<Gateway>,
    /// This program's own time on the processor for 1000 messages.
    pub generator_cpu_s_per_1000: PerThousand,
    /// The part of the machine's time that other processes had: 0 on a machine that was idle
    /// otherwise. Rates and latencies of a run with much of it say little.
    pub others: f64,
    /// MESSAGE requests of the gateway that came again.
    pub retransmissions_received: u64,
    /// Requests that this program sent again.
    pub retransmissions_sent: u64,
    /// One a second.
    pub samples: Vec<Sample>,
    /// Nothing lost, doubled, re-ordered, refused or left without an answer.
    pub passed: bool,
}

impl Report {
    /// What a finished run showed; `retransmissions` are those received and those sent.
    pub fn of(
        messages: &Messages,
        transport: Transport,
        pacing: (Option<usize>, Option<f64>),
        gateway_known: bool,
        retransmissions: (u64, u64),
    ) -> Self {
        let directions: Vec<OneWay> = messages
            .talk
            .flows
            .iter()
            .enumerate()
            .map(|(index, flow)| one_way(messages, index, flow))
            .collect();
        let measured: u64 = messages.talk.flows.iter().map(|flow| flow.latency.count()).sum();
        let spent = messages.end.gateway.since(messages.warm.gateway);
        let own = messages.end.own.since(messages.warm.own);
        let passed = directions.iter().all(OneWay::passed) && measured > 0;
        let peak = messages.samples.iter().map(|sample| sample.rss).max().unwrap_or(0);
        let end = messages.end.memory;
        Report {
            transport,
            window: pacing.0,
            intended_rate: pacing.1,
            seconds: messages.end.seconds_since(&messages.warm),
            gateway: gateway_known.then(|| Gateway {
                cpu_s_per_1000: per_thousand(spent, measured),
                before: messages.start.memory,
                warm: messages.warm.memory,
                end,
                peak_rss: peak.max(end.rss),
            }),
            generator_cpu_s_per_1000: per_thousand(own, measured),
            others: messages.end.others_since(&messages.warm),
            directions,
            retransmissions_received: retransmissions.0,
            retransmissions_sent: retransmissions.1,
            samples: messages.samples.clone(),
            passed,
        }
    }
}

impl OneWay {
    fn passed(&self) -> bool {
        let faults = self.lost + self.duplicated + self.reordered + self.contradicted;
        faults + self.unanswered == 0 && self.refused.is_empty()
    }
}

fn one_way(messages: &Messages, index: usize, flow: &Flow) -> OneWay {
    let before = messages.warm.arrived.get(index).copied().unwrap_or(0);
    let time = match (messages.warm.at, flow.last_arrival()) {
        (Some(warm), Some(last)) => last.saturating_duration_since(warm).as_secs_f64(),
        _ => 0.0,
    };
    let arrived = flow.tally.arrived;
    let from_sip = flow.direction == Direction::SipToXmpp;
    OneWay {
        direction: flow.direction,
        sent: flow.sent(),
        arrived,
        rate: if time > 0.0 { arrived.saturating_sub(before) as f64 / time } else { 0.0 },
        latency_ms: flow.latency.summary(),
        answer_ms: from_sip.then(|| flow.answers.summary()),
        lost: flow.tally.lost(flow.sent()),
        duplicated: flow.tally.duplicated,
        reordered: flow.tally.reordered,
        refused: flow.refused.clone(),
        contradicted: flow.tally.contradicted,
        overdue: flow.overdue,
        unanswered: flow.unanswered,
    }
}

fn per_thousand(cpu: Cpu, messages: u64) -> PerThousand {
    let thousands = messages.max(1) as f64 / 1_000.0;
    let (user, kernel) = (cpu.user.as_secs_f64() / thousands, cpu.kernel.as_secs_f64() / thousands);
    PerThousand { user, kernel, total: user + kernel }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pacing = match (self.window, self.intended_rate) {
            (Some(window), _) => format!("{window} in flight"),
            (_, Some(rate)) => format!("{rate:.0} messages/s intended"),
            _ => String::new(),
        };
        writeln!(f, "{:?}, {pacing}, {:.1} s measured", self.transport, self.seconds)?;
        self.directions.iter().try_for_each(|one| write!(f, "{one}"))?;
        if let Some(gateway) = &self.gateway {
            write!(f, "{gateway}")?;
        }
        let own = &self.generator_cpu_s_per_1000;
        writeln!(f, "generator      {:.4} CPU s per 1000 messages", own.total)?;
        writeln!(f, "others         had {:.0} % of the machine's time", self.others * 100.0)?;
        writeln!(
            f,
            "requests again {} received, {} sent",
            self.retransmissions_received, self.retransmissions_sent
        )?;
        write!(f, "{}", if self.passed { "passed" } else { "FAILED" })
    }
}

impl fmt::Display for OneWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.direction {
            Direction::XmppToSip => "XMPP to SIP",
            Direction::SipToXmpp => "SIP to XMPP",
        };
        let (arrived, sent) = (self.arrived, self.sent);
        writeln!(f, "{name}    {:.0} messages/s, {arrived} of {sent} arrived", self.rate)?;
        writeln!(f, "  latency      {}", self.latency_ms)?;
        if let Some(answers) = &self.answer_ms {
            writeln!(f, "  answer       {answers}")?;
        }
        writeln!(
            f,
            "  faults       {} lost, {} doubled, {} re-ordered, {} refused and arrived",
            self.lost, self.duplicated, self.reordered, self.contradicted
        )?;
        writeln!(f, "  late         {} overdue, {} unanswered", self.overdue, self.unanswered)?;
        self.refused.iter().try_for_each(|(why, count)| writeln!(f, "  refused      {count} {why}"))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "p50 {:.3}  p90 {:.3}  p99 {:.3}  p99.9 {:.3}  max {:.3} ms, {} over 40 ms",
            self.p50, self.p90, self.p99, self.p999, self.max, self.over_40_ms
        )
    }
}

impl fmt::Display for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PerThousand { user, kernel, total } = &self.cpu_s_per_1000;
        let mb = |kib: u64| kib as f64 / 1_024.0;
        writeln!(
            f,
            "gateway CPU    {total:.4} s per 1000 messages ({user:.4} user, {kernel:.4} kernel)"
        )?;
        writeln!(
            f,
            "gateway memory {:.1} MB before, {:.1} warm, {:.1} at the end, {:.1} peak (shared parts once: {:.1}, {:.1}, {:.1})",
            mb(self.before.rss),
            mb(self.warm.rss),
            mb(self.end.rss),
            mb(self.peak_rss),
            mb(self.before.pss),
            mb(self.warm.pss),
            mb(self.end.pss),
        )
    }
}
