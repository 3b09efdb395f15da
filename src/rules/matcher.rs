//! `when:`: what a rule asks for. All of its keys must hold; of a list one must.

use regex::{Regex, RegexBuilder};

use super::facts::{FIELDS, Facts, Field};
use super::shape::{Described, Shape};
use crate::codec::yaml::{Map, Node, nearest};

/// Octets that one compiled regular expression may take.
const MAX_REGEX_OCTETS: usize = 1 << 20;

/// One pattern for a value.
#[derive(Debug, Clone)]
pub(super) enum Pattern {
    /// The value itself.
    Exact(String),
    /// A regular expression for the whole of the value; the text is as the operator wrote it.
    /// One made of a text in which capital and small letters are the same is `plain`.
    Regex { written: String, source: String, regex: Box<Regex>, plain: bool },
}

/// One key of a `when`: the value is one of these.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) field: Field,
    pub(super) any: Vec<Pattern>,
}

/// What a rule asks for; nothing means everything.
#[derive(Debug, Clone, Default)]
pub struct When {
    pub(super) asks: Vec<Ask>,
}

impl When {
    /// Reads the keys of a `when`; of the fields only those in `allowed`.
    pub(super) fn read(node: &Node<'_>, allowed: &[Field]) -> When {
        let mut when = When::default();
        let Some(map) = node.map() else { return when };
        for described in FIELDS.iter().filter(|described| allowed.contains(&described.field)) {
            if let Some(ask) = ask(&map, described.field, described.name, described.words) {
                when.asks.push(ask);
            }
        }
        map.finish();
        when
    }

    /// The keys of a `when` as a value.
    pub(super) fn shape(allowed: &[Field]) -> Shape {
        let fields = FIELDS.iter().filter(|described| allowed.contains(&described.field));
        let described = fields.map(|described| Described {
            name: described.name,
            doc: described.doc,
            shape: match described.words {
                [] => Shape::Patterns,
                words => Shape::Words(words.to_vec()),
            },
        });
        Shape::Keys(described.collect())
    }

    /// Whether all that is asked for holds.
    #[must_use]
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        self.fails(facts).is_none()
    }

    /// The first key that does not hold.
    #[must_use]
    pub fn fails(&self, facts: &Facts<'_>) -> Option<Field> {
        let holds = |ask: &&Ask| !facts.any(ask.field, |value| ask.takes(value));
        self.asks.iter().find(holds).map(|ask| ask.field)
    }

    /// The direction that it is for, if it is for one.
    pub(super) fn direction(&self) -> Option<&str> {
        let ask = self.asks.iter().find(|ask| ask.field == Field::Direction)?;
        match ask.any.as_slice() {
            [Pattern::Exact(direction)] => Some(direction),
            _ => None,
        }
    }

    /// Whether whatever `later` takes this takes too, as far as exact values and equal patterns
    /// show it.
    pub(super) fn covers(&self, later: &When) -> bool {
        self.asks.iter().all(|wide| {
            let narrow = later.asks.iter().find(|narrow| narrow.field == wide.field);
            narrow.is_some_and(|narrow| narrow.any.iter().all(|pattern| wide.covers(pattern)))
        })
    }
}

impl Ask {
    /// Whether a value is one of those asked for.
    pub(super) fn takes(&self, value: &str) -> bool {
        self.any.iter().any(|pattern| match pattern {
            Pattern::Exact(exact) => exact == value,
            Pattern::Regex { regex, .. } => regex.is_match(value),
        })
    }

    fn covers(&self, narrow: &Pattern) -> bool {
        self.any.iter().any(|wide| match (wide, narrow) {
            (Pattern::Regex { regex, .. }, Pattern::Exact(value)) => regex.is_match(value),
            (Pattern::Exact(wide), Pattern::Exact(narrow)) => wide == narrow,
            (
                Pattern::Regex { written: wide, regex, .. },
                Pattern::Regex { written: narrow, plain, .. },
            ) => wide == narrow || wide == "*" || (*plain && regex.is_match(narrow)),
            (Pattern::Exact(_), Pattern::Regex { .. }) => false,
        })
    }
}

fn ask(
    map: &Map<'_>,
    field: Field,
    name: &'static str,
    words: &'static [&'static str],
) -> Option<Ask> {
    let node = map.optional(name)?;
    let nodes = if node.is_list() { node.list()? } else { vec![node.clone()] };
    if nodes.is_empty() {
        node.error("an empty list never holds", "leave the key out to take everything");
    }
    let patterns: Vec<Option<Pattern>> =
        nodes.iter().map(|node| pattern(node, field, words)).collect();
    Some(Ask { field, any: patterns.into_iter().collect::<Option<Vec<Pattern>>>()? })
}

fn pattern(node: &Node<'_>, field: Field, words: &'static [&'static str]) -> Option<Pattern> {
    let text = node.text()?;
    if !words.is_empty() && !words.contains(&text) {
        let message = format!("`{text}` is not one of {}", words.join(", "));
        node.error(&message, &nearest(text, words));
        return None;
    }
    let expression = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
    let plain = expression.is_none() && field.folds() && !text.contains(['*', '?']);
    let source = match expression {
        Some(regex) => regex.to_owned(),
        None if field == Field::Status && text.ends_with("xx") => text.replace('x', "[0-9]"),
        None if text.contains(['*', '?']) => glob(text),
        None if field.folds() => regex::escape(text),
        None => return Some(Pattern::Exact(text.to_owned())),
    };
    let source = if field.folds() { format!("(?i:{source})") } else { format!("(?:{source})") };
    let anchored = format!("^{source}$");
    match RegexBuilder::new(&anchored).size_limit(MAX_REGEX_OCTETS).build() {
        Ok(regex) => {
            let (written, regex) = (text.to_owned(), Box::new(regex));
            Some(Pattern::Regex { written, source: anchored, regex, plain })
        }
        Err(error) => {
            node.error(&format!("not a regular expression: {}", why(&error)), "");
            None
        }
    }
}

/// `*` is any text, `?` any one character.
fn glob(text: &str) -> String {
    let part = |c: char| match c {
        '*' => ".*".to_owned(),
        '?' => ".".to_owned(),
        other => regex::escape(other.encode_utf8(&mut [0; 4])),
    };
    text.chars().map(part).collect()
}

/// The library's words without its drawing of the expression.
fn why(error: &regex::Error) -> String {
    let text = error.to_string();
    let line = text.lines().find_map(|line| line.trim().strip_prefix("error: "));
    line.map_or_else(|| text.lines().next().unwrap_or_default().to_owned(), str::to_owned)
}
