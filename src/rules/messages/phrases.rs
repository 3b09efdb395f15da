//! What stands for content that is no text, and what its sender is told, in their languages.

use crate::codec::yaml::Node;
use crate::rules::shape::Shape;
use crate::rules::texts;

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phrase {
    /// Reactions; `{reaction}` stands for them.
    Reaction,
    /// All reactions to a message are taken back.
    ReactionWithdrawn,
    /// An invitation; `{room}` stands for the address.
    Invitation,
    /// The password of a room; `{password}` stands for it.
    Password,
    /// A wish to be noticed.
    Attention,
    /// To the sender: no call crosses.
    NoCall,
    /// To the sender: no retraction crosses.
    NoRetraction,
    /// To the sender: no correction crosses that has no text.
    NoCorrection,
    /// To the sender: no form crosses.
    NoForm,
    /// To the sender: this kind of content is not known.
    NoContent,
}

const PHRASES: [(&str, Phrase); 10] = [
    ("reaction", Phrase::Reaction),
    ("reaction_withdrawn", Phrase::ReactionWithdrawn),
    ("invitation", Phrase::Invitation),
    ("password", Phrase::Password),
    ("attention", Phrase::Attention),
    ("no_call", Phrase::NoCall),
    ("no_retraction", Phrase::NoRetraction),
    ("no_correction", Phrase::NoCorrection),
    ("no_form", Phrase::NoForm),
    ("no_content", Phrase::NoContent),
];

/// The texts, by phrase and language.
pub type Phrases = texts::Texts<Phrase>;

impl Phrases {
    pub(super) fn read_all(&mut self, node: &Node<'_>) {
        self.read(node, &PHRASES);
    }
}

/// The texts as values.
pub(super) fn shape() -> Shape {
    texts::shape(&PHRASES)
}
