//! What is too large for the wire: it concerns who made it, and nobody else.

use std::time::Duration;

use bytes::Bytes;
use stox::codec::sip::{self, HeaderName, Request};
use stox::codec::xmpp::{Presence, PresenceKind};
use stox::config::Transport;
use stox::flow::{Event, Input, Record, Stored};

use crate::scene::{body, notify, open, pidf, tuple};
use crate::world::{PEER, SETTINGS, World, message};

/// The settings with limits of their own.
fn limited(limits: &str) -> String {
    format!("{SETTINGS}limits: {{ {limits} }}\n")
}

fn world(limits: &str) -> World {
    let mut world = World::with(&limited(limits));
    world.up();
    world
}

/// The octets of the largest stanza that was written since the last look.
fn largest(world: &World) -> usize {
    world.xmpp.iter().map(|(_, octets)| octets.len()).max().unwrap_or(0)
}

/// A message of another pair of users arrives.
fn bystander_is_served(world: &mut World, branch: &str) {
    let text = message(branch, "", "all is well").replace("romeo", "nurse");
    world.sip(&text);
    world.confirm_all();
    let (answers, _) = world.sent();
    assert_eq!(answers.last().expect("an answer").status.code(), 200);
    let text = "all is well";
    assert!(world.message().bodies.iter().any(|body| &*body.text == text));
}

/// A document with a note in which each character is written as five octets.
fn noted(characters: usize) -> String {
    let note = format!("<note><![CDATA[{}]]></note>", "&".repeat(characters));
    pidf(&format!("{}{note}", tuple("ID-orchard", "open", "")))
}

/// What juliet was shown since the last look.
fn shown(world: &mut World, most: usize) -> Vec<Presence> {
    assert!(largest(world) <= most, "{} octets", largest(world));
    world.presences()
}

/// The characters of the one status.
fn characters(presence: &Presence) -> usize {
    assert_eq!(presence.statuses.len(), 1, "{presence:?}");
    presence.statuses[0].text.chars().count()
}

#[test]
fn arch_044_a_note_is_cut_and_shown_once() {
    let mut world = world("stanza_octets: 65536");
    let subscribe = world.juliet_sees(&["orchard"]);
    assert_eq!(world.notified(&subscribe, 2, "active;expires=3600", &noted(62_000)), 200);
    let told = shown(&mut world, 65_536);
    assert_eq!((told.len(), characters(&told[0])), (1, 1_024));
    assert!(told[0].statuses[0].text.ends_with("&…"));
    assert_eq!(world.notified(&subscribe, 3, "active;expires=3600", &noted(62_000)), 200);
    assert_eq!(shown(&mut world, 65_536), [], "nothing is new in it");
    bystander_is_served(&mut world, "b1");

    // A link that comes back shows the same; so does the next process.
    world.down(true);
    world.up();
    assert_eq!(shown(&mut world, 65_536).iter().map(characters).collect::<Vec<_>>(), [1_024]);
    world.pass(Duration::from_secs(2));
    world.sip.clear();
    let mut world = world.killed_under(&limited("stanza_octets: 65536"), 1_000);
    world.up();
    assert_eq!(shown(&mut world, 65_536).iter().map(characters).collect::<Vec<_>>(), [1_024]);
    world.feed(Input::Remove("romeo@sip.xmpp.test".parse().expect("a JID")));
    assert!(largest(&world) <= 65_536);
    assert!(world.presences().iter().all(|it| it.kind != PresenceKind::Available));
    bystander_is_served(&mut world, "b2");
    assert_eq!(world.counter("xmpp_quarantined"), 0);
}

