//! The SIP side: where the gateway listens and which proxies it peers with.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::Reading;
use super::listener::{Listener, listener};
use super::xmpp::{Secret, secret, split_port};
use crate::codec::sip::{Scheme, Uri};
use crate::codec::yaml::Node;

/// Listeners, peers and the timers of RFC 3261.
#[derive(Debug, Clone)]
pub struct Sip {
    /// Where the gateway listens (`listen`), at least one.
    pub listen: Vec<Listener>,
    /// The proxies that it serves and sends to (`peers`), in order of preference; at least one.
    pub peers: Vec<Peer>,
    /// Pause between two OPTIONS to one peer (`options_interval`, default 10 s; `0s` is never): with
    /// the 8 s that an answer may take, a dead server is known after 18 s.
    pub options_interval: Duration,
    /// RFC 3261 §17.1.1.1 T1, the round trip estimate (`t1`, default 500 ms).
    pub t1: Duration,
    /// RFC 3261 §17.1.2.2 T2, the longest pause between retransmissions (`t2`, default 4 s).
    pub t2: Duration,
    /// Whom names are asked from (`dns`).
    pub dns: Dns,
}

/// A transport that listeners and peers can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Datagrams (RFC 3261 §18).
    Udp,
    /// Streams.
    Tcp,
}

impl Transport {
    /// The word in a Via, in upper case.
    #[must_use]
    pub fn via(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        }
    }

    /// Whether the transport delivers by itself, so that nothing is retransmitted.
    #[must_use]
    pub fn reliable(self) -> bool {
        self != Transport::Udp
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        })
    }
}

pub(super) const TRANSPORTS: [(&str, Transport); 2] =
    [("udp", Transport::Udp), ("tcp", Transport::Tcp)];

/// A SIP proxy that the gateway trusts and sends to.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The operator's name for it (`name`).
    pub name: String,
    /// Its SIP URI (`uri`): where to send, by the rules of RFC 3263.
    pub uri: Uri,
    /// What the URI says of where to send.
    pub place: Place,
    /// Further addresses that its requests may come from (`addresses`, default none).
    pub addresses: Vec<IpAddr>,
    /// Who the gateway is when the peer asks for credentials (`auth`, default nobody).
    pub accounts: Vec<Account>,
    /// The form of the messages that go to it (`bodies`, default `auto`).
    pub bodies: Bodies,
}

/// The form of the messages that go to a peer, where no rule says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bodies {
    /// By what is known of each target.
    #[default]
    Auto,
    /// Always a `message/cpim` object: the peer is a CPIM service (RFC 3860 §3.1).
    Cpim,
    /// Always bare text.
    Text,
}

/// What a URI says of where its requests go; the rest is for the DNS to say (RFC 3263 §4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// A name, or an address without brackets.
    pub host: String,
    /// The address itself where the host is one.
    pub ip: Option<IpAddr>,
    /// The port, if one is given.
    pub port: Option<u16>,
    /// The transport, if one is given.
    pub transport: Option<Transport>,
    /// Under which service the DNS is asked for it (`service`, default `sip`).
    pub service: Service,
}

/// The service that names the servers of a domain in the DNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Service {
    /// `sip`: NAPTR and SRV of RFC 3263; for everything.
    #[default]
    Sip,
    /// `im`: `_im._sip` of RFC 3861, for messages.
    Im,
    /// `pres`: `_pres._sip` of RFC 3861, for presence.
    Pres,
}

impl Service {
    /// The SRV name of a domain under RFC 3861 §4; `None` where RFC 3263 says how.
    #[must_use]
    pub fn srv(self, domain: &str) -> Option<String> {
        match self {
            Service::Sip => None,
            Service::Im => Some(format!("_im._sip.{domain}")),
            Service::Pres => Some(format!("_pres._sip.{domain}")),
        }
    }

    /// Whether a peer of this service carries what another one is about.
    #[must_use]
    pub fn carries(self, what: Service) -> bool {
        self == Service::Sip || self == what
    }
}

