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
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::runner::Runner;
use crate::codec::sip::{Frame, Framer, Limits};
use crate::config::{Config, Listener, Transport};
use crate::flow::{ConnectionId, Flow, Hop, Input, ListenerId};

/// How long a peer may take to accept a connection.
const CONNECTING: Duration = Duration::from_secs(5);
/// How long the last answers of a stream that cannot be framed any more may take to leave.
const FINISHING: Duration = Duration::from_secs(2);
/// Octets that may wait for a peer that does not read: beyond that the connection is closed.
const WAITING: usize = 4 * 1_024 * 1_024;

/// The sending end of a connection.
#[derive(Debug)]
struct Port {
    remote: SocketAddr,
    waiting: RefCell<Vec<u8>>,
    more: Notify,
    closed: Cell<bool>,
    /// Nothing more is read; what waits is still written.
    finishing: Cell<bool>,
}

/// All connections.
#[derive(Debug)]
pub(super) struct Connections {
    runner: RefCell<Weak<Runner>>,
    table: RefCell<Table>,
    listeners: Vec<Listener>,
    framing: Limits,
    most: usize,
    idle: Duration,
}

/// Connections by id, and the newest one to each address, which is used again.
#[derive(Debug, Default)]
struct Table {
    ports: BTreeMap<ConnectionId, Rc<Port>>,
    newest: BTreeMap<SocketAddr, ConnectionId>,
    last: u64,
}

impl Table {
    fn find(&self, hop: Hop) -> Option<&Rc<Port>> {
        let meant = hop.connection.and_then(|id| self.ports.get(&id));
        meant.or_else(|| self.ports.get(self.newest.get(&hop.remote)?))
    }

    fn add(&mut self, remote: SocketAddr) -> (ConnectionId, Rc<Port>) {
        self.last += 1;
        let id = ConnectionId(self.last);
        let port = Rc::new(Port {
            remote,
            waiting: RefCell::default(),
            more: Notify::new(),
            closed: Cell::new(false),
            finishing: Cell::new(false),
        });
        self.ports.insert(id, Rc::clone(&port));
        self.newest.insert(remote, id);
        (id, port)
    }

    fn remove(&mut self, id: ConnectionId) {
        let Some(port) = self.ports.remove(&id) else { return };
        if self.newest.get(&port.remote) == Some(&id) {
            self.newest.remove(&port.remote);
        }
    }
}

impl Connections {
    pub(super) fn new(config: &Config) -> Self {
        Connections {
            runner: RefCell::default(),
            table: RefCell::default(),
            listeners: config.sip.listen.clone(),
            framing: config.limits.sip(),
            most: config.limits.connections,
            idle: config.limits.connection_idle,
        }
    }

    /// From now on what arrives goes to this core.
    pub(super) fn serve(&self, runner: &Rc<Runner>) {
        *self.runner.borrow_mut() = Rc::downgrade(runner);
    }

    /// Sends by the connection that is meant, else by one to the same address, else by a new one.
    pub(super) fn send(self: &Rc<Self>, hop: Hop, octets: Bytes) -> io::Result<()> {
        let port = self.table.borrow().find(hop).cloned();
        if let Some(port) = port {
            return port.send(&octets);
        }
        let (id, port) = self.register(hop.remote)?;
        port.send(&octets)?;
        let this = Rc::clone(self);
        tokio::task::spawn_local(async move {
            match timeout(CONNECTING, this.connect(hop)).await {
                Ok(Ok(stream)) => this.run(id, port, stream, hop.listener).await,
                _ => {
                    let (remote, transport) = (hop.remote, hop.transport);
                    this.ended(id, Input::Unreachable { remote, transport });
                }
            }
        });
        Ok(())
    }

    /// Connects from the address that the listener has, as which the peer knows the gateway.
    async fn connect(&self, hop: Hop) -> io::Result<TcpStream> {
        let ip = hop.remote.ip();
        let socket = if ip.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(listener) = self.listeners.get(hop.listener.0) {
            socket.bind(SocketAddr::new(listener.source_for(ip), 0))?;
        }
        socket.connect(hop.remote).await
    }

    fn register(&self, remote: SocketAddr) -> io::Result<(ConnectionId, Rc<Port>)> {
        let mut table = self.table.borrow_mut();
        if table.ports.len() >= self.most {
            return Err(io::Error::other("limits.connections is reached"));
        }
        Ok(table.add(remote))
    }

    /// A connection is no more; the core is told what that means.
    fn ended(&self, id: ConnectionId, what: Input) {
        self.table.borrow_mut().remove(id);
        if let Some(runner) = self.runner.borrow().upgrade() {
            runner.feed(what);
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
        self.ended(id, Input::Closed { remote, transport });
    }

    async fn keep_reading(&self, flow: Flow, mut reader: impl AsyncRead + Unpin, port: &Port) {
        let mut framer = Framer::new(self.framing);
        let mut buffer = vec![0; 65_536];
        loop {
            let Ok(Ok(length)) = timeout(self.idle, reader.read(&mut buffer)).await else { return };
            if length == 0 {
                return;
            }
            framer.push(buffer.get(..length).unwrap_or_default());
            if !self.take_frames(flow, &mut framer, port) {
                return port.finish().await;
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

    /// What was answered leaves before the end: the writer ends when nothing waits any more.
    async fn finish(&self) {
        self.finishing.set(true);
        self.more.notify_one();
        tokio::time::sleep(FINISHING).await;
    }

    async fn keep_writing(&self, mut writer: impl AsyncWrite + Unpin) {
        let mut octets = Vec::new();
        loop {
            if self.waiting.borrow().is_empty() && !self.finishing.get() {
                self.more.notified().await;
            }
            if self.closed.get() || (self.finishing.get() && self.waiting.borrow().is_empty()) {
                let _ = writer.shutdown().await;
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
