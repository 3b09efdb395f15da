//! What a SIP peer remembers: requests of its own without a final response, and requests of
//! others that it has answered (RFC 3261 §17.1.2, §17.2.2).

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

/// The round trip estimate, and with it the first pause of a retransmission.
const T1: Duration = Duration::from_millis(500);
/// The longest pause between two sendings.
const T2: Duration = Duration::from_secs(4);
/// After this a request has failed, and a request of others is not repeated any more.
const LIFETIME: Duration = Duration::from_secs(32);
/// How often the deadlines are looked at.
const LOOK: Duration = Duration::from_millis(50);

struct Pending {
    octets: Vec<u8>,
    pause: Duration,
    next: Instant,
    end: Instant,
}

/// Requests without a final response.
#[derive(Default)]
pub struct Clients {
    pending: HashMap<u64, Pending>,
    looked: Option<Instant>,
    /// How many were sent again.
    pub retransmissions: u64,
}

impl Clients {
    /// A request was sent; `octets` are empty when the transport does not lose any.
    pub fn begin(&mut self, now: Instant, key: u64, octets: Vec<u8>) {
        let pending = Pending { octets, pause: T1, next: now + T1, end: now + LIFETIME };
        self.pending.insert(key, pending);
    }

    /// A final response came; false when no request waits for it.
    pub fn end(&mut self, key: u64) -> bool {
        self.pending.remove(&key).is_some()
    }

    /// What must be sent again now, and which requests have failed.
    pub fn due(&mut self, now: Instant) -> (Vec<Vec<u8>>, Vec<u64>) {
        let (mut again, mut failed) = (Vec::new(), Vec::new());
        if self.looked.is_some_and(|looked| now - looked < LOOK) {
            return (again, failed);
        }
        self.looked = Some(now);
        for (key, pending) in &mut self.pending {
            if pending.end <= now {
                failed.push(*key);
            } else if pending.next <= now && !pending.octets.is_empty() {
                pending.pause = T2.min(pending.pause * 2);
                pending.next = now + pending.pause;
                again.push(pending.octets.clone());
            }
        }
        failed.iter().for_each(|key| drop(self.pending.remove(key)));
        self.retransmissions += again.len() as u64;
        (again, failed)
    }

    /// When to look again.
    pub fn wake(&self) -> Option<Instant> {
        let looked = self.looked?;
        (!self.pending.is_empty()).then(|| looked + LOOK)
    }
}

/// Requests of others that were answered, with the status: two generations, so that each is
/// remembered for [`LIFETIME`] at least.
#[derive(Default)]
pub struct Servers {
    young: HashMap<u64, u16>,
    old: HashMap<u64, u16>,
    turned: Option<Instant>,
    /// How many came again.
    pub retransmissions: u64,
}

impl Servers {
    /// The status that this transaction was answered with before.
    pub fn known(&mut self, via: &[u8], method: &[u8]) -> Option<u16> {
        let key = key(via, method);
        let known = self.young.get(&key).or_else(|| self.old.get(&key)).copied();
        self.retransmissions += u64::from(known.is_some());
        known
    }

    /// Remembers an answer.
    pub fn answered(&mut self, now: Instant, via: &[u8], method: &[u8], status: u16) {
        if now - *self.turned.get_or_insert(now) > LIFETIME {
            self.old = std::mem::take(&mut self.young);
            self.turned = Some(now);
        }
        self.young.insert(key(via, method), status);
    }
}

/// RFC 3261 §17.2.3: branch, sent-by, and method.
fn key(via: &[u8], method: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (via, method).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_sent_again_and_given_up() {
        let start = Instant::now();
        let mut clients = Clients::default();
        clients.begin(start, 7, b"MESSAGE".to_vec());
        let mut sent = Vec::new();
        for tenth in 0..330_u32 {
            let (again, failed) = clients.due(start + Duration::from_millis(100) * tenth);
            again.iter().for_each(|_| sent.push(tenth));
            assert_eq!(failed.is_empty(), tenth != 320, "at {tenth}");
        }
        assert_eq!(sent, [5, 15, 35, 75, 115, 155, 195, 235, 275, 315]);
        assert!(!clients.end(7));
    }

    #[test]
    fn an_answer_is_remembered_for_its_lifetime() {
        let start = Instant::now();
        let mut servers = Servers::default();
        assert_eq!(servers.known(b"1", b"MESSAGE"), None);
        servers.answered(start, b"1", b"MESSAGE", 200);
        servers.answered(start + LIFETIME + T1, b"2", b"MESSAGE", 200);
        assert_eq!(servers.known(b"1", b"MESSAGE"), Some(200));
        servers.answered(start + (LIFETIME + T1) * 2, b"3", b"MESSAGE", 200);
        assert_eq!(servers.known(b"1", b"MESSAGE"), None);
        assert_eq!(servers.retransmissions, 1);
    }
}
