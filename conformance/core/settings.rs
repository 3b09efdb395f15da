//! `stox.yaml`: the shape that must work, and what is said about mistakes.

use std::path::Path;
use std::time::Duration;

use stox::config::{self, Config, Environment, Side};

use crate::world::SETTINGS;

struct Here<'a>(&'a str);

impl Environment for Here<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        (name == "SECRET").then(|| "from the environment".to_owned())
    }
    fn file(&self, path: &Path) -> std::io::Result<String> {
        match path.to_str() {
            Some("etc/stox.yaml") => Ok(self.0.to_owned()),
            Some("etc/secret") => Ok("from a file\n".to_owned()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        }
    }
}

fn load(text: &str) -> Result<Config, Vec<String>> {
    let loaded = config::load(Path::new("etc/stox.yaml"), &Here(text));
    loaded.map(|(config, _)| config).map_err(|all| all.iter().map(ToString::to_string).collect())
}

/// The one finding of a text.
fn finding(text: &str) -> String {
    let mut all = load(text).expect_err("a mistake");
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

#[test]
fn the_shape_of_the_documentation_works_as_it_stands() {
    let config = load(
        r#"
xmpp: { component: sip.xmpp.test, server: "127.0.0.11:5347", secret: s3cret }
sip:
  listen: [ "udp:127.0.0.20:5060", "tcp:127.0.0.20:5060" ]
  peers: [ { name: core, uri: "sip:127.0.0.13:5060;transport=udp" } ]
domains:
  - { xmpp: sip.xmpp.test, sip: sip.test }
  - { xmpp: xmpp.test,     sip: xmpp.test }
store: { path: var/stox.redb }
rules: mappings/
"#,
    )
    .expect("no mistakes");
    assert_eq!(config.store, Path::new("etc/var/stox.redb"));
    assert_eq!(config.admin_socket, Path::new("etc/var/stox.sock"));
    assert_eq!(config.rules.as_deref(), Some(Path::new("etc/mappings/")));
    assert_eq!(config.components[0].ping.as_deref(), Some("xmpp.test"));
    let component = &config.components[0];
    assert_eq!(component.confirm_timeout, Duration::from_secs(10));
    assert_eq!(component.barrier_timeout, Duration::from_secs(15));
    assert_eq!(component.reconnect_max, Duration::from_secs(10));
    assert_eq!(config.sip.options_interval, Duration::from_secs(10));
    assert_eq!((config.limits.queue_per_target, config.limits.log_lines_per_second), (1_000, 100));
    assert_eq!(config.domains.pairs()[0].side, Side::Sip { component: 0 });
    assert_eq!(config.domains.pairs()[1].side, Side::Xmpp);
}

#[test]
fn secrets_come_from_the_file_the_environment_or_a_file_of_their_own() {
    let with = |secret: &str| SETTINGS.replace("secret: s3cret", secret);
    for (secret, expected) in [
        ("secret: s3cret", "s3cret"),
        ("secret: \"${SECRET}\"", "from the environment"),
        ("secret_file: secret", "from a file"),
    ] {
        let config = load(&with(secret)).expect("no mistakes");
        assert_eq!(config.components[0].secret.0, expected);
        assert!(!format!("{config:?}").contains(expected), "a secret is never printed");
    }
    assert!(finding(&with("secret: \"${NOPE}\"")).contains("the environment has no variable NOPE"));
    assert!(finding(&with("secret_file: nope")).contains("cannot read etc/nope"));
    assert!(finding(&with("secret: a, secret_file: secret")).contains("drop one of them"));
}

#[test]
fn several_components_each_have_their_stream() {
    let text = SETTINGS
        .replace(
            r#"xmpp: { component: sip.xmpp.test, server: "127.0.0.11:5347", secret: s3cret }"#,
            r#"xmpp: { components: [
  { component: sip.xmpp.test, server: "127.0.0.11", secret: a },
  { component: sip.mantua.test, server: "[::1]:5348", secret: b } ] }"#,
        )
        .replace("store:", "  - { xmpp: sip.mantua.test, sip: sip.test }\n  - { xmpp: mantua.test, sip: mantua.test }\nstore:");
    let config = load(&text).expect("no mistakes");
    assert_eq!(config.components[0].server.to_string(), "127.0.0.11:5347");
    assert_eq!(config.components[1].server.to_string(), "[::1]:5348");
    assert_eq!(config.components[1].ping.as_deref(), Some("mantua.test"));
    let seen_from =
        |domain: &str| config.domains.sip_users("sip.test", domain).map(|pair| pair.xmpp.clone());
    assert_eq!(seen_from("mantua.test").as_deref(), Some("sip.mantua.test"));
    assert_eq!(seen_from("xmpp.test").as_deref(), Some("sip.xmpp.test"));
}

