//! Connections of SIP over TCP (RFC 3261 §18): accepted ones, and those that the gateway opens.
//!
//! Peers and strangers have budgets of their own: whatever strangers do, peers are accepted and
//! connections to peers are opened. Whose an address is, is asked when a connection is accepted,
//! and again whenever the DNS has answered.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::time::Duration;

use bytes::Bytes;
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, timeout, timeout_at};

use super::budget::{Budget, Side};
use super::port::{FIRST, Port};
use super::runner::Runner;
use crate::codec::sip::{Frame, Framer, Limits};
use crate::config::{Config, Listener, Strangers, Transport};
use crate::flow::{ConnectionId, Flow, Hop, Input, ListenerId};

/// How long a peer may take to accept a connection.
const CONNECTING: Duration = Duration::from_secs(5);

/// All connections.
#[derive(Debug)]
pub(super) struct Connections {
    runner: RefCell<Weak<Runner>>,
    table: RefCell<Table>,
    listeners: Vec<Listener>,
    framing: Limits,
    idle: Duration,
    strangers: Strangers,
    /// Connections that were closed at once, as the budget was used up.
    refused: Cell<u64>,
    /// Connections of strangers that were closed, as they were silent, too large or not read.
    ended: Cell<u64>,
}

/// Connections by id, and the newest one to each address, which is used again.
#[derive(Debug)]
struct Table {
    budget: Budget,
    ports: BTreeMap<ConnectionId, Rc<Port>>,
    newest: BTreeMap<SocketAddr, ConnectionId>,
    last: u64,
}

impl Table {
    fn find(&self, hop: Hop) -> Option<&Rc<Port>> {
        let meant = hop.connection.and_then(|id| self.ports.get(&id));
        meant.or_else(|| self.ports.get(self.newest.get(&hop.remote)?))
    }

    fn add(&mut self, port: Port) -> (ConnectionId, Rc<Port>) {
        self.last += 1;
        let (id, port) = (ConnectionId(self.last), Rc::new(port));
        self.newest.insert(port.remote, id);
        self.ports.insert(id, Rc::clone(&port));
        (id, port)
    }

    fn remove(&mut self, id: ConnectionId) {
        let Some(port) = self.ports.remove(&id) else { return };
        self.budget.give_back(port.side.get(), port.remote.ip());
        if self.newest.get(&port.remote) == Some(&id) {
            self.newest.remove(&port.remote);
        }
    }
}

impl Connections {
    pub(super) fn new(config: &Config) -> Self {
        Connections {
            runner: RefCell::default(),
            table: RefCell::new(Table {
                budget: Budget::new(config.limits.connections, config.limits.strangers),
                ports: BTreeMap::new(),
                newest: BTreeMap::new(),
                last: 0,
            }),
            listeners: config.sip.listen.clone(),
            framing: config.limits.sip(),
            idle: config.limits.connection_idle,
            strangers: config.limits.strangers,
            refused: Cell::new(0),
            ended: Cell::new(0),
        }
    }

    /// From now on what arrives goes to this core.
    pub(super) fn serve(&self, runner: &Rc<Runner>) {
        *self.runner.borrow_mut() = Rc::downgrade(runner);
    }

    fn is_peer(&self, remote: SocketAddr) -> bool {
        let runner = self.runner.borrow().upgrade();
        runner.is_some_and(|runner| runner.is_peer(remote.ip()))
    }

    /// The DNS has answered: who was a stranger may be a peer, and the other way round. One that
    /// finds no room in its new budget is closed.
    pub(super) fn review(&self) {
        let table = &mut *self.table.borrow_mut();
        for port in table.ports.values() {
            let side = match port.side.get() {
                Side::Opened => continue,
                Side::Accepted | Side::Stranger if self.is_peer(port.remote) => Side::Accepted,
                Side::Accepted | Side::Stranger => Side::Stranger,
            };
            if side == port.side.get() {
                continue;
            }
            if table.budget.take(side, port.remote.ip()) {
                table.budget.give_back(port.side.replace(side), port.remote.ip());
                port.speaks_by.set(Instant::now() + FIRST);
            } else {
                port.close();
            }
        }
    }

    /// How many connections there are: of peers, and of strangers.
    pub(super) fn count(&self) -> (usize, usize) {
        self.table.borrow().budget.count()
    }

