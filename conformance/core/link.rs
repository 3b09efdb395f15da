//! The component link: barrier, grace, replay, quarantine.

use stox::flow::Event;

use crate::world::{SETTINGS, World};

#[test]
fn no_2xx_before_the_server_has_the_stanza() {
    let mut world = World::new();
    world.romeo_says("a", "hello");
    let message = world.message();
    assert_eq!(&*message.bodies[0].text, "hello");
    assert_eq!(world.codes(), [] as [u16; 0], "the barrier was not answered yet");
    world.confirm();
    assert_eq!(world.codes(), [200]);
}

#[test]
fn msg_048_a_bounce_before_the_barrier_is_the_final_response() {
    let mut world = World::new();
    world.romeo_says("a", "hello");
    let id = world.message().id.expect("an id");
    world.xmpp(&format!(
        "<message type='error' id='{id}' from='juliet@xmpp.test' to='romeo@sip.xmpp.test'>\
         <error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    ));
    assert_eq!(world.codes(), [403]);
    world.confirm();
    assert_eq!(world.codes(), [] as [u16; 0], "one final response");
}

#[test]
fn one_barrier_is_outstanding_and_the_next_covers_what_came_meanwhile() {
    let mut world = World::new();
    world.romeo_says("a", "1");
    world.romeo_says("b", "2");
    world.romeo_says("c", "3");
    assert_eq!(world.stanzas().len(), 3);
    assert_eq!(world.barriers(), 1);
    world.confirm();
    assert_eq!(world.codes(), [200], "the first barrier was written behind the first message");
    assert_eq!(world.barriers(), 1);
    world.confirm();
    assert_eq!(world.codes(), [200, 200]);
    assert_eq!(world.barriers(), 0);
}

#[test]
fn an_error_reply_to_the_barrier_is_as_good() {
    let mut world = World::new();
    world.romeo_says("a", "1");
    world.xmpp.clear();
    // Any answer shows that the stream was worked through: here a refusal of the ping itself.
    world.confirm();
    assert_eq!(world.codes(), [200]);
}

#[test]
fn what_is_not_confirmed_in_ten_seconds_is_answered_504_and_not_replayed() {
    let mut world = World::new();
    world.romeo_says("a", "1");
    assert_eq!(world.stanzas().len(), 1);
    world.pass_ms(9_999);
    assert_eq!(world.codes(), [100], "RFC 4320: a 100 at 3.5 s");
    world.pass_ms(1);
    assert_eq!(world.codes(), [504]);
    world.down(false);
    world.up();
    assert_eq!(world.stanzas().len(), 0, "withdrawn from replay");
}

#[test]
fn a_link_that_answers_no_barrier_for_fifteen_seconds_is_opened_anew() {
    let mut world = World::new();
    world.romeo_says("a", "1");
    world.pass_ms(14_999);
    assert_eq!(world.reopened, []);
    world.pass_ms(1);
    assert_eq!(world.reopened.len(), 1);
}

#[test]
fn an_idle_link_is_asked_whether_it_stands() {
    let mut world = World::new();
    assert_eq!(world.barriers(), 0);
    world.pass_ms(30_000);
    assert_eq!(world.barriers(), 1);
    assert!(world.confirm());
    world.pass_ms(29_999);
    assert_eq!(world.barriers(), 0);
    world.pass_ms(16_000);
    assert_eq!(world.reopened.len(), 1, "no answer: the link is dead");
}

#[test]
fn a_message_waits_for_the_link_within_the_grace_and_arrives_once() {
    let mut world = World::new();
    world.down(false);
    world.romeo_says("a", "1");
    assert_eq!(world.stanzas().len(), 0);
    world.pass_ms(3_000);
    world.up();
    assert_eq!(world.stanzas().len(), 1);
    world.confirm();
    assert_eq!(world.codes(), [200]);
}

#[test]
fn a_message_that_waited_in_vain_is_answered_503_with_retry_after() {
    let mut world = World::new();
    world.down(false);
    world.pass_ms(1_000);
    world.romeo_says("a", "1");
    world.pass_ms(3_999);
    assert_eq!(world.codes(), [100], "RFC 4320: a 100 at 3.5 s");
    world.pass_ms(1);
    let response = world.response();
    assert_eq!(response.status.code(), 503);
    assert_eq!(response.headers.retry_after(), Some(Ok(10)));
    world.up();
    assert_eq!(world.stanzas().len(), 0, "its sender knows that it did not arrive");
}

#[test]
fn a_short_grace_is_kept_behind_what_waits_longer_for_its_confirmation() {
    let mut world =
        World::with(&SETTINGS.replace("secret: s3cret", "secret: s3cret, grace: 500ms"));
    world.up();
    world.romeo_says("a", "1");
    world.pass_ms(100);
    world.down(false);
    world.romeo_says("b", "2");
    world.pass_ms(499);
    assert_eq!(world.codes(), [] as [u16; 0]);
    world.pass_ms(1);
    assert_eq!(world.codes(), [503]);
    world.pass_ms(9_399);
    assert_eq!(world.codes(), [100]);
    world.pass_ms(1);
    assert_eq!(world.codes(), [504]);
}

#[test]
fn after_the_grace_a_message_is_refused_at_once_and_options_too() {
    let mut world = World::new();
    world.down(false);
    world.pass_ms(5_000);
    world.romeo_says("a", "1");
    assert_eq!(world.codes(), [503]);
    let options = crate::world::message("o", "", "").replace("MESSAGE", "OPTIONS");
    world.sip(&options);
    assert_eq!(world.codes(), [503], "a dispatcher fails over");
    world.up();
    world.sip(&options.replace("z9hG4bKo", "z9hG4bKp"));
    assert_eq!(world.codes(), [200]);
}

#[test]
fn a_refusal_that_passes_is_repeated_to_a_copy_of_the_request() {
    let mut world = World::new();
    world.down(false);
    world.pass_ms(5_000);
    world.romeo_says("a", "1");
    let refused = world.response();
    assert_eq!(refused.status.code(), 503);
    world.up();
    world.romeo_says("a", "1");
    assert_eq!(world.response(), refused, "its sender was told that it did not arrive");
    assert_eq!(world.stanzas().len(), 0);
    world.romeo_says("b", "1");
    assert_eq!(world.stanzas().len(), 1, "a request of its own passes");
}

#[test]
fn the_deadlines_of_a_link_do_not_pile_up() {
    let mut world = World::new();
    for branch in 0..50 {
        world.romeo_says(&branch.to_string(), "1");
        world.confirm_all();
        world.pass_ms(4_000);
        world.confirm_all();
    }
    let deadlines = world.gateway.status(world.now).gauges["deadlines"];
    assert!(deadlines < 10, "{deadlines} are set");
}

#[test]
fn what_was_written_and_not_confirmed_is_written_again_with_the_same_id() {
    let mut world = World::new();
    world.romeo_says("a", "1");
    world.romeo_says("b", "2");
    let first: Vec<_> = world.xmpp.drain(..).collect();
    world.down(false);
    world.pass_ms(300);
    world.up();
    let again: Vec<_> = world.xmpp.drain(..).collect();
    assert_eq!(first, again);
    world.confirm_all();
    assert_eq!(world.codes(), [200, 200]);
    assert_eq!(world.counter("xmpp_replayed"), 2);
}

#[test]
fn a_confirmed_stanza_is_never_replayed() {
    let mut world = World::new();
    world.romeo_says("a", "1");
    world.confirm();
    world.romeo_says("b", "2");
    world.xmpp.clear();
    world.down(false);
    world.up();
    assert_eq!(&*world.message().bodies[0].text, "2");
}

#[test]
fn after_a_stream_error_each_stanza_goes_alone_and_the_one_that_kills_again_is_put_aside() {
    let mut world = World::new();
    for (branch, body) in [("a", "1"), ("b", "2"), ("c", "3")] {
        world.romeo_says(branch, body);
    }
    world.xmpp.clear();
    world.down(true);
    world.up();
    assert_eq!(&*world.message().bodies[0].text, "1", "one stanza for each barrier");
    world.confirm();
    assert_eq!(&*world.message().bodies[0].text, "2");
    world.down(true);
    assert_eq!(world.codes(), [200, 500], "the second one closed the stream twice");
    assert!(world.events.iter().any(|event| matches!(event, Event::Quarantined { .. })));
    assert_eq!(world.counter("xmpp_quarantined"), 1);
    world.up();
    assert_eq!(&*world.message().bodies[0].text, "3");
    world.confirm();
    assert_eq!(world.codes(), [200]);
}

#[test]
fn what_was_not_alone_in_flight_is_not_put_aside() {
    let mut world = World::new();
    world.romeo_says("a", "1");
    world.down(true);
    world.up();
    world.down(true);
    assert_eq!(world.codes(), [500], "alone, and it closed the stream again");
    world.romeo_says("b", "2");
    world.romeo_says("c", "3");
    world.xmpp.clear();
    world.up();
    assert_eq!(world.stanzas().len(), 2, "these never closed a stream");
    world.down(true);
    assert_eq!(world.codes(), [] as [u16; 0], "either may be the cause");
    world.up();
    assert_eq!(&*world.message().bodies[0].text, "2", "now each goes alone");
    world.confirm();
    world.down(true);
    assert_eq!(world.codes(), [200, 500]);
}

#[test]
fn after_the_careful_part_stanzas_go_together_again() {
    let mut world = World::new();
    world.romeo_says("a", "1");
    world.down(true);
    world.xmpp.clear();
    world.up();
    world.confirm_all();
    world.xmpp.clear();
    world.romeo_says("b", "2");
    world.romeo_says("c", "3");
    assert_eq!(world.stanzas().len(), 2);
}

#[test]
fn a_plain_loss_of_the_connection_puts_nothing_aside() {
    let mut world = World::new();
    world.romeo_says("a", "1");
    for _ in 0..5 {
        world.down(false);
        world.up();
    }
    world.confirm_all();
    assert_eq!(world.codes(), [200]);
    assert_eq!(world.counter("xmpp_quarantined"), 0);
}

#[test]
fn a_full_link_refuses_and_what_it_holds_is_delivered() {
    let limited = format!("{SETTINGS}limits: {{ unconfirmed: 2 }}\n");
    let mut world = World::with(&limited);
    world.up();
    for branch in ["a", "b", "c"] {
        world.romeo_says(branch, "x");
    }
    let refused = world.response();
    assert_eq!(refused.status.code(), 503);
    assert_eq!(refused.headers.retry_after(), Some(Ok(10)));
    world.confirm_all();
    assert_eq!(world.codes(), [200, 200]);
}

#[test]
fn the_same_seed_makes_the_same_octets() {
    let run = || {
        let mut world = World::seeded(SETTINGS, 3);
        world.up();
        world.romeo_says("a", "1");
        world.juliet_says("x", "2");
        world.pass_ms(40_000);
        (world.sip, world.xmpp)
    };
    assert_eq!(run(), run());
}
