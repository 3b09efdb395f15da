//! Messages to SIP over the death of the process, and outcomes over the loss of the link.

use std::collections::BTreeMap;

use stox::codec::sip::Request;
use stox::flow::{DeliveryId, Entry, Input, Stored, Unfinished};
use stox::rules::{Rules, ThreadForm};

use crate::world::{SETTINGS, World};

/// What a journal of these entries holds at the end.
pub(crate) fn unfinished(entries: &[Entry]) -> Vec<Unfinished> {
    let mut left: BTreeMap<DeliveryId, Unfinished> = BTreeMap::new();
    for entry in entries.iter().cloned() {
        match entry {
            Entry::Taken(delivery, taken) => {
                left.insert(delivery, Unfinished { delivery, taken, part: None, sent: None });
            }
            Entry::Part(delivery, part) => {
                let left = left.get_mut(&delivery).expect("taken before");
                (left.part, left.sent) = (Some(part), None);
            }
            Entry::Sent(delivery, sent) => {
                left.get_mut(&delivery).expect("taken before").sent = Some(sent);
            }
            Entry::Ended(delivery) => {
                left.remove(&delivery);
            }
        }
    }
    left.into_values().collect()
}

/// The world after the process was killed and started again, so much later; its link is down.
fn killed(world: World, milliseconds: u64) -> World {
    killed_under(world, milliseconds, crate::world::built_in())
}

/// The same under rules of its own.
fn killed_under(world: World, milliseconds: u64, rules: Rules) -> World {
    let mut records = world.known.clone();
    records.extend(world.records.iter().cloned());
    let mut now = world.now;
    now.unix_ms += milliseconds;
    let stored = Stored { records, lost: false };
    let mut after = World::begun(SETTINGS, rules, 8, now, &stored);
    let left = unfinished(&world.journal);
    after.journal = world.journal;
    for unfinished in left {
        after.feed(Input::Recovered(Box::new(unfinished)));
    }
    after
}

fn branch(request: &Request) -> &str {
    request.via[0].branch().expect("a branch")
}

#[test]
fn a_message_with_a_2xx_is_finished() {
    let mut world = World::new();
    world.juliet_says("m1", "hello");
    let request = world.request();
    assert_eq!(unfinished(&world.journal).len(), 1);
    world.answer(&request, 200);
    assert_eq!(unfinished(&world.journal), []);
}

#[test]
fn within_timer_j_the_same_request_goes_once_more_under_the_same_branch() {
    let mut world = World::new();
    world.juliet_says("m1", "hello");
    let before = world.request();
    let mut world = killed(world, 31_000);
    let again = world.request();
    assert_eq!(again, before);

    world.up();
    world.answer(&again, 200);
    assert!(world.stanzas().is_empty());
    assert_eq!(unfinished(&world.journal), []);
    assert!(world.gateway.idle());
    assert_eq!(world.counter("xmpp_to_sip_recovered"), 1);
}

#[test]
fn later_the_sender_is_told_that_the_outcome_is_unknown() {
    let mut world = World::new();
    world.juliet_says("m1", "hello");
    world.request();
    let mut world = killed(world, 32_000);
    assert!(world.requests().is_empty());
    assert!(world.xmpp.is_empty(), "the link is down");

    world.up();
    let (id, error) = world.error();
    assert_eq!((id.as_str(), error.condition.name()), ("m1", "remote-server-timeout"));
    assert!(error.texts[0].text.contains("not known"), "{:?}", error.texts);
    assert_eq!(unfinished(&world.journal).len(), 1, "the server may not have it");
    world.confirm_all();
    assert_eq!(unfinished(&world.journal), []);
}

