//! The carriers: what enters the core, what each stage hands to the next, what leaves.
//!
//! One input makes one pass: [`Input`] → route → [`Routed`] → translate → [`Intent`] → state →
//! [`Effect`]s. What must be asked again comes round as an [`Input`] of its own.

mod cause;
mod counter;
mod device;
mod dns;
mod effect;
mod encryption;
mod event;
mod followup;
mod intent;
mod journal;
mod local_response;
mod map;
mod message;
mod presence;
mod routed;
mod secured;
mod start;
mod status;
mod target;
mod time;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

pub use cause::{Cause, Fault, Phrasebook};
pub use counter::Counter;
pub use device::{Device, Facts};
pub use dns::{Answer, Naptr, Query, QueryKind, Records, Srv};
pub use effect::{CommitId, DATAGRAM, Effect, Hop, Record};
pub use encryption::{Decision, EncryptionFound, EncryptionReport, Notice, Towards, direction};
pub use event::{Correlation, Event};
pub use followup::{Failure, Followup};
pub use intent::{Intent, Outcome, PresenceIntent};
pub use journal::{Entry, Origin, Sent, Taken, Unfinished};
pub use local_response::LocalResponse;
pub use map::{Map, Seed};
pub use message::{Challenge, Forms, Inbound, Long, Outbound, Part, Parties, Profile, Rendered};
pub use presence::{
    BodyRequest, DialogId, Document, NotifyRequest, PairId, PresenceBody, PresenceStanza, Remote,
    StanzaContent, StanzaErrorMeaning, SubscribeRequest, SubscriptionResponse, UserPair, stamp,
};
pub use routed::{PresenceRouted, Responded, Returned, Routed};
pub use secured::{AcceptedTypes, SecuredNotify, Watchers};
pub use start::{IdSource, Stored};
pub use status::{EncryptionCount, EncryptionRefusal, LinkStatus, PeerStatus, RulesStatus, Status};
pub use target::{AgentStatus, Evidence, TargetStatus};
pub use time::{Instant, Now};

use crate::codec::{sip, xmpp};
use crate::config::Transport;
use crate::rules::Rules;

/// A component stream, by its index in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub usize);

/// A SIP peer, by its index in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub usize);

/// A listener, by its index in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenerId(pub usize);

/// A connection of a stream transport; never used twice in one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// One XMPP message on its way to SIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId(pub u64);

/// Where SIP octets came from: what may be believed of a message depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// The transport.
    pub transport: Transport,
    /// The listener whose address the gateway shows on this flow.
    pub listener: ListenerId,
    /// The other side's address.
    pub remote: SocketAddr,
    /// The connection, on stream transports.
    pub connection: Option<ConnectionId>,
}

/// What the outside tells the core.
#[derive(Debug)]
pub enum Input {
    /// One SIP message: a datagram, or a framed message of a stream.
    Sip {
        /// Where it came from.
        flow: Flow,
        /// Its octets.
        octets: Bytes,
    },
    /// SIP octets of a stream that are no message.
    Unreadable {
        /// Where they came from.
        flow: Flow,
        /// What is wrong with them.
        malformed: Box<sip::Malformed>,
    },
    /// Octets could not be sent there (RFC 3261 §17.1.4).
    Unreachable {
        /// The address.
        remote: SocketAddr,
        /// The transport that failed.
        transport: Transport,
    },
    /// A SIP message could not be sent for a reason of its own, such as its length: that says
    /// nothing of the address.
    Unsent {
        /// The message.
        octets: Bytes,
    },
    /// One stanza of a component stream.
    Xmpp {
        /// The stream.
        link: LinkId,
        /// The stanza's octets.
        octets: Bytes,
        /// What the stream's header declared.
        context: Arc<xmpp::StreamContext>,
    },
    /// A stanza of a component stream that was too large, and was skipped.
    Oversized {
        /// The stream.
        link: LinkId,
        /// Its start tag, of what tells whose it was.
        head: Bytes,
    },
    /// A message that an earlier process left without an outcome.
    Recovered(Box<Unfinished>),
    /// A component stream is authenticated, or gone.
    Link {
        /// The stream.
        link: LinkId,
        /// What happened to it.
        change: LinkChange,
    },
    /// A deadline that [`Effect`]s asked for has passed.
    Timer,
    /// Records are on disk, or the gateway goes on without them.
    Committed(CommitId),
    /// The store was lost and a new one begun: all that is known must be written.
    StoreLost,
    /// A connection was closed; what it carried may have been lost.
    Closed {
        /// The address.
        remote: SocketAddr,
        /// The transport.
        transport: Transport,
    },
    /// The DNS answered.
    Resolved {
        /// The question.
        query: Query,
        /// The answer.
        answer: Answer,
    },
    /// New mapping rules.
    Rules(Arc<Rules>),
    /// Something of an earlier pass that must be asked again.
    Followup(Followup),
    /// Stop taking on new work: the process is about to end.
    Drain,
    /// The gateway is taken out of service: it shows nothing any more, and takes on nothing.
    Retire,
    /// Remove a SIP user, by the bare JID: XMPP users who let them see their presence are told.
    Remove(xmpp::Jid),
}

/// What happened to a component stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkChange {
    /// The handshake succeeded.
    Up,
    /// The stream is gone.
    Down {
        /// Why, in words for an operator.
        reason: String,
        /// Whether the server closed it with a stream error: one of our stanzas may be the cause.
        stream_error: bool,
    },
}
