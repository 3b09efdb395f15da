//! The deadlines of a subscription (RFC 6665 §4.1.2).

use super::{Action, Context, Online, State, Subscriber};
use crate::flow::Instant;

impl Subscriber {
    /// A deadline has passed.
    pub fn fire(&mut self, context: &Context) -> Vec<Action> {
        let now = context.now;
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        // What he has not decided is kept alive whether she is there or not (SUB-107).
        let goes_on = match context.granted {
            true => context.online == Online::Perhaps,
            false => context.patient,
        };
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

    /// He did not decide for too long: nothing is asked until she asks again.
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
}
