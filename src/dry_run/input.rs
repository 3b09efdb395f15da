//! What comes in, made whole: short forms become stanzas and SIP messages.

use bytes::Bytes;

use super::Unplayable;
use crate::codec::pidf;
use crate::codec::xml::Limits;
use crate::codec::xmpp::{self, Stanza, StreamContext};
use crate::rules::{DOCUMENT_KEYS, Given, SIP_KEYS};

/// What comes in, as it would stand on the wire, with the addresses that it names.
#[derive(Debug, Clone)]
pub(super) enum Whole {
    /// From XMPP: between these domains.
    Stanza { octets: Bytes, from: String, to: String },
    /// From SIP: between these URIs.
    Sip { octets: Bytes, from: String, to: String },
}

/// Completes what is given.
pub(super) fn whole(given: &Given) -> Result<Whole, Unplayable> {
    match given {
        Given::Stanza(text) => stanza(text.trim()),
        Given::ShortStanza(parts) => stanza(&short_stanza(parts)),
        Given::Sip(text) => sip(text),
        Given::ShortSip(parts) => sip(&short_sip(parts)?),
    }
}

fn stanza(text: &str) -> Result<Whole, Unplayable> {
    let octets = Bytes::from(text.to_owned());
    let context = StreamContext::component(Limits::default());
    let unreadable = |why: String| Unplayable::Input(format!("not a stanza: {why}"));
    let stanza = xmpp::parse(&context, octets.clone()).map_err(|m| unreadable(m.to_string()))?;
    let (from, to) = match stanza {
        Stanza::Message(message) => (message.from, message.to),
        Stanza::Presence(presence) => (presence.from, presence.to),
        Stanza::Iq(iq) => (iq.from, iq.to),
        _ => return Err(unreadable("neither message, presence nor iq".to_owned())),
    };
    match (from, to) {
        (Some(from), Some(to)) => {
            let (from, to) = (from.domain().to_owned(), to.domain().to_owned());
            Ok(Whole::Stanza { octets, from, to })
        }
        _ => Err(Unplayable::Input("a stanza needs `from` and `to`".to_owned())),
    }
}

fn short_stanza(parts: &[(String, String)]) -> String {
    let part = |name: &str| parts.iter().find(|(known, _)| known == name).map(|(_, text)| text);
    let name = part("stanza").map_or("message", String::as_str);
    let mut out = format!("<{name}");
    for attribute in ["from", "to", "type", "id"] {
        if let Some(value) = part(attribute) {
            out.push_str(&format!(" {attribute}='{}'", escaped(value)));
        }
    }
    if let Some(lang) = part("lang") {
        out.push_str(&format!(" xml:lang='{}'", escaped(lang)));
    }
    out.push('>');
    for child in ["subject", "body", "thread", "show", "status", "priority"] {
        if let Some(text) = part(child) {
            out.push_str(&format!("<{child}>{}</{child}>", escaped(text)));
        }
    }
    // Elements as they are written.
    out.push_str(part("extra").map_or("", String::as_str));
    out.push_str(&format!("</{name}>"));
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&apos;")
}

fn short_sip(parts: &[(String, String)]) -> Result<String, Unplayable> {
    let part = |name: &str| parts.iter().find(|(known, _)| known == name).map(|(_, text)| text);
    let missing = |what: &str| Unplayable::Input(format!("a SIP message needs `{what}`"));
    let method = part("method").map_or("MESSAGE", String::as_str);
    let from = part("from").ok_or_else(|| missing("from"))?;
    let to = part("to").ok_or_else(|| missing("to"))?;
    let uri = part("uri").unwrap_or(to);
    let is_notify = method == "NOTIFY";
    let written = || if is_notify { document(from, parts) } else { String::new() };
    let body = part("body").cloned().unwrap_or_else(written);
    let mut out = format!("{method} {} SIP/2.0\n", bare(uri));
    out.push_str(&format!("From: {}\nTo: {}\n", bracketed(from), bracketed(to)));
    let is_part =
        |name: &str| SIP_KEYS.contains(&name) || (is_notify && DOCUMENT_KEYS.contains(&name));
    for (name, value) in parts.iter().filter(|(name, _)| !is_part(name)) {
        out.push_str(&format!("{name}: {value}\n"));
    }
    if !body.is_empty() {
        let usual = if is_notify { pidf::MEDIA_TYPE } else { "text/plain" };
        let kind = part("type").map_or(usual, String::as_str);
        out.push_str(&format!("Content-Type: {kind}\n"));
    }
    Ok(format!("{out}\n{body}"))
}

