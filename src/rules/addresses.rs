//! `addresses.yaml`: what of an address crosses beside user and domain (RFC 7247 §6.3), and pairs
//! of addresses that are written otherwise on each side.

use super::address_pair::AddressPairs;
use super::facts::{Direction, Facts, Field};
use super::key::{Key, Kind};
use super::matcher::When;
use super::rule_set::RuleSet;
use super::rule_table::RuleTable;
use crate::codec::yaml::Map;

/// What becomes of the device part of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Resource and gr parameter stand for each other.
    Gr,
    /// It does not cross.
    None,
}

/// How addresses cross.
#[derive(Debug, Clone, PartialEq)]
pub struct Addresses {
    /// Towards SIP: `to_sip.resource`.
    pub resource_to_sip: Resource,
    /// Towards XMPP: `to_xmpp.resource`.
    pub resource_to_xmpp: Resource,
    /// Whether a gr header parameter counts as a hint: `to_xmpp.gr_outside_brackets`.
    pub gr_outside_brackets: bool,
    /// Whether a SIP user may write under an `im:` or `pres:` URI: `to_xmpp.senders`.
    pub im_senders: bool,
    /// Addresses that are written otherwise on each side: `pairs`.
    pub pairs: AddressPairs,
    /// The rules of the file: [`Addresses::of`] looks them up.
    pub(super) refined: RuleSet<Addresses>,
}

impl Default for Addresses {
    fn default() -> Self {
        Addresses {
            resource_to_sip: Resource::None,
            resource_to_xmpp: Resource::Gr,
            gr_outside_brackets: true,
            im_senders: false,
            pairs: AddressPairs::default(),
            refined: RuleSet::default(),
        }
    }
}

impl Addresses {
    /// The settings for an address of an XMPP domain.
    #[must_use]
    pub fn of(&self, direction: Direction, domain: &str) -> &Addresses {
        if self.refined.is_empty() {
            return self;
        }
        let facts = Facts { direction, domain, ..Facts::default() };
        self.refined.find(&facts).map_or(self, |rule| &rule.then)
    }
}

impl RuleTable for Addresses {
    const KEYS: &'static [Key<Self>] = &KEYS;
    const ACTIONS: &'static [Key<Self>] = &[];
    const ASKS: &'static [Field] = &[Field::Direction, Field::Domain];
    const ONE_WAY: &'static [(Field, Direction)] = &[];

    fn check(_: &When, _: &Map<'_>) {}

    fn rule_set(&mut self) -> &mut RuleSet<Self> {
        &mut self.refined
    }
}

const KEYS: [Key<Addresses>; 2] = [
    Key { name: "to_sip", doc: "from a JID to a SIP URI", kind: Kind::Keys(&TO_SIP) },
    Key { name: "to_xmpp", doc: "from a SIP URI to a JID", kind: Kind::Keys(&TO_XMPP) },
];

const TO_SIP: [Key<Addresses>; 1] = [Key {
    name: "resource",
    doc: "the resource of an XMPP sender is left out, so that one person is one contact; or becomes the `gr` parameter of the From URI (RFC 7572), by which Linphone 5.1, libpurple and baresip make a person as many contacts as there are devices",
    kind: Kind::Words(&[
        ("gr", |a| a.resource_to_sip = Resource::Gr),
        ("none", |a| a.resource_to_sip = Resource::None),
    ]),
}];

const TO_XMPP: [Key<Addresses>; 3] = [
    Key {
        name: "resource",
        doc: "the `gr` parameter of a SIP sender becomes the resource, or is left out",
        kind: Kind::Words(&[
            ("gr", |a| a.resource_to_xmpp = Resource::Gr),
            ("none", |a| a.resource_to_xmpp = Resource::None),
        ]),
    },
    Key {
        name: "gr_outside_brackets",
        doc: "whether `<sip:romeo@example.net>;gr=x`, with the parameter outside the brackets, counts too, as examples of the RFCs write it",
        kind: Kind::Truth(|a, truth| a.gr_outside_brackets = truth),
    },
    Key {
        name: "senders",
        doc: "the schemes of From that are taken: `sip:` and `sips:` alone; or `im:` and `pres:` too, which stand for the same user (RFC 3922 §3), where the proxy authenticates these as well. Others are answered 403",
        kind: Kind::Words(&[("sip", |a| a.im_senders = false), ("im", |a| a.im_senders = true)]),
    },
];
