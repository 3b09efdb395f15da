//! The SIP torture messages of RFC 4475 and RFC 5118, one row each: what the RFC asks for, and our
//! verdict. Every row also runs through the framer in pieces, is written and read again, and is
//! damaged in many ways.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::BTreeSet;
use std::path::Path;

use bytes::Bytes;
use stox::codec::sip::{
    Frame, Framer, FramingError, HeaderName, Headers, Host, Limits, MalformedKind, Message, Method,
    NameAddr, Request, Response, Scheme, Status, Transport, UriError, ValueError, parse,
    parse_datagram,
};

use Asks::{Answer, Drop, May, Read};
use MalformedKind as Kind;
use Verdict::{Accepted, Dropped, Refused};

/// What we do with a message that arrives as a datagram.
enum Verdict {
    /// It is read; the check looks at what came out.
    Accepted(fn(&Message)),
    /// A request that is answered with the status of the kind.
    Refused(Kind),
    /// A response that is dropped.
    Dropped(Kind),
}

/// What the RFC asks of a parser; what is left to the application is told in words.
#[derive(Clone, Copy, Debug)]
enum Asks {
    /// The message is legal, or must or should be read.
    Read,
    /// The request is to be answered with this status (should, would, will).
    Answer(u16),
    /// The request may be answered so, or be read.
    May(u16),
    /// The response is to be dropped.
    Drop,
}

struct Row {
    name: &'static str,
    octets: &'static [u8],
    /// What the RFC asks of who gets the message as a datagram.
    asks: Asks,
    /// The same in words, with its section.
    rfc: &'static str,
    verdict: Verdict,
    /// What the same octets do on a stream, if that differs from the datagram.
    stream: Stream,
}

enum Stream {
    Same,
    /// The stream cannot be framed: answered and closed.
    Closes(Kind),
    /// This many frames, the first as in the datagram, then it is closed.
    ClosesAfter(usize, Kind),
    /// Nothing comes out: the rest of the message is waited for.
    Waits,
}

macro_rules! rows {
    ($directory:literal: $($name:literal $asks:expr, $rfc:literal => $verdict:expr $(; $stream:expr)?),* $(,)?) => {
        vec![$(Row {
            name: $name,
            octets: include_bytes!(concat!("torture/", $directory, "/", $name, ".dat")),
            asks: $asks,
            rfc: $rfc,
            verdict: $verdict,
            stream: { let stream = Stream::Same; $(let stream = { drop(stream); $stream };)? stream },
        }),*]
    };
}

