//! `<timestamp/>`, RFC 3863 §4.1.7, RFC 4479 §3.5; and the times in attributes of RFC 4480.

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use super::note::write_element;
use crate::codec::mime::rfc3339;
use crate::codec::xml::escape::write_attribute;

/// Reads a time; one that is malformed counts as absent.
pub(super) fn parse(text: &str) -> Option<OffsetDateTime> {
    rfc3339::parse(text).filter(|at| format(*at).is_some())
}

/// The time in UTC with capital `T` and `Z`, with as many digits of a second as it needs; `None`
/// outside of the years 0000 to 9999.
fn format(at: OffsetDateTime) -> Option<String> {
    at.checked_to_offset(UtcOffset::UTC)?.format(&Rfc3339).ok()
}

/// Appends the element, if the time can be written.
pub(super) fn write(out: &mut Vec<u8>, name: &str, at: Option<OffsetDateTime>) {
    if let Some(text) = at.and_then(format) {
        write_element(out, name, &text);
    }
}

/// Appends the attribute, if the time can be written.
pub(super) fn write_in(out: &mut Vec<u8>, name: &str, at: Option<OffsetDateTime>) {
    if let Some(text) = at.and_then(format) {
        write_attribute(out, name, &text);
    }
}
