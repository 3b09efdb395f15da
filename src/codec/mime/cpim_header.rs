//! The message headers of a CPIM object, RFC 3862 §2.2 and §3.

use std::borrow::Cow;

use super::cpim::{CORE_NAMESPACE, CpimError, Strictness};
use super::cpim_address::CpimAddress;
use super::{Text, cpim_escape, rfc3339};

/// Headers one object may have.
const MAX_HEADERS: usize = 64;

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

/// What a Require header names, RFC 3862 §4.7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Required {
    /// Namespace URI; empty if the prefix is undeclared.
    pub ns: Text,
    /// Name of a header or feature without prefix; with it if that is
    /// undeclared.
    pub name: Text,
}

/// Reads header lines one after the other; declarations hold for what follows.
pub(super) struct HeaderReader {
    strictness: Strictness,
    pub(super) headers: Vec<CpimHeader>,
    pub(super) required: Vec<Required>,
    default: Text,
    prefixes: Vec<(Text, Text)>,
}

impl HeaderReader {
    pub(super) fn new(strictness: Strictness) -> Self {
        Self {
            strictness,
            headers: Vec::new(),
            required: Vec::new(),
            default: Text::from_static(CORE_NAMESPACE),
            prefixes: Vec::new(),
        }
    }

    /// `Header-name ":" *( ";" Parameter ) SP Header-value`, RFC 3862 §3.6.
    pub(super) fn line(&mut self, line: &Text) -> Result<(), CpimError> {
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
