//! The body of a message: a CPIM object or any other MIME entity. Parts are pieces of the whole;
//! an object with its text written anew reads the same.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use stox::codec::mime::{Cpim, CpimObject, Entity, Party, Strictness};

fuzz_target!(|octets: &[u8]| {
    let octets = Bytes::copy_from_slice(octets);
    if let Ok(entity) = Entity::parse(octets.clone()) {
        entity_holds(&entity);
    }
    let lenient = Cpim::parse(octets.clone(), Strictness::Lenient);
    if let Ok(object) = Cpim::parse(octets.clone(), Strictness::Strict) {
        assert_eq!(lenient.as_ref(), Ok(&object), "what is strictly right is right");
    }
    if let Ok(object) = lenient {
        assert_eq!(object.octets, octets);
        entity_holds(object.content());
        let _ = (object.from(), object.to().count(), object.cc().count(), object.date_time());
        let _ = object.all_required().count();
        survives_writing(&object);
    }
});

fn entity_holds(entity: &Entity) {
    let _ = (entity.text(), entity.is("text/plain"), entity.header("x"));
    if let Ok(decoded) = entity.decoded() {
        // A line end of quoted-printable becomes CRLF.
        assert!(decoded.len() <= 2 * entity.body.len());
    }
    if let Ok(parts) = entity.raw_parts() {
        assert!(parts.iter().map(Bytes::len).sum::<usize>() <= entity.body.len());
    }
    let _ = entity.leaves(3);
}

/// The headers that the gateway writes itself, from what it has read.
fn survives_writing(object: &Cpim) {
    let subjects: Vec<_> = object.subjects().collect();
    let subjects: Vec<_> = subjects.iter().map(|s| (s.lang.as_deref(), &*s.text)).collect();
    let from = object.from();
    let party = |address: &stox::codec::mime::CpimAddress| address.uri.to_string();
    let from = from.as_ref().map(party).unwrap_or_default();
    let written = CpimObject {
        from: Party { formal_name: None, uri: &from },
        date_time: object.date_time(),
        subjects: &subjects,
        ..CpimObject::default()
    };
    let mut out = Vec::new();
    written.write(&mut out, &object.content().body);
    let head = out.windows(4).position(|four| four == b"\r\n\r\n").expect("an empty line");
    let lines = out[..head].windows(2).filter(|two| two == b"\r\n").count() + 1;
    let again = Cpim::parse(out.clone().into(), Strictness::Lenient).expect("can be read");
    assert_eq!(again.headers.len(), lines, "{}", String::from_utf8_lossy(&out));
    assert_eq!(again.content().body, object.content().body);
    // RFC 3339 §1 has no other years, and an offset can lead out of them.
    const WRITABLE: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;
    let seconds = |object: &Cpim| object.date_time().map(|at| at.unix_timestamp());
    let written = seconds(object).filter(|seconds| WRITABLE.contains(seconds));
    assert_eq!(seconds(&again), written);
}
