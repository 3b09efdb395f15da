//! What becomes of a secured message from XMPP.

use super::stanza::{Kind, Seen, in_message};
use super::{MAX_AGE_MS, Whose, object, otr, untranslatable, with_said};
use crate::codec::mime::SmimeObject;
use crate::codec::sip::Status;
use crate::codec::xml::Element;
use crate::codec::xmpp::{Condition, LangText, Message, MessageKind, StanzaError, ns};
use crate::flow::{
    Decision, EncryptionFound, EncryptionReport, Forms, Notice, Now, Outbound, Profile, Towards,
};
use crate::rules::encryption::{Between, Carried, Handling, Named, Saying};
use crate::rules::{Facts, Rules};
use crate::translate::message;

/// What becomes of a message.
#[derive(Debug)]
pub(in crate::translate) enum Outward {
    /// Its text crosses; what was met is told.
    Text(Option<EncryptionFound>),
    /// Its object crosses.
    Object(Box<SmimeObject>, EncryptionFound),
    /// The object waited for too long.
    Stale,
    /// Its sender is told.
    Refused(Box<StanzaError>, Box<EncryptionReport>),
    /// Nobody is told.
    Ignored(EncryptionFound),
}

/// Looks at a message to SIP, and takes out of it what must not cross.
pub(in crate::translate) fn outward(rules: &Rules, now: Now, outbound: &mut Outbound) -> Outward {
    if outbound.notice {
        return Outward::Text(None);
    }
    let encryption = &rules.encryption;
    let seen = in_message(encryption, &outbound.stanza);
    if seen.is_empty() {
        return Outward::Text(None);
    }
    let whole = Looking { rules, outbound, seen: &seen };
    if let Some(ignored) = whole.ignored() {
        return Outward::Ignored(ignored);
    }
    match whole.secured() {
        Verdict::Decided(outward) => *outward,
        Verdict::Object(object, sighting) => {
            outbound.profile = Profile::Object;
            outbound.forms = Forms::One;
            match now.unix_ms.saturating_sub(outbound.received.unix_ms) > MAX_AGE_MS {
                true => Outward::Stale,
                false => Outward::Object(object, sighting),
            }
        }
        Verdict::Exact(sighting) => {
            outbound.profile = Profile::Text;
            outbound.forms = Forms::One;
            Outward::Text(Some(sighting))
        }
        Verdict::Readable { sighting, offers } => {
            if offers {
                outbound.stanza.bodies.iter_mut().for_each(without_offer);
            }
            Outward::Text(sighting)
        }
    }
}

fn without_offer(body: &mut LangText) {
    if let std::borrow::Cow::Owned(text) = otr::without_offer(&body.text) {
        body.text = text.into();
    }
}

/// What was decided, before the message is changed.
enum Verdict {
    Decided(Box<Outward>),
    Object(Box<SmimeObject>, EncryptionFound),
    Exact(EncryptionFound),
    /// `offers`: what offers OTR in its white space is to be taken out.
    Readable {
        sighting: Option<EncryptionFound>,
        offers: bool,
    },
}

struct Looking<'a> {
    rules: &'a Rules,
    outbound: &'a Outbound,
    seen: &'a [Seen<'a>],
}

