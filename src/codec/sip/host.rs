//! Hosts (RFC 3261 §25.1 `host`; RFC 5118 for IPv6; RFC 5954).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::chars;

/// The host of a URI or of a `Via`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Host<'a> {
    /// A domain name, as received.
    Name(&'a str),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address.
    V6(Ipv6Addr),
}

impl Host<'_> {
    /// The address, if the host is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match *self {
            Host::Name(_) => None,
            Host::V4(ip) => Some(IpAddr::V4(ip)),
            Host::V6(ip) => Some(IpAddr::V6(ip)),
        }
    }
}

/// How far a host reaches: to the closing bracket, or over the characters of a name.
pub(super) fn span(octets: &[u8]) -> usize {
    if octets.first() == Some(&b'[') {
        return memchr::memchr(b']', octets).map_or(octets.len(), |i| i + 1);
    }
    chars::span(octets, chars::HOST)
}

/// The host spelled by the text, if it is one.
pub(super) fn parse(text: &str) -> Option<Host<'_>> {
    if text.starts_with('[') || chars::all(text.as_bytes(), chars::HOST) {
        spanned(text)
    } else {
        None
    }
}

/// The same for text that [`span`] has passed.
pub(super) fn spanned(text: &str) -> Option<Host<'_>> {
    if let Some(inner) = text.strip_prefix('[') {
        return inner.strip_suffix(']').and_then(ipv6).map(Host::V6);
    }
    match ipv4(text.as_bytes()) {
        Some(ip) => Some(Host::V4(ip)),
        None if is_name(text.as_bytes()) => Some(Host::Name(text)),
        None => None,
    }
}

/// `1*3DIGIT` four times; leading zeros are decimal, as the grammar has no octal.
fn ipv4(octets: &[u8]) -> Option<Ipv4Addr> {
    let mut fields = [0u16; 4];
    let (mut field, mut digits) = (0, 0);
    for &b in octets {
        match b {
            b'0'..=b'9' if digits < 3 => {
                fields[field] = fields[field] * 10 + u16::from(b - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && field < 3 => {
                field += 1;
                digits = 0;
            }
            _ => return None,
        }
    }
    let [a, b, c, d] = fields.map(u8::try_from);
    if field < 3 || digits == 0 { None } else { Some([a.ok()?, b.ok()?, c.ok()?, d.ok()?].into()) }
}

/// An IPv6 address, also with the extra colon of RFC 3261's grammar (RFC 5118 §4.10).
pub(super) fn ipv6(text: &str) -> Option<Ipv6Addr> {
    memchr::memchr(b':', text.as_bytes())?;
    text.parse().ok().or_else(|| {
        let (head, tail) = text.split_once(":::").filter(|(_, tail)| tail.contains('.'))?;
        format!("{head}::{tail}").parse().ok()
    })
}

/// Labels of host characters, none empty, none with a hyphen at its ends, the last not beginning
/// with a digit, and a dot at the end if need be; at most 255 octets.
fn is_name(octets: &[u8]) -> bool {
    let octets = octets.strip_suffix(b".").unwrap_or(octets);
    let mut last = 0;
    for label in octets.split(|&b| b == b'.') {
        match label {
            [] | [b'-', ..] | [.., b'-'] => return false,
            [first, ..] => last = *first,
        }
    }
    !last.is_ascii_digit() && octets.len() <= 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses() {
        for name in ["a", "a-b.c1", "my_host.example.", "1.2.3.4.com", "3com.net", "a.b.c.d.e"] {
            assert_eq!(parse(name), Some(Host::Name(name)));
        }
        let v4 = |text| parse(text).and_then(|host| host.ip());
        assert_eq!(v4("192.0.2.001"), Some([192, 0, 2, 1].into()));
        assert_eq!(v4("255.255.255.255"), Some([255; 4].into()));
        assert_eq!(parse("[::1]"), Some(Host::V6(Ipv6Addr::LOCALHOST)));
        let long = format!("a.{}", "b".repeat(254));
        for bad in [
            "",
            ".",
            "a..b",
            ".a",
            "-a.b",
            "a-.b",
            "a.b-",
            "1.2.3",
            "1.2.3.256",
            "1.2.3.4.5",
            "1.2.3.0004",
            "host.4",
            "[::1",
            "::1",
            "[x]",
            "[1.2.3.4]",
            "[2001:db8:::1]",
            "[fe80::1%eth0]",
            "é",
            "a b",
            &long,
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_extra_colon_before_the_ipv4_part_is_tolerated() {
        assert_eq!(parse("[2001:db8:::192.0.2.1]"), parse("[2001:db8::192.0.2.1]"));
    }
}
