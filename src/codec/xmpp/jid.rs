//! XMPP addresses, RFC 7622.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use super::domainpart::is_plain_domain;
use super::localpart::{is_plain_local, prepare_local};
use super::resourcepart::{is_plain_resource, prepare_resource};
use crate::codec::xml::escape::is_xml_text;

pub use super::domainpart::{domain_to_ascii, domain_to_unicode};
pub use super::localpart::localpart_from_user;

/// Octets a part may have, RFC 7622 §3.1.
pub(super) const MAX_PART: usize = 1_023;
/// Octets that may still become a part when mapped; more is not looked at.
pub(super) const MAX_UNMAPPED: usize = 4 * MAX_PART;

/// Why a string is no JID; always the fault of who wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum JidError {
    /// RFC 7622 §3.1: an empty or an overlong part.
    #[error("a part of the address is empty or longer than 1023 octets")]
    Length,
    /// RFC 7622 §3.3: not a legal localpart.
    #[error("illegal localpart")]
    Localpart,
    /// RFC 7622 §3.2: neither a host name nor an IP literal.
    #[error("illegal domainpart")]
    Domainpart,
    /// RFC 7622 §3.4: not a legal resourcepart.
    #[error("illegal resourcepart")]
    Resourcepart,
    /// XEP-0106 §Business Rules: `\20` at an edge.
    #[error("a space at the edge of a localpart cannot be escaped")]
    SpaceAtEdge,
}

/// An address in canonical form: localpart and resourcepart prepared as XMPP
/// servers do (stringprep, with characters newer than its tables in
/// resources), domainpart with U-labels, lower case, no trailing dot.
///
/// Equality, order and hash are those of the string. A clone costs a reference
/// count.
#[derive(Clone)]
pub struct Jid {
    text: Arc<str>,
    /// Octets of the localpart, 0 if there is none.
    local: u16,
    /// Octets up to the `/`, or all.
    bare: u16,
}

impl Jid {
    /// Parses and canonicalises an address: cut at the first `/`, then at the
    /// first `@` of what precedes it, RFC 7622 §3.2.
    ///
    /// # Errors
    /// The first part found illegal.
    pub fn parse(text: &str) -> Result<Self, JidError> {
        if let Some(plain) = Self::parse_plain(text) {
            return Ok(plain);
        }
        let (bare, resource) = match text.split_once('/') {
            Some((bare, resource)) => (bare, Some(resource)),
            None => (text, None),
        };
        match bare.split_once('@') {
            Some((local, domain)) => Self::from_parts(Some(local), domain, resource),
            None => Self::from_parts(None, bare, resource),
        }
    }

    /// Canonicalises and joins the parts; a part that is given must not be
    /// empty.
    ///
    /// # Errors
    /// The first part found illegal.
    pub fn from_parts(
        local: Option<&str>,
        domain: &str,
        resource: Option<&str>,
    ) -> Result<Self, JidError> {
        let local = local.map(prepare_local).transpose()?;
        let domain = domain_to_unicode(domain)?;
        let resource = resource.map(prepare_resource).transpose()?;
        Ok(Self::join(local.as_deref(), &domain, resource.as_deref()))
    }

    /// The same bare address with another resource, RFC 7622 §3.4.
    ///
    /// # Errors
    /// If the resource is illegal.
    pub fn with_resource(&self, resource: &str) -> Result<Self, JidError> {
        let resource = prepare_resource(resource)?;
        Ok(Self::join(self.node(), self.domain(), Some(&resource)))
    }

    /// The address of a sender, letter for letter as the server stamped it,
    /// though a part of it is none that is legal here: good for the answer
    /// that says so, RFC 6120 §8.3.3.8, and for nothing else. `None` where
    /// nobody can be meant: the domainpart is no host, a part is empty or too
    /// long, or XML cannot hold it.
    #[must_use]
    pub fn as_stamped(text: &str) -> Option<Self> {
        let (bare, resource) = match text.split_once('/') {
            Some((bare, resource)) => (bare, Some(resource)),
            None => (text, None),
        };
        let (local, domain) = match bare.split_once('@') {
            Some((local, domain)) => (Some(local), domain),
            None => (None, bare),
        };
        let domain = domain_to_unicode(domain).ok()?;
        let whole = |part: Option<&str>| {
            part.is_none_or(|part| (1..=MAX_PART).contains(&part.len()) && is_xml_text(part))
        };
        (whole(local) && whole(resource)).then(|| Self::join(local, &domain, resource))
    }

