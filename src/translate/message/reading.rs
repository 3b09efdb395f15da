//! What a body says: from MIME entities to text (RFC 3261 §7.4, RFC 3862, RFC 7572 §7).

use time::OffsetDateTime;

use super::elsewhere::external;
use super::refusal::{
    malformed, opaque, opaque_part, too_large, unknown_charset, unread, unsupported,
};
use super::{edits, html, language, xhtml_im};
use crate::codec::mime::{
    Charset, Cpim, CpimAddress, Entity, MediaType, TextError, TransferEncoding, cpim,
    external_body, format_flowed,
};
use crate::codec::sip::{HeaderName, HeaderValue, Request, Uri};
use crate::codec::xml::{Node as XmlNode, Text};
use crate::codec::xmpp::LangText;
use crate::codec::{pidf, rcs_file};
use crate::flow::{Cause, Counter, Decision, Inbound, LocalResponse};
use crate::rules::encryption::{Handling, Scheme};
use crate::rules::{Encryption, Messages};
use crate::translate::encryption::body::{self, Kind, Part};
use crate::translate::encryption::{course, otr};
use crate::translate::structure::{Builder, Content, Node, Opaque, Place};

/// What a body, or a part of one, says.
#[derive(Debug, Default)]
pub(super) struct MessageContent {
    /// The plain text.
    pub text: Option<Text>,
    /// The same with its formatting: the children of an XHTML-IM body.
    pub xhtml: Option<Vec<XmlNode>>,
    /// Where content lies that is not in the message.
    pub url: Option<Text>,
    /// The subjects of a CPIM object.
    pub subjects: Vec<LangText>,
    /// The thread that a CPIM object names.
    pub thread: Option<Text>,
    /// The Content-ID of a CPIM object's content, without its brackets.
    pub id: Option<Text>,
    /// The language that the text itself declares.
    pub language: Option<Text>,
    /// The DateTime of a CPIM object.
    pub sent: Option<OffsetDateTime>,
    /// Whether it is a notification of the peer's client, which has no text.
    pub notifies: bool,
    /// What is to be counted.
    pub counted: Vec<Counter>,
    /// What of encryption or a signature was left out: its scheme, where it was, and what was done.
    pub left_out: Vec<(String, String, Decision)>,
    /// Whether the text is OTR's, and crosses as it is.
    pub is_otr: bool,
    /// What a rule carries out of the headers of a CPIM object.
    pub headers: Vec<(usize, String)>,
}

/// Why a body, or a part of one, says nothing.
pub(super) enum Unread {
    /// It is of a kind that is not understood, or needs what is not understood; where it may be
    /// left out, it is.
    NotUnderstood(Box<LocalResponse>),
    /// It is broken, or beyond a bound: the message is refused whole.
    Refused(Box<LocalResponse>),
    /// It is secured end to end, and nothing beside it is the message.
    Secured(Box<Secured>),
}

/// A body, or a part of one, that is secured end to end.
pub(super) struct Secured {
    /// What it is.
    pub part: Part,
    /// The entity, content codings undone.
    pub entity: Entity,
    /// Whether nothing but a CPIM envelope is around it.
    pub is_whole: bool,
}

pub(super) type Read<T> = Result<T, Unread>;

