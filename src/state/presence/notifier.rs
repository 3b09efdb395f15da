//! The notifier of RFC 6665 §4.2: one dialog of a SIP user who watches an XMPP user.
//!
//! State changes are throttled (RFC 3856 §6.10): at most one document in an interval, the newest
//! state last; a secured object (RFC 3923) counts as one of them. What a SUBSCRIBE asks for is sent
//! at once (§4.2.1). All else, the end too, waits for the answer to what went before: proxies of
//! several processes may change the order of two NOTIFYs that are on their way together.

use std::time::Duration;

use crate::flow::Instant;

/// How long after a NOTIFY that a server failed to carry it is sent again; it doubles each time.
const AGAIN: Duration = Duration::from_secs(2);
/// The longest such pause.
const AGAIN_MOST: Duration = Duration::from_secs(300);

/// RFC 6665 §4.2, Figure 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The XMPP user has not decided.
    Pending,
    /// The XMPP user authorized the SIP user.
    Active,
    /// It is over.
    Terminated,
}

/// Why a subscription ends (RFC 6665 §4.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It was not refreshed, or the SIP user gave it up.
    Timeout,
    /// The XMPP user refuses.
    Rejected,
    /// There is no such user.
    NoResource,
    /// The SIP user may try again later.
    Probation,
    /// The XMPP user did not decide in time.
    GiveUp,
    /// The gateway is taken out of service; the SIP user may subscribe elsewhere.
    Deactivated,
}

impl Reason {
    /// The word on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Reason::Timeout => "timeout",
            Reason::Rejected => "rejected",
            Reason::NoResource => "noresource",
            Reason::Probation => "probation",
            Reason::GiveUp => "giveup",
            Reason::Deactivated => "deactivated",
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing, or not yet.
    Nothing,
    /// Send NOTIFY.
    Notify,
    /// Send the object that waits.
    Object,
    /// The subscription is gone: nobody is told.
    Removed,
}

/// A secured object (RFC 3923) for the SIP user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Object {
    /// There is none.
    None,
    /// It waits for the interval to pass, or for an answer.
    Waits,
    /// It may be sent.
    Due,
}

/// The machine.
#[derive(Debug)]
pub struct Notifier {
    state: State,
    reason: Reason,
    expiry: Instant,
    /// NOTIFYs without an answer: while there are any, the next change waits.
    open: u32,
    /// The next document goes no sooner.
    not_before: Option<Instant>,
    /// There is something that the SIP user was not told, the end included.
    changed: bool,
    object: Object,
    /// Whether the object was there before the change.
    object_first: bool,
    /// How often in a row no server carried it.
    failed: u8,
}

impl Notifier {
    /// A subscription that lasts until then.
    #[must_use]
    pub fn new(state: State, expiry: Instant) -> Self {
        Notifier {
            state,
            reason: Reason::Timeout,
            expiry,
            open: 0,
            not_before: None,
            changed: false,
            object: Object::None,
            object_first: true,
            failed: 0,
        }
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Why it ended.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// When it ends unless it is refreshed.
    #[must_use]
    pub fn expiry(&self) -> Instant {
        self.expiry
    }

    /// Whether no NOTIFY waits for its answer.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.open == 0
    }

