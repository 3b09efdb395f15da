//! Via (RFC 3261 §18.2, §20.42; RFC 3581): one `via-parm`.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use super::host::{self, Host};
use super::token::ValueError;
use super::{HeaderValue, ParamIter, Text, Transport, chars, param};

/// One hop. It is written as received, with the `received` and `rport` that were added here.
#[derive(Clone, Debug)]
pub struct Via {
    raw: Text,
    transport: Span,
    host: Span,
    port: Option<u16>,
    /// Where the parameters begin.
    params: u16,
    found: ViaParams,
    set_received: Option<IpAddr>,
    set_rport: Option<u16>,
}

/// Where the parameters are that matter here.
#[derive(Clone, Copy, Debug, Default)]
struct ViaParams {
    /// The value of `branch`.
    branch: Span,
    /// `;received=...` and `;rport[=...]`, from the semicolon to the next.
    received: Span,
    rport: Span,
}

impl ViaParams {
    /// Reads and checks the parameters from `i` on, as far as they are legal.
    fn read(octets: &[u8], mut i: usize) -> (ViaParams, Result<(), ValueError>) {
        let mut found = ViaParams::default();
        loop {
            i = chars::skip_space(octets, i);
            match octets.get(i) {
                None => return (found, Ok(())),
                Some(b';') => {}
                Some(_) => return (found, Err(ValueError::Character)),
            }
            let (name, end) = match param::check_one(octets, i + 1) {
                Ok(one) => one,
                Err(e) => return (found, Err(e)),
            };
            let (place, span) = match &octets[name.clone()] {
                n if n.eq_ignore_ascii_case(b"branch") => {
                    (&mut found.branch, value(octets, name.end..end))
                }
                n if n.eq_ignore_ascii_case(b"received") => {
                    (&mut found.received, Span::new(i..end))
                }
                n if n.eq_ignore_ascii_case(b"rport") => (&mut found.rport, Span::new(i..end)),
                _ => {
                    i = end;
                    continue;
                }
            };
            if !place.is_empty() {
                return (found, Err(ValueError::Repeated));
            }
            *place = span;
            i = end;
        }
    }
}

/// A range of the raw text; at most 65,535 by construction. Empty means absent.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u16,
    end: u16,
}

impl Span {
    fn new(range: Range<usize>) -> Span {
        Span { start: range.start as u16, end: range.end as u16 }
    }

    fn range(self) -> Range<usize> {
        self.start.into()..self.end.into()
    }

    fn is_empty(self) -> bool {
        self.start == self.end
    }
}

impl Via {
    /// The magic cookie that begins a branch made by RFC 3261 (§8.1.1.7).
    pub const COOKIE: &'static str = "z9hG4bK";

    /// A hop of our own: `SIP/2.0/transport sent-by;branch=...;rport`. The branch must be a token.
    ///
    /// `rport` asks the peer to answer to the source port (RFC 3581 §3).
    pub fn new(
        transport: Transport,
        host: &str,
        port: Option<u16>,
        branch: &str,
    ) -> Result<Via, ValueError> {
        let mut raw = String::with_capacity(64);
        raw.push_str("SIP/2.0/");
        raw.push_str(transport.as_str());
        raw.push(' ');
        match host::ipv6(host) {
            Some(ip) => raw.push_str(&format!("[{ip}]")),
            None => raw.push_str(host),
        }
        if let Some(port) = port {
            raw.push(':');
            raw.push_str(&port.to_string());
        }
        raw.push_str(";branch=");
        raw.push_str(branch);
        raw.push_str(";rport");
        let via = Via::parse(raw.into())?;
        if via.branch() == Some(branch) { Ok(via) } else { Err(ValueError::Parameter) }
    }

    /// Parses one `via-parm` (an item of the list).
    pub fn parse(item: Text) -> Result<Via, ValueError> {
        let mut via = Via::hop(item, b"2.0")?;
        let (params, end) = ViaParams::read(via.raw.as_bytes(), via.params.into());
        via.found = params;
        end.map(|()| via)
    }

    /// What can be read of a `Via` of a message that is malformed: any version of the protocol,
    /// and the parameters up to the first bad one (RFC 4475 §3.1.2.1).
    pub(super) fn salvage(item: Text) -> Option<Via> {
        let mut via = Via::hop(item, b"").ok()?;
        via.found = ViaParams::read(via.raw.as_bytes(), via.params.into()).0;
        Some(via)
    }

