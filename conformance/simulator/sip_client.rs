//! SIP users that write: the non-INVITE client transaction of RFC 3261 §17.1.2 at their proxies,
//! and proxies that try a second branch.

use std::collections::{BTreeMap, VecDeque};

use stox::codec::sip::{Message, Response};
use stox::config::Transport;

use crate::agenda::{Event, MS, Micros, Packet, S, SipTimer};
use crate::dice::{Dice, Throws};
use crate::plan::{GATEWAY, PROXIES, Plan, SIP_DOMAIN, XMPP_DOMAINS};
use crate::stage::Stage;
use crate::words::{branch, branch_number};

const T1: Micros = 500 * MS;
const T2: Micros = 4 * S;

/// How a message leaves a proxy.
#[derive(Debug, Clone, Copy)]
pub(crate) enum How {
    /// As a request: a datagram, or by the proxy's own connection.
    Fresh,
    /// As the answer to what came by this connection.
    Back(Option<u64>),
}

#[derive(Debug)]
pub(crate) struct SipOut {
    pub(crate) proxy: usize,
    pub(crate) how: How,
    pub(crate) packet: Packet,
    /// The client transaction that it belongs to.
    pub(crate) branch: Option<u64>,
}

#[derive(Debug)]
struct Client {
    number: u32,
    proxy: usize,
    packet: Packet,
    interval: Micros,
    proceeding: bool,
    open: bool,
    connection: Option<u64>,
}

/// All that one user writes to another.
#[derive(Debug, Default)]
struct Line {
    busy: bool,
    waiting: VecDeque<u32>,
}

#[derive(Debug)]
pub(crate) struct Clients {
    transport: Transport,
    proxies: usize,
    patient: bool,
    clients: BTreeMap<u64, Client>,
    lines: BTreeMap<(usize, &'static str, &'static str), Line>,
    last: u64,
    dice: Dice,
}

impl Clients {
    pub(crate) fn new(seed: u64, plan: &Plan) -> Self {
        Clients {
            transport: plan.transport,
            proxies: plan.proxies,
            patient: plan.patient,
            clients: BTreeMap::new(),
            lines: BTreeMap::new(),
            last: 0,
            dice: Dice::new(seed, Throws::Sip),
        }
    }

    /// A user writes a message: at once, or when the one before has its answer (RFC 3428 §8).
    pub(crate) fn say(&mut self, stage: &mut Stage, number: u32) -> Vec<SipOut> {
        let said = &stage.ledger.to_xmpp[number as usize].said;
        if self.patient {
            let line = self.lines.entry((said.server, said.from, said.to)).or_default();
            if line.busy {
                line.waiting.push_back(number);
                return Vec::new();
            }
            line.busy = true;
        }
        let proxy = said.proxy;
        if let Some(after) = said.second_branch {
            stage.agenda.set(stage.now + after, Event::Sip(SipTimer::SecondBranch(number)));
        }
        vec![self.start(stage, number, proxy)]
    }

    fn start(&mut self, stage: &mut Stage, number: u32, proxy: usize) -> SipOut {
        self.last += 1;
        let id = self.last;
        let packet = self.request(stage, number, proxy, id);
        let message = &mut stage.ledger.to_xmpp[number as usize];
        message.branches.push(id);
        message.open += 1;
        message.last_sent = stage.now;
        if self.transport == Transport::Udp {
            stage.agenda.set(stage.now + T1, Event::Sip(SipTimer::TimerE(id)));
        }
        stage.agenda.set(stage.now + 64 * T1, Event::Sip(SipTimer::TimerF(id)));
        let client = Client {
            number,
            proxy,
            packet: packet.clone(),
            interval: T1,
            proceeding: false,
            open: true,
            connection: None,
        };
        self.clients.insert(id, client);
        SipOut { proxy, how: How::Fresh, packet, branch: Some(id) }
    }

    /// The connection that a request left by.
    pub(crate) fn left_by(&mut self, branch: u64, connection: u64) {
        if let Some(client) = self.clients.get_mut(&branch) {
            client.connection = Some(connection);
        }
    }

    /// The second branch of a request is the same request but for its Via.
    fn request(&self, stage: &Stage, number: u32, proxy: usize, id: u64) -> Packet {
        let said = &stage.ledger.to_xmpp[number as usize].said;
        let domain = XMPP_DOMAINS[said.server];
        let (from, to) = (format!("{}@{SIP_DOMAIN}", said.from), format!("{}@{domain}", said.to));
        let text = format!("s{number}.");
        let (kind, body) = match said.cpim {
            false => ("text/plain", text),
            true => (
                "message/cpim",
                format!(
                    "From: <sip:{from}>\r\nTo: <sip:{to}>\r\n\r\nContent-Type: text/plain;charset=utf-8\r\n\r\n{text}"
                ),
            ),
        };
        let (via, branch) = (self.transport.via(), branch(id));
        let octets = format!(
            "MESSAGE sip:{to} SIP/2.0\r\nVia: SIP/2.0/{via} {};branch={branch}\r\nMax-Forwards: 69\r\n\
             From: <sip:{from}>;tag=f{number}\r\nTo: <sip:{to}>\r\nCall-ID: s{number}@{}\r\nCSeq: {} MESSAGE\r\n\
             Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            PROXIES[proxy],
            said.from,
            number + 1,
            body.len()
        );
        Packet::new(octets.into())
    }

