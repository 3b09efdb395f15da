//! No sender takes the room of the others: what one may hold of each common bound, and that a
//! bystander is served meanwhile.

use std::fmt::Write as _;

use stox::codec::xmpp::{PresenceKind, Stanza};

use crate::scene::subscribe;
use crate::world::{SETTINGS, World, message};

fn limited(limits: &str) -> World {
    let mut world = World::with(&format!("{SETTINGS}limits: {{ {limits} }}\n"));
    world.up();
    world
}

/// A message of one XMPP user to one SIP user, with more in it.
fn says(world: &mut World, from: &str, to: &str, id: &str, more: &str) {
    world.xmpp(&format!(
        "<message from='{from}@xmpp.test/b' to='{to}@sip.xmpp.test' id='{id}'><body>x</body>{more}</message>"
    ));
}

/// The texts of the errors that one XMPP user got since the last look.
fn errors_to(world: &mut World, user: &str) -> Vec<String> {
    world.confirm_all();
    let text = |stanza| match stanza {
        Stanza::Message(message) => {
            let to = message.to.as_ref().expect("an addressee").node().map(str::to_owned);
            let error = message.error.expect("an error");
            assert_eq!(error.condition.name(), "resource-constraint");
            (to, error.texts.first().map(|it| it.text.to_string()).unwrap_or_default())
        }
        other => panic!("{other:?}"),
    };
    let all = world.stanzas().into_iter().map(text);
    all.filter(|(to, _)| to.as_deref() == Some(user)).map(|(_, text)| text).collect()
}

/// A SUBSCRIBE of a SIP user for an XMPP user: the status, and the words of a refusal.
fn watches(world: &mut World, from: &str, to: &str, call: &str, headers: &str) -> (u16, String) {
    let text = subscribe(call, "", 1, headers)
        .replace("romeo@sip.test", &format!("{from}@sip.test"))
        .replace("juliet@xmpp.test", &format!("{to}@xmpp.test"));
    world.sip(&text);
    let (response, notifies) = world.answered();
    for notify in &notifies {
        world.answer(notify, 200);
    }
    let words = response.reason.to_text().into_owned();
    (response.status.code(), words)
}

/// Who was asked since the last look.
fn asked(world: &mut World) -> usize {
    let all = world.presences();
    all.iter().filter(|presence| presence.kind == PresenceKind::Subscribe).count()
}

#[test]
fn one_xmpp_user_has_a_tenth_of_the_queue_and_the_others_are_served() {
    let mut world = limited("queue: 50");
    for n in 0..40 {
        says(&mut world, "juliet", &format!("silent{n}"), &format!("j{n}"), "");
    }
    assert_eq!(world.requests().len(), 5);
    let told = errors_to(&mut world, "juliet");
    assert_eq!(
        told,
        vec!["Too many of your messages have no answer yet: wait before you write more."; 35]
    );
    assert_eq!(world.counter("xmpp_to_sip_over_share"), 35);
    // Bystanders have room: each a share of the same size.
    for user in ["nurse", "tybalt", "friar"] {
        for n in 0..5 {
            says(&mut world, user, &format!("friend{n}"), &format!("{user}{n}"), "");
        }
    }
    let requests = world.requests();
    assert_eq!(requests.len(), 15);
    assert_eq!(errors_to(&mut world, "nurse"), [""; 0]);
    // What ends gives its place back.
    for request in requests {
        world.answer(&request, 200);
    }
    says(&mut world, "nurse", "friend", "n", "");
    assert_eq!(world.requests().len(), 1);
}

#[test]
fn the_octets_of_one_xmpp_user_are_bounded_too() {
    let mut world = limited("queue_octets: 1048576");
    let large = format!("<x xmlns='urn:example'>{}</x>", "x".repeat(50_000));
    for n in 0..4 {
        says(&mut world, "juliet", "silent", &format!("j{n}"), &large);
    }
    assert_eq!(errors_to(&mut world, "juliet").len(), 2, "a tenth is 104,857 octets");
    says(&mut world, "nurse", "friend", "n", &large);
    says(&mut world, "nurse", "friend", "m", "");
    assert_eq!(errors_to(&mut world, "nurse"), [""; 0]);
    // All together: ten users have a tenth each, and one more has none.
    let mut world = limited("queue_octets: 1048576, queue_octets_per_sender: 524288");
    for n in 0..21 {
        says(&mut world, &format!("user{n}"), "silent", "1", &large);
    }
    assert_eq!(errors_to(&mut world, "user20").len(), 1);
}

