//! Elements of stanzas and headers of CPIM objects (RFC 3862 §3.4) that rules set, leave out and
//! carry.

use stox::dry_run::{self, Case, Side};
use stox::rules::{Given, Rules};

use crate::{object, rules, scene, sip, stanza};

const CASE: &str = "urn:example:case";

fn message(children: &str) -> String {
    format!(
        "<message from='juliet@example.com/balcony' to='romeo@example.net' type='chat' id='m1'>\
         <body>hello</body>{children}</message>"
    )
}

fn with(rule: &str) -> std::sync::Arc<Rules> {
    rules("messages.yaml", &format!("rules:\n- name: r\n{rule}"))
}

#[test]
fn the_text_of_an_element_becomes_a_header_field_or_a_header_of_the_object() {
    let rules = with(
        "  when: { direction: to_sip }\n  \
           carry: { \"{urn:example:case}ticket\": X-Case, \
                    \"{urn:example:case}queue\": \"cpim:{urn:example:cpim}Queue\", \
                    X-Agent: \"cpim:{urn:example:cpim}Agent\", \
                    \"{urn:example:case}none\": X-None }\n",
    );
    let children = format!(
        "<ticket xmlns='{CASE}'>4711</ticket><queue xmlns='{CASE}'>first line</queue>\
         <ticket xmlns='urn:example:other'>no</ticket>\
         <headers xmlns='http://jabber.org/protocol/shim'><header name='x-agent'>7</header></headers>"
    );
    let out = stanza(&rules, &message(&children));
    assert_eq!(out.get("x-case"), Some("4711"));
    assert_eq!(out.get("cpim.{urn:example:cpim}Queue"), Some("first line"));
    assert_eq!(out.get("cpim.{urn:example:cpim}Agent"), Some("7"));
    assert_eq!(out.get("x-none"), None);
    let text = &out.sent[0].1;
    assert_eq!(text.matches("NS: ns0 <urn:example:cpim>\r\n").count(), 1, "{text}");
    assert_eq!(out.get("body"), Some("hello"));
}

#[test]
fn bare_text_has_header_fields_alone() {
    let rules = with(
        "  when: { direction: to_sip }\n  to_sip: { profile: text }\n  \
           carry: { \"{urn:example:case}ticket\": X-Case }\n  \
           set: { \"cpim:{urn:example:cpim}From-User\": \"${from.user}\" }\n",
    );
    let out = stanza(&rules, &message(&format!("<ticket xmlns='{CASE}'>4711</ticket>")));
    assert_eq!((out.get("x-case"), out.get("body")), (Some("4711"), Some("hello")));
    assert!(!out.sent[0].1.contains("urn:example:cpim"));
}

#[test]
fn a_header_of_the_object_is_set_by_a_template() {
    let rules = with(
        "  when: { direction: to_sip }\n  \
           set: { \"cpim:{urn:example:a}User\": \"${from.user|upper}\", \
                  \"cpim:{urn:example:b}Type\": \"${type}\", \
                  \"cpim:{urn:example:a}Thread\": \"${thread}\" }\n  \
           carry: { \"{urn:example:case}user\": \"cpim:{urn:example:a}User\" }\n",
    );
    let out = stanza(&rules, &message(&format!("<user xmlns='{CASE}'>other</user>")));
    assert_eq!(out.get("cpim.{urn:example:a}User"), Some("JULIET"));
    assert_eq!(out.get("cpim.{urn:example:b}Type"), Some("chat"));
    assert_eq!(out.get("cpim.{urn:example:a}Thread"), None, "an empty one is left out");
    let text = &out.sent[0].1;
    assert!(text.contains("NS: ns1 <urn:example:b>\r\nns1.Type: chat\r\n"), "{text}");
}

#[test]
fn header_fields_and_headers_of_the_object_become_elements() {
    let rules = with(
        "  when: { direction: to_xmpp }\n  \
           carry: { X-Case: \"{urn:example:case}ticket\", \
                    \"cpim:{urn:example:cpim}Queue\": \"{urn:example:case}queue\", \
                    \"cpim:{urn:example:cpim}Agent\": X-Agent, \
                    \"cpim:{urn:example:cpim}None\": \"{urn:example:case}none\" }\n",
    );
    let head = "From: <sip:romeo@example.net>\nTo: <sip:juliet@example.com>\n\
                NS: q <urn:example:cpim>\nq.Queue: a \\\"b\\\" c\nq.Agent: 7";
    let request = object(head, "Content-Type: text/plain; charset=utf-8", "hello");
    let request = request.replacen("Content-Type", "X-Case: 4711\nContent-Type", 1);
    let out = sip(&rules, &request);
    assert_eq!(out.get("element.ticket"), Some("<ticket xmlns='urn:example:case'>4711</ticket>"));
    assert_eq!(out.get("element.queue"), Some("<queue xmlns='urn:example:case'>a \"b\" c</queue>"));
    assert_eq!(out.get("header.x-agent"), Some("7"));
    assert_eq!(out.get("element.none"), None);
}

