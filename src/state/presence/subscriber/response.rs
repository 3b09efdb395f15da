//! What a final response to SUBSCRIBE means (RFC 6665 §4.1.2, RFC 8048 §5.2.2).

use std::time::Duration;

use super::{Action, Answer, Context, FIRST, State, Subscriber};

impl Subscriber {
    /// SUBSCRIBE has its final response.
    pub fn answered(&mut self, context: &Context, answer: Answer) -> Vec<Action> {
        let Some(asked) = self.asked.take() else { return Vec::new() };
        if asked == 0 {
            return self.left(context, answer.status);
        }
        let raised = std::mem::take(&mut self.raised);
        let established = !matches!(self.state, State::NotifyWait | State::Terminated);
        match answer.status {
            200..=299 => {
                let seconds = answer.expires.unwrap_or(asked).min(asked);
                self.granted = Some(seconds);
                match established {
                    true => self.extended(context, seconds),
                    false if self.wanted => self.awaited(context, seconds),
                    false => {}
                }
                Vec::new()
            }
            _ if !self.wanted => {
                if !established {
                    self.end();
                    return vec![Action::Ended];
                }
                Vec::new()
            }
            403 | 489 | 603 => self.cancelled(established && answer.status != 489),
            // Once: two sides that raise their numbers in turn would go on for ever.
            423 if !raised && answer.min_expires.is_some_and(|least| least > asked) => {
                self.seconds = answer.min_expires.unwrap_or(asked);
                self.raised = true;
                vec![self.ask(context, self.seconds, false)]
            }
            // What a 2xx promised is gone as well.
            481 if established || self.expiry.is_some() => self.begin_again(context),
            404 | 405 | 410 | 416 | 480..=485 | 501 | 604 if established => {
                self.end();
                self.retry_later(context, answer.retry_after);
                vec![Action::Ended, Action::Withdraw]
            }
            _ if established => {
                // What it was refreshed for is still valid (§4.1.2.2).
                let pause = Duration::from_secs(answer.retry_after.unwrap_or(60).into());
                self.refresh = Some(context.now + pause);
                Vec::new()
            }
            _ => self.refused(context, &answer),
        }
    }

    /// A 2xx to a refresh.
    fn extended(&mut self, context: &Context, seconds: u32) {
        // What NOTIFY says of the time counts more (§4.1.3).
        if !self.timed {
            self.last(context, seconds);
        }
        // §4.1.2.2: the NOTIFY is to come.
        if !self.notified {
            self.timer_n = Some(self.asked_at + context.timer_n);
        }
    }

    /// A 2xx, and no NOTIFY yet: how long that is waited for, and when another SUBSCRIBE goes.
    fn awaited(&mut self, context: &Context, seconds: u32) {
        let life = Duration::from_secs(seconds.into()).max(FIRST * 2);
        self.expiry = Some(context.now + life);
        self.refresh = Some(context.now + life / 2);
    }

    /// The SIP side refused for good. The dialog of a refused refresh lives until it ends.
    fn cancelled(&mut self, lives_on: bool) -> Vec<Action> {
        self.wanted = false;
        self.retry = None;
        if lives_on {
            (self.muted, self.refresh) = (true, None);
            return vec![Action::Cancelled];
        }
        self.end();
        vec![Action::Ended, Action::Cancelled]
    }

    /// The SUBSCRIBE that was to end it is answered, however: §4.4.1 has the last NOTIFY still to
    /// come.
    fn left(&mut self, context: &Context, status: u16) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.wanted {
            // The XMPP user asked again meanwhile.
            self.end();
            actions.push(Action::Ended);
            actions.extend(self.begin(context));
            return actions;
        }
        if status < 300 {
            self.timer_n = Some(context.now + context.timer_n);
        } else {
            self.end();
            actions.push(Action::Ended);
        }
        if !std::mem::replace(&mut self.told, true) {
            actions.push(Action::Unsubscribed);
        }
        actions
    }

    /// The first SUBSCRIBE failed.
    fn refused(&mut self, context: &Context, answer: &Answer) -> Vec<Action> {
        let passes = match answer.status {
            // Most registrars say so of who is not registered at the moment.
            404 => !answer.unknown_is_final,
            status => {
                matches!(status, 408 | 430 | 480 | 481 | 486 | 487 | 491 | 500 | 502..=504 | 600)
            }
        };
        // What an earlier 2xx granted is still valid.
        if passes && self.expiry.is_some_and(|expiry| expiry > context.now) {
            self.refresh = Some(self.pause(context, answer.retry_after));
            self.timer_n = None;
            return match context.granted {
                true => vec![Action::Withdraw, Action::Unknown],
                false => Vec::new(),
            };
        }
        self.end();
        let mut actions = vec![Action::Ended];
        if passes {
            self.retry_later(context, answer.retry_after);
        } else if !context.granted {
            self.wanted = false;
            actions.push(Action::Failed);
        }
        if context.granted {
            actions.extend([Action::Withdraw, Action::Unknown]);
        }
        actions
    }
}
