//! Reason phrases (RFC 3261 §7.2, §25.1 `Reason-Phrase`).

use bytes::Bytes;

use super::{Status, chars};

/// The text after a status code. A received one is kept octet by octet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReasonPhrase(Bytes);

impl ReasonPhrase {
    /// The longest phrase that [`ReasonPhrase::text`] makes, in octets.
    pub const MAX_LEN: usize = 128;

    /// A phrase of this text, within the grammar: quotes become `'`, brackets and braces
    /// parentheses, `%` is escaped, and other characters outside the grammar, controls among them,
    /// become spaces. Cut at [`ReasonPhrase::MAX_LEN`], at a character.
    #[must_use]
    pub fn text(text: &str) -> ReasonPhrase {
        let mut out = String::with_capacity(text.len().min(ReasonPhrase::MAX_LEN));
        for c in text.trim().chars() {
            let mut buffer = [0; 4];
            let replacement = match c {
                '"' | '`' => "'",
                '<' | '[' | '{' => "(",
                '>' | ']' | '}' => ")",
                '\\' => "/",
                '%' => "%25",
                c if c.is_control() => " ",
                c if !c.is_ascii() || chars::is(c as u8, chars::PHRASE) => {
                    c.encode_utf8(&mut buffer)
                }
                _ => " ",
            };
            if out.len() + replacement.len() > ReasonPhrase::MAX_LEN {
                break;
            }
            out.push_str(replacement);
        }
        ReasonPhrase(out.into())
    }

    /// A received phrase; it holds no control but tabs, as the caller has checked.
    pub(super) fn received(octets: Bytes) -> ReasonPhrase {
        ReasonPhrase(octets)
    }

    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The phrase for a person: octets that are not UTF-8 are replaced.
    #[must_use]
    pub fn to_text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl From<Status> for ReasonPhrase {
    fn from(status: Status) -> ReasonPhrase {
        ReasonPhrase(Bytes::from_static(status.reason().as_bytes()))
    }
}

impl From<&str> for ReasonPhrase {
    fn from(text: &str) -> ReasonPhrase {
        ReasonPhrase::text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_within_the_grammar() {
        let phrase = ReasonPhrase::text("no \"such\"\r\nuser <x> 50% #1 é");
        assert_eq!(phrase.to_text(), "no 'such'  user (x) 50%25  1 é");
        let long = ReasonPhrase::text(&"é".repeat(100));
        assert_eq!(long.as_bytes().len(), 128);
        let long = ReasonPhrase::text(&format!("a{}", "é".repeat(100)));
        assert_eq!(long.as_bytes().len(), 127);
        assert_eq!(ReasonPhrase::from(Status::OK).to_text(), "OK");
    }
}
