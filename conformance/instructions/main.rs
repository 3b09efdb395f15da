//! One piece of the way of a message, so many times: what `run` beside this file counts.
//!
//!     cargo bench --bench instructions -- PIECE COUNT

#![allow(clippy::panic, clippy::print_stdout, reason = "a program for developers")]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use stox::codec::sip;
use stox::codec::xml::Limits;
use stox::codec::xmpp::{self, StreamContext};
use stox::config::{self, Config, Environment, Transport};
use stox::flow::{
    Effect, Flow, IdSource, Input, Instant, LinkChange, LinkId, ListenerId, Now, Record, Stored,
};
use stox::gateway::Gateway;
use stox::rules::Rules;
use stox::state::targets;

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

fn settings() -> Config {
    match config::load(Path::new("stox.yaml"), &Text) {
        Ok((config, _)) => config,
        Err(findings) => panic!("{findings:?}"),
    }
}

/// A MESSAGE as a proxy sends it on.
fn message(number: usize) -> Bytes {
    Bytes::from(format!(
        "MESSAGE sip:juliet@xmpp.test SIP/2.0\r\n\
         Via: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bK{number:016x}\r\n\
         Via: SIP/2.0/UDP 127.0.0.31:5060;received=127.0.0.31;rport=5060;branch=z9hG4bKua{number}\r\n\
         Max-Forwards: 69\r\nFrom: <sip:romeo{user}@sip.test>;tag=t{number}\r\n\
         To: <sip:juliet@xmpp.test>\r\nCall-ID: call-{number}@127.0.0.31\r\nCSeq: 1 MESSAGE\r\n\
         Content-Type: text/plain\r\nContent-Length: 29\r\n\r\nShall I hear more, or speak? ",
        user = number % 200,
    ))
}

/// A MESSAGE of a user who never wrote before, whose agent names itself.
fn first_message(number: usize) -> Bytes {
    let text = String::from_utf8_lossy(&message(number)).into_owned();
    let text = text.replace("sip:romeo", &format!("sip:new{number}romeo"));
    Bytes::from(text.replace("Content-Type:", "User-Agent: Reader/1.0\r\nContent-Type:"))
}

/// The same the other way, as a server writes it.
fn stanza(number: usize) -> Bytes {
    Bytes::from(format!(
        "<message type='chat' id='m{number}' to='romeo{user}@sip.xmpp.test' \
         from='juliet@xmpp.test/balcony' xml:lang='en'><body>Shall I hear more, or speak? </body>\
         <active xmlns='http://jabber.org/protocol/chatstates'/></message>",
        user = number % 200,
    ))
}

/// The built-in rules, or so many more: with exact values, with regular expressions.
fn rules_of(piece: &str) -> Rules {
    let rule = |n: usize, asked: &str| {
        format!(
            "  - {{ name: r{n}, when: {{ to: \"{asked}\" }}, to_sip: {{ date_time: true }} }}\n"
        )
    };
    // The first one holds for one message of 200; the others only lengthen the list.
    let user = |n: usize| if n == 0 { 0 } else { n + 1_000 };
    let exact = |n: usize| rule(n, &format!("romeo{}@sip.xmpp.test", user(n)));
    let pattern = |n: usize| rule(n, &format!("/r[a-z]+eo{}@.*[.]test/", user(n)));
    let all: String = match piece {
        "one-rule" => exact(0),
        "thousand-rules" => (0..1_000).map(exact).collect(),
        "one-pattern" => pattern(0),
        "hundred-patterns" => (0..100).map(pattern).collect(),
        _ => String::new(),
    };
    let directory = std::env::temp_dir().join(format!("stox-instructions-{}", std::process::id()));
    let text = format!("rules:\n{all}");
    let made = std::fs::create_dir_all(&directory)
        .and_then(|()| std::fs::write(directory.join("messages.yaml"), text));
    let loaded = Rules::load((!all.is_empty() && made.is_ok()).then_some(directory.as_path()));
    let _ = std::fs::remove_dir_all(&directory);
    let Ok((rules, _)) = loaded else { panic!("the rules are right") };
    rules
}

