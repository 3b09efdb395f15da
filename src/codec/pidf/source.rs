//! The strict XML reader with the bounds of a presence document.

use super::{Limits, Malformed, Text};
use crate::codec::xml::{
    XmlFault,
    strict::{Event, Reader},
};

/// Where a document is read from.
pub(super) struct Source<'a> {
    pub(super) xml: Reader<'a>,
    pub(super) limits: Limits,
}

impl<'a> Source<'a> {
    /// Calls `each` with namespace and local name of every child of the element just opened, up to
    /// its end. Each call leaves the child closed. Text between the children is ignored.
    pub(super) fn children(
        &mut self,
        mut each: impl FnMut(&mut Self, &str, &'a str) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        loop {
            match self.xml.next()? {
                Event::Start { name, ns } => each(self, &ns, name)?,
                Event::End => return Ok(()),
                Event::Text(_) | Event::Char(_) => {}
                Event::Eof => return Err(XmlFault::NotWellFormed.into()),
            }
        }
    }

    /// Skips the element just opened, whatever it holds.
    pub(super) fn skip(&mut self) -> Result<(), Malformed> {
        Ok(self.xml.skip()?)
    }

    /// The text of the element just opened, without white space at its ends.
    pub(super) fn text(&mut self) -> Result<Text, Malformed> {
        Ok(trimmed(self.xml.read_text()?))
    }

    /// Value of the attribute without namespace, of the start tag just read, without white space at
    /// its ends.
    pub(super) fn attribute(&self, name: &str) -> Option<Text> {
        let value = self.xml.attribute(name)?.value.clone();
        Some(trimmed(self.xml.share(value)))
    }

    /// The language in force in the element just opened: its own, else the one around it. What is
    /// no language tag counts as absent.
    pub(super) fn lang(&self, outer: Option<&Text>) -> Option<Text> {
        self.xml.lang().filter(|tag| is_language(tag)).or_else(|| outer.cloned())
    }
}

fn trimmed(text: Text) -> Text {
    let inner = text.trim_matches([' ', '\t', '\n', '\r']);
    if inner.len() == text.len() { text } else { text.slice_ref(inner) }
}

/// `xs:language`: letters, then letters and digits, eight at most in each subtag.
pub(super) fn is_language(tag: &str) -> bool {
    tag.split('-').enumerate().all(|(at, subtag)| {
        let legal = |b: u8| b.is_ascii_alphabetic() || (at > 0 && b.is_ascii_digit());
        (1..=8).contains(&subtag.len()) && subtag.bytes().all(legal)
    })
}
