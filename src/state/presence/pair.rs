//! A pair of a SIP user and an XMPP user: who may see whom, and what each was last shown.

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
    /// The gateway as subscriber: the XMPP user watches the SIP user.
    pub subscriber_side: Option<Box<SubscriberSide>>,
    /// The gateway as notifier: the SIP user watches the XMPP user.
    pub notifier_side: Option<Box<NotifierSide>>,
    /// A poll by the XMPP user, without a subscription.
    pub poll: Option<Box<Poll>>,
    /// When a stanza of the XMPP user last came: milliseconds since 1970.
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
    /// Whether its record is behind, and whether what is sent must wait for it.
    pub(super) dirty: Dirty,
    /// Whether there is a record of it.
    pub(super) stored: bool,
}

/// What lasts until a time; few pairs have any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pauses {
    /// The XMPP user refused the SIP user; until then no `subscribe` is sent again.
    pub refused: Option<Instant>,
    /// The SIP user refused the XMPP user; until then a probe is answered `unsubscribed`.
    pub refuses: Option<Instant>,
    /// When the pair is taken up after its link was down.
    pub back: Option<Instant>,
    /// When `subscribe` goes to the XMPP user again, as an outage may have lost the answer.
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

/// The gateway as subscriber: the XMPP user watches the SIP user.
#[derive(Debug)]
pub struct SubscriberSide {
    /// The subscription.
    pub machine: Subscriber,
    /// Its dialog.
    pub dialog: Option<(DialogId, Dialog)>,
    /// The SIP user's devices, as the XMPP user was last shown them.
    pub devices: Vec<Device>,
    /// Whether the first NOTIFY of the dialog that says "active" is still to come.
    pub first: bool,
    /// When the XMPP user asked to see the SIP user: milliseconds since 1970.
    pub since: u64,
    /// The id of the XMPP user's request.
    pub request_id: Option<Box<str>>,
    /// The language of that request: an error that answers it is in this language. Not kept over
    /// a restart.
    pub lang: Option<Box<str>>,
    /// A probe that has no answer: its id, and the device it was for.
    pub probe: Option<Box<Probe>>,
    /// When the SIP user's last device went: microseconds since 1970.
    pub gone_us: Option<u64>,
    /// Devices that went while the link was down: the XMPP user is still to be told.
    pub untold: Vec<Text>,
    /// A SUBSCRIBE that the rate limit delays.
    pub due: Option<Box<Due>>,
    /// Whether the pair is among those whose attempt is made again when the SIP user is heard of.
    pub retrying: bool,
    /// Whether the XMPP user was shown a secured object (RFC 3923): the SIP user's bare JID then
    /// counts as available until `unavailable` is sent.
    pub object: bool,
}

/// A SUBSCRIBE that the rate limit delays.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    /// When it is sent.
    pub at: Instant,
    /// Its Expires.
    pub seconds: u32,
    /// Whether it begins a dialog.
    pub fresh: bool,
}

/// A probe by the XMPP user (RFC 6121 §4.3).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probe {
    /// Its id.
    pub id: Option<Text>,
    /// The SIP user's device that it asks for.
    pub resource: Option<Text>,
}

/// A poll: a SUBSCRIBE with Expires 0 (RFC 6665 §4.4.3).
#[derive(Debug)]
pub struct Poll {
    /// Its dialog.
    pub dialog: (DialogId, Dialog),
    /// The probe that asked for it.
    pub probe: Probe,
    /// When it is sent, if it was not yet.
    pub due: Option<Instant>,
    /// Timer N.
    pub timer_n: Instant,
}

/// The gateway as notifier: the SIP user watches the XMPP user.
#[derive(Debug, Default)]
pub struct NotifierSide {
    /// The SIP user's subscriptions: one for each device.
    pub dialogs: Vec<Subscription>,
    /// The XMPP user's devices, as the SIP user may see them.
    pub devices: Vec<Arc<Device>>,
    /// Those of them that went, and that all of the subscriptions have seen gone.
    pub seen_gone: Vec<Text>,
    /// Whether the XMPP user's presence is known: by a stanza, or by a probe without an answer.
    pub known: bool,
    /// When it was last learnt.
    pub heard_at: Option<Instant>,
    /// A probe by the gateway that has no answer.
    pub probe: Option<Box<SentProbe>>,
    /// Set while the XMPP user's domain is out of reach.
    pub out_of_reach: Option<Box<OutOfReach>>,
    /// When `subscribe` was last sent to the XMPP user.
    pub asked_at: Option<Instant>,
    /// The id of that request.
    pub asked_id: Option<Box<str>>,
    /// When it is given up.
    pub give_up: Option<Instant>,
    /// The last subscription ended while the link was down: the XMPP user is still to be told.
    pub untold: bool,
}

