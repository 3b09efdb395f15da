//! Presence in both directions (RFC 8048 §6).

mod devices;
mod to_sip;
mod to_xmpp;

use crate::codec::mime::rfc3339;
use crate::codec::sip::{HeaderName, Method, NameAddr, Response, Scheme};
use crate::codec::xml::Text;
use crate::codec::xmpp::{Condition, LangText, Presence, PresenceKind, StanzaError, ns};
use crate::flow::{
    Counter, Device, Facts, Intent, Now, PresenceIntent, PresenceRouted, PresenceStanza, Remote,
    Responded, StanzaContent, StanzaErrorMeaning, SubscribeRequest, SubscriptionResponse, UserPair,
};
use crate::rules::{self, Direction, Rules};

use to_sip::written;
use to_xmpp::notified;

use super::error::Told;
use super::{encryption, error, plain, presence_error};

/// Octets of the id of a request that are kept for its answer.
const ID: usize = 1_024;

/// Decides what is to be done about presence.
pub(super) fn translate(rules: &Rules, now: Now, routed: PresenceRouted) -> Intent {
    match routed {
        PresenceRouted::Stanza { pair, presence } => presented(now, pair, *presence),
        PresenceRouted::Notify { notified: what, before } => {
            let asked = what.facts();
            let own = rules.presence.of(&asked);
            Intent::Presence(notified((own, &rules.encryption), now, what, &before))
        }
        PresenceRouted::Asking { pair, native, dialog, seconds } => {
            let accept = encryption::presence::accept(&rules.encryption, &pair, native);
            let pair = pair.id;
            Intent::Presence(PresenceIntent::Subscribe { pair, dialog, seconds, accept })
        }
        PresenceRouted::Subscribe(mut subscribing) => {
            subscribing.nick = nick(rules, &subscribing);
            Intent::Presence(PresenceIntent::Subscribing(subscribing))
        }
        PresenceRouted::Lost { link, stanza, failure } => {
            let errors = rules.errors.of(&encryption::presence::facts(&stanza));
            let lang = stanza.lang.clone();
            let told = Told::new(lang.as_deref());
            presence_error(link, stanza, error::of_failure(errors, failure, told))
        }
        PresenceRouted::Response(responded) => of_responded(rules, *responded),
        PresenceRouted::Render { pair, renderings } => {
            Intent::Presence(written(&rules.presence, &pair, renderings))
        }
    }
}

/// What a SIP user who asks is called (XEP-0172 §4.1).
fn nick(rules: &Rules, asked: &SubscribeRequest) -> Option<Text> {
    let from = &asked.request.from;
    let name = plain::name_of(from.display_name()?, from.uri())?;
    let facts = asked.facts();
    rules.presence.of(&facts).tell_name.then(|| name.into())
}

/// What came of a SUBSCRIBE or NOTIFY, in the words of XMPP where it failed.
fn of_responded(rules: &Rules, responded: Responded) -> Intent {
    let Responded { pair, peer, method, branch, response, contact, secured, lang, seen } =
        responded;
    let status = response.status.code().to_string();
    let asked = pair.as_ref().map(UserPair::facts).unwrap_or_default();
    let (peer, direction) = (peer.as_deref(), Direction::ToXmpp);
    let asked = rules::Facts { direction, peer, method, status: &status, ..asked };
    let as_error = rules.presence.of(&asked).refused_is_error;
    let errors = rules.errors.of(&asked);
    let words = |response: &Response| {
        let told = Told { lang: lang.as_deref(), seen };
        let error = error::of_response(errors, response, contact, told);
        let Some(stanza) = &secured else { return error };
        let (asked, lang) = (encryption::presence::asked(stanza), stanza.lang.as_deref());
        encryption::error_of_object(rules, error, response.status, &asked, lang)
    };
    answered(branch, &response, as_error, words)
}

/// What a presence stanza says (RFC 8048 Table 1).
pub(super) fn presented(now: Now, pair: UserPair, presence: Presence) -> Intent {
    let resource = presence.from.as_ref().and_then(|from| from.resource()).map(Text::from);
    let to_resource = presence.to.as_ref().and_then(|to| to.resource()).map(Text::from);
    let departed = match (presence.kind, &presence.from) {
        (PresenceKind::Unavailable, Some(from)) if resource.is_some() => Some(from.clone()),
        _ => None,
    };
    // It is kept until it is answered: one that is longer than any client makes is not.
    let id = presence.id.clone().filter(|id| id.len() <= ID);
    let lang = presence.lang.clone();
    let said = match presence.kind {
        PresenceKind::Subscribe => StanzaContent::Subscribe,
        PresenceKind::Subscribed => StanzaContent::Subscribed,
        PresenceKind::Unsubscribe => StanzaContent::Unsubscribe,
        PresenceKind::Unsubscribed => StanzaContent::Unsubscribed,
        PresenceKind::Probe => StanzaContent::Probe,
        PresenceKind::Available => StanzaContent::Available(device(now, &presence, &resource)),
        PresenceKind::Unavailable => StanzaContent::Unavailable(device(now, &presence, &resource)),
        // It was answered long ago (RFC 3923 §7).
        PresenceKind::Error if encryption::presence::of_object(&presence) => {
            return Intent::Drop(Counter::XmppStrayError);
        }
        PresenceKind::Error => {
            let (bounced, out_of_reach) = bounced(presence.error.as_ref());
            StanzaContent::Failed { meaning: bounced, out_of_reach }
        }
    };
    let presented = Intent::Presence(PresenceIntent::Presented(Box::new(PresenceStanza {
        pair,
        resource,
        to_resource,
        id,
        lang,
        content: said,
    })));
    match departed {
        Some(jid) => Intent::Both(Box::new([Intent::Departed(jid), presented])),
        None => presented,
    }
}

