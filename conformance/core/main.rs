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
mod notifications;
mod outbound;
mod pidf_to_presence;
mod presence_examples;
mod presence_probes;
mod presence_to_pidf;
mod recovery;
mod refusals;
mod round_trips;
mod security;
mod servers;
mod settings;
mod transactions;
mod verona;
mod watching;
mod world;
