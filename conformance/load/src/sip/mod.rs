//! The SIP world: the peer of a gateway, or user agents behind a real proxy.

pub mod message;
pub mod transactions;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::time::Instant;

use clap::ValueEnum;
use serde::Serialize;

use crate::net::stream::{self, Stream};
use crate::net::udp::{BATCH, Outbox, Udp};
use crate::net::wait::{Readable, Waits};
use crate::scenario::Scenario;
use crate::token;
use message::{Granted, Message};
use transactions::{Clients, Servers};

/// How requests travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// One connection to the gateway, and those that it opens.
    Tcp,
}

/// The SIP world.
pub struct Sip {
    transport: Transport,
    own: SocketAddr,
    gateway: SocketAddr,
    udp: Udp,
    outbox: Outbox,
    listener: TcpListener,
    /// The connection that our requests take.
    trunk: Option<Stream>,
    accepted: Vec<Stream>,
    peer: Peer,
}

/// What it remembers.
#[derive(Default)]
struct Peer {
    clients: Clients,
    servers: Servers,
    /// For how long a subscription is granted at most, seconds.
    grant: Option<u32>,
    /// Where it is, as a Contact says it.
    contact: String,
}

/// What a scenario answers when there shall be no answer.
pub const SILENCE: u16 = 0;

impl Sip {
    /// A peer at `own`, UDP and TCP, of the gateway at `gateway`.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn new(transport: Transport, own: SocketAddr, gateway: SocketAddr) -> io::Result<Self> {
        let mut sip = Sip {
            transport,
            own,
            gateway,
            udp: Udp::bind(own)?,
            outbox: Outbox::default(),
            listener: stream::listen(own)?,
            trunk: None,
            accepted: Vec::new(),
            peer: Peer::default(),
        };
        sip.peer.contact = sip.contact("load");
        Ok(sip)
    }

    /// From now on subscriptions are granted for so many seconds at most.
    pub fn grant(&mut self, seconds: u32) {
        self.peer.grant = Some(seconds);
    }

    /// Sends a request whose branch holds `key`; `write` appends what follows the Via.
    pub fn request(
        &mut self,
        now: Instant,
        key: u64,
        start: impl FnOnce(&mut Vec<u8>),
        write: impl FnOnce(&mut Vec<u8>),
    ) -> io::Result<()> {
        let mut octets = Vec::with_capacity(640);
        start(&mut octets);
        let name = match self.transport {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        };
        let own = self.own;
        io::Write::write_fmt(
            &mut octets,
            format_args!("Via: SIP/2.0/{name} {own};rport;branch=z9hG4bK"),
        )?;
        token::write(key, &mut octets);
        octets.extend_from_slice(b"\r\nMax-Forwards: 70\r\n");
        write(&mut octets);
        match self.transport {
            Transport::Udp => self.outbox.push(self.gateway, |out| out.extend_from_slice(&octets)),
            Transport::Tcp => {
                self.trunk()?.leaving().extend_from_slice(&octets);
                octets.clear();
            }
        }
        self.peer.clients.begin(now, key, octets);
        Ok(())
    }

    fn trunk(&mut self) -> io::Result<&mut Stream> {
        let open = self.trunk.take().filter(Stream::is_open);
        let stream = match open {
            Some(stream) => stream,
            None => Stream::connect(self.own.ip(), self.gateway)?,
        };
        Ok(self.trunk.insert(stream))
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.own
    }

    /// Where it is, as a Contact says it.
    pub fn contact(&self, user: &str) -> String {
        match self.transport {
            Transport::Udp => format!("<sip:{user}@{}>", self.own),
            Transport::Tcp => format!("<sip:{user}@{};transport=tcp>", self.own),
        }
    }

    /// How many requests came again, and how many were sent again.
    pub fn retransmissions(&self) -> (u64, u64) {
        (self.peer.servers.retransmissions, self.peer.clients.retransmissions)
    }

    /// Adds what is to be waited for; the answer is the number of the first.
    pub fn wait<'a>(&'a self, waits: &mut Waits<'a>) -> usize {
        let first = waits.add(self.udp.socket(), false);
        waits.add(self.listener.as_fd(), false);
        for stream in self.trunk.iter().chain(&self.accepted) {
            waits.add(stream.socket(), stream.wants_room());
        }
        first
    }

    /// When something must be done even if nothing comes.
    pub fn wake(&self) -> Option<Instant> {
        self.peer.clients.wake()
    }

    /// Reads what came, answers it and hands it on; `first` is what [`Sip::wait`] said.
    ///
    /// # Errors
    /// When a socket is broken.
    pub fn receive(
        &mut self,
        readable: &Readable,
        first: usize,
        scenario: &mut impl Scenario,
    ) -> io::Result<()> {
        if readable.holds(first) {
            self.receive_datagrams(scenario)?;
        }
        for (index, stream) in self.trunk.iter_mut().chain(&mut self.accepted).enumerate() {
            if readable.holds(first + 2 + index) {
                self.peer.read(stream, scenario);
            }
        }
        self.accepted.retain(Stream::is_open);
        if readable.holds(first + 1) {
            let accepted = stream::accept(&self.listener)?;
            self.accepted.extend(accepted.into_iter().map(|(stream, _)| stream));
        }
        Ok(())
    }

    fn receive_datagrams(&mut self, scenario: &mut impl Scenario) -> io::Result<()> {
        loop {
            let whole = self.udp.receive()? == BATCH;
            let now = Instant::now();
            for index in 0..self.udp.count() {
                let (octets, from) = self.udp.datagram(index);
                if let Some(message) = Message::parse(octets) {
                    let peer = &mut self.peer;
                    self.outbox.push(from, |out| peer.take(now, &message, out, scenario));
                }
            }
            if !whole {
                return Ok(());
            }
            self.outbox.flush(&self.udp)?;
        }
    }

    /// Repeats what is due and sends what was written.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn flush(&mut self, now: Instant, scenario: &mut impl Scenario) -> io::Result<()> {
        let (again, failed) = self.peer.clients.due(now);
        for octets in again {
            self.outbox.push(self.gateway, |out| out.extend_from_slice(&octets));
        }
        failed.into_iter().for_each(|key| scenario.expired(now, key));
        for stream in self.trunk.iter_mut().chain(&mut self.accepted) {
            if stream.wants_room() {
                stream.flush();
            }
        }
        self.outbox.flush(&self.udp)
    }
}

