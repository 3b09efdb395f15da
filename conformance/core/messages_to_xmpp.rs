//! Messages from SIP: their time, their hops, their places.

use stox::codec::sip::HeaderName;
use stox::codec::xmpp::ns;
use stox::rules::{BodyProfile, Late, ThreadForm};

use crate::bodies::{Fate, ruled, send};
use crate::world::{World, message};

/// The world's clock stands at this time.
const NOW: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

/// A text with these header lines.
fn dated(world: &mut World, headers: &str) -> Fate {
    send(world, &format!("Content-Type: text/plain\n{headers}"), b"x")
}

/// The stamp of the delay.
fn delay(fate: Fate) -> Option<String> {
    let shown = fate.shown();
    shown.extension("delay", ns::DELAY).map(|d| d.attr("stamp").expect("a stamp").to_string())
}

#[test]
fn msg_049_a_message_that_expired_is_480_or_by_rule_delayed() {
    let old = "Date: Tue, 14 Nov 2023 22:13:00 GMT\nExpires: 10\n";
    let refusal = dated(&mut World::new(), old).refused(480);
    assert_eq!(refusal.reason.to_text(), "Message Expired");
    let mut world = ruled(|messages| messages.expired = Late::Deliver);
    assert_eq!(delay(dated(&mut world, old)).as_deref(), Some("2023-11-14T22:13:00Z"));
    for fresh in [
        "Date: Tue, 14 Nov 2023 22:13:00 GMT\n",
        "Date: Tue, 14 Nov 2023 22:13:00 GMT\nExpires: 20\n",
        "Expires: 10\n",
        "Expires: 0\n",
        "Expires: soon\n",
        "",
    ] {
        assert_eq!(delay(dated(&mut World::new(), fresh)), None, "{fresh}");
    }
}

#[test]
fn msg_050_a_date_far_from_now_is_a_delay_or_by_rule_400() {
    let strict = || ruled(|messages| messages.far_date = Late::Refuse);
    for (date, stamp) in [
        ("Tue, 14 Nov 2023 21:13:20 GMT", Some("2023-11-14T21:13:20Z")),
        ("Tue, 14 Nov 2023 22:08:19 GMT", Some("2023-11-14T22:08:19Z")),
        ("Tue, 14 Nov 2023 22:08:20 GMT", None),
        ("Tue, 14 Nov 2023 22:09:20 GMT", None),
        (NOW, None),
        ("Tue, 14 Nov 2023 22:17:20 GMT", None),
        ("Tue, 14 Nov 2023 23:13:20 GMT", Some("2023-11-14T23:13:20Z")),
    ] {
        let header = format!("Date: {date}\n");
        assert_eq!(delay(dated(&mut World::new(), &header)).as_deref(), stamp, "{date}");
        match stamp {
            Some(_) => {
                let refusal = dated(&mut strict(), &header).refused(400);
                assert_eq!(refusal.reason.to_text(), "Incorrect Date or Time", "{date}");
            }
            None => assert_eq!(delay(dated(&mut strict(), &header)), None, "{date}"),
        }
    }
}

#[test]
fn msg_035_cseq_is_not_mapped() {
    let stanza = |cseq: &str| {
        let mut world = World::new();
        world.sip(&message("a", "", "x").replace("CSeq: 1 ", &format!("CSeq: {cseq} ")));
        world.octets()
    };
    let (one, other) = (stanza("1"), stanza("777777"));
    assert!(!other.contains("777777"), "{other}");
    let without_id = |stanza: &str| {
        let id = stanza.find(" id='").expect("an id");
        let end = id + 5 + stanza[id + 5..].find('\'').expect("its end");
        format!("{}{}", &stanza[..id], &stanza[end..])
    };
    assert_eq!(without_id(&one), without_id(&other));
}

#[test]
fn msg_038_a_device_is_addressed_only_while_it_is_known_to_be_there() {
    let to = |world: &mut World, branch: &str| {
        let text = message(branch, "", "x");
        world.sip(&text.replacen("juliet@xmpp.test", "juliet@xmpp.test;gr=chamber", 1));
        world.message().to.expect("to").to_string()
    };
    let mut world = World::new();
    assert_eq!(to(&mut world, "a"), "juliet@xmpp.test");
    world.xmpp(
        "<message from='juliet@xmpp.test/chamber' to='romeo@sip.xmpp.test'><body>x</body></message>",
    );
    world.requests();
    assert_eq!(to(&mut world, "b"), "juliet@xmpp.test/chamber");
    world.xmpp(
        "<presence from='juliet@xmpp.test/chamber' to='romeo@sip.xmpp.test' type='unavailable'/>",
    );
    assert_eq!(to(&mut world, "c"), "juliet@xmpp.test");
}

