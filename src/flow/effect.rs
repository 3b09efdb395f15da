//! What the core asks the outside to do, in order.

use std::net::SocketAddr;

use bytes::Bytes;

use super::{ConnectionId, Entry, Event, LinkId, ListenerId, PairId, Query};
use crate::config::Transport;

/// Octets that a datagram can carry: of 65,535 the heads of IPv4 (RFC 791) and UDP (RFC 768) are
/// taken off.
pub const DATAGRAM: usize = 65_507;

/// Where SIP octets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop {
    /// The transport.
    pub transport: Transport,
    /// The listener whose socket sends, or whose address a new connection shows.
    pub listener: ListenerId,
    /// The address.
    pub remote: SocketAddr,
    /// The connection to use while it stands; otherwise one to `remote`, opened if need be.
    pub connection: Option<ConnectionId>,
}

/// A group of records on its way to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommitId(pub u64);

/// One record of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// What is known of the user agents behind a SIP user's address, as JSON; `None` deletes it.
    Target {
        /// The localpart of the SIP user's JID at the SIP domain.
        address: String,
        /// What is known.
        value: Option<String>,
    },
    /// What is known of a pair of users, as JSON; `None` deletes it.
    Pair {
        /// Which pair.
        id: PairId,
        /// What is known.
        value: Option<String>,
    },
}

/// One thing to do. Effects are carried out in the order of their list.
#[derive(Debug)]
pub enum Effect {
    /// Send a SIP message.
    Sip {
        /// Where to.
        hop: Hop,
        /// Its octets.
        octets: Bytes,
    },
    /// Write a stanza.
    Xmpp {
        /// The stream.
        link: LinkId,
        /// Its octets.
        octets: Bytes,
    },
    /// The stream is of no use any more: close it and open it anew.
    Reopen {
        /// The stream.
        link: LinkId,
        /// Why, for the log.
        reason: &'static str,
    },
    /// Put records on disk; `then` waits, in order, until they are there.
    Commit {
        /// The group.
        id: CommitId,
        /// The records.
        records: Vec<Record>,
        /// What must not be seen before the records are safe.
        then: Vec<Effect>,
    },
    /// Note a step of a message where it outlives the process. Nothing waits for it.
    Journal(Entry),
    /// Ask the DNS; the answer is [`super::Input::Resolved`].
    Resolve {
        /// The question.
        query: Query,
    },
    /// Tell the operator.
    Event(Event),
}
