//! What people are told of a refusal, in their languages: `texts` of `errors.yaml`.

use std::sync::Arc;

use super::super::shape::{Names, Shape};
use crate::codec::yaml::Node;

/// The language that everything is said in where a text lacks the wanted one.
pub(super) const ENGLISH: &str = "en";

macro_rules! sayings {
    ($($saying:ident $name:literal)*) => {
        /// What is said, each by its name in `texts`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Saying {
            $(#[doc = concat!("`", $name, "`.")] $saying,)*
        }

        impl Saying {
            /// All of them with their names, in the order of `texts`.
            pub const ALL: &[(&str, Saying)] = &[$(($name, Saying::$saying),)*];
        }
    };
}

sayings! {
    Choices "choices"
    Moved "moved"
    Proxy "proxy"
    AnotherWay "another_way"
    Refused "refused"
    Unreadable "unreadable"
    Credentials "credentials"
    Payment "payment"
    Forbidden "forbidden"
    Unknown "unknown"
    Nonexistent "nonexistent"
    Away "away"
    Gone "gone"
    Incomplete "incomplete"
    Ambiguous "ambiguous"
    Unsupported "unsupported"
    Form "form"
    AddressForm "address_form"
    Extension "extension"
    NoAnswer "no_answer"
    NoAnswerAway "no_answer_away"
    TooLong "too_long"
    TooOften "too_often"
    Withdrawn "withdrawn"
    Ended "ended"
    Circle "circle"
    Busy "busy"
    NoPresence "no_presence"
    Pending "pending"
    Undecipherable "undecipherable"
    Fault "fault"
    Beyond "beyond"
    Overloaded "overloaded"
    Declined "declined"
    Hidden "hidden"
    Retry "retry"
    FirstPart "first_part"
    LaterPart "later_part"
    Unreachable "unreachable"
    Behind "behind"
    Restarted "restarted"
    Stale "stale"
    NoWatcher "no_watcher"
    Replaced "replaced"
    QueueFull "queue_full"
    ShareFull "share_full"
    WatchesTooMany "watches_too_many"
    ForeignDomain "foreign_domain"
    RoomInvitation "room_invitation"
    UnservedDomain "unserved_domain"
    ToGateway "to_gateway"
    NoRoom "no_room"
    Stopping "stopping"
    Nobody "nobody"
    NoSipForm "no_sip_form"
    Hops "hops"
    NotOffered "not_offered"
    SipBadRequest "sip_bad_request"
    SipConflict "sip_conflict"
    SipUnsupported "sip_unsupported"
    SipForbidden "sip_forbidden"
    SipGone "sip_gone"
    SipFault "sip_fault"
    SipUnknown "sip_unknown"
    SipAddress "sip_address"
    SipForm "sip_form"
    SipNotAllowed "sip_not_allowed"
    SipLogin "sip_login"
    SipPolicy "sip_policy"
    SipAway "sip_away"
    SipMoved "sip_moved"
    SipNoServer "sip_no_server"
    SipNoAnswer "sip_no_answer"
    SipOverloaded "sip_overloaded"
    SipUnavailable "sip_unavailable"
    SipContactsOnly "sip_contacts_only"
    SipRefused "sip_refused"
    SipUnexpected "sip_unexpected"
    SipBadTimestamp "sip_bad_timestamp"
    SipBadSignature "sip_bad_signature"
    SipUndecipherable "sip_undecipherable"
    SipOutOfService "sip_out_of_service"
    SipUnreachable "sip_unreachable"
    SipUnconfirmed "sip_unconfirmed"
    SipPutAside "sip_put_aside"
    SipTooLong "sip_too_long"
    SipExpired "sip_expired"
    SipContent "sip_content"
    SipCharset "sip_charset"
    SipCoding "sip_coding"
    SipSecured "sip_secured"
    SipDemands "sip_demands"
    SipOtherSender "sip_other_sender"
    SipNoCalls "sip_no_calls"
    SipNoSips "sip_no_sips"
    SipStranger "sip_stranger"
    SipUnservedDomain "sip_unserved_domain"
    SipSenderDomain "sip_sender_domain"
    SipSenderForm "sip_sender_form"
    SipSenderAddress "sip_sender_address"
    SipNoXmppForm "sip_no_xmpp_form"
    SipAnonymous "sip_anonymous"
    SipNoUser "sip_no_user"
    SipNotShown "sip_not_shown"
    SipWatchesTooMany "sip_watches_too_many"
    SipTooManySubscriptions "sip_too_many_subscriptions"
    SipTooManyRequests "sip_too_many_requests"
}

