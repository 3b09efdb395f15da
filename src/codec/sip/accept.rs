//! Accept (RFC 3261 §20.1): which media types a peer can read.

use super::token::ValueError;
use super::{Params, Text, chars};

/// The media ranges of an Accept header, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accept(Vec<MediaRange>);

/// One media range, such as `text/*;q=0.3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaRange {
    /// `type/subtype`, `type/*` or `*/*`.
    range: Text,
    params: Params,
    /// `q` in thousandths.
    quality: u16,
}

impl Accept {
    /// Parses the items of the list. No items at all is legal: nothing is acceptable.
    pub fn parse(items: impl IntoIterator<Item = Text>) -> Result<Accept, ValueError> {
        items.into_iter().map(|item| MediaRange::parse(&item)).collect::<Result<_, _>>().map(Accept)
    }

    /// How welcome a media type (`type/subtype`) is, 0 to 1000: the quality of the most specific
    /// range that covers it; 0 if none does. Ranges with parameters other than `q` count like
    /// those without.
    #[must_use]
    pub fn quality(&self, media_type: &str) -> u16 {
        let covering = self.0.iter().filter_map(|r| Some((r.specificity(media_type)?, r.quality)));
        covering.max_by_key(|&(specificity, _)| specificity).map_or(0, |(_, quality)| quality)
    }

    /// Whether the media type is acceptable at all.
    #[must_use]
    pub fn accepts(&self, media_type: &str) -> bool {
        self.quality(media_type) > 0
    }

    /// The ranges, in order.
    #[must_use]
    pub fn ranges(&self) -> &[MediaRange] {
        &self.0
    }
}

impl MediaRange {
    /// Parses one item of the list.
    pub fn parse(item: &Text) -> Result<MediaRange, ValueError> {
        let end = item.find(';').unwrap_or(item.len());
        let range = chars::trim(&item[..end]);
        let (kind, subtype) = range.split_once('/').ok_or(ValueError::Character)?;
        let (kind, subtype) = (chars::trim(kind), chars::trim(subtype));
        let legal = |part: &str| !part.is_empty() && chars::all(part.as_bytes(), chars::TOKEN);
        if !legal(kind) || !legal(subtype) || (kind == "*" && subtype != "*") {
            return Err(ValueError::Character);
        }
        let params = Params::parse(item.slice_ref(&item[end..]))?;
        let quality = params.get("q").flatten().map_or(Ok(1000), quality)?;
        let tight = kind.len() + subtype.len() + 1 == range.len();
        let range = if tight { item.slice_ref(range) } else { format!("{kind}/{subtype}").into() };
        Ok(MediaRange { range, params, quality })
    }

    /// `type/subtype`, `type/*` or `*/*`, as received.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.range
    }

    /// All parameters, `q` among them.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// `q`, 0 to 1000.
    #[must_use]
    pub fn quality(&self) -> u16 {
        self.quality
    }

    /// 2 for the type itself, 1 for `type/*`, 0 for `*/*`, `None` if it does not cover the type.
    fn specificity(&self, media_type: &str) -> Option<u8> {
        if self.range.eq_ignore_ascii_case(media_type) {
            return Some(2);
        }
        let kind = self.range.strip_suffix("/*")?;
        if kind == "*" {
            return Some(0);
        }
        media_type.split_once('/').filter(|(k, _)| k.eq_ignore_ascii_case(kind)).map(|_| 1)
    }
}

/// `qvalue` in thousandths: `0[.0*3DIGIT]` or `1[.0*3("0")]`.
pub(in crate::codec) fn quality(text: &str) -> Result<u16, ValueError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|b| b.is_ascii_digit());
    if !digits || !matches!(whole, "0" | "1") {
        return Err(ValueError::Number);
    }
    let thousandths = fraction.bytes().chain([b'0'; 3]).take(3);
    let value = thousandths.fold(u16::from(whole == "1"), |sum, b| sum * 10 + u16::from(b - b'0'));
    if value <= 1000 { Ok(value) } else { Err(ValueError::Number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(text: &str) -> Result<Accept, ValueError> {
        Accept::parse(super::super::list::shared(&text.into()))
    }

    #[test]
    fn the_most_specific_range_counts() {
        let a = accept("text/*;q=0.3, message/CPIM, text/plain;q=0, image / png;level=1").unwrap();
        assert_eq!(a.quality("message/cpim"), 1000);
        assert_eq!(a.quality("text/html"), 300);
        assert!(!a.accepts("text/plain") && !a.accepts("audio/ogg") && a.accepts("image/png"));
        assert!(accept("*/*;q=0.001").unwrap().accepts("x/y"));
        assert_eq!(accept("").unwrap().ranges().len(), 0);
    }

    #[test]
    fn malformed() {
        for bad in [
            "text",
            "text/",
            "*/plain",
            "a/b;q=2",
            "a/b;q=1.001",
            "a/b;q=0.1234",
            "a/b;q=x",
            "a b/c",
        ] {
            assert!(accept(bad).is_err(), "{bad}");
        }
    }
}
