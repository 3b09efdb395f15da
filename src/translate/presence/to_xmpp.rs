//! A PIDF document becomes stanzas: one for each device that changed (RFC 8048 §6.3,
//! RFC 3922 §6.3).

use bytes::Bytes;
use time::OffsetDateTime;

use super::devices::devices;
use super::distinct;
use crate::codec::mime::{Charset, Cpim, CpimError, Entity, MediaType, Strictness, cpim};
use crate::codec::pidf::{self, Document as Pidf, Limits, Malformed, Note, Tuple};
use crate::codec::sip::{HeaderName, Request, Uri};
use crate::codec::xml;
use crate::codec::xml::{Element, Text};
use crate::codec::xmpp::{LangText, Presence as Stanza, PresenceKind, Show};
use crate::flow::{
    Decision, Device, Document, EncryptionReport, Facts, Fault, LocalResponse, NotifyRequest, Now,
    PresenceIntent, UserPair, stamp,
};
use crate::rules::{Encryption, Presence};
use crate::translate::encryption::{self, presence::Secured};
use crate::translate::message::language::is_tag;

/// The octets of a document that goes into a stanza as it is.
const EMBEDDED: usize = 16_384;

/// Reads the document of a NOTIFY, and finds what is new in it.
pub(super) fn notified(
    (rules, means): (&Presence, &Encryption),
    now: Now,
    mut notified: Box<NotifyRequest>,
    before: &[Device],
) -> PresenceIntent {
    let (read, mut flag) = match encryption::presence::secured(means, &notified) {
        None => (read(&notified.request), None),
        Some((Secured::Object(stanza), flag)) => {
            notified.document = Document::Object(stanza);
            return done(notified, Some(flag));
        }
        Some((Secured::Refused(refusal), flag)) => (Err(refusal), Some(flag)),
        Some((Secured::Readable(part), flag)) => (read_part(&part), Some(flag)),
    };
    if let (Err(_), Some(flag)) = (&read, &mut flag) {
        flag.sighting.decision = Decision::Refused;
    }
    notified.document = match read {
        Ok(None) => Document::None,
        // It does not say that there are no tuples (RFC 3922 §6.3.2): its sender wrote them wrongly.
        Ok(Some(read)) if read.pidf.tuples.is_empty() && read.pidf.left_out > 0 => {
            Document::Invalid
        }
        Ok(Some(read)) => {
            let Read { pidf, language, content_id, text, from } = read;
            let devices = devices(rules, now, &notified.pair.sip_user, &pidf, language, before);
            let quiet = pidf.tuples.is_empty() && !pidf.notes.is_empty();
            let devices =
                if pidf.tuples.is_empty() && !quiet { vec![nobody(now)] } else { devices };
            let mut stanzas = changes(&notified.pair, before, &devices);
            if let Some(first) = stanzas.first_mut().filter(|_| rules.content_id) {
                first.id = content_id;
            }
            if rules.embed {
                embed(&text, &mut stanzas);
            }
            let is_of_sip_user = |address: &Text| is_of(address, &notified.pair.sip_user_uri);
            let foreign = !is_of_sip_user(&pidf.entity) || !from.iter().all(is_of_sip_user);
            Document::Full { devices, stanzas, foreign }
        }
        Err(refusal) => Document::Refused(*refusal),
    };
    done(notified, flag)
}

fn done(mut notified: Box<NotifyRequest>, flag: Option<Box<EncryptionReport>>) -> PresenceIntent {
    notified.flag = flag;
    notified.request.body = Bytes::new();
    PresenceIntent::Notified(notified)
}

/// A document, and what stands beside it.
struct Read {
    pidf: Pidf,
    text: Text,
    language: Option<Text>,
    /// Of an object (RFC 3922 §5.2.8).
    content_id: Option<Text>,
    /// Who the object says that it is from.
    from: Option<Text>,
}

/// The document; none where there is no body.
fn read(request: &Request) -> Result<Option<Read>, Box<LocalResponse>> {
    if request.body.is_empty() {
        return Ok(None);
    }
    let media_type = request.headers.content_type().and_then(|it| MediaType::parse(it).ok());
    let media_type = media_type.ok_or_else(unsupported)?;
    if request.headers.contains(&HeaderName::ContentEncoding) {
        let words = "Encoded presence documents are not read";
        let refusal = LocalResponse::fault(Fault::Document, words);
        return Err(Box::new(refusal.with(HeaderName::AcceptEncoding, "identity")));
    }
    if media_type.is(cpim::MEDIA_TYPE) {
        return enclosed(request.body.clone()).map(Some);
    }
    let (pidf, text) = document(&media_type, request.body.clone())?;
    Ok(Some(Read { pidf, text, language: language(request), content_id: None, from: None }))
}

/// The document of a part that is readable.
fn read_part(part: &Entity) -> Result<Option<Read>, Box<LocalResponse>> {
    let media_type = part.content_type.as_ref().ok_or_else(unsupported)?;
    let octets = part.decoded().map_err(|_| bad("the document cannot be decoded"))?;
    let (pidf, text) = document(media_type, octets)?;
    let language = part.language.clone().filter(|tag| is_tag(tag));
    Ok(Some(Read { pidf, text, language, content_id: None, from: None }))
}

