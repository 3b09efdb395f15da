//! The settings of a dry run: the operator's domains and peers where they serve the message,
//! else a gateway between the two domains that it names.

use std::path::Path;

use super::input::Whole;
use super::{Case, Unplayable};
use crate::codec::sip::Uri;
use crate::codec::xmpp::jid::domain_to_ascii;
use crate::config::{self, Bodies, Config, Environment, Side};
use crate::rules::Rules;

/// Addresses of the made-up peers.
const FIRST_PEER: u8 = 13;
/// How many peers there can be.
const MAX_PEERS: usize = 100;

struct Text(String);

impl Environment for Text {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }
    fn file(&self, _: &Path) -> std::io::Result<String> {
        Ok(self.0.clone())
    }
}

/// A pair of domains: as XMPP has it, as SIP has it, whether SIP users live there.
type Pair = (String, String, bool);

/// The operator's settings, or made-up ones, and the place of the peer that the message comes from or goes to.
pub(super) fn settings(whole: &Whole, scene: &Case) -> Result<(Config, usize), Unplayable> {
    let (rules, peer) = (&*scene.rules, scene.peer.as_deref());
    let (xmpp, sip) = domains(whole, rules)?;
    let own = scene.config.as_deref();
    let own = own.filter(|config| scene.as_configured || serves(config, whole, rules));
    let pairs = match own {
        Some(config) => own_pairs(config),
        None if xmpp == sip => {
            return Err(Unplayable::Domains(format!("both ends are of {xmpp}")));
        }
        None => vec![(sip.clone(), sip, true), (xmpp.clone(), xmpp, false)],
    };
    let mut peers: Vec<String> =
        own.map(|c| c.sip.peers.iter().map(|peer| peer.name.clone()).collect()).unwrap_or_default();
    peers.truncate(MAX_PEERS);
    if let Some(peer) = peer.map(str::to_owned).or_else(|| peers.is_empty().then(|| "core".into()))
    {
        peers.retain(|known| *known != peer);
        peers.insert(0, peer);
    }
    let text = Text(written(&pairs, &peers));
    let loaded = config::load(Path::new("rehearsal.yaml"), &text);
    let (mut config, _) = loaded.map_err(|findings| {
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        Unplayable::Domains(told.join("; "))
    })?;
    for peer in &mut config.sip.peers {
        let known = own.and_then(|own| own.sip.peers.iter().find(|known| known.name == peer.name));
        peer.bodies = known.map_or_else(Bodies::default, |known| known.bodies);
    }
    Ok((config, 0))
}

/// The domain of the XMPP user and that of the SIP user, both as XMPP has them.
fn domains(whole: &Whole, rules: &Rules) -> Result<(String, String), Unplayable> {
    match whole {
        Whole::Stanza { from, to, .. } => Ok((from.clone(), to.clone())),
        Whole::Sip { from, to, .. } => Ok((host(to, rules)?, host(from, rules)?)),
    }
}

/// The domain of an address of SIP: that of a pair of the rules, else its host.
fn host(address: &str, rules: &Rules) -> Result<String, Unplayable> {
    let unreadable = || Unplayable::Input(format!("`{address}` is not an address of SIP"));
    let uri = Uri::parse(address.to_owned().into()).map_err(|_| unreadable())?;
    if let Some(domain) = crate::route::paired_domain(&rules.addresses, &uri) {
        return Ok(domain);
    }
    let domain = domain_to_ascii(uri.host_str()).map_err(|_| unreadable())?.into_owned();
    if domain.is_empty() { Err(unreadable()) } else { Ok(domain) }
}

/// Whether both users of a message are of domains of the settings.
fn serves(config: &Config, whole: &Whole, rules: &Rules) -> bool {
    match whole {
        Whole::Stanza { from, to, .. } => {
            config.domains.of_jid(from).is_some() && config.domains.of_jid(to).is_some()
        }
        Whole::Sip { from, to, .. } => {
            let known = |address: &str| {
                host(address, rules).is_ok_and(|host| {
                    config.domains.pairs().iter().any(|pair| pair.sip == host || pair.xmpp == host)
                })
            };
            known(from) && known(to)
        }
    }
}

fn own_pairs(config: &Config) -> Vec<Pair> {
    let pair =
        |pair: &config::DomainPair| (pair.xmpp.clone(), pair.sip.clone(), pair.side != Side::Xmpp);
    config.domains.pairs().iter().map(pair).collect()
}

fn written(pairs: &[Pair], peers: &[String]) -> String {
    let components: Vec<String> = pairs
        .iter()
        .filter(|(.., of_sip)| *of_sip)
        .map(|(xmpp, ..)| {
            format!("{{ component: {xmpp:?}, server: \"127.0.0.11:5347\", secret: rehearsal }}")
        })
        .collect();
    let numbers = FIRST_PEER..;
    let peers: Vec<String> = numbers
        .zip(peers)
        .map(|(number, name)| {
            format!("{{ name: {name:?}, uri: \"sip:127.0.0.{number}:5060;transport=udp\" }}")
        })
        .collect();
    let pairs: Vec<String> =
        pairs.iter().map(|(xmpp, sip, _)| format!("{{ xmpp: {xmpp:?}, sip: {sip:?} }}")).collect();
    format!(
        "xmpp: {{ components: [ {} ] }}\nsip:\n  listen: [ \"udp:127.0.0.2:5060\" ]\n  \
         peers: [ {} ]\n  options_interval: 0s\ndomains: [ {} ]\n",
        components.join(", "),
        peers.join(", "),
        pairs.join(", ")
    )
}
