//! Messages both ways: which part of one becomes which part of the other, and what must not.

use bytes::Bytes;
use stox::codec::sip::HeaderName;
use stox::codec::xmpp::ns;
use stox::rules::{BodyProfile, ThreadForm};

use crate::bodies::ruled;
use crate::world::{SETTINGS, World, message};

/// RFC 7572 Example 1, between the domains of these tests.
const EXAMPLE_1: &str = "<message from='juliet@xmpp.test/yn0cl4bnw0yr3vym' to='romeo@sip.xmpp.test' type='chat'>\
    <body>Art thou not Romeo, and a Montague?</body></message>";
const BODY_1: &[u8] = b"Art thou not Romeo, and a Montague?";

fn in_profile(profile: BodyProfile) -> World {
    let mut rules = crate::world::built_in();
    rules.messages.profile = profile;
    let mut world = World::ruled(SETTINGS, rules, 7);
    world.up();
    world
}

/// The part of a message/cpim object behind its two header blocks.
fn inner(object: &Bytes) -> &[u8] {
    let text = std::str::from_utf8(object).expect("UTF-8");
    text.splitn(3, "\r\n\r\n").nth(2).expect("an entity").as_bytes()
}

#[test]
fn msg_001_the_body_is_the_text_as_an_object_or_bare() {
    let mut world = in_profile(BodyProfile::Text);
    world.xmpp(EXAMPLE_1);
    let text = String::from_utf8(world.sip[0].1.to_vec()).expect("UTF-8");
    assert!(
        text.contains("\r\nContent-Length: 35\r\n")
            && text.contains("\r\nContent-Type: text/plain\r\n")
    );
    assert_eq!(&world.request().body[..], BODY_1);
    for refusal in [406, 415, 488] {
        let mut world = World::with_reader();
        world.xmpp(EXAMPLE_1);
        let first = world.request();
        assert_eq!(first.headers.content_type(), Some("message/cpim"));
        assert_eq!(inner(&first.body), BODY_1);
        world.answer(&first, refusal);
        let second = world.request();
        assert_eq!(second.headers.content_type(), Some("text/plain"));
        assert_eq!(&second.body[..], BODY_1);
        world.answer(&second, 200);
        world.xmpp(EXAMPLE_1);
        assert_eq!(world.request().headers.content_type(), Some("text/plain"), "remembered");
    }
    let mut world = in_profile(BodyProfile::Text);
    world.juliet_says("1", "\u{E9}");
    let request = world.request();
    assert_eq!(request.headers.content_type(), Some("text/plain;charset=UTF-8"));
}

/// A world in which a thread is the Call-ID (RFC 7572 Table 1).
fn by_call_id() -> World {
    ruled(|messages| messages.thread_to_sip = ThreadForm::CallId)
}

#[test]
fn msg_004_each_sender_of_a_thread_has_a_tag_and_a_count_of_its_own() {
    let mut world = by_call_id();
    let say = |world: &mut World, from: &str| {
        world.xmpp(&format!(
            "<message from='{from}/x' to='romeo@sip.xmpp.test'><body>hi</body><thread>1</thread></message>"
        ));
        let request = world.request();
        world.answer(&request, 200);
        request
    };
    let (first, second) =
        (say(&mut world, "juliet@xmpp.test"), say(&mut world, "juliet@xmpp.test"));
    let other = say(&mut world, "nurse@xmpp.test");
    assert_eq!((&*first.call_id, first.from.tag()), (&*second.call_id, second.from.tag()));
    assert_eq!(second.cseq.number, first.cseq.number + 1);
    assert_ne!(first.via[0].branch(), second.via[0].branch());
    assert_eq!(first.call_id, other.call_id);
    assert_ne!(first.from.tag(), other.from.tag());
}

#[test]
fn msg_006_the_branch_is_never_the_id() {
    let mut world = World::new();
    world.xmpp("<message id='a 1\"'><body>x</body></message>");
    let first = world.request();
    let branch = first.via[0].branch().expect("a branch").to_owned();
    assert!(branch.starts_with("z9hG4bK") && branch.bytes().all(|b| b.is_ascii_alphanumeric()));
    world.answer(&first, 404);
    assert_eq!(world.error().0, "a 1\"");
    let mut branches = vec![branch];
    for from in ["juliet@xmpp.test/x", "juliet@xmpp.test/x", "nurse@xmpp.test/x"] {
        world.xmpp(&format!(
            "<message from='{from}' to='romeo@sip.xmpp.test' id='1'><body>x</body></message>"
        ));
        let request = world.request();
        branches.push(request.via[0].branch().expect("a branch").to_owned());
        world.answer(&request, 200);
    }
    branches.sort();
    branches.dedup();
    assert_eq!(branches.len(), 4, "four deliveries under four branches");
}

