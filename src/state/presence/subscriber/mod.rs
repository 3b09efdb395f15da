//! The subscriber of RFC 6665 §4.1: one XMPP user watches one SIP user.
//!
//! NOTIFY makes the dialog, not the 2xx (§4.4.1). Whether she may see him outlives every dialog;
//! this machine only says when that changes. There is one subscription for a pair, whatever the
//! number of her devices.

mod notify;
mod response;
mod timer;

use std::time::Duration;

use crate::flow::Instant;

/// What a subscription is asked to last, in seconds (RFC 3856 §6.4).
pub const SECONDS: u32 = 3_600;
/// The first pause before another attempt; it doubles up to [`MOST`].
const FIRST: Duration = Duration::from_secs(60);
/// The longest pause.
const MOST: Duration = Duration::from_secs(3_600);
/// How often she may have a living subscription refreshed by asking how he is.
const PROBED: Duration = Duration::from_secs(60);
/// A subscription that ends sooner than this is not made anew at once: two sides that cannot
/// agree would go on for ever.
const SHORT: Duration = Duration::from_secs(5);

/// RFC 6665 §4.1.2, Figure 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// There is no subscription.
    Terminated,
    /// SUBSCRIBE was sent, and no NOTIFY has come.
    NotifyWait,
    /// He has not decided.
    Pending,
    /// He lets her see him.
    Active,
}

/// What is known of whether somebody is there to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Online {
    /// Her server said so, or nothing says otherwise.
    Perhaps,
    /// Her server said that her last device is gone.
    No,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send SUBSCRIBE. A fresh one has a Call-ID and a tag of its own.
    Subscribe {
        /// Expires.
        seconds: u32,
        /// Whether it begins anew.
        fresh: bool,
    },
    /// The dialog is over: it is known no more.
    Ended,
    /// He lets her see him.
    Granted,
    /// He does not, or not any more.
    Cancelled,
    /// What she asked to be ended has ended.
    Unsubscribed,
    /// What she was shown holds no longer.
    Withdraw,
    /// There is no answer to how he is.
    Unknown,
    /// What she asked for failed, for good.
    Failed,
}

/// A final response to SUBSCRIBE.
#[derive(Debug, Clone, Copy, Default)]
pub struct Answer {
    /// The status; 408 or 503 where none came.
    pub status: u16,
    /// Expires, in seconds.
    pub expires: Option<u32>,
    /// Min-Expires, in seconds.
    pub min_expires: Option<u32>,
    /// Retry-After, in seconds.
    pub retry_after: Option<u32>,
}

/// What a machine is told beside an event.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// Now.
    pub now: Instant,
    /// 64 × T1: Timer N.
    pub timer_n: Duration,
    /// A random number.
    pub dice: u64,
    /// Whether he granted it already.
    pub granted: bool,
    /// Whether she is there.
    pub online: Online,
    /// Whether what he has not decided is still waited for.
    pub patient: bool,
}

/// The machine.
#[derive(Debug)]
pub struct Subscriber {
    state: State,
    /// She wants to see him.
    wanted: bool,
    /// The SUBSCRIBE without an answer: its Expires.
    asked: Option<u32>,
    /// When the last one was sent.
    asked_at: Instant,
    /// When the dialog, or the attempt at one, began; an earlier process did it where there is none.
    began_at: Option<Instant>,
    /// A NOTIFY came since.
    notified: bool,
    /// He refused a refresh and the dialog lives on: what it says is shown no more.
    muted: bool,
    /// He said that nothing will change (§4.1.3, invariant).
    invariant: bool,
    /// It is being ended.
    leaving: bool,
    /// She was told that it ended.
    told: bool,
    /// What is asked for; a 423 raises it.
    seconds: u32,
    /// It was raised for the SUBSCRIBE without an answer.
    raised: bool,
    back_off: Duration,
    timer_n: Option<Instant>,
    refresh: Option<Instant>,
    expiry: Option<Instant>,
    retry: Option<Instant>,
    /// He said when: no login is sooner.
    told_when: bool,
}

