//! Accept-Language (RFC 3261 §20.3): which languages a person reads.

use super::{HeaderName, Headers};

/// How many languages of a request count, and characters of each (RFC 5646 §4.4.1).
const MOST: usize = 4;
const MOST_CHARACTERS: usize = 35;

impl Headers {
    /// The languages that its sender reads, the most welcome first, with commas between them; none
    /// where the header is not there or names none. At most 4 of at most 35 characters.
    #[must_use]
    pub fn languages(&self) -> Option<Box<str>> {
        let mut all: Vec<(&str, f32)> = self
            .items(&HeaderName::AcceptLanguage)
            .filter_map(|item| {
                let (tag, params) = item.split_once(';').unwrap_or((item, ""));
                let q = params.split(';').find_map(|param| param.trim().strip_prefix("q="));
                let q = q.map_or(Some(1.0), |q| q.trim().parse::<f32>().ok())?;
                let tag = tag.trim();
                let legal = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
                let is_tag = (1..=MOST_CHARACTERS).contains(&tag.len()) && tag.bytes().all(legal);
                (is_tag && q > 0.0).then_some((tag, q))
            })
            .take(4 * MOST)
            .collect();
        all.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let tags: Vec<&str> = all.iter().take(MOST).map(|(tag, _)| *tag).collect();
        (!tags.is_empty()).then(|| tags.join(",").into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::HeaderValue;
    use super::*;

    #[test]
    fn the_most_welcome_is_first_and_what_is_no_tag_is_left_out() {
        let languages = |text: &str| {
            let mut headers = Headers::new();
            headers.push(HeaderName::AcceptLanguage, HeaderValue::text(text));
            headers.languages()
        };
        assert_eq!(languages("da, en-gb;q=0.8, en;q=0.7").as_deref(), Some("da,en-gb,en"));
        assert_eq!(languages("en;q=0.1, cs;q=0.9").as_deref(), Some("cs,en"));
        assert_eq!(languages("*, de;q=0, x y, fr;q=z, e\u{e9}"), None);
        assert_eq!(languages("a,b,c,d,e").as_deref(), Some("a,b,c,d"));
        assert_eq!(Headers::new().languages(), None);
    }
}
