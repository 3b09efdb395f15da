//! What the gateway writes about presence, and what follows.

use std::time::Instant;

use super::people::{Act, People};
use super::plan::Way;
use super::words::{self, Request, Subscribed};
use crate::sip::SILENCE;
use crate::sip::message::Message;
use crate::token;
use crate::xmpp::stanza::Stanza;

impl People {
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
                // A server is silent to whom its user has not approved.
                if self.plans(pair, Way::SipWatches) {
                    self.acts.push_back(Act::Show(pair));
                }
            }
            "" => {
                self.counts.shown += 1;
                let version = words::version(stanza.octets).unwrap_or(0);
                self.sees(pair, Way::XmppWatches, version);
                self.rose(pair, Way::XmppWatches);
            }
            "unavailable" => {
                self.counts.gone += 1;
                if stanza.from.contains('/') {
                    self.fell(pair, Way::XmppWatches);
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
            (known.cseq[Way::XmppWatches.index()], known.dialog) = (0, dialog);
        } else if known.dialog != dialog || known.expiry < here {
            self.counts.late += 1;
            return 481;
        } else {
            self.counts.refreshes += 1;
        }
        known.expiry = here.saturating_add(seconds * 1_000);
        self.counted(pair, Way::XmppWatches, request);
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
        self.counted(pair, Way::SipWatches, request);
        let state = request.field("subscription-state", "subscription-state");
        let state = String::from_utf8_lossy(state.unwrap_or_default());
        match state.split(';').next().unwrap_or_default() {
            "active" => {
                let newest = self.version(pair);
                if let Some(version) = words::version_shown(request.body, newest) {
                    self.sees(pair, Way::SipWatches, version);
                    self.rose(pair, Way::SipWatches);
                }
            }
            "pending" => {}
            "terminated" => {
                let reason = state.split("reason=").nth(1).unwrap_or("none");
                let reason = reason.split(';').next().unwrap_or_default().to_owned();
                *self.reasons.entry(reason).or_default() += 1;
                self.counts.ended += 1;
                self.fell(pair, Way::SipWatches);
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
        let newest = if way == Way::SipWatches { self.version(pair) } else { version };
        let shown = &mut self.pairs[pair as usize].shown[way.index()];
        let before = std::mem::replace(shown, version);
        match version {
            _ if version < before => self.fault("older state after a newer one"),
            _ if version > newest => self.fault("state that never was"),
            _ if version == before => self.counts.repeated += u64::from(way == Way::SipWatches),
            _ if version == newest && way == Way::SipWatches => {
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
}
