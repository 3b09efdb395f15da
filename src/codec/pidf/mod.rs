//! Presence documents, `application/pidf+xml`.
//!
//! RFC 3863 (the document), RFC 4479 (person and device), RFC 4480 (activities
//! and idle time), and the `<show/>` of RFC 8048 §6.2. No policy, no I/O, no
//! clock: [`Document::parse`] reads what peers send, leniently;
//! [`Document::write`] writes what the schemas allow.

mod contact;
mod data_model;
mod dialect;
mod document;
mod encoding;
pub mod location;
mod note;
#[cfg(test)]
mod properties;
mod rpid;
mod source;
mod status;
#[cfg(test)]
mod tests;
mod timestamp;
mod tuple;
pub mod xml_id;

use super::xml::XmlFault;

pub use contact::{Contact, Priority};
pub use data_model::{Device, Person};
pub use document::Document;
pub use encoding::declared_encoding;
pub use note::Note;
pub use rpid::{Activities, Activity, UserInput};
pub use status::{Basic, ExpandedName, Status};
pub use tuple::Tuple;

/// Text of a document: a slice of the octets it came in, cheap to clone.
pub type Text = bytestring::ByteString;

/// The media type, RFC 3863 §5.1.
pub const MEDIA_TYPE: &str = "application/pidf+xml";
/// Namespace of the document, RFC 3863 §4.2.2.
pub const PIDF: &str = "urn:ietf:params:xml:ns:pidf";
/// Namespace of person and device, RFC 4479 §5.1.2.
pub const DATA_MODEL: &str = "urn:ietf:params:xml:ns:pidf:data-model";
/// Namespace of activities and idle time, RFC 4480 §3.1.
pub const RPID: &str = "urn:ietf:params:xml:ns:pidf:rpid";
/// Namespace of the instant messaging status in RFC 3863 §4.3.1 and RFC 3922 §5.1.5.
pub const IM: &str = "urn:ietf:params:xml:ns:pidf:im";

/// True for the namespace of the document, also as RFC 3863 §4.1.1 misprints it.
fn is_pidf(namespace: &str) -> bool {
    namespace.strip_suffix(':').unwrap_or(namespace) == PIDF
}

/// Bounds on a received document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the document.
    pub octets: usize,
    /// Depth of nested elements, the root being 1.
    pub depth: u32,
    /// Attributes and namespace declarations of one element.
    pub attributes: usize,
    /// Tuples.
    pub tuples: usize,
    /// Persons and devices, each.
    pub components: usize,
    /// Notes of one element.
    pub notes: usize,
    /// Activities of one person, and `<activities/>` of one person.
    pub activities: usize,
}

impl Limits {
    /// A few times what a user with many devices publishes.
    pub const DEFAULT: Self = Self {
        octets: 65_536,
        depth: 16,
        attributes: 64,
        tuples: 64,
        components: 64,
        notes: 16,
        activities: 32,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Why octets are no presence document; always the fault of who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not legal XML, or beyond [`Limits::octets`], `depth` or `attributes`.
    #[error("illegal XML: {0}")]
    Xml(#[from] XmlFault),
    /// The root is not `<presence/>` of [`PIDF`], RFC 3863 §4.1.1.
    #[error("the root is no presence element of PIDF")]
    Root,
    /// Beyond [`Limits::tuples`].
    #[error("too many tuples")]
    TooManyTuples,
    /// Beyond [`Limits::components`].
    #[error("too many persons or devices")]
    TooManyComponents,
    /// Beyond [`Limits::notes`].
    #[error("too many notes")]
    TooManyNotes,
    /// Beyond [`Limits::activities`].
    #[error("too many activities")]
    TooManyActivities,
}

impl Malformed {
    /// Whether the document may be legal and only exceeds a limit of ours.
    #[must_use]
    pub const fn is_limit(self) -> bool {
        !matches!(self, Self::Root)
            && match self {
                Self::Xml(fault) => matches!(
                    fault,
                    XmlFault::TooLarge | XmlFault::TooDeep | XmlFault::TooManyAttributes
                ),
                _ => true,
            }
    }
}
