//! What `stox status` has, under names as Prometheus wants them.

use super::exposition::{Family, Kind, Sample, write};
use crate::flow::{Counter, Status};

const fn gauge(name: &'static str, help: &'static str) -> Family {
    Family { name, kind: Kind::Gauge, help }
}

const fn counter(name: &'static str, help: &'static str) -> Family {
    Family { name, kind: Kind::Counter, help }
}

/// All families, in the order in which they are written.
const FAMILIES: &[Family] = &[
    gauge("stox_build_info", "The version that runs."),
    gauge("stox_uptime_seconds", "Time since the start."),
    gauge("stox_in_service", "1 while new messages are taken on."),
    gauge("stox_alarms", "Troubles that last: the store, the journal, rules not taken."),
    gauge("stox_component_link_up", "1 while the component link is up."),
    gauge("stox_component_link_unconfirmed_stanzas", "Stanzas that the XMPP server may not have."),
    gauge("stox_sip_peer_up", "1 while a server of the peer serves, 0 while none does."),
    gauge("stox_rules_info", "The mapping rules that count, by their digest."),
    gauge("stox_rules_loaded_timestamp_seconds", "When they were loaded, since 1970."),
    counter("stox_rules_reloads_total", "Reloads of the rules, taken or not."),
    counter("stox_rules_reload_failures_total", "Reloads that left the old rules."),
    gauge("stox_messages_to_sip_in_flight", "Messages to SIP, waiting or outstanding."),
    gauge("stox_messages_to_xmpp_in_flight", "Messages from SIP that wait for the XMPP server."),
    gauge("stox_journal_messages", "Messages and outcomes that the journal holds."),
    gauge("stox_presence_pairs", "Pairs of users of whom one watches the other."),
    gauge("stox_presence_dialogs", "Subscriptions, by who watches."),
    gauge("stox_sip_client_transactions", "SIP requests without a final response."),
    gauge("stox_deadlines", "Timers that are set."),
    counter("stox_log_lines_dropped_total", "Log lines that nobody read in time."),
    gauge("process_resident_memory_bytes", "Resident memory size in bytes."),
    counter("stox_messages_total", "Messages with their outcome."),
    counter("stox_messages_not_carried_total", "Messages of XMPP users that SIP has no use for."),
    counter("stox_messages_split_total", "Messages too long for one request that went in parts."),
    counter("stox_messages_untold_total", "Failures whose XMPP senders could not be told."),
    counter("stox_encrypted_messages_total", "Encrypted or signed messages, and what was decided."),
    counter("stox_cpim_foreign_from_total", "CPIM objects that name another sender."),
    counter("stox_presence_stanzas_total", "Presence stanzas."),
    counter("stox_presence_untold_total", "Subscription stanzas that a full link kept back."),
    counter("stox_sip_subscribes_total", "SUBSCRIBE requests."),
    counter("stox_sip_subscribes_paced_total", "SUBSCRIBE requests that waited for their place."),
    counter("stox_sip_notifies_total", "NOTIFY requests."),
    counter("stox_sip_notifies_refused_total", "NOTIFY requests with an unreadable document."),
    counter("stox_sip_notifies_foreign_entity_total", "Documents about somebody else."),
    counter("stox_sip_notifies_waited_total", "NOTIFY requests that waited for a window."),
    counter("stox_sip_requests_answered_total", "Requests answered without keeping anything."),
    counter("stox_sip_requests_resent_total", "Requests sent once more, by the reason."),
    counter("stox_sip_retransmissions_total", "Copies of SIP requests."),
    counter("stox_sip_keep_alives_total", "Datagrams without a message."),
    counter("stox_sip_malformed_total", "SIP messages that could not be read or answered."),
    counter("stox_sip_stray_responses_total", "Responses and ACKs to nothing known."),
    counter("stox_sip_foreign_responses_total", "Responses that do not fit their request."),
    counter("stox_sip_strangers_dropped_total", "Requests of strangers over the rate."),
    counter("stox_over_share_total", "Refused as one user had too much, by what."),
    gauge("stox_sip_connections", "TCP connections, by whose they are."),
    counter("stox_sip_connections_refused_total", "TCP connections beyond a bound."),
    counter("stox_sip_stranger_connections_ended_total", "Connections of strangers cut off."),
    counter("stox_sip_untrusted_total", "Datagrams dropped while peers were looked up."),
    counter("stox_sip_servers_lost_total", "Servers of peers that stopped to serve."),
    counter("stox_xmpp_malformed_total", "Stanzas that could not be read."),
    counter("stox_xmpp_refused_total", "Stanzas answered with an error at once."),
    counter("stox_xmpp_queries_total", "Requests for information that were answered."),
    counter("stox_xmpp_stray_total", "Errors and results of nothing known."),
    counter("stox_xmpp_replayed_total", "Stanzas written again after a link was lost."),
    counter("stox_xmpp_quarantined_total", "Stanzas put aside since they closed a stream twice."),
    counter("stox_xmpp_withheld_total", "Stanzas not written since the same was put aside."),
    counter("stox_xmpp_too_large_total", "Stanzas beyond the server's bound, and what was done."),
    counter("stox_sip_too_large_total", "SIP messages beyond a bound, and what was done."),
    counter("stox_sip_quarantined_total", "Requests put aside since they closed connections."),
];

