//! The deadlines of a subscription (RFC 6665 §4.1.2).

use super::{Action, Context, State, Subscriber};
use crate::flow::Instant;

impl Subscriber {
    /// A deadline has passed.
    pub fn fire(&mut self, context: &Context) -> Vec<Action> {
        let now = context.now;
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let goes_on = context.goes_on();
        if due(self.timer_n) {
            return self.silence(context);
        }
        if due(self.expiry) {
            return self.expired(context, goes_on);
        }
        if due(self.refresh) {
            self.refresh = None;
            return if goes_on { self.refresh_now(context) } else { Vec::new() };
        }
        if due(self.retry) {
            (self.retry, self.told_when) = (None, false);
            if self.wanted && goes_on && self.state == State::Terminated {
                return self.begin(context);
            }
            return self.give_up(context);
        }
        Vec::new()
    }

    /// It was not refreshed in time.
    fn expired(&mut self, context: &Context, goes_on: bool) -> Vec<Action> {
        if self.wanted && goes_on {
            return self.begin_again(context);
        }
        self.end();
        let mut actions = vec![Action::Ended, Action::Withdraw];
        actions.extend(self.give_up(context));
        actions
    }

    /// The SIP user did not decide for too long: no SUBSCRIBE goes until the XMPP user asks again.
    fn give_up(&mut self, context: &Context) -> Vec<Action> {
        if context.granted || context.patient || !self.wanted {
            return Vec::new();
        }
        self.wanted = false;
        vec![Action::Failed]
    }

    /// Timer N (§4.1.2.4): there was no NOTIFY.
    fn silence(&mut self, context: &Context) -> Vec<Action> {
        let waited = self.state == State::NotifyWait;
        if waited && self.wanted && self.expiry.is_some() {
            return self.wait_on(context);
        }
        self.end();
        let mut actions = vec![Action::Ended];
        if self.wanted {
            self.retry_later(context, None);
            actions.push(Action::Withdraw);
            if context.granted && waited {
                actions.push(Action::Unknown);
            }
        }
        actions
    }

    /// SUB-008: there was a 2xx and no NOTIFY, which is awaited for as long as the 2xx granted. A
    /// SIP user who has not decided gets a SUBSCRIBE at half of that time: each is one more prompt
    /// on a screen. One who has gets it after the usual pause: the NOTIFY was lost.
    ///
    /// COMPAT: liblinphone 5.1 sends its first NOTIFY when its owner has decided.
    fn wait_on(&mut self, context: &Context) -> Vec<Action> {
        self.timer_n = None;
        if !context.granted {
            return Vec::new();
        }
        let soon = self.pause(context, None);
        self.refresh = Some(self.refresh.map_or(soon, |refresh| refresh.min(soon)));
        vec![Action::Withdraw, Action::Unknown]
    }
}
