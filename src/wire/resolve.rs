//! Names of peers to addresses.

use std::net::IpAddr;
use std::rc::Rc;

use tokio::net::lookup_host;

use super::runner::Runner;
use crate::flow::{Input, PeerId};

/// Looks a name up and tells the core.
pub(super) async fn resolve(runner: Rc<Runner>, peer: PeerId, host: String, port: u16) {
    let mut addresses: Vec<IpAddr> = match lookup_host((host.as_str(), port)).await {
        Ok(found) => found.map(|address| address.ip()).collect(),
        Err(error) => {
            runner.log.unresolved(&host, &error);
            Vec::new()
        }
    };
    let mut seen = Vec::new();
    addresses.retain(|ip| {
        let new = !seen.contains(ip);
        seen.push(*ip);
        new
    });
    runner.feed(Input::Resolved { peer, addresses });
}
