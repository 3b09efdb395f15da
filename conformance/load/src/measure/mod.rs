//! What is counted and measured, and how it is told.

pub mod latency;
pub mod mark;
pub mod process;
pub mod report;
pub mod sheet;
pub mod tally;
