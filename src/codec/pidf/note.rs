//! `<note/>`, RFC 3863 §4.1.6, RFC 4479 §5.1.1.

use super::source::{Source, is_language};
use super::{Malformed, Text};
use crate::codec::xml::escape::{write_attribute, write_text};

/// Words for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The note's own language, or the nearest one around it in the document.
    pub lang: Option<Text>,
    /// The words, without white space at their ends; a note without words is not written.
    pub text: Text,
}

impl Note {
    /// Reads the note just opened; an empty one is left out.
    pub(super) fn read(
        source: &mut Source<'_>,
        outer: Option<&Text>,
        notes: &mut Vec<Self>,
    ) -> Result<(), Malformed> {
        let lang = source.lang(outer);
        let text = source.text()?;
        if text.is_empty() {
            return Ok(());
        }
        if notes.len() == source.limits.notes {
            return Err(Malformed::TooManyNotes);
        }
        notes.push(Self { lang, text });
        Ok(())
    }

    /// Appends the note under this name. What is no language tag is not written.
    pub(super) fn write(&self, out: &mut Vec<u8>, name: &str) {
        if self.text.is_empty() {
            return;
        }
        out.push(b'<');
        out.extend_from_slice(name.as_bytes());
        if let Some(lang) = self.lang.as_deref().filter(|tag| is_language(tag)) {
            write_attribute(out, "xml:lang", lang);
        }
        out.push(b'>');
        write_text(out, &self.text);
        write_end(out, name);
    }
}

/// Appends `<name>text</name>`.
pub(super) fn write_element(out: &mut Vec<u8>, name: &str, text: &str) {
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
    write_text(out, text);
    write_end(out, name);
}

/// Appends `</name>`.
pub(super) fn write_end(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}
