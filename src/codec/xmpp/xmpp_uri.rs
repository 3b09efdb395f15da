//! `xmpp:` URIs and IRIs, RFC 5122: met in the character data of errors and in bodies.

use super::Jid;
use super::jid::MAX_PART;
use crate::codec::sip::percent::{self, Set};

const SCHEME: &str = "xmpp:";
/// Octets of a URI that is looked at: three parts, each octet escaped, and what is left out.
const MAX_URI: usize = 4 * 3 * MAX_PART;

/// The address that a URI or IRI of the scheme names; `None` for any other text, and where it names
/// none. An authority (the account to act from, §2.3), a query and a fragment are left out; the
/// parts are percent-decoded and never JID-unescaped.
#[must_use]
pub fn jid_of(uri: &str) -> Option<Jid> {
    let rest = uri.get(SCHEME.len()..).filter(|_| is_xmpp(uri) && uri.len() <= MAX_URI)?;
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let path = match rest.strip_prefix("//") {
        Some(rest) => rest.split_once('/')?.1,
        None => rest,
    };
    let (bare, resource) = match path.split_once('/') {
        Some((bare, resource)) => (bare, Some(percent::decode_utf8(resource)?)),
        None => (path, None),
    };
    let (local, domain) = match bare.split_once('@') {
        Some((local, domain)) => (Some(percent::decode_utf8(local)?), domain),
        None => (None, bare),
    };
    let domain = percent::decode_utf8(domain)?;
    Jid::from_parts(local.as_deref(), &domain, resource.as_deref()).ok()
}

/// Whether a text begins as a URI of the scheme does.
#[must_use]
pub fn is_xmpp(text: &str) -> bool {
    text.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
}

/// The URI of an address (§2.2): each octet that is not unreserved is escaped. An IP literal stays
/// in its brackets.
#[must_use]
pub fn uri_of(jid: &Jid) -> String {
    let mut out = String::with_capacity(SCHEME.len() + jid.as_str().len());
    out.push_str(SCHEME);
    if let Some(local) = jid.node() {
        percent::encode_into(&mut out, local.as_bytes(), Set::Unreserved);
        out.push('@');
    }
    match jid.domain().starts_with('[') {
        true => out.push_str(jid.domain()),
        false => percent::encode_into(&mut out, jid.domain().as_bytes(), Set::Unreserved),
    }
    if let Some(resource) = jid.resource() {
        out.push('/');
        percent::encode_into(&mut out, resource.as_bytes(), Set::Unreserved);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(uri: &str) -> Option<String> {
        jid_of(uri).map(|jid| jid.to_string())
    }

    #[test]
    fn addr_036_a_uri_in_a_body_is_decoded_without_jid_escaping() {
        let device = "xmpp:romeo@example.org/dr4hcr0st3lup4c";
        assert_eq!(read(device).as_deref(), Some("romeo@example.org/dr4hcr0st3lup4c"));
        assert_eq!(read("xmpp:o%5C27malley@h").as_deref(), Some("o\\27malley@h"));
        assert_eq!(read("xmpp:o'malley@h"), None, "not made legal by escaping");
    }

    #[test]
    fn addr_076_query_and_authority_are_no_part_of_the_address() {
        for (uri, jid) in [
            ("xmpp:nasty%23node@example.com?message", "nasty#node@example.com"),
            ("xmpp://guest@example.com/support@example.com", "support@example.com"),
            ("XMPP:a@h/x%2Fy#part", "a@h/x/y"),
            ("xmpp:b%C3%BCcher.example", "b\u{FC}cher.example"),
        ] {
            assert_eq!(read(uri).as_deref(), Some(jid), "{uri}");
        }
        for none in ["xmpp:", "xmpp://guest@example.com", "xmpp:a%FF@h", "xmpp:@h", "sip:a@h", "x"]
        {
            assert_eq!(read(none), None, "{none}");
        }
        let written = |jid: &str| uri_of(&Jid::parse(jid).unwrap());
        assert_eq!(written("nasty#node@example.com"), "xmpp:nasty%23node@example.com");
        assert_eq!(written("a@[2001:db8::1]/\u{E9} x"), "xmpp:a@[2001:db8::1]/%C3%A9%20x");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(local in "[!-~\u{E0}-\u{FF}]{1,8}", resource in "[ -~\u{E0}-\u{FF}]{1,8}") {
            if let Ok(jid) = Jid::from_parts(Some(&local), "b\u{FC}cher.example", Some(&resource)) {
                let uri = uri_of(&jid);
                prop_assert!(uri.is_ascii());
                prop_assert_eq!(jid_of(&uri), Some(jid));
            }
        }
    }
}
