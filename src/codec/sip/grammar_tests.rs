//! Whole messages as the grammar of RFC 3261 §25.1 allows them, and as it does not.

use bytes::Bytes;

use super::*;

const VIA: &str = "Via: SIP/2.0/TCP h;branch=z9hG4bKx\r\n";
const FROM: &str = "From: <sip:c@d>;tag=1\r\n";
const REST: &str = "To: <sip:a@b>\r\nCall-ID: i\r\nCSeq: 1 MESSAGE\r\n";

/// A MESSAGE with these fields and this body.
fn message(more: &str, body: &[u8]) -> Bytes {
    let length = body.len();
    let head = format!(
        "MESSAGE sip:a@b SIP/2.0\r\n{VIA}{FROM}{REST}{more}Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat().into()
}

fn request(octets: Bytes) -> Request {
    match parse(octets.clone()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{}: {other:?}", String::from_utf8_lossy(&octets)),
    }
}

fn headers(more: &str) -> Headers {
    request(message(more, b"")).headers
}

fn texts<'a>(items: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    items.collect()
}

#[test]
fn white_space_and_folding_stand_wherever_the_grammar_has_them() {
    let loose = "MESSAGE sip:a@b SIP/2.0\r\n\
        Via \t: SIP\r\n / 2.0 /\r\n\tTCP \t h : 5060 ;\r\n branch =\r\n z9hG4bKx ; rport , SIP / 2.0 / UDP [::1] ; x\r\n\
        FROM:\r\n \"C  D\" \t <sip:c@d> ;\r\n tag = 1 ; x = \"y ; z\"\r\n\
        to :A B <sip:a@b>\t\r\n\
        call-id:\r\n\ti\r\n\
        CSEQ:\t007\r\n MESSAGE \r\n\
        max-forwards : \r\n 9\r\n\
        contact : <sip:a@b> ; q = 0.5 \r\n , sip:c@d ; expires = 5\r\n\
        event : presence ;\r\n id = 7\r\n\
        Subscription-State: active ; expires = 10 \r\n\
        Accept : text / plain ; q = 0.5 ,\r\n message/cpim ;level=\"1, 2\"\r\n\
        Expires :\t60 \r\n\
        Retry-After: 5 ( in a\r\n meeting ) ; duration = 7\r\n\
        WWW-Authenticate: Digest realm = \"a b\" ,\r\n nonce = \"c\"\r\n\
        Warning: 399 h\r\n \"a b\"\r\n\
        content-length\t:\r\n  2 \r\n\r\nxy";
    let r = request(loose.into());
    let hop = |via: &Via| (via.transport(), via.host_str().to_owned(), via.port());
    assert_eq!(hop(&r.via[0]), (Some(Transport::Tcp), "h".into(), Some(5060)));
    assert_eq!(hop(&r.via[1]), (Some(Transport::Udp), "[::1]".into(), None));
    assert_eq!((r.via[0].branch(), r.via[0].rport()), (Some("z9hG4bKx"), Some(None)));
    assert_eq!((r.from.display_name(), r.from.tag()), (Some("C  D"), Some("1")));
    assert_eq!(r.from.params().unquoted("X").as_deref(), Some("y ; z"));
    assert_eq!((r.to.display_name(), r.call_id.as_str()), (Some("A B"), "i"));
    assert_eq!((r.cseq.number, r.max_forwards, &r.body[..]), (7, Some(9), &b"xy"[..]));
    let h = &r.headers;
    let contacts: Vec<_> = h.contacts().map(Result::unwrap).collect();
    assert_eq!(contacts[0].params().get("q"), Some(Some("0.5")));
    assert_eq!(contacts[1].params().get("expires"), Some(Some("5")));
    assert_eq!(h.event().unwrap().unwrap().id(), Some("7"));
    assert_eq!(h.subscription_state().unwrap().unwrap().expires(), Some(10));
    let accept = h.accept().unwrap().unwrap();
    assert_eq!((accept.quality("text/plain"), accept.quality("message/cpim")), (500, 1000));
    assert_eq!((h.expires(), h.retry_after()), (Some(Ok(60)), Some(Ok(5))));
    let challenge = h.challenges(&HeaderName::WwwAuthenticate).next().unwrap().unwrap();
    assert_eq!(challenge.param("realm").as_deref(), Some("a b"));
    assert_eq!(&*h.warnings().next().unwrap().unwrap().text, "a b");
    assert_eq!(parse(r.to_bytes()), Ok(Message::Request(r)));
}

