//! Parameters, `;name` and `;name=value` (RFC 3261 §7.3.1, §25.1 `generic-param`).

use std::borrow::Cow;

use super::token::ValueError;
use super::{Text, chars};

/// The parameters of a header field value, checked, in order, as received.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Params(Text);

impl Params {
    /// Parses `*( ";" name [ "=" value ] )`; white space may stand around `;` and `=`.
    pub fn parse(text: Text) -> Result<Params, ValueError> {
        check(text.as_bytes(), 0)?;
        Ok(Params(text))
    }

    /// Text that [`check`] has passed.
    pub(super) fn checked(text: Text) -> Params {
        Params(text)
    }

    /// The value: `None` if the parameter is absent, `Some(None)` if it has no value. A quoted
    /// value keeps its quotes; see [`Params::unquoted`]. Names are compared without case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Option<&str>> {
        get(&self.0, name)
    }

    /// The value of a parameter that has one, without quotes and escapes.
    #[must_use]
    pub fn unquoted(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name).flatten().map(unquote)
    }

    /// Name and value of each, as received.
    #[must_use]
    pub fn iter(&self) -> ParamIter<'_> {
        ParamIter::new(&self.0)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The text as received or built: empty, or beginning with `;`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// These parameters and one more, which takes the place of one of the same name.
    ///
    /// The name keeps its token characters only; a value that is no token is quoted, without
    /// controls. A name without any token character adds nothing.
    #[must_use]
    pub fn with(&self, name: &str, value: Option<&str>) -> Params {
        let mut text = String::with_capacity(self.0.len() + name.len() + 16);
        for (n, v) in self.iter().filter(|(n, _)| !n.eq_ignore_ascii_case(name)) {
            append(&mut text, n, v);
        }
        let name: String =
            name.chars().filter(|c| c.is_ascii() && chars::is(*c as u8, chars::TOKEN)).collect();
        if !name.is_empty() {
            match value {
                Some(v) if !is_value(v) => append(&mut text, &name, Some(&quote(v))),
                plain => append(&mut text, &name, plain),
            }
        }
        Params(text.into())
    }

    /// A copy which does not keep the received buffer alive.
    #[must_use]
    pub fn detached(&self) -> Params {
        Params(super::detach(&self.0))
    }
}

fn append(text: &mut String, name: &str, value: Option<&str>) {
    text.push(';');
    text.push_str(name);
    if let Some(value) = value {
        text.push('=');
        text.push_str(value);
    }
}

/// Whether the value can stand unquoted.
pub(super) fn is_value(value: &str) -> bool {
    !value.is_empty() && chars::all(value.as_bytes(), chars::VALUE)
}

/// Iterates over `name` and `value` of checked parameters.
#[derive(Clone, Debug)]
pub struct ParamIter<'a> {
    rest: &'a str,
}

impl<'a> ParamIter<'a> {
    /// Over text that is empty or begins with `;` (perhaps after white space).
    pub(super) fn new(text: &'a str) -> ParamIter<'a> {
        let start = memchr::memchr(b';', text.as_bytes()).map_or(text.len(), |i| i + 1);
        ParamIter { rest: &text[start..] }
    }
}

impl<'a> Iterator for ParamIter<'a> {
    type Item = (&'a str, Option<&'a str>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let octets = self.rest.as_bytes();
        let end = memchr::memchr2(b';', b'=', octets).unwrap_or(octets.len());
        let name = chars::trim(&self.rest[..end]);
        if octets.get(end) != Some(&b'=') {
            self.rest = self.rest.get(end + 1..).unwrap_or_default();
            return Some((name, None));
        }
        let start = chars::skip_space(octets, end + 1);
        let quoted = match octets.get(start) {
            Some(b'"') => chars::skip_quoted(octets, start).unwrap_or(octets.len()),
            _ => start,
        };
        let end = memchr::memchr(b';', &octets[quoted..]).map_or(octets.len(), |i| quoted + i);
        let value = chars::trim(&self.rest[start..end]);
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        Some((name, Some(value)))
    }
}

/// The value of a parameter in checked text.
pub(super) fn get<'a>(text: &'a str, name: &str) -> Option<Option<&'a str>> {
    ParamIter::new(text).find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Checks parameters from `i` to the end.
