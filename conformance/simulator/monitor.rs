//! What must hold at the gateway's own border, looked at with every input and every effect.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use bytes::Bytes;
use stox::codec::sip::{Method, Request, Response};
use stox::codec::xmpp::{IqKind, MessageKind, Stanza};
use stox::config::Transport;
use stox::flow::Query;

use crate::agenda::{Micros, Packet, S};
use crate::checks::{error_out, final_response, message_out};
use crate::journal::GROUP;
use crate::ledger::{self, Final};
use crate::plan::Plan;
use crate::process::{Ending, Step};
use crate::requests::Requests;
use crate::stage::Stage;
use crate::words::{branch_number, number, text_of};

/// RFC 4320 §4.1: when Timer E would reach T2.
const EARLIEST_100: Micros = 3_500_000;

/// `grace` of a link that is down, and `confirm_timeout` of what was then written, as the settings of a seed have them.
const LATEST_FINAL: Micros = 7 * S;

/// RFC 3261 §17.2.2: how long a request that comes again is known.
const TIMER_J: Micros = 32 * S;

/// A request of a SIP user, as this process has it.
#[derive(Debug, Default)]
struct Served {
    number: u32,
    since: Micros,
    answer: Option<Bytes>,
}

/// A component stream, as the core has it.
#[derive(Debug, Default)]
struct Stream {
    up: bool,
    barrier: Option<String>,
    /// Messages whose senders were told, in the order of writing; the barrier covers the first.
    told: Vec<u32>,
    covered: usize,
}

#[derive(Debug)]
pub(crate) struct Monitor {
    served: BTreeMap<u64, Served>,
    pub(crate) requests: Requests,
    streams: Vec<Stream>,
    /// What a killed process may lack in its journal.
    window: Micros,
    /// When the last process ended.
    died: Micros,
    bounded: bool,
    /// Names that are being looked up.
    looked_up: BTreeSet<Query>,
}

impl Monitor {
    pub(crate) fn new(plan: &Plan) -> Self {
        Monitor {
            served: BTreeMap::new(),
            requests: Requests::new(plan),
            streams: (0..plan.links).map(|_| Stream::default()).collect(),
            window: GROUP + plan.journal,
            died: 0,
            bounded: plan.limits.is_some(),
            looked_up: BTreeSet::new(),
        }
    }

    /// The process ended; so many groups of records had still come to the disk.
    pub(crate) fn died(
        &mut self,
        stage: &mut Stage,
        ending: Ending,
        incarnation: u64,
        kept: usize,
    ) {
        let remembered = self.requests.text.died(kept);
        stage.coverage.add("process.remembers_text", remembered as u64);
        let window = (ending == Ending::Killed).then_some(self.window);
        stage.ledger.process_died(stage.now, incarnation, window);
        self.died = stage.now;
        self.served.clear();
        self.requests.died(stage);
        self.streams.iter_mut().for_each(|stream| *stream = Stream::default());
        self.looked_up.clear();
    }

    /// A process took a message up that an earlier one left.
    pub(crate) fn taken_up(
        &mut self,
        stage: &mut Stage,
        number: u32,
        request: Option<&Bytes>,
        incarnation: u64,
    ) {
        self.requests.taken_up(stage, number, request, (self.died, self.window));
        ledger::taken_up(stage, number, incarnation);
    }

    /// A step is noted in the journal.
    pub(crate) fn journal(&mut self, stage: &mut Stage, number: u32, step: Step, incarnation: u64) {
        let now = stage.now;
        let Some(message) = stage.ledger.to_sip.get_mut(number as usize) else {
            return stage.violated("the journal speaks of what nobody wrote".to_owned());
        };
        match step {
            Step::Taken => {
                (message.owner, message.taken_on) = (Some(incarnation), Some(now));
            }
            Step::Sent => {}
            Step::Ended => {
                message.ended = Some(now);
                if message.success_here || message.told {
                    return;
                }
                message.untold = true;
                stage.ledger.untold += 1;
                let bounded = self.bounded;
                stage.demand(bounded, || {
                    format!("x{number} was lost: its story ends and its sender was told nothing")
                });
            }
        }
    }

    pub(crate) fn looked_up(&mut self, question: &Query) {
        self.looked_up.insert(question.clone());
    }

    pub(crate) fn found(&mut self, question: &Query) {
        self.looked_up.remove(question);
    }

    pub(crate) fn link(&mut self, stage: &mut Stage, link: usize, up: bool) {
        let before = std::mem::take(&mut self.streams[link]);
        self.streams[link].up = up;
        if before.up && !up {
            stage.ledger.link_died(link);
        }
    }

    // Inputs.

    /// The answer is the branch of a request that was not known before.
    pub(crate) fn sip_in(
        &mut self,
        stage: &mut Stage,
        packet: &Packet,
        incarnation: u64,
    ) -> Option<u64> {
        match packet.message.as_deref() {
            Some(stox::codec::sip::Message::Request(request)) => {
                self.request_in(stage, request, incarnation)
            }
            Some(stox::codec::sip::Message::Response(response)) => {
                self.requests.response_in(stage, response);
                None
            }
            None => None,
        }
    }

    /// Whether the process looks for its peers.
    pub(crate) fn searches(&self) -> bool {
        !self.looked_up.is_empty()
    }

    /// A datagram of a proxy that the process does not know yet: as if it had been lost.
    pub(crate) fn not_taken(&mut self, stage: &mut Stage, branch: u64) {
        stage.coverage.hit("sip.dropped_before_the_name_is_found");
        let Some(served) = self.served.remove(&branch) else { return };
        if let Some(message) = stage.ledger.to_xmpp.get_mut(served.number as usize) {
            (message.arrived, message.pending) = (None, None);
        }
    }

