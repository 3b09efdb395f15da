//! The admin socket: what a running gateway tells of itself, and what it is told to do.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use super::metrics;
use super::reload::{Reloaded, reload};
use super::runner::Runner;
use crate::codec::xmpp::Jid;
use crate::config::Config;
use crate::flow::{Input, Status, TargetStatus};

/// The octets of the longest order: a bare JID has 2047 at most (RFC 7622 §3.1).
const LONGEST: usize = 2_200;
/// Connections at once.
const CONNECTIONS: usize = 64;
/// Asks for the rules to be loaded anew; what became of it is the answer.
const RELOAD: &str = "reload\n";
/// Asks for the numbers that `GET /metrics` has; they are the answer.
const METRICS: &str = "metrics\n";

/// Asks what is known of a SIP user, by the bare JID.
const TARGET: &str = "target ";

/// The SIP user of whom a line asks what is known.
fn target(line: &str) -> Option<Jid> {
    Jid::parse(line.strip_prefix(TARGET)?.strip_suffix('\n')?).ok()
}

/// Makes the socket: only its owner may ask. One that an earlier process left is replaced; one
/// that answers belongs to a process that runs.
pub(super) fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(directory)?;
    }
    if StdUnixStream::connect(path).is_ok() {
        let running = "another stox answers there: give each its own admin.socket";
        return Err(io::Error::new(io::ErrorKind::AddrInUse, running));
    }
    match std::fs::symlink_metadata(path) {
        Ok(data) if data.file_type().is_socket() => std::fs::remove_file(path)?,
        Ok(_) => {
            let other =
                "something stands there that is no socket: move it away, or name another path";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, other));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers whoever asks, for ever.
pub(super) async fn keep_answering(
    runner: Rc<Runner>,
    config: Arc<Config>,
    listener: UnixListener,
) {
    let mut served: VecDeque<JoinHandle<()>> = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        served.retain(|one| !one.is_finished());
        // At the bound the oldest makes room: who reads has long been served by then.
        if served.len() >= CONNECTIONS
            && let Some(oldest) = served.pop_front()
        {
            oldest.abort();
        }
        let (runner, config) = (Rc::clone(&runner), Arc::clone(&config));
        served.push_back(tokio::task::spawn_local(async move {
            let answer = answer(&runner, &config, stream);
            let _ = tokio::time::timeout(Duration::from_secs(30), answer).await;
        }));
    }
}

async fn answer(
    runner: &Rc<Runner>,
    config: &Arc<Config>,
    mut stream: UnixStream,
) -> io::Result<()> {
    let mut asked = [0; LONGEST];
    let length = stream.read(&mut asked).await?;
    let text = asked.get(..length).and_then(|line| std::str::from_utf8(line).ok());
    let reply = match (text, text.and_then(Order::parse)) {
        (Some(RELOAD), _) => serde_json::to_vec(&reload(runner, config).await)?,
        (Some(METRICS), _) => metrics::text(&runner.status()).into_bytes(),
        (Some(line), _) if target(line).is_some() => {
            serde_json::to_vec(&target(line).map(|user| runner.target(&user)))?
        }
        (_, Some(order)) => match order {
            Order::Status => serde_json::to_vec(&runner.status())?,
            Order::Retire => {
                runner.feed(Input::Retire);
                runner.log.ordered("retire: nothing is shown or taken on any more");
                serde_json::to_vec(&runner.status())?
            }
            Order::Remove(contact) => serde_json::to_vec(&remove(runner, contact))?,
        },
        _ => br#"{"error":"unknown request"}"#.to_vec(),
    };
    stream.write_all(&reply).await?;
    stream.shutdown().await
}

/// What became of the removal of a SIP user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// XMPP users who watched the SIP user, or were watched, or asked to.
    pub users: usize,
}

fn remove(runner: &Runner, contact: Jid) -> Removed {
    let users = runner.users_of(&contact);
    let told = format!("remove: {}, whom {users} XMPP users knew", contact.bare_str());
    runner.feed(Input::Remove(contact));
    runner.log.ordered(&told);
    Removed { users }
}

/// What a running gateway may be told; all but the removal of a user are answered by its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Nothing.
    Status,
    /// Show nothing any more and take on nothing.
    Retire,
    /// Remove a SIP user, by the bare JID: XMPP users who let them see their presence are told.
    Remove(Jid),
}

impl Order {
    fn parse(line: &str) -> Option<Self> {
        Some(match line.strip_suffix('\n')?.split_once(' ') {
            None if line == "status\n" => Order::Status,
            None if line == "retire\n" => Order::Retire,
            Some(("remove", contact)) => Order::Remove(Jid::parse(contact).ok()?),
            _ => return None,
        })
    }

    fn line(&self) -> String {
        match self {
            Order::Status => "status\n".to_owned(),
            Order::Retire => "retire\n".to_owned(),
            Order::Remove(contact) => format!("remove {contact}\n"),
        }
    }
}

/// Tells a running gateway something; the answer is its status.
///
/// # Errors
/// When nobody answers at the socket.
pub fn ask(socket: &Path, order: &Order) -> io::Result<Status> {
    Ok(serde_json::from_slice(&request(socket, &order.line(), Duration::from_secs(5))?)?)
}

/// Tells a running gateway that a SIP user is no more.
///
/// # Errors
/// When nobody answers at the socket.
pub fn ask_remove(socket: &Path, contact: &Jid) -> io::Result<Removed> {
    let line = Order::Remove(contact.clone()).line();
    Ok(serde_json::from_slice(&request(socket, &line, Duration::from_secs(5))?)?)
}

/// Asks a running gateway for its numbers, as `GET /metrics` has them.
///
/// # Errors
/// When nobody answers at the socket.
pub fn ask_metrics(socket: &Path) -> io::Result<String> {
    let reply = request(socket, METRICS, Duration::from_secs(5))?;
    String::from_utf8(reply).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Asks a running gateway what it knows of a SIP user as a target of messages.
///
/// # Errors
/// When nobody answers at the socket.
pub fn ask_target(socket: &Path, user: &Jid) -> io::Result<TargetStatus> {
    let line = format!("{TARGET}{}\n", user.bare_str());
    Ok(serde_json::from_slice(&request(socket, &line, Duration::from_secs(5))?)?)
}

/// Asks a running gateway to load its rules anew.
///
/// # Errors
/// When nobody answers at the socket.
pub fn ask_reload(socket: &Path) -> io::Result<Reloaded> {
    Ok(serde_json::from_slice(&request(socket, RELOAD, Duration::from_secs(30))?)?)
}

fn request(socket: &Path, line: &str, within: Duration) -> io::Result<Vec<u8>> {
    let mut stream = StdUnixStream::connect(socket)?;
    stream.set_read_timeout(Some(within))?;
    stream.write_all(line.as_bytes())?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_as_it_is_written() {
        let contact = Jid::parse("romeo@sip.xmpp.test").expect("a JID");
        for order in [Order::Status, Order::Retire, Order::Remove(contact)] {
            assert_eq!(Order::parse(&order.line()), Some(order));
        }
        for line in ["", "status", "retire now\n", "remove\n", "remove @\n", "other\n"] {
            assert_eq!(Order::parse(line), None, "{line:?}");
        }
    }
}
