//! The gateway's process: the core with a model of `wire` around it, on a scripted machine.
//!
//! This file alone knows the core's inputs and effects. It carries effects out as
//! `src/wire/runner.rs` does: in order, and behind their records where they wait for any.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use stox::codec::xmpp::{Limits, StreamContext};
use stox::config::{self, Config, Surroundings, Transport};
use stox::flow::{
    Answer, CommitId, ConnectionId, Effect, Event, Flow, IdSource, Input, Instant, LinkChange,
    LinkId, ListenerId, Now, Query, Record, Status, Stored,
};
use stox::gateway::Gateway;
use stox::rules::Rules;

use crate::agenda::Micros;
use crate::dice::{Dice, Throws};

/// What the process does to the world.
#[derive(Debug)]
pub(crate) enum Out {
    Sip {
        transport: Transport,
        remote: SocketAddr,
        connection: Option<u64>,
        octets: Bytes,
    },
    Stanza {
        link: usize,
        octets: Bytes,
    },
    Reopen {
        link: usize,
    },
    /// A group of records goes to the disk.
    Commit {
        group: u64,
    },
    /// The DNS is asked.
    LookUp {
        question: Query,
    },
    Quarantined,
    PeerUp,
    PeerDown,
    Other,
}

/// What comes from outside.
#[derive(Debug)]
pub(crate) enum In {
    Sip { transport: Transport, remote: SocketAddr, connection: Option<u64>, octets: Bytes },
    Unreachable { transport: Transport, remote: SocketAddr },
    Stanza { link: usize, octets: Bytes },
    LinkUp { link: usize },
    LinkDown { link: usize, stream_error: bool },
    Timer,
    Committed { group: u64 },
    Found { question: Query, answer: Answer },
    Drain,
}

struct Text(String);

impl Surroundings for Text {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }
    fn file(&self, _: &Path) -> std::io::Result<String> {
        Ok(self.0.clone())
    }
}

#[derive(Debug)]
struct Running {
    gateway: Gateway,
    /// Effects that wait for their records, by group.
    held: VecDeque<(CommitId, Vec<Effect>)>,
    /// Records that are not on disk yet.
    unwritten: VecDeque<(CommitId, Vec<Record>)>,
}

/// One machine: at most one process at a time, and a disk that outlives it.
#[derive(Debug)]
pub(crate) struct Process {
    config: Arc<Config>,
    rules: Arc<Rules>,
    context: Arc<StreamContext>,
    dice: Dice,
    disk: Vec<Record>,
    running: Option<Running>,
    /// Counts the processes, from 1.
    pub(crate) incarnation: u64,
}

fn now(at: Micros) -> Now {
    Now { instant: Instant(at), unix_ms: 1_700_000_000_000 + at / 1_000 }
}

impl Process {
    pub(crate) fn new(seed: u64, settings: &str, rules: Arc<Rules>) -> Result<Self, String> {
        let text = Text(settings.to_owned());
        let (config, _) = config::load(Path::new("stox.yaml"), &text).map_err(|findings| {
            findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
        })?;
        Ok(Process {
            config: Arc::new(config),
            rules,
            context: Arc::new(StreamContext::component(Limits::default())),
            dice: Dice::new(seed, Throws::Process),
            disk: Vec::new(),
            running: None,
            incarnation: 0,
        })
    }

    pub(crate) fn runs(&self) -> bool {
        self.running.is_some()
    }

    /// Begins a process with the same key, the records on disk, and a seed of its own.
    pub(crate) fn start(&mut self, at: Micros) -> Vec<Out> {
        self.incarnation += 1;
        let mut seed = [0; 32];
        for part in seed.chunks_mut(8) {
            part.copy_from_slice(&self.dice.number().to_le_bytes());
        }
        let source = IdSource { seed, key: [1; 16] };
        let stored = Stored { records: self.disk.clone() };
        let (config, rules) = (Arc::clone(&self.config), Arc::clone(&self.rules));
        let mut effects = Vec::new();
        let gateway = Gateway::new(config, rules, &source, &stored, false, now(at), &mut effects);
        let running = Running { gateway, held: VecDeque::new(), unwritten: VecDeque::new() };
        let running = self.running.insert(running);
        perform(running, effects)
    }

