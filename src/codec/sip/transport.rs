//! Transport protocols (RFC 3261 §20.42, §26.2; RFC 4168, RFC 7118).

use std::fmt;

/// A transport that has a name in `Via` and in a URI's `transport` parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// UDP (RFC 3261 §18).
    Udp,
    /// TCP (RFC 3261 §18).
    Tcp,
    /// TLS over TCP (RFC 3261 §26.2).
    Tls,
    /// SCTP (RFC 4168).
    Sctp,
    /// TLS over SCTP (RFC 4168).
    TlsSctp,
    /// WebSocket (RFC 7118).
    Ws,
    /// WebSocket over TLS (RFC 7118).
    Wss,
}

impl Transport {
    /// The transport of this name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Transport> {
        Some(match name {
            n if n.eq_ignore_ascii_case("UDP") => Transport::Udp,
            n if n.eq_ignore_ascii_case("TCP") => Transport::Tcp,
            n if n.eq_ignore_ascii_case("TLS") => Transport::Tls,
            n if n.eq_ignore_ascii_case("SCTP") => Transport::Sctp,
            n if n.eq_ignore_ascii_case("TLS-SCTP") => Transport::TlsSctp,
            n if n.eq_ignore_ascii_case("WS") => Transport::Ws,
            n if n.eq_ignore_ascii_case("WSS") => Transport::Wss,
            _ => return None,
        })
    }

    /// The name as `Via` spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Sctp => "SCTP",
            Transport::TlsSctp => "TLS-SCTP",
            Transport::Ws => "WS",
            Transport::Wss => "WSS",
        }
    }

    /// The port where none is given (RFC 3261 §19.1.2, RFC 7118 §5).
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp | Transport::Sctp => 5060,
            Transport::Tls | Transport::TlsSctp => 5061,
            Transport::Ws => 80,
            Transport::Wss => 443,
        }
    }

    /// Whether the transport itself delivers or fails, so that no request is retransmitted
    /// (RFC 3261 §17).
    #[must_use]
    pub fn is_reliable(self) -> bool {
        self != Transport::Udp
    }

    /// Whether it is protected by TLS.
    #[must_use]
    pub fn is_secure(self) -> bool {
        matches!(self, Transport::Tls | Transport::TlsSctp | Transport::Wss)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<rsip::Transport> for Transport {
    fn from(transport: rsip::Transport) -> Transport {
        match transport {
            rsip::Transport::Udp => Transport::Udp,
            rsip::Transport::Tcp => Transport::Tcp,
            rsip::Transport::Tls => Transport::Tls,
            rsip::Transport::Sctp => Transport::Sctp,
            rsip::Transport::TlsSctp => Transport::TlsSctp,
            rsip::Transport::Ws => Transport::Ws,
            rsip::Transport::Wss => Transport::Wss,
        }
    }
}

impl From<Transport> for rsip::Transport {
    fn from(transport: Transport) -> rsip::Transport {
        match transport {
            Transport::Udp => rsip::Transport::Udp,
            Transport::Tcp => rsip::Transport::Tcp,
            Transport::Tls => rsip::Transport::Tls,
            Transport::Sctp => rsip::Transport::Sctp,
            Transport::TlsSctp => rsip::Transport::TlsSctp,
            Transport::Ws => rsip::Transport::Ws,
            Transport::Wss => rsip::Transport::Wss,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_vocabulary_round_trip() {
        for transport in rsip::Transport::all().map(Transport::from) {
            assert_eq!(Transport::from_name(&transport.as_str().to_lowercase()), Some(transport));
            assert_eq!(Transport::from(rsip::Transport::from(transport)), transport);
        }
        assert_eq!(Transport::from_name("UNKNOWN"), None);
    }
}
