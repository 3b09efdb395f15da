//! `name-addr` and `addr-spec` with header parameters: From, To, Contact, Route and their like
//! (RFC 3261 §20.10, §25.1).

use std::borrow::Cow;

use bytes::Bytes;

use super::token::ValueError;
use super::{HeaderValue, Params, Text, Uri, chars, param};

/// An address: display name, URI, parameters. A received one is echoed exactly as it came.
#[derive(Clone, Debug)]
pub struct NameAddr {
    /// The received octets with all that was added since; `None` for one built here.
    raw: Option<Bytes>,
    display: Option<Text>,
    uri: Uri,
    params: Params,
}

impl NameAddr {
    /// An address of this URI without display name and parameters.
    #[must_use]
    pub fn new(uri: Uri) -> NameAddr {
        NameAddr { raw: None, display: None, uri, params: Params::default() }
    }

    /// Parses one value (for lists: one item), either form. In the `addr-spec` form, parameters
    /// belong to the header (RFC 3261 §20), and a URI with `?` or `,` is refused.
    ///
    /// Unquoted display names may hold more than the grammar's tokens, such as UTF-8, but no
    /// comma, semicolon, quote or backslash.
    pub fn parse(value: Text) -> Result<NameAddr, ValueError> {
        let value = super::trimmed(value);
        let (display, uri, params) = NameAddr::read(&value)?;
        Ok(NameAddr { raw: Some(value.into_bytes()), display, uri, params })
    }

    /// Parses a received value. Octets that are not UTF-8 are read as Latin-1 and echoed as they
    /// came.
    pub(super) fn parse_value(value: &HeaderValue) -> Result<NameAddr, ValueError> {
        if let Some(text) = value.as_text() {
            return NameAddr::parse(text.clone());
        }
        let (display, uri, params) = NameAddr::read(&value.to_text())?;
        Ok(NameAddr { raw: Some(value.to_bytes()), display, uri, params })
    }

    fn read(value: &Text) -> Result<(Option<Text>, Uri, Params), ValueError> {
        let parts = split(value)?;
        let mut tags = 0;
        param::check_each(value.as_bytes(), parts.params, |name| {
            tags += usize::from(name.eq_ignore_ascii_case(b"tag"));
            if tags > 1 { Err(ValueError::Repeated) } else { Ok(()) }
        })?;
        let uri = Uri::parse(value.slice_ref(parts.uri))?;
        let params = match &value[parts.params..] {
            "" => Params::default(),
            params => Params::checked(value.slice_ref(params)),
        };
        Ok((parts.display.and_then(|inner| display(value, inner)), uri, params))
    }

    /// The display name without quotes and escapes, if there is one that is not empty. Controls,
    /// which only a `quoted-pair` can carry, are left out.
    #[must_use]
    pub fn display_name(&self) -> Option<&str> {
        self.display.as_deref()
    }

    /// The URI.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The header parameters.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The `tag` parameter (RFC 3261 §19.3).
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag").flatten()
    }

    /// This address with a tag, in place of any it has. A received address keeps its text and
    /// gets the tag at its end. What a parameter value cannot hold is left out of the tag.
    #[must_use]
    pub fn with_tag(&self, tag: &str) -> NameAddr {
        let tag = legal_tag(tag);
        if tag.is_empty() {
            return self.clone();
        }
        let echo = self.raw.as_ref().filter(|_| self.tag().is_none());
        let raw = echo.map(|raw| [raw, &b";tag="[..], tag.as_bytes()].concat().into());
        NameAddr {
            raw,
            display: self.display.clone(),
            uri: self.uri.clone(),
            params: self.params.with("tag", Some(&tag)),
        }
    }

    /// Sets the display name; quotes and backslashes are escaped when written, controls removed.
    #[must_use]
    pub fn display(mut self, name: &str) -> NameAddr {
        let clean: String = name.chars().filter(|c| !c.is_control()).collect();
        self.display = Some(clean.into()).filter(|n: &Text| !n.is_empty());
        self.raw = None;
        self
    }

    /// Sets a header parameter; see [`Params::with`].
    #[must_use]
    pub fn param(mut self, name: &str, value: Option<&str>) -> NameAddr {
        self.params = self.params.with(name, value);
        self.raw = None;
        self
    }

    /// A copy which does not keep the received buffer alive.
    #[must_use]
    pub fn detached(&self) -> NameAddr {
        NameAddr {
            raw: self.raw.as_deref().map(Bytes::copy_from_slice),
            display: self.display.as_ref().map(super::detach),
            uri: self.uri.detached(),
            params: self.params.detached(),
        }
    }

    /// Appends the value as received, or `"display" <uri>;params` if it was built here.
    pub fn write(&self, out: &mut Vec<u8>) {
        if let Some(raw) = &self.raw {
            out.extend_from_slice(raw);
            return;
        }
        if let Some(name) = &self.display {
            out.extend_from_slice(param::quote(name).as_bytes());
            out.push(b' ');
        }
        out.push(b'<');
        out.extend_from_slice(self.uri.as_str().as_bytes());
        out.push(b'>');
        out.extend_from_slice(self.params.as_str().as_bytes());
    }

    /// The value as a header field value.
    #[must_use]
    pub fn to_value(&self) -> HeaderValue {
        let mut out = Vec::with_capacity(64);
        self.write(&mut out);
        HeaderValue::from_legal(out.into())
    }
}

