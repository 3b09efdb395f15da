//! Rich presence, RFC 4480: activities (§3.2) and user input (§3.14). The other elements are not
//! read.

use std::num::NonZeroU32;

use time::OffsetDateTime;

use super::dialect::{is_cisco, is_rpid};
use super::note::{write_element, write_end};
use super::source::Source;
use super::{Malformed, Note, Text, timestamp};
use crate::codec::xml::escape::write_attribute;

/// What a person does, in a span of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activities {
    /// Since when; `None` if unknown.
    pub from: Option<OffsetDateTime>,
    /// Until when it is expected to last; `None` if unknown.
    pub until: Option<OffsetDateTime>,
    /// Words about it.
    pub notes: Vec<Note>,
    /// What, in order. [`Activity::Unknown`] is written only if it stands alone.
    pub list: Vec<Activity>,
}

macro_rules! activities {
    ($($variant:ident $name:literal)*) => {
        /// One activity, RFC 4480 §3.2.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Activity {
            $(#[doc = concat!("`<", $name, "/>`.")]
            $variant,)*
            /// `<other/>` with words for it; not written if they are empty.
            Other(Text),
        }

        impl Activity {
            /// Every activity that is a name alone, in the order of RFC 4480 §3.2.
            pub const NAMED: &'static [Self] = &[$(Self::$variant,)*];

            fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The element's local name.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(_) => "other",
                }
            }
        }
    };
}

// `lunch` stands in the text of §3.2 and is missing in the schema of §5.1.
activities! {
    Appointment "appointment"
    Away "away"
    Breakfast "breakfast"
    Busy "busy"
    Dinner "dinner"
    Holiday "holiday"
    InTransit "in-transit"
    LookingForWork "looking-for-work"
    Lunch "lunch"
    Meal "meal"
    Meeting "meeting"
    OnThePhone "on-the-phone"
    Performance "performance"
    PermanentAbsence "permanent-absence"
    Playing "playing"
    Presentation "presentation"
    Shopping "shopping"
    Sleeping "sleeping"
    Spectator "spectator"
    Steering "steering"
    Travel "travel"
    Tv "tv"
    Unknown "unknown"
    Vacation "vacation"
    Working "working"
    Worship "worship"
}

impl Activities {
    /// Reads the element just opened into a list.
    pub(super) fn add(
        source: &mut Source<'_>,
        outer: Option<&Text>,
        list: &mut Vec<Self>,
    ) -> Result<(), Malformed> {
        if list.len() == source.limits.activities {
            return Err(Malformed::TooManyActivities);
        }
        list.push(Self::read(source, outer)?);
        Ok(())
    }

    /// Reads the element just opened. Activities of other namespaces are skipped.
    pub(super) fn read(source: &mut Source<'_>, outer: Option<&Text>) -> Result<Self, Malformed> {
        let lang = source.lang(outer);
        let time = |name: &str| source.attribute(name).and_then(|text| timestamp::parse(&text));
        let mut activities = Self { from: time("from"), until: time("until"), ..Self::default() };
        source.children(|source, namespace, name| {
            if !is_rpid(namespace) {
                return source.skip();
            }
            if name == "note" {
                return Note::read(source, lang.as_ref(), &mut activities.notes);
            }
            let activity = match name {
                "other" => {
                    Some(source.text()?).filter(|text| !text.is_empty()).map(Activity::Other)
                }
                // As the drafts had it.
                "activity" => Activity::from_name(&source.text()?),
                _ => {
                    source.skip()?;
                    match name {
                        "dnd" if is_cisco(namespace) => Some(Activity::Busy),
                        _ => Activity::from_name(name),
                    }
                }
            };
            let Some(activity) = activity else { return Ok(()) };
            if activities.list.len() == source.limits.activities {
                return Err(Malformed::TooManyActivities);
            }
            activities.list.push(activity);
            Ok(())
        })?;
        Ok(activities)
    }

    /// Appends the element: notes, then activities (RFC 4480 §5.1).
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<rpid:activities");
        timestamp::write_in(out, "from", self.from);
        timestamp::write_in(out, "until", self.until);
        out.push(b'>');
        self.notes.iter().for_each(|note| note.write(out, "rpid:note"));
        let alone = self.list.iter().all(|activity| *activity == Activity::Unknown);
        if alone && !self.list.is_empty() {
            out.extend_from_slice(b"<rpid:unknown/>");
        }
        for activity in self.list.iter().filter(|activity| **activity != Activity::Unknown) {
            match activity {
                Activity::Other(text) if text.is_empty() => {}
                Activity::Other(text) => write_element(out, "rpid:other", text),
                named => {
                    out.extend_from_slice(b"<rpid:");
                    out.extend_from_slice(named.name().as_bytes());
                    out.extend_from_slice(b"/>");
                }
            }
        }
        write_end(out, "rpid:activities");
    }
}

/// Whether somebody uses a service or a device, RFC 4480 §3.14.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserInput {
    /// `idle`: no input for longer than the threshold. Otherwise `active`.
    pub is_idle: bool,
    /// When the last input came.
    pub last_input: Option<OffsetDateTime>,
    /// Seconds without input after which it counts as idle; more than 2^32-1 counts as that.
    pub idle_threshold: Option<NonZeroU32>,
}

impl UserInput {
    /// Reads the element just opened; `None` if it is neither `active` nor `idle`.
    pub(super) fn read(source: &mut Source<'_>) -> Result<Option<Self>, Malformed> {
        let last_input = source.attribute("last-input").and_then(|text| timestamp::parse(&text));
        let idle_threshold = source.attribute("idle-threshold").and_then(|text| seconds(&text));
        let is_idle = match &*source.text()? {
            "idle" => true,
            "active" => false,
            _ => return Ok(None),
        };
        Ok(Some(Self { is_idle, last_input, idle_threshold }))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<rpid:user-input");
        if let Some(seconds) = self.idle_threshold {
            write_attribute(out, "idle-threshold", &seconds.to_string());
        }
        timestamp::write_in(out, "last-input", self.last_input);
        out.push(b'>');
        out.extend_from_slice(if self.is_idle { b"idle" } else { b"active" });
        write_end(out, "rpid:user-input");
    }
}

/// `xs:positiveInteger`.
fn seconds(text: &str) -> Option<NonZeroU32> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    NonZeroU32::new(digits.parse().unwrap_or(u32::MAX))
}
