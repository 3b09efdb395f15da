//! Single entries of `to_sip` and `to_xmpp`: their keys, and how they are read.

use super::super::key::{self, Key, Kind, status};
use super::super::shape::Shape;
use super::{OwnText, Saying, SipError, XmppError};
use crate::codec::xmpp::{Condition, ErrorKind};
use crate::codec::yaml::Node;

/// An entry of `to_sip` as it is written.
#[derive(Default)]
pub(super) struct SipEntry {
    status: Option<u16>,
    bare: Option<u16>,
    full: Option<u16>,
    with_address: Option<u16>,
    invite: Option<u16>,
    words: Option<Saying>,
    text: OwnText,
}

const fn code_key(
    name: &'static str,
    doc: &'static str,
    read: fn(&mut SipEntry, &Node<'_>),
) -> Key<SipEntry> {
    Key { name, doc, kind: Kind::Other(read, || Shape::Code(300, 699)) }
}

pub(super) const SIP_KEYS: [Key<SipEntry>; 7] = [
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
        name: "words",
        doc: "the name in `texts` of the reason phrase of an error that has no text of its own; left out, it stays as it is",
        kind: Kind::Other(
            |e, node| e.words = node.one_of(&Saying::of_side(true)),
            || names_of(true),
        ),
    },
    Key {
        name: "text",
        doc: "the reason phrase, instead of the text of the error: one for all, or by language",
        kind: Kind::Other(
            |e, node| e.text = OwnText::read(node, &SIP_VARIABLES),
            || OwnText::shape(&SIP_VARIABLES),
        ),
    },
];

/// What the text of an entry of `to_sip` may name.
pub const SIP_VARIABLES: [&str; 4] = ["condition", "text", "status", "words"];
/// What the text of an entry of `to_xmpp` may name.
pub const XMPP_VARIABLES: [&str; 4] = ["status", "reason", "text", "words"];

/// The names of what is said to the users of one side.
fn names_of(to_sip: bool) -> Shape {
    Shape::Words(Saying::of_side(to_sip).iter().map(|(name, _)| *name).collect())
}

pub(super) fn sip_error(node: &Node<'_>) -> Option<SipError> {
    let map = node.map()?;
    let mut entry = SipEntry::default();
    key::read(&SIP_KEYS, &map, &mut entry);
    let given = |key| map.optional(key).is_some();
    let complete = given("status") != (given("bare") && given("full"));
    let mixed = given("status") && (given("bare") || given("full"));
    map.finish();
    let SipEntry { status, bare, full, with_address, invite, words, text } = entry;
    match (status, bare, full) {
        (Some(status), None, None) => {
            Some(SipError { bare: status, full: status, with_address, invite, words, text })
        }
        (None, Some(bare), Some(full)) => {
            Some(SipError { bare, full, with_address, invite, words, text })
        }
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
pub(super) struct XmppEntry {
    condition: Option<&'static str>,
    kind: Option<ErrorKind>,
    words: Option<Saying>,
    seen: Option<Saying>,
    text: OwnText,
}

const fn says_key(
    name: &'static str,
    doc: &'static str,
    read: fn(&mut XmppEntry, &Node<'_>),
) -> Key<XmppEntry> {
    Key { name, doc, kind: Kind::Other(read, || names_of(false)) }
}

pub(super) const XMPP_KEYS: [Key<XmppEntry>; 5] = [
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
    says_key(
        "words",
        "the name in `texts` of what the sender is told, before the code and what the response says; left out, it stays as it is",
        |entry, node| entry.words = node.one_of(&Saying::of_side(false)),
    ),
    says_key(
        "seen",
        "the same for a contact who was there before: who wrote, took a message, asked for presence or was shown as present",
        |entry, node| entry.seen = node.one_of(&Saying::of_side(false)),
    ),
    Key {
        name: "text",
        doc: "all that the sender is told, instead of words, code and what the response says: one for all, or by language",
        kind: Kind::Other(
            |entry, node| entry.text = OwnText::read(node, &XMPP_VARIABLES),
            || OwnText::shape(&XMPP_VARIABLES),
        ),
    },
];

pub(super) fn xmpp_error(node: &Node<'_>) -> Option<XmppError> {
    let map = node.map()?;
    let _ = map.required("condition", "write { condition: item-not-found }");
    let mut entry = XmppEntry::default();
    key::read(&XMPP_KEYS, &map, &mut entry);
    map.finish();
    let XmppEntry { condition, kind, words, seen, text } = entry;
    Some(XmppError { condition: condition?, kind, words, seen, text })
}
