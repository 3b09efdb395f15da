//! What a rule calls the parts of a message that it sets, leaves out and carries.

use crate::codec::mime::cpim;
use crate::codec::sip::HeaderName;
use crate::codec::xml::Text;
use crate::codec::xmpp::ns;

/// Octets that a namespace name may have.
const MAX_NAMESPACE: usize = 256;
/// Octets that a name may have.
const MAX_NAME: usize = 64;
/// How a header of a CPIM object begins.
const CPIM: &str = "cpim:";

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A header field, a stanza header (XEP-0131), or a part with a name of its own, such as
    /// `body`.
    Named(String),
    /// A child element of a stanza: `{namespace}name`.
    Element {
        /// Its namespace.
        ns: Text,
        /// Its name.
        name: Text,
    },
    /// A header of a CPIM object: `cpim:{namespace}Name` (RFC 3862 §3.4).
    Cpim {
        /// Its namespace.
        ns: String,
        /// Its name, without a prefix.
        name: String,
    },
}

/// Why a name is none, or none for where it stands; and the mend.
pub(super) type Fault = (String, &'static str);

impl Part {
    /// Reads a name as it is written.
    pub(super) fn parse(written: &str) -> Result<Part, Fault> {
        let (braced, is_cpim) = match written.strip_prefix(CPIM) {
            Some(rest) => (rest, true),
            None => (written, false),
        };
        let Some(rest) = braced.strip_prefix('{') else {
            return match is_cpim {
                true => Err(malformed(written)),
                false => Ok(Part::Named(written.to_owned())),
            };
        };
        let Some((ns, name)) = rest.split_once('}') else { return Err(malformed(written)) };
        let legal = |c: char| c.is_ascii_graphic() && !"<>\"'{}&".contains(c);
        let is_namespace = !ns.is_empty() && ns.len() <= MAX_NAMESPACE && ns.chars().all(legal);
        // XML has the colon for prefixes, CPIM the dot.
        let more = if is_cpim { "-_" } else { "-_." };
        let mut rest = name.chars();
        let is_name = rest.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && rest.all(|c| c.is_ascii_alphanumeric() || more.contains(c));
        if !is_namespace || !is_name || name.len() > MAX_NAME {
            return Err(malformed(written));
        }
        Ok(match is_cpim {
            true => Part::Cpim { ns: ns.to_owned(), name: name.to_owned() },
            false => Part::Element { ns: ns.to_owned().into(), name: name.to_owned().into() },
        })
    }

    /// Whether it is this element.
    #[must_use]
    pub fn is_element(&self, name: &str, ns: &str) -> bool {
        matches!(self, Part::Element { ns: known, name: own } if *own == *name && *known == *ns)
    }

    /// Why it cannot be left out of a stanza or carried out of it, if so.
    pub(super) fn fault_of_read(&self) -> Option<Fault> {
        let Part::Element { ns, name } = self else { return None };
        if &**ns == ns::SHIM {
            let mend = "name the header alone, without braces; Max-Forwards among them ends loops";
            return Some(("a stanza header is no element of its own".to_owned(), mend));
        }
        is_of_stream(ns).then(|| of_stream(name))
    }

    /// Why it cannot be left out of what the gateway makes for XMPP, if so.
    pub(super) fn fault_of_dropped(&self) -> Option<Fault> {
        let Part::Element { ns, name } = self else { return None };
        if is_of_stream(ns) {
            return Some(of_stream(name));
        }
        KEPT.contains(&&**ns).then(|| own(name, "it cannot be left out"))
    }

    /// Why a rule cannot write it, if so.
    pub(super) fn fault_of_written(&self) -> Option<Fault> {
        match self {
            Part::Named(name) => {
                // A loop over gateways ends by it (XEP-0131 §3).
                let is_own =
                    HeaderName::new(&name.as_str().into()) == Some(HeaderName::MaxForwards);
                is_own.then(|| own(name, "see `max_forwards_header`"))
            }
            Part::Element { ns, name } => {
                let ns = &**ns;
                if is_of_stream(ns) {
                    return Some(of_stream(name));
                }
                let is_own = KEPT.contains(&ns) || WRITTEN.contains(&ns);
                is_own.then(|| own(name, "a rule can write elements of other namespaces alone"))
            }
            Part::Cpim { ns, name } => {
                let core = cpim::CORE_NAMESPACE.trim_end_matches(':');
                (ns.trim_end_matches(':') == core)
                    .then(|| own(name, "a rule can write headers of other namespaces alone"))
            }
        }
    }
}

/// What is the stream's, or its server's.
fn is_of_stream(ns: &str) -> bool {
    ns::is_stanza(ns)
        || [
            ns::STREAMS,
            ns::STREAM_ERRORS,
            ns::STANZA_ERRORS,
            crate::codec::xml::XML,
            crate::codec::xml::XMLNS,
        ]
        .contains(&ns)
        || [ns::STANZA_ID, ns::PRIVILEGE, ns::FORWARD].contains(&ns)
}

/// What says how a message crossed: loops end by it, and encryption is known by it.
const KEPT: [&str; 5] = [ns::SHIM, ns::E2E, ns::EME, ns::HINTS, ns::CARBONS];
/// What the gateway writes by other rules.
const WRITTEN: [&str; 4] = [ns::XHTML_IM, ns::XHTML, ns::OOB, ns::DELAY];

fn of_stream(name: &str) -> Fault {
    let mend = "a rule can name elements of extensions alone; write subject, body, thread or lang";
    (format!("{name} is of the stanza itself"), mend)
}

fn own(name: &str, mend: &'static str) -> Fault {
    (format!("{name} is made by the gateway"), mend)
}

fn malformed(written: &str) -> Fault {
    let message = format!("`{written}` is not the name of a part");
    (message, "write X-Name, {namespace}name, or cpim:{namespace}Name")
}
