//! The core under virtual time: both sides are scripted, nothing sleeps.

#![allow(clippy::panic, reason = "a test fails by it")]

mod addresses;
mod authorization;
mod bodies;
mod cpim;
mod credentials;
mod encryption;
mod encryption_relay;
mod encryption_to_sip;
mod encryption_to_xmpp;
mod errors;
mod gateway;
mod link;
mod messages;
mod messages_to_sip;
mod messages_to_xmpp;
mod notifications;
mod notifier;
mod notifier_failures;
mod outbound;
mod pidf_to_presence;
mod presence_chaos;
mod presence_elsewhere;
mod presence_examples;
mod presence_flows;
mod presence_probes;
mod presence_recovery;
mod presence_security;
mod presence_to_pidf;
mod probes;
mod recovery;
mod refusals;
mod round_trips;
mod scene;
mod security;
mod servers;
mod settings;
mod subscriber;
mod subscriber_end;
mod subscriber_failures;
mod subscriber_life;
mod transactions;
mod verona;
mod watching;
mod world;
