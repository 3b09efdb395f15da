//! What becomes of a secured body from SIP.

use super::Whose;
use super::body::{Kind, Part};
use super::object::{self, Uncarried};
use super::otr;
use crate::codec::mime::Entity;
use crate::codec::sip::{HeaderName, Request, Status};
use crate::codec::xml::Element;
use crate::codec::xmpp::{Jid, LangText, Message, MessageKind, Stanza, ns};
use crate::flow::{
    Correlation, Decision, EncryptionReport, Inbound, LinkId, LocalResponse, Notice, NotifyRequest,
    Towards,
};
use crate::rules::encryption::{Between, Carried, Handling, Saying, Scheme};
use crate::rules::{Encryption, Facts};

/// The elements that keep an OTR text to the device that it is for (XEP-0364 §3).
pub(in crate::translate) fn pinned() -> [Element; 4] {
    [
        Element::new("no-copy", ns::HINTS),
        Element::new("no-permanent-store", ns::HINTS),
        Element::new("private", ns::CARBONS),
        Element::new("encryption", ns::EME).with_attr("namespace", "urn:xmpp:otr:0"),
    ]
}

/// What came from SIP, whichever its method.
#[derive(Debug, Clone, Copy)]
pub(in crate::translate) struct Arrived<'a> {
    correlation: Correlation,
    link: LinkId,
    pub(super) request: &'a Request,
    pub(super) from: &'a Jid,
    pub(super) to: &'a Jid,
    pub(super) id: &'a str,
    native: bool,
    asked: Facts<'a>,
}

impl<'a> From<&'a Inbound> for Arrived<'a> {
    fn from(inbound: &'a Inbound) -> Self {
        let Inbound { correlation, link, request, from, to, id, native, .. } = inbound;
        let (correlation, link, native) = (*correlation, *link, *native);
        Arrived { correlation, link, request, from, to, id, native, asked: inbound.facts() }
    }
}

impl<'a> From<&'a NotifyRequest> for Arrived<'a> {
    fn from(notified: &'a NotifyRequest) -> Self {
        let NotifyRequest { correlation, request, pair, id, native, .. } = notified;
        let (correlation, link, native) = (*correlation, pair.link, *native);
        let (from, to, asked) = (&pair.sip_user, &pair.xmpp_user, notified.facts());
        Arrived { correlation, link, request, from, to, id, native, asked }
    }
}

/// What becomes of a scheme in a message from SIP.
pub(in crate::translate) fn course<'a>(
    rules: &Encryption,
    arrived: impl Into<Arrived<'a>>,
    scheme: &Scheme,
    name: &str,
) -> Handling {
    let arrived = arrived.into();
    let Arrived { from, to, native, .. } = arrived;
    let between = Between { sender: from.domain(), recipient: to.domain(), native };
    rules.decided(&facts(arrived, &scheme.key, name), scheme, &between)
}

/// What a rule can ask for about a scheme, by its key and its name.
pub(in crate::translate) fn facts<'a>(
    arrived: impl Into<Arrived<'a>>,
    key: &'a str,
    name: &'a str,
) -> Facts<'a> {
    Facts { scheme: [key, name], ..arrived.into().asked }
}

pub(super) fn course_of(rules: &Encryption, arrived: Arrived<'_>, part: &Part) -> Handling {
    part.scheme(rules).map_or(Handling::Refuse, |scheme| course(rules, arrived, scheme, &part.name))
}

/// The element of an object that crosses; its parts are looked at nowhere else. An object within
/// other parts is not the whole of its message, and does not.
pub(in crate::translate) fn relayed<'a>(
    rules: &Encryption,
    arrived: impl Into<Arrived<'a>>,
    part: &Part,
    entity: &Entity,
    is_whole: bool,
) -> Result<Element, Status> {
    let (refused, arrived) = (Status::UNSUPPORTED_MEDIA_TYPE, arrived.into());
    let carried = part.scheme(rules).and_then(|scheme| scheme.carried);
    if !is_whole
        || carried != Some(Carried::Object)
        || course_of(rules, arrived, part) != Handling::Relay
    {
        return Err(refused);
    }
    object::element(rules, entity, &arrived.request.headers).map_err(|uncarried| match uncarried {
        Uncarried::Unknown => refused,
        // The type is one that is read: this object is not (RFC 3261 §21.4.26).
        Uncarried::NotCarriable => Status::NOT_ACCEPTABLE_HERE,
    })
}

/// OTR in what a message to XMPP has become, its subjects and names among it, if it must not cross.
pub(in crate::translate) fn otr_of(
    rules: &Encryption,
    inbound: &Inbound,
    message: &Message,
) -> Option<Part> {
    let place = otr::place_in(message)?;
    let named = rules.otr()?;
    let crosses = course(rules, inbound, named.scheme, &named.name) == Handling::Relay;
    (!crosses).then(|| Part::new(&named, Kind::Otr, place))
}

/// The answer to what does not cross, with what is told of it.
pub(in crate::translate) fn refusal<'a>(
    rules: &Encryption,
    arrived: impl Into<Arrived<'a>>,
    part: &Part,
    status: Status,
    accept: &str,
) -> (LocalResponse, EncryptionReport) {
    let arrived = arrived.into();
    let lang = language(arrived.request);
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
    let asked = facts(arrived, &part.key, &part.name);
    let words = rules.say(&asked, saying, lang, &part.title, "").text;
    let mut refusal = LocalResponse::worded(status, &words).warning(&words);
    if status == Status::UNSUPPORTED_MEDIA_TYPE {
        refusal = refusal.with(HeaderName::Accept, accept);
    }
    let sighting = whose(arrived).sighting(&part.name, &part.place, Decision::Refused);
    let notice =
        (course_of(rules, arrived, part) == Handling::Notify).then(|| notice(rules, arrived, part));
    (refusal, EncryptionReport { sighting, notice })
}

/// Whose message it is.
pub(in crate::translate) fn whose<'a>(arrived: impl Into<Arrived<'a>>) -> Whose<'a> {
    let Arrived { correlation, request, from, to, .. } = arrived.into();
    let id = request.call_id.as_str();
    Whose { correlation, towards: Towards::Xmpp, from, to, id }
}

/// The language that the sender reads best (RFC 3261 §20.3), else the one that they write in.
fn language(request: &Request) -> Option<&str> {
    let mut tags = request.headers.items(&HeaderName::AcceptLanguage);
    let asked = tags.next().and_then(|item| item.split(';').next()).map(str::trim);
    asked.or_else(|| request.headers.items(&HeaderName::ContentLanguage).next())
}

/// A word to the XMPP user, from the SIP user who tried to write, so that an answer reaches them.
fn notice(rules: &Encryption, arrived: Arrived<'_>, part: &Part) -> Notice {
    let Arrived { link, request, from, to, id, .. } = arrived;
    let lang = language(request);
    let address = from.bare_str();
    let asked = facts(arrived, &part.key, &part.name);
    let said = rules.say(&asked, Saying::Notice, lang, &part.title, address);
    let stanza = Message {
        from: Some(from.clone()),
        to: Some(to.clone()),
        id: Some(format!("{id}-notice").into()),
        kind: MessageKind::Normal,
        lang: Some(said.lang.into()),
        bodies: vec![LangText::plain(said.text)],
        ..Message::default()
    };
    Notice::ToXmpp { link, stanza: Box::new(Stanza::Message(Box::new(stanza))) }
}
