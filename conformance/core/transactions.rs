//! Transactions of RFC 3261 §17 and RFC 4320, from outside.

use crate::world::{World, message};

#[test]
fn arch_016_a_retransmission_makes_one_stanza_and_the_same_response_each_time() {
    let mut world = World::new();
    world.romeo_says("a", "hello");
    world.romeo_says("a", "hello");
    assert_eq!(world.stanzas().len(), 1);
    world.confirm();
    let first: Vec<_> = world.sip.drain(..).collect();
    assert_eq!(first.len(), 1);
    for _ in 0..2 {
        world.romeo_says("a", "hello");
    }
    let again: Vec<_> = world.sip.drain(..).collect();
    assert_eq!(again, [first[0].clone(), first[0].clone()]);
    assert_eq!(world.stanzas().len(), 0);
}

#[test]
fn a_refusal_is_repeated_with_its_headers() {
    let mut world = World::new();
    world.down(false);
    world.pass_ms(4_000);
    world.romeo_says("a", "hello");
    world.pass_ms(1_000);
    let first = world.sip.clone();
    assert_eq!(world.response().headers.retry_after(), Some(Ok(10)));
    world.romeo_says("a", "hello");
    assert_eq!(world.sip, first);
}

#[test]
fn a_response_is_kept_for_timer_j_and_not_much_longer() {
    let mut world = World::new();
    world.romeo_says("a", "hello");
    world.confirm();
    world.pass_ms(32_000);
    world.sip.clear();
    world.xmpp.clear();
    world.romeo_says("a", "hello");
    assert_eq!(world.stanzas().len(), 0, "still known after 64 x T1");
    world.pass_ms(48_000);
    world.romeo_says("a", "hello");
    assert_eq!(world.stanzas().len(), 1, "forgotten");
}

#[test]
fn over_tcp_a_copy_after_a_lost_connection_makes_no_second_stanza() {
    let mut world = World::new();
    world.sip_by_tcp(&message("a", "", "hello"));
    world.confirm();
    assert_eq!(world.codes(), [200]);
    world.xmpp.clear();
    world.sip_by_tcp(&message("a", "", "hello"));
    assert_eq!(world.codes(), [200]);
    assert_eq!(world.stanzas().len(), 0);
    // By another path it is a merged request, whatever the transport.
    world.sip(&message("a", "", "hello").replace("branch=z9hG4bKa", "branch=z9hG4bKother"));
    assert_eq!(world.codes(), [482]);
}

#[test]
fn a_cancel_of_a_message_is_answered_and_changes_nothing() {
    let mut world = World::new();
    let cancel = |branch: &str| {
        let text = message(branch, "", "");
        text.replacen("MESSAGE", "CANCEL", 1).replace("CSeq: 1 MESSAGE", "CSeq: 1 CANCEL")
    };
    world.romeo_says("a", "hello");
    world.sip(&cancel("a"));
    assert_eq!(world.codes(), [200]);
    world.confirm();
    assert_eq!(world.codes(), [200]);
    assert_eq!(world.message().bodies[0].text, "hello");
    world.sip(&cancel("unknown"));
    assert_eq!(world.codes(), [481]);
}

#[test]
fn an_invite_is_refused_each_time_in_the_same_words_and_its_ack_is_not_answered() {
    let mut world = World::new();
    let of = |method: &str| {
        let text = message("i", "", "");
        text.replacen("MESSAGE", method, 1).replace("CSeq: 1 MESSAGE", &format!("CSeq: 1 {method}"))
    };
    world.sip(&of("INVITE"));
    let first = world.sip.clone();
    let response = world.response();
    assert_eq!(response.status.code(), 405);
    assert!(response.headers.lists(&stox::codec::sip::HeaderName::Allow, "MESSAGE"));
    world.sip(&of("INVITE"));
    assert_eq!(world.sip, first);
    world.sip.clear();
    world.sip(&of("ACK"));
    assert!(world.sip.is_empty());
    world.pass_ms(40_000);
    assert!(world.sip.is_empty());
}

