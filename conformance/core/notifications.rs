//! NOTIFY to a SIP user who watches juliet (RFC 6665 §4.2.2, RFC 3856 §6): dialog, pace, media
//! types, and whose presence it is.

use stox::codec::sip::{HeaderName, Request};

use crate::presence_fixture::{SipWatcher, brief, header, outline, text};
use crate::world::World;

const EVENT: &str = "Event: presence\nExpires: 3600\n";

fn state(request: &Request) -> String {
    header(request, &HeaderName::SubscriptionState)
}

#[test]
fn pres_004_from_is_the_bare_address_and_contact_a_gruu() {
    let (mut world, watch) = SipWatcher::granted();
    world.juliet_is("balcony", "");
    let document = world.document();
    let from = format!("<sip:juliet@example.com>;tag={}", watch.tag);
    assert_eq!(document.from.to_value().to_text(), from);
    let contact = header(&document, &HeaderName::Contact);
    assert!(contact.starts_with("<sip:juliet@127.0.0.20:5060;gr="), "{contact}");
    assert!(contact.ends_with('>') && !contact.contains("balcony"), "{contact}");
}

#[test]
fn pres_006_the_target_is_the_contact_of_subscribe() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("balcony", "");
    let document = world.document();
    assert_eq!(document.uri.as_str(), "sip:romeo@127.0.0.30:5070");
    assert_eq!(document.to.to_value().to_text(), "<sip:romeo@example.net>;tag=w");
}

#[test]
fn pres_015_a_message_to_who_is_busy_is_delivered() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("balcony", "<show>dnd</show>");
    world.document();
    world.sip(
        "MESSAGE sip:juliet@example.com SIP/2.0\n\
         Via: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bKm1\n\
         Max-Forwards: 70\n\
         From: <sip:romeo@example.net>;tag=m\n\
         To: <sip:juliet@example.com>\n\
         Call-ID: m1\n\
         CSeq: 1 MESSAGE\n\
         Content-Type: text/plain\n\nlook up",
    );
    assert!(world.stanzas_sent()[0].contains("<body>look up</body>"));
    assert_eq!(world.codes(), [200]);
}

#[test]
fn pres_041_each_change_has_a_later_timestamp() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("a", "");
    let first = outline(&world.document());
    world.juliet_is("b", "");
    let second = outline(&world.document());
    // Both at one moment: that of the second document.
    world.juliet_is("a", "<show>away</show>");
    world.juliet_is("a", "");
    let third = outline(&world.document());
    let of = |outline: &[(String, String, String)], id: &str| {
        let stamp = &outline.iter().find(|tuple| tuple.0 == id).expect("a tuple").2;
        assert!(stamp.contains('T') && stamp.ends_with('Z'), "{stamp}");
        instant(stamp)
    };
    assert_eq!(of(&first, "ID-a"), of(&second, "ID-a"));
    assert!(of(&second, "ID-a") < of(&third, "ID-a"));
    assert_eq!(of(&second, "ID-b"), of(&third, "ID-b"));
}

#[test]
fn pres_041_two_documents_of_one_moment_have_two_timestamps() {
    let (mut world, mut watch) = SipWatcher::granted();
    world.juliet_is("a", "");
    let first = outline(&world.document());
    world.juliet_is("a", "<show>away</show>");
    let (_, requests) = watch.subscribes(&mut world, EVENT);
    let second = outline(&requests[0]);
    world.juliet_is("a", "");
    let third = outline(&world.document());
    let stamps = [&first, &second, &third].map(|outline| instant(&outline[0].2));
    assert!(stamps[0] < stamps[1] && stamps[1] < stamps[2], "{stamps:?}");
}

#[test]
fn pres_041_a_refresh_repeats_the_document() {
    let (mut world, mut watch) = SipWatcher::granted();
    world.juliet_is("a", "<status>x</status>");
    let before = text(&world.document());
    world.pass_ms(60_000);
    let (_, requests) = watch.subscribes(&mut world, EVENT);
    assert_eq!(requests.iter().map(text).collect::<Vec<_>>(), [before]);
}

