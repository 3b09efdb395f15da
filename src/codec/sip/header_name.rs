//! Header field names and their compact forms (RFC 3261 §7.3, §20, and the IANA registry).

use std::fmt;
use std::hash::{Hash, Hasher};

use super::{Text, chars};

/// A header field name that is not in [`HeaderName`]'s list; made only by [`HeaderName::new`].
/// Compared without regard to case, written as it came.
#[derive(Clone, Debug)]
pub struct ExtensionName(Text);

macro_rules! names {
    ($($variant:ident $name:literal $source:literal)*; $($short:literal $full:ident)*) => {
        /// The name of a header field: compared without regard to case, and equal to its compact
        /// form; written in full, in its registered spelling.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum HeaderName {
            $(#[doc = concat!("`", $name, "` (", $source, ").")]
            $variant,)*
            /// Any other token.
            Other(ExtensionName),
        }

        impl HeaderName {
            /// The name as written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(HeaderName::$variant => $name,)*
                    HeaderName::Other(ExtensionName(name)) => name,
                }
            }

            /// The compact form, if the name has one.
            #[must_use]
            pub fn compact(&self) -> Option<char> {
                match self {
                    $(HeaderName::$full => Some($short),)*
                    _ => None,
                }
            }

            fn from_compact(letter: char) -> Option<HeaderName> {
                match letter {
                    $($short => Some(HeaderName::$full),)*
                    _ => None,
                }
            }
        }

        /// Every name with its text.
        static NAMES: &[(&str, HeaderName)] = &[$(($name, HeaderName::$variant)),*];
    };
}

