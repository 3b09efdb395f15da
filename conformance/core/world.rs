//! A gateway between two scripted sides under virtual time: nothing sleeps, nothing is sent.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use stox::codec::sip::{self, Request, Response, Status};
use stox::codec::xml::Limits;
use stox::codec::xmpp::{self, Stanza, StreamContext};
use stox::config::{self, Config, Environment, Transport};
use stox::flow::{
    CommitId, ConnectionId, Effect, Entry, Event, Flow, Hop, IdSource, Input, Instant, LinkChange,
    LinkId, ListenerId, Now, Query, Record, Stored,
};
use stox::gateway::Gateway;
use stox::rules::{Resource, Rules};

/// The configuration that most tests use.
pub(crate) const SETTINGS: &str = r#"
xmpp: { component: sip.xmpp.test, server: "127.0.0.11:5347", secret: s3cret }
sip:
  listen: [ "udp:127.0.0.20:5060", "tcp:127.0.0.20:5060" ]
  peers: [ { name: core, uri: "sip:127.0.0.13:5060;transport=udp" } ]
  options_interval: 0s
domains:
  - { xmpp: sip.xmpp.test, sip: sip.test }
  - { xmpp: xmpp.test, sip: xmpp.test }
store: { path: store }
"#;

/// The address of the configured peer.
pub(crate) const PEER: &str = "127.0.0.13:5060";

struct Text(String);

impl Environment for Text {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }
    fn file(&self, _: &Path) -> std::io::Result<String> {
        Ok(self.0.clone())
    }
}

/// Settings from text.
pub(crate) fn settings(text: &str) -> Config {
    let told = |findings: Vec<stox::codec::yaml::Finding>| {
        findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
    };
    let (config, _) = config::load(Path::new("stox.yaml"), &Text(text.to_owned()))
        .unwrap_or_else(|findings| panic!("{}", told(findings)));
    config
}

/// The gateway and all that it did.
pub(crate) struct World {
    pub(crate) gateway: Gateway,
    pub(crate) now: Now,
    context: Arc<StreamContext>,
    /// What was sent by SIP and not looked at yet.
    pub(crate) sip: Vec<(Hop, Bytes)>,
    /// What was written to component streams and not looked at yet.
    pub(crate) xmpp: Vec<(LinkId, Bytes)>,
    /// What was told to the operator.
    pub(crate) events: Vec<Event>,
    /// What the store held at the start.
    pub(crate) known: Vec<Record>,
    /// What was put on disk.
    pub(crate) records: Vec<Record>,
    /// Links that were asked to be opened anew.
    pub(crate) reopened: Vec<LinkId>,
    /// What was journalled.
    pub(crate) journal: Vec<Entry>,
    /// All that the DNS was asked.
    pub(crate) asked: Vec<Query>,
    /// What the DNS was asked and did not answer yet.
    pub(crate) queries: Vec<Query>,
    /// Barriers that were not answered yet.
    barriers: Vec<(LinkId, xmpp::Iq)>,
    committed: Option<CommitId>,
    slow_disk: bool,
    writing: Vec<(CommitId, Vec<Record>, Vec<Effect>)>,
    /// Whether every domain has the same name on both sides.
    native: bool,
}

impl World {
    /// A world whose link is up.
    pub(crate) fn new() -> Self {
        let mut world = World::with(SETTINGS);
        world.up();
        world
    }

    /// A world whose link is up, in which the user agents of romeo and nurse are known to read `message/cpim`.
    pub(crate) fn with_reader() -> Self {
        World::with_reader_and(SETTINGS, built_in())
    }

    /// The same with other settings and rules.
    pub(crate) fn with_reader_and(settings_text: &str, rules: Rules) -> Self {
        let now = Now { instant: Instant(1_000_000), unix_ms: 1_700_000_000_000 };
        let value = "[{\"name\":\"Reader/1.0\",\"cpim\":true,\"hour\":472222}]".to_owned();
        let known = |user: &str| {
            let value = Some(value.clone());
            Record::Target { address: format!("{user}@sip.test"), value }
        };
        let stored = Stored { records: vec![known("nurse"), known("romeo")], lost: false };
        let mut world = World::begun(settings_text, rules, 7, now, &stored);
        world.up();
        world
    }

