//! What presence shows of rows that are not its own: addresses, architecture, errors and encryption.

use stox::codec::sip::{HeaderName, Method, Request, Response};
use stox::rules::Rules;

use crate::presence_fixture::{SipWatcher, brief};
use crate::scene::{body, expires, header, notify, open, pidf, seconds, subscribe, tuple};
use crate::world::{World, message};

const NOTHING: [String; 0] = [];

#[test]
fn addr_016_a_sip_user_is_addressed_as_the_user_spells_it() {
    let mut world = World::new();
    world.romeo_watches("w0");
    assert_eq!(world.told(), ["subscribe"]);
    world.sip(&subscribe("w1", "", 1, "").replace("sip:romeo@", "sip:RomeO@"));
    let (ok, notifies) = world.answered();
    assert_eq!((ok.status.code(), notifies.len()), (200, 1));
    assert_eq!(notifies[0].uri.as_str(), "sip:RomeO@127.0.0.30:5070");
    assert_eq!(notifies[0].to.uri().as_str(), "sip:RomeO@sip.test");
    world.answer(&notifies[0], 200);
    assert_eq!(world.told(), NOTHING, "two spellings are one JID");
    world.juliet_says("1", "x");
    let request = world.request();
    assert_eq!(request.method, Method::Message);
    assert_eq!(request.uri.as_str(), "sip:RomeO@sip.test");
    world.answer(&request, 200);
    // Each dialog keeps its own spelling, also through a death.
    let mut world = world.killed(1_000);
    world.up();
    world.run_quietly(seconds(10));
    world.juliet("subscribed");
    let told = world.settle(200);
    let spelled: std::collections::BTreeSet<_> =
        told.iter().map(|it| (it.call_id.as_str(), it.to.uri().as_str())).collect();
    let both = [("w0", "sip:romeo@sip.test"), ("w1", "sip:RomeO@sip.test")];
    assert_eq!(spelled, both.into());
}

#[test]
fn addr_033_a_pres_uri_is_read_as_a_sip_uri() {
    for scheme in ["pres", "im"] {
        let mut world = World::new();
        let to = format!("SUBSCRIBE {scheme}:");
        world.sip(&subscribe("w1", "", 1, "").replacen("SUBSCRIBE sip:", &to, 1));
        let (ok, _) = world.answered();
        assert_eq!(ok.status.code(), 200, "{scheme}");
        assert_eq!(world.told(), ["subscribe"], "{scheme}");
    }
}

#[test]
fn arch_011_options_names_the_events() {
    let mut world = World::new();
    world.sip(&message("o", "", "").replace("MESSAGE", "OPTIONS"));
    let response = world.response();
    assert_eq!(response.status.code(), 200);
    let events: Vec<&str> = response.headers.items(&HeaderName::AllowEvents).collect();
    assert_eq!(events, ["presence"]);
}

#[test]
fn arch_025_after_a_new_stream_the_xmpp_user_is_probed() {
    let mut world = World::new();
    world.romeo_sees("w1");
    world.down(true);
    world.pass_ms(30_000);
    assert_eq!(world.told(), NOTHING);
    world.up();
    assert_eq!(world.told(), ["probe"]);
    let mut quiet = World::new();
    quiet.down(true);
    quiet.up();
    assert_eq!(quiet.told(), NOTHING, "where nobody watches, nobody is asked");
}

#[test]
fn arch_029_subscribed_waits_for_the_sip_user() {
    let mut world = World::new();
    let (_, notifies) = world.romeo_subscribes("w1", "");
    world.answer(&notifies[0], 200);
    assert_eq!(world.told(), ["subscribe"]);
    let subscribe = world.juliet_subscribes();
    world.answer(&subscribe, 200);
    assert_eq!(world.told(), NOTHING);
    assert_eq!(world.notified(&subscribe, 1, "pending;expires=3600", ""), 200);
    assert_eq!(world.told(), NOTHING);
    assert_eq!(world.notified(&subscribe, 2, "active;expires=3600", ""), 200);
    assert_eq!(world.told(), ["subscribed"]);
}

