//! What one seed is about: who writes to whom and when, what the network is like, what breaks.

use stox::config::Transport;

use crate::agenda::{MS, Micros, S};
use crate::challenges::Asking;
use crate::dice::{Dice, Throws};
use crate::names::Naming;
use crate::network::{CALM, Weather};

/// How a SIP user's device answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Device {
    /// Takes everything with this status.
    Takes(u16),
    /// Refuses CPIM objects with this status and takes bare text.
    TextOnly(u16),
    /// Refuses everything with this status.
    Refuses(u16),
    /// Never answers.
    Silent,
    /// Answers 200 after a while, with or without a 100 before; sometimes too late.
    Late { trying: bool },
    /// One or the other of these.
    Moody,
}

/// The SIP users, at home in `sip.test`.
pub(crate) const SIP_USERS: [(&str, Device); 12] = [
    ("romeo", Device::Takes(200)),
    ("benvolio", Device::Takes(202)),
    ("mercutio", Device::TextOnly(415)),
    ("tybalt", Device::TextOnly(488)),
    ("paris", Device::Refuses(480)),
    ("abram", Device::Refuses(486)),
    ("sampson", Device::Refuses(404)),
    ("gregory", Device::Refuses(503)),
    ("laurence", Device::Silent),
    ("john", Device::Late { trying: false }),
    ("balthasar", Device::Late { trying: true }),
    ("peter", Device::Moody),
];

/// What becomes of a stanza for an XMPP user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Account {
    /// The server takes it.
    Known,
    /// The server gives it back with this condition.
    Unknown(&'static str),
    /// The server takes it and gives it back later.
    BouncesLate,
    /// The server takes it and sends an error of type `continue`.
    Warned,
    /// The server closes the stream.
    Poison,
}

/// The XMPP users of each server.
pub(crate) const XMPP_USERS: [(&str, Account); 6] = [
    ("juliet", Account::Known),
    ("nurse", Account::Known),
    ("nobody", Account::Unknown("service-unavailable")),
    ("noone", Account::Unknown("item-not-found")),
    ("rosaline", Account::BouncesLate),
    ("lady", Account::Warned),
];

/// The servers' own domains; the component of each is `sip.` before it.
pub(crate) const XMPP_DOMAINS: [&str; 2] = ["xmpp.test", "two.test"];
pub(crate) const SIP_DOMAIN: &str = "sip.test";
pub(crate) const GATEWAY: &str = "127.0.0.20:5060";
pub(crate) const PROXIES: [&str; 2] = ["127.0.0.13:5060", "127.0.0.14:5060"];

/// A message that a SIP user will write.
#[derive(Debug, Clone)]
pub(crate) struct SaidBySip {
    pub(crate) at: Micros,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    pub(crate) account: Account,
    pub(crate) server: usize,
    pub(crate) proxy: usize,
    pub(crate) cpim: bool,
    /// The proxy sends it once more under another branch this long after the first, unless it
    /// has its answer.
    pub(crate) second_branch: Option<Micros>,
}

/// A message that an XMPP user will write.
#[derive(Debug, Clone)]
pub(crate) struct SaidByXmpp {
    pub(crate) at: Micros,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    pub(crate) server: usize,
    /// Octets of padding behind the number.
    pub(crate) padding: usize,
    pub(crate) thread: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    CutLink { link: usize },
    HalfOpenLink { link: usize },
    RestartServer { link: usize, down: Micros },
    StallServer { link: usize, wait: Micros },
    CutConnections,
    CutInFlight { times: u64 },
    ProxyDown { proxy: usize, wait: Micros },
    ProxyOutOfService { proxy: usize, wait: Micros },
    NoRoute { proxy: usize, wait: Micros },
    Kill { down: Micros },
    KillAfterMessage { after: Micros, down: Micros },
    Drain { down: Micros },
    Garbage { proxy: usize },
    Storm { wait: Micros },
}

