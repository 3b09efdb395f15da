//! What the gateway refuses by itself: a person is told why in the own language, whatever the cause.

use std::sync::{Arc, OnceLock};

use stox::codec::sip::{HeaderName, Response};
use stox::codec::xmpp::Stanza;
use stox::flow::{Cause, Input, LinkChange, LinkId};
use stox::rules::{Rules, Saying};

use crate::scene::subscribe;
use crate::world::{SETTINGS, World, message};

const LANGUAGES: [&str; 5] = ["en", "de", "fr", "es", "cs"];

/// A MESSAGE of romeo's who reads this language.
fn text(lang: &str, headers: &str, body: &str) -> String {
    message("a", &format!("Accept-Language: {lang}\n{headers}"), body)
}

/// A SUBSCRIBE of romeo's who reads this language.
fn watches(lang: &str, call: &str) -> String {
    subscribe(call, "", 1, &format!("Accept-Language: {lang}\n"))
}

/// The built-in rules, read once: there are many worlds.
fn rules() -> &'static Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    RULES.get_or_init(crate::world::built_in)
}

fn world(settings: &str, change: impl FnOnce(&mut Rules)) -> World {
    let mut rules = rules().clone();
    change(&mut rules);
    let mut world = World::ruled(settings, rules, 7);
    world.up();
    world
}

fn limited(limits: &str) -> World {
    world(&format!("{SETTINGS}limits: {{ {limits} }}\n"), |_| ())
}

/// Two domains with a stream each, the second of which is up.
fn of_two_links() -> World {
    let one = r#"xmpp: { component: sip.xmpp.test, server: "127.0.0.11:5347", secret: s3cret }"#;
    let two = r#"xmpp: { components: [
  { component: sip.xmpp.test, server: "127.0.0.11", secret: a },
  { component: sip.mantua.test, server: "127.0.0.12", secret: b } ] }"#;
    let more = "  - { xmpp: sip.mantua.test, sip: sip.test }\n  - { xmpp: mantua.test, sip: mantua.test }\nstore:";
    let settings = SETTINGS.replace(one, two).replace("store:", more);
    let mut world = World::ruled(&settings, rules().clone(), 7);
    world.feed(Input::Link { link: LinkId(1), change: LinkChange::Up });
    world
}

const OBJECT: &str = "Content-Type: message/cpim\n";

/// What a request that has one fault is answered: a new cause has no place here until a request is
/// found for it.
fn request(cause: Cause, lang: &str) -> String {
    let plain = text(lang, "", "x");
    match cause {
        Cause::TooLong => text(lang, "", &"x".repeat(20_000)),
        Cause::Expired => text(lang, "Date: Tue, 14 Nov 2023 22:13:00 GMT\nExpires: 10\n", "x"),
        Cause::Content => text(lang, "Content-Type: image/png\n", "x"),
        Cause::Charset => text(lang, "Content-Type: text/plain;charset=utf-7\n", "x"),
        Cause::Coding => text(lang, "Content-Type: text/plain\nContent-Encoding: br\n", "x"),
        Cause::Secured => {
            text(lang, "Content-Type: application/pkcs7-mime\n", "x").replace("MESSAGE", "INVITE")
        }
        Cause::Demands => {
            let object =
                "Require: foo.Bar\r\nNS: foo <urn:x>\r\n\r\nContent-Type: text/plain\r\n\r\nx";
            text(lang, OBJECT, object)
        }
        Cause::OtherSender => {
            let object = "From: <im:mallory@evil.example>\r\n\r\nContent-Type: text/plain\r\n\r\nx";
            text(lang, OBJECT, object)
        }
        Cause::NoCalls => text(lang, "", "").replace("MESSAGE", "INVITE"),
        Cause::NoSips => plain.replacen("MESSAGE sip:", "MESSAGE sips:", 1),
        Cause::UnservedDomain => plain.replacen("juliet@xmpp.test", "juliet@other.example", 1),
        Cause::SenderDomain => plain.replace("romeo@sip.test", "romeo@evil.example"),
        Cause::SenderForm => plain.replace("sip:romeo@sip.test", "sip:sip.test"),
        Cause::SenderAddress => plain.replace("From: <sip:romeo@", "From: <sip:%FF@"),
        Cause::NoXmppForm => plain.replacen("sip:juliet@", "sip:%FF@", 1),
        Cause::Anonymous => plain.replace("romeo@sip.test", "anonymous@anonymous.invalid"),
        Cause::NoUser => watches(lang, "w").replace("juliet@xmpp.test", "xmpp.test"),
        Cause::NotShown => watches(lang, "w2"),
        Cause::WatchesTooMany => watches(lang, "w2").replace("juliet@", "nurse@"),
        Cause::TooManySubscriptions => watches(lang, "w2"),
        Cause::TooManyRequests => watches(lang, "w2").replace("romeo@sip.test", "paris@sip.test"),
        Cause::OutOfService
        | Cause::Unreachable
        | Cause::Unconfirmed
        | Cause::PutAside
        | Cause::Stranger => plain,
    }
}

