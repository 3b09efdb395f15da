//! Secured presence (RFC 3923 §4): what of NOTIFY crosses.

use super::body::{self, Kind, Part};
use super::inward::{Arrived, course_of, refusal, relayed, whose};
use crate::codec::mime::{Entity, MediaType, TransferEncoding};
use crate::codec::pidf;
use crate::codec::sip::{HeaderName, Request, Status};
use crate::codec::xmpp::{Element, Presence, Stanza};
use crate::flow::{Decision, Flag, Notified, Pair, Refusal, Towards};
use crate::rules::Encryption;
use crate::rules::encryption::{Between, Carried, Course};

/// The types of objects, as Accept has them, with the protocol of the multipart.
const OBJECTS: [(&str, &str); 2] = [
    ("multipart/signed", "multipart/signed;protocol=\"application/pkcs7-signature\""),
    ("application/pkcs7-mime", "application/pkcs7-mime"),
];

/// The Accept of a SUBSCRIBE of hers: objects are in it where they can be shown to her.
#[must_use]
pub(in crate::translate) fn accept(rules: &Encryption, pair: &Pair, native: bool) -> String {
    let (sender, recipient) = (pair.contact.domain(), pair.user.domain());
    accept_between(rules, &Between { sender, recipient, native })
}

fn accept_between(rules: &Encryption, between: &Between<'_>) -> String {
    let mut accept = pidf::MEDIA_TYPE.to_owned();
    for (name, whole) in OBJECTS {
        let media_type = MediaType::parse(whole).ok();
        let named = media_type.and_then(|media_type| rules.secures(&media_type));
        let crosses = named.is_some_and(|named| {
            named.scheme.carried == Some(Carried::Object)
                && rules.course(named.scheme, Towards::Xmpp, between) == Course::Relay
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
    Refused(Box<Refusal>),
    /// The part that can be read crosses without its signature.
    Readable(Box<Entity>),
}

/// What becomes of the body of a NOTIFY, if it is secured end to end in any part.
#[must_use]
pub(in crate::translate) fn secured(
    rules: &Encryption,
    notified: &Notified,
) -> Option<(Secured, Box<Flag>)> {
    let entity = entity(&notified.request)?;
    let is_secured = |part: &Part| part.kind != Kind::Otr;
    let part = body::parts(rules, &entity).into_iter().find(is_secured)?;
    let arrived = Arrived::from(notified);
    let whole = entity.content_type.as_ref().is_some_and(|it| it.essence() == part.place);
    let flag = |decision| {
        let sighting = whose(arrived).sighting(&part.name, &part.place, decision);
        Box::new(Flag { sighting, notice: None })
    };
    let strips = whole && part.kind == Kind::Signed;
    if strips
        && course_of(rules, arrived, &part) == Course::StripSignature
        && let Some(first) = entity.parts().ok().and_then(|parts| parts.into_iter().next())
    {
        return Some((Secured::Readable(Box::new(first)), flag(Decision::SignatureLeftOut)));
    }
    let refused = match stanza(rules, notified, &part, &entity, whole) {
        Ok(stanza) => return Some((Secured::Object(stanza), flag(Decision::Relayed))),
        Err(status) => status,
    };
    if refused == Status::REQUEST_ENTITY_TOO_LARGE {
        return Some((Secured::Refused(Box::new(Refusal::new(refused))), flag(Decision::Refused)));
    }
    let accept = accept(rules, &notified.pair, notified.native);
    let (refusal, mut flag) = refusal(rules, arrived, &part, refused, &accept);
    // Nobody tried to write to her.
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
    notified: &Notified,
    part: &Part,
    entity: &Entity,
    whole: bool,
) -> Result<Box<Presence>, Status> {
    let object = relayed(rules, notified, part, entity, whole)?;
    let stanza = Box::new(Presence {
        from: Some(notified.pair.contact.clone()),
        to: Some(notified.pair.user.clone()),
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
