//! Settings that are legal each for itself and wrong together.

use super::domains::{WrittenPair, is_below};
use super::{Component, DomainPair, Domains, Side, Sip};
use crate::codec::yaml::Node;

/// Joins the domains to the components and reports what does not fit.
pub(super) fn all(
    node: &Node<'_>,
    sip_node: &Node<'_>,
    components: &[Component],
    sip: &Sip,
    pairs: Vec<WrittenPair<'_>>,
) -> Domains {
    listeners_and_peers(sip_node, sip);
    let nodes: Vec<Node<'_>> = pairs.iter().map(|pair| pair.node.clone()).collect();
    let sided: Vec<DomainPair> = pairs
        .into_iter()
        .map(|pair| {
            let component = components.iter().position(|component| component.name == pair.xmpp);
            let side = component.map_or(Side::Xmpp, |component| Side::Sip { component });
            DomainPair { xmpp: pair.xmpp, sip: pair.sip, side, advertised: pair.advertised }
        })
        .collect();
    twice(&sided, &nodes);
    served(node, components, &sided);
    Domains::new(sided)
}

/// One XMPP domain has one SIP name; the domains of XMPP users have different ones.
fn twice(pairs: &[DomainPair], nodes: &[Node<'_>]) {
    for (index, (later, node)) in pairs.iter().zip(nodes).enumerate() {
        let mut earlier = pairs.iter().take(index);
        if earlier.clone().any(|earlier| earlier.xmpp == later.xmpp) {
            let mend = "one XMPP domain has one SIP name: drop one of the pairs";
            node.error(&format!("the XMPP domain {} stands twice", later.xmpp), mend);
        }
        let same = |earlier: &DomainPair| earlier.side == Side::Xmpp && earlier.sip == later.sip;
        if later.side == Side::Xmpp && earlier.any(same) {
            let mend = "give each domain of XMPP users a SIP name of its own";
            node.error(
                &format!("the SIP domain {} would stand for two XMPP domains", later.sip),
                mend,
            );
        }
    }
}

fn served(node: &Node<'_>, components: &[Component], pairs: &[DomainPair]) {
    for (index, component) in components.iter().enumerate() {
        if !pairs.iter().any(|pair| pair.side == Side::Sip { component: index }) {
            let message = format!("the component {} stands for no SIP domain", component.name);
            let mend = format!("add {{ xmpp: {}, sip: … }}", component.name);
            node.error(&message, &mend);
        }
    }
    let of = |side: fn(&Side) -> bool| pairs.iter().filter(move |pair| side(&pair.side));
    if of(|side| *side == Side::Xmpp).next().is_none() {
        let mend =
            "add the XMPP server's own domain, such as { xmpp: example.com, sip: example.com }";
        node.error("no pair names a domain of XMPP users", mend);
    }
    for pair in of(|side| matches!(side, Side::Sip { .. })) {
        let same = |other: &&DomainPair| other.sip == pair.sip && other.xmpp != pair.xmpp;
        let rivals = of(|side| matches!(side, Side::Sip { .. })).filter(same);
        for rival in rivals.filter(|rival| rival.xmpp > pair.xmpp) {
            let below = |pair: &DomainPair| {
                pairs.iter().any(|home| home.side == Side::Xmpp && is_below(&pair.xmpp, &home.xmpp))
            };
            if !(below(pair) && below(rival)) {
                let message = format!(
                    "{} and {} both stand for the SIP domain {}",
                    pair.xmpp, rival.xmpp, pair.sip
                );
                let mend = "only components below the XMPP domain that they serve can share one";
                node.error(&message, mend);
            }
        }
    }
}

fn listeners_and_peers(node: &Node<'_>, sip: &Sip) {
    for listener in &sip.listen {
        let everywhere = listener.bind.ip().is_unspecified();
        if everywhere && listener.advertise.host == super::listener::uri_host(listener.bind.ip()) {
            let message = format!(
                "{}:{} listens on every address and so cannot say where it is",
                listener.transport, listener.bind
            );
            let mend = "write { address: …, advertise: \"gw.example.net:5060\" } with the name or address that peers reach";
            node.error(&message, mend);
        }
    }
    for peer in &sip.peers {
        peer_reaches(node, sip, peer);
    }
}

fn peer_reaches(node: &Node<'_>, sip: &Sip, peer: &super::Peer) {
    let port = peer.place.port.unwrap_or(5_060);
    let own = |listener: &super::Listener| {
        listener.advertise.port == port
            && listener.advertise.host.eq_ignore_ascii_case(&peer.place.host)
    };
    if sip.listen.iter().any(own) {
        let message = format!("peer {} is this gateway itself, as it calls itself", peer.name);
        node.error(&message, "write the proxy's address in its uri");
        return;
    }
    // A name without port or transport is served by whatever transport the DNS names.
    let Some(transport) = peer.place.fixed_transport() else { return };
    let listeners: Vec<_> =
        sip.listen.iter().filter(|listener| listener.transport == transport).collect();
    if listeners.is_empty() {
        let message =
            format!("peer {} is reached by {transport} and nothing listens there", peer.name);
        let mend = format!("add \"{transport}:…\" to sip.listen, since its answers come that way");
        node.error(&message, &mend);
        return;
    }
    let Some(ip) = peer.place.ip else { return };
    if listeners.iter().any(|listener| {
        listener.bind.port() == peer.place.port.unwrap_or(5_060)
            && (listener.bind.ip() == ip
                || (listener.bind.ip().is_unspecified() && ip.is_loopback()))
    }) {
        let message = format!("peer {} is this gateway's own listener", peer.name);
        node.error(&message, "write the proxy's address in its uri");
    } else if !listeners.iter().any(|listener| reachable(listener.bind.ip(), ip)) {
        let message = format!("peer {} cannot reach any {transport} listener", peer.name);
        let mend =
            "listen on an address of the same family, and not on loopback for a peer elsewhere";
        node.error(&message, mend);
    }
}

/// Whether an answer sent to `bound` can come from `peer`.
fn reachable(bound: std::net::IpAddr, peer: std::net::IpAddr) -> bool {
    if bound.is_unspecified() {
        return bound.is_ipv6() || peer.is_ipv4();
    }
    bound.is_ipv4() == peer.is_ipv4() && (!bound.is_loopback() || peer.is_loopback())
}
