//! Bytes to types and back; no policy, no I/O, no clock. After a codec, a value that exists is
//! legal.

pub mod geo_uri;
pub mod language_tag;
pub mod mime;
pub mod pidf;
pub mod rcs_file;
pub mod sip;
pub mod xml;
pub mod xmpp;
pub mod yaml;
