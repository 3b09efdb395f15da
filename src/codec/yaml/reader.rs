//! Reading a [`Document`] into types, with every mistake written down.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use serde_yaml::Spanned;

use super::document::{Value, place};
use super::inline::inline;
use super::{Document, Finding, Findings};

/// One value of a document, about to be read as some type.
///
/// Every reading method answers `None` after it has written a finding, so that a caller goes on
/// with its other keys and the operator sees all mistakes at once.
#[derive(Clone)]
pub struct Node<'d> {
    document: &'d Document,
    findings: &'d RefCell<Findings>,
    value: &'d Value,
    place: Option<(usize, usize)>,
    path: String,
}

impl<'d> Node<'d> {
    /// The root of a document, or `None` when it did not parse (which is a finding already).
    #[must_use]
    pub fn root(document: &'d Document, findings: &'d RefCell<Findings>) -> Option<Self> {
        let root = document.root.as_ref()?;
        Some(Node {
            document,
            findings,
            value: &root.value,
            place: place(root),
            path: String::new(),
        })
    }

    /// The root of a document whose paths all begin with `name`.
    #[must_use]
    pub fn root_of(
        name: &str,
        document: &'d Document,
        findings: &'d RefCell<Findings>,
    ) -> Option<Self> {
        let root = Node::root(document, findings)?;
        Some(Node { path: name.to_owned(), ..root })
    }

    fn child(&self, path: String, value: &'d Spanned<Value>) -> Node<'d> {
        Node {
            document: self.document,
            findings: self.findings,
            value: &value.value,
            place: place(value),
            path,
        }
    }

    /// The keys that lead to this value, such as `sip.listen[0]`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Writes an error about this value.
    pub fn error(&self, message: &str, mend: &str) {
        self.report(self.finding(message), mend);
    }

    /// Writes an error about a part of this value: the caret goes under the part where it is found.
    pub fn error_at(&self, part: &str, message: &str, mend: &str) {
        let mut node = self.clone();
        let written = self.place.and_then(|(start, end)| {
            Some((start, self.document.source.text.get(start..end)?.find(part)?))
        });
        if let Some((start, at)) = written {
            node.place = Some((start + at, start + at + part.len()));
        }
        node.report(node.finding(message), mend);
    }

    /// Where this value stands: `file:line`.
    #[must_use]
    pub fn place(&self) -> String {
        self.document.source.place_of(self.place.map_or(0, |(start, _)| start))
    }

    /// Writes a warning about this value.
    pub fn warning(&self, message: &str, mend: &str) {
        self.report(self.finding(message).warning(), mend);
    }

    fn finding(&self, message: &str) -> Finding {
        Finding::error(&self.document.source, self.place, &self.path, message)
    }

    fn report(&self, finding: Finding, mend: &str) {
        let finding = if mend.is_empty() { finding } else { finding.hint(mend) };
        self.findings.borrow_mut().push(finding);
    }

    /// This value as a set of keys.
    #[must_use]
    pub fn map(&self) -> Option<Map<'d>> {
        match self.value {
            Value::Map(entries) => {
                self.tell_twice(entries);
                Some(Map { node: self.clone(), entries, known: RefCell::default() })
            }
            other => {
                self.error(&format!("expected a set of keys, found {}", other.kind()), "");
                None
            }
        }
    }

    /// Reports each key that stands a second time.
    fn tell_twice(&self, entries: &'d [(Spanned<String>, Spanned<Value>)]) {
        for (index, (key, _)) in entries.iter().enumerate() {
            let mut before = entries.iter().take(index).map(|(earlier, _)| earlier);
            let Some(first) = before.find(|earlier| earlier.value == key.value) else { continue };
            let line = self.document.source.place_of(place(first).map_or(0, |(start, _)| start));
            let path = join(&self.path, &key.value);
            let source = &self.document.source;
            let finding = Finding::error(source, place(key), &path, "this key stands twice");
            self.report(finding, &format!("it is at {line} already: drop one of them"));
        }
    }

    /// Whether this value is a list; no finding either way.
    #[must_use]
    pub fn is_list(&self) -> bool {
        matches!(self.value, Value::List(_))
    }

    /// This value on one line, as YAML in its flow style: to show, and to compare.
    #[must_use]
    pub fn inline(&self) -> String {
        inline(self.value)
    }

