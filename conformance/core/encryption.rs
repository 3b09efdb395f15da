//! What the tests of end-to-end encryption share: worlds, people's messages, and what became of
//! them.

use stox::codec::sip::{Request, Response};
use stox::codec::xmpp::{Condition, Stanza, StanzaError};
use stox::flow::{EncryptionFound, Event};
use stox::rules::{Encryption, Rules};

use crate::world::{SETTINGS, World, message};

/// The component owns the SIP domain itself: every address is the same on both sides.
pub(crate) const NATIVE: &str = r#"
xmpp: { component: sip.test, server: "127.0.0.11:5347", secret: s3cret }
sip:
  listen: [ "udp:127.0.0.20:5060", "tcp:127.0.0.20:5060" ]
  peers: [ { name: core, uri: "sip:127.0.0.13:5060;transport=udp" } ]
  options_interval: 0s
domains:
  - { xmpp: sip.test, sip: sip.test }
  - { xmpp: xmpp.test, sip: xmpp.test }
store: { path: store }
"#;

/// A world where S/MIME crosses.
pub(crate) fn native() -> World {
    ruled(NATIVE, "{}")
}

/// A world with an `encryption.yaml` of its own, over the one that ships.
pub(crate) fn ruled(settings: &str, text: &str) -> World {
    let mut world = World::ruled(settings, rules(text), 7);
    world.up();
    world
}

/// A world in the sub-domain form, with an `encryption.yaml` of its own.
pub(crate) fn with(text: &str) -> World {
    ruled(SETTINGS, text)
}

/// The rules that ship, with an `encryption.yaml` over them.
pub(crate) fn rules(text: &str) -> Rules {
    static LAST: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let number = LAST.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let name = format!("stox-encryption-{}-{number}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&directory).expect("a directory");
    std::fs::write(directory.join("encryption.yaml"), text).expect("a file");
    let loaded = Rules::load(Some(&directory));
    std::fs::remove_dir_all(&directory).expect("the directory can go");
    match loaded {
        Ok((rules, findings)) => {
            assert_eq!(findings, [], "{text}");
            rules
        }
        Err(findings) => panic!("{findings:#?}"),
    }
}

/// The encryption rules that ship.
pub(crate) fn shipped() -> Encryption {
    let rules = crate::world::built_in();
    rules.encryption
}

/// What became of a message to SIP.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A request, and nothing was told to the sender.
    Sent(Box<Request>),
    /// An error, and nothing went to SIP.
    Refused(Box<StanzaError>),
    /// Neither.
    Silent,
}

impl Outcome {
    #[track_caller]
    pub(crate) fn sent(self) -> Request {
        match self {
            Outcome::Sent(request) => *request,
            other => panic!("{other:?}"),
        }
    }

    /// The error, which is of this condition.
    #[track_caller]
    pub(crate) fn refused(self, condition: &Condition) -> StanzaError {
        match self {
            Outcome::Refused(error) if error.condition == *condition => *error,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn not_acceptable(self, scheme: &str) -> StanzaError {
        let error = self.refused(&Condition::NotAcceptable);
        assert_eq!(scheme_of(&error), scheme);
        error
    }

    #[track_caller]
    pub(crate) fn silent(self) {
        assert!(matches!(self, Outcome::Silent), "{self:?}");
    }
}

/// The scheme in the gateway's own condition.
#[track_caller]
pub(crate) fn scheme_of(error: &StanzaError) -> String {
    let is_own = |it: &&stox::codec::xml::Element| {
        it.is("untranslatable-encryption", "urn:stox:encryption:0")
    };
    let own = error.application.iter().find(is_own).unwrap_or_else(|| panic!("{error:?}"));
    own.attr("scheme").expect("a scheme").to_string()
}

/// Sends a message of these children from juliet to romeo.
pub(crate) fn says(world: &mut World, children: &str) -> Outcome {
    sends(world, &format!("<message type='chat' id='e1'>{children}</message>"))
}

/// Sends a stanza from juliet to romeo.
pub(crate) fn sends(world: &mut World, stanza: &str) -> Outcome {
    let native = world.gateway_is_native();
    let addressed = match native && !stanza.contains(" to=") {
        true => stanza.replacen(
            "<message",
            "<message from='juliet@xmpp.test/balcony' to='romeo@sip.test'",
            1,
        ),
        false => stanza.to_owned(),
    };
    world.xmpp(&addressed);
    let mut stanzas = world.stanzas();
    let mut requests = world.requests();
    assert!(stanzas.len() < 2 && requests.len() < 2, "{stanzas:?} {requests:?}");
    match (requests.pop(), stanzas.pop()) {
        (Some(request), None) => Outcome::Sent(Box::new(request)),
        (None, None) => Outcome::Silent,
        (None, Some(Stanza::Message(message))) => {
            assert_eq!(message.id.as_deref(), Some("e1"));
            assert_eq!(message.kind.name(), Some("error"));
            assert_eq!(message.to.expect("to").as_str(), "juliet@xmpp.test/balcony");
            assert!(message.from.is_some() && message.bodies.is_empty());
            assert_eq!(message.extensions, [], "nothing of the message comes back");
            Outcome::Refused(Box::new(message.error.expect("an error")))
        }
        other => panic!("{other:?}"),
    }
}

/// Sends a message of these children in the sub-domain form, with the rules that ship.
pub(crate) fn said(children: &str) -> Outcome {
    says(&mut World::new(), children)
}

/// The text that goes to SIP, which is in a CPIM object.
#[track_caller]
pub(crate) fn text_of(request: &Request) -> String {
    let text = String::from_utf8(request.body.to_vec()).expect("UTF-8");
    text.rsplit_once("\r\n\r\n").map_or(text.clone(), |(_, text)| text.to_owned())
}

/// What was told to the operator of encryption since the last look.
pub(crate) fn sightings(world: &mut World) -> Vec<EncryptionFound> {
    let events = std::mem::take(&mut world.events).into_iter();
    events
        .filter_map(|event| match event {
            Event::Encrypted(sighting) => Some(*sighting),
            _ => None,
        })
        .collect()
}

/// What became of a body from romeo.
pub(crate) fn from_sip(
    world: &mut World,
    headers: &str,
    body: &[u8],
) -> (u16, Response, Vec<Stanza>) {
    let number = world.counter("sip_answered") + world.counter("sip_to_xmpp_confirmed");
    world.sip_octets(&message(&format!("e{number}"), headers, ""), body);
    world.confirm_all();
    let stanzas = world.stanzas();
    let response = world.response();
    (response.status.code(), response, stanzas)
}

/// A body from romeo that is refused with this code: nothing reaches XMPP.
#[track_caller]
pub(crate) fn refused(world: &mut World, content_type: &str, body: &[u8], code: u16) -> Response {
    let (got, response, stanzas) =
        from_sip(world, &format!("Content-Type: {content_type}\n"), body);
    assert_eq!((got, &stanzas[..]), (code, &[][..]), "{content_type}");
    response
}

/// A body from romeo that crosses.
#[track_caller]
pub(crate) fn shown(
    world: &mut World,
    content_type: &str,
    body: &[u8],
) -> stox::codec::xmpp::Message {
    let (code, _, mut stanzas) = from_sip(world, &format!("Content-Type: {content_type}\n"), body);
    match (code, stanzas.pop(), stanzas.len()) {
        (200, Some(Stanza::Message(message)), 0) => *message,
        other => panic!("{content_type}: {other:?}"),
    }
}
