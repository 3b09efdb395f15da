//! Character classes of the RFC 3261 §25.1 grammar, as one table of 256 entries.

use std::ops::Range;

/// A set of character classes; one bit each.
pub(super) type Class = u16;

/// `token`: alphanum and ``-.!%*_+`'~``.
pub(super) const TOKEN: Class = 1;
/// `user` of a SIP URI, with `%`: unreserved and `&=+$,;?/`.
pub(super) const USER: Class = 1 << 1;
/// `password` of a SIP URI, with `%`: unreserved and `&=+$,`.
pub(super) const PASSWORD: Class = 1 << 2;
/// `paramchar` of a URI parameter, with `%`: unreserved and `[]/:&+$`.
pub(super) const PARAM: Class = 1 << 3;
/// `hname` and `hvalue` of a URI header, with `%`: unreserved and `[]/?:+$`.
pub(super) const HEADER: Class = 1 << 4;
/// `uric`, with `%`: what any absolute URI may hold.
pub(super) const URIC: Class = 1 << 5;
/// A host name, and the underscore which real names hold.
pub(super) const HOST: Class = 1 << 6;
/// Visible ASCII: what a Call-ID may hold. The grammar's `word` leaves out a few
/// (`$ & , ; = # ^ |`) which senders do put there.
pub(super) const VISIBLE: Class = 1 << 7;
/// An unquoted `gen-value`: token, host, and what peers put there beside (`/ @ ? & = $ #`).
pub(super) const VALUE: Class = 1 << 8;
/// `Reason-Phrase`, without `%` escapes but with octets above 127.
pub(super) const PHRASE: Class = 1 << 9;
/// ASCII controls (0-31 and 127), the horizontal tab among them.
pub(super) const CONTROL: Class = 1 << 10;
/// An unquoted display name: `token`, spaces, and all that is not structure (`"<>,;\` and controls).
pub(super) const DISPLAY: Class = 1 << 11;
/// `scheme`: alphanum and `+-.`.
pub(super) const SCHEME: Class = 1 << 12;
/// RFC 3986 `unreserved`, RFC 3261 `unreserved`: alphanum and `-_.!~*'()`.
pub(super) const UNRESERVED: Class = 1 << 13;
/// The digits of a `tel:` number, `*` and `#` among them (RFC 3966 §3 `phonedigit-hex`).
pub(super) const PHONE_DIGIT: Class = 1 << 15;
/// `token68` of RFC 7235 §2.1 without its trailing `=`.
pub(super) const TOKEN68: Class = 1 << 14;

const fn has(set: &[u8], octet: u8) -> bool {
    let mut i = 0;
    while i < set.len() {
        if set[i] == octet {
            return true;
        }
        i += 1;
    }
    false
}

/// The classes which are letters, digits and a few more characters.
const ALPHANUMERIC: [(Class, &[u8]); 11] = [
    (TOKEN, b"-.!%*_+`'~"),
    (USER, b"-_.!~*'()%&=+$,;?/"),
    (PASSWORD, b"-_.!~*'()%&=+$,"),
    (PARAM, b"-_.!~*'()%[]/:&+$"),
    (HEADER, b"-_.!~*'()%[]/?:+$"),
    (URIC, b"-_.!~*'()%;/?:@&=+$,[]"),
    (HOST, b"-._"),
    (VALUE, b"-.!%*_+`'~[]:/@?&=$#"),
    (SCHEME, b"+-."),
    (UNRESERVED, b"-_.!~*'()"),
    (TOKEN68, b"-._~+/"),
];

const fn classes(b: u8) -> Class {
    let mut class = 0;
    let mut i = 0;
    while i < ALPHANUMERIC.len() {
        let (member, more) = ALPHANUMERIC[i];
        if b.is_ascii_alphanumeric() || has(more, b) {
            class |= member;
        }
        i += 1;
    }
    if b.is_ascii_alphanumeric() || has(b"-_.!~*'();/?:@&=+$, ", b) || b >= 0x80 {
        class |= PHRASE;
    }
    if b.is_ascii_hexdigit() || has(b"*#", b) {
        class |= PHONE_DIGIT;
    }
    if b.is_ascii_graphic() {
        class |= VISIBLE;
    }
    if b.is_ascii_control() {
        class |= CONTROL;
    }
    if !(has(b"\"<>,;\\", b) || b.is_ascii_control() && b != b'\t') {
        class |= DISPLAY;
    }
    class
}

