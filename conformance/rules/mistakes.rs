//! Mistakes with the exact words that are said about them: `mistakes.txt`. `RULES_WRITE=1` writes
//! the words anew.

use std::fmt::Write;
use std::path::Path;

use crate::Directory;

/// One mistake: its name, its file, the text of that, and what is said.
struct Mistake<'a> {
    name: &'a str,
    file: &'a str,
    text: &'a str,
    said: &'a str,
}

fn mistakes(table: &str) -> Vec<Mistake<'_>> {
    table
        .split("\n=== ")
        .skip(1)
        .map(|block| {
            let (name, rest) = block.split_once('\n').expect("a name");
            let (file, rest) =
                rest.strip_prefix("--- ").and_then(|r| r.split_once('\n')).expect("a file");
            let (text, said) = rest.split_once("--- said\n").expect("what is said");
            Mistake { name, file, text, said: said.trim_end() }
        })
        .collect()
}

#[test]
fn every_mistake_is_told_in_these_words() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/rules/mistakes.txt");
    let table = std::fs::read_to_string(&path).expect("the mistakes");
    let head = table.split("\n=== ").next().unwrap_or_default();
    let all = mistakes(&table);
    assert!(all.len() >= 30, "{}", all.len());
    let mut written = head.to_owned();
    let mut faults = Vec::new();
    for mistake in &all {
        let told = match Directory::new(&[(mistake.file, mistake.text)]).load() {
            Ok((_, told)) | Err(told) => told.join("\n\n"),
        };
        assert!(!told.is_empty(), "{}: nothing is said", mistake.name);
        let _ = write!(
            written,
            "\n=== {}\n--- {}\n{}--- said\n{told}\n",
            mistake.name, mistake.file, mistake.text
        );
        if told != mistake.said {
            faults.push(format!("{}\n-----\n{}\n-----\n{told}\n", mistake.name, mistake.said));
        }
    }
    if std::env::var_os("RULES_WRITE").is_some() {
        std::fs::write(&path, written).expect("the file can be written");
        return;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
