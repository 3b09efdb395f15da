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
