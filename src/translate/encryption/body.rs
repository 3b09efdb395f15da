//! Encryption and signatures in bodies from SIP: a media type or a file name decides, at any depth.

use super::otr::{self, Otr};
use crate::codec::mime::{Charset, Entity, MediaType};
use crate::codec::rcs_file::{self, Unusable};
use crate::codec::xml::Text;
use crate::rules::Encryption;
use crate::rules::encryption::{Named, Scheme};
use crate::translate::message;
use crate::translate::structure::{Builder, Content, Node, Opaque};

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nobody without keys reads it.
    Encrypted,
    /// Readable, with its signature beside it.
    Signed,
    /// A text that is OTR's.
    Otr,
}

/// A secured part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The key of its scheme.
    pub key: String,
    /// The scheme's name.
    pub name: String,
    /// What people know it by.
    pub title: String,
    /// What it is.
    pub kind: Kind,
    /// The types that lead to it.
    pub place: String,
    /// Whether it says that it may be left out, and stands where the rest is read without it.
    pub optional: bool,
}

impl Part {
    pub(crate) fn new(named: &Named<'_>, kind: Kind, place: String) -> Self {
        Part {
            key: named.scheme.key.clone(),
            name: named.name.clone(),
            title: named.title.to_string(),
            kind,
            place,
            optional: false,
        }
    }

    /// Its rule.
    pub(crate) fn scheme<'a>(&self, rules: &'a Encryption) -> Option<&'a Scheme> {
        rules.schemes.iter().find(|scheme| scheme.key == self.key)
    }
}

/// What is no readable part of a body.
#[derive(Debug)]
pub(in crate::translate) enum Found<'n> {
    /// It is secured.
    Secured(Part),
    /// It cannot be looked into, and may be.
    Opaque(&'n Opaque),
}

/// What a media type says, if it is one of security (RFC 1847, RFC 8551, RFC 3156).
#[must_use]
pub fn of_type<'a>(rules: &'a Encryption, media_type: &MediaType) -> Option<(Named<'a>, Kind)> {
    let is_signed = media_type.is("multipart/signed");
    let kind = if is_signed { Kind::Signed } else { Kind::Encrypted };
    rules.secures(media_type).map(|named| (named, kind))
}

/// What an entity is, by its type, or by its name where the type says nothing (RFC 8551 §3.9).
pub(in crate::translate) fn of_node<'a>(
    rules: &'a Encryption,
    node: &Node,
) -> Option<(Named<'a>, Kind)> {
    let media_type = &node.media_type;
    of_type(rules, media_type).or_else(|| {
        let is_named = matches!(node.content, Content::Leaf)
            && !matches!(media_type.type_(), "text" | "message" | "multipart");
        let mut names = node.entity.file_names().filter(|_| is_named);
        let named = names.find_map(|name| rules.of_file_name(&name))?;
        Some((named, Kind::Encrypted))
    })
}

/// All secured parts of a body, in order.
#[must_use]
pub fn parts(rules: &Encryption, entity: &Entity) -> Vec<Part> {
    let node = Builder::default().body(entity.clone(), &[]);
    let secured = |found| match found {
        Found::Secured(part) => Some(part),
        Found::Opaque(_) => None,
    };
    found(rules, &node).into_iter().filter_map(secured).collect()
}

/// Whether nothing of a body is secured, and all of it could be looked into.
#[must_use]
pub fn is_readable(rules: &Encryption, entity: &Entity) -> bool {
    found(rules, &Builder::default().body(entity.clone(), &[])).is_empty()
}

/// All that is secured, or cannot be looked into, in the order of the body.
pub(in crate::translate) fn found<'n>(rules: &Encryption, node: &'n Node) -> Vec<Found<'n>> {
    let mut found = Vec::new();
    walk(rules, node, "", true, &mut found);
    found
}

/// `is_read`: whether what may be left out there is put in words, see `message::multipart`.
fn walk<'n>(
    rules: &Encryption,
    node: &'n Node,
    within: &str,
    is_read: bool,
    found: &mut Vec<Found<'n>>,
) {
    let essence = node.media_type.essence();
    let place = format!("{within}{essence}");
    let optional = is_read && node.is_optional();
    let below = format!("{place}, ");
    if let Some((named, kind)) = of_node(rules, node) {
        found.push(Found::Secured(Part { optional, ..Part::new(&named, kind, place) }));
        // What is signed may be read by rule: all but the signature (RFC 1847 §2.1).
        if kind == Kind::Signed {
            for (_, part) in node.children().iter().enumerate().filter(|(at, _)| *at != 1) {
                walk(rules, part, &below, false, found);
            }
        }
        return;
    }
    if let Some((named, kind, what)) = of_leaf(rules, node) {
        let place = format!("{place}: {what}");
        return found.push(Found::Secured(Part { optional, ..Part::new(&named, kind, place) }));
    }
    if let Content::Opaque(opaque) = &node.content {
        return found.push(Found::Opaque(opaque));
    }
    let is_read = is_read
        && node.is_shown()
        && !matches!(node.content, Content::Mail(_))
        && !matches!(essence, "multipart/alternative" | "multipart/related");
    node.children().iter().for_each(|part| walk(rules, part, &below, is_read, found));
}

/// What is secured by its text: OTR, and a file whose key stands beside its link.
fn of_leaf<'a>(rules: &'a Encryption, node: &Node) -> Option<(Named<'a>, Kind, &'static str)> {
    if !matches!(node.content, Content::Leaf) {
        return None;
    }
    let otr = |text: &str| otr::of(text).filter(|otr| *otr != Otr::Offer);
    let text = || node.entity.text().unwrap_or_else(|_| lossy(&node.entity));
    match node.media_type.essence() {
        "text/plain" => Some((rules.otr()?, Kind::Otr, otr(&text())?.place())),
        "text/html" => {
            let html = text();
            let found = otr(&html).or_else(|| otr(&message::plain_text_of_html(&html)?))?;
            Some((rules.otr()?, Kind::Otr, found.place()))
        }
        rcs_file::MEDIA_TYPE => {
            let is_encrypted = rcs_file::urls_of(&text()) == Err(Unusable::Encrypted);
            let named = is_encrypted.then(|| rules.encrypted_file())??;
            Some((named, Kind::Encrypted, "a file with its key"))
        }
        _ => None,
    }
}

/// A text whose character set is not read, or that is broken: what of it is ASCII.
fn lossy(entity: &Entity) -> Text {
    let octets = entity.decoded().unwrap_or_else(|_| entity.body.clone());
    let octets: Vec<u8> = octets.iter().copied().filter(|octet| *octet != 0).collect();
    Charset::Iso8859_1.decode(octets.into()).unwrap_or_default()
}
