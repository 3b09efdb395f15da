//! Messages from XMPP: queues, turns, the second form, failures inside the gateway.

use std::time::Duration;

use stox::codec::sip::{HeaderName, Request};
use stox::config::Transport;
use stox::flow::{Input, Record};
use stox::rules::ThreadForm;

use crate::bodies::ruled;
use crate::world::{PEER, SETTINGS, World};

fn is_cpim(request: &Request) -> bool {
    request.headers.content_type() == Some("message/cpim")
}

#[test]
fn msg_014_the_next_message_waits_for_the_final_response() {
    let mut world = World::with_reader();
    for id in ["1", "2", "3"] {
        world.juliet_says(id, id);
    }
    for body in ["1", "2", "3"] {
        let request = world.request();
        assert!(request.body.ends_with(format!("\r\n\r\n{body}").as_bytes()));
        world.answer(&request, 200);
    }
    assert_eq!(world.requests(), []);
}

#[test]
fn another_sender_does_not_wait() {
    let mut world = World::new();
    world.juliet_says("1", "1");
    world.xmpp("<message from='nurse@xmpp.test/x' to='romeo@sip.xmpp.test' id='2'><body>2</body></message>");
    assert_eq!(world.requests().len(), 2);
}

#[test]
fn a_target_has_at_most_eight_outstanding_and_serves_who_waited_longest() {
    let mut world = World::new();
    let say = |world: &mut World, n: u32| {
        world.xmpp(&format!(
            "<message from='user{n}@xmpp.test/x' to='romeo@sip.xmpp.test' id='{n}'><body>{n}</body></message>"
        ));
    };
    (0..10).for_each(|n| say(&mut world, n));
    let requests = world.requests();
    assert_eq!(requests.len(), 8);
    world.answer(&requests[3], 200);
    assert!(world.request().from.uri().as_str().starts_with("sip:user8@"));
    world.answer(&requests[0], 200);
    assert!(world.request().from.uri().as_str().starts_with("sip:user9@"));
}

#[test]
fn a_full_queue_is_told_and_the_rest_goes_on_in_order() {
    let limited = format!("{SETTINGS}limits: {{ queue_per_target: 2 }}\n");
    let mut world = World::with(&limited);
    world.up();
    for id in ["1", "2", "3", "4"] {
        world.juliet_says(id, id);
    }
    let (id, error) = world.error();
    assert_eq!((id.as_str(), error.condition.name()), ("4", "resource-constraint"));
    assert_eq!(error.kind.name(), "wait");
    for body in ["1", "2", "3"] {
        let request = world.request();
        assert!(request.body.ends_with(body.as_bytes()));
        world.answer(&request, 200);
    }
}

#[test]
fn a_dead_target_fails_its_whole_queue_in_order() {
    for code in [480, 503] {
        let mut world = World::new();
        for id in ["1", "2", "3"] {
            world.juliet_says(id, id);
        }
        let request = world.request();
        world.answer(&request, code);
        let failed: Vec<String> =
            world.stanzas().iter().map(|stanza| format!("{stanza:?}")).collect();
        assert_eq!(failed.len(), 3, "{code}");
        for (stanza, id) in failed.iter().zip(["1", "2", "3"]) {
            assert!(stanza.contains(&format!("id: Some(\"{id}\")")), "{stanza}");
        }
        assert_eq!(world.requests(), []);
        world.juliet_says("4", "4");
        assert_eq!(world.requests().len(), 1, "the next one tries again");
    }
}

/// A message that waits has no deadline of its own: it is told 32 s after the last progress.
#[test]
fn a_message_that_waits_is_told_nothing_while_those_before_it_end() {
    let mut world = World::new();
    for id in ["1", "2", "3", "4"] {
        world.juliet_says(id, id);
    }
    for _ in 0..2 {
        let request = world.request();
        world.pass(Duration::from_secs(30));
        // What was sent again meanwhile is not looked at.
        world.sip.clear();
        world.answer(&request, 200);
    }
    assert_eq!(world.stanzas(), [], "a minute later nobody is told anything");
    world.pass_ms(31_999);
    assert_eq!(world.stanzas(), []);
    world.pass_ms(1);
    let told: Vec<String> = world.stanzas().iter().map(|it| format!("{it:?}")).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    for (stanza, id) in told.iter().zip(["3", "4"]) {
        assert!(stanza.contains(&format!("id: Some(\"{id}\")")), "{stanza}");
    }
}

#[test]
fn an_ordinary_failure_concerns_one_message() {
    let mut world = World::new();
    world.juliet_says("1", "1");
    world.juliet_says("2", "2");
    let request = world.request();
    world.answer(&request, 486);
    assert_eq!(world.error().0, "1");
    assert_eq!(world.requests().len(), 1);
}

#[test]
fn msg_071_the_second_form_keeps_order_and_count() {
    let mut world = World::with_reader();
    for id in ["1", "2", "3"] {
        world.juliet_says(id, id);
    }
    let first = world.request();
    assert!(is_cpim(&first));
    world.answer(&first, 488);
    let second = world.request();
    assert_eq!(&second.body[..], b"1");
    assert_eq!((&second.call_id, second.from.tag()), (&first.call_id, first.from.tag()));
    assert_eq!(second.cseq.number, first.cseq.number + 1);
    assert_ne!(second.via[0].branch(), first.via[0].branch());
    world.answer(&second, 200);
    for body in ["2", "3"] {
        let request = world.request();
        assert_eq!(&request.body[..], body.as_bytes(), "text at once");
        world.answer(&request, 200);
    }
    assert_eq!((world.requests(), world.stanzas()), (vec![], vec![]));
    assert!(
        matches!(&world.records[..], [Record::Target { address, .. }] if address == "romeo@sip.test"),
        "{:?}",
        world.records
    );
}