impl Peer {
    fn read(&mut self, stream: &mut Stream, scenario: &mut impl Scenario) {
        stream.receive();
        let now = Instant::now();
        let (came, leaving) = stream.split();
        let mut taken = 0;
        loop {
            // Keep-alives stand between messages (RFC 5626 §3.5.1).
            taken += came[taken..].iter().take_while(|octet| b"\r\n".contains(octet)).count();
            let Some((message, length)) = Message::cut(&came[taken..]) else { break };
            self.take(now, &message, leaving, scenario);
            taken += length;
        }
        stream.take(taken);
    }

    /// One message; `out` gets the answer if there is one.
    fn take(
        &mut self,
        now: Instant,
        message: &Message<'_>,
        out: &mut Vec<u8>,
        scenario: &mut impl Scenario,
    ) {
        if let Some(status) = message.status() {
            let key = token::find(message.branch());
            if let Some(key) = key.filter(|_| status >= 200)
                && self.clients.end(key)
            {
                scenario.response(now, key, message);
            }
            return;
        }
        let status = match message.method() {
            b"ACK" => return,
            b"OPTIONS" => 200,
            method => match self.servers.known(message.via, method) {
                Some(status) => status,
                None => {
                    let status = scenario.request(now, message);
                    if status == SILENCE {
                        return;
                    }
                    self.servers.answered(now, message.via, method, status);
                    status
                }
            },
        };
        let seconds = message.expires().filter(|_| message.method() == b"SUBSCRIBE");
        let grant = self.grant.unwrap_or(u32::MAX);
        let contact = self.contact.as_str();
        let granted = seconds.map(|seconds| Granted { seconds: seconds.min(grant), contact });
        message.answer(status, granted, out);
    }
}
