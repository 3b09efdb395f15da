//! `encryption.yaml`: what is end-to-end encryption or a signature, and what becomes of it.

mod policy;
mod refinement;
mod scheme;
mod texts;

use std::borrow::Cow;

use super::key::{Key, Kind};
use crate::codec::mime::MediaType;
use crate::codec::xml::Element;
use crate::codec::xmpp::ns;

pub use policy::{Handling, Policy, Towards};
pub use refinement::Refinement;
pub(super) use refinement::check;
pub use scheme::{Carried, Form, KeysAlone, Namespace, Scheme};
pub use texts::{Said, Saying, Texts};

/// The scheme of what is announced and not known.
pub const OTHER: &str = "other";
/// Characters of a name from outside that are shown.
const MAX_SHOWN: usize = 64;

/// The namespace of the examples of RFC 3923 §7.
const EXAMPLE: &str = "urn:ietf:params:xml:xmpp-e2e";

/// How encryption is recognised and treated.
#[derive(Debug, Clone, PartialEq)]
pub struct Encryption {
    /// What is recognised, in the order of the file: the first that fits counts.
    pub schemes: Vec<Scheme>,
    domains: Vec<(String, Vec<(String, Policy)>)>,
    /// Whether an object must have a MIME header: `to_sip.headerless`.
    pub demand_header: bool,
    /// The status that refuses S/MIME: `to_xmpp.smime_status`.
    pub smime_status: u16,
    /// Whether any signed content is relayed: `to_xmpp.foreign_payload`.
    pub relay_foreign_payload: bool,
    /// Whether an optional encrypted part is left out with a notice: `to_xmpp.optional_part`.
    pub notice_optional_part: bool,
    /// What service-unavailable for a relayed object is: `to_xmpp.not_understood`.
    pub not_understood: u16,
    /// The namespace of the conditions of RFC 3923 §7: `to_xmpp.conditions`.
    pub conditions: &'static str,
    /// What people are told.
    pub texts: Texts,
    /// What the rules of the file say: [`Encryption::decided`] looks them up.
    pub(super) refinement: Refinement,
}

impl Default for Encryption {
    fn default() -> Self {
        Encryption {
            schemes: Vec::new(),
            domains: Vec::new(),
            demand_header: false,
            smime_status: 415,
            relay_foreign_payload: false,
            notice_optional_part: false,
            not_understood: 403,
            conditions: ns::E2E,
            texts: Texts::default(),
            refinement: Refinement::default(),
        }
    }
}

/// A scheme as it was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<'a> {
    /// Its rule.
    pub scheme: &'a Scheme,
    /// Its name, the number in it filled in: `omemo:2`.
    pub name: String,
    /// What people know it by.
    pub title: Cow<'a, str>,
}

impl Named<'_> {
    /// What a rule can ask for: the key of the scheme, and its name.
    #[must_use]
    pub fn names(&self) -> [&str; 2] {
        [&self.scheme.key, &self.name]
    }

    /// Whether it is one of files, which may have a clear source as well.
    #[must_use]
    pub fn is_of_file(&self) -> bool {
        !self.scheme.links.is_empty()
    }
}

