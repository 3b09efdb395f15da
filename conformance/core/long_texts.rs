//! Texts that are too long for one request, where the rules do not say `long: refuse`.

use std::time::Duration;

use stox::codec::mime::{Cpim, Strictness};
use stox::codec::sip::{HeaderName, Request};
use stox::config::Transport;
use stox::flow::{Entry, Input, Stored};
use stox::rules::{BodyProfile, Rules};

use crate::recovery::unfinished;
use crate::world::{SETTINGS, World};

fn rules(profile: BodyProfile) -> Rules {
    let mut rules = crate::world::built_in();
    rules.messages.profile = profile;
    assert!(rules.messages.split);
    rules
}

fn world(profile: BodyProfile) -> World {
    of_settings(SETTINGS, profile)
}

fn of_settings(settings: &str, profile: BodyProfile) -> World {
    World::with_reader_and(settings, rules(profile))
}

/// A text of so many octets in words.
fn words(octets: usize) -> String {
    let words = (0..).map(|number| format!("word{number} "));
    let mut text = String::new();
    words
        .take_while(|word| {
            text.push_str(word);
            text.len() < octets
        })
        .count();
    text.truncate(octets);
    text.trim_end().to_owned()
}

fn is_cpim(request: &Request) -> bool {
    request.headers.content_type() == Some("message/cpim")
}

/// What a request says.
fn said(request: &Request) -> String {
    assert!(request.to_bytes().len() <= 1_300, "{}", request.to_bytes().len());
    if is_cpim(request) {
        let object = Cpim::parse(request.body.clone(), Strictness::Strict).expect("an object");
        return object.content().text().expect("a text").to_string();
    }
    String::from_utf8(request.body.to_vec()).expect("UTF-8")
}

/// Takes every part, one at a time: the requests.
fn all_taken(world: &mut World) -> Vec<Request> {
    let mut all = Vec::new();
    while !world.sip.is_empty() {
        let request = world.request();
        world.answer(&request, 200);
        all.push(request);
    }
    all
}

fn joined(requests: &[Request]) -> String {
    requests.iter().map(said).collect()
}

/// The error that the sender was told, with its id, condition and words.
#[track_caller]
fn told(world: &mut World) -> (String, String, String) {
    let (id, error) = world.error();
    let words = error.texts.first().map(|text| text.text.to_string()).unwrap_or_default();
    (id, error.condition.name().to_owned(), words)
}

#[test]
fn msg_012_a_long_text_is_by_rule_refused() {
    let mut rules = crate::world::built_in();
    rules.messages.split = false;
    let mut world = World::ruled(SETTINGS, rules, 7);
    world.up();
    world.juliet_says("m1", &words(3_000));
    assert!(world.requests().is_empty());
    assert_eq!(told(&mut world).1, "policy-violation");
}

#[test]
fn each_part_goes_when_the_one_before_it_was_taken() {
    for profile in [BodyProfile::Auto, BodyProfile::Cpim, BodyProfile::Text] {
        let mut world = world(profile);
        let text = words(3_000);
        world.juliet_says("m1", &text);
        world.juliet_says("m2", "behind it");
        let all = all_taken(&mut world);
        let (last, parts) = all.split_last().expect("requests");
        assert!((3..=6).contains(&parts.len()), "{}", parts.len());
        assert_eq!(joined(parts), text);
        assert_eq!(said(last), "behind it");
        for (number, part) in (1..).zip(parts) {
            assert_eq!(is_cpim(part), profile != BodyProfile::Text);
            let branch = |request: &Request| request.via[0].branch().map(str::to_owned);
            let alike = |other: &&Request| {
                branch(other) == branch(part)
                    || other.call_id == part.call_id
                    || other.from.tag() == part.from.tag()
            };
            assert_eq!(parts.iter().filter(alike).count(), 1, "each is a message of its own");
            // Each ends with a word.
            assert!(number == parts.len() as u32 || said(part).ends_with(' '), "{}", said(part));
        }
        assert!(world.stanzas().is_empty());
        assert_eq!(
            (world.counter("xmpp_to_sip_taken"), world.counter("xmpp_to_sip_split")),
            (2, 1)
        );
        assert_eq!(unfinished(&world.journal), []);
        assert!(world.gateway.idle());
    }
}

#[test]
fn a_text_that_fits_as_bare_text_is_not_split() {
    let mut world = world(BodyProfile::Auto);
    let text = words(980);
    world.juliet_says("m1", &text);
    let request = world.request();
    assert!(!is_cpim(&request));
    assert_eq!(said(&request), text);
    assert_eq!(world.counter("xmpp_to_sip_split"), 0);
}

