//! What is known of a target decides the form of its messages: `src/state/targets.rs`.

use std::time::Duration;

use stox::codec::sip::Request;
use stox::flow::{Record, Stored};
use stox::rules::BodyProfile;

use crate::bodies::ruled;
use crate::world::{SETTINGS, World, message};

const OBJECT: &str = "From: <sip:romeo@sip.test>\n\nContent-Type: text/plain\n\nhello";
const DAY: Duration = Duration::from_secs(24 * 3_600);

fn is_cpim(request: &Request) -> bool {
    request.headers.content_type() == Some("message/cpim")
}

/// The form of a message to romeo, which is taken by an agent of this name.
#[track_caller]
fn goes_as_object(world: &mut World, server: &str) -> bool {
    world.juliet_says("m", "hello");
    let request = world.request();
    let named = format!("Server: {server}");
    let headers: &[&str] = if server.is_empty() { &[] } else { &[&named] };
    world.answer_with(&request, 200, headers);
    is_cpim(&request)
}

/// A message of romeo's: a text, or an object.
fn comes(world: &mut World, branch: &str, headers: &str, object: bool) {
    let head = format!("Content-Type: message/cpim\n{headers}");
    world.sip(&match object {
        true => message(branch, &head, OBJECT),
        false => message(branch, headers, "hello"),
    });
    world.confirm_all();
    world.xmpp.clear();
    world.sip.clear();
}

/// The same process after a restart, with what is on disk.
fn begun_again(world: World) -> World {
    let mut records = world.known.clone();
    records.extend(world.records.iter().cloned());
    // Of one address the last record counts.
    let mut latest: Vec<Record> = Vec::new();
    for record in records {
        let same = |known: &Record| match (known, &record) {
            (Record::Target { address: a, .. }, Record::Target { address: b, .. }) => a == b,
            _ => false,
        };
        latest.retain(|known| !same(known));
        latest.push(record);
    }
    let stored = Stored { records: latest, lost: false };
    let rules = crate::world::built_in();
    let mut after = World::begun(SETTINGS, rules, 9, world.now, &stored);
    after.up();
    after
}

#[test]
fn msg_072_who_was_never_heard_of_gets_text() {
    let mut world = World::new();
    assert!(!goes_as_object(&mut world, ""));
    assert!(!goes_as_object(&mut world, "PJSUA v2.15"), "nor who takes everything");
    assert!(!goes_as_object(&mut world, ""));
}

#[test]
fn msg_072_an_object_or_an_accept_or_a_name_shows_who_reads_objects() {
    for (headers, object) in [
        ("User-Agent: A/1\n", true),
        ("", true),
        ("User-Agent: A/1\nAccept: text/plain, Message/CPIM;q=0.1\n", false),
        ("User-Agent: LinphoneAndroid/5.2.5 (S7) LinphoneSDK/5.3.47\n", false),
    ] {
        let mut world = World::new();
        comes(&mut world, "a", headers, object);
        assert!(goes_as_object(&mut world, ""), "{headers:?}");
        let mut world = begun_again(world);
        assert!(goes_as_object(&mut world, ""), "{headers:?}, after a restart");
    }
    for headers in
        ["Accept: */*\n", "Accept: text/plain, message/*\n", "Accept: message/cpim;q=0\n"]
    {
        let mut world = World::new();
        comes(&mut world, "a", headers, false);
        assert!(!goes_as_object(&mut world, ""), "{headers:?}");
    }
}

#[test]
fn msg_072_every_agent_that_was_seen_must_read_it() {
    let mut world = World::new();
    comes(&mut world, "a", "User-Agent: A/1\n", true);
    assert!(goes_as_object(&mut world, "A/1"));
    // A presence server's NOTIFY or an error names no agent of the user's.
    world.juliet_says("m", "hello");
    let request = world.request();
    world.answer_with(&request, 486, &["Server: kamailio (5.6.3)"]);
    world.stanzas();
    assert!(goes_as_object(&mut world, ""));
    comes(&mut world, "b", "User-Agent: PJSUA v2.15\n", false);
    assert!(!goes_as_object(&mut world, "A/1"));
    let mut world = begun_again(world);
    assert!(!goes_as_object(&mut world, "A/1"));
    // After 30 days without a word of it the other one counts no more.
    world.pass(29 * DAY);
    assert!(!goes_as_object(&mut world, "A/1"));
    world.pass(2 * DAY);
    assert!(goes_as_object(&mut world, "A/1"));
    // The 2xx to a MESSAGE shows an agent as well as a MESSAGE does.
    assert!(goes_as_object(&mut world, "PJSUA v2.15"));
    assert!(!goes_as_object(&mut world, "A/1"));
}

#[test]
fn msg_072_a_refusal_ends_the_knowledge_until_an_object_comes() {
    for code in [406, 415, 488] {
        let mut world = World::new();
        comes(&mut world, "a", "User-Agent: Linphone/5.1\n", true);
        world.juliet_says("m", "hello");
        let object = world.request();
        assert!(is_cpim(&object));
        world.answer(&object, code);
        let text = world.request();
        assert!(!is_cpim(&text));
        assert_eq!((&text.call_id, text.from.tag()), (&object.call_id, object.from.tag()));
        assert_eq!(text.cseq.number, object.cseq.number + 1);
        world.answer(&text, 200);
        assert!(!goes_as_object(&mut world, "Linphone/5.1"));
        let mut world = begun_again(world);
        assert!(!goes_as_object(&mut world, ""), "whatever its name promises");
        comes(&mut world, "b", "User-Agent: Linphone/5.1\n", true);
        assert!(goes_as_object(&mut world, ""));
    }
}

