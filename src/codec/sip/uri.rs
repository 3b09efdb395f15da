//! URIs: `sip:`, `sips:` (RFC 3261 §19.1), `im:`, `pres:` (RFC 3860, RFC 3859), `tel:` (RFC 3966)
//! and any other absolute URI.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::{Text, chars, param};

/// The scheme of a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip:` (RFC 3261 §19.1).
    Sip,
    /// `sips:` (RFC 3261 §19.1).
    Sips,
    /// `im:` (RFC 3860).
    Im,
    /// `pres:` (RFC 3859).
    Pres,
    /// `tel:` (RFC 3966).
    Tel,
    /// Any other; see [`Uri::scheme_str`].
    Other,
}

impl Scheme {
    /// The scheme's name in lower case; empty for [`Scheme::Other`].
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Sip => "sip",
            Scheme::Sips => "sips",
            Scheme::Im => "im",
            Scheme::Pres => "pres",
            Scheme::Tel => "tel",
            Scheme::Other => "",
        }
    }

    /// Whether URIs of the scheme have the shape `user@host`.
    #[must_use]
    pub fn has_host(self) -> bool {
        !matches!(self, Scheme::Tel | Scheme::Other)
    }

    fn from_name(name: &str) -> Scheme {
        const NAMED: [Scheme; 5] =
            [Scheme::Sip, Scheme::Sips, Scheme::Im, Scheme::Pres, Scheme::Tel];
        let found = NAMED.into_iter().find(|s| s.as_str().eq_ignore_ascii_case(name));
        found.unwrap_or(Scheme::Other)
    }
}

/// The host of a URI or of a `Via`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Host<'a> {
    /// A domain name, as received.
    Name(&'a str),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address.
    V6(Ipv6Addr),
}

impl Host<'_> {
    /// The address, if the host is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match *self {
            Host::Name(_) => None,
            Host::V4(ip) => Some(IpAddr::V4(ip)),
            Host::V6(ip) => Some(IpAddr::V6(ip)),
        }
    }
}

/// What is wrong with a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// No text.
    #[error("is empty")]
    Empty,
    /// Longer than 65,535 octets.
    #[error("is too long")]
    TooLong,
    /// No `scheme:` at its beginning.
    #[error("has no scheme")]
    Scheme,
    /// The user part is empty or holds a character that must be escaped.
    #[error("has a malformed user part")]
    User,
    /// The password holds a character that must be escaped.
    #[error("has a malformed password")]
    Password,
    /// Neither a domain name nor an IP address.
    #[error("has a malformed host")]
    Host,
    /// Not a port number.
    #[error("has a malformed port")]
    Port,
    /// A parameter that is empty or holds a character that must be escaped.
    #[error("has a malformed parameter")]
    Parameter,
    /// The part after `?` is malformed.
    #[error("has malformed headers")]
    Headers,
    /// A character which no URI may hold.
    #[error("has a character that is not allowed in a URI")]
    Character,
}

/// A URI: its text exactly as received or built, and where its parts are. Cheap to clone.
///
/// Equality and hashing are those of the text; [`Uri::equivalent`] is RFC 3261 §19.1.4.
/// A `%` that begins no escape is accepted and stands for itself; see
/// [`percent::is_well_formed`](super::percent::is_well_formed).
#[derive(Clone)]
pub struct Uri {
    text: Text,
    parts: Parts,
}

/// Offsets into the text; at most 65,535 by construction.
#[derive(Clone, Copy)]
struct Parts {
    scheme: Scheme,
    /// The index of the colon after the scheme.
    colon: u16,
    /// The end of the user; equal to `colon` if there is none.
    user_end: u16,
    /// The end of the userinfo, the index of `@`; greater than `user_end` if there is a password.
    userinfo_end: u16,
    host_start: u16,
    host_end: u16,
    port: Option<u16>,
    /// Where the first `;` is, or would be.
    params: u16,
    /// Where the `?` is, or would be.
    headers: u16,
}

