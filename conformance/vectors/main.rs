//! Tables of vectors through the gateway: each line is a test of its own, and what it asserts is
//! what stands on the wire.

#![allow(clippy::panic, reason = "a test fails by it")]

mod addresses;
mod authorizations;
mod errors;
mod presence;
#[allow(dead_code, reason = "shared with the tests of the core, which use more of it")]
#[path = "../core/presence_fixture.rs"]
mod presence_fixture;
#[allow(dead_code, reason = "shared with the tests of the core, which use more of it")]
#[path = "../core/scene.rs"]
mod scene;
#[allow(dead_code, reason = "shared with the tests of the core, which use more of it")]
#[path = "../core/world.rs"]
mod world;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let tables = [
        trials(include_str!("addresses.txt"), addresses::check),
        trials(include_str!("authorizations.txt"), authorizations::check),
        trials(include_str!("errors.txt"), errors::check),
        trials(include_str!("presence.txt"), presence::check),
    ];
    let trials = tables.into_iter().flatten().collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// One line of a table.
#[derive(Clone, Copy)]
struct Vector {
    direction: &'static str,
    given: &'static str,
    expected: &'static str,
}

/// A test for each line, named after it.
fn trials(table: &'static str, check: fn(Vector)) -> Vec<Trial> {
    let lines = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (row, rest) = line.split_once(' ').expect("a row");
            let (direction, rest) = rest.trim_start().split_once(' ').expect("a direction");
            let arrow = if direction == "both" { " <-> " } else { " -> " };
            let (given, expected) = rest.trim_start().split_once(arrow).expect("an arrow");
            let vector = Vector { direction, given, expected };
            let name = format!("{row} {direction} {given} -> {expected}");
            Trial::test(name, move || {
                check(vector);
                Ok(())
            })
        })
        .collect()
}
