//! Messages from XMPP: what of a stanza goes into the MESSAGE and its CPIM object.

use stox::codec::mime::{Cpim, Strictness};
use stox::codec::sip::{HeaderName, Request};
use stox::rules::{BodyProfile, ThreadForm};

use crate::bodies::ruled;
use crate::world::World;

/// The request that a message of these children becomes.
fn request(world: &mut World, children: &str) -> Request {
    world.xmpp(&format!("<message id='1'>{children}</message>"));
    let request = world.request();
    world.answer(&request, 200);
    request
}

fn asked(children: &str) -> Request {
    request(&mut World::with_reader(), children)
}

/// The object of a request, which is by the letter of RFC 3862.
#[track_caller]
fn object(request: &Request) -> Cpim {
    Cpim::parse(request.body.clone(), Strictness::Strict).expect("a CPIM object")
}

/// The header lines of an object.
fn lines(request: &Request) -> Vec<String> {
    let text = String::from_utf8(request.body.to_vec()).expect("UTF-8");
    text.split("\r\n\r\n").next().expect("a header").split("\r\n").map(str::to_owned).collect()
}

fn header<'a>(request: &'a Request, name: &HeaderName) -> Option<&'a str> {
    request.headers.get_text(name)
}

#[test]
fn msg_001_the_body_in_each_profile() {
    let juliet = "Art thou not Romeo, and a Montague?";
    assert_eq!(juliet.len(), 35, "the Content-Length of RFC 7572 Ex 2");
    let body = format!("<body>{juliet}</body>");
    let mut text = ruled(|messages| messages.profile = BodyProfile::Text);
    let bare = request(&mut text, &body);
    assert_eq!(
        (header(&bare, &HeaderName::ContentType), &bare.body[..]),
        (Some("text/plain"), juliet.as_bytes())
    );
    let bare = request(&mut text, "<body>\u{e9}</body>");
    assert_eq!(header(&bare, &HeaderName::ContentType), Some("text/plain;charset=UTF-8"));
    assert_eq!(&object(&asked(&body)).entity.body[..], juliet.as_bytes());
    for code in [406, 415, 488] {
        let mut world = World::with_reader();
        world.xmpp(&format!("<message id='1'>{body}</message>"));
        let first = world.request();
        assert_eq!(header(&first, &HeaderName::ContentType), Some("message/cpim"));
        world.answer(&first, code);
        let second = world.request();
        assert_eq!(&second.body[..], juliet.as_bytes(), "{code}");
        world.answer(&second, 200);
        assert_eq!(&request(&mut world, &body).body[..], juliet.as_bytes(), "remembered");
    }
}

#[test]
fn msg_020_expires_comes_with_a_date() {
    let plain = asked("<body>x</body>");
    assert_eq!(header(&plain, &HeaderName::Expires), None);
    let mut world = ruled(|messages| messages.expires = std::time::Duration::from_secs(60));
    let stamped = request(&mut world, "<body>x</body>");
    assert_eq!(header(&stamped, &HeaderName::Expires), Some("60"));
    assert_eq!(header(&stamped, &HeaderName::Date), Some("Tue, 14 Nov 2023 22:13:20 GMT"));
}

#[test]
fn msg_021_headlines_are_sent_or_by_rule_dropped() {
    let headline = "<message type='headline' id='1'><body>news</body></message>";
    let mut world = World::new();
    world.xmpp(headline);
    assert!(world.request().body.ends_with(b"news"));
    let mut world = ruled(|messages| messages.drop_headlines = true);
    world.xmpp(headline);
    assert_eq!((world.requests(), world.stanzas()), (vec![], vec![]));
    assert_eq!(world.counter("xmpp_headlines"), 1);
    assert!(request(&mut world, "<body>x</body>").body.ends_with(b"x"));
}

#[test]
fn msg_026_line_ends_are_as_received_or_by_rule_crlf() {
    assert!(asked("<body>a\nb</body>").body.ends_with(b"\r\n\r\na\nb"));
    let mut world = ruled(|messages| messages.crlf = true);
    assert!(request(&mut world, "<body>a\nb</body>").body.ends_with(b"\r\n\r\na\r\nb"));
}

const DELAYED: &str = "<body>x</body>\
    <delay xmlns='urn:xmpp:delay' from='xmpp.test' stamp='2021-05-05T00:00:00Z'/>\
    <delay xmlns='urn:xmpp:delay' from='juliet@xmpp.test' stamp='2020-01-01T01:00:00+01:00'/>";

#[test]
fn msg_027_the_time_of_a_delayed_message_is_that_of_its_object() {
    let delayed = asked(DELAYED);
    assert!(lines(&delayed).contains(&"DateTime: 2020-01-01T00:00:00Z".to_owned()));
    assert_eq!(header(&delayed, &HeaderName::Date), None);
    let mut world = ruled(|messages| messages.date_from_delay = true);
    let dated = request(&mut world, DELAYED);
    assert_eq!(header(&dated, &HeaderName::Date), Some("Wed, 01 Jan 2020 00:00:00 GMT"));
    let now = "DateTime: 2023-11-14T22:13:20Z".to_owned();
    assert!(lines(&asked("<body>x</body>")).contains(&now));
    let odd = "<body>x</body><delay xmlns='urn:xmpp:delay' stamp='yesterday'/>";
    assert!(lines(&asked(odd)).contains(&now));
}

