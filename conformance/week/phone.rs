//! A SIP user: the devices, and the subscriptions that others have to them (RFC 6665 §4.2).

use std::collections::BTreeMap;

use bytes::Bytes;
use stox::codec::sip::{self, HeaderName, HeaderValue, Method, Request, Response, Status};

use crate::dice::Dice;
use crate::server::Shown;
use crate::watcher::Watch;
use crate::wire::{Leg, S, Transaction, number_of, request, sip_name};
use crate::world::{Happening, Stage};

const SHOWS: [Option<&str>; 5] = [None, Some("away"), Some("chat"), Some("dnd"), Some("xa")];

/// A subscription to the SIP user.
#[derive(Debug)]
struct Seen {
    leg: Leg,
    user: usize,
    active: bool,
    expiry: u64,
    /// A NOTIFY has no answer; what changes waits.
    busy: bool,
    changed: bool,
}

/// What a transaction of the phone is for.
#[derive(Debug, Clone)]
pub(crate) enum Purpose {
    /// NOTIFY of the dialog of this tag; the second says whether it was the last.
    Notify(String, bool),
    /// SUBSCRIBE of a watch.
    Subscribe(usize),
}

/// A SIP user.
pub(crate) struct Phone {
    number: usize,
    pub(crate) devices: BTreeMap<String, Shown>,
    /// The users who may see this one: none is undecided.
    pub(crate) allowed: BTreeMap<usize, Option<bool>>,
    seen: Vec<Seen>,
    pub(crate) watches: Vec<Watch>,
    pub(crate) transactions: Vec<Transaction<Purpose>>,
    answered: BTreeMap<String, (u64, Bytes)>,
    pub(crate) counter: u64,
    armed: Option<u64>,
}

impl Phone {
    pub(crate) fn new(number: usize, dice: &mut Dice) -> Self {
        Phone {
            number,
            devices: BTreeMap::new(),
            allowed: BTreeMap::new(),
            seen: Vec::new(),
            watches: Vec::new(),
            transactions: Vec::new(),
            answered: BTreeMap::new(),
            counter: dice.below(1_000),
            armed: None,
        }
    }

    pub(crate) fn token(&mut self) -> String {
        self.counter += 1;
        format!("{}-{}", self.number, self.counter)
    }

    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// The user does something.
    pub(crate) fn act(&mut self, stage: &mut Stage) {
        self.counter += 1;
        let words = format!("n{}-{}", self.number, self.counter);
        let device = stage.dice.of(&["desk", "mobile"]).to_owned();
        let show = stage.dice.of(&SHOWS);
        match stage.dice.below(20) {
            0..5 => {
                if self.devices.remove(&device).is_none() {
                    self.devices.insert(device, (show, words));
                }
                self.changed(stage);
            }
            5..9 => {
                if let Some(shown) = self.devices.get_mut(&device) {
                    *shown = (show, words);
                    self.changed(stage);
                }
            }
            9..13 => self.decides(stage),
            _ => self.watches_somebody(stage),
        }
        self.arm(stage);
    }

    /// The user decides about somebody who asked.
    fn decides(&mut self, stage: &mut Stage) {
        let users: Vec<usize> = self.allowed.keys().copied().collect();
        if users.is_empty() {
            return;
        }
        let user = stage.dice.of(&users);
        let yes = !stage.dice.per_mille(150);
        if self.allowed.insert(user, Some(yes)) == Some(Some(yes)) {
            return;
        }
        let tags: Vec<String> = self
            .seen
            .iter()
            .filter(|one| one.user == user)
            .map(|one| one.leg.local_tag.clone())
            .collect();
        for tag in tags {
            match yes {
                true => {
                    if let Some(one) = self.seen.iter_mut().find(|one| one.leg.local_tag == tag) {
                        one.active = true;
                    }
                    self.notify(stage, &tag, None);
                }
                false => self.notify(stage, &tag, Some("rejected")),
            }
        }
    }

    /// The presence changed: everybody who sees it hears of it.
    fn changed(&mut self, stage: &mut Stage) {
        let tags: Vec<String> = self
            .seen
            .iter_mut()
            .filter(|one| one.active)
            .filter_map(|one| {
                one.changed = true;
                (!one.busy).then(|| one.leg.local_tag.clone())
            })
            .collect();
        for tag in tags {
            self.notify(stage, &tag, None);
        }
    }

