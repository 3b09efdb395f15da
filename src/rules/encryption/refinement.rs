//! `rules:` of `encryption.yaml`: what becomes of a scheme, and what is said of it, for what they
//! ask for. They come before `domains`.

use super::policy::{self, Handling};
use super::scheme::Scheme;
use super::texts::{self, Said, Saying, Texts};
use super::{Between, Encryption};
use crate::codec::yaml::{Map, Node, nearest};
use crate::rules::facts::{Direction, Facts, Field};
use crate::rules::key::{Key, Kind};
use crate::rules::matcher::{Ask, Pattern, When};
use crate::rules::rule_set::RuleSet;
use crate::rules::rule_table::{RuleTable, Written};

/// What a rule says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Refinement {
    /// What becomes of it; without one, that is for `domains` and the scheme to say.
    pub policy: Option<Handling>,
    /// What people are told: a saying that is here takes the place of the file's.
    pub texts: Texts,
    /// The rules of the file.
    pub(in crate::rules) refined: RuleSet<Refinement>,
}

impl RuleTable for Refinement {
    const KEYS: &'static [Key<Self>] = &KEYS;
    const ACTIONS: &'static [Key<Self>] = &[];
    const ASKS: &'static [Field] = &[
        Field::Direction,
        Field::Peer,
        Field::From,
        Field::To,
        Field::FromDomain,
        Field::ToDomain,
        Field::Stanza,
        Field::Type,
        Field::Method,
        Field::ContentType,
        Field::Agent,
        Field::Namespace,
        Field::Scheme,
    ];
    const ONE_WAY: &'static [(Field, Direction)] = &[
        (Field::Type, Direction::ToSip),
        (Field::Namespace, Direction::ToSip),
        (Field::ContentType, Direction::ToXmpp),
        (Field::Agent, Direction::ToXmpp),
    ];

    fn check(_: &When, _: &Map<'_>) {}

    fn rule_set(&mut self) -> &mut RuleSet<Self> {
        &mut self.refined
    }
}

const KEYS: [Key<Refinement>; 2] = [
    Key {
        name: "policy",
        doc: "what becomes of it; without one, that is for `domains` and the scheme to say",
        kind: Kind::Other(
            |rule, node| rule.policy = node.one_of(&policy::COURSES).or(rule.policy),
            policy::shape,
        ),
    },
    Key {
        name: "texts",
        doc: "what people are told: a saying that a rule has takes the place of the file's, in all languages",
        kind: Kind::Other(|rule, node| rule.texts.read_all(node), texts::shape),
    },
];

impl Encryption {
    /// What becomes of a scheme in what the facts are of: by the first rule that holds, else by
    /// [`Encryption::course`].
    #[must_use]
    pub fn decided(&self, facts: &Facts<'_>, scheme: &Scheme, between: &Between<'_>) -> Handling {
        let rule = self.refinement.refined.find(facts);
        if let Some(course) = rule.and_then(|rule| rule.then.policy) {
            return scheme.settled(course, between.native);
        }
        let towards = match facts.direction {
            Direction::ToSip => policy::Towards::Sip,
            Direction::ToXmpp => policy::Towards::Xmpp,
        };
        self.course(scheme, towards, between)
    }

    /// What is said of it: by the first rule that holds, else by the file.
    #[must_use]
    pub fn say(
        &self,
        facts: &Facts<'_>,
        saying: Saying,
        lang: Option<&str>,
        title: &str,
        address: &str,
    ) -> Said {
        let rule = self.refinement.refined.find(facts);
        let own = rule.map(|rule| &rule.then.texts).filter(|texts| texts.has(saying));
        own.unwrap_or(&self.texts).say(saying, lang, title, address)
    }

    /// The scheme of a name: its key, or that with a number in it.
    #[must_use]
    pub fn scheme_of(&self, name: &str) -> Option<&Scheme> {
        self.schemes.iter().find(|scheme| scheme.is_called(name))
    }
}

/// Tells of rules that ask for schemes which there are not, or want of them what they cannot do.
pub(in crate::rules) fn check(encryption: &Encryption, written: &[Written<'_>]) {
    for rule in encryption.refinement.refined.rules() {
        let Some(written) = written.iter().find(|written| written.name == rule.name) else {
            continue;
        };
        let Some(map) = written.node.map() else { continue };
        let ask = rule.when.asks.iter().find(|ask| ask.field == Field::Scheme);
        let Some(ask) = ask else { continue };
        if let Some(node) = map.optional("when").and_then(|when| when.map()?.optional("scheme")) {
            tell_unknown(encryption, &node);
        }
        let (Some(course), Some(node)) = (rule.then.policy, map.optional("policy")) else {
            continue;
        };
        let asked = encryption.schemes.iter().filter(|scheme| is_asked(ask, scheme));
        let faults: Vec<_> = asked.map(|scheme| policy::fault(course, scheme)).collect();
        // A rule for many does what each of them can; one that none of them can take is a mistake.
        if let Some(Some((message, mend))) = faults.first()
            && faults.iter().all(Option::is_some)
        {
            node.error(message, mend);
        }
    }
}

/// Whether a scheme may be asked for, under whichever number.
fn is_asked(ask: &Ask, scheme: &Scheme) -> bool {
    ask.any.iter().any(|pattern| match pattern {
        Pattern::Exact(name) => scheme.is_called(name),
        Pattern::Regex { regex, .. } => {
            regex.is_match(&scheme.key) || regex.is_match(&scheme.name("0"))
        }
    })
}

fn tell_unknown(encryption: &Encryption, node: &Node<'_>) {
    let nodes = if node.is_list() { node.list().unwrap_or_default() } else { vec![node.clone()] };
    for node in nodes {
        let Some(name) = node.text() else { continue };
        let is_pattern = name.contains(['*', '?']) || name.starts_with('/');
        if !is_pattern && encryption.scheme_of(name).is_none() {
            let keys: Vec<&str> = encryption.schemes.iter().map(|it| it.key.as_str()).collect();
            node.error(&format!("no scheme is called `{name}`"), &nearest(name, &keys));
        }
    }
}
