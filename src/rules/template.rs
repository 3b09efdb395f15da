//! `${variable|filter}` in texts: a closed set of variables and filters, and nothing else.

use std::borrow::Cow;
use std::fmt;

use crate::codec::sip::percent;
use crate::codec::xmpp::jid_escaping;
use crate::codec::yaml::{Node, nearest};

/// The variables that a template may name, by their place in this list.
pub(super) type Variables = [&'static str];

/// What is done to a value on its way into a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    /// Small letters.
    Lower,
    /// Capital letters.
    Upper,
    /// Without white space at the edges.
    Trim,
    /// Its digits alone.
    Digits,
    /// Its first line.
    Line,
    /// JID escaping (XEP-0106) made.
    Escape,
    /// JID escaping undone.
    Unescape,
    /// Percent-encoded, but for unreserved characters (RFC 3261 §25.1).
    Percent,
}

/// All filters by name, with what they do.
pub(super) const FILTERS: [(&str, Filter, &str); 8] = [
    ("lower", Filter::Lower, "small letters"),
    ("upper", Filter::Upper, "capital letters"),
    ("trim", Filter::Trim, "without white space at the edges"),
    ("digits", Filter::Digits, "the digits alone"),
    ("line", Filter::Line, "the first line"),
    ("escape", Filter::Escape, "JID escaping (XEP-0106) made"),
    ("unescape", Filter::Unescape, "JID escaping undone"),
    ("percent", Filter::Percent, "percent-encoded, but for unreserved characters"),
];

impl Filter {
    fn apply(self, value: Cow<'_, str>) -> Cow<'_, str> {
        match self {
            Filter::Lower => value.to_lowercase().into(),
            Filter::Upper => value.to_uppercase().into(),
            Filter::Trim => value.trim().to_owned().into(),
            Filter::Digits => value.chars().filter(char::is_ascii_digit).collect(),
            Filter::Line => value.lines().next().unwrap_or_default().to_owned().into(),
            // A space at an edge has no escape: the value stays as it is.
            Filter::Escape => {
                jid_escaping::escape(&value).map(Cow::into_owned).unwrap_or(value.into()).into()
            }
            Filter::Unescape => jid_escaping::unescape(&value).into_owned().into(),
            Filter::Percent => percent::encode(value.as_bytes(), percent::Set::Unreserved).into(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// A variable, by its place among those allowed, and its filters.
    Variable(usize, Vec<Filter>),
}

/// A text with variables in it, legal once it exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

impl Template {
    /// Reads a template that may name these variables; mistakes are told under their token.
    pub(super) fn read(node: &Node<'_>, variables: &Variables) -> Option<Template> {
        let text = node.text()?;
        let parts = cut(text).map_err(|rest| {
            node.error_at(rest, "`${` without its `}`", "write ${variable} or ${variable|filter}");
        });
        let mut legal = Vec::new();
        for piece in parts.ok()? {
            legal.push(match piece {
                Piece::Text(text) => Some(Part::Text(text.to_owned())),
                Piece::Variable { whole, name, filters } => {
                    variable(node, variables, whole, name, &filters)
                }
            });
        }
        let parts = legal.into_iter().collect::<Option<Vec<Part>>>()?;
        Some(Template { text: text.to_owned(), parts })
    }

    /// The text that it makes; a variable without a value makes nothing.
    #[must_use]
    pub fn render<'a>(&self, value: &dyn Fn(usize) -> Option<Cow<'a, str>>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Variable(index, filters) => {
                    let value = value(*index).unwrap_or_default();
                    out.push_str(&filters.iter().fold(value, |value, filter| filter.apply(value)));
                }
            }
        }
        out
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A piece of a text, as it is written.
pub(super) enum Piece<'a> {
    Text(&'a str),
    Variable { whole: &'a str, name: &'a str, filters: Vec<&'a str> },
}

/// Cuts a text at its variables; the error is what follows an opening without its end.
pub(super) fn cut(text: &str) -> Result<Vec<Piece<'_>>, &str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, opened) = rest.split_at(start);
        let end = opened.find('}').ok_or(opened)?;
        let (whole, after) = opened.split_at(end + 1);
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        let inner = whole.get(2..end).unwrap_or_default();
        let mut words = inner.split('|').map(str::trim);
        let name = words.next().unwrap_or_default();
        pieces.push(Piece::Variable { whole, name, filters: words.collect() });
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

fn variable(
    node: &Node<'_>,
    variables: &Variables,
    whole: &str,
    name: &str,
    filters: &[&str],
) -> Option<Part> {
    let index = variables.iter().position(|known| *known == name);
    if index.is_none() {
        let token = if name.is_empty() { whole } else { name };
        node.error_at(token, &format!("no variable is called `{name}`"), &nearest(name, variables));
    }
    let names = FILTERS.map(|(name, ..)| name);
    let filter = |name: &&str| {
        let found = FILTERS.iter().find(|(known, ..)| known == name).map(|(_, filter, _)| *filter);
        if found.is_none() {
            let words = format!("no filter is called `{name}`");
            node.error_at(name, &words, &nearest(name, &names));
        }
        found
    };
    let filters: Vec<Option<Filter>> = filters.iter().map(filter).collect();
    let filters = filters.into_iter().collect::<Option<Vec<Filter>>>();
    Some(Part::Variable(index?, filters?))
}
