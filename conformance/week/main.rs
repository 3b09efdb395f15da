//! A simulated week of presence: many pairs of a SIP user and an XMPP user who come and go, watch
//! and stop to watch each other, over a network that loses datagrams, with restarts of the
//! gateway (by kill), of the XMPP server and of the SIP side. At quiet moments what every watcher
//! believes is compared with the truth.
//!
//!     cargo test --release --test week                        1,000 pairs for a virtual day
//!     STOX_WEEK_PAIRS=10000 STOX_WEEK_HOURS=168 STOX_WEEK_SEEDS=1..21 cargo test --release --test week
//!
//! Time is virtual, every choice comes from the seed, and the same seed makes the same week.

#![allow(clippy::print_stdout, reason = "it tells what it did")]
#![allow(clippy::panic, reason = "a test fails by it")]

mod check;
mod dice;
mod gateway;
mod phone;
mod server;
mod watcher;
mod wire;
mod world;

use std::process::ExitCode;

use world::{Plan, World};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn seeds() -> std::ops::Range<u64> {
    let text = std::env::var("STOX_WEEK_SEEDS").unwrap_or_else(|_| "1..2".to_owned());
    let range = text
        .split_once("..")
        .and_then(|(low, high)| Some(low.parse::<u64>().ok()?..high.parse::<u64>().ok()?));
    range.unwrap_or_else(|| panic!("STOX_WEEK_SEEDS: write a range such as 1..21"))
}

fn main() -> ExitCode {
    let pairs = usize::try_from(number("STOX_WEEK_PAIRS", 1_000)).expect("a number of pairs");
    let hours = number("STOX_WEEK_HOURS", 24);
    let mut failed = false;
    for seed in seeds() {
        let started = std::time::Instant::now();
        let mut world = World::new(&Plan { pairs, hours, seed });
        let differences = world.run();
        let took = started.elapsed().as_secs_f64();
        println!("seed {seed}: {pairs} pairs, {hours} h in {took:.1} s; {}", world.tally());
        for difference in &differences {
            println!("  DIFFERS {difference}");
        }
        failed |= !differences.is_empty();
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
