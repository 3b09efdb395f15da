//! The texts that both worlds write and recognise: the body of every message begins with its
//! number, `s12.` from SIP and `x12.` from XMPP, before padding of `~`.

use bytes::Bytes;
use stox::codec::sip::Via;

/// The number behind a letter at the beginning of a text.
pub(crate) fn number(text: &str, letter: char) -> Option<u32> {
    let digits = text.strip_prefix(letter)?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

/// The text of a body: itself, or what a CPIM object wraps.
pub(crate) fn text_of(body: &Bytes) -> String {
    let text = String::from_utf8_lossy(body);
    text.rsplit("\r\n\r\n").next().unwrap_or_default().to_owned()
}

/// The number in a branch of the SIP side.
pub(crate) fn branch_number(via: &[Via]) -> Option<u64> {
    via.first()?.branch()?.strip_prefix("z9hG4bKs")?.parse().ok()
}

/// A branch of the SIP side.
pub(crate) fn branch(number: u64) -> String {
    format!("z9hG4bKs{number}")
}
