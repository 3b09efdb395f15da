//! A stanza beyond `Limits::max_stanza_octets`, while it is thrown away.

use bytes::Bytes;

use super::framer::Frame;

/// How much of the stanza is kept to learn whose it was.
const KEPT: usize = 4_096;

/// What is remembered of the stanza.
#[derive(Debug)]
pub(super) struct Oversized {
    head: Bytes,
    dropped: u64,
}

impl Oversized {
    /// A stanza that begins with these octets, of which none is thrown away yet.
    pub(super) fn new(octets: &[u8]) -> Self {
        Self { head: Bytes::copy_from_slice(&octets[..octets.len().min(KEPT)]), dropped: 0 }
    }

    /// Counts octets that are no longer held.
    pub(super) fn drop_octets(&mut self, octets: usize) {
        self.dropped += octets as u64;
    }

    /// The stanza has ended, with so many octets still held.
    pub(super) fn frame(self, held: usize) -> Frame {
        Frame::Oversized { head: self.head, octets: self.dropped + held as u64 }
    }
}
