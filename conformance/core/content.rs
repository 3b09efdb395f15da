//! What of a message is not its body: each row of `docs/messages.md`, both ways.

use stox::codec::sip::HeaderName;
use stox::codec::xmpp::{Stanza, ns};
use stox::flow::Unfinished;
use stox::rules::{BodyProfile, Messages};

use crate::bodies::{accept, ruled, send, warning};
use crate::world::{SETTINGS, World, message};

/// A world whose texts go bare, with further changes of its rules.
fn changed(change: impl FnOnce(&mut Messages)) -> World {
    ruled(|messages| {
        messages.profile = BodyProfile::Text;
        change(messages);
    })
}

fn world() -> World {
    changed(|_| {})
}

/// What became of a message from juliet.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// This text was sent.
    Text(String),
    /// The sender was told: the condition and the words.
    Told(String, String),
    /// Nothing happened but a count.
    Silent,
}

fn fate_in(world: &mut World, stanza: &str) -> Fate {
    world.xmpp(stanza);
    let requests = world.requests();
    let stanzas = world.stanzas();
    for request in &requests {
        world.answer(request, 200);
    }
    match (requests.as_slice(), stanzas.as_slice()) {
        ([request], []) => Fate::Text(String::from_utf8(request.body.to_vec()).expect("UTF-8")),
        ([], [Stanza::Message(message)]) => {
            let error = message.error.as_ref().expect("an error");
            let words = error.texts.first().map(|text| text.text.to_string());
            Fate::Told(error.condition.name().to_owned(), words.unwrap_or_default())
        }
        ([], []) => Fate::Silent,
        other => panic!("{other:?}"),
    }
}

fn fate(children: &str) -> Fate {
    fate_in(&mut world(), &format!("<message type='chat' id='1'>{children}</message>"))
}

#[track_caller]
fn crosses(children: &str, text: &str) {
    assert_eq!(fate(children), Fate::Text(text.to_owned()), "{children}");
}

/// Juliet is told that the feature is not there, in words that begin so.
#[track_caller]
fn told(children: &str, begin: &str) {
    match fate(children) {
        Fate::Told(condition, words) => {
            assert_eq!(condition, "feature-not-implemented", "{children}");
            assert!(words.starts_with(begin), "{children}: {words}");
        }
        other => panic!("{children}: {other:?}"),
    }
}

const LINK: &str = "<x xmlns='jabber:x:oob'><url>https://h/a.jpg</url></x>";
const TYPING: &str = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";

#[test]
fn msg_023_what_a_person_sent_without_a_body_crosses_is_told_or_is_silent() {
    crosses(LINK, "https://h/a.jpg");
    crosses(&format!("{TYPING}{LINK}"), "https://h/a.jpg");
    told("<foo xmlns='urn:x'/>", "Not delivered: the SIP gateway does not know");
    let mut world = world();
    let silent = [
        TYPING,
        "<received xmlns='urn:xmpp:receipts' id='1'/>",
        "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>",
        "<store xmlns='urn:xmpp:hints'/>",
        "<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='x'/></event>",
        "<x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x>",
        "<finish xmlns='urn:xmpp:jingle-message:0' id='1'/>",
        "<x xmlns='jabber:x:event'><composing/></x>",
        "<stanza-id xmlns='urn:xmpp:sid:0' by='xmpp.test' id='1'/>",
        "<private xmlns='urn:xmpp:carbons:2'/>",
        "<subject/>",
        "<body/>",
        "",
    ];
    for children in silent {
        let stanza = format!("<message type='chat' id='1'>{children}</message>");
        assert_eq!(fate_in(&mut world, &stanza), Fate::Silent, "{children}");
    }
    assert_eq!(world.counter("xmpp_without_body"), u64::try_from(silent.len()).expect("few"));
    // Who writes to nobody in silence is answered in silence.
    let lost =
        format!("<message to='romeo@elsewhere.test' from='juliet@xmpp.test/b'>{TYPING}</message>");
    assert_eq!(fate_in(&mut world, &lost), Fate::Silent);
    let headline = "<message type='headline' id='1'><foo xmlns='urn:x'/></message>";
    assert_eq!(fate_in(&mut world, headline), Fate::Silent);
}

