//! `message/external-body` with access type URL, RFC 2017 §3 and RFC 4483 §4.

use super::media_type::MediaType;

/// The media type's essence.
pub const MEDIA_TYPE: &str = "message/external-body";
/// Octets that a URL may have.
const MAX_URL: usize = 2_048;
/// Schemes of what can be fetched; others do not name content.
const SCHEMES: [&str; 4] = ["https", "http", "ftp", "ftps"];

/// Where the content lies. `None` for other access types, and for what is no URL of content.
#[must_use]
pub fn url(media_type: &MediaType) -> Option<String> {
    let access_type = media_type.param("access-type")?;
    if !media_type.is(MEDIA_TYPE) || !access_type.eq_ignore_ascii_case("url") {
        return None;
    }
    // RFC 2017 §3: white space is there to fold the line alone.
    let url: String =
        media_type.param("url")?.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    is_content(&url).then_some(url)
}

/// Whether a text is a URL of content that can be fetched.
#[must_use]
pub fn is_content(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once(':') else { return false };
    SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme))
        && rest.len() > 2
        && rest.starts_with("//")
        && url.len() <= MAX_URL
        && url.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(params: &str) -> Option<String> {
        url(&MediaType::parse(&format!("message/external-body; {params}")).unwrap())
    }

    #[test]
    fn a_url_is_read_and_nothing_else() {
        let expected = Some("http://www.example.com/a?b=c".to_owned());
        for params in [
            "access-type=URL; URL=\"http://www.example.com/a?b=c\"",
            "Access-Type=url; expiration=\"Mon, 24 June 2002 09:00:00 GMT\"; url=\"http://www.example.com/a?b=c\"; size=5",
            "access-type=\"URL\"; URL=\"http://www.exam ple.com/a?b=c\"",
        ] {
            assert_eq!(read(params), expected, "{params}");
        }
        for params in [
            "access-type=URL",
            "access-type=anon-ftp; URL=\"http://h/\"",
            "URL=\"http://h/\"",
            "access-type=URL; URL=\"javascript:alert(1)\"",
            "access-type=URL; URL=\"http:\"",
            "access-type=URL; URL=\"//h/x\"",
            "access-type=URL; URL=\"file:///etc/passwd\"",
        ] {
            assert_eq!(read(params), None, "{params}");
        }
    }
}
