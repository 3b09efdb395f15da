//! `presence.yaml`: the words of presence on both sides (RFC 8048 §6, RFC 4480 §3.2).

use super::section;
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

/// How presence crosses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Presence {
    /// Whether `<show/>` is written: `to_sip.show`.
    pub write_show: bool,
    /// The activity for a show: `to_sip.activities`.
    activities: Vec<(Show, Option<Activity>)>,
    /// Whether xa counts as idle: `to_sip.xa_is_idle`.
    pub xa_is_idle: bool,
    /// Whether the media type says the charset: `to_sip.charset`.
    pub charset: bool,
    /// The show for an activity, by name: `to_xmpp.activities`.
    shows: Vec<(&'static str, Option<Show>)>,
    /// Words for an activity, by language: `to_xmpp.notes`.
    notes: Vec<(&'static str, Vec<(String, String)>)>,
    /// The show for an instant messaging status: `to_xmpp.im`.
    im: Vec<(String, Option<Show>)>,
    /// The show of an idle device: `to_xmpp.idle`.
    pub idle: Option<Show>,
}

impl Presence {
    /// The activity that stands for a show.
    #[must_use]
    pub fn activity(&self, show: Show) -> Option<&Activity> {
        let found = self.activities.iter().find(|(known, _)| *known == show);
        found.and_then(|(_, activity)| activity.as_ref())
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

    pub(super) fn read(&mut self, map: &Map<'_>) {
        section(map, "to_sip", |map| self.read_to_sip(map));
        section(map, "to_xmpp", |map| self.read_to_xmpp(map));
    }

    fn read_to_sip(&mut self, map: &Map<'_>) {
        truth(map, "show", &mut self.write_show);
        truth(map, "xa_is_idle", &mut self.xa_is_idle);
        truth(map, "charset", &mut self.charset);
        section(map, "activities", |map| {
            for (name, show) in SHOWS {
                let (Some(show), Some(node)) = (show, map.optional(name)) else { continue };
                let Some(activity) = activity_or_none(&node) else { continue };
                self.activities.retain(|(known, _)| *known != show);
                self.activities.push((show, activity));
            }
        });
    }

    fn read_to_xmpp(&mut self, map: &Map<'_>) {
        section(map, "activities", |map| {
            for activity in Activity::NAMED {
                let show = map.optional(activity.name()).and_then(|node| node.one_of(&SHOWS));
                if let Some(show) = show {
                    self.shows.retain(|(known, _)| *known != activity.name());
                    self.shows.push((activity.name(), show));
                }
            }
        });
        section(map, "notes", |map| {
            for activity in Activity::NAMED {
                if let Some(notes) = map.optional(activity.name()).and_then(|node| words(&node)) {
                    self.notes.retain(|(known, _)| *known != activity.name());
                    self.notes.push((activity.name(), notes));
                }
            }
        });
        if let Some(map) = map.optional("im").and_then(|node| node.map()) {
            for (name, node) in map.entries() {
                if let Some(show) = node.one_of(&SHOWS) {
                    self.im.retain(|(known, _)| known != name);
                    self.im.push((name.to_owned(), show));
                }
            }
        }
        if let Some(show) = map.optional("idle").and_then(|node| node.one_of(&SHOWS)) {
            self.idle = show;
        }
    }
}

/// The name of an activity, or none.
fn activity_or_none(node: &Node<'_>) -> Option<Option<Activity>> {
    let mut names: Vec<(&str, Option<Activity>)> =
        Activity::NAMED.iter().map(|activity| (activity.name(), Some(activity.clone()))).collect();
    names.push(("none", None));
    let index: Vec<(&str, usize)> =
        names.iter().enumerate().map(|(at, (name, _))| (*name, at)).collect();
    let at = node.one_of(&index)?;
    names.into_iter().nth(at).map(|(_, activity)| activity)
}

/// Words by language.
fn words(node: &Node<'_>) -> Option<Vec<(String, String)>> {
    let map = node.map()?;
    let entries = map.entries();
    entries
        .into_iter()
        .map(|(language, node)| Some((language.to_owned(), node.text()?.to_owned())))
        .collect()
}

fn truth(map: &Map<'_>, key: &'static str, field: &mut bool) {
    if let Some(value) = map.optional(key).and_then(|node| node.truth()) {
        *field = value;
    }
}
