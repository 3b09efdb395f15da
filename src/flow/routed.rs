//! What routing hands to translation.

use bytes::Bytes;

use super::{
    BodyRequest, Challenge, Correlation, Counter, DeliveryId, Device, DialogId, Evidence, Failure,
    Flow, Hop, Inbound, Input, LinkId, LocalResponse, NotifyRequest, Origin, Outbound, Parties,
    SubscribeRequest, UserPair, Watchers,
};
use crate::codec::xml;
use crate::codec::{sip, xmpp};
use crate::rules::Saying;

/// What the routing stage found out about an input. Nothing is changed yet.
#[derive(Debug)]
pub enum Routed {
    /// A request that the gateway answers by itself, without any state.
    Answer {
        /// Where the answer goes.
        flow: Flow,
        /// The request.
        request: Box<sip::Request>,
        /// The answer.
        refusal: LocalResponse,
    },
    /// Octets that are not a legal request, with the answer made from what could be read.
    Malformed {
        /// Where the answer goes.
        hop: Hop,
        /// The answer's octets.
        answer: Bytes,
        /// The status in it.
        status: u16,
    },
    /// A request that was taken on before, by its transaction key.
    Retransmission {
        /// Where it came from.
        flow: Flow,
        /// The transaction.
        key: u64,
        /// The request, from which a finished transaction's response is made again.
        request: Box<sip::Request>,
    },
    /// A MESSAGE from a peer for an XMPP user.
    Inbound(Box<Inbound>),
    /// A response to a request of ours.
    Response {
        /// The client transaction.
        branch: u64,
        /// The message that was sent; none for a success, and for the gateway's own requests.
        outbound: Option<Box<Outbound>>,
        /// The response.
        response: Box<sip::Response>,
        /// The new address that a redirection names, as an IRI.
        contact: Option<xml::Text>,
        /// Whether the SIP user was there before.
        seen: bool,
    },
    /// The peer asks for credentials, and there are some.
    Challenged {
        /// The client transaction.
        branch: u64,
        /// What it asks for.
        asked: Vec<sip::Asked>,
    },
    /// A message from an XMPP user for a SIP user.
    Outbound {
        /// The message, addressed.
        outbound: Box<Outbound>,
        /// Where it comes from.
        origin: Origin,
    },
    /// A message of an earlier process that cannot be carried any more.
    Abandoned(DeliveryId),
    /// A delivery that failed inside the gateway or by a deadline.
    Failed {
        /// The delivery.
        delivery: DeliveryId,
        /// The message.
        outbound: Box<Outbound>,
        /// How it failed.
        failure: Failure,
        /// Whether the SIP user was there before.
        seen: bool,
    },
    /// The server or the recipient gave back a stanza that is not confirmed yet.
    Bounce {
        /// The stream.
        link: LinkId,
        /// The stanza's place in the stream.
        sequence: u64,
        /// What came back, and of what.
        returned: Box<Returned>,
    },
    /// The server sent a message of the gateway's own back to it.
    CameBack(Correlation),
    /// The reply to a barrier: everything before it has arrived.
    Barrier {
        /// The stream.
        link: LinkId,
    },
    /// A request for information that the gateway answers for itself or one of its users.
    Query {
        /// The stream.
        link: LinkId,
        /// The request.
        iq: Box<xmpp::Iq>,
        /// The JID of the SIP address that it names, if it names one that is served.
        named: Option<xmpp::Jid>,
    },
    /// A stanza that is answered with an error.
    Refused {
        /// The stream.
        link: LinkId,
        /// The stanza.
        stanza: Box<xmpp::Stanza>,
        /// The error, and what is said of it.
        refused: (xmpp::Condition, Saying),
        /// Why, for the counters.
        counter: Counter,
    },
    /// A stanza that cannot be read.
    Unreadable {
        /// The stream.
        link: LinkId,
        /// The component's own address, which answers.
        own: xmpp::Jid,
        /// What could be read.
        malformed: Box<xmpp::Malformed>,
    },
    /// A device of an XMPP user went away.
    Departed(xmpp::Jid),
    /// Something about presence.
    Presence(PresenceRouted),
    /// A message that shows something new of its sender's user agent, beside what else it is.
    Learnt(Box<Evidence>, Box<Routed>),
    /// Nothing to do but count.
    Drop(Counter),
    /// An input that concerns state alone.
    State(Input),
    /// A presence that holds an object for one watcher (RFC 3923 §4).
    SecuredPresence {
        /// The stream.
        link: LinkId,
        /// Joins the log lines.
        correlation: Correlation,
        /// The stanza.
        presence: Box<xmpp::Presence>,
        /// The SIP users who watch the sender; none where the gateway does not serve both users.
        sight: Option<Box<Watchers>>,
    },
}

