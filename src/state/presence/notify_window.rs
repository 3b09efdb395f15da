//! How many NOTIFYs may be under way to a peer at once: a burst of them would overrun the socket
//! of a peer that reads them one by one.
//!
//! What waits is a name, not a document: a NOTIFY tells what holds when it is sent.

use std::collections::VecDeque;

use super::State;
use crate::flow::{Counter, DialogId, Followup, Now, PairId};
use crate::state::attempt::NextHop;
use crate::state::client::{Client, Owner};

/// The NOTIFYs for one peer. One that is not answered within T1 leaves its place to the next:
/// what one phone does not answer is not the trouble of the others.
#[derive(Debug, Default)]
pub(super) struct NotifyWindow {
    /// Sent, and neither answered nor older than T1.
    open: u32,
    /// Those that wait, each at most once.
    waiting: VecDeque<Waiting>,
}

/// A NOTIFY that waits.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    pair: PairId,
    dialog: DialogId,
    /// Whether an object goes with it.
    object: bool,
}

impl State {
    /// What must make a pass of its own, in order.
    pub fn take_again(&mut self, now: Now) -> Option<Followup> {
        while let Some(again) = self.again.pop_front() {
            match again {
                Followup::Notify(pair, mut dialogs) => {
                    dialogs.retain(|dialog| self.may_send(now, pair, *dialog, false));
                    if !dialogs.is_empty() {
                        return Some(Followup::Notify(pair, dialogs));
                    }
                }
                Followup::Object(pair, dialog) if !self.may_send(now, pair, dialog, true) => {}
                other => return Some(other),
            }
        }
        self.next_waiting()
    }

    /// Whether a NOTIFY may go now; else it waits.
    fn may_send(&mut self, now: Now, pair: PairId, dialog: DialogId, object: bool) -> bool {
        let most = self.config.presence.notify_window;
        let Some(way) = self.dialog_next_hop(now, pair, dialog, false) else { return true };
        let udp = !way.hop.transport.reliable();
        let window = self.presence.windows.get_mut(way.peer.0).filter(|_| udp);
        let Some(window) = window else { return true };
        if window.open < most {
            return true;
        }
        let known =
            self.presence.pairs.get_mut(&pair).and_then(|pair| pair.notifier_side.as_deref_mut());
        let one = known.and_then(|known| known.dialogs.iter_mut().find(|one| one.id == dialog));
        // An object is due but once.
        if one.is_some_and(|one| object || !std::mem::replace(&mut one.waits, true)) {
            window.waiting.push_back(Waiting { pair, dialog, object });
            self.counters.count(Counter::NotifyWaited);
        }
        false
    }

    /// The next NOTIFY that waits and may go.
    fn next_waiting(&mut self) -> Option<Followup> {
        let most = self.config.presence.notify_window;
        for window in &mut self.presence.windows {
            while window.open < most
                && let Some(Waiting { pair, dialog, object }) = window.waiting.pop_front()
            {
                let known = self.presence.pairs.get_mut(&pair);
                let known = known.and_then(|pair| pair.notifier_side.as_deref_mut());
                let one = known.and_then(|it| it.dialogs.iter_mut().find(|one| one.id == dialog));
                // It may be over by now.
                if one.is_some() && object {
                    return Some(Followup::Object(pair, dialog));
                }
                if let Some(one) = one {
                    one.waits = false;
                    return Some(Followup::Notify(pair, vec![dialog]));
                }
            }
        }
        None
    }

    /// A NOTIFY is under way; returns whether it has a place that it must give back.
    pub(in crate::state) fn takes_place(&mut self, owner: Owner, way: NextHop) -> bool {
        // A connection has a window of its own.
        let notify =
            matches!(owner, Owner::Notify(..) | Owner::Object(..)) && !way.hop.transport.reliable();
        let window = self.presence.windows.get_mut(way.peer.0).filter(|_| notify);
        window.map(|window| window.open += 1).is_some()
    }

    /// A NOTIFY was answered, or is older than T1.
    pub(in crate::state) fn leaves_place(&mut self, client: &mut Client) {
        if std::mem::take(&mut client.place)
            && let Some(window) = self.presence.windows.get_mut(client.peer.0)
        {
            window.open = window.open.saturating_sub(1);
        }
    }
}
