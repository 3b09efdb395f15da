//! What a rule sets, leaves out and carries of a message, in both directions.

use std::borrow::Cow;

use super::language;
use crate::codec::mime::{Cpim, ExtensionHeader};
use crate::codec::sip::{HeaderName, HeaderValue, Headers, Request};
use crate::codec::xml::{Element, Text, escape::is_xml_char};
use crate::codec::xmpp::jid_escaping::unescape;
use crate::codec::xmpp::{Jid, LangText, Message, ns};
use crate::flow::{Inbound, Outbound};
use crate::rules::{Edits, Part, Template, VARIABLES};

/// Octets of a value that a rule sets or carries.
const MAX_VALUE: usize = 1_024;

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

/// A message as it is without the elements that a rule leaves out.
pub(super) fn kept<'a>(edits: &Edits, outbound: &'a Outbound) -> Cow<'a, Outbound> {
    let drops = |child: &Element| edits.drops_element(&child.name, &child.ns);
    if edits.drop.is_empty() || !outbound.stanza.extensions.iter().any(drops) {
        return Cow::Borrowed(outbound);
    }
    let mut kept = outbound.clone();
    kept.stanza.extensions.retain(|child| !drops(child));
    Cow::Owned(kept)
}

/// The header fields of a message to SIP, changed.
pub(super) fn header(edits: &Edits, outbound: &Outbound, headers: &mut Headers) {
    for name in edits.drop.iter().filter_map(field) {
        headers.remove(&name);
    }
    for (there, here) in &edits.carry {
        if let Some((name, value)) = field(here).zip(carried_value(&outbound.stanza, there)) {
            headers.set(name, HeaderValue::text(&value));
        }
    }
    let values = Values::of_stanza(outbound);
    for (part, template) in &edits.set {
        let Some(name) = field(part).filter(|_| !is_body(part)) else { continue };
        let text = cut(&template.render(&|index| values.get(index)));
        match text.is_empty() {
            true => drop(headers.remove(&name)),
            false => headers.set(name, HeaderValue::text(&text)),
        }
    }
}

fn is_body(part: &Part) -> bool {
    matches!(part, Part::Named(name) if name == "body")
}

fn field(part: &Part) -> Option<HeaderName> {
    match part {
        Part::Named(name) => HeaderName::new(&name.as_str().into()),
        Part::Element { .. } | Part::Cpim { .. } => None,
    }
}

/// A header that a CPIM object has by a rule (RFC 3862 §3.4).
pub(super) struct ObjectHeader<'a> {
    ns: &'a str,
    prefix: String,
    name: &'a str,
    value: String,
}

impl ObjectHeader<'_> {
    pub(super) fn written(&self) -> ExtensionHeader<'_> {
        let ObjectHeader { ns, prefix, name, value } = self;
        ExtensionHeader { ns, prefix, name, value }
    }
}

/// The headers that rules put into a CPIM object: each name once, what is set before what is
/// carried. Each namespace has a prefix of its own.
pub(super) fn object<'a>(edits: &'a Edits, outbound: &Outbound) -> Vec<ObjectHeader<'a>> {
    let is_of_object = |part: &Part| matches!(part, Part::Cpim { .. });
    let mut found: Vec<(&Part, String)> = Vec::new();
    for (part, template) in edits.set.iter().filter(|(part, _)| is_of_object(part)) {
        let values = Values::of_stanza(outbound);
        found.push((part, cut(&template.render(&|index| values.get(index)))));
    }
    for (there, part) in edits.carry.iter().filter(|(_, part)| is_of_object(part)) {
        let value = carried_value(&outbound.stanza, there);
        if let Some(value) = value.filter(|_| found.iter().all(|(known, _)| *known != part)) {
            found.push((part, value));
        }
    }
    let mut namespaces: Vec<&str> = Vec::new();
    let mut headers = Vec::new();
    for (part, value) in found {
        let Part::Cpim { ns, name } = part else { continue };
        let known = namespaces.iter().position(|known| known == ns);
        let number = known.unwrap_or_else(|| {
            namespaces.push(ns);
            namespaces.len() - 1
        });
        headers.push(ObjectHeader { ns, prefix: format!("ns{number}"), name, value });
    }
    headers
}

