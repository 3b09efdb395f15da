//! The structure of a body from SIP: its entities within each other, their codings undone, and what
//! cannot be looked into (RFC 2045, RFC 2046 §5, RFC 3862, RFC 9110 §8.4).
//!
//! What is looked for and what is read are read out of the same structure, so that neither sees
//! what the other does not.

use std::cell::Cell;

use bytes::Bytes;

use crate::codec::mime::{
    CodingError, ContentCoding, Cpim, CpimError, Entity, EntityError, Handling, Header, MediaType,
    MultipartError, Strictness, TransferEncoding, TransferError, cpim,
};
use crate::codec::{pidf, rcs_file};

/// Multiparts within each other, the outermost counted; a message in a part counts as one.
const MAX_MULTIPARTS: usize = 4;
/// Codings on top of each other that one entity may have.
const MAX_CODINGS: usize = 2;
/// Octets that the codings of a body may inflate to where no rule says how many.
const MAX_INFLATED: usize = 65_536;
/// Types that hold a whole message with parts of its own in a form that is not read: requests of
/// SIP (RFC 3261 §23.4, RFC 3420), messages of HTTP, pieces of a message (RFC 2046 §5.2.2).
const TUNNELS: [&str; 6] = [
    "message/sip",
    "message/sipfrag",
    "message/partial",
    "message/http",
    "message/s-http",
    "application/http",
];
/// Messages of mail (RFC 5322, RFC 6532): a header and a body, like any entity.
const MAILS: [&str; 3] = ["message/rfc822", "message/global", "message/news"];

/// An entity, and what is in it.
#[derive(Debug)]
pub(in crate::translate) struct Node {
    /// The entity; the codings of what is looked into are undone.
    pub entity: Entity,
    /// Its type, by default that of its place (RFC 2045 §5.2, RFC 2046 §5.1.5).
    pub media_type: MediaType,
    /// What is in it.
    pub content: Content,
}

/// What is in an entity.
#[derive(Debug)]
pub(in crate::translate) enum Content {
    /// Nothing that has parts.
    Leaf,
    /// The parts of a multipart, of whichever subtype.
    Multipart(Vec<Node>),
    /// A CPIM object, and what the innermost of it holds.
    Object(Box<Cpim>, Box<Node>),
    /// A message of mail.
    Mail(Box<Node>),
    /// What nobody knows: it cannot be looked into.
    Opaque(Opaque),
}