    /// `sent-protocol LWS sent-by`. An empty version stands for any.
    fn hop(item: Text, version: &[u8]) -> Result<Via, ValueError> {
        let raw = super::trimmed(item);
        let octets = raw.as_bytes();
        if octets.len() > usize::from(u16::MAX) {
            return Err(ValueError::TooLong);
        }
        let i = if octets.starts_with(b"SIP/2.0/") { 8 } else { protocol(octets, version)? };
        let (transport, i) = word(octets, i)?;
        let start = chars::skip_space(octets, i);
        if start == i {
            return Err(ValueError::Character);
        }
        let end = start + host::span(&octets[start..]);
        host::spanned(&raw[start..end]).ok_or(ValueError::Host)?;
        let (port, params) = port(&raw, end)?;
        Ok(Via {
            transport: Span::new(transport),
            host: Span::new(start..end),
            port,
            params: params as u16,
            found: ViaParams::default(),
            set_received: None,
            set_rport: None,
            raw,
        })
    }

    /// The transport, if it is one that has a name here.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        Transport::from_name(self.transport_str())
    }

    /// The transport's name as received.
    #[must_use]
    pub fn transport_str(&self) -> &str {
        &self.raw[self.transport.range()]
    }

    /// The host of `sent-by`. (A name without characters, which cannot be, where there is none.)
    #[must_use]
    pub fn host(&self) -> Host<'_> {
        host::parse(self.host_str()).unwrap_or(Host::Name(""))
    }

    /// The host of `sent-by` as received, an IPv6 address in its brackets.
    #[must_use]
    pub fn host_str(&self) -> &str {
        &self.raw[self.host.range()]
    }

    /// The port of `sent-by`, if one is given.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The `branch` parameter (RFC 3261 §8.1.1.7).
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        Some(&self.raw[self.found.branch.range()]).filter(|b| !b.is_empty())
    }

    /// Whether the branch identifies the transaction by itself: it begins with the cookie and
    /// goes on after it (RFC 3261 §17.2.3; RFC 4475 §3.2.1 for the bare cookie).
    #[must_use]
    pub fn has_unique_branch(&self) -> bool {
        self.branch().is_some_and(|branch| {
            branch.len() > Via::COOKIE.len()
                && branch.as_bytes()[..Via::COOKIE.len()]
                    .eq_ignore_ascii_case(Via::COOKIE.as_bytes())
        })
    }

    /// The `received` address, with or without brackets (RFC 5118 §4.5).
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        self.set_received.or_else(|| {
            let value = param::get(&self.raw[self.found.received.range()], "received")??;
            let bare = value.strip_prefix('[').and_then(|v| v.strip_suffix(']')).unwrap_or(value);
            bare.parse().ok().or_else(|| host::ipv6(bare).map(IpAddr::V6))
        })
    }

    /// The `rport` parameter (RFC 3581): `None` if absent, `Some(None)` if it has no value (or
    /// none that is a port).
    #[must_use]
    pub fn rport(&self) -> Option<Option<u16>> {
        if self.set_rport.is_some() {
            return Some(self.set_rport);
        }
        let value = param::get(&self.raw[self.found.rport.range()], "rport")?;
        Some(value.and_then(|v| super::token::number(v).ok()))
    }

    /// The value of a parameter as received: `None` if absent, `Some(None)` if it has no value.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Option<&str>> {
        param::get(self.params_str(), name)
    }

    /// The parameters as received.
    #[must_use]
    pub fn params(&self) -> ParamIter<'_> {
        ParamIter::new(self.params_str())
    }

    fn params_str(&self) -> &str {
        &self.raw[usize::from(self.params)..]
    }

    /// The text as received or built, without what was added.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.raw
    }

    /// This hop with the source address, in place of any `received` the peer wrote
    /// (RFC 3261 §18.2.1).
    #[must_use]
    pub fn with_received(mut self, ip: IpAddr) -> Via {
        self.set_received = Some(ip);
        self
    }

    /// This hop with the source port as the value of `rport` (RFC 3581 §4; only for a request
    /// that has the parameter, and together with `received`).
    #[must_use]
    pub fn with_rport(mut self, port: u16) -> Via {
        self.set_rport = Some(port);
        self
    }

    /// This hop with where the request came from, as a server notes it: `received` if `sent-by` is
    /// not that address (RFC 3261 §18.2.1), and `received` and the port if the hop asks for them by
    /// an `rport` (RFC 3581 §4).
    #[must_use]
    pub fn with_source(self, source: SocketAddr) -> Via {
        let ip = source.ip().to_canonical();
        if self.rport().is_some() {
            return self.with_received(ip).with_rport(source.port());
        }
        let same = self.host().ip().map(|host| host.to_canonical()) == Some(ip);
        if same && self.found.received.is_empty() {
            return self;
        }
        self.with_received(ip)
    }

    /// A copy which does not keep the received buffer alive.
    #[must_use]
    pub fn detached(&self) -> Via {
        Via { raw: super::detach(&self.raw), ..*self }
    }

    /// Appends the value: the received text, and what was added at its end.
    pub fn write(&self, out: &mut Vec<u8>) {
        let octets = self.raw.as_bytes();
        let received = self.set_received.map_or(Span::default(), |_| self.found.received);
        let rport = self.set_rport.map_or(Span::default(), |_| self.found.rport);
        let (first, second) =
            if received.start <= rport.start { (received, rport) } else { (rport, received) };
        out.extend_from_slice(&octets[..first.start.into()]);
        out.extend_from_slice(&octets[first.end.into()..second.start.into()]);
        out.extend_from_slice(&octets[second.end.into()..]);
        if let Some(ip) = self.set_received {
            out.extend_from_slice(format!(";received={ip}").as_bytes());
        }
        if let Some(port) = self.set_rport {
            out.extend_from_slice(b";rport=");
            super::write::decimal(out, port.into());
        }
    }

    /// The value as a header field value.
    #[must_use]
    pub fn to_value(&self) -> HeaderValue {
        let mut out = Vec::with_capacity(self.raw.len() + 48);
        self.write(&mut out);
        HeaderValue::from_legal(out.into())
    }
}

