//! The YAML text as a tree of values that know their place.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::Spanned;

use super::{Finding, Findings, Source};

/// A value, still untyped: scalars keep their source text.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Scalar(String),
    /// A number or truth value as the parser understands it; its text is in the source.
    Plain(String),
    List(Vec<Spanned<Value>>),
    Map(Vec<(Spanned<String>, Spanned<Value>)>),
}

impl Value {
    /// What a person calls this kind of value.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Scalar(_) | Value::Plain(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a set of keys",
        }
    }
}

/// A YAML file read whole: its source and its tree.
#[derive(Debug, Clone)]
pub struct Document {
    pub(super) source: Arc<Source>,
    pub(super) root: Option<Spanned<Value>>,
}

impl Document {
    /// Reads the text of one YAML file. A syntax error becomes a finding, and the document is then
    /// empty, so that a caller reports it once and stops.
    #[must_use]
    pub fn parse(name: &str, text: &str, findings: &mut Findings) -> Self {
        let source = Arc::new(Source { name: name.to_owned(), text: text.to_owned() });
        if text.trim().is_empty() {
            findings.push(Finding::error(&source, None, "", "the file is empty"));
            return Document { source, root: None };
        }
        // A key that stands twice is told by the reader, with all other mistakes.
        let options = serde_yaml::options! {
            duplicate_keys: serde_yaml::options::DuplicateKeyPolicy::LastWins,
        };
        match serde_yaml::from_str_with_options::<Spanned<Value>>(text, options) {
            Ok(root) => Document { source, root: Some(root) },
            Err(error) => {
                let place = error.location().map(|location| {
                    let at = source.offset_of(location.line() as usize, location.column() as usize);
                    (at, at + 1)
                });
                let message = first_line(&error.to_string());
                findings.push(Finding::error(&source, place, "", &message));
                Document { source, root: None }
            }
        }
    }
}

/// The library's message without its own drawing of the place, which [`Finding`] does.
fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    match line.split_once(": ") {
        Some((place, rest)) if place.starts_with("line ") => rest.to_owned(),
        _ => line.to_owned(),
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Scalar(text.to_owned()))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Plain(number.to_string()))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Plain(number.to_string()))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Plain(number.to_string()))
    }
    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Plain(truth.to_string()))
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            map.push((key, entries.next_value()?));
        }
        Ok(Value::Map(map))
    }
}

/// The octets that a spanned value covers in the source, where the parser knows them.
pub(super) fn place<T>(value: &Spanned<T>) -> Option<(usize, usize)> {
    let span = value.referenced.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let length = usize::try_from(span.byte_len()?).ok()?;
    Some((start, start + length))
}
