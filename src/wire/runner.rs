//! Feeds inputs to the core and carries out its effects, in order.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::rc::Rc;

use tokio::sync::{Notify, oneshot};

use super::clock::Clock;
use super::component::LinkPort;
use super::connections::Connections;
use super::journal::Journal;
use super::log::Log;
use super::store_thread::{StoreHandle, Unsaved};
use super::udp::{self, UdpPort};
use crate::codec::xmpp::Jid;
use crate::config::Transport;
use crate::flow::{
    CommitId, Effect, Hop, Input, Instant, Query, RulesStatus, Status, TargetStatus,
};
use crate::gateway::Gateway;

/// The core with its ways to the outside.
pub(super) struct Runner {
    pub(super) gateway: RefCell<Gateway>,
    pub(super) clock: Clock,
    pub(super) links: Vec<Rc<LinkPort>>,
    pub(super) connections: Rc<Connections>,
    pub(super) log: Log,
    udp: Vec<Option<Rc<UdpPort>>>,
    store: RefCell<StoreHandle>,
    journal: Rc<Journal>,
    /// Troubles that last, by what they are of.
    alarms: RefCell<BTreeMap<&'static str, String>>,
    /// The rules that count.
    rules: RefCell<RulesStatus>,
    /// Effects that wait for their records, by group.
    held: RefCell<VecDeque<(CommitId, Vec<Effect>)>>,
    /// Inputs that effects gave rise to.
    pending: RefCell<VecDeque<Input>>,
    resolve: Box<dyn Fn(Query)>,
    deadline: Cell<Option<Instant>>,
    rearm: Notify,
}

impl Runner {
    #[expect(clippy::too_many_arguments, reason = "the parts of a process, joined once")]
    pub(super) fn new(
        gateway: Gateway,
        clock: Clock,
        links: Vec<Rc<LinkPort>>,
        connections: Rc<Connections>,
        log: Log,
        udp: Vec<Option<Rc<UdpPort>>>,
        store: StoreHandle,
        journal: Rc<Journal>,
        resolve: Box<dyn Fn(Query)>,
    ) -> Self {
        Runner {
            gateway: RefCell::new(gateway),
            clock,
            links,
            connections,
            log,
            udp,
            store: RefCell::new(store),
            journal,
            alarms: RefCell::default(),
            rules: RefCell::default(),
            held: RefCell::default(),
            pending: RefCell::default(),
            resolve,
            deadline: Cell::new(None),
            rearm: Notify::new(),
        }
    }

    /// What the gateway tells of itself.
    pub(super) fn status(&self) -> Status {
        let mut status = self.gateway.borrow().status(self.clock.now());
        let alarms = self.alarms.borrow();
        status.alarms = alarms.iter().map(|(what, why)| format!("{what}: {why}")).collect();
        let unfinished = self.journal.unfinished() as u64;
        status.gauges.insert("messages_in_journal".to_owned(), unfinished);
        if let Some(octets) = resident_octets() {
            status.gauges.insert("resident_memory_octets".to_owned(), octets);
        }
        let (peers, strangers) = self.connections.count();
        status.gauges.insert("sip_connections".to_owned(), peers as u64);
        status.gauges.insert("sip_stranger_connections".to_owned(), strangers as u64);
        let (refused, ended) = self.connections.turned_away();
        status.counters.insert("sip_connections_refused".to_owned(), refused);
        status.counters.insert("sip_stranger_connections_ended".to_owned(), ended);
        let rules = self.rules.borrow().clone();
        status.gauges.insert("rules_loaded_unix_s".to_owned(), rules.loaded_unix_s);
        status.counters.insert("rules_reloads_taken".to_owned(), rules.taken);
        status.counters.insert("rules_reloads_refused".to_owned(), rules.refused);
        status.rules = rules;
        status.counters.insert("log_lines_dropped".to_owned(), self.log.dropped());
        status
    }

    /// Whether an address is one of a peer.
    pub(super) fn is_peer(&self, ip: IpAddr) -> bool {
        self.gateway.borrow().is_peer(ip)
    }

    /// What the gateway knows of a SIP user.
    pub(super) fn target(&self, user: &Jid) -> TargetStatus {
        self.gateway.borrow().target(self.clock.now(), user)
    }

    /// How many XMPP users watch a SIP user, or are watched.
    pub(super) fn users_of(&self, contact: &Jid) -> usize {
        self.gateway.borrow().users_of(contact)
    }

    /// The rules that count from the start.
    pub(super) fn rules_begin(&self, digest: &str) {
        let mut rules = self.rules.borrow_mut();
        digest.clone_into(&mut rules.digest);
        rules.loaded_unix_s = self.clock.now().unix_ms / 1_000;
    }

    /// New rules count.
    pub(super) fn rules_taken(&self, digest: &str) {
        self.rules_begin(digest);
        self.rules.borrow_mut().taken += 1;
        self.alarm("rules", None);
    }

