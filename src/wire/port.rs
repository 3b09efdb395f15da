//! The sending end of a connection, and when it has been silent for too long.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::budget::Side;
use crate::config::Strangers;

/// How long a stranger may take for a first whole message.
pub(super) const FIRST: Duration = Duration::from_secs(5);
/// How long the last answers of a stream that cannot be framed any more may take to leave.
const FINISHING: Duration = Duration::from_secs(2);
/// Octets that may wait for a peer that does not read: beyond that the connection is closed.
const WAITING: usize = 4 * 1_024 * 1_024;

/// The sending end of a connection.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) remote: SocketAddr,
    pub(super) side: Cell<Side>,
    waiting: RefCell<Vec<u8>>,
    /// Octets that are being written.
    leaving: Cell<usize>,
    /// When anything came last.
    pub(super) heard: Cell<Instant>,
    /// By when a stranger must have brought a whole message.
    pub(super) speaks_by: Cell<Instant>,
    strangers: Strangers,
    more: Notify,
    pub(super) closed: Cell<bool>,
    /// Nothing more is read; what waits is still written.
    finishing: Cell<bool>,
}

impl Port {
    pub(super) fn new(remote: SocketAddr, side: Side, strangers: Strangers) -> Self {
        let now = Instant::now();
        Port {
            remote,
            side: Cell::new(side),
            waiting: RefCell::default(),
            leaving: Cell::new(0),
            heard: Cell::new(now),
            speaks_by: Cell::new(now + FIRST),
            strangers,
            more: Notify::new(),
            closed: Cell::new(false),
            finishing: Cell::new(false),
        }
    }

    /// Until when something must come: anything from a peer, a whole message from a stranger.
    pub(super) fn deadline(&self, idle: Duration) -> Instant {
        match self.side.get() {
            Side::Stranger => self.speaks_by.get(),
            Side::Accepted | Side::Opened => self.heard.get() + idle,
        }
    }

    pub(super) fn close(&self) {
        self.closed.set(true);
        self.more.notify_one();
    }

    pub(super) fn send(&self, octets: &[u8]) -> io::Result<()> {
        let mut waiting = self.waiting.borrow_mut();
        let most = match self.side.get() {
            Side::Stranger => self.strangers.octets,
            Side::Accepted | Side::Opened => WAITING,
        };
        if self.closed.get() || self.leaving.get() + waiting.len() + octets.len() > most {
            self.close();
            return Err(io::Error::other("the other side does not read"));
        }
        waiting.extend_from_slice(octets);
        self.more.notify_one();
        Ok(())
    }

    /// What was answered leaves before the end: the writer ends when nothing waits any more.
    pub(super) async fn finish(&self) {
        self.finishing.set(true);
        self.more.notify_one();
        tokio::time::sleep(FINISHING).await;
    }

    /// Waits until the connection is closed while something is written.
    async fn is_closed(&self) {
        while !self.closed.get() {
            self.more.notified().await;
        }
    }

    pub(super) async fn keep_writing(&self, mut writer: impl AsyncWrite + Unpin) {
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
            self.leaving.set(octets.len());
            tokio::select! {
                written = writer.write_all(&octets) => {
                    if written.is_err() {
                        return;
                    }
                }
                () = self.is_closed() => return,
            }
            self.leaving.set(0);
            octets.clear();
        }
    }
}
