//! What is remembered of users and of messages that are done with.

use std::time::Duration;

use super::ids::Purpose;
use super::{State, spelling};
use crate::codec::sip::{Uri, percent};
use crate::codec::xmpp::Jid;
use crate::flow::{CommitId, DeliveryId, Effect, Instant, Now, Profile, Record};

/// Targets that are remembered to want bare text.
const TEXT_TARGETS: usize = 100_000;

impl State {
    /// The form that a target is remembered to want instead of the usual one.
    #[must_use]
    pub fn remembered(&self, target: &str, now: Now) -> Option<Profile> {
        let until = self.text_targets.get(target)?;
        (*until > now.unix_ms).then_some(Profile::Text)
    }

    /// Remembers that a target wants another form, on disk as well.
    pub(super) fn remember(
        &mut self,
        now: Now,
        id: DeliveryId,
        profile: Profile,
        kept: Duration,
        effects: &mut Vec<Effect>,
    ) {
        let Some(delivery) = self.deliveries.get(id) else { return };
        if profile == Profile::Text {
            let address = delivery.outbound.target.as_str().to_owned();
            self.remember_text(now, address, kept, effects);
        }
    }

    /// Remembers that a target wants bare text, unless that is remembered for long enough.
    pub(super) fn remember_text(
        &mut self,
        now: Now,
        address: String,
        kept: Duration,
        effects: &mut Vec<Effect>,
    ) {
        let kept = u64::try_from(kept.as_millis()).unwrap_or(u64::MAX);
        let until_unix_ms = now.unix_ms.saturating_add(kept);
        let half = now.unix_ms.saturating_add(kept / 2);
        if self.text_targets.get(address.as_str()).is_some_and(|until| *until > half) {
            return;
        }
        if self.text_targets.len() >= TEXT_TARGETS {
            self.text_targets.retain(|_, until| *until > now.unix_ms);
            if self.text_targets.len() >= TEXT_TARGETS {
                return;
            }
        }
        self.text_targets.insert(address.as_str().into(), until_unix_ms);
        self.commits += 1;
        effects.push(Effect::Commit {
            id: CommitId(self.commits),
            records: vec![Record::TextProfile { address, until_unix_ms }],
            then: Vec::new(),
        });
    }

    /// Whether a device was seen lately: the full JID of a stanza, or of a SIP user whose GRUU was
    /// in a request.
    #[must_use]
    pub fn knows_device(&self, jid: &Jid) -> bool {
        self.devices.knows(self.device_key(jid))
    }

    pub(super) fn device_key(&self, jid: &Jid) -> u64 {
        self.hash(Purpose::Device, &[jid.as_str().as_bytes()])
    }

    /// Notes a device, if the address names one.
    fn note_device(&mut self, jid: &Jid) {
        if !jid.is_bare() {
            let key = self.device_key(jid);
            self.devices.note(key);
        }
    }

    /// Whether a SIP user was there since the start, or is shown as there by what the store holds:
    /// wrote, took a message, asked for presence or was shown as present. An address that never was
    /// may be a mistake in writing. At most 100,000; the oldest is forgotten.
    #[must_use]
    pub fn has_been_seen(&self, jid: &Jid) -> bool {
        self.seen.knows(self.seen_key(jid))
    }

    fn seen_key(&self, jid: &Jid) -> u64 {
        self.hash(Purpose::Seen, &[jid.bare_str().as_bytes()])
    }

    /// Notes a SIP user as there.
    pub(super) fn note_seen(&mut self, jid: &Jid) {
        let key = self.seen_key(jid);
        self.seen.note(key);
    }

    /// Notes who took a message, as a status says, as there.
    pub(super) fn note_taken(&mut self, id: DeliveryId, status: u16) {
        let taken = self.deliveries.get(id).filter(|_| status / 100 == 2);
        let key = taken.map(|it| self.seen_key(&it.outbound.recipient));
        if let Some(key) = key {
            self.seen.note(key);
        }
    }

    /// How the SIP user behind a JID writes himself, if not as the JID says.
    #[must_use]
    pub fn sip_spelling(&self, jid: &Jid) -> Option<&str> {
        self.spellings.get(self.hash(Purpose::SipSpelling, &[jid.bare_str().as_bytes()]))
    }

    /// The localpart of the XMPP user behind a SIP URI, if it is not the one that is made of it.
    #[must_use]
    pub fn xmpp_spelling(&self, uri: &Uri) -> Option<&str> {
        self.spellings.get(self.user_key(uri)?)
    }

    fn user_key(&self, uri: &Uri) -> Option<u64> {
        let user = percent::decode_utf8(uri.user()?)?;
        let host = uri.host_str().trim_end_matches('.').to_ascii_lowercase();
        Some(self.hash(Purpose::XmppSpelling, &[user.as_bytes(), host.as_bytes()]))
    }

    /// Notes an XMPP user who wrote: device and spelling; `uri` is his SIP URI.
    pub(super) fn note_xmpp_user(&mut self, jid: &Jid, uri: &Uri) {
        self.note_device(jid);
        if let Some(key) = self.user_key(uri) {
            self.spellings.note(key, spelling::of_xmpp_user(jid));
        }
    }

    /// Notes a SIP user who wrote: device and spelling.
    pub(super) fn note_sip_user(&mut self, uri: &Uri, jid: &Jid) {
        self.note_device(jid);
        self.note_seen(jid);
        let key = self.hash(Purpose::SipSpelling, &[jid.bare_str().as_bytes()]);
        self.spellings.note(key, spelling::of_sip_user(uri, jid).as_deref());
    }

    /// Whether the gateway wrote a message of this id and text a short while ago.
    #[must_use]
    pub fn wrote_lately(&self, id: &str, text: &str, now: Instant) -> bool {
        self.echoes.knows(self.echo_key(id, text), now)
    }

    /// Notes a message as written now.
    pub(super) fn note_written(&mut self, id: &str, text: &str, now: Instant) {
        let key = self.echo_key(id, text);
        self.echoes.note(key, now);
    }

    fn echo_key(&self, id: &str, text: &str) -> u64 {
        self.hash(Purpose::Echo, &[id.as_bytes(), text.as_bytes()])
    }
}
