//! Encryption in messages from XMPP: what is recognised, and what its sender is told.

use stox::codec::xmpp::{Condition, ErrorKind, Stanza};
use stox::flow::{Decision, Towards};

use crate::encryption::{
    Outcome, native, said, says, scheme_of, sends, shipped, sightings, text_of, with,
};
use crate::world::World;

const OMEMO: &str = "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'>\
    <key rid='2'>a2V5</key><iv>aXY=</iv></header><payload>cGF5bG9hZA==</payload></encrypted>";
const OMEMO_2: &str =
    "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'/><payload>cA==</payload></encrypted>";
const FALLBACK: &str = "<body>I sent you an OMEMO encrypted message</body>";

#[test]
fn e2e_001_each_scheme_is_refused_visibly() {
    for (children, scheme) in [
        (OMEMO, "omemo:axolotl"),
        (OMEMO_2, "omemo:2"),
        ("<openpgp xmlns='urn:xmpp:openpgp:0'>cA==</openpgp>", "openpgp:0"),
        ("<x xmlns='jabber:x:encrypted'>cA==</x>", "openpgp"),
        ("<envelope xmlns='urn:xmpp:sce:1'/>", "sce:1"),
        ("<encrypted xmlns='urn:xmpp:encryption:stub:sce:0'/>", "sce:0"),
        ("<c xmlns='http://www.xmpp.org/extensions/xep-0200.html#ns'/>", "esession"),
        ("<e2e xmlns='urn:ietf:params:xml:ns:xmpp-e2e:6'/>", "xmpp-e2e:6"),
        ("<body>?OTR:AAMCAbcdefghijkl0123.</body>", "otr"),
    ] {
        said(children).not_acceptable(scheme);
        said(&format!("{children}{FALLBACK}")).not_acceptable(scheme);
    }
}

#[test]
fn e2e_002_all_hits_are_collected_before_it_is_decided() {
    said("<encryption xmlns='urn:xmpp:eme:0' namespace='urn:example:new'/><body>x</body>")
        .not_acceptable("other");
    said(&format!("{OMEMO_2}<body>x</body>")).not_acceptable("omemo:2");
    said("<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:omemo:2'/><body>x</body>")
        .not_acceptable("omemo:2");
    let keys = "<encrypted xmlns='urn:xmpp:omemo:2'><header/></encrypted>\
        <encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:omemo:2'/><body>x</body>";
    said(keys).silent();
    // One with content decides beside one without.
    said(&format!("{keys}{OMEMO}")).not_acceptable("omemo:axolotl");
    for clear in [
        "<encrypted xmlns='urn:example'/>",
        "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'/>",
        "<fallback xmlns='urn:xmpp:fallback:0'/>",
        "<x xmlns='urn:xmpp:omemo:x'/>",
    ] {
        assert_eq!(text_of(&said(&format!("{clear}<body>clear</body>")).sent()), "clear");
    }
}

#[test]
fn e2e_003_a_fallback_body_is_never_the_message() {
    let mut world = World::new();
    says(&mut world, &format!("{OMEMO}{FALLBACK}")).not_acceptable("omemo:axolotl");
    world.confirm_all();
    assert_eq!(world.requests(), []);
}

#[test]
fn e2e_004_the_refusal_says_which_scheme_in_the_senders_language() {
    let error = said(&format!("{OMEMO_2}{FALLBACK}")).not_acceptable("omemo:2");
    assert_eq!(error.kind, ErrorKind::Modify);
    let [text] = &error.texts[..] else { panic!("{error:?}") };
    assert!(text.text.contains("OMEMO is not supported by the SIP gateway"), "{text:?}");
    for (lang, told, word) in [
        ("de", "de", "Verschlüsselung"),
        ("de-AT", "de", "Verschlüsselung"),
        ("fr", "fr", "passerelle"),
        ("ES", "es", "pasarela"),
        ("cs", "cs", "brána"),
        ("ja", "en", "gateway"),
    ] {
        let stanza = format!("<message id='e1' xml:lang='{lang}'>{OMEMO_2}</message>");
        let error = sends(&mut World::new(), &stanza).not_acceptable("omemo:2");
        let text = &error.texts[0];
        assert_eq!(text.lang.as_deref(), Some(told), "{lang}");
        assert!(text.text.contains(word) && text.text.contains("OMEMO"), "{text:?}");
    }
}