#[test]
fn an_element_is_set_by_a_template_in_place_of_one_that_is_carried() {
    let rules = with(
        "  when: { direction: to_xmpp }\n  \
           carry: { X-Case: \"{urn:example:case}ticket\" }\n  \
           set: { \"{urn:example:case}ticket\": \"${from.user}-${body|upper}\", \
                  \"{urn:example:case}type\": \"${type}\" }\n",
    );
    let request = "MESSAGE sip:juliet@example.com SIP/2.0\nFrom: <sip:romeo@example.net>\n\
                   To: <sip:juliet@example.com>\nX-Case: 1\nContent-Type: text/plain\n\na < b";
    let out = sip(&rules, request);
    assert_eq!(
        out.get("element.ticket"),
        Some("<ticket xmlns='urn:example:case'>romeo-A &lt; B</ticket>")
    );
    assert_eq!(out.get("element.type"), None, "an empty one is left out");
    assert_eq!(out.sent[0].1.matches("<ticket").count(), 1);
}

#[test]
fn what_is_carried_over_both_legs_is_the_same_again() {
    let there = with(
        "  when: { direction: to_sip }\n  \
           carry: { \"{urn:example:case}ticket\": \"cpim:{urn:example:cpim}Ticket\" }\n",
    );
    let back = with(
        "  when: { direction: to_xmpp }\n  \
           carry: { \"cpim:{urn:example:cpim}Ticket\": \"{urn:example:case}ticket\" }\n",
    );
    for value in ["4711", "příběh \\ \"x\" 'y' &amp; &lt;z&gt;", "a.b;c=d: e", "\\r\\n"] {
        let element = format!("<ticket xmlns='{CASE}'>{value}</ticket>");
        let out = stanza(&there, &message(&element));
        let (_, sent) = out.sent.iter().find(|(side, _)| *side == Side::Sip).expect("a request");
        let (_, body) = sent.split_once("\r\n\r\n").expect("a body");
        let (head, rest) = body.split_once("\r\n\r\n").expect("an object");
        let (mime, text) = rest.split_once("\r\n\r\n").expect("content");
        let head = head.replace("juliet@example.com", "romeo@example.net");
        let request = object(&head.replace("\r\n", "\n"), &mime.replace("\r\n", "\n"), text);
        let out = sip(&back, &request);
        assert_eq!(out.get("element.ticket"), Some(element.as_str()), "{request}");
    }
}

#[test]
fn a_value_is_one_line_of_a_bounded_length() {
    let rules = with(
        "  when: { direction: to_sip }\n  to_sip: { profile: cpim }\n  \
           carry: { \"{urn:example:case}a\": X-A, \"{urn:example:case}b\": X-B, \
                    \"{urn:example:case}c\": \"cpim:{urn:example:cpim}C\" }\n  \
           set: { X-Body: \"${body}\", \"cpim:{urn:example:cpim}Body\": \"${body}\" }\n",
    );
    let evil = "1&#13;&#10;Evil: 2&#10;&#10;3";
    let children = format!(
        "<a xmlns='{CASE}'>{evil}</a><b xmlns='{CASE}'>{}</b><c xmlns='{CASE}'>{evil}</c>",
        "x".repeat(1_025)
    );
    let text = message(&children).replace("hello", evil);
    let out = stanza(&rules, &text);
    assert_eq!(out.get("x-a"), Some("1  Evil: 2  3"), "{:?}", out.lines);
    assert_eq!(out.get("cpim.{urn:example:cpim}C"), Some("1  Evil: 2  3"));
    assert_eq!(out.get("x-b"), None, "what is too long is left out");
    for set in ["x-body", "cpim.{urn:example:cpim}Body"] {
        assert_eq!(out.get(set), Some("1  Evil: 2  3"));
    }
    assert_eq!((out.get("evil"), out.get("cpim.evil")), (None, None));
    let rules = with(
        "  when: { direction: to_xmpp }\n  \
           carry: { \"cpim:{urn:example:cpim}A\": \"{urn:example:case}a\", \
                    X-Long: X-Long, X-Longest: X-Longest }\n  \
           set: { \"{urn:example:case}body\": \"${body}\" }\n",
    );
    let head = "From: <sip:romeo@example.net>\nNS: q <urn:example:cpim>\nq.A: 1\\r\\n\\u00072\\t3";
    let request = object(head, "Content-Type: text/plain", &"ž".repeat(1_000));
    let (long, longest) = ("x".repeat(1_025), "x".repeat(1_024));
    let fields = format!("X-Long: {long}\nX-Longest: {longest}\nContent-Type");
    let out = sip(&rules, &request.replacen("Content-Type", &fields, 1));
    assert_eq!(out.get("element.a"), Some("<a xmlns='urn:example:case'>1   2 3</a>"));
    assert_eq!(out.get("header.x-longest").map(str::len), Some(1_024));
    assert_eq!(out.get("header.x-long"), None);
    // What a rule sets is cut, between two characters.
    let body = format!("<body xmlns='urn:example:case'>{}</body>", "ž".repeat(512));
    assert_eq!(out.get("element.body"), Some(body.as_str()));
}

