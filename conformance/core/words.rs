//! No refusal is without words, in either direction and in every language.

use stox::codec::sip::{HeaderName, Response, Status};
use stox::codec::xmpp::{Condition, LangText, Presence, Stanza, StanzaError};

use crate::world::{World, message};

/// The languages that the built-in rules speak.
const LANGUAGES: [&str; 5] = ["en", "de", "fr", "es", "cs"];
const PRIVACY: &str = "privacy: true\n";

/// Juliet writes to romeo in a language.
fn juliet_says_in(world: &mut World, lang: &str, id: &str) {
    world.xmpp(&format!(
        "<message from='juliet@xmpp.test/balcony' to='romeo@sip.xmpp.test' id='{id}' type='chat' \
         xml:lang='{lang}'><body>hello</body></message>"
    ));
}

/// What a world tells a sender of this language when SIP answers with a code.
#[track_caller]
fn told(world: &mut World, lang: &str, code: u16, headers: &[&str]) -> StanzaError {
    juliet_says_in(world, lang, "m");
    let request = world.request();
    world.answer_with(&request, code, headers);
    // Another form of the message may be tried.
    let error = match world.sip.is_empty() {
        true => world.error().1,
        false => {
            let request = world.request();
            world.answer_with(&request, code, headers);
            world.error().1
        }
    };
    world.confirm_all();
    error
}

/// The only text of an error.
#[track_caller]
fn only(error: &StanzaError) -> &LangText {
    let [text] = &error.texts[..] else { panic!("{error:?}") };
    text
}

#[test]
fn d_111_every_code_is_told_in_words_of_every_language() {
    for lang in LANGUAGES {
        let mut world = World::new();
        for code in 300..=699 {
            let error = told(&mut world, lang, code, &[]);
            let LangText { lang: of, text } = only(&error);
            assert_eq!(of.as_deref(), Some(lang), "{code}");
            let (words, tail) = text.rsplit_once(" (").unwrap_or_else(|| panic!("{code}: {text}"));
            assert!(words.len() > 10 && !words.contains(['{', '}']), "{code} {lang}: {text}");
            let status = Status::new(code).expect("a status");
            let shown = match status.is_registered() {
                true => format!("{code} {})", status.reason()),
                // The answer says what its class says.
                false => format!("{code})"),
            };
            assert_eq!(tail, shown, "{lang}");
        }
    }
}

#[test]
fn d_111_with_privacy_every_answer_has_one_text() {
    let mut texts = Vec::new();
    for lang in LANGUAGES {
        let mut world = World::with_rules("errors.yaml", PRIVACY);
        let headers = ["Warning: 399 proxy \"not registered\"", "Retry-After: 9"];
        let first = told(&mut world, lang, 404, &headers);
        for code in 300..=699 {
            assert_eq!(told(&mut world, lang, code, &headers).texts, first.texts, "{code} {lang}");
        }
        assert!(!only(&first).text.is_empty());
        texts.push(only(&first).text.clone());
    }
    texts.dedup();
    assert_eq!(texts.len(), LANGUAGES.len(), "a text for each language");
}

#[test]
fn d_111_with_privacy_a_silent_device_is_told_as_nothing_else_is() {
    let mut world = World::with_rules("errors.yaml", PRIVACY);
    let refused = told(&mut world, "en", 404, &[]);
    juliet_says_in(&mut world, "en", "n");
    world.requests();
    world.pass_ms(33_000);
    assert_eq!(world.error().1.texts, refused.texts);
}

#[test]
fn the_language_is_the_nearest_that_there_is() {
    for (asked, told_in) in
        [("de-AT", "de"), ("DE", "de"), ("cs-Latn-CZ", "cs"), ("ja", "en"), ("", "en")]
    {
        let error = told(&mut World::new(), asked, 486, &[]);
        assert_eq!(only(&error).lang.as_deref(), Some(told_in), "{asked}");
    }
}