impl Place {
    /// The transport, if the DNS has no say in it: UDP where an address or a port is given
    /// (RFC 3263 §4.1).
    #[must_use]
    pub fn fixed_transport(&self) -> Option<Transport> {
        let settled = self.ip.is_some() || self.port.is_some();
        self.transport.or(settled.then_some(Transport::Udp))
    }
}

/// Credentials for a peer (RFC 3261 §22).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The realm that they are for (`realm`). Default: any.
    pub realm: Option<String>,
    /// The user name (`username`).
    pub username: String,
    /// The password (`password`, `password_file`, or `${VARIABLE}` in either).
    pub password: Secret,
}

/// Whom names are asked from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dns {
    /// Name servers (`servers`). Default: those of the system.
    pub servers: Vec<SocketAddr>,
    /// How long one attempt may take (`timeout`, default 2 s, which is the most); there are two.
    pub timeout: Duration,
}

impl Sip {
    pub(super) fn read(node: &Node<'_>, reading: &Reading<'_>) -> Option<Self> {
        let map = node.map()?;
        let listen = map
            .required("listen", "write listen: [ \"udp:192.0.2.1:5060\" ]")
            .and_then(|node| all(&node, |node| listener(node, reading)));
        let peers = map
            .required("peers", "write peers: [ { name: core, uri: \"sip:192.0.2.2:5060\" } ]")
            .and_then(|node| peers(&node, reading));
        let time = |key, default: u64, low: u64, high: u64| match map.optional(key) {
            Some(node) => node.duration(Duration::from_millis(low)..=Duration::from_millis(high)),
            None => Some(Duration::from_millis(default)),
        };
        let options_interval = time("options_interval", 10_000, 0, 3_600_000);
        let t1 = time("t1", 500, 10, 5_000);
        let t2 = time("t2", 4_000, 100, 60_000);
        let dns = dns(map.optional("dns"), reading);
        map.finish();
        let (listen, peers) = (listen?, peers?);
        let (options_interval, t1, t2) = (options_interval?, t1?, t2?);
        Some(Sip { listen, peers, options_interval, t1, t2, dns: dns? })
    }
}

fn all<T>(node: &Node<'_>, read: impl Fn(&Node<'_>) -> Option<T>) -> Option<Vec<T>> {
    let nodes = node.list()?;
    if nodes.is_empty() {
        node.error("the list is empty", "name at least one");
        return None;
    }
    let read: Vec<Option<T>> = nodes.iter().map(read).collect();
    read.into_iter().collect()
}

const SERVICES: [(&str, Service); 3] =
    [("sip", Service::Sip), ("im", Service::Im), ("pres", Service::Pres)];

const BODIES: [(&str, Bodies); 3] =
    [("auto", Bodies::Auto), ("cpim", Bodies::Cpim), ("text", Bodies::Text)];

/// The peers; each has a name of its own, by which the rules, the log and the numbers call it.
fn peers(node: &Node<'_>, reading: &Reading<'_>) -> Option<Vec<Peer>> {
    let peers = all(node, |node| peer(node, reading))?;
    for (index, later) in peers.iter().enumerate() {
        if peers.iter().take(index).any(|earlier| earlier.name == later.name) {
            let nodes = node.list()?;
            let message = format!("two peers are called {}", later.name);
            nodes.get(index)?.error(&message, "give each a name of its own");
        }
    }
    Some(peers)
}

