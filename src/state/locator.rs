//! Where the requests for a SIP URI go (RFC 3263 §4), from what the DNS is known to say.
//!
//! [`Locator::locate`] is a function of the cache: it finds the places, or says which answers it
//! misses. So there is no state of a search; when an answer comes, the function is asked again.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::config::{Place, Transport};
use crate::flow::{Answer, Instant, Naptr, Query, QueryKind, Records, Srv};

/// How long an answer is kept at the least and at the most, whatever the zone says.
const TTL: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(3_600));
/// How long it is kept that a name has no such records, where the zone does not say (RFC 2308 §5
/// leaves it to the resolver).
const NOTHING: Duration = Duration::from_secs(60);
/// How long it is kept that no server answered (RFC 2308 §7: at most five minutes). It is longer
/// than NAPTR, SRV and addresses take to fail one after the other, or a search would never end.
const FAILED: Duration = Duration::from_secs(15);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Records of one answer that are looked at.
const RECORDS: usize = 32;
/// Answers that are kept.
const ANSWERS: usize = 1_000;

/// Transport and address of one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// The transport.
    pub transport: Transport,
    /// The address.
    pub remote: SocketAddr,
}

/// A server that may be asked, with its place among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The server.
    pub target: Target,
    /// Lower ones first: the order of NAPTR, then the priority of SRV.
    pub rank: u32,
    /// The share among one rank (RFC 2782).
    pub weight: u16,
}

/// What is known of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Located {
    /// These servers, until the first answer behind them is too old.
    Found(Vec<Candidate>, Instant),
    /// These servers, and perhaps others: a question about them had no answer.
    Partly(Vec<Candidate>, Instant),
    /// It depends on these answers.
    Ask(Vec<Query>),
    /// No server, until then.
    Nowhere(Instant),
}

#[derive(Debug)]
struct Cached {
    answer: Answer,
    until: Instant,
}

/// The cache of answers, and the questions that have none yet.
#[derive(Debug, Default)]
pub struct Locator {
    cache: BTreeMap<Query, Cached>,
    pending: BTreeMap<Query, Instant>,
}

impl Locator {
    /// Notes that a question is asked; false when it is asked already.
    pub fn ask(&mut self, query: Query, now: Instant) -> bool {
        self.pending.insert(query, now + PATIENCE).is_none()
    }

    /// When the oldest question counts as not answered.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.pending.values().min().copied()
    }

    /// The questions that nobody answered in time.
    pub fn overdue(&mut self, now: Instant) -> Vec<Query> {
        let late = self.pending.iter().filter(|(_, deadline)| **deadline <= now);
        late.map(|(query, _)| query.clone()).collect()
    }

    /// Takes an answer in.
    pub fn answered(&mut self, query: Query, answer: Answer, now: Instant) {
        self.pending.remove(&query);
        let kept = match &answer {
            Answer::Found { ttl, .. } | Answer::Nothing { ttl: Some(ttl) } => {
                (*ttl).clamp(TTL.0, TTL.1)
            }
            Answer::Nothing { ttl: None } => NOTHING,
            Answer::Failed => FAILED,
        };
        if self.cache.len() >= ANSWERS {
            self.cache.retain(|_, cached| cached.until > now);
        }
        if self.cache.len() < ANSWERS {
            self.cache.insert(query, Cached { answer, until: now + kept });
        }
    }

    /// Whether there are SRV records of a name, and until when that is known; `None` when nobody
    /// answered.
    ///
    /// # Errors
    /// The question that has no answer yet.
    pub fn advertises(&self, name: String, now: Instant) -> Result<(Option<bool>, Instant), Query> {
        let mut search = Search::new(self, now);
        match search.known(&name, QueryKind::Srv) {
            Known::Records(Records::Srv(records)) => {
                let there = records.iter().any(|srv| !srv.target.is_empty() && srv.port != 0);
                Ok((Some(there), search.until))
            }
            Known::Nothing if search.failed => Ok((None, search.until)),
            Known::Records(_) | Known::Nothing => Ok((Some(false), search.until)),
            Known::Missing => Err(Query { name, kind: QueryKind::Srv }),
        }
    }

    /// Where requests for a place go. `supported` are the transports that can be used, in the
    /// order in which they are preferred where the DNS leaves it open (RFC 3263 §4.1).
    #[must_use]
    pub fn locate(&self, place: &Place, supported: &[Transport], now: Instant) -> Located {
        Search::new(self, now).run(place, supported)
    }
}

