//! `stox.yaml`: what an operator must say, and every default with its reason.
//!
//! Settings are read once into these types; after [`load`] a value that exists is legal.
//! [`check`] then looks at settings together: domains that nobody serves, a peer that is the
//! gateway itself, a listener that its peer cannot reach.

mod check;
mod domains;
mod limits;
mod listener;
mod metrics;
mod presence;
mod sip;
mod xmpp;

use std::cell::RefCell;
use std::hash::Hasher;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::codec::yaml::{Document, Finding, Findings, Map, Node};

pub use domains::{DomainPair, Domains, Side};
pub use limits::{Limits, Strangers};
#[cfg(feature = "wire")]
pub(crate) use listener::uri_host;
pub use listener::{Listener, ListenerAddress};
pub use presence::Presence;
pub use sip::{Account, Bodies, Dns, Peer, Place, Service, Sip, Transport};
pub use xmpp::{Component, Secret, ServerAddress, Tls};

/// All settings of one gateway process.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file that it was read from.
    pub file: PathBuf,
    /// The digest of that file's text: whether it has changed since.
    pub digest: u64,
    /// One component stream each; at least one.
    pub components: Vec<Component>,
    /// The SIP side: listeners and peers.
    pub sip: Sip,
    /// Which domain stands for which on the other side.
    pub domains: Domains,
    /// The embedded store's file. Default: `stox.redb` beside the configuration.
    pub store: PathBuf,
    /// A directory of mapping rules that override built-in ones by name. Default: none.
    pub rules: Option<PathBuf>,
    /// How often that directory is looked at for changes (`rules.watch`, default `0s`: never;
    /// SIGHUP and `stox rules reload` say when).
    pub rules_watch: Duration,
    /// The unix socket that `stox status` asks. Default: `stox.sock` beside the store.
    pub admin_socket: PathBuf,
    /// Where `GET /metrics` is answered (`metrics.listen`). Default: nowhere.
    pub metrics: Option<SocketAddr>,
    /// Times of presence.
    pub presence: Presence,
    /// The bounds of everything that can grow.
    pub limits: Limits,
}

/// What the surroundings tell: variables of the environment and files named in the settings.
pub trait Environment {
    /// The value of an environment variable.
    fn variable(&self, name: &str) -> Option<String>;
    /// The text of a file.
    ///
    /// # Errors
    /// When the file cannot be read as UTF-8 text.
    fn file(&self, path: &Path) -> std::io::Result<String>;
    /// Whether something stands at a path that is no socket.
    fn is_no_socket(&self, _: &Path) -> bool {
        false
    }
}

/// The process's own environment and file system.
pub struct Process;

impl Environment for Process {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
    fn file(&self, path: &Path) -> std::io::Result<String> {
        std::fs::read_to_string(path)
    }
    fn is_no_socket(&self, path: &Path) -> bool {
        use std::os::unix::fs::FileTypeExt;
        std::fs::symlink_metadata(path).is_ok_and(|data| !data.file_type().is_socket())
    }
}

/// What the parts of the configuration need while they read themselves.
struct Reading<'a> {
    surroundings: &'a dyn Environment,
    /// Relative paths begin here: the directory of the configuration file.
    directory: &'a Path,
}

impl Reading<'_> {
    fn text(&self, node: &Node<'_>) -> Option<String> {
        node.expanded(&|name| self.surroundings.variable(name))
    }

    fn path(&self, node: &Node<'_>) -> Option<PathBuf> {
        self.text(node).map(|text| self.directory.join(text))
    }
}

/// Reads and checks a configuration file.
///
/// # Errors
/// Every mistake found, in the order of the file; warnings come with the settings instead.
pub fn load(
    path: &Path,
    surroundings: &dyn Environment,
) -> Result<(Config, Vec<Finding>), Vec<Finding>> {
    let name = path.display().to_string();
    let text = surroundings.file(path).map_err(|error| {
        let finding = Finding::without_place(format!("cannot read {name}: {error}"));
        vec![finding.hint("name the configuration with --config FILE")]
    })?;
    let mut findings = Findings::default();
    let document = Document::parse(&name, &text, &mut findings);
    let findings = RefCell::new(findings);
    let directory = path.parent().unwrap_or(Path::new(""));
    let reading = Reading { surroundings, directory };
    let config = Node::root(&document, &findings).and_then(|root| root.map()).and_then(|root| {
        let config = read(&root, &reading);
        root.finish();
        config
    });
    let failed = findings.borrow().any_error();
    let findings = findings.into_inner().sorted();
    match config {
        Some(config) if !failed => {
            Ok((Config { file: path.to_owned(), digest: digest(&text), ..config }, findings))
        }
        _ => Err(findings),
    }
}

