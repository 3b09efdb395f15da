//! What looks encrypted: objects of RFC 3923 from XML, OTR in texts, secured parts of a body. What
//! is carried one way comes back the same.

#![no_main]

use std::sync::OnceLock;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use stox::codec::mime::{Entity, MediaType, SmimeObject};
use stox::rules::{Encryption, Rules};
use stox::translate::encryption::{body, otr};

fuzz_target!(|octets: &[u8]| {
    static RULES: OnceLock<Rules> = OnceLock::new();
    let rules = RULES.get_or_init(|| Rules::load(None).expect("the built-in rules are right").0);
    if let Ok(text) = std::str::from_utf8(octets) {
        let bare = otr::without_offer(text);
        assert!(bare.len() <= text.len());
        let _ = (otr::of(text), otr::of(&bare));
        if let Ok(object) = SmimeObject::from_xml(text, false) {
            survives(&object);
        }
    }
    if let Ok(entity) = Entity::parse(Bytes::copy_from_slice(octets)) {
        for part in body::parts(&rules.encryption, &entity) {
            assert!(!part.name.is_empty() && !part.title.is_empty());
        }
        stays_found(&rules.encryption, &entity, octets);
    }
});

/// What is not readable alone is not readable beside a text either.
fn stays_found(rules: &Encryption, entity: &Entity, octets: &[u8]) {
    const BOUNDARY: &[u8] = b"--outermost-boundary";
    // A coding is that of a part, and never that of a body.
    let is_coded = entity.header("Content-Encoding").is_some();
    let holds_boundary = octets.windows(BOUNDARY.len()).any(|window| window == BOUNDARY);
    if is_coded || holds_boundary || body::is_readable(rules, entity) {
        return;
    }
    let text = b"--outermost-boundary\r\n\r\nread me\r\n--outermost-boundary\r\n";
    let whole = [&text[..], octets, b"\r\n--outermost-boundary--\r\n"].concat();
    let kind = MediaType::parse("multipart/alternative;boundary=outermost-boundary");
    let beside = Entity::new(kind.expect("a legal type"), whole.into());
    assert!(!body::is_readable(rules, &beside), "{entity:?}");
}

fn survives(object: &SmimeObject) {
    let entity = Entity::new(object.media_type.clone(), object.body.clone());
    let Ok(text) = SmimeObject::to_xml(&entity, &object.headers) else { return };
    let through_xml = text.replace("\r\n", "\n");
    let again = SmimeObject::from_xml(&through_xml, false).expect("what was written can be read");
    let kept = |body: &Bytes| body.trim_ascii_end().to_vec();
    assert_eq!(kept(&again.body), kept(&object.body));
}
