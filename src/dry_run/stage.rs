//! The core between two sides that answer as they are told.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::input::{self, Whole};
use super::outcome::{Outcome, Side};
use super::{Case, Unplayable, watch, world};
use crate::codec::sip::{self, Status};
use crate::codec::xml::Limits;
use crate::codec::xmpp::{self, Stanza, StreamContext};
use crate::config::{Config, Transport};
use crate::flow::{
    Effect, Event, Flow, IdSource, Input, LinkChange, LinkId, ListenerId, Now, Record, Routed,
    Stored,
};
use crate::gateway::Gateway;
use crate::rules::Rules;

/// Messages of one scene at most: a core that answers itself for ever is stopped.
const MAX_TURNS: usize = 16;

/// Longer than the time that RFC 3856 §6.10 puts between two NOTIFYs, 5 s.
const BETWEEN_NOTIFYS: Duration = Duration::from_secs(6);

/// A core with both sides.
pub(super) struct Harness {
    gateway: Gateway,
    pub(super) config: Arc<Config>,
    pub(super) rules: Arc<Rules>,
    pub(super) whole: Whole,
    pub(super) answer: Option<String>,
    now: Now,
    /// Whether one user watches the other, so that something may follow in its own time.
    watches: bool,
    context: Arc<StreamContext>,
    /// What was sent and is not answered yet.
    pub(super) sent: Vec<(Side, Bytes)>,
    outcome: Outcome,
}

impl Harness {
    pub(super) fn open(scene: &Case) -> Result<Harness, Unplayable> {
        let whole = input::whole(&scene.given)?;
        let (config, _) = world::settings(&whole, scene)?;
        let config = Arc::new(config);
        let source = IdSource { seed: [7; 32], key: [1; 16] };
        let mut effects = Vec::new();
        let context = Arc::new(StreamContext::component(Limits::default()));
        let now = scene.now;
        let stored = known(scene, &config, &context, &whole);
        let rules = Arc::clone(&scene.rules);
        let gateway = Gateway::new(
            Arc::clone(&config),
            Arc::clone(&rules),
            &source,
            &stored,
            false,
            now,
            &mut effects,
        );
        let mut stage = Harness {
            gateway,
            config,
            rules,
            whole,
            answer: None,
            now,
            watches: false,
            context,
            sent: Vec::new(),
            outcome: Outcome::default(),
        };
        stage.take(effects);
        for link in 0..stage.config.components.len() {
            stage.feed(Input::Link { link: LinkId(link), change: LinkChange::Up });
        }
        stage.sent.clear();
        stage.answer = Some("200".to_owned());
        stage.watches = watch::begin(&mut stage);
        stage.outcome = Outcome::default();
        // A watcher takes every NOTIFY.
        if !stage.watches || scene.answer.is_some() {
            stage.answer.clone_from(&scene.answer);
        }
        Ok(stage)
    }

    /// What the input is and whom it concerns.
    pub(super) fn look(&self) -> Routed {
        self.gateway.look(self.now, self.input())
    }

    /// What the answer is and whom it concerns, once the scene is played.
    fn input(&self) -> Input {
        match &self.whole {
            Whole::Stanza { octets, to, .. } => {
                let named = |component: &crate::config::Component| component.name == *to;
                let link = self.config.components.iter().position(named).unwrap_or(0);
                self.stanza(LinkId(link), octets.clone())
            }
            Whole::Sip { octets, .. } => self.datagram(octets.clone()),
        }
    }

    pub(super) fn stanza(&self, link: LinkId, octets: Bytes) -> Input {
        Input::Xmpp { link, octets, context: Arc::clone(&self.context) }
    }

    pub(super) fn datagram(&self, octets: Bytes) -> Input {
        let flow = Flow {
            transport: Transport::Udp,
            listener: ListenerId(0),
            remote: ([127, 0, 0, 13], 5_060).into(),
            connection: None,
        };
        Input::Sip { flow, octets }
    }

    /// Plays to the end.
    pub(super) fn run(mut self) -> Outcome {
        let input = self.input();
        self.feed(input);
        self.settle();
        if self.watches {
            self.wait();
        }
        self.outcome
    }

    /// All that was sent is answered, until nothing more is sent.
    pub(super) fn settle(&mut self) {
        for _ in 0..MAX_TURNS {
            if self.sent.is_empty() {
                break;
            }
            for (side, octets) in std::mem::take(&mut self.sent) {
                self.turn(side, octets);
            }
        }
    }