    /// Whether a change waits to be sent.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.changed
    }

    /// When [`Notifier::fire`] is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        if self.state == State::Terminated {
            return None;
        }
        let next = self
            .not_before
            .filter(|_| (self.changed || self.object == Object::Waits) && self.is_quiet());
        Some(next.map_or(self.expiry, |next| next.min(self.expiry)))
    }

    /// The SIP user refreshed it.
    pub fn refreshed(&mut self, expiry: Instant) -> Action {
        self.expiry = expiry;
        Action::Notify
    }

    /// The XMPP user decided.
    pub fn decided(&mut self, now: Instant, granted: bool) -> Action {
        match (self.state, granted) {
            (State::Pending, true) => {
                self.state = State::Active;
                self.changed(now)
            }
            (State::Active, true) | (State::Terminated, _) => Action::Nothing,
            (_, false) => self.end(Reason::Rejected),
        }
    }

    /// Ends it; the SIP user is told once the NOTIFY before is answered.
    pub fn end(&mut self, reason: Reason) -> Action {
        if self.state == State::Terminated {
            return Action::Nothing;
        }
        (self.state, self.reason, self.changed) = (State::Terminated, reason, !self.is_quiet());
        self.object = Object::None;
        if self.is_quiet() { Action::Notify } else { Action::Nothing }
    }

    /// The XMPP user's presence changed.
    pub fn changed(&mut self, now: Instant) -> Action {
        if self.state != State::Active {
            return Action::Nothing;
        }
        self.changed = true;
        self.next_action(now)
    }

    /// The XMPP user sent an object. It is queued with the documents: what came first goes first.
    pub fn object(&mut self, now: Instant) -> Action {
        if self.state != State::Active {
            return Action::Nothing;
        }
        if self.object == Object::None {
            (self.object, self.object_first) = (Object::Waits, !self.changed);
        }
        self.next_action(now)
    }

    /// Whether the object that was due may still go: it waits again if a SUBSCRIBE was answered
    /// meanwhile.
    pub fn takes_object(&mut self) -> bool {
        let due = self.object == Object::Due;
        if due && !self.is_quiet() {
            self.object = Object::Waits;
        }
        self.object == Object::Due
    }

    /// There is no object for the SIP user any more.
    pub fn no_object(&mut self, now: Instant) -> Action {
        self.object = Object::None;
        if self.state == State::Terminated { Action::Nothing } else { self.next_action(now) }
    }

    /// The object was sent; it opens an interval as a document does.
    pub fn object_sent(&mut self, now: Instant, interval: Duration) {
        self.open += 1;
        self.object = Object::None;
        self.not_before = Some(now + interval);
    }

    fn next_action(&mut self, now: Instant) -> Action {
        let early = self.not_before.is_some_and(|at| now < at);
        if early || !self.is_quiet() || self.object == Object::Due {
            return Action::Nothing;
        }
        if self.object == Object::Waits && (self.object_first || !self.changed) {
            self.object = Object::Due;
            return Action::Object;
        }
        if std::mem::take(&mut self.changed) { Action::Notify } else { Action::Nothing }
    }

    /// A NOTIFY was sent; one with a document opens an interval.
    pub fn sent(&mut self, now: Instant, document: bool, interval: Duration) {
        self.open += 1;
        (self.changed, self.object_first) = (false, true);
        if document {
            self.not_before = Some(now + interval);
        }
    }

    /// A NOTIFY has its final response (RFC 6665 §4.2.2); 408 where none came. An object goes once:
    /// it is not sent again.
    pub fn answered(&mut self, now: Instant, status: u16, object: bool) -> Action {
        self.open = self.open.saturating_sub(1);
        let ends = matches!(status, 404 | 405 | 408 | 410 | 416 | 480..=485 | 489 | 501 | 604);
        if self.state == State::Terminated {
            // A SIP user agent that knows the subscription no more is not told the end.
            self.changed &= !ends;
            return match (self.is_quiet(), self.changed) {
                (false, _) => Action::Nothing,
                (true, true) => Action::Notify,
                (true, false) => Action::Removed,
            };
        }
        match status {
            _ if ends => {
                (self.state, self.object) = (State::Terminated, Object::None);
                Action::Removed
            }
            // It did not reach the SIP user: the newest state goes once more, later.
            500..=599 if !object => {
                self.changed = true;
                let pause = AGAIN.saturating_mul(1 << self.failed.min(16));
                self.not_before = Some(now + pause.min(AGAIN_MOST));
                self.failed = self.failed.saturating_add(1);
                Action::Nothing
            }
            _ => {
                self.failed = if object { self.failed } else { 0 };
                self.next_action(now)
            }
        }
    }

    /// A deadline has passed.
    pub fn fire(&mut self, now: Instant) -> Action {
        if self.state == State::Terminated {
            return Action::Nothing;
        }
        if now >= self.expiry {
            return self.end(Reason::Timeout);
        }
        self.next_action(now)
    }
}
