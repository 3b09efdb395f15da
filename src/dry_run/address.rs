//! One address in both directions, step by step.

use std::fmt;

use crate::codec::sip::{NameAddr, Uri, percent};
use crate::codec::xmpp::Jid;
use crate::codec::xmpp::jid::domain_to_ascii;
use crate::codec::xmpp::jid_escaping::unescape;
use crate::config::{Config, DomainPair, Side};
use crate::route;
use crate::rules::{Paired, Rules};

/// One step of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub what: String,
    /// What that gives.
    pub result: String,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.result.is_empty() {
            true => f.write_str(&self.what),
            false => write!(f, "{}: {}", self.what, self.result),
        }
    }
}

fn step(what: impl Into<String>, result: impl Into<String>) -> Step {
    Step { what: what.into(), result: result.into() }
}

/// The steps of a JID to its URI and back, or of a URI to its JID and back.
///
/// # Errors
/// When the text is neither, in words.
pub fn steps(rules: &Rules, config: Option<&Config>, text: &str) -> Result<Vec<Step>, String> {
    let text = text.trim();
    let scheme = text.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("sip" | "sips" | "tel" | "im" | "pres") => {
            let mut steps = Vec::new();
            if let Some(jid) = uri_steps(rules, config, text, &mut steps)? {
                steps.push(step("back again", ""));
                jid_steps(rules, config, &jid, &mut steps);
            }
            Ok(steps)
        }
        _ => {
            let jid = Jid::parse(text.strip_prefix("xmpp:").unwrap_or(text));
            let jid = jid.map_err(|error| format!("`{text}` is not a JID: {error}"))?;
            let mut steps = Vec::new();
            if jid.as_str() != text {
                steps.push(step("as XMPP servers write it (RFC 7622)", jid.as_str()));
            }
            if let Some(uri) = jid_steps(rules, config, &jid, &mut steps) {
                steps.push(step("back again", ""));
                uri_steps(rules, config, uri.as_str(), &mut steps)?;
            }
            Ok(steps)
        }
    }
}

/// The JID of a user whom a text names by a JID or a URI; none where it names nobody.
#[must_use]
pub fn user(rules: &Rules, config: Option<&Config>, text: &str) -> Option<Jid> {
    let text = text.trim();
    match text.split_once(':') {
        Some((scheme, _)) if !scheme.eq_ignore_ascii_case("xmpp") => {
            uri_steps(rules, config, text, &mut Vec::new()).ok().flatten()
        }
        _ => Jid::parse(text.strip_prefix("xmpp:").unwrap_or(text)).ok(),
    }
}

/// The pair of a domain: the configuration's, or the domain under one name on both sides.
fn pair_of(config: Option<&Config>, domain: &str, by_sip: bool) -> (DomainPair, &'static str) {
    let known = config.and_then(|config| {
        let mut pairs = config.domains.pairs().iter();
        pairs.find(|pair| if by_sip { pair.sip == domain } else { pair.xmpp == domain })
    });
    match known {
        Some(pair) => (pair.clone(), "by `domains` of the configuration"),
        None => {
            let sip =
                domain_to_ascii(domain).map_or_else(|_| domain.into(), |sip| sip.into_owned());
            let xmpp = Jid::parse(domain).map_or_else(|_| domain.into(), |jid| jid.to_string());
            let pair = DomainPair { xmpp, sip, side: Side::Xmpp, advertised: false };
            let why = match config {
                Some(_) => {
                    "this gateway does not serve that domain; it would be the same on both sides"
                }
                None => "the same on both sides, as no configuration says otherwise",
            };
            (pair, why)
        }
    }
}

fn jid_steps(
    rules: &Rules,
    config: Option<&Config>,
    jid: &Jid,
    steps: &mut Vec<Step>,
) -> Option<Uri> {
    let (pair, why) = pair_of(config, jid.domain(), false);
    let local = jid.node().unwrap_or_default();
    let user = unescape(local);
    if user != local {
        steps.push(step("the localpart without its escapes (XEP-0106)", &*user));
    }
    let looked = format!("{user}@{}", jid.domain());
    match rules.addresses.pairs.uri_of(&looked) {
        Some((Paired::Refused, name, place)) => {
            steps.push(step(format!("the pair `{name}` at {place}"), "nobody"));
        }
        Some((Paired::Uri { .. }, name, place)) => {
            steps.push(step(format!("the pair `{name}` at {place} fits"), &*looked));
        }
        None => {
            if !rules.addresses.pairs.is_empty() {
                steps.push(step("no pair of the rules fits", &*looked));
            }
            steps.push(step(format!("the domain, {why}"), pair.sip.clone()));
            let encoded = percent::encode(user.as_bytes(), percent::Set::User);
            if encoded != *user {
                steps.push(step("the user percent-encoded (RFC 3261 §25.1)", encoded));
            }
        }
    }
    let uri = route::uri_of(&rules.addresses, &pair, jid);
    match (jid.resource(), uri.as_ref().and_then(|uri| uri.param("gr")).flatten()) {
        (Some(resource), Some(gr)) => {
            steps.push(step(format!("the resource `{resource}` as gr"), gr));
        }
        (Some(_), None) => steps.push(step("the resource", "is left out, by rule")),
        _ => {}
    }
    match &uri {
        Some(uri) => steps.push(step("in SIP it is", uri.as_str())),
        None => steps.push(step("in SIP it is", "nothing")),
    }
    uri
}

fn uri_steps(
    rules: &Rules,
    config: Option<&Config>,
    text: &str,
    steps: &mut Vec<Step>,
) -> Result<Option<Jid>, String> {
    let uri = Uri::parse(text.to_owned().into()).map_err(|error| format!("`{text}` {error}"))?;
    let user = uri.user().and_then(percent::decode_utf8).unwrap_or_default().into_owned();
    if uri.user().is_some_and(|written| written != user) {
        steps.push(step("the user without its escapes", user.clone()));
    }
    let paired = route::paired_domain(&rules.addresses, &uri);
    let pair = match &paired {
        Some(domain) => {
            steps.push(step("a pair of the rules fits; the domain of the JID", domain.clone()));
            pair_of(config, domain, false).0
        }
        None => {
            if !rules.addresses.pairs.is_empty() {
                steps.push(step("no pair of the rules fits", text));
            }
            let domain = domain_to_ascii(uri.host_str()).map_err(|error| error.to_string())?;
            let (pair, why) = pair_of(config, &domain, true);
            steps.push(step(format!("the domain, {why}"), pair.xmpp.clone()));
            pair
        }
    };
    let address = NameAddr::new(uri);
    match route::jid_of(&rules.addresses, &pair, &address) {
        Ok(jid) => {
            let local = jid.node().unwrap_or_default();
            if paired.is_none() && local != user {
                steps.push(step("the user in small letters and escaped (XEP-0106)", local));
            }
            steps.push(step("in XMPP it is", jid.as_str()));
            Ok(Some(jid))
        }
        Err(error) => {
            steps.push(step("in XMPP it is", format!("nothing: {error}")));
            Ok(None)
        }
    }
}
