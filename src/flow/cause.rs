//! Why the gateway refuses a SIP user by itself: a cause that a person can do something about, told
//! in words of the rules, or a fault of the protocol, told in English to whoever reads a trace.

use std::sync::Arc;

use crate::codec::sip::{ReasonPhrase, Status};
use crate::codec::xmpp::LangText;
use crate::rules::{Rules, Saying};

macro_rules! causes {
    ($($(#[$doc:meta])* $cause:ident $status:ident $saying:ident)*) => {
        /// Why a request that a person caused is refused. What is said of it are texts of
        /// `errors.yaml`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Cause {
            $($(#[$doc])* $cause,)*
        }

        impl Cause {
            /// All of them.
            pub const ALL: &[Cause] = &[$(Cause::$cause,)*];

            /// The status that says so.
            #[must_use]
            pub const fn status(self) -> Status {
                match self {
                    $(Cause::$cause => Status::$status,)*
                }
            }

            /// What is said of it.
            #[must_use]
            pub const fn saying(self) -> Saying {
                match self {
                    $(Cause::$cause => Saying::$saying,)*
                }
            }
        }
    };
}

causes! {
    /// The whole gateway is out of service for a while (RFC 3261 §21.5.4).
    OutOfService SERVICE_UNAVAILABLE SipOutOfService
    /// One user or domain is out of service for a while.
    Unreachable TEMPORARILY_UNAVAILABLE SipUnreachable
    /// The barrier was not answered in time.
    Unconfirmed SERVER_TIMEOUT SipUnconfirmed
    /// The stanza closes the stream whenever it is written.
    PutAside SERVER_INTERNAL_ERROR SipPutAside
    /// The stanza would be beyond a bound, or what is read for it is.
    TooLong REQUEST_ENTITY_TOO_LARGE SipTooLong
    /// Expires has passed (RFC 3428 §7).
    Expired TEMPORARILY_UNAVAILABLE SipExpired
    /// A body of a type that is not read.
    Content UNSUPPORTED_MEDIA_TYPE SipContent
    /// A text in a character set that is not read.
    Charset UNSUPPORTED_MEDIA_TYPE SipCharset
    /// A Content-Encoding that is not read.
    Coding UNSUPPORTED_MEDIA_TYPE SipCoding
    /// A call, subscription or publication that is secured end to end.
    Secured UNSUPPORTED_MEDIA_TYPE SipSecured
    /// A CPIM object with a Require that is not known (RFC 3862 §4.5).
    Demands NOT_ACCEPTABLE_HERE SipDemands
    /// A CPIM object whose From is not the sender.
    OtherSender FORBIDDEN SipOtherSender
    /// An INVITE.
    NoCalls METHOD_NOT_ALLOWED SipNoCalls
    /// A `sips:` address (RFC 7247 §8).
    NoSips TEMPORARILY_UNAVAILABLE SipNoSips
    /// The request comes from no peer.
    Stranger FORBIDDEN SipStranger
    /// The addressee's domain is not served.
    UnservedDomain NOT_FOUND SipUnservedDomain
    /// The sender's domain is not served.
    SenderDomain FORBIDDEN SipSenderDomain
    /// From has no user, no domain, or a scheme of which nothing can be made.
    SenderForm FORBIDDEN SipSenderForm
    /// From has no XMPP address.
    SenderAddress FORBIDDEN SipSenderAddress
    /// The addressee has no XMPP address.
    NoXmppForm NOT_FOUND SipNoXmppForm
    /// The sender hides (RFC 5079 §5).
    Anonymous ANONYMITY_DISALLOWED SipAnonymous
    /// A subscription to a domain.
    NoUser NOT_FOUND SipNoUser
    /// The XMPP user refused the subscriber lately.
    NotShown FORBIDDEN SipNotShown
    /// `limits.pairs`, or the share of the subscriber.
    WatchesTooMany TEMPORARILY_UNAVAILABLE SipWatchesTooMany
    /// `limits.dialogs_per_pair`, `limits.dialogs_per_user`.
    TooManySubscriptions TEMPORARILY_UNAVAILABLE SipTooManySubscriptions
    /// `limits.pending_per_user`.
    TooManyRequests TEMPORARILY_UNAVAILABLE SipTooManyRequests
}

/// A fault that a program makes: its phrase is in English and names it exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// What cannot be read, or is against the protocol.
    Malformed,
    /// A method that is known and not served (RFC 3261 §8.2.1).
    NotServed,
    /// An Accept without the documents that there are.
    NotShown,
    /// A scheme of the Request-URI.
    Scheme,
    /// A required extension.
    Extension,
    /// An Expires below the least.
    TooBrief,
    /// A dialog or transaction that is not known.
    Unknown,
    /// A request that was here before.
    Loop,
    /// No hop is left.
    Hops,
    /// An event package.
    Event,
    /// A method that is not known.
    Method,
    /// A CSeq below one that was taken (RFC 3261 §12.2.2).
    Order,
    /// A NOTIFY whose document is not read.
    Document,
    /// A NOTIFY whose document is beyond a bound.
    DocumentSize,
    /// A NOTIFY that cannot be taken now, and would be of no use later.
    NotNow,
}

impl Fault {
    /// The status that says so.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Fault::Malformed => Status::BAD_REQUEST,
            Fault::NotServed => Status::METHOD_NOT_ALLOWED,
            Fault::NotShown => Status::NOT_ACCEPTABLE,
            Fault::DocumentSize => Status::REQUEST_ENTITY_TOO_LARGE,
            Fault::Document => Status::UNSUPPORTED_MEDIA_TYPE,
            Fault::Scheme => Status::UNSUPPORTED_URI_SCHEME,
            Fault::Extension => Status::BAD_EXTENSION,
            Fault::TooBrief => Status::INTERVAL_TOO_BRIEF,
            Fault::Unknown => Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST,
            Fault::Loop => Status::LOOP_DETECTED,
            Fault::Hops => Status::TOO_MANY_HOPS,
            Fault::Event => Status::BAD_EVENT,
            Fault::Order | Fault::NotNow => Status::SERVER_INTERNAL_ERROR,
            Fault::Method => Status::NOT_IMPLEMENTED,
        }
    }
}

