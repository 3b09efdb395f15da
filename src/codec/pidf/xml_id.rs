//! The ids of tuples, persons and devices: `xs:ID`, which is an `NCName` (XML Namespaces 1.0 §4).
//!
//! Any text becomes such an id and can be had back. Which letters beyond ASCII an `NCName` may have
//! depends on the edition of XML that a reader follows, so only those of ASCII stay as they are. Any
//! other character is written `_xHHHH_`, its code point in four to six upper-case hexadecimal digits, as ISO 9075-14 does; so
//! is an underscore that would look like the beginning of that.

use super::Text;
use crate::codec::xml::escape::write_attribute;

/// The id of no text without a prefix; no other text gives it.
const EMPTY: &str = "_x_";

/// `prefix`, which begins an id or is empty, and the text, as an id. Different texts never give the
/// same id.
#[must_use]
pub fn escape(prefix: &str, text: &str) -> Text {
    let mut out = String::with_capacity(prefix.len() + text.len() + 8);
    out.push_str(prefix);
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let legal = if out.is_empty() { is_name_start(c) } else { is_name_char(c) };
        let looks_escaped = c == '_' && rest.as_str().starts_with('x');
        if legal && !looks_escaped {
            out.push(c);
        } else {
            out.push_str(&format!("_x{:04X}_", u32::from(c)));
        }
    }
    if out.is_empty() {
        out.push_str(EMPTY);
    }
    out.into()
}

/// The text that [`escape`] has made an id of; `None` if it was none of its ids with this prefix.
#[must_use]
pub fn unescape(prefix: &str, id: &str) -> Option<Text> {
    let escaped = id.strip_prefix(prefix)?;
    if prefix.is_empty() && id == EMPTY {
        return Some(Text::new());
    }
    let mut out = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((before, after)) = rest.split_once("_x") {
        out.push_str(before);
        let (digits, tail) = after.split_once('_')?;
        out.push(u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)?);
        rest = tail;
    }
    out.push_str(rest);
    // Only what is written in the one right way counts.
    (escape(prefix, &out) == id).then(|| out.into())
}

/// Whether the text can stand as an id for readers of every edition.
#[must_use]
pub fn is_legal(id: &str) -> bool {
    let mut chars = id.chars();
    chars.next().is_some_and(is_name_start) && chars.all(is_name_char)
}

/// Appends the attribute; an id that is none is escaped.
pub(super) fn write_id(out: &mut Vec<u8>, id: &str) {
    if is_legal(id) {
        write_attribute(out, "id", id);
    } else {
        write_attribute(out, "id", &escape("", id));
    }
}

fn is_name_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_are_legal_and_can_be_had_back() {
        for (text, id) in [
            ("yn0cl4bnw0yr3vym", "ID-yn0cl4bnw0yr3vym"),
            ("Foo bar/1", "ID-Foo_x0020_bar_x002F_1"),
            ("my_phone", "ID-my_phone"),
            ("a_x0020_b", "ID-a_x005F_x0020_b"),
            ("Böhm.1-a", "ID-B_x00F6_hm.1-a"),
            ("\u{1F98A}:@", "ID-_x1F98A__x003A__x0040_"),
            ("", "ID-"),
        ] {
            assert_eq!(escape("ID-", text), id);
            assert!(is_legal(id));
            assert_eq!(unescape("ID-", id).as_deref(), Some(text));
        }
        assert_eq!(escape("", "4c"), "_x0034_c");
        assert_eq!(
            (&*escape("", ""), &*escape("", "_"), &*escape("", "_x_")),
            ("_x_", "_", "_x005F_x_")
        );
        assert_eq!(unescape("", "_x_").as_deref(), Some(""));
        for none in ["ID", "ID-_x20_", "ID-a b", "ID-_xD800_", "ID-_x0061_", "ID-_x", "ID-_x002f_"]
        {
            assert_eq!(unescape("ID-", none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn every_text_has_one_id(text in ".*|[_x0-9A-F]{0,12}", other in ".*|[_x0-9A-F]{0,12}") {
            for prefix in ["", "ID-"] {
                let id = escape(prefix, &text);
                prop_assert!(is_legal(&id), "{}", id);
                prop_assert_eq!(unescape(prefix, &id), Some(Text::from(&*text)));
                prop_assert_eq!(id == escape(prefix, &other), text == other);
                let _ = unescape(prefix, &other);
            }
        }
    }
}
