//! Errors in both directions (RFC 7247 §7). The tables are rules; the manners are here.

mod words;

use std::borrow::Cow;

use crate::codec::sip::{HeaderName, NameAddr, Response, Status, Uri};
use crate::codec::xml::Text;
use crate::codec::xmpp::{
    Condition, ErrorKind, Iq, IqKind, Jid, LangText, Malformed, Message, MessageKind, Presence,
    PresenceKind, Stanza, StanzaError, StanzaKind, ns,
};
use crate::flow::{Challenge, Failure, LocalResponse};
use crate::rules::{Errors, SIP_VARIABLES, Saying, SipError};

pub(super) use words::{Told, of_part};

/// What came back, and to whom it is told.
pub(super) struct Bounce<'a> {
    /// The error.
    pub(super) error: &'a StanzaError,
    /// Whether the stanza went to a full JID.
    pub(super) to_full: bool,
    /// The new address that the error names.
    pub(super) contact: Option<&'a Uri>,
    /// What a 401 or 407 asks for.
    pub(super) challenge: &'a Challenge,
    /// The languages that the SIP user reads, with commas between them.
    pub(super) languages: &'a str,
    /// The status that service-unavailable has for an object of RFC 3923.
    pub(super) not_understood: Option<u16>,
}

/// The final response that a bounce becomes; `None` for a warning, after which the stanza was
/// processed all the same (RFC 6120 §8.3.2).
pub(super) fn to_sip(rules: &Errors, bounce: &Bounce<'_>) -> Option<LocalResponse> {
    let Bounce { error, to_full, contact, challenge, languages, not_understood } = *bounce;
    if error.kind == ErrorKind::Continue {
        return None;
    }
    let of_object = of_object(error);
    let codes = rules.to_sip(error.condition.name());
    let code = codes.map_or(400, |codes| codes.status(to_full, contact.is_some()));
    let code = match (of_object, &error.condition) {
        (Some((_, Some(code))), _) => code,
        (None, Condition::ServiceUnavailable) => not_understood.unwrap_or(code),
        _ => code,
    };
    let status = Status::new(code).unwrap_or(Status::BAD_REQUEST);
    let said = rules.words.say(codes.map_or(Saying::SipRefused, SipError::says), languages);
    let of_words = |(saying, _)| rules.words.say(saying, languages).text.to_string();
    let own = own_text(error, languages).or_else(|| of_object.map(of_words));
    let template = codes.and_then(|codes| codes.text(languages)).map(|template| {
        template.render(&|index| match *SIP_VARIABLES.get(index)? {
            "condition" => Some(error.condition.name().into()),
            "text" => own.as_deref().map(Cow::Borrowed),
            "words" => Some(Cow::Borrowed(&*said.text)),
            _ => Some(code.to_string().into()),
        })
    });
    let words = template.filter(|text| !text.is_empty()).or(own);
    let refusal = LocalResponse::worded(status, words.as_deref().unwrap_or(&said.text));
    let mut refusal = companions(refusal, challenge);
    if let Some(uri) = contact {
        refusal.headers.push(HeaderName::Contact, NameAddr::new(uri.clone()).to_value());
    }
    Some(refusal)
}

/// What an error says of itself in the languages that its reader wants most, on one line.
fn own_text(error: &StanzaError, languages: &str) -> Option<String> {
    let lang = |text: &LangText| text.lang.as_deref().unwrap_or_default().to_ascii_lowercase();
    let of = |wanted: &str| {
        let wanted = wanted.to_ascii_lowercase();
        error.texts.iter().find(|text| {
            let lang = lang(text);
            lang == wanted || lang.split('-').next() == wanted.split('-').next()
        })
    };
    let text = languages.split(',').find_map(of).or_else(|| of("en")).or(error.texts.first())?;
    let line = words::one_line(&text.text);
    (!line.is_empty()).then_some(line)
}

