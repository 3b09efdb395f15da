//! The gateway as a process: it may be killed at any moment, and what it had not put on disk is
//! lost.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use stox::codec::sip;
use stox::codec::xml::Limits;
use stox::codec::xmpp::StreamContext;
use stox::config::{self, Config, Environment, Transport};
use stox::flow::{
    CommitId, Effect, Flow, IdSource, Input, Instant, LinkChange, LinkId, ListenerId, Now, PairId,
    Record, Stored,
};
use stox::gateway::Gateway;
use stox::rules::Rules;

use crate::server::Server;
use crate::wire::{MS, S, number_of};
use crate::world::{Happening, Stage};

const SETTINGS: &str = r#"
xmpp: { component: sip.xmpp.test, server: "127.0.0.11:5347", secret: s3cret }
sip:
  listen: [ "udp:127.0.0.20:5060" ]
  peers: [ { name: core, uri: "sip:127.0.0.13:5060;transport=udp" } ]
  options_interval: 0s
domains:
  - { xmpp: sip.xmpp.test, sip: sip.test }
  - { xmpp: xmpp.test, sip: xmpp.test }
store: { path: store }
"#;

struct Text;

impl Environment for Text {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }
    fn file(&self, _: &Path) -> std::io::Result<String> {
        Ok(SETTINGS.to_owned())
    }
}

struct Waiting {
    commit: CommitId,
    records: Vec<Record>,
    then: Vec<Effect>,
}

/// The process, or the place where it will be.
pub(crate) struct Process {
    gateway: Option<Gateway>,
    config: Arc<Config>,
    rules: Arc<Rules>,
    context: Arc<StreamContext>,
    number: u64,
    pub(crate) stream: u64,
    pub(crate) connected: bool,
    disk: BTreeMap<PairId, String>,
    waiting: VecDeque<Waiting>,
    armed: Option<Instant>,
}

impl Process {
    pub(crate) fn new() -> Self {
        let (config, _) = config::load(Path::new("stox.yaml"), &Text).expect("good settings");
        let (rules, _) = Rules::load(None).expect("good rules");
        Process {
            gateway: None,
            config: Arc::new(config),
            rules: Arc::new(rules),
            context: Arc::new(StreamContext::component(Limits::default())),
            number: 0,
            stream: 0,
            connected: false,
            disk: BTreeMap::new(),
            waiting: VecDeque::new(),
            armed: None,
        }
    }

    fn time(now: u64) -> Now {
        Now { instant: Instant(now), unix_ms: 1_700_000_000_000 + now / MS }
    }

