//! A component link (XEP-0114): connects, authenticates, reads, writes, and begins anew.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use super::runner::Runner;
use super::tls;
use crate::codec::xml::Limits;
use crate::codec::xmpp::{
    self, Frame, Framer, Stanza, StreamCondition, StreamContext, StreamError, stream,
};
use crate::config::Component;
use crate::flow::{Input, LinkChange, LinkId};

/// How long a server may take to accept a connection and to authenticate it.
const OPENING: Duration = Duration::from_secs(10);
/// The first pause before another attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// A link that was up for less than this, or than the longest pause, goes on with longer pauses.
const STABLE: Duration = Duration::from_secs(10);
/// Stanzas that are worked through before other work gets its turn.
const BATCH: usize = 64;
/// Octets that may wait for a server that does not read: beyond that the link is dead.
const WAITING: usize = 64 * 1_024 * 1_024;

/// The core's end of a link.
#[derive(Debug, Default)]
pub(super) struct LinkPort {
    open: Cell<bool>,
    waiting: RefCell<Vec<u8>>,
    more: Notify,
    reopen: RefCell<Option<&'static str>>,
    reopened: Notify,
}

impl LinkPort {
    /// Writes octets; they leave together with whatever else is written in this turn.
    pub(super) fn write(&self, octets: &[u8]) {
        if !self.open.get() {
            return;
        }
        let mut waiting = self.waiting.borrow_mut();
        waiting.extend_from_slice(octets);
        if waiting.len() > WAITING {
            drop(waiting);
            return self.reopen("the server does not read");
        }
        self.more.notify_one();
    }

