//! `format=flowed` of text/plain, RFC 3676.

use super::media_type::MediaType;

/// Whether the space before a soft line break goes with it, RFC 3676 §4.1: `None` for text that
/// is not flowed.
#[must_use]
pub fn del_sp(media_type: &MediaType) -> Option<bool> {
    let is = |name, value: &str| {
        media_type.param(name).is_some_and(|found| found.eq_ignore_ascii_case(value))
    };
    is("format", "flowed").then(|| is("delsp", "yes"))
}

/// Joins the lines that were broken for transport, RFC 3676 §4.
///
/// Line ends come out as LF; quotes as `>` for each level and a space; stuffed spaces (§4.4) are
/// removed; the signature separator (§4.3) stays a line of its own.
#[must_use]
pub fn unfold(text: &str, del_sp: bool) -> String {
    let mut out = String::with_capacity(text.len());
    // The quote depth of the line that goes on.
    let mut open = None;
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let content = line.trim_start_matches('>');
        let depth = line.len() - content.len();
        let content = content.strip_prefix(' ').unwrap_or(content);
        let is_signature = content == "-- ";
        if open != Some(depth) || is_signature {
            if index > 0 {
                out.push('\n');
            }
            out.extend(std::iter::repeat_n('>', depth));
            if depth > 0 {
                out.push(' ');
            }
        }
        let is_flowed = content.ends_with(' ') && !is_signature;
        let cut = usize::from(is_flowed && del_sp);
        out.push_str(&content[..content.len() - cut]);
        open = is_flowed.then_some(depth);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_that_end_with_a_space_go_on() {
        for (text, expected) in [
            ("a \r\nb\r\nc\r\n", "a b\nc\n"),
            ("a \nb \nc", "a b c"),
            ("a\r\n\r\nb", "a\n\nb"),
            ("", ""),
            ("a", "a"),
        ] {
            assert_eq!(unfold(text, false), expected, "{text:?}");
        }
    }

    #[test]
    fn quotes_of_the_same_depth_go_on_and_others_do_not() {
        assert_eq!(unfold("> a \r\n> b\r\n>> c \r\n> d", false), "> a b\n>> c \n> d");
        assert_eq!(unfold(">a \n b", false), "> a \nb");
    }

    #[test]
    fn stuffed_spaces_are_removed_once() {
        assert_eq!(unfold(" From x\r\n  >y\r\n >z", false), "From x\n >y\n>z");
    }

    #[test]
    fn the_signature_separator_stays_a_line() {
        assert_eq!(unfold("a \r\n-- \r\nme", false), "a \n-- \nme");
    }

    #[test]
    fn with_del_sp_the_space_goes_too() {
        assert_eq!(unfold("\u{6f22} \r\n\u{5b57}\r\n", true), "\u{6f22}\u{5b57}\n");
        let del_sp = |value| del_sp(&MediaType::parse(value).unwrap());
        assert_eq!(del_sp("text/plain"), None);
        assert_eq!(del_sp("text/plain; format=fixed; delsp=yes"), None);
        assert_eq!(del_sp("text/plain; Format=Flowed"), Some(false));
        assert_eq!(del_sp("text/plain; format=flowed; DelSp=Yes"), Some(true));
    }

    proptest! {
        #[test]
        fn nothing_but_line_ends_spaces_and_quotes_is_lost(text in "[a>\u{e9} \r\n-]{0,40}", del_sp in any::<bool>()) {
            let words = |text: &str| text.replace([' ', '\r', '\n', '>'], "");
            prop_assert_eq!(words(&unfold(&text, del_sp)), words(&text));
        }
    }
}
