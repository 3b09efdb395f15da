//! The end of a seed: everything comes to rest, is tried once more, is watched, and the books are
//! closed.

use crate::agenda::{Event, Micros, S, SipTimer};
use crate::ledger::{self, ToSip};
use crate::network::CALM;
use crate::plan::{Account, SIP_USERS, SaidBySip, SaidByXmpp, XMPP_USERS};
use crate::simulation::Simulation;
use crate::xmpp_world::Server;

/// How long the world may take to come to rest after the traffic.
const PATIENCE: Micros = 3_600 * S;
/// How long it is watched at rest.
const WATCH: Micros = 130 * S;
/// Deadlines that a gateway at rest may have: the generations of Timer J, and for each link and
/// server its own and one that has not fired yet.
const RESTING_TIMERS: u64 = 32;

impl Simulation {
    pub(crate) fn inspect(&mut self) {
        let at = self.stage.now + S;
        self.stage.agenda.set(at, Event::Inspect);
        self.monitor.requests.prune(&mut self.stage);
        let Some(status) = self.process.status(self.stage.now) else { return };
        let (queue, unconfirmed) =
            self.plan.limits.map_or((50_000, 20_000), |limits| (limits.queue, limits.unconfirmed));
        let gauge = |name: &str| status.gauges.get(name).copied().unwrap_or_default();
        let to_sip = gauge("messages_to_sip_in_flight");
        self.stage.demand(to_sip <= queue, || format!("{to_sip} messages are on their way to SIP"));
        for link in &status.links {
            let held = link.unconfirmed as u64;
            self.stage.demand(held <= unconfirmed, || format!("a link holds {held} stanzas"));
        }
        let in_flight = self.stage.ledger.to_sip.iter().filter(|message| message.in_flight());
        if to_sip > 1 && in_flight.count() > 1 {
            self.stage.coverage.hit("queue.waited");
        }
    }

    /// Nothing disturbs any more; everything that was begun comes to its end.
    pub(crate) fn come_to_rest(&mut self) {
        self.stage.calm = true;
        self.network.weather = CALM;
        self.network.no_route = None;
        self.down = [false; 2];
        self.connections.deadly = 0;
        self.deadly = None;
        self.devices.out_of_service = [false; 2];
        self.servers.iter_mut().for_each(Server::calm_down);
        let rest = |world: &Self| {
            world.process.runs() && world.process.idle() && world.stage.ledger.all_heard()
        };
        self.until(self.plan.end + PATIENCE, rest);
        let at_rest = rest(self);
        self.stage.demand(at_rest, || "the world does not come to rest".to_owned());
    }

    /// One message each way must pass now.
    pub(crate) fn probe(&mut self) {
        // A link that broke without a word is found out by the ping after 30 s, and 10 s more.
        self.until(self.stage.now + 50 * S, |_| false);
        let now = self.stage.now;
        let mut probes = Vec::new();
        for server in 0..self.plan.links {
            let (sip, xmpp) = (SIP_USERS[0].0, XMPP_USERS[0].0);
            let to_xmpp = self.stage.ledger.say_by_sip(SaidBySip {
                at: now,
                from: sip,
                to: xmpp,
                account: Account::Known,
                server,
                proxy: 0,
                cpim: false,
                second_branch: None,
            });
            let to_sip = self.stage.ledger.say_by_xmpp(SaidByXmpp {
                at: now,
                from: xmpp,
                to: sip,
                server,
                padding: 0,
                thread: false,
            });
            self.stage.agenda.set(now, Event::Sip(SipTimer::Say(to_xmpp)));
            self.stage.agenda.set(now, Event::XmppSays(server, to_sip));
            probes.push((to_xmpp as usize, to_sip as usize));
        }
        self.until(now + 10 * S, |_| false);
        for (to_xmpp, to_sip) in probes {
            let heard = self.stage.ledger.to_xmpp[to_xmpp].heard;
            let success = self.stage.ledger.to_sip[to_sip].success;
            self.stage.demand(heard == Some(Some(200)) && success, || {
                format!("at rest a message to XMPP got {heard:?}, one to SIP 2xx: {success}")
            });
        }
    }

    /// A gateway at rest hardly moves.
    pub(crate) fn watch(&mut self) {
        self.until(self.stage.now + WATCH / 2, |_| false);
        let before = self.wakes;
        self.until(self.stage.now + WATCH, |_| false);
        let wakes = self.wakes - before;
        // OPTIONS to a dead server goes again and again.
        let most = if self.plan.naming.dead() { 200 } else { 100 };
        self.stage.demand(wakes < most, || format!("{wakes} deadlines in {} s at rest", WATCH / S));
        let Some(status) = self.process.status(self.stage.now) else { return };
        for (name, value) in &status.gauges {
            let bound = match name.as_str() {
                "deadlines" => RESTING_TIMERS,
                // OPTIONS may be under way to each server.
                "sip_client_transactions" => 3,
                // An XMPP user may wait for an answer that nobody gives.
                "presence_pairs" => 1,
                "subscriptions_of_xmpp_users" => status.gauges["presence_pairs"],
                // What is known of a target is known for a month.
                "targets_known" => SIP_USERS.len() as u64,
                _ => 0,
            };
            self.stage.demand(*value <= bound, || format!("at rest {name} is {value}"));
        }
        for link in &status.links {
            let held = link.unconfirmed;
            self.stage.demand(held == 0, || format!("at rest a link holds {held} stanzas"));
        }
        self.stage.demand(status.in_service, || "at rest it is out of service".to_owned());
    }

    /// The books are closed.
    pub(crate) fn settle(&mut self) {
        let incarnation = self.process.incarnation;
        let Some(status) = self.process.status(self.stage.now) else { return };
        let count = |name: &str| status.counters.get(name).copied().unwrap_or_default();
        let (taken, failed) = (count("xmpp_to_sip_taken"), count("xmpp_to_sip_failed"));
        let here = |message: &&ToSip| message.owner == Some(incarnation);
        let here = self.stage.ledger.to_sip.iter().filter(here).count() as u64;
        self.stage.demand(taken + failed == here, || {
            format!("of {here} messages to SIP {taken} were taken and {failed} failed")
        });
        self.collect_counters();
        let (untold, counted) =
            (self.stage.ledger.untold, self.stage.coverage.get("gateway.xmpp_to_sip_untold"));
        self.stage.demand(untold == counted, || {
            format!("{untold} senders were not told of a failure, and {counted} are counted")
        });
        let unfinished = self.process.unfinished();
        self.stage.demand(unfinished == (0, 0), || {
            format!("at rest the journal holds {unfinished:?} messages")
        });
        ledger::audit(&mut self.stage);
    }
}
