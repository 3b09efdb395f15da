//! Where secrets stand in a YAML text that may be broken: what a person is shown of a line has
//! them masked.
//!
//! The text is not parsed, since the mistake may be the very thing that keeps it from being YAML.
//! In doubt more is masked than is secret.

use std::ops::Range;

/// Keys whose values are shown to nobody.
const KEYS: [&str; 8] =
    ["secret", "password", "passwd", "passphrase", "pass", "token", "private_key", "ha1"];
/// Letters by which a key may differ from one of the longer ones: a typo must not show its value.
const TYPO: usize = 2;
/// Shown in the place of a value.
pub(super) const MASK: &str = "***";

/// The octets of all secret values of a text, in order.
pub(super) fn secret_values(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(colon) = text.get(from..).and_then(|rest| rest.find(':')) {
        let colon = from + colon;
        from = colon + 1;
        let Some(key) = key_before(text, colon) else { continue };
        if is_secret(text.get(key.clone()).unwrap_or_default()) {
            let value = value_behind(text, &key, colon + 1);
            from = value.end.max(from);
            if !value.is_empty() {
                found.push(value);
            }
        }
    }
    found
}

fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    KEYS.iter().any(|known| {
        key == *known || known.len() > 5 && strsim::damerau_levenshtein(&key, known) <= TYPO
    })
}

/// The word that ends before a colon, without its quotes.
fn key_before(text: &str, colon: usize) -> Option<Range<usize>> {
    let before = text.get(..colon)?;
    let end = before.trim_end_matches([' ', '\t', '"', '\'']).len();
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let start = before.get(..end)?.trim_end_matches(word).len();
    (start < end).then_some(start..end)
}

/// The octets of the value of a key, from behind its colon on.
fn value_behind(text: &str, key: &Range<usize>, from: usize) -> Range<usize> {
    let line = text.get(..key.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let column = key.start - line;
    let rest = text.get(from..).unwrap_or_default();
    let start = from + (rest.len() - rest.trim_start_matches([' ', '\t']).len());
    let value = text.get(start..).unwrap_or_default();
    // The value is on the lines below, or is none.
    if value.starts_with(['\n', '\r', '#', '|', '>']) {
        let end = below(text, start, column);
        let first = text.get(start..end).unwrap_or_default();
        let first = first.find('\n').map_or(end, |at| start + at + 1);
        let shown = text.get(first..end).unwrap_or_default();
        return first + (shown.len() - shown.trim_start().len())..end;
    }
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote) {
            return start..start + 1 + quoted(inner, quote);
        }
    }
    match in_flow(text.get(..key.start).unwrap_or_default()) {
        true => start..start + flow(value),
        false => start..below(text, start, column),
    }
}

/// How long a quoted value is, its closing quote with it; without one all that follows.
fn quoted(inner: &str, quote: char) -> usize {
    let mut signs = inner.char_indices().peekable();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '\\' if quote == '"' => {
                let _ = signs.next();
            }
            _ if sign == quote && signs.peek().is_some_and(|(_, next)| *next == quote) => {
                let _ = signs.next();
            }
            _ if sign == quote => return at + 1,
            _ => {}
        }
    }
    inner.len()
}

/// Whether a place is within braces or brackets.
fn in_flow(before: &str) -> bool {
    let depth = |depth: usize, sign: char| match sign {
        '{' | '[' => depth + 1,
        '}' | ']' => depth.saturating_sub(1),
        _ => depth,
    };
    before.chars().fold(0, depth) > 0
}

/// How long a value within braces is: to the next key, or to the brace that ends them.
fn flow(value: &str) -> usize {
    let line = value.lines().next().unwrap_or_default();
    let next_key = line.match_indices(',').map(|(at, _)| at).find(|at| {
        let behind = line.get(at + 1..).unwrap_or_default().trim_start();
        let word = behind.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
        word.len() < behind.len() && word.starts_with(':') || behind.is_empty()
    });
    let end = next_key.or_else(|| line.rfind(['}', ']'])).unwrap_or(line.len());
    line.get(..end).unwrap_or_default().trim_end_matches([' ', '}', ']']).len()
}

/// Where the lines end that belong to a key at a column: those that are deeper, or empty.
fn below(text: &str, start: usize, column: usize) -> usize {
    let mut end = start;
    for (number, line) in text.get(start..).unwrap_or_default().split_inclusive('\n').enumerate() {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if number > 0 && indent <= column && !line.trim().is_empty() {
            break;
        }
        end += line.len();
    }
    let value = text.get(start..end).unwrap_or_default();
    start + value.trim_end().len()
}

