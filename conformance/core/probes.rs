//! Probes in both directions (RFC 6121 §4.3, RFC 8048 §7).

use crate::scene::{basic, body, expires, open, pidf, seconds, substate, tuple};
use crate::world::World;

const NOTHING: [String; 0] = [];

fn probe(world: &mut World, from: &str, to: &str, id: &str) {
    world.xmpp(&format!("<presence from='{from}' to='{to}'{id} type='probe'/>"));
}

const JULIET: &str = "juliet@xmpp.test";
const ROMEO: &str = "romeo@sip.xmpp.test";

#[test]
fn sub_079_a_probe_of_an_unknown_pair_is_a_question() {
    let mut world = World::new();
    world.juliet_probes();
    let fetch = world.request();
    assert_eq!((expires(&fetch), fetch.to.tag()), (0, None));
    assert_eq!(fetch.to.uri().as_str(), "sip:romeo@sip.test");
    world.answer(&fetch, 200);
    assert_eq!(world.told(), NOTHING);
    assert_eq!(world.notified(&fetch, 1, "terminated;reason=timeout", &open(&["a"])), 200);
    assert_eq!(world.told(), ["available /a"]);

    let mut world = World::new();
    world.juliet_probes();
    let fetch = world.request();
    world.answer(&fetch, 200);
    assert_eq!(world.notified(&fetch, 1, "terminated;reason=timeout", ""), 200);
    assert_eq!(world.told(), NOTHING);
    assert_eq!(world.run_quietly(seconds(600)), []);
}

#[test]
fn sub_080_probes_from_bare_and_full_jids_are_alike() {
    for from in [JULIET, "juliet@xmpp.test/chamber"] {
        let mut world = World::new();
        probe(&mut world, from, ROMEO, "");
        let fetch = world.request();
        assert_eq!(fetch.from.uri().as_str(), "sip:juliet@xmpp.test");
        assert_eq!(expires(&fetch), 0);
        world.answer(&fetch, 200);
        world.notified(&fetch, 1, "terminated;reason=timeout", &open(&["a"]));
        // `told` holds every addressee to be juliet's bare JID.
        assert_eq!(world.told(), ["available /a"]);
    }
}

#[test]
fn sub_081_while_a_dialog_lives_the_answer_is_what_it_said() {
    let mut world = World::new();
    world.juliet_sees(&["a"]);
    world.juliet_probes();
    assert_eq!(world.told(), ["available /a"]);
    assert!(world.requests().iter().all(|request| request.to.tag().is_some()));
}

#[test]
fn sub_082_unsubscribed_needs_a_proof() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 603);
    world.told();
    world.juliet_probes();
    let told = world.presences();
    assert_eq!((told.len(), told[0].id.as_deref()), (1, Some("p1")));
    assert_eq!(format!("{:?}", told[0].kind), "Unsubscribed");
    assert_eq!(world.requests(), []);

    for (code, answer) in [
        (403, &["unsubscribed"][..]),
        (489, &["unsubscribed"]),
        (603, &["unsubscribed"]),
        (604, &["unsubscribed"]),
        (404, &[]),
        (408, &[]),
    ] {
        let mut world = World::new();
        world.juliet_probes();
        let fetch = world.request();
        world.answer(&fetch, code);
        assert_eq!(world.told(), answer, "{code}");
    }
    for reason in ["rejected", "noresource"] {
        let mut world = World::new();
        world.juliet_probes();
        let fetch = world.request();
        world.notified(&fetch, 1, &format!("terminated;reason={reason}"), "");
        assert_eq!(world.told(), ["unsubscribed"]);
    }
}

#[test]
fn sub_083_a_user_who_has_moved_is_reported_with_the_new_address() {
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a"]);
    world.told_by_romeo(&subscribe, 2, "terminated;reason=giveup", "");
    assert_eq!(world.told(), ["unavailable /a"]);
    world.juliet_probes();
    let anew = world.request();
    world.answer_with(&anew, 301, &["Contact: <sip:romeo2@sip.test>"]);
    let told = world.presences();
    assert_eq!((told.len(), told[0].id.as_deref()), (1, Some("p1")));
    let error = told[0].error.as_ref().expect("an error");
    assert_eq!(error.condition.name(), "gone");
}

#[test]
fn sub_083_a_user_is_away_since_the_last_device_went() {
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a"]);
    world.notified(&subscribe, 2, "active;expires=3600", &pidf(&tuple("ID-a", "closed", "")));
    world.told();
    world.pass_ms(30_000);
    world.juliet_probes();
    let text = world.octets().replace('"', "'");
    assert!(text.contains("type='unavailable'") && text.contains("id='p1'"), "{text}");
    assert!(text.contains("from='romeo@sip.xmpp.test'"), "{text}");
    assert!(text.contains("<delay xmlns='urn:xmpp:delay' stamp='2023-11-14T22:13:20"), "{text}");
    probe(&mut world, "juliet@xmpp.test/yn0", ROMEO, "");
    assert_eq!(world.presences()[0].id, None);

    let mut world = World::new();
    world.juliet_sees(&["a", "b"]);
    world.juliet_probes();
    assert_eq!(world.told(), ["available /a", "available /b"]);
}

#[test]
fn sub_083_no_notify_within_timer_n_is_unavailable() {
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a"]);
    world.told_by_romeo(&subscribe, 2, "terminated;reason=giveup", "");
    world.told();
    world.juliet_probes();
    let anew = world.request();
    world.answer(&anew, 200);
    world.pass_ms(32_000);
    let told = world.presences();
    assert_eq!((told.len(), told[0].id.as_deref()), (1, Some("p1")));
    assert_eq!(format!("{:?}", told[0].kind), "Unavailable");
}

