//! Questions to the DNS and their answers, as far as RFC 3263 needs them.

use std::net::IpAddr;
use std::time::Duration;

/// What is asked of the DNS.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Query {
    /// The name, without a dot at its end.
    pub name: String,
    /// The kind of records.
    pub kind: QueryKind,
}

/// The kinds of records that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum QueryKind {
    /// NAPTR (RFC 3403): which transports a domain has.
    Naptr,
    /// SRV (RFC 2782): which hosts serve a transport.
    Srv,
    /// A and AAAA together.
    Addresses,
}

/// What the DNS said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// There are such records.
    Found {
        /// The records.
        records: Records,
        /// How long they may be kept.
        ttl: Duration,
    },
    /// There is no such name, or it has no such records (RFC 2308).
    Nothing {
        /// How long that may be kept; `None` when the zone does not say.
        ttl: Option<Duration>,
    },
    /// No server gave an answer.
    Failed,
}

/// Records of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Records {
    /// NAPTR records.
    Naptr(Vec<Naptr>),
    /// SRV records.
    Srv(Vec<Srv>),
    /// Addresses, in the order of preference.
    Addresses(Vec<IpAddr>),
}

/// A NAPTR record (RFC 3403 §4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naptr {
    /// Lower ones first; others are not looked at once one fits.
    pub order: u16,
    /// Among one order lower ones first.
    pub preference: u16,
    /// `s`: the replacement names SRV records. Nothing else has a meaning for SIP.
    pub flags: String,
    /// Such as `SIP+D2U`.
    pub service: String,
    /// The next name, without a dot at its end.
    pub replacement: String,
}

/// An SRV record (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Srv {
    /// Lower ones first.
    pub priority: u16,
    /// The share among one priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host, without a dot at its end; empty when the service is decidedly not there.
    pub target: String,
}
