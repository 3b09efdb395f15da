//! The form of a message on the SIP side.

use bytes::Bytes;
use sha1::{Digest, Sha1};
use time::OffsetDateTime;

use super::edits::Values;
use super::shim::{Hops, hops};
use super::{age, edits, language};
use crate::codec::mime::cpim::{STOX_NAMESPACE, THREAD};
use crate::codec::mime::{CpimObject, ExtensionHeader, Party, SmimeObject, write_crlf};
use crate::codec::sip::{CallId, HeaderName, HeaderValue, Headers, NameAddr};
use crate::codec::xml::Text;
use crate::codec::xmpp::{LangText, Message, ns};
use crate::flow::{Long, Now, Outbound, Profile, Rendered};
use crate::rules::{AddressScheme, Messages, ThreadForm, im_uri};
use crate::translate::plain;

/// Octets of a thread that crosses in an object; a longer one is left out.
const MAX_THREAD: usize = 256;
/// The longest Call-ID that a thread may become.
const MAX_CALL_ID: usize = 128;

/// The From of a request, with the nick of its sender for a display name (XEP-0172), unless that
/// looks like an address.
pub(in crate::translate) fn display_name(rules: &Messages, outbound: &mut Outbound) {
    let wanted = rules.nick_to_display_name && !rules.edits.drops_element("nick", ns::NICK);
    let nick = outbound.stanza.extension("nick", ns::NICK).filter(|_| wanted);
    let Some(name) = nick.and_then(|nick| plain::name(&nick.text())) else { return };
    outbound.from = NameAddr::clone(&outbound.from).display(&name);
}

/// The message in the form that its profile says.
pub(in crate::translate) fn to_sip(rules: &Messages, outbound: &Outbound) -> Rendered {
    let outbound = &*edits::kept(&rules.edits, outbound);
    let stanza = &outbound.stanza;
    let body = language::choose(&stanza.bodies, stanza.lang.as_ref());
    let subject = language::choose(&stanza.subjects, stanza.lang.as_ref());
    let lang = body.and_then(|body| body.lang.as_ref()).or(stanza.lang.as_ref());
    let lang = lang.map(|lang| &**lang).filter(|lang| language::is_tag(lang));
    let said = said(rules, outbound, body);
    let text = octets(rules, &said);
    let first_sent = age::first_sent(&stanza.extensions);
    let mut headers = Headers::default();
    if let Some(subject) = subject.filter(|_| is_first(outbound)) {
        headers.push(HeaderName::Subject, HeaderValue::text(&subject.text));
    }
    if let Some(lang) = lang {
        headers.push(HeaderName::ContentLanguage, HeaderValue::text(lang));
    }
    age::stamp(rules, &mut headers, first_sent, outbound.received);
    let body = match outbound.profile {
        Profile::Cpim => {
            headers.push(HeaderName::ContentType, HeaderValue::text("message/cpim"));
            let sent = first_sent.or_else(|| date_time(outbound.received));
            cpim(rules, outbound, sent, lang, &text)
        }
        Profile::Text => {
            let plain = if text.is_ascii() { "text/plain" } else { "text/plain;charset=UTF-8" };
            headers.push(HeaderName::ContentType, HeaderValue::text(plain));
            text
        }
        // An object is none of this: see `object`.
        Profile::Object => Vec::new(),
    };
    if !rules.edits.is_empty() {
        edits::header(&rules.edits, outbound, &mut headers);
    }
    let mut rendered = rendered(rules, outbound, headers, body.into());
    rendered.long = rules.split.then_some(Long { text: said, crlf: rules.crlf });
    rendered
}

/// Whether it is the whole message or its first part: what a message has once is there.
fn is_first(outbound: &Outbound) -> bool {
    outbound.part.as_ref().is_none_or(|part| part.number == 1)
}

/// The text: of a part what it says, else what a rule sets, else what was said.
fn said(rules: &Messages, outbound: &Outbound, body: Option<&LangText>) -> Text {
    if let Some(part) = &outbound.part {
        return part.text.clone();
    }
    let set = set_body(rules, outbound).map(Text::from);
    set.or_else(|| body.map(|body| body.text.clone())).unwrap_or_default()
}

/// An RFC 3923 object as it is: nothing of the stanza around it but its conversation.
pub(in crate::translate) fn object(
    rules: &Messages,
    outbound: &Outbound,
    object: SmimeObject,
) -> Rendered {
    let mut headers = Headers::default();
    for (name, value) in &object.headers {
        if let Some(name) = HeaderName::new(&(*name).into()) {
            headers.push(name, HeaderValue::text(value));
        }
    }
    rendered(rules, outbound, headers, object.body)
}

fn rendered(rules: &Messages, outbound: &Outbound, headers: Headers, body: Bytes) -> Rendered {
    let stanza = &outbound.stanza;
    let thread = stanza.thread.as_ref().filter(|_| rules.thread_to_sip == ThreadForm::CallId);
    let max_forwards = match hops(stanza) {
        Hops::Left(left) => left,
        Hops::Spent => 0,
    };
    Rendered {
        headers,
        body,
        conversation: thread.and_then(call_id),
        max_request_octets: rules.max_request_octets,
        max_forwards,
        long: None,
        shows: outbound.shows,
    }
}

