//! A component stream: the first octet says how long the pieces are in which the rest arrives, and
//! whether a header is put before it. The frames are the same as if all came at once, each stanza
//! is a piece of the stream, and what is read survives writing.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use stox::codec::xml::Limits;
use stox::codec::xmpp::{Fault, Frame, Framer, Malformed, Stanza, StreamContext, parse};

const HEADER: &[u8] = b"<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
    xmlns:stream='http://etherx.jabber.org/streams' id='1' from='sip.example.com'>";
const LIMITS: Limits =
    Limits { max_stanza_octets: 1_000, max_header_octets: 500, max_depth: 8, max_attributes: 12 };
/// What is written may be longer: escapes, and a declaration for each foreign attribute.
const WIDER: Limits =
    Limits { max_stanza_octets: 20_000, max_header_octets: 500, max_depth: 8, max_attributes: 24 };

fuzz_target!(|octets: &[u8]| {
    let Some((&first, rest)) = octets.split_first() else { return };
    let header = if first & 1 == 0 { HEADER } else { b"" };
    let stream = [header, rest].concat();
    let whole = frames(&stream, stream.len().max(1));
    let pieces = frames(&stream, usize::from(first / 2).max(1));
    assert_eq!(pieces, whole);
    let mut context = StreamContext::component(LIMITS);
    let mut at = 0;
    for frame in &whole.0 {
        match frame {
            Frame::Open(header) => context = header.context.clone(),
            Frame::Stanza(stanza) => {
                let found = find(&stream[at..], stanza).expect("a piece of the stream");
                at += found + stanza.len();
                stanza_holds(&context, stanza);
            }
            Frame::Oversized { head, octets } => {
                let octets = *octets;
                at += usize::try_from(octets).expect("a part of the stream");
                assert!(head.len() <= 16_384);
                let fault = Fault::UnknownType;
                let _ = Malformed::salvage(fault, head).may_be_answered();
                assert!(octets > LIMITS.max_stanza_octets as u64);
            }
            Frame::Close => {}
        }
    }
});

/// What is read can be written, and reads as the same where it is not normalised: a carriage
/// return, which no stanza carries, becomes a line feed.
fn stanza_holds(context: &StreamContext, octets: &Bytes) {
    let Ok(stanza) = parse(context, octets.clone()) else { return };
    let again = written_and_read(&stanza);
    let references = [&b"&#13;"[..], b"&#x0D;", b"&#xD;", b"&#xd;", b"&#x0d;", b"&#0", b"&#x0"];
    if !references.iter().any(|reference| find(octets, reference).is_some()) {
        assert_eq!(again, stanza);
    }
    assert_eq!(written_and_read(&again), again);
}

fn written_and_read(stanza: &Stanza) -> Stanza {
    let mut out = Vec::new();
    stanza.write(&mut out);
    let stanza = parse(&StreamContext::component(WIDER), out.clone().into());
    let mut framer = Framer::new(WIDER);
    framer.push(HEADER);
    framer.push(&out);
    assert!(matches!(framer.next(), Ok(Some(Frame::Open(_)))));
    assert_eq!(framer.next(), Ok(Some(Frame::Stanza(out.clone().into()))));
    stanza.unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&out)))
}

type Frames = (Vec<Frame>, Option<stox::codec::xmpp::StreamFault>);

fn frames(stream: &[u8], size: usize) -> Frames {
    let mut framer = Framer::new(LIMITS);
    let mut frames = Vec::new();
    for piece in stream.chunks(size) {
        framer.push(piece);
        loop {
            match framer.next() {
                Ok(None) => break,
                Ok(Some(frame)) => frames.push(frame),
                Err(fault) => {
                    assert_eq!(framer.next(), Err(fault), "final");
                    return (frames, Some(fault));
                }
            }
            assert!(frames.len() <= stream.len(), "more frames than octets");
        }
    }
    (frames, None)
}

fn find(stream: &[u8], piece: &[u8]) -> Option<usize> {
    stream.windows(piece.len()).position(|window| window == piece)
}
