//! A SIP user and an XMPP user: who sees whom, and what each was last shown.

use std::sync::Arc;
use std::time::Duration;

use super::authorization::Authorization;
use super::dialog::Dialog;
use super::notifier::{self, Notifier};
use super::shares::{Counted, Maker};
use super::subscriber::Subscriber;
use super::user_pair::PairNames;
use crate::codec::xml::Text;
use crate::flow::{AcceptedTypes, CommitId, Device, DialogId, Instant, Now, UserPair};

/// All that is known of a pair.
#[derive(Debug)]
pub struct PairState {
    /// The two users.
    pub names: PairNames,
    /// Who may see whom.
    pub authorization: Authorization,
    /// She watches him.
    pub subscriber_side: Option<Box<SubscriberSide>>,
    /// He watches her.
    pub notifier_side: Option<Box<NotifierSide>>,
    /// She asked once how he is, without a subscription.
    pub poll: Option<Box<Poll>>,
    /// She was last heard of: milliseconds since 1970.
    pub heard: u64,
    pauses: Option<Box<Pauses>>,
    /// Who made it.
    pub(super) maker: Maker,
    /// What of it is counted in the shares.
    pub(super) counted: Counted,
    /// The deadline that is set.
    pub(super) armed: Option<Instant>,
    /// The records that its effects wait for.
    pub(super) commit: Option<CommitId>,
    /// Whether its record is not what it should be, and whether others must wait for it.
    pub(super) dirty: Dirty,
    /// Whether there is a record of it.
    pub(super) stored: bool,
}

/// What lasts until a time; few pairs have any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pauses {
    /// He was refused by her; until then he is not asked for again.
    pub refused: Option<Instant>,
    /// She was refused by him; until then that is what she is told.
    pub refuses: Option<Instant>,
    /// When it is taken up after its link was away.
    pub back: Option<Instant>,
    /// When she is asked again to let him see her, as the answer may have been missed.
    pub ask: Option<Instant>,
}

/// How much a pair differs from its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dirty {
    /// Not at all.
    No,
    /// In something that may be lost.
    Deferred,
    /// In something that must be on disk before anybody sees it.
    BeforeSend,
}

/// She watches him.
#[derive(Debug)]
pub struct SubscriberSide {
    /// The subscription.
    pub machine: Subscriber,
    /// Its dialog.
    pub dialog: Option<(DialogId, Dialog)>,
    /// What she was shown of his devices.
    pub devices: Vec<Device>,
    /// Whether the first NOTIFY of the dialog that says "active" is still to come.
    pub first: bool,
    /// When she asked to see him: milliseconds since 1970.
    pub since: u64,
    /// The id of her request.
    pub request_id: Option<Box<str>>,
    /// The language of her request: what she is told of its failure is in it. Not kept over a
    /// restart.
    pub lang: Option<Box<str>>,
    /// A probe that has no answer: its id, and the device it was for.
    pub probe: Option<Box<Probe>>,
    /// When his last device went: microseconds since 1970.
    pub gone_us: Option<u64>,
    /// Devices that went while she could not be told.
    pub untold: Vec<Text>,
    /// A SUBSCRIBE that waits for its place.
    pub due: Option<Box<Due>>,
    /// Whether the pair is among those whose attempt is made again when the SIP user is heard of.
    pub retrying: bool,
    /// Whether she was shown an object of his: by his bare JID he is there until she is told
    /// otherwise.
    pub object: bool,
}

/// A SUBSCRIBE that waits for its place.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    /// When it is sent.
    pub at: Instant,
    /// Its Expires.
    pub seconds: u32,
    /// Whether it begins a dialog.
    pub fresh: bool,
}

/// A probe of hers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probe {
    /// Its id.
    pub id: Option<Text>,
    /// The device of his that it asks for.
    pub resource: Option<Text>,
}

/// A question without a subscription (RFC 6665 §4.4.3).
#[derive(Debug)]
pub struct Poll {
    /// Its dialog.
    pub dialog: (DialogId, Dialog),
    /// What asked for it.
    pub probe: Probe,
    /// When it is sent, if it was not yet.
    pub due: Option<Instant>,
    /// Timer N.
    pub timer_n: Instant,
}

/// He watches her.
#[derive(Debug, Default)]
pub struct NotifierSide {
    /// His subscriptions: one for each of his devices.
    pub dialogs: Vec<Subscription>,
    /// Her devices, as she shows them to him.
    pub devices: Vec<Arc<Device>>,
    /// Those of them that went, and that all of his subscriptions have seen gone.
    pub seen_gone: Vec<Text>,
    /// Whether anything of her was heard since she granted it.
    pub known: bool,
    /// When she was last heard of.
    pub heard_at: Option<Instant>,
    /// A probe of ours that has no answer.
    pub probe: Option<Box<Asked>>,
    /// Her domain is out of reach.
    pub out_of_reach: Option<Box<Far>>,
    /// When she was last asked to let him see her.
    pub asked_at: Option<Instant>,
    /// The id of that request.
    pub asked_id: Option<Box<str>>,
    /// When it is given up.
    pub give_up: Option<Instant>,
    /// He went while she could not be told.
    pub untold: bool,
}

/// A probe of ours.
#[derive(Debug)]
pub struct Asked {
    /// Its id.
    pub id: Text,
    /// When silence counts as an answer.
    pub deadline: Instant,
    /// Devices that have not said that they are still there.
    pub unconfirmed: Vec<Text>,
    /// Her domain was out of reach so many times.
    pub failed: u32,
}

/// Her domain is out of reach.
#[derive(Debug, Clone, Copy)]
pub struct Far {
    /// When she is asked again.
    pub again_at: Instant,
    /// How long the pause before that was.
    pub pause: Duration,
}

