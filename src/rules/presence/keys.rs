//! The keys of `presence.yaml`.

use super::{Presence, SHOWS, names};
use crate::codec::xmpp::Show;
use crate::rules::ImEscaping;
use crate::rules::key::{Key, Kind};
use crate::rules::shape::{Names, Shape};

pub(super) const KEYS: [Key<Presence>; 2] = [
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

const TO_SIP: [Key<Presence>; 11] = [
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
        name: "basic",
        doc: "whether a device that shows this takes instant messages (RFC 3863 §4.1.4); `none` is for no show. RFC 8048 §6.2 has all open",
        kind: Kind::Other(Presence::read_basic, || {
            let shows = SHOWS.iter().map(|(name, _)| *name).collect();
            Shape::Entries(Names::Of(shows), Box::new(Shape::Words(vec!["open", "closed"])))
        }),
    },
    Key {
        name: "notes",
        doc: "the words for a show where the user has written none, by language; `none` is for no show, `\"\"` for those who declare no language",
        kind: Kind::Other(Presence::read_words, || {
            let shows = SHOWS.iter().map(|(name, _)| *name).collect();
            Shape::Entries(Names::Of(shows), Box::new(texts()))
        }),
    },
    Key {
        name: "priority",
        doc: "whether a priority that is not negative is written (RFC 8048 §6.2): 0 to 127 as 0 to 1",
        kind: Kind::Truth(|presence, truth| presence.write_priority = truth),
    },
    Key {
        name: "charset",
        doc: "whether the media type says the charset: `application/pidf+xml;charset=utf-8`",
        kind: Kind::Truth(|presence, truth| presence.charset = truth),
    },
];

const TO_XMPP: [Key<Presence>; 11] = [
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
            Shape::Entries(Names::Of(names()), Box::new(texts()))
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
        name: "closed",
        doc: "what a tuple is that is closed: gone (RFC 8048 §6.3), or there with this show, for phones that say so of a device that is there and takes no messages",
        kind: Kind::Words(&[
            ("unavailable", |it| it.closed_show = None),
            ("away", |it| it.closed_show = Some(Show::Away)),
            ("dnd", |it| it.closed_show = Some(Show::Dnd)),
            ("xa", |it| it.closed_show = Some(Show::Xa)),
        ]),
    },
    Key {
        name: "device",
        doc: "what a device is known by, from one document to the next: by the id of its tuple (RFC 8048 §6.3), and where that is new by its `<contact/>`, so that it keeps its resource; or by the id alone. Many user agents make a new id with each PUBLISH and NOTIFY",
        kind: Kind::Words(&[
            ("contact", |it| it.by_contact = true),
            ("tuple", |it| it.by_contact = false),
        ]),
    },
    Key {
        name: "priority",
        doc: "whether a priority is told: 0 to 1 as 0 to 127",
        kind: Kind::Truth(|presence, truth| presence.tell_priority = truth),
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
        name: "nick",
        doc: "the display name of who asks to see somebody becomes a nick in the request (XEP-0172 §4.1), at most 64 characters, or is left out; one that is an address, a number or the user is left out always",
        kind: Kind::Words(&[
            ("display-name", |it| it.tell_name = true),
            ("none", |it| it.tell_name = false),
        ]),
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

fn shows() -> Shape {
    Shape::Words(SHOWS.iter().map(|(name, _)| *name).collect())
}

/// Words for each language.
fn texts() -> Shape {
    let languages = Names::Matching("^[A-Za-z0-9-]*$", "for each language");
    Shape::Entries(languages, Box::new(Shape::Text))
}
