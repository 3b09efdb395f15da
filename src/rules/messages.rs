//! `messages.yaml`: the form of messages.

use std::time::Duration;

use super::section;
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

const PROFILES: [(&str, BodyProfile); 3] =
    [("auto", BodyProfile::Auto), ("cpim", BodyProfile::Cpim), ("text", BodyProfile::Text)];

/// How messages cross.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Messages {
    /// `to_sip.profile`.
    pub profile: BodyProfile,
    /// The statuses that refuse a form: `to_sip.refused_form`.
    pub refused_form: Vec<u16>,
    /// How long a target that wanted bare text is remembered: `to_sip.remember_text`.
    pub remember_text: Duration,
    /// Octets of a whole MESSAGE request: `to_sip.max_request_octets` (RFC 3428 §8).
    pub max_request_octets: usize,
    /// The answer to a message that was taken: `to_xmpp.success`, 200 or 202.
    pub success: u16,
}

impl Default for Messages {
    fn default() -> Self {
        Messages {
            profile: BodyProfile::Auto,
            refused_form: Vec::new(),
            remember_text: Duration::ZERO,
            max_request_octets: 1_300,
            success: 200,
        }
    }
}

impl Messages {
    pub(super) fn read(&mut self, map: &Map<'_>) {
        section(map, "to_sip", |map| {
            let profile = map.optional("profile").and_then(|node| node.one_of(&PROFILES));
            self.profile = profile.unwrap_or(self.profile);
            if let Some(codes) = map.optional("refused_form").and_then(|node| statuses(&node)) {
                self.refused_form = codes;
            }
            let week = Duration::from_secs(7 * 24 * 3_600);
            let remember = map.optional("remember_text");
            let remember = remember.and_then(|node| node.duration(Duration::ZERO..=week));
            self.remember_text = remember.unwrap_or(self.remember_text);
            let octets = map.optional("max_request_octets");
            let octets = octets.and_then(|node| node.number(500..=65_535));
            let octets = octets.and_then(|octets| usize::try_from(octets).ok());
            self.max_request_octets = octets.unwrap_or(self.max_request_octets);
        });
        section(map, "to_xmpp", |map| {
            let success = map.optional("success");
            let success = success.and_then(|node| node.one_of(&[("200", 200), ("202", 202)]));
            self.success = success.unwrap_or(self.success);
        });
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
