//! The whole way of an input, in one page.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;

use crate::codec::xmpp::Jid;
use crate::config::{Config, Listener, Peer};
use crate::flow::{
    Effect, IdSource, Input, Instant, Now, Phrasebook, Routed, Status, Stored, TargetStatus,
};
use crate::route::{self, View};
use crate::rules::Rules;
use crate::state::State;
use crate::translate;

/// The core: a function of (state, now, input).
#[derive(Debug)]
pub struct Gateway {
    config: Arc<Config>,
    rules: Arc<Rules>,
    state: State,
}

impl Gateway {
    /// A gateway that begins now. `source` decides all ids; `verbose` asks for an event for each
    /// message carried.
    #[must_use]
    pub fn new(
        config: Arc<Config>,
        rules: Arc<Rules>,
        source: &IdSource,
        stored: &Stored,
        verbose: bool,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> Self {
        let phrases = Phrasebook::new(Arc::clone(&rules));
        let state = State::new(Arc::clone(&config), phrases, source, stored, verbose, now, effects);
        Gateway { config, rules, state }
    }

    /// One input, one pass; what must be asked again makes a pass of its own.
    pub fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        let mut next = Some(input);
        while let Some(input) = next {
            self.pass(now, input, effects);
            next = self.state.take_again(now).map(Input::Followup);
        }
        self.state.tidy();
    }

    fn pass(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        if let Input::Rules(rules) = input {
            self.state.speak(Phrasebook::new(Arc::clone(&rules)));
            self.rules = rules;
            return;
        }
        let view = View { config: &self.config, rules: &self.rules, state: &self.state, now };
        let routed = route::route(view, input);
        let intent = translate::translate(&self.rules, now, routed);
        self.state.apply(now, intent, effects);
    }

    /// What an input would be and whom it would concern: nothing is changed.
    #[must_use]
    pub fn look(&self, now: Now, input: Input) -> Routed {
        let view = View { config: &self.config, rules: &self.rules, state: &self.state, now };
        match route::route(view, input) {
            Routed::Learnt(_, routed) => *routed,
            routed => routed,
        }
    }

    /// What is known of a SIP user as a target of messages, by the bare JID.
    #[must_use]
    pub fn target(&self, now: Now, user: &Jid) -> TargetStatus {
        let view = View { config: &self.config, rules: &self.rules, state: &self.state, now };
        route::target_status(view, user)
    }

    /// How many XMPP users watch a SIP user, or are watched, or asked to, by the bare JID.
    #[must_use]
    pub fn users_of(&self, contact: &Jid) -> usize {
        self.state.presence().users_of(contact)
    }

    /// The digest of the rules that count.
    #[must_use]
    pub fn rules_digest(&self) -> &str {
        &self.rules.digest
    }

    /// When [`Input::Timer`] is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.state.deadline()
    }

    /// Whether nothing waits for an outcome.
    #[must_use]
    pub fn idle(&self) -> bool {
        self.state.idle()
    }

    /// Whether an address is one of a peer.
    #[must_use]
    pub fn is_peer(&self, ip: IpAddr) -> bool {
        self.state.is_peer(ip)
    }

    /// What it tells of itself.
    #[must_use]
    pub fn status(&self, now: Now) -> Status {
        self.state.status(now)
    }
}

pub use crate::state::locator::{Located, Locator, Target};
pub use crate::state::strangers::network;

/// Where the requests for a peer go, as far as the answers in a cache tell.
#[must_use]
pub fn locate(config: &Config, peer: &Peer, known: &Locator, now: Instant) -> Located {
    known.locate(&peer.place, &crate::state::peer::transports(&config.sip), now)
}

/// OPTIONS outside any state, to try a peer once; `here` is where its answer comes to.
#[must_use]
pub fn probe_request(peer: &Peer, here: &Listener) -> Option<Bytes> {
    crate::state::single_options(peer, here)
}
