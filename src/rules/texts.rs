//! What people are told, by what is said and by language.

use super::shape::{Names, Shape};
use crate::codec::yaml::Node;

/// The language that everything is said in where a text lacks another.
const ENGLISH: &str = "en";

/// The texts of a table: `K` is what is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts<K>(Vec<(K, String, String)>);

impl<K> Default for Texts<K> {
    fn default() -> Self {
        Texts(Vec::new())
    }
}

/// A text and its language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The language tag.
    pub lang: String,
    /// The text.
    pub text: String,
}

impl<K: Copy + PartialEq> Texts<K> {
    /// A text in the language that is nearest to the wanted one: the same, the same without its
    /// region (RFC 4647 §3.4), English. `values` stand for their names in braces; the first stands
    /// alone where there is no text at all.
    #[must_use]
    pub fn fill(&self, saying: K, lang: Option<&str>, values: &[(&str, &str)]) -> Said {
        let of = |wanted: &str| {
            let fits = |(known, lang, _): &&(K, String, String)| {
                *known == saying && lang.eq_ignore_ascii_case(wanted)
            };
            self.0.iter().find(fits)
        };
        let wanted = lang.unwrap_or(ENGLISH);
        let primary = wanted.split('-').next().unwrap_or(wanted);
        // Where there is no English, any language says more than none.
        let any = || self.0.iter().find(|(known, ..)| *known == saying);
        let found = of(wanted).or_else(|| of(primary)).or_else(|| of(ENGLISH)).or_else(any);
        let Some((_, lang, pattern)) = found else {
            let text = values.first().map(|(_, value)| (*value).to_owned()).unwrap_or_default();
            return Said { lang: ENGLISH.to_owned(), text };
        };
        Said { lang: lang.clone(), text: filled(pattern, values) }
    }

    /// Whether a saying is among them.
    #[must_use]
    pub fn has(&self, saying: K) -> bool {
        self.0.iter().any(|(known, ..)| *known == saying)
    }

    /// Lays texts over those that are there, each by itself.
    pub(super) fn read(&mut self, node: &Node<'_>, sayings: &[(&'static str, K)]) {
        let Some(map) = node.map() else { return };
        for (name, saying) in sayings {
            let Some(languages) = map.optional(name).and_then(|node| node.map()) else { continue };
            for (lang, node) in languages.entries() {
                let Some(text) = node.text() else { continue };
                self.0.retain(|(known, of, _)| (*known, of.as_str()) != (*saying, lang));
                self.0.push((*saying, lang.to_owned(), text.to_owned()));
            }
        }
        map.finish();
    }
}

/// A pattern with its values. What is put in is no pattern itself.
fn filled(pattern: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(pattern.len() + 64);
    let mut rest = pattern;
    while let Some(at) = rest.find('{') {
        let (before, tail) = rest.split_at(at);
        text.push_str(before);
        let name = |name: &str| tail[1..].strip_prefix(name)?.strip_prefix('}');
        let known = values.iter().find_map(|(known, value)| Some((value, name(known)?)));
        match known {
            Some((value, after)) => {
                text.push_str(value);
                rest = after;
            }
            None => {
                text.push('{');
                rest = &tail[1..];
            }
        }
    }
    text.push_str(rest);
    text
}

/// The texts as values.
pub(super) fn shape<K>(sayings: &[(&'static str, K)]) -> Shape {
    let languages = Names::Matching("^[A-Za-z0-9-]+$", "for each language");
    let texts = Shape::Entries(languages, Box::new(Shape::Text));
    Shape::Entries(Names::Of(sayings.iter().map(|(name, _)| *name).collect()), Box::new(texts))
}
