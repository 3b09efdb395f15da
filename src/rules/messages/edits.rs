//! What a rule sets, leaves out and carries besides the settings.

use std::borrow::Cow;

use crate::codec::sip::HeaderName;
use crate::codec::yaml::{Map, Node, nearest};
use crate::rules::matcher::When;
use crate::rules::shape::{Names, Shape};
use crate::rules::template::Template;

/// What a template of a message rule may name, in both directions.
pub const VARIABLES: [&str; 13] = [
    "from",
    "from.user",
    "from.domain",
    "to",
    "to.user",
    "to.domain",
    "subject",
    "body",
    "thread",
    "lang",
    "id",
    "type",
    "peer",
];

/// Names that a stanza has for what can be set in it.
const STANZA_SET: [&str; 4] = ["subject", "body", "thread", "lang"];
/// The same for what can be left out of it.
const STANZA_DROP: [&str; 6] = ["subject", "thread", "lang", "html", "url", "delay"];
/// Header fields that the gateway makes and a rule must not touch, besides those that make up a
/// SIP message.
const OWN: [HeaderName; 4] = [
    HeaderName::ContentType,
    HeaderName::ContentEncoding,
    HeaderName::Authorization,
    HeaderName::ProxyAuthorization,
];

/// What a rule sets, leaves out and carries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edits {
    /// Texts by name.
    pub set: Vec<(String, Template)>,
    /// Names of what is left out.
    pub drop: Vec<String>,
    /// Names of header fields here and there.
    pub carry: Vec<(String, String)>,
}

impl Edits {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.drop.is_empty() && self.carry.is_empty()
    }

    /// Whether something is left out.
    #[must_use]
    pub fn drops(&self, name: &str) -> bool {
        self.drop.iter().any(|dropped| dropped.eq_ignore_ascii_case(name))
    }

    /// The text that is set for a name; `None` when the rule says nothing of it.
    pub fn text<'a>(
        &self,
        name: &str,
        value: &dyn Fn(usize) -> Option<Cow<'a, str>>,
    ) -> Option<String> {
        let (_, template) = self.set.iter().find(|(set, _)| set.eq_ignore_ascii_case(name))?;
        Some(template.render(value))
    }

    pub(super) fn read_set(&mut self, node: &Node<'_>) {
        let Some(map) = node.map() else { return };
        for (name, node) in map.entries() {
            if let Some(template) = Template::read(&node, &VARIABLES) {
                self.set.push((name.to_owned(), template));
            }
        }
    }

    pub(super) fn read_carry(&mut self, node: &Node<'_>) {
        let Some(map) = node.map() else { return };
        for (name, node) in map.entries() {
            if let Some(other) = node.text() {
                self.carry.push((name.to_owned(), other.to_owned()));
            }
        }
    }
}

pub(super) fn set_shape() -> Shape {
    let names = Names::Matching("^[A-Za-z0-9-]+$", "for each name");
    Shape::Entries(names, Box::new(Shape::Template(&VARIABLES)))
}

pub(super) fn carry_shape() -> Shape {
    let names = Names::Matching("^[A-Za-z0-9-]+$", "for each name");
    Shape::Entries(names, Box::new(Shape::Text))
}

/// Names mean something else on each side: whether they are right for the rule's direction.
pub(super) fn check(when: &When, map: &Map<'_>) {
    let within = map.optional("to_xmpp").filter(Node::is_map).and_then(|node| node.map());
    if let Some(success) = within.and_then(|map| map.optional("success")) {
        success.error("one answer for all messages", "write it above the rules, in `to_xmpp`");
    }
    let to_sip = match when.direction() {
        Some(direction) => direction == "to_sip",
        None => return demand_direction(map),
    };
    if let Some(set) = map.optional("set").filter(Node::is_map).and_then(|node| node.map()) {
        for (name, node) in set.entries() {
            let node = set.key(name).unwrap_or(node);
            check_name(&node, name, to_sip, &STANZA_SET, name == "body");
        }
    }
    for node in
        map.optional("drop").filter(Node::is_list).and_then(|node| node.list()).iter().flatten()
    {
        if let Some(name) = node.text() {
            check_name(node, name, to_sip, &STANZA_DROP, false);
        }
    }
    if let Some(carry) = map.optional("carry").filter(Node::is_map).and_then(|node| node.map()) {
        for (name, node) in carry.entries() {
            match carry.key(name).filter(|_| !to_sip) {
                Some(key) => check_field(&key, name),
                None => check_field(&node, node.text().unwrap_or_default()),
            }
        }
    }
}

fn demand_direction(map: &Map<'_>) {
    for key in ["set", "drop", "carry"] {
        if let Some(node) = map.optional(key) {
            let message = format!("`{key}` needs a rule for one direction");
            node.error(&message, "write when: { direction: to_sip }, or to_xmpp");
        }
    }
}

fn check_name(node: &Node<'_>, name: &str, to_sip: bool, stanza: &[&str], is_body: bool) {
    match to_sip {
        true if is_body => {}
        true => check_field(node, name),
        false if stanza.contains(&name) => {}
        false => {
            let message = format!("a stanza has no `{name}` that a rule could change");
            node.error(&message, &nearest(name, stanza));
        }
    }
}

fn check_field(node: &Node<'_>, name: &str) {
    match HeaderName::new(&name.into()) {
        None => node.error(&format!("`{name}` is not the name of a header field"), ""),
        Some(field) if field.is_structural() || OWN.contains(&field) => {
            let message = format!("{} is made by the gateway", field.as_str());
            node.error(&message, "a rule can set and leave out other header fields alone");
        }
        Some(_) => {}
    }
}
