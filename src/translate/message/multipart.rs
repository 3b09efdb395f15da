//! Bodies of several parts (RFC 2046 §5.1, RFC 5621).

use super::language;
use super::reading::{MessageContent, Read, Reader, Unread, secured};
use super::refusal::{opaque_part, unsupported};
use super::xhtml_im;
use crate::codec::xml::Text;
use crate::flow::Decision;
use crate::rules::encryption::Saying;
use crate::translate::encryption::body::{self, Found};
use crate::translate::encryption::facts;
use crate::translate::structure::{Node, Place};

impl Reader<'_> {
    /// What the parts say together. A subtype that is not known is read as mixed (RFC 2046
    /// §5.1.3).
    pub(super) fn multipart(
        &self,
        node: &Node,
        parts: &[Node],
        place: Place,
    ) -> Read<MessageContent> {
        let place = Place { multiparts: place.multiparts + 1, ..place };
        // What is encrypted is the message, and a readable sibling its fallback (RFC 8591 §12).
        // It was looked for once around the outermost.
        if place.multiparts == 1 {
            self.demand_readable(node, place)?;
        }
        match node.media_type.essence() {
            "multipart/alternative" => self.alternative(parts, place),
            "multipart/related" => {
                let ids = parts.iter().map(|part| part.entity.content_id.as_deref());
                let root = parts.get(node.entity.root(ids)).map(|root| self.node(root, place));
                root.unwrap_or_else(unsupported)
            }
            _ => self.mixed(parts, place),
        }
    }

    /// Refuses what is secured before what only cannot be looked into: it says more.
    pub(super) fn demand_readable(&self, node: &Node, place: Place) -> Read<()> {
        let leaves_out = self.encryption.notice_optional_part;
        let mut unknown = None;
        for found in body::found(self.encryption, node) {
            match found {
                Found::Secured(part) if self.reads(&part) || part.optional && leaves_out => {}
                Found::Secured(part) => return Err(secured(part, &node.entity, place)),
                Found::Opaque(why) => unknown = unknown.or(Some(why)),
            }
        }
        unknown.map_or(Ok(()), |why| Err(opaque_part(why)))
    }

    /// The last part that is understood; none may be demanded (RFC 5621 §6.1, §8.3).
    fn alternative(&self, parts: &[Node], place: Place) -> Read<MessageContent> {
        let mut last = unsupported();
        for part in parts.iter().rev() {
            match self.node(part, place) {
                Err(Unread::NotUnderstood(refusal)) => last = Err(Unread::NotUnderstood(refusal)),
                decided => return decided,
            }
        }
        last
    }

    /// All parts in order; one that is not understood may be missing if it says so (RFC 3261
    /// §20.11).
    fn mixed(&self, parts: &[Node], place: Place) -> Read<MessageContent> {
        let mut all = MessageContent::default();
        for part in parts {
            let is_optional = part.is_optional();
            let is_secured = || body::of_node(self.encryption, part).is_some();
            let said = match part.is_shown() || is_secured() {
                true => self.node(part, place),
                // An attachment is for saving, a session for calling: neither is text to show.
                false => unsupported(),
            };
            match said {
                Ok(said) => all.add(said),
                Err(Unread::NotUnderstood(_)) if is_optional || self.is_about(&part.entity) => {}
                Err(Unread::Secured(part)) if is_optional => all.add(self.without(&part.part)),
                Err(unread) => return Err(unread),
            }
        }
        Ok(all)
    }
}

impl Reader<'_> {
    /// The line that stands for a part that was left out.
    fn without(&self, part: &body::Part) -> MessageContent {
        let facts = facts(self.inbound, &part.key, &part.name);
        let said = self.encryption.say(&facts, Saying::PartLeftOut, None, &part.title, "");
        let left_out = (part.name.clone(), part.place.clone(), Decision::PartLeftOut);
        MessageContent {
            text: Some(said.text.into()),
            left_out: vec![left_out],
            ..MessageContent::default()
        }
    }
}

impl MessageContent {
    /// Adds what a further part says: texts one under the other, of all else the first.
    fn add(&mut self, more: MessageContent) {
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
