//! A text that is too long for one request goes in parts: each a MESSAGE of its own with a Call-ID
//! of its own, sent when the one before it was taken (RFC 3428 §8). The first that fails is the
//! last that is sent.
//!
//! `Whole -> Part 1 -> Part 2 ... -> taken`. What is left is cut anew for each part, by the room
//! that its own request has: credentials, another form or a longer CSeq change it.

use unicode_segmentation::UnicodeSegmentation;

use super::State;
use crate::codec::xml::Text;
use crate::flow::{
    Counter, DeliveryId, Effect, Entry, Failure, Followup, Forms, Long, Outbound, Part, Profile,
    Rendered,
};

/// How many parts a message may have: beyond it the message is too long.
pub(super) const PARTS: u8 = 10;

impl State {
    /// RFC 3428 §8: the whole request is bounded, and bare text is the shorter form. The request
    /// was of `size` octets where `most` may be. Nothing of it was sent.
    pub(super) fn too_long(
        &mut self,
        id: DeliveryId,
        size: usize,
        most: usize,
        rendered: &Rendered,
        effects: &mut Vec<Effect>,
    ) {
        let Some(delivery) = self.deliveries.get_mut(id) else { return };
        delivery.unused = true;
        let outbound = &mut delivery.outbound;
        let may_be_text = may_be_shorter(outbound);
        let long = rendered.long.as_ref().filter(|_| !outbound.notice);
        match (long, outbound.part.as_mut()) {
            (_, None) if may_be_text => outbound.profile = Profile::Text,
            (None, _) => return self.again_fail(id, Failure::TooLarge),
            // Its parts are objects again, if there are not too many of them.
            (Some(long), None) => {
                if let Forms::Either { preferred } = outbound.forms {
                    outbound.profile = preferred;
                }
                let (text, rest) = (long.text.clone(), Text::default());
                outbound.part = Some(Box::new(Part { number: 1, text, rest }));
            }
            (Some(long), Some(part)) => {
                part.rejoin();
                let room = (most + written_len(&long.text, long.crlf)).checked_sub(size);
                let room = room.map(|room| room.min(rendered.shows.unwrap_or(room)));
                let left = (PARTS + 1).saturating_sub(part.number);
                match first_piece(&Long { text: part.text.clone(), ..*long }, room, left) {
                    Some(end) => {
                        part.cut(end);
                        self.note_part(id, effects);
                    }
                    None if may_be_text => outbound.profile = Profile::Text,
                    None => return self.again_fail(id, Failure::TooLarge),
                }
            }
        }
        self.again(Followup::Send(id));
    }

    /// A request that was made once more is too large, since credentials or a longer Via were
    /// added.
    pub(super) fn too_large(&mut self, id: DeliveryId) {
        let Some(delivery) = self.deliveries.get_mut(id) else { return };
        let outbound = &mut delivery.outbound;
        if outbound.part.is_none() && may_be_shorter(outbound) {
            outbound.profile = Profile::Text;
        } else if !delivery.splits || outbound.notice {
            return self.again_fail(id, Failure::TooLarge);
        }
        self.again(Followup::Send(id));
    }

    /// A request was taken: whether a further part goes on.
    pub(super) fn next_part(&mut self, id: DeliveryId, effects: &mut Vec<Effect>) -> bool {
        let Some(delivery) = self.deliveries.get_mut(id) else { return false };
        let Some(part) = delivery.outbound.part.as_mut() else { return false };
        // White space at the end says nothing.
        if part.rest.trim().is_empty() {
            return false;
        }
        part.number += 1;
        part.text = std::mem::take(&mut part.rest);
        let second = part.number == 2;
        delivery.begin_anew();
        // A message of its own for whoever takes one Call-ID for one message.
        delivery.request_ids = None;
        if second {
            self.counters.count(Counter::OutboundSplit);
        }
        self.note_part(id, effects);
        self.again(Followup::Send(id));
        true
    }

    /// Notes which part is next, and what is to follow it.
    fn note_part(&mut self, id: DeliveryId, effects: &mut Vec<Effect>) {
        let Some(delivery) = self.deliveries.get(id) else { return };
        if let Some(part) = &delivery.outbound.part {
            effects.push(Effect::Journal(Entry::Part(id, Part::clone(part))));
        }
    }
}

/// Whether the same text may go in a shorter form.
fn may_be_shorter(outbound: &Outbound) -> bool {
    matches!(outbound.forms, Forms::Either { .. }) && outbound.profile == Profile::Cpim
}

impl Rendered {
    /// Whether its target would show a part of its text alone.
    pub(super) fn is_shown_in_part(&self) -> bool {
        let long = self.long.as_ref().zip(self.shows);
        long.is_some_and(|(long, shows)| written_len(&long.text, long.crlf) > shows)
    }
}

impl Part {
    /// It is all that is left again.
    pub(super) fn rejoin(&mut self) {
        if !self.rest.is_empty() {
            self.text = format!("{}{}", self.text, std::mem::take(&mut self.rest)).into();
        }
    }

