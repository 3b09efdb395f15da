//! A subscription of juliet's lives (RFC 8048 §5.2.2): refreshes, logins, requests that nobody
//! decides.

use crate::scene::{expires, open, seconds};
use crate::world::World;

const NOTHING: [String; 0] = [];

/// Romeo's user agent takes each SUBSCRIBE and tells how it stands.
fn agent(state: &'static str, body: String) -> impl FnMut(&mut World, &stox::codec::sip::Request) {
    let mut cseq = 100;
    move |world, request| {
        if request.method == stox::codec::sip::Method::Notify {
            return world.answer(request, 200);
        }
        world.answer(request, 200);
        cseq += 1;
        assert_eq!(world.notified(request, cseq, state, &body), 200);
    }
}

#[test]
fn sub_015_a_login_and_the_end_of_its_time_renew_it() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 200);
    world.notified(&subscribe, 1, "active;expires=100", &open(&["a"]));
    world.pass_ms(79_999);
    assert_eq!(world.requests(), []);
    world.pass_ms(10_001);
    let refresh = world.requests().remove(0);
    assert_eq!((&refresh.call_id, refresh.to.tag()), (&subscribe.call_id, Some("ffd2")));

    // It lapses: juliet is offline, as all watchers whom juliet approved were told.
    world.answer(&refresh, 503);
    world.romeo_sees("w1");
    world.juliet_hides("balcony");
    world.run_quietly(seconds(600));
    world.told();
    world.juliet_probes();
    let anew = world.requests();
    let anew = anew.iter().find(|it| expires_of(it) == Some(3_600)).expect("a SUBSCRIBE");
    assert_ne!(anew.call_id, subscribe.call_id);
}

fn expires_of(request: &stox::codec::sip::Request) -> Option<u32> {
    (request.method == stox::codec::sip::Method::Subscribe).then(|| expires(request))
}

#[test]
fn sub_016_whose_last_device_is_gone_lapses_and_keeps_the_authorization() {
    let mut world = World::new();
    world.juliet_sees(&["a"]);
    world.romeo_sees("w1");
    world.juliet_hides("balcony");
    let sent = world.run_quietly(seconds(3_700));
    assert!(sent.iter().all(|(_, request)| expires_of(request).is_none()), "{sent:#?}");
    let told = world.told();
    assert!(!told.contains(&"unsubscribed".to_owned()), "{told:?}");
    assert_eq!(world.subscriptions().0, 0);
    world.juliet("subscribe");
    assert_eq!(world.told()[0], "subscribed");
}

#[test]
fn sub_016_of_whom_nothing_is_known_is_refreshed_until_the_idle_limit() {
    let mut world = World::patient("idle_limit: 3h");
    world.juliet_sees(&["a"]);
    let mut refreshed = 0;
    let mut romeo = agent("active;expires=3600", open(&["a"]));
    world.run(seconds(3 * 3_600 - 10), |world, request| {
        refreshed += 1;
        romeo(world, request);
    });
    assert_eq!(refreshed, 3);
    let mut later = 0;
    world.run(seconds(2 * 3_600), |_, _| later += 1);
    assert_eq!((later, world.subscriptions()), (0, (0, 0)));
    assert_eq!(world.told(), ["unavailable /a"]);
    world.juliet_probes();
    assert_eq!(expires(&world.request()), 3_600);
}

/// Whatever a server answers to the gateway's own address is no word about juliet.
#[test]
fn sub_017_unsubscribed_for_the_gateway_itself_means_nothing() {
    for kind in ["unsubscribed", "unavailable"] {
        let mut world = World::new();
        let subscribe = world.juliet_sees(&["a"]);
        let to = "sip.xmpp.test";
        world.xmpp(&format!("<presence from='juliet@xmpp.test' to='{to}' type='{kind}'/>"));
        assert_eq!((world.told(), world.requests()), (vec![], vec![]));
        let refresh = world.awaited(seconds(3_240));
        assert_eq!((&refresh.call_id, expires(&refresh)), (&subscribe.call_id, 3_600));
    }
}

#[test]
fn sub_040_each_change_is_told() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 200);
    world.notified(&subscribe, 1, "active;expires=3600", &open(&["a"]));
    assert_eq!(world.told(), ["subscribed", "available /a"]);
    let show = "<show xmlns='jabber:client'>away</show>";
    let away = crate::scene::pidf(&crate::scene::tuple("ID-a", "open", show));
    world.notified(&subscribe, 2, "active;expires=3500", &away);
    assert_eq!(world.told(), ["available /a away"]);
}

