//! Status codes (RFC 3261 §7.2, §21, and the IANA registry of SIP response codes).

use std::fmt;

/// A status code, 100 to 699.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Status(u16);

/// The class of a status code, its first digit (RFC 3261 §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StatusClass {
    /// 1xx.
    Provisional,
    /// 2xx.
    Success,
    /// 3xx.
    Redirection,
    /// 4xx.
    ClientError,
    /// 5xx.
    ServerError,
    /// 6xx.
    GlobalFailure,
}

impl Status {
    /// The status of this code, if it is one (100 to 699).
    #[must_use]
    pub const fn new(code: u16) -> Option<Status> {
        if code >= 100 && code <= 699 { Some(Status(code)) } else { None }
    }

    /// The code.
    #[must_use]
    pub const fn code(self) -> u16 {
        self.0
    }

    /// The class.
    #[must_use]
    pub const fn class(self) -> StatusClass {
        match self.0 / 100 {
            1 => StatusClass::Provisional,
            2 => StatusClass::Success,
            3 => StatusClass::Redirection,
            4 => StatusClass::ClientError,
            5 => StatusClass::ServerError,
            _ => StatusClass::GlobalFailure,
        }
    }

    /// Whether it is 1xx.
    #[must_use]
    pub const fn is_provisional(self) -> bool {
        self.0 < 200
    }

    /// Whether it is not 1xx.
    #[must_use]
    pub const fn is_final(self) -> bool {
        self.0 >= 200
    }

    /// Whether it is 2xx.
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 / 100 == 2
    }

    /// The registered reason phrase, or that of the class's x00 code, which an unknown code is to
    /// be treated as (RFC 3261 §8.1.3.2).
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match phrase(self.0) {
            Some(phrase) => phrase,
            None => match self.class() {
                StatusClass::Provisional => "Session Progress",
                StatusClass::Success => "OK",
                StatusClass::Redirection => "Multiple Choices",
                StatusClass::ClientError => "Bad Request",
                StatusClass::ServerError => "Server Internal Error",
                StatusClass::GlobalFailure => "Busy Everywhere",
            },
        }
    }

    /// Whether the code is registered with IANA.
    #[must_use]
    pub const fn is_registered(self) -> bool {
        phrase(self.0).is_some()
    }
}

macro_rules! statuses {
    ($($name:ident $code:literal $phrase:literal $source:literal)*) => {
        impl Status {
            $(#[doc = concat!($code, " ", $phrase, " (", $source, ").")]
            pub const $name: Status = Status($code);)*

            /// Every registered status code, ascending.
            pub const REGISTERED: &'static [Status] = &[$(Status::$name),*];
        }

        const fn phrase(code: u16) -> Option<&'static str> {
            Some(match code {
                $($code => $phrase,)*
                _ => return None,
            })
        }
    };
}