    /// How many were refused, and how many of strangers were ended.
    pub(super) fn turned_away(&self) -> (u64, u64) {
        (self.refused.get(), self.ended.get())
    }

    /// Sends by the connection that is meant, else by one to the same address, else by a new one to
    /// a peer. To a stranger none is opened: who does not wait for an answer gets none.
    pub(super) fn send(self: &Rc<Self>, hop: Hop, octets: Bytes) -> io::Result<()> {
        let port = self.table.borrow().find(hop).cloned();
        if let Some(port) = port {
            return port.send(&octets);
        }
        if !self.is_peer(hop.remote) {
            return Err(io::Error::other("no connection is opened to a stranger"));
        }
        let (id, port) = self.register(hop.remote, Side::Opened)?;
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

    fn register(&self, remote: SocketAddr, side: Side) -> io::Result<(ConnectionId, Rc<Port>)> {
        let mut table = self.table.borrow_mut();
        if !table.budget.take(side, remote.ip()) {
            self.refused.set(self.refused.get() + 1);
            return Err(io::Error::other("a bound of connections is reached"));
        }
        Ok(table.add(Port::new(remote, side, self.strangers)))
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
            let side = if self.is_peer(remote) { Side::Accepted } else { Side::Stranger };
            let Ok((id, port)) = self.register(remote, side) else { continue };
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
        let cut_off = tokio::select! {
            done = self.keep_reading(flow, reader, &port) => done.is_none(),
            () = port.keep_writing(writer) => port.closed.get(),
        };
        port.closed.set(true);
        if port.side.get() == Side::Stranger {
            // No request of the gateway's goes to a stranger: nothing was lost with it.
            self.ended.set(self.ended.get() + u64::from(cut_off));
            return self.table.borrow_mut().remove(id);
        }
        self.ended(id, Input::Closed { remote, transport });
    }

    /// Reads until the end: `None` if the other side took too long or sent too much.
    async fn keep_reading(
        &self,
        flow: Flow,
        mut reader: impl AsyncRead + Unpin,
        port: &Port,
    ) -> Option<()> {
        let mut framer = Framer::new(self.framing);
        // A stranger's requests are small.
        let room = if port.side.get() == Side::Stranger { 4_096 } else { 65_536 };
        let (mut buffer, mut unframed) = (vec![0; room], 0);
        loop {
            let length = loop {
                match timeout_at(port.deadline(self.idle), reader.read(&mut buffer)).await {
                    Ok(read) => break read.unwrap_or(0),
                    // It became a peer's meanwhile.
                    Err(_) if port.deadline(self.idle) > Instant::now() => {}
                    Err(_) => return None,
                }
            };
            if length == 0 {
                return Some(());
            }
            port.heard.set(Instant::now());
            framer.push(buffer.get(..length).unwrap_or_default());
            unframed += length;
            match self.take_frames(flow, &mut framer, port) {
                Some(0) => {}
                Some(_) => {
                    unframed = 0;
                    port.speaks_by.set(Instant::now() + self.strangers.idle);
                }
                None => {
                    port.finish().await;
                    return Some(());
                }
            }
            if port.side.get() == Side::Stranger && unframed > self.strangers.octets {
                return None;
            }
        }
    }

    /// Feeds what is complete, and says how many messages that were; `None` when the stream cannot
    /// be framed any more.
    fn take_frames(&self, flow: Flow, framer: &mut Framer, port: &Port) -> Option<usize> {
        let runner = self.runner.borrow().upgrade()?;
        let mut messages = 0;
        loop {
            match framer.next() {
                Ok(None) => return Some(messages),
                Ok(Some(Frame::Message(octets))) => {
                    messages += 1;
                    runner.feed(Input::Sip { flow, octets });
                }
                Ok(Some(Frame::TooLarge(malformed))) => {
                    runner.feed(Input::Unreadable { flow, malformed: Box::new(malformed) });
                }
                Ok(Some(Frame::KeepAlivePing)) => {
                    let _ = port.send(b"\r\n");
                }
                Ok(Some(Frame::KeepAlivePong)) => {}
                Err(error) => {
                    runner.feed(Input::Unreadable { flow, malformed: Box::new(error.0) });
                    return None;
                }
            }
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
