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
}