fn rfc4475() -> Vec<Row> {
    let no_length = || Stream::Closes(Kind::Missing(HeaderName::ContentLength));
    rows! { "rfc4475":
        "wsinv" Read, "§3.1.1.1: well-formed" => Accepted(wsinv),
        "intmeth" Read, "§3.1.1.2: well-formed" => Accepted(intmeth),
        "esc01" Read, "§3.1.1.3: well-formed" => Accepted(esc01),
        "escnull" Read, "§3.1.1.4: well-formed" => Accepted(escnull),
        "esc02" Read, "§3.1.1.5: well-formed, unknown method" => Accepted(esc02),
        "lwsdisp" Read, "§3.1.1.6: to be accepted" => Accepted(lwsdisp),
        "longreq" Read, "§3.1.1.7: well-formed" => Accepted(longreq),
        "dblreq" Read, "§3.1.1.8: the octets after the body are ignored (datagram); a stream goes on \
            with the second request, whose body is longer than it says" => Accepted(dblreq);
            Stream::ClosesAfter(3, Kind::Missing(HeaderName::ContentLength)),
        "semiuri" Read, "§3.1.1.9: well-formed" => Accepted(semiuri),
        "transports" Read, "§3.1.1.10: well-formed" => Accepted(transports),
        "mpart01" Read, "§3.1.1.11: well-formed" => Accepted(mpart01),
        "unreason" Read, "§3.1.1.12: well-formed" => Accepted(unreason),
        "noreason" Read, "§3.1.1.13: well-formed" => Accepted(noreason),
        "badinv01" Answer(400), "§3.1.2.1: should be 400" =>
            Refused(Kind::Header(HeaderName::Via, ValueError::Parameter)),
        "clerr" Answer(400), "§3.1.2.2: should be 400; a stream waits" => Refused(Kind::Short); Stream::Waits,
        "ncl" Answer(400), "§3.1.2.3: an error; a stream is closed" =>
            Refused(Kind::Header(HeaderName::ContentLength, ValueError::Number));
            Stream::Closes(Kind::Header(HeaderName::ContentLength, ValueError::Number)),
        "scalar02" Answer(400), "§3.1.2.4: should be 400, for CSeq" =>
            Refused(Kind::Header(HeaderName::CSeq, ValueError::Number)),
        "scalarlg" Drop, "§3.1.2.5: dropped" =>
            Dropped(Kind::Header(HeaderName::CSeq, ValueError::Number)),
        "quotbal" Answer(400), "§3.1.2.6: should be 400" =>
            Refused(Kind::Header(HeaderName::To, ValueError::Quote)),
        "ltgtruri" May(400), "§3.1.2.7: 400 is reasonable" => Refused(Kind::RequestUri(UriError::Scheme)),
        "lwsruri" Answer(400), "§3.1.2.8: should be 400" => Refused(Kind::RequestLine),
        "lwsstart" May(400), "§3.1.2.9: may be rejected" => Refused(Kind::RequestLine),
        "trws" May(400), "§3.1.2.10: may be rejected" => Refused(Kind::RequestLine),
        "escruri" May(400), "§3.1.2.11: may be 400" => Refused(Kind::RequestUriHeaders),
        "baddate" May(400), "§3.1.2.12: ignored, unless Date matters" => Accepted(baddate),
        "regbadct" May(400), "§3.1.2.13: 400 is reasonable (by who reads Contact)" => Accepted(regbadct),
        "badaspec" May(400), "§3.1.2.14: 400 is reasonable" =>
            Refused(Kind::Header(HeaderName::To, ValueError::Uri(UriError::Scheme))),
        "baddn" May(400), "§3.1.2.15: 400 is reasonable (and its header section has no end)" =>
            Refused(Kind::Truncated); Stream::Waits,
        "badvers" Answer(505), "§3.1.2.16: should be 505" => Refused(Kind::Version),
        "mismatch01" Answer(400), "§3.1.2.17: 400" => Refused(Kind::CSeqMethod),
        "mismatch02" Answer(501), "§3.1.2.18: should be 501, 400 is acceptable" =>
            Refused(Kind::CSeqMethodUnknown),
        "bigcode" Drop, "§3.1.2.19: dropped" => Dropped(Kind::StatusLine),
        "badbranch" May(400), "§3.2.1: 400, or the transaction rules of RFC 2543" => Accepted(badbranch),
        "insuf" Answer(400), "§3.3.1: ideally 400" => Refused(Kind::Missing(HeaderName::From)),
        "unkscm" Read, "§3.3.2: well-formed; 416 by the application" => Accepted(unkscm),
        "novelsc" Read, "§3.3.3: well-formed; 416 by the application" => Accepted(novelsc),
        "unksm2" Read, "§3.3.4: well-formed" => Accepted(unksm2),
        "bext01" Read, "§3.3.5: well-formed; 420 by the application" => Accepted(bext01),
        "invut" Read, "§3.3.6: well-formed; 415 by the application" => Accepted(invut),
        "regaut01" Read, "§3.3.7: well-formed" => Accepted(regaut01),
        "multi01" Answer(400), "§3.3.8: 400" => Refused(Kind::Repeated(HeaderName::CSeq)),
        "mcl01" Answer(400), "§3.3.9: an error; a stream is closed" =>
            Refused(Kind::Repeated(HeaderName::ContentLength));
            Stream::Closes(Kind::Repeated(HeaderName::ContentLength)),
        "bcast" Read, "§3.3.10: well-formed; dropped, since it is not for us" => Accepted(bcast),
        "zeromf" Read, "§3.3.11: legal; an endpoint processes it" => Accepted(zeromf),
        "cparam01" Read, "§3.3.12: a parameter of Contact" => Accepted(cparam01),
        "cparam02" Read, "§3.3.13: a parameter of the URI" => Accepted(cparam02),
        "regescrt" Read, "§3.3.14: well-formed" => Accepted(regescrt),
        "sdp01" Read, "§3.3.15: well-formed; 406 by the application" => Accepted(sdp01),
        "inv2543" Read, "§3.4.1: should be accepted (datagram)" => Accepted(inv2543); no_length(),
        "test" May(400), "no section: without version, Via, From tag and CSeq" => Refused(Kind::RequestLine),
    }
}

