//! The mark that everything carries through the gateway: in bodies, ids of stanzas and branches.
//! By it what arrives is known again, whatever form the gateway gave it.

use std::io::Write;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use memchr::memmem;

/// The beginning of a mark; it names the run, so that nothing of a former run counts.
fn prefix() -> &'static str {
    static PREFIX: OnceLock<String> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        format!("load-{:08x}-", since.as_millis() as u32)
    })
}

/// The run's own part of names that must be unique.
pub fn run() -> &'static str {
    prefix().trim_end_matches('-')
}

/// Appends the mark of a key.
pub fn write(key: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(prefix().as_bytes());
    // Writing to memory does not fail.
    let _ = write!(out, "{key:016x}");
}

/// The key of the first mark.
pub fn find(octets: &[u8]) -> Option<u64> {
    static FINDER: OnceLock<memmem::Finder<'static>> = OnceLock::new();
    let finder = FINDER.get_or_init(|| memmem::Finder::new(prefix()));
    let start = finder.find(octets)? + prefix().len();
    let digits = std::str::from_utf8(octets.get(start..start + 16)?).ok()?;
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_again() {
        let mut octets = b"Content-Type: text/plain\r\n\r\n".to_vec();
        write(0x1234_5678_9abc_def0, &mut octets);
        octets.extend_from_slice(b" and more");
        assert_eq!(find(&octets), Some(0x1234_5678_9abc_def0));
        assert_eq!(find(b"load-x"), None);
        assert_eq!(find(&octets[..40]), None);
    }
}
