//! What attackers of SIP send, through the proxy or as strangers.

use bytes::Bytes;
use stox::codec::sip::Request;

use super::peer::{Leg, Peer};
use super::plan::{Bounds, SIP_DOMAIN, XMPP_DOMAIN};
use super::sizes::{around, count, fill};
use crate::agenda::{MS, Micros, S};
use crate::dice::Dice;

const CHARACTERS: [char; 9] = ['a', '&', '<', '\'', '"', ' ', '\u{e9}', '\u{1f600}', ';'];
/// What is legal in most headers.
const TOKEN: [char; 4] = ['a', '\'', '~', '%'];
const WORD: [char; 5] = ['a', '<', '>', '\'', '"'];

const HEADERS: [&str; 16] = [
    "Subject",
    "Organization",
    "User-Agent",
    "Content-Language",
    "Accept-Language",
    "Accept",
    "Contact",
    "X-Long",
    "Record-Route",
    "In-Reply-To",
    "Date",
    "Expires",
    "Allow-Events",
    "Supported",
    "Content-Disposition",
    "Via",
];

/// One attack of the user `sh` and this number.
pub(super) fn attack(peer: &mut Peer, who: usize, bounds: &Bounds) -> &'static str {
    let user = format!("sh{who}");
    let to = peer.dice.pick(&["jb0", "h0", "h1", "nobody"]);
    match peer.dice.below(11) {
        0 | 1 => body(peer, &user, to, bounds),
        2 => header(peer, "MESSAGE", &user, to, bounds),
        3 => header(peer, "SUBSCRIBE", &user, to, bounds),
        4 => flood(peer, &user, to, bounds),
        5 => watches_many(peer, &user, bounds),
        6 => asked_by_many(peer, to, bounds),
        7 | 8 => notify(peer, &user, bounds),
        9 => method(peer, &user, to, bounds),
        _ => garbage(peer, &user, to, bounds),
    }
}

fn send(peer: &mut Peer, method: &str, leg: &Leg, headers: &str, body: &str) {
    let branch = format!("z9hG4bKh{}", peer.token());
    let head = peer.head(method, &leg.target, &branch, leg);
    let length = body.len();
    peer.send(format!("{head}{headers}Content-Length: {length}\r\n\r\n{body}").into());
}

/// Octets of one part of a message: what is longer than what passes is as long as that.
fn room(peer: &mut Peer, bounds: &Bounds) -> usize {
    around(&mut peer.dice, bounds).min(peer.most.saturating_sub(900))
}

fn body(peer: &mut Peer, user: &str, to: &str, bounds: &Bounds) -> &'static str {
    let leg = peer.leg(user, to);
    let octets = room(peer, bounds);
    let text = fill(&mut peer.dice, octets, &CHARACTERS);
    let (kind, text) = match peer.dice.below(7) {
        0 => ("text/html", format!("<p>{text}</p>")),
        1 => ("text/html", "<b>".repeat(octets / 3)),
        2 => (
            "message/cpim",
            format!(
                "From: <sip:{user}@{SIP_DOMAIN}>\r\nTo: <sip:{to}@{XMPP_DOMAIN}>\r\nNS: s <urn:stox:cpim:0>\r\n\
             s.Thread: {text}\r\n\r\nContent-Type: text/plain\r\n\r\nx"
            ),
        ),
        3 => (
            "multipart/alternative;boundary=b",
            format!(
                "{}--b\r\nContent-Type: text/plain\r\n\r\n{text}\r\n--b--\r\n",
                "--b\r\nContent-Type: text/html\r\n\r\n<i>x</i>\r\n"
                    .repeat(octets.min(6_000) / 100)
            ),
        ),
        4 => (
            "application/im-iscomposing+xml",
            format!("<isComposing><state>{text}</state></isComposing>"),
        ),
        _ => ("text/plain;charset=utf-8", text),
    };
    send(peer, "MESSAGE", &leg, &format!("Content-Type: {kind}\r\n"), &text);
    "hostile.sip.body"
}

fn header(peer: &mut Peer, method: &str, user: &str, to: &str, bounds: &Bounds) -> &'static str {
    let mut leg = peer.leg(user, to);
    let octets = room(peer, bounds);
    let mut headers = match method {
        "SUBSCRIBE" => "Event: presence\r\nExpires: 600\r\n".to_owned(),
        _ => "Content-Type: text/plain\r\n".to_owned(),
    };
    match peer.dice.below(7) {
        0 => leg.call_id = fill(&mut peer.dice, octets.max(1), &WORD),
        1 => leg.from = format!("{}{}", leg.from, fill(&mut peer.dice, octets, &TOKEN)),
        2 => {
            leg.from =
                format!("\"{}\" {}", fill(&mut peer.dice, octets, &['a', '&', '<', '\'']), leg.from)
        }
        3 => {
            headers = headers.replace(
                "presence",
                &format!("presence;id={}", fill(&mut peer.dice, octets, &TOKEN)),
            )
        }
        _ => {
            let name = peer.dice.pick(&HEADERS);
            let value = value(peer, name, octets);
            let times = if octets < 300 { peer.dice.pick(&[1, 10, 200, 300]) } else { 1 };
            headers += &format!("{name}: {value}\r\n").repeat(times);
        }
    }
    send(peer, method, &leg, &headers, if method == "MESSAGE" { "x" } else { "" });
    "hostile.sip.header"
}

