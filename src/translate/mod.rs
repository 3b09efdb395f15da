//! From the words of one side to the words of the other: pure functions of the rules and of what
//! routing found out. Nothing here remembers anything.

pub mod encryption;
mod error;
mod message;
mod plain;
mod presence;
mod query;
mod structure;

use crate::codec::mime::cpim;
use crate::codec::sip::{Response, Status};
use crate::codec::xml;
use crate::codec::xmpp::{self, Condition, MessageKind, StanzaError};
use crate::flow::{
    Correlation, Counter, Decision, EncryptionReport, Failure, Forms, Inbound, Intent, LinkId,
    LocalResponse, Now, Origin, Outbound, Outcome, PresenceIntent, Profile, Returned, Routed,
    SecuredNotify, Watchers,
};
use crate::rules::{Direction, Facts, Rules, Saying};
use encryption::Outward;
use error::Told;
use message::content::Content;

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
        Routed::Response { branch, outbound, response, contact, seen } => {
            answered(rules, branch, (outbound.as_deref(), seen), &response, contact)
        }
        Routed::Challenged { branch, asked } => Intent::Authorize { branch, asked },
        Routed::Outbound { outbound, origin } => outbound_intent(rules, now, outbound, origin),
        Routed::Abandoned(delivery) => Intent::Abandon(delivery),
        Routed::Failed { delivery, outbound, failure, seen } => {
            let answer = answer_to_failed(rules, &outbound, failure, seen);
            Intent::Fail { delivery, answer, failure }
        }
        Routed::Bounce { link, sequence, returned } => {
            Intent::Bounced { link, sequence, refusal: bounced_refusal(rules, &returned) }
        }
        Routed::Barrier { link } => Intent::Confirmed { link, success: success(rules) },
        Routed::Query { link, iq, named } => queried(rules, link, *iq, named.as_ref()),
        Routed::Refused { link, stanza, refused: (condition, saying), counter } => {
            let error = error::of_saying(&rules.errors, condition, saying, lang_of(&stanza));
            let answer = error::reply(*stanza, error).map(Box::new);
            answer.map_or(Intent::Drop(counter), |stanza| Intent::Reply { link, stanza, counter })
        }
        Routed::Unreadable { link, own, malformed } => match error::of_malformed(own, &malformed) {
            Some(stanza) => {
                Intent::Reply { link, stanza: Box::new(stanza), counter: Counter::XmppMalformed }
            }
            None => Intent::Drop(Counter::XmppMalformed),
        },
        Routed::Presence(routed) => presence::translate(rules, now, routed),
        Routed::SecuredPresence { link, correlation, presence, sight } => {
            secured_presence(rules, now, (link, correlation), presence, sight)
        }
        Routed::CameBack(correlation) => Intent::CameBack(correlation),
        Routed::Departed(jid) => Intent::Departed(jid),
        Routed::Learnt(evidence, routed) => {
            both(Intent::Learn(evidence), translate(rules, now, *routed))
        }
        Routed::Drop(counter) => Intent::Drop(counter),
        Routed::State(input) => Intent::State(input),
    }
}

/// The answer to a request for information.
fn queried(rules: &Rules, link: LinkId, iq: xmpp::Iq, named: Option<&xmpp::Jid>) -> Intent {
    let stanza = Box::new(query::answer(&rules.errors, iq, named));
    Intent::Reply { link, stanza, counter: Counter::XmppQuery }
}

/// The final response to the message that came back.
fn bounced_refusal(rules: &Rules, returned: &Returned) -> Option<LocalResponse> {
    let Returned { to_full, error, contact, challenge, parties, object, languages } = returned;
    let facts = Facts { condition: error.condition.name(), ..parties.facts() };
    let bounce = error::Bounce {
        error,
        to_full: *to_full,
        contact: contact.as_ref(),
        challenge,
        languages: languages.as_deref().unwrap_or_default(),
        not_understood: object.then_some(rules.encryption.not_understood),
    };
    error::to_sip(rules.errors.of(&facts), &bounce)
}

/// The language of a stanza.
fn lang_of(stanza: &xmpp::Stanza) -> Option<&str> {
    match stanza {
        xmpp::Stanza::Message(message) => message.lang.as_deref(),
        xmpp::Stanza::Presence(presence) => presence.lang.as_deref(),
        xmpp::Stanza::Iq(iq) => iq.lang.as_deref(),
        _ => None,
    }
}

/// A presence with an object, which is for who watches its sender (RFC 3923 §4). Nothing else of it
/// is read, but that a device goes.
fn secured_presence(
    rules: &Rules,
    now: Now,
    (link, correlation): (LinkId, Correlation),
    mut presence: Box<xmpp::Presence>,
    sight: Option<Box<Watchers>>,
) -> Intent {
    let watched = sight.as_deref();
    let (crosses, flag) =
        encryption::presence::outward(rules, now, correlation, &presence, watched);
    let flag = flag.map_or(Intent::Drop(Counter::Encrypted), |flag| Intent::Flag(Box::new(flag)));
    encryption::presence::strip(&mut presence);
    let pair = sight.map(|sight| sight.pair);
    let leaves = (presence.kind == xmpp::PresenceKind::Unavailable).then(|| presence.clone());
    let intent = match (crosses, &pair) {
        (Ok((written, dialogs)), Some(pair)) => {
            let (pair, stanza) = (pair.clone(), presence);
            let directed = Box::new(SecuredNotify { pair, stanza, dialogs, written });
            both(flag, Intent::Presence(PresenceIntent::Object(directed)))
        }
        (Ok(_), None) => flag,
        (Err(error), _) => both(presence_error(link, presence, *error), flag),
    };
    match leaves.zip(pair) {
        Some((presence, pair)) => both(intent, presence::presented(now, pair, *presence)),
        None => intent,
    }
}

