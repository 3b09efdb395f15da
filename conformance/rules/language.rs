//! Matching, templates, edits, layers.

use stox::rules::{Given, Rules, changes, entries};

use crate::{Directory, answered, rules, sip, stanza};

const STANZA: &str = "<message from='juliet@example.com/balcony' to='romeo@example.net' type='chat' id='m1'>\
    <subject>Hi</subject><body>hello</body><thread>t1</thread>\
    <headers xmlns='http://jabber.org/protocol/shim'><header name='X-Ticket'>42</header></headers>\
    <x xmlns='urn:example:x'/></message>";

fn request(more: &str) -> String {
    format!(
        "MESSAGE sip:juliet@example.com SIP/2.0\nFrom: <sip:romeo@example.net>\n\
         To: <sip:juliet@example.com>\nSubject: Hi\nContent-Type: text/plain\n{more}\nhello"
    )
}

#[test]
fn each_key_of_a_when_holds_and_fails() {
    for (when, holds) in [
        ("direction: to_sip", true),
        ("direction: to_xmpp", false),
        ("from: juliet@example.com", true),
        ("from: juliet@example.org", false),
        ("to: [ a@b.test, romeo@example.net ]", true),
        ("to: \"*@example.net\"", true),
        ("to: \"r?meo@example.net\"", true),
        ("to: \"?romeo@example.net\"", false),
        ("to: \"/r[aeiou]meo@.*/\"", true),
        ("to: \"/romeo/\"", false),
        ("from_domain: example.com", true),
        ("to_domain: example.com", false),
        ("type: chat", true),
        ("type: [ normal, headline ]", false),
        ("stanza: message", true),
        ("stanza: presence", false),
        ("namespace: urn:example:x", true),
        ("namespace: \"urn:example:y*\"", false),
        ("from: juliet@example.com, to: nobody@example.net", false),
        ("peer: core", true),
        ("peer: other", false),
    ] {
        let text =
            format!("rules: [ {{ name: r, when: {{ {when} }}, to_sip: {{ profile: text }} }} ]\n");
        let out = stanza(&rules("messages.yaml", &text), STANZA);
        assert_eq!(out.get("content-type") == Some("text/plain"), holds, "{when}");
    }
}

#[test]
fn what_comes_from_sip_is_matched_by_its_header() {
    for (when, holds) in [
        ("agent: \"linphone*\"", true),
        ("agent: \"baresip*\"", false),
        ("content_type: TEXT/plain", true),
        ("content_type: text/html", false),
        ("method: message", true),
        ("direction: to_xmpp, to: juliet@example.com", true),
        ("from: \"*@example.com\"", false),
    ] {
        let text = format!(
            "rules: [ {{ name: r, when: {{ {when} }}, to_xmpp: {{ thread: call-id }} }} ]\n"
        );
        let rules = rules("messages.yaml", &text);
        let out = sip(&rules, &request("User-Agent: Linphone/5.1\n"));
        assert_eq!(out.get("thread").is_some(), holds, "{when}");
    }
}

#[test]
fn a_rule_sets_leaves_out_and_carries_to_sip() {
    let rules = rules(
        "messages.yaml",
        "rules:\n- name: r\n  when: { direction: to_sip }\n  to_sip: { profile: text }\n  \
         set: { Subject: \"${from.user|upper}: ${subject}\", body: \"${body} (${type})\", X-Peer: \"${peer}\" }\n  \
         carry: { X-Ticket: X-Case }\n",
    );
    let out = stanza(&rules, STANZA);
    assert_eq!(out.get("subject"), Some("JULIET: Hi"));
    assert_eq!(out.get("body"), Some("hello (chat)"));
    assert_eq!(out.get("x-case"), Some("42"));
    assert_eq!(out.get("x-peer"), None, "an empty one is left out");
}

#[test]
fn a_rule_sets_leaves_out_and_carries_to_xmpp() {
    let rules = rules(
        "messages.yaml",
        "rules:\n- name: r\n  when: { direction: to_xmpp }\n  drop: [ thread ]\n  \
         set: { subject: \"[${to.user}] ${subject|lower}\" }\n  carry: { X-Case: X-Ticket }\n",
    );
    let out = sip(&rules, &request("X-Case: 42\n"));
    assert_eq!(out.get("subject"), Some("[juliet] hi"));
    assert_eq!(out.get("header.x-ticket"), Some("42"));
    assert_eq!(out.get("thread"), None);
}

