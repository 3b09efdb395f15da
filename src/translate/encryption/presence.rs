//! Secured presence (RFC 3923 §4), both ways: an object goes from one to the other, and nothing
//! beside it.

use super::body::{self, Kind, Part};
use super::inward::{Arrived, course_of, refusal, relayed, whose};
use super::outward::untranslatable_error;
use super::{MAX_AGE_MS, Whose, object};
use crate::codec::mime::{Entity, MediaType, TransferEncoding, cpim, rfc3339};
use crate::codec::pidf;
use crate::codec::sip::{HeaderName, HeaderValue, Headers, Request, Scheme, Status};
use crate::codec::xml::Element;
use crate::codec::xmpp::{Condition, Jid, Presence, Stanza, StanzaError, ns};
use crate::flow::{
    AcceptedTypes, Correlation, Decision, DialogId, EncryptionReport, Failure, Fault,
    LocalResponse, NotifyRequest, Now, PresenceBody, SecuredNotify, Towards, UserPair, Watchers,
};
use crate::rules::Saying::NotOffered;
use crate::rules::encryption::{Between, Carried, Handling, Named, Saying};
use crate::rules::{Direction, Encryption, Facts, Rules};
use crate::translate::error;

/// The types of objects, as Accept has them, with the protocol of the multipart.
const OBJECTS: [(&str, &str); 2] = [
    ("multipart/signed", "multipart/signed;protocol=\"application/pkcs7-signature\""),
    ("application/pkcs7-mime", "application/pkcs7-mime"),
];

/// The Accept of the XMPP user's SUBSCRIBE: objects are in it where they can be shown.
#[must_use]
pub(in crate::translate) fn accept(rules: &Encryption, pair: &UserPair, native: bool) -> String {
    let (sender, recipient) = (pair.sip_user.domain(), pair.xmpp_user.domain());
    let (from, to) = (pair.sip_user.bare_str(), pair.xmpp_user.bare_str());
    let asked = Facts { from, to, ..arriving() };
    let mut accept = accept_between(rules, &asked, &Between { sender, recipient, native });
    // The presence service of RFC 3922 §5 tells of a user in CPIM objects.
    if pair.sip_user_uri.scheme() == Scheme::Pres {
        accept.push_str(", ");
        accept.push_str(cpim::MEDIA_TYPE);
    }
    accept
}

/// What a rule can ask for about a NOTIFY that is to come.
fn arriving() -> Facts<'static> {
    let (direction, stanza, method) = (Direction::ToXmpp, "presence", "NOTIFY");
    Facts { direction, stanza, method, ..Facts::default() }
}

fn accept_between(rules: &Encryption, asked: &Facts<'_>, between: &Between<'_>) -> String {
    let mut accept = pidf::MEDIA_TYPE.to_owned();
    for (name, whole) in OBJECTS {
        let media_type = MediaType::parse(whole).ok();
        let named = media_type.and_then(|media_type| rules.secures(&media_type));
        let crosses = named.is_some_and(|named| {
            named.scheme.carried == Some(Carried::Object)
                && rules.decided(&Facts { scheme: named.names(), ..*asked }, named.scheme, between)
                    == Handling::Relay
        });
        if crosses {
            accept.push_str(", ");
            accept.push_str(name);
        }
    }
    accept
}

/// Whether an error is about an object.
#[must_use]
pub(in crate::translate) fn of_object(presence: &Presence) -> bool {
    let about = |it: &&Element| it.ns.ends_with("xmpp-e2e");
    let application = presence.error.iter().flat_map(|error| &error.application);
    application.chain(&presence.extensions).find(about).is_some()
}

/// What becomes of a body that is secured.
pub(in crate::translate) enum Secured {
    /// It crosses as it is.
    Object(Box<Presence>),
    /// Its notifier is told.
    Refused(Box<LocalResponse>),
    /// The part that can be read crosses without its signature.
    Readable(Box<Entity>),
}