#[test]
fn msg_002_a_subject_alone_is_a_subject() {
    let mut world = world();
    world.xmpp("<message id='1'><subject>Hi!</subject></message>");
    let request = world.request();
    assert_eq!(request.headers.get_text(&HeaderName::Subject), Some("Hi!"));
    assert_eq!(&request.body[..], b"Hi!");
    world.answer(&request, 200);
    world.xmpp("<message id='2'><subject>Hi!</subject><body>there</body></message>");
    assert_eq!(&world.request().body[..], b"there");
}

#[test]
fn d_46_what_stands_beside_a_body_is_known_or_left_out() {
    crosses("<body>x</body><foo xmlns='urn:x'/>", "x");
    crosses(
        &format!(
            "<body>x</body>{TYPING}<reactions xmlns='urn:xmpp:reactions:0' id='1'>\
        <reaction>y</reaction></reactions>"
        ),
        "x",
    );
    crosses("<body>x</body><attention xmlns='urn:xmpp:attention:0'/>", "x");
    crosses("<body>x</body><x xmlns='jabber:x:data' type='form'/>", "x");
    crosses(&format!("<body>x</body>{LINK}"), "x\nhttps://h/a.jpg");
}

#[test]
fn d_112_one_kind_is_dropped_by_rule() {
    let mut world = World::with_rules(
        "messages.yaml",
        "rules:\n  - name: no reactions\n    when: { direction: to_sip }\n    \
         drop: [ \"{urn:xmpp:reactions:0}reactions\" ]\n",
    );
    let reaction =
        "<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>y</reaction></reactions>";
    let stanza = |children: &str| format!("<message id='1'>{children}</message>");
    assert_eq!(fate_in(&mut world, &stanza(reaction)), Fate::Silent);
    assert_eq!(world.counter("xmpp_without_body"), 1);
    let Fate::Text(text) = fate_in(&mut world, &stanza(&format!("{reaction}{LINK}"))) else {
        panic!("no text");
    };
    assert_eq!(text, "https://h/a.jpg");
}

#[test]
fn links_say_where_and_what() {
    let link = |url: &str, desc: &str| {
        format!("<x xmlns='jabber:x:oob'><url>{url}</url><desc>{desc}</desc></x>")
    };
    crosses(&link("https://h/a", "the balcony"), "the balcony\nhttps://h/a");
    crosses(&link("https://h/a", "https://h/a"), "https://h/a");
    crosses(&link("https://h/a", "a&#10;b\u{202e}c"), "a bc\nhttps://h/a");
    crosses(
        &format!("<body>see (https://h/a), please</body>{}", link("https://h/a", "x")),
        "see (https://h/a), please",
    );
    crosses(
        &format!("<body>see https://h/ab</body>{}", link("https://h/a", "")),
        "see https://h/ab\nhttps://h/a",
    );
    crosses(
        &format!("{}{}", link("https://h/a", ""), link("https://h/b", "")),
        "https://h/a\nhttps://h/b",
    );
    // What nobody can open is no link.
    for url in ["javascript:alert(1)", "https:", "/a", "https://h/a b", ""] {
        told(&link(url, "x"), "Not delivered");
        crosses(&format!("<body>x</body>{}", link(url, "y")), "x");
    }
}

#[test]
fn files_say_where_their_name_and_their_size() {
    let file = "<file-sharing xmlns='urn:xmpp:sfs:0' disposition='inline'>\
        <file xmlns='urn:xmpp:file:metadata:0'><name>a\u{202e}gpj.exe</name><size>3032449</size></file>\
        <sources><url-data xmlns='http://jabber.org/protocol/url-data' target='https://h/a.jpg'/>\
        </sources></file-sharing>";
    crosses(file, "agpj.exe, 3 MB\nhttps://h/a.jpg");
    crosses(&format!("{LINK}{file}"), "agpj.exe, 3 MB\nhttps://h/a.jpg");
    crosses(&format!("<body>https://h/a.jpg</body>{LINK}{file}"), "https://h/a.jpg");
    crosses(&format!("<body>look</body>{file}"), "look\nagpj.exe, 3 MB\nhttps://h/a.jpg");
    let shared = "<reference xmlns='urn:xmpp:reference:0' type='data'><media-sharing \
        xmlns='urn:xmpp:sims:1'><file xmlns='urn:xmpp:jingle:apps:file-transfer:5'><name>a</name>\
        <size>17</size></file><sources><reference xmlns='urn:xmpp:reference:0' type='data' \
        uri='https://h/a'/></sources></media-sharing></reference>";
    crosses(shared, "a, 17 B\nhttps://h/a");
    let nowhere = "<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'>\
        <name>a</name></file><sources/></file-sharing>";
    told(nowhere, "Not delivered");
    let secured =
        file.replace("<sources>", "<sources><encrypted xmlns='urn:xmpp:esfs:0'><sources>");
    // What is encrypted is judged before (FILE-017).
    let secured = secured.replace("</sources>", "</sources></encrypted></sources>");
    let Fate::Told(condition, words) = fate(&secured) else { panic!("{secured}") };
    assert_eq!(condition, "not-acceptable");
    assert!(words.contains("file encryption"), "{words}");
}

