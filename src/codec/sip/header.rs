//! Header fields (RFC 3261 §7.3): all of a message but those it keeps in fields of its own.

use super::token::{self, ValueError};
use super::{
    Accept, Challenge, Date, Event, HeaderName, HeaderValue, Items, MediaRange, NameAddr,
    Subscription, Text, Token, Warning, list,
};

/// One header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name.
    pub name: HeaderName,
    /// The value.
    pub value: HeaderValue,
}

/// Header fields in order. Via, From, To, Call-ID, CSeq, Max-Forwards and Content-Length are never
/// among them: they are fields of the message, or computed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<Header>);

impl Headers {
    /// None.
    #[must_use]
    pub const fn new() -> Headers {
        Headers(Vec::new())
    }

    pub(super) fn with_capacity(fields: usize) -> Headers {
        Headers(Vec::with_capacity(fields))
    }

    /// Appends a field. One that [is structural](HeaderName::is_structural) is left out.
    pub fn push(&mut self, name: HeaderName, value: impl Into<HeaderValue>) {
        if !name.is_structural() {
            self.0.push(Header { name, value: value.into() });
        }
    }

    /// Appends a field, by value: for building in one expression.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Headers {
        self.push(name, value);
        self
    }

    /// Removes every field of the name, then appends this one.
    pub fn set(&mut self, name: HeaderName, value: impl Into<HeaderValue>) {
        self.remove(&name);
        self.push(name, value);
    }

    /// Removes every field of the name; tells whether there was one.
    pub fn remove(&mut self, name: &HeaderName) -> bool {
        let before = self.0.len();
        self.0.retain(|header| header.name != *name);
        self.0.len() < before
    }

    /// The first value of the name.
    #[must_use]
    pub fn get(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.0.iter().find(|header| header.name == *name).map(|header| &header.value)
    }

    /// The first value of the name, if it is UTF-8.
    #[must_use]
    pub fn get_text(&self, name: &HeaderName) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Whether there is a field of the name.
    #[must_use]
    pub fn contains(&self, name: &HeaderName) -> bool {
        self.get(name).is_some()
    }

    /// Every value of the name, in order.
    pub fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a HeaderValue> {
        self.0.iter().filter(move |header| header.name == *name).map(|header| &header.value)
    }

    /// Every item of the comma-separated lists of the name, in order (RFC 3261 §7.3.1). Not for
    /// headers whose value is no list. Values that are not UTF-8 are passed over.
    pub fn items<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a str> {
        self.all(name).filter_map(HeaderValue::as_str).flat_map(Items::new)
    }

    /// The same, as slices of the received buffer; octets that are not UTF-8 are read as Latin-1.
    pub fn shared_items<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = Text> + 'a {
        self.all(name)
            .map(HeaderValue::to_text)
            .flat_map(|text| list::shared(&text).collect::<Vec<_>>())
    }

    /// Whether the list of the name has the item, without regard to case: an option tag in
    /// Supported or Require (RFC 3261 §19.2), a method in Allow.
    #[must_use]
    pub fn lists(&self, name: &HeaderName, item: &str) -> bool {
        self.items(name).any(|i| i.eq_ignore_ascii_case(item))
    }

    /// The fields, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Header> {
        self.0.iter()
    }

    /// How many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Typed access. `None`: there is no such header; `Some(Err(_))`: there is one which is malformed,