impl Uri {
    /// The longest URI accepted, in octets.
    pub const MAX_LEN: usize = u16::MAX as usize;

    /// Parses a URI (RFC 3261 §25.1 `addr-spec`). White space is not allowed anywhere.
    pub fn parse(text: Text) -> Result<Uri, UriError> {
        let parts = split(&text)?;
        Ok(Uri { text, parts })
    }

    /// The text, exactly as received or built.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text as a shared slice.
    #[must_use]
    pub fn as_text(&self) -> &Text {
        &self.text
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.parts.scheme
    }

    /// The scheme's name as received.
    #[must_use]
    pub fn scheme_str(&self) -> &str {
        &self.text[..usize::from(self.parts.colon)]
    }

    /// The user part, still escaped, without the password.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        let Parts { colon, user_end, .. } = self.parts;
        (user_end > colon).then(|| self.slice(colon + 1..user_end))
    }

    /// The octets which the user part stands for (RFC 3261 §19.1.2: UTF-8, but a peer may err).
    #[must_use]
    pub fn user_octets(&self) -> Option<std::borrow::Cow<'_, [u8]>> {
        self.user().map(super::percent::decode)
    }

    /// The password, still escaped. Its use is discouraged (RFC 3261 §19.1.1).
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        let Parts { user_end, userinfo_end, .. } = self.parts;
        (userinfo_end > user_end).then(|| self.slice(user_end + 1..userinfo_end))
    }

    /// The host; `None` for `tel:` and unknown schemes.
    #[must_use]
    pub fn host(&self) -> Option<Host<'_>> {
        if self.scheme().has_host() { host(self.host_str()) } else { None }
    }

    /// The host as received, an IPv6 address in its brackets; empty where there is none.
    #[must_use]
    pub fn host_str(&self) -> &str {
        self.slice(self.parts.host_start..self.parts.host_end)
    }

    /// The port, if one is given.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.parts.port
    }

    /// The value of a parameter: `None` if it is absent, `Some(None)` if it has no value.
    /// Names are compared without regard to case; values are still escaped.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Option<&str>> {
        self.params().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The parameters in order, still escaped.
    #[must_use]
    pub fn params(&self) -> param::ParamIter<'_> {
        param::ParamIter::new(self.slice(self.parts.params..self.parts.headers))
    }

    /// The header fields after the `?`, `name` and `value`, still escaped (RFC 3261 §19.1.1).
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let text = self.text.get(usize::from(self.parts.headers) + 1..).unwrap_or_default();
        text.split('&').filter_map(|field| field.split_once('='))
    }

    /// Whether there is a `?` part.
    #[must_use]
    pub fn has_headers(&self) -> bool {
        usize::from(self.parts.headers) < self.text.len()
    }

    /// All after the scheme and its colon; for `tel:`, without the parameters.
    #[must_use]
    pub fn opaque(&self) -> &str {
        let end = match self.scheme() {
            Scheme::Tel => usize::from(self.parts.params),
            _ => self.text.len(),
        };
        &self.text[usize::from(self.parts.colon) + 1..end]
    }

    /// Whether the URI carries `lr`, loose routing (RFC 3261 §19.1.1).
    #[must_use]
    pub fn is_loose_router(&self) -> bool {
        self.param("lr").is_some()
    }

    /// A copy which does not keep the received buffer alive.
    #[must_use]
    pub fn detached(&self) -> Uri {
        Uri { text: super::detach(&self.text), parts: self.parts }
    }

    pub(super) fn host_start(&self) -> usize {
        self.parts.host_start.into()
    }

    fn slice(&self, range: Range<u16>) -> &str {
        &self.text[usize::from(range.start)..usize::from(range.end)]
    }
}

fn split(text: &str) -> Result<Parts, UriError> {
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
        _ => split_sip(text, &mut parts)?,
    }
    Ok(parts)
}