/// One device, as its stanza shows it.
fn device(now: Now, presence: &Presence, resource: &Option<Text>) -> Device {
    let available = presence.kind == PresenceKind::Available;
    // A server stamps what it repeats (XEP-0203).
    let stamp = presence
        .extension("delay", ns::DELAY)
        .and_then(|delay| rfc3339::parse(delay.attr("stamp")?))
        .and_then(|at| u64::try_from(at.unix_timestamp_nanos() / 1_000).ok());
    let mut facts = Facts {
        statuses: distinct(presence.statuses.iter().cloned(), presence.lang.as_ref()),
        lang: presence.lang.clone(),
        ..Facts::default()
    };
    if available {
        (facts.show, facts.priority) = (presence.show, presence.priority);
        let idle = presence.extension("idle", ns::IDLE);
        facts.idle_since = idle.and_then(|idle| idle.attr("since")).cloned();
    }
    Device {
        resource: resource.clone().unwrap_or_default(),
        available,
        facts,
        changed_us: stamp.unwrap_or(now.unix_ms * 1_000),
        contact: 0,
    }
    .bounded()
}

/// One text for each language, the first that there is (RFC 6121 §4.7.2.2); empty ones say
/// nothing. `outer` is the language of those that declare none.
fn distinct(texts: impl Iterator<Item = LangText>, outer: Option<&Text>) -> Vec<LangText> {
    let mut kept: Vec<LangText> = Vec::new();
    for text in texts.filter(|text| !text.text.trim().is_empty()) {
        let language = |text: &LangText| {
            text.lang.as_ref().or(outer).map(|lang| lang.to_ascii_lowercase()).unwrap_or_default()
        };
        if kept.iter().all(|known| language(known) != language(&text)) {
            kept.push(text);
        }
    }
    kept
}

/// What an error means for a request to see the XMPP user (SUB-078), and whether the user's domain
/// is out of reach.
fn bounced(error: Option<&StanzaError>) -> (StanzaErrorMeaning, bool) {
    let Some(error) = error else { return (StanzaErrorMeaning::Nothing, false) };
    let bounced = match error.condition {
        Condition::RemoteServerTimeout
        | Condition::ResourceConstraint
        | Condition::InternalServerError => StanzaErrorMeaning::Probation,
        Condition::RemoteServerNotFound | Condition::Gone(_) | Condition::ItemNotFound => {
            StanzaErrorMeaning::NoResource
        }
        Condition::Forbidden | Condition::NotAllowed | Condition::NotAuthorized => {
            StanzaErrorMeaning::Rejected
        }
        _ => StanzaErrorMeaning::Nothing,
    };
    let remote = [Condition::RemoteServerTimeout, Condition::RemoteServerNotFound];
    (bounced, remote.contains(&error.condition))
}

/// What a final response to SUBSCRIBE or NOTIFY says.
fn answered(
    branch: u64,
    response: &Response,
    refused_is_error: bool,
    words: impl FnOnce(&Response) -> StanzaError,
) -> Intent {
    let status = response.status;
    if status.is_provisional() {
        return Intent::Proceeding { branch };
    }
    let headers = &response.headers;
    let error = (!status.is_success()).then(|| Box::new(words(response)));
    Intent::Presence(PresenceIntent::Answered(Box::new(SubscriptionResponse {
        branch,
        status: status.code(),
        expires: headers.expires().and_then(Result::ok),
        min_expires: headers.min_expires().and_then(Result::ok),
        retry_after: headers.retry_after().and_then(Result::ok),
        error,
        refused_is_error,
        remote: remote(response),
    })))
}

/// The other side, as a 2xx to SUBSCRIBE shows it (RFC 3261 §12.1.2).
fn remote(response: &Response) -> Option<Box<Remote>> {
    if !response.status.is_success() || response.cseq.method != Method::Subscribe {
        return None;
    }
    let tag = response.to.tag()?.into();
    let contact = response.headers.contacts().next().and_then(Result::ok);
    let contact = contact.filter(|contact| matches!(contact.uri().scheme(), Scheme::Sip));
    let recorded = response.headers.shared_items(&HeaderName::RecordRoute);
    // As a UAC has it: in reverse order.
    let mut routes: Vec<String> = recorded
        .filter(|item| NameAddr::parse(item.clone()).is_ok())
        .map(|item| item.to_string())
        .collect();
    routes.reverse();
    Some(Box::new(Remote { tag, target: contact.map(|contact| contact.uri().clone()), routes }))
}