/// What the recipient of an object says of it (RFC 3923 §7), in either namespace and spelling of
/// the RFC: the words for it, and the status where the condition beside it has none of its own.
fn of_object(error: &StanzaError) -> Option<(Saying, Option<u16>)> {
    const NAMESPACES: [&str; 2] = [ns::E2E, "urn:ietf:params:xml:xmpp-e2e"];
    let mut told = error.application.iter().filter(|it| NAMESPACES.contains(&&*it.ns));
    told.find_map(|condition| match &*condition.name {
        "bad-timestamp" => Some((Saying::SipBadTimestamp, None)),
        "unverified-signature" | "signature-unverified" => Some((Saying::SipBadSignature, None)),
        "decryption-failed" => Some((Saying::SipUndecipherable, Some(493))),
        _ => None,
    })
}

/// The header that a status must not be without (RFC 3261 §21.4). Those that an error has nothing
/// for, such as the Min-Expires of a 423, the rules do not allow.
fn companions(refusal: LocalResponse, challenge: &Challenge) -> LocalResponse {
    let Challenge { realm, nonce } = challenge;
    let digest =
        || format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm=SHA-256, qop=\"auth\"");
    match refusal.status {
        Status::UNAUTHORIZED => refusal.with(HeaderName::WwwAuthenticate, &digest()),
        Status::PROXY_AUTHENTICATION_REQUIRED => {
            refusal.with(HeaderName::ProxyAuthenticate, &digest())
        }
        Status::METHOD_NOT_ALLOWED => refusal.with(HeaderName::Allow, "OPTIONS"),
        Status::UNSUPPORTED_MEDIA_TYPE => {
            refusal.with(HeaderName::Accept, "text/plain, message/cpim")
        }
        _ => refusal,
    }
}

/// The stanza error that a final response becomes (RFC 7247 Table 3). `contact` is the new
/// address that a redirection names, as an IRI.
pub(super) fn of_response(
    rules: &Errors,
    response: &Response,
    contact: Option<Text>,
    told: Told<'_>,
) -> StanzaError {
    let error = hidden(rules, of_status(rules, response.status.code(), contact));
    words::with_said(error, &words::of_response(rules, response, told))
}

/// An error with words of the rules.
pub(super) fn of_saying(
    rules: &Errors,
    condition: Condition,
    saying: Saying,
    lang: Option<&str>,
) -> StanzaError {
    let said = rules.words.say(saying, lang.unwrap_or_default());
    words::with_said(StanzaError::new(condition), &said)
}

/// Without what would say that a user exists, or is there (RFC 6120 §13.10.2), where that must not
/// be.
fn hidden(rules: &Errors, error: StanzaError) -> StanzaError {
    let tells = [Condition::ItemNotFound, Condition::RecipientUnavailable];
    match rules.privacy && tells.contains(&error.condition) {
        true => StanzaError::new(Condition::ServiceUnavailable),
        false => error,
    }
}

/// The stanza error of a failure inside the gateway.
pub(super) fn of_failure(rules: &Errors, failure: Failure, told: Told<'_>) -> StanzaError {
    let error = match failure {
        Failure::Timeout => of_status(rules, 408, None),
        Failure::Unreachable | Failure::NoPeer => of_status(rules, 503, None),
        Failure::Behind(status) => of_status(rules, status, None),
        Failure::Unknown => of_status(rules, 504, None),
        Failure::TooLarge => StanzaError::new(Condition::PolicyViolation),
        Failure::NoWatcher => StanzaError::new(Condition::NotAcceptable),
        Failure::Stale => StanzaError::new(Condition::RecipientUnavailable),
        Failure::QueueFull | Failure::ShareFull | Failure::Replaced => {
            StanzaError::new(Condition::ResourceConstraint)
        }
    };
    let mut error =
        words::with_said(hidden(rules, error), &words::of_failure(rules, failure, told));
    // Too long is the sender's to change; too many is over by itself.
    error.kind = match failure {
        Failure::TooLarge => ErrorKind::Modify,
        Failure::QueueFull | Failure::ShareFull | Failure::Replaced => ErrorKind::Wait,
        _ => error.kind,
    };
    error
}

