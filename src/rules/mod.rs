//! The mapping rules: what the translation decides and a deployment may want otherwise.
//!
//! The files of `mappings/` are compiled in; profiles and a directory named in the configuration
//! lay their entries over them by name. After loading, a rule that exists is legal.
//!
//! A table is one row of [`TABLES`] and one file of this folder: its keys stand in a list
//! ([`key::Key`]) from which the reader, the reference and the editor's schema are made.

mod address_pair;
mod addresses;
pub mod encryption;
mod entries;
mod errors;
mod facts;
mod key;
mod layers;
mod matcher;
mod messages;
mod presence;
mod profiles;
mod reference;
mod rule_set;
mod rule_table;
mod schema;
mod shape;
mod template;
mod test_case;
mod texts;

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::codec::yaml::{Finding, Map, Severity};
use key::read;
use layers::Source;
use rule_table::{RuleTable, Written, compile, described, described_rules};
use shape::Described;

pub use address_pair::{AddressPairs, Paired};
pub use addresses::{Addresses, Resource};
pub use encryption::Encryption;
pub use entries::{Change, Entry, changes, entries};
pub use errors::{
    Errors, SIP_VARIABLES, Saying, SipError, Worded, Words, XMPP_VARIABLES, XmppError,
};
pub use facts::{Direction, Facts, Field};
pub use messages::{
    AddressScheme, BodyProfile, Edits, ImEscaping, Late, Messages, Part, Phrase, Phrases,
    ThreadForm, VARIABLES, im_uri, mailbox,
};
pub use presence::Presence;
pub use profiles::{PROFILES, Profile};
pub use reference::reference;
pub use rule_set::{Rule, RuleSet, TraceEntry};
pub use schema::schema;
pub use template::Template;
pub use test_case::{DOCUMENT_KEYS, Given, SIP_KEYS, STANZA_KEYS, TestCase};
pub use texts::Said;

/// One file of rules.
pub struct Table {
    /// Its name, without `.yaml`.
    pub name: &'static str,
    /// Its built-in text.
    pub text: &'static str,
    /// Its lists of named entries.
    lists: &'static [&'static str],
    /// Reads the keys of one file over the rules so far.
    read: fn(&mut Rules, &Map<'_>),
    /// Compiles the lists of all files together.
    compile: fn(&mut Rules, &Lists<'_>),
    /// What may stand in it.
    described: fn() -> Vec<Described>,
}

/// The named entries of a table, from all files, in their order.
#[derive(Default)]
struct Lists<'d> {
    rules: Vec<Written<'d>>,
    pairs: Vec<Written<'d>>,
}

/// The tables, in the order in which they are told.
pub const TABLES: [Table; 5] = [
    Table {
        name: "addresses",
        text: include_str!("../../mappings/addresses.yaml"),
        lists: &["rules", "pairs"],
        read: |rules, map| read(Addresses::KEYS, map, &mut rules.addresses),
        compile: |rules, lists| {
            rules.addresses.pairs = AddressPairs::compile(&lists.pairs);
            compile(&mut rules.addresses, &lists.rules);
        },
        described: || {
            let mut all = described::<Addresses>();
            all.push(AddressPairs::described());
            all
        },
    },
    Table {
        name: "messages",
        text: include_str!("../../mappings/messages.yaml"),
        lists: &["rules"],
        read: |rules, map| read(Messages::KEYS, map, &mut rules.messages),
        compile: |rules, lists| {
            compile(&mut rules.messages, &lists.rules);
            messages::check_written(&rules.encryption, &lists.rules);
        },
        described: described::<Messages>,
    },
    Table {
        name: "presence",
        text: include_str!("../../mappings/presence.yaml"),
        lists: &["rules"],
        read: |rules, map| read(Presence::KEYS, map, &mut rules.presence),
        compile: |rules, lists| compile(&mut rules.presence, &lists.rules),
        described: described::<Presence>,
    },
    Table {
        name: "errors",
        text: include_str!("../../mappings/errors.yaml"),
        lists: &["rules"],
        read: |rules, map| read(Errors::KEYS, map, &mut rules.errors),
        compile: |rules, lists| compile(&mut rules.errors, &lists.rules),
        described: described::<Errors>,
    },
    Table {
        name: "encryption",
        text: include_str!("../../mappings/encryption.yaml"),
        lists: &["rules"],
        read: |rules, map| read(&encryption::KEYS, map, &mut rules.encryption),
        compile: |rules, lists| {
            compile(&mut rules.encryption.refinement, &lists.rules);
            encryption::check(&rules.encryption, &lists.rules);
        },
        described: || {
            let mut all = key::described(&encryption::KEYS);
            all.push(described_rules::<encryption::Refinement>());
            all
        },
    },
];

/// All rules of one gateway.
#[derive(Debug, Clone, PartialEq, Default)]
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
    /// What they were read from, as a hash: 16 hexadecimal digits.
    pub digest: String,
    /// The tests that stand beside them.
    pub tests: Vec<TestCase>,
}

/// Rules with what is to be told about them; or all that is wrong.
pub type Loaded = Result<(Rules, Vec<Finding>), Vec<Finding>>;

impl Rules {
    /// Reads the built-in rules and then the directory's over them.
    ///
    /// # Errors
    /// Every mistake found; warnings come with the rules instead.
    pub fn load(directory: Option<&Path>) -> Loaded {
        Rules::load_with(&[], directory)
    }

