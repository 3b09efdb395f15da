//! `translate --explain` on each vector of the RFCs: the tables that were asked, the rule of each
//! that matched, and at the end all that would be sent.

use std::sync::{Arc, LazyLock};

use data_encoding::BASE64;
use stox::codec::xmpp::Condition;
use stox::dry_run::{self, Case, Explanation, Outcome};
use stox::rules::{Given, Rules};

use crate::{Directory, profile, scene};

/// The lines of a table of vectors: row, direction, given, expected.
fn vectors(table: &'static str) -> Vec<[&'static str; 4]> {
    let lines = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (row, rest) = line.split_once(' ').expect("a row");
            let (direction, rest) = rest.trim_start().split_once(' ').expect("a direction");
            let arrow = if direction == "both" { " <-> " } else { " -> " };
            let (given, expected) = rest.trim_start().split_once(arrow).expect("an arrow");
            [row, direction, given, expected]
        })
        .collect()
}

/// A rule that holds for everything, in each table that has rules; none of them changes a thing.
static RULES: LazyLock<Arc<Rules>> = LazyLock::new(|| {
    let files = [
        ("addresses.yaml", "rules: [ { name: all addresses, to_sip: { resource: none } } ]\n"),
        ("messages.yaml", "rules: [ { name: all messages, to_sip: { formal_name: false } } ]\n"),
        ("presence.yaml", "rules: [ { name: all presence, to_sip: { show: true } } ]\n"),
        ("errors.yaml", "rules: [ { name: all errors, privacy: false } ]\n"),
    ];
    let loaded = Directory::new(&files).load();
    Arc::new(loaded.unwrap_or_else(|told| panic!("{told:#?}")).0)
});

const MESSAGE: &[&str] = &["addresses", "addresses", "messages"];
const REFUSED: &[&str] = &["addresses", "addresses", "messages", "errors"];
const ENCRYPTED: &[&str] = &["addresses", "addresses", "messages", "encryption"];
const PRESENCE: &[&str] = &["addresses", "addresses", "presence"];
const IN_VAIN: &[&str] = &["addresses", "addresses", "presence", "errors"];

/// Explains a vector and holds what every explanation must have.
#[track_caller]
fn explained(given: Given, answer: Option<&str>, tables: &[&str]) -> (Outcome, Explanation) {
    let scene = Case { answer: answer.map(str::to_owned), ..scene(&RULES, given) };
    let (outcome, why) = dry_run::explain(&scene).expect("it can be played");
    let asked: Vec<&str> = why.tables.iter().map(|(table, _)| *table).collect();
    assert_eq!(asked, tables, "{outcome}");
    let text = format!("{why}{outcome}");
    for (table, looked) in why.tables.iter().filter(|(table, _)| *table != "encryption") {
        let name = format!("all {table}");
        let [one] = looked.as_slice() else { panic!("{table}: {looked:#?}") };
        assert_eq!((&one.name, one.failed), (&name, None));
        assert!(text.contains(&format!("\n{table}:\n  {name} (")), "{text}");
    }
    let end = match outcome.sent.last() {
        Some((_, last)) => last.replace("\r\n", "\n").trim_end().to_owned(),
        None => "--- nothing is sent".to_owned(),
    };
    assert!(text.trim_end().ends_with(&end), "{text}");
    (outcome, why)
}

#[test]
fn every_address_of_the_vectors_is_explained() {
    let rules = profile("rfc7247-strict");
    let mut explained = 0;
    for [row, direction, given, expected] in vectors(include_str!("../vectors/addresses.txt")) {
        // Written-out repetitions, headers and refusals are told by the vectors themselves.
        if direction == "from" || given.contains('{') || ["none", "400"].contains(&expected) {
            continue;
        }
        let steps =
            dry_run::steps(&rules, None, given).unwrap_or_else(|why| panic!("{row}: {why}"));
        let told: Vec<&str> = steps.iter().map(|step| step.result.as_str()).collect();
        assert!(told.contains(&expected), "{row} {given}: {told:#?}");
        explained += 1;
    }
    assert!(explained > 50, "{explained}");
}

