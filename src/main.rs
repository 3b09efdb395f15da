//! The command line.

mod commands;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use commands::{say, tell};
use stox::codec::xmpp::Jid;
use stox::config::{self, Config, Side};
use stox::dry_run;
use stox::flow::{EncryptionRefusal, Status};
use stox::rules::Rules;
use stox::wire::{self, Order, RunError};

/// A gateway between XMPP and SIP/SIMPLE.
///
/// stox registers with an XMPP server as a component (XEP-0114) and peers with a SIP proxy, so
/// that the users of each can write to the users of the other. One file says how;
/// docs/configuration.md explains every key.
#[derive(Parser)]
#[command(version, after_help = EXAMPLE)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLE: &str = "A configuration that works as it stands:

  xmpp: { component: sip.example.com, server: \"127.0.0.1:5347\", secret: s3cret }
  sip:
    listen: [ \"udp:192.0.2.1:5060\" ]
    peers: [ { name: core, uri: \"sip:192.0.2.2:5060\" } ]
  domains:
    - { xmpp: sip.example.com, sip: example.net }   # SIP users, as XMPP sees them
    - { xmpp: example.com,     sip: example.com }   # XMPP users, as SIP sees them

  stox check --config stox.yaml --connect           # is it right, and do the links work?
  stox run --config stox.yaml                       # serve until SIGTERM or Ctrl-C
  stox status --config stox.yaml                    # ask the one that runs
  stox rules test --config stox.yaml                # try the mapping rules
  stox rules reload --config stox.yaml              # let the one that runs take them

What is logged is set by STOX_LOG: error, warn, info (the default), or debug, which has a line for
each message. Bodies and secrets are never logged.";

#[derive(Subcommand)]
enum Command {
    /// Serve until told to stop (SIGTERM, Ctrl-C).
    Run(Settings),
    /// Read the configuration and the rules, and tell every mistake with its place and the mend.
    Check {
        #[command(flatten)]
        settings: Settings,
        /// Try the component links and the SIP peers as well. A gateway that runs with the same
        /// configuration may lose its link by it.
        #[arg(long)]
        connect: bool,
    },
    /// Show, compare, test and reload the mapping rules.
    #[command(subcommand)]
    Rules(commands::rules::RulesCommand),
    /// Print what would be sent for one stanza or one SIP message. Nothing leaves.
    Translate(commands::translate::Translate),
    /// Print how an address crosses, in both directions, step by step.
    Explain(commands::translate::ExplainAddress),
    /// Ask a running gateway for its links, peers and counters.
    Status {
        #[command(flatten)]
        settings: Settings,
        /// Print JSON, for programs.
        #[arg(long)]
        json: bool,
        /// Print what GET /metrics has, for Prometheus and its like.
        #[arg(long, conflicts_with = "json")]
        metrics: bool,
    },
    /// Take a running gateway out of service: XMPP users see the SIP users go, SIP watchers are
    /// told to look elsewhere, and nothing new is taken on. Who may see whom is kept.
    Retire(Settings),
    /// Remove a SIP user: send `unsubscribe` to every XMPP user who let the SIP user see them.
    Remove {
        #[command(flatten)]
        settings: Settings,
        /// The SIP user's address as XMPP users know it.
        #[arg(value_name = "JID")]
        contact: String,
    },
}

#[derive(clap::Args)]
struct Settings {
    /// The configuration file.
    #[arg(long, short, value_name = "FILE", default_value = "stox.yaml")]
    config: PathBuf,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Run(settings) => run(&settings),
        Command::Check { settings, connect } => check(&settings, connect),
        Command::Rules(command) => commands::rules::run(&command),
        Command::Translate(asked) => commands::translate::run(&asked),
        Command::Explain(asked) => commands::translate::explain_address(&asked),
        Command::Status { settings, metrics: true, .. } => metrics(&settings),
        Command::Status { settings, json, .. } => status(&settings, json),
        Command::Retire(settings) => order(&settings, &Order::Retire).map(|_| ()),
        Command::Remove { settings, contact } => remove(&settings, &contact),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            if !message.is_empty() {
                eprintln!("{message}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(settings: &Settings) -> Result<(), String> {
    let level = std::env::var_os("STOX_LOG").map(|it| it.to_string_lossy().into_owned());
    let level = wire::log_level(level.as_deref())?;
    let (config, rules) = load(settings)?;
    let output = wire::LogOutput::start(level);
    match wire::run(config, rules, &output) {
        // The log has it already.
        Err(RunError::Unsaved(_)) => Err(String::new()),
        done => done.map_err(|error| format!("error: {error}")),
    }
}

fn check(settings: &Settings, connect: bool) -> Result<(), String> {
    let (config, _) = load(settings)?;
    say(&format!("{}: no mistakes", settings.config.display()));
    if !connect {
        return Ok(());
    }
    let probes = wire::probe(&config).map_err(|error| format!("error: {error}"))?;
    let mut failed = 0;
    for probe in probes {
        match &probe.error {
            None => say(&format!("{}: works", probe.link)),
            Some(error) => {
                failed += 1;
                say(&format!("{}: {error}", probe.link));
            }
        }
    }
    match failed {
        0 => Ok(()),
        _ => Err(format!("{failed} of the links do not work")),
    }
}

fn status(settings: &Settings, json: bool) -> Result<(), String> {
    let status = order(settings, &Order::Status)?;
    if json {
        let text = serde_json::to_string_pretty(&status).map_err(|error| error.to_string())?;
        say(&text);
        return Ok(());
    }
    let service = if status.in_service { "in service" } else { "OUT OF SERVICE" };
    say(&format!("stox {}, up {} s, {service}", status.version, status.uptime_s));
    let rules = &status.rules;
    say(&format!("rules     {:<28} loaded at {} (unix time)", rules.digest, rules.loaded_unix_s));
    for alarm in &status.alarms {
        say(&format!("ALARM     {alarm}"));
    }
    for link in &status.links {
        let why = link.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        say(&format!("component {:<28} {}{why}", link.component, link.state));
    }
    for peer in &status.peers {
        say(&format!("SIP peer  {:<28} {} ({})", peer.name, peer.state, peer.uri));
    }
    for (name, value) in status.gauges.iter().chain(&status.counters) {
        say(&format!("{name:<38} {value}"));
    }
    say_encryption(&status);
    Ok(())
}

fn remove(settings: &Settings, contact: &str) -> Result<(), String> {
    let parsed = Jid::parse(contact).map_err(|error| format!("{contact}: {error}"))?;
    let (config, _) = config::load(&settings.config, &config::Process).map_err(tell)?;
    let pair = config.domains.of_jid(parsed.domain());
    let wrong = match pair.map(|pair| &pair.side) {
        None => Some("this gateway does not serve that domain"),
        Some(Side::Xmpp) => Some("that is an XMPP user: name the SIP user, as XMPP users see it"),
        Some(Side::Sip { .. }) if parsed.node().is_none() => Some("name a user, not a domain"),
        Some(Side::Sip { .. }) if parsed.resource().is_some() => {
            Some("name the user without a device")
        }
        Some(Side::Sip { .. }) => None,
    };
    if let Some(wrong) = wrong {
        return Err(format!("{contact}: {wrong}"));
    }
    let removed = asked(settings, |socket| wire::ask_remove(socket, &parsed))?;
    match removed.users {
        0 => Err(format!(
            "{contact}: no XMPP user watches that user or is watched: nothing to remove"
        )),
        users => {
            say(&format!("removed; XMPP users who watched or were watched: {users}"));
            Ok(())
        }
    }
}

fn metrics(settings: &Settings) -> Result<(), String> {
    let text = asked(settings, wire::ask_metrics)?;
    say(text.trim_end());
    Ok(())
}

/// Tells the gateway that runs something.
fn order(settings: &Settings, order: &Order) -> Result<Status, String> {
    asked(settings, |socket| wire::ask(socket, order))
}

fn asked<T>(
    settings: &Settings,
    ask: impl FnOnce(&Path) -> std::io::Result<T>,
) -> Result<T, String> {
    // The rules on disk may be broken while the gateway serves by those that it has.
    let (config, _) = config::load(&settings.config, &config::Process).map_err(tell)?;
    let socket = &config.admin_socket;
    ask(socket).map_err(|error| format!("no gateway answers at {}: {error}", socket.display()))
}

/// End-to-end encryption that was met, and the last messages refused for it.
fn say_encryption(status: &Status) {
    for met in &status.encryption {
        say(&format!("{:<20} {} {:<18} {}", met.scheme, met.direction, met.decision, met.count));
    }
    for refused in &status.encryption_refused {
        let EncryptionRefusal { unix, scheme, direction, from, to, id, place } = refused;
        say(&format!("refused at {unix}: {scheme} {direction} {from} -> {to}, id {id}: {place}"));
    }
}

/// Reads configuration and rules and runs the tests of the rules; warnings are told, mistakes and
/// tests that fail end it.
fn load(settings: &Settings) -> Result<(Arc<Config>, Arc<Rules>), String> {
    let (config, warnings) = config::load(&settings.config, &config::Process).map_err(tell)?;
    let (rules, more) = Rules::load(config.rules.as_deref()).map_err(tell)?;
    for warning in warnings.iter().chain(&more) {
        eprintln!("{warning}\n");
    }
    let (config, rules) = (Arc::new(config), Arc::new(rules));
    let failures = dry_run::run_tests(&rules, Some(&config));
    if failures.is_empty() {
        return Ok((config, rules));
    }
    let told: Vec<String> = failures.iter().map(ToString::to_string).collect();
    let tests = if told.len() == 1 { "test" } else { "tests" };
    Err(format!("{}\n{} {tests} of the rules failed", told.join("\n"), told.len()))
}