/// An index into a text whose length was checked to fit.
fn at(index: usize) -> u16 {
    debug_assert!(index <= Uri::MAX_LEN);
    index as u16
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
    i += host_span(&octets[i..]);
    parts.host_end = at(i);
    spanned_host(&text[usize::from(parts.host_start)..i]).ok_or(UriError::Host)?;
    if octets.get(i) == Some(&b':') {
        let digits = octets[i + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
        let port = super::token::number(&text[i + 1..i + 1 + digits]);
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

/// How far a host reaches: to the closing bracket, or over the characters of a name.
pub(super) fn host_span(octets: &[u8]) -> usize {
    if octets.first() == Some(&b'[') {
        return memchr::memchr(b']', octets).map_or(octets.len(), |i| i + 1);
    }
    chars::span(octets, chars::HOST)
}

/// The host spelled by the text, if it is one.
pub(super) fn host(text: &str) -> Option<Host<'_>> {
    if text.starts_with('[') || chars::all(text.as_bytes(), chars::HOST) {
        spanned_host(text)
    } else {
        None
    }
}

/// The same for text that [`host_span`] has passed.
pub(super) fn spanned_host(text: &str) -> Option<Host<'_>> {
    if let Some(inner) = text.strip_prefix('[') {
        return inner.strip_suffix(']').and_then(ipv6).map(Host::V6);
    }
    match ipv4(text.as_bytes()) {
        Some(ip) => Some(Host::V4(ip)),
        None if is_name(text.as_bytes()) => Some(Host::Name(text)),
        None => None,
    }
}

/// `1*3DIGIT` four times; leading zeros are decimal, as the grammar has no octal.
fn ipv4(octets: &[u8]) -> Option<Ipv4Addr> {
    let mut fields = [0u16; 4];
    let (mut field, mut digits) = (0, 0);
    for &b in octets {
        match b {
            b'0'..=b'9' if digits < 3 => {
                fields[field] = fields[field] * 10 + u16::from(b - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && field < 3 => {
                field += 1;
                digits = 0;
            }
            _ => return None,
        }
    }
    let [a, b, c, d] = fields.map(u8::try_from);
    if field < 3 || digits == 0 { None } else { Some([a.ok()?, b.ok()?, c.ok()?, d.ok()?].into()) }
}

/// An IPv6 address, also with the extra colon of RFC 3261's grammar (RFC 5118 §4.10).
pub(super) fn ipv6(text: &str) -> Option<Ipv6Addr> {
    memchr::memchr(b':', text.as_bytes())?;
    text.parse().ok().or_else(|| {
        let (head, tail) = text.split_once(":::").filter(|(_, tail)| tail.contains('.'))?;
        format!("{head}::{tail}").parse().ok()
    })
}

/// Labels of host characters, none empty, none with a hyphen at its ends, the last not beginning
/// with a digit, and a dot at the end if need be; at most 255 octets.
fn is_name(octets: &[u8]) -> bool {
    let octets = octets.strip_suffix(b".").unwrap_or(octets);
    let mut last = 0;
    for label in octets.split(|&b| b == b'.') {
        match label {
            [] | [b'-', ..] | [.., b'-'] => return false,
            [first, ..] => last = *first,
        }
    }
    !last.is_ascii_digit() && octets.len() <= 255
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

impl PartialEq for Uri {
    fn eq(&self, other: &Uri) -> bool {
        self.text == other.text
    }
}

impl Eq for Uri {}

impl Hash for Uri {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uri({:?})", &*self.text)
    }
}

impl std::str::FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Uri, UriError> {
        Uri::parse(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(text.into()).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn parts_of_a_full_sip_uri() {
        let u = uri(
            "SIP:alice.smith;x=1?y/z:se,cret@[2001:DB8::1]:5070;lr;gr=urn:uuid:f81d?Subject=a&To=",
        );
        assert_eq!((u.scheme(), u.scheme_str()), (Scheme::Sip, "SIP"));
        assert_eq!(u.user(), Some("alice.smith;x=1?y/z"));
        assert_eq!(u.password(), Some("se,cret"));
        assert_eq!(u.host(), Some(Host::V6("2001:db8::1".parse().unwrap())));
        assert_eq!((u.host_str(), u.port()), ("[2001:DB8::1]", Some(5070)));
        assert!(u.is_loose_router() && u.param("LR") == Some(None));
        assert_eq!(u.param("gr"), Some(Some("urn:uuid:f81d")));
        assert_eq!(u.headers().collect::<Vec<_>>(), [("Subject", "a"), ("To", "")]);
        assert_eq!(u.to_string(), u.as_str());
    }

    #[test]
    fn other_schemes() {
        let u = uri("im:juliet%40x@example.com?subject=hi");
        assert_eq!(
            (u.scheme(), u.user(), u.host_str()),
            (Scheme::Im, Some("juliet%40x"), "example.com")
        );
        let u = uri("tel:+1-201-555-0123;phone-context=example.com");
        assert_eq!((u.opaque(), u.host(), u.user()), ("+1-201-555-0123", None, None));
        assert_eq!(u.param("phone-context"), Some(Some("example.com")));
        let u = uri("soap.beep://192.0.2.103:3002");
        assert_eq!((u.scheme(), u.opaque()), (Scheme::Other, "//192.0.2.103:3002"));
        assert_eq!(uri("tel:*21#;phone-context=+49").opaque(), "*21#");
        assert_eq!(uri("pres:example.com").user(), None);
        assert_eq!(uri("urn:service:sos").scheme_str(), "urn");
    }

    #[test]
    fn hosts() {
        assert_eq!(uri("sip:192.0.2.1").host(), Some(Host::V4([192, 0, 2, 1].into())));
        assert_eq!(uri("sip:a@my_host.example.").host_str(), "my_host.example.");
        let (bug, right) =
            (uri("sip:user@[2001:db8:::192.0.2.1]"), uri("sip:user@[2001:db8::192.0.2.1]"));
        assert_eq!(bug.host(), right.host());
        for bad in [
            "sip:",
            "sip:a@",
            "sip:a..b",
            "sip:-a.b",
            "sip:a-.b",
            "sip:1.2.3",
            "sip:1.2.3.256",
            "sip:[::1",
            "sip:[x]",
            "sip:[2001:db8:::1]",
            "sip:2001:db8::10",
            "sip:host.4",
            "sip:.",
            "sip:[::1]x",
            "sip:é",
        ] {
            assert!(Uri::parse(bad.into()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_refused_and_why() {
        for (bad, why) in [
            ("", UriError::Empty),
            ("alan@jasomi.com", UriError::Scheme),
            ("1sip:a", UriError::Scheme),
            (" sip:a@b", UriError::Scheme),
            ("sip:@b", UriError::User),
            ("sip:a b@c", UriError::User),
            ("sip:a\u{e9}@c", UriError::User),
            ("sip:a:b:c@d", UriError::Password),
            ("sip:a@b@c", UriError::Host),
            ("sip:a@b c", UriError::Host),
            ("sip:a@b:", UriError::Port),
            ("sip:a@b:65536", UriError::Port),
            ("sip:a@b:50x", UriError::Port),
            ("sip:a@b;;lr", UriError::Parameter),
            ("sip:a@b;lr ", UriError::Parameter),
            ("sip:a@b;x=\"y\"", UriError::Parameter),
            ("sip:a@b?x", UriError::Headers),
            ("sip:a@b?x=y&", UriError::Headers),
            ("sip:a@b?x=y\r\n", UriError::Headers),
            ("urn:", UriError::Empty),
            ("urn:a b", UriError::Character),
            ("tel:;x", UriError::User),
            ("tel:+1-201-555-a123", UriError::User),
            ("tel:+-", UriError::User),
            ("tel:+1 2", UriError::User),
            ("tel:+1;", UriError::Parameter),
        ] {
            assert_eq!(Uri::parse(bad.into()).unwrap_err(), why, "{bad:?}");
        }
        let long = format!("sip:{}@b", "a".repeat(70_000));
        assert_eq!(Uri::parse(long.as_str().into()).unwrap_err(), UriError::TooLong);
    }
}
