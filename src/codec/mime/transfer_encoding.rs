//! `Content-Transfer-Encoding`, RFC 2045 §6.

use bytes::Bytes;
use mailparse::ParsedContentType;
use mailparse::body::Body;

/// Why a body cannot be decoded; always the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// RFC 2045 §6.8.
    #[error("malformed base64")]
    Base64,
    /// RFC 2045 §6.7.
    #[error("malformed quoted-printable")]
    QuotedPrintable,
}

/// How the body was made fit for transport, RFC 2045 §6.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TransferEncoding {
    /// RFC 2045 §2.7.
    SevenBit,
    /// RFC 2045 §2.8.
    EightBit,
    /// RFC 2045 §2.9; what SIP means where nothing is said (RFC 3261 §7.4).
    #[default]
    Binary,
    /// RFC 2045 §6.7.
    QuotedPrintable,
    /// RFC 2045 §6.8.
    Base64,
}

impl TransferEncoding {
    /// The encoding of that name, case ignored.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        const ALL: [TransferEncoding; 5] = [
            TransferEncoding::SevenBit,
            TransferEncoding::EightBit,
            TransferEncoding::Binary,
            TransferEncoding::QuotedPrintable,
            TransferEncoding::Base64,
        ];
        let name = name.trim_ascii();
        ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name))
    }

    /// The header field's value.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SevenBit => "7bit",
            Self::EightBit => "8bit",
            Self::Binary => "binary",
            Self::QuotedPrintable => "quoted-printable",
            Self::Base64 => "base64",
        }
    }

    /// The octets before encoding; the identity encodings share memory.
    ///
    /// # Errors
    /// [`TransferError`]
    pub fn decode(self, octets: &Bytes) -> Result<Bytes, TransferError> {
        let error = match self {
            Self::SevenBit | Self::EightBit | Self::Binary => return Ok(octets.clone()),
            Self::QuotedPrintable => TransferError::QuotedPrintable,
            Self::Base64 => TransferError::Base64,
        };
        let unused = ParsedContentType::default();
        match Body::new(octets, &unused, &Some(self.name().to_owned())) {
            Body::Base64(body) | Body::QuotedPrintable(body) => {
                body.get_decoded().map(Bytes::from).map_err(|_| error)
            }
            Body::SevenBit(_) | Body::EightBit(_) | Body::Binary(_) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(encoding: TransferEncoding, octets: &'static [u8]) -> Result<Vec<u8>, TransferError> {
        encoding.decode(&Bytes::from_static(octets)).map(Vec::from)
    }

    #[test]
    fn cpim_023_base64_and_quoted_printable() {
        assert_eq!(decode(TransferEncoding::Base64, b"SGVs\r\nbG8=\r\n").unwrap(), b"Hello");
        assert_eq!(decode(TransferEncoding::Base64, b"").unwrap(), b"");
        assert_eq!(
            decode(TransferEncoding::QuotedPrintable, b"caf=C3=A9=\r\n!").unwrap(),
            "caf\u{e9}!".as_bytes()
        );
        for broken in [&b"SGVsbG8"[..], b"SG*s", b"S"] {
            assert_eq!(decode(TransferEncoding::Base64, broken), Err(TransferError::Base64));
        }
    }

    #[test]
    fn identity_encodings_share_memory() {
        let octets = Bytes::from_static(b"a=3D");
        for encoding in
            [TransferEncoding::SevenBit, TransferEncoding::EightBit, TransferEncoding::Binary]
        {
            assert_eq!(encoding.decode(&octets).unwrap().as_ptr(), octets.as_ptr());
            assert_eq!(
                TransferEncoding::from_name(&encoding.name().to_uppercase()),
                Some(encoding)
            );
        }
        assert_eq!(TransferEncoding::from_name("x-uuencode"), None);
    }
}
