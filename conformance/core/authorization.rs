//! Whether romeo may see juliet is juliet's to say (RFC 6121 §3, RFC 8048 §5.3.1).

use crate::scene::{basic, body, expires, seconds, substate};
use crate::world::{SETTINGS, World};

const NOTHING: [String; 0] = [];

/// SUB-073: a watcher who is refused cannot tell that from a presentity who is offline.
#[test]
fn sub_073_polite_blocking_shows_the_presentity_as_gone() {
    let settings = format!("{SETTINGS}presence: {{ polite_blocking: true }}\n");
    let mut world = World::with(&settings);
    world.up();
    let mut watcher = world.romeo_watches("w1");
    assert_eq!(world.told(), ["subscribe"]);
    world.juliet("unsubscribed");
    let told = world.request();
    assert!(substate(&told).starts_with("active;"), "{}", substate(&told));
    assert!(body(&told).contains("<basic>closed</basic>"), "{}", body(&told));
    world.answer(&told, 200);
    // What juliet shows does not reach romeo; a refresh, a fetch and the end look as with a
    // presentity who is offline.
    world.juliet_shows("balcony", "");
    world.pass_ms(60_000);
    assert_eq!((world.requests(), world.told()), (vec![], vec![]));
    let (ok, notifies) = watcher.again(&mut world, "Expires: 600\n");
    assert_eq!((ok.status.code(), notifies.len()), (200, 1));
    assert!(body(&notifies[0]).contains("<basic>closed</basic>"));
    world.answer(&notifies[0], 200);
    // A new subscription within the time of refusal: no 403, and juliet is not asked.
    let (ok, notifies) = world.romeo_subscribes("w2", "Expires: 3600\n");
    assert_eq!((ok.status.code(), notifies.len()), (200, 1));
    assert!(substate(&notifies[0]).starts_with("active;"));
    assert!(body(&notifies[0]).contains("<basic>closed</basic>"));
    world.answer(&notifies[0], 200);
    let (ok, notifies) = world.romeo_subscribes("w3", "Expires: 0\n");
    assert_eq!((ok.status.code(), notifies.len()), (200, 1));
    assert!(body(&notifies[0]).contains("<basic>closed</basic>"));
    world.answer(&notifies[0], 200);
    let (_, notifies) = watcher.again(&mut world, "Expires: 0\n");
    assert_eq!(substate(&notifies[0]), "terminated;reason=timeout");
    assert!(body(&notifies[0]).contains("<basic>closed</basic>"));
    world.answer(&notifies[0], 200);
    assert_eq!(world.told(), Vec::<String>::new(), "juliet is not bothered");
}

#[test]
fn sub_073_a_grant_that_is_taken_back_politely() {
    let settings = format!("{SETTINGS}presence: {{ polite_blocking: true }}\n");
    let mut world = World::with(&settings);
    world.up();
    world.romeo_sees("w1");
    world.juliet("unsubscribed");
    let told = world.request();
    assert!(substate(&told).starts_with("active;"));
    assert!(body(&told).contains("<basic>closed</basic>") && !body(&told).contains("balcony"));
    world.answer(&told, 200);
    world.juliet_shows("balcony", "");
    world.pass_ms(60_000);
    assert_eq!(world.requests(), []);
    // Later juliet may grant it after all.
    world.pass_ms(3_600_000);
    world.settle(200);
}

#[test]
fn sub_053_without_approval_it_never_becomes_active() {
    let mut world = World::new();
    let mut watcher = world.romeo_watches("w1");
    world.juliet_shows("balcony", "");
    world.juliet("unavailable");
    world.juliet("subscribe");
    for sent in world.requests() {
        assert!(sent.body.is_empty() && !substate(&sent).starts_with("active"));
    }
    let (_, notifies) = watcher.again(&mut world, "Expires: 600\n");
    assert_eq!(substate(&notifies[0]), "pending;expires=600");
    assert!(notifies[0].body.is_empty());
}

#[test]
fn sub_054_subscribed_makes_it_active_and_the_state_follows() {
    let mut world = World::new();
    world.romeo_watches("w1");
    world.juliet("subscribed");
    let active = world.request();
    assert_eq!(substate(&active), "active;expires=3600");
    world.answer(&active, 200);
    world.juliet_shows("balcony", "");
    assert_eq!(basic(&world.request(), "balcony"), "open");
}

#[test]
fn sub_055_a_known_watcher_is_active_at_once() {
    let mut world = World::new();
    world.romeo_watches("w1");
    assert_eq!(world.told(), ["subscribe"]);
    // Juliet's server answers by itself (RFC 6121 §A.3.1), without an id.
    let before = world.now.instant;
    world.juliet("subscribed");
    assert_eq!(substate(&world.request()), "active;expires=3600");
    assert_eq!(world.now.instant, before);
    assert_eq!(world.told(), ["probe"]);
}

