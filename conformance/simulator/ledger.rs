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
    pub(crate) at: Micros,
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

/// What a journal does with a message when its process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaves {
    /// It was in the file long enough: the next process has it.
    Surely,
    /// It came or ended with the last steps.
    Perhaps,
    /// It had ended.
    Nothing,
}

/// A message from XMPP to SIP.
#[derive(Debug)]
pub(crate) struct ToSip {
    pub(crate) said: SaidByXmpp,
    pub(crate) told_by_server: bool,
    /// Its place among all that the gateway got.
    pub(crate) reached: Option<u64>,
    /// The process that has it, and when the journal was told that it does.
    pub(crate) owner: Option<u64>,
    pub(crate) taken_on: Option<Micros>,
    /// When this process noted its end.
    pub(crate) ended: Option<Micros>,
    /// What became of it when the process ended that had it.
    pub(crate) leaves: Option<Leaves>,
    /// It came with the last steps of a process, and no later one knows it.
    pub(crate) at_risk: bool,
    /// How often a later process took it up.
    pub(crate) taken_ups: u32,
    /// An earlier process had an end of it that it did not live to note.
    pub(crate) end_forgotten: bool,
    /// Places among all that devices took, with the branches.
    pub(crate) taken: Vec<(u64, String)>,
    /// Copies that came when the device's transaction was over.
    pub(crate) late_copies: usize,
    pub(crate) branches: u32,
    /// Branches that ended without a final response.
    pub(crate) given_up: u32,
    /// A 2xx reached a gateway's process, and this one.
    pub(crate) success: bool,
    pub(crate) success_here: bool,
    pub(crate) errors_written: u32,
    pub(crate) errors_received: u32,
    /// An error was written and is not confirmed, and how often one was when the link or the
    /// process died; the server has one for certain.
    pub(crate) error_open: bool,
    pub(crate) errors_repeated: u32,
    pub(crate) told: bool,
    /// It failed at the bound of the link, and nobody was told.
    pub(crate) untold: bool,
}

impl ToSip {
    /// Whether the gateway has it and owes an outcome.
    pub(crate) fn in_flight(&self) -> bool {
        self.owner.is_some() && self.ended.is_none() && !self.at_risk
    }
}

/// All messages, by number.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) to_xmpp: Vec<ToXmpp>,
    pub(crate) to_sip: Vec<ToSip>,
    /// How often a message to SIP failed and its sender was not told.
    pub(crate) untold: u64,
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
            owner: None,
            taken_on: None,
            ended: None,
            leaves: None,
            at_risk: false,
            taken_ups: 0,
            end_forgotten: false,
            taken: Vec::new(),
            late_copies: 0,
            branches: 0,
            given_up: 0,
            success: false,
            success_here: false,
            errors_written: 0,
            errors_received: 0,
            error_open: false,
            errors_repeated: 0,
            told: false,
            untold: false,
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
            message.errors_repeated += u32::from(std::mem::take(&mut message.error_open));
        }
    }

    /// The process ended: requests that have no answer yet will come again to the next one, and
    /// so may a copy that is still on its way. `window` is what the journal may lack; none if it
    /// was closed in peace.
    pub(crate) fn process_died(&mut self, now: Micros, process: u64, window: Option<Micros>) {
        for message in &mut self.to_xmpp {
            message.pending = None;
            let again = message.open > 0 || now < message.last_sent + S;
            if message.arrived.is_some() && again {
                message.repeats_allowed += 1;
            }
        }
        let safe = |at: Micros| window.is_none_or(|window| at + window < now);
        let here = |message: &&mut ToSip| message.owner == Some(process);
        for message in self.to_sip.iter_mut().filter(here) {
            let leaves = match (message.ended, message.taken_on) {
                (Some(ended), _) if safe(ended) => Leaves::Nothing,
                (None, Some(taken_on)) if safe(taken_on) => Leaves::Surely,
                _ => Leaves::Perhaps,
            };
            message.leaves = Some(leaves);
            message.at_risk = message.ended.is_none() && leaves == Leaves::Perhaps;
            message.error_open = false;
        }
    }

    /// Whether every SIP user knows what became of each message.
    pub(crate) fn all_heard(&self) -> bool {
        self.to_xmpp.iter().all(|message| message.heard.is_some() && message.open == 0)
    }
}

