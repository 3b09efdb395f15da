//! The encoding declaration, XML 1.0 §4.3.3.

/// Octets that are looked at: no declaration is longer.
const MOST: usize = 256;

/// The name of the encoding that a document of octets declares, if it declares one in a charset
/// that has ASCII for its part.
#[must_use]
pub fn declared_encoding(octets: &[u8]) -> Option<&str> {
    let head = &octets[..octets.len().min(MOST)];
    let rest = head.strip_prefix(b"<?xml")?;
    let end = rest.windows(2).position(|two| two == b"?>")?;
    let declaration = std::str::from_utf8(&rest[..end]).ok()?;
    let (_, rest) = declaration.split_once("encoding")?;
    let value = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let (name, _) = value[1..].split_once(quote)?;
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_that_is_declared() {
        for (document, encoding) in [
            ("<?xml version='1.0' encoding='ISO-8859-1'?><a/>", Some("ISO-8859-1")),
            ("<?xml version=\"1.0\" encoding = \"utf-8\" standalone=\"no\" ?><a/>", Some("utf-8")),
            ("<?xml version='1.0'?><a encoding='latin1'/>", None),
            ("<?xml version='1.0' encoding=latin1?><a/>", None),
            ("<?xml version='1.0' encoding='latin1", None),
            ("<a encoding='latin1'/>", None),
            ("<?xml", None),
            ("", None),
        ] {
            assert_eq!(declared_encoding(document.as_bytes()), encoding, "{document}");
        }
        assert_eq!(declared_encoding(b"<?xml encoding='\xE9'?>"), None);
    }
}
