//! What users and their servers write about presence.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::time::Instant;

use super::plan::Plan;
use crate::scenario::Worlds;
use crate::sip::message::Message;
use crate::token;

/// Set in the keys of requests about presence, with what kind of request it is.
const PRESENCE: u64 = 1 << 62;
const SUBSCRIBE: u64 = 1 << 56;
const NOTIFY: u64 = 2 << 56;

/// What a key is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// A SUBSCRIBE of a SIP user, with its pair.
    Subscribe(u32),
    /// A NOTIFY of a SIP user, with its pair.
    Notify(u32),
}

impl Request {
    /// What a key says; `None` when it is that of something else.
    pub(super) fn of(key: u64) -> Option<Self> {
        let pair = key as u32;
        match key & 0xff << 56 {
            kind if kind == PRESENCE | SUBSCRIBE => Some(Request::Subscribe(pair)),
            kind if kind == PRESENCE | NOTIFY => Some(Request::Notify(pair)),
            _ => None,
        }
    }

    /// The key of one of several of that kind.
    fn key(self, number: u32) -> u64 {
        let (kind, pair) = match self {
            Request::Subscribe(pair) => (SUBSCRIBE, pair),
            Request::Notify(pair) => (NOTIFY, pair),
        };
        PRESENCE | kind | u64::from(number & 0x00ff_ffff) << 32 | u64::from(pair)
    }
}

/// A dialog of a SIP user who watches: what a refresh needs.
#[derive(Debug, Clone)]
pub struct Dialog {
    /// To, with the gateway's tag.
    pub to: String,
    /// The gateway's Contact.
    pub target: String,
    /// The CSeq of the SIP user's last request.
    pub cseq: u32,
}

/// A SUBSCRIBE of the gateway that waits for its NOTIFY.
#[derive(Debug)]
pub(super) struct Subscribed {
    pair: u32,
    call_id: Vec<u8>,
    from: Vec<u8>,
    to: Vec<u8>,
    target: Vec<u8>,
    expires: u32,
}

impl Subscribed {
    /// What a SUBSCRIBE says; `None` when something is missing.
    pub(super) fn of(pair: u32, request: &Message<'_>, most: u32) -> Option<Self> {
        let field = |long, short| request.field(long, short).map(<[u8]>::to_vec);
        let to = field("to", "t")?;
        Some(Subscribed {
            pair,
            call_id: field("call-id", "i")?,
            from: field("from", "f")?,
            to: without_tag(&to).to_vec(),
            target: address(request.field("contact", "m")?)?.to_vec(),
            expires: request.expires()?.min(most),
        })
    }
}

/// SUBSCRIBE of the SIP user of a pair (RFC 3856 §6.4); with a dialog a refresh.
pub(super) fn subscribe(
    now: Instant,
    worlds: &mut Worlds,
    plan: &Plan,
    pair: u32,
    dialog: Option<&Dialog>,
) -> io::Result<()> {
    let Worlds { sip, names, .. } = worlds;
    let (user, expires) = (plan.user(pair), plan.expires);
    let (domain, other) = (&names.sip, &names.xmpp_in_sip);
    let contact = sip.contact(&format!("s{pair}"));
    let own = sip.address().ip();
    let cseq = dialog.map_or(1, |dialog| dialog.cseq);
    let mut call_id = Vec::with_capacity(48);
    token::write(pair.into(), &mut call_id);
    sip.request(
        now,
        Request::Subscribe(pair).key(cseq),
        |out| {
            // Writing to memory does not fail.
            let _ = match dialog {
                Some(Dialog { target, .. }) => write!(out, "SUBSCRIBE {target} SIP/2.0\r\n"),
                None => write!(out, "SUBSCRIBE sip:x{user}@{other} SIP/2.0\r\n"),
            };
        },
        |out| {
            let _ = write!(out, "From: <sip:s{pair}@{domain}>;tag=w{pair:08x}\r\nTo: ");
            let _ = match dialog {
                Some(Dialog { to, .. }) => write!(out, "{to}"),
                None => write!(out, "<sip:x{user}@{other}>"),
            };
            out.extend_from_slice(b"\r\nCall-ID: ");
            out.extend_from_slice(&call_id);
            let _ = write!(
                out,
                "@{own}\r\nCSeq: {cseq} SUBSCRIBE\r\nContact: {contact}\r\nEvent: presence\r\n\
                 Accept: application/pidf+xml\r\nExpires: {expires}\r\nContent-Length: 0\r\n\r\n"
            );
        },
    )
}

