//! XML 1.0 with namespaces, as RFC 6120 §11 restricts it: what stanzas and documents are written in.
//!
//! [`Element`] is a whole tree; [`strict::Reader`] hands over event by event what `quick-xml` reads
//! and refuses what is no XML. No policy, no I/O, no clock.

mod accumulator;
pub mod element;
pub mod escape;
mod fault;
pub(crate) mod lexical;
mod scope;
pub(crate) mod strict;

pub use element::{Attr, Element, Node};
pub use fault::XmlFault;

/// What the prefix `xml` is bound to, XML Namespaces 1.0 §3.
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// What the prefix `xmlns` is bound to, XML Namespaces 1.0 §3.
pub const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// Text of a stanza: a slice of the octets it came in, cheap to clone.
///
/// It keeps the whole stanza alive. State that outlives the handling of the
/// stanza copies what it needs: [`detach`].
pub type Text = bytestring::ByteString;

/// A copy of `text` that no longer shares memory with a stanza.
#[must_use]
pub fn detach(text: &Text) -> Text {
    Text::from(&**text)
}

/// Bounds on what the peer may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of one stanza. RFC 6120 §13.12 asks for at least 10,000.
    pub max_stanza_octets: usize,
    /// Octets before and of the stream header.
    pub max_header_octets: usize,
    /// Depth of nested elements, the stanza itself being 1.
    pub max_depth: u32,
    /// Attributes and namespace declarations of one element.
    pub max_attributes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Prosody's limit for server streams is 512 KiB, for clients 256 KiB.
            max_stanza_octets: 262_144,
            max_header_octets: 8_192,
            max_depth: 32,
            max_attributes: 64,
        }
    }
}

/// Namespace declarations in force around a stanza.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// The default namespace, empty if none.
    pub default: Text,
    /// Prefixes and what they are bound to.
    pub prefixes: Vec<(Text, Text)>,
}

impl Namespaces {
    /// What `prefix` is bound to.
    #[must_use]
    pub fn get(&self, prefix: &str) -> Option<&Text> {
        self.prefixes.iter().find(|(bound, _)| bound == prefix).map(|(_, uri)| uri)
    }
}
