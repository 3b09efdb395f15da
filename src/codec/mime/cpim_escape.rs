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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        write(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    fn quoted(text: &str) -> String {
        let mut out = Vec::new();
        write_quoted(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cpim_009_backslash_and_controls_are_escaped() {
        assert_eq!(written("a\tb\\c"), "a\\tb\\\\c");
        assert_eq!(written("\u{8}\n\r"), "\\b\\n\\r");
        assert_eq!(written("\0\u{b}\u{1f}\u{7f}"), "\\u0000\\u000b\\u001f\\u007f");
    }

    #[test]
    fn cpim_010_nothing_else_is_escaped() {
        assert_eq!(quoted("O\"B"), "\"O\\\"B\"");
        assert_eq!(quoted("O'B"), "\"O'B\"");
        assert_eq!(written("\u{e9}\"'\u{1F600}"), "\u{e9}\"'\u{1F600}");
    }

    #[test]
    fn cpim_011_unknown_escape_is_the_character() {
        assert_eq!(unescape("\\q"), "q");
        assert_eq!(unescape("\\\u{e9}x"), "\u{e9}x");
        assert_eq!(unescape("\\u12"), "u12");
        assert_eq!(unescape("\\uD83"), "uD83");
        assert_eq!(unescape("\\u+123"), "u+123");
        assert_eq!(unescape("\\'\\\"\\\\"), "'\"\\");
        assert_eq!(unescape("abc\\"), "abc");
        assert_eq!(unescape("\\u0041\\u00e9\\u00E9"), "A\u{e9}\u{e9}");
    }

    #[test]
    fn cpim_012_surrogates_combine_and_a_lone_one_is_replaced() {
        assert_eq!(unescape("\\ud83d\\ude00"), "\u{1F600}");
        assert_eq!(unescape("\\uD83D\\uDE00!"), "\u{1F600}!");
        assert_eq!(unescape("\\ud83d"), "\u{fffd}");
        assert_eq!(unescape("\\ud83dx"), "\u{fffd}x");
        assert_eq!(unescape("\\ude00"), "\u{fffd}");
        assert_eq!(unescape("\\ud83d\\u0041"), "\u{fffd}A");
        assert_eq!(unescape("\\ud83d\\ud83d\\ude00"), "\u{fffd}\u{1F600}");
    }

    #[test]
    fn cpim_012_what_xml_cannot_carry_is_replaced_in_the_stanza() {
        for value in ["\\u0000", "\\u0001", "\\b", "\\uffff"] {
            let mut stanza = Vec::new();
            crate::codec::xml::escape::write_text(&mut stanza, &unescape(value));
            assert_eq!(stanza, "\u{fffd}".as_bytes(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(s in "\\PC*|[\\x00-\\x7f]{0,32}") {
            let one_line = written(&s);
            prop_assert!(!one_line.contains(|c: char| c.is_ascii_control()));
            prop_assert_eq!(unescape(&one_line), s.as_str());
            let quoted = quoted(&s);
            prop_assert_eq!(unescape(&quoted[1..quoted.len() - 1]), s.as_str());
        }

        #[test]
        fn unescape_never_panics(s in "[\\\\ud0-9a-fD83DE\u{e9}\"]{0,24}") {
            let _ = unescape(&s);
        }
    }
}
