//! What a NOTIFY means for the subscription (RFC 6665 §4.1.3).

use std::time::Duration;

use super::{Action, Context, FIRST, Online, State, Subscriber};
use crate::codec::sip::{Subscription, SubscriptionState};

impl Subscriber {
    /// A NOTIFY of this subscription came, and is answered 200.
    pub fn notified(&mut self, context: &Context, subscription: &Subscription) -> Vec<Action> {
        self.notified = true;
        self.timer_n = None;
        let state = match subscription.state() {
            SubscriptionState::Terminated => return self.terminated(context, subscription),
            SubscriptionState::Active => State::Active,
            SubscriptionState::Pending | SubscriptionState::Other(_) => State::Pending,
        };
        let made = std::mem::replace(&mut self.state, state) == State::NotifyWait;
        if !self.wanted && !self.muted {
            return match self.leaving {
                true => Vec::new(),
                false => vec![self.ask(context, 0, false)],
            };
        }
        if let Some(seconds) = subscription.expires() {
            self.last(context, seconds);
            self.timed = true;
        } else if made || self.expiry.is_none() {
            self.lasts(context, self.granted_rest(context));
        }
        if self.muted {
            self.refresh = None;
            return Vec::new();
        }
        if state == State::Active {
            self.back_off = FIRST;
            if !context.granted {
                return vec![Action::Granted];
            }
        }
        Vec::new()
    }

    /// What is left of the time that the 2xx granted (§4.1.2.1), where the NOTIFY that makes the
    /// dialog says nothing of it. Of one that comes later than that all is left: its sender counts
    /// from there. Before the 2xx it is what was asked for.
    fn granted_rest(&self, context: &Context) -> Duration {
        let granted = Duration::from_secs(self.granted.unwrap_or(self.seconds).into());
        let rest = self.asked_at + granted - context.now;
        if rest.is_zero() { granted } else { rest }
    }

    /// §4.1.3: why it ended says what may be done.
    fn terminated(&mut self, context: &Context, subscription: &Subscription) -> Vec<Action> {
        if !self.wanted {
            // The response would say the same.
            let untold = self.asked == Some(0) && !std::mem::replace(&mut self.told, true);
            self.end();
            return match untold {
                true => vec![Action::Ended, Action::Unsubscribed],
                false => vec![Action::Ended],
            };
        }
        if self.asked == Some(0) {
            self.end();
            let mut actions = vec![Action::Ended];
            actions.extend(self.begin(context));
            return actions;
        }
        let after = subscription.retry_after();
        match subscription.reason() {
            Some("rejected" | "noresource") => {
                self.end();
                self.wanted = false;
                vec![Action::Ended, Action::Cancelled]
            }
            Some("invariant") => {
                self.end();
                self.invariant = true;
                vec![Action::Ended]
            }
            Some("deactivated") => self.begin_again(context),
            Some("timeout") if context.online == Online::Perhaps => self.begin_again(context),
            Some("timeout") => {
                self.end();
                vec![Action::Ended, Action::Withdraw]
            }
            _ => {
                self.end();
                self.retry_later(context, after);
                vec![Action::Ended, Action::Withdraw]
            }
        }
    }
}
