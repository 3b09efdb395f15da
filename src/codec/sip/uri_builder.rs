//! Building URIs that are legal by construction (RFC 3261 §19.1.2).

use std::ops::Range;

use super::host::{self, Host};
use super::percent::{self, Set};
use super::uri::{Scheme, Uri, UriError};

/// Builds a `sip:`, `sips:`, `im:` or `pres:` URI. User and parameters are percent-encoded, each
/// by its own rule; the host is checked.
#[derive(Clone, Debug)]
pub struct UriBuilder {
    scheme: Scheme,
    text: String,
    /// Where the host is in the text.
    host: Range<usize>,
}

impl UriBuilder {
    /// A URI of this user at this host. An empty user means none. The host is a domain name, an
    /// IPv4 or an IPv6 address, the last with or without brackets.
    #[must_use]
    pub fn new(scheme: Scheme, user: &[u8], host: &str) -> UriBuilder {
        let mailbox = matches!(scheme, Scheme::Im | Scheme::Pres);
        let set = if mailbox { Set::Mailbox } else { Set::User };
        UriBuilder::escaped(scheme, user, host, set)
    }

    /// The same with a set of its own for the user.
    #[must_use]
    pub fn escaped(scheme: Scheme, user: &[u8], host: &str, set: Set) -> UriBuilder {
        let mut text = String::with_capacity(user.len() + host.len() + 48);
        text.push_str(scheme.as_str());
        text.push(':');
        if !user.is_empty() {
            percent::encode_into(&mut text, user, set);
            text.push('@');
        }
        let start = text.len();
        match host::ipv6(host) {
            Some(ip) => text.push_str(&format!("[{ip}]")),
            None => text.push_str(host),
        }
        UriBuilder { scheme, host: start..text.len(), text }
    }

    /// `sip:user@host`.
    #[must_use]
    pub fn sip(user: &str, host: &str) -> UriBuilder {
        UriBuilder::new(Scheme::Sip, user.as_bytes(), host)
    }

    /// The domain itself, without a user: `sip:host`.
    #[must_use]
    pub fn domain(scheme: Scheme, host: &str) -> UriBuilder {
        UriBuilder::new(scheme, b"", host)
    }

    /// With this port. Before any parameter.
    #[must_use]
    pub fn port(mut self, port: u16) -> UriBuilder {
        self.text.push_str(&format!(":{port}"));
        self
    }

    /// With a parameter; name and value are percent-encoded. An empty name adds nothing.
    #[must_use]
    pub fn param(mut self, name: &str, value: Option<&str>) -> UriBuilder {
        if name.is_empty() {
            return self;
        }
        self.text.push(';');
        percent::encode_into(&mut self.text, name.as_bytes(), Set::Param);
        if let Some(value) = value {
            self.text.push('=');
            percent::encode_into(&mut self.text, value.as_bytes(), Set::Param);
        }
        self
    }

    /// With `gr`, the resource of a GRUU (RFC 5627 §3.2; RFC 7247 §4 maps an XMPP resource to it).
    #[must_use]
    pub fn gr(self, value: &str) -> UriBuilder {
        self.param("gr", Some(value))
    }

    /// The URI. Fails if the host is none, the scheme takes no host, the port came after a
    /// parameter, or the whole is longer than [`Uri::MAX_LEN`].
    pub fn build(self) -> Result<Uri, UriError> {
        if !self.scheme.has_host() {
            return Err(UriError::Scheme);
        }
        let length = self.host.len();
        let uri = Uri::parse(self.text.into())?;
        // Whatever a host holds beside a host would be read as something else.
        let whole = uri.host_str().len() == length && uri.host_start() == self.host.start;
        if whole { Ok(uri) } else { Err(UriError::Host) }
    }
}

impl From<Host<'_>> for String {
    /// The host as a URI spells it, an IPv6 address in brackets.
    fn from(host: Host<'_>) -> String {
        match host {
            Host::Name(name) => name.to_owned(),
            Host::V4(ip) => ip.to_string(),
            Host::V6(ip) => format!("[{ip}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_encoded_by_its_rule() {
        let uri = UriBuilder::new(Scheme::Sip, "o'reilly@x:y é".as_bytes(), "example.com")
            .port(5070)
            .gr("a=b;c d/ü")
            .param("lr", None)
            .build()
            .unwrap();
        assert_eq!(
            uri.as_str(),
            "sip:o'reilly%40x%3Ay%20%C3%A9@example.com:5070;gr=a%3Db%3Bc%20d/%C3%BC;lr"
        );
        assert_eq!(&*uri.user_octets().unwrap(), "o'reilly@x:y é".as_bytes());
        let v6 = UriBuilder::domain(Scheme::Sips, "2001:db8::1").port(1).build().unwrap();
        assert_eq!(v6.as_str(), "sips:[2001:db8::1]:1");
        assert_eq!(
            UriBuilder::new(Scheme::Im, b"a", "[::1]").build().unwrap().as_str(),
            "im:a@[::1]"
        );
    }

    #[test]
    fn hosts_cannot_smuggle() {
        for host in
            ["", "a;b", "a@b", "a:5060", "a?x=y", "a b", "a\r\nX: y", "exämple.com", "1.2.3"]
        {
            assert!(UriBuilder::sip("u", host).build().is_err(), "{host:?}");
        }
        assert!(UriBuilder::new(Scheme::Tel, b"1", "h").build().is_err());
        assert!(UriBuilder::sip("u", "h").param("", None).build().is_ok());
    }
}
