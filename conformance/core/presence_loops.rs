//! Loops of presence: each ends, and costs both sides a bounded number of messages.

use bytes::Bytes;
use stox::codec::sip::Request;
use stox::flow::{Flow, Input, ListenerId};

use crate::scene::seconds;
use crate::world::{PEER, SETTINGS, World};

/// The other gateway: the same, at another address.
const OTHER: &str = "127.0.0.40:5060";

/// Octets from the peer, as they are.
fn arrives(world: &mut World, octets: Bytes) {
    let flow = Flow {
        transport: stox::config::Transport::Udp,
        listener: ListenerId(0),
        remote: PEER.parse().expect("an address"),
        connection: None,
    };
    world.feed(Input::Sip { flow, octets });
}

/// Octets that a side sent, with these changes, as text.
fn changed(octets: &Bytes, changes: &[(&str, &str)]) -> Bytes {
    let mut text = String::from_utf8(octets.to_vec()).expect("text");
    for (from, to) in changes {
        assert!(text.contains(from), "no {from} in\n{text}");
        text = text.replace(from, to);
    }
    Bytes::from(text)
}

fn juliet_asks(world: &mut World) -> Bytes {
    world.xmpp("<presence from='juliet@xmpp.test' to='juliet@sip.xmpp.test' type='subscribe'/>");
    let (_, octets) = world.sip.pop().expect("a SUBSCRIBE");
    octets
}

/// An XMPP user watches the own name on the other side, and its proxy forwards that to the gateway.
#[test]
fn a_user_who_watches_the_own_name_across_is_told_that_it_is_a_loop() {
    let mut world = World::new();
    let sent = juliet_asks(&mut world);
    let forwarded = changed(
        &sent,
        &[
            ("SUBSCRIBE sip:juliet@sip.test ", "SUBSCRIBE sip:juliet@xmpp.test "),
            ("Via: ", "Via: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bKproxy\r\nVia: "),
            ("Max-Forwards: 70", "Max-Forwards: 69"),
        ],
    );
    arrives(&mut world, forwarded);
    assert_eq!(world.codes(), [482]);
    assert_eq!(world.presences(), []);
    let subscribe: Request = match stox::codec::sip::parse(sent).expect("a message") {
        stox::codec::sip::Message::Request(request) => request,
        stox::codec::sip::Message::Response(_) => panic!("a response"),
    };
    world.answer(&subscribe, 482);
    let told = world.presences();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].error.is_some());
    assert_eq!(world.run_quietly(seconds(600)), []);
}

/// The same over a back-to-back user agent, which leaves no Via: the sender is one of our own.
#[test]
fn a_subscribe_of_our_own_that_comes_back_without_its_via_is_refused_for_its_origin() {
    let mut world = World::new();
    let sent = juliet_asks(&mut world);
    let anew = changed(
        &sent,
        &[
            ("SUBSCRIBE sip:juliet@sip.test ", "SUBSCRIBE sip:juliet@xmpp.test "),
            ("SIP/2.0/UDP 127.0.0.20:5060", "SIP/2.0/UDP 127.0.0.13:5060"),
        ],
    );
    arrives(&mut world, anew);
    assert_eq!(world.codes(), [403]);
    assert_eq!(world.presences(), []);
}

#[test]
fn a_forwarded_subscribe_without_a_hop_left_is_483() {
    let mut world = World::new();
    world.sip(&crate::scene::subscribe("w", "", 1, "").replace("Forwards: 70", "Forwards: 0"));
    assert_eq!(world.codes(), [483]);
    assert_eq!(world.presences(), []);
}

/// Two gateways at one proxy: what one sends arrives at the other, until nothing is sent any more.
/// The answer is how many messages that took.
fn face_to_face(one: &mut World, other: &mut World) -> usize {
    let mut messages = 0;
    loop {
        let (first, second) = (std::mem::take(&mut one.sip), std::mem::take(&mut other.sip));
        if first.is_empty() && second.is_empty() {
            return messages;
        }
        messages += first.len() + second.len();
        assert!(messages < 100, "no end");
        first.into_iter().for_each(|(_, octets)| arrives(other, octets));
        second.into_iter().for_each(|(_, octets)| arrives(one, octets));
    }
}

/// Both serve the same domains, and the proxy sends the one's requests to the other.
#[test]
fn two_gateways_of_the_same_domains_end_at_once() {
    let mut one = World::new();
    let mut other = World::with(&SETTINGS.replace("127.0.0.20:5060", OTHER));
    other.up();
    one.xmpp("<presence from='juliet@xmpp.test' to='romeo@sip.xmpp.test' type='subscribe'/>");
    // SUBSCRIBE and its refusal.
    assert_eq!(face_to_face(&mut one, &mut other), 2);
    assert_eq!((one.presences(), other.presences()), (vec![], vec![]));
    // 404 is no end: it is asked again, at growing pauses, and ends as soon.
    for attempt in 1..4 {
        while one.sip.is_empty() {
            one.pass(one.gateway.deadline().expect("another attempt") - one.now.instant);
        }
        assert_eq!(face_to_face(&mut one, &mut other), 2, "{attempt}");
    }
    assert_eq!((one.presences(), other.presences()), (vec![], vec![]));
}

/// Two XMPP servers, each with a gateway, joined by SIP: that is no loop, and one who watches the
/// other costs as much as with phones.
#[test]
fn two_gateways_join_two_xmpp_servers() {
    let mut one = World::new();
    let mirrored = SETTINGS
        .replace("127.0.0.20:5060", OTHER)
        .replace("sip.xmpp.test", "sip.sip.test")
        .replace("xmpp: sip.sip.test, sip: sip.test", "xmpp: sip.sip.test, sip: xmpp.test")
        .replace("xmpp: xmpp.test, sip: xmpp.test", "xmpp: sip.test, sip: sip.test");
    let mut other = World::with(&mirrored);
    other.up();
    one.xmpp("<presence from='juliet@xmpp.test' to='romeo@sip.xmpp.test' type='subscribe'/>");
    // SUBSCRIBE, 200, NOTIFY that it is not decided, 200.
    assert_eq!(face_to_face(&mut one, &mut other), 4);
    other.confirm_all();
    let asked = other.stanzas();
    assert_eq!(asked.len(), 1, "{asked:?}");
    let from = "from='romeo@sip.test' to='juliet@sip.sip.test'";
    other.xmpp(&format!("<presence {from} type='subscribed'/>"));
    other.xmpp(&format!(
        "<presence {} to='juliet@sip.sip.test'><show>dnd</show></presence>",
        "from='romeo@sip.test/orchard'"
    ));
    face_to_face(&mut one, &mut other);
    other.confirm_all();
    other.stanzas();
    let end = one.now.instant + seconds(60);
    while one.now.instant < end {
        one.pass_ms(500);
        other.pass_ms(500);
        face_to_face(&mut one, &mut other);
    }
    one.confirm_all();
    let told = one.told();
    assert!(told.contains(&"subscribed".to_owned()), "{told:?}");
    assert_eq!(told.last().map(String::as_str), Some("available /orchard dnd"));
}
