//! Messages that flow while people watch each other: how long they take, and what became of them.

use std::time::Duration;

use super::phase::Show;
use crate::measure::sheet::Sheet;
use crate::scenario::flow::{Direction, Flow, Pacing};
use crate::scenario::talk::{Manner, Talk};

/// Users on each side who talk.
const USERS: usize = 200;

/// Users who talk at a rate, in both directions.
pub(super) fn talk(rate: f64) -> Talk {
    Talk::new(&Manner {
        directions: vec![Direction::XmppToSip, Direction::SipToXmpp],
        pacing: Pacing::Rate(rate),
        users: USERS,
        each: 1,
        body: 60,
        patience: Duration::from_secs(40),
        resource: "load".to_owned(),
    })
}

/// Tells the latencies since the last time.
pub(super) fn tell_latency(show: &mut Show, sheet: &mut Sheet, key: &str, name: &str) {
    let Some(talk) = &mut show.talk else { return };
    for (direction, summary) in talk.take_latency() {
        let (way, arrow) = match direction {
            Direction::XmppToSip => ("xmpp_to_sip", "to SIP"),
            Direction::SipToXmpp => ("sip_to_xmpp", "to XMPP"),
        };
        let words =
            format!("p50 {:.2}  p99 {:.2}  max {:.2} ms", summary.p50, summary.p99, summary.max);
        sheet.tell(
            &format!("latency_ms_{key}_{way}"),
            &format!("{name}, {arrow}"),
            &summary,
            words,
        );
    }
}

/// Tells what became of all messages; what was refused is a fault unless it may be.
pub(super) fn tell_messages(show: &Show, sheet: &mut Sheet, may_refuse: bool) {
    let Some(talk) = &show.talk else { return };
    let sum = |what: fn(&Flow) -> u64| talk.flows.iter().map(what).sum::<u64>();
    let refused = sum(|flow| flow.refused.values().sum());
    let lost = sum(|flow| flow.tally.lost(flow.sent()));
    let (sent, arrived) = (sum(Flow::sent), sum(|flow| flow.tally.arrived));
    let words = format!("{arrived} of {sent} arrived, {refused} refused, {lost} lost");
    sheet.tell("messages", "messages", [sent, arrived, refused, lost], words);
    for flow in &talk.flows {
        for (why, count) in flow.refused.iter().filter(|_| !may_refuse) {
            sheet.fault(&format!("message refused: {why}"), *count);
        }
    }
    sheet.fault("message lost", lost);
    sheet.fault("message doubled", sum(|flow| flow.tally.duplicated));
    sheet.fault("message refused that arrived", sum(|flow| flow.tally.contradicted));
    sheet.fault("message without an answer", sum(|flow| flow.unanswered));
}
