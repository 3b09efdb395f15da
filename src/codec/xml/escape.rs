//! Character data on output: escaping and the XML `Char` check.
//!
//! XML 1.0 §2.2 (`Char`), §2.4 (escapes), §2.11 (line ends). One octet outside
//! `Char` makes the server close the component's stream and cuts off all
//! users, so no string reaches the stream but through this file.

use std::borrow::Cow;

const REPLACEMENT: &[u8] = "\u{FFFD}".as_bytes();

/// True if `c` is in the production `Char`, XML 1.0 §2.2.
#[must_use]
pub const fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{FFFD}' | '\u{10000}'..)
}

/// True if every character of `text` may stand in an XML document.
#[must_use]
pub fn is_xml_text(text: &str) -> bool {
    first_illegal(text.as_bytes()).is_none()
}

/// `text` with every character XML cannot carry replaced by U+FFFD.
#[must_use]
pub fn replace_illegal(text: &str) -> Cow<'_, str> {
    if is_xml_text(text) {
        return Cow::Borrowed(text);
    }
    let keep = |c| if is_xml_char(c) { c } else { '\u{FFFD}' };
    Cow::Owned(text.chars().map(keep).collect())
}

/// Appends `text` as element content.
///
/// Characters outside `Char` become U+FFFD, CRLF and a lone CR become LF.
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    write_escaped(out, text, false);
}

/// Appends `text` as a CDATA section; `]]>` is split over two of them (XML 1.0 §2.7).
///
/// Characters and line ends as in [`write_text`].
pub fn write_cdata(out: &mut Vec<u8>, text: &str) {
    let text = replace_illegal(text).replace("\r\n", "\n").replace('\r', "\n");
    out.extend_from_slice(b"<![CDATA[");
    out.extend_from_slice(text.replace("]]>", "]]]]><![CDATA[>").as_bytes());
    out.extend_from_slice(b"]]>");
}

/// Appends ` name='value'`.
///
/// Line feeds and tabs are written as references, because a parser would
/// turn raw ones into spaces (XML 1.0 §3.3.3).
pub fn write_attribute(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"='");
    write_escaped(out, value, true);
    out.push(b'\'');
}

/// Offset of the first character that is not in `Char`; `bytes` is UTF-8.
pub(super) fn first_illegal(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += run(&bytes[at..], |word| below(word, 0x20) | equal(word, 0xEF));
        let rest = &bytes[at..];
        match rest {
            [] => return None,
            [b'\t' | b'\n' | b'\r', ..] => at += 1,
            [0xEF, 0xBF, 0xBE | 0xBF, ..] => return Some(at),
            [0xEF, ..] => at += 1,
            _ => return Some(at),
        }
    }
}

/// Eight octets at a time: the high bit of the first octet that equals `b`
/// is set, and none before it.
#[inline]
pub(super) const fn equal(word: u64, b: u8) -> u64 {
    let difference = word ^ (ONES * b as u64);
    difference.wrapping_sub(ONES) & !difference & HIGH_BITS
}

/// The same for the first octet below `bound`, which is at most 128.
#[inline]
pub(super) const fn below(word: u64, bound: u8) -> u64 {
    word.wrapping_sub(ONES * bound as u64) & !word & HIGH_BITS
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH_BITS: u64 = ONES << 7;

/// Length of the prefix of `bytes` in which no octet is flagged. `flags` is
/// made of [`equal`] and [`below`] and flags no `a`.
#[inline]
pub(super) fn run(bytes: &[u8], flags: impl Fn(u64) -> u64) -> usize {
    let first = |flagged: u64| flagged.trailing_zeros() as usize / 8;
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let flagged = flags(u64::from_le_bytes(*word));
        if flagged != 0 {
            return index * 8 + first(flagged);
        }
    }
    if rest.is_empty() {
        return bytes.len();
    }
    if let Some(last) = bytes.last_chunk::<8>() {
        // What overlaps has been found clean.
        let flagged = flags(u64::from_le_bytes(*last));
        return if flagged == 0 { bytes.len() } else { bytes.len() - 8 + first(flagged) };
    }
    let is_flagged =
        |&b: &u8| flags(u64::from_le_bytes([b, b'a', b'a', b'a', b'a', b'a', b'a', b'a'])) != 0;
    rest.iter().position(is_flagged).unwrap_or(rest.len())
}

