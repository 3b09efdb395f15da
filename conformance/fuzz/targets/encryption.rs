//! What looks encrypted: objects of RFC 3923 from XML, OTR in texts, secured parts of a body. What
//! is carried one way comes back the same.

#![no_main]

use std::sync::OnceLock;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use stox::codec::mime::{Entity, SmimeObject};
use stox::rules::Rules;
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
    }
});

fn survives(object: &SmimeObject) {
    let entity = Entity::new(object.media_type.clone(), object.body.clone());
    let Ok(text) = SmimeObject::to_xml(&entity, &object.headers) else { return };
    let through_xml = text.replace("\r\n", "\n");
    let again = SmimeObject::from_xml(&through_xml, false).expect("what was written can be read");
    let kept = |body: &Bytes| body.trim_ascii_end().to_vec();
    assert_eq!(kept(&again.body), kept(&object.body));
}
