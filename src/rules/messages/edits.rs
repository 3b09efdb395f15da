//! What a rule sets, leaves out and carries besides the settings.

use std::borrow::Cow;

use super::part::{Fault, Part};
use crate::codec::sip::HeaderName;
use crate::codec::xmpp::ns;
use crate::codec::yaml::{Map, Node, nearest};
use crate::rules::Encryption;
use crate::rules::matcher::When;
use crate::rules::rule_table::Written;
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
/// SIP message: what says how a body is to be read, where a request goes, and what its receiver
/// must understand.
const OWN: [HeaderName; 9] = [
    HeaderName::ContentType,
    HeaderName::ContentEncoding,
    HeaderName::Authorization,
    HeaderName::ProxyAuthorization,
    HeaderName::Route,
    HeaderName::RecordRoute,
    HeaderName::Contact,
    HeaderName::Require,
    HeaderName::ProxyRequire,
];

/// What a rule sets, leaves out and carries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edits {
    /// Texts by name.
    pub set: Vec<(Part, Template)>,
    /// What is left out.
    pub drop: Vec<Part>,
    /// What is carried: from where it comes, to where it goes.
    pub carry: Vec<(Part, Part)>,
}

impl Edits {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.drop.is_empty() && self.carry.is_empty()
    }

    /// Whether something with a name of its own is left out.
    #[must_use]
    pub fn drops(&self, name: &str) -> bool {
        let is_it = |part: &Part| matches!(part, Part::Named(dropped) if dropped.eq_ignore_ascii_case(name));
        self.drop.iter().any(is_it)
    }

    /// Whether an element is left out.
    #[must_use]
    pub fn drops_element(&self, name: &str, ns: &str) -> bool {
        self.drop.iter().any(|part| part.is_element(name, ns))
    }

    /// The text that is set for a name; `None` when the rule says nothing of it.
    pub fn text<'a>(
        &self,
        name: &str,
        value: &dyn Fn(usize) -> Option<Cow<'a, str>>,
    ) -> Option<String> {
        let is_it = |(part, _): &&(Part, Template)| matches!(part, Part::Named(set) if set.eq_ignore_ascii_case(name));
        let (_, template) = self.set.iter().find(is_it)?;
        Some(template.render(value))
    }

    // What is no name is told by `check`, which knows which side it is of.

    pub(super) fn read_set(&mut self, node: &Node<'_>) {
        let Some(map) = node.map() else { return };
        for (name, node) in map.entries() {
            let template = Template::read(&node, &VARIABLES);
            self.set.extend(Part::parse(name).ok().zip(template));
        }
    }

    pub(super) fn read_drop(&mut self, node: &Node<'_>) {
        let names = node.list().unwrap_or_default();
        let part = |node: &Node<'_>| Part::parse(node.text()?).ok();
        self.drop = names.iter().filter_map(part).collect();
    }

    pub(super) fn read_carry(&mut self, node: &Node<'_>) {
        let Some(map) = node.map() else { return };
        for (name, node) in map.entries() {
            let other = node.text().and_then(|text| Part::parse(text).ok());
            self.carry.extend(Part::parse(name).ok().zip(other));
        }
    }
}

/// How a part is written, for an editor.
const PART: &str = r"^([A-Za-z0-9-]+|(cpim:)?\{[^{}]+\}[A-Za-z_][A-Za-z0-9._-]*)$";

pub(super) fn set_shape() -> Shape {
    Shape::Entries(Names::Matching(PART, "for each name"), Box::new(Shape::Template(&VARIABLES)))
}

pub(super) fn drop_shape() -> Shape {
    Shape::List(Box::new(Shape::Text))
}

pub(super) fn carry_shape() -> Shape {
    Shape::Entries(Names::Matching(PART, "for each name"), Box::new(Shape::Text))
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
            let fault = if to_sip { fault_of_sip_set(name) } else { fault_of_xmpp_set(name) };
            tell(&node, fault);
        }
    }
    let list = map.optional("drop").filter(Node::is_list).and_then(|node| node.list());
    for node in list.iter().flatten() {
        let Some(name) = node.text() else { continue };
        tell(node, if to_sip { fault_of_sip_drop(name) } else { fault_of_xmpp_drop(name) });
    }
    if let Some(carry) = map.optional("carry").filter(Node::is_map).and_then(|node| node.map()) {
        for (name, node) in carry.entries() {
            let key = carry.key(name).unwrap_or_else(|| node.clone());
            let other = node.text().unwrap_or_default();
            let (from, to) = match to_sip {
                true => (fault_from_xmpp(name), fault_to_sip(other)),
                false => (fault_from_sip(name), fault_to_xmpp(other)),
            };
            tell(&key, from);
            tell(&node, to);
        }
    }
}