#[test]
fn pres_041_the_last_document_is_later_too() {
    let (mut world, mut watch) = SipWatcher::granted();
    world.juliet_is("a", "");
    let before = outline(&world.document());
    let (_, requests) = watch.subscribes(&mut world, "Event: presence\nExpires: 0\n");
    let last = outline(&requests[0]);
    assert_eq!((&*last[0].0, &*last[0].1), ("ID-a", "closed"));
    assert!(instant(&before[0].2) < instant(&last[0].2), "{before:?} {last:?}");
}

/// A time of RFC 3339 that can be compared.
fn instant(stamp: &str) -> time::OffsetDateTime {
    let format = &time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::parse(stamp, format).expect("a time")
}

#[test]
fn pres_067_accept_must_have_pidf() {
    let mut world = World::verona();
    let mut watch = SipWatcher::of("romeo", "w1");
    let (refused, requests) = watch.subscribes(&mut world, &format!("{EVENT}Accept: text/xml\n"));
    assert_eq!((refused.status.code(), requests.len()), (406, 0));
    assert_eq!(world.stanzas_sent(), [""; 0]);
    let (taken, _) = watch.subscribes(&mut world, EVENT);
    assert_eq!(taken.status.code(), 200);
}

#[test]
fn pres_068_a_refresh_without_accept_stands_for_pidf() {
    let mut world = World::verona();
    let mut watch = SipWatcher::of("romeo", "w1");
    watch.subscribes(&mut world, &format!("{EVENT}Accept: application/pidf+xml, text/xml\n"));
    world.xmpp("<presence from='juliet@example.com' to='romeo@example.net' type='subscribed'/>");
    world.document();
    world.juliet_is("balcony", "");
    world.document();
    let (_, requests) = watch.subscribes(&mut world, EVENT);
    assert_eq!(header(&requests[0], &HeaderName::ContentType), "application/pidf+xml");
}

#[test]
fn pres_069_only_what_is_read_is_asked_for() {
    // Objects of RFC 3923 cross only where addresses are the same on both sides (E2E-021).
    let subscribe = World::new().juliet_subscribes();
    assert_eq!(header(&subscribe, &HeaderName::Accept), "application/pidf+xml");
    let romeo = crate::presence_fixture::SipPresentity::asked();
    let accept = "application/pidf+xml, multipart/signed, application/pkcs7-mime";
    assert_eq!(header(&romeo.subscribe, &HeaderName::Accept), accept);
}

#[test]
fn pres_070_ten_changes_are_two_documents() {
    let (mut world, _) = SipWatcher::granted();
    for n in 0..10 {
        world.juliet_is("balcony", &format!("<status>{n}</status>"));
        world.pass_ms(100);
        if n == 0 {
            let first = world.request();
            world.answer(&first, 200);
            assert!(text(&first).contains(">0</note>"), "{}", text(&first));
        }
    }
    world.pass_ms(3_999);
    assert_eq!(world.requests(), []);
    world.pass_ms(1);
    let last = world.request();
    assert!(text(&last).contains(">9</note>"), "{}", text(&last));
    world.answer(&last, 200);
    world.no_document();
}

#[test]
fn pres_070_no_document_opens_no_interval() {
    let mut world = World::verona();
    let mut watch = SipWatcher::of("romeo", "w1");
    let (_, pending) = watch.subscribes(&mut world, EVENT);
    assert_eq!(state(&pending[0]), "pending;expires=3600");
    world.pass_ms(100);
    world.xmpp("<presence from='juliet@example.com' to='romeo@example.net' type='subscribed'/>");
    let active = world.request();
    assert_eq!((state(&active), active.body.len()), ("active;expires=3599".into(), 0));
    world.answer(&active, 200);
    world.pass_ms(100);
    world.juliet_is("balcony", "");
    let document = world.request();
    assert_eq!(brief(&document), "ID-balcony open");
    world.answer(&document, 200);
    world.pass_ms(1_000);
    world.xmpp("<presence from='juliet@example.com' to='romeo@example.net' type='unsubscribed'/>");
    assert!(state(&world.request()).starts_with("terminated;reason=rejected"));
}

