//! Questions to the DNS.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use crate::config::Dns;
use crate::flow::{Answer, Naptr, Query, QueryKind, Records, Srv};

/// Asks a question. Host names are looked up in the system's hosts file first; what the files of
/// the system say is read anew each time.
pub(super) async fn ask(dns: &Dns, query: &Query) -> Result<Answer, NetError> {
    let resolver = resolver(dns)?;
    let found = match query.kind {
        QueryKind::Addresses => addresses(&resolver, &query.name).await,
        QueryKind::Srv => records(&resolver, &query.name, RecordType::SRV).await,
        QueryKind::Naptr => records(&resolver, &query.name, RecordType::NAPTR).await,
    };
    match found {
        Err(NetError::Dns(DnsError::NoRecordsFound(nothing))) => {
            let ttl = nothing.negative_ttl.map(|seconds| Duration::from_secs(seconds.into()));
            Ok(Answer::Nothing { ttl })
        }
        other => other,
    }
}

fn resolver(dns: &Dns) -> Result<TokioResolver, NetError> {
    let provider = TokioRuntimeProvider::default();
    let mut builder = if dns.servers.is_empty() {
        TokioResolver::builder(provider)?
    } else {
        let server = |address: &std::net::SocketAddr| {
            let on_port = |mut connection: ConnectionConfig| {
                connection.port = address.port();
                connection
            };
            let connections =
                vec![on_port(ConnectionConfig::udp()), on_port(ConnectionConfig::tcp())];
            NameServerConfig::new(address.ip(), true, connections)
        };
        let servers = dns.servers.iter().map(server).collect();
        TokioResolver::builder_with_config(ResolverConfig::from_name_servers(servers), provider)
    };
    let options: &mut ResolverOpts = builder.options_mut();
    options.timeout = dns.timeout;
    options.attempts = 2;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    // The core keeps answers, under its own clock.
    options.cache_size = 0;
    builder.build()
}

async fn addresses(resolver: &TokioResolver, name: &str) -> Result<Answer, NetError> {
    let found = resolver.lookup_ip(name).await?;
    let addresses: Vec<IpAddr> = found.iter().collect();
    Ok(Answer::Found { records: Records::Addresses(addresses), ttl: until(found.valid_until()) })
}

async fn records(
    resolver: &TokioResolver,
    name: &str,
    kind: RecordType,
) -> Result<Answer, NetError> {
    // The dot keeps the search list of the system out of it.
    let found = resolver.lookup(format!("{name}."), kind).await?;
    let (mut srv, mut naptr) = (Vec::new(), Vec::new());
    for record in found.answers() {
        match &record.data {
            RData::SRV(record) => srv.push(Srv {
                priority: record.priority,
                weight: record.weight,
                port: record.port,
                target: plain(&record.target),
            }),
            RData::NAPTR(record) => naptr.push(Naptr {
                order: record.order,
                preference: record.preference,
                flags: String::from_utf8_lossy(&record.flags).into_owned(),
                service: String::from_utf8_lossy(&record.services).into_owned(),
                replacement: plain(&record.replacement),
            }),
            _ => {}
        }
    }
    let ttl = until(found.valid_until());
    Ok(match kind {
        _ if srv.is_empty() && naptr.is_empty() => Answer::Nothing { ttl: None },
        RecordType::SRV => Answer::Found { records: Records::Srv(srv), ttl },
        _ => Answer::Found { records: Records::Naptr(naptr), ttl },
    })
}

fn until(moment: Instant) -> Duration {
    moment.saturating_duration_since(Instant::now())
}

/// A name without the dot at its end; the root is empty.
fn plain(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}