#[test]
fn strangers_are_answered_at_a_rate_and_peers_at_once() {
    let mut world = World::new();
    let options = |n: usize| message(&format!("o{n}"), "", "").replace("MESSAGE", "OPTIONS");
    for n in 0..1_000 {
        world.sip_from("127.0.0.66:5060", &options(n));
        world.sip_from("127.0.0.66:5060", &message(&format!("m{n}"), "", "x"));
    }
    let sent = world.responses();
    assert_eq!(sent.len(), 10, "ten in a second, of whatever kind");
    assert_eq!(world.counter("sip_strangers_dropped"), 1_990);
    // Another stranger has the same, and what cannot be read counts as well.
    world.sip_from("127.0.0.67:5060", &options(0));
    world.sip_from("127.0.0.66:5060", &options(0).replace("CSeq: 1", "CSeq: x"));
    assert_eq!(world.codes(), [200]);
    // The bystander: a peer.
    for n in 0..200 {
        world.sip(&options(n));
    }
    assert_eq!(world.codes(), vec![200; 200]);
    world.romeo_says("a", "x");
    world.confirm();
    assert_eq!(world.codes(), [200]);
    // After a second there is room again.
    world.pass_ms(1_000);
    world.sip_from("127.0.0.66:5060", &options(2));
    assert_eq!(world.codes(), [200]);
}

#[test]
fn strangers_from_everywhere_have_one_rate_together() {
    let mut world = World::new();
    for n in 0..500 {
        let from = format!("127.1.{}.{}:5060", n / 200, n % 200 + 1);
        world.sip_from(&from, &message(&format!("o{n}"), "", "").replace("MESSAGE", "OPTIONS"));
    }
    assert_eq!(world.codes().len(), 100);
}

#[test]
fn the_answer_to_a_stranger_is_about_as_large_as_the_question() {
    let mut world = World::new();
    let question = "OPTIONS sip:h SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.66;branch=z9hG4bKa\n\
                    Max-Forwards: 9\nFrom: <sip:a@b>;tag=a\nTo: <sip:h>\nCall-ID: a\nCSeq: 1 OPTIONS\n\n";
    world.sip_from("127.0.0.66:5060", question);
    let answer = world.sip[0].1.len();
    assert!(answer * 2 <= question.len() * 3, "{answer} for {}", question.len());
}

#[test]
fn who_is_asked_for_by_many_may_still_ask_and_who_was_granted_still_sees() {
    let mut world = limited("pending_per_user: 5, pairs_per_user: 5");
    let seen = world.romeo_sees("w1");
    world.stanzas();
    let mut told = Vec::new();
    for n in 0..20 {
        told.push(watches(&mut world, &format!("m{n}"), "juliet", &format!("c{n}"), ""));
    }
    assert_eq!(asked(&mut world), 5);
    assert!(told[..5].iter().all(|(code, _)| *code == 200), "{told:?}");
    let refused =
        |(code, words): &(u16, String)| *code == 480 && words.contains("too many requests");
    assert!(told[5..].iter().all(refused), "{told:?}");
    assert_eq!(world.counter("sip_subscribes_over_share"), 15);
    // Romeo has another device, and asks for another user; the nurse is asked for by others.
    assert_eq!(watches(&mut world, "romeo", "juliet", "w2", "").0, 200);
    assert_eq!(watches(&mut world, "romeo", "nurse", "w3", "").0, 200);
    assert_eq!(watches(&mut world, "m19", "nurse", "w4", "").0, 200);
    drop(seen);
    // Juliet watches five: what others asked does not count against juliet.
    world.stanzas();
    for n in 0..6 {
        let to = format!("friend{n}@sip.xmpp.test");
        world.xmpp(&format!(
            "<presence from='juliet@xmpp.test' to='{to}' id='s{n}' type='subscribe'/>"
        ));
    }
    assert_eq!(world.requests().len(), 5);
    let error = world.presences().pop().and_then(|it| it.error).expect("an error for the sixth");
    assert_eq!(error.condition.name(), "resource-constraint");
}

