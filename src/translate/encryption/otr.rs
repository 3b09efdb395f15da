//! Off-the-Record Messaging in plain texts (XEP-0364; OTR versions 1 to 4).

use std::borrow::Cow;

use crate::codec::xml::{Element, Node};
use crate::codec::xmpp::{LangText, Message};

/// Base64 characters behind `?OTR:` that make a message of it and not a question about it.
const LEAST_DATA: usize = 16;
/// The white space that offers OTR without showing it.
const TAG: &[u8] = b"\x20\x09\x20\x20\x09\x09\x09\x09\x20\x09\x20\x09\x20\x09\x20\x20";
/// The versions that may follow it, in octets of the same white space.
const VERSIONS: [&[u8]; 4] = [
    b"\x20\x09\x20\x09\x20\x20\x09\x20",
    b"\x20\x20\x09\x09\x20\x20\x09\x20",
    b"\x20\x20\x09\x09\x20\x20\x09\x09",
    b"\x20\x20\x09\x09\x20\x09\x20\x20",
];
/// Where [`TAG`] has its first tab.
const TAB: usize = 1;

/// What of OTR a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otr {
    /// A message, or a fragment of one.
    Data,
    /// A question for a session, or an error of one.
    Query,
    /// A readable text that offers OTR by white space.
    Offer,
}

impl Otr {
    /// Where it was seen, in words.
    pub(crate) fn place(self) -> &'static str {
        match self {
            Otr::Data => "an OTR message in the text",
            Otr::Query => "an OTR query in the text",
            Otr::Offer => "an OTR offer in white space",
        }
    }
}

/// What of OTR a text is, if anything. One look for the two characters that everything of OTR
/// has is all that other texts cost.
///
/// A message counts over line ends, and over what shows nothing: so it stands in the text of
/// several parts, and in HTML with places where a line may end. A client's decoder passes over
/// them.
#[must_use]
pub fn of(text: &str) -> Option<Otr> {
    memchr::memchr2(b'?', b'\t', text.as_bytes())?;
    match as_written(text) {
        found @ Some(Otr::Data | Otr::Query) => found,
        found => match joined(text).as_deref().and_then(as_written) {
            Some(Otr::Data) => Some(Otr::Data),
            _ => found,
        },
    }
}

