//! What is remembered of users and of messages that are done with.

use super::client::Client;
use super::ids::Purpose;
use super::targets::{Agent, Targets};
use super::{State, spelling};
use crate::codec::sip::{Uri, percent};
use crate::codec::xmpp::Jid;
use crate::flow::{CommitId, DeliveryId, Effect, Evidence, Instant, Now, Record};

impl State {
    /// The agents seen behind the address of a SIP user.
    #[must_use]
    pub fn agents_of(&self, user: &Jid) -> &[Agent] {
        self.targets.agents(self.target_key(user))
    }

    /// The memory of what addresses can.
    #[must_use]
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Whether a message says more of its sender's agent than is known.
    #[must_use]
    pub fn is_news(&self, user: &Jid, agent: &str, cpim: Option<bool>, now: Now) -> bool {
        self.targets.is_news(self.target_key(user), agent, cpim, now)
    }

    /// Takes in what a message shows of its sender's agent, on disk as well.
    pub(super) fn learn_target(&mut self, now: Now, evidence: Evidence, effects: &mut Vec<Effect>) {
        let key = self.address_key(&evidence.address);
        let records = self.targets.learn(key, evidence, now);
        self.commit_targets(records, effects);
    }

    /// Notes whether the target of a message does not read the object that it got.
    pub(super) fn object_refused(&mut self, branch: u64, is_so: bool, effects: &mut Vec<Effect>) {
        let id = self.client(branch).filter(|_| is_so).and_then(Client::delivery);
        let Some(delivery) = id.and_then(|id| self.deliveries.get(id)) else { return };
        let key = self.target_key(&delivery.outbound.recipient);
        let records = self.targets.refused_cpim(key).into_iter().collect();
        self.commit_targets(records, effects);
    }

    /// Records that nothing waits for.
    pub(super) fn commit_targets(&mut self, records: Vec<Record>, effects: &mut Vec<Effect>) {
        if records.is_empty() {
            return;
        }
        self.commits += 1;
        effects.push(Effect::Commit { id: CommitId(self.commits), records, then: Vec::new() });
    }

    /// The key of a SIP user, under whichever component domain the JID names it.
    fn target_key(&self, user: &Jid) -> u64 {
        let pair = self.config.domains.of_jid(user.domain());
        let domain = pair.map_or(user.domain(), |pair| &pair.sip);
        self.hash(
            Purpose::Address,
            &[user.node().unwrap_or_default().as_bytes(), domain.as_bytes()],
        )
    }

    /// The same of an address as it is stored.
    pub(super) fn address_key(&self, address: &str) -> u64 {
        let (local, domain) = address.rsplit_once('@').unwrap_or(("", address));
        self.hash(Purpose::Address, &[local.as_bytes(), domain.as_bytes()])
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

    /// How the SIP user behind a JID spells the user part, if not as the JID says.
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

    /// Notes an XMPP user who wrote: device and spelling; `uri` is the user's SIP URI.
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
