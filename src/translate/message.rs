//! Messages in both directions (RFC 7572, RFC 3862, RFC 3428).

use sha1::{Digest, Sha1};
use time::OffsetDateTime;

use crate::codec::mime::{
    Cpim, CpimError, CpimObject, Entity, MediaType, Party, Strictness, TextError,
};
use crate::codec::sip::{CallId, HeaderName, HeaderValue, Headers, Request, Status};
use crate::codec::xmpp::{LangText, Message, Text};
use crate::flow::{Inbound, Now, Outbound, Profile, Refusal, Rendered};
use crate::rules::Messages;

/// The bodies that are read, for the Accept of a 415.
const ACCEPT: &str = "text/plain, message/cpim";
/// Media types that are taken and mean nothing to show: states and notifications of the peer's
/// client (RFC 3994, RFC 5438).
const SILENT: [&str; 2] = ["application/im-iscomposing+xml", "message/imdn+xml"];
/// The longest Call-ID that a thread may become.
const MAX_CALL_ID: usize = 128;

/// The form of a message on the SIP side.
pub(super) fn to_sip(rules: &Messages, outbound: &Outbound) -> Rendered {
    let stanza = &outbound.stanza;
    let body = choose(&stanza.bodies, stanza.lang.as_ref());
    let subject = choose(&stanza.subjects, stanza.lang.as_ref());
    let lang = body.and_then(|body| body.lang.as_ref()).or(stanza.lang.as_ref());
    let text = body.map(|body| &*body.text).unwrap_or_default();
    let mut headers = Headers::default();
    if let Some(subject) = subject.filter(|subject| !subject.text.is_empty()) {
        headers.push(HeaderName::Subject, HeaderValue::text(&subject.text));
    }
    if let Some(lang) = lang.filter(|lang| is_language_tag(lang)) {
        headers.push(HeaderName::ContentLanguage, HeaderValue::text(lang));
    }
    let body = match outbound.profile {
        Profile::Cpim => {
            headers.push(HeaderName::ContentType, HeaderValue::text("message/cpim"));
            cpim(outbound, subject, text)
        }
        Profile::Text => {
            let plain = if text.is_ascii() { "text/plain" } else { "text/plain;charset=UTF-8" };
            headers.push(HeaderName::ContentType, HeaderValue::text(plain));
            text.as_bytes().to_vec()
        }
    };
    Rendered {
        headers,
        body: body.into(),
        conversation: stanza.thread.as_ref().and_then(call_id),
        max_request_octets: rules.max_request_octets,
    }
}

/// The object as the strictest known reader wants it: the URIs of the SIP headers, no names.
fn cpim(outbound: &Outbound, subject: Option<&LangText>, text: &str) -> Vec<u8> {
    let to = [Party { formal_name: None, uri: outbound.to.uri().as_str() }];
    let subject = subject.map(|subject| {
        let lang = subject.lang.as_deref().filter(|lang| is_language_tag(lang));
        [(lang, &*subject.text)]
    });
    let object = CpimObject {
        from: Party { formal_name: None, uri: outbound.from.uri().as_str() },
        to: &to,
        date_time: date_time(outbound.received),
        subjects: subject.as_ref().map(<[_; 1]>::as_slice).unwrap_or_default(),
        ..CpimObject::default()
    };
    let mut octets = Vec::with_capacity(256 + text.len());
    object.write(&mut octets, text.as_bytes());
    octets
}

fn date_time(now: Now) -> Option<OffsetDateTime> {
    let seconds = i64::try_from(now.unix_ms / 1_000).ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

/// Of several texts the one in the stanza's language, else the first that names none, else the
/// first (RFC 6121 §5.2.3).
fn choose<'a>(texts: &'a [LangText], lang: Option<&Text>) -> Option<&'a LangText> {
    let of = |wanted: Option<&Text>| texts.iter().find(|text| text.lang.as_ref() == wanted);
    of(lang).or_else(|| of(None)).or_else(|| texts.first())
}

