//! Encryption and signatures in stanzas.

use super::otr::{self, Otr};
use crate::codec::xml::Element;
use crate::codec::xmpp::{Message, Presence, ns};
use crate::rules::Encryption;
use crate::rules::encryption::Named;
use crate::translate::message::content;

/// What a server tells of publications (XEP-0060): keys among them, and no message.
const PUBLICATIONS: [&str; 2] =
    ["http://jabber.org/protocol/pubsub", "http://jabber.org/protocol/pubsub#event"];

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

/// All that a message has of encryption: elements first, then what announces it, then texts. The
/// depth of a stanza bounds how deep is looked.
#[must_use]
pub fn in_message<'a>(rules: &'a Encryption, message: &Message) -> Vec<Seen<'a>> {
    let mut seen = Vec::new();
    elements(rules, message.extensions.iter(), "", &mut seen);
    for body in &message.bodies {
        text(rules, &body.text, "", &mut seen);
    }
    let is_told = seen.iter().any(|one| one.kind == Kind::Text);
    if let Some(place) = otr::place_in(message).filter(|_| !is_told)
        && let Some(named) = rules.otr()
    {
        seen.push(Seen { named, kind: Kind::Text, place: format!("OTR in {place}") });
    }
    seen.sort_by_key(|one| one.kind == Kind::Announced || one.kind == Kind::Text);
    seen
}

/// All that a presence has of encryption.
#[must_use]
pub fn in_presence<'a>(rules: &'a Encryption, presence: &Presence) -> Vec<Seen<'a>> {
    let mut seen = Vec::new();
    elements(rules, presence.extensions.iter(), "", &mut seen);
    seen
}

/// What the children of a stanza have; `within` names the stanza it is in.
fn elements<'a, 'e>(
    rules: &'a Encryption,
    children: impl Iterator<Item = &'e Element>,
    within: &str,
    seen: &mut Vec<Seen<'a>>,
) {
    for child in children {
        match &*child.ns {
            ns if ns::is_eme(ns) => announced(rules, child.attr("namespace"), child, within, seen),
            ns if ns::is_fallback(ns) => {
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
            ns::FORWARD | ns::CARBONS => copied(rules, child, seen),
            ns if PUBLICATIONS.contains(&ns) => {}
            other => match rules.of_namespace(other) {
                Some(named) => {
                    let kind = kind_of(&named, child);
                    seen.push(one(named, kind, child, within));
                }
                None => wrapped(rules, child, within, seen),
            },
        }
    }
}

fn kind_of(named: &Named<'_>, element: &Element) -> Kind {
    match named.scheme.is_keys_alone(element) {
        _ if named.scheme.signature => Kind::Signature,
        true => Kind::KeysAlone,
        false => Kind::Content,
    }
}

/// What a carbon (XEP-0280) or a forwarded stanza (XEP-0297) has.
fn copied<'a>(rules: &'a Encryption, wrap: &Element, seen: &mut Vec<Seen<'a>>) {
    for child in wrap.elements() {
        if !ns::is_stanza(&child.ns) {
            elements(rules, std::iter::once(child), "forwarded ", seen);
            continue;
        }
        elements(rules, child.elements(), "forwarded ", seen);
        for body in child.elements().filter(|it| it.name == "body" && ns::is_stanza(&it.ns)) {
            text(rules, &body.text(), "forwarded ", seen);
        }
    }
}

/// What an element has in it that is none of encryption itself: an archived message (XEP-0313),
/// the sources of a file (XEP-0447), or a wrapper that nobody knows. Keys and signatures there are
/// not those of the text beside it.
fn wrapped<'a>(rules: &'a Encryption, wrap: &Element, within: &str, seen: &mut Vec<Seen<'a>>) {
    if wrap.ns == ns::OOB {
        let link = wrap.child("url", ns::OOB);
        if let Some(named) = link.and_then(|url| rules.of_link(&url.text())) {
            seen.push(one(named, Kind::Content, wrap, within));
        }
    }
    let mut deeper = Vec::new();
    let is_body = |it: &&Element| it.name == "body" && ns::is_stanza(&it.ns);
    let (bodies, others): (Vec<_>, Vec<_>) = wrap.elements().partition(is_body);
    elements(rules, others.into_iter(), within, &mut deeper);
    for body in bodies {
        text(rules, &body.text(), within, &mut deeper);
    }
    deeper.retain(|one| match one.kind {
        Kind::Content => !(one.named.is_of_file() && content::opens(wrap)),
        Kind::Announced | Kind::Text => true,
        Kind::KeysAlone | Kind::Signature | Kind::Offer => false,
    });
    seen.append(&mut deeper);
}

fn announced<'a>(
    rules: &'a Encryption,
    namespace: Option<&crate::codec::xml::Text>,
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
    if let Some(named) = rules.of_link(text) {
        let place = format!("{within}a link that is the text");
        return seen.push(Seen { named, kind: Kind::Content, place });
    }
    let Some(found) = otr::of(text) else { return };
    let Some(named) = rules.otr() else { return };
    let kind = if found == Otr::Offer { Kind::Offer } else { Kind::Text };
    seen.push(Seen { named, kind, place: format!("{within}{}", found.place()) });
}

fn one<'a>(named: Named<'a>, kind: Kind, element: &Element, within: &str) -> Seen<'a> {
    let Element { name, ns, .. } = element;
    Seen { named, kind, place: format!("{within}<{name} xmlns='{ns}'/>") }
}