#[test]
fn arch_044_a_record_with_a_long_note_is_cut() {
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["orchard"]);
    let short = noted(100);
    assert_eq!(world.notified(&subscribe, 2, "active;expires=3600", &short), 200);
    world.pass(Duration::from_secs(2));
    let old = |record: Record| match record {
        Record::Pair { id, value } => {
            let value = value.map(|it| it.replace(&"&".repeat(100), &"&".repeat(62_000)));
            Record::Pair { id, value }
        }
        other => other,
    };
    let records: Vec<Record> = world.left().into_iter().map(old).collect();
    let rules = crate::world::built_in();
    let stored = Stored { records, lost: false };
    let mut world = World::begun(&limited("stanza_octets: 65536"), rules, 8, world.now, &stored);
    world.up();
    assert_eq!(shown(&mut world, 65_536).iter().map(characters).collect::<Vec<_>>(), [1_024]);
}

#[test]
fn arch_044_presence_that_is_still_too_large_is_that_somebody_is_there() {
    let mut world = world("stanza_octets: 10000");
    let subscribe = world.juliet_sees(&["orchard"]);
    let name = "&amp;".repeat(1_000);
    let note = format!("<note>{}</note>", "&amp;".repeat(2_000));
    let document = pidf(&format!("{}{note}", tuple(&format!("ID-{name}"), "open", "")));
    assert_eq!(world.notified(&subscribe, 2, "active;expires=3600", &document), 200);
    let told = shown(&mut world, 10_000);
    assert_eq!(told[1].kind, PresenceKind::Unavailable);
    let resource = told[0].from.as_ref().and_then(|from| from.resource()).map(str::len);
    assert_eq!((told.len(), resource, characters(&told[0])), (2, Some(1_000), 256));
    assert_eq!(world.counter("xmpp_too_large_cut"), 1);
    let cut = |event: &Event| {
        matches!(event, Event::TooLarge { what: "presence stanza", most: 10_000, cut: true, .. })
    };
    assert_eq!(world.events.iter().filter(|event| cut(event)).count(), 1);
    bystander_is_served(&mut world, "b1");
}

#[test]
fn sec_026_whatever_makes_a_stanza_too_large_is_refused_with_413() {
    let settings = limited("stanza_octets: 65536");
    let text = "to_xmpp: { thread: call-id }\n";
    let mut world = World::with_rules_and(&settings, "messages.yaml", text);
    let call_id = "<".repeat(40_000);
    let long = message("m1", "", "hi").replace("call-m1", &call_id);
    world.sip(&long);
    assert_eq!((world.response().status.code(), world.xmpp.len()), (413, 0));
    world.sip(&message("m2", "", &"&".repeat(15_000)));
    assert_eq!((world.response().status.code(), world.xmpp.len()), (413, 0));
    let subject = format!("Subject: {}\n", "&".repeat(30_000));
    world.sip(&message("m3", &subject, "hi"));
    assert_eq!((world.response().status.code(), world.xmpp.len()), (413, 0));
    world.sip(&long);
    assert_eq!(world.response().status.code(), 413, "a copy is refused in the same way");
    bystander_is_served(&mut world, "b1");
}

#[test]
fn arch_044_an_error_that_is_too_large_is_told_without_words() {
    let mut world = world("stanza_octets: 65536");
    let (reason, warning) = ("<".repeat(20_000), "&".repeat(8_000));
    let warnings = vec![format!("Warning: 399 host \"{warning}\""); 7];
    for (id, reason, warnings) in [("m1", &*reason, &[][..]), ("m2", "Busy", &warnings)] {
        world.juliet_says(id, "hello");
        let request = world.request();
        answer_in_words(&mut world, &request, &format!("SIP/2.0 486 {reason}"), warnings);
        assert!(largest(&world) <= 65_536);
        let (told, error) = world.error();
        assert_eq!((told.as_str(), error.condition.name()), (id, "recipient-unavailable"));
        world.confirm_all();
    }
    assert_eq!(world.counter("xmpp_to_sip_untold"), 0);
    bystander_is_served(&mut world, "b1");
}

