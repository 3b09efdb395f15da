//! The subscriber of RFC 6665 §4.1: one XMPP user watches one SIP user.
//!
//! NOTIFY makes the dialog, not the 2xx (§4.4.1). The authorization outlives every dialog; this
//! machine only says when it changes. There is one subscription for a pair, whatever the number of
//! the XMPP user's devices.

mod notify;
mod response;
mod timer;
mod wanted;

use std::time::Duration;

use crate::flow::Instant;

/// What a subscription is asked to last, in seconds (RFC 3856 §6.4).
pub const SECONDS: u32 = 3_600;
/// The first pause before another attempt; it doubles up to [`MOST`].
const FIRST: Duration = Duration::from_secs(60);
/// The longest pause.
const MOST: Duration = Duration::from_secs(3_600);
/// A subscription that ends sooner than this is not made anew at once: two sides that cannot
/// agree would go on for ever.
const SHORT: Duration = Duration::from_secs(5);

/// RFC 6665 §4.1.2, Figure 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// There is no subscription.
    Terminated,
    /// SUBSCRIBE was sent, and no NOTIFY has come. After a 2xx that lasts as long as it granted:
    /// there are user agents that send NOTIFY when their owner has decided.
    NotifyWait,
    /// The SIP user has not decided.
    Pending,
    /// The SIP user authorized the XMPP user.
    Active,
}

/// What is known of whether the XMPP user is there to be shown anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Online {
    /// The XMPP server said so, or nothing says otherwise.
    Perhaps,
    /// The XMPP server said that the last device is gone.
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
    /// The SIP user authorized the XMPP user.
    Granted,
    /// The SIP user refused, or took the grant back.
    Cancelled,
    /// The subscription ended as the XMPP user asked.
    Unsubscribed,
    /// What the XMPP user was shown holds no longer.
    Withdraw,
    /// The SIP user's presence is unknown.
    Unknown,
    /// The XMPP user's request failed, for good.
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
    /// Whether 404 says that there is no such user (RFC 3922 §6.1), and not that no device of the
    /// user is registered.
    pub unknown_is_final: bool,
}

/// What a machine is told beside an event.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// Now.
    pub now: Instant,
    /// 64 × T1: Timer N.
    pub timer_n: Duration,
    /// A random number.
    pub random: u64,
    /// Whether the SIP user granted it already.
    pub granted: bool,
    /// Whether the XMPP user is there.
    pub online: Online,
    /// Whether a decision of the SIP user is still waited for.
    pub patient: bool,
}

/// The machine.
#[derive(Debug)]
pub struct Subscriber {
    state: State,
    /// The XMPP user wants to see the SIP user.
    wanted: bool,
    /// The SUBSCRIBE without an answer: its Expires.
    asked: Option<u32>,
    /// When the last one was sent.
    asked_at: Instant,
    /// When the dialog, or the attempt at one, began; none if an earlier process began it.
    began_at: Option<Instant>,
    /// A NOTIFY came since.
    notified: bool,
    /// A NOTIFY said since how long it lasts.
    timed: bool,
    /// What the last 2xx granted, in seconds.
    granted: Option<u32>,
    /// A refresh was refused and the dialog lives on: what it says is shown no more.
    muted: bool,
    /// The SIP side said that nothing will change (§4.1.3, invariant).
    invariant: bool,
    /// It is being ended.
    leaving: bool,
    /// The XMPP user was told that it ended.
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
    /// A Retry-After said when: a login does not bring it forward.
    told_when: bool,
    /// When it was last made anew because the SIP user was heard of.
    hurried_at: Option<Instant>,
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
            timed: false,
            granted: None,
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
            hurried_at: None,
        }
    }

    /// A subscription of an earlier process. It is refreshed within `spread`, since NOTIFYs may
    /// have been missed; one that has expired since begins anew.
    #[must_use]
    pub fn restored(context: &Context, state: State, rest: Duration, spread: Duration) -> Self {
        let now = context.now;
        let soon = now + jitter(spread, context.random);
        let mut subscriber = Subscriber::new();
        (subscriber.wanted, subscriber.notified) = (true, true);
        if rest.is_zero() || state == State::Terminated {
            subscriber.retry = Some(soon);
            return subscriber;
        }
        subscriber.state = state;
        subscriber.expiry = Some(now + rest);
        // A SIP user who has not decided is not asked sooner than otherwise.
        let patient = state == State::NotifyWait && !context.granted;
        let half = now + rest / 2;
        subscriber.refresh = Some(if patient { half } else { soon.min(half) });
        subscriber
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether the XMPP user wants to see the SIP user.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Whether nothing is left to be done or waited for.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !self.wanted && self.state == State::Terminated && self.asked.is_none()
    }

    /// Whether its NOTIFYs are shown to the XMPP user.
    #[must_use]
    pub fn shows(&self) -> bool {
        self.wanted && !self.muted
    }

    /// Whether the XMPP user may see what the dialog says, or what it said last and for good.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.shows() && (self.state == State::Active || self.invariant)
    }

    /// Whether a NOTIFY came since the last SUBSCRIBE.
    #[must_use]
    pub fn is_notified(&self) -> bool {
        self.notified
    }

    /// Whether an attempt failed, and the next one is made when its time has come.
    #[must_use]
    pub fn is_retrying(&self) -> bool {
        self.wanted && self.state == State::Terminated && self.retry.is_some() && !self.told_when
    }

    /// Whether the SIP side said that nothing will change.
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

    fn ask(&mut self, context: &Context, seconds: u32, fresh: bool) -> Action {
        self.asked = Some(seconds);
        self.asked_at = context.now;
        (self.notified, self.timed) = (false, false);
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
        (self.retry, self.expiry, self.told_when, self.granted) = (None, None, false, None);
        vec![self.ask(context, self.seconds, true)]
    }

    /// The subscription is over; what is wanted further is the caller's to say.
    fn end(&mut self) {
        self.state = State::Terminated;
        (self.timer_n, self.refresh, self.expiry, self.asked) = (None, None, None, None);
        self.muted = false;
    }

    fn retry_later(&mut self, context: &Context, after: Option<u32>) {
        self.retry = Some(self.pause(context, after));
        self.told_when = after.is_some();
    }

    /// When another attempt is made: `after` so many seconds, if that was said.
    fn pause(&mut self, context: &Context, after: Option<u32>) -> Instant {
        let pause = after.map_or(self.back_off, |after| Duration::from_secs(after.into()));
        self.back_off = (self.back_off * 2).min(MOST);
        context.now + pause + jitter(pause / 10, context.random)
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
        self.lasts(context, Duration::from_secs(seconds.into()));
    }

    fn lasts(&mut self, context: &Context, life: Duration) {
        self.expiry = Some(context.now + life);
        // Between 80 and 90 % of it, and 5 s before its end at the latest; but never at once.
        let early = life * 8 / 10 + jitter(life / 10, context.random);
        let latest = life.saturating_sub(Duration::from_secs(5)).max(life / 2);
        self.refresh = Some(context.now + early.min(latest).max(LEAST));
    }
}

impl Context {
    /// Whether a subscription is kept alive: one that is not decided always is, whether its
    /// subscriber is there or not (SUB-107).
    fn goes_on(&self) -> bool {
        match self.granted {
            true => self.online == Online::Perhaps,
            false => self.patient,
        }
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
fn jitter(span: Duration, random: u64) -> Duration {
    let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(if micros == 0 { 0 } else { random % micros })
}
