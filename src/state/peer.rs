//! A SIP peer, watched by OPTIONS (RFC 3261 §11).

use std::net::{IpAddr, SocketAddr};

use crate::config;

/// Whether a peer serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Nothing is known yet.
    Unknown,
    /// It answered the last OPTIONS.
    Up,
    /// It did not answer, or answered 503.
    Down,
}

/// What is known of a peer.
#[derive(Debug)]
pub struct PeerState {
    /// Whether it serves.
    pub health: Health,
    /// Its addresses in order of preference; the first is used.
    pub addresses: Vec<IpAddr>,
    port: u16,
}

impl PeerState {
    /// A peer before its first answer.
    #[must_use]
    pub fn new(peer: &config::Peer) -> Self {
        let addresses = peer.ip.into_iter().collect();
        PeerState { health: Health::Unknown, addresses, port: peer.port }
    }

    /// Where requests to it go, once its name is resolved.
    #[must_use]
    pub fn target(&self) -> Option<SocketAddr> {
        self.addresses.first().map(|ip| SocketAddr::new(*ip, self.port))
    }
}