/// The peer answers with a status line of its own.
fn answer_in_words(world: &mut World, request: &Request, line: &str, headers: &[String]) {
    let mut response = request.response(sip::Status::OK);
    response.to = response.to.with_tag("answering");
    let text = String::from_utf8(response.to_bytes().to_vec()).expect("UTF-8");
    let (_, rest) = text.split_once("\r\n").expect("a status line");
    let mut lines = vec![line.to_owned()];
    lines.extend(headers.iter().cloned());
    world.sip(&format!("{}\n{}", lines.join("\n"), rest.replace("\r\n", "\n")));
}

/// The one NOTIFY that romeo is sent now, as it is: what it takes to be sent is answered.
fn newest(world: &mut World) -> Request {
    let sent = world.run_quietly(Duration::from_secs(30));
    sent.last().expect("a NOTIFY").1.clone()
}

#[test]
fn a_watcher_is_told_the_beginning_of_a_long_status() {
    let mut world = World::new();
    world.romeo_sees("w1");
    let status = format!("<status>{}</status>", "&amp;".repeat(20_000));
    world.juliet_shows("balcony", &status);
    let notify = newest(&mut world);
    assert!(notify.to_bytes().len() < 10_000);
    assert_eq!(body(&notify).matches("&amp;").count(), 1_023);
    assert!(world.run_quietly(Duration::from_secs(600)).is_empty(), "it is not sent again");
}

#[test]
fn a_document_that_is_too_large_has_shorter_words_and_then_fewer_devices() {
    let mut world = World::new();
    world.romeo_sees("w1");
    let status = format!("<status>{}</status>", "<![CDATA[<]]>".repeat(1_000));
    (0..8).for_each(|number| world.juliet_shows(&format!("device{number}"), &status));
    let notify = newest(&mut world);
    let text = body(&notify);
    assert!(notify.body.len() <= 8_192, "{}", notify.body.len());
    assert_eq!(text.matches("<tuple ").count(), 9, "all of them are there");
    assert_eq!(text.matches("&lt;").count(), 8 * 63);
    assert!(world.counter("sip_too_large_cut") > 0);

    // Those of the highest priority stay, and none that is gone.
    let long = |number: u8| format!("{}{number:02}", "x".repeat(900));
    for number in 0..30 {
        let priority = format!("<priority>{number}</priority>");
        world.juliet_shows(&long(number), &priority);
    }
    world.juliet_hides(&long(29));
    let notify = newest(&mut world);
    let text = body(&notify);
    assert!(notify.body.len() <= 8_192, "{}", notify.body.len());
    assert!(text.contains(&long(28)) && text.contains(&long(27)));
    assert!(!text.contains(&long(0)) && !text.contains(&long(29)));
    assert!(text.matches("<tuple ").count() >= 4);
}

#[test]
fn an_operator_may_allow_longer_documents() {
    let mut world = world("document_octets: 32768");
    world.romeo_sees("w1");
    let status = format!("<status>{}</status>", "x".repeat(1_000));
    (0..8).for_each(|number| world.juliet_shows(&format!("device{number}"), &status));
    let notify = newest(&mut world);
    assert_eq!(body(&notify).matches(&"x".repeat(1_000)).count(), 8);
    assert_eq!(world.counter("sip_too_large_cut"), 0);
}

/// A request from the peer whose Call-ID fills it up to so many octets.
fn filled(method: &str, branch: &str, octets: usize) -> String {
    let text = message(branch, "", "").replace("MESSAGE", method);
    let text = text.replace("hello", "");
    let lines = text.matches('\n').count();
    let length = text.len() + lines + "Content-Length: 0\r\n".len();
    text.replace("call-", &format!("call-{}", "x".repeat(octets - length)))
}

