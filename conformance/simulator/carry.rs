//! Carries what the gateway, the proxies and the servers send to whom it is meant for.

use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use stox::codec::sip::Message;
use stox::codec::xmpp;
use stox::config::Transport;

use crate::agenda::{End, Event, FromServer, LinkEvent, MS, Packet, S, SipTimer};
use crate::monitor::Monitor;
use crate::process::{In, Out};
use crate::simulation::Simulation;
use crate::sip_client::{How, SipOut, response_of};

impl Simulation {
    // The gateway's process.

    pub(crate) fn feed(&mut self, input: In) {
        if !self.process.runs() {
            return;
        }
        let now = self.stage.now;
        let octets: &[u8] = match &input {
            In::Sip { octets, .. } | In::Stanza { octets, .. } => octets,
            _ => b"in",
        };
        self.stage.trace.note(now, octets, || told(&input));
        let outs = self.process.feed(now, input);
        self.outs(outs);
    }

    pub(crate) fn outs(&mut self, outs: Vec<Out>) {
        for out in outs {
            let copies = self.sabotage.as_mut().map_or(1, |sabotage| sabotage.copies(&out));
            for _ in 0..copies {
                self.out(&out);
            }
        }
    }

    fn out(&mut self, out: &Out) {
        let (now, incarnation) = (self.stage.now, self.process.incarnation);
        match out {
            Out::Sip { transport, remote, connection, octets } => {
                self.stage.trace.note(now, octets, || {
                    format!("  gateway -> {remote} {transport}: {}", first_line(octets))
                });
                let packet = Packet::new(octets.clone());
                self.monitor.sip_out(&mut self.stage, &packet, (*transport, *remote), incarnation);
                self.send(*transport, *remote, *connection, packet);
            }
            Out::Stanza { link, octets } => self.stanza_out(*link, octets),
            Out::Reopen { link } => {
                self.stage.coverage.hit("link.reopened_by_gateway");
                let closing = &mut self.links[*link];
                if let Some(session) = closing.current() {
                    closing.gateway_closes(&mut self.stage);
                    let gone = LinkEvent::GatewayNotices { session };
                    self.stage.agenda.set(now, Event::Link(*link, gone));
                }
            }
            Out::Commit { group, of_text } => self.commit(*group, *of_text),
            Out::Journal(note) => self.note(note),
            Out::TakenUp { number, request } => {
                self.stage.trace.note(now, b"taken up", || format!("  x{number}. is taken up"));
                let request = request.as_ref();
                self.monitor.taken_up(&mut self.stage, *number, request, incarnation);
            }
            Out::LookUp { question } => {
                self.stage.coverage.hit("process.looked_up");
                self.monitor.looked_up(question);
                let at = now + MS + now % self.plan.names;
                let question = question.clone();
                self.stage.agenda.set(at, Event::Resolved { incarnation, question });
            }
            Out::Quarantined => self.stage.coverage.hit("process.quarantined"),
            Out::PeerUp => self.stage.coverage.hit("process.peer_up"),
            Out::PeerDown => self.stage.coverage.hit("process.peer_down"),
            Out::Other => {}
        }
    }

    fn stanza_out(&mut self, link: usize, octets: &Bytes) {
        let now = self.stage.now;
        self.stage
            .trace
            .note(now, octets, || format!("  gateway -> server {link}: {}", first_line(octets)));
        match xmpp::parse(&self.context, octets.clone()) {
            Ok(stanza) => {
                let incarnation = self.process.incarnation;
                self.monitor.stanza_out(&mut self.stage, link, &stanza, incarnation);
                self.links[link].write(&mut self.stage, Rc::new(stanza));
            }
            Err(malformed) => {
                self.stage.violated(format!("a stanza that no server would read: {malformed}"));
            }
        }
    }

    fn send(
        &mut self,
        transport: Transport,
        remote: SocketAddr,
        meant: Option<u64>,
        packet: Packet,
    ) {
        if transport == Transport::Udp {
            let incarnation = self.process.incarnation;
            return self.network.gateway_sends(&mut self.stage, remote, packet, incarnation);
        }
        let accepts = self.proxy_at(remote).is_some_and(|proxy| !self.down[proxy]);
        self.connections.gateway_sends(&mut self.stage, remote, meant, packet, accepts);
    }

    pub(crate) fn unreachable(&mut self, transport: Transport, remote: SocketAddr) {
        self.monitor.requests.unreachable(&mut self.stage, (transport, remote));
        self.feed(In::Unreachable { transport, remote });
    }

