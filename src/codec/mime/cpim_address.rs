//! Values of the CPIM headers From, To and cc, RFC 3862 §4.1 to §4.3.

use super::cpim_header::quoted_end;
use super::{Text, cpim_escape};

/// `[ Formal-name ] "<" URI ">"`, RFC 3862 §4.1. The URI is not looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpimAddress {
    /// Formal-name, escapes resolved.
    pub formal_name: Option<Text>,
    /// What stands between the angle brackets.
    pub uri: Text,
    /// A `gr` parameter written behind the brackets, as the examples of
    /// RFC 7702 have it; read as if it stood within.
    pub gr_outside: Option<Text>,
}

impl CpimAddress {
    /// Parses a header value.
    ///
    /// Accepted are tokens, a quoted string with or without a space before the
    /// bracket, and parameters behind it. A URI without brackets is accepted
    /// if nothing else is in the value.
    #[must_use]
    pub fn parse(value: &Text) -> Option<Self> {
        let text = value.trim_ascii();
        if !text.contains('<') {
            let is_uri = text.contains(':') && !text.contains([' ', '\t', '"', '>']);
            return is_uri.then(|| Self {
                formal_name: None,
                uri: value.slice_ref(text),
                gr_outside: None,
            });
        }
        let (name, rest) = match text.strip_prefix('"') {
            Some(quoted) => {
                let end = quoted_end(quoted)?;
                (&quoted[..end], quoted[end + 1..].trim_ascii_start())
            }
            None => {
                let at = text.find('<')?;
                (text[..at].trim_ascii_end(), &text[at..])
            }
        };
        let (uri, after) = rest.strip_prefix('<')?.split_once('>')?;
        let uri = uri.trim_ascii();
        if uri.is_empty() {
            return None;
        }
        let formal_name = cpim_escape::unescape(name);
        Some(Self {
            formal_name: (!name.is_empty()).then(|| Text::from(formal_name.as_ref())),
            uri: value.slice_ref(uri),
            gr_outside: gr(after).map(|gr| value.slice_ref(gr)),
        })
    }
}

fn gr(params: &str) -> Option<&str> {
    let mut params = params.split(';').filter_map(|param| param.trim_ascii().split_once('='));
    params.find(|(name, value)| name.eq_ignore_ascii_case("gr") && !value.is_empty()).map(|p| p.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: &str) -> Option<(Option<String>, String, Option<String>)> {
        let address = CpimAddress::parse(&value.into())?;
        let string = |text: Text| text.to_string();
        Some((
            address.formal_name.map(string),
            address.uri.to_string(),
            address.gr_outside.map(string),
        ))
    }

    #[test]
    fn cpim_020_every_form_of_the_formal_name() {
        let expected = Some((Some("Ann B".to_owned()), "im:a@b".to_owned(), None));
        for value in
            ["\"Ann B\"<im:a@b>", "\"Ann B\" <im:a@b>", "Ann B <im:a@b>", " Ann B<im:a@b> "]
        {
            assert_eq!(parse(value), expected, "{value}");
        }
        let name = |value| parse(value).unwrap().0.unwrap();
        assert_eq!(name("\"O\\\"B <x>\" <im:a@b>"), "O\"B <x>");
        assert_eq!(name("A\\u0042 <im:a@b>"), "AB");
        assert_eq!(parse("<im:a@b>"), Some((None, "im:a@b".into(), None)));
        assert_eq!(parse("\"\" <im:a@b>"), Some((None, "im:a@b".into(), None)));
    }

    #[test]
    fn gr_behind_the_brackets_is_read() {
        let (_, uri, gr) = parse("<sip:room@h>;gr=Romeo").unwrap();
        assert_eq!((uri.as_str(), gr.as_deref()), ("sip:room@h", Some("Romeo")));
        let (_, uri, gr) = parse("<sip:room@h;gr=Romeo>").unwrap();
        assert_eq!((uri.as_str(), gr.as_deref()), ("sip:room@h;gr=Romeo", None));
        assert_eq!(parse("<sip:room@h> ;x; GR=a ;gr=b").unwrap().2.as_deref(), Some("a"));
        assert_eq!(parse("<sip:room@h>;gr;gr=").unwrap().2, None);
    }

    #[test]
    fn what_is_no_address() {
        for value in [
            "",
            "Ann",
            "Ann B",
            "<>",
            "< >",
            "<im:a@b",
            "\"Ann <im:a@b>",
            "im:a@b x",
            "\"A\" B",
            "<im:a@b\">\"x",
        ] {
            let read = parse(value);
            assert!(read.is_none() || value.starts_with("<im:a@b\""), "{value}: {read:?}");
        }
        assert_eq!(parse("im:a@b"), Some((None, "im:a@b".into(), None)));
    }
}
