//! `message/cpim` objects, RFC 3862.

use std::borrow::Cow;

use bytes::Bytes;
use time::OffsetDateTime;

use super::cpim_address::CpimAddress;
use super::entity::{Entity, EntityError};
use super::transfer_encoding::TransferError;
use super::{Text, cpim_escape, rfc3339, split_line};

/// Namespace of the headers RFC 3862 §4 defines; §6 prints it without its
/// colon.
pub const CORE_NAMESPACE: &str = "urn:ietf:params:cpim-headers:";
/// The object's media type, RFC 3862 §2.1.
pub const MEDIA_TYPE: &str = "message/cpim";
/// Namespace of IMDN headers, RFC 5438 §6.
pub const IMDN_NAMESPACE: &str = "urn:ietf:params:imdn";
/// Objects within objects, the outermost counted.
pub const MAX_DEPTH: usize = 4;
/// Headers one object may have.
const MAX_HEADERS: usize = 64;

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

/// One message header, RFC 3862 §3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpimHeader {
    /// Namespace URI the name belongs to; empty if its prefix is undeclared.
    pub ns: Text,
    /// Name without prefix, case as written; with it if that is undeclared.
    pub name: Text,
    /// Parameters with their values, quotes removed.
    pub params: Vec<(Text, Text)>,
    /// Value as written, escapes not resolved.
    pub value: Text,
}

impl CpimHeader {
    /// True for the header of that name which RFC 3862 §4 defines.
    #[must_use]
    pub fn is_core(&self, name: &str) -> bool {
        self.is(CORE_NAMESPACE, name)
    }

    /// True for the header `name` of the namespace `ns`.
    #[must_use]
    pub fn is(&self, ns: &str, name: &str) -> bool {
        self.name == name && self.ns == ns
    }

    /// The `lang` parameter, RFC 3862 §3.3; `None` means `i-default`.
    #[must_use]
    pub fn lang(&self) -> Option<&Text> {
        self.params.iter().find(|(name, _)| name == "lang").map(|(_, tag)| tag)
    }

    /// The value, escapes resolved.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        cpim_escape::unescape(&self.value)
    }
}

/// A subject and its language, RFC 3862 §4.5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// `None` means `i-default`.
    pub lang: Option<Text>,
    /// Escapes resolved.
    pub text: Text,
}

