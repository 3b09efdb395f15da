//! What holds of every SIP message, whoever sent it.

use stox::codec::sip::{
    Challenge, Credentials, HeaderName, Headers, Malformed, Message, Params, Status, Text, Via,
    Warning, parse,
};

/// Written and read again it is the same message, and is then written as the same octets.
pub fn survives_writing(message: &Message) {
    let written = message.to_bytes();
    let again = parse(written.clone()).expect("what was written can be read");
    assert_eq!(&again, message);
    assert_eq!(again.to_bytes(), written);
    assert_eq!(lines(&written), 1 + own_fields(message) + message.headers().len());
    if let Message::Request(request) = message {
        let mut response = request.response(Status::OK);
        response.to = response.to.with_tag("fuzz");
        let response = Message::Response(response);
        assert_eq!(parse(response.to_bytes()).as_ref(), Ok(&response));
        assert!(request.uri.equivalent(&request.uri) || request.uri.params().nth(31).is_some());
    }
}

/// The answer to a message that is none: its lines are what they look like, and it can be told
/// from any other by a reader.
pub fn is_answered_without_harm(malformed: Malformed) {
    let malformed = malformed.received_from(([192, 0, 2, 1], 5060).into());
    let headers = Headers::new().with(HeaderName::Server, "fuzz");
    let Some(answer) = malformed.answer(malformed.status(), "fuzz", &headers) else { return };
    assert!(malformed.top_via().is_some() && !malformed.is_response());
    assert!(answer.starts_with(b"SIP/2.0 ") && answer.ends_with(b"\r\nContent-Length: 0\r\n\r\n"));
    lines(&answer);
}

/// Every typed way to look at the headers.
pub fn every_header_is_asked(headers: &Headers) {
    let _ = (headers.expires(), headers.min_expires(), headers.retry_after(), headers.date());
    let _ = (headers.content_type(), headers.contacts().count(), headers.warnings().count());
    if let Some(Ok(event)) = headers.event() {
        assert!(event.matches(&event.detached()));
    }
    if let Some(Ok(state)) = headers.subscription_state() {
        let _ = (state.expires(), state.retry_after(), state.reason());
    }
    if let Some(Ok(accept)) = headers.accept() {
        let _ = accept.quality("message/cpim");
    }
    for name in [HeaderName::WwwAuthenticate, HeaderName::ProxyAuthenticate] {
        for challenge in headers.challenges(&name).flatten() {
            let written = challenge.to_value().to_text();
            assert_eq!(Challenge::parse(&written), Ok(challenge));
        }
    }
    for value in headers.all(&HeaderName::Authorization) {
        if let Ok(credentials) = Credentials::parse(&value.to_text()) {
            let written = credentials.to_value().to_text();
            assert_eq!(Credentials::parse(&written), Ok(credentials));
        }
    }
    for name in [HeaderName::Route, HeaderName::RecordRoute, HeaderName::PAssertedIdentity] {
        for address in headers.addresses(&name).flatten() {
            let written = address.to_value();
            assert_eq!(Ok(&address), stox::codec::sip::NameAddr::parse(written.to_text()).as_ref());
        }
    }
}

/// Whatever the octets are, as display name, tag, parameter, reason or value they stay one line.
pub fn nothing_breaks_out(message: &Message, octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    let shared = Text::from(&*text);
    let (from, to) = match message {
        Message::Request(request) => (&request.from, &request.to),
        Message::Response(response) => (&response.from, &response.to),
    };
    let warning = Warning { code: 399, agent: shared.clone(), text: shared.clone() };
    let headers = Headers::new()
        .with(HeaderName::Subject, &*text)
        .with(HeaderName::Warning, &warning)
        .with(
            HeaderName::WwwAuthenticate,
            Challenge::digest().quoted("realm", &text).token(&text, &text).to_value(),
        )
        .with(HeaderName::Contact, &from.clone().display(&text).param("x", Some(&text)));
    let Message::Request(request) = message else {
        let _ = Params::default().with(&text, Some(&text));
        return;
    };
    let mut response = request.response(Status::BAD_REQUEST).with_reason(&text);
    response.from = from.clone().display(&text);
    response.to = to.clone().param(&text, Some(&text)).with_tag(&text);
    response.via = vec![
        Via::new(stox::codec::sip::Transport::Udp, "192.0.2.1", None, "z9hG4bKx").expect("a hop"),
    ];
    response.headers = headers;
    let response = Message::Response(response);
    let written = response.to_bytes();
    assert_eq!(lines(&written), 1 + 6 + 4);
    assert_eq!(parse(written).as_ref(), Ok(&response));
}

/// The fields which the message does not keep among its headers.
fn own_fields(message: &Message) -> usize {
    let hops = message.via().len();
    let max_forwards = matches!(message, Message::Request(r) if r.max_forwards.is_some());
    hops + 5 + usize::from(max_forwards)
}

/// How many lines the head has; each ends in CRLF, and CR and LF are nowhere else.
pub fn lines(octets: &[u8]) -> usize {
    let end = octets.windows(4).position(|four| four == b"\r\n\r\n").expect("an empty line");
    let head = &octets[..end + 2];
    let pairs = head.windows(2).filter(|pair| pair == b"\r\n").count();
    let halves = head.iter().filter(|b| matches!(b, b'\r' | b'\n')).count();
    assert_eq!(halves, 2 * pairs, "{}", String::from_utf8_lossy(head));
    pairs
}
