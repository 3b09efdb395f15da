//! The datagram network between the gateway and the SIP side: it loses, doubles, delays and
//! reorders, as the seed says.

use std::net::SocketAddr;

use crate::agenda::{Event, MS, Micros, Packet};
use crate::dice::{Dice, Throws};
use crate::stage::Stage;

/// How bad it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    /// Of a thousand datagrams so many are lost, and so many come twice.
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    /// The delay of each is drawn between these.
    pub(crate) delay: (Micros, Micros),
}

/// Nothing is lost and everything keeps its order.
pub(crate) const CALM: Weather = Weather { lost: 0, doubled: 0, delay: (MS, MS) };

#[derive(Debug)]
pub(crate) struct Network {
    dice: Dice,
    pub(crate) weather: Weather,
    /// The gateway's system has no route to this address.
    pub(crate) no_route: Option<SocketAddr>,
    /// When the last datagram of each direction arrives.
    latest: [Micros; 2],
}

impl Network {
    pub(crate) fn new(seed: u64, weather: Weather) -> Self {
        Network { dice: Dice::new(seed, Throws::Network), weather, no_route: None, latest: [0; 2] }
    }

    pub(crate) fn sip_sends(&mut self, stage: &mut Stage, from: SocketAddr, packet: Packet) {
        self.carry(stage, 0, || Event::DatagramToGateway { from, packet: packet.clone() });
    }

    pub(crate) fn gateway_sends(
        &mut self,
        stage: &mut Stage,
        to: SocketAddr,
        packet: Packet,
        incarnation: u64,
    ) {
        if self.no_route == Some(to) {
            stage.coverage.hit("network.no_route");
            stage.agenda.set(stage.now, Event::NoRoute { incarnation, remote: to });
            return;
        }
        self.carry(stage, 1, || Event::DatagramToSip { to, packet: packet.clone() });
    }

    fn carry(&mut self, stage: &mut Stage, direction: usize, event: impl Fn() -> Event) {
        let Weather { lost, doubled, delay: (low, high) } = self.weather;
        let copies = if self.dice.chance(doubled) { 2 } else { 1 };
        if copies == 2 {
            stage.coverage.hit("network.doubled");
        }
        stage.coverage.hit("network.datagrams");
        for _ in 0..copies {
            if self.dice.chance(lost) {
                stage.coverage.hit("network.lost");
                continue;
            }
            let at = stage.now + self.dice.between(low, high);
            if at < self.latest[direction] {
                stage.coverage.hit("network.overtaken");
            }
            self.latest[direction] = self.latest[direction].max(at);
            stage.agenda.set(at, event());
        }
    }
}
