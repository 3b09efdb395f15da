//! A presence document: what is read survives writing, within the bounds of a reader.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stox::codec::pidf::{Document, Limits, Text, xml_id};

const LIMITS: Limits = Limits { tuples: 8, components: 4, notes: 4, ..Limits::DEFAULT };
/// What is written may be longer, by its escapes.
const WIDER: Limits = Limits { octets: 1_000_000, ..LIMITS };

fuzz_target!(|octets: &[u8]| {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let text = Text::from(text);
    let id = xml_id::escape("ID-", &text);
    assert!(xml_id::is_legal(&id));
    assert_eq!(xml_id::unescape("ID-", &id).as_ref(), Some(&text));
    let Ok(document) = Document::parse(&text, LIMITS) else { return };
    assert!(document.tuples.len() <= LIMITS.tuples && document.notes.len() <= LIMITS.notes);
    // An id that was no `xs:ID` is another one afterwards; from then on nothing changes.
    let once = written_and_read(&document);
    assert_eq!(written_and_read(&once), once);
    // A reference may stand for a carriage return, which is written as a line feed.
    let is_plain = !text.contains("&#");
    if is_plain && document.tuples.iter().all(|tuple| xml_id::is_legal(&tuple.id)) {
        assert_eq!(once.entity, document.entity);
        assert_eq!(once.tuples.len(), document.tuples.len());
        for (once, tuple) in once.tuples.iter().zip(&document.tuples) {
            assert_eq!((&once.id, &once.contact), (&tuple.id, &tuple.contact));
            assert_eq!(
                (once.status.basic, once.status.show),
                (tuple.status.basic, tuple.status.show)
            );
            assert_eq!((&once.notes, once.timestamp), (&tuple.notes, tuple.timestamp));
            assert_eq!(once.user_input, tuple.user_input);
        }
        assert_eq!(once.notes, document.notes);
    }
});

fn written_and_read(document: &Document) -> Document {
    let mut out = Vec::new();
    document.write(&mut out);
    let text = String::from_utf8(out).expect("UTF-8");
    Document::parse(&text.as_str().into(), WIDER).unwrap_or_else(|e| panic!("{e}: {text}"))
}
