//! What public reports say goes wrong in an exchange of several messages; the README of
//! `conformance/vectors/field` names the reports.

use stox::codec::sip::{Request, Status};
use stox::codec::xmpp::Stanza;

use crate::field_reports::arrives;
use crate::scene::{notify, open, seconds};
use crate::world::{PEER, World, message};

/// Case 34: an answer goes to the spelling that came (RFC 3261 §19.1.4: a user has its case).
#[test]
fn field_34_an_answer_keeps_the_case_of_the_user() {
    let mut world = World::new();
    let odd = "<sip:Romeo.Montague@SIP.TEST:5060;transport=UDP>;tag=x";
    world.sip(&message("a", "", "upper").replace("<sip:romeo@sip.test>;tag=ta", odd));
    let heard = world.message();
    let from = heard.from.expect("a sender");
    assert_eq!(from.as_str(), "romeo.montague@sip.xmpp.test");
    world.confirm_all();
    assert_eq!(world.codes(), [200]);
    world.xmpp(&format!(
        "<message from='juliet@xmpp.test/x' to='{from}' type='chat' id='1'><body>x</body></message>"
    ));
    let request = world.request();
    assert_eq!(request.uri.as_str(), "sip:Romeo.Montague@sip.test");
    assert_eq!(request.to.uri().as_str(), "sip:Romeo.Montague@sip.test");
}

/// Case 51: a NOTIFY may overtake the 200, which may never come (RFC 6665 §4.1.2.4).
#[test]
fn field_51_a_notify_before_the_200_is_shown_and_stays_without_it() {
    for answered in [true, false] {
        let mut world = World::new();
        let subscribe = world.juliet_subscribes();
        assert_eq!(world.notified(&subscribe, 1, "active;expires=600", &open(&["a"])), 200);
        assert_eq!(world.told(), ["subscribed", "available /a"]);
        world.pass_ms(300);
        if answered {
            world.answer_with(&subscribe, 200, &["Expires: 600"]);
        }
        let again: Vec<Request> =
            world.run_quietly(seconds(100)).into_iter().map(|it| it.1).collect();
        assert!(again.iter().all(|it| it.call_id == subscribe.call_id), "{again:#?}");
        assert_eq!((world.told(), world.subscriptions()), (vec![], (1, 0)), "{answered}");
        assert_eq!(world.notified(&subscribe, 2, "active;expires=500", &open(&["b"])), 200);
        assert_eq!(world.told(), ["available /b", "unavailable /a"]);
    }
}

/// Case 61: what a Contact of a 2xx may look like; the refresh goes there.
#[test]
fn field_61_a_contact_with_features_and_without_brackets_is_the_remote_target() {
    let contacts = [
        (
            "Contact: <sip:r@127.0.0.13:5060;transport=udp>;+g.oma.sip-im;language=\"en,fr\"",
            "sip:r@127.0.0.13:5060;transport=udp",
        ),
        (
            "Contact: sip:r@127.0.0.13:5060;+g.3gpp.accesstype=\"cellular\";\
             +sip.instance=\"<urn:gsma:imei:35548888-144050-0>\"",
            "sip:r@127.0.0.13:5060",
        ),
        (
            "Contact: \"A, B\" <sip:r@127.0.0.13:5060;alias=127.0.0.13~5060~1;ob>;expires=600",
            "sip:r@127.0.0.13:5060;alias=127.0.0.13~5060~1;ob",
        ),
        ("m: <sip:r@127.0.0.13:5060>", "sip:r@127.0.0.13:5060"),
        ("X-No: Contact", "sip:romeo@sip.test"),
    ];
    for code in [200, 202] {
        for (contact, target) in contacts {
            let mut world = World::new();
            let subscribe = world.juliet_subscribes();
            world.answer_as("ffd2", PEER, &subscribe, code, &["Expires: 600", contact]);
            let text = notify(&subscribe, 1, "active;expires=100", &open(&["a"]));
            world.sip(&text.replace("Contact: <sip:romeo@127.0.0.30:5070>\n", ""));
            assert_eq!(world.codes(), [200]);
            assert_eq!(world.told(), ["subscribed", "available /a"]);
            let refresh = world.awaited(seconds(100));
            assert_eq!((refresh.uri.as_str(), refresh.to.tag()), (target, Some("ffd2")));
        }
    }
}

/// What juliet's message comes to when it is answered 202 with these changes: the requests and
/// stanzas of the next minute, in which a response that was not taken would be waited for.
fn answered(changes: &[(&str, &str)]) -> (Vec<Request>, Vec<Stanza>) {
    let mut world = World::new();
    world.juliet_says("m1", "hello");
    let request = world.request();
    let mut response = request.response(Status::new(202).expect("a status"));
    response.to = response.to.with_tag("r");
    let mut text = String::from_utf8(response.to_bytes().to_vec()).expect("UTF-8");
    for (from, to) in changes {
        assert!(text.contains(from), "no {from} in\n{text}");
        text = text.replacen(from, to, 1);
    }
    arrives(&mut world, text.into());
    world.pass_ms(60_000);
    (world.requests(), world.stanzas())
}

/// Cases 48 and 61: compact names, without a space behind the colon.
#[test]
fn field_48_61_a_response_of_compact_headers_is_taken() {
    let compact = [
        ("\r\nVia: ", "\r\nv:"),
        ("\r\nFrom: ", "\r\nf:"),
        ("\r\nTo: ", "\r\nt:"),
        ("\r\nCall-ID: ", "\r\ni:"),
        ("\r\nCSeq: ", "\r\nCSeq:"),
        ("\r\nContent-Length: ", "\r\nl: "),
    ];
    assert_eq!(answered(&compact), (vec![], vec![]));
    // What is not taken is sent again, and its sender told.
    let (again, told) = answered(&[("\r\nVia: ", "\r\nx:")]);
    assert!(!again.is_empty() && !told.is_empty());
}

/// Case 57: what a proxy writes into our Via (RFC 5118 §4.5).
#[test]
fn field_57_a_response_with_an_ipv6_received_is_taken() {
    for received in ["[2001:db8::9:255]", "2001:db8::9:255"] {
        let more = format!(";received={received};branch=");
        assert_eq!(answered(&[(";branch=", &more)]), (vec![], vec![]), "{received}");
    }
}

/// Case 66: copies by user agents of RFC 2543, which know neither branch nor tag.
#[test]
fn field_66_a_copy_without_branch_and_tag_is_one_stanza() {
    for branch in [";branch=1", ""] {
        let mut world = World::new();
        let old = message("a", "", "hello")
            .replace(";branch=z9hG4bKa", branch)
            .replace("<sip:romeo@sip.test>;tag=ta", "<sip:romeo@sip.test>");
        for _ in 0..3 {
            world.sip(&old);
        }
        assert_eq!(world.stanzas().len(), 1, "{branch}");
        world.confirm();
        assert_eq!(world.codes(), [200], "{branch}");
        world.sip(&old);
        assert_eq!((world.stanzas().len(), world.codes()), (0, vec![200]), "{branch}");
    }
}
