//! Challenges and credentials (RFC 3261 §20.7, §20.44, §25.1; RFC 7235 §2.1; RFC 8760): their
//! syntax. What a digest is computed of is in `digest.rs`.

use std::borrow::Cow;

use super::token::ValueError;
use super::{HeaderValue, Items, Text, chars, param};

/// The value of WWW-Authenticate or Proxy-Authenticate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(Auth);

/// The value of Authorization or Proxy-Authorization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials(Auth);

impl Challenge {
    /// A digest challenge without parameters. (Other schemes are read, and never written.)
    #[must_use]
    pub fn digest() -> Challenge {
        Challenge(Auth { scheme: Text::from_static("Digest"), params: Text::new() })
    }

    /// Parses `scheme LWS auth-param *( COMMA auth-param )`. Of two parameters with one name, the
    /// first counts.
    pub fn parse(value: &Text) -> Result<Challenge, ValueError> {
        Auth::parse(value).map(Challenge)
    }

    /// The scheme, as received.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.0.scheme
    }

    /// Whether the scheme is Digest.
    #[must_use]
    pub fn is_digest(&self) -> bool {
        self.0.is_digest()
    }

    /// A parameter's value, without quotes: `realm`, `nonce`, `opaque`, `algorithm`, ...
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.param(name)
    }

    /// Whether `stale` is true: the nonce has expired, the password was right.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.param("stale").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Whether `qop` offers the quality of protection.
    #[must_use]
    pub fn offers_qop(&self, qop: &str) -> bool {
        let offered = self.param("qop").unwrap_or_default();
        Items::new(&offered).any(|item| item.eq_ignore_ascii_case(qop))
    }

    /// Adds a parameter whose grammar wants quotes (`realm`, `nonce`, `opaque`, `qop`, `domain`).
    #[must_use]
    pub fn quoted(self, name: &str, value: &str) -> Challenge {
        Challenge(self.0.with(name, param::quote(value)))
    }

    /// Adds a parameter whose grammar wants none (`algorithm`, `stale`); a value that is no token
    /// is quoted all the same.
    #[must_use]
    pub fn token(self, name: &str, value: &str) -> Challenge {
        Challenge(self.0.with(name, token(value)))
    }

    /// As a header field value.
    #[must_use]
    pub fn to_value(&self) -> HeaderValue {
        self.0.to_value()
    }
}

impl Credentials {
    /// Digest credentials without parameters. (Other schemes are read, and never written.)
    #[must_use]
    pub fn digest() -> Credentials {
        Credentials(Auth { scheme: Text::from_static("Digest"), params: Text::new() })
    }

    /// Parses `scheme LWS auth-param *( COMMA auth-param )`.
    pub fn parse(value: &Text) -> Result<Credentials, ValueError> {
        Auth::parse(value).map(Credentials)
    }

    /// The scheme, as received.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.0.scheme
    }

    /// Whether the scheme is Digest.
    #[must_use]
    pub fn is_digest(&self) -> bool {
        self.0.is_digest()
    }

    /// A parameter's value, without quotes: `username`, `realm`, `nonce`, `uri`, `response`,
    /// `algorithm`, `cnonce`, `opaque`, `qop`, `nc`, ...
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.param(name)
    }

    /// The nonce count, eight hexadecimal digits.
    #[must_use]
    pub fn nonce_count(&self) -> Option<u32> {
        let digits = self.param("nc").filter(|nc| nc.len() == 8)?;
        let legal = digits.bytes().all(|b| b.is_ascii_hexdigit());
        if legal { u32::from_str_radix(&digits, 16).ok() } else { None }
    }

    /// Adds a parameter whose grammar wants quotes (`username`, `realm`, `nonce`, `uri`,
    /// `response`, `cnonce`, `opaque`).
    #[must_use]
    pub fn quoted(self, name: &str, value: &str) -> Credentials {
        Credentials(self.0.with(name, param::quote(value)))
    }

    /// Adds a parameter whose grammar wants none (`algorithm`, `qop`, `nc`); a value that is no
    /// token is quoted all the same.
    #[must_use]
    pub fn token(self, name: &str, value: &str) -> Credentials {
        Credentials(self.0.with(name, token(value)))
    }

    /// As a header field value.
    #[must_use]
    pub fn to_value(&self) -> HeaderValue {
        self.0.to_value()
    }
}

fn token(value: &str) -> String {
    let legal = !value.is_empty() && chars::all(value.as_bytes(), chars::TOKEN);
    if legal { value.to_owned() } else { param::quote(value) }
}

