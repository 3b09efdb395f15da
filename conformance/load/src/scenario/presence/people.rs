//! People who watch each other, and the manners of their servers and phones: a request to see
//! somebody is granted, a probe is answered, a SUBSCRIBE gets its NOTIFY.
//!
//! There may be a million of them: what is kept of a pair are some octets, all else is in what the
//! gateway writes.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::time::Instant;

use serde::Serialize;

use super::plan::{Plan, WAYS, Way};
use super::words::{self, Dialog, Subscribed};
use crate::scenario::Worlds;

/// What is kept of a pair, by way where there are two.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pair {
    pub(super) live: [bool; 2],
    pub(super) was_live: [bool; 2],
    /// The CSeq of the gateway's last request in the dialog.
    pub(super) cseq: [u32; 2],
    /// The state that was shown last.
    pub(super) shown: [u32; 2],
    /// The dialog in which the XMPP user watches, by its hash, and when it ends: milliseconds
    /// since the beginning.
    pub(super) dialog: u32,
    pub(super) expiry: u32,
}

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// The next pair to bring up, and the end of them.
    pub(super) next: u32,
    pub(super) end: u32,
    /// How many were brought up, and how many are up now.
    pub(super) risen: u32,
    begun: u32,
    pub(super) live: u32,
}

/// What is to be sent.
#[derive(Debug)]
pub(super) enum Act {
    Grant(u32),
    Show(u32),
    Notify(Box<Subscribed>),
}

/// What came and went.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Counts {
    /// Presence stanzas to the gateway.
    pub stanzas_sent: u64,
    /// Requests of SIP users to see an XMPP user, as stanzas.
    pub asked: u64,
    /// Probes.
    pub probes: u64,
    /// Stanzas that show a SIP user.
    pub shown: u64,
    /// Stanzas by which a SIP user is gone.
    pub gone: u64,
    /// NOTIFYs of the gateway.
    pub notifies: u64,
    /// Of these, with a state that was shown before.
    pub repeated: u64,
    /// SUBSCRIBEs of the gateway that make a dialog.
    pub subscribes: u64,
    /// Those in a dialog.
    pub refreshes: u64,
    /// Those in a dialog that is over: answered 481.
    pub late: u64,
    /// NOTIFYs to the gateway.
    pub notifies_sent: u64,
    /// Requests that got no answer on purpose, retransmissions included.
    pub unanswered: u64,
    /// Dialogs of SIP users that the gateway ended.
    pub ended: u64,
}

/// The people.
pub struct People {
    /// Who watches whom.
    pub plan: Plan,
    /// What came and went.
    pub counts: Counts,
    /// What must not be.
    pub faults: BTreeMap<String, u64>,
    /// Why dialogs of SIP users ended.
    pub reasons: BTreeMap<String, u64>,
    /// The SIP side answers nothing about presence.
    pub silent: bool,
    /// Dialogs of the first SIP users who watch.
    pub kept: BTreeMap<u32, Dialog>,
    /// How many of them are kept.
    pub keep: usize,
    /// SUBSCRIBEs of SIP users that were answered 200.
    pub accepted: u64,
    pub(super) pairs: Vec<Pair>,
    /// The state of each XMPP user.
    versions: Vec<u32>,
    pub(super) sides: [Side; 2],
    pub(super) acts: VecDeque<Act>,
    /// SIP users who watch and have not seen the newest state.
    pub(super) behind: u32,
    cseq: u32,
    pub(super) begun: Instant,
}

impl People {
    /// Nobody watches anybody.
    pub fn new(plan: Plan) -> Self {
        let versions = vec![1; plan.users as usize];
        People {
            plan,
            counts: Counts::default(),
            faults: BTreeMap::new(),
            reasons: BTreeMap::new(),
            silent: false,
            kept: BTreeMap::new(),
            keep: 0,
            accepted: 0,
            pairs: Vec::new(),
            versions,
            sides: [Side::default(), Side::default()],
            acts: VecDeque::new(),
            behind: 0,
            cseq: 0,
            begun: Instant::now(),
        }
    }