#[test]
fn an_element_that_is_left_out_is_as_if_it_were_not_there() {
    let children = "<delay xmlns='urn:xmpp:delay' stamp='2020-02-03T04:05:06Z'/>\
                    <nick xmlns='http://jabber.org/protocol/nick'>Jule</nick>\
                    <ticket xmlns='urn:example:case'>4711</ticket>";
    let plain = with("  when: { direction: to_sip }\n  to_sip: { date_from_delay: true }\n");
    let out = stanza(&plain, &message(children));
    assert_eq!(out.get("from.name"), Some("Jule"));
    assert!(out.get("date").expect("a Date").contains("2020"));
    let rules = with(
        "  when: { direction: to_sip, namespace: urn:example:case }\n  \
           to_sip: { date_from_delay: true }\n  \
           drop: [ \"{urn:xmpp:delay}delay\", \"{http://jabber.org/protocol/nick}nick\", \
                   \"{urn:example:case}ticket\" ]\n  \
           carry: { \"{urn:example:case}ticket\": X-Case }\n",
    );
    let out = stanza(&rules, &message(children));
    assert_eq!((out.get("from.name"), out.get("x-case")), (None, None));
    assert!(out.get("date").is_none_or(|date| !date.contains("2020")));
    assert!(!out.get("cpim.datetime").expect("a DateTime").contains("2020"));
    // The rule asks for what it leaves out, and holds for each form of the message all the same.
    let given = Given::Stanza(message(children));
    let scene = Case { answer: Some("415".to_owned()), ..scene(&rules, given) };
    let out = dry_run::run(&scene).expect("a message");
    let forms: Vec<&str> = out
        .sent
        .iter()
        .filter(|(side, _)| *side == Side::Sip)
        .map(|(_, text)| text.as_str())
        .collect();
    assert_eq!(forms.len(), 2);
    assert!(forms.iter().all(|form| !form.contains("2020") && !form.contains("Jule")));
}

#[test]
fn no_rule_hides_encryption() {
    let rules =
        with("  when: { direction: to_sip }\n  drop: [ \"{urn:xmpp:omemo:2}encrypted\" ]\n");
    let out = stanza(
        &rules,
        &message("<encrypted xmlns='urn:xmpp:omemo:2'><payload>aA==</payload></encrypted>"),
    );
    assert_eq!((out.get("error"), out.get("method")), (Some("not-acceptable"), None));
}

#[test]
fn an_element_for_xmpp_is_left_out_by_its_name() {
    let html = "MESSAGE sip:juliet@example.com SIP/2.0\nFrom: <sip:romeo@example.net>\n\
                To: <sip:juliet@example.com>\nContent-Type: text/html\n\n<b>hello</b>";
    let kept = with("  when: { direction: to_xmpp }\n  drop: [ \"{urn:example:case}html\" ]\n");
    assert!(sip(&kept, html).get("element.html").is_some());
    let rules = with(
        "  when: { direction: to_xmpp }\n  \
           drop: [ \"{http://jabber.org/protocol/xhtml-im}html\" ]\n",
    );
    let out = sip(&rules, html);
    assert_eq!((out.get("element.html"), out.get("body")), (None, Some("hello")));
}

#[test]
fn what_stands_in_an_object_within_a_multipart_is_carried() {
    let rules = with(
        "  when: { direction: to_xmpp }\n  \
           carry: { \"cpim:{urn:example:cpim}A\": \"{urn:example:case}a\" }\n",
    );
    let request = "MESSAGE sip:juliet@example.com SIP/2.0\nFrom: <sip:romeo@example.net>\n\
         To: <sip:juliet@example.com>\nContent-Type: multipart/mixed;boundary=b\n\n\
         --b\nContent-Type: message/cpim\n\nFrom: <sip:romeo@example.net>\n\
         NS: <urn:example:cpim>\nA: 1\n\nContent-Type: text/plain\n\nhi\n--b--\n";
    let out = sip(&rules, &request.replace('\n', "\r\n"));
    assert_eq!(out.get("element.a"), Some("<a xmlns='urn:example:case'>1</a>"));
}
