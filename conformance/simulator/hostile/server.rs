//! An XMPP server that closes a stream as real ones do, with its users: bystanders, attackers, and
//! nobody.

use std::collections::VecDeque;

use bytes::Bytes;
use rxml::Parse as _;
use rxml::error::EndOrError;
use stox::codec::xml::Limits;
use stox::codec::xmpp::{
    self, Iq, IqKind, Jid, Message, MessageKind, Presence, PresenceKind, Stanza, StreamContext,
};

use super::books::{Books, To};
use super::plan::{COMPONENT, Plan, XMPP_DOMAIN};
use crate::agenda::Micros;
use crate::coverage::Coverage;
use crate::dice::Dice;
use crate::words::number;

#[derive(Debug)]
pub(super) struct Server {
    dice: Dice,
    octets: usize,
    depth: u32,
    context: StreamContext,
    /// What each bystander of XMPP shows: the number of the state.
    pub(super) states: Vec<usize>,
    /// Ids that an attacker may have seen: of stanzas for others.
    pub(super) ids: VecDeque<String>,
    out: Vec<Bytes>,
}

/// A stanza that is not for the bystanders alone.
type Judged = Result<(), String>;

impl Server {
    pub(super) fn new(plan: &Plan, dice: Dice) -> Self {
        let max_depth = plan.server.1;
        let wide = Limits { max_stanza_octets: usize::MAX / 2, max_depth, ..Limits::default() };
        Server {
            dice,
            octets: plan.server.0,
            depth: plan.server.1,
            context: StreamContext::component(wide),
            states: vec![0; plan.bystanders],
            ids: VecDeque::new(),
            out: Vec::new(),
        }
    }

