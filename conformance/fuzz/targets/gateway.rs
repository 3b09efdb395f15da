//! Whole inputs: a sequence of stanzas, SIP messages, answers and pauses for a gateway, as senders of both sides may
//! bring it about. Whatever comes, each effect is within its bounds, is read by others, and goes where it may.
//!
//! The octets are records that a NUL ends. The first octet of a record says what happens, the rest is what comes:
//!
//!     x  stanzas of the component stream          a  an answer to a request of the gateway's, from the status on
//!     u  a datagram of the peer                   n  a request in the dialog of its last SUBSCRIBE
//!     t  a stream of the peer                     b  an error for its last stanza, of these children
//!     s  a datagram of a stranger                 r  its pings are answered
//!     w  time passes: milliseconds                l  the server closes the stream, and it is opened again
//!     c  records are on disk                      k  the process is killed, and begins again
//!     g  the peer's connections are closed        h  the peer cannot be reached
//!     e  its last SIP message could not be sent   m  a SIP user is removed
//!
//! `\x01`, an octet and a number stand for the octet repeated 2^number times, so that a short input can be near any
//! bound. Half an hour of it, 20,663 inputs on a machine that had much else to do, found nothing in the gateway.

#![no_main]

mod effects;
#[allow(dead_code, reason = "shared with the targets of SIP, which use more of it")]
mod sip;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use stox::codec::sip::{Frame as SipFrame, Framer as SipFramer, Message, Method, Request};
use stox::codec::xml::Limits;
use stox::codec::xmpp::{Fault, Frame, Framer, IqKind, Jid, Malformed, Stanza, StreamContext};
use stox::config::{self, Config, Environment, Transport};
use stox::flow::{
    CommitId, ConnectionId, Effect, Flow, IdSource, Input, Instant, LinkChange, LinkId, ListenerId,
    Now, Record, Stored,
};
use stox::gateway::Gateway;
use stox::rules::Rules;

/// The smallest bounds that the settings take: what is near them is short.
const SETTINGS: &str = r#"
xmpp: { component: sip.xmpp.test, server: "127.0.0.11:5347", secret: s3cret }
sip:
  listen: [ "udp:127.0.0.20:5060", "tcp:127.0.0.20:5060" ]
  peers: [ { name: core, uri: "sip:127.0.0.13:5060;transport=udp" } ]
domains:
  - { xmpp: sip.xmpp.test, sip: sip.test }
  - { xmpp: xmpp.test, sip: xmpp.test }
store: { path: store }
limits:
  stanza_octets: 10000
  sip_message_octets: 65535
  document_octets: 1000
  dialog_octets: 512
  queue: 20
  queue_per_sender: 5
  queue_per_target: 5
  outstanding_per_target: 2
  unconfirmed: 10
  pairs: 20
  pairs_per_user: 5
  pending_per_user: 3
  dialogs_per_pair: 2
  dialogs_per_user: 4
"#;
const HEADER: &[u8] = b"<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
    xmlns:stream='http://etherx.jabber.org/streams' id='1' from='sip.xmpp.test'>";
/// Records of one input, and octets of one record.
const RECORDS: usize = 64;
const OCTETS: usize = 262_144;
/// Effects of one input: what all pairs, dialogs and messages that the settings allow can ask for.
const EFFECTS: usize = 1_000;
/// Deadlines at one instant: more is a gateway that never comes to rest.
const AT_ONCE: usize = 1_000;

struct Text;

impl Environment for Text {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }
    fn file(&self, _: &Path) -> std::io::Result<String> {
        Ok(SETTINGS.to_owned())
    }
}

fn settings() -> (Arc<Config>, Arc<Rules>) {
    static ONCE: OnceLock<(Arc<Config>, Arc<Rules>)> = OnceLock::new();
    let made = ONCE.get_or_init(|| {
        let (config, _) = config::load(Path::new("stox.yaml"), &Text).expect("good settings");
        let (rules, _) = Rules::load(None).expect("good rules");
        (Arc::new(config), Arc::new(rules))
    });
    made.clone()
}

struct World {
    gateway: Gateway,
    now: Now,
    starts: u8,
    context: Arc<StreamContext>,
    up: bool,
    /// Requests of the gateway's without a final answer, the oldest first.
    requests: Vec<Request>,
    /// Its last SUBSCRIBE.
    subscribe: Option<Request>,
    pings: Vec<(String, String, String)>,
    last_stanza: Option<Stanza>,
    last_sip: Bytes,
    /// Records on their way to disk, and what waits for them.
    waiting: Vec<(CommitId, Vec<Record>, Vec<Effect>)>,
    disk: Vec<Record>,
    tags: usize,
    /// The component's domain, and those for which the server gave it stanzas.
    domains: Vec<String>,
    /// Who wrote by XMPP, as the server has it.
    senders: Vec<String>,
}

