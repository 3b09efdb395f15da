//! What holds of every effect of a gateway, whatever it was fed.

use std::net::SocketAddr;

use bytes::Bytes;
use rxml::Parse as _;
use stox::codec::pidf;
use stox::codec::sip::{self as codec, Message};
use stox::codec::xml::Limits;
use stox::codec::xmpp::{self, Frame, Framer, Jid, Stanza, StreamContext};
use stox::config::Transport;
use stox::flow::{DATAGRAM, Record};

/// Octets of one SIP message by TCP (docs/architecture.md, "Where each limit is").
const STREAM: usize = 131_072;
/// Octets of a record: sixteen devices, eight languages, 1,024 characters each.
const RECORD: usize = 1_048_576;

/// A stanza within the bounds of its server, which reads it as what it is, from a user of the component. None if it is
/// the answer to a sender whose address, as the server wrote it, nobody else takes for one.
pub fn stanza(
    octets: &Bytes,
    limits: Limits,
    domains: &[String],
    senders: &[String],
) -> Option<Stanza> {
    let told = || String::from_utf8_lossy(octets);
    assert!(octets.len() <= limits.max_stanza_octets, "{} octets: {}", octets.len(), told());
    let mut framer = Framer::new(limits);
    framer.push(b"<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'>");
    assert!(matches!(framer.next(), Ok(Some(Frame::Open(_)))));
    framer.push(octets);
    assert_eq!(framer.next(), Ok(Some(Frame::Stanza(octets.clone()))), "{}", told());
    assert_eq!(framer.next(), Ok(None), "{}", told());
    let depth = depth(octets).unwrap_or_else(|error| panic!("{error}: {}", told()));
    assert!(depth <= limits.max_depth, "{depth} deep: {}", told());
    let stanza = xmpp::parse(&StreamContext::component(limits), octets.clone());
    let stanza = match stanza {
        Ok(stanza) => stanza,
        Err(error)
            if error.to.as_ref().is_some_and(|to| senders.iter().any(|known| **known == **to)) =>
        {
            return None;
        }
        Err(error) => panic!("{error}: {}", told()),
    };
    let (from, to) = addresses(&stanza);
    assert!(
        from.is_some_and(|from| domains.iter().any(|domain| domain == from.domain())),
        "{}",
        told()
    );
    assert!(to.is_some(), "{}", told());
    Some(stanza)
}

fn addresses(stanza: &Stanza) -> (Option<&Jid>, Option<&Jid>) {
    match stanza {
        Stanza::Message(it) => (it.from.as_ref(), it.to.as_ref()),
        Stanza::Presence(it) => (it.from.as_ref(), it.to.as_ref()),
        Stanza::Iq(it) => (it.from.as_ref(), it.to.as_ref()),
        _ => (None, None),
    }
}

/// How deep an element is, as another parser reads it, the element itself being 1. That one takes no value longer than
/// 8,192 octets: there what the project's own reads must do.
fn depth(octets: &[u8]) -> Result<u32, String> {
    let mut parser = rxml::Parser::new();
    let text = [b"<s xmlns='jabber:component:accept'>", octets, b"</s>"].concat();
    let (mut rest, mut depth, mut deepest) = (&text[..], 0_u32, 1);
    loop {
        match parser.parse(&mut rest, true) {
            Err(rxml::error::EndOrError::Error(rxml::Error::RestrictedXml(
                "long name or reference",
            ))) => return Ok(deepest - 1),
            Err(error) => return Err(format!("{error:?}")),
            Ok(None) => return Ok(deepest - 1),
            Ok(Some(rxml::Event::StartElement(..))) => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            Ok(Some(rxml::Event::EndElement(_))) => depth -= 1,
            Ok(Some(_)) => {}
        }
    }
}

/// A SIP message that its transport carries, and that reads as what was written. The answer to what cannot be read
/// repeats what is wrong with it (RFC 3261 §8.2.6.2): its lines are held alone.
pub fn sip(octets: &Bytes, transport: Transport) -> Option<Message> {
    let most = if transport == Transport::Udp { DATAGRAM } else { STREAM };
    assert!(octets.len() <= most, "{} octets by {transport}", octets.len());
    let Ok(message) = codec::parse(octets.clone()) else {
        assert!(octets.starts_with(b"SIP/2.0 "), "{}", String::from_utf8_lossy(octets));
        super::sip::lines(octets);
        return None;
    };
    super::sip::survives_writing(&message);
    if let Message::Request(request) = &message
        && request
            .headers
            .content_type()
            .is_some_and(|kind| kind.starts_with("application/pidf+xml"))
    {
        let text = std::str::from_utf8(&request.body).expect("a document is UTF-8");
        let document = pidf::Document::parse(&text.into(), pidf::Limits::DEFAULT);
        assert!(document.is_ok(), "{document:?}: {text}");
    }
    Some(message)
}

/// A request goes to the peer alone.
pub fn is_at_peer_or_answer(octets: &[u8], remote: SocketAddr, peer: SocketAddr) -> bool {
    octets.starts_with(b"SIP/2.0 ") || remote == peer
}

/// What is kept is bounded.
pub fn record(record: &Record) {
    let (Record::Target { value, .. } | Record::Pair { value, .. }) = record;
    assert!(
        value.as_ref().is_none_or(|value| value.len() <= RECORD),
        "a record of more than 1 MiB"
    );
}

/// Whether two records are of one thing.
pub fn same_key(one: &Record, other: &Record) -> bool {
    match (one, other) {
        (Record::Target { address: one, .. }, Record::Target { address: other, .. }) => {
            one == other
        }
        (Record::Pair { id: one, .. }, Record::Pair { id: other, .. }) => one == other,
        _ => false,
    }
}
