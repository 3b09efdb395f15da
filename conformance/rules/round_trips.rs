//! Every valid JID to its URI and back, under each profile.

use proptest::prelude::*;
use stox::codec::sip::NameAddr;
use stox::codec::xmpp::Jid;
use stox::codec::xmpp::jid::domain_to_ascii;
use stox::config::{DomainPair, Side};
use stox::route;
use stox::rules::{Addresses, ImEscaping, PROFILES, Resource, im_uri};

fn pair(domain: &str) -> DomainPair {
    let sip = domain_to_ascii(domain).expect("a domain").into_owned();
    DomainPair { xmpp: domain.to_owned(), sip, side: Side::Xmpp, advertised: false }
}

fn all() -> Vec<(&'static str, Addresses)> {
    PROFILES
        .iter()
        .map(|profile| (profile.name, crate::profile(profile.name).addresses.clone()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_jid_comes_back_under_every_profile(
        user in "[ -~]{1,12}|[a-z0-9._-]{1,20}|\\PC{1,8}|[a-f0-9\\\\%@/ ]{1,12}",
        resource in proptest::option::of("[ -~]{1,12}|\\PC{1,8}"),
    ) {
        thread_local!(static RULES: Vec<(&'static str, Addresses)> = all());
        let pair = pair("example.com");
        // A JID as a server would have it: what can be written for a SIP user.
        let Ok(local) = stox::codec::xmpp::jid::localpart_from_user(&user) else { return Ok(()) };
        let Ok(jid) = Jid::from_parts(Some(&local), "example.com", resource.as_deref()) else { return Ok(()) };
        RULES.with(|rules| {
            for (name, rules) in rules {
                let uri = route::uri_of(rules, &pair, &jid).expect("a URI");
                let back = route::jid_of(rules, &pair, &NameAddr::new(uri.clone())).expect("a JID");
                let expected = match rules.resource_to_sip {
                    Resource::Gr => jid.clone(),
                    Resource::None => jid.bare(),
                };
                prop_assert_eq!(&back, &expected, "{} by {}", name, uri.as_str());
                for escaping in [ImEscaping::Rfc7247, ImEscaping::Rfc7247Strict, ImEscaping::Rfc3922] {
                    let im = im_uri(&uri, escaping).expect("an im: URI");
                    let back = route::jid_of(rules, &pair, &NameAddr::new(im)).expect("a JID");
                    prop_assert_eq!(&back, &jid.bare());
                }
            }
            Ok(())
        })?;
    }
}
