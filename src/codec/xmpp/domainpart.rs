//! The domainpart of an address, RFC 7622 §3.2.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use super::jid::{JidError, MAX_PART};

/// A host with A-labels, lower case, no trailing dot: the SIP side's form,
/// RFC 7247 §6.1. IP literals stay as they are.
///
/// # Errors
/// [`JidError::Domainpart`] if it is no host.
pub fn domain_to_ascii(domain: &str) -> Result<Cow<'_, str>, JidError> {
    match classify(domain)? {
        Class::Ready(domain) => Ok(domain),
        Class::Labels(domain) => to_a_labels(domain),
    }
}

/// A host with U-labels, lower case, no trailing dot: the XMPP side's form,
/// RFC 7622 §3.2.1. IP literals stay as they are.
///
/// Labels are those of IDNA2008 (UTS 46, non-transitional): `ß` stays.
///
/// # Errors
/// [`JidError::Domainpart`] if it is no host.
pub fn domain_to_unicode(domain: &str) -> Result<Cow<'_, str>, JidError> {
    let domain = match classify(domain)? {
        Class::Ready(domain) => return Ok(domain),
        Class::Labels(domain) => domain,
    };
    to_a_labels(domain)?;
    let (unicode, result) =
        Uts46::new().to_unicode(domain.as_bytes(), AsciiDenyList::URL, Hyphens::Check);
    result.map_err(|_| JidError::Domainpart)?;
    if unicode.len() > MAX_PART {
        return Err(JidError::Length);
    }
    Ok(unicode)
}

enum Class<'a> {
    /// The same on both sides.
    Ready(Cow<'a, str>),
    /// To be converted.
    Labels(&'a str),
}

fn classify(domain: &str) -> Result<Class<'_>, JidError> {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    if domain.len() > MAX_PART {
        return Err(JidError::Length);
    }
    if is_plain_domain(domain.as_bytes()) {
        return Ok(Class::Ready(Cow::Borrowed(domain)));
    }
    if is_ip_literal(domain) {
        let has_upper = domain.bytes().any(|b| b.is_ascii_uppercase());
        let lower = || Cow::Owned(domain.to_ascii_lowercase());
        return Ok(Class::Ready(if has_upper { lower() } else { Cow::Borrowed(domain) }));
    }
    Ok(Class::Labels(domain))
}

fn to_a_labels(domain: &str) -> Result<Cow<'_, str>, JidError> {
    // The library lets an empty last label pass.
    Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::URL, Hyphens::Check, DnsLength::Verify)
        .ok()
        .filter(|ascii| !ascii.ends_with('.'))
        .ok_or(JidError::Domainpart)
}

/// Lower-case host names without A-labels, as they nearly always are.
pub(super) fn is_plain_domain(domain: &[u8]) -> bool {
    // Octets since the last dot.
    let mut label = 0;
    for (at, &b) in domain.iter().enumerate() {
        match b {
            b'a'..=b'z' | b'0'..=b'9' => label += 1,
            // Neither at an edge of the label nor where `xn--` has its own.
            b'-' if label == 0 || label == 3 || at + 1 == domain.len() => return false,
            b'-' if domain[at + 1] == b'.' => return false,
            b'-' => label += 1,
            b'.' if label == 0 => return false,
            b'.' => label = 0,
            _ => return false,
        }
        if label > 63 {
            return false;
        }
    }
    label > 0 && domain.len() <= 253
}

fn is_ip_literal(domain: &str) -> bool {
    match domain.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => Ipv6Addr::from_str(inner).is_ok(),
        None => Ipv4Addr::from_str(domain).is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addr_032_a_labels_for_sip_u_labels_for_xmpp() {
        assert_eq!(domain_to_ascii("B\u{FC}cher.Example.").unwrap(), "xn--bcher-kva.example");
        assert_eq!(domain_to_unicode("XN--BCHER-KVA.example").unwrap(), "b\u{FC}cher.example");
        assert_eq!(domain_to_ascii("EXAMPLE.net").unwrap(), "example.net");
    }

    #[test]
    fn addr_031_ip_literals_in_lower_case() {
        for (text, expected) in [("[2001:DB8::1]", "[2001:db8::1]"), ("192.0.2.1", "192.0.2.1")] {
            assert_eq!(domain_to_ascii(text).unwrap(), expected);
            assert_eq!(domain_to_unicode(text).unwrap(), expected);
        }
    }

    #[test]
    fn addr_017_overlong_domains_are_refused_at_once() {
        assert_eq!(domain_to_unicode(&"\u{FC}".repeat(100_000)), Err(JidError::Length));
        assert!(domain_to_ascii(&"a".repeat(64)).is_err());
        assert!(domain_to_ascii(&["a"; 128].join(".")).is_err());
        assert!(domain_to_ascii(&["a"; 127].join(".")).is_ok());
    }

    proptest! {
        #[test]
        fn domains_survive_both_ways(s in "[a-z\u{E0}-\u{FF}0-9]{1,12}(\\.[a-z\u{3B1}-\u{3C9}]{1,8})?") {
            if let Ok(unicode) = domain_to_unicode(&s) {
                let ascii = domain_to_ascii(&unicode).unwrap();
                prop_assert!(ascii.is_ascii());
                prop_assert_eq!(domain_to_unicode(&ascii).unwrap(), unicode.as_ref());
            }
        }
    }
}
