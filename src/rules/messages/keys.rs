//! The keys of `messages.yaml`.

use super::edits::{self, Edits};
use super::{AddressScheme, BodyProfile, ImEscaping, Late, Messages, ThreadForm};
use crate::codec::mime::Strictness;
use crate::rules::key::{Key, Kind};

/// What stands in the file, and in a rule.
pub(super) const KEYS: [Key<Messages>; 2] = [
    Key { name: "to_sip", doc: "messages from XMPP", kind: Kind::Keys(&TO_SIP) },
    Key { name: "to_xmpp", doc: "messages from SIP", kind: Kind::Keys(&TO_XMPP) },
];

/// What stands in a rule alone.
pub(super) const ACTIONS: [Key<Messages>; 3] = [
    Key {
        name: "set",
        doc: "texts by name: to SIP a header field, `body`, or a header of the CPIM object, `cpim:{namespace}Name` (RFC 3862 §3.4); to XMPP `subject`, `body`, `thread`, `lang`, or an element, `{namespace}name`; an empty one is left out",
        kind: Kind::Other(|m, node| Edits::read_set(&mut m.edits, node), edits::set_shape),
    },
    Key {
        name: "drop",
        doc: "what is left out: to SIP header fields, and elements of the stanza, `{namespace}name`, as if they were not there; to XMPP `subject`, `thread`, `lang`, `html`, `url`, `delay`, or an element",
        kind: Kind::Other(|m, node| Edits::read_drop(&mut m.edits, node), edits::drop_shape),
    },
    Key {
        name: "carry",
        doc: "what crosses under another name, from where it comes to where it goes: a stanza header (XEP-0131) or the text of an element, `{namespace}name`, becomes a header field or a header of the CPIM object, `cpim:{namespace}Name`; or the other way",
        kind: Kind::Other(|m, node| Edits::read_carry(&mut m.edits, node), edits::carry_shape),
    },
];

