//! Percent-encoding (RFC 3261 §19.1.2, §25.1 `escaped`).

use std::borrow::Cow;

use super::chars::{self, Class};

/// The sets of octets that stand for themselves; everything else is written `%HH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// The `user` of a SIP URI: unreserved and `&=+$,;?/`.
    User,
    /// The local part of an `im:` or `pres:` URI (RFC 3860 §4, RFC 7247 §6.5): alphanumeric and
    /// ``!$&'*+-./=_~``.
    Mailbox,
    /// The same without the dot: RFC 7247 §6.5 by the letter.
    MailboxStrict,
    /// The local part of an `im:` URI as RFC 3922 §3.2 has it: alphanumeric and `!$*._~+=`; its `?`
    /// as well would begin the headers of a URI.
    Mailbox3922,
    /// The `password` of a SIP URI: unreserved and `&=+$,`.
    Password,
    /// A `pname` or `pvalue`: unreserved and `[]/:&+$`.
    Param,
    /// An `hname` or `hvalue`: unreserved and `[]/?:+$`.
    Header,
    /// Nothing but `unreserved`.
    Unreserved,
}

impl Set {
    fn class(self) -> Class {
        match self {
            Set::User | Set::Mailbox | Set::MailboxStrict | Set::Mailbox3922 => chars::USER,
            Set::Password => chars::PASSWORD,
            Set::Param => chars::PARAM,
            Set::Header => chars::HEADER,
            Set::Unreserved => chars::UNRESERVED,
        }
    }

    /// Octets of the class that do not stand for themselves all the same.
    fn except(self) -> &'static [u8] {
        match self {
            Set::Mailbox => b"%(),;?",
            Set::MailboxStrict => b"%(),;?.",
            Set::Mailbox3922 => b"%&'(),-/;?",
            _ => b"%",
        }
    }
}

/// Appends `octets` to `out`, `%HH` for what is outside the set. A `%` is always encoded.
pub fn encode_into(out: &mut String, octets: &[u8], set: Set) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let (class, except) = (set.class(), set.except());
    for &b in octets {
        if chars::is(b, class) && !except.contains(&b) {
            out.push(char::from(b));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(b >> 4)]));
            out.push(char::from(HEX[usize::from(b & 15)]));
        }
    }
}

/// The octets, percent-encoded.
#[must_use]
pub fn encode(octets: &[u8], set: Set) -> String {
    let mut out = String::with_capacity(octets.len() + 8);
    encode_into(&mut out, octets, set);
    out
}

/// The octets which the text stands for. A `%` without two hexadecimal digits stands for itself
/// (nothing is half-decoded); [`is_well_formed`] tells whether there is one.
#[must_use]
pub fn decode(text: &str) -> Cow<'_, [u8]> {
    let octets = text.as_bytes();
    let Some(first) = memchr::memchr(b'%', octets) else {
        return Cow::Borrowed(octets);
    };
    let mut out = Vec::with_capacity(octets.len());
    out.extend_from_slice(&octets[..first]);
    let mut i = first;
    while let Some(&b) = octets.get(i) {
        match escaped(octets, i) {
            Some(octet) => {
                out.push(octet);
                i += 3;
            }
            None => {
                out.push(b);
                i += 1;
            }
        }
    }
    Cow::Owned(out)
}

/// The text which the text stands for, if it is UTF-8 (RFC 3261 §19.1.2: escaped octets are UTF-8).
#[must_use]
pub fn decode_utf8(text: &str) -> Option<Cow<'_, str>> {
    match decode(text) {
        Cow::Borrowed(_) => Some(Cow::Borrowed(text)),
        Cow::Owned(octets) => String::from_utf8(octets).ok().map(Cow::Owned),
    }
}

/// Whether each `%` is followed by two hexadecimal digits.
#[must_use]
pub fn is_well_formed(text: &str) -> bool {
    let octets = text.as_bytes();
    memchr::memchr_iter(b'%', octets).all(|at| escaped(octets, at).is_some())
}

/// The octet that the three at `at` stand for, if they are an escape.
pub(super) fn escaped(octets: &[u8], at: usize) -> Option<u8> {
    let [b'%', high, low, ..] = *octets.get(at..)? else {
        return None;
    };
    let high = char::from(high).to_digit(16)?;
    let low = char::from(low).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_rule() {
        assert_eq!(encode(b"o'reilly+1;x=y", Set::User), "o'reilly+1;x=y");
        assert_eq!(encode("a@b:c é%".as_bytes(), Set::User), "a%40b%3Ac%20%C3%A9%25");
        assert_eq!(encode(b"a;b=c?d", Set::Param), "a%3Bb%3Dc%3Fd");
    }

    #[test]
    fn mailbox_rule() {
        let all: Vec<u8> = (b' '..=b'~').filter(|b| !b.is_ascii_alphanumeric()).collect();
        let encoded = encode(&all, Set::Mailbox);
        let plain: String = all
            .iter()
            .filter(|b| !encoded.contains(&format!("%{b:02X}")))
            .map(|b| char::from(*b))
            .collect();
        assert_eq!(plain, "!$&'*+-./=_~");
        assert_eq!(encode(b"a(b)@c", Set::Mailbox), "a%28b%29%40c");
    }

    #[test]
    fn stray_percent_stands_for_itself() {
        let text = "here%27s_a_wild_%26_%2Fcr%zy%2F_address%4";
        assert_eq!(&*decode(text), b"here's_a_wild_&_/cr%zy/_address%4");
        assert!(!is_well_formed(text) && is_well_formed("%41%zz".split_at(3).0));
        assert_eq!(decode_utf8("%C3%A9").as_deref(), Some("é"));
        assert_eq!(decode_utf8("%C3"), None);
    }
}