/// NOTIFY of the SIP user of a pair, who is there (RFC 3856 §6.6, RFC 3863).
pub(super) fn notify(
    now: Instant,
    worlds: &mut Worlds,
    subscribed: &Subscribed,
    cseq: u32,
    version: u32,
) -> io::Result<()> {
    let Worlds { sip, names, .. } = worlds;
    let Subscribed { pair, call_id, from, to, target, expires } = subscribed;
    let contact = sip.contact(&format!("s{pair}"));
    let body = match expires {
        0 => String::new(),
        _ => format!(
            "<?xml version='1.0' encoding='UTF-8'?>\
             <presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:s{pair}@{domain}'>\
             <tuple id='ID-phone'><status><basic>open</basic></status>\
             <note>state {version}</note></tuple></presence>",
            domain = names.sip,
        ),
    };
    sip.request(
        now,
        Request::Notify(*pair).key(cseq),
        |out| {
            out.extend_from_slice(b"NOTIFY ");
            out.extend_from_slice(target);
            out.extend_from_slice(b" SIP/2.0\r\n");
        },
        |out| {
            out.extend_from_slice(b"From: ");
            out.extend_from_slice(to);
            out.extend_from_slice(b";tag=load\r\nTo: ");
            out.extend_from_slice(from);
            out.extend_from_slice(b"\r\nCall-ID: ");
            out.extend_from_slice(call_id);
            let _ =
                write!(out, "\r\nCSeq: {cseq} NOTIFY\r\nContact: {contact}\r\nEvent: presence\r\n");
            let _ = match expires {
                0 => write!(out, "Subscription-State: terminated;reason=timeout\r\n"),
                _ => write!(
                    out,
                    "Subscription-State: active;expires={expires}\r\n\
                     Content-Type: application/pidf+xml\r\n"
                ),
            };
            let _ = write!(out, "Content-Length: {}\r\n\r\n{body}", body.len());
        },
    )
}

/// A stanza of the XMPP user of a pair to its SIP user: of a type, bare.
pub(super) fn say(worlds: &mut Worlds, plan: &Plan, pair: u32, kind: &str) {
    let Worlds { xmpp, names, .. } = worlds;
    let user = plan.user(pair);
    let (domain, component) = (&names.xmpp, &names.component);
    xmpp.send(user as usize, |out| {
        let _ = write!(
            out,
            "<presence from='x{user}@{domain}' to='s{pair}@{component}' type='{kind}' \
             id='{kind}-{pair}'/>"
        );
    });
}

/// The XMPP user of a pair is there, as the server tells the SIP user.
pub(super) fn show(worlds: &mut Worlds, plan: &Plan, pair: u32, version: u32) {
    let Worlds { xmpp, names, .. } = worlds;
    let user = plan.user(pair);
    let (domain, component) = (&names.xmpp, &names.component);
    xmpp.send(user as usize, |out| {
        let _ = write!(
            out,
            "<presence from='x{user}@{domain}/load' to='s{pair}@{component}'>\
             <show>{}</show><status>state {version}</status></presence>",
            SHOWS[version as usize % 2].0,
        );
    });
}