#[test]
fn a_response_that_no_datagram_carries_is_made_smaller() {
    let mut world = world("dialog_octets: 65535");
    world.juliet_says("m1", "hello");
    let pending = world.request();
    for (number, method) in ["OPTIONS", "PUBLISH", "SUBSCRIBE"].into_iter().enumerate() {
        let request = filled(method, &format!("o{number}"), 65_400);
        world.sip(&request);
        let (hop, octets) = world.sip.remove(0);
        assert_eq!(hop.transport, Transport::Udp);
        assert!(octets.len() <= 65_507, "{method}: {}", octets.len());
        let Ok(sip::Message::Response(response)) = sip::parse(octets) else { panic!("{method}") };
        assert!(response.to.tag().is_some() && response.call_id.as_str().len() > 60_000);
        assert_eq!((response.via.len(), response.cseq.number), (1, 1));
        world.sip.clear();
    }
    assert!(world.counter("sip_too_large_cut") > 0);
    // It fails nothing of ours.
    world.answer(&pending, 200);
    assert_eq!(world.stanzas(), []);
    assert_eq!(world.counter("xmpp_to_sip_taken"), 1);
}

#[test]
fn a_response_of_which_nothing_can_be_missed_is_not_sent() {
    let mut world = World::new();
    world.sip(&filled("OPTIONS", "o1", 65_530));
    assert_eq!(world.sip.len(), 0);
    assert_eq!(world.counter("sip_too_large_dropped"), 1);
    let dropped = |event: &Event| matches!(event, Event::TooLarge { what: "SIP response", .. });
    assert!(world.events.iter().any(dropped));
}

#[test]
fn a_dialog_whose_requests_are_too_large_ends() {
    let mut world = world("dialog_octets: 65535");
    let made = |fill: usize| {
        let route = format!("Record-Route: <sip:127.0.0.13;lr;x={}>\n", "x".repeat(fill));
        crate::scene::subscribe("w1", "", 1, &format!("Expires: 3600\n{route}"))
    };
    let empty = made(0);
    let octets = empty.len() + empty.matches('\n').count() + "Content-Length: 0\r\n".len();
    world.sip(&made(65_530 - octets));
    let (_, notifies) = world.sent();
    assert_eq!(notifies, [], "NOTIFY repeats the route, and more");
    assert_eq!(world.subscriptions(), (0, 0));
    assert!(world.counter("sip_too_large_dropped") > 0);
    assert!(world.run_quietly(Duration::from_secs(600)).is_empty());
}

#[test]
fn a_message_that_cannot_be_sent_fails_alone() {
    let mut world = World::new();
    world.juliet_says("m1", "hello");
    let first = world.request();
    let other = "<message type='chat' id='m2' from='nurse@xmpp.test/a' to='peter@sip.xmpp.test'>\
                 <body>hi</body></message>";
    world.xmpp(other);
    let second = world.request();
    world.feed(Input::Unsent { octets: second.to_bytes() });
    let (id, error) = world.error();
    assert_eq!((id.as_str(), error.condition.name()), ("m2", "policy-violation"));
    assert!(world.requests().is_empty(), "the server is not doubted");
    // A response, and what is no message at all, fail nothing.
    world.feed(Input::Unsent { octets: first.response(sip::Status::OK).to_bytes() });
    world.feed(Input::Unsent { octets: Bytes::from_static(b"?") });
    world.answer(&first, 200);
    world.confirm_all();
    assert_eq!(world.stanzas(), []);
    assert_eq!((world.counter("xmpp_to_sip_taken"), world.counter("xmpp_to_sip_failed")), (1, 1));
    assert!(world.gateway.idle());
}

mod closed {
    use super::*;

    /// A peer by TCP, and rules under which a MESSAGE may be long.
    fn world() -> World {
        let mut rules = crate::world::built_in();
        rules.messages.max_request_octets = 65_535;
        rules.messages.split = false;
        let mut world = World::ruled(&SETTINGS.replace("transport=udp", "transport=tcp"), rules, 7);
        world.up();
        world
    }

    /// A message from juliet to another SIP user; its request.
    fn says(world: &mut World, to: &str, octets: usize) -> Request {
        let text = "x".repeat(octets);
        world.xmpp(&format!(
            "<message type='chat' id='{to}' from='juliet@xmpp.test/a' to='{to}@sip.xmpp.test'>\
             <body>{text}</body></message>"
        ));
        world.request()
    }

