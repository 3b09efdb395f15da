//! Productions of XML 1.0 and XML Namespaces 1.0 within one token.

use std::borrow::Cow;

use super::XmlFault;
use super::escape::{below, equal, is_xml_char, run};

/// What an octet may be in a name: bit 0 its first character, bit 1 a later one.
const NAME_OCTETS: [u8; 256] = {
    let mut table = [0; 256];
    let mut b = 0;
    while b < 128 {
        table[b] = match b as u8 {
            b'A'..=b'Z' | b'_' | b'a'..=b'z' => 3,
            b'-' | b'.' | b'0'..=b'9' => 2,
            _ => 0,
        };
        b += 1;
    }
    table
};

/// A `QName` (XML Namespaces 1.0 §4) found in a tag.
pub(super) struct ScannedName<'a> {
    pub(super) prefix: Option<&'a str>,
    pub(super) local: &'a str,
    /// First octet behind it.
    pub(super) end: usize,
}

/// Reads the name that begins at `begin`.
pub(super) fn scan_name(tag: &str, begin: usize) -> Result<ScannedName<'_>, XmlFault> {
    let (prefix_or_name, end) = scan_ascii_ncname(tag, begin)?;
    match tag.as_bytes().get(end) {
        Some(b':') => {
            let (local, end) = scan_ascii_ncname(tag, end + 1)?;
            match tag.as_bytes().get(end) {
                Some(b':' | 0x80..) => scan_any_name(tag, begin),
                _ => Ok(ScannedName { prefix: Some(prefix_or_name), local, end }),
            }
        }
        Some(0x80..) => scan_any_name(tag, begin),
        _ => Ok(ScannedName { prefix: None, local: prefix_or_name, end }),
    }
}

/// Up to the first octet that is no ASCII name character; empty only in front
/// of a character that needs a closer look.
fn scan_ascii_ncname(tag: &str, begin: usize) -> Result<(&str, usize), XmlFault> {
    let bytes = tag.as_bytes();
    match bytes.get(begin) {
        Some(&first) if NAME_OCTETS[usize::from(first)] & 1 != 0 => {}
        Some(0x80..) => return Ok(("", begin)),
        _ => return Err(XmlFault::BadName),
    }
    let mut end = begin + 1;
    while end < bytes.len() && NAME_OCTETS[usize::from(bytes[end])] != 0 {
        end += 1;
    }
    Ok((&tag[begin..end], end))
}

/// The same for names with other characters than those of ASCII.
#[cold]
fn scan_any_name(tag: &str, begin: usize) -> Result<ScannedName<'_>, XmlFault> {
    let is_end = |b: u8| is_space(b) || matches!(b, b'=' | b'/');
    let rest = &tag[begin..];
    let len = rest.bytes().position(is_end).unwrap_or(rest.len());
    let name = &rest[..len];
    let (prefix, local) = match name.split_once(':') {
        Some((prefix, local)) => (Some(prefix), local),
        None => (None, name),
    };
    if !prefix.is_none_or(is_ncname) || !is_ncname(local) {
        return Err(XmlFault::BadName);
    }
    Ok(ScannedName { prefix, local, end: begin + len })
}

/// Reads `S? '=' S? '"' value '"'` at `begin`: the normalised value and the
/// first octet behind it.
pub(super) fn scan_value(tag: &str, begin: usize) -> Result<(Cow<'_, str>, usize), XmlFault> {
    let bytes = tag.as_bytes();
    let at = skip_space(bytes, begin);
    if bytes.get(at) != Some(&b'=') {
        return Err(XmlFault::NotWellFormed);
    }
    let at = skip_space(bytes, at + 1);
    let quote = match bytes.get(at) {
        Some(&quote @ (b'\'' | b'"')) => quote,
        _ => return Err(XmlFault::NotWellFormed),
    };
    let begin = at + 1;
    let special =
        |word: u64| equal(word, quote) | equal(word, b'&') | equal(word, b'<') | below(word, 0x20);
    let end = begin + run(&bytes[begin..], special);
    if bytes.get(end) == Some(&quote) {
        return Ok((Cow::Borrowed(&tag[begin..end]), end + 1));
    }
    let more = memchr::memchr(quote, &bytes[end..]).ok_or(XmlFault::NotWellFormed)?;
    let end = end + more;
    Ok((normalise_attribute(&tag[begin..end])?, end + 1))
}

/// First octet at or behind `at` that is no white space.
pub(super) fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() && is_space(bytes[at]) {
        at += 1;
    }
    at
}

/// XML 1.0 §3.3.3: references resolved, white space characters to spaces.
pub(in crate::codec) fn normalise_attribute(value: &str) -> Result<Cow<'_, str>, XmlFault> {
    let needs_work = |b: u8| matches!(b, b'&' | b'<' | b'\t' | b'\n' | b'\r');
    if !value.bytes().any(needs_work) {
        return Ok(Cow::Borrowed(value));
    }
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.bytes().position(needs_work) {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'<' => return Err(XmlFault::LessThanInAttribute),
            b'&' => {
                let end =
                    memchr::memchr(b';', &rest.as_bytes()[at..]).ok_or(XmlFault::BadReference)?;
                out.push(resolve(&rest[at + 1..at + end])?);
                rest = &rest[at + end + 1..];
                continue;
            }
            b'\r' if rest.as_bytes().get(at + 1) == Some(&b'\n') => {
                out.push(' ');
                rest = &rest[at + 2..];
                continue;
            }
            _ => out.push(' '),
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    Ok(Cow::Owned(out))
}

/// XML 1.0 §2.11.
pub(super) fn normalise_line_ends(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\r', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// The character a reference stands for, given what is between `&` and `;`.
pub(super) fn resolve(reference: &str) -> Result<char, XmlFault> {
    let Some(number) = reference.strip_prefix('#') else {
        return match reference {
            "lt" => Ok('<'),
            "gt" => Ok('>'),
            "amp" => Ok('&'),
            "apos" => Ok('\''),
            "quot" => Ok('"'),
            _ => Err(XmlFault::BadReference),
        };
    };
    let (digits, radix) = match number.strip_prefix('x') {
        Some(hex) => (hex, 16),
        None => (number, 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(XmlFault::BadReference);
    }
    // A number too large for u32 is no character either.
    let code = u32::from_str_radix(digits, radix).map_err(|_| XmlFault::IllegalCharacter)?;
    char::from_u32(code).filter(|&c| is_xml_char(c)).ok_or(XmlFault::IllegalCharacter)
}

fn is_ncname(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(is_name_start) && chars.all(is_name_char)
}

/// XML 1.0 §2.3 `NameStartChar` without the colon.
fn is_name_start(c: char) -> bool {
    matches!(c, 'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}'
        | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}'
        | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}'
        | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

/// XML 1.0 §2.3 `NameChar` without the colon.
fn is_name_char(c: char) -> bool {
    is_name_start(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// XML 1.0 §2.3 `S`.
pub(in crate::codec) const fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r')
}
