//! The core under virtual time: both sides are scripted, nothing sleeps.

#![allow(clippy::panic, reason = "a test fails by it")]

mod credentials;
mod link;
mod outbound;
mod recovery;
mod refusals;
mod servers;
mod settings;
mod transactions;
mod world;
