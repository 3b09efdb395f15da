//! Properties of the codec as a whole: whatever is built can be read again, and no text that is put
//! into a field gets out of it.

use proptest::prelude::*;

use super::*;

/// Text as a hostile or careless user would give it.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,24}",
        "[a-z]{1,8}\r\n[A-Z][a-z]{1,6}: [a-z]{1,6}",
        any::<String>(),
        "[\"\\\\<>;,=@\r\n\t\0%]{0,12}",
    ]
}

fn any_host() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,5}(\\.[a-z][a-z0-9]{0,4}){0,3}",
        Just("192.0.2.1".into()),
        Just("2001:db8::1".into())
    ]
}

fn any_uri() -> impl Strategy<Value = Uri> {
    let scheme =
        prop_oneof![Just(Scheme::Sip), Just(Scheme::Sips), Just(Scheme::Im), Just(Scheme::Pres)];
    let param = proptest::option::of((any_text(), proptest::option::of(any_text())));
    (scheme, any::<Vec<u8>>(), any_host(), proptest::option::of(any::<u16>()), param).prop_map(
        |(scheme, user, host, port, param)| {
            let mut builder = UriBuilder::new(scheme, &user, &host);
            if let Some(port) = port {
                builder = builder.port(port);
            }
            if let Some((name, value)) = param {
                builder = builder.param(&name, value.as_deref());
            }
            let uri = builder.build().unwrap();
            assert_eq!(uri.user_octets().as_deref().unwrap_or_default(), user);
            assert_eq!(uri.port(), port);
            uri
        },
    )
}

fn any_address() -> impl Strategy<Value = NameAddr> {
    (any_uri(), any_text(), any_text(), any_text()).prop_map(|(uri, name, tag, value)| {
        NameAddr::new(uri).display(&name).param("x", Some(&value)).with_tag(&tag)
    })
}

fn any_headers() -> impl Strategy<Value = Headers> {
    let known = prop_oneof![
        Just(HeaderName::Subject),
        Just(HeaderName::Contact),
        Just(HeaderName::Via),
        Just(HeaderName::ContentLength),
    ];
    let other = "[a-zA-Z-]{1,12}".prop_map(|name| HeaderName::new(&name.into()).unwrap());
    let field = (prop_oneof![known, other], any_text());
    proptest::collection::vec(field, 0..6).prop_map(|fields| {
        let field = |(name, value): (_, String)| Header { name, value: value.into() };
        fields.into_iter().map(field).collect()
    })
}

fn any_request() -> impl Strategy<Value = Request> {
    let method = prop_oneof![
        proptest::sample::select(&Method::KNOWN[..]),
        "[A-Za-z!~.-]{1,9}".prop_map(|name| Method::new(&name.into()).unwrap()),
    ];
    let ids = ("[!-~]{1,20}", any::<u32>(), proptest::option::of(any::<u8>()));
    (method, any_uri(), any_address(), any_address(), any_headers(), ids, any::<Vec<u8>>())
        .prop_map(|(method, uri, from, to, headers, (call_id, cseq, max_forwards), body)| {
            let via = Via::new(Transport::Tcp, "h.example", Some(5060), "z9hG4bK1").unwrap();
            let call_id = CallId::new(call_id.into()).unwrap();
            let request = Request::new(method, uri, via, from, to, call_id, cseq);
            Request { headers, max_forwards, body: body.into(), ..request }
        })
}

/// A hop as the grammar has it, with white space wherever it may stand.
fn any_hop() -> impl Strategy<Value = String> {
    let space = || prop_oneof![Just(""), Just(" "), Just("\t "), Just("  ")];
    let transport = "UDP|TCP|TLS|tls-sctp|X-[A-Z]{1,3}";
    let host = "[a-z]{1,5}(\\.[a-z]{1,4})?|192\\.0\\.2\\.[1-9]|\\[2001:db8::[0-9a-f]{1,4}\\]";
    let port = proptest::option::of(any::<u16>());
    let param = "branch=z9hG4bK[a-zA-Z0-9.!%*_+`'~-]{1,12}|branch|rport|rport=[0-9]{1,5}|\
        received=(192\\.0\\.2\\.[1-9]|\\[::1\\]|::1)|ttl=[0-9]{1,3}|maddr=[a-z]{1,4}|x=\"[ -!#-\\[\\]-~]{0,6}\"";
    let params = proptest::collection::vec((space(), param), 0..4);
    ([space(), space(), space(), space()], transport, host, port, params).prop_map(
        |([a, b, c, d], transport, host, port, params)| {
            let mut hop = format!("SIP{a}/{b}2.0{a}/{c}{transport} {d}{host}");
            if let Some(port) = port {
                hop.push_str(&format!("{a}:{b}{port}"));
            }
            let mut seen = std::collections::BTreeSet::new();
            for (space, param) in params {
                let (name, value) = param.split_once('=').unwrap_or((&param, ""));
                if seen.insert(name.to_owned()) {
                    let equals = if value.is_empty() { "" } else { "=" };
                    hop.push_str(&format!("{space};{space}{name}{space}{equals}{space}{value}"));
                }
            }
            hop
        },
    )
}

