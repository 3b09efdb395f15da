//! The carriers: what enters the core, what each stage hands to the next, what leaves.
//!
//! One input makes one pass: [`Input`] → route → [`Routed`] → translate → [`Intent`] → state →
//! [`Effect`]s. What must be asked again comes round as an [`Input`] of its own.

mod again;
mod effect;
mod event;
mod map;
mod message;
mod time;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;

pub use again::{Again, Failure};
pub use effect::{CommitId, Effect, Hop, Record};
pub use event::{Correlation, Event};
pub use map::{Map, Seed};
pub use message::{Inbound, Outbound, Profile, Refusal, Rendered};
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
    /// One stanza of a component stream.
    Xmpp {
        /// The stream.
        link: LinkId,
        /// The stanza's octets.
        octets: Bytes,
        /// What the stream's header declared.
        context: Arc<xmpp::StreamContext>,
    },
    /// A component stream is authenticated, or gone.
    Link {
        /// The stream.
        link: LinkId,
        /// What happened to it.
        change: LinkChange,
    },
    /// A deadline that [`Effect`]s asked for has passed.
    Timer,
    /// Records are on disk.
    Committed(CommitId),
    /// A peer's name was looked up; an empty list is a failure.
    Resolved {
        /// The peer.
        peer: PeerId,
        /// Its addresses in order of preference.
        addresses: Vec<IpAddr>,
    },
    /// New mapping rules.
    Rules(Arc<Rules>),
    /// Something of an earlier pass that must be asked again.
    Again(Again),
    /// Stop taking on new work: the process is about to end.
    Drain,
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
        refusal: Refusal,
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
        /// The message that was sent, unless the request was the gateway's own.
        outbound: Option<Box<Outbound>>,
        /// The response.
        response: Box<sip::Response>,
        /// The new address that a redirection names, as an IRI.
        contact: Option<xmpp::Text>,
    },
    /// A message from an XMPP user for a SIP user.
    Outbound {
        /// The message, addressed.
        outbound: Box<Outbound>,
        /// The delivery that it belongs to, when this is not the first attempt.
        again: Option<DeliveryId>,
    },
    /// A delivery that failed inside the gateway or by a deadline.
    Failed {
        /// The delivery.
        delivery: DeliveryId,
        /// The message.
        outbound: Box<Outbound>,
        /// How it failed.
        failure: Failure,
    },
    /// The server or the recipient gave back a stanza that is not confirmed yet.
    Bounce {
        /// The stream.
        link: LinkId,
        /// The stanza's place in the stream.
        sequence: u64,
        /// Whether it was addressed to a full JID.
        to_full: bool,
        /// The error.
        error: xmpp::StanzaError,
        /// The new address that it names, as a SIP user would reach it.
        contact: Option<sip::Uri>,
    },
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
    },
    /// A stanza that is answered with an error.
    Refused {
        /// The stream.
        link: LinkId,
        /// The stanza.
        stanza: Box<xmpp::Stanza>,
        /// The error.
        error: xmpp::StanzaError,
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
    /// Nothing to do but count.
    Drop(Counter),
    /// An input that concerns state alone.
    State(Input),
}

/// What is to be done: the only thing that changes state.
#[derive(Debug)]
pub enum Intent {
    /// Answer a request without keeping anything.
    Answer {
        /// Where it came from.
        flow: Flow,
        /// The request.
        request: Box<sip::Request>,
        /// The answer.
        refusal: Refusal,
    },
    /// Send the octets of an answer.
    Octets {
        /// Where to.
        hop: Hop,
        /// The octets.
        octets: Bytes,
        /// The status in them.
        status: u16,
    },
    /// A request that was taken on before came again.
    Retransmission {
        /// Where it came from.
        flow: Flow,
        /// The transaction.
        key: u64,
        /// The request.
        request: Box<sip::Request>,
    },
    /// Hand a stanza to the XMPP server and answer the request when it has arrived.
    Deliver {
        /// The request with its addresses.
        inbound: Box<Inbound>,
        /// The stanza.
        stanza: Box<xmpp::Message>,
    },
    /// Send a MESSAGE.
    Send {
        /// The message.
        outbound: Box<Outbound>,
        /// Its form on the wire.
        rendered: Rendered,
        /// The delivery that it belongs to, when this is not the first attempt.
        again: Option<DeliveryId>,
    },
    /// A provisional response came.
    Proceeding {
        /// The client transaction.
        branch: u64,
    },
    /// A final response came; what it means for the message.
    Settle {
        /// The client transaction.
        branch: u64,
        /// The outcome.
        outcome: Outcome,
        /// The status, for the target's queue and the counters.
        status: u16,
    },
    /// A delivery ends without a response.
    Fail {
        /// The delivery.
        delivery: DeliveryId,
        /// What the sender is told.
        answer: Box<xmpp::Stanza>,
        /// How it failed.
        failure: Failure,
    },
    /// A bounce decides the SIP sender's final response.
    Bounced {
        /// The stream.
        link: LinkId,
        /// The stanza's place in the stream.
        sequence: u64,
        /// The final response; `None` when the error says that the stanza was processed.
        refusal: Option<Refusal>,
    },
    /// Everything before the barrier has arrived.
    Confirmed {
        /// The stream.
        link: LinkId,
        /// The answer to the senders.
        success: sip::Status,
    },
    /// Write a stanza that nobody waits for.
    Reply {
        /// The stream.
        link: LinkId,
        /// The stanza.
        stanza: Box<xmpp::Stanza>,
        /// What to count.
        counter: Counter,
    },
    /// Nothing to do but count.
    Drop(Counter),
    /// An input that concerns state alone.
    State(Input),
}

