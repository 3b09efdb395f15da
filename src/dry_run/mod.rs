//! One message through a gateway of its own: what would be sent, and why. Nothing leaves.
//!
//! The tests of rule files and `stox translate` are played here: the same core, under made-up
//! settings ([`world`]), between two sides that answer as they are told ([`stage`]).

mod address;
mod explain;
mod input;
mod outcome;
mod stage;
mod tests;
mod watch;
mod world;

pub use address::{Step, steps, user};
pub use explain::{Explanation, explain};
pub use outcome::{Line, Outcome, Side};
pub use tests::{Failure, run_tests};

use std::path::Path;
use std::sync::Arc;

use crate::config::Config;
use crate::flow::Now;
use crate::rules::{Given, Rules};

/// Rules with what is to be told about them; or all that is wrong.
pub type Tested = Result<(Arc<Rules>, Vec<String>), Vec<String>>;

/// Loads rules and runs their tests.
///
/// # Errors
/// Every mistake and every test that failed, in words.
pub fn load_tested(directory: Option<&Path>, config: Option<&Arc<Config>>) -> Tested {
    let told = |findings: Vec<crate::codec::yaml::Finding>| -> Vec<String> {
        findings.iter().map(ToString::to_string).collect()
    };
    let (rules, warnings) = Rules::load(directory).map_err(told)?;
    let rules = Arc::new(rules);
    let failures = run_tests(&rules, config);
    match failures.is_empty() {
        true => Ok((rules, told(warnings))),
        false => Err(failures.iter().map(ToString::to_string).collect()),
    }
}

/// What is to be played.
#[derive(Debug, Clone)]
pub struct Case {
    /// The rules that count.
    pub rules: Arc<Rules>,
    /// The operator's own settings: their domains and peers count where they serve the message.
    pub config: Option<Arc<Config>>,
    /// Whether they count, too, where they do not serve it: it is refused then, as the gateway
    /// would. Else a gateway between the two domains that the message names is made up.
    pub as_configured: bool,
    /// What comes in.
    pub given: Given,
    /// What the other side answers: a status from SIP, a condition from XMPP.
    pub answer: Option<String>,
    /// The peer that it comes from, or goes to.
    pub peer: Option<String>,
    /// Whether the target of a message to SIP is known to read `message/cpim`.
    pub reads_cpim: bool,
    /// When.
    pub now: Now,
}

/// Why nothing could be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unplayable {
    /// What came in cannot be read.
    #[error("{0}")]
    Input(String),
    /// It names no two domains between which a gateway could stand.
    #[error("no domain of XMPP users on one side and of SIP users on the other: {0}")]
    Domains(String),
}

/// Plays a scene: what would be sent.
///
/// # Errors
/// When the input cannot be read at all.
pub fn run(scene: &Case) -> Result<Outcome, Unplayable> {
    Ok(stage::Harness::open(scene)?.run())
}
