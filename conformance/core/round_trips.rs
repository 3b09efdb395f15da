//! Round trips of addresses through the gateway, in every form of deployment that ships.

use proptest::prelude::*;
use stox::codec::sip::{Request, Uri};
use stox::codec::xmpp::Jid;
use stox::rules::Resource;

use crate::world::World;

/// Component, the SIP domain behind it, and the XMPP users' domain in both worlds.
struct Form {
    component: &'static str,
    sip_users: &'static str,
    xmpp_users: (&'static str, &'static str),
    resource: Resource,
}

const FORMS: [Form; 5] = [
    // The component is a sub-domain of the server's.
    Form {
        component: "sip.xmpp.test",
        sip_users: "sip.test",
        xmpp_users: ("xmpp.test", "xmpp.test"),
        resource: Resource::Gr,
    },
    // The component is the SIP domain itself.
    Form {
        component: "sip.test",
        sip_users: "sip.test",
        xmpp_users: ("xmpp.test", "xmpp.test"),
        resource: Resource::Gr,
    },
    // One domain for both.
    Form {
        component: "sip.xmpp.test",
        sip_users: "xmpp.test",
        xmpp_users: ("xmpp.test", "xmpp.test"),
        resource: Resource::Gr,
    },
    // Names that are written otherwise on the two sides.
    Form {
        component: "sip.b\u{FC}cher.example",
        sip_users: "sip.xn--bcher-kva.example",
        xmpp_users: ("b\u{FC}cher.example", "xn--bcher-kva.example"),
        resource: Resource::Gr,
    },
    // Devices stay at home.
    Form {
        component: "sip.xmpp.test",
        sip_users: "sip.test",
        xmpp_users: ("xmpp.test", "xmpp.test"),
        resource: Resource::None,
    },
];

impl Form {
    fn world(&self) -> World {
        let Form { component, sip_users, xmpp_users: (xmpp, sip), resource } = self;
        let settings = format!(
            r#"
xmpp: {{ component: "{component}", server: "127.0.0.11:5347", secret: s3cret }}
sip:
  listen: [ "udp:127.0.0.20:5060" ]
  peers: [ {{ name: core, uri: "sip:127.0.0.13:5060;transport=udp" }} ]
  options_interval: 0s
domains:
  - {{ xmpp: "{component}", sip: "{sip_users}" }}
  - {{ xmpp: "{xmpp}", sip: "{sip}" }}
store: {{ path: store }}
"#
        );
        let mut rules = crate::world::built_in();
        rules.addresses.resource_to_sip = *resource;
        rules.addresses.resource_to_xmpp = *resource;
        rules.messages.max_request_octets = 65_535;
        let mut world = World::ruled(&settings, rules, 7);
        world.up();
        world
    }
}

/// A message by XMPP; the request that it becomes.
fn by_xmpp(world: &mut World, from: &Jid, to: &Jid) -> Request {
    let attribute =
        |jid: &Jid| jid.as_str().replace('&', "&amp;").replace('\'', "&apos;").replace('<', "&lt;");
    let (from, to) = (attribute(from), attribute(to));
    world.xmpp(&format!("<message from='{from}' to='{to}'><body>x</body></message>"));
    let request = world.request();
    world.answer(&request, 200);
    for uri in [&request.uri, request.from.uri(), request.to.uri()] {
        assert!(is_legal(uri.as_str()), "addr_075: {uri}");
    }
    request
}

/// A message by SIP; sender and recipient of the stanza that it becomes, if it becomes one.
fn by_sip(world: &mut World, n: u32, from: &str, to: &str) -> Option<(Jid, Jid)> {
    world.sip(&format!(
        "MESSAGE {to} SIP/2.0\n\
         Via: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bK{n}\n\
         Max-Forwards: 70\n\
         From: <{from}>;tag=t{n}\n\
         To: <{to}>\n\
         Call-ID: c{n}\n\
         CSeq: 1 MESSAGE\n\
         Content-Type: text/plain\n\nhello"
    ));
    world.confirm_all();
    let codes = world.codes();
    if codes != [200] {
        assert!([[403], [404]].iter().any(|refused| codes == refused), "{codes:?}");
        assert_eq!(world.stanzas(), []);
        return None;
    }
    let message = world.message();
    Some((message.from?, message.to?))
}

