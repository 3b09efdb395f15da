//! Event (RFC 6665 §8.2.1, §8.4).

use super::token::ValueError;
use super::{Params, Text, chars};

/// An event type with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    kind: Text,
    params: Params,
}

impl Event {
    /// Parses `event-type *( SEMI event-param )`.
    pub fn parse(value: Text) -> Result<Event, ValueError> {
        let end = value.find(';').unwrap_or(value.len());
        let kind = value.slice_ref(chars::trim(&value[..end]));
        if kind.is_empty() {
            return Err(ValueError::Empty);
        }
        if !chars::all(kind.as_bytes(), chars::TOKEN) {
            return Err(ValueError::Character);
        }
        Ok(Event { kind, params: Params::parse(value.slice_ref(&value[end..]))? })
    }

    /// The package with its template packages, such as `presence` or `presence.winfo`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Whether the event is of this package; case-sensitive (RFC 6665 §4.4.1 compares octets).
    #[must_use]
    pub fn is(&self, package: &str) -> bool {
        *self.kind == *package
    }

    /// The `id` parameter, which tells subscriptions of one dialog apart (RFC 6665 §4.5.2).
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.params.get("id").flatten()
    }

    /// All parameters.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Whether both mean the same subscription: the same package and the same `id`
    /// (RFC 6665 §8.2.1).
    #[must_use]
    pub fn matches(&self, other: &Event) -> bool {
        self.kind == other.kind && self.id() == other.id()
    }

    /// A copy which does not keep the received buffer alive.
    #[must_use]
    pub fn detached(&self) -> Event {
        Event { kind: super::detach(&self.kind), params: self.params.detached() }
    }
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.kind, self.params.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_and_ids() {
        let e = Event::parse("presence.winfo ; id=a7 ; x".into()).unwrap();
        assert_eq!((e.kind(), e.id()), ("presence.winfo", Some("a7")));
        assert!(e.matches(&Event::parse("presence.winfo;id=a7".into()).unwrap()));
        assert!(!e.matches(&Event::parse("presence.winfo".into()).unwrap()));
        assert!(!e.is("presence"));
        for bad in ["", ";id=1", "a b", "a;id=", "a;;"] {
            assert!(Event::parse(bad.into()).is_err(), "{bad}");
        }
    }
}
