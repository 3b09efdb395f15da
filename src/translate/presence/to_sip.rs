//! Stanzas become one PIDF document: the complete state of a user, a tuple for each device
//! (RFC 8048 §6.2, RFC 3856 §6.8).

use std::sync::Arc;

use time::OffsetDateTime;

use crate::codec::mime::{CpimObject, Party, cpim, rfc3339};
use crate::codec::pidf::{
    self, Activities, Basic, Contact, Document, Note, Person, Priority, Status, Tuple, UserInput,
    xml_id,
};
use crate::codec::sip::{HeaderName, HeaderValue, Headers, Scheme, Uri};
use crate::codec::xml::Text;
use crate::codec::xmpp::Show;
use crate::flow::{BodyRequest, Device, PresenceBody, PresenceIntent, UserPair};
use crate::rules::{Presence, mailbox};
use crate::translate::message::language::is_tag;

/// RFC 8048 §6.2: what a tuple id begins with, since a resource may be no `xs:ID`.
const PREFIX: &str = "ID-";
/// Characters of the words of each device in a document that would be too large.
const SHORT_WORDS: usize = 64;
/// The type of a document in an object, which says its charset (RFC 3922 §5.1).
const ENCLOSED: &str = "application/pidf+xml; charset=utf-8";

/// The documents that watchers are to be told.
pub(super) fn written(
    rules: &Presence,
    pair: &UserPair,
    renderings: Vec<BodyRequest>,
) -> PresenceIntent {
    let each = renderings.into_iter().map(|rendering| {
        let rules = rules.of(&rendering.facts(pair));
        let form = Form { object: rules.cpim && rendering.objects, rules, pair };
        let (devices, most) = (&rendering.devices, rendering.most);
        let written = (!devices.is_empty()).then(|| form.fitted(devices, most));
        (rendering.dialogs, written)
    });
    PresenceIntent::Notify(pair.id, each.collect())
}

/// How the documents of a pair are written.
struct Form<'a> {
    rules: &'a Presence,
    pair: &'a UserPair,
    /// In a CPIM object (RFC 3922 §5.1).
    object: bool,
}

impl Form<'_> {
    /// One document of so many octets at most. Where it would have more, the words are cut first;
    /// then devices are left out, those that are gone before those that are there, of these the
    /// ones of lower priority first. The last one stays, whatever its addresses are.
    fn fitted(&self, devices: &[Arc<Device>], most: usize) -> PresenceBody {
        let whole = self.write(devices);
        if whole.body.len() <= most {
            return whole;
        }
        let cut = |words: usize| -> Vec<Arc<Device>> {
            let of = |device: &Device| Device {
                facts: device.facts.clone().with_words(words),
                ..device.clone()
            };
            devices.iter().map(|device| Arc::new(of(device))).collect()
        };
        let written = |devices: &[Arc<Device>]| PresenceBody { cut: true, ..self.write(devices) };
        let shorter = written(&cut(SHORT_WORDS));
        if shorter.body.len() <= most {
            return shorter;
        }
        let mut left = cut(0);
        loop {
            let shorter = written(&left);
            let (size, count) = (shorter.body.len(), left.len());
            if size <= most || count <= 1 {
                return shorter;
            }
            // Each has about the same size.
            left = first_of(&left, (count * most / size).clamp(1, count - 1));
        }
    }

    /// One document.
    fn write(&self, devices: &[Arc<Device>]) -> PresenceBody {
        let Form { rules, pair, object } = *self;
        let contact = self.address(Scheme::Im, &pair.xmpp_user_uri);
        let prefix = if object { "" } else { PREFIX };
        let document = Document {
            entity: self.address(Scheme::Pres, &pair.xmpp_user_uri),
            tuples: devices.iter().map(|device| tuple(rules, device, prefix, &contact)).collect(),
            persons: person(rules, devices).into_iter().collect(),
            ..Document::default()
        };
        let mut body = Vec::with_capacity(512);
        document.write(&mut body);
        match object {
            true => self.enclose(&body, &languages(devices)),
            false => bare(rules, body, &languages(devices)),
        }
    }

    /// An address under another scheme, which encodes other characters (RFC 7247 §6.5).
    fn address(&self, scheme: Scheme, uri: &Uri) -> Text {
        let made = mailbox(scheme, uri, self.rules.escaping);
        made.map_or_else(|| uri.as_text().clone(), |uri| uri.as_text().clone())
    }

    /// The object around a document: between `im:` addresses, and no other header
    /// (RFC 3922 §5.1.1, §5.1.2).
    fn enclose(&self, document: &[u8], languages: &[&str]) -> PresenceBody {
        let from = self.address(Scheme::Im, &self.pair.xmpp_user_uri);
        let to = self.address(Scheme::Im, &self.pair.sip_user_uri);
        let languages = languages.join(", ");
        let language = (!languages.is_empty()).then_some(("Content-Language", languages.as_str()));
        let object = CpimObject {
            from: Party { formal_name: None, uri: &from },
            to: &[Party { formal_name: None, uri: &to }],
            content_type: Some(ENCLOSED),
            content_headers: language.as_slice(),
            ..CpimObject::default()
        };
        let mut body = Vec::with_capacity(256 + document.len());
        object.write(&mut body, document);
        let mut headers = Headers::new();
        headers.push(HeaderName::ContentType, HeaderValue::text(cpim::MEDIA_TYPE));
        PresenceBody { headers, body: body.into(), cut: false }
    }
}