#[test]
fn what_waited_for_its_turn_is_sent_in_order_with_the_time_at_which_it_came() {
    let mut world = World::with_reader();
    for number in 1..=3 {
        world.juliet_says(&format!("m{number}"), &format!("text {number}"));
    }
    let first = world.request();
    let stamp = |request: &Request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        body.lines().find(|line| line.starts_with("DateTime: ")).expect("a time").to_owned()
    };
    let came = stamp(&first);
    let mut world = killed(world, 5_000);
    let again = world.request();
    assert_eq!(branch(&again), branch(&first));
    world.answer(&again, 200);
    for number in 2..=3 {
        let request = world.request();
        assert!(String::from_utf8_lossy(&request.body).contains(&format!("text {number}")));
        assert_eq!(stamp(&request), came);
        assert_ne!(branch(&request), branch(&first));
        world.answer(&request, 200);
    }
    assert_eq!(unfinished(&world.journal), []);
}

#[test]
fn a_retry_of_a_recovered_request_stays_in_its_conversation_with_a_higher_cseq() {
    let mut world = World::with_reader();
    world.juliet_says("m1", "hello");
    let before = world.request();
    let mut world = killed(world, 1_000);
    let again = world.request();
    world.answer(&again, 415);
    let text = world.request();
    assert_eq!((&text.call_id, text.from.tag()), (&before.call_id, before.from.tag()));
    assert!(text.cseq.number > before.cseq.number);
}

/// The second process dies before the disk has its retry: the third knows the first number alone.
#[test]
fn a_cseq_that_the_journal_lost_is_not_used_again() {
    let mut first = World::with_reader();
    first.juliet_says("m1", "hello");
    first.request();
    let durable = first.journal.clone();
    let retry = |world: &mut World| {
        let again = world.request();
        world.answer(&again, 415);
        world.request()
    };
    let mut second = killed(first, 1_000);
    let lost = retry(&mut second);
    second.journal = durable;
    let mut third = killed(second, 1_000);
    let text = retry(&mut third);
    assert_eq!((&text.call_id, text.from.tag()), (&lost.call_id, lost.from.tag()));
    assert!(text.cseq.number > lost.cseq.number);
}

/// Two messages of one thread that an earlier process left are asked for anew at one moment.
#[test]
fn messages_of_one_thread_do_not_share_a_cseq_after_a_death() {
    let mut rules = crate::world::built_in();
    rules.messages.thread_to_sip = ThreadForm::CallId;
    let mut first = World::with_reader_and(SETTINGS, rules.clone());
    for (id, to) in [("m1", "romeo"), ("m2", "nurse")] {
        first.xmpp(&format!(
            "<message from='juliet@xmpp.test/balcony' to='{to}@sip.xmpp.test' type='chat' \
             id='{id}'><body>{id}</body><thread>t1</thread></message>"
        ));
    }
    assert_eq!(first.requests().len(), 2);
    let mut second = killed_under(first, 1_000, rules);
    let before = second.requests();
    for request in &before {
        second.answer(request, 415);
    }
    let mut after = second.requests();
    assert_eq!((before.len(), after.len()), (2, 2));
    after.extend(before);
    for request in &after {
        assert_eq!(
            (&request.call_id, request.from.tag()),
            (&after[0].call_id, after[0].from.tag())
        );
    }
    let numbers: std::collections::BTreeSet<u32> =
        after.iter().map(|request| request.cseq.number).collect();
    assert_eq!(numbers.len(), 4);
}

#[test]
fn a_recovered_request_is_sent_again_until_timer_f() {
    let mut world = World::new();
    world.juliet_says("m1", "hello");
    world.request();
    let mut world = killed(world, 1_000);
    world.up();
    world.pass_ms(33_000);
    assert!(world.requests().len() > 5);
    assert_eq!(world.error().0, "m1");
}

#[test]
fn a_recovered_request_in_bare_text_has_no_other_form_left() {
    let mut world = World::with_reader();
    world.juliet_says("m1", "hello");
    let object = world.request();
    world.answer(&object, 415);
    world.request();
    let mut world = killed(world, 1_000);
    world.up();
    let text = world.request();
    assert_eq!(text.headers.content_type(), Some("text/plain"));
    world.answer(&text, 415);
    assert_eq!(world.error().0, "m1");
    assert!(world.requests().is_empty());
}