    /// An end of a connection notices that it is gone.
    pub(crate) fn connection_gone(&mut self, id: u64, end: End) {
        let remote = self.connections.closed(id, end);
        if end == End::Sip {
            let outs = self.clients.connection_gone(&mut self.stage, id);
            return self.sip_outs(outs);
        }
        let Some(remote) = remote else { return };
        let transport = Transport::Tcp;
        self.monitor.requests.closed(&mut self.stage, (transport, remote));
        self.feed(In::Closed { transport, remote });
        self.monitor.requests.all_repeated(&mut self.stage);
    }

    pub(crate) fn sip_in(
        &mut self,
        transport: Transport,
        remote: SocketAddr,
        connection: Option<u64>,
        packet: &Packet,
    ) {
        if !self.process.runs() {
            return self.stage.coverage.hit("process.missed");
        }
        self.monitor.requests.prune(&mut self.stage);
        let new = self.monitor.sip_in(&mut self.stage, packet, self.process.incarnation);
        let before = self.untrusted();
        let octets = packet.octets.clone();
        self.feed(In::Sip { transport, remote, connection, octets });
        if let Some(branch) = new.filter(|_| before < self.untrusted()) {
            self.monitor.not_taken(&mut self.stage, branch);
        }
    }

    /// How many datagrams the process dropped since it did not know yet where its peers are.
    fn untrusted(&self) -> u64 {
        if !self.monitor.searches() {
            return 0;
        }
        let status = self.process.status(self.stage.now);
        status.and_then(|status| status.counters.get("sip_untrusted").copied()).unwrap_or(0)
    }

    // The SIP side.

    pub(crate) fn address(&self, proxy: usize) -> SocketAddr {
        self.addresses[proxy]
    }

    pub(crate) fn proxy_at(&self, address: SocketAddr) -> Option<usize> {
        self.addresses[..self.plan.proxies].iter().position(|proxy| *proxy == address)
    }

    pub(crate) fn by_connection(&mut self, id: u64, to: End, packet: &Packet) {
        let Some(remote) = self.connections.arrives(&mut self.stage, id, to) else { return };
        if to == End::Gateway {
            return self.sip_in(Transport::Tcp, remote, Some(id), packet);
        }
        let found = self.addresses.iter().position(|proxy| proxy.ip() == remote.ip());
        if let Some(proxy) = found {
            self.at_proxy(proxy, packet, Some(id));
        }
    }

    pub(crate) fn at_proxy(&mut self, proxy: usize, packet: &Packet, connection: Option<u64>) {
        if self.down[proxy] {
            return;
        }
        let outs = match packet.message.as_deref() {
            Some(Message::Request(request)) => {
                self.devices.request(&mut self.stage, proxy, request, connection)
            }
            Some(Message::Response(_)) => self.response_at_proxy(packet),
            None => Vec::new(),
        };
        self.sip_outs(outs);
    }

    fn response_at_proxy(&mut self, packet: &Packet) -> Vec<SipOut> {
        let Some(response) = response_of(packet) else { return Vec::new() };
        if response.cseq.method == stox::codec::sip::Method::Options {
            let status = response.status.code();
            self.stage.coverage.hit(&format!("sip.options_{status}"));
            self.stage.demand(matches!(status, 200 | 503), || format!("OPTIONS answered {status}"));
            return Vec::new();
        }
        self.clients.response(&mut self.stage, response)
    }

    pub(crate) fn sip_outs(&mut self, outs: Vec<SipOut>) {
        for SipOut { proxy, how, packet, branch } in outs {
            if self.down[proxy] {
                continue;
            }
            if self.plan.transport == Transport::Udp {
                let from = self.addresses[proxy];
                self.network.sip_sends(&mut self.stage, from, packet);
                continue;
            }
            if let How::Back(Some(id)) = how
                && self.connections.sip_sends(&mut self.stage, id, packet.clone())
            {
                continue;
            }
            // A connection that nobody accepts: the client's timer ends the transaction.
            if self.process.runs() {
                let id = self.connections.of_proxy(&mut self.stage, proxy);
                self.connections.sip_sends(&mut self.stage, id, packet);
                if let Some(branch) = branch {
                    self.clients.left_by(branch, id);
                }
            }
        }
    }