/// or two of one that may be only one, and which a UAS should ignore unless it needs it
/// (RFC 3261 §8.2).
impl Headers {
    /// The addresses of a list header: Contact, Route, Record-Route, P-Asserted-Identity, ...
    pub fn addresses<'a>(
        &'a self,
        name: &'a HeaderName,
    ) -> impl Iterator<Item = Result<NameAddr, ValueError>> + 'a {
        self.shared_items(name).map(NameAddr::parse)
    }

    /// The addresses in Contact (RFC 3261 §20.10). `*` is no address, and malformed here.
    pub fn contacts(&self) -> impl Iterator<Item = Result<NameAddr, ValueError>> + '_ {
        self.addresses(&HeaderName::Contact)
    }

    /// Content-Type as received (RFC 3261 §20.15); its grammar is that of MIME.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.get_text(&HeaderName::ContentType)
    }

    /// Expires, in seconds (RFC 3261 §20.19); at most 2^32-1.
    #[must_use]
    pub fn expires(&self) -> Option<Result<u32, ValueError>> {
        self.one(&HeaderName::Expires, |text| token::delta_seconds(text))
    }

    /// Min-Expires, in seconds (RFC 3261 §20.23).
    #[must_use]
    pub fn min_expires(&self) -> Option<Result<u32, ValueError>> {
        self.one(&HeaderName::MinExpires, |text| token::delta_seconds(text))
    }

    /// Retry-After, in seconds, without comment and parameters (RFC 3261 §20.33).
    #[must_use]
    pub fn retry_after(&self) -> Option<Result<u32, ValueError>> {
        self.one(&HeaderName::RetryAfter, |text| {
            let end = text.find([' ', '\t', '(', ';']).unwrap_or(text.len());
            token::delta_seconds(&text[..end])
        })
    }

    /// Event (RFC 6665 §8.2.1).
    #[must_use]
    pub fn event(&self) -> Option<Result<Event, ValueError>> {
        self.one(&HeaderName::Event, |text| Event::parse(text.clone()))
    }

    /// The entity tag in SIP-ETag, SIP-If-Match or Suppress-If-Match (RFC 3903 §11.3, RFC 5839
    /// §6.1): a token, compared octet by octet.
    #[must_use]
    pub fn entity_tag(&self, name: &HeaderName) -> Option<Result<Token, ValueError>> {
        self.one(name, |text| Token::new(text.clone()).ok_or(ValueError::Character))
    }

    /// The event packages in Allow-Events (RFC 6665 §8.2.2); compared octet by octet.
    pub fn allowed_events(&self) -> impl Iterator<Item = &str> {
        self.items(&HeaderName::AllowEvents)
    }

    /// Subscription-State (RFC 6665 §4.1.3).
    #[must_use]
    pub fn subscription_state(&self) -> Option<Result<Subscription, ValueError>> {
        self.one(&HeaderName::SubscriptionState, |text| Subscription::parse(text.clone()))
    }

    /// Date (RFC 3261 §20.17).
    #[must_use]
    pub fn date(&self) -> Option<Result<Date, ValueError>> {
        self.one(&HeaderName::Date, |text| Date::parse(text))
    }

    /// Whether Accept names a media type itself, and not by a wildcard, as acceptable.
    #[must_use]
    pub fn accept_names(&self, media_type: &str) -> bool {
        let Some(Ok(accept)) = self.accept() else { return false };
        let named = |range: &MediaRange| range.as_str().eq_ignore_ascii_case(media_type);
        accept.ranges().iter().any(|range| named(range) && range.quality() > 0)
    }

    /// Accept (RFC 3261 §20.1).
    #[must_use]
    pub fn accept(&self) -> Option<Result<Accept, ValueError>> {
        self.contains(&HeaderName::Accept)
            .then(|| Accept::parse(self.shared_items(&HeaderName::Accept)))
    }

    /// The warnings (RFC 3261 §20.43).
    pub fn warnings(&self) -> impl Iterator<Item = Result<Warning, ValueError>> + '_ {
        self.shared_items(&HeaderName::Warning).map(|item| Warning::parse(&item))
    }

    /// The challenges of WWW-Authenticate or Proxy-Authenticate, one for each field
    /// (RFC 3261 §20.27, §20.44: they are never joined by commas).
    pub fn challenges<'a>(
        &'a self,
        name: &'a HeaderName,
    ) -> impl Iterator<Item = Result<Challenge, ValueError>> + 'a {
        self.all(name).map(|value| Challenge::parse(&value.to_text()))
    }

    /// The value of a header that may be there once; a repetition of the very same value counts
    /// as one.
    fn one<T>(
        &self,
        name: &HeaderName,
        parse: impl FnOnce(&Text) -> Result<T, ValueError>,
    ) -> Option<Result<T, ValueError>> {
        let mut all = self.all(name);
        let first = all.next()?;
        if all.any(|other| other != first) {
            return Some(Err(ValueError::Repeated));
        }
        Some(first.as_text().ok_or(ValueError::Utf8).and_then(parse))
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = &'a Header;
    type IntoIter = std::slice::Iter<'a, Header>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl FromIterator<Header> for Headers {
    fn from_iter<I: IntoIterator<Item = Header>>(fields: I) -> Headers {
        Headers(fields.into_iter().filter(|header| !header.name.is_structural()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_lookups() {
        let mut h = Headers::new()
            .with(HeaderName::Supported, "timer, 100rel")
            .with(HeaderName::Subject, "a")
            .with(HeaderName::Supported, "gruu");
        assert_eq!(
            h.items(&HeaderName::Supported).collect::<Vec<_>>(),
            ["timer", "100rel", "gruu"]
        );
        assert!(h.lists(&HeaderName::Supported, "GRUU"));
        assert_eq!(h.all(&HeaderName::Supported).count(), 2);
        h.set(HeaderName::Supported, "x");
        assert_eq!((h.len(), h.get_text(&HeaderName::Supported)), (2, Some("x")));
        assert!(h.remove(&HeaderName::Subject) && !h.remove(&HeaderName::Subject));
    }

    #[test]
    fn structural_fields_stay_out() {
        let h = Headers::new().with(HeaderName::ContentLength, "5").with(HeaderName::Via, "x");
        assert!(h.is_empty());
    }

    #[test]
    fn single_values() {
        let h = Headers::new().with(HeaderName::Expires, "99999999999");
        assert_eq!(h.expires(), Some(Ok(u32::MAX)));
        assert_eq!(h.min_expires(), None);
        let h = h
            .with(HeaderName::Expires, "5")
            .with(HeaderName::RetryAfter, "18 (in a meeting);duration=3");
        assert_eq!(h.expires(), Some(Err(ValueError::Repeated)));
        assert_eq!(h.retry_after(), Some(Ok(18)));
        let h = h
            .with(HeaderName::Contact, "<sip:a@b>, \"c, d\" <sip:e@f>;q=0.5")
            .with(HeaderName::Contact, "*");
        let contacts: Vec<_> = h.contacts().collect();
        assert_eq!(contacts.len(), 3);
        assert_eq!(contacts[1].as_ref().unwrap().display_name(), Some("c, d"));
        assert!(contacts[2].is_err());
    }
}