    /// A world whose link is up, under rules by which a device of an XMPP user is a `gr`.
    pub(crate) fn with_devices() -> Self {
        let mut rules = built_in();
        rules.addresses.resource_to_sip = Resource::Gr;
        let mut world = World::ruled(SETTINGS, rules, 7);
        world.up();
        world
    }

    /// A world of other settings, its links still down.
    pub(crate) fn with(settings_text: &str) -> Self {
        World::seeded(settings_text, 7)
    }

    pub(crate) fn seeded(settings_text: &str, seed: u8) -> Self {
        let rules = built_in();
        World::ruled(settings_text, rules, seed)
    }

    pub(crate) fn ruled(settings_text: &str, rules: Rules, seed: u8) -> Self {
        let now = Now { instant: Instant(1_000_000), unix_ms: 1_700_000_000_000 };
        World::begun(settings_text, rules, seed, now, &Stored::default())
    }

    /// A world that begins at a time, with what an earlier one left.
    pub(crate) fn begun(
        settings_text: &str,
        rules: Rules,
        seed: u8,
        now: Now,
        stored: &Stored,
    ) -> Self {
        let source = IdSource { seed: [seed; 32], key: [1; 16] };
        let mut effects = Vec::new();
        let config = Arc::new(settings(settings_text));
        let native = config.domains.pairs().iter().all(|pair| pair.xmpp == pair.sip);
        let rules = Arc::new(rules);
        let gateway = Gateway::new(config, rules, &source, stored, false, now, &mut effects);
        let context = Arc::new(StreamContext::component(Limits::default()));
        let mut world = World {
            gateway,
            now,
            context,
            sip: Vec::new(),
            xmpp: Vec::new(),
            events: Vec::new(),
            known: stored.records.clone(),
            records: Vec::new(),
            reopened: Vec::new(),
            asked: Vec::new(),
            queries: Vec::new(),
            journal: Vec::new(),
            barriers: Vec::new(),
            committed: None,
            slow_disk: false,
            writing: Vec::new(),
            native,
        };
        world.take(effects);
        world
    }

    /// A world with a rule file of its own, its link up.
    pub(crate) fn with_rules(file: &str, text: &str) -> Self {
        World::with_rules_and(SETTINGS, file, text)
    }

    /// The same with other settings.
    pub(crate) fn with_rules_and(settings_text: &str, file: &str, text: &str) -> Self {
        let mut world = World::ruled(settings_text, World::rules_of(file, text), 7);
        world.up();
        world
    }