/// What is said where no translation is known: looked up when something is refused, not before.
#[derive(Debug, Clone)]
pub struct Phrasebook(Arc<Rules>);

impl Phrasebook {
    /// The texts of these rules.
    #[must_use]
    pub fn new(rules: Arc<Rules>) -> Self {
        Phrasebook(rules)
    }

    /// The reason phrase of a cause, in the first of the languages that there is, else in English.
    /// `languages` are tags with commas between them, the most welcome first.
    #[must_use]
    pub fn phrase(&self, cause: Cause, languages: Option<&str>) -> ReasonPhrase {
        let said = self.0.errors.words.say(cause.saying(), languages.unwrap_or_default());
        ReasonPhrase::text(&said.text)
    }

    /// What an XMPP user is told for whom no further pair is taken on.
    #[must_use]
    pub fn watches_too_many(&self, lang: Option<&str>) -> LangText {
        let said = self.0.errors.words.say(Saying::WatchesTooMany, lang.unwrap_or_default());
        LangText { lang: Some((&*said.lang).into()), text: (&*said.text).into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a person's phone shows for an act of the person.
    const SHOWN: [u16; 11] = [403, 404, 405, 413, 415, 433, 480, 488, 500, 503, 504];
    /// What a MESSAGE or SUBSCRIBE of a person is never told in English.
    const NEVER_IN_ENGLISH: [u16; 10] = [403, 404, 410, 433, 480, 486, 488, 493, 503, 504];

    #[test]
    fn what_a_person_can_do_something_about_is_a_cause_and_no_fault() {
        assert!(Cause::ALL.iter().all(|cause| SHOWN.contains(&cause.status().code())));
        let faults = [
            Fault::Malformed,
            Fault::NotServed,
            Fault::NotShown,
            Fault::Scheme,
            Fault::Extension,
            Fault::TooBrief,
            Fault::Unknown,
            Fault::Loop,
            Fault::Hops,
            Fault::Event,
            Fault::Method,
            Fault::Order,
            Fault::Document,
            Fault::DocumentSize,
            Fault::NotNow,
        ];
        assert!(faults.iter().all(|fault| !NEVER_IN_ENGLISH.contains(&fault.status().code())));
    }

    #[test]
    fn each_cause_has_a_saying_of_its_own() {
        let sayings: Vec<Saying> = Cause::ALL.iter().map(|cause| cause.saying()).collect();
        for (index, saying) in sayings.iter().enumerate() {
            assert!(!sayings[..index].contains(saying), "{saying:?}");
        }
    }
}