#[test]
fn msg_071_a_text_that_is_refused_goes_again_as_an_object() {
    let mut world = World::new();
    for id in ["1", "2", "3"] {
        world.juliet_says(id, id);
    }
    let text = world.request();
    assert!(!is_cpim(&text));
    world.answer_with(&text, 415, &["Accept: message/cpim, application/x"]);
    let object = world.request();
    assert!(is_cpim(&object) && object.body.ends_with(b"\r\n\r\n1"));
    assert_eq!((&object.call_id, object.from.tag()), (&text.call_id, text.from.tag()));
    assert_eq!(object.cseq.number, text.cseq.number + 1);
    world.answer(&object, 200);
    for body in ["2", "3"] {
        let request = world.request();
        assert!(is_cpim(&request) && request.body.ends_with(body.as_bytes()));
        world.answer(&request, 200);
    }
    assert_eq!((world.requests(), world.stanzas()), (vec![], vec![]));
    // The form turns once.
    let mut world = World::new();
    world.juliet_says("1", "1");
    let request = world.request();
    world.answer_with(&request, 415, &["Accept: message/cpim"]);
    let request = world.request();
    world.answer_with(&request, 415, &["Accept: text/plain"]);
    assert_eq!(world.error().1.condition.name(), "not-acceptable");
    assert_eq!(world.requests(), []);
    world.confirm_all();
    // What says nothing of objects is not asked with one.
    for headers in [&[][..], &["Accept: text/html"]] {
        world.juliet_says("2", "2");
        let request = world.request();
        world.answer_with(&request, 415, headers);
        assert_eq!(world.error().0, "2");
        world.confirm_all();
    }
}

#[test]
fn msg_072_the_memory_is_bounded_and_the_first_is_unknown_again() {
    let known = |user: &str, hour: u32| {
        let value = Some(format!("[{{\"cpim\":true,\"hour\":{hour}}}]"));
        Record::Target { address: format!("{user}@sip.test"), value }
    };
    // The memory is full, and romeo was heard of longest ago.
    let mut records = vec![known("romeo", 472_220)];
    let others = 1..stox::state::targets::ADDRESSES;
    records.extend(others.map(|number| known(&format!("u{number}"), 472_221)));
    let rules = crate::world::built_in();
    let now = World::new().now;
    let mut world = World::begun(SETTINGS, rules, 7, now, &Stored { records, lost: false });
    world.up();
    assert!(goes_as_object(&mut world, ""));
    let head = "Content-Type: message/cpim\nUser-Agent: A/1\n";
    world.sip(&message("a", head, OBJECT).replace("romeo@", "mercutio@"));
    world.confirm_all();
    world.xmpp.clear();
    world.sip.clear();
    let gone = Record::Target { address: "romeo@sip.test".into(), value: None };
    assert!(world.records.contains(&gone), "on disk as well");
    assert!(!goes_as_object(&mut world, ""));
}

#[test]
fn a_sender_can_teach_nothing_of_others() {
    let mut world = World::new();
    for number in 0..50 {
        let agent = format!("User-Agent: X/{number}\n");
        let text = message(&format!("b{number}"), &agent, "x").replace("romeo@", "mercutio@");
        world.sip(&text);
    }
    world.confirm_all();
    world.xmpp.clear();
    world.sip.clear();
    comes(&mut world, "a", "User-Agent: A/1\n", true);
    assert!(goes_as_object(&mut world, ""));
}

fn peer_bodies(bodies: &str) -> String {
    SETTINGS.replace("transport=udp\" }", &format!("transport=udp\", bodies: {bodies} }}"))
}

#[test]
fn msg_073_a_peer_that_is_a_cpim_service_gets_objects() {
    let rules = || crate::world::built_in();
    let mut world = World::ruled(&peer_bodies("cpim"), rules(), 7);
    world.up();
    assert!(goes_as_object(&mut world, "PJSUA v2.15"));
    world.juliet_says("1", "1");
    let request = world.request();
    world.answer(&request, 415);
    assert_eq!(world.error().1.condition.name(), "not-acceptable");
    assert_eq!(world.requests(), []);
    assert!(goes_as_object(&mut world, ""), "and goes on to");

    let mut world = World::with_reader_and(&peer_bodies("text"), rules());
    assert!(!goes_as_object(&mut world, ""));
    let mut by_rule = rules();
    by_rule.messages.profile = BodyProfile::Text;
    let mut world = World::ruled(&peer_bodies("cpim"), by_rule, 7);
    world.up();
    assert!(!goes_as_object(&mut world, ""), "a rule goes before it");
}

#[test]
fn rules_name_agents_that_do_not_do_what_they_say() {
    let mut world = ruled(|messages| messages.text_agents = vec!["reader".into()]);
    assert!(!goes_as_object(&mut world, ""));
    let mut world = ruled(|messages| messages.cpim_agents = vec!["Odd Phone".into()]);
    comes(&mut world, "a", "User-Agent: odd phone 3\n", false);
    assert!(goes_as_object(&mut world, "Third/1"), "the known reader and the odd phone");
    assert!(!goes_as_object(&mut world, ""), "and a third");
}
