//! A mistake in a file, told so that a person can mend it.

use std::fmt;
use std::sync::Arc;

use super::secrets;

/// A file by name and text.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The name that the operator knows the file by.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl Source {
    /// The octet offset of a one-based line and column (columns count characters).
    pub(super) fn offset_of(&self, line: usize, column: usize) -> usize {
        let start: usize =
            self.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let rest = self.text.get(start..).unwrap_or_default();
        start + rest.chars().take(column.saturating_sub(1)).map(char::len_utf8).sum::<usize>()
    }

    /// `file:line` of an octet offset.
    pub(super) fn place_of(&self, offset: usize) -> String {
        format!("{}:{}", self.name, self.line_at(offset).0)
    }

    /// One-based line and column of an octet offset, with the text of that line.
    fn line_at(&self, offset: usize) -> (usize, usize, &str) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let text = self.text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
        (line, before.get(start..).unwrap_or_default().chars().count() + 1, text)
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Works, but hardly as meant.
    Warning,
    /// Cannot be used.
    Error,
}

/// One mistake: what, where, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether the file can be used in spite of it.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The keys that lead there, such as `sip.listen[0]`.
    pub path: String,
    /// What to do about it.
    pub hint: Option<String>,
    source: Option<Arc<Source>>,
    place: Option<(usize, usize)>,
}

impl Finding {
    /// An error in a file, at an octet range where it is known.
    pub(super) fn error(
        source: &Arc<Source>,
        place: Option<(usize, usize)>,
        path: &str,
        message: &str,
    ) -> Self {
        Finding {
            severity: Severity::Error,
            message: message.to_owned(),
            path: path.to_owned(),
            hint: None,
            source: Some(Arc::clone(source)),
            place,
        }
    }

    /// An error that has no place in a file, such as one that cannot be read.
    #[must_use]
    pub fn without_place(message: impl Into<String>) -> Self {
        Finding {
            severity: Severity::Error,
            message: message.into(),
            path: String::new(),
            hint: None,
            source: None,
            place: None,
        }
    }

    /// Where it starts, with the file's name; none for one without a place.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.source.as_ref().map(|source| source.name.as_str())
    }

    /// The same finding with the words that mend it.
    #[must_use]
    pub fn hint(mut self, mend: impl Into<String>) -> Self {
        self.hint = Some(mend.into());
        self
    }

    /// The same finding as a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity}: ")?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}", self.message)?;
        match (&self.source, self.place) {
            (Some(source), Some((start, end))) => {
                let (line, column, text) = source.line_at(start);
                let gutter = " ".repeat(line.to_string().len());
                let before = source.text.get(..start).unwrap_or(&source.text);
                let begin = before.rfind('\n').map_or(0, |at| at + 1);
                let shown = begin..begin + text.len();
                let (text, from, to) = secrets::masked(&source.text, shown, (start, end));
                let rest = text.chars().count().saturating_sub(from).max(1);
                let caret = "^".repeat(to.saturating_sub(from).clamp(1, rest));
                let indent = " ".repeat(from);
                write!(f, "\n{gutter}--> {}:{line}:{column}", source.name)?;
                write!(f, "\n{gutter} |\n{line} | {text}\n{gutter} | {indent}{caret}")?;
                if let Some(mend) = &self.hint {
                    write!(f, " {mend}")?;
                }
            }
            (source, _) => {
                if let Some(source) = source {
                    write!(f, "\n --> {}", source.name)?;
                }
                if let Some(mend) = &self.hint {
                    write!(f, "\n  = {mend}")?;
                }
            }
        }
        Ok(())
    }
}

/// All findings of one reading, in the order of the files.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    /// Adds one.
    pub fn push(&mut self, finding: Finding) {
        self.list.push(finding);
    }

    /// Whether any of them forbids use of what was read.
    #[must_use]
    pub fn any_error(&self) -> bool {
        self.list.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// The findings: as they stand in each file, those without a place last. A set that was read
    /// twice has its mistakes told once.
    #[must_use]
    pub fn sorted(mut self) -> Vec<Finding> {
        self.list.sort_by_key(|finding| finding.place.map_or(usize::MAX, |(start, _)| start));
        self.list.dedup();
        self.list
    }
}
