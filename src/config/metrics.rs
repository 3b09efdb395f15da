//! `metrics`: numbers for a monitoring system, off unless it is asked for.

use std::net::SocketAddr;

use super::Reading;
use crate::codec::yaml::Node;

/// `metrics: { listen: "127.0.0.1:9478" }`.
pub(super) fn read(node: &Node<'_>, reading: &Reading<'_>) -> Option<SocketAddr> {
    let map = node.map()?;
    let listen = map.required("listen", MEND).and_then(|node| {
        let text = reading.text(&node)?;
        let address = text.parse().ok().filter(|address: &SocketAddr| address.port() != 0);
        if address.is_none() {
            node.error(&format!("`{text}` is not address:port"), MEND);
        }
        address
    });
    map.finish();
    listen
}

const MEND: &str = "write metrics: { listen: \"127.0.0.1:9478\" }";
