//! Our reading of messages beside that of `sipx-sip`, another parser written for the torture
//! tests: on their messages, and on generated ones, sound and damaged. Every disagreement is in
//! [`RULES`] with the reason and who is right, or the test fails.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use bytes::Bytes;
use sipx_sip::headers as theirs;
use sipx_sip::{validate, validate_request};
use stox::codec::sip::{Host, Message, NameAddr, Uri, Via, parse};

#[path = "torture/generate.rs"]
mod generate;

use Right::{Both, Ours};
use generate::Dice;

/// What a parser read, in words; or why it refuses.
type Reading = Result<String, String>;

/// The same, point by point.
type Facts = Vec<(&'static str, String)>;

fn ours(octets: &[u8]) -> Result<Facts, String> {
    let message = parse(Bytes::copy_from_slice(octets)).map_err(|e| e.to_string())?;
    let mut facts = Vec::new();
    let (from, to) = match &message {
        Message::Request(r) => {
            facts.push(("start", format!("{} {}", r.method, our_uri(&r.uri))));
            let hops = r.max_forwards.map(|hops| hops.to_string());
            facts.push(("max-forwards", hops.unwrap_or_default()));
            (&r.from, &r.to)
        }
        Message::Response(r) => {
            facts.push(("start", format!("{} {:?}", r.status.code(), r.reason.as_bytes())));
            (&r.from, &r.to)
        }
    };
    facts.push(("from", our_address(from)));
    facts.push(("to", our_address(to)));
    facts.push(("call-id", message.call_id().to_string()));
    facts.push(("cseq", message.cseq().to_string()));
    facts.push(("body", format!("{:?}", message.body())));
    facts.push(("via", message.via().iter().map(our_hop).collect::<Vec<_>>().join(", ")));
    let contacts = message.headers().contacts().map(|c| c.map(|c| our_address(&c)).ok());
    facts.push(("contact", format!("{:?}", contacts.collect::<Option<Vec<_>>>())));
    Ok(facts)
}

fn our_hop(via: &Via) -> String {
    let at = host(match via.host() {
        Host::Name(name) => Ok(name.as_bytes()),
        address => Err(address.ip().unwrap()),
    });
    let branch = via.branch().unwrap_or_default();
    format!("{} {at} {:?} {branch:?}", via.transport_str(), via.port())
}

fn their_hop(via: &theirs::Via) -> String {
    let branch = text(via.branch().unwrap_or_default());
    format!("{} {} {:?} {branch:?}", text(&via.transport), their_host(&via.host), via.port)
}

fn our_address(address: &NameAddr) -> String {
    let name = address.display_name().unwrap_or_default();
    let params: Vec<_> = address.params().iter().map(|(n, _)| n.to_lowercase()).collect();
    let tag = address.tag().unwrap_or_default();
    format!("{name:?} {} {params:?} {tag:?}", our_uri(address.uri()))
}

fn our_uri(uri: &Uri) -> String {
    let Some(at) = uri.host() else { return uri.as_str().to_owned() };
    if !matches!(uri.scheme_str().to_lowercase().as_str(), "sip" | "sips") {
        return uri.as_str().to_owned();
    }
    let host = host(match at {
        Host::Name(name) => Ok(name.as_bytes()),
        address => Err(address.ip().unwrap()),
    });
    let user = uri.user().unwrap_or_default();
    let password = uri.password().unwrap_or_default();
    let params: Vec<_> = uri.params().map(|(n, v)| (n.to_owned(), v.map(str::to_owned))).collect();
    format!(
        "{} {user:?} {password:?} {host} {:?} {params:?}",
        uri.scheme_str().to_lowercase(),
        uri.port()
    )
}

fn host(host: Result<&[u8], IpAddr>) -> String {
    match host {
        Ok(name) => text(name).to_lowercase(),
        Err(ip) => ip.to_string(),
    }
}

fn theirs(octets: &[u8]) -> Result<Facts, String> {
    let limits = sipx_sip::Limits::stream();
    let message = sipx_sip::parse_datagram(Bytes::copy_from_slice(octets), &limits)
        .map_err(|e| e.to_string())?;
    let findings = match &message {
        sipx_sip::Message::Request(request) => validate_request(request),
        sipx_sip::Message::Response(_) => validate(&message),
    };
    if let Some(finding) = findings.iter().find(|finding| !finding.is_repairable()) {
        return Err(format!("{finding:?}"));
    }
    let headers = message.headers();
    let mut facts = Vec::new();
    match &message {
        sipx_sip::Message::Request(r) => {
            let method = text(r.method.as_bytes());
            facts.push(("start", format!("{method} {}", their_uri(&r.uri))));
            let hops = headers.typed::<theirs::MaxForwards>().and_then(Result::ok);
            facts.push(("max-forwards", hops.map(|hops| hops.0.to_string()).unwrap_or_default()));
        }
        sipx_sip::Message::Response(r) => {
            facts.push(("start", format!("{} {:?}", r.status.code(), &r.reason[..])));
        }
    }
    fn need<T, E: std::fmt::Display>(value: Option<Result<T, E>>, name: &str) -> Result<T, String> {
        value.ok_or(format!("no {name}"))?.map_err(|e| e.to_string())
    }
    facts.push(("from", their_address(&need(headers.typed::<theirs::From>(), "From")?.0)));
    facts.push(("to", their_address(&need(headers.typed::<theirs::To>(), "To")?.0)));
    let call_id = need(headers.typed::<theirs::CallId>(), "Call-ID")?;
    facts.push(("call-id", text(&call_id.0)));
    let cseq = need(headers.typed::<theirs::CSeq>(), "CSeq")?;
    let method = text(cseq.method.as_bytes());
    facts.push(("cseq", format!("{} {method}", cseq.sequence)));
    facts.push(("body", format!("{:?}", message.body())));
    let hops: Result<Vec<_>, _> = headers.typed_all::<theirs::Via>().collect();
    let hops = hops.map_err(|e| e.to_string())?;
    facts.push(("via", hops.iter().map(their_hop).collect::<Vec<_>>().join(", ")));
    let contacts =
        headers.typed_all::<theirs::Contact>().map(|c| c.map(|c| their_address(&c.0)).ok());
    facts.push(("contact", format!("{:?}", contacts.collect::<Option<Vec<_>>>())));
    Ok(facts)
}

fn their_address(address: &theirs::Address) -> String {
    let name = text(address.display_name.as_deref().unwrap_or_default());
    let params: Vec<_> = address.params.iter().map(|p| text(&p.name).to_lowercase()).collect();
    let tag = text(address.tag().unwrap_or_default());
    format!("{name:?} {} {params:?} {tag:?}", their_uri(&address.uri))
}

fn their_uri(uri: &sipx_sip::Uri) -> String {
    let Some(at) = uri.host() else {
        return text(&uri.to_bytes());
    };
    let params = uri.params().into_iter().flat_map(|params| params.iter());
    let params: Vec<_> = params.map(|p| (text(p.name()), p.value().map(text))).collect();
    let user = text(uri.user().unwrap_or_default());
    let password = text(uri.password().unwrap_or_default());
    let scheme = text(uri.scheme().as_bytes()).to_lowercase();
    format!("{scheme} {user:?} {password:?} {} {:?} {params:?}", their_host(at), uri.port())
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

fn their_host(at: &sipx_sip::Host) -> String {
    match at {
        sipx_sip::Host::Name(name) => host(Ok(name.as_bytes())),
        sipx_sip::Host::Ip(ip) => host(Err(*ip)),
    }
}

fn uris(raw: &[u8]) -> (Reading, Reading) {
    let ours = std::str::from_utf8(raw).map_err(|e| e.to_string());
    let ours = ours.and_then(|raw| Uri::parse(raw.into()).map_err(|e| e.to_string()));
    let theirs = sipx_sip::Uri::parse(Bytes::copy_from_slice(raw)).map_err(|e| e.to_string());
    (ours.map(|uri| our_uri(&uri)), theirs.map(|uri| their_uri(&uri)))
}

fn addresses(raw: &[u8]) -> (Reading, Reading) {
    let ours = std::str::from_utf8(raw).map_err(|e| e.to_string());
    let ours = ours.and_then(|raw| NameAddr::parse(raw.into()).map_err(|e| e.to_string()));
    let theirs = theirs::Address::parse(raw, "To").map_err(|e| e.to_string());
    (ours.map(|address| our_address(&address)), theirs.map(|address| their_address(&address)))
}

fn vias(raw: &[u8]) -> (Reading, Reading) {
    let ours = std::str::from_utf8(raw).map_err(|e| e.to_string());
    let ours = ours.and_then(|raw| Via::parse(raw.into()).map_err(|e| e.to_string()));
    let theirs = theirs::Via::parse_one(raw).map_err(|e| e.to_string());
    (ours.map(|via| our_hop(&via)), theirs.map(|via| their_hop(&via)))
}

/// Who is right where the two disagree.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Right {
    /// The grammar says what we say.
    Ours,
    /// They refuse by the letter what we let pass on purpose, or it is a choice.
    Both,
}

/// One kind of disagreement: what of, a part of our verdict and of theirs (`accepts`, or the
/// reason for refusing), who is right, and why.
struct Rule(&'static str, &'static str, &'static str, Right, &'static str);

const RULES: &[Rule] = &[
    Rule("uri", "accepts", "malformed percent escape", Both, "a stray % stands for itself"),
    Rule("uri", "accepts", "repeated uri-parameter name", Both, "the first counts"),
    Rule("uri", "accepts", "invalid port", Ours, "1*DIGIT allows leading zeros"),
    Rule(
        "uri",
        "malformed host",
        "accepts",
        Ours,
        "no empty label, no hyphen at an end, no number last",
    ),
    Rule("uri", "malformed parameter", "accepts", Ours, "not a paramchar"),
    Rule("uri", "malformed password", "accepts", Ours, "not a password character"),
    Rule("uri", "malformed headers", "accepts", Ours, "an hname wants its ="),
    Rule("uri", "malformed user", "accepts", Ours, "im: and pres: have the shape of an address"),
    Rule("uri", "malformed port", "accepts", Ours, "im: and pres: have the shape of an address"),
    Rule("uri", "not allowed in a URI", "accepts", Ours, "not a uric (RFC 3986)"),
    Rule("uri", "has no scheme", "accepts", Ours, "a scheme begins with a letter"),
    Rule("uri", "is empty", "accepts", Ours, "nothing after the colon"),
    Rule("uri", "reads ", "reads ", Ours, "1*3DIGIT: leading zeros in an IPv4 address are decimal"),
    Rule("address", "accepts", "malformed percent escape", Both, "a stray % stands for itself"),
    Rule("address", "accepts", "repeated uri-parameter name", Both, "the first counts"),
    Rule("address", "accepts", "invalid port", Ours, "1*DIGIT allows leading zeros"),
    Rule(
        "address",
        "accepts",
        "malformed To",
        Both,
        "unquoted names with more than tokens; sloppy parameter values",
    ),
    Rule("address", "URI that", "accepts", Ours, "as for URIs"),
    Rule("address", "invalid utf-8", "accepts", Both, "read as Latin-1 when it comes in a message"),
    Rule("address", "needs angle brackets", "accepts", Ours, "RFC 3261 §20: a comma in a bare URI"),
    Rule("address", "unbalanced quote", "accepts", Ours, "no control unescaped in a quoted string"),
    Rule("address", "reads ", "reads ", Both, "controls are left out of display names"),
    Rule(
        "via",
        "accepts",
        "invalid port",
        Ours,
        "COLON allows white space around it; leading zeros",
    ),
    Rule("via", "accepts", "invalid character in host", Ours, "COLON allows white space around it"),
    Rule("via", "accepts", "malformed Via", Both, "sloppy parameter values"),
    Rule("via", "protocol SIP/2.0", "accepts", Ours, "a user agent speaks nothing else"),
    Rule("via", "not allowed there", "accepts", Ours, "not a token"),
    Rule("via", "invalid utf-8", "accepts", Ours, "no octet above 127 in a Via"),
    Rule("via", "malformed host", "accepts", Ours, "as for URIs"),
    Rule(
        "via",
        "reads ",
        "reads ",
        Both,
        "a quoted branch keeps its quotes; leading zeros in IPv4",
    ),
    Rule("via", "unbalanced quote", "accepts", Ours, "no control unescaped in a quoted string"),
    Rule("message", "accepts", "malformed percent escape", Both, "a stray % stands for itself"),
    Rule("message", "accepts", "MalformedRequiredHeader", Both, "one of the reasons above"),
    Rule("message", "accepts", "malformed Via", Both, "sloppy parameter values"),
    Rule("message", "Via is not of protocol", "accepts", Ours, "as for Via"),
    Rule(
        "message",
        "A control character",
        "accepts",
        Ours,
        "only tabs, and escaped ones in quotes",
    ),
    Rule("message", "not allowed there", "accepts", Ours, "Via, Call-ID: not in the grammar"),
    Rule("message", "URI that has", "accepts", Ours, "as for URIs"),
    Rule("message", "Request-URI has", "accepts", Ours, "as for URIs"),
    Rule("message", "is not UTF-8", "accepts", Ours, "Via, Call-ID: no octet above 127"),
    Rule("message", "Via has a malformed host", "accepts", Ours, "as for URIs"),
    Rule("message", "unbalanced quote", "accepts", Ours, "no control unescaped in a quoted string"),
    Rule("message", "needs angle brackets", "accepts", Ours, "RFC 3261 §20: a comma in a bare URI"),
    Rule(
        "uri",
        "accepts",
        "invalid character in host",
        Both,
        "[:::1.2.3.4] like the colons of RFC 5118 §4.10",
    ),
    Rule("address", "accepts", "invalid character in host", Both, "as for URIs"),
    Rule(
        "message",
        "reads ",
        "reads ",
        Both,
        "a display name that is not UTF-8 is read as Latin-1",
    ),
];

/// The part of the octets' difference that a rule must explain; `None` if there is none.
fn difference((ours, theirs): (Reading, Reading)) -> Option<(String, String)> {
    match (ours, theirs) {
        (Err(_), Err(_)) => None,
        (Ok(ours), Ok(theirs)) if ours == theirs => None,
        (Ok(ours), Ok(theirs)) => Some((format!("reads {ours}"), format!("reads {theirs}"))),
        (Ok(_), Err(why)) => Some(("accepts".into(), why)),
        (Err(why), Ok(_)) => Some((why, "accepts".into())),
    }
}

/// Compares, and notes which rule explains the difference.
fn check(what: &'static str, octets: &[u8], both: (Reading, Reading), used: &mut BTreeSet<usize>) {
    let Some((ours, theirs)) = difference(both) else { return };
    let explains = |rule: &Rule| {
        let Rule(of, our, their, _, why) = rule;
        assert!(!why.is_empty());
        *of == what && ours.contains(our) && theirs.contains(their)
    };
    match RULES.iter().position(explains) {
        Some(rule) => drop(used.insert(rule)),
        None => {
            panic!("{what} {:?}\nours:   {ours}\ntheirs: {theirs}", String::from_utf8_lossy(octets))
        }
    }
}

/// Contacts are compared only if both can read them: the addresses are compared by themselves.
fn messages(octets: &[u8]) -> (Reading, Reading) {
    let (mut ours, mut theirs) = (ours(octets), theirs(octets));
    if let (Ok(ours), Ok(theirs)) = (&mut ours, &mut theirs) {
        let unread =
            |facts: &Facts| facts.iter().any(|(n, fact)| *n == "contact" && fact == "None");
        if unread(ours) || unread(theirs) {
            ours.retain(|(name, _)| *name != "contact");
            theirs.retain(|(name, _)| *name != "contact");
        }
    }
    let words = |facts: Facts| format!("{facts:#?}");
    (ours.map(words), theirs.map(words))
}

/// On the torture messages the two agree in every point, but for the controls in a display name.
#[test]
fn on_the_torture_messages() {
    let directory = Path::new(file!()).parent().unwrap().join("torture");
    let mut count = 0;
    for part in ["rfc4475", "rfc5118"] {
        for entry in std::fs::read_dir(directory.join(part)).unwrap() {
            let path = entry.unwrap().path();
            let octets = std::fs::read(&path).unwrap();
            let difference = difference(messages(&octets));
            assert_eq!(
                difference.is_some(),
                path.ends_with("intmeth.dat"),
                "{path:?}: {difference:?}"
            );
            count += 1;
        }
    }
    assert_eq!(count, 62);
}

#[test]
fn on_generated_messages() {
    let mut dice = Dice(0x5eed);
    let mut used = BTreeSet::new();
    for round in 0..ROUNDS {
        for (what, text, compare) in [
            ("uri", generate::uri(&mut dice), uris as fn(&[u8]) -> (Reading, Reading)),
            ("address", generate::address(&mut dice), addresses),
            ("via", generate::via(&mut dice), vias),
        ] {
            let mut octets = text.replace("\r\n", "").into_bytes();
            if round % 4 != 0 {
                generate::damage(&mut dice, &mut octets);
            }
            check(what, &octets, compare(&octets), &mut used);
        }
        let mut octets = generate::message(&mut dice);
        if round % 2 != 0 {
            generate::damage(&mut dice, &mut octets);
        }
        check("message", &octets, messages(&octets), &mut used);
    }
    let idle: Vec<_> = (0..RULES.len())
        .filter(|rule| !used.contains(rule))
        .map(|i| (RULES[i].0, RULES[i].4))
        .collect();
    assert_eq!(idle, [], "rules that explain nothing");
    assert!(RULES.iter().any(|rule| rule.3 == Ours) && RULES.iter().any(|rule| rule.3 == Both));
}

const ROUNDS: usize = 10_000;