/// Two addresses are equal if display name, URI text and parameters are; not how they were quoted.
impl PartialEq for NameAddr {
    fn eq(&self, other: &NameAddr) -> bool {
        self.display == other.display
            && self.uri == other.uri
            && self.params.iter().eq(other.params.iter())
    }
}

impl Eq for NameAddr {}

impl From<&NameAddr> for HeaderValue {
    fn from(address: &NameAddr) -> HeaderValue {
        address.to_value()
    }
}

struct Split<'a> {
    /// The display name, still escaped.
    display: Option<&'a str>,
    uri: &'a str,
    /// Where the parameters begin.
    params: usize,
}

fn split(value: &str) -> Result<Split<'_>, ValueError> {
    let octets = value.as_bytes();
    match octets.first() {
        None => Err(ValueError::Empty),
        Some(b'"') => {
            let end = chars::skip_quoted(octets, 0).ok_or(ValueError::Quote)?;
            let open = chars::skip_space(octets, end);
            bracketed(value, open, Some(&value[1..end - 1]))
        }
        Some(_) => match memchr::memchr2(b'<', b';', octets) {
            Some(i) if octets[i] == b'<' => {
                let name = chars::trim(&value[..i]);
                if !chars::all(name.as_bytes(), chars::DISPLAY) {
                    return Err(ValueError::Character);
                }
                bracketed(value, i, Some(name))
            }
            end => bare(value, end.unwrap_or(value.len())),
        },
    }
}

fn bracketed<'a>(
    value: &'a str,
    open: usize,
    display: Option<&'a str>,
) -> Result<Split<'a>, ValueError> {
    let octets = value.as_bytes();
    if octets.get(open) != Some(&b'<') {
        return Err(ValueError::Character);
    }
    let close = memchr::memchr(b'>', &octets[open..]).ok_or(ValueError::Bracket)? + open;
    Ok(Split { display, uri: &value[open + 1..close], params: close + 1 })
}

fn bare(value: &str, end: usize) -> Result<Split<'_>, ValueError> {
    let uri = chars::trim(&value[..end]);
    if memchr::memchr2(b'?', b',', uri.as_bytes()).is_some() {
        return Err(ValueError::BracketsNeeded);
    }
    Ok(Split { display: None, uri, params: end })
}

fn legal_tag(tag: &str) -> Cow<'_, str> {
    if chars::all(tag.as_bytes(), chars::VALUE) {
        return Cow::Borrowed(tag);
    }
    tag.chars().filter(|c| c.is_ascii() && chars::is(*c as u8, chars::VALUE)).collect()
}