/// What becomes of the body of a NOTIFY, if it is secured end to end in any part.
#[must_use]
pub(in crate::translate) fn secured(
    rules: &Encryption,
    notified: &NotifyRequest,
) -> Option<(Secured, Box<EncryptionReport>)> {
    let entity = entity(&notified.request)?;
    let is_secured = |part: &Part| part.kind != Kind::Otr;
    let part = body::parts(rules, &entity).into_iter().find(is_secured)?;
    let arrived = Arrived::from(notified);
    let whole = entity.content_type.as_ref().is_some_and(|it| it.essence() == part.place);
    let flag = |decision| {
        let sighting = whose(arrived).sighting(&part.name, &part.place, decision);
        Box::new(EncryptionReport { sighting, notice: None })
    };
    let strips = whole && part.kind == Kind::Signed;
    if strips
        && course_of(rules, arrived, &part) == Handling::StripSignature
        && let Some(first) = entity.parts().ok().and_then(|parts| parts.into_iter().next())
    {
        return Some((Secured::Readable(Box::new(first)), flag(Decision::SignatureLeftOut)));
    }
    let refused = match stanza(rules, notified, &part, &entity, whole) {
        Ok(stanza) => return Some((Secured::Object(stanza), flag(Decision::Relayed))),
        Err(status) => status,
    };
    if refused == Status::REQUEST_ENTITY_TOO_LARGE {
        let refusal =
            LocalResponse::fault(Fault::DocumentSize, "This presence object is too large for XMPP");
        return Some((Secured::Refused(Box::new(refusal)), flag(Decision::Refused)));
    }
    let accept = accept(rules, &notified.pair, notified.native);
    let (refusal, mut flag) = refusal(rules, arrived, &part, refused, &accept);
    // Nobody tried to write to the XMPP user.
    flag.notice = None;
    Some((Secured::Refused(Box::new(refusal)), Box::new(flag)))
}

/// The body as an entity, its header being in that of the request. A coded one is read by nobody.
fn entity(request: &Request) -> Option<Entity> {
    let headers = &request.headers;
    if request.body.is_empty() || headers.contains(&HeaderName::ContentEncoding) {
        return None;
    }
    let media_type = MediaType::parse(headers.content_type()?).ok()?;
    // What is usual costs no further look.
    if media_type.is(pidf::MEDIA_TYPE) {
        return None;
    }
    let mut entity = Entity::new(media_type, request.body.clone());
    // No header of SIP, and yet some send it.
    if let Some(name) = headers.get_text(&HeaderName::ContentTransferEncoding) {
        entity.transfer_encoding = TransferEncoding::from_name(name)?;
    }
    Some(entity)
}

/// The stanza of an object: from the one to the other, and nothing beside it. It has no type,
/// whatever the object says.
fn stanza(
    rules: &Encryption,
    notified: &NotifyRequest,
    part: &Part,
    entity: &Entity,
    whole: bool,
) -> Result<Box<Presence>, Status> {
    let object = relayed(rules, notified, part, entity, whole)?;
    let stanza = Box::new(Presence {
        from: Some(notified.pair.sip_user.clone()),
        to: Some(notified.pair.xmpp_user.clone()),
        id: Some(notified.id.as_str().into()),
        extensions: vec![object],
        ..Presence::default()
    });
    // A stanza beyond the server's bound would close the stream (RFC 6120 §13.12).
    let mut octets = Vec::new();
    Stanza::Presence(stanza.clone()).write(&mut octets);
    match octets.len() <= notified.max_stanza_octets {
        true => Ok(stanza),
        false => Err(Status::REQUEST_ENTITY_TOO_LARGE),
    }
}

/// An object of an XMPP user on its way, with the subscriptions that take it; or what its sender
/// is told.
pub(in crate::translate) type Outward = Result<(PresenceBody, Vec<DialogId>), Box<StanzaError>>;

/// What becomes of a presence with an object, and what is told of it.
pub(in crate::translate) fn outward(
    rules: &Rules,
    now: Now,
    correlation: Correlation,
    presence: &Presence,
    sight: Option<&Watchers>,
) -> (Outward, Option<EncryptionReport>) {
    let named = rules.encryption.of_namespace(ns::E2E);
    let crosses = crosses(rules, now, presence, named.as_ref(), sight);
    let decision = if crosses.is_ok() { Decision::Relayed } else { Decision::Refused };
    let id = presence.id.as_deref().unwrap_or_default();
    let towards = Towards::Sip;
    let ends = presence.from.as_ref().zip(presence.to.as_ref());
    let flag = ends.zip(named).map(|((from, to), named)| {
        let place = format!("<e2e xmlns='{}'/> of presence", ns::E2E);
        let whose = Whose { correlation, towards, from, to, id };
        EncryptionReport { sighting: whose.sighting(&named.name, &place, decision), notice: None }
    });
    (crosses, flag)
}

