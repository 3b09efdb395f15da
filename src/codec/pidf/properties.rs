//! Whatever document is built is read as it was built, and whatever is read never panics.

use proptest::prelude::*;
use time::OffsetDateTime;

use super::*;
use crate::codec::xml::escape::replace_illegal;
use crate::codec::xmpp::Show;

/// Text that survives: without white space at its ends, without what XML cannot carry.
fn text() -> impl Strategy<Value = Text> {
    let any = prop_oneof!["[ -~]{1,12}", any::<String>(), "[<>&'\"\\]\\n]{1,6}"];
    any.prop_map(|text| {
        let text = replace_illegal(&text).replace("\r\n", "\n").replace('\r', "\n");
        let text = text.trim_matches([' ', '\t', '\n']);
        Text::from(if text.is_empty() { "x" } else { text })
    })
}

fn id() -> impl Strategy<Value = Text> {
    text().prop_map(|text| xml_id::escape("ID-", &text))
}

fn time() -> impl Strategy<Value = Option<OffsetDateTime>> {
    let nanos = 0..253_402_300_799_i128;
    proptest::option::of((nanos, 0..1_000_000_000_i128)).prop_map(|time| {
        let (seconds, nanos) = time?;
        OffsetDateTime::from_unix_timestamp_nanos(seconds * 1_000_000_000 + nanos).ok()
    })
}

fn notes() -> impl Strategy<Value = Vec<Note>> {
    let lang = proptest::option::of("[a-z]{1,8}(-[A-Za-z0-9]{1,8}){0,2}");
    let note = (lang, text()).prop_map(|(lang, text)| Note { lang: lang.map(Text::from), text });
    proptest::collection::vec(note, 0..3)
}

fn input() -> impl Strategy<Value = Option<UserInput>> {
    let seconds = any::<u32>().prop_map(std::num::NonZeroU32::new);
    let input = (any::<bool>(), time(), seconds);
    proptest::option::of(input.prop_map(|(is_idle, last_input, idle_threshold)| UserInput {
        is_idle,
        last_input,
        idle_threshold,
    }))
}

fn status() -> impl Strategy<Value = Status> {
    let basic = proptest::sample::select(vec![None, Some(Basic::Open), Some(Basic::Closed)]);
    let show = [Show::Away, Show::Chat, Show::Dnd, Show::Xa];
    let show = proptest::option::of(proptest::sample::select(show.to_vec()));
    (basic, show, proptest::option::of(text())).prop_map(|(basic, show, im)| Status {
        basic,
        show,
        im,
        activities: Vec::new(),
        not_understood: Vec::new(),
    })
}

fn tuple() -> impl Strategy<Value = Tuple> {
    let contact = (text(), proptest::option::of(0..=1000_u16))
        .prop_map(|(uri, n)| Contact { uri, priority: n.and_then(Priority::new) });
    let devices = proptest::collection::vec(text(), 0..3);
    (id(), status(), devices, input(), proptest::option::of(contact), notes(), time()).prop_map(
        |(id, status, device_ids, user_input, contact, notes, timestamp)| Tuple {
            id,
            status,
            device_ids,
            user_input,
            contact,
            notes,
            timestamp,
        },
    )
}

fn person() -> impl Strategy<Value = Person> {
    let known = Activity::NAMED.iter().filter(|activity| **activity != Activity::Unknown);
    let named = proptest::sample::select(known.cloned().collect::<Vec<_>>());
    let activity = prop_oneof![named, text().prop_map(Activity::Other)];
    let list = prop_oneof![
        3 => proptest::collection::vec(activity, 0..4),
        1 => Just(vec![Activity::Unknown]),
    ];
    let activities = (time(), time(), notes(), list)
        .prop_map(|(from, until, notes, list)| Activities { from, until, notes, list });
    let activities = proptest::collection::vec(activities, 0..3);
    (id(), activities, input(), notes(), time()).prop_map(
        |(id, activities, user_input, notes, timestamp)| Person {
            id,
            activities,
            user_input,
            notes,
            timestamp,
        },
    )
}

fn device() -> impl Strategy<Value = Device> {
    (id(), input(), text(), notes(), time()).prop_map(
        |(id, user_input, device_id, notes, timestamp)| Device {
            id,
            user_input,
            device_id,
            notes,
            timestamp,
        },
    )
}

fn document() -> impl Strategy<Value = Document> {
    let tuples = proptest::collection::vec(tuple(), 0..4);
    let persons = proptest::collection::vec(person(), 0..2);
    let devices = proptest::collection::vec(device(), 0..3);
    (text(), tuples, notes(), persons, devices).prop_map(
        |(entity, mut tuples, notes, persons, devices)| {
            tuples.sort_by(|a, b| a.id.cmp(&b.id));
            tuples.dedup_by(|a, b| a.id == b.id);
            Document { entity, tuples, notes, persons, devices, left_out: 0 }
        },
    )
}

proptest! {
    #[test]
    fn a_document_is_read_as_it_was_built(document in document()) {
        let mut out = Vec::new();
        document.write(&mut out);
        let text = Text::try_from(bytes::Bytes::from(out)).unwrap();
        prop_assert_eq!(Document::parse(&text, Limits::DEFAULT), Ok(document));
    }

    #[test]
    fn damage_never_panics(document in document(), at in any::<prop::sample::Index>(), c in any::<char>()) {
        let mut out = Vec::new();
        document.write(&mut out);
        let mut chars: Vec<char> = String::from_utf8(out).unwrap().chars().collect();
        let at = at.index(chars.len());
        chars[at] = c;
        let text: String = chars.iter().collect();
        let _ = Document::parse(&text.into(), Limits::DEFAULT);
        let cut: String = chars[..at].iter().collect();
        prop_assert!(Document::parse(&cut.into(), Limits::DEFAULT).is_err());
    }
}
