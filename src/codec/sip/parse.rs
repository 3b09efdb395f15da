//! From octets to a message (RFC 3261 §7, §18.3, §25.1).

use std::ops::Range;
use std::sync::LazyLock;

use bytes::Bytes;
use memchr::memmem::Finder;

use super::fields::Fields;
use super::head::Source;
use super::malformed::MalformedKind as Kind;
use super::{Limits, Malformed, Message, Method, ReasonPhrase, Status, Uri, UriError, chars};

/// Parses one message, within [`Limits::DEFAULT`]. Octets after the body are left out; without
/// Content-Length the body reaches to the end.
pub fn parse(octets: Bytes) -> Result<Message, Malformed> {
    parse_within(octets, &Limits::DEFAULT)
}

/// Parses one datagram, within [`Limits::DEFAULT`]; `None` if it is a keep-alive: nothing but
/// line ends, spaces and NULs (RFC 5626 §3.5.1, and what peers send beside), or `jaK`.
pub fn parse_datagram(octets: Bytes) -> Result<Option<Message>, Malformed> {
    parse_datagram_within(octets, &Limits::DEFAULT)
}

/// [`parse_datagram`] within these limits.
pub fn parse_datagram_within(octets: Bytes, limits: &Limits) -> Result<Option<Message>, Malformed> {
    // COMPAT: Kamailio's nathelper pings with four NULs, eXosip with "jaK".
    let blank = |b: &u8| matches!(b, b'\r' | b'\n' | b' ' | b'\t' | 0);
    if octets.iter().all(blank) || *octets == *b"jaK" {
        return Ok(None);
    }
    parse_within(octets, limits).map(Some)
}

/// [`parse()`] within these limits.
pub fn parse_within(octets: Bytes, limits: &Limits) -> Result<Message, Malformed> {
    message(&octets, limits).map_err(|kind| Malformed::new(kind, octets))
}

fn message(octets: &Bytes, limits: &Limits) -> Result<Message, Kind> {
    let start = empty_lines(octets);
    let Some(end) = head_end(&octets[start..], limits.head) else {
        let within = octets.len() - start <= limits.head;
        return Err(if within { Kind::Truncated } else { Kind::HeadTooLarge });
    };
    let head = Source::new(octets.slice(start..start + end - 2));
    let body = || octets.slice(start + end..);
    let (line, next) = head.line(0)?;
    if is_status_line(&head.octets()[line.clone()]) {
        let (status, reason) = status_line(&head, line)?;
        let fields = Fields::read(&head, next, limits)?;
        let body = fields.body(body(), limits)?;
        fields.response(status, reason, body).map(Message::Response)
    } else {
        let (method, uri) = request_line(&head, line)?;
        let fields = Fields::read(&head, next, limits)?;
        let body = fields.body(body(), limits)?;
        fields.request(method, uri, body).map(Message::Request)
    }
}

/// How many octets of empty lines stand before the start line (RFC 3261 §7.5).
fn empty_lines(octets: &[u8]) -> usize {
    octets.chunks_exact(2).take_while(|pair| pair == b"\r\n").count() * 2
}

/// Where the header section with its empty line ends, if it is within the limit.
pub(super) fn head_end(octets: &[u8], limit: usize) -> Option<usize> {
    static END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\n\r\n"));
    END.find(&octets[..octets.len().min(limit)]).map(|end| end + 4)
}

/// Whether the line begins as a status line does, which no request line can: `/` is in no method.
pub(super) fn is_status_line(line: &[u8]) -> bool {
    line.len() >= 4 && line[..4].eq_ignore_ascii_case(b"SIP/")
}

/// `Method SP Request-URI SP SIP-Version`, with one space each time (RFC 3261 §7.1).
fn request_line(head: &Source, line: Range<usize>) -> Result<(Method, Uri), Kind> {
    let octets = &head.octets()[line.clone()];
    let end = chars::span(octets, chars::TOKEN);
    if end == 0 {
        return Err(Kind::NotSip);
    }
    let last = memchr::memrchr(b' ', octets).filter(|&last| last > end);
    let last = last.filter(|_| octets[end] == b' ').ok_or(Kind::RequestLine)?;
    version(&octets[last + 1..], Kind::RequestLine)?;
    let target = end + 1..last;
    if target.is_empty() || octets[target.clone()].iter().copied().any(chars::is_space) {
        return Err(Kind::RequestLine);
    }
    let target = head.value(line.start + target.start..line.start + target.end);
    let uri = target.text().map_err(|_| UriError::Character);
    let uri = uri.and_then(Uri::parse).map_err(Kind::RequestUri)?;
    if uri.has_headers() {
        return Err(Kind::RequestUriHeaders);
    }
    let method = match Method::known(&octets[..end]) {
        Some(method) => method,
        None => {
            let name = head.value(line.start..line.start + end).latin1();
            Method::new(&name).ok_or(Kind::RequestLine)?
        }
    };
    Ok((method, uri))
}

/// `SIP/2.0`, in any case; other versions are told from what is no version at all.
fn version(text: &[u8], otherwise: Kind) -> Result<(), Kind> {
    if text.eq_ignore_ascii_case(b"SIP/2.0") {
        return Ok(());
    }
    let number = |b: &u8| b.is_ascii_digit() || *b == b'.';
    let is_version = is_status_line(text) && text.len() > 4 && text[4..].iter().all(number);
    Err(if is_version { Kind::Version } else { otherwise })
}

/// `SIP-Version SP Status-Code SP Reason-Phrase` (RFC 3261 §7.2). The space before an empty phrase
/// may be missing (RFC 4475 §3.1.1.13).
fn status_line(head: &Source, line: Range<usize>) -> Result<(Status, ReasonPhrase), Kind> {
    let octets = &head.octets()[line.clone()];
    let space = memchr::memchr(b' ', octets).ok_or(Kind::StatusLine)?;
    version(&octets[..space], Kind::StatusLine)?;
    let (code, phrase) = octets[space + 1..].split_at_checked(3).ok_or(Kind::StatusLine)?;
    if !code.iter().all(u8::is_ascii_digit) || !matches!(phrase.first(), None | Some(b' ')) {
        return Err(Kind::StatusLine);
    }
    let code = code.iter().fold(0, |code, b| code * 10 + u16::from(b - b'0'));
    let status = Status::new(code).ok_or(Kind::StatusLine)?;
    if phrase.iter().any(|&b| chars::is(b, chars::CONTROL) && b != b'\t') {
        return Err(Kind::Control);
    }
    let start = (line.start + space + 5).min(line.end);
    Ok((status, ReasonPhrase::received(head.value(start..line.end).bytes())))
}
