//! The books of the bystanders: what they said came once, in time, and nobody was told otherwise.

use crate::agenda::{Micros, S};

/// How long a message may take: from the XMPP server to its device, and from a SIP user to the
/// answer. A connection that an attacker has closed is opened again within it.
pub(super) const LATEST: Micros = 3 * S;
/// How long presence may take that an XMPP user is shown, and a SIP user: that goes no more often
/// than every 5 s (RFC 3856 §6.10).
pub(super) const LATEST_SHOWN: Micros = 3 * S;
pub(super) const LATEST_NOTIFIED: Micros = 5 * S + LATEST_SHOWN;

/// One message.
#[derive(Debug)]
struct Said {
    at: Micros,
    came: Option<Micros>,
    /// For a message to XMPP: its answer came.
    answered: bool,
}

/// What one user shows, and what the other one sees of it: the number of the state.
#[derive(Debug, Default)]
struct Shown {
    states: Vec<Micros>,
    seen: usize,
}

/// In which direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    Sip,
    Xmpp,
}

#[derive(Debug)]
pub(super) struct Books {
    messages: [Vec<Said>; 2],
    shown: [Vec<Shown>; 2],
    /// The longest that something took: messages, presence.
    pub(super) slowest: [Micros; 2],
}

impl To {
    /// How its messages are called: their bodies are this letter and a number.
    pub(super) fn letter(self) -> char {
        if self == To::Sip { 'b' } else { 'y' }
    }

    fn index(self) -> usize {
        usize::from(self == To::Xmpp)
    }
}

impl Books {
    pub(super) fn new(pairs: usize) -> Self {
        let shown = || (0..pairs).map(|_| Shown::default()).collect();
        Books { messages: [Vec::new(), Vec::new()], shown: [shown(), shown()], slowest: [0; 2] }
    }

    pub(super) fn said(&mut self, to: To) -> u64 {
        self.messages[to.index()].len() as u64
    }

    /// A bystander writes: the number of the message.
    pub(super) fn says(&mut self, to: To, now: Micros) -> usize {
        let all = &mut self.messages[to.index()];
        all.push(Said { at: now, came: None, answered: to == To::Sip });
        all.len() - 1
    }

    /// A message came to its device, or its server.
    pub(super) fn came(&mut self, to: To, number: usize, now: Micros) -> Result<(), String> {
        let name = format!("{}{number}", to.letter());
        let said = self.messages[to.index()].get_mut(number);
        let said = said.ok_or_else(|| format!("{name} was never said"))?;
        if said.came.replace(now).is_some() {
            return Err(format!("a bystander's message {name} came twice"));
        }
        self.slowest[0] = self.slowest[0].max(now - said.at);
        Ok(())
    }

    /// The answer to a message from SIP.
    pub(super) fn answered(&mut self, number: usize, status: u16) -> Result<(), String> {
        if !(200..300).contains(&status) {
            return Err(format!("a bystander's message y{number} failed with {status}"));
        }
        if let Some(said) = self.messages[1].get_mut(number) {
            said.answered = true;
        }
        Ok(())
    }

    /// A user shows a new state: its number.
    pub(super) fn shows(&mut self, to: To, pair: usize, now: Micros) -> usize {
        let shown = &mut self.shown[to.index()][pair];
        shown.states.push(now);
        shown.states.len()
    }

    /// The other one sees a state.
    pub(super) fn sees(&mut self, to: To, pair: usize, state: usize, now: Micros) {
        let Some(shown) = self.shown[to.index()].get_mut(pair) else { return };
        if state > shown.seen {
            let since = shown.states.get(state - 1).copied().unwrap_or(now);
            self.slowest[1] = self.slowest[1].max(now - since);
        }
        shown.seen = state;
    }

    /// Whether nothing is overdue.
    pub(super) fn inspect(&self, now: Micros) -> Result<(), String> {
        for to in [To::Sip, To::Xmpp] {
            let late = |said: &&Said| said.at + LATEST < now;
            for (number, said) in self.messages[to.index()].iter().enumerate() {
                if Some(said).filter(late).is_some() && !(said.came.is_some() && said.answered) {
                    let what =
                        if said.came.is_some() { "was not answered" } else { "did not come" };
                    return Err(format!(
                        "a bystander's message {}{number} {what} in time",
                        to.letter()
                    ));
                }
            }
            let latest = if to == To::Sip { LATEST_NOTIFIED } else { LATEST_SHOWN };
            for (pair, shown) in self.shown[to.index()].iter().enumerate() {
                let due = shown.states.iter().filter(|at| **at + latest < now).count();
                if shown.seen < due {
                    return Err(format!(
                        "a bystander of pair {pair} does not see state {due} towards {to:?} in time"
                    ));
                }
            }
        }
        Ok(())
    }
}
