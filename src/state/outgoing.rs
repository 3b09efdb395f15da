//! What goes out, measured where it goes out: here alone a stanza becomes octets for a component
//! stream, and SIP octets an effect.
//!
//! A server closes the stream for a stanza beyond its bound (RFC 6120 §13.12), a kernel takes no
//! larger datagram. So what does not fit is made smaller by what can be missed, and what is too
//! large even then is dropped: it never reaches the wire, and is not tried again.

use bytes::Bytes;

use super::State;
use super::link::Link;
use crate::codec::sip::{HeaderName, Response};
use crate::codec::xml::Text;
use crate::codec::xmpp::{Condition, Presence, Stanza, StanzaError, ns};
use crate::config::Transport;
use crate::flow::{Counter, DATAGRAM, Effect, Event, Hop, LinkId};

/// Octets of one SIP message by TCP: twice the largest head that is read, as a response repeats
/// much of the head of its request. The features that make requests have lower bounds of their own.
const STREAM: usize = 131_072;
/// Characters that are left of a status where it must be shorter.
const SHORT_STATUS: usize = 256;

/// Octets of one stanza that is within `limits.stanza_octets`.
#[derive(Debug, Clone)]
pub struct Measured(Bytes);

impl Measured {
    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Octets that one SIP message may have.
pub(super) fn most(transport: Transport) -> usize {
    if transport.reliable() { STREAM } else { DATAGRAM }
}

impl State {
    /// The octets of a stanza. One that is too large is written without what can be missed; if it
    /// is too large even then, there are none: it is counted, and the operator is told.
    pub(super) fn measured(
        &mut self,
        stanza: &Stanza,
        effects: &mut Vec<Effect>,
    ) -> Option<Measured> {
        let most = self.config.limits.stanza_octets;
        let octets = written(stanza);
        if octets.len() <= most {
            return Some(Measured(octets));
        }
        let shorter = shorter(stanza, most);
        self.counters.count(match shorter {
            Some(_) => Counter::XmppCut,
            None => Counter::XmppTooLarge,
        });
        let (what, cut, octets) = (kind(stanza), shorter.is_some(), octets.len());
        effects.push(Effect::Event(Event::TooLarge { what, octets, most, cut }));
        shorter.map(Measured)
    }

    /// Writes measured octets to a stream.
    pub(super) fn put(&self, link: LinkId, Measured(octets): Measured, effects: &mut Vec<Effect>) {
        effects.push(Effect::Xmpp { link, octets });
    }

    /// Writes a stanza that nobody waits for; while the link is down it is dropped, as the server
    /// has already told the user's own side.
    pub(super) fn write(&mut self, link: LinkId, stanza: &Stanza, effects: &mut Vec<Effect>) {
        if self.link(link).is_some_and(Link::is_up)
            && let Some(octets) = self.measured(stanza, effects)
        {
            self.write_passing(link, octets, effects);
        }
    }

    /// Sends the octets of a SIP message, unless they are too many for the transport.
    pub(super) fn send_octets(
        &mut self,
        hop: Hop,
        octets: Bytes,
        what: &'static str,
        effects: &mut Vec<Effect>,
    ) {
        let most = most(hop.transport);
        match octets.len() <= most {
            true => effects.push(Effect::Sip { hop, octets }),
            false => self.note_too_large(what, octets.len(), most, effects),
        }
    }

    /// Sends a response. One that is too large goes without the headers that make it so; what it
    /// must have (RFC 3261 §8.2.6.2) it repeats from its request.
    pub(super) fn respond(&mut self, hop: Hop, response: Response, effects: &mut Vec<Effect>) {
        let most = most(hop.transport);
        let mut octets = response_octets(&response);
        let whole = octets.len();
        if whole > most {
            octets = shorter_response(response, most);
            if octets.len() <= most {
                self.counters.count(Counter::SipCut);
                let what = "SIP response";
                effects.push(Effect::Event(Event::TooLarge {
                    what,
                    octets: whole,
                    most,
                    cut: true,
                }));
            }
        }
        self.send_octets(hop, octets, "SIP response", effects);
    }

