//! Whether two addresses of one side may meet in one of the other: a search with short values.

use std::collections::BTreeMap;

use super::{Class, Segment, Side};

/// Values that are tried for a variable, besides those made of the text around it.
fn values(class: Class, jid: &Side, uri: &Side) -> Vec<String> {
    let mut all: Vec<String> = match class {
        Class::Digits => ["1", "2", "12"].map(str::to_owned).to_vec(),
        _ => ["a", "b", "ab"].map(str::to_owned).to_vec(),
    };
    let between = jid.segments.iter().chain(&uri.segments);
    for segment in between {
        let Segment::Text(text) = segment else { continue };
        for c in text.chars().filter(|c| class.holds(*c)) {
            let (start, end) = if class == Class::Digits { ("1", "2") } else { ("a", "b") };
            all.push(format!("{start}{c}{end}"));
        }
    }
    all.sort_by_key(|value| (value.len(), value.clone()));
    all.dedup();
    all.truncate(MAX_VALUES);
    all
}

const MAX_VALUES: usize = 12;
const MAX_TRIED: usize = 4_000;

/// Two JIDs that meet in one URI, or two URIs that meet in one JID, in words; none when neither
/// can be found.
pub(super) fn example(jid: &Side, uri: &Side) -> Option<String> {
    let names: Vec<(&str, Class)> = jid.variables().collect();
    let choices: Vec<Vec<String>> =
        names.iter().map(|(_, class)| values(*class, jid, uri)).collect();
    let mut by_uri: BTreeMap<String, String> = BTreeMap::new();
    let mut by_jid: BTreeMap<String, String> = BTreeMap::new();
    for number in 0..MAX_TRIED {
        let Some(chosen) = choice(&choices, number) else { break };
        let value = |name: &str| {
            let at = names.iter().position(|(known, _)| *known == name)?;
            chosen.get(at).map(|value| (*value).to_owned())
        };
        let (Some(one), Some(other)) = (jid.fill(value), uri.fill(value)) else { continue };
        let meets = |known: &mut BTreeMap<String, String>, key: &str, address: &str| {
            let earlier = known.insert(key.to_owned(), address.to_owned());
            earlier.filter(|earlier| earlier != address)
        };
        if let Some(earlier) = meets(&mut by_uri, &other, &one) {
            return Some(format!(
                "two JIDs may meet in one URI: {earlier} and {one} are both {other}"
            ));
        }
        if let Some(earlier) = meets(&mut by_jid, &one, &other) {
            return Some(format!(
                "two URIs may meet in one JID: {earlier} and {other} are both {one}"
            ));
        }
    }
    None
}

/// The values of one try: the number counts through all choices.
fn choice(choices: &[Vec<String>], number: usize) -> Option<Vec<&str>> {
    let mut rest = number;
    let mut chosen = Vec::new();
    for values in choices {
        chosen.push(values.get(rest % values.len().max(1))?.as_str());
        rest /= values.len().max(1);
    }
    (rest == 0).then_some(chosen)
}
