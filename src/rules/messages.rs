//! `messages.yaml`: the form of messages.

mod edits;
mod keys;
mod part;
mod phrases;

use std::borrow::Cow;
use std::time::Duration;

use super::facts::{Direction, Facts, Field};
use super::key::Key;
use super::matcher::When;
use super::rule_set::RuleSet;
use super::rule_table::RuleTable;
use crate::codec::mime::Strictness;
use crate::codec::sip::{Scheme, Uri, UriBuilder, percent};
use crate::codec::yaml::Map;

pub(super) use edits::check_written;
pub use edits::{Edits, VARIABLES};
pub use part::Part;
pub use phrases::{Phrase, Phrases};

/// Which form a message's body takes towards SIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyProfile {
    /// What the peer wants, else a CPIM object for who is known to read it and bare text for
    /// everybody else.
    Auto,
    /// Always a CPIM object.
    Cpim,
    /// Always bare text.
    Text,
}

/// What stands for a thread on the SIP side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadForm {
    /// The header Thread of a CPIM object, in a namespace of the gateway's own.
    Cpim,
    /// The Call-ID (RFC 7572 Table 1).
    CallId,
    /// Nothing.
    None,
}

/// What becomes of a message that came too late, or says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// It is delivered, marked with its time.
    Deliver,
    /// Its sender gets an error.
    Refuse,
}

/// The scheme of an address that is told to SIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressScheme {
    /// `sip:`.
    Sip,
    /// `im:` (RFC 3860), without a device.
    Im,
}

/// Which characters of a user stand for themselves in an im: or pres: URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ImEscaping {
    /// RFC 7247 §6.5, the dot among them.
    #[default]
    Rfc7247,
    /// RFC 7247 §6.5 by the letter: the dot is escaped.
    Rfc7247Strict,
    /// RFC 3922 §3.2.
    Rfc3922,
}

/// The im: URI of a user of a SIP URI.
#[must_use]
pub fn im_uri(uri: &Uri, escaping: ImEscaping) -> Option<Uri> {
    mailbox(Scheme::Im, uri, escaping)
}

/// The im: or pres: URI of a user of a SIP URI: never with a device (RFC 3922 §3.2, RFC 7247 §6.5).
#[must_use]
pub fn mailbox(scheme: Scheme, uri: &Uri, escaping: ImEscaping) -> Option<Uri> {
    let set = match escaping {
        ImEscaping::Rfc7247 => percent::Set::Mailbox,
        ImEscaping::Rfc7247Strict => percent::Set::MailboxStrict,
        ImEscaping::Rfc3922 => percent::Set::Mailbox3922,
    };
    let user = uri.user_octets().filter(|_| uri.scheme().has_host())?;
    UriBuilder::escaped(scheme, &user, uri.host_str(), set).build().ok()
}

/// How messages cross.
#[derive(Debug, Clone, PartialEq)]
pub struct Messages {
    /// `to_sip.profile`.
    pub profile: BodyProfile,
    /// The statuses that refuse a form: `to_sip.refused_form`.
    pub refused_form: Vec<u16>,
    /// The scheme of the addresses in CPIM objects: `to_sip.cpim_scheme`.
    pub cpim_scheme: AddressScheme,
    /// The scheme of the To header: `to_sip.to_scheme` (RFC 3428 §5).
    pub to_scheme: AddressScheme,
    /// What is escaped in an im: URI: `to_sip.im_escaping`.
    pub im_escaping: ImEscaping,
    /// Whether the id of a stanza becomes the Content-ID of the object: `to_sip.content_id`.
    pub id_to_content_id: bool,
    /// Beginnings of the names of agents that read objects: `to_sip.cpim_agents`.
    pub cpim_agents: Vec<String>,
    /// Beginnings of the names of agents that do not, whatever they say: `to_sip.text_agents`.
    pub text_agents: Vec<String>,
    /// Beginnings of the names of agents that show little of a text: `to_sip.short_agents`.
    pub short_agents: Vec<String>,
    /// Octets of a text that these show: `to_sip.short_octets`.
    pub short_octets: usize,
    /// How long it counts what an agent was seen to read: `to_sip.remember`.
    pub remember: Duration,
    /// Octets of a whole MESSAGE request: `to_sip.max_request_octets` (RFC 3428 §8).
    pub max_request_octets: usize,
    /// Whether a text that is too long for one request goes in parts: `to_sip.long`.
    pub split: bool,
    /// What a thread becomes: `to_sip.thread`.
    pub thread_to_sip: ThreadForm,
    /// Whether a nick (XEP-0172) becomes the display name: `to_sip.nick`.
    pub nick_to_display_name: bool,
    /// Whether a correction begins with a mark: `to_sip.corrections`.
    pub mark_corrections: bool,
    /// Domains of room services that are believed when they say who invites:
    /// `to_sip.room_services`.
    pub room_services: Vec<String>,
    /// Whether names are written in CPIM objects: `to_sip.formal_name`.
    pub formal_name: bool,
    /// Whether CPIM objects say when they were sent: `to_sip.date_time`.
    pub date_time: bool,
    /// Whether headlines are left out: `to_sip.headline`.
    pub drop_headlines: bool,
    /// Whether lines end with CRLF instead of LF: `to_sip.line_ends`.
    pub crlf: bool,
    /// Whether the time of a delayed message becomes the Date: `to_sip.date_from_delay`.
    pub date_from_delay: bool,
    /// The Expires of each MESSAGE; zero for none: `to_sip.expires`.
    pub expires: Duration,
    /// The answer to a message that was taken: `to_xmpp.success`, 200 or 202.
    pub success: u16,
    /// Whether the Content-ID of a CPIM object becomes the id: `to_xmpp.id`.
    pub content_id_to_id: bool,
    /// Types that are not read, although they could be: `to_xmpp.refuse_types`.
    pub refuse_types: Vec<String>,
    /// What becomes the thread: `to_xmpp.thread`.
    pub thread_to_xmpp: ThreadForm,
    /// Whether messages with a text are of type `chat`: `to_xmpp.type`.
    pub chat: bool,
    /// Whether a display name becomes a nick (XEP-0172): `to_xmpp.nick`.
    pub display_name_to_nick: bool,
    /// Whether HTML becomes XHTML-IM beside plain text: `to_xmpp.html`.
    pub xhtml_im: bool,
    /// Octets that the content codings of one message may inflate to:
    /// `to_xmpp.max_inflated_octets`.
    pub max_inflated_octets: usize,
    /// How CPIM objects are read: `to_xmpp.cpim_syntax`.
    pub cpim_syntax: Strictness,
    /// Whether a CPIM From of somebody else is refused: `to_xmpp.foreign_cpim_from`.
    pub refuse_foreign_from: bool,
    /// Whether a CPIM DateTime becomes a delay: `to_xmpp.cpim_date_time`.
    pub cpim_date_time: bool,
    /// What becomes of a message with a Date far from now: `to_xmpp.far_date`.
    pub far_date: Late,
    /// What becomes of a message whose Expires has passed: `to_xmpp.expired`.
    pub expired: Late,
    /// Whether Max-Forwards goes on as a header of XEP-0131: `to_xmpp.max_forwards_header`.
    pub max_forwards_header: bool,
    /// What stands for content that is no text, and what its sender is told: `texts`.
    pub texts: Phrases,
    /// What is set, left out and carried besides: only rules have it.
    pub edits: Edits,
    /// The rules of the file: [`Messages::of`] looks them up.
    pub(super) refined: RuleSet<Messages>,
}