const TO_SIP: [Key<Messages>; 21] = [
    Key {
        name: "profile",
        doc: "the form of a body: what `bodies` of the peer says, and without it an object for who is known to read it and bare text for everybody else; always a `message/cpim` object; always bare text",
        kind: Kind::Words(&[
            ("auto", |m| m.profile = BodyProfile::Auto),
            ("cpim", |m| m.profile = BodyProfile::Cpim),
            ("text", |m| m.profile = BodyProfile::Text),
        ]),
    },
    Key {
        name: "refused_form",
        doc: "the answers that mean \"not in this form\" of an object, in profile `auto`",
        kind: Kind::Codes(|m, codes| m.refused_form = codes),
    },
    Key {
        name: "cpim_agents",
        doc: "beginnings of User-Agent or Server, in any case, that read `message/cpim`: their users get objects without having sent one",
        kind: Kind::Texts(|m, agents| m.cpim_agents = agents),
    },
    Key {
        name: "text_agents",
        doc: "beginnings of User-Agent or Server, in any case, that do not read objects, whatever they send or say",
        kind: Kind::Texts(|m, agents| m.text_agents = agents),
    },
    Key {
        name: "short_agents",
        doc: "beginnings of User-Agent or Server, in any case, that show no more than `short_octets` of one text: longer ones go to them in parts",
        kind: Kind::Texts(|m, agents| m.short_agents = agents),
    },
    Key {
        name: "short_octets",
        doc: "octets of a text that `short_agents` show",
        kind: Kind::Number(100, 65_535, |m, octets| m.short_octets = octets),
    },
    Key {
        name: "remember",
        doc: "how long it counts what a user agent behind an address was seen to be and to read",
        kind: Kind::Time(|m, time| m.remember = time),
    },
    Key {
        name: "max_request_octets",
        doc: "octets of a whole MESSAGE request, headers included. RFC 3428 §8 sets 1300 for paths that may not be congestion-safe: raise it only if you know every hop",
        kind: Kind::Number(500, 65_535, |m, octets| m.max_request_octets = octets),
    },
    Key {
        name: "long",
        doc: "a text that is too long for one request is refused, or split into ten requests at most",
        kind: Kind::Words(&[("refuse", |m| m.split = false), ("split", |m| m.split = true)]),
    },
    Key {
        name: "thread",
        doc: "a thread becomes the header Thread of CPIM objects, in the namespace `urn:stox:cpim:0`, and each request has a Call-ID of its own; or it becomes the Call-ID (RFC 7572), of which Linphone shows the first message alone; or it is left out",
        kind: Kind::Words(&[
            ("cpim", |m| m.thread_to_sip = ThreadForm::Cpim),
            ("call-id", |m| m.thread_to_sip = ThreadForm::CallId),
            ("none", |m| m.thread_to_sip = ThreadForm::None),
        ]),
    },
    Key {
        name: "nick",
        doc: "a nick (XEP-0172) becomes the display name of From, at most 64 characters, or is left out",
        kind: Kind::Words(&[
            ("display-name", |m| m.nick_to_display_name = true),
            ("none", |m| m.nick_to_display_name = false),
        ]),
    },
    Key {
        name: "formal_name",
        doc: "whether that name stands in CPIM objects too. Linphone 5.1 refuses an object with one",
        kind: Kind::Truth(|m, truth| m.formal_name = truth),
    },
    Key {
        name: "date_time",
        doc: "whether CPIM objects say when they were sent. Linphone 5.1 refuses each DateTime of a January or a 29th of February; in profile `auto` it gets bare text then, in profile `cpim` nothing, unless this is `false`",
        kind: Kind::Truth(|m, truth| m.date_time = truth),
    },
    Key {
        name: "headline",
        doc: "a headline goes to SIP like any message, or is dropped and counted, without an error",
        kind: Kind::Words(&[
            ("drop", |m| m.drop_headlines = true),
            ("send", |m| m.drop_headlines = false),
        ]),
    },
    Key {
        name: "line_ends",
        doc: "the line ends of a text",
        kind: Kind::Words(&[("crlf", |m| m.crlf = true), ("lf", |m| m.crlf = false)]),
    },
    Key {
        name: "date_from_delay",
        doc: "whether the time of a delayed message (XEP-0203) is the Date of the request. It is the DateTime of a CPIM object always; a user agent may refuse an old Date (RFC 3428 §11.4)",
        kind: Kind::Truth(|m, truth| m.date_from_delay = truth),
    },
    Key {
        name: "expires",
        doc: "Expires, and with it Date, of each request (RFC 3428 §4); `0s` writes neither",
        kind: Kind::Time(|m, time| m.expires = time),
    },
    Key {
        name: "cpim_scheme",
        doc: "the addresses in CPIM objects: as in the SIP header, or `im:` URIs without a device (RFC 3922 §4.1). Linphone 5.1 refuses `im`",
        kind: Kind::Words(&[
            ("sip", |m| m.cpim_scheme = AddressScheme::Sip),
            ("im", |m| m.cpim_scheme = AddressScheme::Im),
        ]),
    },
    Key {
        name: "to_scheme",
        doc: "the To header: as the Request-URI, or an `im:` URI (RFC 3428 §5); the Request-URI is a `sip:` URI always",
        kind: Kind::Words(&[
            ("sip", |m| m.to_scheme = AddressScheme::Sip),
            ("im", |m| m.to_scheme = AddressScheme::Im),
        ]),
    },
    Key {
        name: "im_escaping",
        doc: "which characters of a user stand for themselves in an `im:` URI: those of RFC 7247 §6.5 and the dot, without the dot, or those of RFC 3922 §3.2",
        kind: Kind::Words(&[
            ("rfc7247", |m| m.im_escaping = ImEscaping::Rfc7247),
            ("rfc7247-strict", |m| m.im_escaping = ImEscaping::Rfc7247Strict),
            ("rfc3922", |m| m.im_escaping = ImEscaping::Rfc3922),
        ]),
    },
    Key {
        name: "content_id",
        doc: "whether the id of a stanza becomes the Content-ID of its CPIM object (RFC 3922 §4.1.3): only where all clients make ids that are unique in the world",
        kind: Kind::Words(&[
            ("id", |m| m.id_to_content_id = true),
            ("none", |m| m.id_to_content_id = false),
        ]),
    },
];

