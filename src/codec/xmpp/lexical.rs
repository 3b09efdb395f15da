//! Productions of XML 1.0 and XML Namespaces 1.0 within one token.

use std::borrow::Cow;

use super::escape::is_xml_char;
use super::strict::XmlFault;

/// Splits `name S? '=' S? quoted` off the front.
pub(super) fn split_attribute(text: &str) -> Result<(&str, &str, &str), XmlFault> {
    let ill = XmlFault::NotWellFormed;
    let equals = memchr::memchr(b'=', text.as_bytes()).ok_or(ill)?;
    let name = text[..equals].trim_end_matches(is_space_char);
    let after = text[equals + 1..].trim_start_matches(is_space_char);
    let quote = match after.as_bytes().first() {
        Some(&quote @ (b'\'' | b'"')) => quote,
        _ => return Err(ill),
    };
    let end = memchr::memchr(quote, &after.as_bytes()[1..]).ok_or(ill)?;
    Ok((name, &after[1..=end], &after[end + 2..]))
}

/// XML 1.0 §3.3.3: references resolved, white space characters to spaces.
pub(super) fn normalise_attribute(value: &str) -> Result<Cow<'_, str>, XmlFault> {
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

/// Checks a `QName` (XML Namespaces 1.0 §4) and cuts it at its colon.
pub(super) fn split_name(name: &str) -> Result<(Option<&str>, &str), XmlFault> {
    match memchr::memchr(b':', name.as_bytes()) {
        None => Ok((None, check_ncname(name)?)),
        Some(at) => Ok((Some(check_ncname(&name[..at])?), check_ncname(&name[at + 1..])?)),
    }
}

fn check_ncname(name: &str) -> Result<&str, XmlFault> {
    let mut bytes = name.bytes();
    let first = bytes.next().ok_or(XmlFault::BadName)?;
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if (first.is_ascii_alphabetic() || first == b'_') && bytes.all(is_plain) {
        return Ok(name);
    }
    let mut chars = name.chars();
    let legal = chars.next().is_some_and(is_name_start) && chars.all(is_name_char);
    if legal { Ok(name) } else { Err(XmlFault::BadName) }
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
pub(super) const fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r')
}

pub(super) const fn is_space_char(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}
