//! One scheme of encryption or signature.

use super::super::key::{self, Key, Kind};
use super::super::shape::{Described, Names, Shape};
use super::policy::{self, Handling, Policy, course};
use crate::codec::xml::Element;
use crate::codec::yaml::Node;

/// Schemes that a deployment may have.
const MAX_SCHEMES: usize = 200;

/// How a scheme can cross untouched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// As an RFC 3923 object.
    Object,
    /// As the text that it is.
    Text,
}

/// A namespace, or all of a family that ends in a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    begin: String,
    numbered: bool,
}

impl Namespace {
    fn new(written: &str) -> Self {
        match written.strip_suffix(":N") {
            Some(begin) => Namespace { begin: format!("{begin}:"), numbered: true },
            None => Namespace { begin: written.to_owned(), numbered: false },
        }
    }

    /// The number with which a namespace name fits, empty where none is asked for.
    #[must_use]
    pub fn number<'n>(&self, ns: &'n str) -> Option<&'n str> {
        if !self.numbered {
            return (ns == self.begin).then_some("");
        }
        // The end tells most apart, and costs least.
        if !ns.ends_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let number = ns.strip_prefix(self.begin.as_str())?;
        number.bytes().all(|b| b.is_ascii_digit()).then_some(number)
    }
}

/// An element that carries keys alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysAlone {
    /// Its name.
    pub element: String,
    /// The child that it lacks then.
    pub without: String,
}

/// A negotiation of encryption (XEP-0155, XEP-0116).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    kind: String,
    fields: Vec<String>,
}

impl Form {
    /// Whether a data form (XEP-0004) is one.
    #[must_use]
    pub fn fits(&self, form: &Element) -> bool {
        let values = |wanted: &str| -> Option<Vec<String>> {
            let named = |field: &&Element| field.attr("var").is_some_and(|var| *var == *wanted);
            let field = form.elements().find(named)?;
            let all = field.elements().flat_map(|it| {
                let within = it.elements().filter(|value| value.name == "value");
                within.chain(std::iter::once(it).filter(|it| it.name == "value"))
            });
            Some(all.map(|value| value.text().trim().to_owned()).collect())
        };
        let of_type = values("FORM_TYPE").is_some_and(|all| all.contains(&self.kind));
        of_type
            && self.fields.iter().any(|field| match field.split_once('=') {
                Some((name, value)) => {
                    values(name).is_some_and(|all| all.iter().any(|it| it == value))
                }
                None => values(field).is_some(),
            })
    }
}

/// One scheme.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scheme {
    /// Its name, with N where a number stands.
    pub key: String,
    /// What people know it by.
    pub title: String,
    /// The namespaces of its elements.
    pub namespaces: Vec<Namespace>,
    /// Further namespaces that announce it.
    pub announced: Vec<Namespace>,
    /// When it carries keys alone.
    pub keys_alone: Option<KeysAlone>,
    /// Its negotiation.
    pub form: Option<Form>,
    /// Its media types, in lower case; a `*` at the end stands for anything.
    pub media_types: Vec<String>,
    /// Its protocols (RFC 1847 §2).
    pub protocols: Vec<String>,
    /// The ends of file names, in lower case, without their dot.
    pub file_extensions: Vec<String>,
    /// The schemes of URIs that only a key opens, in lower case.
    pub links: Vec<String>,
    /// Whether it is OTR's texts.
    pub is_otr: bool,
    /// Whether it only signs what is readable beside it.
    pub signature: bool,
    /// How it can cross.
    pub carried: Option<Carried>,
    /// What becomes of it.
    pub policy: Policy,
}

impl Scheme {
    /// The name with its number.
    #[must_use]
    pub fn name(&self, number: &str) -> String {
        match self.key.strip_suffix(":N") {
            Some(begin) if number.is_empty() => begin.to_owned(),
            Some(begin) => format!("{begin}:{number}"),
            None => self.key.clone(),
        }
    }

    /// Whether a name is its key, or that with a number in it.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        let numbered = || {
            let number = name.strip_prefix(self.key.strip_suffix('N')?)?;
            number.bytes().all(|b| b.is_ascii_digit()).then_some(())
        };
        self.key == name || (self.key.ends_with(":N") && numbered().is_some())
    }

    /// What becomes of it where a policy is wanted; `native` says whether the addresses of both
    /// are the same on both sides.
    #[must_use]
    pub fn settled(&self, wanted: Handling, native: bool) -> Handling {
        match wanted {
            Handling::RelayNative if !native => Handling::Refuse,
            // What has no form on the other side cannot cross, whatever a rule says.
            Handling::Relay | Handling::RelayNative if self.carried.is_none() => Handling::Refuse,
            Handling::RelayNative => Handling::Relay,
            other => other,
        }
    }

    /// Whether an element of it has no content.
    #[must_use]
    pub fn is_keys_alone(&self, element: &Element) -> bool {
        self.keys_alone.as_ref().is_some_and(|it| {
            *element.name == *it.element
                && element.elements().all(|child| *child.name != *it.without)
        })
    }

    fn read_keys_alone(&mut self, node: &Node<'_>) {
        let Some(map) = node.map() else { return };
        let text = |key| map.required(key, "").and_then(|node| node.text().map(str::to_owned));
        let (element, without) = (text("element"), text("without"));
        self.keys_alone =
            element.zip(without).map(|(element, without)| KeysAlone { element, without });
        map.finish();
    }

    fn read_form(&mut self, node: &Node<'_>) {
        let Some(map) = node.map() else { return };
        let kind = map.required("type", "").and_then(|node| node.text());
        let fields = map.required("fields", "").and_then(|node| texts(&node));
        self.form = kind.zip(fields).map(|(kind, fields)| Form { kind: kind.to_owned(), fields });
        map.finish();
    }
}

