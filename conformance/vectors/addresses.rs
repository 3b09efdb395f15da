//! `addresses.txt`: how one address crosses, in each place where it can stand.

use stox::codec::sip::{HeaderName, Request};
use stox::codec::xmpp::Jid;
use stox::rules::Resource;

use crate::Vector;
use crate::world::World;

pub(crate) fn check(vector: Vector) {
    let (given, expected) = (written_out(vector.given), written_out(vector.expected));
    match vector.direction {
        "s2x" => to_xmpp(&given, &expected),
        "from" => sender_to_xmpp(&given, &expected),
        "to" => recipient_to_xmpp(&given, &expected),
        "x2s" => to_sip(&given, &expected),
        "both" => {
            to_sip(&given, &expected);
            to_xmpp(&expected, &given);
        }
        other => panic!("no direction: {other}"),
    }
}

/// `{a*3}` is `aaa`.
fn written_out(text: &str) -> String {
    let short = |text: &str| -> Option<String> {
        let (before, rest) = text.split_once('{')?;
        let (inner, after) = rest.split_once('}')?;
        let (what, times) = inner.split_once('*')?;
        Some(format!("{before}{}{after}", what.repeat(times.parse().ok()?)))
    };
    short(text).unwrap_or_else(|| text.to_owned())
}

fn to_xmpp(uri: &str, expected: &str) {
    sender_to_xmpp(&format!("<{uri}>"), expected);
    recipient_to_xmpp(uri, expected);
}

/// A world in which the domain of an address is one of SIP users, a component of that name.
fn world_of_sip_users(domain: &str) -> World {
    world(domain, &[(domain, domain), ("xmpp.test", "xmpp.test")])
}

/// A world in which the domain of an address is one of XMPP users.
fn world_of_xmpp_users(domain: &str) -> World {
    world("sip.xmpp.test", &[("sip.xmpp.test", "sip.test"), (domain, domain)])
}

fn world(component: &str, pairs: &[(&str, &str)]) -> World {
    let pairs: String = pairs
        .iter()
        .map(|(xmpp, sip)| format!("  - {{ xmpp: \"{xmpp}\", sip: \"{sip}\" }}\n"))
        .collect();
    // The device of an XMPP user crosses by rule alone.
    let mut rules = crate::world::built_in();
    rules.addresses.resource_to_sip = Resource::Gr;
    rules.addresses.im_senders = true;
    let settings = format!(
        r#"
xmpp: {{ component: "{component}", server: "127.0.0.11:5347", secret: s3cret }}
sip:
  listen: [ "udp:127.0.0.20:5060" ]
  peers: [ {{ name: core, uri: "sip:127.0.0.13:5060;transport=udp" }} ]
  options_interval: 0s
domains:
{pairs}store: {{ path: store }}
"#
    );
    let mut world = World::ruled(&settings, rules, 7);
    world.up();
    world
}

/// The host of the URI in a From value or a Request-URI.
fn host(address: &str) -> String {
    let uri = match address.rsplit_once('<') {
        Some((_, rest)) => rest.split('>').next().unwrap_or_default(),
        None => address,
    };
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let end = match rest.find(']') {
        Some(end) if rest.starts_with('[') => end + 1,
        _ => rest.find([':', ';', '?']).unwrap_or(rest.len()),
    };
    rest[..end].to_owned()
}

fn request(uri: &str, from: &str) -> String {
    format!(
        "MESSAGE {uri} SIP/2.0\n\
         Via: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bK1\n\
         Max-Forwards: 70\n\
         From: {from};tag=t\n\
         To: <sip:somebody@elsewhere.test>\n\
         Call-ID: c\n\
         CSeq: 1 MESSAGE\n\
         Content-Type: text/plain\n\nhello"
    )
}

