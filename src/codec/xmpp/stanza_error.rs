//! Stanza errors, RFC 6120 §8.3.

use super::message::LangText;
use super::ns;
use crate::codec::xml::{
    Element, Text, XmlFault,
    escape::{write_attribute, write_text},
    strict::{Event, Reader},
};

/// What the sender may do about it, RFC 6120 §8.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Retry after providing credentials.
    Auth,
    /// Do not retry.
    Cancel,
    /// Proceed: it was only a warning.
    Continue,
    /// Retry after changing the data sent.
    Modify,
    /// Retry after waiting.
    Wait,
}

impl ErrorKind {
    /// The attribute's value.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Cancel => "cancel",
            Self::Continue => "continue",
            Self::Modify => "modify",
            Self::Wait => "wait",
        }
    }

    /// The kind of that attribute value.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "auth" => Self::Auth,
            "cancel" => Self::Cancel,
            "continue" => Self::Continue,
            "modify" => Self::Modify,
            "wait" => Self::Wait,
            _ => return None,
        })
    }
}

macro_rules! conditions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $kind:ident;)*) => {
        /// Defined conditions, RFC 6120 §8.3.3.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Condition {
            $($(#[$doc])* $variant,)*
            /// RFC 6120 §8.3.3.5, with the new address if the sender gave one.
            Gone(Option<Text>),
            /// RFC 6120 §8.3.3.14, with the alternate address if given.
            Redirect(Option<Text>),
        }

        impl Condition {
            /// All of them, addresses left out.
            pub const ALL: [Self; 22] = [$(Self::$variant,)* Self::Gone(None), Self::Redirect(None)];

            /// The names of all of them.
            pub fn all_names() -> impl Iterator<Item = &'static str> {
                Self::ALL.into_iter().map(|condition| condition.name())
            }

            /// The element's name.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Gone(_) => "gone",
                    Self::Redirect(_) => "redirect",
                }
            }

            /// The condition of that element name, without address.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Some(match name {
                    $($name => Self::$variant,)*
                    "gone" => Self::Gone(None),
                    "redirect" => Self::Redirect(None),
                    _ => return None,
                })
            }

            /// The error type RFC 6120 §8.3.3 recommends, the first where it
            /// names two.
            #[must_use]
            pub const fn default_kind(&self) -> ErrorKind {
                match self {
                    $(Self::$variant => ErrorKind::$kind,)*
                    Self::Gone(_) => ErrorKind::Cancel,
                    Self::Redirect(_) => ErrorKind::Modify,
                }
            }
        }
    };
}

conditions! {
    /// RFC 6120 §8.3.3.1.
    BadRequest = "bad-request", Modify;
    /// RFC 6120 §8.3.3.2.
    Conflict = "conflict", Cancel;
    /// RFC 6120 §8.3.3.3.
    FeatureNotImplemented = "feature-not-implemented", Cancel;
    /// RFC 6120 §8.3.3.4.
    Forbidden = "forbidden", Auth;
    /// RFC 6120 §8.3.3.6.
    InternalServerError = "internal-server-error", Cancel;
    /// RFC 6120 §8.3.3.7.
    ItemNotFound = "item-not-found", Cancel;
    /// RFC 6120 §8.3.3.8.
    JidMalformed = "jid-malformed", Modify;
    /// RFC 6120 §8.3.3.9.
    NotAcceptable = "not-acceptable", Modify;
    /// RFC 6120 §8.3.3.10.
    NotAllowed = "not-allowed", Cancel;
    /// RFC 6120 §8.3.3.11.
    NotAuthorized = "not-authorized", Auth;
    /// RFC 6120 §8.3.3.12; `wait` when caused by rate or load.
    PolicyViolation = "policy-violation", Modify;
    /// RFC 6120 §8.3.3.13.
    RecipientUnavailable = "recipient-unavailable", Wait;
    /// RFC 6120 §8.3.3.15.
    RegistrationRequired = "registration-required", Auth;
    /// RFC 6120 §8.3.3.16.
    RemoteServerNotFound = "remote-server-not-found", Cancel;
    /// RFC 6120 §8.3.3.17.
    RemoteServerTimeout = "remote-server-timeout", Wait;
    /// RFC 6120 §8.3.3.18.
    ResourceConstraint = "resource-constraint", Wait;
    /// RFC 6120 §8.3.3.19.
    ServiceUnavailable = "service-unavailable", Cancel;
    /// RFC 6120 §8.3.3.20.
    SubscriptionRequired = "subscription-required", Auth;
    /// RFC 6120 §8.3.3.21; stands for every name this table lacks.
    UndefinedCondition = "undefined-condition", Cancel;
    /// RFC 6120 §8.3.3.22.
    UnexpectedRequest = "unexpected-request", Wait;
}