type Series = (&'static str, &'static [(&'static str, &'static str)]);

const MESSAGES: &str = "stox_messages_total";
const LEFT: &str = "stox_messages_not_carried_total";
const RESENT: &str = "stox_sip_requests_resent_total";
const INBOUND: (&str, &str) = ("direction", "sip_to_xmpp");
const OUTBOUND: (&str, &str) = ("direction", "xmpp_to_sip");
const SENT: &[(&str, &str)] = &[("direction", "sent")];
const CUT: &[(&str, &str)] = &[("done", "cut")];
const DROPPED: &[(&str, &str)] = &[("done", "dropped")];
const RECEIVED: &[(&str, &str)] = &[("direction", "received")];

/// The family and the labels of each counter, but for [`Counter::Encrypted`]: that is told in parts,
/// by what was met.
const COUNTERS: &[(Counter, Series)] = &[
    (Counter::InboundConfirmed, (MESSAGES, &[INBOUND, ("outcome", "confirmed")])),
    (Counter::InboundBounced, (MESSAGES, &[INBOUND, ("outcome", "bounced")])),
    (Counter::InboundUnconfirmed, (MESSAGES, &[INBOUND, ("outcome", "unconfirmed")])),
    (Counter::InboundUnavailable, (MESSAGES, &[INBOUND, ("outcome", "unavailable")])),
    (Counter::InboundComposing, (MESSAGES, &[INBOUND, ("outcome", "composing")])),
    (Counter::InboundDisposition, (MESSAGES, &[INBOUND, ("outcome", "disposition")])),
    (Counter::OutboundTaken, (MESSAGES, &[OUTBOUND, ("outcome", "taken")])),
    (Counter::OutboundFailed, (MESSAGES, &[OUTBOUND, ("outcome", "failed")])),
    (Counter::XmppBodiless, (LEFT, &[("reason", "without_body")])),
    (Counter::XmppHeadline, (LEFT, &[("reason", "headline")])),
    (Counter::XmppWrapped, (LEFT, &[("reason", "wrapped_copy")])),
    (Counter::XmppCameBack, (LEFT, &[("reason", "came_back")])),
    (Counter::OutboundRetried, (RESENT, &[("reason", "bare_text")])),
    (Counter::OutboundRecovered, (RESENT, &[("reason", "recovered")])),
    (Counter::OutboundRerouted, (RESENT, &[("reason", "rerouted")])),
    (Counter::LargeByUdp, (RESENT, &[("reason", "udp")])),
    (Counter::SipAuthorized, (RESENT, &[("reason", "authorized")])),
    (Counter::OutboundSplit, ("stox_messages_split_total", &[])),
    (Counter::OutboundUntold, ("stox_messages_untold_total", &[])),
    (Counter::CpimForeignFrom, ("stox_cpim_foreign_from_total", &[])),
    (Counter::SipServerLost, ("stox_sip_servers_lost_total", &[])),
    (Counter::SipAnswered, ("stox_sip_requests_answered_total", &[])),
    (Counter::SipRetransmitted, ("stox_sip_retransmissions_total", RECEIVED)),
    (Counter::SipRetransmissions, ("stox_sip_retransmissions_total", SENT)),
    (Counter::SipKeepAlive, ("stox_sip_keep_alives_total", &[])),
    (Counter::SipMalformed, ("stox_sip_malformed_total", &[])),
    (Counter::SipStray, ("stox_sip_stray_responses_total", &[])),
    (Counter::SipForeign, ("stox_sip_foreign_responses_total", &[])),
    (Counter::StrangerDropped, ("stox_sip_strangers_dropped_total", &[])),
    (Counter::OutboundOverShare, ("stox_over_share_total", &[("what", "message")])),
    (Counter::SubscribeOverShare, ("stox_over_share_total", &[("what", "subscribe")])),
    (Counter::SipUntrusted, ("stox_sip_untrusted_total", &[])),
    (Counter::XmppMalformed, ("stox_xmpp_malformed_total", &[])),
    (Counter::XmppRefused, ("stox_xmpp_refused_total", &[])),
    (Counter::XmppStrayError, ("stox_xmpp_stray_total", &[("kind", "error")])),
    (Counter::XmppStrayResult, ("stox_xmpp_stray_total", &[("kind", "result")])),
    (Counter::XmppQuery, ("stox_xmpp_queries_total", &[])),
    (Counter::XmppPresence, ("stox_presence_stanzas_total", RECEIVED)),
    (Counter::PresenceShown, ("stox_presence_stanzas_total", SENT)),
    (Counter::PresenceUntold, ("stox_presence_untold_total", &[])),
    (Counter::SubscribeSent, ("stox_sip_subscribes_total", SENT)),
    (Counter::SubscribeTaken, ("stox_sip_subscribes_total", RECEIVED)),
    (Counter::SubscribePaced, ("stox_sip_subscribes_paced_total", &[])),
    (Counter::NotifySent, ("stox_sip_notifies_total", SENT)),
    (Counter::NotifyTaken, ("stox_sip_notifies_total", RECEIVED)),
    (Counter::NotifyRefused, ("stox_sip_notifies_refused_total", &[])),
    (Counter::NotifyForeign, ("stox_sip_notifies_foreign_entity_total", &[])),
    (Counter::NotifyWaited, ("stox_sip_notifies_waited_total", &[])),
    (Counter::Replayed, ("stox_xmpp_replayed_total", &[])),
    (Counter::Quarantined, ("stox_xmpp_quarantined_total", &[])),
    (Counter::XmppWithheld, ("stox_xmpp_withheld_total", &[])),
    (Counter::XmppCut, ("stox_xmpp_too_large_total", CUT)),
    (Counter::XmppTooLarge, ("stox_xmpp_too_large_total", DROPPED)),
    (Counter::SipCut, ("stox_sip_too_large_total", CUT)),
    (Counter::SipTooLarge, ("stox_sip_too_large_total", DROPPED)),
    (Counter::SipQuarantined, ("stox_sip_quarantined_total", &[])),
];

