//! What attackers of XMPP send: the server passes on whatever is well-formed, and stamps who it is
//! from.

use super::plan::{Bounds, COMPONENT, XMPP_DOMAIN};
use super::server::Server;
use super::sizes::{around, count};
use crate::dice::Dice;

/// Characters as they stand on the wire: a server may write each in its longest form.
const CHARACTERS: [&str; 8] =
    ["a", "&amp;", "&lt;", "&apos;", "&quot;", " ", "\u{e9}", "\u{1f600}"];

/// One attack of the user `h` and this number.
pub(super) fn attack(
    server: &mut Server,
    dice: &mut Dice,
    who: usize,
    bounds: &Bounds,
) -> &'static str {
    let domain = if dice.chance(100) { "other.test" } else { XMPP_DOMAIN };
    let from = format!("h{who}@{domain}");
    let to = match dice.below(8) {
        0 | 1 => format!("rb0@{COMPONENT}"),
        2 | 3 => format!("sh{who}@{COMPONENT}"),
        4 => format!("silent{}@{COMPONENT}", dice.below(5)),
        5 => format!("busy@{COMPONENT}"),
        6 => format!("nobody@{COMPONENT}"),
        _ => COMPONENT.to_owned(),
    };
    match dice.below(10) {
        0..=2 => message(server, dice, &from, &to, bounds),
        3 => flood(server, dice, &from, bounds),
        4 | 5 => presence(server, dice, &from, &to, bounds),
        6 => subscribes(server, dice, &from, bounds),
        7 => devices(server, dice, &from, &to, bounds),
        8 => spoof(server, dice, &from),
        _ => query(server, dice, &from, &to, bounds),
    }
}

fn filled(dice: &mut Dice, bounds: &Bounds) -> String {
    let octets = around(dice, bounds);
    let character = dice.pick(&CHARACTERS);
    character.repeat(octets / character.len())
}

fn message(
    server: &mut Server,
    dice: &mut Dice,
    from: &str,
    to: &str,
    bounds: &Bounds,
) -> &'static str {
    let long = filled(dice, bounds);
    let (mut resource, mut id, mut lang) = ("x".to_owned(), "m".to_owned(), String::new());
    let mut more = String::new();
    let child = match dice.below(16) {
        0..=2 => format!("<body>{long}</body>"),
        3 => format!("<subject>{long}</subject><body>x</body>"),
        4 => format!("<thread>{long}</thread><body>x</body>"),
        5 => format!("<nick xmlns='http://jabber.org/protocol/nick'>{long}</nick><body>x</body>"),
        6 => deep(dice),
        7 => attributes(dice),
        8 => {
            let body = |number: usize| format!("<body xml:lang='x-a{number}'>words</body>");
            (0..long.len().min(40_000) / 40).map(body).collect()
        }
        9 => format!(
            "<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'><p title='{long}'>x</p></body></html><body>x</body>"
        ),
        10 => format!("<x xmlns='jabber:x:oob'><url>http://{long}</url></x><body>x</body>"),
        11 => format!("<body>x</body><x xmlns='urn:x' z='{long}'/>"),
        12 => {
            id = long;
            "<body>x</body>".to_owned()
        }
        13 => {
            lang = format!(" xml:lang='{}'", "a".repeat(long.len()));
            "<body>x</body>".to_owned()
        }
        14 => {
            resource = "&apos;".repeat(dice.pick(&[100, 1_023]));
            "<body>x</body>".to_owned()
        }
        _ => {
            more = format!(" z='{long}'");
            "<body>x</body>".to_owned()
        }
    };
    let kind = dice.pick(&["chat", "normal", "headline", "groupchat"]);
    server.write(format!("<message from='{from}/{resource}' to='{to}' id='{id}' type='{kind}'{lang}{more}>{child}</message>"));
    "hostile.xmpp.message"
}

fn deep(dice: &mut Dice) -> String {
    let levels = dice.pick(&[30, 31, 32, 33, 1_023, 1_024, 1_100, 20_000]);
    format!("<body>x</body>{}{}", "<a>".repeat(levels), "</a>".repeat(levels))
}

fn attributes(dice: &mut Dice) -> String {
    let count = dice.pick(&[62, 63, 64, 65, 1_000]);
    let all: String = (0..count).map(|number| format!(" a{number}='v'")).collect();
    format!("<body>x</body><x xmlns='urn:x'{all}/>")
}

