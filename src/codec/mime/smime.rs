//! S/MIME objects as RFC 3923 puts them into XML, and as SIP carries them (RFC 8551, RFC 8591 §5).
//!
//! Below its outer header block an object is immutable (RFC 3923 §8). Nothing is verified or
//! decrypted here: the gateway has no part in it.

use bytes::Bytes;
use data_encoding::BASE64_MIME;

use super::entity::{Entity, EntityError, Header};
use super::parameter::one_line;
use super::transfer_encoding::TransferEncoding;
use super::{MediaType, write_crlf};

/// The outer header fields that describe an object; all others are of its envelope.
pub const DESCRIBING: [&str; 6] = [
    "Content-Type",
    "Content-Disposition",
    "Content-ID",
    "Content-Description",
    "Content-Language",
    "MIME-Version",
];

/// The types of a CMS ContentInfo (RFC 5652 §3): DER octets of the OID, and its smime-type
/// (RFC 8551 §3.2.2).
const CONTENT_INFO: [(&[u8], &str); 4] = [
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 2], "signed-data"),
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 3], "enveloped-data"),
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 9, 16, 1, 23], "authEnveloped-data"),
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 9, 16, 1, 9], "compressed-data"),
];

/// Why the text of an `<e2e/>` element is no object; always the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// Nothing but white space.
    #[error("there is no object in it")]
    Empty,
    /// Neither a MIME header nor base64 of a CMS ContentInfo.
    #[error("it is no MIME object")]
    NotMime,
    /// Header-less, where a header is demanded.
    #[error("the object has no MIME header")]
    Headerless,
    /// The header block is broken.
    #[error("the header of the object: {0}")]
    Header(#[from] EntityError),
    /// Not exactly one Content-Type.
    #[error("the object needs one Content-Type")]
    ContentType,
    /// RFC 2045 §6.4: a multipart is never encoded itself.
    #[error("a multipart with a transfer encoding of its own")]
    EncodedMultipart,
    /// The content of the object is not in its transfer encoding.
    #[error("the object is not encoded as its header says")]
    Encoding,
}

/// Why octets cannot stand in XML (XML 1.0 §2.2, §2.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotXml {
    /// Not UTF-8, or a character that no document may hold.
    #[error("octets that XML cannot hold")]
    Character,
    /// A CR or LF alone: line ends are not kept, and the signature would break.
    #[error("line ends that XML does not keep")]
    LineEnd,
    /// A multipart is never encoded itself (RFC 2045 §6.4).
    #[error("a multipart with a transfer encoding of its own")]
    EncodedMultipart,
}

/// An object, as SIP carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmimeObject {
    /// What describes it, of [`DESCRIBING`]: Content-Type first, each value one line.
    pub headers: Vec<(&'static str, String)>,
    /// Its type.
    pub media_type: MediaType,
    /// The body: binary for `application/pkcs7-mime`, untouched for a multipart.
    pub body: Bytes,
}

/// Whether RFC 3923 objects are of this type.
#[must_use]
pub fn is_pkcs7_mime(media_type: &MediaType) -> bool {
    media_type.is("application/pkcs7-mime") || media_type.is("application/x-pkcs7-mime")
}

impl SmimeObject {
    /// Reads the character data of an `<e2e/>` element (RFC 3923 §3.1). Its CRLFs came as LF, if
    /// not worse, and white space may stand around the CDATA section.
    ///
    /// # Errors
    /// [`ObjectError`]
    pub fn from_xml(text: &str, demand_header: bool) -> Result<Self, ObjectError> {
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        if text.is_empty() {
            return Err(ObjectError::Empty);
        }
        if !begins_with_field(text) {
            let object = headerless(text).ok_or(ObjectError::NotMime)?;
            return if demand_header { Err(ObjectError::Headerless) } else { Ok(object) };
        }
        let mut octets = Vec::with_capacity(text.len() + 64);
        write_crlf(&mut octets, text);
        let entity = Entity::parse(octets.into())?;
        let of_type = |header: &&Header| header.name.eq_ignore_ascii_case("Content-Type");
        let (Some(media_type), 1) =
            (entity.content_type.clone(), entity.headers.iter().filter(of_type).count())
        else {
            return Err(ObjectError::ContentType);
        };
        let body = body(&entity, &media_type)?;
        let mut headers = Vec::new();
        for name in DESCRIBING {
            if let Some(value) = entity.header(name) {
                let line = if name == "Content-Type" { one_line(value) } else { None };
                // What cannot be read when it is written anew stays as it came.
                let line = line.filter(|line| MediaType::parse(line).is_ok());
                let value = line.unwrap_or_else(|| value.to_string());
                headers.push((name, value));
            }
        }
        Ok(Self { headers, media_type, body })
    }

