//! `message/cpim` objects, RFC 3862.

use std::borrow::Cow;

use bytes::Bytes;
use time::OffsetDateTime;

use super::cpim_address::CpimAddress;
use super::cpim_header::HeaderReader;
use super::entity::{Entity, EntityError};
use super::transfer_encoding::TransferError;
use super::{Text, rfc3339, split_line};

pub use super::cpim_header::{CpimHeader, Required};

/// Namespace of the headers RFC 3862 §4 defines; §6 prints it without its
/// colon.
pub const CORE_NAMESPACE: &str = "urn:ietf:params:cpim-headers:";
/// The object's media type, RFC 3862 §2.1.
pub const MEDIA_TYPE: &str = "message/cpim";
/// Namespace of IMDN headers, RFC 5438 §6.
pub const IMDN_NAMESPACE: &str = "urn:ietf:params:imdn";
/// Namespace of the gateway's own headers.
pub const STOX_NAMESPACE: &str = "urn:stox:cpim:0";
/// The header of [`STOX_NAMESPACE`] that holds the thread of a message (RFC 6121 §5.2.5), for which
/// RFC 3862 has none.
pub const THREAD: &str = "Thread";
/// Objects within objects, the outermost counted.
pub const MAX_DEPTH: usize = 4;

/// How much deviation from RFC 3862 is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Strictness {
    /// What known peers send: bare LF, a missing space behind the colon,
    /// control characters, undeclared prefixes, odd dates and addresses.
    #[default]
    Lenient,
    /// The letter of RFC 3862.
    Strict,
}

/// Why octets are no CPIM object; always the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CpimError {
    /// RFC 3862 §2.2: a line that is no header.
    #[error("a line in the CPIM header that is no header")]
    HeaderLine,
    /// RFC 3862 §2.2: a line that begins (or strictly: ends) with white space.
    #[error("white space at the edge of a CPIM header line")]
    WhiteSpace,
    /// RFC 3862 §2.2, strict only.
    #[error("no single space behind the colon of a CPIM header")]
    MissingSpace,
    /// RFC 3862 §2.2, strict only.
    #[error("a control character in a CPIM header")]
    ControlCharacter,
    /// RFC 3862 §2.2.
    #[error("CPIM header is not UTF-8")]
    NotUtf8,
    /// RFC 3862 §2.2, strict only.
    #[error("a line of the CPIM header does not end with CRLF")]
    LineEnd,
    /// RFC 3862 §3.4: a malformed NS header, or strictly an undeclared prefix.
    #[error("malformed namespace in the CPIM header")]
    Namespace,
    /// RFC 3862 §4.1, strict only.
    #[error("malformed address in a CPIM header")]
    Address,
    /// RFC 3862 §4.4, strict only.
    #[error("malformed DateTime")]
    DateTime,
    /// More than 64 headers.
    #[error("too many CPIM headers")]
    TooManyHeaders,
    /// More than [`MAX_DEPTH`] objects within each other.
    #[error("CPIM objects nested too deeply")]
    TooDeep,
    /// RFC 3862 §2.4.
    #[error("CPIM content without Content-Type")]
    NoContentType,
    /// The encapsulated entity is malformed.
    #[error("CPIM content: {0}")]
    Entity(#[from] EntityError),
    /// The encapsulated object is encoded, and that wrongly.
    #[error("CPIM content: {0}")]
    Transfer(#[from] TransferError),
}

/// A subject and its language, RFC 3862 §4.5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// `None` means `i-default`.
    pub lang: Option<Text>,
    /// Escapes resolved.
    pub text: Text,
}

/// A `message/cpim` object, RFC 3862 §2. Immutable: what is relayed are
/// [`octets`](Self::octets).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpim {
    /// The object as it came.
    pub octets: Bytes,
    /// Message headers in order, NS and Require included.
    pub headers: Vec<CpimHeader>,
    /// What all Require headers name.
    pub required: Vec<Required>,
    /// The encapsulated entity.
    pub entity: Entity,
    /// The object within, if the entity is again `message/cpim`.
    pub nested: Option<Box<Self>>,
}

