//! Juliet watches romeo (RFC 8048 §5.2): SUBSCRIBE goes out, NOTIFY comes in.

use stox::codec::sip::{self, HeaderName, Method};
use stox::codec::xmpp::{PresenceKind, Show};

use crate::scene::{header, pidf, tuple};
use crate::world::{SETTINGS, World};

#[test]
fn juliet_subscribes_and_sees_romeo_come_and_go() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    assert_eq!(subscribe.method, Method::Subscribe);
    assert_eq!(subscribe.uri.as_str(), "sip:romeo@sip.test");
    assert_eq!(header(&subscribe, &HeaderName::Event), "presence");
    assert_eq!(header(&subscribe, &HeaderName::Expires), "3600");
    world.answer(&subscribe, 200);
    assert_eq!(world.presences(), []);
    let open = pidf(&tuple("ID-orchard", "open", "<show xmlns='jabber:client'>away</show>"));
    assert_eq!(world.notified(&subscribe, 1, "active;expires=3600", &open), 200);
    let told = world.presences();
    let kinds: Vec<_> = told.iter().map(|presence| presence.kind).collect();
    assert_eq!(kinds, [PresenceKind::Subscribed, PresenceKind::Available]);
    assert_eq!(told[1].from.as_ref().expect("from").as_str(), "romeo@sip.xmpp.test/orchard");
    assert_eq!(told[1].show, Some(Show::Away));
    let closed = pidf(&tuple("ID-orchard", "closed", ""));
    assert_eq!(world.notified(&subscribe, 2, "active;expires=3500", &closed), 200);
    let told = world.presences();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].kind, PresenceKind::Unavailable);
}

#[test]
fn juliet_unsubscribes() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 200);
    let open = pidf(&tuple("a", "open", ""));
    world.notified(&subscribe, 1, "active;expires=3600", &open);
    world.presences();
    world.xmpp("<presence from='juliet@xmpp.test' to='romeo@sip.xmpp.test' type='unsubscribe'/>");
    let end = world.request();
    assert_eq!(header(&end, &HeaderName::Expires), "0");
    assert_eq!(end.uri.as_str(), "sip:romeo@127.0.0.30:5070");
    assert_eq!(end.to.tag(), Some("ffd2"));
    assert_eq!(end.cseq.number, subscribe.cseq.number + 1);
    world.answer(&end, 200);
    let kinds: Vec<_> = world.presences().iter().map(|presence| presence.kind).collect();
    assert_eq!(kinds, [PresenceKind::Unavailable, PresenceKind::Unsubscribed]);
    assert_eq!(world.notified(&subscribe, 2, "terminated;reason=timeout", ""), 200);
    assert_eq!(world.presences(), []);
}

