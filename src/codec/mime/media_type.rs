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
        if let Ok(parsed) = value.trim_ascii().parse() {
            return Ok(Self(parsed));
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
        plain.parse().map(Self).map_err(|_| MediaTypeError::Malformed)
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
