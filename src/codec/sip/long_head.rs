//! A header section beyond the bound: on a stream it is passed over to its end, so that it costs
//! nobody else (RFC 3261 §18.3). Of it are kept those lines, whole, that are within the bound
//! together: what the answer repeats is mostly among them.

use bytes::{Bytes, BytesMut};

use super::framing::length_of_line;
use super::header_name::HeaderName;
use super::malformed::MalformedKind as Kind;
use super::token::ValueError;

/// Octets of a line that are looked at in any case: a Content-Length has fewer.
const LINE: usize = 256;

#[derive(Debug)]
pub(super) struct LongHead {
    most: usize,
    /// The lines that are kept, of so many octets together.
    front: BytesMut,
    /// The line before was not kept: nor is what goes on with it.
    left_out: bool,
    /// The beginning of the line in progress, and its length.
    line: Vec<u8>,
    octets: usize,
    /// The line before ended in CRLF: an empty one ends the section.
    ended: bool,
    /// The last two octets.
    last: [u8; 2],
    /// The line before was a Content-Length.
    after_length: bool,
    lines: usize,
    length: Option<usize>,
    /// All octets that were passed over.
    pub(super) passed: usize,
}

impl LongHead {
    pub(super) fn new(most: usize) -> Self {
        LongHead {
            most,
            front: BytesMut::new(),
            left_out: false,
            line: Vec::new(),
            octets: 0,
            ended: false,
            last: [0; 2],
            after_length: false,
            lines: 0,
            length: None,
            passed: 0,
        }
    }

    /// What is kept of it.
    pub(super) fn front(&mut self) -> Bytes {
        self.front.split().freeze()
    }

    /// Passes over octets: how many of them belong to the section, and once it has ended, how long
    /// its body is.
    pub(super) fn pass(&mut self, octets: &[u8]) -> Result<(usize, Option<usize>), Kind> {
        let mut at = 0;
        while let Some(rest) = octets.get(at..).filter(|rest| !rest.is_empty()) {
            let end = memchr::memchr(b'\n', rest).map(|end| end + 1);
            let piece = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            self.keep(piece);
            at += piece.len();
            if end.is_some()
                && let Some(body) = self.line_ended()?
            {
                return Ok((at, Some(body)));
            }
        }
        Ok((at, None))
    }

    fn keep(&mut self, piece: &[u8]) {
        for octet in piece.iter().skip(piece.len().saturating_sub(2)) {
            self.last = [self.last[1], *octet];
        }
        self.passed += piece.len();
        self.octets += piece.len();
        let room = self.most.saturating_sub(self.front.len()).max(LINE);
        let room = room.saturating_sub(self.line.len()).min(piece.len());
        self.line.extend_from_slice(piece.get(..room).unwrap_or_default());
    }

    /// A line is complete: the octets of the body, if it was the empty one.
    fn line_ended(&mut self) -> Result<Option<usize>, Kind> {
        let line = std::mem::take(&mut self.line);
        let whole = std::mem::take(&mut self.octets) == line.len();
        if self.ended && line == b"\r\n" {
            return self.length.map(Some).ok_or(Kind::Missing(HeaderName::ContentLength));
        }
        self.lines += 1;
        self.ended = self.last == *b"\r\n";
        let number = Kind::Header(HeaderName::ContentLength, ValueError::Number);
        let folded = line.starts_with(b" ") || line.starts_with(b"\t");
        self.left_out =
            (folded && self.left_out) || !whole || self.front.len() + line.len() > self.most;
        if !self.left_out {
            self.front.extend_from_slice(&line);
        }
        if self.after_length && folded {
            return Err(number);
        }
        self.after_length = false;
        if self.lines > 1
            && let Some(found) = length_of_line(&line)
        {
            let found = if whole { found? } else { return Err(number) };
            self.after_length = true;
            if self.length.replace(found).is_some_and(|other| other != found) {
                return Err(Kind::Repeated(HeaderName::ContentLength));
            }
        }
        Ok(None)
    }
}