fn value(peer: &mut Peer, name: &str, octets: usize) -> String {
    let word = fill(&mut peer.dice, octets, &TOKEN);
    match name {
        "Contact" => format!("<sip:{word}@127.0.0.13>"),
        "Record-Route" => format!("<sip:127.0.0.13;lr;x={word}>"),
        "Via" => format!("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{word}"),
        "Content-Language" | "Accept-Language" => match peer.dice.below(4) {
            0 => "-".to_owned(),
            1 => "de,".repeat(octets / 3) + "en",
            2 => format!("x-{}", "a".repeat(octets)),
            _ => "de".to_owned() + &"-aaaaaaaa".repeat(octets / 9),
        },
        "Accept" => "a/b,".repeat(octets / 4) + "application/pidf+xml",
        "Expires" => "9".repeat(octets.clamp(1, 100)),
        "Subject" => fill(&mut peer.dice, octets, &CHARACTERS),
        _ => word,
    }
}

fn flood(peer: &mut Peer, user: &str, to: &str, bounds: &Bounds) -> &'static str {
    for _ in 0..count(&mut peer.dice, bounds) {
        let leg = peer.leg(user, to);
        send(peer, "MESSAGE", &leg, "Content-Type: text/plain\r\n", "flood");
    }
    "hostile.sip.flood"
}

fn watches_many(peer: &mut Peer, user: &str, bounds: &Bounds) -> &'static str {
    let same = peer.dice.chance(300);
    for number in 0..count(&mut peer.dice, bounds) {
        let name = if same { "jb0".to_owned() } else { format!("h{number}") };
        let leg = peer.leg(user, &name);
        send(peer, "SUBSCRIBE", &leg, "Event: presence\r\nExpires: 600\r\n", "");
    }
    "hostile.sip.watches_many"
}

fn asked_by_many(peer: &mut Peer, to: &str, bounds: &Bounds) -> &'static str {
    for number in 0..count(&mut peer.dice, bounds) {
        let leg = peer.leg(&format!("sh{number}"), to);
        send(peer, "SUBSCRIBE", &leg, "Event: presence\r\nExpires: 600\r\n", "");
    }
    "hostile.sip.asked_by_many"
}

fn notify(peer: &mut Peer, user: &str, bounds: &Bounds) -> &'static str {
    let octets = around(&mut peer.dice, bounds).min(peer.most.saturating_sub(1_500));
    let document = document(&mut peer.dice, octets);
    let state = peer.dice.pick(&[
        "active;expires=3600",
        "active",
        "pending",
        "terminated;reason=giveup",
        "active;expires=1",
    ]);
    let headers = format!(
        "Event: presence\r\nSubscription-State: {state}\r\nContent-Type: application/pidf+xml\r\n"
    );
    let body = format!(
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:{user}@{SIP_DOMAIN}'>{document}</presence>"
    );
    peer.in_dialog(user, "NOTIFY", &headers, &body);
    "hostile.sip.notify"
}

/// What stands in a document of about so many octets.
fn document(dice: &mut Dice, octets: usize) -> String {
    let open = "<status><basic>open</basic></status>";
    match dice.below(7) {
        0 | 1 => {
            let note = fill(dice, octets, &['&', '<', 'a', '"', '\u{e9}']);
            format!("<tuple id='o'>{open}<note><![CDATA[{note}]]></note></tuple>")
        }
        2 => {
            let note =
                |number: usize| format!("<note xml:lang='x-a{number}'>words {number}</note>");
            let notes: String = (0..octets.min(30_000) / 40).map(note).collect();
            format!("<tuple id='o'>{open}{notes}</tuple>")
        }
        3 => {
            let tuple = |number: usize| {
                format!("<tuple id='t{number}'>{open}<note>&amp;&amp;&amp;</note></tuple>")
            };
            (0..octets / 80).map(tuple).collect()
        }
        4 => format!("<tuple id='{}'>{open}</tuple>", "i".repeat(octets)),
        5 => format!(
            "<tuple id='o'>{open}{}{}</tuple>",
            "<x>".repeat(octets / 7),
            "</x>".repeat(octets / 7)
        ),
        _ => {
            let lang = "a".repeat(octets.min(2_000));
            format!(
                "<tuple id='o'>{open}<note xml:lang='{lang}'>x</note><contact priority='0.5'>im:{lang}</contact></tuple>"
            )
        }
    }
}

