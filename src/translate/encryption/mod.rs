//! End-to-end encryption (RFC 3922 §7, RFC 3923, RFC 8591): seen, said, never leaked, and carried
//! through where both sides share the format.
//!
//! [`stanza`] and [`body`] say what is there, for `stox translate --explain` as well; the rules
//! say what becomes of it; [`object`] carries what can cross.

pub mod body;
mod inward;
pub mod object;
pub mod otr;
mod outward;
pub(super) mod presence;
pub mod stanza;

use crate::codec::xml::{Element, Text};
use crate::codec::xmpp::{Jid, StanzaError};
use crate::flow::{Correlation, Decision, EncryptionFound, Towards};

pub(super) use inward::{course, facts, otr_of, pinned, refusal, relayed, whose};
pub(super) use outward::{Outward, error_of_object, outward};

/// The namespace of the gateway's own condition.
const CONDITION: &str = "urn:stox:encryption:0";
/// Characters of an id or a scheme's name that are kept for an operator.
const MAX_SHOWN: usize = 100;
/// How long an object may wait for its turn (RFC 3923 §6.9), in milliseconds.
const MAX_AGE_MS: u64 = 300_000;

/// Whose message it is, for a sighting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whose<'a> {
    pub correlation: Correlation,
    pub towards: Towards,
    pub from: &'a Jid,
    pub to: &'a Jid,
    pub id: &'a str,
}

impl Whose<'_> {
    pub(super) fn sighting(
        &self,
        scheme: &str,
        place: &str,
        decision: Decision,
    ) -> EncryptionFound {
        EncryptionFound {
            correlation: self.correlation,
            towards: self.towards,
            scheme: shown(scheme),
            place: shown(place),
            decision,
            from: self.from.bare_str().to_owned(),
            to: self.to.bare_str().to_owned(),
            id: shown(self.id),
        }
    }
}

/// What came from outside, on one line and not too long.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_SHOWN).collect()
}

/// The condition that tells a program which scheme it was.
fn untranslatable(scheme: &str) -> Element {
    Element::new("untranslatable-encryption", CONDITION).with_attr("scheme", shown(scheme))
}

/// An error with a text in its language.
fn with_said(mut error: StanzaError, said: crate::rules::encryption::Said) -> StanzaError {
    let lang = Some(Text::from(said.lang));
    error.texts.push(crate::codec::xmpp::LangText { lang, text: said.text.into() });
    error
}
