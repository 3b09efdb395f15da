//! What happens next: events in the order of time, then of their setting.

use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use stox::codec::sip;
use stox::codec::xmpp::Stanza;
use stox::flow::Query;

use crate::disk::Disk;
use crate::plan::Fault;

/// Virtual time in microseconds.
pub(crate) type Micros = u64;
pub(crate) const MS: Micros = 1_000;
pub(crate) const S: Micros = 1_000_000;

/// A SIP message with what stands in it.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) octets: Bytes,
    /// None for octets that are meant to be no message.
    pub(crate) message: Option<Rc<sip::Message>>,
}

impl Packet {
    pub(crate) fn new(octets: Bytes) -> Self {
        let message = sip::parse(octets.clone()).ok().map(Rc::new);
        Packet { octets, message }
    }
}

/// What a server wrote.
#[derive(Debug, Clone)]
pub(crate) enum FromServer {
    /// The reply to a ping, by its id.
    Reply(Bytes, String),
    /// A user's message, by its number.
    Message(Bytes, u32),
    /// Anything else.
    Other(Bytes),
    /// The end of the stream, with a reason that one of the gateway's stanzas may be.
    StreamError { ours: bool },
}

/// An event of the SIP side.
#[derive(Debug, Clone)]
pub(crate) enum SipTimer {
    /// A user writes the message of this number.
    Say(u32),
    /// Timer E of a client transaction, set for this moment.
    TimerE(u64),
    /// Timer F of a client transaction.
    TimerF(u64),
    /// The proxy sends the request once more under another branch.
    SecondBranch(u32),
    /// A server transaction sends this status, with what it asks for.
    Answer { proxy: usize, branch: String, status: u16, challenge: Option<String> },
    /// A proxy asks the gateway for its health.
    Options { proxy: usize },
}

/// An event of a component stream; `session` tells streams apart.
#[derive(Debug, Clone)]
pub(crate) enum LinkEvent {
    Attempt { epoch: u64 },
    Opened { epoch: u64 },
    ToServer { session: u64, stanza: Rc<Stanza> },
    ToGateway { session: u64, what: FromServer },
    GatewayNotices { session: u64 },
    ServerNotices { session: u64 },
}

/// Which end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Gateway,
    Sip,
}

#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A datagram reaches the gateway.
    DatagramToGateway {
        from: SocketAddr,
        packet: Packet,
    },
    /// A datagram reaches the SIP side.
    DatagramToSip {
        to: SocketAddr,
        packet: Packet,
    },
    /// A message reaches an end of a TCP connection.
    ByConnection {
        id: u64,
        to: End,
        packet: Packet,
    },
    /// An end of a TCP connection notices that it is gone.
    ConnectionGone {
        id: u64,
        end: End,
    },
    /// A TCP connection of the gateway could not be opened.
    Refused {
        id: u64,
        remote: SocketAddr,
    },
    /// The system told that a datagram could not be sent.
    NoRoute {
        incarnation: u64,
        remote: SocketAddr,
    },
    Link(usize, LinkEvent),
    /// A server takes the next stanza from its inbox.
    ServerWorks(usize),
    /// A user of a server writes the message of this number.
    XmppSays(usize, u32),
    /// A bounce that comes long after the stanza was taken.
    LateBounce(usize, Bytes),
    Sip(SipTimer),
    /// The disk has done something for a process.
    Disk {
        incarnation: u64,
        disk: Disk,
    },
    /// A name was looked up.
    Resolved {
        incarnation: u64,
        question: Query,
    },
    Fault(Fault),
    /// A fault is over.
    Mended(Fault),
    /// A new gateway process begins.
    Start,
    /// A gateway that was told to stop looks whether it is done.
    Stopping {
        incarnation: u64,
        until: Micros,
    },
    /// Bounds are looked at.
    Inspect,
}

#[derive(Debug)]
struct Entry<E> {
    at: Micros,
    order: u64,
    event: E,
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}
impl<E> Eq for Entry<E> {}
impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

/// The event queue.
#[derive(Debug)]
pub(crate) struct Agenda<E = Event> {
    heap: BinaryHeap<Entry<E>>,
    set: u64,
}

impl<E> Default for Agenda<E> {
    fn default() -> Self {
        Agenda { heap: BinaryHeap::new(), set: 0 }
    }
}

impl<E> Agenda<E> {
    pub(crate) fn set(&mut self, at: Micros, event: E) {
        self.set += 1;
        self.heap.push(Entry { at, order: self.set, event });
    }

    pub(crate) fn next(&self) -> Option<Micros> {
        self.heap.peek().map(|entry| entry.at)
    }

    pub(crate) fn take(&mut self) -> Option<E> {
        self.heap.pop().map(|entry| entry.event)
    }
}
