//! A stream: the first octet says how long the pieces are in which the rest arrives. The messages
//! are the same as if all came at once, each is a piece of the stream, and they come in order.

#![no_main]

mod sip;

use libfuzzer_sys::fuzz_target;
use stox::codec::sip::{Frame, Framer, Limits, MalformedKind, parse_within};

const LIMITS: Limits = Limits { head: 2_000, fields: 32, body: 500, skip: 2_000 };

fuzz_target!(|octets: &[u8]| {
    let Some((&size, stream)) = octets.split_first() else { return };
    let whole = frames(stream, stream.len().max(1));
    assert_eq!(frames(stream, usize::from(size).max(1)), whole);
    let mut at = 0;
    for frame in &whole.0 {
        let Frame::Message(message) = frame else { continue };
        let found = find(&stream[at..], message).expect("a piece of the stream, behind the last");
        at += found + message.len();
        match parse_within(message.clone(), &LIMITS) {
            Ok(message) => {
                sip::survives_writing(&message);
                sip::every_header_is_asked(message.headers());
                sip::nothing_breaks_out(&message, message.body());
            }
            Err(malformed) => sip::is_answered_without_harm(malformed),
        }
    }
});

/// All frames but keep-alives, which depend on the pieces, and what ended them.
fn frames(stream: &[u8], size: usize) -> (Vec<Frame>, Option<MalformedKind>) {
    let mut framer = Framer::new(LIMITS);
    let mut frames = Vec::new();
    for piece in stream.chunks(size) {
        framer.push(piece);
        // Each call takes something out, so there are not more frames than octets.
        for _ in 0..=stream.len() {
            match framer.next() {
                Ok(None) => break,
                Ok(Some(Frame::KeepAlivePing | Frame::KeepAlivePong)) => {}
                Ok(Some(Frame::TooLarge(malformed))) => {
                    sip::is_answered_without_harm(malformed.clone());
                    frames.push(Frame::TooLarge(malformed));
                }
                Ok(Some(frame)) => frames.push(frame),
                Err(error) => {
                    assert_eq!(framer.next(), Ok(None), "closed for good");
                    let kind = error.0.kind().clone();
                    sip::is_answered_without_harm(error.0);
                    return (frames, Some(kind));
                }
            }
        }
        assert_eq!(framer.next(), Ok(None), "more frames than octets");
    }
    (frames, None)
}

fn find(stream: &[u8], message: &[u8]) -> Option<usize> {
    stream.windows(message.len()).position(|window| window == message)
}