#[test]
fn ten_parts_are_the_most_and_objects_become_bare_text_before() {
    let mut seen = [false; 3];
    for octets in (4_000..12_000).step_by(250) {
        let mut world = world(BodyProfile::Auto);
        let text = words(octets);
        world.juliet_says("m1", &text);
        let parts = all_taken(&mut world);
        assert!(parts.len() <= 10);
        if parts.is_empty() {
            seen[2] = true;
            let (id, condition, words) = told(&mut world);
            assert_eq!((id.as_str(), condition.as_str()), ("m1", "policy-violation"));
            assert_eq!(words, "This is too long for the SIP side: send it in shorter pieces.");
            assert!(octets > 7_000, "{octets}");
            continue;
        }
        assert!(!seen[2], "a longer one is too long as well");
        assert_eq!(joined(&parts), text);
        seen[usize::from(!is_cpim(&parts[0]))] = true;
        assert!(parts.iter().all(|part| is_cpim(part) == is_cpim(&parts[0])));
    }
    assert_eq!(seen, [true; 3]);
}

#[test]
fn the_first_failure_is_told_once_and_ends_it() {
    for (failing, which) in [
        (1, "Part 1 failed, and nothing was delivered. Busy"),
        (2, "Part 2 failed, and what was before it was delivered. Busy"),
    ] {
        let mut world = world(BodyProfile::Text);
        world.juliet_says("m1", &words(3_000));
        world.juliet_says("m2", "behind it");
        for _ in 1..failing {
            let request = world.request();
            world.answer(&request, 200);
        }
        let request = world.request();
        world.answer(&request, 486);
        let (id, condition, words) = told(&mut world);
        assert_eq!((id.as_str(), condition.as_str()), ("m1", "recipient-unavailable"));
        assert!(words.starts_with(which), "{words}");
        assert_eq!(joined(&all_taken(&mut world)), "behind it");
        assert_eq!(world.counter("xmpp_to_sip_failed"), 1);
        world.confirm_all();
        assert_eq!(unfinished(&world.journal), []);
    }
}

#[test]
fn a_part_without_an_answer_is_sent_again_and_then_given_up() {
    let mut world = world(BodyProfile::Text);
    world.juliet_says("m1", &words(3_000));
    let first = world.request();
    world.pass(Duration::from_secs(2));
    for copy in world.requests() {
        assert_eq!(copy, first);
    }
    world.answer(&first, 200);
    let second = world.request();
    // A copy of the answer to the first is none to the second.
    world.answer(&first, 200);
    assert!(world.requests().is_empty());
    world.pass(Duration::from_secs(32));
    assert!(world.requests().iter().all(|copy| *copy == second));
    let (id, condition, words) = told(&mut world);
    assert_eq!((id.as_str(), condition.as_str()), ("m1", "remote-server-timeout"));
    assert!(words.starts_with("Part 2 failed, and what was before it was delivered. "), "{words}");
    assert!(world.gateway.deadline().is_none() || world.requests().is_empty());
}

#[test]
fn a_form_that_is_refused_is_another_one_for_all_that_is_left() {
    for refused in [1, 2, 3] {
        let mut world = world(BodyProfile::Auto);
        let text = words(3_000);
        world.juliet_says("m1", &text);
        let mut taken = Vec::new();
        for _ in 1..refused {
            let request = world.request();
            assert!(is_cpim(&request));
            world.answer(&request, 200);
            taken.push(request);
        }
        let request = world.request();
        world.answer(&request, 415);
        let rest = all_taken(&mut world);
        assert!(rest.iter().all(|part| !is_cpim(part)));
        assert_eq!((&rest[0].call_id, rest[0].from.tag()), (&request.call_id, request.from.tag()));
        assert!(rest[0].cseq.number > request.cseq.number);
        assert!(rest[1..].iter().all(|part| part.call_id != request.call_id));
        taken.extend(rest);
        assert_eq!(joined(&taken), text);
        assert!(world.stanzas().is_empty());
        // The target is remembered.
        world.juliet_says("m2", &text);
        let parts = all_taken(&mut world);
        assert!(parts.iter().all(|part| !is_cpim(part)));
        assert_eq!(joined(&parts), text);
    }
}

