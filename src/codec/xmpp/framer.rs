//! Cuts the octets of a stream into stanzas.
//!
//! RFC 6120 §4 and §11. One pass over the octets, in whatever pieces they
//! come; it counts depth and knows quotes and CDATA, and leaves names, text
//! and namespaces of a stanza to [`parse`](super::parse), so that a bad stanza
//! fails alone: one that is too deep or has too many attributes there, one
//! that is too large here, where it is skipped to its end. Only what makes the
//! rest of the stream unreadable is a [`StreamFault`].
//!
//! The names of open elements are held against their end tags where that costs
//! no more than the bounds of a stanza: down to the first element beyond
//! `Limits::max_depth`, in the first `Limits::max_stanza_octets` of a stanza.
//! Elsewhere tags are counted. So memory is bounded whatever comes, and the
//! frames do not depend on the pieces in which the octets come.

use bytes::Bytes;

use super::lex::{Lex, Phase};
use super::oversized::Oversized;
use super::{StreamFault, StreamHeader};
use crate::codec::xml::{Limits, Text, XmlFault, lexical::is_space};

/// Enough to look back at `]]` and `/` when the rest has been thrown away.
const LOOK_BACK: usize = 4;
/// A drained buffer larger than this is given back.
const KEPT_CAPACITY: usize = 65_536;

/// One unit of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The stream header, RFC 6120 §4.7.
    Open(StreamHeader),
    /// The octets of one complete element at depth 1.
    Stanza(Bytes),
    /// An element beyond `Limits::max_stanza_octets`, thrown away; the stream
    /// goes on behind it.
    Oversized {
        /// Its start tag, with those attributes that tell whose it was: `from`,
        /// `to`, `id` and `type`.
        head: Bytes,
        /// How long it was.
        octets: u64,
    },
    /// The stream's end tag, RFC 6120 §4.4.
    Close,
}

/// Sans-I/O framer of one stream.
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    buffer: Vec<u8>,
    /// First octet of the unit in progress.
    start: usize,
    /// First octet not looked at.
    at: usize,
    /// Start of the tag in progress.
    tag: usize,
    /// Names of the open elements, the stream's first, end to end.
    names: Vec<u8>,
    /// Where in `names` each begins.
    open: Vec<usize>,
    /// How many more are open within them, whose names are not kept.
    unnamed: u64,
    phase: Phase,
    lex: Lex,
    /// Nothing has come yet: an XML declaration may.
    pristine: bool,
    /// Set while an element beyond the limit is thrown away.
    oversized: Option<Oversized>,
    fault: Option<StreamFault>,
}

