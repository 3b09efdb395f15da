//! The process that is measured: one that runs already, or one that is started for the run.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::measure::process::Tree;

/// How long a gateway may take to end.
const ENDING: Duration = Duration::from_secs(5);

/// A gateway; one that was started for the run ends with it.
pub struct Gateway {
    tree: Option<Tree>,
    child: Option<Child>,
    command: Vec<String>,
    log: Option<PathBuf>,
}

impl Gateway {
    /// One that runs under a process id, or whose process is not known.
    pub fn running(pid: Option<u32>) -> Self {
        Gateway { tree: pid.map(Tree), child: None, command: Vec::new(), log: None }
    }

    /// Starts one; what it says goes to `log`, else nowhere.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &[String], log: Option<&Path>) -> io::Result<Self> {
        let [program, arguments @ ..] = command else { return Ok(Gateway::running(None)) };
        let (out, err) = match log {
            Some(path) => {
                let file = File::options().create(true).append(true).open(path)?;
                (Stdio::from(file.try_clone()?), Stdio::from(file))
            }
            None => (Stdio::null(), Stdio::null()),
        };
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn();
        let child = child.map_err(|error| io::Error::other(format!("{program}: {error}")))?;
        Ok(Gateway {
            tree: Some(Tree(child.id())),
            child: Some(child),
            command: command.to_vec(),
            log: log.map(Path::to_owned),
        })
    }

    /// Kills one that was started for the run, as kill -9 does.
    ///
    /// # Errors
    /// When it is none of ours.
    pub fn kill(&mut self) -> io::Result<()> {
        let missing = || io::Error::other("what is to be killed must be started by -- COMMAND");
        let mut child = self.child.take().ok_or_else(missing)?;
        child.kill()?;
        child.wait().map(drop)
    }

    /// Starts it again.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_again(&mut self) -> io::Result<()> {
        *self = Gateway::start(&self.command, self.log.as_deref())?;
        Ok(())
    }

    /// Its processes.
    pub fn tree(&self) -> Option<Tree> {
        self.tree
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let Some(child) = &mut self.child else { return };
        if let Ok(pid) = i32::try_from(child.id()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let end = Instant::now() + ENDING;
        while Instant::now() < end {
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}
