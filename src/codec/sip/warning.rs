//! Warning (RFC 3261 §20.43).

use super::token::{self, ValueError};
use super::{HeaderValue, Text, chars, param};

/// A warning: why a request was answered as it was, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Three digits: 3xx as in RFC 3261 §20.43; 399 for any other.
    pub code: u16,
    /// The host or pseudonym that adds it.
    pub agent: Text,
    /// The text, without quotes.
    pub text: Text,
}

impl Warning {
    /// Code 399, "Miscellaneous warning".
    pub const MISCELLANEOUS: u16 = 399;

    /// Parses `warn-code SP warn-agent SP warn-text`, one item of the list.
    pub fn parse(item: &Text) -> Result<Warning, ValueError> {
        let (code, rest) = chars::trim(item).split_once(' ').ok_or(ValueError::Character)?;
        if code.len() != 3 {
            return Err(ValueError::Number);
        }
        let (agent, quoted) = chars::trim(rest).split_once(' ').ok_or(ValueError::Character)?;
        let quoted = chars::trim(quoted);
        let whole = quoted.starts_with('"')
            && chars::skip_quoted(quoted.as_bytes(), 0) == Some(quoted.len());
        if !whole {
            return Err(ValueError::Quote);
        }
        let text = match param::unquote(quoted) {
            std::borrow::Cow::Borrowed(text) => item.slice_ref(text),
            std::borrow::Cow::Owned(text) => text.into(),
        };
        Ok(Warning { code: token::number(code)?, agent: item.slice_ref(agent), text })
    }

    /// As a header field value. Codes beyond three digits are written as 399; what an agent's
    /// name may not hold is left out of it.
    #[must_use]
    pub fn to_value(&self) -> HeaderValue {
        let code =
            if (100..1000).contains(&self.code) { self.code } else { Warning::MISCELLANEOUS };
        let legal =
            |c: &char| c.is_ascii() && (chars::is(*c as u8, chars::TOKEN) || "[]:".contains(*c));
        let agent: String = self.agent.chars().filter(legal).collect();
        let agent = if agent.is_empty() { "-" } else { &agent };
        let mut out = format!("{code} {agent} ");
        param::quote_into(&mut out, &self.text);
        HeaderValue::from_legal_text(out.into())
    }
}

impl From<&Warning> for HeaderValue {
    fn from(warning: &Warning) -> HeaderValue {
        warning.to_value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_and_written() {
        let item = r#"370 devnull:5060 "Choose a \"bigger\" pipe""#;
        let w = Warning::parse(&item.into()).unwrap();
        assert_eq!(
            (w.code, &*w.agent, &*w.text),
            (370, "devnull:5060", "Choose a \"bigger\" pipe")
        );
        assert_eq!(w.to_value().as_str(), Some(item));
        for bad in [
            "",
            "1812 overture \"In Progress\"",
            "399 a",
            "399 a b",
            "399 a \"b",
            "399 a \"b\" c",
            "39x a \"b\"",
        ] {
            assert!(Warning::parse(&bad.into()).is_err(), "{bad}");
        }
    }

    #[test]
    fn building_cannot_break_out() {
        let w = Warning { code: 5, agent: "a b\r\n".into(), text: "x\"\r\nY: z".into() };
        assert_eq!(w.to_value().as_str(), Some("399 ab \"x\\\"  Y: z\""));
        assert!(Warning::parse(&w.to_value().to_text()).is_ok());
    }
}
