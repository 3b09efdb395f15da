//! The gateway's process between its stream and its sockets, as `src/wire` has it: what the server
//! writes is cut into stanzas by the framer, what TCP brings by that of SIP, records are safe
//! after a while.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use stox::codec::xml::Limits;
use stox::codec::xmpp::{Frame, Framer, StreamContext};
use stox::config::{self, Config, Environment, Transport};
use stox::flow::{
    CommitId, ConnectionId, Effect, Flow, IdSource, Input, Instant, LinkChange, LinkId, ListenerId,
    Now, Record, Status, Stored,
};
use stox::gateway::Gateway;
use stox::rules::Rules;

use crate::agenda::Micros;

const HEADER: &[u8] = b"<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
    xmlns:stream='http://etherx.jabber.org/streams' id='1' from='sip.xmpp.test'>";

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
pub(super) struct Gate {
    gateway: Gateway,
    pub(super) config: Arc<Config>,
    context: Arc<StreamContext>,
    framer: Framer,
    held: VecDeque<(CommitId, Vec<Effect>)>,
    /// Octets of the gateway's own, printed, before anybody came.
    empty: usize,
}

fn now(at: Micros) -> Now {
    Now { instant: Instant(at), unix_ms: 1_700_000_000_000 + at / 1_000 }
}

impl Gate {
    /// A process whose stream is open, and what it does first.
    pub(super) fn new(
        seed: u64,
        settings: &str,
        rules: &Arc<Rules>,
        at: Micros,
    ) -> Result<(Self, Vec<Effect>), String> {
        let text = Text(settings.to_owned());
        let (config, _) = config::load(Path::new("stox.yaml"), &text).map_err(|findings| {
            findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
        })?;
        let config = Arc::new(config);
        let limits = Limits { max_stanza_octets: config.limits.stanza_octets, ..Limits::default() };
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let source = IdSource { seed: key, key: [1; 16] };
        let mut effects = Vec::new();
        let (of_gateway, rules) = (Arc::clone(&config), Arc::clone(rules));
        let gateway = Gateway::new(
            of_gateway,
            rules,
            &source,
            &Stored::default(),
            false,
            now(at),
            &mut effects,
        );
        let mut framer = Framer::new(limits);
        framer.push(HEADER);
        let _ = framer.next();
        let context = Arc::new(StreamContext::component(limits));
        let mut gate = Gate { gateway, config, context, framer, held: VecDeque::new(), empty: 0 };
        gate.empty = gate.printed();
        effects.extend(gate.feed(at, Input::Link { link: LinkId(0), change: LinkChange::Up }));
        Ok((gate, effects))
    }

    pub(super) fn feed(&mut self, at: Micros, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.gateway.handle(now(at), input, &mut effects);
        effects
    }

    /// The server's stream goes on: the inputs it makes, or what is wrong with it.
    pub(super) fn read(&mut self, octets: &[u8]) -> Result<Vec<Input>, String> {
        self.framer.push(octets);
        let mut inputs = Vec::new();
        loop {
            let link = LinkId(0);
            match self.framer.next() {
                Ok(None) => return Ok(inputs),
                Ok(Some(Frame::Stanza(octets))) => {
                    inputs.push(Input::Xmpp { link, octets, context: Arc::clone(&self.context) });
                }
                Ok(Some(Frame::Oversized { head, .. })) => {
                    inputs.push(Input::Oversized { link, head })
                }
                Ok(Some(frame)) => return Err(format!("{frame:?}")),
                Err(fault) => return Err(fault.to_string()),
            }
        }
    }

    /// Records go to the disk; what waits for them.
    pub(super) fn hold(&mut self, id: CommitId, then: Vec<Effect>) {
        self.held.push_back((id, then));
    }

    /// Records are safe.
    pub(super) fn committed(&mut self, at: Micros, id: CommitId) -> Vec<Effect> {
        let mut effects = Vec::new();
        while self.held.front().is_some_and(|(group, _)| *group <= id) {
            effects.extend(self.held.pop_front().into_iter().flat_map(|(_, then)| then));
        }
        effects.extend(self.feed(at, Input::Committed(id)));
        effects
    }

    pub(super) fn deadline(&self) -> Option<Micros> {
        self.gateway.deadline().map(|instant| instant.0)
    }

    pub(super) fn idle(&self) -> bool {
        self.gateway.idle()
    }

    pub(super) fn status(&self, at: Micros) -> Status {
        self.gateway.status(now(at))
    }

    fn printed(&self) -> usize {
        struct Count(usize);
        impl std::fmt::Write for Count {
            fn write_str(&mut self, text: &str) -> std::fmt::Result {
                self.0 += text.len();
                Ok(())
            }
        }
        let mut count = Count(0);
        let _ = std::fmt::write(&mut count, format_args!("{:?}", self.gateway));
        count.0
    }

    /// About how many octets the core holds: those of all that it is made of, printed, without what
    /// it had at its start. No table can be left out of that, and it is the same on each machine.
    pub(super) fn weight(&self) -> usize {
        self.printed().saturating_sub(self.empty)
    }
}

/// What a SIP message is to the core.
pub(super) fn sip(
    transport: Transport,
    remote: SocketAddr,
    connection: Option<u64>,
    octets: Bytes,
) -> Input {
    let listener = ListenerId(usize::from(transport == Transport::Tcp));
    let flow = Flow { transport, listener, remote, connection: connection.map(ConnectionId) };
    Input::Sip { flow, octets }
}

/// The octets of a record.
pub(super) fn octets(record: &Record) -> usize {
    let (Record::Target { value, .. } | Record::Pair { value, .. }) = record;
    value.as_ref().map_or(0, String::len)
}
