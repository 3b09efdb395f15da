//! Encryption and signatures in stanzas.

use super::otr::{self, Otr};
use crate::codec::xmpp::{Element, Message, Presence, ns};
use crate::rules::Encryption;
use crate::rules::encryption::Named;

/// Stanzas within each other that are looked into.
const MAX_DEPTH: usize = 4;

/// What of a scheme was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An element with content.
    Content,
    /// An element that carries keys alone.
    KeysAlone,
    /// A mark (XEP-0380) or a fallback (XEP-0428) that announces it, or a negotiation.
    Announced,
    /// A text that is OTR's.
    Text,
    /// A readable text that offers OTR.
    Offer,
    /// A signature of what is readable beside it.
    Signature,
}

/// Encryption that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen<'a> {
    /// The scheme.
    pub named: Named<'a>,
    /// What of it.
    pub kind: Kind,
    /// Where, in words for an operator; nothing of the content.
    pub place: String,
}

/// All that a message has of encryption: elements first, then what announces it, then texts.
#[must_use]
pub fn in_message<'a>(rules: &'a Encryption, message: &Message) -> Vec<Seen<'a>> {
    let mut seen = Vec::new();
    if rules.suspects(&message.extensions) {
        elements(rules, message.extensions.iter(), "", 0, &mut seen);
    }
    for body in &message.bodies {
        text(rules, &body.text, "", &mut seen);
    }
    seen.sort_by_key(|one| one.kind == Kind::Announced || one.kind == Kind::Text);
    seen
}

/// All that a presence has of encryption.
#[must_use]
pub fn in_presence<'a>(rules: &'a Encryption, presence: &Presence) -> Vec<Seen<'a>> {
    let mut seen = Vec::new();
    if rules.suspects(&presence.extensions) {
        elements(rules, presence.extensions.iter(), "", 0, &mut seen);
    }
    seen
}

/// What the children of a stanza have; `within` names the stanza it is in.
fn elements<'a, 'e>(
    rules: &'a Encryption,
    children: impl Iterator<Item = &'e Element>,
    within: &str,
    depth: usize,
    seen: &mut Vec<Seen<'a>>,
) {
    for child in children {
        match &*child.ns {
            ns::EME => announced(rules, child.attr("namespace"), child, within, seen),
            ns::FALLBACK => {
                // A fallback for anything else, such as a reply, is no encryption.
                let known = child.attr("for").and_then(|ns| rules.announced(ns));
                if let Some(named) = known {
                    seen.push(one(named, Kind::Announced, child, within));
                }
            }
            ns::FEATURE_NEG => {
                let form = child.elements().find(|form| &*form.ns == ns::DATA_FORMS);
                if let Some(named) = form.and_then(|form| rules.of_form(form)) {
                    seen.push(one(named, Kind::Announced, child, within));
                }
            }
            ns::FORWARD | ns::CARBONS => wrapped(rules, child, depth, seen),
            other => {
                let Some(named) = rules.of_namespace(other) else { continue };
                let kind = match named.scheme.is_keys_alone(child) {
                    _ if named.scheme.signature => Kind::Signature,
                    true => Kind::KeysAlone,
                    false => Kind::Content,
                };
                seen.push(one(named, kind, child, within));
            }
        }
    }
}

/// What a carbon (XEP-0280) or a forwarded stanza (XEP-0297) has.
fn wrapped<'a>(rules: &'a Encryption, wrap: &Element, depth: usize, seen: &mut Vec<Seen<'a>>) {
    if depth >= MAX_DEPTH {
        return;
    }
    for child in wrap.elements() {
        if !ns::is_stanza(&child.ns) {
            wrapped(rules, child, depth + 1, seen);
            continue;
        }
        elements(rules, child.elements(), "forwarded ", depth + 1, seen);
        for body in child.elements().filter(|it| it.name == "body" && ns::is_stanza(&it.ns)) {
            text(rules, &body.text(), "forwarded ", seen);
        }
    }
}

fn announced<'a>(
    rules: &'a Encryption,
    namespace: Option<&crate::codec::xmpp::Text>,
    mark: &Element,
    within: &str,
    seen: &mut Vec<Seen<'a>>,
) {
    let namespace = namespace.map_or("", |ns| &**ns);
    let shown = mark.attr("name").map_or(namespace, |name| &**name);
    let named = rules.announced(namespace).or_else(|| rules.other(shown));
    if let Some(named) = named {
        seen.push(one(named, Kind::Announced, mark, within));
    }
}

fn text<'a>(rules: &'a Encryption, text: &str, within: &str, seen: &mut Vec<Seen<'a>>) {
    let Some(found) = otr::of(text) else { return };
    let Some(named) = rules.otr() else { return };
    let kind = if found == Otr::Offer { Kind::Offer } else { Kind::Text };
    seen.push(Seen { named, kind, place: format!("{within}{}", found.place()) });
}

fn one<'a>(named: Named<'a>, kind: Kind, element: &Element, within: &str) -> Seen<'a> {
    let Element { name, ns, .. } = element;
    Seen { named, kind, place: format!("{within}<{name} xmlns='{ns}'/>") }
}
