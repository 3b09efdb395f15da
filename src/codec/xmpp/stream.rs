//! The stream around the stanzas: header, handshake, errors, close.
//!
//! RFC 6120 §4 and XEP-0114 §3.

use sha1::{Digest, Sha1};

use super::ns;
use crate::codec::xml::{
    Element, Limits, Namespaces, Text, XmlFault,
    escape::{write_attribute, write_text},
    strict::{Dialect, Event, Reader},
};

/// What a stanza inherits from the stream header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamContext {
    /// Declarations made on the stream header.
    pub namespaces: Namespaces,
    /// `xml:lang` of the stream, RFC 6120 §4.7.4.
    pub lang: Option<Text>,
    /// Bounds on each stanza.
    pub limits: Limits,
}

impl StreamContext {
    /// The context of a component stream whose header says no more than it
    /// must, XEP-0114 §3.
    #[must_use]
    pub fn component(limits: Limits) -> Self {
        let namespaces = Namespaces {
            default: Text::from_static(ns::COMPONENT_ACCEPT),
            prefixes: vec![(Text::from_static("stream"), Text::from_static(ns::STREAMS))],
        };
        Self { namespaces, lang: None, limits }
    }
}

/// The server's stream header, XEP-0114 §3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamHeader {
    /// Stream id, an input of the handshake.
    pub id: Text,
    /// The component name the server answers with, as written.
    pub from: Option<Text>,
    /// What the stanzas inherit.
    pub context: StreamContext,
}

impl StreamHeader {
    /// Parses the start tag of the stream element.
    pub(super) fn parse(tag: &Text, limits: Limits) -> Result<Self, StreamFault> {
        let outer = Namespaces::default();
        let mut reader = Reader::new(tag, &outer, limits, Dialect::Stanza)?;
        let Event::Start { name, ns } = reader.next()? else {
            return Err(StreamFault::Xml(XmlFault::NotWellFormed));
        };
        if name != "stream" || &*ns != ns::STREAMS {
            return Err(StreamFault::NotAStream);
        }
        let namespaces = reader.declarations();
        // Servers that fail before the header is clear may leave the default out.
        if !namespaces.default.is_empty() && !ns::is_stanza(&namespaces.default) {
            return Err(StreamFault::WrongNamespace);
        }
        let attribute = |name| reader.attribute(name).map(|a| reader.share(a.value.clone()));
        Ok(Self {
            id: attribute("id").unwrap_or_default(),
            from: attribute("from"),
            context: StreamContext { lang: reader.lang(), namespaces, limits },
        })
    }
}

/// Why a stream can no longer be read; the link has to be opened anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamFault {
    /// The header, or markup between the stanzas, breaks a rule of XML.
    #[error("stream is not legal XML: {0}")]
    Xml(#[from] XmlFault),
    /// The root element is no stream, RFC 6120 §4.7.
    #[error("not an XMPP stream")]
    NotAStream,
    /// The default namespace is none that stanzas live in, RFC 6120 §4.8.2.
    #[error("stream of a foreign namespace")]
    WrongNamespace,
    /// `Limits::max_header_octets`.
    #[error("stream header too large")]
    HeaderTooLarge,
    /// The stream's end tag alone exceeds `Limits::max_stanza_octets`.
    #[error("end tag of the stream too large")]
    TagTooLarge,
    /// Text between the stanzas, RFC 6120 §11.7.
    #[error("text between stanzas")]
    TextBetweenStanzas,
    /// An end tag that does not close what is open: where the stanza ends
    /// cannot be told any more.
    #[error("stray end tag")]
    StrayEndTag,
}

impl StreamFault {
    /// The condition to close the stream with, RFC 6120 §4.9.3.
    #[must_use]
    pub const fn condition(self) -> StreamCondition {
        match self {
            Self::Xml(XmlFault::Comment | XmlFault::ProcessingInstruction | XmlFault::Dtd) => {
                StreamCondition::RestrictedXml
            }
            Self::Xml(_) | Self::StrayEndTag => StreamCondition::NotWellFormed,
            Self::NotAStream | Self::WrongNamespace => StreamCondition::InvalidNamespace,
            Self::HeaderTooLarge | Self::TagTooLarge => StreamCondition::PolicyViolation,
            Self::TextBetweenStanzas => StreamCondition::BadFormat,
        }
    }
}