#[test]
fn arch_031_after_unsubscribe_nothing_of_the_sip_user_is_shown() {
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a"]);
    world.juliet("unsubscribe");
    let end = world.request();
    assert_eq!(expires(&end), 0);
    world.answer(&end, 200);
    assert_eq!(world.told(), ["unavailable /a", "unsubscribed"]);
    // One that was under way, the last one, and one that is too late.
    let states = ["active;expires=3000", "terminated;reason=timeout", "active;expires=3000"];
    for (cseq, state) in (2..).zip(states) {
        world.told_by_romeo(&subscribe, cseq, state, &open(&["a", "b"]));
    }
    world.run_quietly(seconds(7_200));
    assert_eq!(world.told(), NOTHING);
}

/// All that the gateway does while juliet sees romeo come, change and go: what it sends, and what
/// juliet is told. The deployment is told by what stands in the way of each NOTIFY.
fn trace(contact: &str, route: &str) -> (Vec<String>, Vec<String>) {
    let mut world = World::new();
    let first = world.juliet_subscribes();
    world.answer(&first, 200);
    let say = |world: &mut World, cseq: u32, state: &str, body: &str| {
        let text = notify(&first, cseq, state, body)
            .replace("<sip:romeo@127.0.0.30:5070>", contact)
            .replace("Event:", &format!("{route}Event:"));
        world.sip(&text);
        assert_eq!(world.codes(), [200]);
    };
    say(&mut world, 1, "pending;expires=3600", "");
    say(&mut world, 2, "active;expires=3600", &open(&["a"]));
    say(&mut world, 3, "active;expires=3500", &open(&["a", "b"]));
    let refresh = world.awaited(seconds(3_600));
    world.answer(&refresh, 200);
    say(&mut world, 4, "active;expires=3600", &pidf(&tuple("ID-a", "closed", "")));
    world.juliet("unsubscribe");
    let end = world.request();
    world.answer(&end, 200);
    say(&mut world, 5, "terminated;reason=timeout", "");
    assert_eq!(world.requests(), []);
    let line = |it: &Request| {
        let event = header(it, &HeaderName::Event);
        format!("{} {event} {} {}", it.method.as_str(), expires(it), it.cseq.number)
    };
    ([first, refresh, end].iter().map(line).collect(), world.told())
}

#[test]
fn arch_033_a_presence_server_is_watched_as_a_user_agent_is() {
    let agent = trace("<sip:romeo@127.0.0.30:5070>", "");
    let server = trace(
        "<sip:presence.sip.test;gr=ps1>",
        "Server: presence\nRecord-Route: <sip:127.0.0.13;lr>\n",
    );
    assert_eq!(agent, server);
    assert_eq!(agent.0.len(), 3);
    assert!(agent.0.iter().all(|line| line.starts_with("SUBSCRIBE presence ")), "{agent:?}");
    assert_eq!(agent.1[..2], ["subscribed", "available /a"]);
}

/// What romeo is answered when juliet's server refuses romeo's message with this condition.
fn bounced(rules: &str, condition: &str) -> Response {
    let mut world = World::with_rules("errors.yaml", rules);
    world.romeo_says("a", "hello");
    let id = world.message().id.expect("an id");
    world.xmpp(&format!(
        "<message type='error' id='{id}' from='juliet@xmpp.test' to='romeo@sip.xmpp.test'>\
         <error type='cancel'>{condition}</error></message>"
    ));
    world.response()
}