#[test]
fn a_part_goes_to_the_next_server_when_one_fails() {
    let settings = SETTINGS.replace(
        "peers: [ { name: core",
        "peers: [ { name: spare, uri: \"sip:127.0.0.14:5060;transport=udp\" }, { name: core",
    );
    let mut world = of_settings(&settings, BodyProfile::Text);
    let text = words(3_000);
    world.juliet_says("m1", &text);
    let (first_to, first) = world.routed().remove(0);
    assert_eq!(first_to, "udp 127.0.0.14:5060");
    world.answer(&first, 200);
    let (_, second) = world.routed().remove(0);
    let remote = "127.0.0.14:5060".parse().expect("an address");
    world.feed(Input::Unreachable { remote, transport: Transport::Udp });
    let (again_to, again) = world.routed().remove(0);
    assert_eq!(again_to, "udp 127.0.0.13:5060");
    assert_eq!((said(&again), &again.cseq), (said(&second), &second.cseq));
    world.answer(&again, 200);
    let rest = all_taken(&mut world);
    assert_eq!(format!("{}{}{}", said(&first), said(&again), joined(&rest)), text);
}

#[test]
fn credentials_take_room_and_the_text_is_cut_anew() {
    let settings = SETTINGS.replace(
        "transport=udp\" }",
        "transport=udp\", auth: { realm: sip.test, username: gateway, password: trunkpw } }",
    );
    let mut world = of_settings(&settings, BodyProfile::Text);
    let text = words(3_000);
    world.juliet_says("m1", &text);
    let first = world.request();
    let nonce = "n".repeat(300);
    let challenge =
        format!("Proxy-Authenticate: Digest realm=\"sip.test\", nonce=\"{nonce}\", qop=\"auth\"");
    world.answer_with(&first, 407, &[&challenge]);
    let parts = all_taken(&mut world);
    assert!(parts.iter().all(|part| part.headers.contains(&HeaderName::ProxyAuthorization)));
    assert!(said(&parts[0]).len() + 300 < said(&first).len());
    assert_eq!(joined(&parts), text);
    assert!(world.stanzas().is_empty());
}

/// A process that begins with what a journal holds, so much later.
fn begun_again(world: &World, entries: &[Entry], milliseconds: u64) -> World {
    let mut now = world.now;
    now.unix_ms += milliseconds;
    let mut after = World::begun(SETTINGS, rules(BodyProfile::Text), 8, now, &Stored::default());
    after.journal = entries.to_vec();
    for left in unfinished(entries) {
        after.feed(Input::Recovered(Box::new(left)));
    }
    after.up();
    after
}

#[test]
fn a_part_that_was_taken_is_not_sent_again_after_a_crash_at_any_step() {
    let mut world = world(BodyProfile::Text);
    let text = words(3_000);
    world.juliet_says("m1", &text);
    let parts: Vec<String> = all_taken(&mut world).iter().map(said).collect();
    let journal = world.journal.clone();
    assert!(matches!(journal.last(), Some(Entry::Ended(_))));
    let mut known = 0;
    for end in 1..journal.len() {
        let written = &journal[..end];
        // What the journal says was taken: the parts before the one that is next.
        if let Some(Entry::Part(_, part)) = written.last() {
            known = usize::from(part.number) - 1;
        }
        let mut after = begun_again(&world, written, 1_000);
        let sent = all_taken(&mut after);
        assert_eq!(joined(&sent), parts[known..].concat(), "after step {end}");
        assert!(after.stanzas().is_empty());
        assert_eq!(unfinished(&after.journal), []);
    }
    assert_eq!(known, parts.len() - 1);
}

#[test]
fn a_part_whose_outcome_cannot_be_found_out_is_told_and_nothing_follows() {
    let mut world = world(BodyProfile::Text);
    world.juliet_says("m1", &words(3_000));
    let first = world.request();
    world.answer(&first, 200);
    let second = world.request();
    let mut within = begun_again(&world, &world.journal.clone(), 31_000);
    assert_eq!(within.request(), second, "the same request under the same branch");
    let mut late = begun_again(&world, &world.journal.clone(), 33_000);
    assert!(late.requests().is_empty());
    let (id, condition, words) = told(&mut late);
    assert_eq!((id.as_str(), condition.as_str()), ("m1", "remote-server-timeout"));
    assert!(words.starts_with("Part 2 failed, and what was before it was delivered. "), "{words}");
    assert!(words.ends_with("is not known."), "{words}");
    late.confirm_all();
    assert_eq!(unfinished(&late.journal), []);
}

#[test]
fn no_character_is_torn() {
    for unit in ["👩‍👩‍👧‍👦", "e\u{301}\u{323}", "각", "🇨🇿", "ř", "x\u{200d}", "a\r\n", "क्षि"]
    {
        let mut world = world(BodyProfile::Text);
        let text = unit.repeat(2_500 / unit.len());
        world.juliet_says("m1", &text.replace('\r', "&#13;"));
        let parts = all_taken(&mut world);
        assert!(parts.len() > 2, "{unit:?}");
        let (last, full) = parts.split_last().expect("parts");
        assert!(full.iter().all(|part| said(part).len().is_multiple_of(unit.len())), "{unit:?}");
        let whole = format!("{}{}", joined(full), said(last));
        assert_eq!(whole, text, "{unit:?}");
    }
}

