//! What a gateway tells of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The state of a running gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The version that runs.
    pub version: String,
    /// Seconds since the start.
    pub uptime_s: u64,
    /// Whether new messages are taken on.
    pub in_service: bool,
    /// Troubles that last, in words: the store, the journal.
    #[serde(default)]
    pub alarms: Vec<String>,
    /// The component links.
    pub links: Vec<LinkStatus>,
    /// The SIP peers.
    pub peers: Vec<PeerStatus>,
    /// The mapping rules that count.
    #[serde(default)]
    pub rules: RulesStatus,
    /// What is in flight, by name.
    pub gauges: BTreeMap<String, u64>,
    /// What was counted since the start, by name.
    pub counters: BTreeMap<String, u64>,
    /// End-to-end encryption met since the start, by scheme, direction and decision.
    #[serde(default)]
    pub encryption: Vec<EncryptionCount>,
    /// The last messages that were refused for it, the latest last.
    #[serde(default)]
    pub encryption_refused: Vec<EncryptionRefusal>,
}

/// How often one scheme met one decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptionCount {
    /// The scheme, such as `omemo:2`.
    pub scheme: String,
    /// `xmpp_to_sip` or `sip_to_xmpp`.
    pub direction: String,
    /// `refused`, `relayed`, `signature_left_out` and so on.
    pub decision: String,
    /// How often.
    pub count: u64,
}

/// A message that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptionRefusal {
    /// When: seconds since 1970.
    pub unix: u64,
    /// The scheme.
    pub scheme: String,
    /// `xmpp_to_sip` or `sip_to_xmpp`.
    pub direction: String,
    /// Its sender, as a JID.
    pub from: String,
    /// Its recipient, as a JID.
    pub to: String,
    /// The stanza's id, or the Call-ID.
    pub id: String,
    /// Where in the message the scheme was seen.
    pub place: String,
}

/// The mapping rules that count.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RulesStatus {
    /// A hash of their files.
    pub digest: String,
    /// When they were loaded: seconds since 1970.
    pub loaded_unix_s: u64,
    /// Reloads that were taken since the start.
    pub taken: u64,
    /// Reloads that were not.
    pub refused: u64,
}

/// One component link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkStatus {
    /// The component's domain.
    pub component: String,
    /// The server's address.
    pub server: String,
    /// `up`, `connecting` or `down`.
    pub state: String,
    /// Why it is down.
    pub error: Option<String>,
    /// Stanzas that the server has perhaps not got yet.
    pub unconfirmed: usize,
}

/// One SIP peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerStatus {
    /// The operator's name for it.
    pub name: String,
    /// Its URI.
    pub uri: String,
    /// `up`, `down` or `unknown`.
    pub state: String,
}
