//! A connection that never blocks: what came and is not taken yet, what must leave and has not.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// Octets to a read.
const CHUNK: usize = 65_536;

/// A connection.
pub struct Stream {
    socket: TcpStream,
    chunk: Vec<u8>,
    came: Vec<u8>,
    leaving: Vec<u8>,
    open: bool,
}

impl Stream {
    /// Takes over a connected socket.
    ///
    /// # Errors
    /// When its options cannot be set.
    pub fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        let (came, leaving) = (Vec::new(), Vec::new());
        Ok(Stream { socket, chunk: vec![0; CHUNK], came, leaving, open: true })
    }

    /// Connects from an address of ours.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn connect(from: IpAddr, to: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(from, 0).into())?;
        socket.connect_timeout(&to.into(), Duration::from_secs(5))?;
        Stream::new(socket.into())
    }

    /// The socket, to wait for.
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Whether octets wait for room.
    pub fn wants_room(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// Whether the other end is still there.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Reads what is there.
    pub fn receive(&mut self) {
        while self.open {
            match self.socket.read(&mut self.chunk) {
                Ok(0) => self.open = false,
                Ok(length) => {
                    self.came.extend_from_slice(&self.chunk[..length]);
                    if length < CHUNK {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.open = false,
            }
        }
    }

    /// What came and is not taken yet, and where to append what must leave.
    pub fn split(&mut self) -> (&[u8], &mut Vec<u8>) {
        (&self.came, &mut self.leaving)
    }

    /// The first `length` octets were taken.
    pub fn take(&mut self, length: usize) {
        self.came.drain(..length);
    }

    /// Where to append what must leave.
    pub fn leaving(&mut self) -> &mut Vec<u8> {
        &mut self.leaving
    }

    /// Sends what there is room for.
    pub fn flush(&mut self) {
        let mut sent = 0;
        while self.open && sent < self.leaving.len() {
            match self.socket.write(&self.leaving[sent..]) {
                Ok(0) => self.open = false,
                Ok(length) => sent += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.open = false,
            }
        }
        self.leaving.drain(..sent);
    }
}

/// Accepts everyone who waits.
///
/// # Errors
/// When the listener is broken.
pub fn accept(listener: &TcpListener) -> io::Result<Vec<(Stream, SocketAddr)>> {
    let mut accepted = Vec::new();
    loop {
        match listener.accept() {
            Ok((socket, from)) => accepted.push((Stream::new(socket)?, from)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(accepted),
            Err(error) => return Err(error),
        }
    }
}

/// A listener that never blocks.
///
/// # Errors
/// When the address cannot be bound.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