/// Bounds small enough to be reached.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SmallLimits {
    pub(crate) outstanding_per_target: u64,
    pub(crate) queue_per_target: u64,
    pub(crate) queue: u64,
    pub(crate) unconfirmed: u64,
}

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) transport: Transport,
    pub(crate) links: usize,
    pub(crate) proxies: usize,
    pub(crate) weather: Weather,
    pub(crate) limits: Option<SmallLimits>,
    pub(crate) naming: Naming,
    /// The proxies ask the gateway for credentials.
    pub(crate) asking: Option<Asking>,
    /// SIP users wait for the answer before they write again (RFC 3428 §8).
    pub(crate) patient: bool,
    pub(crate) link_latency: Micros,
    /// The longest that records take to the disk, and names to be found.
    pub(crate) disk: Micros,
    pub(crate) names: Micros,
    /// The longest that a group of the journal takes to its file.
    pub(crate) journal: Micros,
    pub(crate) end: Micros,
    pub(crate) to_xmpp: Vec<SaidBySip>,
    pub(crate) to_sip: Vec<SaidByXmpp>,
    pub(crate) faults: Vec<(Micros, Fault)>,
}

const BEGIN: Micros = S + 500 * MS;

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed, Throws::Plan);
        let transport = if dice.chance(250) { Transport::Tcp } else { Transport::Udp };
        let links = if dice.chance(300) { 2 } else { 1 };
        let proxies = if dice.chance(500) { 2 } else { 1 };
        let end = BEGIN + dice.between(10 * S, 60 * S);
        let limits = dice.chance(200).then(|| SmallLimits {
            outstanding_per_target: dice.between(1, 3),
            queue_per_target: dice.between(1, 3),
            queue: dice.between(4, 20),
            unconfirmed: dice.between(2, 6),
        });
        let quiet = dice.chance(100);
        let weather = if quiet { CALM } else { weather(&mut dice) };
        let mut plan = Plan {
            transport,
            links,
            proxies,
            weather,
            limits,
            naming: naming(&mut dice),
            asking: dice.chance(300).then(|| asking(&mut dice)),
            patient: dice.chance(700),
            link_latency: dice.pick(&[100, MS, 5 * MS, 50 * MS]),
            disk: dice.pick(&[MS, 60 * MS, 10 * S]),
            names: dice.pick(&[MS, 50 * MS, 2 * S]),
            journal: dice.pick(&[100, MS, 20 * MS]),
            end,
            to_xmpp: Vec::new(),
            to_sip: Vec::new(),
            faults: Vec::new(),
        };
        let poison = !quiet && dice.chance(300);
        plan.talk(&mut dice, poison);
        if !quiet {
            plan.trouble(&mut dice);
        }
        plan
    }

    fn talk(&mut self, dice: &mut Dice, poison: bool) {
        // Some seeds have few users, so that queues grow; some come in bursts.
        let sip_users = dice.between(2, SIP_USERS.len() as u64) as usize;
        let first = dice.below(SIP_USERS.len() as u64) as usize;
        let xmpp_users = dice.between(2, XMPP_USERS.len() as u64);
        let burst = dice.chance(300).then(|| dice.between(2, 12));
        let moment = |dice: &mut Dice, end: Micros| match burst {
            Some(bursts) => {
                BEGIN + (end - BEGIN) / bursts * dice.below(bursts) + dice.below(2 * MS)
            }
            None => dice.between(BEGIN, end),
        };
        let sip_user = |dice: &mut Dice| {
            SIP_USERS[(first + dice.below(sip_users as u64) as usize) % SIP_USERS.len()].0
        };
        for _ in 0..dice.between(5, 60) {
            let at = moment(dice, self.end);
            let from = sip_user(dice);
            let (to, account) = XMPP_USERS[dice.below(xmpp_users) as usize];
            let poisonous = poison && account == Account::Known && dice.chance(60);
            let second_branch = dice.chance(60).then(|| dice.between(MS, 20 * S));
            self.to_xmpp.push(SaidBySip {
                at,
                from,
                to,
                account: if poisonous { Account::Poison } else { account },
                server: dice.below(self.links as u64) as usize,
                proxy: dice.below(self.proxies as u64) as usize,
                cpim: dice.chance(400),
                second_branch,
            });
        }
        for _ in 0..dice.between(5, 60) {
            let at = moment(dice, self.end);
            let padding = dice.pick(&[0, 0, 0, 0, 0, 20, 100, 400, 600, 700, 800, 900, 1_400]);
            self.to_sip.push(SaidByXmpp {
                at,
                from: XMPP_USERS[dice.below(2) as usize].0,
                to: sip_user(dice),
                server: dice.below(self.links as u64) as usize,
                padding,
                thread: dice.chance(400),
            });
        }
    }

    fn trouble(&mut self, dice: &mut Dice) {
        type Make = fn(&mut Dice, usize, usize) -> Fault;
        let kinds: [(u64, Make); 14] = [
            (300, |_, link, _| Fault::CutLink { link }),
            (150, |_, link, _| Fault::HalfOpenLink { link }),
            (200, |dice, link, _| Fault::RestartServer { link, down: dice.between(MS, 12 * S) }),
            (200, |dice, link, _| Fault::StallServer { link, wait: dice.between(MS, 15 * S) }),
            (400, |_, _, _| Fault::CutConnections),
            (400, |dice, _, _| Fault::CutInFlight { times: dice.between(1, 3) }),
            (150, |dice, _, proxy| Fault::ProxyDown { proxy, wait: dice.between(S, 40 * S) }),
            (150, |dice, _, proxy| Fault::ProxyOutOfService {
                proxy,
                wait: dice.between(S, 40 * S),
            }),
            (100, |dice, _, proxy| Fault::NoRoute { proxy, wait: dice.between(MS, 5 * S) }),
            (200, |dice, _, _| Fault::Kill { down: away(dice) }),
            (200, |dice, _, _| Fault::KillAfterMessage {
                after: dice.pick(&[0, MS, 4 * MS, 10 * MS, 100 * MS]) + dice.below(MS),
                down: away(dice),
            }),
            (100, |dice, _, _| Fault::Drain { down: dice.between(20 * MS, 8 * S) }),
            (200, |_, _, proxy| Fault::Garbage { proxy }),
            (150, |dice, _, _| Fault::Storm { wait: dice.between(100 * MS, 8 * S) }),
        ];
        for (permille, make) in kinds {
            if !dice.chance(permille) {
                continue;
            }
            for _ in 0..dice.between(1, 3) {
                let at = dice.between(BEGIN, self.end);
                let link = dice.below(self.links as u64) as usize;
                let proxy = dice.below(self.proxies as u64) as usize;
                // A flap is a cut that comes back at once, several times.
                let times = if dice.chance(100) { 5 } else { 1 };
                let fault = make(dice, link, proxy);
                for time in 0..times {
                    let again = at + time * dice.between(100 * MS, 700 * MS);
                    self.faults.push((again.min(self.end), fault));
                    if !matches!(fault, Fault::CutLink { .. } | Fault::CutConnections) {
                        break;
                    }
                }
            }
        }
    }
}

