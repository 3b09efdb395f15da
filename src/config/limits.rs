//! The bounds of everything that can grow. At a bound the gateway refuses with a proper answer
//! and counts it; it never grows past one.

use std::time::Duration;

use crate::codec::sip;
use crate::codec::yaml::Node;

/// Bounds, each with a default that a small server carries easily.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// MESSAGE requests without a final response towards one target URI, over all senders
    /// (`outstanding_per_target`, default 8). One sender has at most one (RFC 3428 §8).
    pub outstanding_per_target: usize,
    /// Messages of one sender that wait for one target (`queue_per_target`, default
    /// 1 000: an alarm of 300 to a phone that takes one a second fits in).
    pub queue_per_target: usize,
    /// Messages on their way to SIP in all, waiting or outstanding (`queue`, default 50 000).
    pub queue: usize,
    /// Stanzas that a component link holds until the server has them (`unconfirmed`, default
    /// 20 000): waiting for the link, or written and not confirmed.
    pub unconfirmed: usize,
    /// Pairs of a SIP user and an XMPP user of whom one watches the other, or asked to (`pairs`,
    /// default 2 000 000).
    pub pairs: usize,
    /// Pairs that one XMPP user is in (`pairs_per_user`, default 10 000).
    pub pairs_per_user: usize,
    /// Subscriptions of one SIP user for one XMPP user, one for each of his devices
    /// (`dialogs_per_pair`, default 16).
    pub dialogs_per_pair: usize,
    /// Octets that the header section and the body of a SIP message may have, each
    /// (`sip_message_octets`, default 65 535, the largest datagram).
    pub sip_message_octets: usize,
    /// Octets of one stanza in either direction (`stanza_octets`, default 262 144, the default
    /// of the servers; RFC 6120 §13.12 asks for 10 000 at least).
    pub stanza_octets: usize,
    /// Octets of a presence document for a watcher (`document_octets`, default 8 192: with the head
    /// of its request it stays below the 15 to 20 kB at which SIP servers close a connection).
    pub document_octets: usize,
    /// Connections that SIP peers may hold open at once (`connections`, default 1 000).
    pub connections: usize,
    /// How long a connection may be without traffic before it is closed (`connection_idle`,
    /// default 10 min). A peer that pings (RFC 5626 §3.5.1) keeps it open.
    pub connection_idle: Duration,
    /// Log lines of one cause in a second (`log_lines_per_second`, default 100: what a busy hour
    /// writes, and a flood does not fill the disk).
    pub log_lines_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            outstanding_per_target: 8,
            queue_per_target: 1_000,
            queue: 50_000,
            unconfirmed: 20_000,
            pairs: 2_000_000,
            pairs_per_user: 10_000,
            dialogs_per_pair: 16,
            sip_message_octets: 65_535,
            stanza_octets: 262_144,
            document_octets: 8_192,
            connections: 1_000,
            connection_idle: Duration::from_secs(600),
            log_lines_per_second: 100,
        }
    }
}

impl Limits {
    /// The bounds as the SIP codec takes them.
    #[must_use]
    pub fn sip(&self) -> sip::Limits {
        let octets = self.sip_message_octets;
        sip::Limits { head: octets.min(65_535), body: octets, ..sip::Limits::default() }
    }

    pub(super) fn read(node: Option<Node<'_>>) -> Option<Self> {
        let mut limits = Limits::default();
        let Some(node) = node else { return Some(limits) };
        let map = node.map()?;
        let set = |key: &'static str, low: u64, high: u64, field: &mut usize| {
            let number = map.optional(key).and_then(|node| node.number(low..=high));
            if let Some(number) = number.and_then(|number| usize::try_from(number).ok()) {
                *field = number;
            }
        };
        set("outstanding_per_target", 1, 1_000, &mut limits.outstanding_per_target);
        set("queue_per_target", 1, 100_000, &mut limits.queue_per_target);
        set("queue", 1, 10_000_000, &mut limits.queue);
        set("unconfirmed", 1, 10_000_000, &mut limits.unconfirmed);
        set("pairs", 1, 100_000_000, &mut limits.pairs);
        set("pairs_per_user", 1, 10_000_000, &mut limits.pairs_per_user);
        set("dialogs_per_pair", 1, 10_000, &mut limits.dialogs_per_pair);
        set("sip_message_octets", 1_300, 1_048_576, &mut limits.sip_message_octets);
        set("stanza_octets", 10_000, 16_777_216, &mut limits.stanza_octets);
        set("document_octets", 1_000, 32_768, &mut limits.document_octets);
        set("connections", 1, 1_000_000, &mut limits.connections);
        if let Some(idle) = map.optional("connection_idle") {
            let idle = idle.duration(Duration::from_secs(1)..=Duration::from_secs(24 * 3_600));
            limits.connection_idle = idle.unwrap_or(limits.connection_idle);
        }
        if let Some(lines) = map.optional("log_lines_per_second") {
            let lines = lines.number(1..=100_000).and_then(|lines| u32::try_from(lines).ok());
            limits.log_lines_per_second = lines.unwrap_or(limits.log_lines_per_second);
        }
        map.finish();
        Some(limits)
    }
}