    /// Time passes until the next NOTIFY may go (RFC 3856 §6.10).
    pub(super) fn wait(&mut self) {
        self.now.instant = self.now.instant + BETWEEN_NOTIFYS;
        self.now.unix_ms += u64::try_from(BETWEEN_NOTIFYS.as_millis()).unwrap_or_default();
        self.feed(Input::Timer);
        self.settle();
    }

    pub(super) fn feed(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.gateway.handle(self.now, input, &mut effects);
        self.take(effects);
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Sip { octets, .. } => self.sent.push((Side::Sip, octets)),
                Effect::Xmpp { link, octets } => self.sent.push((Side::Xmpp(link.0), octets)),
                Effect::Commit { id, then, .. } => {
                    self.take(then);
                    self.feed(Input::Committed(id));
                }
                Effect::Event(Event::Encrypted(met)) => {
                    let scheme = met.scheme.clone();
                    let (place, decision) = (&met.place, met.decision.name());
                    let met = format!("{} seen at {place}: {decision}", met.scheme);
                    self.outcome.encrypted.push(met);
                    self.outcome.schemes.push(scheme);
                }
                _ => {}
            }
        }
    }

    /// One message that was sent: it is noted, and answered if an answer is due.
    fn turn(&mut self, side: Side, octets: Bytes) {
        match side {
            Side::Sip => {
                self.outcome.note(side, &octets);
                if let Ok(sip::Message::Request(request)) = sip::parse(octets)
                    && let Some(status) = self.status()
                {
                    let response = request.response(status).to_bytes();
                    self.feed(self.datagram(response));
                }
            }
            Side::Xmpp(link) => match xmpp::parse(&self.context, octets.clone()) {
                Ok(Stanza::Iq(iq)) if iq.id.starts_with("barrier-") => {
                    let (Some(from), Some(to)) = (&iq.to, &iq.from) else { return };
                    let reply =
                        format!("<iq type='result' id='{}' from='{from}' to='{to}'/>", iq.id);
                    self.feed(self.stanza(LinkId(link), reply.into()));
                }
                Ok(stanza) => {
                    self.outcome.note(side, &octets);
                    if let Some(bounce) = self.bounce(&stanza) {
                        self.feed(self.stanza(LinkId(link), bounce.into()));
                    }
                }
                Err(_) => self.outcome.note(side, &octets),
            },
        }
    }

    fn status(&self) -> Option<Status> {
        let code = self.answer.as_ref()?.parse().ok()?;
        Status::new(code)
    }

    /// The error stanza that the other side gives back.
    fn bounce(&self, stanza: &Stanza) -> Option<String> {
        let condition = self.answer.as_ref()?;
        let Stanza::Message(message) = stanza else { return None };
        let known = xmpp::Condition::from_name(condition);
        let kind = known.map_or("cancel", |condition| condition.default_kind().name());
        let (id, from, to) = (message.id.as_ref()?, message.to.as_ref()?, message.from.as_ref()?);
        let quoted = |text: &str| text.replace('&', "&amp;").replace('\'', "&apos;");
        Some(format!(
            "<message type='error' id='{}' from='{}' to='{}'><error type='{kind}'>\
             <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
            quoted(id),
            quoted(from.as_str()),
            quoted(to.as_str())
        ))
    }
}

/// What is known of the target of a message to SIP.
fn known(scene: &Case, config: &Config, context: &StreamContext, whole: &Whole) -> Stored {
    match whole {
        Whole::Stanza { octets, .. } if scene.reads_cpim => {
            reader(config, context, octets, scene.now)
        }
        _ => Stored::default(),
    }
}

/// What a store says of the addressee of a stanza whose user agent reads `message/cpim`.
fn reader(config: &Config, context: &StreamContext, octets: &Bytes, now: Now) -> Stored {
    let Ok(Stanza::Message(message)) = xmpp::parse(context, octets.clone()) else {
        return Stored::default();
    };
    let Some(to) = message.to else { return Stored::default() };
    let hour = now.unix_ms / 3_600_000;
    let value = Some(format!("[{{\"cpim\":true,\"hour\":{hour}}}]"));
    let pair = config.domains.of_jid(to.domain());
    let domain = pair.map_or(to.domain(), |pair| &pair.sip);
    let address = format!("{}@{domain}", to.node().unwrap_or_default());
    let record = Record::Target { address, value };
    Stored { records: vec![record], lost: false }
}
