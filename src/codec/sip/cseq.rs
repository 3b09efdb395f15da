//! CSeq (RFC 3261 §8.1.1.5, §20.16).

use super::token::{self, ValueError};
use super::{Method, Text, chars};

/// The sequence number and method of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CSeq {
    /// The number, less than 2^31.
    pub number: u32,
    /// The method of the request.
    pub method: Method,
}

impl CSeq {
    /// The largest number: "MUST be expressible as a 32-bit unsigned integer and MUST be less than
    /// 2**31" (RFC 3261 §8.1.1.5).
    pub const MAX: u32 = (1 << 31) - 1;

    /// Parses `1*DIGIT LWS Method`.
    pub fn parse(value: &Text) -> Result<CSeq, ValueError> {
        CSeq::read(value)
    }

    pub(super) fn read(value: &str) -> Result<CSeq, ValueError> {
        let text = chars::trim(value);
        let end = text.bytes().position(chars::is_space).ok_or(ValueError::Character)?;
        let (digits, method) = text.split_at(end);
        let number = token::number(digits)?;
        if number > CSeq::MAX {
            return Err(ValueError::Number);
        }
        let method = chars::trim(method);
        let method = Method::known(method.as_bytes()).or_else(|| Method::new(&method.into()));
        Ok(CSeq { number, method: method.ok_or(ValueError::Character)? })
    }
}

impl std::fmt::Display for CSeq {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_methods() {
        let c = CSeq::parse(&"0009   INVITE".into()).unwrap();
        assert_eq!((c.number, &c.method), (9, &Method::Invite));
        assert_eq!(c.to_string(), "9 INVITE");
        assert_eq!(CSeq::parse(&"2147483647 ACK".into()).unwrap().number, CSeq::MAX);
        for bad in
            ["2147483648 ACK", "36893488147419103232 REGISTER", "-1 ACK", "1", "ACK", "", "1 A B"]
        {
            assert!(CSeq::parse(&bad.into()).is_err(), "{bad}");
        }
    }
}