#[test]
fn cpim_033_an_object_says_when_unless_the_rules_say_no() {
    let without = request(&mut ruled(|messages| messages.date_time = false), DELAYED);
    assert_eq!(lines(&without).len(), 2);
    assert!(object(&without).date_time().is_none());
    let with = object(&asked("<body>x</body>")).date_time().expect("a DateTime");
    assert_eq!(with.unix_timestamp(), 1_700_000_000);
}

#[test]
fn msg_028_hops_are_counted_down_and_end() {
    let with = |hops: &str| {
        format!(
            "<body>x</body><headers xmlns='http://jabber.org/protocol/shim'>\
             <header name='Max-Forwards'>{hops}</header></headers>"
        )
    };
    let mut world = World::new();
    world.xmpp(&format!("<message id='1'>{}</message>", with("0")));
    let (id, error) = world.error();
    assert_eq!((id.as_str(), error.condition.name()), ("1", "not-acceptable"));
    assert_eq!(world.requests(), []);
    for (hops, left) in [("5", 4), (" 1 ", 0), ("255", 70), ("100000", 70), ("many", 70)] {
        assert_eq!(asked(&with(hops)).max_forwards, Some(left), "{hops}");
    }
}

#[test]
fn msg_029_a_nick_is_the_display_name() {
    let nick = |name: &str| {
        format!("<body>x</body><nick xmlns='http://jabber.org/protocol/nick'>{name}</nick>")
    };
    let named = asked(&nick("Juliet"));
    assert_eq!(named.from.display_name(), Some("Juliet"));
    assert_eq!(lines(&named)[0], "From: <sip:juliet@xmpp.test>");
    let odd = asked(&nick("A \"B\\\n&lt;sip:evil@h&gt;"));
    assert_eq!(odd.from.display_name(), Some("A \"B\\<sip:evil@h>"));
    assert_eq!(odd.from.uri().as_str(), "sip:juliet@xmpp.test");
    assert_eq!(asked(&nick(&"n".repeat(100))).from.display_name().map(str::len), Some(64));
    assert_eq!(asked(&nick(" ")).from.display_name(), None);
    let mut world = ruled(|messages| messages.nick_to_display_name = false);
    assert_eq!(request(&mut world, &nick("Juliet")).from.display_name(), None);
    let mut world = ruled(|messages| messages.formal_name = true);
    let named = request(&mut world, &nick("Juliet Capulet"));
    assert_eq!(lines(&named)[0], "From: Juliet Capulet <sip:juliet@xmpp.test>");
}

#[test]
fn msg_064_requests_carry_nothing_that_rfc_3428_forbids() {
    let bodies = ["<body>x</body>", DELAYED, "<body xml:lang='cs'>x</body><subject>s</subject>"];
    for profile in [BodyProfile::Cpim, BodyProfile::Text] {
        for children in bodies {
            let sent = request(&mut ruled(|messages| messages.profile = profile), children);
            for name in [
                HeaderName::Accept,
                HeaderName::AcceptEncoding,
                HeaderName::AcceptLanguage,
                HeaderName::AlertInfo,
                HeaderName::Contact,
                HeaderName::RecordRoute,
            ] {
                assert!(!sent.headers.contains(&name), "{name}");
            }
        }
    }
}

#[test]
fn msg_010_of_several_bodies_the_one_of_the_stanza() {
    let mut world = World::new();
    let mut say = |lang: &str, children: &str| {
        let attributes = "from='juliet@xmpp.test/balcony' to='romeo@sip.xmpp.test'";
        world.xmpp(&format!("<message {attributes} xml:lang='{lang}' id='1'>{children}</message>"));
        let request = world.request();
        world.answer(&request, 200);
        let text = String::from_utf8(object(&request).entity.body.to_vec()).expect("UTF-8");
        (text, header(&request, &HeaderName::ContentLanguage).map(str::to_owned))
    };
    let both = "<body xml:lang='cs'>dobr\u{fd}</body><body xml:lang='en'>good</body>";
    assert_eq!(say("en", both), ("good".into(), Some("en".into())));
    assert_eq!(say("EN", both), ("good".into(), Some("en".into())));
    assert_eq!(say("de", both), ("dobr\u{fd}".into(), Some("cs".into())));
    let own = "<body xml:lang='cs'>dobr\u{fd}</body><body>good</body>";
    assert_eq!(say("en", own), ("good".into(), Some("en".into())));
    assert_eq!(say("en", "<body/><body xml:lang='cs'>x</body>"), ("x".into(), Some("cs".into())));
}