    /// Localpart.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        (self.local > 0).then(|| &self.text[..usize::from(self.local)])
    }

    /// Domainpart, with U-labels.
    #[must_use]
    pub fn domain(&self) -> &str {
        let begin = if self.local > 0 { usize::from(self.local) + 1 } else { 0 };
        &self.text[begin..usize::from(self.bare)]
    }

    /// Resourcepart.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        self.text.get(usize::from(self.bare) + 1..)
    }

    /// True if there is no resourcepart.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        usize::from(self.bare) == self.text.len()
    }

    /// The address without resourcepart.
    #[must_use]
    pub fn bare(&self) -> Self {
        if self.is_bare() {
            return self.clone();
        }
        Self { text: Arc::from(self.bare_str()), local: self.local, bare: self.bare }
    }

    /// The address without resourcepart, as a string.
    #[must_use]
    pub fn bare_str(&self) -> &str {
        &self.text[..usize::from(self.bare)]
    }

    /// The address as a string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// One pass over an address that canonicalising would not change: ASCII,
    /// lower case, no A-labels. `None` tells nothing about any other.
    fn parse_plain(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() > MAX_PART {
            return None;
        }
        let plain = bytes.iter().position(|&b| !is_plain_local(b)).unwrap_or(bytes.len());
        let (local, domain) = match bytes.get(plain) {
            Some(b'@') if plain > 0 => (plain, &bytes[plain + 1..]),
            Some(b'/') | None => (0, bytes),
            _ => return None,
        };
        let domain_len = domain.iter().position(|&b| b == b'/').unwrap_or(domain.len());
        let bare = bytes.len() - domain.len() + domain_len;
        let is_plain = is_plain_domain(&domain[..domain_len])
            && match &bytes[bare..] {
                [] => true,
                [_, resource @ ..] => !resource.is_empty() && is_plain_resource(resource),
            };
        if !is_plain {
            return None;
        }
        // MAX_PART fits.
        let length = |octets: usize| u16::try_from(octets).ok();
        Some(Self { local: length(local)?, bare: length(bare)?, text: Arc::from(text) })
    }

    /// Joins canonical parts.
    fn join(local: Option<&str>, domain: &str, resource: Option<&str>) -> Self {
        let mut text = String::with_capacity(
            local.map_or(0, |l| l.len() + 1) + domain.len() + resource.map_or(0, |r| r.len() + 1),
        );
        if let Some(local) = local {
            text.push_str(local);
            text.push('@');
        }
        text.push_str(domain);
        let bare = text.len();
        if let Some(resource) = resource {
            text.push('/');
            text.push_str(resource);
        }
        // Parts are bounded by MAX_PART, so both lengths fit.
        let length = |octets: usize| u16::try_from(octets).unwrap_or(u16::MAX);
        Self { local: length(local.map_or(0, str::len)), bare: length(bare), text: text.into() }
    }
}

impl FromStr for Jid {
    type Err = JidError;

    fn from_str(text: &str) -> Result<Self, JidError> {
        Self::parse(text)
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jid({:?})", &*self.text)
    }
}

impl PartialEq for Jid {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Jid {}

impl PartialOrd for Jid {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Jid {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for Jid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Borrow<str> for Jid {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl AsRef<str> for Jid {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn jid(text: &str) -> Jid {
        Jid::parse(text).unwrap()
    }

    fn local(user: &str) -> Result<String, JidError> {
        localpart_from_user(user).map(|text| text.to_string())
    }

    #[test]
    fn addr_009_resources_are_never_escaped() {
        assert_eq!(jid("a@h/x\\27y").resource(), Some("x\\27y"));
        assert_eq!(jid("a@h/o'b & c").resource(), Some("o'b & c"));
    }

    #[test]
    fn addr_010_jids_compare_in_escaped_form() {
        assert_eq!(jid("a\\27b@h").as_str(), "a\\27b@h");
        assert!(Jid::parse("a'b@h").is_err());
    }

    #[test]
    fn addr_015_case_and_width_are_mapped() {
        assert_eq!(local("Romeo").unwrap(), "romeo");
        assert_eq!(jid("Romeo@EXAMPLE.net").as_str(), "romeo@example.net");
        assert_eq!(local("\u{FF32}\u{FF4F}meo").unwrap(), "romeo");
        assert_eq!(local("e\u{301}").unwrap(), "\u{E9}");
    }

