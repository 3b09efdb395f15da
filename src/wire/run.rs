//! A gateway process from its start to its end; reads like a table of contents.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep};
use tracing::{error, info, warn};

use super::clock::Clock;
use super::component::{self, LinkPort};
use super::connections::{self, Connections};
use super::journal::Journal;
use super::journal_file::JournalError;
use super::log::Log;
use super::log_output::LogOutput;
use super::runner::Runner;
use super::signals::{self, Stop};
use super::store::{Opening, Store, StoreError};
use super::store_thread::{StoreHandle, Told};
use super::udp::{self, UdpPort};
use super::{admin, dns, metrics, reload, tls};
use crate::codec::xml;
use crate::config::{Config, Transport};
use crate::flow::{Answer, IdSource, Input, LinkId, ListenerId, Query, Unfinished};
use crate::gateway::Gateway;
use crate::rules::Rules;

/// Why a gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A socket cannot be bound.
    #[error("sip.listen: cannot listen on {transport} {address}: {cause}")]
    Listen {
        /// The transport.
        transport: Transport,
        /// The address.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// The admin socket cannot be made.
    #[error("admin.socket: cannot listen on {path}: {cause}")]
    Admin {
        /// Its path.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The port for metrics cannot be bound.
    #[error("metrics.listen: cannot listen on {address}: {cause}")]
    Metrics {
        /// The address.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It stopped, and what it knows is not on disk.
    #[error("store.path: not on disk, and lost with this process: {0}")]
    Unsaved(String),
    /// The system refuses something else.
    #[error("the system refuses: {0}")]
    System(#[from] io::Error),
}

/// How long a gateway that is told to stop waits for what is in flight.
const DRAIN: Duration = Duration::from_secs(5);
/// How long it waits then for the disk; with [`DRAIN`] less than what a service manager allows.
const CLOSE: Duration = Duration::from_secs(8);
/// The same after a second signal.
const CLOSE_AT_ONCE: Duration = Duration::from_secs(1);
/// How often the store is looked at: a record that waits from one time to the second next waits
/// for a disk that stands still.
const LOOK: Duration = Duration::from_secs(5);

/// Serves until the process is told to stop.
///
/// # Errors
/// When it cannot start; nothing was served then. [`RunError::Unsaved`] when it has stopped and
/// could not put on disk what it knows.
pub fn run(config: Arc<Config>, rules: Arc<Rules>, output: &LogOutput) -> Result<(), RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let log = Log::new(&config, output.counter());
    let served = LocalSet::new().block_on(&runtime, serve(config, rules, log));
    // A thread that waits for a disk or for a name is left behind.
    runtime.shutdown_background();
    served
}

async fn serve(config: Arc<Config>, rules: Arc<Rules>, log: Log) -> Result<(), RunError> {
    let mut seed = [0; 32];
    let mut fresh_key = [0; 16];
    tls::entropy(&mut seed)?;
    tls::entropy(&mut fresh_key)?;

    let clock = Clock::start();
    let opened = Store::open(&config.store, fresh_key, clock.now().unix_ms, Opening::Start)?;
    let left = Journal::open(&config.store, clock.now().unix_ms)?;
    let journal = Rc::new(left.journal);
    let (udp, tcp) = listeners(&config)?;
    let asked = bind_asked(&config)?;
    let mut stop = Stop::new()?;
    let (told, commits) = unbounded_channel();
    let store = StoreHandle::serve(opened.store, config.store.clone(), opened.key, told)?;

    let source = IdSource { seed, key: opened.key };
    let verbose = tracing::enabled!(tracing::Level::DEBUG);
    let (stored, now) = (&opened.stored, clock.now());
    let mut effects = Vec::new();
    let gateway =
        Gateway::new(Arc::clone(&config), rules, &source, stored, verbose, now, &mut effects);
    let runner = join(&config, gateway, clock, udp.clone(), (store, Rc::clone(&journal)), log);

    runner.perform(effects);
    reload::begin(&runner, &config);
    runner.log.opened(opened.fresh, &config.store);
    set_aside(&runner, [("store damaged", opened.damaged), ("journal damaged", left.damaged)]);
    take_up(&runner, left.unfinished);
    spawn_listeners(&runner, udp, tcp);
    spawn_links(&runner, &config, seed);
    spawn_asked(&runner, &config, asked);
    spawn_local(keep_committing(Rc::clone(&runner), commits));
    spawn_local(signals::keep_ignoring(Rc::clone(&runner)));
    spawn_local(Rc::clone(&journal).keep_writing(Rc::clone(&runner)));
    spawn_local({
        let runner = Rc::clone(&runner);
        async move { runner.keep_time().await }
    });
    // Whoever supervises the process may go on.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    info!(version = env!("CARGO_PKG_VERSION"), "serving");

    stop.asked().await;
    end(&runner, &journal, &config, &mut stop).await
}

/// Ends what was served, in order, and puts on disk what is known.
async fn end(
    runner: &Rc<Runner>,
    journal: &Journal,
    config: &Config,
    stop: &mut Stop,
) -> Result<(), RunError> {
    info!("stopping: nothing new is taken on");
    let again = drain(runner, stop).await;
    let unsaved = close(runner, journal, stop, again).await;
    let _ = std::fs::remove_file(&config.admin_socket);
    if let Some(unsaved) = unsaved {
        error!("store.path: not on disk, and lost with this process: {unsaved}");
        return Err(RunError::Unsaved(unsaved));
    }
    info!("stopped");
    Ok(())
}

/// Puts on disk what the gateway knows; what is not there in the end is told.
async fn close(runner: &Runner, journal: &Journal, stop: &mut Stop, again: bool) -> Option<String> {
    let (records, messages) = (runner.close_store(), journal.close());
    let closed = async {
        let mut unsaved = Vec::new();
        if let Some(Ok(Some((count, cause)))) = optional(records).await {
            unsaved.push(format!("{count} records of users ({cause})"));
        }
        if let Some(Ok(Err(cause))) = optional(messages).await
            && journal.unfinished() > 0
        {
            unsaved.push(format!("{} messages to SIP ({cause})", journal.unfinished()));
        }
        (!unsaved.is_empty()).then(|| unsaved.join(", "))
    };
    let late = "the disk does not answer";
    tokio::select! {
        unsaved = closed => unsaved,
        () = sleep(if again { CLOSE_AT_ONCE } else { CLOSE }) => Some(late.to_owned()),
        () = stop.asked() => Some(format!("told to stop again, and {late}")),
    }
}

async fn optional<T>(future: Option<impl Future<Output = T>>) -> Option<T> {
    match future {
        Some(future) => Some(future.await),
        None => None,
    }
}

/// A file that could not be read begins anew; the old one is kept, and the alarm with it.
fn set_aside(runner: &Runner, files: [(&'static str, Option<PathBuf>); 2]) {
    for (what, aside) in files.into_iter().filter_map(|(what, aside)| Some((what, aside?))) {
        let why = format!("it began anew, and the old file is kept as {}", aside.display());
        runner.alarm(what, Some(why));
    }
}

/// What an earlier process left goes before everything new.
fn take_up(runner: &Runner, unfinished: Vec<Unfinished>) {
    if !unfinished.is_empty() {
        info!(messages = unfinished.len(), "taking up what an earlier process left");
    }
    for unfinished in unfinished {
        runner.feed(Input::Recovered(Box::new(unfinished)));
    }
}

/// Joins the core to its ways to the outside.
fn join(
    config: &Arc<Config>,
    gateway: Gateway,
    clock: Clock,
    udp: Vec<Option<Rc<UdpPort>>>,
    (store, journal): (StoreHandle, Rc<Journal>),
    log: Log,
) -> Rc<Runner> {
    let links = config.components.iter().map(|_| Rc::default()).collect::<Vec<Rc<LinkPort>>>();
    let connections = Rc::new(Connections::new(config));
    let runner = Rc::new_cyclic(|weak: &Weak<Runner>| {
        let (weak, settings) = (weak.clone(), Arc::clone(config));
        let resolve = Box::new(move |query: Query| {
            if let Some(runner) = weak.upgrade() {
                spawn_local(resolve(runner, Arc::clone(&settings), query));
            }
        });
        let connections = Rc::clone(&connections);
        Runner::new(gateway, clock, links, connections, log, udp, store, journal, resolve)
    });
    connections.serve(&runner);
    runner
}

/// Asks the DNS and tells the core.
async fn resolve(runner: Rc<Runner>, config: Arc<Config>, query: Query) {
    let answer = dns::ask(&config.sip.dns, &query).await.unwrap_or_else(|cause| {
        runner.log.unresolved(&query.name, &cause);
        Answer::Failed
    });
    runner.feed(Input::Resolved { query, answer });
    runner.connections.review();
}

type Listeners = (Vec<Option<Rc<UdpPort>>>, Vec<(ListenerId, tokio::net::TcpListener)>);

fn listeners(config: &Config) -> Result<Listeners, RunError> {
    let (mut udp, mut tcp) = (Vec::new(), Vec::new());
    for (index, listener) in config.sip.listen.iter().enumerate() {
        let (transport, address) = (listener.transport, listener.bind);
        let failed = |cause| RunError::Listen { transport, address, cause };
        match transport {
            Transport::Udp => udp.push(Some(Rc::new(UdpPort::bind(address).map_err(failed)?))),
            Transport::Tcp => {
                tcp.push((ListenerId(index), connections::listen(address).map_err(failed)?));
                udp.push(None);
            }
        }
    }
    Ok((udp, tcp))
}

/// Where operators ask: the admin socket, and the port for metrics.
type Asked = (tokio::net::UnixListener, Option<tokio::net::TcpListener>);

fn bind_asked(config: &Config) -> Result<Asked, RunError> {
    let path = &config.admin_socket;
    let refused = |cause| RunError::Admin { path: path.clone(), cause };
    let admin = admin::bind(path).map_err(refused)?;
    let Some(address) = config.metrics else { return Ok((admin, None)) };
    let refused = |cause| RunError::Metrics { address, cause };
    Ok((admin, Some(connections::listen(address).map_err(refused)?)))
}

fn spawn_asked(runner: &Rc<Runner>, config: &Arc<Config>, (admin, metrics): Asked) {
    spawn_local(admin::keep_answering(Rc::clone(runner), Arc::clone(config), admin));
    if let Some(metrics) = metrics {
        spawn_local(metrics::keep_answering(Rc::clone(runner), metrics));
    }
}

fn spawn_listeners(
    runner: &Rc<Runner>,
    udp: Vec<Option<Rc<UdpPort>>>,
    tcp: Vec<(ListenerId, tokio::net::TcpListener)>,
) {
    for (index, port) in udp.into_iter().enumerate() {
        let Some(port) = port else { continue };
        let receiving = Rc::clone(&port);
        spawn_local(udp::keep_receiving(Rc::clone(runner), receiving, ListenerId(index)));
        spawn_local(async move { port.keep_sending().await });
    }
    for (listener, socket) in tcp {
        spawn_local(Rc::clone(&runner.connections).keep_accepting(socket, listener));
    }
}

fn spawn_links(runner: &Rc<Runner>, config: &Config, seed: [u8; 32]) {
    for (index, component) in config.components.iter().enumerate() {
        let limits = xml::Limits {
            max_stanza_octets: config.limits.stanza_octets,
            ..xml::Limits::default()
        };
        let jitter = jitter(seed, index as u64);
        let (runner, link) = (Rc::clone(runner), LinkId(index));
        spawn_local(component::keep(runner, link, component.clone(), limits, jitter));
    }
}

/// Numbers from 0 to 1 for the pauses of a link.
fn jitter(seed: [u8; 32], stream: u64) -> impl FnMut() -> f64 {
    use rand_chacha::rand_core::{Rng, SeedableRng};
    let mut random = rand_chacha::ChaCha8Rng::from_seed(seed);
    random.set_stream(stream + 1);
    move || f64::from(random.next_u32()) / f64::from(u32::MAX)
}

/// Hears what became of records, for ever. What waits for a store that cannot be written is done
/// all the same, since nobody would be served otherwise: the alarm says that a crash may lose it.
/// What waits for a disk that stands still goes on waiting.
async fn keep_committing(runner: Rc<Runner>, mut commits: UnboundedReceiver<Told>) {
    let mut look = tokio::time::interval(LOOK);
    let mut oldest = None;
    loop {
        let told = tokio::select! {
            told = commits.recv() => told,
            _ = look.tick() => {
                let held = runner.oldest_held();
                if held.is_some() && held == oldest {
                    let why = "store.path: the disk does not answer; presence waits for it";
                    runner.alarm("store", Some(why.to_owned()));
                }
                oldest = held;
                runner.log.look_back();
                continue;
            }
        };
        match told {
            Some(Told::Safe(id)) => {
                runner.alarm("store", None);
                runner.feed(Input::Committed(id));
            }
            Some(Told::Failed(id, cause)) => {
                runner.alarm("store", Some(cause));
                runner.feed(Input::Committed(id));
            }
            Some(Told::Lost(aside)) => {
                let kept =
                    aside.map(|aside| format!("the old file is kept as {}", aside.display()));
                let why = kept.unwrap_or_else(|| "its file was gone".to_owned());
                warn!(
                    "store.path: a new store is begun, and all that is known written to it: {why}"
                );
                runner.feed(Input::StoreLost);
            }
            None => return,
        }
    }
}

/// Waits until nothing is in flight, a bounded time, or a second signal; the answer is whether
/// that came.
async fn drain(runner: &Rc<Runner>, stop: &mut Stop) -> bool {
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    runner.feed(Input::Drain);
    let end = Instant::now() + DRAIN;
    while !runner.gateway.borrow().idle() && Instant::now() < end {
        tokio::select! {
            () = sleep(Duration::from_millis(20)) => {}
            () = stop.asked() => {
                error!("told to stop again: what is in flight is given up");
                return true;
            }
        }
    }
    // What was written last leaves.
    sleep(Duration::from_millis(20)).await;
    false
}
