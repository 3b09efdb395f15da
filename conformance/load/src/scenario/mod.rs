//! What is asked of a gateway. A scenario sees what arrives in either world and says what to send;
//! the worlds hold the protocols: streams, barriers, transactions, retransmissions.

pub mod flow;
pub mod messages;
pub mod presence;
pub mod ready;
pub mod register;
pub mod talk;

use std::io;
use std::time::{Duration, Instant};

use crate::net::wait::Waits;
use crate::options::stage::Stage;
use crate::sip::Sip;
use crate::sip::message::Message;
use crate::xmpp::Xmpp;
use crate::xmpp::component::Component;
use crate::xmpp::stanza::Stanza;

/// How the domains are called, each on the side where the name is used.
#[derive(Debug, Clone)]
pub struct Names {
    /// SIP users, as XMPP sees them.
    pub component: String,
    /// XMPP users, as XMPP sees them.
    pub xmpp: String,
    /// SIP users, as SIP sees them.
    pub sip: String,
    /// XMPP users, as SIP sees them.
    pub xmpp_in_sip: String,
}

/// Both worlds round one gateway.
pub struct Worlds {
    /// The XMPP side.
    pub xmpp: Xmpp,
    /// The SIP side.
    pub sip: Sip,
    /// Their names.
    pub names: Names,
}

impl Worlds {
    /// The server of a component link and a SIP peer, both of which wait for the gateway.
    ///
    /// # Errors
    /// When an address cannot be bound.
    pub fn of(stage: &Stage) -> io::Result<Self> {
        let names = stage.names();
        let component = Component::listen(stage.xmpp_listen, &names.component, &stage.secret)?;
        let sip = Sip::new(stage.transport, stage.sip_listen, stage.gateway)?;
        Ok(Worlds { xmpp: Xmpp::Component(component), sip, names })
    }
}

/// What a scenario does about what arrives.
pub trait Scenario {
    /// A stanza, of any kind but a request.
    fn stanza(&mut self, _now: Instant, _stanza: &Stanza<'_>) {}

    /// A SIP request that is no retransmission; the answer is its status, or
    /// [`crate::sip::SILENCE`].
    fn request(&mut self, _now: Instant, _request: &Message<'_>) -> u16 {
        405
    }

    /// The final response to the request of a key.
    fn response(&mut self, _now: Instant, _key: u64, _response: &Message<'_>) {}

    /// The request of a key got no final response.
    fn expired(&mut self, _now: Instant, _key: u64) {}

    /// Sends what is due; the answer is when it wants its next turn at the latest.
    ///
    /// # Errors
    /// When something cannot be sent at all.
    fn turn(&mut self, now: Instant, worlds: &mut Worlds) -> io::Result<Instant>;

    /// Whether all is said and done.
    fn finished(&self, now: Instant) -> bool;
}

/// How long nothing may happen before the scenario gets a turn all the same.
pub const IDLE: Duration = Duration::from_millis(100);

/// Plays a scenario to its end.
///
/// # Errors
/// When a socket or a stream breaks.
pub fn play(worlds: &mut Worlds, scenario: &mut impl Scenario) -> io::Result<()> {
    loop {
        let now = Instant::now();
        let turn = scenario.turn(now, worlds)?;
        worlds.sip.flush(now, scenario)?;
        worlds.xmpp.flush();
        if scenario.finished(now) {
            return Ok(());
        }
        let mut waits = Waits::default();
        let sip = worlds.sip.wait(&mut waits);
        let xmpp = worlds.xmpp.wait(&mut waits);
        let readable = waits.wait(worlds.sip.wake().map_or(turn, |wake| wake.min(turn)))?;
        worlds.xmpp.receive(&readable, xmpp, scenario)?;
        worlds.sip.receive(&readable, sip, scenario)?;
    }
}
