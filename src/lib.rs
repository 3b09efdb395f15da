//! stox: a gateway between XMPP and SIP/SIMPLE.
//!
//! Bytes come in through [`wire`], become types in [`codec`], are addressed in [`route`], put into
//! the other side's words in [`translate`], and change what the gateway remembers in [`state`],
//! whose effects go out through [`wire`] again. [`gateway`] shows that way in one page; [`flow`]
//! holds what the stages hand to each other, and [`dry_run`] plays single messages through them. [`config`] and [`rules`] are what an operator writes.
//! Everything but [`wire`] is a function of (state, now, input): no clock, no socket, no `async`.

pub mod codec;
pub mod config;
pub mod dry_run;
pub mod flow;
pub mod gateway;
pub mod route;
pub mod rules;
pub mod state;
pub mod translate;
#[cfg(feature = "wire")]
pub mod wire;