/// The error answer to a presence stanza.
fn presence_error(link: LinkId, presence: Box<xmpp::Presence>, error: StanzaError) -> Intent {
    let counter = Counter::XmppRefused;
    match error::reply(xmpp::Stanza::Presence(presence), error) {
        Some(answer) => Intent::Reply { link, stanza: Box::new(answer), counter },
        None => Intent::Drop(counter),
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
    let inward = match message::to_xmpp(settings, &rules.encryption, &inbound, now) {
        Ok(inward) => inward,
        Err(refusal) => return answer(inbound, *refusal),
    };
    let message::Inward { stanza, counted, id, flags, refusal } = inward;
    if let Some(id) = id {
        inbound.id = id.to_string();
    }
    let intent = match (stanza, refusal) {
        (Some(stanza), _) => Intent::Deliver { inbound, stanza },
        (None, Some(refusal)) => answer(inbound, *refusal),
        (None, None) => answer(inbound, LocalResponse::success(success(rules))),
    };
    let counted = counted.into_iter().map(Intent::Drop);
    let flags = flags.into_iter().map(|flag| Intent::Flag(Box::new(flag)));
    counted.chain(flags).fold(intent, |intent, first| both(first, intent))
}

fn both(first: Intent, second: Intent) -> Intent {
    Intent::Both(Box::new([first, second]))
}

/// What becomes of a message to SIP: a request, an error if it has no hop left (RFC 7247 §8), or
/// nothing.
fn outbound_intent(rules: &Rules, now: Now, mut outbound: Box<Outbound>, origin: Origin) -> Intent {
    // One that is on its way already had hops when it came.
    let new = matches!(origin, Origin::New(_));
    if new && message::hops(&outbound.stanza) == message::Hops::Spent {
        let (condition, lang) = (Condition::NotAcceptable, outbound.stanza.lang.as_deref());
        let error = error::of_saying(&rules.errors, condition, Saying::Hops, lang);
        let stanza = Box::new(error::reply_to_message(&outbound.stanza, error));
        return Intent::Reply { link: outbound.link, stanza, counter: Counter::XmppRefused };
    }
    let settings = rules.messages.of(&outbound.facts());
    let is_headline = outbound.stanza.kind == MessageKind::Headline;
    if new && is_headline && settings.drop_headlines {
        return Intent::Drop(Counter::XmppHeadline);
    }
    let sight = |sighting| {
        let flag = EncryptionReport { sighting, notice: None };
        Intent::Flag(Box::new(flag))
    };
    let (rendered, sighting) = match encryption::outward(rules, now, &mut outbound) {
        Outward::Text(sighting) => {
            // What is encrypted within a text is of use as it is, and whole, alone.
            let exact = sighting.as_ref().is_some_and(|met| met.decision == Decision::Relayed);
            if !exact && let Some(told) = worded(rules, &mut outbound, &origin) {
                return told;
            }
            message::display_name(settings, &mut outbound);
            let mut rendered = message::to_sip(settings, &outbound);
            if exact {
                rendered.long = None;
            }
            (rendered, sighting)
        }
        Outward::Object(object, sighting) => {
            (message::object(settings, &outbound, *object), Some(sighting))
        }
        Outward::Stale => return stale(rules, &outbound, origin),
        Outward::Refused(error, flag) => {
            let stanza = Box::new(error::reply_to_message(&outbound.stanza, *error));
            let counter = Counter::XmppRefused;
            let reply = Intent::Reply { link: outbound.link, stanza, counter };
            return both(reply, Intent::Flag(flag));
        }
        Outward::Ignored(sighting) => return sight(sighting),
    };
    let send = Intent::Send { outbound, rendered, origin };
    match sighting.filter(|_| new) {
        Some(sighting) => both(sight(sighting), send),
        None => send,
    }
}

/// Puts what a message says beside its body, or without one, into its body; the answer is what is
/// done instead where nothing of it crosses. What was encrypted had to be told before.
fn worded(rules: &Rules, outbound: &mut Outbound, origin: &Origin) -> Option<Intent> {
    // One that makes another pass has its words.
    if matches!(origin, Origin::Again(_)) || outbound.notice {
        return None;
    }
    let silent = |counter| match origin {
        Origin::Recovered(delivery, _) => Intent::Abandon(*delivery),
        Origin::New(_) | Origin::Again(_) => Intent::Drop(counter),
    };
    if outbound.stanza.is_wrapped() {
        return Some(silent(Counter::XmppWrapped));
    }
    let settings = rules.messages.of(&outbound.facts());
    match message::content::of(rules, settings, &outbound.stanza) {
        Content::Body => None,
        Content::Text(text) => {
            outbound.stanza.bodies = vec![text];
            None
        }
        Content::Silent => Some(silent(Counter::XmppBodiless)),
        Content::Refused(error) => {
            let stanza = Box::new(error::reply_to_message(&outbound.stanza, *error));
            let counter = Counter::XmppRefused;
            let reply = Intent::Reply { link: outbound.link, stanza, counter };
            Some(match origin {
                Origin::Recovered(delivery, _) => both(reply, Intent::Abandon(*delivery)),
                Origin::New(_) | Origin::Again(_) => reply,
            })
        }
    }
}

/// An object that waited for too long (RFC 3923 §6.9).
fn stale(rules: &Rules, outbound: &Outbound, origin: Origin) -> Intent {
    let failure = Failure::Stale;
    let answer = answer_to_failed(rules, outbound, failure, false);
    let reply = |stanza| {
        let counter = Counter::OutboundFailed;
        Intent::Reply { link: outbound.link, stanza, counter }
    };
    match origin {
        Origin::Again(delivery) => Intent::Fail { delivery, answer, failure },
        Origin::New(_) => reply(answer),
        Origin::Recovered(delivery, _) => both(reply(answer), Intent::Abandon(delivery)),
    }
}

/// The error for a message that got no answer from SIP.
fn answer_to_failed(
    rules: &Rules,
    outbound: &Outbound,
    failure: Failure,
    seen: bool,
) -> Box<xmpp::Stanza> {
    let facts = Facts { direction: Direction::ToXmpp, ..outbound.facts() };
    let (errors, told) = (rules.errors.of(&facts), Told { seen, ..told(outbound) });
    let error = error::of_failure(errors, failure, told);
    let error = match failure {
        Failure::TooLarge if outbound.part.as_ref().is_some_and(|part| part.number == 1) => error,
        _ => error::of_part(errors, error, outbound.part.as_deref(), told),
    };
    Box::new(error::reply_to_message(&outbound.stanza, error))
}

/// Whom an error of a message is told.
fn told(outbound: &Outbound) -> Told<'_> {
    Told::new(outbound.stanza.lang.as_deref())
}

