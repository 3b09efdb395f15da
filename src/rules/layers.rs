//! The files that rules are read from, in the order in which they lie over each other.

use std::cell::RefCell;
use std::path::Path;

use super::profiles::{self, PROFILES};
use super::rule_table::{lay, named};
use super::{Lists, Rules, TABLES, test_case};
use crate::codec::yaml::{Document, Finding, Findings, Map, Node, nearest};

/// The file of a directory that says which profiles lie beneath it.
const PROFILES_FILE: &str = "profiles.yaml";

/// One file.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// What it is for: a table, or several of them.
    kind: Kind,
    /// The name that an operator knows it by.
    pub(super) name: String,
    /// Its text.
    pub(super) text: String,
    /// Whether it comes with the program.
    built_in: bool,
    /// What lies beneath it.
    layer: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Table(&'static str),
    Profile,
    /// Read before: it counts for the digest.
    Profiles,
}

impl Source {
    /// A file of one table that lies over all others.
    #[cfg(test)]
    pub(super) fn over(table: &'static str, name: &str, text: String) -> Source {
        let (kind, name) = (Kind::Table(table), name.to_owned());
        Source { kind, name, text, built_in: false, layer: usize::MAX }
    }

    /// The table that it is for, if it is for one.
    pub(super) fn table(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Table(table) => Some(table),
            _ => None,
        }
    }

    /// Whether it is a profile, with several tables in it.
    pub(super) fn is_profile(&self) -> bool {
        self.kind == Kind::Profile
    }

    /// Whether it comes with the program.
    pub(super) fn is_built_in(&self) -> bool {
        self.built_in
    }
}

/// All files, and what is to be told of those that cannot be read.
pub(super) fn sources(asked: &[String], directory: Option<&Path>) -> (Vec<Source>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut sources: Vec<Source> = TABLES
        .iter()
        .map(|table| Source {
            kind: Kind::Table(table.name),
            name: format!("mappings/{}.yaml", table.name),
            text: table.text.to_owned(),
            built_in: true,
            layer: 0,
        })
        .collect();
    let mut wanted = Vec::new();
    for name in asked {
        match profiles::named(name) {
            Some(profile) => wanted.push(profile),
            None => {
                let names = PROFILES.map(|profile| profile.name);
                let message = format!("no profile is called `{name}`");
                findings.push(Finding::without_place(message).hint(nearest(name, &names)));
            }
        }
    }
    let mut local = Vec::new();
    if let Some(directory) = directory {
        local = local_sources(directory, &mut findings);
        if let Some(file) = local.iter().find(|source| source.kind == Kind::Profiles) {
            wanted.extend(profiles::read(&file.name, &file.text, &mut findings));
        }
        findings.extend(strangers(directory));
    }
    for (number, profile) in wanted.iter().enumerate() {
        sources.push(Source {
            kind: Kind::Profile,
            name: format!("mappings/profiles/{}.yaml", profile.name),
            text: profile.text.to_owned(),
            built_in: true,
            layer: number + 1,
        });
    }
    let layer = wanted.len() + 1;
    sources.extend(local.into_iter().map(|source| Source { layer, ..source }));
    (sources, findings)
}

fn local_sources(directory: &Path, findings: &mut Vec<Finding>) -> Vec<Source> {
    let tables =
        TABLES.iter().map(|table| (Kind::Table(table.name), format!("{}.yaml", table.name)));
    let files = std::iter::once((Kind::Profiles, PROFILES_FILE.to_owned())).chain(tables);
    let mut all = Vec::new();
    for (kind, file) in files {
        let path = directory.join(&file);
        let name = path.display().to_string();
        match std::fs::read_to_string(&path) {
            Ok(text) => all.push(Source { kind, name, text, built_in: false, layer: 0 }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                findings.push(Finding::without_place(format!("cannot read {name}: {error}")));
            }
        }
    }
    all
}

/// Warnings for a directory that is missing, and for rule files of a name that nobody reads.
fn strangers(directory: &Path) -> Vec<Finding> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => {
            let message = format!("the rules directory {}: {error}", directory.display());
            let mend = "create it, or leave `rules` out to use the built-in rules alone";
            return vec![Finding::without_place(message).hint(mend).warning()];
        }
    };
    let mut known: Vec<String> = TABLES.map(|table| format!("{}.yaml", table.name)).to_vec();
    known.push(PROFILES_FILE.to_owned());
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    names
        .iter()
        .filter(|name| name.ends_with(".yaml") || name.ends_with(".yml"))
        .filter(|name| !known.contains(name))
        .map(|name| {
            let message = format!("{}: no rule file has this name", directory.join(name).display());
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            Finding::without_place(message).hint(nearest(name, &known)).warning()
        })
        .collect()
}

/// Reads all files into rules: first their keys, then their lists over what the keys say.
pub(super) fn read(rules: &mut Rules, sources: &[Source]) -> Vec<Finding> {
    let documents: Vec<(Document, RefCell<Findings>)> = sources
        .iter()
        .filter(|source| source.kind != Kind::Profiles)
        .map(|source| {
            let mut findings = Findings::default();
            let document = Document::parse(&source.name, &source.text, &mut findings);
            (document, RefCell::new(findings))
        })
        .collect();
    let read = sources.iter().filter(|source| source.kind != Kind::Profiles);
    // What lies beneath is tested by itself: an edit may well change what it promises.
    let top = sources.iter().map(|source| source.layer).max().unwrap_or_default();
    let mut lists: Vec<Lists<'_>> = TABLES.iter().map(|_| Lists::default()).collect();
    for (source, (document, findings)) in read.zip(&documents) {
        let root = match source.kind {
            Kind::Table(table) => Node::root_of(table, document, findings),
            _ => Node::root(document, findings),
        };
        let Some(map) = root.and_then(|root| root.map()) else { continue };
        match source.kind {
            Kind::Table(table) => read_table(rules, &mut lists, source, table, &map),
            _ => read_profile(rules, &mut lists, source, &map),
        }
        map.finish();
        if source.layer < top {
            rules.tests.clear();
        }
    }
    for (table, lists) in TABLES.iter().zip(&lists) {
        (table.compile)(rules, lists);
    }
    // What is compiled holds on to nothing of the files.
    drop(lists);
    documents.into_iter().flat_map(|(_, findings)| findings.into_inner().sorted()).collect()
}

fn read_profile<'d>(rules: &mut Rules, lists: &mut [Lists<'d>], source: &Source, map: &Map<'d>) {
    let _ = map.optional("about").and_then(|node| node.text());
    for table in &TABLES {
        if let Some(within) = map.optional(table.name).and_then(|node| node.map()) {
            read_table(rules, lists, source, table.name, &within);
            within.finish();
        }
    }
    if let Some(tests) = map.optional("tests") {
        test_case::read(&tests, source.built_in, &mut rules.tests);
    }
}

fn read_table<'d>(
    rules: &mut Rules,
    lists: &mut [Lists<'d>],
    source: &Source,
    name: &str,
    map: &Map<'d>,
) {
    let Some((table, lists)) = TABLES.iter().zip(lists).find(|(table, _)| table.name == name)
    else {
        return;
    };
    (table.read)(rules, map);
    for name in table.lists {
        let list = match *name {
            "pairs" => &mut lists.pairs,
            _ => &mut lists.rules,
        };
        if let Some(node) = map.optional(name) {
            *list = lay(std::mem::take(list), named(&node, source.layer));
        }
    }
    if let Some(tests) = map.optional("tests") {
        test_case::read(&tests, source.built_in, &mut rules.tests);
    }
}