    fn request_in(
        &mut self,
        stage: &mut Stage,
        request: &Request,
        incarnation: u64,
    ) -> Option<u64> {
        let number = number(&text_of(&request.body), 's')?;
        let branch = branch_number(&request.via)?;
        if request.headers.content_type() == Some("message/cpim") {
            self.requests.text.taught(request.from.uri().user().unwrap_or_default());
        }
        let since = stage.now;
        if self.served.contains_key(&branch) {
            return None;
        }
        self.served.insert(branch, Served { number, since, answer: None });
        let place = stage.ledger.place();
        let message = stage.ledger.to_xmpp.get_mut(number as usize)?;
        message.arrived.get_or_insert(place);
        // What it answered longer ago than Timer J, a process need not know any more.
        let known = |end: &&Final| end.incarnation == incarnation && since - end.at < TIMER_J;
        let mut finals = message.finals.iter().filter(known);
        // What was refused on one branch may still be taken on another.
        if finals.all(|end| matches!(end.status, 480 | 482 | 503)) {
            message.pending = Some(incarnation);
        }
        Some(branch)
    }

    /// The reply to a barrier: what was written before it has arrived.
    pub(crate) fn reply_in(&mut self, stage: &mut Stage, link: usize, id: &str) {
        let stream = &mut self.streams[link];
        if stream.barrier.as_deref() != Some(id) {
            return;
        }
        stream.barrier = None;
        for number in stream.told.drain(..stream.covered) {
            if let Some(message) = stage.ledger.to_sip.get_mut(number as usize) {
                (message.told, message.error_open) = (true, false);
            }
        }
        stream.covered = 0;
    }

    pub(crate) fn message_in(stage: &mut Stage, number: u32) {
        let place = stage.ledger.place();
        if let Some(message) = stage.ledger.to_sip.get_mut(number as usize) {
            message.reached = Some(place);
        }
    }

    /// A message was read: it is in the journal, or its sender was told why not. What its sender is
    /// told may wait behind a stanza that is tried alone, and where the link holds as many as it may
    /// it is not written.
    pub(crate) fn message_read(stage: &mut Stage, number: u32, held: bool) {
        let Some(message) = stage.ledger.to_sip.get(number as usize) else { return };
        let told = message.errors_written == 1;
        if held && !told && message.taken_on.is_none() {
            return stage.coverage.hit("to_sip.refusal_held_in_link");
        }
        let right = message.taken_on.is_some() || told;
        stage.demand(right, || format!("x{number} was lost: it came and nobody took it"));
    }

    // Effects.

    pub(crate) fn sip_out(
        &mut self,
        stage: &mut Stage,
        packet: &Packet,
        to: (Transport, SocketAddr),
        incarnation: u64,
    ) {
        match packet.message.as_deref() {
            Some(stox::codec::sip::Message::Response(response)) => {
                self.response_out(stage, response, &packet.octets, to.0, incarnation);
            }
            Some(stox::codec::sip::Message::Request(request)) => {
                if request.method == Method::Message {
                    self.requests.request_out(stage, request, &packet.octets, to);
                }
            }
            // The answer to a broken request repeats what is broken in it (RFC 3261 §8.2.6.2).
            None if packet.octets.starts_with(b"SIP/2.0 400 ") => {
                stage.coverage.hit("sip.400_for_garbage");
            }
            None => stage.violated("the gateway sent octets that are no SIP message".to_owned()),
        }
    }

    fn response_out(
        &mut self,
        stage: &mut Stage,
        response: &Response,
        octets: &Bytes,
        transport: Transport,
        incarnation: u64,
    ) {
        let status = response.status.code();
        stage.demand(status != 408, || "408 to a request that is no INVITE".to_owned());
        let Some(branch) = branch_number(&response.via) else { return };
        let Some(served) = self.served.get_mut(&branch) else { return };
        let (number, since) = (served.number, served.since);
        if status < 200 {
            stage.coverage.hit("sip.100_from_gateway");
            let after = stage.now - since;
            let late = transport.reliable() || after >= EARLIEST_100;
            stage.demand(status == 100 && late && served.answer.is_none(), || {
                format!("s{number}: a {status} {} ms after the request", after / 1_000)
            });
            return;
        }
        if let Some(answer) = &served.answer {
            stage.coverage.hit("sip.answered_again");
            let same = answer == octets;
            stage
                .demand(same, || format!("s{number}: a second, different final response {status}"));
            return;
        }
        let after = stage.now - since;
        stage.demand(after <= LATEST_FINAL, || {
            format!("s{number}: {status} came {} ms after the request", after / 1_000)
        });
        served.answer = Some(octets.clone());
        let end = Final { branch, status, incarnation, at: stage.now };
        final_response(stage, number, end, response.to.tag());
    }

    pub(crate) fn stanza_out(
        &mut self,
        stage: &mut Stage,
        link: usize,
        stanza: &Stanza,
        incarnation: u64,
    ) {
        let stream = &mut self.streams[link];
        stage.demand(stream.up, || {
            format!("a stanza for link {link}, which the core knows is down")
        });
        match stanza {
            Stanza::Message(message) if message.kind == MessageKind::Error => {
                let Some((number, too_long)) = error_out(stage, message, link) else { return };
                stream.told.push(number);
                if !too_long {
                    self.requests.told(stage, number);
                }
            }
            Stanza::Message(message) => message_out(stage, message, link, incarnation),
            Stanza::Iq(iq) if iq.kind == IqKind::Get => {
                stream.covered = stream.told.len();
                let before = stream.barrier.replace(iq.id.to_string());
                stage.demand(before.is_none(), || format!("two barriers on link {link}"));
            }
            _ => {}
        }
    }
}
