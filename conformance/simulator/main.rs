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
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use libtest_mimic::{Arguments, Failed, Trial};

use campaign::{Results, campaign, replay, run};
use options::{FIXED, Options};
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
    vec![
        trial("a_seed_repeats_exactly", options, repeats),
        trial("the_books_find_a_faulty_gateway", options, finds_faults),
        trial("the_fixed_seeds_hold_and_exercise_everything", options, fixed_seeds),
        trial("fresh_seeds_hold", options, fresh_seeds),
    ]
}

fn given_seeds(options: &Options) -> Result<(), String> {
    let seeds = options.seeds.clone().unwrap_or_default();
    let results = campaign(seeds.start, options.jobs, |seed| seed < seeds.end)?;
    println!("{}", results.summary());
    results.verdict(options.lines)?;
    if seeds.end - seeds.start == 1 && options.lines > 60 {
        println!("{}", replay(seeds.start, options.lines)?);
    }
    Ok(())
}

fn fixed_seeds(options: &Options) -> Result<(), String> {
    let results = campaign(FIXED.start, options.jobs, |seed| seed < FIXED.end)?;
    println!("{}", results.summary());
    results.verdict(options.lines)?;
    exercised(&results)
}

fn exercised(results: &Results) -> Result<(), String> {
    let missing = coverage::MUST.iter().filter(|name| results.coverage.get(name) == 0);
    let missing: Vec<&str> = missing.copied().collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(format!("never happened: {}", missing.join(", "))),
    }
}

fn fresh_seeds(options: &Options) -> Result<(), String> {
    if options.fresh.is_zero() {
        return Ok(());
    }
    // The one place that asks a clock: which seeds nobody has tried yet.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let first = u64::try_from(since.as_micros()).unwrap_or_default();
    let end = Instant::now() + options.fresh;
    let results = campaign(first, options.jobs, |_| Instant::now() < end)?;
    println!("fresh seeds from {first} on");
    println!("{}", results.summary());
    results.verdict(options.lines)
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
