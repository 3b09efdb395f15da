//! The grammar of URIs: where the parts are in the text (RFC 3261 §25.1 `addr-spec`, RFC 3966 §3).

use super::uri::{Scheme, Uri, UriError};
use super::{chars, host, token};

/// Offsets into the text; at most 65,535 by construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) scheme: Scheme,
    /// The index of the colon after the scheme.
    pub(super) colon: u16,
    /// The end of the user; equal to `colon` if there is none.
    pub(super) user_end: u16,
    /// The end of the userinfo, the index of `@`; greater than `user_end` if there is a password.
    pub(super) userinfo_end: u16,
    pub(super) host_start: u16,
    pub(super) host_end: u16,
    pub(super) port: Option<u16>,
    /// Where the first `;` is, or would be.
    pub(super) params: u16,
    /// Where the `?` is, or would be.
    pub(super) headers: u16,
}

impl Parts {
    pub(super) fn of(text: &str) -> Result<Parts, UriError> {
        let octets = text.as_bytes();
        if octets.is_empty() {
            return Err(UriError::Empty);
        }
        let end = u16::try_from(octets.len()).map_err(|_| UriError::TooLong)?;
        let colon = chars::span(octets, chars::SCHEME);
        if octets.get(colon) != Some(&b':') || !octets[0].is_ascii_alphabetic() {
            return Err(UriError::Scheme);
        }
        let scheme = Scheme::from_name(&text[..colon]);
        let colon = at(colon);
        let mut parts = Parts {
            scheme,
            colon,
            user_end: colon,
            userinfo_end: colon,
            host_start: end,
            host_end: end,
            port: None,
            params: end,
            headers: end,
        };
        match scheme {
            Scheme::Tel => split_tel(octets, &mut parts)?,
            Scheme::Other => {
                check_opaque(octets, parts.colon)?;
            }
            // A URI that names nobody, and has no host.
            Scheme::Im | Scheme::Pres if !names_one_mailbox(octets, parts.colon) => {
                check_opaque(octets, parts.colon)?;
            }
            _ => split_sip(text, &mut parts)?,
        }
        Ok(parts)
    }
}

/// An index into a text whose length was checked to fit.
fn at(index: usize) -> u16 {
    debug_assert!(index <= Uri::MAX_LEN);
    index as u16
}

/// RFC 3860 and RFC 3859 allow a URI without a mailbox; a list of them, as `mailto:` has, is none.
fn names_one_mailbox(octets: &[u8], colon: u16) -> bool {
    let rest = &octets[usize::from(colon) + 1..];
    let mailbox = rest.split(|&b| b == b'?').next().unwrap_or_default();
    !mailbox.is_empty() && mailbox.iter().filter(|&&b| b == b'@').count() < 2
}

fn check_opaque(octets: &[u8], colon: u16) -> Result<(), UriError> {
    let opaque = &octets[usize::from(colon) + 1..];
    if opaque.is_empty() {
        return Err(UriError::Empty);
    }
    if chars::all(opaque, chars::URIC) { Ok(()) } else { Err(UriError::Character) }
}

/// RFC 3966 §3: a number, then parameters. The number is `+` and decimal digits, or hexadecimal
/// digits, `*` and `#`; visual separators may stand between them. A local number without
/// `phone-context` is let pass.
fn split_tel(octets: &[u8], parts: &mut Parts) -> Result<(), UriError> {
    let start = usize::from(parts.colon) + 1;
    let params = memchr::memchr(b';', &octets[start..]).map_or(octets.len(), |i| start + i);
    let number = &octets[start..params];
    let (digits, global) = match number {
        [b'+', digits @ ..] => (digits, true),
        digits => (digits, false),
    };
    let is_digit =
        |b: &u8| if global { b.is_ascii_digit() } else { chars::is(*b, chars::PHONE_DIGIT) };
    let legal = |b: &u8| is_digit(b) || b"-.()".contains(b);
    if !digits.iter().all(legal) || !digits.iter().any(is_digit) {
        return Err(UriError::User);
    }
    parts.params = at(params);
    if check_params(octets, params)? == octets.len() { Ok(()) } else { Err(UriError::Parameter) }
}

/// RFC 3261 §25.1: `[ userinfo ] hostport uri-parameters [ headers ]`.
fn split_sip(text: &str, parts: &mut Parts) -> Result<(), UriError> {
    let octets = text.as_bytes();
    let mut i = usize::from(parts.colon) + 1;
    if let Some(length) = memchr::memchr(b'@', &octets[i..]) {
        check_userinfo(&octets[i..i + length], i, parts)?;
        i += length + 1;
    }
    parts.host_start = at(i);
    i += host::span(&octets[i..]);
    parts.host_end = at(i);
    host::spanned(&text[usize::from(parts.host_start)..i]).ok_or(UriError::Host)?;
    if octets.get(i) == Some(&b':') {
        let digits = octets[i + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
        let port = token::number(&text[i + 1..i + 1 + digits]);
        parts.port = Some(port.map_err(|_| UriError::Port)?);
        i += 1 + digits;
    }
    parts.params = at(i);
    i = check_params(octets, i)?;
    parts.headers = at(i);
    match octets.get(i) {
        None => Ok(()),
        Some(b'?') => check_headers(&octets[i + 1..]),
        Some(_) if parts.params < at(i) => Err(UriError::Parameter),
        Some(_) if parts.port.is_some() => Err(UriError::Port),
        Some(_) => Err(UriError::Host),
    }
}

/// `user [ ":" password ]`; it begins at `start` of the whole.
fn check_userinfo(userinfo: &[u8], start: usize, parts: &mut Parts) -> Result<(), UriError> {
    let user = chars::span(userinfo, chars::USER);
    if user == 0 {
        return Err(UriError::User);
    }
    parts.user_end = at(start + user);
    parts.userinfo_end = at(start + userinfo.len());
    match userinfo.get(user) {
        None => Ok(()),
        Some(b':') if chars::all(&userinfo[user + 1..], chars::PASSWORD) => Ok(()),
        Some(b':') => Err(UriError::Password),
        Some(_) => Err(UriError::User),
    }
}

/// Checks `*( ";" pname [ "=" pvalue ] )` from `i` on and gives its end. An empty value is let
/// pass, as some proxies write `;lr=`.
fn check_params(octets: &[u8], mut i: usize) -> Result<usize, UriError> {
    while octets.get(i) == Some(&b';') {
        let name = chars::span(&octets[i + 1..], chars::PARAM);
        if name == 0 {
            return Err(UriError::Parameter);
        }
        i += 1 + name;
        if octets.get(i) == Some(&b'=') {
            i += 1 + chars::span(&octets[i + 1..], chars::PARAM);
        }
    }
    Ok(i)
}

/// `hname "=" hvalue *( "&" ... )`.
fn check_headers(octets: &[u8]) -> Result<(), UriError> {
    for field in octets.split(|&b| b == b'&') {
        let name = chars::span(field, chars::HEADER);
        let legal = name > 0
            && field.get(name) == Some(&b'=')
            && chars::all(&field[name + 1..], chars::HEADER);
        if !legal {
            return Err(UriError::Headers);
        }
    }
    Ok(())
}
