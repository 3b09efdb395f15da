//! From a message to octets (RFC 3261 §7, §20): always CRLF, Content-Length always last and right.

use bytes::Bytes;

use super::{
    HeaderValue, Headers, Message, NameAddr, ReasonPhrase, Request, Response, Status, Via,
};

impl Request {
    /// Appends the request. Every value is legal by its type, so no line can be ended early.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.reserve(512 + self.body.len());
        out.extend_from_slice(self.method.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.uri.as_str().as_bytes());
        out.extend_from_slice(b" SIP/2.0\r\n");
        vias(out, &self.via);
        if let Some(hops) = self.max_forwards {
            out.extend_from_slice(b"Max-Forwards: ");
            decimal(out, hops.into());
            out.extend_from_slice(b"\r\n");
        }
        address(out, b"From: ", &self.from);
        address(out, b"To: ", &self.to);
        field(out, "Call-ID", self.call_id.as_str().as_bytes());
        cseq(out, self.cseq.number, self.method.as_str());
        headers(out, &self.headers);
        end(out, &self.body);
    }

    /// The request's octets.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::new();
        self.write(&mut out);
        out.into()
    }
}

impl Response {
    /// Appends the response. Every value is legal by its type, so no line can be ended early.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.reserve(512 + self.body.len());
        status_line(out, self.status, &self.reason);
        vias(out, &self.via);
        address(out, b"From: ", &self.from);
        address(out, b"To: ", &self.to);
        field(out, "Call-ID", self.call_id.as_str().as_bytes());
        cseq(out, self.cseq.number, self.cseq.method.as_str());
        headers(out, &self.headers);
        end(out, &self.body);
    }

    /// The response's octets.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::new();
        self.write(&mut out);
        out.into()
    }
}

impl Message {
    /// Appends the message.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Message::Request(request) => request.write(out),
            Message::Response(response) => response.write(out),
        }
    }

    /// The message's octets.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::new();
        self.write(&mut out);
        out.into()
    }
}

pub(super) fn status_line(out: &mut Vec<u8>, status: Status, reason: &ReasonPhrase) {
    out.extend_from_slice(b"SIP/2.0 ");
    decimal(out, status.code().into());
    out.push(b' ');
    out.extend_from_slice(reason.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn vias(out: &mut Vec<u8>, hops: &[Via]) {
    for hop in hops {
        out.extend_from_slice(b"Via: ");
        hop.write(out);
        out.extend_from_slice(b"\r\n");
    }
}

fn address(out: &mut Vec<u8>, name: &[u8], address: &NameAddr) {
    out.extend_from_slice(name);
    address.write(out);
    out.extend_from_slice(b"\r\n");
}

fn cseq(out: &mut Vec<u8>, number: u32, method: &str) {
    out.extend_from_slice(b"CSeq: ");
    decimal(out, number.min(super::CSeq::MAX));
    out.push(b' ');
    out.extend_from_slice(method.as_bytes());
    out.extend_from_slice(b"\r\n");
}

pub(super) fn headers(out: &mut Vec<u8>, headers: &Headers) {
    for header in headers {
        let value: &HeaderValue = &header.value;
        field(out, header.name.as_str(), value.as_bytes());
    }
}

/// One field; name and value are known to be legal.
pub(super) fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Content-Length, the empty line, and the body.
pub(super) fn end(out: &mut Vec<u8>, body: &[u8]) {
    out.extend_from_slice(b"Content-Length: ");
    decimal(out, u32::try_from(body.len()).unwrap_or(u32::MAX));
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(body);
}

/// Appends a number in decimal digits.
pub(super) fn decimal(out: &mut Vec<u8>, mut number: u32) {
    let mut digits = [b'0'; 10];
    let mut first = digits.len() - 1;
    loop {
        digits[first] += (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
        first -= 1;
    }
    out.extend_from_slice(&digits[first..]);
}
