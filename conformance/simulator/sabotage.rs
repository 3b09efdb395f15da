//! Faults of the gateway that are not there, to see that the books would find them.

use crate::process::{Out, Step};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A stanza for an XMPP user is not written.
    LoseStanza,
    /// It is written twice.
    DoubleStanza,
    /// An error stanza for an XMPP user is not written.
    LoseError,
    /// It is written twice.
    DoubleError,
    /// The journal is not told of the messages that are taken.
    LoseStep,
    /// A ping is written twice.
    DoubleBarrier,
    /// A final response to a SIP user is never sent, nor again.
    LoseResponses,
}

#[derive(Debug)]
pub(crate) struct Sabotage {
    pub(crate) kind: Kind,
    done: bool,
}

impl Sabotage {
    pub(crate) fn new(kind: Kind) -> Self {
        Sabotage { kind, done: false }
    }

    /// Whether the journal does not get a step.
    pub(crate) fn loses(&self, step: Step) -> bool {
        self.kind == Kind::LoseStep && step == Step::Taken
    }

    /// How often an effect is carried out instead of once.
    pub(crate) fn copies(&mut self, out: &Out) -> usize {
        let hit = |octets: &[u8], words: &str| {
            octets.windows(words.len()).any(|window| window == words.as_bytes())
        };
        let copies = match (self.kind, out) {
            (Kind::LoseStanza, Out::Stanza { octets, .. }) if hit(octets, "<body>s") => 0,
            (Kind::DoubleStanza, Out::Stanza { octets, .. }) if hit(octets, "<body>s") => 2,
            (Kind::LoseError, Out::Stanza { octets, .. }) if hit(octets, "id='x") => 0,
            (Kind::DoubleError, Out::Stanza { octets, .. }) if hit(octets, "id='x") => 2,
            (Kind::DoubleBarrier, Out::Stanza { octets, .. }) if hit(octets, "id='barrier-") => 2,
            (Kind::LoseResponses, Out::Sip { octets, .. })
                if octets.starts_with(b"SIP/2.0 200") =>
            {
                return 0;
            }
            _ => return 1,
        };
        if std::mem::replace(&mut self.done, true) { 1 } else { copies }
    }
}
