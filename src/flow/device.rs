//! What one device of a user shows, and how much of it is kept.

use serde::{Deserialize, Serialize};

use crate::codec::xml;
use crate::codec::xml::Text;
use crate::codec::xmpp::{self, Jid, LangText, Show};

/// Characters of the words that one device shows, in all languages together: a status is read at a
/// glance, and what is kept and sent for each watcher must have a bound.
const WORDS: usize = 1_024;
/// Languages that they may be in.
const LANGUAGES: usize = 8;
/// Octets of a language tag (RFC 5646 §4.4.1 asks for 35 at least), and of a time.
const TAG: usize = 64;

/// What one device of a user shows beside being there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// RFC 6121 §4.7.2.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub show: Option<Show>,
    /// Words about it, each in a language of its own: `(language, words)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<LangText>,
    /// RFC 6121 §4.7.2.3; `None` where none was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i8>,
    /// The language of the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<Text>,
    /// Since when nobody has touched it (XEP-0319), as written there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_since: Option<Text>,
}

/// One device of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its resource; empty for presence that has none.
    pub resource: Text,
    /// Whether it is there.
    pub available: bool,
    /// What it shows.
    #[serde(default)]
    pub facts: Facts,
    /// When that changed: microseconds since 1970.
    pub changed_us: u64,
    /// A number for the `<contact/>` of its tuple (RFC 3863 §4.1.5), which tells a tuple whose id
    /// was changed from another device; 0 where there is none, or the id alone counts.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub contact: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Facts {
    /// At most so many characters of words, in all languages together; what is cut ends in "…".
    #[must_use]
    pub fn with_words(mut self, most: usize) -> Self {
        let mut left = most;
        self.statuses.retain_mut(|status| {
            let Some((end, _)) = status.text.char_indices().nth(left) else {
                left -= status.text.chars().count();
                return true;
            };
            let kept = status.text.get(..end).unwrap_or_default();
            let last = kept.char_indices().next_back().map_or(0, |(at, _)| at);
            status.text = format!("{}…", kept.get(..last).unwrap_or_default().trim_end()).into();
            std::mem::take(&mut left) > 0
        });
        self
    }

    fn bounded(mut self) -> Self {
        let is_tag = |tag: &Text| tag.len() <= TAG;
        self.statuses.truncate(LANGUAGES);
        for status in &mut self.statuses {
            status.lang = status.lang.take().filter(is_tag);
        }
        self.lang = self.lang.filter(is_tag);
        self.idle_since = self.idle_since.filter(is_tag);
        self.with_words(WORDS)
    }
}

impl Device {
    /// With no more than is kept and sent of a device: 1,024 characters of words in at most eight
    /// languages. A resource has its bound as a part of a JID (RFC 7622 §3.4).
    #[must_use]
    pub fn bounded(self) -> Self {
        Device { facts: self.facts.bounded(), ..self }
    }

    /// In the form in which it is kept for long: a text of it is a slice of what it came in, and
    /// would keep all of that.
    #[must_use]
    pub fn kept(self) -> Self {
        let Facts { show, statuses, priority, lang, idle_since } = self.facts;
        let kept = |text: Text| xml::detach(&text);
        let status = |it: LangText| LangText { lang: it.lang.map(kept), text: kept(it.text) };
        // As many places as there are, and not those of the old vector.
        let mut exact = Vec::with_capacity(statuses.len());
        exact.extend(statuses.into_iter().map(status));
        let facts = Facts {
            show,
            statuses: exact,
            priority,
            lang: lang.map(kept),
            idle_since: idle_since.map(kept),
        };
        Device { resource: kept(self.resource), facts, ..self }
    }
}

