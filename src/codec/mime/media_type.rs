//! Media types: `Content-Type` and the items of `Accept`, RFC 2045 §5.1.

use std::fmt;

use mime::Mime;

/// Octets a `Content-Type` value may have.
const MAX_OCTETS: usize = 1_024;

/// Why a string is no media type; always the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaTypeError {
    /// Not `type/subtype` with tokens, or a parameter that cannot be read.
    #[error("malformed media type")]
    Malformed,
    /// More than 1024 octets.
    #[error("media type too long")]
    TooLong,
}

/// A media type with its parameters. Type, subtype and parameter names are
/// compared without regard to case.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaType(Mime);

impl MediaType {
    /// Parses a field value.
    ///
    /// # Errors
    /// [`MediaTypeError`]
    pub fn parse(value: &str) -> Result<Self, MediaTypeError> {
        if value.len() > MAX_OCTETS {
            return Err(MediaTypeError::TooLong);
        }
        if let Some(parsed) = parse_plain(value.trim_ascii()) {
            return Ok(parsed);
        }
        // `mime` refuses white space that RFC 2045 allows, as in
        // `text/plain ; charset=x`: take it apart and put it together plainly.
        let is_control = |c: char| c.is_ascii_control() && c != '\t';
        if value.contains(is_control) {
            return Err(MediaTypeError::Malformed);
        }
        let parsed = mailparse::parse_content_type(value);
        let mut plain = parsed.mimetype;
        for (name, value) in &parsed.params {
            if value.contains(['"', '\\']) {
                return Err(MediaTypeError::Malformed);
            }
            plain.push_str("; ");
            plain.push_str(name);
            plain.push_str("=\"");
            plain.push_str(value);
            plain.push('"');
        }
        parse_plain(&plain).ok_or(MediaTypeError::Malformed)
    }

    /// `text/plain; charset=utf-8`.
    #[must_use]
    pub fn text_plain() -> Self {
        Self(mime::TEXT_PLAIN_UTF_8)
    }

    /// Type in lower case, for instance `text`.
    #[must_use]
    pub fn type_(&self) -> &str {
        self.0.type_().as_str()
    }

    /// Subtype in lower case with its suffix, for instance `pidf+xml`.
    #[must_use]
    pub fn subtype(&self) -> &str {
        self.essence().split_once('/').map_or("", |(_, subtype)| subtype)
    }

    /// `type/subtype` in lower case, without parameters.
    #[must_use]
    pub fn essence(&self) -> &str {
        self.0.essence_str()
    }

    /// True if type and subtype are these; `essence` is in lower case.
    #[must_use]
    pub fn is(&self, essence: &str) -> bool {
        self.essence() == essence
    }

    /// True for `multipart/*`, RFC 2046 §5.1.
    #[must_use]
    pub fn is_multipart(&self) -> bool {
        self.type_() == "multipart"
    }

    /// Value of a parameter, quotes removed.
    #[must_use]
    pub fn param<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.0.get_param(name).map(|value| value.as_str())
    }

    /// The `charset` parameter, RFC 2046 §4.1.2.
    #[must_use]
    pub fn charset(&self) -> Option<&str> {
        self.param("charset")
    }

    /// The `boundary` parameter, RFC 2046 §5.1.1.
    #[must_use]
    pub fn boundary(&self) -> Option<&str> {
        self.param("boundary")
    }
}

/// `mime` lets an empty subtype pass.
fn parse_plain(value: &str) -> Option<MediaType> {
    let parsed = MediaType(value.parse().ok()?);
    let is_whole = !parsed.type_().is_empty() && !parsed.subtype().is_empty();
    is_whole.then_some(parsed)
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MediaType({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn legal_types_in_every_spelling() {
        for (value, essence, charset) in [
            ("text/plain", "text/plain", None),
            ("Text/Plain;Charset=UTF-8", "text/plain", Some("utf-8")),
            ("text/plain; charset=utf-8", "text/plain", Some("utf-8")),
            ("text/plain ; charset=utf-8", "text/plain", Some("utf-8")),
            ("text/plain;charset = \"utf-8\"", "text/plain", Some("utf-8")),
            (" text/plain;\tcharset=x ", "text/plain", Some("x")),
            ("Message/CPIM", "message/cpim", None),
            ("application/pidf+xml", "application/pidf+xml", None),
            ("text/plain;", "text/plain", None),
            ("text/plain; format=flowed; charset=iso-8859-1", "text/plain", Some("iso-8859-1")),
        ] {
            let parsed = MediaType::parse(value).unwrap_or_else(|e| panic!("{value}: {e}"));
            assert_eq!(parsed.essence(), essence, "{value}");
            assert_eq!(
                parsed.charset().map(str::to_ascii_lowercase).as_deref(),
                charset,
                "{value}"
            );
            assert!(parsed.is(essence));
        }
        assert_eq!(MediaType::parse("application/pidf+xml").unwrap().subtype(), "pidf+xml");
        assert_eq!(MediaType::text_plain().to_string(), "text/plain; charset=utf-8");
    }

    #[test]
    fn boundaries() {
        for value in
            ["multipart/mixed; boundary=\"a b=c\"", "multipart/mixed ; boundary = \"a b=c\""]
        {
            let parsed = MediaType::parse(value).unwrap();
            assert!(parsed.is_multipart());
            assert_eq!(parsed.boundary(), Some("a b=c"));
        }
    }

    #[test]
    fn illegal_types() {
        for value in [
            "",
            "text",
            "text/",
            "/plain",
            "te xt/plain",
            "text/plain\r\nX: y",
            "text/plain; a=\"\u{1}\"",
            "text/pl\u{e9}in",
            ";charset=x",
            "text/plain, text/html",
        ] {
            assert_eq!(MediaType::parse(value), Err(MediaTypeError::Malformed), "{value:?}");
        }
        let long = format!("text/plain; x={}", "y".repeat(2_000));
        assert_eq!(MediaType::parse(&long), Err(MediaTypeError::TooLong));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in "[a-zA-Z/+; =\"\\\\.0-9*'%\t-]{0,32}|[a-z]{1,4}/[a-z]{1,4} ?; ?[a-z*0-9]{1,4} ?= ?\"?[ -~]{0,8}\"?") {
            if let Ok(parsed) = MediaType::parse(&value) {
                let written = parsed.to_string();
                prop_assert!(!written.contains(['\r', '\n']));
                prop_assert_eq!(MediaType::parse(&written).unwrap().to_string(), written);
            }
        }
    }
}
