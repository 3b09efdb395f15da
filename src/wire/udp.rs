//! Datagrams (RFC 3261 §18).

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use socket2::{Domain, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::Notify;

use super::runner::Runner;
use crate::config::Transport;
use crate::flow::{DATAGRAM, Flow, Input, ListenerId};

/// Octets that the kernel should hold for a burst in either direction.
const SOCKET_BUFFER: usize = 4 * 1_024 * 1_024;
/// Datagrams that wait while the socket's own buffer is full; beyond it they are dropped, as a
/// network drops them, and the transactions send again.
const WAITING: usize = 10_000;
/// The error of a datagram that is too long to be sent.
#[cfg(target_os = "linux")]
pub(super) const EMSGSIZE: i32 = 90;
/// The error of a datagram that is too long to be sent, as BSD numbers it.
#[cfg(not(target_os = "linux"))]
pub(super) const EMSGSIZE: i32 = 40;
/// Datagrams that are read before other work gets its turn.
const BATCH: usize = 64;

/// A bound socket.
#[derive(Debug)]
pub(super) struct UdpPort {
    socket: UdpSocket,
    waiting: RefCell<VecDeque<(SocketAddr, Bytes)>>,
    more: Notify,
}

impl UdpPort {
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
        if address.is_ipv6() {
            socket.set_only_v6(!address.ip().is_unspecified())?;
        }
        // Best effort: the kernel has a bound of its own.
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        let socket = UdpSocket::from_std(socket.into())?;
        Ok(UdpPort { socket, waiting: RefCell::default(), more: Notify::new() })
    }

    /// Sends a datagram, or lets it wait for room.
    pub(super) fn send(&self, to: SocketAddr, octets: Bytes) -> io::Result<()> {
        if octets.len() > DATAGRAM {
            return Err(io::Error::from_raw_os_error(EMSGSIZE));
        }
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_empty() {
            match self.socket.try_send_to(&octets, to) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        if waiting.len() < WAITING {
            waiting.push_back((to, octets));
            self.more.notify_one();
        }
        Ok(())
    }

    /// Sends what waits, for ever.
    pub(super) async fn keep_sending(&self) {
        loop {
            self.more.notified().await;
            loop {
                let next = self.waiting.borrow_mut().pop_front();
                let Some((to, octets)) = next else { break };
                // A failure is the transaction's to notice.
                let _ = self.socket.send_to(&octets, to).await;
            }
        }
    }
}

/// Feeds every datagram to the core, for ever.
pub(super) async fn keep_receiving(runner: Rc<Runner>, port: Rc<UdpPort>, listener: ListenerId) {
    let mut buffer = vec![0; 65_536];
    loop {
        if port.socket.readable().await.is_err() {
            continue;
        }
        for _ in 0..BATCH {
            let Ok((length, remote)) = port.socket.try_recv_from(&mut buffer) else { break };
            let octets = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
            let flow = Flow { transport: Transport::Udp, listener, remote, connection: None };
            runner.feed(Input::Sip { flow, octets });
        }
        tokio::task::yield_now().await;
    }
}
