//! The names of the proxies and the zone that has them (RFC 3263 §4).

use std::net::SocketAddr;
use std::time::Duration;

use stox::config::Transport;
use stox::flow::{Answer, Naptr, Query, QueryKind, Records, Srv};

use crate::plan::{PROXIES, Plan};

/// The hosts of the proxies.
pub(crate) const HOSTS: [&str; 2] = ["one.sip.test", "two.sip.test"];
/// The domain whose services they are.
pub(crate) const DOMAIN: &str = "core.sip.test";
/// A server that is in the zone and that nobody answers for.
const DEAD_HOST: &str = "dead.sip.test";
const DEAD: [u8; 4] = [127, 0, 0, 15];

/// How the settings name the proxies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// By address: each is a peer.
    Addresses,
    /// By host and port: each is a peer.
    Hosts,
    /// By their domain: they are the servers of one peer. A dead one may come first.
    Domain { naptr: bool, dead: bool, equal: bool },
}

impl Naming {
    /// Whether the DNS is asked.
    pub(crate) fn asks(self) -> bool {
        self != Naming::Addresses
    }

    /// The name of this way.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Naming::Addresses => "names.addresses",
            Naming::Hosts => "names.hosts",
            Naming::Domain { .. } => "names.domain",
        }
    }

    pub(crate) fn dead(self) -> bool {
        matches!(self, Naming::Domain { dead: true, .. })
    }
}

/// What the zone says.
pub(crate) fn answer(plan: &Plan, question: &Query) -> Answer {
    let Some(records) = records(plan, question) else { return Answer::Nothing { ttl: None } };
    Answer::Found { records, ttl: Duration::from_secs(60) }
}

fn records(plan: &Plan, question: &Query) -> Option<Records> {
    let services = format!("_sip._{}.{DOMAIN}", plan.transport);
    match question.kind {
        QueryKind::Addresses if question.name == DEAD_HOST => {
            Some(Records::Addresses(vec![DEAD.into()]))
        }
        QueryKind::Addresses => {
            let proxy = HOSTS.iter().position(|host| *host == question.name)?;
            let address: SocketAddr = PROXIES[proxy].parse().ok()?;
            Some(Records::Addresses(vec![address.ip()]))
        }
        QueryKind::Naptr if question.name == DOMAIN => {
            let service = if plan.transport == Transport::Udp { "SIP+D2U" } else { "SIP+D2T" };
            let naptr = Naptr {
                order: 10,
                preference: 10,
                flags: "s".to_owned(),
                service: service.to_owned(),
                replacement: services,
            };
            Some(Records::Naptr(vec![naptr]))
        }
        QueryKind::Srv if question.name == services => Some(Records::Srv(servers(plan))),
        QueryKind::Naptr | QueryKind::Srv => None,
    }
}

fn servers(plan: &Plan) -> Vec<Srv> {
    let Naming::Domain { dead, equal, .. } = plan.naming else { return Vec::new() };
    let server =
        |host: &str, priority| Srv { priority, weight: 10, port: 5_060, target: host.to_owned() };
    let alive = HOSTS[..plan.proxies].iter().zip([20, if equal { 20 } else { 30 }]);
    let mut servers: Vec<Srv> = alive.map(|(host, priority)| server(host, priority)).collect();
    if dead {
        servers.push(server(DEAD_HOST, 10));
    }
    servers
}
