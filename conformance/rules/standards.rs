//! Rows of the requirements that a rule or a profile switches on.

use crate::{object, profile, rules, sip, stanza};

fn message(from: &str, to: &str, more: &str) -> String {
    let from = from.replace('&', "&amp;").replace('\'', "&apos;");
    format!("<message from='{from}' to='{to}' id='1'>{more}<body>hi</body></message>")
}

/// The CPIM From of a message from a JID, under settings of `to_sip`.
fn cpim_from(settings: &str, jid: &str) -> String {
    let text = format!("to_sip: {{ profile: cpim, cpim_scheme: im, {settings} }}\n");
    let out = stanza(&rules("messages.yaml", &text), &message(jid, "romeo@example.net", ""));
    out.get("cpim.from").expect("an object").to_owned()
}

#[test]
fn addr_045_what_is_literal_in_an_im_address() {
    for (jid, uri) in [
        ("a(b)@h.test", "im:a%28b%29@h.test"),
        ("a^b{c}@h.test", "im:a%5Eb%7Bc%7D@h.test"),
        ("a?b#c%d@h.test", "im:a%3Fb%23c%25d@h.test"),
        ("juliet.capulet@h.test", "im:juliet.capulet@h.test"),
        ("!$\\26\\27*+-\\2f=_~@h.test", "im:!$&'*+-/=_~@h.test"),
    ] {
        assert_eq!(cpim_from("im_escaping: rfc7247", jid), format!("<{uri}>"));
    }
    let strict = cpim_from("im_escaping: rfc7247-strict", "juliet.capulet@h.test");
    assert_eq!(strict, "<im:juliet%2Ecapulet@h.test>");
}

#[test]
fn addr_053_an_im_address_has_no_device() {
    let rules = rules("messages.yaml", "to_sip: { to_scheme: im, cpim_scheme: im }\n");
    let out =
        stanza(&rules, &message("juliet@example.com/balcony", "romeo@example.net/orchard", ""));
    assert_eq!(out.get("to"), Some("im:romeo@example.net"));
    assert_eq!(out.get("request-uri"), Some("sip:romeo@example.net"));
    assert_eq!(out.get("cpim.from"), Some("<im:juliet@example.com>"));
}

#[test]
fn addr_059_the_set_of_rfc_3922() {
    assert_eq!(cpim_from("im_escaping: rfc3922", "jean-luc@h.test"), "<im:jean%2Dluc@h.test>");
    assert_eq!(cpim_from("im_escaping: rfc3922", "m\\26m@h.test"), "<im:m%26m@h.test>");
    assert_eq!(cpim_from("im_escaping: rfc3922", "a!$*._~+=@h.test"), "<im:a!$*._~+=@h.test>");
}

#[test]
fn cpim_025_from_of_rfc_3922() {
    let given = message(
        "juliet@example.com/balcony",
        "romeo@example.net",
        "<nick xmlns='http://jabber.org/protocol/nick'>Juliet Capulet</nick>",
    );
    assert_eq!(
        stanza(&profile("rfc3922"), &given).get("cpim.from"),
        Some("<im:juliet@example.com>")
    );
    let named = rules("messages.yaml", "to_sip: { cpim_scheme: im, formal_name: true }\n");
    let from = stanza(&named, &given).get("cpim.from").map(str::to_owned);
    assert_eq!(from.as_deref(), Some("Juliet Capulet <im:juliet@example.com>"));
    let from = stanza(&profile("default"), &given).get("cpim.from").map(str::to_owned);
    assert_eq!(from.as_deref(), Some("<sip:juliet@example.com>"));
}

#[test]
fn cpim_026_to_of_rfc_3922() {
    let given = message("juliet@example.com/balcony", "romeo@example.net/orchard", "");
    assert_eq!(stanza(&profile("rfc3922"), &given).get("cpim.to"), Some("<im:romeo@example.net>"));
    assert_eq!(stanza(&profile("default"), &given).get("cpim.to"), Some("<sip:romeo@example.net>"));
}

#[test]
fn cpim_027_an_id_is_a_content_id_only_where_it_is_unique() {
    let given = message("juliet@example.com", "romeo@x2s.example.com", "");
    assert_eq!(stanza(&profile("rfc3922"), &given).get("cpim.content-id"), None);
    let unique = rules("messages.yaml", "to_sip: { content_id: id }\n");
    let id = |id: &str| {
        let given = given.replace("id='1'", &format!("id='{id}'"));
        stanza(&unique, &given).get("cpim.content-id").map(str::to_owned)
    };
    assert_eq!(id("0af1-9c").as_deref(), Some("<0af1-9c@x2s.example.com>"));
    assert_eq!(id("123456789@example.net").as_deref(), Some("<123456789@example.net>"));
    assert_eq!(id("no id"), None);
}

#[test]
fn cpim_041_a_content_id_is_the_id() {
    let head = "From: <im:romeo@example.net>\nTo: <im:juliet@example.com>";
    let mime = "Content-Type: text/plain; charset=utf-8\nContent-ID: <123456789@example.net>";
    let given = object(head, mime, "Wherefore art thou?");
    assert_eq!(sip(&profile("rfc3922"), &given).get("id"), Some("123456789@example.net"));
    let id = sip(&profile("default"), &given).get("id").expect("an id").to_owned();
    assert!(id.starts_with('s') && id.len() == 17, "{id}");
}

#[test]
fn v_08_stanzas_of_rfc_3922_as_objects() {
    let text = "to_sip: { cpim_scheme: im, im_escaping: rfc3922, profile: cpim, thread: none, formal_name: true }\n";
    let rules = rules("messages.yaml", text);
    let out = stanza(
        &rules,
        "<message from='juliet@example.com/balcony' to='romeo@example.net/orchard'>\
         <subject>Hi!</subject><subject xml:lang='cz'>Ahoj!</subject>\
         <body>Wherefore art thou, Romeo?</body>\
         <nick xmlns='http://jabber.org/protocol/nick'>Juliet Capulet</nick></message>",
    );
    assert_eq!(out.get("cpim.from"), Some("Juliet Capulet <im:juliet@example.com>"));
    assert_eq!(out.get("cpim.to"), Some("<im:romeo@example.net>"));
    let sent = &out.sent[0].1;
    assert!(sent.contains("\r\nSubject: Hi!\r\nSubject:;lang=cz Ahoj!\r\n"), "{sent}");
    assert_eq!(out.get("cpim.content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(out.get("body"), Some("Wherefore art thou, Romeo?"));
}

#[test]
fn v_09_objects_of_rfc_3922_as_stanzas() {
    let head = "From: Romeo Montague <im:romeo@example.net>\nTo: Juliet Capulet <im:juliet@example.com>\n\
        Subject: Hi!\nSubject:;lang=cz Ahoj!";
    let mime = "Content-type: text/plain; charset=utf-8\nContent-ID: <123456789@example.net>";
    let out = sip(&profile("rfc3922"), &object(head, mime, "Wherefore art thou?"));
    assert_eq!(out.get("from"), Some("romeo@example.net"));
    assert_eq!(out.get("to"), Some("juliet@example.com"));
    assert_eq!(out.get("id"), Some("123456789@example.net"));
    assert_eq!(out.get("subject"), Some("Hi!"));
    assert_eq!(out.get("subject.cz"), Some("Ahoj!"));
    assert_eq!(out.get("body"), Some("Wherefore art thou?"));
    assert_eq!(out.get("status"), Some("202"));
}