    /// What it wrote meanwhile.
    pub(super) fn written(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.out)
    }

    pub(super) fn write(&mut self, text: String) {
        self.out.push(text.into());
    }

    /// A stanza of the gateway's: `Err` closes the stream, or breaks the books.
    pub(super) fn read(
        &mut self,
        octets: &Bytes,
        now: Micros,
        books: &mut Books,
        coverage: &mut Coverage,
    ) -> Judged {
        let closes = |why: String| Err(format!("the server closes the stream: {why}"));
        if octets.len() > self.octets {
            return closes(format!("policy-violation, {} octets", octets.len()));
        }
        match depth(octets) {
            Err(error) => return closes(format!("not-well-formed, {error}")),
            Ok(depth) if depth > self.depth => {
                return closes(format!("policy-violation, {depth} deep"));
            }
            Ok(_) => {}
        }
        let stanza = match xmpp::parse(&self.context, octets.clone()) {
            Ok(stanza) => stanza,
            Err(error) => return closes(format!("{error}")),
        };
        let (from, to) = addresses(&stanza);
        if from.as_ref().is_none_or(|from| from.domain() != COMPONENT) {
            return closes("invalid-from".to_owned());
        }
        let Some(to) = to else { return closes("improper-addressing".to_owned()) };
        let user = to.node().unwrap_or_default();
        match &stanza {
            Stanza::Iq(iq) if iq.kind == IqKind::Get => self.ping(iq),
            Stanza::Message(message) if message.kind == MessageKind::Error => {
                let id = message.id.as_deref().and_then(|id| number(id, 'b'));
                if let Some(id) = id.filter(|_| user.starts_with("jb")) {
                    return Err(format!("a bystander's message b{id} failed"));
                }
            }
            Stanza::Message(message) => return self.message(message, user, now, books, coverage),
            Stanza::Presence(presence) => self.presence(presence, user, now, books, coverage),
            _ => {}
        }
        Ok(())
    }

    fn ping(&mut self, iq: &Iq) {
        self.seen(Some(&iq.id));
        let id = &*iq.id;
        self.write(format!("<iq type='result' id='{id}' from='{XMPP_DOMAIN}' to='{COMPONENT}'/>"));
    }

    fn seen(&mut self, id: Option<&str>) {
        if self.ids.len() > 20 {
            self.ids.pop_front();
        }
        self.ids.extend(id.map(str::to_owned));
    }

    fn message(
        &mut self,
        message: &Message,
        user: &str,
        now: Micros,
        books: &mut Books,
        coverage: &mut Coverage,
    ) -> Judged {
        self.seen(message.id.as_deref());
        let body = message.bodies.first().map(|body| body.text.to_string()).unwrap_or_default();
        let sender = message
            .from
            .as_ref()
            .and_then(|from| from.node().map(str::to_owned))
            .unwrap_or_default();
        if user.starts_with("jb") {
            let said = number(&body, 'y').filter(|_| sender.starts_with("rb"));
            return said.map_or(Ok(()), |said| books.came(To::Xmpp, said as usize, now));
        }
        if user.starts_with('h') && self.dice.chance(700) {
            return Ok(());
        }
        // Nobody of that name; or a user who gives everything back, with what stood in it.
        coverage.hit("hostile.bounced");
        let (id, from, to) =
            (message.id.as_deref().unwrap_or_default(), text(&message.to), text(&message.from));
        let words = "&lt;".repeat(self.dice.pick(&[0, 10, 1_000, 20_000]));
        self.write(format!(
            "<message type='error' id='{id}' from='{from}' to='{to}'><error type='cancel'>\
             <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
             <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>{words}</text></error></message>"
        ));
        Ok(())
    }

    fn presence(
        &mut self,
        presence: &Presence,
        user: &str,
        now: Micros,
        books: &mut Books,
        coverage: &mut Coverage,
    ) {
        let contact = text(&presence.from.as_ref().map(Jid::bare));
        let bystander = user.strip_prefix("jb").and_then(|rest| rest.parse::<usize>().ok());
        let Some(pair) = bystander.filter(|pair| *pair < self.states.len()) else {
            return self.hostile(presence, user, &contact, coverage);
        };
        // Her own contact, of whom she wants to know.
        let known = contact == format!("rb{pair}@{COMPONENT}");
        let hostile = contact.starts_with("sh");
        let her = format!("jb{pair}@{XMPP_DOMAIN}");
        match presence.kind {
            PresenceKind::Subscribe if known => {
                self.write(format!("<presence type='subscribed' from='{her}' to='{contact}'/>"));
                self.show(pair, &contact);
            }
            PresenceKind::Probe if known => self.show(pair, &contact),
            PresenceKind::Available if known => {
                let state = presence.statuses.first().and_then(|status| number(&status.text, 'n'));
                if let Some(state) = state {
                    books.sees(To::Xmpp, pair, state as usize, now);
                }
            }
            PresenceKind::Available if hostile => coverage.hit("hostile.shown_to_a_bystander"),
            _ => {}
        }
    }

    /// A bystander's state, for her contact.
    pub(super) fn show(&mut self, pair: usize, contact: &str) {
        let state = self.states[pair];
        self.write(format!(
            "<presence from='jb{pair}@{XMPP_DOMAIN}/balcony' to='{contact}'><status>p{state}.</status></presence>"
        ));
    }

    fn hostile(&mut self, presence: &Presence, user: &str, contact: &str, coverage: &mut Coverage) {
        if !user.starts_with('h') {
            return;
        }
        match presence.kind {
            PresenceKind::Subscribe => {
                coverage.hit("hostile.asked");
                let kind = self.dice.pick(&["subscribed", "subscribed", "unsubscribed", ""]);
                if !kind.is_empty() {
                    self.write(format!(
                        "<presence type='{kind}' from='{user}@{XMPP_DOMAIN}' to='{contact}'/>"
                    ));
                }
            }
            PresenceKind::Probe => {
                let words = "&amp;".repeat(self.dice.pick(&[0, 10, 1_024, 10_000]));
                self.write(format!(
                    "<presence from='{user}@{XMPP_DOMAIN}/x' to='{contact}'><status>{words}</status></presence>"
                ));
            }
            _ => {}
        }
    }
}

fn text(jid: &Option<Jid>) -> String {
    jid.as_ref()
        .map(|jid| jid.as_str().replace('&', "&amp;").replace('\'', "&apos;").replace('<', "&lt;"))
        .unwrap_or_default()
}

fn addresses(stanza: &Stanza) -> (Option<Jid>, Option<Jid>) {
    match stanza {
        Stanza::Message(it) => (it.from.clone(), it.to.clone()),
        Stanza::Presence(it) => (it.from.clone(), it.to.clone()),
        Stanza::Iq(it) => (it.from.clone(), it.to.clone()),
        _ => (None, None),
    }
}

/// How deep an element is, the element itself being 1, as a parser of another hand reads it. That
/// one takes no value longer than 8,192 octets: there what the project's own reads must do.
fn depth(octets: &[u8]) -> Result<u32, String> {
    let mut parser = rxml::Parser::new();
    let text = [b"<s xmlns='jabber:component:accept'>", octets, b"</s>"].concat();
    let (mut rest, mut depth, mut deepest) = (&text[..], 0_u32, 1);
    loop {
        match parser.parse(&mut rest, true) {
            Err(EndOrError::Error(rxml::Error::RestrictedXml("long name or reference"))) => {
                return Ok(deepest - 1);
            }
            Err(error) => return Err(format!("{error:?}")),
            Ok(None) => return Ok(deepest - 1),
            Ok(Some(rxml::Event::StartElement(..))) => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            Ok(Some(rxml::Event::EndElement(_))) => depth -= 1,
            Ok(Some(_)) => {}
        }
    }
}