/// Reads the body of one request.
pub(super) struct Reader<'a> {
    pub(super) rules: &'a Messages,
    pub(super) encryption: &'a Encryption,
    pub(super) inbound: &'a Inbound,
    pub(super) request: &'a Request,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        rules: &'a Messages,
        encryption: &'a Encryption,
        inbound: &'a Inbound,
    ) -> Self {
        Reader { rules, encryption, inbound, request: &inbound.request }
    }

    /// What the body says.
    pub(super) fn read(&self) -> Read<MessageContent> {
        self.top().and_then(|node| self.node(&node, Place::default())).map_err(
            |unread| match unread {
                Unread::NotUnderstood(refusal) => Unread::NotUnderstood(self.accepting(refusal)),
                Unread::Refused(refusal) => Unread::Refused(self.accepting(refusal)),
                secured @ Unread::Secured(_) => secured,
            },
        )
    }

    /// A refusal whose Accept leaves out what the rules refuse.
    fn accepting(&self, mut refusal: Box<LocalResponse>) -> Box<LocalResponse> {
        if refusal.headers.get_text(&HeaderName::Accept) == Some(Messages::ACCEPT) {
            refusal.headers.set(HeaderName::Accept, HeaderValue::text(&self.rules.accept()));
        }
        refusal
    }

    /// The body, its header being in that of the request (RFC 3261 §7.4).
    fn top(&self) -> Read<Node> {
        let headers = &self.request.headers;
        let codings: Vec<&str> = headers.items(&HeaderName::ContentEncoding).collect();
        let Some(media_type) = headers.content_type() else {
            return malformed("a body needs a Content-Type");
        };
        let Ok(media_type) = MediaType::parse(media_type) else {
            return malformed("the Content-Type cannot be read");
        };
        let mut entity = Entity::new(media_type, self.request.body.clone());
        // No header of SIP, and yet some send it (RFC 5621 §3.2 has it in parts alone).
        if let Some(name) = headers.get_text(&HeaderName::ContentTransferEncoding) {
            let encoding = TransferEncoding::from_name(name);
            entity.transfer_encoding = match encoding {
                Some(encoding) => encoding,
                None => return malformed("unknown Content-Transfer-Encoding"),
            };
        }
        let builder = Builder::new(self.rules.cpim_syntax, self.rules.max_inflated_octets);
        Ok(builder.body(entity, &codings))
    }

    /// What an entity says.
    pub(super) fn node(&self, node: &Node, place: Place) -> Read<MessageContent> {
        let Node { entity, media_type, content } = node;
        let refused = &self.rules.refuse_types;
        let mut said = match (media_type.essence(), content) {
            // Of what is coded there is no more to say than that; else the type says more.
            (_, Content::Opaque(why)) if why.is_of_coding() => return self.unknown(why, place),
            (essence, _) if refused.iter().any(|known| known.eq_ignore_ascii_case(essence)) => {
                return unsupported();
            }
            (_, Content::Object(object, within)) => self.object(object, within, place)?,
            ("text/plain", _) => self.plain(entity, media_type, place)?,
            ("text/html", _) => self.html(entity, place)?,
            (external_body::MEDIA_TYPE, _) => external(media_type)?,
            ("application/im-iscomposing+xml", _) => notification(Counter::InboundComposing),
            ("message/imdn+xml", _) => notification(Counter::InboundDisposition),
            _ => match (body::of_node(self.encryption, node), content) {
                (Some((named, kind)), _) => {
                    let part = Part::new(&named, kind, media_type.essence().to_owned());
                    self.secured(part, named.scheme, node, place)?
                }
                (None, Content::Opaque(why)) => return self.unknown(why, place),
                (None, Content::Multipart(parts)) => self.multipart(node, parts, place)?,
                (None, _) if media_type.is(rcs_file::MEDIA_TYPE) => self.file(entity, place)?,
                (None, _) if media_type.is(pidf::MEDIA_TYPE) => self.location(entity, place)?,
                (None, _) => return unread(media_type.essence()),
            },
        };
        let own = entity.language.as_ref().filter(|tag| language::is_tag(tag));
        said.language = said.language.or_else(|| own.cloned());
        Ok(said)
    }

    /// What cannot be looked into: beside other parts nobody knows what it hides.
    fn unknown<T>(&self, why: &Opaque, place: Place) -> Read<T> {
        if place.multiparts > 0 { Err(opaque_part(why)) } else { Err(opaque(why)) }
    }

    fn plain(&self, entity: &Entity, media_type: &MediaType, place: Place) -> Read<MessageContent> {
        let text = text(entity, place)?;
        let text = match format_flowed::del_sp(media_type) {
            Some(del_sp) => format_flowed::unfold(&text, del_sp).into(),
            None => text,
        };
        self.judged(MessageContent { text: Some(text), ..MessageContent::default() }, entity, place)
    }

    /// A text, unless it is OTR's and must not cross; without what offers OTR in white space.
    fn judged(
        &self,
        mut said: MessageContent,
        entity: &Entity,
        place: Place,
    ) -> Read<MessageContent> {
        let text = said.text.as_deref().unwrap_or_default();
        let Some((found, named)) = otr::of(text).zip(self.encryption.otr()) else {
            return Ok(said);
        };
        let crosses =
            course(self.encryption, self.inbound, named.scheme, &named.name) == Handling::Relay;
        match found {
            otr::Otr::Offer if crosses => {}
            otr::Otr::Offer => {
                let offer = found.place().to_owned();
                said.left_out.push((named.name, offer, Decision::OfferLeftOut));
                said.text = Some(Text::from(&*otr::without_offer(text)));
            }
            otr::Otr::Data | otr::Otr::Query if crosses => said.is_otr = true,
            otr::Otr::Data | otr::Otr::Query => {
                let part = Part::new(&named, Kind::Otr, found.place().to_owned());
                return Err(secured(part, entity, place));
            }
        }
        Ok(said)
    }

    /// Whether a secured part is read all the same.
    pub(super) fn reads(&self, part: &Part) -> bool {
        let wanted = match part.kind {
            Kind::Signed => Handling::StripSignature,
            Kind::Otr => Handling::Relay,
            Kind::Encrypted => return false,
        };
        let scheme = part.scheme(self.encryption);
        scheme.is_some_and(|scheme| {
            course(self.encryption, self.inbound, scheme, &part.name) == wanted
        })
    }

    /// What is secured end to end: the signed text if the rules give the signature up, nothing
    /// else.
    fn secured(
        &self,
        part: Part,
        scheme: &Scheme,
        node: &Node,
        place: Place,
    ) -> Read<MessageContent> {
        let strips = part.kind == Kind::Signed
            && course(self.encryption, self.inbound, scheme, &part.name)
                == Handling::StripSignature;
        if !strips {
            return Err(secured(part, &node.entity, place));
        }
        if let Content::Opaque(why) = &node.content {
            return self.unknown(why, place);
        }
        let below = Place { multiparts: place.multiparts + 1, ..place };
        if place.multiparts == 0 {
            self.demand_readable(node, below)?;
        }
        let Some(signed) = node.children().first() else { return unsupported() };
        let mut said = self.node(signed, below)?;
        said.left_out.push((part.name, part.place, Decision::SignatureLeftOut));
        Ok(said)
    }

    fn html(&self, entity: &Entity, place: Place) -> Read<MessageContent> {
        let Ok(children) = html::read(&text(entity, place)?) else {
            return Err(Unread::Refused(too_large("the HTML is too large")));
        };
        let text = Some(xhtml_im::plain_text(&children).into());
        self.judged(
            MessageContent { text, xhtml: Some(children), ..MessageContent::default() },
            entity,
            place,
        )
    }

    /// A CPIM object: its text with its subjects; its sender is a claim (RFC 3862 §4.1).
    fn object(&self, object: &Cpim, within: &Node, place: Place) -> Read<MessageContent> {
        let objects = place.objects + object.levels().count();
        let known = |ns: &str| ns == cpim::CORE_NAMESPACE || ns == cpim::IMDN_NAMESPACE;
        if let Some(required) = object.all_required().find(|required| !known(&required.ns)) {
            let why = format!("CPIM Require not supported: {}", required.name);
            let refusal = LocalResponse::new(Cause::Demands).warning(&why);
            return Err(Unread::NotUnderstood(Box::new(refusal)));
        }
        let foreign =
            object.levels().any(|level| level.from().is_some_and(|from| self.foreign(&from)));
        if foreign && self.rules.refuse_foreign_from {
            let refusal =
                LocalResponse::new(Cause::OtherSender).warning("The CPIM From is somebody else");
            return Err(Unread::Refused(Box::new(refusal)));
        }
        let mut said = self.node(within, Place { objects, ..place })?;
        said.counted.extend(foreign.then_some(Counter::CpimForeignFrom));
        let id = object.content().header("Content-ID").map(|id| id.trim_matches(['<', '>', ' ']));
        said.id = id.filter(|id| !id.is_empty()).map(Text::from);
        said.thread = object.levels().find_map(thread).or(said.thread);
        said.headers.extend(edits::of_object(&self.rules.edits, object));
        said.sent = object.levels().find_map(Cpim::date_time).or(said.sent);
        let within = std::mem::take(&mut said.subjects);
        let subjects = object.levels().flat_map(Cpim::subjects).map(language::of_subject);
        subjects.chain(within).for_each(|text| language::add(&mut said.subjects, text));
        Ok(said)
    }

    /// Whether an address is another user than the sender of the request, whatever its scheme.
    fn foreign(&self, address: &CpimAddress) -> bool {
        let sender = self.request.from.uri();
        let Ok(claimed) = Uri::parse(address.uri.clone()) else { return true };
        let same_host = claimed.host_str().eq_ignore_ascii_case(sender.host_str());
        !same_host || claimed.user_octets() != sender.user_octets()
    }
}

