//! Requests and responses (RFC 3261 §7, §8.1.1, §8.2.6).

use bytes::Bytes;

use super::{CSeq, CallId, HeaderName, Headers, Method, NameAddr, ReasonPhrase, Status, Uri, Via};

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, the same as in CSeq.
    pub method: Method,
    /// The Request-URI.
    pub uri: Uri,
    /// The hops, topmost first; a received request has at least one.
    pub via: Vec<Via>,
    /// From (RFC 3261 §20.20).
    pub from: NameAddr,
    /// To (RFC 3261 §20.39).
    pub to: NameAddr,
    /// Call-ID (RFC 3261 §20.8).
    pub call_id: CallId,
    /// The number in CSeq; its method is the request's.
    pub cseq: CSeq,
    /// Max-Forwards; a peer of RFC 2543 sends none.
    pub max_forwards: Option<u8>,
    /// All other header fields, in order.
    pub headers: Headers,
    /// The body; Content-Length is made from it.
    pub body: Bytes,
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: Status,
    /// The text after it.
    pub reason: ReasonPhrase,
    /// The hops, topmost first; a received response has at least one.
    pub via: Vec<Via>,
    /// From (RFC 3261 §20.20).
    pub from: NameAddr,
    /// To (RFC 3261 §20.39).
    pub to: NameAddr,
    /// Call-ID (RFC 3261 §20.8).
    pub call_id: CallId,
    /// CSeq (RFC 3261 §20.16).
    pub cseq: CSeq,
    /// All other header fields, in order.
    pub headers: Headers,
    /// The body; Content-Length is made from it.
    pub body: Bytes,
}

/// A request or a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

impl Request {
    /// The Max-Forwards of a new request (RFC 3261 §8.1.1.6).
    pub const MAX_FORWARDS: u8 = 70;

    /// A request with what every request has (RFC 3261 §8.1.1), and nothing else. CSeq numbers
    /// above [`CSeq::MAX`] are cut to it.
    #[must_use]
    pub fn new(
        method: Method,
        uri: Uri,
        via: Via,
        from: NameAddr,
        to: NameAddr,
        call_id: CallId,
        cseq: u32,
    ) -> Request {
        Request {
            cseq: CSeq { number: cseq.min(CSeq::MAX), method: method.clone() },
            method,
            uri,
            via: vec![via],
            from,
            to,
            call_id,
            max_forwards: Some(Request::MAX_FORWARDS),
            headers: Headers::new(),
            body: Bytes::new(),
        }
    }

    /// The topmost hop: whoever sent the request (RFC 3261 §18.2).
    #[must_use]
    pub fn top_via(&self) -> Option<&Via> {
        self.via.first()
    }

    /// A response with what RFC 3261 §8.2.6.2 says is copied: the hops, From, To, Call-ID and
    /// CSeq; and Timestamp into a 100 (§8.2.6.1). The tag in To is the caller's to add.
    #[must_use]
    pub fn response(&self, status: Status) -> Response {
        let mut headers = Headers::new();
        if status == Status::TRYING
            && let Some(timestamp) = self.headers.get(&HeaderName::Timestamp)
        {
            headers.push(HeaderName::Timestamp, timestamp.clone());
        }
        Response {
            status,
            reason: status.into(),
            via: self.via.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            call_id: self.call_id.clone(),
            cseq: self.cseq.clone(),
            headers,
            body: Bytes::new(),
        }
    }
}

impl Response {
    /// The topmost hop: in a response received, this element's own (RFC 3261 §18.1.2).
    #[must_use]
    pub fn top_via(&self) -> Option<&Via> {
        self.via.first()
    }

    /// With this reason phrase.
    #[must_use]
    pub fn with_reason(mut self, text: &str) -> Response {
        self.reason = ReasonPhrase::text(text);
        self
    }
}

impl Message {
    /// The hops, topmost first.
    #[must_use]
    pub fn via(&self) -> &[Via] {
        match self {
            Message::Request(request) => &request.via,
            Message::Response(response) => &response.via,
        }
    }

    /// The header fields which the message keeps in no field of its own.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        match self {
            Message::Request(request) => &request.headers,
            Message::Response(response) => &response.headers,
        }
    }

    /// Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &CallId {
        match self {
            Message::Request(request) => &request.call_id,
            Message::Response(response) => &response.call_id,
        }
    }

    /// CSeq.
    #[must_use]
    pub fn cseq(&self) -> &CSeq {
        match self {
            Message::Request(request) => &request.cseq,
            Message::Response(response) => &response.cseq,
        }
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        match self {
            Message::Request(request) => &request.body,
            Message::Response(response) => &response.body,
        }
    }
}
