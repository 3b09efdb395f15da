//! `pairs:` of `addresses.yaml`: a JID and a URI with the same variables in both, each readable
//! from either side. They come before the pairs of domains.

mod overlap;

use regex::{Captures, Regex, RegexBuilder};

use super::rule_table::{NAME, OFF, Written, is_off};
use super::shape::{Described, Shape};
use super::template::{Piece, cut};
use crate::codec::yaml::{Map, Node, nearest};

/// What a variable of an address stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Any text.
    Any,
    /// Digits.
    Digits,
    /// Letters, digits, dot, hyphen and underline.
    Word,
    /// A domain: the same, and no underline.
    Domain,
}

const CLASSES: [(&str, Class); 4] = [
    ("any", Class::Any),
    ("digits", Class::Digits),
    ("word", Class::Word),
    ("domain", Class::Domain),
];

impl Class {
    fn regex(self) -> &'static str {
        match self {
            Class::Any => "(.+)",
            Class::Digits => "([0-9]+)",
            Class::Word => "([A-Za-z0-9._-]+)",
            Class::Domain => "([A-Za-z0-9.-]+)",
        }
    }

    /// Whether a value may hold this character.
    fn holds(self, c: char) -> bool {
        match self {
            Class::Any => true,
            Class::Digits => c.is_ascii_digit(),
            Class::Word => c.is_ascii_alphanumeric() || "._-".contains(c),
            Class::Domain => c.is_ascii_alphanumeric() || ".-".contains(c),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Text(String),
    Variable(String, Class),
}

/// One side of a pair: an address with variables.
#[derive(Debug, Clone)]
struct Side {
    segments: Vec<Segment>,
    regex: Regex,
}

impl PartialEq for Side {
    fn eq(&self, other: &Self) -> bool {
        self.segments == other.segments
    }
}

impl Side {
    fn variables(&self) -> impl Iterator<Item = (&str, Class)> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Variable(name, class) => Some((name.as_str(), *class)),
            Segment::Text(_) => None,
        })
    }

    /// The address with these values.
    fn fill(&self, value: impl Fn(&str) -> Option<String>) -> Option<String> {
        let mut out = String::new();
        for segment in &self.segments {
            match segment {
                Segment::Text(text) => out.push_str(text),
                Segment::Variable(name, _) => out.push_str(&value(name)?),
            }
        }
        Some(out)
    }

    fn value<'a>(&self, name: &str, captures: &'a Captures<'_>) -> Option<&'a str> {
        let at = self.variables().position(|(known, _)| known == name)?;
        captures.get(at + 1).map(|value| value.as_str())
    }
}

/// A JID and a URI that stand for each other; without a URI, a JID that stands for nobody.
#[derive(Debug, Clone, PartialEq)]
struct Pair {
    name: String,
    place: String,
    jid: Side,
    uri: Option<Side>,
    /// What the URI ends with and what does not count when one is read: its parameters.
    params: String,
}

/// All pairs in their order: the first whose side fits counts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AddressPairs {
    pairs: Vec<Pair>,
}

/// What the pairs say of a JID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paired {
    /// It is this address: scheme, user without escapes, host, and parameters as they are written.
    Uri {
        /// The scheme, `sip` or `tel`.
        scheme: String,
        /// The user; of a `tel:` URI all of it.
        user: String,
        /// The host; empty for a `tel:` URI.
        host: String,
        /// `;user=phone` and the like.
        params: String,
    },
    /// It is nobody.
    Refused,
}

impl AddressPairs {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The address of a JID, written `local@domain` with the localpart unescaped, and the name and
    /// place of the pair that says so.
    #[must_use]
    pub fn uri_of(&self, jid: &str) -> Option<(Paired, &str, &str)> {
        let (pair, captures) =
            self.pairs.iter().find_map(|pair| Some((pair, pair.jid.regex.captures(jid)?)))?;
        let names = (pair.name.as_str(), pair.place.as_str());
        let Some(uri) = &pair.uri else { return Some((Paired::Refused, names.0, names.1)) };
        let value = |name: &str| pair.jid.value(name, &captures).map(str::to_owned);
        let address = uri.fill(value)?;
        let (scheme, rest) = address.split_once(':')?;
        let (user, host) = rest.rsplit_once('@').unwrap_or((rest, ""));
        let paired = Paired::Uri {
            scheme: scheme.to_owned(),
            user: user.to_owned(),
            host: host.to_owned(),
            params: pair.params.clone(),
        };
        Some((paired, names.0, names.1))
    }

    /// The JID of an address, written `scheme:user@host` with the user unescaped and the host in
    /// small letters, or `tel:number`: the unescaped localpart and the domain, and the name and
    /// place of the pair.
    #[must_use]
    pub fn jid_of(&self, uri: &str) -> Option<(String, String, &str, &str)> {
        let (pair, side, captures) = self.pairs.iter().find_map(|pair| {
            let side = pair.uri.as_ref()?;
            Some((pair, side, side.regex.captures(uri)?))
        })?;
        let jid = pair.jid.fill(|name| side.value(name, &captures).map(str::to_owned))?;
        let (local, domain) = jid.rsplit_once('@')?;
        Some((local.to_owned(), domain.to_owned(), &pair.name, &pair.place))
    }

