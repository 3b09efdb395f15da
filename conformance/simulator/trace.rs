//! What happened: a digest of everything, and on demand the last lines in words.

use std::collections::VecDeque;
use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use crate::agenda::Micros;

/// A digest over every input and every effect with its time; lines only when they are wanted.
#[derive(Debug)]
pub(crate) struct Trace {
    digest: SipHasher13,
    lines: VecDeque<String>,
    most: usize,
}

impl Trace {
    /// A trace that keeps the last `most` lines.
    pub(crate) fn new(most: usize) -> Self {
        Trace { digest: SipHasher13::new_with_keys(1, 2), lines: VecDeque::new(), most }
    }

    /// One event: `octets` go into the digest, `words` into the lines.
    pub(crate) fn note(&mut self, now: Micros, octets: &[u8], words: impl FnOnce() -> String) {
        self.digest.write_u64(now);
        self.digest.write_usize(octets.len());
        self.digest.write(octets);
        if self.most == 0 {
            return;
        }
        if self.lines.len() >= self.most {
            self.lines.pop_front();
        }
        let (seconds, micros) = (now / 1_000_000, now % 1_000_000);
        self.lines.push_back(format!("{seconds:>5}.{micros:06} {}", words()));
    }

    pub(crate) fn digest(&self) -> u64 {
        self.digest.finish()
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines.into()
    }
}
