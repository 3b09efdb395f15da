//! `errors.yaml`: stanza errors and status codes (RFC 7247 §7), and what people are told of them.

mod entry;
mod words;

use std::sync::Arc;

use entry::{SIP_KEYS, XMPP_KEYS, sip_error, xmpp_error};

pub use entry::{SIP_VARIABLES, XMPP_VARIABLES};
pub use words::{Saying, Worded, Words};

use super::facts::{Direction, Facts, Field};
use super::key::{Key, Kind, described};
use super::matcher::When;
use super::rule_set::RuleSet;
use super::rule_table::RuleTable;
use super::shape::{Names, Shape};
use super::template::Template;
use crate::codec::xmpp::{Condition, ErrorKind};
use crate::codec::yaml::{Map, Node};

/// The status codes that stand for one stanza error condition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SipError {
    bare: u16,
    full: u16,
    with_address: Option<u16>,
    invite: Option<u16>,
    words: Option<Saying>,
    text: OwnText,
}

/// The text of an entry that is said instead of everything else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum OwnText {
    /// There is none.
    #[default]
    None,
    /// One for everybody.
    One(Arc<Template>),
    /// One for each language.
    ByLanguage(Vec<(String, Arc<Template>)>),
}

impl OwnText {
    /// The text for the wanted languages, and its own; English where it says nothing of that.
    fn get(&self, wanted: &str) -> Option<(&str, &Template)> {
        match self {
            OwnText::None => None,
            OwnText::One(text) => Some((words::ENGLISH, text)),
            OwnText::ByLanguage(all) => {
                let found = words::nearest(all, wanted, |(lang, _)| lang)?;
                Some((&found.0, &found.1))
            }
        }
    }

    fn read(node: &Node<'_>, variables: &'static [&'static str]) -> Self {
        if !node.is_map() {
            let text = Template::read(node, variables).map(Arc::new);
            return text.map_or(OwnText::None, OwnText::One);
        }
        let all = node.map().into_iter().flat_map(|map| map.entries());
        let text = |node| Template::read(&node, variables).map(Arc::new);
        let read = all.filter_map(|(lang, node)| Some((lang.to_owned(), text(node)?)));
        OwnText::ByLanguage(read.collect())
    }

    fn shape(variables: &'static [&'static str]) -> Shape {
        let text = Shape::Template(variables);
        Shape::Either(Box::new([text.clone(), words::by_language(text)]))
    }
}

impl SipError {
    /// The code for a stanza that went to a bare or a full JID (RFC 7247 Table 2, notes 1 and 2),
    /// whose error carries an address or not (note 3).
    #[must_use]
    pub fn status(&self, to_full: bool, has_address: bool) -> u16 {
        match self.with_address {
            Some(status) if has_address => status,
            _ if to_full => self.full,
            _ => self.bare,
        }
    }

    /// The code when the refused request is an INVITE.
    #[must_use]
    pub fn invite(&self, to_full: bool, has_address: bool) -> u16 {
        self.invite.unwrap_or_else(|| self.status(to_full, has_address))
    }

    /// The reason phrase that the rules have instead of everything else.
    #[must_use]
    pub fn text(&self, wanted: &str) -> Option<&Template> {
        self.text.get(wanted).map(|(_, text)| text)
    }

    /// The reason phrase of an error that has no text of its own.
    #[must_use]
    pub fn says(&self) -> Saying {
        self.words.unwrap_or(Saying::SipRefused)
    }
}

/// The stanza error that stands for a status code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmppError {
    /// The defined condition's name (RFC 6120 §8.3.3).
    pub condition: &'static str,
    /// Its type, where it is not the condition's usual one.
    pub kind: Option<ErrorKind>,
    words: Option<Saying>,
    seen: Option<Saying>,
    text: OwnText,
}

impl XmppError {
    /// What the rules have the sender told instead of everything else, and its language.
    #[must_use]
    pub fn text(&self, wanted: &str) -> Option<(&str, &Template)> {
        self.text.get(wanted)
    }
}

/// Both tables.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Errors {
    to_sip: Vec<(&'static str, SipError)>,
    /// By code; a class default stands under its hundred with `class` set.
    to_xmpp: Vec<(Code, XmppError)>,
    /// Whether XMPP users are kept from learning who exists and who is there: `privacy`.
    pub privacy: bool,
    /// What people are told.
    pub words: Words,
    /// The rules of the file: [`Errors::of`] looks them up.
    pub(super) refined: RuleSet<Errors>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    One(u16),
    Class(u16),
}

impl Errors {
    /// The codes for a condition (RFC 7247 Table 2).
    #[must_use]
    pub fn to_sip(&self, condition: &str) -> Option<&SipError> {
        self.to_sip.iter().find(|(name, _)| *name == condition).map(|(_, error)| error)
    }

    /// The stanza error for a code, listed or of its class (RFC 7247 Table 3 and §7.2).
    #[must_use]
    pub fn to_xmpp(&self, status: u16) -> Option<&XmppError> {
        let of = |code: Code| {
            self.to_xmpp.iter().find(|(listed, _)| *listed == code).map(|(_, error)| error)
        };
        of(Code::One(status)).or_else(|| of(Code::Class(status / 100)))
    }

