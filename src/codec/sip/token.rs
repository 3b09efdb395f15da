//! Small legal values: `token`, `callid` (RFC 3261 §25.1), and what can be wrong with any value.

use std::fmt;

use super::{Text, UriError, chars};

/// What is wrong with a header field value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Nothing there where something is required.
    #[error("is empty")]
    Empty,
    /// An octet the grammar does not allow in its place.
    #[error("has a character that is not allowed there")]
    Character,
    /// A quoted string without its end.
    #[error("has an unbalanced quote")]
    Quote,
    /// A `<` without its `>`, or the other way round.
    #[error("has an unbalanced angle bracket")]
    Bracket,
    /// A URI that holds `?` or `,` stands outside angle brackets (RFC 3261 §20).
    #[error("needs angle brackets around its URI")]
    BracketsNeeded,
    /// A parameter without a name, or with `=` and no value.
    #[error("has a malformed parameter")]
    Parameter,
    /// Not a number, or out of its range.
    #[error("has a number out of range")]
    Number,
    /// Not `SIP/2.0/...`.
    #[error("is not of protocol SIP/2.0")]
    Protocol,
    /// Not a host name or IP address.
    #[error("has a malformed host")]
    Host,
    /// Octets that are not UTF-8 where UTF-8 is required.
    #[error("is not UTF-8")]
    Utf8,
    /// Its URI is malformed.
    #[error("has a URI that {0}")]
    Uri(#[from] UriError),
    /// Longer than a value may be.
    #[error("is too long")]
    TooLong,
    /// A header that may be there once is there with two different values.
    #[error("is there more than once")]
    Repeated,
    /// A date that is not an RFC 1123 date in GMT (RFC 3261 §20.17).
    #[error("is not a date in GMT")]
    Date,
}

/// A `token` (RFC 3261 §25.1): letters, digits and ``-.!%*_+`'~``, at least one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Token(Text);

impl Token {
    /// The text as a token, if it is one.
    pub fn new(text: Text) -> Option<Token> {
        (!text.is_empty() && chars::all(text.as_bytes(), chars::TOKEN)).then_some(Token(text))
    }

    /// The token's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The token's text, by value.
    #[must_use]
    pub fn into_text(self) -> Text {
        self.0
    }
}

/// The value of Call-ID (RFC 3261 §8.1.1.4, §20.8): compared octet by octet, case-sensitive.
///
/// Any visible ASCII is accepted, a little more than the grammar's `word ["@" word]`, since peers
/// do send more and the value is only ever compared and echoed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(Text);

impl CallId {
    /// The text as a Call-ID, if it is one.
    pub fn new(text: Text) -> Result<CallId, ValueError> {
        if text.is_empty() {
            return Err(ValueError::Empty);
        }
        if !chars::all(text.as_bytes(), chars::VISIBLE) {
            return Err(ValueError::Character);
        }
        Ok(CallId(text))
    }

    /// The value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value as shared text.
    #[must_use]
    pub fn as_text(&self) -> &Text {
        &self.0
    }

    /// A copy that does not keep the received buffer alive.
    #[must_use]
    pub fn detached(&self) -> CallId {
        CallId(super::detach(&self.0))
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::ops::Deref for CallId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for CallId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Token {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// A decimal number of seconds, `delta-seconds` (RFC 3261 §25.1); what exceeds 2^32-1 counts as
/// 2^32-1 (RFC 9111 §1.2.2 has the same rule), so that absurd values are capped, not refused.
pub(super) fn delta_seconds(text: &str) -> Result<u32, ValueError> {
    let text = chars::trim(text);
    if text.is_empty() {
        return Err(ValueError::Empty);
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ValueError::Number);
    }
    Ok(text.parse().unwrap_or(u32::MAX))
}

/// A decimal number which must fit.
pub(super) fn number<T: std::str::FromStr>(digits: &str) -> Result<T, ValueError> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ValueError::Number);
    }
    digits.parse().map_err(|_| ValueError::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_call_ids() {
        assert!(Token::new("a-.!%*_+`'~".into()).is_some());
        assert!(Token::new("a b".into()).is_none() && Token::new("".into()).is_none());
        assert!(CallId::new("intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{".into()).is_ok());
        assert_eq!(CallId::new("a\r\nb".into()), Err(ValueError::Character));
        assert_eq!(CallId::new("".into()), Err(ValueError::Empty));
    }

    #[test]
    fn numbers_do_not_wrap() {
        assert_eq!(delta_seconds("3600"), Ok(3600));
        assert_eq!(delta_seconds("280297596632815"), Ok(u32::MAX));
        assert_eq!(delta_seconds("-1"), Err(ValueError::Number));
        assert_eq!(number::<u8>("256"), Err(ValueError::Number));
        assert_eq!(number::<u8>("+5"), Err(ValueError::Number));
    }
}
