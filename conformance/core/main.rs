//! The core under virtual time: both sides are scripted, nothing sleeps.

#![allow(clippy::panic, reason = "a test fails by it")]

mod addresses;
mod bodies;
mod cpim;
mod credentials;
mod errors;
mod gateway;
mod link;
mod messages;
mod messages_to_sip;
mod messages_to_xmpp;
mod outbound;
mod recovery;
mod refusals;
mod round_trips;
mod security;
mod servers;
mod settings;
mod transactions;
mod watching;
mod world;
