//! The stanza that a MESSAGE becomes.

use super::reading::{MessageContent, Reader, Secured, Unread};
use super::{age, edits, language, shim, xhtml_im};
use crate::codec::sip::{HeaderName, NameAddr, Request, Status};
use crate::codec::xml::{Element, Text};
use crate::codec::xmpp::{LangText, Message, MessageKind, ns};
use crate::flow::{Cause, Counter, Decision, EncryptionReport, Inbound, LocalResponse, Now};
use crate::rules::{Encryption, Messages, ThreadForm};
use crate::translate::encryption::body::Part;
use crate::translate::{encryption, plain};

/// What a MESSAGE means on the XMPP side.
pub(in crate::translate) struct Inward {
    /// None when there is nothing to show.
    pub stanza: Option<Box<Message>>,
    /// What is to be counted besides.
    pub counted: Vec<Counter>,
    /// The id of the stanza, where it is not that of the transaction.
    pub id: Option<Text>,
    /// What was met of encryption.
    pub flags: Vec<EncryptionReport>,
    /// The answer, where it is not for state to give.
    pub refusal: Option<Box<LocalResponse>>,
}

/// The stanza of a MESSAGE. The error is boxed as it is the rarer case and much the larger one.
pub(in crate::translate) fn to_xmpp(
    rules: &Messages,
    means: &Encryption,
    inbound: &Inbound,
    now: Now,
) -> Result<Inward, Box<LocalResponse>> {
    let request = &*inbound.request;
    let read = match request.body.is_empty() {
        true => Ok(MessageContent::default()),
        false => Reader::new(rules, means, inbound).read(),
    };
    let mut said = match read {
        Ok(said) => said,
        Err(Unread::Secured(secured)) => return of_secured(rules, means, inbound, &secured, now),
        Err(Unread::NotUnderstood(refusal) | Unread::Refused(refusal)) => return Err(refusal),
    };
    let flags = flags(inbound, &mut said);
    let delay = age::delay(rules, &request.headers, said.sent, now)?;
    let counted = std::mem::take(&mut said.counted);
    if said.subjects.is_empty()
        && let Some(subject) = request.headers.get(&HeaderName::Subject)
    {
        language::add(&mut said.subjects, LangText::plain(subject.to_text()));
    }
    let text = said.text.take().filter(|text| !text.is_empty());
    // A notification has its meaning without the Subject that its client may have set.
    let is_silent = text.is_none() && (said.subjects.is_empty() || said.notifies);
    if is_silent {
        return Ok(Inward { stanza: None, counted, id: None, flags, refusal: None });
    }
    let (is_otr, objects) = (said.is_otr, std::mem::take(&mut said.headers));
    let id = said.id.take().filter(|_| rules.content_id_to_id);
    let mut message = stanza(rules, inbound, text, said, delay);
    if let Some(id) = &id {
        message.id = Some(id.clone());
    }
    message.extensions.extend(nick(&request.from).filter(|_| rules.display_name_to_nick));
    if !rules.edits.is_empty() {
        edits::stanza(&rules.edits, inbound, &objects, &mut message);
    }
    // Whatever a rule leaves out, these stay.
    if is_otr {
        message.extensions.extend(encryption::pinned());
    }
    if let Some(part) = encryption::otr_of(means, inbound, &message).filter(|_| !is_otr) {
        return Ok(refused(means, inbound, &part, Status::NOT_ACCEPTABLE_HERE));
    }
    fits(&message, inbound.max_stanza_octets)?;
    Ok(Inward { stanza: Some(Box::new(message)), counted, id, flags, refusal: None })
}

/// The answer to what is secured and does not cross.
fn refused(means: &Encryption, inbound: &Inbound, part: &Part, status: Status) -> Inward {
    let (refusal, flag) = encryption::refusal(means, inbound, part, status, Messages::ACCEPT);
    let (refusal, flags) = (Some(Box::new(refusal)), vec![flag]);
    Inward { stanza: None, counted: Vec::new(), id: None, flags, refusal }
}