/// The family and the labels of a gauge of `stox status`; the digest's time is with the rules.
const GAUGES: &[(&str, Series)] = &[
    ("messages_to_sip_in_flight", ("stox_messages_to_sip_in_flight", &[])),
    ("requests_waiting_for_xmpp", ("stox_messages_to_xmpp_in_flight", &[])),
    ("messages_in_journal", ("stox_journal_messages", &[])),
    ("presence_pairs", ("stox_presence_pairs", &[])),
    ("subscriptions_of_sip_users", ("stox_presence_dialogs", &[("watcher", "sip")])),
    ("subscriptions_of_xmpp_users", ("stox_presence_dialogs", &[("watcher", "xmpp")])),
    ("sip_client_transactions", ("stox_sip_client_transactions", &[])),
    ("sip_connections", ("stox_sip_connections", &[("of", "peer")])),
    ("sip_stranger_connections", ("stox_sip_connections", &[("of", "stranger")])),
    ("deadlines", ("stox_deadlines", &[])),
    ("resident_memory_octets", ("process_resident_memory_bytes", &[])),
];

/// The family of what the outside of the core counts.
const OUTSIDE: &[(&str, &str)] = &[
    ("sip_connections_refused", "stox_sip_connections_refused_total"),
    ("sip_stranger_connections_ended", "stox_sip_stranger_connections_ended_total"),
];