impl Subscriber {
    /// No subscription.
    #[must_use]
    pub fn new() -> Self {
        Subscriber {
            state: State::Terminated,
            wanted: false,
            asked: None,
            asked_at: Instant(0),
            began_at: None,
            notified: false,
            muted: false,
            invariant: false,
            leaving: false,
            told: false,
            seconds: SECONDS,
            raised: false,
            back_off: FIRST,
            timer_n: None,
            refresh: None,
            expiry: None,
            retry: None,
            told_when: false,
        }
    }

    /// A subscription of an earlier process. It is refreshed within `spread`, since NOTIFYs may
    /// have been missed; one that has expired since begins anew.
    #[must_use]
    pub fn restored(context: &Context, state: State, rest: Duration, spread: Duration) -> Self {
        let now = context.now;
        let soon = now + share(spread, context.dice);
        let mut subscriber = Subscriber::new();
        (subscriber.wanted, subscriber.notified) = (true, true);
        if rest.is_zero() || matches!(state, State::Terminated | State::NotifyWait) {
            subscriber.retry = Some(soon);
            return subscriber;
        }
        subscriber.state = state;
        subscriber.expiry = Some(now + rest);
        subscriber.refresh = Some(soon.min(now + rest / 2));
        subscriber
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether she wants to see him.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Whether nothing is left to be done or waited for.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !self.wanted && self.state == State::Terminated && self.asked.is_none()
    }

    /// Whether its NOTIFYs are for her eyes.
    #[must_use]
    pub fn shows(&self) -> bool {
        self.wanted && !self.muted
    }

