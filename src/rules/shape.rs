//! What may stand in a rule file, as a value: the reference and the editor's schema are printed
//! from it, and the reader reads by the same tables of keys, so that the three cannot differ.

/// What a value may be.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// One of these words.
    Words(Vec<&'static str>),
    /// `true` or `false`.
    Truth,
    /// A whole number within bounds.
    Number(u64, u64),
    /// A length of time, up to a week.
    Time,
    /// A status code within bounds.
    Code(u16, u16),
    /// Any text.
    Text,
    /// A text with `${variables}`, of these names.
    Template(&'static [&'static str]),
    /// A text or a list of texts, each exact, with `*` and `?`, or a `/regular expression/`.
    Patterns,
    /// A set of keys.
    Keys(Vec<Described>),
    /// A set whose keys are names of this kind, all values of one shape.
    Entries(Names, Box<Shape>),
    /// A list.
    List(Box<Shape>),
    /// One shape or the other.
    Either(Box<[Shape; 2]>),
}

/// Which names a set of entries may have.
#[derive(Debug, Clone)]
pub(super) enum Names {
    /// One of these.
    Of(Vec<&'static str>),
    /// What matches this regular expression; the words say what that is.
    Matching(&'static str, &'static str),
}

/// One key of a set.
#[derive(Debug, Clone)]
pub(super) struct Described {
    /// The key.
    pub(super) name: &'static str,
    /// What it decides.
    pub(super) doc: &'static str,
    /// What may stand there.
    pub(super) shape: Shape,
}

impl Shape {
    /// The same in a few words, for a person.
    #[must_use]
    pub(super) fn in_words(&self) -> String {
        let quoted = |word: &&str| format!("`{word}`");
        match self {
            Shape::Words(words) => words.iter().map(quoted).collect::<Vec<_>>().join(", "),
            Shape::Truth => "`true`, `false`".to_owned(),
            Shape::Number(low, high) => format!("{low} to {high}"),
            Shape::Time => "time, `0s` to `168h`".to_owned(),
            Shape::Code(low, high) => format!("code, {low} to {high}"),
            Shape::Text => "text".to_owned(),
            Shape::Template(_) => "template".to_owned(),
            Shape::Patterns => "patterns".to_owned(),
            Shape::Keys(_) => "set of keys".to_owned(),
            Shape::Entries(Names::Of(_), shape) => format!("for each name: {}", shape.in_words()),
            Shape::Entries(Names::Matching(_, words), shape) => {
                format!("{words}: {}", shape.in_words())
            }
            Shape::Either(both) => format!("{}, or {}", both[0].in_words(), both[1].in_words()),
            Shape::List(item) => format!("list of {}", item.in_words()),
        }
    }
}
