//! The words of an error: what people are told, and what the other side said of it.

use crate::codec::sip::Response;
use crate::codec::xmpp::{LangText, StanzaError};
use crate::flow::{Failure, Part};
use crate::rules::{Errors, Saying, Worded, XMPP_VARIABLES};

/// Characters of a reason phrase or of a Warning that are shown.
const MOST: usize = 128;
/// Warnings of a response that are shown.
const MOST_WARNINGS: usize = 3;
/// Characters that turn the direction of a text, by which a part of it could pass for another
/// (Unicode TR 36 §2.6).
const BIDI: [char; 12] = [
    '\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}',
    '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}',
];

/// Whom an error is told, as far as that decides its words.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::translate) struct Told<'a> {
    /// The language of the stanza that failed.
    pub(in crate::translate) lang: Option<&'a str>,
    /// Whether the SIP user was there before.
    pub(in crate::translate) seen: bool,
}

impl<'a> Told<'a> {
    /// One who wrote in this language to a user of whom nothing is known.
    pub(in crate::translate) fn new(lang: Option<&'a str>) -> Self {
        Told { lang, seen: false }
    }

    fn wanted(&self) -> &'a str {
        self.lang.unwrap_or_default()
    }
}

/// What comes from outside, on one line of at most 128 characters, without what is not to be seen.
pub(super) fn one_line(text: &str) -> String {
    let shown = text.chars().filter(|c| !BIDI.contains(c));
    let is_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let line: String = shown.map(|c| if is_break(c) { ' ' } else { c }).collect();
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(MOST).collect::<String>().trim_end().to_owned()
}

/// The error with these words.
pub(super) fn with_said(mut error: StanzaError, said: &Worded) -> StanzaError {
    if !said.text.is_empty() {
        let (lang, text) = (Some((&*said.lang).into()), (&*said.text).into());
        error.texts.push(LangText { lang, text });
    }
    error
}

/// What an XMPP user is told of a final response: the words of the rules, the code, and what the
/// response says that its code does not.
pub(super) fn of_response(rules: &Errors, response: &Response, told: Told<'_>) -> Worded {
    let (code, wanted) = (response.status.code(), told.wanted());
    if rules.privacy {
        return rules.words.say(Saying::Hidden, wanted);
    }
    let Worded { lang, text: words } = rules.words.say(rules.says(code, told.seen), wanted);
    let own = own_words(response);
    let after = response.headers.retry_after().and_then(Result::ok);
    let retry = after.map(|seconds| rules.words.say_number(Saying::Retry, wanted, seconds).text);
    if let Some((lang, template)) = rules.to_xmpp(code).and_then(|rule| rule.text(wanted)) {
        let all = own.iter().map(String::as_str).chain(retry.as_deref());
        let all = all.collect::<Vec<_>>().join("; ");
        let text = template.render(&|index| match *XMPP_VARIABLES.get(index)? {
            "status" => Some(code.to_string().into()),
            "reason" => Some(response.reason.to_text()),
            "words" => Some((&*words).into()),
            _ => Some(all.as_str().into()),
        });
        if !text.is_empty() {
            return Worded { lang: lang.into(), text: text.into() };
        }
    }
    let mut text = words.to_string();
    if let Some(retry) = retry {
        text.push(' ');
        text.push_str(&retry);
    }
    text.push_str(&format!(" ({code}"));
    if response.status.is_registered() {
        text.push_str(&format!(" {}", response.status.reason()));
    }
    if !own.is_empty() {
        text.push_str(&format!(": {}", own.join("; ")));
    }
    text.push(')');
    Worded { lang, text: text.into() }
}

/// What a response says that its code does not: its reason phrase, if it is not the usual one, and
/// its Warnings (RFC 3261 §20.43).
fn own_words(response: &Response) -> Vec<String> {
    let reason = one_line(&response.reason.to_text());
    let is_usual = reason.eq_ignore_ascii_case(response.status.reason());
    let warnings = response.headers.warnings().flatten().take(MOST_WARNINGS);
    let warnings = warnings.map(|warning| one_line(&warning.text));
    let mut all: Vec<String> = Vec::new();
    for words in std::iter::once(reason).filter(|_| !is_usual).chain(warnings) {
        if !words.is_empty() && !all.contains(&words) {
            all.push(words);
        }
    }
    all
}

/// What an XMPP user is told of a failure inside the gateway. With privacy nothing is said of what
/// would tell whether the SIP user is there.
pub(super) fn of_failure(rules: &Errors, failure: Failure, told: Told<'_>) -> Worded {
    let saying = match failure {
        Failure::Timeout | Failure::Behind(_) if rules.privacy => Saying::Hidden,
        Failure::Timeout => rules.says(408, told.seen),
        Failure::Unreachable | Failure::NoPeer => Saying::Unreachable,
        Failure::Behind(_) => Saying::Behind,
        Failure::Unknown => Saying::Restarted,
        Failure::TooLarge => Saying::TooLong,
        Failure::Stale => Saying::Stale,
        Failure::NoWatcher => Saying::NoWatcher,
        Failure::Replaced => Saying::Replaced,
        Failure::QueueFull => Saying::QueueFull,
        Failure::ShareFull => Saying::ShareFull,
    };
    rules.words.say(saying, told.wanted())
}

/// The error of a part of a message: its words say which one it is, and that those before it were
/// delivered.
pub(in crate::translate) fn of_part(
    rules: &Errors,
    mut error: StanzaError,
    part: Option<&Part>,
    told: Told<'_>,
) -> StanzaError {
    let Some(part) = part else { return error };
    let saying = if part.number == 1 { Saying::FirstPart } else { Saying::LaterPart };
    let which = rules.words.say_number(saying, told.wanted(), part.number.into());
    match error.texts.first_mut() {
        Some(words) => {
            words.text = format!("{} {}", which.text, words.text).into();
            error
        }
        None => with_said(error, &which),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_one_bounded_line() {
        assert_eq!(one_line(" a\r\nVia:\tx\u{7} \u{2028}y "), "a Via: x y");
        assert_eq!(one_line("ab\u{202e}cd\u{2066}e"), "abcde");
        assert_eq!(one_line(&"é".repeat(500)).chars().count(), 128);
        assert_eq!(one_line(" \n "), "");
    }
}
