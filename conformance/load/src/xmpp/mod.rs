//! The XMPP world: the server of a component link, or users who log in to a real server.

pub mod component;
pub mod login;
pub mod stanza;

use std::io;
use std::time::Instant;

use crate::net::stream::Stream;
use crate::net::wait::{Readable, Waits};
use crate::scenario::Scenario;
use component::Component;
use stanza::{Frame, Stanza};

/// The XMPP world.
pub enum Xmpp {
    /// The gateway is a component of ours.
    Component(Component),
    /// One connection for each user of a real server.
    Users(Vec<Stream>),
}

impl Xmpp {
    /// Whether the way to the gateway is open.
    pub fn is_up(&self) -> bool {
        match self {
            Xmpp::Component(component) => component.is_up(),
            Xmpp::Users(_) => true,
        }
    }

    /// The server of a component link, where the gateway is one of ours.
    pub fn component(&mut self) -> Option<&mut Component> {
        match self {
            Xmpp::Component(component) => Some(component),
            Xmpp::Users(_) => None,
        }
    }

    /// Writes a stanza of a user; `write` appends it.
    pub fn send(&mut self, user: usize, write: impl FnOnce(&mut Vec<u8>)) {
        match self {
            Xmpp::Component(component) => component.send(write),
            Xmpp::Users(users) => write(users[user].leaving()),
        }
    }

    /// Adds what is to be waited for; the answer is the number of the first.
    pub fn wait<'a>(&'a self, waits: &mut Waits<'a>) -> usize {
        match self {
            Xmpp::Component(component) => component.wait(waits),
            Xmpp::Users(users) => {
                let add = |user: &'a Stream| waits.add(user.socket(), user.wants_room());
                users.iter().map(add).min().unwrap_or(0)
            }
        }
    }

    /// Reads what came and hands it on; `first` is what [`Xmpp::wait`] said.
    ///
    /// # Errors
    /// When a stream ends or is broken.
    pub fn receive(
        &mut self,
        readable: &Readable,
        first: usize,
        scenario: &mut impl Scenario,
    ) -> io::Result<()> {
        match self {
            Xmpp::Component(component) => component.receive(readable, first, scenario),
            Xmpp::Users(users) => users
                .iter_mut()
                .enumerate()
                .filter(|(index, _)| readable.holds(first + index))
                .try_for_each(|(_, user)| receive_from(user, scenario)),
        }
    }

    /// Sends what was written.
    pub fn flush(&mut self) {
        match self {
            Xmpp::Component(component) => component.flush(),
            Xmpp::Users(users) => {
                users.iter_mut().filter(|user| user.wants_room()).for_each(Stream::flush);
            }
        }
    }
}

/// Hands on the stanzas of an open stream.
fn receive_from(stream: &mut Stream, scenario: &mut impl Scenario) -> io::Result<()> {
    stream.receive();
    let now = Instant::now();
    let (came, leaving) = stream.split();
    let mut taken = 0;
    while let Some((frame, length)) = stanza::next(&came[taken..])? {
        taken += length;
        match frame {
            Frame::Stanza(stanza) if stanza.name == "stream:error" => {
                let text = String::from_utf8_lossy(&came[taken - length..taken]);
                return Err(io::Error::other(format!("a stream error: {text}")));
            }
            Frame::Stanza(stanza) if stanza.is_request() => answer(&stanza, leaving),
            Frame::Stanza(stanza) => scenario.stanza(now, &stanza),
            Frame::Open => {}
            Frame::Close => return Err(io::Error::other("the XMPP stream was closed")),
        }
    }
    stream.take(taken);
    match stream.is_open() {
        true => Ok(()),
        false => Err(io::Error::other("the XMPP connection was lost")),
    }
}

/// Every request is answered at once: a ping (XEP-0199), which may be a barrier, with a result,
/// and all others with `service-unavailable` (RFC 6120 §8.2.3).
fn answer(request: &Stanza<'_>, out: &mut Vec<u8>) {
    let ping = request.child_namespace == "urn:xmpp:ping";
    let kind = if ping { "result" } else { "error" };
    let (from, to, id) = (&request.to, &request.from, &request.id);
    let head = format!("<iq type='{kind}' from='{from}' to='{to}' id='{id}'");
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(if ping { b"/>" } else { UNAVAILABLE });
}

const UNAVAILABLE: &[u8] = b"><error type='cancel'>\
<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>";
