//! A user who logs in to a real server: SASL PLAIN over an unencrypted loopback connection.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::net::stream::Stream;

/// How long a server may take for one step.
const STEP: Duration = Duration::from_secs(10);

/// Logs in `user@domain` with a password; the answer is a stream whose user is available.
///
/// # Errors
/// When the server does not take it.
pub fn login(
    server: SocketAddr,
    domain: &str,
    user: &str,
    password: &str,
    resource: &str,
) -> io::Result<Stream> {
    let mut socket = TcpStream::connect_timeout(&server, STEP)?;
    socket.set_read_timeout(Some(STEP))?;
    let header = format!(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams' to='{domain}' version='1.0'>"
    );
    let proof = STANDARD.encode(format!("\0{user}\0{password}"));
    let auth =
        format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{proof}</auth>");
    let bind = format!(
        "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
         <resource>{resource}</resource></bind></iq>"
    );
    let steps: [(&str, &str); 5] = [
        (&header, "</stream:features>"),
        (&auth, "<success"),
        (&header, "</stream:features>"),
        (&bind, "<jid>"),
        ("<presence/>", "<presence"),
    ];
    for (words, answer) in steps {
        socket.write_all(words.as_bytes())?;
        expect(&mut socket, answer)?;
    }
    Stream::new(socket)
}

/// Reads until the answer has come. Whatever the server adds after it in one go is left out:
/// what comes at login is nobody's message.
fn expect(socket: &mut TcpStream, answer: &str) -> io::Result<()> {
    let mut came = Vec::new();
    let mut chunk = [0; 4_096];
    while memchr::memmem::find(&came, answer.as_bytes()).is_none() || !came.ends_with(b">") {
        let refused = memchr::memmem::find(&came, b"<failure").is_some();
        match socket.read(&mut chunk)? {
            length if length > 0 && !refused => came.extend_from_slice(&chunk[..length]),
            _ => {
                let said = String::from_utf8_lossy(&came);
                return Err(io::Error::other(format!("login: wanted {answer}, got {said}")));
            }
        }
    }
    Ok(())
}
