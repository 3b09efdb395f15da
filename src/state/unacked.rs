//! A stanza on its way over a component link, and what becomes of it.

use super::outgoing::Measured;
use crate::flow::{Correlation, DeliveryId, Instant};

/// A stanza that the server has perhaps not got yet.
#[derive(Debug, Clone)]
pub struct UnackedStanza {
    /// Its place in the order of the link.
    pub sequence: u64,
    /// Its id.
    pub id: String,
    /// Its octets: a replay repeats them.
    pub octets: Measured,
    /// Who waits for it.
    pub waiter: Waiter,
    /// Whether it is addressed to a full JID.
    pub to_full: bool,
    /// Joins the log lines of both legs.
    pub correlation: Correlation,
    /// Whether it was ever written.
    pub written: bool,
    /// When its sender is told that it did not arrive; nobody is told of an answer.
    pub(super) deadline: Option<Instant>,
}

/// Who waits for a stanza to arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiter {
    /// The server transaction of a request from SIP.
    Request(u64),
    /// Nobody: it tells an XMPP user what became of a message.
    Answer(DeliveryId),
    /// Nobody at all: it is about a subscription.
    Nobody,
    /// Nobody, and it is of no use once the link was lost: it waits for its turn behind what is
    /// tried alone, or is tried alone itself. With its fingerprint.
    Passing(u64),
}

/// What to do for a link.
#[derive(Debug, Clone)]
pub enum Action {
    /// Write these octets; `replay` when they were written before.
    Write {
        /// The octets.
        octets: Measured,
        /// Whether the server may have them already.
        replay: bool,
    },
    /// Write a new barrier.
    Barrier,
    /// The link does not answer: close it and open it anew.
    Dead,
}

/// How a held stanza ended without a confirmation.
#[derive(Debug)]
pub enum Ended {
    /// It was written and not confirmed in time.
    Unconfirmed(UnackedStanza),
    /// It was never written: the link is down.
    Unwritten(UnackedStanza),
    /// It closed the stream twice.
    Quarantined(UnackedStanza),
}
