//! The gateway's settings for a seed.

use crate::challenges::{PASSWORDS, USERNAME};
use crate::names::{DOMAIN, HOSTS, Naming};
use crate::plan::{GATEWAY, PROXIES, Plan, SIP_DOMAIN, XMPP_DOMAINS};

impl Plan {
    /// The gateway's settings. The timers are shorter than by default where a campaign is to meet
    /// them often, and OPTIONS rarer, as they are no part of what is looked at.
    pub(crate) fn settings(&self) -> String {
        let components: Vec<String> = XMPP_DOMAINS[..self.links]
            .iter()
            .map(|domain| format!("{{ component: sip.{domain}, server: \"127.0.0.11:5347\", secret: s, confirm_timeout: 2s, barrier_timeout: 10s, reconnect_max: 3s }}"))
            .collect();
        let accounts = self.accounts();
        let peers: Vec<String> = self
            .peers()
            .iter()
            .enumerate()
            .map(|(n, uri)| format!("{{ name: p{n}, uri: \"{uri}\"{accounts} }}"))
            .collect();
        let domains: Vec<String> = XMPP_DOMAINS[..self.links]
            .iter()
            .map(|domain| format!("  - {{ xmpp: sip.{domain}, sip: {SIP_DOMAIN} }}\n  - {{ xmpp: {domain}, sip: {domain} }}\n"))
            .collect();
        let limits = match self.limits {
            None => String::new(),
            Some(limits) => format!(
                "limits: {{ outstanding_per_target: {}, queue_per_target: {}, queue: {}, queue_per_sender: {}, unconfirmed: {} }}\n",
                limits.outstanding_per_target,
                limits.queue_per_target,
                limits.queue,
                limits.queue,
                limits.unconfirmed
            ),
        };
        format!(
            "xmpp: {{ components: [ {} ] }}\nsip:\n  listen: [ \"udp:{GATEWAY}\", \"tcp:{GATEWAY}\" ]\n  peers: [ {} ]\n\
             \x20 options_interval: 30s\ndomains:\n{}store: {{ path: store }}\n{limits}",
            components.join(", "),
            peers.join(", "),
            domains.concat()
        )
    }

    /// The URIs of the peers.
    fn peers(&self) -> Vec<String> {
        let transport = self.transport;
        match self.naming {
            Naming::Addresses => {
                let proxies = PROXIES[..self.proxies].iter();
                proxies.map(|address| format!("sip:{address};transport={transport}")).collect()
            }
            Naming::Hosts => {
                let hosts = HOSTS[..self.proxies].iter();
                hosts.map(|host| format!("sip:{host}:5060;transport={transport}")).collect()
            }
            Naming::Domain { naptr: true, .. } => vec![format!("sip:{DOMAIN}")],
            Naming::Domain { naptr: false, .. } => {
                vec![format!("sip:{DOMAIN};transport={transport}")]
            }
        }
    }

    /// Who the gateway is to a peer that asks.
    fn accounts(&self) -> String {
        if self.asking.is_none() {
            return String::new();
        }
        let account = |(realm, password): &(&str, &str)| {
            format!("{{ realm: {realm}, username: {USERNAME}, password: {password} }}")
        };
        let accounts: Vec<String> = PASSWORDS.iter().map(account).collect();
        format!(", auth: [ {} ]", accounts.join(", "))
    }
}