#[test]
fn romeo_watches_juliet() {
    let mut world = World::new();
    world.sip(
        "SUBSCRIBE sip:juliet@xmpp.test SIP/2.0\n\
         Via: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bKw1\n\
         Max-Forwards: 70\n\
         From: <sip:romeo@sip.test>;tag=w1\n\
         To: <sip:juliet@xmpp.test>\n\
         Call-ID: w1\n\
         CSeq: 1 SUBSCRIBE\n\
         Event: presence\n\
         Contact: <sip:romeo@127.0.0.30:5070>\n\
         Expires: 600\n\n",
    );
    let mut sent = std::mem::take(&mut world.sip).into_iter().map(|(_, octets)| octets);
    let ok = sent.next().expect("a response");
    let ok = String::from_utf8_lossy(&ok).into_owned();
    assert!(ok.starts_with("SIP/2.0 200"), "{ok}");
    assert!(ok.contains("Expires: 600"), "{ok}");
    let pending = sent.next().expect("a NOTIFY");
    let Ok(sip::Message::Request(pending)) = sip::parse(pending) else { panic!("no request") };
    assert_eq!(header(&pending, &HeaderName::SubscriptionState), "pending;expires=600");
    world.answer(&pending, 200);
    let told = world.presences();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].kind, PresenceKind::Subscribe);
    world.xmpp("<presence from='juliet@xmpp.test' to='romeo@sip.xmpp.test' type='subscribed'/>");
    let active = world.request();
    assert_eq!(header(&active, &HeaderName::SubscriptionState), "active;expires=600");
    assert_eq!(world.presences()[0].kind, PresenceKind::Probe);
    world.xmpp(
        "<presence from='juliet@xmpp.test/balcony' to='romeo@sip.xmpp.test'>\
         <show>dnd</show><status>busy here</status></presence>",
    );
    world.answer(&active, 200);
    let document = world.request();
    let text = String::from_utf8_lossy(&document.body).into_owned();
    assert!(
        text.contains("<tuple id=\"ID-balcony\"") || text.contains("<tuple id='ID-balcony'"),
        "{text}"
    );
    assert!(text.contains("busy"), "{text}");
    world.answer(&document, 200);
    world.xmpp(
        "<presence from='juliet@xmpp.test/balcony' to='romeo@sip.xmpp.test' type='unavailable'/>",
    );
    assert_eq!(world.requests(), []);
    world.pass_ms(5_000);
    let document = world.request();
    let text = String::from_utf8_lossy(&document.body).into_owned();
    assert!(text.contains("closed"), "{text}");
}

#[test]
fn each_watcher_gets_the_document_by_the_rules_of_the_own_peer() {
    let one = "{ name: core, uri: \"sip:127.0.0.13:5060;transport=udp\" }";
    let two = format!("{one}, {{ name: edge, uri: \"sip:127.0.0.14:5060;transport=udp\" }}");
    let rule = "rules: [ { name: a, when: { peer: edge, direction: to_sip }, to_sip: { show: false } } ]\n";
    let settings = SETTINGS.replace(one, &two);
    let mut world = World::with_rules_and(&settings, "presence.yaml", rule);
    for (n, host) in [(1, "127.0.0.13"), (2, "127.0.0.14")] {
        world.sip_from(
            &format!("{host}:5060"),
            &format!(
                "SUBSCRIBE sip:juliet@xmpp.test SIP/2.0\n\
                 Via: SIP/2.0/UDP {host}:5060;branch=z9hG4bKw{n}\nMax-Forwards: 70\n\
                 From: <sip:romeo@sip.test>;tag=w{n}\nTo: <sip:juliet@xmpp.test>\n\
                 Call-ID: w{n}\nCSeq: 1 SUBSCRIBE\nEvent: presence\n\
                 Contact: <sip:romeo@{host}:5060>\nExpires: 600\n\n"
            ),
        );
        let sent = std::mem::take(&mut world.sip);
        let pending = sent.into_iter().find_map(|(_, octets)| match sip::parse(octets) {
            Ok(sip::Message::Request(request)) => Some(request),
            _ => None,
        });
        world.answer(&pending.expect("a NOTIFY"), 200);
    }
    world.xmpp("<presence from='juliet@xmpp.test' to='romeo@sip.xmpp.test' type='subscribed'/>");
    world.xmpp(
        "<presence from='juliet@xmpp.test/balcony' to='romeo@sip.xmpp.test'><show>dnd</show></presence>",
    );
    let mut shown = Vec::new();
    for _ in 0..4 {
        for (way, request) in world.routed() {
            let text = String::from_utf8_lossy(&request.body).into_owned();
            if text.contains("ID-balcony") {
                shown.push((way, text.contains(">dnd<")));
            }
            world.answer(&request, 200);
        }
        world.pass_ms(6_000);
    }
    shown.sort();
    shown.dedup();
    let expected = [("udp 127.0.0.13:5060", true), ("udp 127.0.0.14:5060", false)];
    assert_eq!(shown, expected.map(|(way, show)| (way.to_owned(), show)));
}
