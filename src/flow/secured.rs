//! What goes to a watcher beside documents, between the stages.

use serde::{Deserialize, Serialize};

use super::{DialogId, PresenceBody, UserPair};
use crate::codec::mime::cpim;
use crate::codec::sip::Request;
use crate::codec::xmpp;

/// What a watcher takes beside documents: objects of RFC 3923, documents in objects of RFC 3862.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedTypes {
    /// `multipart/signed`.
    #[serde(default)]
    pub signed: bool,
    /// `application/pkcs7-mime`.
    #[serde(default)]
    pub enveloped: bool,
    /// `message/cpim`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cpim: bool,
}

impl AcceptedTypes {
    /// What the Accept of a SUBSCRIBE names; a range that names nothing promises nothing.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let Some(Ok(accept)) = request.headers.accept() else { return AcceptedTypes::default() };
        let names = |name: &str| {
            let mut ranges = accept.ranges().iter();
            ranges.any(|range| range.as_str().eq_ignore_ascii_case(name) && range.quality() > 0)
        };
        AcceptedTypes {
            signed: names("multipart/signed"),
            enveloped: names("application/pkcs7-mime"),
            cpim: names(cpim::MEDIA_TYPE),
        }
    }

    /// Nothing.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == AcceptedTypes::default()
    }
}

/// A pair, and the SIP user's subscriptions that may see the XMPP user, with what each takes.
#[derive(Debug)]
pub struct Watchers {
    /// The two users.
    pub pair: UserPair,
    /// Whether both domains have the same name on both sides.
    pub native: bool,
    /// The subscriptions of the SIP user.
    pub dialogs: Vec<(DialogId, AcceptedTypes)>,
}

/// An object of the XMPP user on its way to the SIP user.
#[derive(Debug)]
pub struct SecuredNotify {
    /// The two users.
    pub pair: UserPair,
    /// The stanza without all that is in it: an error answers it.
    pub stanza: Box<xmpp::Presence>,
    /// The subscriptions that it goes to.
    pub dialogs: Vec<DialogId>,
    /// The object.
    pub written: PresenceBody,
}

impl SecuredNotify {
    /// Octets that an object may have: a request in a subscription has 65,535.
    pub const MOST: usize = 60_000;
}
