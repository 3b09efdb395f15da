//! Why something goes out as it does: each rule that is looked at, the one that matches, and what
//! that changes.

use std::fmt;
use std::sync::Arc;

use super::stage::Harness;
use super::{Case, Outcome, Step, Unplayable, address, run};
use crate::codec::xmpp::{Condition, PresenceKind};
use crate::flow::{PresenceRouted, Routed, UserPair, Watchers};
use crate::rules::{Direction, Facts, TraceEntry};

/// Why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The addresses, each with its steps.
    pub addresses: Vec<(String, Vec<Step>)>,
    /// The tables that were asked, each with the rules that were looked at.
    pub tables: Vec<(&'static str, Vec<TraceEntry>)>,
    /// The entries of tables that count for the answer, such as `errors.to_xmpp.404`.
    pub entries: Vec<String>,
    /// What the rules changed: name, without them, with them.
    pub changed: Vec<(String, Option<String>, Option<String>)>,
}

/// Plays a scene and says why it goes as it does.
///
/// # Errors
/// When the input cannot be read at all.
pub fn explain(scene: &Case) -> Result<(Outcome, Explanation), Unplayable> {
    let mut why = Explanation::default();
    let stage = Harness::open(scene)?;
    let routed = stage.look();
    let peer = stage.config.sip.peers.first().map(|peer| peer.name.clone());
    let outcome = run(scene)?;
    match &routed {
        Routed::Outbound { outbound, .. } => {
            let facts = outbound.facts();
            why.addresses(scene, &[outbound.sender.as_str(), outbound.recipient.as_str()], &facts);
            why.ask(scene, "messages", &facts);
            why.encryption(scene, &outcome, &facts);
            why.refused_by_sip(scene, &facts);
        }
        Routed::Inbound(inbound) => {
            let facts = inbound.facts();
            let (from, to) = (inbound.request.from.uri().as_str(), inbound.request.uri.as_str());
            why.addresses(scene, &[from, to], &facts);
            why.ask(scene, "messages", &facts);
            why.encryption(scene, &outcome, &facts);
            why.refused_by_xmpp(scene, &facts);
        }
        Routed::SecuredPresence { sight, .. } => {
            if let Some(Watchers { pair, .. }) = sight.as_deref() {
                why.addresses(
                    scene,
                    &[pair.xmpp_user.as_str(), pair.sip_user_uri.as_str()],
                    &pair.facts(),
                );
            }
            let pair = sight.as_deref().map(|sight| sight.pair.facts());
            let facts = Facts { stanza: "presence", ..pair.unwrap_or_default() };
            why.encryption(scene, &outcome, &facts);
        }
        Routed::Presence(routed) => why.presence(scene, routed, peer.as_deref()),
        _ => {}
    }
    let plain = Arc::new(scene.rules.as_ref().clone().without_refinements());
    let without = run(&Case { rules: plain, ..scene.clone() })?;
    why.changed = differences(&without, &outcome);
    Ok((outcome, why))
}

impl Explanation {
    fn ask(&mut self, scene: &Case, table: &'static str, facts: &Facts<'_>) {
        self.tables.push((table, scene.rules.trace(table, facts)));
    }

    /// The steps of each address, and the rules for the domains of both ends.
    fn addresses(&mut self, scene: &Case, addresses: &[&str], facts: &Facts<'_>) {
        let config = scene.config.as_deref();
        for one in addresses {
            if let Ok(steps) = address::steps(&scene.rules, config, one) {
                self.addresses.push(((*one).to_owned(), steps));
            }
        }
        for one in [facts.from, facts.to] {
            let domain = one.rsplit_once('@').map_or(one, |(_, domain)| domain);
            let facts = Facts { direction: facts.direction, domain, ..Facts::default() };
            self.ask(scene, "addresses", &facts);
        }
    }

    fn encryption(&mut self, scene: &Case, outcome: &Outcome, facts: &Facts<'_>) {
        for name in &outcome.schemes {
            let scheme = scene.rules.encryption.scheme_of(name);
            let scheme = [scheme.map_or("", |scheme| &scheme.key), name];
            self.ask(scene, "encryption", &Facts { scheme, ..*facts });
        }
    }

    /// What the XMPP user is told when SIP refuses.
    fn refused_by_sip(&mut self, scene: &Case, facts: &Facts<'_>) {
        let Some(status) = &scene.answer else { return };
        let facts = Facts { direction: Direction::ToXmpp, status, ..*facts };
        self.ask(scene, "errors", &facts);
        let errors = scene.rules.errors.of(&facts);
        let key = status.parse().ok().and_then(|code| errors.key_to_xmpp(code));
        self.entries.extend(key.map(|key| format!("errors.to_xmpp.{key}")));
    }

    /// What the SIP user is answered when XMPP refuses.
    fn refused_by_xmpp(&mut self, scene: &Case, facts: &Facts<'_>) {
        let Some(condition) = &scene.answer else { return };
        // One that is not known counts as this (RFC 6120 §8.3.3.21).
        let known = Condition::from_name(condition).unwrap_or(Condition::UndefinedCondition);
        let condition = known.name();
        let direction = Direction::ToSip;
        let facts = Facts { direction, condition, kind: "error", headers: None, ..*facts };
        self.ask(scene, "errors", &facts);
        if scene.rules.errors.of(&facts).has_condition(condition) {
            self.entries.push(format!("errors.to_sip.{condition}"));
        }
    }

    fn presence(&mut self, scene: &Case, routed: &PresenceRouted, peer: Option<&str>) {
        let (pair, facts): (&UserPair, Facts<'_>) = match routed {
            PresenceRouted::Stanza { pair, presence } => {
                let method = match presence.kind {
                    PresenceKind::Subscribe | PresenceKind::Unsubscribe => "SUBSCRIBE",
                    _ => "NOTIFY",
                };
                let kind = presence.kind.name().unwrap_or("available");
                (pair, Facts { kind, method, peer, ..pair.facts() })
            }
            PresenceRouted::Notify { notified, .. } => (&notified.pair, notified.facts()),
            PresenceRouted::Subscribe(asked) => (&asked.pair, asked.pair.facts()),
            PresenceRouted::Asking { .. }
            | PresenceRouted::Response(_)
            | PresenceRouted::Lost { .. }
            | PresenceRouted::Render { .. } => return,
        };
        self.addresses(scene, &[pair.xmpp_user.as_str(), pair.sip_user_uri.as_str()], &facts);
        self.ask(scene, "presence", &facts);
        if matches!(routed, PresenceRouted::Stanza { .. }) {
            self.refused_by_sip(scene, &facts);
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (address, steps) in &self.addresses {
            writeln!(f, "address {address}")?;
            steps.iter().try_for_each(|step| writeln!(f, "  {step}"))?;
        }
        for (table, looked) in &self.tables {
            match looked.is_empty() {
                true => writeln!(f, "{table}: no rule refines the settings of the file")?,
                false => writeln!(f, "{table}:")?,
            }
            for TraceEntry { name, place, failed, says } in looked {
                match failed {
                    Some(field) => writeln!(f, "  {name} ({place}): `{field}` does not hold")?,
                    None => writeln!(f, "  {name} ({place}): MATCHES {says}")?,
                }
            }
            if looked.last().is_some_and(|last| last.failed.is_some()) {
                writeln!(f, "  none holds: the settings of the file count")?;
            }
        }
        for entry in &self.entries {
            writeln!(f, "the entry {entry} counts")?;
        }
        for (name, before, after) in &self.changed {
            let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
            writeln!(f, "changed {name}: {} -> {}", shown(before), shown(after))?;
        }
        Ok(())
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
