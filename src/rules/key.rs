//! The keys of a set, each with what it decides, what may stand there and where that goes: one
//! table for each set, from which the reader and the [`Shape`] are both made.

use std::time::Duration;

use super::shape::{Described, Shape};
use crate::codec::yaml::{Map, Node};

/// The longest time that a rule may name.
const LONGEST: Duration = Duration::from_secs(90 * 24 * 3_600);

/// One key of a set that is read into a `T`.
pub(super) struct Key<T: 'static> {
    /// The key.
    pub(super) name: &'static str,
    /// What it decides.
    pub(super) doc: &'static str,
    /// What may stand there, and where it goes.
    pub(super) kind: Kind<T>,
}

/// A word, with what it sets.
pub(super) type Word<T> = (&'static str, fn(&mut T));

/// What may stand at a key, with what takes it.
pub(super) enum Kind<T: 'static> {
    /// One of these words.
    Words(&'static [Word<T>]),
    /// `true` or `false`.
    Truth(fn(&mut T, bool)),
    /// A whole number within bounds.
    Number(u64, u64, fn(&mut T, usize)),
    /// A length of time, up to a week.
    Time(fn(&mut T, Duration)),
    /// Final status codes from 300 on.
    Codes(fn(&mut T, Vec<u16>)),
    /// Texts.
    Texts(fn(&mut T, Vec<String>)),
    /// A set of keys of the same `T`.
    Keys(&'static [Key<T>]),
    /// Anything else that knows how to read itself and what it looks like.
    Other(fn(&mut T, &Node<'_>), fn() -> Shape),
}

/// Reads those of the keys that are there.
pub(super) fn read<T>(keys: &'static [Key<T>], map: &Map<'_>, into: &mut T) {
    for key in keys {
        if let Some(node) = map.optional(key.name) {
            key.kind.read(&node, into);
        }
    }
}

/// Reads a value that is a set of these keys and of no others.
pub(super) fn read_set<T>(keys: &'static [Key<T>], node: &Node<'_>, into: &mut T) {
    if let Some(map) = node.map() {
        read(keys, &map, into);
        map.finish();
    }
}

/// The keys as values.
pub(super) fn described<T>(keys: &'static [Key<T>]) -> Vec<Described> {
    keys.iter()
        .map(|key| Described { name: key.name, doc: key.doc, shape: key.kind.shape() })
        .collect()
}

impl<T> Kind<T> {
    fn read(&self, node: &Node<'_>, into: &mut T) {
        match self {
            Kind::Words(words) => {
                if let Some(set) = node.one_of(words) {
                    set(into);
                }
            }
            Kind::Truth(set) => set_some(into, node.truth(), *set),
            Kind::Number(low, high, set) => {
                let number = node.number(*low..=*high).and_then(|n| usize::try_from(n).ok());
                set_some(into, number, *set);
            }
            Kind::Time(set) => set_some(into, node.duration(Duration::ZERO..=LONGEST), *set),
            Kind::Codes(set) => {
                let codes = node.list().and_then(|list| {
                    list.iter().map(|node| status(node, 300)).collect::<Option<Vec<u16>>>()
                });
                set_some(into, codes, *set);
            }
            Kind::Texts(set) => set_some(into, texts(node), *set),
            Kind::Keys(keys) => read_set(keys, node, into),
            Kind::Other(read, _) => read(into, node),
        }
    }

    fn shape(&self) -> Shape {
        match self {
            Kind::Words(words) => Shape::Words(words.iter().map(|(word, _)| *word).collect()),
            Kind::Truth(_) => Shape::Truth,
            Kind::Number(low, high, _) => Shape::Number(*low, *high),
            Kind::Time(_) => Shape::Time,
            Kind::Codes(_) => Shape::List(Box::new(Shape::Code(300, 699))),
            Kind::Texts(_) => Shape::List(Box::new(Shape::Text)),
            Kind::Keys(keys) => Shape::Keys(described(keys)),
            Kind::Other(_, shape) => shape(),
        }
    }
}

fn set_some<T, V>(into: &mut T, value: Option<V>, set: fn(&mut T, V)) {
    if let Some(value) = value {
        set(into, value);
    }
}

fn texts(node: &Node<'_>) -> Option<Vec<String>> {
    node.list()?.iter().map(|node| node.text().map(str::to_owned)).collect()
}

/// A final status code from `lowest` to 699.
pub(super) fn status(node: &Node<'_>, lowest: u64) -> Option<u16> {
    node.number(lowest..=699).and_then(|code| u16::try_from(code).ok())
}
