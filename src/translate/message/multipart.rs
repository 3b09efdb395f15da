//! Bodies of several parts (RFC 2046 §5.1, RFC 5621).

use super::language;
use super::reading::{Place, Read, Reader, Said, Unread, secured};
use super::refusal::{malformed, unsupported};
use super::xhtml_im;
use crate::codec::mime::{Entity, Handling, MediaType, MultipartError};
use crate::codec::xmpp::Text;
use crate::flow::Decision;
use crate::rules::encryption::Saying;
use crate::translate::encryption::{body, facts};

/// Multiparts within each other, the outermost counted.
pub(super) const MAX_DEPTH: usize = 4;

impl Reader<'_> {
    /// What the parts say together. A subtype that is not known is read as mixed (RFC 2046
    /// §5.1.3).
    pub(super) fn multipart(
        &self,
        entity: &Entity,
        media_type: &MediaType,
        place: Place,
    ) -> Read<Said> {
        let place = Place { multiparts: place.multiparts + 1, ..place };
        if place.multiparts > MAX_DEPTH {
            return malformed(&MultipartError::TooDeep.to_string());
        }
        // What is encrypted is the message, and a readable sibling its fallback (RFC 8591 §12).
        let mut parts = body::parts(self.encryption, entity).into_iter();
        let leaves_out = self.encryption.notice_optional_part;
        if let Some(part) = parts.find(|part| !(self.reads(part) || part.optional && leaves_out)) {
            return Err(secured(part, entity, place));
        }
        let broken = |error: MultipartError| malformed(&error.to_string());
        match media_type.essence() {
            "multipart/alternative" => match entity.parts() {
                Ok(parts) => self.alternative(&parts, place),
                Err(error) => broken(error),
            },
            "multipart/related" => match entity.root_part() {
                Ok(root) => self.part(&root, place),
                Err(error) => broken(error),
            },
            _ => match entity.parts() {
                Ok(parts) => self.mixed(&parts, place),
                Err(error) => broken(error),
            },
        }
    }

    /// The last part that is understood; none may be demanded (RFC 5621 §6.1, §8.3).
    fn alternative(&self, parts: &[Entity], place: Place) -> Read<Said> {
        let mut last = unsupported();
        for part in parts.iter().rev() {
            match self.part(part, place) {
                Err(Unread::NotUnderstood(refusal)) => last = Err(Unread::NotUnderstood(refusal)),
                decided => return decided,
            }
        }
        last
    }

    /// All parts in order; one that is not understood may be missing if it says so (RFC 3261
    /// §20.11).
    fn mixed(&self, parts: &[Entity], place: Place) -> Read<Said> {
        let mut all = Said::default();
        for part in parts {
            let is_optional = part
                .disposition
                .as_ref()
                .is_some_and(|disposition| disposition.handling == Handling::Optional);
            let is_secured = || {
                let of_type = |it| body::of_type(self.encryption, it).is_some();
                part.content_type.as_ref().is_some_and(of_type)
            };
            let said = match is_shown(part) || is_secured() {
                true => self.part(part, place),
                // An attachment is for saving, a session for calling: neither is text to show.
                false => unsupported(),
            };
            match said {
                Ok(said) => all.add(said),
                Err(Unread::NotUnderstood(_)) if is_optional || self.is_about(part) => {}
                Err(Unread::Secured(part)) if is_optional => all.add(self.without(&part.part)),
                Err(unread) => return Err(unread),
            }
        }
        Ok(all)
    }
}

impl Reader<'_> {
    /// The line that stands for a part that was left out.
    fn without(&self, part: &body::Part) -> Said {
        let facts = facts(self.inbound, &part.key, &part.name);
        let said = self.encryption.say(&facts, Saying::PartLeftOut, None, &part.title, "");
        let left_out = (part.name.clone(), part.place.clone(), Decision::PartLeftOut);
        Said { text: Some(said.text.into()), left_out: vec![left_out], ..Said::default() }
    }
}

/// Whether a part is part of the text, or a notification (RFC 5438 §13.3), by its disposition.
fn is_shown(part: &Entity) -> bool {
    let kind = part.disposition.as_ref().map_or("render", |disposition| &*disposition.kind);
    matches!(kind, "render" | "inline" | "notification")
}

impl Said {
    /// Adds what a further part says: texts one under the other, of all else the first.
    fn add(&mut self, more: Said) {
        self.xhtml = match (self.xhtml.take(), more.xhtml) {
            (None, None) => None,
            (ours, theirs) => {
                let as_written = |text: &Option<Text>| {
                    text.as_deref().map(xhtml_im::paragraph).into_iter().collect()
                };
                let mut nodes = ours.unwrap_or_else(|| as_written(&self.text));
                nodes.extend(theirs.unwrap_or_else(|| as_written(&more.text)));
                Some(nodes)
            }
        };
        self.text = match (self.text.take(), more.text) {
            (Some(ours), Some(theirs)) => Some(format!("{ours}\n{theirs}").into()),
            (ours, theirs) => ours.or(theirs),
        };
        self.url = self.url.take().or(more.url);
        self.language = self.language.take().or(more.language);
        self.sent = self.sent.or(more.sent);
        self.notifies |= more.notifies;
        self.counted.extend(more.counted);
        self.left_out.extend(more.left_out);
        self.headers.extend(more.headers);
        self.is_otr |= more.is_otr;
        more.subjects.into_iter().for_each(|subject| language::add(&mut self.subjects, subject));
    }
}