#[test]
fn sub_044_a_second_request_is_answered_by_what_is_known() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 200);
    world.notified(&subscribe, 1, "pending;expires=3600", "");
    world.juliet("subscribe");
    assert_eq!((world.requests(), world.told()), (vec![], vec![]));
    world.notified(&subscribe, 2, "active;expires=3600", &open(&["a"]));
    assert_eq!(world.told(), ["subscribed", "available /a"]);
    world.juliet("subscribe");
    assert_eq!(world.told(), ["subscribed", "available /a"]);
}

#[test]
fn sub_044_a_repeated_request_does_not_ask_sooner_than_the_response_said() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer_with(&subscribe, 503, &["Retry-After: 120"]);
    world.juliet("subscribe");
    assert_eq!((world.requests(), world.told()), (vec![], vec![]));
}

#[test]
fn sub_045_the_gateway_refreshes_on_behalf_of_the_xmpp_user() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 200);
    world.notified(&subscribe, 1, "active;expires=60", &open(&["a"]));
    world.juliet_probes();
    world.told();
    world.pass_ms(55_000);
    let refresh = world.requests().remove(0);
    assert_eq!(refresh.call_id, subscribe.call_id);
    assert_eq!(refresh.cseq.number, subscribe.cseq.number + 1);
}

/// A notifier that grants next to nothing does not make the gateway ask without a pause.
#[test]
fn a_life_that_is_too_short_makes_no_storm() {
    for state in ["active;expires=0", "active;expires=1", "pending;expires=0"] {
        let mut world = World::new();
        let subscribe = world.juliet_subscribes();
        world.answer(&subscribe, 200);
        world.notified(&subscribe, 1, state, "");
        let (mut asked, mut romeo) = (0, agent(state, String::new()));
        world.run(seconds(300), |world, request| {
            asked += 1;
            romeo(world, request);
        });
        assert!(asked <= 60, "{state}: {asked} in 5 minutes");
    }
}

#[test]
fn sub_107_an_undecided_request_is_kept_alive() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 200);
    world.notified(&subscribe, 1, "pending;expires=600", "");
    world.juliet_hides("yn0");
    let mut refreshes = Vec::new();
    let mut romeo = agent("pending;expires=600", String::new());
    world.run(seconds(2 * 24 * 3_600), |world, request| {
        refreshes.push(request.call_id.clone());
        romeo(world, request);
    });
    assert!(refreshes.len() > 280 && refreshes.iter().all(|it| *it == subscribe.call_id));
    assert_eq!(world.told(), NOTHING);
    world.notified(&subscribe, 9_000, "active;expires=600", &open(&["a"]));
    assert_eq!(world.told(), ["subscribed", "available /a"]);
}

#[test]
fn sub_107_it_is_refreshed_after_a_restart() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 200);
    world.notified(&subscribe, 1, "pending;expires=600", "");
    let mut world = world.killed(1_000);
    world.up();
    world.pass_ms(2_000);
    let refresh = world.requests().remove(0);
    assert_eq!((&refresh.call_id, refresh.to.tag()), (&subscribe.call_id, Some("ffd2")));
    assert!(refresh.cseq.number > subscribe.cseq.number);
}

#[test]
fn sub_107_at_the_pending_limit_it_is_given_up() {
    let mut world = World::patient("pending_limit: 1h");
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 200);
    world.notified(&subscribe, 1, "pending;expires=600", "");
    let mut romeo = agent("pending;expires=600", String::new());
    world.run(seconds(3_600), &mut romeo);
    let mut later = 0;
    world.run(seconds(3_600), |_, _| later += 1);
    assert_eq!((later, world.subscriptions()), (0, (0, 0)));
    assert_eq!(world.told(), NOTHING);
    world.juliet("subscribe");
    assert_eq!(expires(&world.request()), 3_600);
}

#[test]
fn sub_121_each_request_refreshes_the_target() {
    let mut world = World::new();
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 200);
    world.notified(&subscribe, 1, "active;expires=100", &open(&["a"]));
    let moved = crate::scene::notify(&subscribe, 2, "active;expires=100", &open(&["a"]));
    world.sip(&moved.replace("127.0.0.30:5070", "127.0.0.31:5071"));
    world.responses();
    world.pass_ms(90_000);
    assert_eq!(world.requests().remove(0).uri.as_str(), "sip:romeo@127.0.0.31:5071");

    let mut world = World::new();
    let mut watcher = world.romeo_watches("w1");
    let moved = "Contact: <sip:romeo@127.0.0.31:5071>\nExpires: 600\n";
    let (_, notifies) = watcher.again(&mut world, moved);
    assert_eq!(notifies[0].uri.as_str(), "sip:romeo@127.0.0.31:5071");
}