#[test]
fn err_029_a_status_has_the_header_without_which_it_is_useless() {
    let answer = |text: &str| {
        let mut world = World::new();
        world.sip(text);
        world.response()
    };
    let register = message("a", "", "x").replace("MESSAGE", "REGISTER");
    let publish = message("a", "Event: presence\n", "").replace("MESSAGE", "PUBLISH");
    let conflict = "<conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>";
    let chosen =
        |code: u16| bounced(&format!("to_sip: {{ conflict: {{ status: {code} }} }}\n"), conflict);
    let moved = |name: &str| {
        let ns = "urn:ietf:params:xml:ns:xmpp-stanzas";
        bounced("{}\n", &format!("<{name} xmlns='{ns}'>xmpp:new@xmpp.test</{name}>"))
    };
    for (response, code, companion) in [
        (moved("gone"), 301, HeaderName::Contact),
        (moved("redirect"), 302, HeaderName::Contact),
        (chosen(401), 401, HeaderName::WwwAuthenticate),
        (chosen(407), 407, HeaderName::ProxyAuthenticate),
        (answer(&register), 405, HeaderName::Allow),
        (answer(&publish), 405, HeaderName::Allow),
        (answer(&message("a", "Content-Type: image/png\n", "x")), 415, HeaderName::Accept),
        (
            answer(&message("a", "Content-Encoding: compress\n", "x")),
            415,
            HeaderName::AcceptEncoding,
        ),
        (answer(&message("a", "Require: foo\n", "x")), 420, HeaderName::Unsupported),
        (answer(&subscribe("w1", "", 1, "Expires: 5\n")), 423, HeaderName::MinExpires),
        (answer(&subscribe("w1", "", 1, "Event: dialog\n")), 489, HeaderName::AllowEvents),
        (
            answer(&message("a", "", "x").replacen("MESSAGE sip:", "MESSAGE sips:", 1)),
            480,
            HeaderName::Warning,
        ),
    ] {
        assert_eq!(response.status.code(), code);
        assert!(response.headers.contains(&companion), "{code} without {companion}");
    }
}

/// The gateway demands no extension: a rule cannot make it send a 421, which would need Require.
#[test]
fn err_029_a_421_cannot_be_chosen() {
    let directory = std::env::temp_dir().join(format!("stox-rules-421-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let text = "to_sip: { conflict: { status: 421 } }\n";
    std::fs::write(directory.join("errors.yaml"), text).expect("a file");
    let told = Rules::load(Some(&directory)).expect_err("no such rule");
    std::fs::remove_dir_all(&directory).expect("the directory can go");
    assert!(told[0].to_string().contains("421 needs a Require header"), "{}", told[0]);
}

#[test]
fn e2e_020_a_secured_presence_is_refused_without_a_dialog_that_takes_its_type() {
    let secured = "<presence id='p1' from='juliet@example.com/balcony' to='romeo@example.net'>\
                   <show>away</show><e2e xmlns='urn:ietf:params:xml:ns:xmpp-e2e'>\
                   Content-Type: application/pkcs7-mime\n\nMIAA</e2e></presence>";
    let refused = |world: &mut World| {
        world.xmpp(secured);
        let told = world.stanzas_sent();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains("type='error'") && told[0].contains("<not-acceptable"),
            "{told:?}"
        );
        world.no_document();
    };
    refused(&mut World::verona());
    let (mut world, mut watch) = SipWatcher::granted();
    let accept = "Event: presence\nExpires: 3600\nAccept: application/pidf+xml\n";
    watch.subscribes(&mut world, accept);
    world.juliet_is("balcony", "<show>dnd</show>");
    assert_eq!(brief(&world.document()), "ID-balcony open");
    refused(&mut world);
}

#[test]
fn e2e_074_an_encrypted_status_is_left_out() {
    let mut world = World::new();
    world.romeo_sees("w1");
    world.juliet_shows(
        "balcony",
        "<status>Online</status><x xmlns='jabber:x:encrypted'>hQEMA9vhVJeHUHZc</x>",
    );
    let document = body(&world.awaited(seconds(5)));
    assert_eq!(document.matches("<note").count(), 1, "{document}");
    assert!(document.contains(">Online</note>"), "{document}");
    assert!(!document.contains("encrypted") && !document.contains("hQEMA9"), "{document}");
}
