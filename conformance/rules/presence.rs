//! Rules of presence: whom they are for, and what they change.

use std::sync::Arc;

use stox::rehearsal::{self, Outcome, Scene};
use stox::rules::{Given, Rules};

use crate::{Directory, rules, scene, stanza};

/// What he is told when juliet, of a domain, shows something on her balcony.
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
    rehearsal::play(&scene(rules, Given::ShortSip(parts))).expect("a NOTIFY")
}

#[test]
fn a_rule_refines_what_goes_to_sip_for_its_domain_alone() {
    let rules = rules(
        "presence.yaml",
        "rules:\n- { name: a, when: { direction: to_sip, from_domain: example.com },\n    \
         to_sip: { show: false, activities: { dnd: meeting }, charset: true } }\n",
    );
    let hers = shown(&rules, "example.com", "dnd");
    assert_eq!(hers.get("pidf.show"), None);
    assert_eq!(hers.get("pidf.activity"), Some("meeting"));
    assert_eq!(hers.get("content-type"), Some("application/pidf+xml;charset=utf-8"));
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
        "rules:\n- { name: a, when: { stanza: presence, to_domain: example.net, status: 404 },\n    \
         to_xmpp: { \"404\": { condition: gone } } }\n",
    );
    let asks = |domain: &str| {
        let text = format!(
            "<presence from='juliet@example.com' to='romeo@{domain}' id='s' type='subscribe'/>"
        );
        let given = Given::Stanza(text);
        let scene = Scene { answer: Some("404".to_owned()), ..scene(&rules, given) };
        let outcome = rehearsal::play(&scene).expect("a stanza");
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
         - { name: hers, when: { from: \"juliet@*\" }, to_sip: { show: false } }\n",
    );
    let text = "<presence from='juliet@example.com/balcony' to='romeo@example.net'>\
                <show>dnd</show></presence>";
    let given = Given::Stanza(text.to_owned());
    let (_, why) = rehearsal::explain(&scene(&rules, given)).expect("a stanza");
    let (_, looked) =
        why.tables.iter().find(|(table, _)| *table == "presence").expect("the table is told");
    let told: Vec<_> = looked.iter().map(|rule| (rule.name.as_str(), rule.failed)).collect();
    assert_eq!(told, [("others", Some("from_domain")), ("hers", None)]);
    let show = ("pidf.show".to_owned(), Some("dnd".to_owned()), None);
    assert!(why.changed.contains(&show), "{:#?}", why.changed);
}

#[test]
fn mistakes_are_told_where_they_stand() {
    let text = "to_sip: { activities: { dnd: buzy } }\nto_xmpp: { notes: { on-the-fone: {} } }\n\
                rules: [ { name: a, when: { peer: core } } ]\n";
    let told = Directory::new(&[("presence.yaml", text)]).load().expect_err("mistakes");
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(told[0].contains("presence.to_sip.activities.dnd"), "{told:#?}");
    assert!(told[0].contains("did you mean `busy`?"), "{told:#?}");
    assert!(told[1].contains("did you mean `on-the-phone`?"), "{told:#?}");
    assert!(told[2].contains("presence.rules"), "{told:#?}");
}
