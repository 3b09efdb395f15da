//! Addresses in their places: which header counts, what is remembered, what is answered about them.
//! How one address looks on the other side is in `conformance/vectors/addresses.txt`.

use stox::codec::sip::HeaderName;
use stox::codec::xmpp::Stanza;
use stox::codec::xmpp::ns;

use crate::world::{SETTINGS, World, message};

/// The text of a header of the one request sent since the last look.
fn header(world: &mut World, name: &str) -> String {
    let (_, octets) = world.sip.remove(0);
    assert_eq!(world.sip.len(), 0);
    let text = String::from_utf8(octets.to_vec()).expect("UTF-8");
    let start = format!("{name}: ");
    let line = text.lines().find_map(|line| line.strip_prefix(&start));
    line.unwrap_or_else(|| panic!("no {name} in\n{text}")).to_owned()
}

fn to_of(world: &mut World) -> String {
    world.message().to.expect("a recipient").to_string()
}

#[test]
fn addr_019_a_password_reaches_neither_a_stanza_nor_the_log() {
    let mut world = World::new();
    world.sip(&message("a", "", "x").replace("sip:romeo@sip.test", "sip:romeo:s3same@sip.test"));
    let (_, octets) = world.xmpp.first().expect("a stanza").clone();
    assert!(!String::from_utf8_lossy(&octets).contains("s3same"));
    world.sip(&message("b", "", "x").replace("sip:romeo@sip.test", "sip:%FF:s3same@sip.test"));
    assert!(!world.events.is_empty());
    assert!(!format!("{:?}", world.events).contains("s3same"));
}

#[test]
fn addr_024_a_temporary_gruu_names_nobody_else_even_when_its_user_is_known() {
    let mut world = World::new();
    world.sip(&message("a", "", "x").replace("romeo@sip.test", "romeo@sip.test;gr=dr4"));
    world.xmpp.clear();
    let temporary = "sip:tgruu.7hs==@sip.test;gr";
    world.sip(&message("b", "", "x").replace("sip:romeo@sip.test", temporary));
    let (_, octets) = world.xmpp.first().expect("a stanza").clone();
    assert!(!String::from_utf8_lossy(&octets).contains("romeo"));
    let from = world.message().from.expect("a sender");
    assert_eq!(from.as_str(), "tgruu.7hs==@sip.xmpp.test");
}

#[test]
fn addr_027_gr_outside_the_brackets_is_a_hint_that_can_be_ignored() {
    let text = message("a", "", "x").replace("<sip:romeo@sip.test>", "<sip:romeo@sip.test>;gr=dr4");
    let from = |mut world: World| {
        world.up();
        world.sip(&text);
        world.message().from.expect("a sender").to_string()
    };
    assert_eq!(from(World::new()), "romeo@sip.xmpp.test/dr4");
    let mut rules = crate::world::built_in();
    rules.addresses.gr_outside_brackets = false;
    assert_eq!(from(World::ruled(SETTINGS, rules, 7)), "romeo@sip.xmpp.test");
    let mut world = World::with_devices();
    world.juliet_says("1", "x");
    let from = header(&mut world, "From");
    assert!(from.starts_with("<sip:juliet@xmpp.test;gr=balcony>;tag="), "{from}");
}

#[test]
fn addr_028_sips_in_request_uri_or_to_is_480_with_warning_380() {
    let base = message("a", "", "x");
    for text in [
        base.replacen("MESSAGE sip:", "MESSAGE sips:", 1),
        base.replacen("To: <sip:", "To: <sips:", 1),
    ] {
        let mut world = World::new();
        world.sip(&text);
        let response = world.response();
        assert_eq!(response.status.code(), 480);
        let warning = response.headers.get_text(&HeaderName::Warning).expect("a Warning");
        assert!(warning.starts_with("380 ") && warning.contains("SIPS Not Allowed"), "{warning}");
        assert_eq!(world.stanzas(), []);
    }
}

#[test]
fn addr_029_another_scheme_in_to_is_no_matter() {
    let mut world = World::new();
    world.sip(&message("a", "", "x").replace("To: <sip:juliet@xmpp.test>", "To: <tel:+1555>"));
    assert_eq!(to_of(&mut world), "juliet@xmpp.test");
}

