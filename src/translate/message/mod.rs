//! Messages in both directions (RFC 7572, RFC 3862, RFC 3428).

mod age;
pub(super) mod content;
mod edits;
mod elsewhere;
mod html;
pub(super) mod language;
mod multipart;
mod reading;
mod refusal;
mod shim;
mod to_sip;
mod to_xmpp;
mod xhtml_im;

pub(super) use shim::{Hops, hops};
pub(super) use to_sip::{display_name, object, to_sip};
pub(super) use to_xmpp::{Inward, to_xmpp};

/// What an HTML text says; `None` where it is too large.
pub(super) fn plain_text_of_html(html: &str) -> Option<String> {
    html::read(html).ok().map(|nodes| xhtml_im::plain_text(&nodes))
}
