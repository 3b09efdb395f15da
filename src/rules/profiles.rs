//! The profiles that ship: sets of entries for a standard or a peer, laid over the built-in rules.

use std::cell::RefCell;

use crate::codec::yaml::{Document, Finding, Findings, Node};

/// One profile.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// Its file, whose first lines say what it is for.
    pub text: &'static str,
}

/// All profiles, by name.
pub const PROFILES: [Profile; 8] = [
    Profile { name: "default", text: include_str!("../../mappings/profiles/default.yaml") },
    Profile { name: "rfc3922", text: include_str!("../../mappings/profiles/rfc3922.yaml") },
    Profile {
        name: "rfc7247-strict",
        text: include_str!("../../mappings/profiles/rfc7247-strict.yaml"),
    },
    Profile { name: "kamailio", text: include_str!("../../mappings/profiles/kamailio.yaml") },
    Profile { name: "linphone", text: include_str!("../../mappings/profiles/linphone.yaml") },
    Profile { name: "baresip", text: include_str!("../../mappings/profiles/baresip.yaml") },
    Profile { name: "prosody", text: include_str!("../../mappings/profiles/prosody.yaml") },
    Profile { name: "ejabberd", text: include_str!("../../mappings/profiles/ejabberd.yaml") },
];

/// The profile of a name.
pub(super) fn named(name: &str) -> Option<Profile> {
    PROFILES.into_iter().find(|profile| profile.name == name)
}

/// Reads `use: [ … ]` of a directory's `profiles.yaml`.
pub(super) fn read(name: &str, text: &str, all: &mut Vec<Finding>) -> Vec<Profile> {
    let mut findings = Findings::default();
    let document = Document::parse(name, text, &mut findings);
    let findings = RefCell::new(findings);
    let mut wanted = Vec::new();
    if let Some(map) = Node::root_of("profiles", &document, &findings).and_then(|root| root.map()) {
        let list = map.required("use", "write use: [ rfc3922 ]").and_then(|node| node.list());
        let names = PROFILES.map(|profile| (profile.name, profile));
        wanted = list.into_iter().flatten().filter_map(|node| node.one_of(&names)).collect();
        map.finish();
    }
    all.extend(findings.into_inner().sorted());
    wanted
}