#[test]
fn arch_015_the_same_request_by_another_path_is_482() {
    let mut world = World::new();
    world.romeo_says("a", "hello");
    let other_path = message("a", "", "hello").replace("z9hG4bKa", "z9hG4bKb");
    world.sip(&other_path);
    assert_eq!(world.codes(), [482]);
    assert_eq!(world.stanzas().len(), 1);
    world.confirm();
    assert_eq!(world.codes(), [200]);
    world.sip(&other_path.replace("z9hG4bKb", "z9hG4bKc"));
    assert_eq!(world.codes(), [482], "also after the first is finished");
}

#[test]
fn err_098_a_100_leaves_at_three_and_a_half_seconds_and_not_before() {
    let mut world = World::new();
    world.down(false);
    world.romeo_says("a", "hello");
    world.pass_ms(3_499);
    assert_eq!(world.codes(), [] as [u16; 0]);
    world.pass_ms(1);
    assert_eq!(world.codes(), [100]);
    world.romeo_says("a", "hello");
    assert_eq!(world.codes(), [100], "a copy of the request gets the last response again");
}

#[test]
fn err_099_no_408_is_ever_sent() {
    let mut world = World::new();
    for (branch, up) in [("a", true), ("b", false)] {
        world.romeo_says(branch, "x");
        if !up {
            world.down(false);
        }
        world.pass_ms(40_000);
    }
    assert!(!world.codes().contains(&408));
}

#[test]
fn the_stanza_id_does_not_depend_on_the_path() {
    let mut world = World::new();
    world.romeo_says("a", "hello");
    let id = world.message().id;
    let mut restarted = World::seeded(crate::world::SETTINGS, 9);
    restarted.up();
    restarted.sip(&message("a", "", "hello").replace("z9hG4bKa", "z9hG4bKother"));
    assert_eq!(restarted.message().id, id, "another branch, another process: the same message");
}

#[test]
fn a_request_without_the_magic_cookie_is_recognised_all_the_same() {
    let mut world = World::new();
    let old = message("a", "", "hello").replace("z9hG4bKa", "1");
    world.sip(&old);
    world.sip(&old);
    assert_eq!(world.stanzas().len(), 1);
    world.confirm();
    assert_eq!(world.codes(), [200]);
}

#[test]
fn the_answer_goes_to_the_source_when_rport_is_asked_for_and_to_the_via_port_otherwise() {
    let mut world = World::new();
    let elsewhere = "127.0.0.13:40000";
    world.sip_from(elsewhere, &message("a", "", "x"));
    world.sip_from(elsewhere, &message("b", "", "x").replace("branch=", "rport;branch="));
    world.confirm_all();
    let ports: Vec<u16> = world.sip.iter().map(|(hop, _)| hop.remote.port()).collect();
    assert_eq!(ports, [5060, 40_000]);
    let via = world.responses()[1].via[0].clone();
    assert_eq!(via.rport(), Some(Some(40_000)));
    assert_eq!(via.received().map(|ip| ip.to_string()).as_deref(), Some("127.0.0.13"));
}

#[test]
fn arch_017_a_silent_peer_is_asked_eleven_times_and_the_sender_told_after_32_seconds() {
    let mut world = World::new();
    world.juliet_says("m1", "hello");
    world.pass_ms(31_999);
    let requests = world.requests();
    assert_eq!(requests.len(), 11);
    assert!(requests.iter().all(|request| *request == requests[0]));
    assert_eq!(world.xmpp.len(), 0);
    world.pass_ms(1);
    let (id, error) = world.error();
    assert_eq!((id.as_str(), error.condition.name()), ("m1", "remote-server-timeout"));
    assert_eq!(error.kind.name(), "wait");
}

#[test]
fn a_provisional_response_slows_the_retransmissions_down() {
    let mut world = World::new();
    world.juliet_says("m1", "hello");
    let request = world.request();
    world.answer(&request, 100);
    world.pass_ms(8_500);
    // T1 was running; then every T2.
    assert_eq!(world.requests().len(), 3);
    world.answer(&request, 200);
    world.pass_ms(60_000);
    assert_eq!(world.requests(), []);
    assert_eq!(world.stanzas(), []);
}

#[test]
fn a_second_final_response_is_counted_and_changes_nothing() {
    let mut world = World::new();
    world.juliet_says("m1", "hello");
    let request = world.request();
    world.answer(&request, 200);
    world.answer(&request, 404);
    assert_eq!(world.stanzas(), []);
    assert_eq!(world.counter("sip_stray_responses"), 1);
}
