//! What holds of each effect, and of what the core keeps.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use stox::codec::sip;
use stox::config::Transport;
use stox::flow::{DATAGRAM, Status};

use super::plan::{Bounds, Plan};

/// Octets of one SIP message by TCP, of one record, and effects of one input.
const STREAM: usize = 131_072;
const RECORD: usize = 262_144;
const EFFECTS: usize = 500;
/// What a response repeats of a request may be more than a request may have.
const WIDE: sip::Limits = sip::Limits { head: STREAM, fields: STREAM, ..sip::Limits::DEFAULT };
/// About how many octets of printed state an attacker may be worth at most, and what is left at
/// rest; measured, and doubled.
const HELD: usize = 8_000_000;

/// A SIP message for an address.
pub(super) fn sip_out(
    octets: &Bytes,
    transport: Transport,
    remote: SocketAddr,
    peer: IpAddr,
) -> Result<(), String> {
    let most = if transport == Transport::Udp { DATAGRAM } else { STREAM };
    if octets.len() > most {
        return Err(format!("{} octets by {transport}, {most} are the bound", octets.len()));
    }
    let answers = octets.starts_with(b"SIP/2.0 ");
    if !answers && remote.ip() != peer {
        return Err(format!("a request for {remote}, which is no peer"));
    }
    match sip::parse_within(octets.clone(), &WIDE) {
        Ok(message) => lines(octets, &message),
        // What cannot be read is answered with what is wrong in it, and what is too long without it.
        Err(_) if octets.starts_with(b"SIP/2.0 4") || octets.starts_with(b"SIP/2.0 513") => Ok(()),
        Err(error) => Err(format!("a SIP message that nobody reads: {error:?}")),
    }
}

/// No value gets out of its line: there are as many lines as fields, and CR and LF at their ends.
fn lines(octets: &Bytes, message: &sip::Message) -> Result<(), String> {
    let end = octets.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(octets.len());
    let head = &octets[..(end + 2).min(octets.len())];
    let pairs = head.windows(2).filter(|pair| pair == b"\r\n").count();
    let halves = head.iter().filter(|octet| matches!(octet, b'\r' | b'\n')).count();
    let forwards = matches!(message, sip::Message::Request(it) if it.max_forwards.is_some());
    let fields = message.via().len() + 5 + usize::from(forwards) + message.headers().len();
    if halves != 2 * pairs || pairs != 1 + fields {
        return Err(format!(
            "{pairs} lines, {halves} line ends, {fields} fields in one SIP message"
        ));
    }
    Ok(())
}

pub(super) fn record(octets: usize) -> Result<(), String> {
    if octets > RECORD {
        return Err(format!("a record of {octets} octets"));
    }
    Ok(())
}

/// What waits for one target fails together: of each an error, an entry of the journal, a line.
pub(super) fn effects(count: usize, bounds: &Bounds) -> Result<(), String> {
    if count > EFFECTS + 4 * bounds.queue {
        return Err(format!("{count} effects of one input"));
    }
    Ok(())
}

/// What the core says that it holds is within the settings' bounds.
pub(super) fn gauges(status: &Status, plan: &Plan) -> Result<(), String> {
    let bounds = &plan.bounds;
    // Attackers name up to 300 others.
    let parties = 310 + plan.bystanders;
    let most = |name: &str| match name {
        // Each attacker has a tenth; a bystander has no more than one on its way, or two.
        "messages_to_sip_in_flight" => plan.attackers * bounds.queue / 10 + 2 * plan.bystanders,
        "presence_pairs" => bounds.pairs,
        "subscriptions_of_sip_users" => bounds.dialogs_per_user * parties,
        "subscriptions_of_xmpp_users" => bounds.pairs,
        "sip_client_transactions" => bounds.queue + 2 * bounds.pairs,
        "deadlines" => 10 * (bounds.queue + bounds.pairs) + 1_000,
        _ => usize::MAX,
    };
    let over = status.gauges.iter().find(|(name, value)| **value > most(name) as u64);
    match over {
        Some((name, value)) => {
            Err(format!("the core holds too much: {name} is {value}, {} is the bound", most(name)))
        }
        None => Ok(()),
    }
}

/// About how much it holds in all.
pub(super) fn weight(octets: usize) -> Result<(), String> {
    if octets > HELD {
        return Err(format!("the core holds too much: {octets} octets, {HELD} are the bound"));
    }
    Ok(())
}