    pub(crate) fn second_branch(&mut self, stage: &mut Stage, number: u32) -> Vec<SipOut> {
        if stage.calm || stage.ledger.to_xmpp[number as usize].heard.is_some() {
            return Vec::new();
        }
        stage.coverage.hit("sip.second_branch");
        let proxy = self.dice.below(self.proxies as u64) as usize;
        vec![self.start(stage, number, proxy)]
    }

    pub(crate) fn timer_e(&mut self, stage: &mut Stage, id: u64) -> Vec<SipOut> {
        let Some(client) = self.clients.get_mut(&id).filter(|client| client.open) else {
            return Vec::new();
        };
        stage.coverage.hit("sip.retransmitted");
        client.interval = if client.proceeding { T2 } else { (client.interval * 2).min(T2) };
        stage.agenda.set(stage.now + client.interval, Event::Sip(SipTimer::TimerE(id)));
        stage.ledger.to_xmpp[client.number as usize].last_sent = stage.now;
        let packet = client.packet.clone();
        vec![SipOut { proxy: client.proxy, how: How::Fresh, packet, branch: Some(id) }]
    }

    pub(crate) fn timer_f(&mut self, stage: &mut Stage, id: u64) -> Vec<SipOut> {
        let open = self.clients.get(&id).is_some_and(|client| client.open);
        if !open {
            return Vec::new();
        }
        stage.coverage.hit("sip.timer_f");
        self.ended(stage, id, None)
    }

    pub(crate) fn response(&mut self, stage: &mut Stage, response: &Response) -> Vec<SipOut> {
        let Some(id) = branch_number(&response.via) else { return Vec::new() };
        let Some(client) = self.clients.get_mut(&id).filter(|client| client.open) else {
            return Vec::new();
        };
        let status = response.status.code();
        if status < 200 {
            client.proceeding = true;
            return Vec::new();
        }
        self.ended(stage, id, Some(status))
    }

    /// A connection is gone: some elements give up what was sent by it and try once more.
    pub(crate) fn connection_gone(&mut self, stage: &mut Stage, connection: u64) -> Vec<SipOut> {
        let by = |(id, client): (&u64, &Client)| {
            (client.open && client.connection == Some(connection)).then_some(*id)
        };
        let hit: Vec<u64> = self.clients.iter().filter_map(by).collect();
        let mut outs = Vec::new();
        for id in hit {
            if !self.dice.chance(500) {
                continue;
            }
            let client = &self.clients[&id];
            let (number, proxy) = (client.number, client.proxy);
            if stage.ledger.to_xmpp[number as usize].branches.len() < 3 {
                outs.push(self.start(stage, number, proxy));
            }
            outs.extend(self.ended(stage, id, None));
        }
        outs
    }

    /// A client transaction ended. The message ends with a 2xx, or with its last branch.
    fn ended(&mut self, stage: &mut Stage, id: u64, status: Option<u16>) -> Vec<SipOut> {
        let Some(client) = self.clients.get_mut(&id) else { return Vec::new() };
        client.open = false;
        let number = client.number;
        let message = &mut stage.ledger.to_xmpp[number as usize];
        message.open -= 1;
        let success = status.is_some_and(|status| status < 300);
        if message.heard.is_some() || (!success && message.open > 0) {
            return Vec::new();
        }
        message.heard = Some(status);
        if !self.patient {
            return Vec::new();
        }
        let said = &message.said;
        let line = self.lines.entry((said.server, said.from, said.to)).or_default();
        line.busy = false;
        match line.waiting.pop_front() {
            Some(next) => self.say(stage, next),
            None => Vec::new(),
        }
    }

    /// A proxy asks for the gateway's health, once.
    pub(crate) fn options(&mut self, proxy: usize) -> SipOut {
        let number = self.dice.number();
        let octets = format!(
            "OPTIONS sip:{GATEWAY} SIP/2.0\r\nVia: SIP/2.0/{} {};branch=z9hG4bKo{number}\r\nMax-Forwards: 70\r\n\
             From: <sip:{}>;tag=o{number}\r\nTo: <sip:{GATEWAY}>\r\nCall-ID: o{number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
            self.transport.via(),
            PROXIES[proxy],
            PROXIES[proxy]
        );
        SipOut { proxy, how: How::Fresh, packet: Packet::new(octets.into()), branch: None }
    }

    /// Octets that are no message, and messages that belong to nothing.
    pub(crate) fn garbage(&mut self, proxy: usize) -> Vec<SipOut> {
        let number = self.dice.number();
        let stray = format!(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {GATEWAY};branch=z9hG4bK{number:016x}\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:c@d>;tag=2\r\nCall-ID: stray\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n"
        );
        let broken = format!(
            "MESSAGE sip:juliet@xmpp.test SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bKb{number}\r\nFrom: broken\r\n\
             To: <sip:juliet@xmpp.test>\r\nCall-ID: b{number}\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n",
            PROXIES[proxy]
        );
        let mut texts = vec![stray, broken];
        if self.transport == Transport::Udp {
            texts.push("\r\n\r\n".to_owned());
            texts.push(format!("no SIP at all {number}"));
        }
        let out = |text: String| SipOut {
            proxy,
            how: How::Fresh,
            packet: Packet::new(text.into()),
            branch: None,
        };
        texts.into_iter().map(out).collect()
    }
}

/// The response in a packet.
pub(crate) fn response_of(packet: &Packet) -> Option<&Response> {
    match packet.message.as_deref() {
        Some(Message::Response(response)) => Some(response),
        _ => None,
    }
}