fn rfc5118() -> Vec<Row> {
    rows! { "rfc5118":
        "ipv6-good" Read, "§4.1: well-formed" => Accepted(ipv6_good),
        "ipv6-bad" Answer(400), "§4.2: should be 400" => Refused(Kind::RequestUri(UriError::Host)),
        "port-ambiguous" Read, "§4.3: well-formed; the port is part of the address" =>
            Accepted(port_ambiguous),
        "port-unambiguous" Read, "§4.4: well-formed" => Accepted(port_unambiguous),
        "via-received-param-with-delim" Read, "§4.5: must be parsed" => Accepted(received),
        "via-received-param-no-delim" Read, "§4.5: well-formed" => Accepted(received),
        "ipv6-in-sdp" Read, "§4.6: well-formed" => Accepted(ipv6_in_sdp),
        "mult-ip-in-header" Read, "§4.7: well-formed" => Accepted(mult_ip_in_header),
        "mult-ip-in-sdp" Read, "§4.8: well-formed" => Accepted(whole_body),
        "ipv4-mapped-ipv6" Read, "§4.9: well-formed" => Accepted(ipv4_mapped),
        "ipv6-bug-abnf-3-colons" Read, "§4.10: must be tolerated" => Accepted(colons),
        "ipv6-correct-abnf-2-colons" Read, "§4.10: well-formed" => Accepted(colons),
    }
}

fn rows() -> Vec<Row> {
    rfc4475().into_iter().chain(rfc5118()).collect()
}

