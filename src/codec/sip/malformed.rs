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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::sip::{Message, parse};

    fn malformed(text: &str) -> Malformed {
        parse(text.to_owned().into()).unwrap_err()
    }

    fn answer(text: &str) -> Option<String> {
        let malformed = malformed(text);
        let answer = malformed.answer(malformed.status(), "tag1", &Headers::new())?;
        Some(String::from_utf8(answer.to_vec()).unwrap())
    }

    const BAD: &str = "MESSAGE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h;rport;branch=z9hG4bKx,\r\n \
        SIP/2.0/TCP i;branch=y\r\nf: \"A\" <sip:c@d>;tag=1\r\nt: <sip:a@b>\r\nCall-ID: i\r\nCSeq: x\r\n\r\n";

    #[test]
    fn an_answer_echoes_what_could_be_read() {
        assert_eq!(
            answer(BAD).unwrap(),
            "SIP/2.0 400 CSeq has a character that is not allowed there\r\n\
             Via: SIP/2.0/UDP h;rport;branch=z9hG4bKx\r\nVia: SIP/2.0/TCP i;branch=y\r\n\
             From: \"A\" <sip:c@d>;tag=1\r\nTo: <sip:a@b>;tag=tag1\r\nCall-ID: i\r\nCSeq: x\r\n\
             Content-Length: 0\r\n\r\n"
        );
        let source = "192.0.2.7:5099".parse().unwrap();
        let malformed = malformed(BAD).received_from(source);
        assert_eq!(malformed.top_via().unwrap().rport(), Some(Some(5099)));
        let text = malformed.answer(Status::FORBIDDEN, "", &Headers::new()).unwrap();
        let text = std::str::from_utf8(&text).unwrap();
        assert!(text.starts_with(
            "SIP/2.0 403 Forbidden\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx;received=192.0.2.7;rport=5099\r\n\
             Via: SIP/2.0/TCP i;branch=y\r\n"
        ));
        assert!(text.contains("\r\nTo: <sip:a@b>\r\n"));
    }

    #[test]
    fn who_gets_no_answer() {
        assert_eq!(answer(&BAD.replace("MESSAGE", "ACK")), None);
        assert_eq!(answer(&BAD.replace("MESSAGE sip:a@b SIP/2.0", "SIP/2.0 200 OK")), None);
        assert_eq!(answer(&BAD.replace("v:", "w:")), None);
        assert_eq!(answer(&BAD.replace("SIP/2.0/UDP", "SIP2.0/UDP")), None);
        assert_eq!(answer("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), None);
        assert_eq!(answer("\u{fffd}\0\0"), None);
    }

    #[test]
    fn an_echo_cannot_harm() {
        let bad =
            BAD.replace("Call-ID: i", "Call-ID: i\rX: y\0z").replace("<sip:a@b>", "\"a <sip:a@b>");
        let answer = answer(&bad).unwrap();
        assert!(answer.contains("\r\nCall-ID: i X: y z\r\n"), "{answer}");
        assert!(
            answer.contains("\r\nTo: \"a <sip:a@b>\r\n"),
            "no tag where To cannot be read: {answer}"
        );
    }

    #[test]
    fn headers_are_added_before_content_length() {
        let headers = Headers::new().with(HeaderName::RetryAfter, 5);
        let malformed = malformed(BAD);
        let answer = malformed.answer(Status::SERVICE_UNAVAILABLE, "t", &headers).unwrap();
        assert!(answer.ends_with(b"\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n"));
        let good = BAD.replace("CSeq: x", "CSeq: 1 MESSAGE");
        assert!(matches!(parse(good.into()), Ok(Message::Request(_))));
    }
}
