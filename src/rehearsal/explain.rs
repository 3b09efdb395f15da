//! Why something goes out as it does: each rule that is looked at, the one that matches, and what
//! that changes.

use std::sync::Arc;

use super::stage::Stage;
use super::{Outcome, Scene, Step, Unplayable, address, play};
use crate::codec::xmpp::PresenceKind;
use crate::flow::{PresenceRouted, Routed};
use crate::rules::{Direction, Facts, Looked};

/// Why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The addresses, each with its steps.
    pub addresses: Vec<(String, Vec<Step>)>,
    /// The tables that were asked, each with the rules that were looked at.
    pub tables: Vec<(&'static str, Vec<Looked>)>,
    /// What the rules changed: name, without them, with them.
    pub changed: Vec<(String, Option<String>, Option<String>)>,
}

/// Plays a scene and says why it goes as it does.
///
/// # Errors
/// When the input cannot be read at all.
pub fn explain(scene: &Scene) -> Result<(Outcome, Explanation), Unplayable> {
    let stage = Stage::open(scene)?;
    let mut why = Explanation::default();
    let ask = |why: &mut Explanation, table: &'static str, facts: &Facts<'_>| {
        why.tables.push((table, scene.rules.trace(table, facts)));
    };
    let routed = stage.look();
    match &routed {
        Routed::Outbound { outbound, .. } => {
            let facts = outbound.facts();
            address_steps(
                &mut why,
                scene,
                &[outbound.sender.as_str(), outbound.recipient.as_str()],
            );
            address_rules(&mut why, scene, Direction::ToSip, &[facts.from, facts.to]);
            ask(&mut why, "messages", &facts);
            if let Some(status) = &scene.answer {
                let direction = Direction::ToXmpp;
                ask(&mut why, "errors", &Facts { direction, status, ..facts });
            }
        }
        Routed::Inbound(inbound) => {
            let facts = inbound.facts();
            let (from, to) = (inbound.request.from.uri().as_str(), inbound.request.uri.as_str());
            address_steps(&mut why, scene, &[from, to]);
            address_rules(&mut why, scene, Direction::ToXmpp, &[facts.from, facts.to]);
            ask(&mut why, "messages", &facts);
            if let Some(condition) = &scene.answer {
                let (direction, kind) = (Direction::ToSip, "error");
                let facts = Facts { direction, condition, kind, headers: None, ..facts };
                ask(&mut why, "errors", &facts);
            }
        }
        Routed::Presence(routed) => {
            let peer = stage.config.sip.peers.first().map(|peer| peer.name.as_str());
            presence(&mut why, scene, routed, peer);
        }
        _ => {}
    }
    let outcome = play(scene)?;
    encryption(&mut why, scene, &routed, &outcome.schemes);
    let plain = Arc::new(scene.rules.as_ref().clone().without_refinements());
    let without = play(&Scene { rules: plain, ..scene.clone() })?;
    why.changed = differences(&without, &outcome);
    Ok((outcome, why))
}

/// What is asked about presence: about the document that a stanza becomes, about the one that
/// comes, or about the answer to her request to see him.
fn presence(why: &mut Explanation, scene: &Scene, routed: &PresenceRouted, peer: Option<&str>) {
    let (pair, table, facts) = match routed {
        PresenceRouted::Stanza { pair, presence } if presence.kind == PresenceKind::Subscribe => {
            let Some(status) = &scene.answer else { return };
            let direction = Direction::ToXmpp;
            let facts = Facts { direction, status, method: "SUBSCRIBE", peer, ..pair.facts() };
            (pair, "errors", facts)
        }
        PresenceRouted::Stanza { pair, presence } => {
            let kind = presence.kind.name().unwrap_or("available");
            (pair, "presence", Facts { kind, method: "NOTIFY", peer, ..pair.facts() })
        }
        PresenceRouted::Notify { notified, .. } => (&notified.pair, "presence", notified.facts()),
        _ => return,
    };
    address_steps(why, scene, &[pair.user.as_str(), pair.contact_uri.as_str()]);
    why.tables.push((table, scene.rules.trace(table, &facts)));
}

/// What is asked about each scheme that was met.
fn encryption(why: &mut Explanation, scene: &Scene, routed: &Routed, met: &[String]) {
    let facts = match routed {
        Routed::Outbound { outbound, .. } => outbound.facts(),
        Routed::Inbound(inbound) => inbound.facts(),
        _ => return,
    };
    for name in met {
        let scheme = scene.rules.encryption.scheme_of(name);
        let scheme = [scheme.map_or("", |scheme| &scheme.key), name];
        let looked = scene.rules.trace("encryption", &Facts { scheme, ..facts });
        why.tables.push(("encryption", looked));
    }
}

fn address_steps(why: &mut Explanation, scene: &Scene, addresses: &[&str]) {
    let config = scene.config.as_deref();
    for one in addresses {
        if let Ok(steps) = address::steps(&scene.rules, config, one) {
            why.addresses.push(((*one).to_owned(), steps));
        }
    }
}

fn address_rules(why: &mut Explanation, scene: &Scene, direction: Direction, addresses: &[&str]) {
    for one in addresses {
        let domain = one.rsplit_once('@').map_or(*one, |(_, domain)| domain);
        let facts = Facts { direction, domain, ..Facts::default() };
        why.tables.push(("addresses", scene.rules.trace("addresses", &facts)));
    }
}

/// What is otherwise in two outcomes.
fn differences(before: &Outcome, after: &Outcome) -> Vec<(String, Option<String>, Option<String>)> {
    let mut names: Vec<&str> = Vec::new();
    for line in before.lines.iter().chain(&after.lines) {
        if !names.contains(&line.name.as_str()) {
            names.push(&line.name);
        }
    }
    let own = |text: Option<&str>| text.map(str::to_owned);
    names
        .into_iter()
        .map(|name| (name.to_owned(), own(before.get(name)), own(after.get(name))))
        .filter(|(_, before, after)| before != after)
        .collect()
}