/// `<error/>` of a stanza, RFC 6120 §8.3.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StanzaError {
    /// The error type; if the sender gave none, the condition's default.
    pub kind: ErrorKind,
    /// The defined condition.
    pub condition: Condition,
    /// Who found it, RFC 6120 §8.3.1.
    pub by: Option<Text>,
    /// Human-readable texts.
    pub texts: Vec<LangText>,
    /// Application-specific conditions, RFC 6120 §8.3.4.
    pub application: Vec<Element>,
}

impl StanzaError {
    /// An error with the condition's default type and nothing else.
    #[must_use]
    pub fn new(condition: Condition) -> Self {
        Self {
            kind: condition.default_kind(),
            condition,
            by: None,
            texts: Vec::new(),
            application: Vec::new(),
        }
    }

    /// Adds a text in English.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<Text>) -> Self {
        self.texts.push(LangText { lang: Some(Text::from_static("en")), text: text.into() });
        self
    }

    /// Adds an application-specific condition.
    #[must_use]
    pub fn with_application(mut self, condition: Element) -> Self {
        self.application.push(condition);
        self
    }

    /// Reads the content of the `<error/>` just opened.
    ///
    /// Lenient: an unknown or missing condition is `undefined-condition`, a
    /// missing type the condition's default.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, XmlFault> {
        let kind = reader.attribute("type").and_then(|a| ErrorKind::from_name(&a.value));
        let by = reader.attribute("by").map(|a| reader.share(a.value.clone()));
        let mut error = Self::new(Condition::UndefinedCondition);
        error.by = by;
        loop {
            let (name, namespace) = match reader.next()? {
                Event::Start { name, ns } => (name, ns),
                Event::End => break,
                Event::Text(_) | Event::Char(_) => continue,
                Event::Eof => return Err(XmlFault::NotWellFormed),
            };
            if &*namespace != ns::STANZA_ERRORS {
                error.application.push(Element::read(reader, name, namespace)?);
            } else if name == "text" {
                let lang = reader.lang();
                error.texts.push(LangText { lang, text: reader.read_text()? });
            } else {
                let address = Some(reader.read_text()?).filter(|text| !text.is_empty());
                match Condition::from_name(name) {
                    Some(Condition::Gone(_)) => error.condition = Condition::Gone(address),
                    Some(Condition::Redirect(_)) => error.condition = Condition::Redirect(address),
                    Some(condition) => error.condition = condition,
                    None => {}
                }
            }
        }
        error.kind = kind.unwrap_or_else(|| error.condition.default_kind());
        Ok(error)
    }

    /// Appends the element: condition, texts, application conditions, in this
    /// order (RFC 6120 §8.3.2).
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<error");
        write_attribute(out, "type", self.kind.name());
        if let Some(by) = &self.by {
            write_attribute(out, "by", by);
        }
        out.extend_from_slice(b"><");
        out.extend_from_slice(self.condition.name().as_bytes());
        write_attribute(out, "xmlns", ns::STANZA_ERRORS);
        match &self.condition {
            Condition::Gone(Some(address)) | Condition::Redirect(Some(address)) => {
                out.push(b'>');
                write_text(out, address);
                out.extend_from_slice(b"</");
                out.extend_from_slice(self.condition.name().as_bytes());
                out.push(b'>');
            }
            _ => out.extend_from_slice(b"/>"),
        }
        for LangText { lang, text } in &self.texts {
            out.extend_from_slice(b"<text");
            write_attribute(out, "xmlns", ns::STANZA_ERRORS);
            if let Some(lang) = lang {
                write_attribute(out, "xml:lang", lang);
            }
            out.push(b'>');
            write_text(out, text);
            out.extend_from_slice(b"</text>");
        }
        for condition in &self.application {
            condition.write(out, ns::COMPONENT_ACCEPT);
        }
        out.extend_from_slice(b"</error>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::xml::Limits;
    use crate::codec::xmpp::{Message, Stanza, StreamContext, parse};

    fn parsed(error: &str) -> StanzaError {
        let stanza = format!("<message from='a@b' type='error'>{error}</message>");
        match parse(&StreamContext::component(Limits::default()), stanza.into()) {
            Ok(Stanza::Message(message)) => message.error.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn written(error: &StanzaError) -> String {
        let mut out = Vec::new();
        error.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn err_082_each_condition_has_its_recommended_type() {
        use ErrorKind::{Auth, Cancel, Modify, Wait};
        let expected = [
            (Auth, "forbidden not-authorized registration-required subscription-required"),
            (
                Cancel,
                "conflict feature-not-implemented gone internal-server-error item-not-found \
                not-allowed remote-server-not-found service-unavailable undefined-condition",
            ),
            (Modify, "bad-request jid-malformed not-acceptable redirect policy-violation"),
            (
                Wait,
                "recipient-unavailable remote-server-timeout resource-constraint unexpected-request",
            ),
        ];
        let mut seen = 0;
        for (kind, names) in expected {
            for name in names.split_whitespace() {
                assert_eq!(Condition::from_name(name).unwrap().default_kind(), kind, "{name}");
                seen += 1;
            }
        }
        assert_eq!((seen, Condition::all_names().count()), (22, 22));
    }

    #[test]
    fn err_083_order_is_condition_text_application() {
        let error = StanzaError::new(Condition::NotAcceptable)
            .with_application(Element::new("unsupported", "urn:example:app"))
            .with_text("no <");
        assert_eq!(
            written(&error),
            "<error type='modify'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
             <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>no &lt;</text>\
             <unsupported xmlns='urn:example:app'/></error>"
        );
    }

    #[test]
    fn err_084_text_is_sanitised() {
        let error = StanzaError::new(Condition::Gone(None)).with_text("Gone\u{1}\r\nfishing");
        assert!(written(&error).contains(">Gone\u{fffd}\nfishing</text>"));
    }

    #[test]
    fn err_085_error_stanza_carries_id_and_error() {
        let message = Message {
            id: Some("x".into()),
            kind: crate::codec::xmpp::MessageKind::Error,
            error: Some(StanzaError::new(Condition::Forbidden)),
            ..Message::default()
        };
        let mut out = Vec::new();
        message.write(&mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("<message id='x' type='error'><error type='auth'><forbidden "));
    }

    #[test]
    fn err_092_addresses_of_gone_and_redirect() {
        let gone = parsed(
            "<error type='cancel' by='example.net'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>\
             xmpp:romeo@afterlife.example.net</gone></error>",
        );
        assert_eq!(
            gone.condition,
            Condition::Gone(Some("xmpp:romeo@afterlife.example.net".into()))
        );
        assert_eq!(gone.by.as_deref(), Some("example.net"));
        assert_eq!(parsed(&written(&gone)), gone);
        let redirect = StanzaError::new(Condition::Redirect(Some("xmpp:a&b@h".into())));
        assert_eq!(parsed(&written(&redirect)), redirect);
    }

    #[test]
    fn v_50_all_22_conditions_read_and_written() {
        for condition in Condition::ALL {
            assert_eq!(Condition::from_name(condition.name()), Some(condition.clone()));
            let error = StanzaError::new(condition);
            assert_eq!(parsed(&written(&error)), error);
        }
    }

    #[test]
    fn input_is_read_leniently() {
        let none = parsed("<error/>");
        assert_eq!((none.kind, none.condition), (ErrorKind::Cancel, Condition::UndefinedCondition));
        let unknown = parsed(
            "<error code='404' type='nonsense'><lost xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
             <x xmlns='urn:x'><y/></x>\
             <text xml:lang='de' xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>weg</text>\
             <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
        );
        assert_eq!((unknown.kind, unknown.condition), (ErrorKind::Cancel, Condition::ItemNotFound));
        assert_eq!(unknown.texts, [LangText { lang: Some("de".into()), text: "weg".into() }]);
        assert!(unknown.application[0].is("x", "urn:x"));
        let kept = parsed(
            "<error type='continue'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
        );
        assert_eq!((kept.kind, kept.condition), (ErrorKind::Continue, Condition::BadRequest));
    }
}
