//! What becomes of a scheme, by direction and domain.

use super::super::shape::{Names, Shape};
use super::scheme::Scheme;
use crate::codec::yaml::{Map, Node, nearest};

/// The side that a message goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Towards {
    /// From XMPP to SIP.
    Sip,
    /// From SIP to XMPP.
    Xmpp,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Handling {
    /// The sender is told, nothing crosses.
    Refuse,
    /// The same, and the recipient is told once.
    Notify,
    /// It crosses untouched.
    Relay,
    /// It crosses where the addresses are the same on both sides.
    RelayNative,
    /// What is only signed crosses without its signature.
    StripSignature,
}

pub(super) const COURSES: [(&str, Handling); 5] = [
    ("refuse", Handling::Refuse),
    ("notify", Handling::Notify),
    ("relay", Handling::Relay),
    ("relay-native", Handling::RelayNative),
    ("strip-signature", Handling::StripSignature),
];

/// The courses of both directions, where they are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// `to_sip`.
    pub to_sip: Option<Handling>,
    /// `to_xmpp`.
    pub to_xmpp: Option<Handling>,
}

impl Policy {
    /// The course of one direction.
    #[must_use]
    pub fn get(self, towards: Towards) -> Option<Handling> {
        match towards {
            Towards::Sip => self.to_sip,
            Towards::Xmpp => self.to_xmpp,
        }
    }

    fn read(map: &Map<'_>, scheme: &Scheme) -> Self {
        let course = |key| map.optional(key).and_then(|node| course(&node, scheme));
        Policy { to_sip: course("to_sip"), to_xmpp: course("to_xmpp") }
    }
}

/// The courses as values.
pub(super) fn shape() -> Shape {
    Shape::Words(COURSES.iter().map(|(word, _)| *word).collect())
}

/// The policies of single domains as values.
pub(super) fn shape_of_domains() -> Shape {
    let policy = Shape::Entries(Names::Of(vec!["to_sip", "to_xmpp"]), Box::new(shape()));
    let schemes = Shape::Entries(Names::Matching("^.+$", "for each scheme"), Box::new(policy));
    Shape::Entries(Names::Matching("^.+$", "for each domain"), Box::new(schemes))
}

/// A course that the scheme can take.
pub(super) fn course(node: &Node<'_>, scheme: &Scheme) -> Option<Handling> {
    let course = node.one_of(&COURSES)?;
    let Some((message, mend)) = fault(course, scheme) else { return Some(course) };
    node.error(message, mend);
    None
}

/// Why a scheme cannot take a course, and the mend.
pub(super) fn fault(course: Handling, scheme: &Scheme) -> Option<(&'static str, &'static str)> {
    let relays = matches!(course, Handling::Relay | Handling::RelayNative);
    if relays && scheme.carried.is_none() {
        let mend = "write refuse or notify; only what has `carried` can be relayed";
        return Some(("this scheme has no form on the other side", mend));
    }
    let signs = scheme.signature || !scheme.protocols.is_empty();
    let mend = "write refuse or notify";
    (course == Handling::StripSignature && !signs)
        .then_some(("this scheme does not sign what is readable", mend))
}

/// Reads the policies of single domains over those that are known.
pub(super) fn read_domains(
    domains: &mut Vec<(String, Vec<(String, Policy)>)>,
    schemes: &[Scheme],
    node: &Node<'_>,
) {
    let Some(entries) = node.map() else { return };
    for (domain, node) in entries.entries() {
        let Some(of_schemes) = node.map() else { continue };
        let mut own = Vec::new();
        for (key, node) in of_schemes.entries() {
            let Some(scheme) = schemes.iter().find(|scheme| scheme.key == key) else {
                let keys: Vec<&str> = schemes.iter().map(|scheme| scheme.key.as_str()).collect();
                let node = of_schemes.key(key).unwrap_or(node);
                node.error(&format!("no scheme is called `{key}`"), &nearest(key, &keys));
                continue;
            };
            let Some(map) = node.map() else { continue };
            let policy = Policy::read(&map, scheme);
            map.finish();
            own.push((key.to_owned(), policy));
        }
        domains.retain(|(known, _)| known != domain);
        domains.push((domain.to_owned(), own));
    }
}