fuzz_target!(|octets: &[u8]| {
    let mut world = World::new();
    for record in octets.split(|octet| *octet == 0).take(RECORDS) {
        if let Some((what, rest)) = record.split_first() {
            world.play(*what, &expanded(rest));
        }
    }
    // Whatever came, time passes: each deadline comes, and the gateway rests between them.
    world.committed();
    world.passes(Duration::from_secs(120));
});

fn peer() -> SocketAddr {
    ([127, 0, 0, 13], 5060).into()
}

impl World {
    fn new() -> Self {
        let now = Now { instant: Instant(1_000_000), unix_ms: 1_700_000_000_000 };
        let (gateway, effects) = begun(&[], now, 1);
        let mut world = World {
            gateway,
            now,
            starts: 1,
            context: Arc::new(StreamContext::component(limits())),
            up: false,
            requests: Vec::new(),
            subscribe: None,
            pings: Vec::new(),
            last_stanza: None,
            last_sip: Bytes::new(),
            waiting: Vec::new(),
            disk: Vec::new(),
            tags: 0,
            domains: vec!["sip.xmpp.test".to_owned()],
            senders: Vec::new(),
        };
        world.carry(effects);
        world.link(true);
        world
    }

    fn play(&mut self, what: u8, octets: &[u8]) {
        match what {
            b'x' => self.stream(octets),
            b'u' => self.sip(Transport::Udp, peer(), octets),
            b's' => self.sip(Transport::Udp, ([192, 0, 2, 7], 5060).into(), octets),
            b't' => self.sip_stream(octets),
            b'w' => {
                let text = String::from_utf8_lossy(octets);
                let ms = text.trim().parse::<u64>().unwrap_or(500).min(86_400_000);
                self.passes(Duration::from_millis(ms));
            }
            b'a' => self.answer(octets),
            b'n' => self.in_dialog(octets),
            b'b' => self.bounce(octets),
            b'r' => self.pong(),
            b'l' => {
                self.link(false);
                self.link(true);
            }
            b'c' => self.committed(),
            b'k' => self.killed(),
            b'g' => self.feed(Input::Closed { remote: peer(), transport: Transport::Tcp }),
            b'h' => self.feed(Input::Unreachable { remote: peer(), transport: Transport::Udp }),
            b'e' => self.feed(Input::Unsent { octets: self.last_sip.clone() }),
            b'm' => {
                if let Ok(jid) = Jid::parse(&String::from_utf8_lossy(octets)) {
                    self.feed(Input::Remove(jid));
                }
            }
            _ => {}
        }
    }

    fn feed(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.gateway.handle(self.now, input, &mut effects);
        assert!(effects.len() <= EFFECTS, "{} effects of one input", effects.len());
        self.carry(effects);
    }