#[test]
fn sub_056_unsubscribed_ends_it_without_a_document() {
    let mut world = World::new();
    world.romeo_watches("w1");
    world.juliet("unsubscribed");
    let text = String::from_utf8_lossy(&world.sip[0].1).into_owned();
    assert!(text.ends_with("\r\n\r\n") && text.contains("\r\nContent-Length: 0\r\n"), "{text}");
    assert_eq!(substate(&world.request()), "terminated;reason=rejected");
}

#[test]
fn sub_057_a_later_refusal_ends_each_dialog() {
    let mut world = World::new();
    world.romeo_sees("w1");
    world.romeo_watches("w2");
    world.settle(200);
    world.juliet("unsubscribed");
    let last = world.requests();
    assert_eq!(last.len(), 2);
    assert_ne!(last[0].call_id, last[1].call_id);
    assert!(last.iter().all(|it| substate(it) == "terminated;reason=rejected"));
}

#[test]
fn sub_058_nothing_follows_the_end() {
    let mut world = World::new();
    world.romeo_sees("w1");
    world.juliet_hides("balcony");
    world.juliet("unsubscribed");
    let sent = world.settle(200);
    assert!(sent.len() <= 2);
    assert_eq!(substate(sent.last().expect("a NOTIFY")), "terminated;reason=rejected");
    assert_eq!(world.run_quietly(seconds(600)), []);

    let mut world = World::new();
    world.romeo_sees("w1");
    world.juliet("unsubscribed");
    let sent = world.settle(200);
    assert_eq!((sent.len(), substate(&sent[0]).as_str()), (1, "terminated;reason=rejected"));
    world.juliet_hides("balcony");
    assert_eq!(world.run_quietly(seconds(600)), []);
}

#[test]
fn sub_060_after_approval_each_change_is_told_and_after_refusal_nothing() {
    let mut world = World::new();
    world.romeo_sees("w1");
    world.juliet_shows("balcony", "<show>away</show>");
    let change = world.request();
    assert!(body(&change).contains("away"));
    world.answer(&change, 200);
    world.juliet("unsubscribed");
    let last = world.request();
    assert!(last.body.is_empty());
    world.answer(&last, 200);
    world.juliet_shows("balcony", "");
    assert_eq!(world.run_quietly(seconds(600)), []);
}

#[test]
fn sub_068_a_user_who_is_removed_unsubscribes_from_all() {
    let mut world = World::new();
    world.juliet_sees(&["a"]);
    world.romeo_sees("w1");
    let romeo = stox::codec::xmpp::Jid::parse("romeo@sip.xmpp.test").expect("a JID");
    world.feed(stox::flow::Input::Remove(romeo));
    let told = world.presences();
    assert_eq!((told.len(), format!("{:?}", told[0].kind).as_str()), (1, "Unsubscribe"));
    assert_eq!(told[0].from.as_ref().expect("from").as_str(), "romeo@sip.xmpp.test");
    assert_eq!(told[0].to.as_ref().expect("to").as_str(), "juliet@xmpp.test");
    let last = world.settle(200);
    assert_eq!(last.iter().map(substate).collect::<Vec<_>>(), ["terminated;reason=noresource"]);
    assert_eq!(world.subscriptions(), (1, 0), "juliet's own subscription is juliet's to end");
    // Juliet's server answers; that says nothing new.
    world.juliet("unsubscribed");
    assert_eq!((world.told(), world.requests()), (vec![], vec![]));
    world.romeo_watches("w2");
    assert_eq!(world.told(), ["subscribe"]);
}

#[test]
fn sub_090_a_word_that_nobody_asked_for_is_ignored() {
    let mut world = World::new();
    world.juliet("subscribed");
    world.juliet_shows("balcony", "");
    assert_eq!((world.told(), world.requests()), (vec![], vec![]));
    world.romeo_watches("w1");
    assert_eq!(world.told(), ["subscribe"]);
    world.juliet("subscribed");
    assert_eq!(substate(&world.request()), "active;expires=3600");
}

#[test]
fn sub_104_bare_unavailable_is_but_a_word_that_the_request_came() {
    let mut world = World::new();
    let mut watcher = world.romeo_watches("w1");
    world.juliet("unavailable");
    assert_eq!(world.requests(), []);
    let (_, notifies) = watcher.again(&mut world, "");
    assert_eq!(substate(&notifies[0]), "pending;expires=3600");
}