#[test]
fn e2e_005_an_error_is_never_answered_and_a_message_once() {
    let mut world = World::new();
    world.xmpp(&format!(
        "<message type='error' id='x'>{OMEMO}<error type='cancel'>\
         <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    ));
    assert!(world.stanzas().is_empty() && world.requests().is_empty());
    says(&mut world, &format!("{OMEMO}{OMEMO_2}{FALLBACK}")).refused(&Condition::NotAcceptable);
    world.pass_ms(120_000);
    assert!(world.stanzas().is_empty() && world.requests().is_empty());
}

#[test]
fn e2e_006_keys_alone_are_nothing_to_tell() {
    for more in ["", FALLBACK, "<store xmlns='urn:xmpp:hints'/>"] {
        for ns in ["eu.siacs.conversations.axolotl", "urn:xmpp:omemo:1", "urn:xmpp:omemo:2"] {
            let mark = format!("<encryption xmlns='urn:xmpp:eme:0' namespace='{ns}'/>");
            let keys = format!("<encrypted xmlns='{ns}'><header sid='1'/></encrypted>");
            let mut world = World::new();
            says(&mut world, &format!("{keys}{more}")).silent();
            says(&mut world, &format!("{keys}{mark}{more}")).silent();
            let met = sightings(&mut world);
            assert!(met.iter().all(|met| met.decision == Decision::Ignored) && met.len() == 2);
        }
    }
}

#[test]
fn e2e_007_no_encryption_is_offered_for_a_sip_user() {
    for mut world in [World::new(), native()] {
        let to = if world.gateway_is_native() { "romeo@sip.test" } else { "romeo@sip.xmpp.test" };
        for resource in ["", "/phone"] {
            world.xmpp(&format!(
                "<iq type='get' id='d' from='juliet@xmpp.test/balcony' to='{to}{resource}'>\
                 <query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
            ));
            let info = world.octets();
            for word in ["omemo", "openpgp", "e2e", "otr", "encrypt", "axolotl"] {
                assert!(!info.contains(word), "{info}");
            }
        }
    }
}

#[test]
fn e2e_008_the_namespace_is_exact() {
    let ex3 = "<e2e xmlns='urn:ietf:params:xml:ns:xmpp-e2e'>Content-Type: application/pkcs7-mime\n\nMIAA</e2e>";
    said(ex3).not_acceptable("smime");
    let colon = ex3.replace("xmpp-e2e'", "xmpp-e2e:'");
    // What is none of it is content that nobody knows.
    said(&colon).refused(&Condition::FeatureNotImplemented);
    assert_eq!(text_of(&said(&format!("{colon}<body>clear</body>")).sent()), "clear");
}

#[test]
fn e2e_024_an_object_is_never_dropped_in_favour_of_the_body() {
    let object = "<e2e xmlns='urn:ietf:params:xml:ns:xmpp-e2e'>Content-Type: application/pkcs7-mime\n\nMIAA</e2e>";
    said(&format!("{object}<body>the clear text</body>")).not_acceptable("smime");
}

#[test]
fn e2e_055_a_mark_names_the_scheme() {
    let mark = |ns: &str, name: &str| {
        let mark = format!(
            "<encryption xmlns='urn:xmpp:eme:0' namespace='{ns}' name='{name}'/><body>x</body>"
        );
        said(&mark).refused(&Condition::NotAcceptable)
    };
    for (ns, scheme, title) in [
        ("urn:xmpp:otr:0", "otr", "OTR"),
        ("jabber:x:encrypted", "openpgp", "OpenPGP"),
        ("urn:xmpp:openpgp:0", "openpgp:0", "OpenPGP"),
        ("eu.siacs.conversations.axolotl", "omemo:axolotl", "OMEMO"),
        ("urn:xmpp:omemo:1", "omemo:1", "OMEMO"),
        ("urn:xmpp:omemo:2", "omemo:2", "OMEMO"),
    ] {
        let error = mark(ns, "Enigma");
        assert_eq!(scheme_of(&error), scheme);
        assert!(error.texts[0].text.contains(title) && !error.texts[0].text.contains("Enigma"));
    }
    let error = mark("urn:example:new", "Enigma");
    assert!(error.texts[0].text.contains("Enigma is not supported"), "{error:?}");
    let long = "x".repeat(500);
    assert!(mark("urn:example:new", &long).texts[0].text.len() < 250);
    said("<encryption xmlns='urn:xmpp:eme:0'/><body>x</body>").not_acceptable("other");
}

#[test]
fn e2e_056_legacy_omemo_in_both_forms() {
    said(OMEMO).not_acceptable("omemo:axolotl");
    said("<axolotl_message xmlns='eu.siacs.conversations.axolotl'><header/></axolotl_message><body>x</body>")
        .not_acceptable("omemo:axolotl");
}

#[test]
fn e2e_057_omemo_of_every_number() {
    for number in ["0", "1", "2", "17"] {
        let element = format!("<encrypted xmlns='urn:xmpp:omemo:{number}'><payload/></encrypted>");
        said(&format!("{element}{FALLBACK}")).not_acceptable(&format!("omemo:{number}"));
    }
}

#[test]
fn e2e_058_content_is_told_from_keys() {
    for ns in ["eu.siacs.conversations.axolotl", "urn:xmpp:omemo:1", "urn:xmpp:omemo:2"] {
        let mark = format!("<encryption xmlns='urn:xmpp:eme:0' namespace='{ns}'/>");
        let with_payload = format!("<encrypted xmlns='{ns}'><payload>cA==</payload></encrypted>");
        said(&format!("{with_payload}{mark}{FALLBACK}")).refused(&Condition::NotAcceptable);
        said(&format!("<encrypted xmlns='{ns}'><header/></encrypted>{mark}{FALLBACK}")).silent();
    }
}

#[test]
fn e2e_059_openpgp_for_xmpp() {
    said(&format!("<openpgp xmlns='urn:xmpp:openpgp:0'>hQEM</openpgp>{FALLBACK}"))
        .not_acceptable("openpgp:0");
}

#[test]
fn e2e_060_legacy_openpgp() {
    said("<body>This message is encrypted.</body><x xmlns='jabber:x:encrypted'>hQEM</x>")
        .not_acceptable("openpgp");
}

#[test]
fn e2e_061_a_signature_of_a_clear_body_is_left_out() {
    let signed = "<body>clear</body><x xmlns='jabber:x:signed'>iQEz</x>";
    let mut world = World::new();
    assert_eq!(text_of(&says(&mut world, signed).sent()), "clear");
    let [met] = &sightings(&mut world)[..] else { panic!("one") };
    assert_eq!((&*met.scheme, met.decision), ("openpgp-signature", Decision::SignatureLeftOut));
    let mut strict = with("schemes: { openpgp-signature: { to_sip: refuse } }");
    says(&mut strict, signed).not_acceptable("openpgp-signature");
    world.xmpp("<presence><status>here</status><x xmlns='jabber:x:signed'>iQEz</x></presence>");
    assert!(world.stanzas().is_empty() && world.requests().is_empty());
}

#[test]
fn e2e_062_otr_is_refused_or_by_rule_crosses_exactly() {
    let texts = [
        "?OTR:AAMCAbcdefghijkl0123.",
        "&lt;HTML>?OTR:AAMCAbcdefghijkl0123.",
        "?OTRv4? Alice invites",
        " ?OTR? ",
    ];
    for text in texts {
        said(&format!("<body>{text}</body>")).not_acceptable("otr");
        let mut world = with("schemes: { otr: { to_sip: relay } }");
        let private = "<private xmlns='urn:xmpp:carbons:2'/><no-copy xmlns='urn:xmpp:hints'/>";
        let request = says(&mut world, &format!("<body>{text}</body>{private}")).sent();
        assert_eq!(request.headers.content_type(), Some("text/plain"));
        assert_eq!(&request.body[..], text.replace("&lt;", "<").as_bytes());
        // A refusal is not answered with another form of it.
        world.answer(&request, 415);
        assert_eq!(world.requests(), []);
        assert_eq!(world.error().1.condition, Condition::NotAcceptable);
    }
    for text in ["what does ?OTR: mean", "?OTR? never heard of it"] {
        assert_eq!(text_of(&said(&format!("<body>{text}</body>")).sent()), text);
    }
}

#[test]
fn e2e_063_an_offer_in_white_space_is_taken_out() {
    let tag = "&#32;&#9;&#32;&#32;&#9;&#9;&#9;&#9;&#32;&#9;&#32;&#9;&#32;&#9;&#32;&#32;\
        &#32;&#32;&#9;&#9;&#32;&#32;&#9;&#32;&#32;&#32;&#9;&#9;&#32;&#32;&#9;&#9;&#32;&#32;&#9;&#9;&#32;&#9;&#32;&#32;";
    let body = format!("<body>Hi{tag}!</body>");
    let mut world = World::new();
    assert_eq!(text_of(&says(&mut world, &body).sent()), "Hi!");
    assert_eq!(sightings(&mut world)[0].decision, Decision::OfferLeftOut);
    let signed = format!("<x xmlns='jabber:x:signed'>iQEz</x>{body}");
    assert_eq!(text_of(&said(&signed).sent()), "Hi!");
    let mut relay = with("schemes: { otr: { to_sip: relay } }");
    let kept = text_of(&says(&mut relay, &body).sent());
    assert_eq!(kept.len(), "Hi!".len() + 40);
}

#[test]
fn e2e_066_armour_is_text() {
    let armour = "-----BEGIN PGP MESSAGE-----\n\nhQEMA  \n=abcd\n-----END PGP MESSAGE-----";
    let mut world = World::new();
    assert_eq!(
        text_of(&says(&mut world, &format!("<body>{armour}</body>")).sent()).lines().last(),
        armour.lines().last()
    );
    let sent = says(&mut World::new(), &format!("<body>&gt; {armour}</body>")).sent();
    assert!(String::from_utf8_lossy(&sent.body).ends_with(&format!("> {armour}")));
    let crlf = armour.replace('\n', "\r\n");
    let shown = crate::encryption::shown(&mut world, "text/plain", crlf.as_bytes());
    assert_eq!(&*shown.bodies[0].text, armour);
    assert_eq!(shown.extensions, []);
}

#[test]
fn e2e_067_containers_of_stanza_content() {
    said("<envelope xmlns='urn:xmpp:sce:1'><content/></envelope><body>x</body>")
        .not_acceptable("sce:1");
    said("<encrypted xmlns='urn:xmpp:encryption:stub:sce:1'/><body>x</body>")
        .not_acceptable("sce:1");
    let mut world = World::new();
    world.xmpp("<iq type='set' id='i'><envelope xmlns='urn:xmpp:sce:1'/></iq>");
    assert!(world.octets().contains("service-unavailable"));
}

#[test]
fn e2e_068_a_negotiation_of_encryption_and_one_of_other_things() {
    let form = |fields: &str| {
        format!(
            "<body>clear</body><feature xmlns='http://jabber.org/protocol/feature-neg'><x xmlns='jabber:x:data' type='form'>\
             <field var='FORM_TYPE'><value>urn:xmpp:ssn</value></field>{fields}</x></feature>"
        )
    };
    said("<c xmlns='http://www.xmpp.org/extensions/xep-0200.html#ns'><data/></c>")
        .not_acceptable("esession");
    said(&form("<field var='crypt_algs'/>")).not_acceptable("esession");
    said(&form("<field var='security'><value>e2e</value></field>")).not_acceptable("esession");
    for other in ["<field var='otr'/>", "<field var='security'><value>c2s</value></field>"] {
        assert_eq!(text_of(&said(&form(other)).sent()), "clear");
    }
}

#[test]
fn e2e_069_signed_objects_beside_a_clear_body() {
    for signature in [
        "<signed xmlns='urn:xmpp:signed:0'><data/></signed>",
        "<Signature xmlns='http://www.w3.org/2000/09/xmldsig#'/>",
    ] {
        let children = format!("<body>clear</body>{signature}");
        let mut world = World::new();
        assert_eq!(text_of(&says(&mut world, &children).sent()), "clear");
        assert_eq!(sightings(&mut world)[0].decision, Decision::SignatureLeftOut);
        let mut strict = with("schemes: { signed-object: { to_sip: refuse } }");
        says(&mut strict, &children).not_acceptable("signed-object");
    }
}

#[test]
fn e2e_070_jingle_is_not_served() {
    let mut world = World::new();
    world.xmpp(
        "<iq type='set' id='j'><jingle xmlns='urn:xmpp:jingle:1' action='session-initiate'/></iq>",
    );
    assert!(world.octets().contains("service-unavailable"));
}

#[test]
fn e2e_071_keys_of_a_sip_user_are_asked_for_in_vain() {
    let mut world = World::new();
    for node in [
        "eu.siacs.conversations.axolotl.devicelist",
        "urn:xmpp:omemo:2:bundles",
        "urn:xmpp:openpgp:0:public-keys",
    ] {
        world.xmpp(&format!(
            "<iq type='get' id='k'><pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='{node}'/></pubsub></iq>"
        ));
        assert!(world.octets().contains("service-unavailable"));
    }
    world.xmpp(
        "<message type='headline'><event xmlns='http://jabber.org/protocol/pubsub#event'>\
         <items node='eu.siacs.conversations.axolotl.devicelist'><item><list xmlns='eu.siacs.conversations.axolotl'/>\
         </item></items></event></message>",
    );
    assert!(world.stanzas().is_empty() && world.requests().is_empty());
}

#[test]
fn e2e_072_hints_alone_mean_nothing() {
    let hints =
        "<no-copy xmlns='urn:xmpp:hints'/><store xmlns='urn:xmpp:hints'/><body>clear</body>";
    assert_eq!(text_of(&said(hints).sent()), "clear");
    let private = "<private xmlns='urn:xmpp:carbons:2'/><body>clear</body>";
    assert_eq!(text_of(&said(private).sent()), "clear", "it asks for no copies, and is none");
}

#[test]
fn e2e_073_what_is_within_a_copy_counts() {
    let forwarded = format!(
        "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'>{OMEMO}{FALLBACK}</message></forwarded>"
    );
    let mut world = World::new();
    for carbon in ["sent", "received"] {
        says(&mut world, &format!("<{carbon} xmlns='urn:xmpp:carbons:2'>{forwarded}</{carbon}>"))
            .silent();
    }
    let met = sightings(&mut world);
    assert!(met.len() == 2 && met.iter().all(|it| it.scheme == "omemo:axolotl"), "{met:?}");
    let error =
        says(&mut world, &format!("{forwarded}<body>look</body>")).not_acceptable("omemo:axolotl");
    assert_eq!(error.kind, ErrorKind::Modify);
    let otr = "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body>?OTRv3?</body></message></forwarded>";
    says(&mut world, otr).not_acceptable("otr");
}

#[test]
fn e2e_077_no_receipt_is_made_of_a_refusal() {
    let asks = "<request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/>";
    let mut world = World::new();
    says(&mut world, &format!("{OMEMO}{FALLBACK}{asks}")).not_acceptable("omemo:axolotl");
    world.confirm_all();
    world.pass_ms(60_000);
    assert!(world.stanzas().is_empty() && world.requests().is_empty());
}

#[test]
fn e2e_079_nothing_goes_in_clear_after_a_refusal() {
    let mut world = World::new();
    says(&mut world, &format!("{OMEMO}{FALLBACK}")).not_acceptable("omemo:axolotl");
    world.pass_ms(600_000);
    assert_eq!(world.requests(), []);
    assert_eq!(text_of(&says(&mut world, "<body>in clear</body>").sent()), "in clear");
}

#[test]
fn e2e_092_a_link_that_only_its_key_opens_is_refused_and_others_are_text() {
    for (body, oob) in [
        ("https://h.test/x.pgp", "<x xmlns='jabber:x:oob'><url>https://h.test/x.pgp</url></x>"),
        ("see aesgcm://h.test/x.jpg#0123", ""),
        ("aesgcm://h.test/x.jpg#0123 what is this", ""),
    ] {
        assert_eq!(text_of(&said(&format!("<body>{body}</body>{oob}")).sent()), body);
    }
    let link = "<x xmlns='jabber:x:oob'><url>aesgcm://h.test/x.jpg#0123</url></x>";
    for children in [
        "<body>aesgcm://h.test/x.jpg#0123</body>".to_owned(),
        "<body> AESGCM://h.test/x.jpg#0123\n</body>".to_owned(),
        format!("<body>aesgcm://h.test/x.jpg#0123</body>{link}"),
        format!("<body>look</body>{link}"),
        link.to_owned(),
    ] {
        let error = said(&children).not_acceptable("encrypted-file");
        assert!(error.texts[0].text.contains("file encryption is not supported"), "{error:?}");
    }
}

#[test]
fn notify_tells_the_recipient_once_and_nothing_of_the_text() {
    let mut world = with("schemes: { \"omemo:N\": { to_sip: notify } }");
    for turn in 0..2 {
        world.xmpp(&format!("<message id='e{turn}'>{OMEMO_2}<body>the fallback</body></message>"));
        let (_, error) = world.error();
        assert_eq!(scheme_of(&error), "omemo:2");
        let requests = world.requests();
        assert_eq!(requests.len(), 1 - turn, "once");
        for request in requests {
            let text = text_of(&request);
            assert!(text.contains("OMEMO") && text.contains("sip:juliet@xmpp.test"), "{text}");
            assert!(!text.contains("fallback") && !text.contains("balcony"), "{text}");
            assert_eq!(request.from.uri().user(), Some("juliet"));
            // Its failure is told to nobody.
            world.answer_with(&request, 415, &["Accept: message/cpim"]);
            let again = world.request();
            world.answer(&again, 404);
        }
        world.confirm_all();
        assert!(world.stanzas().is_empty());
        assert!(world.gateway.idle());
    }
}

#[test]
fn a_domain_has_a_policy_of_its_own() {
    let text = "domains: { sip.xmpp.test: { otr: { to_sip: relay } } }";
    let mut world = with(text);
    assert!(matches!(says(&mut world, "<body>?OTRv3?</body>"), Outcome::Sent(_)));
    says(&mut world, OMEMO_2).not_acceptable("omemo:2");
}

#[test]
fn an_operator_adds_a_scheme_without_code() {
    let text = "schemes: { enigma: { title: Enigma, namespaces: [ \"urn:example:enigma:N\" ], to_sip: refuse } }";
    let mut world = with(text);
    let error = says(&mut world, "<rotor xmlns='urn:example:enigma:3'/><body>x</body>")
        .not_acceptable("enigma");
    assert!(error.texts[0].text.contains("Enigma"));
}

#[test]
fn what_was_met_is_counted_and_told() {
    let mut world = World::new();
    for _ in 0..30 {
        says(&mut world, OMEMO_2).not_acceptable("omemo:2");
    }
    let met = sightings(&mut world);
    assert_eq!(met.len(), 30);
    assert_eq!(
        (met[0].towards, met[0].from.as_str(), met[0].id.as_str()),
        (Towards::Sip, "juliet@xmpp.test", "e1")
    );
    let status = world.gateway.status(world.now);
    let [count] = &status.encryption[..] else { panic!("{:?}", status.encryption) };
    assert_eq!(
        (count.scheme.as_str(), count.decision.as_str(), count.count),
        ("omemo:2", "refused", 30)
    );
    assert_eq!(status.encryption_refused.len(), 20, "the last ones");
    assert_eq!(status.encryption_refused[0].to, "romeo@sip.xmpp.test");
    assert_eq!(world.counter("encrypted_messages"), 30);
}

#[test]
fn names_that_peers_make_up_do_not_fill_the_memory() {
    let mut world = World::new();
    for number in 0..400 {
        let element = format!("<encrypted xmlns='urn:xmpp:omemo:{number}'><payload/></encrypted>");
        says(&mut world, &element).refused(&Condition::NotAcceptable);
    }
    let counts = world.gateway.status(world.now).encryption;
    assert!(counts.len() <= 257, "{}", counts.len());
    assert_eq!(counts.iter().map(|it| it.count).sum::<u64>(), 400);
}

#[test]
fn presence_shows_what_it_has() {
    use stox::codec::xml::Limits;
    use stox::codec::xmpp::{StreamContext, parse};
    use stox::translate::encryption::stanza::{Kind, in_presence};
    let rules = shipped();
    let presence = |children: &str| {
        let text = format!("<presence from='a@b' to='c@d'>{children}</presence>");
        let context = StreamContext::component(Limits::default());
        match parse(&context, text.into()) {
            Ok(Stanza::Presence(presence)) => *presence,
            other => panic!("{other:?}"),
        }
    };
    let seen = |children: &str| -> Vec<(String, Kind)> {
        let presence = presence(children);
        in_presence(&rules, &presence).into_iter().map(|it| (it.named.name, it.kind)).collect()
    };
    assert_eq!(seen("<status>Online</status>"), []);
    assert_eq!(
        seen("<x xmlns='jabber:x:encrypted'>cA==</x>"),
        [("openpgp".to_owned(), Kind::Content)]
    );
    assert_eq!(
        seen("<x xmlns='jabber:x:signed'>cA==</x>"),
        [("openpgp-signature".to_owned(), Kind::Signature)]
    );
    assert_eq!(
        seen("<e2e xmlns='urn:ietf:params:xml:ns:xmpp-e2e'>x</e2e>"),
        [("smime".to_owned(), Kind::Content)]
    );
}

#[test]
fn e2e_019_a_presence_with_an_object_is_for_one_watcher() {
    let mut world = World::new();
    world.xmpp(
        "<presence id='p1'><show>away</show><e2e xmlns='urn:ietf:params:xml:ns:xmpp-e2e'>\
         Content-Type: application/pkcs7-mime\n\nMIAA</e2e></presence>",
    );
    let stanzas = world.stanzas();
    let [Stanza::Presence(answer)] = &stanzas[..] else { panic!("{stanzas:?}") };
    let error = answer.error.as_ref().expect("an error");
    assert_eq!((&error.condition, scheme_of(error).as_str()), (&Condition::NotAcceptable, "smime"));
    assert_eq!(world.requests(), [], "nothing is made of what stands beside it");
}