impl Looking<'_> {
    fn whose(&self) -> Whose<'_> {
        let Outbound { correlation, sender, recipient, stanza, .. } = self.outbound;
        let id = stanza.id.as_deref().unwrap_or_default();
        Whose { correlation: *correlation, towards: Towards::Sip, from: sender, to: recipient, id }
    }

    fn sighting(&self, seen: &Seen<'_>, decision: Decision) -> EncryptionFound {
        self.whose().sighting(&seen.named.name, &seen.place, decision)
    }

    fn course(&self, seen: &Seen<'_>) -> Handling {
        let between = Between {
            sender: self.outbound.sender.domain(),
            recipient: self.outbound.recipient.domain(),
            native: self.outbound.native,
        };
        self.rules.encryption.decided(&self.facts(seen), seen.named.scheme, &between)
    }

    /// What a rule can ask for.
    fn facts<'s>(&'s self, seen: &'s Seen<'_>) -> Facts<'s> {
        Facts { scheme: seen.named.names(), ..self.outbound.facts() }
    }

    /// Keys alone, and copies of what others wrote, are nothing to tell anybody (XEP-0384 §5.9,
    /// XEP-0280).
    fn ignored(&self) -> Option<EncryptionFound> {
        let stanza = &self.outbound.stanza;
        let first = self.seen.first()?;
        let is_element = |seen: &&Seen<'_>| matches!(seen.kind, Kind::Content | Kind::KeysAlone);
        let mut elements = self.seen.iter().filter(is_element).peekable();
        let keys_alone =
            elements.peek().is_some() && elements.all(|seen| seen.kind == Kind::KeysAlone);
        (stanza.is_carbon() || keys_alone).then(|| self.sighting(first, Decision::Ignored))
    }

    /// Whether it decides what becomes of the message: a readable text may lose its signature, or
    /// not, by rule.
    fn decides(&self, seen: &Seen<'_>) -> bool {
        match seen.kind {
            Kind::Content | Kind::Announced | Kind::Text => true,
            Kind::Signature => self.course(seen) != Handling::StripSignature,
            Kind::KeysAlone | Kind::Offer => false,
        }
    }

    fn secured(&self) -> Verdict {
        let decisive: Vec<&Seen<'_>> = self.seen.iter().filter(|seen| self.decides(seen)).collect();
        let Some(first) = decisive.first() else { return self.readable() };
        // An object that is none is its sender's mistake, whatever the policy says.
        let object =
            match object::in_children(&self.rules.encryption, &self.outbound.stanza.extensions) {
                Some(Err(refused)) => return self.refused(first, refused.error()),
                Some(Ok(object)) => Some(object),
                None => None,
            };
        if let Some(stopped) = decisive.iter().find(|seen| self.course(seen) != Handling::Relay) {
            return self.untranslatable(stopped);
        }
        let sighting = self.sighting(first, Decision::Relayed);
        match (first.named.scheme.carried, object) {
            (Some(Carried::Object), Some(object)) => Verdict::Object(Box::new(object), sighting),
            (Some(Carried::Text), None) if first.named.scheme.is_otr => Verdict::Exact(sighting),
            _ => self.untranslatable(first),
        }
    }

    /// A text that can be read: without its signature, without the offer in its white space.
    fn readable(&self) -> Verdict {
        let is_offer = |seen: &&Seen<'_>| seen.kind == Kind::Offer;
        let mut offers = self.seen.iter().filter(is_offer);
        let offer = offers.find(|seen| self.course(seen) != Handling::Relay);
        let signature = self.seen.iter().find(|seen| seen.kind == Kind::Signature);
        let signature = signature.map(|seen| self.sighting(seen, Decision::SignatureLeftOut));
        let left_out = || Some(self.sighting(offer?, Decision::OfferLeftOut));
        Verdict::Readable { sighting: signature.or_else(left_out), offers: offer.is_some() }
    }

    fn untranslatable(&self, seen: &Seen<'_>) -> Verdict {
        let (facts, lang) = (self.facts(seen), self.outbound.stanza.lang.as_deref());
        let error = untranslatable_error(self.rules, &facts, &seen.named, Saying::Refused, lang);
        self.refused(seen, error)
    }

    fn refused(&self, seen: &Seen<'_>, error: StanzaError) -> Verdict {
        let sighting = self.sighting(seen, Decision::Refused);
        let notice = (self.course(seen) == Handling::Notify).then(|| notice(self, seen));
        let flag = Box::new(EncryptionReport { sighting, notice });
        Verdict::Decided(Box::new(Outward::Refused(Box::new(error), flag)))
    }
}

pub(super) fn untranslatable_error(
    rules: &Rules,
    facts: &Facts<'_>,
    named: &Named<'_>,
    saying: Saying,
    lang: Option<&str>,
) -> StanzaError {
    let said = rules.encryption.say(facts, saying, lang, &named.title, "");
    let error = StanzaError::new(Condition::NotAcceptable);
    with_said(error, said).with_application(untranslatable(&named.name))
}

/// A word to the SIP user, from the XMPP user who tried to write, so that an answer reaches them.
fn notice(looking: &Looking<'_>, seen: &Seen<'_>) -> Notice {
    let Looking { rules, outbound, .. } = looking;
    let facts = looking.facts(seen);
    let lang = outbound.stanza.lang.as_deref();
    let uri = outbound.from.uri().as_str();
    let address = uri.split(';').next().unwrap_or(uri);
    let said = rules.encryption.say(&facts, Saying::Notice, lang, &seen.named.title, address);
    let body = LangText { lang: None, text: said.text.into() };
    let stanza = Message {
        from: Some(outbound.sender.clone()),
        to: Some(outbound.recipient.clone()),
        kind: MessageKind::Chat,
        lang: Some(said.lang.into()),
        bodies: vec![body],
        ..Message::default()
    };
    let outbound =
        Box::new(Outbound { stanza: Box::new(stanza), notice: true, ..Outbound::clone(outbound) });
    let rendered = message::to_sip(rules.messages.of(&outbound.facts()), &outbound);
    Notice::ToSip { outbound, rendered }
}

/// What is said besides when SIP refuses an object that was relayed.
pub(in crate::translate) fn error_of_object(
    rules: &Rules,
    error: StanzaError,
    status: Status,
    asked: &Facts<'_>,
    lang: Option<&str>,
) -> StanzaError {
    match status.code() {
        // RFC 3923 §7, case 5: both sides say the same.
        493 => {
            let condition = Element {
                ns: rules.encryption.conditions.into(),
                ..Element::new("decryption-failed", "")
            };
            error.with_application(condition)
        }
        415 => {
            let named = rules.encryption.of_namespace(ns::E2E);
            let scheme = named.as_ref().map(|named| named.names()).unwrap_or_default();
            let facts = Facts { scheme, ..*asked };
            let said = rules.encryption.say(&facts, Saying::NotTaken, lang, "S/MIME", "");
            let mut error = with_said(error, said);
            // One text for each language (RFC 6120 §8.3.2); the gateway's own goes first.
            error.texts.reverse();
            error.texts.dedup_by(|later, first| later.lang == first.lang);
            error
        }
        _ => error,
    }
}
