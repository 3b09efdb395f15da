//! Rules of presence: whom they are for, and what they change.

use std::sync::Arc;

use stox::dry_run::{self, Case, Outcome};
use stox::rules::{Given, Rules};

use crate::{Directory, rules, scene, stanza};

/// What romeo is told when juliet, of a domain, shows something on the balcony.
fn shown(rules: &Arc<Rules>, domain: &str, show: &str) -> Outcome {
    stanza(
        rules,
        &format!(
            "<presence from='juliet@{domain}/balcony' to='romeo@example.net'>\
             <show>{show}</show></presence>"
        ),
    )
}

/// What juliet is told for a NOTIFY in short form.
fn notified(rules: &Arc<Rules>, parts: &[(&str, &str)]) -> Outcome {
    let usual = [("method", "NOTIFY"), ("to", "sip:juliet@example.com")];
    let parts = usual.iter().chain(parts);
    let parts = parts.map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    dry_run::run(&scene(rules, Given::ShortSip(parts))).expect("a NOTIFY")
}

#[test]
fn a_rule_refines_what_goes_to_sip_for_its_domain_alone() {
    let rules = rules(
        "presence.yaml",
        "rules:\n- { name: a, when: { direction: to_sip, from_domain: example.com },\n    \
         to_sip: { show: false, activities: { dnd: meeting }, charset: true } }\n",
    );
    let juliet = shown(&rules, "example.com", "dnd");
    assert_eq!(juliet.get("pidf.show"), None);
    assert_eq!(juliet.get("pidf.activity"), Some("meeting"));
    assert_eq!(juliet.get("content-type"), Some("application/pidf+xml;charset=utf-8"));
    // What the rule does not name is as the file has it.
    assert_eq!(shown(&rules, "example.com", "away").get("pidf.activity"), Some("away"));
    let other = shown(&rules, "example.org", "dnd");
    assert_eq!(other.get("pidf.show"), Some("dnd"));
    assert_eq!(other.get("pidf.activity"), Some("busy"));
}

#[test]
fn a_rule_refines_what_comes_from_a_user_agent() {
    let rules = rules(
        "presence.yaml",
        "rules:\n- { name: a, when: { direction: to_xmpp, agent: \"Deskphone*\" },\n    \
         to_xmpp: { activities: { meal: xa }, im: { eating: chat } } }\n",
    );
    let from = ("from", "sip:romeo@example.net");
    let agent = ("User-Agent", "deskphone 2");
    let meal = ("activity", "meal");
    assert_eq!(notified(&rules, &[from, meal, agent]).get("show"), Some("xa"));
    assert_eq!(notified(&rules, &[from, meal]).get("show"), Some("away"));
    let eating = ("im", "eating");
    assert_eq!(notified(&rules, &[from, eating, agent]).get("show"), Some("chat"));
    assert_eq!(notified(&rules, &[from, eating]).get("show"), None);
}

#[test]
fn a_rule_of_presence_asks_for_the_peer_both_ways() {
    let rules = rules(
        "presence.yaml",
        "rules:\n- { name: a, when: { peer: gsm }, to_sip: { show: false }, to_xmpp: { idle: xa } }\n",
    );
    let shown = |peer: &str| {
        let text = "<presence from='juliet@example.com/balcony' to='romeo@example.net'>\
                    <show>dnd</show></presence>";
        let scene = scene(&rules, Given::Stanza(text.to_owned()));
        let outcome = dry_run::run(&Case { peer: Some(peer.to_owned()), ..scene });
        outcome.expect("a stanza").get("pidf.show").map(str::to_owned)
    };
    assert_eq!((shown("gsm"), shown("other")), (None, Some("dnd".to_owned())));
    let seen = |peer: &str| {
        let parts = [
            ("method", "NOTIFY"),
            ("from", "sip:romeo@example.net"),
            ("to", "sip:juliet@example.com"),
            ("idle", "true"),
        ];
        let parts = parts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let scene = scene(&rules, Given::ShortSip(parts.collect()));
        let outcome = dry_run::run(&Case { peer: Some(peer.to_owned()), ..scene });
        outcome.expect("a NOTIFY").get("show").map(str::to_owned)
    };
    assert_eq!((seen("gsm"), seen("other")), (Some("xa".to_owned()), Some("away".to_owned())));
}

#[test]
fn a_rule_of_presence_asks_for_stanza_type_and_method() {
    for (when, there, gone) in [
        ("stanza: presence", true, true),
        ("stanza: message", false, false),
        ("type: available", true, false),
        ("type: unavailable", false, true),
        ("method: notify", true, true),
        ("method: MESSAGE", false, false),
    ] {
        let text =
            format!("rules: [ {{ name: a, when: {{ {when} }}, to_sip: {{ charset: true }} }} ]\n");
        let rules = rules("presence.yaml", &text);
        let holds = |kind: &str| {
            let text = format!(
                "<presence from='juliet@example.com/balcony' to='romeo@example.net'{kind}/>"
            );
            stanza(&rules, &text).get("content-type").is_some_and(|it| it.contains("charset"))
        };
        assert_eq!(holds(""), there, "{when}");
        assert_eq!(holds(" type='unavailable'"), gone, "{when}");
    }
}

