//! What traffic shows of the user agents behind a SIP user's address.

use serde::{Deserialize, Serialize};

use crate::codec::sip::Text;

/// What one SIP message showed of the user agent that sent it.
///
/// A MESSAGE and a 2xx to a MESSAGE show that the agent answers at the address, whatever else they
/// say. Any other message may be a server's, and is evidence only of what it says that it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The SIP user whose address it is: the localpart of the JID at the SIP domain.
    pub address: Text,
    /// The agent as its User-Agent or Server names it, at most [`Evidence::NAME`] octets; empty
    /// where it names itself not.
    pub agent: Text,
    /// Whether it reads `message/cpim`; `None` where the message says nothing of that.
    pub cpim: Option<bool>,
}

impl Evidence {
    /// Octets of an agent's name that are kept.
    pub const NAME: usize = 64;
}

/// What is known of a target, as an operator is told it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetStatus {
    /// The localpart of the SIP user's JID at the SIP domain.
    pub address: String,
    /// The form of a message that went there now: `cpim` or `text`.
    pub form: String,
    /// The user agents that were seen there; the one heard of last stands last.
    pub agents: Vec<AgentStatus>,
}

/// A user agent that was seen at an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStatus {
    /// As it names itself; empty where it does not.
    pub name: String,
    /// Whether it counts as one that reads `message/cpim`.
    pub reads_cpim: bool,
    /// Why: its traffic, its name by rule, or nothing.
    pub because: String,
    /// Hours since it was heard of.
    pub hours_ago: u32,
    /// Whether that is too long ago to count.
    pub expired: bool,
}