    /// Whether she may see what the dialog says, or what it said last and for good.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.shows() && (self.state == State::Active || self.invariant)
    }

    /// Whether he said that nothing will change.
    #[must_use]
    pub fn is_invariant(&self) -> bool {
        self.invariant
    }

    /// It said in an earlier process that nothing will change.
    pub fn rest(&mut self) {
        (self.invariant, self.retry) = (true, None);
    }

    /// When the dialog ends unless it is refreshed.
    #[must_use]
    pub fn expiry(&self) -> Option<Instant> {
        self.expiry
    }

    /// When [`Subscriber::fire`] is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        [self.timer_n, self.refresh, self.expiry, self.retry].into_iter().flatten().min()
    }

    /// She asks to see him (`subscribe`), whatever was before.
    pub fn subscribe(&mut self, context: &Context) -> Vec<Action> {
        // A server repeats a request at each login: he said when.
        let told_when = self.wanted && self.told_when && self.retry.is_some();
        (self.wanted, self.told, self.invariant, self.muted) = (true, false, false, false);
        match self.state {
            State::Terminated if told_when => Vec::new(),
            State::Terminated => self.begin(context),
            State::NotifyWait | State::Pending => Vec::new(),
            State::Active => self.refresh_now(context),
        }
    }

    /// She is there, or asks how he is: he may be asked anew.
    pub fn login(&mut self, context: &Context) -> Vec<Action> {
        if !self.wanted || self.invariant {
            return Vec::new();
        }
        match self.state {
            State::Terminated if self.retry.is_some() && self.told_when => Vec::new(),
            State::Terminated => self.begin(context),
            State::Active if context.now - self.asked_at >= PROBED => self.refresh_now(context),
            State::NotifyWait | State::Pending | State::Active => Vec::new(),
        }
    }

    /// The link is back: what was missed meanwhile is asked for, not before `spread` has passed
    /// for everybody.
    pub fn resume(&mut self, context: &Context, spread: Duration) {
        if self.wanted && !self.invariant && self.state == State::Terminated && !self.told_when {
            let soon = context.now + share(spread, context.dice);
            self.retry = Some(self.retry.map_or(soon, |retry| retry.min(soon)));
        }
    }

    /// She wants to see him no more.
    pub fn unsubscribe(&mut self, context: &Context) -> Vec<Action> {
        self.wanted = false;
        (self.retry, self.refresh) = (None, None);
        match self.state {
            State::Terminated => vec![Action::Unsubscribed],
            // The NOTIFY that makes the dialog will be followed by the end of it.
            State::NotifyWait => {
                self.told = true;
                vec![Action::Unsubscribed]
            }
            State::Pending | State::Active => vec![self.ask(context, 0, false)],
        }
    }

    fn ask(&mut self, context: &Context, seconds: u32, fresh: bool) -> Action {
        self.asked = Some(seconds);
        self.asked_at = context.now;
        self.notified = false;
        self.refresh = None;
        self.leaving = seconds == 0;
        if self.state == State::NotifyWait {
            self.timer_n = Some(context.now + context.timer_n);
        }
        Action::Subscribe { seconds, fresh }
    }

    /// The SUBSCRIBE that was asked for goes later.
    pub fn postpone(&mut self, by: Duration) {
        self.asked_at = self.asked_at + by;
        for at in [&mut self.began_at, &mut self.timer_n] {
            *at = at.map(|at| at + by);
        }
    }

    fn refresh_now(&mut self, context: &Context) -> Vec<Action> {
        match self.asked {
            Some(_) => Vec::new(),
            None => vec![self.ask(context, self.seconds, false)],
        }
    }

    fn begin(&mut self, context: &Context) -> Vec<Action> {
        self.state = State::NotifyWait;
        self.began_at = Some(context.now);
        (self.retry, self.expiry, self.told_when) = (None, None, false);
        vec![self.ask(context, self.seconds, true)]
    }

    /// The subscription is over; what is wanted further is the caller's to say.
    fn end(&mut self) {
        self.state = State::Terminated;
        (self.timer_n, self.refresh, self.expiry, self.asked) = (None, None, None, None);
        self.muted = false;
    }

    fn retry_later(&mut self, context: &Context, after: Option<u32>) {
        let pause = Duration::from_secs(after.unwrap_or(0).into()).max(match after {
            Some(_) => Duration::ZERO,
            None => self.back_off,
        });
        let at = context.now + pause + share(pause / 10, context.dice);
        self.back_off = (self.back_off * 2).min(MOST);
        self.retry = Some(at);
        self.told_when = after.is_some();
    }

    /// Whether it began but a moment ago.
    fn is_short(&self, context: &Context) -> bool {
        self.began_at.is_some_and(|began| context.now - began < SHORT)
    }

    /// Begins anew at once, unless the last time was but a moment ago.
    fn begin_again(&mut self, context: &Context) -> Vec<Action> {
        let short = self.is_short(context);
        self.end();
        if short {
            self.retry_later(context, None);
            return vec![Action::Ended, Action::Withdraw];
        }
        let mut actions = vec![Action::Ended];
        actions.extend(self.begin(context));
        actions
    }

    fn last(&mut self, context: &Context, seconds: u32) {
        let life = Duration::from_secs(seconds.into());
        self.expiry = Some(context.now + life);
        // Between 80 and 90 % of it, and 5 s before its end at the latest; but never at once.
        let early = life * 8 / 10 + share(life / 10, context.dice);
        let latest = life.saturating_sub(Duration::from_secs(5)).max(life / 2);
        self.refresh = Some(context.now + early.min(latest).max(LEAST));
    }
}

/// The least pause before a refresh, however short the life.
const LEAST: Duration = Duration::from_secs(1);

impl Default for Subscriber {
    fn default() -> Self {
        Subscriber::new()
    }
}

/// A part of a span, by a random number.
fn share(span: Duration, dice: u64) -> Duration {
    let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(if micros == 0 { 0 } else { dice % micros })
}