    /// A SIP message is too large for its transport and does not go out.
    pub(super) fn note_too_large(
        &mut self,
        what: &'static str,
        octets: usize,
        most: usize,
        effects: &mut Vec<Effect>,
    ) {
        self.counters.count(Counter::SipTooLarge);
        effects.push(Effect::Event(Event::TooLarge { what, octets, most, cut: false }));
    }
}

fn written(stanza: &Stanza) -> Bytes {
    let mut octets = Vec::with_capacity(512);
    stanza.write(&mut octets);
    octets.into()
}

fn response_octets(response: &Response) -> Bytes {
    let mut octets = Vec::with_capacity(512);
    response.write(&mut octets);
    octets.into()
}

/// What an operator reads of a stanza.
fn kind(stanza: &Stanza) -> &'static str {
    match stanza {
        _ if error_of(stanza).is_some() => "error stanza",
        Stanza::Message(_) => "message stanza",
        Stanza::Presence(_) => "presence stanza",
        _ => "iq stanza",
    }
}

/// The octets of a stanza without what can be missed, if they are few enough then. What a person
/// wrote is not cut in silence: a message that is no error stays as it is.
fn shorter(stanza: &Stanza, most: usize) -> Option<Bytes> {
    if matches!(stanza, Stanza::Message(message) if message.error.is_none()) {
        return None;
    }
    const STEPS: [fn(&mut Stanza); 3] = [less_of_error, less_of_presence, least_of_presence];
    let mut stanza = stanza.clone();
    STEPS.iter().find_map(|step| {
        step(&mut stanza);
        let octets = written(&stanza);
        (octets.len() <= most).then_some(octets)
    })
}

fn error_of(stanza: &Stanza) -> Option<&StanzaError> {
    match stanza {
        Stanza::Message(message) => message.error.as_ref(),
        Stanza::Presence(presence) => presence.error.as_ref(),
        Stanza::Iq(iq) => iq.error.as_ref(),
        _ => None,
    }
}

/// An error is its condition: the words and the address beside it can be missed.
fn less_of_error(stanza: &mut Stanza) {
    let error = match stanza {
        Stanza::Message(message) => message.error.as_mut(),
        Stanza::Presence(presence) => presence.error.as_mut(),
        Stanza::Iq(iq) => iq.error.as_mut(),
        _ => None,
    };
    let Some(error) = error else { return };
    error.texts.clear();
    error.application.clear();
    if let Condition::Gone(address) | Condition::Redirect(address) = &mut error.condition {
        *address = None;
    }
}

/// The presence that may be cut: of a secured object nothing can be missed.
fn presence_of(stanza: &mut Stanza) -> Option<&mut Presence> {
    let Stanza::Presence(presence) = stanza else { return None };
    let is_object = presence.extensions.iter().any(|it| it.ns == ns::E2E);
    (!is_object).then_some(presence)
}

/// One status, the beginning of it, and nothing that is no presence of RFC 6121.
fn less_of_presence(stanza: &mut Stanza) {
    let Some(presence) = presence_of(stanza) else { return };
    presence.extensions.clear();
    presence.statuses.truncate(1);
    for status in &mut presence.statuses {
        if let Some((end, _)) = status.text.char_indices().nth(SHORT_STATUS) {
            status.text = Text::from(status.text.get(..end).unwrap_or_default());
        }
    }
}

/// That somebody is there, or is not.
fn least_of_presence(stanza: &mut Stanza) {
    let Some(presence) = presence_of(stanza) else { return };
    presence.statuses.clear();
    (presence.lang, presence.id) = (None, None);
}

/// A response without its own words, and without its largest headers, one after the other, until
/// it fits or has none.
fn shorter_response(mut response: Response, most: usize) -> Bytes {
    response.reason = response.status.into();
    loop {
        let octets = response_octets(&response);
        if octets.len() <= most {
            return octets;
        }
        let Some(name) = largest_header(&response) else { return octets };
        response.headers.remove(&name);
    }
}

fn largest_header(response: &Response) -> Option<HeaderName> {
    let size = |name: &HeaderName| -> usize {
        response.headers.all(name).map(|value| value.to_text().len()).sum()
    };
    let names = response.headers.iter().map(|header| &header.name);
    names.max_by_key(|name| size(name)).cloned()
}
