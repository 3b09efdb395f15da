//! Datagrams, up to [`BATCH`] of them to a system call.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg, setsockopt,
    sockopt,
};

use super::wait;

/// Datagrams to a system call.
pub const BATCH: usize = 64;
/// The longest datagram that is taken whole; a gateway's are below 2,000 octets.
const LONGEST: usize = 8_192;
/// What the kernel holds for a burst, octets.
const SOCKET_BUFFER: usize = 8 * 1_024 * 1_024;

/// A bound socket with what was read last.
pub struct Udp {
    socket: UdpSocket,
    headers: MultiHeaders<SockaddrStorage>,
    octets: Vec<u8>,
    read: Vec<(usize, SocketAddr)>,
}

impl Udp {
    /// Binds a socket.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        enlarge(&socket);
        Ok(Udp {
            socket,
            headers: MultiHeaders::preallocate(BATCH, None),
            octets: vec![0; BATCH * LONGEST],
            read: Vec::with_capacity(BATCH),
        })
    }

    /// The socket, to wait for.
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The address that it is bound to.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Reads what is there, up to [`BATCH`]; the answer is how many, see [`Udp::datagram`].
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn receive(&mut self) -> io::Result<usize> {
        self.read.clear();
        let mut slots: Vec<[IoSliceMut<'_>; 1]> =
            self.octets.chunks_mut(LONGEST).map(|slot| [IoSliceMut::new(slot)]).collect();
        let flags = MsgFlags::MSG_DONTWAIT;
        let fd = self.socket.as_raw_fd();
        match recvmmsg(fd, &mut self.headers, slots.iter_mut(), flags, None) {
            Ok(messages) => {
                let known = messages.map(|message| (message.bytes, message.address));
                self.read.extend(known.map(|(length, from)| (length, socket_address(from))));
            }
            // A refused datagram is reported by the next call: the peer is not there (yet).
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNREFUSED) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(self.read.len())
    }

    /// How many the last [`Udp::receive`] read.
    pub fn count(&self) -> usize {
        self.read.len()
    }

    /// A datagram of the last [`Udp::receive`], and who sent it.
    pub fn datagram(&self, index: usize) -> (&[u8], SocketAddr) {
        let (length, from) = self.read[index];
        (&self.octets[index * LONGEST..][..length], from)
    }
}

/// Datagrams that leave together.
#[derive(Default)]
pub struct Outbox {
    octets: Vec<u8>,
    datagrams: Vec<Range<usize>>,
    to: Vec<Option<SockaddrStorage>>,
}

impl Outbox {
    /// Adds a datagram that `write` appends to the octets; none when it appends nothing.
    pub fn push(&mut self, to: SocketAddr, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.octets.len();
        write(&mut self.octets);
        if start == self.octets.len() {
            return;
        }
        self.datagrams.push(start..self.octets.len());
        self.to.push(Some(SockaddrStorage::from(to)));
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// Sends everything.
    ///
    /// # Errors
    /// When the socket is broken or takes nothing any more.
    pub fn flush(&mut self, udp: &Udp) -> io::Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        let slices: Vec<[IoSlice<'_>; 1]> = self
            .datagrams
            .iter()
            .map(|range| [IoSlice::new(&self.octets[range.clone()])])
            .collect();
        let none: [ControlMessage<'_>; 0] = [];
        let mut sent = 0;
        let mut headers = MultiHeaders::preallocate(BATCH.min(slices.len()), None);
        while sent < slices.len() {
            let end = slices.len().min(sent + BATCH);
            let (part, to) = (&slices[sent..end], &self.to[sent..end]);
            let flags = MsgFlags::MSG_DONTWAIT;
            let fd = udp.socket.as_raw_fd();
            match sendmmsg(fd, &mut headers, part, to, none, flags).map(Iterator::count) {
                Ok(count) => sent += count,
                Err(Errno::EAGAIN) => wait::for_room(udp.socket())?,
                // What a former datagram met; this one was not sent yet.
                Err(Errno::ECONNREFUSED | Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.octets.clear();
        self.datagrams.clear();
        self.to.clear();
        Ok(())
    }
}

/// Best effort: more than the kernel's bound where this process may, else up to the bound.
fn enlarge(socket: &UdpSocket) {
    if setsockopt(socket, sockopt::RcvBufForce, &SOCKET_BUFFER).is_err() {
        let _ = setsockopt(socket, sockopt::RcvBuf, &SOCKET_BUFFER);
    }
    if setsockopt(socket, sockopt::SndBufForce, &SOCKET_BUFFER).is_err() {
        let _ = setsockopt(socket, sockopt::SndBuf, &SOCKET_BUFFER);
    }
}

fn socket_address(from: Option<SockaddrStorage>) -> SocketAddr {
    let v4 = from.as_ref().and_then(SockaddrStorage::as_sockaddr_in);
    let v6 = from.as_ref().and_then(SockaddrStorage::as_sockaddr_in6);
    match (v4, v6) {
        (Some(v4), _) => SocketAddr::new(v4.ip().into(), v4.port()),
        (_, Some(v6)) => SocketAddr::new(v6.ip().into(), v6.port()),
        _ => SocketAddr::from(([0, 0, 0, 0], 0)),
    }
}