statuses! {
    TRYING 100 "Trying" "RFC 3261"
    RINGING 180 "Ringing" "RFC 3261"
    CALL_IS_BEING_FORWARDED 181 "Call Is Being Forwarded" "RFC 3261"
    QUEUED 182 "Queued" "RFC 3261"
    SESSION_PROGRESS 183 "Session Progress" "RFC 3261"
    EARLY_DIALOG_TERMINATED 199 "Early Dialog Terminated" "RFC 6228"
    OK 200 "OK" "RFC 3261"
    ACCEPTED 202 "Accepted" "RFC 6665, deprecated"
    NO_NOTIFICATION 204 "No Notification" "RFC 5839"
    MULTIPLE_CHOICES 300 "Multiple Choices" "RFC 3261"
    MOVED_PERMANENTLY 301 "Moved Permanently" "RFC 3261"
    MOVED_TEMPORARILY 302 "Moved Temporarily" "RFC 3261"
    USE_PROXY 305 "Use Proxy" "RFC 3261"
    ALTERNATIVE_SERVICE 380 "Alternative Service" "RFC 3261"
    BAD_REQUEST 400 "Bad Request" "RFC 3261"
    UNAUTHORIZED 401 "Unauthorized" "RFC 3261"
    PAYMENT_REQUIRED 402 "Payment Required" "RFC 3261"
    FORBIDDEN 403 "Forbidden" "RFC 3261"
    NOT_FOUND 404 "Not Found" "RFC 3261"
    METHOD_NOT_ALLOWED 405 "Method Not Allowed" "RFC 3261"
    NOT_ACCEPTABLE 406 "Not Acceptable" "RFC 3261"
    PROXY_AUTHENTICATION_REQUIRED 407 "Proxy Authentication Required" "RFC 3261"
    REQUEST_TIMEOUT 408 "Request Timeout" "RFC 3261"
    GONE 410 "Gone" "RFC 3261"
    CONDITIONAL_REQUEST_FAILED 412 "Conditional Request Failed" "RFC 3903"
    REQUEST_ENTITY_TOO_LARGE 413 "Request Entity Too Large" "RFC 3261"
    REQUEST_URI_TOO_LONG 414 "Request-URI Too Long" "RFC 3261"
    UNSUPPORTED_MEDIA_TYPE 415 "Unsupported Media Type" "RFC 3261"
    UNSUPPORTED_URI_SCHEME 416 "Unsupported URI Scheme" "RFC 3261"
    UNKNOWN_RESOURCE_PRIORITY 417 "Unknown Resource-Priority" "RFC 4412"
    BAD_EXTENSION 420 "Bad Extension" "RFC 3261"
    EXTENSION_REQUIRED 421 "Extension Required" "RFC 3261"
    SESSION_INTERVAL_TOO_SMALL 422 "Session Interval Too Small" "RFC 4028"
    INTERVAL_TOO_BRIEF 423 "Interval Too Brief" "RFC 3261"
    BAD_LOCATION_INFORMATION 424 "Bad Location Information" "RFC 6442"
    BAD_ALERT_MESSAGE 425 "Bad Alert Message" "RFC 8876"
    USE_IDENTITY_HEADER 428 "Use Identity Header" "RFC 8224"
    PROVIDE_REFERRER_IDENTITY 429 "Provide Referrer Identity" "RFC 3892"
    FLOW_FAILED 430 "Flow Failed" "RFC 5626"
    ANONYMITY_DISALLOWED 433 "Anonymity Disallowed" "RFC 5079"
    BAD_IDENTITY_INFO 436 "Bad Identity Info" "RFC 8224"
    UNSUPPORTED_CREDENTIAL 437 "Unsupported Credential" "RFC 8224"
    INVALID_IDENTITY_HEADER 438 "Invalid Identity Header" "RFC 8224"
    FIRST_HOP_LACKS_OUTBOUND_SUPPORT 439 "First Hop Lacks Outbound Support" "RFC 5626"
    MAX_BREADTH_EXCEEDED 440 "Max-Breadth Exceeded" "RFC 5393"
    BAD_INFO_PACKAGE 469 "Bad Info Package" "RFC 6086"
    CONSENT_NEEDED 470 "Consent Needed" "RFC 5360"
    TEMPORARILY_UNAVAILABLE 480 "Temporarily Unavailable" "RFC 3261"
    CALL_OR_TRANSACTION_DOES_NOT_EXIST 481 "Call/Transaction Does Not Exist" "RFC 3261"
    LOOP_DETECTED 482 "Loop Detected" "RFC 3261"
    TOO_MANY_HOPS 483 "Too Many Hops" "RFC 3261"
    ADDRESS_INCOMPLETE 484 "Address Incomplete" "RFC 3261"
    AMBIGUOUS 485 "Ambiguous" "RFC 3261"
    BUSY_HERE 486 "Busy Here" "RFC 3261"
    REQUEST_TERMINATED 487 "Request Terminated" "RFC 3261"
    NOT_ACCEPTABLE_HERE 488 "Not Acceptable Here" "RFC 3261"
    BAD_EVENT 489 "Bad Event" "RFC 6665"
    REQUEST_PENDING 491 "Request Pending" "RFC 3261"
    UNDECIPHERABLE 493 "Undecipherable" "RFC 3261"
    SECURITY_AGREEMENT_REQUIRED 494 "Security Agreement Required" "RFC 3329"
    SERVER_INTERNAL_ERROR 500 "Server Internal Error" "RFC 3261"
    NOT_IMPLEMENTED 501 "Not Implemented" "RFC 3261"
    BAD_GATEWAY 502 "Bad Gateway" "RFC 3261"
    SERVICE_UNAVAILABLE 503 "Service Unavailable" "RFC 3261"
    SERVER_TIMEOUT 504 "Server Time-out" "RFC 3261"
    VERSION_NOT_SUPPORTED 505 "Version Not Supported" "RFC 3261"
    MESSAGE_TOO_LARGE 513 "Message Too Large" "RFC 3261"
    PUSH_NOTIFICATION_SERVICE_NOT_SUPPORTED 555 "Push Notification Service Not Supported" "RFC 8599"
    PRECONDITION_FAILURE 580 "Precondition Failure" "RFC 3312"
    BUSY_EVERYWHERE 600 "Busy Everywhere" "RFC 3261"
    DECLINE 603 "Decline" "RFC 3261"
    DOES_NOT_EXIST_ANYWHERE 604 "Does Not Exist Anywhere" "RFC 3261"
    NOT_ACCEPTABLE_ANYWHERE 606 "Not Acceptable" "RFC 3261"
    UNWANTED 607 "Unwanted" "RFC 8197"
    REJECTED 608 "Rejected" "RFC 8688"
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.reason())
    }
}