/// The document of one device, by its parts; empty where there are none.
fn document(from: &str, parts: &[(String, String)]) -> String {
    let part = |name: &str| parts.iter().find(|(known, _)| known == name).map(|(_, text)| text);
    if DOCUMENT_KEYS.iter().all(|key| part(key).is_none()) {
        return String::new();
    }
    let tag = |name: &str, key: &str| {
        part(key).map_or(String::new(), |text| format!("<{name}>{}</{name}>", escaped(text)))
    };
    let show = part("show").map_or(String::new(), |show| {
        format!("<show xmlns='jabber:client'>{}</show>", escaped(show))
    });
    let activity = part("activity").map_or(String::new(), |activity| {
        // Several stand in a list: `busy meal`.
        let each = activity.split_whitespace().map(|name| format!("<r:{}/>", escaped(name)));
        format!("<r:activities>{}</r:activities>", each.collect::<String>())
    });
    let idle = part("idle").filter(|idle| *idle != "false");
    let idle = idle.map_or("", |_| "<r:user-input>idle</r:user-input>");
    let person = match activity.is_empty() && idle.is_empty() {
        true => String::new(),
        false => format!("<d:person id='person'>{activity}{idle}</d:person>"),
    };
    let host = from.rsplit(':').next().unwrap_or_default().trim_matches(['<', '>']);
    let basic = part("basic").map_or("open", String::as_str);
    format!(
        "<presence xmlns='{}' xmlns:d='{}' xmlns:r='{}' xmlns:i='{}' entity='pres:{}'>\
         <tuple id='ID-{}'><status><basic>{}</basic>{}{show}</status>{}</tuple>{person}</presence>",
        pidf::PIDF,
        pidf::DATA_MODEL,
        pidf::RPID,
        pidf::IM,
        escaped(host),
        escaped(part("resource").map_or("phone", String::as_str)),
        escaped(basic),
        tag("i:im", "im"),
        tag("note", "note"),
    )
}

/// An address as a header has it.
fn bracketed(address: &str) -> String {
    if address.contains('<') { address.to_owned() } else { format!("<{address}>") }
}

fn bare(address: &str) -> &str {
    address.trim_matches(['<', '>'])
}

/// A SIP message as it would come: lines end with CRLF, and what every message has is there.
fn sip(text: &str) -> Result<Whole, Unplayable> {
    let text = text.replace("\r\n", "\n");
    let (head, body) = text.trim_start().split_once("\n\n").unwrap_or((text.trim_start(), ""));
    let mut lines: Vec<String> = head.trim_end().lines().map(str::to_owned).collect();
    let first = lines.first().cloned().unwrap_or_default();
    let method = first.split(' ').next().unwrap_or_default().to_owned();
    let has = |lines: &[String], name: &str| {
        lines.iter().skip(1).any(|line| {
            line.split_once(':').is_some_and(|(known, _)| known.trim().eq_ignore_ascii_case(name))
        })
    };
    let mut add = |name: &str, compact: &str, value: String| {
        if !has(&lines, name) && !has(&lines, compact) {
            lines.push(format!("{name}: {value}"));
        }
    };
    add("Via", "v", "SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bKrehearsal".to_owned());
    add("Max-Forwards", "", "70".to_owned());
    add("Call-ID", "i", "rehearsal".to_owned());
    add("CSeq", "", format!("1 {method}"));
    let body = body.strip_suffix('\n').unwrap_or(body);
    lines.retain(|line| !line.to_ascii_lowercase().starts_with("content-length:"));
    let is_object = lines.iter().any(|line| line.to_ascii_lowercase().contains("message/cpim"));
    let body = if is_object { body.replace('\n', "\r\n") } else { body.to_owned() };
    lines.push(format!("Content-Length: {}", body.len()));
    tag(&mut lines);
    let from = address(&lines, &["from", "f"]);
    let to = first.split(' ').nth(1).map(str::to_owned);
    let octets = Bytes::from(format!("{}\r\n\r\n{body}", lines.join("\r\n")));
    match (from, to) {
        (Some(from), Some(to)) => Ok(Whole::Sip { octets, from, to }),
        _ => Err(Unplayable::Input("a SIP request has a Request-URI and a From".to_owned())),
    }
}

/// A request outside a dialog has a From tag (RFC 3261 §8.1.1.3).
fn tag(lines: &mut [String]) {
    let is_from = |line: &&mut String| {
        let name = line.split(':').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case("from") || name.eq_ignore_ascii_case("f")
    };
    if let Some(line) = lines.iter_mut().skip(1).find(is_from)
        && !line.contains(";tag=")
    {
        line.push_str(";tag=r");
    }
}

/// The URI of an address header.
fn address(lines: &[String], names: &[&str]) -> Option<String> {
    let value = lines.iter().skip(1).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        names.iter().any(|known| name.trim().eq_ignore_ascii_case(known)).then_some(value.trim())
    })?;
    let uri = match value.split_once('<') {
        Some((_, rest)) => rest.split('>').next()?,
        None => value.split(';').next()?,
    };
    Some(uri.to_owned())
}
