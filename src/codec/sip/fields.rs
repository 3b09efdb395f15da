//! The header fields of one message, gathered and then made a request or a response.

use bytes::Bytes;

use super::head::{Source, Value};
use super::malformed::MalformedKind as Kind;
use super::token::{self, ValueError};
use super::{
    CSeq, CallId, HeaderName, Headers, Limits, Method, NameAddr, ReasonPhrase, Request, Response,
    Status, Uri, Via, list,
};

/// The header fields as they are read.
#[derive(Default)]
pub(super) struct Fields {
    via: Vec<Via>,
    from: Option<NameAddr>,
    to: Option<NameAddr>,
    call_id: Option<CallId>,
    cseq: Option<CSeq>,
    /// What is wrong with it matters to a request alone.
    max_forwards: Option<Result<u8, ValueError>>,
    content_length: Option<u32>,
    headers: Headers,
}

impl Fields {
    /// Reads the fields from `at` to the end of the head.
    pub(super) fn read(head: &Source, mut at: usize, limits: &Limits) -> Result<Fields, Kind> {
        let mut fields = Fields {
            via: Vec::with_capacity(2),
            headers: Headers::with_capacity(8),
            ..Fields::default()
        };
        let mut lines = 1;
        let mut count = 0;
        while at < head.octets().len() {
            count += 1;
            if count > limits.fields {
                return Err(Kind::TooManyFields);
            }
            at = head.field(at, &mut lines, |name, value| fields.take(name, &value))?;
        }
        head.check_controls(lines)?;
        Ok(fields)
    }

    fn take(&mut self, name: HeaderName, value: &Value<'_>) -> Result<(), Kind> {
        match name {
            HeaderName::Via => self.take_via(value).map_err(|e| Kind::Header(name, e)),
            HeaderName::From => once(&mut self.from, name, || address(value)),
            HeaderName::To => once(&mut self.to, name, || address(value)),
            HeaderName::CallId => once(&mut self.call_id, name, || CallId::new(value.text()?)),
            HeaderName::CSeq => once(&mut self.cseq, name, || CSeq::read(value.as_str()?)),
            HeaderName::MaxForwards => {
                once(&mut self.max_forwards, name, || Ok(value.as_str().and_then(token::number)))
            }
            HeaderName::ContentLength => self.take_content_length(value),
            _ => {
                self.headers.push(name, value.header_value());
                Ok(())
            }
        }
    }

    fn take_via(&mut self, value: &Value<'_>) -> Result<(), ValueError> {
        let text = value.text()?;
        if memchr::memchr(b',', text.as_bytes()).is_none() {
            self.via.push(Via::parse(text)?);
            return Ok(());
        }
        for hop in list::shared(&text) {
            self.via.push(Via::parse(hop)?);
        }
        Ok(())
    }

    /// The same length twice is harmless; RFC 4475 §3.3.9 is about different ones.
    fn take_content_length(&mut self, value: &Value<'_>) -> Result<(), Kind> {
        let length = value.as_str().and_then(token::number);
        let length = length.map_err(|e| Kind::Header(HeaderName::ContentLength, e))?;
        match self.content_length.replace(length) {
            Some(other) if other != length => Err(Kind::Repeated(HeaderName::ContentLength)),
            _ => Ok(()),
        }
    }

    /// Cuts the body to Content-Length (RFC 3261 §18.3).
    pub(super) fn body(&self, mut rest: Bytes, limits: &Limits) -> Result<Bytes, Kind> {
        let length = self.content_length.map_or(rest.len(), |length| length as usize);
        if length > limits.body {
            return Err(Kind::BodyTooLarge);
        }
        if length > rest.len() {
            return Err(Kind::Short);
        }
        rest.truncate(length);
        Ok(rest)
    }

    pub(super) fn request(self, method: Method, uri: Uri, body: Bytes) -> Result<Request, Kind> {
        let cseq = self.cseq.ok_or(Kind::Missing(HeaderName::CSeq))?;
        if cseq.method != method {
            return Err(match method {
                Method::Other(_) => Kind::CSeqMethodUnknown,
                _ => Kind::CSeqMethod,
            });
        }
        Ok(Request {
            method,
            uri,
            via: some_via(self.via)?,
            from: self.from.ok_or(Kind::Missing(HeaderName::From))?,
            to: self.to.ok_or(Kind::Missing(HeaderName::To))?,
            call_id: self.call_id.ok_or(Kind::Missing(HeaderName::CallId))?,
            cseq,
            max_forwards: self
                .max_forwards
                .transpose()
                .map_err(|e| Kind::Header(HeaderName::MaxForwards, e))?,
            headers: self.headers,
            body,
        })
    }

    pub(super) fn response(
        self,
        status: Status,
        reason: ReasonPhrase,
        body: Bytes,
    ) -> Result<Response, Kind> {
        Ok(Response {
            status,
            reason,
            via: some_via(self.via)?,
            from: self.from.ok_or(Kind::Missing(HeaderName::From))?,
            to: self.to.ok_or(Kind::Missing(HeaderName::To))?,
            call_id: self.call_id.ok_or(Kind::Missing(HeaderName::CallId))?,
            cseq: self.cseq.ok_or(Kind::Missing(HeaderName::CSeq))?,
            headers: self.headers,
            body,
        })
    }
}

fn some_via(via: Vec<Via>) -> Result<Vec<Via>, Kind> {
    if via.is_empty() { Err(Kind::Missing(HeaderName::Via)) } else { Ok(via) }
}

/// An address. Octets that are not UTF-8 are read as Latin-1 and echoed as they came.
fn address(value: &Value<'_>) -> Result<NameAddr, ValueError> {
    match value.text() {
        Ok(text) => NameAddr::parse(text),
        Err(_) => NameAddr::parse_value(&value.header_value()),
    }
}

/// Fills the place of a header that may be there once.
fn once<T>(
    place: &mut Option<T>,
    name: HeaderName,
    parse: impl FnOnce() -> Result<T, ValueError>,
) -> Result<(), Kind> {
    if place.is_some() {
        return Err(Kind::Repeated(name));
    }
    match parse() {
        Ok(value) => {
            *place = Some(value);
            Ok(())
        }
        Err(e) => Err(Kind::Header(name, e)),
    }
}