#[test]
fn pres_070_a_refresh_has_the_newest_document_at_once() {
    let (mut world, mut watch) = SipWatcher::granted();
    world.juliet_is("balcony", "");
    world.document();
    world.juliet_is("balcony", "<show>away</show>");
    assert_eq!(world.requests(), []);
    let (_, requests) = watch.subscribes(&mut world, EVENT);
    assert!(text(&requests[0]).contains(">away</show>"), "{}", text(&requests[0]));
    world.no_document();
}

#[test]
fn pres_073_nothing_known_is_an_empty_notify() {
    let mut world = World::verona();
    let mut watch = SipWatcher::of("romeo", "w1");
    watch.subscribes(&mut world, EVENT);
    world.xmpp("<presence from='juliet@example.com' to='romeo@example.net' type='subscribed'/>");
    let octets = world.sip.first().expect("a NOTIFY").1.clone();
    assert!(String::from_utf8_lossy(&octets).contains("\r\nContent-Length: 0\r\n"));
    let active = world.request();
    assert!(!active.headers.contains(&HeaderName::ContentType));
}

#[test]
fn pres_074_each_subscribe_is_followed_by_one_notify() {
    let (mut world, mut watch) = SipWatcher::granted();
    world.juliet_is("balcony", "");
    world.document();
    for (headers, expected) in [
        (EVENT, "active;expires=3600"),
        ("Event: presence\nExpires: 0\n", "terminated;reason=timeout"),
    ] {
        let (response, requests) = watch.subscribes(&mut world, headers);
        assert_eq!(response.status.code(), 200);
        assert_eq!(requests.iter().map(state).collect::<Vec<_>>(), [expected]);
    }
    for (call, headers, expected) in [
        ("w2", "Event: presence\nExpires: 0\n", "terminated;reason=timeout"),
        ("w3", EVENT, "active;expires=3600"),
    ] {
        let mut watch = SipWatcher::of("romeo", call);
        let (response, requests) = watch.subscribes(&mut world, headers);
        assert_eq!(response.status.code(), 200);
        assert_eq!(requests.iter().map(state).collect::<Vec<_>>(), [expected]);
    }
}

#[test]
fn pres_075_subscription_state_counts_down() {
    let (mut world, _) = SipWatcher::granted();
    world.pass_ms(1_000);
    world.juliet_is("balcony", "");
    assert_eq!(state(&world.document()), "active;expires=3599");
}

#[test]
fn pres_076_notify_is_a_request_of_the_dialog() {
    let mut world = World::verona();
    let mut watch = SipWatcher::of("romeo", "w1");
    let routes = "<sip:127.0.0.13:5060;lr>, <sip:127.0.0.31;lr>";
    let (_, first) = watch.subscribes(&mut world, &format!("{EVENT}Record-Route: {routes}\n"));
    world.xmpp("<presence from='juliet@example.com' to='romeo@example.net' type='subscribed'/>");
    let second = world.document();
    world.juliet_is("balcony", "");
    let third = world.document();
    assert_eq!(second.cseq.number, first[0].cseq.number + 1);
    assert_eq!(third.cseq.number, second.cseq.number + 1);
    for notify in [&second, &third] {
        assert_eq!(notify.call_id.as_str(), "w1");
        assert_eq!((notify.from.tag(), notify.to.tag()), (Some(&*watch.tag), Some("w")));
        let route: Vec<_> = notify.headers.items(&HeaderName::Route).collect();
        assert_eq!(route.join(", "), routes);
        let contacts: Vec<_> = notify.headers.items(&HeaderName::Contact).collect();
        let [contact] = contacts[..] else { panic!("{contacts:?}") };
        assert!(contact.starts_with('<') && contact.ends_with('>') && contact.contains(";gr="));
    }
}

