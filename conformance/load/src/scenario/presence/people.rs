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
use super::words::{self, Dialog, Request, Subscribed};
use crate::scenario::Worlds;
use crate::sip::SILENCE;
use crate::sip::message::Message;
use crate::token;
use crate::xmpp::stanza::Stanza;

/// What is kept of a pair, by way where there are two.
#[derive(Debug, Clone, Copy, Default)]
struct Pair {
    live: [bool; 2],
    was_live: [bool; 2],
    /// The CSeq of the gateway's last request in the dialog.
    cseq: [u32; 2],
    /// The state that was shown last.
    shown: [u32; 2],
    /// The dialog in which she watches him, by its hash, and when it ends: milliseconds since the
    /// beginning.
    dialog: u32,
    expiry: u32,
}

/// One direction.
#[derive(Debug, Default)]
struct Side {
    /// The next pair to bring up, and the end of them.
    next: u32,
    end: u32,
    /// How many were brought up, and how many are up now.
    risen: u32,
    begun: u32,
    live: u32,
}

/// What is to be sent.
#[derive(Debug)]
enum Act {
    Grant(u32),
    Show(u32),
    Notify(Box<Subscribed>),
}

/// What came and went.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Counts {
    /// Presence stanzas to the gateway.
    pub stanzas_sent: u64,
    /// Requests of SIP users to see her, as stanzas.
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
    pairs: Vec<Pair>,
    /// The state of each XMPP user.
    versions: Vec<u32>,
    sides: [Side; 2],
    acts: VecDeque<Act>,
    /// SIP users who watch and have not seen the newest state.
    behind: u32,
    cseq: u32,
    begun: Instant,
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

    /// Every XMPP user changes her presence, and her server tells it to every contact.
    pub fn change(&mut self, worlds: &mut Worlds) {
        self.versions.iter_mut().for_each(|version| *version += 1);
        self.behind = 0;
        for number in 0..self.pairs.len() {
            if self.pairs[number].live[Way::His.index()] {
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

    fn version(&self, pair: u32) -> u32 {
        self.versions.get(self.plan.user(pair) as usize).copied().unwrap_or(1)
    }

    /// Something that must not be.
    pub fn fault(&mut self, what: impl Into<String>) {
        *self.faults.entry(what.into()).or_default() += 1;
    }

    /// A presence stanza of the gateway.
    pub fn stanza(&mut self, stanza: &Stanza<'_>) {
        if stanza.name != "presence" {
            return;
        }
        let Some(pair) = words::number(&stanza.from, 's') else {
            return self.fault(format!("presence from {}", stanza.from));
        };
        match stanza.kind.as_str() {
            "subscribe" => {
                self.counts.asked += 1;
                self.acts.push_back(Act::Grant(pair));
            }
            "probe" => {
                self.counts.probes += 1;
                // A server is silent to whom she has not let see her.
                if self.plans(pair, Way::His) {
                    self.acts.push_back(Act::Show(pair));
                }
            }
            "" => {
                self.counts.shown += 1;
                let version = words::version(stanza.octets).unwrap_or(0);
                self.sees(pair, Way::Hers, version);
                self.rose(pair, Way::Hers);
            }
            "unavailable" => {
                self.counts.gone += 1;
                if stanza.from.contains('/') {
                    self.fell(pair, Way::Hers);
                }
            }
            "subscribed" => {}
            "error" => self.fault(format!("presence error {}", stanza.condition)),
            other => self.fault(format!("presence {other}")),
        }
    }

    fn plans(&self, pair: u32, way: Way) -> bool {
        let all = self.plan.pairs(self.sides.iter().map(|side| side.end).max().unwrap_or(0));
        // Of mutual pairs each is in both.
        all[way.index()].contains(&pair) || self.sides[way.index()].next > pair
    }

    /// A SUBSCRIBE or a NOTIFY of the gateway; the answer is its status.
    pub fn request(&mut self, now: Instant, request: &Message<'_>) -> u16 {
        if self.silent {
            self.counts.unanswered += 1;
            return SILENCE;
        }
        match request.method() {
            b"NOTIFY" => self.notified(request),
            b"SUBSCRIBE" => self.subscribed(now, request),
            _ => 405,
        }
    }

    fn subscribed(&mut self, now: Instant, request: &Message<'_>) -> u16 {
        let to = request.field("to", "t").unwrap_or_default();
        let Some(pair) = words::called(to).filter(|pair| self.is_known(*pair)) else {
            self.fault("SUBSCRIBE for nobody");
            return 404;
        };
        let fresh = memchr::memmem::find(to, b";tag=").is_none();
        let dialog = words::dialog_hash(request);
        let since = |at: Instant| u32::try_from((at - self.begun).as_millis()).unwrap_or(u32::MAX);
        let (here, seconds) = (since(now), request.expires().unwrap_or(0).min(self.plan.expires));
        let known = &mut self.pairs[pair as usize];
        if fresh {
            self.counts.subscribes += 1;
            (known.cseq[Way::Hers.index()], known.dialog) = (0, dialog);
        } else if known.dialog != dialog || known.expiry < here {
            self.counts.late += 1;
            return 481;
        } else {
            self.counts.refreshes += 1;
        }
        known.expiry = here.saturating_add(seconds * 1_000);
        self.counted(pair, Way::Hers, request);
        match Subscribed::of(pair, request, self.plan.expires) {
            Some(subscribed) => self.acts.push_back(Act::Notify(Box::new(subscribed))),
            None => self.fault("SUBSCRIBE without a header field that it needs"),
        }
        200
    }

    /// RFC 3261 §12.2.1.1: the numbers of a dialog rise.
    fn counted(&mut self, pair: u32, way: Way, request: &Message<'_>) {
        let number = words::cseq(request).unwrap_or(0);
        let last = &mut self.pairs[pair as usize].cseq[way.index()];
        if number <= std::mem::replace(last, number) {
            self.fault("CSeq that did not rise");
        }
    }

    fn is_known(&self, pair: u32) -> bool {
        (pair as usize) < self.pairs.len()
    }

    fn notified(&mut self, request: &Message<'_>) -> u16 {
        self.counts.notifies += 1;
        let call_id = request.field("call-id", "i").unwrap_or_default();
        let pair = token::find(call_id).and_then(|key| u32::try_from(key).ok());
        let Some(pair) = pair.filter(|pair| self.is_known(*pair)) else {
            self.fault("NOTIFY of no dialog");
            return 481;
        };
        self.counted(pair, Way::His, request);
        let state = request.field("subscription-state", "subscription-state");
        let state = String::from_utf8_lossy(state.unwrap_or_default());
        match state.split(';').next().unwrap_or_default() {
            "active" => {
                let newest = self.version(pair);
                if let Some(version) = words::version_of_hers(request.body, newest) {
                    self.sees(pair, Way::His, version);
                    self.rose(pair, Way::His);
                }
            }
            "pending" => {}
            "terminated" => {
                let reason = state.split("reason=").nth(1).unwrap_or("none");
                let reason = reason.split(';').next().unwrap_or_default().to_owned();
                *self.reasons.entry(reason).or_default() += 1;
                self.counts.ended += 1;
                self.fell(pair, Way::His);
            }
            other => self.fault(format!("Subscription-State: {other}")),
        }
        200
    }

    /// A watcher sees a state.
    fn sees(&mut self, pair: u32, way: Way, version: u32) {
        if !self.is_known(pair) {
            return self.fault("presence of nobody");
        }
        let newest = if way == Way::His { self.version(pair) } else { version };
        let shown = &mut self.pairs[pair as usize].shown[way.index()];
        let before = std::mem::replace(shown, version);
        match version {
            _ if version < before => self.fault("older state after a newer one"),
            _ if version > newest => self.fault("state that never was"),
            _ if version == before => self.counts.repeated += u64::from(way == Way::His),
            _ if version == newest && way == Way::His => {
                self.behind = self.behind.saturating_sub(1);
            }
            _ => {}
        }
    }

    fn rose(&mut self, pair: u32, way: Way) {
        let Some(known) = self.pairs.get_mut(pair as usize) else { return };
        let side = &mut self.sides[way.index()];
        if !std::mem::replace(&mut known.live[way.index()], true) {
            side.live += 1;
        }
        if !std::mem::replace(&mut known.was_live[way.index()], true) {
            side.risen += 1;
        }
    }

    fn fell(&mut self, pair: u32, way: Way) {
        let Some(known) = self.pairs.get_mut(pair as usize) else { return };
        if std::mem::replace(&mut known.live[way.index()], false) {
            self.sides[way.index()].live -= 1;
        }
    }

    /// A request of the SIP side has its final response.
    pub fn response(&mut self, key: u64, response: &Message<'_>) {
        let status = response.status().unwrap_or_default();
        match Request::of(key) {
            Some(Request::Subscribe(pair)) if status == 200 => {
                self.accepted += 1;
                if let Some(dialog) = words::dialog(response)
                    && (self.kept.len() < self.keep || self.kept.contains_key(&pair))
                {
                    self.kept.insert(pair, dialog);
                }
            }
            Some(Request::Subscribe(_)) => self.fault(format!("SUBSCRIBE answered {status}")),
            Some(Request::Notify(_)) if status != 200 => {
                self.fault(format!("NOTIFY answered {status}"));
            }
            _ => {}
        }
    }

    /// A request of the SIP side got no final response.
    pub fn expired(&mut self, key: u64) {
        match Request::of(key) {
            Some(Request::Subscribe(_)) => self.fault("SUBSCRIBE without an answer"),
            Some(Request::Notify(_)) => self.fault("NOTIFY without an answer"),
            None => {}
        }
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
                    Way::Hers => {
                        self.counts.stanzas_sent += 1;
                        words::say(worlds, &self.plan, pair, "subscribe");
                    }
                    Way::His => words::subscribe(now, worlds, &self.plan, pair, None)?,
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