impl Device {
    /// The stanza that shows it, from a bare JID's device to a bare JID. What is not there shows
    /// nothing but words (RFC 6121 §4.5.1).
    #[must_use]
    pub fn stanza(&self, from: &Jid, to: &Jid) -> xmpp::Presence {
        let from = match self.resource.is_empty() {
            true => from.bare(),
            false => from.with_resource(&self.resource).unwrap_or_else(|_| from.bare()),
        };
        let facts = &self.facts;
        let mut stanza = xmpp::Presence {
            from: Some(from),
            to: Some(to.bare()),
            lang: facts.lang.clone(),
            statuses: facts.statuses.clone(),
            ..xmpp::Presence::default()
        };
        if !self.available {
            stanza.kind = xmpp::PresenceKind::Unavailable;
            return stanza;
        }
        (stanza.show, stanza.priority) = (facts.show, facts.priority);
        if let Some(since) = &facts.idle_since {
            let idle = xml::Element::new("idle", xmpp::ns::IDLE);
            stanza.extensions.push(idle.with_attr("since", since.clone()));
        }
        stanza
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(texts: &[&str]) -> Facts {
        let status = |text: &&str| LangText { lang: None, text: Text::from(*text) };
        Facts { statuses: texts.iter().map(status).collect(), ..Facts::default() }
    }

    #[test]
    fn words_are_cut_between_characters_in_all_languages_together() {
        let cut = |texts: &[&str], most| {
            let facts = words(texts).with_words(most);
            facts.statuses.iter().map(|it| it.text.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(cut(&["čtyři", "four"], 9), ["čtyři", "four"]);
        assert_eq!(cut(&["čtyři", "four"], 8), ["čtyři", "fo…"]);
        assert_eq!(cut(&["čtyři", "four"], 5), ["čtyři"]);
        assert_eq!(cut(&["čtyři", "four"], 4), ["čty…"]);
        assert_eq!(cut(&["ab cd"], 4), ["ab…"]);
        assert!(cut(&["čtyři", "four"], 0).is_empty());
    }

    #[test]
    fn what_is_known_of_a_device_is_bounded() {
        let long = "&".repeat(60_000);
        let mut facts = words(&[long.as_str(); 20]);
        facts.statuses[0].lang = Some(long.as_str().into());
        (facts.lang, facts.idle_since) = (Some(long.as_str().into()), Some(long.into()));
        let device =
            Device { resource: "phone".into(), available: true, facts, changed_us: 7, contact: 0 };
        let facts = device.bounded().facts;
        assert_eq!((facts.statuses.len(), facts.statuses[0].text.chars().count()), (1, 1_024));
        assert_eq!((&facts.statuses[0].lang, facts.lang, facts.idle_since), (&None, None, None));
        let (few, many) = (words(&["a", "b"]), words(&["a"; 20]));
        assert_eq!(few.clone().bounded(), few);
        assert_eq!(many.bounded().statuses.len(), 8);
    }

    #[test]
    fn what_is_kept_of_a_device_holds_nothing_of_the_message_it_came_in() {
        let message = Text::from("phone busy en 2024-01-01T00:00:00Z and 60,000 octets more");
        let (begin, end) = (message.as_ptr() as usize, message.as_ptr() as usize + message.len());
        let part = |from: usize, to: usize| message.slice_ref(&message[from..to]);
        let mut statuses = Vec::with_capacity(4);
        statuses.push(LangText { lang: Some(part(11, 13)), text: part(6, 10) });
        let facts = Facts {
            statuses,
            lang: Some(part(11, 13)),
            idle_since: Some(part(14, 34)),
            ..Facts::default()
        };
        let device =
            Device { resource: part(0, 5), available: true, facts, changed_us: 7, contact: 0 };
        let kept = device.clone().kept();
        assert_eq!(kept, device);
        let status = &kept.facts.statuses[0];
        let texts = [
            Some(&kept.resource),
            kept.facts.lang.as_ref(),
            kept.facts.idle_since.as_ref(),
            status.lang.as_ref(),
            Some(&status.text),
        ];
        for text in texts.into_iter().flatten() {
            assert!(!(begin..end).contains(&(text.as_ptr() as usize)), "{text}");
        }
        assert_eq!(kept.facts.statuses.capacity(), 1);
    }
}
