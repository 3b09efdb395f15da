//! A MIME entity: header fields, blank line, body, RFC 2045 §2.4.

use bytes::Bytes;

use super::charset::{Charset, CharsetError};
use super::media_type::MediaType;
use super::parameter;
use super::transfer_encoding::{TransferEncoding, TransferError};
use super::{Text, split_line};

/// Header fields one entity may have.
const MAX_HEADERS: usize = 64;
/// Octets of one header field, folded lines included.
const MAX_HEADER_OCTETS: usize = 8_192;

/// Why octets are no entity; always the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntityError {
    /// A line that is neither a field nor the continuation of one.
    #[error("a line in the MIME header that is no header field")]
    HeaderLine,
    /// RFC 2045 §2.8: header fields are text.
    #[error("MIME header is not UTF-8")]
    HeaderNotUtf8,
    /// More than 64 fields, or one longer than 8192 octets.
    #[error("MIME header too large")]
    HeaderTooLarge,
    /// RFC 2045 §5.1.
    #[error("malformed Content-Type")]
    ContentType,
    /// RFC 2045 §6.1: an encoding nobody registered.
    #[error("unknown Content-Transfer-Encoding")]
    TransferEncoding,
}

/// Why a body is no text; always the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// The transfer encoding is broken.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// A character set that is not understood; the content as such may be
    /// well.
    #[error("unknown character set")]
    UnknownCharset,
    /// The octets are not of the character set named.
    #[error(transparent)]
    Charset(#[from] CharsetError),
}

/// One header field, folding removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Field name as written.
    pub name: Text,
    /// Field value as written, without white space at its ends.
    pub value: Text,
}

/// What to do with a body that is not understood, RFC 3261 §20.11.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Handling {
    /// The message must be refused with 415.
    #[default]
    Required,
    /// The body may be ignored.
    Optional,
}

/// `Content-Disposition`, RFC 2183 §2 and RFC 3261 §20.11.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposition {
    /// The type in lower case: `render`, `session`, `attachment`,
    /// `notification` (RFC 5438 §13.3) and so on.
    pub kind: Text,
    /// The `handling` parameter.
    pub handling: Handling,
}

impl Disposition {
    /// Parses a field value; unknown handling values count as required, and so does whatever
    /// cannot be read.
    #[must_use]
    pub fn parse(value: &str) -> Self {
        let (kind, parameters) = parameter::split(value);
        let kind = kind.to_ascii_lowercase();
        let mut handling = parameters
            .unwrap_or_default()
            .into_iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("handling"));
        // One that is said twice in two ways is not said.
        let is_optional = match (handling.next(), handling.next()) {
            (Some((_, value)), None) => value.eq_ignore_ascii_case("optional"),
            _ => false,
        };
        let handling = if is_optional { Handling::Optional } else { Handling::Required };
        Self { kind: kind.into(), handling }
    }
}

/// A MIME entity, RFC 2045 §2.4. Its texts and body share the memory of the
/// octets it was parsed from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entity {
    /// All header fields in order.
    pub headers: Vec<Header>,
    /// RFC 2045 §5; `None` if absent (`text/plain` by §5.2).
    pub content_type: Option<MediaType>,
    /// RFC 2045 §6.
    pub transfer_encoding: TransferEncoding,
    /// RFC 2183.
    pub disposition: Option<Disposition>,
    /// RFC 2045 §7, without angle brackets.
    pub content_id: Option<Text>,
    /// The first tag of `Content-Language`, RFC 3282 §2.
    pub language: Option<Text>,
    /// The body as it came, transfer encoding not removed.
    pub body: Bytes,
}

impl Entity {
    /// An entity whose header is known from elsewhere, for instance from the
    /// SIP message.
    #[must_use]
    pub fn new(content_type: MediaType, body: Bytes) -> Self {
        Self { content_type: Some(content_type), body, ..Self::default() }
    }

    /// Parses header fields, blank line and body; the header may be empty.
    ///
    /// Lines end with CRLF or, leniently, with LF.
    ///
    /// # Errors
    /// [`EntityError`]; the body is not looked at.
    pub fn parse(octets: Bytes) -> Result<Self, EntityError> {
        let mut entity = Self::default();
        let mut rest: &[u8] = &octets;
        while !rest.is_empty() {
            let (line, tail) = split_line(rest);
            if line.is_empty() {
                rest = tail;
                break;
            }
            let (field, tail) = split_field(rest);
            rest = tail;
            if entity.headers.len() == MAX_HEADERS || field.len() > MAX_HEADER_OCTETS {
                return Err(EntityError::HeaderTooLarge);
            }
            let field = Text::try_from(octets.slice_ref(field));
            let header = parse_field(&field.map_err(|_| EntityError::HeaderNotUtf8)?)?;
            entity.take(&header)?;
            entity.headers.push(header);
        }
        entity.body = octets.slice_ref(rest);
        Ok(entity)
    }