/// RFC 3261 §20.13: letters, digits and hyphens.
fn is_language_tag(tag: &str) -> bool {
    !tag.is_empty() && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
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

/// The stanza of a MESSAGE; none when there is nothing to show. The error is boxed as it is the
/// rarer case and much the larger one.
pub(super) fn to_xmpp(inbound: &Inbound) -> Result<Option<Message>, Box<Refusal>> {
    let request = &*inbound.request;
    let headers = &request.headers;
    let subject = headers.get(&HeaderName::Subject).map(|value| value.to_text());
    let language = headers.items(&HeaderName::ContentLanguage).next().map(Text::from);
    let mut content = Content { text: None, subjects: Vec::new(), language };
    if !request.body.is_empty() && !content.read(request)? {
        return Ok(None);
    }
    if content.subjects.is_empty()
        && let Some(text) = subject.filter(|subject| !subject.is_empty())
    {
        content.subjects.push(LangText { lang: None, text });
    }
    if content.text.is_none() && content.subjects.is_empty() {
        return Ok(None);
    }
    let message = Message {
        from: Some(inbound.from.clone()),
        to: Some(inbound.to.clone()),
        id: Some(inbound.id.as_str().into()),
        lang: content.language,
        bodies: content.text.map(|text| LangText { lang: None, text }).into_iter().collect(),
        subjects: content.subjects,
        thread: Some(request.call_id.as_text().clone()),
        ..Message::default()
    };
    fits(&message, inbound.max_stanza_octets)?;
    Ok(Some(message))
}

/// A stanza beyond the server's bound would close the stream (RFC 6120 §13.12).
fn fits(message: &Message, bound: usize) -> Result<(), Box<Refusal>> {
    let text: usize = message.bodies.iter().chain(&message.subjects).map(|t| t.text.len()).sum();
    // An escaped character has at most six octets (&quot;), the rest of a stanza some thousand.
    if text.saturating_mul(6).saturating_add(8_192) <= bound {
        return Ok(());
    }
    let mut octets = Vec::new();
    message.write(&mut octets);
    if octets.len() <= bound { Ok(()) } else { refuse(Status::REQUEST_ENTITY_TOO_LARGE) }
}

/// What a body says.
struct Content {
    text: Option<Text>,
    subjects: Vec<LangText>,
    language: Option<Text>,
}

impl Content {
    /// Reads the body; false when it is one that means nothing to show.
    fn read(&mut self, request: &Request) -> Result<bool, Box<Refusal>> {
        let headers = &request.headers;
        let mut coded = headers.items(&HeaderName::ContentEncoding);
        if coded.any(|coding| !coding.eq_ignore_ascii_case("identity")) {
            let refusal = Refusal::new(Status::UNSUPPORTED_MEDIA_TYPE);
            return Err(Box::new(refusal.with(HeaderName::AcceptEncoding, "identity")));
        }
        let Some(media_type) = headers.content_type() else {
            return malformed("a body needs a Content-Type");
        };
        let Ok(media_type) = MediaType::parse(media_type) else {
            return malformed("the Content-Type cannot be read");
        };
        let entity = Entity::new(media_type, request.body.clone());
        if entity.is("message/cpim") {
            return self.read_cpim(request);
        }
        self.read_entity(&entity)
    }

    fn read_entity(&mut self, entity: &Entity) -> Result<bool, Box<Refusal>> {
        if SILENT.iter().any(|silent| entity.is(silent)) {
            return Ok(false);
        }
        if !entity.is("text/plain") {
            return unsupported(ACCEPT);
        }
        match entity.text() {
            Ok(text) => self.text = Some(text),
            Err(TextError::UnknownCharset) => {
                return unsupported("text/plain;charset=utf-8, message/cpim");
            }
            Err(error) => return malformed(&error.to_string()),
        }
        Ok(true)
    }

    fn read_cpim(&mut self, request: &Request) -> Result<bool, Box<Refusal>> {
        let object = match Cpim::parse(request.body.clone(), Strictness::Lenient) {
            Ok(object) => object,
            Err(error) => return malformed(&cpim_words(error)),
        };
        let known = |ns: &str| ns == CPIM_NAMESPACE || ns == IMDN_NAMESPACE;
        if let Some(required) = object.all_required().find(|required| !known(&required.ns)) {
            let refusal = Refusal::new(Status::NOT_ACCEPTABLE_HERE);
            let words = format!("CPIM Require not supported: {}", required.name);
            return Err(Box::new(refusal.warning(&words)));
        }
        for subject in object.subjects() {
            // One subject for each language (RFC 6121 §5.2.4).
            if self.subjects.iter().all(|known| known.lang != subject.lang) {
                self.subjects.push(LangText { lang: subject.lang, text: subject.text });
            }
        }
        let entity = object.content();
        if let Some(language) = &entity.language {
            self.language = Some(language.clone());
        }
        self.read_entity(entity)
    }
}

/// RFC 3862 §3.4.
const CPIM_NAMESPACE: &str = "urn:ietf:params:cpim-headers:";
/// RFC 5438 §6.
const IMDN_NAMESPACE: &str = "urn:ietf:params:imdn";

fn cpim_words(error: CpimError) -> String {
    format!("message/cpim: {error}")
}

fn refuse<T>(status: Status) -> Result<T, Box<Refusal>> {
    Err(Box::new(Refusal::new(status)))
}

fn malformed<T>(why: &str) -> Result<T, Box<Refusal>> {
    Err(Box::new(Refusal::new(Status::BAD_REQUEST).warning(why)))
}

/// RFC 3261 §21.4.13: a 415 says what is read instead.
fn unsupported<T>(accept: &str) -> Result<T, Box<Refusal>> {
    let refusal = Refusal::new(Status::UNSUPPORTED_MEDIA_TYPE);
    Err(Box::new(refusal.with(HeaderName::Accept, accept)))
}
