//! What was sent, as octets and as named lines that a test can ask for.

use std::fmt;

use bytes::Bytes;

use crate::codec::mime::{Cpim, Strictness, cpim};
use crate::codec::pidf::{self, Document as Pidf};
use crate::codec::sip::{self, Headers, Request, Response};
use crate::codec::xml;
use crate::codec::xml::{Element, Limits};
use crate::codec::xmpp::{self, LangText, Stanza, StanzaError, StreamContext, ns};

/// Where something went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// To SIP.
    Sip,
    /// To XMPP, by this component link.
    Xmpp(usize),
}

/// One named part of what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// All that was sent for one message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The messages in their order, as text.
    pub sent: Vec<(Side, String)>,
    /// The parts of the last request, of the last stanza, and of the last response.
    pub lines: Vec<Line>,
    /// End-to-end encryption that was met: the scheme, where it was, what was decided.
    pub encrypted: Vec<String>,
    /// The schemes of it, by their names.
    pub schemes: Vec<String>,
}

impl Outcome {
    /// The text of a part.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let named = |line: &&Line| line.name.eq_ignore_ascii_case(name);
        self.lines.iter().rev().find(named).map(|line| line.text.as_str())
    }

    pub(super) fn note(&mut self, side: Side, octets: &Bytes) {
        self.sent.push((side, String::from_utf8_lossy(octets).into_owned()));
        let lines = match side {
            Side::Sip => match sip::parse(octets.clone()) {
                Ok(sip::Message::Request(request)) => {
                    // A request sent again in another form: that one counts.
                    self.lines.clear();
                    of_request(&request)
                }
                Ok(sip::Message::Response(response)) => of_response(&response),
                Err(_) => return,
            },
            Side::Xmpp(_) => {
                let context = StreamContext::component(Limits::default());
                let Ok(stanza) = xmpp::parse(&context, octets.clone()) else { return };
                // A NOTIFY is answered before its stanzas go out.
                self.lines.retain(|line| is_of_response(&line.name));
                of_stanza(&stanza)
            }
        };
        self.lines.extend(lines);
    }
}

impl Side {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Side::Sip => "sip",
            Side::Xmpp(_) => "xmpp",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.encrypted.iter().try_for_each(|met| writeln!(f, "encryption: {met}"))?;
        if self.sent.is_empty() {
            writeln!(f, "--- nothing is sent")?;
        }
        for (to, text) in &self.sent {
            writeln!(f, "--- to {}\n{}", to.name(), text.replace("\r\n", "\n").trim_end())?;
        }
        Ok(())
    }
}

#[derive(Default)]
struct Lines(Vec<Line>);

impl Lines {
    fn add(&mut self, name: &str, text: impl Into<String>) {
        self.0.push(Line { name: name.to_owned(), text: text.into() });
    }

    fn some(&mut self, name: &str, text: Option<impl ToString>) {
        if let Some(text) = text {
            self.add(name, text.to_string());
        }
    }

    fn headers(&mut self, headers: &Headers) {
        for header in headers.iter() {
            let text = header.value.to_text().to_string();
            self.add(&header.name.as_str().to_ascii_lowercase(), text);
        }
    }

    fn texts(&mut self, name: &str, texts: &[LangText]) {
        for text in texts {
            match &text.lang {
                Some(lang) => self.add(&format!("{name}.{lang}"), &*text.text),
                None => self.add(name, &*text.text),
            }
        }
    }
}

fn of_request(request: &Request) -> Vec<Line> {
    let mut lines = Lines::default();
    lines.add("method", request.method.as_str());
    lines.add("request-uri", request.uri.as_str());
    lines.add("from", request.from.uri().as_str());
    lines.some("from.name", request.from.display_name());
    lines.add("to", request.to.uri().as_str());
    lines.add("call-id", request.call_id.as_str());
    lines.some("max-forwards", request.max_forwards);
    lines.headers(&request.headers);
    body(&mut lines, &request.headers, &request.body);
    lines.0
}

/// The body; of a CPIM object its headers and what is within.
fn body(lines: &mut Lines, headers: &Headers, body: &Bytes) {
    let is_object = headers.content_type().is_some_and(|kind| kind.starts_with(cpim::MEDIA_TYPE));
    let object =
        is_object.then(|| Cpim::parse(body.clone(), Strictness::Strict)).and_then(Result::ok);
    let Some(object) = object else {
        let kind = headers.content_type().unwrap_or_default();
        if kind.starts_with(pidf::MEDIA_TYPE) {
            document(lines, body);
        }
        if !body.is_empty() {
            lines.add("body", String::from_utf8_lossy(body));
        }
        return;
    };
    let text = String::from_utf8_lossy(body);
    let (head, content) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let (mime, within) = content.split_once("\r\n\r\n").unwrap_or((content, ""));
    for line in head.lines().chain(mime.lines()) {
        if let Some((name, value)) = line.split_once(':') {
            lines.add(&format!("cpim.{}", name.to_ascii_lowercase()), value.trim_start());
        }
    }
    if object.content().is(pidf::MEDIA_TYPE) {
        document(lines, &object.content().body);
    }
    for header in object.levels().flat_map(|level| &level.headers) {
        if header.ns != cpim::CORE_NAMESPACE {
            lines.add(&format!("cpim.{{{}}}{}", header.ns, header.name), header.text());
        }
    }
    let said = object.content().text().map_or_else(|_| within.to_owned(), |text| text.to_string());
    lines.add("body", said);
}

