//! Who watches whom. SIP users have the numbers of pairs: `sP` is in one pair alone, with the XMPP
//! user `xU`, whose number is P modulo their number.

use std::ops::Range;

use crate::options::presence::Watching;

/// Who watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The XMPP user watches the SIP user.
    XmppWatches,
    /// The SIP user watches the XMPP user.
    SipWatches,
}

/// Both, in the order of arrays by [`Way::index`].
pub const WAYS: [Way; 2] = [Way::XmppWatches, Way::SipWatches];

impl Way {
    /// Its place in arrays.
    pub fn index(self) -> usize {
        self as usize
    }
}

/// The plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// XMPP users.
    pub users: u32,
    /// Who watches whom.
    pub watching: Watching,
    /// For how long subscriptions are asked for, seconds.
    pub expires: u32,
    /// Subscriptions that are brought up at once, by way.
    pub windows: [u32; 2],
}

impl Plan {
    /// The XMPP user of a pair.
    pub fn user(&self, pair: u32) -> u32 {
        pair % self.users.max(1)
    }

    /// The pairs that so many subscriptions are of, by way.
    pub fn pairs(&self, subscriptions: u32) -> [Range<u32>; 2] {
        let half = subscriptions / 2;
        match self.watching {
            Watching::Both => [0..half, half..subscriptions],
            Watching::Mutual => [0..half, 0..half],
            Watching::Xmpp => [0..subscriptions, 0..0],
            Watching::Sip => [0..0, 0..subscriptions],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_subscriptions_are_of_some_pair() {
        let watchings = [Watching::Both, Watching::Mutual, Watching::Xmpp, Watching::Sip];
        for watching in watchings {
            let plan = Plan { users: 3, watching, expires: 60, windows: [1, 1] };
            let [of_xmpp, of_sip] = plan.pairs(20);
            assert_eq!(of_xmpp.len() + of_sip.len(), 20, "{watching:?}");
            assert_eq!(plan.user(7), 1);
        }
    }
}