#[test]
fn addr_030_the_request_uri_says_who_is_meant() {
    let text = |uri: &str, to: &str| {
        let text = message("a", "", "x").replacen(
            "MESSAGE sip:juliet@xmpp.test",
            &format!("MESSAGE {uri}"),
            1,
        );
        text.replace("To: <sip:juliet@xmpp.test>", &format!("To: <{to}>"))
    };
    let mut world = World::new();
    world.sip(&text("sip:juliet@xmpp.test", "sip:list@sip.test"));
    assert_eq!(to_of(&mut world), "juliet@xmpp.test");
    // The gateway's own host: To says who is meant.
    let named = SETTINGS.replace(
        "\"udp:127.0.0.20:5060\"",
        "{ address: \"udp:127.0.0.20:5060\", advertise: gw.example.net }",
    );
    for (settings, uri) in [(SETTINGS, "sip:127.0.0.20"), (&*named, "sip:gw.example.net")] {
        let mut world = World::with(settings);
        world.up();
        world.sip(&text(uri, "sip:juliet@xmpp.test"));
        assert_eq!(to_of(&mut world), "juliet@xmpp.test", "{uri}");
    }
    for uri in ["sip:x@other.example", "sip:x@127.0.0.20"] {
        let mut world = World::new();
        world.sip(&text(uri, "sip:juliet@xmpp.test"));
        assert_eq!(world.codes(), [404], "no open relay: {uri}");
        assert_eq!(world.stanzas(), []);
    }
}

#[test]
fn im_and_pres_uris_are_read_as_sip_uris() {
    for scheme in ["im", "pres"] {
        let mut world = World::new();
        let uri = format!("MESSAGE {scheme}:");
        world.sip(&message("a", "", "x").replacen("MESSAGE sip:", &uri, 1));
        assert_eq!(to_of(&mut world), "juliet@xmpp.test");
    }
}

#[test]
fn addr_034_an_im_uri_names_one_mailbox_and_its_headers_say_nothing() {
    let to = |uri: &str| {
        let mut world = World::with_rules("addresses.yaml", "to_xmpp: { senders: im }\n");
        let text = message("a", "", "x").replacen("sip:juliet@xmpp.test", uri, 1);
        world.sip(
            &text.replace("From: <sip:romeo@sip.test>", "From: <im:romeo@sip.test?subject=x>"),
        );
        world
    };
    let stanza = to("sip:juliet@xmpp.test").message();
    assert_eq!(stanza.from.expect("a sender").as_str(), "romeo@sip.xmpp.test");
    assert_eq!(stanza.subjects, [], "headers of a URI are no content");
    for uri in ["im:?subject=x", "im:a@xmpp.test,b@xmpp.test", "pres:?x=y"] {
        let mut world = to(uri);
        assert_eq!(world.codes(), [404], "{uri}");
        assert_eq!(world.stanzas(), []);
    }
}

#[test]
fn addr_047_a_message_goes_to_a_sip_uri_and_by_no_route() {
    let mut world = World::new();
    world.juliet_says("1", "x");
    let request = world.request();
    assert!(request.uri.as_str().starts_with("sip:romeo@sip.test"));
    for name in [HeaderName::Route, HeaderName::RecordRoute] {
        assert!(!request.headers.contains(&name));
    }
    assert_eq!(world.queries, [], "and nobody is asked whether the domain has another scheme");
}

#[test]
fn addr_052_a_uri_with_parameters_is_in_brackets() {
    let mut world = World::with_devices();
    world.sip(&message("a", "", "x").replace("romeo@sip.test", "romeo@sip.test;gr=dr4"));
    world.xmpp.clear();
    world.xmpp(
        "<message from='juliet@xmpp.test/yn0' to='romeo@sip.xmpp.test/dr4'><body>x</body></message>",
    );
    let text = String::from_utf8(world.sip[0].1.to_vec()).expect("UTF-8");
    assert!(text.contains("\r\nFrom: <sip:juliet@xmpp.test;gr=yn0>;tag="), "{text}");
    assert!(text.contains("\r\nTo: <sip:romeo@sip.test;gr=dr4>\r\n"), "{text}");
}

