//! What of a message is not its body, towards SIP: what crosses as text that people read, what its
//! sender is told, and what is silent. The table is [`fate`]; `docs/messages.md` shows the same.

mod invitation;
mod piece;

use super::{html, language, xhtml_im};
use crate::codec::xml::{Element, Text};
use crate::codec::xmpp::{Condition, LangText, Message, Payload, StanzaError, ns};
use crate::rules::{Messages, Phrase, Rules};
use crate::translate::plain::line;
use piece::Piece;

/// Pieces of one message that cross.
const MAX_PIECES: usize = 10;
/// Reactions of one message, and characters of each, that cross.
const MAX_REACTIONS: usize = 20;
const MAX_REACTION: usize = 16;
/// What a correction begins with.
const CORRECTED: &str = "* ";

/// What a message says as text.
#[derive(Debug)]
pub(in crate::translate) enum Content {
    /// Its body, as it is.
    Body,
    /// This, in place of its bodies.
    Text(LangText),
    /// Nothing that anybody waits for.
    Silent,
    /// Nothing that crosses: its sender is told.
    Refused(Box<StanzaError>),
}

/// What becomes of a payload.
enum Fate {
    /// It crosses as text, beside a body too.
    Crosses,
    /// It crosses as text where there is no body, which would say the same.
    Alone,
    /// Its sender is told, where there is no body.
    Refused(Phrase),
    /// It is silent.
    Silent,
}

/// What becomes of each payload.
fn fate(payload: Payload) -> Fate {
    match payload {
        Payload::File | Payload::Link | Payload::Location | Payload::Invitation => Fate::Crosses,
        Payload::Html | Payload::Reactions | Payload::Attention => Fate::Alone,
        Payload::Call => Fate::Refused(Phrase::NoCall),
        Payload::Retraction => Fate::Refused(Phrase::NoRetraction),
        Payload::Correction => Fate::Refused(Phrase::NoCorrection),
        Payload::Form => Fate::Refused(Phrase::NoForm),
        // One of a room that is believed came as that of its user: see `route`.
        Payload::MediatedInvitation | Payload::Unknown => Fate::Refused(Phrase::NoContent),
        Payload::Automatic => Fate::Silent,
    }
}

/// What a message says. Encryption was looked at before: its elements are no content.
pub(in crate::translate) fn of(rules: &Rules, settings: &Messages, stanza: &Message) -> Content {
    let counts = |(payload, child): &(Payload, &Element)| {
        *payload != Payload::Automatic
            && !settings.edits.drops_element(&child.name, &child.ns)
            && rules.encryption.of_namespace(&child.ns).is_none()
    };
    let children = stanza.extensions.iter().map(|child| (Payload::of(child), child));
    let children = children.filter(counts).collect();
    Speaking { settings, stanza, children }.content()
}

/// Whether an element names a file that can be opened without a key (XEP-0447, XEP-0448).
pub(in crate::translate) fn opens(element: &Element) -> bool {
    piece::file(element).is_some()
}

/// A message whose content is put in words.
struct Speaking<'a> {
    settings: &'a Messages,
    stanza: &'a Message,
    /// What counts of its children.
    children: Vec<(Payload, &'a Element)>,
}

impl<'a> Speaking<'a> {
    fn content(&self) -> Content {
        let body = language::choose(&self.stanza.bodies, self.stanza.lang.as_ref());
        let changes = |payload: Payload| {
            matches!(fate(payload), Fate::Crosses) || payload == Payload::Correction
        };
        if body.is_some() && !self.children.iter().any(|(payload, _)| changes(*payload)) {
            return Content::Body;
        }
        let (mut text, mut lang) = match body {
            Some(body) => (body.text.to_string(), body.lang.clone()),
            None => (self.html(), None),
        };
        for piece in self.pieces() {
            if piece.is_said_in(&text) {
                continue;
            }
            lang = lang.or(piece.lang);
            add(&mut text, &piece.text);
        }
        if text.is_empty() {
            for piece in [self.reactions(), self.attention(), self.subject()].into_iter().flatten()
            {
                lang = lang.or(piece.lang);
                add(&mut text, &piece.text);
            }
        }
        if text.is_empty() {
            return self.refused();
        }
        if body.is_some_and(|body| *body.text == *text) && !self.corrects() {
            return Content::Body;
        }
        if self.corrects() {
            text.insert_str(0, CORRECTED);
        }
        Content::Text(LangText { lang, text: text.into() })
    }