    /// The built-in rules with a file of its own over them.
    pub(crate) fn rules_of(file: &str, text: &str) -> Rules {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let name = format!("stox-rules-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).expect("a directory");
        std::fs::write(directory.join(file), text).expect("a file");
        let loaded = Rules::load(Some(&directory));
        std::fs::remove_dir_all(&directory).expect("the directory can go");
        loaded.expect("the rules are right").0
    }

    pub(crate) fn feed(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.gateway.handle(self.now, input, &mut effects);
        self.take(effects);
        if let Some(id) = self.committed.take() {
            self.feed(Input::Committed(id));
        }
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Sip { hop, octets } => {
                    says_why(&octets);
                    self.sip.push((hop, octets));
                }
                Effect::Xmpp { link, octets } => self.wrote(link, octets),
                Effect::Reopen { link, .. } => self.reopened.push(link),
                Effect::Commit { id, records, then } if self.slow_disk => {
                    self.writing.push((id, records, then));
                }
                Effect::Commit { id, records, then } => {
                    self.committed = Some(id);
                    self.records.extend(records);
                    self.take(then);
                }
                Effect::Journal(entry) => self.journal.push(entry),
                Effect::Resolve { query } => {
                    self.asked.push(query.clone());
                    self.queries.push(query);
                }
                Effect::Event(event) => self.events.push(event),
            }
        }
    }

    /// From now on nothing is on disk before [`World::written`].
    pub(crate) fn slow_disk(&mut self) {
        self.slow_disk = true;
    }

    /// The disk has caught up.
    pub(crate) fn written(&mut self) {
        self.slow_disk = false;
        for (id, records, then) in std::mem::take(&mut self.writing) {
            self.records.extend(records);
            self.take(then);
            self.feed(Input::Committed(id));
        }
    }

    /// The disk refuses what waits, and the gateway goes on without it.
    pub(crate) fn refused(&mut self) {
        self.slow_disk = false;
        for (id, _, then) in std::mem::take(&mut self.writing) {
            self.take(then);
            self.feed(Input::Committed(id));
        }
    }

    fn wrote(&mut self, link: LinkId, octets: Bytes) {
        match xmpp::parse(&self.context, octets.clone()) {
            Ok(Stanza::Iq(iq)) if iq.id.starts_with("barrier-") => {
                self.barriers.push((link, *iq));
            }
            // The answer to a sender whose address is the very thing that cannot be read.
            Err(error) if matches!(error.fault, xmpp::Fault::To(_)) => {
                self.xmpp.push((link, octets));
            }
            Ok(stanza) => {
                tells_why(&stanza, &octets);
                self.xmpp.push((link, octets));
            }
            Err(error) => panic!("a stanza that no server would read: {error}: {octets:?}"),
        }
    }

    /// Whether every domain has the same name on both sides.
    pub(crate) fn gateway_is_native(&self) -> bool {
        self.native
    }

    // Links.

    pub(crate) fn up(&mut self) {
        self.feed(Input::Link { link: LinkId(0), change: LinkChange::Up });
    }

    pub(crate) fn down(&mut self, stream_error: bool) {
        self.barriers.clear();
        let change = LinkChange::Down { reason: "test".into(), stream_error };
        self.feed(Input::Link { link: LinkId(0), change });
    }

    /// Answers the outstanding barrier, if there is one; the answer says whether there was.
    pub(crate) fn confirm(&mut self) -> bool {
        let Some((link, ping)) = self.barriers.pop() else { return false };
        assert!(self.barriers.is_empty(), "one barrier is outstanding at a time");
        let (from, to) = (ping.to.expect("barrier to"), ping.from.expect("barrier from"));
        let reply = format!("<iq type='result' id='{}' from='{from}' to='{to}'/>", ping.id);
        self.xmpp_on(link, &reply);
        true
    }

    /// Answers barriers until none is left.
    pub(crate) fn confirm_all(&mut self) {
        while self.confirm() {}
    }

    pub(crate) fn barriers(&self) -> usize {
        self.barriers.len()
    }

    // Time.

    /// Lets time pass: every deadline on the way fires at its moment.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now.instant + time;
        while let Some(due) = self.gateway.deadline().filter(|due| *due <= end) {
            self.go_to(due.max(self.now.instant));
            self.feed(Input::Timer);
        }
        self.go_to(end);
    }

    pub(crate) fn pass_ms(&mut self, milliseconds: u64) {
        self.pass(Duration::from_millis(milliseconds));
    }

    fn go_to(&mut self, instant: Instant) {
        let passed = instant - self.now.instant;
        self.now.instant = instant;
        self.now.unix_ms += u64::try_from(passed.as_millis()).expect("short");
    }

    // The XMPP side.

    /// A stanza from the server. Addresses are filled in where they are missing: from juliet's
    /// client to romeo.
    pub(crate) fn xmpp(&mut self, stanza: &str) {
        self.xmpp_on(LinkId(0), stanza);
    }

    /// A stanza as it is, whatever it lacks.
    pub(crate) fn xmpp_as_it_is(&mut self, stanza: &str) {
        let context = Arc::clone(&self.context);
        let octets = Bytes::from(stanza.to_owned());
        self.feed(Input::Xmpp { link: LinkId(0), octets, context });
    }

    fn xmpp_on(&mut self, link: LinkId, stanza: &str) {
        let mut stanza = stanza.to_owned();
        let head = stanza.find(['>', '/']).map_or(stanza.len(), |end| end);
        if !stanza[..head].contains(" from=") {
            let end = stanza.find([' ', '>', '/']).expect("an element");
            let addresses = " from='juliet@xmpp.test/balcony' to='romeo@sip.xmpp.test'";
            stanza.insert_str(end, addresses);
        }
        let context = Arc::clone(&self.context);
        self.feed(Input::Xmpp { link, octets: Bytes::from(stanza), context });
    }

    /// A chat message from juliet to romeo.
    pub(crate) fn juliet_says(&mut self, id: &str, body: &str) {
        self.xmpp(&format!("<message type='chat' id='{id}'><body>{body}</body></message>"));
    }

    /// The stanzas written since the last look.
    pub(crate) fn stanzas(&mut self) -> Vec<Stanza> {
        let read = |(_, octets)| xmpp::parse(&self.context, octets).expect("parsed before");
        std::mem::take(&mut self.xmpp).into_iter().map(read).collect()
    }

    /// The octets of the one stanza written since the last look, as text.
    pub(crate) fn octets(&mut self) -> String {
        let mut written = std::mem::take(&mut self.xmpp);
        assert_eq!(written.len(), 1, "{written:?}");
        String::from_utf8(written.remove(0).1.to_vec()).expect("a stanza is UTF-8")
    }

    /// The one message written since the last look.
    pub(crate) fn message(&mut self) -> xmpp::Message {
        let mut stanzas = self.stanzas();
        match (stanzas.pop(), stanzas.len()) {
            (Some(Stanza::Message(message)), 0) => *message,
            other => panic!("not one message: {other:?}"),
        }
    }

    /// The error of the one message written since the last look, with its id.
    pub(crate) fn error(&mut self) -> (String, xmpp::StanzaError) {
        let message = self.message();
        let error = message.error.unwrap_or_else(|| panic!("no error: {:?}", message.id));
        (message.id.map(|id| id.to_string()).unwrap_or_default(), error)
    }

    // The SIP side.

    /// Octets from an address by UDP. Lines may end in LF; Content-Length is filled in.
    pub(crate) fn sip_from(&mut self, remote: &str, text: &str) {
        let flow = Flow {
            transport: Transport::Udp,
            listener: ListenerId(0),
            remote: remote.parse().expect("an address"),
            connection: None,
        };
        self.feed(Input::Sip { flow, octets: on_the_wire(text) });
    }

    pub(crate) fn sip_by_tcp(&mut self, text: &str) {
        let flow = Flow {
            transport: Transport::Tcp,
            listener: ListenerId(1),
            remote: PEER.parse().expect("an address"),
            connection: Some(ConnectionId(1)),
        };
        self.feed(Input::Sip { flow, octets: on_the_wire(text) });
    }

    /// A request from the peer.
    pub(crate) fn sip(&mut self, text: &str) {
        self.sip_from(PEER, text);
    }

    /// A request whose body is these octets, from the peer.
    pub(crate) fn sip_octets(&mut self, head: &str, body: &[u8]) {
        let head = format!("{}\nContent-Length: {}", head.trim_end(), body.len());
        let mut octets = on_the_wire(&head).to_vec();
        octets.extend_from_slice(body);
        let flow = Flow {
            transport: Transport::Udp,
            listener: ListenerId(0),
            remote: PEER.parse().expect("an address"),
            connection: None,
        };
        self.feed(Input::Sip { flow, octets: octets.into() });
    }

    /// A text message from romeo to juliet in a transaction of its own.
    pub(crate) fn romeo_says(&mut self, branch: &str, body: &str) {
        self.sip(&message(branch, "", body));
    }

    /// The requests sent since the last look.
    pub(crate) fn requests(&mut self) -> Vec<Request> {
        let messages = std::mem::take(&mut self.sip).into_iter();
        messages
            .map(|(_, octets)| match sip::parse(octets) {
                Ok(sip::Message::Request(request)) => request,
                other => panic!("not a request: {other:?}"),
            })
            .collect()
    }

    /// The requests sent since the last look, with where they went: `udp 192.0.2.1:5060`.
    pub(crate) fn routed(&mut self) -> Vec<(String, Request)> {
        let ways: Vec<String> =
            self.sip.iter().map(|(hop, _)| format!("{} {}", hop.transport, hop.remote)).collect();
        ways.into_iter().zip(self.requests()).collect()
    }

    /// The one request sent since the last look.
    pub(crate) fn request(&mut self) -> Request {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:#?}");
        requests.remove(0)
    }

    /// The responses sent since the last look.
    pub(crate) fn responses(&mut self) -> Vec<Response> {
        let messages = std::mem::take(&mut self.sip).into_iter();
        messages
            .map(|(_, octets)| match sip::parse(octets) {
                Ok(sip::Message::Response(response)) => response,
                other => panic!("not a response: {other:?}"),
            })
            .collect()
    }

    /// The codes of the responses sent since the last look.
    pub(crate) fn codes(&mut self) -> Vec<u16> {
        self.responses().iter().map(|response| response.status.code()).collect()
    }

    /// The one response sent since the last look.
    pub(crate) fn response(&mut self) -> Response {
        let mut responses = self.responses();
        assert_eq!(responses.len(), 1, "{responses:#?}");
        responses.remove(0)
    }

    /// The peer answers a request.
    pub(crate) fn answer(&mut self, request: &Request, code: u16) {
        self.answer_with(request, code, &[]);
    }

    /// The peer answers a request, with further header lines.
    pub(crate) fn answer_with(&mut self, request: &Request, code: u16, headers: &[&str]) {
        self.answer_from(PEER, request, code, headers);
    }

    /// Somebody answers a request.
    pub(crate) fn answer_from(
        &mut self,
        remote: &str,
        request: &Request,
        code: u16,
        headers: &[&str],
    ) {
        self.answer_as("answering", remote, request, code, headers);
    }

    /// Somebody answers a request under a tag of their own.
    pub(crate) fn answer_as(
        &mut self,
        tag: &str,
        remote: &str,
        request: &Request,
        code: u16,
        headers: &[&str],
    ) {
        let status = Status::new(code).expect("a status code");
        let mut response = request.response(status);
        response.to = response.to.with_tag(tag);
        let mut octets = response.to_bytes().to_vec();
        let end = octets.windows(4).position(|four| four == b"\r\n\r\n").expect("an end") + 2;
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        octets.splice(end..end, lines.into_bytes());
        // It comes back the way that the request went.
        let flow = match request.via[0].transport() {
            Some(sip::Transport::Tcp) => (Transport::Tcp, ListenerId(1), Some(ConnectionId(1))),
            _ => (Transport::Udp, ListenerId(0), None),
        };
        let (transport, listener, connection) = flow;
        let remote = remote.parse().expect("an address");
        let flow = Flow { transport, listener, remote, connection };
        self.feed(Input::Sip { flow, octets: octets.into() });
    }

    pub(crate) fn counter(&self, name: &str) -> u64 {
        let status = self.gateway.status(self.now);
        *status.counters.get(name).unwrap_or_else(|| panic!("no counter {name}"))
    }
}