/// One run of the procedure over the cache.
struct Search<'a> {
    locator: &'a Locator,
    now: Instant,
    missing: Vec<Query>,
    until: Instant,
    found: Vec<Candidate>,
    /// Whether a question about servers had no answer.
    failed: bool,
}

impl<'a> Search<'a> {
    fn new(locator: &'a Locator, now: Instant) -> Self {
        let until = now + TTL.1;
        Search { locator, now, missing: Vec::new(), until, found: Vec::new(), failed: false }
    }

    fn run(mut self, place: &Place, supported: &[Transport]) -> Located {
        let named = place.service.srv(&place.host);
        match (place.ip, place.port, place.fixed_transport()) {
            // RFC 3861 §4: where there is SRV nothing else counts; a host alone is a server.
            (None, None, transport) if named.is_some() => {
                let transport = transport.unwrap_or(usual(supported));
                if !self.service(&named.unwrap_or_default(), transport, 0) {
                    self.host(&place.host, transport, DEFAULT_PORT, 0, 1);
                }
            }
            // §4.1, §4.2: an address is where it goes; the DNS is not asked.
            (Some(ip), port, transport) => {
                let transport = transport.unwrap_or(Transport::Udp);
                self.push(transport, ip, port.unwrap_or(DEFAULT_PORT), 0, 1);
            }
            // §4.2: with a port the name is a host.
            (None, Some(port), transport) => {
                let transport = transport.unwrap_or(Transport::Udp);
                self.host(&place.host, transport, port, 0, 1);
            }
            // §4.2: the transport is settled, SRV says where; without SRV the name is a host.
            (None, None, Some(transport)) => {
                if !self.services(&place.host, &[transport]) {
                    self.host(&place.host, transport, DEFAULT_PORT, 0, 1);
                }
            }
            (None, None, None) => self.domain(&place.host, supported),
        }
        if !self.missing.is_empty() {
            return Located::Ask(self.missing);
        }
        if self.found.is_empty() {
            return Located::Nowhere(self.until);
        }
        match self.failed {
            true => Located::Partly(self.found, self.until),
            false => Located::Found(self.found, self.until),
        }
    }

    /// §4.1: NAPTR, else SRV for each transport, else the name is a host.
    fn domain(&mut self, domain: &str, supported: &[Transport]) {
        let records = match self.known(domain, QueryKind::Naptr) {
            Known::Missing => return,
            Known::Records(Records::Naptr(records)) => records.as_slice(),
            Known::Records(_) | Known::Nothing => &[],
        };
        let mut usable: Vec<(&Naptr, Transport)> = records
            .iter()
            .take(RECORDS)
            .filter_map(|naptr| Some((naptr, service(naptr, supported)?)))
            .collect();
        usable.sort_by_key(|(naptr, _)| (naptr.order, naptr.preference));
        let order = usable.first().map(|(naptr, _)| naptr.order);
        usable.retain(|(naptr, _)| Some(naptr.order) == order);
        if usable.is_empty() {
            if !self.services(domain, supported) {
                self.host(domain, usual(supported), DEFAULT_PORT, 0, 1);
            }
            return;
        }
        for (at, (naptr, transport)) in usable.into_iter().enumerate() {
            self.service(&naptr.replacement, transport, group(at));
        }
    }

    /// SRV of each transport; false when it is known that there is none at all.
    fn services(&mut self, domain: &str, transports: &[Transport]) -> bool {
        let mut any = false;
        for (at, transport) in transports.iter().enumerate() {
            let name = format!("_sip._{transport}.{domain}");
            any |= self.service(&name, *transport, group(at));
        }
        any
    }

    /// The servers of one SRV name; false when it is known that there are none.
    fn service(&mut self, name: &str, transport: Transport, group: u32) -> bool {
        let records: &[Srv] = match self.known(name, QueryKind::Srv) {
            Known::Missing => return true,
            Known::Records(Records::Srv(records)) => records,
            Known::Records(_) | Known::Nothing => return false,
        };
        for srv in records.iter().take(RECORDS) {
            // RFC 2782: "." says that the service is decidedly not there.
            if !srv.target.is_empty() && srv.port != 0 {
                let rank = group + u32::from(srv.priority);
                self.host(&srv.target, transport, srv.port, rank, srv.weight);
            }
        }
        !records.is_empty()
    }