pub(super) fn check(octets: &[u8], i: usize) -> Result<(), ValueError> {
    check_each(octets, i, |_| Ok(()))
}

/// Checks parameters from `i` to the end, and each name by `name`.
pub(super) fn check_each(
    octets: &[u8],
    mut i: usize,
    mut name: impl FnMut(&[u8]) -> Result<(), ValueError>,
) -> Result<(), ValueError> {
    loop {
        i = chars::skip_space(octets, i);
        match octets.get(i) {
            None => return Ok(()),
            Some(b';') => {}
            Some(_) => return Err(ValueError::Character),
        }
        let (range, end) = check_one(octets, i + 1)?;
        name(&octets[range])?;
        i = end;
    }
}

/// Checks `name [ "=" value ]` from `i` on; gives the name's range and where the whole ends.
pub(super) fn check_one(
    octets: &[u8],
    i: usize,
) -> Result<(std::ops::Range<usize>, usize), ValueError> {
    let start = chars::skip_space(octets, i);
    let end = start + chars::span(&octets[start..], chars::TOKEN);
    if start == end {
        return Err(ValueError::Parameter);
    }
    let i = chars::skip_space(octets, end);
    if octets.get(i) != Some(&b'=') {
        return Ok((start..end, i));
    }
    let i = chars::skip_space(octets, i + 1);
    if octets.get(i) == Some(&b'"') {
        return Ok((start..end, chars::skip_quoted(octets, i).ok_or(ValueError::Quote)?));
    }
    match chars::span(&octets[i..], chars::VALUE) {
        0 => Err(ValueError::Parameter),
        length => Ok((start..end, i + length)),
    }
}

/// The value without quotes and escapes; controls, which only a `quoted-pair` can carry, are
/// left out.
pub(super) fn unquote(value: &str) -> Cow<'_, str> {
    let Some(inner) = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')) else {
        return Cow::Borrowed(value);
    };
    unescape(inner)
}

/// The inside of a quoted string without its escapes and without controls; a tab, which is white
/// space, becomes a space.
pub(super) fn unescape(inner: &str) -> Cow<'_, str> {
    // The controls above 127 begin with this octet.
    let plain = |b: &u8| *b != b'\\' && *b != 0xc2 && !chars::is(*b, chars::CONTROL);
    if inner.as_bytes().iter().all(plain) {
        return Cow::Borrowed(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut escaped = false;
    for c in inner.chars() {
        if c == '\\' && !escaped {
            escaped = true;
            continue;
        }
        escaped = false;
        match c {
            '\t' => out.push(' '),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The text as a quoted string: `"` and `\` escaped, controls replaced by a space.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    quote_into(&mut out, text);
    out
}

pub(super) fn quote_into(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_and_quotes() {
        let params = Params::parse(r#" ;a ; B = "x;\"y" ;c=d"#.into()).unwrap();
        let all: Vec<_> = params.iter().collect();
        assert_eq!(all, [("a", None), ("B", Some(r#""x;\"y""#)), ("c", Some("d"))]);
        assert_eq!(params.unquoted("b").as_deref(), Some("x;\"y"));
        let params = Params::parse(";a=\"b\tc\\\0\u{85}\u{a9}\";A2".into()).unwrap();
        assert_eq!(params.unquoted("a").as_deref(), Some("b c\u{a9}"), "no control comes out");
        let params = Params::parse(";a;b=c".into()).unwrap();
        assert_eq!(params.get("A"), Some(None));
        assert_eq!(params.get("z"), None);
    }

    #[test]
    fn malformed() {
        for bad in [";", ";;a", ";a=", ";=b", "a", ";a=\"b", ";a b", ";a=b c", ";a=<b>"] {
            assert!(Params::parse(bad.into()).is_err(), "{bad}");
        }
        assert!(Params::parse("".into()).unwrap().is_empty());
    }

    #[test]
    fn building_cannot_break_out() {
        let params = Params::default().with("t\r\nag", Some("a;b\r\nX: y")).with("lr", None);
        assert_eq!(params.as_str(), ";tag=\"a;b  X: y\";lr");
        assert_eq!(params.with("TAG", Some("1")).as_str(), ";lr;TAG=1");
        assert!(Params::parse(params.as_str().into()).is_ok());
    }
}