    /// The same with profiles between the two, besides those that the directory itself names.
    ///
    /// # Errors
    /// Every mistake found; warnings come with the rules instead.
    pub fn load_with(profiles: &[String], directory: Option<&Path>) -> Loaded {
        let (sources, mut findings) = layers::sources(profiles, directory);
        let mut rules = Rules { digest: digest(&sources), ..Rules::default() };
        findings.extend(layers::read(&mut rules, &sources));
        let failed = findings.iter().any(|finding| finding.severity == Severity::Error);
        if failed { Err(findings) } else { Ok((rules, findings)) }
    }
}

impl Rules {
    /// Whether any rule asks for a field, so that its value must be found out.
    #[must_use]
    pub fn ask(&self, field: Field) -> bool {
        self.messages.refined.asks(field)
            || self.presence.refined.asks(field)
            || self.errors.refined.asks(field)
            || self.encryption.refinement.refined.asks(field)
    }

    /// The same with the settings of each table's file for everything.
    #[must_use]
    pub fn without_refinements(mut self) -> Self {
        self.addresses.refined = RuleSet::default();
        self.messages.refined = RuleSet::default();
        self.presence.refined = RuleSet::default();
        self.errors.refined = RuleSet::default();
        self.encryption.refinement.refined = RuleSet::default();
        self
    }

    /// What the rules of a table say of a message, each that is looked at in its order.
    #[must_use]
    pub fn trace(&self, table: &str, facts: &Facts<'_>) -> Vec<TraceEntry> {
        match table {
            "addresses" => self.addresses.refined.trace(facts),
            "messages" => self.messages.refined.trace(facts),
            "presence" => self.presence.refined.trace(facts),
            "errors" => self.errors.refined.trace(facts),
            "encryption" => self.encryption.refinement.refined.trace(facts),
            _ => Vec::new(),
        }
    }
}

/// A hash of all files, by name and text.
fn digest(sources: &[Source]) -> String {
    let mut hash = Sha256::new();
    for source in sources {
        hash.update(source.name.as_bytes());
        hash.update([0]);
        hash.update(source.text.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(8).map(|octet| format!("{octet:02x}")).collect()
}

/// Everything that may stand in a table, its lists and tests among it.
fn keys_of(table: &Table) -> Vec<Described> {
    let mut all = (table.described)();
    all.push(test_case::described());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(table: &'static str, text: &str) -> (Rules, Vec<String>) {
        let mut sources = layers::sources(&[], None).0;
        sources.push(Source::over(table, table, text.to_owned()));
        let mut rules = Rules::default();
        let findings = layers::read(&mut rules, &sources);
        (rules, findings.iter().map(ToString::to_string).collect())
    }

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
        let (before, _) = Rules::load(None).unwrap();
        let text = "to_xmpp: { \"486\": { condition: resource-constraint } }\n";
        let (rules, findings) = loaded("errors", text);
        assert_eq!(findings, Vec::<String>::new());
        assert_ne!(rules.errors.to_xmpp(486), before.errors.to_xmpp(486));
        assert_eq!(rules.errors.to_xmpp(487), before.errors.to_xmpp(487));
        assert_eq!(rules.messages, before.messages);
    }

    #[test]
    fn a_scheme_keeps_what_a_file_leaves_out() {
        let (before, _) = Rules::load(None).unwrap();
        let text = "schemes: { \"omemo:N\": { to_sip: notify } }\n\
            domains: { x.test: { omemo:N: { to_sip: refuse } } }\n";
        let (rules, findings) = loaded("encryption", text);
        assert_eq!(findings, Vec::<String>::new());
        let scheme = |rules: &Rules| {
            let named = rules.encryption.of_namespace("urn:xmpp:omemo:2");
            named.map(|named| named.scheme.clone()).unwrap()
        };
        let (was, is) = (scheme(&before), scheme(&rules));
        assert_eq!(is.policy.to_sip, Some(encryption::Handling::Notify));
        assert_eq!(is.namespaces, was.namespaces);
        assert_eq!(is.keys_alone, was.keys_alone);
        assert_eq!(rules.encryption.texts, before.encryption.texts);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let text = "to_sip: { gone: { status: 900 }, gon: { status: 400 } }\nto_xmp: {}\n";
        let (_, shown) = loaded("errors", text);
        assert_eq!(shown.len(), 3, "{shown:#?}");
        assert!(shown[0].contains("errors.to_sip.gone.status: 900 is out of bounds"), "{shown:#?}");
        assert!(shown[1].contains("did you mean `gone`?"), "{shown:#?}");
        assert!(shown[2].contains("did you mean `to_xmpp`?"), "{shown:#?}");
    }

    #[test]
    fn the_first_rule_that_holds_wins_and_the_others_keep_the_file_s_settings() {
        let text = "to_sip: { formal_name: true }\nrules:\n\
            - { name: a, when: { to: \"*@x.test\" }, to_sip: { profile: text } }\n\
            - { name: b, when: { to_domain: [ x.test, y.test ] }, to_sip: { profile: cpim } }\n";
        let (rules, findings) = loaded("messages", text);
        assert_eq!(findings, Vec::<String>::new());
        let profile = |to: &str| {
            let settings = rules.messages.of(&Facts { to, ..Facts::default() });
            assert!(settings.formal_name);
            settings.profile
        };
        assert_eq!(profile("u@x.test"), BodyProfile::Text);
        assert_eq!(profile("u@y.test"), BodyProfile::Cpim);
        assert_eq!(profile("u@z.test"), BodyProfile::Auto);
    }
}
