//! The README of `conformance/vectors/field` has every case in one row, and each row what shows it:
//! a table, tests that there are, or a story.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::field_reports::{TABLES, folder, table};

/// The cases. Numbers that are not there belong to no case.
const CASES: &str = "01 02 03 04 05 06 07 08 10 11 12 13 14 15 16 17 18 18b 18c 18d 18e 19 20 21 22 23 24 25 26 27 \
                     28 29 30 31 32 33 34 35 36 37 38 38b 40 41 42 42b 43 44 44b 45 45b 46 48 49 50 51 52 53 55 56 \
                     57 57b 58 59 60 61 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 80 81 82 85 86 87";

struct Row {
    case: String,
    reports: String,
    shown_by: Vec<String>,
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(folder().join("README.md")).expect("a README");
    let lines = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let cells = lines.map(|line| line.split(" | ").map(str::to_owned).collect::<Vec<_>>());
    let cells = cells.filter(|cells| cells[0].starts_with(|first: char| first.is_ascii_digit()));
    cells
        .map(|cells| {
            let [case, reports, _wrong, shown_by] = &cells[..] else { panic!("{cells:?}") };
            // What stands between backticks is checked.
            let shown_by = shown_by.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            Row { case: case.clone(), reports: reports.clone(), shown_by }
        })
        .collect()
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Whether there is such a test: `file.rs::name` of the core's tests or of `src/…`, `file.py::name`
/// of the stories, `vectors/file.txt` of the vectors.
fn exists(test: &str) -> bool {
    let Some((file, name)) = test.split_once("::") else {
        return project().join("conformance").join(test).is_file();
    };
    let path = match file {
        _ if file.starts_with("src/") => project().join(file),
        _ if file.ends_with(".py") => project().join("conformance/stories").join(file),
        _ => project().join("conformance/core").join(file),
    };
    let Ok(text) = fs::read_to_string(path) else { return false };
    if file.ends_with(".py") {
        return text.contains(&format!("def {name}("));
    }
    let Some((before, _)) = text.split_once(&format!("fn {name}(")) else { return false };
    // A test of proptest has its attribute within the macro as well.
    before.lines().rev().take(3).any(|line| line.trim() == "#[test]")
}

#[test]
fn field_every_case_stands_in_one_row() {
    let cases: Vec<String> = rows().into_iter().map(|row| row.case).collect();
    let expected: Vec<&str> = CASES.split_whitespace().collect();
    assert_eq!((cases, expected.len()), (expected.iter().map(|it| (*it).to_owned()).collect(), 89));
}

#[test]
fn field_every_row_names_its_report_and_what_shows_it() {
    let in_tables = |name: &str| -> BTreeSet<String> {
        table(name).into_iter().map(|check| check.case).collect()
    };
    let tables: Vec<_> = TABLES.iter().map(|name| (*name, in_tables(name))).collect();
    for Row { case, reports, shown_by } in rows() {
        assert!(reports.contains('#') || reports.contains("http"), "{case}: no report: {reports}");
        assert!(!shown_by.is_empty(), "{case}: nothing shows it");
        for (name, cases) in &tables {
            let named = shown_by.iter().any(|shown| shown == name);
            assert_eq!(named, cases.contains(&case), "{case}: {name}");
        }
        let others = shown_by.iter().filter(|shown| !TABLES.contains(&shown.as_str()));
        for test in others {
            assert!(exists(test), "{case}: no test {test}");
        }
    }
    let known: BTreeSet<_> = rows().into_iter().map(|row| row.case).collect();
    for (name, cases) in tables {
        assert!(cases.is_subset(&known), "{name}: a case without a row");
    }
}

#[test]
fn field_every_input_is_played() {
    let mut played: BTreeSet<String> =
        TABLES.iter().flat_map(|name| table(name)).map(|check| check.input).collect();
    played.extend(TABLES.map(str::to_owned));
    played.insert("README.md".to_owned());
    let sources: String = ["field_content.rs", "field_edges.rs", "field_presence.rs"]
        .iter()
        .map(|name| fs::read_to_string(project().join("conformance/core").join(name)).expect("it"))
        .collect();
    for file in fs::read_dir(folder()).expect("the folder") {
        let file = file.expect("a file").file_name().into_string().expect("UTF-8");
        let named = sources.contains(&format!("{file}\""));
        assert!(played.contains(&file) || named, "nobody plays {file}");
    }
}

#[test]
fn a_test_that_is_gone_is_found_out() {
    assert!(exists("field_table.rs::a_test_that_is_gone_is_found_out"));
    assert!(!exists("field_table.rs::exists") && !exists("field_table.rs::nobody"));
    assert!(!exists("nowhere.rs::nobody") && !exists("vectors/nothing.txt"));
}
