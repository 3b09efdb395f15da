//! `<status/>`, RFC 3863 §4.1.3 and §4.1.4, RFC 8048 §6.2.

use super::dialect::is_rpid;
use super::note::{write_element, write_end};
use super::source::Source;
use super::{Activities, IM, Malformed, PIDF, Text, is_pidf};
use crate::codec::xml::escape::{write_attribute, write_text};
use crate::codec::xmpp::{Show, ns};

/// Unknown elements of one status that are remembered by name.
const MAX_NOT_UNDERSTOOD: usize = 8;

/// Whether a tuple can take instant messages, RFC 3863 §4.1.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Basic {
    /// It can.
    Open,
    /// It can not.
    Closed,
}

impl Basic {
    fn from_name(name: &str) -> Option<Self> {
        // The schema has small letters; peers write others, and mean the same.
        [Self::Open, Self::Closed].into_iter().find(|basic| name.eq_ignore_ascii_case(basic.name()))
    }

    /// The element's content.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// The name of an element, XML Namespaces 1.0 §5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpandedName {
    /// Namespace name, empty if none.
    pub ns: Text,
    /// Local name.
    pub name: Text,
}

/// The status of a tuple.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// `None`: the tuple says nothing about availability.
    pub basic: Option<Basic>,
    /// `<show xmlns='jabber:client'/>`, RFC 8048 §6.2; unknown values count as absent.
    pub show: Option<Show>,
    /// `<im:im/>`, RFC 3922 §5.1.5, as written: `away`, `busy`, `chat`, `xa`, `offline` and others.
    pub im: Option<Text>,
    /// What the person does, as the drafts before RFC 4480 had it here. Never written.
    pub activities: Vec<Activities>,
    /// What was marked `mustUnderstand` and is not understood, up to eight names: those elements
    /// were refused, the rest of the status holds (RFC 3863 §4.2.3). Never written.
    pub not_understood: Vec<ExpandedName>,
}

impl Status {
    /// Reads the status just opened. Of two elements with one name the first counts.
    pub(super) fn read(source: &mut Source<'_>) -> Result<Self, Malformed> {
        let mut status = Self::default();
        source.children(|source, namespace, name| {
            match name {
                "basic" if is_pidf(namespace) && status.basic.is_none() => {
                    status.basic = Basic::from_name(&source.text()?);
                }
                "show" if namespace == ns::CLIENT && status.show.is_none() => {
                    status.show = Show::from_name(&source.text()?);
                }
                "im" if namespace == IM && status.im.is_none() => {
                    status.im = Some(source.text()?).filter(|text| !text.is_empty());
                }
                "activities" if is_rpid(namespace) => {
                    Activities::add(source, None, &mut status.activities)?;
                }
                _ => {
                    status.refuse(source, namespace, name);
                    source.skip()?;
                }
            }
            Ok(())
        })?;
        Ok(status)
    }

    /// Notes the element just opened, if it must be understood.
    fn refuse(&mut self, source: &Source<'_>, namespace: &str, name: &str) {
        let is_marked = source.xml.attributes().iter().any(|attribute| {
            attribute.name == "mustUnderstand"
                && attribute.ns.as_deref().is_some_and(is_pidf)
                && matches!(attribute.value.trim_ascii(), "true" | "1")
        });
        let is_known = is_pidf(namespace) && name == "basic"
            || namespace == ns::CLIENT && name == "show"
            || namespace == IM && name == "im";
        if is_marked && !is_known && self.not_understood.len() < MAX_NOT_UNDERSTOOD {
            self.not_understood.push(ExpandedName { ns: namespace.into(), name: name.into() });
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<status>");
        if let Some(basic) = self.basic {
            write_element(out, "basic", basic.name());
        }
        if let Some(show) = self.show {
            write_foreign(out, "show", ns::CLIENT, show.name());
        }
        if let Some(im) = &self.im {
            write_foreign(out, "im", IM, im);
        }
        write_end(out, "status");
    }
}

/// Appends an element of another namespace than the document's.
fn write_foreign(out: &mut Vec<u8>, name: &str, namespace: &str, text: &str) {
    debug_assert_ne!(namespace, PIDF);
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    write_attribute(out, "xmlns", namespace);
    out.push(b'>');
    write_text(out, text);
    write_end(out, name);
}