/// Two hops are equal if they are written alike.
impl PartialEq for Via {
    fn eq(&self, other: &Via) -> bool {
        self.to_value() == other.to_value()
    }
}

impl Eq for Via {}

/// A token from `i` on (white space before it is skipped), and where it ends.
fn word(octets: &[u8], i: usize) -> Result<(Range<usize>, usize), ValueError> {
    let start = chars::skip_space(octets, i);
    let end = start + chars::span(&octets[start..], chars::TOKEN);
    if start == end { Err(ValueError::Character) } else { Ok((start..end, end)) }
}

/// `protocol-name SLASH protocol-version SLASH`; an empty version stands for any.
fn protocol(octets: &[u8], version: &[u8]) -> Result<usize, ValueError> {
    let (name, i) = word(octets, 0)?;
    let (spoken, i) = word(octets, slash(octets, i)?)?;
    let matches = version.is_empty() || octets[spoken] == *version;
    if !octets[name].eq_ignore_ascii_case(b"SIP") || !matches {
        return Err(ValueError::Protocol);
    }
    slash(octets, i)
}

/// `SLASH`, white space around it allowed; gives the index after the slash.
fn slash(octets: &[u8], i: usize) -> Result<usize, ValueError> {
    let i = chars::skip_space(octets, i);
    if octets.get(i) == Some(&b'/') { Ok(i + 1) } else { Err(ValueError::Protocol) }
}

/// `[ COLON port ]`, and where it ends.
fn port(raw: &str, end: usize) -> Result<(Option<u16>, usize), ValueError> {
    let octets = raw.as_bytes();
    let colon = chars::skip_space(octets, end);
    if octets.get(colon) != Some(&b':') {
        return Ok((None, end));
    }
    let start = chars::skip_space(octets, colon + 1);
    let digits = octets[start..].iter().take_while(|b| b.is_ascii_digit()).count();
    let port = super::token::number(&raw[start..start + digits])?;
    Ok((Some(port), start + digits))
}