fn weather(dice: &mut Dice) -> Weather {
    let lost = dice.pick(&[0, 0, 10, 50, 100, 200]);
    let doubled = dice.pick(&[0, 0, 10, 50, 100]);
    let low = dice.pick(&[100, MS, 10 * MS]);
    let high = low + dice.pick(&[0, MS, 20 * MS, 300 * MS]);
    Weather { lost, doubled, delay: (low, high) }
}

/// How long the machine is without a gateway; sometimes for longer than Timer J.
fn away(dice: &mut Dice) -> Micros {
    if dice.chance(150) { dice.between(24 * S, 45 * S) } else { dice.between(20 * MS, 8 * S) }
}

fn naming(dice: &mut Dice) -> Naming {
    match dice.below(10) {
        0..=4 => Naming::Addresses,
        5..=6 => Naming::Hosts,
        _ => Naming::Domain {
            naptr: dice.chance(400),
            dead: dice.chance(400),
            equal: dice.chance(500),
        },
    }
}

fn asking(dice: &mut Dice) -> Asking {
    Asking {
        algorithm: dice.pick(&["MD5", "SHA-256", "SHA-512-256", "MD5-sess"]),
        qop: dice.pick(&[None, Some("auth"), Some("auth-int"), Some("auth,auth-int")]),
        uses: dice.pick(&[1, 3, 1_000]) as u32,
    }
}
