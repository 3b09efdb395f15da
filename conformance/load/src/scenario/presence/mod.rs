//! Presence: users of both worlds watch each other over a gateway.

mod coming;
pub mod fan_out;
pub mod idle;
pub mod people;
pub mod phase;
pub mod plan;
pub mod restart;
pub mod storm;
pub mod subscribe_storm;
mod talking;
mod words;
