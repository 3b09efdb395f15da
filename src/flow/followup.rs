//! What comes round again as an input of its own.

use super::{DeliveryId, DialogId, LinkId, PairId};
use crate::codec::xmpp::Presence;

/// What must pass all stages once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followup {
    /// Its turn has come, or its form must change: address it, put it in the form that is now
    /// right for its target, send it.
    Send(DeliveryId),
    /// It failed without a response: find the words for its sender.
    Fail(DeliveryId, Failure),
    /// Watchers must be told the presence of the XMPP user: write the documents.
    Notify(PairId, Vec<DialogId>),
    /// The turn of an object has come.
    Object(PairId, DialogId),
    /// An object did not reach the SIP user: find the words for its sender.
    Lost(LinkId, Box<Presence>, Failure),
    /// A SUBSCRIBE of the XMPP user is due, with this Expires: find out what types it accepts.
    Subscribe(PairId, DialogId, u32),
    /// A request of a subscription could not be sent, since there is no way to SIP or since it is
    /// too large.
    Unsent(Option<(PairId, DialogId)>, Failure),
}

/// How a delivery failed without a response of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No final response within Timer F (RFC 3261 §17.1.2.2), treated as 408.
    Timeout,
    /// The transport failed (RFC 3261 §8.1.3.1), treated as 503.
    Unreachable,
    /// A message before it in the queue of the same target got this status.
    Behind(u16),
    /// The request would exceed the bound of RFC 3428 §8.
    TooLarge,
    /// A queue is full.
    QueueFull,
    /// Its sender has as many messages on their way as one sender may have.
    ShareFull,
    /// No peer's address is known.
    NoPeer,
    /// An earlier process sent it too long ago to find out what became of it.
    Unknown,
    /// It waited for longer than an object may (RFC 3923 §6.9).
    Stale,
    /// No subscription takes the object any more.
    NoWatcher,
    /// Another device sent a later object before its turn came.
    Replaced,
}

impl Failure {
    /// What an operator reads.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Failure::Timeout => "SIP did not answer",
            Failure::Unreachable => "the SIP peer cannot be reached",
            Failure::Behind(_) => "the message before it found the target dead",
            Failure::TooLarge => "the request would be too large",
            Failure::QueueFull => "a queue is full",
            Failure::ShareFull => "its sender has too many messages on their way",
            Failure::NoPeer => "no SIP peer's address is known",
            Failure::Unknown => "a restart left its outcome unknown",
            Failure::Replaced => "another device sent a later secured object",
            Failure::NoWatcher => "no subscription takes the secured object any more",
            Failure::Stale => "a secured object was not sent within 5 minutes",
        }
    }
}
