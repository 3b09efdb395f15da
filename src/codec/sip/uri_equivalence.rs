//! When two URIs mean the same (RFC 3261 §19.1.4; RFC 5954 for IPv6; RFC 3966 §4 for `tel:`).

use super::host::Host;
use super::percent;
use super::uri::{Scheme, Uri};

/// Parameters that never match if only one of the URIs has them: RFC 3261 §19.1.4 names the first
/// four in its rules and `transport` in its examples; `gr` tells a GRUU from its address of record
/// (RFC 5627 §5.1: not equivalent).
const DECISIVE: [&str; 6] = ["user", "ttl", "method", "maddr", "transport", "gr"];

impl Uri {
    /// Whether both mean the same by the rules of the scheme: for `sip:` and `sips:` those of
    /// RFC 3261 §19.1.4, which are not transitive.
    #[must_use]
    pub fn equivalent(&self, other: &Uri) -> bool {
        if self == other {
            return true;
        }
        if !is_bounded(self) || !is_bounded(other) {
            return false;
        }
        match self.scheme() {
            Scheme::Other => {
                self.scheme_str().eq_ignore_ascii_case(other.scheme_str())
                    && self.opaque() == other.opaque()
            }
            scheme if scheme != other.scheme() => false,
            Scheme::Tel => {
                same_number(self.opaque(), other.opaque())
                    && same_params(self, other, &[])
                    && same_params(other, self, &[])
            }
            _ => {
                same_text(self.user(), other.user())
                    && same_text(self.password(), other.password())
                    && same_host(self.host(), other.host())
                    && self.port() == other.port()
                    && same_params(self, other, &DECISIVE)
                    && same_params(other, self, &DECISIVE)
                    && same_headers(self, other)
                    && same_headers(other, self)
            }
        }
    }
}

/// Each parameter is looked for among all of the other URI: with more than [`MOST`] of them, only
/// the same text is equivalent.
fn is_bounded(uri: &Uri) -> bool {
    uri.params().count() <= MOST && uri.headers().count() <= MOST
}

/// How many parameters, and how many headers, a URI may have to be compared by its parts.
const MOST: usize = 64;

/// Case-sensitive, escapes resolved. (An escape of a reserved character differs from that character
/// by the letter of §19.1.4; see [`unescape`].)
fn same_text(a: Option<&str>, b: Option<&str>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a == b || unescape(a) == unescape(b),
        (a, b) => a == b,
    }
}

/// Resolves the escapes of characters that are not reserved, which are equivalent to the
/// characters; the others only get their digits in upper case.
fn unescape(text: &str) -> Vec<u8> {
    let octets = text.as_bytes();
    let mut out = Vec::with_capacity(octets.len());
    let mut i = 0;
    while let Some(&b) = octets.get(i) {
        match percent::escaped(octets, i) {
            Some(octet) if b";/?:@&=+$,%".contains(&octet) => {
                out.extend(octets[i..i + 3].iter().map(u8::to_ascii_uppercase));
                i += 3;
            }
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
    out
}

fn same_unescaped_ignoring_case(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || unescape(a).eq_ignore_ascii_case(&unescape(b))
}

fn same_host(a: Option<Host<'_>>, b: Option<Host<'_>>) -> bool {
    match (a, b) {
        (Some(Host::Name(a)), Some(Host::Name(b))) => {
            let root = |name: &str| name.len() - usize::from(name.ends_with('.'));
            a[..root(a)].eq_ignore_ascii_case(&b[..root(b)])
        }
        (a, b) => a == b,
    }
}

/// Whether each parameter of `a` has its like in `b`, or is missing there and not decisive.
/// With no list of decisive ones, every one is.
fn same_params(a: &Uri, b: &Uri, decisive: &[&str]) -> bool {
    a.params().all(|(name, value)| {
        let twin = b.params().find(|(n, _)| same_unescaped_ignoring_case(n, name));
        match twin {
            Some((_, twin)) => match (value, twin) {
                (Some(a), Some(b)) => same_unescaped_ignoring_case(a, b),
                (a, b) => a == b,
            },
            None => !decisive.is_empty() && !decisive.iter().any(|d| d.eq_ignore_ascii_case(name)),
        }
    })
}

fn same_headers(a: &Uri, b: &Uri) -> bool {
    a.headers().all(|(name, value)| {
        b.headers()
            .any(|(n, v)| same_unescaped_ignoring_case(n, name) && same_text(Some(v), Some(value)))
    })
}

/// RFC 3966 §4: visual separators do not count, hexadecimal digits ignore case.
fn same_number(a: &str, b: &str) -> bool {
    let digits = |text: &str| {
        let kept = text.bytes().filter(|b| !b"-.()".contains(b));
        kept.map(|b| b.to_ascii_lowercase()).collect::<Vec<_>>()
    };
    digits(a) == digits(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        let (a, b): (Uri, Uri) = (a.parse().unwrap(), b.parse().unwrap());
        assert_eq!(a.equivalent(&b), b.equivalent(&a));
        a.equivalent(&b)
    }

    /// The examples of RFC 3261 §19.1.4.
    #[test]
    fn rfc_3261_examples() {
        for (a, b) in [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
            ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
        ] {
            assert!(same(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
            ("sip:a@b", "sips:a@b"),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
    }

    #[test]
    fn comparing_is_bounded() {
        let many = format!("sip:a@b{}", ";x".repeat(MOST + 1));
        assert!(same(&many, &many) && !same(&many, "sip:a@b"));
    }

    #[test]
    fn beyond_the_examples() {
        assert!(same("sip:a@[2001:db8::9:1]", "sip:a@[2001:DB8:0::9:01]"));
        assert!(same("sip:a@example.com.", "sip:a@EXAMPLE.com"));
        assert!(!same("sip:a@b;gr=x", "sip:a@b"));
        assert!(!same("sip:a%40b@c", "sip:a%2540b@c"));
        assert!(!same("sip:a:b@c", "sip:a@c"));
        assert!(same("tel:+1-201-555-0123", "tel:+12015550123"));
        assert!(!same("tel:7042;phone-context=example.com", "tel:7042"));
        assert!(same("URN:x:y", "urn:x:y") && !same("urn:x:y", "urn:x:Y"));
        assert!(same("im:a@B", "im:a@b") && !same("im:a@b", "pres:a@b"));
    }
}