/// Appends the header with which a component opens its stream, XEP-0114 §3;
/// `component` is the domain it serves.
pub fn write_header(out: &mut Vec<u8>, component: &str) {
    out.extend_from_slice(b"<?xml version='1.0'?><stream:stream");
    write_attribute(out, "xmlns", ns::COMPONENT_ACCEPT);
    write_attribute(out, "xmlns:stream", ns::STREAMS);
    write_attribute(out, "to", component);
    out.push(b'>');
}

/// Appends the closing tag, RFC 6120 §4.4.
pub fn write_close(out: &mut Vec<u8>) {
    out.extend_from_slice(b"</stream:stream>");
}

/// The handshake's content: SHA-1 of stream id and secret, lower-case
/// hexadecimal, XEP-0114 §3.
#[must_use]
pub fn handshake(id: &str, secret: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut sha = Sha1::new();
    sha.update(id.as_bytes());
    sha.update(secret.as_bytes());
    let nibbles = sha.finalize().into_iter().flat_map(|octet| [octet >> 4, octet & 15]);
    nibbles.map(|nibble| char::from(HEX[usize::from(nibble)])).collect()
}

/// Appends `<handshake/>` with the digest, XEP-0114 §3.
pub fn write_handshake(out: &mut Vec<u8>, id: &str, secret: &str) {
    out.extend_from_slice(b"<handshake>");
    write_text(out, &handshake(id, secret));
    out.extend_from_slice(b"</handshake>");
}

/// `<stream:error/>`, RFC 6120 §4.9.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamError {
    /// The defined condition.
    pub condition: StreamCondition,
    /// Human-readable text.
    pub text: Option<Text>,
    /// Where to go instead, with `see-other-host` only (§4.9.3.19).
    pub other_host: Option<Text>,
}

impl StreamError {
    /// Reads the content of an `<error/>` of the streams namespace.
    pub(super) fn from_element(element: &Element) -> Self {
        let mut error =
            Self { condition: StreamCondition::UndefinedCondition, text: None, other_host: None };
        for child in element.elements().filter(|child| child.ns == ns::STREAM_ERRORS) {
            if child.name == "text" {
                error.text = Some(child.text());
            } else if let Some(condition) = StreamCondition::from_name(&child.name) {
                error.condition = condition;
                let host = child.text();
                let is_elsewhere = condition == StreamCondition::SeeOtherHost && !host.is_empty();
                error.other_host = is_elsewhere.then_some(host);
            }
        }
        error
    }

    /// Appends the error; the stream must be closed after it (§4.9.1.1).
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<stream:error>");
        let mut condition = Element {
            name: Text::from_static(self.condition.name()),
            ns: Text::from_static(ns::STREAM_ERRORS),
            ..Element::default()
        };
        if let Some(host) = &self.other_host {
            condition = condition.with_text(host.clone());
        }
        condition.write(out, ns::COMPONENT_ACCEPT);
        if let Some(text) = &self.text {
            let text = Element::new("text", ns::STREAM_ERRORS).with_text(text.clone());
            text.write(out, ns::COMPONENT_ACCEPT);
        }
        out.extend_from_slice(b"</stream:error>");
    }
}

