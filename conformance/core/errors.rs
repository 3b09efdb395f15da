//! Errors across the gateway: what decides, what goes with a status, in whose words. The tables
//! themselves are in `conformance/vectors/errors.txt`.

use stox::codec::sip::{HeaderName, Response};
use stox::rules::Rules;

use crate::world::{World, message};

/// The error of a message that romeo sent, from juliet's server.
fn bounce(id: &str, inner: &str) -> String {
    format!(
        "<message type='error' id='{id}' from='juliet@xmpp.test' to='romeo@sip.xmpp.test'>\
         <error type='cancel'>{inner}</error></message>"
    )
}

fn condition(name: &str, content: &str) -> String {
    format!("<{name} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>{content}</{name}>")
}

/// What romeo is answered when a message to juliet comes back with an error.
fn bounced(world: &mut World, inner: &str) -> Response {
    world.romeo_says("a", "hello");
    let id = world.message().id.expect("an id");
    world.xmpp(&bounce(&id, inner));
    world.response()
}

/// What juliet is told when a message of juliet's is answered.
fn told(world: &mut World, code: u16, headers: &[&str]) -> stox::codec::xmpp::StanzaError {
    world.juliet_says("m1", "hello");
    let request = world.request();
    world.answer_with(&request, code, headers);
    let (id, error) = world.error();
    assert_eq!(id, "m1");
    error
}

#[test]
fn err_005_a_new_address_is_the_contact_of_a_301() {
    for (address, contact) in [
        (" xmpp:new@xmpp.test ", "<sip:new@xmpp.test>"),
        ("xmpp:nasty%23node@xmpp.test?message", "<sip:nasty%23node@xmpp.test>"),
        ("mailto:j@example.org", "<mailto:j@example.org>"),
        ("xmpp:new@elsewhere.example", "<xmpp:new@elsewhere.example>"),
    ] {
        let response = bounced(&mut World::new(), &condition("gone", address));
        assert_eq!(response.status.code(), 301, "{address}");
        assert_eq!(response.headers.get_text(&HeaderName::Contact), Some(contact));
    }
    let response = bounced(&mut World::new(), &condition("gone", " \n "));
    assert_eq!(response.status.code(), 410, "white space is no address");
}

#[test]
fn an_address_cannot_choose_headers_or_a_method() {
    for address in ["sip:x@y?Route=%3Csip:evil%3E", "sip:x@y;method=BYE"] {
        let response = bounced(&mut World::new(), &condition("gone", address));
        assert_eq!(response.status.code(), 410, "{address}");
        assert!(!response.headers.contains(&HeaderName::Contact));
    }
}

#[test]
fn err_012_not_authorized_is_403_or_by_rule_a_401_with_a_challenge() {
    let error = condition("not-authorized", "");
    assert_eq!(bounced(&mut World::new(), &error).status.code(), 403);
    let literal = "to_sip: { not-authorized: { status: 401 } }\n";
    let mut world = World::with_rules("errors.yaml", literal);
    let response = bounced(&mut world, &error);
    assert_eq!(response.status.code(), 401);
    let challenge = response.headers.get_text(&HeaderName::WwwAuthenticate).expect("a challenge");
    assert!(challenge.starts_with("Digest realm=\"xmpp.test\", nonce=\""), "{challenge}");
}

#[test]
fn err_016_registration_required_is_403_or_by_rule_a_407_with_a_challenge() {
    let error = condition("registration-required", "");
    assert_eq!(bounced(&mut World::new(), &error).status.code(), 403);
    let literal = "to_sip: { registration-required: { status: 407 } }\n";
    let mut world = World::with_rules("errors.yaml", literal);
    let response = bounced(&mut world, &error);
    assert_eq!(response.status.code(), 407);
    let challenge = response.headers.get_text(&HeaderName::ProxyAuthenticate).expect("a challenge");
    assert!(challenge.starts_with("Digest realm=\"xmpp.test\", nonce=\""), "{challenge}");
}

#[test]
fn err_018_a_timeout_behind_the_gateway_is_504_and_408_for_an_invite_alone() {
    let error = condition("remote-server-timeout", "");
    for to_full in [false, true] {
        let mut world = World::new();
        if to_full {
            world.juliet_says("1", "I am here");
            world.sip.clear();
        }
        assert_eq!(bounced(&mut world, &error).status.code(), 504);
    }
    let rules = crate::world::built_in();
    let codes = rules.errors.to_sip("remote-server-timeout").expect("an entry");
    assert_eq!((codes.status(false, false), codes.invite(false, false)), (504, 408));
}

