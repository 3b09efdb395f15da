//! A value on one line, in the flow style of YAML.

use serde_yaml::Spanned;

use super::document::Value;

/// The value, to show it and to compare it.
pub(super) fn inline(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Plain(text) => text.clone(),
        Value::Scalar(text) => scalar(text),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| inline(&item.value)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(entries) => {
            let entry = |(key, value): &(Spanned<String>, Spanned<Value>)| {
                format!("{}: {}", scalar(&key.value), inline(&value.value))
            };
            let entries: Vec<String> = entries.iter().map(entry).collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

/// A text as YAML, in quotes where it would be read as something else without.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+".contains(c);
    let word = text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(plain);
    if word { text.to_owned() } else { format!("{text:?}") }
}
