//! Content that is named and not contained: a URL (RFC 4483), a file on a server (GSMA RCC.07), a
//! place on the earth (RFC 4119).

use super::reading::{MessageContent, Read, Reader, text};
use super::refusal::{unread, unsupported};
use crate::codec::mime::{Entity, MediaType, external_body};
use crate::codec::sip::HeaderName;
use crate::codec::xml::Text;
use crate::codec::{pidf, rcs_file};
use crate::translate::structure::Place;

/// Content that lies elsewhere (RFC 4483, XEP-0066).
pub(super) fn external(media_type: &MediaType) -> Read<MessageContent> {
    match external_body::url(media_type).map(Text::from) {
        Some(url) => Ok(of_url(url)),
        None => unsupported(),
    }
}

/// The text is the URL and nothing else: so clients show the picture in its place.
fn of_url(url: Text) -> MessageContent {
    MessageContent { text: Some(url.clone()), url: Some(url), ..MessageContent::default() }
}

impl Reader<'_> {
    /// Files, each by its URL. Of several the first is a link of its own (XEP-0066).
    pub(super) fn file(&self, entity: &Entity, place: Place) -> Read<MessageContent> {
        let urls = match rcs_file::urls_of(&text(entity, place)?) {
            Ok(urls) => urls,
            Err(why) => return unread(&format!("{} ({why})", rcs_file::MEDIA_TYPE)),
        };
        let mut said = of_url(urls.first().map(|url| Text::from(&**url)).unwrap_or_default());
        said.text = Some(urls.join("\n").into());
        Ok(said)
    }

    /// A place as a `geo:` URI (RFC 5870); presence is no message.
    pub(super) fn location(&self, entity: &Entity, place: Place) -> Read<MessageContent> {
        match pidf::location::place_of(&text(entity, place)?) {
            Some(at) => Ok(MessageContent {
                text: Some(at.to_string().into()),
                ..MessageContent::default()
            }),
            None => unread(pidf::MEDIA_TYPE),
        }
    }

    /// Whether a part is the location that the request names as its sender's (RFC 6442 §3): it
    /// says something about the message, and one that cannot be shown does not refuse the text
    /// beside it.
    pub(super) fn is_about(&self, part: &Entity) -> bool {
        let Some(id) = part.content_id.as_deref().filter(|id| !id.is_empty()) else {
            return false;
        };
        let Some(name) = HeaderName::new(&"Geolocation".into()) else { return false };
        let wanted = format!("<cid:{id}>");
        let mut named = self.request.headers.items(&name);
        named.any(|item| item.trim().get(..wanted.len()) == Some(&*wanted))
    }
}