#[test]
fn who_was_there_is_away_and_who_never_was_may_not_exist() {
    let words = |world: &mut World, code| {
        let error = told(world, "en", code, &[]);
        only(&error).text.to_string()
    };
    let greet: [fn(&mut World); 3] = [
        |world| {
            world.romeo_says("x", "here I am");
            world.confirm_all();
        },
        |world| {
            world.juliet_says("y", "are you there?");
            let request = world.request();
            world.answer(&request, 200);
        },
        |world| {
            world.sip(
                &message(
                    "s",
                    "Event: presence\nExpires: 60\nContact: <sip:romeo@127.0.0.13>\n",
                    "",
                )
                .replace("MESSAGE", "SUBSCRIBE"),
            );
        },
    ];
    for code in [404, 480] {
        let stranger = words(&mut World::new(), code);
        assert!(stranger.starts_with("There is no such address"), "{stranger}");
        for greet in greet {
            let mut world = World::new();
            greet(&mut world);
            world.sip.clear();
            world.xmpp.clear();
            let known = words(&mut world, code);
            assert!(known.starts_with("Not signed in at the moment"), "{known}");
        }
    }
    let mut world = World::new();
    assert!(words(&mut world, 408).starts_with("The SIP side did not answer"));
    greet[0](&mut world);
    world.sip.clear();
    world.xmpp.clear();
    assert!(words(&mut world, 408).starts_with("No answer, probably not signed in"));
    // Who is known to be gone for good is not said to be away.
    assert!(words(&mut world, 410).starts_with("This address is no longer in use"));
    assert!(words(&mut world, 604).starts_with("There is no such address"));
}

#[test]
fn err_084_what_the_response_says_stands_behind_the_words_on_one_line() {
    let error = |headers: &[&str]| {
        let error = told(&mut World::new(), "en", 486, headers);
        only(&error).text.to_string()
    };
    assert_eq!(error(&[]), "Busy at the moment: try again later. (486 Busy Here)");
    assert_eq!(
        error(&["Warning: 399 gw \"gone\u{202e} fishing\t\"", "Retry-After: 60"]),
        "Busy at the moment: try again later. Wait 60 s. (486 Busy Here: gone fishing)"
    );
    let long = error(&[&format!("Warning: 399 gw \"{}\"", "é".repeat(400))]);
    assert_eq!(long.matches('é').count(), 128);
    let many = vec!["Warning: 399 gw \"same\", 399 gw \"same\", 399 gw \"other\", 399 gw \"last\""];
    assert!(error(&many).ends_with("(486 Busy Here: same; other)"));

    for (line, words) in [
        ("SIP/2.0 480 Gone fishing", "(480 Temporarily Unavailable: Gone fishing)"),
        ("SIP/2.0 480 temporarily unavailable", "(480 Temporarily Unavailable)"),
        ("SIP/2.0 499 Strange", "(499: Strange)"),
        ("SIP/2.0 480 ", "(480 Temporarily Unavailable)"),
    ] {
        let mut world = World::new();
        juliet_says_in(&mut world, "cs", "m");
        let request = world.request();
        let response = request.response(Status::new(486).expect("a status"));
        let response = String::from_utf8(response.to_bytes().to_vec()).expect("UTF-8");
        world.sip(&response.replace("SIP/2.0 486 Busy Here", line).replace("\r\n", "\n"));
        let (_, error) = world.error();
        let LangText { lang, text } = only(&error);
        assert_eq!(lang.as_deref(), Some("cs"));
        assert!(text.ends_with(words), "{text}");
        assert!(text.starts_with("Taková adresa") || text.starts_with("Strana SIP"), "{text}");
    }
}