/// An address as the grammar has it: the text, the name, the URI.
fn any_written_address() -> impl Strategy<Value = (String, String, String)> {
    let quoted = proptest::collection::vec(any::<char>(), 0..12).prop_map(|name| {
        let name: String = name.into_iter().filter(|c| !c.is_control()).collect();
        (format!("{} ", param::quote(&name)), name)
    });
    let tokens =
        "([a-zA-Z0-9.!%*_+`'~-]{1,6} ){1,3}".prop_map(|t| (t.clone(), t.trim().to_owned()));
    let name = prop_oneof![quoted, tokens, Just((String::new(), String::new()))];
    let params = "( ?; ?[a-z]{2,4}( ?= ?([a-z0-9.]{1,4}|\"[ -!#-\\[\\]-~]{0,6}\"))?){0,3}";
    (name, any_uri(), params).prop_map(|((written, name), uri, params)| {
        (format!("{written}<{uri}>{params}"), name, uri.as_str().to_owned())
    })
}

/// Lines of the head that begin with a name and a colon, one for each field and no more.
fn count_fields(octets: &[u8]) -> usize {
    let end = memchr::memmem::find(octets, b"\r\n\r\n").unwrap();
    octets[..end].split(|&b| b == b'\n').count() - 1
}

proptest! {
    #[test]
    fn a_request_is_read_as_it_was_built(request in any_request()) {
        let written = request.to_bytes();
        let fields = 6 + usize::from(request.max_forwards.is_some()) + request.headers.len();
        prop_assert_eq!(count_fields(&written), fields);
        let again = parse(written.clone()).unwrap();
        prop_assert_eq!(&again, &Message::Request(request));
        prop_assert_eq!(again.to_bytes(), written);
    }

    #[test]
    fn a_response_is_read_as_it_was_built(
        request in any_request(),
        code in 100..700u16,
        reason in any_text(),
        tag in "[a-z]{1,6}",
    ) {
        let mut response = request.response(Status::new(code).unwrap()).with_reason(&reason);
        response.to = response.to.with_tag(&tag);
        response.body = request.body;
        let written = response.to_bytes();
        prop_assert_eq!(count_fields(&written), 6 + response.headers.len());
        prop_assert_eq!(parse(written), Ok(Message::Response(response)));
    }

    #[test]
    fn octets_never_panic(octets in any::<Vec<u8>>()) {
        let _ = parse_datagram(octets.clone().into());
        let mut framer = Framer::new(Limits::DEFAULT);
        framer.push(&octets);
        while let Ok(Some(_)) = framer.next() {}
    }

    #[test]
    fn values_never_panic_and_are_echoed(text in any_text()) {
        let text = Text::from(text);
        let clean = |octets: &[u8]| HeaderValue::parsed(octets.to_vec().into()).is_ok();
        if let Ok(address) = NameAddr::parse(text.clone()) {
            prop_assert!(clean(address.to_value().as_bytes()));
            prop_assert_eq!(NameAddr::parse(address.to_value().to_text()), Ok(address));
        }
        if let Ok(via) = Via::parse(text.clone()) {
            prop_assert!(clean(via.to_value().as_bytes()));
        }
        if let Ok(params) = Params::parse(text.clone()) {
            prop_assert!(clean(params.as_str().as_bytes()));
        }
        prop_assert!(clean(HeaderValue::shared(&text).as_bytes()));
        let _ = (Uri::parse(text.clone()), Event::parse(text.clone()), Subscription::parse(text.clone()));
        let _ = (Challenge::parse(&text), Credentials::parse(&text), Warning::parse(&text));
        let _ = (MediaRange::parse(&text), CSeq::parse(&text), Date::parse(&text));
        let phrase = ReasonPhrase::text(&text);
        prop_assert!(!phrase.as_bytes().iter().any(u8::is_ascii_control));
    }

    #[test]
    fn percent_encoding_round_trips(octets in any::<Vec<u8>>()) {
        use percent::Set;
        for set in [Set::User, Set::Password, Set::Param, Set::Header, Set::Unreserved] {
            let encoded = percent::encode(&octets, set);
            prop_assert!(percent::is_well_formed(&encoded));
            prop_assert_eq!(&*percent::decode(&encoded), &octets[..]);
        }
    }

    #[test]
    fn equivalence_is_reflexive_and_symmetric(a in any_uri(), b in any_uri()) {
        prop_assert!(a.equivalent(&a));
        prop_assert_eq!(a.equivalent(&b), b.equivalent(&a));
    }

    #[test]
    fn hops_are_read_wherever_white_space_stands_and_written_as_they_came(hop in any_hop()) {
        let via = Via::parse(hop.as_str().into()).unwrap();
        let text = via.to_value().to_text();
        prop_assert_eq!(&*text, hop.trim());
        let source = "[2001:db8::7]:5099".parse().unwrap();
        let stamped = via.with_source(source);
        let again = Via::parse(stamped.to_value().to_text()).unwrap();
        prop_assert_eq!(again.received(), stamped.received());
        prop_assert_eq!(again.rport(), stamped.rport());
        prop_assert_eq!(again.branch(), stamped.branch());
        prop_assert_eq!(again.host(), stamped.host());
        prop_assert_eq!(again, stamped);
    }

    #[test]
    fn addresses_are_read_and_written_as_they_came((text, name, uri) in any_written_address()) {
        let address = NameAddr::parse(text.as_str().into()).unwrap();
        prop_assert_eq!(address.display_name().unwrap_or_default(), &name);
        prop_assert_eq!(address.uri().as_str(), &uri);
        prop_assert_eq!(&*address.to_value().to_text(), text.trim());
        // Written anew it is the same address.
        let anew = address.clone().param("new", None);
        prop_assert_eq!(NameAddr::parse(anew.to_value().to_text()), Ok(anew));
    }

    #[test]
    fn lists_are_the_items_they_were_joined_from(
        addresses in proptest::collection::vec(any_written_address(), 1..5),
        hops in proptest::collection::vec(any_hop(), 1..4),
    ) {
        let texts: Vec<_> = addresses.iter().map(|(text, ..)| text.trim().to_owned()).collect();
        let joined = texts.join(" , ");
        prop_assert_eq!(Items::new(&joined).collect::<Vec<_>>(), texts);
        let joined = hops.join(",");
        let trimmed: Vec<_> = hops.iter().map(|hop| hop.trim()).collect();
        prop_assert_eq!(Items::new(&joined).collect::<Vec<_>>(), trimmed);
    }

    #[test]
    fn parameters_are_read_as_they_were_set(
        set in proptest::collection::vec(("[a-z]{1,3}", proptest::option::of(any_text())), 0..5),
    ) {
        let mut params = Params::default();
        for (name, value) in &set {
            params = params.with(name, value.as_deref());
        }
        let again = Params::parse(params.as_str().into()).unwrap();
        prop_assert_eq!(&again, &params);
        for (at, (name, value)) in set.iter().enumerate() {
            if set[at + 1..].iter().any(|(later, _)| later == name) {
                continue;
            }
            let clean = value.as_ref().map(|v| v.replace(char::is_control, " "));
            prop_assert_eq!(again.get(name).is_some(), true);
            prop_assert_eq!(again.unquoted(name).map(String::from), clean);
        }
    }

    #[test]
    fn digest_headers_are_read_as_they_were_built(
        realm in any_text(), nonce in any_text(), nc in any::<u32>(), algorithm in "MD5|SHA-256|SHA-512-256(-sess)?",
    ) {
        let clean = |text: &str| Some(text.replace(char::is_control, " "));
        let challenge = Challenge::digest()
            .quoted("realm", &realm)
            .quoted("nonce", &nonce)
            .quoted("qop", "auth,auth-int")
            .token("algorithm", &algorithm);
        let again = Challenge::parse(&challenge.to_value().to_text()).unwrap();
        prop_assert_eq!(again.param("realm").map(String::from), clean(&realm));
        prop_assert_eq!(again.param("nonce").map(String::from), clean(&nonce));
        prop_assert_eq!(again.param("algorithm").map(String::from), Some(algorithm));
        prop_assert!(again.is_digest() && again.offers_qop("auth-int"));
        prop_assert_eq!(&again, &challenge);
        let credentials = Credentials::digest().quoted("username", &realm).token("nc", &format!("{nc:08x}"));
        let again = Credentials::parse(&credentials.to_value().to_text()).unwrap();
        prop_assert_eq!(again.param("username").map(String::from), clean(&realm));
        prop_assert_eq!(again.nonce_count(), Some(nc));
        prop_assert_eq!(again, credentials);
    }

    #[test]
    fn a_stream_gives_the_same_messages_in_any_pieces(
        requests in proptest::collection::vec(any_request(), 0..4),
        cuts in proptest::collection::vec(1..200usize, 1..40),
    ) {
        let written: Vec<_> = requests.iter().map(Request::to_bytes).collect();
        let stream = written.concat();
        let mut framer = Framer::new(Limits::DEFAULT);
        let (mut rest, mut found, mut cuts) = (&stream[..], Vec::new(), cuts.iter().cycle());
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(cuts.next().map_or(1, |cut| *cut).min(rest.len()));
            framer.push(piece);
            rest = tail;
            while let Some(frame) = framer.next().unwrap() {
                found.push(frame);
            }
        }
        prop_assert!(framer.is_at_boundary());
        let whole: Vec<_> = written.into_iter().map(Frame::Message).collect();
        prop_assert_eq!(found, whole);
    }
}
