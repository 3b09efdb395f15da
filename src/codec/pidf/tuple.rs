//! `<tuple/>`, RFC 3863 §4.1.2: one device, client or service of the presentity.

use time::OffsetDateTime;

use super::note::{write_element, write_end};
use super::source::Source;
use super::xml_id::write_id;
use super::{
    Contact, DATA_MODEL, Malformed, Note, RPID, Status, Text, UserInput, is_pidf, timestamp,
};

/// Device identifiers of one tuple that are kept.
const MAX_DEVICES: usize = 8;

/// One tuple.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tuple {
    /// Unique in the document. What peers write there is often no `xs:ID`; when written, an id that
    /// is none is [escaped](super::xml_id::escape).
    pub id: Text,
    /// RFC 3863 §4.1.3.
    pub status: Status,
    /// RFC 4479 §3.3: the devices that provide it; at most eight.
    pub device_ids: Vec<Text>,
    /// RFC 4480 §3.14.
    pub user_input: Option<UserInput>,
    /// RFC 3863 §4.1.5.
    pub contact: Option<Contact>,
    /// RFC 3863 §4.1.6.
    pub notes: Vec<Note>,
    /// When the status changed, RFC 3863 §4.1.7.
    pub timestamp: Option<OffsetDateTime>,
}

impl Tuple {
    /// Reads the tuple just opened; `None` if it has no id or no status. Of two elements with one
    /// name the first counts, but for notes and devices.
    pub(super) fn read(
        source: &mut Source<'_>,
        outer: Option<&Text>,
    ) -> Result<Option<Self>, Malformed> {
        let lang = source.lang(outer);
        let id = source.attribute("id").filter(|id| !id.is_empty());
        let mut tuple = Self { id: id.clone().unwrap_or_default(), ..Self::default() };
        let mut status = None;
        source.children(|source, namespace, name| {
            match name {
                "status" if is_pidf(namespace) && status.is_none() => {
                    status = Some(Status::read(source)?);
                }
                "contact" if is_pidf(namespace) && tuple.contact.is_none() => {
                    tuple.contact = Contact::read(source)?;
                }
                "note" if is_pidf(namespace) => {
                    Note::read(source, lang.as_ref(), &mut tuple.notes)?;
                }
                "timestamp" if is_pidf(namespace) && tuple.timestamp.is_none() => {
                    tuple.timestamp = timestamp::parse(&source.text()?);
                }
                "deviceID" if namespace == DATA_MODEL => {
                    let id = source.text()?;
                    if !id.is_empty() && tuple.device_ids.len() < MAX_DEVICES {
                        tuple.device_ids.push(id);
                    }
                }
                "user-input" if namespace == RPID && tuple.user_input.is_none() => {
                    tuple.user_input = UserInput::read(source)?;
                }
                _ => source.skip()?,
            }
            Ok(())
        })?;
        Ok(id.and(status).map(|status| Self { status, ..tuple }))
    }

    /// Appends the tuple, in the order of RFC 3863 §4.4: status, extensions, contact, notes,
    /// timestamp.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<tuple");
        write_id(out, &self.id);
        out.push(b'>');
        self.status.write(out);
        for id in &self.device_ids {
            write_element(out, "dm:deviceID", id);
        }
        if let Some(input) = &self.user_input {
            input.write(out);
        }
        if let Some(contact) = &self.contact {
            contact.write(out);
        }
        self.notes.iter().for_each(|note| note.write(out, "note"));
        timestamp::write(out, "timestamp", self.timestamp);
        write_end(out, "tuple");
    }
}