    /// The text of an `<e2e/>` element: the outer header, an empty line, and the body; base64
    /// where the body is binary (RFC 3923 §6.4 wants it so, XML cannot hold it so). `headers` are
    /// fields of [`DESCRIBING`].
    ///
    /// # Errors
    /// [`NotXml`]: the object cannot cross.
    pub fn to_xml(entity: &Entity, headers: &[(&'static str, String)]) -> Result<String, NotXml> {
        let is_binary = entity.content_type.as_ref().is_some_and(is_pkcs7_mime);
        let mut text = String::with_capacity(entity.body.len() * 2 + 128);
        for (name, value) in headers {
            text.push_str(name);
            text.push_str(": ");
            text.push_str(value);
            text.push_str("\r\n");
        }
        if is_binary {
            let octets = entity.decoded().map_err(|_| NotXml::Character)?;
            text.push_str("Content-Transfer-Encoding: base64\r\n\r\n");
            text.push_str(&BASE64_MIME.encode(&octets));
        } else {
            if !is_identity(entity.transfer_encoding) {
                return Err(NotXml::EncodedMultipart);
            }
            text.push_str("\r\n");
            text.push_str(std::str::from_utf8(&entity.body).map_err(|_| NotXml::Character)?);
        }
        if !crate::codec::xml::escape::is_xml_text(&text) {
            return Err(NotXml::Character);
        }
        if has_lone_line_end(text.as_bytes()) {
            return Err(NotXml::LineEnd);
        }
        Ok(text)
    }
}

/// The body as SIP carries it: the encoding of a `pkcs7-mime` object is removed.
fn body(entity: &Entity, media_type: &MediaType) -> Result<Bytes, ObjectError> {
    if media_type.is_multipart() {
        return match is_identity(entity.transfer_encoding) {
            true => Ok(entity.body.clone()),
            false => Err(ObjectError::EncodedMultipart),
        };
    }
    if !is_identity(entity.transfer_encoding) {
        return entity.decoded().map_err(|_| ObjectError::Encoding);
    }
    // XML holds no binary, whatever the header says: base64 is what it can be.
    match is_pkcs7_mime(media_type) {
        true => TransferEncoding::Base64.decode(&entity.body).map_err(|_| ObjectError::Encoding),
        false => Ok(entity.body.clone()),
    }
}

fn is_identity(encoding: TransferEncoding) -> bool {
    use TransferEncoding::{Binary, EightBit, SevenBit};
    matches!(encoding, SevenBit | EightBit | Binary)
}

/// `field-name ":"` (RFC 5322 §2.2).
fn begins_with_field(text: &str) -> bool {
    let name = text.split(['\r', '\n']).next().and_then(|line| line.split_once(':'));
    name.is_some_and(|(name, _)| {
        let name = name.trim_ascii_end();
        !name.is_empty() && name.bytes().all(|b| matches!(b, 33..=126))
    })
}

/// A bare base64 block (RFC 3923 Ex 6): an object only if it is a CMS ContentInfo.
fn headerless(text: &str) -> Option<SmimeObject> {
    let encoded = Bytes::copy_from_slice(text.as_bytes());
    let body = TransferEncoding::Base64.decode(&encoded).ok()?;
    let kind = content_info(&body)?;
    let content_type = format!("application/pkcs7-mime;smime-type={kind}");
    let media_type = MediaType::parse(&content_type).ok()?;
    Some(SmimeObject { headers: vec![("Content-Type", content_type)], media_type, body })
}

/// The smime-type of a CMS ContentInfo: a SEQUENCE that begins with one of the OIDs.
#[must_use]
pub fn content_info(octets: &[u8]) -> Option<&'static str> {
    let (0x30, rest) = (*octets.first()?, octets.get(1..)?) else { return None };
    let length = *rest.first()?;
    // X.690 §8.1.3: short, indefinite, or so many octets of length.
    let skip = if length > 0x80 { usize::from(length & 0x7F) } else { 0 };
    let content = rest.get(1 + skip..)?;
    let (6, length) = (*content.first()?, usize::from(*content.get(1)?)) else { return None };
    let oid = content.get(2..2 + length)?;
    CONTENT_INFO.iter().find(|(known, _)| *known == oid).map(|(_, kind)| *kind)
}

/// Whether a CR or LF stands outside a CRLF.
fn has_lone_line_end(octets: &[u8]) -> bool {
    memchr::memchr2_iter(b'\r', b'\n', octets).any(|at| match octets[at] {
        b'\r' => octets.get(at + 1) != Some(&b'\n'),
        _ => at == 0 || octets[at - 1] != b'\r',
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EX3: &str = "Content-Type: multipart/signed; boundary=next;\n              micalg=sha1;\n              \
        protocol=application/pkcs7-signature\n\n--next\nContent-type: Message/CPIM\n\nx  \n--next--";

    fn entity(content_type: &str, body: &[u8]) -> Entity {
        Entity::new(MediaType::parse(content_type).unwrap(), Bytes::copy_from_slice(body))
    }

    fn der() -> Vec<u8> {
        let mut der = vec![0x30, 0x82, 0x01, 0x00, 6, 9];
        der.extend_from_slice(CONTENT_INFO[1].0);
        der.extend_from_slice(&[0xA0, 0, 0xFF, b'\r', b'\n']);
        der
    }

    #[test]
    fn e2e_011_white_space_around_the_object_is_no_part_of_it() {
        let plain = SmimeObject::from_xml(EX3, false).unwrap();
        assert!(plain.body.starts_with(b"--next\r\n") && plain.body.ends_with(b"x  \r\n--next--"));
        for around in
            [format!("\n    {EX3}\n  "), format!("\r\n{EX3}\r\n"), EX3.replace('\n', "\r\n")]
        {
            assert_eq!(SmimeObject::from_xml(&around, false).unwrap(), plain);
        }
    }

    #[test]
    fn e2e_083_the_content_type_is_one_line() {
        let object = SmimeObject::from_xml(EX3, false).unwrap();
        let expected =
            "multipart/signed;boundary=next;micalg=sha1;protocol=\"application/pkcs7-signature\"";
        assert_eq!(object.headers, [("Content-Type", expected.to_owned())]);
    }

    #[test]
    fn e2e_015_a_bare_block_is_an_object_if_it_is_cms() {
        let block = BASE64_MIME.encode(&der());
        let object = SmimeObject::from_xml(&block.replace("\r\n", "\n"), false).unwrap();
        assert_eq!(object.headers[0].1, "application/pkcs7-mime;smime-type=enveloped-data");
        assert_eq!(&object.body[..], der());
        assert_eq!(SmimeObject::from_xml(&block, true), Err(ObjectError::Headerless));
        for other in ["U2FsdGVkX19okeKTlLxa", "hello world", "MA==", ""] {
            assert!(SmimeObject::from_xml(other, false).is_err(), "{other}");
        }
    }

    #[test]
    fn e2e_013_binary_becomes_base64_and_a_multipart_cannot() {
        let headers = [("Content-Type", "application/pkcs7-mime".to_owned())];
        let text =
            SmimeObject::to_xml(&entity("application/pkcs7-mime", &der()), &headers).unwrap();
        assert_eq!(&SmimeObject::from_xml(&text, false).unwrap().body[..], der());
        for bad in [&b"a\0"[..], b"\x07", b"\xE9", "\u{FFFF}".as_bytes()] {
            let multipart = entity("multipart/signed;boundary=b", bad);
            assert_eq!(SmimeObject::to_xml(&multipart, &[]), Err(NotXml::Character), "{bad:?}");
        }
    }

    #[test]
    fn e2e_084_line_ends_alone_cannot_cross() {
        for (body, crosses) in [
            (&b"a\r\nb\r\n"[..], true),
            (b"a\nb", false),
            (b"a\rb", false),
            (b"a\r\r\nb", false),
            (b"\n", false),
            (b"a\r", false),
        ] {
            let multipart = entity("multipart/signed;boundary=b", body);
            assert_eq!(SmimeObject::to_xml(&multipart, &[]).is_ok(), crosses, "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_from_outside_is_too_odd(text in "(Content-Type: [a-z/;=\" ]{0,20}\n)?\\PC{0,60}") {
            let _ = SmimeObject::from_xml(&text, false);
            let _ = content_info(text.as_bytes());
        }

        #[test]
        fn a_multipart_comes_back_octet_for_octet(lines in prop::collection::vec("[ -~\\t\u{e9}]{0,20}", 1..8)) {
            let body = format!("--b\r\n\r\n{}\r\n--b--", lines.join("\r\n"));
            let headers = [("Content-Type", "multipart/signed;boundary=b".to_owned())];
            let text = SmimeObject::to_xml(&entity(&headers[0].1, body.as_bytes()), &headers).unwrap();
            let through_xml = text.replace("\r\n", "\n");
            prop_assert_eq!(&SmimeObject::from_xml(&through_xml, false).unwrap().body[..], body.as_bytes());
        }
    }

    /// A parameter without a value: found by the fuzzer.
    #[test]
    fn what_was_read_from_xml_can_be_read_again() {
        let text = "Content-Type: multipart/alnternative;boundary=\n\nb--b\nContent-rnative;\
            boundaryype: mulry=b\n\n--b\nContent-Type: text/plain\n\n?OTRv23?\n--b\nContent-Te: text";
        if let Ok(object) = SmimeObject::from_xml(text, false) {
            let entity = Entity::new(object.media_type.clone(), object.body.clone());
            let written = SmimeObject::to_xml(&entity, &object.headers).unwrap();
            assert_eq!(SmimeObject::from_xml(&written.replace("\r\n", "\n"), false), Ok(object));
        }
    }
}