/// The text that a rule sets instead of what was said.
fn set_body(rules: &Messages, outbound: &Outbound) -> Option<String> {
    if rules.edits.is_empty() {
        return None;
    }
    let values = Values::of_stanza(outbound);
    rules.edits.text("body", &|index| values.get(index))
}

fn octets(rules: &Messages, text: &str) -> Vec<u8> {
    if !rules.crlf {
        return text.as_bytes().to_vec();
    }
    let mut out = Vec::with_capacity(text.len() + 16);
    write_crlf(&mut out, text);
    out
}

/// The object as the strictest known reader wants it: the URIs of the SIP headers, no names.
fn cpim(
    rules: &Messages,
    outbound: &Outbound,
    sent: Option<OffsetDateTime>,
    lang: Option<&str>,
    text: &[u8],
) -> Vec<u8> {
    let (from, to) = (outbound.from.uri(), &outbound.target);
    let im = |uri| (rules.cpim_scheme == AddressScheme::Im).then(|| im_uri(uri, rules.im_escaping));
    let (im_from, im_to) = (im(from).flatten(), im(to).flatten());
    let (from, to) = (im_from.as_ref().unwrap_or(from), im_to.as_ref().unwrap_or(to));
    let to = [Party { formal_name: None, uri: to.as_str() }];
    let formal_name = outbound.from.display_name();
    let subjects = if is_first(outbound) { subjects(&outbound.stanza) } else { Vec::new() };
    let subjects: Vec<(Option<&str>, &str)> = subjects
        .iter()
        .map(|subject| {
            (subject.lang.as_deref().filter(|lang| language::is_tag(lang)), &*subject.text)
        })
        .collect();
    let content_id = content_id(rules, outbound);
    let mut content_headers = Vec::new();
    content_headers.extend(lang.map(|lang| ("Content-Language", lang)));
    content_headers.extend(content_id.as_deref().map(|id| ("Content-ID", id)));
    let extensions = edits::object(&rules.edits, outbound);
    let extensions: Vec<_> = thread(rules, &outbound.stanza)
        .into_iter()
        .chain(extensions.iter().map(edits::ObjectHeader::written))
        .collect();
    let object = CpimObject {
        from: Party { formal_name, uri: from.as_str() },
        to: &to,
        date_time: sent.filter(|_| rules.date_time),
        subjects: &subjects,
        extensions: &extensions,
        content_headers: &content_headers,
        with_formal_names: rules.formal_name,
        ..CpimObject::default()
    };
    let mut octets = Vec::with_capacity(256 + text.len());
    object.write(&mut octets, text);
    octets
}

/// The thread as a header of the object: RFC 3862 has none for it.
fn thread<'a>(rules: &Messages, stanza: &'a Message) -> Option<ExtensionHeader<'a>> {
    let value = stanza.thread.as_deref().map(str::trim)?;
    let is_line =
        !value.is_empty() && value.len() <= MAX_THREAD && !value.contains(char::is_control);
    (is_line && rules.thread_to_sip == ThreadForm::Cpim).then_some(ExtensionHeader {
        ns: STOX_NAMESPACE,
        prefix: "stox",
        name: THREAD,
        value,
    })
}

/// The id of a stanza as a Content-ID (RFC 3922 §4.1.3), where it makes a legal one.
fn content_id(rules: &Messages, outbound: &Outbound) -> Option<String> {
    let id = outbound.stanza.id.as_deref().filter(|_| rules.id_to_content_id)?;
    // A part is not the message of this id.
    is_first(outbound).then_some(())?;
    let atom = |text: &str| {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
        !text.is_empty() && text.bytes().all(legal)
    };
    match id.split_once('@') {
        Some((left, right)) => (atom(left) && atom(right)).then(|| format!("<{id}>")),
        None => atom(id).then(|| format!("<{id}@{}>", outbound.recipient.domain())),
    }
}

/// The subjects of an object, one for each language; the one that is the SIP Subject as well
/// comes first.
fn subjects(stanza: &Message) -> Vec<LangText> {
    let mut subjects = Vec::new();
    let first = language::choose(&stanza.subjects, stanza.lang.as_ref());
    for subject in first.into_iter().chain(&stanza.subjects) {
        language::add(&mut subjects, subject.clone());
    }
    subjects
}

fn date_time(now: Now) -> Option<OffsetDateTime> {
    let seconds = i64::try_from(now.unix_ms / 1_000).ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

/// A thread as a Call-ID: itself where it is a legal one, else a token that is the same for the
/// same thread (RFC 7572 Table 1).
fn call_id(thread: &Text) -> Option<CallId> {
    if thread.is_empty() {
        return None;
    }
    if thread.len() <= MAX_CALL_ID
        && is_call_id(thread)
        && let Ok(legal) = CallId::new(thread.clone())
    {
        return Some(legal);
    }
    let digest = Sha1::digest(thread.as_bytes());
    let hex: String = digest.iter().map(|octet| format!("{octet:02x}")).collect();
    CallId::new(format!("thread-{hex}").into()).ok()
}

/// RFC 3261 §25.1: `word [ "@" word ]`.
fn is_call_id(text: &str) -> bool {
    let is_word = |part: &str| {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"-.!%*_+`'~()<>:\\\"/[]?{}".contains(&b);
        !part.is_empty() && part.bytes().all(legal)
    };
    match text.split_once('@') {
        Some((left, right)) => is_word(left) && is_word(right),
        None => is_word(text),
    }
}
