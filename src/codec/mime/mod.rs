//! MIME entities and the documents carried in SIP bodies.
//!
//! RFC 2045/2046 (entities, multiparts), RFC 3862 (message/cpim), RFC 3676
//! (format=flowed), RFC 3339 (date and time), content codings. No policy, no
//! I/O, no clock; addresses stay plain text.

pub mod charset;
pub mod content_coding;
pub mod cpim;
pub mod cpim_address;
pub mod cpim_escape;
pub mod cpim_header;
#[cfg(test)]
mod cpim_tests;
pub mod cpim_writer;
pub mod entity;
pub mod external_body;
pub mod format_flowed;
pub mod media_type;
pub mod multipart;
pub mod parameter;
pub mod rfc3339;
pub mod smime;
pub mod transfer_encoding;

pub use charset::{Charset, CharsetError};
pub use content_coding::{CodingError, ContentCoding};
pub use cpim::{Cpim, CpimError, Strictness, Subject};
pub use cpim_address::CpimAddress;
pub use cpim_header::{CpimHeader, Required};
pub use cpim_writer::{CpimObject, ExtensionHeader, Party};
pub use entity::{Disposition, Entity, EntityError, Handling, Header, TextError};
pub use media_type::{MediaType, MediaTypeError};
pub use multipart::MultipartError;
pub use smime::{NotXml, ObjectError, SmimeObject};
pub use transfer_encoding::{TransferEncoding, TransferError};

/// Text of an entity: a slice of the octets it came in, cheap to clone.
pub type Text = bytestring::ByteString;

/// Appends `text`, each line end a CRLF, RFC 2046 §4.1.1.
pub fn write_crlf(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut from = 0;
    for at in memchr::memchr2_iter(b'\r', b'\n', bytes) {
        if at < from {
            continue;
        }
        out.extend_from_slice(&bytes[from..at]);
        out.extend_from_slice(b"\r\n");
        let is_pair = bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n');
        from = at + if is_pair { 2 } else { 1 };
    }
    out.extend_from_slice(&bytes[from..]);
}

/// Cuts the first line off: its content without line end, and what follows.
///
/// Lines end with CRLF or a bare LF.
fn split_line(octets: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'\n', octets) {
        Some(at) => {
            let line = &octets[..at];
            (line.strip_suffix(b"\r").unwrap_or(line), &octets[at + 1..])
        }
        None => (octets, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn msg_063_every_line_end_becomes_crlf() {
        for (text, expected) in [
            ("a\nb", "a\r\nb"),
            ("a\r\nb\rc\n", "a\r\nb\r\nc\r\n"),
            ("\n\r\n\r\r\n", "\r\n\r\n\r\n\r\n"),
            ("", ""),
            ("plain", "plain"),
        ] {
            let mut out = Vec::new();
            write_crlf(&mut out, text);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn lines_end_with_crlf_or_lf() {
        assert_eq!(split_line(b"a\r\nb"), (&b"a"[..], &b"b"[..]));
        assert_eq!(split_line(b"a\nb"), (&b"a"[..], &b"b"[..]));
        assert_eq!(split_line(b"a\rb"), (&b"a\rb"[..], &b""[..]));
    }
}
