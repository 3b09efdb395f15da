//! Every rule and every profile that ships has tests, and they pass.

use std::sync::Arc;

use stox::dry_run::run_tests;
use stox::rules::{PROFILES, Rules, TABLES};

fn passes(rules: Rules) {
    let rules = Arc::new(rules);
    let failures: Vec<String> = run_tests(&rules, None).iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn the_built_in_rules_pass_their_tests() {
    let (rules, _) = Rules::load(None).expect("the built-in rules are right");
    for table in TABLES {
        let file = format!("/{}.yaml:", table.name);
        assert!(rules.tests.iter().any(|test| test.place.contains(&file)), "{file} has no tests");
    }
    passes(rules);
}

#[test]
fn each_profile_passes_its_tests_and_says_what_it_is_for() {
    for profile in PROFILES {
        assert!(profile.text.starts_with("# "), "{} says nothing", profile.name);
        let loaded = Rules::load_with(&[profile.name.to_owned()], None);
        let (rules, findings) = loaded.unwrap_or_else(|all| panic!("{all:#?}"));
        assert_eq!(findings, [], "{}", profile.name);
        assert!(rules.tests.iter().all(|test| test.place.contains("/profiles/")));
        assert!(!rules.tests.is_empty(), "{} has no tests", profile.name);
        passes(rules);
    }
}

#[test]
fn a_test_that_is_wrong_fails_readably() {
    let text = "tests:\n- name: wrong\n  \
        xmpp: { from: juliet@example.com, to: romeo@example.net, body: hi }\n  \
        expect: { body: ho, subject: none, x-gone: x }\n";
    let rules = crate::rules("messages.yaml", text);
    let failures = run_tests(&rules, None);
    assert_eq!(failures.len(), 1);
    let told = failures[0].to_string();
    assert!(told.contains("FAILED wrong ("), "{told}");
    assert!(told.contains("\n  - body: ho\n  + body: hi"), "{told}");
    assert!(told.contains("\n  - x-gone: x\n  + x-gone: none"), "{told}");
    assert!(!told.contains("subject: "), "{told}");
}