/// The policies stand last: what a scheme can do is known then.
const KEYS: [Key<Scheme>; 14] = [
    Key {
        name: "title",
        doc: "what people know it by",
        kind: Kind::Other(
            |scheme, node| {
                if let Some(title) = node.text() {
                    title.clone_into(&mut scheme.title);
                }
            },
            || Shape::Text,
        ),
    },
    Key {
        name: "namespaces",
        doc: "of the children of a stanza that carry it, and of marks (XEP-0380) and fallbacks (XEP-0428) that announce it; an N at the end stands for any number",
        kind: Kind::Texts(|scheme, all| scheme.namespaces = namespaces(&all)),
    },
    Key {
        name: "announced",
        doc: "further namespaces of such marks, for a scheme that has no element of its own",
        kind: Kind::Texts(|scheme, all| scheme.announced = namespaces(&all)),
    },
    Key {
        name: "keys_alone",
        doc: "an element of this name without that child carries keys and no content, and is left out in silence",
        kind: Kind::Other(Scheme::read_keys_alone, || {
            Shape::Keys(vec![
                described("element", "the element", Shape::Text),
                described("without", "the child that it lacks", Shape::Text),
            ])
        }),
    },
    Key {
        name: "form",
        doc: "a negotiation (XEP-0155)",
        kind: Kind::Other(Scheme::read_form, || {
            let fields = Shape::List(Box::new(Shape::Text));
            Shape::Keys(vec![
                described("type", "its FORM_TYPE", Shape::Text),
                described("fields", "one of these fields: `name`, or `name=value`", fields),
            ])
        }),
    },
    Key {
        name: "media_types",
        doc: "the types of bodies from SIP; a `*` at the end stands for anything",
        kind: Kind::Texts(|scheme, all| scheme.media_types = lower_case(&all)),
    },
    Key {
        name: "protocols",
        doc: "the protocols of `multipart/signed` and `multipart/encrypted` (RFC 1847 §2)",
        kind: Kind::Texts(|scheme, all| scheme.protocols = lower_case(&all)),
    },
    Key {
        name: "file_extensions",
        doc: "the ends of file names: a part of a body whose `name` or `filename` ends so is of this scheme, unless it is a text, or its type says more",
        kind: Kind::Texts(|scheme, all| scheme.file_extensions = lower_case(&all)),
    },
    Key {
        name: "links",
        doc: "the schemes of URIs that only a key opens: a body or a link (XEP-0066) that is such a URI and nothing else",
        kind: Kind::Texts(|scheme, all| scheme.links = lower_case(&all)),
    },
    Key {
        name: "text",
        doc: "whether it is the texts that OTR (XEP-0364) puts into a plain body",
        kind: Kind::Words(&[
            ("otr", |scheme| scheme.is_otr = true),
            ("none", |scheme| scheme.is_otr = false),
        ]),
    },
    Key {
        name: "signature",
        doc: "whether it only signs what is readable beside it",
        kind: Kind::Truth(|scheme, truth| scheme.signature = truth),
    },
    Key {
        name: "carried",
        doc: "how it crosses when the policy is to relay it: as an object (RFC 3923), or as the text that it is",
        kind: Kind::Words(&[
            ("object", |scheme| scheme.carried = Some(Carried::Object)),
            ("text", |scheme| scheme.carried = Some(Carried::Text)),
        ]),
    },
    Key {
        name: "to_sip",
        doc: "what becomes of it on the way from XMPP to SIP",
        kind: Kind::Other(
            |scheme, node| scheme.policy.to_sip = course(node, scheme).or(scheme.policy.to_sip),
            policy::shape,
        ),
    },
    Key {
        name: "to_xmpp",
        doc: "what becomes of it on the way from SIP to XMPP",
        kind: Kind::Other(
            |scheme, node| scheme.policy.to_xmpp = course(node, scheme).or(scheme.policy.to_xmpp),
            policy::shape,
        ),
    },
];

/// The schemes as values.
pub(super) fn shape() -> Shape {
    let scheme = Shape::Keys(key::described(&KEYS));
    Shape::Entries(Names::Matching("^.+$", "for each scheme"), Box::new(scheme))
}

/// Reads the schemes of a file over those that are known.
pub(super) fn read_all(schemes: &mut Vec<Scheme>, node: &Node<'_>) {
    let Some(entries) = node.map() else { return };
    for (key, node) in entries.entries() {
        let Some(map) = node.map() else { continue };
        let at = schemes.iter().position(|scheme| scheme.key == key);
        let mut scheme = at.and_then(|at| schemes.get(at)).cloned().unwrap_or_default();
        scheme.key = key.to_owned();
        key::read(&KEYS, &map, &mut scheme);
        map.finish();
        if scheme.title.is_empty() {
            node.error("a scheme needs a title", "write { title: OMEMO }");
        }
        if let Some(known) = at.and_then(|at| schemes.get_mut(at)) {
            *known = scheme;
        } else if schemes.len() < MAX_SCHEMES {
            schemes.push(scheme);
        } else {
            node.error("too many schemes", "");
        }
    }
}

fn texts(node: &Node<'_>) -> Option<Vec<String>> {
    node.list()?.into_iter().map(|node| node.text().map(str::to_owned)).collect()
}

fn namespaces(all: &[String]) -> Vec<Namespace> {
    all.iter().map(|written| Namespace::new(written)).collect()
}

fn lower_case(all: &[String]) -> Vec<String> {
    all.iter().map(|text| text.to_lowercase()).collect()
}

fn described(name: &'static str, doc: &'static str, shape: Shape) -> Described {
    Described { name, doc, shape }
}
