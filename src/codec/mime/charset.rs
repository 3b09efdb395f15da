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
            Self::Utf8 => Text::try_from(octets).map_err(|_| CharsetError::NotUtf8),
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