    fn document(&self) -> String {
        let tuple = |(device, (show, words)): (&String, &Shown)| {
            let show = show.map(|show| format!("<show xmlns='jabber:client'>{show}</show>"));
            format!(
                "<tuple id='ID-{device}'><status><basic>open</basic>{}</status>\
                 <note>{words}</note></tuple>",
                show.unwrap_or_default()
            )
        };
        let tuples: String = self.devices.iter().map(tuple).collect();
        let name = sip_name(self.number);
        format!(
            "<?xml version='1.0'?><presence xmlns='urn:ietf:params:xml:ns:pidf' \
             entity='pres:{name}@sip.test'>{tuples}</presence>"
        )
    }

    /// NOTIFY in a dialog; with a reason it is the last.
    fn notify(&mut self, stage: &mut Stage, tag: &str, reason: Option<&str>) {
        let document = self.document();
        let branch = format!("z9hG4bKp{}", self.token());
        let now = stage.now;
        let phone = self.number;
        let Some(one) = self.seen.iter_mut().find(|one| one.leg.local_tag == tag) else { return };
        let left = one.expiry.saturating_sub(now) / S;
        let state = match (reason, one.active) {
            (Some(reason), _) => format!("terminated;reason={reason}"),
            (None, true) => format!("active;expires={left}"),
            (None, false) => format!("pending;expires={left}"),
        };
        let body = if one.active && reason.is_none() { document } else { String::new() };
        (one.busy, one.changed) = (true, false);
        let headers = format!("Subscription-State: {state}\r\n");
        let octets = request("NOTIFY", phone, one.user, &mut one.leg, &branch, &headers, &body);
        let purpose = Purpose::Notify(tag.to_owned(), reason.is_some());
        if reason.is_some() {
            self.seen.retain(|one| one.leg.local_tag != tag);
        }
        self.transactions.push(Transaction::begin(stage, branch, purpose, octets));
        self.arm(stage);
    }

    /// All that was in memory is lost.
    pub(crate) fn restart(&mut self, stage: &mut Stage) {
        self.seen.clear();
        self.transactions.clear();
        self.answered.clear();
        let again = S + stage.dice.below(60 * S);
        self.watches.iter_mut().for_each(|watch| watch.forget(stage.now + again));
        self.arm(stage);
    }

    /// A datagram for the phone.
    pub(crate) fn receive(&mut self, stage: &mut Stage, octets: &Bytes) {
        match sip::parse(octets.clone()) {
            Ok(sip::Message::Request(request)) => self.requested(stage, &request),
            Ok(sip::Message::Response(response)) => self.responded(stage, &response),
            Err(malformed) => panic!("unreadable: {malformed:?}"),
        }
        self.arm(stage);
    }

    fn requested(&mut self, stage: &mut Stage, request: &Request) {
        let branch = request.via.first().and_then(|via| via.branch()).unwrap_or_default();
        if let Some((_, octets)) = self.answered.get(branch) {
            let octets = octets.clone();
            return stage.datagram(|| Happening::SipIn(octets.clone()));
        }
        let old = stage.now.saturating_sub(40 * S);
        self.answered.retain(|_, (at, _)| *at > old);
        match request.method {
            Method::Subscribe => self.subscribed(stage, request),
            Method::Notify => self.notified(stage, request),
            _ => self.answer(stage, request, 405, None, ""),
        }
    }

    pub(crate) fn answer(
        &mut self,
        stage: &mut Stage,
        request: &Request,
        code: u16,
        tag: Option<&str>,
        expires: &str,
    ) {
        let mut response = request.response(Status::new(code).expect("a status"));
        if let Some(tag) = tag.filter(|_| response.to.tag().is_none()) {
            response.to = response.to.with_tag(tag);
        }
        if !expires.is_empty() {
            response.headers.push(HeaderName::Expires, HeaderValue::text(expires));
        }
        let octets = response.to_bytes();
        let branch = request.via.first().and_then(|via| via.branch()).unwrap_or_default();
        self.answered.insert(branch.to_owned(), (stage.now, octets.clone()));
        stage.datagram(|| Happening::SipIn(octets.clone()));
    }