    /// Whether this value is a set of keys; no finding either way.
    #[must_use]
    pub fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }

    /// This value as a list.
    #[must_use]
    pub fn list(&self) -> Option<Vec<Node<'d>>> {
        match self.value {
            Value::List(items) => Some(
                (0..)
                    .zip(items)
                    .map(|(n, item): (usize, _)| self.child(format!("{}[{n}]", self.path), item))
                    .collect(),
            ),
            other => {
                self.error(&format!("expected a list, found {}", other.kind()), "write [ … ]");
                None
            }
        }
    }

    /// This value as text, just as it stands.
    #[must_use]
    pub fn text(&self) -> Option<&'d str> {
        match self.value {
            Value::Scalar(text) => Some(text),
            // `007` is a name as well as a number: what was written counts.
            Value::Plain(value) => {
                let written = self.place.and_then(|(start, end)| {
                    self.document.source.text.get(start..end).map(str::trim)
                });
                Some(written.unwrap_or(value))
            }
            other => {
                self.error(&format!("expected a single value, found {}", other.kind()), "");
                None
            }
        }
    }

    /// This value as text in which each `${NAME}` is replaced by what `lookup` says of it.
    pub fn expanded(&self, lookup: &dyn Fn(&str) -> Option<String>) -> Option<String> {
        let mut rest = self.text()?;
        let mut whole = String::new();
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, tail)) = after.split_once('}') else {
                self.error("`${` without its `}`", "write ${NAME}");
                return None;
            };
            let Some(value) = lookup(name) else {
                let mend = format!("set {name} before starting, or write the value here");
                self.error(&format!("the environment has no variable {name}"), &mend);
                return None;
            };
            whole.push_str(before);
            whole.push_str(&value);
            rest = tail;
        }
        whole.push_str(rest);
        Some(whole)
    }

    /// This value as something that parses itself; `expected` says what it ought to look like.
    #[must_use]
    pub fn parse<T: FromStr>(&self, expected: &str) -> Option<T> {
        let text = self.text()?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.error(&format!("`{text}` is not {expected}"), "");
        }
        parsed
    }

    /// This value as a whole number within bounds.
    #[must_use]
    pub fn number(&self, bounds: RangeInclusive<u64>) -> Option<u64> {
        let (low, high) = (bounds.start(), bounds.end());
        let number = self.parse::<u64>("a whole number")?;
        if bounds.contains(&number) {
            return Some(number);
        }
        self.error(&format!("{number} is out of bounds"), &format!("write {low} to {high}"));
        None
    }

    /// This value as `true` or `false`.
    #[must_use]
    pub fn truth(&self) -> Option<bool> {
        self.parse::<bool>("true or false")
    }

    /// This value as a length of time such as `500ms`, `2s`, `5m`, `24h`, within bounds.
    #[must_use]
    pub fn duration(&self, bounds: RangeInclusive<Duration>) -> Option<Duration> {
        let text = self.text()?;
        let Some(duration) = parse_duration(text) else {
            self.error(&format!("`{text}` is not a length of time"), "write 500ms, 2s, 5m or 24h");
            return None;
        };
        if bounds.contains(&duration) {
            return Some(duration);
        }
        let (low, high) = (bounds.start(), bounds.end());
        let mend = format!("write {} to {}", in_words(*low), in_words(*high));
        self.error(&format!("{text} is out of bounds"), &mend);
        None
    }

    /// This value as one of a closed set of words.
    #[must_use]
    pub fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.error(&format!("`{text}` is not one of {}", all.join(", ")), &nearest(text, &all));
        None
    }
}

/// A set of keys, being read: at the end [`Map::finish`] reports the keys that nobody asked for.
pub struct Map<'d> {
    node: Node<'d>,
    entries: &'d [(Spanned<String>, Spanned<Value>)],
    known: RefCell<Vec<&'static str>>,
}

