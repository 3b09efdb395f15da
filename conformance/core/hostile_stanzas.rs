//! What one user sends, or has written, harms nobody else: stanzas from XMPP that are too large,
//! and stanzas to XMPP that close the stream.

use std::sync::Arc;

use stox::codec::xml::Limits;
use stox::codec::xmpp::{
    Condition, Frame, Framer, MessageKind, PresenceKind, Stanza, StreamContext,
};
use stox::flow::{Event, Input, LinkId};

use crate::scene::{pidf, seconds};
use crate::world::World;

const HEADER: &str = "<stream:stream xmlns:stream='http://etherx.jabber.org/streams' \
    xmlns='jabber:component:accept' id='1' from='sip.xmpp.test'>";
const ENDS: &str = "from='mercutio@xmpp.test/street' to='romeo@sip.xmpp.test' id='h'";
/// What the server of these tests closes the stream for.
const POISON: &str = "POISON";

/// Stanzas of one user, each beyond one bound.
fn hostile() -> [String; 4] {
    let many: String = (0..100).map(|number| format!(" a{number}='1'")).collect();
    [
        format!(
            "<message {ENDS}><a xmlns='x'>{}{}</a></message>",
            "<a>".repeat(1_100),
            "</a>".repeat(1_100)
        ),
        format!("<message z=\"{}\" {ENDS}/>", "&apos;".repeat(60_000)),
        format!("<message {ENDS}><body>{}</body></message>", "x".repeat(300_000)),
        format!("<message {ENDS}><x xmlns='y'{many}/></message>"),
    ]
}

