//! The component links (XEP-0114): one stream for each component name.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::Reading;
use crate::codec::xmpp::jid::domain_to_unicode;
use crate::codec::yaml::{Map, Node};

/// One component stream.
#[derive(Debug, Clone)]
pub struct Component {
    /// The component's domain, as the server knows it (`component`).
    pub name: String,
    /// Where the server listens for components (`server`, `"host:port"`; port 5347 if left out).
    pub server: ServerAddress,
    /// The shared secret (`secret`, `secret_file`, or `${VARIABLE}` in either).
    pub secret: Secret,
    /// TLS from the first octet (`tls`, default off: the link usually stays on one machine).
    pub tls: Option<Tls>,
    /// Whom the acknowledgement barrier pings (`ping`). Default: the XMPP domain that the
    /// component is a sub-domain of, else the first XMPP domain of the `domains`.
    pub ping: Option<String>,
    /// How long a written stanza may stay unconfirmed before its SIP sender gets 504
    /// (`confirm_timeout`, default 10 s): a 504 makes its sender write the message again, so that a
    /// server that pauses for a backup is waited for. With `grace` it stays below a proxy's 30 s.
    pub confirm_timeout: Duration,
    /// How long a barrier may stay unanswered before the link counts as dead and is opened anew
    /// (`barrier_timeout`, default 15 s). It is above `confirm_timeout`: whoever gets 504 is
    /// answered before the stanza could be written again.
    pub barrier_timeout: Duration,
    /// How long a message waits for a link that is down before its sender gets 503 (`grace`,
    /// default 5 s).
    pub grace: Duration,
    /// The longest pause between two attempts to connect (`reconnect_max`, default 10 s: it is
    /// the outage that goes on after the server is back); the first pause is 100 ms, each further
    /// one double, all with jitter.
    pub reconnect_max: Duration,
}

/// Host and port of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// A name or an IP address (IPv6 without brackets).
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// A shared secret: never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How a link uses TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The name that the server's certificate must carry (`name`). Default: the server's host.
    pub name: Option<String>,
    /// Certificates to trust (`ca_file`, PEM). Default: the system's.
    pub ca_file: Option<PathBuf>,
}

pub(super) fn read(node: &Node<'_>, reading: &Reading<'_>) -> Option<Vec<Component>> {
    let map = node.map()?;
    let Some(list) = map.optional("components") else {
        return component(map, reading).map(|component| vec![component]);
    };
    map.finish();
    let nodes = list.list()?;
    if nodes.is_empty() {
        list.error("a gateway needs at least one component", "");
        return None;
    }
    let read = |node: &Node<'_>| node.map().and_then(|map| component(map, reading));
    let components: Vec<Option<Component>> = nodes.iter().map(read).collect();
    let components: Vec<Component> = components.into_iter().collect::<Option<_>>()?;
    for (index, later) in components.iter().enumerate() {
        if components.iter().take(index).any(|earlier| earlier.name == later.name) {
            let mend = "a server gives one name one stream: drop one of them";
            nodes.get(index)?.error(&format!("component {} stands twice", later.name), mend);
        }
    }
    Some(components)
}

fn component(map: Map<'_>, reading: &Reading<'_>) -> Option<Component> {
    let name = map
        .required("component", "write component: sip.example.com")
        .and_then(|node| domain(&node, &reading.text(&node)?));
    let server = map
        .required("server", "write server: \"127.0.0.1:5347\"")
        .and_then(|node| server_address(&node, &reading.text(&node)?));
    let secret = secret(&map, ("secret", "secret_file"), reading);
    let tls = map.optional("tls").map(|node| tls(&node, reading));
    let ping =
        map.optional("ping").map(|node| reading.text(&node).and_then(|text| domain(&node, &text)));
    let time = |key, default: u64, low: u64, high: u64| match map.optional(key) {
        Some(node) => node.duration(Duration::from_millis(low)..=Duration::from_millis(high)),
        None => Some(Duration::from_millis(default)),
    };
    let confirm_timeout = time("confirm_timeout", 10_000, 100, 30_000);
    let barrier_timeout = time("barrier_timeout", 15_000, 500, 300_000);
    let grace = time("grace", 5_000, 0, 25_000);
    let reconnect_max = time("reconnect_max", 10_000, 100, 3_600_000);
    barrier_outlasts(&map, confirm_timeout, barrier_timeout);
    map.finish();
    Some(Component {
        name: name?,
        server: server?,
        secret: secret?,
        tls: tls.map_or(Some(None), |tls| tls)?,
        ping: ping.map_or(Some(None), |ping| ping.map(Some))?,
        confirm_timeout: confirm_timeout?,
        barrier_timeout: barrier_timeout?,
        grace: grace?,
        reconnect_max: reconnect_max?,
    })
}

