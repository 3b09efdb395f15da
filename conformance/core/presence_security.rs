//! Presence and security: who learns what of whom, and what nobody can make the gateway do.

use stox::codec::sip::{HeaderName, Request};
use stox::codec::xmpp::PresenceKind;

use crate::scene::{body, expires, notify, open, pidf, seconds, subscribe, substate, tuple};
use crate::world::World;

const NOTHING: [String; 0] = [];

fn contact(request: &Request) -> String {
    request.headers.all(&HeaderName::Contact).map(|it| it.to_text().to_string()).collect()
}

#[test]
fn sec_012_for_whom_is_gone_nothing_is_refreshed() {
    let mut world = World::new();
    world.juliet_sees(&["a"]);
    world.juliet_shows("balcony", "");
    let refresh = world.awaited(seconds(3_600));
    assert_eq!(expires(&refresh), 3_600);
    world.answer(&refresh, 200);
    let mut world = World::new();
    world.juliet_sees(&["a"]);
    world.juliet_shows("balcony", "");
    world.juliet_hides("balcony");
    assert_eq!(world.run_quietly(seconds(7_200)), []);
}

/// A SUBSCRIBE of mercutio's, who is a user of the same domain.
fn mercutio_watches(world: &mut World) {
    world.sip(&subscribe("w9", "", 1, "").replace("sip:romeo@", "sip:mercutio@"));
    let (ok, notifies) = world.answered();
    assert_eq!((ok.status.code(), notifies.len()), (200, 1));
    world.answer(&notifies[0], 200);
    let asked = world.presences();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].kind, PresenceKind::Subscribe);
}

#[test]
fn sec_014_presence_goes_to_the_watcher_who_may_see_it() {
    let mut world = World::new();
    world.romeo_sees("w1");
    mercutio_watches(&mut world);
    for show in ["dnd", "away", "xa"] {
        world.juliet_shows("balcony", &format!("<show>{show}</show>"));
        let sent = world.run_quietly(seconds(20));
        assert_eq!(sent.len(), 1, "{show}");
        assert_eq!(
            (sent[0].1.call_id.as_str(), sent[0].1.to.uri().as_str()),
            ("w1", "sip:romeo@sip.test")
        );
    }
}

#[test]
fn sec_015_who_may_not_see_the_presentity_learns_no_device() {
    let mut world = World::new();
    world.juliet_shows("balcony", "");
    let (ok, notifies) = world.romeo_subscribes("w1", "");
    world.juliet_shows("balcony", "");
    let [pending] = &notifies[..] else { panic!("{notifies:?}") };
    assert!(substate(pending).starts_with("pending;"));
    world.answer(pending, 200);
    world.juliet("unsubscribed");
    let denied = world.request();
    assert_eq!(substate(&denied), "terminated;reason=rejected");
    for request in [pending, &denied] {
        assert!(request.body.is_empty());
        assert!(contact(request).contains(";gr="), "{}", contact(request));
        let text = String::from_utf8(request.to_bytes().to_vec()).expect("UTF-8");
        assert!(!text.contains("balcony"), "{text}");
    }
    let text = String::from_utf8(ok.to_bytes().to_vec()).expect("UTF-8");
    assert!(text.contains(";gr=") && !text.contains("balcony"), "{text}");
}

/// What a watcher sees of a user whose server says nothing: the statuses and the states, each with
/// the time in milliseconds at which it came.
fn seen(user: &str, known: bool) -> Vec<(u128, String)> {
    let mut world = World::with_rules("errors.yaml", "privacy: true\n");
    world.sip(&subscribe("w1", "", 1, "").replace("juliet@", &format!("{user}@")));
    let (response, notifies) = world.answered();
    let mut seen = vec![(0, response.status.code().to_string())];
    seen.extend(notifies.iter().map(|it| (0, substate(it))));
    notifies.iter().for_each(|it| world.answer(it, 200));
    assert_eq!(world.presences().len(), 1);
    if known {
        // Juliet is there and has not decided; the server says that the request was delivered.
        world.xmpp(&format!(
            "<presence from='{user}@xmpp.test' to='romeo@sip.xmpp.test' type='unavailable'/>"
        ));
    }
    let later = world.run_quietly(seconds(4_000));
    seen.extend(later.iter().map(|(at, it)| (*at, substate(it))));
    seen
}

