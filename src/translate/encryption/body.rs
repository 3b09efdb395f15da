//! Encryption and signatures in bodies from SIP: a media type decides, at any depth.

use super::otr;
use crate::codec::mime::{Cpim, Entity, Handling, MediaType, Strictness, cpim};
use crate::rules::Encryption;
use crate::rules::encryption::{Named, Scheme};

/// Levels of a tree that are looked into.
const MAX_DEPTH: usize = 6;

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
    /// Whether it says that it may be left out.
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

/// What a media type says, if it is one of security (RFC 1847, RFC 8551, RFC 3156).
#[must_use]
pub fn of_type<'a>(rules: &'a Encryption, media_type: &MediaType) -> Option<(Named<'a>, Kind)> {
    let is_signed = media_type.is("multipart/signed");
    let kind = if is_signed { Kind::Signed } else { Kind::Encrypted };
    rules.secures(media_type).map(|named| (named, kind))
}

/// All secured parts of a body, in order; what is broken is passed over.
#[must_use]
pub fn parts(rules: &Encryption, entity: &Entity) -> Vec<Part> {
    let mut found = Vec::new();
    walk(rules, entity, "", 0, &mut found);
    found
}

fn walk(rules: &Encryption, entity: &Entity, within: &str, depth: usize, found: &mut Vec<Part>) {
    let by_default = MediaType::text_plain();
    let media_type = entity.content_type.as_ref().unwrap_or(&by_default);
    let essence = media_type.essence();
    let place = format!("{within}{essence}");
    let optional = entity.disposition.as_ref().map(|it| it.handling) == Some(Handling::Optional);
    if let Some((named, kind)) = of_type(rules, media_type) {
        return found.push(Part { optional, ..Part::new(&named, kind, place) });
    }
    if depth >= MAX_DEPTH {
        return;
    }
    let below = format!("{place}, ");
    if media_type.is_multipart() {
        for part in entity.parts().unwrap_or_default() {
            walk(rules, &part, &below, depth + 1, found);
        }
    } else if essence == cpim::MEDIA_TYPE {
        let object = entity.decoded().ok().and_then(|it| Cpim::parse(it, Strictness::Lenient).ok());
        if let Some(object) = object {
            walk(rules, object.content(), &below, depth + 1, found);
        }
    } else if matches!(essence, "text/plain" | "text/html") {
        let is_otr = entity.text().ok().and_then(|text| otr::of(&text));
        if let Some(otr) = is_otr.filter(|otr| *otr != otr::Otr::Offer)
            && let Some(named) = rules.otr()
        {
            let place = format!("{place}: {}", otr.place());
            found.push(Part { optional, ..Part::new(&named, Kind::Otr, place) });
        }
    }
}
