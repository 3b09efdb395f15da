//! `addresses.yaml`: what of an address crosses beside user and domain (RFC 7247 §6.3).

use super::section;
use crate::codec::yaml::Map;

/// What becomes of the device part of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Resource and gr parameter stand for each other.
    Gr,
    /// It does not cross.
    None,
}

/// What of a sender a SIP user is shown beside the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisplayName {
    /// The nickname that the sender gives himself (XEP-0172).
    Nick,
    /// Nothing.
    None,
}

const NAMES: [(&str, DisplayName); 2] = [("nick", DisplayName::Nick), ("none", DisplayName::None)];

const RESOURCES: [(&str, Resource); 2] = [("gr", Resource::Gr), ("none", Resource::None)];

/// How addresses cross.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// Towards SIP: `to_sip.resource`.
    pub resource_to_sip: Resource,
    /// Towards SIP: `to_sip.display_name`.
    pub display_name: DisplayName,
    /// Towards XMPP: `to_xmpp.resource`.
    pub resource_to_xmpp: Resource,
    /// Whether a gr header parameter counts as a hint: `to_xmpp.gr_outside_brackets`.
    pub gr_outside_brackets: bool,
}

impl Default for Addresses {
    fn default() -> Self {
        Addresses {
            resource_to_sip: Resource::Gr,
            display_name: DisplayName::Nick,
            resource_to_xmpp: Resource::Gr,
            gr_outside_brackets: true,
        }
    }
}

impl Addresses {
    pub(super) fn read(&mut self, map: &Map<'_>) {
        section(map, "to_sip", |map| {
            let resource = map.optional("resource").and_then(|node| node.one_of(&RESOURCES));
            self.resource_to_sip = resource.unwrap_or(self.resource_to_sip);
            let name = map.optional("display_name").and_then(|node| node.one_of(&NAMES));
            self.display_name = name.unwrap_or(self.display_name);
        });
        section(map, "to_xmpp", |map| {
            let resource = map.optional("resource").and_then(|node| node.one_of(&RESOURCES));
            self.resource_to_xmpp = resource.unwrap_or(self.resource_to_xmpp);
            let outside = map.optional("gr_outside_brackets").and_then(|node| node.truth());
            self.gr_outside_brackets = outside.unwrap_or(self.gr_outside_brackets);
        });
    }
}
