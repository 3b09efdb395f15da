//! What traffic shows of the user agents behind a SIP user's address.

use crate::codec::sip::Text;

/// What one SIP message showed of the user agent that sent it.
///
/// A MESSAGE and a 2xx to a MESSAGE show that the agent answers at the address, whatever else they
/// say. Any other message may be a server's, and is evidence only of what it says that it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The SIP user whose address it is, by the bare JID.
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