#[test]
fn msg_007_a_device_is_addressed_when_it_was_seen_and_the_user_otherwise() {
    let mut world = World::new();
    world.sip(&message("a", "", "x").replace("romeo@sip.test", "romeo@sip.test;gr=dr4"));
    world.xmpp.clear();
    for (resource, uri) in [("dr4", "sip:romeo@sip.test;gr=dr4"), ("foo", "sip:romeo@sip.test")] {
        world.xmpp(&format!(
            "<message from='juliet@xmpp.test/b' to='romeo@sip.xmpp.test/{resource}'><body>x</body></message>"
        ));
        let request = world.request();
        assert_eq!((request.uri.as_str(), request.to.uri().as_str()), (uri, uri));
        world.answer(&request, 200);
    }
}

#[test]
fn msg_008_the_type_makes_no_difference() {
    let request = |kind: &str| {
        let mut world = World::new();
        world.xmpp(&format!("<message {kind} id='1'><body>x</body></message>"));
        world.sip.remove(0).1
    };
    assert_eq!(request("type='chat'"), request(""));
    assert_eq!(request("type='normal'"), request("type='headline'"));
    assert_eq!(request("type='chat'"), request("type='headline'"));
}

#[test]
fn msg_014_a_target_has_one_message_of_a_sender_outstanding_and_a_bounded_queue() {
    let limited = format!("{SETTINGS}limits: {{ queue_per_target: 2 }}\n");
    let mut world = World::with(&limited);
    world.up();
    for id in ["1", "2", "3", "4"] {
        world.juliet_says(id, id);
    }
    let (id, error) = world.error();
    assert_eq!((id.as_str(), error.condition.name()), ("4", "resource-constraint"));
    world.pass_ms(3_000);
    assert!(world.requests().windows(2).all(|two| two[0] == two[1]), "the first one alone");
    // The time-out of the first fails what waits behind it, in order.
    world.pass_ms(29_000);
    let told: Vec<String> = world
        .stanzas()
        .iter()
        .map(|stanza| match stanza {
            stox::codec::xmpp::Stanza::Message(message) => {
                let error = message.error.as_ref().expect("an error");
                format!("{} {}", message.id.as_deref().unwrap_or_default(), error.condition.name())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        told,
        ["1 remote-server-timeout", "2 remote-server-timeout", "3 remote-server-timeout"]
    );
}

#[test]
fn msg_019_forks_make_one_outcome() {
    let mut world = World::new();
    world.juliet_says("m1", "hello");
    let request = world.request();
    // Each branch of a fork may answer provisionally, under a To tag of its own.
    for _ in 0..3 {
        world.answer(&request, 100);
    }
    world.answer(&request, 486);
    world.answer(&request, 404);
    world.answer(&request, 200);
    assert_eq!(world.error().1.condition.name(), "recipient-unavailable");
    assert_eq!((world.stanzas(), world.requests()), (vec![], vec![]));
    assert_eq!(world.counter("sip_stray_responses"), 2);
}

#[test]
fn msg_028_hops_that_xmpp_counts_are_counted_on() {
    let hops = |value: &str| {
        let mut world = World::new();
        world.xmpp(&format!(
            "<message id='1'><body>x</body><headers xmlns='{}'><header name='Max-Forwards'>{value}</header></headers></message>",
            ns::SHIM
        ));
        world
    };
    let mut world = hops("0");
    let (id, error) = world.error();
    assert_eq!((id.as_str(), error.condition.name()), ("1", "not-acceptable"));
    assert_eq!(world.requests(), []);
    for (value, sent) in [("5", 4), ("1", 0), ("70", 69), ("99999", 70), ("many", 70)] {
        assert_eq!(hops(value).request().max_forwards, Some(sent), "{value}");
    }
}

#[test]
fn msg_029_the_nickname_is_the_display_name() {
    let mut world = World::new();
    world.xmpp(&format!(
        "<message><body>x</body><nick xmlns='{}'>Juliet</nick></message>",
        ns::NICK
    ));
    let request = world.request();
    assert_eq!(request.from.display_name(), Some("Juliet"));
    assert_eq!(request.from.uri().as_str(), "sip:juliet@xmpp.test");
    let mut world = World::new();
    world.xmpp(&format!(
        "<message><body>x</body><nick xmlns='{}'>{}</nick></message>",
        ns::NICK,
        "n".repeat(5_000)
    ));
    assert_eq!(world.request().from.display_name().map(str::len), Some(64), "bounded");
}

#[test]
fn msg_035_cseq_has_no_mapping() {
    let mut world = World::new();
    world.sip(&message("a", "", "x").replace("CSeq: 1 MESSAGE", "CSeq: 314159265 MESSAGE"));
    let (_, octets) = world.xmpp.remove(0);
    let text = String::from_utf8(octets.to_vec()).expect("UTF-8");
    assert!(!text.contains("314159265") && !text.to_lowercase().contains("cseq"), "{text}");
}

#[test]
fn msg_038_a_gr_names_a_resource_that_is_there_and_the_user_otherwise() {
    let mut world = World::new();
    let mut number = 0;
    let mut to = |world: &mut World| {
        number += 1;
        let text = message(&format!("m{number}"), "", "x");
        world.sip(&text.replacen("sip:juliet@xmpp.test", "sip:juliet@xmpp.test;gr=chamber", 1));
        world.message().to.expect("a recipient").to_string()
    };
    assert_eq!(to(&mut world), "juliet@xmpp.test", "never seen");
    world.xmpp("<message from='juliet@xmpp.test/chamber' to='romeo@sip.xmpp.test'><body>x</body></message>");
    assert_eq!(to(&mut world), "juliet@xmpp.test/chamber");
    world.xmpp(
        "<presence type='unavailable' from='juliet@xmpp.test/chamber' to='romeo@sip.xmpp.test'/>",
    );
    assert_eq!(to(&mut world), "juliet@xmpp.test", "gone");
}

#[test]
fn msg_039_the_id_stands_for_the_transaction_and_brings_its_error_back() {
    let mut world = World::new();
    world.romeo_says("eskdgs677", "one");
    world.romeo_says("eskdgs678", "two");
    let ids: Vec<String> = world
        .stanzas()
        .iter()
        .map(|stanza| match stanza {
            stox::codec::xmpp::Stanza::Message(message) => {
                message.id.as_deref().expect("an id").to_owned()
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_ne!(ids[0], ids[1]);
    // Derived: another gateway of the same key, or the same one after a restart, gives the same.
    let mut again = World::seeded(SETTINGS, 9);
    again.up();
    again.romeo_says("eskdgs677", "one");
    assert_eq!(again.message().id.as_deref(), Some(ids[0].as_str()));
    world.xmpp(&format!(
        "<message type='error' id='{}' from='juliet@xmpp.test' to='romeo@sip.xmpp.test'>\
         <error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
        ids[1]
    ));
    let response = world.response();
    assert_eq!(response.status.code(), 604);
    assert_eq!(response.via[0].branch(), Some("z9hG4bKeskdgs678"));
}

#[test]
fn msg_040_a_text_is_chat_and_by_rule_has_no_type() {
    let shown = |chat: bool, text: &str| {
        let mut rules = crate::world::built_in();
        rules.messages.chat &= chat;
        let mut world = World::ruled(SETTINGS, rules, 7);
        world.up();
        world.sip(text);
        String::from_utf8_lossy(&world.xmpp.remove(0).1).into_owned()
    };
    let subject = "Subject: Hi\n";
    for (headers, body) in [("", "x"), (subject, "x")] {
        assert!(shown(true, &message("a", headers, body)).contains(" type='chat'"));
        assert!(!shown(false, &message("a", headers, body)).contains(" type="));
    }
    let alone = message("a", subject, "").replace("Content-Type: text/plain\n", "");
    assert!(!shown(true, &alone).contains(" type="), "a Subject alone");
}

#[test]
fn msg_055_a_message_goes_to_the_user_and_not_to_one_device() {
    let mut world = World::new();
    // Even when one of the user's devices is the one that wrote last.
    world.juliet_says("1", "x");
    world.sip.clear();
    world.romeo_says("a", "x");
    assert_eq!(world.message().to.expect("a recipient").as_str(), "juliet@xmpp.test");
}

#[test]
fn msg_056_an_unknown_user_is_a_403() {
    let mut world = World::new();
    world.romeo_says("a", "x");
    let id = world.message().id.expect("an id");
    world.xmpp(&format!(
        "<message type='error' id='{id}' from='juliet@xmpp.test' to='romeo@sip.xmpp.test'>\
         <error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    ));
    assert_eq!(world.codes(), [403]);
    // Silence is no refusal: the server has the message.
    world.romeo_says("b", "x");
    world.confirm_all();
    assert_eq!(world.codes(), [200]);
}

#[test]
fn msg_057_every_stanza_that_can_bounce_has_an_id() {
    let mut world = World::new();
    for (branch, headers) in [("a", ""), ("b", "Subject: Hi\n"), ("c", "Content-Language: cs\n")] {
        world.sip(&message(branch, headers, "x"));
        assert!(world.message().id.is_some_and(|id| !id.is_empty()));
    }
}

#[test]
fn msg_058_a_list_of_recipients_is_no_service_of_the_gateway() {
    let mut world = World::new();
    world.sip(&message("a", "Require: recipient-list-message\n", "x"));
    let response = world.response();
    assert_eq!(response.status.code(), 420);
    let named = response.headers.get_text(&HeaderName::Unsupported);
    assert_eq!(named, Some("recipient-list-message"));
    assert_eq!(world.stanzas(), []);
}

#[test]
fn msg_064_no_message_and_no_2xx_carries_what_rfc_3428_forbids() {
    const NOT_IN_EITHER: [HeaderName; 4] = [
        HeaderName::Accept,
        HeaderName::AcceptEncoding,
        HeaderName::AcceptLanguage,
        HeaderName::Contact,
    ];
    let mut world = World::new();
    for (id, more) in [("1", ""), ("2", "<subject>s</subject>"), ("3", "<thread>t</thread>")] {
        world.xmpp(&format!("<message id='{id}'><body>x</body>{more}</message>"));
        let request = world.request();
        let also = [HeaderName::AlertInfo, HeaderName::RecordRoute];
        for name in NOT_IN_EITHER.iter().chain(&also) {
            assert!(!request.headers.contains(name), "{name}");
        }
        world.answer(&request, 200);
    }
    for (branch, headers, body) in [("a", "", "x"), ("b", "Subject: s\n", "x"), ("c", "", "")] {
        world.sip(&message(branch, headers, body));
        world.confirm_all();
        let response = world.response();
        assert_eq!((response.status.code(), response.body.len()), (200, 0));
        for name in NOT_IN_EITHER.iter().chain(&[HeaderName::ContentType]) {
            assert!(!response.headers.contains(name), "{name}");
        }
    }
}

#[test]
fn msg_066_a_thread_makes_no_dialog() {
    let mut world = World::new();
    for n in 0..10 {
        world.xmpp(&format!("<message id='{n}'><body>{n}</body><thread>t</thread></message>"));
        let request = world.request();
        assert_eq!((request.method.as_str(), request.to.tag()), ("MESSAGE", None));
        assert!(!request.headers.contains(&HeaderName::Contact));
        world.answer(&request, 200);
    }
}

/// V-38: the MESSAGE of RFC 3428 §10, as a peer sends it.
#[test]
fn the_example_of_rfc_3428_is_delivered() {
    let settings =
        SETTINGS.replace("xmpp: xmpp.test, sip: xmpp.test", "xmpp: domain.com, sip: domain.com");
    let settings = settings.replace("sip: sip.test", "sip: user1.example");
    let mut world = World::with(&settings);
    world.up();
    world.sip(
        "MESSAGE sip:user2@domain.com SIP/2.0\n\
         Via: SIP/2.0/TCP proxy.domain.com;branch=z9hG4bK123dsghds\n\
         Via: SIP/2.0/TCP user1pc.domain.com;branch=z9hG4bK776sgdkse;received=1.2.3.4\n\
         Max-Forwards: 69\n\
         From: sip:user1@user1.example;tag=49394\n\
         To: sip:user2@domain.com\n\
         Call-ID: asd88asd77a@1.2.3.4\n\
         CSeq: 1 MESSAGE\n\
         Content-Type: text/plain\n\
         Content-Length: 18\n\nWatson, come here.",
    );
    let stanza = world.message();
    assert_eq!(stanza.from.expect("a sender").as_str(), "user1@sip.xmpp.test");
    assert_eq!(stanza.to.expect("a recipient").as_str(), "user2@domain.com");
    assert_eq!(&*stanza.bodies[0].text, "Watson, come here.");
    assert_eq!(stanza.thread, None);
    world.confirm();
    let response = world.response();
    assert_eq!((response.status.code(), response.via.len()), (200, 2));
}
