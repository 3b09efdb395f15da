//! Connections of SIP over TCP (RFC 3261 §18): accepted ones, and those that the gateway opens.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::time::Duration;

use bytes::Bytes;
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::runner::Runner;
use crate::codec::sip::{Frame, Framer, Limits};
use crate::config::Transport;
use crate::flow::{ConnectionId, Flow, Hop, Input, ListenerId};

/// How long a peer may take to accept a connection.
const CONNECTING: Duration = Duration::from_secs(5);
/// A connection without traffic is closed after this (RFC 3261 §18 leaves it to the element; a
/// peer that pings, RFC 5626 §3.5.1, keeps it open).
const IDLE: Duration = Duration::from_secs(600);
/// Octets that may wait for a peer that does not read: beyond that the connection is closed.
const WAITING: usize = 4 * 1_024 * 1_024;

/// The sending end of a connection.
#[derive(Debug)]
struct Port {
    remote: SocketAddr,
    waiting: RefCell<Vec<u8>>,
    more: Notify,
    closed: Cell<bool>,
}

/// All connections.
#[derive(Debug)]
pub(super) struct Connections {
    runner: RefCell<Weak<Runner>>,
    ports: RefCell<BTreeMap<ConnectionId, Rc<Port>>>,
    last: Cell<u64>,
    limits: Limits,
    most: usize,
}

impl Connections {
    pub(super) fn new(limits: Limits, most: usize) -> Self {
        Connections {
            runner: RefCell::default(),
            ports: RefCell::default(),
            last: Cell::new(0),
            limits,
            most,
        }
    }

    /// From now on what arrives goes to this core.
    pub(super) fn serve(&self, runner: &Rc<Runner>) {
        *self.runner.borrow_mut() = Rc::downgrade(runner);
    }

    /// Sends by the connection that is meant, else by one to the same address, else by a new one.
    pub(super) fn send(self: &Rc<Self>, hop: Hop, octets: Bytes) -> io::Result<()> {
        let ports = self.ports.borrow();
        let meant = hop.connection.and_then(|id| ports.get(&id));
        let port = meant.or_else(|| ports.values().find(|port| port.remote == hop.remote)).cloned();
        drop(ports);
        if let Some(port) = port {
            return port.send(&octets);
        }
        let (id, port) = self.register(hop.remote)?;
        port.send(&octets)?;
        let this = Rc::clone(self);
        tokio::task::spawn_local(async move {
            let stream = timeout(CONNECTING, TcpStream::connect(hop.remote)).await;
            match stream {
                Ok(Ok(stream)) => this.run(id, port, stream, hop.listener).await,
                _ => this.unreachable(id, hop.remote),
            }
        });
        Ok(())
    }

    fn register(&self, remote: SocketAddr) -> io::Result<(ConnectionId, Rc<Port>)> {
        let mut ports = self.ports.borrow_mut();
        if ports.len() >= self.most {
            return Err(io::Error::other("limits.connections is reached"));
        }
        self.last.set(self.last.get() + 1);
        let id = ConnectionId(self.last.get());
        let port = Rc::new(Port {
            remote,
            waiting: RefCell::default(),
            more: Notify::new(),
            closed: Cell::new(false),
        });
        ports.insert(id, Rc::clone(&port));
        Ok((id, port))
    }

    fn unreachable(&self, id: ConnectionId, remote: SocketAddr) {
        self.ports.borrow_mut().remove(&id);
        if let Some(runner) = self.runner.borrow().upgrade() {
            runner.feed(Input::Unreachable { remote, transport: Transport::Tcp });
        }
    }

    /// Accepts connections, for ever.
    pub(super) async fn keep_accepting(self: Rc<Self>, socket: TcpListener, listener: ListenerId) {
        loop {
            let Ok((stream, remote)) = socket.accept().await else {
                // Out of descriptors: some must be closed first.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            // At the bound the newcomer is closed at once.
            let Ok((id, port)) = self.register(remote) else { continue };
            let this = Rc::clone(&self);
            tokio::task::spawn_local(async move { this.run(id, port, stream, listener).await });
        }
    }

    /// Reads and writes until a connection ends.
    async fn run(&self, id: ConnectionId, port: Rc<Port>, stream: TcpStream, listener: ListenerId) {
        let _ = stream.set_nodelay(true);
        let (remote, transport) = (port.remote, Transport::Tcp);
        let flow = Flow { transport, listener, remote, connection: Some(id) };
        let (reader, writer) = stream.into_split();
        tokio::select! {
            () = self.keep_reading(flow, reader, &port) => {}
            () = port.keep_writing(writer) => {}
        }
        port.closed.set(true);
        self.ports.borrow_mut().remove(&id);
    }

    async fn keep_reading(&self, flow: Flow, mut reader: impl AsyncRead + Unpin, port: &Port) {
        let mut framer = Framer::new(self.limits);
        let mut buffer = vec![0; 65_536];
        loop {
            let Ok(Ok(length)) = timeout(IDLE, reader.read(&mut buffer)).await else { return };
            if length == 0 {
                return;
            }
            framer.push(buffer.get(..length).unwrap_or_default());
            if !self.take_frames(flow, &mut framer, port) {
                // What was answered leaves before the end.
                tokio::task::yield_now().await;
                return;
            }
        }
    }

    /// Feeds what is complete; false when the stream cannot be framed any more.
    fn take_frames(&self, flow: Flow, framer: &mut Framer, port: &Port) -> bool {
        let Some(runner) = self.runner.borrow().upgrade() else { return false };
        loop {
            match framer.next() {
                Ok(None) => return true,
                Ok(Some(Frame::Message(octets))) => runner.feed(Input::Sip { flow, octets }),
                Ok(Some(Frame::TooLarge(malformed))) => {
                    runner.feed(Input::Unreadable { flow, malformed: Box::new(malformed) });
                }
                Ok(Some(Frame::KeepAlivePing)) => {
                    let _ = port.send(b"\r\n");
                }
                Ok(Some(Frame::KeepAlivePong)) => {}
                Err(error) => {
                    runner.feed(Input::Unreadable { flow, malformed: Box::new(error.0) });
                    return false;
                }
            }
        }
    }
}

impl Port {
    fn send(&self, octets: &[u8]) -> io::Result<()> {
        let mut waiting = self.waiting.borrow_mut();
        if self.closed.get() || waiting.len() + octets.len() > WAITING {
            self.closed.set(true);
            self.more.notify_one();
            return Err(io::Error::other("the peer does not read"));
        }
        waiting.extend_from_slice(octets);
        self.more.notify_one();
        Ok(())
    }

    async fn keep_writing(&self, mut writer: impl AsyncWrite + Unpin) {
        let mut octets = Vec::new();
        loop {
            if self.waiting.borrow().is_empty() {
                self.more.notified().await;
            }
            if self.closed.get() {
                return;
            }
            std::mem::swap(&mut octets, &mut *self.waiting.borrow_mut());
            if writer.write_all(&octets).await.is_err() {
                return;
            }
            octets.clear();
        }
    }
}

/// A listening socket; `[::]` serves IPv4 too.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1_024)?;
    TcpListener::from_std(socket.into())
}
