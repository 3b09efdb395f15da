//! The names of peers, for rules that ask for them: where none does, nothing is looked up.

use std::net::IpAddr;

use super::View;
use crate::codec::xml::Text;
use crate::config::{Peer, Service};
use crate::flow::{Flow, PeerId};
use crate::rules::Field;
use crate::state::presence::dialog::Dialog;

/// The name of the peer at an address, where a rule asks for it.
pub(super) fn peer_at(view: View<'_>, flow: &Flow) -> Option<Text> {
    if !view.rules.ask(Field::Peer) {
        return None;
    }
    at(view, flow.remote.ip())
}

fn at(view: View<'_>, ip: IpAddr) -> Option<Text> {
    let ip = ip.to_canonical();
    let mut peers = view.config.sip.peers.iter().zip(view.state.peers());
    let known = peers.find(|(peer, state)| state.is_at(ip) || peer.addresses.contains(&ip));
    known.map(|(peer, _)| peer.name.as_str().into())
}

/// The name of the peer of a number, where a rule asks for it.
pub(super) fn peer_of(view: View<'_>, id: PeerId) -> Option<Text> {
    let peer = view.rules.ask(Field::Peer).then(|| view.config.sip.peers.get(id.0)).flatten();
    peer.map(|peer| peer.name.as_str().into())
}

/// The name of the peer that is tried first for a request, where a rule asks for it: that at the
/// address which its dialog names (RFC 3261 §12.2.1.1), else of those that serve, else of those
/// that are not known not to.
pub(super) fn first_peer(view: View<'_>, what: Service, dialog: Option<&Dialog>) -> Option<Text> {
    if !view.rules.ask(Field::Peer) {
        return None;
    }
    let named = dialog.and_then(|dialog| {
        let route = dialog.routes().next().map(|route| route.uri().clone());
        let ip = route.or_else(|| dialog.target())?.host()?.ip()?;
        at(view, ip)
    });
    named.or_else(|| first(view, what).map(|peer| peer.name.as_str().into()))
}

/// The peer that is tried first for a request outside a dialog: of those that serve, else of those
/// that are not known not to.
pub(super) fn first<'a>(view: View<'a>, what: Service) -> Option<&'a Peer> {
    let peers = view.config.sip.peers.iter().zip(view.state.peers());
    let best = peers
        .filter(|(peer, _)| peer.place.service.carries(what))
        .min_by_key(|(_, state)| state.health());
    best.map(|(peer, _)| peer)
}
