//! The only asynchronous code: moves octets, knows nothing of messages.
//!
//! Core, datagrams, connections and component links share one current-thread runtime; the store
//! has a thread of its own.

mod admin;
mod budget;
mod clock;
mod component;
mod connections;
mod dns;
mod guard;
mod journal;
mod journal_file;
mod log;
mod log_line;
mod log_output;
mod metrics;
mod port;
mod private_file;
mod probe;
mod reload;
mod run;
mod runner;
mod signals;
mod store;
mod store_thread;
mod tls;
mod udp;

pub use admin::{Order, Removed, ask, ask_metrics, ask_reload, ask_remove, ask_target};
pub use journal_file::JournalError;
pub use log_output::{LogOutput, log_level};
pub use probe::{Probe, probe};
pub use reload::Reloaded;
pub use run::{RunError, run};
