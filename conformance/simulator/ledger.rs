//! The book of all messages: what was said, what became of it, and what must hold of that.

use std::collections::BTreeMap;

use crate::agenda::{Micros, S};
use crate::plan::{Account, SaidBySip, SaidByXmpp};
use crate::stage::Stage;

/// A final response that the gateway sent for one branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Final {
    pub(crate) branch: u64,
    pub(crate) status: u16,
    pub(crate) incarnation: u64,
}

/// A message from SIP to XMPP.
#[derive(Debug)]
pub(crate) struct ToXmpp {
    pub(crate) said: SaidBySip,
    /// Its place among all that arrived at the gateway.
    pub(crate) arrived: Option<u64>,
    /// Its stanza's id, and the processes that wrote it, once for each time.
    pub(crate) stanza_id: Option<String>,
    pub(crate) written: Vec<u64>,
    /// Its places among all that the server took.
    pub(crate) taken: Vec<u64>,
    pub(crate) bounced: u32,
    /// How often it was unconfirmed when a link or a process died.
    pub(crate) repeats_allowed: usize,
    pub(crate) finals: Vec<Final>,
    pub(crate) to_tag: Option<String>,
    pub(crate) branches: Vec<u64>,
    /// It waits in this process for its fate.
    pub(crate) pending: Option<u64>,
    /// Client transactions that have no end, and when one last sent something.
    pub(crate) open: u32,
    pub(crate) last_sent: Micros,
    /// Its sender knows the end: the status, or none after Timer F.
    pub(crate) heard: Option<Option<u16>>,
}

/// A message from XMPP to SIP.
#[derive(Debug)]
pub(crate) struct ToSip {
    pub(crate) said: SaidByXmpp,
    pub(crate) told_by_server: bool,
    /// Its place among all that the gateway got, and the process that got it.
    pub(crate) reached: Option<(u64, u64)>,
    /// Places among all that devices took, with the branches.
    pub(crate) taken: Vec<(u64, String)>,
    pub(crate) branches: u32,
    /// Branches that ended without a final response.
    pub(crate) given_up: u32,
    /// A 2xx reached the gateway.
    pub(crate) success: bool,
    pub(crate) errors_written: u32,
    pub(crate) errors_received: u32,
    /// Its process ended while it was in flight.
    pub(crate) orphaned: bool,
    /// The link was down at some time while it was in flight.
    pub(crate) link_was_down: bool,
}

impl ToSip {
    /// Whether the gateway has it and owes an outcome.
    pub(crate) fn in_flight(&self) -> bool {
        self.reached.is_some() && !self.success && self.errors_written == 0 && !self.orphaned
    }
}

/// All messages, by number.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) to_xmpp: Vec<ToXmpp>,
    pub(crate) to_sip: Vec<ToSip>,
    order: u64,
}

impl Ledger {
    pub(crate) fn say_by_sip(&mut self, said: SaidBySip) -> u32 {
        self.to_xmpp.push(ToXmpp {
            said,
            arrived: None,
            stanza_id: None,
            written: Vec::new(),
            taken: Vec::new(),
            bounced: 0,
            repeats_allowed: 0,
            finals: Vec::new(),
            to_tag: None,
            branches: Vec::new(),
            pending: None,
            open: 0,
            last_sent: 0,
            heard: None,
        });
        self.to_xmpp.len() as u32 - 1
    }

    pub(crate) fn say_by_xmpp(&mut self, said: SaidByXmpp) -> u32 {
        self.to_sip.push(ToSip {
            said,
            told_by_server: false,
            reached: None,
            taken: Vec::new(),
            branches: 0,
            given_up: 0,
            success: false,
            errors_written: 0,
            errors_received: 0,
            orphaned: false,
            link_was_down: false,
        });
        self.to_sip.len() as u32 - 1
    }

