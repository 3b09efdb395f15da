//! How old a message from SIP is, and whether that is too old (RFC 3428 §7, §11.4).

use time::OffsetDateTime;

use crate::codec::mime::rfc3339;
use crate::codec::sip::{HeaderName, HeaderValue, Headers};
use crate::codec::xml::Element;
use crate::codec::xmpp::ns;
use crate::flow::{Cause, Fault, LocalResponse, Now};
use crate::rules::{Late, Messages};

/// What is nearer than this is now: clocks differ, and messages take their time.
const NEAR_SECONDS: u64 = 300;

/// The time to mark a stanza with, in seconds since 1970; or the refusal.
///
/// `sent` is the DateTime of the CPIM object, which goes first where the rules want it at all.
pub(super) fn delay(
    rules: &Messages,
    headers: &Headers,
    sent: Option<OffsetDateTime>,
    now: Now,
) -> Result<Option<u64>, Box<LocalResponse>> {
    let now = now.unix_ms / 1_000;
    let date = headers.date().and_then(Result::ok).map(|date| date.unix());
    let is_far = |time: &u64| time.abs_diff(now) > NEAR_SECONDS;
    if date.as_ref().is_some_and(is_far) && rules.far_date == Late::Refuse {
        let refusal = LocalResponse::fault(Fault::Malformed, "Incorrect Date or Time");
        return Err(Box::new(refusal));
    }
    let expires = headers.expires().and_then(Result::ok).map(u64::from);
    // Without a Date the time counts from the arrival.
    let ends = expires.map(|seconds| date.unwrap_or(now).saturating_add(seconds));
    let is_expired = ends.is_some_and(|ends| ends < now);
    if is_expired && rules.expired == Late::Refuse {
        return Err(Box::new(LocalResponse::new(Cause::Expired)));
    }
    let sent = sent.filter(|_| rules.cpim_date_time);
    let sent = sent.and_then(|sent| u64::try_from(sent.unix_timestamp()).ok());
    Ok(sent.filter(is_far).or_else(|| date.filter(|date| is_expired || is_far(date))))
}

/// The mark of a delayed message (XEP-0203 §4); none for a time that has no stamp.
pub(super) fn element(unix: u64) -> Option<Element> {
    let time = OffsetDateTime::from_unix_timestamp(i64::try_from(unix).ok()?).ok()?;
    let mut stamp = Vec::with_capacity(20);
    rfc3339::write_utc(&mut stamp, time);
    let stamp = String::from_utf8(stamp).ok().filter(|stamp| !stamp.is_empty())?;
    Some(Element::new("delay", ns::DELAY).with_attr("stamp", stamp))
}

/// When a stanza was first sent, as the marks of those who delayed it say: the earliest of them.
pub(super) fn first_sent(extensions: &[Element]) -> Option<OffsetDateTime> {
    let delays = extensions.iter().filter(|child| child.is("delay", ns::DELAY));
    delays.filter_map(|delay| rfc3339::parse(delay.attr("stamp")?)).min()
}

/// Adds the Date and Expires that the rules want in a request (RFC 3428 §4).
pub(super) fn stamp(
    rules: &Messages,
    headers: &mut Headers,
    first_sent: Option<OffsetDateTime>,
    now: Now,
) {
    let delayed = first_sent.filter(|_| rules.date_from_delay);
    let delayed = delayed.and_then(|time| u64::try_from(time.unix_timestamp()).ok());
    let expires = rules.expires.as_secs();
    let date = delayed.or((expires > 0).then_some(now.unix_ms / 1_000));
    if let Some(date) = date {
        headers.push(HeaderName::Date, crate::codec::sip::Date::from_unix(date));
    }
    if expires > 0 {
        headers.push(HeaderName::Expires, HeaderValue::text(&expires.to_string()));
    }
}