#[test]
fn the_second_form_refused_as_well_is_one_error() {
    let mut world = World::with_reader();
    world.juliet_says("1", "1");
    let request = world.request();
    world.answer(&request, 415);
    let request = world.request();
    world.answer(&request, 415);
    let (id, error) = world.error();
    assert_eq!((id.as_str(), error.condition.name()), ("1", "not-acceptable"));
    assert_eq!(world.requests(), []);
}

#[test]
fn msg_012_1300_octets_are_sent_and_1301_split_or_by_rule_refused() {
    let with_body = |octets: usize, split: bool| {
        let mut rules = crate::world::built_in();
        rules.messages.split &= split;
        let mut world = World::ruled(SETTINGS, rules, 7);
        world.up();
        world.juliet_says("1", &"x".repeat(octets));
        world
    };
    let length = |world: &World| world.sip.first().map(|(_, octets)| octets.len());
    let head = length(&with_body(1_000, false)).expect("sent") - 1_000;
    for split in [false, true] {
        assert_eq!(length(&with_body(1_300 - head, split)), Some(1_300));
    }
    let mut world = with_body(1_301 - head, false);
    let (id, error) = world.error();
    assert_eq!((id.as_str(), error.condition.name()), ("1", "policy-violation"));
    assert_eq!(error.kind.name(), "modify");
    assert_eq!(world.requests(), []);

    let mut world = with_body(1_301 - head, true);
    let first = world.request();
    world.answer(&first, 200);
    let second = world.request();
    assert_eq!(first.body.len() + second.body.len(), 1_301 - head);
    assert_ne!(first.call_id, second.call_id);
    assert!(world.stanzas().is_empty());
}

#[test]
fn what_is_too_long_as_an_object_goes_as_text() {
    let mut world = World::with_reader();
    world.juliet_says("1", &"x".repeat(900));
    let request = world.request();
    assert!(!is_cpim(&request));
    world.answer(&request, 200);
    world.juliet_says("2", "short");
    assert!(is_cpim(&world.request()), "nothing was learnt of the target");
}

#[test]
fn err_090_a_peer_that_cannot_be_reached_is_told_at_once() {
    let mut world = World::new();
    world.juliet_says("1", "1");
    world.juliet_says("2", "2");
    let remote = PEER.parse().expect("an address");
    world.feed(Input::Unreachable { remote, transport: Transport::Udp });
    let conditions: Vec<String> =
        world.stanzas().iter().map(|stanza| format!("{stanza:?}")).collect();
    assert_eq!(conditions.len(), 2);
    assert!(conditions.iter().all(|stanza| stanza.contains("InternalServerError")));
}

#[test]
fn messages_of_a_thread_share_call_id_and_tag_and_count_up_by_rule() {
    let mut world = ruled(|messages| messages.thread_to_sip = ThreadForm::CallId);
    let say = |world: &mut World, from: &str| {
        world.xmpp(&format!(
            "<message from='{from}/x' to='romeo@sip.xmpp.test'><body>hi</body><thread>t1</thread></message>"
        ));
        let request = world.request();
        world.answer(&request, 200);
        (request.call_id.to_string(), request.from.tag().map(str::to_owned), request.cseq.number)
    };
    let first = say(&mut world, "juliet@xmpp.test");
    let second = say(&mut world, "juliet@xmpp.test");
    let other = say(&mut world, "nurse@xmpp.test");
    assert_eq!((&first.0, &first.1), (&second.0, &second.1));
    assert_eq!((first.2, second.2), (1, 2));
    assert_eq!(first.0, other.0);
    assert_ne!(first.1, other.1, "another sender, another tag");
}

#[test]
fn one_users_trouble_is_never_a_503() {
    let mut world = World::new();
    world.romeo_says("a", "hello");
    let id = world.message().id.expect("an id");
    for condition in ["service-unavailable", "recipient-unavailable", "resource-constraint"] {
        world.xmpp(&format!(
            "<message type='error' id='{id}' from='juliet@xmpp.test' to='romeo@sip.xmpp.test'>\
             <error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        ));
    }
    let codes = world.codes();
    assert_eq!(codes.len(), 1, "the first decides");
    assert_ne!(codes, [503]);
}

#[test]
fn while_the_gateway_ends_nothing_new_is_taken_on_and_the_rest_is_finished() {
    let mut world = World::new();
    world.juliet_says("1", "1");
    let request = world.request();
    world.feed(Input::Drain);
    assert!(!world.gateway.idle());
    world.juliet_says("2", "2");
    assert_eq!(world.error().1.condition.name(), "resource-constraint");
    world.romeo_says("a", "x");
    assert_eq!(world.codes(), [503]);
    world.answer(&request, 200);
    assert!(world.gateway.idle());
}

#[test]
fn a_message_carries_what_rfc_3261_demands_and_nothing_that_rfc_3428_forbids() {
    let mut world = World::new();
    world.juliet_says("1", "1");
    let request = world.request();
    assert_eq!(request.max_forwards, Some(70));
    assert!(request.via[0].has_unique_branch());
    assert!(request.from.tag().is_some() && request.to.tag().is_none());
    for name in [HeaderName::Contact, HeaderName::Accept, HeaderName::RecordRoute] {
        assert!(!request.headers.contains(&name), "{name}");
    }
}