#[test]
fn lines_and_words_stay_whole_where_they_can() {
    let mut world = world(BodyProfile::Text);
    let line = "Two households, both alike in dignity, in fair Verona, where we lay our scene,\n";
    let text = line.repeat(40);
    world.juliet_says("m1", &text);
    let parts = all_taken(&mut world);
    assert!(parts.iter().all(|part| said(part).ends_with(",\n")));
    assert_eq!(joined(&parts), text);
}

#[test]
fn line_ends_of_two_octets_are_counted() {
    let mut rules = rules(BodyProfile::Text);
    rules.messages.crlf = true;
    let mut world = World::ruled(SETTINGS, rules, 7);
    world.up();
    let text = "ab\n".repeat(900);
    world.juliet_says("m1", &text);
    let parts = all_taken(&mut world);
    assert!(parts.len() > 2);
    assert_eq!(joined(&parts), text.replace('\n', "\r\n"));
}

#[test]
fn a_subject_stands_with_the_first_part_alone() {
    for profile in [BodyProfile::Cpim, BodyProfile::Text] {
        let mut world = world(profile);
        let body = words(3_000);
        world.xmpp(&format!(
            "<message id='m1'><subject>the feud</subject><body>{body}</body></message>"
        ));
        let parts = all_taken(&mut world);
        let subjects: Vec<bool> =
            parts.iter().map(|part| part.headers.contains(&HeaderName::Subject)).collect();
        assert_eq!(subjects.iter().filter(|has| **has).count(), 1);
        assert!(subjects[0]);
        assert_eq!(joined(&parts), body);
    }
}

#[test]
fn e2e_054_what_is_encrypted_is_never_split() {
    let settings =
        SETTINGS.replace("xmpp: sip.xmpp.test, sip: sip.test", "xmpp: sip.test, sip: sip.test");
    let settings = settings.replace("component: sip.xmpp.test", "component: sip.test");
    let text = "schemes:\n  otr: { to_sip: relay }\n  smime: { to_sip: relay }\n";
    for element in [
        format!("<body>?OTR:{}.</body>", "A".repeat(3_000)),
        format!(
            "<e2e xmlns='urn:ietf:params:xml:ns:xmpp-e2e'>Content-Type: application/pkcs7-mime;\
             smime-type=enveloped-data\n\n{}</e2e>",
            "MIAA".repeat(800)
        ),
    ] {
        let rules = World::rules_of("encryption.yaml", text);
        let mut world = World::ruled(&settings, rules, 7);
        world.up();
        world.xmpp(&format!(
            "<message to='romeo@sip.test' from='juliet@xmpp.test/b' id='m1'>{element}</message>"
        ));
        assert!(world.requests().is_empty());
        assert_eq!(told(&mut world).1, "policy-violation");
    }
}

#[test]
fn an_agent_that_shows_little_of_a_text_gets_it_in_parts() {
    let mut world = World::new();
    world.sip(&crate::world::message("a", "User-Agent: baresip v1.0.0\n", "hello"));
    world.confirm_all();
    world.sip.clear();
    world.xmpp.clear();
    let text = words(1_100);
    world.juliet_says("m1", &text);
    let parts = all_taken(&mut world);
    assert_eq!(parts.len(), 3);
    assert!(parts.iter().all(|part| said(part).len() <= 450));
    assert_eq!(joined(&parts), text);
    // Within its bound it is one message, and for others it is as well.
    let text = words(440);
    world.juliet_says("m2", &text);
    assert_eq!(all_taken(&mut world).len(), 1);
    let mut world = World::new();
    world.juliet_says("m1", &words(900));
    assert_eq!(all_taken(&mut world).len(), 1);
}

#[test]
fn by_rule_parts_of_a_thread_share_its_call_id() {
    let mut rules = rules(BodyProfile::Text);
    rules.messages.thread_to_sip = stox::rules::ThreadForm::CallId;
    let mut world = World::ruled(SETTINGS, rules, 7);
    world.up();
    let text = words(3_000);
    world.xmpp(&format!("<message id='m1'><body>{text}</body><thread>t1</thread></message>"));
    let parts = all_taken(&mut world);
    assert_eq!(joined(&parts), text);
    for (number, part) in (1..).zip(&parts) {
        assert_eq!((part.call_id.as_str(), part.cseq.number), ("t1", number));
    }
}