fn crosses(
    rules: &Rules,
    now: Now,
    presence: &Presence,
    named: Option<&Named<'_>>,
    sight: Option<&Watchers>,
) -> Outward {
    let (means, lang) = (&rules.encryption, presence.lang.as_deref());
    let object = match object::in_children(means, &presence.extensions) {
        Some(Ok(object)) => Some(object),
        Some(Err(refused)) => return Err(Box::new(refused.error())),
        None => None,
    };
    let Some((object, named)) = object.zip(named) else {
        let (condition, saying) = (Condition::NotAcceptable, NotOffered);
        return Err(Box::new(error::of_saying(&rules.errors, condition, saying, lang)));
    };
    let about = Facts { scheme: named.names(), ..asked(presence) };
    let refused = |saying| Err(Box::new(untranslatable_error(rules, &about, named, saying, lang)));
    let Some(sight) = sight.filter(|sight| crosses_to_sip(means, &about, named, sight)) else {
        return refused(Saying::Refused);
    };
    let failure = match object.body.len() > SecuredNotify::MOST {
        _ if is_old(now, presence) => Some(Failure::Stale),
        true => Some(Failure::TooLarge),
        false => None,
    };
    if let Some(failure) = failure {
        let errors = rules.errors.of(&facts(presence));
        return Err(Box::new(error::of_failure(errors, failure, error::Told::new(lang))));
    }
    let is_signed = object.media_type.is("multipart/signed");
    let takes = |takes: &AcceptedTypes| if is_signed { takes.signed } else { takes.enveloped };
    let dialogs: Vec<DialogId> =
        sight.dialogs.iter().filter(|(_, it)| takes(it)).map(|(name, _)| *name).collect();
    if dialogs.is_empty() {
        return refused(Saying::NotTaken);
    }
    let mut headers = Headers::default();
    for (name, value) in &object.headers {
        if let Some(name) = HeaderName::new(&(*name).into()) {
            headers.push(name, HeaderValue::text(value));
        }
    }
    Ok((PresenceBody { headers, body: object.body, cut: false }, dialogs))
}

fn crosses_to_sip(
    rules: &Encryption,
    about: &Facts<'_>,
    named: &Named<'_>,
    sight: &Watchers,
) -> bool {
    let (sender, recipient) = (sight.pair.xmpp_user.domain(), sight.pair.sip_user.domain());
    let between = Between { sender, recipient, native: sight.native };
    named.scheme.carried == Some(Carried::Object)
        && rules.decided(about, named.scheme, &between) == Handling::Relay
}

/// Whether a server repeats what is too old by now (RFC 3923 §6.9, XEP-0203).
fn is_old(now: Now, presence: &Presence) -> bool {
    let delay = presence.extension("delay", ns::DELAY);
    let stamp = delay.and_then(|delay| rfc3339::parse(delay.attr("stamp")?));
    let sent = stamp.and_then(|at| u64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok());
    sent.is_some_and(|sent| now.unix_ms.saturating_sub(sent) > MAX_AGE_MS)
}

/// What a rule can ask for about a presence with an object.
pub(in crate::translate) fn asked(presence: &Presence) -> Facts<'_> {
    Facts {
        direction: Direction::ToSip,
        from: presence.from.as_ref().map_or("", Jid::bare_str),
        to: presence.to.as_ref().map_or("", Jid::bare_str),
        stanza: "presence",
        kind: presence.kind.name().unwrap_or("available"),
        method: "NOTIFY",
        children: &presence.extensions,
        ..Facts::default()
    }
}

/// What a rule can ask for about what the sender of an object is told.
pub(in crate::translate) fn facts(presence: &Presence) -> Facts<'_> {
    Facts { direction: Direction::ToXmpp, ..asked(presence) }
}

/// Takes out what stands in a stanza: it is only for whose it is.
pub(in crate::translate) fn strip(presence: &mut Presence) {
    let Presence { from, to, id, kind, lang, .. } = std::mem::take(presence);
    *presence = Presence { from, to, id, kind, lang, ..Presence::default() };
}