/// So many of the devices, in their order: those by which a watcher is most likely to reach the user.
fn first_of(devices: &[Arc<Device>], count: usize) -> Vec<Arc<Device>> {
    let mut places: Vec<usize> = (0..devices.len()).collect();
    let rank = |place: &usize| {
        let device = devices.get(*place).map(|it| (it.available, it.facts.priority.unwrap_or(0)));
        std::cmp::Reverse(device)
    };
    places.sort_by_key(rank);
    places.truncate(count);
    places.sort_unstable();
    places.into_iter().filter_map(|place| devices.get(place).cloned()).collect()
}

/// A document as it is.
fn bare(rules: &Presence, body: Vec<u8>, languages: &[&str]) -> PresenceBody {
    let mut headers = Headers::new();
    let media_type = match rules.charset {
        true => "application/pidf+xml;charset=utf-8",
        false => pidf::MEDIA_TYPE,
    };
    headers.push(HeaderName::ContentType, HeaderValue::text(media_type));
    if !languages.is_empty() {
        headers.push(HeaderName::ContentLanguage, HeaderValue::text(&languages.join(", ")));
    }
    PresenceBody { headers, body: body.into(), cut: false }
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

fn tuple(rules: &Presence, device: &Device, prefix: &str, contact: &Text) -> Tuple {
    let facts = &device.facts;
    let note = |text: &crate::codec::xmpp::LangText| Note {
        lang: text.lang.clone().or_else(|| facts.lang.clone()),
        text: text.text.clone(),
    };
    let show = facts.show.filter(|_| device.available);
    let open = device.available && rules.is_open(show);
    let by_rule = |(lang, text): &(String, String)| Note {
        lang: (!lang.is_empty()).then(|| lang.as_str().into()),
        text: text.as_str().into(),
    };
    let notes = match facts.statuses.is_empty() && device.available {
        true => rules.words(show).iter().map(by_rule).collect(),
        false => facts.statuses.iter().map(note).collect(),
    };
    let wanted = facts.priority.filter(|_| device.available && rules.write_priority);
    Tuple {
        id: xml_id::escape(prefix, &device.resource),
        status: Status {
            basic: Some(if open { Basic::Open } else { Basic::Closed }),
            show: show.filter(|_| rules.write_show),
            im: show.filter(|_| rules.write_im).map(|show| Text::from(show.name())),
            ..Status::default()
        },
        contact: Some(Contact { uri: contact.clone(), priority: wanted.and_then(priority) }),
        notes,
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