/// The status of a gateway as Prometheus reads it.
pub(in crate::wire) fn text(status: &Status) -> String {
    let mut all = general(status);
    let known =
        GAUGES.iter().filter_map(|(name, series)| Some((series, status.gauges.get(*name)?)));
    all.extend(known.map(|(series, value)| labelled(*series, *value)));
    for counter in Counter::ALL {
        let count = status.counters.get(counter.name()).copied().unwrap_or_default();
        let found = COUNTERS.iter().find(|(known, _)| known == counter);
        all.extend(found.map(|(_, series)| labelled(*series, count)));
    }
    let outside =
        OUTSIDE.iter().filter_map(|(name, family)| Some((*family, status.counters.get(*name)?)));
    all.extend(outside.map(|(family, count)| (family, Sample::of(*count))));
    for met in &status.encryption {
        let sample = Sample::of(met.count)
            .label("scheme", &met.scheme)
            .label("direction", &met.direction)
            .label("decision", &met.decision);
        all.push(("stox_encrypted_messages_total", sample));
    }
    let mut out = String::new();
    for family in FAMILIES {
        let mut samples = Vec::new();
        for (name, sample) in &all {
            if *name == family.name {
                samples.push(sample.clone());
            }
        }
        write(&mut out, family, &samples);
    }
    out
}

fn labelled((name, labels): Series, value: u64) -> (&'static str, Sample) {
    let with =
        |sample: Sample, (label, text): &(&'static str, &'static str)| sample.label(label, *text);
    (name, labels.iter().fold(Sample::of(value), with))
}

