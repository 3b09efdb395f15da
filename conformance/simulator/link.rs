//! A component stream between the gateway's process and its server, as `src/wire/component.rs`
//! keeps it: connect, serve, fall, pause, connect again.

use std::collections::BTreeMap;
use std::rc::Rc;

use stox::codec::xmpp::Stanza;

use crate::agenda::{Event, FromServer, LinkEvent, MS, Micros};
use crate::dice::Dice;
use crate::stage::Stage;
use crate::stream::Way;

/// The first pause before another attempt, and the longest, as the settings have it.
const FIRST_PAUSE: Micros = 100 * MS;
const LAST_PAUSE: Micros = 3_000 * MS;

#[derive(Debug)]
struct Session {
    to_server: Way,
    to_gateway: Way,
}

#[derive(Debug)]
pub(crate) struct Link {
    index: usize,
    latency: Micros,
    dice: Dice,
    sessions: BTreeMap<u64, Session>,
    last: u64,
    /// The stream that the gateway's process holds to be open.
    current: Option<u64>,
    /// Attempts of an earlier process or before a change mean nothing any more.
    epoch: u64,
    pause: Micros,
}

impl Link {
    pub(crate) fn new(index: usize, latency: Micros, dice: Dice) -> Self {
        Link {
            index,
            latency,
            dice,
            sessions: BTreeMap::new(),
            last: 0,
            current: None,
            epoch: 0,
            pause: FIRST_PAUSE,
        }
    }

    fn set(&self, stage: &mut Stage, at: Micros, event: LinkEvent) {
        stage.agenda.set(at, Event::Link(self.index, event));
    }

    /// A process begins to connect.
    pub(crate) fn begin(&mut self, stage: &mut Stage) {
        self.epoch += 1;
        self.pause = FIRST_PAUSE;
        self.set(stage, stage.now, LinkEvent::Attempt { epoch: self.epoch });
    }

    pub(crate) fn is_now(&self, epoch: u64) -> bool {
        self.epoch == epoch
    }

    /// Another attempt after the pause, half of which is chance.
    pub(crate) fn again(&mut self, stage: &mut Stage) {
        self.epoch += 1;
        let pause = self.pause / 2 + self.dice.below(self.pause / 2);
        self.set(stage, stage.now + pause, LinkEvent::Attempt { epoch: self.epoch });
        self.pause = (self.pause * 2).min(LAST_PAUSE);
    }

    /// The server accepts: the stream opens after the handshake.
    pub(crate) fn accepted(&mut self, stage: &mut Stage) {
        let at = stage.now + 4 * self.latency + self.dice.below(10 * MS);
        self.set(stage, at, LinkEvent::Opened { epoch: self.epoch });
    }

    /// The stream is open: its number.
    pub(crate) fn opened(&mut self, stage: &mut Stage) -> u64 {
        stage.coverage.hit("link.opened");
        self.last += 1;
        self.pause = FIRST_PAUSE;
        let session = Session { to_server: Way::new(stage.now), to_gateway: Way::new(stage.now) };
        self.sessions.insert(self.last, session);
        self.current = Some(self.last);
        self.last
    }

    pub(crate) fn current(&self) -> Option<u64> {
        self.current
    }

    /// The gateway writes.
    pub(crate) fn write(&mut self, stage: &mut Stage, stanza: Rc<Stanza>) {
        let Some(number) = self.current else { return };
        let Some(session) = self.sessions.get_mut(&number) else { return };
        let at = session.to_server.arrival(stage.now + self.latency);
        self.set(stage, at, LinkEvent::ToServer { session: number, stanza });
    }

    /// The server writes into a stream that it holds to be open.
    pub(crate) fn server_writes(&mut self, stage: &mut Stage, number: u64, what: FromServer) {
        let Some(session) = self.sessions.get_mut(&number) else { return };
        let at = session.to_gateway.arrival(stage.now + self.latency);
        self.set(stage, at, LinkEvent::ToGateway { session: number, what });
    }

    pub(crate) fn reaches_server(&self, stage: &Stage, number: u64) -> bool {
        self.sessions.get(&number).is_some_and(|session| session.to_server.carries(stage.now))
    }

    pub(crate) fn reaches_gateway(&self, stage: &Stage, number: u64) -> bool {
        let carries = |session: &Session| session.to_gateway.carries(stage.now);
        self.current == Some(number) && self.sessions.get(&number).is_some_and(carries)
    }

    /// The connection breaks; each direction keeps some of what is in flight.
    pub(crate) fn cut(&mut self, stage: &mut Stage, number: u64) {
        let (there, back) = (self.later(stage), self.later(stage));
        self.end(stage, number, Some(there), Some(back));
    }

    /// Nothing passes any more, and only the server may notice by itself.
    pub(crate) fn go_silent(&mut self, stage: &mut Stage, number: u64) {
        let Some(session) = self.sessions.get_mut(&number) else { return };
        session.to_server.cut(stage.now);
        session.to_gateway.cut(stage.now);
        let at = stage.now + self.dice.between(5_000 * MS, 60_000 * MS);
        self.set(stage, at, LinkEvent::ServerNotices { session: number });
    }

    /// The server closes: what it has not read is lost, what it wrote arrives.
    pub(crate) fn server_closes(&mut self, stage: &mut Stage, number: u64, clean: bool) {
        let back = match (clean, self.sessions.get_mut(&number)) {
            (true, Some(session)) => session.to_gateway.arrival(stage.now + self.latency),
            _ => stage.now,
        };
        if let Some(session) = self.sessions.get_mut(&number) {
            session.to_server.cut(stage.now);
        }
        self.end(stage, number, None, Some(back));
    }

    /// The gateway's end closes, or its process ends: what it wrote arrives, or some of it.
    pub(crate) fn gateway_closes(&mut self, stage: &mut Stage) {
        let Some(number) = self.current else { return };
        let there = self.later(stage);
        if let Some(session) = self.sessions.get_mut(&number) {
            session.to_gateway.cut(stage.now);
        }
        self.end(stage, number, Some(there), None);
    }

    fn later(&mut self, stage: &Stage) -> Micros {
        stage.now + self.dice.below(2 * self.latency + 2)
    }

    /// Ends each direction at its moment; the receiving end notices then.
    fn end(&mut self, stage: &mut Stage, number: u64, there: Option<Micros>, back: Option<Micros>) {
        let Some(session) = self.sessions.get_mut(&number) else { return };
        if let Some(there) = there {
            session.to_server.cut(there);
            self.set(stage, there + 1, LinkEvent::ServerNotices { session: number });
        }
        let Some(session) = self.sessions.get_mut(&number) else { return };
        if let Some(back) = back {
            session.to_gateway.cut(back);
            self.set(stage, back + 1, LinkEvent::GatewayNotices { session: number });
        }
    }

    /// The gateway's end knows that the stream is gone.
    pub(crate) fn fallen(&mut self) {
        self.current = None;
        self.epoch += 1;
    }
}
