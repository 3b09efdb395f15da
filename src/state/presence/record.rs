//! A pair as it is stored: JSON, so that a later version can read what an earlier one wrote.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::authorization::Authorization;
use super::dialog::{Dialog, StoredDialog};
use super::notifier::{self, Notifier};
use super::pair::{NotifierSide, PairState, Pauses, SubscriberSide, Subscription};
use super::shares::Maker;
use super::subscriber::{self, Subscriber};
use crate::codec::sip::Uri;
use crate::codec::xml::Text;
use crate::codec::xmpp::Jid;
use crate::flow::{AcceptedTypes, Device, DialogId, Instant, LinkId, Now, PairId, UserPair};

/// A pair as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub struct StoredPair<'a> {
    link: usize,
    contact: String,
    user: String,
    contact_uri: String,
    user_uri: String,
    authorization: Authorization,
    /// Whether the SIP user made it; records of earlier versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made_by_sip: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused_until: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refuses_until: Option<u64>,
    heard: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    watching: Option<StoredSubscriberSide<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    watched: Option<StoredNotifierSide<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredSubscriberSide<'a> {
    wanted: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    invariant: bool,
    #[serde(default)]
    since: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    active: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_unix_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dialog: Option<StoredDialog>,
    #[serde(default, skip_serializing_if = "<[Device]>::is_empty")]
    devices: Cow<'a, [Device]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gone_us: Option<u64>,
    #[serde(default, skip_serializing_if = "<[Text]>::is_empty")]
    untold: Cow<'a, [Text]>,
    #[serde(default, skip_serializing_if = "is_false")]
    object: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredNotifierSide<'a> {
    dialogs: Vec<StoredSubscription>,
    devices: Vec<Cow<'a, Device>>,
    known: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    give_up: Option<u64>,
    #[serde(default, skip_serializing_if = "is_false")]
    untold: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredSubscription {
    dialog: StoredDialog,
    active: bool,
    expires_unix_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event_id: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "AcceptedTypes::is_nothing")]
    takes: AcceptedTypes,
}

fn is_false(it: &bool) -> bool {
    !it
}

/// The wall clock at an instant.
fn to_unix(now: Now, at: Instant) -> u64 {
    let ahead = u64::try_from((at - now.instant).as_millis()).unwrap_or(0);
    now.unix_ms + ahead
}

/// The instant at which the wall clock shows a time; one that has passed is now.
fn from_unix(now: Now, unix_ms: u64) -> Instant {
    now.instant + Duration::from_millis(unix_ms.saturating_sub(now.unix_ms))
}

impl PairState {
    /// Its record; none when nothing is worth keeping.
    #[must_use]
    pub fn stored(&self, now: Now) -> Option<StoredPair<'_>> {
        if self.is_empty() {
            return None;
        }
        let watching =
            self.subscriber_side.as_ref().map(|side| StoredSubscriberSide::of(side, now));
        let watched = self.notifier_side.as_ref().map(|side| StoredNotifierSide::of(side, now));
        let pair = self.pair();
        Some(StoredPair {
            link: pair.link.0,
            contact: pair.sip_user.as_str().to_owned(),
            user: pair.xmpp_user.as_str().to_owned(),
            contact_uri: pair.sip_user_uri.as_str().to_owned(),
            user_uri: pair.xmpp_user_uri.as_str().to_owned(),
            authorization: self.authorization,
            made_by_sip: Some(self.maker == Maker::Sip),
            refused_until: self.pauses().refused.map(|at| to_unix(now, at)),
            refuses_until: self.pauses().refuses.map(|at| to_unix(now, at)),
            heard: self.heard,
            watching,
            watched,
        })
    }
}

/// How what an earlier process left is taken up.
pub struct Restoring<'a> {
    /// Now.
    pub now: Now,
    /// 64 × T1.
    pub timer_n: Duration,
    /// Over how long refreshes are spread.
    pub spread: Duration,
    /// A random number.
    pub random: u64,
    /// The name of a pair.
    pub pair_id: &'a dyn Fn(&Jid, &Jid) -> PairId,
    /// The name of a dialog.
    pub dialog_id: &'a dyn Fn(&Dialog) -> DialogId,
}

impl StoredPair<'_> {
    /// The pair of an earlier process.
    #[must_use]
    pub fn restore(self, with: &Restoring<'_>) -> Option<PairState> {
        let contact = Jid::parse(&self.contact).ok()?;
        let user = Jid::parse(&self.user).ok()?;
        let pair = UserPair {
            id: (with.pair_id)(&contact, &user),
            link: LinkId(self.link),
            sip_user: contact,
            xmpp_user: user,
            sip_user_uri: Uri::parse(self.contact_uri.into()).ok()?,
            xmpp_user_uri: Uri::parse(self.user_uri.into()).ok()?,
        };
        let sip_user_alone = !self.authorization.from && !self.authorization.pending_in;
        let maker = match self.made_by_sip.unwrap_or(sip_user_alone) {
            true => Maker::Sip,
            false => Maker::Xmpp,
        };
        let mut state = PairState::new(&pair, maker, with.now);
        state.authorization = self.authorization;
        let pauses = Pauses {
            refused: self.refused_until.map(|at| from_unix(with.now, at)),
            refuses: self.refuses_until.map(|at| from_unix(with.now, at)),
            ..Pauses::default()
        };
        state.set_pauses(pauses);
        state.heard = self.heard;
        let granted = self.authorization.from;
        state.subscriber_side = self.watching.map(|stored| Box::new(stored.restore(with, granted)));
        state.notifier_side = self.watched.map(|stored| Box::new(stored.restore(with)));
        Some(state)
    }
}