#[test]
fn cpim_028_type_is_ignored() {
    let mut world = World::with_reader();
    let mut headers = Vec::new();
    for kind in ["headline", "chat", "normal"] {
        world.xmpp(&format!("<message type='{kind}' id='1'><body>x</body></message>"));
        let request = world.request();
        world.answer(&request, 200);
        headers.push(lines(&request));
    }
    assert!(headers.iter().all(|one| *one == headers[0] && one.len() == 3), "{headers:?}");
}

#[test]
fn cpim_029_the_thread_is_a_header_of_the_object_or_by_rule_ignored() {
    let threaded = |world: &mut World, thread: &str| {
        lines(&request(world, &format!("<body>x</body><thread>{thread}</thread>")))
    };
    let none = || ruled(|messages| messages.thread_to_sip = ThreadForm::None);
    let without = lines(&asked("<body>x</body>"));
    assert_eq!(threaded(&mut none(), "t"), without);
    let with = threaded(&mut World::with_reader(), "t 1");
    assert_eq!(with[..3], without[..]);
    assert_eq!(with[3..], ["NS: stox <urn:stox:cpim:0>", "stox.Thread: t 1"]);
    for left_out in [" ", "a&#10;b", &"t".repeat(257)] {
        assert_eq!(threaded(&mut World::with_reader(), left_out), without, "{left_out}");
    }
}

#[test]
fn msg_003_the_thread_is_a_call_id_by_rule_alone() {
    let said = "<body>x</body><thread>29377446-0CBB-4296-8958-590D79094C50</thread>";
    let two = |world: &mut World, children: &str| {
        [request(world, children), request(world, children)].map(|it| it.call_id.to_string())
    };
    for mut world in [World::new(), World::with_reader()] {
        let [first, second] = two(&mut world, said);
        assert_ne!(first, second);
        assert!(!first.contains("29377446") && !second.contains("29377446"));
    }
    let by_rule = || ruled(|messages| messages.thread_to_sip = ThreadForm::CallId);
    assert_eq!(two(&mut by_rule(), said), ["29377446-0CBB-4296-8958-590D79094C50"; 2]);
    let [first, second] = two(&mut by_rule(), "<body>x</body><thread>a b</thread>");
    assert_eq!(first, second);
    assert!(first.starts_with("thread-"), "{first}");
}

#[test]
fn cpim_030_subjects_with_their_languages() {
    let two = asked("<subject>Hi!</subject><subject xml:lang='cz'>Ahoj!</subject><body>x</body>");
    let lines = lines(&two);
    assert_eq!(&lines[3..], ["Subject: Hi!", "Subject:;lang=cz Ahoj!"]);
    assert_eq!(header(&two, &HeaderName::Subject), Some("Hi!"));
    assert_eq!(two.headers.all(&HeaderName::Subject).count(), 1);
}

#[test]
fn cpim_031_text_is_the_content() {
    let said = asked("<body>Wherefore art thou, Romeo?</body>");
    assert_eq!(&object(&said).entity.body[..], b"Wherefore art thou, Romeo?");
}

#[test]
fn cpim_032_other_namespaces_are_dropped() {
    let plain = asked("<body>x</body>");
    let more = asked("<body>x</body><x xmlns='foo'>secret</x>");
    assert_eq!(plain.body, more.body);
    assert_eq!(plain.headers, more.headers);
}

#[test]
fn cpim_055_the_default_object() {
    let request = asked("<body>Art thou not Romeo, and a Montague?</body>");
    let expected = "From: <sip:juliet@xmpp.test>\r\n\
        To: <sip:romeo@sip.test>\r\n\
        DateTime: 2023-11-14T22:13:20Z\r\n\
        \r\n\
        Content-Type: text/plain; charset=utf-8\r\n\
        \r\n\
        Art thou not Romeo, and a Montague?";
    assert_eq!(String::from_utf8(request.body.to_vec()).expect("UTF-8"), expected);
    assert_eq!(request.from.uri().as_str(), "sip:juliet@xmpp.test");
    assert_eq!(request.to.uri().as_str(), "sip:romeo@sip.test");
}

#[test]
fn cpim_056_both_levels_say_the_same() {
    let mut world = World::with_reader();
    world.xmpp("<message xml:lang='cs' id='1'><subject>s</subject><body>x</body></message>");
    let request = world.request();
    let object = object(&request);
    assert_eq!(object.entity.language.as_deref(), Some("cs"));
    assert_eq!(header(&request, &HeaderName::ContentLanguage), Some("cs"));
    assert_eq!(
        object.subjects().next().map(|subject| subject.text.to_string()).as_deref(),
        Some("s")
    );
    assert_eq!(header(&request, &HeaderName::Subject), Some("s"));
}

#[test]
fn a_thread_is_the_call_id_only_where_the_rules_say_so() {
    let call_id =
        |world: &mut World| request(world, "<body>x</body><thread>t1</thread>").call_id.to_string();
    assert_eq!(call_id(&mut ruled(|messages| messages.thread_to_sip = ThreadForm::CallId)), "t1");
    assert_ne!(call_id(&mut World::new()), "t1");
    assert_ne!(call_id(&mut ruled(|messages| messages.thread_to_sip = ThreadForm::None)), "t1");
}
