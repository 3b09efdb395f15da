//! `presence.yaml`: the words of presence on both sides (RFC 8048 §6, RFC 4480 §3.2).

mod keys;

use super::facts::{Direction, Facts, Field};
use super::key::Key;
use super::matcher::When;
use super::messages::ImEscaping;
use super::rule_set::RuleSet;
use super::rule_table::RuleTable;
use crate::codec::pidf::Activity;
use crate::codec::xmpp::Show;
use crate::codec::yaml::{Map, Node};

const SHOWS: [(&str, Option<Show>); 5] = [
    ("away", Some(Show::Away)),
    ("chat", Some(Show::Chat)),
    ("dnd", Some(Show::Dnd)),
    ("xa", Some(Show::Xa)),
    ("none", None),
];

/// Words: language and text.
type Words = Vec<(String, String)>;

/// How presence crosses.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Presence {
    /// Whether SUBSCRIBE is between `pres:` addresses: `to_sip.scheme`.
    pub pres: bool,
    /// Whether a document is put into a CPIM object for who takes one: `to_sip.form`.
    pub cpim: bool,
    /// What is escaped in `im:` and `pres:` addresses: `to_sip.escaping`.
    pub escaping: ImEscaping,
    /// Whether the show is written as an instant messaging status: `to_sip.im`.
    pub write_im: bool,
    /// Whether `<show/>` is written: `to_sip.show`.
    pub write_show: bool,
    /// The activity for a show: `to_sip.activities`.
    activities: Vec<(Show, Option<Activity>)>,
    /// Whether xa counts as idle: `to_sip.xa_is_idle`.
    pub xa_is_idle: bool,
    /// The shows, or none, that are closed: `to_sip.basic`.
    closed: Vec<Option<Show>>,
    /// Words for a show, by language: `to_sip.notes`.
    words: Vec<(Option<Show>, Words)>,
    /// Whether a priority is written: `to_sip.priority`.
    pub write_priority: bool,
    /// Whether the media type says the charset: `to_sip.charset`.
    pub charset: bool,
    /// The show for an activity, by name: `to_xmpp.activities`.
    shows: Vec<(&'static str, Option<Show>)>,
    /// Words for an activity, by language: `to_xmpp.notes`.
    notes: Vec<(&'static str, Words)>,
    /// The show for an instant messaging status: `to_xmpp.im`.
    im: Vec<(String, Option<Show>)>,
    /// The show of an idle device: `to_xmpp.idle`.
    pub idle: Option<Show>,
    /// The show of a device that is closed; none for one that is gone: `to_xmpp.closed`.
    pub closed_show: Option<Show>,
    /// Whether a tuple whose id is new is the device with the same contact: `to_xmpp.device`.
    pub by_contact: bool,
    /// Whether a priority is told: `to_xmpp.priority`.
    pub tell_priority: bool,
    /// Whether the Content-ID is the id of the stanza: `to_xmpp.id`.
    pub content_id: bool,
    /// Whether the document goes into the stanza as it is: `to_xmpp.embed`.
    pub embed: bool,
    /// Whether a display name becomes a nick in a request (XEP-0172 §4.1): `to_xmpp.nick`.
    pub tell_name: bool,
    /// Whether a refused request is told as an error: `to_xmpp.refused`.
    pub refused_is_error: bool,
    /// The rules of the file: [`Presence::of`] looks them up.
    pub(super) refined: RuleSet<Presence>,
}

impl Presence {
    /// The settings for a pair of users: those of the first rule that holds, else the file's own.
    #[must_use]
    pub fn of(&self, facts: &Facts<'_>) -> &Presence {
        self.refined.find(facts).map_or(self, |rule| &rule.then)
    }

    /// The activity that stands for a show.
    #[must_use]
    pub fn activity(&self, show: Show) -> Option<&Activity> {
        let found = self.activities.iter().find(|(known, _)| *known == show);
        found.and_then(|(_, activity)| activity.as_ref())
    }

    /// Whether who shows this can take instant messages (RFC 3863 §4.1.4).
    #[must_use]
    pub fn is_open(&self, show: Option<Show>) -> bool {
        !self.closed.contains(&show)
    }

    /// The words that stand for a show: `(language, words)`.
    #[must_use]
    pub fn words(&self, show: Option<Show>) -> &[(String, String)] {
        let found = self.words.iter().find(|(known, _)| *known == show);
        found.map_or(&[], |(_, words)| words)
    }

    /// The show that stands for an activity.
    #[must_use]
    pub fn show(&self, activity: &Activity) -> Option<Show> {
        let found = self.shows.iter().find(|(name, _)| *name == activity.name());
        found.and_then(|(_, show)| *show)
    }

    /// The words that stand for an activity: `(language, words)`.
    #[must_use]
    pub fn notes(&self, activity: &Activity) -> &[(String, String)] {
        let found = self.notes.iter().find(|(name, _)| *name == activity.name());
        found.map_or(&[], |(_, notes)| notes)
    }

    /// The show that stands for an instant messaging status.
    #[must_use]
    pub fn im(&self, status: &str) -> Option<Show> {
        self.im.iter().find(|(name, _)| name == status).and_then(|(_, show)| *show)
    }
}

impl RuleTable for Presence {
    const KEYS: &'static [Key<Self>] = &keys::KEYS;
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
        Field::Agent,
    ];
    const ONE_WAY: &'static [(Field, Direction)] =
        &[(Field::Type, Direction::ToSip), (Field::Agent, Direction::ToXmpp)];

    fn check(_: &When, _: &Map<'_>) {}

    fn rule_set(&mut self) -> &mut RuleSet<Self> {
        &mut self.refined
    }
}

/// The names of all activities.
fn names() -> Vec<&'static str> {
    Activity::NAMED.iter().map(Activity::name).collect()
}

