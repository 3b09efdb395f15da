//! Cutting a byte stream into messages (RFC 3261 §7.5, §18.3; RFC 5626 §3.5.1).

use bytes::{Buf, Bytes, BytesMut};

use super::header_name::HeaderName;
use super::long_head::LongHead;
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
    /// A header section that is too large, and is passed over.
    long: Option<LongHead>,
    closed: bool,
}

/// A piece of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// One message, for [`parse()`](super::parse()).
    Message(Bytes),
    /// A message with a head or a body beyond the limit, to be answered 513; what is too much is
    /// passed over.
    TooLarge(Malformed),
    /// CRLFCRLF: to be answered with CRLF (RFC 5626 §3.5.1).
    KeepAlivePing,
    /// CRLF alone: the answer to a ping, or an empty line before a message. It shows once more has
    /// come, as it may be the first half of a ping.
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
            long: None,
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
        if self.long.is_some() {
            return self.pass_over();
        }
        if let Some((head, body)) = self.pending {
            return Ok(self.complete(head, body));
        }
        // What may become a ping stays until it is one, so that the pieces do not matter.
        if b"\r\n\r\n".starts_with(&self.buffer) && self.buffer.len() < 4 {
            return Ok(None);
        }
        if self.buffer.starts_with(b"\r\n") {
            return Ok(Some(self.keep_alive()));
        }
        // A TLS handshake on a plain port, for one, is not waited for.
        if !self.buffer.first().copied().is_some_and(|b| chars::is(b, chars::TOKEN)) {
            return Err(self.close(Kind::NotSip));
        }
        let Some(head) = self.head_end() else {
            if self.buffer.len() > self.limits.head {
                return self.pass_over();
            }
            return Ok(None);
        };
        if head > self.limits.head {
            return self.pass_over();
        }
        match content_length(&self.buffer[..head]) {
            Err(kind) => Err(self.close(kind)),
            Ok(body) if body <= self.limits.body => Ok(self.complete(head, body)),
            Ok(body) if body <= self.limits.skip => Ok(Some(self.too_large(head, body))),
            Ok(_) => Err(self.close(Kind::BodyTooLarge)),
        }
    }

    /// Whether the stream can end here without cutting a message: half a ping is none.
    #[must_use]
    pub fn is_at_boundary(&self) -> bool {
        matches!(&self.buffer[..], b"" | b"\r\n") && self.skip == 0 && self.long.is_none()
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
        let octets = Bytes::copy_from_slice(&self.buffer[..head]);
        self.pass_body(head, body);
        Frame::TooLarge(Malformed::new(Kind::BodyTooLarge, octets))
    }

    /// What is at the buffer's front goes, and a body behind it, as far as it is there.
    fn pass_body(&mut self, head: usize, body: usize) {
        self.buffer.advance(head);
        let here = body.min(self.buffer.len());
        self.buffer.advance(here);
        self.skip = body - here;
        self.scanned = 0;
    }

    /// A header section beyond the limit: it is passed over to its end, and then its body.
    fn pass_over(&mut self) -> Result<Option<Frame>, FramingError> {
        let most = self.limits.head;
        let long = self.long.get_or_insert_with(|| LongHead::new(most));
        // No further than the limit and one octet, so that the pieces do not matter.
        let room = self.limits.skip.saturating_add(1).saturating_sub(long.passed);
        let passed = long.pass(&self.buffer[..room.min(self.buffer.len())]);
        let (front, too_many) = match &passed {
            Ok((_, None)) if long.passed <= self.limits.skip => (None, false),
            Ok((_, Some(body))) => (Some(long.front()), *body > self.limits.skip),
            _ => (Some(long.front()), true),
        };
        let Some(front) = front else {
            self.buffer.clear();
            self.scanned = 0;
            return Ok(None);
        };
        let Ok((head, Some(body))) = passed.as_ref().copied().map_err(|_| ()) else {
            self.buffer = BytesMut::from(front);
            let kind = passed.err().unwrap_or(Kind::HeadTooLarge);
            return Err(self.close(kind));
        };
        if too_many {
            self.buffer = BytesMut::from(front);
            return Err(self.close(Kind::BodyTooLarge));
        }
        self.long = None;
        self.pass_body(head, body);
        Ok(Some(Frame::TooLarge(Malformed::new(Kind::HeadTooLarge, front))))
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

/// The number in a line that is not folded, if it is a Content-Length.
pub(super) fn length_of_line(line: &[u8]) -> Option<Result<usize, Kind>> {
    length_field(line).map(|value| parse_length(value, &[]))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::sip::{HeaderName, Headers, Message, Status, parse};

    const SMALL: Limits = Limits { head: 400, fields: 32, body: 10, skip: 1000 };

    fn request(length: &str, body: &str) -> String {
        format!(
            "MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKx\r\nFrom: <sip:c@d>;tag=1\r\n\
             To: <sip:a@b>\r\nCall-ID: i\r\nCSeq: 1 MESSAGE\r\n{length}\r\n\r\n{body}"
        )
    }

    /// All frames of the octets in pieces of this size, and the error at the end, if there is one.
    fn frames(octets: &[u8], size: usize) -> (Vec<Frame>, Option<FramingError>) {
        let mut framer = Framer::new(SMALL);
        let mut frames = Vec::new();
        for piece in octets.chunks(size) {
            framer.push(piece);
            loop {
                match framer.next() {
                    Ok(Some(frame)) => frames.push(frame),
                    Ok(None) => break,
                    Err(e) => {
                        assert_eq!(framer.next(), Ok(None), "closed for good");
                        return (frames, Some(e));
                    }
                }
            }
        }
        assert!(frames.is_empty() || framer.is_at_boundary());
        (frames, None)
    }

    fn messages(frames: &[Frame]) -> Vec<&[u8]> {
        let messages = frames.iter().filter_map(|frame| match frame {
            Frame::Message(octets) => Some(&octets[..]),
            _ => None,
        });
        messages.collect()
    }

    #[test]
    fn messages_in_any_pieces() {
        let a = request("Content-Length: 5", "Hello");
        let b = request("l :\r\n 0", "");
        let bad = request("Content-Length: 2", "xy").replace("CSeq: 1 MESSAGE", "CSeq: x");
        let stream = [&a, &bad, "\r\n", &b, "\r\n\r\n", &a].map(str::to_owned).concat();
        for size in 1..stream.len() {
            let (frames, error) = frames(stream.as_bytes(), size);
            assert_eq!(error, None);
            let found = messages(&frames);
            assert_eq!(found, [a.as_bytes(), bad.as_bytes(), b.as_bytes(), a.as_bytes()], "{size}");
            assert!(parse(Bytes::copy_from_slice(found[1])).is_err(), "bad, but framed");
            assert!(frames.contains(&Frame::KeepAlivePong));
        }
    }

    #[test]
    fn keep_alives() {
        assert_eq!(frames(b"\r\n\r\n", 4).0, [Frame::KeepAlivePing]);
        assert_eq!(frames(b"\r\n\r\n\r\n", 6).0, [Frame::KeepAlivePing]);
        // A CRLF is known for what it is by what follows it.
        let mut framer = Framer::new(SMALL);
        framer.push(b"\r");
        assert_eq!(framer.next(), Ok(None));
        framer.push(b"\n");
        assert_eq!(framer.next(), Ok(None));
        assert!(framer.is_at_boundary());
        framer.push(b"M");
        assert_eq!(framer.next(), Ok(Some(Frame::KeepAlivePong)));
        assert_eq!(framer.next(), Ok(None));
        assert!(!framer.is_at_boundary());
    }

    #[test]
    fn a_ping_in_pieces_is_a_ping() {
        for size in 1..=4 {
            assert_eq!(frames(b"\r\n\r\n", size).0, [Frame::KeepAlivePing], "{size}");
        }
        let mut framer = Framer::new(SMALL);
        framer.push(b"\r\n");
        assert_eq!(framer.next(), Ok(None));
        framer.push(b"\r\n");
        assert_eq!(framer.next(), Ok(Some(Frame::KeepAlivePing)));
        assert_eq!(framer.next(), Ok(None));
    }

    /// What a stream is made of, for the next test.
    fn parts() -> impl Strategy<Value = Vec<String>> {
        let part = prop_oneof![
            Just("\r\n\r\n".to_owned()),
            Just("\r\n".to_owned()),
            "[a-z\r\n]{0,9}"
                .prop_map(|body| request(&format!("Content-Length: {}", body.len()), &body)),
            Just(request("l: 12", "\r\n\r\nx\r\n\r\n\r\n\r")),
        ];
        proptest::collection::vec(part, 0..6)
    }

    proptest! {
        /// Whatever the pieces of the stream, the pongs and the messages are the same, and each
        /// message is whole (RFC 5626 §3.5.1, §5.4).
        #[test]
        fn every_split_gives_the_same_frames(parts in parts(), cuts in proptest::collection::vec(0_usize..2_000, 0..12)) {
            let stream = parts.concat().into_bytes();
            let whole = frames(&stream, stream.len().max(1)).0;
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
            cuts.sort_unstable();
            let mut framer = Framer::new(SMALL);
            let mut found = Vec::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([stream.len()]) {
                framer.push(&stream[from..cut]);
                from = cut;
                while let Some(frame) = framer.next().unwrap() {
                    found.push(frame);
                }
            }
            prop_assert_eq!(&found, &whole);
            for size in 1..7 {
                prop_assert_eq!(&frames(&stream, size).0, &whole, "{}", size);
            }
            let sent: Vec<&[u8]> = parts
                .iter()
                .filter(|part| part.starts_with("MESSAGE") && !part.contains("l: 12"))
                .map(String::as_bytes)
                .collect();
            prop_assert_eq!(messages(&whole), sent);
            let pings = whole.iter().filter(|frame| **frame == Frame::KeepAlivePing).count();
            prop_assert_eq!(pings, pairs_of_empty_lines(&parts));
        }
    }

    #[test]
    fn a_head_beyond_what_is_passed_over_ends_the_stream_in_whatever_pieces() {
        let filler = "x".repeat(SMALL.skip);
        let stream = format!("MESSAGE sip:a@b SIP/2.0\r\nTo: {filler}\r\nl: 0\r\n\r\n");
        for size in [1, 7, 100, stream.len()] {
            let (found, ended) = frames(stream.as_bytes(), size);
            let kind = ended.as_ref().map(|error| error.0.kind());
            assert_eq!((found.len(), kind), (0, Some(&Kind::HeadTooLarge)), "{size}");
        }
    }

    /// Pairs of CRLFs between messages.
    fn pairs_of_empty_lines(parts: &[String]) -> usize {
        let mut pairs = 0;
        let mut run = 0;
        for part in parts {
            match part.as_str() {
                "\r\n\r\n" => run += 2,
                "\r\n" => run += 1,
                _ => {
                    pairs += run / 2;
                    run = 0;
                }
            }
        }
        pairs + run / 2
    }

    #[test]
    fn what_cannot_be_framed_is_answered_and_closed() {
        let length = HeaderName::ContentLength;
        let number = || Kind::Header(HeaderName::ContentLength, ValueError::Number);
        for (field, kind) in [
            ("Subject: none", Kind::Missing(length.clone())),
            ("Content-Length: -1", number()),
            ("Content-Length: +1", number()),
            ("Content-Length: 1 1", number()),
            ("Content-Length:", number()),
            ("Content-Length: 99999999999", number()),
            ("Content-Length: 1\r\n 1", number()),
            ("Content-Length: 1001", Kind::BodyTooLarge),
            ("Content-Length: 1\r\nl: 2", Kind::Repeated(length)),
        ] {
            let (frames, error) = frames(request(field, "x").as_bytes(), 7);
            let FramingError(malformed) = error.unwrap();
            assert_eq!((frames.len(), malformed.kind()), (0, &kind), "{field}");
            let answer = malformed.answer(malformed.status(), "t", &Headers::new()).unwrap();
            assert!(matches!(parse(answer), Ok(Message::Response(_))), "{field}");
        }
        assert_eq!(frames(request("l: 1\r\nContent-Length: 1", "x").as_bytes(), 9).1, None);
        assert_eq!(frames(b"\x16\x03\x01\x02\x00\x01", 1).1.unwrap().0.kind(), &Kind::NotSip);
        // A section that is too large and says nothing of its body, or never ends.
        let long = request("Subject: none", "").replace("<sip:a@b>", &"x".repeat(500));
        for size in [1, 11, 5_000] {
            let error = frames(long.as_bytes(), size).1.unwrap();
            assert_eq!(error.0.kind(), &Kind::Missing(HeaderName::ContentLength), "{size}");
        }
        let error = frames(&[b'x'; 2_000], 11).1.unwrap();
        assert_eq!(error.0.kind(), &Kind::HeadTooLarge);
        assert!(error.to_string().contains("too large"));
    }

    #[test]
    fn a_head_too_large_costs_nobody_else() {
        let small = request("Content-Length: 1", "x");
        for (field, body) in [("Content-Length: 5", "\r\n\r\ny"), ("l: 0", ""), ("l: 900", "")] {
            let body = if field == "l: 900" { "z".repeat(900) } else { body.to_owned() };
            let before = format!("{field}\r\nX: {}", "y".repeat(500));
            let behind = format!("X: {}\r\n{field}", "y".repeat(500));
            let many = format!("X: {}\r\n{field}", "y\r\nZ: ".repeat(100));
            for fields in [before, behind, many] {
                let large = request(&fields, &body);
                for size in [1, 3, 100, 5_000] {
                    let stream = [&*small, &large, &small].concat();
                    let (frames, error) = frames(stream.as_bytes(), size);
                    assert_eq!(error, None);
                    let [Frame::Message(_), Frame::TooLarge(malformed), Frame::Message(last)] =
                        &frames[..]
                    else {
                        panic!("{frames:?}")
                    };
                    assert_eq!(malformed.status(), Status::MESSAGE_TOO_LARGE);
                    let answer = malformed.answer(malformed.status(), "t", &Headers::new());
                    // What is too long is left out of the answer, and all else is there.
                    assert!(matches!(parse(answer.unwrap()), Ok(Message::Response(_))));
                    assert_eq!(&last[..], small.as_bytes());
                }
            }
        }
        let twice = request(&format!("l: 1\r\nX: {}\r\nl: 2", "y".repeat(500)), "xx");
        let error = frames(twice.as_bytes(), 7).1.unwrap();
        assert_eq!(error.0.kind(), &Kind::Repeated(HeaderName::ContentLength));
    }

    #[test]
    fn a_body_too_large_costs_nobody_else() {
        let small = request("Content-Length: 1", "x");
        let large = request("Content-Length: 900", &"y".repeat(900));
        for size in [1, 3, 100, 5000] {
            let (frames, error) = frames([&*small, &large, &small].concat().as_bytes(), size);
            assert_eq!(error, None);
            let [Frame::Message(_), Frame::TooLarge(malformed), Frame::Message(last)] = &frames[..]
            else {
                panic!("{frames:?}")
            };
            assert_eq!(malformed.status(), Status::MESSAGE_TOO_LARGE);
            assert!(malformed.answer(malformed.status(), "t", &Headers::new()).is_some());
            assert_eq!(&last[..], small.as_bytes());
        }
    }
}
