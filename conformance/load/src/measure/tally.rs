//! What arrived of what was sent: lost, doubled, re-ordered.

use std::collections::BTreeSet;

use crate::scenario::flow::Direction;

/// A message's place: its conversation (one sender, one recipient) and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The conversation.
    pub conversation: usize,
    /// The number, from 0.
    pub sequence: u32,
}

/// Set in the keys of messages from SIP.
const FROM_SIP: u64 = 1 << 61;
/// Set in the keys of everything that is no message.
const OTHER: u64 = 1 << 62 | 1 << 63;

impl Place {
    /// The mark's key.
    pub fn key(self, direction: Direction) -> u64 {
        let side = if direction == Direction::SipToXmpp { FROM_SIP } else { 0 };
        side | (self.conversation as u64) << 32 | u64::from(self.sequence)
    }

    /// What a key says; `None` when it is that of something else.
    pub fn of(key: u64) -> Option<(Direction, Place)> {
        if key & OTHER != 0 {
            return None;
        }
        let from_sip = key & FROM_SIP != 0;
        let direction = if from_sip { Direction::SipToXmpp } else { Direction::XmppToSip };
        let conversation = usize::try_from((key & !FROM_SIP) >> 32).ok()?;
        Some((direction, Place { conversation, sequence: key as u32 }))
    }
}

/// What arrived.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many arrived, each counted once.
    pub arrived: u64,
    /// How many arrived more than once.
    pub duplicated: u64,
    /// How many arrived behind one that was sent later in the same conversation.
    pub reordered: u64,
    /// How many arrived although their sender was told that they did not.
    pub contradicted: u64,
    /// The next number of each conversation.
    expected: Vec<u32>,
    /// What was overtaken.
    missing: BTreeSet<Place>,
    refused: BTreeSet<Place>,
}

impl Tally {
    /// Nothing sent.
    pub fn new(conversations: usize) -> Self {
        Tally { expected: vec![0; conversations], ..Tally::default() }
    }

    /// One arrived; false when it had arrived before.
    pub fn arrived(&mut self, place: Place) -> bool {
        let Some(expected) = self.expected.get_mut(place.conversation) else { return false };
        if place.sequence >= *expected {
            let overtaken = *expected..place.sequence;
            self.missing.extend(overtaken.map(|sequence| Place { sequence, ..place }));
            *expected = place.sequence + 1;
        } else if self.missing.remove(&place) {
            self.reordered += 1;
        } else {
            self.duplicated += 1;
            return false;
        }
        self.arrived += 1;
        self.contradicted += u64::from(self.refused.remove(&place));
        true
    }

    /// The sender of one was told that it did not arrive.
    pub fn refused(&mut self, place: Place) {
        self.refused.insert(place);
    }

    /// How many of `sent` neither arrived nor were refused.
    pub fn lost(&self, sent: u64) -> u64 {
        sent.saturating_sub(self.arrived + self.refused.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(conversation: usize, sequence: u32) -> Place {
        Place { conversation, sequence }
    }

    #[test]
    fn a_place_has_a_key_of_its_own() {
        for direction in [Direction::XmppToSip, Direction::SipToXmpp] {
            let place = at(70_000, u32::MAX);
            assert_eq!(Place::of(place.key(direction)), Some((direction, place)));
        }
        assert_eq!(Place::of(1 << 62), None);
        assert_eq!(Place::of(u64::MAX - 5), None);
    }

    #[test]
    fn order_is_that_of_one_conversation() {
        let mut tally = Tally::new(2);
        for place in [at(0, 0), at(1, 0), at(0, 1), at(1, 1)] {
            assert!(tally.arrived(place));
        }
        assert_eq!((tally.reordered, tally.duplicated, tally.lost(4)), (0, 0, 0));
        assert!(tally.arrived(at(0, 3)));
        assert!(tally.arrived(at(0, 2)));
        assert!(!tally.arrived(at(0, 2)));
        assert!(!tally.arrived(at(1, 1)));
        assert_eq!((tally.arrived, tally.reordered, tally.duplicated), (6, 1, 2));
    }

    #[test]
    fn lost_is_what_neither_arrived_nor_was_refused() {
        let mut tally = Tally::new(1);
        tally.arrived(at(0, 2));
        tally.refused(at(0, 1));
        assert_eq!(tally.lost(3), 1);
        tally.arrived(at(0, 1));
        assert_eq!((tally.contradicted, tally.lost(3)), (1, 1));
    }
}
