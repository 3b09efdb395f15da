//! What must hold at the gateway's own border, looked at with every input and every effect.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use bytes::Bytes;
use stox::codec::sip::{Method, Request, Response};
use stox::codec::xmpp::{IqKind, MessageKind, Stanza};
use stox::config::Transport;
use stox::flow::Query;

use crate::agenda::{Micros, Packet, S};
use crate::checks::{addressed, error_out, final_response, message_out};
use crate::ledger::Final;
use crate::plan::Plan;
use crate::stage::Stage;
use crate::words::{branch_number, number, text_of};

/// RFC 3428 §8.
const MAX_REQUEST: usize = 1_300;
/// Timer F (RFC 3261 §17.1.2.2).
const TIMER_F: Micros = 32 * S;
/// RFC 4320 §4.1: when Timer E would reach T2.
const EARLIEST_100: Micros = 3_500_000;

/// A request of a SIP user, as this process has it.
#[derive(Debug, Default)]
struct Served {
    number: u32,
    since: Micros,
    answer: Option<Bytes>,
}

/// A MESSAGE of the gateway.
#[derive(Debug)]
struct Sent {
    number: u32,
    octets: Bytes,
    since: Micros,
    remote: SocketAddr,
    transport: Transport,
    open: bool,
}

#[derive(Debug)]
pub(crate) struct Monitor {
    outstanding_per_target: usize,
    served: BTreeMap<u64, Served>,
    sent: BTreeMap<String, Sent>,
    /// The last CSeq of each Call-ID and From tag.
    cseq: BTreeMap<(String, String), u32>,
    up: Vec<bool>,
    barrier: Vec<Option<String>>,
    /// Names that are being looked up.
    looked_up: BTreeSet<Query>,
}

impl Monitor {
    pub(crate) fn new(plan: &Plan) -> Self {
        let limit = plan.limits.map_or(8, |limits| limits.outstanding_per_target as usize);
        Monitor {
            outstanding_per_target: limit,
            served: BTreeMap::new(),
            sent: BTreeMap::new(),
            cseq: BTreeMap::new(),
            up: vec![false; plan.links],
            barrier: vec![None; plan.links],
            looked_up: BTreeSet::new(),
        }
    }

    /// The process ended.
    pub(crate) fn died(&mut self, stage: &mut Stage) {
        stage.ledger.process_died(stage.now);
        self.served.clear();
        for sent in self.sent.values_mut().filter(|sent| sent.open) {
            sent.open = false;
            if let Some(message) = stage.ledger.to_sip.get_mut(sent.number as usize) {
                message.given_up += 1;
            }
        }
        self.up.fill(false);
        self.barrier.fill(None);
        self.looked_up.clear();
    }

    pub(crate) fn looked_up(&mut self, question: &Query) {
        self.looked_up.insert(question.clone());
    }

    pub(crate) fn found(&mut self, question: &Query) {
        self.looked_up.remove(question);
    }

    pub(crate) fn link(&mut self, stage: &mut Stage, link: usize, up: bool) {
        if self.up[link] && !up {
            stage.ledger.link_died(link);
        }
        self.up[link] = up;
        self.barrier[link] = None;
    }

    // Inputs.

    pub(crate) fn sip_in(&mut self, stage: &mut Stage, packet: &Packet, incarnation: u64) {
        match packet.message.as_deref() {
            Some(stox::codec::sip::Message::Request(request)) => {
                self.request_in(stage, request, incarnation);
            }
            Some(stox::codec::sip::Message::Response(response)) => {
                self.response_in(stage, response)
            }
            None => {}
        }
    }

    fn request_in(&mut self, stage: &mut Stage, request: &Request, incarnation: u64) {
        let Some(number) = number(&text_of(&request.body), 's') else { return };
        let Some(branch) = branch_number(&request.via) else { return };
        let since = stage.now;
        let known = self.served.contains_key(&branch);
        if !known {
            self.served.insert(branch, Served { number, since, answer: None });
        }
        let place = stage.ledger.place();
        let Some(message) = stage.ledger.to_xmpp.get_mut(number as usize) else { return };
        message.arrived.get_or_insert(place);
        let mut finals = message.finals.iter().filter(|end| end.incarnation == incarnation);
        // What was refused on one branch may still be taken on another.
        let finished = finals.any(|end| !matches!(end.status, 480 | 482 | 503));
        if known {
            return;
        }
        if !finished {
            message.pending = Some(incarnation);
        } else if request.via[0].transport_str() == "TCP" {
            // Over TCP there is no Timer J: a copy on a second branch is a request of its own.
            message.repeats_allowed += 1;
            message.pending = Some(incarnation);
            stage.coverage.hit("tcp.copy_after_the_end");
        }
    }

    fn response_in(&mut self, stage: &mut Stage, response: &Response) {
        let branch = response.via.first().and_then(|via| via.branch()).unwrap_or_default();
        let Some(sent) = self.sent.get_mut(branch).filter(|sent| sent.open) else { return };
        let status = response.status.code();
        if status < 200 {
            return;
        }
        sent.open = false;
        if let Some(message) = stage.ledger.to_sip.get_mut(sent.number as usize) {
            message.success |= status < 300;
        }
    }

