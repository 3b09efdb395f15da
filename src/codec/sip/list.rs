//! Comma-separated lists (RFC 3261 §7.3.1): commas inside quotes and angle brackets do not count.

use super::{Text, chars};

/// Iterates over the items of a list, without white space at their ends. Empty items, which
/// RFC 2616's `#rule` allowed, are passed over.
#[derive(Clone, Debug)]
pub struct Items<'a> {
    rest: &'a str,
}

impl<'a> Items<'a> {
    /// The items of `text`.
    #[must_use]
    pub fn new(text: &'a str) -> Items<'a> {
        Items { rest: text }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        while !self.rest.is_empty() {
            let end = item_end(self.rest.as_bytes());
            let item = chars::trim(&self.rest[..end]);
            self.rest = self.rest.get(end + 1..).unwrap_or_default();
            if !item.is_empty() {
                return Some(item);
            }
        }
        None
    }
}

/// Where the first item ends: at a comma outside quotes and brackets, or with the text. An unclosed
/// quote or bracket reaches to the end.
fn item_end(octets: &[u8]) -> usize {
    let mut i = 0;
    while let Some(found) = memchr::memchr3(b',', b'"', b'<', &octets[i..]) {
        i += found;
        let next = match octets[i] {
            b',' => return i,
            b'"' => chars::skip_quoted(octets, i),
            _ => memchr::memchr(b'>', &octets[i..]).map(|end| i + end + 1),
        };
        match next {
            Some(next) => i = next,
            None => return octets.len(),
        }
    }
    octets.len()
}

/// The items as slices of the shared text.
pub(super) fn shared(text: &Text) -> impl Iterator<Item = Text> {
    Items::new(text).map(|item| text.slice_ref(item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_and_brackets_are_text() {
        let items: Vec<_> = Items::new(r#" "a, \" b" <sip:x,y@h>;p="1,2" ,c, ,<d,e> "#).collect();
        assert_eq!(items, [r#""a, \" b" <sip:x,y@h>;p="1,2""#, "c", "<d,e>"]);
        assert_eq!(Items::new("").count(), 0);
        assert_eq!(Items::new(",,").count(), 0);
        assert_eq!(Items::new("a,\"b, c").collect::<Vec<_>>(), ["a", "\"b, c"]);
    }
}
