//! What an operator reads in the log: ids, addresses and statuses; never a body or a secret.

use std::fmt;

use super::{DeliveryId, EncryptionFound, LinkId, PeerId};

/// Joins the log lines of both legs of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Correlation(pub u64);

impl fmt::Display for Correlation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Something worth a log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A component stream serves.
    LinkUp(LinkId),
    /// A component stream is gone.
    LinkDown(LinkId, String),
    /// A stanza closed its stream twice and was put aside.
    Quarantined {
        /// The stream.
        link: LinkId,
        /// The stanza's message.
        correlation: Correlation,
        /// What kind of stanza it is, from whom and to whom.
        stanza: String,
    },
    /// Something is too large to go out.
    TooLarge {
        /// What it is: a kind, not a sender.
        what: &'static str,
        /// Its octets.
        octets: usize,
        /// The octets that it may have.
        most: usize,
        /// Whether it went in a shorter form; otherwise it was dropped.
        cut: bool,
    },
    /// A SIP request closed its connection twice and was put aside.
    ClosedTwice {
        /// The server.
        remote: std::net::SocketAddr,
        /// The octets of the request.
        octets: usize,
    },
    /// A peer answers again.
    PeerUp(PeerId),
    /// A peer does not answer, or says that it is out of service.
    PeerDown(PeerId, &'static str),
    /// A server of a peer takes no TCP: for five minutes large requests go to it by UDP.
    WithoutTcp(PeerId, std::net::SocketAddr),
    /// A message was taken from one side and handed to the other.
    Carried {
        /// The message.
        correlation: Correlation,
        /// Its direction and addresses: written only when such lines are wanted.
        route: String,
    },
    /// A message ended.
    Ended {
        /// The message.
        correlation: Correlation,
        /// How.
        outcome: String,
        /// Whether it failed: its line is not displaced by those of messages that arrived.
        failed: bool,
    },
    /// A message that an earlier process left cannot be carried, nor its sender told.
    Abandoned(DeliveryId),
    /// The XMPP server sent a message of the gateway's own back to it, which was dropped.
    CameBack(Correlation),
    /// A SIP request was answered with a failure.
    Refused {
        /// The address it came from.
        remote: std::net::SocketAddr,
        /// What was answered.
        outcome: String,
    },
    /// End-to-end encryption was met.
    Encrypted(Box<EncryptionFound>),
}
