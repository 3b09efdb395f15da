//! Character sets of text bodies, RFC 2046 §4.1.2.

use bytes::Bytes;

use super::Text;

/// Why octets are not text of a character set; always the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CharsetError {
    /// Not UTF-8, RFC 3629.
    #[error("not valid UTF-8")]
    NotUtf8,
    /// An octet above 127 in US-ASCII.
    #[error("not US-ASCII")]
    NotAscii,
    /// An octet windows-1252 does not define.
    #[error("not windows-1252")]
    NotWindows1252,
}

/// The character sets understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Charset {
    /// RFC 3629.
    Utf8,
    /// ISO 646.
    UsAscii,
    /// ISO 8859-1.
    Iso8859_1,
    /// IANA windows-1252.
    Windows1252,
}

impl Charset {
    /// The character set of that name or alias, case ignored.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        const NAMES: [(&str, Charset); 9] = [
            ("utf-8", Charset::Utf8),
            ("utf8", Charset::Utf8),
            ("us-ascii", Charset::UsAscii),
            ("ascii", Charset::UsAscii),
            ("iso-8859-1", Charset::Iso8859_1),
            ("iso8859-1", Charset::Iso8859_1),
            ("latin1", Charset::Iso8859_1),
            ("windows-1252", Charset::Windows1252),
            ("cp1252", Charset::Windows1252),
        ];
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, set)| *set)
    }

    /// The octets as text; UTF-8 and US-ASCII share their memory.
    ///
    /// # Errors
    /// [`CharsetError`]: nothing is ever replaced in silence.
    pub fn decode(self, octets: Bytes) -> Result<Text, CharsetError> {
        match self {
            Self::Utf8 => {
                let text = Text::try_from(octets).map_err(|_| CharsetError::NotUtf8)?;
                // A byte order mark is a signature and no part of the text (RFC 3629 §6).
                Ok(text.strip_prefix('\u{FEFF}').map_or(text.clone(), |rest| text.slice_ref(rest)))
            }
            Self::UsAscii if !octets.is_ascii() => Err(CharsetError::NotAscii),
            Self::UsAscii => Text::try_from(octets).map_err(|_| CharsetError::NotAscii),
            Self::Iso8859_1 => Ok(octets.iter().map(|&b| char::from(b)).collect::<String>().into()),
            Self::Windows1252 => {
                let text: Option<String> = octets.iter().map(|&b| windows_1252(b)).collect();
                text.map(Text::from).ok_or(CharsetError::NotWindows1252)
            }
        }
    }
}

fn windows_1252(b: u8) -> Option<char> {
    const HIGH: [char; 32] = [
        '\u{20AC}', '\0', '\u{201A}', '\u{192}', '\u{201E}', '\u{2026}', '\u{2020}', '\u{2021}',
        '\u{2C6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\0', '\u{17D}', '\0', '\0',
        '\u{2018}', '\u{2019}', '\u{201C}', '\u{201D}', '\u{2022}', '\u{2013}', '\u{2014}',
        '\u{2DC}', '\u{2122}', '\u{161}', '\u{203A}', '\u{153}', '\0', '\u{17E}', '\u{178}',
    ];
    match b {
        0x80..=0x9F => Some(HIGH[usize::from(b - 0x80)]).filter(|&c| c != '\0'),
        _ => Some(char::from(b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(name: &str, octets: &'static [u8]) -> Result<String, CharsetError> {
        let text = Charset::from_name(name).unwrap().decode(Bytes::from_static(octets));
        text.map(|text| text.to_string())
    }

    #[test]
    fn msg_052_character_sets() {
        assert_eq!(decode("UTF-8", "\u{e9}".as_bytes()).unwrap(), "\u{e9}");
        assert_eq!(decode("US-ASCII", b"a").unwrap(), "a");
        assert_eq!(decode("ISO-8859-1", b"\xE9\x80").unwrap(), "\u{e9}\u{80}");
        assert_eq!(decode("windows-1252", b"\xE9\x80\x92").unwrap(), "\u{e9}\u{20AC}\u{2019}");
        assert_eq!(Charset::from_name("koi8-r"), None);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        assert_eq!(decode("utf-8", b"\xEF\xBB\xBFciao").unwrap(), "ciao");
        assert_eq!(decode("utf-8", b"\xEF\xBB\xBF").unwrap(), "");
        let twice = b"\xEF\xBB\xBF\xEF\xBB\xBFa\xEF\xBB\xBF";
        assert_eq!(decode("utf-8", twice).unwrap(), "\u{FEFF}a\u{FEFF}");
    }

    #[test]
    fn nothing_is_replaced_in_silence() {
        for octets in [&b"\xFF"[..], b"\xC0\xAF", b"\xED\xA0\x80", b"\xE2\x82"] {
            assert_eq!(decode("utf-8", octets), Err(CharsetError::NotUtf8));
        }
        assert_eq!(decode("us-ascii", b"\x80"), Err(CharsetError::NotAscii));
        for octets in [&b"\x81"[..], b"\x8D", b"\x8F", b"\x90", b"\x9D"] {
            assert_eq!(decode("windows-1252", octets), Err(CharsetError::NotWindows1252));
        }
    }
}
