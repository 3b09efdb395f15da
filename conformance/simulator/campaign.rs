//! Many seeds, on all cores, and what they showed together.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use stox::rules::Rules;

use crate::agenda::{Micros, S};
use crate::coverage::Coverage;
use crate::hostile;
use crate::sabotage::Sabotage;
use crate::simulation::{Outcome, Simulation};

/// What several seeds showed.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) seeds: u64,
    pub(crate) time: Micros,
    pub(crate) coverage: Coverage,
    /// The first failures, by seed.
    pub(crate) failures: Vec<(u64, String)>,
    pub(crate) wall: f64,
}

/// Which plan: its name, and how a seed of it is run with so many lines of its trace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Game {
    pub(crate) name: &'static str,
    pub(crate) run: fn(u64, usize) -> Result<Outcome, String>,
}

pub(crate) const MIXED: Game = Game { name: "mixed", run: |seed, lines| run(seed, lines, None) };
pub(crate) const HOSTILE: Game =
    Game { name: "hostile", run: |seed, lines| hostile::run(seed, lines, None) };

/// Runs one seed of the mixed plan.
pub(crate) fn run(seed: u64, lines: usize, sabotage: Option<Sabotage>) -> Result<Outcome, String> {
    let (mut rules, _) =
        Rules::load(None).map_err(|_| "the built-in rules are wrong".to_owned())?;
    // One message is one request here, or none.
    rules.messages.split = false;
    Ok(Simulation::new(seed, lines, sabotage, Arc::new(rules))?.run(seed))
}

/// Runs seeds from `first` on while `more` says so, on so many threads.
pub(crate) fn campaign(
    game: Game,
    first: u64,
    jobs: usize,
    more: impl Fn(u64) -> bool + Sync,
) -> Result<Results, String> {
    let begun = Instant::now();
    let next = AtomicU64::new(first);
    let results = Mutex::new(Results::default());
    let fault = Mutex::new(None);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !more(seed) {
                return;
            }
            match (game.run)(seed, 0) {
                Ok(outcome) => note(&results, outcome),
                Err(words) => {
                    fault.lock().map(|mut fault| drop(fault.replace(words))).ok();
                    return;
                }
            }
        }
    };
    std::thread::scope(|scope| (0..jobs).for_each(|_| drop(scope.spawn(work))));
    if let Ok(Some(words)) = fault.into_inner() {
        return Err(words);
    }
    let mut results = results.into_inner().map_err(|_| "a thread of the simulator died")?;
    results.failures.sort();
    results.wall = begun.elapsed().as_secs_f64();
    Ok(results)
}

fn note(results: &Mutex<Results>, outcome: Outcome) {
    let Ok(mut results) = results.lock() else { return };
    results.seeds += 1;
    results.time += outcome.time;
    results.coverage.merge(&outcome.coverage);
    if let Some(violation) = outcome.violation {
        results.failures.push((outcome.seed, violation));
    }
}

impl Results {
    /// What was run, for people.
    pub(crate) fn summary(&self) -> String {
        let mut text = String::new();
        let hours = self.time as f64 / S as f64 / 3_600.0;
        let rate = self.seeds as f64 / self.wall.max(0.001);
        let said = |name: &str| self.coverage.get(name);
        let _ = writeln!(
            text,
            "{} seeds, {hours:.1} h of virtual time, in {:.1} s ({rate:.1} seeds/s); {} messages to XMPP, {} to SIP, {} of bystanders",
            self.seeds,
            self.wall,
            said("to_xmpp.said"),
            said("to_sip.said"),
            said("bystanders.messages")
        );
        for (name, count) in self.coverage.iter() {
            let _ = writeln!(text, "  {name:<40} {count:>10}");
        }
        text
    }

    /// The failures by what they say, but for the numbers in it.
    fn kinds(&self) -> BTreeMap<String, Vec<u64>> {
        let mut kinds: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (seed, violation) in &self.failures {
            let plain = |c: char| if c.is_ascii_digit() { '#' } else { c };
            let mut kind: String = violation.chars().map(plain).collect();
            while kind.contains("##") {
                kind = kind.replace("##", "#");
            }
            kinds.entry(kind).or_default().push(*seed);
        }
        kinds
    }

    /// The failures with their replays; `Err` if there is one.
    pub(crate) fn verdict(&self, game: Game, lines: usize) -> Result<(), String> {
        if self.failures.is_empty() {
            return Ok(());
        }
        let mut text = format!("{} of {} seeds failed\n", self.failures.len(), self.seeds);
        for (what, seeds) in self.kinds() {
            let _ = writeln!(
                text,
                "  {} x {what}: seeds {:?}",
                seeds.len(),
                &seeds[..seeds.len().min(8)]
            );
        }
        if let Some((seed, _)) = self.failures.first() {
            text += &replay(game, *seed, lines)?;
        }
        Err(text)
    }
}

/// Lines that are kept to find those of one message.
const ALL: usize = 1_000_000;

/// Runs a seed again with its trace, and tells the end of it, and what became before of the
/// messages that the violation names.
pub(crate) fn replay(game: Game, seed: u64, lines: usize) -> Result<String, String> {
    let outcome = (game.run)(seed, ALL)?;
    let (mut text, all) = (String::new(), &outcome.lines);
    let (earlier, last) = all.split_at(all.len().saturating_sub(lines));
    let named = |line: &&String| outcome.about.iter().any(|word| line.contains(&**word));
    let _ = writeln!(text, "\nseed {seed}, digest {:016x}", outcome.digest);
    for line in earlier.iter().filter(named) {
        let _ = writeln!(text, "  {line}");
    }
    let _ = writeln!(text, "the last lines of its trace:");
    for line in last {
        let _ = writeln!(text, "  {line}");
    }
    let violation = outcome.violation.unwrap_or_else(|| "nothing".to_owned());
    let _ = writeln!(text, "\nseed {seed} violates: {violation}");
    let _ = writeln!(
        text,
        "replay: STOX_SIM_PLAN={} STOX_SIM_SEED={seed} STOX_SIM_TRACE=2000 \
         cargo test --profile simulator --no-default-features --test simulator",
        game.name
    );
    Ok(text)
}
