//! Addresses of one side as the other side knows them (RFC 7247 §6).

use std::borrow::Cow;

use crate::codec::sip::{NameAddr, Scheme, Uri, UriBuilder, percent};
use crate::codec::xmpp::jid::{domain_to_ascii, localpart_from_user};
use crate::codec::xmpp::jid_escaping::unescape;
use crate::codec::xmpp::{Jid, JidError};
use crate::config::DomainPair;
use crate::rules::{Addresses, Direction, Paired, Resource};

/// Visual separators, which mean nothing in a number (RFC 3966 §5.1.1).
const SEPARATORS: [char; 4] = ['-', '.', '(', ')'];

/// Whether the device part of an address crosses with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Device {
    /// As the rules say.
    ByRule,
    /// It was learnt from the user: it crosses whatever the rules say of others.
    Learnt,
    /// The user alone.
    Left,
}

/// The SIP URI of a JID of the pair's domain (RFC 7247 §6.5). `spelling` is how a SIP user writes
/// the user part, where that is known: JIDs are case-folded, SIP users are not. `None` when the
/// result would not be a legal URI.
pub(super) fn to_uri(
    rules: &Addresses,
    pair: &DomainPair,
    jid: &Jid,
    device: Device,
    spelling: Option<&str>,
) -> Option<Uri> {
    let device_rules = rules.of(Direction::ToSip, &pair.xmpp);
    if let Some(local) = jid.node().filter(|_| !rules.pairs.is_empty())
        && let Some((paired, ..)) =
            rules.pairs.uri_of(&format!("{}@{}", unescape(local), pair.xmpp))
    {
        return paired_uri(paired);
    }
    let user = jid.node().map(|local| spelling.map_or_else(|| unescape(local), Cow::Borrowed));
    let user = user.unwrap_or_default();
    let mut builder = UriBuilder::new(Scheme::Sip, user.as_bytes(), &pair.sip);
    let crosses = match device {
        Device::ByRule => device_rules.resource_to_sip == Resource::Gr,
        Device::Learnt => true,
        Device::Left => false,
    };
    if let Some(resource) = jid.resource().filter(|_| crosses) {
        builder = builder.gr(resource);
    }
    builder.build().ok()
}

/// The JID of a SIP user of the pair's domain (RFC 7247 §6.4). A device that has no legal
/// resource is left out (ADDR-026). `spelling` is how an XMPP user whose address has several
/// spellings, or none that is made here, was seen to write it.
pub(super) fn to_jid(
    rules: &Addresses,
    pair: &DomainPair,
    address: &NameAddr,
    device: Device,
    spelling: Option<&str>,
) -> Result<Jid, JidError> {
    let uri = address.uri();
    let paired = paired_jid(rules, uri);
    let rules = rules.of(Direction::ToXmpp, &pair.xmpp);
    let local = match (uri.user(), spelling) {
        _ if paired.as_ref().is_some_and(|(_, domain, ..)| *domain == pair.xmpp) => {
            paired.map(|(local, ..)| localpart_from_user(&local)).transpose()?
        }
        (None, _) => None,
        (Some(_), Some(seen)) => Some(seen.into()),
        (Some(user), None) => {
            let user = percent::decode_utf8(user).ok_or(JidError::Localpart)?;
            Some(localpart_from_user(&user)?)
        }
    };
    let bare = Jid::from_parts(local.as_deref(), &pair.xmpp, None)?;
    if device == Device::Left || rules.resource_to_xmpp == Resource::None {
        return Ok(bare);
    }
    let resource = gr(rules, address).and_then(|gr| bare.with_resource(&gr).ok());
    Ok(resource.unwrap_or(bare))
}

/// The address that a pair of the rules makes of a JID; none for a JID that is nobody.
fn paired_uri(paired: Paired) -> Option<Uri> {
    let Paired::Uri { scheme, user, host, params } = paired else { return None };
    if scheme == "tel" {
        return Uri::parse(format!("tel:{user}{params}").into()).ok();
    }
    let uri = UriBuilder::new(Scheme::Sip, user.as_bytes(), &host).build().ok()?;
    match params.is_empty() {
        true => Some(uri),
        false => Uri::parse(format!("{}{params}", uri.as_str()).into()).ok(),
    }
}