fn write_escaped(out: &mut Vec<u8>, text: &str, attribute: bool) {
    let bytes = text.as_bytes();
    // `&` and `'`, `<` and `>` differ in one bit.
    let special = |word: u64| {
        below(word, 0x20)
            | equal(word | ONES, b'\'')
            | equal(word | (ONES << 1), b'>')
            | equal(word, 0xEF)
    };
    let (mut written, mut at) = (0, 0);
    loop {
        at += run(&bytes[at..], special);
        let (replacement, width): (&[u8], usize) = match &bytes[at..] {
            [] => break,
            [b'&', ..] => (b"&amp;", 1),
            [b'<', ..] => (b"&lt;", 1),
            [b'>', ..] => (b"&gt;", 1),
            [b'\'', ..] if attribute => (b"&apos;", 1),
            [b'\r', b'\n', ..] if attribute => (b"&#10;", 2),
            [b'\r' | b'\n', ..] if attribute => (b"&#10;", 1),
            [b'\t', ..] if attribute => (b"&#9;", 1),
            [b'\r', b'\n', ..] => (b"\n", 2),
            [b'\r', ..] => (b"\n", 1),
            [0xEF, 0xBF, 0xBE | 0xBF, ..] => (REPLACEMENT, 3),
            [b'\t' | b'\n' | b'\'' | 0xEF, ..] => {
                at += 1;
                continue;
            }
            _ => (REPLACEMENT, 1),
        };
        out.extend_from_slice(&bytes[written..at]);
        out.extend_from_slice(replacement);
        at += width;
        written = at;
    }
    out.extend_from_slice(&bytes[written..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(s: &str) -> String {
        let mut out = Vec::new();
        write_text(&mut out, s);
        String::from_utf8(out).unwrap()
    }

    fn attribute(s: &str) -> String {
        let mut out = Vec::new();
        write_attribute(&mut out, "a", s);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn sec_023_text_is_escaped() {
        assert_eq!(text("</presence>&'\""), "&lt;/presence&gt;&amp;'\"");
        assert_eq!(text("]]>"), "]]&gt;");
        assert_eq!(attribute("<'\">&"), " a='&lt;&apos;\"&gt;&amp;'");
    }

    #[test]
    fn e2e_014_a_section_ends_nowhere_but_at_its_end() {
        let mut out = Vec::new();
        write_cdata(&mut out, "a]]>b]]]>\r\n]]");
        let written = String::from_utf8(out).unwrap();
        assert_eq!(written, "<![CDATA[a]]]]><![CDATA[>b]]]]]><![CDATA[>\n]]]]>");
        let document = format!("<e xmlns='u'>{written}</e>").into();
        let read = crate::codec::xml::Element::parse_document(&document, Default::default());
        assert_eq!(read.unwrap().text(), "a]]>b]]]>\n]]");
    }

    #[test]
    fn sec_047_illegal_characters_are_replaced_in_text_and_attributes() {
        for illegal in ['\0', '\u{1}', '\u{8}', '\u{b}', '\u{c}', '\u{1f}', '\u{fffe}', '\u{ffff}']
        {
            assert!(!is_xml_char(illegal));
            assert_eq!(text(&format!("a{illegal}b")), "a\u{fffd}b");
            assert_eq!(attribute(&format!("a{illegal}b")), " a='a\u{fffd}b'");
            assert_eq!(replace_illegal(&format!("a{illegal}b")), "a\u{fffd}b");
        }
        for legal in ['\t', '\n', ' ', '\u{7f}', '\u{85}', '\u{fffd}', '\u{efff}', '\u{1fffe}'] {
            assert!(is_xml_char(legal));
            assert_eq!(text(&format!("a{legal}b")), format!("a{legal}b"));
        }
    }

    #[test]
    fn msg_063_no_carriage_return_is_written() {
        assert_eq!(text("a\r\nb\rc\nd\r"), "a\nb\nc\nd\n");
        assert_eq!(attribute("a\r\nb\rc"), " a='a&#10;b&#10;c'");
    }

    #[test]
    fn attribute_white_space_survives_normalisation() {
        assert_eq!(attribute("a\tb\nc"), " a='a&#9;b&#10;c'");
    }

    proptest! {
        #[test]
        fn what_is_written_is_legal_and_reads_back(s in ".*|[\\x00-\\x20&<>'\"\u{ef00}\u{fffe}\u{ffff}a]{0,64}") {
            let written = text(&s);
            prop_assert!(is_xml_text(&written) && !written.contains(['<', '\r']));
            let expected: String = replace_illegal(&s).replace("\r\n", "\n").replace('\r', "\n");
            let read = written.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn the_fast_scan_agrees_with_the_slow_one(s in ".{0,80}|[a\\x00-\\x1f\u{fffd}-\u{ffff}]{0,40}") {
            prop_assert_eq!(is_xml_text(&s), s.chars().all(is_xml_char));
        }
    }
}