/// A barrier that ended with the patience for a stanza, or before, would close the link first, and
/// the stanza would be written again though its sender may be answered in the same moment.
fn barrier_outlasts(map: &Map<'_>, confirm: Option<Duration>, barrier: Option<Duration>) {
    let (Some(confirm), Some(barrier)) = (confirm, barrier) else { return };
    let node = map.optional("barrier_timeout").or_else(|| map.optional("confirm_timeout"));
    let Some(node) = node.filter(|_| barrier <= confirm) else { return };
    let message = format!(
        "the barrier_timeout, {} ms, is not above the confirm_timeout, {} ms",
        barrier.as_millis(),
        confirm.as_millis()
    );
    let mend = format!("write barrier_timeout: {}ms or more", (confirm * 3 / 2).as_millis());
    node.error(&message, &mend);
}

/// A secret under one of two keys: itself, or the file that it is in.
pub(super) fn secret(
    map: &Map<'_>,
    (key, file_key): (&'static str, &'static str),
    reading: &Reading<'_>,
) -> Option<Secret> {
    match (map.optional(key), map.optional(file_key)) {
        (Some(_), Some(node)) => {
            node.error(&format!("both `{key}` and `{file_key}` are given"), "drop one of them");
            None
        }
        (Some(node), None) => not_empty(&node, reading.text(&node)?),
        (None, Some(node)) => {
            let path = reading.path(&node)?;
            match reading.surroundings.file(&path) {
                Ok(text) => not_empty(&node, text.trim_end_matches(['\r', '\n']).to_owned()),
                Err(error) => {
                    node.error(&format!("cannot read {}: {error}", path.display()), "");
                    None
                }
            }
        }
        (None, None) => {
            let mend = format!(
                "write {key}: …, or {file_key}: PATH, as the server's configuration has it"
            );
            map.node().error(&format!("`{key}` is missing"), &mend);
            None
        }
    }
}

fn not_empty(node: &Node<'_>, secret: String) -> Option<Secret> {
    if secret.is_empty() {
        node.error("the secret is empty", "write it as the server's configuration has it");
        return None;
    }
    Some(Secret(secret))
}

/// `true`, `false`, or the keys of [`Tls`]. The outer `None` is a mistake, the inner one "off".
#[expect(clippy::option_option, reason = "a mistake and off are told apart")]
fn tls(node: &Node<'_>, reading: &Reading<'_>) -> Option<Option<Tls>> {
    if !node.is_map() {
        let on = node.truth()?;
        return Some(on.then_some(Tls { name: None, ca_file: None }));
    }
    let map = node.map()?;
    let name = map.optional("name").and_then(|node| reading.text(&node));
    let ca_file = map.optional("ca_file").and_then(|node| reading.path(&node));
    map.finish();
    Some(Some(Tls { name, ca_file }))
}

/// A domain as XMPP writes it: lower case, U-labels, no trailing dot (RFC 7622 §3.2).
pub(super) fn domain(node: &Node<'_>, text: &str) -> Option<String> {
    match domain_to_unicode(text) {
        Ok(domain) => Some(domain.into_owned()),
        Err(_) => {
            node.error(&format!("`{text}` is not a domain"), "write a name such as example.com");
            None
        }
    }
}

fn server_address(node: &Node<'_>, text: &str) -> Option<ServerAddress> {
    let (host, port) = split_port(text);
    let port = match port {
        None => Some(5_347),
        Some(port) => port.parse().ok().filter(|port| *port != 0),
    };
    match port {
        Some(port) if !host.is_empty() => Some(ServerAddress { host: host.to_owned(), port }),
        _ => {
            node.error(&format!("`{text}` is not host:port"), "write \"127.0.0.1:5347\"");
            None
        }
    }
}

/// Host and port of `host`, `host:port`, `[v6]` and `[v6]:port`.
pub(super) fn split_port(text: &str) -> (&str, Option<&str>) {
    if let Some(rest) = text.strip_prefix('[') {
        return match rest.split_once(']') {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').unwrap_or(""))),
            None => ("", None),
        };
    }
    match text.rsplit_once(':') {
        Some((host, _)) if host.contains(':') => (text, None),
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    }
}
