//! Sizes around every bound, and what fills them.

use super::plan::Bounds;
use crate::dice::Dice;

/// Bounds that are the same in all seeds: language tags, words of a refusal, a short status, a
/// status, requests by UDP, the value of an oversized start tag, a head of XMPP, what peers close a
/// connection at, the datagram, the largest head, twice that, the usual stanza.
const KNOWN: [usize; 14] = [
    35, 128, 256, 1_024, 1_300, 3_071, 8_192, 16_384, 60_000, 65_507, 65_535, 131_072, 262_144,
    300_000,
];

/// A number of octets near a bound, or so that it is near once each is escaped.
pub(super) fn around(dice: &mut Dice, bounds: &Bounds) -> usize {
    let known = dice.pick(&KNOWN);
    let bound = dice.pick(&[known, known, bounds.stanza, bounds.document, bounds.dialog]);
    let part = dice.pick(&[1, 1, 1, 2, 4, 5, 6]);
    let off = dice.pick(&[0, 1, 2, 50, 500]);
    let size = bound / part;
    if dice.chance(500) { size.saturating_sub(off) } else { size + off }
}

/// A number near a bound that counts things.
pub(super) fn count(dice: &mut Dice, bounds: &Bounds) -> usize {
    let bound = dice.pick(&[
        1,
        10,
        32,
        64,
        bounds.queue_per_target,
        bounds.queue / 10,
        bounds.pending,
        bounds.pairs / 10,
        bounds.dialogs_per_pair,
        bounds.dialogs_per_user,
    ]);
    (bound + dice.below(3) as usize).min(300)
}

/// So many octets of one character.
pub(super) fn fill(dice: &mut Dice, octets: usize, among: &[char]) -> String {
    let character = dice.pick(among);
    std::iter::repeat_n(character, octets / character.len_utf8()).collect()
}