    /// What an XMPP user is told of a code; `seen` where the SIP user was there before.
    #[must_use]
    pub fn says(&self, status: u16, seen: bool) -> Saying {
        let of = |code: Code| {
            let (_, error) = self.to_xmpp.iter().find(|(listed, _)| *listed == code)?;
            error.seen.filter(|_| seen).or(error.words)
        };
        of(Code::One(status)).or_else(|| of(Code::Class(status / 100))).unwrap_or(Saying::Refused)
    }

    /// The key of the entry for a code: the code itself, or its class.
    #[must_use]
    pub fn key_to_xmpp(&self, status: u16) -> Option<String> {
        let listed = |code: Code| self.to_xmpp.iter().any(|(known, _)| *known == code);
        let class = status / 100;
        match (listed(Code::One(status)), listed(Code::Class(class))) {
            (true, _) => Some(status.to_string()),
            (false, true) => Some(format!("{class}xx")),
            (false, false) => None,
        }
    }

    /// Whether a condition has an entry.
    #[must_use]
    pub fn has_condition(&self, condition: &str) -> bool {
        self.to_sip(condition).is_some()
    }

    /// The tables for an error: those of the first rule that holds, else the file's own.
    #[must_use]
    pub fn of(&self, facts: &Facts<'_>) -> &Errors {
        self.refined.find(facts).map_or(self, |rule| &rule.then)
    }

    fn read_to_sip(&mut self, node: &Node<'_>) {
        let Some(map) = node.map() else { return };
        for name in Condition::ALL.iter().map(Condition::name) {
            if let Some(mut error) = map.optional(name).and_then(|node| sip_error(&node)) {
                error.words = error.words.or(self.to_sip(name).and_then(|below| below.words));
                self.to_sip.retain(|(listed, _)| *listed != name);
                self.to_sip.push((name, error));
            }
        }
        map.finish();
    }

    fn read_to_xmpp(&mut self, node: &Node<'_>) {
        let Some(map) = node.map() else { return };
        for (key, node) in map.entries() {
            let Some(code) = code(key) else {
                node.error(&format!("`{key}` is not a status code"), "write \"404\" or \"4xx\"");
                continue;
            };
            if let Some(mut error) = xmpp_error(&node) {
                let below = self.to_xmpp.iter().find(|(listed, _)| *listed == code);
                if let Some((_, below)) = below.filter(|_| error.words.is_none()) {
                    (error.words, error.seen) = (below.words, error.seen.or(below.seen));
                }
                self.to_xmpp.retain(|(listed, _)| *listed != code);
                self.to_xmpp.push((code, error));
            }
        }
    }
}

impl RuleTable for Errors {
    const KEYS: &'static [Key<Self>] = &KEYS;
    const ACTIONS: &'static [Key<Self>] = &[];
    const ASKS: &'static [Field] = &[
        Field::Direction,
        Field::Peer,
        Field::From,
        Field::To,
        Field::FromDomain,
        Field::ToDomain,
        Field::Stanza,
        Field::Type,
        Field::Method,
        Field::Status,
        Field::Condition,
    ];
    const ONE_WAY: &'static [(Field, Direction)] =
        &[(Field::Status, Direction::ToXmpp), (Field::Condition, Direction::ToSip)];

    fn check(_: &When, _: &Map<'_>) {}

    fn rule_set(&mut self) -> &mut RuleSet<Self> {
        &mut self.refined
    }
}

const KEYS: [Key<Errors>; 4] = [
    Key {
        name: "privacy",
        doc: "whether XMPP users are kept from learning which SIP users exist and which are there: what would be `item-not-found` or `recipient-unavailable` is `service-unavailable` then, and whatever SIP answers is told in the words of `hidden` alone",
        kind: Kind::Truth(|errors, truth| errors.privacy = truth),
    },
    Key {
        name: "to_sip",
        doc: "what a SIP sender is answered when XMPP refuses a message, by the condition of the stanza error (RFC 7247 §7.1)",
        kind: Kind::Other(Errors::read_to_sip, || {
            let names = Condition::ALL.iter().map(Condition::name).collect();
            Shape::Entries(Names::Of(names), Box::new(Shape::Keys(described(&SIP_KEYS))))
        }),
    },
    Key {
        name: "to_xmpp",
        doc: "what an XMPP sender is told when SIP refuses a message, by the status code or its class (RFC 7247 §7.2)",
        kind: Kind::Other(Errors::read_to_xmpp, || {
            let codes = Names::Matching("^[3-6]([0-9][0-9]|xx)$", "for each code or class");
            Shape::Entries(codes, Box::new(Shape::Keys(described(&XMPP_KEYS))))
        }),
    },
    Key {
        name: "texts",
        doc: "what people are told, by name and language: the names are those of `mappings/errors.yaml`. The wanted language decides, then English; `{number}` stands for seconds or for the number of a part",
        kind: Kind::Other(|errors, node| errors.words.read(node), words::shape),
    },
];

fn code(key: &str) -> Option<Code> {
    if let Some(class) = key.strip_suffix("xx") {
        return class.parse().ok().filter(|class| (3..=6).contains(class)).map(Code::Class);
    }
    key.parse().ok().filter(|code| (300..=699).contains(code)).map(Code::One)
}