    fn all(&self, wanted: Payload) -> impl Iterator<Item = &'a Element> {
        let of =
            move |(payload, child): &(Payload, &'a Element)| (*payload == wanted).then_some(*child);
        self.children.iter().filter_map(of)
    }

    /// Whether it corrects another message, and that is to be seen (XEP-0308).
    fn corrects(&self) -> bool {
        self.settings.mark_corrections && self.all(Payload::Correction).next().is_some()
    }

    /// What stands beside a body as well as alone. A file says more than a link to the same.
    fn pieces(&self) -> Vec<Piece> {
        let invitation = |element| invitation::piece(element, self.settings, self.lang());
        let files = self.all(Payload::File).filter_map(piece::file);
        let links = self.all(Payload::Link).filter_map(piece::link);
        let places = self.all(Payload::Location).filter_map(piece::location);
        let invitations = self.all(Payload::Invitation).filter_map(invitation);
        files.chain(links).chain(places).chain(invitations).take(MAX_PIECES).collect()
    }

    fn lang(&self) -> Option<&'a str> {
        self.stanza.lang.as_deref()
    }

    fn phrase(&self, phrase: Phrase, values: &[(&str, &str)]) -> Option<Piece> {
        let said = self.settings.texts.fill(phrase, self.lang(), values);
        Piece::said(said)
    }

    /// The text of XHTML-IM that has no body beside it, against XEP-0071 §6.
    fn html(&self) -> String {
        let Some(element) = self.all(Payload::Html).next() else { return String::new() };
        let Some(body) = element.child("body", ns::XHTML) else { return String::new() };
        let mut octets = Vec::new();
        body.write(&mut octets, ns::XHTML);
        let nodes = html::read(&String::from_utf8_lossy(&octets)).unwrap_or_default();
        xhtml_im::plain_text(&nodes)
    }

    /// Which message they are to is not known here: its text is not kept.
    fn reactions(&self) -> Option<Piece> {
        let element = self.all(Payload::Reactions).next()?;
        let each = element.elements().filter(|child| child.is("reaction", ns::REACTIONS));
        let each = each.map(|reaction| line(&reaction.text(), MAX_REACTION));
        let each: Vec<String> = each.filter(|it| !it.is_empty()).take(MAX_REACTIONS).collect();
        match each.is_empty() {
            true => self.phrase(Phrase::ReactionWithdrawn, &[]),
            false => self.phrase(Phrase::Reaction, &[("reaction", &each.join(" "))]),
        }
    }

    fn attention(&self) -> Option<Piece> {
        self.all(Payload::Attention).next()?;
        self.phrase(Phrase::Attention, &[])
    }

    /// A subject that stands alone is the text as well: no SIP client that is known shows a Subject
    /// by itself.
    fn subject(&self) -> Option<Piece> {
        let subject = language::choose(&self.stanza.subjects, self.stanza.lang.as_ref())?;
        Some(Piece { uri: None, text: subject.text.to_string(), lang: subject.lang.clone() })
    }

    fn refused(&self) -> Content {
        let phrase = |payload: Payload| match fate(payload) {
            Fate::Refused(phrase) => Some(phrase),
            // It has nothing in it that could be put in words.
            Fate::Crosses | Fate::Alone => Some(Phrase::NoContent),
            Fate::Silent => None,
        };
        let mut payloads: Vec<Payload> =
            self.children.iter().map(|(payload, _)| *payload).collect();
        payloads.sort_unstable();
        let told = payloads.into_iter().filter_map(phrase);
        // What is known says more than that something is not.
        let phrase = told.min_by_key(|phrase| *phrase == Phrase::NoContent);
        let Some(phrase) = phrase.filter(|_| self.stanza.may_be_answered()) else {
            return Content::Silent;
        };
        let said = self.settings.texts.fill(phrase, self.lang(), &[]);
        let mut error = StanzaError::new(Condition::FeatureNotImplemented);
        if !said.text.is_empty() {
            error.texts.push(LangText { lang: Some(said.lang.into()), text: said.text.into() });
        }
        Content::Refused(Box::new(error))
    }
}

/// Adds lines under a text.
fn add(text: &mut String, lines: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(lines);
}

/// The tag of what was said, for a text.
fn tag(said: &crate::rules::Said) -> Option<Text> {
    (!said.lang.is_empty()).then(|| said.lang.as_str().into())
}