#[test]
fn msg_039_the_id_is_unique_and_leads_back_to_the_request() {
    let mut world = World::new();
    world.romeo_says("eskdgs677", "one");
    world.romeo_says("eskdgs678", "two");
    let stanzas = world.stanzas();
    let ids: Vec<String> = stanzas
        .iter()
        .filter_map(|stanza| match stanza {
            stox::codec::xmpp::Stanza::Message(message) => message.id.as_deref().map(str::to_owned),
            _ => None,
        })
        .collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    world.xmpp(&format!(
        "<message type='error' id='{}' from='juliet@xmpp.test' to='romeo@sip.xmpp.test'>\
         <error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>\
         </message>",
        ids[1]
    ));
    let response = world.response();
    assert_eq!((response.status.code(), response.call_id.as_str()), (604, "call-eskdgs678"));
}

#[test]
fn msg_055_a_message_goes_to_the_bare_jid() {
    let mut world = World::new();
    world.romeo_says("a", "x");
    assert_eq!(world.message().to.expect("to").as_str(), "juliet@xmpp.test");
}

#[test]
fn msg_056_service_unavailable_is_403() {
    let mut world = World::new();
    world.romeo_says("a", "x");
    let id = world.message().id.expect("an id");
    world.xmpp(&format!(
        "<message type='error' id='{id}' from='juliet@xmpp.test' to='romeo@sip.xmpp.test'>\
         <error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
         </error></message>"
    ));
    assert_eq!(world.codes(), [403]);
    let mut world = World::new();
    world.romeo_says("a", "x");
    world.confirm_all();
    assert_eq!(world.codes(), [200], "silence is consent");
}

#[test]
fn msg_070_both_forms_are_read_in_every_profile() {
    for profile in [BodyProfile::Auto, BodyProfile::Cpim, BodyProfile::Text] {
        let mut world = ruled(|messages| messages.profile = profile);
        assert_eq!(dated(&mut world, "").text(), "x");
        let mut world = ruled(|messages| messages.profile = profile);
        let object = b"\r\nContent-Type: text/plain\r\n\r\ny";
        assert_eq!(send(&mut world, "Content-Type: message/cpim\n", object).text(), "y");
    }
}

#[test]
fn languages_that_are_none_are_left_out() {
    let lang =
        |headers: &str| dated(&mut World::new(), headers).shown().lang.map(|l| l.to_string());
    assert_eq!(lang("Content-Language: cs, en\n").as_deref(), Some("cs"));
    assert_eq!(lang("Content-Language: c s'>, en\n").as_deref(), Some("en"));
    assert_eq!(lang(""), None);
}

#[test]
fn msg_033_the_call_id_is_a_thread_only_where_the_rules_say_so() {
    let thread = |world: &mut World| dated(world, "").shown().thread.map(|t| t.to_string());
    assert_eq!(thread(&mut World::new()), None);
    let mut by_rule = ruled(|messages| messages.thread_to_xmpp = ThreadForm::CallId);
    assert_eq!(thread(&mut by_rule).as_deref(), Some("call-a"));
    assert_eq!(thread(&mut ruled(|messages| messages.thread_to_xmpp = ThreadForm::None)), None);
}

#[test]
fn cpim_047_hops_go_on_into_xmpp_by_rule() {
    let hops = |world: &mut World, max_forwards: &str| {
        let text = message("a", "", "x");
        world.sip(&text.replace("Max-Forwards: 70\n", max_forwards));
        let octets = world.octets();
        let (_, rest) = octets.split_once("<header name='Max-Forwards'>")?;
        rest.split_once('<').map(|(hops, _)| hops.to_owned())
    };
    assert_eq!(hops(&mut World::new(), "Max-Forwards: 10\n"), None);
    let world = || ruled(|messages| messages.max_forwards_header = true);
    assert_eq!(hops(&mut world(), "Max-Forwards: 10\n").as_deref(), Some("9"));
    assert_eq!(hops(&mut world(), "Max-Forwards: 1\n").as_deref(), Some("0"));
    let mut back = World::new();
    let say = |world: &mut World, header: &str| {
        world.xmpp(&format!("<message id='1'><body>x</body>{header}</message>"));
        let request = world.request();
        world.answer(&request, 200);
        request.max_forwards
    };
    let nine = "<headers xmlns='http://jabber.org/protocol/shim'>\
                <header name='Max-Forwards'>9</header></headers>";
    assert_eq!(say(&mut back, nine), Some(8));
    assert_eq!(say(&mut back, ""), Some(70));
}

#[test]
fn msg_064_success_carries_nothing_that_rfc_3428_forbids() {
    let mut world = World::new();
    world.romeo_says("a", "x");
    world.confirm_all();
    let response = world.response();
    assert_eq!((response.status.code(), response.body.len()), (200, 0));
    for name in [
        HeaderName::Accept,
        HeaderName::AcceptEncoding,
        HeaderName::AcceptLanguage,
        HeaderName::Contact,
        HeaderName::ContentType,
    ] {
        assert!(!response.headers.contains(&name), "{name}");
    }
}
