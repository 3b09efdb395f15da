//! Final responses that the gateway makes by itself.

use super::cause::{Cause, Fault, Phrasebook};
use crate::codec::sip::{HeaderName, HeaderValue, Headers, ReasonPhrase, Status};

/// A final response that the gateway makes by itself.
#[derive(Debug, Clone)]
pub struct LocalResponse {
    /// The status.
    pub status: Status,
    /// What a phone shows instead of the default phrase; none for a success alone, and for a cause
    /// that was not put in words yet.
    pub reason: Option<ReasonPhrase>,
    /// What is to be put in words.
    cause: Option<Cause>,
    /// Companion headers (RFC 3261 §8.2).
    pub headers: Headers,
}

impl LocalResponse {
    /// A refusal for a person, who is told in words of the rules: phones show the phrase, and
    /// hardly any shows a Warning.
    #[must_use]
    pub fn new(cause: Cause) -> Self {
        let status = cause.status();
        LocalResponse { status, reason: None, cause: Some(cause), headers: Headers::default() }
    }

    /// A refusal for a program, whose operator reads in English what is wrong.
    #[must_use]
    pub fn fault(fault: Fault, words: &str) -> Self {
        LocalResponse::worded(fault.status(), words)
    }

    /// The same, as a Warning too: the phrase may be cut.
    #[must_use]
    pub fn explained(fault: Fault, why: &str) -> Self {
        LocalResponse::fault(fault, why).warning(why)
    }

    /// A refusal in words that the rules already have for it.
    #[must_use]
    pub fn worded(status: Status, words: &str) -> Self {
        let reason = Some(ReasonPhrase::text(words));
        LocalResponse { status, reason, cause: None, headers: Headers::default() }
    }

    /// A success, which needs no words.
    #[must_use]
    pub fn success(status: Status) -> Self {
        LocalResponse { status, reason: None, cause: None, headers: Headers::default() }
    }

    /// The same answer with a header more.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.push(name, HeaderValue::text(value));
        self
    }

    /// The same answer with a Warning that says what is wrong (RFC 3261 §20.43): the exact fault,
    /// in English, beside a phrase for a person.
    #[must_use]
    pub fn warning(self, text: &str) -> Self {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        self.with(HeaderName::Warning, &format!("399 stox \"{quoted}\""))
    }

    /// The same answer with its cause in words, if it has one: in the first of the languages that
    /// there is.
    pub fn put_in_words(&mut self, phrases: &Phrasebook, languages: Option<&str>) {
        if let Some(cause) = self.cause.take() {
            self.reason = Some(phrases.phrase(cause, languages));
        }
    }

    /// Whether it is still to be put in words.
    #[must_use]
    pub fn lacks_words(&self) -> bool {
        self.cause.is_some()
    }

    /// The same answer with the time after which to try again (RFC 3261 §20.33).
    fn later(self) -> Self {
        self.with(HeaderName::RetryAfter, RETRY_AFTER_SECONDS)
    }

    /// The whole gateway is out of service for a while (RFC 3261 §21.5.4).
    #[must_use]
    pub fn out_of_service() -> Self {
        LocalResponse::new(Cause::OutOfService).later()
    }

    /// It cannot be taken now, and would be of no use later (RFC 3261 §20.33).
    #[must_use]
    pub fn try_again() -> Self {
        let words = "The XMPP side cannot be told now, try again in a moment";
        LocalResponse::fault(Fault::NotNow, words).later()
    }

    /// One user or domain is out of service for a while.
    #[must_use]
    pub fn unavailable() -> Self {
        LocalResponse::new(Cause::Unreachable).later()
    }

    /// A bound is reached that will be free again.
    #[must_use]
    pub fn full(cause: Cause) -> Self {
        LocalResponse::new(cause).later()
    }

    /// A request in a subscription that is not known, or is over (RFC 6665 §4.1.3).
    #[must_use]
    pub fn unknown_subscription() -> Self {
        LocalResponse::fault(Fault::Unknown, "This subscription is not known here, subscribe again")
    }

    /// A CSeq below one that was taken (RFC 3261 §12.2.2).
    #[must_use]
    pub fn out_of_order() -> Self {
        LocalResponse::fault(Fault::Order, "A later request of this subscription came before")
    }
}

/// What a sender is asked to wait when a link is down: about two attempts to open it again.
const RETRY_AFTER_SECONDS: &str = "10";
