//! SIP messages: as much of RFC 3261 §7 as a peer under load needs, and no more.

use std::io::Write;
use std::sync::OnceLock;

use memchr::{memchr, memmem};

/// A message; values are as they stand.
#[derive(Debug, Clone, Default)]
pub struct Message<'a> {
    start: &'a [u8],
    fields: &'a [u8],
    /// The topmost Via: the first value of the first such field.
    pub via: &'a [u8],
    /// The body.
    pub body: &'a [u8],
    length: Option<usize>,
}

impl<'a> Message<'a> {
    /// A message that fills a datagram; `None` for what is none, a keep-alive for example.
    pub fn parse(octets: &'a [u8]) -> Option<Self> {
        let end = end_of_head(octets)?;
        let (head, rest) = (&octets[..end + 2], &octets[end + 4..]);
        let line = memchr(b'\r', head)?;
        let mut message =
            Message { start: &head[..line], fields: &head[line + 2..], ..Message::default() };
        for (name, value) in fields(message.fields) {
            if is(name, b"via", b"v") && message.via.is_empty() {
                message.via = value.split(|octet| *octet == b',').next().unwrap_or_default();
            } else if is(name, b"content-length", b"l") {
                message.length = std::str::from_utf8(value).ok()?.trim().parse().ok();
            }
        }
        message.body = &rest[..message.length.unwrap_or(rest.len()).min(rest.len())];
        (!message.via.is_empty()).then_some(message)
    }

    /// The first message of a stream, with its length.
    pub fn cut(octets: &'a [u8]) -> Option<(Self, usize)> {
        let end = end_of_head(octets)? + 4;
        let message = Message::parse(octets)?;
        let length = end + message.length?;
        (octets.len() >= length).then_some((message, length))
    }

    /// The method of a request, empty for a response.
    pub fn method(&self) -> &'a [u8] {
        match self.status() {
            Some(_) => b"",
            None => self.start.split(|octet| *octet == b' ').next().unwrap_or_default(),
        }
    }

    /// The status of a response.
    pub fn status(&self) -> Option<u16> {
        let code = self.start.strip_prefix(b"SIP/2.0 ")?.get(..3)?;
        std::str::from_utf8(code).ok()?.parse().ok()
    }

    /// The branch of the topmost Via.
    pub fn branch(&self) -> &'a [u8] {
        let parameters = self.via.split(|octet| *octet == b';');
        parameters.filter_map(|parameter| parameter.strip_prefix(b"branch=")).next().unwrap_or(b"")
    }

    /// The value of the first header field of a name.
    pub fn field(&self, long: &str, short: &str) -> Option<&'a [u8]> {
        let found = |name| is(name, long.as_bytes(), short.as_bytes());
        fields(self.fields).find(|(name, _)| found(name)).map(|(_, value)| value)
    }

    /// Appends the response to this request (RFC 3261 §8.2.6); one that accepts a subscription
    /// says for how long and from where (RFC 6665 §4.2.1.1).
    pub fn answer(&self, status: u16, granted: Option<Granted<'_>>, out: &mut Vec<u8>) {
        out.extend_from_slice(match status {
            200 => b"SIP/2.0 200 OK\r\n",
            404 => b"SIP/2.0 404 Not Found\r\n",
            405 => b"SIP/2.0 405 Method Not Allowed\r\n",
            481 => b"SIP/2.0 481 Subscription Does Not Exist\r\n",
            _ => b"SIP/2.0 500 Server Internal Error\r\n",
        });
        for (name, value) in fields(self.fields) {
            let to = is(name, b"to", b"t");
            let copied = to
                || is(name, b"via", b"v")
                || is(name, b"from", b"f")
                || is(name, b"call-id", b"i")
                || is(name, b"cseq", b"");
            if copied {
                out.extend_from_slice(name);
                out.extend_from_slice(b": ");
                out.extend_from_slice(value);
                if to && memmem::find(value, b";tag=").is_none() {
                    out.extend_from_slice(b";tag=load");
                }
                out.extend_from_slice(b"\r\n");
            }
        }
        if let Some(Granted { seconds, contact }) = granted.filter(|_| status == 200) {
            // Writing to memory does not fail.
            let _ = write!(out, "Expires: {seconds}\r\nContact: {contact}\r\n");
        }
        out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
    }

    /// How long a subscription shall last, by its request.
    pub fn expires(&self) -> Option<u32> {
        std::str::from_utf8(self.field("expires", "expires")?).ok()?.parse().ok()
    }
}

/// What a 200 to SUBSCRIBE grants.
#[derive(Debug, Clone, Copy)]
pub struct Granted<'a> {
    /// For how long.
    pub seconds: u32,
    /// The notifier.
    pub contact: &'a str,
}

fn end_of_head(octets: &[u8]) -> Option<usize> {
    static FINDER: OnceLock<memmem::Finder<'static>> = OnceLock::new();
    FINDER.get_or_init(|| memmem::Finder::new("\r\n\r\n")).find(octets)
}

fn fields(octets: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    octets.split(|octet| *octet == b'\n').filter_map(|line| {
        let colon = memchr(b':', line)?;
        Some((line[..colon].trim_ascii(), line[colon + 1..].trim_ascii()))
    })
}

fn is(name: &[u8], long: &[u8], short: &[u8]) -> bool {
    name.eq_ignore_ascii_case(long) || name.eq_ignore_ascii_case(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = b"MESSAGE sip:a@b SIP/2.0\r\n\
        Via: SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bK1, SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK0\r\n\
        f: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 7\r\nCSeq: 1 MESSAGE\r\nl: 2\r\n\r\nhi";

    #[test]
    fn a_request_and_its_answer() {
        let request = Message::parse(REQUEST).expect("a message");
        assert_eq!(request.method(), b"MESSAGE");
        assert_eq!((request.branch(), request.body), (&b"z9hG4bK1"[..], &b"hi"[..]));
        let mut out = Vec::new();
        request.answer(200, None, &mut out);
        let answer = Message::parse(&out).expect("a message");
        assert_eq!((answer.status(), answer.method()), (Some(200), &b""[..]));
        assert_eq!(answer.branch(), b"z9hG4bK1");
        let text = String::from_utf8(out).expect("text");
        assert!(text.contains("z9hG4bK0\r\n"), "{text}");
        assert!(text.contains("\r\nf: <sip:c@d>;tag=1\r\nTo: <sip:a@b>;tag=load\r\n"), "{text}");
    }

    #[test]
    fn a_stream_is_cut_by_content_length() {
        let stream = [REQUEST, REQUEST].concat();
        for end in 0..REQUEST.len() {
            assert!(Message::cut(&stream[..end]).is_none(), "cut at {end}");
        }
        let (message, length) = Message::cut(&stream).expect("a message");
        assert_eq!((message.body, length), (&b"hi"[..], REQUEST.len()));
    }

    #[test]
    fn a_keep_alive_is_no_message() {
        assert!(Message::parse(b"\r\n\r\n").is_none());
    }
}
