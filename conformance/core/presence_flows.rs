//! The examples of RFC 8048 and RFC 3856 on the wire, with what they leave out or get wrong made
//! right.

use stox::codec::sip::{HeaderName, Request};

use crate::scene::{basic, body, expires, header, seconds, subscribe, substate, tuple};
use crate::world::World;

/// The domains of the examples.
const SETTINGS: &str = r#"
xmpp: { component: example.net, server: "127.0.0.11:5347", secret: s3cret }
sip:
  listen: [ "udp:127.0.0.20:5060" ]
  peers: [ { name: core, uri: "sip:127.0.0.13:5060;transport=udp" } ]
  options_interval: 0s
domains:
  - { xmpp: example.net, sip: example.net }
  - { xmpp: example.com, sip: example.com }
store: { path: store }
"#;

fn world() -> World {
    let mut world = World::with(SETTINGS);
    world.up();
    world
}

/// Juliet says something of this type, as the examples write it.
fn juliet(world: &mut World, from: &str, kind: &str) {
    let kind = if kind.is_empty() { String::new() } else { format!(" type='{kind}'") };
    world.xmpp(&format!("<presence from='{from}' to='romeo@example.net'{kind}/>"));
}

/// The stanzas of the gateway without their ids, in single quotes.
fn stanzas(world: &mut World) -> Vec<String> {
    let mut told = world.presences();
    told.iter_mut().for_each(|stanza| stanza.id = None);
    let write = |stanza| {
        let mut octets = Vec::new();
        stox::codec::xmpp::Stanza::Presence(Box::new(stanza)).write(&mut octets);
        String::from_utf8(octets).expect("UTF-8").replace('"', "'")
    };
    told.into_iter().map(write).collect()
}

fn document(tuples: &str) -> String {
    format!(
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:romeo@example.net'>{tuples}</presence>"
    )
}

fn notify(world: &mut World, subscribe: &Request, cseq: u32, state: &str, body: &str) -> u16 {
    let text = crate::scene::notify(subscribe, cseq, state, body);
    let text = text.replace("romeo@sip.test", "romeo@example.net");
    world.sip(&text.replace("juliet@xmpp.test", "juliet@example.com"));
    world.response().status.code()
}

/// Examples 1 to 6; the answer is the SUBSCRIBE.
fn subscribed(world: &mut World) -> Request {
    juliet(world, "juliet@example.com", "subscribe");
    let subscribe = world.request();
    world.answer_with(&subscribe, 200, &["Expires: 3600"]);
    let show = "<show xmlns='jabber:client'>away</show>";
    let away = document(&tuple("ID-dr4hcr0st3lup4c", "open", show));
    assert_eq!(notify(world, &subscribe, 2, "active;expires=499", &away), 200);
    subscribe
}

/// V-21: RFC 8048 Examples 1 to 6.
#[test]
fn juliet_subscribes_and_romeo_approves() {
    let mut world = world();
    let subscribe = subscribed(&mut world);
    assert_eq!(subscribe.uri.as_str(), "sip:romeo@example.net");
    assert_eq!(subscribe.from.uri().as_str(), "sip:juliet@example.com");
    assert_eq!(subscribe.to.uri().as_str(), "sip:romeo@example.net");
    assert_eq!((subscribe.cseq.number, subscribe.max_forwards), (1, Some(70)));
    let accept = "application/pidf+xml, multipart/signed, application/pkcs7-mime";
    assert_eq!(header(&subscribe, &HeaderName::Accept), accept);
    assert_eq!(expires(&subscribe), 3_600);
    let told = stanzas(&mut world);
    let expected = [
        "<presence from='romeo@example.net' to='juliet@example.com' type='subscribed'/>",
        "<presence from='romeo@example.net/dr4hcr0st3lup4c' to='juliet@example.com'>\
         <show>away</show></presence>",
    ];
    assert_eq!(told, expected);
}

