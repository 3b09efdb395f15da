//! The journal's file: a header line, then records. A record is the length of its content (4
//! octets), a checksum of it (8 octets) and the content; numbers are little-endian.
//!
//! The content begins with its kind and the delivery (8 octets). A text or a run of octets is its
//! length (4 octets) and itself.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::Hasher;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use bytes::{Buf, Bytes};
use siphasher::sip::SipHasher13;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::private_file;
use crate::codec::xml::Text;
use crate::config::Transport;
use crate::flow::{DeliveryId, Part, Sent, Taken, Unfinished};

/// The first line: the name of the format and its version.
pub(super) const HEADER: &[u8] = b"stox journal 1\n";

const TAKEN: u8 = 1;
const SENT: u8 = 2;
const ENDED: u8 = 3;
const PART: u8 = 4;
/// Length and checksum.
const FRAME: usize = 12;

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be read or written.
    #[error("store.path: cannot use the journal {path}: {cause}")]
    Use {
        /// Its path.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The file is something else, or was written by a later version.
    #[error("store.path: {0} is no journal that this version reads: move it away")]
    Foreign(PathBuf),
}

/// What a journal held.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// In the order of their ids.
    pub(super) unfinished: Vec<Unfinished>,
    /// Where the file was put, when a record in it is damaged.
    pub(super) damaged: Option<PathBuf>,
}

/// Reads a journal. A record that was not written to its end is the mark of a killed process and
/// means nothing; one that is whole and wrong is damage, and the file is set aside.
pub(super) fn read(path: &Path, unix_ms: u64) -> Result<Read, JournalError> {
    let failed = |cause| JournalError::Use { path: path.to_owned(), cause };
    let octets = match std::fs::read(path) {
        Ok(octets) => Bytes::from(octets),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Read::default()),
        Err(error) => return Err(failed(error)),
    };
    if octets.len() < HEADER.len() && HEADER.starts_with(&octets) {
        return Ok(Read::default());
    }
    if !octets.starts_with(HEADER) {
        return Err(JournalError::Foreign(path.to_owned()));
    }
    let (unfinished, whole) = unfinished(octets.slice(HEADER.len()..));
    let mut damaged = None;
    if !whole {
        let aside = path.with_extension(format!("journal.damaged-{unix_ms}"));
        std::fs::rename(path, &aside).map_err(failed)?;
        private_file::open(&aside).map_err(failed)?;
        damaged = Some(aside);
    }
    Ok(Read { unfinished, damaged })
}

/// What is unfinished, and whether no record is damaged.
fn unfinished(mut octets: Bytes) -> (Vec<Unfinished>, bool) {
    let mut all: BTreeMap<DeliveryId, Unfinished> = BTreeMap::new();
    let whole = loop {
        if octets.len() < FRAME {
            break true;
        }
        let (length, sum) = (octets.get_u32_le() as usize, octets.get_u64_le());
        if octets.len() < length {
            break true;
        }
        let content = octets.split_to(length);
        if checksum(&content) != sum || apply(&mut all, content).is_none() {
            break false;
        }
    };
    (all.into_values().collect(), whole)
}

/// `None` when the content is no legal record.
fn apply(all: &mut BTreeMap<DeliveryId, Unfinished>, mut content: Bytes) -> Option<()> {
    let kind = content.try_get_u8().ok()?;
    let delivery = DeliveryId(content.try_get_u64_le().ok()?);
    match kind {
        TAKEN => {
            let unix_ms = content.try_get_u64_le().ok()?;
            let (lang, stanza) = (octets(&mut content)?, octets(&mut content)?);
            let taken = Taken { stanza, lang, unix_ms };
            all.insert(delivery, Unfinished { delivery, taken, part: None, sent: None });
        }
        PART => {
            let number = content.try_get_u8().ok()?;
            let (text, rest) = (text(&mut content)?, text(&mut content)?);
            if let Some(unfinished) = all.get_mut(&delivery) {
                unfinished.part = Some(Part { number, text, rest });
                // A request that is in the file carried the part before it.
                unfinished.sent = None;
            }
        }
        SENT => {
            let unix_ms = content.try_get_u64_le().ok()?;
            let transport = match content.try_get_u8().ok()? {
                0 => Transport::Udp,
                1 => Transport::Tcp,
                _ => return None,
            };
            let remote = octets(&mut content)?;
            let remote = std::str::from_utf8(&remote).ok()?.parse().ok()?;
            let sent = Sent { octets: octets(&mut content)?, transport, remote, unix_ms };
            if let Some(unfinished) = all.get_mut(&delivery) {
                unfinished.sent = Some(sent);
            }
        }
        ENDED => {
            all.remove(&delivery);
        }
        _ => return None,
    }
    content.is_empty().then_some(())
}