fn unsupported() -> Box<LocalResponse> {
    let words = "Presence is read from PIDF documents alone";
    let refusal = LocalResponse::fault(Fault::Document, words);
    Box::new(refusal.with(HeaderName::Accept, pidf::MEDIA_TYPE))
}

fn bad(why: &str) -> Box<LocalResponse> {
    Box::new(LocalResponse::explained(Fault::Malformed, why))
}

/// The document in a CPIM object. Nothing of the object crosses but the Content-ID
/// (RFC 3922 §5.2).
fn enclosed(octets: Bytes) -> Result<Read, Box<LocalResponse>> {
    let words = |error: CpimError| bad(&format!("message/cpim: {error}"));
    let object = Cpim::parse(octets, Strictness::Lenient).map_err(words)?;
    if object.all_required().any(|required| required.ns != cpim::CORE_NAMESPACE) {
        return Err(bad("message/cpim: Require names what is not understood"));
    }
    let entity = object.content();
    let media_type = entity.content_type.as_ref().ok_or_else(unsupported)?;
    let octets = entity.decoded().map_err(|error| words(error.into()))?;
    let (pidf, text) = document(media_type, octets)?;
    Ok(Read {
        pidf,
        text,
        language: entity.language.clone().filter(|tag| is_tag(tag)),
        content_id: entity.content_id.clone().filter(|id| !id.is_empty()),
        from: object.from().map(|from| from.uri.clone()),
    })
}

/// A document by its octets, and its text.
fn document(media_type: &MediaType, octets: Bytes) -> Result<(Pidf, Text), Box<LocalResponse>> {
    if !media_type.is(pidf::MEDIA_TYPE) {
        return Err(unsupported());
    }
    // The parameter goes before what the document says of itself (RFC 3023 §3.1).
    let text = match media_type.charset() {
        Some(name) => {
            let text = Charset::from_name(name).ok_or_else(unsupported)?.decode(octets);
            text.map_err(|_| bad("the document is not in the charset of its Content-Type"))?
        }
        None => undeclared(octets)?,
    };
    let pidf = Pidf::parse(&text, Limits::DEFAULT).map_err(refused)?;
    Ok((pidf, text))
}

/// A document whose type names no charset: in UTF-8 (RFC 3863 §3.1), and what is not UTF-8 as it
/// declares itself (RFC 3023 §3.2).
///
/// COMPAT: Asterisk chan_sip 16 and FreeSWITCH 1.10 declare ISO-8859-1 and write UTF-8.
fn undeclared(octets: Bytes) -> Result<Text, Box<LocalResponse>> {
    let declared = pidf::declared_encoding(&octets).and_then(Charset::from_name);
    let text = Charset::Utf8.decode(octets.clone());
    let text = text.or_else(|error| declared.map_or(Err(error), |charset| charset.decode(octets)));
    text.map_err(|_| bad("the document is neither UTF-8 nor in a charset that it declares"))
}

/// The whole document goes with what it says: read anew, so that nothing is in it that XMPP does
/// not allow (RFC 3922 §5.2.15).
fn embed(document: &Text, stanzas: &mut [Stanza]) {
    let limits = xml::Limits { max_stanza_octets: EMBEDDED, ..xml::Limits::default() };
    let Ok(element) = Element::parse_document(document, limits) else { return };
    let there = stanzas.iter_mut().filter(|it| it.kind == PresenceKind::Available);
    there.for_each(|stanza| stanza.extensions.push(element.clone()));
}

fn refused(malformed: Malformed) -> Box<LocalResponse> {
    let fault = match malformed.is_limit() {
        true => Fault::DocumentSize,
        false => Fault::Malformed,
    };
    Box::new(LocalResponse::explained(fault, &format!("presence document: {malformed}")))
}

/// Whether an entity is this user, under whichever scheme. It decides nothing: who was asked for is
/// who the document is of.
fn is_of(entity: &Text, contact: &Uri) -> bool {
    let Ok(entity) = Uri::parse(entity.clone()) else { return false };
    let same_host = entity.host_str().eq_ignore_ascii_case(contact.host_str());
    same_host && entity.user_octets() == contact.user_octets()
}

/// The first tag of Content-Language that is one.
fn language(request: &Request) -> Option<Text> {
    request.headers.shared_items(&HeaderName::ContentLanguage).find(|tag| is_tag(tag))
}

/// Zero tuples say that nothing can be reached (RFC 3922 §6.3.2).
fn nobody(now: Now) -> Device {
    Device {
        resource: Text::new(),
        available: false,
        facts: Facts::default(),
        changed_us: now.unix_ms * 1_000,
        contact: 0,
    }
}