#[test]
fn sub_105_presence_before_approval_is_held() {
    let mut world = World::new();
    world.romeo_watches("w1");
    world.juliet_shows("two", "");
    assert_eq!(world.requests(), []);
    world.juliet("subscribed");
    let active = world.request();
    assert!(substate(&active).starts_with("active"));
    assert_eq!(basic(&active, "two"), "open");

    let mut world = World::new();
    world.romeo_watches("w1");
    world.juliet_shows("two", "");
    world.juliet("unsubscribed");
    assert!(world.request().body.is_empty());
}

#[test]
fn sub_118_removal_from_the_roster_ends_both_directions_once() {
    let words = ["unsubscribe", "unsubscribed", "unavailable"];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for order in orders {
        for from in ["juliet@xmpp.test", "juliet@xmpp.test/balcony"] {
            let mut world = World::patient("re_ask: 0s");
            world.juliet_sees(&["a"]);
            world.romeo_sees("w1");
            for word in order.map(|index| words[index]) {
                let to = "romeo@sip.xmpp.test";
                world.xmpp(&format!("<presence from='{from}' to='{to}' type='{word}'/>"));
            }
            let sent: Vec<_> = world.run_quietly(seconds(600)).into_iter().map(|it| it.1).collect();
            let subscribes = sent.iter().filter(|it| it.method.as_str() == "SUBSCRIBE");
            assert_eq!(subscribes.map(expires).collect::<Vec<_>>(), [0], "{order:?} {from}");
            let ends = sent.iter().filter(|it| substate(it).starts_with("terminated"));
            let ends: Vec<_> = ends.map(substate).collect();
            assert_eq!(ends, ["terminated;reason=rejected"], "{order:?} {from}");
            assert!(world.left().is_empty(), "{order:?} {from}: {:?}", world.left());
        }
    }
}

#[test]
fn sub_123_after_a_refusal_nothing_of_the_presentity_is_told() {
    let mut world = World::new();
    let mut watcher = world.romeo_sees("w1");
    world.juliet("unsubscribed");
    world.juliet_shows("balcony", "<show>away</show>");
    world.juliet_shows("garden", "");
    let sent = world.settle(200);
    assert!(sent.iter().all(|it| it.body.is_empty()));
    assert_eq!(watcher.again(&mut world, "").0.status.code(), 481);
}

#[test]
fn sub_125_a_refused_watcher_does_not_ask_again_soon() {
    let mut world = World::new();
    world.romeo_watches("w1");
    world.juliet("unsubscribed");
    world.settle(200);
    world.told();
    world.pass_ms(10_000);
    let (refused, sent) = world.romeo_subscribes("w2", "");
    assert_eq!((refused.status.code(), sent, world.told()), (403, vec![], vec![]));
    world.pass_ms(2 * 3_600_000);
    let (taken, notifies) = world.romeo_subscribes("w3", "");
    assert_eq!((taken.status.code(), world.told()), (200, vec!["subscribe".to_owned()]));
    assert!(substate(&notifies[0]).starts_with("pending"));
}

#[test]
fn sub_126_while_it_is_not_decided_there_is_no_document() {
    let mut world = World::new();
    let (_, notifies) = world.romeo_subscribes("w1", "");
    assert!(notifies[0].body.is_empty());
    let mut world = World::patient("pending_note: true");
    let (_, notifies) = world.romeo_subscribes("w1", "");
    world.juliet_shows("balcony", "");
    let text = body(&notifies[0]);
    assert!(text.contains("<basic>closed</basic>") && text.contains("<note"), "{text}");
    world.settle(200);
    let (_, notifies) = world.romeo_subscribes("w2", "");
    let text = body(&notifies[0]);
    assert!(text.contains("<basic>closed</basic>") && !text.contains("balcony"), "{text}");
}

#[test]
fn sub_127_directed_presence_is_presence() {
    let mut world = World::new();
    world.juliet_shows("a", "");
    assert_eq!(world.sent(), (vec![], vec![]));
    world.romeo_watches("w1");
    world.juliet_shows("a", "<show>dnd</show>");
    assert_eq!(world.requests(), []);
    world.juliet("subscribed");
    let active = world.request();
    assert_eq!(basic(&active, "a"), "open");
    assert!(body(&active).contains("dnd"));
    assert_eq!(world.told(), ["subscribe", "probe"]);
}

#[test]
fn sub_127_directed_presence_says_whether_the_presentity_is_there() {
    let mut world = World::new();
    world.juliet_sees(&["dr4"]);
    world.juliet_shows("yn0", "");
    world.juliet_hides("yn0");
    let sent = world.run_quietly(seconds(3_700));
    assert_eq!(sent, [], "juliet is offline: there is no refresh");
    assert_eq!(world.told(), ["unavailable /dr4"]);
    assert_eq!(world.told(), NOTHING);
}