fn octets(content: &mut Bytes) -> Option<Bytes> {
    let length = content.try_get_u32_le().ok()? as usize;
    (content.len() >= length).then(|| content.split_to(length))
}

fn text(content: &mut Bytes) -> Option<Text> {
    Text::try_from(octets(content)?).ok()
}

/// Against damage, not against malice: the key is no secret.
fn checksum(content: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(content);
    hasher.finish()
}

/// Appends a record.
fn record(out: &mut Vec<u8>, kind: u8, id: DeliveryId, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME]);
    out.push(kind);
    out.extend_from_slice(&id.0.to_le_bytes());
    fill(out);
    let (frame, content) = out.split_at_mut(start + FRAME);
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let frame = &mut frame[start..];
    frame[..4].copy_from_slice(&length.to_le_bytes());
    frame[4..].copy_from_slice(&checksum(content).to_le_bytes());
}

fn put(out: &mut Vec<u8>, octets: &[u8]) {
    out.extend_from_slice(&u32::try_from(octets.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(octets);
}

/// Appends that a message was taken.
pub(super) fn taken(out: &mut Vec<u8>, id: DeliveryId, taken: &Taken) {
    record(out, TAKEN, id, |out| {
        out.extend_from_slice(&taken.unix_ms.to_le_bytes());
        put(out, &taken.lang);
        put(out, &taken.stanza);
    });
}

/// Appends which part of a message is next.
pub(super) fn part(out: &mut Vec<u8>, id: DeliveryId, part: &Part) {
    record(out, PART, id, |out| {
        out.push(part.number);
        put(out, part.text.as_bytes());
        put(out, part.rest.as_bytes());
    });
}

/// Appends the request that carries a message, or its part.
pub(super) fn sent(out: &mut Vec<u8>, id: DeliveryId, sent: &Sent) {
    record(out, SENT, id, |out| {
        out.extend_from_slice(&sent.unix_ms.to_le_bytes());
        out.push(match sent.transport {
            Transport::Udp => 0,
            Transport::Tcp => 1,
        });
        put(out, sent.remote.to_string().as_bytes());
        put(out, &sent.octets);
    });
}

/// Appends that a message has its outcome.
pub(super) fn ended(out: &mut Vec<u8>, id: DeliveryId) {
    record(out, ENDED, id, |_| {});
}

/// What the thread is asked to do.
#[derive(Debug)]
pub(super) enum Job {
    /// Add octets to the file.
    Append(Vec<u8>),
    /// Replace the file.
    Anew(Vec<u8>),
}

/// The way to the thread.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
    waiting: Arc<AtomicUsize>,
    ended: oneshot::Receiver<io::Result<()>>,
}

impl Writer {
    /// Writes the file anew and starts the thread; each later job's result is told.
    pub(super) fn start(
        path: PathBuf,
        octets: Vec<u8>,
        told: UnboundedSender<io::Result<()>>,
    ) -> Result<Writer, JournalError> {
        let failed = |cause| JournalError::Use { path: path.clone(), cause };
        let mut file = anew(&path, &octets).map_err(failed)?;
        let (jobs, receiver) = mpsc::channel::<Job>();
        let waiting = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&waiting);
        let thread_path = path.clone();
        let (end, ended) = oneshot::channel();
        let work = move || {
            let mut whole = Ok(());
            for job in receiver {
                let (length, result) = match &job {
                    Job::Append(octets) => (octets.len(), file.write_all(octets)),
                    Job::Anew(octets) => {
                        let made = anew(&thread_path, octets).map(|made| file = made);
                        (octets.len(), made)
                    }
                };
                count.fetch_sub(length, Ordering::Relaxed);
                match (&job, &result) {
                    (Job::Anew(_), Ok(())) => whole = Ok(()),
                    (Job::Append(_), Err(error)) => {
                        whole = Err(io::Error::new(error.kind(), error.to_string()));
                    }
                    // The file is as good as it was.
                    _ => {}
                }
                // When nobody listens any more, what waits is still written.
                let _ = told.send(result);
            }
            let _ = end.send(whole);
        };
        thread::Builder::new().name("journal".into()).spawn(work).map_err(failed)?;
        Ok(Writer { jobs, waiting, ended })
    }

    /// Octets that wait for the disk.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    pub(super) fn send(&self, job: Job) {
        let (Job::Append(octets) | Job::Anew(octets)) = &job;
        self.waiting.fetch_add(octets.len(), Ordering::Relaxed);
        // The thread ends only with this handle.
        let _ = self.jobs.send(job);
    }

    /// What waits is written; whether the file has all of it is told then.
    pub(super) fn close(self) -> oneshot::Receiver<io::Result<()>> {
        self.ended
    }
}