/// The value in `= value`, without white space.
fn value(octets: &[u8], range: Range<usize>) -> Span {
    let equals = chars::skip_space(octets, range.start);
    if octets.get(equals) != Some(&b'=') || equals >= range.end {
        return Span::default();
    }
    let start = chars::skip_space(octets, equals + 1);
    Span::new(start..range.end.max(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn via(text: &str) -> Via {
        Via::parse(text.into()).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    fn written(via: &Via) -> String {
        let mut out = Vec::new();
        via.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn white_space_everywhere() {
        let v =
            via("SIP  / 2.0  / TCP     spindle.example.com : 5070  ;   branch  =   z9hG4bK9ikj8  ");
        assert_eq!(v.transport(), Some(Transport::Tcp));
        assert_eq!((v.host(), v.port()), (Host::Name("spindle.example.com"), Some(5070)));
        assert_eq!(v.branch(), Some("z9hG4bK9ikj8"));
        assert!(v.has_unique_branch());
        assert!(!via("SIP/2.0/UDP h;branch=z9hG4bK").has_unique_branch());
        assert_eq!(via("SIP/2.0/UNKNOWN t4.example.com").transport(), None);
    }

    #[test]
    fn received_with_and_without_brackets() {
        let ip = Some("2001:db8::9:255".parse().unwrap());
        let v = via("SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111");
        assert_eq!((v.received(), v.host().ip()), (ip, Some("2001:db8::9:1".parse().unwrap())));
        assert_eq!(via("SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255").received(), ip);
    }

    #[test]
    fn additions_take_the_place_of_what_the_peer_wrote() {
        let ip: IpAddr = "192.0.2.9".parse().unwrap();
        let v = via("SIP/2.0/UDP h;rport;branch=z9hG4bKx;received=1.2.3.4;x")
            .with_received(ip)
            .with_rport(5099);
        assert_eq!(written(&v), "SIP/2.0/UDP h;branch=z9hG4bKx;x;received=192.0.2.9;rport=5099");
        let again = via(&written(&v));
        assert_eq!(
            (again.received(), again.rport(), again.branch()),
            (Some(ip), Some(Some(5099)), Some("z9hG4bKx"))
        );
        let v = via("SIP/2.0/UDP h:1;received=1.2.3.4;rport").with_received(ip);
        assert_eq!(written(&v), "SIP/2.0/UDP h:1;rport;received=192.0.2.9");
        assert_eq!(v.rport(), Some(None));
        assert_eq!(written(&via("SIP/2.0/UDP h")), "SIP/2.0/UDP h");
    }

    #[test]
    fn the_source_is_noted_as_the_hop_asks() {
        let stamped =
            |hop: &str, source: &str| written(&via(hop).with_source(source.parse().unwrap()));
        assert_eq!(
            stamped("SIP/2.0/UDP 192.0.2.1:5062", "192.0.2.1:9"),
            "SIP/2.0/UDP 192.0.2.1:5062"
        );
        assert_eq!(stamped("SIP/2.0/UDP h;x", "192.0.2.1:9"), "SIP/2.0/UDP h;x;received=192.0.2.1");
        assert_eq!(
            stamped("SIP/2.0/UDP 192.0.2.1;rport", "192.0.2.1:9"),
            "SIP/2.0/UDP 192.0.2.1;received=192.0.2.1;rport=9"
        );
        assert_eq!(
            stamped("SIP/2.0/UDP 192.0.2.1;received=203.0.113.9", "[::ffff:192.0.2.1]:9"),
            "SIP/2.0/UDP 192.0.2.1;received=192.0.2.1"
        );
        assert_eq!(
            stamped("SIP/2.0/UDP [2001:db8::1]", "[2001:db8::1]:9"),
            "SIP/2.0/UDP [2001:db8::1]"
        );
    }

    #[test]
    fn built() {
        let v = Via::new(Transport::Tls, "::1", Some(5061), "z9hG4bKabc").unwrap();
        assert_eq!(v.as_str(), "SIP/2.0/TLS [::1]:5061;branch=z9hG4bKabc;rport");
        assert!(Via::new(Transport::Udp, "h\r\nX: y", None, "z9").is_err());
        assert!(Via::new(Transport::Udp, "h", None, "z9;x").is_err());
    }

    #[test]
    fn malformed() {
        for bad in [
            "",
            "SIP/2.0",
            "SIP/2.0/UDP",
            "SIP/2.0/UDPh",
            "SIP/1.0/UDP h",
            "HTTP/2.0/TCP h",
            "SIP/2.0/UDP 192.0.2.15;;,;,,",
            "SIP/2.0/UDP h:x",
            "SIP/2.0/UDP h:99999",
            "SIP/2.0/UDP h x",
            "SIP/2.0/UDP 2001:db8::1;branch=x",
            "SIP/2.0/UDP h;branch=a;branch=b",
            "SIP/2.0/UDP h;rport;RPORT=5",
            "SIP/2.0/UDP h;x=\"\r\nX: y\"",
            "SIP/2.0/UDP h;branch=\"x",
        ] {
            assert!(Via::parse(bad.into()).is_err(), "{bad}");
        }
        let v = Via::salvage("SIP/7.0/UDP c.example.com:99;branch=z9hG4bKk;;".into()).unwrap();
        assert_eq!(
            (v.host_str(), v.port(), v.branch()),
            ("c.example.com", Some(99), Some("z9hG4bKk"))
        );
    }
}
