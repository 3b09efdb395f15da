//! Final responses that the gateway makes by itself.

use crate::codec::sip::{HeaderName, HeaderValue, Headers, ReasonPhrase, Status};

/// A final response that the gateway makes by itself.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The status.
    pub status: Status,
    /// What a phone shows instead of the default phrase; none for a success alone.
    pub reason: Option<ReasonPhrase>,
    /// Companion headers (RFC 3261 §8.2).
    pub headers: Headers,
}

impl Refusal {
    /// A refusal in words: one short sentence in English, since phones show the phrase and hardly
    /// any shows a Warning.
    #[must_use]
    pub fn new(status: Status, words: &str) -> Self {
        let reason = Some(ReasonPhrase::text(words));
        Refusal { status, reason, headers: Headers::default() }
    }

    /// A success, which needs no words.
    #[must_use]
    pub fn success(status: Status) -> Self {
        Refusal { status, reason: None, headers: Headers::default() }
    }

    /// The same answer with a header more.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.push(name, HeaderValue::text(value));
        self
    }

    /// The same answer with a Warning that tells a person why (RFC 3261 §20.43).
    #[must_use]
    pub fn warning(self, text: &str) -> Self {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        self.with(HeaderName::Warning, &format!("399 stox \"{quoted}\""))
    }

    /// What is wrong with a request, as phrase and as Warning: the phrase may be cut.
    #[must_use]
    pub fn explained(status: Status, why: &str) -> Self {
        Refusal::new(status, why).warning(why)
    }

    /// The same answer with the time after which to try again (RFC 3261 §20.33).
    fn later(self) -> Self {
        self.with(HeaderName::RetryAfter, RETRY_AFTER_SECONDS)
    }

    /// The whole gateway is out of service for a while (RFC 3261 §21.5.4).
    #[must_use]
    pub fn out_of_service() -> Self {
        let words = "The gateway is out of service, try again in a moment";
        Refusal::new(Status::SERVICE_UNAVAILABLE, words).later()
    }

    /// It cannot be taken now, and would be of no use later (RFC 3261 §20.33).
    #[must_use]
    pub fn try_again() -> Self {
        let words = "The XMPP side cannot be told now, try again in a moment";
        Refusal::new(Status::SERVER_INTERNAL_ERROR, words).later()
    }

    /// One user or domain is out of service for a while.
    #[must_use]
    pub fn unavailable() -> Self {
        let words = "The XMPP server cannot be reached, try again in a moment";
        Refusal::new(Status::TEMPORARILY_UNAVAILABLE, words).later()
    }

    /// A bound is reached: which one, in words.
    #[must_use]
    pub fn full(why: &str) -> Self {
        Refusal::explained(Status::TEMPORARILY_UNAVAILABLE, why).later()
    }

    /// A request in a subscription that is not known, or is over (RFC 6665 §4.1.3).
    #[must_use]
    pub fn unknown_subscription() -> Self {
        let words = "This subscription is not known here, subscribe again";
        Refusal::new(Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST, words)
    }

    /// A CSeq below one that was taken (RFC 3261 §12.2.2).
    #[must_use]
    pub fn out_of_order() -> Self {
        let words = "A later request of this subscription came before";
        Refusal::new(Status::SERVER_INTERNAL_ERROR, words)
    }
}

/// What a sender is asked to wait when a link is down: about two attempts to open it again.
const RETRY_AFTER_SECONDS: &str = "10";
