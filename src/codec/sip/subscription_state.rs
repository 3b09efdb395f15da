//! Subscription-State (RFC 6665 §4.1.3, §8.4).

use super::token::{self, ValueError};
use super::{Params, Text, Token, chars};

/// The state of a subscription, as its notifier sees it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SubscriptionState {
    /// Authorized, notifications flow.
    Active,
    /// Not decided yet.
    Pending,
    /// Ended.
    Terminated,
    /// An extension.
    Other(Token),
}

/// The value of Subscription-State.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    state: SubscriptionState,
    params: Params,
}

impl Subscription {
    /// A state without parameters.
    #[must_use]
    pub fn new(state: SubscriptionState) -> Subscription {
        Subscription { state, params: Params::default() }
    }

    /// Parses `substate-value *( SEMI subexp-params )`. State names ignore case.
    pub fn parse(value: Text) -> Result<Subscription, ValueError> {
        let end = value.find(';').unwrap_or(value.len());
        let name = chars::trim(&value[..end]);
        let state = match name {
            "" => return Err(ValueError::Empty),
            n if n.eq_ignore_ascii_case("active") => SubscriptionState::Active,
            n if n.eq_ignore_ascii_case("pending") => SubscriptionState::Pending,
            n if n.eq_ignore_ascii_case("terminated") => SubscriptionState::Terminated,
            n => SubscriptionState::Other(
                Token::new(value.slice_ref(n)).ok_or(ValueError::Character)?,
            ),
        };
        Ok(Subscription { state, params: Params::parse(value.slice_ref(&value[end..]))? })
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> &SubscriptionState {
        &self.state
    }

    /// How long it lasts, in seconds; `None` if absent or malformed.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        self.seconds("expires")
    }

    /// When to try again, in seconds; `None` if absent or malformed.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        self.seconds("retry-after")
    }

    /// Why it ended: `deactivated`, `probation`, `rejected`, `timeout`, `giveup`, `noresource`,
    /// `invariant` or an extension.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.params.get("reason").flatten()
    }

    /// All parameters.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// With `expires`, in seconds.
    #[must_use]
    pub fn with_expires(self, seconds: u32) -> Subscription {
        self.with("expires", &seconds.to_string())
    }

    /// With `reason`.
    #[must_use]
    pub fn with_reason(self, reason: &str) -> Subscription {
        self.with("reason", reason)
    }

    /// With `retry-after`, in seconds.
    #[must_use]
    pub fn with_retry_after(self, seconds: u32) -> Subscription {
        self.with("retry-after", &seconds.to_string())
    }

    fn with(self, name: &str, value: &str) -> Subscription {
        Subscription { params: self.params.with(name, Some(value)), ..self }
    }

    fn seconds(&self, name: &str) -> Option<u32> {
        token::delta_seconds(self.params.get(name)??).ok()
    }
}

impl SubscriptionState {
    /// The name as on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            SubscriptionState::Active => "active",
            SubscriptionState::Pending => "pending",
            SubscriptionState::Terminated => "terminated",
            SubscriptionState::Other(name) => name.as_str(),
        }
    }
}

impl std::fmt::Display for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.state.as_str(), self.params.as_str())
    }
}

impl From<&Subscription> for super::HeaderValue {
    fn from(subscription: &Subscription) -> super::HeaderValue {
        super::HeaderValue::from_legal_text(super::trimmed(subscription.to_string().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_parameters() {
        let s = Subscription::parse("Active ; expires=3599".into()).unwrap();
        assert_eq!(
            (s.state(), s.expires(), s.reason()),
            (&SubscriptionState::Active, Some(3599), None)
        );
        let s = Subscription::parse("terminated;reason=probation;retry-after=60".into()).unwrap();
        assert_eq!((s.reason(), s.retry_after()), (Some("probation"), Some(60)));
        let s = Subscription::new(SubscriptionState::Terminated)
            .with_reason("noresource")
            .with_retry_after(5);
        assert_eq!(s.to_string(), "terminated;reason=noresource;retry-after=5");
        assert!(matches!(
            Subscription::parse("waiting".into()).unwrap().state(),
            SubscriptionState::Other(_)
        ));
        for bad in ["", ";expires=1", "active expires=1", "active;expires="] {
            assert!(Subscription::parse(bad.into()).is_err(), "{bad}");
        }
    }
}