impl From<Status> for u16 {
    fn from(status: Status) -> u16 {
        status.0
    }
}

impl From<Status> for rsip::StatusCode {
    fn from(status: Status) -> rsip::StatusCode {
        // The vocabulary calls 201 "Accepted" and lacks 202: such codes keep our own phrase.
        match rsip::StatusCode::from(status.0) {
            rsip::StatusCode::Other(code, _) => {
                rsip::StatusCode::Other(code, status.reason().to_owned())
            }
            known => known,
        }
    }
}

impl TryFrom<rsip::StatusCode> for Status {
    type Error = OutOfRange;

    /// Fails for codes outside 100 to 699.
    fn try_from(status: rsip::StatusCode) -> Result<Status, OutOfRange> {
        Status::new(status.code()).ok_or(OutOfRange)
    }
}

/// A status code outside 100 to 699.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("status codes are 100 to 699")]
pub struct OutOfRange;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_classes() {
        assert_eq!(Status::new(99), None);
        assert_eq!(Status::new(700), None);
        assert_eq!(Status::new(699).map(Status::class), Some(StatusClass::GlobalFailure));
        assert_eq!(Status::ACCEPTED.to_string(), "202 Accepted");
        assert_eq!(Status::new(499).unwrap().reason(), "Bad Request");
        assert!(!Status::new(499).unwrap().is_registered());
        assert!(Status::REGISTERED.is_sorted());
    }

    #[test]
    fn vocabulary_agrees_where_it_has_a_word() {
        // Codes the vocabulary has but IANA does not register.
        let unregistered = [201, 409, 411];
        for code in 100..700 {
            let word = rsip::StatusCode::from(code);
            let known = !matches!(word, rsip::StatusCode::Other(..));
            let status = Status::new(code).unwrap();
            if known {
                assert_eq!(status.is_registered(), !unregistered.contains(&code), "{code}");
            }
            assert_eq!(Status::try_from(rsip::StatusCode::from(status)), Ok(status));
        }
        assert_eq!(Status::try_from(rsip::StatusCode::from(99)), Err(OutOfRange));
    }
}
