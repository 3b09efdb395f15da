//! Every valid JID to its URI and back, under each profile and in each scheme: `sip:`, and `im:` and
//! `pres:` as CPIM objects and presence documents write them.

use proptest::prelude::*;
use stox::codec::sip::{NameAddr, Scheme, Uri, UriBuilder};
use stox::codec::xmpp::jid::{domain_to_ascii, localpart_from_user};
use stox::codec::xmpp::jid_escaping::unescape;
use stox::codec::xmpp::{Jid, JidError};
use stox::config::{DomainPair, Side};
use stox::route;
use stox::rules::{AddressScheme, ImEscaping, PROFILES, Resource, Rules, im_uri};

/// Where PRECIS, nodeprep and the escapes of XEP-0106 meet: case without an end (ß, ς, İ, ı, the
/// Kelvin and Angstrom signs), width, ligatures, combining marks, letters of two directions,
/// contextual joiners and dots, compatibility numbers, Hangul, astral letters, what is disallowed.
const EDGES: &[&str] = &[
    "ß",
    "ẞ",
    "ς",
    "Σ",
    "σ",
    "İ",
    "ı",
    "K",
    "Å",
    "å",
    "Ｒ",
    "ａ",
    "＠",
    "＼",
    "／",
    "ﬃ",
    "Ǆ",
    "é",
    "e\u{301}",
    "o\u{308}\u{304}",
    "\u{345}",
    "א",
    "ש\u{5c1}",
    "ع",
    "١",
    "۱",
    "\u{200c}",
    "\u{200d}",
    "क\u{94d}\u{200d}",
    "l·l",
    "·",
    "カ",
    "・",
    "ｶ\u{ff9e}",
    "Ⅳ",
    "²",
    "½",
    "中",
    "각",
    "\u{1100}\u{1161}",
    "𐐀",
    "𐐨",
    "𝐀",
    "😀",
    "♚",
    "\u{ad}",
    "\u{a0}",
    "\u{3000}",
    "\u{2028}",
    "\u{feff}",
    "\u{e000}",
];

fn edges() -> impl Strategy<Value = String> {
    let one = prop_oneof![
        3 => prop::sample::select(EDGES).prop_map(str::to_owned),
        2 => "[a-z0-9]{1,2}",
        2 => "\\\\(20|22|26|27|2f|2F|3a|3c|3e|40|41|5c|5C)?",
        1 => "[!-~]",
        1 => "\\PC",
    ];
    prop::collection::vec(one, 1..6).prop_map(|parts| parts.concat())
}

fn users() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{1,12}",
        "[a-z0-9._-]{1,20}",
        "\\PC{1,8}",
        "[a-f0-9\\\\%@/ ]{1,12}",
        "(\\\\(20|22|26|27|2f|3a|3c|3e|40|5c)|[a-z2057fc]){1,6}",
        edges(),
    ]
}

fn resources() -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop_oneof!["[ -~]{1,12}", "\\PC{1,8}", edges()])
}

fn pair(domain: &str) -> DomainPair {
    let sip = domain_to_ascii(domain).expect("a domain").into_owned();
    DomainPair { xmpp: domain.to_owned(), sip, side: Side::Xmpp, advertised: false }
}

fn all() -> Vec<(&'static str, Rules)> {
    let shipped = PROFILES.iter();
    shipped.map(|one| (one.name, Rules::clone(&crate::profile(one.name)))).collect()
}