#[test]
fn every_message_has_its_verdict() {
    for row in rows() {
        let name = row.name;
        assert!(row.rfc.contains(": "), "{name}");
        match (&row.verdict, parse_datagram(Bytes::from_static(row.octets))) {
            (Accepted(check), Ok(Some(message))) => check(&message),
            (Refused(kind), Err(malformed)) => {
                assert_eq!(malformed.kind(), kind, "{name}");
                assert!(!malformed.is_response(), "{name}");
            }
            (Dropped(kind), Err(malformed)) => {
                assert_eq!(malformed.kind(), kind, "{name}");
                assert!(malformed.is_response(), "{name}");
                assert_eq!(malformed.answer(Status::BAD_REQUEST, "t", &Headers::new()), None);
            }
            (_, other) => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn every_file_has_its_row() {
    let directory = Path::new(file!()).parent().unwrap().join("torture");
    for (part, rows) in [("rfc4475", rfc4475()), ("rfc5118", rfc5118())] {
        let files: BTreeSet<String> = std::fs::read_dir(directory.join(part))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let named: BTreeSet<String> = rows.iter().map(|row| format!("{}.dat", row.name)).collect();
        assert_eq!(files, named);
    }
}

/// Each verdict is one that the RFC asks for or allows.
#[test]
fn every_verdict_is_what_the_rfc_asks_for() {
    for row in rows() {
        let ours = match &row.verdict {
            Accepted(_) => None,
            Refused(kind) | Dropped(kind) => Some(kind.status().code()),
        };
        let agrees = match (row.asks, &row.verdict) {
            (Read, Accepted(_)) | (May(_), Accepted(_)) | (Drop, Dropped(_)) => true,
            (Answer(status) | May(status), Refused(_)) => ours == Some(status),
            _ => false,
        };
        assert!(agrees, "{}: {:?} asked, {ours:?} given", row.name, row.asks);
    }
}

/// In the archive `baddn` has no end; with one, the names alone are wrong (§3.1.2.15).
#[test]
fn names_with_commas_want_quotes() {
    let row = rfc4475().into_iter().find(|row| row.name == "baddn").unwrap();
    let whole = [row.octets, b"\r\n"].concat();
    let malformed = parse(whole.into()).unwrap_err();
    let kind = Kind::Header(HeaderName::From, ValueError::Character);
    assert_eq!((malformed.kind(), malformed.status().code()), (&kind, 400));
}

/// What is accepted can be written, reads as the same, and is then written as the same octets.
#[test]
fn accepted_messages_survive_writing() {
    for row in rows() {
        let Accepted(check) = row.verdict else { continue };
        let message = parse(Bytes::from_static(row.octets)).unwrap();
        let written = message.to_bytes();
        let again = parse(written.clone()).unwrap_or_else(|e| panic!("{}: {e}", row.name));
        assert_eq!(again, message, "{}", row.name);
        assert_eq!(again.to_bytes(), written, "{}", row.name);
        check(&again);
        if let Message::Request(request) = &message {
            let response = request.response(Status::OK).to_bytes();
            assert!(matches!(parse(response), Ok(Message::Response(_))), "{}", row.name);
        }
    }
}

/// A refused request is answered along the hops it names, without a control out of place.
#[test]
fn refused_messages_are_answered() {
    for row in rows() {
        let Refused(_) = row.verdict else { continue };
        let malformed = parse(Bytes::from_static(row.octets)).unwrap_err();
        let headers = Headers::new().with(HeaderName::Server, "stox");
        let answer = malformed.answer(malformed.status(), "totag", &headers);
        if row.name == "test" {
            assert_eq!((answer, malformed.top_via()), (None, None), "it has no Via");
            continue;
        }
        let answer = answer.unwrap_or_else(|| panic!("{}", row.name));
        let text = std::str::from_utf8(&answer).unwrap();
        assert!(text.starts_with(&format!("SIP/2.0 {} ", malformed.status().code())));
        assert!(text.ends_with("\r\nServer: stox\r\nContent-Length: 0\r\n\r\n"), "{text}");
        let top = malformed.top_via().unwrap();
        assert!(text.contains(&format!("\r\nVia: {}", top.as_str())), "{}: {text}", row.name);
        assert!(!text.replace("\r\n", "").contains(char::is_control), "{}: {text}", row.name);
        // Whatever is wrong in the request and copied is all that may be wrong in the answer.
        match parse(answer) {
            Ok(Message::Response(answer)) => {
                assert!(answer.to.tag().is_some(), "{}", row.name);
            }
            Ok(Message::Request(_)) => panic!("{}", row.name),
            Err(wrong) => assert!(
                matches!(wrong.kind(), Kind::Header(..) | Kind::Missing(_)),
                "{}: {wrong}",
                row.name
            ),
        }
    }
}

/// In pieces of any size a stream gives what the datagram gave, or is closed where it must be.
#[test]
fn streams_are_framed_in_any_pieces() {
    for row in rows() {
        for size in [1, 2, 3, 7, 64, 5000] {
            let (frames, error) = framed(row.octets, size);
            match &row.stream {
                Stream::Closes(kind) => {
                    let FramingError(malformed) = error.unwrap();
                    assert_eq!(malformed.kind(), kind, "{}", row.name);
                    assert!(malformed.answer(malformed.status(), "t", &Headers::new()).is_some());
                    assert!(frames.is_empty());
                }
                Stream::Waits => assert!(frames.is_empty() && error.is_none(), "{}", row.name),
                Stream::Same | Stream::ClosesAfter(..) => {
                    match &row.stream {
                        Stream::ClosesAfter(count, kind) => {
                            assert_eq!(error.unwrap().0.kind(), kind);
                            assert_eq!(frames.len(), *count, "{frames:?}");
                        }
                        _ => assert_eq!(error, None, "{}", row.name),
                    }
                    let [Frame::Message(first), ..] = &frames[..] else { panic!("{}", row.name) };
                    let whole = parse(Bytes::from_static(row.octets));
                    let kind = |e: stox::codec::sip::Malformed| e.kind().clone();
                    assert_eq!(parse(first.clone()).map_err(kind), whole.map_err(kind));
                    assert!(row.octets.starts_with(first));
                }
            }
        }
    }
}

fn framed(octets: &[u8], size: usize) -> (Vec<Frame>, Option<FramingError>) {
    let mut framer = Framer::new(Limits::DEFAULT);
    let mut frames = Vec::new();
    for piece in octets.chunks(size) {
        framer.push(piece);
        loop {
            match framer.next() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

/// Cut anywhere, with any octet replaced: an answer or a message, never a panic, and what is
/// accepted survives writing.
#[test]
fn damage_does_no_harm() {
    for row in rows() {
        for end in 0..row.octets.len() {
            probe(&row.octets[..end]);
        }
        for at in 0..row.octets.len() {
            let damage = [0, b'\r', b'\n', b' ', b'"', b'<', b',', b';', 0x80, 0xff];
            let mut octets = row.octets.to_vec();
            octets[at] = damage[(at + row.name.len()) % damage.len()];
            probe(&octets);
        }
    }
}

fn probe(octets: &[u8]) {
    match parse_datagram(Bytes::copy_from_slice(octets)) {
        Ok(None) => {}
        Ok(Some(message)) => {
            let written = message.to_bytes();
            let again = parse(written.clone()).unwrap_or_else(|e| panic!("{e}: {written:?}"));
            assert_eq!(again.to_bytes(), written);
        }
        Err(malformed) => {
            let answer = malformed.answer(malformed.status(), "t", &Headers::new());
            let head = answer.map(|a| a.to_vec()).unwrap_or_default();
            let controls = head.iter().filter(|b| b.is_ascii_control() && **b != b'\t').count();
            let line_ends = head.windows(2).filter(|pair| pair == b"\r\n").count();
            assert_eq!(controls, 2 * line_ends, "{:?}", String::from_utf8_lossy(&head));
        }
    }
}

/// RFC 5118 §4.6 prints a Content-Length that counts more octets than the body has.
#[test]
fn content_length_as_rfc_5118_prints_it() {
    let row = rfc5118().into_iter().find(|row| row.name == "ipv6-in-sdp").unwrap();
    let text = std::str::from_utf8(row.octets).unwrap();
    let printed = text.replace("Content-Length: 251", "Content-Length: 268");
    assert_eq!(parse(printed.into()).unwrap_err().kind(), &Kind::Short);
}

fn request(message: &Message) -> &Request {
    match message {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a response"),
    }
}

fn response(message: &Message) -> &Response {
    match message {
        Message::Response(response) => response,
        Message::Request(_) => panic!("a request"),
    }
}

fn contacts(message: &Message) -> Vec<NameAddr> {
    message.headers().contacts().map(Result::unwrap).collect()
}

fn text(message: &Message, name: &str) -> String {
    let name = HeaderName::new(&name.into()).unwrap();
    message.headers().get_text(&name).unwrap().to_owned()
}

fn wsinv(message: &Message) {
    let r = request(message);
    assert_eq!(r.uri.param("unknownparam"), Some(None));
    assert_eq!((r.to.display_name(), r.to.tag()), (None, Some("1918181833n")));
    assert_eq!(r.from.display_name(), Some("J Rosenberg \\\""));
    assert_eq!(r.from.tag(), Some("98asjd8"));
    assert_eq!((r.max_forwards, r.cseq.number), (Some(68), 9));
    let hops: Vec<_> =
        r.via.iter().map(|via| (via.transport(), via.host_str(), via.branch())).collect();
    assert_eq!(
        hops,
        [
            (Some(Transport::Udp), "192.0.2.2", Some("390skdjuw")),
            (Some(Transport::Tcp), "spindle.example.com", Some("z9hG4bK9ikj8")),
            (Some(Transport::Udp), "192.168.255.111", Some("z9hG4bK30239")),
        ]
    );
    assert_eq!(text(message, "Subject"), "");
    assert_eq!(text(message, "newfangledheader"), "newfangled value continued newfangled value");
    assert_eq!(text(message, "UnknownHeaderWithUnusualValue"), ";;,,;;,;");
    let contact = &contacts(message)[0];
    assert_eq!(contact.display_name(), Some("Quoted string \"\""));
    assert_eq!(contact.params().get("newparam"), Some(Some("newvalue")));
    assert_eq!(contact.params().get("secondparam"), Some(None));
    assert_eq!(contact.params().get("q"), Some(Some("0.33")));
    let route: Vec<_> = r.headers.addresses(&HeaderName::Route).map(Result::unwrap).collect();
    assert!(route.len() == 1 && route[0].uri().is_loose_router());
    assert_eq!(r.body.len(), 150);
}

fn intmeth(message: &Message) {
    let r = request(message);
    assert_eq!(r.method.as_str(), "!interesting-Method0123456789_*+`.%indeed'~");
    assert_eq!(r.uri.user(), Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"));
    assert_eq!(r.uri.password(), Some("&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"));
    assert_eq!(r.uri.host_str(), "example.com");
    assert_eq!(r.via[0].branch(), Some("z9hG4bK-.!%66*_+`'~"));
    assert_eq!(r.to.display_name(), Some("BEL: NUL: DEL:"));
    assert_eq!(r.from.display_name(), Some("token1~` token2'+_ token3*%!.-"));
    assert_eq!(r.from.params().unquoted("fromParam''~+*_!.-%").as_deref(), Some("работающий"));
    assert_eq!(r.from.tag(), Some("_token~1'+`*%!-."));
    assert_eq!(r.call_id.as_str(), "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{");
    assert_eq!(text(message, "extensionHeader-!.%*+_`'~"), "\u{feff}大停電");
}

fn esc01(message: &Message) {
    let r = request(message);
    assert_eq!(&*r.uri.user_octets().unwrap(), b"sips:user@example.com");
    assert_eq!(&*r.to.uri().user_octets().unwrap(), b"user");
    assert_eq!(&*r.from.uri().user_octets().unwrap(), b"I have spaces");
    assert!(r.to.uri().equivalent(&"sip:user@example.com".parse().unwrap()));
    let contact = &contacts(message)[0];
    assert!(
        contact
            .uri()
            .equivalent(&"sip:caller@host5.example.net;lr;name=value%2541".parse().unwrap())
    );
    assert!(
        !contact.uri().equivalent(&"sip:caller@host5.example.net;lr;name=valueA".parse().unwrap())
    );
}

fn escnull(message: &Message) {
    let r = request(message);
    assert_eq!(&*r.to.uri().user_octets().unwrap(), b"null-\0-null");
    let contacts = contacts(message);
    assert_eq!(contacts.len(), 2);
    assert!(!contacts[0].uri().equivalent(contacts[1].uri()));
    assert_eq!(&*contacts[1].uri().user_octets().unwrap(), b"\0\0");
}

fn esc02(message: &Message) {
    let r = request(message);
    assert!(matches!(&r.method, Method::Other(_)) && r.method.as_str() == "RE%47IST%45R");
    assert_eq!((r.to.display_name(), r.from.display_name()), (Some("%Z%45"), Some("%Z%45")));
    assert_eq!(contacts(message).len(), 2);
    assert_eq!(r.via[0].branch(), Some("z9hG4bK209%fzsnel234"));
}

fn lwsdisp(message: &Message) {
    assert_eq!(request(message).from.display_name(), Some("caller"));
}

fn longreq(message: &Message) {
    let r = request(message);
    assert_eq!((r.via.len(), r.body.len()), (34, 150));
    assert_eq!(r.from.tag().map(str::len), Some(2 + 150 + 3));
    assert_eq!(r.to.uri().port(), Some(6000));
    assert!(r.via[33].branch().unwrap().ends_with("longbranchvalue"));
    assert_eq!(r.via[33].received(), Some("192.0.2.5".parse().unwrap()));
}

fn dblreq(message: &Message) {
    let r = request(message);
    assert_eq!((&r.method, r.body.len()), (&Method::Register, 0));
}

fn semiuri(message: &Message) {
    let r = request(message);
    assert_eq!(&*r.uri.user_octets().unwrap(), b"user;par=u@example.net");
    assert_eq!((r.uri.host_str(), r.uri.params().count()), ("example.com", 0));
    assert_eq!(r.headers.items(&HeaderName::Accept).count(), 6);
}

fn transports(message: &Message) {
    let hops: Vec<_> = request(message).via.iter().map(|via| via.transport()).collect();
    let known = [Transport::Udp, Transport::Sctp, Transport::Tls, Transport::Tcp].map(Some);
    assert_eq!(hops, [known[0], known[1], known[2], None, known[3]]);
    assert_eq!(request(message).via[3].transport_str(), "UNKNOWN");
}

fn mpart01(message: &Message) {
    let r = request(message);
    assert_eq!((r.body.len(), r.via[0].rport()), (553, Some(None)));
    assert!(r.body.contains(&0) && r.body.ends_with(b"--7a9cbec02ceef655--\r\n"));
    assert_eq!(r.headers.date().unwrap().unwrap().unix(), 1_129_351_496);
}

fn unreason(message: &Message) {
    let phrase = "= 2**3 * 5**2 но сто девяносто девять - простое";
    assert_eq!(response(message).reason.to_text(), phrase);
}

fn noreason(message: &Message) {
    let r = response(message);
    assert_eq!((r.status, r.reason.as_bytes()), (Status::TRYING, &b""[..]));
}

fn baddate(message: &Message) {
    assert_eq!(message.headers().date(), Some(Err(ValueError::Date)));
}

fn regbadct(message: &Message) {
    let contact = message.headers().contacts().next().unwrap();
    assert_eq!(contact, Err(ValueError::BracketsNeeded));
}

fn badbranch(message: &Message) {
    let via = &request(message).via[0];
    assert_eq!(via.branch(), Some("z9hG4bK"));
    assert!(!via.has_unique_branch());
}

fn unkscm(message: &Message) {
    let uri = &request(message).uri;
    assert_eq!((uri.scheme(), uri.scheme_str()), (Scheme::Other, "nobodyKnowsThisScheme"));
    assert_eq!((uri.opaque(), uri.host()), ("totallyopaquecontent", None));
}

fn novelsc(message: &Message) {
    let uri = &request(message).uri;
    assert_eq!((uri.scheme(), uri.opaque()), (Scheme::Other, "//192.0.2.103:3002"));
}

fn unksm2(message: &Message) {
    let r = request(message);
    assert_eq!((r.to.uri().scheme_str(), r.from.uri().scheme_str()), ("isbn", "http"));
    assert_eq!((r.from.tag(), contacts(message)[0].uri().scheme_str()), (Some("3234233"), "name"));
}

fn bext01(message: &Message) {
    let headers = message.headers();
    assert_eq!(
        headers.items(&HeaderName::Require).collect::<Vec<_>>(),
        ["nothingSupportsThis", "nothingSupportsThisEither"]
    );
    assert!(headers.lists(&HeaderName::ProxyRequire, "norDoAnyProxiesSupportThis"));
}

fn invut(message: &Message) {
    assert_eq!(message.headers().content_type(), Some("application/unknownformat"));
    assert_eq!(message.body().len(), 40);
}

fn regaut01(message: &Message) {
    use stox::codec::sip::Credentials;
    let value = message.headers().get(&HeaderName::Authorization).unwrap().to_text();
    let credentials = Credentials::parse(&value).unwrap();
    assert_eq!(credentials.scheme(), "NoOneKnowsThisScheme");
    assert_eq!(credentials.param("opaque-data").as_deref(), Some("here"));
}

fn bcast(message: &Message) {
    let r = response(message);
    assert_eq!(r.via[1].host(), Host::V4([255; 4].into()));
}

fn zeromf(message: &Message) {
    assert_eq!(request(message).max_forwards, Some(0));
}

fn cparam01(message: &Message) {
    let contact = &contacts(message)[0];
    assert_eq!(contact.params().get("unknownparam"), Some(None));
    assert_eq!(contact.uri().param("unknownparam"), None);
}

fn cparam02(message: &Message) {
    let contact = &contacts(message)[0];
    assert_eq!(contact.params().get("unknownparam"), None);
    assert_eq!(contact.uri().param("unknownparam"), Some(None));
}

fn regescrt(message: &Message) {
    let contact = &contacts(message)[0];
    let headers: Vec<_> = contact.uri().headers().collect();
    assert_eq!(headers, [("Route", "%3Csip:sip.example.com%3E")]);
}

fn sdp01(message: &Message) {
    let accept = message.headers().accept().unwrap().unwrap();
    assert!(!accept.accepts("application/sdp") && accept.accepts("text/nobodyknowsthis"));
}

fn inv2543(message: &Message) {
    let r = request(message);
    assert_eq!((r.via[0].branch(), r.from.tag(), r.max_forwards), (None, None, None));
    assert_eq!(r.to.params().get("user"), Some(Some("phone")));
    assert!(r.body.ends_with(b"m=audio 49217 RTP/AVP 0\r\n"));
}

fn ipv6_good(message: &Message) {
    let r = request(message);
    assert_eq!(r.uri.host(), Some(Host::V6("2001:db8::10".parse().unwrap())));
    assert_eq!(r.via[0].host(), Host::V6("2001:db8::9:1".parse().unwrap()));
}

fn port_ambiguous(message: &Message) {
    let uri = &request(message).uri;
    assert_eq!(uri.host(), Some(Host::V6("2001:db8::10:5070".parse().unwrap())));
    assert_eq!(uri.port(), None);
}

fn port_unambiguous(message: &Message) {
    let uri = &request(message).uri;
    assert_eq!(uri.host(), Some(Host::V6("2001:db8::10".parse().unwrap())));
    assert_eq!(uri.port(), Some(5070));
}

fn received(message: &Message) {
    assert_eq!(request(message).via[0].received(), Some("2001:db8::9:255".parse().unwrap()));
}

fn ipv6_in_sdp(message: &Message) {
    assert!(message.body().ends_with(b"a=rtpmap:107 H263-1998/90000\r\n"));
    assert_eq!(request(message).uri.user(), Some("user"));
}

fn whole_body(message: &Message) {
    assert!(message.body().ends_with(b"a=rtpmap:107 H263-1998/90000\r\n"));
}

fn mult_ip_in_header(message: &Message) {
    let via = &request(message).via;
    assert_eq!((via[0].port(), via[1].host()), (Some(6050), Host::V4([192, 0, 2, 1].into())));
    assert_eq!(via[2].received(), Some("192.0.2.200".parse().unwrap()));
}

fn ipv4_mapped(message: &Message) {
    let via = &request(message).via[0];
    assert_eq!((via.host_str(), via.port()), ("[::ffff:192.0.2.10]", Some(19823)));
    assert_eq!(via.host(), Host::V6("::ffff:192.0.2.10".parse().unwrap()));
    whole_body(message);
}

fn colons(message: &Message) {
    let r = request(message);
    assert_eq!(r.uri.host(), Some(Host::V6("2001:db8::192.0.2.1".parse().unwrap())));
    assert_eq!(r.uri.host(), r.to.uri().host());
}
