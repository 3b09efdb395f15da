//! The bounds of everything that can grow. At a bound the gateway refuses with a proper answer
//! and counts it; it never grows past one.

use std::time::Duration;

use crate::codec::sip;
use crate::codec::yaml::{Map, Node};

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
    /// Of these, messages of one XMPP user (`queue_per_sender`, default a tenth of `queue`).
    pub queue_per_sender: usize,
    /// Octets of the stanzas of all messages on their way to SIP (`queue_octets`, default 64 MiB:
    /// 50 000 ordinary messages have about 30).
    pub queue_octets: usize,
    /// Of these, octets of one XMPP user (`queue_octets_per_sender`, default a tenth).
    pub queue_octets_per_sender: usize,
    /// Stanzas that a component link holds until the server has them (`unconfirmed`, default
    /// 20 000): waiting for the link, or written and not confirmed.
    pub unconfirmed: usize,
    /// Pairs of a SIP user and an XMPP user of whom one watches the other, or asked to (`pairs`,
    /// default 2 000 000).
    pub pairs: usize,
    /// Pairs that one user made by asking, an XMPP user or a SIP user (`pairs_per_user`, default
    /// 10 000, and no more than a tenth of `pairs`). What others asked counts against them.
    pub pairs_per_user: usize,
    /// Requests of SIP users that one XMPP user has not decided, and those decided with a no that
    /// are remembered (`pending_per_user`, default 1 000, each).
    pub pending_per_user: usize,
    /// Subscriptions of one SIP user for one XMPP user, one for each device
    /// (`dialogs_per_pair`, default 16).
    pub dialogs_per_pair: usize,
    /// Subscriptions of one SIP user for all XMPP users (`dialogs_per_user`, default 2 000: three
    /// devices with 600 contacts each).
    pub dialogs_per_user: usize,
    /// Octets of what a dialog keeps of a request: Call-ID, tags, From, Contact, Record-Route and
    /// the id of the event (`dialog_octets`, default 4 096; ten routes of 200 octets fit in).
    pub dialog_octets: usize,
    /// Octets that the header section and the body of a SIP message may have, each
    /// (`sip_message_octets`, default 65 535, the largest datagram).
    pub sip_message_octets: usize,
    /// Octets of one stanza in either direction (`stanza_octets`, default 262 144, the default
    /// of the servers; RFC 6120 §13.12 asks for 10 000 at least).
    pub stanza_octets: usize,
    /// Octets of a presence document for a watcher (`document_octets`, default 8 192: with the head
    /// of its request it stays below the 15 to 20 kB at which SIP servers close a connection).
    pub document_octets: usize,
    /// Connections of SIP peers, accepted and opened, at once (`connections`, default 1 000). A tenth
    /// is left for those that the gateway opens.
    pub connections: usize,
    /// How long a connection may be without traffic before it is closed (`connection_idle`,
    /// default 10 min). A peer that pings (RFC 5626 §3.5.1) keeps it open.
    pub connection_idle: Duration,
    /// What is left for who is no peer.
    pub strangers: Strangers,
    /// Log lines of one cause in a second (`log_lines_per_second`, default 100: what a busy hour
    /// writes, and a flood does not fill the disk).
    pub log_lines_per_second: u32,
}

/// Bounds of what comes from addresses of no peer. Strangers are answered OPTIONS and 403, so little
/// is enough; a network of IPv6 (/64) counts as one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strangers {
    /// TCP connections of all strangers together (`stranger_connections`, default 80).
    pub connections: usize,
    /// TCP connections of one address (`stranger_connections_per_address`, default 8, a tenth).
    pub connections_per_address: usize,
    /// How long a connection of a stranger may be without a whole message (`stranger_idle`, default
    /// 30 s). A ping (RFC 5626) is none.
    pub idle: Duration,
    /// Octets that may wait on one connection of a stranger, in each direction (`stranger_octets`,
    /// default 65 536): all of them together 80 times as much.
    pub octets: usize,
    /// Answers to strangers in a second, all together (`stranger_answers`, default 100).
    pub answers: u32,
    /// Answers to one address in a second (`stranger_answers_per_address`, default 10, a tenth).
    pub answers_per_address: u32,
}

