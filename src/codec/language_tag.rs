//! Language tags, RFC 5646 §2.1 (BCP 47).

/// Enough for any tag in use (RFC 5646 §4.4.1); a longer one is taken for none.
const MOST: usize = 35;

/// The irregular tags that were registered before the syntax was, RFC 5646 §2.2.8. The regular ones
/// follow the syntax.
const IRREGULAR: [&str; 17] = [
    "en-GB-oed",
    "i-ami",
    "i-bnn",
    "i-default",
    "i-enochian",
    "i-hak",
    "i-klingon",
    "i-lux",
    "i-mingo",
    "i-navajo",
    "i-pwn",
    "i-tao",
    "i-tay",
    "i-tsu",
    "sgn-BE-FR",
    "sgn-BE-NL",
    "sgn-CH-DE",
];

/// Whether `tag` is well-formed, RFC 5646 §2.2.9, and of 35 octets at most: that every subtag is
/// registered is not asked. What is not well-formed may stand in no `xml:lang`: servers refuse the
/// stanza.
#[must_use]
pub fn is_well_formed(tag: &str) -> bool {
    if tag.is_empty() || tag.len() > MOST {
        return false;
    }
    if IRREGULAR.iter().any(|known| known.eq_ignore_ascii_case(tag)) {
        return true;
    }
    let alphanumeric = |subtag: &&str| {
        (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let subtags: Vec<&str> = tag.split('-').collect();
    if !subtags.iter().all(alphanumeric) {
        return false;
    }
    let Some((first, rest)) = subtags.split_first() else { return false };
    if is_private(first) {
        return !rest.is_empty();
    }
    is_alphabetic(first, 2..=8) && is_tail(rest, if first.len() <= 3 { 3 } else { 0 })
}

/// What may follow the language: so many extended languages, a script, a region, variants,
/// extensions, and what is for private use. All subtags are letters and digits, eight at most.
fn is_tail(subtags: &[&str], extended: usize) -> bool {
    let mut rest = subtags;
    let mut take = |is: &dyn Fn(&str) -> bool| match rest.split_first() {
        Some((first, others)) if is(first) => {
            rest = others;
            true
        }
        _ => false,
    };
    for _ in 0..extended {
        take(&|subtag| is_alphabetic(subtag, 3..=3));
    }
    take(&|subtag| is_alphabetic(subtag, 4..=4));
    take(&|subtag| is_alphabetic(subtag, 2..=2) || is_numeric(subtag, 3));
    while take(&is_variant) {}
    while take(&|subtag| subtag.len() == 1 && !is_private(subtag)) {
        let mut any = false;
        while take(&|subtag| subtag.len() >= 2) {
            any = true;
        }
        if !any {
            return false;
        }
    }
    match rest.split_first() {
        Some((first, private)) => is_private(first) && !private.is_empty(),
        None => true,
    }
}

fn is_private(subtag: &str) -> bool {
    subtag.eq_ignore_ascii_case("x")
}

fn is_variant(subtag: &str) -> bool {
    subtag.len() >= 5 || (subtag.len() == 4 && subtag.starts_with(|c: char| c.is_ascii_digit()))
}

fn is_alphabetic(subtag: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphabetic())
}

fn is_numeric(subtag: &str, length: usize) -> bool {
    subtag.len() == length && subtag.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tags_of_rfc_5646_appendix_a_are_well_formed() {
        let tags = [
            "de",
            "fr",
            "ja",
            "i-enochian",
            "zh-Hant",
            "zh-Hans",
            "sr-Cyrl",
            "sr-Latn",
            "zh-cmn-Hans-CN",
            "cmn-Hans-CN",
            "zh-yue-HK",
            "yue-HK",
            "zh-Hans-CN",
            "sr-Latn-RS",
            "sl-rozaj",
            "sl-rozaj-biske",
            "sl-nedis",
            "de-CH-1901",
            "sl-IT-nedis",
            "hy-Latn-IT-arevela",
            "de-DE",
            "en-US",
            "es-419",
            "de-CH-x-phonebk",
            "az-Arab-x-AZE-derbend",
            "x-whatever",
            "qaa-Qaaa-QM-x-southern",
            "de-Qaaa",
            "sr-Latn-QM",
            "sr-Qaaa-RS",
            "en-US-u-islamcal",
            "zh-CN-a-myext-x-private",
            "en-a-myext-b-another",
            "art-lojban",
            "zh-min-nan",
            "cel-gaulish",
            "EN-us",
            "I-KLINGON",
            "sgn-be-fr",
        ];
        for tag in tags {
            assert!(is_well_formed(tag), "{tag}");
        }
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        let long = format!("x-{}a", "a-".repeat(30_000));
        let tags = [
            "",
            "-",
            "1-",
            "e",
            "1",
            "en-",
            "-en",
            "en--US",
            "de-419-DE",
            "a-DE",
            "x",
            "x-",
            "en-x",
            "en-a",
            "en-a-x-b",
            "en_US",
            "en US",
            "*",
            "englishes",
            "en-123456789",
            "\u{fc}b",
            "i-no",
            "en-US-US",
            &long,
        ];
        for tag in tags {
            assert!(!is_well_formed(tag), "{tag}");
        }
        assert!(is_well_formed("zh-Hant-TW-x-abcdefgh-abcdefgh-abcd"));
        assert!(!is_well_formed("zh-Hant-TW-x-abcdefgh-abcdefgh-abcde"));
    }
}