#[test]
fn reactions_are_told_in_the_language_of_who_reacts() {
    let reactions = |each: &[&str]| {
        let each: String = each.iter().map(|one| format!("<reaction>{one}</reaction>")).collect();
        format!("<reactions xmlns='urn:xmpp:reactions:0' id='s1'>{each}</reactions>")
    };
    crosses(&reactions(&["\u{1f60d}"]), "Reacted with \u{1f60d}");
    crosses(&reactions(&["\u{1f60d}", "\u{1f44d}"]), "Reacted with \u{1f60d} \u{1f44d}");
    crosses(&reactions(&[]), "Took a reaction back");
    let many = vec!["x"; 1_000];
    crosses(&reactions(&many), &format!("Reacted with {}", ["x"; 20].join(" ")));
    let mut world = world();
    let german =
        format!("<message xml:lang='de-AT' id='1'>{}</message>", reactions(&["\u{1f60d}"]));
    world.xmpp(&german);
    let request = world.request();
    assert_eq!(&request.body[..], "Hat mit \u{1f60d} reagiert".as_bytes());
    assert_eq!(request.headers.get_text(&HeaderName::ContentLanguage), Some("de"));
}

#[test]
fn places_are_geo_uris() {
    let place =
        |inner: &str| format!("<geoloc xmlns='http://jabber.org/protocol/geoloc'>{inner}</geoloc>");
    crosses(&place("<lat>48.20</lat><lon>+16.3</lon>"), "geo:48.2,16.3");
    crosses(
        &place(
            "<lat>48.2</lat><lon>16.3</lon><alt>171</alt><accuracy>20</accuracy>\
                <description>Verona, the balcony</description>",
        ),
        "Verona, the balcony\ngeo:48.2,16.3,171;u=20",
    );
    crosses(
        &place("<lat>1</lat><lon>2</lon><locality>Verona</locality><country>Italy</country>"),
        "Verona, Italy\ngeo:1,2",
    );
    let own = place("<lat>48.2</lat><lon>16.3</lon>");
    crosses(&format!("<body>geo:48.20,16.30</body>{own}"), "geo:48.20,16.30");
    crosses(&format!("<body>here</body>{own}"), "here\ngeo:48.2,16.3");
    for none in ["", "<lat>91</lat><lon>0</lon>", "<lat>x</lat><lon>0</lon>", "<text>x</text>"] {
        told(&place(none), "Not delivered");
    }
}

#[test]
fn muc_028_a_direct_invitation_names_the_room() {
    let invitation =
        |more: &str| format!("<x xmlns='jabber:x:conference' jid='verona@rooms.test' {more}/>");
    crosses(&invitation(""), "Invites you to the room xmpp:verona@rooms.test?join");
    crosses(
        &invitation("reason='the masked ball' password='mask'"),
        "Invites you to the room xmpp:verona@rooms.test?join\nthe masked ball\nPassword: mask",
    );
    crosses(
        &format!("<body>come!</body>{}", invitation("")),
        "come!\nInvites you to the room xmpp:verona@rooms.test?join",
    );
    told("<x xmlns='jabber:x:conference' jid='@'/>", "Not delivered");
}

fn mediated(room: &str, inviter: &str) -> String {
    format!(
        "<message from='{room}' to='romeo@sip.xmpp.test' id='1'>\
         <x xmlns='http://jabber.org/protocol/muc#user'><invite from='{inviter}'>\
         <reason>the masked ball</reason></invite><password>mask</password></x>\
         <x xmlns='jabber:x:conference' jid='verona@rooms.xmpp.test'/>\
         <body>words of the service</body></message>"
    )
}

