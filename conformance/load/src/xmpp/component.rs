//! The server's end of a component link (XEP-0114).

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;

use sha1::{Digest, Sha1};

use super::receive_from;
use super::stanza::{self, Frame};
use crate::net::stream::{self, Stream};
use crate::net::wait::{Readable, Waits};
use crate::scenario::Scenario;

/// How far the gateway's stream is.
enum Stage {
    /// It says who it is.
    Header,
    /// It proves that it knows the secret.
    Handshake,
    /// It serves.
    Up,
}

/// A component port with the one gateway that it serves.
pub struct Component {
    address: SocketAddr,
    /// None while nobody listens.
    listener: Option<TcpListener>,
    /// Whether the gateway may be lost.
    may_go: bool,
    secret: String,
    name: String,
    link: Option<(Stream, Stage)>,
}

/// Every stream has this id: it makes the handshake unique, and there is one stream here.
const STREAM_ID: &str = "load";

impl Component {
    /// Waits for the gateway at `address`; `name` is the component's.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn listen(address: SocketAddr, name: &str, secret: &str) -> io::Result<Self> {
        let (name, secret) = (name.to_owned(), secret.to_owned());
        let listener = Some(stream::listen(address)?);
        Ok(Component { address, listener, may_go: false, secret, name, link: None })
    }

    /// From now on the gateway may go and come back.
    pub fn may_go(&mut self) {
        self.may_go = true;
    }

    /// The server goes: the link ends, and nobody listens any more.
    pub fn close(&mut self) {
        (self.listener, self.link) = (None, None);
    }

    /// The server is back.
    ///
    /// # Errors
    /// When the address cannot be bound again.
    pub fn open(&mut self) -> io::Result<()> {
        self.listener = Some(stream::listen(self.address)?);
        Ok(())
    }

    /// Whether the gateway has authenticated.
    pub fn is_up(&self) -> bool {
        matches!(self.link, Some((_, Stage::Up)))
    }

    /// Writes a stanza.
    pub fn send(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if let Some((stream, _)) = &mut self.link {
            write(stream.leaving());
        }
    }

    /// Adds what is to be waited for; the answer is the number of the first.
    pub fn wait<'a>(&'a self, waits: &mut Waits<'a>) -> usize {
        let link = self.link.as_ref().map(|(stream, _)| stream);
        let first = link.map(|stream| waits.add(stream.socket(), stream.wants_room()));
        let listener = self.listener.as_ref().map(|listener| waits.add(listener.as_fd(), false));
        first.or(listener).unwrap_or(0)
    }

    /// Reads what came; what the gateway writes once it is up is handed on.
    ///
    /// # Errors
    /// When the stream ends or is broken, or the secret is wrong.
    pub fn receive(
        &mut self,
        readable: &Readable,
        first: usize,
        scenario: &mut impl Scenario,
    ) -> io::Result<()> {
        if let Some(listener) = self.listener.as_ref().filter(|_| !self.is_up()) {
            for (stream, _) in stream::accept(listener)? {
                self.link = Some((stream, Stage::Header));
            }
        }
        let Some((stream, stage)) = &mut self.link else { return Ok(()) };
        if let Stage::Up = stage {
            if !readable.holds(first) {
                return Ok(());
            }
            let received = receive_from(stream, scenario);
            if received.is_err() && self.may_go {
                self.link = None;
                return Ok(());
            }
            return received;
        }
        stream.receive();
        let (came, leaving) = stream.split();
        let mut taken = 0;
        while !matches!(stage, Stage::Up)
            && let Some((frame, length)) = stanza::next(&came[taken..])?
        {
            taken += length;
            *stage = open(&frame, &self.name, &self.secret, leaving)?;
        }
        stream.take(taken);
        if !stream.is_open() {
            self.link = None;
        }
        Ok(())
    }

    /// Sends what was written.
    pub fn flush(&mut self) {
        if let Some((stream, _)) = &mut self.link {
            stream.flush();
        }
    }
}

/// One step of opening a stream.
fn open(frame: &Frame<'_>, name: &str, secret: &str, out: &mut Vec<u8>) -> io::Result<Stage> {
    match frame {
        Frame::Open => {
            let header = format!(
                "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
                 xmlns:stream='http://etherx.jabber.org/streams' from='{name}' id='{STREAM_ID}'>"
            );
            out.extend_from_slice(header.as_bytes());
            Ok(Stage::Handshake)
        }
        Frame::Stanza(stanza) if stanza.name == "handshake" => {
            if !stanza.text().trim().eq_ignore_ascii_case(&proof(secret)) {
                return Err(io::Error::other("the gateway has another secret (--secret)"));
            }
            out.extend_from_slice(b"<handshake/>");
            Ok(Stage::Up)
        }
        other => Err(io::Error::other(format!("no component speaks like this: {other:?}"))),
    }
}

/// XEP-0114 §3: the hash of the stream's id and the secret, in hexadecimal digits.
fn proof(secret: &str) -> String {
    let digest = Sha1::digest(format!("{STREAM_ID}{secret}"));
    digest.iter().map(|octet| format!("{octet:02x}")).collect()
}