/// A later process took a message up.
pub(crate) fn taken_up(stage: &mut Stage, number: u32, process: u64) {
    stage.coverage.hit("journal.taken_up");
    let Some(message) = stage.ledger.to_sip.get_mut(number as usize) else {
        return stage.violated("the journal holds what nobody wrote".to_owned());
    };
    let left = message.leaves.take();
    (message.owner, message.taken_on, message.ended) = (Some(process), Some(0), None);
    (message.at_risk, message.untold) = (false, false);
    message.taken_ups += 1;
    message.end_forgotten |= message.success || message.errors_written > 0;
    message.errors_repeated = message.errors_repeated.max(message.errors_written);
    (message.success_here, message.told) = (false, false);
    let right = matches!(left, Some(Leaves::Surely | Leaves::Perhaps));
    if left == Some(Leaves::Perhaps) {
        stage.coverage.hit("journal.taken_up_after_its_end");
    }
    stage.demand(right, || format!("x{number} was taken up after its end"));
}

/// A process has begun: what was surely in the journal is with it.
pub(crate) fn all_taken_up(stage: &mut Stage) {
    let messages = stage.ledger.to_sip.iter();
    let mut left = messages.enumerate().filter(|(_, it)| it.leaves == Some(Leaves::Surely));
    if let Some((number, _)) = left.next() {
        stage.violated(format!("x{number} was lost: the journal does not know it"));
    }
    for message in &mut stage.ledger.to_sip {
        message.leaves = None;
    }
}

/// What must hold when everything is quiet.
pub(crate) fn audit(stage: &mut Stage) {
    let ledger = std::mem::take(&mut stage.ledger);
    for (number, message) in ledger.to_xmpp.iter().enumerate() {
        audit_to_xmpp(stage, number, message);
    }
    for (number, message) in ledger.to_sip.iter().enumerate() {
        audit_to_sip(stage, number, message);
    }
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

fn audit_to_sip(stage: &mut Stage, number: usize, message: &ToSip) {
    stage.coverage.hit("to_sip.said");
    if message.reached.is_none() {
        let name = if message.told_by_server {
            "server.told_its_user"
        } else {
            "to_sip.lost_before_gateway"
        };
        stage.coverage.hit(name);
        stage.demand(message.taken.is_empty() && message.errors_written == 0, || {
            format!("x{number} did not reach the gateway and had an effect")
        });
        return;
    }
    let told_at_most = 1 + message.errors_repeated;
    stage.demand(message.errors_written <= told_at_most, || {
        let written = message.errors_written;
        format!("the sender of x{number} was told {written} times, {told_at_most} are explained")
    });
    let spare = 1 + message.given_up as usize + message.late_copies;
    stage.demand(message.taken.len() <= spare, || {
        let transactions = message.taken.len();
        format!("x{number} was taken by {transactions} transactions, {spare} are explained")
    });
    stage.demand(message.late_copies == 0 || message.taken_ups > 0, || {
        format!("x{number} went again when its transaction was over")
    });
    if message.taken.len() > 1 {
        stage.coverage.hit("to_sip.taken_more_than_once");
    }
    let name = to_sip_end(stage, number, message);
    stage.coverage.hit(&format!("to_sip.{name}"));
}

/// What became of a message, by name.
fn to_sip_end(stage: &mut Stage, number: usize, message: &ToSip) -> &'static str {
    if message.success {
        if message.errors_written > 0 {
            stage.coverage.hit("to_sip.taken_and_told_failed");
        }
        stage.demand(message.errors_written == 0 || message.end_forgotten, || {
            format!("x{number} got a 2xx and its sender an error")
        });
        stage.demand(!message.taken.is_empty(), || format!("x{number} got a 2xx from nobody"));
        return "taken";
    }
    if message.owner.is_none() {
        if message.errors_received == 0 {
            stage.coverage.hit("to_sip.refusal_lost_in_link");
        }
        stage.demand(message.taken.is_empty(), || format!("x{number} was refused and taken"));
        return "refused_at_once";
    }
    if message.errors_received > 0 {
        if !message.taken.is_empty() {
            stage.coverage.hit("to_sip.taken_but_told_failed");
            let explained = message.given_up > 0 || message.taken_ups > 0;
            stage.demand(explained, || format!("x{number} was taken and its sender told failed"));
        }
        return "failed";
    }
    if message.at_risk {
        return "lost_with_the_last_steps";
    }
    stage.demand(message.untold, || {
        format!("x{number} was lost: no 2xx, and its sender was told nothing")
    });
    "error_dropped_at_the_bound"
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
        // A process may have ended it, and have let the next one go, without having told anybody
        // when it died; the one after it then tries another request.
        let begun_anew = message.end_forgotten || (message.taken_ups > 0 && message.branches > 1);
        if let (Some(reached), [(taken, _)], true) =
            (message.reached, &message.taken[..], message.success && !begun_anew)
        {
            let line =
                lines.entry((message.said.server, message.said.from, message.said.to)).or_default();
            line.push((reached, *taken, number));
        }
    }
    in_order(stage, "x", lines);
}
