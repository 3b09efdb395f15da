//! The plan "hostile": attackers on both sides send what lies around every bound, beside bystanders
//! who write and show themselves all the time. README.md says what must hold.

mod books;
mod bounds;
mod gate;
mod peer;
mod plan;
pub(crate) mod sabotage;
mod server;
mod sip_attacks;
mod sizes;
mod wires;
mod world;
mod xmpp_attacks;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use stox::config::Transport;
use stox::flow::CommitId;
use stox::rules::Rules;

use plan::Side;
use sabotage::Kind;
use wires::Way;
use world::World;

use crate::simulation::Outcome;

/// What the fixed seeds must have exercised.
pub(crate) const MUST: &[&str] = &[
    "hostile.sip.body",
    "hostile.sip.header",
    "hostile.sip.flood",
    "hostile.sip.watches_many",
    "hostile.sip.asked_by_many",
    "hostile.sip.notify",
    "hostile.sip.method",
    "hostile.sip.garbage",
    "hostile.xmpp.message",
    "hostile.xmpp.flood",
    "hostile.xmpp.presence",
    "hostile.xmpp.subscribes",
    "hostile.xmpp.devices",
    "hostile.xmpp.spoof",
    "hostile.xmpp.query",
    "hostile.stranger",
    "hostile.bounced",
    "hostile.asked",
    "hostile.device_asked",
    "hostile.shown_to_a_bystander",
    "hostile.peer_closed_a_connection",
    "hostile.request_came_again",
    "hostile.stanza_over_the_bound",
    "hostile.sip_over_the_bound",
    "gateway.xmpp_too_large_cut",
    "gateway.xmpp_to_sip_over_share",
    "gateway.sip_subscribes_over_share",
    "gateway.sip_strangers_dropped",
    "gateway.sip_too_large_cut",
    "gateway.xmpp_malformed",
    "gateway.sip_answered",
    "gateway.sip_quarantined",
];

/// What happens.
#[derive(Debug)]
enum Happens {
    ToServer(Bytes),
    ToGateway(Bytes),
    ToPeer(Way, Bytes),
    PeerSends(Option<Way>, Bytes),
    FromPeer(Way, Bytes),
    Stranger(SocketAddr, Transport, Bytes),
    Closed(u64),
    Refused(SocketAddr),
    Committed(CommitId),
    /// A bystander of a pair writes, or shows something new.
    Writes(usize),
    Shows(usize),
    Attack(Side),
    /// What a fault held back.
    Late(stox::flow::Effect),
    Inspect,
}

fn rules() -> Result<Arc<Rules>, String> {
    static RULES: OnceLock<Option<Arc<Rules>>> = OnceLock::new();
    let made = RULES.get_or_init(|| Rules::load(None).ok().map(|(rules, _)| Arc::new(rules)));
    made.clone().ok_or_else(|| "the built-in rules are wrong".to_owned())
}

/// Runs one seed of the plan.
pub(crate) fn run(seed: u64, lines: usize, fault: Option<Kind>) -> Result<Outcome, String> {
    Ok(World::new(seed, lines, fault, &rules()?)?.run(seed))
}
