//! Multipart bodies, RFC 2046 §5.1.
//!
//! The parts are slices of the body, octet for octet, so that a signature
//! over one stays valid. Splitting is done here and not by `mailparse`,
//! because in SIP the boundary is not in the octets at hand but in the
//! message's own header, and because it goes one level at a time.

use bytes::Bytes;

use super::entity::{Entity, EntityError};
use super::media_type::MediaType;
use super::split_line;

/// Parts one multipart may have.
const MAX_PARTS: usize = 64;
/// Octets of a boundary, RFC 2046 §5.1.1.
const MAX_BOUNDARY: usize = 70;

/// Why a body is no multipart; always the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MultipartError {
    /// The type is not `multipart/*`.
    #[error("not a multipart")]
    NotMultipart,
    /// RFC 2046 §5.1.1: no boundary parameter, or an illegal one.
    #[error("multipart without a legal boundary")]
    Boundary,
    /// No delimiter line occurs in the body.
    #[error("multipart without parts")]
    NoParts,
    /// More than 64 parts.
    #[error("multipart with too many parts")]
    TooManyParts,
    /// The level asked for is deeper than allowed.
    #[error("multiparts nested too deeply")]
    TooDeep,
    /// A part is no entity.
    #[error("malformed part: {0}")]
    Part(#[from] EntityError),
}

impl Entity {
    /// The raw parts of a multipart body: header, blank line and body of each,
    /// without the line end that belongs to the delimiter (RFC 2046 §5.1.1).
    /// Preamble and epilogue are dropped; a missing close delimiter is
    /// tolerated.
    ///
    /// # Errors
    /// [`MultipartError`]
    pub fn raw_parts(&self) -> Result<Vec<Bytes>, MultipartError> {
        let media_type = self.content_type.as_ref().filter(|t| t.is_multipart());
        let media_type = media_type.ok_or(MultipartError::NotMultipart)?;
        let boundary = media_type.boundary().filter(|b| is_legal_boundary(b));
        split(&self.body, boundary.ok_or(MultipartError::Boundary)?)
    }

    /// The parts of a multipart body as entities.
    ///
    /// # Errors
    /// [`MultipartError`]
    pub fn parts(&self) -> Result<Vec<Self>, MultipartError> {
        self.raw_parts()?.into_iter().map(|raw| Ok(Self::parse(raw)?)).collect()
    }

    /// Which part is the root of a multipart/related: the one that `start` names, else the first
    /// (RFC 2387 §3.2). `ids` are the Content-IDs of the parts in their order.
    #[must_use]
    pub fn root<'a>(&self, mut ids: impl Iterator<Item = Option<&'a str>>) -> usize {
        let start = self.content_type.as_ref().and_then(|media_type| media_type.param("start"));
        let named = start.and_then(|start| {
            let start = start.trim_ascii().trim_start_matches('<').trim_end_matches('>');
            ids.position(|id| id == Some(start))
        });
        named.unwrap_or(0)
    }

    /// All parts that are no multiparts themselves, in order, down to
    /// `max_depth` levels of nesting (1: no multipart within this one). An
    /// entity that is no multipart is its own only leaf.
    ///
    /// # Errors
    /// [`MultipartError`]
    pub fn leaves(&self, max_depth: usize) -> Result<Vec<Self>, MultipartError> {
        let mut leaves = Vec::new();
        self.collect_leaves(max_depth, &mut leaves)?;
        Ok(leaves)
    }

    fn collect_leaves(&self, depth: usize, leaves: &mut Vec<Self>) -> Result<(), MultipartError> {
        if !self.content_type.as_ref().is_some_and(MediaType::is_multipart) {
            leaves.push(self.clone());
            return Ok(());
        }
        let below = depth.checked_sub(1).ok_or(MultipartError::TooDeep)?;
        for part in self.parts()? {
            part.collect_leaves(below, leaves)?;
            if leaves.len() > MAX_PARTS {
                return Err(MultipartError::TooManyParts);
            }
        }
        Ok(())
    }
}

fn is_legal_boundary(boundary: &str) -> bool {
    (1..=MAX_BOUNDARY).contains(&boundary.len())
        && !boundary.ends_with(' ')
        && boundary.bytes().all(|b| matches!(b, 0x20..=0x7E))
}

