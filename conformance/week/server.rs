//! The XMPP server with its users, as Prosody 0.12 was seen to treat a component.

use std::collections::BTreeMap;

use bytes::Bytes;
use stox::codec::xml::Limits;
use stox::codec::xmpp::{self, Presence, PresenceKind, Stanza, StreamContext};

use crate::wire::{MS, S, number_of, sip_name, xmpp_name};
use crate::world::{Happening, Stage};

/// What a device shows: show and words.
pub(crate) type Shown = (Option<&'static str>, String);

/// A contact in a roster.
#[derive(Debug, Default)]
pub(crate) struct Contact {
    pub(crate) phone: usize,
    pub(crate) to: bool,
    pub(crate) from: bool,
    ask: bool,
    asked: bool,
    /// What the XMPP user believes of the SIP user.
    pub(crate) believed: BTreeMap<String, Shown>,
}

/// An XMPP user.
#[derive(Debug, Default)]
pub(crate) struct User {
    pub(crate) devices: BTreeMap<String, Shown>,
    pub(crate) contacts: Vec<Contact>,
}

/// The server.
pub(crate) struct Server {
    pub(crate) up: bool,
    pub(crate) users: Vec<User>,
    stream: Option<u64>,
    context: StreamContext,
    words: u64,
}

const SHOWS: [Option<&str>; 5] = [None, Some("away"), Some("chat"), Some("dnd"), Some("xa")];

impl Server {
    pub(crate) fn new(count: usize) -> Self {
        let user = |number: usize| User {
            devices: BTreeMap::new(),
            contacts: [number, (number + 1) % count]
                .map(|phone| Contact { phone, ..Contact::default() })
                .into(),
        };
        Server {
            up: true,
            users: (0..count).map(user).collect(),
            stream: None,
            context: StreamContext::component(Limits::default()),
            words: 0,
        }
    }

    pub(crate) fn linked(&mut self, stream: u64) {
        self.stream = Some(stream);
    }

    pub(crate) fn link_lost(&mut self) {
        self.stream = None;
    }

    /// Everybody is thrown out; who was there comes back when the server does.
    pub(crate) fn restart(&mut self, stage: &mut Stage) {
        (self.up, self.stream) = (false, None);
        for contact in self.users.iter_mut().flat_map(|user| &mut user.contacts) {
            contact.believed.clear();
        }
        let down = 2 * S + stage.dice.below(20 * S);
        stage.later(down, Happening::ServerBack);
    }

    pub(crate) fn back(&mut self, stage: &mut Stage) {
        self.up = true;
        stage.later(S / 10, Happening::Connect);
        for number in 0..self.users.len() {
            let devices = std::mem::take(&mut self.users[number].devices);
            for (device, shown) in devices {
                self.appears(stage, number, &device, shown);
            }
        }
    }

    fn send(&self, stage: &mut Stage, stanza: String) {
        if let Some(stream) = self.stream {
            stage.later(MS, Happening::XmppIn(stream, Bytes::from(stanza)));
        }
    }

    fn subscription(&self, stage: &mut Stage, user: usize, phone: usize, kind: &str) {
        let (from, to) = (xmpp_name(user), sip_name(phone));
        let id = if kind == "subscribe" { " id='s'" } else { "" };
        self.send(
            stage,
            format!(
                "<presence from='{from}@xmpp.test' to='{to}@sip.xmpp.test' type='{kind}'{id}/>"
            ),
        );
    }

    fn presence(&self, stage: &mut Stage, user: usize, phone: usize, device: &str, shown: &Shown) {
        let (from, to) = (xmpp_name(user), sip_name(phone));
        let show = shown.0.map(|show| format!("<show>{show}</show>")).unwrap_or_default();
        let words = &shown.1;
        self.send(
            stage,
            format!(
                "<presence from='{from}@xmpp.test/{device}' to='{to}@sip.xmpp.test'>{show}\
                 <status>{words}</status></presence>"
            ),
        );
    }

    fn gone(&self, stage: &mut Stage, user: usize, phone: usize, device: Option<&str>) {
        let (from, to) = (xmpp_name(user), sip_name(phone));
        let device = device.map(|device| format!("/{device}")).unwrap_or_default();
        let kind = "unavailable";
        self.send(
            stage,
            format!(
                "<presence from='{from}@xmpp.test{device}' to='{to}@sip.xmpp.test' type='{kind}'/>"
            ),
        );
    }

    fn probe(&self, stage: &mut Stage, user: usize, phone: usize, device: &str) {
        let (from, to) = (xmpp_name(user), sip_name(phone));
        self.send(
            stage,
            format!(
                "<presence from='{from}@xmpp.test{device}' to='{to}@sip.xmpp.test' type='probe'/>"
            ),
        );
    }

    fn appears(&mut self, stage: &mut Stage, number: usize, device: &str, shown: Shown) {
        let new = self.users[number].devices.insert(device.to_owned(), shown.clone()).is_none();
        for at in 0..self.users[number].contacts.len() {
            let Contact { phone, to, from, ask, .. } = self.users[number].contacts[at];
            if new && to {
                self.probe(stage, number, phone, &format!("/{device}"));
            }
            if new && ask {
                self.subscription(stage, number, phone, "subscribe");
            }
            if from {
                self.presence(stage, number, phone, device, &shown);
            }
        }
    }

    fn vanishes(&mut self, stage: &mut Stage, number: usize, device: &str) {
        self.users[number].devices.remove(device);
        let offline = self.users[number].devices.is_empty();
        for at in 0..self.users[number].contacts.len() {
            let contact = &mut self.users[number].contacts[at];
            if offline {
                contact.believed.clear();
            }
            let (phone, from) = (contact.phone, contact.from);
            if from {
                self.gone(stage, number, phone, Some(device));
            }
        }
    }

    /// A user does something.
    pub(crate) fn act(&mut self, stage: &mut Stage, up: Option<u64>, number: usize) {
        if !self.up {
            return;
        }
        debug_assert!(self.stream.is_none() || self.stream == up);
        self.words += 1;
        let words = format!("w{}", self.words);
        let device = stage.dice.of(&["balcony", "hall"]);
        let show = stage.dice.of(&SHOWS);
        let at = usize::try_from(stage.dice.below(2)).expect("an index");
        let there = self.users[number].devices.contains_key(device);
        match stage.dice.below(20) {
            0..7 if there => self.vanishes(stage, number, device),
            0..7 => self.appears(stage, number, device, (show, words)),
            7..11 if there => self.appears(stage, number, device, (show, words)),
            _ => self.roster(stage, number, at),
        }
    }

    fn roster(&mut self, stage: &mut Stage, number: usize, at: usize) {
        let chance = stage.dice.below(10);
        let contact = &mut self.users[number].contacts[at];
        let phone = contact.phone;
        if contact.asked && chance < 7 {
            contact.asked = false;
            contact.from = chance < 6;
            let (granted, to) = (contact.from, contact.to);
            let kind = if granted { "subscribed" } else { "unsubscribed" };
            self.subscription(stage, number, phone, kind);
            if granted {
                self.show_all(stage, number, phone);
                if to {
                    self.probe(stage, number, phone, "");
                }
            }
        } else if !contact.to && chance < 9 {
            contact.ask = true;
            stage.tally.count("subscribes");
            self.subscription(stage, number, phone, "subscribe");
        } else if contact.to && chance == 9 {
            (contact.to, contact.ask) = (false, false);
            contact.believed.clear();
            stage.tally.count("unsubscribes");
            self.subscription(stage, number, phone, "unsubscribe");
        } else if contact.from && chance == 8 {
            contact.from = false;
            stage.tally.count("cancels");
            self.subscription(stage, number, phone, "unsubscribed");
            self.gone(stage, number, phone, None);
        }
    }

    fn show_all(&self, stage: &mut Stage, number: usize, phone: usize) {
        for (device, shown) in &self.users[number].devices {
            self.presence(stage, number, phone, device, shown);
        }
    }

    /// A stanza of the gateway's.
    pub(crate) fn stanza(&mut self, stage: &mut Stage, stream: u64, octets: &Bytes) {
        if self.stream != Some(stream) {
            return;
        }
        match xmpp::parse(&self.context, octets.clone()) {
            Ok(Stanza::Presence(presence)) => self.presence_in(stage, &presence),
            Ok(Stanza::Iq(iq)) => {
                let (from, to) = (iq.to.expect("to"), iq.from.expect("from"));
                let reply = format!("<iq type='result' id='{}' from='{from}' to='{to}'/>", iq.id);
                self.send(stage, reply);
            }
            other => panic!("unexpected: {other:?}"),
        }
    }

    fn presence_in(&mut self, stage: &mut Stage, presence: &Presence) {
        stage.tally.count("stanzas to users");
        let (from, to) = (presence.from.as_ref().expect("from"), presence.to.as_ref().expect("to"));
        let (Some(phone), Some(number)) =
            (number_of(from.node().unwrap_or_default()), number_of(to.node().unwrap_or_default()))
        else {
            return;
        };
        let online = !self.users[number].devices.is_empty();
        let contacts = &mut self.users[number].contacts;
        let Some(contact) = contacts.iter_mut().find(|contact| contact.phone == phone) else {
            return;
        };
        match presence.kind {
            PresenceKind::Subscribe if contact.from => {
                self.subscription(stage, number, phone, "subscribed");
                self.show_all(stage, number, phone);
            }
            PresenceKind::Subscribe => {
                contact.asked = true;
                self.gone(stage, number, phone, None);
            }
            PresenceKind::Subscribed => {
                if std::mem::take(&mut contact.ask) {
                    contact.to = true;
                }
            }
            PresenceKind::Unsubscribed => {
                (contact.to, contact.ask) = (false, false);
                contact.believed.clear();
            }
            PresenceKind::Unsubscribe => contact.from = false,
            PresenceKind::Probe if contact.from && online => self.show_all(stage, number, phone),
            PresenceKind::Probe if contact.from => self.gone(stage, number, phone, None),
            PresenceKind::Probe | PresenceKind::Error => {}
            PresenceKind::Available | PresenceKind::Unavailable => {
                if contact.to && online {
                    believe(contact, presence, from.resource());
                }
            }
        }
    }
}

fn believe(contact: &mut Contact, presence: &Presence, resource: Option<&str>) {
    match (presence.kind, resource) {
        (PresenceKind::Unavailable, None) => contact.believed.clear(),
        (PresenceKind::Unavailable, Some(resource)) => {
            contact.believed.remove(resource);
        }
        (_, resource) => {
            let words = presence.statuses.first().map(|status| status.text.to_string());
            let shown = (presence.show.map(xmpp::Show::name), words.unwrap_or_default());
            contact.believed.insert(resource.unwrap_or_default().to_owned(), shown);
        }
    }
}
