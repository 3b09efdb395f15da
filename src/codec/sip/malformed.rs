//! What is wrong with a message, and the answer to it (RFC 3261 §8.2, §16.3, §18.3, §21.4.1).

use std::net::SocketAddr;

use bytes::Bytes;

use super::salvage::Salvage;
use super::token::ValueError;
use super::{HeaderName, Headers, ReasonPhrase, Status, UriError, Via, write};

/// What is wrong with a message. Its display is meant for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedKind {
    /// The first line is neither a request line nor a status line.
    #[error("Not a SIP message")]
    NotSip,
    /// The request line is not `Method SP Request-URI SP SIP-Version`.
    #[error("Malformed request line")]
    RequestLine,
    /// The status line is not `SIP-Version SP 3DIGIT SP Reason-Phrase`.
    #[error("Malformed status line")]
    StatusLine,
    /// The Request-URI is malformed.
    #[error("Request-URI {0}")]
    RequestUri(UriError),
    /// The Request-URI carries header fields (RFC 3261 §19.1.1, table 1).
    #[error("Request-URI has header fields")]
    RequestUriHeaders,
    /// A version other than SIP/2.0.
    #[error("SIP version not supported")]
    Version,
    /// No empty line ends the header fields.
    #[error("The header section has no end")]
    Truncated,
    /// A CR without LF or the other way round.
    #[error("A line of the header section ends in a bare CR or LF")]
    LineEnd,
    /// A control in the header fields that is no tab and not escaped.
    #[error("A control character in the header section")]
    Control,
    /// A line that is no header field.
    #[error("A line of the header section is no header field")]
    HeaderLine,
    /// A header every message needs is missing.
    #[error("{0} is missing")]
    Missing(HeaderName),
    /// A header that may be there once is there twice.
    #[error("{0} is there more than once")]
    Repeated(HeaderName),
    /// A header every message needs is malformed.
    #[error("{0} {1}")]
    Header(HeaderName, ValueError),
    /// The method in CSeq is not that of the request (RFC 3261 §8.1.1.5).
    #[error("The method in CSeq is not that of the request")]
    CSeqMethod,
    /// The same, and the method is one nobody knows: 501 serves better than 400
    /// (RFC 4475 §3.1.2.18).
    #[error("The method is not known, and is not that in CSeq")]
    CSeqMethodUnknown,
    /// Fewer octets than Content-Length says (RFC 3261 §18.3).
    #[error("The body is shorter than Content-Length")]
    Short,
    /// Beyond [`Limits::head`].
    #[error("The header section is too large")]
    HeadTooLarge,
    /// Beyond [`Limits::fields`].
    #[error("Too many header fields")]
    TooManyFields,
    /// Beyond [`Limits::body`].
    #[error("The body is too large")]
    BodyTooLarge,
}

impl MalformedKind {
    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            MalformedKind::Version => Status::VERSION_NOT_SUPPORTED,
            MalformedKind::CSeqMethodUnknown => Status::NOT_IMPLEMENTED,
            MalformedKind::RequestUri(UriError::TooLong) => Status::REQUEST_URI_TOO_LONG,
            MalformedKind::HeadTooLarge
            | MalformedKind::TooManyFields
            | MalformedKind::BodyTooLarge => Status::MESSAGE_TOO_LARGE,
            _ => Status::BAD_REQUEST,
        }
    }

    /// Whether the message may be legal and only exceeds a limit of ours.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        self.status() == Status::MESSAGE_TOO_LARGE
    }
}

/// How much of a message is accepted. Beyond a limit, a request is answered 513.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the start line and the header fields together.
    pub head: usize,
    /// Header fields.
    pub fields: usize,
    /// Octets of the body.
    pub body: usize,
    /// On a stream: octets of a body that is too large and is passed over. A larger one, or a
    /// Content-Length that is a mistake, closes the connection.
    pub skip: usize,
}

impl Limits {
    /// Twice what any known agent sends in a header section; bodies of 1 MiB.
    pub const DEFAULT: Limits =
        Limits { head: 64 * 1024, fields: 256, body: 1024 * 1024, skip: 64 * 1024 * 1024 };
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::DEFAULT
    }
}

/// A message that is none, with what it was made of: enough to answer a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct Malformed {
    kind: MalformedKind,
    octets: Bytes,
    source_address: Option<SocketAddr>,
}

impl Malformed {
    /// `octets` are the message, at least its header section.
    pub(super) fn new(kind: MalformedKind, octets: Bytes) -> Malformed {
        Malformed { kind, octets, source_address: None }
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &MalformedKind {
        &self.kind
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> Status {
        self.kind.status()
    }

    /// What is wrong, in words, as a reason phrase.
    #[must_use]
    pub fn reason(&self) -> ReasonPhrase {
        ReasonPhrase::text(&self.kind.to_string())
    }

    /// The octets received.
    #[must_use]
    pub fn octets(&self) -> &Bytes {
        &self.octets
    }

    /// Notes where the message came from, which the top hop of the answer then tells
    /// ([`Via::with_source`]).
    #[must_use]
    pub fn received_from(mut self, source: SocketAddr) -> Malformed {
        self.source_address = Some(source);
        self
    }

    /// Whether the message is a response, which is dropped (RFC 3261 §18.1.2).
    #[must_use]
    pub fn is_response(&self) -> bool {
        Salvage::scan(&self.octets).is_response
    }

    /// The topmost hop, if it can be read: where the answer goes (RFC 3261 §18.2.2, RFC 3581).
    #[must_use]
    pub fn top_via(&self) -> Option<Via> {
        let via = Salvage::scan(&self.octets).top_via()?;
        Some(match self.source_address {
            Some(source) => via.with_source(source),
            None => via,
        })
    }

    /// The octets of an answer, made of what could be read: all hops, From, To, Call-ID and CSeq
    /// as they came. To gets `to_tag` if it has none and can be read; `headers` are added, such as
    /// Server or Warning. The reason phrase is [`Malformed::reason`] for the status it belongs to.
    ///
    /// `None` if the message is a response or an ACK, which are not answered, or has no hop that
    /// can be read.
    #[must_use]
    pub fn answer(&self, status: Status, to_tag: &str, headers: &Headers) -> Option<Bytes> {
        let salvage = Salvage::scan(&self.octets);
        if salvage.is_response || salvage.is_ack {
            return None;
        }
        let top = salvage.top_via()?;
        let reason = if status == self.status() { self.reason() } else { status.into() };
        let mut out = Vec::with_capacity(512);
        write::status_line(&mut out, status, &reason);
        let mut hops = salvage.hops();
        if let Some(source) = self.source_address {
            let stamped = top.with_source(source).to_value().to_bytes();
            hops = std::iter::once(stamped).chain(hops.into_iter().skip(1)).collect();
        }
        for hop in hops {
            write::field(&mut out, "Via", &hop);
        }
        salvage.write_rest(&mut out, to_tag);
        write::headers(&mut out, headers);
        write::end(&mut out, b"");
        Some(out.into())
    }
}