impl Cpim {
    /// Parses an object, the objects within included.
    ///
    /// A transfer encoding around it must have been removed (RFC 3862 §7.1):
    /// [`Entity::decoded`].
    ///
    /// # Errors
    /// [`CpimError`]: the object is refused whole.
    pub fn parse(octets: Bytes, strictness: Strictness) -> Result<Self, CpimError> {
        Self::parse_level(octets, strictness, 1)
    }

    fn parse_level(octets: Bytes, strictness: Strictness, level: usize) -> Result<Self, CpimError> {
        if level > MAX_DEPTH {
            return Err(CpimError::TooDeep);
        }
        let mut reader = HeaderReader::new(strictness);
        let mut rest: &[u8] = &octets;
        loop {
            let (line, tail) = split_line(rest);
            if strictness == Strictness::Strict && !rest[line.len()..].starts_with(b"\r\n") {
                return Err(CpimError::LineEnd);
            }
            if line.is_empty() {
                rest = tail;
                break;
            }
            let line = Text::try_from(octets.slice_ref(line)).map_err(|_| CpimError::NotUtf8)?;
            reader.line(&line)?;
            rest = tail;
        }
        let entity = Entity::parse(octets.slice_ref(rest))?;
        let media_type = entity.content_type.as_ref().ok_or(CpimError::NoContentType)?;
        let nested = if media_type.is(MEDIA_TYPE) {
            Some(Box::new(Self::parse_level(entity.decoded()?, strictness, level + 1)?))
        } else {
            None
        };
        let HeaderReader { headers, required, .. } = reader;
        Ok(Self { octets, headers, required, entity, nested })
    }

    /// The entity of the innermost object.
    #[must_use]
    pub fn content(&self) -> &Entity {
        self.nested.as_deref().map_or(&self.entity, Self::content)
    }

    /// This object and those within, from the outside in.
    pub fn levels(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |object| object.nested.as_deref())
    }

    /// What this object and those within require, RFC 3862 §3.5.
    pub fn all_required(&self) -> impl Iterator<Item = &Required> {
        self.levels().flat_map(|object| &object.required)
    }

    /// First header `name` of the namespace `ns`.
    #[must_use]
    pub fn header(&self, ns: &str, name: &str) -> Option<&CpimHeader> {
        self.headers.iter().find(|h| h.is(ns, name))
    }

    /// RFC 3862 §4.1: the sender's claim, not an identity.
    #[must_use]
    pub fn from(&self) -> Option<CpimAddress> {
        self.addresses("From").next()
    }

    /// RFC 3862 §4.2.
    pub fn to(&self) -> impl Iterator<Item = CpimAddress> {
        self.addresses("To")
    }

    /// RFC 3862 §4.3; also as `CC`, the spelling of RFC 4975 §13.
    pub fn cc(&self) -> impl Iterator<Item = CpimAddress> {
        self.addresses("cc").chain(self.addresses("CC"))
    }

    /// RFC 3862 §4.4; `None` if absent or malformed.
    #[must_use]
    pub fn date_time(&self) -> Option<OffsetDateTime> {
        rfc3339::parse(self.header(CORE_NAMESPACE, "DateTime")?.value.trim_ascii())
    }

    /// RFC 3862 §4.5, in order.
    pub fn subjects(&self) -> impl Iterator<Item = Subject> {
        let subjects = self.headers.iter().filter(|h| h.is_core("Subject"));
        subjects.map(|h| {
            let text = match h.text() {
                Cow::Borrowed(_) => h.value.clone(),
                Cow::Owned(text) => text.into(),
            };
            Subject { lang: h.lang().cloned(), text }
        })
    }

    fn addresses(&self, name: &'static str) -> impl Iterator<Item = CpimAddress> {
        let headers = self.headers.iter().filter(move |h| h.is_core(name));
        headers.filter_map(|h| CpimAddress::parse(&h.value))
    }
}