/// A line of a text with its secrets masked, and where two octets of the text are in it.
pub(super) fn masked(
    text: &str,
    line: Range<usize>,
    (from, to): (usize, usize),
) -> (String, usize, usize) {
    let mut shown = String::new();
    let mut at = line.start;
    let (mut from_at, mut to_at) = (None, None);
    let mut note = |shown: &str, octets: Range<usize>, inside: bool| {
        let base = shown.chars().count();
        for (place, noted) in [(from, &mut from_at), (to, &mut to_at)] {
            if noted.is_none() && octets.contains(&place) {
                let before = text.get(octets.start..place).unwrap_or_default().chars().count();
                *noted = Some(base + if inside { 0 } else { before });
            }
        }
    };
    for secret in secret_values(text) {
        let (start, end) = (secret.start.max(line.start), secret.end.min(line.end));
        if start >= end {
            continue;
        }
        note(&shown, at..start, false);
        shown.push_str(text.get(at..start).unwrap_or_default());
        note(&shown, start..end, true);
        shown.push_str(MASK);
        at = end;
    }
    note(&shown, at..line.end, false);
    shown.push_str(text.get(at..line.end).unwrap_or_default());
    let end = shown.chars().count();
    (shown, from_at.unwrap_or(end), to_at.unwrap_or(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text as it would be shown, line by line.
    fn shown(text: &str) -> String {
        let mut start = 0;
        let lines = text.split_inclusive('\n').map(|line| {
            let range = start..start + line.trim_end().len();
            start += line.len();
            masked(text, range, (0, 0)).0
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_secret_is_masked_wherever_it_stands() {
        for (text, wanted) in [
            ("secret: TOP\nnext: 1", "secret: ***\nnext: 1"),
            ("  secret :  TOP SECRET # TOP\n  a: b", "  secret :  ***\n  a: b"),
            ("a: { secret: TOP, timeout: 3s }", "a: { secret: ***, timeout: 3s }"),
            ("a: { b: c, secret: TOP}", "a: { b: c, secret: ***}"),
            ("a: { secret: TOP,SECRET, timeout: 3s }", "a: { secret: ***, timeout: 3s }"),
            ("a: [ { password: 'TO''P, x: y' }, 1 ]", "a: [ { password: *** }, 1 ]"),
            ("a: { \"secret\": \"TOP \\\" }\", b: 1 }", "a: { \"secret\": ***, b: 1 }"),
            ("- password: TOP\n    SECRET\n  realm: x", "- password: ***\n***\n  realm: x"),
            ("secret: |\n  TOP\n  SECRET\nb: 1", "secret: |\n  ***\n***\nb: 1"),
            ("secret:\n  TOP\nb: 1", "secret:\n  ***\nb: 1"),
            ("secret: \"TOP\nSECRET\nb: 1", "secret: ***\n***\n***"),
            ("{ secret: \"TOP", "{ secret: ***"),
            ("{ secret: TOP", "{ secret: ***"),
            ("secert: TOP\npasword: TOP", "secert: ***\npasword: ***"),
            ("SECRET: !TOP", "SECRET: ***"),
            ("secret_file: component-secret", "secret_file: component-secret"),
            ("password_file: p\nserver: \"x:5347\"", "password_file: p\nserver: \"x:5347\""),
            ("secret:\nb: 1", "secret:\nb: 1"),
        ] {
            assert_eq!(shown(text), wanted, "{text}");
        }
    }

    #[test]
    fn the_caret_stands_where_it_stood() {
        let text = "xmpp: { secret: TOPSECRET1, timeout: 3s }";
        let at = text.find("timeout").expect("a key");
        let (line, from, to) = masked(text, 0..text.len(), (at, at + 7));
        assert_eq!(line, "xmpp: { secret: ***, timeout: 3s }");
        assert_eq!((from, to), (21, 28));
        let inside = text.find("SECRET1").expect("a value");
        assert_eq!(masked(text, 0..text.len(), (inside, inside + 3)).1, 16);
        let whole = text.find("TOP").expect("a value");
        let (_, from, to) = masked(text, 0..text.len(), (whole, whole + 10));
        assert_eq!((from, to), (16, 19));
    }
}
