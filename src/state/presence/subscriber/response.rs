//! What a final response to SUBSCRIBE means (RFC 6665 §4.1.2, RFC 8048 §5.2.2).

use std::time::Duration;

use super::{Action, Answer, Context, State, Subscriber};

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
                if established && !self.notified {
                    self.last(context, answer.expires.unwrap_or(asked).min(asked));
                    // §4.1.2.2: the NOTIFY is to come.
                    self.timer_n = Some(self.asked_at + context.timer_n);
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
            481 if established => self.begin_again(context),
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
            status => self.refused(context, status, answer.retry_after),
        }
    }

    /// He said no for good. The dialog of a refused refresh lives until he ends it.
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
            // She asked again meanwhile.
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
    fn refused(&mut self, context: &Context, status: u16, after: Option<u32>) -> Vec<Action> {
        self.end();
        let passes =
            matches!(status, 408 | 430 | 480 | 481 | 486 | 487 | 491 | 500 | 502..=504 | 600);
        let mut actions = vec![Action::Ended];
        if passes {
            self.retry_later(context, after);
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
