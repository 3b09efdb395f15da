//! The admin socket: what a running gateway tells of itself.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::runner::Runner;
use crate::flow::Counter;
use crate::state::peer::Health;

/// The state of a running gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The version that runs.
    pub version: String,
    /// Seconds since the start.
    pub uptime_s: u64,
    /// Whether new messages are taken on.
    pub in_service: bool,
    /// The component links.
    pub links: Vec<LinkStatus>,
    /// The SIP peers.
    pub peers: Vec<PeerStatus>,
    /// What is in flight, by name.
    pub gauges: BTreeMap<String, u64>,
    /// What was counted since the start, by name.
    pub counters: BTreeMap<String, u64>,
}

/// One component link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkStatus {
    /// The component's domain.
    pub component: String,
    /// The server's address.
    pub server: String,
    /// `up`, `connecting` or `down`.
    pub state: String,
    /// Why it is down.
    pub error: Option<String>,
    /// Stanzas that the server has perhaps not got yet.
    pub unconfirmed: usize,
}

/// One SIP peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerStatus {
    /// The operator's name for it.
    pub name: String,
    /// Its URI.
    pub uri: String,
    /// `up`, `down` or `unknown`.
    pub state: String,
}

fn status(runner: &Runner) -> Status {
    let gateway = runner.gateway.borrow();
    let (config, state) = (gateway.config(), gateway.state());
    let now = runner.clock.now().instant;
    let links = config.components.iter().zip(state.links()).map(|(component, link)| LinkStatus {
        component: component.name.clone(),
        server: component.server.to_string(),
        state: match (link.is_up(), link.reason()) {
            (true, _) => "up",
            (false, None) => "connecting",
            (false, Some(_)) => "down",
        }
        .to_owned(),
        error: link.reason().map(str::to_owned),
        unconfirmed: link.held(),
    });
    let peers = config.sip.peers.iter().zip(state.peers()).map(|(peer, known)| PeerStatus {
        name: peer.name.clone(),
        uri: peer.uri.as_str().to_owned(),
        state: match known.health {
            Health::Up => "up",
            Health::Down => "down",
            Health::Unknown => "unknown",
        }
        .to_owned(),
    });
    let gauge = |name: &str, value: usize| (name.to_owned(), value as u64);
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_s: now.0 / 1_000_000,
        in_service: state.in_service(now),
        links: links.collect(),
        peers: peers.collect(),
        gauges: BTreeMap::from([
            gauge("messages_to_sip_in_flight", state.deliveries().len()),
            gauge("requests_waiting_for_xmpp", state.servers().waiting()),
        ]),
        counters: Counter::ALL
            .iter()
            .map(|counter| (counter.name().to_owned(), state.counters().get(*counter)))
            .collect(),
    }
}

/// Makes the socket: only its owner may ask. One that an earlier process left is replaced; one
/// that answers belongs to a process that runs.
pub(super) fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(directory)?;
    }
    if StdUnixStream::connect(path).is_ok() {
        let running = "another stox answers there: give each its own admin.socket";
        return Err(io::Error::new(io::ErrorKind::AddrInUse, running));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers whoever asks, for ever.
pub(super) async fn keep_answering(runner: Rc<Runner>, listener: UnixListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let runner = Rc::clone(&runner);
        tokio::task::spawn_local(async move {
            let _ = tokio::time::timeout(Duration::from_secs(5), answer(&runner, stream)).await;
        });
    }
}

async fn answer(runner: &Runner, mut stream: UnixStream) -> io::Result<()> {
    let mut asked = [0; 64];
    let length = stream.read(&mut asked).await?;
    let reply = match asked.get(..length) {
        Some(b"status\n") => serde_json::to_vec(&status(runner))?,
        _ => br#"{"error":"unknown request"}"#.to_vec(),
    };
    stream.write_all(&reply).await?;
    stream.shutdown().await
}

/// Asks a running gateway for its status.
///
/// # Errors
/// When nobody answers at the socket.
pub fn ask(socket: &Path) -> io::Result<Status> {
    let mut stream = StdUnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"status\n")?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    Ok(serde_json::from_slice(&reply)?)
}