    /// The next place in the order of everything.
    pub(crate) fn place(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    /// The core learnt that a link is down: what waits for it may be written again.
    pub(crate) fn link_died(&mut self, link: usize) {
        for message in self.to_xmpp.iter_mut().filter(|message| message.said.server == link) {
            if message.pending.is_some() {
                message.repeats_allowed += 1;
            }
        }
        for message in self.to_sip.iter_mut().filter(|message| message.said.server == link) {
            message.link_was_down |= message.in_flight();
        }
    }

    /// The process ended: requests that have no answer yet will come again to the next one, and
    /// so may a copy that is still on its way.
    pub(crate) fn process_died(&mut self, now: Micros) {
        for message in &mut self.to_xmpp {
            message.pending = None;
            let again = message.open > 0 || now < message.last_sent + S;
            if message.arrived.is_some() && again {
                message.repeats_allowed += 1;
            }
        }
        for message in &mut self.to_sip {
            message.orphaned |= message.in_flight();
        }
    }

    /// Whether every SIP user knows what became of what he wrote.
    pub(crate) fn all_heard(&self) -> bool {
        self.to_xmpp.iter().all(|message| message.heard.is_some() && message.open == 0)
    }
}

/// What must hold when everything is quiet. `running` is the process that is left, `dropped` how
/// many error stanzas it could not write since a link was down.
pub(crate) fn audit(stage: &mut Stage, running: u64, dropped: u64) {
    let ledger = std::mem::take(&mut stage.ledger);
    for (number, message) in ledger.to_xmpp.iter().enumerate() {
        audit_to_xmpp(stage, number, message);
    }
    let mut without = 0;
    for (number, message) in ledger.to_sip.iter().enumerate() {
        without += audit_to_sip(stage, number, message, running);
    }
    stage.demand(without == dropped, || {
        format!(
            "{without} messages to SIP have no end, and {dropped} error stanzas were not written"
        )
    });
    order_to_xmpp(stage, &ledger);
    order_to_sip(stage, &ledger);
    stage.ledger = ledger;
}

fn audit_to_xmpp(stage: &mut Stage, number: usize, message: &ToXmpp) {
    let taken = message.taken.len();
    stage.coverage.hit("to_xmpp.said");
    for end in &message.finals {
        stage.coverage.hit(&format!("to_xmpp.{}", end.status));
    }
    let success = message.finals.iter().any(|end| end.status < 300);
    if success {
        stage.coverage.hit("to_xmpp.taken");
        stage.demand(taken >= 1, || format!("s{number} got a 2xx and the server never had it"));
    }
    if taken > 1 {
        stage.coverage.hit("to_xmpp.repeated_after_loss");
    }
    stage.demand(taken <= 1 + message.repeats_allowed, || {
        format!(
            "s{number} came to the server {taken} times; {} repeats are explained",
            message.repeats_allowed
        )
    });
    stage.demand(message.heard.is_some(), || format!("s{number} never ended for its sender"));
}

/// Checks one message; 1 when it has no end though its process lives.
fn audit_to_sip(stage: &mut Stage, number: usize, message: &ToSip, running: u64) -> u64 {
    stage.coverage.hit("to_sip.said");
    let Some((_, incarnation)) = message.reached else {
        let name = if message.told_by_server {
            "server.told_its_user"
        } else {
            "to_sip.lost_before_gateway"
        };
        stage.coverage.hit(name);
        stage.demand(message.taken.is_empty() && message.errors_written == 0, || {
            format!("x{number} did not reach the gateway and had an effect")
        });
        return 0;
    };
    stage.demand(message.errors_written <= 1, || {
        format!("the sender of x{number} was told {} times", message.errors_written)
    });
    let spare = 1 + message.given_up as usize;
    stage.demand(message.taken.len() <= spare, || {
        format!(
            "x{number} was taken by {} transactions, {spare} are explained",
            message.taken.len()
        )
    });
    if message.success {
        stage.coverage.hit("to_sip.taken");
        stage.demand(message.errors_written == 0, || {
            format!("x{number} got a 2xx and its sender an error")
        });
        stage.demand(!message.taken.is_empty(), || format!("x{number} got a 2xx from nobody"));
        return 0;
    }
    if message.errors_written > 0 {
        stage.coverage.hit("to_sip.failed");
        if message.errors_received == 0 {
            stage.coverage.hit("to_sip.error_lost_in_link");
        }
        if !message.taken.is_empty() {
            stage.coverage.hit("to_sip.taken_but_told_failed");
        }
        return 0;
    }
    if message.orphaned {
        stage.coverage.hit("to_sip.orphaned");
        return 0;
    }
    stage.coverage.hit("to_sip.error_dropped_link_down");
    stage.demand(message.link_was_down && incarnation == running, || {
        format!("x{number} was lost: no 2xx, and its sender was told nothing")
    });
    1
}

/// Of each server, sender and target: place of arrival, place of the end, number.
type Lines<'a> = BTreeMap<(usize, &'a str, &'a str), Vec<(u64, u64, usize)>>;

/// Messages of one sender to one target, in order: places of arrival and of the end.
fn in_order(stage: &mut Stage, what: &str, lines: Lines<'_>) {
    for ((_, from, to), mut line) in lines {
        line.sort_unstable();
        for pair in line.windows(2) {
            let [(_, earlier, first), (_, later, second)] = pair else { continue };
            stage.demand(earlier < later, || {
                format!("{from} to {to}: {what}{second} overtook {what}{first}")
            });
        }
    }
}

fn order_to_xmpp(stage: &mut Stage, ledger: &Ledger) {
    let mut lines: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (number, message) in ledger.to_xmpp.iter().enumerate() {
        if let (Some(arrived), [taken]) = (message.arrived, &message.taken[..])
            && message.repeats_allowed == 0
            && message.said.account != Account::Poison
        {
            let line =
                lines.entry((message.said.server, message.said.from, message.said.to)).or_default();
            line.push((arrived, *taken, number));
        }
    }
    in_order(stage, "s", lines);
}

fn order_to_sip(stage: &mut Stage, ledger: &Ledger) {
    let mut lines: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (number, message) in ledger.to_sip.iter().enumerate() {
        if let (Some((reached, _)), [(taken, _)], true) =
            (message.reached, &message.taken[..], message.success)
        {
            let line =
                lines.entry((message.said.server, message.said.from, message.said.to)).or_default();
            line.push((reached, *taken, number));
        }
    }
    in_order(stage, "x", lines);
}
