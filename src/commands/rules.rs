//! `stox rules`: show, diff, test, reload, reference, schema.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;
use stox::dry_run::run_tests;
use stox::rules::{PROFILES, Rules, TABLES, changes, entries, reference, schema};
use stox::{config, wire};

use super::{Which, say, tell};

#[derive(Subcommand)]
pub(crate) enum RulesCommand {
    /// Print built-in rules: a table or a profile by name, or all tables. With a directory or a
    /// profile, the entries as they count, each with its place.
    Show {
        /// A table (addresses, messages, presence, errors, encryption) or a profile.
        name: Option<String>,
        #[command(flatten)]
        which: Which,
    },
    /// Print what a directory or a profile changes of the built-in rules.
    Diff {
        #[command(flatten)]
        which: Which,
    },
    /// Run the tests that stand beside the rules, the built-in ones among them.
    Test {
        #[command(flatten)]
        which: Which,
    },
    /// Tell a running gateway to load its rules anew; it keeps the old ones if anything is wrong.
    Reload {
        /// The configuration file.
        #[arg(long, short, value_name = "FILE", default_value = "stox.yaml")]
        config: PathBuf,
    },
    /// Print the reference of all keys, as Markdown.
    Reference,
    /// Print the JSON Schema of a file, for an editor: a table, or profiles.
    Schema {
        /// The file's name without `.yaml`.
        name: String,
    },
}

pub(crate) fn run(command: &RulesCommand) -> Result<(), String> {
    match command {
        RulesCommand::Show { name, which } => show(name.as_deref(), which),
        RulesCommand::Diff { which } => diff(which),
        RulesCommand::Test { which } => test(which),
        RulesCommand::Reload { config } => reload(config),
        RulesCommand::Reference => {
            say(reference().trim_end());
            Ok(())
        }
        RulesCommand::Schema { name } => {
            let schema =
                schema(name).ok_or_else(|| format!("no rule file is called {name}.yaml"))?;
            say(&serde_json::to_string_pretty(&schema).map_err(|error| error.to_string())?);
            Ok(())
        }
    }
}

fn show(name: Option<&str>, which: &Which) -> Result<(), String> {
    let config = which.config()?;
    let directory = which.directory(config.as_ref());
    if directory.is_some() || !which.profile.is_empty() {
        which.load()?;
        for entry in entries(&which.profile, directory.as_deref()) {
            if name.is_none_or(|name| entry.path.starts_with(&format!("{name}."))) {
                say(&format!("{}: {}    # {}", entry.path, entry.text, entry.place));
            }
        }
        return Ok(());
    }
    let tables = TABLES.iter().map(|table| (table.name, table.text));
    let profiles = PROFILES.iter().map(|profile| (profile.name, profile.text));
    match name {
        Some(name) => {
            let found = tables.chain(profiles).find(|(known, _)| *known == name);
            let (_, text) = found.ok_or_else(|| format!("no table or profile is called {name}"))?;
            say(text.trim_end());
        }
        None => {
            let all: Vec<String> = tables
                .map(|(name, text)| format!("### {name}.yaml\n\n{}", text.trim_end()))
                .collect();
            say(&all.join("\n\n"));
        }
    }
    Ok(())
}

fn diff(which: &Which) -> Result<(), String> {
    let (_, config) = which.load()?;
    let directory = which.directory(config.as_ref());
    let all = changes(&which.profile, directory.as_deref());
    for change in &all {
        say(&format!("{} ({})", change.entry.path, change.entry.place));
        if let Some(before) = &change.before {
            say(&format!("  - {before}"));
        }
        say(&format!("  + {}", change.entry.text));
    }
    if all.is_empty() {
        say("nothing is changed");
    }
    Ok(())
}

fn test(which: &Which) -> Result<(), String> {
    let (rules, config) = which.load()?;
    let mut all = vec![Vec::new()];
    all.extend(PROFILES.iter().map(|profile| vec![profile.name.to_owned()]));
    let (mut failures, mut count) = (Vec::new(), 0);
    // What ships is tried as it ships, each profile by itself.
    for profiles in all {
        let alone = Arc::new(Rules::load_with(&profiles, None).map_err(tell)?.0);
        count += alone.tests.len();
        failures.extend(run_tests(&alone, None));
    }
    if which.directory(config.as_ref()).is_some() {
        count += rules.tests.len();
        failures.extend(run_tests(&rules, config.as_ref()));
    }
    for failure in &failures {
        say(&failure.to_string());
    }
    match failures.len() {
        0 => {
            say(&format!("{count} tests passed"));
            Ok(())
        }
        failed => Err(format!("{failed} of {count} tests failed")),
    }
}

fn reload(path: &Path) -> Result<(), String> {
    let (config, _) = config::load(path, &config::Process).map_err(tell)?;
    let socket = &config.admin_socket;
    let reloaded = wire::ask_reload(socket)
        .map_err(|error| format!("no gateway answers at {}: {error}", socket.display()))?;
    for line in &reloaded.told {
        eprintln!("{line}\n");
    }
    match reloaded.taken {
        true => {
            say(&format!("the new rules count: {}", reloaded.digest));
            Ok(())
        }
        false => Err(format!("the old rules still count: {}", reloaded.digest)),
    }
}
