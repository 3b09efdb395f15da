//! What can be read of a message that is malformed: enough for an answer, without any check.

use bytes::Bytes;

use super::header_name::HeaderName;
use super::{HeaderValue, Limits, NameAddr, Text, Via, chars, list, write};

/// The fields an answer is made of; of those that may be there once, the first.
#[derive(Debug, Default)]
pub(super) struct Salvage {
    pub(super) is_response: bool,
    pub(super) is_ack: bool,
    via: Vec<HeaderValue>,
    from: Option<HeaderValue>,
    to: Option<HeaderValue>,
    call_id: Option<HeaderValue>,
    cseq: Option<HeaderValue>,
}

impl Salvage {
    /// Reads lines up to an empty one, whatever they end in. Values are unfolded and lose their
    /// controls, so that an echo cannot harm.
    pub(super) fn scan(octets: &[u8]) -> Salvage {
        let head = &octets[..octets.len().min(Limits::DEFAULT.head)];
        let mut lines = head.split(|&b| b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l));
        let start = lines.by_ref().find(|line| !line.is_empty()).unwrap_or_default();
        let mut salvage = Salvage {
            is_response: super::parse::is_status_line(start),
            is_ack: start.starts_with(b"ACK "),
            ..Salvage::default()
        };
        let mut field: Vec<u8> = Vec::new();
        for line in lines {
            if line.first().copied().is_some_and(chars::is_space) {
                field.push(b' ');
                field.extend_from_slice(chars::trim_octets(line));
                continue;
            }
            salvage.take(&field);
            field.clear();
            if line.is_empty() {
                break;
            }
            field.extend_from_slice(line);
        }
        salvage.take(&field);
        salvage
    }

    fn take(&mut self, field: &[u8]) {
        let Some(colon) = memchr::memchr(b':', field) else {
            return;
        };
        let name = chars::trim_octets(&field[..colon]);
        let place = match HeaderName::from_octets(name, Text::new) {
            Some(HeaderName::Via) => {
                self.via.push(clean(&field[colon + 1..]));
                return;
            }
            Some(HeaderName::From) => &mut self.from,
            Some(HeaderName::To) => &mut self.to,
            Some(HeaderName::CallId) => &mut self.call_id,
            Some(HeaderName::CSeq) => &mut self.cseq,
            _ => return,
        };
        if place.is_none() {
            *place = Some(clean(&field[colon + 1..]));
        }
        self.is_ack |= self.cseq.as_ref().is_some_and(|cseq| cseq.as_bytes().ends_with(b" ACK"));
    }

    /// Each hop as it came, one by one.
    pub(super) fn hops(&self) -> Vec<Bytes> {
        let split = |value: &HeaderValue| match value.as_text() {
            Some(text) => list::shared(text).map(|hop| hop.into_bytes()).collect(),
            None => vec![value.to_bytes()],
        };
        self.via.iter().flat_map(split).collect()
    }

    pub(super) fn top_via(&self) -> Option<Via> {
        let first = self.via.first()?.as_text()?;
        Via::salvage(list::shared(first).next()?)
    }

    /// From, To, Call-ID and CSeq, as far as they are there.
    pub(super) fn write_rest(&self, out: &mut Vec<u8>, to_tag: &str) {
        let tagged = self.to.as_ref().map(|to| match NameAddr::parse_value(to) {
            Ok(address) if address.tag().is_none() => address.with_tag(to_tag).to_value(),
            _ => to.clone(),
        });
        let fields = [
            ("From", self.from.as_ref()),
            ("To", tagged.as_ref()),
            ("Call-ID", self.call_id.as_ref()),
            ("CSeq", self.cseq.as_ref()),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                write::field(out, name, value.as_bytes());
            }
        }
    }
}

fn clean(octets: &[u8]) -> HeaderValue {
    let space = |&b: &u8| {
        if chars::is(b, chars::CONTROL) && b != b'\t' { b' ' } else { b }
    };
    let clean: Vec<u8> = chars::trim_octets(octets).iter().map(space).collect();
    HeaderValue::from_legal(clean.into())
}