#[test]
fn an_operator_overrides_one_language_or_one_entry() {
    let texts = |rules: &str, code: u16| {
        let mut world = World::with_rules("errors.yaml", rules);
        LANGUAGES.map(|lang| only(&told(&mut world, lang, code, &[])).text.to_string())
    };
    let built_in = texts("privacy: false\n", 486);
    let one = texts("texts: { busy: { de: Besetzt. } }\n", 486);
    assert_eq!(one[1], "Besetzt. (486 Busy Here)");
    assert_eq!((&one[0], &one[4]), (&built_in[0], &built_in[4]));

    let rule = "to_xmpp: { \"486\": { condition: resource-constraint } }\n";
    assert_eq!(texts(rule, 486), built_in, "an entry without words keeps them");
    let rule = "to_xmpp: { \"486\": { condition: gone, words: declined } }\n";
    assert!(texts(rule, 486)[0].starts_with("The contact does not want"));
    let rule = "to_xmpp: { \"499\": { condition: gone } }\n";
    assert!(texts(rule, 499)[0].starts_with("The SIP side did not accept"), "those of its class");

    let rule = "to_xmpp: { \"486\": { condition: gone, text: \"call ${status}\" } }\n";
    assert_eq!(texts(rule, 486), ["call 486"; 5]);
    let rule =
        "to_xmpp: { \"486\": { condition: gone, text: { cs: \"${words} Helpdesk: 112.\" } } }\n";
    let own = texts(rule, 486);
    assert_eq!(own[4], "Kontakt má teď obsazeno: zkuste to později. Helpdesk: 112.");
    assert_eq!(own[..4], built_in[..4]);
    // A language that is none of the built-in ones.
    let rule = "texts: { busy: { it: Occupato. } }\n";
    let mut world = World::with_rules("errors.yaml", rule);
    let error = told(&mut world, "it", 486, &[]);
    assert_eq!(only(&error).lang.as_deref(), Some("it"));
    assert_eq!(&*only(&error).text, "Occupato. (486 Busy Here)");
}

/// What romeo is answered when a message with these headers comes back with an error.
fn bounced(world: &mut World, headers: &str, inner: &str) -> Response {
    world.sip(&message(&format!("b{}", world.now.instant.0), headers, "hello"));
    let id = world.message().id.expect("an id");
    world.xmpp(&format!(
        "<message type='error' id='{id}' from='juliet@xmpp.test' to='romeo@sip.xmpp.test'>\
         <error type='cancel'>{inner}</error></message>"
    ));
    world.pass_ms(1);
    world.response()
}

fn condition(name: &str) -> String {
    format!("<{name} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>")
}

#[test]
fn d_111_every_condition_is_told_to_sip_in_words_of_every_language() {
    for name in Condition::all_names().chain(["no-such-condition"]) {
        let mut phrases: Vec<String> = Vec::new();
        for lang in LANGUAGES {
            let headers = format!("Accept-Language: {lang}\n");
            let response = bounced(&mut World::new(), &headers, &condition(name));
            let phrase = response.reason.to_text().into_owned();
            assert_ne!(phrase, response.status.reason(), "{name} {lang}");
            assert!(phrase.len() > 10 && !phrase.contains(['{', '\'']) || lang == "fr", "{phrase}");
            // Nothing was cut.
            assert!(phrase.len() < 128, "{phrase}");
            phrases.push(phrase);
        }
        phrases.sort();
        phrases.dedup();
        assert_eq!(phrases.len(), LANGUAGES.len(), "{name}: {phrases:?}");
    }
}

#[test]
fn err_025_an_error_s_own_text_goes_before_the_words_of_the_rules() {
    let text = |lang: &str, text: &str| {
        format!("<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='{lang}'>{text}</text>")
    };
    let phrase = |headers: &str, texts: &[String]| {
        let inner = [condition("recipient-unavailable"), texts.concat()].concat();
        bounced(&mut World::new(), headers, &inner).reason.to_text().into_owned()
    };
    let both = [text("en", "gone fishing"), text("cs", "na rybách")];
    assert_eq!(phrase("", &both), "gone fishing");
    assert_eq!(phrase("Accept-Language: ja, cs-CZ;q=0.5\n", &both), "na rybách");
    assert_eq!(phrase("Accept-Language: ja\n", &both), "gone fishing");
    let blank = [text("en", " \n ")];
    assert_eq!(phrase("", &blank), "The XMPP user is not signed in at the moment");
    let asked = "Accept-Language: de;q=0.1, es;q=0.9\n";
    assert_eq!(phrase(asked, &blank), "El contacto XMPP no está en línea en este momento");
}

