//! An invitation to a room (XEP-0249) as text: its recipient joins with an XMPP client, or asks
//! whoever invites.

use super::piece::Piece;
use super::{add, tag};
use crate::codec::xml::Element;
use crate::codec::xmpp::{Jid, xmpp_uri};
use crate::rules::{Messages, Phrase};
use crate::translate::plain::line;

/// Characters of a reason, and of a password.
const MAX_REASON: usize = 1_024;
const MAX_PASSWORD: usize = 256;

/// The lines of an invitation; none where it names no room.
pub(super) fn piece(element: &Element, settings: &Messages, lang: Option<&str>) -> Option<Piece> {
    let room = Jid::parse(element.attr("jid")?).ok()?;
    let uri = format!("{}?join", xmpp_uri::uri_of(&room.bare()));
    let said = settings.texts.fill(Phrase::Invitation, lang, &[("room", &uri)]);
    let lang_of_text = tag(&said);
    let mut text = said.text;
    let own = |name: &str, most| element.attr(name).map(|value| line(value, most));
    if let Some(reason) = own("reason", MAX_REASON).filter(|reason| !reason.is_empty()) {
        add(&mut text, &reason);
    }
    if let Some(password) = own("password", MAX_PASSWORD).filter(|it| !it.is_empty()) {
        let said = settings.texts.fill(Phrase::Password, lang, &[("password", &password)]);
        add(&mut text, &said.text);
    }
    Some(Piece { uri: Some(uri), text, lang: lang_of_text })
}
