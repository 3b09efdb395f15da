//! RFC 3923 objects across the gateway (§8): the wrapper goes, the object stays.

use crate::codec::mime::smime::{DESCRIBING, is_pkcs7_mime};
use crate::codec::mime::{Entity, MediaType, ObjectError, SmimeObject};
use crate::codec::sip::{HeaderName, Headers};
use crate::codec::xml::Element;
use crate::codec::xmpp::{Condition, StanzaError, ns};
use crate::rules::Encryption;

/// Why an object from XMPP does not cross.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// RFC 3923 §3.1 has one object.
    #[error("more than one <e2e/>")]
    Several,
    /// It is no object.
    #[error("<e2e/>: {0}")]
    Malformed(#[from] ObjectError),
    /// It is one of a kind that SIP does not carry.
    #[error("<e2e/>: {0} has no meaning in SIP")]
    Meaningless(String),
}

impl Refused {
    /// The error for its sender.
    pub(crate) fn error(&self) -> StanzaError {
        let condition = match self {
            Refused::Several | Refused::Malformed(_) => Condition::BadRequest,
            Refused::Meaningless(_) => Condition::NotAcceptable,
        };
        StanzaError::new(condition).with_text(self.to_string())
    }
}

/// The object of a stanza's children, if there is one.
///
/// # Errors
/// [`Refused`]
pub fn in_children(
    rules: &Encryption,
    children: &[Element],
) -> Option<Result<SmimeObject, Refused>> {
    let mut objects = children.iter().filter(|child| child.is("e2e", ns::E2E));
    let first = objects.next()?;
    Some(match objects.next() {
        Some(_) => Err(Refused::Several),
        None => read(rules, first),
    })
}

fn read(rules: &Encryption, element: &Element) -> Result<SmimeObject, Refused> {
    let object = SmimeObject::from_xml(&element.text(), rules.demand_header)?;
    let media_type = &object.media_type;
    if !is_smime(media_type) {
        return Err(Refused::Meaningless(media_type.essence().to_owned()));
    }
    // RFC 3923 §10: a stanza inside the object means nothing on the other side.
    let inner = signed_type(&Entity::new(media_type.clone(), object.body.clone()));
    match inner.filter(|inner| inner == "application/xmpp+xml") {
        Some(inner) => Err(Refused::Meaningless(inner)),
        None => Ok(object),
    }
}

/// Whether a type is one that RFC 3923 carries.
fn is_smime(media_type: &MediaType) -> bool {
    let protocol = media_type.param("protocol").unwrap_or_default().to_ascii_lowercase();
    let signs = ["application/pkcs7-signature", "application/x-pkcs7-signature"];
    is_pkcs7_mime(media_type)
        || (media_type.is("multipart/signed") && signs.contains(&protocol.as_str()))
}

/// The type of what a multipart/signed signs (RFC 1847 §2.1).
fn signed_type(entity: &Entity) -> Option<String> {
    let is_signed = entity.content_type.as_ref().is_some_and(|it| it.is("multipart/signed"));
    let parts = is_signed.then(|| entity.parts().ok()).flatten()?;
    let first = parts.first()?.content_type.as_ref();
    Some(first.map_or("text/plain", MediaType::essence).to_owned())
}

/// Why an object from SIP does not cross.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncarried {
    /// It is none that RFC 3923 knows.
    Unknown,
    /// It is one, and cannot be carried.
    NotCarriable,
}

/// The `<e2e/>` element of a body from SIP: MESSAGE or NOTIFY. `outer` are the header fields of
/// the request, for a body that has none of its own.
///
/// # Errors
/// [`Uncarried`]
pub fn element(rules: &Encryption, entity: &Entity, outer: &Headers) -> Result<Element, Uncarried> {
    let media_type = entity.content_type.as_ref().filter(|it| is_smime(it));
    let media_type = media_type.ok_or(Uncarried::Unknown)?;
    if media_type.is("multipart/signed") && !may_be_signed(rules, entity) {
        return Err(Uncarried::NotCarriable);
    }
    let of_entity = |name: &str| entity.header(name).map(ToString::to_string);
    let of_request = |name: &str| {
        let name = HeaderName::new(&name.into())?;
        Some(outer.get(&name)?.to_text().to_string())
    };
    let of =
        |name: &str| if entity.headers.is_empty() { of_request(name) } else { of_entity(name) };
    let headers: Vec<_> = DESCRIBING.iter().filter_map(|name| Some((*name, of(name)?))).collect();
    let text = SmimeObject::to_xml(entity, &headers).map_err(|_| Uncarried::NotCarriable)?;
    Ok(Element::new("e2e", ns::E2E).with_text(text))
}

/// RFC 3923 §9 names what an object holds; further layers of S/MIME hold it deeper. A tunnelled
/// request (RFC 3261 §23.4) is no content at all.
fn may_be_signed(rules: &Encryption, entity: &Entity) -> bool {
    match signed_type(entity).as_deref() {
        Some(
            "message/cpim"
            | "application/pidf+xml"
            | "application/xmpp+xml"
            | "application/pkcs7-mime"
            | "application/x-pkcs7-mime"
            | "multipart/signed",
        ) => true,
        Some("message/sip" | "message/sipfrag") => false,
        Some(_) => rules.relay_foreign_payload,
        None => false,
    }
}
