//! Character data that a parser hands over in pieces.

use std::borrow::Cow;

use super::Text;
use super::element::Node;
use super::strict::Reader;

/// Text pieced together from slices, references and CDATA sections.
pub(super) enum Accumulator<'a> {
    Empty,
    /// Exactly one slice of the source so far.
    Slice(&'a str),
    Owned(String),
}

impl<'a> Accumulator<'a> {
    pub(super) fn push(&mut self, piece: Cow<'a, str>) {
        match self {
            Self::Empty => {
                *self = match piece {
                    Cow::Borrowed(slice) => Self::Slice(slice),
                    Cow::Owned(owned) => Self::Owned(owned),
                };
            }
            Self::Slice(_) | Self::Owned(_) => self.owned().push_str(&piece),
        }
    }

    pub(super) fn push_char(&mut self, c: char) {
        self.owned().push(c);
    }

    fn owned(&mut self) -> &mut String {
        match self {
            Self::Empty => *self = Self::Owned(String::new()),
            Self::Slice(slice) => {
                let mut owned = String::with_capacity(slice.len() * 2 + 16);
                owned.push_str(slice);
                *self = Self::Owned(owned);
            }
            Self::Owned(_) => {}
        }
        let Self::Owned(owned) = self else { unreachable!("made owned above") };
        owned
    }

    pub(super) fn finish(self, reader: &Reader<'a>) -> Text {
        match self {
            Self::Empty => Text::new(),
            Self::Slice(slice) => reader.slice(slice),
            Self::Owned(owned) => Text::from(owned),
        }
    }

    pub(super) fn flush(&mut self, reader: &Reader<'a>, nodes: &mut Vec<Node>) {
        let text = std::mem::replace(self, Self::Empty).finish(reader);
        if !text.is_empty() {
            nodes.push(Node::Text(text));
        }
    }
}