    pub(crate) fn start(&mut self, stage: &mut Stage) {
        self.number += 1;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.number.to_be_bytes());
        let source = IdSource { seed, key: [1; 16] };
        let records = self
            .disk
            .iter()
            .map(|(id, value)| Record::Pair { id: *id, value: Some(value.clone()) });
        let stored = Stored { records: records.collect(), lost: false };
        let mut effects = Vec::new();
        let (config, rules) = (Arc::clone(&self.config), Arc::clone(&self.rules));
        let now = Self::time(stage.now);
        let gateway = Gateway::new(config, rules, &source, &stored, false, now, &mut effects);
        self.gateway = Some(gateway);
        self.armed = None;
        self.carry(stage, effects);
        self.arm(stage);
        stage.later(20 * MS, Happening::Connect);
    }

    pub(crate) fn kill(&mut self, stage: &mut Stage) {
        self.gateway = None;
        self.connected = false;
        self.waiting.clear();
        stage.tally.count("starts");
    }

    pub(crate) fn connect(&mut self, stage: &mut Stage, server: &mut Server) {
        if self.connected || self.gateway.is_none() {
            return;
        }
        if !server.up {
            return stage.later(S, Happening::Connect);
        }
        self.stream += 1;
        self.connected = true;
        server.linked(self.stream);
        self.feed(stage, Input::Link { link: LinkId(0), change: LinkChange::Up });
    }

    pub(crate) fn disconnect(&mut self, stage: &mut Stage) {
        if std::mem::replace(&mut self.connected, false) {
            let change = LinkChange::Down { reason: "cut".into(), stream_error: false };
            self.feed(stage, Input::Link { link: LinkId(0), change });
        }
    }

    pub(crate) fn sip(&mut self, stage: &mut Stage, octets: Bytes) {
        let flow = Flow {
            transport: Transport::Udp,
            listener: ListenerId(0),
            remote: "127.0.0.13:5060".parse().expect("an address"),
            connection: None,
        };
        self.feed(stage, Input::Sip { flow, octets });
    }

    pub(crate) fn xmpp(&mut self, stage: &mut Stage, stream: u64, octets: Bytes) {
        if stream == self.stream && self.connected {
            let context = Arc::clone(&self.context);
            self.feed(stage, Input::Xmpp { link: LinkId(0), octets, context });
        }
    }

    pub(crate) fn timer(&mut self, stage: &mut Stage, number: u64) {
        if number != self.number || self.armed.is_none_or(|armed| armed.0 > stage.now) {
            return;
        }
        self.armed = None;
        self.feed(stage, Input::Timer);
    }

    pub(crate) fn committed(&mut self, stage: &mut Stage, number: u64, commit: u64) {
        if number != self.number {
            return;
        }
        let mut released = Vec::new();
        while self.waiting.front().is_some_and(|group| group.commit.0 <= commit) {
            let Some(group) = self.waiting.pop_front() else { break };
            for record in group.records {
                match record {
                    Record::Pair { id, value: Some(value) } => {
                        self.disk.insert(id, value);
                    }
                    Record::Pair { id, value: None } => {
                        self.disk.remove(&id);
                    }
                    Record::Target { .. } => {}
                }
            }
            released.extend(group.then);
        }
        self.carry(stage, released);
        self.feed(stage, Input::Committed(CommitId(commit)));
    }

    fn feed(&mut self, stage: &mut Stage, input: Input) {
        let Some(gateway) = &mut self.gateway else { return };
        stage.tally.count("inputs");
        let mut effects = Vec::new();
        gateway.handle(Self::time(stage.now), input, &mut effects);
        self.carry(stage, effects);
        self.arm(stage);
    }

    fn arm(&mut self, stage: &mut Stage) {
        let deadline = self.gateway.as_ref().and_then(Gateway::deadline);
        let Some(deadline) = deadline else { return };
        if self.armed.is_none_or(|armed| deadline < armed) {
            self.armed = Some(deadline);
            let after = deadline.0.saturating_sub(stage.now);
            stage.later(after, Happening::GatewayTimer(self.number));
        }
    }

    fn carry(&mut self, stage: &mut Stage, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Sip { octets, .. } => send(stage, &octets),
                Effect::Xmpp { octets, .. } if self.connected => {
                    stage.later(MS, Happening::XmppOut(self.stream, octets));
                }
                Effect::Commit { id, records, then } => {
                    self.waiting.push_back(Waiting { commit: id, records, then });
                    stage.later(5 * MS, Happening::Disk(self.number, id.0));
                }
                Effect::Event(_)
                | Effect::Journal(_)
                | Effect::Xmpp { .. }
                | Effect::Reopen { .. }
                | Effect::Resolve { .. } => {}
            }
        }
    }
}

/// The phone that a message is for: the user of a Request-URI, the mark in a branch.
fn send(stage: &mut Stage, octets: &Bytes) {
    let phone = match sip::parse(octets.clone()) {
        Ok(sip::Message::Request(request)) => number_of(request.uri.user().unwrap_or_default()),
        Ok(sip::Message::Response(response)) => {
            let branch = response.via.first().and_then(|via| via.branch()).unwrap_or_default();
            branch.strip_prefix("z9hG4bKp").and_then(|rest| rest.split('-').next()?.parse().ok())
        }
        Err(malformed) => panic!("the gateway wrote what nobody can read: {malformed:?}"),
    };
    if let Some(phone) = phone {
        stage.datagram(|| Happening::SipOut(phone, octets.clone()));
    }
}
