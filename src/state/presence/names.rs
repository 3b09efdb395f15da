//! How a pair of users is kept: perhaps a million times, so that what many have in common is
//! there once.

use std::sync::Arc;

use crate::codec::sip::{KeptUri, Uri};
use crate::codec::xmpp::Jid;
use crate::flow::{LinkId, Pair, PairId};

/// The two users of a pair.
#[derive(Debug)]
pub struct Names {
    /// Its name in the tables.
    pub id: PairId,
    /// The stream that the SIP user's stanzas go by.
    pub link: LinkId,
    /// The SIP user: a bare JID.
    pub contact: Jid,
    contact_uri: KeptUri,
    her: Arc<Her>,
}

/// The XMPP user, shared by all her pairs.
#[derive(Debug, PartialEq, Eq)]
pub struct Her {
    user: Jid,
    uri: KeptUri,
}

impl Names {
    /// The names of a pair.
    #[must_use]
    pub fn new(pair: &Pair) -> Self {
        Names {
            id: pair.id,
            link: pair.link,
            contact: pair.contact.clone(),
            contact_uri: pair.contact_uri.kept(),
            her: Arc::new(Her { user: pair.user.clone(), uri: pair.user_uri.kept() }),
        }
    }

    /// The pair.
    #[must_use]
    pub fn pair(&self) -> Pair {
        Pair {
            id: self.id,
            link: self.link,
            contact: self.contact.clone(),
            user: self.her.user.clone(),
            contact_uri: self.contact_uri(),
            user_uri: self.her.uri.uri(),
        }
    }

    /// The XMPP user: a bare JID.
    #[must_use]
    pub fn user(&self) -> &Jid {
        &self.her.user
    }

    /// The SIP user's address of record.
    #[must_use]
    pub fn contact_uri(&self) -> Uri {
        self.contact_uri.uri()
    }

    /// Takes what is known of her from another of her pairs, or leaves it for the next.
    pub fn share(&mut self, known: &mut Option<Arc<Her>>) {
        let her = known.get_or_insert_with(|| Arc::clone(&self.her));
        if **her == *self.her {
            self.her = Arc::clone(her);
        }
    }
}
