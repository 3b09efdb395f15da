//! What people are told of encryption, in their languages.

use super::super::shape::{Names, Shape};
use crate::codec::yaml::Node;

/// The language that everything is said in where a text lacks another.
const ENGLISH: &str = "en";

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saying {
    /// To an XMPP user whose message was refused.
    Refused,
    /// To a SIP user whose message was refused.
    Warning,
    /// To a SIP user whose object cannot stand in XML.
    NotCarriable,
    /// To the recipient of what was refused.
    Notice,
    /// In place of a part that was left out.
    PartLeftOut,
    /// To an XMPP user whose recipient does not take S/MIME.
    NotTaken,
}

const SAYINGS: [(&str, Saying); 6] = [
    ("refused", Saying::Refused),
    ("warning", Saying::Warning),
    ("not_carriable", Saying::NotCarriable),
    ("notice", Saying::Notice),
    ("part_left_out", Saying::PartLeftOut),
    ("not_taken", Saying::NotTaken),
];

/// The texts, by saying and language.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Texts(Vec<(Saying, String, String)>);

/// A text and its language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The language tag.
    pub lang: String,
    /// The text.
    pub text: String,
}

impl Texts {
    /// A text in the language that is nearest to the wanted one: the same, the same without its
    /// region (RFC 4647 §3.4), English.
    #[must_use]
    pub fn say(&self, saying: Saying, lang: Option<&str>, title: &str, address: &str) -> Said {
        let of = |wanted: &str| {
            let fits = |(known, lang, _): &&(Saying, String, String)| {
                *known == saying && lang.eq_ignore_ascii_case(wanted)
            };
            self.0.iter().find(fits)
        };
        let wanted = lang.unwrap_or(ENGLISH);
        let primary = wanted.split('-').next().unwrap_or(wanted);
        // Where there is no English, any language says more than none.
        let any = || self.0.iter().find(|(known, ..)| *known == saying);
        let found = of(wanted).or_else(|| of(primary)).or_else(|| of(ENGLISH)).or_else(any);
        let (lang, pattern) = found.map_or((ENGLISH, "{scheme}"), |(_, lang, text)| (lang, text));
        let mut text = String::with_capacity(pattern.len() + title.len() + address.len());
        let mut rest = pattern;
        // What is put in is no pattern itself.
        while let Some(at) = rest.find('{') {
            let (before, tail) = rest.split_at(at);
            text.push_str(before);
            let known = [("{scheme}", title), ("{address}", address)];
            match known.iter().find(|(name, _)| tail.starts_with(name)) {
                Some((name, value)) => {
                    text.push_str(value);
                    rest = &tail[name.len()..];
                }
                None => {
                    text.push('{');
                    rest = &tail[1..];
                }
            }
        }
        text.push_str(rest);
        Said { lang: lang.to_owned(), text }
    }

    /// Whether a saying is among them.
    #[must_use]
    pub fn has(&self, saying: Saying) -> bool {
        self.0.iter().any(|(known, ..)| *known == saying)
    }

    pub(super) fn read(&mut self, node: &Node<'_>) {
        let Some(map) = node.map() else { return };
        for (name, saying) in SAYINGS {
            let Some(languages) = map.optional(name).and_then(|node| node.map()) else { continue };
            for (lang, node) in languages.entries() {
                let Some(text) = node.text() else { continue };
                self.0.retain(|(known, of, _)| (*known, of.as_str()) != (saying, lang));
                self.0.push((saying, lang.to_owned(), text.to_owned()));
            }
        }
        map.finish();
    }
}

/// The texts as values.
pub(super) fn shape() -> Shape {
    let languages = Names::Matching("^[A-Za-z0-9-]+$", "for each language");
    let texts = Shape::Entries(languages, Box::new(Shape::Text));
    Shape::Entries(Names::Of(SAYINGS.iter().map(|(name, _)| *name).collect()), Box::new(texts))
}