#[test]
fn every_compact_form_is_its_header() {
    let compact = "MESSAGE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h\r\nf: <sip:c@d>\r\nt: <sip:a@b>\r\n\
        i: i\r\nCSeq: 1 MESSAGE\r\na: *\r\nb: <sip:e@f>\r\nc: text/plain\r\nd: proxy\r\ne: gzip\r\n\
        j: *\r\nk: gruu\r\nM: <sip:g@h>\r\nn: <http://x>\r\no: presence\r\nR: <sip:r@s>\r\ns: hi\r\n\
        u: presence\r\nx: 90\r\ny: \"z\"\r\nL: 1\r\n\r\nxy";
    let r = request(compact.into());
    let names = r.headers.iter().map(|header| header.name.as_str()).collect::<Vec<_>>();
    assert_eq!(
        names,
        [
            "Accept-Contact",
            "Referred-By",
            "Content-Type",
            "Request-Disposition",
            "Content-Encoding",
            "Reject-Contact",
            "Supported",
            "Contact",
            "Identity-Info",
            "Event",
            "Refer-To",
            "Subject",
            "Allow-Events",
            "Session-Expires",
            "Identity"
        ]
    );
    assert_eq!((r.via.len(), r.call_id.as_str(), &r.body[..]), (1, "i", &b"x"[..]));
}

/// A list in one field, in several, and with commas that are text.
#[test]
fn lists_are_split_at_their_own_commas_alone() {
    let route = "\"a, b\" <sip:x,y@h;lr>, <sip:z@h?Subject=a,b;lr>;p=\"c, <d>\" ,,sip:q@h";
    for name in [HeaderName::Route, HeaderName::RecordRoute, HeaderName::Contact] {
        let h = headers(&format!("{name}: {route}\r\n{name}: <sip:last@h>\r\n"));
        let found: Vec<_> = h.addresses(&name).map(|address| address.ok()).collect();
        let uris: Vec<_> = found.iter().map(|a| a.as_ref().map(|a| a.uri().as_str())).collect();
        // RFC 3261 has no comma in an hvalue: that one is malformed by itself.
        assert_eq!(
            uris,
            [Some("sip:x,y@h;lr"), None, Some("sip:q@h"), Some("sip:last@h")],
            "{name}"
        );
        assert_eq!(found[0].as_ref().unwrap().display_name(), Some("a, b"));
    }
    let joined =
        message("Via: SIP/2.0/UDP i;x=\"a,b\", SIP/2.0/UDP j\r\nVia: SIP/2.0/UDP k\r\n", b"");
    let hops: Vec<_> = request(joined).via.iter().map(|via| via.host_str().to_owned()).collect();
    assert_eq!(hops, ["h", "i", "j", "k"]);
    let h = headers("Accept: text/plain;x=\"a,b\"\r\nAccept: a/b, c/*\r\n");
    let ranges = h.accept().unwrap().unwrap();
    assert_eq!(texts(ranges.ranges().iter().map(MediaRange::as_str)), ["text/plain", "a/b", "c/*"]);
    let h = headers("Warning: 399 h \"a, b\", 370 [::1]:5060 \"c\"\r\n");
    let warnings: Vec<_> = h.warnings().map(Result::unwrap).collect();
    assert_eq!((&*warnings[0].text, &*warnings[1].agent), ("a, b", "[::1]:5060"));
}