/// What of encryption a readable message had.
fn flags(inbound: &Inbound, said: &mut MessageContent) -> Vec<EncryptionReport> {
    let whose = encryption::whose(inbound);
    let left_out = std::mem::take(&mut said.left_out).into_iter();
    let otr = said.is_otr.then(|| whose.sighting("otr", "the text", Decision::Relayed));
    left_out
        .map(|(scheme, place, decision)| whose.sighting(&scheme, &place, decision))
        .chain(otr)
        .map(|sighting| EncryptionReport { sighting, notice: None })
        .collect()
}

/// An object that crosses as it is (RFC 3923 §8), or a refusal.
fn of_secured(
    rules: &Messages,
    means: &Encryption,
    inbound: &Inbound,
    secured: &Secured,
    now: Now,
) -> Result<Inward, Box<LocalResponse>> {
    let Secured { part, entity, is_whole } = secured;
    let object = encryption::relayed(means, inbound, part, entity, *is_whole);
    let object = match object {
        Ok(object) => object,
        Err(status) => return Ok(refused(means, inbound, part, status)),
    };
    let delay = age::delay(rules, &inbound.request.headers, None, now)?;
    let said = MessageContent::default();
    let mut message = stanza(rules, inbound, None, said, delay);
    message.lang = None;
    message.extensions.insert(0, object);
    fits(&message, inbound.max_stanza_octets)?;
    let sighting = encryption::whose(inbound).sighting(&part.name, &part.place, Decision::Relayed);
    let (counted, flags) = (Vec::new(), vec![EncryptionReport { sighting, notice: None }]);
    Ok(Inward { stanza: Some(Box::new(message)), counted, id: None, flags, refusal: None })
}

fn stanza(
    rules: &Messages,
    inbound: &Inbound,
    text: Option<Text>,
    said: MessageContent,
    delay: Option<u64>,
) -> Message {
    let request = &*inbound.request;
    let thread = match rules.thread_to_xmpp {
        ThreadForm::Cpim => said.thread.clone(),
        ThreadForm::CallId => Some(request.call_id.as_text().clone()),
        ThreadForm::None => None,
    };
    let is_chat = rules.chat && text.is_some();
    Message {
        kind: if is_chat { MessageKind::Chat } else { MessageKind::Normal },
        from: Some(inbound.from.clone()),
        to: Some(inbound.to.clone()),
        id: Some(inbound.id.as_str().into()),
        lang: said.language.clone().or_else(|| content_language(request)),
        bodies: text.map(LangText::plain).into_iter().collect(),
        thread,
        extensions: extensions(rules, request, &said, delay),
        subjects: said.subjects,
        ..Message::default()
    }
}

/// The first tag that is one (RFC 7572 Table 2).
fn content_language(request: &Request) -> Option<Text> {
    let mut tags = request.headers.items(&HeaderName::ContentLanguage);
    tags.find(|tag| language::is_tag(tag)).map(Text::from)
}

fn extensions(
    rules: &Messages,
    request: &Request,
    said: &MessageContent,
    delay: Option<u64>,
) -> Vec<Element> {
    let mut extensions = Vec::new();
    if let Some(children) = &said.xhtml
        && rules.xhtml_im
        && !children.is_empty()
    {
        extensions.push(xhtml_im::element(children.clone()));
    }
    if let Some(url) = &said.url {
        let url = Element::new("url", ns::OOB).with_text(url.clone());
        extensions.push(Element::new("x", ns::OOB).with_child(url));
    }
    extensions.extend(delay.and_then(age::element));
    if rules.max_forwards_header {
        extensions.push(shim::element(request.max_forwards));
    }
    extensions
}

/// What a sender is called (XEP-0172 §4.2). It goes with every message: a client that was not there
/// for the first of a conversation has no other.
fn nick(from: &NameAddr) -> Option<Element> {
    let name = plain::name_of(from.display_name()?, from.uri())?;
    Some(Element::new("nick", ns::NICK).with_text(name))
}

/// A stanza beyond the server's bound would close the stream (RFC 6120 §13.12). All that is written
/// counts: a character may become six octets (`&quot;`), in whichever field.
fn fits(message: &Message, bound: usize) -> Result<(), Box<LocalResponse>> {
    let mut octets = Vec::with_capacity(512);
    message.write(&mut octets);
    match octets.len() <= bound {
        true => Ok(()),
        false => Err(Box::new(LocalResponse::new(Cause::TooLong))),
    }
}
