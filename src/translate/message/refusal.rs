//! The refusals of bodies (RFC 3261 §21.4.1, §21.4.13), each with words for a person.

use super::reading::{Read, Unread};
use crate::codec::mime::{CodingError, ContentCoding};
use crate::codec::sip::HeaderName;
use crate::flow::{Cause, Fault, LocalResponse};
use crate::rules::Messages;
use crate::translate::structure::Opaque;

/// The character sets in which texts are read: bare, and within CPIM objects (RFC 3922 §4.2.9).
const CHARSETS: &str = "text/plain;charset=utf-8, text/plain;charset=us-ascii, \
    text/plain;charset=iso-8859-1, text/plain;charset=windows-1252, message/cpim";
const CHARSETS_IN_CPIM: &str = "text/plain;charset=utf-8";

pub(super) fn unknown_charset(name: &str, in_object: bool) -> Box<LocalResponse> {
    let accept = if in_object { CHARSETS_IN_CPIM } else { CHARSETS };
    let why = format!("The character set {name} is not read");
    let refusal = LocalResponse::new(Cause::Charset).warning(&why);
    Box::new(refusal.with(HeaderName::Accept, accept))
}

fn unknown_coding(name: &str) -> Box<LocalResponse> {
    let why = format!("The content coding {name} is not read");
    let refusal = LocalResponse::new(Cause::Coding)
        .warning(&why)
        .with(HeaderName::Accept, Messages::ACCEPT)
        .with(HeaderName::AcceptEncoding, ContentCoding::ACCEPTED);
    Box::new(refusal)
}

pub(super) fn bad_request(why: &str) -> Box<LocalResponse> {
    Box::new(LocalResponse::explained(Fault::Malformed, why))
}

pub(super) fn too_large(why: &str) -> Box<LocalResponse> {
    Box::new(LocalResponse::new(Cause::TooLong).warning(why))
}

/// A whole body that cannot be looked into.
pub(super) fn opaque(why: &Opaque) -> Unread {
    match why {
        Opaque::UnknownCoding(name) => Unread::NotUnderstood(unknown_coding(name)),
        Opaque::Coding(CodingError::TooLarge) => Unread::Refused(too_large(&why.to_string())),
        Opaque::Tunnel(essence) => Unread::NotUnderstood(not_shown(essence)),
        _ => Unread::Refused(bad_request(&why.to_string())),
    }
}

/// The same of a part: what it hides may be the message, and the text beside it what stands in for
/// it. So it is never passed over.
pub(super) fn opaque_part(why: &Opaque) -> Unread {
    Unread::Refused(match why {
        Opaque::UnknownCoding(name) => unknown_coding(name),
        Opaque::Coding(CodingError::TooLarge) => too_large(&why.to_string()),
        _ => Box::new(unaccepted().warning(&why.to_string())),
    })
}

pub(super) fn malformed<T>(why: &str) -> Read<T> {
    Err(Unread::Refused(bad_request(why)))
}

/// RFC 3261 §21.4.13: a 415 says what is read instead.
pub(super) fn unsupported<T>() -> Read<T> {
    Err(Unread::NotUnderstood(Box::new(unaccepted())))
}

/// The same, with words for what it was.
pub(super) fn unread<T>(what: &str) -> Read<T> {
    Err(Unread::NotUnderstood(not_shown(what)))
}

fn not_shown(what: &str) -> Box<LocalResponse> {
    Box::new(unaccepted().warning(&format!("{what} cannot be shown to XMPP users")))
}

fn unaccepted() -> LocalResponse {
    LocalResponse::new(Cause::Content).with(HeaderName::Accept, Messages::ACCEPT)
}