    /// Compiles the entries of `pairs`.
    pub(super) fn compile(written: &[Written<'_>]) -> AddressPairs {
        let pairs = written.iter().filter_map(pair).collect();
        AddressPairs { pairs }
    }

    /// An entry as a value.
    pub(super) fn described() -> Described {
        let address = |name, doc| Described { name, doc, shape: Shape::Text };
        let keys = vec![
            NAME,
            OFF,
            address(
                "jid",
                "the JID, its localpart unescaped: text and `${variable|class}`; the domain is one of `domains`",
            ),
            address(
                "uri",
                "the `sip:` or `tel:` URI with the same variables, its user unescaped; parameters at its end are written and not read",
            ),
            Described {
                name: "refuse",
                doc: "instead of `uri`: such a JID is nobody, and who writes to it is told `item-not-found`",
                shape: Shape::Truth,
            },
        ];
        Described {
            name: "pairs",
            doc: "addresses that are written otherwise on each side. They come before the `domains` of the configuration; the first that fits counts",
            shape: Shape::List(Box::new(Shape::Keys(keys))),
        }
    }
}

fn pair(written: &Written<'_>) -> Option<Pair> {
    let map = written.node.map()?;
    let (_, off) = (map.optional("name"), is_off(&map));
    let jid = map.required("jid", "write jid: \"${user}@sip.example.com\"");
    let refused = map.optional("refuse").and_then(|node| node.truth()).unwrap_or(false);
    let uri = uri_node(&map, refused);
    map.finish();
    let (jid_node, jid) = (jid.clone()?, side(&jid?)?);
    if !jid
        .segments
        .iter()
        .any(|segment| matches!(segment, Segment::Text(text) if text.contains('@')))
    {
        jid_node.error("a JID with variables needs its `@`", "write ${user}@sip.example.com");
    }
    let (uri_side, params) = match &uri {
        Some(node) => {
            let (address, params) = uri_parts(node)?;
            (Some(side_of(node, address)?), params.to_owned())
        }
        None => (None, String::new()),
    };
    if off || (uri_side.is_none() && !refused) {
        return None;
    }
    let (name, place) = (written.name.clone(), written.node.place());
    let pair = Pair { name, place, jid, uri: uri_side, params };
    if let (Some(node), Some(side)) = (&uri, &pair.uri) {
        if !same_variables(node, &pair.jid, side) {
            return None;
        }
        if let Some(words) = overlap::example(&pair.jid, side) {
            let mend = "use each variable once on both sides, with something between two of them that neither can hold";
            node.warning(&words, mend);
        }
    }
    Some(pair)
}

fn uri_node<'d>(map: &Map<'d>, refused: bool) -> Option<Node<'d>> {
    let uri = map.optional("uri");
    match (&uri, refused) {
        (None, false) => {
            map.node().error(
                "`uri` is missing",
                "write uri: \"sip:${user}@example.net\", or refuse: true",
            );
        }
        (Some(node), true) => {
            node.error("`uri` and `refuse` exclude each other", "drop one of them")
        }
        _ => {}
    }
    uri
}

/// A URI without its parameters, and these.
fn uri_parts<'d>(node: &Node<'d>) -> Option<(&'d str, &'d str)> {
    let text = node.text()?;
    let at = text.find(';').unwrap_or(text.len());
    let (address, params) = text.split_at(at);
    let is_sip = address.starts_with("sip:") && address.contains('@');
    if !is_sip && !address.starts_with("tel:") {
        node.error("an address to SIP is sip:user@host or tel:number", "");
        return None;
    }
    let probe = format!("sip:a@example.net{params}");
    if crate::codec::sip::Uri::parse(probe.into()).is_err() {
        node.error_at(params, "these are no parameters of a URI", "");
        return None;
    }
    Some((address, params))
}

fn side(node: &Node<'_>) -> Option<Side> {
    side_of(node, node.text()?)
}

fn side_of(node: &Node<'_>, text: &str) -> Option<Side> {
    let pieces = cut(text).map_err(|rest| {
        node.error_at(rest, "`${` without its `}`", "write ${variable} or ${variable|class}");
    });
    let mut segments = Vec::new();
    let mut regex = String::from("^(?s:");
    for piece in pieces.ok()? {
        segments.push(match piece {
            Piece::Text(text) => {
                regex.push_str(&regex::escape(text));
                Segment::Text(text.to_owned())
            }
            Piece::Variable { name, filters, whole } => {
                let class = class(node, whole, &filters)?;
                regex.push_str(class.regex());
                Segment::Variable(name.to_owned(), class)
            }
        });
    }
    regex.push_str(")$");
    let regex = RegexBuilder::new(&regex).build().ok()?;
    Some(Side { segments, regex })
}

fn class(node: &Node<'_>, whole: &str, filters: &[&str]) -> Option<Class> {
    let name = match filters {
        [] => return Some(Class::Any),
        [name] => *name,
        _ => {
            node.error_at(whole, "a variable of an address has one class", "");
            return None;
        }
    };
    let found = CLASSES.iter().find(|(known, _)| *known == name).map(|(_, class)| *class);
    if found.is_none() {
        let names = CLASSES.map(|(name, _)| name);
        node.error_at(name, &format!("no class is called `{name}`"), &nearest(name, &names));
    }
    found
}

/// What the URI names, the JID must name as well, or nothing could be put there.
fn same_variables(node: &Node<'_>, jid: &Side, uri: &Side) -> bool {
    let known: Vec<&str> = jid.variables().map(|(name, _)| name).collect();
    let mut all = true;
    for (name, _) in uri.variables().filter(|(name, _)| !known.contains(name)) {
        all = false;
        let message = format!("the JID has no variable `{name}`");
        node.error_at(name, &message, &nearest(name, &known));
    }
    all
}
