//! The header section as lines and values (RFC 3261 §7.3.1): unfolding, and slices that share the
//! received buffer.

use std::ops::Range;

use bytes::Bytes;

use super::header_value::Quotes;
use super::malformed::MalformedKind as Kind;
use super::token::ValueError;
use super::{HeaderName, HeaderValue, Text, chars};

/// Octets, and the same as text if they are UTF-8, so that no slice is checked a second time.
pub(super) enum Source {
    Text(Text),
    Octets(Bytes),
}

impl Source {
    /// A range of the octets, which is to hold a head or a value.
    pub(super) fn new(octets: &Bytes, range: Range<usize>) -> Source {
        match Text::try_from(octets.slice(range.clone())) {
            Ok(text) => Source::Text(text),
            Err(_) => Source::Octets(octets.slice(range)),
        }
    }

    pub(super) fn octets(&self) -> &[u8] {
        match self {
            Source::Text(text) => text.as_bytes(),
            Source::Octets(octets) => octets,
        }
    }

    /// A part of it, which begins and ends at ASCII characters.
    pub(super) fn value(&self, range: Range<usize>) -> Value<'_> {
        Value { source: self, range }
    }

    /// The line that begins at `at`, without its CRLF, and where the next one begins.
    pub(super) fn line(&self, at: usize) -> Result<(Range<usize>, usize), Kind> {
        let rest = &self.octets()[at..];
        match memchr::memchr(b'\n', rest) {
            None => Err(Kind::Truncated),
            Some(end) if end > 0 && rest[end - 1] == b'\r' => Ok((at..at + end - 1, at + end + 1)),
            Some(_) => Err(Kind::LineEnd),
        }
    }

    /// Whether the line that begins at `at` goes on with the line before.
    fn is_continuation(&self, at: usize) -> bool {
        self.octets().get(at).copied().is_some_and(chars::is_space)
    }

    /// Reads the header field that begins at `at`: its name, its value, and how many lines it
    /// takes; gives where the next one begins.
    pub(super) fn field<R>(
        &self,
        at: usize,
        lines: &mut usize,
        take: impl FnOnce(HeaderName, Value<'_>) -> Result<R, Kind>,
    ) -> Result<usize, Kind> {
        let (line, next) = self.line(at)?;
        *lines += 1;
        let (name, value) = self.name(line)?;
        if !self.is_continuation(next) {
            take(name, self.value(value))?;
            return Ok(next);
        }
        let (unfolded, next) = self.unfold(value, next, lines)?;
        let value = trimmed(unfolded.octets(), 0..unfolded.octets().len());
        take(name, unfolded.value(value))?;
        Ok(next)
    }

    /// `header-name HCOLON`: the name, and where the value is, without white space at its ends.
    fn name(&self, line: Range<usize>) -> Result<(HeaderName, Range<usize>), Kind> {
        let octets = &self.octets()[line.clone()];
        // Names are short: a loop is done before a vector search has begun.
        let colon = octets.iter().position(|&b| b == b':').ok_or(Kind::HeaderLine)?;
        let mut end = colon;
        while end > 0 && chars::is_space(octets[end - 1]) {
            end -= 1;
        }
        let text = || self.value(line.start..line.start + end).latin1();
        let name = HeaderName::from_octets(&octets[..end], text).ok_or(Kind::HeaderLine)?;
        Ok((name, trimmed(self.octets(), line.start + colon + 1..line.end)))
    }

    /// The value with its continuation lines, each line end and the white space around it made one
    /// space.
    fn unfold(
        &self,
        value: Range<usize>,
        mut next: usize,
        lines: &mut usize,
    ) -> Result<(Source, usize), Kind> {
        let mut unfolded = self.octets()[value].to_vec();
        while self.is_continuation(next) {
            let (line, after) = self.line(next)?;
            unfolded.push(b' ');
            unfolded.extend_from_slice(chars::trim_octets(&self.octets()[line]));
            *lines += 1;
            next = after;
        }
        let length = unfolded.len();
        Ok((Source::new(&unfolded.into(), 0..length), next))
    }

    /// Whether there are no controls but a CR and an LF for each line, tabs, and escaped ones.
    pub(super) fn check_controls(&self, lines: usize) -> Result<(), Kind> {
        if chars::count_controls(self.octets()) == lines * 2 {
            return Ok(());
        }
        let mut quotes = Quotes::default();
        for line in self.octets().split(|&b| b == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if memchr::memchr(b'\r', line).is_some() {
                return Err(Kind::LineEnd);
            }
            if !line.first().copied().is_some_and(chars::is_space) {
                quotes = Quotes::default();
            }
            if !quotes.allow(line) {
                return Err(Kind::Control);
            }
        }
        Ok(())
    }
}

/// Part of a [`Source`].
pub(super) struct Value<'s> {
    source: &'s Source,
    range: Range<usize>,
}

impl Value<'_> {
    pub(super) fn as_str(&self) -> Result<&str, ValueError> {
        let text = match self.source {
            Source::Text(text) => text.get(self.range.clone()),
            Source::Octets(octets) => std::str::from_utf8(&octets[self.range.clone()]).ok(),
        };
        text.ok_or(ValueError::Utf8)
    }

    /// The text, sharing the buffer.
    pub(super) fn text(&self) -> Result<Text, ValueError> {
        match self.source {
            Source::Text(text) => Ok(text.slice_ref(self.as_str()?)),
            Source::Octets(_) => self.bytes().try_into().map_err(|_| ValueError::Utf8),
        }
    }

    /// The octets, sharing the buffer.
    pub(super) fn bytes(&self) -> Bytes {
        match self.source {
            Source::Text(text) => text.as_bytes().slice(self.range.clone()),
            Source::Octets(octets) => octets.slice(self.range.clone()),
        }
    }

    pub(super) fn header_value(&self) -> HeaderValue {
        match self.text() {
            Ok(text) => HeaderValue::from_legal_text(text),
            Err(_) => HeaderValue::from_legal(self.bytes()),
        }
    }

    /// The text, octets that are not UTF-8 read as Latin-1.
    pub(super) fn latin1(&self) -> Text {
        self.header_value().to_text()
    }
}

fn trimmed(octets: &[u8], range: Range<usize>) -> Range<usize> {
    let inner = chars::trim_range(&octets[range.clone()]);
    range.start + inner.start..range.start + inner.end
}
