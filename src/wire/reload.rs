//! New mapping rules while the gateway serves: read and tried beside the old ones, and swapped in
//! as one input; whatever is wrong with them, the old ones stay.

use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_local;
use tracing::{error, info, warn};

use super::runner::Runner;
use crate::config::Config;
use crate::dry_run;
use crate::flow::Input;

/// What became of a reload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// Whether the new rules count now.
    pub taken: bool,
    /// The digest of the rules that count.
    pub digest: String,
    /// What is to be told: warnings, or all that is wrong.
    pub told: Vec<String>,
}

/// The rules of the start count; from now on new ones are heard of.
pub(super) fn begin(runner: &Rc<Runner>, config: &Arc<Config>) {
    let digest = runner.gateway.borrow().rules_digest().to_owned();
    runner.rules_begin(&digest);
    spawn_local(keep_hearing(Rc::clone(runner), Arc::clone(config)));
    spawn_local(keep_watching(Rc::clone(runner), Arc::clone(config)));
}

/// Loads the rules anew and swaps them in, unless something is wrong with them.
pub(super) async fn reload(runner: &Rc<Runner>, config: &Arc<Config>) -> Reloaded {
    if config.rules.is_none() {
        let why = "this process was started without `rules`: name their directory in stox.yaml and restart it";
        warn!("rules: {why}");
        let digest = runner.gateway.borrow().rules_digest().to_owned();
        return Reloaded { taken: false, digest, told: vec![why.to_owned()] };
    }
    // Reading and trying take a while: the thread that serves goes on.
    let settings = Arc::clone(config);
    let loaded = tokio::task::spawn_blocking(move || {
        let loaded = dry_run::load_tested(settings.rules.as_deref(), Some(&settings));
        (loaded, changed(&settings))
    });
    let (loaded, changed) =
        loaded.await.unwrap_or_else(|_| (Err(vec!["the rules cannot be tried".to_owned()]), None));
    match loaded {
        Ok((rules, mut told)) => {
            told.extend(changed);
            let digest = rules.digest.clone();
            let tests = rules.tests.len();
            runner.feed(Input::Rules(rules));
            runner.rules_taken(&digest);
            told.iter().for_each(|line| warn!("rules: {line}"));
            info!(digest, tests, "new rules count from now on");
            Reloaded { taken: true, digest, told }
        }
        Err(told) => {
            told.iter().for_each(|line| error!("rules: {line}"));
            let first = told.first().and_then(|line| line.lines().next()).unwrap_or_default();
            let why = format!("the new rules are not taken, the old ones count: {first}");
            let digest = runner.rules_refused(why);
            Reloaded { taken: false, digest, told }
        }
    }
}

/// Whether the configuration is another one by now: it does not count before a restart.
fn changed(config: &Config) -> Option<String> {
    let text = std::fs::read_to_string(&config.file).ok()?;
    let name = config.file.display();
    (crate::config::digest(&text) != config.digest)
        .then(|| format!("{name} has changed since the start: restart to take it"))
}

/// Reloads at each SIGHUP, for ever.
async fn keep_hearing(runner: Rc<Runner>, config: Arc<Config>) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    while hangup.recv().await.is_some() {
        let _ = reload(&runner, &config).await;
    }
    Ok(())
}

/// Reloads whenever a file of the directory changed, for ever; never without a pause to look.
async fn keep_watching(runner: Rc<Runner>, config: Arc<Config>) {
    let Some(directory) = config.rules.clone().filter(|_| config.rules_watch > Duration::ZERO)
    else {
        return;
    };
    let mut seen = stamp(&directory);
    loop {
        tokio::time::sleep(config.rules_watch).await;
        let now = stamp(&directory);
        if now != seen {
            seen = now;
            let _ = reload(&runner, &config).await;
        }
    }
}

/// What tells that a file changed: its name, its time and its length.
fn stamp(directory: &Path) -> Vec<(String, Option<SystemTime>, u64)> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let mut all: Vec<_> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let data = entry.metadata().ok()?;
            name.ends_with(".yaml").then(|| (name, data.modified().ok(), data.len()))
        })
        .collect();
    all.sort();
    all
}
