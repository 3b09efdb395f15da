//! The listening sockets: where they are bound and what peers see of them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::Reading;
use super::sip::{TRANSPORTS, Transport};
use super::xmpp::split_port;
use crate::codec::sip::Uri;
use crate::codec::yaml::Node;

/// One listening socket: `"udp:192.0.2.1:5060"`, or `{ address: …, advertise: … }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The transport.
    pub transport: Transport,
    /// What the socket is bound to; `[::]` serves IPv4 too.
    pub bind: SocketAddr,
    /// What peers see in Via (`advertise`). Default: the bound address.
    pub advertise: ListenerAddress,
}

impl Listener {
    /// Whether the socket can send to an address; one bound to `[::]` serves both families.
    #[must_use]
    pub fn reaches(&self, ip: IpAddr) -> bool {
        let bound = self.bind.ip();
        bound.is_ipv4() == ip.is_ipv4() || (bound.is_ipv6() && bound.is_unspecified())
    }

    /// The address that a socket of its own would be bound to for an address.
    #[must_use]
    pub fn source_for(&self, ip: IpAddr) -> IpAddr {
        match (self.bind.ip(), ip) {
            (bound, IpAddr::V4(_)) if bound.is_ipv6() => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            (bound, _) => bound,
        }
    }
}

/// Host and port as they stand in Via.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerAddress {
    /// A name or address; IPv6 in brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for ListenerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

pub(super) fn listener(node: &Node<'_>, reading: &Reading<'_>) -> Option<Listener> {
    if !node.is_map() {
        let (transport, bind) = listen_address(node, &reading.text(node)?)?;
        let advertise = ListenerAddress { host: uri_host(bind.ip()), port: bind.port() };
        return Some(Listener { transport, bind, advertise });
    }
    let map = node.map()?;
    let address = map
        .required("address", "write address: \"udp:0.0.0.0:5060\"")
        .and_then(|node| listen_address(&node, &reading.text(&node)?));
    let advertise = map.optional("advertise");
    map.finish();
    let (transport, bind) = address?;
    let advertise = match advertise {
        Some(node) => advertised(&node, &reading.text(&node)?, bind.port())?,
        None => ListenerAddress { host: uri_host(bind.ip()), port: bind.port() },
    };
    Some(Listener { transport, bind, advertise })
}

fn listen_address(node: &Node<'_>, text: &str) -> Option<(Transport, SocketAddr)> {
    let Some((word, address)) = text.split_once(':') else {
        node.error(&format!("`{text}` is not transport:address:port"), LISTEN_MEND);
        return None;
    };
    let Some((_, transport)) = TRANSPORTS.iter().find(|(known, _)| *known == word) else {
        node.error(&format!("`{word}` is not a transport"), "write udp:… or tcp:…");
        return None;
    };
    let (host, port) = split_port(address);
    let port = port.map_or(Ok(5_060), str::parse);
    match (host.parse::<IpAddr>(), port) {
        (Ok(ip), Ok(port)) if port != 0 => Some((*transport, SocketAddr::new(ip, port))),
        _ => {
            node.error(&format!("`{address}` is not address:port"), LISTEN_MEND);
            None
        }
    }
}

const LISTEN_MEND: &str = "write \"udp:192.0.2.1:5060\" or \"tcp:[2001:db8::1]:5060\"";

fn advertised(node: &Node<'_>, text: &str, default_port: u16) -> Option<ListenerAddress> {
    let (host, port) = split_port(text);
    let port = port.map_or(Ok(default_port), str::parse);
    let host = host.parse::<IpAddr>().map_or_else(|_| host.to_owned(), uri_host);
    let uri = Uri::parse(format!("sip:{host}").into());
    match (uri, port) {
        (Ok(_), Ok(port)) if port != 0 => Some(ListenerAddress { host, port }),
        _ => {
            node.error(&format!("`{text}` is not host:port"), "write \"gw.example.net:5060\"");
            None
        }
    }
}

/// An address as a URI writes it: IPv6 in brackets (RFC 3261 §25.1).
pub(crate) fn uri_host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}
