//! Datagrams and TCP connections between the gateway and the peer, which closes one for a message
//! that is over its bound.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::plan::PROXIES;

/// By what a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Udp,
    Tcp(u64),
}

#[derive(Debug)]
struct Connection {
    remote: SocketAddr,
    /// As its two ends know.
    peer_open: bool,
    gateway_open: bool,
}

#[derive(Debug)]
pub(super) struct Wires {
    all: BTreeMap<u64, Connection>,
    /// The one that the peer opened.
    own: Option<u64>,
    last: u64,
    pub(super) peer: SocketAddr,
}

impl Wires {
    pub(super) fn new() -> Self {
        let peer = PROXIES[0].parse().expect("an address");
        Wires { all: BTreeMap::new(), own: None, last: 0, peer }
    }

    fn open(&mut self, remote: SocketAddr) -> u64 {
        self.last += 1;
        self.all.insert(self.last, Connection { remote, peer_open: true, gateway_open: true });
        self.last
    }

    /// By which connection the gateway sends: the one that is meant, else the newest to the same
    /// address, else a new one to the peer.
    pub(super) fn of_gateway(&mut self, meant: Option<u64>, remote: SocketAddr) -> Option<u64> {
        let usable = |id: &u64| self.all.get(id).is_some_and(|it| it.gateway_open);
        let same = || {
            let newest = self.all.iter().rev();
            newest
                .into_iter()
                .find(|(_, it)| it.gateway_open && it.remote == remote)
                .map(|(id, _)| *id)
        };
        let known = meant.filter(usable).or_else(same);
        known.or_else(|| (remote == self.peer).then(|| self.open(remote)))
    }

    /// By what the peer sends: by what its request came, or by a connection of its own.
    pub(super) fn of_peer(&mut self, back: Option<Way>, reliable: bool) -> Way {
        match back {
            Some(Way::Tcp(id)) if self.all.get(&id).is_some_and(|it| it.peer_open) => {
                return Way::Tcp(id);
            }
            Some(Way::Tcp(_)) => {}
            Some(Way::Udp) => return Way::Udp,
            None if !reliable => return Way::Udp,
            None => {}
        }
        let usable = |id: &u64| self.all.get(id).is_some_and(|it| it.peer_open);
        let id = self.own.filter(usable).unwrap_or_else(|| {
            let port = 40_000 + (self.last % 20_000) as u16;
            self.open(SocketAddr::new(self.peer.ip(), port))
        });
        self.own = Some(id);
        Way::Tcp(id)
    }

    pub(super) fn carries_to_peer(&self, id: u64) -> bool {
        self.all.get(&id).is_some_and(|it| it.peer_open)
    }

    /// Where what arrives at the gateway comes from.
    pub(super) fn remote(&self, way: Way) -> Option<(SocketAddr, Option<u64>)> {
        match way {
            Way::Udp => Some((self.peer, None)),
            Way::Tcp(id) => {
                let it = self.all.get(&id).filter(|it| it.gateway_open)?;
                Some((it.remote, Some(id)))
            }
        }
    }

    pub(super) fn peer_closes(&mut self, id: u64) {
        if let Some(it) = self.all.get_mut(&id) {
            it.peer_open = false;
        }
    }

    /// The gateway knows that a connection is gone: to which address it was.
    pub(super) fn gateway_notices(&mut self, id: u64) -> Option<SocketAddr> {
        let it = self.all.get_mut(&id)?;
        it.gateway_open = false;
        Some(it.remote)
    }
}