#[test]
fn an_invitation_through_a_room_is_that_of_who_invites() {
    let mut world = world();
    world.xmpp(&mediated("verona@rooms.xmpp.test", "juliet@xmpp.test"));
    let request = world.request();
    assert_eq!(request.from.uri().as_str(), "sip:juliet@xmpp.test");
    assert_eq!(
        String::from_utf8_lossy(&request.body),
        "Invites you to the room xmpp:verona@rooms.xmpp.test?join\nthe masked ball\nPassword: mask"
    );
    // An error goes to who invites: a room has no use for it.
    world.answer(&request, 404);
    let error = world.message();
    assert_eq!(error.to.as_ref().map(|to| to.as_str()), Some("juliet@xmpp.test"));
    assert_eq!(error.id.as_deref(), Some("1"));
}

#[test]
fn a_foreign_room_cannot_write_in_the_name_of_a_user() {
    let foreign = [
        mediated("verona@rooms.evil.test", "juliet@xmpp.test"),
        mediated("verona@evilxmpp.test", "juliet@xmpp.test"),
        mediated("mallory@rooms.xmpp.test/phone", "juliet@xmpp.test"),
        mediated("verona@rooms.xmpp.test", "romeo@sip.xmpp.test"),
        mediated("verona@rooms.xmpp.test", "tybalt@elsewhere.test"),
    ];
    for stanza in foreign {
        let mut world = world();
        let Fate::Told(condition, words) = fate_in(&mut world, &stanza) else {
            panic!("{stanza}");
        };
        assert_eq!(condition, "forbidden");
        assert!(words.contains("invite the user directly"), "{words}");
    }
    let mut trusting = changed(|rules| rules.room_services = vec!["rooms.friend.test".to_owned()]);
    let friend = mediated("verona@rooms.friend.test", "juliet@xmpp.test");
    assert!(matches!(fate_in(&mut trusting, &friend), Fate::Text(_)));
}

#[test]
fn an_invitation_that_was_under_way_is_taken_up_again() {
    let mut world = world();
    world.xmpp(&mediated("verona@rooms.xmpp.test", "juliet@xmpp.test"));
    let text = world.request().body;
    let started = world.journal.iter().find_map(|entry| match entry {
        stox::flow::Entry::Taken(delivery, taken) => Some((*delivery, taken.clone())),
        _ => None,
    });
    let (delivery, taken) = started.expect("a message in the journal");
    let mut world = self::world();
    let unfinished = Unfinished { delivery, taken, part: None, sent: None };
    world.feed(stox::flow::Input::Recovered(Box::new(unfinished)));
    let request = world.request();
    assert_eq!(request.from.uri().as_str(), "sip:juliet@xmpp.test");
    assert_eq!(request.body, text);
}

#[test]
fn attention_is_a_line() {
    crosses("<attention xmlns='urn:xmpp:attention:0'/>", "Asks for your attention");
}

#[test]
fn xhtml_without_a_body_is_its_text() {
    let html = |inner: &str| {
        format!(
            "<html xmlns='http://jabber.org/protocol/xhtml-im'><body \
                 xmlns='http://www.w3.org/1999/xhtml'>{inner}</body></html>"
        )
    };
    crosses(
        &html("<p>one</p><p>two <a href='https://h/a'>three</a></p>"),
        "one\ntwo three <https://h/a>",
    );
    crosses(&html("<script>x</script><blockquote>q</blockquote>"), "> q");
    crosses(&format!("<body>x</body>{}", html("y")), "x");
    told(&html(" "), "Not delivered");
}

#[test]
fn what_has_no_text_is_refused_in_the_language_of_its_sender() {
    told("<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>", "Calls cannot cross");
    told("<retract xmlns='urn:xmpp:message-retract:1' id='1'/>", "The message was not taken back");
    told("<replace xmlns='urn:xmpp:message-correct:0' id='1'/>", "The message was not corrected");
    told("<x xmlns='jabber:x:data' type='form'/>", "Not delivered: forms");
    told("<foo xmlns='urn:x'/><propose xmlns='urn:xmpp:jingle-message:0' id='1'/>", "Calls");
    let mut world = world();
    world.xmpp("<message xml:lang='cs' id='1'><propose xmlns='urn:xmpp:jingle-message:0' id='1'/></message>");
    let (_, error) = world.error();
    assert_eq!(error.texts[0].lang.as_deref(), Some("cs"));
    assert_eq!(
        error.texts[0].text,
        "Hovory branou SIP neprojdou. Napi\u{161}te rad\u{11b}ji zpr\u{e1}vu."
    );
    assert_eq!(error.kind, stox::codec::xmpp::ErrorKind::Cancel);
}

