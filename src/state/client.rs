//! The client transactions with their owners and octets.

use bytes::Bytes;

use super::locator::Target;
use super::transaction::client::NonInviteClient;
use crate::codec::sip::Response;
use crate::flow::{Counter, DeliveryId, DialogId, Hop, PairId, PeerId};

/// Whose request a client transaction carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A message.
    Delivery(DeliveryId),
    /// OPTIONS to a server of a peer.
    Options(PeerId, Target),
    /// SUBSCRIBE for a pair, in a dialog.
    Subscribe(PairId, DialogId),
    /// NOTIFY for a pair, in a dialog.
    Notify(PairId, DialogId),
    /// NOTIFY with an object.
    Object(PairId, DialogId),
}

impl Owner {
    /// The subscription whose request it is.
    #[must_use]
    pub fn dialog(self) -> Option<(PairId, DialogId)> {
        match self {
            Owner::Subscribe(pair, dialog)
            | Owner::Notify(pair, dialog)
            | Owner::Object(pair, dialog) => Some((pair, dialog)),
            Owner::Delivery(_) | Owner::Options(..) => None,
        }
    }

    /// The method of the request.
    #[must_use]
    pub fn method(self) -> &'static str {
        match self {
            Owner::Delivery(_) => "MESSAGE",
            Owner::Options(..) => "OPTIONS",
            Owner::Subscribe(..) => "SUBSCRIBE",
            Owner::Notify(..) | Owner::Object(..) => "NOTIFY",
        }
    }
}

/// What was tried for a request of a subscription.
#[derive(Debug, Clone, Default)]
pub struct Attempt {
    /// The servers that did not take care of it.
    pub tried: Vec<Target>,
    /// The realms whose challenge was answered.
    pub realms: Vec<String>,
    /// Whether it was counted as sent.
    pub counted: bool,
}

/// A request whose connection was lost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lost {
    /// Whether it was repeated, and the next loss is its end.
    pub repeated: bool,
    /// Whether the connection may have been closed for this request.
    pub suspected: bool,
}

/// A client transaction with its octets.
#[derive(Debug)]
pub struct Client {
    /// Whose request it is.
    pub owner: Owner,
    /// The peer that it goes to.
    pub peer: PeerId,
    /// The way that it goes.
    pub hop: Hop,
    /// The request.
    pub octets: Bytes,
    /// How many transactions began before it.
    pub number: u64,
    /// What became of the connections that it went by.
    pub lost: Lost,
    /// What was tried before, for requests of subscriptions.
    pub attempt: Attempt,
    /// Whether it has a place among the NOTIFYs that are under way to the peer.
    pub place: bool,
    /// Whether it waits for a record to be on disk, and was not sent yet: its timers begin when it
    /// leaves, and nothing repeats or reroutes it before.
    pub unsent: bool,
    pub(super) machine: NonInviteClient,
}

impl Client {
    /// What to count now that a request of a subscription has left; it is counted once, however
    /// often it is sent.
    pub fn leaves(&mut self) -> Option<Counter> {
        let counter = match self.owner {
            Owner::Subscribe(..) => Counter::SubscribeSent,
            Owner::Notify(..) | Owner::Object(..) => Counter::NotifySent,
            Owner::Delivery(_) | Owner::Options(..) => return None,
        };
        (!std::mem::replace(&mut self.attempt.counted, true)).then_some(counter)
    }

    /// Whether the fields of a response are those of the request: its Call-ID, and its CSeq with the
    /// method (RFC 3261 §8.2.6.2, §17.1.3).
    #[must_use]
    pub fn is_answered_by(&self, response: &Response) -> bool {
        let call_id = |value: &[u8]| value == response.call_id.as_bytes();
        let cseq = |value: &[u8]| value == response.cseq.to_string().as_bytes();
        self.field(b"Call-ID: ").is_some_and(call_id) && self.field(b"CSeq: ").is_some_and(cseq)
    }

    /// The value of a header field of the request, as the gateway writes it.
    fn field(&self, name: &[u8]) -> Option<&[u8]> {
        let mut rest = &*self.octets;
        while let Some((line, behind)) = memchr::memchr(b'\n', rest).map(|at| rest.split_at(at + 1))
        {
            if let Some(value) = line.strip_prefix(name) {
                return value.strip_suffix(b"\r\n");
            }
            if line == b"\r\n" {
                return None;
            }
            rest = behind;
        }
        None
    }

    /// The delivery that it carries; none for the gateway's own requests.
    #[must_use]
    pub fn delivery(&self) -> Option<DeliveryId> {
        match self.owner {
            Owner::Delivery(id) => Some(id),
            Owner::Options(..) | Owner::Subscribe(..) | Owner::Notify(..) | Owner::Object(..) => {
                None
            }
        }
    }
}
