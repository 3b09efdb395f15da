//! A SIP user who watches XMPP users (RFC 6665 §4.1).

use std::collections::BTreeMap;

use stox::codec::pidf::{Basic, Document, Limits};
use stox::codec::sip::{Request, Response, SubscriptionState};

use crate::phone::{Phone, Purpose};
use crate::server::Shown;
use crate::wire::{Leg, S, Transaction, request, xmpp_name};
use crate::world::Stage;

/// One user whom the phone watches, or once watched.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) user: usize,
    pub(crate) wanted: bool,
    pub(crate) active: bool,
    pub(crate) believed: BTreeMap<String, Shown>,
    leg: Option<Leg>,
    /// SUBSCRIBE has no answer.
    busy: bool,
    /// When to refresh, or to begin again.
    next: Option<u64>,
    expiry: Option<u64>,
}

impl Watch {
    /// The phone has lost all that it knew.
    pub(crate) fn forget(&mut self, again: u64) {
        self.leg = None;
        self.believed.clear();
        (self.active, self.busy, self.expiry) = (false, false, None);
        self.next = self.wanted.then_some(again);
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        self.next.into_iter().chain(self.expiry).min()
    }
}

impl Phone {
    pub(crate) fn watches_somebody(&mut self, stage: &mut Stage) {
        let number = self.number();
        let user = if stage.dice.per_mille(500) { number } else { number.saturating_sub(1) };
        let stop = stage.dice.per_mille(150);
        let at = self.watches.iter().position(|watch| watch.user == user);
        let at = at.unwrap_or_else(|| {
            self.watches.push(Watch {
                user,
                wanted: false,
                active: false,
                believed: BTreeMap::new(),
                leg: None,
                busy: false,
                next: None,
                expiry: None,
            });
            self.watches.len() - 1
        });
        let watch = &mut self.watches[at];
        if watch.wanted && stop {
            watch.wanted = false;
            watch.next = None;
            watch.believed.clear();
            stage.tally.count("phones stop to watch");
            if watch.leg.as_ref().is_some_and(|leg| leg.remote_tag.is_some()) {
                self.subscribe(stage, at, 0);
            } else {
                self.watches[at].forget(0);
            }
        } else if !watch.wanted {
            watch.wanted = true;
            stage.tally.count("phones watch");
            self.watches[at].forget(stage.now);
            self.fire_watches(stage);
        }
    }

    fn subscribe(&mut self, stage: &mut Stage, at: usize, seconds: u32) {
        let branch = format!("z9hG4bKp{}", self.token());
        let fresh = Leg {
            call_id: format!("c{}", self.token()),
            local_tag: format!("f{}", self.token()),
            remote_tag: None,
            target: format!("sip:{}@xmpp.test", xmpp_name(self.watches[at].user)),
            cseq: 0,
            remote_cseq: 0,
        };
        let number = self.number();
        let watch = &mut self.watches[at];
        let leg = watch.leg.get_or_insert(fresh);
        watch.busy = true;
        watch.next = None;
        let headers = format!("Expires: {seconds}\r\n");
        let octets = request("SUBSCRIBE", number, watch.user, leg, &branch, &headers, "");
        let purpose = Purpose::Subscribe(at);
        self.transactions.push(Transaction::begin(stage, branch, purpose, octets));
    }

    pub(crate) fn subscribe_ended(
        &mut self,
        stage: &mut Stage,
        at: usize,
        status: u16,
        response: Option<&Response>,
    ) {
        let watch = &mut self.watches[at];
        if !std::mem::take(&mut watch.busy) {
            return;
        }
        if !watch.wanted {
            return watch.forget(0);
        }
        let pause = 60 * S + stage.dice.below(60 * S);
        match status {
            200..=299 => {
                let seconds = response.and_then(|it| it.headers.expires()?.ok()).unwrap_or(3_600);
                let life = u64::from(seconds) * S;
                watch.expiry = Some(stage.now + life);
                watch.next = Some(stage.now + life * 8 / 10);
                if let (Some(leg), Some(response)) = (&mut watch.leg, response)
                    && leg.remote_tag.is_none()
                {
                    leg.remote_tag = response.to.tag().map(str::to_owned);
                    let contact = response.headers.contacts().next().and_then(Result::ok);
                    leg.target = contact.expect("a Contact").uri().as_str().to_owned();
                }
            }
            481 => watch.forget(stage.now + S),
            403 => watch.forget(stage.now + 3_700 * S),
            _ if watch.leg.as_ref().is_some_and(|leg| leg.remote_tag.is_some()) => {
                watch.next = Some(stage.now + pause);
            }
            _ => watch.forget(stage.now + pause),
        }
    }

    /// NOTIFY of the gateway's.
    pub(crate) fn notified(&mut self, stage: &mut Stage, request: &Request) {
        stage.tally.count("notifies to phones");
        let tag = request.to.tag().unwrap_or_default();
        let known = self.watches.iter_mut().find(|watch| {
            watch
                .leg
                .as_ref()
                .is_some_and(|leg| leg.local_tag == tag && leg.call_id == request.call_id.as_str())
        });
        let Some(watch) = known else { return self.answer(stage, request, 481, None, "") };
        let Some(leg) = &mut watch.leg else { return };
        if request.cseq.number <= leg.remote_cseq {
            stage.tally.count("old notifies");
            return self.answer(stage, request, 500, None, "");
        }
        leg.remote_cseq = request.cseq.number;
        let state = request.headers.subscription_state().and_then(Result::ok);
        let state = state.expect("a Subscription-State");
        match state.state() {
            SubscriptionState::Terminated => {
                let again = match state.reason() {
                    // The user refused: the phone does not go on asking.
                    Some("rejected") => {
                        watch.wanted = false;
                        0
                    }
                    _ => stage.now + S + u64::from(state.retry_after().unwrap_or(0)) * S,
                };
                watch.forget(again);
            }
            other => watch.active = *other == SubscriptionState::Active,
        }
        if !request.body.is_empty() && watch.wanted && watch.active {
            let text = std::str::from_utf8(&request.body).expect("UTF-8");
            let document = Document::parse(&text.into(), Limits::DEFAULT).expect("a document");
            watch.believed = believed(&document);
        }
        self.answer(stage, request, 200, None, "");
    }

    pub(crate) fn fire_watches(&mut self, stage: &mut Stage) {
        for at in 0..self.watches.len() {
            let watch = &mut self.watches[at];
            if watch.expiry.is_some_and(|expiry| expiry <= stage.now) {
                watch.forget(stage.now);
            }
            let watch = &mut self.watches[at];
            let due = watch.next.is_some_and(|next| next <= stage.now);
            if due && watch.wanted && !watch.busy {
                self.subscribe(stage, at, 3_600);
            } else if due {
                watch.next = None;
            }
        }
    }
}

/// What a document says of who is there.
fn believed(document: &Document) -> BTreeMap<String, Shown> {
    let open = document.tuples.iter().filter(|tuple| tuple.status.basic == Some(Basic::Open));
    open.map(|tuple| {
        let words = tuple.notes.first().map(|note| note.text.to_string()).unwrap_or_default();
        let device = tuple.id.strip_prefix("ID-").unwrap_or(&tuple.id).to_owned();
        (device, (tuple.status.show.map(stox::codec::xmpp::Show::name), words))
    })
    .collect()
}
