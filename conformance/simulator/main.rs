//! A gateway between two scripted worlds under virtual time, from one seed: README.md beside
//! this file says what is modelled and what must hold.

#![allow(clippy::print_stdout, clippy::expect_used, reason = "a test tells what it did")]

mod agenda;
mod campaign;
mod carry;
mod challenges;
mod checks;
mod connections;
mod coverage;
mod dice;
mod disk;
mod faults;
mod hostile;
mod journal;
mod ledger;
mod link;
mod monitor;
mod names;
mod network;
mod options;
mod plan;
mod process;
mod requests;
mod rest;
mod sabotage;
mod settings;
mod simulation;
mod sip_client;
mod sip_server;
mod stage;
mod stream;
mod text_memory;
mod trace;
mod words;
mod xmpp_world;

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use libtest_mimic::{Arguments, Failed, Trial};

use campaign::{Game, HOSTILE, MIXED, Results, campaign, replay, run};
use options::{FIXED, HOSTILE_FIXED, Options};
use sabotage::{Kind, Sabotage};

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--help" || argument == "-h") {
        println!("{}", options::HELP);
    }
    let mut arguments = Arguments::from_args();
    // The seeds use all cores themselves.
    arguments.test_threads.get_or_insert(1);
    match Options::read() {
        Ok(options) => libtest_mimic::run(&arguments, trials(&options)).exit_code(),
        Err(words) => {
            println!("{words}");
            ExitCode::FAILURE
        }
    }
}

fn trials(options: &Options) -> Vec<Trial> {
    let trial = |name: &str, options: &Options, test: fn(&Options) -> Result<(), String>| {
        let options = options.clone();
        Trial::test(name, move || test(&options).map_err(Failed::from))
    };
    if options.seeds.is_some() {
        return vec![trial("the_given_seeds_hold", options, given_seeds)];
    }
    let mixed = [
        trial("a_seed_repeats_exactly", options, repeats),
        trial("the_books_find_a_faulty_gateway", options, finds_faults),
        trial("the_fixed_seeds_hold_and_exercise_everything", options, fixed_seeds),
        trial("fresh_seeds_hold", options, fresh_seeds),
    ];
    let hostile = [
        trial("a_hostile_seed_repeats_exactly", options, hostile_repeats),
        trial("each_monitor_finds_its_fault", options, monitors_find_faults),
        trial("the_hostile_seeds_harm_nobody", options, hostile_seeds),
        trial("more_hostile_seeds_harm_nobody", options, fresh_hostile_seeds),
    ];
    let meant = |name| options.game.is_none_or(|game| game.name == name);
    let mixed = mixed.into_iter().filter(|_| meant(MIXED.name));
    mixed.chain(hostile.into_iter().filter(|_| meant(HOSTILE.name))).collect()
}

fn given_seeds(options: &Options) -> Result<(), String> {
    let seeds = options.seeds.clone().unwrap_or_default();
    let game = options.game.unwrap_or(MIXED);
    let results = campaign(game, seeds.start, options.jobs, |seed| seed < seeds.end)?;
    println!("{}", results.summary());
    results.verdict(game, options.lines)?;
    if seeds.end - seeds.start == 1 && options.lines > 60 {
        println!("{}", replay(game, seeds.start, options.lines)?);
    }
    Ok(())
}

fn fixed_seeds(options: &Options) -> Result<(), String> {
    let results = campaign(MIXED, FIXED.start, options.jobs, |seed| seed < FIXED.end)?;
    println!("{}", results.summary());
    results.verdict(MIXED, options.lines)?;
    exercised(&results, coverage::MUST)
}

fn hostile_seeds(options: &Options) -> Result<(), String> {
    let (first, end) = (HOSTILE_FIXED.start, HOSTILE_FIXED.end);
    let results = campaign(HOSTILE, first, options.jobs, |seed| seed < end)?;
    println!("{}", results.summary());
    results.verdict(HOSTILE, options.lines)?;
    exercised(&results, hostile::MUST)
}

fn exercised(results: &Results, must: &[&'static str]) -> Result<(), String> {
    let missing = must.iter().filter(|name| results.coverage.get(name) == 0);
    let missing: Vec<&str> = missing.copied().collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(format!("never happened: {}", missing.join(", "))),
    }
}

fn fresh_seeds(options: &Options) -> Result<(), String> {
    fresh(MIXED, options.fresh, options, clock())
}

fn fresh_hostile_seeds(options: &Options) -> Result<(), String> {
    // The same in each run of the test command: a failure is of the change that made it.
    let first = if options.seconds_given { clock() } else { 1_000 };
    fresh(HOSTILE, options.fresh_hostile, options, first)
}

/// The one place that asks a clock: a seed that nobody has tried yet.
fn clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or_default()
}

fn fresh(game: Game, time: Duration, options: &Options, first: u64) -> Result<(), String> {
    if time.is_zero() {
        return Ok(());
    }
    let end = Instant::now() + time;
    let results = campaign(game, first, options.jobs, |_| Instant::now() < end)?;
    println!("seeds of {} from {first} on", game.name);
    println!("{}", results.summary());
    results.verdict(game, options.lines)
}

/// The same seed, twice: the same octets at the same times.
fn repeats(_: &Options) -> Result<(), String> {
    for seed in 0..20 {
        let (first, second) = (run(seed, 0, None)?, run(seed, 500, None)?);
        if (first.digest, &first.coverage) != (second.digest, &second.coverage) {
            return Err(format!("seed {seed} went two ways"));
        }
    }
    let (one, other) = (run(1, 0, None)?, run(2, 0, None)?);
    if one.digest == other.digest { Err("two seeds went one way".to_owned()) } else { Ok(()) }
}

/// With a fault built in, an invariant must break in most seeds where it can show.
fn finds_faults(_: &Options) -> Result<(), String> {
    let kinds = [
        (Kind::LoseStanza, "before the server has"),
        (Kind::DoubleStanza, "times"),
        (Kind::LoseError, "was lost"),
        (Kind::DoubleError, "was told 2 times"),
        (Kind::LoseStep, "the journal does not know it"),
        (Kind::DoubleBarrier, "two barriers"),
        (Kind::LoseResponses, "at rest a message to XMPP got"),
    ];
    for (kind, words) in kinds {
        let mut found = 0;
        for seed in 0..40 {
            let outcome = run(seed, 0, Some(Sabotage::new(kind)))?;
            found += u32::from(outcome.violation.is_some_and(|what| what.contains(words)));
        }
        println!("{kind:?}: found in {found} of 40 seeds");
        if found < 5 {
            return Err(format!("{kind:?} was found in {found} of 40 seeds"));
        }
    }
    Ok(())
}

fn hostile_repeats(_: &Options) -> Result<(), String> {
    for seed in 0..10 {
        let (first, second) = (hostile::run(seed, 0, None)?, hostile::run(seed, 50, None)?);
        if (first.digest, &first.coverage) != (second.digest, &second.coverage) {
            return Err(format!("seed {seed} went two ways"));
        }
    }
    Ok(())
}

/// With a fault built in, the monitor of its invariant must find it in many seeds, and not another.
fn monitors_find_faults(_: &Options) -> Result<(), String> {
    for (kind, words) in hostile::sabotage::KINDS {
        let mut found = 0;
        for seed in 0..30 {
            let outcome = hostile::run(seed, 0, Some(kind))?;
            found += u32::from(outcome.violation.is_some_and(|what| what.contains(words)));
        }
        println!("{kind:?}: found in {found} of 30 seeds");
        if found < 5 {
            return Err(format!("{kind:?} was found in {found} of 30 seeds"));
        }
    }
    Ok(())
}