#[test]
fn err_024_what_is_not_understood_of_an_error_is_left_out() {
    let stranger = format!("{}<foo xmlns='urn:x'/>", condition("item-not-found", ""));
    assert_eq!(bounced(&mut World::new(), &stranger).status.code(), 604);
    assert_eq!(bounced(&mut World::new(), "<foo/>").status.code(), 400);
    assert_eq!(bounced(&mut World::new(), "").status.code(), 400);
}

#[test]
fn err_025_the_text_is_the_reason_phrase_within_its_grammar() {
    let phrase = |text: &str| {
        let text = [condition("recipient-unavailable", ""), condition("text", text)].concat();
        let mut world = World::new();
        world.romeo_says("a", "hello");
        let id = world.message().id.expect("an id");
        world.xmpp(&bounce(&id, &text));
        let (_, octets) = world.sip.remove(0);
        let octets = String::from_utf8(octets.to_vec()).expect("UTF-8");
        let line = octets.lines().next().expect("a line").to_owned();
        assert!(!octets.contains("\nVia: x"), "{octets}");
        line
    };
    assert_eq!(phrase("gone fishing"), "SIP/2.0 600 gone fishing");
    assert_eq!(phrase("a&#10;Via: x"), "SIP/2.0 600 a Via: x");
    assert_eq!(phrase("User \"x\" 5%"), "SIP/2.0 600 User 'x' 5%25");
    let words = "SIP/2.0 600 The XMPP user is not signed in at the moment";
    assert_eq!(phrase(""), words, "it says nothing: the words of the rules");
    let long = phrase(&"\u{E9}".repeat(200));
    assert_eq!(long.len(), "SIP/2.0 600 ".len() + 128);
}

#[test]
fn err_026_an_error_after_the_success_makes_no_response() {
    let mut world = World::new();
    world.romeo_says("a", "hello");
    let id = world.message().id.expect("an id");
    world.confirm();
    assert_eq!(world.codes(), [200]);
    world.xmpp(&bounce(&id, &condition("item-not-found", "")));
    assert_eq!((world.sip.len(), world.xmpp.len()), (0, 0));
    assert_eq!(world.counter("xmpp_stray_errors"), 1);
}

#[test]
fn err_027_the_first_error_decides() {
    let mut world = World::new();
    world.romeo_says("a", "hello");
    let id = world.message().id.expect("an id");
    world.xmpp(&bounce(&id, &condition("item-not-found", "")));
    world.xmpp(&bounce(&id, &condition("forbidden", "")));
    world.confirm_all();
    assert_eq!(world.codes(), [604]);
}

#[test]
fn err_028_a_failure_copies_the_request() {
    let mut world = World::new();
    world.sip(&message("a", "", "x").replace("sip:romeo@sip.test", "sip:romeo@evil.example"));
    let response = world.response();
    assert_eq!(response.via[0].branch(), Some("z9hG4bKa"));
    assert_eq!((&*response.call_id, response.cseq.number), ("call-a", 1));
    assert_eq!(response.from.tag(), Some("ta"));
    assert_eq!(response.to.uri().as_str(), "sip:juliet@xmpp.test");
    assert!(response.to.tag().is_some());
}

/// A code that is useless or illegal without a header has it, or cannot be chosen by a rule.
#[test]
fn a_status_is_never_without_its_companion() {
    let base = message("a", "", "x");
    for (text, code, companion) in [
        (base.replace("MESSAGE", "REGISTER"), 405, HeaderName::Allow),
        (message("a", "Content-Type: image/png\n", "x"), 415, HeaderName::Accept),
        (message("a", "Content-Encoding: compress\n", "x"), 415, HeaderName::AcceptEncoding),
        (message("a", "Require: foo\n", "x"), 420, HeaderName::Unsupported),
    ] {
        let mut world = World::new();
        world.sip(&text);
        let response = world.response();
        assert_eq!(response.status.code(), code);
        assert!(response.headers.contains(&companion), "{code} without {companion}");
    }
    for (code, companion) in [
        (401, HeaderName::WwwAuthenticate),
        (405, HeaderName::Allow),
        (407, HeaderName::ProxyAuthenticate),
        (415, HeaderName::Accept),
    ] {
        let rule = format!("to_sip: {{ conflict: {{ status: {code} }} }}\n");
        let response =
            bounced(&mut World::with_rules("errors.yaml", &rule), &condition("conflict", ""));
        assert_eq!(response.status.code(), code);
        assert!(response.headers.contains(&companion), "{code} without {companion}");
    }
}