/// What is neither counter nor gauge of `stox status`.
fn general(status: &Status) -> Vec<(&'static str, Sample)> {
    let rules = &status.rules;
    let mut all = vec![
        ("stox_build_info", Sample::of(1).label("version", &status.version)),
        ("stox_uptime_seconds", Sample::of(status.uptime_s)),
        ("stox_in_service", Sample::of(status.in_service.into())),
        ("stox_alarms", Sample::of(status.alarms.len() as u64)),
        ("stox_rules_info", Sample::of(1).label("digest", &rules.digest)),
        ("stox_rules_loaded_timestamp_seconds", Sample::of(rules.loaded_unix_s)),
        ("stox_rules_reloads_total", Sample::of(rules.taken + rules.refused)),
        ("stox_rules_reload_failures_total", Sample::of(rules.refused)),
        (
            "stox_log_lines_dropped_total",
            Sample::of(status.counters.get("log_lines_dropped").copied().unwrap_or_default()),
        ),
    ];
    for link in &status.links {
        let of = |value| Sample::of(value).label("component", &link.component);
        all.push(("stox_component_link_up", of((link.state == "up").into())));
        all.push(("stox_component_link_unconfirmed_stanzas", of(link.unconfirmed as u64)));
    }
    for peer in status.peers.iter().filter(|peer| peer.state != "unknown") {
        let sample = Sample::of((peer.state == "up").into()).label("peer", &peer.name);
        all.push(("stox_sip_peer_up", sample));
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::flow::{EncryptionCount, LinkStatus, PeerStatus, RulesStatus};

    fn status() -> Status {
        let counters = (1..).zip(Counter::ALL);
        let peer = |name: &str, state: &str| PeerStatus {
            name: name.to_owned(),
            uri: "sip:127.0.0.1".to_owned(),
            state: state.to_owned(),
        };
        Status {
            version: "9.9.9".to_owned(),
            uptime_s: 7,
            in_service: true,
            alarms: vec!["rules: not taken".to_owned()],
            links: vec![LinkStatus {
                component: "sip.xmpp.test".to_owned(),
                server: "127.0.0.1:5347".to_owned(),
                state: "up".to_owned(),
                error: None,
                unconfirmed: 3,
            }],
            peers: vec![peer("core", "down"), peer("spare", "unknown")],
            rules: RulesStatus {
                digest: "abc".to_owned(),
                loaded_unix_s: 1_700_000_000,
                taken: 2,
                refused: 1,
            },
            gauges: GAUGES.iter().map(|(name, _)| ((*name).to_owned(), 5)).collect(),
            counters: counters.map(|(count, one)| (one.name().to_owned(), count)).collect(),
            encryption: vec![EncryptionCount {
                scheme: "a\"b".to_owned(),
                direction: "xmpp_to_sip".to_owned(),
                decision: "refused".to_owned(),
                count: 4,
            }],
            encryption_refused: Vec::new(),
        }
    }

    #[test]
    fn the_status_is_told_in_the_text_format() {
        let text = text(&status());
        for line in [
            "stox_build_info{version=\"9.9.9\"} 1",
            "# TYPE stox_uptime_seconds gauge",
            "stox_component_link_up{component=\"sip.xmpp.test\"} 1",
            "stox_component_link_unconfirmed_stanzas{component=\"sip.xmpp.test\"} 3",
            "stox_sip_peer_up{peer=\"core\"} 0",
            "stox_rules_info{digest=\"abc\"} 1",
            "stox_rules_loaded_timestamp_seconds 1700000000",
            "stox_rules_reloads_total 3",
            "stox_rules_reload_failures_total 1",
            "stox_presence_dialogs{watcher=\"sip\"} 5",
            "# TYPE stox_messages_total counter",
            "stox_messages_total{direction=\"sip_to_xmpp\",outcome=\"confirmed\"} 1",
            "stox_encrypted_messages_total{scheme=\"a\\\"b\",direction=\"xmpp_to_sip\",decision=\"refused\"} 4",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}\n{text}");
        }
        // A peer that was not asked yet is neither.
        assert!(!text.contains("spare"));
        assert!(text.ends_with('\n'));
    }

    #[test]
    fn every_sample_has_a_family_and_no_series_stands_twice() {
        let text = text(&status());
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let series: Vec<&str> = lines.filter_map(|line| Some(line.rsplit_once(' ')?.0)).collect();
        let distinct: BTreeSet<&str> = series.iter().copied().collect();
        assert_eq!(series.len(), distinct.len());
        // All but the one counter that is told in parts, and the peer that is unknown.
        let expected = 9 + 2 + 1 + GAUGES.len() + Counter::ALL.len() - 1 + 1;
        assert_eq!(series.len(), expected);
    }

    #[test]
    fn names_follow_the_conventions_and_are_explained_to_operators() {
        let page = include_str!("../../../docs/operating.md");
        for Family { name, kind, help } in FAMILIES {
            assert_eq!(*kind == Kind::Counter, name.ends_with("_total"), "{name}");
            assert!(help.ends_with('.'), "{name}: {help}");
            assert!(page.contains(&format!("| `{name}`")), "docs/operating.md lacks {name}");
        }
        let told = page.lines().filter_map(|line| line.strip_prefix("| `stox_"));
        for name in told.filter_map(|line| line.split(['`', '{']).next()) {
            let known = |family: &Family| family.name.strip_prefix("stox_") == Some(name);
            assert!(FAMILIES.iter().any(known), "no family is called stox_{name}");
        }
    }
}