impl<'a> StoredSubscriberSide<'a> {
    fn of(side: &'a SubscriberSide, now: Now) -> Self {
        StoredSubscriberSide {
            wanted: side.machine.is_wanted(),
            invariant: side.machine.is_invariant(),
            since: side.since,
            active: match side.machine.state() {
                subscriber::State::Active => Some(true),
                subscriber::State::Pending => Some(false),
                _ => None,
            },
            expires_unix_ms: side.machine.expiry().map(|at| to_unix(now, at)),
            dialog: side.dialog.as_ref().map(|(_, dialog)| dialog.into()),
            devices: Cow::Borrowed(&side.devices),
            request_id: side.request_id.clone(),
            gone_us: side.gone_us,
            untold: Cow::Borrowed(&side.untold),
            object: side.object,
        }
    }

    fn restore(self, with: &Restoring<'_>, granted: bool) -> SubscriberSide {
        let context = subscriber::Context {
            now: with.now.instant,
            timer_n: with.timer_n,
            random: with.random,
            granted,
            online: subscriber::Online::Perhaps,
            patient: true,
        };
        let rest = self.expires_unix_ms.unwrap_or(0).saturating_sub(with.now.unix_ms);
        let dialog = self.dialog.and_then(StoredDialog::restore);
        let state = match (self.active, &dialog) {
            (Some(true), Some(_)) => subscriber::State::Active,
            (Some(false), Some(_)) => subscriber::State::Pending,
            // A 2xx had come, and no NOTIFY.
            (None, Some(dialog)) if !dialog.is_established() => subscriber::State::NotifyWait,
            _ => subscriber::State::Terminated,
        };
        let mut machine = match self.wanted {
            true => {
                let rest = Duration::from_millis(rest);
                Subscriber::restored(&context, state, rest, with.spread)
            }
            false => Subscriber::new(),
        };
        if self.invariant {
            machine.rest();
        }
        let alive = machine.state() != subscriber::State::Terminated;
        let waits = machine.state() == subscriber::State::NotifyWait;
        SubscriberSide {
            machine,
            dialog: dialog.filter(|_| alive).map(|dialog| ((with.dialog_id)(&dialog), dialog)),
            // An earlier version may have kept more of them.
            devices: self.devices.into_owned().into_iter().map(Device::bounded).collect(),
            first: waits,
            since: self.since,
            request_id: self.request_id,
            lang: None,
            probe: None,
            gone_us: self.gone_us,
            untold: self.untold.into_owned(),
            due: None,
            retrying: false,
            object: self.object,
        }
    }
}

impl<'a> StoredNotifierSide<'a> {
    fn of(side: &'a NotifierSide, now: Now) -> Self {
        let lasting =
            |one: &&Subscription| !one.fetch && one.machine.state() != notifier::State::Terminated;
        StoredNotifierSide {
            dialogs: side
                .dialogs
                .iter()
                .filter(lasting)
                .map(|one| StoredSubscription {
                    dialog: (&one.dialog).into(),
                    active: one.machine.state() == notifier::State::Active,
                    expires_unix_ms: to_unix(now, one.machine.expiry()),
                    event_id: one.event_id.clone(),
                    takes: one.takes,
                })
                .collect(),
            devices: side.devices.iter().map(|device| Cow::Borrowed(&**device)).collect(),
            known: side.known,
            give_up: side.give_up.map(|at| to_unix(now, at)),
            untold: side.untold,
        }
    }

    fn restore(self, with: &Restoring<'_>) -> NotifierSide {
        let now = with.now;
        let dialogs = self.dialogs.into_iter().filter_map(|stored| {
            let dialog = stored.dialog.restore()?;
            let rest = stored.expires_unix_ms.saturating_sub(now.unix_ms);
            let state = match stored.active {
                true => notifier::State::Active,
                false => notifier::State::Pending,
            };
            Some(Subscription {
                id: (with.dialog_id)(&dialog),
                dialog,
                machine: Notifier::new(state, now.instant + Duration::from_millis(rest)),
                event_id: stored.event_id,
                fetch: false,
                waits: false,
                takes: stored.takes,
                closed: false,
            })
        });
        let (dialogs, devices): (Vec<Subscription>, _) = (
            dialogs.collect(),
            self.devices.into_iter().map(|it| Arc::new(it.into_owned().bounded())),
        );
        NotifierSide {
            dialogs: dialogs.into_boxed_slice().into_vec(),
            devices: devices.collect(),
            known: self.known,
            give_up: self.give_up.map(|at| from_unix(now, at)),
            untold: self.untold,
            ..NotifierSide::default()
        }
    }
}
