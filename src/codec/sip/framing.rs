//! Cutting a byte stream into messages (RFC 3261 §7.5, §18.3; RFC 5626 §3.5.1).

use bytes::{Buf, Bytes, BytesMut};

use super::header_name::HeaderName;
use super::malformed::MalformedKind as Kind;
use super::token::{self, ValueError};
use super::{Limits, Malformed, Text, chars, parse};

/// Cuts what a connection delivers into frames, whatever pieces it comes in. It reads of each
/// message only where it ends, so a message that is bad but framed costs nothing but itself.
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    buffer: BytesMut,
    /// How many octets of the buffer are known not to begin the end of a header section.
    scanned: usize,
    /// Octets of a body that is passed over.
    skip: usize,
    /// The header section at the buffer's front, once its end is known: its octets and those of
    /// the body.
    pending: Option<(usize, usize)>,
    closed: bool,
}

/// A piece of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// One message, for [`parse()`](super::parse()).
    Message(Bytes),
    /// A message with a body beyond the limit, to be answered 513; its body is passed over.
    TooLarge(Malformed),
    /// CRLFCRLF: to be answered with CRLF (RFC 5626 §3.5.1).
    KeepAlivePing,
    /// CRLF: the answer to a ping, or an empty line before a message. A ping that arrives in two
    /// pieces shows as a pong and then a ping.
    KeepAlivePong,
}

/// The stream cannot be framed any more: answer, if there is an answer, then close.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stream cannot be framed: {0}")]
pub struct FramingError(pub Malformed);

impl Framer {
    /// A framer at the beginning of a stream.
    #[must_use]
    pub fn new(limits: Limits) -> Framer {
        Framer {
            limits,
            buffer: BytesMut::new(),
            scanned: 0,
            skip: 0,
            pending: None,
            closed: false,
        }
    }

    /// Appends received octets. They are to be taken out by [`Framer::next`] until it gives
    /// `None`; then no more is kept than one incomplete message.
    pub fn push(&mut self, octets: &[u8]) {
        if self.closed {
            return;
        }
        let skipped = self.skip.min(octets.len());
        self.skip -= skipped;
        self.buffer.extend_from_slice(&octets[skipped..]);
    }

    /// The next frame; `None` if more octets are needed, or after an error.
    #[expect(clippy::should_implement_trait, reason = "an iterator has no errors of this kind")]
    pub fn next(&mut self) -> Result<Option<Frame>, FramingError> {
        if self.closed {
            return Ok(None);
        }
        if let Some((head, body)) = self.pending {
            return Ok(self.complete(head, body));
        }
        match self.buffer.get(..2) {
            Some(b"\r\n") => return Ok(Some(self.keep_alive())),
            None if self.buffer.first().is_none_or(|&b| b == b'\r') => return Ok(None),
            _ => {}
        }
        let Some(head) = self.head_end() else {
            if self.buffer.len() > self.limits.head {
                return Err(self.close(Kind::HeadTooLarge));
            }
            return Ok(None);
        };
        if head > self.limits.head {
            return Err(self.close(Kind::HeadTooLarge));
        }
        match content_length(&self.buffer[..head]) {
            Err(kind) => Err(self.close(kind)),
            Ok(body) if body <= self.limits.body => Ok(self.complete(head, body)),
            Ok(body) if body <= self.limits.skip => Ok(Some(self.too_large(head, body))),
            Ok(_) => Err(self.close(Kind::BodyTooLarge)),
        }
    }

    /// Whether the stream can end here without cutting a message.
    #[must_use]
    pub fn is_at_boundary(&self) -> bool {
        self.buffer.is_empty() && self.skip == 0
    }

    fn keep_alive(&mut self) -> Frame {
        self.scanned = 0;
        if self.buffer.starts_with(b"\r\n\r\n") {
            self.buffer.advance(4);
            return Frame::KeepAlivePing;
        }
        self.buffer.advance(2);
        Frame::KeepAlivePong
    }

    /// Where the header section with its empty line ends.
    fn head_end(&mut self) -> Option<usize> {
        let from = self.scanned;
        let found = parse::head_end(&self.buffer[from..], usize::MAX);
        if found.is_none() {
            self.scanned = self.buffer.len().saturating_sub(3);
        }
        found.map(|end| from + end)
    }

    fn complete(&mut self, head: usize, body: usize) -> Option<Frame> {
        if self.buffer.len() < head + body {
            self.pending = Some((head, body));
            return None;
        }
        self.pending = None;
        self.scanned = 0;
        Some(Frame::Message(self.buffer.split_to(head + body).freeze()))
    }

    fn too_large(&mut self, head: usize, body: usize) -> Frame {
        let octets = self.buffer.split_to(head).freeze();
        let here = body.min(self.buffer.len());
        self.buffer.advance(here);
        self.skip = body - here;
        self.scanned = 0;
        Frame::TooLarge(Malformed::new(Kind::BodyTooLarge, octets))
    }

    fn close(&mut self, kind: Kind) -> FramingError {
        self.closed = true;
        FramingError(Malformed::new(kind, std::mem::take(&mut self.buffer).freeze()))
    }
}

/// The length which the header section gives its body; on a stream there must be one
/// (RFC 3261 §18.3, §20.14).
fn content_length(head: &[u8]) -> Result<usize, Kind> {
    let mut length = None;
    let mut at = memchr::memchr(b'\n', head).map_or(head.len(), |end| end + 1);
    while at < head.len() {
        let line = &head[at..];
        let end = memchr::memchr(b'\n', line).map_or(line.len(), |end| end + 1);
        let line = &line[..end];
        at += end;
        if let Some(value) = length_field(line) {
            let found = parse_length(value, &head[at..])?;
            if length.replace(found).is_some_and(|other| other != found) {
                return Err(Kind::Repeated(HeaderName::ContentLength));
            }
        }
    }
    length.ok_or(Kind::Missing(HeaderName::ContentLength))
}

/// The value of the line, if it is a Content-Length.
fn length_field(line: &[u8]) -> Option<&[u8]> {
    if !matches!(line.first()?, b'C' | b'c' | b'L' | b'l') {
        return None;
    }
    let colon = memchr::memchr(b':', line)?;
    let name = HeaderName::from_octets(chars::trim_octets(&line[..colon]), Text::new);
    (name == Some(HeaderName::ContentLength)).then(|| &line[colon + 1..])
}

/// The number in the value, which may go on in the lines after it.
fn parse_length(value: &[u8], following: &[u8]) -> Result<usize, Kind> {
    let mut digits = value.trim_ascii().to_vec();
    let lines = following.split(|&b| b == b'\n');
    for line in lines.take_while(|line| line.first().copied().is_some_and(chars::is_space)) {
        digits.push(b' ');
        digits.extend_from_slice(line.trim_ascii());
    }
    let malformed = |e| Kind::Header(HeaderName::ContentLength, e);
    let digits =
        std::str::from_utf8(digits.trim_ascii()).map_err(|_| malformed(ValueError::Number))?;
    token::number::<u32>(digits).map(|length| length as usize).map_err(malformed)
}