/// A scheme and its parameters: the text after the scheme, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Auth {
    scheme: Text,
    params: Text,
}

impl Auth {
    fn parse(value: &Text) -> Result<Auth, ValueError> {
        let text = chars::trim(value);
        let end = chars::span(text.as_bytes(), chars::TOKEN);
        if end == 0 {
            return Err(ValueError::Empty);
        }
        if text.as_bytes().get(end).is_some_and(|&b| !chars::is_space(b)) {
            return Err(ValueError::Character);
        }
        let params = chars::trim(&text[end..]);
        // A digest has no token68, which `Digest nonce=` would be.
        if text[..end].eq_ignore_ascii_case("Digest") || !is_token68(params) {
            Items::new(params).try_for_each(check)?;
        }
        Ok(Auth { scheme: value.slice_ref(&text[..end]), params: value.slice_ref(params) })
    }

    fn is_digest(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("Digest")
    }

    fn param(&self, name: &str) -> Option<Cow<'_, str>> {
        let pairs = Items::new(&self.params).filter_map(|item| item.split_once('='));
        let mut found = pairs.filter(|(n, _)| chars::trim(n).eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| param::unquote(chars::trim(value)))
    }

    fn with(self, name: &str, value: String) -> Auth {
        let legal = |c: &char| c.is_ascii() && chars::is(*c as u8, chars::TOKEN);
        let name: String = name.chars().filter(legal).collect();
        if name.is_empty() {
            return self;
        }
        let separator = if self.params.is_empty() { "" } else { ", " };
        let params = format!("{}{separator}{name}={value}", self.params);
        Auth { params: params.into(), ..self }
    }

    fn to_value(&self) -> HeaderValue {
        let space = if self.params.is_empty() { "" } else { " " };
        let value = format!("{}{space}{}", self.scheme, self.params);
        HeaderValue::from_legal_text(value.into())
    }
}

/// `auth-param`: a token, `=`, a token or quoted string.
fn check(item: &str) -> Result<(), ValueError> {
    let (range, end) = param::check_one(item.as_bytes(), 0)?;
    let has_value = memchr::memchr(b'=', &item.as_bytes()[range.end..]).is_some();
    if !has_value {
        return Err(ValueError::Parameter);
    }
    if end == item.len() { Ok(()) } else { Err(ValueError::Character) }
}

fn is_token68(params: &str) -> bool {
    let bare = params.trim_end_matches('=');
    !bare.is_empty() && chars::all(bare.as_bytes(), chars::TOKEN68)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge() {
        let value = r#"Digest realm="atlanta, \"inc\"", domain="sip:ss1.carrier.com", qop="auth,auth-int", nonce="f84f1cec", opaque="", stale=FALSE, algorithm=MD5"#;
        let c = Challenge::parse(&value.into()).unwrap();
        assert!(c.is_digest() && !c.is_stale() && c.offers_qop("auth-int") && !c.offers_qop("x"));
        assert_eq!(c.param("realm").as_deref(), Some("atlanta, \"inc\""));
        assert_eq!((c.param("Opaque").as_deref(), c.param("none")), (Some(""), None));
    }

    #[test]
    fn credentials() {
        let value =
            r#"Digest username="bob",nc=00000001 , uri="sip:bob@biloxi.com;a=b",response="6629""#;
        let c = Credentials::parse(&value.into()).unwrap();
        assert_eq!(
            (c.nonce_count(), c.param("uri").as_deref()),
            (Some(1), Some("sip:bob@biloxi.com;a=b"))
        );
        let c = Credentials::digest().quoted("username", "b\"o\r\nb").token("nc", "00000002");
        assert_eq!(c.to_value().as_str(), Some("Digest username=\"b\\\"o  b\", nc=00000002"));
        assert_eq!(Credentials::parse(&c.to_value().to_text()), Ok(c));
    }

    #[test]
    fn other_schemes_and_malformed_values() {
        for good in
            ["NoOneKnowsThisScheme opaque-data=here", "Bearer mF_9.B5f-4.1JqM==", "Negotiate"]
        {
            assert!(Credentials::parse(&good.into()).is_ok(), "{good}");
        }
        for bad in [
            "",
            "Digest realm=\"x",
            "Digest a=b, c",
            "Digest =x",
            "Digest,x",
            "Digest a=b c",
            "Digest a=",
        ] {
            assert!(Credentials::parse(&bad.into()).is_err(), "{bad}");
        }
    }
}