macro_rules! stream_conditions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Defined conditions of stream errors, RFC 6120 §4.9.3.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum StreamCondition { $($(#[$doc])* $variant,)* }

        impl StreamCondition {
            /// All of them, in the order of RFC 6120 §4.9.3.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The element's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The condition of that element name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

stream_conditions! {
    /// RFC 6120 §4.9.3.1.
    BadFormat = "bad-format",
    /// RFC 6120 §4.9.3.2.
    BadNamespacePrefix = "bad-namespace-prefix",
    /// RFC 6120 §4.9.3.3: another stream has taken the name.
    Conflict = "conflict",
    /// RFC 6120 §4.9.3.4.
    ConnectionTimeout = "connection-timeout",
    /// RFC 6120 §4.9.3.5.
    HostGone = "host-gone",
    /// RFC 6120 §4.9.3.6.
    HostUnknown = "host-unknown",
    /// RFC 6120 §4.9.3.7.
    ImproperAddressing = "improper-addressing",
    /// RFC 6120 §4.9.3.8.
    InternalServerError = "internal-server-error",
    /// RFC 6120 §4.9.3.9.
    InvalidFrom = "invalid-from",
    /// RFC 6120 §4.9.3.10.
    InvalidNamespace = "invalid-namespace",
    /// RFC 6120 §4.9.3.11.
    InvalidXml = "invalid-xml",
    /// RFC 6120 §4.9.3.12: the handshake failed.
    NotAuthorized = "not-authorized",
    /// RFC 6120 §4.9.3.13.
    NotWellFormed = "not-well-formed",
    /// RFC 6120 §4.9.3.14.
    PolicyViolation = "policy-violation",
    /// RFC 6120 §4.9.3.15.
    RemoteConnectionFailed = "remote-connection-failed",
    /// RFC 6120 §4.9.3.16.
    Reset = "reset",
    /// RFC 6120 §4.9.3.17.
    ResourceConstraint = "resource-constraint",
    /// RFC 6120 §4.9.3.18.
    RestrictedXml = "restricted-xml",
    /// RFC 6120 §4.9.3.19.
    SeeOtherHost = "see-other-host",
    /// RFC 6120 §4.9.3.20.
    SystemShutdown = "system-shutdown",
    /// RFC 6120 §4.9.3.21, and every name this table lacks.
    UndefinedCondition = "undefined-condition",
    /// RFC 6120 §4.9.3.22.
    UnsupportedEncoding = "unsupported-encoding",
    /// RFC 6120 §4.9.3.23.
    UnsupportedFeature = "unsupported-feature",
    /// RFC 6120 §4.9.3.24.
    UnsupportedStanzaType = "unsupported-stanza-type",
    /// RFC 6120 §4.9.3.25.
    UnsupportedVersion = "unsupported-version",
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::xmpp::{Stanza, parse};

    #[test]
    fn arch_021_the_handshake_is_sha_1_of_id_and_secret_in_lower_case() {
        let mut out = Vec::new();
        write_header(&mut out, "sip.example.com");
        let header = String::from_utf8(out).unwrap();
        assert!(header.contains(" xmlns='jabber:component:accept'"), "{header}");
        assert!(header.contains(" to='sip.example.com'"), "{header}");
        assert_eq!(handshake("3BF96D32", "x"), "525247fe395bea82f270b3b420ff1f8bf0c70e5d");
    }

    #[test]
    fn v_49_handshake_of_the_xep() {
        // The XEP's stream id with a secret of ours, checked with sha1sum.
        assert_eq!(handshake("3BF96D32", "secret").len(), 40);
        assert_eq!(handshake("", "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(handshake("a", "bc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        let mut out = Vec::new();
        write_handshake(&mut out, "a", "bc");
        assert_eq!(out, b"<handshake>a9993e364706816aba3e25717850c26c9cd0d89d</handshake>");
    }

    #[test]
    fn header_as_the_xep_has_it() {
        let mut out = Vec::new();
        write_header(&mut out, "plays.shakespeare.lit");
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
             xmlns:stream='http://etherx.jabber.org/streams' to='plays.shakespeare.lit'>"
        );
    }

    #[test]
    fn all_25_stream_errors_read_and_written() {
        let context = StreamContext::component(Limits::default());
        assert_eq!(StreamCondition::ALL.len(), 25);
        for &condition in StreamCondition::ALL {
            let is_elsewhere = condition == StreamCondition::SeeOtherHost;
            let error = StreamError {
                condition,
                text: Some("be seeing you".into()),
                other_host: is_elsewhere.then(|| "[2001:db8::1]:5347".into()),
            };
            let mut out = Vec::new();
            error.write(&mut out);
            assert_eq!(parse(&context, out.into()), Ok(Stanza::StreamError(error)));
        }
    }

    #[test]
    fn unknown_stream_error_is_undefined() {
        let context = StreamContext::component(Limits::default());
        let text =
            "<stream:error><novel xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";
        let expected = StreamError {
            condition: StreamCondition::UndefinedCondition,
            text: None,
            other_host: None,
        };
        assert_eq!(parse(&context, text.into()), Ok(Stanza::StreamError(expected)));
    }
}