#[test]
fn every_error_of_the_vectors_is_explained() {
    let stanza = Given::Stanza("<message from='juliet@example.com/b' to='romeo@example.net' id='m'><body>hi</body></message>".into());
    let request = Given::Sip("MESSAGE sip:juliet@example.com SIP/2.0\nFrom: <sip:romeo@example.net>\nTo: <sip:juliet@example.com>\nContent-Type: text/plain\n\nhi".into());
    for [row, direction, given, expected] in vectors(include_str!("../vectors/errors.txt")) {
        let to_sip = direction == "x2s";
        let input = if to_sip { request.clone() } else { stanza.clone() };
        let (outcome, why) = explained(input, Some(given), REFUSED);
        let [entry] = why.entries.as_slice() else { panic!("{row} {given}: {:?}", why.entries) };
        let table = if to_sip { "errors.to_sip." } else { "errors.to_xmpp." };
        let key = entry.strip_prefix(table).expect("an entry of the right table");
        let of_class = key.strip_suffix("xx").is_some_and(|class| given.starts_with(class));
        let undefined = key == "undefined-condition" && Condition::from_name(given).is_none();
        assert!(key == given || of_class || undefined, "{row} {given}: {entry}");
        let part = |name: &str| outcome.get(name).unwrap_or_default();
        let (found, expected) = match to_sip {
            true => (part("status").to_owned(), expected.split(' ').next().unwrap_or_default()),
            false => (format!("{} {}", part("error"), part("error-type")), expected),
        };
        assert_eq!(found, expected, "{row} {given}");
    }
}

#[test]
fn the_messages_of_rfc_7572_are_explained() {
    let strict = profile("rfc7247-strict");
    for (given, name, expected, by_the_letter) in [
        (Given::Stanza("<message from='juliet@example.com/yn0cl4bnw0yr3vym' to='romeo@example.net'><body>Art thou not Romeo, and a Montague?</body></message>".into()),
            "from", "sip:juliet@example.com", "sip:juliet@example.com;gr=yn0cl4bnw0yr3vym"),
        (Given::Sip("MESSAGE sip:juliet@example.com SIP/2.0\nVia: SIP/2.0/TCP s2x.example.net;branch=z9hG4bKeskdgs677\nMax-Forwards: 70\nFrom: sip:romeo@example.net;tag=vrzl\nTo: sip:juliet@example.com\nCall-ID: 9E97FB43-85F4-4A00-8751-1124FD4C7B2E\nCSeq: 1 MESSAGE\nContent-Type: text/plain\n\nNeither, fair saint, if either thee dislike.".into()),
            "thread", "", "9E97FB43-85F4-4A00-8751-1124FD4C7B2E"),
        (Given::Sip("MESSAGE sip:juliet@example.com SIP/2.0\nFrom: <sip:romeo@example.net>;tag=vwxl\nTo: sip:juliet@example.com\nCall-ID: 5A37A65D-304B-470A-B718-3F3E6770ACAF\nCSeq: 1 MESSAGE\nContent-Type: text/plain\nContent-Language: cs\n\nNic z ob\u{e9}ho, m\u{e1} d\u{11b}vo spanil\u{e1}, nenavid\u{ed}\u{161}-li jedno nebo druh\u{e9}.".into()),
            "lang", "cs", "cs"),
    ] {
        let letter = dry_run::run(&scene(&strict, given.clone())).expect("a message");
        assert_eq!(letter.get(name), Some(by_the_letter));
        let (outcome, why) = explained(given, None, MESSAGE);
        assert_eq!(outcome.get(name).unwrap_or_default(), expected);
        assert_eq!(why.addresses.len(), 2);
        assert_eq!(why.changed, []);
    }
}

#[test]
fn every_presence_of_the_vectors_is_explained() {
    for [row, direction, given, expected] in vectors(include_str!("../vectors/presence.txt")) {
        let expected = if expected == "none" { "" } else { expected };
        if direction == "s2x" {
            let told = stanzas(given);
            assert_eq!(told, expected, "{row} {given}");
            continue;
        }
        let stanza = match given.starts_with("<presence") {
            true => given.to_owned(),
            false => format!(
                "<presence from='juliet@example.com/balcony' to='romeo@example.net'>{given}</presence>"
            ),
        };
        let (outcome, _) = explained(Given::Stanza(stanza), None, PRESENCE);
        assert_eq!(outcome.get("method"), Some("NOTIFY"), "{row} {given}");
        let (_, text) = outcome.sent.last().expect("a NOTIFY");
        assert!(text.contains(expected), "{row} {given}: {text}");
    }
}