impl Default for Strangers {
    fn default() -> Self {
        Strangers {
            connections: 80,
            connections_per_address: 8,
            idle: Duration::from_secs(30),
            octets: 65_536,
            answers: 100,
            answers_per_address: 10,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            outstanding_per_target: 8,
            queue_per_target: 1_000,
            queue: 50_000,
            queue_per_sender: 5_000,
            queue_octets: 67_108_864,
            queue_octets_per_sender: 6_710_886,
            unconfirmed: 20_000,
            pairs: 2_000_000,
            pairs_per_user: 10_000,
            pending_per_user: 1_000,
            dialogs_per_pair: 16,
            dialogs_per_user: 2_000,
            dialog_octets: 4_096,
            sip_message_octets: 65_535,
            stanza_octets: 262_144,
            document_octets: 8_192,
            connections: 1_000,
            connection_idle: Duration::from_secs(600),
            strangers: Strangers::default(),
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
        limits.queue_per_sender = tenth(limits.queue);
        set("queue_per_sender", 1, 10_000_000, &mut limits.queue_per_sender);
        set("queue_octets", 1_048_576, 1 << 40, &mut limits.queue_octets);
        limits.queue_octets_per_sender = tenth(limits.queue_octets);
        set("queue_octets_per_sender", 65_536, 1 << 40, &mut limits.queue_octets_per_sender);
        set("unconfirmed", 1, 10_000_000, &mut limits.unconfirmed);
        set("pairs", 1, 100_000_000, &mut limits.pairs);
        limits.pairs_per_user = limits.pairs_per_user.min(tenth(limits.pairs));
        set("pairs_per_user", 1, 10_000_000, &mut limits.pairs_per_user);
        set("pending_per_user", 1, 1_000_000, &mut limits.pending_per_user);
        set("dialogs_per_pair", 1, 10_000, &mut limits.dialogs_per_pair);
        set("dialogs_per_user", 1, 10_000_000, &mut limits.dialogs_per_user);
        set("dialog_octets", 512, 65_535, &mut limits.dialog_octets);
        set("sip_message_octets", 1_300, 1_048_576, &mut limits.sip_message_octets);
        set("stanza_octets", 10_000, 16_777_216, &mut limits.stanza_octets);
        set("document_octets", 1_000, 32_768, &mut limits.document_octets);
        set("connections", 1, 1_000_000, &mut limits.connections);
        set_time(&map, "connection_idle", &mut limits.connection_idle);
        limits.strangers = Strangers::read(&map);
        set_rate(&map, "log_lines_per_second", 100_000, &mut limits.log_lines_per_second);
        map.finish();
        Some(limits)
    }
}

impl Strangers {
    fn read(map: &Map<'_>) -> Self {
        let mut strangers = Strangers::default();
        let set = |key: &'static str, low: u64, high: u64, field: &mut usize| {
            let number = map.optional(key).and_then(|node| node.number(low..=high));
            if let Some(number) = number.and_then(|number| usize::try_from(number).ok()) {
                *field = number;
            }
        };
        set("stranger_connections", 0, 100_000, &mut strangers.connections);
        strangers.connections_per_address = tenth(strangers.connections);
        let each = &mut strangers.connections_per_address;
        set("stranger_connections_per_address", 1, 100_000, each);
        set_time(map, "stranger_idle", &mut strangers.idle);
        set("stranger_octets", 4_096, 4_194_304, &mut strangers.octets);
        set_rate(map, "stranger_answers", 1_000_000, &mut strangers.answers);
        strangers.answers_per_address = (strangers.answers / 10).max(1);
        let each = &mut strangers.answers_per_address;
        set_rate(map, "stranger_answers_per_address", 1_000_000, each);
        strangers
    }
}

/// The share of one: no sender holds more than a tenth of what is common to all.
fn tenth(all: usize) -> usize {
    (all / 10).max(1)
}

fn set_time(map: &Map<'_>, key: &'static str, field: &mut Duration) {
    if let Some(node) = map.optional(key) {
        let time = node.duration(Duration::from_secs(1)..=Duration::from_secs(24 * 3_600));
        *field = time.unwrap_or(*field);
    }
}

fn set_rate(map: &Map<'_>, key: &'static str, high: u64, field: &mut u32) {
    if let Some(node) = map.optional(key) {
        let rate = node.number(1..=high).and_then(|rate| u32::try_from(rate).ok());
        *field = rate.unwrap_or(*field);
    }
}