#[test]
fn a_component_may_own_a_whole_foreign_domain() {
    let text = SETTINGS
        .replace("component: sip.xmpp.test", "component: sip.test")
        .replace("xmpp: sip.xmpp.test, sip: sip.test", "xmpp: sip.test, sip: sip.test");
    let config = load(&text).expect("no mistakes");
    assert_eq!(config.components[0].ping.as_deref(), Some("xmpp.test"));
}

#[test]
fn one_domain_may_be_both() {
    let text = SETTINGS
        .replace("xmpp: sip.xmpp.test, sip: sip.test", "xmpp: sip.xmpp.test, sip: xmpp.test");
    let config = load(&text).expect("no mistakes");
    let xmpp = config.domains.xmpp_users("xmpp.test").map(|pair| pair.xmpp.as_str());
    let sip = config.domains.sip_users("xmpp.test", "xmpp.test").map(|pair| pair.xmpp.as_str());
    assert_eq!((xmpp, sip), (Some("xmpp.test"), Some("sip.xmpp.test")));
}

#[test]
fn listeners_take_ipv6_and_an_advertised_address() {
    let listen = |text: &str| {
        SETTINGS
            .replace(r#"[ "udp:127.0.0.20:5060", "tcp:127.0.0.20:5060" ]"#, text)
            .replace("sip:127.0.0.13:5060", "sip:192.0.2.13")
    };
    let config = load(&listen(
        r#"[ { address: "udp:[::]:5060", advertise: "gw.example.net" }, { address: "udp:[2001:db8::1]", advertise: "[2001:db8::2]:5070" } ]"#,
    ))
    .expect("no mistakes");
    assert_eq!(config.sip.listen[0].advertise.to_string(), "gw.example.net:5060");
    assert_eq!(config.sip.listen[1].advertise.to_string(), "[2001:db8::2]:5070");
    let everywhere = finding(&listen(r#"[ "udp:0.0.0.0:5060" ]"#));
    assert!(everywhere.contains("add") || everywhere.contains("advertise"), "{everywhere}");
    assert!(everywhere.contains("cannot say where it is"), "{everywhere}");
}

/// What is written, what stands there instead, and what must be in the one finding about it.
const MISTAKES: &[(&str, &str, &[&str])] = &[
    (
        "secret: s3cret",
        "secrte: s3cret, secret: x",
        &["xmpp.secrte: unknown key", "did you mean `secret`?", "etc/stox.yaml:2:"],
    ),
    (
        "options_interval: 0s",
        "options_interval: 0",
        &["is not a length of time", "write 500ms, 2s, 5m or 24h"],
    ),
    (
        "\"udp:127.0.0.20:5060\"",
        "\"upd:127.0.0.20:5060\"",
        &["sip.listen[0]", "`upd` is not a transport"],
    ),
    (
        "\"udp:127.0.0.20:5060\"",
        "\"udp:localhost:5060\"",
        &["sip.listen[0]", "is not address:port"],
    ),
    ("127.0.0.11:5347", "127.0.0.11:no", &["xmpp.server", "is not host:port"]),
    ("sip:127.0.0.13:5060", "127.0.0.13:5060", &["sip.peers[0].uri", "is not a sip: URI"]),
    ("transport=udp", "transport=sctp", &["sip.peers[0].uri", "transport `sctp` is not served"]),
    ("127.0.0.13:5060", "127.0.0.20:5060", &["peer core is this gateway itself"]),
    ("127.0.0.13:5060", "192.0.2.1:5060", &["peer core cannot reach any udp listener"]),
    (
        "[ \"udp:127.0.0.20:5060\", \"tcp:127.0.0.20:5060\" ]",
        "[ \"tcp:127.0.0.20:5060\" ]",
        &["peer core is reached by udp and nothing listens there", "add \"udp:"],
    ),
    (
        "  - { xmpp: sip.xmpp.test, sip: sip.test }\n",
        "",
        &[
            "the component sip.xmpp.test stands for no SIP domain",
            "add { xmpp: sip.xmpp.test, sip:",
        ],
    ),
    ("  - { xmpp: xmpp.test, sip: xmpp.test }\n", "", &["no pair names a domain of XMPP users"]),
    (
        "xmpp: xmpp.test, sip: xmpp.test",
        "xmpp: \"a b\", sip: xmpp.test",
        &["domains[1].xmpp", "`a b` is not a domain"],
    ),
    ("store: { path: store }", "store: { pth: store }", &["`path` is missing"]),
    (
        "store: { path: store }",
        "limits: { queue: 0 }",
        &["limits.queue: 0 is out of bounds", "write 1 to 10000000"],
    ),
    (
        "store: { path: store }",
        "stoer: { path: store }",
        &["stoer: unknown key", "did you mean `store`?"],
    ),
    (
        "secret: s3cret",
        "secret: x, barrier_timeout: 10s",
        &[
            "xmpp.barrier_timeout: the barrier_timeout, 10000 ms, is not above the confirm_timeout",
            "write barrier_timeout: 15000ms or more",
            "etc/stox.yaml:2:",
        ],
    ),
    (
        "secret: s3cret",
        "secret: x, confirm_timeout: 20s",
        &["xmpp.confirm_timeout", "not above", "write barrier_timeout: 30000ms or more"],
    ),
    ("peers: [ {", "peers: [ {}, {", &["sip.peers[0]"]),
];

#[test]
fn every_mistake_has_its_place_and_its_mend() {
    for (written, instead, expected) in MISTAKES {
        assert!(SETTINGS.contains(written), "{written}");
        let told = load(&SETTINGS.replacen(written, instead, 1)).expect_err(instead).join("\n\n");
        for part in *expected {
            assert!(told.contains(part), "{instead}: {part} is not in\n{told}");
        }
        assert!(told.contains("--> etc/stox.yaml:"), "{told}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let text = SETTINGS
        .replace("secret: s3cret", "secrt: s3cret")
        .replace("udp:127.0.0.20", "upd:127.0.0.20")
        .replace("xmpp: xmpp.test", "xmpp: \"a b\"");
    let all = load(&text).expect_err("mistakes");
    let lines: Vec<usize> = all
        .iter()
        .filter_map(|told| told.split("etc/stox.yaml:").nth(1)?.split(':').next()?.parse().ok())
        .collect();
    assert!(all.len() >= 4, "{all:#?}");
    assert!(lines.is_sorted(), "{lines:?}");
}

#[test]
fn a_missing_file_says_how_to_name_it() {
    let all = config::load(Path::new("nowhere.yaml"), &Here("")).map(|_| ()).expect_err("no file");
    let told = all[0].to_string();
    assert!(told.contains("cannot read nowhere.yaml") && told.contains("--config"), "{told}");
}

#[test]
fn sec_009_a_gateway_that_would_write_to_itself_does_not_start() {
    let named = SETTINGS.replace(
        "\"udp:127.0.0.20:5060\"",
        "{ address: \"udp:127.0.0.20:5060\", advertise: gw.example.net }",
    );
    // Its own address, its own name, and its own socket under an address that it does not call
    // itself.
    for (settings, peer) in
        [(SETTINGS, "127.0.0.20:5060"), (&named, "gw.example.net"), (&named, "127.0.0.20:5060")]
    {
        let told = finding(&settings.replace("127.0.0.13:5060", peer));
        assert!(told.contains("peer core is this gateway"), "{told}");
    }
    // A domain has one side: the component's users are not the XMPP server's as well.
    let twice = "  - { xmpp: sip.xmpp.test, sip: other.test }\nstore:";
    let told = finding(&SETTINGS.replace("store:", twice));
    assert!(told.contains("sip.xmpp.test stands twice"), "{told}");
}
