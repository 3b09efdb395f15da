//! Who may see whom, as the server of the SIP user keeps it (RFC 6121 Appendix A).
//!
//! The nine states are seen from the SIP user: `to` is that the SIP user may see the XMPP user,
//! `from` the reverse. A dialog is not part of it: dialogs end while an authorization lasts.

use serde::{Deserialize, Serialize};

/// The kinds of subscription stanzas (RFC 6121 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stanza {
    /// A request to see the other.
    Subscribe,
    /// The request is given up, or the subscription.
    Unsubscribe,
    /// The request is granted.
    Subscribed,
    /// The request is refused, or the grant taken back.
    Unsubscribed,
}

/// One of the nine states of RFC 6121 §A.1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Authorization {
    /// The SIP user may see the XMPP user.
    pub to: bool,
    /// The XMPP user may see the SIP user.
    pub from: bool,
    /// The SIP user asked to see the XMPP user; never with `to`.
    pub pending_out: bool,
    /// The XMPP user asked to see the SIP user; never with `from`.
    pub pending_in: bool,
}

/// What becomes of a stanza of the XMPP user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inbound {
    /// Whether it reaches the SIP user: the SIP side is told.
    pub deliver: bool,
    /// What the SIP user's server answers by itself.
    pub reply: Option<Stanza>,
}

impl Authorization {
    /// Whether nothing is stored for the pair.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Authorization::default()
    }

    /// A stanza of the SIP user (RFC 6121 §A.2). Returns whether it goes to the XMPP user.
    /// Pre-approval (§3.4) is not kept: a SIP user cannot give it.
    pub fn outbound(&mut self, stanza: Stanza) -> bool {
        match stanza {
            Stanza::Subscribe => {
                self.pending_out = !self.to;
                true
            }
            Stanza::Unsubscribe => {
                (self.to, self.pending_out) = (false, false);
                true
            }
            Stanza::Subscribed => {
                let asked = std::mem::take(&mut self.pending_in);
                self.from |= asked;
                asked
            }
            Stanza::Unsubscribed => {
                let known = self.from || self.pending_in;
                (self.from, self.pending_in) = (false, false);
                known
            }
        }
    }

    /// A stanza of the XMPP user (RFC 6121 §A.3).
    pub fn inbound(&mut self, stanza: Stanza) -> Inbound {
        let (deliver, reply) = match stanza {
            Stanza::Subscribe if self.from => (false, Some(Stanza::Subscribed)),
            Stanza::Subscribe => (!std::mem::replace(&mut self.pending_in, true), None),
            Stanza::Unsubscribe => {
                let known = self.from || self.pending_in;
                (self.from, self.pending_in) = (false, false);
                (known, known.then_some(Stanza::Unsubscribed))
            }
            Stanza::Subscribed => {
                let asked = std::mem::take(&mut self.pending_out);
                self.to |= asked;
                (asked, None)
            }
            Stanza::Unsubscribed => {
                let known = self.to || self.pending_out;
                (self.to, self.pending_out) = (false, false);
                (known, None)
            }
        };
        Inbound { deliver, reply }
    }
}
