//! Presence between the stages, in both directions.

use std::sync::Arc;

use super::{Correlation, Device, EncryptionReport, Flow, LinkId, LocalResponse};
use crate::codec::sip::{Event, Headers, Request, Subscription, Uri};
use crate::codec::xml::Text;
use crate::codec::xmpp::{self, Jid, StanzaError};
use crate::rules::{self, Direction};

/// A pair, by the keyed hash of its two bare JIDs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PairId(pub u64);

/// A dialog of ours, by the keyed hash of its Call-ID and our tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DialogId(pub u64);

/// A SIP user and an XMPP user, as both sides know them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPair {
    /// Its name in the tables.
    pub id: PairId,
    /// The stream that the SIP user's stanzas go by.
    pub link: LinkId,
    /// The SIP user: a bare JID.
    pub sip_user: Jid,
    /// The XMPP user: a bare JID.
    pub xmpp_user: Jid,
    /// The SIP user's address of record.
    pub sip_user_uri: Uri,
    /// The XMPP user's address, as SIP users know it.
    pub xmpp_user_uri: Uri,
}

/// A presence stanza for a SIP user, addressed.
#[derive(Debug)]
pub struct PresenceStanza {
    /// The two users.
    pub pair: UserPair,
    /// The device that it is from; none where only the user spoke.
    pub resource: Option<Text>,
    /// The device of the SIP user that it is for.
    pub to_resource: Option<Text>,
    /// Its id.
    pub id: Option<Text>,
    /// Its language.
    pub lang: Option<Text>,
    /// What it says.
    pub content: StanzaContent,
}

/// What a presence stanza says.
#[derive(Debug)]
pub enum StanzaContent {
    /// The XMPP user asks to see the SIP user (`subscribe`, RFC 6121 §3.1.1).
    Subscribe,
    /// The XMPP user lets the SIP user see them (`subscribed`, RFC 6121 §3.1.4).
    Subscribed,
    /// The XMPP user gives up to see the SIP user (`unsubscribe`, RFC 6121 §3.3.1).
    Unsubscribe,
    /// The SIP user may not see the XMPP user, or not any more (`unsubscribed`, RFC 6121 §3.2.1).
    Unsubscribed,
    /// The XMPP user's server asks for the SIP user's presence (`probe`, RFC 6121 §4.3).
    Probe,
    /// A device of the XMPP user is there (RFC 6121 §4.4).
    Available(Device),
    /// A device of the XMPP user is gone (RFC 6121 §4.5).
    Unavailable(Device),
    /// A stanza that was sent to the XMPP user came back as an error.
    Failed {
        /// What that means for the SIP user's request to see the XMPP user.
        meaning: StanzaErrorMeaning,
        /// Whether the XMPP user's domain is out of reach.
        out_of_reach: bool,
    },
}

/// What an error means for what was asked (RFC 6665 §4.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StanzaErrorMeaning {
    /// It may work later.
    Probation,
    /// There is no such user.
    NoResource,
    /// The user is not allowed to ask.
    Rejected,
    /// Nothing: the question stays open.
    Nothing,
}

/// A NOTIFY in a subscription of ours.
#[derive(Debug)]
pub struct NotifyRequest {
    /// Where it came from.
    pub flow: Flow,
    /// Its transaction key.
    pub key: u64,
    /// The request.
    pub request: Box<Request>,
    /// The two users.
    pub pair: UserPair,
    /// The peer that it came from, where a rule asks for it.
    pub peer: Option<Text>,
    /// The subscription.
    pub dialog: DialogId,
    /// Subscription-State.
    pub state: Subscription,
    /// Where further requests go (RFC 3261 §12.2.2).
    pub contact: Option<Uri>,
    /// What its body says.
    pub document: Document,
    /// Joins the log lines of both legs.
    pub correlation: Correlation,
    /// The id of a stanza that an object in it becomes: the same for every copy of this request.
    pub id: String,
    /// Whether both domains have the same name on both sides.
    pub native: bool,
    /// Octets that a stanza may have.
    pub max_stanza_octets: usize,
    /// What was met of encryption in its body.
    pub flag: Option<Box<EncryptionReport>>,
}

/// What the body of a NOTIFY says.
#[derive(Debug)]
pub enum Document {
    /// There is none.
    None,
    /// It cannot be taken; what is known stays.
    Refused(LocalResponse),
    /// It has tuples, and none of them is valid (RFC 3863 §4.1.2); what is known stays.
    Invalid,
    /// The complete state.
    Full {
        /// All devices that it knows.
        devices: Vec<Device>,
        /// What is new in it, for the XMPP user.
        stanzas: Vec<xmpp::Presence>,
        /// Whether its entity is another than who was asked for (RFC 3863 §4.1.1).
        foreign: bool,
    },
    /// An object of RFC 3923, which crosses as it is: nothing is known of what it says.
    Object(Box<xmpp::Presence>),
}