pub(super) fn secured(part: Part, entity: &Entity, place: Place) -> Unread {
    let is_whole = place.multiparts == 0;
    Unread::Secured(Box::new(Secured { part, entity: entity.clone(), is_whole }))
}

/// The thread that an object names, if it names one.
fn thread(object: &Cpim) -> Option<Text> {
    let text = object.header(cpim::STOX_NAMESPACE, cpim::THREAD)?.text();
    let text = text.trim();
    (!text.is_empty()).then(|| Text::from(text))
}

/// RFC 3994 and RFC 5438: for the peer's client, and never text.
fn notification(counter: Counter) -> MessageContent {
    MessageContent { notifies: true, counted: vec![counter], ..MessageContent::default() }
}

pub(super) fn text(entity: &Entity, place: Place) -> Read<Text> {
    let in_object = place.objects > 0;
    let name = entity.content_type.as_ref().and_then(MediaType::charset).unwrap_or("utf-8");
    let is_carried = |set| !in_object || matches!(set, Charset::Utf8 | Charset::UsAscii);
    match Charset::from_name(name).filter(|set| is_carried(*set)) {
        None => Err(Unread::NotUnderstood(unknown_charset(name, in_object))),
        Some(_) => match entity.text() {
            Ok(text) => Ok(text),
            Err(TextError::UnknownCharset) => {
                Err(Unread::NotUnderstood(unknown_charset(name, in_object)))
            }
            Err(error) => malformed(&error.to_string()),
        },
    }
}
