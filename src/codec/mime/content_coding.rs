//! `Content-Encoding`, RFC 3261 §20.12, with the codings of RFC 9110 §8.4.1.

use std::io::Read;

use bytes::Bytes;
use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};

/// Why a coded body cannot be read; always the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodingError {
    /// Not what the coding says, or cut short.
    #[error("the body is not in its Content-Encoding")]
    Malformed,
    /// More octets than the bound.
    #[error("the body inflates to too many octets")]
    TooLarge,
}

/// The content codings that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentCoding {
    /// Nothing was done.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950 (zlib), as the name means, or bare RFC 1951, as some send it.
    Deflate,
}

impl ContentCoding {
    /// What is read, for an Accept-Encoding (RFC 3261 §20.2).
    pub const ACCEPTED: &str = "gzip, deflate, identity";

    /// The coding of that name, case ignored.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        const NAMES: [(&str, ContentCoding); 4] = [
            ("identity", ContentCoding::Identity),
            ("gzip", ContentCoding::Gzip),
            ("x-gzip", ContentCoding::Gzip),
            ("deflate", ContentCoding::Deflate),
        ];
        let name = name.trim_ascii();
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, coding)| *coding)
    }

    /// The octets before coding, at most `bound` of them; identity shares memory and has no bound.
    ///
    /// # Errors
    /// [`CodingError`]
    pub fn decode(self, octets: &Bytes, bound: usize) -> Result<Bytes, CodingError> {
        match self {
            Self::Identity => Ok(octets.clone()),
            Self::Gzip => inflate(GzDecoder::new(&octets[..]), bound),
            Self::Deflate => match inflate(ZlibDecoder::new(&octets[..]), bound) {
                Err(CodingError::Malformed) => inflate(DeflateDecoder::new(&octets[..]), bound),
                decided => decided,
            },
        }
    }
}

/// Reads to the end of the stream; one that is cut short is an error of its reader.
fn inflate(reader: impl Read, bound: usize) -> Result<Bytes, CodingError> {
    let mut out = Vec::new();
    let one_more = u64::try_from(bound).unwrap_or(u64::MAX).saturating_add(1);
    let read = reader.take(one_more).read_to_end(&mut out);
    if out.len() > bound {
        return Err(CodingError::TooLarge);
    }
    read.map(|_| out.into()).map_err(|_| CodingError::Malformed)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn coded(text: &[u8]) -> [(ContentCoding, Bytes); 3] {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(text).unwrap();
        zlib.write_all(text).unwrap();
        raw.write_all(text).unwrap();
        [
            (ContentCoding::Gzip, gzip.finish().unwrap().into()),
            (ContentCoding::Deflate, zlib.finish().unwrap().into()),
            (ContentCoding::Deflate, raw.finish().unwrap().into()),
        ]
    }

    #[test]
    fn names() {
        assert_eq!(ContentCoding::from_name("GZIP"), Some(ContentCoding::Gzip));
        assert_eq!(ContentCoding::from_name(" x-gzip"), Some(ContentCoding::Gzip));
        assert_eq!(ContentCoding::from_name("br"), None);
        for name in ContentCoding::ACCEPTED.split(", ") {
            assert!(ContentCoding::from_name(name).is_some(), "{name} is promised");
        }
    }

    #[test]
    fn the_bound_is_exact() {
        for length in [1, 64, 1_000, 100_000] {
            let text = vec![b'a'; length];
            for (coding, octets) in coded(&text) {
                assert_eq!(coding.decode(&octets, length).unwrap(), &text[..]);
                assert_eq!(coding.decode(&octets, length - 1), Err(CodingError::TooLarge));
            }
        }
    }

    #[test]
    fn what_is_cut_short_or_something_else_is_refused() {
        for (coding, octets) in coded(b"Neither, fair saint, if either thee dislike.") {
            for length in 0..octets.len() {
                let cut = coding.decode(&octets.slice(..length), 1_000);
                assert_eq!(cut, Err(CodingError::Malformed), "{coding:?} {length}");
            }
            let other = coding.decode(&Bytes::from_static(b"\xff\xffplain"), 1_000);
            assert_eq!(other, Err(CodingError::Malformed));
        }
    }

    proptest! {
        #[test]
        fn what_is_coded_reads_back(text in prop::collection::vec(any::<u8>(), 0..300)) {
            for (coding, octets) in coded(&text) {
                prop_assert_eq!(&coding.decode(&octets, 300).unwrap()[..], &text[..]);
            }
        }

        #[test]
        fn anything_decodes_within_the_bound_or_fails(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            for coding in [ContentCoding::Gzip, ContentCoding::Deflate] {
                if let Ok(out) = coding.decode(&octets.clone().into(), 500) {
                    prop_assert!(out.len() <= 500);
                }
            }
        }
    }
}