fn method(peer: &mut Peer, user: &str, to: &str, bounds: &Bounds) -> &'static str {
    let name = peer.dice.pick(&[
        "OPTIONS", "INVITE", "CANCEL", "ACK", "BYE", "REGISTER", "PUBLISH", "REFER", "NOTIFY",
        "XYZZY",
    ]);
    let octets = room(peer, bounds);
    let times = if octets < 2_000 { count(&mut peer.dice, bounds) } else { 1 };
    for _ in 0..times {
        let mut leg = peer.leg(user, to);
        leg.call_id = "c".repeat(octets.max(1)) + &leg.call_id;
        send(peer, name, &leg, "", "");
    }
    "hostile.sip.method"
}

fn garbage(peer: &mut Peer, user: &str, to: &str, bounds: &Bounds) -> &'static str {
    let octets = room(peer, bounds);
    let leg = peer.leg(user, to);
    // A proxy cuts a stream itself, and passes on no message with two lengths.
    let kinds = if peer.transport.reliable() { 4 } else { 5 };
    let headers = match peer.dice.below(kinds) {
        0 => "CSeq: 2 MESSAGE\r\n".to_owned(),
        1 => format!("No colon {}\r\n", "x".repeat(octets)),
        2 => "X: y\r\n".repeat(octets / 6),
        3 => "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n".to_owned(),
        _ => "Content-Type: text/plain;charset=utf-7\r\nContent-Length: 5\r\n".to_owned(),
    };
    send(peer, "MESSAGE", &leg, &headers, "\u{0}\u{1}x");
    "hostile.sip.garbage"
}

/// Requests of an address that is no peer's.
pub(super) fn stranger(dice: &mut Dice, bounds: &Bounds, token: u64) -> (u8, Vec<Bytes>) {
    let octets = around(dice, bounds).min(60_000);
    let times = if octets < 2_000 { count(dice, bounds) } else { 1 };
    let method = dice.pick(&["OPTIONS", "OPTIONS", "MESSAGE", "SUBSCRIBE", "NOTIFY"]);
    let one = |number: usize| {
        let call_id = "c".repeat(octets.max(1));
        format!(
            "{method} sip:jb0@{XMPP_DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKx{token}-{number}\r\n\
             From: <sip:rb0@{SIP_DOMAIN}>;tag=f\r\nTo: <sip:jb0@{XMPP_DOMAIN}>\r\nCall-ID: {call_id}{number}\r\n\
             CSeq: 1 {method}\r\nMax-Forwards: 70\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx"
        )
        .into()
    };
    (dice.below(200) as u8, (0..times).map(one).collect())
}

/// What an attacker's device answers: after a while each, from the status on, headers, a body.
pub(super) fn answers(dice: &mut Dice, request: &Request) -> Vec<(Micros, String, String, String)> {
    let octets = dice.pick(&[0, 127, 129, 1_300, 9_000, 14_000, 40_000, 60_000]);
    let word = fill(dice, octets, &['a', '<', '&', '\'']);
    let one = |line: String, headers: String| vec![(0, line, headers, String::new())];
    match dice.below(14) {
        0 => one("200 OK".into(), String::new()),
        1 => one(format!("486 {word}"), String::new()),
        2 => one(
            "403 No".into(),
            format!("Warning: 399 host \"{}\"\r\n", "&".repeat(octets / 8)).repeat(7),
        ),
        3 => one("200 OK".into(), format!("X-Long: {word}\r\n")),
        4 => (0..50)
            .map(|at| (at * 10 * MS, "180 Ringing".to_owned(), String::new(), String::new()))
            .collect(),
        5 => one(
            "401 No".into(),
            format!("WWW-Authenticate: Digest realm=\"r\", nonce=\"{}\"\r\n", "n".repeat(octets)),
        ),
        6 => {
            one("302 Moved".into(), format!("Contact: <sip:{}@192.0.2.1>\r\n", "m".repeat(octets)))
        }
        7 => one("480 Later".into(), "Retry-After: 4294967295\r\n".into()),
        8 => one("423 Brief".into(), "Min-Expires: 4294967295\r\n".into()),
        9 => {
            one("415 Not so".into(), format!("Accept: {}text/plain\r\n", "a/b,".repeat(octets / 4)))
        }
        10 => vec![(40 * S, "200 OK".into(), String::new(), String::new())],
        11 => vec![
            (0, "200 OK".into(), String::new(), word),
            (MS, "600 Busy Everywhere".into(), String::new(), String::new()),
        ],
        12 => one("410 Gone".into(), format!("Content-Type: {}\r\n", request.method)),
        _ => Vec::new(),
    }
}