/// A probe by the gateway.
#[derive(Debug)]
pub struct SentProbe {
    /// Its id.
    pub id: Text,
    /// When silence counts as an answer.
    pub deadline: Instant,
    /// Devices that have not said that they are still there.
    pub unconfirmed: Vec<Text>,
    /// How often in a row the XMPP user's domain was out of reach.
    pub failed: u32,
}

/// The XMPP user's domain is out of reach.
#[derive(Debug, Clone, Copy)]
pub struct OutOfReach {
    /// When the next probe is sent.
    pub again_at: Instant,
    /// How long the pause before that was.
    pub pause: Duration,
}

/// One subscription of the SIP user.
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
    /// Whether it only fetches (Expires 0): nothing is shown after its one NOTIFY.
    pub fetch: bool,
    /// Whether a NOTIFY of it waits in the window of its peer.
    pub waits: bool,
    /// The secured objects that it accepts.
    pub takes: AcceptedTypes,
    /// Whether its last document shows all closed: the SIP user ended it (RFC 8048 §5.3.3).
    pub closed: bool,
}

impl Subscription {
    /// Whether it is active, so that the SIP user sees the XMPP user.
    #[must_use]
    pub fn is_seeing(&self) -> bool {
        !self.fetch && self.machine.state() == notifier::State::Active
    }
}

impl SubscriberSide {
    /// Without a subscription yet.
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

    /// Whether a device of the SIP user is shown as available.
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

    /// Whether it is more than the memory of a refusal.
    #[must_use]
    pub fn holds_place(&self) -> bool {
        let watches = |side: &SubscriberSide| side.dialog.is_some() || !side.machine.is_over();
        !self.authorization.is_none()
            || self.poll.is_some()
            || self.subscriber_side.as_deref().is_some_and(watches)
            || self.notifier_side.as_ref().is_some_and(|side| !side.dialogs.is_empty())
    }

    /// The earliest of its deadlines.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let subscriber = self.subscriber_side.as_ref().and_then(|side| {
            let due = side.due.as_ref().map(|due| due.at);
            [side.machine.deadline(), due].into_iter().flatten().min()
        });
        let poll = self.poll.as_ref().map(|poll| poll.due.unwrap_or(poll.timer_n));
        let notifier = self.notifier_side.as_ref().and_then(|side| {
            let dialogs = side.dialogs.iter().filter_map(|dialog| dialog.machine.deadline());
            let probe = side.probe.as_ref().map(|probe| probe.deadline);
            let out_of_reach = side.out_of_reach.as_ref().filter(|_| probe.is_none());
            let again = out_of_reach.map(|it| it.again_at);
            dialogs.chain(probe).chain(again).chain(side.give_up).min()
        });
        let Pauses { refused, refuses, back, ask } = self.pauses();
        let kept = [refused, refuses, back, ask];
        [subscriber, poll, notifier].into_iter().chain(kept).flatten().min()
    }

    /// The name of the dialog in which the XMPP user watches.
    #[must_use]
    pub fn subscriber_dialog(&self) -> Option<DialogId> {
        Some(self.subscriber_side.as_ref()?.dialog.as_ref()?.0)
    }

    /// The names of the dialogs in which the SIP user watches.
    pub fn notifier_dialogs(&self) -> impl Iterator<Item = DialogId> {
        self.notifier_side.iter().flat_map(|one| one.dialogs.iter().map(|one| one.id))
    }

    /// The SIP user's subscriptions that may be sent a secured object, with what each accepts.
    pub fn object_takers(&self) -> impl Iterator<Item = (DialogId, AcceptedTypes)> + '_ {
        let granted = self.authorization.to;
        let dialogs = self.notifier_side.iter().flat_map(|side| &side.dialogs);
        dialogs.filter(move |one| granted && one.is_seeing()).map(|one| (one.id, one.takes))
    }

    /// Marks it as different from its record.
    pub fn mark_dirty(&mut self, dirty: Dirty) {
        self.dirty = self.dirty.max(dirty);
    }
}
