//! The gateway's process: the core with a model of `wire` around it, on a scripted machine.
//!
//! This file alone knows the core's inputs and effects; `journal.rs` knows what the journal is
//! told. Effects are carried out as `src/wire/runner.rs` does it: in order, and behind their
//! records where they wait for any.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use stox::codec::xml::Limits;
use stox::codec::xmpp::StreamContext;
use stox::config::{self, Config, Environment, Transport};
use stox::flow::{
    Answer, CommitId, ConnectionId, DeliveryId, Effect, Entry, Event, Flow, IdSource, Input,
    Instant, LinkChange, LinkId, ListenerId, Now, Query, Record, Status, Stored,
};
use stox::gateway::Gateway;
use stox::rules::Rules;

use crate::agenda::Micros;
use crate::dice::{Dice, Throws};
use crate::journal::Journal;
use crate::plan::{SIP_DOMAIN, SIP_USERS};
use crate::words::number;

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
        /// Whether it is of a target that wants bare text.
        of_text: bool,
    },
    /// The DNS is asked.
    LookUp {
        question: Query,
    },
    /// A step of a message is noted in the journal.
    Journal(Note),
    /// A message that an earlier process left is taken up, with the request that carried it.
    TakenUp {
        number: u32,
        request: Option<Bytes>,
    },
    Quarantined,
    PeerUp,
    PeerDown,
    Other,
}

/// A step in the life of a message to SIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Taken,
    Sent,
    Ended,
}

/// What the journal is told.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    pub(crate) number: u32,
    pub(crate) step: Step,
    entry: Entry,
}

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Killed,
    Drained,
}

/// What a process that ends leaves and loses.
#[derive(Debug)]
pub(crate) struct Remains {
    /// Groups of records that had still come to the disk, and that had not.
    pub(crate) records: (usize, usize),
    /// Steps that the journal's file does not have.
    pub(crate) steps_lost: u64,
}

/// What comes from outside.
#[derive(Debug)]
pub(crate) enum In {
    Sip { transport: Transport, remote: SocketAddr, connection: Option<u64>, octets: Bytes },
    Unreachable { transport: Transport, remote: SocketAddr },
    Closed { transport: Transport, remote: SocketAddr },
    Stanza { link: usize, octets: Bytes },
    LinkUp { link: usize },
    LinkDown { link: usize, stream_error: bool },
    Timer,
    Committed { group: u64 },
    Found { question: Query, answer: Answer },
    Drain,
}

struct Text(String);

impl Environment for Text {
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
    /// The messages that the journal speaks of.
    numbers: BTreeMap<DeliveryId, u32>,
}