#[test]
fn a_call_is_told_what_to_do_instead() {
    let mut world = World::new();
    world.sip(&message("a", "", "").replace("MESSAGE", "INVITE"));
    let response = world.response();
    assert_eq!(response.status.code(), 405);
    assert_eq!(response.reason.to_text(), "Calls are not carried, send a message");
    assert!(response.headers.contains(&HeaderName::Allow));
}

#[test]
fn what_the_gateway_does_not_carry_is_told_in_the_language_of_the_stanza() {
    let mut world = World::new();
    let error_of = |world: &mut World, stanza: &str| match world_stanza(world, stanza) {
        Stanza::Message(message) => message.error.expect("an error"),
        Stanza::Presence(presence) => presence.error.expect("an error"),
        Stanza::Iq(iq) => iq.error.expect("an error"),
        other => panic!("{other:?}"),
    };
    for stanza in [
        "<message from='juliet@xmpp.test/b' to='sip.xmpp.test' xml:lang='cs'><body>x</body></message>",
        "<message from='m@evil.example/x' to='romeo@sip.xmpp.test' xml:lang='cs'><body>x</body></message>",
        "<message from='juliet@xmpp.test/b' to='romeo@sip.xmpp.test' type='groupchat' xml:lang='cs'>\
         <body>x</body></message>",
        "<presence type='subscribe' from='m@evil.example' to='romeo@sip.xmpp.test' xml:lang='cs'/>",
        "<presence type='subscribe' from='juliet@xmpp.test' to='sip.xmpp.test' xml:lang='cs'/>",
        "<iq type='get' id='i' from='juliet@xmpp.test/b' to='romeo@sip.xmpp.test' xml:lang='cs'>\
         <query xmlns='urn:x'/></iq>",
    ] {
        let error = error_of(&mut world, stanza);
        assert_eq!(only(&error).lang.as_deref(), Some("cs"), "{stanza}");
        assert!(!only(&error).text.is_empty(), "{stanza}");
    }
}

fn world_stanza(world: &mut World, stanza: &str) -> Stanza {
    world.xmpp(stanza);
    world.stanzas().pop().unwrap_or_else(|| panic!("no answer: {stanza}"))
}

#[test]
fn a_refused_request_to_see_somebody_is_told_in_the_language_of_the_request() {
    let mut world = World::with_rules("presence.yaml", "to_xmpp: { refused: error }\n");
    world.xmpp(
        "<presence type='subscribe' id='s' from='juliet@xmpp.test' to='romeo@sip.xmpp.test' \
         xml:lang='de'/>",
    );
    let request = world.request();
    world.answer(&request, 403);
    let told: Vec<Presence> = world
        .stanzas()
        .into_iter()
        .filter_map(|stanza| match stanza {
            Stanza::Presence(presence) => Some(*presence),
            _ => None,
        })
        .collect();
    let error = told.iter().find_map(|presence| presence.error.as_ref()).expect("an error");
    assert_eq!(only(error).lang.as_deref(), Some("de"));
    assert_eq!(
        &*only(error).text,
        "Die SIP-Seite erlaubt Ihnen nicht, diesen Kontakt zu erreichen. (403 Forbidden)"
    );
}

/// The last form that is tried is plain text: who has written one is not told to write one.
#[test]
fn a_text_that_is_taken_in_no_form_is_not_asked_for_as_plain_text() {
    let advice = ["plain text", "einfachen Text", "texte simple", "texto sencillo", "prostý text"];
    for (lang, advice) in LANGUAGES.into_iter().zip(advice) {
        let mut world = World::new();
        for code in [406, 415, 488, 606] {
            let error = told(&mut world, lang, code, &[]);
            assert!(!only(&error).text.contains(advice), "{code} {lang}: {}", only(&error).text);
        }
    }
}