#[test]
fn a_no_frees_the_place_and_is_remembered_for_the_last_ones() {
    let mut world = limited("pending_per_user: 5");
    for n in 0..5 {
        watches(&mut world, &format!("m{n}"), "juliet", &format!("c{n}"), "");
    }
    for n in 0..5 {
        let to = format!("m{n}@sip.xmpp.test");
        world.xmpp(&format!("<presence from='juliet@xmpp.test' to='{to}' type='unsubscribed'/>"));
        world.settle(200);
    }
    world.stanzas();
    // There is room again, and who was refused is not asked for again.
    assert_eq!(watches(&mut world, "m0", "juliet", "again", "").0, 403);
    assert_eq!(watches(&mut world, "paris", "juliet", "p", "").0, 200);
    assert_eq!(asked(&mut world), 1);
    // A sixth no: the first one is forgotten, the second one is not.
    let to = "paris@sip.xmpp.test";
    world.xmpp(&format!("<presence from='juliet@xmpp.test' to='{to}' type='unsubscribed'/>"));
    world.settle(200);
    assert_eq!(watches(&mut world, "m1", "juliet", "again1", "").0, 403);
    assert_eq!(watches(&mut world, "m0", "juliet", "again0", "").0, 200);
}

#[test]
fn a_link_that_comes_and_goes_and_a_restart_remind_of_few_requests() {
    let limits = format!("{SETTINGS}limits: {{ pending_per_user: 50 }}\n");
    let mut world = World::with(&limits);
    world.up();
    for n in 0..40 {
        watches(&mut world, &format!("m{n}"), "juliet", &format!("c{n}"), "");
    }
    assert_eq!(asked(&mut world), 40);
    // Who was asked just now is asked again ten minutes later.
    let flaps = |world: &mut World| {
        let mut reminded = 0;
        for _ in 0..5 {
            world.down(false);
            world.up();
            world.pass_ms(1_000);
            reminded += asked(world);
        }
        reminded
    };
    assert_eq!(flaps(&mut world), 0);
    world.pass_ms(595_000);
    assert_eq!(asked(&mut world), 10);
    assert_eq!(flaps(&mut world), 0);
    let mut world = world.killed_under(&limits, 1_000);
    world.up();
    world.pass_ms(1_000);
    assert_eq!(asked(&mut world), 10);
}

#[test]
fn what_a_dialog_keeps_is_bounded() {
    let mut world = World::new();
    let mut record = String::from("Record-Route: <sip:127.0.0.13;lr>");
    for n in 0..9 {
        let _ = write!(record, ", <sip:p{n}.sip.test;lr>");
    }
    assert_eq!(watches(&mut world, "romeo", "juliet", "w1", &format!("{record}\n")).0, 200);
    let eleven = format!("{record}, <sip:p.sip.test;lr>\n");
    let long = "x".repeat(4_090);
    for (call, headers) in [
        ("w2", eleven),
        ("w3", format!("Record-Route: <sip:{long}@127.0.0.13;lr>\n")),
        ("w4", format!("Contact: <sip:{long}@127.0.0.30>\n")),
        ("w5", format!("Event: presence;id={long}\n")),
        (&*long, String::new()),
    ] {
        let (code, words) = watches(&mut world, "romeo", "juliet", call, &headers);
        assert_eq!(code, 400, "{headers}");
        assert!(words.contains("record their route") || words.contains("4096"), "{words}");
    }
    // The other way: a NOTIFY that would make as large a dialog.
    world.stanzas();
    let subscribe = world.juliet_subscribes();
    let notify = crate::scene::notify(&subscribe, 1, "active;expires=600", "");
    world.sip(&notify.replace("Event:", &format!("Record-Route: <sip:{long}@h;lr>\nEvent:")));
    assert_eq!(world.answered().0.status.code(), 400);
    world.sip(&crate::scene::notify(&subscribe, 2, "active;expires=600", ""));
    assert_eq!(world.answered().0.status.code(), 200);
}

#[test]
fn one_sip_user_has_a_share_of_pairs_and_of_subscriptions() {
    let mut world = limited("pairs_per_user: 2, dialogs_per_user: 4");
    assert_eq!(watches(&mut world, "mallory", "juliet", "a", "").0, 200);
    assert_eq!(watches(&mut world, "mallory", "nurse", "b", "").0, 200);
    let (code, words) = watches(&mut world, "mallory", "tybalt", "c", "");
    assert_eq!(code, 480);
    assert!(words.contains("watch too many users"), "{words}");
    assert_eq!(watches(&mut world, "romeo", "tybalt", "d", "").0, 200);
    for call in ["e", "f"] {
        assert_eq!(watches(&mut world, "mallory", "juliet", call, "").0, 200);
    }
    assert_eq!(watches(&mut world, "mallory", "juliet", "g", "").0, 480);
    assert_eq!(watches(&mut world, "romeo", "juliet", "h", "").0, 200);
}
