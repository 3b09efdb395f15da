//! `presence.yaml`: the words of presence on both sides (RFC 8048 §6, RFC 4480 §3.2).

use super::book::Book;
use super::facts::{Direction, Facts, Field};
use super::key::{Key, Kind};
use super::matcher::When;
use super::messages::ImEscaping;
use super::ruled::Ruled;
use super::shape::{Names, Shape};
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
    /// Whether the Content-ID is the id of the stanza: `to_xmpp.id`.
    pub content_id: bool,
    /// Whether the document goes into the stanza as it is: `to_xmpp.embed`.
    pub embed: bool,
    /// Whether a refused request is told as an error: `to_xmpp.refused`.
    pub refused_is_error: bool,
    /// The rules of the file: [`Presence::of`] looks them up.
    pub(super) refined: Book<Presence>,
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

impl Ruled for Presence {
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
        Field::Agent,
    ];
    const ONE_WAY: &'static [(Field, Direction)] =
        &[(Field::Type, Direction::ToSip), (Field::Agent, Direction::ToXmpp)];

    fn check(_: &When, _: &Map<'_>) {}

    fn book(&mut self) -> &mut Book<Self> {
        &mut self.refined
    }
}

const KEYS: [Key<Presence>; 2] = [
    Key {
        name: "to_sip",
        doc: "presence from XMPP: a stanza becomes one tuple of a document",
        kind: Kind::Keys(&TO_SIP),
    },
    Key {
        name: "to_xmpp",
        doc: "presence from SIP: a tuple becomes one stanza",
        kind: Kind::Keys(&TO_XMPP),
    },
];

const TO_SIP: [Key<Presence>; 8] = [
    Key {
        name: "scheme",
        doc: "the addresses of SUBSCRIBE: `sip:` URIs (RFC 8048 §5.1), or `pres:` URIs (RFC 3856 §5, RFC 3922 §6.1). Users who know each other already keep those that they began with",
        kind: Kind::Words(&[("sip", |it| it.pres = false), ("pres", |it| it.pres = true)]),
    },
    Key {
        name: "form",
        doc: "the form of a document: as it is, or in a `message/cpim` object, with the resource as tuple id (RFC 3922 §5.1), for watchers whose Accept names that type",
        kind: Kind::Words(&[("pidf", |it| it.cpim = false), ("cpim", |it| it.cpim = true)]),
    },
    Key {
        name: "escaping",
        doc: "which characters of a user stand for themselves in `im:` and `pres:` URIs, as `im_escaping` of messages",
        kind: Kind::Words(&[
            ("rfc7247", |it| it.escaping = ImEscaping::Rfc7247),
            ("rfc7247-strict", |it| it.escaping = ImEscaping::Rfc7247Strict),
            ("rfc3922", |it| it.escaping = ImEscaping::Rfc3922),
        ]),
    },
    Key {
        name: "im",
        doc: "whether the show is written as the instant messaging status of RFC 3922 §5.1.5",
        kind: Kind::Truth(|presence, truth| presence.write_im = truth),
    },
    Key {
        name: "show",
        doc: "whether `<show xmlns='jabber:client'>` is written into each tuple (RFC 8048 §6.2)",
        kind: Kind::Truth(|presence, truth| presence.write_show = truth),
    },
    Key {
        name: "activities",
        doc: "the activity (RFC 4480 §3.2) that the person has for a show of the device that is wanted most",
        kind: Kind::Other(Presence::read_written, || {
            let shows = SHOWS.iter().filter(|(_, show)| show.is_some()).map(|(name, _)| *name);
            let activities = names().into_iter().chain(["none"]).collect();
            Shape::Entries(Names::Of(shows.collect()), Box::new(Shape::Words(activities)))
        }),
    },
    Key {
        name: "xa_is_idle",
        doc: "whether xa says as well that nobody has touched the device (RFC 4480 §3.14)",
        kind: Kind::Truth(|presence, truth| presence.xa_is_idle = truth),
    },
    Key {
        name: "charset",
        doc: "whether the media type says the charset: `application/pidf+xml;charset=utf-8`",
        kind: Kind::Truth(|presence, truth| presence.charset = truth),
    },
];

const TO_XMPP: [Key<Presence>; 7] = [
    Key {
        name: "activities",
        doc: "the show for an activity of the person, of tuples that are open and have no show of their own; of several activities dnd goes before xa, and xa before away",
        kind: Kind::Other(Presence::read_shows, || {
            Shape::Entries(Names::Of(names()), Box::new(shows()))
        }),
    },
    Key {
        name: "notes",
        doc: "the words for an activity where nobody has written any, by language; `\"\"` is for those who declare none",
        kind: Kind::Other(Presence::read_notes, || {
            let texts = Names::Matching("^[A-Za-z0-9-]*$", "for each language");
            let texts = Shape::Entries(texts, Box::new(Shape::Text));
            Shape::Entries(Names::Of(names()), Box::new(texts))
        }),
    },
    Key {
        name: "im",
        doc: "the show for the instant messaging status of RFC 3922 §5.2.10",
        kind: Kind::Other(Presence::read_im, || {
            Shape::Entries(Names::Matching("^.+$", "for each status"), Box::new(shows()))
        }),
    },
    Key {
        name: "idle",
        doc: "the show of a device that nobody has touched for a while",
        kind: Kind::Other(
            |presence, node| {
                if let Some(show) = node.one_of(&SHOWS) {
                    presence.idle = show;
                }
            },
            shows,
        ),
    },
    Key {
        name: "id",
        doc: "the id of the stanza: none, or the Content-ID of a document that came in a CPIM object (RFC 3922 §5.2.8); of several stanzas the first has it",
        kind: Kind::Words(&[
            ("none", |it| it.content_id = false),
            ("content-id", |it| it.content_id = true),
        ]),
    },
    Key {
        name: "embed",
        doc: "whether the whole document is a child of the stanza (RFC 3922 §5.2.15), if it has 16384 octets at most",
        kind: Kind::Truth(|presence, truth| presence.embed = truth),
    },
    Key {
        name: "refused",
        doc: "what says that a request was refused (403, 489, 603) or that who is watched no more is nobody: `unsubscribed` (RFC 8048 §5.2.2), or an error (RFC 3922 §6.1)",
        kind: Kind::Words(&[
            ("unsubscribed", |it| it.refused_is_error = false),
            ("error", |it| it.refused_is_error = true),
        ]),
    },
];

/// The names of all activities.
fn names() -> Vec<&'static str> {
    Activity::NAMED.iter().map(Activity::name).collect()
}

fn shows() -> Shape {
    Shape::Words(SHOWS.iter().map(|(name, _)| *name).collect())
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
fn words(node: &Node<'_>) -> Option<Vec<(String, String)>> {
    let entries = node.map()?.entries();
    let text =
        |(language, node): (&str, Node<'_>)| Some((language.to_owned(), node.text()?.to_owned()));
    entries.into_iter().map(text).collect()
}
