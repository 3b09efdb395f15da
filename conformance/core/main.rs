//! The core under virtual time: both sides are scripted, nothing sleeps.

#![allow(clippy::panic, reason = "a test fails by it")]

mod addresses;
mod credentials;
mod errors;
mod gateway;
mod link;
mod messages;
mod outbound;
mod recovery;
mod refusals;
mod round_trips;
mod security;
mod servers;
mod settings;
mod transactions;
mod world;