names! {
    Accept "Accept" "RFC 3261"
    AcceptContact "Accept-Contact" "RFC 3841"
    AcceptEncoding "Accept-Encoding" "RFC 3261"
    AcceptLanguage "Accept-Language" "RFC 3261"
    AcceptResourcePriority "Accept-Resource-Priority" "RFC 4412"
    AdditionalIdentity "Additional-Identity" "3GPP TS 24.229"
    AlertInfo "Alert-Info" "RFC 3261"
    AlertMsgError "AlertMsg-Error" "RFC 8876"
    Allow "Allow" "RFC 3261"
    AllowEvents "Allow-Events" "RFC 6665"
    AnswerMode "Answer-Mode" "RFC 5373"
    AttestationInfo "Attestation-Info" "3GPP TS 24.229"
    AuthenticationInfo "Authentication-Info" "RFC 3261"
    Authorization "Authorization" "RFC 3261"
    CallId "Call-ID" "RFC 3261"
    CallInfo "Call-Info" "RFC 3261"
    CellularNetworkInfo "Cellular-Network-Info" "3GPP TS 24.229"
    Contact "Contact" "RFC 3261"
    ContentDisposition "Content-Disposition" "RFC 3261"
    ContentEncoding "Content-Encoding" "RFC 3261"
    ContentId "Content-ID" "RFC 8262"
    ContentLanguage "Content-Language" "RFC 3261"
    ContentLength "Content-Length" "RFC 3261"
    ContentTransferEncoding "Content-Transfer-Encoding" "RFC 5621, no registered header"
    ContentType "Content-Type" "RFC 3261"
    CSeq "CSeq" "RFC 3261"
    DcInfo "DC-Info" "3GPP TS 24.229"
    Date "Date" "RFC 3261"
    Encryption "Encryption" "RFC 3261, deprecated"
    ErrorInfo "Error-Info" "RFC 3261"
    Event "Event" "RFC 6665"
    Expires "Expires" "RFC 3261"
    FeatureCaps "Feature-Caps" "RFC 6809"
    FlowTimer "Flow-Timer" "RFC 5626"
    From "From" "RFC 3261"
    Geolocation "Geolocation" "RFC 6442"
    GeolocationError "Geolocation-Error" "RFC 6442"
    GeolocationRouting "Geolocation-Routing" "RFC 6442"
    Hide "Hide" "RFC 3261, deprecated"
    HistoryInfo "History-Info" "RFC 7044"
    Identity "Identity" "RFC 8224"
    IdentityInfo "Identity-Info" "RFC 4474, deprecated"
    InfoPackage "Info-Package" "RFC 6086"
    InReplyTo "In-Reply-To" "RFC 3261"
    Join "Join" "RFC 3911"
    MaxBreadth "Max-Breadth" "RFC 5393"
    MaxForwards "Max-Forwards" "RFC 3261"
    MimeVersion "MIME-Version" "RFC 3261"
    MinExpires "Min-Expires" "RFC 3261"
    MinSe "Min-SE" "RFC 4028"
    Organization "Organization" "RFC 3261"
    OriginationId "Origination-Id" "3GPP TS 24.229"
    PAccessNetworkInfo "P-Access-Network-Info" "RFC 7315"
    PAnswerState "P-Answer-State" "RFC 4964"
    PAssertedIdentity "P-Asserted-Identity" "RFC 3325"
    PAssertedService "P-Asserted-Service" "RFC 6050"
    PAssociatedUri "P-Associated-URI" "RFC 7315"
    PCalledPartyId "P-Called-Party-ID" "RFC 7315"
    PChargeInfo "P-Charge-Info" "RFC 8496"
    PChargingFunctionAddresses "P-Charging-Function-Addresses" "RFC 7315"
    PChargingVector "P-Charging-Vector" "RFC 7315"
    PDcsBillingInfo "P-DCS-Billing-Info" "RFC 5503"
    PDcsLaes "P-DCS-LAES" "RFC 5503"
    PDcsOsps "P-DCS-OSPS" "RFC 5503"
    PDcsRedirect "P-DCS-Redirect" "RFC 5503"
    PDcsTracePartyId "P-DCS-Trace-Party-ID" "RFC 3603"
    PEarlyMedia "P-Early-Media" "RFC 5009"
    PMediaAuthorization "P-Media-Authorization" "RFC 3313"
    PPreferredIdentity "P-Preferred-Identity" "RFC 3325"
    PPreferredService "P-Preferred-Service" "RFC 6050"
    PPrivateNetworkIndication "P-Private-Network-Indication" "RFC 7316"
    PProfileKey "P-Profile-Key" "RFC 5002"
    PRefusedUriList "P-Refused-URI-List" "RFC 5318"
    PServedUser "P-Served-User" "RFC 5502"
    PUserDatabase "P-User-Database" "RFC 4457"
    PVisitedNetworkId "P-Visited-Network-ID" "RFC 7315"
    Path "Path" "RFC 3327"
    PermissionMissing "Permission-Missing" "RFC 5360"
    PolicyContact "Policy-Contact" "RFC 6794"
    PolicyId "Policy-ID" "RFC 6794"
    Priority "Priority" "RFC 3261"
    PriorityShare "Priority-Share" "3GPP TS 24.229"
    PriorityVerstat "Priority-Verstat" "3GPP TS 24.229"
    PrivAnswerMode "Priv-Answer-Mode" "RFC 5373"
    Privacy "Privacy" "RFC 3323"
    ProxyAuthenticate "Proxy-Authenticate" "RFC 3261"
    ProxyAuthorization "Proxy-Authorization" "RFC 3261"
    ProxyRequire "Proxy-Require" "RFC 3261"
    RAck "RAck" "RFC 3262"
    Reason "Reason" "RFC 3326"
    RecordRoute "Record-Route" "RFC 3261"
    RecvInfo "Recv-Info" "RFC 6086"
    ReferEventsAt "Refer-Events-At" "RFC 7614"
    ReferSub "Refer-Sub" "RFC 4488"
    ReferTo "Refer-To" "RFC 3515"
    ReferredBy "Referred-By" "RFC 3892"
    RejectContact "Reject-Contact" "RFC 3841"
    RelayedCharge "Relayed-Charge" "3GPP TS 24.229"
    Replaces "Replaces" "RFC 3891"
    ReplyTo "Reply-To" "RFC 3261"
    RequestDisposition "Request-Disposition" "RFC 3841"
    Require "Require" "RFC 3261"
    ResourcePriority "Resource-Priority" "RFC 4412"
    ResourceShare "Resource-Share" "3GPP TS 24.229"
    ResponseKey "Response-Key" "RFC 3261, deprecated"
    ResponseSource "Response-Source" "3GPP TS 24.229"
    RestorationInfo "Restoration-Info" "3GPP TS 24.229"
    RetryAfter "Retry-After" "RFC 3261"
    Route "Route" "RFC 3261"
    RSeq "RSeq" "RFC 3262"
    SecurityClient "Security-Client" "RFC 3329"
    SecurityServer "Security-Server" "RFC 3329"
    SecurityVerify "Security-Verify" "RFC 3329"
    Server "Server" "RFC 3261"
    ServiceInteractInfo "Service-Interact-Info" "3GPP TS 24.229"
    ServiceRoute "Service-Route" "RFC 3608"
    SessionExpires "Session-Expires" "RFC 4028"
    SessionId "Session-ID" "RFC 7989"
    SipEtag "SIP-ETag" "RFC 3903"
    SipIfMatch "SIP-If-Match" "RFC 3903"
    Subject "Subject" "RFC 3261"
    SubscriptionState "Subscription-State" "RFC 6665"
    Supported "Supported" "RFC 3261"
    SuppressIfMatch "Suppress-If-Match" "RFC 5839"
    TargetDialog "Target-Dialog" "RFC 4538"
    Timestamp "Timestamp" "RFC 3261"
    To "To" "RFC 3261"
    TriggerConsent "Trigger-Consent" "RFC 5360"
    Unsupported "Unsupported" "RFC 3261"
    UserAgent "User-Agent" "RFC 3261"
    UserToUser "User-to-User" "RFC 7433"
    Via "Via" "RFC 3261"
    Warning "Warning" "RFC 3261"
    WwwAuthenticate "WWW-Authenticate" "RFC 3261";

    'a' AcceptContact
    'b' ReferredBy
    'c' ContentType
    'd' RequestDisposition
    'e' ContentEncoding
    'f' From
    'i' CallId
    'j' RejectContact
    'k' Supported
    'l' ContentLength
    'm' Contact
    'n' IdentityInfo
    'o' Event
    'r' ReferTo
    's' Subject
    't' To
    'u' AllowEvents
    'v' Via
    'x' SessionExpires
    'y' Identity
}

