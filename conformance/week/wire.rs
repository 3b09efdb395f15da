//! What phones send by SIP, and their client transactions.

use bytes::Bytes;

use crate::world::{Happening, Stage};

pub(crate) const MS: u64 = 1_000;
pub(crate) const S: u64 = 1_000_000;

/// A user of either side, by number: `romeo7@sip.test`, `juliet7@xmpp.test`.
pub(crate) fn sip_name(number: usize) -> String {
    format!("romeo{number}")
}

pub(crate) fn xmpp_name(number: usize) -> String {
    format!("juliet{number}")
}

/// The number in a user's name.
pub(crate) fn number_of(name: &str) -> Option<usize> {
    let digits = name.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

/// One side of a dialog of a phone.
#[derive(Debug, Clone)]
pub(crate) struct Leg {
    pub(crate) call_id: String,
    pub(crate) local_tag: String,
    pub(crate) remote_tag: Option<String>,
    pub(crate) target: String,
    pub(crate) cseq: u32,
    pub(crate) remote_cseq: u32,
}

/// A request of a phone.
pub(crate) fn request(
    method: &str,
    phone: usize,
    user: usize,
    leg: &mut Leg,
    branch: &str,
    headers: &str,
    body: &str,
) -> Bytes {
    leg.cseq += 1;
    let to_tag = leg.remote_tag.as_ref().map(|tag| format!(";tag={tag}")).unwrap_or_default();
    let (romeo, juliet) = (sip_name(phone), xmpp_name(user));
    let kind = if body.is_empty() { "" } else { "Content-Type: application/pidf+xml\r\n" };
    let (target, tag, call_id, cseq) = (&leg.target, &leg.local_tag, &leg.call_id, leg.cseq);
    let length = body.len();
    format!(
        "{method} {target} SIP/2.0\r\n\
         Via: SIP/2.0/UDP 127.0.0.13:5060;branch={branch}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:{romeo}@sip.test>;tag={tag}\r\n\
         To: <sip:{juliet}@xmpp.test>{to_tag}\r\n\
         Call-ID: {call_id}\r\n\
         CSeq: {cseq} {method}\r\n\
         Event: presence\r\n\
         Contact: <sip:{romeo}@127.0.0.13:5060>\r\n\
         {headers}{kind}Content-Length: {length}\r\n\r\n{body}"
    )
    .into()
}

/// A client transaction of a phone.
#[derive(Debug)]
pub(crate) struct Transaction<T> {
    pub(crate) branch: String,
    pub(crate) what: T,
    octets: Bytes,
    next: u64,
    interval: u64,
    end: u64,
}

impl<T> Transaction<T> {
    pub(crate) fn begin(stage: &mut Stage, branch: String, what: T, octets: Bytes) -> Self {
        let now = stage.now;
        let copy = octets.clone();
        stage.datagram(|| Happening::SipIn(copy.clone()));
        let (interval, end) = (S / 2, now + 32 * S);
        Transaction { branch, what, octets, next: now + interval, interval, end }
    }

    pub(crate) fn deadline(&self) -> u64 {
        self.next.min(self.end)
    }

    /// Sends it again if it is time; the answer is whether it has failed.
    pub(crate) fn fire(&mut self, stage: &mut Stage) -> bool {
        if stage.now >= self.end {
            return true;
        }
        if stage.now >= self.next {
            let octets = self.octets.clone();
            stage.datagram(|| Happening::SipIn(octets.clone()));
            self.interval = (self.interval * 2).min(4 * S);
            self.next = stage.now + self.interval;
        }
        false
    }
}