/// The answer to a message that was taken.
fn success(rules: &Rules) -> Status {
    if rules.messages.success == 202 { Status::ACCEPTED } else { Status::OK }
}

/// What a response means for the message that it answers.
fn answered(
    rules: &Rules,
    branch: u64,
    (outbound, seen): (Option<&Outbound>, bool),
    response: &Response,
    contact: Option<xml::Text>,
) -> Intent {
    let status = response.status;
    if status.is_provisional() {
        return Intent::Proceeding { branch };
    }
    let other_form = outbound.and_then(|outbound| other_form(rules, outbound, response));
    let outcome = match (outbound, other_form) {
        (None, _) => Outcome::Silent,
        (Some(_), Some(profile)) => Outcome::Retry { profile },
        (Some(outbound), None) => {
            let code = status.code().to_string();
            let direction = Direction::ToXmpp;
            let facts = Facts { direction, status: &code, ..outbound.facts() };
            let (errors, told) = (rules.errors.of(&facts), Told { seen, ..told(outbound) });
            let error = error::of_response(errors, response, contact, told);
            let error = match outbound.profile {
                Profile::Object => {
                    let (asked, lang) = (outbound.facts(), outbound.stanza.lang.as_deref());
                    encryption::error_of_object(rules, error, status, &asked, lang)
                }
                Profile::Cpim | Profile::Text => {
                    error::of_part(errors, error, outbound.part.as_deref(), told)
                }
            };
            Outcome::Failed(Box::new(error::reply_to_message(&outbound.stanza, error)))
        }
    };
    let refuses_object = outbound.is_some_and(|outbound| refuses_object(rules, outbound, status));
    Intent::Settle { branch, outcome, status: status.code(), refuses_object }
}

/// Whether a response says that the target does not read the object that it got.
fn refuses_object(rules: &Rules, outbound: &Outbound, status: Status) -> bool {
    let refused = || &rules.messages.of(&outbound.facts()).refused_form;
    outbound.profile == Profile::Cpim && refused().contains(&status.code())
}

/// The form in which a message goes once more, since the response refuses the one that it had: an
/// object as bare text, and a text as an object where the 415 says that this is read
/// (RFC 3261 §8.1.3.5, §21.4.13).
fn other_form(rules: &Rules, outbound: &Outbound, response: &Response) -> Option<Profile> {
    if !matches!(outbound.forms, Forms::Either { .. }) {
        return None;
    }
    let status = response.status;
    match outbound.profile {
        Profile::Cpim => refuses_object(rules, outbound, status).then_some(Profile::Text),
        Profile::Text => {
            let reads = status == Status::UNSUPPORTED_MEDIA_TYPE
                && response.headers.accept_names(cpim::MEDIA_TYPE);
            reads.then_some(Profile::Cpim)
        }
        Profile::Object => None,
    }
}