impl Encryption {
    /// The scheme whose elements are of this namespace.
    #[must_use]
    pub fn of_namespace(&self, ns: &str) -> Option<Named<'_>> {
        self.find(|scheme| number(&scheme.namespaces, ns))
    }

    /// The scheme that a mark (XEP-0380) or a fallback announces.
    #[must_use]
    pub fn announced(&self, ns: &str) -> Option<Named<'_>> {
        self.of_namespace(ns).or_else(|| self.find(|scheme| number(&scheme.announced, ns)))
    }

    /// The scheme of a media type, multiparts of security left aside.
    #[must_use]
    pub fn of_media_type(&self, media_type: &MediaType) -> Option<Named<'_>> {
        let essence = media_type.essence();
        let fits = |known: &String| match known.strip_suffix('*') {
            Some(begin) => essence.starts_with(begin),
            None => essence == known,
        };
        self.find(|scheme| scheme.media_types.iter().any(fits).then_some(""))
    }

    /// The scheme of a multipart/signed or multipart/encrypted of this protocol (RFC 1847 §2).
    #[must_use]
    pub fn of_protocol(&self, protocol: &str) -> Option<Named<'_>> {
        let fits = |known: &String| known.eq_ignore_ascii_case(protocol);
        self.find(|scheme| scheme.protocols.iter().any(fits).then_some(""))
    }

    /// The scheme of any type of security, multiparts of RFC 1847 included.
    #[must_use]
    pub fn secures(&self, media_type: &MediaType) -> Option<Named<'_>> {
        if !matches!(media_type.essence(), "multipart/signed" | "multipart/encrypted") {
            return self.of_media_type(media_type);
        }
        let protocol = media_type.param("protocol").unwrap_or_default();
        self.of_protocol(protocol).or_else(|| self.other(protocol))
    }

    /// The scheme of files of this name (RFC 8551 §3.9).
    #[must_use]
    pub fn of_file_name(&self, name: &str) -> Option<Named<'_>> {
        let name = name.trim_end_matches(|c: char| c.is_whitespace() || c.is_control() || c == '.');
        let extension = name.rsplit_once('.')?.1.to_lowercase();
        self.find(|scheme| scheme.file_extensions.contains(&extension).then_some(""))
    }

    /// The scheme of a text that is a link to an encrypted file, and nothing else.
    #[must_use]
    pub fn of_link(&self, text: &str) -> Option<Named<'_>> {
        let link = text.trim();
        let (uri_scheme, _) = link.split_once(':')?;
        let fits = |known: &String| known.eq_ignore_ascii_case(uri_scheme);
        if link.contains(char::is_whitespace) {
            return None;
        }
        self.find(|scheme| scheme.links.iter().any(fits).then_some(""))
    }

    /// The scheme of files that are encrypted one by one.
    #[must_use]
    pub fn encrypted_file(&self) -> Option<Named<'_>> {
        self.find(|scheme| (!scheme.links.is_empty()).then_some(""))
    }

    /// The scheme of OTR's texts, if the rules still name one.
    #[must_use]
    pub fn otr(&self) -> Option<Named<'_>> {
        self.find(|scheme| scheme.is_otr.then_some(""))
    }

    /// The scheme of a negotiation form.
    #[must_use]
    pub fn of_form(&self, form: &Element) -> Option<Named<'_>> {
        self.find(|scheme| scheme.form.as_ref().is_some_and(|it| it.fits(form)).then_some(""))
    }

    /// What is announced and not known; `shown` is what it says of itself.
    #[must_use]
    pub fn other(&self, shown: &str) -> Option<Named<'_>> {
        let mut named = self.find(|scheme| (scheme.key == OTHER).then_some(""))?;
        let legal = |c: &char| !c.is_control() && crate::codec::xml::escape::is_xml_char(*c);
        let shown: String = shown.trim().chars().filter(legal).take(MAX_SHOWN).collect();
        if !shown.is_empty() {
            named.title = Cow::Owned(shown);
        }
        Some(named)
    }

    /// Whether elements may be, or hide, what only the translation can judge: a cheap look that
    /// plain messages pass.
    #[must_use]
    pub fn suspects(&self, extensions: &[Element]) -> bool {
        extensions.iter().any(|child| {
            let ns = &*child.ns;
            matches!(ns, ns::FORWARD | ns::CARBONS | ns::FEATURE_NEG)
                || ns::is_eme(ns)
                || ns::is_fallback(ns)
                || self.schemes.iter().any(|scheme| number(&scheme.namespaces, ns).is_some())
        })
    }

    /// What becomes of a scheme between two domains, by their names in XMPP. `native` says whether
    /// the addresses of both are the same on both sides.
    #[must_use]
    pub fn course(&self, scheme: &Scheme, towards: Towards, between: &Between<'_>) -> Handling {
        let of = |domain: &str| {
            let (_, own) = self.domains.iter().find(|(name, _)| name == domain)?;
            own.iter().find(|(key, _)| *key == scheme.key)?.1.get(towards)
        };
        let own = of(between.recipient).or_else(|| of(between.sender));
        let course = own.or_else(|| scheme.policy.get(towards)).unwrap_or(Handling::Refuse);
        scheme.settled(course, between.native)
    }

    fn find<'a, 'n>(&'a self, fits: impl Fn(&'a Scheme) -> Option<&'n str>) -> Option<Named<'a>> {
        self.schemes.iter().find_map(|scheme| {
            let number = fits(scheme)?;
            let title = Cow::Borrowed(scheme.title.as_str());
            Some(Named { scheme, name: scheme.name(number), title })
        })
    }
}