/// One machine: at most one process at a time, and a disk that outlives it.
#[derive(Debug)]
pub(crate) struct Process {
    config: Arc<Config>,
    rules: Arc<Rules>,
    context: Arc<StreamContext>,
    dice: Dice,
    disk: Vec<Record>,
    journal: Journal,
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
            disk: readers(),
            journal: Journal::default(),
            running: None,
            incarnation: 0,
        })
    }

    pub(crate) fn runs(&self) -> bool {
        self.running.is_some()
    }

    /// Begins a process with the same key, the records on disk, and a seed of its own. What the
    /// journal holds goes before everything new.
    pub(crate) fn start(&mut self, at: Micros) -> Vec<Out> {
        self.incarnation += 1;
        let mut seed = [0; 32];
        for part in seed.chunks_mut(8) {
            part.copy_from_slice(&self.dice.number().to_le_bytes());
        }
        let source = IdSource { seed, key: [1; 16] };
        let stored = Stored { records: self.disk.clone(), lost: false };
        let (config, rules) = (Arc::clone(&self.config), Arc::clone(&self.rules));
        let mut effects = Vec::new();
        let gateway = Gateway::new(config, rules, &source, &stored, false, now(at), &mut effects);
        let (held, unwritten) = (VecDeque::new(), VecDeque::new());
        let running = Running { gateway, held, unwritten, numbers: BTreeMap::new() };
        let running = self.running.insert(running);
        let mut outs = perform(running, effects);
        for left in self.journal.open() {
            let number = number_of(&left.taken.stanza);
            running.numbers.insert(left.delivery, number);
            let request = left.sent.as_ref().map(|sent| sent.octets.clone());
            outs.push(Out::TakenUp { number, request });
            let mut effects = Vec::new();
            running.gateway.handle(now(at), Input::Recovered(Box::new(left)), &mut effects);
            outs.extend(perform(running, effects));
        }
        outs
    }

    /// Ends the process. If it is killed on the spot, some of what is on its way to disk may have
    /// arrived.
    pub(crate) fn end(&mut self, ending: Ending) -> Remains {
        let Some(running) = self.running.take() else {
            return Remains { records: (0, 0), steps_lost: 0 };
        };
        let kept = self.dice.below(running.unwritten.len() as u64 + 1) as usize;
        let lost = running.unwritten.len() - kept;
        let arrived = running.unwritten.into_iter().take(kept);
        self.disk.extend(arrived.flat_map(|(_, records)| records));
        let steps_lost = match ending {
            Ending::Killed => self.journal.kill(|records| self.dice.below(records + 1)),
            Ending::Drained => {
                self.journal.close();
                0
            }
        };
        Remains { records: (kept, lost), steps_lost }
    }

    /// Notes a step in the journal; true when that begins a group.
    pub(crate) fn note(&mut self, note: &Note) -> bool {
        self.journal.note(note.entry.clone())
    }

    /// A group of the journal is complete: whether it must be written, and whether the next begins.
    pub(crate) fn gather(&mut self) -> (bool, bool) {
        self.journal.gather()
    }

    /// A group of the journal is in its file.
    pub(crate) fn journalled(&mut self) {
        self.journal.written();
    }

    /// Messages without an outcome, as the process and as its journal's file has them.
    pub(crate) fn unfinished(&self) -> (usize, usize) {
        self.journal.unfinished()
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
        In::Closed { transport, remote } => Input::Closed { remote, transport },
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
                let of_text = records.iter().any(|it| is_refusal(it));
                running.unwritten.push_back((id, records));
                running.held.push_back((id, then));
                Out::Commit { group: id.0, of_text }
            }
            Effect::Resolve { query } => Out::LookUp { question: query },
            Effect::Journal(entry) => Out::Journal(noted(running, entry)),
            Effect::Event(Event::Quarantined { .. }) => Out::Quarantined,
            Effect::Event(Event::PeerUp(_)) => Out::PeerUp,
            Effect::Event(Event::PeerDown(..)) => Out::PeerDown,
            Effect::Event(_) => Out::Other,
        });
    }
    outs
}

fn noted(running: &mut Running, entry: Entry) -> Note {
    let (id, step) = match &entry {
        Entry::Taken(id, taken) => {
            running.numbers.insert(*id, number_of(&taken.stanza));
            (id, Step::Taken)
        }
        Entry::Sent(id, _) | Entry::Part(id, _) => (id, Step::Sent),
        Entry::Ended(id) => (id, Step::Ended),
    };
    let number = running.numbers.get(id).copied().unwrap_or(u32::MAX);
    Note { number, step, entry }
}

/// The number of the message in a stanza: its id is `x` and this number.
fn number_of(stanza: &[u8]) -> u32 {
    let text = String::from_utf8_lossy(stanza);
    let id = text.split_once(" id='").map(|(_, rest)| rest);
    id.and_then(|id| number(id, 'x')).unwrap_or(u32::MAX)
}

/// What a store says of SIP users whose agents read `message/cpim`: all of them, so that it is seen
/// who refuses an object.
fn readers() -> Vec<Record> {
    let known = |(user, _)| {
        let value = Some("[{\"cpim\":true,\"hour\":472222}]".to_owned());
        Record::Target { address: format!("{user}@{SIP_DOMAIN}"), value }
    };
    SIP_USERS.map(known).to_vec()
}

/// Whether a record says that an address refused an object.
fn is_refusal(record: &Record) -> bool {
    let Record::Target { value: Some(value), .. } = record else { return false };
    value.contains("\"cpim\":false")
}
