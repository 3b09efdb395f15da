//! `errors.yaml`: stanza errors and status codes (RFC 7247 §7).

use super::messages::status;
use super::section;
use crate::codec::xmpp::{Condition, ErrorKind};
use crate::codec::yaml::{Map, Node};

/// The status codes that stand for one stanza error condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SipError {
    bare: u16,
    full: u16,
    with_address: Option<u16>,
    invite: Option<u16>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XmppError {
    /// The defined condition's name (RFC 6120 §8.3.3).
    pub condition: &'static str,
    /// Its type, where it is not the condition's usual one.
    pub kind: Option<ErrorKind>,
}

/// Both tables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Errors {
    to_sip: Vec<(&'static str, SipError)>,
    /// By code; a class default stands under its hundred with `class` set.
    to_xmpp: Vec<(Code, XmppError)>,
    /// Whether XMPP users are kept from learning who exists and who is there: `privacy`.
    pub privacy: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    One(u16),
    Class(u16),
}

impl Errors {
    /// The codes for a condition (RFC 7247 Table 2).
    #[must_use]
    pub fn to_sip(&self, condition: &str) -> Option<SipError> {
        self.to_sip.iter().find(|(name, _)| *name == condition).map(|(_, error)| *error)
    }

    /// The stanza error for a code, listed or of its class (RFC 7247 Table 3 and §7.2).
    #[must_use]
    pub fn to_xmpp(&self, status: u16) -> Option<XmppError> {
        let of = |code: Code| {
            self.to_xmpp.iter().find(|(listed, _)| *listed == code).map(|(_, error)| *error)
        };
        of(Code::One(status)).or_else(|| of(Code::Class(status / 100)))
    }

    /// Whether a condition has an entry.
    #[must_use]
    pub fn has_condition(&self, condition: &str) -> bool {
        self.to_sip(condition).is_some()
    }

    pub(super) fn read(&mut self, map: &Map<'_>) {
        let privacy = map.optional("privacy").and_then(|node| node.truth());
        self.privacy = privacy.unwrap_or(self.privacy);
        section(map, "to_sip", |map| {
            for name in Condition::ALL.iter().map(Condition::name) {
                if let Some(error) = map.optional(name).and_then(|node| sip_error(&node)) {
                    self.to_sip.retain(|(listed, _)| *listed != name);
                    self.to_sip.push((name, error));
                }
            }
        });
        if let Some(map) = map.optional("to_xmpp").and_then(|node| node.map()) {
            for (key, node) in map.entries() {
                let Some(code) = code(key) else {
                    node.error(
                        &format!("`{key}` is not a status code"),
                        "write \"404\" or \"4xx\"",
                    );
                    continue;
                };
                if let Some(error) = xmpp_error(&node) {
                    self.to_xmpp.retain(|(listed, _)| *listed != code);
                    self.to_xmpp.push((code, error));
                }
            }
        }
    }
}

fn code(key: &str) -> Option<Code> {
    if let Some(class) = key.strip_suffix("xx") {
        return class.parse().ok().filter(|class| (3..=6).contains(class)).map(Code::Class);
    }
    key.parse().ok().filter(|code| (300..=699).contains(code)).map(Code::One)
}

fn sip_error(node: &Node<'_>) -> Option<SipError> {
    let map = node.map()?;
    let code = |key: &'static str| map.optional(key).and_then(|node| legal(&node, false));
    let (any, bare, full) = (code("status"), code("bare"), code("full"));
    let with_address = map.optional("with_address").and_then(|node| legal(&node, true));
    let invite = code("invite");
    let given = |key| map.optional(key).is_some();
    let complete = given("status") != (given("bare") && given("full"));
    let mixed = given("status") && (given("bare") || given("full"));
    map.finish();
    match (any, bare, full) {
        (Some(status), None, None) => {
            Some(SipError { bare: status, full: status, with_address, invite })
        }
        (None, Some(bare), Some(full)) => Some(SipError { bare, full, with_address, invite }),
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

fn xmpp_error(node: &Node<'_>) -> Option<XmppError> {
    let map = node.map()?;
    let names: Vec<(&str, &'static str)> =
        Condition::ALL.iter().map(|condition| (condition.name(), condition.name())).collect();
    let condition = map
        .required("condition", "write { condition: item-not-found }")
        .and_then(|node| node.one_of(&names));
    let kind = map.optional("type").and_then(|node| node.one_of(&KINDS));
    map.finish();
    Some(XmppError { condition: condition?, kind })
}

const KINDS: [(&str, ErrorKind); 5] = [
    ("auth", ErrorKind::Auth),
    ("cancel", ErrorKind::Cancel),
    ("continue", ErrorKind::Continue),
    ("modify", ErrorKind::Modify),
    ("wait", ErrorKind::Wait),
];
