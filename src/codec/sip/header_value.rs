//! Header field values: nothing that could end a line gets into one.

use bytes::Bytes;

use super::token::ValueError;
use super::{Text, chars};

/// The value of a header field, on one line, without white space at its ends.
///
/// It holds no CR, LF or other control, tab excepted; a received value may also hold a control
/// (never CR or LF) after a backslash within quotes, which RFC 3261 §25.1 allows (`quoted-pair`)
/// and RFC 4475 §3.1.1.2 tests. Octets that are not UTF-8 are kept as they are.
#[derive(Clone, Debug)]
pub struct HeaderValue(Repr);

#[derive(Clone, Debug)]
enum Repr {
    Text(Text),
    Octets(Bytes),
}

impl HeaderValue {
    /// A value of this text; controls become spaces, and white space at the ends is cut.
    #[must_use]
    pub fn text(text: &str) -> HeaderValue {
        HeaderValue(Repr::Text(clean(text)))
    }

    /// A value of shared text, copied only if something has to be replaced.
    #[must_use]
    pub fn shared(text: &Text) -> HeaderValue {
        if !text.contains(char::is_control) {
            return HeaderValue(Repr::Text(text.slice_ref(chars::trim(text))));
        }
        HeaderValue::text(text)
    }

    /// A received value, unfolded. Fails on a control that is neither a tab nor escaped.
    pub fn parsed(octets: Bytes) -> Result<HeaderValue, ValueError> {
        if !Quotes::default().allow(&octets) {
            return Err(ValueError::Character);
        }
        Ok(HeaderValue::from_legal(octets.slice_ref(chars::trim_octets(&octets))))
    }

    /// Octets known to be legal and trimmed.
    pub(super) fn from_legal(octets: Bytes) -> HeaderValue {
        match Text::try_from(octets.clone()) {
            Ok(text) => HeaderValue(Repr::Text(text)),
            Err(_) => HeaderValue(Repr::Octets(octets)),
        }
    }

    /// Text known to be legal and trimmed.
    pub(super) fn from_legal_text(text: Text) -> HeaderValue {
        HeaderValue(Repr::Text(text))
    }

    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Text(text) => text.as_bytes(),
            Repr::Octets(octets) => octets,
        }
    }

    /// The octets as a shared slice.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        match &self.0 {
            Repr::Text(text) => text.as_bytes().clone(),
            Repr::Octets(octets) => octets.clone(),
        }
    }

    /// The text, if the octets are UTF-8.
    #[must_use]
    pub fn as_text(&self) -> Option<&Text> {
        match &self.0 {
            Repr::Text(text) => Some(text),
            Repr::Octets(_) => None,
        }
    }

    /// The text, if the octets are UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.as_text().map(|text| &**text)
    }

    /// The text; octets that are not UTF-8 are read as Latin-1, which RFC 2543 allowed.
    #[must_use]
    pub fn to_text(&self) -> Text {
        match &self.0 {
            Repr::Text(text) => text.clone(),
            Repr::Octets(octets) => {
                octets.iter().map(|&b| char::from(b)).collect::<String>().into()
            }
        }
    }

    /// A copy which does not keep the received buffer alive.
    #[must_use]
    pub fn detached(&self) -> HeaderValue {
        HeaderValue(match &self.0 {
            Repr::Text(text) => Repr::Text(super::detach(text)),
            Repr::Octets(octets) => Repr::Octets(Bytes::copy_from_slice(octets)),
        })
    }
}

/// Where a value stands between quotes: only there may a control follow a backslash.
#[derive(Clone, Copy, Default)]
pub(super) struct Quotes {
    quoted: bool,
    escaped: bool,
}

impl Quotes {
    /// Whether every control in the octets, which go on from those before, is a tab or part of a
    /// `quoted-pair`, and neither CR nor LF.
    pub(super) fn allow(&mut self, octets: &[u8]) -> bool {
        octets.iter().all(|&b| {
            let escaped = std::mem::take(&mut self.escaped);
            match b {
                _ if escaped => {}
                b'"' => self.quoted = !self.quoted,
                b'\\' => self.escaped = self.quoted,
                _ => {}
            }
            let is_pair = escaped && b != b'\r' && b != b'\n';
            !chars::is(b, chars::CONTROL) || b == b'\t' || is_pair
        })
    }
}

fn clean(text: &str) -> Text {
    if !text.contains(char::is_control) {
        return chars::trim(text).into();
    }
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    chars::trim(&clean).into()
}

impl PartialEq for HeaderValue {
    fn eq(&self, other: &HeaderValue) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for HeaderValue {}

impl std::hash::Hash for HeaderValue {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl From<&str> for HeaderValue {
    fn from(text: &str) -> HeaderValue {
        HeaderValue::text(text)
    }
}

impl From<String> for HeaderValue {
    fn from(text: String) -> HeaderValue {
        HeaderValue::shared(&text.into())
    }
}

impl From<&Text> for HeaderValue {
    fn from(text: &Text) -> HeaderValue {
        HeaderValue::shared(text)
    }
}

impl From<Text> for HeaderValue {
    fn from(text: Text) -> HeaderValue {
        HeaderValue::shared(&text)
    }
}

impl From<u32> for HeaderValue {
    fn from(number: u32) -> HeaderValue {
        HeaderValue(Repr::Text(number.to_string().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_line() {
        assert_eq!(HeaderValue::text(" a\r\nX: y\0\u{85}\t").as_bytes(), b"a  X: y");
        assert_eq!(HeaderValue::from(String::from("a\nb")).as_str(), Some("a b"));
        for bad in ["a\r\nb", "a\nb", "a\0b", "a\u{7f}b", "a\\\nb", "a\\\rb"] {
            assert!(HeaderValue::parsed(bad.into()).is_err(), "{bad:?}");
        }
        for bad in ["a\tb\\\0", "\"\\\\\0\"", "\"\" \\\0", "\"\\\"\" \\\0"] {
            assert!(HeaderValue::parsed(bad.into()).is_err(), "not a quoted pair: {bad:?}");
        }
        for good in ["\"a\tb\\\0\"", "x \"\\\\\\\0\" y", "\"\\\"\\\0\""] {
            assert_eq!(HeaderValue::parsed(good.into()).unwrap().as_bytes(), good.as_bytes());
        }
    }

    #[test]
    fn latin_1_is_kept() {
        let value = HeaderValue::parsed(Bytes::from_static(b"Zo\xeb")).unwrap();
        assert_eq!((value.as_str(), value.as_bytes()), (None, &b"Zo\xeb"[..]));
        assert_eq!(&*value.to_text(), "Zoë");
    }
}
