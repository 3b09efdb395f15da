//! What outlives the process of a message on its way to SIP.

use std::net::SocketAddr;

use bytes::Bytes;

use super::{DeliveryId, Part};
use crate::config::Transport;

/// One step of a message, in the order of its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// It was taken over from the XMPP server.
    Taken(DeliveryId, Taken),
    /// This part of it is next: those before it were taken.
    Part(DeliveryId, Part),
    /// A request carries it, or its part.
    Sent(DeliveryId, Sent),
    /// Its outcome is known, and who had to be told was told.
    Ended(DeliveryId),
}

/// A message as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The stanza, whole in itself.
    pub stanza: Bytes,
    /// The language of its stream (RFC 6120 §4.7.4); empty for none.
    pub lang: Bytes,
    /// When it came: milliseconds since 1970.
    pub unix_ms: u64,
}

/// The request that carries a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its octets.
    pub octets: Bytes,
    /// Where it went.
    pub transport: Transport,
    /// Where it went.
    pub remote: SocketAddr,
    /// When it went first: milliseconds since 1970.
    pub unix_ms: u64,
}

/// A message that an earlier process left without an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The delivery, as the journal knows it.
    pub delivery: DeliveryId,
    /// The message.
    pub taken: Taken,
    /// The part of it that is next, where it goes in parts.
    pub part: Option<Part>,
    /// The last request that carried it, or that part, if any did.
    pub sent: Option<Sent>,
}

/// Where an outgoing message comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// From the XMPP server, just now.
    New(Taken),
    /// It was taken on before, and has its turn or needs another form.
    Again(DeliveryId),
    /// An earlier process left it.
    Recovered(DeliveryId, Option<Sent>),
}
