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
    let head = Source::new(octets, start..start + end - 2);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::sip::{HeaderName, Request, ValueError};

    const FIELDS: &str = "Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:c@d>;tag=1\r\n\
        To: <sip:a@b>\r\nCall-ID: i\r\nCSeq: 1 MESSAGE\r\n";

    fn with(start: &str, more: &str, body: &str) -> Result<Message, Malformed> {
        parse(format!("{start}\r\n{FIELDS}{more}\r\n{body}").into())
    }

    fn request(more: &str, body: &str) -> Request {
        match with("MESSAGE sip:a@b SIP/2.0", more, body) {
            Ok(Message::Request(request)) => request,
            other => panic!("{more}: {other:?}"),
        }
    }

    fn refused(start: &str, more: &str) -> Kind {
        with(start, more, "").unwrap_err().kind().clone()
    }

    #[test]
    fn bodies() {
        assert_eq!(&request("", "to the end").body[..], b"to the end");
        assert_eq!(&request("Content-Length: 3\r\n", "abcdef").body[..], b"abc");
        assert_eq!(&request("l: 3\r\nContent-Length: 3\r\n", "\0\u{e9}").body[..], b"\0\xc3\xa9");
        assert_eq!(refused("MESSAGE sip:a@b SIP/2.0", "l: 1\r\n"), Kind::Short);
        let limits = Limits { body: 2, ..Limits::DEFAULT };
        let octets = request("", "abc").to_bytes();
        let malformed = parse_within(octets, &limits).unwrap_err();
        assert_eq!(
            (malformed.kind(), malformed.status()),
            (&Kind::BodyTooLarge, Status::MESSAGE_TOO_LARGE)
        );
    }

    #[test]
    fn start_lines() {
        for (start, kind) in [
            ("MESSAGE sip:a@b", Kind::RequestLine),
            ("MESSAGE sip:a@b HTTP/1.1", Kind::RequestLine),
            ("MESSAGE  sip:a@b SIP/2.0", Kind::RequestLine),
            ("MESSAGE sip:a@b  SIP/2.0", Kind::RequestLine),
            ("MESSAGE\tsip:a@b SIP/2.0", Kind::RequestLine),
            ("MESSAGE SIP/2.0", Kind::RequestLine),
            ("MES(SAGE sip:a@b SIP/2.0", Kind::RequestLine),
            ("", Kind::HeaderLine),
            ("@ sip:a@b SIP/2.0", Kind::NotSip),
            ("MESSAGE sip:a@b SIP/2.1", Kind::Version),
            ("MESSAGE sip:a@b SIP/3.0", Kind::Version),
            ("MESSAGE sip:a@b SIP/2.0x", Kind::RequestLine),
            ("MESSAGE a@b SIP/2.0", Kind::RequestUri(UriError::Scheme)),
            ("MESSAGE sip:a@b?x=y SIP/2.0", Kind::RequestUriHeaders),
            ("MESSAGE sip:\u{e9}@b SIP/2.0", Kind::RequestUri(UriError::User)),
            ("message sip:a@b SIP/2.0", Kind::CSeqMethodUnknown),
            ("SUBSCRIBE sip:a@b SIP/2.0", Kind::CSeqMethod),
            ("SIP/2.0 99 x", Kind::StatusLine),
            ("SIP/2.0 099 x", Kind::StatusLine),
            ("SIP/2.0 700 x", Kind::StatusLine),
            ("SIP/2.0 2000 x", Kind::StatusLine),
            ("SIP/2.0  200 x", Kind::StatusLine),
            ("SIP/2.0", Kind::StatusLine),
            ("SIP/1.0 200 OK", Kind::Version),
            ("SIP/2.0 200 a\\\0", Kind::Control),
        ] {
            let start = if start.is_empty() { "\r\nVia" } else { start };
            let found = refused(start, "");
            assert!(
                found == kind || start == "\r\nVia" && found == Kind::RequestLine,
                "{start}: {found:?}"
            );
        }
        assert!(with("MESSAGE sip:a@b sip/2.0", "", "").is_ok());
        assert!(with("SIP/2.0 200", "", "").is_ok(), "the space before an empty phrase");
        assert!(with("SIP/2.0 200 OK", "Max-Forwards: 256\r\n", "").is_ok(), "it has no use there");
        assert!(matches!(with("sip/2.0 486 Besch\u{e4}ftigt", "", ""), Ok(Message::Response(_))));
    }

    #[test]
    fn header_sections() {
        let start = "MESSAGE sip:a@b SIP/2.0";
        for (more, kind) in [
            ("no colon\r\n", Kind::HeaderLine),
            (": no name\r\n", Kind::HeaderLine),
            ("a b: c\r\n", Kind::HeaderLine),
            ("X: a\nY: b\r\n", Kind::LineEnd),
            ("X: a\rY: b\r\n", Kind::LineEnd),
            ("X: a\r\r\n", Kind::LineEnd),
            ("X: a\0b\r\n", Kind::Control),
            ("X: \x7f\r\n", Kind::Control),
            ("X: \\\r\r\n", Kind::LineEnd),
            ("Max-Forwards: 256\r\n", Kind::Header(HeaderName::MaxForwards, ValueError::Number)),
            ("Max-Forwards: 1\r\nMax-Forwards: 1\r\n", Kind::Repeated(HeaderName::MaxForwards)),
            ("t: <sip:a@b>\r\n", Kind::Repeated(HeaderName::To)),
            ("f: <sip:a@b>\r\n", Kind::Repeated(HeaderName::From)),
            ("i: x\r\n", Kind::Repeated(HeaderName::CallId)),
            ("CSEQ: 1 MESSAGE\r\n", Kind::Repeated(HeaderName::CSeq)),
            ("l: 0\r\nl: 1\r\n", Kind::Repeated(HeaderName::ContentLength)),
            ("v: SIP/2.0/UDP h,, x\r\n", Kind::Header(HeaderName::Via, ValueError::Protocol)),
        ] {
            assert_eq!(refused(start, more), kind, "{more:?}");
        }
        for missing in ["Via", "From", "To", "Call-ID", "CSeq"] {
            let name = HeaderName::new(&missing.into()).unwrap();
            let fields: String =
                FIELDS.split_inclusive("\r\n").filter(|f| !f.starts_with(missing)).collect();
            let error = parse(format!("{start}\r\n{fields}\r\n").into()).unwrap_err();
            assert_eq!(error.kind(), &Kind::Missing(name), "{missing}");
        }
        let r = request("X-Foo : \r\n\tbar \r\n  baz \r\nSubject:\r\nX: \"\\\0\"\r\n", "");
        let names: Vec<_> = r.headers.iter().map(|h| h.name.as_str()).collect();
        assert_eq!(names, ["X-Foo", "Subject", "Session-Expires"], "x is its compact form");
        assert_eq!(r.headers.iter().next().unwrap().value.as_bytes(), b"bar baz");
    }

    #[test]
    fn limits() {
        let limits = Limits { head: 300, fields: 6, ..Limits::DEFAULT };
        let parse = |more: &str| {
            let text = format!("MESSAGE sip:a@b SIP/2.0\r\n{FIELDS}{more}\r\n");
            parse_within(text.into(), &limits).map_err(|e| e.kind().clone())
        };
        assert!(parse("X: y\r\n").is_ok());
        assert_eq!(parse("X: y\r\nX: y\r\n").unwrap_err(), Kind::TooManyFields);
        assert_eq!(parse(&format!("X: {}\r\n", "y".repeat(300))).unwrap_err(), Kind::HeadTooLarge);
        assert!(Kind::TooManyFields.is_limit() && !Kind::Short.is_limit());
    }

    #[test]
    fn keep_alives_are_no_messages() {
        for ping in ["", "\r\n", "\r\n\r\n", "\0\0\0\0", "jaK", "  \r\n"] {
            assert_eq!(parse_datagram(ping.into()), Ok(None), "{ping:?}");
        }
        let text = format!("\r\n\r\nMESSAGE sip:a@b SIP/2.0\r\n{FIELDS}\r\n");
        assert!(matches!(parse_datagram(text.into()), Ok(Some(Message::Request(_)))));
        assert!(parse_datagram("hello".into()).is_err());
    }

    #[test]
    fn latin_1_is_kept_octet_by_octet() {
        let mut octets = b"MESSAGE sip:a@b SIP/2.0\r\nSubject: Gr\xfc\xdfe\r\n".to_vec();
        octets.extend_from_slice(
            FIELDS.replace("To: ", "To: \"Zo#\" ").replace('#', "\u{1}").as_bytes(),
        );
        let at = octets.iter().position(|&b| b == 1).unwrap();
        octets[at] = 0xeb;
        octets.extend_from_slice(b"\r\n\xff");
        let Ok(Message::Request(r)) = parse(octets.into()) else { panic!() };
        assert_eq!(r.headers.get(&HeaderName::Subject).unwrap().as_bytes(), b"Gr\xfc\xdfe");
        assert_eq!(r.to.display_name(), Some("Zoë"));
        let written = r.to_bytes();
        assert!(memchr::memmem::find(&written, b"\r\nTo: \"Zo\xeb\" <sip:a@b>\r\n").is_some());
        assert_eq!(parse(written), Ok(Message::Request(r)));
    }
}
