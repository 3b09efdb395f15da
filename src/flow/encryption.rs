//! End-to-end encryption that was met, and what was decided about it. Never its content.

use std::fmt;

use super::{Correlation, LinkId, Outbound, Rendered};
use crate::codec::xmpp::Stanza;
pub use crate::rules::encryption::Towards;

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Decision {
    /// The sender was told, and nothing crossed.
    Refused,
    /// It crossed untouched.
    Relayed,
    /// Its readable part crossed without the signature.
    SignatureLeftOut,
    /// A part that may be missing was left out, with a line about it.
    PartLeftOut,
    /// It carried keys and no content, or it was a copy for somebody else: left out in silence.
    Ignored,
    /// A mark that offers encryption was taken out of a readable text.
    OfferLeftOut,
}

impl Decision {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Decision::Refused => "refused",
            Decision::Relayed => "relayed",
            Decision::SignatureLeftOut => "signature_left_out",
            Decision::PartLeftOut => "part_left_out",
            Decision::Ignored => "ignored",
            Decision::OfferLeftOut => "offer_left_out",
        }
    }
}

/// The word for a direction.
#[must_use]
pub fn direction(towards: Towards) -> &'static str {
    match towards {
        Towards::Sip => "xmpp_to_sip",
        Towards::Xmpp => "sip_to_xmpp",
    }
}

/// Encryption that was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionFound {
    /// Joins the log lines of both legs.
    pub correlation: Correlation,
    /// Which way the message went.
    pub towards: Towards,
    /// The scheme's name, such as `omemo:2`.
    pub scheme: String,
    /// Where in the message it was, such as `encrypted xmlns='urn:xmpp:omemo:2'`.
    pub place: String,
    /// What was decided.
    pub decision: Decision,
    /// The sender's bare JID.
    pub from: String,
    /// The recipient's bare JID.
    pub to: String,
    /// The stanza's id, or the Call-ID.
    pub id: String,
}

impl fmt::Display for EncryptionFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.scheme, direction(self.towards), self.decision.name())
    }
}

/// A word to the recipient of what was refused; state sees to it that it is said once.
#[derive(Debug)]
pub enum Notice {
    /// To an XMPP user.
    ToXmpp {
        /// The stream.
        link: LinkId,
        /// The stanza.
        stanza: Box<Stanza>,
    },
    /// To a SIP user.
    ToSip {
        /// The message, addressed.
        outbound: Box<Outbound>,
        /// Its form on the wire.
        rendered: Rendered,
    },
}

/// What state is told of encryption.
#[derive(Debug)]
pub struct EncryptionReport {
    /// What was met.
    pub sighting: EncryptionFound,
    /// A word to the recipient.
    pub notice: Option<Notice>,
}
