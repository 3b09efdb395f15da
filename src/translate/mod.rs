//! From the words of one side to the words of the other: pure functions of the rules and of what
//! routing found out. Nothing here remembers anything.

mod error;
mod message;
mod presence;
mod query;

use crate::codec::sip::{Response, Status};
use crate::codec::xmpp::{Condition, MessageKind, StanzaError};
use crate::flow::{
    Counter, Inbound, Intent, Now, Origin, Outbound, Outcome, Profile, Refusal, Routed,
};
use crate::rules::{Direction, Facts, Rules};

/// Decides what is to be done about an input. Time is an input as well: messages expire.
#[must_use]
pub fn translate(rules: &Rules, now: Now, routed: Routed) -> Intent {
    match routed {
        Routed::Answer { flow, request, refusal } => Intent::Answer { flow, request, refusal },
        Routed::Malformed { hop, answer, status } => Intent::Octets { hop, octets: answer, status },
        Routed::Retransmission { flow, key, request } => {
            Intent::Retransmission { flow, key, request }
        }
        Routed::Inbound(inbound) => inbound_intent(rules, now, inbound),
        Routed::Response { branch, outbound, response, contact } => {
            answered(rules, branch, outbound.as_deref(), &response, contact)
        }
        Routed::Challenged { branch, asked } => Intent::Authorize { branch, asked },
        Routed::Outbound { outbound, origin } => outbound_intent(rules, outbound, origin),
        Routed::Abandoned(delivery) => Intent::Abandon(delivery),
        Routed::Failed { delivery, outbound, failure } => {
            let facts = Facts { direction: Direction::ToXmpp, ..outbound.facts() };
            let error = error::of_failure(rules.errors.of(&facts), failure);
            let answer = Box::new(error::reply_to_message(&outbound.stanza, error));
            Intent::Fail { delivery, answer, failure }
        }
        Routed::Bounce { link, sequence, to_full, error, contact, challenge, parties } => {
            let contact = contact.as_ref();
            let facts = Facts { condition: error.condition.name(), ..parties.facts() };
            let errors = rules.errors.of(&facts);
            let refusal = error::to_sip(errors, &error, to_full, contact, &challenge);
            Intent::Bounced { link, sequence, refusal }
        }
        Routed::Barrier { link } => Intent::Confirmed { link, success: success(rules) },
        Routed::Query { link, iq, named } => {
            let stanza = Box::new(query::answer(*iq, named.as_ref()));
            Intent::Reply { link, stanza, counter: Counter::XmppQuery }
        }
        Routed::Refused { link, stanza, error, counter } => match error::reply(*stanza, error) {
            Some(answer) => Intent::Reply { link, stanza: Box::new(answer), counter },
            None => Intent::Drop(counter),
        },
        Routed::Unreadable { link, own, malformed } => match error::of_malformed(own, &malformed) {
            Some(stanza) => {
                Intent::Reply { link, stanza: Box::new(stanza), counter: Counter::XmppMalformed }
            }
            None => Intent::Drop(Counter::XmppMalformed),
        },
        Routed::Presence(routed) => presence::translate(rules, now, routed),
        Routed::CameBack(correlation) => Intent::CameBack(correlation),
        Routed::Departed(jid) => Intent::Departed(jid),
        Routed::Drop(counter) => Intent::Drop(counter),
        Routed::State(input) => Intent::State(input),
    }
}

/// What becomes of a MESSAGE: a stanza, an answer to nothing that could be shown, or a refusal.
fn inbound_intent(rules: &Rules, now: Now, mut inbound: Box<Inbound>) -> Intent {
    let answer = |inbound: Box<Inbound>, refusal| Intent::Answer {
        flow: inbound.flow,
        request: inbound.request,
        refusal,
    };
    let settings = rules.messages.of(&inbound.facts());
    let inward = match message::to_xmpp(settings, &inbound, now) {
        Ok(inward) => inward,
        Err(refusal) => return answer(inbound, *refusal),
    };
    let message::Inward { stanza, counted, id } = inward;
    if let Some(id) = id {
        inbound.id = id.to_string();
    }
    let intent = match stanza {
        Some(stanza) => Intent::Deliver { inbound, stanza },
        None => answer(inbound, Refusal::new(success(rules))),
    };
    let counted_too = |intent, counter| Intent::Both(Box::new([Intent::Drop(counter), intent]));
    counted.into_iter().fold(intent, counted_too)
}

/// What becomes of a message to SIP: a request, an error if it has no hop left (RFC 7247 §8), or
/// nothing.
fn outbound_intent(rules: &Rules, mut outbound: Box<Outbound>, origin: Origin) -> Intent {
    // One that is on its way already had hops when it came.
    let new = matches!(origin, Origin::New(_));
    if new && message::hops(&outbound.stanza) == message::Hops::Spent {
        let error = StanzaError::new(Condition::NotAcceptable);
        let error = error.with_text("the message has gone over too many gateways");
        let stanza = Box::new(error::reply_to_message(&outbound.stanza, error));
        return Intent::Reply { link: outbound.link, stanza, counter: Counter::XmppRefused };
    }
    let settings = rules.messages.of(&outbound.facts());
    let is_headline = outbound.stanza.kind == MessageKind::Headline;
    if new && is_headline && settings.drop_headlines {
        return Intent::Drop(Counter::XmppHeadline);
    }
    message::display_name(settings, &mut outbound);
    let rendered = message::to_sip(settings, &outbound);
    Intent::Send { outbound, rendered, origin }
}

/// The answer to a message that was taken.
fn success(rules: &Rules) -> Status {
    if rules.messages.success == 202 { Status::ACCEPTED } else { Status::OK }
}

/// What a response means for the message that it answers.
fn answered(
    rules: &Rules,
    branch: u64,
    outbound: Option<&Outbound>,
    response: &Response,
    contact: Option<crate::codec::xmpp::Text>,
) -> Intent {
    let status = response.status;
    if status.is_provisional() {
        return Intent::Proceeding { branch };
    }
    let outcome = match outbound {
        None => Outcome::Silent,
        Some(outbound) if refuses_form(rules, outbound, status) => {
            let settings = rules.messages.of(&outbound.facts());
            Outcome::Retry { profile: Profile::Text, remember: settings.remember_text }
        }
        Some(outbound) => {
            let code = status.code().to_string();
            let direction = Direction::ToXmpp;
            let facts = Facts { direction, status: &code, ..outbound.facts() };
            let error = error::of_response(rules.errors.of(&facts), response, contact);
            Outcome::Failed(Box::new(error::reply_to_message(&outbound.stanza, error)))
        }
    };
    Intent::Settle { branch, outcome, status: status.code() }
}

fn refuses_form(rules: &Rules, outbound: &Outbound, status: Status) -> bool {
    outbound.may_retry
        && outbound.profile == Profile::Cpim
        && rules.messages.of(&outbound.facts()).refused_form.contains(&status.code())
}
