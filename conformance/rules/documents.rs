//! The documents are true: the examples of the guide run, reference and schemas are those of the
//! types. `RULES_WRITE=1` writes what is made.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stox::dry_run::run_tests;
use stox::rules::{TABLES, reference, schema};

use crate::Directory;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// The blocks of the guides that are rule files, with the heading that they stand under.
fn examples() -> Vec<(String, String, String)> {
    let of = |file: &str| examples_of(&fs::read_to_string(docs().join(file)).expect("a guide"));
    ["rules.md", "encryption.md"].into_iter().flat_map(of).collect()
}

fn examples_of(text: &str) -> Vec<(String, String, String)> {
    let (mut heading, mut all) = (String::new(), Vec::new());
    for part in text.split("\n```") {
        if let Some(block) = part.strip_prefix("yaml\n")
            && let Some(rest) = block.strip_prefix("# rules/")
        {
            let (name, body) = rest.split_once('\n').expect("a file");
            all.push((heading.clone(), name.trim().to_owned(), format!("{body}\n")));
            continue;
        }
        if let Some((_, after)) = part.rsplit_once("\n## ") {
            heading = after.lines().next().unwrap_or_default().to_owned();
        }
    }
    all
}

#[test]
fn the_examples_of_the_guide_run() {
    let examples = examples();
    assert!(examples.len() >= 5, "{examples:#?}");
    let mut tests = 0;
    for (heading, name, text) in examples {
        let directory = Directory::new(&[(&name, &text)]);
        let (rules, told) = directory.load().unwrap_or_else(|told| panic!("{heading}: {told:#?}"));
        assert_eq!(told, Vec::<String>::new(), "{heading}");
        tests += rules.tests.len();
        let failures: Vec<String> =
            run_tests(&Arc::new(rules), None).iter().map(ToString::to_string).collect();
        assert!(failures.is_empty(), "{heading}: {}", failures.join("\n"));
    }
    assert!(tests >= 10, "{tests}");
}

fn holds(path: &Path, made: &str) {
    if std::env::var_os("RULES_WRITE").is_some() {
        fs::write(path, made).expect("the file can be written");
    }
    let kept = fs::read_to_string(path).unwrap_or_default();
    assert!(kept == made, "{} is not what the types say: RULES_WRITE=1 writes it", path.display());
}

#[test]
fn the_reference_is_that_of_the_types() {
    holds(&docs().join("rules-reference.md"), &reference());
}

#[test]
fn the_schemas_are_those_of_the_types() {
    let names = TABLES.iter().map(|table| table.name).chain(["profiles"]);
    for name in names {
        let schema = schema(name).expect("a schema");
        let text = format!("{}\n", serde_json::to_string_pretty(&schema).expect("JSON"));
        holds(&docs().join(format!("schema/{name}.json")), &text);
    }
}

/// What a schema says of a key, or of a name that it allows.
fn within<'a>(schema: &'a serde_json::Value, key: &str) -> Option<&'a serde_json::Value> {
    let patterns = schema["patternProperties"].as_object();
    let pattern = patterns.and_then(|all| all.values().next());
    schema["properties"].get(key).or(pattern)
}

#[test]
fn the_schemas_know_every_built_in_entry_and_no_other() {
    for entry in stox::rules::entries(&[], None) {
        let mut keys = entry.path.split('.');
        let table = schema(keys.next().expect("a table")).expect("a schema");
        assert_eq!(table["additionalProperties"], false);
        let mut at = &table;
        for key in keys {
            at = within(at, key).unwrap_or_else(|| panic!("{}: {key}", entry.path));
        }
        if let Some(words) = at["enum"].as_array() {
            let known = words.iter().any(|word| word.to_string().trim_matches('"') == entry.text);
            assert!(known, "{}: {} is not one of {words:?}", entry.path, entry.text);
        }
        assert!(within(&table, "nonsense").is_none());
    }
}

#[test]
fn every_key_that_is_read_is_in_the_reference() {
    let reference = reference();
    for entry in stox::rules::entries(&[], None) {
        let key = entry.path.rsplit('.').next().unwrap_or_default();
        let names = ["errors.to_", "errors.texts.", "encryption.texts.", "messages.texts."];
        let is_name = names.iter().any(|section| entry.path.starts_with(section));
        assert!(is_name || reference.contains(&format!("| `{key}` |")), "{}", entry.path);
    }
}
