//! Which domain stands for which on the other side.

use super::Reading;
use super::xmpp::domain;
use crate::codec::xmpp::jid::domain_to_ascii;
use crate::codec::yaml::{Map, Node};

/// One domain under its two names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainPair {
    /// The name in JIDs (U-labels, RFC 7622 §3.2).
    pub xmpp: String,
    /// The name in SIP URIs (A-labels, RFC 3261 §25.1).
    pub sip: String,
    /// Whose users live there.
    pub side: Side,
    /// Whether the DNS says that SIP users there have im: and pres: addresses (`advertised`,
    /// default `false`).
    pub advertised: bool,
}

/// Where the users of a domain are at home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// SIP users: the XMPP name is a component of ours, by its index.
    Sip {
        /// Index into the components.
        component: usize,
    },
    /// XMPP users: the XMPP name is an XMPP server's own domain.
    Xmpp,
}

/// All pairs, with look-ups in both directions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Domains {
    pairs: Vec<DomainPair>,
}

impl Domains {
    /// The pairs in the order of the file.
    #[must_use]
    pub fn new(pairs: Vec<DomainPair>) -> Self {
        Domains { pairs }
    }

    /// All pairs.
    #[must_use]
    pub fn pairs(&self) -> &[DomainPair] {
        &self.pairs
    }

    /// The pair of a JID's domain.
    #[must_use]
    pub fn of_jid(&self, domain: &str) -> Option<&DomainPair> {
        self.pairs.iter().find(|pair| pair.xmpp == domain)
    }

    /// The pair of a SIP domain (lower case) whose users live on the XMPP side.
    #[must_use]
    pub fn xmpp_users(&self, sip: &str) -> Option<&DomainPair> {
        self.pairs.iter().find(|pair| pair.side == Side::Xmpp && pair.sip == sip)
    }

    /// The pair of a SIP domain whose users live on the SIP side, as a user of `recipient` sees
    /// them: through a component below the recipient's own domain where there is one, else the
    /// first that is listed.
    #[must_use]
    pub fn sip_users(&self, sip: &str, recipient: &str) -> Option<&DomainPair> {
        let mut candidates = self
            .pairs
            .iter()
            .filter(|pair| matches!(pair.side, Side::Sip { .. }) && pair.sip == sip);
        let below = |pair: &&DomainPair| is_below(&pair.xmpp, recipient);
        candidates.clone().find(below).or_else(|| candidates.next())
    }
}

impl Domains {
    /// The XMPP domain whose server a component is most likely connected to: the one that it is a
    /// sub-domain of, else the first.
    pub(super) fn home_of(&self, component: &str) -> Option<String> {
        let mut homes = self.pairs.iter().filter(|pair| pair.side == Side::Xmpp);
        let below = |pair: &&DomainPair| is_below(component, &pair.xmpp);
        let home = homes.clone().find(below).or_else(|| homes.next());
        home.map(|pair| pair.xmpp.clone())
    }
}

/// Whether `name` is a proper sub-domain of `parent`.
pub(super) fn is_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

/// A pair as written, with its node for findings that need the other settings.
pub(super) struct WrittenPair<'d> {
    pub(super) node: Node<'d>,
    pub(super) xmpp: String,
    pub(super) sip: String,
    pub(super) advertised: bool,
}

pub(super) fn read<'d>(node: &Node<'d>, reading: &Reading<'_>) -> Option<Vec<WrittenPair<'d>>> {
    let read = |node: Node<'d>| node.map().and_then(|map| pair(map, reading));
    let pairs: Vec<Option<WrittenPair<'d>>> = node.list()?.into_iter().map(read).collect();
    pairs.into_iter().collect()
}

fn pair<'d>(map: Map<'d>, reading: &Reading<'_>) -> Option<WrittenPair<'d>> {
    let xmpp = map
        .required("xmpp", "write { xmpp: example.com, sip: example.com }")
        .and_then(|node| domain(&node, &reading.text(&node)?));
    let sip = map
        .required("sip", "write { xmpp: example.com, sip: example.com }")
        .and_then(|node| sip_domain(&node, &reading.text(&node)?));
    let advertised = map.optional("advertised").map_or(Some(false), |node| node.truth());
    let node = map.node().clone();
    map.finish();
    Some(WrittenPair { node, xmpp: xmpp?, sip: sip?, advertised: advertised? })
}

fn sip_domain(node: &Node<'_>, text: &str) -> Option<String> {
    match domain_to_ascii(text) {
        Ok(domain) => Some(domain.into_owned()),
        Err(_) => {
            node.error(&format!("`{text}` is not a domain"), "write a name such as example.com");
            None
        }
    }
}