#[test]
fn pres_078_what_one_is_shown_another_is_not() {
    let mut world = World::verona();
    let mut watches = [SipWatcher::of("romeo", "w1"), SipWatcher::of("benvolio", "w2")];
    for watch in &mut watches {
        watch.subscribes(&mut world, EVENT);
    }
    world.xmpp("<presence from='juliet@example.com' to='romeo@example.net' type='subscribed'/>");
    world.document();
    world.juliet_is("balcony", "<status>only for romeo</status>");
    let shown = world.document();
    assert_eq!(shown.to.uri().as_str(), "sip:romeo@example.net");
    // Benvolio is not approved yet, then approved without a word of juliet's to benvolio.
    let (_, pending) = watches[1].subscribes(&mut world, EVENT);
    assert_eq!(pending[0].body.len(), 0);
    world.xmpp("<presence from='juliet@example.com' to='benvolio@example.net' type='subscribed'/>");
    let active = world.document();
    assert_eq!((active.to.uri().as_str(), active.body.len()), ("sip:benvolio@example.net", 0));
    world.juliet_is("balcony", "<status>only for romeo again</status>");
    assert_eq!(world.document().to.uri().as_str(), "sip:romeo@example.net");
    world.xmpp(
        "<presence from='juliet@example.com/balcony' to='benvolio@example.net'>\
         <status>for benvolio</status></presence>",
    );
    let shown = world.document();
    assert_eq!(shown.to.uri().as_str(), "sip:benvolio@example.net");
    assert!(text(&shown).contains("for benvolio") && !text(&shown).contains("romeo"));
}

#[test]
fn pres_085_content_length_is_what_the_body_has() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("balcony", "<status>věž</status>");
    let octets = world.sip.first().expect("a NOTIFY").1.clone();
    let split = octets.windows(4).position(|four| four == b"\r\n\r\n").expect("an end");
    let length = format!("\r\nContent-Length: {}", octets.len() - split - 4);
    let head = String::from_utf8_lossy(&octets[..split]).into_owned();
    assert!(head.contains(&length), "{head}");
}

#[test]
fn pres_086_a_delay_is_the_timestamp() {
    for (attributes, stamp) in [
        ("", "2026-11-22T10:27:15.985695Z"),
        ("", "2026-11-22T10:27:15Z"),
        ("type='unavailable'", "2026-11-22T11:00:00.5+00:30"),
    ] {
        let (mut world, _) = SipWatcher::granted();
        if !attributes.is_empty() {
            world.juliet_is("balcony", "");
            world.document();
        }
        let delay = format!("<delay xmlns='urn:xmpp:delay' stamp='{stamp}'/>");
        world.juliet_sends("balcony", attributes, &delay);
        let outline = outline(&world.document());
        assert_eq!(instant(&outline[0].2), instant(stamp), "{outline:?}");
    }
}

#[test]
fn pres_089_accept_is_a_list_of_ranges() {
    for (accept, expected) in [
        ("Accept: */*\n", 200),
        ("Accept: application/*\n", 200),
        ("Accept: text/xml, application/pidf+xml;q=0.5\n", 200),
        ("Accept: application/pidf+xml;version=1\n", 200),
        ("Accept: text/xml\nAccept: application/pidf+xml\n", 200),
        ("Accept: application/pidf+xml;q=0\n", 406),
        ("Accept: */*, application/pidf+xml;q=0\n", 406),
    ] {
        let mut world = World::verona();
        let (response, _) =
            SipWatcher::of("romeo", "w1").subscribes(&mut world, &format!("{EVENT}{accept}"));
        assert_eq!(response.status.code(), expected, "{accept}");
    }
}

#[test]
fn pres_090_who_was_not_there_cannot_go() {
    let (mut world, _) = SipWatcher::granted();
    world.juliet_is("a", "");
    world.document();
    world.juliet_leaves("zzz");
    world.no_document();
    world.juliet_leaves("a");
    assert_eq!(brief(&world.document()), "ID-a closed");
    world.juliet_leaves("a");
    world.no_document();
}

#[test]
fn pres_091_what_is_not_mapped_is_no_change() {
    let (mut world, _) = SipWatcher::granted();
    let shown = "<show>away</show><status>x</status><priority>3</priority>";
    world.juliet_is("a", shown);
    world.document();
    for caps in ["one", "two"] {
        let more = format!("<c xmlns='http://jabber.org/protocol/caps' ver='{caps}'/>");
        world.juliet_sends("a", &format!("id='{caps}'"), &format!("{shown}{more}"));
        world.no_document();
    }
}