fn of_status(rules: &Errors, status: u16, contact: Option<Text>) -> StanzaError {
    let Some(rule) = rules.to_xmpp(status) else {
        return StanzaError::new(Condition::UndefinedCondition);
    };
    let condition = match Condition::from_name(rule.condition) {
        Some(Condition::Gone(_)) if status == 410 => Condition::Gone(None),
        Some(Condition::Gone(_)) => Condition::Gone(contact),
        // The address of a proxy is no address of the user (RFC 3261 §21.3.4).
        Some(Condition::Redirect(_)) if status == 305 => Condition::Redirect(None),
        Some(Condition::Redirect(_)) => Condition::Redirect(contact),
        Some(condition) => condition,
        None => Condition::UndefinedCondition,
    };
    let mut error = StanzaError::new(condition);
    error.kind = rule.kind.unwrap_or(error.kind);
    error
}

/// The error answer to a message (RFC 6120 §8.3.1): addresses swapped, the same id.
pub(super) fn reply_to_message(message: &Message, error: StanzaError) -> Stanza {
    Stanza::Message(Box::new(Message {
        from: message.to.clone(),
        to: message.from.clone(),
        id: message.id.clone(),
        kind: MessageKind::Error,
        error: Some(error),
        ..Message::default()
    }))
}

/// The error answer to a stanza; none to an error or a result.
pub(super) fn reply(stanza: Stanza, error: StanzaError) -> Option<Stanza> {
    match stanza {
        Stanza::Message(message) if message.kind != MessageKind::Error => {
            Some(reply_to_message(&message, error))
        }
        Stanza::Presence(presence) if presence.kind != PresenceKind::Error => {
            Some(Stanza::Presence(Box::new(Presence {
                from: presence.to,
                to: presence.from,
                id: presence.id,
                kind: PresenceKind::Error,
                error: Some(error),
                ..Presence::default()
            })))
        }
        Stanza::Iq(iq) if matches!(iq.kind, IqKind::Get | IqKind::Set) => {
            Some(reply_to_iq(*iq, error))
        }
        _ => None,
    }
}

/// The error answer to an iq.
pub(super) fn reply_to_iq(iq: Iq, error: StanzaError) -> Stanza {
    let (from, to) = (iq.to, iq.from);
    let kind = IqKind::Error;
    Stanza::Iq(Box::new(Iq {
        from,
        to,
        id: iq.id,
        kind,
        lang: None,
        payload: None,
        error: Some(error),
    }))
}

/// The answer to a stanza that cannot be read, from the component's own name: the address it was
/// sent to may be the very thing that is wrong (RFC 6120 §8.3.1).
pub(super) fn of_malformed(own: Jid, malformed: &Malformed) -> Option<Stanza> {
    use crate::codec::xmpp::Fault;
    if !malformed.may_be_answered() {
        return None;
    }
    let from = malformed.from.as_deref()?;
    let to = Jid::parse(from).ok().or_else(|| Jid::as_stamped(from))?;
    let condition = match malformed.fault {
        Fault::To(_) | Fault::From(_) => Condition::JidMalformed,
        _ => Condition::BadRequest,
    };
    let error = StanzaError::new(condition).with_text(malformed.fault.to_string());
    let (from, to, id) = (Some(own), Some(to), malformed.id.clone());
    Some(match malformed.kind? {
        StanzaKind::Message => Stanza::Message(Box::new(Message {
            from,
            to,
            id,
            kind: MessageKind::Error,
            error: Some(error),
            ..Message::default()
        })),
        StanzaKind::Presence => Stanza::Presence(Box::new(Presence {
            from,
            to,
            id,
            kind: PresenceKind::Error,
            error: Some(error),
            ..Presence::default()
        })),
        StanzaKind::Iq => Stanza::Iq(Box::new(Iq {
            from,
            to,
            id: id.unwrap_or_default(),
            kind: IqKind::Error,
            lang: None,
            payload: None,
            error: Some(error),
        })),
    })
}