static TABLE: [Class; 256] = {
    let mut table = [0; 256];
    let mut b = 0;
    while b < 256 {
        table[b] = classes(b as u8);
        b += 1;
    }
    table
};

/// Whether the octet is in (one of) the class(es).
#[inline]
pub(super) fn is(octet: u8, class: Class) -> bool {
    TABLE[usize::from(octet)] & class != 0
}

/// How many leading octets are in the class.
#[inline]
pub(super) fn span(octets: &[u8], class: Class) -> usize {
    octets.iter().position(|&b| !is(b, class)).unwrap_or(octets.len())
}

/// How many controls other than tabs there are. (Summed in octets, which the compiler turns into
/// vector instructions.)
pub(super) fn count_controls(octets: &[u8]) -> usize {
    let control = |b: u8| u8::from(((b < b' ') & (b != b'\t')) | (b == 0x7f));
    let sum = |chunk: &[u8]| chunk.iter().fold(0, |sum: u8, &b| sum.wrapping_add(control(b)));
    octets.chunks(192).map(|chunk| usize::from(sum(chunk))).sum()
}

/// Whether every octet is in the class.
#[inline]
pub(super) fn all(octets: &[u8], class: Class) -> bool {
    octets.iter().all(|&b| is(b, class))
}

/// The octet is SP or HTAB, the white space left once lines are unfolded.
#[inline]
pub(super) fn is_space(octet: u8) -> bool {
    octet == b' ' || octet == b'\t'
}

/// Where the white space from `at` ends.
#[inline]
pub(super) fn skip_space(octets: &[u8], mut at: usize) -> usize {
    while octets.get(at).copied().is_some_and(is_space) {
        at += 1;
    }
    at
}

/// The text without SP and HTAB at its ends.
#[inline]
pub(super) fn trim(text: &str) -> &str {
    &text[trim_range(text.as_bytes())]
}

/// The octets without SP and HTAB at their ends.
#[inline]
pub(super) fn trim_octets(octets: &[u8]) -> &[u8] {
    &octets[trim_range(octets)]
}

/// Where the octets without SP and HTAB at their ends are.
#[inline]
pub(super) fn trim_range(octets: &[u8]) -> Range<usize> {
    let mut end = octets.len();
    while end > 0 && is_space(octets[end - 1]) {
        end -= 1;
    }
    skip_space(octets, 0).min(end)..end
}

/// Where the quoted string that opens at `at` ends: the index after its closing quote. `None` if it
/// does not end, or holds a control which neither is a tab nor stands after a backslash; a CR or LF
/// may not stand even there (RFC 3261 §25.1 `quoted-string`, `quoted-pair`).
pub(super) fn skip_quoted(octets: &[u8], at: usize) -> Option<usize> {
    let mut i = at + 1;
    loop {
        match *octets.get(i)? {
            b'"' => return Some(i + 1),
            b'\\' if matches!(octets.get(i + 1), Some(b'\r' | b'\n')) => return None,
            b'\\' => i += 2,
            b if is(b, CONTROL) && b != b'\t' => return None,
            _ => i += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_follow_the_grammar() {
        for b in b"-.!%*_+`'~aZ09" {
            assert!(is(*b, TOKEN), "{}", char::from(*b));
        }
        for b in b"()<>@,;:\\\"/[]?={} \t" {
            assert!(!is(*b, TOKEN), "{}", char::from(*b));
        }
        assert!(all(b"a;b=c?d/e,f$g+h&%41", USER));
        assert!(!is(b'@', USER) && !is(b':', USER) && !is(b'#', USER));
        assert!(!is(b';', PARAM) && !is(b'=', PARAM) && is(b':', PARAM));
        assert!(!is(b'&', HEADER) && !is(b'=', HEADER) && is(b'?', HEADER));
        assert!(is(0, CONTROL) && is(127, CONTROL) && !is(128, CONTROL));
    }

    #[test]
    fn quoted_strings_end_where_they_end() {
        assert_eq!(skip_quoted(br#""a\"b" x"#, 0), Some(6));
        assert_eq!(skip_quoted(br#""a\"#, 0), None);
        assert_eq!(skip_quoted(br#""ab"#, 0), None);
        assert_eq!(skip_quoted(br#""""#, 0), Some(2));
        assert_eq!(skip_quoted(b"\"\\\0\t\"", 0), Some(5));
        for bad in ["\"\r\"", "\"\\\n\"", "\"\0\"", "\"a\x7f\""] {
            assert_eq!(skip_quoted(bad.as_bytes(), 0), None, "{bad:?}");
        }
    }
}
