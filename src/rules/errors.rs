//! `errors.yaml`: stanza errors and status codes (RFC 7247 §7).

use std::sync::Arc;

use super::book::Book;
use super::facts::{Direction, Facts, Field};
use super::key::{self, Key, Kind, described, status};
use super::matcher::When;
use super::ruled::Ruled;
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
    /// The reason phrase, where the rules have one.
    pub text: Option<Arc<Template>>,
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
}

/// The stanza error that stands for a status code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmppError {
    /// The defined condition's name (RFC 6120 §8.3.3).
    pub condition: &'static str,
    /// Its type, where it is not the condition's usual one.
    pub kind: Option<ErrorKind>,
    /// The words for the sender, where the rules have some.
    pub text: Option<Arc<Template>>,
}

/// Both tables.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Errors {
    to_sip: Vec<(&'static str, SipError)>,
    /// By code; a class default stands under its hundred with `class` set.
    to_xmpp: Vec<(Code, XmppError)>,
    /// Whether XMPP users are kept from learning who exists and who is there: `privacy`.
    pub privacy: bool,
    /// The rules of the file: [`Errors::of`] looks them up.
    pub(super) refined: Book<Errors>,
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
            if let Some(error) = map.optional(name).and_then(|node| sip_error(&node)) {
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
            if let Some(error) = xmpp_error(&node) {
                self.to_xmpp.retain(|(listed, _)| *listed != code);
                self.to_xmpp.push((code, error));
            }
        }
    }
}

impl Ruled for Errors {
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

    fn book(&mut self) -> &mut Book<Self> {
        &mut self.refined
    }
}

const KEYS: [Key<Errors>; 3] = [
    Key {
        name: "privacy",
        doc: "whether XMPP users are kept from learning which SIP users exist and which are there: what would be `item-not-found` or `recipient-unavailable` is `service-unavailable` then, without further words",
        kind: Kind::Truth(|errors, truth| errors.privacy = truth),
    },
    Key {
        name: "to_sip",
        doc: "what a SIP sender is answered when XMPP refuses his message, by the condition of the stanza error (RFC 7247 §7.1)",
        kind: Kind::Other(Errors::read_to_sip, || {
            let names = Condition::ALL.iter().map(Condition::name).collect();
            Shape::Entries(Names::Of(names), Box::new(Shape::Keys(described(&SIP_KEYS))))
        }),
    },
    Key {
        name: "to_xmpp",
        doc: "what an XMPP sender is told when SIP refuses his message, by the status code or its class (RFC 7247 §7.2)",
        kind: Kind::Other(Errors::read_to_xmpp, || {
            let codes = Names::Matching("^[3-6]([0-9][0-9]|xx)$", "for each code or class");
            Shape::Entries(codes, Box::new(Shape::Keys(described(&XMPP_KEYS))))
        }),
    },
];

fn code(key: &str) -> Option<Code> {
    if let Some(class) = key.strip_suffix("xx") {
        return class.parse().ok().filter(|class| (3..=6).contains(class)).map(Code::Class);
    }
    key.parse().ok().filter(|code| (300..=699).contains(code)).map(Code::One)
}

/// An entry of `to_sip` as it is written.
#[derive(Default)]
struct SipEntry {
    status: Option<u16>,
    bare: Option<u16>,
    full: Option<u16>,
    with_address: Option<u16>,
    invite: Option<u16>,
    text: Option<Template>,
}

