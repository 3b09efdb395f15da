//! What a component answers for itself and for the users behind it: XEP-0030, XEP-0092, XEP-0100,
//! XEP-0199.

use super::error::{of_saying, reply_to_iq};
use crate::codec::xml::Element;
use crate::codec::xmpp::{Condition, Iq, IqKind, Jid, Stanza, ns};
use crate::rules::{Errors, Saying};

/// The features of the gateway itself.
const FEATURES: [&str; 6] =
    [ns::DISCO_INFO, ns::DISCO_ITEMS, ns::GATEWAY, ns::VERSION, ns::PING, "jid\\20escaping"];

/// The features of a SIP user: what is carried to them, never an encryption.
const USER_FEATURES: [&str; 1] = [ns::DISCO_INFO];

/// The answer to a request for information: a result, or an error at once. `named` is the JID of
/// the SIP address that it names, if there is one.
pub(super) fn answer(rules: &Errors, iq: Iq, named: Option<&Jid>) -> Stanza {
    let refused = |iq: Iq, condition| {
        let error = of_saying(rules, condition, Saying::NotOffered, iq.lang.as_deref());
        reply_to_iq(iq, error)
    };
    let user = iq.to.as_ref().is_some_and(|to| to.node().is_some());
    let payload = iq.payload.clone().unwrap_or_default();
    if iq.kind == IqKind::Get {
        let node = payload.attr("node").is_some();
        let result = match &*payload.ns {
            ns::DISCO_INFO if node => None,
            ns::DISCO_INFO if user => Some(info("account", "registered", None, &USER_FEATURES)),
            ns::DISCO_INFO => {
                Some(info("gateway", "simple", Some("SIP/SIMPLE gateway"), &FEATURES))
            }
            ns::DISCO_ITEMS if node => None,
            ns::DISCO_ITEMS => Some(Some(Element::new("query", ns::DISCO_ITEMS))),
            ns::VERSION if !user => Some(Some(version())),
            ns::PING if !user => Some(None),
            ns::GATEWAY if !user => Some(Some(prompt())),
            _ => return refused(iq, Condition::ServiceUnavailable),
        };
        return match result {
            Some(payload) => result_of(iq, payload),
            None => refused(iq, Condition::ItemNotFound),
        };
    }
    match named {
        _ if user || &*payload.ns != ns::GATEWAY => refused(iq, Condition::ServiceUnavailable),
        Some(jid) => {
            let jid = Element::new("jid", ns::GATEWAY).with_text(jid.to_string());
            result_of(iq, Some(Element::new("query", ns::GATEWAY).with_child(jid)))
        }
        None => refused(iq, Condition::ItemNotFound),
    }
}

/// What a client asks its user for, to find a SIP user's JID (XEP-0100 §4.7).
fn prompt() -> Element {
    let part = |name, text: &'static str| Element::new(name, ns::GATEWAY).with_text(text);
    Element::new("query", ns::GATEWAY)
        .with_child(part("desc", "Write the SIP address of the person you want to reach."))
        .with_child(part("prompt", "SIP address"))
}

fn result_of(iq: Iq, payload: Option<Element>) -> Stanza {
    let (from, to) = (iq.to, iq.from);
    let kind = IqKind::Result;
    Stanza::Iq(Box::new(Iq { from, to, id: iq.id, kind, lang: None, payload, error: None }))
}

fn info(
    category: &'static str,
    kind: &'static str,
    name: Option<&'static str>,
    features: &[&'static str],
) -> Option<Element> {
    let mut identity = Element::new("identity", ns::DISCO_INFO)
        .with_attr("category", category)
        .with_attr("type", kind);
    if let Some(name) = name {
        identity = identity.with_attr("name", name);
    }
    let query = Element::new("query", ns::DISCO_INFO).with_child(identity);
    Some(features.iter().fold(query, |query, feature| {
        query.with_child(Element::new("feature", ns::DISCO_INFO).with_attr("var", *feature))
    }))
}

fn version() -> Element {
    let part = |name, text: &'static str| Element::new(name, ns::VERSION).with_text(text);
    Element::new("query", ns::VERSION)
        .with_child(part("name", "stox"))
        .with_child(part("version", env!("CARGO_PKG_VERSION")))
}
