//! `messages.yaml`: the form of messages.

use std::time::Duration;

use super::section;
use crate::codec::mime::Strictness;
use crate::codec::yaml::{Map, Node};

/// Which form a message's body takes towards SIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyProfile {
    /// A CPIM object first, bare text when that is refused.
    Auto,
    /// Always a CPIM object.
    Cpim,
    /// Always bare text.
    Text,
}

/// What becomes of a message that came too late, or says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// It is delivered, marked with its time.
    Deliver,
    /// Its sender gets an error.
    Refuse,
}

const PROFILES: [(&str, BodyProfile); 3] =
    [("auto", BodyProfile::Auto), ("cpim", BodyProfile::Cpim), ("text", BodyProfile::Text)];
const THREADS: [(&str, bool); 2] = [("call-id", true), ("none", false)];
const NICKS: [(&str, bool); 2] = [("display-name", true), ("none", false)];
const HEADLINES: [(&str, bool); 2] = [("drop", true), ("send", false)];
const LINE_ENDS: [(&str, bool); 2] = [("crlf", true), ("lf", false)];
const HTML: [(&str, bool); 2] = [("xhtml-im", true), ("text", false)];
const SYNTAX: [(&str, Strictness); 2] =
    [("lenient", Strictness::Lenient), ("strict", Strictness::Strict)];
const LATE: [(&str, Late); 2] = [("deliver", Late::Deliver), ("refuse", Late::Refuse)];
const FOREIGN: [(&str, bool); 2] = [("refuse", true), ("deliver", false)];
const DATE_TIME: [(&str, bool); 2] = [("delay", true), ("none", false)];
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

/// How messages cross.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Messages {
    /// `to_sip.profile`.
    pub profile: BodyProfile,
    /// The statuses that refuse a form: `to_sip.refused_form`.
    pub refused_form: Vec<u16>,
    /// Beginnings of User-Agent, in lower case, that read bare text alone: `to_sip.text_agents`.
    pub text_agents: Vec<String>,
    /// How long a target that wanted bare text is remembered: `to_sip.remember_text`.
    pub remember_text: Duration,
    /// Octets of a whole MESSAGE request: `to_sip.max_request_octets` (RFC 3428 §8).
    pub max_request_octets: usize,
    /// Whether a thread becomes the Call-ID: `to_sip.thread`.
    pub thread_to_call_id: bool,
    /// Whether a nick (XEP-0172) becomes the display name: `to_sip.nick`.
    pub nick_to_display_name: bool,
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
    /// Whether the Call-ID becomes the thread: `to_xmpp.thread`.
    pub call_id_to_thread: bool,
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
}

impl Default for Messages {
    fn default() -> Self {
        Messages {
            profile: BodyProfile::Auto,
            refused_form: Vec::new(),
            text_agents: Vec::new(),
            remember_text: Duration::ZERO,
            max_request_octets: 1_300,
            thread_to_call_id: true,
            nick_to_display_name: true,
            formal_name: false,
            date_time: true,
            drop_headlines: false,
            crlf: false,
            date_from_delay: false,
            expires: Duration::ZERO,
            success: 200,
            call_id_to_thread: true,
            xhtml_im: true,
            max_inflated_octets: 65_536,
            cpim_syntax: Strictness::Lenient,
            refuse_foreign_from: false,
            cpim_date_time: false,
            far_date: Late::Deliver,
            expired: Late::Refuse,
            max_forwards_header: false,
        }
    }
}

impl Messages {
    /// The bodies that are read from SIP, for an Accept (RFC 3261 §20.1).
    pub const ACCEPT: &str = "text/plain, message/cpim, text/html, multipart/mixed, \
        multipart/alternative, multipart/related, message/external-body;access-type=url, \
        application/im-iscomposing+xml, message/imdn+xml";

    pub(super) fn read(&mut self, map: &Map<'_>) {
        section(map, "to_sip", |map| self.read_to_sip(map));
        section(map, "to_xmpp", |map| self.read_to_xmpp(map));
    }

    fn read_to_sip(&mut self, map: &Map<'_>) {
        word(map, "profile", &PROFILES, &mut self.profile);
        if let Some(codes) = map.optional("refused_form").and_then(|node| statuses(&node)) {
            self.refused_form = codes;
        }
        time(map, "remember_text", &mut self.remember_text);
        if let Some(agents) = map.optional("text_agents").and_then(|node| words(&node)) {
            self.text_agents = agents;
        }
        octets(map, "max_request_octets", 500, 65_535, &mut self.max_request_octets);
        word(map, "thread", &THREADS, &mut self.thread_to_call_id);
        word(map, "nick", &NICKS, &mut self.nick_to_display_name);
        truth(map, "formal_name", &mut self.formal_name);
        truth(map, "date_time", &mut self.date_time);
        word(map, "headline", &HEADLINES, &mut self.drop_headlines);
        word(map, "line_ends", &LINE_ENDS, &mut self.crlf);
        truth(map, "date_from_delay", &mut self.date_from_delay);
        time(map, "expires", &mut self.expires);
    }

    fn read_to_xmpp(&mut self, map: &Map<'_>) {
        word(map, "success", &[("200", 200), ("202", 202)], &mut self.success);
        word(map, "thread", &THREADS, &mut self.call_id_to_thread);
        word(map, "html", &HTML, &mut self.xhtml_im);
        octets(map, "max_inflated_octets", 1_024, 1_048_576, &mut self.max_inflated_octets);
        word(map, "cpim_syntax", &SYNTAX, &mut self.cpim_syntax);
        word(map, "foreign_cpim_from", &FOREIGN, &mut self.refuse_foreign_from);
        word(map, "cpim_date_time", &DATE_TIME, &mut self.cpim_date_time);
        word(map, "far_date", &LATE, &mut self.far_date);
        word(map, "expired", &LATE, &mut self.expired);
        truth(map, "max_forwards_header", &mut self.max_forwards_header);
    }
}

/// Texts, in lower case.
fn words(node: &Node<'_>) -> Option<Vec<String>> {
    node.list()?.into_iter().map(|node| node.text().map(str::to_lowercase)).collect()
}

pub(super) fn word<T: Copy>(map: &Map<'_>, key: &'static str, words: &[(&str, T)], field: &mut T) {
    if let Some(value) = map.optional(key).and_then(|node| node.one_of(words)) {
        *field = value;
    }
}

fn truth(map: &Map<'_>, key: &'static str, field: &mut bool) {
    if let Some(value) = map.optional(key).and_then(|node| node.truth()) {
        *field = value;
    }
}

/// A time of at most a week.
fn time(map: &Map<'_>, key: &'static str, field: &mut Duration) {
    if let Some(value) = map.optional(key).and_then(|node| node.duration(Duration::ZERO..=WEEK)) {
        *field = value;
    }
}

fn octets(map: &Map<'_>, key: &'static str, low: u64, high: u64, field: &mut usize) {
    let number = map.optional(key).and_then(|node| node.number(low..=high));
    if let Some(value) = number.and_then(|number| usize::try_from(number).ok()) {
        *field = value;
    }
}

fn statuses(node: &Node<'_>) -> Option<Vec<u16>> {
    let codes = node.list()?.into_iter().map(|node| status(&node, 300));
    codes.collect()
}

/// A final status code from `lowest` to 699.
pub(super) fn status(node: &Node<'_>, lowest: u64) -> Option<u16> {
    node.number(lowest..=699).and_then(|code| u16::try_from(code).ok())
}