pub(super) const KEYS: [Key<Encryption>; 5] = [
    Key {
        name: "schemes",
        doc: "what is recognised, in the order of the file: the first that fits counts; a key that a scheme does not name stays as it is below",
        kind: Kind::Other(|all, node| scheme::read_all(&mut all.schemes, node), scheme::shape),
    },
    Key {
        name: "domains",
        doc: "other policies for single domains, by the name of the recipient's or the sender's domain in XMPP; the recipient's goes first",
        kind: Kind::Other(
            |all, node| policy::read_domains(&mut all.domains, &all.schemes, node),
            policy::shape_of_domains,
        ),
    },
    Key { name: "to_sip", doc: "an RFC 3923 object from XMPP", kind: Kind::Keys(&TO_SIP) },
    Key { name: "to_xmpp", doc: "what comes from SIP", kind: Kind::Keys(&TO_XMPP) },
    Key {
        name: "texts",
        doc: "what people are told, by language: that of the message, then English; `{scheme}` stands for the title, `{address}` for the address of the other one",
        kind: Kind::Other(|all, node| all.texts.read_all(node), texts::shape),
    },
];

const TO_SIP: [Key<Encryption>; 1] = [Key {
    name: "headerless",
    doc: "an object without a MIME header is what its octets say, or is refused",
    kind: Kind::Words(&[
        ("cms", |all| all.demand_header = false),
        ("refuse", |all| all.demand_header = true),
    ]),
}];

const TO_XMPP: [Key<Encryption>; 5] = [
    Key {
        name: "smime_status",
        doc: "the status that refuses S/MIME: 415 (RFC 8591 §7.3), or 493 without a body",
        kind: Kind::Words(&[
            ("415", |all| all.smime_status = 415),
            ("493", |all| all.smime_status = 493),
        ]),
    },
    Key {
        name: "foreign_payload",
        doc: "a signed object whose content is none of those of RFC 3923 §9 is refused with 488, or relayed",
        kind: Kind::Words(&[
            ("refuse", |all| all.relay_foreign_payload = false),
            ("relay", |all| all.relay_foreign_payload = true),
        ]),
    },
    Key {
        name: "optional_part",
        doc: "an encrypted part that may be left out has the message refused, or is replaced by a line about it",
        kind: Kind::Words(&[
            ("refuse", |all| all.notice_optional_part = false),
            ("notice", |all| all.notice_optional_part = true),
        ]),
    },
    Key {
        name: "not_understood",
        doc: "what service-unavailable from the recipient of a relayed object is",
        kind: Kind::Words(&[
            ("403", |all| all.not_understood = 403),
            ("415", |all| all.not_understood = 415),
        ]),
    },
    Key {
        name: "conditions",
        doc: "the namespace of the conditions of RFC 3923 §7: the registered one, or that of its examples",
        kind: Kind::Words(&[
            ("registered", |all| all.conditions = ns::E2E),
            ("example", |all| all.conditions = EXAMPLE),
        ]),
    },
];

/// Whose message it is.
#[derive(Debug, Clone, Copy)]
pub struct Between<'a> {
    /// The sender's domain, by its name in XMPP.
    pub sender: &'a str,
    /// The recipient's.
    pub recipient: &'a str,
    /// Whether both have the same name on both sides.
    pub native: bool,
}

/// The number with which a namespace fits one of these, empty where none is asked for.
fn number<'n>(known: &[Namespace], ns: &'n str) -> Option<&'n str> {
    known.iter().find_map(|known| known.number(ns))
}