    fn host(&mut self, host: &str, transport: Transport, port: u16, rank: u32, weight: u16) {
        if let Known::Records(Records::Addresses(ips)) = self.known(host, QueryKind::Addresses) {
            // The addresses of one host share its weight.
            for ip in ips.iter().take(RECORDS) {
                self.push(transport, *ip, port, rank, weight);
            }
        }
    }

    fn push(&mut self, transport: Transport, ip: IpAddr, port: u16, rank: u32, weight: u16) {
        let target = Target { transport, remote: SocketAddr::new(ip, port) };
        if self.found.len() < RECORDS && self.found.iter().all(|known| known.target != target) {
            self.found.push(Candidate { target, rank, weight });
        }
    }

    fn known(&mut self, name: &str, kind: QueryKind) -> Known<'a> {
        let query = Query { name: name.to_owned(), kind };
        match self.locator.cache.get(&query).filter(|cached| cached.until > self.now) {
            Some(cached) => {
                self.until = self.until.min(cached.until);
                match &cached.answer {
                    Answer::Found { records, .. } => Known::Records(records),
                    Answer::Failed => {
                        // Many servers are silent about NAPTR, and it hides nobody.
                        self.failed |= kind != QueryKind::Naptr;
                        Known::Nothing
                    }
                    Answer::Nothing { .. } => Known::Nothing,
                }
            }
            None => {
                if !self.missing.contains(&query) {
                    self.missing.push(query);
                }
                Known::Missing
            }
        }
    }
}

enum Known<'a> {
    Records(&'a Records),
    Nothing,
    Missing,
}

/// Of a name that says nothing of transports nothing is known but that UDP is what SIP has always.
fn usual(supported: &[Transport]) -> Transport {
    let udp = supported.contains(&Transport::Udp).then_some(Transport::Udp);
    udp.or(supported.first().copied()).unwrap_or(Transport::Udp)
}

/// RFC 3261 §19.1.2.
const DEFAULT_PORT: u16 = 5_060;

/// Ranks of one NAPTR record or transport come before all of the next.
fn group(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX / 65_536).saturating_mul(65_536)
}

