//! What a rule sets, leaves out and carries of a message, in both directions.

use std::borrow::Cow;

use super::language;
use crate::codec::sip::{HeaderName, HeaderValue, Headers, Request};
use crate::codec::xmpp::jid_escaping::unescape;
use crate::codec::xmpp::{Element, Jid, LangText, Message, Text, ns};
use crate::flow::{Inbound, Outbound};
use crate::rules::{Edits, VARIABLES};

/// The values of the variables of a message.
pub(super) struct Values<'a> {
    from: &'a Jid,
    to: &'a Jid,
    subject: Option<&'a str>,
    body: Option<&'a str>,
    thread: Option<&'a str>,
    lang: Option<&'a str>,
    id: Option<&'a str>,
    kind: Option<&'a str>,
    peer: Option<&'a str>,
}

impl<'a> Values<'a> {
    pub(super) fn of_stanza(outbound: &'a Outbound) -> Self {
        let stanza = &outbound.stanza;
        let text = |texts: &'a [LangText]| {
            language::choose(texts, stanza.lang.as_ref()).map(|text| &*text.text)
        };
        Values {
            from: &outbound.sender,
            to: &outbound.recipient,
            subject: text(&stanza.subjects),
            body: text(&stanza.bodies),
            thread: stanza.thread.as_deref(),
            lang: stanza.lang.as_deref(),
            id: stanza.id.as_deref(),
            kind: Some(stanza.kind.name().unwrap_or("normal")),
            peer: outbound.peer.as_deref(),
        }
    }

    fn of_message(inbound: &'a Inbound, message: &'a Message) -> Self {
        let text = |texts: &'a [LangText]| texts.first().map(|text| &*text.text);
        Values {
            from: &inbound.from,
            to: &inbound.to,
            subject: text(&message.subjects),
            body: text(&message.bodies),
            thread: Some(inbound.request.call_id.as_text()),
            lang: message.lang.as_deref(),
            id: Some(&inbound.id),
            kind: None,
            peer: inbound.peer.as_deref(),
        }
    }

    /// The value of a variable by its place in [`VARIABLES`].
    pub(super) fn get(&self, index: usize) -> Option<Cow<'a, str>> {
        let plain = match *VARIABLES.get(index)? {
            "from" => Some(self.from.bare_str()),
            "from.user" => return self.from.node().map(unescape),
            "from.domain" => Some(self.from.domain()),
            "to" => Some(self.to.bare_str()),
            "to.user" => return self.to.node().map(unescape),
            "to.domain" => Some(self.to.domain()),
            "subject" => self.subject,
            "body" => self.body,
            "thread" => self.thread,
            "lang" => self.lang,
            "id" => self.id,
            "type" => self.kind,
            "peer" => self.peer,
            _ => None,
        };
        plain.map(Cow::Borrowed)
    }
}

/// The header fields of a message to SIP, changed.
pub(super) fn header(edits: &Edits, outbound: &Outbound, headers: &mut Headers) {
    for name in &edits.drop {
        if let Some(name) = HeaderName::new(&name.as_str().into()) {
            headers.remove(&name);
        }
    }
    for (there, here) in &edits.carry {
        let value = shim_value(&outbound.stanza, there);
        if let (Some(value), Some(name)) = (value, HeaderName::new(&here.as_str().into())) {
            headers.set(name, HeaderValue::text(&value));
        }
    }
    let values = Values::of_stanza(outbound);
    for (name, template) in edits.set.iter().filter(|(name, _)| name != "body") {
        let Some(name) = HeaderName::new(&name.as_str().into()) else { continue };
        let text = template.render(&|index| values.get(index));
        match text.is_empty() {
            true => drop(headers.remove(&name)),
            false => headers.set(name, HeaderValue::text(&text)),
        }
    }
}

/// The value of a stanza header (XEP-0131) by name.
fn shim_value(stanza: &Message, name: &str) -> Option<Text> {
    let headers = stanza.extension("headers", ns::SHIM)?;
    let is_it = |header: &&Element| {
        header.is("header", ns::SHIM)
            && header.attr("name").is_some_and(|known| known.eq_ignore_ascii_case(name))
    };
    headers.elements().find(is_it).map(Element::text)
}

/// A message to XMPP, changed.
pub(super) fn stanza(edits: &Edits, inbound: &Inbound, message: &mut Message) {
    let values = Values::of_message(inbound, message);
    let text = |name: &str| edits.text(name, &|index| values.get(index));
    let [subject, body, thread, lang] = ["subject", "body", "thread", "lang"].map(text);
    let carried = carried(edits, &inbound.request);
    let texts = |text: String| match text.is_empty() {
        true => Vec::new(),
        false => vec![LangText::plain(text)],
    };
    let some = |text: String| (!text.is_empty()).then(|| Text::from(text));
    if edits.drops("subject") {
        message.subjects.clear();
    }
    message.thread = message.thread.take().filter(|_| !edits.drops("thread"));
    message.lang = message.lang.take().filter(|_| !edits.drops("lang"));
    for (name, ns) in [("html", ns::XHTML_IM), ("url", ns::OOB), ("delay", ns::DELAY)] {
        if edits.drops(name) {
            message.extensions.retain(|child| &*child.ns != ns);
        }
    }
    if let Some(subject) = subject {
        message.subjects = texts(subject);
    }
    if let Some(body) = body {
        message.bodies = texts(body);
    }
    if let Some(thread) = thread {
        message.thread = some(thread);
    }
    if let Some(lang) = lang {
        message.lang = some(lang).filter(|lang| language::is_tag(lang));
    }
    add_headers(message, carried);
}

/// Header fields as stanza headers.
fn carried(edits: &Edits, request: &Request) -> Vec<Element> {
    let field = |(here, there): &(String, String)| {
        let name = HeaderName::new(&here.as_str().into())?;
        let value = request.headers.get(&name)?.to_text();
        let header = Element::new("header", ns::SHIM).with_attr("name", there.as_str());
        Some(header.with_text(value))
    };
    edits.carry.iter().filter_map(field).collect()
}

fn add_headers(message: &mut Message, carried: Vec<Element>) {
    if carried.is_empty() {
        return;
    }
    let known = message.extensions.iter().position(|child| child.is("headers", ns::SHIM));
    let headers = match known {
        Some(at) => message.extensions.remove(at),
        None => Element::new("headers", ns::SHIM),
    };
    message.extensions.push(carried.into_iter().fold(headers, Element::with_child));
}