/// V-22: RFC 8048 Examples 7 to 9; Example 10 is not the subscriber's to send.
#[test]
fn juliet_unsubscribes() {
    let mut world = world();
    let subscribe = subscribed(&mut world);
    stanzas(&mut world);
    juliet(&mut world, "juliet@example.com", "unsubscribe");
    let end = world.request();
    assert_eq!((expires(&end), end.to.tag()), (0, Some("ffd2")));
    assert_eq!(end.to.uri().as_str(), "sip:romeo@example.net");
    assert_eq!((&end.call_id, end.cseq.number), (&subscribe.call_id, 2));
    world.answer(&end, 200);
    let expected = [
        "<presence from='romeo@example.net/dr4hcr0st3lup4c' to='juliet@example.com' \
         type='unavailable'/>",
        "<presence from='romeo@example.net' to='juliet@example.com' type='unsubscribed'/>",
    ];
    assert_eq!(stanzas(&mut world), expected);
    assert_eq!(world.run_quietly(seconds(60)), []);
}

/// A SUBSCRIBE of the examples.
fn romeo(cseq: u32, tag: &str, headers: &str) -> String {
    let text = subscribe("AA5A8BE5-CBB7-42B9-8181-6230012B1E11", tag, cseq, headers);
    let text = text.replace("romeo@sip.test", "romeo@example.net");
    text.replace("juliet@xmpp.test", "juliet@example.com")
}

/// Examples 11 and 12; the answer is the tag of the dialog.
fn asked(world: &mut World) -> String {
    world.sip(&romeo(1, "", ""));
    let (ok, notifies) = world.answered();
    assert_eq!(ok.headers.get_text(&HeaderName::Expires), Some("3600"));
    assert_eq!(substate(&notifies[0]), "pending;expires=3600");
    world.answer(&notifies[0], 200);
    let asked = "<presence from='romeo@example.net' to='juliet@example.com' type='subscribe'/>";
    assert_eq!(stanzas(world), [asked]);
    ok.to.tag().expect("a tag").to_owned()
}

/// V-23: RFC 8048 Examples 11 to 16.
#[test]
fn romeo_subscribes_and_juliet_decides() {
    let outcomes =
        [("subscribed", "active;expires=3600"), ("unsubscribed", "terminated;reason=rejected")];
    for (word, state) in outcomes {
        let mut world = world();
        let tag = asked(&mut world);
        juliet(&mut world, "juliet@example.com", word);
        let notify = world.request();
        assert_eq!(substate(&notify), state);
        assert!(notify.body.is_empty());
        assert_eq!(notify.call_id.as_str(), "AA5A8BE5-CBB7-42B9-8181-6230012B1E11");
        assert_eq!(notify.from.uri().as_str(), "sip:juliet@example.com");
        assert_eq!(notify.from.tag(), Some(tag.as_str()));
        assert_eq!(notify.to.uri().as_str(), "sip:romeo@example.net");
        assert_eq!(notify.cseq.number, 2);
    }
}

/// V-24: RFC 8048 Example 17.
#[test]
fn romeo_ends_the_dialog() {
    let mut world = world();
    let tag = asked(&mut world);
    juliet(&mut world, "juliet@example.com", "subscribed");
    juliet(&mut world, "juliet@example.com/yn0cl4bnw0yr3vym", "");
    world.settle(200);
    stanzas(&mut world);
    world.sip(&romeo(66, &tag, "Expires: 0\n"));
    let (ok, notifies) = world.answered();
    assert_eq!(ok.status.code(), 200);
    assert_eq!(substate(&notifies[0]), "terminated;reason=timeout");
    assert_eq!(basic(&notifies[0], "yn0cl4bnw0yr3vym"), "closed");
    let gone = "<presence from='romeo@example.net' to='juliet@example.com' type='unavailable'/>";
    assert_eq!(stanzas(&mut world), [gone]);
}

