//! The devices of a document: which resource each tuple has, and whether it is there.

use super::to_xmpp::facts;
use crate::codec::pidf::{Basic, Document as Pidf, Tuple};
use crate::codec::xml::Text;
use crate::codec::xmpp::Jid;
use crate::flow::{Device, Facts, Now};
use crate::rules::Presence;

/// All devices that a document knows of. One of which it says nothing stays as it was.
pub(super) fn devices(
    rules: &Presence,
    now: Now,
    contact: &Jid,
    pidf: &Pidf,
    language: Option<Text>,
    before: &[Device],
) -> Vec<Device> {
    let mut resources = resources(contact, &pidf.tuples);
    if rules.by_contact {
        keep(before, &pidf.tuples, &mut resources);
    }
    // Whether it says of anybody at all that messages can be taken.
    let decides = pidf.tuples.iter().any(|tuple| tuple.status.basic.is_some());
    let mut devices = Vec::with_capacity(pidf.tuples.len());
    for (tuple, resource) in pidf.tuples.iter().zip(resources) {
        let shown = |available| facts(rules, now, pidf, tuple, language.clone(), available);
        let device = |available, facts| Device {
            resource: resource.clone(),
            available,
            facts,
            changed_us: now.unix_ms * 1_000,
            contact: if rules.by_contact { place(tuple) } else { 0 },
        };
        match tuple.status.basic {
            Some(basic) => {
                let closed = rules.closed_show.filter(|_| basic == Basic::Closed);
                let available = basic == Basic::Open || closed.is_some();
                let mut facts = shown(available);
                facts.show = closed.or(facts.show);
                devices.push(device(available, facts).bounded());
            }
            None => {
                let known = before.iter().find(|it| it.resource == resource);
                let facts = shown(true);
                match known {
                    Some(known) if known.available && says(&facts) => {
                        devices.push(device(true, facts).bounded());
                    }
                    Some(known) => devices.push(known.clone()),
                    None if !decides && facts.show.is_some() => {
                        devices.push(device(true, facts).bounded());
                    }
                    None => {}
                }
            }
        }
    }
    devices
}

/// Whether a tuple without `<basic/>` says anything else.
fn says(facts: &Facts) -> bool {
    facts.show.is_some() || !facts.statuses.is_empty()
}

/// The resources of the tuples: the id without the prefix that RFC 8048 puts before it, the id
/// itself where that would be ambiguous or illegal.
fn resources(contact: &Jid, tuples: &[Tuple]) -> Vec<Text> {
    let legal = |text: &str| {
        let jid = contact.with_resource(text).ok()?;
        jid.resource().map(Text::from)
    };
    let stripped: Vec<Option<Text>> = tuples
        .iter()
        .map(|tuple| legal(tuple.id.strip_prefix(NAMED).unwrap_or(&tuple.id)))
        .collect();
    let once = |resource: &Text| {
        stripped.iter().filter(|other| other.as_ref() == Some(resource)).count() == 1
    };
    let mut resources: Vec<Text> = Vec::with_capacity(tuples.len());
    for (tuple, stripped) in tuples.iter().zip(&stripped) {
        let prefixed = tuple.id.starts_with(NAMED);
        let own = stripped.clone().filter(|resource| !prefixed || once(resource));
        let whole = own.or_else(|| legal(&tuple.id));
        let taken = |resource: &Text| resources.contains(resource);
        let resource = whole.filter(|it| !taken(it)).unwrap_or_else(|| hashed(&tuple.id));
        resources.push(resource);
    }
    resources
}

/// What an id begins with that names a device (RFC 8048 §6.2).
const NAMED: &str = "ID-";

/// A tuple with an id that is new takes the resource of one that is gone from the document and had
/// the same contact. Where there was one device and is one tuple, both without a contact, it is the
/// same, too. An id that names a device, as RFC 8048 §6.2 has it, is not made anew, and counts alone:
/// all devices behind such a gateway have one contact.
///
/// COMPAT: liblinphone 5.1 and PJSIP 2.15 make a tuple id anew for each PUBLISH and NOTIFY.
fn keep(before: &[Device], tuples: &[Tuple], resources: &mut [Text]) {
    let gone = |it: &&Device| !it.resource.is_empty() && !resources.contains(&it.resource);
    let mut gone: Vec<&Device> = before.iter().filter(gone).collect();
    // Who was there goes before who was not.
    gone.sort_by_key(|it| !it.available);
    let alone = before.len() == 1 && tuples.len() == 1;
    for (tuple, resource) in tuples.iter().zip(resources) {
        let known = before.iter().any(|it| it.resource == *resource);
        if known || tuple.id.starts_with(NAMED) {
            continue;
        }
        let contact = place(tuple);
        let same = |it: &&Device| it.contact == contact && (contact != 0 || alone);
        if let Some(at) = gone.iter().position(same) {
            *resource = gone.remove(at).resource.clone();
        }
    }
}

/// A number for the contact of a tuple; 0 where it has none.
fn place(tuple: &Tuple) -> u64 {
    tuple.contact.as_ref().map_or(0, |contact| fnv_1a(&contact.uri).max(1))
}

/// A resource for an id that can be none: the same for the same id.
fn hashed(id: &str) -> Text {
    format!("{:016x}", fnv_1a(id)).into()
}

fn fnv_1a(text: &str) -> u64 {
    let step = |hash: u64, octet: u8| (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}
