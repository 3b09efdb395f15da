//! The rules as a list of entries, to show them and to tell what one set changes of another.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use super::TABLES;
use super::layers::{self, Source};
use crate::codec::yaml::{Document, Findings, Map, Node};

/// Sections whose entries lie over each other key by key, and not whole.
const BY_KEY: [&str; 2] = ["schemes", "texts"];

/// One entry as it counts: what an override by name replaces whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands, by keys: `errors.to_xmpp.486`, `messages.rules[name]`.
    pub path: String,
    /// What it says, on one line.
    pub text: String,
    /// Where it comes from: `file:line`.
    pub place: String,
}

/// What a set of rules changes of the built-in ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The entry as it counts now.
    pub entry: Entry,
    /// What is built in there, if anything is.
    pub before: Option<String>,
}

/// All entries that count, in the order of the tables.
#[must_use]
pub fn entries(profiles: &[String], directory: Option<&Path>) -> Vec<Entry> {
    laid(&layers::sources(profiles, directory).0)
}

/// What profiles and a directory change; an entry that says what is built in is no change.
#[must_use]
pub fn changes(profiles: &[String], directory: Option<&Path>) -> Vec<Change> {
    let sources = layers::sources(profiles, directory).0;
    let built_in: Vec<Source> = sources
        .iter()
        .filter(|source| source.is_built_in() && !source.is_profile())
        .cloned()
        .collect();
    let before: BTreeMap<String, String> =
        laid(&built_in).into_iter().map(|entry| (entry.path, entry.text)).collect();
    laid(&sources)
        .into_iter()
        .map(|entry| Change { before: before.get(&entry.path).cloned(), entry })
        .filter(|change| change.before.as_ref() != Some(&change.entry.text))
        .collect()
}

fn laid(sources: &[Source]) -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    for source in sources {
        let mut findings = Findings::default();
        let document = Document::parse(&source.name, &source.text, &mut findings);
        let findings = RefCell::new(findings);
        let name = source.table().unwrap_or_default();
        let root = Node::root_of(name, &document, &findings);
        let Some(map) = root.and_then(|root| root.map()) else { continue };
        let found = match source.is_profile() {
            true => TABLES
                .iter()
                .filter_map(|table| map.optional(table.name)?.map())
                .flat_map(|map| of_table(&map))
                .collect(),
            false if name.is_empty() => Vec::new(),
            false => of_table(&map),
        };
        for entry in found {
            match all.iter_mut().find(|known| known.path == entry.path) {
                Some(known) => *known = entry,
                None => all.push(entry),
            }
        }
    }
    let table = |entry: &Entry| {
        let name = entry.path.split('.').next().unwrap_or_default().to_owned();
        TABLES.iter().position(|table| table.name == name)
    };
    all.sort_by_key(table);
    all
}

fn of_table(map: &Map<'_>) -> Vec<Entry> {
    let mut all = Vec::new();
    for (key, node) in map.entries() {
        match key {
            "tests" => {}
            "rules" | "pairs" => all.extend(of_list(&node)),
            _ if BY_KEY.contains(&key) => {
                for (_, node) in node.map().into_iter().flat_map(|map| map.entries()) {
                    all.extend(of_section(&node));
                }
            }
            _ if node.is_map() => all.extend(of_section(&node)),
            _ => all.push(entry(&node, node.path().to_owned())),
        }
    }
    all
}

fn of_section(node: &Node<'_>) -> Vec<Entry> {
    let entries = node.map().into_iter().flat_map(|map| map.entries());
    entries.map(|(_, node)| entry(&node, node.path().to_owned())).collect()
}

fn of_list(node: &Node<'_>) -> Vec<Entry> {
    if !node.is_list() {
        return Vec::new();
    }
    let named = |item: Node<'_>| {
        let name = item.map()?.optional("name")?.text()?.to_owned();
        Some(entry(&item, format!("{}[{name}]", node.path())))
    };
    node.list().into_iter().flatten().filter_map(named).collect()
}

fn entry(node: &Node<'_>, path: String) -> Entry {
    Entry { path, text: node.inline(), place: node.place() }
}