#[test]
fn headers_of_event_notification_and_publication() {
    let h = headers(
        "Event: presence;id=\"a;b\";x\r\nSubscription-State: terminated;reason=giveup;retry-after=9\r\n\
         SIP-ETag: dx200xyz\r\nSIP-If-Match: kwj449x\r\nExpires: 3600\r\nMin-Expires: 60\r\n\
         Allow-Events: presence, presence.winfo\r\nu: conference\r\n\
         Accept: application/pidf+xml;q=0.8;level=1, */*;q=0.001\r\n",
    );
    let event = h.event().unwrap().unwrap();
    assert_eq!((event.kind(), event.params().unquoted("id").as_deref()), ("presence", Some("a;b")));
    let state = h.subscription_state().unwrap().unwrap();
    assert_eq!((state.reason(), state.retry_after()), (Some("giveup"), Some(9)));
    let tag = |name| h.entity_tag(&name).map(|tag| tag.unwrap().into_text());
    assert_eq!(tag(HeaderName::SipEtag).as_deref(), Some("dx200xyz"));
    assert_eq!(tag(HeaderName::SipIfMatch).as_deref(), Some("kwj449x"));
    assert_eq!(tag(HeaderName::SuppressIfMatch), None);
    assert_eq!((h.expires(), h.min_expires()), (Some(Ok(3600)), Some(Ok(60))));
    assert_eq!(texts(h.allowed_events()), ["presence", "presence.winfo", "conference"]);
    assert_eq!(h.accept().unwrap().unwrap().quality("APPLICATION/pidf+xml"), 800);
    for (bad, wrong) in [
        ("SIP-ETag: a b\r\n", ValueError::Character),
        ("SIP-ETag:\r\n", ValueError::Character),
        ("SIP-ETag: a\r\nSIP-ETag: b\r\n", ValueError::Repeated),
    ] {
        assert_eq!(headers(bad).entity_tag(&HeaderName::SipEtag), Some(Err(wrong)), "{bad}");
    }
    let h =
        headers("Expires: -1\r\nMin-Expires: 1 1\r\nEvent: a b\r\nAccept: text\r\nDate: now\r\n");
    assert_eq!(h.expires(), Some(Err(ValueError::Number)));
    assert_eq!(h.min_expires(), Some(Err(ValueError::Number)));
    assert!(
        h.event().unwrap().is_err() && h.accept().unwrap().is_err() && h.date().unwrap().is_err()
    );
}

#[test]
fn digest_challenges_stand_one_in_a_field() {
    let h = headers(
        "WWW-Authenticate: Digest realm=\"a, b\", qop=\"auth,auth-int\", algorithm=SHA-256,\r\n \
         nonce=\"x=,\\\"y\\\"\", stale=TRUE\r\n\
         WWW-Authenticate: Digest realm=\"a, b\", algorithm=MD5, nonce=\"z\"\r\n\
         WWW-Authenticate: Bearer abc==\r\nWWW-Authenticate: Digest realm\r\n\
         Authorization: digest username=\"u\", nc=000000fF, cnonce=\"\", opaque=\"o\"\r\n",
    );
    let found: Vec<_> = h.challenges(&HeaderName::WwwAuthenticate).collect();
    assert_eq!(found.len(), 4);
    let first = found[0].as_ref().unwrap();
    assert_eq!(first.param("algorithm").as_deref(), Some("SHA-256"));
    assert_eq!(first.param("nonce").as_deref(), Some("x=,\"y\""));
    assert!(first.offers_qop("auth") && first.offers_qop("AUTH-INT") && first.is_stale());
    assert_eq!(found[1].as_ref().unwrap().param("algorithm").as_deref(), Some("MD5"));
    assert!(!found[2].as_ref().unwrap().is_digest());
    assert_eq!(found[3], Err(ValueError::Parameter));
    let value = h.get(&HeaderName::Authorization).unwrap().to_text();
    let credentials = Credentials::parse(&value).unwrap();
    assert!(credentials.is_digest());
    assert_eq!(
        (credentials.nonce_count(), credentials.param("cnonce").as_deref()),
        (Some(255), Some(""))
    );
    for bad in ["1", "0000000g", "000000001", "+0000001", ""] {
        let text = format!("Digest nc=\"{bad}\"");
        assert_eq!(Credentials::parse(&text.into()).unwrap().nonce_count(), None, "{bad}");
    }
}

#[test]
fn unknown_methods_transports_and_schemes_are_read() {
    let text = "X-do.It sips:a;b=c:p+w@[2001:db8::1]:5071;lr;x=%20y?Subject=a%0d SIP/2.0\r\n\
        Via: SIP/2.0/QUIC [2001:db8::2];branch=z9hG4bKx\r\nFrom: urn:service:sos;tag=1\r\n\
        To: <tel:+1-201-555;phone-context=x>\r\nCall-ID: i\r\nCSeq: 1 X-do.It\r\n\r\n";
    assert_eq!(parse(text.into()).unwrap_err().kind(), &MalformedKind::RequestUriHeaders);
    let r = request(text.replace("?Subject=a%0d", "").into());
    assert_eq!(
        (r.method.as_str(), r.uri.scheme(), r.uri.port()),
        ("X-do.It", Scheme::Sips, Some(5071))
    );
    assert_eq!((r.uri.user(), r.uri.password()), (Some("a;b=c"), Some("p+w")));
    assert_eq!((r.via[0].transport(), r.via[0].transport_str()), (None, "QUIC"));
    assert_eq!((r.from.uri().scheme_str(), r.from.tag()), ("urn", Some("1")));
    assert_eq!((r.to.uri().scheme(), r.to.uri().opaque()), (Scheme::Tel, "+1-201-555"));
}