    /// It ends here; the rest follows.
    fn cut(&mut self, end: usize) {
        let whole = std::mem::take(&mut self.text);
        self.text = whole.get(..end).unwrap_or_default().into();
        self.rest = whole.get(end..).unwrap_or_default().into();
    }
}

/// Octets of a text on the wire.
fn written_len(text: &str, crlf: bool) -> usize {
    let lone = |(at, _): &(usize, &str)| !text.get(..*at).unwrap_or_default().ends_with('\r');
    text.len() + if crlf { text.match_indices('\n').filter(lone).count() } else { 0 }
}

/// Where the first piece of a text ends, if all of it goes into so many pieces of this room.
fn first_piece(long: &Long, room: Option<usize>, most: u8) -> Option<usize> {
    let room = room?;
    let end = piece(&long.text, room, long.crlf)?;
    let (mut rest, mut pieces) = (long.text.get(end..)?, 1);
    while !rest.trim().is_empty() {
        if pieces == most {
            return None;
        }
        rest = rest.get(piece(rest, room, long.crlf)?..)?;
        pieces += 1;
    }
    Some(end)
}

/// Where a piece of a text ends that has this room: behind a line, else behind a space, else
/// between two words, else between two characters as people know them (UAX #29); the earlier kinds
/// only if the piece is half full then. `None` when not even one character fits.
fn piece(text: &str, room: usize, crlf: bool) -> Option<usize> {
    let (mut fits, mut line, mut space, mut length) = (0, 0, 0, 0);
    for (at, cluster) in text.grapheme_indices(true) {
        length += written_len(cluster, crlf);
        if length > room {
            break;
        }
        fits = at + cluster.len();
        if cluster.ends_with('\n') {
            line = fits;
        }
        if cluster.trim().is_empty() {
            space = fits;
        }
    }
    let word = || {
        let bounds = text.split_word_bound_indices().map(|(at, _)| at);
        bounds.take_while(|at| *at <= fits).last().unwrap_or_default()
    };
    if fits == text.len() {
        return Some(fits);
    }
    let good = |end: &usize| *end > fits / 2;
    let end = [line, space].into_iter().find(good);
    end.or_else(|| Some(word()).filter(good)).or((fits > 0).then_some(fits))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(text: &str, room: usize, crlf: bool) -> Option<Vec<&str>> {
        let (mut rest, mut all) = (text, Vec::new());
        while !rest.is_empty() {
            let end = piece(rest, room, crlf)?;
            all.push(&rest[..end]);
            rest = &rest[end..];
        }
        Some(all)
    }

    #[test]
    fn a_piece_ends_behind_a_line_a_word_or_a_character() {
        assert_eq!(pieces("one two\nthree four", 12, false).unwrap(), ["one two\n", "three four"]);
        assert_eq!(pieces("one two three", 9, false).unwrap(), ["one two ", "three"]);
        // A line that ends too early is not worth a part of its own.
        assert_eq!(pieces("a\nbcd efgh ijkl", 10, false).unwrap(), ["a\nbcd ", "efgh ijkl"]);
        assert_eq!(pieces("(alpha)(beta)", 9, false).unwrap(), ["(alpha)(", "beta)"]);
        assert_eq!(pieces("abcdefgh", 3, false).unwrap(), ["abc", "def", "gh"]);
        assert_eq!(pieces("řřř", 5, false).unwrap(), ["řř", "ř"]);
        assert_eq!(pieces("👩‍👩‍👧", 17, false), None);
        assert_eq!(pieces("a\nb\n", 3, true).unwrap(), ["a\n", "b\n"]);
    }

    #[test]
    fn so_many_pieces_and_no_more() {
        let long = |text: &str| Long { text: text.into(), crlf: false };
        assert_eq!(first_piece(&long("abcdef"), Some(2), 3), Some(2));
        assert_eq!(first_piece(&long("abcdefg"), Some(2), 3), None);
        assert_eq!(first_piece(&long("abcdef \n "), Some(2), 3), Some(2), "white space at the end");
        assert_eq!(first_piece(&long("abc"), Some(0), 3), None);
        assert_eq!(first_piece(&long("abc"), None, 3), None);
    }

    proptest! {
        #[test]
        fn pieces_are_the_text_and_tear_nothing(
            text in "(\\PC|[ -~]|\n|\r\n|e\u{301}|👩‍👩‍👧‍👦|🇨🇿){1,60}",
            room in 40usize..80,
            crlf: bool,
        ) {
            let Some(all) = pieces(&text, room, crlf) else { return Ok(()) };
            prop_assert_eq!(all.concat(), text.clone());
            let bounds: Vec<usize> = text.grapheme_indices(true).map(|(at, _)| at).collect();
            let mut at = 0;
            for piece in all {
                prop_assert!(written_len(piece, crlf) <= room);
                prop_assert!(bounds.contains(&at), "{at}");
                at += piece.len();
            }
        }
    }
}
