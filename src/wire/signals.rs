//! The signals of the process: those that end it, and those that mean nothing to it.

use std::io;
use std::rc::Rc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::runner::Runner;

/// The signals that end the process.
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    pub(super) fn new() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Stop { terminate, interrupt })
    }

    /// Waits for one of them.
    pub(super) async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Tells whoever sends a signal that has a meaning elsewhere what to do here, for ever: without a
/// handler it would end the process.
pub(super) async fn keep_ignoring(runner: Rc<Runner>) -> io::Result<()> {
    let mut first = signal(SignalKind::user_defined1())?;
    let mut second = signal(SignalKind::user_defined2())?;
    loop {
        let name = tokio::select! {
            _ = first.recv() => "SIGUSR1",
            _ = second.recv() => "SIGUSR2",
        };
        runner.log.ignored_signal(name);
    }
}
