//! What a run exercised, by name: a simulator whose faults never happen shows nothing.

use std::collections::BTreeMap;

/// Counts by name.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Coverage {
    counts: BTreeMap<String, u64>,
    /// The highest that was seen, not a sum.
    peaks: BTreeMap<String, u64>,
}

impl Coverage {
    pub(crate) fn hit(&mut self, name: &str) {
        self.add(name, 1);
    }

    pub(crate) fn add(&mut self, name: &str, count: u64) {
        match self.counts.get_mut(name) {
            Some(known) => *known += count,
            None => drop(self.counts.insert(name.to_owned(), count)),
        }
    }

    /// Notes a measure of which the highest is told.
    pub(crate) fn most(&mut self, name: &str, value: u64) {
        let known = self.peaks.entry(name.to_owned()).or_default();
        *known = value.max(*known);
    }

    pub(crate) fn get(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or_default()
    }

    pub(crate) fn merge(&mut self, other: &Coverage) {
        for (name, count) in &other.counts {
            self.add(name, *count);
        }
        for (name, value) in &other.peaks {
            self.most(name, *value);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counts.iter().chain(&self.peaks).map(|(name, count)| (name.as_str(), *count))
    }
}

/// What the fixed seeds must have exercised: names of the world's own, and counters of the
/// gateway under `gateway.`.
pub(crate) const MUST: &[&str] = &[
    // The network.
    "network.lost",
    "network.doubled",
    "network.overtaken",
    "network.no_route",
    "tcp.opened_by_gateway",
    "tcp.opened_by_proxy",
    "tcp.cut",
    "tcp.lost_in_cut",
    "tcp.refused",
    "tcp.cut_in_flight",
    "tcp.repeated_after_loss",
    "tcp.lost_twice",
    // Component links.
    "link.opened",
    "link.refused",
    "link.cut",
    "link.half_open",
    "link.reopened_by_gateway",
    "link.lost_to_server",
    "link.lost_to_gateway",
    "server.restarted",
    "server.stalled",
    "server.bounced",
    "server.bounced_late",
    "server.processed_with_warning",
    "server.stream_error",
    "server.told_its_user",
    // The gateway's own ends.
    "process.killed",
    "process.drained",
    "process.committed",
    "process.looked_up",
    "process.peer_down",
    "process.peer_up",
    "process.quarantined",
    "process.missed",
    "process.remembers_text",
    "process.records_kept",
    "process.records_lost_in_kill",
    "process.killed_after_a_message",
    // The journal.
    "journal.group_written",
    "journal.nothing_to_write",
    "journal.steps_lost_in_kill",
    "journal.taken_up",
    "journal.taken_up_after_its_end",
    "journal.request_sent_again",
    "journal.older_request",
    // Names, servers, credentials.
    "names.addresses",
    "names.hosts",
    "names.domain",
    "names.dead_server",
    "sip.failover_after_silence",
    "sip.failover_after_503",
    "sip.asked_by_401",
    "sip.asked_by_407",
    "sip.right_credentials",
    "sip.wrong_credentials",
    "sip.stale_nonce",
    // SIP.
    "sip.second_branch",
    "sip.retransmitted",
    "sip.copy_absorbed",
    "sip.timer_f",
    "sip.100_sent",
    "sip.100_from_gateway",
    "sip.482_for_a_copy",
    "sip.dropped_before_the_name_is_found",
    "sip.400_for_garbage",
    "sip.refused_cpim",
    "sip.silent",
    "sip.answered_late",
    "sip.proxy_down",
    "sip.proxy_out_of_service",
    "sip.options_200",
    "sip.options_503",
    "queue.waited",
    "queue.failed_behind",
    "queue.full",
    // Outcomes.
    "to_xmpp.taken",
    "to_xmpp.repeated_after_loss",
    "to_xmpp.504",
    "to_xmpp.503",
    "to_xmpp.500",
    "to_sip.taken",
    "to_sip.failed",
    "to_sip.taken_but_told_failed",
    "to_sip.taken_more_than_once",
    "to_sip.taken_and_told_failed",
    "to_sip.outcome_unknown",
    "to_sip.lost_with_the_last_steps",
    "to_sip.error_dropped_at_the_bound",
    "to_sip.refused_at_once",
    "to_sip.lost_before_gateway",
    // The gateway's counters.
    "gateway.xmpp_replayed",
    "gateway.xmpp_quarantined",
    "gateway.xmpp_to_sip_retried",
    "gateway.xmpp_to_sip_failed",
    "gateway.xmpp_to_sip_recovered",
    "gateway.xmpp_to_sip_rerouted",
    "gateway.xmpp_to_sip_untold",
    "gateway.sip_authorized",
    "gateway.sip_servers_lost",
    "gateway.xmpp_to_sip_taken",
    "gateway.sip_to_xmpp_confirmed",
    "gateway.sip_to_xmpp_bounced",
    "gateway.sip_to_xmpp_unconfirmed",
    "gateway.sip_to_xmpp_unavailable",
    "gateway.sip_retransmissions_received",
    "gateway.sip_retransmissions_sent",
    "gateway.sip_stray_responses",
    "gateway.sip_malformed",
    "gateway.xmpp_stray_errors",
    "gateway.xmpp_refused",
];
