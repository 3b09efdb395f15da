//! What everybody believes, beside the truth.

use std::collections::BTreeMap;

use crate::server::Shown;
use crate::wire::{sip_name, xmpp_name};
use crate::world::World;

/// How many differences are worth reading.
const MOST: usize = 20;

impl World {
    /// Every difference, in words.
    pub(crate) fn differences(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        self.of_xmpp_users(&mut found);
        self.of_sip_users(&mut found);
        found.truncate(MOST);
        found
    }

    fn of_xmpp_users(&mut self, found: &mut Vec<String>) {
        for (number, user) in self.server.users.iter().enumerate() {
            if user.devices.is_empty() {
                continue;
            }
            for contact in user.contacts.iter().filter(|contact| contact.to) {
                self.stage.tally.count("compared");
                let phone = &self.phones[contact.phone];
                let truth = match phone.allowed.get(&number) {
                    Some(Some(true)) => phone.devices.clone(),
                    _ => BTreeMap::new(),
                };
                let who = || {
                    let (watcher, presentity) = (xmpp_name(number), sip_name(contact.phone));
                    format!("{watcher} of {presentity} (allowed {:?})", phone.allowed.get(&number))
                };
                compare(&who, &contact.believed, &truth, found);
            }
        }
    }

    fn of_sip_users(&mut self, found: &mut Vec<String>) {
        for phone in &self.phones {
            for watch in phone.watches.iter().filter(|watch| watch.wanted) {
                self.stage.tally.count("compared");
                let user = &self.server.users[watch.user];
                let contact = user.contacts.iter().find(|it| it.phone == phone.number());
                let shown = contact.is_some_and(|contact| contact.from);
                let truth = if shown { user.devices.clone() } else { BTreeMap::new() };
                let who = || {
                    let (watcher, presentity) = (sip_name(phone.number()), xmpp_name(watch.user));
                    format!("{watcher} of {presentity} (active {}, from {shown})", watch.active)
                };
                compare(&who, &watch.believed, &truth, found);
            }
        }
    }
}

fn compare(
    who: &dyn Fn() -> String,
    believed: &BTreeMap<String, Shown>,
    truth: &BTreeMap<String, Shown>,
    found: &mut Vec<String>,
) {
    if believed != truth {
        found.push(format!("{}: believed {believed:?}, true {truth:?}", who()));
    }
}
