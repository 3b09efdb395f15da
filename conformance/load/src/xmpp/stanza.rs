//! Cutting a stream into stanzas, and the little of each that a load generator looks at.

use std::io;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Octets after which a stanza that does not end is a broken stream.
const LONGEST: usize = 1_048_576;

/// What stands next in a stream.
#[derive(Debug)]
pub enum Frame<'a> {
    /// The stream header.
    Open,
    /// A whole element.
    Stanza(Stanza<'a>),
    /// The end of the stream.
    Close,
}

/// A stanza; values are as they stand, with their entities.
#[derive(Debug, Default)]
pub struct Stanza<'a> {
    /// The element's name with its prefix.
    pub name: String,
    /// `type`.
    pub kind: String,
    /// `id`.
    pub id: String,
    /// `from`.
    pub from: String,
    /// `to`.
    pub to: String,
    /// The namespace of the first child.
    pub child_namespace: String,
    /// The first child of `<error/>`: the condition (RFC 6120 §8.3.3).
    pub condition: String,
    /// All of it.
    pub octets: &'a [u8],
}

impl Stanza<'_> {
    /// Whether it must be answered.
    pub fn is_request(&self) -> bool {
        self.name == "iq" && (self.kind == "get" || self.kind == "set")
    }

    /// The character data of the element, when it holds nothing else.
    pub fn text(&self) -> &str {
        let text = std::str::from_utf8(self.octets).unwrap_or_default();
        let inner = text.split_once('>').map_or("", |(_, rest)| rest);
        inner.split_once('<').map_or("", |(text, _)| text)
    }
}

/// The first frame of what came, with its length; `None` when more must come first.
///
/// # Errors
/// When it is no XML that an XMPP stream may hold.
pub fn next(came: &[u8]) -> io::Result<Option<(Frame<'_>, usize)>> {
    let mut reader = Reader::from_reader(came);
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    let mut stanza: Option<Stanza<'_>> = None;
    let (mut depth, mut start) = (0_usize, 0);
    loop {
        let before = position(&reader);
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(_) if came.len() < LONGEST => return Ok(None),
            Err(error) => return Err(io::Error::other(format!("the XMPP stream: {error}"))),
        };
        let ends = match event {
            Event::Start(tag) => {
                if depth == 0 && tag.name().as_ref() == "stream:stream" {
                    return Ok(Some((Frame::Open, position(&reader))));
                }
                note(&mut stanza, &tag, depth);
                start = if depth == 0 { before } else { start };
                depth += 1;
                false
            }
            Event::Empty(tag) => {
                note(&mut stanza, &tag, depth);
                start = if depth == 0 { before } else { start };
                depth == 0
            }
            Event::End(_) if depth == 0 => return Ok(Some((Frame::Close, position(&reader)))),
            Event::End(_) => {
                depth -= 1;
                depth == 0
            }
            Event::Eof if came.len() < LONGEST => return Ok(None),
            Event::Eof => return Err(io::Error::other("a stanza without end")),
            _ => false,
        };
        if ends && let Some(mut stanza) = stanza.take() {
            let end = position(&reader);
            stanza.octets = &came[start..end];
            return Ok(Some((Frame::Stanza(stanza), end)));
        }
    }
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

/// Notes what a tag says of the stanza that it begins or belongs to.
fn note(stanza: &mut Option<Stanza<'_>>, tag: &BytesStart<'_>, depth: usize) {
    match (depth, stanza) {
        (0, none) => *none = Some(begin(tag)),
        (1, Some(stanza)) if stanza.child_namespace.is_empty() => {
            stanza.child_namespace = attribute(tag, "xmlns");
        }
        (2, Some(stanza)) if stanza.kind == "error" && stanza.condition.is_empty() => {
            let name = tag.name().as_ref().to_owned();
            if !matches!(name.as_str(), "text" | "body" | "subject" | "thread") {
                stanza.condition = name;
            }
        }
        _ => {}
    }
}

fn begin<'a>(tag: &BytesStart<'_>) -> Stanza<'a> {
    let mut stanza = Stanza { name: tag.name().as_ref().to_owned(), ..Stanza::default() };
    for attribute in tag.attributes().with_checks(false).flatten() {
        let place = match attribute.key.as_ref() {
            "type" => &mut stanza.kind,
            "id" => &mut stanza.id,
            "from" => &mut stanza.from,
            "to" => &mut stanza.to,
            _ => continue,
        };
        *place = attribute.value.into_owned();
    }
    stanza
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> String {
    let mut attributes = tag.attributes();
    let mut attributes = attributes.with_checks(false).flatten();
    let found = attributes.find(|attribute| attribute.key.as_ref() == name);
    found.map(|attribute| attribute.value.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] =
        b"<message from='a@b' to='c@d/e' id='1' type='chat'><body>x &lt; y</body></message>";

    #[test]
    fn a_stanza_is_cut_at_its_end_and_not_before() {
        for end in 0..MESSAGE.len() {
            assert!(next(&MESSAGE[..end]).expect("legal").is_none(), "cut at {end}");
        }
        let more = [MESSAGE, b"<presence/>"].concat();
        let (frame, length) = next(&more).expect("legal").expect("whole");
        let Frame::Stanza(stanza) = frame else { panic!("{frame:?}") };
        assert_eq!((stanza.octets, length), (MESSAGE, MESSAGE.len()));
        assert_eq!((stanza.name.as_str(), stanza.to.as_str()), ("message", "c@d/e"));
        let (frame, length) = next(&more[length..]).expect("legal").expect("whole");
        assert!(matches!(frame, Frame::Stanza(stanza) if stanza.name == "presence"));
        assert_eq!(length, 11);
    }

    #[test]
    fn header_end_and_white_space_between_stanzas() {
        let header = b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' id='7'>";
        let (frame, length) = next(header).expect("legal").expect("whole");
        assert!(matches!(frame, Frame::Open));
        assert_eq!(length, header.len());
        assert!(next(b" \n").expect("legal").is_none());
        let (frame, length) = next(b" </stream:stream>").expect("legal").expect("whole");
        assert!(matches!(frame, Frame::Close));
        assert_eq!(length, 17);
    }

    #[test]
    fn an_error_tells_its_condition() {
        let error = b"<message type='error' id='5'><body>said</body><error type='cancel'>\
            <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>";
        let (frame, _) = next(error).expect("legal").expect("whole");
        let Frame::Stanza(stanza) = frame else { panic!("{frame:?}") };
        assert_eq!((stanza.condition.as_str(), stanza.id.as_str()), ("item-not-found", "5"));
    }

    #[test]
    fn a_ping_is_a_request_with_a_namespace() {
        let ping = b"<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>";
        let (frame, _) = next(ping).expect("legal").expect("whole");
        let Frame::Stanza(stanza) = frame else { panic!("{frame:?}") };
        assert!(stanza.is_request());
        assert_eq!(stanza.child_namespace, "urn:xmpp:ping");
    }
}