/// The names of what is said to SIP users begin with this.
const TO_SIP: &str = "sip_";

impl Saying {
    /// What is said to the users of one side.
    pub(super) fn of_side(to_sip: bool) -> Vec<(&'static str, Saying)> {
        let of = |(name, _): &&(&'static str, Saying)| name.starts_with(TO_SIP) == to_sip;
        Saying::ALL.iter().filter(of).copied().collect()
    }
}

/// A text and its language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worded {
    /// The language tag.
    pub lang: Arc<str>,
    /// The text.
    pub text: Arc<str>,
}

/// The texts: of each saying one for each language.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words(Vec<Vec<Worded>>);

impl Words {
    /// A text in the first of the wanted languages that there is, else in English. `wanted` is a
    /// list of tags with commas between them; without anything at all the text is empty.
    #[must_use]
    pub fn say(&self, saying: Saying, wanted: &str) -> Worded {
        let all = self.0.get(saying as usize).map(Vec::as_slice).unwrap_or_default();
        let found = nearest(all, wanted, |said| &said.lang).or_else(|| all.first());
        found.cloned().unwrap_or_else(|| Worded { lang: ENGLISH.into(), text: "".into() })
    }

    /// The same with a number in it, for `{number}`.
    #[must_use]
    pub fn say_number(&self, saying: Saying, wanted: &str, number: u32) -> Worded {
        let Worded { lang, text } = self.say(saying, wanted);
        Worded { lang, text: text.replace("{number}", &number.to_string()).into() }
    }

    pub(super) fn read(&mut self, node: &Node<'_>) {
        let Some(map) = node.map() else { return };
        self.0.resize(Saying::ALL.len(), Vec::new());
        for (name, saying) in Saying::ALL {
            let Some(languages) = map.optional(name).and_then(|node| node.map()) else { continue };
            let Some(all) = self.0.get_mut(*saying as usize) else { continue };
            for (lang, node) in languages.entries() {
                let Some(text) = node.text() else { continue };
                if text.trim().is_empty() {
                    node.error("nobody is told anything by an empty text", "leave it out");
                    continue;
                }
                all.retain(|said| !said.lang.eq_ignore_ascii_case(lang));
                all.push(Worded { lang: lang.into(), text: text.into() });
            }
        }
        map.finish();
    }
}

/// What is nearest to the wanted languages (RFC 4647 §3.4): the first that there is, by its whole
/// tag or by less and less of it; else English.
pub(super) fn nearest<'a, T>(
    all: &'a [T],
    wanted: &str,
    lang: impl Fn(&T) -> &str,
) -> Option<&'a T> {
    let of = |tag: &str| all.iter().find(|one| lang(one).eq_ignore_ascii_case(tag));
    let lookup = |tag: &str| {
        let mut ends = tag.match_indices('-').map(|(end, _)| end).collect::<Vec<_>>();
        ends.push(tag.len());
        ends.iter().rev().find_map(|end| of(tag.get(..*end)?))
    };
    wanted.split(',').map(str::trim).find_map(lookup).or_else(|| of(ENGLISH))
}

/// A set of languages, with what stands for each.
pub(super) fn by_language(item: Shape) -> Shape {
    Shape::Entries(Names::Matching("^[A-Za-z0-9-]+$", "for each language"), Box::new(item))
}

/// The texts as values.
pub(super) fn shape() -> Shape {
    let names = Saying::ALL.iter().map(|(name, _)| *name).collect();
    Shape::Entries(Names::Of(names), Box::new(by_language(Shape::Text)))
}