/// A SUBSCRIBE for an XMPP user's presence.
#[derive(Debug)]
pub struct SubscribeRequest {
    /// Where it came from.
    pub flow: Flow,
    /// Its transaction key.
    pub key: u64,
    /// Its merge key (RFC 3261 §8.2.2.2).
    pub merge_key: u64,
    /// The request.
    pub request: Box<Request>,
    /// The two users.
    pub pair: UserPair,
    /// The dialog that it is in; none for a new one.
    pub dialog: Option<DialogId>,
    /// The event.
    pub event: Event,
    /// Seconds that it asks for.
    pub expires: u32,
    /// Where NOTIFYs go.
    pub contact: Uri,
    /// What who asks is called.
    pub nick: Option<Text>,
}

/// What came of a SUBSCRIBE or NOTIFY of ours.
#[derive(Debug, Default)]
pub struct SubscriptionResponse {
    /// The client transaction.
    pub branch: u64,
    /// The final status.
    pub status: u16,
    /// Expires, in seconds.
    pub expires: Option<u32>,
    /// Min-Expires, in seconds.
    pub min_expires: Option<u32>,
    /// Retry-After, in seconds.
    pub retry_after: Option<u32>,
    /// The failure in the words of XMPP.
    pub error: Option<Box<StanzaError>>,
    /// Whether the XMPP user is told these words when the SIP user refuses (RFC 3922 §6.1).
    pub refused_is_error: bool,
    /// The other side, as a 2xx to SUBSCRIBE shows it.
    pub remote: Option<Box<Remote>>,
}

/// The other side of a dialog, as a 2xx to SUBSCRIBE shows it (RFC 3261 §12.1.2). A NOTIFY makes the
/// dialog (RFC 6665 §4.4.1): this counts for what a NOTIFY does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Its tag.
    pub tag: Text,
    /// Its Contact.
    pub target: Option<Uri>,
    /// The way there, a route a text, in the order of Route.
    pub routes: Vec<String>,
}

/// A document on its way to a watcher.
#[derive(Debug, Clone)]
pub struct PresenceBody {
    /// Content-Type and Content-Language.
    pub headers: Headers,
    /// The document.
    pub body: bytes::Bytes,
    /// Whether it shows less than there is, since it would be too large.
    pub cut: bool,
}

/// A NOTIFY that waits for its document.
#[derive(Debug, Clone)]
pub struct BodyRequest {
    /// The dialogs that it goes to.
    pub dialogs: Vec<DialogId>,
    /// The peer that would be tried first for them, where a rule asks for it.
    pub peer: Option<Text>,
    /// What it shows; empty for a document without content.
    pub devices: Vec<Arc<Device>>,
    /// Whether they take CPIM objects.
    pub objects: bool,
    /// Octets that it may have.
    pub most: usize,
}

impl UserPair {
    /// What a rule can ask for about what goes to the SIP user.
    #[must_use]
    pub fn facts(&self) -> rules::Facts<'_> {
        rules::Facts {
            direction: Direction::ToSip,
            from: self.xmpp_user.bare_str(),
            to: self.sip_user.bare_str(),
            stanza: "presence",
            ..rules::Facts::default()
        }
    }
}

impl SubscribeRequest {
    /// What a rule can ask for about what the XMPP user is told of who asks.
    #[must_use]
    pub fn facts(&self) -> rules::Facts<'_> {
        rules::Facts {
            direction: Direction::ToXmpp,
            from: self.pair.sip_user.bare_str(),
            to: self.pair.xmpp_user.bare_str(),
            stanza: "presence",
            kind: "subscribe",
            method: self.request.method.as_str(),
            headers: Some(&self.request.headers),
            ..rules::Facts::default()
        }
    }
}

impl BodyRequest {
    /// What a rule can ask for about what the SIP user is told of the XMPP user. A document is one
    /// for all devices: it is of type `available` while one of them is there.
    #[must_use]
    pub fn facts<'a>(&'a self, pair: &'a UserPair) -> rules::Facts<'a> {
        let there = self.devices.iter().any(|device| device.available);
        rules::Facts {
            peer: self.peer.as_deref(),
            kind: if there { "available" } else { "unavailable" },
            method: "NOTIFY",
            ..pair.facts()
        }
    }
}

impl NotifyRequest {
    /// What a rule can ask for about what the XMPP user is told of the SIP user.
    #[must_use]
    pub fn facts(&self) -> rules::Facts<'_> {
        rules::Facts {
            direction: Direction::ToXmpp,
            peer: self.peer.as_deref(),
            from: self.pair.sip_user.bare_str(),
            to: self.pair.xmpp_user.bare_str(),
            stanza: "presence",
            method: self.request.method.as_str(),
            headers: Some(&self.request.headers),
            ..rules::Facts::default()
        }
    }
}

/// A time (microseconds since 1970) as XEP-0082 writes it; `None` beyond the year 9999.
#[must_use]
pub fn stamp(unix_us: u64) -> Option<String> {
    let at = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_us) * 1_000).ok()?;
    at.format(&time::format_description::well_known::Rfc3339).ok()
}
