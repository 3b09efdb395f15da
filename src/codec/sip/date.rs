//! Date (RFC 3261 §20.17): RFC 1123 dates in GMT, nothing else.

use std::time::{Duration, SystemTime};

use super::HeaderValue;
use super::token::ValueError;

/// A point in time to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date(u64);

impl Date {
    /// The last second that has four digits in its year.
    const MAX: u64 = 253_402_300_799;

    /// The date this many seconds after 1970-01-01T00:00:00Z; at most the end of the year 9999.
    #[must_use]
    pub fn from_unix(seconds: u64) -> Date {
        Date(seconds.min(Date::MAX))
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix(self) -> u64 {
        self.0
    }

    /// Parses `Sat, 13 Nov 2010 23:29:00 GMT`; other zones and the older HTTP forms are refused.
    pub fn parse(value: &str) -> Result<Date, ValueError> {
        let text = super::chars::trim(value);
        let rfc1123 = text.len() == 29 && text.as_bytes()[3] == b',' && text.ends_with(" GMT");
        if !rfc1123 {
            return Err(ValueError::Date);
        }
        let time = httpdate::parse_http_date(text).map_err(|_| ValueError::Date)?;
        let since = time.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| ValueError::Date)?;
        Ok(Date(since.as_secs()))
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(self.0);
        f.write_str(&httpdate::fmt_http_date(time))
    }
}

impl From<Date> for HeaderValue {
    fn from(date: Date) -> HeaderValue {
        HeaderValue::text(&date.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_1123_in_gmt_only() {
        let date = Date::parse("Sat, 13 Nov 2010 23:29:00 GMT").unwrap();
        assert_eq!(
            (date.unix(), date.to_string().as_str()),
            (1_289_690_940, "Sat, 13 Nov 2010 23:29:00 GMT")
        );
        for bad in [
            "Fri, 01 Jan 2010 16:00:00 EST",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "",
            "Sat, 32 Nov 2010 23:29:00 GMT",
            "2010-11-13T23:29:00Z",
        ] {
            assert!(Date::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Date::from_unix(u64::MAX).to_string(), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
