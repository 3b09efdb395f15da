//! `rules:` of `encryption.yaml`: what becomes of a scheme, for whom, and what is said of it.

use stox::dry_run::{self, Case};
use stox::rules::{Given, changes, entries};

use crate::{Directory, rules, scene, sip, stanza};

const OMEMO: &str = "<encrypted xmlns='urn:xmpp:omemo:2'><payload>aGVsbG8=</payload></encrypted>";

fn message(from: &str, more: &str) -> String {
    format!(
        "<message from='{from}/balcony' to='romeo@example.net' type='chat' id='m1'>{more}</message>"
    )
}

/// An OTR message to SIP, which only a rule lets cross.
fn otr(from: &str) -> String {
    message(from, "<body>?OTRv3?</body><x xmlns='urn:example:x'/>")
}

fn otr_from_sip(agent: &str) -> String {
    format!(
        "MESSAGE sip:juliet@example.com SIP/2.0\nFrom: <sip:romeo@example.net>\n\
         To: <sip:juliet@example.com>\nUser-Agent: {agent}\nContent-Type: text/plain\n\n?OTRv3?"
    )
}

#[test]
fn each_matcher_of_an_encryption_rule_holds_and_fails() {
    for (when, holds) in [
        ("direction: to_sip", true),
        ("direction: to_xmpp", false),
        ("peer: core", true),
        ("peer: other", false),
        ("from: juliet@example.com", true),
        ("from: nurse@example.com", false),
        ("to: \"romeo@*\"", true),
        ("to: juliet@example.com", false),
        ("from_domain: example.com", true),
        ("from_domain: example.net", false),
        ("to_domain: [ example.org, example.net ]", true),
        ("to_domain: example.org", false),
        ("stanza: message", true),
        ("stanza: presence", false),
        ("type: chat", true),
        ("type: normal", false),
        ("method: message", true),
        ("method: NOTIFY", false),
        ("namespace: urn:example:x", true),
        ("namespace: urn:example:y", false),
        ("content_type: text/plain", false),
        ("scheme: otr", true),
        ("scheme: [ smime, otr ]", true),
        ("scheme: \"o?r\"", true),
        ("scheme: smime", false),
    ] {
        let text = format!("rules: [ {{ name: r, when: {{ {when} }}, policy: relay }} ]\n");
        let out = stanza(&rules("encryption.yaml", &text), &otr("juliet@example.com"));
        assert_eq!(out.get("body") == Some("?OTRv3?"), holds, "{when}");
        assert_eq!(out.get("error").is_none(), holds, "{when}");
    }
}

#[test]
fn what_comes_from_sip_is_decided_by_its_header() {
    for (when, holds) in [
        ("direction: to_xmpp, content_type: TEXT/plain", true),
        ("content_type: text/html", false),
        ("agent: \"linphone*\", scheme: otr", true),
        ("agent: \"baresip*\", scheme: otr", false),
        ("method: MESSAGE, from: romeo@example.net", true),
    ] {
        let text = format!("rules: [ {{ name: r, when: {{ {when} }}, policy: relay }} ]\n");
        let out = sip(&rules("encryption.yaml", &text), &otr_from_sip("Linphone/5.1"));
        let expected = if holds { ("200", Some("?OTRv3?")) } else { ("488", None) };
        assert_eq!((out.get("status").expect("a status"), out.get("body")), expected, "{when}");
    }
}

#[test]
fn a_scheme_is_asked_for_by_its_key_and_by_its_number() {
    for (scheme, holds) in [
        ("\"omemo:N\"", true),
        ("\"omemo:2\"", true),
        ("\"omemo:*\"", true),
        ("\"omemo:1\"", false),
        ("\"omemo:axolotl\"", false),
    ] {
        let text = format!(
            "rules: [ {{ name: r, when: {{ scheme: {scheme} }}, texts: {{ refused: {{ en: mine }} }} }} ]\n"
        );
        let out = stanza(&rules("encryption.yaml", &text), &message("juliet@example.com", OMEMO));
        assert_eq!(out.get("error"), Some("not-acceptable"));
        assert_eq!(out.get("error-text") == Some("mine"), holds, "{scheme}");
    }
}

#[test]
fn the_first_rule_wins_and_goes_before_domains() {
    let rules = rules(
        "encryption.yaml",
        "domains: { example.net: { otr: { to_sip: relay } } }\n\
         rules:\n\
         - { name: nurse, when: { from: nurse@example.com } }\n\
         - { name: juliet, when: { from: juliet@example.com, scheme: otr }, policy: notify }\n\
         - { name: all, when: { from_domain: example.com }, policy: refuse }\n",
    );
    let crosses =
        |from: &str| stanza(&rules, &otr(from)).get("body").is_some_and(|b| b == "?OTRv3?");
    // An empty rule leaves it to what is below.
    assert!(crosses("nurse@example.com"));
    assert!(crosses("juliet@example.org"));
    assert!(!crosses("paris@example.com"));
    let juliet = stanza(&rules, &otr("juliet@example.com"));
    assert_eq!(juliet.get("method"), Some("MESSAGE"), "the recipient is told");
    assert!(juliet.get("body").expect("a notice").contains("tried to write"), "{juliet:#?}");
}

