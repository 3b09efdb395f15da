//! Events to log lines: at most so many of one cause in a second, the rest counted.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use tracing::{debug, error, info, warn};

use crate::config::Config;
use crate::flow::{Event, LinkId, PeerId, Sighting, direction};

/// How often a trouble that lasts is told again.
const REMINDER: Duration = Duration::from_secs(60);

/// The log, with the names of links and peers.
#[derive(Debug)]
pub(super) struct Log {
    links: Vec<String>,
    peers: Vec<String>,
    bound: u32,
    causes: RefCell<BTreeMap<&'static str, Cause>>,
    /// When a cause was last told of which a line a minute is enough.
    told: RefCell<BTreeMap<&'static str, Instant>>,
    /// Why links are down, and when that was last told.
    down: RefCell<BTreeMap<LinkId, (String, Instant)>>,
}

#[derive(Debug)]
struct Cause {
    since: Instant,
    lines: u32,
}

impl Log {
    pub(super) fn new(config: &Config) -> Self {
        let link = |component: &crate::config::Component| component.name.clone();
        let peer = |peer: &crate::config::Peer| format!("{} ({})", peer.name, peer.uri.as_str());
        Log {
            links: config.components.iter().map(link).collect(),
            peers: config.sip.peers.iter().map(peer).collect(),
            bound: config.limits.log_lines_per_second,
            causes: RefCell::default(),
            told: RefCell::default(),
            down: RefCell::default(),
        }
    }

    fn link(&self, link: LinkId) -> &str {
        self.links.get(link.0).map_or("?", String::as_str)
    }

    fn peer(&self, peer: PeerId) -> &str {
        self.peers.get(peer.0).map_or("?", String::as_str)
    }

    /// Whether a line of this cause may be written now. When a new second begins, what was left
    /// out in the last one is told.
    fn may(&self, cause: &'static str) -> bool {
        let now = Instant::now();
        let mut causes = self.causes.borrow_mut();
        let entry = causes.entry(cause).or_insert(Cause { since: now, lines: 0 });
        if now - entry.since >= Duration::from_secs(1) {
            if entry.lines > self.bound {
                warn!(left_out = entry.lines - self.bound, "more lines like \"{cause}\"");
            }
            *entry = Cause { since: now, lines: 0 };
        }
        entry.lines += 1;
        entry.lines <= self.bound
    }

    /// Whether a link is down for a reason that was not told within the last minute.
    fn is_news(&self, link: LinkId, reason: &str) -> bool {
        let now = Instant::now();
        let mut down = self.down.borrow_mut();
        let told =
            down.get(&link).is_some_and(|(known, at)| known == reason && now - *at < REMINDER);
        if !told {
            down.insert(link, (reason.to_owned(), now));
        }
        !told
    }

    pub(super) fn event(&self, event: &Event) {
        match event {
            Event::LinkUp(link) => {
                self.down.borrow_mut().remove(link);
                info!(component = self.link(*link), "component link up");
            }
            Event::LinkDown(link, reason) => {
                let component = self.link(*link);
                match self.is_news(*link, reason) {
                    true => error!(component, "component link down: {reason}"),
                    false => debug!(component, "component link still down: {reason}"),
                }
            }
            Event::Quarantined { link, correlation, stanza } => {
                let component = self.link(*link);
                error!(component, id = %correlation, stanza, "a stanza closed the stream twice and was put aside");
            }
            Event::TooLarge { what, .. } => self.too_large(what, event),
            Event::ClosedTwice { remote, octets } => self.closed_twice(*remote, *octets),
            Event::PeerUp(peer) => info!(peer = self.peer(*peer), "SIP peer up"),
            Event::PeerDown(peer, why) => warn!(peer = self.peer(*peer), "SIP peer down: {why}"),
            Event::WithoutTcp(peer, server) => {
                warn!(peer = self.peer(*peer), %server, "SIP peer takes no TCP: large requests go by UDP");
            }
            Event::CameBack(correlation) => {
                warn!(id = %correlation, "a message of stox's own came back from XMPP: dropped");
            }
            Event::Carried { correlation, route } => debug!(id = %correlation, "{route}"),
            Event::Ended { correlation, outcome, failed } => {
                if self.may(if *failed { "message failed" } else { "message ended" }) {
                    info!(id = %correlation, "{outcome}");
                }
            }
            Event::Abandoned(delivery) => {
                error!(
                    delivery = delivery.0,
                    "a message that was left unfinished cannot be carried any more and is given up"
                );
            }
            Event::Encrypted(sighting) => self.encrypted(sighting),
            Event::Refused { remote, outcome } => {
                if self.may("SIP request refused") {
                    info!(%remote, "SIP request {outcome}");
                }
            }
        }
    }

    /// Once a minute for each kind of message: one sender can make any number of them.
    fn too_large(&self, kind: &'static str, event: &Event) {
        if let Event::TooLarge { what, octets, most, cut } = event
            && self.is_due(kind)
        {
            let done = if *cut { "went without what can be missed" } else { "was dropped" };
            warn!(octets, bound = most, "a {what} was too large and {done}");
        }
    }

    fn closed_twice(&self, server: SocketAddr, octets: usize) {
        if self.is_due("closed twice") {
            warn!(%server, octets, "a SIP request closed its connection twice and was put aside");
        }
    }

    /// Whether a cause that may come in any number is to be told again.
    fn is_due(&self, cause: &'static str) -> bool {
        let now = Instant::now();
        let mut told = self.told.borrow_mut();
        let due = told.get(cause).is_none_or(|at| now - *at >= REMINDER);
        if due {
            told.insert(cause, now);
        }
        due
    }

    /// Ids, addresses and what was decided; of the message nothing.
    fn encrypted(&self, sighting: &Sighting) {
        if self.may("encrypted message") {
            let Sighting { correlation, scheme, decision, place, from, to, id, .. } = sighting;
            info!(
                id = %correlation, stanza = ?id, scheme = ?scheme, from = ?from, to = ?to,
                place = ?place, direction = direction(sighting.towards),
                decision = decision.name(), "end-to-end encryption"
            );
        }
    }

    pub(super) fn oversized(&self, component: &str) {
        if self.may("stanza too large") {
            warn!(component, "a stanza beyond limits.stanza_octets was skipped");
        }
    }

    pub(super) fn unresolved(&self, name: &str, cause: &dyn std::fmt::Display) {
        if self.may("name not resolved") {
            warn!("sip.dns: no answer for {name}: {cause}");
        }
    }

    pub(super) fn opened(&self, fresh: bool, store: &Path) {
        if fresh {
            info!("store.path: {} is new", store.display());
        }
    }

    pub(super) fn alarm(&self, what: &str, why: &str) {
        if self.may("alarm") {
            error!("alarm: {what}: {why}");
        }
    }

    pub(super) fn alarm_over(&self, what: &str) {
        info!("alarm over: {what}");
    }
}