/// The transport of a NAPTR record, if it can be used (RFC 3263 §4.1).
fn service(naptr: &Naptr, supported: &[Transport]) -> Option<Transport> {
    if !naptr.flags.eq_ignore_ascii_case("s") {
        return None;
    }
    let transport = match naptr.service.to_ascii_uppercase().as_str() {
        "SIP+D2U" => Transport::Udp,
        "SIP+D2T" => Transport::Tcp,
        _ => return None,
    };
    supported.contains(&transport).then_some(transport)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Service;

    const BOTH: [Transport; 2] = [Transport::Tcp, Transport::Udp];
    const NOW: Instant = Instant(1_000_000);

    fn place(host: &str, port: Option<u16>, transport: Option<Transport>) -> Place {
        let service = Service::Sip;
        Place { host: host.to_owned(), ip: host.parse().ok(), port, transport, service }
    }

    /// A zone, asked as often as the procedure wants; the answer is what it found and asked for.
    fn run(zone: &[(&str, Answer)], place: &Place, supported: &[Transport]) -> (String, String) {
        let mut locator = Locator::default();
        let mut asked = Vec::new();
        loop {
            match locator.locate(place, supported, NOW) {
                Located::Ask(queries) => {
                    for query in queries {
                        let name = format!("{:?} {}", query.kind, query.name);
                        let known = zone.iter().find(|(key, _)| *key == name);
                        let nothing = Answer::Nothing { ttl: None };
                        let answer = known.map_or(nothing, |(_, answer)| answer.clone());
                        asked.push(name);
                        locator.answered(query, answer, NOW);
                    }
                }
                Located::Found(mut candidates, _) | Located::Partly(mut candidates, _) => {
                    candidates.sort_by_key(|candidate| candidate.rank);
                    let found: Vec<String> = candidates
                        .iter()
                        .map(|c| format!("{} {}", c.target.transport, c.target.remote))
                        .collect();
                    return (found.join(", "), asked.join(", "));
                }
                Located::Nowhere(_) => return (String::new(), asked.join(", ")),
            }
        }
    }

    fn found(records: Records) -> Answer {
        Answer::Found { records, ttl: Duration::from_secs(300) }
    }

    fn host(ips: &[&str]) -> Answer {
        found(Records::Addresses(ips.iter().map(|ip| ip.parse().unwrap()).collect()))
    }

    fn srv(records: &[(u16, u16, &str)]) -> Answer {
        let record = |&(priority, port, target): &(u16, u16, &str)| Srv {
            priority,
            weight: 0,
            port,
            target: target.to_owned(),
        };
        found(Records::Srv(records.iter().map(record).collect()))
    }

    fn naptr(records: &[(u16, u16, &str, &str)]) -> Answer {
        let record = |&(order, preference, service, replacement): &(u16, u16, &str, &str)| Naptr {
            order,
            preference,
            flags: "s".to_owned(),
            service: service.to_owned(),
            replacement: replacement.to_owned(),
        };
        found(Records::Naptr(records.iter().map(record).collect()))
    }

    #[test]
    fn an_address_asks_nobody() {
        let (found, asked) = run(&[], &place("192.0.2.1", None, None), &BOTH);
        assert_eq!((found.as_str(), asked.as_str()), ("udp 192.0.2.1:5060", ""));
        let place = place("2001:db8::1", Some(5_070), Some(Transport::Tcp));
        assert_eq!(run(&[], &place, &BOTH).0, "tcp [2001:db8::1]:5070");
    }

    #[test]
    fn a_port_makes_the_name_a_host() {
        let zone = [("Addresses a.test", host(&["192.0.2.1", "2001:db8::1"]))];
        let (found, asked) = run(&zone, &place("a.test", Some(5_070), None), &BOTH);
        assert_eq!(found, "udp 192.0.2.1:5070, udp [2001:db8::1]:5070");
        assert_eq!(asked, "Addresses a.test");
    }

    #[test]
    fn a_transport_asks_its_srv_and_then_the_host() {
        let tcp = place("a.test", None, Some(Transport::Tcp));
        let zone = [
            ("Srv _sip._tcp.a.test", srv(&[(20, 5_062, "two.test"), (10, 5_061, "one.test")])),
            ("Addresses one.test", host(&["192.0.2.1"])),
            ("Addresses two.test", host(&["192.0.2.2"])),
        ];
        assert_eq!(run(&zone, &tcp, &BOTH).0, "tcp 192.0.2.1:5061, tcp 192.0.2.2:5062");
        let zone = [("Addresses a.test", host(&["192.0.2.9"]))];
        let (found, asked) = run(&zone, &tcp, &BOTH);
        assert_eq!(found, "tcp 192.0.2.9:5060");
        assert_eq!(asked, "Srv _sip._tcp.a.test, Addresses a.test");
    }

    /// The example of RFC 3263 §4.1, without the service that demands TLS.
    #[test]
    fn naptr_chooses_the_transport() {
        let zone = [
            (
                "Naptr example.com",
                naptr(&[
                    (50, 50, "SIPS+D2T", "_sips._tcp.example.com"),
                    (90, 50, "SIP+D2T", "_sip._tcp.example.com"),
                    (100, 50, "SIP+D2U", "_sip._udp.example.com"),
                ]),
            ),
            (
                "Srv _sip._tcp.example.com",
                srv(&[(0, 5_060, "server1.example.com"), (1, 5_060, "server2.example.com")]),
            ),
            ("Srv _sip._udp.example.com", srv(&[(0, 5_060, "server3.example.com")])),
            ("Addresses server1.example.com", host(&["192.0.2.1"])),
            ("Addresses server2.example.com", host(&["192.0.2.2"])),
            ("Addresses server3.example.com", host(&["192.0.2.3"])),
        ];
        let domain = place("example.com", None, None);
        assert_eq!(run(&zone, &domain, &BOTH).0, "tcp 192.0.2.1:5060, tcp 192.0.2.2:5060");
        assert_eq!(run(&zone, &domain, &[Transport::Udp]).0, "udp 192.0.2.3:5060");
    }

    #[test]
    fn without_naptr_each_transport_is_asked_for_and_then_the_host() {
        let zone = [
            ("Srv _sip._udp.a.test", srv(&[(0, 5_070, "u.test")])),
            ("Srv _sip._tcp.a.test", srv(&[(0, 5_071, "t.test")])),
            ("Addresses u.test", host(&["192.0.2.1"])),
            ("Addresses t.test", host(&["192.0.2.2"])),
        ];
        let domain = place("a.test", None, None);
        assert_eq!(run(&zone, &domain, &BOTH).0, "tcp 192.0.2.2:5071, udp 192.0.2.1:5070");
        let zone = [("Addresses a.test", host(&["192.0.2.9"]))];
        assert_eq!(run(&zone, &domain, &BOTH).0, "udp 192.0.2.9:5060");
        assert_eq!(run(&zone, &domain, &[Transport::Tcp]).0, "tcp 192.0.2.9:5060");
    }

    #[test]
    fn addr_064_srv_of_im_goes_before_the_host() {
        let im = |service| Place { service, ..place("a.test", None, None) };
        let zone = [
            ("Srv _im._sip.a.test", srv(&[(20, 5_061, "two.test"), (10, 5_060, "one.test")])),
            ("Srv _im._xmpp.a.test", srv(&[(0, 5_269, "xmpp.test")])),
            ("Addresses one.test", host(&["192.0.2.1"])),
            ("Addresses two.test", host(&["192.0.2.2"])),
            ("Addresses a.test", host(&["192.0.2.99"])),
        ];
        let (found, asked) = run(&zone, &im(Service::Im), &BOTH);
        assert_eq!(found, "udp 192.0.2.1:5060, udp 192.0.2.2:5061");
        assert_eq!(asked, "Srv _im._sip.a.test, Addresses two.test, Addresses one.test");
        // Without SRV the address is one itself.
        let (found, asked) = run(&zone, &im(Service::Pres), &BOTH);
        assert_eq!(found, "udp 192.0.2.99:5060");
        assert_eq!(asked, "Srv _pres._sip.a.test, Addresses a.test");
        // A service that is decidedly not there leads nowhere.
        let zone = [
            ("Srv _im._sip.a.test", srv(&[(0, 0, "")])),
            ("Addresses a.test", host(&["192.0.2.99"])),
        ];
        assert_eq!(run(&zone, &im(Service::Im), &BOTH).0, "");
    }

    #[test]
    fn a_service_that_is_decidedly_not_there_leads_nowhere() {
        let zone = [
            ("Srv _sip._tcp.a.test", srv(&[(0, 0, "")])),
            ("Addresses a.test", host(&["192.0.2.9"])),
        ];
        assert_eq!(run(&zone, &place("a.test", None, Some(Transport::Tcp)), &BOTH).0, "");
    }

    #[test]
    fn a_server_that_is_silent_about_naptr_does_not_hide_the_rest() {
        let zone = [
            ("Naptr a.test", Answer::Failed),
            ("Srv _sip._udp.a.test", srv(&[(0, 5_070, "u.test")])),
            ("Addresses u.test", host(&["192.0.2.1"])),
        ];
        assert_eq!(run(&zone, &place("a.test", None, None), &BOTH).0, "udp 192.0.2.1:5070");
    }

    #[test]
    fn answers_are_kept_as_long_as_they_may_be() {
        let mut locator = Locator::default();
        let place = place("a.test", Some(5_060), None);
        let query = Query { name: "a.test".to_owned(), kind: QueryKind::Addresses };
        let located = |locator: &Locator, seconds: u64| {
            locator.locate(&place, &BOTH, NOW + Duration::from_secs(seconds))
        };
        assert!(locator.ask(query.clone(), NOW) && !locator.ask(query.clone(), NOW));
        assert_eq!(locator.deadline(), Some(NOW + PATIENCE));
        assert_eq!(locator.overdue(NOW), []);
        assert_eq!(locator.overdue(NOW + PATIENCE), std::slice::from_ref(&query));

        locator.answered(query.clone(), host(&["192.0.2.1"]), NOW);
        assert_eq!(locator.deadline(), None);
        assert!(
            matches!(located(&locator, 299), Located::Found(_, until) if until == NOW + Duration::from_secs(300))
        );
        assert_eq!(located(&locator, 300), Located::Ask(vec![query.clone()]));

        locator.answered(
            query.clone(),
            Answer::Nothing { ttl: Some(Duration::from_secs(30)) },
            NOW,
        );
        assert_eq!(located(&locator, 29), Located::Nowhere(NOW + Duration::from_secs(30)));
        assert_eq!(located(&locator, 30), Located::Ask(vec![query.clone()]));
        // A zone that says zero does not make the gateway ask for each message.
        locator.answered(query.clone(), Answer::Nothing { ttl: Some(Duration::ZERO) }, NOW);
        assert!(matches!(located(&locator, 4), Located::Nowhere(_)));
    }
}