/// The display name of the escaped inside; a slice where it can be.
fn display(value: &Text, inner: &str) -> Option<Text> {
    let name = match param::unescape(inner) {
        Cow::Borrowed(name) => value.slice_ref(name),
        Cow::Owned(name) => name.into(),
    };
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> NameAddr {
        NameAddr::parse(text.into()).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    fn written(address: &NameAddr) -> String {
        let mut out = Vec::new();
        address.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn both_forms() {
        let a = parse(r#"  "J Rosenberg \\\"" <sip:jd@example.com;lr> ; tag = 98asjd8 "#);
        assert_eq!(a.display_name(), Some(r#"J Rosenberg \""#));
        assert_eq!((a.uri().as_str(), a.tag()), ("sip:jd@example.com;lr", Some("98asjd8")));
        let a = parse("sip:+1650@ss1.example.net;user=phone;tag=4");
        assert_eq!(a.uri().as_str(), "sip:+1650@ss1.example.net");
        assert_eq!((a.params().get("user"), a.tag()), (Some(Some("phone")), Some("4")));
        assert_eq!(a.display_name(), None);
        let a = parse("caller<sip:caller@example.com>;x=\"<a;b>\"");
        assert_eq!(a.display_name(), Some("caller"));
        assert_eq!(parse("Zoë V. <sip:z@h>").display_name(), Some("Zoë V."));
        assert_eq!(parse("\"\" <sip:z@h>").display_name(), None);
        assert_eq!(
            parse("\"BEL:\\\u{7} NUL:\\\0 DEL:\\\u{7f}\" <sip:z@h>").display_name(),
            Some("BEL: NUL: DEL:")
        );
    }

    #[test]
    fn malformed() {
        for (bad, why) in [
            ("", ValueError::Empty),
            ("Bell, Alexander <sip:a.g.bell@example.com>;tag=43", ValueError::Character),
            ("\"Mr. J. User <sip:j.user@example.com>", ValueError::Quote),
            ("\"Watson\" < sip:t@example.org >", ValueError::Uri(super::super::UriError::Scheme)),
            ("<sip:a@b", ValueError::Bracket),
            ("sip:a@b?Route=%3C", ValueError::BracketsNeeded),
            ("sip:a@b,sip:c@d", ValueError::BracketsNeeded),
            ("\"x\" sip:a@b", ValueError::Character),
            ("<sip:a@b>;;;;", ValueError::Parameter),
            ("<sip:a@b> x", ValueError::Character),
            ("<sip:a@b>,<sip:c@d>", ValueError::Character),
            ("<sip:a@b>;tag=", ValueError::Parameter),
            ("<sip:a@b>;tag=1;x;TAG=1", ValueError::Repeated),
            ("\"a\r\nX: y\" <sip:a@b>", ValueError::Quote),
            ("<sip:a@b>;x=\"\r\nX: y\"", ValueError::Quote),
            ("a\nb <sip:a@b>", ValueError::Character),
        ] {
            assert_eq!(NameAddr::parse(bad.into()).unwrap_err(), why, "{bad}");
        }
    }

    #[test]
    fn received_text_is_echoed_with_the_tag_added() {
        let a = parse("sip:user@example.com ;x=y").with_tag("a73k");
        assert_eq!(written(&a), "sip:user@example.com ;x=y;tag=a73k");
        assert_eq!(a.tag(), Some("a73k"));
        let b = parse("A <sip:u@h>;tag=1;z").with_tag("2");
        assert_eq!(written(&b), "\"A\" <sip:u@h>;z;tag=2");
        assert_eq!(b, parse(&written(&b)));
    }

    #[test]
    fn building_cannot_break_out() {
        let uri = Uri::parse("sip:romeo@example.net".into()).unwrap();
        let a = NameAddr::new(uri).display("Ro\"me\\o\r\nVia: x").with_tag("a\r\nb;c");
        assert_eq!(written(&a), "\"Ro\\\"me\\\\oVia: x\" <sip:romeo@example.net>;tag=abc");
        assert_eq!(parse(&written(&a)), a);
    }

    #[test]
    fn latin_1_is_read_and_echoed() {
        let value = HeaderValue::parsed(Bytes::from_static(b"\"Zo\xeb\" <sip:z@h>;tag=1")).unwrap();
        let a = NameAddr::parse_value(&value).unwrap();
        assert_eq!(a.display_name(), Some("Zoë"));
        assert_eq!(a.to_value().as_bytes(), value.as_bytes());
    }
}
