//! What public reports say goes wrong between XMPP and SIP, each input with its right value: the
//! tables `*.yaml` of `conformance/vectors/field` say what the other side must see under the
//! built-in rules. The README there names the reports.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use serde::Deserialize;
use stox::codec::sip::{self, Message};
use stox::config::Transport;
use stox::flow::{Flow, Input, ListenerId};

use crate::presence_fixture::{SETTINGS, SipPresentity, SipWatcher, stanza, tuple};
use crate::world::{PEER, World};

/// The tables of `conformance/vectors/field`.
pub(crate) const TABLES: [&str; 4] =
    ["to-xmpp.yaml", "to-sip.yaml", "presence-to-xmpp.yaml", "presence-to-sip.yaml"];

/// One input and what must come of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Check {
    /// The number of the case, as the README has it.
    pub(crate) case: String,
    /// Why this is right, where it is no matter of course.
    #[serde(default)]
    #[expect(dead_code, reason = "for who reads the table")]
    because: String,
    /// The file: a request, or stanzas with one to a line.
    pub(crate) input: String,
    /// What was there before.
    #[serde(default)]
    scene: Scene,
    /// An `addresses.yaml` over the built-in rules.
    #[serde(default)]
    addresses: Option<String>,
    /// Header lines instead of those of their name; without a value the line is left out.
    #[serde(default)]
    header: Vec<String>,
    /// Another body.
    #[serde(default)]
    body: Option<String>,
    /// What the SIP side answers to each request: a status and header lines.
    #[serde(default)]
    peer: Vec<String>,
    /// What the XMPP server writes back before it confirms the stanza, whose id stands for `{id}`.
    #[serde(default)]
    bounce: Option<String>,
    /// How often the input comes.
    #[serde(default = "once")]
    times: usize,
    /// How long it is waited for what follows. What is paced leaves within 5 s (RFC 3856 §6.10).
    #[serde(default = "paced")]
    seconds: u64,
    /// The responses: status, phrase, and all headers that have a meaning of their own.
    #[serde(default)]
    answers: Vec<String>,
    /// The requests: method and URI, all headers that have a meaning of their own, body.
    #[serde(default)]
    sent: Vec<String>,
    /// The stanzas; without their ids, but for errors.
    #[serde(default)]
    told: Vec<String>,
    #[serde(default)]
    counts: BTreeMap<String, u64>,
}

fn once() -> usize {
    1
}

fn paced() -> u64 {
    5
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Scene {
    /// Nobody is known to anybody.
    #[default]
    Strangers,
    /// Romeo watches juliet, of whom nothing is known.
    Watched,
    /// Juliet watches romeo, who shows nothing.
    Watching,
    /// Juliet watches romeo, and sees him available on the device `a`.
    Seeing,
}

/// What each side has got.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    answers: Vec<String>,
    sent: Vec<String>,
    told: Vec<String>,
}

enum Stage {
    World(Box<World>),
    Romeo(Box<SipPresentity>),
}

impl Stage {
    fn of(check: &Check) -> Stage {
        match check.scene {
            Scene::Strangers => Stage::World(Box::new(match &check.addresses {
                Some(rules) => World::with_rules_and(SETTINGS, "addresses.yaml", rules),
                None => verona(),
            })),
            Scene::Watched => Stage::World(Box::new(SipWatcher::granted_in(verona()).0)),
            Scene::Watching => Stage::Romeo(Box::new(SipPresentity::watched_in(verona()))),
            Scene::Seeing => {
                let mut romeo = SipPresentity::watched_in(verona());
                assert_eq!(romeo.shows(&tuple("a", "open", "")), [stanza("a", "")]);
                Stage::Romeo(Box::new(romeo))
            }
        }
    }

    fn world(&mut self) -> &mut World {
        match self {
            Stage::World(world) => world,
            Stage::Romeo(romeo) => &mut romeo.world,
        }
    }
}

/// [`World::verona`] with rules that are read once.
fn verona() -> World {
    let mut world = World::ruled(SETTINGS, crate::world::built_in(), 7);
    world.up();
    world
}

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/conformance/vectors/field"))
}

