//! Header field values with parameters, written as SIP and MSRP want them: one line, no white
//! space around `;` and `=`, quotes where they are needed (RFC 3261 §25.1, RFC 4975 §9).

/// The value on one line with its parameters in their order, or `None` for what cannot be read.
/// Values that are no tokens, such as `application/pkcs7-signature`, are quoted.
#[must_use]
pub fn one_line(value: &str) -> Option<String> {
    let mut rest = value.trim_ascii();
    let end = rest.find(';').unwrap_or(rest.len());
    let mut line: String = rest[..end].split_ascii_whitespace().collect();
    rest = rest[end..].trim_ascii_start();
    while let Some(after) = rest.strip_prefix(';') {
        rest = after.trim_ascii_start();
        if rest.is_empty() {
            break;
        }
        let (name, after) = rest.split_once('=')?;
        let name = name.trim_ascii_end();
        if name.is_empty() || !name.bytes().all(is_token) {
            return None;
        }
        let (value, tail) = parameter_value(after.trim_ascii_start())?;
        line.push(';');
        line.push_str(name);
        line.push('=');
        write_value(&mut line, &value);
        rest = tail.trim_ascii_start();
    }
    rest.is_empty().then_some(line)
}

/// The value without its parameters, and these in their order; `None` for what cannot be read.
pub(super) fn split(value: &str) -> (&str, Option<Vec<(&str, String)>>) {
    let end = value.find(';').unwrap_or(value.len());
    let mut rest = &value[end..];
    let mut all = Vec::new();
    while let Some(after) = rest.strip_prefix(';') {
        rest = after.trim_ascii_start();
        if rest.is_empty() {
            break;
        }
        let parameter = rest.split_once('=').and_then(|(name, after)| {
            let (value, tail) = parameter_value(after.trim_ascii_start())?;
            Some((name.trim_ascii(), value, tail.trim_ascii_start()))
        });
        let Some((name, value, tail)) = parameter else { return (value[..end].trim_ascii(), None) };
        all.push((name, value));
        rest = tail;
    }
    (value[..end].trim_ascii(), rest.is_empty().then_some(all))
}

/// What `name` and `filename` of a Content-Type or Content-Disposition say.
pub(super) fn file_names(value: &str) -> Vec<String> {
    let parsed = mailparse::parse_content_disposition(value);
    let named = parsed.params.into_iter();
    // A value whose spelling is not read stands under its name with the mark of RFC 2231 §4.
    let is_name = |name: &str| {
        let base = name.split('*').next().unwrap_or(name);
        matches!(base, "name" | "filename")
    };
    named.filter(|(name, _)| is_name(name)).map(|(_, value)| without_words(value)).collect()
}

/// A value without the encoded words of RFC 2047, which do not belong there and are written.
fn without_words(value: String) -> String {
    if !value.contains("=?") {
        return value;
    }
    let line = format!("X: {value}");
    let header = mailparse::parse_header(line.as_bytes());
    header.map_or(value, |(header, _)| header.get_value())
}

/// A quoted string, its escapes resolved, or everything up to the next `;`.
fn parameter_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        return Some((text[..end].trim_ascii_end().to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    loop {
        match chars.next()? {
            (_, '\\') => value.push(chars.next()?.1),
            (at, '"') => return Some((value, &quoted[at + 1..])),
            (_, c) => value.push(c),
        }
    }
}

fn write_value(line: &mut String, value: &str) {
    if !value.is_empty() && value.bytes().all(is_token) {
        return line.push_str(value);
    }
    line.push('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            line.push('\\');
        }
        line.push(c);
    }
    line.push('"');
}

/// What is a token both in RFC 2045 §5.1 and in RFC 3261 §25.1.
fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_in_every_spelling() {
        for (value, expected) in [
            ("application/octet-stream; name=smime.p7m", "smime.p7m"),
            ("attachment; filename=\"smime.p7m\"", "smime.p7m"),
            ("attachment; FILENAME=\"a;b.p7m\"", "a;b.p7m"),
            ("attachment; filename*=utf-8''smime%2Ep7m", "smime.p7m"),
            ("attachment; filename*0=smi; filename*1=me.p7m", "smime.p7m"),
            ("x/y; name=\"=?utf-8?Q?smime=2Ep7m?=\"", "smime.p7m"),
        ] {
            assert_eq!(file_names(value), [expected], "{value}");
        }
        assert_eq!(file_names("attachment; file=smime.p7m"), [""; 0]);
    }

    #[test]
    fn one_line_with_quotes_where_needed() {
        for (value, expected) in [
            ("text/plain", "text/plain"),
            ("a/b ; c = d ;e=\"f g\"", "a/b;c=d;e=\"f g\""),
            ("a/b;c=d/e; f=\"g\"", "a/b;c=\"d/e\";f=g"),
            ("a/b;c=\"x\\\"y\\\\\"", "a/b;c=\"x\\\"y\\\\\""),
            ("a/b; c=d;", "a/b;c=d"),
            ("a/b;c=\"\"", "a/b;c=\"\""),
        ] {
            assert_eq!(one_line(value).as_deref(), Some(expected), "{value}");
        }
        for broken in ["a/b;c", "a/b;=d", "a/b;c=\"d", "a/b;c=\"d\"e", "a/b;c d=e"] {
            assert_eq!(one_line(broken), None, "{broken}");
        }
    }
}