/// A digest of the text of a configuration.
#[must_use]
pub fn digest(text: &str) -> u64 {
    let mut hasher = siphasher::sip::SipHasher13::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

fn read(root: &Map<'_>, reading: &Reading<'_>) -> Option<Config> {
    let limits = Limits::read(root.optional("limits"));
    let presence = Presence::read(root.optional("presence"));
    let components = root
        .required("xmpp", "write xmpp: { component: …, server: \"host:5347\", secret: … }")
        .and_then(|node| xmpp::read(&node, reading));
    let sip = root
        .required("sip", "write sip: { listen: [ … ], peers: [ … ] }")
        .and_then(|node| Sip::read(&node, reading));
    let pairs = root
        .required("domains", "write domains: [ { xmpp: …, sip: … }, … ]")
        .and_then(|node| domains::read(&node, reading));
    let store = match root.optional("store") {
        Some(node) => store_path(&node, reading),
        None => Some(reading.directory.join("stox.redb")),
    };
    let (rules, rules_watch) = rules(root.optional("rules"), reading);
    let metrics = root.optional("metrics").and_then(|node| metrics::read(&node, reading));
    let admin = root.optional("admin");
    let (domains_node, sip_node) = (root.optional("domains"), root.optional("sip"));
    let socket = admin.and_then(|node| admin_socket(&node, reading));
    let (mut components, sip, pairs) = (components?, sip?, pairs?);
    let domains = check::all(&domains_node?, &sip_node?, &components, &sip, pairs);
    for component in &mut components {
        let ping = component.ping.take().or_else(|| domains.home_of(&component.name));
        component.ping = ping;
    }
    let store = store?;
    let admin_socket =
        socket.unwrap_or_else(|| store.parent().unwrap_or(Path::new("")).join("stox.sock"));
    let (limits, presence) = (limits?, presence?);
    Some(Config {
        file: PathBuf::new(),
        digest: 0,
        components,
        sip,
        domains,
        store,
        rules,
        rules_watch,
        admin_socket,
        metrics,
        presence,
        limits,
    })
}

fn store_path(node: &Node<'_>, reading: &Reading<'_>) -> Option<PathBuf> {
    let map = node.map()?;
    let path = map.required("path", "write store: { path: var/stox.redb }");
    let path = path.and_then(|node| reading.path(&node));
    map.finish();
    path
}

/// `rules: DIRECTORY`, or `rules: { directory: …, watch: … }`.
fn rules(node: Option<Node<'_>>, reading: &Reading<'_>) -> (Option<PathBuf>, Duration) {
    let Some(node) = node else { return (None, Duration::ZERO) };
    if !node.is_map() {
        return (reading.path(&node), Duration::ZERO);
    }
    let Some(map) = node.map() else { return (None, Duration::ZERO) };
    let directory = map.required("directory", "write rules: { directory: rules }");
    let day = Duration::from_secs(24 * 3_600);
    let watch = map.optional("watch").and_then(|node| node.duration(Duration::ZERO..=day));
    map.finish();
    (directory.and_then(|node| reading.path(&node)), watch.unwrap_or_default())
}

fn admin_socket(node: &Node<'_>, reading: &Reading<'_>) -> Option<PathBuf> {
    let map = node.map()?;
    let path = map.optional("socket").and_then(|node| {
        let path = reading.path(&node)?;
        if reading.surroundings.is_no_socket(&path) {
            let message = format!("{} is no socket", path.display());
            node.error(&message, "move it away, or name another path");
        }
        Some(path)
    });
    map.finish();
    path
}
