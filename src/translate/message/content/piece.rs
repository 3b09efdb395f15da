//! Files, links and places as lines of text, each address on a line of its own.

use super::tag;
use crate::codec::geo_uri::Place;
use crate::codec::xml::{Element, Text};
use crate::codec::xmpp::ns;
use crate::rules::Said;
use crate::translate::plain::line;

/// Schemes of what a person can open.
const SCHEMES: [&str; 13] = [
    "https", "http", "ftp", "ftps", "sftp", "xmpp", "sip", "sips", "tel", "mailto", "im", "geo",
    "magnet",
];
/// Octets of an address.
const MAX_URL: usize = 2_048;
/// Characters of a description, and of the name of a file.
const MAX_WORDS: usize = 1_024;
const MAX_FILE_NAME: usize = 255;

/// Something that crosses as text.
#[derive(Debug)]
pub(super) struct Piece {
    /// The address in it, by which it is known when it stands in a text already.
    pub uri: Option<String>,
    /// The lines.
    pub text: String,
    /// Their language, where it is not that of the message.
    pub lang: Option<Text>,
}

impl Piece {
    /// What the rules say; nothing where that is nothing.
    pub(super) fn said(said: Said) -> Option<Self> {
        let lang = tag(&said);
        (!said.text.is_empty()).then_some(Piece { uri: None, text: said.text, lang })
    }

    /// An address, with words about it on the line before.
    fn at(uri: String, words: &str) -> Self {
        let text = match words.is_empty() || words == uri {
            true => uri.clone(),
            false => format!("{words}\n{uri}"),
        };
        Piece { uri: Some(uri), text, lang: None }
    }

    /// Whether a text has the address already. A place is said by any `geo:` address: a client
    /// writes the body for it by itself.
    pub(super) fn is_said_in(&self, text: &str) -> bool {
        let Some(uri) = &self.uri else { return false };
        let is_place = uri.starts_with("geo:");
        let marks = |c: char| "<>()[]{}\"',.;!".contains(c);
        text.split_whitespace().any(|word| {
            let word = word.trim_matches(marks);
            word == uri || is_place && word.starts_with("geo:")
        })
    }
}

/// A link (XEP-0066 §3), with its description.
pub(super) fn link(element: &Element) -> Option<Piece> {
    let url = url(&element.child("url", ns::OOB)?.text())?;
    let words = element.child("desc", ns::OOB).map(|desc| line(&desc.text(), MAX_WORDS));
    Some(Piece::at(url, &words.unwrap_or_default()))
}

/// A file (XEP-0447, XEP-0385) by the first of its sources that can be opened.
pub(super) fn file(element: &Element) -> Option<Piece> {
    let url = source(element)?;
    let is_file = |child: &&Element| child.name == "file";
    let within = |child: &Element| child.elements().find(is_file).cloned();
    let file = within(element).or_else(|| element.elements().find_map(within));
    let said = |name: &str| {
        let child = file.as_ref()?.elements().find(|child| child.name == name)?;
        Some(line(&child.text(), MAX_FILE_NAME)).filter(|text| !text.is_empty())
    };
    let size = said("size").and_then(|size| size.parse().ok()).map(size);
    let words: Vec<String> =
        said("name").or_else(|| said("desc")).into_iter().chain(size).collect();
    Some(Piece::at(url, &words.join(", ")))
}

/// The address of a source, wherever in the element: the targets of XEP-0103, the references of
/// XEP-0372. The depth of a stanza bounds the recursion.
fn source(element: &Element) -> Option<String> {
    let own = match &*element.name {
        "url-data" if element.ns == ns::URL_DATA => element.attr("target"),
        "reference" => element.attr("uri"),
        _ => None,
    };
    // What is encrypted there (XEP-0448) is of no use to who has no key.
    let mut clear = element.elements().filter(|child| child.name != "encrypted");
    own.and_then(|address| url(address)).or_else(|| clear.find_map(source))
}

/// A place (XEP-0080 §2), with what it is called.
pub(super) fn location(element: &Element) -> Option<Piece> {
    let child = |name: &str| {
        let text = element.child(name, ns::GEOLOC).map(|child| line(&child.text(), MAX_WORDS));
        text.filter(|text| !text.is_empty())
    };
    let place = Place::parse(&child("lat")?, &child("lon")?)?;
    let place = place.at(child("alt").as_deref()).within(child("accuracy").as_deref());
    let address = || {
        let parts = ["street", "locality", "country"].into_iter().filter_map(child);
        parts.collect::<Vec<_>>().join(", ")
    };
    let words = child("description").or_else(|| child("text")).unwrap_or_else(address);
    Some(Piece::at(place.to_string(), &words))
}

/// An address that can be opened; one that says nothing to who reads it is none.
fn url(text: &str) -> Option<String> {
    let url = text.trim();
    let (scheme, rest) = url.split_once(':')?;
    let legal =
        |c: char| !c.is_whitespace() && line(c.encode_utf8(&mut [0; 4]), 1).len() == c.len_utf8();
    let opens = SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme));
    (opens && !rest.is_empty() && url.len() <= MAX_URL && url.chars().all(legal))
        .then(|| url.to_owned())
}

/// A number of octets as people read it.
fn size(octets: u64) -> String {
    let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    let unit = units.into_iter().find(|(_, unit)| octets >= *unit);
    match unit {
        Some((name, unit)) => format!("{} {name}", octets / unit),
        None => format!("{octets} B"),
    }
}
