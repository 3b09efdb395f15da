//! Messages between the stages, in both directions.

use bytes::Bytes;

use super::{Correlation, Flow, LinkId, Now};
use crate::codec::sip::{CallId, Headers, NameAddr, Request, Uri};
use crate::codec::xml;
use crate::codec::xmpp::{self, Jid};
use crate::rules::{Direction, Facts};

/// The form of a message's body towards SIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// A `message/cpim` object (RFC 3862).
    Cpim,
    /// Bare `text/plain` (RFC 7572).
    Text,
    /// An object of RFC 3923 as it is.
    Object,
}

/// Which forms a message may take towards its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forms {
    /// The one that a rule, its peer or its content demands.
    One,
    /// The one that is right by what is known of the target; the other one when that is refused,
    /// and bare text when an object is too long.
    Either {
        /// The right one.
        preferred: Profile,
    },
    /// The one that it has, since the other one was refused.
    Turned,
}

/// A message from an XMPP user, addressed for SIP.
#[derive(Debug, Clone)]
pub struct Outbound {
    /// Joins the log lines of both legs.
    pub correlation: Correlation,
    /// The stream that it came by.
    pub link: LinkId,
    /// The stanza.
    pub stanza: Box<xmpp::Message>,
    /// Its sender; stamped by the server.
    pub sender: Jid,
    /// Its addressee.
    pub recipient: Jid,
    /// The Request-URI.
    pub target: Uri,
    /// The To header.
    pub to: NameAddr,
    /// The From header, without its tag.
    pub from: NameAddr,
    /// The form it takes.
    pub profile: Profile,
    /// Which other form it may take.
    pub forms: Forms,
    /// Octets of text that the target shows of one message, where that is known to be bounded.
    pub shows: Option<usize>,
    /// The peer that would be tried first, where a rule asks for it.
    pub peer: Option<xml::Text>,
    /// When it arrived.
    pub received: Now,
    /// Octets of the stanza as it came.
    pub octets: usize,
    /// Whether both domains have the same name on both sides.
    pub native: bool,
    /// Whether it is a word of the gateway's own, of whose failure nobody is told.
    pub notice: bool,
    /// The part of it whose turn it is, where its text is too long for one request.
    pub part: Option<Box<Part>>,
}

/// A part of a text that is too long for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its number, from 1.
    pub number: u8,
    /// What it says.
    pub text: xml::Text,
    /// What is to follow when it was taken.
    pub rest: xml::Text,
}

/// A text that may be sent in parts.
#[derive(Debug, Clone)]
pub struct Long {
    /// The text.
    pub text: xml::Text,
    /// Whether its lines end with CRLF on the wire.
    pub crlf: bool,
}

impl Outbound {
    /// What a rule can ask for.
    #[must_use]
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            direction: Direction::ToSip,
            peer: self.peer.as_deref(),
            from: self.sender.bare_str(),
            to: self.recipient.bare_str(),
            stanza: "message",
            kind: self.stanza.kind.name().unwrap_or("normal"),
            method: "MESSAGE",
            children: &self.stanza.extensions,
            ..Facts::default()
        }
    }
}

impl Inbound {
    /// What a rule can ask for.
    #[must_use]
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            direction: Direction::ToXmpp,
            peer: self.peer.as_deref(),
            from: self.from.bare_str(),
            to: self.to.bare_str(),
            stanza: "message",
            method: self.request.method.as_str(),
            headers: Some(&self.request.headers),
            ..Facts::default()
        }
    }
}

/// A message's form on the SIP wire, without what the transaction adds.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// Subject, Content-Type, Content-Language and the like.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
    /// The Call-ID of its conversation, where it has one (RFC 7572 Table 1).
    pub conversation: Option<CallId>,
    /// Octets that the whole request may have (RFC 3428 §8).
    pub max_request_octets: usize,
    /// How many hops it may still take (RFC 3261 §20.22).
    pub max_forwards: u8,
    /// Its text, where it may go in parts.
    pub long: Option<Long>,
    /// Octets of text that the target shows of one message, where that is known to be bounded.
    pub shows: Option<usize>,
}

/// A MESSAGE from a peer, addressed for XMPP.
#[derive(Debug)]
pub struct Inbound {
    /// Joins the log lines of both legs.
    pub correlation: Correlation,
    /// Where it came from.
    pub flow: Flow,
    /// Its transaction key.
    pub key: u64,
    /// Its merge key (RFC 3261 §8.2.2.2).
    pub merge_key: u64,
    /// The request.
    pub request: Box<Request>,
    /// The stream that its stanza goes by.
    pub link: LinkId,
    /// The peer that it came from, where a rule asks for it.
    pub peer: Option<xml::Text>,
    /// The sender's JID.
    pub from: Jid,
    /// The addressee's JID.
    pub to: Jid,
    /// The stanza's id: the same for every copy of this request, whatever path it took.
    pub id: String,
    /// Octets that the stanza may have.
    pub max_stanza_octets: usize,
    /// Whether both domains have the same name on both sides.
    pub native: bool,
}

/// Whose message an error stanza is about, as far as that is known.
#[derive(Debug, Clone, Default)]
pub struct Parties {
    /// The sender of the message.
    pub from: Option<Jid>,
    /// Who sends the error.
    pub to: Option<Jid>,
    /// The peer that it came from, where a rule asks for it.
    pub peer: Option<xml::Text>,
}

impl Parties {
    /// What a rule can ask for.
    #[must_use]
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            direction: Direction::ToSip,
            peer: self.peer.as_deref(),
            from: self.from.as_ref().map_or("", Jid::bare_str),
            to: self.to.as_ref().map_or("", Jid::bare_str),
            stanza: "message",
            kind: "error",
            method: "MESSAGE",
            ..Facts::default()
        }
    }
}

/// What a 401 or 407 asks for (RFC 3261 §22.1): these are not legal without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The realm: the domain that was asked for.
    pub realm: String,
    /// The nonce.
    pub nonce: String,
}