    fn carry(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Sip { hop, octets } => {
                    assert!(
                        effects::is_at_peer_or_answer(&octets, hop.remote, peer()),
                        "{}",
                        hop.remote
                    );
                    self.sent(&octets, hop.transport);
                    self.last_sip = octets;
                }
                Effect::Xmpp { octets, .. } => {
                    assert!(self.up, "a stanza for a link that is down");
                    let stanza = effects::stanza(&octets, limits(), &self.domains, &self.senders);
                    stanza.into_iter().for_each(|stanza| self.written(stanza));
                }
                Effect::Commit { id, records, then } => {
                    records.iter().for_each(effects::record);
                    self.waiting.push((id, records, then));
                }
                Effect::Reopen { .. } => {
                    self.link(false);
                    self.link(true);
                }
                Effect::Journal(_) | Effect::Resolve { .. } | Effect::Event(_) => {}
            }
        }
    }

    fn sent(&mut self, octets: &Bytes, transport: Transport) {
        let Some(Message::Request(request)) = effects::sip(octets, transport) else { return };
        if request.method == Method::Subscribe {
            self.subscribe = Some(request.clone());
        }
        let known = |one: &Request| {
            one.via.first().map(|via| via.branch()) == request.via.first().map(|via| via.branch())
        };
        if !self.requests.iter().any(known) {
            self.requests.push(request);
        }
    }

    fn written(&mut self, stanza: Stanza) {
        if let Stanza::Iq(iq) = &stanza
            && iq.kind == IqKind::Get
        {
            let address = |jid: &Option<Jid>| {
                jid.as_ref().map(|jid| jid.as_str().to_owned()).unwrap_or_default()
            };
            self.pings.push((iq.id.to_string(), address(&iq.to), address(&iq.from)));
        } else {
            self.last_stanza = Some(stanza);
        }
    }

    fn link(&mut self, up: bool) {
        self.up = up;
        self.pings.clear();
        let change = match up {
            true => LinkChange::Up,
            false => LinkChange::Down { reason: "closed".into(), stream_error: true },
        };
        self.feed(Input::Link { link: LinkId(0), change });
    }

    /// What a server writes: each stanza as it is cut from the stream.
    fn stream(&mut self, octets: &[u8]) {
        let mut framer = Framer::new(limits());
        framer.push(HEADER);
        framer.push(octets);
        while let Ok(Some(frame)) = framer.next() {
            let link = LinkId(0);
            match frame {
                Frame::Stanza(octets) => {
                    self.addressed(&octets);
                    let context = Arc::clone(&self.context);
                    self.feed(Input::Xmpp { link, octets, context });
                }
                Frame::Oversized { head, .. } => {
                    self.addressed(&head);
                    self.feed(Input::Oversized { link, head });
                }
                Frame::Open(_) | Frame::Close => {}
            }
        }
    }

    /// A server gives a component what is for its domain. If it gives it more, it takes the answers, too.
    fn addressed(&mut self, octets: &[u8]) {
        let known = Malformed::salvage(Fault::UnknownType, octets);
        self.senders.extend(known.from.map(|from| from.to_string()));
        if let Some(to) = known.to.and_then(|to| Jid::parse(&to).ok()) {
            self.domains.push(to.domain().to_owned());
        }
    }

    fn sip(&mut self, transport: Transport, remote: SocketAddr, octets: &[u8]) {
        let octets = Bytes::copy_from_slice(octets.get(..65_507).unwrap_or(octets));
        let flow = Flow { transport, listener: ListenerId(0), remote, connection: None };
        self.feed(Input::Sip { flow, octets });
    }

    fn sip_stream(&mut self, octets: &[u8]) {
        let flow = Flow {
            transport: Transport::Tcp,
            listener: ListenerId(1),
            remote: ([127, 0, 0, 13], 40_001).into(),
            connection: Some(ConnectionId(1)),
        };
        let mut framer = SipFramer::new(settings().0.limits.sip());
        framer.push(octets);
        loop {
            match framer.next() {
                Ok(Some(SipFrame::Message(octets))) => self.feed(Input::Sip { flow, octets }),
                Ok(Some(SipFrame::TooLarge(malformed))) => {
                    self.feed(Input::Unreadable { flow, malformed: Box::new(malformed) });
                }
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(error) => {
                    return self.feed(Input::Unreadable { flow, malformed: Box::new(error.0) });
                }
            }
        }
    }

    /// The status line from the status on, further headers and a body; what a response repeats of its request is
    /// put between.
    fn answer(&mut self, octets: &[u8]) {
        let (at, octets) = match octets.split_first() {
            Some((digit @ b'a'..=b'f', rest)) => (usize::from(digit - b'a'), rest),
            _ => (0, octets),
        };
        if at >= self.requests.len() {
            return;
        }
        let provisional = octets.first() == Some(&b'1');
        let request =
            if provisional { self.requests[at].clone() } else { self.requests.remove(at) };
        let end = octets.windows(2).position(|two| two == b"\r\n").unwrap_or(octets.len());
        let (line, rest) = octets.split_at(end);
        let rest = if rest.is_empty() { &b"\r\n\r\n"[..] } else { rest };
        self.tags += 1;
        let to = request.to.clone();
        let to = if to.tag().is_some() { to } else { to.with_tag("t") };
        let mut text = b"SIP/2.0 ".to_vec();
        text.extend_from_slice(line);
        for via in &request.via {
            text.extend_from_slice(format!("\r\nVia: {}", via.to_value().to_text()).as_bytes());
        }
        let (from, to) = (request.from.to_value(), to.to_value());
        let repeated = format!(
            "\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {} {}",
            from.to_text(),
            to.to_text(),
            request.call_id.as_str(),
            request.cseq.number,
            request.cseq.method
        );
        text.extend_from_slice(repeated.as_bytes());
        text.extend_from_slice(rest);
        self.sip(Transport::Udp, peer(), &text);
    }

    /// The method, further headers and a body, in the dialog that the last SUBSCRIBE began.
    fn in_dialog(&mut self, octets: &[u8]) {
        let Some(asked) = self.subscribe.clone() else { return };
        let end = octets.windows(2).position(|two| two == b"\r\n").unwrap_or(octets.len());
        let (method, rest) = octets.split_at(end);
        let rest = if rest.is_empty() { &b"\r\n\r\n"[..] } else { rest };
        let Some(Ok(contact)) = asked.headers.contacts().next() else { return };
        self.tags += 1;
        let method = String::from_utf8_lossy(method);
        let (from, to) = (asked.to.clone(), asked.from.to_value());
        let from = if from.tag().is_some() { from } else { from.with_tag("t") };
        let head = format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bKn{}\r\nMax-Forwards: 70\r\n\
             From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {} {method}",
            contact.uri().as_str(),
            self.tags,
            from.to_value().to_text(),
            to.to_text(),
            asked.call_id.as_str(),
            self.tags,
        );
        let text = [head.as_bytes(), rest].concat();
        self.sip(Transport::Udp, peer(), &text);
    }

    fn bounce(&mut self, children: &[u8]) {
        let (kind, id, from, to) = match &self.last_stanza {
            Some(Stanza::Message(it)) => ("message", it.id.clone(), it.from.clone(), it.to.clone()),
            Some(Stanza::Presence(it)) => {
                ("presence", it.id.clone(), it.from.clone(), it.to.clone())
            }
            _ => return,
        };
        let mut octets = Vec::new();
        let mut error = match kind {
            "message" => Stanza::Message(Box::default()),
            _ => Stanza::Presence(Box::default()),
        };
        match &mut error {
            Stanza::Message(it) => (it.id, it.from, it.to) = (id, to, from),
            Stanza::Presence(it) => (it.id, it.from, it.to) = (id, to, from),
            _ => {}
        }
        error.write(&mut octets);
        // An empty element, which the children open again.
        let tag = octets.strip_suffix(b"/>").map(<[u8]>::to_vec).unwrap_or_default();
        let text =
            [&tag, &b" type='error'>"[..], children, format!("</{kind}>").as_bytes()].concat();
        self.stream(&text);
    }

    fn pong(&mut self) {
        for (id, from, to) in std::mem::take(&mut self.pings) {
            self.stream(
                format!("<iq type='result' id='{id}' from='{from}' to='{to}'/>").as_bytes(),
            );
        }
    }

    fn committed(&mut self) {
        for (id, records, then) in std::mem::take(&mut self.waiting) {
            for record in records {
                let other = |known: &Record| !effects::same_key(known, &record);
                self.disk.retain(other);
                self.disk.push(record);
            }
            self.carry(then);
            self.feed(Input::Committed(id));
        }
    }

    fn killed(&mut self) {
        self.waiting.clear();
        self.requests.clear();
        self.subscribe = None;
        (self.up, self.starts) = (false, self.starts.wrapping_add(1));
        let (gateway, effects) = begun(&self.disk, self.now, self.starts);
        self.gateway = gateway;
        self.carry(effects);
        self.link(true);
    }

    /// Time passes, and each deadline comes at its moment.
    fn passes(&mut self, time: Duration) {
        let end = self.now.instant + time;
        let (mut at_once, mut all) = (0, 0);
        while let Some(due) = self.gateway.deadline().filter(|due| *due <= end) {
            let after = due.max(self.now.instant);
            at_once = if after == self.now.instant { at_once + 1 } else { 0 };
            all += 1;
            assert!(at_once <= AT_ONCE, "deadlines without an end");
            if all > 20 * AT_ONCE {
                break;
            }
            self.advance(after);
            self.feed(Input::Timer);
        }
        self.advance(end.max(self.now.instant));
    }

    fn advance(&mut self, to: Instant) {
        let passed = to.0.saturating_sub(self.now.instant.0);
        self.now = Now { instant: to, unix_ms: self.now.unix_ms + passed / 1_000 };
    }
}

fn begun(disk: &[Record], now: Now, start: u8) -> (Gateway, Vec<Effect>) {
    let (config, rules) = settings();
    let source = IdSource { seed: [start; 32], key: [1; 16] };
    let stored = Stored { records: disk.to_vec(), lost: false };
    let mut effects = Vec::new();
    let gateway = Gateway::new(config, rules, &source, &stored, false, now, &mut effects);
    (gateway, effects)
}

fn limits() -> Limits {
    Limits { max_stanza_octets: settings().0.limits.stanza_octets, ..Limits::default() }
}

/// `\x01`, an octet and a number: the octet 2^number times.
fn expanded(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len());
    let mut rest = octets;
    while let Some((first, behind)) = rest.split_first() {
        match behind {
            [octet, power, behind @ ..] if *first == 1 => {
                out.extend(std::iter::repeat_n(*octet, 1 << (power % 18)));
                rest = behind;
            }
            _ => {
                out.push(*first);
                rest = behind;
            }
        }
        if out.len() > OCTETS {
            out.truncate(OCTETS);
            return out;
        }
    }
    out
}