impl Framer {
    /// A framer at the beginning of a stream.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            buffer: Vec::new(),
            start: 0,
            at: 0,
            tag: 0,
            names: Vec::new(),
            open: Vec::new(),
            unnamed: 0,
            phase: Phase::Header,
            lex: Lex::Content,
            pristine: true,
            oversized: None,
            fault: None,
        }
    }

    /// Takes octets as they came.
    pub fn push(&mut self, octets: &[u8]) {
        if self.phase == Phase::Closed || self.fault.is_some() {
            return;
        }
        self.compact();
        self.buffer.extend_from_slice(octets);
    }

    /// How far the unit in progress goes so far, in octets.
    fn length(&self) -> u64 {
        let dropped = self.oversized.as_ref().map_or(0, Oversized::dropped);
        dropped + (self.at - self.start) as u64
    }

    /// Whether the unit in progress is within the bounds of a stanza so far:
    /// then nothing of it was dropped.
    fn fits(&self) -> bool {
        self.length() <= self.limits.max_stanza_octets as u64
    }

    /// True inside of an element: more octets must follow, RFC 6120 §4.6.1
    /// (a time limit on that is the caller's).
    #[must_use]
    pub fn is_mid_element(&self) -> bool {
        self.phase == Phase::Stanza || self.lex != Lex::Content
    }

    /// Octets held until their unit is complete.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// The next complete unit, or `None` until more octets are pushed.
    ///
    /// # Errors
    /// A [`StreamFault`] is final: it is returned again by every later call.
    #[expect(clippy::should_implement_trait, reason = "it fails, and never ends")]
    pub fn next(&mut self) -> Result<Option<Frame>, StreamFault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let result = self.scan();
        self.fault = result.as_ref().err().copied();
        result
    }

    fn scan(&mut self) -> Result<Option<Frame>, StreamFault> {
        while self.at < self.buffer.len() && self.phase != Phase::Closed {
            if let Some(frame) = self.step()? {
                return Ok(Some(frame));
            }
        }
        self.bound()?;
        Ok(None)
    }

    /// Consumes octets up to the next change of state.
    fn step(&mut self) -> Result<Option<Frame>, StreamFault> {
        let rest = &self.buffer[self.at..];
        match self.lex {
            Lex::Content => return self.content().map(|()| None),
            Lex::Markup => return self.markup().map(|()| None),
            Lex::StartTag => match rest.iter().position(|b| matches!(b, b'>' | b'"' | b'\'')) {
                Some(found) => {
                    self.at += found + 1;
                    match rest[found] {
                        b'>' => return self.start_tag_end(),
                        quote => self.lex = Lex::Quoted(quote),
                    }
                }
                None => self.at = self.buffer.len(),
            },
            Lex::Quoted(quote) => self.skip_to(quote, Lex::StartTag),
            Lex::EndTag => match memchr::memchr(b'>', rest) {
                Some(found) => {
                    self.at += found + 1;
                    return self.end_tag_end();
                }
                None => self.at = self.buffer.len(),
            },
            Lex::Bang(seen) => self.bang(seen)?,
            Lex::Cdata => {
                self.skip_to(b'>', Lex::Content);
                if self.lex == Lex::Content && !self.buffer[..self.at].ends_with(b"]]>") {
                    self.lex = Lex::Cdata;
                }
            }
            Lex::Declaration => {
                self.skip_to(b'>', Lex::Content);
                let declaration = &self.buffer[self.start..self.at];
                if self.lex == Lex::Content {
                    if declaration.len() > self.limits.max_header_octets {
                        return Err(StreamFault::HeaderTooLarge);
                    }
                    let is_xml = declaration.starts_with(b"<?xml")
                        && declaration.get(5).copied().is_some_and(is_space)
                        && declaration.ends_with(b"?>");
                    if !is_xml {
                        return Err(XmlFault::ProcessingInstruction.into());
                    }
                    self.start = self.at;
                }
            }
        }
        Ok(None)
    }

    fn skip_to(&mut self, octet: u8, then: Lex) {
        match memchr::memchr(octet, &self.buffer[self.at..]) {
            Some(found) => {
                self.at += found + 1;
                self.lex = then;
            }
            None => self.at = self.buffer.len(),
        }
    }

    fn content(&mut self) -> Result<(), StreamFault> {
        if self.phase == Phase::Stanza {
            self.skip_to(b'<', Lex::Markup);
            self.tag = self.at.saturating_sub(1);
            return Ok(());
        }
        let rest = &self.buffer[self.at..];
        let space = rest.iter().take_while(|&&b| is_space(b)).count();
        self.pristine &= space == 0;
        match rest.get(space) {
            None => self.at = self.buffer.len(),
            Some(b'<') => {
                self.start = self.at + space;
                self.tag = self.start;
                self.at = self.start + 1;
                self.lex = Lex::Markup;
            }
            Some(_) => return Err(StreamFault::TextBetweenStanzas),
        }
        Ok(())
    }

    fn markup(&mut self) -> Result<(), StreamFault> {
        let octet = self.buffer[self.at];
        self.lex = match (octet, self.phase) {
            (b'/', Phase::Header) => return Err(StreamFault::StrayEndTag),
            (b'/', _) => Lex::EndTag,
            (b'?', Phase::Header) if self.pristine => Lex::Declaration,
            (b'?', _) => return Err(XmlFault::ProcessingInstruction.into()),
            (b'!', _) => Lex::Bang(0),
            (b'>' | b'<' | b'"' | b'\'' | b'=', _) => return Err(XmlFault::NotWellFormed.into()),
            (octet, _) if is_space(octet) => return Err(XmlFault::NotWellFormed.into()),
            _ => Lex::StartTag,
        };
        self.pristine = false;
        self.at += 1;
        Ok(())
    }

    fn bang(&mut self, seen: usize) -> Result<(), StreamFault> {
        const CDATA: &[u8] = b"[CDATA[";
        let octet = self.buffer[self.at];
        if self.phase != Phase::Stanza || octet != CDATA[seen] {
            let is_comment = octet == b'-' && seen == 0;
            return Err(if is_comment { XmlFault::Comment } else { XmlFault::Dtd }.into());
        }
        self.at += 1;
        self.lex = if seen + 1 == CDATA.len() { Lex::Cdata } else { Lex::Bang(seen + 1) };
        Ok(())
    }

    fn start_tag_end(&mut self) -> Result<Option<Frame>, StreamFault> {
        self.lex = Lex::Content;
        let is_empty = self.buffer[..self.at].ends_with(b"/>");
        if self.phase == Phase::Header {
            if self.at - self.tag > self.limits.max_header_octets {
                return Err(StreamFault::HeaderTooLarge);
            }
            self.open_element();
            return self.header(is_empty).map(Some);
        }
        self.phase = Phase::Stanza;
        if !is_empty {
            // One more than the deepest that is legal, and the stream itself.
            let named = self.unnamed == 0 && self.open.len() <= self.limits.max_depth as usize + 1;
            match named && self.fits() {
                true => self.open_element(),
                false => self.unnamed += 1,
            }
        }
        Ok((is_empty && self.is_outermost()).then(|| self.stanza()))
    }

    /// Keeps the name of the start tag that has just ended.
    fn open_element(&mut self) {
        let tag = &self.buffer[self.tag..self.at];
        let is_end = |b: &u8| is_space(*b) || *b == b'>';
        let name = tag[1..].split(is_end).next().unwrap_or_default();
        self.open.push(self.names.len());
        self.names.extend_from_slice(name);
    }

    /// Whether no element but the stream is open.
    fn is_outermost(&self) -> bool {
        self.open.len() == 1 && self.unnamed == 0
    }

    fn end_tag_end(&mut self) -> Result<Option<Frame>, StreamFault> {
        self.lex = Lex::Content;
        if let Some(fewer) = self.unnamed.checked_sub(1) {
            self.unnamed = fewer;
        } else {
            let begin = self.open.pop().ok_or(StreamFault::StrayEndTag)?;
            if self.fits() {
                let name = self.buffer[self.tag + 2..self.at - 1].trim_ascii_end();
                if name != &self.names[begin..] {
                    return Err(StreamFault::StrayEndTag);
                }
            } else if self.phase == Phase::Idle {
                return Err(StreamFault::TagTooLarge);
            }
            self.names.truncate(begin);
        }
        if self.open.is_empty() {
            self.phase = Phase::Closed;
            self.start = self.at;
            return Ok(Some(Frame::Close));
        }
        Ok(self.is_outermost().then(|| self.stanza()))
    }

    fn header(&mut self, is_empty: bool) -> Result<Frame, StreamFault> {
        let tag = &self.buffer[self.start..self.at];
        let text = std::str::from_utf8(tag).map_err(|_| XmlFault::NotUtf8)?;
        if is_empty {
            return Err(StreamFault::NotAStream);
        }
        let header = StreamHeader::parse(&Text::from(text), self.limits)?;
        self.start = self.at;
        self.phase = Phase::Idle;
        Ok(Frame::Open(header))
    }

    /// The element that has just ended.
    fn stanza(&mut self) -> Frame {
        if !self.fits() {
            self.skip(self.at);
        }
        let frame = match self.oversized.take() {
            Some(oversized) => oversized.frame(),
            None => Frame::Stanza(Bytes::copy_from_slice(&self.buffer[self.start..self.at])),
        };
        self.start = self.at;
        self.phase = Phase::Idle;
        frame
    }

    /// Drops what came of a stanza that is too large, up to an octet.
    fn skip(&mut self, to: usize) {
        let oversized = self.oversized.get_or_insert_with(Oversized::default);
        oversized.drop_octets(&self.buffer[self.start..to]);
        self.start = to;
    }

    /// Holds the buffer within its limits while a unit is incomplete.
    fn bound(&mut self) -> Result<(), StreamFault> {
        let pending = self.at - self.start;
        match self.phase {
            // White space is not kept.
            Phase::Header | Phase::Idle if self.lex == Lex::Content => self.start = self.at,
            Phase::Header if pending > self.limits.max_header_octets => {
                return Err(StreamFault::HeaderTooLarge);
            }
            Phase::Header | Phase::Closed => {}
            Phase::Idle | Phase::Stanza if !self.fits() => {
                // The stream's own end tag is no stanza that could be skipped.
                if self.phase == Phase::Idle && self.lex == Lex::EndTag {
                    return Err(StreamFault::TagTooLarge);
                }
                self.skip(self.start.max(self.at.saturating_sub(LOOK_BACK)));
            }
            Phase::Idle | Phase::Stanza => {}
        }
        Ok(())
    }

    fn compact(&mut self) {
        if self.start == self.buffer.len() {
            self.buffer.clear();
            if self.buffer.capacity() > KEPT_CAPACITY {
                self.buffer = Vec::new();
            }
        } else if self.start > 0 {
            self.buffer.drain(..self.start);
        }
        self.at -= self.start;
        self.tag = self.tag.saturating_sub(self.start);
        self.start = 0;
    }
}