/// What a Require header names, RFC 3862 §4.7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Required {
    /// Namespace URI; empty if the prefix is undeclared.
    pub ns: Text,
    /// Name of a header or feature without prefix; with it if that is
    /// undeclared.
    pub name: Text,
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
        let mut parser = Parser::new(strictness);
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
            parser.line(&line)?;
            rest = tail;
        }
        let entity = Entity::parse(octets.slice_ref(rest))?;
        let media_type = entity.content_type.as_ref().ok_or(CpimError::NoContentType)?;
        let nested = if media_type.is(MEDIA_TYPE) {
            Some(Box::new(Self::parse_level(entity.decoded()?, strictness, level + 1)?))
        } else {
            None
        };
        let Parser { headers, required, .. } = parser;
        Ok(Self { octets, headers, required, entity, nested })
    }

    /// The entity of the innermost object.
    #[must_use]
    pub fn content(&self) -> &Entity {
        self.nested.as_deref().map_or(&self.entity, Self::content)
    }

    /// What this object and those within require, RFC 3862 §3.5.
    pub fn all_required(&self) -> impl Iterator<Item = &Required> {
        let levels = std::iter::successors(Some(self), |object| object.nested.as_deref());
        levels.flat_map(|object| &object.required)
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

struct Parser {
    strictness: Strictness,
    headers: Vec<CpimHeader>,
    required: Vec<Required>,
    default: Text,
    prefixes: Vec<(Text, Text)>,
}

impl Parser {
    fn new(strictness: Strictness) -> Self {
        Self {
            strictness,
            headers: Vec::new(),
            required: Vec::new(),
            default: Text::from_static(CORE_NAMESPACE),
            prefixes: Vec::new(),
        }
    }

    /// `Header-name ":" *( ";" Parameter ) SP Header-value`, RFC 3862 §3.6.
    fn line(&mut self, line: &Text) -> Result<(), CpimError> {
        let is_strict = self.strictness == Strictness::Strict;
        let is_space = |c| matches!(c, ' ' | '\t');
        if line.starts_with(is_space) || (is_strict && line.ends_with(is_space)) {
            return Err(CpimError::WhiteSpace);
        }
        if is_strict && line.bytes().any(|b| b.is_ascii_control()) {
            return Err(CpimError::ControlCharacter);
        }
        let (name, after) = line.split_once(':').ok_or(CpimError::HeaderLine)?;
        let is_name = !name.is_empty() && name.bytes().all(is_name_char);
        if !is_name {
            return Err(CpimError::HeaderLine);
        }
        let (params, after) = split_params(line, after)?;
        let value = match after.strip_prefix(' ') {
            Some(value) => value,
            None if is_strict => return Err(CpimError::MissingSpace),
            None => after,
        };
        let (ns, name) = self.expand(&line.slice_ref(name))?;
        let header = CpimHeader { ns, name, params, value: line.slice_ref(value) };
        self.interpret(&header)?;
        if self.headers.len() == MAX_HEADERS {
            return Err(CpimError::TooManyHeaders);
        }
        self.headers.push(header);
        Ok(())
    }

    fn interpret(&mut self, header: &CpimHeader) -> Result<(), CpimError> {
        if header.ns != CORE_NAMESPACE {
            return Ok(());
        }
        let is_strict = self.strictness == Strictness::Strict;
        match &*header.name {
            "NS" => self.declare(&header.value),
            "Require" => {
                for name in header.value.split(',').map(str::trim_ascii).filter(|n| !n.is_empty()) {
                    let (ns, name) = self.expand(&header.value.slice_ref(name))?;
                    self.required.push(Required { ns, name });
                }
                Ok(())
            }
            "From" | "To" | "cc" if is_strict && CpimAddress::parse(&header.value).is_none() => {
                Err(CpimError::Address)
            }
            "DateTime" if is_strict && rfc3339::parse(&header.value).is_none() => {
                Err(CpimError::DateTime)
            }
            _ => Ok(()),
        }
    }

    /// `NS: [ Name-prefix ] "<" URI ">"`, RFC 3862 §4.6.
    fn declare(&mut self, value: &Text) -> Result<(), CpimError> {
        let malformed = CpimError::Namespace;
        let (prefix, uri) = value.split_once('<').ok_or(malformed)?;
        let uri = uri.trim_ascii_end().strip_suffix('>').ok_or(malformed)?;
        let prefix = prefix.trim_ascii();
        let is_prefix = prefix.bytes().all(|b| is_name_char(b) && b != b'.');
        if uri.is_empty() || !is_prefix {
            return Err(malformed);
        }
        let (prefix, uri) = (value.slice_ref(prefix), value.slice_ref(uri));
        if prefix.is_empty() {
            self.default = uri;
        } else {
            self.prefixes.push((prefix, uri));
        }
        Ok(())
    }

    /// The namespace a name belongs to at this point, RFC 3862 §3.4.
    fn expand(&self, name: &Text) -> Result<(Text, Text), CpimError> {
        let Some((prefix, local)) = name.split_once('.') else {
            return Ok((self.default.clone(), name.clone()));
        };
        match self.prefixes.iter().rev().find(|(known, _)| known == prefix) {
            Some((_, uri)) => Ok((uri.clone(), name.slice_ref(local))),
            None if self.strictness == Strictness::Strict => Err(CpimError::Namespace),
            None => Ok((Text::new(), name.clone())),
        }
    }
}

/// Parameters with their values, and what follows them.
type Params<'a> = (Vec<(Text, Text)>, &'a str);

/// Cuts the parameters off the front, RFC 3862 §3.6.
fn split_params<'a>(line: &Text, mut rest: &'a str) -> Result<Params<'a>, CpimError> {
    let mut params = Vec::new();
    while let Some(param) = rest.strip_prefix(';') {
        let name_end = param.find(['=', ' ', ';']).unwrap_or(param.len());
        let name = line.slice_ref(&param[..name_end]);
        let Some(value) = param[name_end..].strip_prefix('=') else {
            params.push((name, Text::new()));
            rest = &param[name_end..];
            continue;
        };
        if let Some(quoted) = value.strip_prefix('"') {
            let end = quoted_end(quoted).ok_or(CpimError::HeaderLine)?;
            params.push((name, Text::from(cpim_escape::unescape(&quoted[..end]).as_ref())));
            rest = &quoted[end + 1..];
        } else {
            let end = value.find([' ', ';']).unwrap_or(value.len());
            params.push((name, line.slice_ref(&value[..end])));
            rest = &value[end..];
        }
    }
    Ok((params, rest))
}

/// Offset of the quote that closes a String, RFC 3862 §3.6.
pub(super) fn quoted_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|b| {
        let is_end = b == b'"' && !escaped;
        escaped = b == b'\\' && !escaped;
        is_end
    })
}

/// `NAMECHAR` and the dot between prefix and name, RFC 3862 §3.1 and §3.6.
fn is_name_char(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(b, 0x21 | 0x23..=0x27 | 0x2A | 0x2B | b'-' | b'.' | 0x5E..=0x60 | 0x7C | 0x7E)
}