    #[test]
    fn characters_newer_than_stringprep_have_a_canonical_form() {
        assert_eq!(jid("\u{A7F8}@a").as_str(), "\u{127}@a");
        assert_eq!(jid("\u{126}@a").as_str(), "\u{127}@a");
    }

    #[test]
    fn addr_017_parts_have_1_to_1023_octets() {
        let long = "a".repeat(1023);
        assert_eq!(local(&long).unwrap().len(), 1023);
        assert_eq!(local(&format!("{long}a")), Err(JidError::Length));
        assert_eq!(local(""), Err(JidError::Length));
        assert!(jid(&format!("{long}@h/{long}")).resource().is_some_and(|r| r.len() == 1023));
        for bad in [
            format!("{long}a@h"),
            format!("a@h/{long}a"),
            format!("a@{long}"),
            "@h".into(),
            "a@h/".into(),
            String::new(),
        ] {
            assert!(Jid::parse(&bad).is_err(), "{bad}");
        }
        // Counted after mapping: 400 umlauts grow by escaping only where they must.
        assert!(local(&"&".repeat(400)).is_err());
    }

    #[test]
    fn addr_018_domain_is_lower_case_without_trailing_dot() {
        assert_eq!(jid("foo@SIP.Example.").as_str(), "foo@sip.example");
        assert_eq!(jid("foo@sip.example./x").as_str(), "foo@sip.example/x");
        for bad in
            ["foo@.", "foo@a..b", "foo@a..", "foo@a\u{3002}", "foo@-a", "foo@a_b c", "foo@a:5060"]
        {
            assert!(Jid::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addr_026_resource_profile() {
        assert!(jid("a@h").with_resource("a\u{7}b").is_err());
        assert!(jid("a@h").with_resource("").is_err());
        assert_eq!(jid("a@h/y").with_resource("x").unwrap().as_str(), "a@h/x");
        assert_eq!(jid("a@h/caf\u{65}\u{301}").resource(), Some("caf\u{e9}"));
    }

    #[test]
    fn an_answer_goes_to_the_address_as_it_was_stamped() {
        for text in ["a@h/\u{378}", "\u{1F4F1}@h/x", "a@h/\u{FE0F}", "h/\u{378}", "a b@h"] {
            assert!(Jid::parse(text).is_err(), "{text}");
            assert_eq!(Jid::as_stamped(text).unwrap().as_str(), text);
        }
        let long = "a".repeat(1_024);
        for text in ["", "@h", "a@", "a@h/", "a@b c/x", "a@h/\u{1}", &format!("a@h/{long}")] {
            assert_eq!(Jid::as_stamped(text), None, "{text}");
        }
    }

    #[test]
    fn addr_031_ip_literals() {
        for text in ["a@[2001:db8::1]", "a@192.0.2.1", "a@[::1]/x"] {
            assert_eq!(jid(text).as_str(), text);
        }
        assert_eq!(domain_to_ascii("[2001:db8::1]").unwrap(), "[2001:db8::1]");
        assert!(Jid::parse("a@[2001:db8::g]").is_err());
    }

    #[test]
    fn addr_032_u_labels_here_a_labels_there() {
        let expected = "a@b\u{FC}cher.example";
        assert_eq!(jid("a@xn--bcher-kva.example").as_str(), expected);
        assert_eq!(jid("a@XN--Bcher-KVA.example.").as_str(), expected);
        assert_eq!(jid("a@B\u{DC}cher.example").as_str(), expected);
        assert_eq!(domain_to_ascii(jid(expected).domain()).unwrap(), "xn--bcher-kva.example");
        // IDNA2008 keeps what IDNA2003 folds away.
        assert_eq!(jid("a@xn--fuball-cta.example").domain(), "fu\u{DF}ball.example");
        assert_eq!(domain_to_ascii("fu\u{DF}ball.example").unwrap(), "xn--fuball-cta.example");
        for bad in ["a@xn--a", "a@xn--.example", "a@xn--bcher-kva\u{FC}.example"] {
            assert!(Jid::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sec_034_an_escaped_at_stays_in_the_localpart() {
        let trick = jid("a\\40trusted.com@evil");
        assert_eq!((trick.node(), trick.domain()), (Some("a\\40trusted.com"), "evil"));
    }

    #[test]
    fn addr_038_cut_at_the_first_slash_then_at_the_first_at() {
        let parsed = jid("a.example.com/b@example.net");
        assert_eq!((parsed.node(), parsed.domain()), (None, "a.example.com"));
        assert_eq!(parsed.resource(), Some("b@example.net"));
        assert_eq!(jid("a@h//x/y").resource(), Some("/x/y"));
        assert!(Jid::parse("a@b@c").is_err());
    }

    #[test]
    fn addr_055_ill_formed_addresses_are_refused() {
        for bad in ["juliet@", "@example.com", "", "/foo", "juliet@/foo", " @h"] {
            assert!(Jid::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn addr_056_v_07_rfc_7622_table_1_is_legal() {
        let legal = [
            ("juliet@example.com", "juliet@example.com"),
            ("juliet@example.com/foo", "juliet@example.com/foo"),
            ("juliet@example.com/foo bar", "juliet@example.com/foo bar"),
            ("juliet@example.com/foo@bar", "juliet@example.com/foo@bar"),
            ("foo\\20bar@example.com", "foo\\20bar@example.com"),
            ("fussball@example.com", "fussball@example.com"),
            // 7 and 11 in the form of the servers' stringprep.
            ("fu\u{DF}ball@example.com", "fussball@example.com"),
            ("\u{3C0}@example.com", "\u{3C0}@example.com"),
            ("\u{3A3}@example.com/foo", "\u{3C3}@example.com/foo"),
            ("\u{3C3}@example.com/foo", "\u{3C3}@example.com/foo"),
            ("\u{3C2}@example.com/foo", "\u{3C3}@example.com/foo"),
            ("king@example.com/\u{265A}", "king@example.com/\u{265A}"),
            ("example.com", "example.com"),
            ("example.com/foobar", "example.com/foobar"),
            ("a.example.com/b@example.net", "a.example.com/b@example.net"),
            // Example 18, erratum 4560.
            ("juliet@example.com/ foo", "juliet@example.com/ foo"),
        ];
        for (text, canonical) in legal {
            assert_eq!(jid(text).as_str(), canonical);
            if let Some(user) =
                text.split_once('@').map(|(user, _)| user).filter(|u| !u.contains('/'))
            {
                assert!(local(user).is_ok(), "{user}");
            }
        }
    }

    #[test]
    fn addr_056_v_07_rfc_7622_table_2_is_illegal() {
        let illegal = [
            "\"juliet\"@example.com",
            "foo bar@example.com",
            "@example.com/",
            "juliet@",
            "/foobar",
        ];
        for text in illegal {
            assert!(Jid::parse(text).is_err(), "{text}");
        }
        // 20 and 21: stringprep lets them pass, PRECIS does not.
        assert!(local("henry\u{2163}").is_err() && local("\u{265A}").is_err());
    }

    #[test]
    fn accessors_agree() {
        let full = jid("a@b.c/d");
        assert_eq!(full.bare(), jid("a@b.c"));
        assert_eq!(full.bare_str(), "a@b.c");
        assert!(!full.is_bare() && full.bare().is_bare());
        assert_eq!(jid("b.c").node(), None);
        assert_eq!(jid("b.c/d").bare_str(), "b.c");
        assert_eq!(full.bare().resource(), None);
        assert_eq!(Jid::from_parts(Some("a"), "b.c", Some("d")), Ok(full));
    }

    proptest! {
        /// The short cuts must not change a verdict or a canonical form.
        #[test]
        fn ascii_agrees_with_the_jid_crate(s in "[ -~]{0,20}|[a-z0-9.@/-]{1,24}|[!-~]{1,8}@[!-~]{1,8}(/[ -~]{1,8})?") {
            let ours = Jid::parse(&s);
            // The crate has trouble with a trailing dot and does not decode A-labels.
            let domain = s.split('/').next().unwrap_or_default();
            prop_assume!(!domain.ends_with('.') && !domain.to_ascii_lowercase().contains("xn--"));
            match jid::Jid::new(&s) {
                Ok(theirs) => prop_assert_eq!(ours.as_ref().map(Jid::as_str), Ok(theirs.as_str())),
                Err(error) => prop_assert!(ours.is_err(), "{error}"),
            }
        }

        #[test]
        fn canonical_form_is_a_fixed_point(s in "\\PC{1,12}@[a-zA-Z\u{DF}\u{FC}0-9-]{1,10}(/\\PC{1,8})?") {
            if let Ok(once) = Jid::parse(&s) {
                let twice = Jid::parse(once.as_str());
                prop_assert_eq!(twice.as_ref(), Ok(&once));
            }
        }

    }
}
