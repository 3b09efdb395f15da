//! What makes XML illegal: XML 1.0, XML Namespaces 1.0, RFC 6120 §11.

/// What is wrong with a piece of XML; always the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlFault {
    /// RFC 6120 §11.6.
    #[error("not UTF-8")]
    NotUtf8,
    /// XML 1.0 §2.2 `Char`, raw or as a character reference.
    #[error("a character that XML cannot carry")]
    IllegalCharacter,
    /// RFC 6120 §11.1.
    #[error("a comment")]
    Comment,
    /// RFC 6120 §11.1.
    #[error("a processing instruction")]
    ProcessingInstruction,
    /// RFC 6120 §11.1.
    #[error("a document type declaration")]
    Dtd,
    /// XML 1.0 §2.4.
    #[error("`]]>` in character data")]
    CdataEnd,
    /// XML 1.0 §3.1.
    #[error("`<` in an attribute value")]
    LessThanInAttribute,
    /// XML 1.0 §3.1, XML Namespaces 1.0 §6.3.
    #[error("the same attribute twice")]
    DuplicateAttribute,
    /// XML Namespaces 1.0 §5.
    #[error("an undeclared namespace prefix")]
    UndeclaredPrefix,
    /// XML Namespaces 1.0 §3: `xml`, `xmlns` or an empty name bound wrongly.
    #[error("a forbidden namespace declaration")]
    BadNamespace,
    /// XML Namespaces 1.0 §4.
    #[error("an illegal name")]
    BadName,
    /// RFC 6120 §11.1: only the five predefined entities exist.
    #[error("an unknown entity or a broken reference")]
    BadReference,
    /// XML 1.0 §2.1.
    #[error("content outside of the one root element")]
    TwoRoots,
    /// Everything else that XML 1.0 forbids.
    #[error("not well-formed")]
    NotWellFormed,
    /// `Limits::max_depth`.
    #[error("elements nested too deeply")]
    TooDeep,
    /// `Limits::max_attributes`.
    #[error("too many attributes")]
    TooManyAttributes,
    /// `Limits::max_stanza_octets`.
    #[error("too large")]
    TooLarge,
}