/// A gateway that has this cause to refuse something.
fn world_of(cause: Cause) -> World {
    let mut world = match cause {
        Cause::Unreachable => of_two_links(),
        Cause::OtherSender => world(SETTINGS, |rules| rules.messages.refuse_foreign_from = true),
        Cause::TooLong => limited("stanza_octets: 10000"),
        Cause::WatchesTooMany => limited("pairs_per_user: 1"),
        Cause::TooManySubscriptions => limited("dialogs_per_user: 1"),
        Cause::TooManyRequests => limited("pending_per_user: 1"),
        _ => world(SETTINGS, |_| ()),
    };
    match cause {
        Cause::OutOfService => world.down(false),
        Cause::NotShown => {
            world.romeo_watches("w1");
            world.juliet("unsubscribed");
            world.settle(200);
        }
        Cause::WatchesTooMany | Cause::TooManySubscriptions | Cause::TooManyRequests => {
            world.romeo_watches("w1");
            world.settle(200);
        }
        _ => {}
    }
    if matches!(cause, Cause::OutOfService | Cause::Unreachable) {
        world.pass_ms(6_000);
    }
    world.stanzas();
    world.sip.clear();
    world
}

/// The refusal for a cause, to one who reads this language.
fn refused(world: &mut World, cause: Cause, lang: &str) -> Response {
    let request = request(cause, lang);
    match cause {
        Cause::Stranger => world.sip_from("127.0.0.66:5060", &request),
        _ => world.sip(&request),
    }
    match cause {
        Cause::Unconfirmed => world.pass_ms(10_000),
        Cause::PutAside => {
            for _ in 0..2 {
                world.xmpp.clear();
                world.down(true);
                world.up();
            }
        }
        _ => {}
    }
    world.responses().pop().unwrap_or_else(|| panic!("{cause:?}: no answer"))
}

/// What the built-in rules say.
fn built_in(cause: Cause, lang: &str) -> String {
    let said = rules().errors.words.say(cause.saying(), lang);
    assert_eq!(&*said.lang, lang, "{cause:?}");
    said.text.to_string()
}

#[test]
fn d_111_every_refusal_for_a_person_is_told_in_every_language() {
    for cause in Cause::ALL {
        for lang in LANGUAGES {
            let response = refused(&mut world_of(*cause), *cause, lang);
            assert_eq!(response.status, cause.status(), "{cause:?} {lang}: {response:?}");
            assert_eq!(response.reason.to_text(), built_in(*cause, lang), "{cause:?} {lang}");
        }
    }
}

#[test]
fn d_111_a_copy_of_a_refused_request_is_answered_in_the_same_words() {
    for cause in Cause::ALL {
        let mut world = world_of(*cause);
        let first = refused(&mut world, *cause, "cs");
        let request = request(*cause, "cs");
        match cause {
            Cause::Stranger => world.sip_from("127.0.0.66:5060", &request),
            _ => world.sip(&request),
        }
        let again = world.responses().pop().unwrap_or_else(|| panic!("{cause:?}: no answer"));
        assert_eq!(first.to_bytes(), again.to_bytes(), "{cause:?}");
    }
}