/// The text without line ends and what shows nothing, where it has a question mark and any of
/// these.
fn joined(text: &str) -> Option<String> {
    let shows_nothing = |c: char| {
        matches!(c, '\r' | '\n' | '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
    };
    memchr::memchr(b'?', text.as_bytes())?;
    text.contains(shows_nothing).then(|| text.replace(shows_nothing, ""))
}

fn as_written(text: &str) -> Option<Otr> {
    let octets = text.as_bytes();
    let mut offers = false;
    for at in memchr::memchr2_iter(b'?', b'\t', octets) {
        let rest = &octets[at..];
        if rest[0] == b'?' {
            if rest.starts_with(b"?OTR") {
                if is_data(&rest[4..]) {
                    return Some(Otr::Data);
                }
                if is_query(&text[at..]) && begins_text(&text[..at]) {
                    return Some(Otr::Query);
                }
            }
        } else if !offers {
            offers = at >= TAB && offer(&octets[at - TAB..]).is_some();
        }
    }
    offers.then_some(Otr::Offer)
}

/// Where a message has OTR's messages or questions, if anywhere: in a body, a subject, the thread,
/// or in any text or value of its other children, such as a nick.
#[must_use]
pub fn place_in(message: &Message) -> Option<String> {
    let is_otr = |text: &str| of(text).is_some_and(|found| found != Otr::Offer);
    let any = |texts: &[LangText]| texts.iter().any(|text| is_otr(&text.text));
    if any(&message.bodies) {
        return Some("the text".to_owned());
    }
    if any(&message.subjects) {
        return Some("the subject".to_owned());
    }
    if message.thread.as_deref().is_some_and(is_otr) {
        return Some("the thread".to_owned());
    }
    let mut children = message.extensions.iter();
    let child = children.find(|child| {
        let (mut all, mut value) = (String::new(), false);
        gather(child, &mut all, &mut |text| value |= is_otr(text));
        value || is_otr(&all)
    })?;
    Some(format!("<{} xmlns='{}'/>", child.name, child.ns))
}

/// All text within an element, one piece behind the other, and each value of an attribute.
fn gather(element: &Element, text: &mut String, value: &mut dyn FnMut(&str)) {
    element.attrs.iter().for_each(|attr| value(&attr.value));
    for child in &element.children {
        match child {
            Node::Text(piece) => text.push_str(piece),
            Node::Element(child) => gather(child, text, value),
        }
    }
}

/// A text without the white space that offers OTR.
#[must_use]
pub fn without_offer(text: &str) -> Cow<'_, str> {
    let octets = text.as_bytes();
    let mut kept = String::new();
    let mut from = 0;
    for at in memchr::memchr_iter(b'\t', octets) {
        let Some(begin) = at.checked_sub(TAB).filter(|begin| *begin >= from) else { continue };
        if let Some(length) = offer(&octets[begin..]) {
            kept.push_str(&text[from..begin]);
            from = begin + length;
        }
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    kept.push_str(&text[from..]);
    Cow::Owned(kept)
}

/// The length of an offer: the tag and at least one version.
fn offer(octets: &[u8]) -> Option<usize> {
    let mut rest = octets.strip_prefix(TAG)?;
    while let Some(tail) = VERSIONS.iter().find_map(|version| rest.strip_prefix(*version)) {
        rest = tail;
    }
    let length = octets.len() - rest.len();
    (length > TAG.len()).then_some(length)
}

/// `?OTR:` with base64, or a fragment: `?OTR,k,n,` and `?OTR|sender|receiver,k,n,`, of version 4
/// with an identifier more.
fn is_data(after: &[u8]) -> bool {
    let while_fits =
        |octets: &[u8], fits: fn(&u8) -> bool| octets.iter().take_while(|b| fits(b)).count();
    match after.first() {
        Some(b':') => {
            let base64 = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
            while_fits(&after[1..], base64) >= LEAST_DATA
        }
        Some(b',' | b'|') => {
            let mut rest = after;
            while rest.first() == Some(&b'|') {
                rest = &rest[1..];
                rest = &rest[while_fits(rest, u8::is_ascii_hexdigit)..];
            }
            for _ in 0..2 {
                let Some(number) = rest.strip_prefix(b",") else { return false };
                let digits = while_fits(number, u8::is_ascii_digit);
                if digits == 0 {
                    return false;
                }
                rest = &number[digits..];
            }
            rest.first() == Some(&b',')
        }
        _ => false,
    }
}

/// `?OTR?v23?`, `?OTRv4?`, `?OTR Error:`, or `?OTR?` and nothing else.
fn is_query(text: &str) -> bool {
    let Some(after) = text.strip_prefix("?OTR") else { return false };
    if after.starts_with(" Error:") {
        return true;
    }
    let first_version = after.strip_prefix('?');
    if first_version.is_some_and(|rest| without_markup_behind(rest).is_empty()) {
        return true;
    }
    let versions = first_version.unwrap_or(after).strip_prefix('v');
    versions.is_some_and(|versions| {
        let rest = versions.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
        rest.starts_with('?')
    })
}

/// Whether nothing but white space and markup stands before it.
fn begins_text(before: &str) -> bool {
    without_markup_behind(before).is_empty()
}

/// What remains of a text when white space and whole tags at its start are gone.
fn without_markup_behind(text: &str) -> &str {
    let mut rest = text.trim_ascii_start();
    while let Some((_, tail)) = rest.strip_prefix('<').and_then(|tag| tag.split_once('>')) {
        rest = tail.trim_ascii_start();
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const V3: &str = " \t  \t\t\t\t \t \t \t    \t\t  \t\t";

    #[test]
    fn e2e_062_what_is_otr_and_what_speaks_of_it() {
        for (text, expected) in [
            ("?OTR:AAMCAbcdefghijkl0123.", Some(Otr::Data)),
            ("<HTML>?OTR:AAMCAbcdefghijkl0123.</HTML>", Some(Otr::Data)),
            ("see: ?OTR:AAMCAbcdefghijkl0123.", Some(Otr::Data)),
            ("?OTR,1,3,AAMC,", Some(Otr::Data)),
            ("?OTR|5a73a599|27e31597,00001,00003,AAMC,", Some(Otr::Data)),
            ("?OTR|1f|5a73a599|27e31597,1,2,AA,", Some(Otr::Data)),
            ("?OTR?v23? Alice invites", Some(Otr::Query)),
            ("?OTRv4? Alice invites", Some(Otr::Query)),
            (" \n?OTRv23?", Some(Otr::Query)),
            ("<p><b>?OTR?</b></p>", Some(Otr::Query)),
            ("?OTR?", Some(Otr::Query)),
            ("?OTR Error: you sent nonsense", Some(Otr::Query)),
            ("?OTR:AAMCAbcd\nefghijkl0123.", Some(Otr::Data)),
            ("?OTR:AAMCAbcd\u{200b}efghijkl0123.", Some(Otr::Data)),
            ("?OT\r\nR:AAMCAbcdefghijkl0123.", Some(Otr::Data)),
            ("?OTR,1,3,\nAAMC,", Some(Otr::Data)),
            ("what does ?OTR:\nmean to you and me", None),
            ("never heard of\n?OTRv4?", None),
            ("what does ?OTR: mean", None),
            ("?OTR? never heard of it", None),
            ("it said ?OTRv4? and stopped", None),
            ("it said ?OTR Error: no", None),
            ("?OTR:short.", None),
            ("?OTR,one,two,", None),
            ("?OTR", None),
            ("? \t ?", None),
            ("", None),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }

    #[test]
    fn e2e_063_an_offer_is_taken_out() {
        let all: String =
            VERSIONS.iter().map(|version| std::str::from_utf8(version).unwrap()).collect();
        let tag = std::str::from_utf8(TAG).unwrap();
        let text = format!("Hi{tag}{all}!");
        assert_eq!(of(&text), Some(Otr::Offer));
        assert_eq!(without_offer(&text), "Hi!");
        assert_eq!(without_offer(&format!("{V3}a{V3}b{V3}")), "ab");
        assert_eq!(without_offer(&format!("a{tag}b")), format!("a{tag}b"), "no version");
        assert_eq!(of("a\tb \t  c"), None);
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "[ \t?OTRv:|,<>A-Za-z0-9\u{e9}]{0,80}") {
            let _ = of(&text);
            let bare = without_offer(&text);
            prop_assert!(of(&bare) != Some(Otr::Offer) || bare.len() < text.len());
        }
    }
}
