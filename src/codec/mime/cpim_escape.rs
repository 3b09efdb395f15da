//! The character escapes of CPIM headers, RFC 3862 §2.3.

use std::borrow::Cow;

/// Appends `text` as a header value: backslash and control characters
/// escaped, everything else as it is, RFC 3862 §2.3.1.
pub fn write(out: &mut Vec<u8>, text: &str) {
    write_escaped(out, text, None);
}

/// Appends `text` as a quoted string, its quotes escaped too.
pub fn write_quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    write_escaped(out, text, Some(b'"'));
    out.push(b'"');
}

/// Resolves the escapes, RFC 3862 §2.3.1.
///
/// An unknown escape is the character after the backslash, a backslash at the
/// end is ignored, surrogate pairs combine and a lone surrogate is U+FFFD.
/// Characters that XML cannot carry come out as they are: whoever writes a
/// stanza replaces them.
#[must_use]
pub fn unescape(value: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', value.as_bytes()).is_none() {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(c) = rest.chars().next() else { break };
        let (c, width) = match c {
            'b' => ('\u{8}', 1),
            't' => ('\t', 1),
            'n' => ('\n', 1),
            'r' => ('\r', 1),
            'u' => code_unit_escape(&rest[1..]).map_or(('u', 1), |(c, width)| (c, 1 + width)),
            other => (other, other.len_utf8()),
        };
        out.push(c);
        rest = &rest[width..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The character written by `xxxx`, or by `xxxx\uxxxx`, and the octets used.
fn code_unit_escape(text: &str) -> Option<(char, usize)> {
    let high = code_unit(text)?;
    if let Some(c) = char::from_u32(high) {
        return Some((c, 4));
    }
    let low = text[4..].strip_prefix("\\u").and_then(code_unit);
    match (high, low) {
        (0xD800..=0xDBFF, Some(low @ 0xDC00..=0xDFFF)) => {
            let code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            Some((char::from_u32(code).unwrap_or('\u{FFFD}'), 10))
        }
        _ => Some(('\u{FFFD}', 4)),
    }
}

fn code_unit(text: &str) -> Option<u32> {
    let digits = text.get(..4)?;
    let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hex { u32::from_str_radix(digits, 16).ok() } else { None }
}

fn write_escaped(out: &mut Vec<u8>, text: &str, quote: Option<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for &b in text.as_bytes() {
        let short = match b {
            b'\\' => b'\\',
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            b'\r' => b'r',
            _ if Some(b) == quote => b,
            0x00..=0x1F | 0x7F => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(b >> 4)]);
                out.push(HEX[usize::from(b & 15)]);
                continue;
            }
            _ => {
                out.push(b);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    }
}
