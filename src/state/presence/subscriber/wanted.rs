//! What begins and ends a subscription: the XMPP user's request, and signs that it may be granted
//! now.

use std::time::Duration;

use super::{Action, Context, FIRST, State, Subscriber, jitter};

/// A probe refreshes an active subscription only so long after the last SUBSCRIBE.
const PROBED: Duration = Duration::from_secs(60);
/// How often an attempt that failed is made again because the SIP user was heard of.
const HURRIED: Duration = Duration::from_secs(60);

impl Subscriber {
    /// The XMPP user asks to see the SIP user (`subscribe`, RFC 6121 §3.1.1), whatever was before.
    pub fn subscribe(&mut self, context: &Context) -> Vec<Action> {
        // A server repeats a request at each login, but a Retry-After said when.
        let told_when = self.wanted && self.told_when && self.retry.is_some();
        (self.wanted, self.told, self.invariant, self.muted) = (true, false, false, false);
        match self.state {
            State::Terminated if told_when => Vec::new(),
            State::Terminated => self.begin(context),
            State::NotifyWait | State::Pending => Vec::new(),
            State::Active => self.refresh_now(context),
        }
    }

    /// The XMPP user became available, or sent a probe: a SUBSCRIBE may go anew.
    pub fn login(&mut self, context: &Context) -> Vec<Action> {
        if !self.wanted || self.invariant {
            return Vec::new();
        }
        match self.state {
            State::Terminated if self.retry.is_some() && self.told_when => Vec::new(),
            State::Terminated => self.begin(context),
            State::Active if context.now - self.asked_at >= PROBED => self.refresh_now(context),
            // The NOTIFY is late.
            State::NotifyWait if context.granted && self.timer_n.is_none() => {
                self.refresh_now(context)
            }
            State::NotifyWait | State::Pending | State::Active => Vec::new(),
        }
    }

    /// The SIP user was heard of: an attempt that failed is made again at once, if that was not
    /// done a moment ago (SUB-111).
    pub fn heard(&mut self, context: &Context) -> Vec<Action> {
        let lately = self.hurried_at.is_some_and(|at| context.now - at < HURRIED);
        if lately || !self.is_retrying() || !context.goes_on() {
            return Vec::new();
        }
        (self.hurried_at, self.back_off) = (Some(context.now), FIRST);
        self.begin(context)
    }

    /// The link is back: what was missed meanwhile is asked for, not before `spread` has passed
    /// for everybody.
    pub fn resume(&mut self, context: &Context, spread: Duration) {
        if self.wanted && !self.invariant && self.state == State::Terminated && !self.told_when {
            let soon = context.now + jitter(spread, context.random);
            self.retry = Some(self.retry.map_or(soon, |retry| retry.min(soon)));
        }
    }

    /// The XMPP user no longer wants to see the SIP user (`unsubscribe`).
    pub fn unsubscribe(&mut self, context: &Context) -> Vec<Action> {
        self.wanted = false;
        (self.retry, self.refresh) = (None, None);
        match self.state {
            State::Terminated => vec![Action::Unsubscribed],
            // A NOTIFY that comes later is answered 481, which ends it.
            State::NotifyWait if self.timer_n.is_none() => {
                self.end();
                vec![Action::Ended, Action::Unsubscribed]
            }
            // The NOTIFY that makes the dialog will be followed by the end of it.
            State::NotifyWait => {
                self.told = true;
                vec![Action::Unsubscribed]
            }
            State::Pending | State::Active => vec![self.ask(context, 0, false)],
        }
    }
}
