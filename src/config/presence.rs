//! `presence:` — how often, how long, how patiently.

use std::time::Duration;

use crate::codec::yaml::Node;

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Times of presence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// The least time between two documents for one watcher (`notify_interval`, default 5 s,
    /// RFC 3856 §6.10).
    pub notify_interval: Duration,
    /// Shorter subscriptions are refused with 423 (`min_expires`, default 60 s; at most an hour,
    /// RFC 6665 §4.2.1.1).
    pub min_expires: Duration,
    /// Longer subscriptions are granted for this time (`max_expires`, default 1 h).
    pub max_expires: Duration,
    /// How long a probe may be unanswered before that means that nobody is there
    /// (`probe_timeout`, default 10 s).
    pub probe_timeout: Duration,
    /// How long after a refusal an XMPP user is not asked again by the same SIP user (`re_ask`,
    /// default 1 h).
    pub re_ask: Duration,
    /// How long a request that nobody decides is kept alive, in either direction (`pending_limit`,
    /// default 30 days).
    pub pending_limit: Duration,
    /// How long a user of whom nothing is heard counts as there (`idle_limit`, default 30 days).
    pub idle_limit: Duration,
    /// How many SUBSCRIBEs are sent in a second, all together (`subscribe_rate`, default 1 000).
    pub subscribe_rate: u32,
    /// How many of them for one XMPP user, and to one SIP user (`subscribe_rate_per_user`, default
    /// 50).
    pub subscribe_rate_per_user: u32,
    /// How many NOTIFYs may be under way to one peer by UDP (`notify_window`, default 64): sent
    /// within T1, and without an answer.
    pub notify_window: u32,
    /// How many pairs of users are taken up in a second once a component link is back
    /// (`resume_rate`, default 2 000).
    pub resume_rate: u32,
    /// Whether a watcher whose request is not decided is told so by a document with a note
    /// (`pending_note`, default no; RFC 3856 §6.6.2).
    pub pending_note: bool,
    /// Whether a watcher whom the XMPP user refused is shown them as gone instead of being told so
    /// (`polite_blocking`, default no; RFC 3856 §6.6.2).
    pub polite_blocking: bool,
}

impl Default for Presence {
    fn default() -> Self {
        Presence {
            notify_interval: Duration::from_secs(5),
            min_expires: Duration::from_secs(60),
            max_expires: Duration::from_secs(3_600),
            probe_timeout: Duration::from_secs(10),
            re_ask: Duration::from_secs(3_600),
            pending_limit: DAY * 30,
            idle_limit: DAY * 30,
            subscribe_rate: 1_000,
            subscribe_rate_per_user: 50,
            notify_window: 64,
            resume_rate: 2_000,
            pending_note: false,
            polite_blocking: false,
        }
    }
}

impl Presence {
    pub(super) fn read(node: Option<Node<'_>>) -> Option<Self> {
        let mut presence = Presence::default();
        let Some(node) = node else { return Some(presence) };
        let map = node.map()?;
        let set = |key: &'static str, low: u64, high: u64, field: &mut Duration| {
            let bounds = Duration::from_secs(low)..=Duration::from_secs(high);
            let time = map.optional(key).and_then(|node| node.duration(bounds));
            *field = time.unwrap_or(*field);
        };
        set("notify_interval", 0, 3_600, &mut presence.notify_interval);
        set("min_expires", 0, 3_600, &mut presence.min_expires);
        set("max_expires", 60, 7 * 24 * 3_600, &mut presence.max_expires);
        set("probe_timeout", 1, 300, &mut presence.probe_timeout);
        set("re_ask", 0, 30 * 24 * 3_600, &mut presence.re_ask);
        set("pending_limit", 60, 365 * 24 * 3_600, &mut presence.pending_limit);
        set("idle_limit", 60, 365 * 24 * 3_600, &mut presence.idle_limit);
        let number = |key: &'static str, high: u64, field: &mut u32| {
            let number = map.optional(key).and_then(|node| node.number(1..=high));
            *field = number.and_then(|number| u32::try_from(number).ok()).unwrap_or(*field);
        };
        number("subscribe_rate", 1_000_000, &mut presence.subscribe_rate);
        number("subscribe_rate_per_user", 1_000_000, &mut presence.subscribe_rate_per_user);
        number("notify_window", 1_000_000, &mut presence.notify_window);
        number("resume_rate", 1_000_000, &mut presence.resume_rate);
        let truth = |key: &'static str, field: &mut bool| {
            *field = map.optional(key).and_then(|node| node.truth()).unwrap_or(*field);
        };
        truth("pending_note", &mut presence.pending_note);
        truth("polite_blocking", &mut presence.polite_blocking);
        map.finish();
        Some(presence)
    }
}
