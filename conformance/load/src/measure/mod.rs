//! What is counted and measured, and how it is told.

pub mod latency;
pub mod process;
pub mod report;
pub mod tally;