    /// Closes the stream and opens it anew.
    pub(super) fn reopen(&self, reason: &'static str) {
        *self.reopen.borrow_mut() = Some(reason);
        self.reopened.notify_one();
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// How a link ended.
#[derive(Debug)]
pub(super) struct Closed {
    /// For an operator, with the key to mend.
    pub(super) reason: String,
    /// Whether one of our stanzas may be the cause.
    stream_error: bool,
}

impl Closed {
    fn because(reason: impl Into<String>) -> Self {
        Closed { reason: reason.into(), stream_error: false }
    }
}

/// An authenticated stream.
pub(super) struct Open {
    stream: Box<dyn Stream>,
    framer: Framer,
    context: Arc<StreamContext>,
}

/// Keeps a link open, for ever.
pub(super) async fn keep(
    runner: Rc<Runner>,
    link: LinkId,
    component: Component,
    limits: Limits,
    mut jitter: impl FnMut() -> f64,
) {
    let mut pauses = Pauses::default();
    loop {
        let (up, closed) = match open(&component, limits).await {
            Ok(stream) => {
                let begun = Instant::now();
                let closed = serve(&runner, link, &component, stream).await;
                (Some(begun.elapsed()), closed)
            }
            Err(closed) => (None, closed),
        };
        let pause = pauses.after(up, component.reconnect_max);
        let Closed { reason, stream_error, .. } = closed;
        let change = LinkChange::Down { reason, stream_error };
        runner.feed(Input::Link { link, change });
        // Half to whole of the pause: many gateways do not come back in step.
        sleep(pause.mul_f64(0.5 + jitter() / 2.0)).await;
    }
}

/// How many attempts failed since a link was up, and how many links in a row were up for a moment.
/// They are counted apart: a server that starts anew twice is waited for no longer than one that
/// starts once.
#[derive(Debug, Default)]
struct Pauses {
    failed: u32,
    flaps: u32,
}

impl Pauses {
    /// The pause before the next attempt, when the link was up for so long, or was not. It grows
    /// for a link that flaps, too: whatever closes it each time, be it another gateway of the same
    /// name, is not met ten times a second.
    fn after(&mut self, up: Option<Duration>, longest: Duration) -> Duration {
        let so_many = match up {
            None => &mut self.failed,
            Some(up) => {
                self.failed = 0;
                if up > longest.max(STABLE) {
                    self.flaps = 0;
                }
                &mut self.flaps
            }
        };
        let doubled = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(*so_many).unwrap_or(u32::MAX));
        *so_many = (*so_many + 1).min(31);
        doubled.min(longest)
    }
}

/// Connects and authenticates.
pub(super) async fn open(component: &Component, limits: Limits) -> Result<Open, Closed> {
    match timeout(OPENING, open_now(component, limits)).await {
        Ok(result) => result,
        Err(_) => {
            let server = &component.server;
            let reason = format!("xmpp.server: {server} does not answer as an XMPP server");
            Err(Closed::because(reason))
        }
    }
}

async fn open_now(component: &Component, limits: Limits) -> Result<Open, Closed> {
    let mut stream = connect(component).await?;
    let mut octets = Vec::with_capacity(256);
    stream::write_header(&mut octets, &component.name);
    let lost = |error: io::Error| Closed::because(format!("the stream broke: {error}"));
    stream.write_all(&octets).await.map_err(lost)?;
    let mut framer = Framer::new(limits);
    let mut context = Arc::new(StreamContext::component(limits));
    loop {
        match next_frame(&mut stream, &mut framer, component).await? {
            Frame::Open(header) => {
                octets.clear();
                stream::write_handshake(&mut octets, &header.id, &component.secret.0);
                stream.write_all(&octets).await.map_err(lost)?;
                context = Arc::new(header.context);
            }
            Frame::Stanza(octets) => match xmpp::parse(&context, octets) {
                Ok(Stanza::Handshake) => return Ok(Open { stream, framer, context }),
                Ok(Stanza::StreamError(error)) => return Err(refused(component, &error)),
                _ => return Err(Closed::because(not_a_component_port(component))),
            },
            Frame::Close | Frame::Oversized { .. } => {
                return Err(Closed::because(not_a_component_port(component)));
            }
        }
    }
}

async fn connect(component: &Component) -> Result<Box<dyn Stream>, Closed> {
    let server = &component.server;
    let failed = |error: io::Error| {
        Closed::because(match error.kind() {
            io::ErrorKind::ConnectionRefused => format!(
                "xmpp.server: {server} refuses the connection: is the server running, and does it listen for components there?"
            ),
            _ => format!("xmpp.server: cannot connect to {server}: {error}"),
        })
    };
    let addresses = tokio::net::lookup_host((server.host.as_str(), server.port)).await;
    let addresses: Vec<_> = match addresses {
        Ok(addresses) => addresses.collect(),
        Err(error) => {
            let host = &server.host;
            let reason = format!("xmpp.server: the name {host} cannot be resolved: {error}");
            return Err(Closed::because(reason));
        }
    };
    let stream = TcpStream::connect(addresses.as_slice()).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    let Some(tls) = &component.tls else { return Ok(Box::new(stream)) };
    let (connector, name) = tls::connector(tls, server).map_err(Closed::because)?;
    let stream = connector.connect(name, stream).await;
    let stream = stream.map_err(|error| Closed::because(format!("xmpp.tls: {server}: {error}")))?;
    Ok(Box::new(stream))
}

fn not_a_component_port(component: &Component) -> String {
    format!(
        "xmpp.server: {} speaks, but not as to a component: the server's component port is meant (usually 5347)",
        component.server
    )
}

/// What a stream error says about the configuration.
fn refused(component: &Component, error: &StreamError) -> Closed {
    let name = &component.name;
    let said = match &error.text {
        Some(text) => format!("{} ({text})", error.condition.name()),
        None => error.condition.name().to_owned(),
    };
    let reason = match error.condition {
        StreamCondition::NotAuthorized => {
            format!("xmpp.secret: the server refuses the secret of component {name}: {said}")
        }
        StreamCondition::HostUnknown | StreamCondition::HostGone => {
            format!("xmpp.component: the server knows no component {name}: {said}")
        }
        StreamCondition::Conflict => format!(
            "xmpp.component: another connection serves {name}: stop the other one, or give each its own name: {said}"
        ),
        StreamCondition::InvalidFrom | StreamCondition::ImproperAddressing => {
            format!("domains: the server refuses the sender of a stanza of {name}: {said}")
        }
        _ => format!("the server closed the stream of {name}: {said}"),
    };
    Closed { reason, stream_error: may_be_ours(&error.condition) }
}

/// Whether a stanza of ours can be what the server closed the stream for (RFC 6120 §4.9.3).
fn may_be_ours(condition: &StreamCondition) -> bool {
    !matches!(
        condition,
        StreamCondition::NotAuthorized
            | StreamCondition::HostUnknown
            | StreamCondition::HostGone
            | StreamCondition::Conflict
            | StreamCondition::SystemShutdown
            | StreamCondition::Reset
            | StreamCondition::ConnectionTimeout
            | StreamCondition::RemoteConnectionFailed
            | StreamCondition::InternalServerError
    )
}

async fn next_frame(
    stream: &mut Box<dyn Stream>,
    framer: &mut Framer,
    component: &Component,
) -> Result<Frame, Closed> {
    let mut buffer = [0; 4_096];
    loop {
        match framer.next() {
            Ok(Some(frame)) => return Ok(frame),
            Ok(None) => {}
            Err(_) => return Err(Closed::because(not_a_component_port(component))),
        }
        match stream.read(&mut buffer).await {
            Ok(0) => return Err(Closed::because("the server closed the connection")),
            Ok(length) => framer.push(buffer.get(..length).unwrap_or_default()),
            Err(error) => return Err(Closed::because(format!("the stream broke: {error}"))),
        }
    }
}

/// Reads and writes until the stream ends.
async fn serve(runner: &Rc<Runner>, link: LinkId, component: &Component, open: Open) -> Closed {
    let Some(port) = runner.links.get(link.0).cloned() else {
        return Closed::because("no such link");
    };
    let Open { stream, framer, context } = open;
    let (reader, writer) = tokio::io::split(stream);
    port.waiting.borrow_mut().clear();
    *port.reopen.borrow_mut() = None;
    port.open.set(true);
    runner.feed(Input::Link { link, change: LinkChange::Up });
    let closed = tokio::select! {
        closed = keep_reading(runner, link, component, reader, framer, context) => closed,
        closed = keep_writing(&port, writer) => closed,
        () = port.reopened.notified() => {
            let reason = port.reopen.borrow().unwrap_or("asked to");
            Closed::because(format!("opened anew: {reason}"))
        }
    };
    port.open.set(false);
    closed
}

async fn keep_reading(
    runner: &Rc<Runner>,
    link: LinkId,
    component: &Component,
    mut reader: impl AsyncRead + Unpin,
    mut framer: Framer,
    context: Arc<StreamContext>,
) -> Closed {
    let mut buffer = vec![0; 65_536];
    let mut turn = 0;
    loop {
        loop {
            turn += 1;
            if turn % BATCH == 0 {
                tokio::task::yield_now().await;
            }
            match framer.next() {
                Ok(None) => break,
                Ok(Some(Frame::Stanza(octets))) => {
                    if octets.starts_with(b"<stream:")
                        && let Ok(Stanza::StreamError(error)) =
                            xmpp::parse(&context, octets.clone())
                    {
                        return refused(component, &error);
                    }
                    let context = Arc::clone(&context);
                    runner.feed(Input::Xmpp { link, octets, context });
                }
                Ok(Some(Frame::Oversized { head, .. })) => {
                    runner.log.oversized(&component.name);
                    runner.feed(Input::Oversized { link, head });
                }
                Ok(Some(Frame::Close)) => return Closed::because("the server closed the stream"),
                Ok(Some(Frame::Open(_))) => return Closed::because("a second stream header"),
                Err(fault) => {
                    return Closed::because(format!("the server's stream is broken: {fault}"));
                }
            }
        }
        match reader.read(&mut buffer).await {
            Ok(0) => return Closed::because("the server closed the connection"),
            Ok(length) => framer.push(buffer.get(..length).unwrap_or_default()),
            Err(error) => return Closed::because(format!("the connection broke: {error}")),
        }
    }
}

async fn keep_writing(port: &LinkPort, mut writer: impl AsyncWrite + Unpin) -> Closed {
    let mut octets = Vec::new();
    loop {
        port.more.notified().await;
        std::mem::swap(&mut octets, &mut *port.waiting.borrow_mut());
        if let Err(error) = writer.write_all(&octets).await {
            return Closed::because(format!("the connection broke: {error}"));
        }
        let _ = writer.flush().await;
        octets.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pauses after links that were up for so many milliseconds; `None` where one failed.
    fn pauses(ups: &[Option<u64>], longest: u64) -> Vec<u128> {
        let mut pauses = Pauses::default();
        let longest = Duration::from_millis(longest);
        let next = |up: &Option<u64>| pauses.after(up.map(Duration::from_millis), longest);
        ups.iter().map(next).map(|pause| pause.as_millis()).collect()
    }

    #[test]
    fn a_link_that_flaps_backs_off_although_it_was_served_for_a_moment() {
        let expected = [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000];
        assert_eq!(pauses(&[None; 9], 10_000), expected);
        let ups = [5, 900, 50, 9_000, 10_000, 0, 1, 2, 3];
        assert_eq!(pauses(&ups.map(Some), 10_000), expected);
        assert_eq!(pauses(&[None; 99], 3_600_000)[98], 3_600_000);
        // An attempt that fails between two of them takes nothing back.
        assert_eq!(
            pauses(&[Some(5), None, Some(5), None, None, Some(5)], 10_000),
            [100, 100, 200, 100, 200, 400]
        );
    }

    #[test]
    fn a_link_that_was_up_for_long_comes_back_at_once() {
        assert_eq!(
            pauses(&[None, None, None, Some(10_001), None, Some(3_600_000)], 10_000),
            [100, 200, 400, 100, 100, 100]
        );
        assert_eq!(pauses(&[None, None, Some(59_000), Some(60_001)], 60_000), [100, 200, 100, 100]);
        // Two gateways of one name throw each other out at each attempt, whatever is configured.
        assert_eq!(pauses(&[Some(150); 3], 200), [100, 200, 200]);
    }

    #[test]
    fn a_server_that_starts_twice_is_waited_for_no_longer_than_one_that_starts_once() {
        let mut ups = [None; 9].to_vec();
        ups.extend([Some(60), None]);
        assert_eq!(pauses(&ups, 10_000)[9..], [100, 100]);
    }
}