/// A final response to a SUBSCRIBE or NOTIFY of ours.
#[derive(Debug)]
pub struct Responded {
    /// The two users, while they are known.
    pub pair: Option<UserPair>,
    /// The peer that the request went to, where a rule asks for it.
    pub peer: Option<xml::Text>,
    /// The method of the request.
    pub method: &'static str,
    /// The client transaction.
    pub branch: u64,
    /// The response.
    pub response: Box<sip::Response>,
    /// The new address that a redirection names, as an IRI.
    pub contact: Option<xml::Text>,
    /// The stanza of the XMPP user, if the request carried an object of it.
    pub secured: Option<Box<xmpp::Presence>>,
    /// The language of the XMPP user's request.
    pub lang: Option<Box<str>>,
    /// Whether the SIP user was there before.
    pub seen: bool,
}

/// A stanza that was given back, and the message that it was made of.
#[derive(Debug)]
pub struct Returned {
    /// Whether it was addressed to a full JID.
    pub to_full: bool,
    /// The error.
    pub error: xmpp::StanzaError,
    /// The new address that it names, as a SIP user would reach it.
    pub contact: Option<sip::Uri>,
    /// What a refusal for want of credentials asks the sender for.
    pub challenge: Challenge,
    /// Whose message it is.
    pub parties: Parties,
    /// Whether the stanza was an object of RFC 3923.
    pub object: bool,
    /// The languages that its sender reads, with commas between them.
    pub languages: Option<Box<str>>,
}

/// What the routing stage found out about presence.
#[derive(Debug)]
pub enum PresenceRouted {
    /// A presence stanza for a SIP user.
    Stanza {
        /// The two users.
        pair: UserPair,
        /// The stanza.
        presence: Box<xmpp::Presence>,
    },
    /// A NOTIFY in a subscription of ours; its document is not read yet.
    Notify {
        /// The request, with no document.
        notified: Box<NotifyRequest>,
        /// What the XMPP user was shown before.
        before: Vec<Device>,
    },
    /// A SUBSCRIBE for an XMPP user.
    Subscribe(Box<SubscribeRequest>),
    /// A SUBSCRIBE to the SIP user's presence is due.
    Asking {
        /// The two users.
        pair: UserPair,
        /// Whether both domains have the same name on both sides.
        native: bool,
        /// The dialog.
        dialog: DialogId,
        /// Its Expires.
        seconds: u32,
    },
    /// A final response to a SUBSCRIBE or NOTIFY of ours.
    Response(Box<Responded>),
    /// An object did not reach the SIP user.
    Lost {
        /// The stream that it came by.
        link: LinkId,
        /// The stanza of the XMPP user, without all that was in it.
        stanza: Box<xmpp::Presence>,
        /// Why.
        failure: Failure,
    },
    /// Watchers must be told the presence of the XMPP user.
    Render {
        /// The pair.
        pair: UserPair,
        /// What each subscription of the SIP user is to be told.
        renderings: Vec<BodyRequest>,
    },
}