/// The built-in rules, read once for all tests.
pub(crate) fn built_in() -> Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    RULES.get_or_init(|| Rules::load(None).expect("the built-in rules are right").0).clone()
}

/// D-111: no refusal of the gateway's own, and no stanza error, is without words.
fn says_why(octets: &Bytes) {
    if let Ok(sip::Message::Response(response)) = sip::parse(octets.clone()) {
        let (status, phrase) = (response.status, response.reason.to_text());
        // What RFC 3923 §7 has said of an object is the usual phrase of 493 (E2E-031).
        let silent = phrase.trim().is_empty() || phrase == status.reason();
        let silent = silent && status != Status::UNDECIPHERABLE;
        assert!(status.code() < 300 || !silent, "a refusal without a word: {octets:?}");
    }
}

fn tells_why(stanza: &Stanza, octets: &Bytes) {
    let error = match stanza {
        Stanza::Message(message) => message.error.as_ref(),
        Stanza::Presence(presence) => presence.error.as_ref(),
        Stanza::Iq(iq) => iq.error.as_ref(),
        _ => None,
    };
    let says = |error: &xmpp::StanzaError| {
        !error.texts.is_empty()
            && error.texts.iter().all(|it| it.lang.is_some() && !it.text.trim().is_empty())
    };
    assert!(error.is_none_or(says), "an error without a word: {octets:?}");
}

/// A MESSAGE from romeo to juliet with further header lines, each ended by LF.
pub(crate) fn message(branch: &str, headers: &str, body: &str) -> String {
    let kind = if headers.contains("Content-Type") || body.is_empty() {
        ""
    } else {
        "Content-Type: text/plain\n"
    };
    format!(
        "MESSAGE sip:juliet@xmpp.test SIP/2.0\n\
         Via: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bK{branch}\n\
         Max-Forwards: 70\n\
         From: <sip:romeo@sip.test>;tag=t{branch}\n\
         To: <sip:juliet@xmpp.test>\n\
         Call-ID: call-{branch}\n\
         CSeq: 1 MESSAGE\n\
         {kind}{headers}\n{body}"
    )
}

/// Header lines with CRLF and the right Content-Length.
fn on_the_wire(text: &str) -> Bytes {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut octets = head.trim_end().replace('\n', "\r\n").into_bytes();
    if !head.contains("Content-Length") {
        octets.extend_from_slice(format!("\r\nContent-Length: {}", body.len()).as_bytes());
    }
    octets.extend_from_slice(b"\r\n\r\n");
    octets.extend_from_slice(body.as_bytes());
    octets.into()
}
