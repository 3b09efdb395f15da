//! What a run with presence showed: a line for each figure, and the same as JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::mark::Mark;

/// A sheet of figures.
pub struct Sheet {
    lines: Vec<(String, String)>,
    values: Map<String, Value>,
    faults: BTreeMap<String, u64>,
}

impl Sheet {
    /// An empty one.
    pub fn new(scenario: &str) -> Self {
        let mut values = Map::new();
        values.insert("scenario".to_owned(), json!(scenario));
        Sheet { lines: Vec::new(), values, faults: BTreeMap::new() }
    }

    /// A figure: its key, its name for people, and how it is told to them.
    pub fn tell(&mut self, key: &str, name: &str, value: impl Serialize, words: String) {
        self.values.insert(key.to_owned(), json!(value));
        self.lines.push((name.to_owned(), words));
    }

    /// A figure that has a bar: whether it is held is told, and is no fault.
    pub fn bar(&mut self, key: &str, name: &str, value: f64, words: String, held: bool) {
        let said = if held { "held" } else { "NOT HELD" };
        self.tell(key, name, value, format!("{words}: {said}"));
        self.values.insert(format!("{key}_held"), json!(held));
    }

    /// Something that must not be.
    pub fn fault(&mut self, what: &str, count: u64) {
        if count > 0 {
            *self.faults.entry(what.to_owned()).or_default() += count;
        }
    }

    /// Several of that kind.
    pub fn faults(&mut self, faults: &BTreeMap<String, u64>) {
        faults.iter().for_each(|(what, count)| self.fault(what, *count));
    }

    /// What the machine did between two moments.
    pub fn machine(&mut self, from: &Mark, to: &Mark) {
        let others = to.others_since(from);
        let own = to.own.since(from.own).total().as_secs_f64();
        self.tell("generator_cpu_s", "generator CPU", own, format!("{own:.2} s"));
        let words = format!("had {:.0} % of the machine's time", others * 100.0);
        self.tell("others", "others", others, words);
    }

    /// Whether nothing was false.
    pub fn passed(&self) -> bool {
        self.faults.is_empty()
    }

    /// The sheet as JSON.
    pub fn json(&self) -> Value {
        let mut values = self.values.clone();
        values.insert("faults".to_owned(), json!(self.faults));
        values.insert("passed".to_owned(), json!(self.passed()));
        Value::Object(values)
    }
}

impl fmt::Display for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, words) in &self.lines {
            writeln!(f, "{name:width$}  {words}")?;
        }
        for (what, count) in &self.faults {
            writeln!(f, "{:width$}  {count} x {what}", "FAULT")?;
        }
        write!(f, "{}", if self.passed() { "passed" } else { "FAILED" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_that_is_not_held_is_told_and_a_fault_fails() {
        let mut sheet = Sheet::new("test");
        sheet.bar("time", "time", 3.0, "3 s, bar 2 s".to_owned(), false);
        assert!(sheet.passed());
        assert!(sheet.to_string().starts_with("time  3 s, bar 2 s: NOT HELD\n"));
        sheet.fault("lost", 0);
        assert!(sheet.passed());
        sheet.fault("lost", 2);
        assert!(!sheet.passed());
        assert_eq!(sheet.json()["faults"]["lost"], 2);
        assert_eq!(sheet.json()["time_held"], false);
    }
}
