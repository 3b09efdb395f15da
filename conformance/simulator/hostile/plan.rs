//! What one seed of the hostile plan is about: the bounds of all three, who talks, who attacks.

use stox::config::Transport;

use crate::agenda::{MS, Micros, S};
use crate::dice::{Dice, Throws};
use crate::plan::{GATEWAY, PROXIES};

pub(super) const XMPP_DOMAIN: &str = "xmpp.test";
pub(super) const COMPONENT: &str = "sip.xmpp.test";
pub(super) const SIP_DOMAIN: &str = "sip.test";

/// When the bystanders are known to each other, and the attackers begin.
pub(super) const ATTACK: Micros = 10 * S;

/// The bounds of the gateway that matter here, as its settings have them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) stanza: usize,
    pub(super) document: usize,
    pub(super) dialog: usize,
    pub(super) queue: usize,
    pub(super) queue_per_target: usize,
    pub(super) pairs: usize,
    pub(super) pending: usize,
    pub(super) dialogs_per_pair: usize,
    pub(super) dialogs_per_user: usize,
}

/// What the settings have where they say nothing, but for what is counted by the thousand: a seed
/// is to reach it.
const USUAL: Bounds = Bounds {
    stanza: 262_144,
    document: 8_192,
    dialog: 4_096,
    queue: 1_000,
    queue_per_target: 200,
    pairs: 1_000,
    pending: 50,
    dialogs_per_pair: 16,
    dialogs_per_user: 100,
};

const SMALL: Bounds = Bounds {
    stanza: 10_000,
    document: 1_000,
    dialog: 512,
    queue: 100,
    queue_per_target: 5,
    pairs: 200,
    pending: 5,
    dialogs_per_pair: 2,
    dialogs_per_user: 10,
};

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) transport: Transport,
    pub(super) bounds: Bounds,
    /// Octets and depth of one stanza for which the XMPP server closes the stream.
    pub(super) server: (usize, u32),
    /// Octets of one message for which the SIP peer closes a TCP connection.
    pub(super) peer: usize,
    /// Whether a peer of UDP takes TCP, too.
    pub(super) takes_tcp: bool,
    pub(super) xmpp_latency: Micros,
    pub(super) sip_latency: Micros,
    /// Pairs of bystanders, each a user of XMPP and one of SIP.
    pub(super) bystanders: usize,
    /// Attackers of each side.
    pub(super) attackers: usize,
    /// What they do, at its time.
    pub(super) attacks: Vec<(Micros, Side)>,
    pub(super) end: Micros,
}

/// Where an attacker sits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Xmpp(usize),
    Sip(usize),
    Stranger,
}

impl Plan {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed, Throws::Plan);
        let transport = if dice.chance(400) { Transport::Tcp } else { Transport::Udp };
        let bounds = if dice.chance(600) { SMALL } else { USUAL };
        let end = ATTACK + dice.between(10 * S, 60 * S);
        let attackers = dice.between(1, 3) as usize;
        let sides = dice.between(0, 3);
        let count = dice.between(10, 50);
        let attacks = (0..count).map(|_| {
            let at = dice.between(ATTACK, end);
            let who = dice.below(attackers as u64) as usize;
            // Some seeds have one side alone.
            let side = match (sides, dice.below(10)) {
                (0, _) | (2.., 0..=3) => Side::Xmpp(who),
                (1, _) | (2.., 4..=8) => Side::Sip(who),
                _ => Side::Stranger,
            };
            (at, side)
        });
        Plan {
            transport,
            bounds,
            attacks: attacks.collect(),
            server: (bounds.stanza, dice.pick(&[32, 50, 128])),
            peer: dice.pick(&[4_096, 8_192, 16_384, 65_535, 131_072]),
            takes_tcp: dice.chance(700),
            xmpp_latency: dice.pick(&[100, MS, 20 * MS]),
            sip_latency: dice.pick(&[100, MS, 20 * MS]),
            bystanders: dice.between(1, 3) as usize,
            attackers,
            end,
        }
    }

    /// The gateway's settings; without `bounded` those that are counted are out of reach.
    pub(super) fn settings(&self, bounded: bool) -> String {
        let it = &self.bounds;
        let many = if bounded { 1 } else { 100 };
        let limits = format!(
            "stanza_octets: {}, document_octets: {}, dialog_octets: {}, queue: {}, queue_per_target: {}, \
             pairs: {}, pending_per_user: {}, dialogs_per_pair: {}, dialogs_per_user: {}",
            it.stanza,
            it.document,
            it.dialog,
            it.queue * many,
            it.queue_per_target * many,
            it.pairs * many,
            it.pending * many,
            it.dialogs_per_pair * many,
            it.dialogs_per_user * many,
        );
        let (transport, peer) = (self.transport, PROXIES[0]);
        format!(
            "xmpp: {{ component: {COMPONENT}, server: \"127.0.0.11:5347\", secret: s }}\n\
             sip:\n  listen: [ \"udp:{GATEWAY}\", \"tcp:{GATEWAY}\" ]\n\
             \x20 peers: [ {{ name: p, uri: \"sip:{peer};transport={transport}\" }} ]\n\
             domains:\n  - {{ xmpp: {COMPONENT}, sip: {SIP_DOMAIN} }}\n\
             \x20 - {{ xmpp: {XMPP_DOMAIN}, sip: {XMPP_DOMAIN} }}\n\
             store: {{ path: store }}\nlimits: {{ {limits} }}\n"
        )
    }
}
