//! What translation hands to state.

use bytes::Bytes;

use super::{
    Correlation, Counter, DeliveryId, DialogId, EncryptionReport, Evidence, Failure, Flow, Hop,
    Inbound, Input, LinkId, LocalResponse, NotifyRequest, Origin, Outbound, PairId, PresenceBody,
    PresenceStanza, Profile, Rendered, SecuredNotify, SubscribeRequest, SubscriptionResponse,
};
use crate::codec::{sip, xmpp};

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
        refusal: LocalResponse,
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
        /// Where it comes from.
        origin: Origin,
    },
    /// A message of an earlier process ends without a word.
    Abandon(DeliveryId),
    /// A provisional response came.
    Proceeding {
        /// The client transaction.
        branch: u64,
    },
    /// The request goes once more, with credentials.
    Authorize {
        /// The client transaction.
        branch: u64,
        /// What the peer asks for.
        asked: Vec<sip::Asked>,
    },
    /// A final response came; what it means for the message.
    Settle {
        /// The client transaction.
        branch: u64,
        /// The outcome.
        outcome: Outcome,
        /// The status, for the target's queue and the counters.
        status: u16,
        /// Whether it says that the target does not read objects.
        refuses_object: bool,
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
        refusal: Option<LocalResponse>,
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
    /// The server sent a message of the gateway's own back to it: nothing is done but to tell.
    CameBack(Correlation),
    /// A device of an XMPP user went away.
    Departed(xmpp::Jid),
    /// Something about presence.
    Presence(PresenceIntent),
    /// Nothing to do but count.
    Drop(Counter),
    /// Both, in this order.
    Both(Box<[Intent; 2]>),
    /// An input that concerns state alone.
    State(Input),
    /// Note end-to-end encryption that was met.
    Flag(Box<EncryptionReport>),
    /// Note what a message shows of its sender's user agent.
    Learn(Box<Evidence>),
}

/// What is to be done about presence.
#[derive(Debug)]
pub enum PresenceIntent {
    /// A presence stanza for a SIP user.
    Presented(Box<PresenceStanza>),
    /// A NOTIFY in a subscription of ours.
    Notified(Box<NotifyRequest>),
    /// A SUBSCRIBE for an XMPP user.
    Subscribing(Box<SubscribeRequest>),
    /// A SUBSCRIBE or NOTIFY of ours has its final response.
    Answered(Box<SubscriptionResponse>),
    /// A SUBSCRIBE to the SIP user's presence goes out.
    Subscribe {
        /// The pair.
        pair: PairId,
        /// The dialog.
        dialog: DialogId,
        /// Its Expires.
        seconds: u32,
        /// The media types that are read.
        accept: String,
    },
    /// An object goes to watchers.
    Object(Box<SecuredNotify>),
    /// Documents for watchers are written; `None` for a NOTIFY without one.
    Notify(PairId, Vec<(Vec<DialogId>, Option<PresenceBody>)>),
}

/// What a final response means for the message it answers.
#[derive(Debug)]
pub enum Outcome {
    /// The target does not take this form: once more in another one.
    Retry {
        /// The other form.
        profile: Profile,
    },
    /// The sender gets an error stanza.
    Failed(Box<xmpp::Stanza>),
    /// Nobody is told anything: a 2xx (RFC 7247 §7), or the request was the gateway's own.
    Silent,
}