#[test]
fn a_body_is_octets() {
    let octets: Vec<u8> = (0..=255).chain(*b"\r\n\r\nSIP/2.0 200 OK\r\n\r\n").collect();
    let whole = message("Content-Type: application/octet-stream\r\n", &octets);
    let r = request(whole.clone());
    assert_eq!(r.body, octets);
    assert_eq!(request(r.to_bytes()).body, octets);
    let datagram = [&whole[..], b"\r\nmore"].concat();
    assert_eq!(request(datagram.into()).body, octets);
    let mut framer = Framer::new(Limits::DEFAULT);
    framer.push(&[&whole[..], &whole].concat());
    assert_eq!(framer.next(), Ok(Some(Frame::Message(whole.clone()))));
    assert_eq!(framer.next(), Ok(Some(Frame::Message(whole))));
}

/// What is bad but framed: as it stands in the message, what replaces it, the status.
const BAD: &[(&str, &str, u16)] = &[
    ("MESSAGE sip:a@b SIP/2.0", "MESSAGE sip:a@b SIP/3.0", 505),
    ("MESSAGE sip:a@b SIP/2.0", "message sip:a@b SIP/2.0", 501),
    ("MESSAGE sip:a@b SIP/2.0", "MESSAGE <sip:a@b> SIP/2.0", 400),
    ("MESSAGE sip:a@b SIP/2.0", "MESSAGE sip:a@b", 400),
    ("MESSAGE sip:a@b SIP/2.0", "INVITE sip:a@b SIP/2.0", 400),
    ("<sip:c@d>;tag=1", "<sip:c@d>;tag=1\r\nf: <sip:e@f>;tag=2", 400),
    ("<sip:c@d>;tag=1", "\"c <sip:c@d>;tag=1", 400),
    ("<sip:c@d>;tag=1", "a\0 <sip:c@d>;tag=1", 400),
    ("<sip:c@d>;tag=1", "\"a\\\\\0\" <sip:c@d>;tag=1", 400),
    ("Call-ID: i", "Call-ID: i\rX: y", 400),
    ("Call-ID: i", "Call-ID: i\nX: y", 400),
    ("Call-ID: i", "Call-ID: i\r", 400),
    ("Call-ID: i", "Call-ID: i\0", 400),
    ("Call-ID: i", "Call-ID: i j", 400),
    ("Call-ID: i\r\n", "", 400),
    ("Call-ID: i", "Call-ID: i\r\nX", 400),
    ("Call-ID: i", "Call-ID: i\r\nX: \x07", 400),
    ("CSeq: 1", "CSeq: 2147483648", 400),
    ("CSeq: 1", "CSeq: -1", 400),
    ("CSeq: 1", "Max-Forwards: 256\r\nCSeq: 1", 400),
    (";branch", ";;branch", 400),
];

#[test]
fn bad_messages_are_answered_and_do_no_harm_to_their_neighbours() {
    let good = message("", b"good");
    let text = String::from_utf8(message("Subject: x\r\n", b"body").to_vec()).unwrap();
    for &(right, wrong, status) in BAD {
        let bad = text.replacen(right, wrong, 1);
        assert_ne!(bad, text);
        let mut framer = Framer::new(Limits::DEFAULT);
        framer.push(&[&good[..], bad.as_bytes(), &good].concat());
        let frames: Vec<_> = std::iter::from_fn(|| framer.next().unwrap()).collect();
        let [Frame::Message(first), Frame::Message(second), Frame::Message(third)] = &frames[..]
        else {
            panic!("{wrong:?}: {frames:?}")
        };
        assert_eq!((first, &second[..], third), (&good, bad.as_bytes(), &good), "{wrong:?}");
        let malformed = parse(second.clone()).unwrap_err();
        assert_eq!(malformed.status().code(), status, "{wrong:?}: {malformed}");
        let answer = malformed.answer(malformed.status(), "t", &Headers::new()).unwrap();
        let start = format!("SIP/2.0 {status} ");
        assert!(answer.starts_with(start.as_bytes()), "{answer:?}");
        let controls = answer.iter().filter(|b| b.is_ascii_control()).count();
        assert_eq!(
            controls,
            answer.windows(2).filter(|two| two == b"\r\n").count() * 2,
            "{wrong:?}"
        );
    }
}

