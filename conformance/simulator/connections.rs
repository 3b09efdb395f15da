//! TCP connections between the gateway and the proxies: opened by either, ordered, cut by faults.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::agenda::{End, Event, MS, Micros, Packet};
use crate::dice::{Dice, Throws};
use crate::plan::PROXIES;
use crate::stage::Stage;
use crate::stream::Way;

#[derive(Debug)]
struct Connection {
    /// The other side's address as the gateway sees it.
    remote: SocketAddr,
    gateway_open: bool,
    sip_open: bool,
    to_gateway: Way,
    to_sip: Way,
}

#[derive(Debug)]
pub(crate) struct Connections {
    all: BTreeMap<u64, Connection>,
    /// The connection by which each proxy sends its requests.
    pub(crate) outgoing: [Option<u64>; 2],
    last: u64,
    /// So many times the next message of the gateway is cut off on its way.
    pub(crate) deadly: u64,
    latency: Micros,
    dice: Dice,
}

impl Connections {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed, Throws::Connections);
        let latency = dice.pick(&[100, MS, 30 * MS]);
        let (all, outgoing) = (BTreeMap::new(), [None; 2]);
        Connections { all, outgoing, last: 0, deadly: 0, latency, dice }
    }

    fn open(&mut self, remote: SocketAddr, from: Micros) -> u64 {
        self.last += 1;
        let (to_gateway, to_sip) = (Way::new(from), Way::new(from));
        let connection =
            Connection { remote, gateway_open: true, sip_open: true, to_gateway, to_sip };
        self.all.insert(self.last, connection);
        self.last
    }

    /// Sends as `wire` does: by the connection that is meant, else by one to the same address,
    /// else by a new one.
    pub(crate) fn gateway_sends(
        &mut self,
        stage: &mut Stage,
        remote: SocketAddr,
        meant: Option<u64>,
        packet: Packet,
        accepts: bool,
    ) {
        let open = |id: &u64| self.all.get(id).is_some_and(|found| found.gateway_open);
        let same = || {
            let mut all = self.all.iter();
            all.find(|(_, found)| found.gateway_open && found.remote == remote).map(|(id, _)| *id)
        };
        let id = match meant.filter(open).or_else(same) {
            Some(id) => id,
            None => {
                let ready = stage.now + 2 * self.latency;
                let id = self.open(remote, ready);
                if accepts {
                    stage.coverage.hit("tcp.opened_by_gateway");
                } else {
                    let found = self.all.get_mut(&id).expect("just opened");
                    found.to_sip.cut(stage.now);
                    found.sip_open = false;
                    stage.agenda.set(ready, Event::Refused { id, remote });
                }
                id
            }
        };
        let found = self.all.get_mut(&id).expect("found above");
        let at = found.to_sip.arrival(stage.now + self.latency);
        let ends = found.to_gateway.ends();
        stage.agenda.set(at, Event::ByConnection { id, to: End::Sip, packet });
        if self.deadly > 0 && found.sip_open && !ends {
            self.deadly -= 1;
            stage.coverage.hit("tcp.cut_in_flight");
            self.cut(stage, id);
        }
    }

    /// A connection of a proxy to the gateway.
    pub(crate) fn of_proxy(&mut self, stage: &mut Stage, proxy: usize) -> u64 {
        if let Some(id) = self.outgoing[proxy]
            && self.all.get(&id).is_some_and(|found| found.sip_open)
        {
            return id;
        }
        stage.coverage.hit("tcp.opened_by_proxy");
        let mut remote: SocketAddr = PROXIES[proxy].parse().expect("an address");
        remote.set_port(40_000 + (self.last % 20_000) as u16);
        let id = self.open(remote, stage.now + 2 * self.latency);
        self.outgoing[proxy] = Some(id);
        id
    }

    /// Sends by a connection; false when the SIP side knows that it is gone.
    pub(crate) fn sip_sends(&mut self, stage: &mut Stage, id: u64, packet: Packet) -> bool {
        let Some(found) = self.all.get_mut(&id).filter(|found| found.sip_open) else {
            return false;
        };
        let at = found.to_gateway.arrival(stage.now + self.latency);
        stage.agenda.set(at, Event::ByConnection { id, to: End::Gateway, packet });
        true
    }

    /// Whether what arrives now does arrive; for the gateway, from which address.
    pub(crate) fn arrives(&self, stage: &mut Stage, id: u64, to: End) -> Option<SocketAddr> {
        let found = self.all.get(&id).filter(|found| match to {
            End::Gateway => found.gateway_open && found.to_gateway.carries(stage.now),
            End::Sip => found.sip_open && found.to_sip.carries(stage.now),
        });
        if found.is_none() {
            stage.coverage.hit("tcp.lost_in_cut");
        }
        found.map(|found| found.remote)
    }

    /// Cuts every connection; each direction keeps some of what is in flight.
    pub(crate) fn cut_all(&mut self, stage: &mut Stage) {
        let ids: Vec<u64> = self.all.keys().copied().collect();
        for id in ids {
            stage.coverage.hit("tcp.cut");
            self.cut(stage, id);
        }
    }

    fn cut(&mut self, stage: &mut Stage, id: u64) {
        let later = [self.dice.below(2 * self.latency), self.dice.below(2 * self.latency)];
        let Some(found) = self.all.get_mut(&id) else { return };
        found.to_gateway.cut(stage.now + later[0]);
        found.to_sip.cut(stage.now + later[1]);
        stage.agenda.set(stage.now + later[0] + 1, Event::ConnectionGone { id, end: End::Gateway });
        stage.agenda.set(stage.now + later[1] + 1, Event::ConnectionGone { id, end: End::Sip });
    }

    /// One end is gone at once: the gateway's process, or a proxy.
    pub(crate) fn end_died(&mut self, stage: &mut Stage, end: End, ip: Option<std::net::IpAddr>) {
        let there = |found: &Connection| ip.is_none_or(|ip| found.remote.ip() == ip);
        let all = self.all.iter().filter(|(_, found)| there(found));
        let ids: Vec<u64> = all.map(|(id, _)| *id).collect();
        for id in ids {
            self.cut(stage, id);
            self.closed(id, end);
        }
    }

    /// An end holds a connection to be gone; for the gateway's, to which address it was, unless
    /// that was known before.
    pub(crate) fn closed(&mut self, id: u64, end: End) -> Option<SocketAddr> {
        let found = self.all.get_mut(&id)?;
        let before = match end {
            End::Gateway => std::mem::replace(&mut found.gateway_open, false),
            End::Sip => std::mem::replace(&mut found.sip_open, false),
        };
        let remote = found.remote;
        if !found.gateway_open && !found.sip_open {
            self.all.remove(&id);
        }
        before.then_some(remote)
    }
}