/// What a final response means for the message it answers.
#[derive(Debug)]
pub enum Outcome {
    /// A 2xx: nothing is told to the sender (RFC 7247 §7).
    Taken,
    /// The target does not take this form: once more in another one.
    Retry {
        /// The other form.
        profile: Profile,
        /// How long the target is remembered to want it.
        remember: std::time::Duration,
    },
    /// The sender gets an error stanza.
    Failed(Box<xmpp::Stanza>),
    /// The request was the gateway's own.
    Own,
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// What the gateway counts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Counter {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Counter {
            /// All counters in the order of their names here.
            pub const ALL: &'static [Counter] = &[$(Counter::$variant,)+];

            /// The name under which `stox status` shows it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Counter::$variant => $name,)+ }
            }
        }
    };
}

counters! {
    /// Messages from SIP that the XMPP server has.
    InboundConfirmed = "sip_to_xmpp_confirmed",
    /// Messages from SIP that an XMPP error ended.
    InboundBounced = "sip_to_xmpp_bounced",
    /// Messages from SIP that were not confirmed in time.
    InboundUnconfirmed = "sip_to_xmpp_unconfirmed",
    /// Messages from SIP refused because a link is down or full.
    InboundUnavailable = "sip_to_xmpp_unavailable",
    /// Messages from XMPP that a 2xx ended.
    OutboundTaken = "xmpp_to_sip_taken",
    /// Messages from XMPP whose senders were told of a failure.
    OutboundFailed = "xmpp_to_sip_failed",
    /// Messages from XMPP sent once more in another form.
    OutboundRetried = "xmpp_to_sip_retried",
    /// SIP requests answered without state: refusals and OPTIONS.
    SipAnswered = "sip_answered",
    /// SIP requests that came again and were answered again.
    SipRetransmitted = "sip_retransmissions_received",
    /// SIP requests that the gateway sent again.
    SipRetransmissions = "sip_retransmissions_sent",
    /// Keep-alives of streams and datagrams without a message.
    SipKeepAlive = "sip_keep_alives",
    /// SIP messages that could not be read.
    SipMalformed = "sip_malformed",
    /// SIP responses that belong to no transaction.
    SipStray = "sip_stray_responses",
    /// Requests from addresses that are no peer's.
    SipUntrusted = "sip_untrusted",
    /// Stanzas that could not be read.
    XmppMalformed = "xmpp_malformed",
    /// Stanzas answered with an error.
    XmppRefused = "xmpp_refused",
    /// Error stanzas that belong to nothing known.
    XmppStrayError = "xmpp_stray_errors",
    /// Messages without a body: chat states, receipts, markers.
    XmppBodiless = "xmpp_without_body",
    /// Wrapped copies and forwarded messages.
    XmppWrapped = "xmpp_wrapped_copies",
    /// Presence stanzas that have no meaning here.
    XmppPresence = "xmpp_presence",
    /// Requests for information answered.
    XmppQuery = "xmpp_queries",
    /// Results and errors of requests that the gateway did not make.
    XmppStrayResult = "xmpp_stray_results",
    /// Stanzas written again after a link was lost.
    Replayed = "xmpp_replayed",
    /// Stanzas put aside since they closed a stream twice.
    Quarantined = "xmpp_quarantined",
}