/// The unescaped localpart and the domain that a pair of the rules makes of an address.
pub(super) fn paired_jid<'a>(
    rules: &'a Addresses,
    uri: &Uri,
) -> Option<(String, String, &'a str, &'a str)> {
    if rules.pairs.is_empty() {
        return None;
    }
    let written = match uri.scheme() {
        Scheme::Tel => {
            let number = uri.opaque().split(';').next().unwrap_or_default();
            format!("tel:{}", number.replace(SEPARATORS, ""))
        }
        Scheme::Sip | Scheme::Sips => {
            let user = uri.user()?;
            let user = number(uri, user).map(Cow::Owned).or_else(|| percent::decode_utf8(user))?;
            format!("sip:{user}@{}", domain(uri)?)
        }
        _ => return None,
    };
    rules.pairs.jid_of(&written)
}

/// The telephone number that a user part is, where the URI says so with `user=phone`: without the
/// separators that mean nothing, and without the parameters that say how it is routed (RFC 3261
/// §19.1.6, RFC 3966 §4, RFC 4694). Left as they are, `+1-201-555-0123` and `+12015550123;npdi=yes`
/// would be two people. Those that say whose number it is make it one of its own.
fn number(uri: &Uri, user: &str) -> Option<String> {
    if !uri.param("user").flatten()?.eq_ignore_ascii_case("phone") {
        return None;
    }
    let mut parts = user.split(';');
    let number = parts.next().unwrap_or_default().replace(SEPARATORS, "");
    let names_another = |part: &str| {
        let name = part.split('=').next().unwrap_or_default();
        ["ext", "isub", "phone-context"].iter().any(|known| known.eq_ignore_ascii_case(name))
    };
    if parts.any(names_another) {
        return None;
    }
    let digits = number.strip_prefix('+').unwrap_or(&number);
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then_some(number)
}

/// Whether a pair of the rules says that a JID is nobody.
pub(super) fn is_refused(rules: &Addresses, jid: &Jid) -> bool {
    let Some(local) = jid.node().filter(|_| !rules.pairs.is_empty()) else { return false };
    let found = rules.pairs.uri_of(&format!("{}@{}", unescape(local), jid.domain()));
    found.is_some_and(|(paired, ..)| paired == Paired::Refused)
}

/// The value of the gr parameter (RFC 5627 §3): inside the brackets, else where the examples of
/// RFC 7572 and RFC 8048 write it. Without a value it is a temporary GRUU, which names no device.
fn gr<'a>(rules: &Addresses, address: &'a NameAddr) -> Option<Cow<'a, str>> {
    let inside = address.uri().param("gr");
    let outside = || address.params().get("gr").filter(|_| rules.gr_outside_brackets);
    let value = inside.or_else(outside).flatten()?;
    percent::decode_utf8(value).filter(|value| !value.is_empty())
}

/// The URI that a person writes for a SIP user, `romeo@sip.example` or any form of a SIP URI.
pub(super) fn written(text: &str) -> Option<NameAddr> {
    let text = text.trim();
    if let Ok(uri) = Uri::parse(text.into())
        && matches!(uri.scheme(), Scheme::Sip | Scheme::Im | Scheme::Pres)
    {
        return Some(NameAddr::new(uri));
    }
    let (user, host) = text.strip_prefix("sip:").unwrap_or(text).rsplit_once('@')?;
    let host = domain_to_ascii(host).ok()?;
    UriBuilder::new(Scheme::Sip, user.as_bytes(), &host).build().ok().map(NameAddr::new)
}

/// The domain of a URI as the configuration writes SIP domains: lower case, A-labels, no port.
pub(super) fn domain(uri: &Uri) -> Option<String> {
    domain_to_ascii(uri.host_str()).ok().map(Cow::into_owned).filter(|domain| !domain.is_empty())
}
