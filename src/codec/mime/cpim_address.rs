//! Values of the CPIM headers From, To and cc, RFC 3862 §4.1 to §4.3.

use super::cpim::quoted_end;
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
