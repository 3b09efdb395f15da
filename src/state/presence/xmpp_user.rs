//! What is known of an XMPP user, whoever watches: which devices are there, and what all watchers
//! share.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::State;
use super::pair::PairState;
use super::subscriber::Online;
use super::user_pair::XmppUserNames;
use crate::codec::xml::{Text, detach};
use crate::codec::xmpp::Jid;
use crate::flow::{Device, Now, PairId};
use crate::state::rate_limit::TokenBucket;

/// Devices of one XMPP user that are remembered.
pub(super) const DEVICES: usize = 64;

/// What the server said of an XMPP user's devices, to whomever it said it. It is kept as long as
/// the XMPP user is in a pair.
#[derive(Debug, Default)]
pub(super) struct XmppUser {
    /// How many pairs the XMPP user is in.
    pub(super) pairs: usize,
    /// When a stanza of the XMPP user last came: milliseconds since 1970.
    pub(super) heard: u64,
    pub(super) devices: Vec<Text>,
    pub(super) said: bool,
    /// The XMPP user watches somebody, and no probe was sent since the link is back: there may be
    /// devices that nobody knows of.
    pub(super) unasked: bool,
    /// The JID and URI, shared by all pairs.
    pub(super) names: Option<Arc<XmppUserNames>>,
    /// What was shown last, to whomever: watchers who are shown the same share it.
    pub(super) shown: Vec<Arc<Device>>,
    /// The rate limit of SUBSCRIBEs for the XMPP user.
    pub(super) flow: TokenBucket,
    /// The rate limit of requests that are repeated to the XMPP user.
    pub(super) reminders: TokenBucket,
    /// Requests that the XMPP user has not decided.
    pub(super) pending: usize,
    /// Pairs that hold but a refusal, the oldest first.
    pub(super) refused: VecDeque<PairId>,
}

impl XmppUser {
    /// A device as a watcher is shown it. Where another one was shown the very same a moment ago it
    /// is the same copy: nothing else is ever shared among watchers.
    pub(super) fn share(&mut self, device: Device) -> Arc<Device> {
        if let Some(known) = self.known(&device) {
            return known;
        }
        let device = Arc::new(device.kept());
        self.put(&device);
        device
    }

    /// The same, of a device that is kept already.
    pub(super) fn share_kept(&mut self, device: Arc<Device>) -> Arc<Device> {
        let known = self.known(&device);
        if known.is_none() {
            self.put(&device);
        }
        known.unwrap_or(device)
    }

    fn known(&self, device: &Device) -> Option<Arc<Device>> {
        let same = |known: &&Arc<Device>| {
            let apart = known.changed_us.abs_diff(device.changed_us);
            known.resource == device.resource
                && known.available == device.available
                && known.facts == device.facts
                && apart <= MOMENT_US
        };
        self.shown.iter().find(same).map(Arc::clone)
    }

    fn put(&mut self, device: &Arc<Device>) {
        self.shown.retain(|known| known.resource != device.resource);
        if self.shown.len() < DEVICES {
            self.shown.push(Arc::clone(device));
        }
    }
}

/// A server tells all contacts of an XMPP user within this time, in microseconds.
const MOMENT_US: u64 = 1_000_000;

impl State {
    /// A stanza of an XMPP user came.
    pub(in crate::state) fn heard_of(&mut self, now: Now, user: &Jid) {
        let key = self.user_id(user);
        if let Some(user) = self.presence.users.get_mut(&key) {
            user.heard = now.unix_ms;
        }
    }

    /// Whether an XMPP user is there. Only what the server said counts as "no" (RFC 8048 §8.1); an
    /// XMPP user who is never heard of is given up in time.
    pub(super) fn online(&self, now: Now, pair: &PairState) -> Online {
        let user = self.presence.users.get(&self.user_id(pair.names.xmpp_user()));
        if let Some(user) = user.filter(|user| user.said) {
            return if user.devices.is_empty() { Online::No } else { Online::Perhaps };
        }
        let heard = user.map_or(pair.heard, |user| user.heard);
        let silent = Duration::from_millis(now.unix_ms.saturating_sub(heard));
        match silent >= self.config.presence.idle_limit {
            true => Online::No,
            false => Online::Perhaps,
        }
    }

    /// The server told of a device. Returns whether no device of the XMPP user was known before.
    pub(super) fn note_online(&mut self, user: &Jid, resource: Option<&Text>, there: bool) -> bool {
        let key = self.user_id(user);
        let Some(known) = self.presence.users.get_mut(&key) else { return false };
        let was_away = known.devices.is_empty();
        match (resource, there) {
            (Some(resource), true) => {
                known.said = true;
                if !known.devices.contains(resource) && known.devices.len() < DEVICES {
                    known.devices.push(detach(resource));
                }
            }
            (Some(resource), false) => {
                let before = known.devices.len();
                known.devices.retain(|device| device != resource);
                // The last of those that were known: all are gone.
                known.said |= before > 0;
            }
            (None, false) => {
                known.devices.clear();
                known.said = true;
            }
            (None, true) => {}
        }
        was_away
    }
}