#[test]
fn the_words_are_in_the_nearest_language_and_in_english_where_none_is_asked_for() {
    let phrase = |lang: &str| {
        let asked = text(lang, "", "x").replace("romeo@sip.test", "romeo@evil.example");
        let asked = match lang {
            "" => asked.replace("Accept-Language: \n", ""),
            _ => asked,
        };
        let mut world = world(SETTINGS, |_| ());
        world.sip(&asked);
        world.response().reason.to_text().into_owned()
    };
    let cause = Cause::SenderDomain;
    for (asked, told_in) in
        [("", "en"), ("ja", "en"), ("de-AT", "de"), ("ja, cs;q=0.5, es;q=0.9", "es"), ("*", "en")]
    {
        assert_eq!(phrase(asked), built_in(cause, told_in), "{asked}");
    }
}

#[test]
fn an_operator_has_own_words_for_refusals_and_new_ones_at_a_reload() {
    let own = "texts: { sip_sender_domain: { de: Nein., it: No. } }\n";
    let mut world = World::with_rules("errors.yaml", own);
    let phrase = |world: &mut World, lang| {
        refused(world, Cause::SenderDomain, lang).reason.to_text().into_owned()
    };
    assert_eq!(phrase(&mut world, "de"), "Nein.");
    assert_eq!(phrase(&mut world, "it"), "No.");
    assert_eq!(phrase(&mut world, "cs"), built_in(Cause::SenderDomain, "cs"));
    world.feed(Input::Rules(Arc::new(rules().clone())));
    assert_eq!(phrase(&mut world, "de"), built_in(Cause::SenderDomain, "de"));
}

#[test]
fn what_was_answered_is_repeated_over_a_reload() {
    let mut world = world(SETTINGS, |_| ());
    let first = refused(&mut world, Cause::Unconfirmed, "de");
    let own = World::rules_of("errors.yaml", "texts: { sip_unconfirmed: { de: Nein. } }\n");
    world.feed(Input::Rules(Arc::new(own)));
    world.sip(&request(Cause::Unconfirmed, "de"));
    assert_eq!(world.response().to_bytes(), first.to_bytes());
}

#[test]
fn an_xmpp_user_who_watches_too_many_is_told_in_the_language_of_the_request() {
    for lang in LANGUAGES {
        let mut world = limited("pairs_per_user: 1");
        for name in ["romeo", "paris"] {
            world.xmpp(&format!(
                "<presence type='subscribe' from='juliet@xmpp.test' to='{name}@sip.xmpp.test' \
                 xml:lang='{lang}'/>"
            ));
        }
        let error = world.stanzas().into_iter().find_map(|stanza| match stanza {
            Stanza::Presence(presence) => presence.error,
            _ => None,
        });
        let error = error.expect("an error");
        let said = rules().errors.words.say(Saying::WatchesTooMany, lang);
        assert_eq!(error.texts.len(), 1);
        assert_eq!(error.texts[0].lang.as_deref(), Some(lang));
        assert_eq!(&*error.texts[0].text, &*said.text);
    }
}

#[test]
fn a_fault_of_the_protocol_is_named_in_english_whatever_the_sender_reads() {
    for (request, code, words) in [
        (
            text("cs", "", "x").replace("MESSAGE", "REGISTER"),
            405,
            "Only messages and presence are carried",
        ),
        (
            text("cs", "Require: foo\n", "x"),
            420,
            "The gateway does not have the extension that this demands",
        ),
        (
            watches("cs", "w").replace("Event: presence", "Event: dialog"),
            489,
            "Only presence can be watched here",
        ),
    ] {
        let mut world = world(SETTINGS, |_| ());
        world.sip(&request);
        let response = world.response();
        assert_eq!((response.status.code(), &*response.reason.to_text()), (code, words));
    }
    // The exact fault stands beside the words for a person.
    let response = refused(&mut world(SETTINGS, |_| ()), Cause::Charset, "cs");
    let warning = response.headers.get_text(&HeaderName::Warning).expect("a Warning");
    assert_eq!(warning, "399 stox \"The character set utf-7 is not read\"");
}