#[test]
fn msg_031_a_correction_is_a_new_message_marked_as_one() {
    let replace = "<replace id='c1' xmlns='urn:xmpp:message-correct:0'/>";
    crosses(&format!("<body>corrected</body>{replace}"), "* corrected");
    crosses(&format!("{LINK}{replace}"), "* https://h/a.jpg");
    crosses("<body>x</body><foo xmlns='urn:x'/>", "x");
    let stanza = format!("<message id='1'><body>corrected</body>{replace}</message>");
    let mut plain = changed(|rules| rules.mark_corrections = false);
    assert_eq!(fate_in(&mut plain, &stanza), Fate::Text("corrected".to_owned()));
    // The mark is there once, in whatever form it goes out.
    let mut world = World::new();
    world.xmpp(&stanza);
    let first = world.request();
    if first.headers.get_text(&HeaderName::ContentType) == Some("message/cpim") {
        world.answer(&first, 415);
        assert_eq!(&world.request().body[..], b"* corrected");
    }
}

#[test]
fn what_is_encrypted_or_its_fallback_is_judged_before() {
    let omemo = "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/>\
                 <payload>cGF5</payload></encrypted>";
    let keys = "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/></encrypted>";
    for children in [omemo.to_owned(), format!("{omemo}{LINK}"), format!("<body>f</body>{omemo}")] {
        let Fate::Told(condition, words) = fate(&children) else { panic!("{children}") };
        assert_eq!(condition, "not-acceptable");
        assert!(words.contains("OMEMO"), "{words}");
    }
    assert_eq!(fate(keys), Fate::Silent);
    assert_eq!(fate("<x xmlns='jabber:x:signed'>aGVsbG8=</x>"), Fate::Silent);
}

#[test]
fn copies_are_silent_whatever_is_in_them() {
    let copy = |inner: &str| {
        format!(
            "<sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message \
                 xmlns='jabber:client'>{inner}</message></forwarded></sent>"
        )
    };
    assert_eq!(fate(&copy("<body>x</body>")), Fate::Silent);
    assert_eq!(fate(&copy(LINK)), Fate::Silent);
}

// From SIP.

const FILE: &str = "<?xml version=\"1.0\"?><file xmlns=\"urn:gsma:params:xml:ns:rcs:rcs:fthttp\">\
    <file-info type=\"file\"><file-size>120</file-size><file-name>a.jpg</file-name>\
    <content-type>image/jpeg</content-type>\
    <data url=\"https://files.test/a.jpg\" until=\"2030-01-01T00:00:00Z\"/></file-info></file>";
const FILE_TYPE: &str = "application/vnd.gsma.rcs-ft-http+xml";

fn mixed(parts: &[(&str, &str)]) -> (String, String) {
    let mut body = String::new();
    for (kind, text) in parts {
        body += &format!("--b\r\nContent-Type: {kind}\r\n\r\n{text}\r\n");
    }
    ("Content-Type: multipart/mixed;boundary=b\n".to_owned(), format!("{body}--b--\r\n"))
}

#[test]
fn a_file_of_a_sip_user_is_a_link() {
    let url = "https://files.test/a.jpg";
    let is_link = |message: &stox::codec::xmpp::Message| {
        let link = message.extension("x", ns::OOB).expect("a link");
        assert_eq!(link.child("url", ns::OOB).expect("a URL").text(), url);
    };
    let bare = send(&mut World::new(), &format!("Content-Type: {FILE_TYPE}\n"), FILE.as_bytes());
    let bare = bare.shown();
    assert_eq!(bare.bodies[0].text, url);
    is_link(&bare);
    let (kind, body) = mixed(&[(FILE_TYPE, FILE), ("text/plain", "the balcony")]);
    let captioned = send(&mut World::new(), &kind, body.as_bytes()).shown();
    assert_eq!(captioned.bodies[0].text, format!("{url}\nthe balcony"));
    is_link(&captioned);
    let secured = FILE.replace("<data", "<file-key>aGVsbG8=</file-key><data");
    let refusal =
        send(&mut World::new(), &format!("Content-Type: {FILE_TYPE}\n"), secured.as_bytes());
    assert!(warning(&refusal.refused(415)).contains("encrypted"));
}

