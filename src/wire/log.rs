//! Events to log lines: at most so many of one cause in a second, the rest counted.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use tracing::{debug, error, info, warn};
use tracing_appender::non_blocking::ErrorCounter;

use crate::config::Config;
use crate::flow::{EncryptionFound, Event, LinkId, PeerId, direction};

/// How often a trouble that lasts is told again.
const REMINDER: Duration = Duration::from_secs(60);

/// What bounds the line of an event, before anything else is looked at.
fn cause(event: &Event) -> Option<&'static str> {
    match event {
        Event::LinkUp(_) => Some("component link up"),
        Event::Quarantined { .. } => Some("stanza put aside"),
        Event::PeerUp(_) => Some("SIP peer up"),
        Event::PeerDown(..) => Some("SIP peer down"),
        Event::WithoutTcp(..) => Some("SIP peer takes no TCP"),
        Event::CameBack(_) => Some("message came back"),
        Event::Abandoned(_) => Some("message given up"),
        Event::Encrypted(_) => Some("encrypted message"),
        Event::Refused { .. } => Some("SIP request refused"),
        // What is not told at all, once a minute, or at a level without a bound, does not count.
        Event::LinkDown(..)
        | Event::TooLarge { .. }
        | Event::ClosedTwice { .. }
        | Event::Carried { .. }
        | Event::Ended { .. } => None,
    }
}

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
    /// Lines that nobody read in time.
    dropped: ErrorCounter,
    /// How many of them were told.
    dropped_told: Cell<u64>,
}

#[derive(Debug)]
struct Cause {
    since: Instant,
    lines: u32,
}

impl Log {
    pub(super) fn new(config: &Config, dropped: ErrorCounter) -> Self {
        let link = |component: &crate::config::Component| component.name.clone();
        let peer = |peer: &crate::config::Peer| format!("{} ({})", peer.name, peer.uri.as_str());
        Log {
            links: config.components.iter().map(link).collect(),
            peers: config.sip.peers.iter().map(peer).collect(),
            bound: config.limits.log_lines_per_second,
            causes: RefCell::default(),
            told: RefCell::default(),
            down: RefCell::default(),
            dropped,
            dropped_told: Cell::new(0),
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
        self.end_second(now, cause, entry);
        entry.lines += 1;
        entry.lines <= self.bound
    }

    fn end_second(&self, now: Instant, cause: &'static str, entry: &mut Cause) {
        if now - entry.since >= Duration::from_secs(1) {
            if entry.lines > self.bound {
                warn!(left_out = entry.lines - self.bound, "more lines like \"{cause}\"");
            }
            *entry = Cause { since: now, lines: 0 };
        }
    }

    /// Tells what was left out and what was dropped since the last time: there may be no further
    /// line of its cause for long.
    pub(super) fn look_back(&self) {
        let now = Instant::now();
        for (cause, entry) in self.causes.borrow_mut().iter_mut() {
            self.end_second(now, cause, entry);
        }
        let dropped = self.dropped();
        let more = dropped - self.dropped_told.replace(dropped);
        if more > 0 {
            warn!(dropped = more, "log lines were dropped: nobody read them in time");
        }
    }

    /// Lines that were dropped since the start, since nobody read them.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.dropped_lines() as u64
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
        if let Event::LinkUp(link) = event {
            self.down.borrow_mut().remove(link);
        }
        if cause(event).is_some_and(|cause| !self.may(cause)) {
            return;
        }
        match event {
            Event::LinkUp(link) => info!(component = self.link(*link), "component link up"),
            Event::LinkDown(link, reason) => {
                let component = self.link(*link);
                match self.is_news(*link, reason) && self.may("component link down") {
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
                match *failed && self.may("message failed") {
                    true => info!(id = %correlation, "{outcome}"),
                    // At this level every message has its lines.
                    false => debug!(id = %correlation, "{outcome}"),
                }
            }
            Event::Abandoned(delivery) => {
                error!(
                    delivery = delivery.0,
                    "a message that was left unfinished cannot be carried any more and is given up"
                );
            }
            Event::Encrypted(sighting) => self.encrypted(sighting),
            Event::Refused { remote, outcome } => info!(%remote, "SIP request {outcome}"),
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
    fn encrypted(&self, sighting: &EncryptionFound) {
        let EncryptionFound { correlation, scheme, decision, place, from, to, id, .. } = sighting;
        info!(
            id = %correlation, stanza = ?id, scheme = ?scheme, from = ?from, to = ?to,
            place = ?place, direction = direction(sighting.towards),
            decision = decision.name(), "end-to-end encryption"
        );
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
        if self.may("alarm over") {
            info!("alarm over: {what}");
        }
    }

    /// What the admin socket was told to do.
    pub(super) fn ordered(&self, what: &str) {
        if self.may("order") {
            info!("{what}");
        }
    }

    pub(super) fn ignored_signal(&self, name: &'static str) {
        if self.may("signal") {
            warn!(
                "{name} means nothing here: SIGHUP lets the rules be read anew, `stox status` asks"
            );
        }
    }
}