    /// The transport told that an address cannot be reached.
    pub(crate) fn unreachable(
        &mut self,
        stage: &mut Stage,
        transport: Transport,
        remote: SocketAddr,
    ) {
        let there = |sent: &&mut Sent| sent.remote == remote && sent.transport == transport;
        for sent in self.sent.values_mut().filter(there) {
            give_up(stage, sent);
        }
    }

    pub(crate) fn reply_in(&mut self, link: usize, id: &str) {
        if self.barrier[link].as_deref() == Some(id) {
            self.barrier[link] = None;
        }
    }

    pub(crate) fn message_in(stage: &mut Stage, number: u32, incarnation: u64) {
        let place = stage.ledger.place();
        if let Some(message) = stage.ledger.to_sip.get_mut(number as usize) {
            message.reached = Some((place, incarnation));
        }
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
                    self.request_out(stage, request, &packet.octets, to);
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
        // A proxy is a stranger until its name is found.
        if status == 403 && !self.looked_up.is_empty() {
            return stage.coverage.hit("sip.403_before_the_name_is_found");
        }
        if let Some(answer) = &served.answer {
            stage.coverage.hit("sip.answered_again");
            let same = answer == octets;
            stage
                .demand(same, || format!("s{number}: a second, different final response {status}"));
            return;
        }
        served.answer = Some(octets.clone());
        final_response(stage, number, Final { branch, status, incarnation }, response.to.tag());
    }

    fn request_out(
        &mut self,
        stage: &mut Stage,
        request: &Request,
        octets: &Bytes,
        (transport, remote): (Transport, SocketAddr),
    ) {
        self.prune(stage);
        let Some(number) = number(&text_of(&request.body), 'x') else {
            return stage.violated("a MESSAGE that nobody wrote".to_owned());
        };
        let branch = request.via[0].branch().unwrap_or_default();
        if let Some(sent) = self.sent.get(branch) {
            let right = sent.open && sent.octets == octets && !transport.reliable();
            stage.demand(right, || format!("x{number}: a retransmission that should not be"));
            return;
        }
        stage.demand(octets.len() <= MAX_REQUEST, || format!("x{number}: {} octets", octets.len()));
        self.one_at_a_time(stage, number);
        self.in_sequence(stage, request, number);
        addressed(stage, request, number);
        if let Some(message) = stage.ledger.to_sip.get_mut(number as usize) {
            message.branches += 1;
        }
        let sent = Sent {
            number,
            octets: octets.clone(),
            since: stage.now,
            remote,
            transport,
            open: true,
        };
        self.sent.insert(branch.to_owned(), sent);
    }

    /// RFC 3428 §8: one outstanding for a sender and target, a few for a target.
    fn one_at_a_time(&mut self, stage: &mut Stage, number: u32) {
        let said = stage.ledger.to_sip[number as usize].said.clone();
        let (mut line, mut target) = (0, 0);
        for sent in self.sent.values().filter(|sent| sent.open) {
            let other = &stage.ledger.to_sip[sent.number as usize].said;
            if other.to == said.to {
                target += 1;
                line += u32::from((other.from, other.server) == (said.from, said.server));
            }
        }
        stage.demand(line == 0, || {
            format!("x{number}: {} has another MESSAGE outstanding for {}", said.from, said.to)
        });
        let limit = self.outstanding_per_target;
        stage.demand(target < limit, || format!("x{number}: {target} outstanding for {}", said.to));
    }

    fn in_sequence(&mut self, stage: &mut Stage, request: &Request, number: u32) {
        let tag = request.from.tag().unwrap_or_default().to_owned();
        let key = (request.call_id.as_str().to_owned(), tag);
        let last = self.cseq.insert(key, request.cseq.number);
        let rises = last.is_none_or(|last| last < request.cseq.number);
        stage.demand(rises, || format!("x{number}: CSeq {} does not rise", request.cseq.number));
    }

    /// Ends what Timer F has ended.
    pub(crate) fn prune(&mut self, stage: &mut Stage) {
        let now = stage.now;
        for sent in self.sent.values_mut().filter(|sent| sent.open) {
            if now >= sent.since + TIMER_F {
                give_up(stage, sent);
            }
        }
    }

    pub(crate) fn stanza_out(
        &mut self,
        stage: &mut Stage,
        link: usize,
        stanza: &Stanza,
        incarnation: u64,
    ) {
        let up = self.up[link];
        stage.demand(up, || format!("a stanza for link {link}, which the core knows is down"));
        match stanza {
            Stanza::Message(message) if message.kind == MessageKind::Error => {
                error_out(stage, message, link);
            }
            Stanza::Message(message) => message_out(stage, message, link, incarnation),
            Stanza::Iq(iq) if iq.kind == IqKind::Get => {
                let before = self.barrier[link].replace(iq.id.to_string());
                stage.demand(before.is_none(), || format!("two barriers on link {link}"));
            }
            _ => {}
        }
    }
}

fn give_up(stage: &mut Stage, sent: &mut Sent) {
    if std::mem::replace(&mut sent.open, false)
        && let Some(message) = stage.ledger.to_sip.get_mut(sent.number as usize)
    {
        message.given_up += 1;
    }
}
