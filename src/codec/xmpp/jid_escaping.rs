//! JID escaping, XEP-0106. Only for localparts.

use std::borrow::Cow;

use super::jid::JidError;

/// Escapes a localpart that has been mapped already (width, case, NFC).
///
/// A backslash becomes `\5c` only where it would start one of the ten
/// sequences, XEP-0106 §Address Transformation Algorithm.
///
/// # Errors
/// [`JidError::SpaceAtEdge`]: `\20` may be neither the first nor the last
/// sequence, XEP-0106 §Business Rules.
pub fn escape(mapped: &str) -> Result<Cow<'_, str>, JidError> {
    if mapped.starts_with(' ') || mapped.ends_with(' ') {
        return Err(JidError::SpaceAtEdge);
    }
    let needs_work = |b: &u8| escaped(*b).is_some();
    if !mapped.as_bytes().iter().any(needs_work) {
        return Ok(Cow::Borrowed(mapped));
    }
    let mut out = String::with_capacity(mapped.len() + 16);
    for (at, c) in mapped.char_indices() {
        let sequence = u8::try_from(c).ok().and_then(escaped);
        let is_literal = c == '\\' && sequence_at(&mapped.as_bytes()[at..]).is_none();
        match sequence {
            Some(sequence) if !is_literal => out.push_str(sequence),
            _ => out.push(c),
        }
    }
    Ok(Cow::Owned(out))
}

