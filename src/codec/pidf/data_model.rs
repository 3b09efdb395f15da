//! `<person/>` and `<device/>`, RFC 4479 §3.2, §3.4 and §5.1.2.

use time::OffsetDateTime;

use super::dialect::{is_person, is_rpid};
use super::note::{write_element, write_end};
use super::source::Source;
use super::xml_id::write_id;
use super::{Activities, DATA_MODEL, Malformed, Note, Text, UserInput, is_pidf, timestamp};

/// The human being, whatever devices it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Unique in the document; empty where a peer has left it out.
    pub id: Text,
    /// RFC 4480 §3.2; several for different times.
    pub activities: Vec<Activities>,
    /// RFC 4480 §3.14, over all devices.
    pub user_input: Option<UserInput>,
    /// Words about the person.
    pub notes: Vec<Note>,
    /// When any of this changed.
    pub timestamp: Option<OffsetDateTime>,
}

/// A physical device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Unique in the document; empty where a peer has left it out.
    pub id: Text,
    /// RFC 4480 §3.14, on this device.
    pub user_input: Option<UserInput>,
    /// A URN that names the device everywhere.
    pub device_id: Text,
    /// Words about the device.
    pub notes: Vec<Note>,
    /// When any of this changed.
    pub timestamp: Option<OffsetDateTime>,
}

impl Person {
    /// Reads the person just opened.
    pub(super) fn read(source: &mut Source<'_>, outer: Option<&Text>) -> Result<Self, Malformed> {
        let lang = source.lang(outer);
        let mut person = Self { id: source.attribute("id").unwrap_or_default(), ..Self::default() };
        source.children(|source, namespace, name| {
            match name {
                "activities" if is_rpid(namespace) => {
                    Activities::add(source, lang.as_ref(), &mut person.activities)?;
                }
                // The drafts have the activities in there.
                "status" if is_pidf(namespace) || is_person(namespace) => {
                    let activities = &mut person.activities;
                    source.children(|source, namespace, name| match name {
                        "activities" if is_rpid(namespace) => {
                            Activities::add(source, lang.as_ref(), activities)
                        }
                        _ => source.skip(),
                    })?;
                }
                "user-input" if is_rpid(namespace) && person.user_input.is_none() => {
                    person.user_input = UserInput::read(source)?;
                }
                "note" if is_person(namespace) => {
                    Note::read(source, lang.as_ref(), &mut person.notes)?;
                }
                "timestamp" if is_person(namespace) && person.timestamp.is_none() => {
                    person.timestamp = timestamp::parse(&source.text()?);
                }
                _ => source.skip()?,
            }
            Ok(())
        })?;
        Ok(person)
    }

    /// Appends the person: characteristics, notes, timestamp.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<dm:person");
        write_id(out, &self.id);
        out.push(b'>');
        self.activities.iter().for_each(|activities| activities.write(out));
        if let Some(input) = &self.user_input {
            input.write(out);
        }
        self.notes.iter().for_each(|note| note.write(out, "dm:note"));
        timestamp::write(out, "dm:timestamp", self.timestamp);
        write_end(out, "dm:person");
    }
}

impl Device {
    /// Reads the device just opened; `None` if it has no identifier.
    pub(super) fn read(
        source: &mut Source<'_>,
        outer: Option<&Text>,
    ) -> Result<Option<Self>, Malformed> {
        let lang = source.lang(outer);
        let mut device = Self { id: source.attribute("id").unwrap_or_default(), ..Self::default() };
        source.children(|source, namespace, name| {
            match name {
                "deviceID" if namespace == DATA_MODEL && device.device_id.is_empty() => {
                    device.device_id = source.text()?;
                }
                "user-input" if is_rpid(namespace) && device.user_input.is_none() => {
                    device.user_input = UserInput::read(source)?;
                }
                "note" if namespace == DATA_MODEL => {
                    Note::read(source, lang.as_ref(), &mut device.notes)?;
                }
                "timestamp" if namespace == DATA_MODEL && device.timestamp.is_none() => {
                    device.timestamp = timestamp::parse(&source.text()?);
                }
                _ => source.skip()?,
            }
            Ok(())
        })?;
        Ok((!device.device_id.is_empty()).then_some(device))
    }

    /// Appends the device: characteristics, identifier, notes, timestamp.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<dm:device");
        write_id(out, &self.id);
        out.push(b'>');
        if let Some(input) = &self.user_input {
            input.write(out);
        }
        write_element(out, "dm:deviceID", &self.device_id);
        self.notes.iter().for_each(|note| note.write(out, "dm:note"));
        timestamp::write(out, "dm:timestamp", self.timestamp);
        write_end(out, "dm:device");
    }
}