/// What a datagram alone can be: cut, or of a length that is wrong.
#[test]
fn bad_datagrams() {
    let text = String::from_utf8(message("", b"body").to_vec()).unwrap();
    let length = HeaderName::ContentLength;
    let number = MalformedKind::Header(HeaderName::ContentLength, ValueError::Number);
    let cut = |text: &str| text[..text.find("\r\n\r\n").unwrap() + 2].to_owned();
    for (bad, kind, status) in [
        (cut(&text), MalformedKind::Truncated, 400),
        (text.replace("\r\n", "\n"), MalformedKind::Truncated, 400),
        (text.replace("th: 4", "th: 5"), MalformedKind::Short, 400),
        (text.replace("th: 4", "th: +4"), number.clone(), 400),
        (text.replace("th: 4", "th: -4"), number.clone(), 400),
        (text.replace("th: 4", "th: 4, 4"), number.clone(), 400),
        (text.replace("th: 4", "th: 99999999999"), number, 400),
        (text.replace("th: 4", "th: 4294967295"), MalformedKind::BodyTooLarge, 513),
        (text.replace("th: 4", "th: 4\r\nl: 3"), MalformedKind::Repeated(length), 400),
        (
            text.replacen("sip:a@b", &format!("sip:{}@b", "a".repeat(65_520)), 1),
            MalformedKind::HeadTooLarge,
            513,
        ),
    ] {
        let malformed = parse_datagram(bad.clone().into()).unwrap_err();
        assert_eq!((malformed.kind(), malformed.status().code()), (&kind, status), "{bad}");
        assert!(
            malformed.answer(malformed.status(), "t", &Headers::new()).is_some() || status == 513
        );
    }
    let long = text.replacen("sip:a@b", &format!("sip:{}@b", "a".repeat(65_530)), 1);
    let limits = Limits { head: 100_000, ..Limits::DEFAULT };
    let malformed = parse_within(long.into(), &limits).unwrap_err();
    assert_eq!(malformed.status(), Status::REQUEST_URI_TOO_LONG);
}

#[test]
fn names_reasons_and_values_stay_in_their_line() {
    let evil = "a\r\nVia: evil\r\n\r\nx\0\u{85}\u{2028}\"<>;,\\";
    let r = request(message("", b""));
    let mut response = r.response(Status::BAD_REQUEST).with_reason(evil);
    response.from = r.from.clone().display(evil);
    response.to = r.to.clone().param(evil, Some(evil)).with_tag(evil);
    response.headers = Headers::new()
        .with(HeaderName::Subject, evil)
        .with(HeaderName::Warning, &Warning { code: 399, agent: evil.into(), text: evil.into() })
        .with(HeaderName::WwwAuthenticate, Challenge::digest().quoted(evil, evil).to_value())
        .with(HeaderName::ProxyAuthorization, Credentials::digest().token("nc", evil).to_value())
        .with(HeaderName::Contact, &NameAddr::new(r.uri.clone()).display(evil));
    let written = response.to_bytes();
    let text = std::str::from_utf8(&written).unwrap();
    let fields = text.split("\r\n").skip(1);
    let names: Vec<_> = fields.filter_map(|line| line.split_once(": ")).collect();
    assert_eq!(
        names.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        [
            "Via",
            "From",
            "To",
            "Call-ID",
            "CSeq",
            "Subject",
            "Warning",
            "WWW-Authenticate",
            "Proxy-Authorization",
            "Contact",
            "Content-Length"
        ]
    );
    assert_eq!(text.matches(['\r', '\n']).count(), 2 * (1 + names.len() + 1));
    assert_eq!(parse(written.clone()), Ok(Message::Response(response)));
}
