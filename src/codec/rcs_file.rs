//! Where a file lies: `application/vnd.gsma.rcs-ft-http+xml`, GSMA RCC.07 §3.2.5 (file transfer
//! over HTTP), as Linphone 5.1 sends it for each file and picture.

use super::mime::external_body::is_content;
use super::xml::{Element, Limits, Text};

/// The media type's essence.
pub const MEDIA_TYPE: &str = "application/vnd.gsma.rcs-ft-http+xml";
/// Octets that a document may have.
const MAX_OCTETS: usize = 65_536;
/// Files of one document; thumbnails are none.
const MAX_FILES: usize = 10;

/// Why a document names no file that could be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is no such document, or beyond a bound.
    #[error("the file document cannot be read")]
    Malformed,
    /// What lies there is encrypted, with the key beside it.
    #[error("the file is encrypted")]
    Encrypted,
    /// It has no URL of content.
    #[error("the file document names no URL")]
    NoUrl,
}

/// The URLs of the files; what is said of a thumbnail, and how long a file lies there, is not read.
///
/// # Errors
/// [`Unusable`], where there is nothing to fetch, or one of the files could not be read.
pub fn urls_of(document: &Text) -> Result<Vec<String>, Unusable> {
    let limits = Limits { max_stanza_octets: MAX_OCTETS, max_depth: 16, ..Limits::default() };
    let root = Element::parse_document(document, limits).map_err(|_| Unusable::Malformed)?;
    if root.name != "file" {
        return Err(Unusable::Malformed);
    }
    let is_file = |info: &&Element| {
        info.name == "file-info" && info.attr("type").is_none_or(|kind| kind == "file")
    };
    let mut urls = Vec::new();
    for info in root.elements().filter(is_file).take(MAX_FILES) {
        let child = |name: &str| info.elements().find(|child| child.name == name);
        // COMPAT: Linphone 5.1 writes the key of an encrypted file so.
        if child("file-key").is_some() {
            return Err(Unusable::Encrypted);
        }
        let url = child("data").and_then(|data| data.attr("url")).map(|url| url.trim());
        urls.extend(url.filter(|url| is_content(url)).map(str::to_owned));
    }
    if urls.is_empty() { Err(Unusable::NoUrl) } else { Ok(urls) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(infos: &str) -> Result<Vec<String>, Unusable> {
        let ns = "urn:gsma:params:xml:ns:rcs:rcs:fthttp";
        urls_of(&format!("<?xml version='1.0'?><file xmlns='{ns}'>{infos}</file>").into())
    }

    #[test]
    fn files_are_their_urls_and_thumbnails_are_none() {
        let infos = "<file-info type='thumbnail'><file-size>9</file-size>\
            <data url='https://files.example.net/t' until='2030-01-01T00:00:00Z'/></file-info>\
            <file-info type='file'><file-size>120</file-size><file-name>a.jpg</file-name>\
            <content-type>image/jpeg</content-type><data url=' https://files.example.net/a?x=1&amp;y' \
            until='2030-01-01T00:00:00Z'/></file-info>";
        assert_eq!(urls(infos), Ok(vec!["https://files.example.net/a?x=1&y".to_owned()]));
    }

    #[test]
    fn what_cannot_be_fetched_or_read_is_told() {
        assert_eq!(urls(""), Err(Unusable::NoUrl));
        let of = |url: &str| format!("<file-info type='file'><data url='{url}'/></file-info>");
        for url in ["javascript:x", "", "file:///etc/passwd", "https://h/a b"] {
            assert_eq!(urls(&of(url)), Err(Unusable::NoUrl), "{url}");
        }
        let secured = "<file-info type='file'><file-key>aGVsbG8=</file-key>\
                       <data url='https://h/a'/></file-info>";
        assert_eq!(urls(secured), Err(Unusable::Encrypted));
        assert_eq!(urls_of(&"<x/>".into()), Err(Unusable::Malformed));
        assert_eq!(urls_of(&"<file".into()), Err(Unusable::Malformed));
    }
}