impl Presence {
    fn read_written(&mut self, node: &Node<'_>) {
        let Some(map) = node.map() else { return };
        for (name, show) in SHOWS {
            let (Some(show), Some(node)) = (show, map.optional(name)) else { continue };
            let Some(activity) = activity_or_none(&node) else { continue };
            self.activities.retain(|(known, _)| *known != show);
            self.activities.push((show, activity));
        }
        map.finish();
    }

    fn read_basic(&mut self, node: &Node<'_>) {
        let Some(map) = node.map() else { return };
        for (name, show) in SHOWS {
            let words = [("open", true), ("closed", false)];
            let Some(open) = map.optional(name).and_then(|node| node.one_of(&words)) else {
                continue;
            };
            self.closed.retain(|known| *known != show);
            self.closed.extend((!open).then_some(show));
        }
        map.finish();
    }

    fn read_words(&mut self, node: &Node<'_>) {
        let Some(map) = node.map() else { return };
        for (name, show) in SHOWS {
            if let Some(texts) = map.optional(name).and_then(|node| words(&node)) {
                self.words.retain(|(known, _)| *known != show);
                self.words.push((show, texts));
            }
        }
        map.finish();
    }

    fn read_shows(&mut self, node: &Node<'_>) {
        let Some(map) = node.map() else { return };
        for name in names() {
            if let Some(show) = map.optional(name).and_then(|node| node.one_of(&SHOWS)) {
                self.shows.retain(|(known, _)| *known != name);
                self.shows.push((name, show));
            }
        }
        map.finish();
    }

    fn read_notes(&mut self, node: &Node<'_>) {
        let Some(map) = node.map() else { return };
        for name in names() {
            if let Some(notes) = map.optional(name).and_then(|node| words(&node)) {
                self.notes.retain(|(known, _)| *known != name);
                self.notes.push((name, notes));
            }
        }
        map.finish();
    }

    fn read_im(&mut self, node: &Node<'_>) {
        for (name, node) in node.map().iter().flat_map(Map::entries) {
            if let Some(show) = node.one_of(&SHOWS) {
                self.im.retain(|(known, _)| known != name);
                self.im.push((name.to_owned(), show));
            }
        }
    }
}

/// The name of an activity, or none.
fn activity_or_none(node: &Node<'_>) -> Option<Option<Activity>> {
    let named = Activity::NAMED.iter().map(|activity| (activity.name(), Some(activity)));
    let all: Vec<(&str, Option<&Activity>)> = named.chain([("none", None)]).collect();
    node.one_of(&all).map(|activity| activity.cloned())
}

/// Words by language.
fn words(node: &Node<'_>) -> Option<Words> {
    let entries = node.map()?.entries();
    let text =
        |(language, node): (&str, Node<'_>)| Some((language.to_owned(), node.text()?.to_owned()));
    entries.into_iter().map(text).collect()
}
