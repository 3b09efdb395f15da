//! Stanzas that nobody waits for: presence that is shown, probes, answers to requests.

use super::State;
use super::ids::Purpose;
use super::link::{Link, UnackedStanza, Waiter};
use super::outgoing::Measured;
use super::suspects::Verdict;
use crate::codec::xml::{Text, XmlFault};
use crate::codec::xmpp::{Malformed, StanzaKind};
use crate::flow::{Counter, Effect, LinkId, Now};

impl State {
    /// Writes the octets of a stanza that nobody waits for to a link that is up.
    pub(super) fn write_passing(
        &mut self,
        id: LinkId,
        octets: Measured,
        effects: &mut Vec<Effect>,
    ) {
        let print = self.fingerprint(octets.as_bytes());
        let bound = self.config.limits.unconfirmed;
        let Some(link) = self.links.get_mut(id.0) else { return };
        match link.judge(print) {
            Verdict::Write => {
                link.wrote(print);
                self.put(id, octets, effects);
            }
            verdict @ (Verdict::Wait | Verdict::Alone) if link.held() < bound => {
                link.hold_passing(octets, print, verdict == Verdict::Alone);
            }
            Verdict::Wait | Verdict::Alone | Verdict::Aside => {
                self.counters.count(Counter::XmppWithheld);
            }
        }
    }

    /// Writes what has come to wait in this pass, and the barriers that many stanzas call for.
    pub(super) fn pump_restless(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for id in (0..self.links.len()).map(LinkId) {
            if self.link(id).is_some_and(Link::is_restless) {
                self.pump(now, id, effects);
                self.set_timer(id);
            }
        }
    }

    /// A stanza closed the stream twice: what it belongs to makes it again, and again it is not
    /// written. A request from SIP has its answer.
    pub(super) fn put_aside(&mut self, now: Now, id: LinkId, held: &UnackedStanza) {
        if matches!(held.waiter, Waiter::Request(_)) {
            return;
        }
        let print = self.fingerprint(held.octets.as_bytes());
        if let Some(link) = self.links.get_mut(id.0) {
            link.put_aside(print, now.instant);
        }
    }

    /// A stanza by its octets, its id left out: what is made again may have another one.
    pub(super) fn fingerprint(&self, octets: &[u8]) -> u64 {
        let (before, behind) = without_id(octets);
        self.ids.hash(Purpose::Fingerprint, &[before, behind])
    }
}

/// A stanza as an operator reads of it: its kind and its addresses.
pub(super) fn named(octets: &[u8]) -> String {
    let known = Malformed::salvage(XmlFault::TooLarge.into(), octets);
    let kind = match known.kind {
        Some(StanzaKind::Message) => "message",
        Some(StanzaKind::Presence) => "presence",
        Some(StanzaKind::Iq) => "iq",
        None => "element",
    };
    let address = |address: Option<Text>| address.unwrap_or_default();
    format!("{kind} from {} to {}", address(known.from), address(known.to))
}

/// What stands before and behind the value of `id` in the start tag. The gateway writes values in
/// apostrophes and neither these nor `>` within them, RFC 6120 §11.
fn without_id(octets: &[u8]) -> (&[u8], &[u8]) {
    const ID: &[u8] = b" id='";
    let end = memchr::memchr(b'>', octets).unwrap_or(octets.len());
    let (tag, content) = octets.split_at(end);
    let Some(begin) = memchr::memmem::find(tag, ID).map(|at| at + ID.len()) else {
        return (tag, content);
    };
    let (before, value) = octets.split_at(begin);
    let length = memchr::memchr(b'\'', value).unwrap_or_default();
    (before, value.get(length..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_makes_no_other_stanza_and_all_else_does() {
        let of = |text: &'static str| without_id(text.as_bytes());
        let one = of("<presence from='a@b' id='1' type='probe'><x id='2'/></presence>");
        assert_eq!(one, of("<presence from='a@b' id='77' type='probe'><x id='2'/></presence>"));
        assert_ne!(one, of("<presence from='a@b' id='1' type='probe'><x id='3'/></presence>"));
        assert_ne!(one, of("<presence from='a@c' id='1' type='probe'><x id='2'/></presence>"));
        assert_eq!(of("<iq"), (&b"<iq"[..], &b""[..]));
        assert_ne!(of("<iq><x id='1'/></iq>"), of("<iq><x id='2'/></iq>"));
    }
}
