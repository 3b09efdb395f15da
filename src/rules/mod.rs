//! The mapping rules: what the translation decides and a deployment may want otherwise.
//!
//! The files of `mappings/` are compiled in; a directory named in the configuration overrides
//! single entries by name. After loading, a rule that exists is legal.

mod addresses;
pub mod encryption;
mod errors;
mod messages;
mod presence;

use std::cell::RefCell;
use std::path::Path;

use crate::codec::yaml::{Document, Finding, Findings, Map, Node};

pub use addresses::{Addresses, Resource};
pub use encryption::Encryption;
pub use errors::{Errors, SipError, XmppError};
pub use messages::{BodyProfile, Late, Messages};
pub use presence::Presence;

/// The files, by name, with their built-in text.
const FILES: [(&str, &str); 5] = [
    ("addresses.yaml", include_str!("../../mappings/addresses.yaml")),
    ("messages.yaml", include_str!("../../mappings/messages.yaml")),
    ("presence.yaml", include_str!("../../mappings/presence.yaml")),
    ("errors.yaml", include_str!("../../mappings/errors.yaml")),
    ("encryption.yaml", include_str!("../../mappings/encryption.yaml")),
];

/// All rules of one gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// How addresses cross.
    pub addresses: Addresses,
    /// How messages cross.
    pub messages: Messages,
    /// How presence crosses.
    pub presence: Presence,
    /// How errors cross.
    pub errors: Errors,
    /// What is encrypted, and what becomes of it.
    pub encryption: Encryption,
}

impl Rules {
    /// Reads the built-in rules and then the directory's over them.
    ///
    /// # Errors
    /// Every mistake found; warnings come with the rules instead.
    pub fn load(directory: Option<&Path>) -> Result<(Rules, Vec<Finding>), Vec<Finding>> {
        let mut rules = Rules::default();
        let mut all = Vec::new();
        for (name, text) in FILES {
            all.extend(rules.read(&format!("mappings/{name}"), name, text));
        }
        for (name, path) in
            directory.iter().flat_map(|dir| FILES.map(|(name, _)| (name, dir.join(name))))
        {
            match std::fs::read_to_string(&path) {
                Ok(text) => all.extend(rules.read(&path.display().to_string(), name, &text)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    let message = format!("cannot read {}: {error}", path.display());
                    all.push(Finding::without_place(message));
                }
            }
        }
        if let Some(directory) = directory {
            all.extend(strangers(directory));
        }
        let failed =
            all.iter().any(|finding| finding.severity == crate::codec::yaml::Severity::Error);
        if failed { Err(all) } else { Ok((rules, all)) }
    }

    /// Reads one file over the rules so far.
    fn read(&mut self, shown: &str, name: &str, text: &str) -> Vec<Finding> {
        let mut findings = Findings::default();
        let document = Document::parse(shown, text, &mut findings);
        let findings = RefCell::new(findings);
        if let Some(map) = Node::root(&document, &findings).and_then(|root| root.map()) {
            match name {
                "addresses.yaml" => self.addresses.read(&map),
                "messages.yaml" => self.messages.read(&map),
                "presence.yaml" => self.presence.read(&map),
                "encryption.yaml" => self.encryption.read(&map),
                _ => self.errors.read(&map),
            }
            map.finish();
        }
        findings.into_inner().sorted()
    }
}

/// Warnings for a directory that is missing, and for rule files of a name that nobody reads.
fn strangers(directory: &Path) -> Vec<Finding> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => {
            let message = format!("the rules directory {}: {error}", directory.display());
            let mend = "create it, or leave `rules` out to use the built-in rules alone";
            return vec![Finding::without_place(message).mend(mend).warning()];
        }
    };
    let known: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    names
        .iter()
        .filter(|name| name.ends_with(".yaml") || name.ends_with(".yml"))
        .filter(|name| !known.contains(&name.as_str()))
        .map(|name| {
            let message = format!("{}: no rule file has this name", directory.join(name).display());
            Finding::without_place(message)
                .mend(format!("known names: {}", known.join(", ")))
                .warning()
        })
        .collect()
}

/// Reads a section of a file, if it is there.
fn section<'d>(map: &Map<'d>, key: &'static str, read: impl FnOnce(&Map<'d>)) {
    if let Some(section) = map.optional(key).and_then(|node| node.map()) {
        read(&section);
        section.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_rules_are_without_fault_and_complete() {
        let (rules, findings) = Rules::load(None).unwrap();
        assert_eq!(findings, []);
        for condition in crate::codec::xmpp::Condition::ALL.iter().map(|condition| condition.name())
        {
            assert!(rules.errors.has_condition(condition), "{condition} has no status");
        }
        for class in [300, 400, 500, 600] {
            assert!(rules.errors.to_xmpp(class + 97).is_some(), "{class} has no default");
        }
    }

    #[test]
    fn an_override_changes_its_entry_alone() {
        let (mut rules, _) = Rules::load(None).unwrap();
        let before = rules.clone();
        let text = "to_xmpp: { \"486\": { condition: resource-constraint } }\n";
        assert_eq!(rules.read("errors.yaml", "errors.yaml", text), []);
        assert_ne!(rules.errors.to_xmpp(486), before.errors.to_xmpp(486));
        assert_eq!(rules.errors.to_xmpp(487), before.errors.to_xmpp(487));
        assert_eq!(rules.messages, before.messages);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let (mut rules, _) = Rules::load(None).unwrap();
        let text = "to_sip: { gone: { status: 900 }, gon: { status: 400 } }\nto_xmp: {}\n";
        let shown: Vec<String> = rules
            .read("errors.yaml", "errors.yaml", text)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(shown.len(), 3, "{shown:#?}");
        assert!(shown[0].contains("to_sip.gone.status: 900 is out of bounds"), "{shown:#?}");
        assert!(shown[1].contains("did you mean `gone`?"), "{shown:#?}");
        assert!(shown[2].contains("did you mean `to_xmpp`?"), "{shown:#?}");
    }
}