/// One subscription of his.
#[derive(Debug)]
pub struct Subscription {
    /// Its name.
    pub id: DialogId,
    /// Its dialog.
    pub dialog: Dialog,
    /// The subscription.
    pub machine: Notifier,
    /// The `id` of its Event.
    pub event_id: Option<Box<str>>,
    /// Whether it was but a question: nothing is shown after its one NOTIFY.
    pub fetch: bool,
    /// Whether a NOTIFY of it waits for its turn.
    pub waits: bool,
    /// The objects that it takes.
    pub takes: AcceptedTypes,
    /// Whether its last document shows all closed: he gave it up (RFC 8048 §5.3.3).
    pub closed: bool,
}

impl Subscription {
    /// Whether it lives, and shows her to him.
    #[must_use]
    pub fn is_seeing(&self) -> bool {
        !self.fetch && self.machine.state() == notifier::State::Active
    }
}

impl SubscriberSide {
    /// She watches, and no subscription is there yet.
    #[must_use]
    pub fn new() -> Self {
        SubscriberSide {
            machine: Subscriber::new(),
            dialog: None,
            devices: Vec::new(),
            first: false,
            since: 0,
            request_id: None,
            lang: None,
            probe: None,
            gone_us: None,
            untold: Vec::new(),
            due: None,
            retrying: false,
            object: false,
        }
    }

    /// Whether one of his devices is shown as there.
    #[must_use]
    pub fn shows_any(&self) -> bool {
        self.devices.iter().any(|device| device.available)
    }
}

impl Default for SubscriberSide {
    fn default() -> Self {
        SubscriberSide::new()
    }
}

impl PairState {
    /// A pair of which nothing is known.
    #[must_use]
    pub fn new(pair: &UserPair, maker: Maker, now: Now) -> Self {
        PairState {
            names: PairNames::new(pair),
            authorization: Authorization::default(),
            subscriber_side: None,
            notifier_side: None,
            poll: None,
            heard: now.unix_ms,
            pauses: None,
            maker,
            counted: Counted::default(),
            armed: None,
            commit: None,
            dirty: Dirty::No,
            stored: false,
        }
    }

    /// The two users.
    #[must_use]
    pub fn pair(&self) -> UserPair {
        self.names.pair()
    }

    /// What lasts until a time.
    #[must_use]
    pub fn pauses(&self) -> Pauses {
        self.pauses.as_deref().copied().unwrap_or_default()
    }

    /// Changes what lasts until a time.
    pub fn pause<T>(&mut self, change: impl FnOnce(&mut Pauses) -> T) -> T {
        let mut pauses = self.pauses();
        let answer = change(&mut pauses);
        self.set_pauses(pauses);
        answer
    }

    /// Sets what lasts until a time.
    pub fn set_pauses(&mut self, pauses: Pauses) {
        self.pauses = (pauses != Pauses::default()).then(|| Box::new(pauses));
    }

    /// Whether nothing is worth keeping.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.holds_place() && self.pauses().refused.is_none() && self.pauses().refuses.is_none()
    }

    /// Whether it is more than the memory of a no.
    #[must_use]
    pub fn holds_place(&self) -> bool {
        let watches =
            |watching: &SubscriberSide| watching.dialog.is_some() || !watching.machine.is_over();
        !self.authorization.is_none()
            || self.poll.is_some()
            || self.subscriber_side.as_deref().is_some_and(watches)
            || self.notifier_side.as_ref().is_some_and(|watched| !watched.dialogs.is_empty())
    }

    /// The earliest of its deadlines.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let watching = self.subscriber_side.as_ref().and_then(|watching| {
            let due = watching.due.as_ref().map(|due| due.at);
            [watching.machine.deadline(), due].into_iter().flatten().min()
        });
        let fetch = self.poll.as_ref().map(|fetch| fetch.due.unwrap_or(fetch.timer_n));
        let watched = self.notifier_side.as_ref().and_then(|watched| {
            let dialogs = watched.dialogs.iter().filter_map(|dialog| dialog.machine.deadline());
            let probe = watched.probe.as_ref().map(|probe| probe.deadline);
            let far = watched.out_of_reach.as_ref().filter(|_| probe.is_none());
            let again = far.map(|far| far.again_at);
            dialogs.chain(probe).chain(again).chain(watched.give_up).min()
        });
        let Pauses { refused, refuses, back, ask } = self.pauses();
        let kept = [refused, refuses, back, ask];
        [watching, fetch, watched].into_iter().chain(kept).flatten().min()
    }

    /// The name of the dialog in which she watches.
    #[must_use]
    pub fn her_dialog(&self) -> Option<DialogId> {
        Some(self.subscriber_side.as_ref()?.dialog.as_ref()?.0)
    }

    /// The names of the dialogs in which he watches.
    pub fn his_dialogs(&self) -> impl Iterator<Item = DialogId> {
        self.notifier_side.iter().flat_map(|one| one.dialogs.iter().map(|one| one.id))
    }

    /// His subscriptions that may be sent an object of hers, with what each takes.
    pub fn object_takers(&self) -> impl Iterator<Item = (DialogId, AcceptedTypes)> + '_ {
        let granted = self.authorization.to;
        let dialogs = self.notifier_side.iter().flat_map(|watched| &watched.dialogs);
        dialogs.filter(move |one| granted && one.is_seeing()).map(|one| (one.id, one.takes))
    }

    /// Marks it as different from its record.
    pub fn mark_dirty(&mut self, dirty: Dirty) {
        self.dirty = self.dirty.max(dirty);
    }
}
