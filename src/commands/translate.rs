//! `stox translate` and `stox explain`: what would be sent, and why.

use std::io::Read;
use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::{Value, json};
use stox::codec::xmpp::Jid;
use stox::config::{Config, Side};
use stox::dry_run::{self, Case, Explanation, Outcome, Step};
use stox::flow::{Instant, Now, TargetStatus};
use stox::rules::{Given, TraceEntry};
use stox::wire;

use super::{Which, say};

/// Which side a message comes from.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum From {
    /// A stanza.
    Xmpp,
    /// A SIP message.
    Sip,
}

#[derive(clap::Args)]
pub(crate) struct Translate {
    /// A file with one stanza or one SIP message; `-` is standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
    /// What it is; without, it is a stanza if it begins with `<`.
    #[arg(long)]
    from: Option<From>,
    /// What the other side answers: a status from SIP, the condition of an error from XMPP.
    #[arg(long)]
    answer: Option<String>,
    /// The peer that it comes from, or goes to.
    #[arg(long)]
    peer: Option<String>,
    /// Each rule that is looked at, the one that matches and what it changes.
    #[arg(long)]
    explain: bool,
    /// JSON, for programs.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

#[derive(clap::Args)]
pub(crate) struct ExplainAddress {
    /// A JID or a SIP URI.
    address: String,
    /// JSON, for programs.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

pub(crate) fn run(asked: &Translate) -> Result<(), String> {
    let (rules, config) = asked.which.load()?;
    let text = read(&asked.file)?;
    let is_stanza = match asked.from {
        Some(from) => matches!(from, From::Xmpp),
        None => text.trim_start().starts_with('<'),
    };
    let given = if is_stanza { Given::Stanza(text) } else { Given::Sip(text) };
    let scene = Case {
        as_configured: config.is_some(),
        rules,
        config,
        given,
        answer: asked.answer.clone(),
        peer: asked.peer.clone(),
        reads_cpim: false,
        now: now(),
    };
    let mut all = Vec::new();
    for (name, outcome, why) in forms(asked, scene)? {
        if asked.json {
            all.push(as_json(name, &outcome, why.as_ref()));
            continue;
        }
        if !name.is_empty() {
            say(&format!("=== {name}"));
        }
        let why = why.map(|why| why.to_string()).unwrap_or_default();
        say(format!("{why}{outcome}").trim_end());
    }
    if asked.json {
        let value = if all.len() == 1 { all.remove(0) } else { Value::Array(all) };
        say(&serde_json::to_string_pretty(&value).map_err(|error| error.to_string())?);
    }
    Ok(())
}

/// A form, what would be sent in it, and why.
type Form = (&'static str, Outcome, Option<Explanation>);

/// What goes to a target of which nothing is known, and what to one that is known to read
/// `message/cpim`: one nameless form where that makes no difference.
fn forms(asked: &Translate, scene: Case) -> Result<Vec<Form>, String> {
    let played = |scene: &Case| {
        let played = match asked.explain {
            true => dry_run::explain(scene).map(|(outcome, why)| (outcome, Some(why))),
            false => dry_run::run(scene).map(|outcome| (outcome, None)),
        };
        played.map_err(|error| error.to_string())
    };
    let (text, why) = played(&scene)?;
    let (object, object_why) = played(&Case { reads_cpim: true, ..scene })?;
    if text.sent == object.sent {
        return Ok(vec![("", text, why)]);
    }
    Ok(vec![(TEXT_FORM, text, why), (OBJECT_FORM, object, object_why)])
}

const TEXT_FORM: &str = "text: for everybody who is not known to read message/cpim";
const OBJECT_FORM: &str = "cpim: for who is known to read it (stox explain ADDRESS)";

pub(crate) fn explain_address(asked: &ExplainAddress) -> Result<(), String> {
    let (rules, config) = asked.which.load()?;
    let steps = dry_run::steps(&rules, config.as_deref(), &asked.address)?;
    let user = dry_run::user(&rules, config.as_deref(), &asked.address);
    let known = config.as_deref().zip(user).and_then(|(config, user)| known(config, &user));
    if asked.json {
        let steps: Vec<Value> = steps.iter().map(step_json).collect();
        let value = json!({ "steps": steps, "target": known });
        say(&serde_json::to_string_pretty(&value).map_err(|error| error.to_string())?);
        return Ok(());
    }
    say(&asked.address);
    steps.iter().for_each(|step| say(&format!("  {step}")));
    if let Some(known) = known {
        say_known(&known);
    }
    Ok(())
}

/// What the gateway that runs knows of a SIP user; none where none runs, or it is no SIP user.
fn known(config: &Config, user: &Jid) -> Option<TargetStatus> {
    let pair = config.domains.of_jid(user.domain())?;
    if pair.side == Side::Xmpp {
        return None;
    }
    wire::ask_target(&config.admin_socket, user).ok()
}

fn say_known(known: &TargetStatus) {
    let mut lately = known.agents.iter().filter(|agent| !agent.expired).peekable();
    let all_read = lately.peek().is_some() && lately.all(|agent| agent.reads_cpim);
    say(match (known.form.as_str(), all_read) {
        ("cpim", true) => {
            "as a target of messages: message/cpim, all its user agents are known to read it"
        }
        ("cpim", false) => {
            "as a target of messages: message/cpim, as a rule or `bodies` of its peer says"
        }
        (_, true) => "as a target of messages: bare text, as a rule or `bodies` of its peer says",
        (_, false) => "as a target of messages: bare text",
    });
    if known.agents.is_empty() {
        say("  no user agent of it was seen");
    }
    for agent in &known.agents {
        let name = if agent.name.is_empty() { "a nameless one" } else { &agent.name };
        let reads = if agent.reads_cpim { "reads message/cpim" } else { "is not known to read it" };
        let expired = if agent.expired { ", too long ago to count" } else { "" };
        say(&format!(
            "  {name}: {reads} ({}); heard of {} h ago{expired}",
            agent.because, agent.hours_ago
        ));
    }
}

fn read(file: &PathBuf) -> Result<String, String> {
    let mut text = String::new();
    let read = match file.as_os_str() == "-" {
        true => std::io::stdin().read_to_string(&mut text).map(|_| ()),
        false => std::fs::read_to_string(file).map(|found| text = found),
    };
    read.map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    Ok(text)
}

fn now() -> Now {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let unix_ms = since.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    Now { instant: Instant(1_000_000), unix_ms }
}

fn step_json(step: &Step) -> Value {
    json!({ "what": step.what, "result": step.result })
}

fn as_json(name: &str, outcome: &Outcome, why: Option<&Explanation>) -> Value {
    let sent: Vec<Value> =
        outcome.sent.iter().map(|(to, text)| json!({ "to": to.name(), "text": text })).collect();
    let lines: Vec<Value> =
        outcome.lines.iter().map(|line| json!({ "name": line.name, "text": line.text })).collect();
    let mut value = json!({ "sent": sent, "parts": lines, "encrypted": outcome.encrypted });
    if !name.is_empty() {
        value["profile"] = json!(name.split(':').next().unwrap_or_default());
    }
    if let Some(why) = why {
        value["explain"] = why_json(why);
    }
    value
}

fn why_json(why: &Explanation) -> Value {
    let addresses: Vec<Value> = why
        .addresses
        .iter()
        .map(|(address, steps)| {
            let steps: Vec<Value> = steps.iter().map(step_json).collect();
            json!({ "address": address, "steps": steps })
        })
        .collect();
    let looked = |looked: &TraceEntry| {
        json!({ "rule": looked.name, "place": looked.place, "failed": looked.failed,
            "matched": looked.failed.is_none(), "says": looked.says })
    };
    let tables: Vec<Value> = why
        .tables
        .iter()
        .map(|(table, rules)| {
            json!({ "table": table, "looked": rules.iter().map(looked).collect::<Vec<_>>() })
        })
        .collect();
    let changed: Vec<Value> = why
        .changed
        .iter()
        .map(|(name, before, after)| json!({ "name": name, "before": before, "after": after }))
        .collect();
    json!({ "addresses": addresses, "tables": tables, "entries": why.entries, "changed": changed })
}