/// RFC 3261 §17.2.2: 64 × T1 after its answer a peer takes a copy for a new message.
#[test]
fn a_recovered_request_is_not_sent_when_the_peer_may_have_forgotten_it() {
    let mut world = World::new();
    world.juliet_says("m1", "hello");
    world.request();
    let mut world = killed(world, 20_000);
    world.up();
    world.pass_ms(11_999);
    assert!(world.requests().len() > 3);
    world.pass_ms(1);
    assert_eq!(world.error().0, "m1");
    world.pass_ms(30_000);
    assert!(world.requests().is_empty());
}

#[test]
fn a_second_death_changes_nothing() {
    let mut world = World::new();
    world.juliet_says("m1", "hello");
    let before = world.request();
    let mut world = killed(world, 10_000);
    assert_eq!(world.request(), before);
    let mut world = killed(world, 10_000);
    assert_eq!(world.request(), before);
    // The time that counts is that of the first sending.
    let mut world = killed(world, 13_000);
    assert!(world.requests().is_empty());
    world.up();
    assert_eq!(world.error().0, "m1");
}

#[test]
fn new_messages_get_ids_of_their_own_after_a_restart() {
    let mut world = World::new();
    world.juliet_says("m1", "hello");
    world.request();
    let mut world = killed(world, 1_000);
    world.up();
    world.juliet_says("m2", "hello again");
    let left = unfinished(&world.journal);
    assert_eq!(left.len(), 2);
    assert_ne!(left[0].delivery, left[1].delivery);
}

#[test]
fn an_outcome_outlives_the_loss_of_the_link() {
    let mut world = World::new();
    world.juliet_says("m1", "hello");
    let request = world.request();
    world.down(false);
    world.answer(&request, 404);
    assert!(world.xmpp.is_empty());
    world.up();
    assert_eq!(world.error().0, "m1");
    // It may have been lost with the link: it is told again, and counts only when it is there.
    world.down(false);
    world.up();
    assert_eq!(world.error().0, "m1");
    assert_eq!(unfinished(&world.journal).len(), 1);
    world.confirm_all();
    assert_eq!(unfinished(&world.journal), []);
    world.down(false);
    world.up();
    assert!(world.xmpp.is_empty());
}

#[test]
fn outcomes_that_wait_do_not_hold_up_the_deadlines_of_messages() {
    let mut world = World::new();
    world.juliet_says("m1", "hello");
    let request = world.request();
    world.down(false);
    world.answer(&request, 404);
    world.romeo_says("a", "hello");
    world.pass_ms(5_000);
    assert_eq!(world.codes(), [100, 503]);
}

#[test]
fn at_the_bound_an_outcome_is_given_up_and_counted() {
    let settings = format!("{SETTINGS}limits: {{ unconfirmed: 1 }}\n");
    let mut world = World::with(&settings);
    world.up();
    for number in 1..=2 {
        world.xmpp(&format!("<message id='m{number}' to='u{number}@sip.xmpp.test' from='juliet@xmpp.test/b'><body>x</body></message>"));
    }
    let requests = world.requests();
    world.down(false);
    for request in &requests {
        world.answer(request, 404);
    }
    assert_eq!(world.counter("xmpp_to_sip_untold"), 1);
    world.up();
    assert_eq!(world.stanzas().len(), 1);
}

#[test]
fn a_message_for_a_domain_that_is_served_no_more_is_given_up_aloud() {
    let mut world = World::new();
    world.juliet_says("m1", "hello");
    world.request();
    let left = unfinished(&world.journal);
    let mut world = World::with(&SETTINGS.replace("sip.xmpp.test", "other.xmpp.test"));
    for unfinished in left {
        world.feed(Input::Recovered(Box::new(unfinished)));
    }
    assert_eq!(world.counter("xmpp_to_sip_untold"), 1);
    assert!(matches!(world.journal.as_slice(), [Entry::Ended(_)]));
    assert_eq!(world.events.len(), 1);
}
