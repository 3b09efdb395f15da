//! The client transactions with their owners and octets.

use bytes::Bytes;
use memchr::memmem;

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
        let call_id = format!("\r\nCall-ID: {}\r\n", response.call_id.as_str());
        let cseq = format!("\r\nCSeq: {}\r\n", response.cseq);
        [call_id, cseq].iter().all(|line| memmem::find(&self.octets, line.as_bytes()).is_some())
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