    /// Value of the first field of that name, case ignored.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&Text> {
        self.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name)).map(|h| &h.value)
    }

    /// True if the type is `essence` (lower case), or is absent and `essence`
    /// is what RFC 2045 §5.2 makes of that.
    #[must_use]
    pub fn is(&self, essence: &str) -> bool {
        self.content_type.as_ref().map_or(essence == "text/plain", |t| t.is(essence))
    }

    /// What it is called as a file: `name` of its Content-Type, `filename` of its
    /// Content-Disposition (RFC 2183 §2.3), each in every spelling of RFC 2231 and RFC 2047.
    pub fn file_names(&self) -> impl Iterator<Item = String> {
        let is_named = |header: &&Header| {
            let names = ["Content-Type", "Content-Disposition"];
            names.iter().any(|name| header.name.eq_ignore_ascii_case(name))
        };
        let whole = self.headers.iter().filter(is_named).map(|header| header.value.to_string());
        let parsed = self.content_type.as_ref().filter(|_| self.headers.is_empty());
        whole.chain(parsed.map(ToString::to_string)).flat_map(|value| parameter::file_names(&value))
    }

    /// The body, transfer encoding removed.
    ///
    /// # Errors
    /// [`TransferError`]
    pub fn decoded(&self) -> Result<Bytes, TransferError> {
        self.transfer_encoding.decode(&self.body)
    }

    /// The body as text. Without a charset parameter it is UTF-8
    /// (RFC 3261 §20.15; in MIME proper it would be US-ASCII, a subset).
    ///
    /// # Errors
    /// [`TextError`]
    pub fn text(&self) -> Result<Text, TextError> {
        let name = self.content_type.as_ref().and_then(MediaType::charset);
        let charset = match name {
            None => Charset::Utf8,
            Some(name) => Charset::from_name(name).ok_or(TextError::UnknownCharset)?,
        };
        Ok(charset.decode(self.decoded()?)?)
    }

    /// Takes note of the fields that have a meaning here; the first of a kind
    /// wins.
    fn take(&mut self, header: &Header) -> Result<(), EntityError> {
        let (name, value) = (&header.name, &header.value);
        if name.eq_ignore_ascii_case("content-type") {
            if self.content_type.is_none() {
                let parsed = MediaType::parse(value).map_err(|_| EntityError::ContentType)?;
                self.content_type = Some(parsed);
            }
        } else if name.eq_ignore_ascii_case("content-transfer-encoding") {
            self.transfer_encoding =
                TransferEncoding::from_name(value).ok_or(EntityError::TransferEncoding)?;
        } else if name.eq_ignore_ascii_case("content-disposition") {
            self.disposition.get_or_insert_with(|| Disposition::parse(value));
        } else if name.eq_ignore_ascii_case("content-id") {
            let id = value.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(value);
            self.content_id.get_or_insert_with(|| value.slice_ref(id));
        } else if name.eq_ignore_ascii_case("content-language") {
            let tag = value.split(',').next().unwrap_or_default().trim_ascii();
            if !tag.is_empty() {
                self.language.get_or_insert_with(|| value.slice_ref(tag));
            }
        }
        Ok(())
    }
}

/// Cuts off one field with its continuation lines, RFC 5322 §2.2.3.
fn split_field(octets: &[u8]) -> (&[u8], &[u8]) {
    let mut end = 0;
    loop {
        let (_, tail) = split_line(&octets[end..]);
        end = octets.len() - tail.len();
        if !matches!(tail.first(), Some(b' ' | b'\t')) {
            return (&octets[..end], tail);
        }
    }
}