/// Replaces the file in one step: whoever is killed meanwhile leaves the old one or the new one.
fn anew(path: &Path, octets: &[u8]) -> io::Result<File> {
    let beside = path.with_extension("journal.new");
    let mut file = private_file::anew(&beside)?;
    file.write_all(octets)?;
    std::fs::rename(&beside, path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: u64) -> Taken {
        let stanza = Bytes::from(format!("<message id='{number}'/>"));
        Taken { stanza, lang: Bytes::from_static(b"cs"), unix_ms: number }
    }

    fn request(number: u64) -> Sent {
        let remote = "127.0.0.13:5060".parse().unwrap();
        let octets = Bytes::from(format!("MESSAGE {number}"));
        Sent { octets, transport: Transport::Tcp, remote, unix_ms: number }
    }

    /// Three messages: the first has ended, the second was sent twice, the third waits.
    fn written() -> Vec<u8> {
        let mut out = Vec::new();
        for number in 1..=3 {
            taken(&mut out, DeliveryId(number), &message(number));
        }
        sent(&mut out, DeliveryId(1), &request(1));
        sent(&mut out, DeliveryId(2), &request(2));
        ended(&mut out, DeliveryId(1));
        sent(&mut out, DeliveryId(2), &request(4));
        out
    }

    fn left(number: u64, sent: Option<Sent>) -> Unfinished {
        Unfinished { delivery: DeliveryId(number), taken: message(number), part: None, sent }
    }

    #[test]
    fn the_part_that_is_next_is_read_with_its_own_request() {
        let next =
            |number| Part { number, text: format!("part {number}").into(), rest: "ř".into() };
        let mut out = Vec::new();
        taken(&mut out, DeliveryId(1), &message(1));
        part(&mut out, DeliveryId(1), &next(1));
        sent(&mut out, DeliveryId(1), &request(1));
        let (all, whole) = unfinished(out.clone().into());
        assert!(whole);
        assert_eq!(all, [Unfinished { part: Some(next(1)), ..left(1, Some(request(1))) }]);
        part(&mut out, DeliveryId(1), &next(2));
        let (all, _) = unfinished(out.clone().into());
        assert_eq!(all, [Unfinished { part: Some(next(2)), ..left(1, None) }]);
        sent(&mut out, DeliveryId(1), &request(2));
        let (all, _) = unfinished(out.into());
        assert_eq!(all, [Unfinished { part: Some(next(2)), ..left(1, Some(request(2))) }]);
    }

    #[test]
    fn what_is_unfinished_is_read_as_it_was_written() {
        let (all, whole) = unfinished(written().into());
        assert!(whole);
        assert_eq!(all, [left(2, Some(request(4))), left(3, None)]);
    }

    #[test]
    fn wherever_it_is_torn_the_records_before_it_count() {
        let octets = Bytes::from(written());
        for end in 0..octets.len() {
            let (all, whole) = unfinished(octets.slice(..end));
            assert!(whole, "torn at {end}");
            assert!(all.len() <= 3);
        }
        // Without the last record the second message has its first request.
        let (all, _) = unfinished(octets.slice(..octets.len() - 1));
        assert_eq!(all, [left(2, Some(request(2))), left(3, None)]);
    }

    #[test]
    fn a_damaged_record_is_noticed_wherever_the_damage_is() {
        let octets = written();
        let mut unnoticed = 0;
        for at in 0..octets.len() {
            let mut damaged = octets.clone();
            damaged[at] ^= 0x10;
            let (_, whole) = unfinished(damaged.into());
            // A length that points behind the end looks like a torn record.
            unnoticed += usize::from(whole);
        }
        assert!(unnoticed <= 7 * 4, "{unnoticed}");
    }
}