/// What stands in a stanza under a name, as one line; what is too long is left out, since a part
/// of it may mean something else.
fn carried_value(stanza: &Message, part: &Part) -> Option<String> {
    let text = match part {
        Part::Named(name) => shim_value(stanza, name)?,
        Part::Element { ns, name } => {
            stanza.extensions.iter().find(|child| child.is(name, ns))?.text()
        }
        Part::Cpim { .. } => return None,
    };
    line(&text)
}

/// A text as one line, if it is one that is short enough and says something.
fn line(text: &str) -> Option<String> {
    let line = one_line(text);
    (!line.is_empty() && line.len() <= MAX_VALUE).then_some(line)
}

/// A text as one line, its end cut off where it is too long.
fn cut(text: &str) -> String {
    let mut line = one_line(text);
    while line.len() > MAX_VALUE {
        line.pop();
    }
    line
}

/// Without controls, line ends among them, and without what XML cannot hold.
fn one_line(text: &str) -> String {
    let blank = |c: char| if c.is_control() || !is_xml_char(c) { ' ' } else { c };
    text.trim().chars().map(blank).collect()
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

/// What a rule carries out of the headers of a CPIM object: which of its entries, and the value.
pub(super) fn of_object(edits: &Edits, object: &Cpim) -> Vec<(usize, String)> {
    let value = |(index, (here, _)): (usize, &(Part, Part))| {
        let Part::Cpim { ns, name } = here else { return None };
        let header = object.levels().find_map(|level| level.header(ns, name))?;
        Some((index, line(&header.text())?))
    };
    edits.carry.iter().enumerate().filter_map(value).collect()
}

/// A message to XMPP, changed. `objects` is what [`of_object`] found.
pub(super) fn stanza(
    edits: &Edits,
    inbound: &Inbound,
    objects: &[(usize, String)],
    message: &mut Message,
) {
    let values = Values::of_message(inbound, message);
    let text = |name: &str| edits.text(name, &|index| values.get(index));
    let [subject, body, thread, lang] = ["subject", "body", "thread", "lang"].map(text);
    let element = |(part, template): &(Part, Template)| {
        let Part::Element { ns, name } = part else { return None };
        let text = cut(&template.render(&|index| values.get(index)));
        Some((ns.clone(), name.clone(), text))
    };
    let elements: Vec<_> = edits.set.iter().filter_map(element).collect();
    let texts = |text: String| match text.is_empty() {
        true => Vec::new(),
        false => vec![LangText::plain(text)],
    };
    let some = |text: String| (!text.is_empty()).then(|| Text::from(text));
    left_out(edits, message);
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
    carried(edits, &inbound.request, objects, message);
    elements.into_iter().for_each(|(ns, name, text)| put(message, ns, name, text));
}

fn left_out(edits: &Edits, message: &mut Message) {
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
    message.extensions.retain(|child| !edits.drops_element(&child.name, &child.ns));
}

/// An element that has but a text, in place of one of its name; an empty text takes it away.
fn put(message: &mut Message, ns: Text, name: Text, text: String) {
    message.extensions.retain(|child| !child.is(&name, &ns));
    if !text.is_empty() {
        let element = Element { name, ns, ..Element::default() };
        message.extensions.push(element.with_text(text));
    }
}

/// Header fields of a request, and headers of its CPIM object, as stanza headers and elements.
fn carried(edits: &Edits, request: &Request, objects: &[(usize, String)], message: &mut Message) {
    let mut fields = Vec::new();
    for (index, (here, there)) in edits.carry.iter().enumerate() {
        let value = match field(here) {
            Some(name) => request.headers.get(&name).and_then(|value| line(&value.to_text())),
            None => objects.iter().find(|(of, _)| *of == index).map(|(_, value)| value.clone()),
        };
        let Some(value) = value else { continue };
        match there {
            Part::Element { ns, name } => put(message, ns.clone(), name.clone(), value),
            Part::Named(name) => {
                let header = Element::new("header", ns::SHIM).with_attr("name", name.as_str());
                fields.push(header.with_text(value));
            }
            Part::Cpim { .. } => {}
        }
    }
    add_headers(message, fields);
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