    /// New rules do not count; the digest is that of the old ones.
    pub(super) fn rules_refused(&self, why: String) -> String {
        self.rules.borrow_mut().refused += 1;
        self.alarm("rules", Some(why));
        self.rules.borrow().digest.clone()
    }

    /// A trouble that lasts begins, or ends.
    pub(super) fn alarm(&self, what: &'static str, trouble: Option<String>) {
        let mut alarms = self.alarms.borrow_mut();
        match trouble {
            Some(why) => {
                if alarms.insert(what, why.clone()).as_ref() != Some(&why) {
                    self.log.alarm(what, &why);
                }
            }
            None => {
                if alarms.remove(what).is_some() {
                    self.log.alarm_over(what);
                }
            }
        }
    }

    /// One input and all that follows from it.
    pub(super) fn feed(&self, input: Input) {
        let mut next = Some(input);
        while let Some(input) = next {
            let committed = if let Input::Committed(id) = &input { Some(*id) } else { None };
            let mut effects = Vec::new();
            self.gateway.borrow_mut().handle(self.clock.now(), input, &mut effects);
            if let Some(id) = committed {
                effects.splice(0..0, self.released(id));
            }
            self.perform(effects);
            next = self.pending.borrow_mut().pop_front();
        }
        let deadline = self.gateway.borrow().deadline();
        if deadline != self.deadline.replace(deadline) {
            self.rearm.notify_one();
        }
    }

    /// Carries out effects in their order.
    pub(super) fn perform(&self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Sip { hop, octets } => self.send(hop, octets),
                Effect::Xmpp { link, octets } => {
                    if let Some(port) = self.links.get(link.0) {
                        port.write(&octets);
                    }
                }
                Effect::Reopen { link, reason } => {
                    if let Some(port) = self.links.get(link.0) {
                        port.reopen(reason);
                    }
                }
                Effect::Commit { id, records, then } => {
                    self.held.borrow_mut().push_back((id, then));
                    self.store.borrow().commit(id, records);
                }
                Effect::Journal(entry) => self.journal.note(entry),
                Effect::Resolve { query } => (self.resolve)(query),
                Effect::Event(event) => self.log.event(&event),
            }
        }
    }

    /// Sends a SIP message. A response that cannot be sent is lost: its request comes again, and
    /// no request of ours has failed by it.
    fn send(&self, hop: Hop, octets: bytes::Bytes) {
        let sent = match hop.transport {
            Transport::Tcp => self.connections.send(hop, octets.clone()),
            Transport::Udp => match self.udp.get(hop.listener.0) {
                Some(Some(port)) => port.send(hop.remote, octets.clone()),
                _ => Ok(()),
            },
        };
        let Err(error) = sent else { return };
        let (remote, transport) = (hop.remote, hop.transport);
        let input = if error.raw_os_error() == Some(udp::EMSGSIZE) {
            Input::Unsent { octets }
        } else if !octets.starts_with(b"SIP/2.0 ")
            && (transport.reliable() || is_of_address(&error))
        {
            Input::Unreachable { remote, transport }
        } else {
            return;
        };
        self.pending.borrow_mut().push_back(input);
    }

    /// The effects whose records are safe now: of this group and of all before it.
    fn released(&self, id: CommitId) -> Vec<Effect> {
        let mut held = self.held.borrow_mut();
        let mut released = Vec::new();
        while held.front().is_some_and(|(group, _)| *group <= id) {
            released.extend(held.pop_front().into_iter().flat_map(|(_, effects)| effects));
        }
        released
    }

    /// The group that waits longest for its records.
    pub(super) fn oldest_held(&self) -> Option<CommitId> {
        self.held.borrow().front().map(|(id, _)| *id)
    }

    /// Writes what waits for the store, and closes it: what is not on disk then is the answer.
    pub(super) fn close_store(&self) -> Option<oneshot::Receiver<Option<Unsaved>>> {
        self.store.borrow_mut().close()
    }

    /// Feeds the core its deadlines, for ever.
    pub(super) async fn keep_time(&self) {
        loop {
            let due = self.deadline.get().map(|deadline| self.clock.at(deadline));
            let sleep = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = sleep => {
                    self.feed(Input::Timer);
                    // Of very many deadlines some may be left: what came meanwhile goes between.
                    tokio::task::yield_now().await;
                }
                () = self.rearm.notified() => {}
            }
        }
    }
}

/// Whether an error of a datagram says that its address cannot be reached from here, by its network
/// or by a packet filter. After any other it counts as lost on its way, and goes again.
fn is_of_address(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::AddrNotAvailable
            | Kind::ConnectionRefused
            | Kind::HostUnreachable
            | Kind::InvalidInput
            | Kind::NetworkDown
            | Kind::NetworkUnreachable
            | Kind::PermissionDenied
    )
}

/// The memory of the process that is in RAM, if the system tells it.
fn resident_octets() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
    kibibytes.checked_mul(1_024)
}
