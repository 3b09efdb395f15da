//! The namespaces of person and activities: those of RFC 4479 and RFC 4480, and those of the drafts
//! before them, which are still written.
//!
//! COMPAT: Asterisk chan_sip 16 and res_pjsip_pidf_eyebeam_body_supplement, FreeSWITCH 1.10:
//! `<person/>` of `urn:ietf:params:xml:ns:pidf:person`, which holds a `<status/>` with activities of
//! `urn:ietf:params:xml:ns:pidf:rpid:rpid-person`.
//! COMPAT: eXosip, SIPE: `<activity>busy</activity>` in the status of a tuple.
//! COMPAT: Cisco Unified CM 12: `urn:ietf:params:xml:ns:pidf:status:rpid`, and a namespace of its own,
//! also of a `<person/>`, with `<dnd/>`.

use super::{DATA_MODEL, RPID};

/// Activities and persons of Cisco.
const CISCO: &str = "urn:cisco:params:xml:ns:pidf:rpid";
/// What had the place of [`DATA_MODEL`].
const PERSONS: [&str; 2] = ["urn:ietf:params:xml:ns:pidf:person", CISCO];
/// What had the place of [`RPID`].
const ACTIVITIES: [&str; 5] = [
    "urn:ietf:params:xml:ns:pidf:rpid:rpid-person",
    "urn:ietf:params:xml:ns:pidf:rpid:status:rpid-status",
    "urn:ietf:params:xml:ns:pidf:status:rpid-status",
    "urn:ietf:params:xml:ns:pidf:status:rpid",
    CISCO,
];

/// Whether a `<person/>` of this namespace is one.
pub(super) fn is_person(namespace: &str) -> bool {
    namespace == DATA_MODEL || PERSONS.contains(&namespace)
}

/// Whether elements of this namespace are those of RFC 4480.
pub(super) fn is_rpid(namespace: &str) -> bool {
    namespace == RPID || ACTIVITIES.contains(&namespace)
}

/// Whether elements of this namespace are those of Cisco.
pub(super) fn is_cisco(namespace: &str) -> bool {
    namespace == CISCO
}
