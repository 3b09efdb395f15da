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
