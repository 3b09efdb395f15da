//! Stanzas become one PIDF document: the complete state of a user, a tuple for each device
//! (RFC 8048 §6.2, RFC 3856 §6.8).

use std::sync::Arc;

use time::OffsetDateTime;

use crate::codec::mime::rfc3339;
use crate::codec::pidf::{
    self, Activities, Basic, Contact, Document, Note, Person, Priority, Status, Tuple, UserInput,
    xml_id,
};
use crate::codec::sip::{HeaderName, HeaderValue, Headers, Scheme, Uri, UriBuilder};
use crate::codec::xmpp::{Show, Text};
use crate::flow::{Device, Pair, PresenceIntent, Rendering, Written};
use crate::rules::Presence;
use crate::translate::message::language::is_tag;

/// RFC 8048 §6.2: what a tuple id begins with, since a resource may be no `xs:ID`.
const PREFIX: &str = "ID-";

/// The documents that watchers are to be told.
pub(super) fn written(rules: &Presence, pair: &Pair, renderings: Vec<Rendering>) -> PresenceIntent {
    let each = renderings.into_iter().map(|rendering| {
        let rules = rules.of(&rendering.facts(pair));
        let written =
            (!rendering.devices.is_empty()).then(|| write(rules, pair, &rendering.devices));
        (rendering.dialogs, written)
    });
    PresenceIntent::Notify(pair.id, each.collect())
}

/// One document.
fn write(rules: &Presence, pair: &Pair, devices: &[Arc<Device>]) -> Written {
    let contact = mailbox(Scheme::Im, &pair.user_uri);
    let document = Document {
        entity: mailbox(Scheme::Pres, &pair.user_uri),
        tuples: devices.iter().map(|device| tuple(rules, device, &contact)).collect(),
        persons: person(rules, devices).into_iter().collect(),
        ..Document::default()
    };
    let mut body = Vec::with_capacity(512);
    document.write(&mut body);
    let mut headers = Headers::new();
    let media_type = match rules.charset {
        true => "application/pidf+xml;charset=utf-8",
        false => pidf::MEDIA_TYPE,
    };
    headers.push(HeaderName::ContentType, HeaderValue::text(media_type));
    let languages = languages(devices);
    if !languages.is_empty() {
        headers.push(HeaderName::ContentLanguage, HeaderValue::text(&languages.join(", ")));
    }
    Written { headers, body: body.into() }
}

/// Each language once, in the order of the tuples.
fn languages(devices: &[Arc<Device>]) -> Vec<&str> {
    let mut languages: Vec<&str> = Vec::new();
    for language in devices.iter().filter_map(|device| device.facts.lang.as_deref()) {
        let known = languages.iter().any(|known| known.eq_ignore_ascii_case(language));
        if is_tag(language) && !known {
            languages.push(language);
        }
    }
    languages
}

/// Her address under another scheme, which encodes other characters (RFC 7247 §6.5).
fn mailbox(scheme: Scheme, user: &Uri) -> Text {
    let octets = user.user_octets().unwrap_or_default();
    let built = UriBuilder::new(scheme, &octets, user.host_str()).build();
    built.map_or_else(|_| user.as_text().clone(), |uri| uri.as_text().clone())
}

fn tuple(rules: &Presence, device: &Device, contact: &Text) -> Tuple {
    let facts = &device.facts;
    let note = |text: &crate::codec::xmpp::LangText| Note {
        lang: text.lang.clone().or_else(|| facts.lang.clone()),
        text: text.text.clone(),
    };
    let show = facts.show.filter(|_| device.available && rules.write_show);
    Tuple {
        id: xml_id::escape(PREFIX, &device.resource),
        status: Status {
            basic: Some(if device.available { Basic::Open } else { Basic::Closed }),
            show,
            ..Status::default()
        },
        contact: Some(Contact {
            uri: contact.clone(),
            priority: facts.priority.filter(|_| device.available).and_then(priority),
        }),
        notes: facts.statuses.iter().map(note).collect(),
        timestamp: time_of(device.changed_us),
        ..Tuple::default()
    }
}

/// RFC 8048 Table 1 note 6: 0 is 0 and 127 is 1; a negative one is left out.
fn priority(priority: i8) -> Option<Priority> {
    Priority::new(u16::try_from(u32::try_from(priority).ok()? * 1_000 / 127).ok()?)
}

fn time_of(unix_us: u64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_us) * 1_000).ok()
}

/// The person does what the device says that is wanted most (RFC 4480 §3.2).
fn person(rules: &Presence, devices: &[Arc<Device>]) -> Option<Person> {
    let there = devices.iter().filter(|device| device.available);
    let best = there.max_by_key(|device| device.facts.priority.unwrap_or(0))?;
    let facts = &best.facts;
    let activity = facts.show.and_then(|show| rules.activity(show));
    let since = facts.idle_since.as_ref().and_then(|since| rfc3339::parse(since));
    let idle = since.is_some() || (rules.xa_is_idle && facts.show == Some(Show::Xa));
    if activity.is_none() && !idle {
        return None;
    }
    let activities = activity
        .map(|activity| Activities { list: vec![activity.clone()], ..Activities::default() });
    let user_input =
        idle.then_some(UserInput { is_idle: true, idle_threshold: None, last_input: since });
    Some(Person {
        id: Text::from("person"),
        activities: activities.into_iter().collect(),
        user_input,
        ..Person::default()
    })
}