#[test]
fn err_030_of_several_contacts_the_one_wanted_most_is_told() {
    let address = |headers: &[&str]| {
        let error = told(&mut World::new(), 300, headers);
        assert_eq!(error.condition.name(), "redirect");
        match error.condition {
            stox::codec::xmpp::Condition::Redirect(address) => address.map(|a| a.to_string()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(address(&["Contact: <sip:b@sip.test>"]).as_deref(), Some("xmpp:b@sip.xmpp.test"));
    let several = "Contact: <sip:a@sip.test>;q=0.1, <sip:b@sip.test>;q=0.7, <sip:c@sip.test>;q=0.7";
    assert_eq!(address(&[several]).as_deref(), Some("xmpp:b@sip.xmpp.test"));
    assert_eq!(
        address(&["Contact: <sip:a@sip.test>;q=0.9", "Contact: <sip:b@sip.test>"]).as_deref(),
        Some("xmpp:b@sip.xmpp.test")
    );
    assert_eq!(address(&[]), None);
}

#[test]
fn err_031_gone_names_the_new_address_or_none() {
    use stox::codec::xmpp::Condition;
    let gone = |code, headers: &[&str]| told(&mut World::new(), code, headers).condition;
    let contact = ["Contact: <sip:new@sip.test>"];
    assert_eq!(gone(301, &contact), Condition::Gone(Some("xmpp:new@sip.xmpp.test".into())));
    assert_eq!(gone(301, &[]), Condition::Gone(None));
}

#[test]
fn err_033_the_address_of_a_proxy_is_no_address_of_the_user() {
    use stox::codec::xmpp::Condition;
    let error = told(&mut World::new(), 305, &["Contact: <sip:proxy.test>"]);
    assert_eq!(error.condition, Condition::Redirect(None));
}

#[test]
fn err_044_a_410_names_no_address() {
    use stox::codec::xmpp::Condition;
    let error = told(&mut World::new(), 410, &["Contact: <sip:new@sip.test>"]);
    assert_eq!(error.condition, Condition::Gone(None));
}

#[test]
fn err_087_with_privacy_nobody_learns_who_exists_and_who_is_there() {
    let error = |privacy: &str, code| {
        let mut world = World::with_rules("errors.yaml", privacy);
        told(&mut world, code, &["Retry-After: 60", "Warning: 399 proxy \"not registered\""])
    };
    let unknown = error("privacy: true\n", 404);
    assert_eq!(unknown.condition.name(), "service-unavailable");
    for code in [480, 484, 486, 604] {
        assert_eq!(error("privacy: true\n", code), unknown, "{code}");
    }
    assert_eq!(error("privacy: true\n", 413).condition.name(), "policy-violation");
    assert_eq!(error("privacy: false\n", 404).condition.name(), "item-not-found");
}

#[test]
fn err_088_a_provisional_response_says_nothing() {
    let mut world = World::new();
    world.juliet_says("m1", "hello");
    let request = world.request();
    for code in [100, 180, 183] {
        world.answer(&request, code);
        assert_eq!(world.stanzas(), [], "{code}");
    }
    assert!(!world.gateway.idle());
    world.answer(&request, 404);
    assert_eq!(world.error().1.condition.name(), "item-not-found");
}

#[test]
fn err_089_a_success_says_nothing() {
    for code in [200, 202, 299] {
        let mut world = World::new();
        world.juliet_says("m1", "hello");
        let request = world.request();
        world.answer(&request, code);
        world.pass_ms(60_000);
        assert_eq!(world.stanzas(), [], "{code}");
        assert_eq!(world.requests(), []);
        assert!(world.gateway.idle());
    }
}

#[test]
fn err_092_a_sip_address_is_an_xmpp_address_where_it_is_one() {
    let told = |contact: &str| {
        let error = told(&mut World::new(), 302, &[&format!("Contact: {contact}")]);
        match error.condition {
            stox::codec::xmpp::Condition::Redirect(Some(address)) => address.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(told("<sip:new@sip.test;transport=tcp>"), "xmpp:new@sip.xmpp.test");
    assert_eq!(told("<sip:o'malley@sip.test>"), "xmpp:o%5C27malley@sip.xmpp.test");
    assert_eq!(told("<sip:nurse@xmpp.test>"), "xmpp:nurse@xmpp.test");
    assert_eq!(told("<sip:new@elsewhere.example>"), "sip:new@elsewhere.example");
    assert_eq!(told("<tel:+1555>"), "tel:+1555");
}

#[test]
fn err_100_the_to_of_the_stanza_decides_and_not_the_from_of_the_error() {
    let code = |to_full: bool, from: &str| {
        let mut world = World::new();
        let mut text = message("a", "", "x");
        if to_full {
            world.juliet_says("1", "I am here");
            world.sip.clear();
            text = text.replacen("sip:juliet@xmpp.test", "sip:juliet@xmpp.test;gr=balcony", 1);
        }
        world.sip(&text);
        let id = world.message().id.expect("an id");
        let error = bounce(&id, &condition("item-not-found", ""));
        world.xmpp(&error.replace("from='juliet@xmpp.test'", &format!("from='{from}'")));
        world.codes()
    };
    for from in ["xmpp.test", "juliet@xmpp.test", "juliet@xmpp.test/balcony"] {
        assert_eq!(code(false, from), [604], "{from}");
        assert_eq!(code(true, from), [404], "{from}");
    }
}

#[test]
fn err_101_a_warning_is_no_failure() {
    let mut world = World::new();
    world.romeo_says("a", "hello");
    let id = world.message().id.expect("an id");
    let warning = bounce(&id, &condition("not-allowed", ""));
    world.xmpp(&warning.replace("type='cancel'", "type='continue'"));
    assert_eq!(world.codes(), [] as [u16; 0]);
    world.confirm();
    assert_eq!(world.codes(), [200]);
}

#[test]
fn err_102_retry_after_goes_with_the_statuses_that_have_it_and_is_told_in_words() {
    const MAY: [u16; 8] = [404, 413, 480, 486, 500, 503, 600, 603];
    // All that the gateway answers: every bounce, every refusal.
    let mut responses = Vec::new();
    for name in stox::codec::xmpp::Condition::all_names() {
        responses.push(bounced(&mut World::new(), &condition(name, "")));
    }
    let base = message("a", "", "x");
    for text in [
        base.replace("MESSAGE", "REGISTER"),
        base.replace("sip.test", "evil.example"),
        base.replacen("juliet@xmpp.test", "x@other.example", 1),
        base.replace("Max-Forwards: 70", "Max-Forwards: 0"),
        message("a", "Require: foo\n", "x"),
        message("a", "Content-Type: image/png\n", "x"),
    ] {
        let mut world = World::new();
        world.sip(&text);
        responses.push(world.response());
    }
    for after_the_grace in [false, true] {
        let mut world = World::new();
        world.down(false);
        world.pass_ms(if after_the_grace { 5_000 } else { 2_000 });
        world.romeo_says("a", "x");
        world.pass_ms(5_000);
        responses.extend(world.responses().into_iter().filter(|r| r.status.code() >= 200));
    }
    let with: Vec<u16> = responses
        .iter()
        .filter(|response| response.headers.contains(&HeaderName::RetryAfter))
        .map(|response| response.status.code())
        .collect();
    assert!(!with.is_empty() && with.iter().all(|code| MAY.contains(code)), "{with:?}");

    let error = told(&mut World::new(), 480, &["Retry-After: 60"]);
    assert_eq!((error.condition.name(), error.kind.name()), ("recipient-unavailable", "wait"));
    assert!(error.texts[0].text.contains("60 s"), "{:?}", error.texts);
}

#[test]
fn err_103_a_warning_says_why_in_words_and_a_received_one_is_shown() {
    let object = "Require: foo.Bar\r\nNS: foo <urn:x>\r\nFrom: <sip:romeo@sip.test>\r\nTo: <sip:juliet@xmpp.test>\r\n\r\n\
                  Content-Type: text/plain\r\n\r\nhello";
    let mut world = World::new();
    world.sip(&message("a", "Content-Type: message/cpim\n", object));
    let response = world.response();
    assert_eq!(response.status.code(), 488);
    let warning = response.headers.get_text(&HeaderName::Warning).expect("a Warning");
    assert!(
        warning.starts_with("399 stox \"CPIM Require not supported: ") && warning.ends_with('"')
    );

    let received = ["Warning: 399 gw.example.net \"the \\\"why\\\" of it\""];
    let error = told(&mut World::new(), 403, &received);
    assert!(error.texts[0].text.ends_with("(403 Forbidden: the \"why\" of it)"), "{error:?}");
}

#[test]
fn rules_that_no_response_can_follow_are_refused() {
    for (rule, words) in [
        ("conflict: { status: 423 }", "423 needs a Min-Expires header"),
        ("conflict: { status: 420 }", "420 needs an Unsupported header"),
        ("gone: { status: 301 }", "301 needs a Contact"),
    ] {
        let directory = std::env::temp_dir().join(format!("stox-no-rules-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        std::fs::write(directory.join("errors.yaml"), format!("to_sip: {{ {rule} }}\n"))
            .expect("a file");
        let told = Rules::load(Some(&directory)).expect_err(rule);
        std::fs::remove_dir_all(&directory).expect("the directory can go");
        assert_eq!(told.len(), 1);
        assert!(told[0].to_string().contains(words), "{}", told[0]);
    }
}