impl HeaderName {
    /// The header of this name or compact form, or `None` if the text is no token.
    #[must_use]
    pub fn new(name: &Text) -> Option<HeaderName> {
        HeaderName::from_octets(name.as_bytes(), || name.clone())
    }

    /// The header named by these octets, or `None` if they are no token; `text` makes their text
    /// if it is needed.
    pub(super) fn from_octets(name: &[u8], text: impl FnOnce() -> Text) -> Option<HeaderName> {
        let known = match *name {
            [] => return None,
            [letter] => HeaderName::from_compact(char::from(letter).to_ascii_lowercase()),
            _ => lookup(name),
        };
        if known.is_some() {
            return known;
        }
        chars::all(name, chars::TOKEN).then(|| HeaderName::Other(ExtensionName(text())))
    }

    /// Whether a message keeps the header in a field of its own, or makes it when written, so
    /// that it is never in [`Headers`](super::Headers).
    #[must_use]
    pub fn is_structural(&self) -> bool {
        matches!(
            self,
            HeaderName::Via
                | HeaderName::From
                | HeaderName::To
                | HeaderName::CallId
                | HeaderName::CSeq
                | HeaderName::MaxForwards
                | HeaderName::ContentLength
        )
    }
}

/// A hash table of the names, made at compile time: for each hash the first name that has it (its
/// index in [`NAMES`] plus one; 0 for none), and for each name the next one of the same hash.
static TABLE: ([u8; 256], [u8; NAMES.len()]) = table();

const fn table() -> ([u8; 256], [u8; NAMES.len()]) {
    let mut first = [0; 256];
    let mut next = [0; NAMES.len()];
    let mut i = 0;
    while i < NAMES.len() {
        let slot = hash(NAMES[i].0.as_bytes());
        next[i] = first[slot];
        first[slot] = i as u8 + 1;
        i += 1;
    }
    (first, next)
}

/// Of the length and three letters; the factors were chosen so that no three names share a hash.
const fn hash(name: &[u8]) -> usize {
    let length = name.len();
    let first = name[0].to_ascii_lowercase().wrapping_mul(19);
    let last = name[length - 1].to_ascii_lowercase().wrapping_mul(43);
    let middle = name[length / 2].to_ascii_lowercase();
    first.wrapping_add(last).wrapping_add(middle).wrapping_add((length as u8).wrapping_mul(12))
        as usize
}

/// The known name, not empty, spelled by the octets.
fn lookup(name: &[u8]) -> Option<HeaderName> {
    let mut index = TABLE.0[hash(name)];
    while index > 0 {
        let (known, header) = &NAMES[usize::from(index) - 1];
        if name == known.as_bytes() || name.eq_ignore_ascii_case(known.as_bytes()) {
            return Some(header.clone());
        }
        index = TABLE.1[usize::from(index) - 1];
    }
    None
}

impl PartialEq for ExtensionName {
    fn eq(&self, other: &ExtensionName) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for ExtensionName {}

impl Hash for ExtensionName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for b in self.0.bytes() {
            state.write_u8(b.to_ascii_lowercase());
        }
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> HeaderName {
        HeaderName::new(&text.into()).unwrap()
    }

    #[test]
    fn every_name_is_found_in_any_case() {
        for (text, header) in NAMES {
            assert_eq!(name(text), *header);
            assert_eq!(name(&text.to_uppercase()), *header);
            assert_eq!(header.as_str(), *text);
            if let Some(letter) = header.compact() {
                assert_eq!(name(&letter.to_string()), *header);
                assert_eq!(name(&letter.to_uppercase().to_string()), *header);
            }
        }
        assert_eq!(NAMES.iter().filter(|(_, h)| h.compact().is_some()).count(), 20);
    }

    #[test]
    fn others_keep_their_spelling_and_ignore_case() {
        assert_eq!(name("X-Foo"), name("x-fOO"));
        assert_eq!(name("X-Foo").as_str(), "X-Foo");
        assert_ne!(name("X-Foo"), name("X-Fo0"));
        assert!(matches!(name("z"), HeaderName::Other(_)));
        assert_eq!(HeaderName::new(&"a b".into()), None);
        assert_eq!(HeaderName::new(&"X\r\nY".into()), None);
        assert_eq!(HeaderName::new(&"".into()), None);
    }
}
