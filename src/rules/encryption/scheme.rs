//! One scheme of encryption or signature.

use super::policy::Policy;
use crate::codec::xmpp::Element;
use crate::codec::yaml::{Map, Node};

/// Schemes that a deployment may have.
const MAX_SCHEMES: usize = 200;
const TRUTH: [(&str, bool); 2] = [("true", true), ("false", false)];
const CARRIED: [(&str, Carried); 2] = [("object", Carried::Object), ("text", Carried::Text)];
const TEXTS: [(&str, bool); 2] = [("otr", true), ("none", false)];

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

    /// Whether an element of it has no content.
    #[must_use]
    pub fn is_keys_alone(&self, element: &Element) -> bool {
        self.keys_alone.as_ref().is_some_and(|it| {
            *element.name == *it.element
                && element.elements().all(|child| *child.name != *it.without)
        })
    }

    fn read(&mut self, map: &Map<'_>) {
        if let Some(title) = map.optional("title").and_then(|node| node.text()) {
            title.clone_into(&mut self.title);
        }
        let list = |key, field: &mut Vec<String>| {
            if let Some(words) = map.optional(key).and_then(|node| words(&node)) {
                *field = words;
            }
        };
        list("media_types", &mut self.media_types);
        list("protocols", &mut self.protocols);
        let namespaces = |key, field: &mut Vec<Namespace>| {
            if let Some(all) = map.optional(key).and_then(|node| node.list()) {
                *field = all.iter().filter_map(|node| node.text()).map(Namespace::new).collect();
            }
        };
        namespaces("namespaces", &mut self.namespaces);
        namespaces("announced", &mut self.announced);
        if let Some(map) = map.optional("keys_alone").and_then(|node| node.map()) {
            let text = |key| map.required(key, "").and_then(|node| node.text().map(str::to_owned));
            let (element, without) = (text("element"), text("without"));
            self.keys_alone =
                element.zip(without).map(|(element, without)| KeysAlone { element, without });
            map.finish();
        }
        if let Some(map) = map.optional("form").and_then(|node| node.map()) {
            let kind = map.required("type", "").and_then(|node| node.text());
            let fields = map.required("fields", "").and_then(|node| texts(&node));
            self.form =
                kind.zip(fields).map(|(kind, fields)| Form { kind: kind.to_owned(), fields });
            map.finish();
        }
        let is_otr = map.optional("text").and_then(|node| node.one_of(&TEXTS));
        self.is_otr = is_otr.unwrap_or(self.is_otr);
        let signature = map.optional("signature").and_then(|node| node.one_of(&TRUTH));
        self.signature = signature.unwrap_or(self.signature);
        let carried = map.optional("carried").and_then(|node| node.one_of(&CARRIED));
        self.carried = carried.or(self.carried);
        let mut policy = self.policy;
        policy.read(map, self);
        self.policy = policy;
    }
}

/// Reads the schemes of a file over those that are known.
pub(super) fn read_all(schemes: &mut Vec<Scheme>, map: &Map<'_>) {
    let Some(entries) = map.optional("schemes").and_then(|node| node.map()) else { return };
    for (key, node) in entries.entries() {
        let Some(map) = node.map() else { continue };
        let at = schemes.iter().position(|scheme| scheme.key == key);
        let mut scheme = at.and_then(|at| schemes.get(at)).cloned().unwrap_or_default();
        scheme.key = key.to_owned();
        scheme.read(&map);
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

fn words(node: &Node<'_>) -> Option<Vec<String>> {
    Some(texts(node)?.into_iter().map(|text| text.to_lowercase()).collect())
}
