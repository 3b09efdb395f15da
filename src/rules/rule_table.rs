//! `rules:`, the list that each table may have: rules with a name, what they ask for, and the same
//! keys as the file itself. The first that holds wins.

use super::facts::{Direction, Field};
use super::key::{self, Key};
use super::matcher::When;
use super::rule_set::{Rule, RuleSet};
use super::shape::{Described, Shape};
use crate::codec::yaml::{Map, Node};

/// A table of settings that rules refine.
pub(super) trait RuleTable: Clone + 'static {
    /// The keys of the file, which are those of a rule too.
    const KEYS: &'static [Key<Self>];
    /// The keys of a rule alone.
    const ACTIONS: &'static [Key<Self>];
    /// What a rule can ask for.
    const ASKS: &'static [Field];
    /// What is known in one direction alone.
    const ONE_WAY: &'static [(Field, Direction)];

    /// Tells what is wrong with the keys of a rule together.
    fn check(when: &When, map: &Map<'_>);

    /// Where the compiled rules go.
    fn rule_set(&mut self) -> &mut RuleSet<Self>;
}

/// A rule as it is written.
#[derive(Clone)]
pub(super) struct Written<'d> {
    pub(super) name: String,
    pub(super) node: Node<'d>,
    /// The layer that it comes from: the built-in one is the first.
    pub(super) layer: usize,
}

/// Reads a list of named entries; a name that stands twice is told.
pub(super) fn named<'d>(node: &Node<'d>, layer: usize) -> Vec<Written<'d>> {
    let mut all: Vec<Written<'d>> = Vec::new();
    for node in node.list().into_iter().flatten() {
        let Some(map) = node.map() else { continue };
        let Some(named) = map.required("name", "write name: what-it-is-for") else { continue };
        let Some(name) = named.text() else { continue };
        if let Some(first) = all.iter().find(|earlier| earlier.name == name) {
            let mend = format!("the other one is at {}", first.node.place());
            named.error(&format!("two rules are called `{name}`"), &mend);
        }
        all.push(Written { name: name.to_owned(), node, layer });
    }
    all
}

/// Lays a list over another: an entry of a known name takes its place, the others come first.
pub(super) fn lay<'d>(below: Vec<Written<'d>>, over: Vec<Written<'d>>) -> Vec<Written<'d>> {
    let mut below = below;
    let mut fresh = Vec::new();
    for written in over {
        match below.iter_mut().find(|known| known.name == written.name) {
            Some(known) => *known = written,
            None => fresh.push(written),
        }
    }
    fresh.append(&mut below);
    fresh
}

/// Whether an entry says `off: true`.
pub(super) fn is_off(map: &Map<'_>) -> bool {
    map.optional("off").and_then(|node| node.truth()).unwrap_or(false)
}

/// Compiles the rules over the settings of the file.
pub(super) fn compile<T: RuleTable>(table: &mut T, written: &[Written<'_>]) {
    let mut rules: Vec<Rule<T>> = Vec::new();
    let mut layers = Vec::new();
    for written in written {
        let Some(map) = written.node.map() else { continue };
        let (_, off) = (map.optional("name"), is_off(&map));
        let when = map.optional("when").map(|node| When::read(&node, T::ASKS)).unwrap_or_default();
        let mut then = table.clone();
        key::read(T::KEYS, &map, &mut then);
        key::read(T::ACTIONS, &map, &mut then);
        T::check(&when, &map);
        if let Some(node) = map.optional("when") {
            tell_one_way::<T>(&when, &node);
        }
        map.finish();
        if off {
            continue;
        }
        let same = |(rule, layer): &(&Rule<T>, &usize)| {
            **layer == written.layer && rule.when.covers(&when)
        };
        if let Some((earlier, _)) = rules.iter().zip(&layers).find(same) {
            let message = format!("the rule `{}` is never reached", written.name);
            let mend =
                format!("`{}` at {} takes all that it asks for", earlier.name, earlier.place);
            written.node.warning(&message, &mend);
        }
        let (name, place) = (written.name.clone(), written.node.place());
        rules.push(Rule { name, place, when, then, says: written.node.inline() });
        layers.push(written.layer);
    }
    match (RuleSet::new(rules), written.first()) {
        (Some(set), _) => *table.rule_set() = set,
        (None, Some(first)) => first.node.error("the patterns of this table are too large", ""),
        (None, None) => {}
    }
}

/// Warns of a rule for one direction that asks for what the other alone has.
fn tell_one_way<T: RuleTable>(when: &When, node: &Node<'_>) {
    let (Some(direction), Some(map)) = (when.direction(), node.map()) else { return };
    for (field, only) in T::ONE_WAY.iter().filter(|(_, only)| only.name() != direction) {
        if map.optional(field.name()).is_some() {
            let name = field.name();
            let node = map.key(name).unwrap_or_else(|| node.clone());
            let message = format!("`{name}` never holds for `{direction}`");
            node.warning(&message, &format!("it is known for `{}` alone", only.name()));
        }
    }
}

/// The keys of a table with its rules, as values.
pub(super) fn described<T: RuleTable>() -> Vec<Described> {
    let mut all = key::described(T::KEYS);
    all.push(described_rules::<T>());
    all
}

/// The rules of a table as a value.
pub(super) fn described_rules<T: RuleTable>() -> Described {
    let mut rule = vec![
        NAME,
        OFF,
        Described {
            name: "when",
            doc: "what the rule asks for: all of its keys must hold; without one it takes everything",
            shape: When::shape(T::ASKS),
        },
    ];
    rule.extend(key::described(T::KEYS));
    rule.extend(key::described(T::ACTIONS));
    Described {
        name: "rules",
        doc: "refinements: of those that hold the first counts, instead of the keys above",
        shape: Shape::List(Box::new(Shape::Keys(rule))),
    }
}

/// The name of an entry.
pub(super) const NAME: Described = Described {
    name: "name",
    doc: "what the entry is called: an entry of the same name in a directory takes its place",
    shape: Shape::Text,
};

/// What switches an entry off.
pub(super) const OFF: Described = Described {
    name: "off",
    doc: "`true` switches the entry off, as if it were not there",
    shape: Shape::Truth,
};