#[test]
fn an_error_is_refined_by_the_method_and_the_peer_of_what_failed() {
    let rules = rules(
        "errors.yaml",
        "rules:\n\
         - { name: asks, when: { method: SUBSCRIBE, peer: gsm }, to_xmpp: { \"604\": { condition: gone } } }\n\
         - { name: writes, when: { method: MESSAGE, direction: to_xmpp }, to_xmpp: { \"404\": { condition: conflict } } }\n\
         - { name: answers, when: { method: MESSAGE, direction: to_sip }, to_sip: { conflict: { status: 409 } } }\n",
    );
    let plays = |given: Given, answer: &str, peer: &str| {
        let (answer, peer) = (Some(answer.to_owned()), Some(peer.to_owned()));
        dry_run::run(&Case { answer, peer, ..scene(&rules, given) }).expect("a message")
    };
    let asks = || {
        Given::Stanza(
            "<presence from='juliet@example.com' to='romeo@example.net' id='s' type='subscribe'/>"
                .to_owned(),
        )
    };
    assert_eq!(plays(asks(), "604", "gsm").get("error"), Some("gone"));
    assert_ne!(plays(asks(), "604", "other").get("error"), Some("gone"));
    let writes = Given::Stanza(
        "<message from='juliet@example.com' to='romeo@example.net' id='m'><body>x</body></message>"
            .to_owned(),
    );
    assert_eq!(plays(writes, "404", "gsm").get("error"), Some("conflict"));
    let from_sip = Given::Sip(
        "MESSAGE sip:juliet@example.com SIP/2.0\nFrom: <sip:romeo@example.net>\n\
         To: <sip:juliet@example.com>\nContent-Type: text/plain\n\nhi"
            .to_owned(),
    );
    assert_eq!(plays(from_sip, "conflict", "gsm").get("status"), Some("409"));
}

#[test]
fn explain_asks_the_errors_of_a_subscription() {
    let rules = rules(
        "errors.yaml",
        "rules:\n- { name: writes, when: { method: MESSAGE } }\n\
         - { name: asks, when: { method: SUBSCRIBE, peer: core, status: 4xx } }\n",
    );
    let text = "<presence from='juliet@example.com' to='romeo@example.net' type='subscribe'/>";
    let scene = scene(&rules, Given::Stanza(text.to_owned()));
    let scene = Case { answer: Some("404".to_owned()), ..scene };
    let (_, why) = dry_run::explain(&scene).expect("a stanza");
    let (_, looked) =
        why.tables.iter().find(|(table, _)| *table == "errors").expect("the table is told");
    let told: Vec<_> = looked.iter().map(|rule| (rule.name.as_str(), rule.failed)).collect();
    assert_eq!(told, [("writes", Some("method")), ("asks", None)]);
}

#[test]
fn every_tuple_of_a_document_has_a_stanza() {
    let (rules, _) = Rules::load(None).expect("the built-in rules");
    let document = "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:romeo@example.net'>\
         <tuple id='a'><status><basic>open</basic></status></tuple>\
         <tuple id='b'><status><basic>closed</basic></status></tuple></presence>";
    let from = ("from", "sip:romeo@example.net");
    let outcome = notified(&Arc::new(rules), &[from, ("body", document)]);
    let stanzas: Vec<&str> = outcome
        .sent
        .iter()
        .map(|(_, text)| text.as_str())
        .filter(|text| text.starts_with('<'))
        .collect();
    assert_eq!(
        stanzas,
        [
            "<presence from='romeo@example.net/a' to='juliet@example.com'/>",
            "<presence from='romeo@example.net/b' to='juliet@example.com' type='unavailable'/>",
        ]
    );
    assert_eq!(outcome.get("status"), Some("200"));
}

#[test]
fn a_document_that_is_none_is_refused() {
    let (rules, _) = Rules::load(None).expect("the built-in rules");
    let from = ("from", "sip:romeo@example.net");
    let outcome = notified(&Arc::new(rules), &[from, ("body", "<presence>")]);
    assert_eq!(outcome.get("status"), Some("400"));
    assert_eq!(outcome.get("stanza"), None);
}

#[test]
fn an_error_of_a_subscription_is_refined_as_that_of_a_message() {
    let rules = rules(
        "errors.yaml",
        "rules:\n- { name: a, when: { stanza: presence, to_domain: example.net, status: 604 },\n    \
         to_xmpp: { \"604\": { condition: gone } } }\n",
    );
    let asks = |domain: &str| {
        let text = format!(
            "<presence from='juliet@example.com' to='romeo@{domain}' id='s' type='subscribe'/>"
        );
        let given = Given::Stanza(text);
        let scene = Case { answer: Some("604".to_owned()), ..scene(&rules, given) };
        let outcome = dry_run::run(&scene).expect("a stanza");
        outcome.get("error").map(str::to_owned)
    };
    assert_eq!(asks("example.net").as_deref(), Some("gone"));
    assert_ne!(asks("example.org").as_deref(), Some("gone"));
}