thread_local!(static ALL: Vec<(&'static str, Rules)> = all());

/// The URI as its reader has it: it is legal, and what is written is what is read.
fn written(uri: &Uri) -> Uri {
    let read = Uri::parse(uri.as_str().to_owned().into()).expect("a legal URI");
    assert_eq!(&read, uri);
    read
}

/// The same user under the other schemes that a profile writes, and under those that it reads.
fn mailboxes(rules: &Rules, uri: &Uri) -> Vec<Uri> {
    let Some(octets) = uri.user_octets() else { return Vec::new() };
    let pres = UriBuilder::new(Scheme::Pres, &octets, uri.host_str()).build();
    let mut all = vec![pres.expect("a pres: URI")];
    let escapings = [ImEscaping::Rfc7247, ImEscaping::Rfc7247Strict, ImEscaping::Rfc3922];
    all.extend(escapings.into_iter().filter_map(|escaping| im_uri(uri, escaping)));
    assert_eq!(all.len(), 1 + escapings.len());
    if [rules.messages.cpim_scheme, rules.messages.to_scheme].contains(&AddressScheme::Im) {
        assert!(all.contains(&im_uri(uri, rules.messages.im_escaping).expect("an im: URI")));
    }
    all
}

fn back(rules: &Rules, pair: &DomainPair, uri: &Uri) -> Result<Jid, JidError> {
    route::jid_of(&rules.addresses, pair, &NameAddr::new(written(uri)))
}

/// Whether a SIP user of the same name gets just this localpart: law A of ADDR-057 holds for these.
/// Two kinds are left out, and what becomes of them is asserted beside the law:
/// - one that escapes what needs no escape, `a\5cb`: `a\b` is the same SIP user, and gets the answer
///   unless the other one was seen (ADDR-074);
/// - one with `\20` at an edge: XEP-0106 allows it no SIP user (ADDR-008), so that it is answered
///   while it is remembered, and else nobody is;
/// - one that only servers with stringprep allow: no SIP user gets it (ADDR-014), the same.
fn comes_back(local: &str) -> bool {
    localpart_from_user(&unescape(local)).is_ok_and(|usual| &*usual == local)
}

fn there_and_back(jid: &Jid, name: &str, rules: &Rules, pair: &DomainPair) {
    let uri = route::uri_of(&rules.addresses, pair, jid).expect("a URI");
    let with_device = match rules.addresses.resource_to_sip {
        Resource::Gr => jid.clone(),
        Resource::None => jid.bare(),
    };
    let answered = back(rules, pair, &uri);
    let mailboxes = mailboxes(rules, &uri);
    if jid.node().is_none_or(comes_back) {
        assert_eq!(answered.as_ref(), Ok(&with_device), "{name} by {}", uri.as_str());
        for other in &mailboxes {
            assert_eq!(back(rules, pair, other).as_ref(), Ok(&jid.bare()), "{}", other.as_str());
        }
        return;
    }
    // Nobody else is met by it: there is no such user, or it is the same one in SIP.
    for one in mailboxes.iter().chain([&uri]) {
        let Ok(other) = back(rules, pair, one) else { continue };
        assert_eq!(
            unescape(other.node().expect("a localpart")),
            unescape(jid.node().expect("a localpart")),
            "{name} by {}",
            one.as_str()
        );
    }
}

#[test]
fn the_profiles_that_ship_are_all_here() {
    let mut files: Vec<String> = std::fs::read_dir("mappings/profiles")
        .expect("the profiles")
        .map(|file| file.expect("a file").file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    let mut names: Vec<String> =
        ALL.with(|all| all.iter().map(|(name, _)| format!("{name}.yaml")).collect());
    names.sort();
    assert_eq!(names, files);
    assert_eq!(names.len(), 8);
    let schemes = ALL.with(|all| {
        let writes_im = |rules: &Rules| {
            rules.messages.cpim_scheme == AddressScheme::Im
                || rules.messages.to_scheme == AddressScheme::Im
        };
        all.iter().filter(|(_, rules)| writes_im(rules)).map(|(name, _)| *name).collect::<Vec<_>>()
    });
    assert!(schemes.contains(&"rfc3922"), "{schemes:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn addr_057_a_jid_comes_back_under_every_profile(
        local in users(),
        resource in resources(),
        domain in prop::sample::select(vec!["example.com", "bücher.example", "192.0.2.1"]),
    ) {
        let pair = pair(domain);
        // Once as a client would write it, once as its user would be told in SIP.
        let told = localpart_from_user(&local).ok();
        let locals = [Some(local.as_str()), told.as_deref(), None];
        ALL.with(|all| {
            for local in locals {
                let Ok(jid) = Jid::from_parts(local, domain, resource.as_deref()) else { continue };
                for (name, rules) in all {
                    there_and_back(&jid, name, rules, &pair);
                }
            }
        });
    }

    #[test]
    fn addr_057_a_sip_user_comes_back_under_every_profile(user in users()) {
        let Ok(local) = localpart_from_user(&user) else { return Ok(()) };
        prop_assert!(comes_back(&local), "{local}");
        let pair = pair("example.com");
        let jid = Jid::from_parts(Some(&local), "example.com", None).expect("a JID");
        ALL.with(|all| {
            for (name, rules) in all {
                let uri = route::uri_of(&rules.addresses, &pair, &jid).expect("a URI");
                let octets = uri.user_octets().expect("a user");
                assert_eq!(&*octets, unescape(&local).as_bytes(), "{name}");
                let again = UriBuilder::new(Scheme::Sip, &octets, "example.com").build();
                assert_eq!(again.expect("a URI"), uri, "{name}");
            }
        });
    }
}
