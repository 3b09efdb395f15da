//! The resourcepart of an address, RFC 7622 §3.4.

use std::borrow::Cow;

use stringprep::{resourceprep, tables};
use unicode_properties::{GeneralCategory as Category, UnicodeGeneralCategory};

use super::jid::{JidError, MAX_PART, MAX_UNMAPPED};

/// Canonicalises as XMPP servers do: resourceprep, whose tables end with
/// Unicode 3.2, for what is in them.
///
/// A newer character is taken where the FreeformClass of RFC 8264 §4.3 takes
/// it, by the Unicode of today, and stays as it is: a server of stringprep
/// lets it pass untouched or not at all, so that normalising it would make
/// another address of the one that the server has stamped. For the same reason
/// it parts the text as stringprep sees it: what stands between two of them is
/// prepared by itself.
pub(super) fn prepare_resource(resource: &str) -> Result<Cow<'_, str>, JidError> {
    if resource.is_empty() || resource.len() > MAX_UNMAPPED {
        return Err(JidError::Length);
    }
    if resource.len() <= MAX_PART && is_plain_resource(resource.as_bytes()) {
        return Ok(Cow::Borrowed(resource));
    }
    let mut prepared = String::with_capacity(resource.len());
    let mut rest = resource;
    while let Some(at) = rest.find(tables::unassigned_code_point) {
        let (old, newer) = rest.split_at(at);
        prepared.push_str(&resourceprep(old).map_err(|_| JidError::Resourcepart)?);
        let end = newer.find(|c| !tables::unassigned_code_point(c)).unwrap_or(newer.len());
        let (newer, after) = newer.split_at(end);
        if !newer.chars().all(is_freeform) {
            return Err(JidError::Resourcepart);
        }
        prepared.push_str(newer);
        rest = after;
    }
    prepared.push_str(&resourceprep(rest).map_err(|_| JidError::Resourcepart)?);
    if prepared.is_empty() || prepared.len() > MAX_PART {
        return Err(JidError::Length);
    }
    Ok(if prepared == resource { Cow::Borrowed(resource) } else { Cow::Owned(prepared) })
}

/// Whether the FreeformClass has a character newer than Unicode 3.2: letters, marks, digits,
/// punctuation and symbols (RFC 8264 §9), but not what is ignorable by default.
fn is_freeform(c: char) -> bool {
    // Variation selectors that are marks by their category.
    let ignorable = matches!(c, '\u{180F}' | '\u{E0100}'..='\u{E01EF}');
    let refused = matches!(
        c.general_category(),
        Category::Control
            | Category::Format
            | Category::LineSeparator
            | Category::ParagraphSeparator
            | Category::PrivateUse
            | Category::Surrogate
            | Category::Unassigned
    );
    !ignorable && !refused
}

/// Resourceprep leaves printable ASCII alone.
pub(super) fn is_plain_resource(resource: &[u8]) -> bool {
    resource.iter().all(|b| matches!(b, 0x20..=0x7E))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prepared(text: &str) -> Result<String, JidError> {
        prepare_resource(text).map(Cow::into_owned)
    }

    #[test]
    fn addr_026_symbols_of_todays_unicode_are_legal() {
        // Unicode 6.0, 6.1, 8.0, 15.0, 16.0; U+1109A is made of two others, U+A7F8 has a
        // compatible letter: both stay what they are.
        for text in ["\u{1F4F1}", "\u{1F600}", "\u{1F916}", "\u{1FAE8}", "\u{1FAE9}", "\u{A7F8}"] {
            assert_eq!(prepared(text).as_deref(), Ok(text));
            let among = format!("Juliet's {text} phone");
            assert_eq!(prepared(&among), Ok(among));
        }
        for text in ["\u{1109A}", "\u{11099}\u{110BA}"] {
            assert_eq!(prepared(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_stands_beside_a_newer_character_has_its_own_form() {
        assert_eq!(prepared("e\u{301}\u{1F4F1}\u{2460}").as_deref(), Ok("\u{E9}\u{1F4F1}1"));
        // Stringprep maps the joiner and the selector to nothing.
        assert_eq!(prepared("\u{1F468}\u{200D}\u{1F4BB}").as_deref(), Ok("\u{1F468}\u{1F4BB}"));
        assert_eq!(prepared("\u{1F4F1}\u{FE0F}").as_deref(), Ok("\u{1F4F1}"));
        assert_eq!(prepared("\u{FE0F}"), Err(JidError::Length));
    }

    #[test]
    fn controls_unassigned_and_invisible_characters_are_refused() {
        for c in ['\u{7}', '\u{378}', '\u{E000}', '\u{E0101}', '\u{180F}', '\u{13430}', '\u{E007F}']
        {
            let text = format!("a{c}\u{1F4F1}");
            assert_eq!(prepared(&text), Err(JidError::Resourcepart), "{c:?}");
        }
        assert_eq!(prepared(&"\u{1F4F1}".repeat(256)), Err(JidError::Length));
        assert!(prepared(&"\u{1F4F1}".repeat(255)).is_ok());
    }

    proptest! {
        #[test]
        fn a_prepared_resource_stays_as_it_is(text in "\\PC{1,12}|[a\u{301}\u{1F4F1}\u{5D0}\u{2460}\u{1109A}]{1,6}") {
            if let Ok(once) = prepared(&text) {
                prop_assert_eq!(prepared(&once), Ok(once));
            }
        }

        /// Without newer characters it is what the servers' stringprep makes.
        #[test]
        fn old_characters_agree_with_the_jid_crate(text in "[ -~\u{A0}-\u{21F}\u{300}-\u{30F}\u{410}-\u{44F}\u{5D0}-\u{5EA}\u{2460}-\u{2470}]{1,8}") {
            let ours = prepared(&text);
            match jid::ResourcePart::new(&text) {
                Ok(theirs) => prop_assert_eq!(ours.as_deref(), Ok(theirs.as_str())),
                Err(error) => prop_assert!(ours.is_err(), "{}", error),
            }
        }
    }
}