/// What a presence document says: of the person, and of its last tuple.
fn document(lines: &mut Lines, body: &Bytes) {
    let Ok(text) = xml::Text::try_from(body.clone()) else { return };
    let Ok(document) = Pidf::parse(&text, pidf::Limits::DEFAULT) else { return };
    lines.add("pidf.entity", &*document.entity);
    for tuple in &document.tuples {
        lines.add("pidf.tuple", &*tuple.id);
        lines.some("pidf.basic", tuple.status.basic.map(pidf::Basic::name));
        lines.some("pidf.show", tuple.status.show.map(xmpp::Show::name));
        lines.some("pidf.im", tuple.status.im.as_ref());
        let contact = tuple.contact.as_ref();
        lines.some("pidf.contact", contact.map(|contact| &*contact.uri));
        for note in &tuple.notes {
            match &note.lang {
                Some(lang) => lines.add(&format!("pidf.note.{lang}"), &*note.text),
                None => lines.add("pidf.note", &*note.text),
            }
        }
    }
    for person in &document.persons {
        for activity in person.activities.iter().flat_map(|activities| &activities.list) {
            lines.add("pidf.activity", activity.name());
        }
        if person.user_input.as_ref().is_some_and(|input| input.is_idle) {
            lines.add("pidf.idle", "true");
        }
    }
}

fn is_of_response(name: &str) -> bool {
    matches!(name, "status" | "reason") || name.starts_with("response.")
}

fn of_response(response: &Response) -> Vec<Line> {
    let mut lines = Lines::default();
    lines.add("status", response.status.code().to_string());
    lines.add("reason", response.reason.to_text());
    for header in response.headers.iter() {
        let name = format!("response.{}", header.name.as_str().to_ascii_lowercase());
        lines.add(&name, header.value.to_text().to_string());
    }
    lines.0
}

fn of_stanza(stanza: &Stanza) -> Vec<Line> {
    let mut lines = Lines::default();
    match stanza {
        Stanza::Message(message) => {
            lines.add("stanza", "message");
            lines.some("from", message.from.as_ref());
            lines.some("to", message.to.as_ref());
            lines.some("id", message.id.as_ref());
            lines.add("type", message.kind.name().unwrap_or("normal"));
            lines.some("lang", message.lang.as_ref());
            lines.texts("subject", &message.subjects);
            lines.texts("body", &message.bodies);
            lines.some("thread", message.thread.as_ref());
            error(&mut lines, message.error.as_ref());
            extensions(&mut lines, &message.extensions);
        }
        Stanza::Presence(presence) => {
            lines.add("stanza", "presence");
            lines.some("from", presence.from.as_ref());
            lines.some("to", presence.to.as_ref());
            lines.some("id", presence.id.as_ref());
            lines.add("type", presence.kind.name().unwrap_or("available"));
            lines.some("show", presence.show.map(xmpp::Show::name));
            lines.texts("note", &presence.statuses);
            lines.some("priority", presence.priority);
            error(&mut lines, presence.error.as_ref());
            extensions(&mut lines, &presence.extensions);
        }
        Stanza::Iq(iq) => {
            lines.add("stanza", "iq");
            lines.some("from", iq.from.as_ref());
            lines.some("to", iq.to.as_ref());
            lines.add("id", &*iq.id);
            lines.add("type", iq.kind.name());
            error(&mut lines, iq.error.as_ref());
            extensions(&mut lines, iq.payload.as_slice());
        }
        _ => {}
    }
    lines.0
}

fn error(lines: &mut Lines, error: Option<&StanzaError>) {
    let Some(error) = error else { return };
    lines.add("error", error.condition.name());
    lines.add("error-type", error.kind.name());
    // Its language is the gateway's own: no test asks for that.
    lines.some("error-text", error.texts.first().map(|text| &*text.text));
}

fn extensions(lines: &mut Lines, extensions: &[Element]) {
    for child in extensions {
        if child.is("headers", ns::SHIM) {
            for header in child.elements() {
                let name = header.attr("name").map_or("", |name| name);
                lines.add(&format!("header.{}", name.to_ascii_lowercase()), &*header.text());
            }
            continue;
        }
        let mut octets = Vec::new();
        child.write(&mut octets, "");
        lines.add(&format!("element.{}", child.name), String::from_utf8_lossy(&octets));
    }
}
