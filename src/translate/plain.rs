//! What comes from outside as one line for people: names, descriptions, titles.

use crate::codec::sip::Uri;
use crate::codec::xml::escape::is_xml_char;

/// Characters of a name that count.
const MAX_NAME: usize = 64;
/// Digits from which on a name is a number.
const MIN_NUMBER: usize = 3;

/// A text as one line of so many characters at most, without what turns the order of reading:
/// `photo\u{202e}gpj.exe` must not look like a picture.
#[must_use]
pub(super) fn line(text: &str, characters: usize) -> String {
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    let kept = text.trim().chars().filter(|c| is_shown(*c)).map(blank);
    kept.take(characters).collect::<String>().trim_end().to_owned()
}

/// Neither a control of the direction of writing (Unicode Standard Annex 9 §2) nor what XML cannot
/// hold.
fn is_shown(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2066}'..='\u{2069}' | '\u{feff}');
    !turns && is_xml_char(c)
}

/// A name that a person would show: at most 64 characters, and no address, which would be taken
/// for who it is.
#[must_use]
pub(super) fn name(text: &str) -> Option<String> {
    let shown = text.trim().chars().filter(|c| !c.is_control() && is_shown(*c));
    let name: String = shown.take(MAX_NAME).collect();
    let name = name.trim().to_owned();
    (!name.is_empty() && !is_address(&name)).then_some(name)
}

/// The name of the user of a URI; none where it says no more than the URI does.
#[must_use]
pub(super) fn name_of(text: &str, uri: &Uri) -> Option<String> {
    let user = uri.user_octets().unwrap_or_default();
    let user = String::from_utf8_lossy(&user).to_lowercase();
    name(text).filter(|name| name.to_lowercase() != user)
}

/// Whether a name looks like an address: `boss@sip.test` anywhere in it, a URI, or a number.
fn is_address(name: &str) -> bool {
    let at = |c: char| matches!(c, '@' | '\u{ff20}' | '\u{fe6b}');
    let is_mailbox = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric() && !at(c));
        word.char_indices().any(|(place, c)| {
            let (before, after) = (&word[..place], &word[place + c.len_utf8()..]);
            at(c) && !before.is_empty() && !after.is_empty()
        })
    };
    let is_uri = |word: &str| {
        let scheme = word.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
        matches!(scheme.as_deref(), Some("sip" | "sips" | "tel" | "xmpp" | "im" | "pres"))
    };
    let of_number = |c: char| c.is_numeric() || c.is_whitespace() || "+-.()/*#".contains(c);
    let digits = name.chars().filter(|c| c.is_numeric()).count();
    name.split_whitespace().any(|word| is_mailbox(word) || is_uri(word))
        || digits >= MIN_NUMBER && name.chars().all(of_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_address() {
        for kept in ["Juliet", "P. J. Sua", "Joe @ Home", "@joe", "R2-D2", "7", "Agent 007"] {
            assert_eq!(name(kept).as_deref(), Some(kept));
        }
        let addresses = [
            "boss@sip.test",
            "Boss <boss@sip.test>",
            "(boss\u{ff20}sip.test)",
            "sip:boss",
            "+420 602 123 456",
            "112",
            "",
            " \t ",
            "\u{202e}",
        ];
        for address in addresses {
            assert_eq!(name(address), None, "{address:?}");
        }
    }

    #[test]
    fn nothing_turns_the_order_of_reading() {
        assert_eq!(name("a\u{202e}b\u{2066}c\u{7}").as_deref(), Some("abc"));
        assert_eq!(line(" photo\u{202e}gpj.exe\r\nTo: x ", 64), "photogpj.exe  To: x");
        assert_eq!(line(&"x".repeat(100), 64).len(), 64);
        // What joins letters and emoji stays.
        assert_eq!(
            name("\u{1f469}\u{200d}\u{1f4bb}").as_deref(),
            Some("\u{1f469}\u{200d}\u{1f4bb}")
        );
    }

    #[test]
    fn a_name_that_is_the_user_says_nothing() {
        let uri = Uri::parse("sip:romeo@sip.test".into()).expect("a URI");
        assert_eq!(name_of("Romeo", &uri), None);
        assert_eq!(name_of("Romeo Montague", &uri).as_deref(), Some("Romeo Montague"));
    }
}
