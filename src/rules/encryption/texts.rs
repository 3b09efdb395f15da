//! What people are told of encryption, in their languages.

use crate::codec::yaml::Node;
use crate::rules::shape::Shape;
use crate::rules::texts;

pub use texts::Said;

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saying {
    /// To an XMPP user whose message was refused.
    Refused,
    /// To a SIP user whose message was refused.
    Warning,
    /// To a SIP user whose object cannot stand in XML.
    NotCarriable,
    /// To the recipient of what was refused.
    Notice,
    /// In place of a part that was left out.
    PartLeftOut,
    /// To an XMPP user whose recipient does not take S/MIME.
    NotTaken,
}

const SAYINGS: [(&str, Saying); 6] = [
    ("refused", Saying::Refused),
    ("warning", Saying::Warning),
    ("not_carriable", Saying::NotCarriable),
    ("notice", Saying::Notice),
    ("part_left_out", Saying::PartLeftOut),
    ("not_taken", Saying::NotTaken),
];

/// The texts, by saying and language.
pub type Texts = texts::Texts<Saying>;

impl Texts {
    /// A text in the language that is nearest to the wanted one. `title` stands for `{scheme}`.
    #[must_use]
    pub fn say(&self, saying: Saying, lang: Option<&str>, title: &str, address: &str) -> Said {
        self.fill(saying, lang, &[("scheme", title), ("address", address)])
    }

    pub(super) fn read_all(&mut self, node: &Node<'_>) {
        self.read(node, &SAYINGS);
    }
}

/// The texts as values.
pub(super) fn shape() -> Shape {
    texts::shape(&SAYINGS)
}
