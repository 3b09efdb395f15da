//! `<presence/>`, RFC 3863 §4.1: the whole document.

use super::dialect::is_person;
use super::note::write_end;
use super::source::Source;
use super::{
    DATA_MODEL, Device, Limits, Malformed, Note, PIDF, Person, RPID, Text, Tuple, is_pidf,
};
use crate::codec::xml;
use crate::codec::xml::{
    Namespaces, XmlFault,
    escape::write_attribute,
    strict::{Dialect, Event, Reader},
};

/// A presence document: the complete state of one presentity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The presentity's URI as written; empty where a peer has left it out.
    pub entity: Text,
    /// Tuples in order, each id once.
    pub tuples: Vec<Tuple>,
    /// Words about the presentity.
    pub notes: Vec<Note>,
    /// RFC 4479 §3.2; the model has one, some peers send more.
    pub persons: Vec<Person>,
    /// RFC 4479 §3.4.
    pub devices: Vec<Device>,
    /// How many tuples were left out because they had no id or no status, or because another one
    /// with the same id counts.
    pub left_out: usize,
}

impl Document {
    /// Reads a document. Namespaces are told by their names, whatever the prefixes; elements that
    /// are not known are skipped with all they hold (RFC 3863 §4.2.3); elements may come in any
    /// order.
    ///
    /// # Errors
    /// [`Malformed`]: the document is refused whole.
    pub fn parse(text: &Text, limits: Limits) -> Result<Self, Malformed> {
        if text.len() > limits.octets {
            return Err(XmlFault::TooLarge.into());
        }
        let text = text.slice_ref(text.strip_prefix('\u{FEFF}').unwrap_or(text));
        let outer = Namespaces::default();
        let bounds = xml::Limits {
            max_depth: limits.depth,
            max_attributes: limits.attributes,
            ..xml::Limits::default()
        };
        let xml = Reader::new(&text, &outer, bounds, Dialect::Document)?;
        let mut source = Source { xml, limits };
        let is_presence = match source.xml.next()? {
            Event::Start { name, ns } => name == "presence" && is_pidf(&ns),
            _ => return Err(XmlFault::NotWellFormed.into()),
        };
        if !is_presence {
            // What is not even XML is told from XML of another kind.
            source.skip()?;
            source.xml.next()?;
            return Err(Malformed::Root);
        }
        let document = Self::read(&mut source)?;
        source.xml.next()?;
        Ok(document)
    }

    fn read(source: &mut Source<'_>) -> Result<Self, Malformed> {
        let lang = source.lang(None);
        let entity = source.attribute("entity").unwrap_or_default();
        let mut document = Self { entity, ..Self::default() };
        source.children(|source, namespace, name| {
            let lang = lang.as_ref();
            match name {
                "tuple" if is_pidf(namespace) => match Tuple::read(source, lang)? {
                    Some(tuple) => document.take(tuple, source.limits)?,
                    None => document.left_out += 1,
                },
                "note" if is_pidf(namespace) => Note::read(source, lang, &mut document.notes)?,
                "person" if is_person(namespace) => {
                    if document.persons.len() == source.limits.components {
                        return Err(Malformed::TooManyComponents);
                    }
                    document.persons.push(Person::read(source, lang)?);
                }
                "device" if namespace == DATA_MODEL => {
                    if document.devices.len() == source.limits.components {
                        return Err(Malformed::TooManyComponents);
                    }
                    document.devices.extend(Device::read(source, lang)?);
                }
                _ => source.skip()?,
            }
            Ok(())
        })?;
        Ok(document)
    }

    /// Of two tuples with one id the one with the newer timestamp counts, and the last where one of
    /// them has none, or both have the same.
    fn take(&mut self, tuple: Tuple, limits: Limits) -> Result<(), Malformed> {
        if let Some(at) = self.tuples.iter().position(|other| other.id == tuple.id) {
            self.left_out += 1;
            let times = tuple.timestamp.zip(self.tuples[at].timestamp);
            if times.is_some_and(|(this, other)| this < other) {
                return Ok(());
            }
            self.tuples.remove(at);
        }
        if self.tuples.len() == limits.tuples {
            return Err(Malformed::TooManyTuples);
        }
        self.tuples.push(tuple);
        Ok(())
    }

    /// Appends the document in UTF-8, with its declaration, in the order of RFC 3863 §4.4: tuples,
    /// notes, extensions. Ids are `xs:ID`s (see [`xml_id`](super::xml_id)); that they differ is the
    /// caller's to see to.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<?xml version='1.0' encoding='UTF-8'?><presence");
        write_attribute(out, "xmlns", PIDF);
        if self.has_data_model() {
            write_attribute(out, "xmlns:dm", DATA_MODEL);
        }
        if self.has_rpid() {
            write_attribute(out, "xmlns:rpid", RPID);
        }
        write_attribute(out, "entity", &self.entity);
        out.push(b'>');
        self.tuples.iter().for_each(|tuple| tuple.write(out));
        self.notes.iter().for_each(|note| note.write(out, "note"));
        self.persons.iter().for_each(|person| person.write(out));
        self.devices.iter().for_each(|device| device.write(out));
        write_end(out, "presence");
    }

    fn has_data_model(&self) -> bool {
        let has_device = |tuple: &Tuple| !tuple.device_ids.is_empty();
        !self.persons.is_empty() || !self.devices.is_empty() || self.tuples.iter().any(has_device)
    }

    fn has_rpid(&self) -> bool {
        let is_rich =
            |person: &Person| !person.activities.is_empty() || person.user_input.is_some();
        self.tuples.iter().any(|tuple| tuple.user_input.is_some())
            || self.persons.iter().any(is_rich)
            || self.devices.iter().any(|device| device.user_input.is_some())
    }
}