    /// So many subscriptions are wanted.
    pub fn want(&mut self, subscriptions: u32) {
        for (side, pairs) in self.sides.iter_mut().zip(self.plan.pairs(subscriptions)) {
            side.next = side.next.max(pairs.start);
            side.end = pairs.end;
            self.pairs.resize(self.pairs.len().max(pairs.end as usize), Pair::default());
        }
    }

    /// How many were up once.
    pub fn risen(&self) -> u32 {
        self.sides.iter().map(|side| side.risen).sum()
    }

    /// How many were up once, of one direction.
    pub fn risen_of(&self, way: Way) -> u32 {
        self.sides[way.index()].risen
    }

    /// How many are up, of one direction.
    pub fn live(&self, way: Way) -> u32 {
        self.sides[way.index()].live
    }

    /// How many are up.
    pub fn all_live(&self) -> u32 {
        WAYS.iter().map(|way| self.live(*way)).sum()
    }

    /// How many watchers of XMPP users have not seen the newest state.
    pub fn behind(&self) -> u32 {
        self.behind
    }

    /// Every XMPP user's presence changes, and the server tells it to every contact.
    pub fn change(&mut self, worlds: &mut Worlds) {
        self.versions.iter_mut().for_each(|version| *version += 1);
        self.behind = 0;
        for number in 0..self.pairs.len() {
            if self.pairs[number].live[Way::SipWatches.index()] {
                let pair = number as u32;
                words::show(worlds, &self.plan, pair, self.version(pair));
                self.counts.stanzas_sent += 1;
                self.behind += 1;
            }
        }
    }

    /// A SIP user refreshes a dialog that was kept.
    ///
    /// # Errors
    /// When it cannot be sent at all.
    pub fn refresh(&mut self, now: Instant, worlds: &mut Worlds, pair: u32) -> io::Result<()> {
        let Some(dialog) = self.kept.get_mut(&pair) else { return Ok(()) };
        dialog.cseq += 1;
        words::subscribe(now, worlds, &self.plan, pair, Some(dialog))
    }

    pub(super) fn version(&self, pair: u32) -> u32 {
        self.versions.get(self.plan.user(pair) as usize).copied().unwrap_or(1)
    }

    /// Something that must not be.
    pub fn fault(&mut self, what: impl Into<String>) {
        *self.faults.entry(what.into()).or_default() += 1;
    }

    /// Sends what is due, and brings up what is wanted.
    ///
    /// # Errors
    /// When something cannot be sent at all.
    pub fn turn(&mut self, now: Instant, worlds: &mut Worlds) -> io::Result<()> {
        while let Some(act) = self.acts.pop_front() {
            self.act(now, worlds, act)?;
        }
        for way in WAYS {
            let window = self.plan.windows[way.index()];
            loop {
                let side = &mut self.sides[way.index()];
                if side.next >= side.end || side.begun - side.risen >= window {
                    break;
                }
                let pair = side.next;
                (side.next, side.begun) = (pair + 1, side.begun + 1);
                match way {
                    Way::XmppWatches => {
                        self.counts.stanzas_sent += 1;
                        words::say(worlds, &self.plan, pair, "subscribe");
                    }
                    Way::SipWatches => words::subscribe(now, worlds, &self.plan, pair, None)?,
                }
            }
        }
        Ok(())
    }

    fn act(&mut self, now: Instant, worlds: &mut Worlds, act: Act) -> io::Result<()> {
        match act {
            Act::Grant(pair) => {
                self.counts.stanzas_sent += 2;
                words::say(worlds, &self.plan, pair, "subscribed");
                words::show(worlds, &self.plan, pair, self.version(pair));
            }
            Act::Show(pair) => {
                self.counts.stanzas_sent += 1;
                words::show(worlds, &self.plan, pair, self.version(pair));
            }
            Act::Notify(subscribed) => {
                self.counts.notifies_sent += 1;
                self.cseq += 1;
                words::notify(now, worlds, &subscribed, self.cseq, 1)?;
            }
        }
        Ok(())
    }
}