impl Default for Messages {
    fn default() -> Self {
        Messages {
            profile: BodyProfile::Auto,
            refused_form: Vec::new(),
            cpim_agents: Vec::new(),
            text_agents: Vec::new(),
            short_agents: Vec::new(),
            short_octets: 450,
            remember: Duration::from_secs(30 * 24 * 3_600),
            max_request_octets: 1_300,
            split: true,
            thread_to_sip: ThreadForm::Cpim,
            nick_to_display_name: true,
            mark_corrections: true,
            room_services: Vec::new(),
            formal_name: false,
            date_time: true,
            drop_headlines: false,
            crlf: false,
            date_from_delay: false,
            expires: Duration::ZERO,
            success: 200,
            thread_to_xmpp: ThreadForm::Cpim,
            chat: true,
            display_name_to_nick: true,
            xhtml_im: true,
            max_inflated_octets: 65_536,
            cpim_syntax: Strictness::Lenient,
            refuse_foreign_from: false,
            cpim_date_time: false,
            far_date: Late::Deliver,
            expired: Late::Refuse,
            max_forwards_header: false,
            cpim_scheme: AddressScheme::Sip,
            to_scheme: AddressScheme::Sip,
            im_escaping: ImEscaping::Rfc7247,
            id_to_content_id: false,
            content_id_to_id: false,
            refuse_types: Vec::new(),
            texts: Phrases::default(),
            edits: Edits::default(),
            refined: RuleSet::default(),
        }
    }
}

impl Messages {
    /// The bodies that are read from SIP, for an Accept (RFC 3261 §20.1).
    pub const ACCEPT: &str = "text/plain, message/cpim, text/html, multipart/mixed, \
        multipart/alternative, multipart/related, message/external-body;access-type=url, \
        application/vnd.gsma.rcs-ft-http+xml, application/im-iscomposing+xml, message/imdn+xml";

    /// The settings for a message: those of the first rule that holds, else the file's own.
    #[must_use]
    pub fn of(&self, facts: &Facts<'_>) -> &Messages {
        self.refined.find(facts).map_or(self, |rule| &rule.then)
    }

    /// The types that are read, without those that the rules refuse, for an Accept.
    #[must_use]
    pub fn accept(&self) -> Cow<'static, str> {
        if self.refuse_types.is_empty() {
            return Cow::Borrowed(Messages::ACCEPT);
        }
        let read = |item: &&str| {
            let essence = item.split(';').next().unwrap_or_default();
            !self.refuse_types.iter().any(|refused| refused.eq_ignore_ascii_case(essence))
        };
        Cow::Owned(Messages::ACCEPT.split(", ").filter(read).collect::<Vec<_>>().join(", "))
    }
}

impl RuleTable for Messages {
    const KEYS: &'static [Key<Self>] = &keys::KEYS;
    const ACTIONS: &'static [Key<Self>] = &keys::ACTIONS;
    const ASKS: &'static [Field] = &[
        Field::Direction,
        Field::Peer,
        Field::From,
        Field::To,
        Field::FromDomain,
        Field::ToDomain,
        Field::Stanza,
        Field::Type,
        Field::Method,
        Field::ContentType,
        Field::Agent,
        Field::Namespace,
    ];
    const ONE_WAY: &'static [(Field, Direction)] = &[
        (Field::Type, Direction::ToSip),
        (Field::Namespace, Direction::ToSip),
        (Field::ContentType, Direction::ToXmpp),
        (Field::Agent, Direction::ToXmpp),
    ];

    fn check(when: &When, map: &Map<'_>) {
        edits::check(when, map);
    }

    fn rule_set(&mut self) -> &mut RuleSet<Self> {
        &mut self.refined
    }
}