#[test]
fn explain_names_the_rule_of_presence() {
    let rules = rules(
        "presence.yaml",
        "rules:\n- { name: others, when: { from_domain: example.org } }\n\
         - { name: juliet, when: { from: \"juliet@*\" }, to_sip: { show: false } }\n",
    );
    let text = "<presence from='juliet@example.com/balcony' to='romeo@example.net'>\
                <show>dnd</show></presence>";
    let given = Given::Stanza(text.to_owned());
    let (_, why) = dry_run::explain(&scene(&rules, given)).expect("a stanza");
    let (_, looked) =
        why.tables.iter().find(|(table, _)| *table == "presence").expect("the table is told");
    let told: Vec<_> = looked.iter().map(|rule| (rule.name.as_str(), rule.failed)).collect();
    assert_eq!(told, [("others", Some("from_domain")), ("juliet", None)]);
    let show = ("pidf.show".to_owned(), Some("dnd".to_owned()), None);
    assert!(why.changed.contains(&show), "{:#?}", why.changed);
}

#[test]
fn mistakes_are_told_where_they_stand() {
    let text = "to_sip: { activities: { dnd: buzy } }\nto_xmpp: { notes: { on-the-fone: {} } }\n\
                rules: [ { name: a, when: { pier: core } } ]\n";
    let told = Directory::new(&[("presence.yaml", text)]).load().expect_err("mistakes");
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(told[0].contains("presence.to_sip.activities.dnd"), "{told:#?}");
    assert!(told[0].contains("did you mean `busy`?"), "{told:#?}");
    assert!(told[1].contains("did you mean `on-the-phone`?"), "{told:#?}");
    assert!(told[2].contains("presence.rules"), "{told:#?}");
    assert!(told[2].contains("did you mean `peer`?"), "{told:#?}");
}

#[test]
fn basic_words_and_priority_are_rules_to_sip() {
    let rules = rules(
        "presence.yaml",
        "to_sip:\n  basic: { dnd: closed }\n  priority: false\n  \
         notes: { dnd: { cs: neru\u{161}it, \"\": busy }, none: { en: here } }\n",
    );
    let text = |inner: &str| {
        stanza(
            &rules,
            &format!(
                "<presence from='juliet@example.com/balcony' to='romeo@example.net'>{inner}</presence>"
            ),
        )
    };
    let dnd = text("<show>dnd</show><priority>5</priority>");
    assert_eq!((dnd.get("pidf.basic"), dnd.get("pidf.show")), (Some("closed"), Some("dnd")));
    assert_eq!(
        (dnd.get("pidf.note.cs"), dnd.get("pidf.note")),
        (Some("neru\u{161}it"), Some("busy"))
    );
    assert!(!dnd.get("body").expect("a document").contains("priority"));
    // What the user wrote goes before; other shows are as they were.
    let own = text("<show>dnd</show><status>in a meeting</status>");
    assert_eq!((own.get("pidf.note"), own.get("pidf.note.cs")), (Some("in a meeting"), None));
    let away = text("<show>away</show>");
    assert_eq!((away.get("pidf.basic"), away.get("pidf.note")), (Some("open"), None));
    assert_eq!(text("").get("pidf.note.en"), Some("here"));
    let usual = Arc::new(Rules::load(None).expect("the built-in rules are right").0);
    let usual = stanza(
        &usual,
        "<presence from='juliet@example.com/balcony' to='romeo@example.net'><priority>5</priority></presence>",
    );
    assert!(usual.get("body").expect("a document").contains("priority="));
}

#[test]
fn what_is_closed_and_the_priority_are_rules_to_xmpp() {
    let from = ("from", "sip:romeo@example.net");
    let rules = rules("presence.yaml", "to_xmpp: { closed: xa, priority: false }\n");
    let closed = [from, ("basic", "closed"), ("note", "no messages")];
    let told = notified(&rules, &closed);
    assert_eq!((told.get("type"), told.get("show")), (Some("available"), Some("xa")));
    assert_eq!(told.get("note"), Some("no messages"));
    assert_eq!(notified(&rules, &[from]).get("show"), None);
    let document = "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:romeo@example.net'>\
        <tuple id='a'><status><basic>open</basic></status><contact priority='0.5'>im:romeo@example.net</contact>\
        </tuple></presence>";
    let with = |rules: &Arc<Rules>| {
        let body = [from, ("type", "application/pidf+xml"), ("body", document)];
        notified(rules, &body).get("priority").map(str::to_owned)
    };
    assert_eq!(with(&rules), None);
    let usual = Arc::new(Rules::load(None).expect("the built-in rules are right").0);
    assert_eq!(with(&usual).as_deref(), Some("64"));
}
