//! What the command line does with rules: show, compare, test, explain, translate.

pub(crate) mod rules;
pub(crate) mod translate;

use std::path::PathBuf;
use std::sync::Arc;

use stox::codec::yaml::{Finding, Severity};
use stox::config::{self, Config};
use stox::rules::Rules;

/// Prints to standard output; a reader that went away is no reason to fail.
pub(crate) fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// All findings with their number, as an error.
pub(crate) fn tell(findings: Vec<Finding>) -> String {
    let wrong = |finding: &&Finding| finding.severity == Severity::Error;
    let count = findings.iter().filter(wrong).count();
    let mut text: Vec<String> = findings.iter().map(ToString::to_string).collect();
    text.push(format!("{count} mistake{}", if count == 1 { "" } else { "s" }));
    text.join("\n\n")
}

/// Which rules a command is about.
#[derive(clap::Args)]
pub(crate) struct Which {
    /// A directory of rules over the built-in ones.
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// A profile over the built-in rules; may stand several times.
    #[arg(long, value_name = "NAME")]
    profile: Vec<String>,
    /// A configuration: its rules, domains and peers count.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Which {
    /// The configuration, if one is named.
    fn config(&self) -> Result<Option<Arc<Config>>, String> {
        let Some(path) = &self.config else { return Ok(None) };
        let (config, _) = config::load(path, &config::Process).map_err(tell)?;
        Ok(Some(Arc::new(config)))
    }

    /// The directory: the one that is named, else the configuration's.
    fn directory(&self, config: Option<&Arc<Config>>) -> Option<PathBuf> {
        self.rules.clone().or_else(|| config.and_then(|config| config.rules.clone()))
    }

    /// The rules, their warnings told.
    fn load(&self) -> Result<(Arc<Rules>, Option<Arc<Config>>), String> {
        let config = self.config()?;
        let directory = self.directory(config.as_ref());
        let loaded = Rules::load_with(&self.profile, directory.as_deref());
        let (rules, warnings) = loaded.map_err(tell)?;
        for warning in warnings {
            eprintln!("{warning}\n");
        }
        Ok((Arc::new(rules), config))
    }
}