/// What is known of targets: that those of `stanza` read objects, or so much of others that the
/// memory is full.
fn known(piece: &str) -> Vec<Record> {
    let record = |user: String| Record::Target {
        address: format!("{user}@sip.test"),
        value: Some("[{\"cpim\":true,\"hour\":472222}]".to_owned()),
    };
    match piece {
        "xmpp-to-sip-object" => (0..200).map(|user| record(format!("romeo{user}"))).collect(),
        "full-memory" | "first-message-full" => {
            (0..targets::ADDRESSES).map(|user| record(format!("u{user}"))).collect()
        }
        _ => Vec::new(),
    }
}

/// The core, its link up, with the least of an outside: barriers and requests are answered.
struct Core {
    gateway: Gateway,
    now: Now,
    context: Arc<StreamContext>,
    effects: Vec<Effect>,
}

impl Core {
    fn new(piece: &str) -> Self {
        let rules = rules_of(piece);
        let source = IdSource { seed: [7; 32], key: [1; 16] };
        let now = Now { instant: Instant(1_000_000), unix_ms: 1_700_000_000_000 };
        let mut effects = Vec::new();
        let (config, rules) = (Arc::new(settings()), Arc::new(rules));
        let stored = Stored { records: known(piece), lost: false };
        let gateway = Gateway::new(config, rules, &source, &stored, false, now, &mut effects);
        let context = Arc::new(StreamContext::component(Limits::default()));
        let mut core = Core { gateway, now, context, effects };
        core.feed(Input::Link { link: LinkId(0), change: LinkChange::Up });
        core
    }

    fn feed(&mut self, input: Input) {
        self.now.instant.0 += 10;
        self.effects.clear();
        self.gateway.handle(self.now, input, &mut self.effects);
    }

    fn sip(&mut self, octets: Bytes) {
        let flow = Flow {
            transport: Transport::Udp,
            listener: ListenerId(0),
            remote: ([127, 0, 0, 13], 5_060).into(),
            connection: None,
        };
        self.feed(Input::Sip { flow, octets });
    }

    fn xmpp(&mut self, octets: Bytes) {
        let context = Arc::clone(&self.context);
        self.feed(Input::Xmpp { link: LinkId(0), octets, context });
    }

    /// One MESSAGE to its 200, with a barrier of its own.
    fn carry_to_xmpp(&mut self, message: Bytes) {
        self.sip(message);
        let barrier = self.effects.iter().find_map(|effect| match effect {
            Effect::Xmpp { octets, .. } => {
                let text = std::str::from_utf8(octets).ok()?;
                Some(text.split_once("id='barrier-")?.1.split('\'').next()?.to_owned())
            }
            _ => None,
        });
        let Some(barrier) = barrier else { panic!("no barrier") };
        self.xmpp(Bytes::from(format!(
            "<iq type='result' id='barrier-{barrier}' from='xmpp.test' to='sip.xmpp.test'/>"
        )));
        let answered = |effect: &Effect| matches!(effect, Effect::Sip { .. });
        assert!(self.effects.iter().any(answered), "no final response");
    }

    /// One stanza to the 200 of its MESSAGE.
    fn carry_to_sip(&mut self, number: usize) {
        self.xmpp(stanza(number));
        let request = self.effects.iter().find_map(|effect| match effect {
            Effect::Sip { octets, .. } => Some(octets.clone()),
            _ => None,
        });
        let Some(Ok(sip::Message::Request(request))) = request.map(sip::parse) else {
            panic!("no request")
        };
        self.sip(request.response(sip::Status::OK).to_bytes());
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [piece, count] = words.as_slice() else {
        return println!(
            "instructions: name a piece and a count; conformance/instructions/run does"
        );
    };
    let Ok(count) = count.parse::<usize>() else { panic!("{count} is no number") };
    let context = StreamContext::component(Limits::default());
    let mut core = Core::new(piece);
    for number in 0..count {
        match piece.as_str() {
            "sip-parse" => drop(black_box(sip::parse(message(number)))),
            "xmpp-parse" => drop(black_box(xmpp::parse(&context, stanza(number)))),
            "sip-to-xmpp" => core.carry_to_xmpp(message(number)),
            "first-message" | "first-message-full" => core.carry_to_xmpp(first_message(number)),
            "xmpp-to-sip" | "xmpp-to-sip-object" | "full-memory" | "one-rule"
            | "thousand-rules" | "one-pattern" | "hundred-patterns" => {
                core.carry_to_sip(number);
            }
            other => panic!("no piece is called {other}"),
        }
    }
}
