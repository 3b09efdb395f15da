//! YAML documents with positions: what configuration and mapping rules are read from.
//!
//! [`Document`] is the text as a tree in which each key and value knows its place. [`Node`] and
//! [`Map`] read that tree into types and write down every mistake on the way instead of stopping
//! at the first one; [`Finding`] prints a mistake with file, line, caret and the mend.

mod document;
mod finding;
mod inline;
mod reader;
mod secrets;

pub use document::Document;
pub use finding::{Finding, Findings, Severity, Source};
pub use reader::{Map, Node, nearest};
