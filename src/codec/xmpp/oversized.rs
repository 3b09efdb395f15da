//! A stanza beyond `Limits::max_stanza_octets`, while it is thrown away.

use super::framer::Frame;
use super::stanza::MAX_SALVAGED;
use crate::codec::xml::lexical::is_space;

/// The attributes that tell whose a stanza is, RFC 6120 §8.1.
const TELLING: [&[u8]; 4] = [b"from", b"to", b"id", b"type"];
/// The longest name that is looked at, in octets.
const LONGEST_NAME: usize = 8;

/// Where in its start tag the stanza is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// In the element's name, `<` included.
    #[default]
    Name,
    /// Between attributes, or in the name of one.
    Attribute,
    /// In a value, behind this quote.
    Value(u8),
    /// Behind the start tag.
    Behind,
}

/// What is remembered of the stanza. It takes the octets as they are dropped,
/// in whatever pieces, and holds four values of addresses' length at most.
#[derive(Debug, Default)]
pub(super) struct Oversized {
    dropped: u64,
    place: Place,
    /// The name in progress.
    name: Vec<u8>,
    /// The value in progress, of an attribute that tells.
    value: Option<Vec<u8>>,
    /// The start tag, of what tells.
    head: Vec<u8>,
}

impl Oversized {
    /// How many octets were dropped.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Takes the next octets, which are held no longer.
    pub(super) fn drop_octets(&mut self, octets: &[u8]) {
        self.dropped += octets.len() as u64;
        for &octet in octets {
            if self.place == Place::Behind {
                return;
            }
            self.look(octet);
        }
    }

    fn look(&mut self, octet: u8) {
        match self.place {
            Place::Name | Place::Attribute if octet == b'>' => self.place = Place::Behind,
            Place::Name | Place::Attribute if matches!(octet, b'\'' | b'"') => {
                let tells = self.place == Place::Attribute && TELLING.contains(&&*self.name);
                self.value = tells.then(Vec::new);
                self.place = Place::Value(octet);
            }
            Place::Name if is_space(octet) => {
                self.place = Place::Attribute;
                self.name.clear();
            }
            // A name that is longer is none that tells.
            Place::Name => {
                if self.head.len() <= 2 * LONGEST_NAME {
                    self.head.push(octet);
                }
            }
            // White space may stand around the equals sign.
            Place::Attribute if is_space(octet) || octet == b'=' => {}
            Place::Attribute => {
                if self.name.len() <= LONGEST_NAME {
                    self.name.push(octet);
                }
            }
            Place::Value(quote) if octet == quote => {
                if let Some(value) = self.value.take() {
                    self.keep(quote, &value);
                }
                self.name.clear();
                self.place = Place::Attribute;
            }
            Place::Value(_) => {
                let room = |value: &&mut Vec<u8>| value.len() <= MAX_SALVAGED;
                match self.value.as_mut() {
                    Some(value) if room(&value) => value.push(octet),
                    // Too long for an address or an id.
                    _ => self.value = None,
                }
            }
            Place::Behind => {}
        }
    }

    /// Adds an attribute to the head; none stands twice in legal XML, so the
    /// head is bounded even if one does.
    fn keep(&mut self, quote: u8, value: &[u8]) {
        let most = TELLING.len() * (MAX_SALVAGED + 2 * LONGEST_NAME);
        if self.head.len() + self.name.len() + value.len() > most {
            return;
        }
        self.head.push(b' ');
        self.head.extend_from_slice(&self.name);
        self.head.extend_from_slice(&[b'=', quote]);
        self.head.extend_from_slice(value);
        self.head.push(quote);
    }

    /// The stanza has ended.
    pub(super) fn frame(self) -> Frame {
        Frame::Oversized { head: self.head.into(), octets: self.dropped }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(stanza: &str, piece: usize) -> String {
        let mut oversized = Oversized::default();
        stanza.as_bytes().chunks(piece).for_each(|piece| oversized.drop_octets(piece));
        assert_eq!(oversized.dropped(), stanza.len() as u64);
        let Frame::Oversized { head, .. } = oversized.frame() else { panic!() };
        String::from_utf8(head.to_vec()).expect("whole values")
    }

    #[test]
    fn what_tells_whose_it_was_is_kept_wherever_it_stands() {
        let long = "&apos;".repeat(60_000);
        let cases = [
            (
                format!("<message z='{long}' from = 'a@b/c' to=\"d@e\" id='>'><body/>"),
                "<message from='a@b/c' to=\"d@e\" id='>'",
            ),
            (format!("<iq type='get'\n{long}='1' id='7'/><x from='no'>"), "<iq type='get' id='7'"),
            (format!("<message id='{long}' to='x'>"), "<message to='x'"),
            (format!("<message xml:id='1' idx='2' x:to='3' from='{long}"), "<message"),
            (format!("<{long} from='a'>"), "<&apos;&apos;&apo from='a'"),
        ];
        for (stanza, expected) in cases {
            for piece in [1, 7, 4_096, usize::MAX] {
                assert_eq!(head(&stanza, piece), expected, "{piece}");
            }
        }
    }

    #[test]
    fn no_more_is_kept_than_four_addresses() {
        let id = format!(" id='{}'", "x".repeat(MAX_SALVAGED));
        let kept = head(&format!("<message{}>", id.repeat(100)), 1_000);
        assert!(kept.len() <= 4 * (MAX_SALVAGED + 20), "{}", kept.len());
    }
}