/// The user rule and the parameter rule of RFC 3261 §25.1, written down once more.
fn is_legal(uri: &str) -> bool {
    let rest = uri.strip_prefix("sip:").expect("a SIP URI");
    let (user, rest) = rest.split_once('@').map_or(("", rest), |(user, rest)| (user, rest));
    let (host, params) = rest.split_once(';').unwrap_or((rest, ""));
    let params = params.strip_prefix("gr=").unwrap_or(params);
    let of = |text: &str, more: &[u8]| {
        let mut octets = text.bytes();
        while let Some(octet) = octets.next() {
            let hex = |octet: Option<u8>| {
                octet.is_some_and(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b))
            };
            let legal = match octet {
                b'%' => hex(octets.next()) && hex(octets.next()),
                b => b.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&b) || more.contains(&b),
            };
            if !legal {
                return false;
            }
        }
        true
    };
    of(user, b"&=+$,;?/")
        && of(params, b"[]/:&+$")
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
}

/// Every octet that is not a letter or a digit as `%HH`, or as it is where a SIP URI may hold it.
fn spelled(user: &str, plainly: bool) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || (plainly && b"-_.!~*'()&=+$,;?/".contains(&b));
    let octet = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    user.bytes().map(octet).collect()
}

const LOCAL: &str = "[!-~\u{E0}-\u{FF}\u{3B1}-\u{3C9}\u{4E2D}]{1,16}|[a-z]{1,8}(\\\\(20|22|26|27|2f|3a|3c|3e|40|5c)[a-z0-9]{1,3}){1,3}|[\\\\2-57a-f]{1,9}";
const RESOURCE: &str = "[ -~\u{E0}-\u{FF}\u{1F600}]{1,16}";
const USER: &str = "[ -~\u{C0}-\u{FF}\u{391}-\u{3C9}\u{FF21}-\u{FF3A}\u{301}]{1,16}|[\\\\2-57a-fA-F&'/]{1,9}|[a-zA-Z0-9._-]{1,12}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// An XMPP user is found again under the URI that SIP was shown: the identity, with the device
    /// where devices cross. There is no exception while the gateway remembers who wrote.
    #[test]
    fn a_jid_that_wrote_is_found_again(local in LOCAL, resource in RESOURCE, form in 0..FORMS.len()) {
        let form = &FORMS[form];
        let jid = Jid::from_parts(Some(&local), form.xmpp_users.0, Some(&resource));
        let Ok(jid) = jid else { return Ok(()) };
        let romeo = Jid::from_parts(Some("romeo"), form.component, None).expect("a JID");
        let mut world = form.world();
        let shown = by_xmpp(&mut world, &jid, &romeo);
        let shown = shown.from.uri().as_str().to_owned();
        let romeo = format!("sip:romeo@{}", form.sip_users);
        let (_, found) = by_sip(&mut world, 1, &romeo, &shown).expect("a stanza");
        match form.resource {
            Resource::Gr => prop_assert_eq!(found, jid),
            Resource::None => prop_assert_eq!(found, jid.bare()),
        }
    }

    /// ADDR-057, Law A: without memory the identity holds for every localpart that a SIP user could
    /// be given, but for those with a `\5c` that need not be there (ADDR-074): they are found in
    /// their canonical spelling, which goes to the same SIP user.
    #[test]
    fn addr_057_a_jid_is_found_again_by_who_never_saw_it(local in LOCAL, form in 0..FORMS.len()) {
        let form = &FORMS[form];
        let jid = Jid::from_parts(Some(&local), form.component, None);
        let Ok(jid) = jid else { return Ok(()) };
        let juliet = Jid::from_parts(Some("juliet"), form.xmpp_users.0, None).expect("a JID");
        let shown = by_xmpp(&mut form.world(), &juliet, &jid).uri.as_str().to_owned();
        let to = format!("sip:juliet@{}", form.xmpp_users.1);
        let Some((found, _)) = by_sip(&mut form.world(), 1, &shown, &to) else {
            // Only what PRECIS or XEP-0106 refuses has no way back.
            let user = stox::codec::xmpp::jid_escaping::unescape(jid.node().expect("a localpart"));
            prop_assert!(stox::codec::xmpp::localpart_from_user(&user).is_err(), "{}", jid);
            return Ok(());
        };
        if found != jid {
prop_assert!(jid.as_str().contains("\\5c"), "{} {}", jid, found);
            let again = by_xmpp(&mut form.world(), &juliet, &found);
            prop_assert_eq!(again.uri.as_str(), shown);
        }
    }

    /// ADDR-057, Law B, in its strong form: whoever wrote is answered under a URI that is equal to
    /// the own one by RFC 3261 §19.1.4, whatever case, width or escaping it has. Two exceptions: of
    /// the reserved characters, which are not the same escaped and plain, those that user and
    /// parameter rule allow are written plainly (ADDR-044, ADDR-051); and a gr that is no canonical
    /// resource comes back as the canonical one.
    #[test]
    fn addr_057_a_sip_user_who_wrote_is_answered_under_the_same_uri(
        user in USER,
        plainly: bool,
        gr in proptest::option::of(RESOURCE),
        form in 0..FORMS.len(),
    ) {
        let form = &FORMS[form];
        let mut uri = format!("sip:{}@{}", spelled(&user, plainly), form.sip_users);
        if let (Resource::Gr, Some(gr)) = (form.resource, &gr) {
            uri.push_str(&format!(";gr={}", spelled(gr, false)));
        }
        let mut world = form.world();
        let to = format!("sip:juliet@{}", form.xmpp_users.1);
        let Some((jid, _)) = by_sip(&mut world, 1, &uri, &to) else { return Ok(()) };
        let juliet = Jid::from_parts(Some("juliet"), form.xmpp_users.0, Some("b")).expect("a JID");
        let answer = by_xmpp(&mut world, &juliet, &jid);
        let own = Uri::parse(uri.as_str().into()).expect("a URI");
        prop_assert_eq!(answer.uri.user_octets(), own.user_octets());
        let reserved = |text: &str, plain: &[char]| text.contains(plain);
        let same_user = plainly || !reserved(&user, &['&', '=', '+', '$', ',', ';', '?', '/']);
        let same_device = match (&gr, form.resource) {
            (Some(gr), Resource::Gr) => {
                jid.resource() == Some(gr) && !reserved(gr, &['/', ':', '&', '+', '$'])
            }
            _ => true,
        };
        prop_assert!(answer.uri.equivalent(&own) || !same_user || !same_device, "{} {}", answer.uri, own);
    }

    /// ADDR-057, Law C: two users share a JID only when they are one but for case, width and
    /// composition.
    #[test]
    fn addr_057_two_users_share_no_jid(one in USER, other in USER) {
        use stox::codec::xmpp::localpart_from_user;
        if let (Ok(a), Ok(b)) = (localpart_from_user(&one), localpart_from_user(&other))
            && a == b
        {
            let user = stox::codec::xmpp::jid_escaping::unescape(&a).into_owned();
            prop_assert_eq!(localpart_from_user(&user).ok(), Some(a));
            prop_assert!(one == other || one.to_lowercase() == other.to_lowercase() || !one.is_ascii() || !other.is_ascii());
        }
    }

    /// Every URI on the wire is legal under its own grammar, with upper-case escapes.
    #[test]
    fn addr_075_every_uri_that_is_made_is_legal(local in LOCAL, resource in RESOURCE, form in 0..FORMS.len()) {
        let form = &FORMS[form];
        let from = Jid::from_parts(Some(&local), form.xmpp_users.0, Some(&resource));
        let to = Jid::from_parts(Some(&local), form.component, Some(&resource));
        if let (Ok(from), Ok(to)) = (from, to) {
            by_xmpp(&mut form.world(), &from, &to);
        }
    }
}