#[test]
fn sub_084_a_probe_of_a_device_is_of_that_device() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 200);
    let show = "<show xmlns='jabber:client'>away</show>";
    let tuples = [tuple("ID-foo", "open", ""), tuple("ID-bar", "open", show)].concat();
    world.notified(&subscribe, 1, "active;expires=3600", &pidf(&tuples));
    world.told();
    probe(&mut world, "juliet@xmpp.test/yn0", "romeo@sip.xmpp.test/bar", "");
    assert_eq!(world.told(), ["available /bar"], "but the fact that it is there");
    probe(&mut world, "juliet@xmpp.test/yn0", "romeo@sip.xmpp.test/none", "");
    assert_eq!(world.told(), ["unavailable"]);
}

#[test]
fn sub_102_who_does_not_answer_a_probe_is_not_there() {
    let mut world = World::new();
    world.romeo_sees("w1");
    let (_, notifies) = world.romeo_subscribes("w2", "");
    world.answer(&notifies[0], 200);
    assert_eq!(world.told(), ["probe"]);
    let sent = world.run_quietly(seconds(9));
    assert_eq!(sent, []);
    let sent = world.run_quietly(seconds(2));
    assert_eq!(sent.len(), 2);
    for (_, request) in sent {
        assert!(substate(&request).starts_with("active"));
        assert_eq!(basic(&request, "balcony"), "closed");
    }

    let mut world = World::new();
    world.romeo_watches("w1");
    assert_eq!(world.run_quietly(seconds(60)), []);
    assert_eq!(world.told(), ["subscribe"]);
}

#[test]
fn sub_103_what_a_probe_does_not_confirm_is_closed() {
    let mut world = World::new();
    world.romeo_sees("w1");
    world.juliet_shows("a", "");
    world.juliet_shows("b", "");
    world.juliet_hides("balcony");
    world.run_quietly(seconds(20));
    world.romeo_subscribes("w2", "").1.iter().for_each(|it| world.answer(it, 200));
    assert_eq!(world.told(), ["probe"]);
    world.juliet_shows("a", "");
    let sent = world.run_quietly(seconds(11));
    let (at, document) = sent.last().expect("a document");
    assert!((9_000..=10_000).contains(at), "{at}");
    assert_eq!((basic(document, "a"), basic(document, "b")), ("open".into(), "closed".into()));
}

#[test]
fn sub_106_answers_without_an_id_count() {
    let mut world = World::new();
    world.romeo_watches("w1");
    let ask = world.presences().remove(0).id.expect("an id");
    world.juliet("subscribed");
    world.settle(200);
    let first = world.presences().remove(0).id.expect("an id");
    world.juliet_shows("a", "");
    world.settle(200);
    world.juliet("unavailable");
    let sent = world.run_quietly(seconds(20));
    assert_eq!(basic(&sent[0].1, "a"), "closed");
    world.romeo_watches("w2");
    let second = world.presences().remove(0).id.expect("an id");
    assert_ne!(ask, first);
    assert_ne!(first, second);
}

#[test]
fn sub_116_an_approved_watcher_has_the_presentity_probed() {
    let mut world = World::new();
    let mut watcher = world.romeo_sees("w1");
    let (ok, notifies) = world.romeo_subscribes("w2", "");
    assert_eq!((ok.status.code(), basic(&notifies[0], "balcony")), (200, "open".into()));
    assert_eq!(world.told(), ["probe"]);
    world.answer(&notifies[0], 200);
    world.juliet_shows("balcony", "<show>xa</show>");
    let sent = world.run_quietly(seconds(20));
    assert!(sent.len() == 2 && sent.iter().all(|(_, it)| body(it).contains("xa")), "{sent:#?}");

    watcher.again(&mut world, "").1.iter().for_each(|it| world.answer(it, 200));
    assert_eq!(world.told(), NOTHING, "juliet was heard of lately");
    world.run_quietly(seconds(3_599));
    watcher.again(&mut world, "").1.iter().for_each(|it| world.answer(it, 200));
    let told = world.told();
    assert!(told.ends_with(&["probe".to_owned()]), "{told:?}");
    world.juliet("unsubscribed");
    let last = world.settle(200);
    assert!(last.iter().all(|it| substate(it) == "terminated;reason=rejected"));
    assert_eq!(world.subscriptions(), (0, 0));
}

#[test]
fn sub_116_a_fetch_has_the_presentity_probed_when_nothing_is_known() {
    let mut world = World::new();
    let mut watcher = world.romeo_watches("w1");
    world.juliet("subscribed");
    world.settle(200);
    watcher.again(&mut world, "Expires: 0\n");
    world.settle(200);
    let mut world = world.killed(0);
    world.up();
    world.told();
    let (ok, notifies) = world.romeo_subscribes("q1", "Expires: 0\n");
    assert_eq!((ok.status.code(), notifies[0].body.len()), (200, 0));
    world.answer(&notifies[0], 200);
    assert_eq!(world.told(), ["probe"]);
    world.juliet_shows("balcony", "");
    world.run_quietly(seconds(20));
    let (_, notifies) = world.romeo_subscribes("q2", "Expires: 0\n");
    assert_eq!(basic(&notifies[0], "balcony"), "open");
    assert_eq!(world.told(), NOTHING, "the cache answers");
}