/// V-25: RFC 8048 Examples 18 to 21.
#[test]
fn each_sees_the_other_change() {
    let mut world = world();
    asked(&mut world);
    juliet(&mut world, "juliet@example.com", "subscribed");
    world.settle(200);
    stanzas(&mut world);
    juliet(&mut world, "juliet@example.com/yn0cl4bnw0yr3vym", "");
    let change = world.request();
    assert_eq!(header(&change, &HeaderName::ContentType), "application/pidf+xml");
    assert!(body(&change).contains("entity=\"pres:juliet@example.com\""));
    assert_eq!(basic(&change, "yn0cl4bnw0yr3vym"), "open");
    world.answer(&change, 200);

    let subscribe = subscribed(&mut world);
    stanzas(&mut world);
    let closed = document(&tuple("ID-dr4hcr0st3lup4c", "closed", ""));
    assert_eq!(notify(&mut world, &subscribe, 8, "active;expires=499", &closed), 200);
    let gone = "<presence from='romeo@example.net/dr4hcr0st3lup4c' to='juliet@example.com' \
                type='unavailable'/>";
    assert_eq!(stanzas(&mut world), [gone]);
}

/// V-26: RFC 8048 Examples 22 to 25.
#[test]
fn each_asks_how_the_other_is() {
    let mut world = world();
    juliet(&mut world, "juliet@example.com/chamber", "probe");
    let fetch = world.request();
    assert_eq!((fetch.uri.as_str(), expires(&fetch)), ("sip:romeo@example.net", 0));
    assert_eq!(fetch.to.uri().as_str(), "sip:romeo@example.net");
    world.answer(&fetch, 200);
    world.pass_ms(40_000);
    assert_eq!(stanzas(&mut world), [] as [&str; 0]);

    world.sip(&romeo(1, "", "Expires: 0\n"));
    let (ok, notifies) = world.answered();
    assert_eq!((ok.status.code(), notifies.len()), (200, 1));
    assert_eq!(substate(&notifies[0]), "terminated;reason=timeout");
    assert!(notifies[0].body.is_empty());
    assert_eq!(stanzas(&mut world), [] as [&str; 0], "juliet has not granted it");
}

/// V-39: RFC 3856 §8, the gateway as the server of a presentity whom the watcher may see.
#[test]
fn a_watcher_is_served() {
    let mut world = world();
    asked(&mut world);
    juliet(&mut world, "juliet@example.com", "subscribed");
    juliet(&mut world, "juliet@example.com/balcony", "");
    world.settle(200);
    let first = "SUBSCRIBE sip:juliet@example.com SIP/2.0\n\
        Via: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bKnashds7\n\
        To: <sip:juliet@example.com>\n\
        From: <sip:romeo@example.net>;tag=xfg9\n\
        Call-ID: 2010@watcherhost.example.com\n\
        CSeq: 17766 SUBSCRIBE\n\
        Max-Forwards: 70\n\
        Event: presence\n\
        Accept: application/pidf+xml\n\
        Contact: <sip:romeo@watcherhost.example.net>\n\
        Expires: 600\n\n";
    world.sip(first);
    let (ok, notifies) = world.answered();
    assert_eq!((ok.status.code(), ok.headers.get_text(&HeaderName::Expires)), (200, Some("600")));
    let notify = &notifies[0];
    assert_eq!(notify.uri.as_str(), "sip:romeo@watcherhost.example.net");
    assert_eq!((notify.from.tag(), notify.to.tag()), (ok.to.tag(), Some("xfg9")));
    assert_eq!(substate(notify), "active;expires=600");
    assert_eq!(header(notify, &HeaderName::ContentType), "application/pidf+xml");
    assert_eq!(basic(notify, "balcony"), "open");
    world.answer(notify, 200);
    world.run_quietly(seconds(9));
    let gone = "juliet@example.com/balcony";
    juliet(&mut world, gone, "unavailable");
    let changes = world.settle(200);
    let change = changes.iter().find(|it| it.call_id == notify.call_id).expect("a NOTIFY");
    assert_eq!(change.cseq.number, notify.cseq.number + 1);
    assert_eq!(substate(change), "active;expires=591");
    assert_eq!(basic(change, "balcony"), "closed");
}