#[test]
fn addr_054_the_component_itself_is_no_user() {
    let mut world = World::new();
    world.xmpp(
        "<message from='juliet@xmpp.test/b' to='sip.xmpp.test' id='1'><body>x</body></message>",
    );
    let (id, error) = world.error();
    assert_eq!((id.as_str(), error.condition.name()), ("1", "service-unavailable"));
    assert_eq!(world.requests(), []);
    // Another domain that writes is a URI without a user.
    world
        .xmpp("<message from='xmpp.test' to='romeo@sip.xmpp.test' id='2'><body>x</body></message>");
    assert_eq!(world.request().from.uri().as_str(), "sip:xmpp.test");
}

#[test]
fn addr_062_a_nickname_is_the_display_name_and_nothing_of_it_is_in_the_object() {
    let nick = |nick: &str| {
        format!("<message id='1'><body>x</body><nick xmlns='{}'>{nick}</nick></message>", ns::NICK)
    };
    let mut world = World::with_reader();
    world.xmpp(&nick("Ann \"A\" O'B"));
    let text = String::from_utf8(world.sip[0].1.to_vec()).expect("UTF-8");
    assert!(text.contains("\r\nFrom: \"Ann \\\"A\\\" O'B\" <sip:juliet@xmpp.test>;tag="));
    assert!(text.contains("\r\n\r\nFrom: <sip:juliet@xmpp.test>\r\n"), "{text}");
    let mut world = World::with_reader();
    world.xmpp(&nick("a&#9;b&#10;To: c"));
    assert!(header(&mut world, "From").starts_with("\"abTo: c\" <sip:juliet@"));
    let mut rules = crate::world::built_in();
    rules.messages.nick_to_display_name = false;
    let mut world = World::ruled(SETTINGS, rules, 7);
    world.up();
    world.xmpp(&nick("Ann"));
    assert!(header(&mut world, "From").starts_with("<sip:juliet@"));
}

/// The payload of the one iq written since the last look, or the condition of its error.
fn iq(world: &mut World) -> Result<stox::codec::xml::Element, &'static str> {
    match world.stanzas().pop() {
        Some(Stanza::Iq(iq)) => match iq.error {
            Some(error) => Err(error.condition.name()),
            None => Ok(iq.payload.expect("a payload")),
        },
        other => panic!("no iq: {other:?}"),
    }
}

#[test]
fn addr_067_the_gateway_says_that_it_escapes() {
    let mut world = World::new();
    world.xmpp(&format!(
        "<iq type='get' id='1' from='juliet@xmpp.test/b' to='sip.xmpp.test'><query xmlns='{}'/></iq>",
        ns::DISCO_INFO
    ));
    let query = iq(&mut world).expect("a result");
    let features: Vec<String> =
        query.elements().filter_map(|e| e.attr("var").map(ToString::to_string)).collect();
    assert!(features.iter().any(|feature| feature == "jid\\20escaping"), "{features:?}");
    assert!(features.iter().any(|feature| feature == ns::GATEWAY), "{features:?}");
}

#[test]
fn addr_068_a_client_asks_for_the_jid_of_a_sip_address() {
    let mut world = World::new();
    let ask = |world: &mut World, kind: &str, inner: &str| {
        world.xmpp(&format!(
            "<iq type='{kind}' id='1' from='juliet@xmpp.test/b' to='sip.xmpp.test'>\
             <query xmlns='{}'>{inner}</query></iq>",
            ns::GATEWAY
        ));
        iq(world)
    };
    let asked = ask(&mut world, "get", "").expect("a result");
    for child in ["desc", "prompt"] {
        assert!(!asked.child(child, ns::GATEWAY).expect(child).text().is_empty());
    }
    for (written, jid) in [
        ("sip:o'malley@sip.test", "o\\27malley@sip.xmpp.test"),
        ("romeo@sip.test", "romeo@sip.xmpp.test"),
        (" sip:f%C3%BC@SIP.test;transport=tcp ", "f\u{FC}@sip.xmpp.test"),
        ("sip:f\u{FC}@sip.test", "f\u{FC}@sip.xmpp.test"),
        ("a b@sip.test", "a\\20b@sip.xmpp.test"),
    ] {
        let answer = ask(&mut world, "set", &format!("<prompt>{written}</prompt>"));
        let found = answer.expect(written).child("jid", ns::GATEWAY).map(|jid| jid.text());
        assert_eq!(found.as_deref(), Some(jid), "{written}");
    }
    for unknown in
        ["romeo@elsewhere.example", "juliet@xmpp.test", "tel:+1555", "", "sip:%FF@sip.test"]
    {
        let answer = ask(&mut world, "set", &format!("<prompt>{unknown}</prompt>"));
        assert_eq!(answer.err(), Some("item-not-found"), "{unknown}");
    }
}

