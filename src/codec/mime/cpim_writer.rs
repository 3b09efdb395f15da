//! Writes `message/cpim` objects as the strictest known reader wants them.
//!
//! RFC 3862 §2 and §3.6. COMPAT: Linphone 5.1.65 answers 488 to a
//! Formal-name, to `im:` addresses, to bare LF and to `Content-type` in any
//! other spelling than `Content-Type`; also to every DateTime of a January or
//! of a 29th of February, which no way of writing mends.

use time::OffsetDateTime;

use super::{cpim_escape, rfc3339};
use crate::codec::language_tag;

/// An address of From, To or cc, RFC 3862 §4.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Party<'a> {
    /// Written only if [`CpimObject::with_formal_names`] is set.
    pub formal_name: Option<&'a str>,
    /// Goes between the angle brackets as it is; must be a URI.
    pub uri: &'a str,
}

/// A header of a namespace other than the core one, RFC 3862 §3.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtensionHeader<'a> {
    /// Namespace URI.
    pub ns: &'a str,
    /// Prefix to declare for it; one prefix must not serve two namespaces.
    pub prefix: &'a str,
    /// Name without prefix.
    pub name: &'a str,
    /// Value, escapes not yet made.
    pub value: &'a str,
}

/// What to write.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpimObject<'a> {
    /// RFC 3862 §4.1.
    pub from: Party<'a>,
    /// RFC 3862 §4.2.
    pub to: &'a [Party<'a>],
    /// RFC 3862 §4.3.
    pub cc: &'a [Party<'a>],
    /// RFC 3862 §4.4, written in UTC.
    pub date_time: Option<OffsetDateTime>,
    /// Language and text, RFC 3862 §4.5; empty ones are left out.
    pub subjects: &'a [(Option<&'a str>, &'a str)],
    /// For instance those of IMDN, RFC 5438 §6.
    pub extensions: &'a [ExtensionHeader<'a>],
    /// `Content-Type` of the content; `None` is `text/plain; charset=utf-8`.
    pub content_type: Option<&'a str>,
    /// Further MIME header fields of the content: name and value.
    pub content_headers: &'a [(&'a str, &'a str)],
    /// Write Formal-names (option, default off).
    pub with_formal_names: bool,
}

impl CpimObject<'_> {
    /// Appends the object with `content`, which goes out octet for octet.
    pub fn write(&self, out: &mut Vec<u8>, content: &[u8]) {
        self.party(out, b"From: ", self.from);
        self.to.iter().for_each(|&to| self.party(out, b"To: ", to));
        self.cc.iter().for_each(|&cc| self.party(out, b"cc: ", cc));
        let mut date = Vec::new();
        if let Some(at) = self.date_time {
            rfc3339::write_utc(&mut date, at);
        }
        // A year that RFC 3339 cannot write is left out with its header.
        if !date.is_empty() {
            out.extend_from_slice(b"DateTime: ");
            out.extend_from_slice(&date);
            out.extend_from_slice(b"\r\n");
        }
        for &(lang, text) in self.subjects {
            subject(out, lang, text);
        }
        self.write_extensions(out);
        out.extend_from_slice(b"\r\nContent-Type: ");
        let content_type = self.content_type.unwrap_or("text/plain; charset=utf-8");
        line(out, content_type);
        for (name, value) in self.content_headers {
            line_start(out, name);
            line(out, value);
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(content);
    }

    fn party(&self, out: &mut Vec<u8>, name: &[u8], party: Party<'_>) {
        out.extend_from_slice(name);
        let formal_name = party.formal_name.filter(|_| self.with_formal_names);
        let formal_name = formal_name.map(str::trim).filter(|name| !name.is_empty());
        match formal_name {
            Some(name) if name.split(' ').all(is_token) => {
                cpim_escape::write(out, name);
                out.push(b' ');
            }
            // No space behind a quoted name, RFC 3862 §3.6.
            Some(name) => cpim_escape::write_quoted(out, name),
            None => {}
        }
        out.push(b'<');
        // A URI has neither controls nor brackets; what has is cut short.
        let is_end = |c: char| c.is_control() || matches!(c, '<' | '>' | ' ');
        let uri = party.uri.split(is_end).next().unwrap_or_default();
        out.extend_from_slice(uri.as_bytes());
        out.extend_from_slice(b">\r\n");
    }

    fn write_extensions(&self, out: &mut Vec<u8>) {
        for (index, header) in self.extensions.iter().enumerate() {
            if header.value.trim_end().is_empty() {
                continue;
            }
            let earlier = &self.extensions[..index];
            if !earlier.iter().any(|e| e.prefix == header.prefix && !e.value.trim_end().is_empty())
            {
                out.extend_from_slice(b"NS: ");
                out.extend_from_slice(header.prefix.as_bytes());
                out.extend_from_slice(b" <");
                out.extend_from_slice(header.ns.as_bytes());
                out.extend_from_slice(b">\r\n");
            }
            out.extend_from_slice(header.prefix.as_bytes());
            out.push(b'.');
            line_start(out, header.name);
            cpim_escape::write(out, header.value.trim_end());
            out.extend_from_slice(b"\r\n");
        }
    }
}

fn subject(out: &mut Vec<u8>, lang: Option<&str>, text: &str) {
    // No white space at the end of a line, RFC 3862 §2.2.
    let text = text.trim_end_matches([' ', '\t']);
    if text.is_empty() {
        return;
    }
    out.extend_from_slice(b"Subject:");
    if let Some(tag) = lang.filter(|tag| language_tag::is_well_formed(tag)) {
        out.extend_from_slice(b";lang=");
        out.extend_from_slice(tag.as_bytes());
    }
    out.push(b' ');
    cpim_escape::write(out, text);
    out.extend_from_slice(b"\r\n");
}

fn line_start(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
}

/// A MIME field's value: nothing in it may end the line.
fn line(out: &mut Vec<u8>, value: &str) {
    let is_kept = |b: &u8| !b.is_ascii_control();
    out.extend(value.bytes().filter(is_kept));
    out.extend_from_slice(b"\r\n");
}

/// `Token`, RFC 3862 §3.6.
fn is_token(text: &str) -> bool {
    let is_separator = |c| "()<>@,;:\\\"/[]?={} ".contains(c);
    !text.is_empty() && !text.contains(|c: char| c.is_control() || is_separator(c))
}
