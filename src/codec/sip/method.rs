//! Methods (RFC 3261 §7.1, §27.4).

use std::fmt;

use super::{Text, Token};

/// A request method.
///
/// Methods are case-sensitive (RFC 3261 §7.1): `message` is not `MESSAGE` but an extension method
/// nobody knows, to be answered 501 or 405.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// MESSAGE (RFC 3428).
    Message,
    /// OPTIONS (RFC 3261 §11).
    Options,
    /// INVITE (RFC 3261 §13).
    Invite,
    /// ACK (RFC 3261 §13, §17).
    Ack,
    /// CANCEL (RFC 3261 §9).
    Cancel,
    /// BYE (RFC 3261 §15).
    Bye,
    /// SUBSCRIBE (RFC 6665).
    Subscribe,
    /// NOTIFY (RFC 6665).
    Notify,
    /// PUBLISH (RFC 3903).
    Publish,
    /// REGISTER (RFC 3261 §10).
    Register,
    /// INFO (RFC 6086).
    Info,
    /// REFER (RFC 3515).
    Refer,
    /// UPDATE (RFC 3311).
    Update,
    /// PRACK (RFC 3262).
    Prack,
    /// Any other token.
    Other(ExtensionMethod),
}

/// A method name outside [`Method`]'s list; made only by [`Method::new`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExtensionMethod(Text);

impl Method {
    /// The methods with a name of their own.
    pub const KNOWN: [Method; 14] = [
        Method::Message,
        Method::Options,
        Method::Invite,
        Method::Ack,
        Method::Cancel,
        Method::Bye,
        Method::Subscribe,
        Method::Notify,
        Method::Publish,
        Method::Register,
        Method::Info,
        Method::Refer,
        Method::Update,
        Method::Prack,
    ];

    /// The method of this name, or `None` if the name is no token.
    #[must_use]
    pub fn new(name: &Text) -> Option<Method> {
        Method::known(name.as_bytes()).or_else(|| {
            Token::new(name.clone()).map(|t| Method::Other(ExtensionMethod(t.into_text())))
        })
    }

    /// The known method spelled by these octets.
    pub(super) fn known(name: &[u8]) -> Option<Method> {
        Some(match name {
            b"MESSAGE" => Method::Message,
            b"OPTIONS" => Method::Options,
            b"INVITE" => Method::Invite,
            b"ACK" => Method::Ack,
            b"CANCEL" => Method::Cancel,
            b"BYE" => Method::Bye,
            b"SUBSCRIBE" => Method::Subscribe,
            b"NOTIFY" => Method::Notify,
            b"PUBLISH" => Method::Publish,
            b"REGISTER" => Method::Register,
            b"INFO" => Method::Info,
            b"REFER" => Method::Refer,
            b"UPDATE" => Method::Update,
            b"PRACK" => Method::Prack,
            _ => return None,
        })
    }

    /// The name as on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Method::Message => "MESSAGE",
            Method::Options => "OPTIONS",
            Method::Invite => "INVITE",
            Method::Ack => "ACK",
            Method::Cancel => "CANCEL",
            Method::Bye => "BYE",
            Method::Subscribe => "SUBSCRIBE",
            Method::Notify => "NOTIFY",
            Method::Publish => "PUBLISH",
            Method::Register => "REGISTER",
            Method::Info => "INFO",
            Method::Refer => "REFER",
            Method::Update => "UPDATE",
            Method::Prack => "PRACK",
            Method::Other(ExtensionMethod(name)) => name,
        }
    }

    /// Whether a request of this method can create a dialog (RFC 3261 §12, RFC 6665 §4.4.1,
    /// RFC 3515 §3).
    #[must_use]
    pub fn makes_dialog(&self) -> bool {
        matches!(self, Method::Invite | Method::Subscribe | Method::Refer)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<rsip::Method> for Method {
    fn from(method: rsip::Method) -> Method {
        match method {
            rsip::Method::Ack => Method::Ack,
            rsip::Method::Bye => Method::Bye,
            rsip::Method::Cancel => Method::Cancel,
            rsip::Method::Info => Method::Info,
            rsip::Method::Invite => Method::Invite,
            rsip::Method::Message => Method::Message,
            rsip::Method::Notify => Method::Notify,
            rsip::Method::Options => Method::Options,
            rsip::Method::PRack => Method::Prack,
            rsip::Method::Publish => Method::Publish,
            rsip::Method::Refer => Method::Refer,
            rsip::Method::Register => Method::Register,
            rsip::Method::Subscribe => Method::Subscribe,
            rsip::Method::Update => Method::Update,
        }
    }
}

impl TryFrom<&Method> for rsip::Method {
    type Error = ExtensionMethod;

    /// Fails for methods the vocabulary has no word for.
    fn try_from(method: &Method) -> Result<rsip::Method, ExtensionMethod> {
        Ok(match method {
            Method::Ack => rsip::Method::Ack,
            Method::Bye => rsip::Method::Bye,
            Method::Cancel => rsip::Method::Cancel,
            Method::Info => rsip::Method::Info,
            Method::Invite => rsip::Method::Invite,
            Method::Message => rsip::Method::Message,
            Method::Notify => rsip::Method::Notify,
            Method::Options => rsip::Method::Options,
            Method::Prack => rsip::Method::PRack,
            Method::Publish => rsip::Method::Publish,
            Method::Refer => rsip::Method::Refer,
            Method::Register => rsip::Method::Register,
            Method::Subscribe => rsip::Method::Subscribe,
            Method::Update => rsip::Method::Update,
            Method::Other(name) => return Err(name.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_case_sensitive() {
        assert_eq!(Method::new(&"MESSAGE".into()), Some(Method::Message));
        let lower = Method::new(&"message".into()).unwrap();
        assert!(matches!(lower, Method::Other(_)) && lower.as_str() == "message");
        assert_eq!(Method::new(&"A B".into()), None);
        assert_eq!(Method::new(&"".into()), None);
    }

    #[test]
    fn vocabulary_round_trips() {
        for word in rsip::Method::all() {
            let method = Method::from(word);
            assert_eq!(rsip::Method::try_from(&method), Ok(word));
            assert!(Method::KNOWN.contains(&method));
            assert_eq!(Method::new(&method.as_str().into()), Some(method));
        }
        assert_eq!(Method::KNOWN.len(), rsip::Method::all().len());
    }
}
