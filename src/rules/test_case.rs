//! `tests:`, which stand beside the rules that they show: what comes in, and what must go out.

use super::shape::{Described, Names, Shape};
use crate::codec::yaml::{Map, Node};

/// One test of a rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestCase {
    /// What it shows.
    pub name: String,
    /// Where it stands: `file:line`.
    pub place: String,
    /// Whether it comes with the program.
    pub built_in: bool,
    /// What comes in.
    pub given: Given,
    /// What the other side answers: a status from SIP, a condition from XMPP.
    pub answer: Option<String>,
    /// The peer that it comes from, or goes to.
    pub peer: Option<String>,
    /// Whether the target of a message to SIP is known to read `message/cpim`.
    pub reads_cpim: bool,
    /// What must go out, by name; without a text, what must not be there.
    pub expected: Vec<(String, Option<String>)>,
}

/// What comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// A stanza as it is written.
    Stanza(String),
    /// A SIP message as it is written; what every message has may be left out.
    Sip(String),
    /// A message from XMPP, in short form.
    ShortStanza(Vec<(String, String)>),
    /// A message from SIP, in short form.
    ShortSip(Vec<(String, String)>),
}

/// Keys of the short form of a stanza.
pub const STANZA_KEYS: [&str; 13] = [
    "from", "to", "stanza", "type", "id", "lang", "subject", "body", "thread", "show", "status",
    "priority", "extra",
];
/// Keys of the short form of a SIP message; every other key is a header field.
pub const SIP_KEYS: [&str; 6] = ["method", "uri", "from", "to", "type", "body"];

/// Keys of the short form of a NOTIFY: what its document says of one device.
pub const DOCUMENT_KEYS: [&str; 7] =
    ["resource", "basic", "show", "im", "activity", "note", "idle"];

/// Reads a list of tests.
pub(super) fn read(node: &Node<'_>, built_in: bool, into: &mut Vec<TestCase>) {
    for node in node.list().into_iter().flatten() {
        if let Some(map) = node.map() {
            into.extend(test(&map, built_in));
            map.finish();
        }
    }
}

fn test(map: &Map<'_>, built_in: bool) -> Option<TestCase> {
    let name = map.required("name", "write name: what it shows").and_then(|node| node.text());
    let (stanza, sip) = (map.optional("xmpp"), map.optional("sip"));
    let answer = map.optional("answer").and_then(|node| node.text());
    let peer = map.optional("peer").and_then(|node| node.text());
    let reads_cpim = map.optional("target_reads").and_then(|node| node.one_of(&READS));
    let expected = map.required("expect", "write expect: { body: … }").and_then(|n| expected(&n));
    let given = match (stanza, sip) {
        (Some(node), None) if node.is_map() => {
            Some(Given::ShortStanza(short(&node, Some(&STANZA_KEYS))?))
        }
        (Some(node), None) => Some(Given::Stanza(node.text()?.to_owned())),
        (None, Some(node)) if node.is_map() => Some(Given::ShortSip(short(&node, None)?)),
        (None, Some(node)) => Some(Given::Sip(node.text()?.to_owned())),
        _ => {
            map.node().error("give either `xmpp` or `sip`", "a stanza, or a SIP message");
            None
        }
    };
    Some(TestCase {
        name: name?.to_owned(),
        place: map.node().place(),
        built_in,
        given: given?,
        answer: answer.map(str::to_owned),
        peer: peer.map(str::to_owned),
        reads_cpim: reads_cpim.unwrap_or_default(),
        expected: expected?,
    })
}

/// What the target of a message is known to read.
const READS: [(&str, bool); 2] = [("cpim", true), ("text", false)];

fn short(node: &Node<'_>, known: Option<&[&'static str]>) -> Option<Vec<(String, String)>> {
    let mut all = Vec::new();
    for (name, node) in node.map()?.entries() {
        if let Some(known) = known.filter(|known| !known.contains(&name)) {
            let mend = crate::codec::yaml::nearest(name, known);
            node.error(&format!("a stanza in short form has no `{name}`"), &mend);
        }
        all.push((name.to_owned(), node.text()?.to_owned()));
    }
    Some(all)
}

fn expected(node: &Node<'_>) -> Option<Vec<(String, Option<String>)>> {
    let mut all = Vec::new();
    for (name, node) in node.map()?.entries() {
        let text = node.text()?;
        all.push((name.to_owned(), (text != "none").then(|| text.to_owned())));
    }
    if all.is_empty() {
        node.error("a test that expects nothing cannot fail", "write what must go out");
    }
    Some(all)
}

/// The key as a value.
pub(super) fn described() -> Described {
    let any = |words| Names::Matching("^.+$", words);
    let texts = |words| Shape::Entries(any(words), Box::new(Shape::Text));
    let input = |words| Shape::Either(Box::new([Shape::Text, texts(words)]));
    let key = |name, doc, shape| Described { name, doc, shape };
    let keys = vec![
        key("name", "what it shows", Shape::Text),
        key(
            "xmpp",
            "what comes from XMPP: a stanza, or its keys in short form",
            input("for each part"),
        ),
        key(
            "sip",
            "what comes from SIP: a message, or its keys in short form",
            input("for each part"),
        ),
        key(
            "answer",
            "what the other side answers: a status, or the condition of a stanza error",
            Shape::Text,
        ),
        key("peer", "the peer that it comes from, or goes to", Shape::Text),
        key(
            "target_reads",
            "what the target of a message to SIP is known to read: `cpim`, or `text` alone, as everybody of whom nothing is known",
            Shape::Words(READS.iter().map(|(word, _)| *word).collect()),
        ),
        key(
            "expect",
            "what must go out, by name; `none` for what must not be there",
            texts("for each part"),
        ),
    ];
    Described {
        name: "tests",
        doc: "what comes in and what must go out: `stox rules test` runs them, and no reload passes one that fails",
        shape: Shape::List(Box::new(Shape::Keys(keys))),
    }
}