fn peer(node: &Node<'_>, reading: &Reading<'_>) -> Option<Peer> {
    let map = node.map()?;
    let name = map.required("name", "give the peer a name").and_then(|node| reading.text(&node));
    let uri = map
        .required("uri", "write uri: \"sip:192.0.2.2:5060;transport=udp\"")
        .and_then(|node| peer_uri(&node, &reading.text(&node)?));
    let addresses = match map.optional("addresses") {
        Some(node) => node.list().and_then(|nodes| {
            nodes.iter().map(|node| node.parse::<IpAddr>("an IP address")).collect()
        }),
        None => Some(Vec::new()),
    };
    let accounts = match map.optional("auth") {
        Some(node) => accounts(&node, reading),
        None => Some(Vec::new()),
    };
    let service = match map.optional("service") {
        Some(node) => node.one_of(&SERVICES),
        None => Some(Service::Sip),
    };
    let bodies = match map.optional("bodies") {
        Some(node) => node.one_of(&BODIES),
        None => Some(Bodies::Auto),
    };
    map.finish();
    let (name, (uri, transport), service) = (name?, uri?, service?);
    let ip = uri.host().and_then(|host| host.ip());
    let host = ip.map_or_else(|| uri.host_str().to_owned(), |ip| ip.to_string());
    let place = Place { host, ip, port: uri.port(), transport, service };
    if service != Service::Sip && (place.ip.is_some() || place.port.is_some()) {
        node.error(
            "an address or a port leaves nothing to ask the DNS for",
            "write uri: \"sip:example.net\", or leave out service",
        );
        return None;
    }
    let (addresses, accounts, bodies) = (addresses?, accounts?, bodies?);
    Some(Peer { name, uri, place, addresses, accounts, bodies })
}

/// One account, or a list of them for several realms.
fn accounts(node: &Node<'_>, reading: &Reading<'_>) -> Option<Vec<Account>> {
    if node.is_map() {
        return account(node, reading).map(|account| vec![account]);
    }
    all(node, |node| account(node, reading))
}

fn account(node: &Node<'_>, reading: &Reading<'_>) -> Option<Account> {
    let map = node.map()?;
    let realm = map.optional("realm").map(|node| reading.text(&node));
    let username =
        map.required("username", "write username: …").and_then(|node| reading.text(&node));
    let password = secret(&map, ("password", "password_file"), reading);
    map.finish();
    let realm = realm.map_or(Some(None), |realm| realm.map(Some))?;
    Some(Account { realm, username: username?, password: password? })
}

fn dns(node: Option<Node<'_>>, reading: &Reading<'_>) -> Option<Dns> {
    let mut dns = Dns { servers: Vec::new(), timeout: Duration::from_secs(2) };
    let Some(node) = node else { return Some(dns) };
    let map = node.map()?;
    if let Some(servers) = map.optional("servers") {
        dns.servers = all(&servers, |node| name_server(node, &reading.text(node)?))?;
    }
    if let Some(timeout) = map.optional("timeout") {
        dns.timeout = timeout.duration(Duration::from_millis(100)..=Duration::from_secs(2))?;
    }
    map.finish();
    Some(dns)
}

fn name_server(node: &Node<'_>, text: &str) -> Option<SocketAddr> {
    let (host, port) = split_port(text);
    match (host.parse::<IpAddr>(), port.map_or(Ok(53), str::parse)) {
        (Ok(ip), Ok(port)) if port != 0 => Some(SocketAddr::new(ip, port)),
        _ => {
            node.error(&format!("`{text}` is not an address"), "write \"192.0.2.53\"");
            None
        }
    }
}

fn peer_uri(node: &Node<'_>, text: &str) -> Option<(Uri, Option<Transport>)> {
    let mend = "write \"sip:192.0.2.2:5060;transport=udp\"";
    let uri = match Uri::parse(text.to_owned().into()) {
        Ok(uri) if uri.scheme() == Scheme::Sip && uri.port() != Some(0) => uri,
        _ => {
            node.error(&format!("`{text}` is not a sip: URI"), mend);
            return None;
        }
    };
    let Some(word) = uri.param("transport").flatten() else { return Some((uri, None)) };
    let word = word.to_ascii_lowercase();
    match TRANSPORTS.iter().find(|(known, _)| *known == word) {
        Some((_, transport)) => Some((uri, Some(*transport))),
        None => {
            node.error(&format!("transport `{word}` is not served"), "write udp or tcp");
            None
        }
    }
}
