//! XML namespaces used on the component stream.

/// Default namespace of the component stream, XEP-0114 §3.
pub const COMPONENT_ACCEPT: &str = "jabber:component:accept";
/// Default namespace of client streams, RFC 6120 §4.8.2; met inside forwarded stanzas.
pub const CLIENT: &str = "jabber:client";
/// Default namespace of server streams, RFC 6120 §4.8.2.
pub const SERVER: &str = "jabber:server";
/// Namespace of the stream element itself, RFC 6120 §4.8.1.
pub const STREAMS: &str = "http://etherx.jabber.org/streams";
/// Stream error conditions, RFC 6120 §4.9.2.
pub const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
/// Stanza error conditions, RFC 6120 §8.3.2.
pub const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";

/// RFC 3922/3923 end-to-end objects.
pub const E2E: &str = "urn:ietf:params:xml:ns:xmpp-e2e";
/// XEP-0022 message events (obsolete).
pub const EVENT: &str = "jabber:x:event";
/// XEP-0027 OpenPGP, encrypted.
pub const PGP_ENCRYPTED: &str = "jabber:x:encrypted";
/// XEP-0027 OpenPGP, signed.
pub const PGP_SIGNED: &str = "jabber:x:signed";
/// XEP-0030 service discovery, information.
pub const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
/// XEP-0030 service discovery, items.
pub const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
/// XEP-0045 multi-user chat.
pub const MUC: &str = "http://jabber.org/protocol/muc";
/// XEP-0045 multi-user chat, user.
pub const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
/// XEP-0054 vcard-temp.
pub const VCARD: &str = "vcard-temp";
/// XEP-0066 out of band data.
pub const OOB: &str = "jabber:x:oob";
/// XEP-0071 XHTML-IM.
pub const XHTML_IM: &str = "http://jabber.org/protocol/xhtml-im";
/// XHTML itself, XEP-0071 §4.
pub const XHTML: &str = "http://www.w3.org/1999/xhtml";
/// XEP-0077 in-band registration.
pub const REGISTER: &str = "jabber:iq:register";
/// XEP-0085 chat state notifications.
pub const CHAT_STATES: &str = "http://jabber.org/protocol/chatstates";
/// XEP-0092 software version.
pub const VERSION: &str = "jabber:iq:version";
/// XEP-0100 gateway interaction.
pub const GATEWAY: &str = "jabber:iq:gateway";
/// XEP-0115 entity capabilities.
pub const CAPS: &str = "http://jabber.org/protocol/caps";
/// XEP-0131 stanza headers (SHIM).
pub const SHIM: &str = "http://jabber.org/protocol/shim";
/// XEP-0172 user nickname.
pub const NICK: &str = "http://jabber.org/protocol/nick";
/// XEP-0184 delivery receipts.
pub const RECEIPTS: &str = "urn:xmpp:receipts";
/// XEP-0199 ping.
pub const PING: &str = "urn:xmpp:ping";
/// XEP-0203 delayed delivery.
pub const DELAY: &str = "urn:xmpp:delay";
/// XEP-0280 message carbons.
pub const CARBONS: &str = "urn:xmpp:carbons:2";
/// XEP-0297 stanza forwarding.
pub const FORWARD: &str = "urn:xmpp:forward:0";
/// XEP-0308 last message correction.
pub const CORRECT: &str = "urn:xmpp:message-correct:0";
/// XEP-0333 chat markers.
pub const MARKERS: &str = "urn:xmpp:chat-markers:0";
/// XEP-0334 message processing hints.
pub const HINTS: &str = "urn:xmpp:hints";
/// XEP-0356 privileged entity.
pub const PRIVILEGE: &str = "urn:xmpp:privilege:2";
/// XEP-0359 unique and stable stanza ids.
pub const STANZA_ID: &str = "urn:xmpp:sid:0";
/// XEP-0373 OpenPGP for XMPP.
pub const OPENPGP: &str = "urn:xmpp:openpgp:0";
/// XEP-0380 explicit message encryption.
pub const EME: &str = "urn:xmpp:eme:0";
/// XEP-0384 OMEMO, current.
pub const OMEMO: &str = "urn:xmpp:omemo:2";
/// XEP-0384 OMEMO, the form most clients still send.
pub const OMEMO_LEGACY: &str = "eu.siacs.conversations.axolotl";
/// XEP-0420 stanza content encryption.
pub const SCE: &str = "urn:xmpp:sce:1";
/// XEP-0319: since when nobody has touched a device.
pub const IDLE: &str = "urn:xmpp:idle:1";
/// XEP-0020 feature negotiation.
pub const FEATURE_NEG: &str = "http://jabber.org/protocol/feature-neg";
/// XEP-0004 data forms.
pub const DATA_FORMS: &str = "jabber:x:data";
/// XEP-0080 user location.
pub const GEOLOC: &str = "http://jabber.org/protocol/geoloc";
/// XEP-0224 attention.
pub const ATTENTION: &str = "urn:xmpp:attention:0";
/// XEP-0249 direct invitations to rooms.
pub const CONFERENCE: &str = "jabber:x:conference";
/// XEP-0385 stateless inline media sharing.
pub const MEDIA_SHARING: &str = "urn:xmpp:sims:1";
/// XEP-0444 message reactions.
pub const REACTIONS: &str = "urn:xmpp:reactions:0";
/// XEP-0446 file metadata.
pub const FILE_METADATA: &str = "urn:xmpp:file:metadata:0";
/// XEP-0447 stateless file sharing.
pub const FILE_SHARING: &str = "urn:xmpp:sfs:0";
/// XEP-0103 URL of a file.
pub const URL_DATA: &str = "http://jabber.org/protocol/url-data";
/// XEP-0428 fallback indication.
pub const FALLBACK: &str = "urn:xmpp:fallback:0";

/// Whether a namespace is that of XEP-0380, under whichever number.
#[must_use]
pub fn is_eme(namespace: &str) -> bool {
    is_numbered(namespace, "urn:xmpp:eme:")
}

/// Whether a namespace is that of XEP-0428, under whichever number.
#[must_use]
pub fn is_fallback(namespace: &str) -> bool {
    is_numbered(namespace, "urn:xmpp:fallback:")
}

fn is_numbered(namespace: &str, family: &str) -> bool {
    let number = namespace.strip_prefix(family);
    number.is_some_and(|it| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit()))
}

/// True for the namespaces in which `<message/>`, `<presence/>` and `<iq/>` and
/// their own children live, RFC 6120 §4.8.2: the content namespaces are
/// equivalent but for their name, and some servers leave `jabber:client` on
/// what they pass to a component.
#[must_use]
pub fn is_stanza(namespace: &str) -> bool {
    matches!(namespace, COMPONENT_ACCEPT | CLIENT | SERVER)
}
