//! `pairs`: addresses that are written otherwise on each side.

use crate::{Directory, rules, sip, stanza};

fn message(from: &str, to: &str) -> String {
    format!("<message from='{from}' to='{to}' id='m1'><body>hi</body></message>")
}

fn request(from: &str, to: &str) -> String {
    format!("MESSAGE {to} SIP/2.0\nFrom: <{from}>\nTo: <{to}>\nContent-Type: text/plain\n\nhi")
}

#[test]
fn addr_069_one_component_for_all_domains() {
    let rules = rules(
        "addresses.yaml",
        "pairs:\n\
         - name: every domain\n  jid: \"${user}@${host|domain}@sip.example.com\"\n  uri: \"sip:${user}@${host|domain}\"\n\
         - { name: nobody else, jid: \"${user}@sip.example.com\", refuse: true }\n\
         - { name: at home, jid: \"${user}@example.com\", uri: \"sip:${user}@example.com\" }\n",
    );
    for (jid, uri) in [
        ("romeo\\40example.net@sip.example.com", "sip:romeo@example.net"),
        ("a\\40b\\40example.net@sip.example.com", "sip:a%40b@example.net"),
    ] {
        let out = stanza(&rules, &message("juliet@example.com", jid));
        assert_eq!(out.get("request-uri"), Some(uri), "{jid}");
    }
    let out = stanza(&rules, &message("juliet@example.com", "romeo@sip.example.com"));
    assert_eq!((out.get("error"), out.get("method")), (Some("item-not-found"), None));
}

#[test]
fn a_tel_uri_is_a_numeric_jid_both_ways() {
    let rules = rules(
        "addresses.yaml",
        "pairs: [ { name: numbers, jid: \"${n|digits}@sip.example.com\", uri: \"tel:+420${n|digits}\" } ]\n",
    );
    let out = stanza(&rules, &message("juliet@example.com", "602123456@sip.example.com"));
    assert_eq!(out.get("request-uri"), Some("tel:+420602123456"));
    let out = sip(&rules, &request("tel:+420-602-123-456", "sip:juliet@example.com"));
    assert_eq!(out.get("from"), Some("602123456@sip.example.com"));
}

#[test]
fn two_jids_that_may_meet_are_shown() {
    let warned = |pair: &str| {
        let (_, told) = Directory::new(&[("addresses.yaml", &format!("pairs: [ {pair} ]\n"))])
            .load()
            .expect("a warning is no mistake");
        told
    };
    let told = warned("{ name: x, jid: \"${user}@a.test\", uri: \"sip:reception@b.test\" }");
    assert!(told[0].contains("warning: addresses.pairs[0].uri: two JIDs may meet in one URI: a@a.test and b@a.test are both sip:reception@b.test"), "{told:#?}");
    let told = warned("{ name: x, jid: \"${a}-${b}@a.test\", uri: \"sip:${a}${b}@b.test\" }");
    assert!(told[0].contains("two JIDs may meet in one URI"), "{told:#?}");
    let told = warned(
        "{ name: x, jid: \"${a|digits}-${b|digits}@a.test\", uri: \"sip:${b|digits}-${a|digits}@b.test\" }",
    );
    assert_eq!(told, Vec::<String>::new());
}
