//! What must hold of one thing that the gateway sends: that it is what was meant, and not said
//! too early, too late or twice.

use stox::codec::sip::Request;
use stox::codec::xmpp::Message;

use crate::ledger::Final;
use crate::plan::{Account, SIP_DOMAIN, XMPP_DOMAINS};
use crate::stage::Stage;
use crate::words::{number, text_of};

/// A final response for a message of a SIP user.
pub(crate) fn final_response(stage: &mut Stage, number: u32, end: Final, tag: Option<&str>) {
    let Some(message) = stage.ledger.to_xmpp.get_mut(number as usize) else { return };
    let Final { status, incarnation, .. } = end;
    let written = message.written.contains(&incarnation);
    let tag = tag.unwrap_or_default().to_owned();
    let same_tag = message.to_tag.get_or_insert_with(|| tag.clone()) == &tag;
    let copies = message.branches.len();
    if status != 482 {
        message.pending = None;
    }
    message.finals.push(end);
    if matches!(status, 480 | 503) {
        // What is refused on one branch and taken on another came with the other.
        message.arrived = None;
    }
    let (account, taken) = (message.said.account, message.taken.len());
    stage.demand(same_tag && !tag.is_empty(), || format!("s{number}: another To tag"));
    stage.demand(expected(account, status, copies), || {
        format!("s{number}: {status} for {account:?}")
    });
    stage.demand(status >= 300 || taken > 0, || {
        format!("s{number}: {status} before the server has the stanza")
    });
    if status == 482 {
        stage.coverage.hit("sip.482_for_a_copy");
    }
    let unwritten = !matches!(status, 480 | 503) || !written || copies > 1;
    stage.demand(unwritten, || format!("s{number}: {status} for what was written"));
}

/// Which final responses the fate of a stanza can become.
fn expected(account: Account, status: u16, copies: usize) -> bool {
    // In the way: the link down or full, no confirmation, a merged copy.
    if matches!(status, 480 | 503 | 504) || (status == 482 && copies > 1) {
        return true;
    }
    match account {
        Account::Known | Account::Warned => status == 200,
        Account::BouncesLate => matches!(status, 200 | 403),
        Account::Unknown("item-not-found") => matches!(status, 404 | 604),
        Account::Unknown(_) => status == 403,
        Account::Poison => status == 500,
    }
}

/// Request-URI, From and body are what the user wrote.
pub(crate) fn addressed(stage: &mut Stage, request: &Request, number: u32) {
    let said = &stage.ledger.to_sip[number as usize].said;
    let to = format!("sip:{}@{SIP_DOMAIN}", said.to);
    let from = format!("sip:{}@{}", said.from, XMPP_DOMAINS[said.server]);
    let body = text_of(&request.body);
    let padding = body.bytes().filter(|octet| *octet == b'~').count();
    let right = request.uri.as_str() == to
        && request.from.uri().as_str().starts_with(&from)
        && padding == said.padding;
    stage.demand(right, || format!("x{number}: not as it was written"));
}

/// An error for a sender; the answer is the message's number, and whether it is too long.
pub(crate) fn error_out(stage: &mut Stage, message: &Message, link: usize) -> Option<(u32, bool)> {
    let id = message.id.as_deref().unwrap_or_default();
    let number = number(id, 'x')?;
    let known = stage.ledger.to_sip.get_mut(number as usize)?;
    known.errors_written += 1;
    known.error_open = true;
    let (again, taken_up) = (known.taken_ups > 0, known.taken_on.is_some());
    let said = &known.said;
    let sender = format!("{}@{}/balcony", said.from, XMPP_DOMAINS[said.server]);
    let right = said.server == link && message.to.as_ref().is_some_and(|to| to.as_str() == sender);
    stage.demand(right, || format!("the error of x{number} goes to somebody else"));
    let error = message.error.as_ref();
    let text = error.and_then(|error| error.texts.first()).map(|text| text.text.to_string());
    let text = text.unwrap_or_default();
    let too_long = text == "This is too long for the SIP side: send it in shorter pieces.";
    match text {
        text if text.starts_with("Not sent") => stage.coverage.hit("queue.failed_behind"),
        text if text.starts_with("Too many messages wait") => stage.coverage.hit("queue.full"),
        _ if too_long => stage.coverage.hit("to_sip.too_long"),
        text if text.contains("is not known") => {
            stage.coverage.hit("to_sip.outcome_unknown");
            stage.demand(again, || format!("x{number}: an unknown outcome without a restart"));
        }
        text if text.contains("is being restarted") => {
            stage.coverage.hit("to_sip.refused_while_draining");
            stage.demand(!taken_up, || format!("x{number}: refused after it was taken"));
        }
        _ => {}
    }
    Some((number, too_long))
}

pub(crate) fn message_out(stage: &mut Stage, message: &Message, link: usize, incarnation: u64) {
    let body = message.bodies.first().map(|body| body.text.to_string()).unwrap_or_default();
    let Some(number) = number(&body, 's') else {
        return stage.violated("a message that nobody wrote".to_owned());
    };
    let Some(known) = stage.ledger.to_xmpp.get_mut(number as usize) else { return };
    let id = message.id.as_deref().unwrap_or_default().to_owned();
    let same_id = known.stanza_id.get_or_insert_with(|| id.clone()) == &id;
    known.written.push(incarnation);
    let pending = known.pending == Some(incarnation);
    let said = &known.said;
    let from = format!("{}@sip.{}", said.from, XMPP_DOMAINS[said.server]);
    let to = format!("{}@{}", said.to, XMPP_DOMAINS[said.server]);
    let right = said.server == link
        && message.from.as_ref().is_some_and(|jid| jid.bare_str() == from)
        && message.to.as_ref().is_some_and(|jid| jid.bare_str() == to);
    stage.demand(same_id && !id.is_empty(), || format!("s{number}: another stanza id"));
    stage.demand(right, || format!("s{number}: not as it was written"));
    stage.demand(pending, || format!("s{number}: written after its sender was answered"));
}