/// The checks of a table.
pub(crate) fn table(name: &str) -> Vec<Check> {
    let text = std::fs::read_to_string(folder().join(name)).expect("a table");
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn play(check: &Check) -> (Outcome, BTreeMap<String, u64>) {
    let mut stage = Stage::of(check);
    let mut outcome = Outcome::default();
    let input = std::fs::read(folder().join(&check.input)).expect("an input");
    for number in 0..check.times {
        if input.starts_with(b"<") {
            for stanza in stanzas(&input) {
                stage.world().xmpp(&stanza);
                settle(stage.world(), check, &mut outcome);
            }
        } else {
            request(&mut stage, check, &input, number);
        }
        settle(stage.world(), check, &mut outcome);
    }
    // Each is answered before it would be sent again (T1).
    for _ in 0..check.seconds * 4 {
        stage.world().pass_ms(250);
        settle(stage.world(), check, &mut outcome);
    }
    let world = stage.world();
    let counts = check.counts.keys().map(|name| (name.clone(), world.counter(name))).collect();
    (outcome, counts)
}

/// The stanzas of a file: each begins a line.
fn stanzas(input: &[u8]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for line in String::from_utf8(input.to_vec()).expect("UTF-8").trim().split('\n') {
        let begins = ["<message", "<presence", "<iq", "<c:message"];
        match all.last_mut() {
            Some(last) if !begins.iter().any(|name| line.starts_with(name)) => {
                last.push('\n');
                last.push_str(line);
            }
            _ => all.push(line.to_owned()),
        }
    }
    all
}

/// Sends a request of the SIP side: a `.raw` one as it is, another one with what it lacks.
fn request(stage: &mut Stage, check: &Check, input: &[u8], number: usize) {
    let raw = check.input.ends_with(".raw");
    if raw && check.header.is_empty() {
        return arrives(stage.world(), Bytes::copy_from_slice(input));
    }
    let (mut head, body) = cut(input);
    for line in &check.header {
        overwrite(&mut head, line);
    }
    let body = check.body.as_ref().map_or(body, |body| body.clone().into_bytes());
    if raw {
        let octets = [head.join("\r\n").as_bytes(), b"\r\n\r\n", &body].concat();
        return arrives(stage.world(), octets.into());
    }
    let body = String::from_utf8(body).expect("UTF-8").trim_end_matches('\n').replace('\n', "\r\n");
    match stage {
        Stage::World(world) => {
            complete(&mut head, number);
            world.sip_octets(&head.join("\n"), body.as_bytes());
        }
        Stage::Romeo(romeo) => {
            let own = head.iter().skip(1).filter(|line| !["From", "To"].contains(&name(line)));
            let headers: String = own.map(|line| format!("{line}\n")).collect();
            romeo.cseq += 1;
            let text = romeo.notify(&headers, "");
            romeo.world.sip_octets(text.trim_end(), body.as_bytes());
        }
    }
}

/// Octets from the peer, as they are.
pub(crate) fn arrives(world: &mut World, octets: Bytes) {
    let flow = Flow {
        transport: Transport::Udp,
        listener: ListenerId(0),
        remote: PEER.parse().expect("an address"),
        connection: None,
    };
    world.feed(Input::Sip { flow, octets });
}

/// The lines of the head, and the body.
fn cut(input: &[u8]) -> (Vec<String>, Vec<u8>) {
    let end = |between: &[u8]| input.windows(between.len()).position(|it| it == between);
    let (end, length) = match end(b"\r\n\r\n") {
        Some(end) => (end, 4),
        None => (end(b"\n\n").expect("an empty line"), 2),
    };
    let head = String::from_utf8(input[..end].to_vec()).expect("UTF-8");
    (head.lines().map(str::to_owned).collect(), input[end + length..].to_vec())
}

fn name(line: &str) -> &str {
    line.split(':').next().unwrap_or_default()
}

fn overwrite(head: &mut Vec<String>, line: &str) {
    let at = head.iter().position(|it| name(it) == name(line)).unwrap_or(head.len());
    head.retain(|it| name(it) != name(line));
    if !line.ends_with(':') {
        head.insert(at, line.to_owned());
    }
}

/// Adds what every request has.
fn complete(head: &mut Vec<String>, number: usize) {
    let method = head[0].split(' ').next().unwrap_or_default().to_owned();
    for line in [
        format!("Via: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bKfield{number}"),
        "Max-Forwards: 70".to_owned(),
        format!("Call-ID: field{number}"),
        format!("CSeq: 1 {method}"),
    ] {
        if !head.iter().any(|it| name(it) == name(&line)) {
            head.insert(1, line);
        }
    }
    for line in head.iter_mut().filter(|line| name(line) == "From" && !line.contains("tag=")) {
        line.push_str(";tag=field");
    }
}

/// Both sides answer, until nothing is sent any more.
fn settle(world: &mut World, check: &Check, outcome: &mut Outcome) {
    loop {
        if let (Some(bounce), Some((_, octets))) = (&check.bounce, world.xmpp.first()) {
            let text = String::from_utf8(octets.to_vec()).expect("UTF-8");
            let (_, rest) = text.split_once(" id='").expect("an id");
            let id = rest.split('\'').next().unwrap_or_default();
            outcome.told.push(without_id(&text));
            world.xmpp.clear();
            world.xmpp(&bounce.replace("{id}", id));
        }
        outcome.told.extend(world.stanzas_sent().iter().map(|text| without_id(text)));
        let sent = std::mem::take(&mut world.sip);
        if sent.is_empty() {
            return;
        }
        for (_, octets) in sent {
            // A response repeats what it answers, even what cannot be read.
            if octets.starts_with(b"SIP/2.0 ") {
                outcome.answers.push(rendered(&octets));
                continue;
            }
            let Ok(Message::Request(request)) = sip::parse(octets.clone()) else {
                panic!("no SIP: {octets:?}")
            };
            outcome.sent.push(rendered(&octets));
            let code = check.peer.first().map_or(200, |code| code.parse().expect("a code"));
            let headers: Vec<_> = check.peer.iter().skip(1).map(String::as_str).collect();
            world.answer_with(&request, code, &headers);
        }
    }
}

/// The id of what is no error is made of the transaction, and says nothing to anybody.
fn without_id(stanza: &str) -> String {
    let head = stanza.find('>').unwrap_or(stanza.len());
    let Some(at) = stanza[..head].find(" id='") else { return stanza.to_owned() };
    if stanza[..head].contains("type='error'") {
        return stanza.to_owned();
    }
    let end = at + 5 + stanza[at + 5..].find('\'').expect("an end") + 1;
    [&stanza[..at], &stanza[end..]].concat()
}

/// Headers that only the transaction and the dialog need.
const HIDDEN: [&str; 7] =
    ["Via", "Max-Forwards", "Call-ID", "CSeq", "Contact", "Content-Length", "User-Agent"];

/// A SIP message in short, without tags.
fn rendered(octets: &[u8]) -> String {
    let text = String::from_utf8(octets.to_vec()).expect("UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").expect("an empty line");
    let mut lines = head.split("\r\n");
    let start = lines.next().unwrap_or_default();
    let status = start.strip_prefix("SIP/2.0 ");
    let hidden = |line: &&str| {
        let name = name(line);
        HIDDEN.contains(&name) || (status.is_some() && ["From", "To"].contains(&name))
    };
    let mut short = vec![status.unwrap_or_else(|| start.trim_end_matches(" SIP/2.0")).to_owned()];
    short.extend(lines.filter(|line| !hidden(line)).map(|line| match line.split_once(";tag=") {
        Some((before, _)) => before.to_owned(),
        None => line.to_owned(),
    }));
    if !body.is_empty() {
        short.extend([String::new(), body.to_owned()]);
    }
    short.join("\n")
}

fn faults(name: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (index, check) in table(name).iter().enumerate() {
        let (outcome, counts) = play(check);
        let right = Outcome {
            answers: check.answers.clone(),
            sent: check.sent.clone(),
            told: check.told.clone(),
        };
        let Check { case, input, .. } = check;
        if outcome != right || counts != check.counts {
            faults.push(format!(
                "{name} #{index}, case {case}, {input}: {outcome:#?} {counts:?}\n  instead of {right:#?} {:?}",
                check.counts
            ));
        }
    }
    faults
}

macro_rules! tables {
    ($($test:ident: $table:literal,)*) => {
        $(#[test]
        fn $test() {
            let faults = faults($table);
            assert!(faults.is_empty(), "{} faults\n\n{}", faults.len(), faults.join("\n\n"));
        })*
    };
}

tables! {
    field_messages_of_sip_users_are_what_juliet_must_see: "to-xmpp.yaml",
    field_messages_of_xmpp_users_are_what_romeo_must_see: "to-sip.yaml",
    field_presence_of_sip_users_is_what_juliet_must_see: "presence-to-xmpp.yaml",
    field_presence_of_xmpp_users_is_what_romeo_must_see: "presence-to-sip.yaml",
}