/// Why an entity cannot be looked into; always the sender's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::translate) enum Opaque {
    /// A content coding that is not read, RFC 8188 among them.
    #[error("the content coding {0} is not read")]
    UnknownCoding(String),
    /// More codings than [`MAX_CODINGS`].
    #[error("too many content codings")]
    TooManyCodings,
    /// It is not in its coding, or too large.
    #[error(transparent)]
    Coding(#[from] CodingError),
    /// It is not in its transfer encoding.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// RFC 2045 §6.4: a multipart is never encoded itself.
    #[error("a multipart with a transfer encoding of its own")]
    EncodedMultipart,
    /// No multipart, or one beyond a bound.
    #[error(transparent)]
    Multipart(#[from] MultipartError),
    /// No CPIM object, or one beyond a bound.
    #[error("message/cpim: {0}")]
    Object(#[from] CpimError),
    /// No message.
    #[error("{0}: {1}")]
    Mail(String, EntityError),
    /// A header field twice: each reader takes another one.
    #[error("a part with more than one {0}")]
    Twice(&'static str),
    /// One of [`TUNNELS`].
    #[error("{0} is not looked into")]
    Tunnel(String),
}

impl Opaque {
    /// Whether its coding is all that is known of it.
    pub(in crate::translate) fn is_of_coding(&self) -> bool {
        matches!(self, Opaque::UnknownCoding(_) | Opaque::TooManyCodings | Opaque::Coding(_))
            || matches!(self, Opaque::Transfer(_) | Opaque::Twice(_))
    }
}

/// Where an entity stands.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::translate) struct Place {
    /// CPIM objects around it.
    pub objects: usize,
    /// Multiparts around it.
    pub multiparts: usize,
}

/// Reads structures, within bounds.
#[derive(Debug)]
pub(in crate::translate) struct Builder {
    strictness: Strictness,
    /// Octets that codings may still inflate to.
    left: Cell<usize>,
}

impl Default for Builder {
    fn default() -> Self {
        Builder::new(Strictness::Lenient, MAX_INFLATED)
    }
}

impl Builder {
    pub(in crate::translate) fn new(strictness: Strictness, max_inflated: usize) -> Self {
        Builder { strictness, left: Cell::new(max_inflated) }
    }

    /// The structure of a whole body; its header, and with it its codings, is that of its request.
    pub(in crate::translate) fn body(&self, entity: Entity, codings: &[&str]) -> Node {
        let entity = match self.inflate(codings, &entity.body) {
            Ok(body) => Entity { body, ..entity },
            Err(opaque) => return Node::opaque(entity, MediaType::text_plain(), opaque),
        };
        self.plain(entity, Place::default(), MediaType::text_plain())
    }

    /// The structure of a part.
    fn part(&self, part: Entity, place: Place, by_default: MediaType) -> Node {
        let headers = |name: &str| {
            let named = move |it: &&Header| it.name.eq_ignore_ascii_case(name);
            part.headers.iter().filter(named).map(|it| &*it.value).collect::<Vec<&str>>()
        };
        let once = ["Content-Type", "Content-Transfer-Encoding"];
        if let Some(name) = once.into_iter().find(|name| headers(name).len() > 1) {
            return Node::opaque(part, by_default, Opaque::Twice(name));
        }
        let codings = headers("Content-Encoding").join(",");
        let codings: Vec<&str> =
            codings.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        if codings.is_empty() {
            return self.plain(part, place, by_default);
        }
        if let Some(unknown) = codings.iter().find(|it| ContentCoding::from_name(it).is_none()) {
            let opaque = Opaque::UnknownCoding((*unknown).to_owned());
            return Node::opaque(part, by_default, opaque);
        }
        let media_type = part.content_type.as_ref().unwrap_or(&by_default);
        if !is_looked_into(media_type) {
            return Node::new(part, by_default, Content::Leaf);
        }
        // What lies beneath the transfer encoding was coded first (RFC 2045 §6.1).
        let decoded = part.decoded().map_err(Opaque::from);
        match decoded.and_then(|octets| self.inflate(&codings, &octets)) {
            Ok(body) => {
                let transfer_encoding = TransferEncoding::default();
                self.plain(Entity { body, transfer_encoding, ..part }, place, by_default)
            }
            Err(opaque) => Node::opaque(part, by_default, opaque),
        }
    }

    /// The structure of what has no content coding, or has it no more.
    fn plain(&self, entity: Entity, place: Place, by_default: MediaType) -> Node {
        let media_type = entity.content_type.as_ref().unwrap_or(&by_default);
        if media_type.type_() == "text" {
            return match entity.decoded() {
                Ok(body) => {
                    let transfer_encoding = TransferEncoding::default();
                    let entity = Entity { body, transfer_encoding, ..entity };
                    Node::new(entity, by_default, Content::Leaf)
                }
                Err(error) => Node::opaque(entity, by_default, error.into()),
            };
        }
        let essence = media_type.essence();
        let content = if essence == "multipart/encrypted" {
            // It is one whatever is in it (RFC 1847 §2.2).
            Ok(Content::Leaf)
        } else if media_type.is_multipart() {
            self.parts(&entity, media_type, place).map(Content::Multipart)
        } else if essence == cpim::MEDIA_TYPE {
            self.object(&entity, place)
        } else if MAILS.contains(&essence) {
            self.mail(&entity, essence, place)
        } else if TUNNELS.contains(&essence) {
            Err(Opaque::Tunnel(essence.to_owned()))
        } else {
            Ok(Content::Leaf)
        };
        Node::new(entity, by_default, content.unwrap_or_else(Content::Opaque))
    }

    fn parts(
        &self,
        entity: &Entity,
        media_type: &MediaType,
        place: Place,
    ) -> Result<Vec<Node>, Opaque> {
        let below = below(place)?;
        if matches!(
            entity.transfer_encoding,
            TransferEncoding::Base64 | TransferEncoding::QuotedPrintable
        ) {
            return Err(Opaque::EncodedMultipart);
        }
        let is_digest = media_type.is("multipart/digest");
        let parts = entity.parts()?.into_iter();
        Ok(parts.map(|part| self.part(part, below, by_default(is_digest))).collect())
    }

    fn object(&self, entity: &Entity, place: Place) -> Result<Content, Opaque> {
        let object = Cpim::parse(entity.decoded()?, self.strictness)?;
        let objects = place.objects + object.levels().count();
        if objects > cpim::MAX_DEPTH {
            return Err(CpimError::TooDeep.into());
        }
        let below = Place { objects, ..place };
        let content = self.part(object.content().clone(), below, MediaType::text_plain());
        Ok(Content::Object(Box::new(object), Box::new(content)))
    }

    fn mail(&self, entity: &Entity, essence: &str, place: Place) -> Result<Content, Opaque> {
        let below = below(place)?;
        let mail = Entity::parse(entity.decoded()?);
        let mail = mail.map_err(|error| Opaque::Mail(essence.to_owned(), error))?;
        Ok(Content::Mail(Box::new(self.part(mail, below, MediaType::text_plain()))))
    }

    /// The octets before coding; the coding named last was made last (RFC 9110 §8.4).
    fn inflate(&self, codings: &[&str], octets: &Bytes) -> Result<Bytes, Opaque> {
        if codings.len() > MAX_CODINGS {
            return Err(Opaque::TooManyCodings);
        }
        let mut octets = octets.clone();
        for name in codings.iter().rev() {
            let coding = ContentCoding::from_name(name)
                .ok_or_else(|| Opaque::UnknownCoding((*name).to_owned()))?;
            octets = coding.decode(&octets, self.left.get())?;
            if coding != ContentCoding::Identity {
                self.left.set(self.left.get().saturating_sub(octets.len()));
            }
        }
        Ok(octets)
    }
}

/// The place within a multipart, or a message of mail.
fn below(place: Place) -> Result<Place, Opaque> {
    let below = Place { multiparts: place.multiparts + 1, ..place };
    if below.multiparts > MAX_MULTIPARTS {
        return Err(MultipartError::TooDeep.into());
    }
    Ok(below)
}

/// The type of a part that names none (RFC 2046 §5.1.5).
fn by_default(is_digest: bool) -> MediaType {
    let mail = || MediaType::parse(MAILS[0]).ok();
    is_digest.then(mail).flatten().unwrap_or_else(MediaType::text_plain)
}

/// Whether the octets of a type mean something here; of all others the type alone counts.
fn is_looked_into(media_type: &MediaType) -> bool {
    let essence = media_type.essence();
    let security = ["application/pkcs7-", "application/x-pkcs7-", "application/cms"];
    media_type.is_multipart()
        || matches!(media_type.type_(), "text" | "message")
        || [pidf::MEDIA_TYPE, rcs_file::MEDIA_TYPE].contains(&essence)
        || security.iter().any(|begin| essence.starts_with(begin))
}

impl Node {
    fn new(entity: Entity, by_default: MediaType, content: Content) -> Self {
        let media_type = entity.content_type.clone().unwrap_or(by_default);
        Node { entity, media_type, content }
    }

    fn opaque(entity: Entity, by_default: MediaType, opaque: Opaque) -> Self {
        Node::new(entity, by_default, Content::Opaque(opaque))
    }

    /// What is directly in it.
    pub(in crate::translate) fn children(&self) -> &[Node] {
        match &self.content {
            Content::Multipart(parts) => parts,
            Content::Object(_, node) | Content::Mail(node) => std::slice::from_ref(node),
            Content::Leaf | Content::Opaque(_) => &[],
        }
    }

    /// Whether the sender says that it may be left out (RFC 3261 §20.11).
    pub(in crate::translate) fn is_optional(&self) -> bool {
        self.entity.disposition.as_ref().is_some_and(|it| it.handling == Handling::Optional)
    }

    /// Whether it is part of the text, or a notification (RFC 5438 §13.3), by its disposition.
    pub(in crate::translate) fn is_shown(&self) -> bool {
        let disposition = self.entity.disposition.as_ref();
        let kind = disposition.map_or("render", |disposition| &*disposition.kind);
        matches!(kind, "render" | "inline" | "notification")
    }
}
