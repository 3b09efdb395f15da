//! Namespace declarations and where they hold, XML Namespaces 1.0 §6.

use std::borrow::Cow;
use std::ops::Deref;

use super::Namespaces;
use super::Text;
use super::XmlFault;

/// A namespace name, where it was declared; [`Ns::into_text`] makes text of it.
#[derive(Clone, Debug)]
pub(crate) enum Ns<'a> {
    /// In the source.
    Inner(&'a str),
    /// Around the source.
    Outer(&'a Text),
    /// In the source, but with references in it.
    Resolved(Text),
    /// By definition.
    Xml,
}

impl Deref for Ns<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Inner(name) => name,
            Self::Outer(name) => name,
            Self::Resolved(name) => name,
            Self::Xml => super::XML,
        }
    }
}

impl PartialEq for Ns<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Ns<'_> {
    /// The name as text; `source` is what [`Ns::Inner`] is a slice of.
    pub(super) fn into_text(self, source: &Text) -> Text {
        match self {
            Self::Inner(slice) => source.slice_ref(slice),
            Self::Outer(text) => text.clone(),
            Self::Resolved(text) => text,
            Self::Xml => Text::from_static(super::XML),
        }
    }
}

#[derive(Debug)]
struct Binding<'a> {
    depth: u32,
    prefix: &'a str,
    uri: Ns<'a>,
}

/// The declarations in force at one point of an element.
pub(super) struct Scope<'a> {
    outer: &'a Namespaces,
    bindings: Vec<Binding<'a>>,
}

impl<'a> Scope<'a> {
    /// The scope around an element.
    pub(super) fn new(outer: &'a Namespaces) -> Self {
        Self { outer, bindings: Vec::new() }
    }

    /// The declarations in force at this point.
    pub(super) fn declarations(&self, source: &Text) -> Namespaces {
        let mut all = Namespaces { default: Text::new(), prefixes: Vec::new() };
        for binding in &self.bindings {
            if binding.prefix.is_empty() {
                all.default = binding.uri.clone().into_text(source);
            } else {
                let prefix = source.slice_ref(binding.prefix);
                all.prefixes.push((prefix, binding.uri.clone().into_text(source)));
            }
        }
        all
    }

    /// Drops what the element at `depth` has declared.
    pub(super) fn leave(&mut self, depth: u32) {
        while self.bindings.last().is_some_and(|b| b.depth == depth) {
            self.bindings.pop();
        }
    }

    /// Binds a prefix, or the default with the empty one, for the element at
    /// `depth`, XML Namespaces 1.0 §3.
    pub(super) fn declare(
        &mut self,
        depth: u32,
        prefix: &'a str,
        uri: Cow<'a, str>,
    ) -> Result<(), XmlFault> {
        let is_twice = |b: &Binding<'_>| b.depth == depth && b.prefix == prefix;
        if self.bindings.iter().rev().any(is_twice) {
            return Err(XmlFault::DuplicateAttribute);
        }
        let legal = match (prefix, uri.as_ref()) {
            ("xml", uri) => uri == super::XML,
            ("xmlns", _) | (_, super::XML | super::XMLNS) => false,
            (prefix, uri) => prefix.is_empty() || !uri.is_empty(),
        };
        if !legal {
            return Err(XmlFault::BadNamespace);
        }
        let uri = match uri {
            Cow::Borrowed(slice) => Ns::Inner(slice),
            Cow::Owned(resolved) => Ns::Resolved(Text::from(resolved)),
        };
        self.bindings.push(Binding { depth, prefix, uri });
        Ok(())
    }

    /// What a name of that prefix belongs to, XML Namespaces 1.0 §6.
    pub(super) fn lookup(&self, prefix: Option<&str>) -> Result<Ns<'a>, XmlFault> {
        let wanted = prefix.unwrap_or("");
        let is_wanted = |b: &&Binding<'_>| {
            b.prefix.len() == wanted.len() && (wanted.is_empty() || b.prefix == wanted)
        };
        if let Some(binding) = self.bindings.iter().rev().find(is_wanted) {
            return Ok(binding.uri.clone());
        }
        match prefix {
            None => Ok(Ns::Outer(&self.outer.default)),
            Some("xml") => Ok(Ns::Xml),
            Some(prefix) => self.outer.get(prefix).map(Ns::Outer).ok_or(XmlFault::UndeclaredPrefix),
        }
    }
}