/// The number behind a letter at the beginning of a local part: `s12@...`.
pub(super) fn number(jid: &str, letter: char) -> Option<u32> {
    let rest = jid.strip_prefix(letter)?;
    let digits = rest.find(|other: char| !other.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

/// The state that a document or a stanza shows.
pub(super) fn version(octets: &[u8]) -> Option<u32> {
    let start = memchr::memmem::find(octets, b"state ")? + 6;
    let digits = octets[start..].iter().take_while(|octet| octet.is_ascii_digit()).count();
    std::str::from_utf8(&octets[start..start + digits]).ok()?.parse().ok()
}

/// What the XMPP user shows in turn, and the note that Kamailio's pua_xmpp makes of it.
const SHOWS: [(&str, &str); 2] = [("away", "away"), ("dnd", "Busy (DND)")];

/// The XMPP user's state that a document shows; the newest is known. There is a gateway that lets
/// nothing of it through but this word, as a note.
pub(super) fn version_shown(body: &[u8], newest: u32) -> Option<u32> {
    let says =
        |word: &str| memchr::memmem::find(body, format!("<note>{word}<").as_bytes()).is_some();
    version(body).or_else(|| {
        let word = SHOWS.iter().position(|(_, note)| says(note))?;
        newest.checked_sub(u32::from(newest as usize % 2 != word))
    })
}

/// The number of the user whom a To or a request is for: `<sip:s12@...>`.
pub(super) fn called(value: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(address(value)?).ok()?;
    number(text.strip_prefix("sip:")?, 's')
}

/// The number of a CSeq.
pub(super) fn cseq(request: &Message<'_>) -> Option<u32> {
    let value = std::str::from_utf8(request.field("cseq", "cseq")?).ok()?;
    value.split(' ').next()?.parse().ok()
}

/// The dialog that a 200 to a SUBSCRIBE makes or keeps.
pub(super) fn dialog(response: &Message<'_>) -> Option<Dialog> {
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).ok();
    Some(Dialog {
        to: text(response.field("to", "t")?)?,
        target: text(address(response.field("contact", "m")?)?)?,
        cseq: cseq(response)?,
    })
}

/// A dialog that the gateway made, by its Call-ID and tag.
pub(super) fn dialog_hash(request: &Message<'_>) -> u32 {
    let mut hasher = DefaultHasher::new();
    (request.field("call-id", "i"), request.field("from", "f")).hash(&mut hasher);
    hasher.finish() as u32
}

/// What stands in angle brackets.
fn address(value: &[u8]) -> Option<&[u8]> {
    let start = memchr::memchr(b'<', value)? + 1;
    let length = memchr::memchr(b'>', &value[start..])?;
    Some(&value[start..start + length])
}

fn without_tag(value: &[u8]) -> &[u8] {
    memchr::memmem::find(value, b";tag=").map_or(value, |end| &value[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_what_it_is_of() {
        for request in [Request::Subscribe(7), Request::Notify(u32::MAX)] {
            assert_eq!(Request::of(request.key(300)), Some(request));
        }
        assert_eq!(Request::of(1 << 62 | 7), None);
        assert_eq!(Request::of(u64::MAX - 5), None);
        assert_eq!(Request::of(7), None);
    }

    #[test]
    fn numbers_are_found() {
        assert_eq!(number("s12@sip.xmpp.test/phone", 's'), Some(12));
        assert_eq!(number("x12@xmpp.test", 's'), None);
        assert_eq!(called(b"\"R\" <sip:s7@sip.test>;tag=load"), Some(7));
        assert_eq!(version(b"<note>state 31</note>"), Some(31));
        assert_eq!(version(b"<note>stat"), None);
        assert_eq!(version_shown(b"<note>state 31</note>", 32), Some(31));
        assert_eq!(version_shown(b"<note>Busy (DND)</note>", 31), Some(31));
        assert_eq!(version_shown(b"<note>away</note>", 31), Some(30));
        assert_eq!(version_shown(b"<note/>", 31), None);
        assert_eq!(without_tag(b"<sip:s7@sip.test>;tag=load"), b"<sip:s7@sip.test>");
    }
}