/// What came of a request: a refusal, or the stanza once it is confirmed with 200.
fn outcome(world: &mut World, status: u16) -> Option<stox::codec::xmpp::Message> {
    if status == 400 {
        // What cannot be read is echoed, so that the answer cannot be read either.
        let (_, octets) = world.sip.remove(0);
        assert!(octets.starts_with(b"SIP/2.0 400 "), "{octets:?}");
        assert_eq!((world.sip.len(), world.xmpp.len()), (0, 0));
        return None;
    }
    if status > 400 {
        let response = world.response();
        assert_eq!(response.status.code(), status);
        assert_eq!(world.stanzas(), []);
        assert!(response.headers.contains(&HeaderName::Warning), "no Warning says why");
        return None;
    }
    let message = world.message();
    world.confirm_all();
    assert_eq!(world.codes(), [200]);
    Some(message)
}

fn sender_to_xmpp(from: &str, expected: &str) {
    let mut world = world_of_sip_users(&host(from));
    world.sip(&request("sip:juliet@xmpp.test", from));
    let status = match expected {
        "none" => 403,
        "400" => 400,
        _ => 200,
    };
    if let Some(message) = outcome(&mut world, status) {
        assert_eq!(message.from.expect("a sender").as_str(), expected);
        assert_eq!(message.to.expect("a recipient").as_str(), "juliet@xmpp.test");
    }
}

fn recipient_to_xmpp(uri: &str, expected: &str) {
    let mut world = world_of_xmpp_users(&host(uri));
    let refused = match expected {
        "none" => Some(404),
        "400" => Some(400),
        _ => None,
    };
    if let Some(status) = refused {
        world.sip(&request(uri, "<sip:romeo@sip.test>"));
        outcome(&mut world, status);
        return;
    }
    let jid = Jid::parse(expected).expect("a JID");
    if !jid.is_bare() {
        // A device counts from when it was seen.
        world.xmpp(&stanza(&jid, "romeo@sip.xmpp.test"));
        world.sip.clear();
        world.xmpp.clear();
    }
    world.sip(&request(uri, "<sip:romeo@sip.test>"));
    let message = outcome(&mut world, 200).expect("a stanza");
    assert_eq!(message.to.expect("a recipient").as_str(), expected);
}

fn stanza(from: &Jid, to: &str) -> String {
    let attribute =
        |text: &str| text.replace('&', "&amp;").replace('\'', "&apos;").replace('<', "&lt;");
    let (from, to) = (attribute(from.as_str()), attribute(to));
    format!("<message from='{from}' to='{to}' id='1'><body>hi</body></message>")
}

fn to_sip(jid: &str, expected: &str) {
    let jid = Jid::parse(jid).expect("a JID");
    let mut world = world_of_xmpp_users(jid.domain());
    world.xmpp(&stanza(&jid, "romeo@sip.xmpp.test"));
    let octets = world.sip.first().expect("a request").1.clone();
    let line = format!("From: <{expected}>;tag=");
    assert!(String::from_utf8_lossy(&octets).contains(&line), "not in brackets: {octets:?}");
    assert_eq!(world.request().from.uri().as_str(), expected);
    if jid.node().is_some() {
        recipient_to_sip(&jid, expected);
    }
}

/// The device of a recipient is left out until a message came from it.
fn recipient_to_sip(jid: &Jid, expected: &str) {
    let mut world = world_of_sip_users(jid.domain());
    let bare = expected.split_once(";gr=").map_or(expected, |(bare, _)| bare);
    let juliet = Jid::parse("juliet@xmpp.test/balcony").expect("a JID");
    let to = |world: &mut World| -> Request {
        world.xmpp(&stanza(&juliet, jid.as_str()));
        let request = world.request();
        world.answer(&request, 200);
        request
    };
    let first = to(&mut world);
    assert_eq!((first.uri.as_str(), first.to.uri().as_str()), (bare, bare));
    world.sip(&request("sip:juliet@xmpp.test", &format!("<{expected}>")));
    if outcome(&mut world, 200).expect("a stanza").from.expect("a sender") == *jid {
        let second = to(&mut world);
        assert_eq!((second.uri.as_str(), second.to.uri().as_str()), (expected, expected));
    }
}
