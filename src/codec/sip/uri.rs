//! URIs: `sip:`, `sips:` (RFC 3261 §19.1), `im:`, `pres:` (RFC 3860, RFC 3859), `tel:` (RFC 3966)
//! and any other absolute URI.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;

use super::addr_spec::Parts;
use super::host::{self, Host};
use super::{Text, param};

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

    pub(super) fn from_name(name: &str) -> Scheme {
        const NAMED: [Scheme; 5] =
            [Scheme::Sip, Scheme::Sips, Scheme::Im, Scheme::Pres, Scheme::Tel];
        let found = NAMED.into_iter().find(|s| s.as_str().eq_ignore_ascii_case(name));
        found.unwrap_or(Scheme::Other)
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

/// A [`Uri`] that is kept for long, and perhaps a million times: it takes less room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptUri {
    text: Box<str>,
    parts: Parts,
}

impl KeptUri {
    /// The URI.
    #[must_use]
    pub fn uri(&self) -> Uri {
        Uri { text: Text::from(&*self.text), parts: self.parts }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Uri {
    /// The longest URI accepted, in octets.
    pub const MAX_LEN: usize = u16::MAX as usize;

    /// Parses a URI (RFC 3261 §25.1 `addr-spec`). White space is not allowed anywhere.
    pub fn parse(text: Text) -> Result<Uri, UriError> {
        let parts = Parts::of(&text)?;
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
        if self.scheme().has_host() { host::parse(self.host_str()) } else { None }
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

    /// The value of a parameter: `None` if it is absent, `Some(None)` if it has no value. Names are
    /// compared without regard to case; of several with one name, which RFC 3261 §19.1.1 forbids,
    /// the first counts. Values are still escaped.
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

    /// The form in which it is kept for long.
    #[must_use]
    pub fn kept(&self) -> KeptUri {
        KeptUri { text: (&*self.text).into(), parts: self.parts }
    }

    pub(super) fn host_start(&self) -> usize {
        self.parts.host_start.into()
    }

    fn slice(&self, range: Range<u16>) -> &str {
        &self.text[usize::from(range.start)..usize::from(range.end)]
    }
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