#[test]
fn a_place_of_a_sip_user_is_a_geo_uri() {
    let place = "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:romeo@sip.test'>\
        <tuple id='t'><status><geopriv xmlns='urn:ietf:params:xml:ns:pidf:geopriv10'>\
        <location-info><Point xmlns='http://www.opengis.net/gml'><pos>45.44 10.99</pos></Point>\
        </location-info></geopriv></status></tuple></presence>";
    let kind = "application/pidf+xml";
    let shown = send(&mut World::new(), &format!("Content-Type: {kind}\n"), place.as_bytes());
    assert_eq!(shown.text(), "geo:45.44,10.99");
    // Presence is no message.
    let presence = "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:romeo@sip.test'/>";
    send(&mut World::new(), &format!("Content-Type: {kind}\n"), presence.as_bytes()).refused(415);
    // Beside a text it is demanded, unless it says that it is not (RFC 5621 §8.3).
    let (header, body) = mixed(&[("text/plain", "here"), (kind, presence)]);
    send(&mut World::new(), &header, body.as_bytes()).refused(415);
}

#[test]
fn what_is_refused_says_what_it_was() {
    for kind in ["text/vcard", "image/png", "application/sdp", "x/y"] {
        let refusal =
            send(&mut World::new(), &format!("Content-Type: {kind}\n"), b"x").refused(415);
        assert!(accept(&refusal).contains(&FILE_TYPE));
        assert!(warning(&refusal).contains(kind), "{}", warning(&refusal));
    }
}

// Names.

fn named(from: &str) -> Option<String> {
    let mut world = World::new();
    let text =
        message("a", "", "x").replace("From: <sip:romeo@sip.test>", &format!("From: {from}"));
    world.sip(&text);
    world.message().extension("nick", ns::NICK).map(|nick| nick.text().to_string())
}

#[test]
fn addr_063_a_display_name_is_a_nick() {
    assert_eq!(named("\"Romeo Montague\" <sip:romeo@sip.test>").as_deref(), Some("Romeo Montague"));
    assert_eq!(named("\"P. \\\"J\\\" Sua\" <sip:romeo@sip.test>").as_deref(), Some("P. \"J\" Sua"));
    let long = "n".repeat(100);
    assert_eq!(named(&format!("\"{long}\" <sip:romeo@sip.test>")).map(|name| name.len()), Some(64));
    for none in [
        "",
        "\"\"",
        "Romeo",
        "\"sip:romeo@sip.test\"",
        "\"boss@sip.test\"",
        "\"+420 602 123 456\"",
        "\"\u{202e}\"",
    ] {
        assert_eq!(named(&format!("{none} <sip:romeo@sip.test>")), None, "{none}");
    }
    let mut world = changed(|rules| rules.display_name_to_nick = false);
    world.sip(&message("a", "", "x").replace("From: <", "From: \"Romeo M\" <"));
    assert_eq!(world.message().extensions, []);
}

#[test]
fn a_watcher_who_asks_says_a_name() {
    let mut world = World::new();
    let subscribe = crate::scene::subscribe("n", "", 1, "Expires: 3600\n");
    world.sip(&subscribe.replace("From: <", "From: \"Romeo Montague\" <"));
    world.sip.clear();
    let asked = world.presences();
    let nick = asked[0].extensions.iter().find(|child| child.is("nick", ns::NICK));
    assert_eq!(nick.map(|nick| nick.text().to_string()).as_deref(), Some("Romeo Montague"));
    let rules = World::rules_of("presence.yaml", "to_xmpp: { nick: none }\n");
    let mut world = World::ruled(SETTINGS, rules, 7);
    world.up();
    world.sip(&subscribe.replace("From: <", "From: \"Romeo Montague\" <"));
    world.sip.clear();
    assert_eq!(world.presences()[0].extensions, []);
}