const fn code_key(
    name: &'static str,
    doc: &'static str,
    read: fn(&mut SipEntry, &Node<'_>),
) -> Key<SipEntry> {
    Key { name, doc, kind: Kind::Other(read, || Shape::Code(300, 699)) }
}

const SIP_KEYS: [Key<SipEntry>; 6] = [
    code_key(
        "status",
        "the code for every addressee; or, instead, both of the next two",
        |e, node| {
            e.status = legal(node, false);
        },
    ),
    code_key("bare", "the code for a message that went to a bare JID", |e, node| {
        e.bare = legal(node, false);
    }),
    code_key("full", "the code for a message that went to a full JID", |e, node| {
        e.full = legal(node, false);
    }),
    code_key(
        "with_address",
        "the code when the error carries a new address, which becomes the Contact",
        |e, node| e.with_address = legal(node, true),
    ),
    code_key(
        "invite",
        "the code when the refused request is an INVITE. INVITE is not served yet: it waits for that",
        |e, node| e.invite = legal(node, false),
    ),
    Key {
        name: "text",
        doc: "the reason phrase, instead of the text of the error",
        kind: Kind::Template(&SIP_VARIABLES, |e, text| e.text = Some(text)),
    },
];

/// What the text of an entry of `to_sip` may name.
pub const SIP_VARIABLES: [&str; 3] = ["condition", "text", "status"];
/// What the text of an entry of `to_xmpp` may name.
pub const XMPP_VARIABLES: [&str; 3] = ["status", "reason", "text"];

fn sip_error(node: &Node<'_>) -> Option<SipError> {
    let map = node.map()?;
    let mut entry = SipEntry::default();
    key::read(&SIP_KEYS, &map, &mut entry);
    let given = |key| map.optional(key).is_some();
    let complete = given("status") != (given("bare") && given("full"));
    let mixed = given("status") && (given("bare") || given("full"));
    map.finish();
    let SipEntry { status, bare, full, with_address, invite, text } = entry;
    let text = text.map(Arc::new);
    match (status, bare, full) {
        (Some(status), None, None) => {
            Some(SipError { bare: status, full: status, with_address, invite, text })
        }
        (None, Some(bare), Some(full)) => Some(SipError { bare, full, with_address, invite, text }),
        // A code that is none was told already.
        _ if complete && !mixed => None,
        _ => {
            node.error("give either `status`, or both `bare` and `full`", "");
            None
        }
    }
}

/// A code that an error alone can give: not one that needs a header nothing is known for
/// (RFC 3261 §21).
fn legal(node: &Node<'_>, with_address: bool) -> Option<u16> {
    let code = status(node, 300)?;
    let (lacks, mend) = match code {
        300..400 if !with_address => ("a Contact", "give it as `with_address`"),
        420 => ("an Unsupported header", ""),
        421 => ("a Require header", ""),
        423 => ("a Min-Expires header", ""),
        489 => ("an Allow-Events header", ""),
        _ => return Some(code),
    };
    node.error(&format!("{code} needs {lacks}, which no stanza error gives"), mend);
    None
}

/// An entry of `to_xmpp` as it is written.
#[derive(Default)]
struct XmppEntry {
    condition: Option<&'static str>,
    kind: Option<ErrorKind>,
    text: Option<Template>,
}

const XMPP_KEYS: [Key<XmppEntry>; 3] = [
    Key {
        name: "condition",
        doc: "the stanza error (RFC 6120 §8.3.3)",
        kind: Kind::Other(
            |entry, node| {
                let name = |condition: &Condition| (condition.name(), condition.name());
                let names: Vec<_> = Condition::ALL.iter().map(name).collect();
                entry.condition = node.one_of(&names);
            },
            || Shape::Words(Condition::ALL.iter().map(Condition::name).collect()),
        ),
    },
    Key {
        name: "type",
        doc: "its type, where it is not the usual one of the condition",
        kind: Kind::Words(&[
            ("auth", |entry| entry.kind = Some(ErrorKind::Auth)),
            ("cancel", |entry| entry.kind = Some(ErrorKind::Cancel)),
            ("continue", |entry| entry.kind = Some(ErrorKind::Continue)),
            ("modify", |entry| entry.kind = Some(ErrorKind::Modify)),
            ("wait", |entry| entry.kind = Some(ErrorKind::Wait)),
        ]),
    },
    Key {
        name: "text",
        doc: "the words for the sender, instead of what the response says",
        kind: Kind::Template(&XMPP_VARIABLES, |entry, text| entry.text = Some(text)),
    },
];

fn xmpp_error(node: &Node<'_>) -> Option<XmppError> {
    let map = node.map()?;
    let _ = map.required("condition", "write { condition: item-not-found }");
    let mut entry = XmppEntry::default();
    key::read(&XMPP_KEYS, &map, &mut entry);
    map.finish();
    let XmppEntry { condition, kind, text } = entry;
    Some(XmppError { condition: condition?, kind, text: text.map(Arc::new) })
}
