//! What the environment says about a run.

use std::ops::Range;
use std::time::Duration;

use crate::campaign::{Game, HOSTILE, MIXED};

pub(crate) const HELP: &str = "\
The simulator: a gateway between two scripted worlds under virtual time, from one seed.

  STOX_SIM_PLAN=NAME       mixed, or hostile: what the seeds are about (default both)
  STOX_SIM_SEED=N          run this seed alone, and print its trace if it fails
  STOX_SIM_SEEDS=A..B      run the seeds from A to B - 1 instead of the usual ones
  STOX_SIM_SECONDS=N       for how long fresh seeds are tried (default 40, 5 without --release); of hostile
                           180 s of those from 1,000 on, and fresh ones if this is given
  STOX_SIM_JOBS=N          threads (default: as many as the machine has cores)
  STOX_SIM_TRACE=N         lines of the trace that a failure shows (default 60)

What a failing seed did is printed with the command that replays it. See
conformance/simulator/README.md. The arguments are those of every Rust test:
";

/// Seeds of the hostile plan that every run tries.
pub(crate) const HOSTILE_FIXED: Range<u64> = 0..if cfg!(debug_assertions) { 30 } else { 300 };

/// Seeds that every run tries.
pub(crate) const FIXED: Range<u64> = 0..if cfg!(debug_assertions) { 300 } else { 2_000 };

#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Seeds that are run instead of the fixed and the fresh ones.
    pub(crate) seeds: Option<Range<u64>>,
    pub(crate) fresh: Duration,
    /// The same of the hostile plan.
    pub(crate) fresh_hostile: Duration,
    /// `STOX_SIM_SECONDS` was given.
    pub(crate) seconds_given: bool,
    /// The plan that is meant, unless both are.
    pub(crate) game: Option<Game>,
    pub(crate) jobs: usize,
    pub(crate) lines: usize,
}

impl Options {
    pub(crate) fn read() -> Result<Self, String> {
        let one = number("STOX_SIM_SEED")?.map(|seed| seed..seed + 1);
        let many = match std::env::var("STOX_SIM_SEEDS") {
            Err(_) => None,
            Ok(text) => Some(range(&text).ok_or("STOX_SIM_SEEDS is to be like 1000..2000")?),
        };
        let game = match std::env::var("STOX_SIM_PLAN").as_deref() {
            Err(_) => None,
            Ok("mixed") => Some(MIXED),
            Ok("hostile") => Some(HOSTILE),
            Ok(name) => return Err(format!("STOX_SIM_PLAN is mixed or hostile, not `{name}`")),
        };
        let (mixed, hostile) = if cfg!(debug_assertions) { (5, 5) } else { (40, 180) };
        let seconds = number("STOX_SIM_SECONDS")?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Options {
            seeds: one.or(many),
            fresh: Duration::from_secs(seconds.unwrap_or(mixed)),
            fresh_hostile: Duration::from_secs(seconds.unwrap_or(hostile)),
            seconds_given: seconds.is_some(),
            game,
            jobs: number("STOX_SIM_JOBS")?.map_or(cores, |jobs| jobs.max(1) as usize),
            lines: number("STOX_SIM_TRACE")?.map_or(60, |lines| lines as usize),
        })
    }
}

fn number(name: &str) -> Result<Option<u64>, String> {
    match std::env::var(name) {
        Err(_) => Ok(None),
        Ok(text) => {
            text.parse().map(Some).map_err(|_| format!("{name} is to be a number, not `{text}`"))
        }
    }
}

fn range(text: &str) -> Option<Range<u64>> {
    let (from, to) = text.split_once("..")?;
    let (from, to) = (from.parse().ok()?, to.parse().ok()?);
    (from < to).then_some(from..to)
}