fn parse_field(field: &Text) -> Result<Header, EntityError> {
    let (name, value) = field.split_once(':').ok_or(EntityError::HeaderLine)?;
    // White space before the colon is obsolete syntax, RFC 5322 §4.5.
    let name = name.trim_ascii_end();
    let is_name_char = |b: u8| matches!(b, 33..=126);
    if name.is_empty() || !name.bytes().all(is_name_char) {
        return Err(EntityError::HeaderLine);
    }
    let value = value.trim_ascii();
    let value = if value.contains(['\r', '\n']) {
        let lines = value.split('\n').map(str::trim_ascii);
        Text::from(lines.collect::<Vec<_>>().join(" "))
    } else {
        field.slice_ref(value)
    };
    Ok(Header { name: field.slice_ref(name), value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Entity, EntityError> {
        Entity::parse(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn every_field_is_read() {
        let entity = parse(
            "Content-Type: text/plain;\r\n charset=\"utf-8\"\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\
             Content-Disposition: Render; handling=\"Optional\"\r\nContent-ID: <a@b>\r\n\
             CONTENT-LANGUAGE: cs, en\r\nX-Other:\r\n\r\ncaf=C3=A9\r\n",
        )
        .unwrap();
        assert_eq!(entity.content_type.as_ref().unwrap().charset(), Some("utf-8"));
        assert_eq!(entity.transfer_encoding, TransferEncoding::QuotedPrintable);
        let disposition = entity.disposition.clone().unwrap();
        assert_eq!((&*disposition.kind, disposition.handling), ("render", Handling::Optional));
        assert_eq!(entity.content_id.as_deref(), Some("a@b"));
        assert_eq!(entity.language.as_deref(), Some("cs"));
        assert_eq!(entity.header("x-other").unwrap(), "");
        assert_eq!(entity.headers.len(), 6);
        assert_eq!(entity.header("content-type").unwrap(), "text/plain; charset=\"utf-8\"");
        assert_eq!(entity.text().unwrap(), "caf\u{e9}\r\n");
    }

    #[test]
    fn header_and_body_may_be_empty() {
        assert_eq!(&*parse("\r\nHello").unwrap().body, b"Hello");
        assert_eq!(&*parse("\nHello").unwrap().body, b"Hello");
        assert_eq!(parse("").unwrap(), Entity::default());
        let headers_only = parse("Content-Type: text/html").unwrap();
        assert!(headers_only.is("text/html") && headers_only.body.is_empty());
        assert!(parse("\r\nx").unwrap().is("text/plain"), "RFC 2045 section 5.2");
    }

    #[test]
    fn what_is_no_header() {
        assert_eq!(parse("Hello\r\n\r\n").unwrap_err(), EntityError::HeaderLine);
        assert_eq!(parse(": x\r\n\r\n").unwrap_err(), EntityError::HeaderLine);
        assert_eq!(parse(" x: y\r\n\r\n").unwrap_err(), EntityError::HeaderLine);
        assert_eq!(parse("Content-Type: text\r\n\r\n").unwrap_err(), EntityError::ContentType);
        assert_eq!(
            parse("Content-Transfer-Encoding: rot13\r\n\r\n").unwrap_err(),
            EntityError::TransferEncoding
        );
        let octets = Bytes::from_static(b"X: \xFF\r\n\r\n");
        assert_eq!(Entity::parse(octets).unwrap_err(), EntityError::HeaderNotUtf8);
        assert_eq!(parse(&"X: y\r\n".repeat(65)).unwrap_err(), EntityError::HeaderTooLarge);
        assert_eq!(
            parse(&format!("X: {}\r\n", "y".repeat(9_000))).unwrap_err(),
            EntityError::HeaderTooLarge
        );
    }

    #[test]
    fn msg_052_text_by_character_set() {
        let text = |charset: &str, body: &'static [u8]| {
            let media_type = MediaType::parse(&format!("text/plain{charset}")).unwrap();
            Entity::new(media_type, Bytes::from_static(body)).text()
        };
        assert_eq!(text("", b"\xC3\xA9").unwrap(), "\u{e9}");
        assert_eq!(text("; charset=ISO-8859-1", b"\xE9").unwrap(), "\u{e9}");
        assert_eq!(text("; charset=koi8-r", b"x"), Err(TextError::UnknownCharset));
        assert_eq!(text("", b"\xE9"), Err(TextError::Charset(CharsetError::NotUtf8)));
    }

    #[test]
    fn handling_is_required_unless_said_otherwise() {
        for value in [
            "session",
            "session;handling=required",
            "render; handling=foo",
            "",
            "x;handling",
            "x;filename=\"a;handling=optional;b\"",
            "x;filename=\"a\\\";handling=optional;b\"",
            "x;filename=\"a;handling=optional",
            "x;handling=optional;handling=required",
        ] {
            assert_eq!(Disposition::parse(value).handling, Handling::Required, "{value}");
        }
        for value in [
            " X ; HANDLING = optional",
            "x;filename=\"a;b\";handling=optional",
            "x;handling=\"optional\";",
        ] {
            let disposition = Disposition::parse(value);
            assert_eq!((&*disposition.kind, disposition.handling), ("x", Handling::Optional));
        }
    }

    /// An entity as it would be written, its header fields as they were read.
    fn written(entity: &Entity) -> Vec<u8> {
        let mut out = Vec::new();
        for Header { name, value } in &entity.headers {
            out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&entity.body);
        out
    }

    proptest! {
        #[test]
        fn anything_parses_or_fails_without_panic(octets in prop::collection::vec(any::<u8>(), 0..80), text in "([A-Za-z-]{0,3}[:;= \t\r\n<>]{1,2}){0,20}") {
            let _ = Entity::parse(octets.into());
            let _ = parse(&text);
            let _ = parse(&format!("Content-Type: {text}"));
            let _ = parse(&format!("Content-Disposition: {text}"));
        }

        #[test]
        fn what_is_read_is_written_and_reads_the_same(
            fields in prop::collection::vec(("[A-Za-z-]{1,8}", "[ -~\u{e9}]{0,12}|[a-z]{1,4}(\r\n[ \t][a-z]{1,4}){1,2}"), 0..5),
            known in "(Content-Type: text/plain; charset=utf-8\r\n)?(Content-ID: <a@b>\r\n)?(Content-Language: cs, en\r\n)?",
            body in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let head: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let octets = [known.as_bytes(), head.as_bytes(), b"\r\n", &body].concat();
            if let Ok(entity) = Entity::parse(octets.into()) {
                prop_assert_eq!(&entity.body[..], &body[..]);
                let once = written(&entity);
                let again = Entity::parse(once.clone().into()).unwrap();
                prop_assert_eq!(written(&again), once);
                prop_assert_eq!(again, entity);
            }
        }
    }
}
