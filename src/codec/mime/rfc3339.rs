//! Date and time on the Internet, RFC 3339.

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// Parses `date-time`, RFC 3339 §5.6; `T` and `Z` may be in lower case.
#[must_use]
pub fn parse(text: &str) -> Option<OffsetDateTime> {
    if text.len() > 64 || !text.is_ascii() {
        return None;
    }
    OffsetDateTime::parse(&text.to_ascii_uppercase(), &Rfc3339).ok()
}

/// Appends the time in UTC with whole seconds: `2001-02-01T17:16:49Z`.
///
/// RFC 3339 §1 has years 0000 to 9999; what lies outside is not written.
pub fn write_utc(out: &mut Vec<u8>, at: OffsetDateTime) {
    let Some(at) = at.checked_to_offset(UtcOffset::UTC) else { return };
    let Ok(year @ 0..=9999) = u16::try_from(at.year()) else { return };
    let (hour, minute, second) = at.time().as_hms();
    let two = |n: u8| [b'0' + n / 10 % 10, b'0' + n % 10];
    // Both are below 100.
    let [century, rest] = [year / 100, year % 100].map(|n| u8::try_from(n).unwrap_or(0));
    let [c1, c2] = two(century);
    let [y1, y2] = two(rest);
    let [m1, m2] = two(u8::from(at.month()));
    let [d1, d2] = two(at.day());
    let [h1, h2] = two(hour);
    let [n1, n2] = two(minute);
    let [s1, s2] = two(second);
    out.extend_from_slice(&[
        c1, c2, y1, y2, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2, b'Z',
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utc(text: &str) -> Option<String> {
        let mut out = Vec::new();
        write_utc(&mut out, parse(text)?);
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn cpim_022_examples_of_rfc_3339() {
        for (text, expected) in [
            ("1985-04-12T23:20:50.52Z", "1985-04-12T23:20:50Z"),
            ("1996-12-19T16:39:57-08:00", "1996-12-20T00:39:57Z"),
            ("1937-01-01T12:00:27.87+00:20", "1937-01-01T11:40:27Z"),
            ("2001-02-01T12:16:49-05:00", "2001-02-01T17:16:49Z"),
            ("2001-02-01t12:16:49z", "2001-02-01T12:16:49Z"),
            ("2001-02-01T12:16:49-00:00", "2001-02-01T12:16:49Z"),
        ] {
            assert_eq!(utc(text).as_deref(), Some(expected), "{text}");
        }
        // A leap second is no reason to refuse a message.
        assert!(utc("1990-12-31T23:59:60Z").is_some());
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "2001-02-01",
            "2001-02-01T12:16:49",
            "2001-02-30T12:16:49Z",
            "2001-2-1T12:16:49Z",
            "2001-02-01T25:16:49Z",
            "Thu, 01 Feb 2001 12:16:49 GMT",
            "2001-02-01T12:16:49Z ",
            "\u{e9}",
        ] {
            assert_eq!(utc(text), None, "{text}");
        }
    }

    #[test]
    fn sec_043_years_beyond_four_digits_are_not_written() {
        let mut out = Vec::new();
        write_utc(&mut out, parse("9999-12-31T23:59:59-23:59").unwrap());
        assert!(out.is_empty());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(seconds in -62_167_219_200_i64..253_402_300_800) {
            let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            let mut out = Vec::new();
            write_utc(&mut out, at);
            prop_assert_eq!(parse(std::str::from_utf8(&out).unwrap()), Some(at));
        }
    }
}