#[test]
fn errors_differ_by_peer_user_and_code() {
    let rules = rules(
        "errors.yaml",
        "rules:\n\
         - { name: gsm, when: { peer: gsm, status: 4xx }, to_xmpp: { \"486\": { condition: policy-violation } } }\n\
         - { name: vip, when: { to: vip@example.net }, to_xmpp: { \"486\": { condition: gone, text: \"${status} ${reason}\" } } }\n\
         - { name: back, when: { peer: gsm, condition: conflict }, to_sip: { conflict: { status: 409, text: \"${condition}\" } } }\n",
    );
    let given = |to: &str| {
        Given::Stanza(format!(
            "<message from='juliet@example.com' to='{to}' id='m'><body>x</body></message>"
        ))
    };
    let error =
        |to: &str, peer| answered(&rules, given(to), "486", peer).get("error").map(str::to_owned);
    assert_eq!(error("romeo@example.net", Some("gsm")).as_deref(), Some("policy-violation"));
    assert_eq!(error("romeo@example.net", None).as_deref(), Some("recipient-unavailable"));
    assert_eq!(error("vip@example.net", None).as_deref(), Some("gone"));
    let vip = answered(&rules, given("vip@example.net"), "486", None);
    assert_eq!(vip.get("error-text"), Some("486 Busy Here"));
    let bounced = answered(&rules, Given::Sip(request("")), "conflict", Some("gsm"));
    assert_eq!((bounced.get("status"), bounced.get("reason")), (Some("409"), Some("conflict")));
    let bounced = answered(&rules, Given::Sip(request("")), "conflict", Some("other"));
    assert_eq!(bounced.get("status"), Some("400"));
}

#[test]
fn addresses_differ_by_domain() {
    let rules = rules(
        "addresses.yaml",
        "rules: [ { name: r, when: { direction: to_sip, domain: example.com }, to_sip: { resource: gr } } ]\n",
    );
    assert_eq!(stanza(&rules, STANZA).get("from"), Some("sip:juliet@example.com;gr=balcony"));
    let other = STANZA.replace("example.com", "example.org");
    assert_eq!(stanza(&rules, &other).get("from"), Some("sip:juliet@example.org"));
}

#[test]
fn a_refused_type_is_not_in_the_accept() {
    let rules = rules("messages.yaml", "to_xmpp: { refuse_types: [ text/html ] }\n");
    let html = request("").replace("text/plain", "text/html");
    let out = sip(&rules, &html);
    assert_eq!(out.get("status"), Some("415"));
    assert!(!out.get("response.accept").expect("an Accept").contains("text/html"));
    assert_eq!(sip(&rules, &request("")).get("status"), Some("200"));
}

#[test]
fn an_entry_of_the_same_name_takes_the_place_and_off_switches_it_off() {
    let directory = Directory::new(&[
        ("profiles.yaml", "use: [ kamailio ]\n"),
        ("errors.yaml", "to_xmpp: { \"477\": { condition: gone } }\n"),
        ("messages.yaml", "rules: [ { name: r, off: true, to_sip: { profile: text } } ]\n"),
    ]);
    let (rules, told) = directory.load().expect("rules");
    assert_eq!(told, Vec::<String>::new());
    assert_eq!(rules.errors.to_xmpp(477).expect("an entry").condition, "gone");
    assert_eq!(rules.errors.to_xmpp(478).expect("an entry").condition, "recipient-unavailable");
    let out = stanza(&std::sync::Arc::new(rules), STANZA);
    assert_eq!(out.get("content-type"), Some("message/cpim"));
    let changed = changes(&[], Some(&directory.0));
    let paths: Vec<&str> = changed.iter().map(|change| change.entry.path.as_str()).collect();
    assert_eq!(paths, ["messages.rules[r]", "errors.to_xmpp.477", "errors.to_xmpp.478"]);
    assert!(
        entries(&[], Some(&directory.0))
            .iter()
            .any(|e| e.path == "errors.to_xmpp.477" && e.place.ends_with("errors.yaml:1"))
    );
}

#[test]
fn the_digest_is_that_of_the_files() {
    let digest = |text: &str| {
        let directory = Directory::new(&[("errors.yaml", text)]);
        let (rules, _) = Rules::load(Some(&directory.0)).expect("rules");
        rules.digest
    };
    let built_in = Rules::load(None).expect("rules").0.digest;
    assert_eq!(built_in.len(), 16);
    assert_eq!(built_in, Rules::load(None).expect("rules").0.digest);
    assert_ne!(digest("privacy: true\n"), built_in);
    assert_ne!(digest("privacy: true\n"), digest("privacy: false\n"));
}
