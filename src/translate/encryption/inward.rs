//! What becomes of a secured body from SIP.

use super::Whose;
use super::body::{Kind, Part};
use super::object::{self, Uncarried};
use crate::codec::mime::Entity;
use crate::codec::sip::{HeaderName, Request, Status};
use crate::codec::xmpp::{Element, LangText, Message, MessageKind, Stanza, ns};
use crate::flow::{Decision, Flag, Inbound, Notice, Refusal, Towards};
use crate::rules::encryption::{Between, Carried, Course, Saying, Scheme};
use crate::rules::{Encryption, Facts, Messages};

/// The elements that keep an OTR text to the device that it is for (XEP-0364 §3).
pub(in crate::translate) fn pinned() -> [Element; 4] {
    [
        Element::new("no-copy", ns::HINTS),
        Element::new("no-permanent-store", ns::HINTS),
        Element::new("private", ns::CARBONS),
        Element::new("encryption", ns::EME).with_attr("namespace", "urn:xmpp:otr:0"),
    ]
}

fn between(inbound: &Inbound) -> Between<'_> {
    Between {
        sender: inbound.from.domain(),
        recipient: inbound.to.domain(),
        native: inbound.native,
    }
}

/// What becomes of a scheme in a message from SIP.
pub(in crate::translate) fn course(
    rules: &Encryption,
    inbound: &Inbound,
    scheme: &Scheme,
    name: &str,
) -> Course {
    rules.decided(&facts(inbound, &scheme.key, name), scheme, &between(inbound))
}

/// What a rule can ask for about a scheme, by its key and its name.
pub(in crate::translate) fn facts<'a>(
    inbound: &'a Inbound,
    key: &'a str,
    name: &'a str,
) -> Facts<'a> {
    Facts { scheme: [key, name], ..inbound.facts() }
}

fn course_of(rules: &Encryption, inbound: &Inbound, part: &Part) -> Course {
    part.scheme(rules).map_or(Course::Refuse, |scheme| course(rules, inbound, scheme, &part.name))
}

/// The element of an object that crosses; its parts are looked at nowhere else. An object within
/// other parts is not the whole of its message, and does not.
pub(in crate::translate) fn relayed(
    rules: &Encryption,
    inbound: &Inbound,
    part: &Part,
    entity: &Entity,
    is_whole: bool,
) -> Result<Element, Status> {
    let refused = Status::UNSUPPORTED_MEDIA_TYPE;
    let carried = part.scheme(rules).and_then(|scheme| scheme.carried);
    if !is_whole
        || carried != Some(Carried::Object)
        || course_of(rules, inbound, part) != Course::Relay
    {
        return Err(refused);
    }
    object::element(rules, entity, &inbound.request.headers).map_err(|uncarried| match uncarried {
        Uncarried::Unknown => refused,
        // The type is one that is read: this object is not (RFC 3261 §21.4.26).
        Uncarried::NotCarriable => Status::NOT_ACCEPTABLE_HERE,
    })
}

/// The answer to what does not cross, with what is told of it.
pub(in crate::translate) fn refusal(
    rules: &Encryption,
    inbound: &Inbound,
    part: &Part,
    status: Status,
) -> (Refusal, Flag) {
    let lang = language(&inbound.request);
    let is_otr = part.kind == Kind::Otr;
    let is_smime = part.scheme(rules).is_some_and(|it| it.carried == Some(Carried::Object));
    // A text is a type that is read, and this one cannot be (RFC 3261 §21.4.26).
    let status = match status {
        _ if is_otr => Status::NOT_ACCEPTABLE_HERE,
        Status::UNSUPPORTED_MEDIA_TYPE if is_smime && part.kind == Kind::Encrypted => {
            Status::new(rules.smime_status).unwrap_or(status)
        }
        status => status,
    };
    let saying = match status {
        Status::NOT_ACCEPTABLE_HERE if !is_otr => Saying::NotCarriable,
        _ => Saying::Warning,
    };
    let asked = facts(inbound, &part.key, &part.name);
    let mut refusal = Refusal::new(status);
    if status == Status::UNSUPPORTED_MEDIA_TYPE {
        refusal = refusal.with(HeaderName::Accept, Messages::ACCEPT);
    }
    let refusal = refusal.warning(&rules.say(&asked, saying, lang, &part.title, "").text);
    let sighting = whose(inbound).sighting(&part.name, &part.place, Decision::Refused);
    let notice =
        (course_of(rules, inbound, part) == Course::Notify).then(|| notice(rules, inbound, part));
    (refusal, Flag { sighting, notice })
}

/// Whose message it is.
pub(in crate::translate) fn whose(inbound: &Inbound) -> Whose<'_> {
    Whose {
        correlation: inbound.correlation,
        towards: Towards::Xmpp,
        from: &inbound.from,
        to: &inbound.to,
        id: inbound.request.call_id.as_str(),
    }
}

/// The language that the sender reads best (RFC 3261 §20.3), else the one that he writes in.
fn language(request: &Request) -> Option<&str> {
    let mut tags = request.headers.items(&HeaderName::AcceptLanguage);
    let asked = tags.next().and_then(|item| item.split(';').next()).map(str::trim);
    asked.or_else(|| request.headers.items(&HeaderName::ContentLanguage).next())
}

/// A word to the XMPP user, from the one who tried to write, so that an answer reaches him.
fn notice(rules: &Encryption, inbound: &Inbound, part: &Part) -> Notice {
    let lang = language(&inbound.request);
    let address = inbound.from.bare_str();
    let asked = facts(inbound, &part.key, &part.name);
    let said = rules.say(&asked, Saying::Notice, lang, &part.title, address);
    let stanza = Message {
        from: Some(inbound.from.clone()),
        to: Some(inbound.to.clone()),
        id: Some(format!("{}-notice", inbound.id).into()),
        kind: MessageKind::Normal,
        lang: Some(said.lang.into()),
        bodies: vec![LangText::plain(said.text)],
        ..Message::default()
    };
    Notice::ToXmpp { link: inbound.link, stanza: Box::new(Stanza::Message(Box::new(stanza))) }
}