    /// Ends the process on the spot. Of the records on their way to disk some may have arrived:
    /// how many did, and how many did not.
    pub(crate) fn kill(&mut self) -> (usize, usize) {
        let Some(running) = self.running.take() else { return (0, 0) };
        let kept = self.dice.below(running.unwritten.len() as u64 + 1) as usize;
        let lost = running.unwritten.len() - kept;
        let arrived = running.unwritten.into_iter().take(kept);
        self.disk.extend(arrived.flat_map(|(_, records)| records));
        (kept, lost)
    }

    /// One input and all that follows from it, as the runner feeds it.
    pub(crate) fn feed(&mut self, at: Micros, input: In) -> Vec<Out> {
        let Some(running) = &mut self.running else { return Vec::new() };
        let mut released = Vec::new();
        if let In::Committed { group } = input {
            let safe = |id: &CommitId| id.0 <= group;
            while running.unwritten.front().is_some_and(|(id, _)| safe(id)) {
                let group = running.unwritten.pop_front();
                self.disk.extend(group.into_iter().flat_map(|(_, records)| records));
            }
            while running.held.front().is_some_and(|(id, _)| safe(id)) {
                released.extend(running.held.pop_front().into_iter().flat_map(|(_, then)| then));
            }
        }
        let mut effects = Vec::new();
        let input = spelled(input, &self.context);
        running.gateway.handle(now(at), input, &mut effects);
        effects.splice(0..0, released);
        perform(running, effects)
    }

    pub(crate) fn deadline(&self) -> Option<Micros> {
        self.running.as_ref()?.gateway.deadline().map(|instant| instant.0)
    }

    pub(crate) fn idle(&self) -> bool {
        self.running.as_ref().is_none_or(|running| running.gateway.idle())
    }

    pub(crate) fn status(&self, at: Micros) -> Option<Status> {
        self.running.as_ref().map(|running| running.gateway.status(now(at)))
    }
}

fn listener(transport: Transport) -> ListenerId {
    ListenerId(if transport == Transport::Udp { 0 } else { 1 })
}

fn spelled(input: In, context: &Arc<StreamContext>) -> Input {
    match input {
        In::Sip { transport, remote, connection, octets } => {
            let (listener, connection) = (listener(transport), connection.map(ConnectionId));
            Input::Sip { flow: Flow { transport, listener, remote, connection }, octets }
        }
        In::Unreachable { transport, remote } => Input::Unreachable { remote, transport },
        In::Stanza { link, octets } => {
            Input::Xmpp { link: LinkId(link), octets, context: Arc::clone(context) }
        }
        In::LinkUp { link } => Input::Link { link: LinkId(link), change: LinkChange::Up },
        In::LinkDown { link, stream_error } => {
            let change = LinkChange::Down { reason: "it broke".into(), stream_error };
            Input::Link { link: LinkId(link), change }
        }
        In::Timer => Input::Timer,
        In::Committed { group } => Input::Committed(CommitId(group)),
        In::Found { question, answer } => Input::Resolved { query: question, answer },
        In::Drain => Input::Drain,
    }
}

fn perform(running: &mut Running, effects: Vec<Effect>) -> Vec<Out> {
    let mut outs = Vec::with_capacity(effects.len());
    for effect in effects {
        outs.push(match effect {
            Effect::Sip { hop, octets } => Out::Sip {
                transport: hop.transport,
                remote: hop.remote,
                connection: hop.connection.map(|id| id.0),
                octets,
            },
            Effect::Xmpp { link, octets } => Out::Stanza { link: link.0, octets },
            Effect::Reopen { link, .. } => Out::Reopen { link: link.0 },
            Effect::Commit { id, records, then } => {
                running.unwritten.push_back((id, records));
                running.held.push_back((id, then));
                Out::Commit { group: id.0 }
            }
            Effect::Resolve { query } => Out::LookUp { question: query },
            Effect::Journal(_) => Out::Other,
            Effect::Event(Event::Quarantined { .. }) => Out::Quarantined,
            Effect::Event(Event::PeerUp(_)) => Out::PeerUp,
            Effect::Event(Event::PeerDown(..)) => Out::PeerDown,
            Effect::Event(_) => Out::Other,
        });
    }
    outs
}
