//! The text format of Prometheus, version 0.0.4.

use std::fmt::Write;

/// The media type of the text.
pub(super) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a family's samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It only grows, from zero at the start of the process.
    Counter,
    /// What is there now.
    Gauge,
}

/// A family of samples.
#[derive(Debug, Clone, Copy)]
pub(super) struct Family {
    /// Its name: what is counted, with its unit; `_total` for counters.
    pub(super) name: &'static str,
    /// What its samples are.
    pub(super) kind: Kind,
    /// What it means.
    pub(super) help: &'static str,
}

/// A sample: its labels and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sample {
    labels: Vec<(&'static str, String)>,
    value: u64,
}

impl Sample {
    /// A value without labels.
    pub(super) fn of(value: u64) -> Self {
        Sample { labels: Vec::new(), value }
    }

    /// The same with one label more.
    pub(super) fn label(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.labels.push((name, value.into()));
        self
    }
}

/// Writes a family with its samples; one without samples is left out.
pub(super) fn write(out: &mut String, family: &Family, samples: &[Sample]) {
    if samples.is_empty() {
        return;
    }
    let Family { name, kind, help } = family;
    let kind = match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
    };
    let help = help.replace('\\', "\\\\").replace('\n', "\\n");
    let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    for Sample { labels, value } in samples {
        out.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            let _ = write!(out, "{before}{label}=\"{}\"", escaped(text));
        }
        let _ = writeln!(out, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}

/// A label's value: a backslash, a quote and a line end are escaped.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAMILY: Family =
        Family { name: "stox_things_total", kind: Kind::Counter, help: "Things\\that\nare." };

    #[test]
    fn help_and_type_come_before_the_samples() {
        let mut out = String::new();
        write(&mut out, &FAMILY, &[Sample::of(3), Sample::of(4).label("a", "b").label("c", "d")]);
        assert_eq!(
            out,
            "# HELP stox_things_total Things\\\\that\\nare.\n# TYPE stox_things_total counter\n\
             stox_things_total 3\nstox_things_total{a=\"b\",c=\"d\"} 4\n"
        );
    }

    #[test]
    fn the_values_of_labels_are_escaped() {
        let mut out = String::new();
        write(&mut out, &FAMILY, &[Sample::of(1).label("a", "q\" b\\ n\n ř")]);
        assert!(out.ends_with("{a=\"q\\\" b\\\\ n\\n ř\"} 1\n"), "{out}");
    }

    #[test]
    fn a_family_without_samples_is_not_there() {
        let mut out = String::new();
        write(&mut out, &FAMILY, &[]);
        assert_eq!(out, "");
    }
}