    fn subscribed(&mut self, stage: &mut Stage, request: &Request) {
        let user = number_of(request.from.uri().user().unwrap_or_default()).unwrap_or(0);
        let seconds = request.headers.expires().and_then(Result::ok).unwrap_or(3_600);
        let expiry = stage.now + u64::from(seconds) * S;
        if let Some(tag) = request.to.tag().map(str::to_owned) {
            let known = self.seen.iter_mut().find(|one| {
                one.leg.local_tag == tag && one.leg.call_id == request.call_id.as_str()
            });
            let Some(one) = known else { return self.answer(stage, request, 481, None, "") };
            if request.cseq.number <= one.leg.remote_cseq {
                panic!("CSeq {} does not rise", request.cseq.number);
            }
            one.leg.remote_cseq = request.cseq.number;
            one.expiry = expiry;
            self.answer(stage, request, 200, None, &seconds.to_string());
            let reason = (seconds == 0).then_some("timeout");
            return self.notify(stage, &tag, reason);
        }
        let allowed = *self.allowed.entry(user).or_insert(None);
        if allowed == Some(false) {
            return self.answer(stage, request, 603, Some("no"), "");
        }
        let tag = format!("t{}", self.token());
        self.answer(stage, request, 200, Some(&tag), &seconds.to_string());
        let target = request.headers.contacts().next().and_then(Result::ok).expect("a Contact");
        let leg = Leg {
            call_id: request.call_id.as_str().to_owned(),
            local_tag: tag.clone(),
            remote_tag: request.from.tag().map(str::to_owned),
            target: target.uri().as_str().to_owned(),
            cseq: 0,
            remote_cseq: request.cseq.number,
        };
        let active = allowed == Some(true);
        self.seen.push(Seen { leg, user, active, expiry, busy: false, changed: false });
        self.notify(stage, &tag, (seconds == 0).then_some("timeout"));
    }

    fn responded(&mut self, stage: &mut Stage, response: &Response) {
        let branch = response.via.first().and_then(|via| via.branch()).unwrap_or_default();
        let at = self.transactions.iter().position(|one| one.branch == branch);
        let Some(at) = at.filter(|_| !response.status.is_provisional()) else { return };
        let transaction = self.transactions.swap_remove(at);
        let status = response.status.code();
        self.ended(stage, transaction.what, status, Some(response));
    }

    fn ended(
        &mut self,
        stage: &mut Stage,
        what: Purpose,
        status: u16,
        response: Option<&Response>,
    ) {
        match what {
            Purpose::Notify(_, true) => {}
            Purpose::Notify(tag, false) => {
                if matches!(status, 408 | 481) {
                    return self.seen.retain(|one| one.leg.local_tag != tag);
                }
                let one = self.seen.iter_mut().find(|one| one.leg.local_tag == tag);
                let again = one.is_some_and(|one| {
                    one.busy = false;
                    one.changed
                });
                if again {
                    self.notify(stage, &tag, None);
                }
            }
            Purpose::Subscribe(at) => self.subscribe_ended(stage, at, status, response),
        }
    }

    /// The phone's deadlines.
    pub(crate) fn timer(&mut self, stage: &mut Stage) {
        if self.armed.is_none_or(|armed| armed > stage.now) {
            return;
        }
        self.armed = None;
        let mut failed = Vec::new();
        let mut at = 0;
        while at < self.transactions.len() {
            if self.transactions[at].fire(stage) {
                failed.push(self.transactions.swap_remove(at).what);
            } else {
                at += 1;
            }
        }
        for what in failed {
            self.ended(stage, what, 408, None);
        }
        let over: Vec<String> = self
            .seen
            .iter()
            .filter(|one| one.expiry <= stage.now)
            .map(|one| one.leg.local_tag.clone())
            .collect();
        for tag in over {
            self.notify(stage, &tag, Some("timeout"));
        }
        self.fire_watches(stage);
        self.arm(stage);
    }

    pub(crate) fn arm(&mut self, stage: &mut Stage) {
        let transactions = self.transactions.iter().map(Transaction::deadline);
        let seen = self.seen.iter().map(|one| one.expiry);
        let watches = self.watches.iter().filter_map(Watch::deadline);
        let Some(next) = transactions.chain(seen).chain(watches).min() else { return };
        if self.armed.is_none_or(|armed| next < armed) {
            self.armed = Some(next);
            let after = next.saturating_sub(stage.now);
            stage.later(after, Happening::PhoneTimer(self.number));
        }
    }
}
