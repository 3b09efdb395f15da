//! Waiting for sockets, with a time to wake that is exact to some microseconds.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

/// What is waited for.
#[derive(Default)]
pub struct Waits<'a> {
    sockets: Vec<PollFd<'a>>,
}

/// Which of the sockets can be read, by the numbers that [`Waits::add`] gave.
#[derive(Default)]
pub struct Readable(Vec<bool>);

impl Readable {
    /// Whether this one can; one that was not waited for may.
    pub fn holds(&self, number: usize) -> bool {
        self.0.get(number).copied().unwrap_or(true)
    }
}

impl<'a> Waits<'a> {
    /// Wakes when the socket can be read, and with `room` when it can be written as well. The
    /// answer is its number.
    pub fn add(&mut self, socket: BorrowedFd<'a>, room: bool) -> usize {
        let flags = if room { PollFlags::POLLIN | PollFlags::POLLOUT } else { PollFlags::POLLIN };
        self.sockets.push(PollFd::new(socket, flags));
        self.sockets.len() - 1
    }

    /// Sleeps until a socket is ready or the time has come. A signal wakes as well.
    ///
    /// # Errors
    /// When the system refuses to wait.
    pub fn wait(mut self, until: Instant) -> io::Result<Readable> {
        let rest = until.saturating_duration_since(Instant::now());
        match ppoll(&mut self.sockets, Some(TimeSpec::from_duration(rest)), None) {
            Ok(_) | Err(Errno::EINTR) => {
                let nothing_but_room = |flags: PollFlags| flags == PollFlags::POLLOUT;
                let readable = |socket: &PollFd<'_>| {
                    socket.revents().is_some_and(|f| !f.is_empty() && !nothing_but_room(f))
                };
                Ok(Readable(self.sockets.iter().map(readable).collect()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Lets this thread wake when it asked to, instead of up to 50 µs later.
pub fn wake_exactly() {
    // Best effort: without it latencies are measured a little too long.
    let _ = nix::sys::prctl::set_timerslack(1);
}

/// Waits until a socket has room.
///
/// # Errors
/// When it does not get room within five seconds.
pub fn for_room(socket: BorrowedFd<'_>) -> io::Result<()> {
    let mut sockets = [PollFd::new(socket, PollFlags::POLLOUT)];
    let rest = TimeSpec::from_duration(Duration::from_secs(5));
    match ppoll(&mut sockets, Some(rest), None) {
        Ok(0) => Err(io::Error::new(io::ErrorKind::TimedOut, "a socket takes nothing any more")),
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
