//! Language tags and the choice between texts of several languages.

use crate::codec::language_tag;
use crate::codec::mime::Subject;
use crate::codec::xml::Text;
use crate::codec::xmpp::LangText;

/// Whether a tag may stand in `xml:lang`, in Content-Language (RFC 3261 §20.13) and in CPIM. SIP
/// lets more pass than the servers of XMPP take.
pub(in crate::translate) fn is_tag(tag: &str) -> bool {
    language_tag::is_well_formed(tag)
}

/// Of several texts the one in the stanza's language, else the first that names none, else the
/// first; empty ones do not count (RFC 6121 §5.2.3).
pub(super) fn choose<'a>(texts: &'a [LangText], lang: Option<&Text>) -> Option<&'a LangText> {
    let said = || texts.iter().filter(|text| !text.text.is_empty());
    let of = |wanted: &Text| {
        let own = |text: &LangText| {
            text.lang.as_ref().is_some_and(|lang| lang.eq_ignore_ascii_case(wanted))
        };
        said().find(|text| own(text))
    };
    let plain = || said().find(|text| text.lang.is_none());
    lang.and_then(of).or_else(plain).or_else(|| said().next())
}

/// Adds a text unless its language has one already (RFC 6121 §5.2.4) or it is empty.
pub(super) fn add(texts: &mut Vec<LangText>, text: LangText) {
    if !text.text.is_empty() && texts.iter().all(|known| known.lang != text.lang) {
        texts.push(text);
    }
}

/// The subject of a CPIM object (RFC 3862 §4.5).
pub(super) fn of_subject(subject: Subject) -> LangText {
    LangText { lang: subject.lang.filter(|tag| is_tag(tag)), text: subject.text }
}