impl<'d> Map<'d> {
    /// The value that holds the keys.
    #[must_use]
    pub fn node(&self) -> &Node<'d> {
        &self.node
    }

    fn path_to(&self, key: &str) -> String {
        join(&self.node.path, key)
    }

    /// The value of a key that may be missing. A key without a value counts as missing.
    #[must_use]
    pub fn optional(&self, key: &'static str) -> Option<Node<'d>> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        let (_, value) = self.entries.iter().find(|(name, _)| name.value == key)?;
        (!matches!(value.value, Value::Null)).then(|| self.node.child(self.path_to(key), value))
    }

    /// The value of a key that must be there; `mend` shows what to write when it is not.
    #[must_use]
    pub fn required(&self, key: &'static str, mend: &str) -> Option<Node<'d>> {
        let found = self.optional(key);
        if found.is_none() {
            self.node.error(&format!("`{key}` is missing"), mend);
        }
        found
    }

    /// All keys with their values, for sets whose keys are names of the operator's own.
    #[must_use]
    pub fn entries(&self) -> Vec<(&'d str, Node<'d>)> {
        let named = |(key, value): &'d (Spanned<String>, Spanned<Value>)| {
            (key.value.as_str(), self.node.child(self.path_to(&key.value), value))
        };
        self.entries.iter().map(named).collect()
    }

    /// A key itself, to tell what is wrong with it.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<Node<'d>> {
        let (key, value) = self.entries.iter().find(|(key, _)| key.value == name)?;
        let mut node = self.node.child(self.path_to(name), value);
        node.place = place(key);
        Some(node)
    }

    /// Reports every key that was not asked for, with the nearest known name.
    pub fn finish(self) {
        let known = self.known.borrow();
        for (key, _) in self.entries {
            if !known.contains(&key.value.as_str()) {
                let path = self.path_to(&key.value);
                let message = "unknown key";
                let finding =
                    Finding::error(&self.node.document.source, place(key), &path, message);
                self.node.report(finding, &nearest(&key.value, &known));
            }
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The words that lead from a typo to the nearest known name, or list the names.
#[must_use]
pub fn nearest(word: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(word, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min();
    match near {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None => format!("known here: {}", known.join(", ")),
    }
}

/// A length of time in the largest unit that holds it whole.
fn in_words(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    match milliseconds {
        ms if ms % 3_600_000 == 0 && ms > 0 => format!("{}h", ms / 3_600_000),
        ms if ms % 60_000 == 0 && ms > 0 => format!("{}m", ms / 60_000),
        ms if ms % 1_000 == 0 => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}

fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    match unit.trim() {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        "h" => Some(Duration::from_secs(number.checked_mul(3_600)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings_of(text: &str, read: impl Fn(&Map<'_>)) -> Vec<String> {
        let mut findings = Findings::default();
        let document = Document::parse("t.yaml", text, &mut findings);
        let findings = RefCell::new(findings);
        if let Some(map) = Node::root(&document, &findings).and_then(|root| root.map()) {
            read(&map);
            map.finish();
        }
        findings.into_inner().sorted().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_typo_is_shown_with_place_and_mend() {
        let shown = findings_of("a: 1\nseverr: x\n", |map| {
            let _ = (map.optional("a"), map.optional("server"));
        });
        assert_eq!(
            shown,
            [
                "error: severr: unknown key\n --> t.yaml:2:1\n  |\n2 | severr: x\n  | ^^^^^^ did you mean `server`?"
            ]
        );
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let shown = findings_of("n: 70000\nt: 5 apples\nw: tpc\n", |map| {
            assert_eq!(map.optional("n").and_then(|n| n.number(1..=65_535)), None);
            let bounds = Duration::ZERO..=Duration::from_secs(1);
            assert_eq!(map.optional("t").and_then(|t| t.duration(bounds)), None);
            assert_eq!(map.optional("w").and_then(|w| w.one_of(&[("tcp", 1), ("udp", 2)])), None);
            assert!(map.required("gone", "write gone: 1").is_none());
        });
        assert_eq!(shown.len(), 4, "{shown:#?}");
        assert!(shown.iter().any(|s| s.contains("did you mean `tcp`?")), "{shown:#?}");
        assert!(shown.iter().any(|s| s.contains("write 1 to 65535")), "{shown:#?}");
    }

    #[test]
    fn duplicate_keys_and_bad_syntax_are_errors_with_a_place() {
        for text in ["a: 1\na: 2\n", "a: [1,\nb: 2\n", ""] {
            let shown = findings_of(text, |map| drop(map.optional("a")));
            assert_eq!(shown.len(), 1, "{text:?} {shown:#?}");
            assert!(shown[0].starts_with("error: "), "{shown:#?}");
        }
        let twice = findings_of("a: 1\na: 2\n", |map| drop(map.optional("a")));
        assert!(twice[0].contains("t.yaml:2:1"), "{twice:#?}");
    }

    #[test]
    fn a_value_is_what_was_written_not_what_it_might_mean() {
        for written in ["007", "0x10", "1e5", "yes", "1.50", "2026-11-23"] {
            findings_of(&format!("a: {written}\n"), |map| {
                assert_eq!(map.optional("a").and_then(|node| node.text()), Some(written));
            });
        }
    }

    #[test]
    fn variables_are_taken_from_the_environment() {
        let mut findings = Findings::default();
        let document = Document::parse("t.yaml", "s: \"a${X}b\"\nu: ${NOPE}\n", &mut findings);
        let findings = RefCell::new(findings);
        let map = Node::root(&document, &findings).and_then(|root| root.map()).unwrap();
        let lookup = |name: &str| (name == "X").then(|| "1".to_owned());
        assert_eq!(map.optional("s").and_then(|n| n.expanded(&lookup)).as_deref(), Some("a1b"));
        assert_eq!(map.optional("u").and_then(|n| n.expanded(&lookup)), None);
        assert!(findings.borrow().any_error());
    }
}
