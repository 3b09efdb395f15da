//! Tries the links once, without serving: `stox check --connect`.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::{component, dns};
use crate::codec::xml::Limits;
use crate::config::{Config, Peer, Transport};
use crate::flow::Instant;
use crate::gateway::{Located, Locator, Target, locate};

/// What one link said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The link, in words.
    pub link: String,
    /// What is wrong with it; none when it works.
    pub error: Option<String>,
}

/// How long a peer may take to answer.
const ANSWER: Duration = Duration::from_secs(3);

/// Opens each component stream and asks each SIP peer for its health.
///
/// A component that is connected already may be thrown out by the server: this is for a gateway
/// that does not run yet.
///
/// # Errors
/// When the system gives no sockets.
pub fn probe(config: &Config) -> io::Result<Vec<Probe>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut probes = Vec::new();
        for component in &config.components {
            let opened = component::open(component, Limits::default()).await;
            let link = format!("component {} at {}", component.name, component.server);
            probes.push(Probe { link, error: opened.err().map(|closed| closed.reason) });
        }
        for peer in &config.sip.peers {
            let link = format!("SIP peer {} at {}", peer.name, peer.uri.as_str());
            probes.push(Probe { link, error: ask(peer, config).await.err() });
        }
        Ok(probes)
    })
}

/// Whether one of a peer's servers answers.
async fn ask(peer: &Peer, config: &Config) -> Result<(), String> {
    let mut last = Err("sip.peers: its name leads to no address".to_owned());
    for Target { transport, remote } in find(peer, config).await? {
        last = match transport {
            Transport::Tcp => match timeout(ANSWER, TcpStream::connect(remote)).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(format!("sip.peers: {remote} cannot be reached: {error}")),
                Err(_) => Err(format!("sip.peers: {remote} does not accept a connection")),
            },
            Transport::Udp => ask_udp(peer, config, remote).await,
        };
        if last.is_ok() {
            break;
        }
    }
    last
}

/// A peer's servers, the first choice first.
async fn find(peer: &Peer, config: &Config) -> Result<Vec<Target>, String> {
    let (mut known, now) = (Locator::default(), Instant::default());
    loop {
        match locate(config, peer, &known, now) {
            Located::Nowhere(_) => return Ok(Vec::new()),
            Located::Found(mut candidates, _) | Located::Partly(mut candidates, _) => {
                candidates.sort_by_key(|candidate| candidate.rank);
                return Ok(candidates.iter().map(|candidate| candidate.target).collect());
            }
            Located::Ask(queries) => {
                for query in queries {
                    let answer = dns::ask(&config.sip.dns, &query).await;
                    let answer = answer.map_err(|error| {
                        format!("sip.peers: the name {} cannot be resolved: {error}", query.name)
                    })?;
                    known.answered(query, answer, now);
                }
            }
        }
    }
}

/// OPTIONS from an ephemeral port: any answer shows that the peer is there.
async fn ask_udp(peer: &Peer, config: &Config, remote: SocketAddr) -> Result<(), String> {
    let listener = config
        .sip
        .listen
        .iter()
        .find(|listener| listener.transport == Transport::Udp && listener.reaches(remote.ip()));
    let own = listener.map(|listener| SocketAddr::new(listener.source_for(remote.ip()), 0));
    let own = own.ok_or("sip.listen: no udp listener of the peer's address family")?;
    let failed = |error: io::Error| format!("sip.peers: {remote} cannot be reached: {error}");
    let socket = UdpSocket::bind(own).await.map_err(failed)?;
    socket.connect(remote).await.map_err(failed)?;
    let mut here = config.sip.listen.first().cloned().ok_or("sip.listen: empty")?;
    let local = socket.local_addr().map_err(failed)?;
    here.transport = Transport::Udp;
    here.advertise.host = crate::config::uri_host(local.ip());
    here.advertise.port = local.port();
    let octets =
        crate::gateway::probe_request(peer, &here).ok_or("sip.listen: no legal address")?;
    let mut buffer = vec![0; 2_048];
    for _ in 0..2 {
        socket.send(&octets).await.map_err(failed)?;
        match timeout(ANSWER / 2, socket.recv(&mut buffer)).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => return Err(failed(error)),
            Err(_) => {}
        }
    }
    Err(format!("sip.peers: {remote} does not answer OPTIONS"))
}
