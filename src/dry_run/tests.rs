//! The tests that stand beside the rules, run.

use std::fmt;
use std::sync::Arc;

use super::{Case, run};
use crate::config::Config;
use crate::flow::{Instant, Now};
use crate::rules::{Rules, TestCase};

/// The time at which tests play: the 14th of November 2023, 22:13:20 UTC.
const NOW: Now = Now { instant: Instant(1_000_000), unix_ms: 1_700_000_000_000 };

/// A test that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What it shows.
    pub name: String,
    /// Where it stands.
    pub place: String,
    /// What is different: name, expected, found; or why it could not be played.
    pub differences: Vec<(String, Option<String>, Option<String>)>,
    /// Why it could not be played.
    pub unplayable: Option<String>,
    /// The names of all that went out.
    pub names: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FAILED {} ({})", self.name, self.place)?;
        if let Some(why) = &self.unplayable {
            return write!(f, "\n    {why}");
        }
        for (name, expected, found) in &self.differences {
            let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
            write!(f, "\n  - {name}: {}\n  + {name}: {}", shown(expected), shown(found))?;
        }
        if self.names.is_empty() {
            return f.write_str("\n    nothing went out");
        }
        write!(f, "\n    what went out has: {}", self.names.join(", "))
    }
}

/// Runs the tests of rules; the operator's own settings count for the operator's own tests.
#[must_use]
pub fn run_tests(rules: &Arc<Rules>, config: Option<&Arc<Config>>) -> Vec<Failure> {
    rules.tests.iter().filter_map(|test| run_test(rules, config, test)).collect()
}

fn run_test(rules: &Arc<Rules>, config: Option<&Arc<Config>>, test: &TestCase) -> Option<Failure> {
    let scene = Case {
        as_configured: false,
        rules: Arc::clone(rules),
        config: config.filter(|_| !test.built_in).cloned(),
        given: test.given.clone(),
        answer: test.answer.clone(),
        peer: test.peer.clone(),
        reads_cpim: test.reads_cpim,
        now: NOW,
    };
    let failure = |differences, unplayable, names| Failure {
        name: test.name.clone(),
        place: test.place.clone(),
        differences,
        unplayable,
        names,
    };
    let outcome = match run(&scene) {
        Ok(outcome) => outcome,
        Err(why) => return Some(failure(Vec::new(), Some(why.to_string()), Vec::new())),
    };
    let differs = |(name, expected): &(String, Option<String>)| {
        let found = outcome.get(name);
        // A block of YAML ends with a line end that no message has.
        let same = expected.as_deref().map(str::trim_end) == found.map(str::trim_end);
        (!same).then(|| (name.clone(), expected.clone(), found.map(str::to_owned)))
    };
    let differences: Vec<_> = test.expected.iter().filter_map(differs).collect();
    if differences.is_empty() {
        return None;
    }
    let mut names: Vec<String> = outcome.lines.iter().map(|line| line.name.clone()).collect();
    names.dedup();
    Some(failure(differences, None, names))
}
