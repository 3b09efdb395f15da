//! The states of the framer.

/// Where in the stream the framer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing but a declaration may precede the header.
    Header,
    /// Between stanzas.
    Idle,
    /// Within a stanza.
    Stanza,
    /// Behind the stream's end tag.
    Closed,
}

/// What the next octet belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lex {
    Content,
    /// Behind `<`.
    Markup,
    StartTag,
    Quoted(u8),
    EndTag,
    /// Behind `<!`, with that many octets of `[CDATA[` seen.
    Bang(usize),
    Cdata,
    /// Within `<? ?>` before the header.
    Declaration,
}
