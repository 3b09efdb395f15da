//! The reference of all keys, as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::entries::entries;
use super::facts::FIELDS;
use super::messages::VARIABLES;
use super::shape::{Described, Names, Shape};
use super::template::FILTERS;
use super::{PROFILES, TABLES, keys_of};

/// The whole reference.
#[must_use]
pub fn reference() -> String {
    let mut out = String::from(HEAD);
    let built_in: BTreeMap<String, String> =
        entries(&[], None).into_iter().map(|entry| (entry.path, entry.text)).collect();
    for table in &TABLES {
        let _ = write!(out, "\n## `{}.yaml`\n", table.name);
        section(&mut out, table.name, &keys_of(table), &built_in, 3);
    }
    out.push_str(
        "\n## What a rule can ask for\n\nWhich of these a table knows is in its `when`.\n\n",
    );
    out.push_str("| key | what it is |\n|---|---|\n");
    for field in &FIELDS {
        let _ = writeln!(out, "| `{}` | {} |", field.name, field.doc);
    }
    out.push_str("\n## Variables and filters\n\n");
    let names: Vec<String> = VARIABLES.iter().map(|name| format!("`${{{name}}}`")).collect();
    let _ = writeln!(out, "In message rules: {}.\n", names.join(", "));
    out.push_str("| filter | what it makes |\n|---|---|\n");
    for (name, _, doc) in FILTERS {
        let _ = writeln!(out, "| `{name}` | {doc} |");
    }
    out.push_str("\n## Profiles\n\n| profile | what it is for |\n|---|---|\n");
    for profile in PROFILES {
        let about = profile.text.lines().take_while(|line| line.starts_with('#'));
        let words: Vec<&str> = about.map(|line| line.trim_start_matches(['#', ' '])).collect();
        let _ = writeln!(out, "| `{}` | {} |", profile.name, words.join(" "));
    }
    out
}

const HEAD: &str = "<!-- Made by `stox rules reference`: change the keys in src/rules instead. -->

# Rules: every key

[rules.md](rules.md) is the guide. This page lists what may stand in each file.
";

fn section(
    out: &mut String,
    path: &str,
    keys: &[Described],
    built_in: &BTreeMap<String, String>,
    depth: usize,
) {
    out.push_str("\n| key | values | built in | what it decides |\n|---|---|---|---|\n");
    for key in keys {
        let value = built_in.get(&format!("{path}.{}", key.name));
        let value = value.map(|value| format!("`{value}`")).unwrap_or_default();
        let _ = writeln!(
            out,
            "| `{}` | {} | {value} | {} |",
            key.name,
            key.shape.in_words(),
            key.doc.replace('|', "\\|")
        );
    }
    for key in keys {
        let path = format!("{path}.{}", key.name);
        if let Some((heading, inner)) = inner(&path, &key.shape) {
            // The keys of the file stand in a rule as well: they are told once.
            let known = path.contains(".rules") && ["to_sip", "to_xmpp"].contains(&key.name);
            if !known {
                let _ = write!(out, "\n{} {heading}\n", "#".repeat(depth.min(5)));
                section(out, &path, inner, built_in, depth + 1);
            }
        }
    }
}

/// The set of keys within a shape, and how it is called.
fn inner<'a>(path: &str, shape: &'a Shape) -> Option<(String, &'a [Described])> {
    match shape {
        Shape::Keys(keys) => Some((format!("`{path}`"), keys)),
        Shape::List(item) => {
            let (_, keys) = inner(path, item)?;
            Some((format!("Each of `{path}`"), keys))
        }
        Shape::Entries(names, item) => {
            let (_, keys) = inner(path, item)?;
            let whose = match names {
                Names::Of(_) => "entry",
                Names::Matching(_, words) => words.split(' ').nth(2).unwrap_or("entry"),
            };
            Some((format!("Each {whose} of `{path}`"), keys))
        }
        _ => None,
    }
}
