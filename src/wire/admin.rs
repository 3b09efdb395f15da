//! The admin socket: what a running gateway tells of itself.

use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::reload::{Reloaded, reload};
use super::runner::Runner;
use crate::config::Config;
use crate::flow::Status;

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
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
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
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (runner, config) = (Rc::clone(&runner), Arc::clone(&config));
        tokio::task::spawn_local(async move {
            let answer = answer(&runner, &config, stream);
            let _ = tokio::time::timeout(Duration::from_secs(30), answer).await;
        });
    }
}

async fn answer(
    runner: &Rc<Runner>,
    config: &Arc<Config>,
    mut stream: UnixStream,
) -> io::Result<()> {
    let mut asked = [0; 64];
    let length = stream.read(&mut asked).await?;
    let reply = match asked.get(..length) {
        Some(b"status\n") => serde_json::to_vec(&runner.status())?,
        Some(b"reload\n") => serde_json::to_vec(&reload(runner, config).await)?,
        _ => br#"{"error":"unknown request"}"#.to_vec(),
    };
    stream.write_all(&reply).await?;
    stream.shutdown().await
}

/// Asks a running gateway for its status.
///
/// # Errors
/// When nobody answers at the socket.
pub fn ask(socket: &Path) -> io::Result<Status> {
    Ok(serde_json::from_slice(&request(socket, b"status\n", Duration::from_secs(5))?)?)
}

/// Asks a running gateway to load its rules anew.
///
/// # Errors
/// When nobody answers at the socket.
pub fn ask_reload(socket: &Path) -> io::Result<Reloaded> {
    Ok(serde_json::from_slice(&request(socket, b"reload\n", Duration::from_secs(30))?)?)
}

fn request(socket: &Path, words: &[u8], within: Duration) -> io::Result<Vec<u8>> {
    let mut stream = StdUnixStream::connect(socket)?;
    stream.set_read_timeout(Some(within))?;
    stream.write_all(words)?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    Ok(reply)
}
