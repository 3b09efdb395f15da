//! People who talk: user `xN` of the XMPP side with user `sN` of the SIP side. A target has one
//! sender, and a sender has as many messages in flight as allowed.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::flow::{Direction, Flow, Pacing};
use super::{Names, Worlds};
use crate::measure::latency::Summary;
use crate::measure::tally::Place;
use crate::sip::message::Message;
use crate::token;
use crate::xmpp::stanza::Stanza;

/// What is said, in one direction or both at once.
pub struct Talk {
    /// The directions.
    pub flows: Vec<Flow>,
    padding: Vec<u8>,
    resource: String,
}

/// How it is said.
#[derive(Debug, Clone)]
pub struct Manner {
    /// Which ways.
    pub directions: Vec<Direction>,
    /// When the next one is sent, in each direction.
    pub pacing: Pacing,
    /// Users on each side.
    pub users: usize,
    /// Messages of one sender in flight.
    pub each: usize,
    /// Octets of a body.
    pub body: usize,
    /// How long a message keeps its place in flight.
    pub patience: Duration,
    /// The resource of XMPP senders.
    pub resource: String,
}

impl Talk {
    /// Nothing sent yet.
    pub fn new(manner: &Manner) -> Self {
        let flow = |direction: &Direction| {
            // RFC 3428 §8: a sender has one MESSAGE in flight for a target. Towards SIP that is
            // for the gateway to see to.
            let each = if *direction == Direction::SipToXmpp { 1 } else { manner.each };
            Flow::new(*direction, manner.pacing, manner.users, each, manner.patience)
        };
        let text = b" lorem ipsum dolor sit amet".iter().cycle();
        Talk {
            flows: manner.directions.iter().map(flow).collect(),
            padding: text.take(manner.body).copied().collect(),
            resource: manner.resource.clone(),
        }
    }

    fn flow(&mut self, key: u64) -> Option<(&mut Flow, Place)> {
        let (direction, place) = Place::of(key)?;
        let flow = self.flows.iter_mut().find(|flow| flow.direction == direction)?;
        Some((flow, place))
    }

    /// A message stanza came.
    pub fn stanza(&mut self, now: Instant, stanza: &Stanza<'_>) {
        if stanza.name != "message" {
            return;
        }
        if stanza.kind == "error" {
            let key = token::find(stanza.id.as_bytes());
            if let Some((flow, place)) = key.and_then(|key| self.flow(key)) {
                flow.refused(place, &stanza.condition);
            }
            return;
        }
        if let Some((flow, place)) = token::find(stanza.octets).and_then(|key| self.flow(key)) {
            flow.arrived(now, place);
        }
    }

    /// A request came; the answer is its status.
    pub fn request(&mut self, now: Instant, request: &Message<'_>) -> u16 {
        if request.method() != b"MESSAGE" {
            return 405;
        }
        if let Some((flow, place)) = token::find(request.body).and_then(|key| self.flow(key)) {
            flow.arrived(now, place);
        }
        200
    }

    /// A request of ours has its final response.
    pub fn response(&mut self, now: Instant, key: u64, response: &Message<'_>) {
        if let Some((flow, place)) = self.flow(key) {
            match response.status().unwrap_or_default() {
                ..300 => flow.answered(now, place),
                status => flow.refused(place, &status.to_string()),
            }
        }
    }

    /// A request of ours got none.
    pub fn expired(&mut self, key: u64) {
        if let Some((flow, place)) = self.flow(key) {
            flow.expired(place);
        }
    }

    /// Sends what is due, up to `total` messages of each direction.
    ///
    /// # Errors
    /// When something cannot be sent at all.
    pub fn send(&mut self, now: Instant, worlds: &mut Worlds, total: u64) -> io::Result<()> {
        let Talk { flows, padding, resource } = self;
        let up = worlds.xmpp.is_up();
        for flow in flows {
            // A server does not take what is for a component that is away.
            while flow.sent() < total
                && (up || flow.direction == Direction::SipToXmpp)
                && let Some(next) = flow.next(now)
            {
                let user = next.conversation;
                match flow.direction {
                    Direction::XmppToSip => {
                        let Worlds { xmpp, names, .. } = worlds;
                        xmpp.send(user, |out| {
                            stanza(next.key, user, names, resource, padding, out)
                        });
                    }
                    Direction::SipToXmpp => request(now, next.key, user, worlds, padding)?,
                }
            }
        }
        Ok(())
    }

    /// When the next message is due, if it waits for its time.
    pub fn due(&self) -> Option<Instant> {
        self.flows.iter().filter_map(Flow::due).min()
    }

    /// How many were sent and have no outcome yet.
    pub fn in_flight(&self) -> usize {
        self.flows.iter().map(Flow::in_flight).sum()
    }

    /// After a pause: what was not said in it is not made up for.
    pub fn begin_again(&mut self) {
        self.flows.iter_mut().for_each(Flow::begin_again);
    }

    /// How many arrived, of both directions: those of XMPP users and those of SIP users.
    pub fn arrived(&self) -> [u64; 2] {
        [Direction::XmppToSip, Direction::SipToXmpp].map(|direction| {
            let flow = self.flows.iter().find(|flow| flow.direction == direction);
            flow.map_or(0, |flow| flow.tally.arrived)
        })
    }

    /// The latencies since the last look, by direction.
    pub fn take_latency(&mut self) -> Vec<(Direction, Summary)> {
        let take = |flow: &mut Flow| {
            let summary = flow.latency.summary();
            flow.latency.clear();
            (flow.direction, summary)
        };
        self.flows.iter_mut().map(take).collect()
    }
}

/// A message of an XMPP user.
fn stanza(key: u64, user: usize, names: &Names, resource: &str, padding: &[u8], out: &mut Vec<u8>) {
    let Names { component, xmpp, .. } = names;
    // Writing to memory does not fail.
    let _ = write!(
        out,
        "<message type='chat' from='x{user}@{xmpp}/{resource}' to='s{user}@{component}' id='"
    );
    token::write(key, out);
    out.extend_from_slice(b"'><body>");
    body(key, padding, out);
    out.extend_from_slice(b"</body></message>");
}

/// A MESSAGE of a SIP user (RFC 3428 §4).
fn request(
    now: Instant,
    key: u64,
    user: usize,
    worlds: &mut Worlds,
    padding: &[u8],
) -> io::Result<()> {
    let Worlds { sip, names: Names { sip: domain, xmpp_in_sip, .. }, .. } = worlds;
    let cseq = key as u32 + 1;
    let mut text = Vec::with_capacity(padding.len() + 32);
    body(key, padding, &mut text);
    sip.request(
        now,
        key,
        |out| {
            let _ = write!(out, "MESSAGE sip:x{user}@{xmpp_in_sip} SIP/2.0\r\n");
        },
        |out| {
            let _ = write!(
                out,
                "From: <sip:s{user}@{domain}>;tag={user}\r\nTo: <sip:x{user}@{xmpp_in_sip}>\r\n\
                 Call-ID: {run}-{user}\r\nCSeq: {cseq} MESSAGE\r\nContent-Type: text/plain\r\n\
                 Content-Length: {length}\r\n\r\n",
                run = token::run(),
                length = text.len(),
            );
            out.extend_from_slice(&text);
        },
    )
}

/// A mark and as much other text as makes the length.
fn body(key: u64, padding: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    token::write(key, out);
    let length = out.len() - start;
    out.extend_from_slice(padding.get(length..).unwrap_or_default());
}