/// The stanzas that the document of a NOTIFY becomes, explained.
fn stanzas(given: &str) -> String {
    let document = match given.contains(" entity='") {
        true => given.to_owned(),
        false => format!(
            "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:romeo@example.net'>{given}</presence>"
        ),
    };
    let request = format!(
        "NOTIFY sip:juliet@example.com SIP/2.0\nFrom: <sip:romeo@example.net>\n\
         To: <sip:juliet@example.com>\nContent-Type: application/pidf+xml\n\n{document}"
    );
    let (outcome, _) = explained(Given::Sip(request), None, PRESENCE);
    let told = outcome.sent.iter().filter(|(_, text)| text.starts_with("<presence"));
    told.map(|(_, text)| text.replace(" to='juliet@example.com'", "")).collect()
}

#[test]
fn subscriptions_are_explained_in_both_directions() {
    let stanza = |kind: &str| {
        format!("<presence from='juliet@example.com' to='romeo@example.net' type='{kind}'/>")
    };
    for kind in ["subscribe", "probe", "unsubscribe", "subscribed", "unsubscribed"] {
        let (outcome, _) = explained(Given::Stanza(stanza(kind)), None, PRESENCE);
        let asks = outcome.get("method") == Some("SUBSCRIBE");
        assert_eq!(asks, ["subscribe", "probe"].contains(&kind), "{kind}: {outcome}");
    }
    let (outcome, why) = explained(Given::Stanza(stanza("subscribe")), Some("604"), IN_VAIN);
    assert_eq!(why.entries, ["errors.to_xmpp.604"]);
    assert_eq!(outcome.get("error"), Some("item-not-found"));
    let subscribe = "SUBSCRIBE sip:juliet@example.com SIP/2.0\nFrom: <sip:romeo@example.net>\n\
        To: <sip:juliet@example.com>\nContact: <sip:romeo@127.0.0.13>\nEvent: presence\nExpires: 3600\n\n";
    let (outcome, _) = explained(Given::Sip(subscribe.into()), None, PRESENCE);
    let asked = |(_, text): &(_, String)| text.contains(" type='subscribe'");
    assert!(outcome.sent.iter().any(asked), "{outcome}");
}

#[test]
fn encryption_of_the_vectors_is_explained() {
    let lines = include_str!("../vectors/rfc8591.txt").lines();
    let bodies: Vec<&str> = lines.filter_map(|line| line.strip_prefix("10.")?.get(2..)).collect();
    assert_eq!(bodies.len(), 3);
    for hex in bodies {
        let pairs = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16));
        let octets: Result<Vec<u8>, _> = pairs.collect();
        let object = BASE64.encode(&octets.expect("hexadecimal digits"));
        let kind = "Content-Type: application/pkcs7-mime; smime-type=signed-data\n\
            Content-Transfer-Encoding: base64";
        let request = format!(
            "MESSAGE sip:juliet@example.com SIP/2.0\nFrom: <sip:romeo@example.net>\n\
             To: <sip:juliet@example.com>\n{kind}\n\n{object}"
        );
        let stanza = format!(
            "<message from='juliet@example.com/b' to='romeo@example.net' id='m'>\
             <e2e xmlns='urn:ietf:params:xml:ns:xmpp-e2e'>{kind}\n\n{object}</e2e></message>"
        );
        for given in [Given::Sip(request), Given::Stanza(stanza)] {
            let (outcome, _) = explained(given, None, ENCRYPTED);
            let [met] = outcome.encrypted.as_slice() else { panic!("{:?}", outcome.encrypted) };
            assert!(met.starts_with("smime"), "{met}");
        }
    }
    for (element, scheme) in [
        ("<encrypted xmlns='urn:xmpp:omemo:2'><payload>AAAA</payload></encrypted>", "omemo:2"),
        ("<openpgp xmlns='urn:xmpp:openpgp:0'>AAAA</openpgp>", "openpgp:0"),
        ("<x xmlns='jabber:x:encrypted'>AAAA</x>", "openpgp"),
    ] {
        let stanza = format!(
            "<message from='juliet@example.com/b' to='romeo@example.net' id='m'>\
             <body>fallback</body>{element}</message>"
        );
        let (outcome, _) = explained(Given::Stanza(stanza), None, ENCRYPTED);
        let [met] = outcome.encrypted.as_slice() else { panic!("{:?}", outcome.encrypted) };
        assert!(met.starts_with(&format!("{scheme} seen at ")), "{met}");
    }
}