    fn close(world: &mut World) -> Vec<String> {
        let remote = PEER.parse().expect("an address");
        world.feed(Input::Closed { remote, transport: Transport::Tcp });
        let user = |it: &Request| {
            let user = it.to.uri().user_octets().expect("a user");
            String::from_utf8_lossy(&user).into_owned()
        };
        world.requests().iter().map(user).collect()
    }

    #[test]
    fn the_largest_request_is_suspected_and_fails_alone() {
        let mut world = world();
        says(&mut world, "small", 10);
        says(&mut world, "poison", 20_000);
        says(&mut world, "long", 2_000);
        assert_eq!(close(&mut world), ["small", "long", "poison"], "it goes last");
        let later = says(&mut world, "later", 10);
        assert_eq!(close(&mut world), ["small", "later", "long"]);
        let (id, error) = world.error();
        assert_eq!((id.as_str(), error.condition.name()), ("poison", "policy-violation"));
        assert_eq!(world.counter("sip_quarantined"), 1);
        assert!(matches!(
            world.events.last(),
            Some(Event::Ended { .. } | Event::ClosedTwice { .. })
        ));
        world.answer(&later, 200);
        world.confirm_all();
        assert_eq!(world.stanzas(), []);
    }

    #[test]
    fn what_waits_behind_it_has_its_turn() {
        let mut world = world();
        says(&mut world, "romeo", 20_000);
        world.xmpp(
            "<message type='chat' id='next' from='juliet@xmpp.test/a' to='romeo@sip.xmpp.test'>\
             <body>hi</body></message>",
        );
        assert_eq!(close(&mut world), ["romeo"]);
        assert_eq!(close(&mut world), ["romeo"], "the next one");
        assert_eq!(world.error().0, "romeo");
        assert_eq!(world.counter("sip_quarantined"), 1);
    }

    #[test]
    fn a_peer_that_closes_whatever_it_gets_is_no_fault_of_a_request() {
        let mut world = world();
        for name in ["one", "two"] {
            says(&mut world, name, 10);
        }
        assert_eq!(close(&mut world), ["one", "two"]);
        assert!(close(&mut world).is_empty());
        assert_eq!(world.counter("sip_quarantined"), 0);
        assert_eq!(world.counter("xmpp_to_sip_failed"), 2);
    }

    #[test]
    fn a_notify_that_is_put_aside_is_not_sent_again() {
        let mut world = world();
        let watcher = world.romeo_sees("w1");
        let status = format!("<status>{}</status>", "x".repeat(1_024));
        world.juliet_shows("balcony", &status);
        world.pass(Duration::from_secs(6));
        let notify = world.requests();
        assert_eq!(notify.len(), 1);
        assert!(notify[0].to_bytes().len() > 1_300);
        close(&mut world);
        close(&mut world);
        assert_eq!(world.counter("sip_quarantined"), 1);
        assert!(world.run_quietly(Duration::from_secs(300)).is_empty());
        assert_eq!(world.subscriptions().1, 1, "the subscription goes on");
        // The next change is told.
        world.juliet_hides("balcony");
        let notify = newest(&mut world);
        assert_eq!(notify.headers.get_text(&HeaderName::Event), Some("presence"));
        assert_eq!(notify.call_id.as_str(), watcher.call);
    }
}

#[test]
fn a_note_that_is_short_is_shown_as_it_is() {
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["orchard"]);
    assert_eq!(world.notified(&subscribe, 2, "active;expires=3600", &noted(1_024)), 200);
    assert_eq!(characters(&world.presences()[0]), 1_024);
    world.sip(&notify(&subscribe, 3, "active;expires=3600", &open(&["orchard"])));
    assert_eq!(world.counter("xmpp_too_large_cut"), 0);
}
