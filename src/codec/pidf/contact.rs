//! `<contact/>`, RFC 3863 §4.1.5.

use super::note::write_end;
use super::source::Source;
use super::{Malformed, Text};
use crate::codec::sip::thousandths;
use crate::codec::xml::escape::{write_attribute, write_text};

/// Where a tuple can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The URI as written, never empty; its schemes are many, and it is not looked into.
    pub uri: Text,
    /// `None` counts as the lowest, RFC 3863 §4.1.5.
    pub priority: Option<Priority>,
}

/// The relative priority of a contact, in thousandths: 0 to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(u16);

impl Priority {
    /// That many thousandths; `None` above 1000.
    #[must_use]
    pub const fn new(thousandths: u16) -> Option<Self> {
        if thousandths <= 1000 { Some(Self(thousandths)) } else { None }
    }

    /// The priority in thousandths.
    #[must_use]
    pub const fn thousandths(self) -> u16 {
        self.0
    }

    /// Parses `qvalue` as erratum 1606 corrects it: `0(\.\d{0,3})?` or `1(\.0{0,3})?`, the grammar
    /// of SIP.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        thousandths(text).ok().map(Self)
    }
}

impl std::fmt::Display for Priority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            0 => f.write_str("0"),
            1000 => f.write_str("1"),
            n => f.write_str(format!("0.{n:03}").trim_end_matches('0')),
        }
    }
}

impl Contact {
    /// Reads the contact just opened; one without a URI is none.
    pub(super) fn read(source: &mut Source<'_>) -> Result<Option<Self>, Malformed> {
        let priority = source.attribute("priority").and_then(|text| Priority::parse(&text));
        let uri = source.text()?;
        Ok((!uri.is_empty()).then_some(Self { uri, priority }))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<contact");
        if let Some(priority) = self.priority {
            write_attribute(out, "priority", &priority.to_string());
        }
        out.push(b'>');
        write_text(out, &self.uri);
        write_end(out, "contact");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_as_the_erratum_has_them() {
        for (text, value, written) in [
            ("0", 0, "0"),
            ("0.", 0, "0"),
            ("0.8", 800, "0.8"),
            ("0.65", 650, "0.65"),
            ("0.102", 102, "0.102"),
            ("0.007", 7, "0.007"),
            ("1", 1000, "1"),
            ("1.00", 1000, "1"),
            ("1.000", 1000, "1"),
        ] {
            let priority = Priority::parse(text).unwrap();
            assert_eq!((priority.thousandths(), &*priority.to_string()), (value, written));
        }
        for bad in [".5", "1.5", "-0.1", "0.1234", "x", "", "+0.5", "0,5", "1e0", "00.5", "1.001"] {
            assert_eq!(Priority::parse(bad), None, "{bad}");
        }
        assert!(Priority::new(1000).is_some() && Priority::new(1001).is_none());
    }
}