    pub(crate) fn sip_timer(&mut self, timer: SipTimer) {
        let outs = match timer {
            SipTimer::Say(number) => self.clients.say(&mut self.stage, number),
            SipTimer::TimerE(branch) => self.clients.timer_e(&mut self.stage, branch),
            SipTimer::TimerF(branch) => self.clients.timer_f(&mut self.stage, branch),
            SipTimer::SecondBranch(number) => self.clients.second_branch(&mut self.stage, number),
            SipTimer::Answer { proxy, branch, status, challenge } => {
                self.devices.answer(&mut self.stage, proxy, branch, status, challenge)
            }
            SipTimer::Options { proxy } => {
                let at = self.stage.now + 5 * S;
                self.stage.agenda.set(at, Event::Sip(SipTimer::Options { proxy }));
                vec![self.clients.options(proxy)]
            }
        };
        self.sip_outs(outs);
    }

    // The component links.

    pub(crate) fn link_event(&mut self, link: usize, event: LinkEvent) {
        match event {
            LinkEvent::Attempt { epoch } => {
                if !self.links[link].is_now(epoch) || !self.process.runs() {
                    return;
                }
                if self.servers[link].up {
                    return self.links[link].accepted(&mut self.stage);
                }
                self.stage.coverage.hit("link.refused");
                self.link_down(link, false);
            }
            LinkEvent::Opened { epoch } => {
                if !self.links[link].is_now(epoch) || !self.process.runs() {
                    return;
                }
                if !self.servers[link].up {
                    return self.link_down(link, false);
                }
                let session = self.links[link].opened(&mut self.stage);
                self.servers[link].session = Some(session);
                self.monitor.link(&mut self.stage, link, true);
                self.feed(In::LinkUp { link });
            }
            LinkEvent::ToServer { session, stanza } => {
                let arrives = self.links[link].reaches_server(&self.stage, session);
                if arrives && self.servers[link].up {
                    return self.servers[link].arrived(&mut self.stage, session, stanza);
                }
                self.stage.coverage.hit("link.lost_to_server");
            }
            LinkEvent::ToGateway { session, what } => self.server_wrote(link, session, what),
            LinkEvent::GatewayNotices { session } => {
                if self.links[link].current() == Some(session) && self.process.runs() {
                    self.link_down(link, false);
                }
            }
            LinkEvent::ServerNotices { session } => self.servers[link].lost(session),
        }
    }

    fn link_down(&mut self, link: usize, stream_error: bool) {
        self.links[link].fallen();
        self.links[link].again(&mut self.stage);
        self.monitor.link(&mut self.stage, link, false);
        self.feed(In::LinkDown { link, stream_error });
    }

    fn server_wrote(&mut self, link: usize, session: u64, what: FromServer) {
        if !self.links[link].reaches_gateway(&self.stage, session) || !self.process.runs() {
            return self.stage.coverage.hit("link.lost_to_gateway");
        }
        let octets = match what {
            FromServer::StreamError { ours } => {
                self.links[link].gateway_closes(&mut self.stage);
                return self.link_down(link, ours);
            }
            FromServer::Reply(octets, id) => {
                self.monitor.reply_in(&mut self.stage, link, &id);
                octets
            }
            FromServer::Message(octets, number) => {
                Monitor::message_in(&mut self.stage, number);
                self.feed(In::Stanza { link, octets });
                let status = self.process.status(self.stage.now);
                let held = status.and_then(|it| it.links.get(link).map(|link| link.unconfirmed));
                Monitor::message_read(&mut self.stage, number, held.unwrap_or(0) > 0);
                return self.kill_soon();
            }
            FromServer::Other(octets) => octets,
        };
        self.feed(In::Stanza { link, octets });
    }
}

fn told(input: &In) -> String {
    match input {
        In::Sip { transport, remote, octets, .. } => {
            format!("{remote} {transport} -> gateway: {}", first_line(octets))
        }
        In::Stanza { link, octets } => format!("server {link} -> gateway: {}", first_line(octets)),
        other => format!("gateway: {other:?}"),
    }
}

/// The beginning of a message: its first line with the branch, or a stanza's head.
fn first_line(octets: &[u8]) -> String {
    let text = String::from_utf8_lossy(octets);
    let mut lines = text.lines();
    let first: String = lines.next().unwrap_or_default().chars().take(150).collect();
    let branch = lines.next().and_then(|via| via.split_once("branch=")).map(|(_, branch)| branch);
    let body = text.rsplit("\r\n\r\n").next().filter(|body| body.len() < 20).unwrap_or_default();
    match branch {
        Some(branch) => format!("{first} [{branch}] {body}"),
        None => first,
    }
}