/// Tells of rules that write what looks encrypted: whoever gets it takes the text for its fallback.
pub(in crate::rules) fn check_written(encryption: &Encryption, written: &[Written<'_>]) {
    let fault = |node: &Node<'_>, name: &str| {
        let Ok(part) = Part::parse(name) else { return };
        let Part::Element { ns, name } = &part else { return };
        if part.fault_of_written().is_some() {
            return;
        }
        let named = encryption.announced(ns).map(|named| named.title.to_string());
        let marks = || (ns::is_eme(ns) || ns::is_fallback(ns)).then(|| "encryption".to_owned());
        if let Some(title) = named.or_else(marks) {
            let message = format!("{name} would be taken for {title}");
            node.error(&message, "a rule can write elements of other namespaces alone");
        }
    };
    for written in written {
        let Some(map) = written.node.map() else { continue };
        if let Some(set) = map.optional("set").filter(Node::is_map).and_then(|node| node.map()) {
            set.entries().into_iter().for_each(|(name, node)| {
                fault(&set.key(name).unwrap_or(node), name);
            });
        }
        if let Some(all) = map.optional("carry").filter(Node::is_map).and_then(|node| node.map()) {
            for (_, node) in all.entries() {
                fault(&node, node.text().unwrap_or_default());
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

fn tell(node: &Node<'_>, fault: Result<(), (String, String)>) {
    if let Err((message, mend)) = fault {
        node.error(&message, &mend);
    }
}

type Checked = Result<(), (String, String)>;

fn parsed(name: &str) -> Result<Part, (String, String)> {
    Part::parse(name).map_err(|(message, mend)| (message, mend.to_owned()))
}

fn free_of(fault: Option<Fault>) -> Checked {
    fault.map_or(Ok(()), |(message, mend)| Err((message, mend.to_owned())))
}

fn is_element(name: &str) -> Checked {
    let mend = format!("write the name of a header field, or cpim:{name}");
    Err((format!("`{name}` is an element, and SIP has none"), mend))
}

fn is_cpim(name: &str) -> Checked {
    let element = name.trim_start_matches("cpim:");
    let mend = format!("an element is written {element}");
    Err((format!("`{name}` is a header of an object of SIP, and a stanza has none"), mend))
}

fn fault_of_sip_set(name: &str) -> Checked {
    match parsed(name)? {
        Part::Named(name) if name == "body" => Ok(()),
        _ => fault_to_sip(name),
    }
}

/// What is written to SIP.
fn fault_to_sip(name: &str) -> Checked {
    match parsed(name)? {
        Part::Named(name) => field(&name),
        Part::Element { .. } => is_element(name),
        part @ Part::Cpim { .. } => free_of(part.fault_of_written()),
    }
}

fn fault_of_sip_drop(name: &str) -> Checked {
    match parsed(name)? {
        Part::Named(name) => field(&name),
        part @ Part::Element { .. } => free_of(part.fault_of_read()),
        Part::Cpim { .. } => {
            let message = format!("`{name}` is in no object unless a rule writes it");
            Err((message, "leave it out here, and in what sets it".to_owned()))
        }
    }
}

/// What is read from SIP.
fn fault_from_sip(name: &str) -> Checked {
    match parsed(name)? {
        Part::Named(name) => field(&name),
        Part::Element { .. } => is_element(name),
        Part::Cpim { .. } => Ok(()),
    }
}

/// What is read from a stanza.
fn fault_from_xmpp(name: &str) -> Checked {
    match parsed(name)? {
        Part::Cpim { .. } => is_cpim(name),
        part => free_of(part.fault_of_read()),
    }
}

/// What is written into a stanza.
fn fault_to_xmpp(name: &str) -> Checked {
    match parsed(name)? {
        Part::Cpim { .. } => is_cpim(name),
        part => free_of(part.fault_of_written()),
    }
}

fn fault_of_xmpp_set(name: &str) -> Checked {
    match parsed(name)? {
        Part::Named(name) => known(&name, &STANZA_SET),
        _ => fault_to_xmpp(name),
    }
}

fn fault_of_xmpp_drop(name: &str) -> Checked {
    match parsed(name)? {
        Part::Named(name) => known(&name, &STANZA_DROP),
        Part::Cpim { .. } => is_cpim(name),
        part @ Part::Element { .. } => free_of(part.fault_of_dropped()),
    }
}

fn known(name: &str, stanza: &[&str]) -> Checked {
    if stanza.contains(&name) {
        return Ok(());
    }
    let message = format!("a stanza has no `{name}` that a rule could change");
    Err((message, nearest(name, stanza)))
}

fn field(name: &str) -> Checked {
    match HeaderName::new(&name.into()) {
        None => Err((format!("`{name}` is not the name of a header field"), String::new())),
        Some(field) if field.is_structural() || OWN.contains(&field) => {
            let message = format!("{} is made by the gateway", field.as_str());
            Err((message, "a rule can set and leave out other header fields alone".to_owned()))
        }
        Some(_) => Ok(()),
    }
}