/// Unescapes the ten sequences of an enforced localpart, once; anything else
/// stays, XEP-0106 §Exceptions.
#[must_use]
pub fn unescape(local: &str) -> Cow<'_, str> {
    let bytes = local.as_bytes();
    if memchr::memchr(b'\\', bytes).is_none() {
        return Cow::Borrowed(local);
    }
    let mut out = String::with_capacity(local.len());
    let mut rest = local;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        match sequence_at(&rest.as_bytes()[at..]) {
            Some(c) => {
                out.push(c);
                rest = &rest[at + 3..];
            }
            None => {
                out.push('\\');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

const fn escaped(b: u8) -> Option<&'static str> {
    Some(match b {
        b' ' => "\\20",
        b'"' => "\\22",
        b'&' => "\\26",
        b'\'' => "\\27",
        b'/' => "\\2f",
        b':' => "\\3a",
        b'<' => "\\3c",
        b'>' => "\\3e",
        b'@' => "\\40",
        b'\\' => "\\5c",
        _ => return None,
    })
}

/// What the sequence at the beginning of `bytes` stands for.
const fn sequence_at(bytes: &[u8]) -> Option<char> {
    Some(match bytes {
        [b'\\', b'2', b'0', ..] => ' ',
        [b'\\', b'2', b'2', ..] => '"',
        [b'\\', b'2', b'6', ..] => '&',
        [b'\\', b'2', b'7', ..] => '\'',
        [b'\\', b'2', b'f', ..] => '/',
        [b'\\', b'3', b'a', ..] => ':',
        [b'\\', b'3', b'c', ..] => '<',
        [b'\\', b'3', b'e', ..] => '>',
        [b'\\', b'4', b'0', ..] => '@',
        [b'\\', b'5', b'c', ..] => '\\',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn esc(s: &str) -> String {
        escape(s).unwrap().into_owned()
    }

    const TEN: [(&str, &str); 10] = [
        (" ", "\\20"),
        ("\"", "\\22"),
        ("&", "\\26"),
        ("'", "\\27"),
        ("/", "\\2f"),
        (":", "\\3a"),
        ("<", "\\3c"),
        (">", "\\3e"),
        ("@", "\\40"),
        ("\\", "\\5c"),
    ];

    #[test]
    fn addr_004_ampersand_quote_slash() {
        assert_eq!(esc("o'malley"), "o\\27malley");
        assert_eq!(esc("m&m"), "m\\26m");
        assert_eq!(esc("a/b"), "a\\2fb");
    }

    #[test]
    fn addr_005_every_reserved_character_is_escaped() {
        assert_eq!(esc("a\"b:c<d>e@f g"), "a\\22b\\3ac\\3cd\\3ee\\40f\\20g");
    }

    #[test]
    fn addr_006_backslash_is_escaped_only_before_a_sequence() {
        assert_eq!(esc("c\\27d"), "c\\5c27d");
        assert_eq!(esc("c\\xyz"), "c\\xyz");
        assert_eq!(esc("\\2plus\\2is\\4"), "\\2plus\\2is\\4");
        assert_eq!(esc("\\2fx"), "\\5c2fx");
        assert_eq!(esc("a\\"), "a\\");
        assert_eq!(esc("a\\5c"), "a\\5c5c");
    }

    #[test]
    fn addr_007_hex_digits_are_lower_case_and_only_those_are_unescaped() {
        for (plain, escaped) in TEN {
            let upper = escaped.to_uppercase();
            if upper != escaped {
                assert_eq!(unescape(&upper), upper.as_str());
            }
            assert_eq!(unescape(escaped), plain);
        }
    }

    #[test]
    fn addr_008_space_at_an_edge_has_no_escape() {
        for user in [" foo", "foo ", " "] {
            assert_eq!(escape(user), Err(JidError::SpaceAtEdge));
        }
        assert_eq!(esc("f oo"), "f\\20oo");
    }

    #[test]
    fn addr_011_only_the_ten_sequences_are_unescaped() {
        assert_eq!(unescape("foo\\bar"), "foo\\bar");
        assert_eq!(unescape("foob\\41r"), "foob\\41r");
        assert_eq!(unescape("a\\2"), "a\\2");
        assert_eq!(unescape("a\\"), "a\\");
        assert_eq!(unescape("\\5c27"), "\\27", "once, never twice");
    }

    #[test]
    fn addr_040_all_ten_are_unescaped() {
        assert_eq!(unescape("a\\40b\\3ac"), "a@b:c");
        let all: String = TEN.iter().map(|(_, escaped)| *escaped).collect();
        assert_eq!(unescape(&all), " \"&'/:<>@\\");
    }

    #[test]
    fn addr_057_law_a_escape_undoes_unescape() {
        for local in ["juliet", "o\\27malley", "a\\5c27", "c\\3a\\5c5commas", "\\2plus", "a\\40b"] {
            assert_eq!(esc(&unescape(local)), local);
        }
        // The known exception: a client that escapes every backslash (ADDR-074).
        assert_eq!(esc(&unescape("a\\5cb")), "a\\b");
    }

    #[test]
    fn a_whole_address_in_a_localpart() {
        assert_eq!(esc("romeo@example.net"), "romeo\\40example.net");
        assert_eq!(esc("a@b@example.net"), "a\\40b\\40example.net");
        assert_eq!(
            unescape("a\\40b\\40example.net").rsplit_once('@'),
            Some(("a@b", "example.net"))
        );
    }

    #[test]
    fn addr_070_v_06_vectors_of_the_xep() {
        let vectors = [
            ("space cadet", "space\\20cadet"),
            ("call me \"ishmael\"", "call\\20me\\20\\22ishmael\\22"),
            ("at&t guy", "at\\26t\\20guy"),
            ("d'artagnan", "d\\27artagnan"),
            ("/.fanboy", "\\2f.fanboy"),
            ("::foo::", "\\3a\\3afoo\\3a\\3a"),
            ("<foo>", "\\3cfoo\\3e"),
            ("user@host", "user\\40host"),
            ("c:\\net", "c\\3a\\net"),
            ("c:\\\\net", "c\\3a\\\\net"),
            ("c:\\cool stuff", "c\\3a\\cool\\20stuff"),
            ("c:\\5commas", "c\\3a\\5c5commas"),
            ("\\3and\\2is\\5cool", "\\5c3and\\2is\\5c5cool"),
            (
                "somenick!user\"&'/:<>\\3address",
                "somenick!user\\22\\26\\27\\2f\\3a\\3c\\3e\\5c3address",
            ),
            ("here's_a_wild_&_/cr%zy/_address", "here\\27s_a_wild_\\26_\\2fcr%zy\\2f_address"),
        ];
        for (plain, escaped) in vectors.into_iter().chain(TEN.into_iter().skip(1).take(8)) {
            assert_eq!(esc(plain), escaped);
            assert_eq!(unescape(escaped), plain);
        }
    }

    proptest! {
        #[test]
        fn addr_057_law_c_unescape_undoes_escape_so_escape_is_injective(s in "[ \"&'/:<>@\\\\0-9a-f]{0,24}|.{0,16}") {
            if let Ok(escaped) = escape(&s) {
                prop_assert_eq!(unescape(&escaped), s.as_str());
                prop_assert!(!escaped.contains([' ', '"', '&', '\'', '/', ':', '<', '>', '@']));
            }
        }
    }
}