fn split(body: &Bytes, boundary: &str) -> Result<Vec<Bytes>, MultipartError> {
    let mut parts = Vec::new();
    // Where the part in progress begins, once a delimiter has been seen.
    let mut begin = None;
    let mut at = 0;
    while at < body.len() {
        let (line, tail) = split_line(&body[at..]);
        let next = body.len() - tail.len();
        let delimiter = delimiter(line, boundary);
        if delimiter != Delimiter::None {
            if let Some(begin) = begin {
                parts.push(body.slice(begin..without_line_end(body, begin, at)));
            }
            if parts.len() > MAX_PARTS {
                return Err(MultipartError::TooManyParts);
            }
            begin = (delimiter == Delimiter::Open).then_some(next);
            if delimiter == Delimiter::Close {
                break;
            }
        }
        at = next;
    }
    if let Some(begin) = begin {
        parts.push(body.slice(begin..));
    }
    if parts.is_empty() { Err(MultipartError::NoParts) } else { Ok(parts) }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Delimiter {
    None,
    Open,
    Close,
}

/// `--boundary` or `--boundary--`, then only white space.
fn delimiter(line: &[u8], boundary: &str) -> Delimiter {
    let after = line.strip_prefix(b"--").and_then(|l| l.strip_prefix(boundary.as_bytes()));
    match after {
        None => Delimiter::None,
        Some(rest) if rest.trim_ascii().is_empty() => Delimiter::Open,
        Some(rest) => match rest.strip_prefix(b"--") {
            Some(rest) if rest.trim_ascii().is_empty() => Delimiter::Close,
            _ => Delimiter::None,
        },
    }
}

/// Where the part that ends before the delimiter line at `end` really ends.
fn without_line_end(body: &[u8], begin: usize, end: usize) -> usize {
    let part = &body[begin..end];
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    begin + part.strip_suffix(b"\r").unwrap_or(part).len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn multipart(body: &str) -> Entity {
        let media_type = MediaType::parse("multipart/mixed; boundary=\"b c\"").unwrap();
        Entity::new(media_type, Bytes::copy_from_slice(body.as_bytes()))
    }

    fn raw(body: &str) -> Vec<String> {
        let parts = multipart(body).raw_parts().unwrap();
        parts.iter().map(|part| String::from_utf8(part.to_vec()).unwrap()).collect()
    }

    #[test]
    fn parts_are_cut_octet_for_octet() {
        let body = "preamble\r\n--b c\r\n\r\none\r\n\r\n--b c  \r\nX: y\r\n\r\ntwo--b c\r\n--b c--\r\nepilogue\r\n--b c\r\n";
        assert_eq!(raw(body), ["\r\none\r\n", "X: y\r\n\r\ntwo--b c"]);
        assert_eq!(raw("--b c\n\na\n--b c\n\nb\n--b c--"), ["\na", "\nb"]);
        assert_eq!(raw("--b c\r\n\r\nunclosed"), ["\r\nunclosed"]);
        assert_eq!(raw("--b c\r\n--b c--"), [""]);
        assert_eq!(raw("--b c\r\n\r\n--b cd\r\n--b c--"), ["\r\n--b cd"]);
    }

    #[test]
    fn what_is_no_multipart() {
        let error = |value: &str, body: &'static str| {
            let media_type = MediaType::parse(value).unwrap();
            Entity::new(media_type, body.into()).raw_parts().unwrap_err()
        };
        assert_eq!(error("text/plain", ""), MultipartError::NotMultipart);
        assert_eq!(error("multipart/mixed", ""), MultipartError::Boundary);
        assert_eq!(error("multipart/mixed; boundary=\"b \"", ""), MultipartError::Boundary);
        assert_eq!(error("multipart/mixed; boundary=b", "--c"), MultipartError::NoParts);
        assert_eq!(error("multipart/mixed; boundary=b", "--b--"), MultipartError::NoParts);
        let long = format!("multipart/mixed; boundary={}", "b".repeat(71));
        assert_eq!(error(&long, ""), MultipartError::Boundary);
        let many = "--b c\r\n\r\n".repeat(70);
        assert_eq!(multipart(&many).raw_parts(), Err(MultipartError::TooManyParts));
    }

    #[test]
    fn leaves_of_nested_multiparts() {
        let inner = "Content-Type: multipart/alternative; boundary=i\r\n\r\n--i\r\n\r\n1\r\n--i\r\nContent-Type: text/html\r\n\r\n2\r\n--i--";
        let body = format!("--b c\r\n{inner}\r\n--b c\r\n\r\n3\r\n--b c--");
        let leaves = multipart(&body).leaves(2).unwrap();
        let bodies: Vec<_> = leaves.iter().map(|leaf| leaf.body.to_vec()).collect();
        assert_eq!(bodies, [b"1", b"2", b"3"]);
        assert_eq!(multipart(&body).leaves(1), Err(MultipartError::TooDeep));
        assert_eq!(leaves[0].leaves(0).unwrap(), [leaves[0].clone()]);
    }

    #[test]
    fn v_16_signed_object_is_cut_as_it_was_signed() {
        let part = "Content-Type: Message/CPIM\r\n\r\nFrom: <im:a@b>\r\n\r\nContent-type: text/xml\r\n\r\n<body>\r\n</body>";
        let body = format!(
            "--next\r\n{part}\r\n--next\r\nContent-Type: application/pkcs7-signature\r\n\r\nx\r\n--next--"
        );
        let value =
            "multipart/signed; boundary=next;\tmicalg=sha1;\tprotocol=application/pkcs7-signature";
        let signed = Entity::new(MediaType::parse(value).unwrap(), body.into());
        assert_eq!(&*signed.raw_parts().unwrap()[0], part.as_bytes());
    }

    proptest! {
        /// The same parts as `mailparse` finds.
        #[test]
        fn agrees_with_mailparse(parts in prop::collection::vec("([d-z \r]|\r\n|--b|--){0,12}", 1..5)) {
            let mut body = String::new();
            for part in &parts {
                body.push_str("--b c\r\n\r\n");
                body.push_str(part);
                body.push_str("\r\n");
            }
            body.push_str("--b c--\r\n");
            let ours: Vec<_> = multipart(&body).parts().unwrap().iter().map(|p| p.body.to_vec()).collect();
            let message = format!("Content-Type: multipart/mixed; boundary=\"b c\"\r\n\r\n{body}");
            let theirs = mailparse::parse_mail(message.as_bytes()).unwrap();
            let theirs: Vec<_> = theirs.subparts.iter().map(|p| p.get_body_raw().unwrap()).collect();
            prop_assert_eq!(&ours, &theirs);
            let expected: Vec<_> = parts.iter().map(|p| p.as_bytes().to_vec()).collect();
            prop_assert_eq!(ours, expected);
        }

        #[test]
        fn anything_splits_or_fails_without_panic(body in "(--b c|--|\r\n|\n|\r|x| ){0,20}") {
            let entity = multipart(&body);
            if let Ok(parts) = entity.raw_parts() {
                prop_assert!(parts.iter().map(Bytes::len).sum::<usize>() <= body.len());
            }
        }
    }
}