fn flood(server: &mut Server, dice: &mut Dice, from: &str, bounds: &Bounds) -> &'static str {
    let targets = dice.pick(&[1, 5, 1_000]);
    let octets = dice.pick(&[1, 1, 100, 1_000]);
    for number in 0..count(dice, bounds) {
        let (target, text) = (number % targets, "f".repeat(octets));
        server.write(format!(
            "<message from='{from}/x' to='silent{target}@{COMPONENT}' id='f{number}'><body>{text}</body></message>"
        ));
    }
    "hostile.xmpp.flood"
}

fn presence(
    server: &mut Server,
    dice: &mut Dice,
    from: &str,
    to: &str,
    bounds: &Bounds,
) -> &'static str {
    let long = filled(dice, bounds);
    let child = match dice.below(5) {
        0 | 1 => format!("<status>{long}</status>"),
        2 => {
            let status = |number: usize| format!("<status xml:lang='x-a{number}'>words</status>");
            (0..long.len().min(40_000) / 40).map(status).collect()
        }
        3 => format!("<show>{long}</show><priority>{long}</priority>"),
        _ => format!("<x xmlns='vcard-temp:x:update'><photo>{long}</photo></x>{}", deep(dice)),
    };
    let kind = dice.pick(&[
        "",
        "",
        "",
        " type='unavailable'",
        " type='probe'",
        " type='subscribe'",
        " type='error'",
    ]);
    server.write(format!("<presence from='{from}/x' to='{to}' id='p'{kind}>{child}</presence>"));
    "hostile.xmpp.presence"
}

fn subscribes(server: &mut Server, dice: &mut Dice, from: &str, bounds: &Bounds) -> &'static str {
    let kind = dice.pick(&[
        "subscribe",
        "subscribe",
        "subscribe",
        "subscribed",
        "unsubscribe",
        "unsubscribed",
        "probe",
    ]);
    let name = dice.pick(&["sh", "silent", "nobody", "busy"]);
    for number in 0..count(dice, bounds) {
        server.write(format!(
            "<presence from='{from}' to='{name}{number}@{COMPONENT}' type='{kind}' id='s{number}'/>"
        ));
    }
    "hostile.xmpp.subscribes"
}

fn devices(
    server: &mut Server,
    dice: &mut Dice,
    from: &str,
    to: &str,
    bounds: &Bounds,
) -> &'static str {
    let words = dice
        .pick(&["w", "&amp;&amp;&amp;&amp;&amp;&amp;&amp;&amp;"])
        .repeat(dice.pick(&[1, 20, 200]));
    for number in 0..count(dice, bounds) {
        server.write(format!(
            "<presence from='{from}/r{number}' to='{to}'><status>{words}</status></presence>"
        ));
    }
    "hostile.xmpp.devices"
}

/// Answers in the name of somebody else's: with ids of stanzas that were for others.
fn spoof(server: &mut Server, dice: &mut Dice, from: &str) -> &'static str {
    let ids: Vec<String> = server.ids.iter().cloned().collect();
    for id in ids {
        let to = dice.pick(&["rb0@sip.xmpp.test", "sip.xmpp.test", "rb1@sip.xmpp.test"]);
        let (kind, tag) = dice.pick(&[
            ("error", "message"),
            ("error", "iq"),
            ("result", "iq"),
            ("error", "presence"),
        ]);
        server.write(format!(
            "<{tag} type='{kind}' id='{id}' from='{from}' to='{to}'><error type='cancel'>\
             <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></{tag}>"
        ));
    }
    "hostile.xmpp.spoof"
}

fn query(
    server: &mut Server,
    dice: &mut Dice,
    from: &str,
    to: &str,
    bounds: &Bounds,
) -> &'static str {
    let long = filled(dice, bounds);
    let kind = dice.pick(&["get", "set", "result", "error"]);
    let namespace = dice.pick(&[
        "jabber:iq:version",
        "http://jabber.org/protocol/disco#info",
        "vcard-temp",
        "urn:xmpp:ping",
        "jabber:iq:register",
    ]);
    let (id, node) = if dice.chance(500) { (long, String::new()) } else { ("q".to_owned(), long) };
    server.write(format!("<iq from='{from}/x' to='{to}' type='{kind}' id='{id}'><query xmlns='{namespace}' node='{node}'/></iq>"));
    "hostile.xmpp.query"
}