#[test]
fn sec_026_hostile_stanzas_are_refused_and_a_bystander_loses_nothing() {
    let mut world = World::new();
    let mut framer = Framer::new(Limits::default());
    let context = Arc::new(StreamContext::component(Limits::default()));
    let mut stream = HEADER.to_owned();
    let hostile = hostile();
    for number in 0..40 {
        stream.push_str(&hostile[number % 4]);
        stream.push_str(&format!(
            "<message from='juliet@xmpp.test/balcony' to='nurse@sip.xmpp.test' type='chat' \
             id='m{number}'><body>{number}</body></message>"
        ));
    }
    let (mut refused, mut heard) = (0, Vec::new());
    for piece in stream.as_bytes().chunks(1_400) {
        framer.push(piece);
        while let Some(frame) = framer.next().expect("the stream stands") {
            let (link, context) = (LinkId(0), Arc::clone(&context));
            match frame {
                Frame::Open(_) => continue,
                Frame::Stanza(octets) => world.feed(Input::Xmpp { link, octets, context }),
                Frame::Oversized { head, .. } => world.feed(Input::Oversized { link, head }),
                Frame::Close => panic!("nobody closed it"),
            }
            for request in world.requests() {
                heard.push(String::from_utf8_lossy(&request.body).into_owned());
                world.answer(&request, 200);
            }
            refused += world.stanzas().iter().filter(|stanza| is_refusal(stanza)).count();
        }
    }
    assert_eq!(refused, 40);
    assert_eq!(heard, (0..40).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(world.counter("xmpp_malformed"), 40);
}

/// `bad-request` to the user who sent what cannot be read.
fn is_refusal(stanza: &Stanza) -> bool {
    let Stanza::Message(message) = stanza else { panic!("{stanza:?}") };
    let condition = message.error.as_ref().map(|error| &error.condition);
    message.kind == MessageKind::Error
        && message.id.as_deref() == Some("h")
        && message.to.as_ref().is_some_and(|to| to.as_str() == "mercutio@xmpp.test/street")
        && condition == Some(&Condition::BadRequest)
}

#[test]
fn a_stanza_too_large_whose_sender_cannot_be_read_is_counted() {
    let mut world = World::new();
    for head in ["<message id='1'", "<message from='a@xmpp.test' type='error'", "<stream:error"] {
        world.feed(Input::Oversized { link: LinkId(0), head: head.into() });
    }
    assert_eq!(world.stanzas(), []);
    assert_eq!(world.counter("xmpp_malformed"), 3);
}

/// A server that closes the stream for what holds the poison: it reads what was written until
/// nothing comes any more. The answer is how often it closed the stream, and what it took.
fn serve(world: &mut World) -> (usize, Vec<Stanza>) {
    let (mut closed, mut taken) = (0, Vec::new());
    loop {
        let written = std::mem::take(&mut world.xmpp);
        let is_poison =
            |(_, octets): &(LinkId, bytes::Bytes)| String::from_utf8_lossy(octets).contains(POISON);
        let first = written.iter().position(is_poison);
        let alive = first.unwrap_or(written.len());
        let context = StreamContext::component(Limits::default());
        let read = |(_, octets): &(LinkId, bytes::Bytes)| {
            stox::codec::xmpp::parse(&context, octets.clone()).expect("legal")
        };
        taken.extend(written[..alive].iter().map(read));
        if first.is_some() {
            closed += 1;
            assert!(closed < 50, "for ever");
            world.down(true);
            world.pass_ms(500);
            world.up();
        } else if !world.confirm() && world.xmpp.is_empty() {
            return (closed, taken);
        }
    }
}

fn device(id: &str, note: &str) -> String {
    let status = "<status><basic>open</basic></status>";
    format!("<tuple id='ID-{id}'>{status}<note>{note}</note></tuple>")
}

fn note(text: &str) -> String {
    pidf(&device("a", text))
}

fn shown(taken: &[Stanza]) -> usize {
    let is_shown = |stanza: &&Stanza| matches!(stanza, Stanza::Presence(it) if it.kind == PresenceKind::Available);
    taken.iter().filter(is_shown).count()
}

#[test]
fn a_presence_that_closes_the_stream_twice_is_shown_no_more() {
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a"]);
    world.sip(&crate::scene::notify(&subscribe, 2, "active;expires=3600", &note(POISON)));
    assert_eq!(serve(&mut world).0, 2, "in flight, and then alone");
    assert_eq!(world.counter("xmpp_quarantined"), 1);
    let told: Vec<&String> = (world.events.iter())
        .filter_map(|event| match event {
            Event::Quarantined { stanza, .. } => Some(stanza),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["presence from romeo@sip.xmpp.test/a to juliet@xmpp.test"]);
    for _ in 0..5 {
        world.down(false);
        world.up();
        assert_eq!(serve(&mut world).0, 0, "it is shown at each link-up, and not written");
    }
    assert!(world.counter("xmpp_withheld") >= 5);
    // What romeo shows next is another stanza.
    world.sip(&crate::scene::notify(&subscribe, 3, "active;expires=3600", &note("well")));
    let (closed, taken) = serve(&mut world);
    assert_eq!((closed, shown(&taken)), (0, 1));
}

#[test]
fn what_was_put_aside_is_tried_alone_after_an_hour() {
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a"]);
    world.sip(&crate::scene::notify(&subscribe, 2, "active;expires=7200", &note(POISON)));
    serve(&mut world);
    world.pass(seconds(3_601));
    world.sip.clear();
    world.xmpp.clear();
    world.down(false);
    world.up();
    assert_eq!(serve(&mut world).0, 1, "alone at once");
    assert_eq!(world.counter("xmpp_quarantined"), 2);
}

#[test]
fn what_was_in_flight_beside_the_culprit_is_written_again_and_put_aside_never() {
    let mut world = World::new();
    let subscribe = world.juliet_sees(&["a"]);
    world.stanzas();
    let devices: String = (0..5).map(|number| device(&format!("d{number}"), "fine")).collect();
    let all = pidf(&format!("{devices}{}", device("a", POISON)));
    world.sip(&crate::scene::notify(&subscribe, 2, "active;expires=3600", &all));
    world.romeo_says("m1", "hello");
    world.romeo_says("m2", "are you there?");
    let (closed, taken) = serve(&mut world);
    assert!(closed <= 3, "{closed}");
    assert_eq!(world.counter("xmpp_quarantined"), 1);
    let messages = taken.iter().filter(|stanza| matches!(stanza, Stanza::Message(_))).count();
    assert!(messages >= 2, "{taken:#?}");
    assert_eq!(
        world.codes().iter().filter(|code| **code == 200).count(),
        3,
        "a NOTIFY, two MESSAGEs"
    );
    for number in 0..5 {
        let resource = format!("d{number}");
        let seen = |stanza: &Stanza| {
            matches!(stanza, Stanza::Presence(it)
                if it.from.as_ref().and_then(|from| from.resource()) == Some(&*resource))
        };
        assert!(taken.iter().any(seen), "{resource}");
    }
}

#[test]
fn an_answer_that_closes_the_stream_twice_is_not_given_again_whatever_its_id() {
    let mut world = World::new();
    let mut closed = 0;
    for number in 0..6 {
        world.xmpp(&format!(
            "<iq type='get' id='q{number}' from='mercutio@xmpp.test/{POISON}' to='sip.xmpp.test'>\
             <query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
        ));
        closed += serve(&mut world).0;
    }
    assert_eq!(closed, 2);
    assert_eq!((world.counter("xmpp_quarantined"), world.counter("xmpp_withheld")), (1, 4));
}

#[test]
fn nothing_is_written_beside_what_is_tried_alone() {
    let mut world = World::new();
    let ask = |world: &mut World, who: &str| {
        world.xmpp(&format!(
            "<iq type='get' id='q' from='{who}@xmpp.test/x' to='sip.xmpp.test'>\
             <ping xmlns='urn:xmpp:ping'/></iq>"
        ));
    };
    ask(&mut world, "mercutio");
    world.stanzas();
    world.down(true);
    world.up();
    ask(&mut world, "mercutio");
    assert_eq!(world.stanzas().len(), 1, "a suspect, alone");
    assert_eq!(world.barriers(), 1);
    ask(&mut world, "nurse");
    world.romeo_says("a", "hello");
    assert_eq!(world.stanzas().len(), 0, "all wait");
    world.confirm();
    assert_eq!(world.stanzas().len(), 2);
    world.confirm_all();
    assert_eq!(world.codes(), [200]);
    ask(&mut world, "mercutio");
    assert_eq!(
        (world.stanzas().len(), world.barriers()),
        (1, 0),
        "it arrived: no suspect any more"
    );
}

#[test]
fn many_stanzas_that_nobody_waits_for_are_covered_by_a_barrier() {
    let mut world = World::new();
    for number in 0..63 {
        world.xmpp(&format!(
            "<iq type='get' id='q{number}' from='mercutio@xmpp.test/x{number}' to='sip.xmpp.test'>\
             <ping xmlns='urn:xmpp:ping'/></iq>"
        ));
    }
    assert_eq!(world.barriers(), 0);
    world.xmpp(
        "<iq type='get' id='q' from='mercutio@xmpp.test/y' to='sip.xmpp.test'>\
         <ping xmlns='urn:xmpp:ping'/></iq>",
    );
    assert_eq!(world.barriers(), 1);
    world.confirm();
    assert_eq!(world.barriers(), 0);
}

#[test]
fn a_link_that_flaps_asks_a_pending_pair_again_after_ten_minutes() {
    let mut world = World::new();
    world.romeo_watches("w1");
    assert_eq!(world.told(), ["subscribe"]);
    for _ in 0..50 {
        world.down(false);
        world.pass_ms(100);
        world.up();
        world.confirm_all();
        assert!(!world.told().contains(&"subscribe".to_owned()), "juliet was asked a moment ago");
    }
    world.sip.clear();
    world.pass(seconds(590));
    assert!(!world.told().contains(&"subscribe".to_owned()));
    world.pass(seconds(10));
    assert_eq!(world.told(), ["subscribe"], "the answer may have come while the link was down");
    world.pass(seconds(1_200));
    assert_eq!(world.told(), [] as [&str; 0], "once");
    world.down(false);
    world.up();
    world.confirm_all();
    assert!(world.told().contains(&"subscribe".to_owned()), "it is long since");
}

#[test]
fn msg_034_what_is_no_language_tag_is_left_out() {
    let mut world = World::new();
    for (number, tag) in ["-", "1-", &"a".repeat(60_000), "en-", "de-a"].iter().enumerate() {
        let headers = format!("Content-Language: {tag}\nSubject: x\n");
        world.sip(&crate::world::message(&format!("l{number}"), &headers, "hello"));
        let message = world.message();
        assert_eq!((message.lang.as_deref(), message.bodies.len()), (None, 1), "{number}");
        let subject = format!(
            "From: <im:romeo@sip.test>\r\nTo: <im:juliet@xmpp.test>\r\nSubject:;lang={tag} well\r\n\
             \r\nContent-Type: text/plain\r\nContent-Language: {tag}\r\n\r\nhello"
        );
        let head = crate::world::message(&format!("c{number}"), "Content-Type: message/cpim\n", "");
        world.sip_octets(&head, subject.as_bytes());
        for message in world.stanzas() {
            let octets = |stanza: &Stanza| {
                let mut out = Vec::new();
                stanza.write(&mut out);
                String::from_utf8(out).expect("UTF-8")
            };
            assert!(!octets(&message).contains("xml:lang"), "{message:?}");
        }
        world.confirm_all();
        world.sip.clear();
    }
    world.sip(&crate::world::message("good", "Content-Language: de-CH-1901\n", "hello"));
    assert_eq!(world.message().lang.as_deref(), Some("de-CH-1901"));
}