#[test]
fn what_no_form_can_carry_is_refused_by_any_rule() {
    for policy in ["relay", "relay-native", "strip-signature"] {
        let text = format!("rules: [ {{ name: r, policy: {policy} }} ]\n");
        let out = stanza(&rules("encryption.yaml", &text), &message("juliet@example.com", OMEMO));
        assert_eq!((out.get("error"), out.get("method")), (Some("not-acceptable"), None));
    }
}

#[test]
fn a_signature_is_kept_or_left_out_by_rule() {
    let signed = "<body>hello</body><x xmlns='jabber:x:signed'>aGVsbG8=</x>";
    let rules = rules(
        "encryption.yaml",
        "rules:\n\
         - { name: strict, when: { scheme: openpgp-signature, from: juliet@example.com }, policy: refuse }\n\
         - { name: multipart, when: { direction: to_xmpp, scheme: smime, agent: mailer }, policy: strip-signature }\n",
    );
    let error = stanza(&rules, &message("juliet@example.com", signed)).get("error").is_some();
    assert!(error);
    let out = stanza(&rules, &message("nurse@example.com", signed));
    assert_eq!((out.get("body"), out.get("error")), (Some("hello"), None));
    let from_sip = |agent: &str| {
        let text = format!(
            "MESSAGE sip:juliet@example.com SIP/2.0\nFrom: <sip:romeo@example.net>\n\
             To: <sip:juliet@example.com>\nUser-Agent: {agent}\n\
             Content-Type: multipart/signed;boundary=b;protocol=\"application/pkcs7-signature\"\n\n\
             --b\nContent-Type: text/plain\n\nhi\n--b\n\
             Content-Type: application/pkcs7-signature\n\nx\n--b--\n"
        );
        sip(&rules, &text.replace('\n', "\r\n")).get("body").map(str::to_owned)
    };
    assert_eq!(from_sip("mailer").as_deref(), Some("hi"));
    assert_eq!(from_sip("phone"), None);
}

#[test]
fn the_texts_of_a_rule_take_the_place_of_the_file_s_in_all_languages() {
    let text = "rules: [ { name: r, when: { scheme: \"omemo:*\" }, \
                texts: { refused: { en: \"no {scheme} here\", de: \"kein {scheme} hier\" } } } ]\n";
    let rules = rules("encryption.yaml", text);
    let said = |lang: &str| {
        let text = message("juliet@example.com", OMEMO);
        let text = text.replace("type='chat'", &format!("type='chat' xml:lang='{lang}'"));
        stanza(&rules, &text).get("error-text").map(str::to_owned)
    };
    assert_eq!(said("de-AT").as_deref(), Some("kein OMEMO hier"));
    assert_eq!(said("en").as_deref(), Some("no OMEMO here"));
    assert_eq!(said("cs").as_deref(), Some("no OMEMO here"));
    let text = "rules: [ { name: r, when: { direction: to_xmpp }, texts: { warning: { cs: \"bez {scheme}\" } } } ]\n";
    let out = sip(&crate::rules("encryption.yaml", text), &otr_from_sip("x"));
    let warning = out.get("response.warning").expect("a Warning");
    assert!(warning.ends_with("\"bez OTR\""), "{warning}");
}

#[test]
fn a_rule_of_the_same_name_takes_the_place_and_off_switches_it_off() {
    let relay = "{ name: r, when: { scheme: otr }, policy: relay }";
    let directory = Directory::new(&[("encryption.yaml", &format!("rules: [ {relay} ]\n"))]);
    let paths: Vec<String> =
        changes(&[], Some(&directory.0)).into_iter().map(|it| it.entry.path).collect();
    assert_eq!(paths, ["encryption.rules[r]"]);
    let shown = entries(&[], Some(&directory.0));
    let entry = shown.iter().find(|entry| entry.path == "encryption.rules[r]").expect("the rule");
    assert!(entry.text.contains("policy: relay"), "{}", entry.text);
    let off = relay.replace("policy: relay", "policy: relay, off: true");
    let out = stanza(
        &rules("encryption.yaml", &format!("rules: [ {off} ]\n")),
        &otr("juliet@example.com"),
    );
    assert_eq!(out.get("error"), Some("not-acceptable"));
}

#[test]
fn explain_names_the_rule_of_what_was_met_and_what_it_changed() {
    let rules = rules(
        "encryption.yaml",
        "rules:\n- { name: objects, when: { scheme: smime } }\n\
         - { name: texts, when: { scheme: otr, peer: core }, policy: relay }\n",
    );
    let given = Given::Stanza(otr("juliet@example.com"));
    let (_, why) = dry_run::explain(&scene(&rules, given)).expect("a message");
    let (_, looked) =
        why.tables.iter().find(|(table, _)| *table == "encryption").expect("the table is told");
    let told: Vec<_> = looked.iter().map(|rule| (rule.name.as_str(), rule.failed)).collect();
    assert_eq!(told, [("objects", Some("scheme")), ("texts", None)]);
    let body = ("body".to_owned(), None, Some("?OTRv3?".to_owned()));
    assert!(why.changed.contains(&body), "{:#?}", why.changed);
    let plain = message("juliet@example.com", "<body>hi</body>");
    let scene = Case { given: Given::Stanza(plain), ..scene(&rules, Given::Stanza(String::new())) };
    let (_, why) = dry_run::explain(&scene).expect("a message");
    assert!(why.tables.iter().all(|(table, _)| *table != "encryption"));
}
