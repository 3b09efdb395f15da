//! The rules of one table in their order, compiled: the first that holds wins.

use std::hash::BuildHasher;

use regex::RegexSet;
use siphasher::sip::SipHasher13;

use super::facts::{Facts, Field};
use super::matcher::{Pattern, When};

/// The keys come from the operator's own files: a fixed seed does.
#[derive(Debug, Clone, Copy, Default)]
struct Fixed;

impl BuildHasher for Fixed {
    type Hasher = SipHasher13;
    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new()
    }
}

type Exact = hashbrown::HashMap<String, Vec<usize>, Fixed>;

/// One rule of a table.
#[derive(Debug, Clone)]
pub struct Rule<T> {
    /// Its name.
    pub name: String,
    /// Where it stands: `file:line`.
    pub place: String,
    /// What it asks for.
    pub when: When,
    /// What it is for.
    pub then: T,
    /// What it says, on one line.
    pub says: String,
}

/// The rules of a table.
#[derive(Debug, Clone)]
pub struct RuleSet<T> {
    rules: Vec<Rule<T>>,
    /// By an exact value of a field: the rules that ask for it.
    exact: Vec<(Field, Exact)>,
    /// All patterns of a field at once, and the rule of each.
    patterns: Vec<(Field, RegexSet, Vec<usize>)>,
    /// The rules that ask for nothing that is worth an index.
    rest: Vec<usize>,
    /// All fields that any rule asks for.
    asked: Vec<Field>,
}

impl<T> Default for RuleSet<T> {
    fn default() -> Self {
        RuleSet {
            rules: Vec::new(),
            exact: Vec::new(),
            patterns: Vec::new(),
            rest: Vec::new(),
            asked: Vec::new(),
        }
    }
}

/// Two tables are the same when their rules say the same in the same order.
impl<T> PartialEq for RuleSet<T> {
    fn eq(&self, other: &Self) -> bool {
        let says = |rule: &Rule<T>| (rule.name.clone(), rule.says.clone());
        self.rules.iter().map(says).eq(other.rules.iter().map(says))
    }
}

/// What became of one rule that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceEntry {
    /// The rule.
    pub name: String,
    /// Where it stands.
    pub place: String,
    /// The key that did not hold; none when the rule matched.
    pub failed: Option<&'static str>,
    /// What the rule says.
    pub says: String,
}

/// The fields that an index is made for, the most telling first.
const INDEXED: [Field; 14] = [
    Field::From,
    Field::To,
    Field::Status,
    Field::Condition,
    Field::FromDomain,
    Field::ToDomain,
    Field::Domain,
    Field::Scheme,
    Field::Peer,
    Field::Agent,
    Field::ContentType,
    Field::Namespace,
    Field::Type,
    Field::Method,
];

impl<T> RuleSet<T> {
    /// Compiles rules in their order. `None` when the expressions together are too large.
    pub(super) fn new(rules: Vec<Rule<T>>) -> Option<Self> {
        let asks = rules.iter().flat_map(|rule| rule.when.asks.iter().map(|ask| ask.field));
        let mut asked: Vec<Field> = asks.collect();
        asked.sort();
        asked.dedup();
        let mut set = RuleSet { rules, asked, ..RuleSet::default() };
        let mut patterned: Vec<(Field, Vec<String>, Vec<usize>)> = Vec::new();
        for (number, rule) in set.rules.iter().enumerate() {
            let asked = |field: &Field| rule.when.asks.iter().find(|ask| ask.field == *field);
            let exact = |ask: &&super::matcher::Ask| {
                ask.any.iter().all(|pattern| matches!(pattern, Pattern::Exact(_)))
            };
            let best = INDEXED.iter().filter_map(asked).find(exact);
            let Some(ask) = best.or_else(|| INDEXED.iter().find_map(asked)) else {
                set.rest.push(number);
                continue;
            };
            for pattern in &ask.any {
                match pattern {
                    Pattern::Exact(value) if best.is_some() => {
                        let map = entry(&mut set.exact, ask.field);
                        map.entry(value.clone()).or_default().push(number);
                    }
                    _ => add_pattern(&mut patterned, ask.field, pattern, number),
                }
            }
        }
        for (field, sources, owners) in patterned {
            set.patterns.push((field, RegexSet::new(sources).ok()?, owners));
        }
        Some(set)
    }

    /// Whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rules in their order.
    #[must_use]
    pub fn rules(&self) -> &[Rule<T>] {
        &self.rules
    }

    /// Whether any rule asks for a field.
    #[must_use]
    pub fn asks(&self, field: Field) -> bool {
        self.asked.contains(&field)
    }

    /// The first rule that holds.
    #[must_use]
    pub fn find(&self, facts: &Facts<'_>) -> Option<&Rule<T>> {
        if self.rules.is_empty() {
            return None;
        }
        let mut best = usize::MAX;
        let mut consider = |number: usize| {
            let holds = || self.rules.get(number).is_some_and(|rule| rule.when.holds(facts));
            if number < best && holds() {
                best = number;
            }
        };
        for (field, map) in &self.exact {
            facts.any(*field, |value| {
                map.get(value).into_iter().flatten().for_each(|number| consider(*number));
                false
            });
        }
        for (field, set, owners) in &self.patterns {
            facts.any(*field, |value| {
                let matched = set.matches(value);
                matched.iter().filter_map(|at| owners.get(at)).for_each(|n| consider(*n));
                false
            });
        }
        self.rest.iter().for_each(|number| consider(*number));
        self.rules.get(best)
    }

    /// Each rule that was looked at, up to the one that matched.
    #[must_use]
    pub fn trace(&self, facts: &Facts<'_>) -> Vec<TraceEntry> {
        let mut looked = Vec::new();
        for rule in &self.rules {
            let failed = rule.when.fails(facts).map(Field::name);
            looked.push(TraceEntry {
                name: rule.name.clone(),
                place: rule.place.clone(),
                failed,
                says: rule.says.clone(),
            });
            if failed.is_none() {
                break;
            }
        }
        looked
    }
}

fn entry(exact: &mut Vec<(Field, Exact)>, field: Field) -> &mut Exact {
    let at = exact.iter().position(|(known, _)| *known == field).unwrap_or_else(|| {
        exact.push((field, Exact::default()));
        exact.len() - 1
    });
    &mut exact[at].1
}

fn add_pattern(
    patterned: &mut Vec<(Field, Vec<String>, Vec<usize>)>,
    field: Field,
    pattern: &Pattern,
    rule: usize,
) {
    let source = match pattern {
        Pattern::Exact(value) => format!("^{}$", regex::escape(value)),
        Pattern::Regex { source, .. } => source.clone(),
    };
    match patterned.iter_mut().find(|(known, ..)| *known == field) {
        Some((_, sources, owners)) => {
            sources.push(source);
            owners.push(rule);
        }
        None => patterned.push((field, vec![source], vec![rule])),
    }
}
