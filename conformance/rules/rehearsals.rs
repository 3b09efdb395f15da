//! What `translate` and `explain` say: on the vectors of the RFCs, and of rules that match.

use std::path::Path;
use std::sync::Arc;

use stox::config::{self, Environment};
use stox::dry_run::{self, Case, Side};
use stox::rules::Given;

use crate::{profile, rules, scene};

#[test]
fn explain_tells_each_rule_and_what_it_changed() {
    let rules = rules(
        "messages.yaml",
        "rules:\n- { name: first, when: { to: nobody@example.net }, to_sip: { profile: text } }\n\
         - { name: second, when: { direction: to_sip }, set: { Subject: \"${body|upper}\" } }\n\
         - { name: third, to_sip: { profile: cpim } }\n",
    );
    let given = Given::Stanza(
        "<message from='juliet@example.com' to='romeo@example.net'><body>hi</body></message>"
            .into(),
    );
    let (_, why) = dry_run::explain(&scene(&rules, given)).expect("a message");
    let (_, looked) = why.tables.iter().find(|(table, _)| *table == "messages").expect("messages");
    let told: Vec<(&str, Option<&str>)> =
        looked.iter().map(|one| (one.name.as_str(), one.failed)).collect();
    assert_eq!(told, [("first", Some("to")), ("second", None)]);
    assert!(looked[1].place.ends_with("messages.yaml:3"), "{}", looked[1].place);
    assert!(
        why.changed.contains(&("subject".to_owned(), None, Some("HI".to_owned()))),
        "{:?}",
        why.changed
    );
}

#[test]
fn all_that_would_be_sent_is_told_in_both_forms() {
    let rules = profile("default");
    let given = Given::Stanza("<message from='juliet@example.com' to='romeo@example.net' id='m1'><body>hi</body></message>".into());
    for (reads_cpim, kind) in [(true, "message/cpim"), (false, "text/plain")] {
        let answer = Some("404".to_owned());
        let scene = Case { answer, reads_cpim, ..scene(&rules, given.clone()) };
        let outcome = dry_run::run(&scene).expect("a message");
        let sides: Vec<Side> = outcome.sent.iter().map(|(side, _)| *side).collect();
        assert_eq!(sides, [Side::Sip, Side::Xmpp(0)]);
        assert!(outcome.sent[0].1.contains(&format!("Content-Type: {kind}\r\n")));
        assert!(outcome.sent[1].1.contains("<item-not-found"));
    }
}

/// A configuration with one peer that is a CPIM service.
struct Archive;

impl Environment for Archive {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, _: &Path) -> std::io::Result<String> {
        Ok("xmpp: { component: example.net, server: \"127.0.0.1:5347\", secret: s3cret }\n\
            sip:\n  listen: [ \"udp:127.0.0.2:5060\" ]\n  \
            peers: [ { name: archive, uri: \"sip:127.0.0.3:5060\", bodies: cpim } ]\n\
            domains:\n  - { xmpp: example.net, sip: example.net }\n  \
            - { xmpp: example.com, sip: example.com }\n"
            .to_owned())
    }
}

#[test]
fn msg_073_the_form_that_a_peer_of_the_configuration_wants_is_told() {
    let (config, _) = config::load(Path::new("stox.yaml"), &Archive).expect("a configuration");
    let (config, rules) = (Some(Arc::new(config)), profile("default"));
    let given = Given::Stanza(
        "<message from='juliet@example.com' to='box@example.net' id='m1'><body>hi</body></message>"
            .into(),
    );
    let scene = Case { config, reads_cpim: false, ..scene(&rules, given) };
    let outcome = dry_run::run(&scene).expect("a message");
    assert!(outcome.sent[0].1.contains("Content-Type: message/cpim\r\n"), "{}", outcome.sent[0].1);
    let refused = Case { answer: Some("415".to_owned()), ..scene };
    let sides: Vec<Side> =
        dry_run::run(&refused).expect("a message").sent.iter().map(|(side, _)| *side).collect();
    assert_eq!(sides, [Side::Sip, Side::Xmpp(0)]);
}

#[test]
fn what_cannot_be_read_is_said() {
    let rules = profile("default");
    for (given, words) in [
        (Given::Stanza("<message".into()), "not a stanza"),
        (Given::Stanza("<message from='a@b.test'/>".into()), "needs `from` and `to`"),
        (
            Given::Stanza("<message from='a@b.test' to='c@b.test'><body>x</body></message>".into()),
            "both ends are of b.test",
        ),
        (Given::Sip("MESSAGE".into()), "has a Request-URI and a From"),
        (Given::ShortSip(vec![("to".into(), "sip:a@b.test".into())]), "needs `from`"),
    ] {
        let why = dry_run::run(&scene(&rules, given)).expect_err(words).to_string();
        assert!(why.contains(words), "{why}");
    }
}

#[test]
fn secured_presence_is_told_with_its_place_both_ways() {
    let rules = profile("default");
    let e2e = "<presence from='juliet@example.com/b' to='romeo@example.net'>\
        <status>hidden</status><e2e xmlns='urn:ietf:params:xml:ns:xmpp-e2e'>\
        Content-Type: application/pkcs7-mime\n\nMAUA</e2e></presence>";
    let notify = "NOTIFY sip:juliet@example.com SIP/2.0\nFrom: <sip:romeo@example.net>;tag=r\n\
        To: <sip:juliet@example.com>\nCSeq: 7 NOTIFY\nContent-Type: application/pkcs7-mime\n\nab";
    for (given, side) in
        [(Given::Stanza(e2e.into()), Side::Sip), (Given::Sip(notify.into()), Side::Xmpp(0))]
    {
        let (outcome, why) = dry_run::explain(&scene(&rules, given)).expect("presence");
        let [met] = outcome.encrypted.as_slice() else { panic!("{:?}", outcome.encrypted) };
        assert!(met.starts_with("smime seen at ") && met.ends_with(": relayed"), "{met}");
        let (_, sent) = outcome.sent.iter().find(|(to, _)| *to == side).expect("an object");
        assert!(sent.contains("application/pkcs7-mime") && !sent.contains("hidden"), "{sent}");
        assert_eq!(why.addresses.len(), 2);
    }
}

#[test]
fn encryption_that_is_met_is_told_with_its_place() {
    let rules = profile("default");
    let omemo = "<message from='juliet@example.com/b' to='romeo@example.net' id='m'>\
        <body>fallback</body><encrypted xmlns='eu.siacs.conversations.axolotl'>\
        <header sid='1'/><payload>AAAA</payload></encrypted></message>";
    let scene = scene(&rules, Given::Stanza(omemo.into()));
    let (outcome, _) = dry_run::explain(&scene).expect("a message");
    let [met] = outcome.encrypted.as_slice() else { panic!("{:?}", outcome.encrypted) };
    assert!(met.starts_with("omemo:axolotl seen at <encrypted "), "{met}");
    assert!(met.ends_with(": refused"), "{met}");
    assert!(outcome.sent.iter().all(|(_, text)| !text.contains("fallback")));
}
