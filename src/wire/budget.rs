//! How many connections there may be: of peers, and of strangers, so that neither takes the
//! other's room.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::config::Strangers;
use crate::gateway::network;

/// Whose a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// It was accepted from the address of a peer.
    Accepted,
    /// The gateway opened it.
    Opened,
    /// It was accepted from anybody else.
    Stranger,
}

/// Connections that there may be, and that there are.
#[derive(Debug)]
pub(super) struct Budget {
    most: usize,
    strangers: Strangers,
    peers: usize,
    /// Connections of strangers by address.
    by_address: BTreeMap<u64, usize>,
    all_strangers: usize,
}

impl Budget {
    pub(super) fn new(most: usize, strangers: Strangers) -> Self {
        Budget { most, strangers, peers: 0, by_address: BTreeMap::new(), all_strangers: 0 }
    }

    /// Takes a place, if there is one. A tenth of the places of peers is left for connections that
    /// the gateway opens.
    pub(super) fn take(&mut self, side: Side, ip: IpAddr) -> bool {
        let free = match side {
            Side::Opened => self.peers < self.most,
            Side::Accepted => self.peers < self.most - self.most / 10,
            Side::Stranger => {
                let own = self.by_address.get(&network(ip)).copied().unwrap_or(0);
                self.all_strangers < self.strangers.connections
                    && own < self.strangers.connections_per_address
            }
        };
        match side {
            _ if !free => {}
            Side::Opened | Side::Accepted => self.peers += 1,
            Side::Stranger => {
                self.all_strangers += 1;
                *self.by_address.entry(network(ip)).or_default() += 1;
            }
        }
        free
    }

    /// A connection is no more.
    pub(super) fn give_back(&mut self, side: Side, ip: IpAddr) {
        match side {
            Side::Opened | Side::Accepted => self.peers = self.peers.saturating_sub(1),
            Side::Stranger => {
                self.all_strangers = self.all_strangers.saturating_sub(1);
                if let Some(own) = self.by_address.get_mut(&network(ip)) {
                    *own = own.saturating_sub(1);
                    if *own == 0 {
                        self.by_address.remove(&network(ip));
                    }
                }
            }
        }
    }

    /// How many there are: of peers, and of strangers.
    pub(super) fn count(&self) -> (usize, usize) {
        (self.peers, self.all_strangers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(octet: u8) -> IpAddr {
        [192, 0, 2, octet].into()
    }

    #[test]
    fn strangers_take_no_room_of_peers_and_one_address_not_that_of_the_others() {
        let mut budget = Budget::new(10, Strangers::default());
        assert_eq!((0..1_000).filter(|_| budget.take(Side::Stranger, ip(1))).count(), 8);
        let each = |octet: u8| ip(octet % 100 + 2);
        assert_eq!((0..200).filter(|octet| budget.take(Side::Stranger, each(*octet))).count(), 72);
        assert_eq!(budget.count(), (0, 80));
        // Peers have all of theirs, but for what is left for connections to them.
        assert_eq!((0..20).filter(|_| budget.take(Side::Accepted, ip(200))).count(), 9);
        assert!(budget.take(Side::Opened, ip(200)) && !budget.take(Side::Opened, ip(200)));
        // What is given back is free again.
        budget.give_back(Side::Stranger, ip(1));
        assert!(!budget.take(Side::Stranger, ip(250)) || budget.count() == (10, 80));
        budget.give_back(Side::Opened, ip(200));
        assert!(budget.take(Side::Opened, ip(201)));
    }
}