pub(super) fn facts(
    rules: &Presence,
    now: Now,
    pidf: &Pidf,
    tuple: &Tuple,
    language: Option<Text>,
    available: bool,
) -> Facts {
    let persons = pidf.persons.iter().flat_map(|person| &person.activities);
    let person = current(now, persons.chain(&tuple.status.activities));
    let mut facts = Facts {
        statuses: words(rules, pidf, tuple, &person, language.as_ref(), available),
        lang: language,
        ..Facts::default()
    };
    if !available {
        return facts;
    }
    let idle = idle(pidf, tuple);
    let activity = person.iter().filter_map(|activity| rules.show(activity)).max_by_key(rank);
    let im = tuple.status.im.as_deref().and_then(|im| rules.im(im));
    let away = idle.as_ref().and(rules.idle);
    facts.show = tuple.status.show.or(im).or(activity).or(away);
    facts.idle_since = idle.flatten().and_then(|since| {
        let nanos = u64::try_from(since.unix_timestamp_nanos() / 1_000).ok()?;
        stamp(nanos).map(Into::into)
    });
    let wanted = tuple.contact.as_ref().and_then(|contact| contact.priority);
    facts.priority = wanted
        .filter(|_| rules.tell_priority)
        .map(|priority| from_thousandths(priority.thousandths()));
    facts
}

/// The inverse of what RFC 8048 Table 2 note 2 allows: 0 is 0, 1 is 127.
fn from_thousandths(thousandths: u16) -> i8 {
    let scaled = (u32::from(thousandths) * 127).div_ceil(1_000);
    let most = if thousandths < 1_000 { 126 } else { 127 };
    i8::try_from(scaled.min(most)).unwrap_or(127)
}

/// Of several activities the one that asks most for peace.
fn rank(show: &Show) -> u8 {
    match show {
        Show::Dnd => 3,
        Show::Xa => 2,
        Show::Away => 1,
        Show::Chat => 0,
    }
}

/// What the person does now: what is over, or has not begun, is not counted.
fn current<'a>(now: Now, all: impl Iterator<Item = &'a pidf::Activities>) -> Vec<pidf::Activity> {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(now.unix_ms) * 1_000_000);
    let at = at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let is_now = |activities: &&pidf::Activities| {
        activities.from.is_none_or(|from| from <= at)
            && activities.until.is_none_or(|until| at <= until)
    };
    all.filter(is_now).flat_map(|activities| activities.list.iter().cloned()).collect()
}

/// Whether nobody has touched the device, and since when if that is said.
fn idle(pidf: &Pidf, tuple: &Tuple) -> Option<Option<OffsetDateTime>> {
    let of_tuple = tuple.user_input.iter();
    let named = pidf.devices.iter().filter(|device| tuple.device_ids.contains(&device.device_id));
    let of_devices = named.filter_map(|device| device.user_input.as_ref());
    let of_person = pidf.persons.iter().filter_map(|person| person.user_input.as_ref());
    let input = of_tuple.chain(of_devices).chain(of_person).next()?;
    input.is_idle.then_some(input.last_input)
}

/// The words: of the tuple, else of the presentity, else of the person, else by rule for what the
/// person does.
fn words(
    rules: &Presence,
    pidf: &Pidf,
    tuple: &Tuple,
    activities: &[pidf::Activity],
    language: Option<&Text>,
    available: bool,
) -> Vec<LangText> {
    let text = |note: &Note| LangText { lang: note.lang.clone(), text: note.text.clone() };
    let person: Vec<&Note> = pidf.persons.iter().flat_map(|person| &person.notes).collect();
    let sources = [
        distinct(tuple.notes.iter().map(text), language),
        distinct(pidf.notes.iter().map(text), language),
        distinct(person.into_iter().map(text), language),
    ];
    let written = sources.into_iter().find(|texts| !texts.is_empty());
    let by_rule = || {
        let first = activities.iter().map(|activity| rules.notes(activity));
        let notes = first.filter(|_| available).find(|notes| !notes.is_empty())?;
        let text = |(lang, text): &(String, String)| LangText {
            lang: (!lang.is_empty()).then(|| lang.as_str().into()),
            text: text.as_str().into(),
        };
        Some(notes.iter().map(text).collect())
    };
    written.or_else(by_rule).unwrap_or_default()
}

/// The stanzas that lead from what the XMPP user was shown to what is so. What appears goes before
/// what vanishes, so that the SIP user is never shown as gone in between.
fn changes(pair: &UserPair, before: &[Device], devices: &[Device]) -> Vec<Stanza> {
    let stanza = |device: &Device| device.stanza(&pair.sip_user, &pair.xmpp_user);
    let known = |device: &Device| before.iter().find(|it| it.resource == device.resource);
    let is_new = |device: &&Device| {
        known(device).is_none_or(|it| {
            it.available != device.available || (device.available && it.facts != device.facts)
        })
    };
    let mut stanzas = Vec::new();
    stanzas.extend(devices.iter().filter(|it| it.available).filter(is_new).map(stanza));
    // Devices go before the bare JID, which says that the user is gone altogether.
    let gone = |device: &&Device| {
        device.available && devices.iter().all(|it| it.resource != device.resource)
    };
    let vanished = before.iter().filter(gone).map(|device| {
        let silent = Device { available: false, facts: Facts::default(), ..device.clone() };
        stanza(&silent)
    });
    stanzas.extend(vanished);
    stanzas.extend(devices.iter().filter(|it| !it.available).filter(is_new).map(stanza));
    stanzas
}