const TO_XMPP: [Key<Messages>; 13] = [
    Key {
        name: "success",
        doc: "the answer to a message that the XMPP server has: 200 (RFC 7572 §5) or 202 (RFC 3428 §7); one for all messages, and so not in a rule",
        kind: Kind::Words(&[("200", |m| m.success = 200), ("202", |m| m.success = 202)]),
    },
    Key {
        name: "thread",
        doc: "the header Thread of CPIM objects, in the namespace `urn:stox:cpim:0`, becomes the thread; or the Call-ID does (RFC 7572), which SIP clients make anew for each message; or nothing does",
        kind: Kind::Words(&[
            ("cpim", |m| m.thread_to_xmpp = ThreadForm::Cpim),
            ("call-id", |m| m.thread_to_xmpp = ThreadForm::CallId),
            ("none", |m| m.thread_to_xmpp = ThreadForm::None),
        ]),
    },
    Key {
        name: "type",
        doc: "the type of a message with a text: `chat`, or `normal` (RFC 7572 §5), which Psi shows apart from the chat. A Subject alone is `normal` always",
        kind: Kind::Words(&[("chat", |m| m.chat = true), ("normal", |m| m.chat = false)]),
    },
    Key {
        name: "html",
        doc: "HTML becomes XHTML-IM (XEP-0071) beside its plain text, or plain text alone",
        kind: Kind::Words(&[("xhtml-im", |m| m.xhtml_im = true), ("text", |m| m.xhtml_im = false)]),
    },
    Key {
        name: "max_inflated_octets",
        doc: "octets that the content codings (gzip, deflate) of one message may inflate to, over all its parts; 413 beyond",
        kind: Kind::Number(1_024, 1_048_576, |m, octets| m.max_inflated_octets = octets),
    },
    Key {
        name: "cpim_syntax",
        doc: "CPIM objects are read as known user agents write them (bare LF, no space behind a colon), or by the letter of RFC 3862, with 400 for all else",
        kind: Kind::Words(&[
            ("lenient", |m| m.cpim_syntax = Strictness::Lenient),
            ("strict", |m| m.cpim_syntax = Strictness::Strict),
        ]),
    },
    Key {
        name: "foreign_cpim_from",
        doc: "an object whose From is not the SIP sender is delivered as from the SIP sender and counted, or refused with 403",
        kind: Kind::Words(&[
            ("deliver", |m| m.refuse_foreign_from = false),
            ("refuse", |m| m.refuse_foreign_from = true),
        ]),
    },
    Key {
        name: "cpim_date_time",
        doc: "a CPIM DateTime more than 5 minutes from now is left out, or becomes a delay (XEP-0203)",
        kind: Kind::Words(&[
            ("none", |m| m.cpim_date_time = false),
            ("delay", |m| m.cpim_date_time = true),
        ]),
    },
    Key {
        name: "far_date",
        doc: "a Date more than 5 minutes from now becomes a delay, or is refused with 400 (RFC 3428 §11.4)",
        kind: Kind::Words(&[
            ("deliver", |m| m.far_date = Late::Deliver),
            ("refuse", |m| m.far_date = Late::Refuse),
        ]),
    },
    Key {
        name: "expired",
        doc: "a message whose Expires has passed is refused with 480, or delivered with a delay (RFC 3428 §7)",
        kind: Kind::Words(&[
            ("refuse", |m| m.expired = Late::Refuse),
            ("deliver", |m| m.expired = Late::Deliver),
        ]),
    },
    Key {
        name: "max_forwards_header",
        doc: "whether Max-Forwards, less one, goes on as a stanza header (XEP-0131). From XMPP such a header is always honoured",
        kind: Kind::Truth(|m, truth| m.max_forwards_header = truth),
    },
    Key {
        name: "id",
        doc: "the id of the stanza: made of the transaction, or the Content-ID of the CPIM object where it has one (RFC 3922 §4.2.8)",
        kind: Kind::Words(&[
            ("transaction", |m| m.content_id_to_id = false),
            ("content-id", |m| m.content_id_to_id = true),
        ]),
    },
    Key {
        name: "refuse_types",
        doc: "media types that get 415, although they could be read",
        kind: Kind::Texts(|m, types| m.refuse_types = types),
    },
];