#[test]
fn sec_016_an_unknown_user_is_not_told_from_one_who_has_not_decided() {
    let unknown = seen("nobody", false);
    assert_eq!(unknown, seen("juliet", true));
    assert_eq!(unknown[0].1, "200");
    assert!(unknown[1].1.starts_with("pending;"), "{unknown:?}");
}

#[test]
fn sec_025_a_document_with_entities_is_refused_before_they_mean_anything() {
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a"]);
    let laughs: String = (1..10)
        .map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10)))
        .collect();
    let kinds = [
        format!("<!DOCTYPE presence [<!ENTITY l0 \"lol\">{laughs}]>"),
        "<!DOCTYPE presence [<!ENTITY l9 SYSTEM \"http://127.0.0.66/x\">]>".to_owned(),
        "<!DOCTYPE presence SYSTEM \"http://127.0.0.66/x.dtd\">".to_owned(),
    ];
    let bad =
        pidf(&tuple("ID-b", "open", "")).replace("</presence>", "<note>&l9;</note></presence>");
    for (cseq, kind) in (2..).zip(&kinds) {
        let text = bad.replace("?>", &format!("?>{kind}"));
        assert_eq!(world.notified(&subscribe, cseq, "active;expires=3600", &text), 400, "{kind}");
    }
    let deep = format!("{}{}", "<x>".repeat(2_000), "</x>".repeat(2_000));
    let deep = pidf(&tuple("ID-b", "open", &deep));
    assert_eq!(world.notified(&subscribe, 9, "active;expires=3600", &deep), 413);
    assert_eq!(world.told(), NOTHING);
    assert_eq!((world.requests(), world.asked.len()), (vec![], 0));
}

#[test]
fn sec_030_a_notify_is_taken_from_a_peer_and_for_a_dialog() {
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a"]);
    let forged = notify(&subscribe, 2, "active;expires=3600", &open(&["b"]));
    world.sip_from("127.0.0.66:5060", &forged.replace("127.0.0.13", "127.0.0.66"));
    assert_eq!(world.codes(), [403]);
    let call = subscribe.call_id.as_str();
    world
        .sip(&forged.replace(&format!("Call-ID: {call}"), "Call-ID: other").replace("4bK", "4bKx"));
    assert_eq!(world.codes(), [481]);
    assert_eq!(world.told(), NOTHING);
    // An old one, said again under a new branch, is out of order (RFC 3261 §12.2.2).
    assert_eq!(world.notified(&subscribe, 5, "active;expires=3600", &open(&["a"])), 200);
    let old = notify(&subscribe, 3, "active;expires=3600", &open(&["b"]));
    world.sip(&old.replace("4bK", "4bKy"));
    assert_eq!(world.codes(), [500]);
    assert_eq!(world.told(), NOTHING);
}

#[test]
fn sec_040_what_is_sensitive_stays_where_it_is() {
    let mut world = World::new();
    world.romeo_sees("w1");
    let fields = "<tune xmlns='http://jabber.org/protocol/tune'><title>Heart's Ease</title></tune>\
                  <geoloc xmlns='http://jabber.org/protocol/geoloc'><lat>45.44</lat></geoloc>\
                  <mood xmlns='http://jabber.org/protocol/mood'><happy/></mood>";
    world.juliet_shows("balcony", &format!("<show>away</show>{fields}"));
    let document = body(&world.awaited(seconds(5)));
    for word in ["tune", "Ease", "geoloc", "45.44", "mood", "happy"] {
        assert!(!document.contains(word), "{word}: {document}");
    }
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a"]);
    let mood = "<rpid:mood xmlns:rpid='urn:ietf:params:xml:ns:pidf:rpid'><rpid:angry/></rpid:mood>";
    let person = format!(
        "<dm:person xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' id='p'>{mood}</dm:person>"
    );
    let away = tuple("ID-a", "open", "<show xmlns='jabber:client'>away</show>");
    assert_eq!(
        world.notified(&subscribe, 2, "active;expires=3600", &pidf(&[away, person].concat())),
        200
    );
    world.confirm_all();
    let stanza = world.octets();
    assert!(stanza.contains("away"), "{stanza}");
    assert!(!stanza.contains("mood") && !stanza.contains("angry"), "{stanza}");
}