#[test]
fn addr_073_what_has_no_jid_is_refused_in_words() {
    let base = message("a", "", "x");
    for (text, code) in [
        (base.replace("From: <sip:romeo@", "From: <sip:%FF@"), 403),
        (base.replacen("sip:juliet@", "sip:%E2%99%9A@", 1), 404),
    ] {
        let mut world = World::new();
        world.sip(&text);
        let response = world.response();
        assert_eq!(response.status.code(), code);
        let warning = response.headers.get_text(&HeaderName::Warning).expect("a Warning");
        assert!(warning.starts_with("399 ") && warning.contains("address"), "{warning}");
        assert_eq!(world.stanzas(), []);
    }
}

#[test]
fn addr_074_an_answer_finds_the_user_who_is_spelled_otherwise() {
    let answer = message("a", "", "x").replacen("sip:juliet@xmpp.test", "sip:a%5Cb@xmpp.test", 1);
    let mut stranger = World::new();
    stranger.sip(&answer);
    assert_eq!(to_of(&mut stranger), "a\\b@xmpp.test");

    let mut world = World::new();
    let say = |world: &mut World, from: &str| {
        world.xmpp(&format!(
            "<message from='{from}/x' to='romeo@sip.xmpp.test' id='1'><body>x</body></message>"
        ));
        let request = world.request();
        world.answer(&request, 200);
        request.from.uri().as_str().to_owned()
    };
    assert_eq!(say(&mut world, "a\\5cb@xmpp.test"), "sip:a%5Cb@xmpp.test");
    world.sip(&answer);
    assert_eq!(to_of(&mut world), "a\\5cb@xmpp.test");
    // Who was seen last under this name counts.
    assert_eq!(say(&mut world, "a\\b@xmpp.test"), "sip:a%5Cb@xmpp.test");
    world.sip(&answer.replace("call-a", "call-b").replace("z9hG4bKa", "z9hG4bKb"));
    assert_eq!(to_of(&mut world), "a\\b@xmpp.test");
}

#[test]
fn addr_008_a_space_at_an_edge_is_answered_while_it_is_remembered() {
    for (local, user) in [("\\20a", "%20a"), ("a\\20", "a%20"), ("\\20", "%20")] {
        let answer = message("a", "", "x").replacen("sip:juliet@", &format!("sip:{user}@"), 1);
        let mut stranger = World::new();
        stranger.sip(&answer);
        assert_eq!(stranger.codes(), [404]);
        let mut world = World::new();
        world.xmpp(&format!(
            "<message from='{local}@xmpp.test/x' to='romeo@sip.xmpp.test'><body>x</body></message>"
        ));
        assert_eq!(world.request().from.uri().as_str(), format!("sip:{user}@xmpp.test"));
        world.sip(&answer);
        assert_eq!(to_of(&mut world), format!("{local}@xmpp.test"));
    }
}

#[test]
fn a_user_whom_only_the_own_server_knows_is_answered() {
    let mut world = World::new();
    world.xmpp(
        "<message from='\u{265A}@xmpp.test/x' to='romeo@sip.xmpp.test'><body>x</body></message>",
    );
    assert_eq!(world.request().from.uri().as_str(), "sip:%E2%99%9A@xmpp.test");
    world.sip(&message("a", "", "x").replacen("sip:juliet@", "sip:%E2%99%9A@", 1));
    assert_eq!(to_of(&mut world), "\u{265A}@xmpp.test");
}

#[test]
fn a_sip_user_is_written_to_as_the_user_spells_it() {
    let mut world = World::new();
    let target = |world: &mut World| {
        world.juliet_says("1", "x");
        let request = world.request();
        world.answer(&request, 200);
        assert_eq!(request.uri.as_str(), request.to.uri().as_str());
        request.uri.as_str().to_owned()
    };
    assert_eq!(target(&mut world), "sip:romeo@sip.test");
    world.sip(&message("a", "", "x").replace("<sip:romeo@", "<sip:RomeO@"));
    assert_eq!(target(&mut world), "sip:RomeO@sip.test");
    world.sip(&message("b", "", "x"));
    assert_eq!(target(&mut world), "sip:romeo@sip.test", "the spelling seen last");
}
